/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/modules/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/parallel.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/codec/decode_all.h"
#include "format/kernel/modinfo.h"
#include "format/codec/unpack.h"
#include "plan/modules/facts_cache.h"

enum { MODULE_SIZE_MAX = 256 * 1024 * 1024 };

struct facts_table {
	const struct root *root;
	struct arena *arena;
	struct strset by_file; /* struct facts */
	struct facts_cache *cache;
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

struct scan {
	const struct facts_table *t;
	const char **files;
	struct result {
		unsigned provides;
		struct buf firmware, weakdeps;
		struct stat st;
		struct err err;
	} *results;
};

/* Names everything beside the files that the facts depend on. */
static const char *cache_key(const struct root *root, const char *name, struct arena *arena)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "facts 1 about modules in %s/%s, by", root->path, name);
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++)
		buf_printf(&text, " %s=%u", symbols[i].name, symbols[i].provides);
	return arena_strdup(arena, buf_cstr(&text));
}

struct facts_table *facts_new(const struct root *root, const char *name, struct arena *arena)
{
	struct facts_table *t = arena_alloc(arena, sizeof(*t));

	*t = (struct facts_table){.root = root, .arena = arena};
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

static void add_names(const char *section, size_t len, const char *key, struct buf *out)
{
	const char *name;
	size_t offset = 0;

	while ((name = modinfo_next(section, len, key, &offset)))
		buf_add(out, name, strlen(name) + 1);
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
	if (r == 0 && (buf_status(&out->firmware) < 0 || buf_status(&out->weakdeps) < 0))
		return err_set(err, -ENOMEM, "no memory left to read modules");
	return r;
}

static int scan_packed(const void *data, size_t len, enum codec codec, struct result *out,
		       struct err *err)
{
	_cleanup_buf_ struct buf plain = BUF_INIT;
	const struct decoder_ops *ops = decoder_find(codec);
	int r;

	if (codec_detect(data, len) != codec)
		return err_set(err, -EBADMSG, "is not %s data, as its name says",
			       codec_info(codec)->name);
	r = unpack(ops, data, len, MODULE_SIZE_MAX, &plain, NULL, err);
	return r < 0 ? r : decode_facts(plain.data, plain.len, out, err);
}

static int scan_one(size_t item, unsigned worker, void *arg)
{
	struct scan *s = arg;
	const char *file = s->files[item];
	struct result *out = &s->results[item];
	_cleanup_fd_ int fd = root_openat(s->t->root, file, O_RDONLY | O_NONBLOCK);
	enum codec codec = codec_by_suffix(file);
	size_t size;
	void *data;
	int r;

	(void)worker;
	if (fd < 0)
		return err_sys(&out->err, fd, "module /%s", file);
	if (fstat(fd, &out->st) < 0 || !S_ISREG(out->st.st_mode) || out->st.st_size == 0)
		return err_set(&out->err, -EBADMSG, "module /%s is not a file with content", file);
	size = (size_t)out->st.st_size;
	data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return err_sys(&out->err, -errno, "module /%s", file);
	if (codec == CODEC_NONE)
		r = decode_facts(data, size, out, &out->err);
	else
		r = scan_packed(data, size, codec, out, &out->err);
	munmap(data, size);
	if (r < 0) {
		err_prefix(&out->err, "module /%s", file);
		err_hint(&out->err, "reinstall the kernel's modules");
	}
	return r;
}

static void add_facts(struct facts_table *t, const char *file, const struct result *result)
{
	struct facts *f = arena_alloc(t->arena, sizeof(*f));

	*f = (struct facts){
		.provides = result->provides,
		.firmware = arena_memdup(t->arena, result->firmware.data, result->firmware.len),
		.firmware_len = result->firmware.len,
		.weakdeps = arena_memdup(t->arena, result->weakdeps.data, result->weakdeps.len),
		.weakdeps_len = result->weakdeps.len,
	};
	strset_add(&t->by_file, file, f);
	facts_cache_add(t->cache, &result->st, f);
}

/* Always stats the file, even with a cache: the answer belongs to the trace of the plan. */
static bool is_known(struct facts_table *t, const char *file)
{
	const struct facts *f;
	struct stat st;

	if (strset_has(&t->by_file, file))
		return true;
	f = t->cache && root_stat(t->root, file, &st) == 0 ? facts_cache_find(t->cache, &st) : NULL;
	return f && strset_add(&t->by_file, file, (void *)f);
}

int facts_read(struct facts_table *t, const char *const *files, size_t count, struct err *err)
{
	_cleanup_free_ const char **unread = xrealloc(NULL, count + 1, sizeof(*unread));
	struct scan s = {.t = t, .files = unread};
	bool told = false;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < count; i++)
		if (!is_known(t, files[i]))
			unread[n++] = files[i];
	s.results = calloc(n + 1, sizeof(*s.results));
	if (!s.results)
		return err_set(err, -ENOMEM, "no memory left to read modules");
	r = parallel_run(n, parallel_cores(), scan_one, &s);
	for (size_t i = 0; i < n; i++) {
		if (r == 0)
			add_facts(t, unread[i], &s.results[i]);
		else if (s.results[i].err.code == r && err && !told) {
			*err = s.results[i].err;
			told = true;
		}
		buf_clear(&s.results[i].firmware);
		buf_clear(&s.results[i].weakdeps);
	}
	free(s.results);
	return r;
}

const struct facts *facts_of(const struct facts_table *t, const char *file)
{
	void **slot = strset_find(&t->by_file, file);

	return slot ? *slot : NULL;
}
