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
