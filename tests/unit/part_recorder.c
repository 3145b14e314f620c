/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "part_recorder.h"

#include <stdio.h>

#include "init/core/log.h"

struct part_recorder told;

/* ---- the test's side ---- */

void part_open(struct part *p, const struct feature_boot *feature, const char *cmdline)
{
	static struct params params;

	buf_clear(&told.said);
	memset(&told, 0, sizeof(told));
	memset(&params, 0, sizeof(params));
	*p = (struct part){.feature = feature, .state = calloc(1, feature->state_size)};
	assert_non_null(p->state);
	if (feature->params) {
		params_register(&params, feature->params, feature->lacks);
		params_obey(&params, feature->params, p->state, feature->params_size);
	}
	params_parse(&params, cmdline, strlen(cmdline));
	if (feature->begin)
		feature->begin(p);
}

void part_close(struct part *p)
{
	free(p->state);
	buf_clear(&told.said);
}

void part_device(unsigned n, const char *name, const char *value, const char *type)
{
	snprintf(told.devices[n].name, sizeof(told.devices[n].name), "%s", name);
	told.devices[n].value = value;
	snprintf(told.devices[n].probe.type, sizeof(told.devices[n].probe.type), "%s", type);
}

const char *part_said(void)
{
	static char text[8192];

	snprintf(text, sizeof(text), "%s", told.said.len ? buf_cstr(&told.said) : "");
	told.said.len = 0;
	return text;
}

enum stage_step part_step(struct part *p, enum boot_stage stage, bool entered)
{
	const struct part_stage *s = p->feature->stages;

	while (s->step && s->at != stage)
		s++;
	assert_non_null(s->step);
	p->entered = entered;
	return s->step(p);
}

static int find_job(unsigned tag)
{
	for (unsigned n = 0; n < told.n_jobs; n++)
		if (told.jobs[n].tag == tag)
			return (int)n;
	return -1;
}

static void forget_job(unsigned tag)
{
	int n = find_job(tag);

	assert_true(n >= 0);
	told.n_jobs--;
	memmove(told.jobs + n, told.jobs + n + 1, (told.n_jobs - (unsigned)n) * sizeof(*told.jobs));
}

static void job_done(struct part *p, const struct part_end *end)
{
	forget_job(end->tag);
	p->feature->done(p, end);
}

void recorded_done(struct part *p, int result, int found, const char *text)
{
	assert_true(told.n_jobs > 0);
	job_done(p, &(struct part_end){.what = PART_JOB,
				       .tag = told.jobs[0].tag,
				       .result = result,
				       .found = found,
				       .text = text});
}

void recorded_job_done(struct part *p, unsigned tag, int result, const char *text)
{
	job_done(p, &(struct part_end){
			    .what = PART_JOB, .tag = tag, .result = result, .text = text});
}

void recorded_end(struct part *p, unsigned tag, int status, const char *why)
{
	struct part_end end = {.what = PART_PROGRAM, .tag = tag, .result = status, .text = why};

	assert_true(part_has(p, PART_PROGRAM, tag));
	told.programs &= ~(1ULL << tag);
	p->feature->done(p, &end);
}

enum prompt_verdict recorded_answer(struct part *p, unsigned tag, enum prompt_end end,
				    const char *text)
{
	enum prompt_verdict verdict;

	assert_true(part_has(p, PART_QUESTION, tag));
	if (end != PROMPT_ANSWERED)
		told.questions &= ~(1ULL << tag);
	verdict = p->feature->answer(p, tag, end, text, text ? strlen(text) : 0);
	if (verdict == PROMPT_RIGHT)
		told.questions &= ~(1ULL << tag);
	return verdict;
}

int recorded_work(struct part *p)
{
	struct job_result out = {0};

	assert_true(told.n_jobs > 0);
	out.result = p->feature->work(told.jobs[0].data, &out);
	recorded_done(p, out.result, out.found, out.text);
	return out.result;
}

/* ---- PID 1's side ---- */

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&told.said, "%s\n", text);
}

int64_t log_now(void)
{
	return told.now;
}

void log_show(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say("show: %s", text);
}

void log_info(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say("info: %s", text);
}

void part_want(struct part *p, const struct spec *spec)
{
	(void)p;
	say("want %s", spec->kind == SPEC_NONE ? "nothing" : spec->value);
}

const char *part_next_name(const struct part *p, size_t *n)
{
	(void)p;
	return told.wanted[*n] ? told.wanted[(*n)++] : NULL;
}

bool part_lacks(const struct part *p)
{
	(void)p;
	return told.lacks;
}

bool part_lacks_any(const struct part *p)
{
	(void)p;
	return told.lacks || told.lacks_any;
}

bool part_can_find(const struct part *p, const struct spec *spec)
{
	(void)p, (void)spec;
	return !told.cannot_find;
}

static void describe(unsigned n, struct part_device *out)
{
	unsigned generation = told.devices[n].generation;

	*out = (struct part_device){.ref = {.slot = n, .generation = generation ? generation : n + 1},
				    .name = told.devices[n].name,
				    .is_held = told.devices[n].is_held,
				    .is_member = told.devices[n].is_member,
				    .is_wanted = told.devices[n].is_wanted,
				    .probe = &told.devices[n].probe};
	memcpy(out->identity.uuid, told.devices[n].probe.uuid, sizeof(out->identity.uuid));
}

bool part_find(const struct part *p, const struct spec *spec, struct part_device *out)
{
	(void)p;
	for (unsigned n = 0; n < RECORDED_DEVICES; n++)
		if (told.devices[n].value && strcmp(told.devices[n].value, spec->value) == 0) {
			describe(n, out);
			return true;
		}
	return false;
}

bool part_names(const struct part *p, const struct spec *spec, struct device_ref ref)
{
	(void)p;
	return told.devices[ref.slot].value && strcmp(told.devices[ref.slot].value, spec->value) == 0;
}

bool part_is_root(const struct part *p, struct device_ref ref)
{
	(void)p;
	return told.root && strcmp(told.devices[ref.slot].name, told.root) == 0;
}

void part_hold(struct part *p, struct device_ref ref)
{
	(void)p;
	say("hold %s", told.devices[ref.slot].name);
}

bool part_get(const struct part *p, struct device_ref ref, struct part_device *out)
{
	struct part_device d;

	(void)p;
	if (!ref.generation || !told.devices[ref.slot].value)
		return false;
	describe(ref.slot, &d);
	if (d.ref.generation != ref.generation)
		return false;
	*out = d;
	return true;
}

void part_want_all(struct part *p)
{
	(void)p;
	say("want all");
}

void part_set_claim(struct part *p, struct device_ref ref, enum part_claim claim, const char *why)
{
	struct part_device d;

	assert_true(part_get(p, ref, &d));
	told.devices[ref.slot].claim = claim;
	snprintf(told.devices[ref.slot].why, sizeof(told.devices[ref.slot].why), "%s", why);
}

void part_set_mount_option(struct part *p, struct device_ref ref, const char *option)
{
	struct part_device d;

	assert_true(part_get(p, ref, &d));
	told.devices[ref.slot].option = option;
}

bool part_has_mount_option(const struct part *p, struct device_ref ref, const char *option)
{
	struct part_device d;

	return part_get(p, ref, &d) && told.mounted_with && strcmp(told.mounted_with, option) == 0;
}

bool part_is_path(const struct part *p, struct device_ref a, struct device_ref b)
{
	(void)p;
	return told.devices[a.slot].disk && told.devices[a.slot].disk == told.devices[b.slot].disk;
}

bool part_mistaken(struct part *p, struct device_ref ref)
{
	say("mistaken %s", told.devices[ref.slot].name);
	if (told.mistaken_is_gone)
		p->feature->gone(p, ref);
	return !told.is_mistaken_again;
}

enum stage_step part_refuse_mount(struct part *p, const char *why)
{
	(void)p;
	say("do not mount: %s", why);
	return STAGE_MOVED;
}

bool part_has_partitions(const struct part *p, struct device_ref ref)
{
	(void)p;
	return told.devices[ref.slot].is_partitioned;
}

bool part_needs_partition(const struct part *p, struct device_ref ref)
{
	(void)p;
	return told.devices[ref.slot].needs_partition;
}

bool part_wants_name(const struct part *p, const char *name)
{
	(void)p;
	return told.awaited && strcmp(told.awaited, name) == 0;
}

bool part_is_settled(const struct part *p)
{
	(void)p;
	return !told.is_unsettled;
}

bool part_is_doubtful(struct part *p, const struct spec *spec, struct device_ref ref, char *why,
		      size_t size)
{
	(void)p, (void)spec, (void)ref;
	if (told.doubt)
		snprintf(why, size, "%s", told.doubt);
	return told.doubt;
}

bool part_name(struct part *p, struct device_ref ref, const char *name)
{
	(void)p;
	say("name %s %s", told.devices[ref.slot].name, name);
	return true;
}

void part_module(struct part *p, const char *modalias)
{
	(void)p;
	say("module %s", modalias);
}

bool part_is_loading(const struct part *p, const char *modalias)
{
	(void)p;
	return told.loading && strcmp(told.loading, modalias) == 0;
}

bool part_is_busy(const struct part *p)
{
	(void)p;
	return told.is_busy;
}

bool part_has_param(const struct part *p, const char *name)
{
	(void)p;
	return told.param && strcmp(told.param, name) == 0;
}

bool part_has_root(const struct part *p)
{
	(void)p;
	return told.has_root;
}

bool part_may_resume(const struct part *p)
{
	(void)p;
	return told.may_resume;
}

bool part_is_running_out(const struct part *p)
{
	(void)p;
	return !told.is_another_wait;
}

const char *part_is_strict(const struct part *p)
{
	(void)p;
	return told.strict;
}

void part_cover_root(struct part *p)
{
	(void)p;
	say("cover the root");
}

void part_limit(struct part *p, int64_t deadline)
{
	(void)p;
	told.limit = deadline;
}

int64_t part_root_deadline(const struct part *p)
{
	(void)p;
	return told.now + 60000;
}

bool part_is_late(const struct part *p)
{
	(void)p;
	return told.limit != PARAMS_FOREVER && told.now >= told.limit;
}

void part_step_at(struct part *p, int64_t at)
{
	(void)p;
	if (at)
		say("again at %lld", (long long)at);
}

enum stage_step part_go(struct part *p, enum boot_stage stage)
{
	(void)p;
	say("go to stage %d", stage);
	return STAGE_MOVED;
}

enum stage_step part_fail(struct part *p, const char *why, const char *hint)
{
	(void)p;
	say("fail: %s%s%s", why, hint ? "; try " : "", hint ? hint : "");
	return STAGE_MOVED;
}

bool part_job(struct part *p, unsigned tag, const void *data, size_t len, unsigned how)
{
	(void)p;
	assert_true(told.jobs_max || !told.n_jobs);
	assert_between(len, 0, JOBS_DATA_MAX);
	if (told.jobs_max && told.n_jobs == told.jobs_max)
		return false;
	say("job %u%s", tag, how & PART_QUIET ? ", quiet" : "");
	told.how = how;
	told.jobs[told.n_jobs] = (struct job){.kind = JOB_PART, .tag = tag};
	memcpy(told.jobs[told.n_jobs++].data, data, len);
	return true;
}

bool part_has(const struct part *p, enum part_work what, unsigned tag)
{
	(void)p;
	if (what == PART_JOB)
		return find_job(tag) >= 0;
	return (what == PART_PROGRAM ? told.programs : told.questions) & 1ULL << tag;
}

void part_cancel(struct part *p, enum part_work what, unsigned tag)
{
	if (!part_has(p, what, tag))
		return;
	if (what == PART_JOB)
		forget_job(tag);
	else if (what == PART_PROGRAM)
		told.programs &= ~(1ULL << tag);
	else
		told.questions &= ~(1ULL << tag);
	say("cancel %s %u",
	    what == PART_JOB	   ? "job"
	    : what == PART_PROGRAM ? "program"
				   : "question",
	    tag);
}

void log_drain(void)
{
}

int64_t part_started(const struct part *p)
{
	(void)p;
	return 0;
}

bool part_mount(const struct part *p, struct part_mount *out)
{
	(void)p;
	*out = told.mount;
	return told.mount.is_device && !told.mount_is_gone;
}

void part_will_ask(struct part *p)
{
	(void)p;
}

void part_run(struct part *p, unsigned tag, const struct program_request *r)
{
	(void)p;
	assert_between(tag, 0, 63);
	told.programs |= 1ULL << tag;
	buf_printf(&told.said, "run %u:", tag);
	for (char **arg = r->argv; *arg; arg++)
		buf_printf(&told.said, " %s", *arg);
	buf_printf(&told.said, "%s\n", r->seconds ? "" : ", without a time limit");
	if (r->prepare) /* what it gets begins with the name of a device */
		say("  on %s", (const char *)r->data);
	if (r->secret)
		say("  with a secret of %zu bytes", r->secret_len);
	for (char **e = r->envp; *e; e++)
		if (strncmp(*e, "PREROOT_", 8) == 0)
			say("  with %s", *e);
}

int part_ask(struct part *p, unsigned tag, const struct prompt_request *r)
{
	(void)p;
	assert_between(tag, 0, 63);
	told.questions |= 1ULL << tag;
	say("ask %u: %s%s%s", tag, r->text, r->key ? ", for " : "", r->key ? r->key : "");
	return 0;
}

void part_set_verdict(struct part *p, unsigned tag, bool right)
{
	assert_true(part_has(p, PART_QUESTION, tag));
	if (right)
		told.questions &= ~(1ULL << tag);
	say("answer %u is %s", tag, right ? "right" : "wrong");
}

int part_watch(struct part *p, int fd)
{
	(void)p;
	say("watch %d", fd);
	return 0;
}

void part_unwatch(struct part *p, int fd)
{
	(void)p;
	say("unwatch %d", fd);
}

void part_wake(struct part *p, int64_t at)
{
	p->wake = at;
}

void part_root_is(struct part *p, const char *text)
{
	(void)p;
	say("root is %s", text);
}

bool part_root_mount(struct part *p, const char *source, const char *type, const char *options)
{
	(void)p;
	say("root is %s, type %s, options %s", source, type, options);
	return true;
}
