/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by the parts of configure: the configuration, the request, and what comes of them. */

#include "base/err_list.h"
#include "format/machine/conf.h"
#include "host/root.h"
#include "plan/request.h"

struct configure {
	const struct root *root;
	const struct request *given;
	const struct conf *values;
	struct arena *arena;
	struct request *out;
	struct err *err;
	struct request_wish *wishes;
	struct err_list *errors; /* to collect errors, and go on; NULL: the first one ends it */
};

struct configure_word {
	const char *text;
	const char *from; /* "FILE:LINE: KEY", or the option */
};

/* The words of the list KEY (NULL: none), then those that were GIVEN with OPTION. Their number. */
size_t configure_words(const struct configure *c, const char *key, const struct request_words *given,
		       const char *option, struct configure_word **out);

/* Of a failure, described by C->err: 0 if it was collected; else its code. */
int configure_failed(struct configure *c);

void configure_add_wish(struct configure *c, enum wish_kind kind, const char *word,
			const char *from);

/* Adds the wishes for features, of which most are named as modules of dracut. */
int configure_features(struct configure *c);
