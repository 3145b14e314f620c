/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The index of a file of blobs. What was understood, written again, has the same bytes.
 */

#include <stdlib.h>
#include <string.h>

#include "format/ours/blobfile.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_buf_ struct buf again = BUF_INIT;
	struct blobfile_footer foot;
	struct blobfile_entry *list;

	if (size < BLOBFILE_FOOTER ||
	    !blobfile_decode_footer(data + size - BLOBFILE_FOOTER, size, &foot))
		return 0;
	HOLDS(foot.index <= size);
	list = malloc((foot.count + 1) * sizeof(*list));
	if (list && blobfile_decode_index(&foot, data + foot.index, list)) {
		for (size_t i = 0; i < foot.count; i++)
			HOLDS(list[i].size >= BLOBFILE_HEAD &&
			      list[i].offset + list[i].size <= foot.index);
		blobfile_add_index(&again, list, foot.count, foot.index);
		HOLDS(again.len == size - foot.index);
		HOLDS(memcmp(again.data, data + foot.index, again.len) == 0);
	}
	free(list);
	return 0;
}
