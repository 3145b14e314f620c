/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The builder's side of LUKS volumes: which ones a hostonly image opens, and what crypttab says of
 * them. build.c has the modules and the program, table.c the rest.
 */

#include "features/features.h"
#include "format/machine/crypttab.h"
#include "format/machine/luks.h"

enum { CRYPT_LIST_MAX = 32 };

struct crypt_listed {
	const char *name, *device; /* "UUID=..." */
	const char *key, *options, *from; /* of crypttab's line FROM; NULL: it has none */
	bool is_extra; /* not on the way to anything: crypttab wants it opened */
	bool has_old_hash, may_have_old_hash; /* of luks.h; MAY: as far as is known */
	const char *pin; /* of luks.h; NULL: its header was not read, or it cannot be pinned */
};

struct crypt_list {
	struct crypt_listed list[CRYPT_LIST_MAX];
	size_t n;
	bool asks;	 /* a passphrase is needed for one of them */
	bool has_unread; /* one whose header nobody has read */
};

/* False: it is there already, or there are too many. */
bool crypt_add(struct crypt_list *l, const char *name, const char *device);

/* Reads the machine's crypttab: the lines of those in L, and further ones that it says an initramfs is to
 * open. -EBADMSG: a line is not understood. */
int crypt_read_table(struct build *b, struct crypt_list *l, struct err *err);

/* Makes sure that the keys are in the image that its own kernel parameters name. -ENOENT, -EPERM. */
int crypt_check_keys(struct build *b, struct err *err);

/* Writes the line of boot.conf for V, once the files of the image are known. -ENOTSUP: it cannot be opened at boot. */
int crypt_write(struct build *b, const struct crypt_listed *v, struct err *err);
