/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The parts of preroot boot-report.
 */

#include "base/buf.h"
#include "format/ours/bootlog.h"

/* What is shown of a boot: its items in the order in which they began. */
struct boot_row {
	const struct bootlog_item *item;
	bool on_chain;
};

struct boot_rows {
	struct boot_row *rows;
	size_t n;
};

/* "stage", "module", "device", "program" */
const char *boot_kind_name(enum bootlog_kind kind);

/* What became of ITEM, if that is worth a word; "" else. OUT is returned. */
const char *boot_remark(const struct bootlog_item *item, char *out, size_t size);

/* Appends a chart of it, as SVG. */
void boot_chart(const struct bootlog *log, const struct boot_rows *rows, struct buf *out);
