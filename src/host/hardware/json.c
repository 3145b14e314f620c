/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/text.h"
#include "host/hardware/hardware.h"

enum {
	VERSION = 1,
	LIST_MAX = 65536,
	CPU_FAMILY_MAX = 15 + 255, /* what CPUID can tell */
	CPU_STEPPING_MAX = 15,
};

/* V, which is KEY or a part of it, is to be a string. */
static int text_in(struct json_object *v, const char *key, struct arena *a, const char **out, struct err *err)
{
	if (!json_object_is_type(v, json_type_string) ||
	    strlen(json_object_get_string(v)) != (size_t)json_object_get_string_len(v))
		return err_set(err, -EBADMSG, "\"%s\" is not a string", key);
	for (const char *p = json_object_get_string(v); *p; p++)
		if ((unsigned char)*p < 32 || *p == 127)
			return err_set(err, -EBADMSG, "\"%s\" holds control characters", key);
	*out = arena_strdup(a, json_object_get_string(v));
	return 0;
}

/* A string member; NULL if it is absent. A member of another type is an error. */
static int text_of(struct json_object *o, const char *key, struct arena *a, const char **out,
		   struct err *err)
{
	struct json_object *v;

	*out = NULL;
	return json_object_object_get_ex(o, key, &v) && v ? text_in(v, key, a, out, err) : 0;
}

static int flag_of(struct json_object *o, const char *key, bool *out, struct err *err)
{
	struct json_object *v;

	*out = false;
	if (!json_object_object_get_ex(o, key, &v))
		return 0;
	if (!json_object_is_type(v, json_type_boolean))
		return err_set(err, -EBADMSG, "\"%s\" is not true or false", key);
	*out = json_object_get_boolean(v);
	return 0;
}

static int number_of(struct json_object *o, const char *key, uint32_t max, uint32_t *out,
		     struct err *err)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v))
		return 0;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0 ||
	    json_object_get_int64(v) > max)
		return err_set(err, -EBADMSG, "\"%s\" is not a number from 0 to %u", key, max);
	*out = (uint32_t)json_object_get_int64(v);
	return 0;
}

static int need(const char *value, const char *key, struct err *err)
{
	return value && *value ? 0 : err_set(err, -EBADMSG, "\"%s\" is missing", key);
}

static int list_of(struct json_object *o, const char *key, struct json_object **out, size_t *n,
		   struct err *err)
{
	if (!json_object_object_get_ex(o, key, out) ||
	    !json_object_is_type(*out, json_type_array) ||
	    json_object_array_length(*out) > LIST_MAX)
		return err_set(err, -EBADMSG, "\"%s\" is not a list", key);
	*n = json_object_array_length(*out);
	return 0;
}

/* A description by an older version does not have it. */
static int texts_of(struct json_object *o, const char *key, struct arena *a, const char ***out, size_t *n,
		    struct err *err)
{
	struct json_object *list;
	int e;

	*n = 0;
	if (!json_object_object_get_ex(o, key, &list))
		return 0;
	e = list_of(o, key, &list, n, err);
	if (e < 0)
		return e;
	*out = arena_alloc(a, (*n + 1) * sizeof(**out));
	for (size_t i = 0; i < *n; i++) {
		e = text_in(json_object_array_get_idx(list, i), key, a, &(*out)[i], err);
		if (e < 0)
			return e;
	}
	return 0;
}

static int decode_block(struct json_object *o, struct arena *a, struct hw_block *out,
			struct err *err)
{
	int e = text_of(o, "name", a, &out->name, err);

	if (e == 0)
		e = text_of(o, "path", a, &out->path, err);
	if (e == 0)
		e = text_of(o, "holder", a, &out->holder, err);
	if (e == 0)
		e = text_of(o, "kind", a, &out->kind, err);
	if (e == 0)
		e = texts_of(o, "slaves", a, &out->slaves, &out->n_slaves, err);
	if (e == 0)
		e = text_of(o, "dm-name", a, &out->dm_name, err);
	if (e == 0)
		e = text_of(o, "dm-uuid", a, &out->dm_uuid, err);
	if (e == 0)
		e = text_of(o, "md-level", a, &out->md_level, err);
	if (e == 0)
		e = text_of(o, "md-metadata", a, &out->md_metadata, err);
	if (e == 0)
		e = flag_of(o, "virtual", &out->is_virtual, err);
	return e < 0 ? e : need(out->name, "name", err);
}

static int decode_mount(struct json_object *o, struct arena *a, struct hw_mount *out,
			struct err *err)
{
	struct json_object *blocks;
	int e = text_of(o, "target", a, &out->target, err);

	if (e == 0)
		e = text_of(o, "source", a, &out->source, err);
	if (e == 0)
		e = text_of(o, "fstype", a, &out->fstype, err);
	if (e == 0)
		e = text_of(o, "options", a, &out->options, err);
	if (e == 0)
		e = text_of(o, "btrfs-seed", a, &out->btrfs_seed, err);
	if (e == 0)
		e = flag_of(o, "early", &out->is_early, err);
	if (e == 0)
		e = need(out->target, "target", err);
	if (e == 0)
		e = need(out->fstype, "fstype", err);
	if (e == 0)
		e = list_of(o, "blocks", &blocks, &out->n_blocks, err);
	if (e < 0)
		return e;
	/* Descriptions by older versions do not have it. */
	out->is_early = out->is_early || strcmp(out->target, "/") == 0 ||
			strcmp(out->target, "/usr") == 0;
	out->blocks = arena_alloc(a, (out->n_blocks + 1) * sizeof(*out->blocks));
	for (size_t i = 0; i < out->n_blocks; i++) {
		e = decode_block(json_object_array_get_idx(blocks, i), a, &out->blocks[i], err);
		if (e < 0)
			return err_prefix(err, "blocks[%zu]", i);
	}
	return 0;
}

static int decode_device(struct json_object *o, struct arena *a, struct hw_device *out,
			 struct err *err)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
		{"path", &out->path},         {"subsystem", &out->subsystem},
		{"modalias", &out->modalias}, {"driver", &out->driver},
		{"module", &out->module},     {"for", &out->needed_for},
	};
	int e = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && e == 0; i++)
		e = text_of(o, texts[i].key, a, texts[i].to, err);
	if (e == 0)
		e = flag_of(o, "builtin", &out->is_builtin, err);
	if (e == 0)
		e = need(out->path, "path", err);
	return e < 0 ? e : need(out->needed_for, "for", err);
}

static int decode_lists(struct json_object *top, struct arena *a, struct hardware *hw,
			struct err *err)
{
	struct json_object *list;
	int e = list_of(top, "mounts", &list, &hw->n_mounts, err);

	if (e < 0)
		return e;
	hw->mounts = arena_alloc(a, (hw->n_mounts + 1) * sizeof(*hw->mounts));
	for (size_t i = 0; i < hw->n_mounts; i++) {
		e = decode_mount(json_object_array_get_idx(list, i), a, &hw->mounts[i], err);
		if (e < 0)
			return err_prefix(err, "mounts[%zu]", i);
	}
	e = list_of(top, "devices", &list, &hw->n_devices, err);
	if (e < 0)
		return e;
	hw->devices = arena_alloc(a, (hw->n_devices + 1) * sizeof(*hw->devices));
	for (size_t i = 0; i < hw->n_devices; i++) {
		e = decode_device(json_object_array_get_idx(list, i), a, &hw->devices[i], err);
		if (e < 0)
			return err_prefix(err, "devices[%zu]", i);
	}
	return 0;
}

static int decode_cpu(struct json_object *o, struct arena *a, struct hw_cpu *out, struct err *err)
{
	const struct {
		const char *key;
		uint32_t max;
		uint32_t *to;
	} numbers[] = {
		{"family", CPU_FAMILY_MAX, &out->family}, {"model", UINT8_MAX, &out->model},
		{"stepping", CPU_STEPPING_MAX, &out->stepping},
		{"platforms", UINT8_MAX, &out->platforms},
	};
	int e = text_of(o, "vendor", a, &out->vendor, err);

	out->platforms = HW_PLATFORMS_UNKNOWN;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && e == 0; i++)
		e = number_of(o, numbers[i].key, numbers[i].max, numbers[i].to, err);
	if (e == 0)
		e = flag_of(o, "guest", &out->is_guest, err);
	return e < 0 ? e : need(out->vendor, "vendor", err);
}

/* A description may lack them. */
static int decode_cpus(struct json_object *top, struct arena *a, struct hardware *hw,
		       struct err *err)
{
	struct json_object *list;
	int e;

	hw->knows_cpus = json_object_object_get_ex(top, "cpus", &list);
	if (!hw->knows_cpus)
		return 0;
	e = list_of(top, "cpus", &list, &hw->n_cpus, err);
	if (e < 0)
		return e;
	hw->cpus = arena_alloc(a, (hw->n_cpus + 1) * sizeof(*hw->cpus));
	for (size_t i = 0; i < hw->n_cpus; i++) {
		e = decode_cpu(json_object_array_get_idx(list, i), a, &hw->cpus[i], err);
		if (e < 0)
			return err_prefix(err, "cpus[%zu]", i);
	}
	return 0;
}

static int decode_top(struct json_object *top, struct arena *a, struct hardware *out,
		      struct err *err)
{
	struct json_object *version;
	struct hardware hw = {0};
	int e;

	if (!json_object_is_type(top, json_type_object) ||
	    !json_object_object_get_ex(top, "preroot-hardware", &version) ||
	    !json_object_is_type(version, json_type_int))
		return err_set(err, -EBADMSG, "not a hardware description (as printed by "
					      "\"preroot hardware --json\")");
	if (json_object_get_int(version) != VERSION)
		return err_set(err, -EPROTONOSUPPORT, "hardware description of version %d, not %d",
			       json_object_get_int(version), VERSION);
	e = text_of(top, "kernel", a, &hw.kernel, err);
	if (e == 0)
		e = decode_lists(top, a, &hw, err);
	if (e == 0)
		e = decode_cpus(top, a, &hw, err);
	if (e == 0)
		*out = hw;
	return e;
}

static bool all_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

int hardware_from_json(const char *text, size_t len, struct arena *arena, struct hardware *out,
		       struct err *err)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *top;
	int e;

	if (!tokener)
		return err_set(err, -ENOMEM, "no memory left");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	top = json_tokener_parse_ex(tokener, text, (int)len);
	if (!top)
		e = err_set(err, -EBADMSG, "not valid JSON at byte %zu: %s",
			    json_tokener_get_parse_end(tokener),
			    json_tokener_error_desc(json_tokener_get_error(tokener)));
	else if (!all_blank(text + json_tokener_get_parse_end(tokener),
			    len - json_tokener_get_parse_end(tokener)))
		e = err_set(err, -EBADMSG, "something follows the JSON object");
	else
		e = decode_top(top, arena, out, err);
	json_object_put(top);
	json_tokener_free(tokener);
	return e;
}
