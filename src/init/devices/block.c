/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/block.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/devices/attribute.h"
#include "init/devices/claims.h"
#include "init/devices/leg.h"
#include "init/devices/links/links.h"
#include "init/devices/match.h"
#include "init/devices/probe.h"
#include "init/devices/signatures.h"
#include "init/core/identity.h"
#include "init/core/log.h"
#include "init/core/sys.h"
#include "init/core/timeline.h"

enum { RETRY_FIRST_MS = 500, RETRY_MAX_MS = 10000, MISTAKES_MAX = 3 };

static int find(const struct boot *b, const char *name)
{
	for (size_t i = 0; i < b->devices->n; i++)
		if (strcmp(b->devices->list[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len < JOBS_NAME_MAX && path_is_clean(name);
}

/* A feature that has claimed the device is notified before its slot or generation changes. */
static void clear(struct boot *b, struct block_device *d)
{
	claims_forget(b, d);
	*d = (struct block_device){0};
}

static void becomes_another(struct boot *b, struct block_device *d)
{
	claims_forget(b, d);
	d->generation = ++b->devices->generations;
}

void block_sweep(struct boot *b)
{
	char number[32];

	for (size_t i = 0; i < b->devices->n; i++) {
		struct block_device *d = &b->devices->list[i];

		if (d->name[0] && !attribute_read(d->name, "dev", number, sizeof(number)))
			clear(b, d);
	}
}

int64_t block_sectors(const char *name)
{
	char text[32];
	uint64_t sectors;

	return attribute_read(name, "size", text, sizeof(text)) &&
			       parse_u64(text, INT64_MAX, &sectors)
		       ? (int64_t)sectors
		       : -1;
}

/* The first free slot for a new device, or NULL. */
static struct block_device *free_place(struct boot *b, const char *name)
{
	int n = find(b, "");

	if (n < 0 && b->devices->n < DEVICES_MAX)
		n = (int)b->devices->n++;
	if (n < 0)
		log_info("%s is ignored: there are more than %d block devices", name,
			 DEVICES_MAX);
	return n < 0 ? NULL : &b->devices->list[n];
}

static void will_read(struct boot *b, const struct block_device *d)
{
	size_t n = (size_t)(d - b->devices->list);

	if (n < b->devices->unread)
		b->devices->unread = n;
	timeline_device_seen(d->name);
}

/* It may be another device now. Until that is known, the old result is kept; if it is another one,
 * its generation changes. */
static void read_again(struct boot *b, struct block_device *d)
{
	if (d->state == DEVICE_HANGS)
		return;
	if (d->state == DEVICE_PROBING || d->state == DEVICE_AGAIN) {
		d->state = DEVICE_AGAIN;
		return;
	}
	d->state = DEVICE_NEW;
	d->failures = 0;
	d->read_at = 0;
	will_read(b, d);
}

/* And no reader whose card is still to come: of what is put into one the kernel learns the size only when
 * it is opened. */
static bool has_no_size(const char *name)
{
	char removable[8];

	return block_sectors(name) == 0 &&
	       !(attribute_read(name, "removable", removable, sizeof(removable)) &&
		 strcmp(removable, "1") == 0);
}

/* A SCSI disk on a passive path: the kernel knows its size once it has asked again. */
static bool needs_rescan(const char *name)
{
	return has_no_size(name) && attribute_is_writable(name, "device/rescan");
}

/* Without a size that it might get later. */
static bool is_empty(const char *name)
{
	return has_no_size(name) && !needs_rescan(name);
}

void block_add(struct boot *b, const char *name, bool is_partition)
{
	int n = find(b, name);
	struct block_device *d;

	/* ramN, and loopN without a file, hold nothing. */
	if (!name_ok(name) || str_starts(name, "ram") || is_empty(name)) {
		block_remove(b, name);
		return;
	}
	if (n >= 0) {
		read_again(b, &b->devices->list[n]);
		return;
	}
	d = free_place(b, name);
	if (!d)
		return;
	*d = (struct block_device){.is_partition = is_partition,
				   .generation = ++b->devices->generations};
	snprintf(d->name, sizeof(d->name), "%s", name);
	will_read(b, d);
}

void block_remove(struct boot *b, const char *name)
{
	int n = find(b, name);

	if (n >= 0)
		clear(b, &b->devices->list[n]);
}

struct device_ref block_ref(const struct boot *b, size_t slot)
{
	return (struct device_ref){.slot = (uint32_t)slot,
				   .generation = b->devices->list[slot].generation};
}

const struct block_device *block_get(const struct boot *b, struct device_ref ref)
{
	const struct block_device *d = &b->devices->list[ref.slot];

	return ref.generation && d->generation == ref.generation ? d : NULL;
}

void block_into_job(const struct block_device *d, struct job *job)
{
	memcpy(job->name, d->name, sizeof(job->name));
	job->on_device = true;
	job->device = (struct device_identity){
		.major = d->probe.major, .minor = d->probe.minor, .sequence = d->probe.sequence};
	memcpy(job->device.type, d->probe.type, sizeof(job->device.type));
	memcpy(job->device.uuid, d->probe.uuid, sizeof(job->device.uuid));
}

const char *block_name(const struct boot *b, struct device_ref ref)
{
	const struct block_device *d = block_get(b, ref);

	return d ? d->name : "a device that is gone";
}

/* If the root is named by a kernel name, only that device needs to be probed, until a failure has
 * to be explained. What comes of other devices, as an array does, needs these, too. */
bool block_is_wanted(const struct boot *b, const struct block_device *d)
{
	if (!d->name[0] || d->state != DEVICE_NEW)
		return false;
	for (size_t i = 0; i < b->devices->n_wants; i++)
		if (b->devices->wants[i]->kind != SPEC_NAME || spec_is_set_up(b->devices->wants[i]) ||
		    strcmp(d->name, b->devices->wants[i]->value) == 0)
			return true;
	return b->devices->probe_all;
}

/* Something else is wanted now, so devices that could not be read are tried again at once. */
static void end_pauses(struct boot *b)
{
	b->devices->retry_at = 0;
	for (size_t i = 0; i < b->devices->n; i++)
		if (b->devices->list[i].read_at)
			read_again(b, &b->devices->list[i]);
}

static void want(struct boot *b, const struct spec *spec)
{
	struct devices *all = b->devices;
	size_t i = 0;

	while (i < all->n_wants && all->wants[i] != spec)
		i++;
	if (i == DEVICES_WANTS_MAX)
		all->probe_all = true;
	else if (i == all->n_wants)
		all->wants[all->n_wants++] = spec;
	end_pauses(b);
	all->unread = 0;
	for (i = 0; i < all->n; i++) {
		signatures_resolve(spec, &all->list[i]);
		if (claims_hold(b, i) && block_fits(b, spec, &all->list[i]))
			claims_ask(b, &all->list[i]);
	}
	if (spec->kind != SPEC_LINK || all->probe_links)
		return;
	all->probe_links = true; /* earlier probes did not read the links */
	for (i = 0; i < all->n; i++)
		if (all->list[i].state == DEVICE_KNOWN)
			all->list[i].state = DEVICE_NEW;
		else if (all->list[i].state == DEVICE_PROBING)
			all->list[i].state = DEVICE_AGAIN;
}

void block_want(struct boot *b, const struct spec *spec)
{
	want(b, spec);
	if (b->devices->wanted)
		b->devices->wanted(b);
}

void block_want_named(struct boot *b)
{
	block_want(b, &b->params.root);
}

void block_want_all(struct boot *b)
{
	b->devices->probe_all = true;
	b->devices->unread = 0;
}

int block_next(const struct boot *b)
{
	while (b->devices->unread < b->devices->n &&
	       !block_is_wanted(b, &b->devices->list[b->devices->unread]))
		b->devices->unread++;
	return b->devices->unread < b->devices->n ? (int)b->devices->unread : -1;
}

bool block_mistaken(struct boot *b, struct device_ref ref)
{
	struct block_device *d = &b->devices->list[ref.slot];

	if (!block_get(b, ref))
		return true;
	if (d->mistakes <= MISTAKES_MAX)
		d->mistakes++;
	log_show("%s is another device now than it was when it was read: it is read again",
		 d->name);
	becomes_another(b, d);
	d->state = DEVICE_NEW;
	d->read_at = 0;
	will_read(b, d);
	return d->mistakes <= MISTAKES_MAX;
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
	if (p->is_left_behind)
		log_info("%s: the superblock of an MD array at its end is ignored: it is that of a former member, or of "
			 "the last partition", d->name);
}

/* The kernel sends an event when a medium is put into the drive: the drive reports that by itself, or
 * is asked from time to time. (Documentation/ABI/stable/sysfs-block: events, events_async,
 * events_poll_msecs, which is -1 for the default.) */
static bool has_media_events(const struct boot *b, const struct block_device *d)
{
	static const char word[] = "media_change";
	char events[64], poll[32];

	if (!attribute_read(d->name, "events", events, sizeof(events)) || !strstr(events, word))
		return false;
	if (attribute_read(d->name, "events_async", events, sizeof(events)) && strstr(events, word))
		return true;
	if (!attribute_read(d->name, "events_poll_msecs", poll, sizeof(poll)))
		return false;
	return strcmp(poll, "-1") == 0 ? b->devices->is_polled : strcmp(poll, "0") != 0;
}

/* An empty drive is not opened again and again: some never get to rest, others lock up. While a process
 * hangs in the kernel for a device, no second one is to. */
static bool is_worth_another_try(const struct boot *b, const struct block_device *d,
				 const struct job_result *r)
{
	return d->result < 0 && !r->is_lost && !(d->result == -ENOMEDIUM && has_media_events(b, d));
}

static void read_later(struct boot *b, struct block_device *d)
{
	int64_t pause = RETRY_FIRST_MS;

	for (unsigned i = 0; i < d->failures && pause < RETRY_MAX_MS; i++)
		pause *= 2;
	if (d->failures < UINT8_MAX)
		d->failures++;
	d->read_at = log_now() + (pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS);
	if (!b->devices->retry_at || d->read_at < b->devices->retry_at)
		b->devices->retry_at = d->read_at;
}

/* Something is to be read, and all places for that are taken. */
static bool is_crowded(const struct boot *b)
{
	return !jobs_has_place(&b->jobs, JOB_PROBE) && block_next(b) >= 0;
}

void block_tick(struct boot *b, int64_t now)
{
	if (is_crowded(b))
		jobs_make_place(&b->jobs, JOB_PROBE, now);
	claims_ask_late(b);
	if (!b->devices->retry_at || now < b->devices->retry_at)
		return;
	b->devices->retry_at = 0;
	for (size_t i = 0; i < b->devices->n; i++) {
		struct block_device *d = &b->devices->list[i];

		if (d->read_at && now >= d->read_at) {
			d->read_at = 0;
			d->state = DEVICE_NEW;
			will_read(b, d);
		} else if (d->read_at &&
			   (!b->devices->retry_at || d->read_at < b->devices->retry_at)) {
			b->devices->retry_at = d->read_at;
		}
	}
}

int64_t block_due(const struct boot *b)
{
	int64_t due = is_crowded(b) ? jobs_place_due(&b->jobs, JOB_PROBE) : INT64_MAX;

	if (claims_due(b) < due)
		due = claims_due(b);
	return b->devices->retry_at && b->devices->retry_at < due ? b->devices->retry_at : due;
}

const struct block_device *block_unreadable(const struct boot *b, const struct spec *spec)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *d = &b->devices->list[i];

		if (d->name[0] && d->was_read && d->result < 0 && match_device(spec, d))
			return d;
	}
	return NULL;
}

/* Is it the same device, with the same content, as at the last probe? */
static bool is_unchanged(const struct block_device *d, const struct probe *p, int result)
{
	const struct probe *q = &d->probe;

	return d->result == result && p->major == q->major && p->minor == q->minor &&
	       p->sequence == q->sequence && strcmp(p->type, q->type) == 0 &&
	       strcmp(p->uuid, q->uuid) == 0 && strcmp(p->label, q->label) == 0 &&
	       strcmp(p->partuuid, q->partuuid) == 0;
}

void block_begun(struct boot *b, size_t n)
{
	struct block_device *d = &b->devices->list[n];

	d->state = DEVICE_PROBING;
	if (!d->begun_at)
		d->begun_at = log_now();
}

void block_done(struct boot *b, const struct job_result *result)
{
	int n = find(b, result->name);
	struct block_device *d;
	struct probe before;
	int result_before;

	/* The device may be gone, and another one may have its name. */
	if (n < 0 || b->devices->list[n].generation != result->generation)
		return;
	d = &b->devices->list[n];
	if (result->was_lost) {
		d->state = DEVICE_KNOWN;
		read_later(b, d);
		return;
	}
	timeline_device_ends(d->name, result->result);
	if (d->state == DEVICE_AGAIN && !result->is_lost) {
		d->state = DEVICE_NEW;
		will_read(b, d);
		return;
	}
	before = d->probe;
	result_before = d->result;
	d->state = result->is_lost ? DEVICE_HANGS : DEVICE_KNOWN;
	d->result = result->result;
	d->probe = result->probe;
	if (result->is_lost)
		d->probe.has_no_size = before.has_no_size || needs_rescan(d->name);
	for (size_t i = 0; i < b->devices->n_wants; i++)
		signatures_resolve(b->devices->wants[i], d);
	if (d->was_read && !is_unchanged(d, &before, result_before))
		becomes_another(b, d);
	if (!d->was_read)
		d->ended_at = log_now();
	d->was_read = true;
	if (!d->failures || d->result == 0)
		log_found(d);
	if (is_worth_another_try(b, d, result))
		read_later(b, d);
	else
		d->failures = 0;
	if (d->result >= 0)
		claims_ask(b, d);
	if (!d->is_partition)
		claims_ask_late(b);
}

static bool is_of_disk(const struct block_device *d, const struct block_device *other)
{
	return d->probe.disk_major == other->probe.disk_major &&
	       d->probe.disk_minor == other->probe.disk_minor;
}

/* Is D the partition that is SPEC's offset after the one that SPEC names? */
static bool is_behind(const struct boot *b, const struct spec *spec, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];

		if (o->name[0] && o->state == DEVICE_KNOWN && match_device(spec, o) &&
		    is_of_disk(o, d) && d->probe.partn &&
		    (int64_t)d->probe.partn == (int64_t)o->probe.partn + spec->offset)
			return true;
	}
	return false;
}

static bool is_what(const struct boot *b, const struct spec *spec, const struct block_device *d)
{
	if (spec->kind == SPEC_AUTO)
		return b->devices->is_auto && b->devices->is_auto(b, d);
	if (spec->kind == SPEC_ALIAS)
		return claims_is_name(d, spec->value);
	return spec->offset ? is_behind(b, spec, d) : match_device(spec, d);
}

bool block_names(const struct boot *b, const struct spec *spec, const struct block_device *d)
{
	return d->name[0] && d->result >= 0 && is_what(b, spec, d);
}

bool block_fits(const struct boot *b, const struct spec *spec, const struct block_device *d)
{
	if (d->state != DEVICE_KNOWN || !block_names(b, spec, d))
		return false;
	return (!leg_of(b, d) && !leg_may_be(b, d)) || (spec == &b->params.root && leg_is_meant(b, d));
}

bool block_is_awaited(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n_wants; i++)
		if (block_fits(b, b->devices->wants[i], d))
			return true;
	return false;
}

static int rank(const struct block_device *d)
{
	return (strcmp(d->probe.usage, "filesystem") == 0) * 2 + !claims_refuse(d);
}

/* If several devices fit, one with a filesystem is preferred to a member of an array or volume
 * group, and one that no feature refuses to one that is refused. Among those the name that sorts first
 * wins, so that the choice does not depend on timing. */
int block_find(const struct boot *b, const struct spec *spec)
{
	int best = -1;

	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *d = &b->devices->list[i], *o;

		if (!block_fits(b, spec, d))
			continue;
		o = best < 0 ? NULL : &b->devices->list[best];
		if (!o || rank(d) > rank(o) ||
		    (rank(d) == rank(o) && version_compare(d->name, o->name) < 0))
			best = (int)i;
	}
	return best;
}

bool block_is_member(const struct block_device *d)
{
	const struct probe *p = &d->probe;

	return strcmp(p->usage, "raid") == 0 || strcmp(p->usage, "crypto") == 0 ||
	       strcmp(p->type, "swap") == 0;
}

bool block_unsettled(struct boot *b)
{
	return block_next(b) >= 0 || jobs_busy(&b->jobs, JOB_PROBE);
}

bool block_share_disk(const struct block_device *d, const struct block_device *other)
{
	char own[LINKS_WWID_MAX], wwid[LINKS_WWID_MAX];

	links_wwid("/sys", d->name, own, sizeof(own));
	links_wwid("/sys", other->name, wwid, sizeof(wwid));
	return *own && strcmp(own, wwid) == 0;
}

bool block_share_btrfs(const struct block_device *d, const struct block_device *other)
{
	const struct btrfssuper *own = &d->probe.btrfs, *o = &other->probe.btrfs;

	return strcmp(d->probe.type, "btrfs") == 0 && strcmp(other->probe.type, "btrfs") == 0 &&
	       memcmp(own->fsid, o->fsid, sizeof(own->fsid)) == 0 &&
	       memcmp(own->device, o->device, sizeof(own->device)) != 0;
}

/* Two devices of one btrfs, or a disk and one of its partitions, which may start at the same
 * sector. */
static bool is_the_same(const struct block_device *d, const struct block_device *other)
{
	return block_share_btrfs(d, other) ||
	       (d->is_partition != other->is_partition && is_of_disk(d, other));
}

/* The kernel mounts such a filesystem once, by whichever path. Of several devices, their own boot part
 * decides. */
static bool is_btrfs_copy(const struct block_device *d, const struct block_device *other)
{
	return strcmp(d->probe.type, "btrfs") == 0 && strcmp(other->probe.type, "btrfs") == 0 &&
	       strcasecmp(d->probe.uuid, other->probe.uuid) == 0;
}

bool block_is_doubtful(const struct boot *b, const struct spec *spec, size_t n, char *why,
		       size_t size)
{
	const struct block_device *d = &b->devices->list[n];
	char own[LINKS_WWID_MAX], wwid[LINKS_WWID_MAX];

	links_wwid("/sys", d->name, own, sizeof(own));
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];

		if (i == n || !block_fits(b, spec, o) || block_is_member(o) || is_the_same(d, o))
			continue;
		links_wwid("/sys", o->name, wwid, sizeof(wwid));
		if (*own && strcmp(own, wwid) == 0 && !b->params.no_multipath &&
		    !is_btrfs_copy(d, o)) {
			snprintf(why, size,
				 "%s and %s are two paths to one disk (%.80s), and this image has no "
				 "feature for multipath; rd.multipath=0 takes the first of them",
				 d->name, o->name, own);
			return true;
		}
		log_show("%.100s fits %s and %s: %s is taken, which sorts first",
			 spec->text ? spec->text : "the type of a root partition", d->name, o->name,
			 d->name);
	}
	return false;
}

/* ---- looking at one device; in a worker ---- */

/* In sysfs, a partition's folder is inside its disk's. */
static void read_place(const char *name, int fd, struct probe *out)
{
	char text[32];
	uint64_t n;
	struct stat st;

	if (fstat(fd, &st) == 0) {
		out->major = out->disk_major = major(st.st_rdev);
		out->minor = out->disk_minor = minor(st.st_rdev);
	}
	out->sequence = identity_sequence(fd);
	if (!attribute_read(name, "partition", text, sizeof(text)) ||
	    !parse_u64(text, UINT32_MAX, &n))
		return;
	out->partn = (uint32_t)n;
	if (attribute_read(name, "../dev", text, sizeof(text)))
		sscanf(text, "%" SCNu32 ":%" SCNu32, &out->disk_major, &out->disk_minor);
}

/* No event says that a size became known, and the kernel looks for no partitions then. */
static int rescan(const char *name)
{
	char path[ATTRIBUTE_PATH_MAX];

	attribute_path(name, "device/rescan", path);
	sys_write(path, "1");
	return block_sectors(name) > 0 ? 0 : -ENODATA;
}

int block_probe(const struct job *job, struct probe *out)
{
	char path[JOBS_NAME_MAX + 8];
	_cleanup_fd_ int fd = -1;

	out->has_no_size = needs_rescan(job->name);
	if (out->has_no_size && rescan(job->name) < 0)
		return -ENODATA;
	snprintf(path, sizeof(path), "/dev/%s", job->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (out->has_no_size || job->had_no_size)
		sys_scan_partitions(fd);
	out->has_no_size = false;
	read_place(job->name, fd, out);
	if (job->links)
		links_find("/sys", "/dev", job->name, out->links, sizeof(out->links));
	return probe_content(fd, out);
}
