/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a worker does for MD arrays, and may block: it reads the superblock of a member, and hands a
 * whole set of members to the kernel.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "features/mdraid/boot/kit.h"
#include "init/core/identity.h"
#include "init/core/sys.h"

/* ---- a member ---- */

static int read_version(int fd, off_t size, enum mdsuper_version version, struct mdsuper *out,
			struct err *err)
{
	int64_t place = size < 0 ? -1 : mdsuper_place(version, (uint64_t)size / 512);
	char data[MDSUPER_SIZE];
	ssize_t n = place < 0 ? 0 : pread_full(fd, data, sizeof(data), (uint64_t)place * 512);

	if (n < 0)
		return err_set(err, (int)n, "it cannot be read: %s", strerror((int)-n));
	return mdsuper_decode(version, data, (size_t)n, out, err);
}

/* Is it the one that was found when the device was read? A member of an array may hold a member of
 * another one, or what is left of one. */
static bool is_found(const struct mdsuper *super, const char *uuid)
{
	uint8_t wanted[16];

	return !mdsuper_parse_uuid(uuid, wanted) ||
	       memcmp(wanted, super->uuid, sizeof(wanted)) == 0;
}

enum { MBR_ID = 440, MBR_ENTRIES = 446, MBR_ENTRY = 16, MBR_TYPE = 4, MBR_END = 510, SECTOR = 512 };

/* Other sectors that the BIOS starts end like an MBR, too; the kernel looks at the flags as well. */
static bool is_mbr(const uint8_t *p)
{
	bool is_used = false;

	for (size_t at = MBR_ENTRIES; at < MBR_END; at += MBR_ENTRY) {
		if (p[at] & 0x7f)
			return false;
		is_used = is_used || p[at + MBR_TYPE];
	}
	return is_used && p[MBR_END] == 0x55 && p[MBR_END + 1] == 0xaa;
}

/* A number that says whether two members have the same partition table, where it is that of the array; 0: none. The
 * code for the BIOS, which is before an MBR, may have been written to each by itself. */
static int sum_of_table(int fd)
{
	enum { GPT_END = SECTOR + 92, PRIME = 16777619 };
	uint8_t data[GPT_END] = {0};
	uint32_t sum = 2166136261U; /* FNV-1a */
	size_t end = GPT_END;

	if (pread_full(fd, data, sizeof(data), 0) != (ssize_t)sizeof(data) || !is_mbr(data))
		return 0;
	if (memcmp(data + SECTOR, "EFI PART", 8) != 0)
		end = SECTOR;
	for (size_t i = MBR_ID; i < end; i++)
		sum = (sum ^ data[i]) * PRIME;
	return (int)(sum & INT_MAX);
}

static int read_super(const struct mdraid_question *q, struct job_result *out)
{
	_cleanup_fd_ int fd = identity_open(q->device, &q->identity);
	struct err err = {0};
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (fd < 0)
		return fd;
	for (int version = 0; version < MDSUPER_VERSIONS; version++) {
		struct mdsuper super;
		struct err own = {0};
		int r = read_version(fd, size, (enum mdsuper_version)version, &super, &own);

		if (r == 0 && is_found(&super, q->identity.uuid)) {
			memcpy(out->text, &super, sizeof(super));
			if (super.version == MDSUPER_0_90 || super.version == MDSUPER_1_0)
				out->found = sum_of_table(fd);
			return 0;
		}
		if (r < 0 && r != -ENOENT && err.code == 0)
			err = own;
	}
	if (err.code == 0)
		err_set(&err, -ENOENT, "it has no superblock of %s",
			q->identity.uuid[0] ? q->identity.uuid : "a known version");
	snprintf(out->text, sizeof(out->text), "%.*s", (int)sizeof(out->text) - 1, err.text);
	return identity_unrelated(err.code);
}

/* ---- an array ---- */

static int fail(struct job_result *out, const char *what, int r)
{
	snprintf(out->text, sizeof(out->text), "%s: %s", what, strerror(-r));
	return r;
}

/* The kernel reads the superblocks itself. It would run at once without what it does not take. */
static int add_members(int fd, const struct mdraid_question *q, struct mdraid_start *start,
		       struct job_result *out)
{
	uint32_t added = 0;
	int r = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		int e = sys_array_add(fd, q->members[i].major, q->members[i].minor);

		added += e == 0;
		r = e < 0 ? e : r;
		start->added[q->members[i].place] = (int16_t)e;
		if (e == 0 || q->may_lack || q->members[i].is_spare)
			continue;
		out->found = 1 + q->members[i].place;
		return fail(out, "the kernel does not take it", e);
	}
	return added ? 0 : fail(out, "the kernel takes none of its members", r);
}

/* Until somebody writes to it the kernel writes nothing to its members either, if it is told so. What the
 * module's start_ro does for all arrays, the attribute does for one. */
static int run(int fd, const struct mdraid_question *q)
{
	char path[64];

	if (!q->is_untouched)
		return sys_array_run(fd);
	snprintf(path, sizeof(path), "/sys/block/md%u/md/array_state", q->number);
	return sys_write(path, "read-auto");
}

static int start_array(const struct mdraid_question *q, struct job_result *out)
{
	_cleanup_fd_ int fd = sys_array_open(q->number);
	struct mdraid_start start = {0};
	int r;

	if (fd == -ENOENT)
		return snprintf(out->text, sizeof(out->text),
				"the kernel has no MD, and the image no "
				"module for it"),
		       -ENOENT;
	if (fd < 0)
		return fail(out, "no device could be made for it", fd);
	r = sys_array_set(fd, q->version == MDSUPER_0_90 ? 0 : 1,
			  q->version == MDSUPER_0_90 ? 90 : (int)q->version - MDSUPER_1_0);
	if (r < 0)
		return fail(out, "the kernel does not take an array of this version", r);
	r = add_members(fd, q, &start, out);
	if (r == 0) {
		r = run(fd, q);
		if (r < 0)
			fail(out, "the kernel does not start it", r);
	}
	if (r < 0) {
		sys_array_stop(fd); /* or half of it stays */
		return r;
	}
	start.active = sys_array_active(fd);
	memcpy(out->text, &start, sizeof(start));
	return 0;
}

int mdraid_work(const void *question, struct job_result *out)
{
	const struct mdraid_question *q = question;

	return q->is_start ? start_array(q, out) : read_super(q, out);
}
