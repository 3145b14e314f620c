/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

ssize_t read_full(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t pread_full(int fd, void *data, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int write_full(int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int writev_full(int fd, struct iovec *parts, int n)
{
	while (n) {
		ssize_t done = writev(fd, parts, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		for (; n && (size_t)done >= parts->iov_len; parts++, n--)
			done -= (ssize_t)parts->iov_len;
		if (n) {
			parts->iov_base = (char *)parts->iov_base + done;
			parts->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int read_all(int fd, size_t max, struct buf *out)
{
	size_t start = out->len;
	size_t step = 4096;

	for (;;) {
		ssize_t n;

		if (buf_reserve(out, step) < 0)
			return -ENOMEM;
		n = read_full(fd, out->data + out->len, step);
		if (n < 0)
			return (int)n;
		out->len += (size_t)n;
		if (out->len - start > max)
			return -E2BIG;
		if ((size_t)n < step)
			return 0;
		if (step < 1024 * 1024)
			step *= 2;
	}
}

int read_file_at(int dirfd, const char *path, size_t max, struct buf *out)
{
	_cleanup_fd_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (st.st_size > 0 && (uint64_t)st.st_size > max)
		return -E2BIG;
	if (st.st_size > 0 && buf_reserve(out, (size_t)st.st_size + 4096) < 0)
		return -ENOMEM;
	return read_all(fd, max, out);
}
