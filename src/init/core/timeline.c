/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/ours/manifest_id.h"
#include "init/core/jobs.h"
#include "init/core/log.h"
#include "init/core/program.h"
#include "init/core/sys.h"

enum {
	NAME_MAX_BYTES = PROGRAM_PATH_MAX,
	DRIVERS_DEPTH_MAX = 24, /* levels of a device's path: more than any machine has */
	CHUNK = 2048,
	NOT_YET = -1,
	READINGS_KEPT = 2, /* of each device: the first and the last one */
};

enum timeline_kind { TIMELINE_STAGE, TIMELINE_MODULE, TIMELINE_DEVICE, TIMELINE_PROGRAM };

struct timeline_entry {
	enum timeline_kind kind;
	uint32_t module;
	unsigned readings; /* of a device, the first one included; 0: of this entry alone */
	int result; /* -errno, or the status of a program */
	int64_t asked, begin, end; /* microseconds, or NOT_YET */
	char name[NAME_MAX_BYTES]; /* except for modules */
};

/* Pages that are never written take no memory. */
static struct {
	struct timeline_entry entries[TIMELINE_MAX];
	size_t n, left_out;
	int64_t start;
} timeline;

int64_t timeline_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t timeline_start(void)
{
	return timeline.start;
}

void timeline_open(void)
{
	timeline.n = timeline.left_out = 0;
	timeline.start = timeline_now();
}

/* ---- noting ---- */

static void start_entry(struct timeline_entry *e, enum timeline_kind kind, const char *name)
{
	*e = (struct timeline_entry){
		.kind = kind, .asked = timeline_now(), .begin = NOT_YET, .end = NOT_YET};
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static struct timeline_entry *add(enum timeline_kind kind, const char *name)
{
	if (timeline.n == TIMELINE_MAX) {
		timeline.left_out++;
		return NULL;
	}
	start_entry(&timeline.entries[timeline.n], kind, name);
	return &timeline.entries[timeline.n++];
}

/* The last matching entry that has not ended. */
static struct timeline_entry *open_entry(enum timeline_kind kind, uint32_t module, const char *name)
{
	for (size_t i = timeline.n; i > 0; i--) {
		struct timeline_entry *e = &timeline.entries[i - 1];

		if (e->kind == kind && e->end == NOT_YET && e->module == module &&
		    (!name || strncmp(e->name, name, sizeof(e->name) - 1) == 0))
			return e;
	}
	return NULL;
}

static void begins(struct timeline_entry *e)
{
	if (e)
		e->begin = timeline_now();
}

static void ends(struct timeline_entry *e, int result)
{
	if (e) {
		e->end = timeline_now();
		e->result = result;
	}
}

void timeline_stage(const char *name)
{
	ends(open_entry(TIMELINE_STAGE, 0, NULL), 0);
	if (name)
		begins(add(TIMELINE_STAGE, name));
}

void timeline_module_wanted(uint32_t module)
{
	struct timeline_entry *e = add(TIMELINE_MODULE, "");

	if (e)
		e->module = module;
}

void timeline_module_begins(uint32_t module)
{
	begins(open_entry(TIMELINE_MODULE, module, NULL));
}

void timeline_module_ends(uint32_t module, int result)
{
	ends(open_entry(TIMELINE_MODULE, module, NULL), result);
}

/* A device may be read again and again, because it cannot be read or always reports a change: there
 * is room for its first and its last reading. */
void timeline_device_seen(const char *name)
{
	struct timeline_entry *e, *last = NULL;
	unsigned n = 0, readings;

	for (size_t i = 0; i < timeline.n; i++) {
		e = &timeline.entries[i];
		if (e->kind == TIMELINE_DEVICE && strncmp(e->name, name, sizeof(e->name) - 1) == 0) {
			last = e;
			n++;
		}
	}
	if (last && last->begin == NOT_YET)
		return;
	if (n < READINGS_KEPT) {
		add(TIMELINE_DEVICE, name);
		return;
	}
	readings = (last->readings ? last->readings : n) + 1;
	start_entry(last, TIMELINE_DEVICE, name);
	last->readings = readings;
}

void timeline_device_begins(const char *name)
{
	begins(open_entry(TIMELINE_DEVICE, 0, name));
}

void timeline_device_ends(const char *name, int result)
{
	ends(open_entry(TIMELINE_DEVICE, 0, name), result);
}

void timeline_program_begins(const char *path)
{
	begins(add(TIMELINE_PROGRAM, path));
}

void timeline_program_ends(const char *path, int status)
{
	ends(open_entry(TIMELINE_PROGRAM, 0, path), status);
}

/* ---- the writer ---- */

struct writer {
	int fd, result;
	bool follows; /* a comma goes before the next member */
	size_t len;
	char data[CHUNK];
};

static void flush(struct writer *w)
{
	int r = w->len ? write_full(w->fd, w->data, w->len) : 0;

	if (r < 0 && w->result == 0)
		w->result = r;
	w->len = 0;
}

static void put(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (w->len == sizeof(w->data))
			flush(w);
		w->data[w->len++] = *text;
	}
}

static void put_number(struct writer *w, int64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	put(w, text);
}

/* Names come from disks and devices: control characters and invalid UTF-8 become \xNN. */
static void put_text(struct writer *w, const char *text)
{
	char shown[4 * JOBS_TEXT_MAX + 1], one[2] = "";

	escape_text(text, shown, sizeof(shown));
	put(w, "\"");
	for (const char *p = shown; *p; p++) {
		if (*p == '"' || *p == '\\')
			put(w, "\\");
		one[0] = *p;
		put(w, one);
	}
	put(w, "\"");
}

/* KEY is NULL in a list. */
static void member(struct writer *w, const char *key)
{
	put(w, w->follows ? "," : "");
	if (key) {
		put_text(w, key);
		put(w, ":");
	}
	w->follows = true;
}

static void open_group(struct writer *w, const char *key, const char *bracket)
{
	member(w, key);
	put(w, bracket);
	w->follows = false;
}

static void close_group(struct writer *w, const char *bracket)
{
	put(w, bracket);
	w->follows = true;
}

static void text_member(struct writer *w, const char *key, const char *text)
{
	member(w, key);
	put_text(w, text);
}

/* Writes nothing if it has not happened yet. */
static void time_member(struct writer *w, const char *key, int64_t us)
{
	if (us == NOT_YET)
		return;
	member(w, key);
	put_number(w, us);
}

static void result_member(struct writer *w, const char *key, const struct timeline_entry *e)
{
	if (e->end == NOT_YET)
		return;
	member(w, key);
	put_number(w, e->result);
}

/* ---- what is written ---- */

static void write_needs(struct writer *w, const struct modindex *index, uint32_t module)
{
	static const enum modindex_deps kinds[] = {MODINDEX_HARD, MODINDEX_PRE};

	open_group(w, "needs", "[");
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (uint32_t i = 0; i < modindex_count(index, module, kinds[k]); i++)
			text_member(w, NULL,
				    modindex_name(index, modindex_dep(index, module, kinds[k], i)));
	close_group(w, "]");
}

/* The last part of the target of the link PATH. False if it is no link. */
static bool link_name(const char *path, char *out, size_t size)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (n <= 0)
		return false;
	target[n] = '\0';
	slash = strrchr(target, '/');
	snprintf(out, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
	return true;
}

/* The modules of the drivers on the device's path, the nearest first. */
static void write_drivers(struct writer *w, const char *device)
{
	char path[PATH_MAX], link[PATH_MAX + 32], name[JOBS_NAME_MAX];

	snprintf(link, sizeof(link), "/sys/class/block/%s", device);
	for (char *p = link + strlen("/sys/class/block/"); *p; p++)
		if (*p == '/')
			*p = '!';
	if (!realpath(link, path))
		return;
	open_group(w, "drivers", "[");
	for (int depth = 0; depth < DRIVERS_DEPTH_MAX && strrchr(path, '/') > path; depth++) {
		snprintf(link, sizeof(link), "%s/driver/module", path);
		if (link_name(link, name, sizeof(name)))
			text_member(w, NULL, name);
		*strrchr(path, '/') = '\0';
	}
	close_group(w, "]");
}

static void write_entry(struct writer *w, const struct modindex *index,
			const struct timeline_entry *e)
{
	open_group(w, NULL, "\n{");
	text_member(w, "name",
		    e->kind == TIMELINE_MODULE ? modindex_name(index, e->module) : e->name);
	if (e->kind == TIMELINE_MODULE || e->kind == TIMELINE_DEVICE)
		time_member(w, e->kind == TIMELINE_MODULE ? "wanted_us" : "seen_us", e->asked);
	time_member(w, "begin_us", e->begin);
	time_member(w, "end_us", e->end);
	if (e->kind == TIMELINE_MODULE) {
		result_member(w, "result", e);
		write_needs(w, index, e->module);
	} else if (e->kind == TIMELINE_DEVICE) {
		result_member(w, "result", e);
		if (e->readings) {
			member(w, "readings");
			put_number(w, e->readings);
		}
		write_drivers(w, e->name);
	} else if (e->kind == TIMELINE_PROGRAM) {
		result_member(w, "status", e);
	}
	close_group(w, "}");
}

static void write_list(struct writer *w, const struct modindex *index, enum timeline_kind kind,
		       const char *key)
{
	open_group(w, key, "[");
	for (size_t i = 0; i < timeline.n; i++)
		if (timeline.entries[i].kind == kind)
			write_entry(w, index, &timeline.entries[i]);
	close_group(w, "]");
}

bool timeline_image(const char *manifest, char out[MANIFEST_ID + 1])
{
	_cleanup_fd_ int fd = open(manifest, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char tail[MANIFEST_ID_LINE];
	off_t end = fd < 0 ? -1 : lseek(fd, -MANIFEST_ID_LINE, SEEK_END);

	return end >= 0 && pread_full(fd, tail, sizeof(tail), (uint64_t)end) == sizeof(tail) &&
	       manifest_id_take(tail, out);
}

static void write_head(struct writer *w, const struct timeline_end *end)
{
	int64_t now = timeline_now();
	char image[MANIFEST_ID + 1];
	struct utsname u;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	member(w, "preroot-boot");
	put_number(w, 1);
	text_member(w, "version", PREROOT_VERSION);
	if (uname(&u) == 0)
		text_member(w, "kernel", u.release);
	if (timeline_image(TIMELINE_MANIFEST, image))
		text_member(w, "image", image);
	time_member(w, "realtime_us", (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	time_member(w, "start_us", timeline.start);
	time_member(w, "end_us", now);
	if (end->failure)
		text_member(w, "failure", end->failure);
	else
		text_member(w, "init", end->init);
	if (end->root)
		text_member(w, "root", end->root);
}

int timeline_write(const struct timeline_end *end, int fd)
{
	static const struct {
		enum timeline_kind kind;
		const char *key;
	} lists[] = {
		{TIMELINE_STAGE, "stages"},
		{TIMELINE_MODULE, "modules"},
		{TIMELINE_DEVICE, "devices"},
		{TIMELINE_PROGRAM, "programs"},
	};
	struct writer w = {.fd = fd};

	put(&w, "{");
	write_head(&w, end);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		write_list(&w, end->index, lists[i].kind, lists[i].key);
	member(&w, "left_out");
	put_number(&w, (int64_t)timeline.left_out);
	put(&w, "}\n");
	flush(&w);
	return w.result;
}

void timeline_save(const struct timeline_end *end)
{
	_cleanup_fd_ int fd = -1;
	int r = sys_mkdir(TIMELINE_DIR, 0755);

	if (r == 0 || r == -EEXIST)
		fd = sys_create(TIMELINE_PATH, 0644);
	if (fd >= 0)
		r = timeline_write(end, fd);
	else if (r == 0 || r == -EEXIST)
		r = fd;
	if (r < 0) {
		log_info(TIMELINE_PATH ": %s", strerror(-r));
		sys_unlink(AT_FDCWD, TIMELINE_PATH, 0);
	}
}
