/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/diagnose.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/ours/bootconf.h"
#include "format/kernel/cmdline.h"
#include "init/devices/block.h"
#include "init/devices/leg.h"
#include "init/rescue/unclear.h"
#include "init/devices/claims.h"
#include "init/core/log.h"
#include "init/devices/discover.h"
#include "init/devices/modules.h"
#include "init/goal/goal.h"
#include "init/seam/parts.h"

enum {
	LIST_MAX = 40,
	NEAR_MAX = 6,
	NAMES_MAX = 256,
	FIRMWARE_MAX = 16,
	RECORD_MAX = 2048, /* of the kernel's log; longer ones are skipped */
	RECORDS_MAX = 65536,
	COMMAND_MAX = 768,
};

/* The running kernel if the image is for another one, whose modules then cannot load; else NULL. */
static const char *other_kernel(const struct boot *b)
{
	static struct utsname running;

	return b->settings.kernel && uname(&running) == 0 &&
			       strcmp(running.release, b->settings.kernel) != 0
		       ? running.release
		       : NULL;
}

static void show_other_kernel(const struct boot *b)
{
	const char *running = other_kernel(b);

	if (!running)
		return;
	log_show("  this image is for kernel %s, but kernel %s runs: its modules cannot load",
		 b->settings.kernel, running);
	log_show("  try: the entry of kernel %s in the boot menu, or an older one; once the machine is "
		 "up: preroot rebuild %s", b->settings.kernel, running);
}

/* ---- what was found ---- */

static void show_device(const struct block_device *d)
{
	const struct probe *p = &d->probe;
	int64_t sectors = block_sectors(d->name);
	char what[JOBS_NAME_MAX + 96];

	if (!d->was_read)
		snprintf(what, sizeof(what), "(still being read)");
	else if (p->has_no_size)
		snprintf(what, sizeof(what), "(its size is not known: a passive path?)");
	else if (d->result < 0)
		snprintf(what, sizeof(what), "(cannot be read: %s)", strerror(-d->result));
	else if (p->ambivalent)
		snprintf(what, sizeof(what), "(signatures of several filesystems)");
	else if (p->type[0])
		snprintf(what, sizeof(what), "%s", p->type);
	else if (p->table[0])
		snprintf(what, sizeof(what),
			 d->is_partition ? "a %s partition table in a partition, which the kernel "
					   "does not look into"
					 : "disk with a %s partition table", p->table);
	else
		snprintf(what, sizeof(what), "no known content");
	log_show("    %-10s %6lld MiB  %s%s%s%s%s%s%s%s%s", d->name,
		 sectors < 0 ? 0 : (long long)sectors / 2048, what,
		 p->uuid[0] ? " UUID=" : "", p->uuid, p->label[0] ? " LABEL=" : "", p->label,
		 p->partuuid[0] ? " PARTUUID=" : "", p->partuuid,
		 p->partlabel[0] ? " PARTLABEL=" : "", p->partlabel);
}

/* Logs the device's names in the folder of the wanted link. */
static void show_links(const struct boot *b, const struct block_device *d)
{
	const struct spec *root = &b->params.root;
	size_t folder = root->kind == SPEC_LINK ? strcspn(root->value, "/") + 1 : 0;
	const char *line = d->probe.links;

	while (folder && *line) {
		size_t len = strcspn(line, "\n");

		if (strncmp(line, root->value, folder) == 0)
			log_show("               /dev/disk/%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void show_leg(const struct boot *b, const struct block_device *d)
{
	const struct block_device *leg = leg_of(b, d);

	if (leg)
		log_show("               a partition of the MD array of %s, not to be mounted from there",
			 leg->name);
}

static void show_devices(const struct boot *b)
{
	size_t shown = 0, left = 0;

	for (size_t i = 0; i < b->devices->n; i++) {
		if (!b->devices->list[i].name[0])
			continue;
		if (shown == LIST_MAX) {
			left++;
			continue;
		}
		if (!shown++)
			log_show("  found:");
		show_device(&b->devices->list[i]);
		show_links(b, &b->devices->list[i]);
		show_leg(b, &b->devices->list[i]);
	}
	if (left)
		log_show("    and %zu more", left);
	if (!shown)
		log_show("  found: no block device at all");
}

/* ---- devices without a driver ---- */

static void read_line(int dir, const char *file, char *out, size_t size)
{
	_cleanup_fd_ int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read_full(fd, out, size - 1);

	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

struct names {
	const struct modindex *index;
	const struct boot *boot; /* NULL: do not look for exclusions */
	const char *exclusion;	 /* what excludes one of the modules */
	char text[NAMES_MAX];
};

static void add_name(uint32_t module, void *arg)
{
	struct names *n = arg;
	const char *name = modindex_name(n->index, module);
	size_t used = strlen(n->text);

	if (n->boot && !n->exclusion)
		n->exclusion = modules_exclusion(n->boot, module);
	if (!strstr(n->text, name))
		snprintf(n->text + used, sizeof(n->text) - used, "%s%s", used ? " " : "", name);
}

struct helpers {
	const struct boot *boot;
	struct modindex known;
	bool has_known;
	bool shown;
	char excluded[NAMES_MAX];    /* a driver of one of them that nobody may load; "" */
	char missing[2 * NAMES_MAX]; /* modules of the kernel that the image lacks, separated by commas */
};

/* NAMES are separated by blanks. */
static void add_missing(struct helpers *h, const char *names)
{
	size_t used = strlen(h->missing);
	char list[NAMES_MAX];

	snprintf(list, sizeof(list), "%s", names);
	for (char *c = list; *c; c++)
		if (*c == ' ')
			*c = ',';
	if (!strstr(h->missing, list) && used + strlen(list) + 2 <= sizeof(h->missing))
		snprintf(h->missing + used, sizeof(h->missing) - used, "%s%s", used ? "," : "", list);
}

static void open_known(struct helpers *h)
{
	struct buf text = BUF_INIT;

	/* Never freed: it is small, and the machine is about to reboot. */
	if (read_file_at(AT_FDCWD, "/" MODINDEX_KNOWN_PATH, 16 * 1024 * 1024, &text) == 0)
		h->has_known = modindex_decode(text.data, text.len, &h->known, NULL) == 0;
}

static void show_driverless(struct helpers *h, const char *bus, const char *what,
			    const char *modalias)
{
	struct names packed = {.index = &h->boot->modules->index, .boot = h->boot};
	struct names known = {.index = &h->known};

	if (h->boot->modules->has_index)
		modindex_match(&h->boot->modules->index, modalias, add_name, &packed);
	if (h->has_known)
		modindex_match(&h->known, modalias, add_name, &known);
	if (!h->shown)
		log_show("  without a driver:");
	h->shown = true;
	if (packed.exclusion)
		snprintf(h->excluded, sizeof(h->excluded), "%.*s", (int)strcspn(packed.text, " "),
			 packed.text);
	if (packed.exclusion)
		log_show("    %s %s: module %s would drive it, but is excluded by %s", bus, what, packed.text, packed.exclusion);
	else if (packed.text[0])
		log_show("    %s %s: module %s is in this image, but does not drive it", bus, what,
			 packed.text);
	else if (known.text[0])
		add_missing(h, known.text);
	if (!packed.text[0] && known.text[0])
		log_show("    %s %s: module %s would drive it; the kernel has it, but "
			 "this image does not contain it",
			 bus, what, known.text);
	else if (!packed.text[0])
		log_show("    %s %s: no module of kernel %s for it is known here", bus, what,
			 h->boot->settings.kernel ? h->boot->settings.kernel : "(unknown)");
}

/* Controllers of disks: mass storage (class 01) and USB (0c03). */
static void check_pci(struct helpers *h, int dir, const char *name)
{
	char class[32], vendor[32], device[32], modalias[512], what[128];

	read_line(dir, "class", class, sizeof(class));
	if (!str_starts(class, "0x01") && !str_starts(class, "0x0c03"))
		return;
	read_line(dir, "vendor", vendor, sizeof(vendor));
	read_line(dir, "device", device, sizeof(device));
	read_line(dir, "modalias", modalias, sizeof(modalias));
	snprintf(what, sizeof(what), "%.16s:%.16s (at %.32s, class %.16s)",
		 str_starts(vendor, "0x") ? vendor + 2 : vendor,
		 str_starts(device, "0x") ? device + 2 : device, name, class);
	show_driverless(h, "PCI", what, modalias);
}

static void check_usb(struct helpers *h, int dir, const char *name)
{
	char class[32], modalias[512];

	read_line(dir, "bInterfaceClass", class, sizeof(class));
	if (strcmp(class, "08") != 0)
		return;
	read_line(dir, "modalias", modalias, sizeof(modalias));
	show_driverless(h, "USB disk", name, modalias);
}

static void check_virtio(struct helpers *h, int dir, const char *name)
{
	char modalias[512];

	read_line(dir, "modalias", modalias, sizeof(modalias));
	/* 2: block, 8: SCSI */
	if (str_starts(modalias, "virtio:d00000002") || str_starts(modalias, "virtio:d00000008"))
		show_driverless(h, "virtio disk", name, modalias);
}

static void each_driverless(struct helpers *h, const char *path,
			    void (*look)(struct helpers *h, int dir, const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		_cleanup_fd_ int fd = -1;
		struct stat st;

		if (de->d_name[0] == '.')
			continue;
		fd = openat(dirfd(dir), de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && fstatat(fd, "driver", &st, AT_SYMLINK_NOFOLLOW) < 0)
			look(h, fd, de->d_name);
	}
	if (dir)
		closedir(dir);
}

static void show_missing_drivers(struct helpers *h)
{
	open_known(h);
	each_driverless(h, "/sys/bus/pci/devices", check_pci);
	each_driverless(h, "/sys/bus/usb/devices", check_usb);
	each_driverless(h, "/sys/bus/virtio/devices", check_virtio);
}

static void show_failed_modules(const struct boot *b)
{
	int foreign = other_kernel(b) ? -ENOEXEC : 0; /* has been said, and holds for all */
	bool shown = false;

	for (uint32_t i = 0; b->modules->has_index && i < b->modules->n_order; i++) {
		const struct module_status *m = &b->modules->status[b->modules->order[i]];

		/* ENODEV only says that the driver found no device. */
		if (m->state == MODULE_IDLE || m->state == MODULE_LIVE ||
		    (m->state == MODULE_FAILED && (m->result == -ENODEV || m->result == foreign)))
			continue;
		if (!shown)
			log_show("  modules that did not load:");
		shown = true;
		log_show("    %s: %s", modindex_name(&b->modules->index, b->modules->order[i]),
			 m->state == MODULE_FAILED    ? strerror(-m->result)
			 : m->state == MODULE_LOADING ? "still loading"
						      : "waits for another module");
	}
}

static void show_excluded_modules(const struct boot *b)
{
	bool shown = false;

	for (uint32_t i = 0; b->modules->has_index && i < b->modules->index.n_modules; i++) {
		const struct module_status *m = &b->modules->status[i];
		const char *name = modindex_name(&b->modules->index, i);
		const char *by = modules_exclusion(b, i);

		if (!by || !((m->excluded && m->state == MODULE_IDLE) ||
			     (m->state == MODULE_FAILED && m->result == -EPERM)))
			continue;
		if (!shown)
			log_show("  modules that were wanted, and are excluded:");
		shown = true;
		log_show("    %s (by %s)", name, by);
	}
}

/* The name in a log line about missing firmware: "DRIVER DEVICE: Direct firmware load for NAME
 * failed with error -2", or "firmware: failed to load NAME (-2)". */
static bool find_firmware(const char *line, char *out, size_t size)
{
	static const char *const before[] = {"Direct firmware load for ",
					     "firmware: failed to load "};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const char *name = strstr(line, before[i]);

		if (!name)
			continue;
		name += strlen(before[i]);
		snprintf(out, size, "%.*s", (int)strcspn(name, " \n"), name);
		return *out;
	}
	return false;
}

/* Each read of the kernel's log returns one record. */
static void show_firmware(void)
{
	_cleanup_fd_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	static char seen[FIRMWARE_MAX][NAMES_MAX];
	char record[RECORD_MAX], name[NAMES_MAX];
	size_t n = 0;
	ssize_t len;

	for (int i = 0; i < RECORDS_MAX && fd >= 0 && n < FIRMWARE_MAX; i++) {
		size_t k = 0;

		len = read(fd, record, sizeof(record) - 1);
		if (len < 0 && errno != EPIPE && errno != EINVAL && errno != EINTR)
			return;
		record[len > 0 ? len : 0] = '\0';
		if (!find_firmware(record, name, sizeof(name)))
			continue;
		while (k < n && strcmp(seen[k], name) != 0)
			k++;
		if (k < n)
			continue;
		if (!n)
			log_show("  firmware that drivers asked for, but this image does not contain:");
		memcpy(seen[n++], name, sizeof(name));
		log_show("    %s", name);
	}
}

/* ---- what to type ---- */

struct identity {
	const char *name, *value;
};

/* The number of characters that differ; NEAR_MAX + 1 if it is more than a third. */
static int difference(const char *a, const char *b)
{
	size_t len = strlen(a);
	int n = 0;

	if (len != strlen(b))
		return NEAR_MAX + 1;
	for (; *a; a++, b++)
		n += strncasecmp(a, b, 1) != 0;
	return n > (int)len / 3 ? NEAR_MAX + 1 : n;
}

static void show_nearest(const struct boot *b)
{
	const struct block_device *best = NULL;
	struct identity found = {0};
	int least = NEAR_MAX + 1;

	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *d = &b->devices->list[i];
		const struct identity all[] = {{"UUID", d->probe.uuid},
					       {"LABEL", d->probe.label},
					       {"PARTUUID", d->probe.partuuid},
					       {"PARTLABEL", d->probe.partlabel}};

		for (size_t k = 0; k < ARRAY_SIZE(all) && d->name[0] && !leg_of(b, d); k++) {
			int diff = *all[k].value ? difference(all[k].value, b->params.root.value)
						 : least;

			if (diff < least) {
				least = diff;
				best = d;
				found = all[k];
			}
		}
	}
	if (best)
		log_show("  near: %s has %s=%s (characters that differ: %d)", best->name,
			 found.name, found.value, least);
}

/* The kernel's command line with another root=. False if it is too long to type. */
static bool make_command(const struct params *p, const char *uuid, char *out, size_t size)
{
	static char text[PARAMS_TEXT_MAX];
	char *cursor = text, *param, *value;
	size_t used = (size_t)snprintf(out, size, "root=UUID=%s", uuid);

	memcpy(text, p->whole + p->embedded_len, sizeof(text) - p->embedded_len);
	while (cmdline_next(&cursor, &param, &value)) {
		const char *quote = (value && strpbrk(value, " \t")) || strpbrk(param, " \t")
					    ? "\""
					    : "";
		int n;

		/* The boot loader adds BOOT_IMAGE and initrd itself. */
		if (strcmp(param, "root") == 0 || strcmp(param, "BOOT_IMAGE") == 0 ||
		    strcmp(param, "initrd") == 0)
			continue;
		n = snprintf(out + used, size - used, " %s%s%s%s%s", quote, param, value ? "=" : "",
			     value ? value : "", quote);
		if (n < 0 || (size_t)n >= size - used)
			return false;
		used += (size_t)n;
	}
	return true;
}

static void show_root(const struct boot *b, const char *uuid)
{
	char line[COMMAND_MAX];

	log_show("  try: root=UUID=%s on the kernel command line", uuid);
	if (make_command(&b->params, uuid, line, sizeof(line)))
		log_show("  that is, in the boot loader: %s", line);
}

/* Suggests the only filesystem as the root, or else what may help to find one. */
static void show_command(const struct boot *b, const struct helpers *h, bool is_unclear)
{
	const struct block_device *only = NULL;
	size_t n = 0;

	for (size_t i = 0; i < b->devices->n; i++)
		if (b->devices->list[i].name[0] && !leg_of(b, &b->devices->list[i]) &&
		    strcmp(b->devices->list[i].probe.usage, "filesystem") == 0) {
			only = &b->devices->list[i];
			n++;
		}
	if (n == 1 && only->probe.uuid[0])
		show_root(b, only->probe.uuid);
	else if (n)
		log_show("  try: root=UUID=... of one of the filesystems above, on the kernel "
			 "command line");
	else if (is_unclear)
		return; /* has been said */
	else if (h->excluded[0])
		log_show("  try: rd.driver.pre=%s on the kernel command line, which loads it all the same",
			 h->excluded);
	else if (h->missing[0])
		log_show("  try: an image with that driver (preroot build --add-drivers %s, or "
			 "--generic), from an older entry of the boot loader",
			 h->missing);
	else
		log_show("  try: an image with more drivers (preroot build --generic), rootwait on "
			 "the kernel command line for a slow disk");
}

/* Parameters that were ignored may be the reason. */
static void show_notes(const struct params *p)
{
	for (size_t i = 0; i < p->n_notes; i++) {
		const struct params_note *n = &p->notes[i];
		const char *near = n->why ? NULL : params_nearest(p, n->param);

		if (!i)
			log_show("  parameters that are not obeyed:");
		log_show("    %s: %s%s%s", n->param, n->why ? n->why : "unknown",
			 near ? "; the nearest is " : "", near ? near : "");
	}
}

static void show_wanted(const struct boot *b)
{
	const struct params *p = &b->params;
	const char *named = b->goal->named.text;

	if (b->goal->n_tried)
		log_show("  wanted: rootfallback=%s, since %s%s has not appeared", p->root.text,
			 named ? "root=" : "", named ? named : "a partition of the type of a root");
	else if (p->root.kind == SPEC_AUTO)
		log_show("  wanted: a partition of the type of a root%s%s, since %s",
			 *b->discovery->loader ? ", on the disk of PARTUUID=" : "",
			 b->discovery->loader,
			 p->root.text ? "root= asks for that"
				      : "there is no root= on the kernel command line");
	else if (!p->root.text)
		log_show("  wanted: nothing: there is no root= on the kernel command line");
	else if (!claims_can_find(b, &p->root) && !b->goal->is_claimed)
		log_show("  wanted: root=%s, which this image has no feature for", p->root.text);
	else
		log_show("  wanted: root=%s", p->root.text);
}

static void show_goal(const struct boot *b)
{
	const struct params *p = &b->params;
	const struct block_device *d = block_unreadable(b, &p->root);
	long long seconds = (b->flow.failed_at - b->goal->waiting_since) / 1000;

	const char *by = b->flow.limited_by ? b->flow.limited_by : p->timeout_by;

	show_wanted(b);
	if (b->flow.failure[0])
		log_show("  but: %s", b->flow.failure);
	else if (d)
		log_show("  but: %s is there and could not be read within %lld second%s (%s): %s",
			 d->name, seconds, text_plural(seconds), by, strerror(-d->result));
	else
		log_show("  but: it did not appear within %lld second%s (%s)", seconds,
			 text_plural(seconds), by);
}

const char *diagnose_summary(const struct boot *b)
{
	return b->flow.hint || b->flow.stage > STAGE_MOUNT ? "the boot cannot go on"
							   : "the root filesystem cannot be reached";
}

void diagnose(const struct boot *b)
{
	bool root_is_there = block_find(b, &b->params.root) >= 0;
	bool no_init = b->flow.stage >= STAGE_CHECK;
	struct helpers h = {.boot = b};
	bool is_unclear;

	log_show("%s", diagnose_summary(b));
	show_other_kernel(b);
	show_goal(b);
	show_devices(b);
	parts_account(b);
	if (!b->flow.failure[0] && !other_kernel(b)) /* it did not appear: is there a disk that nobody drives? */
		show_missing_drivers(&h);
	if (!no_init)
		show_failed_modules(b);
	show_excluded_modules(b);
	show_firmware();
	show_notes(&b->params);
	if (b->flow.hint)
		log_show("  try: %s", b->flow.hint);
	if (no_init)
		log_show("  try: root= of the filesystem with the system, or init= with another program "
			 "of it, on the kernel command line");
	is_unclear = unclear_show(b);
	if (root_is_there || b->flow.hint || no_init)
		return;
	if (b->params.root.text)
		show_nearest(b);
	if (!other_kernel(b))
		show_command(b, &h, is_unclear);
}
