/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

enum { LINKS_MAX = 40, CHUNK = 64 * 1024 };

struct walk {
	const struct root *root;
	struct plan *plan;
	const char *reason;
	const char **real;
	struct buf trail; /* "/a -> b -> c", for messages */
};

/* The folders that every image has, as folders or as its own links. */
static const char *const layout[] = {"bin",	"sbin",	    "lib",     "lib64",
				     "usr/bin", "usr/sbin", "usr/lib", "usr/lib64"};

static bool is_layout(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(layout); i++)
		if (strcmp(path, layout[i]) == 0)
			return true;
	return false;
}

/* PATH as the plan has it, with /usr merged. */
static const char *merged(struct walk *w, const char *path)
{
	const char *top = arena_strndup(&w->plan->arena, path, strcspn(path, "/"));

	return !str_starts(path, "usr/") && is_layout(top)
		       ? arena_printf(&w->plan->arena, "usr/%s", path)
		       : path;
}

/* ---- the file ---- */

static int open_file(struct walk *w, const char *path, struct stat *st, struct err *err)
{
	int fd = root_openat(w->root, path, O_RDONLY | O_NONBLOCK);
	const char *trail = buf_cstr(&w->trail);

	if (fd == -ENOENT && strstr(trail, " -> ")) {
		err_set(err, fd, "%s: the link leads nowhere, /%s does not exist", trail, path);
		return err_hint(err, "install what the link is for, or remove the link");
	}
	if (fd < 0 || fstat(fd, st) < 0) {
		err_sys(err, fd < 0 ? fd : -errno, "%s", trail);
		if (err && (err->code == -EACCES || err->code == -EPERM))
			err_hint(err, "reading /%s needs the rights of root", path);
		close_fd(fd);
		return err ? err->code : -EIO;
	}
	if (!S_ISREG(st->st_mode)) {
		close_fd(fd);
		return err_set(err, -EINVAL, "%s is not a file", trail);
	}
	return fd;
}

static bool same_bytes(int a, int b)
{
	static _Thread_local uint8_t x[CHUNK], y[CHUNK];
	uint64_t at = 0;
	ssize_t n;

	do {
		n = pread_full(a, x, sizeof(x), at);
		if (n < 0 || pread_full(b, y, sizeof(y), at) != n || memcmp(x, y, (size_t)n) != 0)
			return false;
		at += (uint64_t)n;
	} while (n > 0);
	return true;
}

/* THERE has the same path. A file from outside the root, or with other content of ours, stays;
 * files of the root must be equal. */
static int compare(struct walk *w, const struct plan_entry *there, const char *path, int fd,
		   struct err *err)
{
	_cleanup_fd_ int other = -1;

	if (there->type == PLAN_FILE &&
	    (!there->source || there->outside || strcmp(there->source, path) == 0))
		return 0;
	if (there->type == PLAN_FILE) {
		other = root_openat(w->root, there->source, O_RDONLY | O_NONBLOCK);
		if (other >= 0 && same_bytes(fd, other))
			return 0;
	}
	err_set(err, -EEXIST,
		"/%s and /%s differ, and an image has room for one of them at /%s: %s; "
		"and: %s",
		path, there->source ? there->source : there->path, there->path, w->reason,
		there->reason);
	return err_hint(err,
			"an image has /bin, /sbin, /lib and /lib64 merged into /usr: remove one");
}

static int add_file(struct walk *w, const char *path, struct err *err)
{
	const struct plan_entry *there = plan_find(w->plan, path);
	struct stat st;
	_cleanup_fd_ int fd = open_file(w, path, &st, err);
	struct plan_entry e = {
		.path = path, .type = PLAN_FILE, .source = path, .reason = w->reason};

	if (fd < 0)
		return fd;
	*w->real = path;
	if (there)
		return compare(w, there, path, fd, err);
	e.mode = st.st_mode & 0755;
	return plan_add(w->plan, &e, err);
}

/* ---- the way there ---- */

/* The path of TARGET, of a link in the folder DONE, with "." and ".." removed; no links
 * followed. */
static const char *lexical(struct walk *w, const char *done, const char *target)
{
	struct arena *a = &w->plan->arena;
	const char *at = *target == '/' ? "" : done;

	while (*target) {
		size_t len = strcspn(target, "/");
		const char *slash = strrchr(at, '/');

		if (len == 2 && memcmp(target, "..", 2) == 0)
			at = slash ? arena_strndup(a, at, (size_t)(slash - at)) : "";
		else if (len && !(len == 1 && *target == '.'))
			at = *at ? arena_printf(a, "%s/%.*s", at, (int)len, target)
				 : arena_strndup(a, target, len);
		target += len + (target[len] == '/');
	}
	return at;
}

/* Files of an unmerged /bin move to usr/bin, one level down, where a relative link with ".." would
 * miss its target: it becomes absolute. */
static const char *link_target(struct walk *w, const char *here, const char *done,
			       const char *target)
{
	if (merged(w, here) == here || !str_starts(target, ".."))
		return target;
	return arena_printf(&w->plan->arena, "/%s", lexical(w, done, target));
}

/* HERE, a folder of the layout, is a link to another one (/usr/sbin -> bin), but the image has both
 * as folders. So the first part of NEXT gets a link in HERE. */
static int bridge(struct walk *w, const char *here, const char *next, struct err *err)
{
	struct arena *a = &w->plan->arena;
	char *real = root_resolve(w->root, here, a);
	const char *part = arena_strndup(a, next, strcspn(next, "/"));
	const char *from, *to;

	if (!real || !is_layout(real) || !*part)
		return 0;
	from = merged(w, arena_printf(a, "%s/%s", here, part));
	to = merged(w, arena_printf(a, "%s/%s", real, part));
	if (strcmp(from, to) == 0 || plan_find(w->plan, from))
		return 0;
	return plan_add_link(w->plan, from, arena_printf(a, "/%s", to), w->reason, err);
}

static int keep_link(struct walk *w, const char *here, const char *done, const char *target,
		     const char *next, struct err *err)
{
	const char *to;

	if (is_layout(here))
		return bridge(w, here, next, err);
	/* /usr/bin/x -> /bin/x: once merged, the link would lead to itself. */
	to = lexical(w, done, target);
	if (strcmp(merged(w, to), merged(w, here)) == 0)
		return 0;
	return plan_add_link(w->plan, here, link_target(w, here, done, target), w->reason, err);
}

/* DONE is free of links. Adds and follows the first link in REST, and recurses. */
static int walk(struct walk *w, const char *done, const char *rest, int links, struct err *err)
{
	struct arena *a = &w->plan->arena;

	while (*rest == '/')
		rest++;
	while (*rest) {
		size_t len = strcspn(rest, "/");
		const char *slash = strrchr(done, '/'), *here, *target;
		const char *next = rest + len + strspn(rest + len, "/");
		int r;

		if (len == 2 && memcmp(rest, "..", 2) == 0) {
			done = slash ? arena_strndup(a, done, (size_t)(slash - done)) : "";
			rest = next;
			continue;
		}
		if (len == 1 && *rest == '.') {
			rest = next;
			continue;
		}
		here = *done ? arena_printf(a, "%s/%.*s", done, (int)len, rest)
			     : arena_strndup(a, rest, len);
		target = root_readlink(w->root, here, a);
		if (!target) {
			done = here;
			rest = next;
			continue;
		}
		if (!is_layout(here))
			buf_printf(&w->trail, " -> %s%s%s", target, *next ? "/" : "", next);
		if (links == 0) {
			err_set(err, -ELOOP, "the links form a loop or are more than %d: %.600s",
				LINKS_MAX, buf_cstr(&w->trail));
			return err_hint(err, "make /%s point to a file", here);
		}
		r = keep_link(w, here, done, target, next, err);
		if (r < 0)
			return r;
		return walk(w, *target == '/' ? "" : done,
			    *next ? arena_printf(a, "%s/%s", target, next) : target, links - 1,
			    err);
	}
	return add_file(w, done, err);
}

int walk_add(const struct root *root, struct plan *plan, const char *path, const char *reason,
	     const char **real, struct err *err)
{
	struct walk w = {.root = root, .plan = plan, .reason = reason, .real = real};
	int r;

	buf_printf(&w.trail, "%s%s", *path == '/' ? "" : "/", path);
	r = walk(&w, "", path, LINKS_MAX, err);
	buf_clear(&w.trail);
	return r;
}
