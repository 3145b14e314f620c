/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel command line, as far as PID 1 obeys it. docs/boot.md has the list with meanings.
 * The last of several settings counts.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/kernel/cmdline.h"
#include "format/kernel/spec.h"

enum {
	PARAMS_TEXT_MAX = 8192, /* the kernel's own limit is 2048 to 4096 */
	PARAMS_FOREVER = -1,
	PARAMS_NOTES_MAX = 16,
	PARAMS_LISTS_MAX = 16,
	PARAMS_SETS_MAX = 32,
};

/* Where rd.break= and break= stop the boot; a set of bits. */
enum params_break {
	BREAK_CMDLINE = 1 << 0,	    /* before anything */
	BREAK_PRE_UDEV = 1 << 1,    /* before the programs of pre-trigger */
	BREAK_PRE_TRIGGER = 1 << 2, /* the same point: there is no udev in between */
	BREAK_INITQUEUE = 1 << 3,   /* the devices are walked */
	BREAK_PRE_MOUNT = 1 << 4,   /* the root device is there */
	BREAK_MOUNT = 1 << 5,	    /* the programs of pre-mount have run */
	BREAK_PRE_PIVOT = 1 << 6,   /* the root is mounted */
	BREAK_CLEANUP = 1 << 7,	    /* the programs of pre-pivot have run */
	BREAK_SWITCH = 1 << 8,	    /* all is ready for the root's init */
};

enum params_shell { SHELL_IF_ANY, SHELL_YES, SHELL_NO };

/* The values of rd.emergency=. */
enum params_emergency { EMERGENCY_NONE, EMERGENCY_REBOOT, EMERGENCY_POWEROFF, EMERGENCY_HALT };

/* A parameter that has no effect. WHY is the reason; NULL if the parameter is unknown. */
struct params_note {
	const char *param, *why;
};

/* A parameter that may be given several times, each of which counts. */
struct params_list {
	const char *items[PARAMS_LISTS_MAX];
	size_t n;
};

/* What waits for the root, as it was given; in the order in which one overrules the other. */
struct params_waits {
	const char *rootdelay, *retry, *timeout, *rootwait;
	bool forever; /* rootwait without a value */
};

/* How a parameter is taken. */
enum params_how {
	PARAMS_AS_TEXT,	   /* const char *: the value; without one, or with "", as if not given */
	PARAMS_AS_WORD,	   /* bool: true for the bare word; with a value it is another parameter */
	PARAMS_AS_NO_WORD, /* bool: false for the bare word */
	PARAMS_AS_OFF,	   /* the same as WORD; the word turns something off */
	PARAMS_AS_SWITCH,  /* bool: on, unless the value is 0, no or off */
	PARAMS_AS_NOT,	   /* bool: the other way round */
	PARAMS_AS_LIST,	   /* struct params_list: every value */
	PARAMS_AS_CALL,	   /* a function */
};

struct params_rule {
	const char *name; /* "-" and "_" are alike in it; NULL: the end */
	enum params_how how;
	size_t where;				    /* offset in OUT */
	void (*call)(void *out, const char *value); /* VALUE: NULL for a bare word; kept */
};

#define PARAMS_WORD(name, type, field)                                                             \
	{                                                                                          \
		name, PARAMS_AS_WORD, offsetof(type, field), NULL                                  \
	}
#define PARAMS_OFF(name, type, field)                                                              \
	{                                                                                          \
		name, PARAMS_AS_OFF, offsetof(type, field), NULL                                   \
	}
#define PARAMS_SWITCH(name, type, field)                                                           \
	{                                                                                          \
		name, PARAMS_AS_SWITCH, offsetof(type, field), NULL                                \
	}
#define PARAMS_CALL(name, function)                                                                \
	{                                                                                          \
		name, PARAMS_AS_CALL, 0, function                                                  \
	}

/* The parameters of a feature. */
struct params_set {
	const struct params_rule *rules;
	const char *lacks; /* why they are not obeyed */
	void *out;	   /* that they are taken into; NULL: they are not obeyed */
	size_t size;
};

struct params {
	struct spec root;
	const char *rootfstype; /* NULL: find out; a comma list is tried in order */
	const char *rootflags;  /* "" for none */
	bool writable;
	struct params_list fallbacks; /* rootfallback=: each is named as in root= */
	struct spec usr;        /* mount.usr=, or the root when only its type or flags are given */
	bool usr_is_root;       /* the latter: it follows the root */
	const char *usrfstype;  /* NULL: find out */
	const char *usrflags;   /* "" for none */
	bool no_fstab;          /* rd.fstab=0: that of the root is not looked at */
	bool no_multipath;      /* rd.multipath=0: one of several paths to a disk will do */
	bool no_gpt_auto;	/* without root= nothing is looked for */
	bool root_is_elsewhere; /* a parameter of params_absent.h says so: the same */
	struct cmdline_verity verity;
	const char *init;       /* NULL: the usual places */
	bool panic_given;
	int64_t panic;          /* seconds; 0: never reboot; negative: at once */
	int64_t watchdog;       /* rd.watchdog=: seconds; 0: leave it alone; -1: not given */
	int64_t delay;          /* ms before the root is mounted: rootdelay= */
	int64_t timeout;        /* ms to wait for the root; PARAMS_FOREVER */
	const char *timeout_by; /* the parameter that set it */
	struct params_waits waits; /* delay and timeout follow from them */
	/* Comma lists of modules: modprobe.blacklist=, rd.driver.blacklist=, module_blacklist=,
	 * blacklist=. */
	struct params_list blacklists, driver_blacklists, kernel_blacklists, debian_blacklists;
	struct params_list early, late; /* the same; rd.driver.pre=, rd.driver.post= */
	unsigned breaks;        /* enum params_break */
	enum params_shell shell;
	enum params_emergency emergency;
	bool without_embedded;  /* rd.hostonly=0 */
	bool ask;               /* rd.cmdline=ask */
	bool info, debug;
	unsigned memdebug;
	const char *ctty;       /* of a shell; NULL: the console */
	struct params_note notes[PARAMS_NOTES_MAX]; /* each name once */
	size_t n_notes;
	struct params_set
		sets[PARAMS_SETS_MAX]; /* of features; kept when parameters are read again */
	size_t n_sets;
	char text[PARAMS_TEXT_MAX];   /* cut up; the strings above point into it */
	char whole[PARAMS_TEXT_MAX];  /* as it was */
	size_t embedded_len;          /* of it: what the image itself brought; set by settings.c */
};

/* Makes the parameters of a feature known, which ends with a row without a name. They are not
 * obeyed, and LACKS says why, until params_obey() says where to take them: the SIZE bytes of OUT,
 * which are zeroed whenever parameters are read. */
void params_register(struct params *p, const struct params_rule *rules, const char *lacks);
void params_obey(struct params *p, const struct params_rule *rules, void *out, size_t size);

/* TEXT is the content of /proc/cmdline. What is over PARAMS_TEXT_MAX is cut off. */
void params_parse(struct params *p, const char *text, size_t len);

/* The parameter whose name is nearest to NAME, an unknown one; or NULL. */
const char *params_nearest(const struct params *p, const char *name);

/* "initqueue": a single bit of params.breaks, as dracut calls it. */
const char *params_break_name(enum params_break at);

/* Is MODULE not to be loaded on a device's behalf (modprobe.blacklist=, rd.driver.blacklist=,
 * rd.driver.post=)? */
bool params_blacklisted(const struct params *p, const char *module);

/* The parameter that excludes MODULE for the whole boot, such as "modprobe.blacklist="; NULL. With
 * "module_blacklist=" the kernel itself refuses it, even if another module depends on it. */
const char *params_exclusion(const struct params *p, const char *module);

/* Calls FN for each module of a list of comma lists. */
void params_each(const struct params_list *lists, void (*fn)(const char *module, void *arg),
		 void *arg);

/* Has the kernel's own command line, not only what the image brings, the parameter NAME? */
bool params_have(const struct params *p, const char *name);

/* Appends " option=value" for each MODULE.option=value of the command line. Cut at SIZE. */
void params_module_options(const struct params *p, const char *module, char *out, size_t size);
