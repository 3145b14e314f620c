/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/state.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "deploy/place/folder.h"
#include "deploy/place/rotate.h"
#include "deploy/lock.h"
#include "deploy/place/atomic.h"

#define DIGITS	       "0123456789abcdef"
#define BOOT_ID_DIGITS DIGITS "-"

enum { STATE_SIZE_MAX = 64 * 1024, STATE_VERSION = 1 };

/* The string members of a state. */
static const struct field {
	const char *name;
	size_t offset, size;
} fields[] = {
	{"image", offsetof(struct state, image), sizeof(((struct state *)NULL)->image)},
	{"sha256", offsetof(struct state, sha256), 2 * DIGEST_SIZE + 1},
	{"id", offsetof(struct state, id), MANIFEST_ID + 1},
	{"good", offsetof(struct state, good), MANIFEST_ID + 1},
	{"failed", offsetof(struct state, failed), MANIFEST_ID + 1},
	{"trial", offsetof(struct state, trial), MANIFEST_ID + 1},
	{"trial-boot", offsetof(struct state, trial_boot), STATE_BOOT_ID + 1},
};

/* The path below the root; NULL if VERSION cannot be a file name. */
static char *path_of(const char *version)
{
	char *path;

	if (!path_is_clean(version) || strchr(version, '/') ||
	    asprintf(&path, STATE_DIR "/%s.json", version) < 0)
		return NULL;
	return path;
}

static bool read_text(const struct field *f, struct json_object *o, struct state *out)
{
	const char *text = json_object_get_string(o);
	bool is_path = f->offset == offsetof(struct state, image);
	bool is_boot = f->offset == offsetof(struct state, trial_boot);

	if (!json_object_is_type(o, json_type_string) || strlen(text) >= f->size ||
	    strlen(text) != (size_t)json_object_get_string_len(o) ||
	    (is_path ? !path_is_clean(text)
		     : strlen(text) != f->size - 1 || text[strspn(text, is_boot ? BOOT_ID_DIGITS : DIGITS)]))
		return false;
	memcpy((char *)out + f->offset, text, strlen(text) + 1);
	return true;
}

static bool decode(struct json_object *o, struct state *out)
{
	struct json_object *value;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "preroot-image", &value) ||
	    !json_object_is_type(value, json_type_int) ||
	    json_object_get_int(value) != STATE_VERSION)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (json_object_object_get_ex(o, fields[i].name, &value) &&
		    !read_text(&fields[i], value, out))
			return false;
	if (json_object_object_get_ex(o, "bytes", &value)) {
		if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
			return false;
		out->bytes = (uint64_t)json_object_get_int64(value);
	}
	out->trial_keep = 1;
	if (json_object_object_get_ex(o, "trial-keep", &value)) {
		if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0 ||
		    json_object_get_int64(value) > KEEP_MAX)
			return false;
		out->trial_keep = (unsigned)json_object_get_int64(value);
	}
	return true;
}

static int read_bytes(const struct root *root, const char *version, struct buf *out,
		      struct err *err)
{
	_cleanup_free_ char *path = path_of(version);
	int r = path ? root_read(root, path, STATE_SIZE_MAX, out) : -EINVAL;

	return r == -ENOENT || r == -ENOTDIR ? 0 : r < 0 ? err_sys(err, r, "%s/%s", root_prefix(root),
								    path ? path : version)
							  : 1;
}

int state_decode(const char *text, size_t len, struct state *out, struct err *err)
{
	struct json_tokener *tokener = len <= STATE_SIZE_MAX ? json_tokener_new() : NULL;
	struct json_object *o = tokener ? json_tokener_parse_ex(tokener, text, (int)len) : NULL;
	struct state s = {0};
	bool good = o && decode(o, &s);

	json_object_put(o);
	if (tokener)
		json_tokener_free(tokener);
	if (!good)
		return err_set(err, -EBADMSG, "not what preroot writes there");
	*out = s;
	return 0;
}

int state_read(const struct root *root, const char *version, struct state *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	*out = (struct state){0};
	r = read_bytes(root, version, &text, err);
	if (r <= 0)
		return r;
	if (state_decode(buf_cstr(&text), text.len, out, NULL) < 0)
		return err_set(err, -EBADMSG, "%s/" STATE_DIR "/%s.json is damaged and is not used",
			       root_prefix(root), version);
	return 0;
}

static void encode(const struct state *s, struct buf *out)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "preroot-image", json_object_new_int(STATE_VERSION));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *text = (const char *)s + fields[i].offset;

		if (*text)
			json_object_object_add(o, fields[i].name, json_object_new_string(text));
	}
	if (*s->trial)
		json_object_object_add(o, "trial-keep", json_object_new_int((int)s->trial_keep));
	if (s->bytes)
		json_object_object_add(o, "bytes", json_object_new_int64((int64_t)s->bytes));
	buf_add_str(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								    JSON_C_TO_STRING_SPACED |
								    JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_add_str(out, "\n");
	json_object_put(o);
}

int state_write(const struct root *root, const char *version, const struct state *s,
		struct err *err)
{
	_cleanup_buf_ struct buf now = BUF_INIT, text = BUF_INIT;
	_cleanup_free_ char *path = path_of(version);
	struct atomic file;
	unsigned made = 0; /* no matter: the folders stay with what is in them */
	int r;

	if (!path)
		return err_set(err, -EINVAL, "\"%s\" is not a kernel version", version);
	encode(s, &text);
	if (read_bytes(root, version, &now, NULL) > 0 && now.len == text.len &&
	    memcmp(now.data, text.data, now.len) == 0)
		return 0;
	r = folder_make(root, STATE_DIR, 0700, &made, err);
	if (r < 0)
		return r;
	close_fd(r);
	r = atomic_begin_below(root, path, &file, err);
	if (r < 0)
		return r;
	r = write_full(file.fd, text.data, text.len);
	if (r < 0)
		err_sys(err, r, "writing %s/%s", root_prefix(root), path);
	if (r == 0)
		r = atomic_sync(&file, err);
	if (r == 0)
		r = atomic_commit(&file, err);
	atomic_end(&file);
	return r;
}

bool state_is_any(const struct root *root, struct arena *arena)
{
	char **names;
	int n = root_listdir(root, STATE_DIR, arena, &names);

	for (int i = 0; i < n; i++)
		if (str_ends(names[i], ".json"))
			return true;
	return false;
}

int state_remove(const struct root *root, const char *version, struct err *err)
{
	_cleanup_fd_ int dir = root_openat(root, STATE_DIR, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *path = path_of(version);

	if (!path)
		return err_set(err, -EINVAL, "\"%s\" is not a kernel version", version);
	if (dir >= 0 && unlinkat(dir, path + strlen(STATE_DIR "/"), 0) < 0 && errno != ENOENT)
		return err_sys(err, -errno, "removing %s/%s", root_prefix(root), path);
	return 0;
}

void state_this_boot(const struct root *root, char out[STATE_BOOT_ID + 1])
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	*out = '\0';
	if (root_read(root, "proc/sys/kernel/random/boot_id", STATE_SIZE_MAX, &text) == 0 &&
	    strspn(buf_cstr(&text), BOOT_ID_DIGITS) == STATE_BOOT_ID)
		snprintf(out, STATE_BOOT_ID + 1, "%s", buf_cstr(&text));
}
