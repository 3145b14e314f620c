/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The part of sys.h that is about device mapper. */

#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "init/core/sys.h"

/* B: a struct dm_ioctl, and what comes behind it. */
static int map_call(int fd, unsigned long call, struct buf *b)
{
	struct dm_ioctl *io = (struct dm_ioctl *)b->data;

	if (b->failed)
		return -ENOMEM;
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = (uint32_t)b->len;
	io->data_start = sizeof(*io);
	return ioctl(fd, call, io) < 0 ? -errno : 0;
}

static void map_begin(struct buf *b, const char *name, const char *uuid, uint32_t flags)
{
	struct dm_ioctl io = {.flags = flags};

	snprintf(io.name, sizeof(io.name), "%s", name);
	snprintf(io.uuid, sizeof(io.uuid), "%s", uuid);
	b->len = 0;
	buf_add(b, &io, sizeof(io));
}

/* Is the one that is there already the one that is wanted? 1: it has its table; 0: not yet. */
static int map_find(int fd, const struct sys_map *map, struct buf *b, uint64_t *device)
{
	const struct dm_ioctl *io;
	int r;

	map_begin(b, map->name, "", 0);
	r = map_call(fd, DM_DEV_STATUS, b);
	if (r < 0)
		return r == -ENXIO ? -EEXIST : r; /* another name has the UUID */
	io = (const struct dm_ioctl *)b->data;
	*device = io->dev;
	if (strcmp(io->uuid, map->uuid) != 0)
		return -EEXIST;
	return !!(io->flags & DM_ACTIVE_PRESENT_FLAG);
}

static int map_load(int fd, const struct sys_map *map, struct buf *b)
{
	map_begin(b, map->name, "", map->is_read_only ? DM_READONLY_FLAG : 0);
	for (size_t i = 0; i < map->n; i++) {
		const struct sys_target *t = &map->targets[i];
		struct dm_target_spec spec = {.sector_start = t->start, .length = t->length};
		size_t len = strlen(t->words) + 1, room = (sizeof(spec) + len + 7) & ~(size_t)7;

		spec.next = (uint32_t)room;
		snprintf(spec.target_type, sizeof(spec.target_type), "%s", t->type);
		buf_add(b, &spec, sizeof(spec));
		buf_add(b, t->words, len);
		buf_add_zeros(b, room - sizeof(spec) - len);
	}
	if (!b->failed)
		((struct dm_ioctl *)b->data)->target_count = (uint32_t)map->n;
	return map_call(fd, DM_TABLE_LOAD, b);
}

int sys_map_make(const struct sys_map *map)
{
	_cleanup_fd_ int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	_cleanup_buf_ struct buf b = BUF_INIT;
	uint64_t device = 0;
	int r;

	if (fd < 0)
		return -errno;
	map_begin(&b, map->name, map->uuid, 0);
	r = map_call(fd, DM_DEV_CREATE, &b);
	if (r == 0)
		device = ((const struct dm_ioctl *)b.data)->dev;
	else if (r == -EBUSY)
		r = map_find(fd, map, &b, &device);
	if (r != 0)
		return r < 0 ? r : (int)minor(device);
	r = map_load(fd, map, &b);
	if (r == 0) {
		map_begin(&b, map->name, "", 0); /* without DM_SUSPEND_FLAG: resumes */
		r = map_call(fd, DM_DEV_SUSPEND, &b);
	}
	if (r == 0)
		return (int)minor(device);
	map_begin(&b, map->name, "", 0);
	map_call(fd, DM_DEV_REMOVE, &b);
	return r;
}
