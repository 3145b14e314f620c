/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The root directory of the machine that is read. Every path goes through here, so
 * that --root DIR and the tests see nothing of the machine they run on: symbolic links, even
 * absolute ones, are resolved inside the directory (openat2, RESOLVE_IN_ROOT).
 * Paths are given with or without a leading slash.
 */

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct cache;
struct held;
struct stored;
struct trace;

struct root {
	int fd;
	char path[PATH_MAX]; /* absolute, for messages and for libraries that want a path */
	bool is_host;     /* it is "/" itself */
	struct trace *trace; /* notes each question below, see host/remembered/trace.h; NULL: nothing does */
	struct cache *cache; /* earlier results from its files; NULL: none */
	struct stored *stored; /* its files in compressed form; NULL: none are known or wanted */
	struct held *held;     /* see root_hold() */
};

/* Close with root_close(). */
int root_open(const char *path, struct root *out, struct err *err);
void root_close(struct root *r);
#define _cleanup_root_ __attribute__((cleanup(root_close)))

/* The prefix of "/path" for messages to people: empty for the host itself. */
const char *root_prefix(const struct root *r);

/* PATH below the root, as other programs call it. */
const char *root_path(const struct root *r, const char *path, struct arena *arena);

/* The same, as a word of a shell command that is shown to people. */
const char *root_quoted(const struct root *r, const char *path, struct arena *arena);

/* For code that reads a file without these functions, through a library that wants a path: to be
 * called first. The second one is for a path of the calling process, absolute or not. */
void root_note(const struct root *r, const char *path);
void root_note_outside(const struct root *r, const char *path);

/* Folders below PREFIX will stay open until the next root_hold() or root_close(), so that the status
 * of a file in one of them takes one call. For one tree with many files. A folder that is renamed or
 * replaced meanwhile is still the one that was opened. Not while other threads use R. */
void root_hold(const struct root *r, const char *prefix);

struct held_folder {
	int fd;
	dev_t device;
};

/* The folder that stays open and that PATH is in, with the name of PATH in it, which may be that of
 * a link; NULL: there is none. */
const struct held_folder *root_held(const struct root *r, const char *path, const char **name);

/* File descriptor or -errno; O_CLOEXEC is added. */
int root_openat(const struct root *r, const char *path, int flags);

/* Appends a regular file's content. 0 or -errno; -E2BIG over MAX bytes. */
int root_read(const struct root *r, const char *path, size_t max, struct buf *out);

/* First line of a small file (as in /sys), without its newline; NULL when unreadable. */
char *root_read_line(const struct root *r, const char *path, struct arena *arena);

/* 0 or -errno. Links are followed, but for the last component with root_lstat(). */
int root_stat(const struct root *r, const char *path, struct stat *st);
int root_lstat(const struct root *r, const char *path, struct stat *st);
bool root_exists(const struct root *r, const char *path);

/* Target of a symbolic link as written; NULL when PATH is not a link. */
char *root_readlink(const struct root *r, const char *path, struct arena *arena);

/* PATH with all links resolved, below the root, without a leading slash; NULL when it does not
 * exist. */
char *root_resolve(const struct root *r, const char *path, struct arena *arena);

/* Names in a directory, sorted, without "." and "..". *NAMES ends with NULL. Count or -errno. */
int root_listdir(const struct root *r, const char *path, struct arena *arena, char ***names);
