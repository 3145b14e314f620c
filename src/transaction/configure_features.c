/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "host/config/dracut_modules.h"
#include "transaction/configure_kit.h"

/*
 * Features by name, or by the name of the module of dracut that does the same. As in dracut, what is
 * omitted is not added, except by force. What an image of this version cannot do is an error if it
 * is added, since an image that is made is one that boots.
 */

/* An image without these does not reach the root. */
static const char *const essential[] = {"base", "storage", "filesystem", "cmdline"};

struct name {
	const struct configure_word *word;
	const struct dracut_module *module; /* NULL: a feature of ours, or nothing known */
	const char *feature;		    /* or drop-in feature; NULL: none */
};

/* A drop-in feature may be what a module of dracut lacks here. */
static bool may_be_dropin(const struct dracut_module *m)
{
	return !m || m->effect == DRACUT_FOREIGN || m->effect == DRACUT_MISSING ||
	       m->effect == DRACUT_LESS;
}

static struct name find(const struct configure *c, const struct configure_word *word)
{
	struct name n = {word, dracut_module_find(word->text), NULL};

	if (n.module && n.module->effect == DRACUT_FEATURE)
		n.feature = n.module->target;
	else if (features_find(word->text) ||
		 (may_be_dropin(n.module) && dropin_find(c->root, word->text, c->arena)))
		n.feature = word->text;
	return n;
}

static bool has(const struct configure_word *words, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(words[i].text, text) == 0)
			return true;
	return false;
}

static int refuse_unknown(const struct configure *c, const struct configure_word *word)
{
	const char *near = dracut_module_nearest(word->text);

	err_set(c->err, -EINVAL, "%s: there is no feature \"%s\"", word->from, word->text);
	return near ? err_hint(c->err, "is it meant to be \"%s\"?", near)
		    : err_hint(c->err, "the names are those of dracut's modules, and \"rescue\"");
}

static int refuse_missing(const struct configure *c, const struct name *n)
{
	err_set(c->err, -ENOTSUP, "%s: \"%s\" cannot be added: %s", n->word->from, n->word->text,
		n->module->text);
	if (n->module->effect == DRACUT_FOREIGN)
		return err_hint(c->err,
				"a drop-in feature, /etc/preroot/features.d/%s.conf, can take its "
				"place: see preroot.features(5); leave it out if this machine boots "
				"without",
				n->word->text);
	return err_hint(c->err, "leave it out if this machine boots without; otherwise keep using the "
				"image builder of your distribution");
}

static int add(struct configure *c, const struct configure_word *word)
{
	struct name n = find(c, word);

	if (n.feature)
		configure_add_wish(c, WISH_ADD_FEATURE, n.feature, word->from);
	else if (!n.module)
		return refuse_unknown(c, word);
	else if (n.module->effect == DRACUT_MISSING || n.module->effect == DRACUT_FOREIGN)
		return refuse_missing(c, &n);
	else if (n.module->effect == DRACUT_DRIVER)
		configure_add_wish(c, WISH_PACK_MODULE, n.module->target, word->from);
	else if (n.module->effect == DRACUT_LESS)
		configure_add_wish(c, WISH_NOTE,
				   arena_printf(c->arena, "\"%s\" has no effect: %s", word->text,
						n.module->text),
				   word->from);
	return 0;
}

static int omit(struct configure *c, const struct configure_word *word)
{
	struct name n = find(c, word);
	bool needed = n.module && n.module->effect == DRACUT_ESSENTIAL;

	for (size_t i = 0; n.feature && i < ARRAY_SIZE(essential); i++)
		needed |= strcmp(n.feature, essential[i]) == 0;
	if (needed) {
		err_set(c->err, -EBUSY, "%s: no image can do without \"%s\"%s%s", word->from,
			word->text, n.module ? ": " : "", n.module ? n.module->text : "");
		return err_hint(c->err, "take it out of the list");
	}
	if (n.feature)
		configure_add_wish(c, WISH_OMIT_FEATURE, n.feature, word->from);
	return 0; /* a filesystem's driver is there without dracut's module, too: see omit_drivers */
}

/* The word of LIST that means the same as WORD; NULL. */
static const struct configure_word *find_same(const struct configure *c,
					      const struct configure_word *list, size_t n,
					      const struct configure_word *word)
{
	struct name wanted = find(c, word);

	for (size_t i = 0; i < n; i++) {
		struct name other = find(c, &list[i]);

		if (strcmp(list[i].text, word->text) == 0 ||
		    (wanted.feature && other.feature && strcmp(wanted.feature, other.feature) == 0))
			return &list[i];
	}
	return NULL;
}

/* As in dracut, omitting wins. */
static int note_omitted(struct configure *c, const struct configure_word *word,
			const struct configure_word *by)
{
	if (find(c, word).feature)
		configure_add_wish(c, WISH_NOTE,
				   arena_printf(c->arena, "\"%s\" is not added, since it is omitted "
							  "(%s); force_add_dracutmodules adds it "
							  "all the same",
						word->text, by->from),
				   word->from);
	return 0;
}

/* Omits what dracut has a module for and NAMED lacks. */
static void omit_others(struct configure *c, const struct configure_word *named, size_t n)
{
	for (const struct dracut_module *m = dracut_modules; m->name; m++)
		if (m->effect == DRACUT_FEATURE && !has(named, n, m->name) &&
		    !has(named, n, m->target))
			configure_add_wish(c, WISH_OMIT_FEATURE, m->target, named->from);
}

/* "dracutmodules": these and no others; "auto" stands for all. */
static int set_only(struct configure *c)
{
	static const char *const key = "dracutmodules";
	struct configure_word *words;
	size_t n = configure_words(c, c->given->only.n ? NULL : key, &c->given->only, "--modules",
				   &words);
	int r = 0;

	if (!n || has(words, n, "auto") || has(words, n, "all"))
		return 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = add(c, &words[i]) < 0 ? configure_failed(c) : 0;
	omit_others(c, words, n);
	return r;
}

int configure_features(struct configure *c)
{
	struct configure_word *added, *forced, *omitted;
	size_t n_added = configure_words(c, "add_dracutmodules", &c->given->add, "--add", &added);
	size_t n_forced = configure_words(c, "force_add_dracutmodules", &c->given->force_add,
					  "--force-add", &forced);
	size_t n_omitted = configure_words(c, "omit_dracutmodules", &c->given->omit, "--omit",
					   &omitted);
	const struct conf_assignment *nofscks = conf_find(c->values, "nofscks");
	int r = set_only(c);

	for (size_t i = 0; i < n_omitted && r == 0; i++)
		r = omit(c, &omitted[i]) < 0 ? configure_failed(c) : 0;
	if (nofscks && conf_is_yes(nofscks))
		configure_add_wish(c, WISH_OMIT_FEATURE, "fsck", "nofscks");
	for (size_t i = 0; i < n_added && r == 0; i++) {
		const struct configure_word *by = find_same(c, omitted, n_omitted, &added[i]);

		r = by ? note_omitted(c, &added[i], by) : add(c, &added[i]);
		if (r < 0)
			r = configure_failed(c);
	}
	for (size_t i = 0; i < n_forced && r == 0; i++)
		r = add(c, &forced[i]) < 0 ? configure_failed(c) : 0;
	return r;
}
