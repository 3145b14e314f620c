/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/block.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/log.h"
#include "init/trace.h"

enum { PROBES_MAX = 3 /* of one that fails */ };

static int find(const struct boot *b, const char *name)
{
	for (size_t i = 0; i < b->n_devices; i++)
		if (strcmp(b->devices[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len < JOBS_NAME_MAX && path_is_clean(name);
}

int64_t block_sectors(const char *name)
{
	char path[JOBS_NAME_MAX + 32], text[32] = "";
	_cleanup_fd_ int fd = -1;
	uint64_t sectors;

	/* sysfs writes the slash of cciss/c0d0 as an exclamation mark. */
	snprintf(path, sizeof(path), "/sys/class/block/%s", name);
	for (char *p = path + strlen("/sys/class/block/"); *p; p++)
		if (*p == '/')
			*p = '!';
	strcat(path, "/size");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read_full(fd, text, sizeof(text) - 1) <= 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, INT64_MAX, &sectors) ? (int64_t)sectors : -1;
}

/* Where a device that appears is put: at the first free place; NULL: there is none. */
static struct block_device *free_place(struct boot *b, const char *name)
{
	int n = find(b, "");

	if (n < 0 && b->n_devices < BOOT_DEVICES_MAX)
		n = (int)b->n_devices++;
	if (n < 0)
		log_info("%s is passed over: there are more than %d block devices", name,
			 BOOT_DEVICES_MAX);
	return n < 0 ? NULL : &b->devices[n];
}

static void will_read(struct boot *b, const struct block_device *d)
{
	size_t n = (size_t)(d - b->devices);

	if (n < b->unread)
		b->unread = n;
}

void block_add(struct boot *b, const char *name, bool is_partition)
{
	int n = find(b, name);
	struct block_device *d;
	uint32_t generation;

	/* ramN, and loopN without a file, are there in masses and hold nothing. */
	if (!name_ok(name) || str_starts(name, "ram") || block_sectors(name) == 0)
		return;
	d = n < 0 ? free_place(b, name) : &b->devices[n];
	if (!d)
		return;
	if (d->name[0] && (d->state == DEVICE_PROBING || d->state == DEVICE_AGAIN)) {
		d->state = DEVICE_AGAIN;
		return;
	}
	generation = n < 0 ? ++b->generations : d->generation;
	*d = (struct block_device){.is_partition = is_partition, .generation = generation};
	snprintf(d->name, sizeof(d->name), "%s", name);
	will_read(b, d);
	trace_device_seen(d->name);
}

void block_remove(struct boot *b, const char *name)
{
	int n = find(b, name);

	if (n >= 0)
		b->devices[n] = (struct block_device){0};
}

/* A device that is wanted by its kernel name is the only one that needs to be read, until there is
 * something to explain. */
static bool is_wanted(const struct boot *b, const struct block_device *d)
{
	if (!d->name[0] || d->state != DEVICE_NEW)
		return false;
	for (size_t i = 0; i < b->n_wants; i++)
		if (b->wants[i]->kind != SPEC_NAME || strcmp(d->name, b->wants[i]->value) == 0)
			return true;
	return b->probe_all;
}

void block_want(struct boot *b, const struct spec *spec)
{
	if (b->n_wants < BOOT_WANTS_MAX)
		b->wants[b->n_wants++] = spec;
	else
		b->probe_all = true;
	b->unread = 0;
}

void block_want_all(struct boot *b)
{
	b->probe_all = true;
	b->unread = 0;
}

int block_next(struct boot *b)
{
	while (b->unread < b->n_devices && !is_wanted(b, &b->devices[b->unread]))
		b->unread++;
	return b->unread < b->n_devices ? (int)b->unread : -1;
}

static void log_found(const struct block_device *d)
{
	const struct probe *p = &d->probe;

	if (d->result < 0)
		log_info("%s: %s", d->name, strerror(-d->result));
	else if (p->type[0] || p->table[0])
		log_info("%s: %s%s%s%s%s%s%s", d->name, p->type[0] ? p->type : p->table,
			 p->uuid[0] ? " UUID=" : "", p->uuid, p->label[0] ? " LABEL=" : "",
			 p->label, p->partuuid[0] ? " PARTUUID=" : "", p->partuuid);
}

/* The worker died, or the disk is not ready to be read. */
static bool failed_for_now(int r)
{
	return r == -EIO || r == -ENOMEM || r == -EAGAIN || r == -EINTR;
}

void block_done(struct boot *b, const struct job_result *result)
{
	int n = find(b, result->name);
	struct block_device *d;

	/* It may be gone, and another one may have its name. */
	if (n < 0 || b->devices[n].generation != result->generation)
		return;
	d = &b->devices[n];
	trace_device_ends(d->name, result->result);
	if (d->state == DEVICE_AGAIN) {
		d->state = DEVICE_NEW;
		will_read(b, d);
		trace_device_seen(d->name);
		return;
	}
	if (failed_for_now(result->result) && ++d->failures < PROBES_MAX) {
		d->state = DEVICE_NEW;
		will_read(b, d);
		trace_device_seen(d->name);
		return;
	}
	d->state = DEVICE_KNOWN;
	d->result = result->result;
	d->probe = result->probe;
	log_found(d);
}

/* Of several the one with a filesystem, never a member of something larger; of those the one
 * that sorts first, so that the choice does not depend on which disk was faster. */
int block_find(const struct boot *b, const struct spec *spec)
{
	int best = -1;

	for (size_t i = 0; i < b->n_devices; i++) {
		const struct block_device *d = &b->devices[i], *o;
		bool is_fs, best_is_fs;

		if (!d->name[0] || d->state != DEVICE_KNOWN || !spec_is(spec, d))
			continue;
		if (best < 0) {
			best = (int)i;
			continue;
		}
		o = &b->devices[best];
		is_fs = strcmp(d->probe.usage, "filesystem") == 0;
		best_is_fs = strcmp(o->probe.usage, "filesystem") == 0;
		if (is_fs != best_is_fs ? is_fs : version_compare(d->name, o->name) < 0)
			best = (int)i;
	}
	return best;
}

/* ---- looking at one device; in a worker ---- */

static void take(blkid_probe pr, const char *key, char *out, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(pr, key, &value, &len) < 0)
		return;
	snprintf(out, size, "%.*s", (int)(len ? len - 1 : 0), value);
}

static int probe_fd(blkid_probe pr, int fd, struct probe *out)
{
	int r;

	if (blkid_probe_set_device(pr, fd, 0, 0) < 0)
		return -errno;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
						      BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
	errno = 0;
	r = blkid_do_safeprobe(pr);
	if (r == -2)
		out->ambivalent = true;
	else if (r < 0)
		return errno ? -errno : -EIO;
	take(pr, "TYPE", out->type, sizeof(out->type));
	take(pr, "USAGE", out->usage, sizeof(out->usage));
	take(pr, "UUID", out->uuid, sizeof(out->uuid));
	take(pr, "LABEL", out->label, sizeof(out->label));
	take(pr, "PTTYPE", out->table, sizeof(out->table));
	take(pr, "PART_ENTRY_UUID", out->partuuid, sizeof(out->partuuid));
	take(pr, "PART_ENTRY_NAME", out->partlabel, sizeof(out->partlabel));
	return 0;
}

int block_probe(const char *name, struct probe *out)
{
	char path[JOBS_NAME_MAX + 8];
	_cleanup_fd_ int fd = -1;
	blkid_probe pr;
	int r;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	pr = blkid_new_probe();
	if (!pr)
		return -ENOMEM;
	r = probe_fd(pr, fd, out);
	blkid_free_probe(pr);
	return r;
}
