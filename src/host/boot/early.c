/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/boot/early.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "format/kernel/cpio.h"

enum {
	ENTRIES_MAX = 4096, /* in an early archive */
	ZEROS_MAX = 4096,   /* padding after it */
};

static bool is_early_name(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "kernel") == 0 || str_starts(name, "kernel/");
}

/* The number of zeros at AT; -1 if there are more than ZEROS_MAX. */
static ssize_t count_zeros(int fd, uint64_t at)
{
	char zeros[ZEROS_MAX + 1];
	ssize_t n = pread_full(fd, zeros, sizeof(zeros), at), k = 0;

	while (k < n && !zeros[k])
		k++;
	return n < 0 || k > ZEROS_MAX ? -1 : k;
}

bool boot_image_is_early(const struct root *r, const char *path)
{
	_cleanup_fd_ int fd = root_openat(r, path, O_RDONLY | O_NONBLOCK);
	char data[CPIO_HEADER_SIZE + sizeof(CPIO_TRAILER)];
	uint64_t at = 0;
	struct cpio_header h;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fd < 0 && strstr(base_name(path), "ucode");
	for (unsigned i = 0; i < ENTRIES_MAX; i++) {
		const char *name = data + CPIO_HEADER_SIZE;
		ssize_t zeros;

		if (pread_full(fd, data, sizeof(data), at) != sizeof(data) ||
		    cpio_decode_header(data, &h, NULL) < 0)
			return false;
		at += CPIO_HEADER_SIZE + (uint64_t)h.namesize;
		at += cpio_pad(at);
		at += h.filesize;
		at += cpio_pad(at);
		if (memcmp(name, CPIO_TRAILER, sizeof(CPIO_TRAILER)) != 0) {
			if (!is_early_name(name))
				return false;
			continue;
		}
		/* Another archive may follow. */
		zeros = count_zeros(fd, at);
		if (zeros < 0)
			return false;
		at += (uint64_t)zeros;
		if (at >= (uint64_t)st.st_size)
			return true;
	}
	return false;
}
