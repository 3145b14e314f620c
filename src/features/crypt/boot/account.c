/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is said of LUKS volumes. */

#include <stdio.h>
#include <string.h>

#include "features/crypt/boot/kit.h"
#include "init/core/log.h"

static const char *state_of(const struct crypt *s, const struct crypt_volume *v)
{
	if (v->state == CRYPT_OPEN)
		return "which is open";
	if (v->state == CRYPT_OPENS)
		return "which is being opened";
	return v == s->asked ? "whose passphrase is asked for" : "which waits for its turn";
}

void crypt_describe(const struct crypt *s, const struct crypt_volume *v, char *out, size_t size)
{
	if (v->state == CRYPT_FAILED)
		snprintf(out, size, "LUKS volume %s (%s), which was not opened: %s", v->name,
			 v->device, v->why);
	else
		snprintf(out, size, "LUKS volume %s (%s), %s", v->name, v->device, state_of(s, v));
}

void crypt_account(const struct part *p)
{
	const struct crypt *s = p->state;
	char text[PART_TEXT_MAX + CRYPTTAB_NAME_MAX + JOBS_NAME_MAX + 64];

	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state != CRYPT_NONE && s->volumes[i].state != CRYPT_OPEN) {
			crypt_describe(s, &s->volumes[i], text, sizeof(text));
			log_show("  %s", text);
		}
	for (size_t i = 0; i < CRYPT_SEEN_MAX; i++) {
		const struct crypt_seen *e = &s->seen[i];
		struct crypt_volume v = {.ref = e->ref};
		struct part_device d;

		memcpy(v.uuid, e->uuid, sizeof(v.uuid));
		memcpy(v.device, e->device, sizeof(v.device));
		if (e->ref.generation && part_get(p, e->ref, &d) && !crypt_is_wanted(p, &v, text))
			log_show("  LUKS volume on %s: %s", e->device, text);
	}
	for (size_t i = 0; i < s->n_table; i++) {
		const struct crypttab_entry *e = &s->table[i];
		struct part_device d;

		if (!s->wishes.off && !s->wishes.no_table && !part_find(p, &s->devices[i], &d))
			log_show("  LUKS volume %s: its device %s is not there", e->name, e->device);
	}
}
