/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "format/ours/bootconf.h"
#include "format/codec/unpack.h"
#include "init/core/log.h"
#include "init/core/settings.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"

enum {
	OPTIONS_MAX = 2048,
	MODULE_SIZE_MAX = 256 * 1024 * 1024,
	FILE_NAME_MAX = 4200,
	DEPTH_MAX = 256, /* of dependencies, since the stack is limited */
	LOCK_POLL_US = 10000,
	IDLE_MS = 1000, /* then modules that lead to no disk are loaded */
};

/* The codecs of modules in an image. */
static const struct decoder_ops *const decoders[] = {&decode_zstd, &decode_xz, &decode_gzip};

static const void *map_file(const char *path, size_t *len)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size <= 0)
		return NULL;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	*len = (size_t)st.st_size;
	return data == MAP_FAILED ? NULL : data;
}

static void read_kernel_codec(struct boot *b)
{
	_cleanup_fd_ int fd = open("/sys/module/compression", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0
			   : read_full(fd, b->modules->kernel_codec,
				       sizeof(b->modules->kernel_codec) - 1);

	b->modules->kernel_codec[n > 0 ? n : 0] = '\0';
	b->modules->kernel_codec[strcspn(b->modules->kernel_codec, "\n")] = '\0';
}

static void request_early(const char *module, void *arg)
{
	if (!modules_request(arg, module))
		log_show("rd.driver.pre=%s: this image has no such module", module);
}

const char *modules_exclusion(const struct boot *b, uint32_t module)
{
	const char *by = params_exclusion(&b->params, modindex_name(&b->modules->index, module));

	if (!by && modindex_flags(&b->modules->index, module) & MODINDEX_QUIET)
		by = "modprobe.d when the image was built";
	return by;
}

/* Does the command line or modprobe.d keep devices from loading it? Recorded for the account. */
static bool is_excluded(struct boot *b, uint32_t module)
{
	if (!params_blacklisted(&b->params, modindex_name(&b->modules->index, module)) &&
	    !(modindex_flags(&b->modules->index, module) & MODINDEX_QUIET))
		return false;
	b->modules->status[module].excluded = true;
	return true;
}

/* Requests a module of the image's own list. */
static void request_load(struct boot *b, const char *name)
{
	uint32_t module = b->modules->has_index ? modindex_find(&b->modules->index, name)
						: MODINDEX_NONE;

	if (module == MODINDEX_NONE)
		return;
	b->modules->status[module].excluded = params_blacklisted(&b->params, name);
	if (b->modules->status[module].excluded)
		log_info("module %s of this image's list is not loaded: %s", name,
			 params_exclusion(&b->params, name) ? params_exclusion(&b->params, name)
							    : "rd.driver.post= has it later");
	else
		modules_request(b, name);
}

void modules_map(struct boot *b)
{
	struct err err = {0};
	size_t len = 0;
	const void *data = map_file("/" MODINDEX_PATH, &len);

	if (!data) {
		log_show("/" MODINDEX_PATH " cannot be read: the image is damaged");
	} else if (modindex_decode(data, len, &b->modules->index, &err) < 0) {
		log_show("/" MODINDEX_PATH ": %s", err.text);
	} else {
		b->modules->status =
			calloc(b->modules->index.n_modules + 1, sizeof(*b->modules->status));
		b->modules->order =
			calloc(b->modules->index.n_modules + 1, sizeof(*b->modules->order));
		b->modules->has_index = b->modules->status && b->modules->order;
		if (!b->modules->has_index)
			log_show("there is too little memory for a list of modules: none will load");
	}
	read_kernel_codec(b);
}

void modules_request_listed(struct boot *b)
{
	params_each(&b->params.early, request_early, b);
	for (size_t i = 0; i < b->settings.n_loads; i++)
		request_load(b, b->settings.loads[i]);
}

/* ---- who is wanted, and when it can load ---- */

static uint32_t size_of(const struct boot *b, uint32_t module)
{
	char file[FILE_NAME_MAX];
	struct stat st;

	snprintf(file, sizeof(file), "/%s", modindex_path(&b->modules->index, module));
	return stat(file, &st) < 0 || st.st_size > MODULE_SIZE_MAX ? 0 : (uint32_t)st.st_size;
}

static const enum modindex_deps before[] = {MODINDEX_HARD, MODINDEX_PRE};

/* The size of MODULE and of its dependencies, as far as they are not loaded yet. */
static uint32_t weigh(struct boot *b, uint32_t module, int depth)
{
	struct module_status *m = &b->modules->status[module];
	uint32_t sum;

	if (m->seen == b->modules->weighings || m->state > MODULE_LOADING || depth == DEPTH_MAX)
		return 0;
	m->seen = b->modules->weighings;
	sum = size_of(b, module);
	for (size_t k = 0; k < ARRAY_SIZE(before); k++)
		for (uint32_t i = 0; i < modindex_count(&b->modules->index, module, before[k]); i++)
			sum += weigh(b, modindex_dep(&b->modules->index, module, before[k], i),
				     depth + 1);
	return sum;
}

struct wish {
	enum module_rank rank;
	uint32_t cost;
};

static bool is_before(const struct module_status *m, const struct wish *w)
{
	return m->rank != w->rank ? m->rank < w->rank : m->cost <= w->cost;
}

static void request(struct boot *b, uint32_t module, const struct wish *w, int depth)
{
	struct module_status *m = &b->modules->status[module];
	bool is_new = m->state == MODULE_IDLE;

	if (m->state > MODULE_WANTED || (!is_new && is_before(m, w)) || depth == DEPTH_MAX)
		return;
	/* Marked before its dependencies, so that a dependency loop ends. */
	m->state = MODULE_WANTED;
	m->rank = (uint8_t)w->rank;
	m->cost = w->cost;
	for (size_t k = 0; k < ARRAY_SIZE(before); k++)
		for (uint32_t i = 0; i < modindex_count(&b->modules->index, module, before[k]); i++)
			request(b, modindex_dep(&b->modules->index, module, before[k], i), w,
				depth + 1);
	if (is_new) {
		b->modules->order[b->modules->n_order++] = module;
		timeline_module_wanted(module);
	}
	for (uint32_t i = 0; i < modindex_count(&b->modules->index, module, MODINDEX_POST); i++)
		request(b, modindex_dep(&b->modules->index, module, MODINDEX_POST, i), w,
			depth + 1);
}

static void request_ranked(struct boot *b, uint32_t module, enum module_rank rank)
{
	struct wish w = {.rank = rank};

	if (b->modules->status[module].state > MODULE_WANTED)
		return;
	b->modules->weighings++;
	w.cost = weigh(b, module, 0);
	request(b, module, &w, 0);
}

bool modules_request(struct boot *b, const char *name)
{
	uint32_t module =
		b->modules->has_index ? modindex_find(&b->modules->index, name) : MODINDEX_NONE;

	if (module == MODINDEX_NONE)
		return false;
	request_ranked(b, module, RANK_GOAL);
	return true;
}

static void request_match(uint32_t module, void *arg)
{
	struct boot *b = arg;

	if (!is_excluded(b, module))
		request_ranked(b, module, RANK_GOAL);
}

void modules_request_alias(struct boot *b, const char *modalias)
{
	if (b->modules->has_index)
		modindex_match(&b->modules->index, modalias, request_match, b);
}

/* With rd.watchdog= the watchdog's driver is as urgent as the root's. */
static enum module_rank rank_of(const struct boot *b, uint32_t module)
{
	if (b->params.watchdog > 0 &&
	    strstr(modindex_path(&b->modules->index, module), "/watchdog/"))
		return RANK_GOAL;
	return modindex_flags(&b->modules->index, module) & MODINDEX_LATE ? RANK_LATE : RANK_DEVICE;
}

static void request_for_device(uint32_t module, void *arg)
{
	struct boot *b = arg;

	if (!is_excluded(b, module))
		request_ranked(b, module, rank_of(b, module));
}

void modules_request_device(struct boot *b, const char *modalias)
{
	if (b->modules->has_index)
		modindex_match(&b->modules->index, modalias, request_for_device, b);
}

static bool is_over(const struct boot *b, uint32_t module)
{
	return b->modules->status[module].state == MODULE_LIVE ||
	       b->modules->status[module].state == MODULE_FAILED;
}

/* All dependencies must have been tried. Even if a hard one has failed the module is tried: the
 * kernel may have it built in under another name. */
static bool can_load(const struct boot *b, uint32_t module)
{
	for (uint32_t i = 0; i < modindex_count(&b->modules->index, module, MODINDEX_HARD); i++)
		if (!is_over(b, modindex_dep(&b->modules->index, module, MODINDEX_HARD, i)))
			return false;
	for (uint32_t i = 0; i < modindex_count(&b->modules->index, module, MODINDEX_PRE); i++) {
		uint32_t pre = modindex_dep(&b->modules->index, module, MODINDEX_PRE, i);

		if (!is_over(b, pre))
			return false;
	}
	return true;
}

uint32_t modules_next(const struct boot *b, enum module_rank limit)
{
	uint32_t waiting = MODINDEX_NONE, best = MODINDEX_NONE;
	bool loading = false;

	for (uint32_t i = 0; i < b->modules->n_order; i++) {
		const struct module_status *m = &b->modules->status[b->modules->order[i]];
		const struct module_status *o =
			best == MODINDEX_NONE ? NULL : &b->modules->status[best];

		loading = loading || m->state == MODULE_LOADING;
		if (m->state != MODULE_WANTED || m->rank > limit)
			continue;
		if (waiting == MODINDEX_NONE)
			waiting = b->modules->order[i];
		if (o && is_before(o, &(struct wish){m->rank, m->cost}))
			continue;
		if (can_load(b, b->modules->order[i]))
			best = b->modules->order[i];
	}
	/* If all wait for each other, there is a dependency loop: load the first one anyway. */
	return best != MODINDEX_NONE ? best : loading ? MODINDEX_NONE : waiting;
}

bool modules_busy(const struct boot *b)
{
	enum module_rank limit = b->modules->late || b->flow.failed ? RANK_LATE : RANK_DEVICE;

	return jobs_busy(&b->jobs, JOB_LOAD) ||
	       (b->modules->has_index && modules_next(b, limit) != MODINDEX_NONE);
}

void modules_tick(struct boot *b, int64_t now)
{
	bool moves = b->modules->has_index && modules_next(b, RANK_DEVICE) != MODINDEX_NONE;

	if (moves || jobs_moving(&b->jobs, JOB_PROBE, now))
		b->modules->idle_since = 0;
	else if (!b->modules->idle_since)
		b->modules->idle_since = now;
	else if (now >= b->modules->idle_since + IDLE_MS)
		b->modules->late = true;
}

int64_t modules_due(const struct boot *b)
{
	return b->modules->idle_since && !b->modules->late ? b->modules->idle_since + IDLE_MS
							   : INT64_MAX;
}

static void request_late(const char *module, void *arg)
{
	if (!modules_request(arg, module))
		log_show("rd.driver.post=%s: this image has no such module", module);
}

void modules_request_late(struct boot *b)
{
	if (b->modules->has_late || b->flow.stage <= STAGE_TRIGGER)
		return;
	if (b->flow.stage < STAGE_DRIVER && modules_busy(b))
		return;
	b->modules->has_late = true;
	params_each(&b->params.late, request_late, b);
}

void modules_done(struct boot *b, uint32_t module, int result)
{
	b->modules->status[module].state = result < 0 ? MODULE_FAILED : MODULE_LIVE;
	b->modules->status[module].result = (int16_t)result;
	b->modules->idle_since = 0;
	timeline_module_ends(module, result);
	if (result < 0)
		log_info("module %s: %s", modindex_name(&b->modules->index, module),
			 strerror(-result));
}

struct pending {
	const struct boot *b;
	bool found;
};

static void note_pending(uint32_t module, void *arg)
{
	struct pending *p = arg;
	uint8_t state = p->b->modules->status[module].state;

	p->found = p->found || state == MODULE_WANTED || state == MODULE_LOADING;
}

bool modules_pending(const struct boot *b, const char *alias)
{
	struct pending p = {.b = b};

	if (b->modules->has_index)
		modindex_match(&b->modules->index, alias, note_pending, &p);
	return p.found;
}

/* ---- loading ---- */

static int load_unpacked(const char *path, enum codec codec, const char *options)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;
	const struct decoder_ops *ops = NULL;
	size_t len;
	const void *packed = map_file(path, &len);
	int r;

	if (!packed)
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(decoders); i++)
		if (decoders[i]->codec == codec)
			ops = decoders[i];
	r = ops ? unpack(ops, packed, len, MODULE_SIZE_MAX, &plain, NULL, NULL) : -ENOTSUP;
	munmap((void *)packed, len);
	return r < 0 ? r : sys_load_memory(plain.data, plain.len, options);
}

/* Whoever loads a module locks its file. Others wait for the lock, and not in the kernel, where the
 * wait could not be interrupted. */
static int lock(int fd, int64_t until)
{
	while (flock(fd, until == PARAMS_FOREVER ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return 0; /* no locks here, so rely on the kernel's wait */
		if (until != PARAMS_FOREVER && log_now() >= until)
			return -EINPROGRESS;
		if (errno == EWOULDBLOCK)
			usleep(LOCK_POLL_US);
	}
	return 0;
}

int modules_load(const struct boot *b, uint32_t module)
{
	return modules_load_until(b, module, PARAMS_FOREVER);
}

int modules_load_until(const struct boot *b, uint32_t module, int64_t until)
{
	const char *path = modindex_path(&b->modules->index, module);
	char file[FILE_NAME_MAX], options[OPTIONS_MAX];
	enum codec codec = codec_by_suffix(path);
	_cleanup_fd_ int fd = -1;
	int r;

	snprintf(file, sizeof(file), "/%s", path);
	snprintf(options, sizeof(options), "%s", modindex_options(&b->modules->index, module));
	params_module_options(&b->params, modindex_name(&b->modules->index, module), options,
			      sizeof(options));
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = lock(fd, until);
	if (r < 0)
		return r;
	r = -ENOTSUP;
	if (codec == CODEC_NONE || strcmp(b->modules->kernel_codec, codec_info(codec)->name) == 0)
		r = sys_load_file(fd, options, codec != CODEC_NONE);
	if (codec != CODEC_NONE && (r == -ENOTSUP || r == -ENOSYS || r == -EINVAL))
		r = load_unpacked(file, codec, options);
	return r == -EEXIST ? 0 : r;
}
