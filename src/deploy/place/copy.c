/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/copy.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum { CHUNK = 256 * 1024 };

int copy_file(int from, int to)
{
	_cleanup_free_ char *chunk = NULL;
	off_t at = 0;
	ssize_t n;

	while ((n = copy_file_range(from, &at, to, NULL, 1 << 30, 0)) > 0)
		;
	if (n == 0 && at)
		return 0;
	chunk = malloc(CHUNK);
	if (!chunk)
		return -ENOMEM;
	while ((n = pread_full(from, chunk, CHUNK, (uint64_t)at)) > 0) {
		int r = write_full(to, chunk, (size_t)n);

		if (r < 0)
			return r;
		at += n;
	}
	return (int)n;
}
