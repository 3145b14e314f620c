/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What package databases hold, and os-release. The first byte chooses the format. What is told
 * lies within the input.
 */

#include <string.h>

#include "format/machine/osrelease.h"
#include "format/package/rpmheader.h"
#include "fuzz.h"

static struct span whole;

static void check_span(struct span s)
{
	HOLDS(!s.len || (s.s >= whole.s && s.s + s.len <= whole.s + whole.len));
	span_is_word(s);
}

static void check_status(void)
{
	struct dpkg_stanza s;
	size_t at = 0;

	while (dpkg_status_next(whole, &at, &s)) {
		check_span(s.name);
		check_span(s.version);
		check_span(s.arch);
	}
	HOLDS(at >= whole.len);
}

static void check_diversions(void)
{
	struct dpkg_diversion d;
	size_t at = 0;

	while (dpkg_diversion_next(whole, &at, &d) > 0) {
		check_span(d.from);
		check_span(d.to);
		check_span(d.package);
		HOLDS(d.from.s[0] == '/' && d.to.s[0] == '/' && d.package.len);
	}
}

static void check_pacman(void)
{
	size_t at = pacman_section(whole, "FILES");
	struct span line;

	check_span(pacman_value(whole, "NAME"));
	while (at != SIZE_MAX && span_line(whole, &at, &line) && line.len)
		check_span(line);
}

static void check_path(struct span path, void *arg)
{
	HOLDS(!memchr(path.s, '\0', path.len));
	++*(size_t *)arg;
}

static void check_rpm(void)
{
	struct rpmheader_package p;
	struct rpmheader h;
	size_t files = 0;

	if (rpmheader_decode(whole.s, whole.len, &h) < 0)
		return;
	if (rpmheader_package(&h, &p) == 0) {
		check_span(p.name);
		check_span(p.version);
		check_span(p.release);
		check_span(p.arch);
	}
	rpmheader_files(&h, check_path, &files);
	HOLDS(files <= whole.len);
}

static void check_os_release(void)
{
	char out[32] = "untouched";

	if (osrelease_get(whole.s, whole.len, "ID", out, sizeof(out)))
		HOLDS(strlen(out) < sizeof(out));
	else
		HOLDS(strcmp(out, "untouched") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(void) = {check_status, check_diversions, check_pacman,
					       check_rpm, check_os_release};

	if (!size)
		return 0;
	whole = (struct span){(const char *)data + 1, size - 1};
	checks[data[0] % 5]();
	return 0;
}
