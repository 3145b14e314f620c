/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "plan/modules/kit.h"

/* Removes modules from the plan: by path, provided that no remaining module depends on them, or by
 * name, together with those that depend on them. */

static bool is_dropped(const struct modules *m, const struct module *mod)
{
	return !strset_has(&m->by_name, mod->name);
}

static size_t remove_dropped(const struct modules *m, struct module **list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_dropped(m, list[i]))
			list[kept++] = list[i];
	return kept;
}

/* MOD must still load without the dropped modules. */
static int drop_dependencies(const struct modules *m, struct module *mod, struct err *err)
{
	for (size_t i = 0; i < mod->n_hard; i++)
		if (is_dropped(m, mod->hard[i])) {
			err_set(err, -EBUSY, "module %s cannot be taken out: module %s needs it",
				mod->hard[i]->name, mod->name);
			return err_hint(err, "also take out module %s", mod->name);
		}
	mod->n_pre = remove_dropped(m, mod->pre, mod->n_pre);
	mod->n_post = remove_dropped(m, mod->post, mod->n_post);
	return 0;
}

int modules_drop(struct modules *m, bool (*unwanted)(const char *path, void *arg), void *arg,
		 struct err *err)
{
	size_t kept = 0;
	int r = 0;

	strset_clear(&m->by_name);
	for (size_t i = 0; i < m->count && r == 0; i++) {
		struct module *mod = m->list[i];

		if (!unwanted(modules_image_path(m, mod), arg)) {
			strset_add(&m->by_name, mod->name, mod);
			m->list[kept++] = mod;
		} else if (mod->flags & (MODULES_LOAD | MODULES_REQUIRED)) {
			r = err_set(err, -EBUSY, "module %s cannot be taken out: %s", mod->name,
				    mod->reason);
		}
	}
	m->count = kept;
	for (size_t i = 0; i < m->count && r == 0; i++)
		r = drop_dependencies(m, m->list[i], err);
	return r;
}

/* ---- by name ---- */

enum { PATTERN_MAX = 256 };

static void keep_needs(struct module *mod)
{
	if (mod->flags & MODULES_NEEDED_BY_NAMED)
		return;
	mod->flags |= MODULES_NEEDED_BY_NAMED;
	for (size_t i = 0; i < mod->n_hard; i++)
		keep_needs(mod->hard[i]);
}

/* Does the "-" at S, in a bracket expression that begins at BEGIN, stand for a range? */
static bool is_range(const char *s, const char *begin)
{
	return s - begin > 1 && !(begin[1] == '^' && s - begin == 2) && s[1] != ']';
}

/* Turns "-" into "_", except in ranges such as [a-z]. */
static void normalise(char *pattern)
{
	const char *begin = NULL; /* of a bracket expression */

	for (char *s = pattern; *s; s++) {
		if (begin && str_starts(s, "[:") && strstr(s, ":]"))
			s = strstr(s, ":]") + 1;
		else if (begin && *s == ']' && s - begin > 1)
			begin = NULL;
		else if (!begin && *s == '[')
			begin = s;
		else if (*s == '-' && !(begin && is_range(s, begin)))
			*s = '_';
	}
}

/* As dracut takes them: whole names, and "-" is "_". */
static int compile(const char *pattern, regex_t *out, const char *from, struct err *err)
{
	char text[PATTERN_MAX + 8], why[128];
	int r;

	if (strlen(pattern) > PATTERN_MAX)
		return err_set(err, -EINVAL, "%s: a pattern of over %d characters", from,
			       PATTERN_MAX);
	snprintf(text, sizeof(text), "^(%s)$", pattern);
	normalise(text);
	r = regcomp(out, text, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	regerror(r, out, why, sizeof(why));
	return err_set(err, -EINVAL, "%s: \"%s\" is no regular expression: %s", from, pattern, why);
}

int modules_check_pattern(const char *pattern, const char *from, struct err *err)
{
	regex_t compiled;
	int r = compile(pattern, &compiled, from, err);

	if (r == 0)
		regfree(&compiled);
	return r;
}

static int refuse_omission(const struct module *mod, const struct module *by, const char *from,
			   struct err *err)
{
	if (by)
		err_set(err, -EBUSY, "%s: module %s cannot be left out: module %s needs it (%s)",
			from, mod->name, by->name, by->reason);
	else
		err_set(err, -EBUSY, "%s: module %s cannot be left out: %s", from, mod->name,
			mod->reason);
	return err_hint(err, "the machine would not reach its root without it: leave it out of the "
			     "list");
}

static int mark_matches(struct modules *m, const regex_t *pattern, const char *from,
			struct err *err)
{
	int n = 0;

	for (size_t i = 0; i < m->count; i++) {
		struct module *mod = m->list[i];

		if (mod->flags & MODULES_NEEDED_BY_NAMED || regexec(pattern, mod->name, 0, NULL, 0) != 0)
			continue;
		if (mod->flags & MODULES_REQUIRED)
			return refuse_omission(mod, NULL, from, err);
		mod->flags |= MODULES_OMITTED;
		n++;
	}
	return n;
}

static const struct module *find_omitted(struct module *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->flags & MODULES_OMITTED)
			return list[i];
	return NULL;
}

/* Omits what needs something that is omitted, until there is no more of it. */
static int mark_dependents(struct modules *m, const char *from, struct err *err)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < m->count; i++) {
			struct module *mod = m->list[i];
			const struct module *needed =
				mod->flags & MODULES_OMITTED ? NULL : find_omitted(mod->hard, mod->n_hard);

			if (needed && mod->flags & MODULES_REQUIRED)
				return refuse_omission(needed, mod, from, err);
			if (needed)
				mod->flags |= MODULES_OMITTED;
			again |= needed != NULL;
		}
	}
	return 0;
}

/* A soft dependency names a job that several modules may do: crc32c. One of them must stay. */
static int check_soft(struct modules *m, const char *from, struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct module *mod = m->list[i];
		const char *word = mod->flags & MODULES_REQUIRED ? modules_lost_wish(m, mod) : NULL;

		if (!word)
			continue;
		err_set(err, -EBUSY, "%s: nothing would be left that provides %s, and module %s needs "
				     "it (%s)", from, word, mod->name, mod->reason);
		return err_hint(err, "the machine would not reach its root without it: take it out of "
				     "the list");
	}
	return 0;
}

static void take_out(struct modules *m)
{
	size_t kept = 0;

	strset_clear(&m->by_name);
	for (size_t i = 0; i < m->count; i++)
		if (!(m->list[i]->flags & MODULES_OMITTED)) {
			strset_add(&m->by_name, m->list[i]->name, m->list[i]);
			m->list[kept++] = m->list[i];
		}
	m->count = kept;
	for (size_t i = 0; i < m->count; i++) {
		m->list[i]->n_pre = remove_dropped(m, m->list[i]->pre, m->list[i]->n_pre);
		m->list[i]->n_post = remove_dropped(m, m->list[i]->post, m->list[i]->n_post);
	}
}

int modules_omit(struct modules *m, const char *pattern, const char *from, struct err *err)
{
	regex_t compiled;
	int r = compile(pattern, &compiled, from, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < m->count; i++)
		if (m->list[i]->flags & MODULES_NAMED)
			keep_needs(m->list[i]);
	r = mark_matches(m, &compiled, from, err);
	regfree(&compiled);
	if (r > 0)
		r = mark_dependents(m, from, err);
	if (r == 0)
		r = check_soft(m, from, err);
	if (r == 0)
		take_out(m);
	return r;
}
