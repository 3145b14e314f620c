/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The content of an image as requested on the command line: the options that build, rebuild, plan
 * and audit share.
 */

#include "base/arena.h"
#include "cli/options.h"
#include "host/root.h"
#include "plan/request.h"

#define REQUEST_OPTIONS                                                                         \
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT, true},         \
	{"hostonly", 'H', NULL, "for this machine only (the default)", OPT_HOSTONLY, true},     \
	{"generic", 'N', NULL, "for any machine", OPT_GENERIC, true},                           \
	{"generic-elsewhere", 0, NULL, "the same, but only in a container, or in a chroot without a disk", \
	 OPT_GENERIC_ELSEWHERE, true},                                                          \
	{"hostonly-mode", 0, "MODE", "strict, sloppy (the default) or portable",                \
	 OPT_HOSTONLY_MODE, true},                                                              \
	{"hardware", 0, "FILE", "for the machine that FILE describes", OPT_HARDWARE, true},     \
	{"include", 'i', "SRC DST", "put file or folder SRC at DST", OPT_INCLUDE, true},        \
	{"add", 'a', "LIST", "add these features, or modules of dracut", OPT_ADD, true},        \
	{"force-add", 0, "LIST", "add these even if they are omitted", OPT_FORCE_ADD, true},    \
	{"omit", 'o', "LIST", "leave these out", OPT_OMIT, true},                               \
	{"modules", 'm', "LIST", "of what can be omitted, only these", OPT_MODULES, true},      \
	{"rescue-shell", 0, "WHO", "password (root's is asked), or open (everybody)",           \
	 OPT_RESCUE_SHELL, true},                                                               \
	{"kernel-cmdline", 0, "WORDS", "kernel parameters for the image",                       \
	 OPT_CMDLINE, true},                                                                    \
	{"add-drivers", 0, "LIST", "add these kernel modules", OPT_DRIVERS, true},              \
	{"force-drivers", 0, "LIST", "add them, and load them when PID 1 starts",               \
	 OPT_FORCE_DRIVERS, true},                                                              \
	{"omit-drivers", 0, "LIST", "leave out kernel modules with these names",               \
	 OPT_OMIT_DRIVERS, true},                                                               \
	{"drivers", 'd', "LIST", "beside the way to the root, only these",                      \
	 OPT_ONLY_DRIVERS, true},                                                               \
	{"filesystems", 0, "LIST", "add these filesystems; a generic image: only these",         \
	 OPT_FILESYSTEMS, true},                                                                \
	{"hostonly-cmdline", 0, NULL, "the image itself says where the root is",               \
	 OPT_HOSTONLY_CMDLINE, true},                                                           \
	{"no-hostonly-cmdline", 0, NULL, "the boot loader does (the default)",                  \
	 OPT_NO_HOSTONLY_CMDLINE, true},                                                        \
	{"install", 'I', "LIST", "add these files and programs", OPT_INSTALL, true},            \
	{"install-optional", 0, "LIST", "add these if they exist",                              \
	 OPT_INSTALL_OPTIONAL, true},                                                           \
	{"remove", 0, "LIST", "take out what matches these patterns", OPT_REMOVE, true},        \
	{"add-dlopen-features", 0, "LIST", "add optional libraries of programs",                \
	 OPT_DLOPEN_ADD, true},                                                                 \
	{"omit-dlopen-features", 0, "LIST", "leave out such libraries",                         \
	 OPT_DLOPEN_OMIT, true},                                                                \
	{"compress", 0, "CODEC[:LEVEL]", "zstd, xz, lz4, gzip, bzip2, lzma, lzo, none or auto", \
	 OPT_COMPRESS, true},                                                                   \
	{"compress-store", 0, "CODEC[:LEVEL]", "modules and firmware: zstd, none or auto",      \
	 OPT_COMPRESS_STORE, true},                                                             \
	{"early-microcode", 0, NULL, "add CPU microcode (the default)",                         \
	 OPT_MICROCODE, true},                                                                  \
	{"no-early-microcode", 0, NULL, "add no CPU microcode", OPT_NO_MICROCODE, true},        \
	{"acpi-override", 0, "DIR", "add the ACPI tables in DIR", OPT_ACPI, true},              \
	JSON_OPTION

struct cli_request {
	struct request request;
	const char *root;
	bool json;
	bool is_generic, generic_elsewhere;
	const char *hostonly_mode; /* NULL if not given */
	struct arena arena;
};

void cli_request_init(struct cli_request *r);
void cli_request_clear(struct cli_request *r);
#define _cleanup_request_ __attribute__((cleanup(cli_request_clear)))
int cli_request_apply(const struct option_spec *spec, char **args, void *request, struct err *err);

/* When all options are known: settles the mode, and reads a description of hardware that comes
 * through a pipe. Options that contradict each other: -EINVAL. */
int cli_request_settle(struct cli_request *r, struct err *err);

/* For a call without a version: warns if CHOSEN (NULL: what kernel_find() chooses) is not the kernel
 * that is running, which then has no modules here. */
void cli_warn_of_choice(const struct root *root, const char *chosen);

/* The PID 1 program: beside this one (in a build folder), or where it is installed. */
const char *cli_find_init(struct arena *arena);

/* How BASE and STORE (modules and firmware) are compressed. */
const char *cli_codec_names(enum codec base, enum codec store, char out[64]);

/* "generic", or which kind of hostonly. */
const char *cli_mode_name(enum plan_mode mode);
