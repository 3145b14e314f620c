/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/readback.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/profile.h"
#include "image/verify.h"

static int other_bytes(const char *name, struct err *err)
{
	return err_set(err, -EBADMSG, "%s holds other bytes than were written", name);
}

/* Reads all of it once. What lies at the place of an extent is not compared with its digest: the sum
 * of the whole file says so, too. */
static int read_image(int fd, const char *name, const struct pack_result *packed,
		      struct arena *arena, struct err *err)
{
	const struct verify_expected expected = {
		.manifest = &packed->manifest,
		.extents = packed->extents,
		.n_extents = packed->n_extents,
	};
	_cleanup_image_ struct image *image = NULL;
	uint8_t sum[DIGEST_SIZE];
	struct verdict verdict;
	int r = image_open_fd(fd, name, &image, err);

	if (r < 0)
		return r;
	image_begin_digest(image);
	r = image_verify(image, &expected, arena, &verdict, err);
	if (r == 0 && verdict.n_problems)
		r = err_set(err, -EBADMSG, "%s", verdict.problems->text);
	if (r == 0)
		r = image_end_digest(image, sum, err);
	if (r == 0 && (image_size(image) != packed->bytes ||
		       memcmp(sum, packed->sha256, sizeof(sum)) != 0))
		r = other_bytes(name, err);
	return r;
}

/* A fault of the disk, and not of what was written to it? */
static bool is_changed(int fd, const struct pack_result *packed)
{
	uint8_t sum[DIGEST_SIZE];

	return digest_of_file(fd, sum) == 0 && memcmp(sum, packed->sha256, sizeof(sum)) != 0;
}

int image_read_back(int fd, const char *name, const struct pack_result *packed, struct arena *arena,
		    struct err *err)
{
	struct stat st;
	int r;

	profile_stage("read back");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	if (fstat(fd, &st) < 0)
		r = err_sys(err, -errno, "%s", name);
	else if ((uint64_t)st.st_size != packed->bytes)
		r = other_bytes(name, err);
	else
		r = read_image(fd, name, packed, arena, err);
	if (r == -EBADMSG && is_changed(fd, packed))
		other_bytes(name, err);
	if (r < 0) {
		err_prefix(err, "the image that was just written %s",
			   r == -EBADMSG ? "is wrong" : "cannot be read back");
		return err_hint(err, "nothing was changed; see whether the disk is well (dmesg)");
	}
	return 0;
}
