/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"

/* For boots that fail: the driver that stores the account in an EFI variable, and whether a TPM
 * guards secrets of this machine. */

enum { CRYPTTAB_SIZE_MAX = 1024 * 1024 };

/* LINE is crypttab's: NAME DEVICE KEYFILE OPTIONS, or a # comment. */
static bool is_sealed(char *line)
{
	const char *blanks = " \t", *options;
	char *rest = line + strspn(line, blanks);

	if (*rest == '#')
		return false;
	for (int i = 0; i < 3; i++) {
		rest += strcspn(rest, blanks);
		rest += strspn(rest, blanks);
	}
	options = rest;
	while ((options = strstr(options, "tpm2-device="))) {
		if (options == rest || options[-1] == ',')
			return true;
		options++;
	}
	return false;
}

bool build_is_measured(const struct build *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line;

	if (root_read(b->root, "/etc/crypttab", CRYPTTAB_SIZE_MAX, &text) < 0)
		return false;
	cursor = (char *)buf_cstr(&text);
	while (cursor && (line = strsep(&cursor, "\n")))
		if (is_sealed(line))
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
