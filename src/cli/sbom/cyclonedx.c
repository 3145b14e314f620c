/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "cli/cli.h"
#include "cli/sbom/kit.h"

/* CycloneDX 1.5 (ECMA-424 is its successor). The serial number is a UUID of version 8 (RFC 9562)
 * made from the manifest's digest, so the same content always has the same number. */

static const char *serial_number(struct sbom *s)
{
	uint8_t id[16];
	const char *hex;

	memcpy(id, s->bill.id, sizeof(id));
	id[6] = (uint8_t)(0x80 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
	hex = sbom_hex(s, id, sizeof(id));
	return arena_printf(&s->arena, "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
			    hex + 16, hex + 20);
}

static const char *package_ref(struct sbom *s, const struct bill_package *p)
{
	return arena_printf(&s->arena, "package-%zu", (size_t)(p - s->bill.packages) + 1);
}

static struct json_object *metadata(struct sbom *s)
{
	struct json_object *o = json_object_new_object(), *image = json_object_new_object(),
			   *tools = json_object_new_object(), *list = json_object_new_array(),
			   *tool = json_object_new_object();

	if (*s->created)
		sbom_add(o, "timestamp", s->created);
	sbom_add(tool, "type", "application");
	sbom_add(tool, "name", "preroot");
	sbom_add(tool, "version", PREROOT_VERSION);
	json_object_array_add(list, tool);
	json_object_object_add(tools, "components", list);
	json_object_object_add(o, "tools", tools);
	sbom_add(image, "type", "file");
	sbom_add(image, "bom-ref", "image");
	sbom_add(image, "name", sbom_name(s));
	if (s->bill.kernel)
		sbom_add(image, "version", s->bill.kernel);
	json_object_object_add(o, "component", image);
	return o;
}

static void add_hash(struct json_object *list, const char *algorithm, const char *value)
{
	struct json_object *o = json_object_new_object();

	sbom_add(o, "alg", algorithm);
	sbom_add(o, "content", value);
	json_object_array_add(list, o);
}

static void add_property(struct json_object *list, const char *name, const char *value)
{
	struct json_object *o = json_object_new_object();

	sbom_add(o, "name", name);
	sbom_add(o, "value", value);
	json_object_array_add(list, o);
}

static struct json_object *file_json(struct sbom *s, size_t n)
{
	struct json_object *o = json_object_new_object(), *hashes = json_object_new_array(),
			   *properties = json_object_new_array();
	const struct bill_file *f = &s->bill.files[n];

	sbom_add(o, "type", "file");
	sbom_add(o, "bom-ref", arena_printf(&s->arena, "file-%zu", n + 1));
	sbom_add(o, "name", arena_printf(&s->arena, "/%s", f->path));
	add_hash(hashes, "SHA-256", sbom_hex(s, f->sha256, sizeof(f->sha256)));
	json_object_object_add(o, "hashes", hashes);
	if (f->source)
		add_property(properties, "preroot:source", f->source);
	add_property(properties, "preroot:reason", f->reason);
	json_object_object_add(o, "properties", properties);
	return o;
}

static struct json_object *package_json(struct sbom *s, const struct bill_package *p)
{
	struct json_object *o = json_object_new_object();

	sbom_add(o, "type", "library");
	sbom_add(o, "bom-ref", package_ref(s, p));
	sbom_add(o, "name", p->name);
	sbom_add(o, "version", p->version);
	if (p->purl)
		sbom_add(o, "purl", p->purl);
	return o;
}

/* The packages, each with its files, then the files that belong to none. */
static struct json_object *components(struct sbom *s)
{
	struct json_object *list = json_object_new_array();
	struct json_object **files = arena_alloc(&s->arena, (s->bill.n_packages + 1) * sizeof(list));

	for (size_t i = 0; i < s->bill.n_packages; i++) {
		struct json_object *o = package_json(s, &s->bill.packages[i]);

		files[i] = json_object_new_array();
		json_object_object_add(o, "components", files[i]);
		json_object_array_add(list, o);
	}
	for (size_t i = 0; i < s->bill.n_files; i++) {
		const struct bill_package *p = s->bill.files[i].package;

		json_object_array_add(p ? files[p - s->bill.packages] : list, file_json(s, i));
	}
	return list;
}

static struct json_object *dependencies(struct sbom *s)
{
	struct json_object *list = json_object_new_array(), *o = json_object_new_object(),
			   *on = json_object_new_array();

	sbom_add(o, "ref", "image");
	for (size_t i = 0; i < s->bill.n_packages; i++)
		json_object_array_add(on, cli_json_text(package_ref(s, &s->bill.packages[i])));
	json_object_object_add(o, "dependsOn", on);
	json_object_array_add(list, o);
	return list;
}

struct json_object *sbom_cyclonedx(struct sbom *s)
{
	struct json_object *o = json_object_new_object();

	sbom_add(o, "bomFormat", "CycloneDX");
	sbom_add(o, "specVersion", "1.5");
	sbom_add(o, "serialNumber", serial_number(s));
	json_object_object_add(o, "version", json_object_new_int(1));
	json_object_object_add(o, "metadata", metadata(s));
	json_object_object_add(o, "components", components(s));
	json_object_object_add(o, "dependencies", dependencies(s));
	return o;
}
