/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/configure.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/profile.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/ours/degraded.h"
#include "format/codec/encode.h"
#include "features/features.h"
#include "features/items.h"
#include "host/boot/kernels.h"
#include "plan/modules/modules.h"
#include "plan/plan.h"
#include "plan/programs/binaries.h"
#include "transaction/configure_kit.h"

/* The effective assignment to KEY; NULL if there is none or it is empty. */
static const struct conf_assignment *find(const struct conf *values, const char *key)
{
	const struct conf_assignment *a = conf_find(values, key);

	return a && a->n_words ? a : NULL;
}

static const char *origin(const struct configure *c, const struct conf_assignment *a)
{
	return arena_printf(c->arena, "%s: %s", conf_place(a, c->arena), a->as ? a->as : a->key);
}

int configure_failed(struct configure *c)
{
	return err_collect(c->errors, c->err);
}

/* ---- values ---- */

/* What dracut calls a codec whose name is another one here. */
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

/* The LEVEL, or the nearest one that there is here of those that the program itself takes. */
static const char *nearest_level(const char *codec, const char *level)
{
	static const struct {
		const char *codec, *level, *here;
	} others[] = {{"gzip", "0", "1"},   {"lzma", "0", "1"},   {"xz", "0", "1"},
		      {"zstd", "20", "19"}, {"zstd", "21", "19"}, {"zstd", "22", "19"}};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(others[i].codec, codec) == 0 && strcmp(others[i].level, level) == 0)
			return others[i].here;
	return level;
}

static int set_compress(struct configure *c)
{
	const struct conf_assignment *a = find(c->values, "compress");
	const char *text, *level = NULL;

	if (!a || c->given->given.codec)
		return 0;
	for (size_t i = 1; i < a->n_words; i++)
		if (is_level(a->words[i]))
			level = a->words[i] + 1;
	text = codec_of(a->words[0]);
	if (level)
		text = arena_printf(c->arena, "%s:%s", text, nearest_level(text, level));
	c->out->codec_from = origin(c, a);
	return encode_parse(text, &c->out->codec, &c->out->level, c->err) < 0
		       ? err_prefix(c->err, "%s", c->out->codec_from)
		       : 0;
}

/* compress_level_CODEC */
static int set_levels(struct configure *c)
{
	static const char *const names[] = {"bzip2", "gzip", "lz4", "lzma", "lzop", "xz", "zstd"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		const char *key = arena_printf(c->arena, "compress_level_%s", names[i]);
		const struct conf_assignment *a = find(c->values, key);
		enum codec codec;
		int level;

		if (!a)
			continue;
		r = encode_parse(arena_printf(c->arena, "%s:%s", codec_of(names[i]),
					      nearest_level(codec_of(names[i]), a->text)),
				 &codec, &level, c->err);
		if (r == 0) {
			c->out->levels[codec] = level;
			continue;
		}
		err_prefix(c->err, "%s", origin(c, a));
		r = configure_failed(c);
	}
	return r;
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

/* A chroot whose root is on a disk may be that of a rescue or an installation, so its image is for this
 * machine, as with other builders; but the disk may be moved to another one. */
static void set_elsewhere(struct configure *c)
{
	const char *place = c->given->elsewhere;

	if (!place || c->out->mode == MODE_GENERIC)
		return;
	if (!c->given->elsewhere_has_disk)
		c->out->mode = MODE_GENERIC;
	else if (c->out->mode == MODE_STRICT)
		c->out->mode = MODE_SLOPPY;
	configure_add_wish(c, WISH_NOTE,
			   c->given->elsewhere_has_disk
				   ? "the image is for this machine, since the root is on a disk here; if "
				     "another one will boot it, set hostonly=no"
				   : "the disks of the machine that will boot are not known, so the image is "
				     "for any machine",
			   arena_printf(c->arena, "in %s", place));
}

static int set_mode(struct configure *c)
{
	static const char *const names[] = {
		[MODE_SLOPPY] = "sloppy", [MODE_STRICT] = "strict", [MODE_PORTABLE] = "portable"};
	const struct conf_assignment *mode = find(c->values, "hostonly_mode");
	const struct conf_assignment *hostonly = conf_find(c->values, "hostonly");
	size_t i = 0;

	while (mode && i < ARRAY_SIZE(names) && strcmp(names[i], mode->words[0]) != 0)
		i++;
	if (i == ARRAY_SIZE(names))
		return err_set(c->err, -EINVAL,
			       "%s=\"%s\": it is strict, sloppy or portable", origin(c, mode),
			       mode->text);
	if (hostonly && !config_is_hostonly(hostonly) && !c->given->given.kind && !c->given->given.mode &&
	    !c->given->hardware_file)
		c->out->mode = MODE_GENERIC;
	else if (mode && c->out->mode != MODE_GENERIC && !c->given->given.mode)
		c->out->mode = (enum plan_mode)i;
	set_elsewhere(c);
	return 0;
}

static bool is_yes(const struct configure *c, const char *key)
{
	const struct conf_assignment *a = find(c->values, key);

	return a && conf_is_yes(a);
}

/* As the option, it implies the feature. */
static int set_shell(struct configure *c)
{
	const struct conf_assignment *a = find(c->values, "preroot_rescue_shell");

	if (!a || c->given->rescue_shell)
		return 0;
	if (plan_parse_shell(a->text, &c->out->rescue_shell, c->err) < 0)
		return err_prefix(c->err, "%s", origin(c, a));
	configure_add_wish(c, WISH_ADD_FEATURE, "rescue", origin(c, a));
	return 0;
}

static void set_switches(struct configure *c)
{
	const struct conf_assignment *tables = find(c->values, "acpi_table_dir");

	if (find(c->values, "early_microcode") && !c->given->given.microcode)
		c->out->no_microcode = !is_yes(c, "early_microcode");
	if (!c->given->given.embed_root)
		c->out->embed_root = is_yes(c, "hostonly_cmdline");
	if (is_yes(c, "acpi_override") && tables && !c->out->acpi_tables) {
		c->out->acpi_tables = tables->text;
		c->out->acpi_from = origin(c, tables);
	}
}

/* ---- lists ---- */

void configure_add_wish(struct configure *c, enum wish_kind kind, const char *word,
			const char *from)
{
	c->wishes = arena_grow(c->arena, c->wishes, c->out->n_wishes, sizeof(*c->wishes));
	c->wishes[c->out->n_wishes++] = (struct request_wish){kind, word, from};
	c->out->wishes = c->wishes;
}

size_t configure_words(const struct configure *c, const char *key, const struct request_words *given,
		       const char *option, struct configure_word **out)
{
	struct conf_word *words;
	size_t n = key ? conf_words(c->values, key, c->arena, &words) : 0;

	*out = arena_alloc(c->arena, (n + given->n + 1) * sizeof(**out));
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct configure_word){words[i].text, origin(c, words[i].from)};
	for (size_t i = 0; i < given->n; i++)
		(*out)[n++] = (struct configure_word){given->list[i], option};
	return n;
}

static void add_wishes(struct configure *c, enum wish_kind kind, const char *key,
		       const struct request_words *given, const char *option)
{
	struct configure_word *words;
	size_t n = configure_words(c, key, given, option, &words);

	for (size_t i = 0; i < n; i++)
		configure_add_wish(c, kind, words[i].text, words[i].from);
}

/* Of these, the command line replaces the configuration. */
static void add_or_replace(struct configure *c, enum wish_kind kind, const char *key,
			   const struct request_words *given, const char *option)
{
	add_wishes(c, kind, given->n ? NULL : key, given, option);
}

static void set_lists(struct configure *c)
{
	static const struct request_words none;
	const struct request *given = c->given;
	const struct conf_assignment *drivers = find(c->values, "drivers");

	add_wishes(c, WISH_PACK_MODULE, "add_drivers", &none, NULL);
	add_wishes(c, WISH_LOAD_MODULE, "force_drivers", &none, NULL);
	add_wishes(c, WISH_OMIT_MODULE, "omit_drivers", &given->omit_drivers, "--omit-drivers");
	add_or_replace(c, WISH_PACK_MODULE, "drivers", &given->only_drivers, "--drivers");
	add_or_replace(c, WISH_FILESYSTEM, "filesystems", &given->filesystems, "--filesystems");
	add_wishes(c, WISH_INSTALL, "install_items", &none, NULL);
	add_wishes(c, WISH_INSTALL_OPTIONAL, "install_optional_items", &none, NULL);
	c->out->no_rules = drivers || given->only_drivers.n;
}

/* The words of KEY before those of the command line. */
static void prepend(struct configure *c, const char *key, struct request_words *to)
{
	struct configure_word *words;
	size_t n = configure_words(c, key, to, NULL, &words);
	const char **list = arena_alloc(c->arena, (n + 1) * sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = words[i].text;
	*to = (struct request_words){list, n};
}

static char *without_slashes_behind(char *dir)
{
	size_t len = strlen(dir);

	while (len && dir[len - 1] == '/')
		dir[--len] = '\0';
	return dir;
}

/* In dracut, folders may be separated by colons as well as blanks. */
static void set_firmware(struct configure *c)
{
	struct configure_word *words;
	const char **list = NULL;
	size_t n = configure_words(c, "fw_dir", &(struct request_words){NULL, 0}, NULL, &words), found = 0;

	for (size_t i = 0; i < n; i++) {
		char *cursor = arena_strdup(c->arena, words[i].text), *dir;

		while ((dir = strsep(&cursor, ":"))) {
			dir = without_slashes_behind(dir);
			if (!*dir)
				continue;
			list = arena_grow(c->arena, list, found, sizeof(*list));
			list[found++] = dir;
		}
	}
	c->out->firmware = (struct request_words){list, found};
}

static int set_patterns(struct configure *c)
{
	static const char *const keys[] = {"add_dlopen_features", "omit_dlopen_features"};
	struct conf_word *words;
	int r = 0;

	for (size_t k = 0; k < ARRAY_SIZE(keys) && r == 0; k++) {
		size_t n = conf_words(c->values, keys[k], c->arena, &words);

		for (size_t i = 0; i < n && r == 0; i++)
			if (binaries_check_feature(words[i].text, c->err) < 0) {
				err_prefix(c->err, "%s", origin(c, words[i].from));
				r = configure_failed(c);
			}
	}
	prepend(c, keys[0], &c->out->dlopen_add);
	prepend(c, keys[1], &c->out->dlopen_omit);
	prepend(c, "remove_items", &c->out->remove);
	return r;
}

/* As kernel parameters of the image: the boot loader's come behind them, and override them. */
static int set_degraded(struct configure *c)
{
	struct conf_word *words;
	size_t n = conf_words(c->values, "preroot_degraded", c->arena, &words);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *from = origin(c, words[i].from), *text = words[i].text;
		struct degraded d;

		if (!degraded_parse(text, &d)) {
			err_set(c->err, -EINVAL, "%s: \"%s\" is not [KIND:][wait:SECONDS,]then:start or "
				"then:fail", from, text);
			r = configure_failed(c);
		} else if (*d.kind && !features_find(d.kind)) {
			err_set(c->err, -EINVAL, "%s: \"%s\": there is no feature %s", from, text, d.kind);
			r = configure_failed(c);
		} else {
			configure_add_wish(c, WISH_CMDLINE, arena_printf(c->arena, "rd.degraded=%s", text),
					   from);
		}
	}
	return r;
}

static int set_cmdline(struct configure *c)
{
	const struct conf_assignment *a = NULL, *ro = find(c->values, "ro_mnt");
	size_t total = 0;

	if (ro && conf_is_yes(ro))
		configure_add_wish(c, WISH_CMDLINE, "ro", origin(c, ro));
	while ((a = conf_next(c->values, "kernel_cmdline", a))) {
		total += strlen(a->text);
		if (total > BOOTCONF_CMDLINE_MAX)
			return err_set(c->err, -E2BIG,
				       "%s: over %d bytes in all", origin(c, a),
				       BOOTCONF_CMDLINE_MAX);
		configure_add_wish(c, WISH_CMDLINE, a->text, origin(c, a));
	}
	return 0;
}

/* A build knows the names of modules too late to say this at once. */
static int check_omissions(struct configure *c)
{
	for (size_t i = 0; i < c->out->n_wishes; i++) {
		const struct request_wish *w = &c->out->wishes[i];

		if (w->kind == WISH_OMIT_MODULE &&
		    modules_check_pattern(w->word, w->from, c->err) < 0 && configure_failed(c) < 0)
			return c->err->code;
	}
	return 0;
}

static int fill(struct configure *c)
{
	static int (*const parts[])(struct configure *c) = {
		set_degraded, set_cmdline, set_compress, set_store,	    set_levels,
		set_patterns, set_mode,	   set_shell,	    check_omissions, configure_features};

	*c->out = *c->given;
	set_lists(c);
	set_switches(c);
	set_firmware(c);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i](c) < 0 && configure_failed(c) < 0)
			return c->err->code;
	return 0;
}

int configure_request(const struct configure_from *from, struct arena *arena, struct request *out,
		      struct err *err)
{
	struct configure c = {.root = from->root,
			      .given = from->given,
			      .values = from->values,
			      .arena = arena,
			      .out = out,
			      .err = err};

	return fill(&c);
}

void configure_check(const struct root *root, const struct conf *values, struct err_list *errors,
		     struct request *out)
{
	const struct request nothing = {.codec = CODEC_COUNT};
	struct err err = {0};
	struct configure c = {.root = root,
			      .given = &nothing,
			      .values = values,
			      .arena = errors->arena,
			      .out = out,
			      .err = &err,
			      .errors = errors};

	fill(&c);
}

void configure_check_items(const struct root *root, const struct request *q, struct err_list *errors)
{
	for (size_t i = 0; i < q->n_wishes; i++) {
		const struct request_wish *w = &q->wishes[i];
		const char *path, **matches;
		struct err err = {0};
		int r = w->kind == WISH_INSTALL
				? items_locate(root, w->word, errors->arena, &path, &err)
				: 1;

		if (r == 0)
			r = items_match(root, w->word, errors->arena, &matches, &err);
		if (r == 0)
			r = items_refuse(root, w->word, w->from, &err);
		if (r < 0)
			err_collect(errors, &err);
	}
}

int configure_for(const struct transaction *t, const char *version, struct arena *arena,
		  struct request *out, struct err *err)
{
	struct request given = *t->given;
	struct kernel kernel;
	struct config config;
	int r;

	profile_stage("configuration");
	r = (given.only_cmdline ? kernel_find_or_none : kernel_find)(t->root, version, arena, &kernel, err);
	given.kernel = version;
	if (r == 0)
		r = config_read(t->root, t->places, kernel.version, arena, &config, err);
	if (r == 0)
		r = config_check_lacks(&config, arena, err);
	return r < 0 ? r
		     : configure_request(&(struct configure_from){t->root, &given, &config.values},
					 arena, out, err);
}
