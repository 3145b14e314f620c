/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A bill of materials as the documents that others read. The same image gives the same bytes:
 * names and numbers derive from the manifest, and the date is CREATED alone.
 */

#include <json-c/json.h>

#include "image/bill.h"

enum { SBOM_DATE_SIZE = sizeof("1970-01-01T00:00:00Z") };

struct sbom {
	struct bill bill;
	char created[SBOM_DATE_SIZE]; /* "" if it is not known */
	struct arena arena;
};

/* The whole image's name: "initramfs-VERSION". */
const char *sbom_name(struct sbom *s);
const char *sbom_hex(struct sbom *s, const uint8_t *bytes, size_t len);
void sbom_add(struct json_object *o, const char *key, const char *text);

struct json_object *sbom_spdx(struct sbom *s);      /* version 2.3 */
struct json_object *sbom_cyclonedx(struct sbom *s); /* version 1.5 */
