/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "format/machine/acpi.h"
#include "format/kernel/kconfig.h"

/* ACPI tables from the user, which replace the firmware's tables or add to them. A table that the
 * kernel would ignore is an error, since the user asked for it. */

enum { TABLE_SIZE_MAX = 16 * 1024 * 1024 };

/* Where the folder was named. */
static const char *origin(const struct build *b)
{
	return b->request->acpi_from ? b->request->acpi_from : "--acpi-override";
}

/* Notes a file as an input. */
static void note(struct build *b, const char *path)
{
	if (b->request->acpi_from)
		root_note(b->root, path);
	else
		root_note_outside(b->root, path);
}

static int open_folder(struct build *b, struct root *out, struct err *err)
{
	const char *path = b->request->acpi_tables;

	note(b, path);
	if (!b->request->acpi_from)
		return root_open(path, out, err) < 0 ? err_prefix(err, "--acpi-override") : 0;
	out->fd = root_openat(b->root, path, O_RDONLY | O_DIRECTORY);
	if (out->fd < 0) {
		err_sys(err, out->fd, "%s: %s%s", origin(b), root_prefix(b->root), path);
		return err_hint(err, "name the folder that holds the compiled tables");
	}
	return 0;
}

static int check_kernel(struct build *b, struct err *err)
{
	if (!b->config.len) {
		plan_warn(&b->plan, "no configuration of kernel %s was found: whether it takes "
				    "ACPI tables out of an initramfs is not known",
			  b->kernel.version);
		return 0;
	}
	if (kconfig_get((const char *)b->config.data, b->config.len, "CONFIG_ACPI_TABLE_UPGRADE") ==
	    KCONFIG_YES)
		return 0;
	err_set(err, -ENOTSUP,
		"kernel %s takes no ACPI tables from an initramfs (CONFIG_ACPI_TABLE_UPGRADE is "
		"not set in /%s)",
		b->kernel.version, b->config_origin);
	return err_hint(err, "build without ACPI tables, or for another kernel");
}

static int add_table(struct build *b, const struct root *dir, const char *name, struct err *err)
{
	struct arena *a = &b->plan.arena;
	_cleanup_buf_ struct buf data = BUF_INIT;
	struct acpi_table table;
	int r = root_read(dir, name, TABLE_SIZE_MAX, &data);

	if (r < 0)
		return err_sys(err, r, "%s %s/%s", origin(b), b->request->acpi_tables, name);
	r = acpi_table_decode(data.data, data.len, &table, err);
	if (r < 0) {
		err_prefix(err, "%s %s/%s", origin(b), b->request->acpi_tables, name);
		return err_hint(err, "make the table again (iasl), or take the file out of the folder");
	}
	if (strlen(name) > ACPI_NAME_MAX)
		plan_warn(&b->plan, "ACPI table %s: the kernel shows only %d characters of its name",
			  name, ACPI_NAME_MAX);
	return plan_add(&b->plan,
			&(struct plan_entry){
				.path = arena_printf(a, ACPI_DIR "%s", name),
				.type = PLAN_FILE,
				.mode = 0644,
				.storage = PLAN_EARLY,
				.data = arena_memdup(a, data.data, data.len),
				.len = data.len,
				.reason = arena_printf(a, "ACPI table %s \"%s\" of \"%s\", revision "
							  "0x%x (%s %s/%s)",
						       table.signature, table.oem_table_id,
						       table.oem_id, table.oem_revision,
						       origin(b), b->request->acpi_tables, name)},
			err);
}

int acpi_build(struct build *b, struct err *err)
{
	_cleanup_root_ struct root dir = {.fd = -1};
	size_t added = 0;
	char **names;
	int n, r;

	if (!b->request->acpi_tables)
		return 0;
	r = check_kernel(b, err);
	if (r < 0)
		return r;
	r = open_folder(b, &dir, err);
	if (r < 0)
		return r;
	n = root_listdir(&dir, "", &b->plan.arena, &names);
	if (n < 0)
		return err_sys(err, n, "%s %s", origin(b), b->request->acpi_tables);
	for (int i = 0; i < n && r == 0; i++) {
		if (!str_ends(names[i], ".aml") && !str_ends(names[i], ".dat"))
			continue;
		note(b, arena_printf(&b->plan.arena, "%s/%s", b->request->acpi_tables, names[i]));
		if (++added > ACPI_TABLES_MAX)
			return err_set(err, -E2BIG, "%s %s: more than %d tables, which "
				       "the kernel does not look at", origin(b),
				       b->request->acpi_tables, ACPI_TABLES_MAX);
		r = add_table(b, &dir, names[i], err);
	}
	if (r == 0 && !added) {
		err_set(err, -ENOENT, "%s %s: no file *.aml or *.dat is in the folder", origin(b),
			b->request->acpi_tables);
		return err_hint(err, "name the folder that holds the compiled tables");
	}
	return r;
}
