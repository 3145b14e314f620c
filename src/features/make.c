/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/make.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/profile.h"
#include "base/text.h"
#include "format/machine/acpi.h"
#include "format/ours/bootconf.h"
#include "format/codec/encode.h"
#include "format/kernel/kconfig.h"
#include "format/machine/microcode.h"
#include "features/remove.h"

void build_clear(struct build *b)
{
	modules_close(b->modules);
	binaries_free(b->binaries);
	buf_clear(&b->config);
	buf_clear(&b->boot_conf);
	plan_clear(&b->plan);
	*b = (struct build){0};
}

int build_read_hardware(const struct request *request, const struct root *root,
			struct arena *arena, struct hardware *out, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (!request->hardware_file)
		return hardware_read(root, arena, out, err);
	if (request->hardware_text) {
		buf_add_str(&text, request->hardware_text);
		r = buf_status(&text);
	} else {
		root_note_outside(root, request->hardware_file);
		r = read_file_at(AT_FDCWD, request->hardware_file, HARDWARE_FILE_MAX, &text);
	}
	if (r < 0)
		return err_sys(err, r, "hardware description %s", request->hardware_file);
	r = hardware_from_json(buf_cstr(&text), text.len, arena, out, err);
	return r < 0 ? err_prefix(err, "hardware description %s", request->hardware_file) : 0;
}

static bool kernel_has(const struct build *b, const char *option)
{
	return kconfig_get((const char *)b->config.data, b->config.len, option) == KCONFIG_YES;
}

static bool kernel_unpacks(const struct build *b, enum codec codec)
{
	return codec == CODEC_NONE || kernel_has(b, codec_info(codec)->rd);
}

/* The codecs that the kernel can unpack and we can write, for a hint. */
static const char *unpackable(struct build *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (int c = CODEC_COUNT - 1; c >= 0; c--)
		if (kernel_unpacks(b, (enum codec)c) && encode_supported((enum codec)c))
			buf_printf(&text, "%s%s", text.len ? ", " : "",
				   codec_info((enum codec)c)->name);
	return arena_strdup(&b->plan.arena, buf_cstr(&text));
}

static int choose_codec(struct build *b, struct err *err)
{
	/* lzma and bzip2 come last: the kernel is by far the slowest to decompress them. */
	static const enum codec best_first[] = {CODEC_ZSTD, CODEC_XZ,	CODEC_LZ4,   CODEC_GZIP,
						CODEC_LZO,  CODEC_LZMA, CODEC_BZIP2, CODEC_NONE};
	enum codec asked = b->request->codec;
	size_t i = 0;

	if (!b->config.len) {
		b->codec = asked == CODEC_COUNT ? CODEC_GZIP : asked;
		plan_warn(&b->plan,
			  "no configuration of kernel %s was found: whether it can unpack %s is "
			  "not known",
			  b->kernel.version, codec_info(b->codec)->name);
		return 0;
	}
	/* Saves some percent, since most of the data is x86 code. */
	b->x86_filter = kernel_has(b, "CONFIG_X86") &&
			kernel_has(b, codec_xz_filter_option(XZ_FILTER_X86));
	if (!kernel_has(b, "CONFIG_BLK_DEV_INITRD"))
		return err_set(err, -ENOTSUP,
			       "kernel %s cannot use an initramfs at all (CONFIG_BLK_DEV_INITRD is "
			       "not set in /%s)",
			       b->kernel.version, b->config_origin);
	if (asked == CODEC_COUNT) {
		while (!kernel_unpacks(b, best_first[i]) || !encode_supported(best_first[i]))
			i++;
		b->codec = best_first[i];
		return 0;
	}
	if (!kernel_unpacks(b, asked)) {
		err_set(err, -ENOTSUP, "kernel %s cannot unpack %s (%s is not set in /%s)",
			b->kernel.version, codec_info(asked)->name, codec_info(asked)->rd,
			b->config_origin);
		err_hint(err, "it can unpack: %s", unpackable(b));
		return b->request->codec_from ? err_prefix(err, "%s", b->request->codec_from)
					      : err->code;
	}
	b->codec = asked;
	return 0;
}

static int read_config(struct build *b, struct err *err)
{
	int r = kernel_config(b->root, &b->kernel, &b->plan.arena, &b->config, &b->config_origin,
			      err);

	return r == -ENOENT ? 0 : r;
}

static int add_boot_conf(struct build *b, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char **load;
	size_t n = modules_load_list(b->modules, &load);

	buf_printf(&text, "kernel=%s\nmode=%s\n", b->kernel.version,
		   build_is_hostonly(b) ? "hostonly" : "generic");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "load=%s\n", load[i]);
	/* A disk may have been a member of one once. */
	if (build_is_hostonly(b) && !b->has_arrays)
		buf_add_str(&text, "arrays=none\n");
	buf_add(&text, b->boot_conf.data, b->boot_conf.len);
	return plan_add_text(&b->plan, BOOTCONF_PATH, 0644, text.data, text.len,
			     "tells PID 1 what to do", err);
}

/* Over all parameters of the image together. */
static int check_verity(const struct build *b, struct err *err)
{
	const char *hash = cmdline_hash(&b->verity);

	if (!hash)
		return 0;
	err_set(err, -ENOTSUP, "%s: %s= asks for verification with dm-verity, which no image of this version "
			       "does: each boot would fail", b->hash_origin, hash);
	return err_hint(err, "keep using the image builder of your distribution, or boot without "
			     "verification: rd.systemd.verity=0");
}

/* PID 1 has a fixed-size buffer for the parameters of all features together. */
static int check_cmdline(struct build *b, struct err *err)
{
	_cleanup_buf_ struct buf copy = BUF_INIT;
	char *cursor, *key, *value;
	size_t len = 0;

	buf_add(&copy, b->boot_conf.data, b->boot_conf.len);
	cursor = (char *)buf_cstr(&copy);
	while (cursor && bootconf_next(&cursor, &key, &value))
		if (strcmp(key, "cmdline") == 0)
			len += strlen(value) + 1;
	return len <= BOOTCONF_CMDLINE_MAX
		       ? check_verity(b, err)
		       : err_set(err, -E2BIG, "over %d bytes of kernel parameters for the image",
				 BOOTCONF_CMDLINE_MAX);
}

static int omit_modules(struct build *b, struct err *err)
{
	const struct request *q = b->request;
	int r = 0;

	for (size_t i = 0; i < q->n_wishes && r == 0; i++)
		if (q->wishes[i].kind == WISH_OMIT_MODULE)
			r = modules_omit(b->modules, q->wishes[i].word, q->wishes[i].from, err);
	return r;
}

static int finish_modules(struct build *b, struct err *err)
{
	int r;

	profile_stage("choose modules");
	r = modules_apply_rules(b->modules, err);
	if (r == 0)
		r = storage_complete(b, err);
	if (r == 0)
		r = modules_add_softdeps(b->modules, err);
	if (r == 0)
		r = omit_modules(b, err);
	if (r == 0)
		r = remove_modules(b, err);
	profile_stage("add modules");
	if (r == 0)
		r = modules_finish(b->modules, &b->plan, (const char *)b->config.data, b->config.len,
			       storage_rules, err);
	return r;
}

/* The kernel reads some files only before it unpacks the base, so there they have no effect. */
static int check_early(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_entries; i++) {
		const struct plan_entry *e = &plan->entries[i];
		bool microcode = str_starts(e->path, MICROCODE_DIR);

		if (e->storage == PLAN_EARLY || e->type == PLAN_DIR ||
		    (!microcode && !str_starts(e->path, ACPI_DIR)))
			continue;
		err_set(err, -EINVAL,
			"/%s: the kernel reads that before it unpacks the base, which "
			"would hold this file (%s)",
			e->path, e->reason);
		return err_hint(err, microcode ? "preroot packs the microcode of /lib/firmware there "
						 "by itself"
					       : "acpi_override and acpi_table_dir are for ACPI tables");
	}
	return 0;
}

/* Of zstd, for modules and firmware; 0: they are not compressed. */
static int store_level(const struct build *b)
{
	int level = b->request->store_level;

	if (level == PLAN_STORE_AUTO && b->codec != CODEC_NONE)
		return PLAN_STORE_LEVEL;
	return level > 0 ? level : 0;
}

/* Are only the parameters of an image printed, and F has none? That needs neither drivers nor a kernel. */
static bool is_passed_over(const struct request *q, const struct feature *f)
{
	return q->only_cmdline && !(f->flags & FEATURE_PARAMETERS);
}

int build_make(const struct request *request, const struct root *root, struct build *out,
	       struct err *err)
{
	struct build *b = out;
	int r;

	*b = (struct build){.request = request, .root = root, .level = request->level};
	plan_init(&b->plan);
	profile_stage("kernel");
	r = (request->only_cmdline ? kernel_find_or_none : kernel_find)(root, request->kernel, &b->plan.arena,
									&b->kernel, err);
	if (r == 0)
		r = read_config(b, err);
	if (r == 0)
		r = choose_codec(b, err);
	if (r == 0 && !b->level)
		b->level = request->levels[b->codec];
	profile_stage("hardware");
	if (r == 0 && build_is_hostonly(b))
		r = build_read_hardware(request, root, &b->plan.arena, &b->hardware, err);
	profile_stage("features");
	b->plan.store_level = store_level(b);
	if (r == 0)
		r = modules_open(root, &b->kernel, b->plan.store_level, &b->plan.arena,
				 &b->modules, err);
	if (r < 0)
		return r;
	modules_search_firmware(b->modules, b->request->firmware.list, b->request->firmware.n);
	r = build_open_binaries(b, &b->plan, &b->binaries, err);
	for (const struct feature *f = features; f->name && r == 0; f++)
		if (features_wants(request, f) && !is_passed_over(request, f))
			r = f->build(b, err);
	if (r == 0)
		r = check_cmdline(b, err);
	if (request->only_cmdline)
		return r;
	if (r == 0)
		r = finish_modules(b, err);
	profile_stage("programs");
	if (r == 0)
		r = binaries_finish(b->binaries, remove_takes, b, err);
	if (r == 0)
		r = crypt_complete(b, err);
	if (r == 0)
		r = add_boot_conf(b, err);
	if (r == 0)
		plan_sort(&b->plan);
	if (r == 0)
		r = remove_files(b, err);
	return r < 0 ? r : check_early(&b->plan, err);
}
