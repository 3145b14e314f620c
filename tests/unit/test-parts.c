/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1's side of the seam for boot parts of features: which are open, when each is called, what
 * they do to the wait for the root, and what a machine without them is spared. The features are
 * made up; so is the clock.
 */

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/boot.h"
#include "init/core/log.h"
#include "init/core/part_calls.h"
#include "init/core/settings.h"
#include "init/devices/claims.h"
#include "init/devices/events.h"
#include "init/rescue/diagnose.h"
#include "init/rescue/rescue.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

static struct {
	int64_t now;
	struct buf said; /* by the features, and on the console */
	struct job job;	 /* the last one */
	unsigned n_jobs;
	int jobs_result; /* of the next ones */
	enum part_claim claim;
	const char *event; /* that the socket gives next, EVENT_LEN bytes; NULL: none */
	size_t event_len;
	bool loses; /* events */
} world;

int64_t __wrap_log_now(void);
int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
void __wrap_log_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int64_t __wrap_log_now(void)
{
	return world.now;
}

int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job)
{
	(void)j, (void)boot;
	world.job = *job;
	world.n_jobs++;
	return world.jobs_result;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	const struct ucred kernel = {0};
	const char *event = world.event;
	struct cmsghdr *c = CMSG_FIRSTHDR(m);

	(void)fd, (void)flags;
	errno = world.loses ? ENOBUFS : EAGAIN;
	world.loses = false;
	world.event = NULL;
	if (!event)
		return -1;
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(kernel)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_CREDENTIALS};
	memcpy(CMSG_DATA(c), &kernel, sizeof(kernel));
	memcpy(m->msg_iov->iov_base, event, world.event_len);
	return (ssize_t)world.event_len;
}

void __wrap_log_tell(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&world.said, "%s\n", text);
}

static const char *said(void)
{
	static char text[8192];

	snprintf(text, sizeof(text), "%s", world.said.len ? buf_cstr(&world.said) : "");
	world.said.len = 0;
	return text;
}

/* ---- a made-up feature ---- */

struct state {
	bool word; /* first: what the parameter sets */
	struct device_ref held;
};

static bool setting(struct part *p, const char *key, char *value)
{
	(void)p;
	buf_printf(&world.said, "setting %s=%s\n", key, value);
	return strcmp(key, "key") == 0;
}

static void begin(struct part *p)
{
	const struct state *s = p->state;

	buf_printf(&world.said, "begin%s\n", s->word ? ", word" : "");
}

static bool root(struct part *p, const char *text)
{
	bool is_mine = strncmp(text, "far:", 4) == 0;

	(void)p;
	buf_printf(&world.said, "root %s\n", text);
	return is_mine;
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	struct state *s = p->state;

	buf_printf(&world.said, "device %s %s\n", d->name, d->probe->type);
	assert_string_equal(d->identity.uuid, d->probe->uuid); /* a job may open it at once */
	if (strcmp(d->probe->type, "crypto_LUKS") != 0)
		return PART_IGNORES;
	s->held = d->ref;
	snprintf(why, PART_TEXT_MAX, "its cipher is not in this kernel");
	return world.claim;
}

static void gone(struct part *p, struct device_ref ref)
{
	const struct state *s = p->state;

	buf_printf(&world.said, "gone %s\n",
		   s->held.generation == ref.generation ? "mine" : "other");
}

static void uevent(struct part *p, const struct uevent *u)
{
	(void)p;
	buf_printf(&world.said, "uevent %s\n", u ? u->devpath : "lost");
}

static int work(const void *data, struct job_result *out)
{
	snprintf(out->text, sizeof(out->text), "did %s", (const char *)data);
	out->found = 7;
	return 0;
}

static void done(struct part *p, const struct part_end *end)
{
	(void)p;
	buf_printf(&world.said, "done %u: %d %d %s\n", end->tag, end->result, end->found,
		   end->text);
}

static enum prompt_verdict answer(struct part *p, unsigned tag, enum prompt_end end,
				  const char *text, size_t len)
{
	(void)p;
	buf_printf(&world.said, "answer %u: %d %.*s\n", tag, end, (int)len, text ? text : "");
	return PROMPT_PENDING;
}

static void ready(struct part *p, int fd)
{
	char text[16] = "";
	ssize_t n = read(fd, text, sizeof(text) - 1);

	buf_printf(&world.said, "ready %s\n", n > 0 ? text : "end");
	if (n <= 0)
		part_unwatch(p, fd);
}

static void tick(struct part *p, int64_t now)
{
	(void)p;
	buf_printf(&world.said, "tick %lld\n", (long long)now);
}

static void degrade(struct part *p)
{
	(void)p;
	buf_printf(&world.said, "degrade\n");
}

static void what(const struct part *p, char *out, size_t size)
{
	const struct state *s = p->state;

	if (s->held.generation)
		snprintf(out, size, "LUKS to be unlocked");
}

static void account(const struct part *p)
{
	const struct state *s = p->state;

	log_tell("  made up: %s", s->held.generation ? "holds one" : "holds none");
}

static void retry(struct part *p)
{
	(void)p;
	buf_printf(&world.said, "retry\n");
}

static void leave(struct part *p)
{
	(void)p;
	buf_printf(&world.said, "leave\n");
}

static const struct params_rule rules[] = {PARAMS_WORD("rd.made.up", struct state, word), {0}};
static const char *const subsystems[] = {"net", "thermal", NULL};

static const struct feature_boot made_up = {
	.name = "madeup",
	.state_size = sizeof(struct state),
	.params = rules,
	.params_size = sizeof(bool),
	.lacks = "this image has no feature for what is made up",
	.subsystems = subsystems,
	.names_devices = true,
	.setting = setting,
	.begin = begin,
	.root = root,
	.device = device,
	.gone = gone,
	.uevent = uevent,
	.work = work,
	.done = done,
	.answer = answer,
	.ready = ready,
	.tick = tick,
	.degrade = degrade,
	.what = what,
	.account = account,
	.retry = retry,
	.leave = leave,
};

/* Another one that wants the same. */
static const struct feature_boot second = {
	.name = "second", .subsystems = subsystems, .uevent = uevent};

static const struct feature_boot *const table[] = {&made_up, &second, NULL};

/* ---- a boot ---- */

struct fixture {
	struct boot *boot;
	struct part *part;
	char conf[128];
};

/* Up to the wait for the root. CONF: of boot.conf. */
static void fixture_make(struct fixture *f, const char *conf, const char *cmdline)
{
	buf_clear(&world.said);
	memset(&world, 0, sizeof(world));
	world.now = 100000;
	recorder_start_with(300); /* a shell, where there is one */
	*f = (struct fixture){.boot = recorder_boot()};
	f->part = &f->boot->parts->list[0];
	f->boot->events->triggered = true; /* no walk over this machine's devices */
	jobs_init(&f->boot->jobs, &f->boot->sources, rooms_jobs);
	f->boot->params.n_sets = 0;
	parts_init(f->boot, table);
	snprintf(f->conf, sizeof(f->conf), "%s", conf);
	settings_take(f->boot, f->conf);
	params_parse(&f->boot->params, cmdline, strlen(cmdline));
	block_want(f->boot, &f->boot->params.root);
	flow_go(f->boot, STAGE_CMDLINE);
	stages_advance(f->boot);
}

static void fixture_clear(struct fixture *f)
{
	for (size_t i = 0; i < f->boot->parts->n; i++)
		free(f->boot->parts->list[i].state);
	free(f->boot->settings.loads);
	free(f->boot);
	buf_clear(&world.said);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

/* A device of the test appears and has been read. */
static void appears(struct fixture *f, const char *name, const char *type, const char *usage,
		    const char *uuid)
{
	struct job_result r = {.kind = JOB_PROBE};
	size_t n = 0;

	block_add(f->boot, name, true);
	while (strcmp(f->boot->devices->list[n].name, name) != 0)
		n++;
	f->boot->devices->list[n].state = DEVICE_PROBING;
	r.generation = f->boot->devices->list[n].generation;
	snprintf(r.name, sizeof(r.name), "%s", name);
	snprintf(r.probe.type, sizeof(r.probe.type), "%s", type);
	snprintf(r.probe.usage, sizeof(r.probe.usage), "%s", usage);
	snprintf(r.probe.uuid, sizeof(r.probe.uuid), "%s", uuid);
	block_done(f->boot, &r);
}

static void receives(struct fixture *f, const char *event, size_t len)
{
	world.event = event;
	world.event_len = len;
	events_receive(f->boot);
}

static void a_feature_that_is_not_named_costs_nothing(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "kernel=1\nfeature=other\nmadeup.key=x\n", "root=UUID=1 rd.made.up");
	assert_int_equal(f.boot->parts->n, 0);
	assert_null(f.boot->devices->known);
	assert_null(f.boot->goal->claim);
	assert_null(f.boot->goal->held);
	assert_int_equal(f.boot->events->n_listeners, 0);
	assert_int_equal(parts_due(f.boot), INT64_MAX);
	assert_string_equal(said(),
			    "/etc/preroot/boot.conf: a line \"madeup.key=\" cannot be obeyed\n");
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	parts_leave(f.boot);
	assert_string_equal(said(), "");
	/* Its parameter is known, and why it is not obeyed. */
	assert_int_equal(f.boot->params.n_notes, 1);
	assert_string_equal(f.boot->params.notes[0].why, made_up.lacks);
	stages_advance(f.boot);
	world.now += 2000;
	stages_advance(f.boot);
	assert_contains(f.boot->flow.failure,
			"zza is crypto_LUKS, and this image has no feature for "
			"that");
}

static void it_is_opened_with_its_settings_and_its_parameters(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=madeup\nmadeup.key=a b\nmadeup.other=\n",
		     "root=UUID=1 rd.made.up");
	assert_int_equal(f.boot->parts->n, 1);
	assert_string_equal(said(),
			    "setting key=a b\nsetting other=\n"
			    "/etc/preroot/boot.conf: a line \"madeup.other=\" cannot be obeyed\n"
			    "begin, word\n");
	/* Parameters that are read again start from nothing. */
	params_parse(&f.boot->params, "root=UUID=1", 11);
	assert_false(((struct state *)f.part->state)->word);
}

/* A question or a shell may have had them walked, for the driver of a keyboard. */
static void it_hears_of_no_device_before_it_begins(void **state)
{
	static const char net[] = "add@/net/eth0\0ACTION=add\0DEVPATH=/net/eth0\0SUBSYSTEM=net";
	static const char *const cmdlines[] = {"root=UUID=1 rd.cmdline=ask",
					       "root=UUID=1 rd.break=pre-trigger"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cmdlines); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "shell=open\nfeature=madeup\n", cmdlines[i]);
		assert_true(f.boot->flow.stage < STAGE_TRIGGER);
		world.claim = PART_HOLDS;
		appears(&f, "zza", "crypto_LUKS", "crypto", "1");
		appears(&f, "zzb", "ext4", "filesystem", "2");
		receives(&f, net, sizeof(net));
		assert_null(strstr(said(), "begin"));
		f.boot->settings.typing = false;
		if (f.boot->shell->pid)
			shell_child_ended(f.boot, f.boot->shell->pid, 0);
		stages_advance(f.boot);
		assert_string_equal(said(),
				    "begin\ndevice zza crypto_LUKS\ndevice zzb ext4\n");
		receives(&f, net, sizeof(net));
		assert_string_equal(said(), "uevent /net/eth0\n");
		prompt_leave(f.boot);
	}
}

static void a_device_that_is_held_keeps_the_wait_for_the_root(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char text[512];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	stages_advance(f.boot);
	world.now += 10000;
	stages_advance(f.boot);
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	assert_false(f.boot->flow.failed);
	stages[STAGE_WAIT].what(f.boot, text, sizeof(text));
	assert_string_equal(text, "root=UUID=1, LUKS to be unlocked");
	/* Nothing comes of it. */
	world.now = f.boot->flow.deadline;
	stages_advance(f.boot);
	assert_true(f.boot->flow.failed);
	assert_string_equal(f.boot->flow.failure,
			    "zza is crypto_LUKS, and nothing has come of it in time");
	said();
	block_remove(f.boot, "zza");
	assert_string_equal(said(), "gone mine\n");
}

static void a_device_that_is_refused_ends_the_wait_with_the_reason(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_REFUSES;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	stages_advance(f.boot);
	world.now += 2000;
	stages_advance(f.boot);
	assert_string_equal(f.boot->flow.failure,
			    "zza is crypto_LUKS, and its cipher is not in this kernel");
}

static void a_refusal_that_there_is_no_place_for_is_logged(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[8] = "zz0", text[512];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_REFUSES;
	for (int i = 0; i < PARTS_REFUSALS_MAX; i++, name[2]++)
		appears(&f, name, "crypto_LUKS", "crypto", name);
	assert_null(strstr(said(), "/dev/zz"));
	appears(&f, "zzy", "crypto_LUKS", "crypto", "y");
	assert_contains(said(), "/dev/zzy: its cipher is not in this kernel\n");
	/* One that is gone gives way. */
	block_remove(f.boot, "zz0");
	appears(&f, "zzx", "crypto_LUKS", "crypto", "x");
	assert_null(strstr(said(), "/dev/zz"));
	claims_explain(f.boot, 0, text, sizeof(text));
	assert_string_equal(text, "zzx is crypto_LUKS, and its cipher is not in this kernel");
}

static void a_root_may_have_a_name_that_a_feature_gives(void **state)
{
	static const char *const names[] = {"root=/dev/mapper/root", "root=/dev/vg/root"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", names[i]);
		assert_false(f.boot->flow.failed);
		appears(&f, "dm-0", "zzfs", "filesystem", "2");
		stages_advance(f.boot);
		assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
		assert_true(part_name(f.part, block_ref(f.boot, 0), "other/name"));
		assert_true(part_name(f.part, block_ref(f.boot, 0), i ? "vg/root" : "mapper/root"));
		stages_advance(f.boot);
		world.now += 2000;
		stages_advance(f.boot);
		assert_string_equal(f.boot->goal->fstype, "zzfs");
		fixture_clear(&f);
		/* No feature gives names. */
		fixture_make(&f, "", names[i]);
		assert_contains(f.boot->flow.failure, "is of a kind that the image cannot reach");
	}
}

static void names_of_devices_that_are_gone_give_way(void **state)
{
	_cleanup_fixture_ struct fixture f;
	char name[32];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=/dev/mapper/root");
	appears(&f, "dm-0", "zzfs", "filesystem", "2");
	for (int i = 0; i < DEVICES_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "mapper/%d", i);
		assert_true(part_name(f.part, block_ref(f.boot, 0), name));
	}
	assert_false(part_name(f.part, block_ref(f.boot, 0), "mapper/root"));
	block_remove(f.boot, "dm-0");
	appears(&f, "dm-1", "zzfs", "filesystem", "2");
	assert_true(part_name(f.part, block_ref(f.boot, 0), "mapper/root"));
	assert_int_equal(block_find(f.boot, &f.boot->params.root), 0);
}

/* The device of the test is read again. */
static void is_read(struct fixture *f, int result, const char *uuid)
{
	struct block_device *d = &f->boot->devices->list[0];
	struct job_result r = {.kind = JOB_PROBE, .result = result, .probe = d->probe};

	block_add(f->boot, d->name, true);
	d->state = DEVICE_PROBING;
	r.generation = d->generation;
	snprintf(r.name, sizeof(r.name), "%s", d->name);
	snprintf(r.probe.uuid, sizeof(r.probe.uuid), "%s", uuid);
	block_done(f->boot, &r);
}

static void a_device_that_was_claimed_is_reported_gone_however_it_goes(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=9");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1"); /* which this machine does not have */
	said();
	is_read(&f, 0, "1");
	assert_string_equal(said(), "device zza crypto_LUKS\n"); /* the same */
	is_read(&f, 0, "2");
	assert_string_equal(said(), "gone mine\ndevice zza crypto_LUKS\n");
	block_mistaken(f.boot, block_ref(f.boot, 0));
	assert_contains(said(), "gone mine\n");
	is_read(&f, 0, "2");
	assert_string_equal(said(), "device zza crypto_LUKS\n");
	is_read(&f, -EIO, "2");
	assert_string_equal(said(), "gone mine\n"); /* and nobody is asked about it */
	is_read(&f, 0, "2");
	said();
	block_sweep(f.boot);
	assert_string_equal(said(), "gone mine\n");
}

static void a_root_without_a_device_is_the_feature_that_claims_it(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct job job;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=far:away rootflags=soft");
	assert_contains(said(), "root far:away\n");
	stages_advance(f.boot);
	assert_int_equal(f.boot->flow.stage, STAGE_WAIT);
	assert_false(part_has_root(f.part));
	assert_true(part_root_mount(f.part, "server:/export", "nfs4", "vers=4.2"));
	assert_true(part_has_root(f.part));
	stages_advance(f.boot);
	assert_true(f.boot->flow.stage > STAGE_WAIT);
	assert_true(goal_mount_job(f.boot, &job));
	assert_string_equal(job.source, "server:/export");
	assert_string_equal(job.fstype, "nfs4");
	assert_string_equal(job.options, "vers=4.2,soft");
	assert_string_equal(job.name, "");
	fixture_clear(&f);
	fixture_make(&f, "feature=madeup\n", "root=near:by");
	assert_contains(f.boot->flow.failure, "is of a kind that the image cannot reach");
	fixture_clear(&f);
	/* It may turn out to be a device. */
	fixture_make(&f, "feature=madeup\n", "root=far:disk");
	part_root_is(f.part, "UUID=2");
	appears(&f, "sda", "zzfs", "filesystem", "2");
	assert_true(part_has_root(f.part));
}

static void it_hears_of_its_subsystems_alone(void **state)
{
	static const char net[] = "add@/net/eth0\0ACTION=add\0DEVPATH=/net/eth0\0SUBSYSTEM=net";
	static const char usb[] = "add@/usb/1\0ACTION=add\0DEVPATH=/usb/1\0SUBSYSTEM=usb";
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	receives(&f, net, sizeof(net));
	assert_string_equal(said(), "uevent /net/eth0\n");
	receives(&f, usb, sizeof(usb));
	assert_string_equal(said(), "");
}

static void each_feature_hears_of_an_event_once(void **state)
{
	static const char net[] = "add@/net/eth0\0ACTION=add\0DEVPATH=/net/eth0\0SUBSYSTEM=net";
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\nfeature=second\n", "root=UUID=1");
	said();
	receives(&f, net, sizeof(net));
	assert_string_equal(said(), "uevent /net/eth0\nuevent /net/eth0\n");
	world.loses = true;
	events_receive(f.boot);
	assert_string_equal(said(), "uevent lost\nuevent lost\n");
}

static void its_jobs_are_done_by_workers(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct job_result r = {0};

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_true(part_job(f.part, 5, "this", 5, true));
	assert_int_equal(world.n_jobs, 1);
	assert_int_equal(world.job.kind, JOB_PART);
	assert_int_equal(stages_loads(f.boot), RANK_NONE); /* nothing loads beside a quiet job */
	r.kind = JOB_PART;
	r.ticket = world.job.ticket;
	r.part = world.job.part;
	r.tag = world.job.tag;
	r.result = rooms_jobs[JOB_PART].run(f.boot, &world.job, &r);
	jobs_done(f.boot, &r);
	assert_string_equal(said(), "done 5: 0 7 did this\n");
	assert_int_not_equal(stages_loads(f.boot), RANK_NONE);
	jobs_done(f.boot, &r); /* there is none any more */
	assert_string_equal(said(), "");
	for (int i = 0; i < PARTS_JOBS_MAX; i++)
		assert_true(part_job(f.part, 6, "", 1, false));
	assert_false(part_job(f.part, 6, "", 1, false));
}

static void a_job_that_could_not_start_is_not_started_by_another_try(void **state)
{
	static const int results[] = {-ENOMEM, -EAGAIN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
		_cleanup_fixture_ struct fixture f;

		fixture_make(&f, "feature=madeup\n", "root=UUID=1");
		world.jobs_result = results[i];
		assert_true(part_job(f.part, 5, "this", 5, true));
		assert_int_equal(f.boot->flow.failed, results[i] == -ENOMEM);
		assert_int_equal(part_has(f.part, PART_JOB, 5), results[i] == -EAGAIN);
		world.jobs_result = 0;
		world.n_jobs = 0;
		parts_retry(f.boot);
		assert_false(part_has(f.part, PART_JOB, 5));
		parts_start_jobs(f.boot);
		assert_int_equal(world.n_jobs, 0);
	}
}

static void its_questions_and_programs_come_back_with_their_tags(void **state)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};
	_cleanup_fixture_ struct fixture f;
	const struct prompt *q;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_int_equal(part_ask(f.part, 3, &(struct prompt_request){.text = "passphrase"}), 0);
	q = &f.boot->prompts.list[0];
	assert_string_equal(q->text, "passphrase");
	assert_int_equal(q->handler(f.boot, q->tag, PROMPT_ANSWERED, "secret", 6), PROMPT_PENDING);
	assert_string_equal(said(), "answer 3: 0 secret\n");
	part_cancel(f.part, PART_QUESTION, 3);
	assert_int_equal(q->state, PROMPT_FREE);
	recorder_start_with(100);
	part_run(f.part, 4, &(struct program_request){.argv = argv, .envp = envp});
	program_reaped(f.boot, 100, 2 << 8);
	assert_string_equal(said(), "done 4: 2 0 ended with status 2\n");
	prompt_leave(f.boot);
}

/* The worker that was at JOB comes back. */
static void job_ends(struct fixture *f, const struct job *job)
{
	struct job_result r = {
		.kind = JOB_PART, .ticket = job->ticket, .part = job->part, .tag = job->tag};

	jobs_done(f->boot, &r);
}

/* A disk that comes late is still taken: also what has to be made of it. */
static void it_goes_on_while_the_machine_waits_after_a_failure(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	flow_fail(f.boot, "");
	rescue_tick(f.boot, world.now);
	said();
	part_wake(f.part, world.now + 500);
	assert_true(rescue_due(f.boot) <= world.now + 500);
	world.now += 500;
	rescue_tick(f.boot, world.now);
	assert_contains(said(), "tick 100500\n");
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 5, "this", 5, false));
	world.jobs_result = world.n_jobs = 0;
	stages_advance(f.boot);
	assert_int_equal(world.n_jobs, 1);
	/* Nor does a job that cannot be started hide why the boot had failed. */
	world.jobs_result = -ENOMEM;
	assert_true(part_job(f.part, 6, "that", 5, false));
	assert_true(f.boot->flow.is_missing);
}

static void a_boot_that_failed_is_explained_by_the_feature_too(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const char *text, *devices;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	said();
	flow_fail(f.boot, "for a test");
	diagnose(f.boot);
	text = said();
	devices = strstr(text, "  found:\n    zza");
	assert_non_null(devices);
	assert_non_null(strstr(devices, "\n  made up: holds one\n"));
	/* It knows of nothing before it begins, and has forgotten it all in the end. */
	f.boot->parts->begun = false;
	parts_account(f.boot);
	assert_string_equal(said(), "");
}

static void a_job_can_be_cancelled(void **state)
{
	_cleanup_fixture_ struct fixture f;
	struct job first;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	/* Before a worker takes it: nobody ever does. */
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 5, "this", 5, false));
	assert_true(part_has(f.part, PART_JOB, 5));
	assert_false(part_has(f.part, PART_JOB, 6));
	part_cancel(f.part, PART_JOB, 5);
	assert_false(part_has(f.part, PART_JOB, 5));
	world.jobs_result = 0;
	world.n_jobs = 0;
	parts_start_jobs(f.boot);
	assert_int_equal(world.n_jobs, 0);
	/* While one is at it: that is killed, and no module loads before it is gone. */
	assert_true(part_job(f.part, 5, "this", 5, true));
	first = world.job;
	f.boot->jobs.workers[1] = (struct jobs_worker){.pid = 77, .job = first};
	part_cancel(f.part, PART_JOB, 5);
	assert_string_equal(recorder_calls(), "kill 77 9\n");
	assert_false(part_has(f.part, PART_JOB, 5));
	assert_int_equal(stages_loads(f.boot), RANK_NONE);
	/* Its result is not taken for that of the next one with this tag. */
	assert_true(part_job(f.part, 5, "that", 5, false));
	job_ends(&f, &first);
	assert_string_equal(said(), "");
	assert_int_not_equal(stages_loads(f.boot), RANK_NONE);
	assert_true(part_has(f.part, PART_JOB, 5));
	job_ends(&f, &world.job);
	assert_string_equal(said(), "done 5: 0 0 \n");
	f.boot->jobs.workers[1].pid = 0;
}

static void a_program_and_a_question_can_be_cancelled(void **state)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	recorder_start_with(100, 0, 101);
	part_run(f.part, 4, &(struct program_request){.argv = argv, .envp = envp});
	assert_true(part_has(f.part, PART_PROGRAM, 4));
	part_cancel(f.part, PART_PROGRAM, 3);
	assert_true(part_has(f.part, PART_PROGRAM, 4));
	part_cancel(f.part, PART_PROGRAM, 4);
	assert_false(part_has(f.part, PART_PROGRAM, 4));
	assert_contains(recorder_calls(), "kill -100 9\n");
	part_run(f.part, 4, &(struct program_request){.argv = argv, .envp = envp});
	program_reaped(f.boot, 100, 9);
	assert_string_equal(said(), "");
	program_reaped(f.boot, 101, 0);
	assert_string_equal(said(), "done 4: 0 0 ended with status 0\n");
	assert_int_equal(part_ask(f.part, 3, &(struct prompt_request){.text = "passphrase"}), 0);
	assert_true(part_has(f.part, PART_QUESTION, 3));
	part_cancel(f.part, PART_QUESTION, 3);
	assert_false(part_has(f.part, PART_QUESTION, 3));
	assert_string_equal(said(), "");
	prompt_leave(f.boot);
}

static void what_a_feature_has_started_ends_before_the_root_takes_over(void **state)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_true(part_job(f.part, 1, "this", 5, true));
	f.boot->jobs.workers[0] = (struct jobs_worker){.pid = 77, .job = world.job};
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 2, "that", 5, false));
	recorder_start_with(100);
	part_run(f.part, 3, &(struct program_request){.argv = argv, .envp = envp});
	assert_int_equal(part_ask(f.part, 4, &(struct prompt_request){.text = "passphrase"}), 0);
	parts_leave(f.boot);
	assert_contains(recorder_calls(), "kill 77 9\nkill -100 9\n");
	assert_false(part_has(f.part, PART_JOB, 1));
	assert_false(part_has(f.part, PART_JOB, 2));
	assert_false(part_has(f.part, PART_PROGRAM, 3));
	assert_false(part_has(f.part, PART_QUESTION, 4));
	assert_false(parts_are_quiet(f.boot));
	assert_string_equal(said(), "leave\n");
	f.boot->jobs.workers[0].pid = 0;
	prompt_leave(f.boot);
}

static void it_goes_on_after_a_hand_over_that_failed(void **state)
{
	_cleanup_fixture_ struct fixture f;
	const struct state *s;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	world.claim = PART_HOLDS;
	appears(&f, "zza", "crypto_LUKS", "crypto", "1");
	s = f.part->state;
	said();
	parts_leave(f.boot);
	assert_string_equal(said(), "leave\n");
	assert_int_not_equal(s->held.generation, 0);
	parts_retry(f.boot);
	assert_string_equal(said(), "retry\n");
	part_wake(f.part, world.now);
	assert_true(part_job(f.part, 5, "this", 5, false));
	job_ends(&f, &world.job);
	assert_string_equal(said(), "done 5: 0 0 \n");
	/* It does not when there is no way back, and leaves nothing in memory. */
	parts_leave(f.boot);
	said();
	parts_left(f.boot);
	assert_int_equal(s->held.generation, 0);
	parts_tick(f.boot, world.now);
	block_remove(f.boot, "zza");
	parts_retry(f.boot);
	assert_string_equal(said(), "");
	f.boot->parts->n = 1; /* for its memory */
}

static void what_a_job_was_to_know_is_wiped(void **state)
{
	static const unsigned char nothing[JOBS_DATA_MAX];
	_cleanup_fixture_ struct fixture f;
	const struct parts_job *first;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	first = &f.boot->parts->jobs[0];
	assert_true(part_job(f.part, 5, "secret", 7, false));
	assert_int_equal(first->state, PARTS_JOB_RUNS);
	assert_string_equal((const char *)world.job.data, "secret");
	assert_memory_equal(first->job.data, nothing, sizeof(nothing));
	job_ends(&f, &world.job);
	world.jobs_result = -EAGAIN;
	assert_true(part_job(f.part, 5, "secret", 7, false));
	assert_string_equal((const char *)first->job.data, "secret");
	part_cancel(f.part, PART_JOB, 5);
	assert_memory_equal(first->job.data, nothing, sizeof(nothing));
	/* One that waits is none of the business of a worker that is forked for another. */
	assert_true(part_job(f.part, 5, "secret", 7, false));
	parts_enter_worker(f.boot);
	assert_memory_equal(first->job.data, nothing, sizeof(nothing));
}

static void a_descriptor_is_watched_until_it_is_given_up(void **state)
{
	_cleanup_fixture_ struct fixture f;
	int ends[2];

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1");
	said();
	assert_int_equal(sources_open(&f.boot->sources), 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(part_watch(f.part, ends[0]), 0);
	assert_int_equal(write(ends[1], "hello", 5), 5);
	assert_int_equal(sources_wait(f.boot, 0), 0);
	close(ends[1]);
	assert_int_equal(sources_wait(f.boot, 0), 0);
	assert_string_equal(said(), "ready hello\nready end\n");
	assert_int_equal(sources_wait(f.boot, 0), 0);
	assert_string_equal(said(), "");
	close(ends[0]);
	close(f.boot->sources.epoll);
}

static void its_timer_and_the_time_to_do_with_less_come_once(void **state)
{
	_cleanup_fixture_ struct fixture f;

	(void)state;
	fixture_make(&f, "feature=madeup\n", "root=UUID=1 rd.timeout=90");
	said();
	part_wake(f.part, world.now + 500);
	assert_int_equal(parts_due(f.boot), world.now + 500);
	world.now += 500;
	stages_tick(f.boot, world.now);
	stages_tick(f.boot, world.now);
	assert_string_equal(said(), "tick 100500\n");
	assert_int_equal(parts_due(f.boot), 160000); /* two thirds of the time */
	world.now = 160000;
	stages_tick(f.boot, world.now);
	assert_contains(said(), "degrade\n");
	stages_tick(f.boot, world.now);
	assert_null(strstr(said(), "degrade"));
	assert_int_equal(parts_due(f.boot), INT64_MAX);
	parts_retry(f.boot);
	assert_string_equal(said(), "retry\n");
	/* Another wait has its own time. */
	world.now = 500000;
	flow_go(f.boot, STAGE_WAIT);
	stages_advance(f.boot);
	stages_tick(f.boot, world.now);
	assert_null(strstr(said(), "degrade"));
	assert_int_equal(parts_due(f.boot), 560000);
	parts_leave(f.boot);
	assert_string_equal(said(), "leave\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feature_that_is_not_named_costs_nothing),
		cmocka_unit_test(it_is_opened_with_its_settings_and_its_parameters),
		cmocka_unit_test(it_hears_of_no_device_before_it_begins),
		cmocka_unit_test(a_device_that_is_held_keeps_the_wait_for_the_root),
		cmocka_unit_test(a_device_that_is_refused_ends_the_wait_with_the_reason),
		cmocka_unit_test(a_refusal_that_there_is_no_place_for_is_logged),
		cmocka_unit_test(a_root_may_have_a_name_that_a_feature_gives),
		cmocka_unit_test(names_of_devices_that_are_gone_give_way),
		cmocka_unit_test(a_device_that_was_claimed_is_reported_gone_however_it_goes),
		cmocka_unit_test(a_root_without_a_device_is_the_feature_that_claims_it),
		cmocka_unit_test(it_hears_of_its_subsystems_alone),
		cmocka_unit_test(each_feature_hears_of_an_event_once),
		cmocka_unit_test(its_jobs_are_done_by_workers),
		cmocka_unit_test(a_job_that_could_not_start_is_not_started_by_another_try),
		cmocka_unit_test(its_questions_and_programs_come_back_with_their_tags),
		cmocka_unit_test(it_goes_on_while_the_machine_waits_after_a_failure),
		cmocka_unit_test(a_boot_that_failed_is_explained_by_the_feature_too),
		cmocka_unit_test(a_job_can_be_cancelled),
		cmocka_unit_test(a_program_and_a_question_can_be_cancelled),
		cmocka_unit_test(what_a_feature_has_started_ends_before_the_root_takes_over),
		cmocka_unit_test(it_goes_on_after_a_hand_over_that_failed),
		cmocka_unit_test(what_a_job_was_to_know_is_wiped),
		cmocka_unit_test(a_descriptor_is_watched_until_it_is_given_up),
		cmocka_unit_test(its_timer_and_the_time_to_do_with_less_come_once),
	};

	return RUN_TESTS(tests);
}
