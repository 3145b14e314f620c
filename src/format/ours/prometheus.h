/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Gauges in the text format of Prometheus, version 0.0.4 ("Exposition formats" of its
 * documentation): a line of help, a line with the type, then a line for each value. Written only.
 */

#include <stdint.h>

#include "base/buf.h"

/* The header of a metric. NAME consists of [a-z_], HELP is one line without a backslash. */
void prometheus_gauge(struct buf *out, const char *name, const char *help);

/* A value of the metric. LABELS: pairs of name and text, ended by NULL. Texts may hold anything:
 * bytes that are not text become \xNN, as everywhere else. */
void prometheus_value(struct buf *out, const char *name, const char *const *labels, int64_t value);
