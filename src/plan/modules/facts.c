/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/modules/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/codec/decode_all.h"
#include "format/kernel/modinfo.h"
#include "format/codec/encode.h"
#include "format/codec/unpack.h"
#include "host/remembered/stored.h"
#include "plan/modules/facts_cache.h"

enum { MODULE_SIZE_MAX = 256 * 1024 * 1024 };

struct facts_table {
	const struct root *root;
	struct arena *arena;
	struct strset by_file; /* struct facts */
	struct facts_cache *cache;
	int level; /* of those that are compressed here; 0: none is */
};

/*
 * The kernel's symbols that a driver of some kind imports, as named in 5.10 to 7.2. Sorted, as
 * modinfo_imports() requires.
 */
static const struct {
	const char *name;
	unsigned provides;
} symbols[] = {
	{"__blk_alloc_disk", FACTS_DISKS},
	{"__blk_mq_alloc_disk", FACTS_DISKS},
	{"__hid_register_driver", FACTS_INPUT},
	{"__register_virtio_driver", FACTS_BUS},
	{"__sdhci_add_host", FACTS_DISKS},
	{"__serio_register_driver", FACTS_INPUT},
	{"__vmbus_driver_register", FACTS_BUS},
	{"__xenbus_register_frontend", FACTS_BUS},
	{"ahci_platform_get_resources", FACTS_DISKS},
	{"ata_host_activate", FACTS_DISKS},
	{"ata_scsi_ioctl", FACTS_DISKS},
	{"blk_cleanup_queue", FACTS_DISKS},
	{"blk_mq_alloc_request", FACTS_DISKS},
	{"blk_mq_destroy_queue", FACTS_DISKS},
	{"device_add_disk", FACTS_DISKS},
	{"hid_add_device", FACTS_INPUT},
	{"memstick_add_host", FACTS_DISKS},
	{"mmc_add_host", FACTS_DISKS},
	{"nvme_init_ctrl", FACTS_DISKS},
	{"register_filesystem", FACTS_FILESYSTEM},
	{"register_mtd_blktrans", FACTS_DISKS},
	{"register_virtio_device", FACTS_BUS},
	{"register_virtio_driver", FACTS_BUS},
	{"scsi_add_host_with_dma", FACTS_DISKS},
	{"scsi_esp_register", FACTS_DISKS},
	{"sdhci_add_host", FACTS_DISKS},
	{"ufshcd_init", FACTS_DISKS},
	{"usb_hcd_pci_probe", FACTS_INPUT},
	{"usb_stor_disconnect", FACTS_DISKS},
};

struct result {
	unsigned provides;
	struct buf firmware, weakdeps, vermagic;
	struct file_identity id; /* before it was read */
	bool racy;
	struct err err;
};

/* What a thread reuses from one file to the next. */
struct worker {
	struct buf raw, plain, packed;
	struct zstd_encoder *encoder;
};

struct scan {
	const struct facts_table *t;
	const struct facts_file *files;
	struct result *results;
	struct worker *workers;
};

/* Names everything beside the files that the facts depend on. */
static const char *cache_key(const struct root *root, const char *name, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "facts 2 about modules in %s/%s, by", root->path, name);
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		buf_printf(&text, " %s=%u", symbols[i].name, symbols[i].provides);
	return arena_strdup(arena, buf_cstr(&text));
}

struct facts_table *facts_new(const struct root *root, const char *name, int level,
			      struct arena *arena)
{
	struct facts_table *t = arena_alloc(arena, sizeof(*t));

	*t = (struct facts_table){.root = root, .arena = arena, .level = level};
	t->cache = facts_cache_open(root->cache, cache_key(root, name, arena), arena);
	return t;
}

void facts_free(struct facts_table *t)
{
	if (!t)
		return;
	facts_cache_close(t->cache);
	strset_clear(&t->by_file);
}

void facts_keep(struct facts_table *t)
{
	facts_cache_keep(t->cache);
}

static void add_names(const char *section, size_t len, const char *key, struct buf *out)
{
	const char *name;
	size_t offset = 0;

	while ((name = modinfo_next(section, len, key, &offset)))
		buf_add(out, name, strlen(name) + 1);
}

static void add_vermagic(const char *section, size_t len, struct buf *out)
{
	size_t offset = 0;
	const char *text = modinfo_next(section, len, "vermagic", &offset);

	if (text)
		buf_add_str(out, text);
	buf_add(out, "", 1);
}

static int decode_facts(const void *data, size_t len, struct result *out, struct err *err)
{
	const char *names[ARRAY_SIZE(symbols)], *section;
	size_t section_len;
	uint32_t mask;
	int r = modinfo_find(data, len, &section, &section_len, err);

	_Static_assert(ARRAY_SIZE(symbols) <= MODINFO_SYMBOLS_MAX, "too many symbols");
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		names[i] = symbols[i].name;
	r = modinfo_imports(data, len, names, ARRAY_SIZE(symbols), &mask, err);
	for (size_t i = 0; i < ARRAY_SIZE(symbols) && r == 0; i++)
		if (mask & 1u << i)
			out->provides |= symbols[i].provides;
	add_names(section, section_len, "firmware", &out->firmware);
	add_names(section, section_len, "weakdep", &out->weakdeps);
	add_vermagic(section, section_len, &out->vermagic);
	if (r == 0 && (buf_status(&out->firmware) < 0 || buf_status(&out->weakdeps) < 0 ||
		       buf_status(&out->vermagic) < 0))
		return err_set(err, -ENOMEM, "no memory left to read modules");
	return r;
}

static int scan_packed(struct worker *w, enum codec codec, struct result *out)
{
	int r;

	w->plain.len = 0;
	if (codec_detect(w->raw.data, w->raw.len) != codec)
		return err_set(&out->err, -EBADMSG, "is not %s data, as its name says",
			       codec_info(codec)->name);
	r = unpack(decoder_find(codec), w->raw.data, w->raw.len, MODULE_SIZE_MAX, &w->plain, NULL,
		   &out->err);
	return r < 0 ? r : decode_facts(w->plain.data, w->plain.len, out, &out->err);
}

/* Compresses the file that was just read, if that was not done before. Whatever fails here is
 * tried again, and reported, when the image is packed. */
static void store(const struct facts_table *t, struct worker *w, const struct file_identity *id)
{
	const struct stored_form form = {.codec = CODEC_ZSTD, .level = t->level};
	uint8_t sum[DIGEST_SIZE], sha256[DIGEST_SIZE];

	w->packed.len = 0;
	digest_of(w->raw.data, w->raw.len, sum);
	stored_learn(t->root->stored, id, sum);
	if (stored_get(t->root->stored, sum, &form, &w->packed, sha256))
		return;
	if (!w->encoder)
		w->encoder = zstd_encoder_new();
	if (!w->encoder ||
	    zstd_encode(w->encoder, t->level, w->raw.data, w->raw.len, &w->packed, NULL) < 0)
		return;
	digest_of(w->packed.data, w->packed.len, sha256);
	stored_put(t->root->stored, sum, &form, &w->packed, sha256);
}

/*
 * All of the file in W->raw. If it changes meanwhile, its identity is another one when it is packed,
 * or looked up in another run: what was learned from it is then not used.
 */
static int read_module(const struct facts_table *t, const char *file, struct worker *w,
		       struct result *out)
{
	_cleanup_fd_ int fd = root_openat(t->root, file, O_RDONLY | O_NONBLOCK);
	struct stat st;
	size_t size;
	ssize_t n;

	w->raw.len = 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(&out->err, fd < 0 ? fd : -errno, "module /%s", file);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(&out->err, -EBADMSG, "module /%s is not a file with content", file);
	if (st.st_size > MODULE_SIZE_MAX)
		return err_set(&out->err, -E2BIG, "module /%s has over %d MiB", file,
			       MODULE_SIZE_MAX >> 20);
	size = (size_t)st.st_size;
	if (buf_reserve(&w->raw, size) < 0)
		return err_set(&out->err, -ENOMEM, "module /%s: no memory left", file);
	out->id = file_identity(&st);
	n = read_full(fd, w->raw.data, size);
	if (n < 0)
		return err_sys(&out->err, (int)n, "module /%s", file);
	if ((size_t)n != size) {
		err_set(&out->err, -ESTALE, "module /%s changed while it was read", file);
		return err_hint(&out->err, "build again when whatever writes to it is done");
	}
	out->racy = file_identity_is_racy(&out->id);
	w->raw.len = size;
	return 0;
}

static int scan_one(size_t item, unsigned worker, void *arg)
{
	struct scan *s = arg;
	const struct facts_file *file = &s->files[item];
	struct result *out = &s->results[item];
	struct worker *w = &s->workers[worker];
	enum codec codec = codec_by_suffix(file->name);
	int r = read_module(s->t, file->name, w, out);

	if (r < 0)
		return r;
	if (codec == CODEC_NONE)
		r = decode_facts(w->raw.data, w->raw.len, out, &out->err);
	else
		r = scan_packed(w, codec, out);
	if (r < 0) {
		err_prefix(&out->err, "module /%s", file->name);
		err_hint(&out->err, "reinstall the kernel's modules");
		return r;
	}
	if (s->t->level && codec == CODEC_NONE && stored_takes(s->t->root->stored) &&
	    (!file->provides || file->provides & out->provides))
		store(s->t, w, &out->id);
	return 0;
}

static void add_facts(struct facts_table *t, const char *file, const struct result *result)
{
	struct facts *f = arena_alloc(t->arena, sizeof(*f));

	*f = (struct facts){
		.id = result->id,
		.racy = result->racy,
		.provides = result->provides,
		.firmware = arena_memdup(t->arena, result->firmware.data, result->firmware.len),
		.firmware_len = result->firmware.len,
		.weakdeps = arena_memdup(t->arena, result->weakdeps.data, result->weakdeps.len),
		.weakdeps_len = result->weakdeps.len,
		.vermagic = arena_memdup(t->arena, result->vermagic.data, result->vermagic.len),
	};
	strset_add(&t->by_file, file, f);
	facts_cache_add(t->cache, f);
}

/* The file is asked for in any case: what the answer was belongs to the trace of the plan. */
static bool is_known(struct facts_table *t, const char *file)
{
	const struct facts *f;
	struct stat st;

	if (strset_has(&t->by_file, file))
		return true;
	f = t->cache && root_stat(t->root, file, &st) == 0 ? facts_cache_find(t->cache, &st) : NULL;
	return f && strset_add(&t->by_file, file, (void *)f);
}

static void free_workers(struct worker *workers, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_clear(&workers[i].raw);
		buf_clear(&workers[i].plain);
		buf_clear(&workers[i].packed);
		zstd_encoder_free(workers[i].encoder);
	}
	free(workers);
}

static int scan_all(struct scan *s, size_t n)
{
	unsigned threads = parallel_cores();
	int r;

	if (threads > n)
		threads = n ? (unsigned)n : 1;
	s->workers = calloc(threads, sizeof(*s->workers));
	if (!s->workers)
		return -ENOMEM;
	r = parallel_run(n, threads, scan_one, s);
	free_workers(s->workers, threads);
	return r;
}

int facts_read(struct facts_table *t, const struct facts_file *files, size_t count,
	       struct err *err)
{
	_cleanup_free_ struct facts_file *unread = xrealloc(NULL, count + 1, sizeof(*unread));
	struct scan s = {.t = t, .files = unread};
	bool told = false;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		if (!is_known(t, files[i].name))
			unread[n++] = files[i];
	s.results = calloc(n + 1, sizeof(*s.results));
	r = s.results ? scan_all(&s, n) : -ENOMEM;
	if (r == -ENOMEM)
		err_set(err, r, "no memory left to read modules");
	for (size_t i = 0; i < n && s.results; i++) {
		if (r == 0)
			add_facts(t, unread[i].name, &s.results[i]);
		else if (s.results[i].err.code == r && err && !told) {
			*err = s.results[i].err;
			told = true;
		}
		buf_clear(&s.results[i].firmware);
		buf_clear(&s.results[i].weakdeps);
		buf_clear(&s.results[i].vermagic);
	}
	free(s.results);
	return r;
}

const struct facts *facts_of(const struct facts_table *t, const char *file)
{
	void **slot = strset_find(&t->by_file, file);

	return slot ? *slot : NULL;
}
