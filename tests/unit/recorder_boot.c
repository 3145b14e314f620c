/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/boot.h"
#include "recorder.h"
#include "support.h"

struct boot *recorder_boot(void)
{
	struct rooms *all = calloc(1, sizeof(*all)); /* the boot is its first member */

	assert_non_null(all);
	buf_clear(&recorder.log);
	return rooms_join(all);
}
