/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "format/machine/mountopts.h"
#include "init/core/identity.h"
#include "init/core/sys.h"

/* The kernel accepts these only in a call of their own. */
#define PROPAGATION ((unsigned long)(MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED))

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

int mount_open_beneath(const char *root, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	_cleanup_fd_ int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* A path for mount(2) that leads to the descriptor's file, whatever is renamed meanwhile. */
static void name_of(int fd, char *out, size_t size)
{
	snprintf(out, size, "/proc/self/fd/%d", fd);
}

int mount_open_target(const char *root, const char *path)
{
	char parent[JOBS_VALUE_MAX], folder[JOBS_VALUE_MAX + 32], *slash;
	int fd = mount_open_beneath(root, path, O_PATH | O_DIRECTORY);
	_cleanup_fd_ int above = -1;
	size_t len = strlen(path);

	if (fd != -ENOENT || len >= sizeof(parent))
		return fd;
	memcpy(parent, path, len + 1);
	while (len > 1 && parent[len - 1] == '/')
		parent[--len] = '\0';
	slash = strrchr(parent, '/');
	if (!slash || !slash[1] || strcmp(slash, "/..") == 0)
		return fd;
	*slash = '\0';
	above = mount_open_beneath(root, slash == parent ? "/" : parent, O_PATH | O_DIRECTORY);
	if (above < 0)
		return above;
	name_of(above, folder, sizeof(folder));
	snprintf(folder + strlen(folder), sizeof(folder) - strlen(folder), "/%s", slash + 1);
	/* A dangling link exists, too; the second try does not follow it out of the root. */
	if (sys_mkdir(folder, 0755) < 0)
		return fd;
	return mount_open_beneath(root, path, O_PATH | O_DIRECTORY);
}

struct place {
	int target, source, device;
	char target_name[JOBS_VALUE_MAX], source_name[JOBS_VALUE_MAX];
};

static void place_clear(struct place *p)
{
	close_fd(p->target);
	close_fd(p->source);
	close_fd(p->device);
}

/* Keeps the device open until it is mounted, so that no other gets its name. The mount uses the
 * name, since /proc/mounts will show it. */
static int hold_device(const struct job *job, struct place *p, struct job_result *out)
{
	p->device = identity_open(job->name, &job->device);
	if (p->device < 0)
		snprintf(out->text, sizeof(out->text), "opening %s: %s", p->source_name,
			 p->device == -ESTALE ? "it is another device now" : strerror(-p->device));
	return p->device < 0 ? p->device : 0;
}

static int find_place(const struct job *job, unsigned long flags, struct place *p,
		      struct job_result *out)
{
	snprintf(p->target_name, sizeof(p->target_name), "%s", job->target);
	snprintf(p->source_name, sizeof(p->source_name), "/dev/%s", job->name);
	if (!*job->name)
		snprintf(p->source_name, sizeof(p->source_name), "%s",
			 *job->source ? job->source : job->fstype);
	if (!job->beneath)
		return 0;
	if (flags & MS_BIND) {
		p->source = mount_open_beneath(SYSROOT, job->name, O_PATH);
		if (p->source < 0) {
			snprintf(out->text, sizeof(out->text), "%s in the root: %s", job->name,
				 strerror(-p->source));
			return p->source;
		}
		name_of(p->source, p->source_name, sizeof(p->source_name));
	}
	p->target = mount_open_target(SYSROOT, job->target);
	if (p->target < 0)
		snprintf(out->text, sizeof(out->text), "the folder %.200s of the root: %s", job->target,
			 strerror(-p->target));
	else
		name_of(p->target, p->target_name, sizeof(p->target_name));
	return p->target < 0 ? p->target : 0;
}

/* Remounts what was just mounted. The target is opened again: the old descriptor is of the folder
 * below the mount. */
static int change_mount(const struct job *job, const struct place *p, unsigned long flags)
{
	_cleanup_fd_ int fd = job->beneath ? mount_open_beneath(SYSROOT, job->target, O_PATH) : -1;
	char name[JOBS_VALUE_MAX];

	if (!job->beneath)
		return sys_mount(NULL, p->target_name, NULL, flags, NULL);
	if (fd < 0)
		return fd;
	name_of(fd, name, sizeof(name));
	return sys_mount(NULL, name, NULL, flags, NULL);
}

static int mount_at(const struct job *job, const struct place *p, unsigned long flags,
		    const char *data)
{
	int r;

	if (flags & MS_BIND) {
		/* The kernel applies flags to a bind mount only in a remount. */
		r = sys_mount(p->source_name, p->target_name, NULL, flags & (MS_BIND | MS_REC), NULL);
		flags &= ~(unsigned long)MS_REC;
		return r < 0 || flags == MS_BIND ? r : change_mount(job, p, flags | MS_REMOUNT);
	}
	flags &= ~(unsigned long)MS_REC;
	r = sys_mount(p->source_name, p->target_name, job->fstype, flags, data);
	/* A write-protected disk can still be read. Worn-out flash does not report that it is
	 * write-protected, but fails the first write. */
	if (r == -EROFS || ((r == -EACCES || r == -EIO) && !(flags & MS_RDONLY)))
		r = sys_mount(p->source_name, p->target_name, job->fstype, flags | MS_RDONLY, data);
	return r;
}

int mount_device(const struct job *job, struct job_result *out)
{
	unsigned long flags = job->writable ? 0 : MS_RDONLY;
	__attribute__((cleanup(place_clear))) struct place place = {
		.target = -1, .source = -1, .device = -1};
	unsigned long shared;
	char data[JOBS_OPTIONS_MAX];
	int r;

	r = mountopts_split(job->options, &flags, data, sizeof(data));
	if (r == -ENOTSUP)
		snprintf(out->text, sizeof(out->text), "only mount(8) knows the option %.200s", data);
	if (r < 0)
		return r;
	r = identity_unrelated(find_place(job, flags, &place, out));
	if (r == 0 && job->on_device)
		r = hold_device(job, &place, out);
	if (r < 0)
		return r;
	shared = flags & PROPAGATION;
	r = mount_at(job, &place, flags & ~PROPAGATION, data);
	if (r >= 0 && shared)
		r = change_mount(job, &place, shared | (flags & MS_REC));
	if (r < 0)
		snprintf(out->text, sizeof(out->text), "mounting %s as %s%s%.100s: %s",
			 flags & MS_BIND ? job->name : place.source_name, job->fstype,
			 *job->options ? " with the options " : "", job->options, explain(r));
	return identity_unrelated(r);
}
