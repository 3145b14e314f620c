/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: the least that an init in an initramfs can do for one known guest. It loads a fixed
 * list of modules in a fixed order, waits for one device, mounts it and hands over. It finds
 * nothing out, decides nothing and cannot help itself. What its boot takes is the kernel's time;
 * what an image takes beyond it is that image's own doing.
 *
 * It expects in its image: the folders /proc /sys /dev /run /root, and /modules.list with the
 * path of an uncompressed module on each line, dependencies first.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MODULE_LIST "/modules.list"
#define ROOT_DEVICE "/dev/vda1"
#define ROOT_TYPE   "ext4"
#define NEW_ROOT    "/root"

enum { MAX_PATH = 256, WAIT_MS = 10000 };

static const struct {
	const char *type;
	const char *point;
	unsigned long flags;
	const char *options;
} mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
	{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
	{"devtmpfs", "/dev", MS_NOSUID, "mode=0755"},
	{"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
};
enum { N_MOUNTS = sizeof(mounts) / sizeof(mounts[0]) };

/* A reboot ends the emulator, and so the benchmark hears of it. */
static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	dprintf(STDERR_FILENO, "floor: %s: %s\n", what, strerror(errno));
	reboot(RB_AUTOBOOT);
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	must(fd, path);
	must(syscall(SYS_finit_module, fd, "", 0), path);
	close(fd);
	/* The memory of the initramfs is given back as we go: nothing is left to be emptied. */
	unlink(path);
}

static void load_modules(void)
{
	FILE *list = fopen(MODULE_LIST, "re");
	char path[MAX_PATH];

	must(list ? 0 : -1, MODULE_LIST);
	while (fgets(path, sizeof(path), list)) {
		path[strcspn(path, "\n")] = '\0';
		load_module(path);
	}
	fclose(list);
}

static void wait_for_root(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	for (int waited = 0; access(ROOT_DEVICE, F_OK) < 0 && waited < WAIT_MS; waited++)
		nanosleep(&ms, NULL);
}

static void switch_root(void)
{
	char target[MAX_PATH];

	for (int i = 0; i < N_MOUNTS; i++) {
		snprintf(target, sizeof(target), NEW_ROOT "%s", mounts[i].point);
		must(mount(mounts[i].point, target, NULL, MS_MOVE, NULL), target);
	}
	must(chdir(NEW_ROOT), NEW_ROOT);
	must(mount(".", "/", NULL, MS_MOVE, NULL), NEW_ROOT);
	must(chroot("."), NEW_ROOT);
	must(chdir("/"), "/");
}

int main(void)
{
	for (int i = 0; i < N_MOUNTS; i++)
		must(mount(mounts[i].type, mounts[i].point, mounts[i].type, mounts[i].flags,
			   mounts[i].options),
		     mounts[i].point);
	load_modules();
	wait_for_root();
	must(mount(ROOT_DEVICE, NEW_ROOT, ROOT_TYPE, MS_RDONLY, NULL), ROOT_DEVICE);
	switch_root();
	must(execl("/sbin/init", "/sbin/init", (char *)NULL), "/sbin/init");
}
