/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cleanup.h"
#include "features/features.h"
#include "format/machine/crypttab.h"
#include "format/machine/fstab.h"

/* For boots that fail: the driver that stores the account in an EFI variable, and whether a TPM
 * guards secrets of this machine. */

bool build_is_measured(const struct build *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct crypttab table = {0};
	struct crypttab_entry e;
	const char *why;
	int r;

	if (root_read(b->root, "/etc/crypttab", CRYPTTAB_SIZE_MAX, &text) < 0)
		return false;
	table.cursor = (char *)buf_cstr(&text);
	while ((r = crypttab_next(&table, &e, &why)))
		if (r > 0 && fstab_has(e.options, "tpm2-device"))
			return true;
	return false;
}

/* A hostonly image for this very machine needs it only if that has EFI. */
static int add_efivarfs(struct build *b, struct err *err)
{
	int r = 0;

	if (!build_is_hostonly(b) || b->request->hardware_file ||
	    root_exists(b->root, "/sys/firmware/efi"))
		r = modules_add_name(b->modules, "efivarfs", 0,
				     "stores why a boot failed in an EFI variable", err);
	return r < 0 ? r : 0;
}

int failure_build(struct build *b, struct err *err)
{
	if (build_is_measured(b))
		buf_add_str(&b->boot_conf, "secrets=measured\n");
	return add_efivarfs(b, err);
}
