/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/params.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/cmdline.h"

enum {
	TIMEOUT_DEFAULT = 180, /* seconds; dracut's rd.retry */
	WATCHDOG_MAX = 65535, /* seconds */
	SECONDS_MAX = 30 * 24 * 3600,
	RESUME_PAGE = 4096,
};

/* "N", "Ns" or "infinity" (PARAMS_FOREVER). False for anything else. */
static bool parse_seconds(const char *value, int64_t *ms)
{
	size_t len = value ? strlen(value) : 0;
	uint64_t seconds;
	char number[32];

	if (!len || len >= sizeof(number))
		return false;
	if (strcmp(value, "infinity") == 0) {
		*ms = PARAMS_FOREVER;
		return true;
	}
	snprintf(number, sizeof(number), "%s", value);
	if (number[len - 1] == 's')
		number[len - 1] = '\0';
	if (!parse_u64(number, SECONDS_MAX, &seconds))
		return false;
	*ms = (int64_t)seconds * 1000;
	return true;
}

bool params_blacklisted(const struct params *p, const char *module)
{
	char name[128];

	for (size_t i = 0; i < p->blacklists.n; i++) {
		const char *list = p->blacklists.items[i];

		while (*list) {
			size_t len = strcspn(list, ",");

			snprintf(name, sizeof(name), "%.*s", (int)len, list);
			if (cmdline_name_is(name, module))
				return true;
			list += len + (list[len] == ',');
		}
	}
	return false;
}

/* ---- how parameters are taken ---- */

enum how {
	AS_TEXT,   /* const char *: the value; without one, or with "", as if not given */
	AS_WORD,   /* bool: true for the bare word; with a value it is another parameter */
	AS_NO_WORD, /* bool: false for the bare word */
	AS_SWITCH, /* bool: on, unless the value is 0, no or off */
	AS_NOT,    /* bool: the other way round */
	AS_LIST,   /* struct params_list: every value */
	AS_CALL,   /* a function */
};

struct rule {
	const char *name; /* "-" and "_" are alike in it */
	enum how how;
	size_t where;     /* offset in struct params */
	void (*call)(struct params *p, const char *value); /* VALUE: NULL for a bare word */
};

static void take_root(struct params *p, const char *value)
{
	if (value)
		spec_parse(value, &p->root);
}

static void take_rootfstype(struct params *p, const char *value)
{
	p->rootfstype = value && *value && strcmp(value, "auto") != 0 ? value : NULL;
}

static void take_rootflags(struct params *p, const char *value)
{
	p->rootflags = value ? value : "";
}

static void take_panic(struct params *p, const char *value)
{
	uint64_t seconds;

	if (!value || !parse_u64(*value == '-' ? value + 1 : value, SECONDS_MAX, &seconds))
		return;
	p->panic_given = true;
	p->panic = *value == '-' ? -(int64_t)seconds : (int64_t)seconds;
}

static void take_watchdog(struct params *p, const char *value)
{
	uint64_t seconds;

	if (value && parse_u64(value, WATCHDOG_MAX, &seconds))
		p->watchdog = (int64_t)seconds;
}

static void take_rootwait(struct params *p, const char *value)
{
	p->waits.forever = !value;
	p->waits.rootwait = value;
}

static void take_rootdelay(struct params *p, const char *value)
{
	p->waits.rootdelay = value;
}

static void take_timeout(struct params *p, const char *value)
{
	p->waits.timeout = value;
}

static void take_retry(struct params *p, const char *value)
{
	p->waits.retry = value;
}

static void take_fsck_mode(struct params *p, const char *value)
{
	const char *v = value ? value : "";

	p->fsck_mode = strcmp(v, "force") == 0 ? FSCK_FORCE
		       : strcmp(v, "skip") == 0 ? FSCK_SKIP : FSCK_AUTO;
}

static void take_fsck_repair(struct params *p, const char *value)
{
	const char *v = value ? value : "";

	p->fsck_repair = strcmp(v, "yes") == 0 ? FSCK_YES
			 : strcmp(v, "no") == 0 ? FSCK_NO : FSCK_PREEN;
}

static void take_skipfsck(struct params *p, const char *value)
{
	if (cmdline_switch(value))
		p->fsck_mode = FSCK_SKIP;
}

static void take_fastboot(struct params *p, const char *value)
{
	if (!value)
		p->fsck_mode = FSCK_SKIP;
}

static void take_forcefsck(struct params *p, const char *value)
{
	if (!value)
		p->fsck_mode = FSCK_FORCE;
}

static void take_resume(struct params *p, const char *value)
{
	if (value && *value)
		spec_parse(value, &p->resume);
}

static void take_resume_offset(struct params *p, const char *value)
{
	if (value)
		parse_u64(value, INT64_MAX / RESUME_PAGE, &p->resume_offset);
}

static void take_hibernate(struct params *p, const char *value)
{
	if (value && strcmp(value, "noresume") == 0)
		p->no_resume = true;
}

/* rd.overlay, rd.overlay=1, =0, =tmpfs:OPTIONS, =DEVICE */
static void take_overlay(struct params *p, const char *value)
{
	p->overlay = cmdline_switch(value);
	p->overlay_on.kind = SPEC_NONE;
	p->overlay_options = "";
	if (!p->overlay || !value || !*value || strcmp(value, "1") == 0 ||
	    strcmp(value, "yes") == 0 || strcmp(value, "on") == 0 || strcmp(value, "tmpfs") == 0)
		return;
	if (str_starts(value, "tmpfs:"))
		p->overlay_options = value + strlen("tmpfs:");
	else
		spec_parse(value, &p->overlay_on);
}

static void take_usr(struct params *p, const char *value)
{
	if (value && *value)
		spec_parse(value, &p->usr);
}

static void take_usrfstype(struct params *p, const char *value)
{
	p->usrfstype = value && *value && strcmp(value, "auto") != 0 ? value : NULL;
}

static void take_usrflags(struct params *p, const char *value)
{
	p->usrflags = value ? value : "";
}

#define TEXT(name, field)    {name, AS_TEXT, offsetof(struct params, field), NULL}
#define WORD(name, field)    {name, AS_WORD, offsetof(struct params, field), NULL}
#define NO_WORD(name, field) {name, AS_NO_WORD, offsetof(struct params, field), NULL}
#define SWITCH(name, field)  {name, AS_SWITCH, offsetof(struct params, field), NULL}
#define NOT(name, field)     {name, AS_NOT, offsetof(struct params, field), NULL}
#define LIST(name, field)    {name, AS_LIST, offsetof(struct params, field), NULL}
#define CALL(name, function) {name, AS_CALL, 0, function}

/* One row a parameter, by name. */
static const struct rule rules[] = {
	CALL("fastboot", take_fastboot),
	CALL("forcefsck", take_forcefsck),
	CALL("fsck.mode", take_fsck_mode),
	CALL("fsck.repair", take_fsck_repair),
	CALL("hibernate", take_hibernate),
	TEXT("init", init),
	LIST("modprobe.blacklist", blacklists),
	CALL("mount.usr", take_usr),
	CALL("mount.usrflags", take_usrflags),
	CALL("mount.usrfstype", take_usrfstype),
	WORD("noresume", no_resume),
	CALL("panic", take_panic),
	LIST("rd.driver.blacklist", blacklists),
	NOT("rd.fstab", no_fstab),
	NOT("rd.multipath", no_multipath),
	CALL("rd.overlay", take_overlay),
	SWITCH("rd.overlay.crypt", overlay_crypt),
	SWITCH("rd.overlay.readonly", overlay_readonly),
	SWITCH("rd.overlay.reset", overlay_reset),
	CALL("rd.retry", take_retry),
	CALL("rd.skipfsck", take_skipfsck),
	NOT("rd.systemd.gpt_auto", no_gpt_auto),
	CALL("rd.timeout", take_timeout),
	CALL("rd.watchdog", take_watchdog),
	CALL("resume", take_resume),
	CALL("resume_offset", take_resume_offset),
	WORD("resumewait", resume_wait),
	NO_WORD("ro", writable),
	CALL("root", take_root),
	CALL("rootdelay", take_rootdelay),
	CALL("rootflags", take_rootflags),
	CALL("rootfstype", take_rootfstype),
	CALL("rootwait", take_rootwait),
	WORD("rw", writable),
	NOT("systemd.gpt_auto", no_gpt_auto),
};

static void add_to_list(struct params_list *list, const char *value)
{
	if (value && list->n < PARAMS_LISTS_MAX)
		list->items[list->n++] = value;
}

static void take_by(struct params *p, const struct rule *rule, const char *value)
{
	void *where = (char *)p + rule->where;

	switch (rule->how) {
	case AS_TEXT:
		if (value && *value)
			*(const char **)where = value;
		break;
	case AS_WORD:
	case AS_NO_WORD:
		if (!value)
			*(bool *)where = rule->how == AS_WORD;
		break;
	case AS_SWITCH:
	case AS_NOT:
		*(bool *)where = cmdline_switch(value) == (rule->how == AS_SWITCH);
		break;
	case AS_LIST:
		add_to_list(where, value);
		break;
	case AS_CALL:
		rule->call(p, value);
		break;
	}
}

static void take(struct params *p, const char *param, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (cmdline_name_is(param, rules[i].name)) {
			take_by(p, &rules[i], value);
			return;
		}
	if (str_starts(param, "rd.") && p->n_unknown < PARAMS_UNKNOWN_MAX)
		p->unknown[p->n_unknown++] = param;
}

/* What stands in for what was not said. */
static void settle_roots(struct params *p)
{
	if (p->root.kind == SPEC_NONE && !p->no_gpt_auto)
		p->root.kind = SPEC_AUTO;
	if (p->usr.kind == SPEC_NONE && (p->usrfstype || *p->usrflags) &&
	    p->root.kind != SPEC_TMPFS)
		p->usr = p->root;
}

/* rootwait over rd.timeout over rd.retry; a wait that was asked for is not counted. */
static void settle_waits(struct params *p)
{
	const struct params_waits *w = &p->waits;

	p->timeout = TIMEOUT_DEFAULT * 1000;
	p->timeout_by = "the default";
	if (!parse_seconds(w->rootdelay, &p->delay) || p->delay == PARAMS_FOREVER)
		p->delay = 0;
	if (parse_seconds(w->retry, &p->timeout))
		p->timeout_by = "rd.retry=";
	if (parse_seconds(w->timeout, &p->timeout)) {
		p->timeout_by = "rd.timeout=";
		if (p->timeout == 0)
			p->timeout = PARAMS_FOREVER;
	}
	if (parse_seconds(w->rootwait, &p->timeout) || w->forever)
		p->timeout_by = "rootwait";
	if (w->forever)
		p->timeout = PARAMS_FOREVER;
	if (p->timeout != PARAMS_FOREVER)
		p->timeout += p->delay;
}

void params_parse(struct params *p, const char *text, size_t len)
{
	char *cursor, *param, *value;

	*p = (struct params){.rootflags = "", .usrflags = "", .overlay_options = "",
			     .watchdog = -1};
	if (len >= sizeof(p->text))
		len = sizeof(p->text) - 1;
	memcpy(p->text, text, len);
	memcpy(p->whole, text, len);
	cursor = p->text;
	while (cmdline_next(&cursor, &param, &value)) {
		/* Behind "--" come the arguments of the root's init. */
		if (strcmp(param, "--") == 0 && !value)
			break;
		take(p, param, value);
	}
	settle_waits(p);
	settle_roots(p);
}

void params_module_options(const struct params *p, const char *module, char *out, size_t size)
{
	char copy[PARAMS_TEXT_MAX];
	char *cursor = copy, *param, *value;
	size_t used = strlen(out);

	memcpy(copy, p->whole, sizeof(copy));
	while (cmdline_next(&cursor, &param, &value) && strcmp(param, "--") != 0) {
		char *dot = strchr(param, '.');
		const char *quote = value && strpbrk(value, " \t") ? "\"" : "";
		int n;

		if (!dot)
			continue;
		*dot = '\0';
		if (!cmdline_name_is(param, module))
			continue;
		/* The kernel takes the text apart again: blanks need their quotes. */
		n = snprintf(out + used, size - used, "%s%s%s%s%s%s", used ? " " : "", dot + 1,
			     value ? "=" : "", quote, value ? value : "", quote);
		if (n < 0 || (size_t)n >= size - used) {
			out[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}
