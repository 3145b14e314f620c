/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { CHUNK = 256 * 1024, NAME_LONGEST = NAME_MAX - 32 };

/* ---- signals ---- */

static sigset_t before;

static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
}

static void let_signals_go(void)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- names ---- */

static void name_generation(const struct keep *k, unsigned generation, char out[NAME_MAX + 1])
{
	if (generation > 1)
		snprintf(out, NAME_MAX + 1, "%.*s.previous-%u", (int)NAME_LONGEST, k->name, generation);
	else
		snprintf(out, NAME_MAX + 1, "%.*s.previous", (int)NAME_LONGEST, k->name);
}

/* A temporary name like TEMP, which ends with a hexadecimal digit: with one of two others. */
static void name_beside(const char *temp, const char digits[2], char out[NAME_MAX + 1])
{
	char *last = out + strlen(temp) - 1;

	snprintf(out, NAME_MAX + 1, "%s", temp);
	*last = *last == digits[0] ? digits[1] : digits[0];
}

static bool exists(const struct keep *k, const char *name)
{
	struct stat st;

	return fstatat(k->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int rename_to(const struct keep *k, const char *from, const char *to, struct err *err)
{
	return renameat(k->dir, from, k->dir, to) < 0
		       ? err_sys(err, -errno, "renaming %s to %s", from, to)
		       : 0;
}

static int sync_names(const struct keep *k, struct err *err)
{
	return fsync(k->dir) < 0
		       ? err_sys(err, -errno, "writing the folder of %s to the disk", k->name)
		       : 0;
}

/* ---- contents ---- */

static bool is_same(const struct keep *k, const char *a, const char *b)
{
	_cleanup_fd_ int x = openat(k->dir, a, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_fd_ int y = openat(k->dir, b, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *p = malloc(2 * CHUNK);
	struct stat s, t;
	ssize_t n;

	if (x < 0 || y < 0 || !p || fstat(x, &s) < 0 || fstat(y, &t) < 0 ||
	    s.st_size != t.st_size)
		return false;
	do {
		n = read_full(x, p, CHUNK);
		if (n < 0 || read_full(y, p + CHUNK, CHUNK) != n ||
		    memcmp(p, p + CHUNK, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

static int copy_data(int from, int to)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	ssize_t n;

	if (!chunk)
		return -ENOMEM;
	while ((n = read_full(from, chunk, CHUNK)) > 0) {
		int r = write_full(to, chunk, (size_t)n);

		if (r < 0)
			return r;
	}
	if (n < 0)
		return (int)n;
	return fsync(to) < 0 ? -errno : 0;
}

/* FROM under the further name TO; TEMP is a name to copy to. */
static int duplicate(const struct keep *k, const char *from, const char *to, const char *temp,
		     struct err *err)
{
	_cleanup_fd_ int in = -1, out = -1;
	int r;

	if (linkat(k->dir, from, k->dir, to, 0) == 0)
		return 0;
	in = openat(k->dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (in < 0)
		return err_sys(err, -errno, "%s", from);
	out = openat(k->dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = out < 0 ? -errno : copy_data(in, out);
	if (r == 0 && renameat(k->dir, temp, k->dir, to) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(k->dir, temp, 0);
		return err_sys(err, r, "copying %s to %s", from, to);
	}
	return 0;
}

/* ---- the steps ---- */

/* Makes room for another generation. */
static int move_up(struct keep *k, struct err *err)
{
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	unsigned n = 0;
	int r = 0;

	for (; n < k->limit; n++) {
		name_generation(k, n + 1, from);
		if (!exists(k, from))
			break;
	}
	if (n == k->limit) {
		name_generation(k, n, from);
		r = rename_to(k, from, k->aside, err);
		if (r < 0)
			k->aside[0] = '\0';
		n--;
	} else {
		k->aside[0] = '\0';
	}
	for (; n > 0 && r == 0; n--) {
		name_generation(k, n, from);
		name_generation(k, n + 1, to);
		r = rename_to(k, from, to, err);
		if (r == 0) {
			k->moved++;
			k->lowest = n;
		}
	}
	return r;
}

/* Back. Goes on after a failure, which it tells. */
static int move_down(struct keep *k, struct err *err)
{
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	int r = 0;

	for (unsigned i = 0; i < k->moved; i++) {
		name_generation(k, k->lowest + i + 1, from);
		name_generation(k, k->lowest + i, to);
		if (rename_to(k, from, to, err) < 0)
			r = -EIO;
	}
	if (k->aside[0] && k->kept) {
		name_generation(k, k->limit, to);
		if (rename_to(k, k->aside, to, err) < 0)
			r = -EIO;
	}
	return r;
}

/* The file TEMP takes the name of the current image, which goes to OLD, a name that is free. */
static int exchange(const struct keep *k, const char *temp, const char *old, struct err *err)
{
	char copy[NAME_MAX + 1];
	int r = rename_to(k, temp, old, err);

	if (r < 0)
		return r;
	if (renameat2(k->dir, k->name, k->dir, old, RENAME_EXCHANGE) == 0)
		return 0;
	/* Back to the name that is removed if all fails. */
	r = rename_to(k, old, temp, err);
	name_beside(temp, "23", copy);
	if (r == 0)
		r = duplicate(k, k->name, old, copy, err);
	if (r == 0 && (r = rename_to(k, temp, k->name, err)) < 0)
		unlinkat(k->dir, old, 0);
	return r;
}

static int commit(struct keep *k, const struct replace *file, bool keep_current, struct err *err)
{
	char first[NAME_MAX + 1];
	int r = 0;

	name_generation(k, 1, first);
	k->had_current = exists(k, k->name);
	k->kept = k->had_current && keep_current && k->limit && !is_same(k, k->name, first);
	if (!k->had_current) {
		k->aside[0] = '\0';
		r = rename_to(k, file->temp, k->name, err);
	} else if (!k->kept) {
		r = exchange(k, file->temp, k->aside, err);
	} else {
		r = move_up(k, err);
		if (r == 0)
			r = exchange(k, file->temp, first, err);
		if (r < 0)
			move_down(k, NULL);
	}
	return r;
}

int keep_commit(struct replace *file, unsigned limit, bool keep_current, struct keep *out,
		struct err *err)
{
	struct keep k = {.dir = fcntl(file->dir, F_DUPFD_CLOEXEC, 3), .limit = limit};
	int r;

	if (k.dir < 0)
		return err_sys(err, -errno, "the folder of %s", file->name);
	if (strlen(file->name) > NAME_LONGEST) {
		close_fd(k.dir);
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", file->name);
	}
	snprintf(k.name, sizeof(k.name), "%s", file->name);
	/* Of the form that the next run removes, should this one be killed. */
	name_beside(file->temp, "01", k.aside);
	hold_signals();
	r = commit(&k, file, keep_current, err);
	if (r < 0) {
		fsync(k.dir);
		close_fd(k.dir);
		let_signals_go();
		return r;
	}
	replace_forget(file);
	*out = k;
	r = sync_names(&k, err);
	if (r < 0)
		keep_undo(out, NULL);
	return r;
}

int keep_undo(struct keep *k, struct err *err)
{
	char first[NAME_MAX + 1];
	int r;

	name_generation(k, 1, first);
	if (!k->had_current)
		r = unlinkat(k->dir, k->name, 0) < 0 ? err_sys(err, -errno, "removing %s", k->name)
						     : 0;
	else
		r = rename_to(k, k->kept ? first : k->aside, k->name, err);
	if (r == 0)
		r = move_down(k, err);
	if (r == 0)
		r = sync_names(k, err);
	k->dir = close_fd(k->dir);
	let_signals_go();
	return r;
}

void keep_finish(struct keep *k)
{
	if (k->aside[0])
		unlinkat(k->dir, k->aside, 0);
	k->dir = close_fd(k->dir);
	let_signals_go();
}
