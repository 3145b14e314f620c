/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the dynamic linker of a root would find a library: a model of ld.so of glibc and of musl
 * that reads and never runs anything.
 *
 * glibc: DT_RPATH of the object that needs the library and of those that it was loaded for, unless
 * it has a DT_RUNPATH; its DT_RUNPATH; /etc/ld.so.cache; the default folders. Folders that only
 * /etc/ld.so.conf names come last: ldconfig would find them. $ORIGIN, $LIB and $PLATFORM are
 * replaced. musl: run paths of both kinds, inherited; /etc/ld-musl-ARCH.path, or its default
 * folders; no cache. Sources: ld.so(8); elf/dl-load.c of glibc; ldso/dynlink.c of musl.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "format/program/elf.h"
#include "host/root.h"

struct linker;

/* An ELF file, read once. Strings live as long as the arena. */
struct linker_file {
	const char *path; /* with a leading slash, as it was found */
	int class, machine;
	bool no_default;
	const char *interp, *soname, *rpath, *runpath;
	const char **needed;
	size_t n_needed;
	struct elf_note *notes; /* their texts are copies */
	size_t n_notes;
};

/* A file in a running program. */
struct linker_object {
	const struct linker_file *file;
	const char *name;		    /* the name that it was requested by */
	const char *origin;		    /* its folder, for $ORIGIN */
	const struct linker_object *loader; /* that needs it; NULL: the program itself */
	const char *musl;		    /* the program's: path of musl's linker; NULL: glibc */
};

/* A library that was looked for. */
struct linker_found {
	const char *path; /* NULL: there is none */
	bool by_name;	  /* not by a run path, but where every program looks */
	bool is_linker;	  /* musl: the library is the dynamic linker itself */
	const char
		*looked; /* if there is none: where it was searched for, and what was found there */
};

struct linker *linker_new(const struct root *root, struct arena *arena);
void linker_free(struct linker *l);

/* The decoded ELF file at PATH. 0; -errno; what elf_decode() gives. Answers are remembered. */
int linker_read(struct linker *l, const char *path, const struct linker_file **out,
		struct err *err);

/* The same for bytes that will be at PATH in the image; nothing is remembered. */
int linker_decode(struct linker *l, const void *data, size_t len, const char *path,
		  const struct linker_file **out, struct err *err);

/* The dynamic linker of musl that FILE is for; NULL: it is for glibc. */
const char *linker_musl(struct linker *l, const struct linker_file *file);

/* musl's file of search folders, "etc/ld-musl-ARCH.path"; NULL when the root has none. */
const char *linker_musl_path_file(struct linker *l, const char *musl);

void linker_find(struct linker *l, const char *name, const struct linker_object *by,
		 struct linker_found *out);

/*
 * Variants of the library at PATH for newer processors, in folders below glibc-hwcaps beside it.
 * *OUT: their paths, ends with NULL; the folder's name is the last but one part.
 */
size_t linker_variants(struct linker *l, const char *path, const struct linker_file *like,
		       const char ***out);
