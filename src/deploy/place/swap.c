/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/profile.h"
#include "deploy/place/copy.h"
#include "deploy/place/space.h"
#include "host/boot/images.h"
#include "image/readback.h"

enum {
	XATTR_NAMES_MAX = 64 * 1024,
	XATTR_VALUE_MAX = 64 * 1024,
};

int swap_scratch(const char *folder, struct err *err)
{
	int fd = folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		fd = memfd_create("preroot image", MFD_CLOEXEC);
	return fd < 0 ? err_sys(err, -errno, "no room for the image before it is put in place")
		      : fd;
}

/* Does PATH have this content and mode already? */
static bool is_unchanged(const struct swap *s, const struct stat *now)
{
	_cleanup_fd_ int fd = -1;
	uint8_t sum[DIGEST_SIZE];

	if (!S_ISREG(now->st_mode) || (uint64_t)now->st_size != s->image->bytes ||
	    (s->secret && (now->st_mode & 077)) ||
	    (s->bootdir->has_links && (now->st_mode & 07777) != s->mode))
		return false;
	fd = root_openat(s->root, s->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 && digest_of_file(fd, sum) == 0 &&
	       memcmp(sum, s->image->sha256, sizeof(sum)) == 0;
}

/* Copies the old image's extended attributes (SELinux labels), where the filesystem has them. */
static int copy_xattrs(int from, int to)
{
	_cleanup_free_ char *names = malloc(XATTR_NAMES_MAX + 1);
	_cleanup_free_ char *value = malloc(XATTR_VALUE_MAX);
	ssize_t n = names ? flistxattr(from, names, XATTR_NAMES_MAX) : -1;

	if (n < 0 || !value)
		return 0;
	names[n] = '\0';
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t len = fgetxattr(from, name, value, XATTR_VALUE_MAX);

		if (len >= 0 && fsetxattr(to, name, value, (size_t)len, 0) < 0 &&
		    errno != ENOTSUP && errno != EPERM)
			return -errno;
	}
	return 0;
}

/* Sets the owner and the mode, which FAT does not have. */
static int set_access(const struct swap *s, int fd, const struct stat *before, struct err *err)
{
	_cleanup_fd_ int old = before ? root_openat(s->root, s->path, O_RDONLY | O_NONBLOCK) : -1;
	int r = old >= 0 ? copy_xattrs(old, fd) : 0;

	if (r < 0)
		return err_sys(err, r, "the labels of /%s", s->path);
	if (!s->bootdir->has_links)
		return 0;
	if (before && geteuid() == 0 && fchown(fd, before->st_uid, before->st_gid) < 0)
		return err_sys(err, -errno, "the owner of /%s", s->path);
	return fchmod(fd, s->mode) < 0 ? err_sys(err, -errno, "the permissions of /%s", s->path)
				       : 0;
}

static int fill(const struct swap *s, struct atomic *file, const struct stat *before,
		struct err *err)
{
	int r;

	profile_stage("copy");
	r = copy_file(s->packed, file->fd);
	if (r < 0) {
		err_sys(err, r, "writing %s/%s", root_prefix(s->root), s->path);
		return err_hint(err, "nothing was changed");
	}
	r = set_access(s, file->fd, before, err);
	profile_stage("sync");
	if (r == 0)
		r = atomic_sync(file, err);
	return r < 0 ? r : image_read_back(file->fd, s->path, s->image, s->arena, err);
}

/* The space for copies: before Linux 6.0, exchanging two names on FAT takes a copy of each file. */
static uint64_t copies(const struct swap *s, uint64_t before)
{
	struct utsname u;
	struct stat st;

	if (s->bootdir->has_links || uname(&u) < 0 || strtol(u.release, NULL, 10) >= 6)
		return 0;
	/* The new image passes one after the other; that of another builder may be the largest. */
	for (unsigned g = 1; g <= s->keep + 1; g++)
		if (root_lstat(s->root, boot_image_previous(s->path, g, s->arena), &st) == 0 &&
		    (uint64_t)st.st_size > before)
			before = (uint64_t)st.st_size;
	return bootdir_takes(s->bootdir, s->image->bytes) + bootdir_takes(s->bootdir, before);
}

/* kernel-install creates the folder together with the kernel. Without it nothing would boot the
 * image. */
static int check_folder(const struct swap *s, struct err *err)
{
	const char *slash = strrchr(s->path, '/');
	const char *folder =
		slash ? arena_strndup(s->arena, s->path, (size_t)(slash - s->path)) : "";

	if (root_exists(s->root, folder))
		return 0;
	err_set(err, -ENOENT,
		"%s/%s is not there: this kernel is not on the partition that the "
		"machine boots from",
		root_prefix(s->root), folder);
	return err_hint(err,
			"kernel-install add VERSION KERNEL puts it there; nothing was changed");
}

int swap_image(const struct swap *s, struct swap_result *out, struct err *err)
{
	struct swap_result result = {0};
	struct atomic file;
	struct stat st;
	int r = root_lstat(s->root, s->path, &st);
	bool was_there = r == 0;

	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "%s/%s", root_prefix(s->root), s->path);
	result.before = was_there ? (uint64_t)st.st_size : 0;
	if (was_there && is_unchanged(s, &st)) {
		result.same = true;
		*out = result;
		return 0;
	}
	r = check_folder(s, err);
	if (r == 0)
		r = space_check(s->root, s->bootdir, s->image->bytes, copies(s, result.before),
				err);
	if (r == 0)
		r = atomic_begin_below(s->root, s->path, &file, err);
	if (r < 0)
		return r;
	r = atomic_check_secret(&file, s->secret, err);
	if (r == 0)
		r = fill(s, &file, was_there ? &st : NULL, err);
	profile_stage("exchange");
	if (r == 0)
		r = rotate_commit(&file, s->keep, s->keep_current && result.before > 0, &result.keep,
				err);
	atomic_end(&file);
	if (r == 0)
		*out = result;
	return r;
}
