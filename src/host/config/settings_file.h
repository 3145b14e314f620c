/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads one file of settings, of dracut's or another builder's, and says what to do if it cannot be one.
 */

#include "base/buf.h"
#include "base/err.h"
#include "host/root.h"

/* Appends the text of PATH below ROOT to OUT. SHOWN: the file in messages. -ENOENT or -ENOTDIR if it is
 * not there, without a message, since that may be no error; -EISDIR or -EINVAL if it is no file;
 * -E2BIG over CONF_SIZE_MAX; other codes of root_read(). */
int settings_file_read(const struct root *root, const char *path, const char *shown, struct buf *out,
		       struct err *err);
