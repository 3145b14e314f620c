/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/params.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/kernel/cmdline.h"
#include "init/core/params_absent.h"

enum {
	FEATURE_NAMES_MAX = 128,
	TIMEOUT_DEFAULT = 180, /* seconds; dracut's rd.retry */
	WATCHDOG_MAX = 65535,  /* seconds */
	SECONDS_MAX = 30 * 24 * 3600,
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

/* ---- how parameters are taken ---- */

static void take_root(void *out, const char *value)
{
	struct params *p = out;

	if (value)
		spec_parse(value, &p->root);
}

static void take_rootfstype(void *out, const char *value)
{
	struct params *p = out;

	p->rootfstype = value && *value && strcmp(value, "auto") != 0 ? value : NULL;
}

static void take_rootflags(void *out, const char *value)
{
	struct params *p = out;

	p->rootflags = value ? value : "";
}

static void take_panic(void *out, const char *value)
{
	struct params *p = out;
	uint64_t seconds;

	if (!value || !parse_u64(*value == '-' ? value + 1 : value, SECONDS_MAX, &seconds))
		return;
	p->panic_given = true;
	p->panic = *value == '-' ? -(int64_t)seconds : (int64_t)seconds;
}

static void take_rootwait(void *out, const char *value)
{
	struct params *p = out;

	p->waits.forever = !value;
	p->waits.rootwait = value;
}

static void take_rootdelay(void *out, const char *value)
{
	struct params *p = out;

	p->waits.rootdelay = value;
}

static void take_timeout(void *out, const char *value)
{
	struct params *p = out;

	p->waits.timeout = value;
}

static void take_retry(void *out, const char *value)
{
	struct params *p = out;

	p->waits.retry = value;
}

static void take_watchdog(void *out, const char *value)
{
	struct params *p = out;
	uint64_t seconds;

	if (value && parse_u64(value, WATCHDOG_MAX, &seconds))
		p->watchdog = (int64_t)seconds;
}

static void take_usr(void *out, const char *value)
{
	struct params *p = out;

	if (value && *value)
		spec_parse(value, &p->usr);
}

static void take_usrfstype(void *out, const char *value)
{
	struct params *p = out;

	p->usrfstype = value && *value && strcmp(value, "auto") != 0 ? value : NULL;
}

static void take_usrflags(void *out, const char *value)
{
	struct params *p = out;

	p->usrflags = value ? value : "";
}

/* ---- parameters for who looks for a fault ---- */

/* dracut's names, and then those of initramfs-tools, whose stages are divided differently. */
struct break_name {
	const char *name; /* NULL: the end */
	enum params_break at;
};

static const struct break_name breaks[] = {
	{"cmdline", BREAK_CMDLINE},
	{"pre-udev", BREAK_PRE_UDEV},
	{"pre-trigger", BREAK_PRE_TRIGGER},
	{"initqueue", BREAK_INITQUEUE},
	{"pre-mount", BREAK_PRE_MOUNT},
	{"mount", BREAK_MOUNT},
	{"pre-pivot", BREAK_PRE_PIVOT},
	{"cleanup", BREAK_CLEANUP},
	{"switch_root", BREAK_SWITCH},
	{0},
};

static const struct break_name debian_breaks[] = {
	{"top", BREAK_PRE_UDEV},
	{"modules", BREAK_PRE_TRIGGER},
	{"premount", BREAK_INITQUEUE},
	{"mount", BREAK_INITQUEUE},
	{"mountroot", BREAK_INITQUEUE},
	{"bottom", BREAK_PRE_PIVOT},
	{"init", BREAK_SWITCH},
	{0},
};

const char *params_break_name(enum params_break at)
{
	for (const struct break_name *n = breaks; n->name; n++)
		if (n->at == at)
			return n->name;
	return "";
}

static void note(struct params *p, const char *param, const char *why)
{
	for (size_t i = 0; i < p->n_notes; i++)
		if (strcmp(p->notes[i].param, param) == 0)
			return;
	if (p->n_notes < PARAMS_NOTES_MAX)
		p->notes[p->n_notes++] = (struct params_note){param, why};
}

/* LIST is separated by commas. An empty one means ALONE. */
static void add_breaks(struct params *p, const char *list, const struct break_name *names,
		       enum params_break alone, const char *param)
{
	if (!list || !*list)
		p->breaks |= alone;
	while (list && *list) {
		const struct break_name *n = names;
		size_t len = strcspn(list, ",");

		while (n->name && (strlen(n->name) != len || strncmp(n->name, list, len) != 0))
			n++;
		p->breaks |= n->at;
		if (!n->name)
			note(p, param, "there is no such stage");
		list += len + (list[len] == ',');
	}
}

static void take_break(void *out, const char *value)
{
	struct params *p = out;

	add_breaks(p, value, breaks, BREAK_SWITCH, "rd.break");
}

static void take_debian_break(void *out, const char *value)
{
	struct params *p = out;

	add_breaks(p, value, debian_breaks, BREAK_INITQUEUE, "break");
}

static void take_shell(void *out, const char *value)
{
	struct params *p = out;

	p->shell = cmdline_switch(value) ? SHELL_YES : SHELL_NO;
}

static void take_emergency(void *out, const char *value)
{
	struct params *p = out;
	static const char *const names[] = {[EMERGENCY_REBOOT] = "reboot",
					    [EMERGENCY_POWEROFF] = "poweroff",
					    [EMERGENCY_HALT] = "halt"};

	for (unsigned i = EMERGENCY_REBOOT; i < ARRAY_SIZE(names); i++)
		if (value && strcmp(value, names[i]) == 0) {
			p->emergency = i;
			return;
		}
	note(p, "rd.emergency", "it is reboot, poweroff or halt");
}

static void take_cmdline(void *out, const char *value)
{
	struct params *p = out;

	p->ask = value && strcmp(value, "ask") == 0;
	if (!p->ask)
		note(p, "rd.cmdline", "the only value is ask");
}

static void take_hostonly(void *out, const char *value)
{
	struct params *p = out;

	p->without_embedded = !cmdline_switch(value);
}

static void take_memdebug(void *out, const char *value)
{
	struct params *p = out;
	uint64_t level;

	if (value && parse_u64(value, 5, &level))
		p->memdebug = (unsigned)level;
	else
		note(p, "rd.memdebug", "it is a number from 0 to 5");
}

static void take_verity(void *out, const char *value)
{
	struct params *p = out;

	cmdline_take_verity(&p->verity, "systemd.verity", value);
}

/* ---- the table ---- */

#define TEXT(name, field)                                                                          \
	{                                                                                          \
		name, PARAMS_AS_TEXT, offsetof(struct params, field), NULL                         \
	}
#define WORD(name, field) PARAMS_WORD(name, struct params, field)
#define NO_WORD(name, field)                                                                       \
	{                                                                                          \
		name, PARAMS_AS_NO_WORD, offsetof(struct params, field), NULL                      \
	}
#define SWITCH(name, field) PARAMS_SWITCH(name, struct params, field)
#define NOT(name, field)                                                                           \
	{                                                                                          \
		name, PARAMS_AS_NOT, offsetof(struct params, field), NULL                          \
	}
#define LIST(name, field)                                                                          \
	{                                                                                          \
		name, PARAMS_AS_LIST, offsetof(struct params, field), NULL                         \
	}
#define CALL(name, function) PARAMS_CALL(name, function)

/* Sorted by name. Those of initramfs-tools have no "rd."; dracut before version 008 wrote "rd" without
 * a dot, or "rd_". */
static const struct params_rule rules[] = {
	LIST("blacklist", debian_blacklists),
	CALL("break", take_debian_break),
	TEXT("init", init),
	LIST("modprobe.blacklist", blacklists),
	LIST("module_blacklist", kernel_blacklists),
	CALL("mount.usr", take_usr),
	CALL("mount.usrflags", take_usrflags),
	CALL("mount.usrfstype", take_usrfstype),
	CALL("panic", take_panic),
	CALL("rd.break", take_break),
	CALL("rd.cmdline", take_cmdline),
	TEXT("rd.ctty", ctty),
	SWITCH("rd.debug", debug),
	LIST("rd.driver.blacklist", driver_blacklists),
	LIST("rd.driver.post", late),
	LIST("rd.driver.pre", early),
	CALL("rd.emergency", take_emergency),
	CALL("rd.hostonly", take_hostonly),
	SWITCH("rd.info", info),
	CALL("rd.memdebug", take_memdebug),
	NOT("rd.fstab", no_fstab),
	NOT("rd.multipath", no_multipath),
	CALL("rd.retry", take_retry),
	CALL("rd.shell", take_shell),
	NOT("rd.systemd.gpt_auto", no_gpt_auto),
	CALL("rd.systemd.verity", take_verity),
	CALL("rd.timeout", take_timeout),
	CALL("rd.watchdog", take_watchdog),
	WORD("rd_NO_FSTAB", no_fstab),
	WORD("rd_NO_MULTIPATH", no_multipath),
	CALL("rd_retry", take_retry),
	LIST("rdblacklist", driver_blacklists),
	CALL("rdbreak", take_break),
	SWITCH("rdinfo", info),
	SWITCH("rdinitdebug", debug),
	LIST("rdinsmodpost", late),
	LIST("rdloaddriver", early),
	SWITCH("rdnetdebug", debug),
	CALL("rdshell", take_shell),
	NO_WORD("ro", writable),
	CALL("root", take_root),
	CALL("rootdelay", take_rootdelay),
	LIST("rootfallback", fallbacks),
	CALL("rootflags", take_rootflags),
	CALL("rootfstype", take_rootfstype),
	CALL("rootwait", take_rootwait),
	WORD("rw", writable),
	NOT("systemd.gpt_auto", no_gpt_auto),
	CALL("systemd.verity", take_verity),
};

static void add_to_list(struct params_list *list, const char *value)
{
	if (value && list->n < PARAMS_LISTS_MAX)
		list->items[list->n++] = value;
}

static void take_by(void *out, const struct params_rule *rule, const char *value)
{
	void *where = (char *)out + rule->where;

	switch (rule->how) {
	case PARAMS_AS_TEXT:
		if (value && *value)
			*(const char **)where = value;
		break;
	case PARAMS_AS_WORD:
	case PARAMS_AS_NO_WORD:
	case PARAMS_AS_OFF:
		if (!value)
			*(bool *)where = rule->how != PARAMS_AS_NO_WORD;
		break;
	case PARAMS_AS_SWITCH:
	case PARAMS_AS_NOT:
		*(bool *)where = cmdline_switch(value) == (rule->how == PARAMS_AS_SWITCH);
		break;
	case PARAMS_AS_LIST:
		add_to_list(where, value);
		break;
	case PARAMS_AS_CALL:
		rule->call(out, value);
		break;
	}
}

/* Does it ask for nothing where the feature is not there? */
static bool is_off(const struct params_rule *rule, const char *value)
{
	return rule->how == PARAMS_AS_OFF || (value && !cmdline_switch(value));
}

/* Handles a parameter of features, of which several may have it. False if none has. */
static bool take_of_features(struct params *p, const char *param, const char *value)
{
	bool is_known = false, is_obeyed = false;
	const char *lacks = NULL;

	for (size_t i = 0; i < p->n_sets; i++) {
		const struct params_set *set = &p->sets[i];
		const struct params_rule *rule = set->rules;

		while (rule->name && !cmdline_name_is(param, rule->name))
			rule++;
		if (!rule->name)
			continue;
		is_known = true;
		if (set->out)
			take_by(set->out, rule, value);
		is_obeyed = is_obeyed || set->out;
		if (!lacks && !is_off(rule, value))
			lacks = set->lacks;
	}
	if (lacks && !is_obeyed)
		note(p, param, lacks);
	return is_known;
}

static void take(struct params *p, const char *param, const char *value)
{
	const char *why;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (cmdline_name_is(param, rules[i].name)) {
			take_by(p, &rules[i], value);
			return;
		}
	if (take_of_features(p, param, value))
		return;
	why = params_absent(param, value);
	p->root_is_elsewhere |= why && *why && params_absent_root(param, value);
	cmdline_take_verity(&p->verity, param, value);
	if (why && *why)
		note(p, param, why);
	else if (!why && str_starts(param, "rd."))
		note(p, param, NULL);
}

/* The names of the features' parameters, at most MAX. */
static size_t names_of_features(const struct params *p, const char **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_sets; i++)
		for (const struct params_rule *r = p->sets[i].rules; r->name && n < max; r++)
			if (str_starts(r->name, "rd."))
				out[n++] = r->name;
	return n;
}

const char *params_nearest(const struct params *p, const char *name)
{
	const char *known[ARRAY_SIZE(rules) + PARAMS_ABSENT_MAX + FEATURE_NAMES_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (str_starts(rules[i].name, "rd."))
			known[n++] = rules[i].name;
	n += params_absent_names(known + n);
	n += names_of_features(p, known + n, FEATURE_NAMES_MAX);
	known[n] = NULL;
	return nearest_word(name, known);
}

/* Sets the defaults of root= and mount.usr=. */
static void settle_roots(struct params *p)
{
	if (p->root.kind == SPEC_NONE && !p->no_gpt_auto && !p->root_is_elsewhere)
		p->root.kind = SPEC_AUTO;
	if (p->usr.kind == SPEC_NONE && (p->usrfstype || *p->usrflags) &&
	    p->root.kind != SPEC_TMPFS) {
		p->usr = p->root;
		p->usr_is_root = true;
	}
}

/* rootwait overrides rd.timeout, which overrides rd.retry. rootdelay is not part of the limit. */
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

void params_register(struct params *p, const struct params_rule *rules_of_feature,
		     const char *lacks)
{
	if (p->n_sets < PARAMS_SETS_MAX)
		p->sets[p->n_sets++] =
			(struct params_set){.rules = rules_of_feature, .lacks = lacks};
}

void params_obey(struct params *p, const struct params_rule *rules_of_feature, void *out,
		 size_t size)
{
	for (size_t i = 0; i < p->n_sets; i++)
		if (p->sets[i].rules == rules_of_feature) {
			p->sets[i].out = out;
			p->sets[i].size = size;
		}
}

/* Resets everything except what features have registered. */
static void reset(struct params *p)
{
	struct params fresh = {.rootflags = "", .usrflags = "", .watchdog = -1};

	memcpy(fresh.sets, p->sets, sizeof(fresh.sets));
	fresh.n_sets = p->n_sets;
	*p = fresh;
	for (size_t i = 0; i < p->n_sets; i++)
		if (p->sets[i].out)
			memset(p->sets[i].out, 0, p->sets[i].size);
}

void params_parse(struct params *p, const char *text, size_t len)
{
	char *cursor, *param, *value;

	reset(p);
	if (len >= sizeof(p->text))
		len = sizeof(p->text) - 1;
	memcpy(p->text, text, len);
	memcpy(p->whole, text, len);
	cursor = p->text;
	while (cmdline_next(&cursor, &param, &value)) {
		/* After "--" come the arguments of the root's init. */
		if (strcmp(param, "--") == 0 && !value)
			break;
		take(p, param, value);
	}
	settle_waits(p);
	settle_roots(p);
}

bool params_have(const struct params *p, const char *name)
{
	char copy[PARAMS_TEXT_MAX];
	char *cursor = copy + p->embedded_len, *param, *value;

	memcpy(copy, p->whole, sizeof(copy));
	while (cmdline_next(&cursor, &param, &value) && strcmp(param, "--") != 0)
		if (cmdline_name_is(param, name))
			return true;
	return false;
}
