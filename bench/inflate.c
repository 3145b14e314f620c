/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Usage: inflate FILE
 *
 * Decompresses a file that begins with a gzip or zstd stream, as some images do, and throws the
 * bytes away. To list such an image cannot take less than that.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { FAILED = 1, SIZE = 256 * 1024, GZIP_ONLY = 15 + 16 };

static uint8_t in[SIZE], out[SIZE];

static size_t fill(int fd, const char *path)
{
	ssize_t n = read(fd, in, sizeof(in));

	if (n < 0)
		err(FAILED, "%s", path);
	return (size_t)n;
}

static void inflate_gzip(int fd, const char *path)
{
	z_stream z = {0};
	int r = inflateInit2(&z, GZIP_ONLY);

	while (r == Z_OK) {
		if (z.avail_in == 0) {
			z.next_in = in;
			z.avail_in = (uInt)fill(fd, path);
		}
		z.next_out = out;
		z.avail_out = sizeof(out);
		r = inflate(&z, Z_NO_FLUSH);
	}
	if (r != Z_STREAM_END)
		errx(FAILED, "%s: zlib: %d", path, r);
	inflateEnd(&z);
}

static void inflate_zstd(int fd, const char *path)
{
	ZSTD_DStream *d = ZSTD_createDStream();
	ZSTD_inBuffer from = {in, 0, 0};
	size_t r = 1;

	while (d && r > 0 && !ZSTD_isError(r)) {
		ZSTD_outBuffer to = {out, sizeof(out), 0};

		if (from.pos == from.size)
			from = (ZSTD_inBuffer){in, fill(fd, path), 0};
		if (from.size == 0)
			errx(FAILED, "%s: zstd: cut short", path);
		r = ZSTD_decompressStream(d, &to, &from);
	}
	if (!d || ZSTD_isError(r))
		errx(FAILED, "%s: zstd: %s", path, d ? ZSTD_getErrorName(r) : "no memory");
	ZSTD_freeDStream(d);
}

int main(int argc, char **argv)
{
	static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	uint8_t head[sizeof(zstd)];
	int fd;

	if (argc != 2)
		errx(FAILED, "usage: inflate FILE");
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || read(fd, head, sizeof(head)) != sizeof(head) || lseek(fd, 0, SEEK_SET) < 0)
		err(FAILED, "%s", argv[1]);
	if (memcmp(head, gzip, sizeof(gzip)) == 0)
		inflate_gzip(fd, argv[1]);
	else if (memcmp(head, zstd, sizeof(zstd)) == 0)
		inflate_zstd(fd, argv[1]);
	else
		errx(FAILED, "%s begins with neither gzip nor zstd", argv[1]);
	return 0;
}
