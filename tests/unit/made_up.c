/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "made_up.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/core/log.h"
#include "init/core/settings.h"
#include "init/devices/events.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

struct made_up_world world;

int64_t __wrap_log_now(void);
int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
bool __wrap_shell_has_mounted(void);

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

bool __wrap_shell_has_mounted(void)
{
	return world.is_mounted;
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

const char *said(void)
{
	static char text[8192];

	snprintf(text, sizeof(text), "%s", recorder_log());
	recorder.log.len = 0;
	return text;
}

/* ---- a made-up feature ---- */

static bool setting(struct part *p, const char *key, char *value)
{
	(void)p;
	buf_printf(&recorder.log, "setting %s=%s\n", key, value);
	return strcmp(key, "key") == 0;
}

static void begin(struct part *p)
{
	const struct made_up_state *s = p->state;

	buf_printf(&recorder.log, "begin%s\n", s->word ? ", word" : "");
}

static bool root(struct part *p, const char *text)
{
	bool is_mine = strncmp(text, "far:", 4) == 0;

	(void)p;
	buf_printf(&recorder.log, "root %s\n", text);
	return is_mine;
}

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	struct made_up_state *s = p->state;

	buf_printf(&recorder.log, "device %s %s\n", d->name, d->probe->type);
	assert_string_equal(d->identity.uuid, d->probe->uuid); /* a job may open it at once */
	if (strcmp(d->probe->type, "crypto_LUKS") != 0)
		return PART_IGNORES;
	s->held = d->ref;
	s->is_wanted = d->is_wanted;
	if (world.claim == PART_REFUSES || world.has_reason)
		snprintf(why, PART_TEXT_MAX, "its cipher is not in this kernel");
	return world.claim;
}

static void gone(struct part *p, struct device_ref ref)
{
	const struct made_up_state *s = p->state;

	buf_printf(&recorder.log, "gone %s\n",
		   s->held.generation == ref.generation ? "mine" : "other");
}

static void uevent(struct part *p, const struct uevent *u)
{
	(void)p;
	buf_printf(&recorder.log, "uevent %s\n", u ? u->devpath : "lost");
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
	buf_printf(&recorder.log, "done %u: %d %d %s\n", end->tag, end->result, end->found,
		   end->text);
}

static enum prompt_verdict answer(struct part *p, unsigned tag, enum prompt_end end,
				  const char *text, size_t len)
{
	(void)p;
	buf_printf(&recorder.log, "answer %u: %d %.*s\n", tag, end, (int)len, text ? text : "");
	return PROMPT_PENDING;
}

static void ready(struct part *p, int fd)
{
	char text[16] = "";
	ssize_t n = read(fd, text, sizeof(text) - 1);

	buf_printf(&recorder.log, "ready %s\n", n > 0 ? text : "end");
	if (n <= 0)
		part_unwatch(p, fd);
}

static void tick(struct part *p, int64_t now)
{
	(void)p;
	buf_printf(&recorder.log, "tick %lld\n", (long long)now);
}

static void degrade(struct part *p)
{
	(void)p;
	buf_printf(&recorder.log, "degrade\n");
}

static bool is_incomplete(const struct part *p)
{
	(void)p;
	return !world.is_starting;
}

static void what(const struct part *p, char *out, size_t size)
{
	const struct made_up_state *s = p->state;

	if (s->held.generation)
		snprintf(out, size, "LUKS to be unlocked");
}

static void account(const struct part *p)
{
	const struct made_up_state *s = p->state;

	log_show("  made up: %s", s->held.generation ? "holds one" : "holds none");
}

static void retry(struct part *p)
{
	(void)p;
	buf_printf(&recorder.log, "retry\n");
}

static void leave(struct part *p)
{
	(void)p;
	buf_printf(&recorder.log, "leave\n");
}

static const struct params_rule rules[] = {PARAMS_WORD("rd.made.up", struct made_up_state, word), {0}};
static const char *const subsystems[] = {"net", "thermal", NULL};

const struct feature_boot made_up = {
	.name = "madeup",
	.state_size = sizeof(struct made_up_state),
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
	.is_incomplete = is_incomplete,
	.what = what,
	.account = account,
	.retry = retry,
	.leave = leave,
};

static void degrade_second(struct part *p)
{
	(void)p;
	buf_printf(&recorder.log, "degrade the second\n");
}

static void wanted(struct part *p)
{
	(void)p;
	buf_printf(&recorder.log, "wanted\n");
}

/* Another one that wants the same, and hears what is waited for. */
static const struct feature_boot second = {.name = "second",
					   .subsystems = subsystems,
					   .uevent = uevent,
					   .wanted = wanted,
					   .degrade = degrade_second};

static void degrade_careful(struct part *p)
{
	(void)p;
	buf_printf(&recorder.log, "degrade the careful one\n");
}

static const struct feature_boot careful = {
	.name = "careful", .degrade = degrade_careful, .degrades_on_request = true};

/* One that waits for a device in stages of its own. */
static enum stage_step wait_on(struct part *p)
{
	const struct made_up_state *s = p->state;

	if (!p->entered)
		part_limit(p, part_root_deadline(p));
	return s->word && !world.is_over && !part_is_late(p) ? STAGE_STAYS : STAGE_ENDS;
}

static const struct params_rule waiting_rules[] = {
	PARAMS_WORD("rd.waiting", struct made_up_state, word), {0}};
static const struct part_stage waiting_stages[] = {
	{STAGE_RESUME, wait_on, NULL, true}, {STAGE_OVERLAY_WAIT, wait_on, NULL, true}, {0}};

static const struct feature_boot waiting = {.name = "waiting",
					    .state_size = sizeof(struct made_up_state),
					    .params = waiting_rules,
					    .params_size = sizeof(bool),
					    .stages = waiting_stages};

static const struct feature_boot *const table[] = {&made_up, &second, &careful, &waiting, NULL};

/* ---- a boot ---- */

void fixture_make(struct fixture *f, const char *conf, const char *cmdline)
{
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
	settings_parse(f->boot, f->conf);
	params_parse(&f->boot->params, cmdline, strlen(cmdline));
	block_want(f->boot, &f->boot->params.root);
	flow_go(f->boot, STAGE_CMDLINE);
	stages_advance(f->boot);
}

void fixture_clear(struct fixture *f)
{
	for (size_t i = 0; i < f->boot->parts->n; i++)
		free(f->boot->parts->list[i].state);
	free(f->boot->settings.loads);
	free(f->boot);
}

void appears(struct fixture *f, const char *name, const char *type, const char *usage,
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

void receives(struct fixture *f, const char *event, size_t len)
{
	world.event = event;
	world.event_len = len;
	events_receive(f->boot);
}
