/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A root's init that hibernates: takes the swap area sleeper.swap=PATH into use, writes the image
 * and lets the machine go down. It tells on the second serial port what became of it:
 *
 *   sleeping=yes    about to write the image
 *   resumed=yes     it goes on behind the sleep
 *   fresh=yes       sleeper.fresh is on the kernel command line: it was started anew
 *
 * sleeper.offset=N and sleeper.device=MAJ:MIN are for a swap file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <termios.h>
#include <unistd.h>

static FILE *out;
static char cmdline[4096];

/* Returns 0 or -errno. */
static int try_to_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

static int write_text(const char *path, const char *text)
{
	int error = try_to_write(path, text);

	if (error)
		fprintf(out, "error=%s: %s\n", path, strerror(-error));
	return error;
}

/* The kernel refuses with EBUSY when one of its threads does not freeze within 20 s, which a busy
 * emulator can cause. */
static int sleep_now(void)
{
	int tries = 3, error;

	do
		error = try_to_write("/sys/power/state", "disk");
	while (error == -EBUSY && --tries);
	if (error)
		fprintf(out, "error=/sys/power/state: %s\n", strerror(-error));
	return error;
}

/* The value of WORD= on the kernel command line. */
static const char *value(const char *word, char *buffer, size_t size)
{
	const char *at = strstr(cmdline, word);

	if (!at)
		return NULL;
	at += strlen(word);
	snprintf(buffer, size, "%.*s", (int)strcspn(at, " \n"), at);
	return buffer;
}

static void hibernate(void)
{
	char swap[256] = "", device[64], offset[64];

	if (!value("sleeper.swap=", swap, sizeof(swap)) || swapon(swap, 0) < 0) {
		fprintf(out, "error=swapon %s: %s\n", swap, strerror(errno));
		return;
	}
	if (value("sleeper.device=", device, sizeof(device)) &&
	    value("sleeper.offset=", offset, sizeof(offset)))
		if (write_text("/sys/power/resume_offset", offset) < 0 ||
		    write_text("/sys/power/resume", device) < 0)
			return;
	fprintf(out, "sleeping=yes\n");
	fflush(out);
	tcdrain(fileno(out));
	if (write_text("/sys/power/disk", "shutdown") == 0 && sleep_now() == 0)
		fprintf(out, "resumed=yes\n");
}

int main(void)
{
	int fd = open("/proc/cmdline", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, cmdline, sizeof(cmdline) - 1);

	cmdline[n > 0 ? n : 0] = '\0';
	out = fopen("/dev/ttyS1", "w");
	if (!out)
		reboot(RB_POWER_OFF);
	if (strstr(cmdline, "sleeper.fresh"))
		fprintf(out, "fresh=yes\n");
	else
		hibernate();
	fflush(out);
	tcdrain(fileno(out));
	reboot(RB_POWER_OFF);
	return EXIT_FAILURE;
}
