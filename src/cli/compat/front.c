/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/compat/front.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/compat/fronts.h"
#include "cli/messages.h"

static const struct front *const fronts[] = {
	&front_dracut,	    &front_mkinitrd,	&front_lsinitrd,      &front_update_initramfs,
	&front_mkinitramfs, &front_lsinitramfs, &front_unmkinitramfs,
};

const struct front *front_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fronts); i++)
		if (strcmp(fronts[i]->name, name) == 0)
			return fronts[i];
	return NULL;
}

void front_add(struct front_run *f, struct front_words *to, const char *word)
{
	to->list = arena_grow(&f->arena, to->list, to->n, sizeof(*to->list));
	to->list[to->n++] = arena_strdup(&f->arena, word);
}

int front_set_switch(struct front_run *f, const struct front_option *o, char **args,
		     struct err *err)
{
	(void)o;
	(void)args;
	(void)err;
	*(bool *)f->state = true;
	return 0;
}

const char *front_word(const struct front_run *f, size_t i)
{
	return i < f->words.n && *f->words.list[i] ? f->words.list[i] : NULL;
}

void front_set(struct front_run *f, const char *option, const char *setting)
{
	f->has_kind |= str_starts(setting, "hostonly=") || str_starts(setting, "hostonly_mode=");
	front_add(f, &f->options, "--set");
	front_add(f, &f->options, setting);
	front_add(f, &f->set_by, option);
}

int front_verb_words(struct front_run *f, const struct command *verb)
{
	struct front_words all = {0};

	for (size_t i = 0; i < f->options.n; i++)
		front_add(f, &all, f->options.list[i]);
	/* Other builders also make one that boots anywhere then, unless they are told what to make. */
	if (!f->has_kind && options_words(verb, "--generic-elsewhere"))
		front_add(f, &all, "--generic-elsewhere");
	front_add(f, &all, "--");
	for (size_t i = 0; i < f->words.n; i++)
		front_add(f, &all, f->words.list[i]);
	cli_name_settings(f->set_by.list, f->set_by.n);
	return verb->run(verb, (int)all.n, all.list);
}

int front_verb(struct front_run *f, const struct command *verb, const char *word, const char *more)
{
	f->words.n = 0;
	if (word)
		front_add(f, &f->words, word);
	if (more)
		front_add(f, &f->words, more);
	return front_verb_words(f, verb);
}

int front_usage(const struct front_run *f, const struct err *err)
{
	return cli_usage(err->code, err) == EXIT_DONE ? EXIT_DONE : f->front->usage_status;
}

int front_check_words(const struct front_run *f, size_t min, size_t max, struct err *err)
{
	size_t n = f->words.n;

	if (n >= min && n <= max)
		return 0;
	if (n < min)
		err_set(err, -EINVAL, "too few words");
	else
		err_set(err, -EINVAL, "too many words: %s", f->words.list[n - 1]);
	return err_hint(err, "usage: %s %s", f->front->name, f->front->usage);
}

int front_check_new(const char *path, bool force, struct err *err)
{
	struct stat st;

	/* The command itself refuses what is no regular file. */
	if (force || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	err_set(err, -EEXIST, "will not override existing initramfs (%s) without --force", path);
	return err_hint(err, "nothing was changed");
}

int front_main(const struct front *front, int argc, char **argv)
{
	struct front_run f = {.front = front};
	struct err err = {0};
	int r;

	cli_call_as(&(struct cli_caller){front->name, front->log, RUNLOG_WARN});
	f.state = arena_alloc(&f.arena, front->state_size ? front->state_size : 1);
	r = front_parse_environment(&f, &err);
	if (r == 0)
		r = front_parse(&f, argc, argv, &err);
	err.code = r;
	r = r < 0 ? front_usage(&f, &err) : front->run(&f);
	arena_clear(&f.arena);
	/* The commands have a status of their own for wrong usage and settings. */
	return r == EXIT_USAGE ? front->usage_status : r;
}
