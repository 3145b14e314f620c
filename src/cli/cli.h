/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the verbs share: exit statuses, messages for people, JSON for machines, progress, and
 * the options of a request. Only this folder prints and exits.
 */

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "cli/options.h"
#include "deploy/runlog.h"
#include "features/make.h"
#include "plan/request.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,  /* nothing has changed */
	EXIT_USAGE = 2,
	EXIT_FINDING = 3, /* a check found something */
};

/* "preroot: error: ...", the hint on a line of its own. Returns EXIT_FAILED. */
int cli_fail(const struct err *err);

/* The same for a wrong command line: EXIT_USAGE. -ECANCELED (help was shown) is EXIT_DONE. */
int cli_usage(int result, const struct err *err);
/* Whether what goes to F may have colours: it is a terminal, and NO_COLOR is not set. */
bool cli_is_coloured(FILE *f);
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What people are told, up to RUNLOG_INFO if nothing else is said: RUNLOG_WARN are warnings,
 * RUNLOG_INFO what was done. The error of a run that fails, and JSON, are always told. */
void cli_set_level(enum runlog_level level);
bool cli_shows(enum runlog_level level);

/* A warning that is told on every level: what was there before is not there. */
void cli_alarm(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line of RUNLOG_DEBUG or RUNLOG_TRACE on standard error: "preroot: debug: ..." */
void cli_explain(enum runlog_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints OBJECT and gives it back to json-c. */
void cli_print_json(struct json_object *object);

/* A string as JSON can hold it: what is no UTF-8 or a control character is \xNN. */
struct json_object *cli_json_text(const char *text);

/* Flushes stdout: EXIT_FAILED with a message when something was lost, else STATUS. */
int cli_end(int status);

/* Says who holds the lock, for lock_take() (deploy/lock.h). */
void cli_tell_waiting(const char *text, void *arg);

/* The value of --OPTION, from 0 to MAX: 0 or -EINVAL. */
int cli_take_number(const char *option, const char *text, uint64_t max, uint64_t *out,
		    struct err *err);

/* The value of --mode: 0 or -EINVAL. */
int cli_take_mode(const char *text, uint64_t *out, struct err *err);

/* "1.2 MB" */
const char *cli_size(uint64_t bytes, char out[32]);

/* "s", unless N is one. */
const char *cli_plural(size_t n);

/* ---- options of a request, as build and plan have them ---- */

enum option_id {
	OPT_ROOT,
	OPT_HOSTONLY,
	OPT_GENERIC,
	OPT_HOSTONLY_MODE,
	OPT_HARDWARE,
	OPT_INCLUDE,
	OPT_DRIVERS,
	OPT_INSTALL,
	OPT_INSTALL_OPTIONAL,
	OPT_REMOVE,
	OPT_DLOPEN_ADD,
	OPT_DLOPEN_OMIT,
	OPT_COMPRESS,
	OPT_MICROCODE,
	OPT_NO_MICROCODE,
	OPT_ACPI,
	OPT_ADD,
	OPT_RESCUE_SHELL,
	OPT_CMDLINE,
	OPT_JSON,
	OPT_ALL,
	OPT_CHECK,
	OPT_FORCE,
	OPT_TRY_NEXT,
	OPT_NO_LOADER,
	OPT_KEEP,
	OPT_LOCK_TIMEOUT,
	OPT_MODE,
	OPT_FORGET,
	OPT_PROMETHEUS,
	OPT_DRY_RUN,
	OPT_YES,
	OPT_SPDX,
	OPT_CYCLONEDX,
	OPT_SVG,
	OPT_IF_CHANGED,
	OPT_CACHE_DIR,
	OPT_CACHE_SIZE,
	OPT_NO_CACHE,
	OPT_CONF,
	OPT_CONFDIR,
	OPT_STDLOG,
	OPT_VERBOSE,
	OPT_QUIET,
	OPT_LOGFILE,
};

#define REQUEST_OPTIONS                                                                            \
	{"root", 'r', "DIR", "read the system below DIR instead of /", OPT_ROOT},                  \
	{"hostonly", 'H', NULL, "for this machine only (the default)", OPT_HOSTONLY},              \
	{"generic", 'N', NULL, "for any machine", OPT_GENERIC},                                    \
	{"hostonly-mode", 0, "MODE", "strict, sloppy (the default) or portable", OPT_HOSTONLY_MODE}, \
	{"hardware", 0, "FILE", "for the machine that FILE describes", OPT_HARDWARE},              \
	{"include", 'i', "SRC DST", "put file or folder SRC at DST", OPT_INCLUDE},                 \
	{"add", 'a', "LIST", "add these features: rescue (a shell)", OPT_ADD},                     \
	{"rescue-shell", 0, "WHO", "password (who knows root's), or open (everybody)",             \
	 OPT_RESCUE_SHELL},                                                                        \
	{"kernel-cmdline", 0, "WORDS", "kernel parameters for the image", OPT_CMDLINE},            \
	{"add-drivers", 0, "LIST", "add these kernel modules", OPT_DRIVERS},                       \
	{"install", 'I', "LIST", "add these files and programs", OPT_INSTALL},                     \
	{"install-optional", 0, "LIST", "add those that there are", OPT_INSTALL_OPTIONAL},         \
	{"remove", 0, "LIST", "take out what matches these patterns", OPT_REMOVE},                 \
	{"add-dlopen-features", 0, "LIST", "add optional libraries of programs", OPT_DLOPEN_ADD},   \
	{"omit-dlopen-features", 0, "LIST", "leave such libraries out", OPT_DLOPEN_OMIT},          \
	{"compress", 0, "CODEC[:LEVEL]", "zstd, xz, lz4, gzip, bzip2, lzma, lzo, none or auto",    \
	 OPT_COMPRESS},                                                                            \
	{"early-microcode", 0, NULL, "add CPU microcode (the default)", OPT_MICROCODE},            \
	{"no-early-microcode", 0, NULL, "add no CPU microcode", OPT_NO_MICROCODE},                 \
	{"acpi-override", 0, "DIR", "add the ACPI tables in DIR", OPT_ACPI},                       \
	{"json", 0, NULL, "result as JSON on standard output", OPT_JSON}

struct cli_request {
	struct request request;
	const char *root;
	bool json;
	bool is_generic;
	const char *hostonly_mode; /* NULL: not asked for */
	struct arena arena;
};

void cli_request_init(struct cli_request *r);
void cli_request_clear(struct cli_request *r);
#define _cleanup_request_ __attribute__((cleanup(cli_request_clear)))
int cli_request_apply(int id, char **args, void *request, struct err *err);

/* When all options are known: settles the mode. Options that contradict each other: -EINVAL. */
int cli_request_settle(struct cli_request *r, struct err *err);

/* The PID 1 program: beside this one (in a build folder), or where it is installed. */
const char *cli_find_init(struct arena *arena);

/* A warning for each. */
void cli_warn_all(const char *const *texts, size_t n);
struct json_object *cli_json_texts(const char *const *texts, size_t n);

/* "generic", or which kind of hostonly. */
const char *cli_mode_name(enum plan_mode mode);

/* ---- the verbs ---- */

int run_audit(const struct command *self, int argc, char **argv);
int run_rebuild(const struct command *self, int argc, char **argv);
int run_prune(const struct command *self, int argc, char **argv);
int run_prune(const struct command *self, int argc, char **argv);
int run_restore(const struct command *self, int argc, char **argv);
int run_build(const struct command *self, int argc, char **argv);
int run_plan(const struct command *self, int argc, char **argv);
int run_hardware(const struct command *self, int argc, char **argv);
int run_list(const struct command *self, int argc, char **argv);
int run_cat(const struct command *self, int argc, char **argv);
int run_extract(const struct command *self, int argc, char **argv);
int run_why(const struct command *self, int argc, char **argv);
int run_verify(const struct command *self, int argc, char **argv);
int run_mark_good(const struct command *self, int argc, char **argv);
int run_status(const struct command *self, int argc, char **argv);
int run_sbom(const struct command *self, int argc, char **argv);
int run_boot_report(const struct command *self, int argc, char **argv);
int run_diff(const struct command *self, int argc, char **argv);
