/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "support.h"

void pty_open(struct pty *t)
{
	struct termios settings;

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	assert_true(t->master >= 0);
	assert_int_equal(grantpt(t->master), 0);
	assert_int_equal(unlockpt(t->master), 0);
	assert_int_equal(ptsname_r(t->master, t->path, sizeof(t->path)), 0);
	t->slave = open(t->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(t->slave, &settings), 0);
	settings.c_oflag &= ~(tcflag_t)ONLCR; /* what is written is what is read */
	assert_int_equal(tcsetattr(t->slave, TCSANOW, &settings), 0);
}

void pty_close(struct pty *t)
{
	t->slave = close_fd(t->slave);
	t->master = close_fd(t->master);
}

void pty_resize(struct pty *t, unsigned columns)
{
	struct winsize size = {.ws_row = 25, .ws_col = (unsigned short)columns};

	assert_int_equal(ioctl(t->master, TIOCSWINSZ, &size), 0);
}

/* The kernel delivers everything that was written before it says that there is no more. */
const char *pty_read(struct pty *t)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(t->master, t->text + len, sizeof(t->text) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	t->text[len] = '\0';
	return t->text;
}

void pty_type(struct pty *t, const char *keys, size_t len)
{
	assert_int_equal(write(t->master, keys, len), len);
}
