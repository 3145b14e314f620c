/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a fuzz target over files, and over all files of folders. Fails when there is nothing to
 * run: a corpus that was lost must not look like success.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "fuzz.h"

enum { INPUT_MAX = 1024 * 1024 };

static int replay_file(int dir, const char *path)
{
	_cleanup_buf_ struct buf input = BUF_INIT;
	_cleanup_free_ uint8_t *exact = NULL;
	int r = read_file_at(dir, path, INPUT_MAX, &input);

	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return r;
	}
	exact = malloc(input.len ? input.len : 1);
	HOLDS(exact);
	if (input.len)
		memcpy(exact, input.data, input.len);
	/* Known before the target runs, should it not come back. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, input.len);
	return 1;
}

/* Number of files run, or -errno. */
static int replay(const char *path)
{
	struct dirent *de;
	DIR *dir = opendir(path);
	int count = 0;

	if (!dir)
		return replay_file(AT_FDCWD, path);
	while (count >= 0 && (de = readdir(dir))) {
		int r = de->d_name[0] == '.' ? 0 : replay_file(dirfd(dir), de->d_name);

		count = r < 0 ? r : count + r;
	}
	closedir(dir);
	return count;
}

int main(int argc, char **argv)
{
	int total = 0;

	for (int i = 1; i < argc; i++) {
		int r = replay(argv[i]);

		if (r <= 0) {
			fprintf(stderr, "%s: no input to run\n", argv[i]);
			return 1;
		}
		total += r;
	}
	printf("%d inputs\n", total);
	return total == 0;
}
