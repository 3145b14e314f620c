/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the parts of this feature: the files that may hold microcode, the processors that it is
 * wanted for, and what each vendor's part selects from them.
 */

#include "features/features.h"
#include "format/machine/microcode.h"

enum { MICROCODE_SIZE_MAX = 64 * 1024 * 1024 }; /* of one file, decompressed */

struct microcode_file {
	const char *path; /* below the root */
	const char *name; /* without folder and compression suffix */
};

/*
 * Finds the files of FOLDER in the firmware folders and those of fw_dir, for which IS_ONE returns
 * true, sorted by name. Files of the same name in two folders are two files, the one in the earlier
 * folder first; in one folder, the uncompressed file hides the others. Returns their number or -errno.
 */
int microcode_find(struct build *b, const char *folder, bool (*is_one)(const char *name),
		   struct microcode_file **out, struct err *err);

/* Its content, decompressed. */
int microcode_read(struct build *b, const struct microcode_file *f, struct buf *out,
		   struct err *err);

/*
 * A file that cannot be used. If its NAME says that it is for processors that are not wanted, this
 * adds a warning and returns 0; otherwise it is an error with a hint.
 */
int microcode_damaged(struct build *b, const struct microcode_file *f, bool is_others,
		      struct err *err);

/* Are all processors of the vendor wanted, or only those of the machine? */
bool microcode_wants_all(const struct build *b);

/* Processor number INDEX among those of VENDOR that can load microcode; NULL: no more. */
const struct hw_cpu *microcode_cpu(const struct build *b, const char *vendor, size_t index);

/* What was chosen for one vendor. */
struct microcode_choice {
	struct buf data;   /* as the kernel is to find it; len 0: nothing */
	struct buf reason; /* what it is, and where it comes from: text */
};

int microcode_choose_intel(struct build *b, struct microcode_choice *out, struct err *err);
int microcode_choose_amd(struct build *b, struct microcode_choice *out, struct err *err);

/* "2023-02-23" */
const char *microcode_date_text(const struct microcode_date *d, char out[16]);
