/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "deploy/place/copy.h"
#include "deploy/place/folder.h"
#include "deploy/place/atomic.h"

enum {
	CHUNK = 256 * 1024,
	/* Numbers of temporary names. That of A's file encodes the roles of A and B, so that
	 * another run can finish the exchange; the others carry no information. */
	WAS_A = 0x80000000,
	UNFINISHED = 0xc0000000,
	ROLE_BITS = 8,
	ROLE_TRIAL = 0xfe,
	ROLE_TEMPORARY = 0xff, /* any other: the generation, 0 for the image itself */
};

#define PREVIOUS ".previous"
#define TRIAL	 ".trial"

struct exchange {
	int dir;
	const char *image, *a, *b;
	char was_a[NAME_MAX + 1], was_b[NAME_MAX + 1]; /* temporary names of the two files */
	int renamed; /* how many of A and B have the other's file already */
};

/* Syncs NAME and its file. A link or a missing file has nothing to sync. */
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

int exchange_move(int dir, const char *from, const char *to, struct err *err)
{
	int r = rename_to(dir, from, to, err);

	if (r < 0)
		return r;
	r = sync_name(dir, to, err);
	if (r < 0)
		renameat(dir, to, dir, from);
	return r;
}

/* ---- contents ---- */

bool exchange_are_same(int dir, const char *a, const char *b)
{
	_cleanup_fd_ int x = openat(dir, a, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_fd_ int y = openat(dir, b, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *p = malloc(2 * CHUNK);
	struct stat s, t;
	ssize_t n;

	if (x < 0 || y < 0 || !p || fstat(x, &s) < 0 || fstat(y, &t) < 0 || s.st_size != t.st_size)
		return false;
	do {
		n = read_full(x, p, CHUNK);
		if (n < 0 || read_full(y, p + CHUNK, CHUNK) != n ||
		    memcmp(p, p + CHUNK, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

/* ---- by further names ---- */

/* The role of NAME: IMAGE itself, a previous one, the trial, or a temporary file. */
static unsigned role_of(const char *image, const char *name)
{
	const char *rest = name + strlen(image);
	uint64_t generation;

	if (!str_starts(name, image))
		return ROLE_TEMPORARY;
	if (!*rest)
		return 0;
	if (strcmp(rest, TRIAL) == 0)
		return ROLE_TRIAL;
	if (strcmp(rest, PREVIOUS) == 0)
		return 1;
	if (str_starts(rest, PREVIOUS "-") &&
	    parse_u64(rest + strlen(PREVIOUS "-"), ROLE_TRIAL - 1, &generation))
		return (unsigned)generation;
	return ROLE_TEMPORARY;
}

static void name_of(const char *image, unsigned role, char out[NAME_MAX + 1])
{
	int len = NAME_MAX - 32;

	if (role == ROLE_TRIAL)
		snprintf(out, NAME_MAX + 1, "%.*s" TRIAL, len, image);
	else if (role > 1)
		snprintf(out, NAME_MAX + 1, "%.*s" PREVIOUS "-%u", len, image, role);
	else
		snprintf(out, NAME_MAX + 1, "%.*s%s", len, image, role ? PREVIOUS : "");
}

static int copy_to(int dir, const char *name, const char *to, struct err *err)
{
	_cleanup_fd_ int in = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_fd_ int out = -1;
	int r;

	if (in < 0)
		return err_sys(err, -errno, "%s", name);
	out = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = out < 0 ? -errno : copy_file(in, out);
	if (r == 0 && fsync(out) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, r, "copying %s", name) : 0;
}

/* Gives NAME's file the second name TO, which a killed run may have left. A file named TO is always
 * complete: a copy gets that name last. */
static int duplicate(const struct exchange *x, const char *name, const char *to, struct err *err)
{
	char unfinished[NAME_MAX + 1];
	int r;

	unlinkat(x->dir, to, 0);
	if (linkat(x->dir, name, x->dir, to, 0) == 0)
		return sync_name(x->dir, to, err);
	atomic_temp_name(x->image, UNFINISHED, unfinished);
	unlinkat(x->dir, unfinished, 0);
	r = copy_to(x->dir, name, unfinished, err);
	if (r == 0)
		r = rename_to(x->dir, unfinished, to, err);
	if (r < 0)
		unlinkat(x->dir, unfinished, 0);
	return r < 0 ? r : sync_name(x->dir, to, err);
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
	int r = duplicate(x, x->a, x->was_a, err);

	if (r == 0)
		r = duplicate(x, x->b, x->was_b, err);
	if (r == 0)
		r = replace_name(x, x->was_b, x->a, err);
	return r == 0 ? replace_name(x, x->was_a, x->b, err) : r;
}

static void undo_renames(struct exchange *x)
{
	if (x->renamed == 1)
		renameat(x->dir, x->was_a, x->dir, x->a);
	else if (x->renamed == 2)
		exchange_by_copies(x, NULL);
}

static int exchange_slowly(int dir, const char *image, const char *a, const char *b,
			   struct err *err)
{
	struct exchange x = {.dir = dir, .image = image, .a = a, .b = b};
	int r;

	atomic_temp_name(image, WAS_A | role_of(image, a) << ROLE_BITS | role_of(image, b),
			  x.was_a);
	atomic_temp_name(image, UNFINISHED + 1, x.was_b);
	r = exchange_by_copies(&x, err);
	if (r < 0)
		undo_renames(&x);
	unlinkat(dir, x.was_a, 0);
	unlinkat(dir, x.was_b, 0);
	return r;
}

int exchange_names(int dir, const char *image, const char *a, const char *b, struct err *err)
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

/* ---- after a crash ---- */

/* Finishes an exchange that was interrupted. In between the two renames, A and B both are B's file
 * and TEMP is A's. Before or after, TEMP is a second name of a file that has another. */
static int finish_exchange(int dir, const char *image, const char *temp, unsigned number,
			   struct err *err)
{
	unsigned role_a = number >> ROLE_BITS & 0xff, role_b = number & 0xff;
	char a[NAME_MAX + 1], b[NAME_MAX + 1];
	int r;

	if ((number & UNFINISHED) != WAS_A || role_a == role_b || role_a == ROLE_TEMPORARY ||
	    role_b == ROLE_TEMPORARY)
		return 0;
	name_of(image, role_a, a);
	name_of(image, role_b, b);
	if (!exchange_are_same(dir, a, b) || exchange_are_same(dir, temp, a))
		return 0;
	r = rename_to(dir, temp, b, err);
	return r < 0 ? r : sync_name(dir, b, err);
}

/* The number in FOUND, a temporary name of IMAGE; 0 if it is none. */
static unsigned number_of(const char *found, const char *image)
{
	char again[NAME_MAX + 1];
	size_t len = strlen(found);
	unsigned long number;

	if (len < ROLE_BITS)
		return 0;
	number = strtoul(found + len - ROLE_BITS, NULL, 16);
	if (number < REPLACE_RESERVED || number > UINT32_MAX)
		return 0;
	atomic_temp_name(image, (unsigned)number, again);
	return strcmp(found, again) == 0 ? (unsigned)number : 0;
}

int exchange_recover(const struct root *root, const char *path, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *slash = strrchr(path, '/'), *image = slash ? slash + 1 : path;
	const char *folder = slash ? arena_strndup(&arena, path, (size_t)(slash - path)) : ".";
	_cleanup_fd_ int dir = root_openat(root, folder, O_RDONLY | O_DIRECTORY);
	char **found;
	int n = dir < 0 ? 0 : root_listdir(root, folder, &arena, &found), r = 0;

	for (int i = 0; i < n && r == 0; i++) {
		unsigned number = number_of(found[i], image);

		if (!number)
			continue;
		r = finish_exchange(dir, image, found[i], number, err);
		if (r == 0)
			unlinkat(dir, found[i], 0);
	}
	return r < 0 ? err_prefix(err, "an exchange that another run began cannot be finished") : 0;
}
