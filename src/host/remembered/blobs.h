/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Blobs by key in the files of one folder, which belongs to the caller. A run appends what it puts
 * to one file of its own; the file gets its name, "blobs-NUMBER-RANDOM", when it is complete. A file
 * with a name never changes but for the days of use, and is only replaced as a whole: small ones and
 * those with much that is out of date become part of the next new file. There are no locks: two runs
 * at once make two files, and a file that the other one deletes remains readable.
 *
 * Nothing is trusted without a check: files that are not the caller's, that others may write to or
 * that are damaged are not used, and neither is a blob whose key or digest differs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"

struct blobs;

/* FOLDER must stay open as long; -1: nothing was kept earlier, and nothing will be. Never NULL. */
struct blobs *blobs_open(int folder);

/* Frees B. What was put and not committed is lost. */
void blobs_close(struct blobs *b);

/*
 * 1: the data was appended to OUT, its digest is in SHA256. 0: there is none, or it has more than
 * MAX bytes. -1: it is damaged, and from now on there is none. MARK: it counts as used today.
 * Thread-safe.
 */
int blobs_get(struct blobs *b, const char *key, size_t max, bool mark, struct buf *out,
	      uint8_t sha256[DIGEST_SIZE]);

/* Replaces what has this KEY. SHA256: of DATA. 0 or -errno. Thread-safe. */
int blobs_put(struct blobs *b, const char *key, const void *data, size_t len,
	      const uint8_t sha256[DIGEST_SIZE]);

/* Bytes that this run has put. */
uint64_t blobs_new_bytes(struct blobs *b);

/* Files and blobs that were damaged or not trustworthy. */
size_t blobs_damaged(struct blobs *b);

/*
 * Keeps what was put, deletes what is damaged and, if there is more than LIMIT, what was not used
 * for the longest time. At most ROOM bytes are copied from older files. Nothing is written if
 * nothing was put, damaged, too much, or used for the first time today. Once for each B. 0 or
 * -errno.
 */
int blobs_commit(struct blobs *b, uint64_t limit, uint64_t room);

/* Is this the name of a file of ours, or of what a killed run or an older version left? */
bool blobs_is_ours(const char *name);
