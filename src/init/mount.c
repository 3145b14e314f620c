/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "format/mountopts.h"
#include "init/sys.h"

static const char *explain(int r)
{
	switch (r) {
	case -ENODEV:
		return "the kernel has no such filesystem, and the image no module for it";
	case -EINVAL:
		return "wrong options, or no such filesystem on it";
	default:
		return strerror(-r);
	}
}

int mount_device(const struct job *job, struct job_result *out)
{
	unsigned long flags = job->writable ? 0 : MS_RDONLY;
	char device[JOBS_NAME_MAX + 8], data[JOBS_OPTIONS_MAX];
	int r;

	snprintf(device, sizeof(device), "/dev/%s", job->name);
	r = mountopts_split(job->options, &flags, data, sizeof(data));
	if (r < 0)
		return r;
	r = sys_mount(device, job->target, job->fstype, flags, data);
	/* A disk that is write protected can still be read; so can one that does not say it is, and
	 * fails the first write, as worn-out flash does. */
	if (r == -EROFS || ((r == -EACCES || r == -EIO) && !(flags & MS_RDONLY)))
		r = sys_mount(device, job->target, job->fstype, flags | MS_RDONLY, data);
	if (r < 0)
		snprintf(out->text, sizeof(out->text), "mounting %s as %s%s%.100s: %s", device,
			 job->fstype, *job->options ? " with the options " : "", job->options,
			 explain(r));
	return r;
}
