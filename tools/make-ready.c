/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * make-ready PID1 OUT: writes what src/format/ours/ready.h describes. It runs once, when preroot is
 * built, and is not installed.
 */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "format/codec/encode.h"
#include "format/ours/ready.h"

enum { PID1_SIZE_MAX = 64 * 1024 * 1024 };

static int make(const char *from, const char *to, struct err *err)
{
	_cleanup_buf_ struct buf data = BUF_INIT, archive = BUF_INIT, frame = BUF_INIT;
	const struct encode_options options = {.level = READY_LEVEL};
	_cleanup_fd_ int fd = -1;
	int r = read_file_at(AT_FDCWD, from, PID1_SIZE_MAX, &data);

	if (r < 0)
		return err_sys(err, r, "%s", from);
	ready_add_archive(&archive, data.data, data.len);
	if (buf_status(&archive) < 0)
		return err_set(err, -ENOMEM, "no memory left");
	r = encode(CODEC_ZSTD, &options, archive.data, archive.len, &frame, err);
	if (r < 0)
		return r;
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : write_full(fd, frame.data, frame.len);
	return r < 0 ? err_sys(err, r, "%s", to) : 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};

	if (argc != 3 || make(argv[1], argv[2], &err) < 0) {
		fprintf(stderr, "make-ready: %s\n", argc == 3 ? err.text : "PID1 OUT are wanted");
		return 1;
	}
	return 0;
}
