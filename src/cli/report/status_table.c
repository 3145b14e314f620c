/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/quote.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/verbs/status.h"
#include "format/ours/prometheus.h"

/* The inventory as a table, as JSON and as metrics. */

static const char *kind_name(enum boot_image_kind kind)
{
	static const char *const names[] = {[BOOT_IMAGE_CURRENT] = "current",
					    [BOOT_IMAGE_PREVIOUS] = "previous",
					    [BOOT_IMAGE_TRIAL] = "trial"};

	return names[kind];
}

bool status_is_bad(const struct status_report *s)
{
	const struct inventory *i = &s->inventory;

	for (size_t k = 0; k < i->n; k++)
		if (i->rows[k].verdict != INVENTORY_CURRENT)
			return true;
	return i->n_notes || i->n_builders || s->now.len || s->earlier.len;
}

static uint64_t bytes_of_images(const struct inventory *i)
{
	uint64_t bytes = 0;

	for (size_t k = 0; k < i->n; k++)
		for (size_t m = 0; m < i->rows[k].n_images; m++)
			bytes += bootdir_takes(&i->boot, i->rows[k].images[m].size);
	return bytes;
}

/* ---- as a table ---- */

enum { COLUMNS = 6, CELL_MAX = 512 };

struct line {
	char cells[COLUMNS][CELL_MAX];
};

static bool has_menu(const struct bootmenu *menu)
{
	for (size_t i = 0; i < BOOTMENU_LOADERS; i++)
		if (menu->has[i])
			return true;
	return false;
}

static void fill(const struct inventory_row *row, bool menu, struct line *l)
{
	char version[CELL_MAX / 2], path[CELL_MAX / 2], why[CELL_MAX / 2] = "";

	escape_text(row->version, version, sizeof(version));
	escape_text(row->image ? row->image->path : "", path, sizeof(path));
	if (row->why)
		escape_text(row->why, why, sizeof(why));
	snprintf(l->cells[0], CELL_MAX, "%s%s", version, row->is_running ? " (running)" : "");
	snprintf(l->cells[1], CELL_MAX, "%s%s", *path ? "/" : "-", path);
	if (row->n_previous)
		snprintf(l->cells[2], CELL_MAX, "%zu", row->n_previous);
	else
		snprintf(l->cells[2], CELL_MAX, "-");
	snprintf(l->cells[3], CELL_MAX, "%s", row->trial ? "waits" : "-");
	snprintf(l->cells[4], CELL_MAX, "%s",
		 !menu || !row->image ? "-" : row->entry ? "yes" : "no");
	snprintf(l->cells[5], CELL_MAX, "%s%s%s", inventory_word(row->verdict), *why ? ": " : "",
		 why);
}

static void print_lines(const struct line *lines, size_t n)
{
	size_t widths[COLUMNS] = {0};

	for (size_t i = 0; i < n; i++)
		for (size_t c = 0; c + 1 < COLUMNS; c++)
			if (strlen(lines[i].cells[c]) > widths[c])
				widths[c] = strlen(lines[i].cells[c]);
	for (size_t i = 0; i < n; i++) {
		for (size_t c = 0; c + 1 < COLUMNS; c++)
			printf("%-*s  ", (int)widths[c], lines[i].cells[c]);
		printf("%s\n", lines[i].cells[COLUMNS - 1]);
	}
}

static void print_space(const struct inventory *i)
{
	char path[CELL_MAX], free[32], total[32], images[32];

	escape_text(i->boot.path, path, sizeof(path));
	printf("\n/%s: %s free of %s%s; the images take %s\n", path, cli_size(i->boot.available, free),
	       cli_size(i->boot.total, total), i->boot.is_read_only ? ", read-only" : "",
	       cli_size(bytes_of_images(i), images));
}

/* The command that puts an image of ours back to where another tool has replaced one; NULL: none has. */
static const char *remedy(const struct status_report *s, const struct inventory_row *row)
{
	const bool is_host = s->root->is_host;

	if (row->verdict != INVENTORY_UNVERIFIED || !row->image || !*row->state.sha256)
		return NULL;
	return arena_printf(s->arena, "preroot rebuild %s%s%s%s", is_host ? "" : "--root ",
			    is_host ? "" : quote_word(s->root->path, s->arena), is_host ? "" : " ",
			    quote_word(row->version, s->arena));
}

static void print_replaced(const struct status_report *s)
{
	char path[CELL_MAX], command[CELL_MAX];

	for (size_t k = 0; k < s->inventory.n; k++) {
		const struct inventory_row *row = &s->inventory.rows[k];
		const char *words = remedy(s, row);

		if (!words)
			continue;
		escape_text(row->image->path, path, sizeof(path));
		escape_command(words, command, sizeof(command));
		printf("\n/%s was replaced; to have an image of preroot there again:\n  %s\n", path,
		       command);
	}
}

static void print_builders(const struct inventory *i)
{
	char path[CELL_MAX], command[CELL_MAX];

	for (size_t k = 0; k < i->n_builders; k++) {
		const struct builder *b = &i->builders[k];

		escape_text(b->path, path, sizeof(path));
		escape_command(b->command, command, sizeof(command));
		printf("\n/%s runs %s %s, which replaces the image; to stop that:\n  %s\n", path,
		       b->name, b->when, command);
	}
}

void status_print_table(const struct status_report *s)
{
	static const struct line head = {{"kernel", "image", "previous", "trial", "menu", "state"}};
	const struct inventory *i = &s->inventory;
	struct line *lines = xrealloc(NULL, i->n + 1, sizeof(*lines));

	lines[0] = head;
	for (size_t k = 0; k < i->n; k++)
		fill(&i->rows[k], has_menu(&i->menu), &lines[k + 1]);
	if (i->n)
		print_lines(lines, i->n + 1);
	free(lines);
	if (i->n && i->has_boot)
		print_space(i);
	print_replaced(s);
	print_builders(i);
	if (i->n)
		printf("\n");
	for (size_t k = 0; k < i->n_notes; k++)
		cli_warn("%s", i->notes[k]);
}

/* ---- as JSON ---- */

static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add(o, key, value);
}

static struct json_object *image_json(const struct boot_image *image)
{
	struct json_object *o = json_object_new_object();

	add(o, "path", cli_json_text(image->path));
	add(o, "kind", json_object_new_string(kind_name(image->kind)));
	if (image->kind == BOOT_IMAGE_PREVIOUS)
		add(o, "generation", json_object_new_int((int)image->generation));
	add(o, "bytes", json_object_new_int64((int64_t)image->size));
	return o;
}

static struct json_object *entry_json(const struct bootmenu_entry *entry)
{
	struct json_object *o = json_object_new_object();

	add(o, "file", cli_json_text(entry->file));
	add(o, "id", entry->id ? cli_json_text(entry->id) : NULL);
	add(o, "title", entry->title ? cli_json_text(entry->title) : NULL);
	return o;
}

static struct json_object *row_json(const struct status_report *s, const struct inventory_row *row)
{
	const char *command = remedy(s, row);
	struct json_object *o = json_object_new_object(), *images = json_object_new_array();

	add(o, "kernel", cli_json_text(row->version));
	add(o, "running", json_object_new_boolean(row->is_running));
	add(o, "newest", json_object_new_boolean(row->is_newest));
	add(o, "modules", json_object_new_boolean(row->has_modules));
	add(o, "kernel-image", json_object_new_boolean(row->has_kernel));
	add(o, "image", row->image ? cli_json_text(row->image->path) : NULL);
	add(o, "boot-entry", row->entry ? entry_json(row->entry) : NULL);
	add(o, "state", json_object_new_string(inventory_word(row->verdict)));
	add(o, "why", row->why ? cli_json_text(row->why) : NULL);
	add(o, "command", command ? cli_json_command(command) : NULL);
	add(o, "good", *row->state.good ? json_object_new_string(row->state.good) : NULL);
	add(o, "failed", *row->state.failed ? json_object_new_string(row->state.failed) : NULL);
	for (size_t i = 0; i < row->n_images; i++)
		json_object_array_add(images, image_json(&row->images[i]));
	add(o, "images", images);
	return o;
}

static struct json_object *boot_json(const struct inventory *i)
{
	struct json_object *o = json_object_new_object();

	add(o, "path", cli_json_text(i->boot.path));
	add(o, "filesystem", i->boot.fstype ? cli_json_text(i->boot.fstype) : NULL);
	add(o, "bytes", json_object_new_int64((int64_t)i->boot.total));
	add(o, "free", json_object_new_int64((int64_t)i->boot.available));
	add(o, "images", json_object_new_int64((int64_t)bytes_of_images(i)));
	add(o, "read-only", json_object_new_boolean(i->boot.is_read_only));
	return o;
}

struct json_object *status_json(const struct status_report *s)
{
	struct json_object *o = json_object_new_object(), *rows = json_object_new_array();
	struct json_object *notes = json_object_new_array();
	struct json_object *builders = json_object_new_array();
	const struct inventory *i = &s->inventory;

	for (size_t k = 0; k < i->n; k++)
		json_object_array_add(rows, row_json(s, &i->rows[k]));
	for (size_t k = 0; k < i->n_notes; k++)
		json_object_array_add(notes, cli_json_text(i->notes[k]));
	for (size_t k = 0; k < i->n_builders; k++) {
		struct json_object *one = json_object_new_object();

		add(one, "name", json_object_new_string(i->builders[k].name));
		add(one, "path", cli_json_text(i->builders[k].path));
		add(one, "command", cli_json_command(i->builders[k].command));
		json_object_array_add(builders, one);
	}
	add(o, "good", json_object_new_boolean(!status_is_bad(s)));
	add(o, "other-builders", builders);
	add(o, "kernels", rows);
	add(o, "boot", i->has_boot ? boot_json(i) : NULL);
	add(o, "notes", notes);
	return o;
}

/* ---- as metrics ---- */

static void value(struct buf *out, const char *name, const struct inventory_row *row,
		  const char *label, const char *text, int64_t number)
{
	const char *labels[] = {"kernel", row->version, label, text, NULL};

	prometheus_value(out, name, labels, number);
}

static void add_states(const struct inventory *i, struct buf *out)
{
	static const char name[] = "preroot_image_state";

	prometheus_gauge(out, name, "1 for the state that the image of a kernel is in.");
	for (size_t k = 0; k < i->n; k++)
		for (unsigned v = 0; v < INVENTORY_VERDICTS; v++)
			value(out, name, &i->rows[k], "state", inventory_word(v),
			      i->rows[k].verdict == v);
}

static void add_rows(const struct inventory *i, struct buf *out)
{
	prometheus_gauge(out, "preroot_kernel_running", "1 for the kernel that runs.");
	for (size_t k = 0; k < i->n; k++)
		value(out, "preroot_kernel_running", &i->rows[k], NULL, NULL,
		      i->rows[k].is_running);
	prometheus_gauge(out, "preroot_image_bytes", "Size of the image that a kernel boots with.");
	for (size_t k = 0; k < i->n; k++)
		if (i->rows[k].image)
			value(out, "preroot_image_bytes", &i->rows[k], NULL, NULL,
			      (int64_t)i->rows[k].image->size);
	prometheus_gauge(out, "preroot_images_previous", "Previous images of a kernel.");
	for (size_t k = 0; k < i->n; k++)
		value(out, "preroot_images_previous", &i->rows[k], NULL, NULL,
		      (int64_t)i->rows[k].n_previous);
}

static void add_boots(const struct status_report *s, struct buf *out)
{
	static const char *const this[] = {"boot", "this", NULL},
				 *const earlier[] = {"boot", "earlier", NULL};

	prometheus_gauge(out, "preroot_boot_failed", "1 when there is an account of a failed boot.");
	prometheus_value(out, "preroot_boot_failed", this, s->now.len > 0);
	prometheus_value(out, "preroot_boot_failed", earlier, s->earlier.len > 0);
}

void status_prometheus(const struct status_report *s, struct buf *out)
{
	static const char *const none[] = {NULL};
	const struct inventory *i = &s->inventory;

	add_states(i, out);
	add_rows(i, out);
	add_boots(s, out);
	if (i->has_boot) {
		prometheus_gauge(out, "preroot_boot_size_bytes", "Size of the filesystem of /boot.");
		prometheus_value(out, "preroot_boot_size_bytes", none, (int64_t)i->boot.total);
		prometheus_gauge(out, "preroot_boot_free_bytes", "Free bytes of it.");
		prometheus_value(out, "preroot_boot_free_bytes", none, (int64_t)i->boot.available);
	}
	prometheus_gauge(out, "preroot_status_good", "1 when nothing needs to be looked at.");
	prometheus_value(out, "preroot_status_good", none, !status_is_bad(s));
}
