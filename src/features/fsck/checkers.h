/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/*
 * The filesystems that are checked before they are mounted: ROW(type, the checker's options to
 * repair what is safe, everything, and nothing; to force a check; to show progress). NULL: it has
 * no such option. Other filesystems are not checked before the mount: their drivers or their own
 * tools do that. For the builder and PID 1.
 */
#define FSCK_CHECKERS(ROW)                                                                         \
	ROW("exfat", "-p", "-y", "-n", NULL, NULL)                                                 \
	ROW("ext2", "-p", "-y", "-n", "-f", "-C1")                                                 \
	ROW("ext3", "-p", "-y", "-n", "-f", "-C1")                                                 \
	ROW("ext4", "-p", "-y", "-n", "-f", "-C1")                                                 \
	ROW("f2fs", "-a", "-f", "--dry-run", "-f", NULL)                                           \
	ROW("jfs", "-p", "-p", "-n", "-f", NULL)                                                   \
	ROW("minix", "-a", "-a", NULL, "-f", NULL)                                                 \
	ROW("msdos", "-a", "-y", "-n", NULL, NULL)                                                 \
	ROW("vfat", "-a", "-y", "-n", NULL, NULL)
