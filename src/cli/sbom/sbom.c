/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/sbom/kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/commands.h"

/* The last second of the year 9999: the formats have four digits. */
#define DATE_MAX 253402300799ull

/* SOURCE_DATE_EPOCH is the only reproducible date. */
static int read_date(char out[SBOM_DATE_SIZE], struct err *err)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds;
	struct tm tm;
	time_t t;

	if (!text)
		return 0;
	if (!parse_u64(text, DATE_MAX, &seconds)) {
		err_set(err, -EINVAL,
			"SOURCE_DATE_EPOCH is \"%s\", which is not a number of seconds", text);
		return err_hint(err, "unset it, or set it to seconds since 1970-01-01");
	}
	t = (time_t)seconds;
	strftime(out, SBOM_DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	return 0;
}

static int take_option(const struct option_spec *spec, char **args, void *format, struct err *err)
{
	int *chosen = format;

	(void)args;
	if (*chosen && *chosen != spec->id)
		return err_set(err, -EINVAL, "--spdx and --cyclonedx are two documents: choose one");
	*chosen = spec->id;
	return 0;
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_image_ struct image *image = NULL;
	struct sbom s = {0};
	struct err err = {0};
	int format = 0, r = options_parse(self, argc, argv, take_option, &format, &err);

	if (r >= 0 && !format) {
		r = err_set(&err, -EINVAL, "which document is to be written?");
		err_hint(&err, "say --spdx or --cyclonedx");
	}
	if (r >= 0)
		r = read_date(s.created, &err);
	if (r < 0)
		return cli_usage(r, &err);
	r = image_open(argv[0], &image, &err);
	if (r == 0)
		r = bill_read(image, argv[0], &s.arena, &s.bill, &err);
	if (r == 0) {
		cli_print_json(format == OPT_SPDX ? sbom_spdx(&s) : sbom_cyclonedx(&s));
		r = cli_end(EXIT_DONE);
	} else {
		r = cli_fail(&err);
	}
	arena_clear(&s.arena);
	return r;
}

static const struct option_spec options[] = {
	{"spdx", 0, NULL, "as SPDX 2.3, in JSON", OPT_SPDX, false},
	{"cyclonedx", 0, NULL, "as CycloneDX 1.5, in JSON", OPT_CYCLONEDX, false},
	{0},
};

const struct command command_sbom = {
	.name = "sbom",
	.positional = "IMAGE",
	.summary = "Write the bill of materials of an image.",
	.options = options,
	.min = 1,
	.max = 1,
	.run = run,
};
