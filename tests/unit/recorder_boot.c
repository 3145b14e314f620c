/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/boot.h"
#include "init/devices/block.h"
#include "recorder.h"
#include "support.h"

struct boot *recorder_boot(void)
{
	struct rooms *all = calloc(1, sizeof(*all)); /* the boot is its first member */

	assert_non_null(all);
	buf_clear(&recorder.log);
	return rooms_join(all);
}

struct boot *recorder_boot_with(const char *cmdline)
{
	struct boot *b = recorder_boot();

	params_parse(&b->params, cmdline, strlen(cmdline));
	return b;
}

const char *recorder_root(struct boot *b)
{
	int n = block_find(b, &b->params.root);

	return n < 0 ? "-" : b->devices->list[n].name;
}
