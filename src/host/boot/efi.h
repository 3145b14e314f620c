/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Variables of the EFI firmware that started a machine, see format/kernel/efivar.h. */

#include <stdbool.h>

#include "base/buf.h"
#include "host/root.h"

/* Appends the variable NAME, which ends with the identifier of its owner, with its attributes in
 * front. 0 or -errno. */
int efi_read(const struct root *r, const char *name, struct buf *out);

/* A text. False: there is none, or it is no text. */
bool efi_text(const struct root *r, const char *name, char *out, size_t size);
