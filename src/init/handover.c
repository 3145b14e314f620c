/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/handover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "init/log.h"
#include "init/mount.h"
#include "init/sys.h"

enum { EMPTY_DEPTH_MAX = 64 };

static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};

/* Inside the root, links resolved as its init will see them. */
static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static int check_folders(struct job_result *result)
{
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		int r = 0;

		if (lstat(moved[i], &st) == 0 && S_ISDIR(st.st_mode))
			continue;
		r = sys_mkdir(moved[i], 0755);
		if (r < 0) {
			snprintf(result->text, sizeof(result->text),
				 "the root filesystem has no folder %s, and it cannot be made (%s)",
				 moved[i], strerror(-r));
			return r;
		}
	}
	return 0;
}

int handover_check(const struct boot *b, struct job_result *result)
{
	static const char *const usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};
	int r = sys_chroot(SYSROOT);

	if (r == 0)
		r = sys_chdir("/");
	if (r < 0) {
		snprintf(result->text, sizeof(result->text), SYSROOT ": %s", strerror(-r));
		return r;
	}
	r = check_folders(result);
	if (r < 0)
		return r;
	if (b->params.init && is_program(b->params.init)) {
		snprintf(result->text, sizeof(result->text), "%s", b->params.init);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual) && !b->params.init; i++)
		if (is_program(usual[i])) {
			snprintf(result->text, sizeof(result->text), "%s", usual[i]);
			return 0;
		}
	snprintf(result->text, sizeof(result->text),
		 "the root filesystem has no program %s%s", b->params.init ? b->params.init : "",
		 b->params.init ? " (init=)"
				: "/sbin/init, /etc/init, /bin/init or /bin/sh: is it the right one?");
	return -ENOENT;
}

/* ---- handing over ---- */

/* The initramfs lives in memory: what stays in it is lost to the machine. Never crosses into
 * another filesystem. */
static void empty(int fd, dev_t device, int depth)
{
	DIR *dir = depth < EMPTY_DEPTH_MAX ? fdopendir(fd) : NULL;
	struct dirent *de;
	struct stat st;

	if (!dir) {
		close(fd);
		return;
	}
	while ((de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_dev != device)
			continue;
		if (S_ISDIR(st.st_mode)) {
			int sub = openat(dirfd(dir), de->d_name,
					 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (sub >= 0)
				empty(sub, device, depth + 1);
			sys_unlink(dirfd(dir), de->d_name, AT_REMOVEDIR);
		} else {
			sys_unlink(dirfd(dir), de->d_name, 0);
		}
	}
	closedir(dir);
}

static int move_mounts(void)
{
	char target[64];

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		int r;

		snprintf(target, sizeof(target), SYSROOT "%s", moved[i]);
		r = sys_mount(moved[i], target, NULL, MS_MOVE, NULL);
		if (r < 0) {
			log_tell("moving %s to %s: %s", moved[i], target, strerror(-r));
			return r;
		}
	}
	return 0;
}

/* Linux 7.2 can leave the initramfs by pivot_root; before that the root is moved over it. */
static int change_root(void)
{
	int r = sys_pivot_root(".", ".");

	if (r == 0)
		return sys_umount(".", MNT_DETACH);
	r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
	return r < 0 ? r : sys_chroot(".");
}

int handover_switch(const char *init, char **argv, char **envp)
{
	struct stat old, new;
	int r, fd;

	/* Everything is checked before the first step that cannot be undone. */
	if (stat("/", &old) < 0 || stat(SYSROOT, &new) < 0 || old.st_dev == new.st_dev) {
		log_tell(SYSROOT " is not mounted");
		return -EINVAL;
	}
	r = sys_chdir(SYSROOT);
	if (r < 0)
		return r;
	log_close();
	r = move_mounts();
	if (r < 0)
		return r;
	fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		empty(fd, old.st_dev, 0);
	r = change_root();
	if (r == 0)
		r = sys_chdir("/");
	if (r < 0) {
		log_tell("changing to the root filesystem: %s", strerror(-r));
		return r;
	}
	argv[0] = (char *)init;
	r = sys_exec(init, argv, envp);
	log_tell("starting %s: %s", init, strerror(-r));
	return r;
}
