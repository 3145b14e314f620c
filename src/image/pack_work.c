/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack_work.h"

#include <errno.h>

#include "base/cleanup.h"
#include "image/open.h"

void pack_work_add_file(struct pack_work *w, const char *path, uint64_t size)
{
	struct pack_work_file file = {path, size};

	for (size_t i = 0; i < PACK_WORK_LARGEST; i++) {
		struct pack_work_file other = w->largest[i];

		if (other.path && other.size >= file.size)
			continue;
		w->largest[i] = file;
		file = other;
	}
}

static unsigned long long mib(uint64_t bytes)
{
	return bytes >> 20;
}

int pack_work_check(const struct pack_work *w, uint64_t bytes, uint64_t max, struct err *err)
{
	_cleanup_buf_ struct buf files = BUF_INIT;

	max = max ? max : image_work_max(bytes);
	if (w->unpacked <= max && bytes <= max - w->unpacked)
		return 0;
	for (size_t i = 0; i < PACK_WORK_LARGEST && w->largest[i].path; i++)
		buf_printf(&files, "%s/%s (%llu MiB)", i ? ", " : "", w->largest[i].path,
			   mib(w->largest[i].size));
	err_set(err, -E2BIG,
		"the image would have %llu MiB and decompress to %llu MiB more: for an image of this size, "
		"commands that read it stop after %llu MiB", mib(bytes), mib(w->unpacked), mib(max));
	return err_hint(err, "leave out what makes it so large; its largest files are %s", buf_cstr(&files));
}
