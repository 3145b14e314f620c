/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/codec/encode.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int encode_plain(const struct encode_options *o, const void *data, size_t len,
			struct buf *out, struct err *err)
{
	(void)o;
	buf_add(out, data, len);
	return buf_status(out) < 0 ? err_set(err, -ENOMEM, "no memory left for the image") : 0;
}

static const char *no_library(void)
{
	return "none";
}

static const struct encoder_ops encode_none = {CODEC_NONE, 0, 0, 0, encode_plain, no_library};

/* In the order in which messages name them. */
static const struct encoder_ops *const encoders[] = {
	&encode_zstd, &encode_xz, &encode_lz4, &encode_gzip, &encode_bzip2, &encode_lzma,
#ifdef HAVE_LZO
	&encode_lzo,
#endif
	&encode_none,
};

static const struct encoder_ops *find(enum codec codec)
{
	for (size_t i = 0; i < ARRAY_SIZE(encoders); i++)
		if (encoders[i]->codec == codec)
			return encoders[i];
	return NULL;
}

bool encode_supported(enum codec codec)
{
	return find(codec) != NULL;
}

const char *encode_library(enum codec codec)
{
	const struct encoder_ops *ops = find(codec);

	return ops ? ops->library() : "none";
}

static int not_built_in(enum codec codec, struct err *err)
{
	const char *name = codec < CODEC_COUNT ? codec_info(codec)->name : "that";

	return err_set(err, -ENOTSUP, "writing %s is not built in%s", name,
		       codec == CODEC_LZO ? " (this preroot was built without liblzo2)" : "");
}

static int check_level(const struct encoder_ops *ops, int level, struct err *err)
{
	const char *name = codec_info(ops->codec)->name;

	if (level == ENCODE_LEVEL_DEFAULT || (level >= ops->min && level <= ops->max))
		return 0;
	if (!ops->max)
		return err_set(err, -EINVAL, "%s has no levels", name);
	return err_set(err, -EINVAL, "%s has levels %d to %d, not %d", name, ops->min, ops->max,
		       level);
}

static int parse_level(const struct encoder_ops *ops, const char *text, int *level, struct err *err)
{
	const char *name = codec_info(ops->codec)->name;
	char *end;
	long value;

	if (!ops->max)
		return err_set(err, -EINVAL, "%s has no levels", name);
	value = strtol(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || value < ops->min || value > ops->max)
		return err_set(err, -EINVAL, "%s has levels %d to %d, not \"%s\"", name, ops->min,
			       ops->max, text);
	*level = (int)value;
	return 0;
}

static int unknown_codec(const char *name, int len, struct err *err)
{
	_cleanup_buf_ struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(encoders); i++)
		buf_printf(&known, "%s, ", codec_info(encoders[i]->codec)->name);
	return err_set(err, -EINVAL, "no codec \"%.*s\" (%sauto)", len, name, buf_cstr(&known));
}

int encode_parse(const char *text, enum codec *codec, int *level, struct err *err)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	const struct encoder_ops *ops;
	int parsed = ENCODE_LEVEL_DEFAULT, c = 0, r = 0;

	if (len == 4 && strncmp(text, "auto", len) == 0) {
		if (colon)
			return err_set(err, -EINVAL,
				       "auto chooses the codec, so it takes no level");
		c = CODEC_COUNT;
	} else {
		while (c < CODEC_COUNT &&
		       (strlen(codec_info((enum codec)c)->name) != len ||
			strncmp(codec_info((enum codec)c)->name, text, len) != 0))
			c++;
		if (c == CODEC_COUNT)
			return unknown_codec(text, (int)len, err);
		ops = find((enum codec)c);
		if (!ops)
			return not_built_in((enum codec)c, err);
		if (colon)
			r = parse_level(ops, colon + 1, &parsed, err);
	}
	if (r < 0)
		return r;
	*codec = (enum codec)c;
	*level = parsed;
	return 0;
}

int encode(enum codec codec, const struct encode_options *o, const void *data, size_t len,
	   struct buf *out, struct err *err)
{
	const struct encoder_ops *ops = find(codec);
	struct encode_options options = o ? *o : (struct encode_options){0};
	int r;

	if (!ops)
		return not_built_in(codec, err);
	r = check_level(ops, options.level, err);
	if (r < 0)
		return r;
	if (options.level == ENCODE_LEVEL_DEFAULT)
		options.level = ops->ours;
	if (!options.threads)
		options.threads = 1;
	return ops->run(&options, data, len, out, err);
}
