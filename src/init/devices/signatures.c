/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/signatures.h"

#include <stdio.h>
#include <string.h>

#include "init/core/log.h"
#include "init/devices/match.h"

bool signatures_is_filesystem(const struct signature *s)
{
	return strcmp(s->usage, "filesystem") == 0;
}

bool signatures_is_meant(const struct spec *spec, const struct signature *s)
{
	struct block_device d = {0};

	if (!signatures_is_filesystem(s) || (spec->kind != SPEC_UUID && spec->kind != SPEC_LABEL))
		return false;
	snprintf(d.probe.uuid, sizeof(d.probe.uuid), "%s", s->uuid);
	snprintf(d.probe.label, sizeof(d.probe.label), "%s", s->label);
	return match_device(spec, &d);
}

void signatures_resolve(const struct spec *spec, struct block_device *d)
{
	struct probe *p = &d->probe;
	const struct signature *meant = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_signatures; i++)
		if (signatures_is_meant(spec, &p->signatures[i])) {
			meant = &p->signatures[i];
			n++;
		}
	if (!p->ambivalent || p->type[0] || n != 1)
		return;
	snprintf(p->type, sizeof(p->type), "%s", meant->type);
	snprintf(p->usage, sizeof(p->usage), "%s", meant->usage);
	snprintf(p->uuid, sizeof(p->uuid), "%s", meant->uuid);
	snprintf(p->label, sizeof(p->label), "%s", meant->label);
	log_info("%s: of several signatures that of %s is the one that is wanted", d->name, p->type);
}

/* TYPES are separated by commas; NULL: none. */
static bool is_one_of(const char *type, const char *types)
{
	for (; types && *types; types += strcspn(types, ",") + (types[strcspn(types, ",")] == ','))
		if (strlen(type) == strcspn(types, ",") &&
		    strncmp(type, types, strcspn(types, ",")) == 0)
			return true;
	return false;
}

bool signatures_are_named(const struct spec *spec, const char *types, const struct block_device *d)
{
	const struct probe *p = &d->probe;

	if (spec->kind == SPEC_UUID || spec->kind == SPEC_LABEL)
		return false;
	if (strcmp(p->usage, "filesystem") == 0 && is_one_of(p->type, types))
		return true;
	for (unsigned i = 0; i < p->n_signatures; i++)
		if (signatures_is_filesystem(&p->signatures[i]) &&
		    is_one_of(p->signatures[i].type, types))
			return true;
	return false;
}

void signatures_list(const struct probe *p, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (unsigned i = 0; i < p->n_signatures && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s",
					 !i ? "" : i + 1 == p->n_signatures ? " and " : ", ",
					 p->signatures[i].type);
}
