/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/readback.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/profile.h"
#include "image/verify.h"

int image_read_back(int fd, const char *name, const struct pack_result *packed, struct arena *arena,
		    struct err *err)
{
	/* The sum vouches for what was taken from memory, where its digest was computed. */
	const struct verify_expected expected = {
		.manifest = &packed->manifest,
		.extents = packed->extents,
		.n_extents = packed->n_extents,
	};
	_cleanup_image_ struct image *image = NULL;
	uint8_t sum[DIGEST_SIZE];
	struct verdict verdict;
	int r;

	profile_stage("read back");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	r = digest_of_file(fd, sum);
	if (r < 0)
		err_sys(err, r, "%s", name);
	else if (memcmp(sum, packed->sha256, sizeof(sum)) != 0)
		r = err_set(err, -EBADMSG, "%s holds other bytes than were written", name);
	if (r == 0)
		r = image_open_fd(fd, name, &image, err);
	if (r == 0)
		r = image_verify(image, &expected, arena, &verdict, err);
	if (r == 0 && verdict.n_problems)
		r = err_set(err, -EBADMSG, "%s", verdict.problems->text);
	if (r < 0) {
		err_prefix(err, "the image that was just written %s",
			   r == -EBADMSG ? "is wrong" : "cannot be read back");
		return err_hint(err, "nothing was changed; see whether the disk is well (dmesg)");
	}
	return 0;
}
