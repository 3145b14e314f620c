/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/locked.h"

#include <string.h>
#include <sys/mman.h>

char *locked_new(void)
{
	void *memory = mmap(NULL, LOCKED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	/* Each is one more protection, where the kernel supports it. Without WIPEONFORK a worker
	 * would keep a copy for as long as it lives. */
	mlock(memory, LOCKED_SIZE);
	madvise(memory, LOCKED_SIZE, MADV_WIPEONFORK);
	madvise(memory, LOCKED_SIZE, MADV_DONTDUMP);
	return memory;
}

void locked_wipe(char *memory)
{
	if (memory)
		explicit_bzero(memory, LOCKED_SIZE);
}
