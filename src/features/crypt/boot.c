/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LUKS volumes, opened by the cryptsetup of the image. Which ones:
 *
 *   crypt.volume=NAME DEVICE [KEY [OPTIONS]]   in boot.conf, as in crypttab
 *   crypt.pin=NAME PIN                         which volume key it has to have (luks.h)
 *   rd.luks.uuid=UUID, rd.luks.name=UUID=NAME  only these, if there are any
 *   rd.auto                                    all, unless some are named
 *
 * Their keys are tried first, then the last passphrase that was right for another one, then
 * somebody is asked: one question and one cryptsetup at a time, since a key derivation may take most
 * of the memory.
 */

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "features/crypt/boot/kit.h"
#include "init/core/log.h"

enum { SETTLE_MS = 60000 };

static bool is_ref(struct device_ref a, struct device_ref b)
{
	return a.slot == b.slot && a.generation == b.generation;
}

/* ---- settings ---- */

/* "NAME PIN" of a volume that was named before. */
static bool take_pin(struct crypt *s, char *value)
{
	char *name = strsep(&value, " ");

	for (size_t i = 0; i < s->n_table && value && *value; i++)
		if (strcmp(s->table[i].name, name) == 0) {
			s->pins[i] = value;
			return true;
		}
	return false;
}

static bool setting(struct part *p, const char *key, char *value)
{
	struct crypt *s = p->state;
	const char *why;

	if (strcmp(key, "program") == 0) {
		s->program = value;
		return true;
	}
	if (strcmp(key, "pin") == 0)
		return take_pin(s, value);
	if (strcmp(key, "volume") != 0 || s->n_table == CRYPT_VOLUMES_MAX ||
	    crypttab_parse(value, &s->table[s->n_table], &why) <= 0)
		return false;
	spec_parse(s->table[s->n_table].device, &s->devices[s->n_table]);
	s->n_table++;
	return true;
}

static void begin(struct part *p)
{
	struct crypt *s = p->state;

	for (size_t i = 0; i < s->n_table && !s->wishes.off; i++)
		part_want(p, &s->devices[i]);
}

/* ---- volumes ---- */

static struct crypt_volume *find(struct crypt *s, struct device_ref ref)
{
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state != CRYPT_NONE && is_ref(s->volumes[i].ref, ref))
			return &s->volumes[i];
	return NULL;
}

/* With the same UUID; they are the same disk on two ways, or one is a copy. */
static struct crypt_volume *find_twin(struct crypt *s, const struct crypt_seen *e)
{
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state != CRYPT_NONE && strcmp(s->volumes[i].uuid, e->uuid) == 0)
			return &s->volumes[i];
	return NULL;
}

static struct crypt_volume *free_place(struct crypt *s)
{
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state == CRYPT_NONE)
			return &s->volumes[i];
	return NULL;
}

static void forget_seen(struct crypt *s, struct device_ref ref)
{
	for (size_t i = 0; i < CRYPT_SEEN_MAX; i++)
		if (is_ref(s->seen[i].ref, ref))
			s->seen[i] = (struct crypt_seen){0};
}

/* What there is no place for is not judged again when something else has changed. */
static void add_seen(struct part *p, const struct crypt_seen *new)
{
	struct crypt *s = p->state;
	struct part_device d;

	forget_seen(s, new->ref);
	for (size_t i = 0; i < CRYPT_SEEN_MAX; i++)
		if (!s->seen[i].ref.generation || !part_get(p, s->seen[i].ref, &d)) {
			s->seen[i] = *new;
			return;
		}
}

/* Of two devices with one UUID that which sorts first is taken, as long as the other is not being opened. */
static bool gives_way(struct part *p, struct crypt_volume *twin, const struct crypt_seen *e)
{
	struct crypt *s = p->state;

	if (twin->state != CRYPT_WAITS || (s->asked == twin && s->secret_len) ||
	    strcmp(e->device, twin->device) > 0)
		return false;
	log_show("%s and %s are LUKS volumes with the same UUID: %s is taken, which sorts first", e->device,
		 twin->device, e->device);
	return true;
}

/* IGNORES: it is not to be opened, WHY says why. */
static enum part_claim consider(struct part *p, const struct crypt_seen *e, char *why)
{
	struct crypt *s = p->state;
	struct crypt_volume v = {.state = CRYPT_WAITS, .ref = e->ref}, *place = find_twin(s, e);

	memcpy(v.device, e->device, sizeof(v.device));
	memcpy(v.uuid, e->uuid, sizeof(v.uuid));
	if (!crypt_is_wanted(p, &v, why))
		return PART_IGNORES;
	if (strcmp(s->unsteady, e->device) == 0) {
		snprintf(why, PART_TEXT_MAX, "it is another device each time it is opened");
		return PART_REFUSES;
	}
	if (place && !gives_way(p, place, e)) {
		snprintf(why, PART_TEXT_MAX, "it has the same UUID as %s", place->device);
		return PART_REFUSES;
	}
	if (place)
		part_cancel(p, PART_QUESTION, (unsigned)(place - s->volumes));
	if (place && s->asked == place)
		s->asked = NULL;
	place = place ? place : free_place(s);
	if (!place) {
		snprintf(why, PART_TEXT_MAX, "there are too many");
		return PART_REFUSES;
	}
	*place = v;
	part_will_ask(p);
	part_module(p, "devname:mapper/control");
	crypt_step(p);
	return PART_HOLDS;
}

/* Something has changed: another volume is gone, or a device has got a further name. */
static void judge_again(struct part *p)
{
	struct crypt *s = p->state;
	char why[PART_TEXT_MAX];
	struct part_device d;

	for (size_t i = 0; i < CRYPT_SEEN_MAX; i++)
		if (s->seen[i].ref.generation && part_get(p, s->seen[i].ref, &d) &&
		    !find(s, s->seen[i].ref) && consider(p, &s->seen[i], why) == PART_HOLDS)
			part_hold(p, s->seen[i].ref);
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	struct crypt_seen e = {.ref = d->ref};
	enum part_claim claim;

	judge_again(p);
	if (strcmp(d->probe->type, "crypto_LUKS") != 0)
		return PART_IGNORES;
	if (find(p->state, d->ref)) {
		crypt_step(p);
		return PART_HOLDS;
	}
	snprintf(e.device, sizeof(e.device), "%s", d->name);
	snprintf(e.uuid, sizeof(e.uuid), "%.*s", CRYPT_TEXT_MAX - 1, d->probe->uuid);
	claim = consider(p, &e, why);
	add_seen(p, &e);
	return claim == PART_IGNORES && part_is_root(p, d->ref) ? PART_REFUSES : claim;
}

static void gone(struct part *p, struct device_ref ref)
{
	struct crypt *s = p->state;
	struct crypt_volume *v = find(s, ref);

	forget_seen(s, ref);
	if (v)
		crypt_forget(p, v);
	judge_again(p);
}

/* ---- the rest of the boot ---- */

static void what(const struct part *p, char *out, size_t size)
{
	const struct crypt *s = p->state;

	*out = '\0';
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX && !*out; i++)
		if (s->volumes[i].state != CRYPT_NONE && s->volumes[i].state != CRYPT_OPEN)
			crypt_describe(s, &s->volumes[i], out, size);
}

static bool is_locked(const struct part *p)
{
	const struct crypt *s = p->state;

	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state != CRYPT_NONE && s->volumes[i].state != CRYPT_OPEN)
			return true;
	return false;
}

/* The device of a failed volume, unless another one has its name. */
static const char *is_hopeless(const struct part *p, const char *name)
{
	const struct crypt *s = p->state;
	const char *why = NULL;

	if (!str_starts(name, "mapper/"))
		return NULL;
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++) {
		const struct crypt_volume *v = &s->volumes[i];

		if (v->state == CRYPT_NONE || strcmp(v->name, name + strlen("mapper/")) != 0)
			continue;
		if (v->state != CRYPT_FAILED)
			return NULL;
		why = "the LUKS volume was not opened";
	}
	return why;
}

/* One that was just typed, and waits for device mapper, does not grow old. */
static void tick(struct part *p, int64_t now)
{
	struct crypt *s = p->state;

	part_wake(p, 0);
	if (s->secret_len && now >= s->secret_until && !s->module_since)
		crypt_wipe(s);
	crypt_step(p);
}

/* Killed in the middle, cryptsetup could leave a device without a table, which the root's init would take for an
 * open volume; and a passphrase that was typed once is for all of them. */
static enum stage_step settle(struct part *p)
{
	struct crypt *s = p->state;

	if (!p->entered)
		part_limit(p, log_now() + SETTLE_MS);
	if (crypt_is_working(s) && !part_is_late(p))
		return STAGE_STAYS;
	s->is_leaving = true;
	return STAGE_ENDS;
}

static void settle_what(const struct part *p, char *out, size_t size)
{
	const struct crypt *s = p->state;

	if (s->running)
		snprintf(out, size, "the LUKS volume %s to be opened", s->running->name);
}

static void retry(struct part *p)
{
	struct crypt *s = p->state;

	s->is_leaving = false;
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state == CRYPT_FAILED) {
			s->volumes[i].state = CRYPT_WAITS;
			s->volumes[i].tried = s->secret_number;
		}
	judge_again(p);
	crypt_step(p);
}

static void leave(struct part *p)
{
	struct crypt *s = p->state;

	crypt_wipe(s);
	s->asked = s->running = NULL;
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state == CRYPT_OPENS)
			s->volumes[i].state = CRYPT_WAITS;
	crypt_note_for_udev();
}

/* rd.luks.allow-discards: of all volumes, or of one. */
static void take_discards(void *out, const char *value)
{
	struct crypt_wishes *w = out;

	if (!value || !*value)
		w->discards_all = true;
	else if (w->discards.n < PARAMS_LISTS_MAX)
		w->discards.items[w->discards.n++] = value;
}

static const struct params_rule rules[] = {
	{"rd.luks", PARAMS_AS_NOT, offsetof(struct crypt_wishes, off), NULL},
	{"rd.luks.crypttab", PARAMS_AS_NOT, offsetof(struct crypt_wishes, no_table), NULL},
	{"rd.luks.uuid", PARAMS_AS_LIST, offsetof(struct crypt_wishes, uuids), NULL},
	{"rd.luks.name", PARAMS_AS_LIST, offsetof(struct crypt_wishes, names), NULL},
	{"rd.luks.options", PARAMS_AS_LIST, offsetof(struct crypt_wishes, options), NULL},
	{"rd.luks.key", PARAMS_AS_LIST, offsetof(struct crypt_wishes, keys), NULL},
	{"rd.luks.timeout", PARAMS_AS_TEXT, offsetof(struct crypt_wishes, timeout), NULL},
	/* systemd's, which the root obeys as well. */
	{"luks", PARAMS_AS_NOT, offsetof(struct crypt_wishes, off), NULL},
	{"luks.crypttab", PARAMS_AS_NOT, offsetof(struct crypt_wishes, no_table), NULL},
	{"luks.uuid", PARAMS_AS_LIST, offsetof(struct crypt_wishes, uuids), NULL},
	{"luks.name", PARAMS_AS_LIST, offsetof(struct crypt_wishes, names), NULL},
	{"luks.options", PARAMS_AS_LIST, offsetof(struct crypt_wishes, options), NULL},
	{"luks.key", PARAMS_AS_LIST, offsetof(struct crypt_wishes, keys), NULL},
	{"rd_LUKS_UUID", PARAMS_AS_LIST, offsetof(struct crypt_wishes, uuids), NULL},
	PARAMS_CALL("rd.luks.allow-discards", take_discards),
	PARAMS_OFF("rd_NO_LUKS", struct crypt_wishes, off),
	PARAMS_OFF("rd_NO_CRYPTTAB", struct crypt_wishes, no_table),
	PARAMS_SWITCH("rd.auto", struct crypt_wishes, all),
	{0},
};

static const struct part_stage stages[] = {{STAGE_PRE_PIVOT, settle, settle_what, true}, {0}};

const struct feature_boot crypt_boot = {
	.name = "crypt",
	.state_size = sizeof(struct crypt),
	.params = rules,
	.params_size = sizeof(struct crypt_wishes),
	.lacks = "this image has no feature for LUKS",
	.names_devices = true,
	.setting = setting,
	.begin = begin,
	.device = device,
	.gone = gone,
	.what = what,
	.is_locked = is_locked,
	.is_hopeless = is_hopeless,
	.stages = stages,
	.name_device = crypt_name_device,
	.hide = crypt_hide,
	.done = crypt_done,
	.answer = crypt_answer,
	.tick = tick,
	.account = crypt_account,
	.retry = retry,
	.leave = leave,
};
