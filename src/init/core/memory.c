/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/log.h"

enum { MEMINFO_LEVEL = 2, SLAB_LEVEL = 3, TEXT_MAX = 32 * 1024 };

static bool matters(const char *line)
{
	static const char *const names[] = {"MemTotal:", "MemFree:", "MemAvailable:",
					    "Shmem:", "Slab:", "Unevictable:"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_starts(line, names[i]))
			return true;
	return false;
}

static void log_lines(const char *path, bool all, const char *stage)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	static char text[TEXT_MAX];
	ssize_t n = fd < 0 ? 0 : read_full(fd, text, sizeof(text) - 1);
	char *cursor = text, *line;

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&cursor, "\n")))
		if (*line && (all || matters(line)))
			log_info("memory at %s: %s", stage, line);
}

void memory_log(unsigned level, const char *stage)
{
	if (level)
		log_lines("/proc/meminfo", level >= MEMINFO_LEVEL, stage);
	if (level >= SLAB_LEVEL)
		log_lines("/proc/slabinfo", true, stage);
}
