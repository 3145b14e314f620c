/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Extracting images: everything in them, and nothing outside the folder, whatever they hold.
 */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "archive.h"
#include "base/file.h"
#include "image/extract.h"
#include "support.h"

/* A folder with a file that no image may touch, and a folder inside to unpack into. */
struct place {
	char *folder;
	char *inside;
};

static void place_make(struct place *p)
{
	p->folder = make_folder();
	put_text(p->folder, "victim", "untouched");
	put_dir(p->folder, "victims");
	put_text(p->folder, "victims/file", "untouched");
	assert_true(asprintf(&p->inside, "%s/inside", p->folder) > 0);
}

/* Whatever was unpacked: outside nothing changed. */
static void place_clear(struct place *p)
{
	assert_content(p->folder, "victim", "untouched");
	assert_content(p->folder, "victims/file", "untouched");
	assert_int_equal(count_names(p->folder), 3);
	remove_folder(p->folder);
	free(p->inside);
}

#define _cleanup_place_ __attribute__((cleanup(place_clear)))

static int extract(struct place *p, const struct buf *b, struct extract_result *out,
		   struct err *err)
{
	_cleanup_image_ struct image *image = open_buf(b);

	return image_extract(image, p->inside, out, err);
}

static void extract_all(struct place *p, const struct buf *b)
{
	struct extract_result result;
	struct err err = {0};

	assert_ok(extract(p, b, &result, &err), 0, &err);
}

static unsigned mode_of(struct place *p, const char *path)
{
	_cleanup_free_ char *whole = NULL;
	struct stat st;

	assert_true(asprintf(&whole, "%s/%s", p->inside, path) > 0);
	assert_int_equal(lstat(whole, &st), 0);
	return st.st_mode & 07777;
}

static void files_folders_and_links_are_unpacked(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT, second = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_dir(&b, ".");
	add_dir(&b, "usr");
	add_dir(&b, "usr/lib");
	add_file(&b, "usr/lib/x", "content");
	add_symlink(&b, "lib", "usr/lib");
	cpio_add_trailer(&b);
	add_file(&second, "lib/y", "through the link");
	add_segment(&b, CODEC_ZSTD, &second);
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_content(p.inside, "usr/lib/x", "content");
	assert_content(p.inside, "usr/lib/y", "through the link");
	assert_int_equal(type_of(p.inside, "lib"), S_IFLNK);
	assert_int_equal(result.files, 2);
	assert_int_equal(result.bytes, 7 + 16);
	assert_int_equal(result.special, 0);
}

static void modes_are_kept_but_for_set_user_id(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	mode_t mask = umask(022);

	(void)state;
	place_make(&p);
	add_entry(&b, "suid", S_IFREG | 06755, "x", 1);
	add_entry(&b, "secret", S_IFREG | 0600, "x", 1);
	add_entry(&b, "closed", S_IFDIR | 0000, NULL, 0);
	add_file(&b, "closed/file", "can be unpacked nevertheless");
	extract_all(&p, &b);
	umask(mask);
	assert_int_equal(mode_of(&p, "suid"), 0755);
	assert_int_equal(mode_of(&p, "secret"), 0600);
	assert_int_equal(mode_of(&p, "closed"), 0700);
}

static void devices_fifos_and_sockets_are_left_out(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_entry(&b, "console", S_IFCHR | 0600, NULL, 0);
	add_entry(&b, "disk", S_IFBLK | 0600, NULL, 0);
	add_entry(&b, "fifo", S_IFIFO | 0600, NULL, 0);
	add_entry(&b, "socket", S_IFSOCK | 0600, NULL, 0);
	add_entry(&b, "nothing", 0644, "x", 1);
	add_file(&b, "file", "x");
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_int_equal(result.special, 4);
	assert_int_equal(result.impossible, 1);
	assert_contains(result.why, "nothing: mode 0000644 has no type");
	assert_int_equal(count_names(p.inside), 1);
}

static void names_that_lead_upwards_stay_inside(void **state)
{
	static const char *const names[] = {"../victim", "/../victim", "a/../../victim",
					    "../../../../../../../../victim", "./../victim"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_place_ struct place p;
		_cleanup_buf_ struct buf b = BUF_INIT;

		place_make(&p);
		add_dir(&b, "a");
		add_file(&b, names[i], "caught");
		extract_all(&p, &b);
		assert_content(p.inside, "victim", "caught");
	}
}

static void absolute_names_are_taken_from_the_folder(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	add_dir(&b, "/tmp");
	add_file(&b, "/tmp/preroot-was-here", "x");
	extract_all(&p, &b);
	assert_content(p.inside, "tmp/preroot-was-here", "x");
}

static void a_name_without_a_last_part_is_left_out(void **state)
{
	static const char *const names[] = {"..", "a/..", "a/.", "a/", "../.."};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_place_ struct place p;
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct extract_result result;
		struct err err = {0};

		place_make(&p);
		add_dir(&b, "a");
		add_file(&b, names[i], "x");
		assert_ok(extract(&p, &b, &result, &err), 0, &err);
		assert_int_equal(result.impossible, 1);
		assert_contains(result.why, names[i]);
	}
}

static void a_link_out_of_the_folder_leads_nowhere(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_symlink(&b, "out", "../victims");
	add_file(&b, "out/file", "changed");
	/* The folder is "/" for the link, and has no victims. */
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_int_equal(result.impossible, 1);
	assert_contains(result.why, "out/file");
}

static void an_absolute_link_leads_inside_the_folder(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *victims = NULL;

	(void)state;
	place_make(&p);
	assert_true(asprintf(&victims, "%s/victims", p.folder) > 0);
	add_dir(&b, "d");
	add_symlink(&b, "l", "/d");
	add_file(&b, "l/f", "inside");
	add_symlink(&b, "l", victims);
	extract_all(&p, &b);
	assert_content(p.inside, "d/f", "inside");
	assert_int_equal(type_of(p.inside, "l"), S_IFLNK);
}

static void a_link_that_was_there_before_is_not_followed(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	put_link(p.folder, "inside/file", "../victim");
	add_file(&b, "file", "new");
	extract_all(&p, &b);
	assert_int_equal(type_of(p.inside, "file"), S_IFREG);
	assert_content(p.inside, "file", "new");
}

static void a_file_takes_the_place_of_a_link_of_its_name(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	add_symlink(&b, "f", "../victim");
	add_file(&b, "f", "a file of its own");
	extract_all(&p, &b);
	assert_int_equal(type_of(p.inside, "f"), S_IFREG);
}

static void a_folder_takes_the_place_of_a_link_of_its_name(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	add_dir(&b, "usr");
	add_dir(&b, "usr/lib");
	add_symlink(&b, "lib", "usr/lib");
	add_file(&b, "lib/first", "x");
	add_dir(&b, "lib");
	add_file(&b, "lib/second", "x");
	extract_all(&p, &b);
	assert_int_equal(type_of(p.inside, "lib"), S_IFDIR);
	assert_content(p.inside, "usr/lib/first", "x");
	assert_content(p.inside, "lib/second", "x");
	assert_int_equal(type_of(p.inside, "usr/lib/second"), 0);
}

static void of_two_files_with_one_name_the_later_wins(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	add_file(&b, "f", "the first and longer one");
	add_file(&b, "f", "second");
	add_dir(&b, "empty");
	add_file(&b, "empty", "no folder any more");
	add_dir(&b, "twice");
	add_file(&b, "twice/kept", "x");
	add_dir(&b, "twice");
	extract_all(&p, &b);
	assert_content(p.inside, "f", "second");
	assert_content(p.inside, "empty", "no folder any more");
	assert_content(p.inside, "twice/kept", "x");
}

static void a_folder_that_holds_something_is_not_replaced(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_dir(&b, "d");
	add_file(&b, "d/f", "kept");
	add_symlink(&b, "d", "elsewhere");
	extract(&p, &b, &result, &err);
	assert_content(p.inside, "d/f", "kept");
}

static void names_of_one_file_stay_one_file(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *first = NULL, *last = NULL;
	struct stat a, z;

	(void)state;
	place_make(&p);
	/* The data may be with the last name only, as with GNU cpio, or with each. */
	add_hard_link(&b, "first", 7, "");
	add_hard_link(&b, "middle", 7, "an earlier and longer text");
	add_hard_link(&b, "last", 7, "the text");
	add_hard_link(&b, "other", 8, "another file");
	extract_all(&p, &b);
	assert_content(p.inside, "first", "the text");
	assert_content(p.inside, "middle", "the text");
	assert_content(p.inside, "other", "another file");
	assert_true(asprintf(&first, "%s/first", p.inside) > 0);
	assert_true(asprintf(&last, "%s/last", p.inside) > 0);
	assert_int_equal(stat(first, &a), 0);
	assert_int_equal(stat(last, &z), 0);
	assert_true(a.st_ino == z.st_ino && a.st_nlink == 3);
}

static void add_shared(struct buf *out, const char *name, uint32_t mode, const char *text)
{
	struct cpio_header h = {.ino = 9, .mode = S_IFREG | mode, .nlink = 2,
				.filesize = (uint32_t)strlen(text)};

	cpio_add_header(out, &h, name);
	buf_add_str(out, text);
	align(out);
}

/* Root may write to any file, and gives this up here. */
static void users_unpack_hard_links_to_what_they_may_not_write(void **state)
{
	static const uint32_t modes[] = {0444, 0};
	const bool is_root = geteuid() == 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		_cleanup_place_ struct place p;
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct extract_result result;
		struct err err = {0};
		int r;

		place_make(&p);
		add_shared(&b, "a", modes[i], "");
		add_shared(&b, "b", modes[i], "data");
		add_file(&b, "c", "behind it");
		assert_true(!is_root || (chmod(p.folder, 0777) == 0 && seteuid(65534) == 0));
		r = extract(&p, &b, &result, &err);
		assert_true(!is_root || seteuid(0) == 0);
		assert_ok(r, 0, &err);
		assert_int_equal(mode_of(&p, "a"), modes[i]);
		assert_int_equal(chmod(p.inside, 0700), 0);
		assert_content(p.inside, "c", "behind it");
		if (is_root || modes[i])
			assert_content(p.inside, "a", "data");
	}
}

/* ---- what was there before stays ---- */

static bool wants_all(const struct image_entry *e, void *arg)
{
	(void)e;
	(void)arg;
	return true;
}

/* Names the first that was left out. */
static struct extract_result extract_beside(struct place *p, const struct buf *b)
{
	const struct extract_choice choice = {.wants = wants_all, .keeps = true};
	_cleanup_image_ struct image *image = open_buf(b);
	struct extract_result result;
	struct err err = {0};

	assert_ok(image_extract_some(image, p->inside, &choice, &result, &err), 0, &err);
	return result;
}

static void what_was_there_can_be_kept(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;

	(void)state;
	place_make(&p);
	put_text(p.folder, "inside/file", "mine");
	put_text(p.folder, "inside/no-folder", "mine");
	put_link(p.folder, "inside/link", "../victim");
	put_dir(p.folder, "inside/empty");
	add_file(&b, "new", "first");
	add_file(&b, "file", "of the image");
	add_symlink(&b, "file", "new");
	add_file(&b, "link", "of the image");
	add_symlink(&b, "empty", "new");
	add_dir(&b, "no-folder");
	add_file(&b, "new", "second");
	result = extract_beside(&p, &b);
	assert_int_equal(result.kept, 5);
	assert_string_equal(result.first_kept, "file");
	assert_int_equal(result.files, 2);
	assert_content(p.inside, "file", "mine");
	assert_content(p.inside, "no-folder", "mine");
	assert_int_equal(type_of(p.inside, "link"), S_IFLNK);
	assert_int_equal(type_of(p.inside, "empty"), S_IFDIR);
	assert_content(p.inside, "new", "second");
}

static void a_link_that_was_there_may_lead_to_the_folder(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	put_dir(p.folder, "inside/usr/lib");
	put_link(p.folder, "inside/lib", "usr/lib");
	add_dir(&b, "lib");
	add_file(&b, "lib/f", "of the image");
	assert_int_equal(extract_beside(&p, &b).kept, 0);
	assert_int_equal(type_of(p.inside, "lib"), S_IFLNK);
	assert_content(p.inside, "usr/lib/f", "of the image");
}

static void names_of_one_file_beside_one_that_is_kept(void **state)
{
	/* Which name is there, and which one has the data; what the other one holds then. */
	static const struct {
		const char *there, *first, *last, *other, *content;
	} rows[] = {
		{"first", "", "text", "last", "text"},
		{"last", "", "text", "first", "text"},
		{"last", "text", "", "first", "text"},
		{"first", "text", "", "last", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_place_ struct place p;
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct extract_result result;

		place_make(&p);
		put_dir(p.folder, "inside");
		put_text(p.inside, rows[i].there, "mine");
		add_hard_link(&b, "first", 7, rows[i].first);
		add_hard_link(&b, "last", 7, rows[i].last);
		result = extract_beside(&p, &b);
		assert_int_equal(result.kept, 1);
		assert_content(p.inside, rows[i].there, "mine");
		assert_int_equal(result.impossible, rows[i].content ? 0 : 1);
		if (rows[i].content)
			assert_content(p.inside, rows[i].other, rows[i].content);
		else
			assert_int_equal(type_of(p.inside, rows[i].other), 0);
	}
}

/* The folder of the first name is exchanged for one with a file that was there. */
static void a_hard_link_to_what_was_there_writes_nothing(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;

	(void)state;
	place_make(&p);
	put_text(p.folder, "inside/etc/a", "mine");
	put_text(p.folder, "inside/c", "mine");
	add_dir(&b, "own");
	add_symlink(&b, "d", "own");
	add_hard_link(&b, "d/a", 5, "");
	add_symlink(&b, "d", "etc");
	add_hard_link(&b, "b", 5, "changed");
	add_hard_link(&b, "c", 5, "changed");
	result = extract_beside(&p, &b);
	assert_int_equal(result.kept, 1);
	assert_int_equal(result.impossible, 2);
	assert_contains(result.why, "b: d/a is no longer what was unpacked");
	assert_content(p.inside, "etc/a", "mine");
	assert_content(p.inside, "c", "mine");
}

static void equal_inodes_without_a_link_count_are_two_files(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct cpio_header h = {.ino = 1, .mode = S_IFREG | 0644, .nlink = 1, .filesize = 4};

	(void)state;
	place_make(&p);
	cpio_add_header(&b, &h, "a");
	buf_add_str(&b, "aaaa");
	cpio_add_header(&b, &h, "b");
	buf_add_str(&b, "bbbb");
	extract_all(&p, &b);
	assert_content(p.inside, "a", "aaaa");
	assert_content(p.inside, "b", "bbbb");
}

static void a_hard_link_to_a_link_writes_through_nothing(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *victim = NULL;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	assert_true(asprintf(&victim, "%s/victim", p.folder) > 0);
	add_hard_link(&b, "a", 5, "data");
	add_symlink(&b, "a", victim);
	add_hard_link(&b, "b", 5, "changed");
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_int_equal(result.impossible, 1);
	assert_contains(result.why, "b");
}

static void a_file_whose_folder_is_missing_is_told(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_file(&b, "no/such/folder", "x");
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_int_equal(result.impossible, 1);
	assert_contains(result.why, "no/such");
}

static void a_link_without_or_with_too_long_a_target_is_left_out(void **state)
{
	char target[CPIO_TARGET_MAX + 2];

	(void)state;
	memset(target, 't', sizeof(target));
	target[sizeof(target) - 1] = '\0';
	for (size_t i = 0; i < 2; i++) {
		_cleanup_place_ struct place p;
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct extract_result result;
		struct err err = {0};

		place_make(&p);
		add_symlink(&b, "l", i ? target : "");
		assert_ok(extract(&p, &b, &result, &err), 0, &err);
		assert_int_equal(result.impossible, 1);
	}
}

static void a_part_of_a_name_that_is_too_long_is_left_out(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};
	char name[300];

	(void)state;
	place_make(&p);
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	add_file(&b, name, "x");
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_int_equal(result.impossible, 1);
}

static void control_characters_of_a_name_are_spelt_out(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_file(&b, "no/\x1b[2J", "x");
	assert_ok(extract(&p, &b, &result, &err), 0, &err);
	assert_int_equal(result.impossible, 1);
	assert_contains(result.why, "\\x1b[2J");
	assert_null(strchr(result.why, '\x1b'));
}

static void what_came_before_the_damage_is_kept(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	place_make(&p);
	add_file(&b, "f", "good");
	cpio_add_trailer(&b);
	buf_add_str(&b, "junk");
	assert_fails(extract(&p, &b, &result, &err), -EBADMSG, &err);
	assert_content(p.inside, "f", "good");
}

static void the_folders_parent_must_be_there(void **state)
{
	_cleanup_folder_ char *dir = make_folder();
	_cleanup_free_ char *deep = NULL, *file = NULL;
	_cleanup_image_ struct image *image = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct extract_result result;
	struct err err = {0};

	(void)state;
	add_file(&b, "f", "x");
	image = open_buf(&b);
	assert_true(asprintf(&deep, "%s/no/such", dir) > 0);
	assert_fails(image_extract(image, deep, &result, &err), -ENOENT, &err);
	put_text(dir, "file", "x");
	assert_true(asprintf(&file, "%s/file", dir) > 0);
	assert_fails(image_extract(image, file, &result, &err), -ENOTDIR, &err);
}

/* ---- a bomb ---- */

/* The linker sends extract.c's calls here. While the bomb ticks, reading and writing cost
 * nothing: what is tested is the counting. */
static bool bomb;
static uint64_t bomb_left, bomb_written;

ssize_t __real_image_read(struct image *i, void *data, size_t len, struct err *err);
ssize_t __wrap_image_read(struct image *i, void *data, size_t len, struct err *err);
int __real_write_full(int fd, const void *data, size_t len);
int __wrap_write_full(int fd, const void *data, size_t len);

ssize_t __wrap_image_read(struct image *i, void *data, size_t len, struct err *err)
{
	if (!bomb)
		return __real_image_read(i, data, len, err);
	len = len < bomb_left ? len : (size_t)bomb_left;
	bomb_left -= len;
	return (ssize_t)len;
}

int __wrap_write_full(int fd, const void *data, size_t len)
{
	if (!bomb)
		return __real_write_full(fd, data, len);
	bomb_written += len;
	return 0;
}

static void a_bomb_is_stopped_at_the_limit(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_image_ struct image *image = NULL;
	struct extract_result result;
	struct err err = {0};
	int r;

	(void)state;
	place_make(&p);
	add_file(&b, "bomb", "tick");
	image = open_buf(&b);
	bomb_left = UINT64_MAX;
	bomb = true;
	r = image_extract(image, p.inside, &result, &err);
	bomb = false;
	assert_fails(r, -E2BIG, &err);
	assert_contains(err.text, "16 GiB");
	assert_true(bomb_written > EXTRACT_BYTES_MAX - (1 << 20));
	assert_true(bomb_written < EXTRACT_BYTES_MAX + (1 << 20));
}

/* ---- the sweep ---- */

static void check_damaged(uint8_t *data, size_t len, void *arg)
{
	struct place *p = arg;
	_cleanup_image_ struct image *image = NULL;
	struct extract_result result;
	struct err err = {0};

	if (len == 0)
		return;
	image = open_bytes(data, len);
	if (image_extract(image, p->inside, &result, &err) < 0)
		assert_true(err.code < 0 && err.text[0]);
	assert_content(p->folder, "victim", "untouched");
}

static void no_damage_to_an_image_leads_outside(void **state)
{
	_cleanup_place_ struct place p;
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	place_make(&p);
	add_symlink(&b, "l", "../..");
	add_hard_link(&b, "../h", 3, "abc");
	add_hard_link(&b, "../victim", 3, "def");
	cpio_add_trailer(&b);
	sweep(b.data, b.len, check_damaged, &p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_folders_and_links_are_unpacked),
		cmocka_unit_test(modes_are_kept_but_for_set_user_id),
		cmocka_unit_test(devices_fifos_and_sockets_are_left_out),
		cmocka_unit_test(names_that_lead_upwards_stay_inside),
		cmocka_unit_test(absolute_names_are_taken_from_the_folder),
		cmocka_unit_test(a_name_without_a_last_part_is_left_out),
		cmocka_unit_test(a_link_out_of_the_folder_leads_nowhere),
		cmocka_unit_test(an_absolute_link_leads_inside_the_folder),
		cmocka_unit_test(a_link_that_was_there_before_is_not_followed),
		cmocka_unit_test(a_file_takes_the_place_of_a_link_of_its_name),
		cmocka_unit_test(a_folder_takes_the_place_of_a_link_of_its_name),
		cmocka_unit_test(of_two_files_with_one_name_the_later_wins),
		cmocka_unit_test(a_folder_that_holds_something_is_not_replaced),
		cmocka_unit_test(names_of_one_file_stay_one_file),
		cmocka_unit_test(what_was_there_can_be_kept),
		cmocka_unit_test(a_link_that_was_there_may_lead_to_the_folder),
		cmocka_unit_test(names_of_one_file_beside_one_that_is_kept),
		cmocka_unit_test(a_hard_link_to_what_was_there_writes_nothing),
		cmocka_unit_test(users_unpack_hard_links_to_what_they_may_not_write),
		cmocka_unit_test(equal_inodes_without_a_link_count_are_two_files),
		cmocka_unit_test(a_hard_link_to_a_link_writes_through_nothing),
		cmocka_unit_test(a_file_whose_folder_is_missing_is_told),
		cmocka_unit_test(a_link_without_or_with_too_long_a_target_is_left_out),
		cmocka_unit_test(a_part_of_a_name_that_is_too_long_is_left_out),
		cmocka_unit_test(control_characters_of_a_name_are_spelt_out),
		cmocka_unit_test(what_came_before_the_damage_is_kept),
		cmocka_unit_test(the_folders_parent_must_be_there),
		cmocka_unit_test(a_bomb_is_stopped_at_the_limit),
		cmocka_unit_test(no_damage_to_an_image_leads_outside),
	};

	return RUN_TESTS(tests);
}
