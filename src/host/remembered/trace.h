/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a machine was asked, and what it answered: the trace of a plan. A root that has a trace
 * (struct root) notes each question before it asks, so that whatever changes in between shows as a
 * change later. Asking the same questions again shows, without reading contents, whether the plan
 * would be the same.
 *
 * An answer is
 *
 *   of a file       type, permissions, device, inode, size, mtime, ctime
 *   of a folder     device, inode, permissions; if it was listed, the digest of its names
 *   of a link       its target; of a resolved path, the result
 *   missing         the error; of a path, only its first missing part is noted
 *   /proc, /sys     permissions and, if it was read, the digest of the content, since times and
 *   and EFI vars    inodes mean nothing there; of some files only a part (condense.h)
 *
 * Inodes of FAT and anonymous device numbers change with each mount, and are left out. A file that
 * was changed less than TRACE_RACY seconds before the question may change again without a change of
 * its times, so the digest of its content is noted as well.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "host/root.h"

enum {
	TRACE_RACY = 2, /* seconds: the coarsest clock of a filesystem, FAT's */
};

/* What identifies a file as unchanged. */
struct file_identity {
	uint64_t device, inode, size;
	int64_t mtime, ctime; /* nanoseconds */
};

enum { FILE_IDENTITY_SIZE = 5 * 8 };

struct file_identity file_identity(const struct stat *st);
bool file_identity_equal(const struct file_identity *a, const struct file_identity *b);

/* Order by device and inode: two of one file at two times compare as 0. */
int file_identity_compare(const struct file_identity *a, const struct file_identity *b);

/* As FILE_IDENTITY_SIZE bytes: u64, little-endian, in the order of the fields. */
void file_identity_encode(struct buf *out, const struct file_identity *id);
struct file_identity file_identity_decode(const uint8_t *data);

/* A change within the same tick of the clock would not show: do not rely on identity. */
bool file_is_racy(const struct stat *st);
bool file_identity_is_racy(const struct file_identity *id);

enum trace_question {
	TRACE_STAT = 's',    /* what it is; links are followed */
	TRACE_LSTAT = 'n',   /* the same of the link itself */
	TRACE_CONTENT = 'c', /* what it is, and the digest of its content */
	TRACE_LINK = 'l',    /* where it leads, as it is written */
	TRACE_RESOLVE = 'r', /* where it leads in the end */
	TRACE_LIST = 'd',    /* the names in it */
	TRACE_OUTSIDE = 0x80, /* flag: an absolute path of the calling process instead */
};

struct trace_fact {
	int question;
	const char *path;
	const void *answer;
	size_t len;
};

struct trace;

/* For questions below ROOT, which is copied; its descriptor must stay open as long. NULL, and ERR
 * filled, when / cannot be opened. */
struct trace *trace_new(const struct root *root, struct err *err);
void trace_free(struct trace *t);
static inline void cleanup_trace(struct trace **t)
{
	trace_free(*t);
}
#define _cleanup_trace_ __attribute__((cleanup(cleanup_trace)))

/* Asks and notes the answer. TRACE_CONTENT becomes TRACE_STAT where the identity is enough. T may
 * be NULL. Thread-safe. */
void trace_note(struct trace *t, int question, const char *path);

/* The same for what a file is, if it lies in a folder that stays open (root_held()) and was just seen
 * there as ST. False: that is not enough to know it again, and nothing was noted. */
bool trace_note_stat(struct trace *t, const char *path, const struct stat *st);

/* Notes this program and the shared libraries it runs with. */
void trace_note_program(struct trace *t);

/* Everything that was noted, in the order of asking. Valid until the next note. */
size_t trace_facts(const struct trace *t, const struct trace_fact **out);

/* Asks again; true when the answer is that of FACT. */
bool trace_holds(const struct trace *t, const struct trace_fact *fact);
