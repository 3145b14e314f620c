/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "transaction/transaction.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

void transaction_tell(const struct transaction *t, enum step_kind kind, const char *kernel,
		      const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->tell(&(struct step){.kind = kind, .kernel = kernel, .text = text}, t->arg);
}

void transaction_say_waiting(const char *text, void *t)
{
	transaction_tell(t, STEP_WAITING, NULL, "%s", text);
}

void transaction_say_running(const char *program, void *t)
{
	transaction_tell(t, STEP_RUNNING, NULL, "%s", program);
}

void transaction_say_loader(const char *text, void *t)
{
	const struct transaction *transaction = t;

	if (transaction->log)
		runlog_line(transaction->log, NULL, "boot-loader", RUNLOG_INFO, "%s", text);
	transaction_tell(transaction, STEP_LOADER, NULL, "%s", text);
}

struct loader_request transaction_loader(struct transaction *t, const struct bootdir *b,
					 const char *version)
{
	return (struct loader_request){.root = t->root,
				       .bootdir = b,
				       .version = version,
				       .say = transaction_say_loader,
				       .running = transaction_say_running,
				       .arg = t};
}
