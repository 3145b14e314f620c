/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/good.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/text.h"
#include "deploy/loader/loader.h"
#include "deploy/lock.h"
#include "deploy/state.h"
#include "deploy/place/rotate.h"
#include "deploy/place/trial.h"
#include "format/ours/bootlog.h"
#include "format/kernel/cmdline.h"
#include "format/ours/failure.h"
#include "host/boot/images.h"
#include "image/history.h"
#include "image/identity.h"

enum { CMDLINE_MAX = 64 * 1024 };

struct mark {
	const struct good_request *q;
	const struct root *root;
	struct arena *arena;
	struct bootdir boot;
	struct state state;
	const char *image; /* path of the current one of this kernel */
	bool has_trial, is_trial; /* there is one; it is the image that booted */
	bool is_other; /* another file has the same identity, so either may have booted */
	struct good *out;
};

/* 1, or 0 if there is nothing to do; OUT may say why. */
static int read_boot(struct mark *s, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct bootlog log = {0};
	int r = root_read(s->root, BOOTLOG_PATH, BOOTLOG_SIZE_MAX, &text);

	if (r == -ENOENT || r == -ENOTDIR) {
		s->out->why_not = "this machine was not booted by an image of preroot's";
		return 0;
	}
	if (r < 0)
		return err_sys(err, r, "%s/" BOOTLOG_PATH, root_prefix(s->root));
	r = bootlog_decode(buf_cstr(&text), text.len, s->arena, &log, err);
	if (r < 0)
		return err_prefix(err, "%s/" BOOTLOG_PATH, root_prefix(s->root));
	if (!log.image || !log.kernel) {
		s->out->why_not = "PID 1 of this boot does not say which image it is from";
		return 0;
	}
	if (!path_is_clean(log.kernel) || strchr(log.kernel, '/'))
		return err_set(err, -EBADMSG, "%s/" BOOTLOG_PATH ": not a kernel version: %s",
			       root_prefix(s->root), log.kernel);
	s->out->kernel = log.kernel;
	s->out->id = log.image;
	s->out->has_failed = log.failure || root_exists(s->root, FAILURE_PATH);
	return 1;
}

static bool is_trial_boot(const struct root *r)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char *cursor, *param, *value;

	if (root_read(r, "proc/cmdline", CMDLINE_MAX, &text) < 0)
		return false;
	buf_cstr(&text);
	cursor = (char *)text.data;
	while (cursor && cmdline_next(&cursor, &param, &value))
		if (cmdline_name_is(param, GOOD_TRIAL_WORD) && cmdline_switch(value))
			return true;
	return false;
}

static bool is_this(struct mark *s, const char *path)
{
	_cleanup_fd_ int fd = root_openat(s->root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	char id[MANIFEST_ID + 1];

	return fd >= 0 && image_identity(fd, path, id, NULL) > 0 && strcmp(id, s->out->id) == 0;
}

/* Finds the image that booted in /boot, and whether there is a trial. */
static int find_image(struct mark *s, struct err *err)
{
	struct boot_images images = {0};
	int r = boot_images_list(s->root, &s->boot, s->arena, &images, err);

	s->is_trial = strcmp(s->state.trial, s->out->id) == 0;
	for (size_t i = 0; i < images.n; i++) {
		const struct boot_image *image = &images.list[i];
		bool is_trial = image->kind == BOOT_IMAGE_TRIAL;

		if (strcmp(image->version, s->out->kernel) != 0)
			continue;
		s->has_trial = s->has_trial || is_trial;
		if ((s->out->path && !is_trial) || !is_this(s, image->path))
			continue;
		s->is_trial = s->is_trial || is_trial;
		s->is_other = s->is_other || !is_trial;
		s->out->path = image->path;
	}
	return r;
}

/* Updates the state to the file that is now the current image. */
static int describe_image(struct mark *s, struct err *err)
{
	_cleanup_fd_ int fd = root_openat(s->root, s->image, O_RDONLY | O_NONBLOCK);
	uint8_t sum[DIGEST_SIZE];
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : digest_of_file(fd, sum);

	if (r < 0)
		return err_sys(err, r, "%s/%s", root_prefix(s->root), s->image);
	snprintf(s->state.image, sizeof(s->state.image), "%s", s->image);
	s->state.bytes = (uint64_t)st.st_size;
	digest_text(sum, s->state.sha256);
	memcpy(s->state.id, s->out->id, sizeof(s->state.id));
	return 0;
}

static int keep_trial(struct mark *s, struct err *err)
{
	const char *prefix = root_prefix(s->root);
	const char *trial = boot_image_trial(s->image, s->arena);
	int r = trial_keep(s->root, s->image, s->out->id, s->state.trial_keep, err);

	if (r < 0)
		return r;
	if (r > 0)
		s->out->spared = rotate_spared(s->root, s->image, s->state.trial_keep, s->arena);
	history_move(s->q->cache, arena_printf(s->arena, "%s/%s", prefix, trial),
		     arena_printf(s->arena, "%s/%s", prefix, s->image));
	s->out->trial_kept = true;
	s->out->path = s->image;
	return describe_image(s, err);
}

/* Another image than the trial has booted, so the trial has failed; unless this is still the boot
 * in which the trial was requested. */
static int drop_trial(struct mark *s, struct err *err)
{
	char boot[STATE_BOOT_ID + 1];
	int r;

	state_this_boot(s->root, boot);
	if (!*s->state.trial || strcmp(boot, s->state.trial_boot) == 0) {
		s->out->trial_waits = true;
		return 0;
	}
	r = trial_drop(s->root, s->image, err);
	if (r < 0)
		return r;
	s->out->trial_dropped = true;
	memcpy(s->state.failed, s->state.trial, sizeof(s->state.failed));
	return 0;
}

/* Removes the trial from the menu. The trial is over only once that is done: if it fails, the next
 * boot tries again. */
static int end_trial(struct mark *s, struct err *err)
{
	struct loader_request q = {.root = s->root, .bootdir = &s->boot, .say = s->q->say,
				   .arg = s->q->arg};
	int r = loader_forget_trial(&q, err);

	if (r == 0)
		r = loader_update(&q, err);
	if (r < 0)
		return err_prefix(err, "the boot loader could not be brought in line");
	*s->state.trial = *s->state.trial_boot = '\0';
	return 0;
}

static int mark_image(struct mark *s, struct err *err)
{
	struct good *o = s->out;
	bool is_new;
	int r = bootdir_read(s->root, s->arena, &s->boot, err);

	if (r == 0)
		r = find_image(s, err);
	if (r < 0)
		return r;
	if (s->is_trial || s->has_trial || *s->state.trial) {
		s->image = boot_image_own(s->root, &s->boot, o->kernel, s->arena, err);
		if (!s->image)
			return err->code;
	}
	if (s->is_trial && o->path && (!s->is_other || is_trial_boot(s->root)))
		r = keep_trial(s, err);
	else if (s->has_trial || *s->state.trial)
		r = drop_trial(s, err);
	if (r < 0)
		return r;
	if (o->trial_kept || o->trial_dropped)
		end_trial(s, &o->loader);
	is_new = strcmp(s->state.good, o->id) != 0;
	memcpy(s->state.good, o->id, sizeof(s->state.good));
	if (strcmp(s->state.failed, o->id) == 0)
		*s->state.failed = '\0';
	r = state_write(s->root, o->kernel, &s->state, err);
	o->is_marked = r == 0 && is_new;
	return r;
}

static int read_state(struct mark *s, struct err *err)
{
	int r = state_read(s->root, s->out->kernel, &s->state, err);

	if (r != -EBADMSG)
		return r;
	s->out->problem = arena_strdup(s->arena, err->text);
	return 0;
}

static int mark_locked(struct mark *s, struct err *err)
{
	_cleanup_lock_ struct lock lock = {0};
	int e = lock_take(s->root, LOCK_SECONDS, s->q->waiting, NULL, &lock, err);

	if (e == 0)
		e = read_state(s, err);
	return e < 0 ? e : mark_image(s, err);
}

int good_mark(const struct good_request *q, struct good *out, struct err *err)
{
	struct mark s = {.q = q, .root = q->root, .arena = q->arena, .out = out};
	int e;

	*out = (struct good){0};
	e = read_boot(&s, err);
	if (e <= 0)
		return e;
	if (out->has_failed) {
		out->why_not = "this boot went on only after it had failed";
		return 0;
	}
	e = read_state(&s, err);
	if (e < 0)
		return e;
	if (strcmp(s.state.good, out->id) == 0 && !*s.state.trial &&
	    strcmp(s.state.failed, out->id) != 0)
		return 0;
	return mark_locked(&s, err);
}
