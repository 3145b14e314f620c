/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/atomic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "deploy/place/folder.h"

#define TEMP_MARK ".preroot-"

enum { TEMP_TRIES = 16, TEMP_RANDOM = 8 };

/* The file that the signal handler removes. */
static volatile int pending_dir = -1;
static char pending_temp[NAME_MAX + 1];

void atomic_abort_signal(void)
{
	if (pending_dir >= 0)
		unlinkat(pending_dir, pending_temp, 0);
}

static void set_pending(int dir, const char *temp)
{
	pending_dir = -1;
	snprintf(pending_temp, sizeof(pending_temp), "%s", temp);
	pending_dir = dir;
}

/* Is FOUND a temporary name that make_temp() made for NAME, or for any file if NAME is NULL? */
static bool is_temp(const char *found, const char *name)
{
	const size_t tail = strlen(TEMP_MARK) + TEMP_RANDOM;
	size_t len = strlen(found);

	if (len <= tail || (name && (len != strlen(name) + tail || !str_starts(found, name))))
		return false;
	found += len - tail;
	return str_starts(found, TEMP_MARK) && found[strlen(TEMP_MARK)] < '8' &&
	       strspn(found + strlen(TEMP_MARK), "0123456789abcdef") == TEMP_RANDOM;
}

/* Removes the temporary files that nobody has locked: a live run holds a lock on its own. */
static void remove_leftovers(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		close_fd(fd);
		return;
	}
	while ((de = readdir(d))) {
		_cleanup_fd_ int temp = -1;

		if (!is_temp(de->d_name, name))
			continue;
		temp = openat(dir, de->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (temp >= 0 && flock(temp, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dir, de->d_name, 0);
	}
	closedir(d);
}

/* Signals are blocked, so that none comes before the handler knows the file. */
static int create(struct atomic *r)
{
	sigset_t all, before;
	int e = 0;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	r->fd = openat(r->dir, r->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (r->fd < 0)
		e = -errno;
	else
		set_pending(r->dir, r->temp);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return e;
}

void atomic_temp_name(const char *name, unsigned number, char out[NAME_MAX + 1])
{
	snprintf(out, NAME_MAX + 1, "%.*s" TEMP_MARK "%08x",
		 (int)(NAME_MAX + 1 - sizeof(TEMP_MARK) - TEMP_RANDOM), name, number);
}

static int make_temp(struct atomic *r, const char *path, struct err *err)
{
	struct stat st;
	int e = -EEXIST;

	for (int i = 0; i < TEMP_TRIES; i++) {
		unsigned random = 0;

		if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
			random = (unsigned)getpid() * TEMP_TRIES + (unsigned)i;
		atomic_temp_name(r->name, random % REPLACE_RESERVED, r->temp);
		e = create(r);
		if (e < 0 && e != -EEXIST)
			break;
		if (e < 0)
			continue;
		/* Until it is locked, another run may take it for a leftover and remove it. On a
		 * filesystem without locks no run removes leftovers. */
		if (flock(r->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
			if (fstat(r->fd, &st) < 0 || st.st_nlink)
				return 0;
		}
		r->fd = close_fd(r->fd);
	}
	r->temp[0] = '\0';
	err_sys(err, e < 0 ? e : -EAGAIN, "cannot make a temporary file beside %s", path);
	return err_hint(err, "the image is written beside its final name: that folder must be "
			     "writable and have space");
}

/* R->dir is open; PATH is for messages. */
static int begin(struct atomic *r, const char *path, const char *name, struct err *err)
{
	struct stat st;

	snprintf(r->name, sizeof(r->name), "%s", name);
	if (fstatat(r->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode)) {
		err_set(err, -EEXIST, "%s is there and is no regular file", path);
		return err_hint(err, S_ISLNK(st.st_mode)
					     ? "it is a link: make what it leads to, or remove it"
					     : "give the path of a file");
	}
	remove_leftovers(r->dir, r->name);
	return make_temp(r, path, err);
}

void atomic_clean(const struct root *root, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, slash ? (size_t)(slash - path) : 0);
	_cleanup_fd_ int fd = dir ? root_openat(root, *dir ? dir : ".", O_RDONLY | O_DIRECTORY) : -1;

	if (fd >= 0)
		remove_leftovers(fd, slash ? slash + 1 : path);
}

void atomic_clean_folder(const struct root *root, const char *folder)
{
	_cleanup_fd_ int fd = root_openat(root, folder, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		remove_leftovers(fd, NULL);
}

static int check_name(const char *path, const char *name, struct err *err)
{
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(err, -EISDIR, "\"%s\" is a folder, not a file name", path);
	if (strlen(name) + strlen(TEMP_MARK) + TEMP_RANDOM > NAME_MAX)
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", path);
	return 0;
}

int atomic_begin_below(const struct root *root, const char *path, struct atomic *out,
			struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	_cleanup_free_ char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	struct atomic r = {.fd = -1, .dir = -1};
	int e = check_name(path, name, err);

	if (e < 0)
		return e;
	if (!dir)
		return err_set(err, -ENOMEM, "no memory left");
	r.dir = root ? root_openat(root, dir, O_RDONLY | O_DIRECTORY)
		     : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r.dir < 0) {
		err_sys(err, root ? r.dir : -errno, "folder of %s", path);
		return err_hint(err, "make the folder first, or give another path");
	}
	e = begin(&r, path, name, err);
	if (e < 0)
		close_fd(r.dir);
	else
		*out = r;
	return e;
}

int atomic_begin(const char *path, struct atomic *out, struct err *err)
{
	return atomic_begin_below(NULL, path, out, err);
}

int atomic_check_secret(const struct atomic *r, const char *secret, struct err *err)
{
	struct stat file, folder;

	if (!secret)
		return 0;
	if (fstat(r->fd, &file) < 0 || fstat(r->dir, &folder) < 0)
		return err_sys(err, -errno, "%s", r->temp);
	/* It was created with 0600. In a folder that only its owner can enter, other modes do no
	 * harm. */
	if (!(file.st_mode & 077) || !(folder.st_mode & 011))
		return 0;
	err_set(err, -EACCES,
		"/%s goes into the image, and not everybody may read it, but on the filesystem of "
		"%s others can read every file (mode %04o)",
		secret, r->name, (unsigned)file.st_mode & 07777);
	return err_hint(err, "give that filesystem the option umask=0077 in /etc/fstab, then umount "
			     "and mount it; nothing was changed");
}

int atomic_sync(struct atomic *r, struct err *err)
{
	return fsync(r->fd) < 0 ? err_sys(err, -errno, "writing %s to the disk", r->temp) : 0;
}

void atomic_forget(struct atomic *r)
{
	set_pending(-1, "");
	r->temp[0] = '\0';
}

static int rename_temp(struct atomic *r, struct err *err)
{
	int e;

	if (renameat(r->dir, r->temp, r->dir, r->name) < 0)
		return err_sys(err, -errno, "renaming %s to %s", r->temp, r->name);
	atomic_forget(r);
	/* FAT writes a file's directory entry when the file is synced. */
	e = folder_sync(r->dir, r->fd);
	return e < 0 ? err_sys(err, e, "%s is in place, but writing its folder to the disk failed",
			       r->name)
		     : 0;
}

int atomic_commit(struct atomic *r, struct err *err)
{
	/* FAT frees the replaced file's clusters once nobody has it open. Until the rename is on
	 * the disk, they must not be reused. */
	int held = openat(r->dir, r->name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	int e = rename_temp(r, err);

	close_fd(held);
	return e;
}

void atomic_end(struct atomic *r)
{
	if (r->temp[0])
		unlinkat(r->dir, r->temp, 0);
	set_pending(-1, "");
	r->temp[0] = '\0';
	r->fd = close_fd(r->fd);
	r->dir = close_fd(r->dir);
}
