/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/strset.h"
#include "base/text.h"
#include "host/remembered/trace.h"

enum { RACES_MAX = 100 };

/* A descriptor's path as this process sees it. */
static bool fd_path(int fd, char out[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

/* ---- folders that stay open ---- */

enum { HELD_MAX = 256 };

struct held {
	pthread_mutex_t lock;
	char prefix[PATH_MAX]; /* "": none */
	struct arena arena;
	struct strset by_path; /* struct held_folder */
	struct held_folder folders[HELD_MAX];
	size_t n;
};

static struct held *held_new(void)
{
	struct held *h = xrealloc(NULL, 1, sizeof(*h));

	memset(h, 0, sizeof(*h));
	pthread_mutex_init(&h->lock, NULL);
	return h;
}

static void close_held(struct held *h)
{
	for (size_t i = 0; i < h->n; i++)
		close_fd(h->folders[i].fd);
	h->n = 0;
	strset_clear(&h->by_path);
	h->by_path = (struct strset)STRSET_INIT;
}

static void held_free(struct held *h)
{
	if (!h)
		return;
	close_held(h);
	arena_clear(&h->arena);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

int root_open(const char *path, struct root *out, struct err *err)
{
	struct stat st, host;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, -errno, "root directory %s", path);
	*out = (struct root){.fd = fd};
	out->is_host = fstat(fd, &st) == 0 && stat("/", &host) == 0 && st.st_dev == host.st_dev &&
		       st.st_ino == host.st_ino;
	/* A container in which an image is built may have no /proc. */
	if (!fd_path(fd, out->path) && !out->is_host) {
		root_close(out);
		err_set(err, -ENOENT, "/proc is not mounted, and is needed to find files below %s",
			path);
		return err_hint(err, "mount -t proc proc /proc");
	}
	if (out->is_host)
		strcpy(out->path, "/");
	out->held = held_new();
	return 0;
}

const char *root_prefix(const struct root *r)
{
	return r->is_host ? "" : r->path;
}

const char *root_path(const struct root *r, const char *path, struct arena *arena)
{
	return arena_printf(arena, "%s/%s", root_prefix(r), path + strspn(path, "/"));
}

const char *root_quoted(const struct root *r, const char *path, struct arena *arena)
{
	return quote_word(root_path(r, path, arena), arena);
}

void root_close(struct root *r)
{
	r->fd = close_fd(r->fd);
	held_free(r->held);
	r->held = NULL;
}

static int open_below(const struct root *r, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
	int fd, tries = RACES_MAX;

	while (*path == '/')
		path++;
	if (!*path)
		path = ".";
	do
		fd = (int)syscall(SYS_openat2, r->fd, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && --tries); /* a rename raced with the walk */
	/* Before Linux 5.6, or in a sandbox that forbids openat2(): "/" needs no containment. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM) && r->is_host)
		fd = openat(r->fd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

void root_hold(const struct root *r, const char *prefix)
{
	if (!r->held || strlen(prefix) >= PATH_MAX)
		return;
	pthread_mutex_lock(&r->held->lock);
	close_held(r->held);
	snprintf(r->held->prefix, PATH_MAX, "%s", prefix);
	pthread_mutex_unlock(&r->held->lock);
}

/* Call with the lock held. */
static const struct held_folder *hold_folder(const struct root *r, const char *path)
{
	struct held *h = r->held;
	void **slot = strset_find(&h->by_path, path);
	struct held_folder *f = &h->folders[h->n];
	struct stat st;

	if (slot)
		return *slot;
	if (h->n == HELD_MAX)
		return NULL;
	f->fd = open_below(r, path, O_PATH | O_DIRECTORY);
	if (f->fd < 0 || fstat(f->fd, &st) < 0) {
		f->fd = close_fd(f->fd);
		return NULL;
	}
	f->device = st.st_dev;
	h->n++;
	strset_add(&h->by_path, arena_strdup(&h->arena, path), f);
	return f;
}

const struct held_folder *root_held(const struct root *r, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	const struct held_folder *found;
	char folder[PATH_MAX];

	if (!r->held || !r->held->prefix[0] || !slash || !slash[1] || slash - path >= PATH_MAX ||
	    !str_starts(path, r->held->prefix) || strcmp(slash, "/..") == 0)
		return NULL;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	pthread_mutex_lock(&r->held->lock);
	found = hold_folder(r, folder);
	pthread_mutex_unlock(&r->held->lock);
	*name = slash + 1;
	return found;
}

int root_openat(const struct root *r, const char *path, int flags)
{
	trace_note(r->trace, TRACE_CONTENT, path);
	return open_below(r, path, flags);
}

void root_note(const struct root *r, const char *path)
{
	trace_note(r->trace, TRACE_CONTENT, path);
}

/* A link is noted both as itself and as its target. */
void root_note_outside(const struct root *r, const char *path)
{
	char whole[2 * PATH_MAX], cwd[PATH_MAX];
	struct stat st;

	if (!r->trace)
		return;
	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		snprintf(whole, sizeof(whole), "%s", path);
	else
		snprintf(whole, sizeof(whole), "%s/%s", cwd, path);
	trace_note(r->trace, TRACE_RESOLVE | TRACE_OUTSIDE, whole);
	trace_note(r->trace, TRACE_CONTENT | TRACE_OUTSIDE, whole);
	if (lstat(whole, &st) == 0 && S_ISLNK(st.st_mode))
		trace_note(r->trace, TRACE_LINK | TRACE_OUTSIDE, whole);
	if (stat(whole, &st) == 0 && S_ISDIR(st.st_mode))
		trace_note(r->trace, TRACE_LIST | TRACE_OUTSIDE, whole);
}

int root_read(const struct root *r, const char *path, size_t max, struct buf *out)
{
	_cleanup_fd_ int fd = root_openat(r, path, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	return read_all(fd, max, out);
}

char *root_read_line(const struct root *r, const char *path, struct arena *arena)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (root_read(r, path, 64 * 1024, &b) < 0)
		return NULL;
	return arena_strndup(arena, buf_cstr(&b), strcspn(buf_cstr(&b), "\n"));
}

/* Through a folder that stays open. */
static bool stat_held(const struct root *r, const char *path, bool follow, struct stat *st)
{
	const char *name;
	const struct held_folder *folder = root_held(r, path, &name);

	return folder && fstatat(folder->fd, name, st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !(follow && S_ISLNK(st->st_mode));
}

static int stat_with(const struct root *r, const char *path, int flags, struct stat *st)
{
	_cleanup_fd_ int fd = open_below(r, path, O_PATH | flags);

	if (fd < 0)
		return fd;
	return fstat(fd, st) < 0 ? -errno : 0;
}

int root_stat(const struct root *r, const char *path, struct stat *st)
{
	if (stat_held(r, path, true, st) && trace_note_stat(r->trace, path, st))
		return 0;
	trace_note(r->trace, TRACE_STAT, path);
	return stat_with(r, path, 0, st);
}

int root_lstat(const struct root *r, const char *path, struct stat *st)
{
	trace_note(r->trace, TRACE_LSTAT, path);
	return stat_held(r, path, false, st) ? 0 : stat_with(r, path, O_NOFOLLOW, st);
}

bool root_exists(const struct root *r, const char *path)
{
	struct stat st;

	return root_stat(r, path, &st) == 0;
}

char *root_readlink(const struct root *r, const char *path, struct arena *arena)
{
	_cleanup_fd_ int fd = -1;
	char target[PATH_MAX];
	ssize_t n;

	trace_note(r->trace, TRACE_LINK, path);
	fd = open_below(r, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	n = readlinkat(fd, "", target, sizeof(target));
	return n < 0 || (size_t)n == sizeof(target) ? NULL
						    : arena_strndup(arena, target, (size_t)n);
}

/* The same as fd_path() for a PATH below "/", without /proc. */
static bool host_path(const struct root *r, const char *path, char out[PATH_MAX])
{
	char whole[PATH_MAX];

	return r->is_host && snprintf(whole, sizeof(whole), "/%s", path) < PATH_MAX &&
	       realpath(whole, out);
}

char *root_resolve(const struct root *r, const char *path, struct arena *arena)
{
	_cleanup_fd_ int fd = -1;
	char whole[PATH_MAX];
	size_t n = strlen(r->path);

	trace_note(r->trace, TRACE_RESOLVE, path);
	fd = open_below(r, path, O_PATH);
	if (fd < 0 || (!fd_path(fd, whole) && !host_path(r, path, whole)) ||
	    strncmp(whole, r->path, n) != 0)
		return NULL;
	path = whole + n;
	while (*path == '/')
		path++;
	return arena_strdup(arena, path);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int root_listdir(const struct root *r, const char *path, struct arena *arena, char ***names)
{
	_cleanup_free_ char **list = NULL;
	size_t count = 0;
	struct dirent *de;
	DIR *dir;
	int fd;

	trace_note(r->trace, TRACE_LIST, path);
	fd = open_below(r, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		int r2 = -errno;

		close(fd);
		return r2;
	}
	while ((de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if ((count & (count - 1)) == 0)
			list = xrealloc(list, count ? count * 2 : 1, sizeof(*list));
		list[count++] = arena_strdup(arena, de->d_name);
	}
	closedir(dir);
	if (count)
		qsort(list, count, sizeof(*list), compare_names);
	*names = arena_alloc(arena, (count + 1) * sizeof(**names));
	if (count)
		memcpy(*names, list, count * sizeof(**names));
	return (int)count;
}
