/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/origin.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/machine/osrelease.h"
#include "host/packages/packages.h"

enum { OS_RELEASE_MAX = 64 * 1024, FACT_MAX = 128 };

struct origin {
	const struct plan *plan;
	const struct root *root;
	struct packages *packages;
	unsigned threads;
	pthread_t thread;
	bool is_started, is_done;
	struct err err;
	char kernel[FACT_MAX], os[FACT_MAX], os_version[FACT_MAX];
};

/* The path to look up for an entry: the file that it is made from, or the link that the machine has
 * in the same place. NULL: nothing on the machine. */
static const char *place_of(const struct origin *o, const struct plan_entry *e)
{
	if (e->type == PLAN_LINK)
		return e->path;
	/* A file outside of the root belongs to this machine, not to the one whose root it is. */
	return e->source && (!e->outside || (o->root->is_host && e->source[0] == '/')) ? e->source
										       : NULL;
}

static bool is_same_link(const struct origin *o, const struct plan_entry *e)
{
	struct arena arena = ARENA_INIT;
	const char *target = root_readlink(o->root, e->path, &arena);
	bool same = target && strcmp(target, e->target) == 0;

	arena_clear(&arena);
	return same;
}

static void *look_up(void *arg)
{
	struct origin *o = arg;

	for (size_t i = 0; i < o->plan->n_entries; i++) {
		const struct plan_entry *e = &o->plan->entries[i];
		const char *place = place_of(o, e);

		if (place && (e->type != PLAN_LINK || is_same_link(o, e)))
			packages_want(o->packages, place);
	}
	packages_read(o->packages, o->threads, &o->err);
	return NULL;
}

static void read_os_release(struct origin *o)
{
	static const char *const paths[] = {"etc/os-release", "usr/lib/os-release"};
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		text.len = 0;
		if (root_read(o->root, paths[i], OS_RELEASE_MAX, &text) < 0)
			continue;
		osrelease_get(buf_cstr(&text), text.len, "ID", o->os, sizeof(o->os));
		osrelease_get(buf_cstr(&text), text.len, "VERSION_ID", o->os_version,
			      sizeof(o->os_version));
		return;
	}
}

static void read_kernel(struct origin *o)
{
	const struct plan_entry *conf = plan_find(o->plan, BOOTCONF_PATH);
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *key, *value;

	if (!conf || !conf->data)
		return;
	buf_add(&text, conf->data, conf->len);
	buf_cstr(&text);
	cursor = (char *)text.data;
	while (bootconf_next(&cursor, &key, &value))
		if (strcmp(key, "kernel") == 0)
			snprintf(o->kernel, sizeof(o->kernel), "%s", value);
}

struct origin *origin_begin(const struct plan *plan, const struct root *root, unsigned threads)
{
	struct origin *o = xrealloc(NULL, 1, sizeof(*o));

	*o = (struct origin){
		.plan = plan, .root = root, .packages = packages_new(root), .threads = threads};
	o->is_started = pthread_create(&o->thread, NULL, look_up, o) == 0;
	read_os_release(o);
	read_kernel(o);
	return o;
}

int origin_wait(struct origin *o, struct err *err)
{
	if (o->is_done)
		return 0;
	if (o->is_started)
		pthread_join(o->thread, NULL);
	else
		look_up(o);
	o->is_done = true;
	if (o->err.code < 0 && err)
		*err = o->err;
	return o->err.code;
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

void origin_add_facts(const struct origin *o, struct buf *manifest)
{
	manifest_add_fact(manifest, "kernel", or_null(o->kernel));
	manifest_add_fact(manifest, "os", or_null(o->os));
	manifest_add_fact(manifest, "os-version", or_null(o->os_version));
	manifest_add_fact(manifest, "packages", packages_kind(o->packages));
}

struct manifest_package origin_package(const struct origin *o, const struct plan_entry *e)
{
	const char *place = place_of(o, e);
	const struct package *p = place ? packages_owner(o->packages, place) : NULL;

	/* A path of the plan may have been looked up because it is the source of another entry. */
	if (!p || (e->type == PLAN_LINK && !is_same_link(o, e)))
		return (struct manifest_package){0};
	return (struct manifest_package){p->name, p->version, p->arch};
}

void origin_free(struct origin *o)
{
	if (!o)
		return;
	if (!o->is_done && o->is_started)
		pthread_join(o->thread, NULL);
	packages_free(o->packages);
	free(o);
}
