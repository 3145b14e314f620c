/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What was requested: the command line overrides the configuration, which overrides the defaults.
 * Plain data.
 */

#include <stdbool.h>
#include <stddef.h>

#include "format/codec/codec.h"

enum plan_mode {
	MODE_SLOPPY,   /* this machine's way to root, and what people plug in or move it to */
	MODE_STRICT,   /* this machine's way to root alone */
	MODE_PORTABLE, /* this machine's way to root, on any hardware */
	MODE_GENERIC,  /* any machine's */
};

/* Who gets the rescue shell. */
enum request_shell {
	RESCUE_SHELL_DEFAULT,  /* as PASSWORD, but no shell if secrets are measured */
	RESCUE_SHELL_PASSWORD, /* whoever knows root's password */
	RESCUE_SHELL_OPEN,     /* everybody */
};

struct request_include {
	const char *source; /* path of the calling process */
	const char *target; /* in the image */
};

struct request_words {
	const char **list;
	size_t n;
};

/* A request in a settings file, or of the command line. */
enum wish_kind {
	WISH_INSTALL,
	WISH_INSTALL_OPTIONAL,
	WISH_PACK_MODULE,
	WISH_LOAD_MODULE, /* and load it when PID 1 starts */
	WISH_OMIT_MODULE, /* a regular expression (POSIX, extended) for whole names */
	WISH_FILESYSTEM,  /* to pack; in a generic image instead of all */
	WISH_CMDLINE,     /* a line of kernel parameters */
	WISH_ADD_FEATURE,
	WISH_OMIT_FEATURE,
	WISH_NOTE, /* none: the word is a warning about one that is not fulfilled */
};

struct request_wish {
	enum wish_kind kind;
	const char *word;
	const char *from; /* "FILE:LINE: KEY", or "--OPTION" */
};

/* Which of these the command line sets: for them the configuration is ignored. */
struct request_given {
	bool kind, mode, codec, store, microcode, embed_root;
};

struct request {
	struct request_given given;
	enum plan_mode mode;
	enum codec codec;          /* CODEC_COUNT: choose */
	const char *codec_from;    /* "FILE:LINE: KEY"; NULL: the command line */
	int level;                 /* of the codec; 0: ours */
	int levels[CODEC_COUNT];   /* of each codec, if LEVEL is 0; 0: ours */
	int store_level;           /* see plan_parse_store() */
	const char *kernel;        /* NULL: choose */
	const char *elsewhere;     /* where this runs, if another machine may be the one that boots: the
				    * image is generic unless the command line says otherwise; NULL */
	bool elsewhere_has_disk;   /* the root there is on a disk: not generic, but never for less than
				    * the mode sloppy */
	const char *hardware_file; /* NULL: read this machine */
	const char *hardware_text; /* its content, if it could be read only once; NULL */
	const char *init;          /* the static PID 1 to pack, path of the calling process */
	struct request_words firmware; /* folders below the root, searched before those of the kernel */
	struct request_words drivers; /* further modules, by name */
	struct request_words force_drivers; /* the same, to be loaded when PID 1 starts */
	struct request_include *includes;
	size_t n_includes;
	struct request_words install;          /* paths below the root, or names of programs */
	struct request_words install_optional; /* the same; may be missing */
	struct request_words remove;           /* patterns of paths in the image */
	struct request_words dlopen_add;       /* features of libraries that are opened later: */
	struct request_words dlopen_omit;      /* "PATTERN:FEATURE[,...]", see plan/programs/binaries.h */
	struct request_words add;            /* names of features, or of dracut's modules */
	struct request_words force_add;      /* the same, even if they are omitted */
	struct request_words omit;
	struct request_words only;           /* of what can be omitted, all others are */
	struct request_words omit_drivers;
	struct request_words only_drivers;   /* instead of what rules choose */
	struct request_words filesystems;
	struct request_words kernel_cmdline; /* kernel parameters for the image, each a whole line */
	const struct request_wish *wishes;   /* they are applied before those of the command line */
	size_t n_wishes;
	enum request_shell rescue_shell;
	bool no_microcode;
	bool no_rules;   /* of modules, only what the way to the root needs and what is named */
	bool embed_root; /* a hostonly image says itself where the root is */
	bool only_cmdline; /* no image is made, but its kernel parameters are shown; ELSEWHERE, fstab alone
			    * says where the root is */
	const char *initramfs_tools; /* the folder, below the root, of its settings that count; "none":
				      * none do; NULL: /etc/initramfs-tools */
	const char *acpi_tables;   /* folder with ACPI tables; NULL: none */
	const char *acpi_from;     /* "FILE:LINE: KEY": it is below the root; NULL: the command line,
				    * and it is a path of the calling process */
};
