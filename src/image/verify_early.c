/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/verify_early.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "format/machine/acpi.h"
#include "format/machine/microcode.h"

bool early_is_wanted(const char *path)
{
	return strcmp(path, MICROCODE_PATH_INTEL) == 0 || strcmp(path, MICROCODE_PATH_AMD) == 0 ||
	       (str_starts(path, ACPI_DIR) && path[strlen(ACPI_DIR)]);
}

/* The search ends at the first byte of a compressed segment. */
static bool is_in_reach(const struct image_entry *e, const struct image_segment *segments)
{
	for (unsigned i = 0; i <= e->segment; i++)
		if (segments[i].codec != CODEC_NONE)
			return false;
	return true;
}

bool early_is_found(const struct image_entry *e, const struct image_segment *segments)
{
	return early_is_wanted(e->name) && S_ISREG(e->header.mode) && is_in_reach(e, segments);
}

static int check_place(const struct image_entry *e, const struct image_segment *segments,
		       bool is_first, struct err *err)
{
	if (!is_in_reach(e, segments))
		return err_set(err, -EBADMSG,
			       "it lies in segment %u, but the kernel looks for it only in "
			       "uncompressed segments before all others", e->segment + 1);
	if (!S_ISREG(e->header.mode))
		return err_set(err, -EBADMSG, "the kernel looks for a regular file there");
	if (strcmp(e->name, e->path) != 0)
		return err_set(err, -EBADMSG, "the kernel does not find it by the name \"%s\"",
			       e->name[0] == '/' ? "/..." : "./...");
	if (!is_first && !str_starts(e->path, ACPI_DIR))
		return err_set(err, -EBADMSG, "it comes twice, and the kernel takes the first");
	return 0;
}

static int check_intel(const struct buf *data, struct err *err)
{
	struct microcode_intel u;
	size_t offset = 0;
	int r;

	while ((r = microcode_intel_next(data->data, data->len, &offset, &u, err)) > 0)
		;
	return r;
}

static int check_amd(const struct buf *data, struct err *err)
{
	struct microcode_amd_container c;
	size_t offset = 0;
	int r;

	while ((r = microcode_amd_next(data->data, data->len, &offset, &c, err)) > 0)
		;
	return r;
}

int early_check(const struct image_entry *e, const struct image_segment *segments, bool is_first,
		const struct buf *data, struct err *err)
{
	struct acpi_table table;
	int r = check_place(e, segments, is_first, err);

	if (r < 0)
		return r;
	if (strcmp(e->path, MICROCODE_PATH_INTEL) == 0)
		r = check_intel(data, err);
	else if (strcmp(e->path, MICROCODE_PATH_AMD) == 0)
		r = check_amd(data, err);
	else
		r = acpi_table_decode(data->data, data->len, &table, err);
	return r < 0 ? -EBADMSG : 0;
}
