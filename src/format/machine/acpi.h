/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The header that every ACPI table starts with: signature, length of the table, revision, checksum
 * (all bytes add up to 0), vendor (ACPI specification, "System Description Table Header"); and the
 * kinds of tables that the kernel loads from an initramfs (drivers/acpi/tables.c). Pure.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Where the kernel looks, in an uncompressed archive at the start of the image. */
#define ACPI_DIR "kernel/firmware/acpi/"

enum {
	ACPI_TABLES_MAX = 64, /* the kernel takes no more than this many */
	ACPI_NAME_MAX = 17,   /* of a file: longer names are cut off in the kernel's messages */
};

struct acpi_table {
	char signature[5];
	char oem_id[7];
	char oem_table_id[9];
	uint32_t oem_revision;
};

/* One whole table. -EBADMSG when length or checksum are wrong, -ENOTSUP for a kind that the
 * kernel does not take. */
int acpi_table_decode(const void *data, size_t len, struct acpi_table *out, struct err *err);
