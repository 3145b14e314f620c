/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/report/profile_table.h"

#include <stdio.h>

#include "base/profile.h"
#include "cli/messages.h"

/* Global, like the streams. */
static bool is_printed;

static void print_row(const struct profile_stage *s)
{
	char read[32], written[32], memory[32];

	fprintf(stderr, "%-20s %9.4f %9.4f %10s %10s %10s\n", s->name, s->seconds, s->cpu,
		cli_size(s->read, read), cli_size(s->written, written),
		cli_size((uint64_t)s->memory_kb * 1024, memory));
}

void profile_print(void)
{
	const struct profile_stage *stages;
	size_t n = profile_end(&stages);
	struct profile_stage total = {.name = "total"};

	if (!n || is_printed)
		return;
	fprintf(stderr, "%-20s %9s %9s %10s %10s %10s\n", "stage", "seconds", "CPU", "read", "written",
		"peak");
	for (size_t i = 0; i < n; i++) {
		print_row(&stages[i]);
		total.seconds += stages[i].seconds;
		total.cpu += stages[i].cpu;
		total.read += stages[i].read;
		total.written += stages[i].written;
		total.memory_kb = stages[i].memory_kb > total.memory_kb ? stages[i].memory_kb
									: total.memory_kb;
	}
	print_row(&total);
}

static struct json_object *stage_json(const struct profile_stage *s)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "stage", json_object_new_string(s->name));
	json_object_object_add(o, "seconds", json_object_new_double(s->seconds));
	json_object_object_add(o, "cpu", json_object_new_double(s->cpu));
	json_object_object_add(o, "read", json_object_new_int64((int64_t)s->read));
	json_object_object_add(o, "written", json_object_new_int64((int64_t)s->written));
	json_object_object_add(o, "peak", json_object_new_int64((int64_t)s->memory_kb * 1024));
	return o;
}

void profile_add_json(struct json_object *object)
{
	const struct profile_stage *stages;
	size_t n = profile_end(&stages);
	struct json_object *list;

	if (!n)
		return;
	list = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, stage_json(&stages[i]));
	json_object_object_add(object, "profile", list);
	is_printed = true;
}
