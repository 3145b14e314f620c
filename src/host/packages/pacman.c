/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/packages/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parallel.h"

#define PACMAN "var/lib/pacman/local"

/* The folder also holds files, such as ALPM_DB_VERSION, which are no packages. */
static int open_package(const struct packages *p, size_t item)
{
	char path[NAME_MAX + sizeof(PACMAN) + 8];

	snprintf(path, sizeof(path), PACMAN "/%s", p->names[item]);
	return root_openat(p->root, path, O_PATH | O_DIRECTORY);
}

static int read_files(size_t item, unsigned worker, void *arg)
{
	struct packages *p = arg;
	_cleanup_fd_ int folder = open_package(p, item);
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct span text, line;
	size_t at;
	int r;

	(void)worker;
	if (folder == -ENOTDIR)
		return 0;
	r = folder < 0 ? folder : read_file_at(folder, "files", PACKAGES_FILE_MAX, &b);
	if (r < 0) {
		packages_damaged(p, r, "/" PACMAN "/%s/files: %s", p->names[item], strerror(-r));
		return 0;
	}
	text = (struct span){(const char *)b.data, b.len};
	at = pacman_section(text, "FILES");
	while (at != SIZE_MAX && span_line(text, &at, &line) && line.len)
		packages_claim(p, line, (uint32_t)item);
	return 0;
}

static void read_desc(struct packages *p, uint32_t number)
{
	_cleanup_fd_ int folder = open_package(p, number);
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r = folder < 0 ? folder : read_file_at(folder, "desc", PACKAGES_FILE_MAX, &b);
	struct span text;

	if (r < 0) {
		packages_damaged(p, r, "/" PACMAN "/%s/desc: %s", p->names[number], strerror(-r));
		return;
	}
	text = (struct span){(const char *)b.data, b.len};
	packages_is(p, number, pacman_value(text, "NAME"), pacman_value(text, "VERSION"),
		    pacman_value(text, "ARCH"));
}

bool packages_read_pacman(struct packages *p, unsigned threads)
{
	_cleanup_free_ bool *done = NULL;

	if (!packages_list(p, PACMAN, "") || !p->n_names)
		return false;
	parallel_run(p->n_names, threads, read_files, p);
	done = xrealloc(NULL, p->n_names, sizeof(*done));
	memset(done, 0, p->n_names * sizeof(*done));
	for (const struct wanted *w = p->all; w; w = w->before) {
		if (w->owner == PACKAGES_NOBODY || done[w->owner])
			continue;
		done[w->owner] = true;
		read_desc(p, w->owner);
	}
	return true;
}
