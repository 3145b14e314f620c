/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/params.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/cmdline.h"

enum {
	TIMEOUT_DEFAULT = 180, /* seconds; dracut's rd.retry */
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

static void set_panic(struct params *p, const char *value)
{
	uint64_t seconds;

	if (!value || !parse_u64(*value == '-' ? value + 1 : value, SECONDS_MAX, &seconds))
		return;
	p->panic_given = true;
	p->panic = *value == '-' ? -(int64_t)seconds : (int64_t)seconds;
}

static void note_blacklist(struct params *p, const char *list)
{
	if (list && p->n_blacklists < PARAMS_LISTS_MAX)
		p->blacklists[p->n_blacklists++] = list;
}

bool params_blacklisted(const struct params *p, const char *module)
{
	char name[128];

	for (size_t i = 0; i < p->n_blacklists; i++) {
		const char *list = p->blacklists[i];

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

/* True when PARAM is about checks of filesystems. */
static bool take_check(struct params *p, const char *param, const char *value)
{
	const char *v = value ? value : "";

	if (strcmp(param, "fsck.mode") == 0)
		p->fsck_mode = strcmp(v, "force") == 0 ? FSCK_FORCE
			       : strcmp(v, "skip") == 0 ? FSCK_SKIP : FSCK_AUTO;
	else if (strcmp(param, "fsck.repair") == 0)
		p->fsck_repair = strcmp(v, "yes") == 0  ? FSCK_YES
				 : strcmp(v, "no") == 0 ? FSCK_NO : FSCK_PREEN;
	else if (strcmp(param, "fastboot") == 0 && !value)
		p->fsck_mode = FSCK_SKIP;
	else if (strcmp(param, "rd.skipfsck") == 0 && cmdline_switch(value))
		p->fsck_mode = FSCK_SKIP;
	else if (strcmp(param, "forcefsck") == 0 && !value)
		p->fsck_mode = FSCK_FORCE;
	else
		return strcmp(param, "rd.skipfsck") == 0;
	return true;
}

/* True when PARAM is about hibernation. */
static bool take_resume(struct params *p, const char *param, const char *value)
{
	if (strcmp(param, "resume") == 0 && value && *value)
		spec_parse(value, &p->resume);
	else if (strcmp(param, "resume_offset") == 0 && value)
		parse_u64(value, INT64_MAX / RESUME_PAGE, &p->resume_offset);
	else if (strcmp(param, "resumewait") == 0)
		p->resume_wait = true;
	else if (strcmp(param, "noresume") == 0 ||
		 (strcmp(param, "hibernate") == 0 && value && strcmp(value, "noresume") == 0))
		p->no_resume = true;
	else
		return false;
	return true;
}

static void note_unknown(struct params *p, const char *param)
{
	if (p->n_unknown < PARAMS_UNKNOWN_MAX)
		p->unknown[p->n_unknown++] = param;
}

/* What waits for the root, in the order in which one overrules the other. */
struct waits {
	const char *rootdelay, *timeout, *retry, *rootwait;
	bool forever;
};

static void take(struct params *p, struct waits *w, const char *param, const char *value)
{
	if (take_check(p, param, value) || take_resume(p, param, value))
		return;
	if (strcmp(param, "root") == 0 && value)
		spec_parse(value, &p->root);
	else if (strcmp(param, "rootfstype") == 0)
		p->rootfstype = value && *value && strcmp(value, "auto") != 0 ? value : NULL;
	else if (strcmp(param, "rootflags") == 0)
		p->rootflags = value ? value : "";
	else if (strcmp(param, "ro") == 0 && !value)
		p->writable = false;
	else if (strcmp(param, "rw") == 0 && !value)
		p->writable = true;
	else if (strcmp(param, "init") == 0 && value && *value)
		p->init = value;
	else if (strcmp(param, "panic") == 0)
		set_panic(p, value);
	else if (strcmp(param, "rootdelay") == 0)
		w->rootdelay = value;
	else if (strcmp(param, "rootwait") == 0)
		w->forever = !value, w->rootwait = value;
	else if (strcmp(param, "rd.timeout") == 0)
		w->timeout = value;
	else if (strcmp(param, "rd.retry") == 0)
		w->retry = value;
	else if (strcmp(param, "rd.driver.blacklist") == 0 ||
		 cmdline_name_is(param, "modprobe.blacklist"))
		note_blacklist(p, value);
	else if (str_starts(param, "rd."))
		note_unknown(p, param);
}

/* rootwait over rd.timeout over rd.retry; a wait that was asked for is not counted. */
static void settle_waits(struct params *p, const struct waits *w)
{
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
	struct waits waits = {0};
	char *cursor, *param, *value;

	*p = (struct params){.rootflags = ""};
	if (len >= sizeof(p->text))
		len = sizeof(p->text) - 1;
	memcpy(p->text, text, len);
	memcpy(p->whole, text, len);
	cursor = p->text;
	while (cmdline_next(&cursor, &param, &value)) {
		/* Behind "--" come the arguments of the root's init. */
		if (strcmp(param, "--") == 0 && !value)
			break;
		take(p, &waits, param, value);
	}
	settle_waits(p, &waits);
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
