/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "format/kernel/kconfig.h"
#include "host/boot/kernels.h"
#include "image/verify.h"

static bool is_set(const struct buf *config, const char *option)
{
	return kconfig_get((const char *)config->data, config->len, option) == KCONFIG_YES;
}

/* The option that the kernel lacks to unpack SEGMENT, or NULL. *WHAT says what the option is
 * for. */
static const char *lacking(const struct buf *config, const struct image_segment *segment,
			   const char **what)
{
	const struct codec_info *codec = codec_info(segment->codec);

	*what = codec->name;
	if (codec->rd && !is_set(config, codec->rd))
		return codec->rd;
	*what = "xz with one of its filters";
	for (unsigned f = XZ_FILTER_FIRST; f <= XZ_FILTER_LAST; f++)
		if (segment->filters & 1u << f && !is_set(config, codec_xz_filter_option(f)))
			return codec_xz_filter_option(f);
	return NULL;
}

/* Can the image's kernel unpack it? NULL if it can, else the reason. With *UNKNOWN, why that could
 * not be checked. */
static const char *check_kernel(const struct root *root, const struct verdict *v,
				struct arena *arena, bool *unknown)
{
	_cleanup_buf_ struct buf config = BUF_INIT;
	struct kernel kernel;
	const char *origin, *option, *what;
	struct err err = {0};

	*unknown = true;
	if (!v->kernel)
		return "the image does not say which kernel it is for";
	if (kernel_find(root, v->kernel, arena, &kernel, &err) < 0 ||
	    kernel_config(root, &kernel, arena, &config, &origin, &err) < 0)
		return arena_strdup(arena, err.text);
	*unknown = false;
	for (size_t i = 0; i < v->n_segments; i++) {
		option = lacking(&config, &v->segments[i], &what);
		if (option)
			return arena_printf(arena, "kernel %s cannot unpack %s (%s is not set in /%s)",
					    v->kernel, what, option, origin);
	}
	return NULL;
}

static void print_text(const char *path, const struct verdict *v, const char *kernel_problem,
		       bool unknown)
{
	for (const struct verdict_problem *p = v->problems; p; p = p->next)
		cli_warn("%s: %s", path, p->text);
	if (kernel_problem)
		cli_warn("%s: %s%s", path, unknown ? "not checked against its kernel: " : "",
			 kernel_problem);
	printf("%s: %s: %zu segment%s, %zu entr%s, %zu file%s, %zu module%s%s%s%s\n", path,
	       v->n_problems || (kernel_problem && !unknown) ? "NOT GOOD" : "good", v->n_segments,
	       cli_plural(v->n_segments), v->entries, v->entries == 1 ? "y" : "ies", v->files,
	       cli_plural(v->files), v->modules, cli_plural(v->modules),
	       v->kernel ? ", kernel " : "", v->kernel ? v->kernel : "",
	       v->ours ? "" : " (made by another builder: only its structure was checked)");
}

static void print_json(const char *path, const struct verdict *v, const char *kernel_problem,
		       bool unknown)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	for (const struct verdict_problem *p = v->problems; p; p = p->next)
		json_object_array_add(list, cli_json_text(p->text));
	if (kernel_problem && !unknown)
		json_object_array_add(list, cli_json_text(kernel_problem));
	json_object_object_add(o, "image", cli_json_text(path));
	json_object_object_add(o, "good",
			       json_object_new_boolean(json_object_array_length(list) == 0));
	json_object_object_add(o, "ours", json_object_new_boolean(v->ours));
	if (v->kernel)
		json_object_object_add(o, "kernel", cli_json_text(v->kernel));
	json_object_object_add(o, "kernel-checked", json_object_new_boolean(!unknown));
	json_object_object_add(o, "entries", json_object_new_int64((int64_t)v->entries));
	json_object_object_add(o, "files", json_object_new_int64((int64_t)v->files));
	json_object_object_add(o, "modules", json_object_new_int64((int64_t)v->modules));
	json_object_object_add(o, "problems", list);
	cli_print_json(o);
}

/* Damage that ends the reading is a finding, not a failure of the check. */
static int report_damage(const char *path, bool json, int r, const struct err *err)
{
	struct verdict v = {.n_problems = 1};
	struct verdict_problem p = {.text = err->text};

	if (r != -EBADMSG && r != -E2BIG && r != -ENOTSUP)
		return cli_fail(err);
	v.problems = &p;
	if (json)
		print_json(path, &v, NULL, true);
	else
		cli_warn("%s", err->text);
	if (!json)
		printf("%s: NOT GOOD: it cannot be read to its end\n", path);
	return cli_end(EXIT_FINDING);
}

static int run(const struct command *self, int argc, char **argv)
{
	_cleanup_request_ struct cli_request q;
	_cleanup_root_ struct root root = {.fd = -1};
	_cleanup_image_ struct image *image = NULL;
	const char *kernel_problem;
	struct verdict v = {0};
	struct err err = {0};
	bool unknown;
	int r;

	cli_request_init(&q);
	r = options_parse(self, argc, argv, cli_request_apply, &q, &err);
	if (r < 0)
		return cli_usage(r, &err);
	r = root_open(q.root, &root, &err);
	if (r < 0)
		return cli_fail(&err);
	r = image_open(argv[0], &image, &err);
	if (r == 0)
		r = image_verify(image, NULL, &q.arena, &v, &err);
	if (r < 0)
		return report_damage(argv[0], q.json, r, &err);
	kernel_problem = check_kernel(&root, &v, &q.arena, &unknown);
	if (q.json)
		print_json(argv[0], &v, kernel_problem, unknown);
	else
		print_text(argv[0], &v, kernel_problem, unknown);
	return cli_end(v.n_problems || (kernel_problem && !unknown) ? EXIT_FINDING : EXIT_DONE);
}

static const struct option_spec options[] = {
	{"root", 'r', "DIR", "read the kernel below DIR instead of /", OPT_ROOT, false},
	JSON_OPTION,
	{0},
};

const struct command command_verify = {
	.name = "verify",
	.positional = "IMAGE",
	.summary = "Check an image from its bytes.",
	.options = options,
	.min = 1,
	.max = 1,
	.run = run,
};
