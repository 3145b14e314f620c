/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "deploy/place/folder.h"

enum {
	LOCKS_MAX = 1024 * 1024,
	COMMAND_MAX = 64 * 1024,
	COMMAND_SHOWN = 120,
	TRIES_A_SECOND = 10,
	OPEN_TRIES = 100,
};

/* The process that has locked FD's file, from /proc/locks (proc(5)); 0 if it is not visible. */
static int holder_of(int fd)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line, where[64];
	struct stat st;

	if (fstat(fd, &st) < 0 || read_file_at(AT_FDCWD, "/proc/locks", LOCKS_MAX, &text) < 0)
		return 0;
	snprintf(where, sizeof(where), "%02x:%02x:%llu", major(st.st_dev), minor(st.st_dev),
		 (unsigned long long)st.st_ino);
	buf_cstr(&text);
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n"))) {
		char kind[16], place[64];
		int pid;

		if (sscanf(line, "%*s %15s %*s %*s %d %63s", kind, &pid, place) == 3 &&
		    strcmp(kind, "FLOCK") == 0 && strcmp(place, where) == 0)
			return pid;
	}
	return 0;
}

/* "process 123 (preroot rebuild --all)" */
static void name_holder(int fd, char *out, size_t size)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int pid = holder_of(fd);
	char path[64];

	snprintf(out, size, "another process");
	if (pid <= 0)
		return;
	snprintf(out, size, "process %d", pid);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (read_file_at(AT_FDCWD, path, COMMAND_MAX, &text) < 0 || !text.len)
		return;
	for (size_t i = 0; i + 1 < text.len; i++)
		if (!text.data[i])
			text.data[i] = ' ';
	snprintf(out, size, "process %d (%.*s)", pid, COMMAND_SHOWN, buf_cstr(&text));
}

/* TRIES: so far, also for another file. */
static int wait_for(int fd, unsigned seconds, unsigned *tries,
		    void (*waiting)(const char *text, void *arg), void *arg, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 1000000000 / TRIES_A_SECOND};
	char holder[256], sentence[384];

	for (; flock(fd, LOCK_EX | LOCK_NB) < 0; ++*tries) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(err, -errno, "/" LOCK_PATH);
		if (*tries >= seconds * TRIES_A_SECOND) {
			name_holder(fd, holder, sizeof(holder));
			err_set(err, -ETIMEDOUT, "%s is changing this machine's images", holder);
			return err_hint(err, "start again when it is done; preroot's option "
					     "--lock-timeout says how long to wait for it");
		}
		if (*tries == TRIES_A_SECOND) {
			name_holder(fd, holder, sizeof(holder));
			snprintf(sentence, sizeof(sentence),
				 "waiting for %s, for at most %u s", holder, seconds);
			waiting(sentence, arg);
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* The file of the lock, and its folder. -ENOENT: whoever made the folder has just removed it. */
static int open_file(const struct root *root, unsigned *made, struct err *err)
{
	_cleanup_fd_ int dir = folder_make(root, STATE_DIR, 0700, made, err);
	int fd;

	if (dir < 0)
		return dir;
	fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? err_sys(err, -errno, "%s/" LOCK_PATH, root_prefix(root)) : fd;
}

/* Was the file removed while we waited for it? Then somebody else may hold another one. */
static bool is_gone(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

int lock_take(const struct root *root, unsigned seconds,
	      void (*waiting)(const char *text, void *arg), void *arg, struct lock *out,
	      struct err *err)
{
	unsigned tries = 0, made = 0;

	for (unsigned i = 0;; i++) {
		_cleanup_fd_ int fd = open_file(root, &made, err);
		int r = fd;

		if (fd >= 0)
			r = wait_for(fd, seconds, &tries, waiting, arg, err);
		if (i < OPEN_TRIES && (r == -ENOENT || (r == 0 && is_gone(fd)))) {
			*err = (struct err){0};
			continue;
		}
		if (r == 0)
			*out = (struct lock){root, TAKE_FD(fd), made};
		return r;
	}
}

/* Is it still this file that has the name? */
static bool is_named(int dir, int fd)
{
	struct stat own, there;

	return fstat(fd, &own) == 0 && fstatat(dir, "lock", &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

/* What was made for the lock alone means nothing without it. A folder that holds something stays. */
static void remove_made(const struct lock *l)
{
	char path[] = STATE_DIR;
	_cleanup_fd_ int dir = root_openat(l->root, STATE_DIR, O_RDONLY | O_DIRECTORY);
	unsigned part = 0;

	if (dir < 0 || !is_named(dir, l->fd) || !folder_holds_only(dir, "lock"))
		return;
	unlinkat(dir, "lock", 0);
	for (const char *p = path; *p; p++)
		part += *p == '/';
	for (;; part--) {
		char *slash = strrchr(path, '/');
		_cleanup_fd_ int above = -1;

		if (slash)
			*slash = '\0';
		above = root_openat(l->root, slash ? path : ".", O_RDONLY | O_DIRECTORY);
		if (above < 0 || !(l->made & 1U << part) ||
		    unlinkat(above, slash ? slash + 1 : path, AT_REMOVEDIR) < 0 || !slash)
			return;
	}
}

void lock_release(struct lock *l)
{
	if (!l->root)
		return;
	if (l->made)
		remove_made(l);
	close_fd(l->fd);
	*l = (struct lock){.fd = -1};
}
