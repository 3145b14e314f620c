/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/goal/handover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/log.h"
#include "init/core/mount.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"
#include "init/goal/goal.h"

enum {
	EMPTY_DEPTH_MAX = 64,
	ARGS_MAX = 64,   /* of the root's init; the kernel passes on 32 at most */
	STATE_ARGS = 4, /* that systemd gets in front of them */
};

static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};

/* Inside the root, links resolved as its init will see them. */
static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* Does it lead to systemd? Distributions have links, in /sbin or from a store. */
static bool is_systemd(const char *path)
{
	char target[PATH_MAX];

	return realpath(path, target) && str_ends(target, "/systemd");
}

static void take_init(struct job_result *result, const char *path)
{
	snprintf(result->text, sizeof(result->text), "%s", path);
	result->is_systemd = is_systemd(path);
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

/* The root is a tmpfs, and has nothing but /usr: the folders and links that programs expect. */
static void make_base(void)
{
	static const struct {
		const char *path;
		unsigned mode;
	} folders[] = {{"/etc", 0755}, {"/home", 0755}, {"/root", 0700},
		       {"/tmp", 01777}, {"/var", 0755}};
	static const char *const links[] = {"bin", "sbin", "lib", "lib64", "lib32", "libx32"};
	char target[32], path[16];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (sys_mkdir(folders[i].path, folders[i].mode) == 0)
			chmod(folders[i].path, folders[i].mode); /* whatever the umask */
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(target, sizeof(target), "usr/%s", links[i]);
		snprintf(path, sizeof(path), "/%s", links[i]);
		if (access(target, F_OK) == 0)
			sys_symlink(target, path);
	}
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
	if (b->params.root.kind == SPEC_TMPFS)
		make_base();
	r = check_folders(result);
	if (r < 0)
		return r;
	if (b->params.init && is_program(b->params.init)) {
		take_init(result, b->params.init);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(usual) && !b->params.init; i++)
		if (is_program(usual[i])) {
			take_init(result, usual[i]);
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

void handover_empty(int fd, dev_t device)
{
	empty(fd, device, 0);
}

/* systemd's way to take over from another systemd, which hands it a file with its state. Of that
 * it reads here only since when there was a PID 1: a pair of microseconds, since 1970 and since
 * the kernel's start. The descriptor, or -errno. */
static int write_state(void)
{
	int64_t start = timeline_start();
	_cleanup_fd_ int fd = (int)syscall(SYS_memfd_create, "preroot", 0);
	struct timespec t;
	char line[96];
	int r;

	if (fd < 0)
		return -errno;
	clock_gettime(CLOCK_REALTIME, &t);
	snprintf(line, sizeof(line), "initrd-timestamp=%lld %lld\n",
		 (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000 - (timeline_now() - start),
		 (long long)start);
	r = write_full(fd, line, strlen(line));
	if (r < 0)
		return r;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : TAKE_FD(fd);
}

/* The arguments of the root's init: the kernel's, and for systemd in front of them where its state
 * is. Without memory for that it starts as any init does: only a time is not shown then. */
static void make_args(const struct boot *b, char **argv, char *out[ARGS_MAX + 1], char number[16])
{
	int fd = b->goal->is_systemd ? write_state() : -1, n = 0;
	const char *state[STATE_ARGS] = {"--switched-root", "--system", "--deserialize", number};

	out[n++] = (char *)b->goal->init;
	snprintf(number, 16, "%d", fd);
	for (int i = 0; fd >= 0 && i < STATE_ARGS; i++)
		out[n++] = (char *)state[i];
	for (int i = 1; argv[0] && argv[i] && n < ARGS_MAX; i++)
		out[n++] = argv[i];
	out[n] = NULL;
}

int handover_switch(const struct boot *b, char **argv, char **envp)
{
	char *args[ARGS_MAX + 1], number[16];
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
	make_args(b, argv, args, number);
	r = sys_exec(b->goal->init, args, envp);
	log_tell("starting %s: %s", b->goal->init, strerror(-r));
	return r;
}
