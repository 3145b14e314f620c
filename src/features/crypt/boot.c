/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * LUKS volumes, opened by the cryptsetup of the image. Which ones:
 *
 *   crypt.volume=NAME DEVICE [KEY [OPTIONS]]   in boot.conf, as in crypttab
 *   crypt.pin=NAME PIN                         which volume key it has to have (luks.h)
 *   rd.luks.uuid=UUID, rd.luks.name=UUID=NAME  only these, if there are any
 *   rd.auto                                    all
 *
 * Their keys are tried first, then the last passphrase that was right for another one, then
 * somebody is asked: one question and one cryptsetup at a time, since a key derivation may take most
 * of the memory.
 */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "features/crypt/boot/kit.h"
#include "init/core/log.h"
#include "init/core/sys.h"

enum { ATTRIBUTE_MAX = 256 };

#define UDEV_DATA "/run/udev/data"

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

/* ---- devices that come of volumes ---- */

/* Of dm-N. What is not there is "". */
static void read_attribute(const char *device, const char *name, char out[ATTRIBUTE_MAX])
{
	char path[PART_NAME_MAX];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/block/%.64s/dm/%s", device, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, out, ATTRIBUTE_MAX - 1);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* libcryptsetup has devices of its own for a moment, while it decrypts a key slot. */
static void name_map(struct part *p, const struct part_device *d)
{
	struct crypt *s = p->state;
	char name[ATTRIBUTE_MAX], uuid[ATTRIBUTE_MAX], path[ATTRIBUTE_MAX + 8];
	struct crypt_map *m = s->maps;

	read_attribute(d->name, "name", name);
	read_attribute(d->name, "uuid", uuid);
	if (!crypttab_is_name(name) || !str_starts(uuid, "CRYPT-") ||
	    str_starts(uuid, "CRYPT-TEMP-"))
		return;
	snprintf(path, sizeof(path), "mapper/%s", name);
	if (!part_name(p, d->ref, path))
		log_show("%s: there are too many names of devices for /dev/%s", d->name, path);
	while (m < s->maps + CRYPT_MAPS_MAX && m->ref.generation && !is_ref(m->ref, d->ref))
		m++;
	if (m < s->maps + CRYPT_MAPS_MAX)
		*m = (struct crypt_map){d->ref, d->probe->major, d->probe->minor};
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
static const struct crypt_volume *find_twin(const struct crypt *s, const char *uuid)
{
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state != CRYPT_NONE && strcmp(s->volumes[i].uuid, uuid) == 0)
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

static void note_closed(struct crypt *s, const struct crypt_volume *v)
{
	struct crypt_closed *c = s->closed;

	while (c < s->closed + CRYPT_VOLUMES_MAX && c->ref.generation && !is_ref(c->ref, v->ref))
		c++;
	if (c == s->closed + CRYPT_VOLUMES_MAX)
		return;
	c->ref = v->ref;
	memcpy(c->device, v->device, sizeof(c->device));
	memcpy(c->uuid, v->uuid, sizeof(c->uuid));
}

static enum part_claim add(struct part *p, const struct part_device *d, char *why)
{
	struct crypt *s = p->state;
	struct crypt_volume v = {.state = CRYPT_WAITS, .ref = d->ref}, *place = free_place(s);
	const struct crypt_volume *twin = find_twin(s, d->probe->uuid);

	snprintf(v.device, sizeof(v.device), "%s", d->name);
	snprintf(v.uuid, sizeof(v.uuid), "%.*s", CRYPT_TEXT_MAX - 1, d->probe->uuid);
	if (!crypt_is_wanted(p, &v, why)) {
		note_closed(s, &v);
		return PART_REFUSES;
	}
	if (strcmp(s->unsteady, d->name) == 0) {
		snprintf(why, PART_TEXT_MAX, "it is another device each time it is opened");
		return PART_REFUSES;
	}
	if (twin || !place) {
		snprintf(why, PART_TEXT_MAX, twin ? "it has the same UUID as %s" : "there are too many",
			 twin ? twin->device : "");
		return PART_REFUSES;
	}
	*place = v;
	part_will_ask(p);
	part_module(p, "devname:mapper/control");
	crypt_step(p);
	return PART_HOLDS;
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	if (str_starts(d->name, "dm-"))
		name_map(p, d);
	if (strcmp(d->probe->type, "crypto_LUKS") != 0)
		return PART_IGNORES;
	return find(p->state, d->ref) ? PART_HOLDS : add(p, d, why);
}

static void gone(struct part *p, struct device_ref ref)
{
	struct crypt *s = p->state;
	struct crypt_volume *v = find(s, ref);

	if (v)
		crypt_forget(p, v);
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

static void tick(struct part *p, int64_t now)
{
	struct crypt *s = p->state;

	part_wake(p, 0);
	if (s->secret_len && now >= s->secret_until)
		crypt_wipe(s);
	crypt_step(p);
}

static void retry(struct part *p)
{
	struct crypt *s = p->state;

	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state == CRYPT_FAILED) {
			s->volumes[i].state = CRYPT_WAITS;
			s->volumes[i].tried = s->secret_number;
		}
	crypt_step(p);
}

/* Without it the udev of the root takes a device that it has not seen being made for one that is not
 * ready, and units wait for it. Source: its 55-dm.rules, or 10-dm.rules. */
static void note_for_udev(const struct crypt_map *m)
{
	static const char text[] = "E:DM_UDEV_PRIMARY_SOURCE_FLAG=1\nV:1\n";
	_cleanup_fd_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), UDEV_DATA "/b%u:%u", m->major, m->minor);
	sys_mkdir("/run/udev", 0755);
	sys_mkdir(UDEV_DATA, 0755);
	fd = sys_create(path, 0644); /* as udev's own: everybody may ask udevadm */
	if (fd >= 0 && write_full(fd, text, sizeof(text) - 1) < 0)
		log_show("%s cannot be written", path);
}

static void leave(struct part *p)
{
	struct crypt *s = p->state;
	struct part_device d;

	crypt_wipe(s);
	s->asked = s->running = NULL;
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++)
		if (s->volumes[i].state == CRYPT_OPENS)
			s->volumes[i].state = CRYPT_WAITS;
	for (size_t i = 0; i < CRYPT_MAPS_MAX; i++)
		if (part_get(p, s->maps[i].ref, &d))
			note_for_udev(&s->maps[i]);
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
	.done = crypt_done,
	.answer = crypt_answer,
	.tick = tick,
	.account = crypt_account,
	.retry = retry,
	.leave = leave,
};
