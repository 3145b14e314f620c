/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The builder's side of LUKS volumes: which ones an image opens, and what crypttab says of
 * them. build.c has the list, header.c the modules that each needs, program.c cryptsetup, names.c what a name refers to, table.c the lines of crypttab,
 * keys.c their keys.
 */

#include "features/features.h"
#include "format/machine/crypttab.h"
#include "format/machine/luks.h"

enum { CRYPT_LIST_MAX = 32 /* as many as PID 1 opens */ };

struct crypt_listed {
	const char *name, *device; /* "UUID=..." */
	const char *way; /* what the boot needs it for: "the way to /"; NULL: nothing */
	bool is_optional; /* it may be left out */
	bool asks;	 /* PID 1 asks for a passphrase, for want of a key */
	const char *key, *options, *from; /* of crypttab's line FROM; NULL: it has none */
	struct luks luks; /* if IS_READ */
	bool is_read;
};

struct crypt_list {
	struct crypt_listed list[CRYPT_LIST_MAX];
	size_t n;
	bool has_unread; /* one whose header nobody has read */
};

/* *OUT: the volume NAME, which is new. 1; 0: it is there already; -E2BIG. */
int crypt_add(struct crypt_list *l, const char *name, const char *device, struct crypt_listed **out,
	      struct err *err);

/* Warns, for the reason in ERR, which is cleared, that the image does not open the volume NAME, without which the machine
 * boots. 0. */
int crypt_leave_out(struct build *b, const char *name, struct err *err);

/* Is what is below the root the machine that an image of Q is for, so that its volumes count? */
bool crypt_is_machine(const struct request *q);

/* Is a volume open, whose name is NAME, if that is not NULL? */
bool crypt_finds_open(const struct root *root, const char *name, struct arena *a);

/* Do the OPTIONS of crypttab say that an initramfs opens the volume? */
bool crypt_is_marked(const char *options);

/* Does fstab have / or /usr on the volume NAME? */
bool crypt_is_in_fstab(const struct root *root, const char *name);

/* Reads the header of V, which is K on the way to M, and adds the modules that it needs. */
int crypt_add_header(struct build *b, const struct hw_mount *m, const struct hw_block *k, struct crypt_listed *v,
		     struct err *err);

/* For volumes of which nothing is known. IS_REQUIRED: the boot depends on one. */
int crypt_add_all_modules(struct build *b, bool is_required, struct err *err);

/* Adds cryptsetup, which is at PATH, for the volumes of B. */
int crypt_add_program(struct build *b, const char *path, struct err *err);

/* Reads the machine's crypttab: the lines of those in L, and further ones that an initramfs is to
 * open. KNOWS_ROOT: what / is on is known, and in L. -EBADMSG: the line of
 * one of those in L is not understood. */
int crypt_read_table(struct build *b, bool knows_root, struct crypt_list *l, struct err *err);

/* Writes the lines of boot.conf for V. To be called once the plan has all files. -ENOTSUP: it cannot be opened at
 * boot; -ENOENT: the image lacks its key. V->asks is set. */
int crypt_write(struct build *b, struct crypt_listed *v, struct err *err);

/* *OUT: the path of V's key, for PID 1; "none": the passphrase is asked for. Nobody but root may read the file in the
 * image. As crypt_write(). */
int crypt_take_key(struct build *b, const struct crypt_listed *v, const char **out, struct err *err);

/* The same for the keys that the image's own parameters name. */
int crypt_check_params(struct build *b, struct err *err);

/* The error for V, whose line of crypttab has WORD: -ENOTSUP. */
int crypt_refuse(const struct crypt_listed *v, const char *word, struct err *err);
