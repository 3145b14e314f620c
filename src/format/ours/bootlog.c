/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/ours/bootlog.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/ours/manifest_id.h"

enum {
	VERSION = 1,
	LIST_MAX = 2048,
	NEEDS_MAX = 256,
	DEPTH_MAX = 8,
	CHAIN_MODULES_MAX = 64,
	TEXT_MAX = 4096,
};

static const struct {
	const char *key, *asked, *result, *needs;
} kinds[BOOTLOG_KINDS] = {
	[BOOTLOG_STAGE] = {"stages", NULL, NULL, NULL},
	[BOOTLOG_MODULE] = {"modules", "wanted_us", "result", "needs"},
	[BOOTLOG_DEVICE] = {"devices", "seen_us", "result", "drivers"},
	[BOOTLOG_PROGRAM] = {"programs", NULL, "status", NULL},
};

/* PID 1 writes bytes that are not text as \\xNN; anything else must not reach a terminal. */
static int take_text(struct json_object *v, const char *key, struct arena *a, const char **out,
		     struct err *err)
{
	char plain[TEXT_MAX + 1], shown[TEXT_MAX + 1];
	size_t len;

	if (!json_object_is_type(v, json_type_string))
		return err_set(err, -EBADMSG, "\"%s\" is not a string", key);
	len = (size_t)json_object_get_string_len(v);
	if (len > TEXT_MAX - 8 || strlen(json_object_get_string(v)) != len)
		return err_set(err, -EBADMSG, "\"%s\" is too long, or holds a NUL", key);
	memcpy(plain, json_object_get_string(v), len + 1);
	for (char *p = plain; *p; p++)
		if (*p == '\\')
			*p = '/';
	escape_text(plain, shown, sizeof(shown));
	if (strcmp(plain, shown) != 0)
		return err_set(err, -EBADMSG, "\"%s\" holds control characters or no UTF-8", key);
	*out = arena_strdup(a, json_object_get_string(v));
	return 0;
}

/* *OUT is unchanged when the key is absent. */
static int text_of(struct json_object *o, const char *key, struct arena *a, const char **out,
		   struct err *err)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? take_text(v, key, a, out, err) : 0;
}

static int number_of(struct json_object *o, const char *key, int64_t min, int64_t max,
		     int64_t *out, struct err *err)
{
	struct json_object *v;

	if (!key || !json_object_object_get_ex(o, key, &v))
		return 0;
	/* json-c stores a number that is too large as the largest one. */
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < min ||
	    json_object_get_int64(v) > max)
		return err_set(err, -EBADMSG, "\"%s\" is not a number from %lld to %lld", key,
			       (long long)min, (long long)max);
	*out = json_object_get_int64(v);
	return 0;
}

static int needs_of(struct json_object *o, const char *key, struct arena *a,
		    struct bootlog_item *out, struct err *err)
{
	struct json_object *list;

	if (!key || !json_object_object_get_ex(o, key, &list))
		return 0;
	if (!json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > NEEDS_MAX)
		return err_set(err, -EBADMSG, "\"%s\" is not a list", key);
	out->n_needs = json_object_array_length(list);
	out->needs = arena_alloc(a, (out->n_needs + 1) * sizeof(*out->needs));
	for (size_t i = 0; i < out->n_needs; i++) {
		int r = take_text(json_object_array_get_idx(list, i), key, a, &out->needs[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_item(struct json_object *o, enum bootlog_kind kind, struct arena *a,
		       struct bootlog_item *out, struct err *err)
{
	int64_t result = 0;
	int r = 0;

	*out = (struct bootlog_item){.kind = kind, .asked = -1, .begin = -1, .end = -1};
	if (!json_object_is_type(o, json_type_object))
		return err_set(err, -EBADMSG, "not an object");
	r = text_of(o, "name", a, &out->name, err);
	if (r == 0 && !out->name)
		r = err_set(err, -EBADMSG, "\"name\" is missing");
	if (r == 0)
		r = number_of(o, kinds[kind].asked, 0, BOOTLOG_TIME_MAX, &out->asked, err);
	if (r == 0)
		r = number_of(o, "begin_us", 0, BOOTLOG_TIME_MAX, &out->begin, err);
	if (r == 0)
		r = number_of(o, "end_us", 0, BOOTLOG_TIME_MAX, &out->end, err);
	if (r == 0)
		r = number_of(o, kinds[kind].result, INT_MIN, INT_MAX, &result, err);
	if (r == 0)
		r = needs_of(o, kinds[kind].needs, a, out, err);
	if (r < 0)
		return r;
	if (out->asked < 0)
		out->asked = out->begin;
	if (out->asked < 0 || (out->begin >= 0 && out->begin < out->asked) ||
	    (out->end >= 0 && (out->begin < 0 || out->end < out->begin)))
		return err_set(err, -EBADMSG, "its times are not in order");
	out->result = (int)result;
	return 0;
}

static int decode_items(struct json_object *top, struct arena *a, struct bootlog *out,
			struct err *err)
{
	struct json_object *lists[BOOTLOG_KINDS];
	size_t total = 0;

	for (int k = 0; k < BOOTLOG_KINDS; k++) {
		if (!json_object_object_get_ex(top, kinds[k].key, &lists[k]) ||
		    !json_object_is_type(lists[k], json_type_array) ||
		    json_object_array_length(lists[k]) > LIST_MAX)
			return err_set(err, -EBADMSG, "\"%s\" is not a list", kinds[k].key);
		total += json_object_array_length(lists[k]);
	}
	out->items = arena_alloc(a, (total + 1) * sizeof(*out->items));
	for (int k = 0; k < BOOTLOG_KINDS; k++)
		for (size_t i = 0; i < json_object_array_length(lists[k]); i++) {
			int r = decode_item(json_object_array_get_idx(lists[k], i), k, a,
					    &out->items[out->n_items++], err);

			if (r < 0)
				return err_prefix(err, "%s[%zu]", kinds[k].key, i);
		}
	return 0;
}

static int decode(struct json_object *top, struct arena *a, struct bootlog *out, struct err *err)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{"version", &out->version}, {"kernel", &out->kernel},   {"init", &out->init},
		{"root", &out->root},       {"failure", &out->failure}, {"image", &out->image},
	};
	int64_t version = 0, left_out = 0;
	int r = 0;

	if (!json_object_is_type(top, json_type_object))
		return err_set(err, -EBADMSG, "not a JSON object");
	r = number_of(top, "preroot-boot", 0, INT_MAX, &version, err);
	if (r == 0 && version < 1)
		return err_set(err, -EBADMSG, "\"preroot-boot\" is missing: not a trace of a boot");
	if (r == 0 && version > VERSION)
		return err_set(err, -EPROTONOSUPPORT, "version %lld of this format is newer than "
						      "this program",
			       (long long)version);
	for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
		r = text_of(top, texts[i].key, a, texts[i].to, err);
	if (r == 0 && out->image && !manifest_id_is(out->image))
		return err_set(err, -EBADMSG, "\"image\" is not the identity of an image");
	if (r == 0)
		r = number_of(top, "realtime_us", INT64_MIN + 1, INT64_MAX - 1, &out->realtime, err);
	out->start = out->end = -1;
	if (r == 0)
		r = number_of(top, "start_us", 0, BOOTLOG_TIME_MAX, &out->start, err);
	if (r == 0)
		r = number_of(top, "end_us", 0, BOOTLOG_TIME_MAX, &out->end, err);
	if (r == 0 && (out->start < 0 || out->end < out->start))
		return err_set(err, -EBADMSG, "\"start_us\" and \"end_us\" are not in order");
	if (r == 0)
		r = number_of(top, "left_out", 0, LIST_MAX, &left_out, err);
	out->left_out = (size_t)left_out;
	return r < 0 ? r : decode_items(top, a, out, err);
}

/* Only whitespace may follow. */
static bool is_over(struct json_tokener *tokener, const char *text, size_t len)
{
	size_t end = json_tokener_get_parse_end(tokener);

	while (end < len && strchr(" \t\r\n", text[end]) && text[end])
		end++;
	return end >= len;
}

int bootlog_decode(const char *text, size_t len, struct arena *arena, struct bootlog *out,
		   struct err *err)
{
	struct json_tokener *tokener;
	struct json_object *top;
	int r;

	if (len > BOOTLOG_SIZE_MAX)
		return err_set(err, -E2BIG, "larger than %d bytes", BOOTLOG_SIZE_MAX);
	tokener = json_tokener_new_ex(DEPTH_MAX);
	if (!tokener)
		return err_set(err, -ENOMEM, "no memory");
	top = json_tokener_parse_ex(tokener, text, (int)len);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		r = err_set(err, -EBADMSG, "not JSON: %s",
			    json_tokener_error_desc(json_tokener_get_error(tokener)));
	else if (!is_over(tokener, text, len))
		r = err_set(err, -EBADMSG, "something follows the JSON object");
	else
		r = decode(top, arena, out, err);
	json_object_put(top);
	json_tokener_free(tokener);
	return r;
}

const struct bootlog_item *bootlog_find(const struct bootlog *log, enum bootlog_kind kind,
					const char *name)
{
	const struct bootlog_item *found = NULL;

	for (size_t i = 0; i < log->n_items && name; i++)
		if (log->items[i].kind == kind && strcmp(log->items[i].name, name) == 0 &&
		    (!found || log->items[i].end > found->end))
			found = &log->items[i];
	return found;
}

/* ---- the longest chain ---- */

struct chain {
	const struct bootlog *log;
	const struct bootlog_item **items; /* the last item first */
	size_t n;
};

/* What a boot waited for may form a circle; a chain must not. */
static bool add(struct chain *c, const struct bootlog_item *item)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i] == item)
			return false;
	c->items[c->n++] = item;
	return true;
}

/* The one of NEEDS that ended last, and before BEFORE if it ended at all: nobody waited for what
 * started later. */
static const struct bootlog_item *latest_need(const struct bootlog *log,
					      const struct bootlog_item *of, int64_t before)
{
	const struct bootlog_item *best = NULL;

	for (size_t i = 0; i < of->n_needs; i++) {
		const struct bootlog_item *m = bootlog_find(log, BOOTLOG_MODULE, of->needs[i]);

		if (m && m->begin >= 0 && m->begin <= before && m->end >= 0 &&
		    (!best || m->end > best->end))
			best = m;
	}
	return best;
}

/* The device of a module is often created by another module: that of the bus it is on. */
static const struct bootlog_item *bus_of(const struct bootlog_item *module,
					 const struct bootlog_item *device,
					 const struct bootlog *log)
{
	size_t i = 0;

	while (device && i < device->n_needs && strcmp(device->needs[i], module->name) != 0)
		i++;
	for (i++; device && i < device->n_needs; i++) {
		const struct bootlog_item *m = bootlog_find(log, BOOTLOG_MODULE, device->needs[i]);

		if (m && m != module && m->begin >= 0 && m->begin <= module->asked)
			return m;
	}
	return NULL;
}

/* Adds M and what it waited for, as far as that was not over by SINCE. */
static void add_modules(struct chain *c, const struct bootlog_item *m,
			const struct bootlog_item *device, int64_t since)
{
	for (int i = 0; m && i < CHAIN_MODULES_MAX && m->end >= since && add(c, m); i++) {
		const struct bootlog_item *need = latest_need(c->log, m, m->begin);
		const struct bootlog_item *bus = bus_of(m, device, c->log);

		/* The module was asked for when the bus was there; what it needs may have taken
		 * longer. */
		m = need && (!bus || need->end > m->asked) ? need : bus;
	}
}

static bool is_named(const struct bootlog_item *item, const char *name)
{
	return item->kind == BOOTLOG_STAGE && strcmp(item->name, name) == 0;
}

/* The module that STAGE ended with: the last one to end during the stage. */
static const struct bootlog_item *last_module(const struct bootlog *log,
					      const struct bootlog_item *stage)
{
	const struct bootlog_item *last = NULL;

	for (size_t i = 0; i < log->n_items; i++) {
		const struct bootlog_item *m = &log->items[i];

		if (m->kind == BOOTLOG_MODULE && m->end >= stage->begin && m->end <= stage->end &&
		    (!last || m->end > last->end))
			last = m;
	}
	return last;
}

/* Adds what the stage waited for, besides the stage before it. True: that reaches back to before
 * the previous stage, which then is not what took the time. */
static bool add_cause(struct chain *c, const struct bootlog_item *stage)
{
	const struct bootlog_item *device = bootlog_find(c->log, BOOTLOG_DEVICE, c->log->root);
	const struct bootlog_item *module = last_module(c->log, stage);

	if (is_named(stage, "driver") && module) {
		bool is_new = module->asked >= stage->begin;

		add_modules(c, module, NULL, is_new ? stage->begin : 0);
		return !is_new;
	}
	if (!is_named(stage, "wait") || !device || device->end < stage->begin)
		return false;
	add(c, device);
	add_modules(c, latest_need(c->log, device, device->asked), device, 0);
	return true;
}

size_t bootlog_chain(const struct bootlog *log, struct arena *arena,
		     const struct bootlog_item ***out)
{
	struct chain c = {.log = log,
			  .items = arena_alloc(arena, (log->n_items + 1) * sizeof(*c.items))};

	for (size_t i = log->n_items; i > 0; i--) {
		const struct bootlog_item *item = &log->items[i - 1];

		if (item->kind != BOOTLOG_STAGE || !add(&c, item))
			continue;
		if (add_cause(&c, item))
			break;
	}
	*out = arena_alloc(arena, (c.n + 1) * sizeof(**out));
	for (size_t i = 0; i < c.n; i++)
		(*out)[i] = c.items[c.n - 1 - i];
	return c.n;
}
