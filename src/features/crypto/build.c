/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

/*
 * Ciphers and checksums. The kernel requests them by name during a mount, and only the disk says
 * which, so a generic image has them all. In a hostonly image they come as dependencies of the
 * filesystem's driver.
 */

static const struct modules_rule rules[] = {
	{"kernel/crypto/", "ciphers and checksums", REACH_GENERIC, 0},
	{"kernel/arch/*/crypto/*", "ciphers and checksums", REACH_GENERIC, 0},
	{"kernel/drivers/crypto/", "ciphers in hardware", REACH_GENERIC, 0},
	{0},
};

int crypto_build(struct build *b, struct err *err)
{
	return modules_add_rules(b->modules, rules, build_reach(b), err);
}
