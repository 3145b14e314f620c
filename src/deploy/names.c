/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "deploy/folder.h"
#include "deploy/replace.h"

enum { CHUNK = 256 * 1024 };

struct exchange {
	int dir;
	const char *a, *b;
	char was_a[NAME_MAX + 1], was_b[NAME_MAX + 1]; /* their further names */
	int renamed; /* of A and B, how many have what the other was */
};

/* NAME and its file are on the disk. What is no file, or not there, has nothing to write. */
static int sync_name(int dir, const char *name, struct err *err)
{
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int r = fd < 0 && errno != ELOOP && errno != ENOENT ? -errno : folder_sync(dir, fd);

	return r < 0 ? err_sys(err, r, "writing %s to the disk", name) : 0;
}

static int rename_to(int dir, const char *from, const char *to, struct err *err)
{
	return renameat(dir, from, dir, to) < 0
		       ? err_sys(err, -errno, "renaming %s to %s", from, to)
		       : 0;
}

int names_move(int dir, const char *from, const char *to, struct err *err)
{
	int r = rename_to(dir, from, to, err);

	if (r < 0)
		return r;
	r = sync_name(dir, to, err);
	if (r < 0)
		renameat(dir, to, dir, from);
	return r;
}

/* ---- by further names ---- */

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

/* NAME under the further name TO, which a killed run may have left. */
static int duplicate(int dir, const char *name, const char *to, struct err *err)
{
	_cleanup_fd_ int in = -1, out = -1;
	int r;

	unlinkat(dir, to, 0);
	if (linkat(dir, name, dir, to, 0) == 0)
		return 0;
	in = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (in < 0)
		return err_sys(err, -errno, "%s", name);
	out = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = out < 0 ? -errno : copy_data(in, out);
	return r < 0 ? err_sys(err, r, "copying %s", name) : 0;
}

static int replace_name(struct exchange *x, const char *from, const char *to, struct err *err)
{
	_cleanup_fd_ int held = openat(x->dir, to, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	int r = held < 0 ? err_sys(err, -errno, "%s", to) : rename_to(x->dir, from, to, err);

	if (r < 0)
		return r;
	x->renamed++;
	return sync_name(x->dir, to, err);
}

static int exchange_by_copies(struct exchange *x, struct err *err)
{
	int r = duplicate(x->dir, x->a, x->was_a, err);

	if (r == 0)
		r = duplicate(x->dir, x->b, x->was_b, err);
	if (r == 0)
		r = sync_name(x->dir, x->was_b, err);
	if (r == 0)
		r = replace_name(x, x->was_b, x->a, err);
	return r == 0 ? replace_name(x, x->was_a, x->b, err) : r;
}

static void take_back(struct exchange *x)
{
	if (x->renamed == 1)
		renameat(x->dir, x->was_a, x->dir, x->a);
	else if (x->renamed == 2)
		exchange_by_copies(x, NULL);
}

static int exchange_slowly(int dir, const char *image, const char *a, const char *b,
			   struct err *err)
{
	struct exchange x = {.dir = dir, .a = a, .b = b};
	int r;

	replace_temp_name(image, REPLACE_RESERVED, x.was_a);
	replace_temp_name(image, REPLACE_RESERVED + 1, x.was_b);
	r = exchange_by_copies(&x, err);
	if (r < 0)
		take_back(&x);
	unlinkat(dir, x.was_a, 0);
	unlinkat(dir, x.was_b, 0);
	return r;
}

int names_exchange(int dir, const char *image, const char *a, const char *b, struct err *err)
{
	int r;

	if (renameat2(dir, a, dir, b, RENAME_EXCHANGE) < 0)
		return errno == EINVAL || errno == ENOSYS
			       ? exchange_slowly(dir, image, a, b, err)
			       : err_sys(err, -errno, "exchanging %s and %s", a, b);
	r = sync_name(dir, a, err);
	if (r == 0)
		r = sync_name(dir, b, err);
	if (r < 0)
		renameat2(dir, a, dir, b, RENAME_EXCHANGE);
	return r;
}
