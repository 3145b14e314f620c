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

/* 1, 0, or -errno: what cannot be looked at may be there. */
static int exists(const struct keep *k, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(k->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(err, -errno, "%s", name);
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

/* FROM under the further name TO, a temporary one. */
static int duplicate(const struct keep *k, const char *from, const char *to, struct err *err)
{
	_cleanup_fd_ int in = -1, out = -1;
	int r;

	if (linkat(k->dir, from, k->dir, to, 0) == 0)
		return 0;
	in = openat(k->dir, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (in < 0)
		return err_sys(err, -errno, "%s", from);
	out = openat(k->dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = out < 0 ? -errno : copy_data(in, out);
	if (r < 0) {
		unlinkat(k->dir, to, 0);
		return err_sys(err, r, "copying %s", from);
	}
	return 0;
}

/* ---- the steps ---- */

/* By a further name of each: first A is what B is, then B what A was. */
static int exchange_slowly(const struct keep *k, const char *a, const char *b, struct err *err)
{
	char was_a[NAME_MAX + 1], was_b[NAME_MAX + 1];
	int r;

	name_beside(k->temp, "01", was_a);
	name_beside(k->temp, "23", was_b);
	r = duplicate(k, a, was_a, err);
	if (r < 0)
		return r;
	r = duplicate(k, b, was_b, err);
	if (r == 0)
		r = rename_to(k, was_b, a, err);
	if (r == 0 && (r = rename_to(k, was_a, b, err)) < 0)
		rename_to(k, was_a, a, NULL);
	if (r < 0) {
		unlinkat(k->dir, was_b, 0);
		unlinkat(k->dir, was_a, 0);
	}
	return r;
}

/* A, the new image, and B, an old one, exchange their names. Neither name is ever without a
 * complete image, nor the old one without a name. After a failure all is as before. */
static int exchange(const struct keep *k, const char *a, const char *b, struct err *err)
{
	if (renameat2(k->dir, a, k->dir, b, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return err_sys(err, -errno, "exchanging %s and %s", a, b);
	return exchange_slowly(k, a, b, err);
}

/* The generation that the new image takes first: a free one, or the last. */
static int first_slot(struct keep *k, unsigned limit, struct err *err)
{
	char name[NAME_MAX + 1];
	int r = 1;

	for (k->start = 1; r > 0; k->start++) {
		name_generation(k, k->start, name);
		r = exists(k, name, err);
		if (r >= 0 && (r == 0 || k->start == limit))
			break;
	}
	k->was_free = r == 0;
	return r < 0 ? r : 0;
}

/* The new image goes down to the first generation, and those that it meets up by one. */
static int move_up(struct keep *k, unsigned limit, struct err *err)
{
	char name[NAME_MAX + 1], next[NAME_MAX + 1];
	int r = first_slot(k, limit, err);

	if (r < 0)
		return r;
	name_generation(k, k->start, name);
	r = k->was_free ? rename_to(k, k->temp, name, err) : exchange(k, k->temp, name, err);
	if (r == 0)
		k->at = k->start;
	while (r == 0 && k->at > 1) {
		name_generation(k, k->at, name);
		name_generation(k, k->at - 1, next);
		r = exchange(k, name, next, err);
		if (r == 0)
			k->at--;
	}
	return r;
}

/* Back, as far as it came. */
static int move_down(struct keep *k, struct err *err)
{
	char name[NAME_MAX + 1], next[NAME_MAX + 1];
	int r = 0;

	if (!k->at)
		return 0;
	for (; r == 0 && k->at < k->start; k->at++) {
		name_generation(k, k->at, name);
		name_generation(k, k->at + 1, next);
		r = exchange(k, name, next, err);
	}
	if (r < 0)
		return r;
	name_generation(k, k->start, name);
	return k->was_free ? rename_to(k, name, k->temp, err) : exchange(k, name, k->temp, err);
}

static int commit(struct keep *k, unsigned limit, struct err *err)
{
	char first[NAME_MAX + 1];
	int r = 0;

	name_generation(k, 1, first);
	if (!k->had_current)
		r = rename_to(k, k->temp, k->name, err);
	else if (!k->kept)
		r = exchange(k, k->temp, k->name, err);
	else if ((r = move_up(k, limit, err)) == 0)
		r = exchange(k, first, k->name, err);
	k->done = r == 0;
	return r == 0 ? sync_names(k, err) : r;
}

/* After it TEMP is the new image, or nothing. */
static int take_back(struct keep *k, struct err *err)
{
	char first[NAME_MAX + 1];
	int r = 0;

	name_generation(k, 1, first);
	if (k->done && !k->had_current)
		r = rename_to(k, k->name, k->temp, err);
	else if (k->done)
		r = exchange(k, k->name, k->kept ? first : k->temp, err);
	if (r == 0 && k->kept)
		r = move_down(k, err);
	return r == 0 ? sync_names(k, err) : r;
}

static void end(struct keep *k)
{
	unlinkat(k->dir, k->temp, 0);
	k->dir = close_fd(k->dir);
	let_signals_go();
}

int keep_commit(struct replace *file, unsigned limit, bool keep_current, struct keep *out,
		struct err *err)
{
	struct keep k = {.dir = fcntl(file->dir, F_DUPFD_CLOEXEC, 3)};
	char first[NAME_MAX + 1];
	int r;

	if (k.dir < 0)
		return err_sys(err, -errno, "the folder of %s", file->name);
	if (strlen(file->name) > NAME_LONGEST) {
		close_fd(k.dir);
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", file->name);
	}
	snprintf(k.name, sizeof(k.name), "%s", file->name);
	snprintf(k.temp, sizeof(k.temp), "%s", file->temp);
	name_generation(&k, 1, first);
	r = exists(&k, k.name, err);
	if (r < 0) {
		close_fd(k.dir);
		return r;
	}
	k.had_current = r;
	k.kept = k.had_current && keep_current && limit && !is_same(&k, k.name, first);
	hold_signals();
	replace_forget(file);
	r = commit(&k, limit, err);
	if (r < 0) {
		take_back(&k, NULL);
		end(&k);
		return r;
	}
	*out = k;
	return 0;
}

int keep_undo(struct keep *k, struct err *err)
{
	int r = take_back(k, err);

	end(k);
	return r;
}

void keep_finish(struct keep *k)
{
	end(k);
}
