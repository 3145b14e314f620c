/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * In a worker: reads what a physical volume begins with, and what it says of its group.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "features/lvm/boot/kit.h"
#include "init/core/identity.h"

int lvm_read_label(int fd, struct lvm_label *out, struct err *err)
{
	uint8_t data[LVM_LABEL_SIZE];
	ssize_t n = pread_full(fd, data, sizeof(data), 0);

	if (n < 0)
		return err_set(err, (int)n, "it cannot be read: %s", strerror((int)-n));
	return lvm_decode_label(data, (size_t)n, out, err);
}

/* The text, with room for its end. */
static int read_text(int fd, const struct lvm_place *place, char **out, size_t *len, struct err *err)
{
	size_t size = (size_t)(place->parts[0].size + place->parts[1].size), at = 0;
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return err_set(err, -ENOMEM, "there is too little memory for its metadata");
	for (int i = 0; i < 2; i++) {
		const struct lvm_area *part = &place->parts[i];
		ssize_t n = pread_full(fd, text + at, (size_t)part->size, part->offset);

		if (n != (ssize_t)part->size)
			return err_set(err, n < 0 ? (int)n : -EBADMSG, "its metadata cannot be read");
		at += (size_t)n;
	}
	if (!lvm_is_whole(text, size, place->sum))
		return err_set(err, -EBADMSG, "its metadata has a wrong checksum");
	*len = size;
	*out = TAKE_PTR(text);
	return 0;
}

static int read_area(int fd, const struct lvm_area *area, char **text, struct lvm_group *out, struct err *err)
{
	uint8_t header[LVM_HEADER_SIZE];
	ssize_t n = pread_full(fd, header, sizeof(header), area->offset);
	struct lvm_place place;
	size_t len = 0;
	int r;

	if (n < 0)
		return err_set(err, (int)n, "its metadata area cannot be read: %s", strerror((int)-n));
	r = lvm_decode_header(header, (size_t)n, area, &place, err);
	if (r == 0)
		r = read_text(fd, &place, text, &len, err);
	if (r == 0)
		r = lvm_parse_group(*text, len, out, err);
	if (r == 0)
		return 0;
	lvm_clear_group(out);
	free(*text);
	*text = NULL;
	return r;
}

/* Of several areas the newest one counts; one that is damaged does not matter if another one is whole. */
int lvm_read_group(int fd, const struct lvm_label *label, char **text, struct lvm_group *out, struct err *err)
{
	int result = -ENOENT;

	*text = NULL;
	*out = (struct lvm_group){0};
	if (!label->n_areas)
		err_set(err, -ENOENT, "it has no metadata area");
	for (size_t i = 0; i < label->n_areas; i++) {
		struct lvm_group group = {0};
		char *own = NULL;
		int r = read_area(fd, &label->areas[i], &own, &group, err);

		if (r == 0 && (result < 0 || group.seqno > out->seqno)) {
			lvm_clear_group(out);
			free(*text);
			*out = group;
			*text = own;
			own = NULL;
			group = (struct lvm_group){0};
		}
		if (result < 0)
			result = r;
		lvm_clear_group(&group);
		free(own);
	}
	return result;
}

int lvm_read_member(const struct lvm_question *q, struct job_result *out)
{
	_cleanup_fd_ int fd = identity_open(q->device, &q->identity);
	struct lvm_answer answer = {.id = ""};
	struct lvm_label label;
	struct lvm_group group;
	struct err err = {0};
	char *text;
	int r;

	if (fd < 0)
		return fd;
	r = lvm_read_label(fd, &label, &err);
	if (r < 0) {
		snprintf(out->text, sizeof(out->text), "%.*s", (int)sizeof(out->text) - 1, err.text);
		return identity_unrelated(r);
	}
	memcpy(answer.id, label.id, sizeof(answer.id));
	r = lvm_read_group(fd, &label, &text, &group, &err);
	if (r == 0) {
		memcpy(answer.group, group.id, sizeof(answer.group));
		snprintf(answer.name, sizeof(answer.name), "%s", group.name);
	} else {
		snprintf(answer.why, sizeof(answer.why), "%.*s", (int)sizeof(answer.why) - 1, err.text);
	}
	lvm_clear_group(&group);
	free(text);
	memcpy(out->text, &answer, sizeof(answer));
	return 0;
}
