/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for PID 1 where a boot test looks at the unpacked image itself: which files share an
 * inode, and what they hold. The kernel's rdinit= starts it.
 *
 * For each path that is given as a word links=PATH on the kernel command line it reports, on the
 * second serial port, file=PATH INODE NAMES SIZE SUM, the sum being that of all bytes; and at last
 * verdict=ok. Then it switches the machine off.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define WORD "links="

static void report(FILE *out, const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long sum = 0;
	struct stat st;
	int c;

	if (!file || fstat(fileno(file), &st) < 0) {
		fprintf(out, "missing=%s\n", path);
		return;
	}
	while ((c = fgetc(file)) != EOF)
		sum = sum * 31 % 1000003 + (unsigned)c;
	fprintf(out, "file=%s %llu %llu %llu %llu\n", path, (unsigned long long)st.st_ino,
		(unsigned long long)st.st_nlink, (unsigned long long)st.st_size, sum);
	fclose(file);
}

int main(void)
{
	static char line[8192];
	FILE *out, *words;

	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	out = fopen("/dev/ttyS1", "we");
	words = fopen("/proc/cmdline", "re");
	if (out && words && fgets(line, sizeof(line), words)) {
		for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
			if (strncmp(word, WORD, strlen(WORD)) == 0)
				report(out, word + strlen(WORD));
		fputs("verdict=ok\n", out);
		fflush(out);
		tcdrain(fileno(out));
	}
	reboot(RB_POWER_OFF);
	return 1;
}
