/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which device was a member that is missing now: of those that were there in this boot, and of those that a
 * hostonly image notes.
 */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/mdraid/boot/kit.h"

/* The place of what is known of the member with ROLE of the array UUID; NULL: there is none. */
static struct mdraid_lost *find(const struct mdraid *s, const uint8_t uuid[16], uint32_t role)
{
	for (size_t i = 0; i < s->n_lost && i < MDRAID_LOST_MAX; i++)
		if (s->lost[i].role == role && memcmp(s->lost[i].uuid, uuid, 16) == 0)
			return (struct mdraid_lost *)&s->lost[i];
	return NULL;
}

/* The same, or another place: the oldest one, if all are taken. */
static struct mdraid_lost *place_of(struct mdraid *s, const uint8_t uuid[16], uint32_t role)
{
	struct mdraid_lost *l = find(s, uuid, role);

	if (!l)
		l = &s->lost[s->n_lost++ % MDRAID_LOST_MAX];
	*l = (struct mdraid_lost){.role = role};
	memcpy(l->uuid, uuid, sizeof(l->uuid));
	return l;
}

bool mdraid_was_given(const struct mdraid *s, const struct mdraid_member *m)
{
	const struct mdraid_lost *l =
		m->super.role < 0 ? NULL : find(s, m->super.uuid, (uint32_t)m->super.role);

	return l && l->was_given &&
	       memcmp(l->own_uuid, m->super.own_uuid, sizeof(l->own_uuid)) == 0;
}

void mdraid_remember(struct mdraid *s, const struct mdraid_member *m)
{
	bool was_given = m->is_given || mdraid_was_given(s, m);
	struct mdraid_lost *l;

	if (!m->is_read || m->super.role < 0)
		return;
	l = place_of(s, m->super.uuid, (uint32_t)m->super.role);
	l->was_given = was_given;
	snprintf(l->name, sizeof(l->name), "%s", m->name);
	memcpy(l->own_uuid, m->super.own_uuid, sizeof(l->own_uuid));
}

bool mdraid_note(struct mdraid *s, char *value)
{
	const char *array = strsep(&value, " "), *number = strsep(&value, " ");
	const char *own = strsep(&value, " ");
	uint8_t uuid[16], own_uuid[16] = {0};
	struct mdraid_lost *l;
	uint64_t role;

	if (!value || strlen(value) >= sizeof(l->name) || !mdsuper_parse_uuid(array, uuid) ||
	    !parse_u64(number, MDSUPER_DISKS_MAX, &role) ||
	    (strcmp(own, "-") != 0 && !mdsuper_parse_uuid(own, own_uuid)))
		return false;
	l = place_of(s, uuid, (uint32_t)role);
	l->is_noted = true;
	strcpy(l->name, value);
	memcpy(l->own_uuid, own_uuid, sizeof(l->own_uuid));
	return true;
}

void mdraid_print_lost(const struct mdraid *s, const struct mdraid_array *a, uint32_t role, char *out,
		       size_t size)
{
	static const uint8_t none[16];
	const struct mdraid_lost *l = find(s, a->uuid, role);
	char uuid[MDSUPER_TEXT];
	int n;

	*out = '\0';
	if (!l)
		return;
	n = snprintf(out, size, ": %sit was %s", l->is_noted ? "when the image was made, " : "", l->name);
	mdsuper_print_uuid(l->own_uuid, uuid);
	if (memcmp(l->own_uuid, none, sizeof(none)) != 0 && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, ", UUID %s", uuid);
}
