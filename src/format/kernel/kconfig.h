/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A kernel configuration (.config): lines "CONFIG_X=y", "=m", "=value", comments. CONFIG_IKCONFIG
 * also embeds it in the kernel, as a gzip stream between "IKCFG_ST" and "IKCFG_ED". Pure.
 */

#include <stddef.h>

enum kconfig_value {
	KCONFIG_NO,     /* absent, or "is not set" */
	KCONFIG_MODULE,
	KCONFIG_YES,    /* =y, or any other value */
};

/* NAME with its CONFIG_ prefix. The last assignment in TEXT counts. */
enum kconfig_value kconfig_get(const char *text, size_t len, const char *name);

/* Finds an embedded configuration. Its gzip stream, or NULL. */
const void *kconfig_find_embedded(const void *data, size_t len, size_t *gz_len);
