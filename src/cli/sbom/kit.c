/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/sbom/kit.h"

#include <stdio.h>

#include "cli/json.h"

const char *sbom_name(struct sbom *s)
{
	return s->bill.kernel ? arena_printf(&s->arena, "initramfs-%s", s->bill.kernel)
			      : "initramfs";
}

const char *sbom_hex(struct sbom *s, const uint8_t *bytes, size_t len)
{
	char *out = arena_alloc(&s->arena, 2 * len + 1);

	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return out;
}

void sbom_add(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, cli_json_text(text));
}
