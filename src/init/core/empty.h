/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

/* Deletes what the folder FD holds on DEVICE, and closes FD. Never crosses into another
 * filesystem. */
void empty_folder(int fd, dev_t device);
