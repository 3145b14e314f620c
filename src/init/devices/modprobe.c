/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/modprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/log.h"
#include "init/devices/modules.h"

/* The kernel's own time limit for a module that another one needs. */
enum { PATIENCE_MS = 30000 };

/* Is it loaded? finit_module() would find out only after reading the whole file. */
static bool is_live(const char *name)
{
	char path[MODINDEX_NAME_MAX + 32], state[16];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, state, sizeof(state) - 1);
	state[n > 0 ? n : 0] = '\0';
	return str_starts(state, "live");
}

int modprobe_load(struct boot *b, const char *name, int64_t until)
{
	uint32_t module;
	int r = -ENOENT;

	if (!modules_request(b, name))
		modules_request_alias(b, name);
	while ((module = modules_next(b, RANK_GOAL)) != MODINDEX_NONE) {
		const char *it = modindex_name(&b->modules->index, module);

		r = is_live(it) ? 0 : modules_load_until(b, module, until);
		if (r == -EINPROGRESS)
			log_info("modprobe %s: %s is still being loaded, and may itself wait for this: "
				 "not waiting for it any longer", name, it);
		modules_done(b, module, r);
	}
	return r < 0;
}

/* The kernel starts us without descriptors, and the first file that we open must not become
 * standard error. */
static void fill_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int modprobe_run(struct boot *b, int argc, char **argv)
{
	int64_t until = log_now() + PATIENCE_MS;

	fill_descriptors();
	settings_load(b); /* for options of modules on the command line */
	modules_map(b);
	log_join();
	return modprobe_load(b, argc > 1 ? argv[argc - 1] : "", until);
}
