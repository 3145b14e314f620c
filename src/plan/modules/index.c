/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/kernel/cmdline.h"
#include "plan/modules/kit.h"

/* PID 1's indexes: of the modules in the image, and of those that the kernel has but the image
 * lacks. */

enum { INDEX_TEXT_MAX = 64 * 1024 * 1024, CMDLINE_MAX = 64 * 1024 };

int modules_read_index(struct modules *m, const char *name, struct buf *out, struct err *err)
{
	const char *path = arena_printf(m->arena, "%s/%s", m->kernel->modules_dir, name);
	int r = root_read(m->root, path, INDEX_TEXT_MAX, out);

	if (m->kernel->is_monolithic && r == -ENOENT)
		r = 0;
	if (r < 0) {
		err_sys(err, r, "module index /%s", path);
		return kernel_hint_depmod(m->root, m->kernel->version, err);
	}
	buf_cstr(out);
	return buf_status(out);
}

bool modules_next_dep(char **cursor, const char **path, char name[MODINDEX_NAME_MAX],
		      const char **needs)
{
	char *line;

	while ((line = strsep(cursor, "\n"))) {
		const char *file = strsep(&line, ":"), *slash = strrchr(file, '/');
		char bare[MODINDEX_NAME_MAX];
		size_t len;

		*path = file;
		file = slash ? slash + 1 : file;
		len = strcspn(file, ".");
		if (!line || !len || len >= sizeof(bare))
			continue;
		memcpy(bare, file, len);
		bare[len] = '\0';
		modindex_normalise(bare, name);
		*needs = line;
		return true;
	}
	return false;
}

/* The next line "alias PATTERN MODULE" of modules.alias, in place. */
static bool next_alias(char **cursor, char **pattern, char **module)
{
	char *line;

	while ((line = strsep(cursor, "\n"))) {
		*module = strrchr(line, ' ');
		if (!str_starts(line, "alias ") || *module <= line + strlen("alias "))
			continue;
		*(*module)++ = '\0';
		*pattern = line + strlen("alias ");
		return true;
	}
	return false;
}

static void push(struct modindex_alias **list, size_t *count, const char *pattern, uint32_t module)
{
	if ((*count & (*count - 1)) == 0)
		*list = xrealloc(*list, *count ? *count * 2 : 1, sizeof(**list));
	(*list)[(*count)++] = (struct modindex_alias){pattern, module};
}

/* ---- the modules in the image ---- */

static struct modindex_list numbers(struct arena *a, struct module **list, size_t n)
{
	uint32_t *refs = arena_alloc(a, (n + 1) * sizeof(*refs));

	for (size_t i = 0; i < n; i++)
		refs[i] = list[i]->number;
	return (struct modindex_list){refs, n};
}

/* libkmod appends the "module.option" parameters of the running kernel's command line to the
 * options from files. An image must not depend on them. Returns how many of MODULE's options they
 * are. */
static size_t from_running_cmdline(const char *cmdline, const char *module)
{
	_cleanup_free_ char *copy = xstrdup(cmdline);
	char *cursor = copy, *param, *value;
	size_t n = 0;

	while (cmdline_next(&cursor, &param, &value)) {
		char *dot = strchr(param, '.');

		if (!dot)
			continue;
		*dot = '\0';
		n += cmdline_name_is(param, module);
	}
	return n;
}

static size_t count_options(struct modules *m, const struct module *mod)
{
	struct kmod_config_iter *it = kmod_config_get_options(m->kmod);
	size_t n = 0;

	while (it && kmod_config_iter_next(it))
		n += strcmp(kmod_config_iter_get_key(it), mod->name) == 0;
	kmod_config_iter_free_iter(it);
	return n;
}

static const char *options_of(struct modules *m, const struct module *mod, const char *cmdline)
{
	size_t total = count_options(m, mod), foreign = from_running_cmdline(cmdline, mod->name);
	struct kmod_config_iter *it = kmod_config_get_options(m->kmod);
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t k = 0; it && kmod_config_iter_next(it);) {
		if (strcmp(kmod_config_iter_get_key(it), mod->name) == 0 && k++ + foreign < total)
			buf_printf(&text, "%s%s", text.len ? " " : "",
				   kmod_config_iter_get_value(it));
	}
	kmod_config_iter_free_iter(it);
	return arena_strdup(m->arena, buf_cstr(&text));
}

static const char *path_in_image(struct modules *m, const struct plan *plan,
				 const struct module *mod)
{
	const char *file = module_file(m, mod);
	const struct plan_entry *e = plan_find(plan, file);

	if (!e)
		e = plan_find(plan, arena_printf(m->arena, "%s.zst", file));
	return e ? e->path : file;
}

static void read_running_cmdline(struct buf *out)
{
	_cleanup_root_ struct root host = {.fd = -1};

	if (root_open("/", &host, NULL) == 0)
		root_read(&host, "proc/cmdline", CMDLINE_MAX, out);
}

/* How often the running kernel's command line names NAME in modprobe.blacklist=. */
static int blacklisted_by_cmdline(const char *cmdline, const char *name)
{
	_cleanup_free_ char *copy = xstrdup(cmdline);
	char *cursor = copy, *param, *value, *word;
	int n = 0;

	while (cmdline_next(&cursor, &param, &value)) {
		if (!value || !cmdline_name_is(param, "modprobe.blacklist"))
			continue;
		while ((word = strsep(&value, ",")))
			n += cmdline_name_is(word, name);
	}
	return n;
}

/* "install NAME COMMAND" replaces loading the module, so no device may load it directly. */
static bool has_install_command(struct modules *m, const char *name)
{
	struct kmod_config_iter *it = kmod_config_get_install_commands(m->kmod);
	bool found = false;

	while (it && kmod_config_iter_next(it))
		found = found || fnmatch(kmod_config_iter_get_key(it), name, 0) == 0;
	kmod_config_iter_free_iter(it);
	return found;
}

/* "blacklist NAME" in modprobe.d: no device loads the module, though it is there. CMDLINE is the
 * running kernel's, which libkmod treats as part of the configuration. */
static bool is_blacklisted(struct modules *m, const char *name, const char *cmdline)
{
	struct kmod_config_iter *it = kmod_config_get_blacklists(m->kmod);
	int n = 0;

	while (it && kmod_config_iter_next(it))
		n += cmdline_name_is(kmod_config_iter_get_key(it), name);
	kmod_config_iter_free_iter(it);
	return n && n > blacklisted_by_cmdline(cmdline, name);
}

bool modules_is_blacklisted(struct modules *m, const char *name)
{
	_cleanup_buf_ struct buf cmdline = BUF_INIT;

	read_running_cmdline(&cmdline);
	return is_blacklisted(m, name, buf_cstr(&cmdline));
}

static int add_packed(struct modules *m, struct plan *plan, char *aliases, struct err *err)
{
	struct modindex_source *sources = arena_alloc(m->arena, (m->count + 1) * sizeof(*sources));
	_cleanup_free_ struct modindex_alias *list = NULL;
	_cleanup_buf_ struct buf cmdline = BUF_INIT, out = BUF_INIT;
	char *pattern, *name;
	size_t count = 0;

	read_running_cmdline(&cmdline);
	for (size_t i = 0; i < m->count; i++) {
		struct module *mod = m->list[i];

		bool is_quiet = is_blacklisted(m, mod->name, buf_cstr(&cmdline)) ||
				has_install_command(m, mod->name);

		sources[i] = (struct modindex_source){
			.name = mod->name,
			.path = path_in_image(m, plan, mod),
			.options = options_of(m, mod, buf_cstr(&cmdline)),
			.flags = (mod->flags & MODULES_LATE ? MODINDEX_LATE : 0u) |
				 (is_quiet ? MODINDEX_QUIET : 0u),
			.hard = numbers(m->arena, mod->hard, mod->n_hard),
			.pre = numbers(m->arena, mod->pre, mod->n_pre),
			.post = numbers(m->arena, mod->post, mod->n_post),
		};
	}
	while (next_alias(&aliases, &pattern, &name)) {
		void **slot = strset_find(&m->by_name, name);

		if (slot)
			push(&list, &count, pattern, ((struct module *)*slot)->number);
	}
	if (modindex_encode(sources, m->count, list, count, &out) < 0)
		return err_set(err, -ENOMEM, "no memory left for the module index");
	return plan_add_text(plan, MODINDEX_PATH, 0644, out.data, out.len,
			     "tells PID 1 which module serves which device, and in which order",
			     err);
}

/* ---- modules of the kernel that the image does not contain ---- */

/* Only the buses that disks are on: the index names a missing driver of a disk, nothing else. */
static bool can_carry_disks(const char *pattern)
{
	return str_starts(pattern, "pci:") || str_starts(pattern, "usb:") ||
	       str_starts(pattern, "virtio:") || str_starts(pattern, "vmbus:");
}

/* pci:vVENDORdDEVICEsv...: the subsystem IDs after that distinguish cards with the same chip, which
 * rarely have different drivers. */
static const char *without_card(struct arena *a, const char *pattern)
{
	const char *card = str_starts(pattern, "pci:v") ? strstr(pattern, "sv") : NULL;

	return card && card > pattern && card[-1] != '*'
		       ? arena_printf(a, "%.*s*", (int)(card - pattern), pattern)
		       : pattern;
}

struct named {
	const char *pattern, *module;
};

static int by_module(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int diff = strcmp(x->module, y->module);

	return diff ? diff : strcmp(x->pattern, y->pattern);
}

/* In these folders only the module's content says whether it drives disks. Reading them all is not
 * worth it, since hardly any does. */
static bool is_mixed(const struct modules_rule *rule)
{
	return rule->provides &&
	       (!*rule->folder || strcmp(rule->folder, "kernel/drivers/") == 0);
}

static bool is_absent(struct modules *m, const char *name, const struct modules_rule *known)
{
	void **slot = strset_find(&m->deps, name);
	const struct modules_rule *rule;

	if (!slot || strset_has(&m->by_name, name))
		return false;
	rule = modules_rule_of(known, ((const struct dep *)*slot)->path);
	return rule && !is_mixed(rule);
}

static int add_known(struct modules *m, struct plan *plan, char *aliases,
		     const struct modules_rule *known, struct err *err)
{
	_cleanup_free_ struct modindex_source *sources = NULL;
	_cleanup_free_ struct modindex_alias *list = NULL;
	_cleanup_free_ struct named *pairs = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t n = 0, n_sources = 0, count = 0;
	const char *last = "";
	char *pattern, *name;
	bool absent = false;

	while (next_alias(&aliases, &pattern, &name)) {
		if (!can_carry_disks(pattern))
			continue;
		/* depmod lists all aliases of a module in one place. */
		if (strcmp(name, last) != 0)
			absent = is_absent(m, name, known);
		last = name;
		if (!absent)
			continue;
		if ((n & (n - 1)) == 0)
			pairs = xrealloc(pairs, n ? n * 2 : 1, sizeof(*pairs));
		pairs[n++] = (struct named){without_card(m->arena, pattern), name};
	}
	if (n)
		qsort(pairs, n, sizeof(*pairs), by_module);
	sources = xrealloc(NULL, n + 1, sizeof(*sources));
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(pairs[i].module, pairs[i - 1].module) != 0)
			sources[n_sources++] = (struct modindex_source){
				.name = pairs[i].module, .path = "", .options = ""};
		if (i == 0 || by_module(&pairs[i], &pairs[i - 1]) != 0)
			push(&list, &count, pairs[i].pattern, (uint32_t)(n_sources - 1));
	}
	if (modindex_encode(sources, n_sources, list, count, &out) < 0)
		return err_set(err, -ENOMEM, "no memory left for the module index");
	return plan_add_text(plan, MODINDEX_KNOWN_PATH, 0644, out.data, out.len,
			     "lets PID 1 name the driver that a device would have needed", err);
}

int modules_add_index(struct modules *m, struct plan *plan,
		      const struct modules_rule *known, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *copy = NULL;
	int r = modules_read_index(m, "modules.alias", &text, err);

	if (r < 0)
		return r;
	copy = xstrdup(buf_cstr(&text));
	r = add_packed(m, plan, copy, err);
	return r < 0 ? r : add_known(m, plan, (char *)text.data, known, err);
}
