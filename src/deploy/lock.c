/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
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

static int wait_for(int fd, unsigned seconds, void (*waiting)(const char *text, void *arg),
		    void *arg, struct err *err)
{
	const struct timespec pause = {.tv_nsec = 1000000000 / TRIES_A_SECOND};
	char holder[256], sentence[384];

	for (unsigned i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return err_sys(err, -errno, "/" LOCK_PATH);
		if (i >= seconds * TRIES_A_SECOND) {
			name_holder(fd, holder, sizeof(holder));
			err_set(err, -ETIMEDOUT, "%s is changing this machine's images", holder);
			return err_hint(err, "start again when it is done; --lock-timeout says "
					     "how long to wait for it");
		}
		if (i == TRIES_A_SECOND) {
			name_holder(fd, holder, sizeof(holder));
			snprintf(sentence, sizeof(sentence),
				 "waiting for %s, for at most %u s", holder, seconds);
			waiting(sentence, arg);
		}
		nanosleep(&pause, NULL);
	}
	return 0;
}

int lock_take(const struct root *root, unsigned seconds,
	      void (*waiting)(const char *text, void *arg), void *arg, struct err *err)
{
	_cleanup_fd_ int dir = folder_make(root, STATE_DIR, 0700, err), fd = -1;
	int r;

	if (dir < 0)
		return dir;
	fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return err_sys(err, -errno, "%s/" LOCK_PATH, root_prefix(root));
	r = wait_for(fd, seconds, waiting, arg, err);
	return r < 0 ? r : TAKE_FD(fd);
}
