/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/settings.h"
#include "format/kernel/cpio.h"
#include "format/ours/bootconf.h"
#include "plan/fingerprint.h"
#include "transaction/configure.h"
#include "transaction/pack.h"

static const char *const types[] = {
	[PLAN_FILE] = "file", [PLAN_DIR] = "dir", [PLAN_LINK] = "link"};

static void print_text(struct build *b)
{
	const char *const *remarks, *const *notes;
	size_t n_remarks = transaction_notes(b->plan.remarks, &b->plan.arena, &remarks);
	size_t n_notes = transaction_notes(b->plan.notes, &b->plan.arena, &notes);
	char remark[2 * ERR_TEXT_MAX];
	char codecs[64], path[CPIO_NAME_MAX], reason[CPIO_NAME_MAX], target[CPIO_NAME_MAX];

	printf("# kernel %s, %s, compressed with %s\n", b->kernel.version,
	       cli_mode_name(b->request->mode),
	       cli_codec_names(b->codec, b->plan.store_level ? CODEC_ZSTD : CODEC_NONE, codecs));
	for (size_t i = 0; i < n_remarks; i++) {
		escape_text(remarks[i], remark, sizeof(remark));
		printf("# %s\n", remark);
	}
	for (size_t i = 0; i < b->plan.n_entries; i++) {
		const struct plan_entry *e = &b->plan.entries[i];

		escape_text(e->path, path, sizeof(path));
		escape_text(e->reason, reason, sizeof(reason));
		escape_text(e->target ? e->target : "", target, sizeof(target));
		printf("%-4s /%s%s%s\t%s\n", types[e->type], path, *target ? " -> " : "", target,
		       reason);
	}
	cli_warn_all(notes, n_notes);
}

static void print_json(struct build *b, const char *fingerprint)
{
	const char *const *remarks, *const *notes;
	size_t n_remarks = transaction_notes(b->plan.remarks, &b->plan.arena, &remarks);
	size_t n_notes = transaction_notes(b->plan.notes, &b->plan.arena, &notes);
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (size_t i = 0; i < b->plan.n_entries; i++) {
		const struct plan_entry *e = &b->plan.entries[i];
		struct json_object *entry = json_object_new_object();

		json_object_object_add(entry, "path", cli_json_text(e->path));
		json_object_object_add(entry, "type", cli_json_text(types[e->type]));
		json_object_object_add(entry, "mode", json_object_new_int((int)e->mode));
		if (e->source)
			json_object_object_add(entry, "source", cli_json_text(e->source));
		if (e->target)
			json_object_object_add(entry, "target", cli_json_text(e->target));
		json_object_object_add(entry, "reason", cli_json_text(e->reason));
		json_object_array_add(list, entry);
	}
	json_object_object_add(o, "kernel", cli_json_text(b->kernel.version));
	json_object_object_add(o, "compress", cli_json_text(codec_info(b->codec)->name));
	json_object_object_add(o, "compress_store",
			       cli_json_text(b->plan.store_level ? "zstd" : "none"));
	json_object_object_add(o, "fingerprint", json_object_new_string(fingerprint));
	json_object_object_add(o, "entries", list);
	json_object_object_add(o, "remarks", cli_json_texts(remarks, n_remarks));
	json_object_object_add(o, "warnings", cli_json_texts(notes, n_notes));
	cli_print_json(o);
}

/* On one line, in the order in which PID 1 reads them. */
static void print_cmdline(struct build *b)
{
	char *cursor = (char *)buf_cstr(&b->boot_conf), *key, *value, shown[4 * BOOTCONF_CMDLINE_MAX];
	const char *blank = "";

	while (cursor && bootconf_next(&cursor, &key, &value)) {
		if (strcmp(key, "cmdline") != 0)
			continue;
		escape_text(value, shown, sizeof(shown));
		printf("%s%s", blank, shown);
		blank = " ";
	}
	printf("\n");
}

struct plan_options {
	struct cli_request q;
	struct settings settings;
};

static int apply(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct plan_options *o = options;
	int r;

	if (spec->id == OPT_PRINT_CMDLINE) {
		o->q.request.only_cmdline = true;
		return 0;
	}
	r = settings_apply(&o->settings, spec, args, err);
	return r ? r : cli_request_apply(spec, args, &o->q, err);
}

static void clear_options(struct plan_options *o)
{
	cli_request_clear(&o->q);
	settings_clear(&o->settings);
}

/* Makes the plan from the settings and the command line. */
static int make(struct plan_options *o, struct root *root, struct request *request,
		struct build *b, struct err *err)
{
	const char *kernel = o->q.request.kernel;
	struct transaction t = {
		.root = root, .given = &o->q.request, .places = &o->settings.places};
	int r = settings_read(&o->settings, root, kernel, &o->q.arena, err);

	if (r < 0)
		return r;
	settings_report(&o->settings);
	if (!kernel)
		cli_warn_of_choice(root, NULL);
	r = configure_for(&t, kernel, &o->q.arena, request, err);
	return r < 0 ? r : build_make(request, root, b, err);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_(clear_options) struct plan_options o = {.settings = {.q = &o.q}};
	_cleanup_build_ struct build b = {0};
	_cleanup_root_ struct root root = {.fd = -1};
	uint8_t sum[DIGEST_SIZE];
	struct request request;
	char fingerprint[2 * DIGEST_SIZE + 1];
	struct err err = {0};
	int r;

	cli_request_init(&o.q);
	r = options_parse(self, argc, argv, apply, &o, &err);
	if (r >= 0 && cli_request_settle(&o.q, &err) < 0)
		r = err.code;
	if (r < 0)
		return cli_usage(r, &err);
	o.q.request.kernel = r > 0 ? argv[0] : NULL;
	o.q.request.init = cli_find_init(&o.q.arena);
	r = root_open(o.q.root, &root, &err);
	if (r == 0)
		r = make(&o, &root, &request, &b, &err);
	if (r < 0)
		return o.settings.is_wrong ? cli_usage(r, &err) : cli_fail(&err);
	if (request.only_cmdline) {
		print_cmdline(&b);
	} else if (o.q.json) {
		r = plan_fingerprint(&b.plan, &root, b.codec,
				     &(struct encode_options){b.level, 0, b.x86_filter}, sum, &err);
		if (r < 0)
			return cli_fail(&err);
		digest_text(sum, fingerprint);
		print_json(&b, fingerprint);
	} else {
		print_text(&b);
	}
	return cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	{"print-cmdline", 0, NULL, "print only the kernel parameters in the image", OPT_PRINT_CMDLINE,
	 false},
	REQUEST_OPTIONS,
	TELLING_OPTIONS,
	{0},
};

const struct command command_plan = {
	.name = "plan",
	.positional = "[KVER]",
	.summary = "Show what an image would hold, and why.",
	.options = options,
	.max = 1,
	.run = run,
};
