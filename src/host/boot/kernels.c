/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/kernels.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/text.h"
#include "format/kernel/bzimage.h"
#include "format/codec/decode_all.h"
#include "format/kernel/kconfig.h"
#include "format/codec/unpack.h"
#include "host/boot/kernel_install.h"

#define MODULES_DIR "usr/lib/modules"

enum {
	CONFIG_SIZE_MAX = 4 * 1024 * 1024,
	IMAGE_SIZE_MAX = 256 * 1024 * 1024,
	KERNEL_SIZE_MAX = 512 * 1024 * 1024,
	SIZE_TAIL = 4,
};

/* usr/lib/modules, or lib/modules where /usr is not merged. */
static const char *modules_folder(const struct root *r)
{
	return root_exists(r, "lib/modules") ? "lib/modules" : MODULES_DIR;
}

/* 1 if PATH is a kernel image of VERSION, 0 if there is no such file, -EBADMSG if it is another. */
static int check_image(const struct root *r, const char *path, const char *version, struct err *err)
{
	_cleanup_fd_ int fd = root_openat(r, path, O_RDONLY | O_NONBLOCK);
	_cleanup_free_ uint8_t *head = xrealloc(NULL, BZIMAGE_HEAD, 1);
	struct bzimage image;
	ssize_t n;
	int e;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return err_sys(err, fd, "kernel image /%s", path);
	n = read_full(fd, head, BZIMAGE_HEAD);
	if (n < 0)
		return err_sys(err, (int)n, "kernel image /%s", path);
	e = bzimage_decode(head, (size_t)n, &image, err);
	if (e < 0)
		err_prefix(err, "/%s is not a bootable kernel", path);
	if (e < 0)
		return err_hint(err, "install the kernel's package again");
	if (strcmp(image.version, version) != 0) {
		e = err_set(err, -EBADMSG,
			    "kernel image /%s is of version %s, but its name and the module tree "
			    "say %s",
			    path, image.version, version);
		err_hint(err, "reinstall the kernel package; the two must come from one build");
		return e;
	}
	return 1;
}

/* ---- kernel images, by their names and by their headers ---- */

static const char *const image_names[] = {"vmlinuz", "vmlinux", "kernel", "linux", "bzImage"};

/* The part of NAME after "vmlinuz-" and the like, "" for "vmlinuz"; NULL if it is no kernel's name.
 */
static const char *suffix_of_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(image_names); i++) {
		size_t len = strlen(image_names[i]);

		if (str_starts(name, image_names[i]) && (!name[len] || name[len] == '-'))
			return name + len + (name[len] == '-');
	}
	return NULL;
}

/* vmlinuz-VERSION, VERSION/linux */
static const char *version_by_name(const char *path, struct arena *arena)
{
	const char *name = base_name(path), *suffix = suffix_of_name(name);
	const char *folder = base_name(arena_folder(arena, path));

	if (suffix && isdigit((unsigned char)*suffix))
		return arena_strdup(arena, suffix);
	return strcmp(name, "linux") == 0 && isdigit((unsigned char)*folder) ? folder : NULL;
}

const char *kernel_version(const struct root *r, const char *path, struct arena *arena)
{
	_cleanup_fd_ int fd = root_openat(r, path, O_RDONLY | O_NONBLOCK);
	_cleanup_free_ uint8_t *head = NULL;
	struct bzimage image;
	ssize_t n;

	if (fd < 0)
		return NULL;
	head = xrealloc(NULL, BZIMAGE_HEAD, 1);
	n = read_full(fd, head, BZIMAGE_HEAD);
	if (n > 0 && bzimage_decode(head, (size_t)n, &image, NULL) == 0)
		return arena_strdup(arena, image.version);
	return version_by_name(path, arena);
}

bool kernel_name_is_copy(const char *name)
{
	static const char *const endings[] = {"~",    ".bak",  ".old",	".orig",   ".new",
					      ".tmp", ".save", ".saved", ".backup", ".rpmnew",
					      ".rpmsave"};

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (str_ends(name, endings[i]))
			return true;
	return strstr(name, ".dpkg-") != NULL;
}

size_t kernel_files(const struct root *r, const char *folder, struct arena *arena,
		    struct kernel_file **out)
{
	struct kernel_file *list = NULL;
	size_t count = 0;
	char **names;
	int n = root_listdir(r, folder, arena, &names);

	for (int i = 0; i < n; i++) {
		struct kernel_file file = {.path = arena_printf(arena, "%s/%s", folder, names[i]),
					   .suffix = suffix_of_name(names[i])};
		struct stat st;

		if (!file.suffix || kernel_name_is_copy(names[i]) ||
		    root_lstat(r, file.path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		file.version = kernel_version(r, file.path, arena);
		if (!file.version)
			continue;
		list = arena_grow(arena, list, count, sizeof(*list));
		list[count++] = file;
	}
	*out = list;
	return count;
}

enum { IMAGE_PLACES = 5 };

/* A kernel in /boot, such as vmlinuz-linux, whose version only its header says. The one of a rescue
 * entry is a copy, and does not count. */
static const char *place_by_header(const struct root *r, const char *version, struct arena *arena)
{
	struct kernel_file *files;
	size_t n = kernel_files(r, "boot", arena, &files);

	for (size_t i = 0; i < n; i++)
		if (strcmp(files[i].version, version) == 0 && !strstr(files[i].suffix, "rescue"))
			return files[i].path;
	return NULL;
}

/* The I-th place where the kernel VERSION may be, the likeliest first; NULL after the last one.
 * kernel-install's place comes last, since finding it means listing folders. */
static const char *image_place(const struct root *r, const char *version, unsigned i,
			       struct arena *arena)
{
	struct kernel_install k;

	switch (i) {
	case 0:
		return arena_printf(arena, "boot/vmlinuz-%s", version);
	case 1:
		return arena_printf(arena, "%s/%s/vmlinuz", modules_folder(r), version);
	case 2:
		return arena_printf(arena, "boot/vmlinux-%s", version);
	case 3:
		return arena_printf(arena, "boot/kernel-%s", version);
	default:
		return i < IMAGE_PLACES && kernel_install_find(r, arena, &k)
			       ? arena_printf(arena, "%s/%s/linux", k.folder, version)
			       : NULL;
	}
}

static int find_image(const struct root *r, struct kernel *k, struct arena *arena, struct err *err)
{
	const char *path;

	for (unsigned i = 0; (path = image_place(r, k->version, i, arena)); i++) {
		int e = check_image(r, path, k->version, err);

		if (e > 0)
			k->image = path;
		if (e)
			return e;
	}
	k->image = place_by_header(r, k->version, arena);
	return k->image != NULL;
}

/* Finds the module tree of VERSION. False if there is no such directory. */
static bool find_tree(const struct root *r, const char *version, struct arena *arena,
		      struct kernel *out)
{
	const char *dir = arena_printf(arena, "%s/%s", modules_folder(r), version);
	struct stat st;

	if (root_stat(r, dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	*out = (struct kernel){.version = version, .modules_dir = root_resolve(r, dir, arena)};
	return out->modules_dir != NULL;
}

static bool has_modules(const struct root *r, const struct kernel *k, struct arena *arena)
{
	return root_exists(r, arena_printf(arena, "%s/modules.order", k->modules_dir)) ||
	       root_exists(r, arena_printf(arena, "%s/modules.dep.bin", k->modules_dir)) ||
	       root_exists(r, arena_printf(arena, "%s/kernel", k->modules_dir));
}

/* Only a kernel's configuration says that it needs no modules. INSIDE: also look for one embedded
 * in the kernel image, which is slow. */
static bool is_monolithic(const struct root *r, const struct kernel *k, bool inside,
			  struct arena *arena)
{
	_cleanup_buf_ struct buf config = BUF_INIT;
	struct kernel outside = *k;
	const char *origin;

	if (!inside)
		outside.image = NULL;
	return kernel_config(r, &outside, arena, &config, &origin, NULL) == 0 &&
	       kconfig_get((const char *)config.data, config.len, "CONFIG_MODULES") == KCONFIG_NO;
}

static struct kernel without_tree(const struct root *r, const char *version, struct arena *arena)
{
	return (struct kernel){
		.version = version,
		.modules_dir = arena_printf(arena, "%s/%s", modules_folder(r), version)};
}

static void add_monolithic(const struct root *r, struct arena *arena, struct kernel **list,
			   size_t *count)
{
	char **names;
	int n = root_listdir(r, "boot", arena, &names);

	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(arena, "boot/%s", names[i]), *version;
		struct kernel k;

		if (!suffix_of_name(names[i]) || kernel_name_is_copy(names[i]) ||
		    find_tree(r, suffix_of_name(names[i]), arena, &k))
			continue;
		version = kernel_version(r, path, arena);
		if (!version || find_tree(r, version, arena, &k))
			continue;
		k = without_tree(r, version, arena);
		k.is_monolithic = is_monolithic(r, &k, false, arena);
		if (!k.is_monolithic)
			continue;
		*list = arena_grow(arena, *list, *count, sizeof(**list));
		(*list)[(*count)++] = k;
	}
}

static int newer_first(const void *a, const void *b)
{
	return -version_compare(((const struct kernel *)a)->version,
				((const struct kernel *)b)->version);
}

/* Appends the kernels that have modules. -errno if the folder of module trees cannot be read. */
static int add_trees(const struct root *r, struct arena *arena, struct kernel **list,
		     size_t *count)
{
	char **names;
	int n = root_listdir(r, modules_folder(r), arena, &names);

	for (int i = 0; i < n; i++) {
		struct kernel k;

		if (!find_tree(r, names[i], arena, &k) || !has_modules(r, &k, arena))
			continue;
		*list = arena_grow(arena, *list, *count, sizeof(**list));
		(*list)[(*count)++] = k;
	}
	return n;
}

static int list_kernels(const struct root *r, bool monolithic, struct arena *arena,
			struct kernel **out, struct err *err)
{
	struct kernel *list = NULL;
	size_t count = 0;
	int n = add_trees(r, arena, &list, &count);

	if (monolithic || !count)
		add_monolithic(r, arena, &list, &count);
	if (n < 0 && !count) {
		err_sys(err, n, "module folder %s/%s", root_prefix(r), modules_folder(r));
		return err_hint(err, "install a kernel package");
	}
	if (count)
		qsort(list, count, sizeof(*list), newer_first);
	*out = list;
	return (int)count;
}

int kernels_list(const struct root *r, struct arena *arena, struct kernel **out, struct err *err)
{
	return list_kernels(r, true, arena, out, err);
}

static bool is_in(const struct kernel *list, size_t n, const char *version)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].version, version) == 0)
			return true;
	return false;
}

/* Adds to the N kernels of LIST those in kernel-install's folders that are not among WHOLE. */
static size_t add_installed(const struct root *r, const struct kernel *whole, size_t n_whole,
			    struct arena *arena, struct kernel **list, size_t n)
{
	struct kernel_install k;
	char **versions;
	int n_folders = kernel_install_find(r, arena, &k)
				? root_listdir(r, k.folder, arena, &versions)
				: 0;

	for (int i = 0; i < n_folders; i++) {
		const char *path = arena_printf(arena, "%s/%s/linux", k.folder, versions[i]);

		if (!root_exists(r, path) || strstr(versions[i], "rescue") ||
		    is_in(*list, n, versions[i]) || is_in(whole, n_whole, versions[i]))
			continue;
		*list = arena_grow(arena, *list, n, sizeof(**list));
		(*list)[n] = without_tree(r, versions[i], arena);
		(*list)[n++].image = path;
	}
	return n;
}

size_t kernels_without_modules(const struct root *r, struct arena *arena, struct kernel **out)
{
	struct kernel *whole = NULL, *list = NULL;
	struct kernel_file *files;
	int n_whole = kernels_list(r, arena, &whole, NULL); /* < 0: none can be read */
	size_t n = kernel_files(r, "boot", arena, &files), count = 0, n_listed;

	n_listed = n_whole < 0 ? 0 : (size_t)n_whole;
	for (size_t i = 0; i < n; i++) {
		const char *version = files[i].version;

		/* One whose name is a listed kernel's is that kernel's damaged file. */
		if (strstr(files[i].suffix, "rescue") || is_in(list, count, version) ||
		    is_in(whole, n_listed, version) || is_in(whole, n_listed, files[i].suffix))
			continue;
		list = arena_grow(arena, list, count, sizeof(*list));
		list[count] = without_tree(r, version, arena);
		list[count++].image = files[i].path;
	}
	count = add_installed(r, whole, n_listed, arena, &list, count);
	if (count)
		qsort(list, count, sizeof(*list), newer_first);
	*out = list;
	return count;
}

const char *kernel_skipped_text(const struct root *r, const struct kernel *k, struct arena *arena)
{
	_cleanup_buf_ struct buf config = BUF_INIT;
	struct kernel outside = *k;
	const char *origin;

	outside.image = NULL;
	return arena_printf(arena,
			    "no image is made for kernel %s: %s/%s has no modules in /%s; install "
			    "its package again, or remove that file if the kernel was removed%s",
			    k->version, root_prefix(r), k->image, k->modules_dir,
			    kernel_config(r, &outside, arena, &config, &origin, NULL) == -ENOENT
				    ? "; if everything is built into it, name its version"
				    : "");
}

const char *kernel_image_path(const struct root *r, const char *version, struct arena *arena)
{
	const char *path;

	for (unsigned i = 0; (path = image_place(r, version, i, arena)); i++)
		if (root_exists(r, path))
			return path;
	return place_by_header(r, version, arena);
}

/* The installed versions, separated by commas, for the hint after an unknown version. */
static const char *versions_text(const struct root *r, struct arena *arena)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct kernel *list = NULL;
	int n = kernels_list(r, arena, &list, NULL);

	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", list[i].version);
	return n > 0 ? arena_strdup(arena, buf_cstr(&b)) : "none";
}

int kernel_hint_depmod(const struct root *r, const char *version, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;

	return err_hint(err, "depmod%s%s %s writes the module indexes", r->is_host ? "" : " -b ",
			r->is_host ? "" : quote_word(r->path, &arena), quote_word(version, &arena));
}

static int check_complete(const struct root *r, struct kernel *k, struct arena *arena,
			  struct err *err)
{
	static const char *const indexes[] = {"modules.dep.bin", "modules.alias.bin"};
	int e;

	for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
		if (k->is_monolithic ||
		    root_exists(r, arena_printf(arena, "%s/%s", k->modules_dir, indexes[i])))
			continue;
		err_set(err, -ENOENT, "module tree /%s has no %s", k->modules_dir, indexes[i]);
		return kernel_hint_depmod(r, k->version, err);
	}
	e = find_image(r, k, arena, err);
	if (e < 0)
		return e;
	if (e == 0) {
		err_set(err, -ENOENT,
			"kernel %s has a module tree but no kernel image (looked for "
			"/boot/vmlinuz-%s, /%s/vmlinuz and Boot Loader Specification folders)",
			k->version, k->version, k->modules_dir);
		return err_hint(err, "install the kernel's package again, or mount /boot");
	}
	return 0;
}

/* Finds the kernel VERSION if it needs no module tree. False if it needs one. */
static bool find_monolithic(const struct root *r, const char *version, struct arena *arena,
			    struct kernel *out)
{
	*out = without_tree(r, version, arena);
	if (find_image(r, out, arena, NULL) <= 0)
		return false;
	out->is_monolithic = is_monolithic(r, out, true, arena);
	return out->is_monolithic;
}

static int fail_none(const struct root *r, struct err *err)
{
	err_set(err, -ENOENT, "no kernel under %s/%s has both modules and a kernel image",
		root_prefix(r), modules_folder(r));
	return err_hint(err, "install a kernel package, or name the kernel version");
}

static int find_default(const struct root *r, struct arena *arena, struct kernel *out,
			struct err *err)
{
	struct utsname u;
	struct kernel *list = NULL;
	int n, e;

	if (r->is_host && uname(&u) == 0 &&
	    (find_tree(r, arena_strdup(arena, u.release), arena, out) ||
	     find_monolithic(r, arena_strdup(arena, u.release), arena, out)))
		return check_complete(r, out, arena, err);
	/* Monolithic kernels count only if there are no others: reading all of /boot would make
	 * every new file there an input of the image. */
	n = list_kernels(r, false, arena, &list, err);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		*out = list[i];
		e = find_image(r, out, arena, err);
		if (e < 0)
			return e;
		if (e > 0)
			return check_complete(r, out, arena, err);
	}
	return fail_none(r, err);
}

static int check_version(const char *version, struct err *err)
{
	if (strchr(version, '/') || !path_is_clean(version) || *version == '-')
		return err_set(err, -EINVAL, "\"%s\" is not a kernel version", version);
	return 0;
}

int kernel_find(const struct root *r, const char *version, struct arena *arena, struct kernel *out,
		struct err *err)
{
	if (!version)
		return find_default(r, arena, out, err);
	if (check_version(version, err) < 0)
		return err->code;
	if (!find_tree(r, version, arena, out) && !find_monolithic(r, version, arena, out)) {
		err_set(err, -ENOENT, "no modules for kernel %s (no directory %s/%s/%s)", version,
			root_prefix(r), modules_folder(r), version);
		return err_hint(err, "installed kernels: %s", versions_text(r, arena));
	}
	return check_complete(r, out, arena, err);
}

int kernel_find_or_none(const struct root *r, const char *version, struct arena *arena, struct kernel *out,
			struct err *err)
{
	struct err why = {0};
	struct utsname u;
	int e = kernel_find(r, version, arena, out, &why);

	if (e == -ENOENT && (version || uname(&u) == 0)) {
		*out = (struct kernel){.version = arena_strdup(arena, version ? version : u.release),
				       .is_monolithic = true};
		out->modules_dir = arena_printf(arena, "%s/%s", modules_folder(r), out->version);
		return 0;
	}
	if (e < 0)
		*err = why;
	return e;
}

int kernel_choose(const struct root *r, const char *version, struct arena *arena, const char **out,
		  struct err *err)
{
	struct kernel *list, k;
	struct utsname u;
	int n;

	if (version) {
		*out = version;
		return check_version(version, err);
	}
	if (r->is_host && uname(&u) == 0 &&
	    (find_tree(r, u.release, arena, &k) || kernel_image_path(r, u.release, arena))) {
		*out = arena_strdup(arena, u.release);
		return 0;
	}
	n = list_kernels(r, false, arena, &list, err);
	if (n < 0)
		return n;
	if (n == 0)
		return fail_none(r, err);
	*out = list->version;
	for (int i = n - 1; i >= 0; i--)
		if (kernel_image_path(r, list[i].version, arena))
			*out = list[i].version;
	return 0;
}

/* CONFIG_IKCONFIG: decompress the kernel, and look inside. */
static int config_from_image(const struct root *r, const struct kernel *k, struct buf *out,
			     struct err *err)
{
	_cleanup_buf_ struct buf file = BUF_INIT, kernel = BUF_INIT;
	const struct decoder_ops *ops;
	struct bzimage image;
	const void *gz;
	size_t gz_len;
	int e;

	e = root_read(r, k->image, IMAGE_SIZE_MAX, &file);
	if (e < 0)
		return err_sys(err, e, "kernel image /%s", k->image);
	e = bzimage_decode(file.data, file.len, &image, err);
	if (e < 0)
		return e;
	if (!image.payload_offset || image.payload_offset > file.len ||
	    image.payload_size > file.len - image.payload_offset)
		return -ENOENT;
	ops = decoder_find(codec_detect(file.data + image.payload_offset, image.payload_size));
	if (!ops)
		return -ENOENT;
	e = unpack(ops, file.data + image.payload_offset, image.payload_size, KERNEL_SIZE_MAX,
		   &kernel, NULL, err);
	/* The uncompressed size follows the stream. An lz4 stream has no end mark, so the decoder
	 * would run into it. */
	if (e < 0 && ops->codec == CODEC_LZ4 && image.payload_size > SIZE_TAIL) {
		kernel.len = 0;
		e = unpack(ops, file.data + image.payload_offset, image.payload_size - SIZE_TAIL,
			   KERNEL_SIZE_MAX, &kernel, NULL, err);
	}
	if (e < 0)
		return err_prefix(err, "kernel image /%s", k->image);
	gz = kconfig_find_embedded(kernel.data, kernel.len, &gz_len);
	if (!gz)
		return -ENOENT;
	e = unpack(&decode_gzip, gz, gz_len, CONFIG_SIZE_MAX, out, NULL, err);
	return e < 0 ? err_prefix(err, "configuration in /%s", k->image) : 0;
}

int kernel_config(const struct root *r, const struct kernel *k, struct arena *arena,
		  struct buf *out, const char **origin, struct err *err)
{
	const char *paths[] = {
		arena_printf(arena, "boot/config-%s", k->version),
		arena_printf(arena, "%s/config", k->modules_dir),
		arena_printf(arena, "%s/config-%s", k->modules_dir, k->version),
	};
	int e;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		*origin = paths[i];
		e = root_read(r, paths[i], CONFIG_SIZE_MAX, out);
		if (e == 0)
			return 0;
		if (e != -ENOENT && e != -ENOTDIR)
			return err_sys(err, e, "kernel configuration /%s", paths[i]);
	}
	*origin = k->image;
	e = k->image ? config_from_image(r, k, out, err) : -ENOENT;
	if (e == -ENOENT)
		return err_set(err, e, "kernel %s has no configuration file and none inside",
			       k->version);
	return e;
}
