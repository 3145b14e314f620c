/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What other packages want to be run once an image is replaced: the programs in
 * /etc/initramfs/post-update.d, which is initramfs-tools' place for them. They write images to where
 * a boot loader without files reads them, as flash-kernel and zipl do.
 */

#include "deploy/loader/loader.h"

/*
 * To be called wherever the image of a kernel has got other bytes, without the lock: one of them may run
 * preroot. Runs each with the version of the kernel, that of Q, and the path of its image, IMAGE below
 * the root; none if kernel-install keeps the image elsewhere than in /boot: it is not theirs. As
 * run-parts does it: only names of letters, digits, '-' and '_', sorted. No shell. One that fails keeps
 * none from being run: ERR has the texts of all that failed, its hint their commands, and the code is that of
 * the first. -EPERM: somebody other than root may change it, and it was not run; or the folder, and none was.
 */
int loader_run_scripts(const struct loader_request *q, const char *image, struct err *err);
