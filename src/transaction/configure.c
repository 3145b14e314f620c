/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/configure.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/profile.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/codec/encode.h"
#include "host/boot/kernels.h"
#include "plan/plan.h"

struct configure {
	const struct request *given;
	const struct conf *values;
	struct arena *arena;
	struct request *out;
	struct err *err;
	struct request_wish *wishes;
};

/* The effective assignment to KEY; NULL if there is none or it is empty. */
static const struct conf_assignment *find(const struct conf *values, const char *key)
{
	const struct conf_assignment *a = conf_find(values, key);

	return a && a->n_words ? a : NULL;
}

static const char *origin(const struct configure *c, const struct conf_assignment *a)
{
	return arena_printf(c->arena, "%s:%u: %s", a->file, a->line, a->key);
}

/* ---- values ---- */

/* The codec of a compression program, as dracut's compress= names it. */
static const char *codec_of(const char *program)
{
	static const struct {
		const char *program, *codec;
	} others[] = {{"cat", "none"}, {"lzop", "lzo"}, {"pigz", "gzip"}, {"lbzip2", "bzip2"}};
	const char *name = base_name(program);

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(others[i].program, name) == 0)
			return others[i].codec;
	return name;
}

/* "-19" */
static bool is_level(const char *word)
{
	return word[0] == '-' && word[1] && word[1 + strspn(word + 1, "0123456789")] == '\0';
}

static int set_compress(struct configure *c)
{
	const struct conf_assignment *a = find(c->values, "compress");
	const char *text, *level = NULL;

	if (!a)
		return 0;
	for (size_t i = 1; i < a->n_words; i++)
		if (is_level(a->words[i]))
			level = a->words[i] + 1;
	text = codec_of(a->words[0]);
	if (level)
		text = arena_printf(c->arena, "%s:%s", text, level);
	if (!c->given->given.codec) {
		c->out->codec_from = origin(c, a);
		return encode_parse(text, &c->out->codec, &c->out->level, c->err) < 0
			       ? err_prefix(c->err, "%s", c->out->codec_from)
			       : 0;
	}
	return 0;
}

static int set_store(struct configure *c)
{
	const struct conf_assignment *a = find(c->values, "preroot_compress_store");

	if (!a || c->given->given.store)
		return 0;
	return plan_parse_store(a->text, &c->out->store_level, c->err) < 0
		       ? err_prefix(c->err, "%s", origin(c, a))
		       : 0;
}

static int set_mode(struct configure *c)
{
	static const char *const names[] = {
		[MODE_SLOPPY] = "sloppy", [MODE_STRICT] = "strict", [MODE_PORTABLE] = "portable"};
	const struct conf_assignment *mode = find(c->values, "hostonly_mode");
	const struct conf_assignment *hostonly = find(c->values, "hostonly");
	bool is_hostonly = true;
	size_t i = 0;

	if (hostonly && conf_switch(hostonly, &is_hostonly, c->err) < 0)
		return c->err->code;
	while (mode && i < ARRAY_SIZE(names) && strcmp(names[i], mode->text) != 0)
		i++;
	if (i == ARRAY_SIZE(names))
		return err_set(c->err, -EINVAL,
			       "%s:%u: hostonly_mode=\"%s\": it is strict, sloppy or portable",
			       mode->file, mode->line, mode->text);
	if (!is_hostonly && !c->given->given.kind && !c->given->given.mode && !c->given->hardware_file)
		c->out->mode = MODE_GENERIC;
	else if (mode && c->out->mode != MODE_GENERIC && !c->given->given.mode)
		c->out->mode = (enum plan_mode)i;
	return 0;
}

static int set_microcode(struct configure *c)
{
	const struct conf_assignment *a = find(c->values, "early_microcode");
	bool wanted = true;

	if (a && conf_switch(a, &wanted, c->err) < 0)
		return c->err->code;
	if (a && !c->given->given.microcode)
		c->out->no_microcode = !wanted;
	return 0;
}

/* ---- lists ---- */

static void add_wish(struct configure *c, enum wish_kind kind, const char *word,
		     const struct conf_assignment *from)
{
	c->wishes = arena_grow(c->arena, c->wishes, c->out->n_wishes, sizeof(*c->wishes));
	c->wishes[c->out->n_wishes++] = (struct request_wish){kind, word, origin(c, from)};
	c->out->wishes = c->wishes;
}

static void set_lists(struct configure *c)
{
	static const struct {
		const char *key;
		enum wish_kind kind;
	} lists[] = {{"add_drivers", WISH_PACK_MODULE},
		     {"force_drivers", WISH_LOAD_MODULE},
		     {"install_items", WISH_INSTALL},
		     {"install_optional_items", WISH_INSTALL_OPTIONAL}};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct conf_word *words;
		size_t n = conf_words(c->values, lists[i].key, c->arena, &words);

		for (size_t k = 0; k < n; k++)
			add_wish(c, lists[i].kind, words[k].text, words[k].from);
	}
}

static int set_cmdline(struct configure *c)
{
	const struct conf_assignment *a = NULL;
	size_t total = 0;

	while ((a = conf_next(c->values, "kernel_cmdline", a))) {
		total += strlen(a->text);
		if (total > BOOTCONF_CMDLINE_MAX)
			return err_set(c->err, -E2BIG,
				       "%s:%u: kernel_cmdline: over %d bytes in all", a->file,
				       a->line, BOOTCONF_CMDLINE_MAX);
		add_wish(c, WISH_CMDLINE, a->text, a);
	}
	return 0;
}

int configure_request(const struct request *given, const struct conf *values, struct arena *arena,
		      struct request *out, struct err *err)
{
	struct configure c = {given, values, arena, out, err, NULL};
	int r;

	*out = *given;
	set_lists(&c);
	r = set_cmdline(&c);
	if (r == 0)
		r = set_compress(&c);
	if (r == 0)
		r = set_store(&c);
	if (r == 0)
		r = set_mode(&c);
	return r < 0 ? r : set_microcode(&c);
}

int configure_for(const struct transaction *t, const char *version, struct arena *arena,
		  struct request *out, struct err *err)
{
	struct request given = *t->given;
	struct kernel kernel;
	struct config config;
	int r;

	profile_stage("configuration");
	r = kernel_find(t->root, version, arena, &kernel, err);
	given.kernel = version;
	if (r == 0)
		r = config_read(t->root, t->places, kernel.version, arena, &config, err);
	return r < 0 ? r : configure_request(&given, &config.values, arena, out, err);
}

const char *configure_ignored(const struct conf *values, size_t *at,
			      const struct conf_assignment **from)
{
	*from = find(values, "compress");
	while (*from && ++*at < (*from)->n_words)
		if (!is_level((*from)->words[*at]))
			return (*from)->words[*at];
	return NULL;
}
