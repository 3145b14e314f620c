/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bytes of an initramfs image as the kernel receives them: those of a whole file, or, of a
 * unified kernel image (UKI), those of its sections .ucode and .initrd, each padded with zeros to 4
 * bytes, as systemd-stub joins them. If a profile of a UKI has a section of its own, it replaces
 * the base's; the first profile is the one that boots. A boot configuration at the end
 * ("#BOOTCONFIG") is cut off by the kernel's rules.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "format/program/pe.h"

enum {
	SOURCE_SECTIONS_MAX = 256,
	SOURCE_PARTS_MAX = 2,
};

struct image_section {
	struct pe_section pe;
	unsigned profile; /* 0: the base of all; profiles are counted from 1 */
	bool used;        /* part of the image */
};

struct container_part {
	uint64_t pos;          /* in the image */
	uint64_t offset, size; /* in the file */
};

struct container {
	int fd;
	uint64_t size; /* of the image, without a boot configuration */
	bool is_pe;
	bool bad_footer; /* a boot configuration whose size or sum is wrong; the kernel keeps it */
	struct container_part parts[SOURCE_PARTS_MAX];
	unsigned n_parts;
	struct image_section sections[SOURCE_SECTIONS_MAX];
	unsigned n_sections;
};

/* FD is a regular file of FILE_SIZE bytes and remains the caller's. -EBADMSG for a PE file that is
 * damaged or has neither section. */
int container_init(struct container *s, int fd, uint64_t file_size, struct err *err);

/* Up to LEN bytes from position POS of the image; fewer only at its end or when the file was
 * cut meanwhile. Bytes read or -errno. */
ssize_t container_read(const struct container *s, void *data, size_t len, uint64_t pos);

/* The offset in the file that corresponds to POS. */
uint64_t container_place(const struct container *s, uint64_t pos);
