/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the kernel command line says about modules.
 */

#include <stdio.h>
#include <string.h>

#include "format/kernel/cmdline.h"
#include "init/core/params.h"

void params_each(const struct params_list *lists, void (*fn)(const char *module, void *arg),
		 void *arg)
{
	char name[128];

	for (size_t i = 0; i < lists->n; i++) {
		const char *list = lists->items[i];

		while (*list) {
			size_t len = strcspn(list, ",");

			snprintf(name, sizeof(name), "%.*s", (int)len, list);
			if (*name)
				fn(name, arg);
			list += len + (list[len] == ',');
		}
	}
}

struct search {
	const char *module;
	bool found;
};

static void compare(const char *module, void *arg)
{
	struct search *s = arg;

	s->found = s->found || cmdline_name_is(module, s->module);
}

static bool has(const struct params_list *lists, const char *module)
{
	struct search s = {.module = module};

	params_each(lists, compare, &s);
	return s.found;
}

bool params_blacklisted(const struct params *p, const char *module)
{
	return has(&p->blacklists, module) || has(&p->driver_blacklists, module) ||
	       has(&p->debian_blacklists, module) || has(&p->late, module);
}

const char *params_exclusion(const struct params *p, const char *module)
{
	return has(&p->blacklists, module)	    ? "modprobe.blacklist="
	       : has(&p->driver_blacklists, module) ? "rd.driver.blacklist="
	       : has(&p->kernel_blacklists, module) ? "module_blacklist="
	       : has(&p->debian_blacklists, module) ? "blacklist="
						    : NULL;
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
		/* The kernel parses the text again, so values with blanks need quotes. */
		n = snprintf(out + used, size - used, "%s%s%s%s%s%s", used ? " " : "", dot + 1,
			     value ? "=" : "", quote, value ? value : "", quote);
		if (n < 0 || (size_t)n >= size - used) {
			out[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}
