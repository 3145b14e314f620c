/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { OPEN_FOLDERS = 16, READ_MAX = 16 * 1024 * 1024, KERNEL_HEAD = 0x400 };

char *make_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = NULL;

	assert_true(asprintf(&folder, "%s/preroot-unit-XXXXXX", tmp ? tmp : "/tmp") > 0);
	assert_non_null(mkdtemp(folder));
	return folder;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

void remove_folder(char *folder)
{
	if (folder)
		nftw(folder, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
	free(folder);
}

static char *join(const char *folder, const char *path)
{
	char *whole = NULL;

	assert_true(asprintf(&whole, "%s/%s", folder, path) > 0);
	return whole;
}

static char *with_parents(const char *folder, const char *path)
{
	char *whole = join(folder, path);

	for (char *p = whole + strlen(folder) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(whole, 0755);
		*p = '/';
	}
	return whole;
}

void put_file(const char *folder, const char *path, const void *data, size_t len)
{
	_cleanup_free_ char *whole = with_parents(folder, path);
	_cleanup_fd_ int fd = open(whole, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write_full(fd, data, len), 0);
}

void put_text(const char *folder, const char *path, const char *text)
{
	put_file(folder, path, text, strlen(text));
}

void put_link(const char *folder, const char *path, const char *target)
{
	_cleanup_free_ char *whole = with_parents(folder, path);

	assert_int_equal(symlink(target, whole), 0);
}

void put_dir(const char *folder, const char *path)
{
	_cleanup_free_ char *whole = with_parents(folder, path);

	assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
}

void add_kernel(struct buf *out, const char *version)
{
	assert_true(strlen(version) < KERNEL_HEAD - KERNEL_VERSION_AT);
	buf_add_zeros(out, KERNEL_HEAD);
	out->data[0x1f1] = 1;
	memcpy(out->data + 0x1fe, "\x55\xaa", 2);
	memcpy(out->data + 0x202, "HdrS\x0f\x02", 6);
	out->data[0x20f] = (KERNEL_VERSION_AT - 0x200) >> 8;
	memcpy(out->data + KERNEL_VERSION_AT, version, strlen(version));
}

void put_kernel(const char *folder, const char *path, const char *version)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	add_kernel(&b, version);
	put_file(folder, path, b.data, b.len);
}

unsigned type_of(const char *folder, const char *path)
{
	_cleanup_free_ char *whole = join(folder, path);
	struct stat st;

	return lstat(whole, &st) < 0 ? 0 : st.st_mode & S_IFMT;
}

void assert_content(const char *folder, const char *path, const char *text)
{
	_cleanup_free_ char *whole = join(folder, path);
	_cleanup_buf_ struct buf b = BUF_INIT;

	assert_int_equal(read_file_at(AT_FDCWD, whole, READ_MAX, &b), 0);
	assert_string_equal(buf_cstr(&b), text);
}

int count_names(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *de;
	int n = 0;

	assert_non_null(dir);
	while ((de = readdir(dir)))
		n += strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0;
	closedir(dir);
	return n;
}

uint8_t *exact_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

void sweep_truncations(const void *sample, size_t len, sweep_fn fn, void *arg)
{
	for (size_t n = 0; n < len; n++) {
		_cleanup_free_ uint8_t *copy = exact_copy(sample, n);

		fn(copy, n, arg);
	}
}

void sweep_bytes(const void *sample, size_t len, sweep_fn fn, void *arg)
{
	const uint8_t *original = sample;

	for (size_t i = 0; i < len; i++) {
		const uint8_t values[] = {0x00,
					  0xff,
					  original[i] ^ 0x01,
					  original[i] ^ 0x80,
					  (uint8_t)(original[i] + 1),
					  '\n',
					  ' '};

		for (size_t k = 0; k < sizeof(values); k++) {
			_cleanup_free_ uint8_t *copy = exact_copy(sample, len);

			if (values[k] == original[i])
				continue;
			copy[i] = values[k];
			fn(copy, len, arg);
		}
	}
}

void sweep(const void *sample, size_t len, sweep_fn fn, void *arg)
{
	sweep_truncations(sample, len, fn, arg);
	sweep_bytes(sample, len, fn, arg);
}

void put_le32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

void assert_between(intmax_t value, intmax_t low, intmax_t high)
{
	if (value < low || value > high)
		fail_msg("%jd is not between %jd and %jd", value, low, high);
}
