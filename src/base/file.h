/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files: whole reads and writes that survive EINTR and short transfers. No policy, no printing.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/buf.h"

/* Reads up to LEN bytes, fewer only at the end of the file. Bytes read or -errno. */
ssize_t read_full(int fd, void *data, size_t len);

/* The same at OFFSET; the file position does not change. */
ssize_t pread_full(int fd, void *data, size_t len, uint64_t offset);

/* 0 or -errno. */
int write_full(int fd, const void *data, size_t len);

/* All of N parts, whose list is changed. 0 or -errno. */
int writev_full(int fd, struct iovec *parts, int n);

/* Appends the rest of FD. -E2BIG when that is more than MAX bytes. */
int read_all(int fd, size_t max, struct buf *out);

/* Opens DIRFD/PATH and appends its content; refuses anything that is not a regular file (-EISDIR,
 * -EINVAL), so that a FIFO cannot block us. Files below /proc and /sys are regular files. */
int read_file_at(int dirfd, const char *path, size_t max, struct buf *out);
