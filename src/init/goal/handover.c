/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/goal/handover.h"

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
#include "init/core/empty.h"
#include "init/core/log.h"
#include "init/core/mount.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"
#include "init/goal/goal.h"
#include "init/goal/runnable.h"

enum {
	ARGS_MAX = 64,	/* of the root's init; the kernel passes at most 32 */
	STATE_ARGS = 4, /* for systemd, in front of them */
	REASON_MAX = 400,
};

static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};

/* What the kernel starts without init=, in its order (init/main.c). */
static const char *const usual[] = {"/sbin/init", "/etc/init", "/bin/init", "/bin/sh"};

/* Is it systemd? Distributions have links to it, in /sbin or in a store. */
static bool is_systemd(const char *path)
{
	char target[PATH_MAX];

	return realpath(path, target) && str_ends(target, "/systemd");
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

/* Creates the folders and links that programs expect in a root that is a tmpfs with only /usr. */
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

static void set_init(struct job_result *result, const char *path)
{
	snprintf(result->text, sizeof(result->text), "%s", path);
	result->is_systemd = is_systemd(path);
}

/* As in the kernel, there is no fallback for init=: whoever set it may have a reason not to start
 * anything else. */
static int check_named(const char *init, struct job_result *result)
{
	char why[REASON_MAX];
	int r = runnable_check(init, why, sizeof(why));

	if (r == 0)
		set_init(result, init);
	else
		snprintf(result->text, sizeof(result->text),
			 "init= cannot be started, and nothing else is tried in its place: %s", why);
	return r;
}

int handover_choose(const char *const *paths, size_t n, struct job_result *result)
{
	char why[REASON_MAX], refused[REASON_MAX] = "";

	for (size_t i = 0; i < n; i++) {
		int r = runnable_check(paths[i], why, sizeof(why));

		if (r == 0 && *refused)
			snprintf(result->note, sizeof(result->note),
				 "%s; %s is started in its place", refused, paths[i]);
		if (r == 0) {
			set_init(result, paths[i]);
			return 0;
		}
		if (r != -ENOENT && !*refused)
			memcpy(refused, why, sizeof(refused));
	}
	if (*refused)
		snprintf(result->text, sizeof(result->text),
			 "the root filesystem has no init that can be started: %s", refused);
	else
		snprintf(result->text, sizeof(result->text),
			 "the root filesystem has no program /sbin/init, /etc/init, /bin/init or "
			 "/bin/sh: is it the right one?");
	return -ENOENT;
}

int handover_check(const struct boot *b, struct job_result *result)
{
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
	return b->params.init ? check_named(b->params.init, result) : handover_choose(usual, ARRAY_SIZE(usual), result);
}

/* ---- handing over ---- */

/* Moves the first N mounts back out of the new root. */
static void move_back(size_t n)
{
	char source[64];

	while (n--) {
		snprintf(source, sizeof(source), SYSROOT "%s", moved[n]);
		sys_mount(source, moved[n], NULL, MS_MOVE, NULL);
	}
}

static int move_mounts(struct handover *h)
{
	char target[64];

	for (size_t i = 0; i < ARRAY_SIZE(moved); i++) {
		int r;

		snprintf(target, sizeof(target), SYSROOT "%s", moved[i]);
		r = sys_mount(moved[i], target, NULL, MS_MOVE, NULL);
		/* Nothing is mounted there, which mount_basics() has logged. */
		if (r == -EINVAL || r >= 0)
			continue;
		snprintf(h->why, sizeof(h->why), "%s cannot be moved to %s: %s", moved[i], target,
			 strerror(-r));
		move_back(i);
		return r;
	}
	return 0;
}

/* Since Linux 7.2 pivot_root() works in an initramfs; before, the root is moved over it. *LEFT is
 * set once there is no way back. */
static int change_root(bool *left)
{
	int r = sys_pivot_root(".", ".");

	if (r == 0) {
		*left = true;
		r = sys_umount(".", MNT_DETACH);
		if (r < 0) /* it only costs memory */
			log_show("the initramfs cannot be unmounted: %s", strerror(-r));
		return 0;
	}
	r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
	if (r < 0)
		return r;
	*left = true;
	return sys_chroot(".");
}

/* Writes the state file by which one systemd takes over from another. It holds only the time when
 * PID 1 started, in microseconds since 1970 and since the kernel's start. Returns the descriptor,
 * or -errno. */
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

/* The arguments of an init: the kernel's, and for systemd its state file in front of them. If that
 * could not be written, systemd starts like any init, and only lacks the times of the initrd. */
static void make_args(const char *init, int state, char **argv, char *out[ARGS_MAX + 1],
		      char number[16])
{
	const char *words[STATE_ARGS] = {"--switched-root", "--system", "--deserialize", number};
	int n = 0;

	out[n++] = (char *)init;
	snprintf(number, 16, "%d", state);
	for (int i = 0; state >= 0 && i < STATE_ARGS; i++)
		out[n++] = (char *)words[i];
	for (int i = 1; argv[0] && argv[i] && n < ARGS_MAX; i++)
		out[n++] = argv[i];
	out[n] = NULL;
}

/* Executes INIT. Returns only if that fails. */
static int start(const char *init, bool systemd, const struct handover *h)
{
	_cleanup_fd_ int state = systemd ? write_state() : -1;
	char *args[ARGS_MAX + 1], number[16];
	int r;

	make_args(init, state, h->argv, args, number);
	r = sys_exec(init, args, h->envp);
	if (r != -ENOENT)
		log_show("%s cannot be started: %s", init, strerror(-r));
	return r;
}

/* Tries the init that was checked, then those that the kernel would try. There is no way back. */
static int start_any(const struct boot *b, const struct handover *h)
{
	int first = start(b->goal->init, b->goal->is_systemd, h);

	for (size_t i = 0; i < ARRAY_SIZE(usual) && !b->params.init; i++)
		if (strcmp(usual[i], b->goal->init) != 0)
			start(usual[i], is_systemd(usual[i]), h);
	return first;
}

/* Makes /sysroot, the working directory, the root directory. */
static int leave(struct boot *b, struct handover *h)
{
	int r = move_mounts(h);

	if (r < 0)
		return r;
	r = change_root(&b->goal->left);
	if (r < 0)
		snprintf(h->why, sizeof(h->why),
			 "the root directory cannot be changed to " SYSROOT ": %s", strerror(-r));
	if (!b->goal->left)
		move_back(ARRAY_SIZE(moved));
	else if (h->left)
		h->left(b);
	return r;
}

void handover_leave(struct boot *b, struct handover *h)
{
	_cleanup_fd_ int fd = TAKE_FD(h->initramfs);
	int r = sys_chdir(SYSROOT);

	if (r < 0) {
		snprintf(h->why, sizeof(h->why), SYSROOT ": %s", strerror(-r));
		return;
	}
	r = leave(b, h);
	sys_chdir("/");
	if (r < 0)
		return;
	if (fd >= 0)
		empty_folder(TAKE_FD(fd), h->device);
	r = start_any(b, h);
	snprintf(h->why, sizeof(h->why), "%.400s cannot be started: %s", b->goal->init,
		 strerror(-r));
}

void handover_switch(struct boot *b, struct handover *h)
{
	struct stat old, new;

	/* Everything is checked before the first step that cannot be undone. */
	if (stat("/", &old) < 0 || stat(SYSROOT, &new) < 0 || old.st_dev == new.st_dev) {
		snprintf(h->why, sizeof(h->why), SYSROOT " is not mounted");
		return;
	}
	h->initramfs = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	h->device = old.st_dev;
	log_close();
	handover_leave(b, h);
	log_open();
}
