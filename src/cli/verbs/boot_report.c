/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs/boot_report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "deploy/place/atomic.h"

struct options {
	bool json;
	const char *svg; /* the chart's file, or NULL */
};

struct report {
	struct bootlog log;
	struct boot_rows rows;
	const struct bootlog_item **chain;
	size_t n_chain;
};

const char *boot_kind_name(enum bootlog_kind kind)
{
	static const char *const names[BOOTLOG_KINDS] = {
		[BOOTLOG_STAGE] = "stage",
		[BOOTLOG_MODULE] = "module",
		[BOOTLOG_DEVICE] = "device",
		[BOOTLOG_PROGRAM] = "program",
	};

	return names[kind];
}

const char *boot_remark(const struct bootlog_item *item, char *out, size_t size)
{
	*out = '\0';
	if (item->begin < 0)
		snprintf(out, size, item->kind == BOOTLOG_DEVICE ? "not looked at"
								 : "not begun");
	else if (item->end < 0)
		snprintf(out, size, "not over");
	else if (item->kind == BOOTLOG_PROGRAM && item->result > 0)
		snprintf(out, size, "ended with status %d", item->result);
	else if (item->kind == BOOTLOG_PROGRAM && item->result < 0)
		snprintf(out, size, "did not end by itself");
	else if (item->result < 0 && item->result > -4096)
		snprintf(out, size, "%s", strerror(-item->result));
	return out;
}

/* ---- rows ---- */

static int64_t first_time(const struct bootlog_item *item)
{
	return item->begin >= 0 ? item->begin : item->asked;
}

static int compare_rows(const void *a, const void *b)
{
	const struct bootlog_item *x = ((const struct boot_row *)a)->item;
	const struct bootlog_item *y = ((const struct boot_row *)b)->item;

	if (first_time(x) != first_time(y))
		return first_time(x) < first_time(y) ? -1 : 1;
	return x < y ? -1 : x > y;
}

static void make_rows(struct report *r, struct arena *a)
{
	const struct bootlog *log = &r->log;

	r->n_chain = bootlog_chain(log, a, &r->chain);
	r->rows.rows = arena_alloc(a, (log->n_items + 1) * sizeof(*r->rows.rows));
	for (size_t i = 0; i < log->n_items; i++) {
		struct boot_row *row = &r->rows.rows[r->rows.n++];

		row->item = &log->items[i];
		for (size_t k = 0; k < r->n_chain; k++)
			row->on_chain = row->on_chain || r->chain[k] == row->item;
	}
	qsort(r->rows.rows, r->rows.n, sizeof(*r->rows.rows), compare_rows);
}

/* ---- as text ---- */

static double seconds(int64_t us)
{
	return (double)us / 1e6;
}

static void print_head(const struct bootlog *log)
{
	char when[64] = "";
	time_t t = (time_t)(log->realtime / 1000000);
	struct tm tm;

	if (log->realtime > 0 && localtime_r(&t, &tm))
		strftime(when, sizeof(when), " at %Y-%m-%d %H:%M:%S", &tm);
	printf("boot of kernel %s%s, by preroot %s\n", log->kernel ? log->kernel : "-", when,
	       log->version ? log->version : "-");
	printf("%.3f s from the kernel's start to PID 1, %.3f s in it, ", seconds(log->start),
	       seconds(log->end - log->start));
	if (log->failure)
		printf("then it failed: %s\n", log->failure);
	else
		printf("then %s on %s\n", log->init ? log->init : "-", log->root ? log->root : "-");
	if (log->left_out)
		printf("%zu more event%s had no room in the trace\n", log->left_out,
		       cli_plural(log->left_out));
}

static void print_row(const struct bootlog_item *item, bool marked)
{
	char took[32] = "-", waited[32] = "", remark[256];

	if (item->end >= 0)
		snprintf(took, sizeof(took), "%.3f", seconds(item->end - item->begin));
	if (item->kind == BOOTLOG_MODULE || item->kind == BOOTLOG_DEVICE)
		snprintf(waited, sizeof(waited), "%.3f",
			 item->begin < 0 ? 0 : seconds(item->begin - item->asked));
	boot_remark(item, remark, sizeof(remark));
	printf("%c %9.3f %9s %9s  %-8s %s%s%s\n", marked ? '*' : ' ', seconds(first_time(item)),
	       waited, took, boot_kind_name(item->kind), item->name, *remark ? ": " : "", remark);
}

static void print_text(const struct report *r)
{
	print_head(&r->log);
	printf("\n  %9s %9s %9s\n", "begin", "waited", "took");
	for (size_t i = 0; i < r->rows.n; i++)
		print_row(r->rows.rows[i].item, r->rows.rows[i].on_chain);
	printf("\nThe longest chain, marked * above:\n");
	for (size_t i = 0; i < r->n_chain; i++)
		print_row(r->chain[i], false);
}

/* ---- as JSON ---- */

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, json_object_new_string(text));
}

static void add_time(struct json_object *o, const char *key, int64_t us)
{
	if (us >= 0)
		json_object_object_add(o, key, json_object_new_int64(us));
}

static struct json_object *item_json(const struct boot_row *row)
{
	const struct bootlog_item *item = row->item;
	struct json_object *o = json_object_new_object(), *needs = json_object_new_array();
	char remark[256];

	add_text(o, "kind", boot_kind_name(item->kind));
	add_text(o, "name", item->name);
	add_time(o, "asked-us", item->asked);
	add_time(o, "begin-us", item->begin);
	add_time(o, "end-us", item->end);
	if (*boot_remark(item, remark, sizeof(remark)))
		add_text(o, "remark", remark);
	for (size_t i = 0; i < item->n_needs; i++)
		json_object_array_add(needs, json_object_new_string(item->needs[i]));
	json_object_object_add(o, "needs", needs);
	json_object_object_add(o, "on-chain", json_object_new_boolean(row->on_chain));
	return o;
}

static void print_json(const struct report *r)
{
	struct json_object *o = json_object_new_object(), *items = json_object_new_array();

	add_text(o, "version", r->log.version);
	add_text(o, "kernel", r->log.kernel);
	add_text(o, "image", r->log.image);
	add_text(o, "init", r->log.init);
	add_text(o, "root", r->log.root);
	add_text(o, "failure", r->log.failure);
	add_time(o, "start-us", r->log.start);
	add_time(o, "end-us", r->log.end);
	add_time(o, "left-out", (int64_t)r->log.left_out);
	for (size_t i = 0; i < r->rows.n; i++)
		json_object_array_add(items, item_json(&r->rows.rows[i]));
	json_object_object_add(o, "items", items);
	cli_print_json(o);
}

/* ---- the command ---- */

static int write_chart(const struct report *r, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct atomic file;
	int e;

	boot_chart(&r->log, &r->rows, &text);
	if (buf_status(&text) < 0)
		return err_sys(err, -ENOMEM, "%s", path);
	if (strcmp(path, "-") == 0) {
		fwrite(text.data, 1, text.len, stdout);
		return 0;
	}
	e = atomic_begin(path, &file, err);
	if (e < 0)
		return e;
	e = write_full(file.fd, text.data, text.len);
	if (e < 0)
		err_sys(err, e, "writing %s", path);
	if (e == 0)
		e = atomic_sync(&file, err);
	if (e == 0)
		e = atomic_commit(&file, err);
	atomic_end(&file);
	return e;
}

static int take_option(const struct option_spec *spec, char **args, void *options, struct err *err)
{
	struct options *o = options;

	(void)err;
	if (spec->id == OPT_JSON)
		o->json = true;
	else
		o->svg = args[0];
	return 0;
}

static int read_log(const char *path, struct arena *a, struct bootlog *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = read_file_at(AT_FDCWD, path, BOOTLOG_SIZE_MAX, &text);

	if (r < 0) {
		err_sys(err, r, "%s", path);
		if (r == -ENOENT && strcmp(path, "/" BOOTLOG_PATH) == 0)
			err_hint(err, "this machine was not booted by an image of preroot's");
		return r;
	}
	r = bootlog_decode(buf_cstr(&text), text.len, a, out, err);
	return r < 0 ? err_prefix(err, "%s", path) : 0;
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct options options = {0};
	struct report report = {0};
	struct err err = {0};
	int r = options_parse(self, argc, argv, take_option, &options, &err);

	if (r >= 0 && options.json && options.svg && strcmp(options.svg, "-") == 0)
		r = err_set(&err, -EINVAL, "--json and --svg - both write to standard output");
	if (r < 0)
		return cli_usage(r, &err);
	r = read_log(r > 0 ? argv[0] : "/" BOOTLOG_PATH, &arena, &report.log, &err);
	if (r < 0)
		return cli_fail(&err);
	make_rows(&report, &arena);
	if (options.svg && write_chart(&report, options.svg, &err) < 0)
		return cli_fail(&err);
	if (options.json)
		print_json(&report);
	else if (!options.svg)
		print_text(&report);
	return cli_end(EXIT_DONE);
}

static const struct option_spec options[] = {
	JSON_OPTION,
	{"svg", 0, "FILE", "write a chart to FILE; - is standard output", OPT_SVG, false},
	{0},
};

const struct command command_boot_report = {
	.name = "boot-report",
	.positional = "[FILE]",
	.summary = "Show what the last boot spent its time on.",
	.options = options,
	.max = 1,
	.run = run,
};
