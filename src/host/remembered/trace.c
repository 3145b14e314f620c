/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/remembered/trace.h"
#include "host/remembered/condense.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/strset.h"

enum { CHUNK = 64 * 1024, NSEC = 1000000000 };

struct trace {
	struct root root, host; /* their own trace is NULL: reading the answers notes nothing */
	pthread_mutex_t lock;
	struct arena arena;
	struct trace_fact *facts;
	size_t n_facts;
	struct strset known; /* keys: a question's letter and its path */
};

struct file_identity file_identity(const struct stat *st)
{
	return (struct file_identity){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime = (int64_t)st->st_mtim.tv_sec * NSEC + st->st_mtim.tv_nsec,
		.ctime = (int64_t)st->st_ctim.tv_sec * NSEC + st->st_ctim.tv_nsec,
	};
}

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime && a->ctime == b->ctime;
}

int file_identity_compare(const struct file_identity *a, const struct file_identity *b)
{
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	return (a->inode > b->inode) - (a->inode < b->inode);
}

void file_identity_encode(struct buf *out, const struct file_identity *id)
{
	buf_add_u64le(out, id->device);
	buf_add_u64le(out, id->inode);
	buf_add_u64le(out, id->size);
	buf_add_u64le(out, (uint64_t)id->mtime);
	buf_add_u64le(out, (uint64_t)id->ctime);
}

struct file_identity file_identity_decode(const uint8_t *data)
{
	return (struct file_identity){
		.device = le64(data),
		.inode = le64(data + 8),
		.size = le64(data + 16),
		.mtime = (int64_t)le64(data + 24),
		.ctime = (int64_t)le64(data + 32),
	};
}

bool file_identity_is_racy(const struct file_identity *id)
{
	int64_t limit = (int64_t)(time(NULL) - TRACE_RACY) * NSEC;

	/* The ctime cannot be set, so one in the future is from a clock that was set back. */
	return id->ctime >= limit ||
	       (id->mtime >= limit && id->mtime < limit + (TRACE_RACY + 1LL) * NSEC);
}

bool file_is_racy(const struct stat *st)
{
	struct file_identity id = file_identity(st);

	return file_identity_is_racy(&id);
}

struct trace *trace_new(const struct root *root, struct err *err)
{
	struct trace *t = xrealloc(NULL, 1, sizeof(*t));

	*t = (struct trace){.root = *root};
	t->root.trace = NULL;
	if (root_open("/", &t->host, err) < 0) {
		free(t);
		return NULL;
	}
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	root_close(&t->host);
	pthread_mutex_destroy(&t->lock);
	strset_clear(&t->known);
	free(t->facts);
	arena_clear(&t->arena);
	free(t);
}

/* ---- answers ---- */

static void add_error(struct buf *out, int code)
{
	buf_add_str(out, "E");
	buf_add_u32le(out, (uint32_t)-code);
}

/* The check of the device number saves a statfs for ordinary files. */
static bool is_pseudo(int fd, const struct stat *st)
{
	struct statfs v;

	return major(st->st_dev) == 0 && fstatfs(fd, &v) == 0 &&
	       (v.f_type == PROC_SUPER_MAGIC || v.f_type == SYSFS_MAGIC ||
		v.f_type == EFIVARFS_MAGIC);
}

/* FAT has no inode numbers: the kernel makes new ones up at each mount. */
static bool has_inodes(int fd, const struct stat *st)
{
	static _Thread_local dev_t device;
	static _Thread_local bool is_known, is_fat;
	struct statfs v;

	if (!is_known || device != st->st_dev) {
		is_fat = fstatfs(fd, &v) == 0 && v.f_type == MSDOS_SUPER_MAGIC;
		is_known = true;
		device = st->st_dev;
	}
	return !is_fat;
}

/* The identity without the fields that change from one mount to the next. An anonymous device
 * number, such as btrfs has, is one of them. */
static struct file_identity lasting_identity(int fd, const struct stat *st)
{
	struct file_identity id = file_identity(st);

	if (major(st->st_dev) == 0)
		id.device = 0;
	if (!has_inodes(fd, st))
		id.inode = 0;
	return id;
}

static void add_stat(struct buf *out, int fd, const struct stat *st, bool pseudo)
{
	struct file_identity id = lasting_identity(fd, st);

	buf_add_str(out, "A");
	buf_add_u32le(out, st->st_mode);
	if (pseudo)
		return;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode)) {
		buf_add_u64le(out, st->st_rdev);
		return;
	}
	if (!S_ISDIR(st->st_mode)) {
		file_identity_encode(out, &id);
		return;
	}
	buf_add_u64le(out, id.device);
	buf_add_u64le(out, id.inode);
}

/* The file at PATH, seen as ST, through a folder that stays open. False: look at the file itself. */
static bool answer_held(const struct root *r, const char *path, const struct stat *st,
			struct buf *out)
{
	const char *name;
	const struct held_folder *folder = root_held(r, path, &name);

	/* What is mounted on it is another filesystem. */
	if (!folder || !S_ISREG(st->st_mode) || folder->device != st->st_dev ||
	    is_pseudo(folder->fd, st) || file_is_racy(st))
		return false;
	add_stat(out, folder->fd, st, false);
	return true;
}

/* PSEUDO and RACY are untouched when there is no regular file. */
static void ask_stat(const struct root *r, const char *path, int flags, struct buf *out,
		     bool *pseudo, bool *racy)
{
	_cleanup_fd_ int fd = root_openat(r, path, O_PATH | flags);
	struct stat st;
	bool is;

	if (fd < 0 || fstat(fd, &st) < 0) {
		add_error(out, fd < 0 ? fd : -errno);
		return;
	}
	is = is_pseudo(fd, &st);
	add_stat(out, fd, &st, is);
	if (!S_ISREG(st.st_mode))
		return;
	*pseudo = is;
	*racy = !is && file_is_racy(&st);
}

static ssize_t digest_rest(int fd, uint8_t sum[DIGEST_SIZE])
{
	struct digest *d = digest_new();
	uint8_t chunk[CHUNK];
	ssize_t n;

	while ((n = read_full(fd, chunk, sizeof(chunk))) > 0)
		digest_add(d, chunk, (size_t)n);
	digest_take(d, sum);
	digest_free(d);
	return n;
}

static ssize_t digest_condensed(int fd, const char *path, uint8_t sum[DIGEST_SIZE])
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct digest *d = digest_new();
	uint8_t chunk[CHUNK];
	ssize_t n;

	while ((n = read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	trace_condense(path, &text);
	digest_add(d, text.data, text.len);
	digest_take(d, sum);
	digest_free(d);
	return n < 0 ? n : buf_status(&text);
}

static void ask_content(const struct root *r, const char *path, struct buf *out)
{
	_cleanup_fd_ int fd = root_openat(r, path, O_RDONLY | O_NONBLOCK);
	uint8_t sum[DIGEST_SIZE];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		add_error(out, fd < 0 ? fd : -errno);
		return;
	}
	buf_add_str(out, "A");
	buf_add_u32le(out, st.st_mode);
	if (!S_ISREG(st.st_mode))
		return;
	n = trace_condenses(path) ? digest_condensed(fd, path, sum) : digest_rest(fd, sum);
	buf_add(out, sum, sizeof(sum));
	if (n < 0)
		add_error(out, (int)n);
}

static void ask_names(const struct root *r, const char *path, struct buf *out)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	uint8_t sum[DIGEST_SIZE];
	struct digest *d;
	char **names;
	int n = root_listdir(r, path, &arena, &names);

	if (n < 0) {
		add_error(out, n);
		return;
	}
	d = digest_new();
	for (int i = 0; i < n; i++)
		digest_add(d, names[i], strlen(names[i]) + 1);
	digest_take(d, sum);
	digest_free(d);
	buf_add_str(out, "A");
	buf_add(out, sum, sizeof(sum));
}

static void ask_text(const struct root *r, int question, const char *path, struct buf *out)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	const char *text = question == TRACE_LINK ? root_readlink(r, path, &arena)
						  : root_resolve(r, path, &arena);

	if (text) {
		buf_add_str(out, "A");
		buf_add_str(out, text);
	} else { /* missing, or no link: the callers do not distinguish the two */
		add_error(out, -EINVAL);
	}
}

static void ask(const struct trace *t, int question, const char *path, struct buf *out)
{
	const struct root *r = question & TRACE_OUTSIDE ? &t->host : &t->root;
	bool unused;

	switch (question & ~TRACE_OUTSIDE) {
	case TRACE_STAT:
		return ask_stat(r, path, 0, out, &unused, &unused);
	case TRACE_LSTAT:
		return ask_stat(r, path, O_NOFOLLOW, out, &unused, &unused);
	case TRACE_CONTENT:
		return ask_content(r, path, out);
	case TRACE_LIST:
		return ask_names(r, path, out);
	case TRACE_LINK:
	case TRACE_RESOLVE:
		return ask_text(r, question & ~TRACE_OUTSIDE, path, out);
	default: /* a record from another version: an empty answer never matches */
		return;
	}
}

bool trace_holds(const struct trace *t, const struct trace_fact *fact)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;

	ask(t, fact->question, fact->path, &answer);
	return buf_status(&answer) == 0 && answer.len && answer.len == fact->len &&
	       memcmp(answer.data, fact->answer, fact->len) == 0;
}

/* ---- noting ---- */

/* In the keys of what is known. */
enum { MISSING = 'm', STILL = 'h' };

/* Adds the key; false if it is there already. */
static bool add_known(struct trace *t, int what, const char *path)
{
	return strset_add(&t->known, arena_printf(&t->arena, "%c%s", what, path), NULL);
}

static void add_fact(struct trace *t, int question, const char *path, const struct buf *answer)
{
	if (buf_status(answer) < 0)
		return;
	if ((t->n_facts & (t->n_facts - 1)) == 0)
		t->facts = xrealloc(t->facts, t->n_facts ? t->n_facts * 2 : 1, sizeof(*t->facts));
	t->facts[t->n_facts++] = (struct trace_fact){
		.question = question,
		.path = arena_strdup(&t->arena, path),
		.answer = arena_memdup(&t->arena, answer->data, answer->len),
		.len = answer->len,
	};
}

/* Is a folder of PATH known to be missing? Then PATH is missing, too. PATH itself counts only for
 * questions that follow links, since it may be a dangling link. */
static bool is_below_missing(struct trace *t, int question, const char *path)
{
	int outside = question & TRACE_OUTSIDE, kind = question & ~TRACE_OUTSIDE;
	char *key = arena_printf(&t->arena, "%c%s", MISSING | outside, path);
	bool whole = kind != TRACE_LSTAT && kind != TRACE_LINK;

	for (char *end = whole ? key + strlen(key) : strrchr(key + 1, '/'); end && end > key + 1;
	     end = strrchr(key + 1, '/')) {
		*end = '\0';
		if (strset_has(&t->known, key))
			return true;
	}
	return false;
}

/* PATH is missing: notes the shortest part of it that is. */
static void add_missing(struct trace *t, const struct root *r, int outside, const char *path,
			const struct buf *answer)
{
	char *part = arena_strdup(&t->arena, path), *slash;
	struct stat st;

	while ((slash = strrchr(part, '/')) && slash > part) {
		*slash = '\0';
		if (root_stat(r, part, &st) != -ENOENT) {
			*slash = '/';
			break;
		}
	}
	if (add_known(t, MISSING | outside, part))
		add_fact(t, TRACE_STAT | outside, part, answer);
}

static bool is_missing(const struct buf *answer)
{
	_cleanup_buf_ struct buf missing = BUF_INIT;

	add_error(&missing, -ENOENT);
	return answer->len == missing.len && memcmp(answer->data, missing.data, missing.len) == 0;
}

/* Answers by the stat data if they identify the file's content, else by a digest. Returns the
 * question that was answered. */
static int ask_file(const struct root *r, int kind, const char *path, struct buf *answer)
{
	bool pseudo = false, racy = false;

	ask_stat(r, path, kind == TRACE_LSTAT ? O_NOFOLLOW : 0, answer, &pseudo, &racy);
	if (!racy && !(pseudo && kind == TRACE_CONTENT))
		return kind == TRACE_LSTAT ? kind : TRACE_STAT;
	answer->len = 0;
	ask_content(r, path, answer);
	return TRACE_CONTENT;
}

/* Once it is known what a file that keeps still is, that stands for its content, too. */
static bool note_seen(struct trace *t, const char *path, const struct stat *st)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;

	if (!answer_held(&t->root, path, st, &answer))
		return false;
	if (add_known(t, TRACE_STAT, path))
		add_fact(t, TRACE_STAT, path, &answer);
	add_known(t, STILL, path);
	return true;
}

static bool note_held(struct trace *t, const struct root *r, int outside, const char *path)
{
	const char *name;
	const struct held_folder *folder = outside ? NULL : root_held(r, path, &name);
	struct stat st;

	if (folder && strset_has(&t->known, arena_printf(&t->arena, "%c%s", STILL, path)))
		return true;
	return folder && fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       note_seen(t, path, &st);
}

static void note_locked(struct trace *t, int question, const char *path)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	int outside = question & TRACE_OUTSIDE, kind = question & ~TRACE_OUTSIDE;
	const struct root *r = outside ? &t->host : &t->root;

	if (!add_known(t, question, path) || is_below_missing(t, question, path))
		return;
	if (kind == TRACE_CONTENT && note_held(t, r, outside, path))
		return;
	if (kind == TRACE_STAT || kind == TRACE_LSTAT || kind == TRACE_CONTENT)
		kind = ask_file(r, kind, path, &answer);
	else
		ask(t, question, path, &answer);
	if (is_missing(&answer))
		add_missing(t, r, outside, path, &answer);
	else
		add_fact(t, kind | outside, path, &answer);
}

void trace_note(struct trace *t, int question, const char *path)
{
	int saved = errno;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	note_locked(t, question, path);
	pthread_mutex_unlock(&t->lock);
	errno = saved;
}

bool trace_note_stat(struct trace *t, const char *path, const struct stat *st)
{
	bool noted;

	if (!t)
		return true;
	pthread_mutex_lock(&t->lock);
	noted = note_seen(t, path, st);
	pthread_mutex_unlock(&t->lock);
	return noted;
}

static int note_library(struct dl_phdr_info *info, size_t size, void *trace)
{
	(void)size;
	if (info->dlpi_name[0] == '/')
		trace_note(trace, TRACE_STAT | TRACE_OUTSIDE, info->dlpi_name);
	return 0;
}

void trace_note_program(struct trace *t)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!t)
		return;
	if (n > 0) {
		self[n] = '\0';
		trace_note(t, TRACE_STAT | TRACE_OUTSIDE, self);
	}
	dl_iterate_phdr(note_library, t);
}

size_t trace_facts(const struct trace *t, const struct trace_fact **out)
{
	*out = t->facts;
	return t->n_facts;
}
