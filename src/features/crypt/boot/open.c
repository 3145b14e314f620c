/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens volumes, one after the other, by cryptsetup. A passphrase comes to it through a pipe, never
 * in an argument.
 */

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "features/crypt/boot/kit.h"
#include "init/core/locked.h"
#include "init/core/log.h"
#include "init/core/sys.h"

enum {
	SECONDS = 600, /* for cryptsetup: a key derivation is slow on a machine with little power */
	ARGUMENTS_MAX = 24,
	NUMBER_MAX = 24,
	LINE_MAX_KEPT = 160,
};

#define GIVEN "/proc/self/fd/3"

_Static_assert(SYS_GIVEN_FD == 3, "the number in GIVEN");

void crypt_wipe(struct crypt *s)
{
	locked_wipe(s->secret);
	s->secret_len = 0;
}

static unsigned tag_of(const struct crypt *s, const struct crypt_volume *v)
{
	return (unsigned)(v - s->volumes);
}

static void __attribute__((format(printf, 3, 4))) fail(struct part *p, struct crypt_volume *v,
							const char *fmt, ...)
{
	struct crypt *s = p->state;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	v->state = CRYPT_FAILED;
	log_show("LUKS volume %s (%s) is not opened: %s", v->name, v->device, v->why);
	if (s->asked == v) {
		s->asked = NULL;
		part_cancel(p, PART_QUESTION, tag_of(s, v));
	}
}

/* ---- cryptsetup ---- */

struct command {
	char *argv[ARGUMENTS_MAX];
	size_t n;
	char slot[NUMBER_MAX], offset[NUMBER_MAX], size[NUMBER_MAX];
};

static void add(struct command *c, const char *word)
{
	c->argv[c->n++] = (char *)word;
}

static void add_number(struct command *c, const char *option, char text[NUMBER_MAX], uint64_t n)
{
	snprintf(text, NUMBER_MAX, "%llu", (unsigned long long)n);
	add(c, option);
	add(c, text);
}

static void add_options(struct command *c, const struct crypt_volume *v)
{
	static const struct {
		enum crypttab_flag flag;
		const char *option;
	} flags[] = {
		{CRYPTTAB_DISCARD, "--allow-discards"},
		{CRYPTTAB_SAME_CPU, "--perf-same_cpu_crypt"},
		{CRYPTTAB_SUBMIT, "--perf-submit_from_crypt_cpus"},
		{CRYPTTAB_NO_READ_QUEUE, "--perf-no_read_workqueue"},
		{CRYPTTAB_NO_WRITE_QUEUE, "--perf-no_write_workqueue"},
		{CRYPTTAB_READ_ONLY, "--readonly"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (v->options.flags & flags[i].flag)
			add(c, flags[i].option);
	if (v->options.slot != CRYPTTAB_ANY_SLOT)
		add_number(c, "--key-slot", c->slot, (uint64_t)v->options.slot);
	if (v->uses_key && v->options.key_offset)
		add_number(c, "--keyfile-offset", c->offset, v->options.key_offset);
	if (v->uses_key && v->options.key_size)
		add_number(c, "--keyfile-size", c->size, v->options.key_size);
}

/* What cryptsetup has said last: one runs at a time. */
static char last_line[LINE_MAX_KEPT];

static bool keep_line(struct program *p, const char *line)
{
	(void)p;
	snprintf(last_line, sizeof(last_line), "%s", line);
	return false;
}

/* No udev runs: libdevmapper makes the node of the volume itself. */
static void run(struct part *p, struct crypt_volume *v)
{
	struct crypt *s = p->state;
	char *envp[] = {(char *)"PATH=/usr/sbin:/usr/bin", (char *)"DM_DISABLE_UDEV=1", NULL};
	struct crypt_given given = {0};
	struct program_request r = {.envp = envp, .seconds = SECONDS, .reason = "opens a LUKS volume",
				    .prepare = crypt_open_device, .data = &given,
				    .parse_line = keep_line};
	struct command c = {.n = 0};
	struct part_device d;

	add(&c, s->program);
	add(&c, "open");
	add(&c, "--type");
	add(&c, "luks");
	add(&c, "--tries");
	add(&c, "1");
	add(&c, "--key-file");
	add(&c, v->uses_key ? v->key : "-");
	add_options(&c, v);
	add(&c, "--");
	add(&c, GIVEN);
	add(&c, v->name);
	if (part_get(p, v->ref, &d))
		given.identity = d.identity;
	given.pin = crypt_pin(p, v);
	snprintf(given.device, sizeof(given.device), "%s", v->device);
	r.argv = c.argv;
	if (!v->uses_key) {
		r.secret = s->secret;
		r.secret_len = s->secret_len;
		v->tried = s->secret_number;
	}
	last_line[0] = '\0';
	s->module_since = 0;
	v->state = CRYPT_OPENS;
	s->running = v;
	part_run(p, tag_of(s, v), &r);
}

/* ---- which is next ---- */

static bool has_new_secret(const struct crypt *s, const struct crypt_volume *v)
{
	return s->secret_len && v->tried != s->secret_number;
}

static void ask(struct part *p, struct crypt_volume *v)
{
	struct crypt *s = p->state;
	char text[PROMPT_TEXT_MAX];
	int r;

	snprintf(text, sizeof(text), "Passphrase of %s (%s)", v->name, v->device);
	r = part_ask(p, tag_of(s, v),
		     &(struct prompt_request){
			     .text = text,
			     .key = v->uuid,
			     .secret = true,
			     .holds = v->leads,
			     .tries = v->options.has_tries ? v->options.tries : CRYPT_TRIES,
			     .seconds = v->options.seconds});
	if (r < 0)
		fail(p, v, "nobody can be asked for its passphrase: %s", strerror(-r));
	else
		s->asked = v;
}

/* Whoever typed a passphrase waits for what comes of it: that volume is first. */
static struct crypt_volume *next_to_open(struct crypt *s)
{
	if (s->asked && s->asked->state == CRYPT_WAITS && has_new_secret(s, s->asked))
		return s->asked;
	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++) {
		struct crypt_volume *v = &s->volumes[i];

		if (v->state == CRYPT_WAITS && (v->key || has_new_secret(s, v)))
			return v;
	}
	return NULL;
}

/* One that the root may be in is first: only its question holds the limit for the root. */
static struct crypt_volume *next_to_ask(struct crypt *s)
{
	struct crypt_volume *next = NULL;

	for (size_t i = 0; i < CRYPT_VOLUMES_MAX; i++) {
		struct crypt_volume *v = &s->volumes[i];

		if (v->state == CRYPT_WAITS && (!next || (v->leads && !next->leads)))
			next = v;
	}
	return next;
}

/* The question that is asked makes way for that of NEXT, if the root may be in that alone. Nothing was typed yet that is
 * not judged: that would be opened before anything is asked. */
static void make_way(struct part *p, const struct crypt_volume *next)
{
	struct crypt *s = p->state;

	if (!s->asked || s->asked->leads || !next || !next->leads)
		return;
	part_cancel(p, PART_QUESTION, tag_of(s, s->asked));
	s->asked = NULL;
}

static void run_next(struct part *p, struct crypt_volume *v)
{
	v->uses_key = v->key;
	run(p, v);
}

/* Waits for the driver of device mapper, if it has not waited for long. */
static bool waits_for_module(struct part *p)
{
	struct crypt *s = p->state;
	int64_t now = log_now();

	if (!part_is_loading(p, "devname:mapper/control"))
		return false;
	if (!s->module_since)
		s->module_since = now;
	if (now - s->module_since >= CRYPT_MODULE_MS)
		return false;
	part_wake(p, now + CRYPT_AGAIN_MS);
	return true;
}

void crypt_step(struct part *p)
{
	struct crypt *s = p->state;
	struct crypt_volume *v = s->running ? NULL : next_to_open(s);

	if (s->running || s->is_leaving || (v && waits_for_module(p)))
		return;
	if (v) {
		run_next(p, v);
		return;
	}
	s->module_since = 0;
	if (s->secret_len)
		part_wake(p, s->secret_until);
	v = next_to_ask(s);
	make_way(p, v);
	if (v && !s->asked)
		ask(p, v);
}

bool crypt_is_working(const struct crypt *s)
{
	return s->running || next_to_open((struct crypt *)s);
}

/* Whatever was typed is with cryptsetup already, or has to be typed again. */
void crypt_hide(struct part *p)
{
	struct crypt *s = p->state;
	struct crypt_volume *v = s->asked;
	bool is_pending = v && v->state == CRYPT_WAITS && has_new_secret(s, v);

	crypt_wipe(s);
	if (is_pending)
		part_set_verdict(p, tag_of(s, v), false);
}

void crypt_forget(struct part *p, struct crypt_volume *v)
{
	struct crypt *s = p->state;

	part_cancel(p, PART_PROGRAM, tag_of(s, v));
	part_cancel(p, PART_QUESTION, tag_of(s, v));
	if (s->running == v)
		s->running = NULL;
	if (s->asked == v)
		s->asked = NULL;
	for (size_t i = 0; i < CRYPT_SEEN_MAX; i++)
		if (s->seen[i].ref.slot == v->ref.slot && s->seen[i].ref.generation == v->ref.generation)
			s->seen[i] = (struct crypt_seen){0};
	*v = (struct crypt_volume){0};
	crypt_step(p);
}

/* ---- what comes of it ---- */

static void opened(struct part *p, struct crypt_volume *v)
{
	struct crypt *s = p->state;

	v->state = CRYPT_OPEN;
	log_info("LUKS volume %s (%s) is open", v->name, v->device);
	if (!v->uses_key)
		s->secret_until = log_now() + CRYPT_KEEP_MS;
	if (s->asked != v)
		return;
	s->asked = NULL;
	part_set_verdict(p, tag_of(s, v), true);
}

/* crypt_answer() may be called for it, which fails V. */
static void refused(struct part *p, struct crypt_volume *v)
{
	struct crypt *s = p->state;

	v->state = CRYPT_WAITS;
	if (s->asked != v)
		return;
	crypt_wipe(s);
	part_set_verdict(p, tag_of(s, v), false);
}

/* Any end of a key but a device that is not there: another slot may be opened by a passphrase. cryptsetup has the
 * same status for a file that is missing, too short or no file, and for a slot that is empty. */
static void refused_key(struct crypt_volume *v, const struct part_end *end)
{
	v->state = CRYPT_WAITS;
	if (end->result == CRYPT_WRONG_KEY)
		log_show("LUKS volume %s (%s): %s is not its key", v->name, v->device, v->key);
	else
		log_show("LUKS volume %s (%s): the key %s is of no use: cryptsetup %s%s%s", v->name, v->device,
			 v->key, end->text, *last_line ? ": " : "", last_line);
	v->key = NULL;
}

/* It is read again, and comes back as another volume. */
static void mistaken(struct part *p, struct crypt_volume *v)
{
	struct crypt *s = p->state;
	char device[JOBS_NAME_MAX];

	memcpy(device, v->device, sizeof(device));
	if (!part_mistaken(p, v->ref))
		memcpy(s->unsteady, device, sizeof(device));
	if (v->state == CRYPT_OPENS)
		crypt_forget(p, v);
}

static void failed(struct part *p, struct crypt_volume *v, const struct part_end *end)
{
	if (end->result == CRYPT_NOT_PINNED)
		fail(p, v, "it is not the volume that this image was built for: its key or its cipher is another "
		     "one. If you have made or reencrypted it since, build the image again");
	else if (end->result == CRYPT_NO_MEMORY || (end->result < 0 && strstr(end->text, "signal 9")))
		fail(p, v, "there is too little memory: its key derivation (PBKDF) needs more than this "
		     "machine has");
	else if (end->result == CRYPT_NO_DEVICE)
		fail(p, v, "%s cannot be opened%s%s", v->device, *last_line ? ": " : "", last_line);
	else
		fail(p, v, "cryptsetup %s%s%s", end->text, *last_line ? ": " : "", last_line);
}

/* Is it the key that did not do, or that nobody could read? */
static bool is_of_key(int result)
{
	return result != CRYPT_NO_DEVICE && result != CRYPT_NOT_PINNED;
}

void crypt_done(struct part *p, const struct part_end *end)
{
	struct crypt *s = p->state;
	struct crypt_volume *v = &s->volumes[end->tag];

	s->running = NULL;
	/* It may have been open already: its device was away for a moment, or somebody has opened it by hand. */
	if (end->result == 0 || (end->result == CRYPT_EXISTS && crypt_is_open(v)))
		opened(p, v);
	else if (end->result == CRYPT_IS_ANOTHER)
		mistaken(p, v);
	else if (v->uses_key && is_of_key(end->result))
		refused_key(v, end);
	else if (end->result == CRYPT_WRONG_KEY)
		refused(p, v);
	else
		failed(p, v, end);
	crypt_step(p);
}

/* The answer is kept, and nowhere else. */
static bool keep(struct crypt *s, const char *answer, size_t len)
{
	if (!s->secret)
		s->secret = locked_new();
	if (!s->secret || len > LOCKED_SIZE)
		return false;
	locked_wipe(s->secret);
	memcpy(s->secret, answer, len);
	s->secret_len = len;
	s->secret_number++;
	s->secret_until = log_now() + CRYPT_KEEP_MS;
	return true;
}

enum prompt_verdict crypt_answer(struct part *p, unsigned tag, enum prompt_end end,
				 const char *answer, size_t len)
{
	struct crypt *s = p->state;
	struct crypt_volume *v = &s->volumes[tag];

	if (end == PROMPT_ANSWERED && !len)
		return PROMPT_EMPTY;
	if (end == PROMPT_ANSWERED && keep(s, answer, len)) {
		crypt_step(p);
		return PROMPT_PENDING;
	}
	if (end == PROMPT_ANSWERED)
		return PROMPT_WRONG;
	s->asked = NULL;
	if (end == PROMPT_LATE)
		fail(p, v, "nobody has typed its passphrase in time");
	else
		fail(p, v, "no passphrase that was typed is right");
	crypt_step(p);
	return PROMPT_RIGHT;
}
