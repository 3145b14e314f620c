/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/discover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "format/kernel/efivar.h"
#include "init/devices/block.h"
#include "init/core/log.h"
#include "init/devices/modules.h"
#include "init/core/sys.h"

#define EFIVARS "/sys/firmware/efi/efivars"

enum { VARIABLE_MAX = 1024 };

/* "none" if the specification has no type for the architecture. */
#if defined(__x86_64__)
#define ROOT_TYPE "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#elif defined(__i386__)
#define ROOT_TYPE "44479540-f297-41b2-9af7-d131d5f0458a"
#elif defined(__aarch64__)
#define ROOT_TYPE "b921b045-1df0-41c3-af44-4c6f280d3fae"
#elif defined(__arm__)
#define ROOT_TYPE "69dad710-2ce4-4e3c-b16c-21a1d49abed3"
#elif defined(__riscv) && __riscv_xlen == 64
#define ROOT_TYPE "72ec70a6-cf74-40e6-bd49-4bda08e8f224"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ROOT_TYPE "c31c45e6-3f39-412e-80fb-4809c4980599"
#elif defined(__s390x__)
#define ROOT_TYPE "5eead9a9-fe09-4a1e-a1d7-520d00531306"
#elif defined(__loongarch64)
#define ROOT_TYPE "77055800-792c-4f94-b39a-98c91b762bb6"
#else
#define ROOT_TYPE "none"
#endif

bool discover_has_flag(const struct block_device *d, enum discover_flags flag)
{
	static const int bits[] = {
		[DISCOVER_NO_AUTO] = 63, [DISCOVER_READ_ONLY] = 60, [DISCOVER_GROW] = 59};

	return d->probe.partflags >> bits[flag] & 1;
}

static bool is_candidate(const struct block_device *d)
{
	return d->name[0] && d->state == DEVICE_KNOWN &&
	       strcasecmp(d->probe.parttype, ROOT_TYPE) == 0 &&
	       !discover_has_flag(d, DISCOVER_NO_AUTO);
}

static bool same_disk(const struct block_device *a, const struct block_device *b)
{
	return a->probe.disk_major == b->probe.disk_major &&
	       a->probe.disk_minor == b->probe.disk_minor;
}

static bool is_on_loaders_disk(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];

		if (o->name[0] && o->state == DEVICE_KNOWN &&
		    strcasecmp(o->probe.partuuid, b->discovery->loader) == 0 && same_disk(o, d))
			return true;
	}
	return false;
}

/* A root partition on another disk, which makes the choice doubtful; or NULL. */
static const struct block_device *rival(const struct boot *b, const struct block_device *d)
{
	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *o = &b->devices->list[i];

		if (is_candidate(o) && !same_disk(o, d) && !block_share_btrfs(o, d))
			return o;
	}
	return NULL;
}

static bool is_root(const struct boot *b, const struct block_device *d)
{
	if (!is_candidate(d))
		return false;
	return *b->discovery->loader ? is_on_loaders_disk(b, d) : !rival(b, d);
}

void discover_register(struct boot *b)
{
	b->devices->is_auto = is_root;
}

bool discover_is_doubtful(const struct boot *b, char *why, size_t size)
{
	for (size_t i = 0; i < b->devices->n && !*b->discovery->loader; i++) {
		const struct block_device *d = &b->devices->list[i];
		const struct block_device *o = is_candidate(d) ? rival(b, d) : NULL;

		if (!o)
			continue;
		snprintf(why, size,
			 "%s, and several disks have a partition of the type of a root (%s, %s): "
			 "which one is it?%s",
			 b->params.root.text ? "root= asks for a partition by its type"
					     : "there is no root= on the kernel command line",
			 d->name, o->name,
			 b->discovery->is_silent ? " The firmware did not say which disk the "
						   "boot loader came from" : "");
		return true;
	}
	return false;
}

/* Its disk decides which device is the root: a boot part that holds that device has to hear of it. */
static void loader_is_known(struct boot *b)
{
	b->discovery->is_known = true;
	block_want(b, &b->params.root);
}

/* Some firmware hangs when its variables are read. */
static bool is_given_up(struct boot *b)
{
	struct discovery *d = b->discovery;

	d->is_silent = b->flow.task.state == TASK_RUNS && log_now() >= d->until;
	if (!d->is_silent)
		return false;
	loader_is_known(b);
	b->flow.task.state = TASK_NONE; /* a late answer is nobody's */
	log_show("the firmware does not say which disk the boot loader came from (%d seconds): "
		 "all disks count", JOBS_HANG_MS / 1000);
	return true;
}

/* A module that hangs is not waited for longer than the firmware itself, whose time begins when
 * a worker asks it. */
static enum stage_step ask_firmware(struct boot *b)
{
	const struct job job = {.kind = JOB_LOADER};
	struct discovery *d = b->discovery;
	enum stage_step step;

	if (!d->until)
		d->until = log_now() + JOBS_HANG_MS;
	modules_request_alias(b, "fs-efivarfs");
	if (modules_pending(b, "fs-efivarfs") && log_now() < d->until)
		return STAGE_STAYS;
	step = flow_task(b, &job);
	if (b->flow.task.state == TASK_RUNS)
		d->until = log_now() + JOBS_HANG_MS;
	return step;
}

void discover_again(struct boot *b)
{
	if (!b->discovery->is_known)
		b->discovery->until = 0;
}

enum stage_step discover_loader(struct boot *b)
{
	if (b->discovery->is_known)
		return STAGE_ENDS;
	if (is_given_up(b))
		return STAGE_ENDS;
	if (b->flow.task.state == TASK_NONE) {
		if (access(EFIVARS, F_OK) < 0) {
			loader_is_known(b); /* not started by EFI */
			return STAGE_ENDS;
		}
		return ask_firmware(b);
	}
	if (b->flow.task.state == TASK_RUNS)
		return STAGE_STAYS;
	snprintf(b->discovery->loader, sizeof(b->discovery->loader), "%.*s",
		 (int)sizeof(b->discovery->loader) - 1, b->flow.task.result.text);
	loader_is_known(b);
	log_info("the boot loader came from %s%s",
		 *b->discovery->loader ? "PARTUUID=" : "a partition unknown", b->discovery->loader);
	return STAGE_ENDS;
}

int discover_read_loader(struct job_result *out)
{
	_cleanup_buf_ struct buf data = BUF_INIT;
	int r = sys_mount("efivarfs", EFIVARS, "efivarfs", 0, NULL), e;

	if (r < 0 && r != -EBUSY)
		return r;
	e = read_file_at(AT_FDCWD, EFIVARS "/" EFIVAR_LOADER_PARTITION, VARIABLE_MAX, &data);
	if (e == 0)
		e = efivar_text(data.data, data.len, out->text, JOBS_NAME_MAX);
	if (r == 0)
		sys_umount(EFIVARS, 0);
	return e;
}
