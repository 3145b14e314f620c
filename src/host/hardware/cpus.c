/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "format/machine/cpuinfo.h"
#include "host/hardware/hardware.h"

enum { CPUINFO_MAX = 64 * 1024 * 1024 };

/* The processor's platform as a mask with one bit, as the microcode driver reports it. */
static uint32_t read_platforms(const struct root *r, struct arena *a, uint32_t number)
{
	const char *path = arena_printf(
		a, "sys/devices/system/cpu/cpu%u/microcode/processor_flags", number);
	const char *line = root_read_line(r, path, a);
	unsigned long value;
	char *end;

	if (!line || !*line)
		return HW_PLATFORMS_UNKNOWN;
	value = strtoul(line, &end, 16);
	return *end || value > 0xff ? HW_PLATFORMS_UNKNOWN : (uint32_t)value;
}

static bool is_same(const struct hw_cpu *a, const struct hw_cpu *b)
{
	return strcmp(a->vendor, b->vendor) == 0 && a->family == b->family &&
	       a->model == b->model && a->stepping == b->stepping &&
	       a->platforms == b->platforms && a->is_guest == b->is_guest;
}

static void add_cpu(struct hardware *hw, struct arena *a, const struct hw_cpu *c)
{
	struct hw_cpu *list;

	for (size_t i = 0; i < hw->n_cpus; i++)
		if (is_same(&hw->cpus[i], c))
			return;
	/* A machine has few kinds of processors, so copying the list for each is cheap. */
	list = arena_alloc(a, (hw->n_cpus + 1) * sizeof(*list));
	if (hw->n_cpus)
		memcpy(list, hw->cpus, hw->n_cpus * sizeof(*list));
	list[hw->n_cpus] = *c;
	list[hw->n_cpus++].vendor = arena_strdup(a, c->vendor);
	hw->cpus = list;
}

void hardware_read_cpus(const struct root *r, struct arena *arena, struct hardware *hw)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct cpuinfo c;
	char *cursor;

	hw->knows_cpus = root_read(r, "proc/cpuinfo", CPUINFO_MAX, &text) == 0;
	if (!hw->knows_cpus)
		return;
	buf_cstr(&text);
	cursor = (char *)text.data;
	while (cursor && cpuinfo_next(&cursor, &c)) {
		struct hw_cpu cpu = {c.vendor,   c.family, c.model,
				     c.stepping, HW_PLATFORMS_UNKNOWN, c.is_guest};

		if (!c.vendor || !*c.vendor)
			continue;
		if (strcmp(c.vendor, "GenuineIntel") == 0)
			cpu.platforms = read_platforms(r, arena, c.number);
		add_cpu(hw, arena, &cpu);
	}
}
