/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/mdraid/members.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/machine/mdsuper.h"

enum { UDEV_MAX = 64 * 1024 };

/* What udev knows of a member; NULL: nothing. */
struct known {
	const char *array, *own; /* UUID */
	const char *link;	 /* "disk/by-id/ata-..." */
};

/* Of several links the same one each time, and rather one with a model and a serial number in it. */
static bool is_better(const char *link, const char *than)
{
	static const char wwn[] = "disk/by-id/wwn-";

	if (!than || str_starts(link, wwn) != str_starts(than, wwn))
		return !than || str_starts(than, wwn);
	return strcmp(link, than) < 0;
}

/* Lines of udev's own file: E:KEY=VALUE, S:LINK, and others. */
static struct known read_known(struct build *b, const struct hw_block *member)
{
	struct arena *a = &b->plan.arena;
	const char *number = root_read_line(b->root, arena_printf(a, "sys/%s/dev", member->path), a);
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct known f = {0};
	char *cursor, *line;

	if (!number || strchr(number, '/') ||
	    root_read(b->root, arena_printf(a, "run/udev/data/b%s", number), UDEV_MAX, &text) < 0 ||
	    !buf_cstr(&text))
		return f;
	cursor = arena_strdup(a, buf_cstr(&text));
	while ((line = strsep(&cursor, "\n"))) {
		if (str_starts(line, "E:ID_FS_UUID="))
			f.array = strchr(line, '=') + 1;
		else if (str_starts(line, "E:ID_FS_UUID_SUB="))
			f.own = strchr(line, '=') + 1;
		else if (str_starts(line, "S:disk/by-id/") && !strpbrk(line, " \t") &&
			 is_better(line + 2, f.link))
			f.link = line + 2;
	}
	return f;
}

static void note(struct build *b, const struct hw_block *array, const struct hw_block *member)
{
	struct arena *a = &b->plan.arena;
	const char *slot = root_read_line(
		b->root, arena_printf(a, "sys/%s/md/dev-%s/slot", array->path, member->name), a);
	struct known f = read_known(b, member);
	uint8_t uuid[16];
	uint64_t role;
	const char *line;

	if (!slot || !parse_u64(slot, MDSUPER_DISKS_MAX, &role) || !f.link || !f.array ||
	    !mdsuper_parse_uuid(f.array, uuid))
		return;
	line = arena_printf(a, "mdraid.member=%s %u %s /dev/%s\n", f.array, (unsigned)role,
			    f.own && mdsuper_parse_uuid(f.own, uuid) ? f.own : "-", f.link);
	/* Several mounts may be on one array. */
	if (!buf_cstr(&b->boot_conf) || !strstr(buf_cstr(&b->boot_conf), line))
		buf_add_str(&b->boot_conf, line);
}

void mdraid_note_members(struct build *b, const struct hw_mount *m, const struct hw_block *array)
{
	for (size_t i = 0; i < m->n_blocks && !b->request->hardware_file; i++)
		if (m->blocks[i].holder && strcmp(m->blocks[i].holder, array->name) == 0)
			note(b, array, &m->blocks[i]);
}
