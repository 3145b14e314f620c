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
};

/* Longer links first: /dev/disk/by-partuuid/ is no kernel name. */
static const struct {
	const char *prefix;
	enum root_kind kind;
} root_forms[] = {
	{"UUID=", ROOT_UUID},
	{"LABEL=", ROOT_LABEL},
	{"PARTUUID=", ROOT_PARTUUID},
	{"PARTLABEL=", ROOT_PARTLABEL},
	{"/dev/disk/by-uuid/", ROOT_UUID},
	{"/dev/disk/by-label/", ROOT_LABEL},
	{"/dev/disk/by-partuuid/", ROOT_PARTUUID},
	{"/dev/disk/by-partlabel/", ROOT_PARTLABEL},
	{"/dev/disk/", ROOT_OTHER},
	{"/dev/mapper/", ROOT_OTHER},
	{"/dev/nfs", ROOT_OTHER},
	{"/dev/", ROOT_NAME},
};

/* UUID="x" inside a value that the tokeniser left whole. */
static void take_value(struct params *p, const char *value)
{
	size_t len = strlen(value);

	if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
		value++;
		len -= 2;
	}
	snprintf(p->root_value, sizeof(p->root_value), "%.*s", (int)len, value);
}

static void set_root(struct params *p, const char *value)
{
	const char *bare = str_starts(value, "block:") ? value + strlen("block:") : value;

	p->root = value;
	p->root_kind = ROOT_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(root_forms); i++)
		if (str_starts(bare, root_forms[i].prefix)) {
			p->root_kind = root_forms[i].kind;
			take_value(p, bare + strlen(root_forms[i].prefix));
			return;
		}
}

/* Seconds; "infinity" and 0 where FOREVER_AT_ZERO mean without end. */
static void set_timeout(struct params *p, const char *name, const char *value,
			bool forever_at_zero)
{
	uint64_t seconds;
	size_t len = value ? strlen(value) : 0;
	char number[32];

	if (!len || len >= sizeof(number))
		return;
	snprintf(number, sizeof(number), "%s", value);
	if (number[len - 1] == 's')
		number[len - 1] = '\0';
	if (strcmp(value, "infinity") == 0)
		seconds = 0;
	else if (!parse_u64(number, SECONDS_MAX, &seconds))
		return;
	p->timeout_by = name;
	p->timeout = seconds == 0 && forever_at_zero ? PARAMS_FOREVER : (int64_t)seconds * 1000;
}

static void set_panic(struct params *p, const char *value)
{
	uint64_t seconds;

	if (!value || !parse_u64(*value == '-' ? value + 1 : value, SECONDS_MAX, &seconds))
		return;
	p->panic_given = true;
	p->panic = *value == '-' ? -(int64_t)seconds : (int64_t)seconds;
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
	if (strcmp(param, "root") == 0 && value)
		set_root(p, value);
	else if (strcmp(param, "rootfstype") == 0)
		p->rootfstype = value && *value ? value : NULL;
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
	else if (str_starts(param, "rd."))
		note_unknown(p, param);
}

static void settle_waits(struct params *p, const struct waits *w)
{
	int64_t least;

	p->timeout = TIMEOUT_DEFAULT * 1000;
	p->timeout_by = "the default";
	set_timeout(p, "rd.retry", w->retry, false);
	set_timeout(p, "rd.timeout", w->timeout, true);
	least = p->timeout;
	set_timeout(p, "rootdelay", w->rootdelay, false);
	if (least == PARAMS_FOREVER || p->timeout < least) {
		p->timeout = least;
		p->timeout_by = w->timeout ? "rd.timeout" : w->retry ? "rd.retry" : "the default";
	}
	set_timeout(p, "rootwait", w->rootwait, false);
	if (w->forever) {
		p->timeout = PARAMS_FOREVER;
		p->timeout_by = "rootwait";
	}
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
	while (cmdline_next(&cursor, &param, &value)) {
		char *dot = strchr(param, '.');
		int n;

		if (!dot)
			continue;
		*dot = '\0';
		if (!cmdline_name_is(param, module))
			continue;
		n = snprintf(out + used, size - used, "%s%s%s%s", used ? " " : "", dot + 1,
			     value ? "=" : "", value ? value : "");
		if (n < 0 || (size_t)n >= size - used) {
			out[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}
