/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/hardware/hardware.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/strset.h"
#include "base/text.h"
#include "format/machine/fstab.h"
#include "format/machine/mountinfo.h"
#include "format/kernel/uevent.h"

enum {
	MOUNTINFO_MAX = 16 * 1024 * 1024,
	FSTAB_MAX = 1024 * 1024,
	STACK_DEPTH_MAX = 32,
	UEVENT_MAX = 64 * 1024,
	KEYBOARD_KEY = 30, /* KEY_A: a keyboard has it, a power button does not */
	KEY_WORD_BITS = 64,
};

struct scan {
	const struct root *root;
	struct arena *arena;
	struct hardware *hw;
	struct strset seen; /* device paths */
	struct strset looked_at; /* the same, with folders that are no devices */
	struct strset early; /* targets that fstab wants mounted by an initramfs */
};

static void *grow(void *list, size_t count, size_t size)
{
	return (count & (count - 1)) == 0 ? xrealloc(list, count ? count * 2 : 1, size) : list;
}

static const char *link_name(struct scan *s, const char *path)
{
	const char *target = root_readlink(s->root, path, s->arena);

	return target ? base_name(target) : NULL;
}

/* Some buses (mmc, and sdio in old kernels) have it in the uevent file only. */
static const char *read_modalias(struct scan *s, const char *path)
{
	struct arena *a = s->arena;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *line = root_read_line(s->root, arena_printf(a, "sys/%s/modalias", path), a);
	struct uevent u;

	if ((line && *line) ||
	    root_read(s->root, arena_printf(a, "sys/%s/uevent", path), UEVENT_MAX, &text) < 0)
		return line;
	buf_cstr(&text);
	uevent_decode_file((char *)text.data, text.len, &u);
	return u.modalias ? arena_strdup(a, u.modalias) : NULL;
}

static void add_device(struct scan *s, const char *path, const char *needed_for)
{
	struct arena *a = s->arena;
	struct hw_device d = {.path = path, .needed_for = needed_for};

	if (strset_has(&s->seen, path))
		return;
	d.modalias = read_modalias(s, path);
	d.driver = link_name(s, arena_printf(a, "sys/%s/driver", path));
	if (d.modalias && !*d.modalias)
		d.modalias = NULL;
	if (!d.modalias && !d.driver)
		return;
	d.module = link_name(s, arena_printf(a, "sys/%s/driver/module", path));
	/* Since 6.12 built-in drivers have the link, too, but only a loaded module has
	 * initstate. */
	d.is_builtin = d.driver && (!d.module || !root_exists(s->root,
							      arena_printf(a, "sys/module/%s/initstate",
									   d.module)));
	d.subsystem = link_name(s, arena_printf(a, "sys/%s/subsystem", path));
	strset_add(&s->seen, path, NULL);
	s->hw->devices = grow(s->hw->devices, s->hw->n_devices, sizeof(d));
	s->hw->devices[s->hw->n_devices++] = d;
}

static void add_ancestors(struct scan *s, const char *path, const char *needed_for);

/* A driver binds to a device only once its suppliers (clock, regulator, interrupt controller) have
 * drivers. PATH/supplier:BUS:NAME is the device link to one of them. */
static void add_suppliers(struct scan *s, const char *path, const char *needed_for)
{
	struct arena *a = s->arena;
	char **names;
	int n = root_listdir(s->root, arena_printf(a, "sys/%s", path), a, &names);

	for (int i = 0; i < n; i++) {
		const char *to;

		if (!str_starts(names[i], "supplier:"))
			continue;
		to = root_resolve(s->root, arena_printf(a, "sys/%s/%s/supplier", path, names[i]), a);
		if (to && str_starts(to, "sys/devices/"))
			add_ancestors(s, to + strlen("sys/"), needed_for);
	}
}

static void add_with_suppliers(struct scan *s, const char *path, const char *needed_for)
{
	/* Two devices may be suppliers of each other. */
	if (!strset_add(&s->looked_at, path, NULL))
		return;
	add_suppliers(s, path, needed_for);
	add_device(s, path, needed_for);
}

/* Adds every directory from devices/X down to PATH, so that a bus comes before its devices. */
static void add_ancestors(struct scan *s, const char *path, const char *needed_for)
{
	const char *p = path + strlen("devices/");

	while ((p = strchr(p, '/'))) {
		add_with_suppliers(s, arena_strndup(s->arena, path, (size_t)(p - path)), needed_for);
		p++;
	}
	add_with_suppliers(s, path, needed_for);
}

/* With NVMe multipath, a namespace is below a virtual device, which has links to its
 * controllers. */
static bool add_nvme_controllers(struct scan *s, const char *path, const char *needed_for)
{
	static const char mark[] = "devices/virtual/nvme-subsystem/";
	const char *subsystem;
	char **names;
	size_t len;
	bool found = false;
	int n;

	if (!str_starts(path, mark))
		return false;
	len = strlen(mark) + strcspn(path + strlen(mark), "/");
	subsystem = arena_strndup(s->arena, path, len);
	n = root_listdir(s->root, arena_printf(s->arena, "sys/%s", subsystem), s->arena, &names);
	for (int i = 0; i < n; i++) {
		const char *link = arena_printf(s->arena, "sys/%s/%s", subsystem, names[i]);
		const char *to;

		if (!str_starts(names[i], "nvme") || !root_readlink(s->root, link, s->arena))
			continue;
		to = root_resolve(s->root, link, s->arena);
		if (!to || !str_starts(to, "sys/devices/"))
			continue;
		if (str_starts(to, "sys/devices/virtual/"))
			return false; /* over a network: nvme-fabrics */
		add_ancestors(s, to + strlen("sys/"), needed_for);
		found = true;
	}
	return found;
}

/* The paths below /sys of what the block device at PATH lies on. */
static size_t find_slaves(struct scan *s, const char *path, bool is_partition, const char ***out)
{
	struct arena *a = s->arena;
	const char **paths;
	size_t found = 0;
	char **names;
	int n = is_partition ? 1 : root_listdir(s->root, arena_printf(a, "sys/%s/slaves", path), a, &names);

	paths = arena_alloc(a, ((size_t)(n > 0 ? n : 0) + 1) * sizeof(*paths));
	*out = paths;
	if (is_partition) {
		paths[0] = arena_strndup(a, path, (size_t)(strrchr(path, '/') - path));
		return 1;
	}
	for (int i = 0; i < n; i++) {
		const char *to = root_resolve(
			s->root, arena_printf(a, "sys/%s/slaves/%s", path, names[i]), a);

		if (to && str_starts(to, "sys/devices/"))
			paths[found++] = to + strlen("sys/");
	}
	return found;
}

static void add_block(struct scan *s, struct hw_mount *m, const char *path, const char *holder,
		      int depth)
{
	struct arena *a = s->arena;
	struct hw_block b = {.name = base_name(path), .path = path, .holder = holder};
	const char **paths;
	bool is_partition;

	for (size_t i = 0; i < m->n_blocks; i++)
		if (strcmp(m->blocks[i].path, path) == 0)
			return;
	/* A partition is what its disk is. */
	is_partition = root_exists(s->root, arena_printf(a, "sys/%s/partition", path));
	b.is_virtual = !is_partition && str_starts(path, "devices/virtual/") &&
		       !add_nvme_controllers(s, path, m->target);
	b.dm_name = root_read_line(s->root, arena_printf(a, "sys/%s/dm/name", path), a);
	b.dm_uuid = root_read_line(s->root, arena_printf(a, "sys/%s/dm/uuid", path), a);
	b.md_level = root_read_line(s->root, arena_printf(a, "sys/%s/md/level", path), a);
	b.md_metadata = root_read_line(s->root, arena_printf(a, "sys/%s/md/metadata_version", path), a);
	b.kind = hardware_kind(&b, is_partition);
	b.n_slaves = find_slaves(s, path, is_partition, &paths);
	b.slaves = arena_alloc(a, (b.n_slaves + 1) * sizeof(*b.slaves));
	for (size_t i = 0; i < b.n_slaves; i++)
		b.slaves[i] = base_name(paths[i]);
	m->blocks = grow(m->blocks, m->n_blocks, sizeof(b));
	m->blocks[m->n_blocks++] = b;
	if (depth == STACK_DEPTH_MAX)
		return;
	if (!is_partition && !b.is_virtual)
		add_ancestors(s, path, m->target);
	for (size_t i = 0; i < b.n_slaves; i++)
		add_block(s, m, paths[i], b.name, depth + 1);
}

/* /dev/mapper/NAME is found by its dm/name file; all other sources are kernel names. */
static const char *block_of_source(struct scan *s, const char *source)
{
	struct arena *a = s->arena;
	char **names;
	int n;

	if (!str_starts(source, "/dev/mapper/"))
		return arena_printf(a, "sys/class/block/%s", source + strlen("/dev/"));
	n = root_listdir(s->root, "sys/class/block", a, &names);
	for (int i = 0; i < n; i++) {
		const char *path = arena_printf(a, "sys/class/block/%s", names[i]);
		const char *name = root_read_line(s->root, arena_printf(a, "%s/dm/name", path), a);

		if (name && strcmp(name, source + strlen("/dev/mapper/")) == 0)
			return path;
	}
	return NULL;
}

static const char *sysfs_of_source(struct scan *s, const struct mountinfo *mi)
{
	struct arena *a = s->arena;
	const char *path = arena_printf(a, "sys/dev/block/%u:%u", mi->major, mi->minor);

	/* btrfs and others have an anonymous device number: use the source's name. */
	if (mi->major == 0) {
		if (!str_starts(mi->source, "/dev/"))
			return NULL;
		path = block_of_source(s, mi->source);
	}
	path = path ? root_resolve(s->root, path, a) : NULL;
	return path && str_starts(path, "sys/devices/") ? path + strlen("sys/") : NULL;
}

/* A device that does not belong to the btrfs UUID itself is that of a seed. (Linux 5.17.) */
static void find_btrfs_seed(struct scan *s, struct hw_mount *m, const char *uuid)
{
	struct arena *a = s->arena;
	const char *dir = arena_printf(a, "sys/fs/btrfs/%s/devinfo", uuid);
	char **names;
	int n = root_listdir(s->root, dir, a, &names);

	while (n-- > 0) {
		const char *own =
			root_read_line(s->root, arena_printf(a, "%s/%s/fsid", dir, names[n]), a);

		if (own && *own && strcasecmp(own, uuid) != 0)
			m->btrfs_seed = own;
	}
}

/* A btrfs may span more disks than its mount's source: /sys/fs/btrfs/UUID/devices lists them. */
static void add_btrfs_devices(struct scan *s, struct hw_mount *m, const char *name)
{
	struct arena *a = s->arena;
	char **filesystems, **names;
	int n = root_listdir(s->root, "sys/fs/btrfs", a, &filesystems);

	for (int i = 0; i < n; i++) {
		const char *dir = arena_printf(a, "sys/fs/btrfs/%s/devices", filesystems[i]);
		int k;

		if (!root_exists(s->root, arena_printf(a, "%s/%s", dir, name)))
			continue;
		find_btrfs_seed(s, m, filesystems[i]);
		k = root_listdir(s->root, dir, a, &names);
		while (k-- > 0) {
			const char *to = root_resolve(s->root,
						      arena_printf(a, "%s/%s", dir, names[k]), a);

			if (to && str_starts(to, "sys/devices/"))
				add_block(s, m, to + strlen("sys/"), NULL, 0);
		}
	}
}

/* Collects the targets that an initramfs mounts. */
static void read_fstab(struct scan *s)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct fstab f = {0};
	struct fstab_entry e;

	if (root_read(s->root, "etc/fstab", FSTAB_MAX, &text) < 0 || !buf_cstr(&text))
		return;
	f.cursor = (char *)text.data;
	while (fstab_next(&f, &e))
		if (fstab_is_early(&e))
			strset_add(&s->early, arena_strdup(s->arena, e.target), NULL);
}

static bool is_early(const struct scan *s, const char *target)
{
	return strcmp(target, "/") == 0 || strcmp(target, "/usr") == 0 ||
	       strset_has(&s->early, target);
}

bool hardware_has_no_block(const char *fstype)
{
	static const char *const types[] = {"9p",  "afs", "ceph", "cifs",     "nfs",
					    "nfs4", "smb3", "virtiofs", "zfs"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(fstype, types[i]) == 0)
			return true;
	return str_starts(fstype, "fuse.");
}

static void add_mount(struct scan *s, const struct mountinfo *mi)
{
	struct arena *a = s->arena;
	const char *path = sysfs_of_source(s, mi);
	struct hw_mount m;

	/* A later mount on the same target hides the earlier one. */
	for (size_t i = 0; i < s->hw->n_mounts; i++)
		if (strcmp(s->hw->mounts[i].target, mi->target) == 0)
			s->hw->mounts[i].target = "";
	if (!path && (!is_early(s, mi->target) || !hardware_has_no_block(mi->fstype)))
		return;
	m = (struct hw_mount){.target = arena_strdup(a, mi->target),
			      .source = arena_strdup(a, mi->source),
			      .fstype = arena_strdup(a, mi->fstype),
			      .options = arena_strdup(a, mi->super_options),
			      .is_early = is_early(s, mi->target)};
	if (path)
		add_block(s, &m, path, NULL, 0);
	if (path && strcmp(m.fstype, "btrfs") == 0)
		add_btrfs_devices(s, &m, base_name(path));
	s->hw->mounts = grow(s->hw->mounts, s->hw->n_mounts, sizeof(m));
	s->hw->mounts[s->hw->n_mounts++] = m;
}

enum turn { TURN_ROOT, TURN_EARLY, TURN_OTHERS };

static enum turn turn_of(const struct scan *s, const char *target)
{
	if (strcmp(target, "/") == 0)
		return TURN_ROOT;
	return is_early(s, target) ? TURN_EARLY : TURN_OTHERS;
}

static int read_mounts(struct scan *s, enum turn turn, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct mountinfo mi;
	char *cursor, *line;
	size_t kept = 0;
	int r = root_read(s->root, "proc/self/mountinfo", MOUNTINFO_MAX, &text);

	/* In a captured tree "self" is a dangling link. */
	if (r < 0)
		r = root_read(s->root, "proc/mountinfo", MOUNTINFO_MAX, &text);
	if (r < 0)
		return err_sys(err, r, "%s/proc/self/mountinfo", root_prefix(s->root));
	buf_cstr(&text);
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n")))
		if (*line && mountinfo_decode(line, &mi, NULL) == 0 &&
		    turn_of(s, mi.target) == turn)
			add_mount(s, &mi);
	for (size_t i = 0; i < s->hw->n_mounts; i++)
		if (*s->hw->mounts[i].target)
			s->hw->mounts[kept++] = s->hw->mounts[i];
		else
			free(s->hw->mounts[i].blocks);
	s->hw->n_mounts = kept;
	return 0;
}

/* /proc/swaps: a line of headings, then "FILE partition|file SIZE USED PRIORITY". */
static void read_swaps(struct scan *s)
{
	struct arena *a = s->arena;
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *line;

	if (root_read(s->root, "proc/swaps", MOUNTINFO_MAX, &text) < 0 || !buf_cstr(&text))
		return;
	cursor = (char *)text.data;
	while ((line = strsep(&cursor, "\n"))) {
		const char *device = strtok_r(line, " \t", &line), *path;
		const char *type = device ? strtok_r(NULL, " \t", &line) : NULL;
		struct hw_mount m = {.target = HW_SWAP, .fstype = "swap", .options = ""};

		if (!type || strcmp(type, "partition") != 0 || !str_starts(device, "/dev/"))
			continue;
		path = block_of_source(s, device);
		path = path ? root_resolve(s->root, path, a) : NULL;
		if (!path || !str_starts(path, "sys/devices/"))
			continue;
		m.source = arena_strdup(a, device);
		add_block(s, &m, path + strlen("sys/"), NULL, 0);
		s->hw->mounts = grow(s->hw->mounts, s->hw->n_mounts, sizeof(m));
		s->hw->mounts[s->hw->n_mounts++] = m;
	}
}

/* WORDS are those of capabilities/key: hexadecimal, the lowest last. */
static bool has_letter_keys(const char *words)
{
	const char *last = strrchr(words, ' ');
	unsigned long long low = strtoull(last ? last + 1 : words, NULL, 16);

	return low >> (KEYBOARD_KEY % KEY_WORD_BITS) & 1;
}

static void read_keyboards(struct scan *s)
{
	struct arena *a = s->arena;
	char **names;
	int n = root_listdir(s->root, "sys/class/input", a, &names);

	for (int i = 0; i < n; i++) {
		const char *keys, *path, *device;

		if (!str_starts(names[i], "input"))
			continue;
		keys = root_read_line(
			s->root,
			arena_printf(a, "sys/class/input/%s/capabilities/key", names[i]), a);
		path = root_resolve(s->root, arena_printf(a, "sys/class/input/%s", names[i]), a);
		/* The input device itself is for user space; the hardware is its parent. */
		device = path ? strstr(path, "/input/input") : NULL;
		if (keys && has_letter_keys(keys) && device && str_starts(path, "sys/devices/"))
			add_ancestors(s, arena_strndup(a, path + strlen("sys/"),
						       (size_t)(device - path) - strlen("sys/")),
				      "keyboard");
	}
}

/* The lists grow on the heap; the caller gets them in the arena. */
static void move_to_arena(struct arena *a, struct hardware *hw)
{
	struct hw_mount *mounts = hw->mounts;
	struct hw_device *devices = hw->devices;

	for (size_t i = 0; i < hw->n_mounts; i++) {
		struct hw_block *blocks = mounts[i].blocks;

		mounts[i].blocks = arena_memdup(a, blocks, mounts[i].n_blocks * sizeof(*blocks));
		free(blocks);
	}
	hw->mounts = arena_memdup(a, mounts, hw->n_mounts * sizeof(*mounts));
	hw->devices = arena_memdup(a, devices, hw->n_devices * sizeof(*devices));
	free(mounts);
	free(devices);
}

int hardware_read(const struct root *r, struct arena *arena, struct hardware *out,
		  struct err *err)
{
	struct hardware hw = {0};
	struct scan s = {.root = r, .arena = arena, .hw = &hw};
	int e;

	if (!root_exists(r, "sys/devices")) {
		err_set(err, -ENOENT, "%s/sys is not mounted: the hardware cannot be read",
			root_prefix(r));
		return err_hint(err, "mount sysfs there, or make a generic image (hostonly=no); preroot "
				"build --hardware FILE makes one for another machine");
	}
	/* A device is listed once, with the first of these that needs it. */
	read_fstab(&s);
	e = read_mounts(&s, TURN_ROOT, err);
	if (e == 0)
		e = read_mounts(&s, TURN_EARLY, err);
	if (e == 0)
		read_keyboards(&s);
	if (e == 0)
		e = read_mounts(&s, TURN_OTHERS, err);
	if (e == 0)
		read_swaps(&s);
	hardware_read_cpus(r, arena, &hw);
	hw.kernel = root_read_line(r, "proc/sys/kernel/osrelease", arena);
	strset_clear(&s.seen);
	strset_clear(&s.looked_at);
	strset_clear(&s.early);
	move_to_arena(arena, &hw);
	if (e == 0)
		*out = hw;
	return e;
}

const struct hw_mount *hardware_mount(const struct hardware *hw, const char *target)
{
	for (size_t i = 0; i < hw->n_mounts; i++)
		if (strcmp(hw->mounts[i].target, target) == 0)
			return &hw->mounts[i];
	return NULL;
}
