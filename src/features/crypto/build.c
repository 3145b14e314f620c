/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

/*
 * Ciphers and checksums. The kernel asks for them by name in mid-mount, and which it will ask
 * for lies on the disk: an image for any machine has them all. For this machine those that its
 * filesystem's driver depends on come with that driver.
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
