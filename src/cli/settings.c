/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/settings.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "deploy/place/rotate.h"
#include "transaction/configure.h"


static int check_logfile(const char *path, struct err *err)
{
	if (*path == '/' && path[1])
		return 0;
	return err_set(err, -EINVAL, "the log file \"%s\" is no path with a leading slash", path);
}

/* KEY=VALUE or KEY+=VALUE. */
static int set_key(struct settings *s, const char *text, struct err *err)
{
	const size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
	const bool append = text[len] == '+';
	const size_t n = s->places.n_given;

	if (!len || text[len + append] != '=') {
		err_set(err, -EINVAL, "--set takes KEY=VALUE or KEY+=VALUE, not \"%s\"", text);
		return err_hint(err, "the keys are in the manual page: man preroot.conf");
	}
	s->given = arena_grow(&s->arena, s->given, n, sizeof(*s->given));
	s->given[n] = (struct conf_assignment){.key = arena_strndup(&s->arena, text, len),
					       .append = append,
					       .text = text + len + append + 1,
					       .file = cli_setting_name(n)};
	s->places.given = s->given;
	s->places.n_given = n + 1;
	return 0;
}

void settings_clear(struct settings *s)
{
	arena_clear(&s->arena);
}

int settings_apply(struct settings *s, const struct option_spec *spec, char **args, struct err *err)
{
	uint64_t level;
	int r = 0;

	switch (spec->id) {
	case OPT_CONF:
		s->places.file = args[0];
		break;
	case OPT_CONFDIR:
		s->places.folder = args[0];
		break;
	case OPT_ADD_CONFDIR:
		s->places.added = args[0];
		break;
	case OPT_INITRAMFS_TOOLS:
		s->places.initramfs_tools = args[0];
		if (s->q)
			s->q->request.initramfs_tools = args[0];
		break;
	case OPT_SET:
		r = set_key(s, args[0], err);
		break;
	case OPT_KEEP:
		s->has_keep = true;
		r = cli_take_number("keep", args[0], KEEP_MAX, &s->keep, err);
		break;
	case OPT_STDLOG:
		s->has_standard = true;
		r = cli_take_number("stdlog", args[0], RUNLOG_TRACE, &level, err);
		if (r == 0)
			s->standard = (enum runlog_level)level;
		break;
	case OPT_VERBOSE:
	case OPT_QUIET:
		s->louder += spec->id == OPT_VERBOSE ? 1 : -1;
		break;
	case OPT_LOGFILE:
		s->logfile_given = args[0];
		r = check_logfile(args[0], err);
		break;
	default:
		return 0;
	}
	return r < 0 ? r : 1;
}

/* ---- values ---- */

/* Reads KEY as a number up to MAX. Leaves *OUT alone if it is not set. */
static int read_number(struct settings *s, const char *key, uint64_t max, uint64_t *out,
		       struct err *err)
{
	const struct conf_assignment *a = conf_find(&s->config.values, key);

	if (!a || !*a->text || parse_u64(a->text, max, out))
		return 0;
	return err_set(err, -EINVAL, "%s: %s=\"%s\": it is a number from 0 to %llu",
		       conf_place(a, &s->arena), key, a->text, (unsigned long long)max);
}

static int read_level(struct settings *s, const char *key, enum runlog_level *out,
		      struct err *err)
{
	uint64_t level = *out;
	int r = read_number(s, key, RUNLOG_TRACE, &level, err);

	*out = (enum runlog_level)level;
	return r;
}

static int read_logfile(struct settings *s, struct err *err)
{
	const struct conf_assignment *a = conf_find(&s->config.values, "logfile");

	s->logfile = s->logfile_given    ? s->logfile_given
		     : cli_caller()->log ? cli_caller()->log
					 : RUNLOG_PATH;
	if (!a)
		return 0;
	if (*a->text && check_logfile(a->text, err) < 0)
		return err_prefix(err, "%s", conf_place(a, &s->arena));
	if (s->logfile_given)
		return 0;
	/* An empty path turns the file off, as in dracut. */
	s->logfile = a->text;
	if (!*a->text)
		s->file = RUNLOG_NOTHING;
	return 0;
}

static enum runlog_level add_levels(enum runlog_level level, int more)
{
	int sum = (int)level + more;

	return sum < RUNLOG_NOTHING ? RUNLOG_NOTHING
	       : sum > RUNLOG_TRACE ? RUNLOG_TRACE
				    : (enum runlog_level)sum;
}

/* R, unless it is the code of an error that was collected. */
static int collected(struct settings *s, int r, struct err *err)
{
	return r < 0 && s->places.errors ? err_collect(s->places.errors, err) : r;
}

static int read_values(struct settings *s, struct err *err)
{
	enum runlog_level standard = cli_caller()->level;
	uint64_t keep = KEEP_DEFAULT;
	int r = collected(s, read_number(s, "preroot_keep", KEEP_MAX, &keep, err), err);

	s->file = s->system = RUNLOG_INFO;
	if (r == 0)
		r = collected(s, read_level(s, "stdloglvl", &standard, err), err);
	if (r == 0)
		r = collected(s, read_level(s, "fileloglvl", &s->file, err), err);
	if (r == 0)
		r = collected(s, read_level(s, "sysloglvl", &s->system, err), err);
	if (r == 0)
		r = collected(s, read_logfile(s, err), err);
	if (r < 0)
		return r;
	s->keep = s->has_keep ? s->keep : keep;
	s->standard = add_levels(s->has_standard ? s->standard : standard, s->louder);
	return 0;
}

/* An I/O error or lack of memory does not make the configuration wrong. */
bool settings_is_wrong(int code)
{
	return code != -EIO && code != -ENOMEM && code != -EMFILE && code != -ENFILE;
}

static void explain(struct settings *s)
{
	const struct config *c = &s->config;

	for (size_t i = 0; i < c->n_files; i++)
		cli_explain(RUNLOG_DEBUG, "settings are read from %s", c->files[i]);
	for (size_t i = 0; i < c->values.n; i++) {
		const struct conf_assignment *a = &c->values.list[i];

		cli_explain(RUNLOG_TRACE, "%s: %s%s\"%s\"", conf_place(a, &s->arena), a->key,
			    a->append ? "+=" : "=", a->text);
	}
}

int settings_read(struct settings *s, const struct root *root, const char *kernel,
		  struct arena *arena, struct err *err)
{
	const struct config_places *p = &s->places;
	bool was_named = p->file || p->folder || p->added || p->n_given || p->initramfs_tools;
	int r = config_read(root, &s->places, kernel ? kernel : "", arena, &s->config, err);
	struct request request;

	if (r == 0)
		r = read_values(s, err);
	if (r == 0 && s->q)
		r = configure_request(
			&(struct configure_from){root, &s->q->request, &s->config.values}, arena,
			&request, err);
	if (r < 0 && s->is_lenient && !was_named) {
		s->config = (struct config){0};
		read_values(s, NULL);
		cli_set_level(s->standard);
		cli_warn("the configuration is left out: %s", err->text);
		*err = (struct err){0};
		return 0;
	}
	s->is_wrong = r < 0 && settings_is_wrong(r);
	if (r < 0)
		return r;
	cli_set_level(s->standard);
	explain(s);
	return 0;
}

void settings_use_log(const struct settings *s, struct runlog *log)
{
	log->file = s->file;
	log->system = s->system;
	log->path = s->logfile;
	log->is_usual = !s->logfile_given && !conf_find(&s->config.values, "logfile");
	while (*log->path == '/')
		log->path++;
}

void settings_report(const struct settings *s)
{
	_cleanup_arena_ struct arena arena = {0};
	struct config_note *notes;
	size_t n = config_notes(&s->config.values, &arena, &notes);

	/* What the image lacks is an error of its build. */
	for (size_t i = 0; s->q && i < s->config.n_lost; i++)
		if (!s->config.lost[i].is_lack)
			cli_warn("%s: %s", import_place_text(&s->config.lost[i].from, &arena),
				 s->config.lost[i].text);
	for (size_t i = 0; i < n; i++)
		if (s->q || config_effect(notes[i].from->key) == CONFIG_UNKNOWN)
			cli_warn("%s: %s", conf_place(notes[i].from, &arena), notes[i].text);
}
