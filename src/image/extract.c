/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/strset.h"
#include "base/text.h"
#include "host/root.h"

enum { CHUNK = 64 * 1024, COMPONENT_MAX = 255, LINK_BYTES_MAX = 64 * 1024 * 1024 };

struct extractor {
	struct image *image;
	struct root dir;
	struct arena arena;
	struct strset links; /* "archive:device:inode" -> first path, for hard links */
	uint64_t link_bytes; /* of the names that are kept for them */
	bool keeps;	     /* what was there before stays */
	struct strset made;  /* then: "device:inode" of what this run made */
	struct extract_result *result;
};

/* In place of a first path: the data were in a name that was not unpacked. */
static char data_left_out[] = "";

/* Splits PATH; opens the parent inside the folder. */
static int open_parent(struct extractor *x, const char *path, const char **leaf, struct err *err)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
	int fd;

	*leaf = slash ? slash + 1 : path;
	if (!parent)
		return err_set(err, -ENOMEM, "no memory left");
	if (!**leaf || strlen(*leaf) > COMPONENT_MAX || strcmp(*leaf, ".") == 0 ||
	    strcmp(*leaf, "..") == 0)
		return err_set(err, -ENAMETOOLONG, "the name has no usable last part");
	fd = root_openat(&x->dir, parent, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return err_set(err, fd, "its folder %s: %s", parent, strerror(-fd));
	return fd;
}

static void format_inode(const struct stat *st, char out[48])
{
	snprintf(out, 48, "%llu:%llu", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
}

/* LEAF was just made. An inode that is removed later may stay in the set: whatever gets its number is
 * made by this run, too. */
static int note_made(struct extractor *x, int parent, const char *leaf, struct err *err)
{
	struct stat st;
	char key[48];

	if (!x->keeps)
		return 0;
	if (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, -errno, "cannot look at it");
	format_inode(&st, key);
	if (!strset_has(&x->made, key))
		strset_add(&x->made, arena_strdup(&x->arena, key), NULL);
	return 0;
}

/* Is what ST describes to be left as it is? */
static bool has_to_stay(const struct extractor *x, const struct stat *st)
{
	char key[48];

	format_inode(st, key);
	return x->keeps && !strset_has(&x->made, key);
}

static void note_kept(struct extractor *x, const struct image_entry *e)
{
	if (!x->result->kept++)
		escape_text(e->name, x->result->first_kept, sizeof(x->result->first_kept));
}

/* The later entry wins, as in the kernel; but a folder that is not empty stays. 1: what is there has
 * to stay. */
static int clear_place(struct extractor *x, int parent, const char *leaf, struct err *err)
{
	struct stat st;

	if (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, -errno, "cannot look at it");
	if (has_to_stay(x, &st))
		return 1;
	if (unlinkat(parent, leaf, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0)
		return err_sys(err, -errno, "cannot replace what is there");
	return 0;
}

static int copy_data(struct extractor *x, int fd, struct err *err)
{
	uint8_t chunk[CHUNK];
	ssize_t n;

	while ((n = image_read(x->image, chunk, sizeof(chunk), err)) > 0) {
		int r = write_full(fd, chunk, (size_t)n);

		if (r < 0)
			return err_sys(err, r, "writing");
		x->result->bytes += (uint64_t)n;
		if (x->result->bytes > EXTRACT_BYTES_MAX)
			return err_set(err, -E2BIG, "the files hold more than %llu GiB",
				       EXTRACT_BYTES_MAX >> 30);
	}
	return (int)n;
}

/* ---- files with several names ---- */

/* The path of the first name, which creates the file; NULL: this is it. */
static char **find_first(struct extractor *x, const struct image_entry *e, char key[64])
{
	const struct cpio_header *h = &e->header;

	snprintf(key, 64, "%u:%u:%u:%u", e->archive, h->major, h->minor, h->ino);
	return (char **)strset_find(&x->links, key);
}

/* Opens the folder of the first name, if that is still what was unpacked. */
static int open_first(struct extractor *x, const char *path, const char **leaf, struct err *err)
{
	struct stat st;
	int fd;

	if (path == data_left_out)
		return err_set(err, -EEXIST, "its data have another name, which was left out");
	fd = open_parent(x, path, leaf, err);
	if (fd < 0)
		return fd;
	if (fstatat(fd, *leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && !has_to_stay(x, &st))
		return fd;
	close_fd(fd);
	return err_set(err, -EEXIST, "%s is no longer what was unpacked", path);
}

/* 1: linked to the first name. */
static int link_to_first(struct extractor *x, const struct image_entry *e, int parent,
			 const char *leaf, struct err *err)
{
	const char *from_leaf;
	char key[64], **first;
	int from, r;

	if (e->header.nlink < 2)
		return 0;
	x->link_bytes += strlen(e->path);
	if (x->link_bytes > LINK_BYTES_MAX)
		return err_set(err, -E2BIG, "too many hard links");
	first = find_first(x, e, key);
	if (!first) {
		strset_add(&x->links, arena_strdup(&x->arena, key), arena_strdup(&x->arena, e->path));
		return 0;
	}
	from = open_first(x, *first, &from_leaf, err);
	if (from < 0)
		return from;
	r = linkat(from, from_leaf, parent, leaf, 0) < 0 ? -errno : 1;
	close_fd(from);
	return r < 0 ? err_sys(err, r, "cannot link it to %s", *first) : 1;
}

static int fill_file(struct extractor *x, const struct image_entry *e, int fd, struct err *err)
{
	if (fchmod(fd, e->header.mode & 0777) < 0)
		return err_sys(err, -errno, "cannot set its mode");
	x->result->files++;
	return copy_data(x, fd, err);
}

/* Opens LEAF, which was made for another name, for its data. Its mode may let only root write already. */
static int open_again(int parent, const char *leaf)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_TRUNC;
	int fd = openat(parent, leaf, flags);

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	if (fchmodat(parent, leaf, 0600, AT_SYMLINK_NOFOLLOW) < 0)
		return -EACCES;
	fd = openat(parent, leaf, flags);
	return fd < 0 ? -errno : fd;
}

/* E is left out, but other names of the file may need its data. */
static int pass_data_on(struct extractor *x, const struct image_entry *e, struct err *err)
{
	_cleanup_fd_ int parent = -1, fd = -1;
	char key[64], **first;
	const char *leaf;

	if (!S_ISREG(e->header.mode) || e->header.nlink < 2 || e->header.filesize == 0)
		return 0;
	first = find_first(x, e, key);
	if (!first) {
		strset_add(&x->links, arena_strdup(&x->arena, key), data_left_out);
		return 0;
	}
	parent = open_first(x, *first, &leaf, err);
	if (parent < 0)
		return parent;
	fd = open_again(parent, leaf);
	return fd < 0 ? err_sys(err, fd, "cannot write to %s", *first) : fill_file(x, e, fd, err);
}

/* ---- entries ---- */

static int make_file(struct extractor *x, const struct image_entry *e, int parent,
		     const char *leaf, struct err *err)
{
	int linked = link_to_first(x, e, parent, leaf, err);
	const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_CREAT | O_EXCL;
	_cleanup_fd_ int fd = -1;

	if (linked < 0)
		return linked;
	if (linked && e->header.filesize == 0)
		return 0;
	if (linked)
		fd = open_again(parent, leaf);
	else if ((fd = openat(parent, leaf, flags, 0600)) < 0)
		fd = -errno;
	if (fd < 0)
		return err_sys(err, fd, "cannot make it");
	if (note_made(x, parent, leaf, err) < 0)
		return err->code;
	return fill_file(x, e, fd, err);
}

static int make_dir(struct extractor *x, const struct image_entry *e, int parent,
		    const char *leaf, struct err *err)
{
	_cleanup_fd_ int behind = -1;
	struct stat st;
	int r;

	/* mkdir("lib/") leaves a link to a folder as it is, mkdir("lib") replaces it. */
	if (e->has_slash)
		behind = root_openat(&x->dir, e->path, O_PATH | O_DIRECTORY);
	if (behind >= 0)
		return 0;

	/* Files go into the folder later: whoever unpacks must have access to it. */
	if (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return 0;
	r = clear_place(x, parent, leaf, err);
	if (r > 0) {
		/* Files go through a link that was there, as long as it leads to a folder. */
		behind = root_openat(&x->dir, e->path, O_PATH | O_DIRECTORY);
		if (behind < 0)
			note_kept(x, e);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	if (mkdirat(parent, leaf, (e->header.mode & 0777) | 0700) < 0)
		return err_sys(err, -errno, "cannot make it");
	return note_made(x, parent, leaf, err);
}

static int make_link(struct extractor *x, int parent, const char *leaf, struct err *err)
{
	char target[CPIO_TARGET_MAX + 1];
	ssize_t n = image_read(x->image, target, sizeof(target), err);

	if (n < 0)
		return (int)n;
	if (n == 0 || n > CPIO_TARGET_MAX)
		return err_set(err, -ENAMETOOLONG, "a link of %zd bytes", n);
	target[n == sizeof(target) ? n - 1 : n] = '\0';
	if (symlinkat(target, parent, leaf) < 0)
		return err_sys(err, -errno, "cannot make the link");
	return note_made(x, parent, leaf, err);
}

static int extract_entry(struct extractor *x, const struct image_entry *e, struct err *err)
{
	unsigned type = e->header.mode & S_IFMT;
	_cleanup_fd_ int parent = -1;
	const char *leaf;
	int r;

	if (strcmp(e->path, ".") == 0)
		return 0;
	if (type == S_IFCHR || type == S_IFBLK || type == S_IFIFO || type == S_IFSOCK) {
		x->result->special++;
		return 0;
	}
	if (type != S_IFREG && type != S_IFDIR && type != S_IFLNK)
		return err_set(err, -ENODEV, "mode %07o has no type", e->header.mode);
	if (type == S_IFDIR && e->header.filesize)
		return err_set(err, -ENOTDIR, "a folder with %u bytes of data", e->header.filesize);
	if (type != S_IFDIR && e->has_slash)
		return err_set(err, -ENOTDIR, "no folder, but its name ends with a slash");
	parent = open_parent(x, e->path, &leaf, err);
	if (parent < 0)
		return parent;
	if (type == S_IFDIR)
		return make_dir(x, e, parent, leaf, err);
	r = clear_place(x, parent, leaf, err);
	if (r < 0)
		return r;
	if (r > 0) {
		note_kept(x, e);
		return pass_data_on(x, e, err);
	}
	return type == S_IFLNK ? make_link(x, parent, leaf, err)
			       : make_file(x, e, parent, leaf, err);
}

/* Failures that are due to the archive, not to the disk: the kernel has them, too, and goes on. */
static bool is_impossible(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ENOTEMPTY || r == -EEXIST || r == -ELOOP ||
	       r == -ENAMETOOLONG || r == -ENODEV;
}

int image_extract(struct image *image, const char *dir, struct extract_result *out,
		  struct err *err)
{
	return image_extract_some(image, dir, NULL, out, err);
}

int image_extract_some(struct image *image, const char *dir, const struct extract_choice *choice,
		       struct extract_result *out, struct err *err)
{
	struct extractor x = {.image = image, .result = out, .dir = {.fd = -1}};
	struct image_entry e;
	char shown[256];
	int r;

	x.keeps = choice && choice->keeps;
	*out = (struct extract_result){0};
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "cannot make the folder %s", dir);
	r = root_open(dir, &x.dir, err);
	if (r < 0)
		return r;
	x.dir.is_host = false; /* never leave the folder */
	while ((r = image_next(image, &e, err)) > 0) {
		if (choice && !choice->wants(&e, choice->arg))
			continue;
		r = extract_entry(&x, &e, err);
		if (r < 0) {
			escape_text(e.name, shown, sizeof(shown));
			err_prefix(err, "%s", shown);
			if (!is_impossible(r))
				break;
			if (!out->impossible++)
				snprintf(out->why, sizeof(out->why), "%s", err->text);
			*err = (struct err){0};
		}
	}
	root_close(&x.dir);
	strset_clear(&x.links);
	strset_clear(&x.made);
	arena_clear(&x.arena);
	return r;
}
