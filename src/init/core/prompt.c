/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/boot.h"
#include "init/core/log.h"

enum {
	LOOK_MS = 1000,
	POLL_MS = 100,
	KERNEL_MS = 300, /* for further lines of the kernel, and for slow terminals to print them */
	RECORD_MAX = 1024,
	RECORDS_AT_ONCE = 64,
	LEVEL_MASK = 7, /* of a record's first number; the rest is the facility */
};

/* ---- the questions ---- */

static struct prompt *find(const struct prompts *all, uint32_t number)
{
	for (size_t i = 0; number && i < PROMPTS_MAX; i++)
		if (all->list[i].state != PROMPT_FREE && all->list[i].number == number)
			return (struct prompt *)&all->list[i];
	return NULL;
}

static struct prompt *find_asker(const struct prompts *all, prompt_handler *handler, unsigned tag)
{
	for (size_t i = 0; i < PROMPTS_MAX; i++) {
		const struct prompt *p = &all->list[i];

		if (p->state != PROMPT_FREE && p->handler == handler && p->tag == tag)
			return (struct prompt *)p;
	}
	return NULL;
}

static bool is_same(const struct prompt *a, const struct prompt *b)
{
	return a->secret == b->secret && strcmp(a->text, b->text) == 0 &&
	       strcmp(a->key, b->key) == 0;
}

/* Is P one of the prompts that share the question on the terminals? */
static bool is_shown(const struct prompts *all, const struct prompt *p)
{
	const struct prompt *shown = find(all, all->shown);

	return shown && p->state == PROMPT_WAITS && is_same(shown, p);
}

/* Is an answer to the same question being checked? It may be right for all of them. */
static bool is_held_back(const struct prompts *all, const struct prompt *p)
{
	for (size_t i = 0; i < PROMPTS_MAX; i++)
		if (all->list[i].state > PROMPT_WAITS && is_same(&all->list[i], p))
			return true;
	return false;
}

/* The prompt that has waited longest, or NULL. */
static const struct prompt *next_to_show(const struct prompts *all)
{
	const struct prompt *first = NULL;

	for (size_t i = 0; i < PROMPTS_MAX; i++) {
		const struct prompt *p = &all->list[i];

		if (p->state == PROMPT_WAITS && !is_held_back(all, p) &&
		    (!first || (int32_t)(p->number - first->number) < 0))
			first = p;
	}
	return first;
}

static void set_deadline(struct prompt *p, int64_t now)
{
	p->deadline = p->seconds ? now + (int64_t)p->seconds * 1000 : INT64_MAX;
}

/* ---- lines that the kernel prints on consoles ---- */

/* Here or on a terminal. */
static void ready(struct boot *b, void *context)
{
	(void)context;
	prompt_input(b);
}

static void watch_kernel(struct boot *b)
{
	int fd = open(b->prompts.kmsg, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	b->prompts.kernel = fd;
	b->prompts.show_at = 0;
	if (fd < 0)
		return;
	lseek(fd, 0, SEEK_END);
	/* Else questions are only not shown again behind the kernel's lines. */
	if (sources_add(&b->sources, fd, ready, NULL) < 0)
		b->prompts.kernel = close_fd(fd);
}

static void leave_kernel(struct boot *b)
{
	sources_remove(&b->sources, b->prompts.kernel);
	b->prompts.kernel = close_fd(b->prompts.kernel);
}

/* The console's log level: the kernel prints lines with a lower one. */
static long printed_level(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? 0 : read_full(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return strtol(text, NULL, 10);
}

/* Has the kernel printed to the console since the last call? Each read of its log returns one
 * record: "LEVEL,NUMBER,TIME,-;TEXT". */
static bool kernel_has_printed(const struct prompts *all)
{
	long level = printed_level(all->printk);
	char record[RECORD_MAX];
	bool printed = false;

	for (int i = 0; i < RECORDS_AT_ONCE; i++) {
		ssize_t n = read(all->kernel, record, sizeof(record) - 1);

		/* Records were overwritten, or one is too long: assume that they were printed. */
		if (n < 0 && (errno == EPIPE || errno == EINVAL))
			printed = true;
		else if (n <= 0)
			break;
		record[n > 0 ? n : 0] = '\0';
		printed = printed || (strtol(record, NULL, 10) & LEVEL_MASK) < level;
	}
	return printed;
}

/* ---- on the terminals ---- */

static void compose(struct prompts *all, const char *before, char out[TERMINALS_TEXT_MAX])
{
	const struct prompt *p = find(all, all->shown);
	char wrong[64] = "";

	if (p->wrong && p->limited)
		snprintf(wrong, sizeof(wrong), "That was wrong; tries that are left: %u.\r\n",
			 p->tries);
	else if (p->wrong)
		snprintf(wrong, sizeof(wrong), "That was wrong.\r\n");
	snprintf(out, TERMINALS_TEXT_MAX, "%s%s%s: ", before, wrong, p->text);
}

static void show(struct boot *b, const char *before)
{
	char text[TERMINALS_TEXT_MAX];

	compose(&b->prompts, before, text);
	terminals_show(&b->prompts.terminals, text);
}

static void start(struct boot *b, const struct prompt *p, int64_t now)
{
	struct prompts *all = &b->prompts;

	all->shown = p->number;
	all->next_look = now + LOOK_MS;
	for (size_t i = 0; i < PROMPTS_MAX; i++)
		if (is_shown(all, &all->list[i]))
			set_deadline(&all->list[i], now);
	watch_kernel(b);
	terminals_open(&all->terminals, p->secret);
	show(b, "\r\n");
}

static void end(struct boot *b, const char *note, const struct terminal *but)
{
	terminals_close(&b->prompts.terminals, note, but);
	leave_kernel(b);
	b->prompts.shown = 0;
	log_set_open_line(false);
}

/* Removes a prompt. If others share its question, the terminals go on showing it for them. */
static void leave(struct boot *b, uint32_t number, const char *note)
{
	struct prompts *all = &b->prompts;
	struct prompt *gone = find(all, number);
	bool was_shown = is_shown(all, gone);
	struct prompt was = *gone;

	*gone = (struct prompt){0};
	if (!was_shown)
		return;
	for (size_t i = 0; i < PROMPTS_MAX; i++) {
		struct prompt *p = &all->list[i];

		if (p->state == PROMPT_WAITS && is_same(p, &was)) {
			all->shown = p->number;
			return;
		}
	}
	end(b, note, NULL);
}

/* ---- what askers do ---- */

void prompt_init(struct boot *b)
{
	b->prompts = (struct prompts){
		.terminals = {.active = "/sys/class/tty/console/active", .folder = "/dev",
			      .sources = &b->sources, .ready = ready},
		.kmsg = "/dev/kmsg",
		.printk = "/proc/sys/kernel/printk",
		.kernel = -1,
	};
}

/* The text may contain a disk's label. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 32 || *text == 127)
			*text = '?';
}

int prompt_ask(struct boot *b, const struct prompt_request *r)
{
	struct prompts *all = &b->prompts;
	struct prompt *p = NULL;
	int result = terminals_init(&all->terminals);

	for (size_t i = 0; i < PROMPTS_MAX && !p; i++)
		if (all->list[i].state == PROMPT_FREE)
			p = &all->list[i];
	if (result < 0 || !p)
		return result < 0 ? result : -ENOSPC;
	all->asked += all->asked + 1 == 0 ? 2 : 1; /* no number is 0 */
	*p = (struct prompt){
		.state = PROMPT_WAITS,
		.number = all->asked,
		.secret = r->secret,
		.holds = r->holds,
		.limited = r->tries != PROMPT_NO_LIMIT,
		.tries = r->tries,
		.seconds = r->seconds,
		.tag = r->tag,
		.handler = r->handler,
	};
	snprintf(p->text, sizeof(p->text), "%s", r->text);
	snprintf(p->key, sizeof(p->key), "%s", r->key ? r->key : "");
	make_printable(p->text);
	set_deadline(p, log_now());
	return 0;
}

/* After a wrong answer the prompt keeps its place in the queue, unless it has used up its tries. */
static void refuse(struct boot *b, struct prompt *p)
{
	prompt_handler *handler = p->handler;
	unsigned tag = p->tag;

	p->wrong = true;
	p->state = PROMPT_WAITS;
	if (!p->limited || --p->tries)
		return;
	*p = (struct prompt){0};
	handler(b, tag, PROMPT_REFUSED, NULL, 0);
}

static void set_verdict(struct boot *b, struct prompt *p, enum prompt_verdict verdict)
{
	if (verdict == PROMPT_RIGHT)
		*p = (struct prompt){0};
	else if (verdict == PROMPT_WRONG)
		refuse(b, p);
	else if (verdict == PROMPT_EMPTY)
		p->state = PROMPT_WAITS;
	else
		p->state = PROMPT_JUDGES;
}

void prompt_set_verdict(struct boot *b, prompt_handler *handler, unsigned tag, bool right)
{
	struct prompt *p = find_asker(&b->prompts, handler, tag);

	if (p && p->state == PROMPT_JUDGES)
		set_verdict(b, p, right ? PROMPT_RIGHT : PROMPT_WRONG);
}

bool prompt_is_asked(const struct boot *b, prompt_handler *handler, unsigned tag)
{
	return find_asker(&b->prompts, handler, tag);
}

bool prompt_holds(const struct boot *b)
{
	const struct prompts *all = &b->prompts;
	bool is_open = false, holds = false;

	for (size_t i = 0; i < TERMINALS_MAX; i++)
		is_open = is_open || (all->shown && all->terminals.list[i].name[0]);
	for (size_t i = 0; i < PROMPTS_MAX; i++) {
		const struct prompt *p = &all->list[i];

		holds = holds || (p->holds && p->state != PROMPT_FREE && (is_open || p->state > PROMPT_WAITS));
	}
	return holds;
}

void prompt_cancel(struct boot *b, prompt_handler *handler, unsigned tag)
{
	struct prompt *p = find_asker(&b->prompts, handler, tag);

	if (p)
		leave(b, p->number, "\r\n(this is not needed any more)\r\n");
}

/* ---- answers ---- */

/* Handlers may ask, judge and cancel, so everything is looked up again after each. */
static void call_handlers(struct boot *b, int len)
{
	struct prompts *all = &b->prompts;

	for (size_t i = 0; i < PROMPTS_MAX; i++) {
		struct prompt *p = &all->list[i];
		uint32_t number = p->number;
		enum prompt_verdict verdict;

		if (p->state != PROMPT_TAKES)
			continue;
		verdict = p->handler(b, p->tag, PROMPT_ANSWERED, all->terminals.line, (size_t)len);
		p = find(all, number);
		if (p && p->state == PROMPT_TAKES)
			set_verdict(b, p, verdict);
	}
}

static void answer_shown(struct boot *b, const struct terminal *from, int len)
{
	struct prompts *all = &b->prompts;
	char note[TERMINALS_NAME_MAX + 32];

	for (size_t i = 0; i < PROMPTS_MAX; i++)
		if (is_shown(all, &all->list[i]))
			all->list[i].state = PROMPT_TAKES;
	snprintf(note, sizeof(note), "\r\n(answered on %s)\r\n", from->name);
	end(b, note, from);
	call_handlers(b, len);
	terminals_wipe(&all->terminals);
}

void prompt_input(struct boot *b)
{
	struct prompts *all = &b->prompts;
	const struct terminal *from = NULL;
	char note[64];
	int len;

	if (!all->shown)
		return;
	if (kernel_has_printed(all) && !all->show_at)
		all->show_at = log_now() + KERNEL_MS;
	len = terminals_read(&all->terminals, &from);
	if (len >= 0) {
		answer_shown(b, from, len);
	} else if (len == -EMSGSIZE) {
		snprintf(note, sizeof(note), "This is too long (more than %d bytes).\r\n",
			 PROMPT_ANSWER_MAX);
		show(b, note);
	}
}

/* ---- time ---- */

static void end_late(struct boot *b, int64_t now)
{
	struct prompts *all = &b->prompts;
	char note[64];

	for (size_t i = 0; i < PROMPTS_MAX; i++) {
		struct prompt p = all->list[i];

		if (!is_shown(all, &all->list[i]) || now < p.deadline)
			continue;
		snprintf(note, sizeof(note), "\r\n(no answer within %u second%s)\r\n", p.seconds,
			 text_plural(p.seconds));
		leave(b, p.number, note);
		log_info("%s: no answer within %u second%s", p.text, p.seconds,
			 text_plural(p.seconds));
		p.handler(b, p.tag, PROMPT_LATE, NULL, 0);
	}
}

/* Log lines have scrolled the question up: shows it again once all of them are printed. */
static void refresh(struct boot *b, int64_t now)
{
	struct prompts *all = &b->prompts;
	struct terminals *t = &all->terminals;
	bool quiet = log_due(now) == INT64_MAX;
	char text[TERMINALS_TEXT_MAX];

	if (all->show_at && now >= all->show_at) {
		all->show_at = 0;
		show(b, "");
	}
	if (quiet && terminals_console_has_it(t) && !log_has_open_line()) {
		compose(all, "", text);
		terminals_show_on_console(t, text);
	}
	terminals_flush(t, quiet);
	log_set_open_line(terminals_console_has_it(t));
}

void prompt_tick(struct boot *b, int64_t now)
{
	struct prompts *all = &b->prompts;
	const struct prompt *next;

	if (all->hushed)
		return;
	end_late(b, now);
	next = all->shown ? NULL : next_to_show(all);
	if (next)
		start(b, next, now);
	if (!all->shown)
		return;
	if (now >= all->next_look) {
		terminals_open(&all->terminals, all->terminals.secret);
		all->next_look = now + LOOK_MS;
	}
	refresh(b, now);
}

int64_t prompt_due(const struct boot *b, int64_t now)
{
	const struct prompts *all = &b->prompts;
	int64_t due = all->next_look;

	if (all->hushed || !all->shown)
		return all->hushed || !next_to_show(all) ? INT64_MAX : now;
	for (size_t i = 0; i < PROMPTS_MAX; i++)
		if (is_shown(all, &all->list[i]) && all->list[i].deadline < due)
			due = all->list[i].deadline;
	if (all->show_at && all->show_at < due)
		due = all->show_at;
	if (terminals_are_behind(&all->terminals) && now + POLL_MS < due)
		due = now + POLL_MS;
	return due;
}

/* ---- the console is for others ---- */

void prompt_hush(struct boot *b, bool hush)
{
	b->prompts.hushed = hush;
	if (hush && b->prompts.shown)
		end(b, "\r\n", NULL);
}

void prompt_leave(struct boot *b)
{
	if (b->prompts.shown)
		end(b, "\r\n", NULL);
	memset(b->prompts.list, 0, sizeof(b->prompts.list));
	terminals_wipe(&b->prompts.terminals);
}
