/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines of modprobe.d, as libkmod reads them: that library is asked the same of "softdep".
 */

#include <libkmod.h>
#include <stdio.h>

#include "format/machine/modprobe.h"
#include "support.h"

/* As libkmod has them, but without blanks, which some releases leave out themselves. */
static void put_words(struct buf *out, const char *rest)
{
	_cleanup_free_ char *own = strdup(rest);
	_cleanup_buf_ struct buf pre = BUF_INIT, post = BUF_INIT;
	char *cursor = own, *word;
	struct buf *to = NULL;

	while ((word = strsep(&cursor, " \t\r\v\f"))) {
		if (strcmp(word, "pre:") == 0)
			to = &pre;
		else if (strcmp(word, "post:") == 0)
			to = &post;
		else if (*word && to)
			buf_add_str(to, word);
	}
	if (pre.len)
		buf_printf(out, "pre:%s", buf_cstr(&pre));
	if (post.len)
		buf_printf(out, "post:%s", buf_cstr(&post));
}

static bool is_same_text(const char *bare, const char *text)
{
	for (; *text; text++)
		if (*text != ' ' && *text != *bare++)
			return false;
	return !*bare;
}

static const char *const lines[] = {
	"softdep ext4 pre: nvme\n",
	"softdep  ext4   pre:   nvme\n",
	"  softdep ext4 pre: nvme\n",
	"\tsoftdep\text4\tpre:\tnvme\t\n",
	"softdep ext4 \\\n pre: \\\nnvme\n",
	"softdep ext4 pre: nv\\\nme\n",
	"soft\\\ndep ext4 pre: nvme\n",
	"softdep virtio-blk pre: nvme-core\n",
	"softdep virtio-[a-z-] pre: nvme\n",
	"softdep virtio-[a pre: nvme\n",
	"softdep virtio-] pre: nvme\n",
	"softdep ext4 a pre: b\n",
	"softdep ext4\n",
	"softdep\n",
	"softdep ext4 \n",
	"softdep ext4 pre: nvme\r\n",
	"softdep ext4 pre: nvme # a comment\n",
	"# softdep ext4 pre: nvme\n",
	" # softdep ext4 pre: nvme\n",
	"#softdep \\\nsoftdep ext4 pre: nvme\nsoftdep a pre: b",
	"softdep e\\xt4 pre: nv\\me\n",
	"softdep ext4 pre: nvme\\\n",
	"softdep ext4 pre: nvme\\",
	"softdep ext4 \\",
	"\\",
	"\n\n\\\nsoftdep ext4 pre: nvme\n",
	"options a b=c\nSoftdep a pre: b\nsoftdep a* post: b\n",
};

/* Some releases of libkmod lose the first word of what begins with a blank. */
static bool is_same(const struct modprobe_line *ours, struct kmod_config_iter *theirs)
{
	_cleanup_buf_ struct buf words = BUF_INIT;

	if (strcmp(ours->name, kmod_config_iter_get_key(theirs)) != 0)
		return false;
	put_words(&words, ours->rest);
	return strchr(" \t\r", ours->rest[0]) ||
	       is_same_text(buf_cstr(&words), kmod_config_iter_get_value(theirs));
}

static bool next_softdep(char **cursor, struct modprobe_line *out)
{
	while (modprobe_next(cursor, out))
		if (strcmp(out->keyword, "softdep") == 0)
			return true;
	return false;
}

/* Without the backslash at its end, which some releases of libkmod keep. */
static char *text_for_libkmod(const char *text)
{
	size_t len = strlen(text);

	return strndup(text, len - (len && text[len - 1] == '\\'));
}

static void assert_same(const char *folder, const char *text)
{
	_cleanup_free_ char *own = strdup(text), *theirs = text_for_libkmod(text), *path = NULL;
	struct modprobe_line line;
	struct kmod_config_iter *it;
	struct kmod_ctx *kmod;
	char *cursor = own;

	put_text(folder, "x.conf", theirs);
	assert_true(asprintf(&path, "%s/x.conf", folder) > 0);
	kmod = kmod_new(folder, (const char *const[]){path, NULL});
	assert_non_null(kmod);
	it = kmod_config_get_softdeps(kmod);
	while (it && kmod_config_iter_next(it)) {
		if (!next_softdep(&cursor, &line))
			fail_msg("<%s>: libkmod has more", text);
		if (!is_same(&line, it))
			fail_msg("<%s>: %s: %s, of libkmod %s: %s", text, line.name, line.rest,
				 kmod_config_iter_get_key(it), kmod_config_iter_get_value(it));
	}
	if (next_softdep(&cursor, &line))
		fail_msg("<%s>: libkmod does not have %s", text, line.name);
	kmod_config_iter_free_iter(it);
	kmod_unref(kmod);
}

static void lines_are_read_as_libkmod_reads_them(void **state)
{
	_cleanup_folder_ char *folder = make_folder();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_same(folder, lines[i]);
}

static void damaged_lines_are_read_as_libkmod_reads_them(void **state)
{
	static const char text[] = "# x\nsoftdep virtio-blk \\\n pre: a post:\tb\nsoftdep a pre: b\n\n";
	static const char bytes[] = "\n\\ \t#-[]:\r";
	_cleanup_folder_ char *folder = make_folder();
	char copy[sizeof(text)];

	(void)state;
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		memcpy(copy, text, sizeof(text));
		for (const char *p = bytes; *p; p++) {
			copy[n] = *p;
			assert_same(folder, copy);
		}
		copy[n] = '\0';
		assert_same(folder, copy);
	}
}

int main(void)
{
	setenv("KMOD_LOG", "0", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_read_as_libkmod_reads_them),
		cmocka_unit_test(damaged_lines_are_read_as_libkmod_reads_them),
	};

	return RUN_TESTS(tests);
}
