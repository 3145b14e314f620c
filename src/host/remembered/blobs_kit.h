/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by blobs.c and blobs_commit.c: the files of blobs that are open in this run. */

#include <pthread.h>
#include <stdatomic.h>

#include "format/ours/blobfile.h"
#include "host/remembered/blobs.h"

#define BLOBS_PREFIX "blobs-"

enum {
	NAME = 72,
	HEX = 16, /* digits of a number or of a random one in a name */
	FILES_MAX = 64, /* older ones are deleted */
	TEMP_AGE = 3600, /* seconds, after which its maker is dead */
	DAY = 24 * 3600,
	OLD_NAME = 2 * DIGEST_SIZE, /* of a file with one blob, before version 2 */
};

struct file {
	char name[NAME]; /* "": this run's */
	int fd;
	struct blobfile_entry *list; /* by key; size 0: gone */
	size_t count;
	uint64_t size; /* of the blobs, where the index is */
	_Atomic bool damaged, used;
};

struct blobs {
	int folder;
	struct file *files; /* of earlier runs, newest first */
	size_t n_files;
	char (*unusable)[NAME];
	size_t n_unusable;
	uint64_t number; /* of the newest file */
	uint32_t today;
	pthread_mutex_t lock;
	struct file own;
	char temp[NAME]; /* its name until it is complete; "": it has none */
	uint64_t new_bytes;
	bool tight; /* over the limit */
	_Atomic size_t damaged;
};

bool blobs_random(unsigned long long *out);

/* Never follows a link. MODE: O_RDONLY or O_WRONLY. */
int blobs_open_file(int folder, const char *name, int mode);

/* Closes F and frees its list. */
void blobs_forget(struct file *f);

/* The blob with the digest KEY of its key; NULL. */
struct blobfile_entry *blobs_find(const struct file *f, const uint8_t *key);

/* Takes SIZE bytes of this run's file, which is created first if need be. Call with the lock held. 0
 * or -errno. */
int blobs_reserve(struct blobs *b, uint64_t size, uint64_t *offset);

/* Adds E to the list, in order, in place of one with the same key. */
void blobs_insert(struct file *f, const struct blobfile_entry *e);

/* All of DATA at OFFSET. 0 or -errno. */
int blobs_write(int fd, const void *data, size_t len, uint64_t offset);
