/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a worker does for btrfs, and may block: it makes a device known to the kernel, has it forgotten
 * again, or tries whether a filesystem can be used without the devices that are missing.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "features/btrfs/boot/kit.h"
#include "init/core/identity.h"
#include "init/core/sys.h"

enum { ANSWER_MAX = 4096 };

/* Read-only, without the log, so that nothing is written, and where nobody sees it. */
static int try(const char *path, const struct btrfs_question *q, struct job_result *out)
{
	_cleanup_fd_ int root = sys_open_btrfs(path);
	uint64_t next = 0;
	int r = 1;

	if (root < 0) {
		snprintf(out->text, sizeof(out->text), "it cannot be mounted without what is missing (%s)",
			 strerror(-root));
		return identity_unrelated(root);
	}
	while (r > 0) {
		_Alignas(8) char answer[ANSWER_MAX] = {0};
		uint64_t from = next;
		int lacks;

		r = sys_search_btrfs_chunks(root, from, answer, sizeof(answer));
		if (r <= 0)
			break;
		lacks = btrfs_chunks_lack(answer, sizeof(answer), (uint32_t)r, q->ids, q->n, &next);
		if (lacks > 0) {
			snprintf(out->text, sizeof(out->text),
				 "there is data of which what is missing has the only copy");
			return -ENODATA;
		}
		r = lacks < 0 ? lacks : next > from ? r : 0;
	}
	if (r == 0 && !next)
		r = -ENODATA;
	if (r < 0)
		snprintf(out->text, sizeof(out->text),
			 "the kernel does not say whether all data is there (%s)", strerror(-r));
	return r < 0 ? identity_unrelated(r) : 0;
}

int btrfs_work(const void *data, struct job_result *out)
{
	const struct btrfs_question *q = data;
	_cleanup_fd_ int fd = identity_open(q->device, &q->identity);
	char path[JOBS_NAME_MAX + 8];

	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/dev/%s", q->device);
	if (q->kind == BTRFS_TRY)
		return try(path, q, out);
	return identity_unrelated(q->kind == BTRFS_FORGET ? sys_forget_btrfs(path)
							  : sys_register_btrfs(path));
}
