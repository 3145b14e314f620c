/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * CPU microcode as the kernel's early loader accepts it. Intel: updates one after another, each
 * with a header that names the processors it is for, and possibly a table of further ones (Intel
 * SDM, volume 3, "Microcode Update Facilities"). AMD: containers one after another, each a table
 * that gives processors an equivalence number, then patches that refer to such a number
 * (arch/x86/include/asm/microcode_amd.h of Linux 6.1). All numbers are little-endian.
 *
 * A processor is identified by its signature: CPUID leaf 1, EAX. Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Where the kernel looks, in an uncompressed archive at the start of the image. */
#define MICROCODE_DIR        "kernel/x86/microcode/"
#define MICROCODE_PATH_INTEL MICROCODE_DIR "GenuineIntel.bin"
#define MICROCODE_PATH_AMD   MICROCODE_DIR "AuthenticAMD.bin"

enum { MICROCODE_ALIGN = 16 }; /* Intel's processors need the data at a multiple of this */

/* Both vendors write a date as MMDDYYYY, one digit in four bits. */
struct microcode_date {
	unsigned year, month, day;
};

/* The signature of a family, model and stepping as /proc/cpuinfo shows them. */
uint32_t microcode_signature(uint32_t family, uint32_t model, uint32_t stepping);

/* The reverse. */
void microcode_split_signature(uint32_t signature, uint32_t *family, uint32_t *model,
			       uint32_t *stepping);

/* ---- Intel ---- */

struct microcode_intel {
	const uint8_t *data; /* the whole update */
	size_t len;
	int32_t revision;
	struct microcode_date date;
	uint32_t signature;  /* of the header; others may be in the table */
	uint32_t platforms;  /* mask of platform numbers */
	const uint8_t *table; /* of further signatures: 12 bytes each */
	size_t n_table;
};

/*
 * The update at *OFFSET, which then moves past it. 1: an update (pointing into DATA); 0: the end;
 * -EBADMSG, with the offset, for damage (checksums included); -EPROTONOSUPPORT for a newer format.
 */
int microcode_intel_next(const void *data, size_t len, size_t *offset,
			 struct microcode_intel *out, struct err *err);

/* The signature and platform mask number INDEX, the header's own first. False: no more. */
bool microcode_intel_target(const struct microcode_intel *u, size_t index, uint32_t *signature,
			    uint32_t *platforms);

/* Is the update for that processor? PLATFORM is the mask of one platform, 0 for processors that
 * have none; MICROCODE_ANY_PLATFORM when it is not known. */
#define MICROCODE_ANY_PLATFORM UINT32_MAX
bool microcode_intel_fits(const struct microcode_intel *u, uint32_t signature, uint32_t platform);

/* ---- AMD ---- */

struct microcode_amd_container {
	const uint8_t *table; /* of equivalences: 16 bytes each, without the final row */
	size_t n_table;
	const uint8_t *patches;
	size_t patches_len;
};

struct microcode_amd_patch {
	const uint8_t *data; /* with its header */
	size_t len;
	uint32_t level;      /* the revision */
	struct microcode_date date;
	uint16_t equivalence;
};

/* The same for a container. Its patches have been checked when it returns 1. */
int microcode_amd_next(const void *data, size_t len, size_t *offset,
		       struct microcode_amd_container *out, struct err *err);

/* The patch at *OFFSET of the container; 1, or 0 at the end. *OFFSET starts at 0. */
int microcode_amd_next_patch(const struct microcode_amd_container *c, size_t *offset,
			     struct microcode_amd_patch *out);

/* Signature and equivalence number of row INDEX of the table. */
void microcode_amd_row(const struct microcode_amd_container *c, size_t index, uint32_t *signature,
		       uint16_t *equivalence);

/* The next signature that the patch is for, by the table or, since Zen, by its own revision. *CURSOR starts at
 * 0. False: no more. */
bool microcode_amd_target(const struct microcode_amd_container *c,
			  const struct microcode_amd_patch *p, size_t *cursor, uint32_t *signature);

/* Is the patch for that processor? */
bool microcode_amd_fits(const struct microcode_amd_container *c,
			const struct microcode_amd_patch *p, uint32_t signature);

/*
 * Appends a container with the patches of C that WANTED accepts, and the rows of the table that
 * lead to them; nothing when there are none. Returns the number of patches.
 */
size_t microcode_amd_filter(const struct microcode_amd_container *c,
			    bool (*wanted)(const struct microcode_amd_container *c,
					   const struct microcode_amd_patch *p, void *arg),
			    void *arg, struct buf *out);
