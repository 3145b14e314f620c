/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Removes EFI variables. efivarfs marks those that it does not know as immutable. */

#include "base/err.h"
#include "host/root.h"

/* PATH: of the variable's file, or of any other. 0, also if it is not there, or -errno. */
int efivar_remove(const struct root *root, const char *path, struct err *err);
