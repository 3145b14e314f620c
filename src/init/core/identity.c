/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/identity.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/cleanup.h"

#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, uint64_t)
#endif

uint64_t identity_sequence(int fd)
{
	uint64_t sequence = 0;

	return ioctl(fd, BLKGETDISKSEQ, &sequence) < 0 ? 0 : sequence;
}

static bool has_uuid(blkid_probe pr, const char *uuid)
{
	const char *found = "";

	blkid_probe_lookup_value(pr, "UUID", &found, NULL);
	return strcasecmp(found, uuid) == 0;
}

/* Probes for the wanted type only: other signatures on the disk do not matter. */
int identity_check_content(int fd, const struct device_identity *wanted)
{
	char *types[] = {(char *)wanted->type, NULL};
	blkid_probe pr = blkid_new_probe();
	int r = -ENOMEM;

	if (!pr)
		return r;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_UUID);
	blkid_probe_filter_superblocks_type(pr, BLKID_FLTR_ONLYIN, types);
	errno = 0;
	r = blkid_probe_set_device(pr, fd, 0, 0) < 0 ? -1 : blkid_do_probe(pr);
	if (r < 0 && errno)
		r = -errno;
	else /* a failure without errno: its signature is damaged */
		r = r == 0 && has_uuid(pr, wanted->uuid) ? 0 : -ESTALE;
	blkid_free_probe(pr);
	return r;
}

int identity_check(int fd, const struct device_identity *wanted)
{
	uint64_t sequence = identity_sequence(fd);
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (major(st.st_rdev) != wanted->major || minor(st.st_rdev) != wanted->minor ||
	    sequence != wanted->sequence)
		return -ESTALE;
	return sequence || !*wanted->type ? 0 : identity_check_content(fd, wanted);
}

/* The device, or its medium, has been removed. */
static bool is_missing(int error)
{
	return error == ENOENT || error == ENXIO || error == ENODEV || error == ENOMEDIUM;
}

int identity_open(const char *name, const struct device_identity *wanted)
{
	char path[JOBS_NAME_MAX + 8];
	_cleanup_fd_ int fd = -1;
	int r;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return is_missing(errno) ? -ESTALE : -errno;
	r = identity_check(fd, wanted);
	return r < 0 ? r : TAKE_FD(fd);
}

int identity_hold(const char *name, const struct device_identity *wanted)
{
	static int held = -1;

	close_fd(held);
	held = identity_open(name, wanted);
	return held < 0 ? held : 0;
}
