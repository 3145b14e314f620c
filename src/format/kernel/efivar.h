/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An EFI text variable as efivarfs shows it: 4 bytes of attributes, then UTF-16LE, with or without
 * a NUL at its end. Source: Documentation/filesystems/efivarfs.rst, UEFI specification section 8.2.
 * Pure.
 */

#include <stddef.h>

/* The folder of the variables, below a root. */
#define EFIVAR_DIR "sys/firmware/efi/efivars"

/* The suffixes of names: variables of the firmware itself (EFI_GLOBAL_VARIABLE), and of the Boot
 * Loader Interface (systemd.io). */
#define EFIVAR_GLOBAL "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define EFIVAR_LOADER "-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

/* The partition that the boot loader was started from; its value is a PARTUUID. Source: The Boot
 * Loader Interface. */
#define EFIVAR_LOADER_PARTITION "LoaderDevicePartUUID" EFIVAR_LOADER

/* Its name and version: "systemd-boot 252.39-1~deb12u1". Source: the same. */
#define EFIVAR_LOADER_INFO "LoaderInfo" EFIVAR_LOADER

/* Writes the text to OUT, terminated. -EBADMSG when it is not plain ASCII, or ends in the middle of
 * a character; -E2BIG when SIZE is too small. OUT is unchanged on failure. */
int efivar_text(const void *data, size_t len, char *out, size_t size);
