/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Will the kernel start a program? Found out before the initramfs is left, since afterwards there
 * is no way back. The kernel itself is asked, so that nothing is refused that it would start: a
 * program of another word size, one that binfmt_misc knows. The file is read only to say why not.
 */

#include <stddef.h>

/*
 * 0 if the kernel can start PATH, as seen from the present root directory. -errno if not, and WHY
 * says why, starting with the path. The program does not run: a child executes it under ptrace(2),
 * which stops it before its first instruction, and is killed there. If that is not possible, any
 * regular file with the x bit passes. Blocks as long as the disk does.
 */
int runnable_check(const char *path, char *why, size_t size);
