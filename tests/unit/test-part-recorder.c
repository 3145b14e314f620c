/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The recorder that tests of boot parts link in place of PID 1's side, with a part that does what
 * real ones of encrypted devices will: it asks, gives the answer to a program, and cancels both.
 */

#include <stdio.h>

#include "part_recorder.h"

enum { UNLOCK = 3, KEY_FILE = 4 };

static enum part_claim device(struct part *p, const struct part_device *d, char *why)
{
	(void)why;
	if (strcmp(d->probe->type, "crypto_LUKS") != 0)
		return PART_IGNORES;
	part_ask(p, UNLOCK, &(struct prompt_request){.text = "passphrase", .key = d->name});
	return PART_HOLDS;
}

static enum prompt_verdict answer(struct part *p, unsigned tag, enum prompt_end end,
				  const char *text, size_t len)
{
	char *argv[] = {(char *)"/bin/unlock", NULL}, *envp[] = {NULL};

	if (end != PROMPT_ANSWERED)
		return PROMPT_RIGHT;
	part_run(p, tag, &(struct program_request){
				 .argv = argv, .envp = envp, .secret = text, .secret_len = len});
	return PROMPT_PENDING;
}

static void done(struct part *p, const struct part_end *end)
{
	part_set_verdict(p, end->tag, end->result == 0);
}

/* What it waits for may come by itself. */
static void gone(struct part *p, struct device_ref ref)
{
	(void)ref;
	part_cancel(p, PART_QUESTION, UNLOCK);
	part_cancel(p, PART_PROGRAM, UNLOCK);
	part_cancel(p, PART_JOB, KEY_FILE);
}

static const struct feature_boot unlocker = {
	.name = "unlocker",
	.state_size = 1,
	.device = device,
	.gone = gone,
	.answer = answer,
	.done = done,
};

static void appears(struct part *p)
{
	char why[PART_TEXT_MAX];
	struct part_device d;

	part_device(0, "sda1", "1f", "crypto_LUKS");
	assert_true(part_get(p, (struct device_ref){0, 1}, &d));
	assert_int_equal(unlocker.device(p, &d, why), PART_HOLDS);
	assert_string_equal(part_said(), "ask 3: passphrase, for sda1\n");
}

static void a_question_is_answered_until_it_is_right(void **state)
{
	struct part p;

	(void)state;
	part_open(&p, &unlocker, "");
	appears(&p);
	for (int status = 2; status >= 0; status -= 2) {
		assert_int_equal(recorded_answer(&p, UNLOCK, PROMPT_ANSWERED, "secret"),
				 PROMPT_PENDING);
		assert_string_equal(part_said(), "run 3: /bin/unlock, without a time limit\n"
						 "  with a secret of 6 bytes\n");
		assert_true(part_has(&p, PART_PROGRAM, UNLOCK));
		recorded_end(&p, UNLOCK, status, "");
		assert_string_equal(part_said(),
				    status ? "answer 3 is wrong\n" : "answer 3 is right\n");
		assert_int_equal(part_has(&p, PART_QUESTION, UNLOCK), status != 0);
	}
	part_close(&p);
}

static void what_was_started_can_be_cancelled(void **state)
{
	struct part p;

	(void)state;
	part_open(&p, &unlocker, "");
	appears(&p);
	recorded_answer(&p, UNLOCK, PROMPT_ANSWERED, "secret");
	part_job(&p, KEY_FILE, "", 1, 0);
	part_said();
	unlocker.gone(&p, (struct device_ref){0, 1});
	assert_string_equal(part_said(), "cancel question 3\ncancel program 3\ncancel job 4\n");
	assert_false(part_has(&p, PART_QUESTION, UNLOCK));
	assert_false(part_has(&p, PART_PROGRAM, UNLOCK));
	assert_false(part_has(&p, PART_JOB, KEY_FILE));
	unlocker.gone(&p, (struct device_ref){0, 1});
	assert_string_equal(part_said(), "");
	part_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_answered_until_it_is_right),
		cmocka_unit_test(what_was_started_can_be_cancelled),
	};

	return RUN_TESTS(tests);
}
