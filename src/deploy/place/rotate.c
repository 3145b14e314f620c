/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/place/rotate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "deploy/place/exchange.h"
#include "host/boot/images.h"
#include "image/identity.h"

enum { NAME_LONGEST = NAME_MAX - 32 };

/* ---- signals ---- */

static sigset_t before;

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &before);
}

static void unblock_signals(void)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/* ---- names ---- */

/* Generation 0 is the image in use. */
static void name_generation(const struct rotation *k, unsigned generation, char out[NAME_MAX + 1])
{
	if (generation == 0)
		snprintf(out, NAME_MAX + 1, "%.*s", (int)NAME_LONGEST, k->name);
	else if (generation > 1)
		snprintf(out, NAME_MAX + 1, "%.*s.previous-%u", (int)NAME_LONGEST, k->name, generation);
	else
		snprintf(out, NAME_MAX + 1, "%.*s.previous", (int)NAME_LONGEST, k->name);
}

/* 1, 0, or -errno if it cannot be found out. */
static int exists(const struct rotation *k, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(k->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(err, -errno, "%s", name);
}

/* ---- the steps ---- */

/* 1: another builder has made it, so that it may be the way back from ours; 0; -errno. An empty file
 * is no way back to anything. */
static int is_foreign(const struct rotation *k, unsigned generation, struct err *err)
{
	char name[NAME_MAX + 1];
	_cleanup_fd_ int fd = -1;
	struct stat st;
	int r;

	name_generation(k, generation, name);
	fd = openat(k->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ELOOP)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s", name);
	r = st.st_size ? image_is_ours(fd, name, err) : 1;
	if (r < 0)
		return err_hint(err, "it may be the way back to another builder%s; nothing was changed",
				generation ? "; if nobody needs it, remove it" : "");
	return !r;
}

/* Chooses the generation where the new image goes first: the first free one, or the last. If the
 * image that would fall out is the newest one of another builder, it moves on, to the generation
 * after LIMIT. */
static int first_slot(struct rotation *k, unsigned limit, struct err *err)
{
	char name[NAME_MAX + 1];
	int r = 1;

	for (k->start = 0; r > 0 && k->start < limit;) {
		name_generation(k, ++k->start, name);
		r = exists(k, name, err);
	}
	k->was_free = r == 0;
	if (r <= 0)
		return r;
	r = is_foreign(k, limit, err);
	for (unsigned newer = 0; r > 0 && newer < limit; newer++) {
		int other = is_foreign(k, newer, err);

		r = other < 0 ? other : !other;
	}
	if (r <= 0)
		return r;
	name_generation(k, ++k->start, name);
	r = exists(k, name, err);
	k->was_free = r == 0;
	k->has_spared = r >= 0;
	return r < 0 ? r : 0;
}

/* Moves the new image from TEMP to its first generation, or BACK. */
static int begin(struct rotation *k, bool back, struct err *err)
{
	char name[NAME_MAX + 1];

	name_generation(k, k->start, name);
	if (!k->was_free)
		return exchange_names(k->dir, k->name, k->temp, name, err);
	return back ? exchange_move(k->dir, name, k->temp, err)
		    : exchange_move(k->dir, k->temp, name, err);
}

/* Moves the new image step by step to the generation TO; each image that it passes moves one
 * generation the other way. */
static int walk(struct rotation *k, unsigned to, struct err *err)
{
	char name[NAME_MAX + 1], next[NAME_MAX + 1];
	int r = 0;

	while (r == 0 && k->at != to) {
		unsigned beside = k->at < to ? k->at + 1 : k->at - 1;

		name_generation(k, k->at, name);
		name_generation(k, beside, next);
		r = exchange_names(k->dir, k->name, name, next, err);
		if (r == 0)
			k->at = beside;
	}
	return r;
}

static int commit(struct rotation *k, struct err *err)
{
	int r = begin(k, false, err);

	if (r < 0)
		return r;
	k->begun = true;
	k->at = k->start;
	return walk(k, 0, err);
}

/* Afterwards TEMP is the new image, or does not exist. */
static int undo_steps(struct rotation *k, struct err *err)
{
	int r = k->begun ? walk(k, k->start, err) : 0;

	return r == 0 && k->begun ? begin(k, true, err) : r;
}

int rotate_lower(int dir, const char *name, unsigned from, struct err *err)
{
	struct rotation k = {.dir = dir, .at = from};

	snprintf(k.name, sizeof(k.name), "%s", name);
	return walk(&k, 0, err);
}

/* IS_SPARE: the file that is now TEMP is no longer needed. */
static void end(struct rotation *k, bool is_spare)
{
	if (is_spare)
		unlinkat(k->dir, k->temp, 0);
	k->dir = close_fd(k->dir);
	unblock_signals();
}

int rotate_commit(struct atomic *file, unsigned limit, bool keep_current, struct rotation *out,
		struct err *err)
{
	struct rotation k = {.dir = fcntl(file->dir, F_DUPFD_CLOEXEC, 3)};
	char first[NAME_MAX + 1];
	int r;

	if (k.dir < 0)
		return err_sys(err, -errno, "the folder of %s", file->name);
	if (strlen(file->name) > NAME_LONGEST) {
		close_fd(k.dir);
		return err_set(err, -ENAMETOOLONG, "%s: the name is too long", file->name);
	}
	snprintf(k.name, sizeof(k.name), "%s", file->name);
	snprintf(k.temp, sizeof(k.temp), "%s", file->temp);
	name_generation(&k, 1, first);
	r = exists(&k, k.name, err);
	if (r < 0) {
		close_fd(k.dir);
		return r;
	}
	k.was_free = r == 0;
	/* Looks into images, which may take a moment. */
	r = k.was_free || !keep_current || exchange_are_same(k.dir, k.name, first)
		    ? 0
		    : first_slot(&k, limit, err);
	if (r < 0) {
		close_fd(k.dir);
		return r;
	}
	block_signals();
	r = commit(&k, err);
	/* If undoing fails as well, TEMP may be an image that was there before: keep it. */
	if (r == 0 || undo_steps(&k, NULL) < 0)
		atomic_forget(file);
	if (r < 0) {
		end(&k, false);
		return r;
	}
	*out = k;
	return 0;
}

const char *rotate_spared(const struct root *root, const char *path, unsigned limit,
			  struct arena *arena)
{
	path = boot_image_previous(path, limit + 1, arena);
	return arena_printf(arena,
			    "%s/%s is kept beyond the %u previous image%s of --keep: nothing shows "
			    "that preroot made it; if nobody needs it: rm %s",
			    root_prefix(root), path, limit, text_plural(limit),
			    root_quoted(root, path, arena));
}

int rotate_undo(struct rotation *k, struct err *err)
{
	int r = undo_steps(k, err);

	end(k, r == 0);
	return r;
}

void rotate_finish(struct rotation *k)
{
	end(k, true);
}
