/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/cli.h"
#include "cli/sbom/kit.h"

/* SPDX 2.3 (ISO/IEC 5962 and its successor), clauses 6 to 11. The namespace must be unique for a
 * document: it ends with the manifest's digest, and so is the same for the same content alone. */

#define NAMESPACE "https://spdx.org/spdxdocs/preroot-initramfs-"
#define IMAGE_ID "SPDXRef-Image"
#define UNKNOWN "NOASSERTION"
#define NO_DATE "1970-01-01T00:00:00Z" /* a date is mandatory */

static const char *file_id(struct sbom *s, size_t n)
{
	return arena_printf(&s->arena, "SPDXRef-File-%zu", n + 1);
}

static const char *package_id(struct sbom *s, const struct bill_package *p)
{
	return arena_printf(&s->arena, "SPDXRef-Package-%zu", (size_t)(p - s->bill.packages) + 1);
}

static struct json_object *creation_info(const struct sbom *s)
{
	struct json_object *o = json_object_new_object(), *creators = json_object_new_array();

	sbom_add(o, "created", *s->created ? s->created : NO_DATE);
	json_object_array_add(creators, cli_json_text("Tool: preroot-" PREROOT_VERSION));
	json_object_object_add(o, "creators", creators);
	return o;
}

static void add_licences(struct json_object *o)
{
	sbom_add(o, "licenseConcluded", UNKNOWN);
	sbom_add(o, "copyrightText", UNKNOWN);
}

static struct json_object *image_package(struct sbom *s)
{
	struct json_object *o = json_object_new_object(), *code = json_object_new_object();

	sbom_add(o, "SPDXID", IMAGE_ID);
	sbom_add(o, "name", sbom_name(s));
	if (s->bill.kernel)
		sbom_add(o, "versionInfo", s->bill.kernel);
	sbom_add(o, "downloadLocation", UNKNOWN);
	sbom_add(o, "primaryPackagePurpose", "ARCHIVE");
	json_object_object_add(o, "filesAnalyzed", json_object_new_boolean(true));
	sbom_add(code, "packageVerificationCodeValue",
		 sbom_hex(s, s->bill.code, sizeof(s->bill.code)));
	json_object_object_add(o, "packageVerificationCode", code);
	add_licences(o);
	return o;
}

static struct json_object *package_json(struct sbom *s, const struct bill_package *p)
{
	struct json_object *o = json_object_new_object(), *refs = json_object_new_array(),
			   *ref = json_object_new_object();

	sbom_add(o, "SPDXID", package_id(s, p));
	sbom_add(o, "name", p->name);
	sbom_add(o, "versionInfo", p->version);
	sbom_add(o, "downloadLocation", UNKNOWN);
	json_object_object_add(o, "filesAnalyzed", json_object_new_boolean(false));
	add_licences(o);
	if (p->purl) {
		sbom_add(ref, "referenceCategory", "PACKAGE-MANAGER");
		sbom_add(ref, "referenceType", "purl");
		sbom_add(ref, "referenceLocator", p->purl);
		json_object_array_add(refs, ref);
		json_object_object_add(o, "externalRefs", refs);
	} else {
		json_object_put(refs);
		json_object_put(ref);
	}
	return o;
}

static void add_checksum(struct json_object *list, const char *algorithm, const char *value)
{
	struct json_object *o = json_object_new_object();

	sbom_add(o, "algorithm", algorithm);
	sbom_add(o, "checksumValue", value);
	json_object_array_add(list, o);
}

static struct json_object *file_json(struct sbom *s, size_t n)
{
	struct json_object *o = json_object_new_object(), *sums = json_object_new_array();
	const struct bill_file *f = &s->bill.files[n];

	sbom_add(o, "SPDXID", file_id(s, n));
	sbom_add(o, "fileName", arena_printf(&s->arena, "./%s", f->path));
	/* SHA-1 is mandatory. */
	add_checksum(sums, "SHA1", sbom_hex(s, f->sha1, sizeof(f->sha1)));
	add_checksum(sums, "SHA256", sbom_hex(s, f->sha256, sizeof(f->sha256)));
	json_object_object_add(o, "checksums", sums);
	sbom_add(o, "comment", f->reason);
	add_licences(o);
	return o;
}

static void relate(struct json_object *list, const char *a, const char *type, const char *b)
{
	struct json_object *o = json_object_new_object();

	sbom_add(o, "spdxElementId", a);
	sbom_add(o, "relationshipType", type);
	sbom_add(o, "relatedSpdxElement", b);
	json_object_array_add(list, o);
}

static struct json_object *relationships(struct sbom *s)
{
	struct json_object *list = json_object_new_array();

	relate(list, "SPDXRef-DOCUMENT", "DESCRIBES", IMAGE_ID);
	for (size_t i = 0; i < s->bill.n_packages; i++)
		relate(list, IMAGE_ID, "GENERATED_FROM", package_id(s, &s->bill.packages[i]));
	for (size_t i = 0; i < s->bill.n_files; i++) {
		const struct bill_package *p = s->bill.files[i].package;

		relate(list, IMAGE_ID, "CONTAINS", file_id(s, i));
		if (p)
			relate(list, file_id(s, i), "GENERATED_FROM", package_id(s, p));
	}
	return list;
}

struct json_object *sbom_spdx(struct sbom *s)
{
	struct json_object *o = json_object_new_object(), *packages = json_object_new_array(),
			   *files = json_object_new_array();

	sbom_add(o, "spdxVersion", "SPDX-2.3");
	sbom_add(o, "dataLicense", "CC0-1.0");
	sbom_add(o, "SPDXID", "SPDXRef-DOCUMENT");
	sbom_add(o, "name", sbom_name(s));
	sbom_add(o, "documentNamespace",
		 arena_printf(&s->arena, NAMESPACE "%s",
			      sbom_hex(s, s->bill.id, sizeof(s->bill.id))));
	json_object_object_add(o, "creationInfo", creation_info(s));
	json_object_array_add(packages, image_package(s));
	for (size_t i = 0; i < s->bill.n_packages; i++)
		json_object_array_add(packages, package_json(s, &s->bill.packages[i]));
	json_object_object_add(o, "packages", packages);
	for (size_t i = 0; i < s->bill.n_files; i++)
		json_object_array_add(files, file_json(s, i));
	json_object_object_add(o, "files", files);
	json_object_object_add(o, "relationships", relationships(s));
	return o;
}
