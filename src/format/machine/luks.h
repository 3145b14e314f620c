/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header of a LUKS volume: what a kernel and an image need in order to open it. Only the first
 * of the two headers of LUKS2 is read. Nothing secret is in what is kept of it. Source: the LUKS1
 * and LUKS2 On-Disk Format Specifications of the cryptsetup project. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	LUKS_HEADER_MAX = 4 * 1024 * 1024, /* of LUKS2, with its JSON */
	LUKS_CIPHERS_MAX = 8,
	LUKS_HASHES_MAX = 8,
	LUKS_TEXT_MAX = 64,
	LUKS_SLOTS_MAX = 32,
	LUKS_PIN_MAX = 512,
};

struct luks {
	unsigned version; /* 1 or 2 */
	char uuid[40];
	/* Of the volume and its key slots, each once: "aes-xts-plain64". */
	char ciphers[LUKS_CIPHERS_MAX][LUKS_TEXT_MAX];
	size_t n_ciphers;
	/* Of key slots and digests, which whoever opens the volume computes, each once; further ones are left out. */
	char hashes[LUKS_HASHES_MAX][LUKS_TEXT_MAX];
	size_t n_hashes;
	char integrity[LUKS_TEXT_MAX]; /* "hmac(sha256)"; "": none */
	bool is_opal;		       /* the disk itself encrypts */
	unsigned n_slots;
	/* The type of a token, a way to the key of a slot without a passphrase: "clevis", "systemd-tpm2"; "": none. */
	char token[LUKS_TEXT_MAX];
	unsigned n_passphrases;	       /* slots that no such token has */
	uint32_t memory;	       /* KiB that the most expensive slot's key derivation takes */
	bool is_reencrypting;
	/* The digest of the volume key, and the cipher: what remains the same for as long as the volume has the
	 * same key, whatever passphrases are added or removed. Without blanks. "": there is not exactly one. */
	char pin[LUKS_PIN_MAX];
};

/* How many bytes luks_decode() needs, from DATA, the first LEN of a volume, at least 512. -ENOENT: it is no
 * LUKS volume; -EBADMSG. */
int luks_size(const void *data, size_t len, size_t *out, struct err *err);

/* -EBADMSG: its checksum, its numbers or its JSON are wrong. -EPROTONOSUPPORT: a newer version or
 * kind. */
int luks_decode(const void *data, size_t len, struct luks *out, struct err *err);

/* Has the volume that begins with DATA, LEN bytes, this PIN, whichever of its headers cryptsetup uses? LEN is twice
 * what luks_size() says, where there are two. -EKEYREJECTED: it has another one; or as luks_decode(). */
int luks_check_pin(const void *data, size_t len, const char *pin, struct err *err);
