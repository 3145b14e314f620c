/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which MD array is mdN, and which is /dev/md/NAME. The superblock says what an array would like to
 * be, and so does that of an array of another machine, on a disk that was plugged in. Arrays that
 * the image was built for have their names and numbers before all others; of any others, none has a
 * name that two of them claim.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "features/mdraid/boot/kit.h"
#include "init/core/log.h"

enum {
	NUMBER_MAX = (1 << 20) - 1,
	NUMBER_FIRST = 127, /* of arrays whose name is no number; the next ones count down */
};

/* ---- arrays that the image was built for ---- */

bool mdraid_add_own(struct mdraid *s, char *value)
{
	struct mdraid_own *own = &s->own[s->n_own];
	char *number = value + strcspn(value, " "), *name;
	uint64_t n = MDRAID_NO_NUMBER;

	if (s->n_own == MDRAID_ARRAYS_MAX || !*number)
		return false;
	*number++ = '\0';
	name = number + strcspn(number, " ");
	if (*name)
		*name++ = '\0';
	if (!mdsuper_parse_uuid(value, own->uuid) || strlen(name) >= sizeof(own->name) ||
	    (strcmp(number, "-") != 0 && !parse_u64(number, NUMBER_MAX, &n)))
		return false;
	own->number = (uint32_t)n;
	strcpy(own->name, name);
	s->n_own++;
	return true;
}

static const struct mdraid_own *own_of(const struct mdraid *s, const struct mdraid_array *a)
{
	for (size_t i = 0; i < s->n_own; i++)
		if (memcmp(s->own[i].uuid, a->uuid, sizeof(a->uuid)) == 0)
			return &s->own[i];
	return NULL;
}

/* ---- what an array claims ---- */

/* "host:0" is /dev/md0 and /dev/md/0, as with mdadm; an old one has a number, but no name. */
static void claim_of(const struct mdraid_array *a, const struct mdsuper *super,
		     struct mdraid_own *out)
{
	uint64_t number = MDRAID_NO_NUMBER;
	const struct mdraid_member m = {.super = *super};

	mdraid_name(a, &m, out->name);
	if (super->version == MDSUPER_0_90)
		number = super->preferred;
	else
		parse_u64(out->name, NUMBER_MAX, &number);
	out->number = number <= NUMBER_MAX ? (uint32_t)number : MDRAID_NO_NUMBER;
}

static bool is_same(const struct mdraid_own *claim, const struct mdraid_own *other)
{
	return (claim->number != MDRAID_NO_NUMBER && claim->number == other->number) ||
	       strcmp(claim->name, other->name) == 0;
}

/* What A claims: by what it runs as, or as its members are now. False: there are none. */
static bool claims(const struct mdraid *s, const struct mdraid_array *a, struct mdraid_own *out)
{
	const struct mdraid_member *m = mdraid_is_up(a) ? NULL : mdraid_leader(s, a);

	if (!m && !mdraid_is_up(a))
		return false;
	claim_of(a, m ? &m->super : &a->started, out);
	return true;
}

/* Another array that claims the same, and runs or could be started now. */
static const struct mdraid_array *rival_of(const struct mdraid *s, const struct mdraid_array *a,
					   const struct mdraid_own *claim)
{
	for (size_t i = 0; i < s->n_arrays; i++) {
		const struct mdraid_array *o = &s->arrays[i];
		struct mdraid_own other;

		if (o != a && claims(s, o, &other) && is_same(claim, &other) &&
		    (mdraid_is_up(o) || mdraid_can_start(s, o, mdraid_leader(s, o))))
			return o;
	}
	return NULL;
}

/* Is it what another array had when the image was built, or claims now? */
static bool is_anothers(const struct mdraid *s, const struct mdraid_array *a,
			const struct mdraid_own *claim)
{
	struct mdraid_own other;

	for (size_t i = 0; i < s->n_own; i++)
		if (&s->own[i] != own_of(s, a) && is_same(claim, &s->own[i]))
			return true;
	for (size_t i = 0; i < s->n_arrays; i++)
		if (&s->arrays[i] != a && own_of(s, &s->arrays[i]) &&
		    claims(s, &s->arrays[i], &other) && is_same(claim, &other))
			return true;
	return false;
}

/* Where the image does not know better, the first array that runs has the name. But none has it if
 * the next one could be started at the same time: only chance decides which of them comes first. */
static bool is_contested(const struct mdraid *s, const struct mdraid_array *a,
			 const struct mdraid_own *claim)
{
	const struct mdraid_array *o;

	if (own_of(s, a) || is_anothers(s, a, claim))
		return own_of(s, a) && is_anothers(s, a, claim);
	o = rival_of(s, a, claim);
	return o && (!mdraid_is_up(o) || o->is_contested);
}

/* ---- its number ---- */

bool mdraid_has_number(unsigned number)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/block/md%u", number);
	return access(path, F_OK) == 0;
}

static bool is_taken(const struct mdraid *s, const struct mdraid_array *a, unsigned number)
{
	for (size_t i = 0; i < s->n_arrays; i++)
		if (mdraid_is_up(&s->arrays[i]) && s->arrays[i].number == number)
			return true;
	return mdraid_has_number(number) && !(a->has_left && a->number == number);
}

/* It is kept for another array, which the image was built for. */
static bool is_kept(const struct mdraid *s, const struct mdraid_array *a, unsigned number)
{
	for (size_t i = 0; i < s->n_own; i++)
		if (s->own[i].number == number && &s->own[i] != own_of(s, a))
			return true;
	return false;
}

static bool is_free(const struct mdraid *s, const struct mdraid_array *a, uint32_t number)
{
	return number != MDRAID_NO_NUMBER && !is_taken(s, a, number) && !is_kept(s, a, number);
}

static bool is_wanted(const struct part *p, uint32_t number)
{
	char name[32];

	snprintf(name, sizeof(name), "md%u", number);
	return number != MDRAID_NO_NUMBER && part_wants_name(p, name);
}

bool mdraid_is_meant(const struct part *p, const struct mdraid_array *a)
{
	const struct mdraid *s = p->state;
	const struct mdraid_member *m = mdraid_leader(s, a);
	struct mdraid_own claim;
	char link[MDSUPER_TEXT + 4];

	if (s->wishes.uuids.n || own_of(s, a) || (s->is_needed && !s->n_own))
		return true;
	if (!m)
		return false;
	claim_of(a, &m->super, &claim);
	snprintf(link, sizeof(link), "md/%s", claim.name);
	return is_wanted(p, claim.number) || part_wants_name(p, link);
}

/* An array of another machine's name, or one that was renamed, runs as md127 where mdadm starts it, whatever number
 * its superblock has: that is in fstab then. */
unsigned mdraid_choose_number(const struct part *p, const struct mdraid_array *a,
			      const struct mdraid_member *m)
{
	const struct mdraid *s = p->state;
	const struct mdraid_own *own = own_of(s, a);
	struct mdraid_own claim;
	unsigned number = NUMBER_FIRST;

	claim_of(a, &m->super, &claim);
	if (own && is_free(s, a, own->number) &&
	    (!is_wanted(p, claim.number) || is_wanted(p, own->number)))
		return own->number;
	if (is_free(s, a, claim.number) &&
	    (own || !(is_anothers(s, a, &claim) || is_contested(s, a, &claim))))
		return claim.number;
	if (own && is_free(s, a, own->number))
		return own->number;
	while (number && !is_free(s, a, number))
		number--;
	return number;
}

/* ---- its name ---- */

static bool is_name_taken(const struct mdraid *s, const struct mdraid_array *a, const char *name)
{
	for (size_t i = 0; i < s->n_arrays; i++)
		if (&s->arrays[i] != a && mdraid_is_up(&s->arrays[i]) &&
		    strcmp(s->arrays[i].name, name) == 0)
			return true;
	return false;
}

void mdraid_take_name(const struct mdraid *s, struct mdraid_array *a, const struct mdraid_member *m)
{
	bool is_old = m->super.version == MDSUPER_0_90, is_second;
	char uuid[MDSUPER_TEXT], number[16];
	struct mdraid_own claim;
	unsigned n = 0;

	claim_of(a, &m->super, &claim);
	snprintf(number, sizeof(number), "%u", claim.number);
	mdsuper_print_uuid(a->uuid, uuid);
	a->is_contested = is_contested(s, a, &claim);
	snprintf(a->name, sizeof(a->name), "%s", a->is_contested ? uuid : claim.name);
	is_second = !own_of(s, a) && is_anothers(s, a, &claim) && !is_old;
	/* As with mdadm. */
	while (is_name_taken(s, a, a->name) || (is_second && !n))
		snprintf(a->name, sizeof(a->name), "%.32s_%u", claim.name, n++);
	if (a->is_contested)
		log_show("several MD arrays claim /dev/md%s%s, and none of them gets it: that with "
			 "UUID %s is "
			 "/dev/md/%s",
			 is_old ? "" : "/", is_old ? number : claim.name, uuid, a->name);
	else if (n)
		log_show("there are two MD arrays %s: that with UUID %s is /dev/md/%s", claim.name,
			 uuid, a->name);
}
