/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/terminals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "init/core/locked.h"

enum { ACTIVE_MAX = 512, PATH_SIZE = 256 };

_Static_assert((int)TERMINALS_LINE_MAX < (int)LOCKED_SIZE, "an answer that does not fit");

int terminals_init(struct terminals *t)
{
	if (!t->line)
		t->line = locked_new();
	return t->line ? 0 : -ENOMEM;
}

void terminals_wipe(struct terminals *t)
{
	locked_wipe(t->line);
}

/* ---- open and close ---- */

static void set(const struct terminal *c, bool secret)
{
	struct termios s = c->before;

	s.c_iflag &= ~(tcflag_t)(IGNCR | INLCR);
	s.c_iflag |= ICRNL;
	s.c_oflag |= OPOST | ONLCR;
	s.c_lflag |= ICANON | ISIG | IEXTEN | ECHO | ECHOE | ECHOK | ECHONL;
	if (secret)
		s.c_lflag &= ~(tcflag_t)ECHO;
	/* Not TCSADRAIN or TCSAFLUSH, which would block on a stopped terminal. */
	tcsetattr(c->fd, TCSANOW, &s);
	if (secret)
		tcflush(c->fd, TCIFLUSH);
}

static bool is_open(const struct terminals *t, unsigned device)
{
	for (size_t i = 0; i < TERMINALS_MAX; i++)
		if (t->list[i].name[0] && t->list[i].device == device)
			return true;
	return false;
}

static void open_one(struct terminals *t, struct terminal *c, const char *name)
{
	_cleanup_fd_ int fd = -1;
	struct terminal new = {.behind = true};
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", t->folder, name);
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &new.before) < 0 || ioctl(fd, TIOCGDEV, &new.device) < 0 ||
	    is_open(t, new.device))
		return;
	/* Nobody would hear what is typed there: it is left as it is, and tried again. */
	if (sources_add(t->sources, fd, t->ready, NULL) < 0)
		return;
	snprintf(new.name, sizeof(new.name), "%s", name);
	new.fd = fd;
	*c = new;
	set(c, t->secret);
	fd = -1; /* it is C's now */
}

static void forget(struct terminals *t, struct terminal *c)
{
	sources_remove(t->sources, c->fd);
	close(c->fd);
	*c = (struct terminal){0};
}

/* A free slot for NAME; NULL if it is open already, or all are taken. */
static struct terminal *place_for(struct terminals *t, const char *name)
{
	struct terminal *place = NULL;

	for (size_t i = 1; i < TERMINALS_MAX; i++) {
		if (strcmp(t->list[i].name, name) == 0)
			return NULL;
		if (!t->list[i].name[0] && !place)
			place = &t->list[i];
	}
	return place;
}

void terminals_open(struct terminals *t, bool secret)
{
	_cleanup_fd_ int fd = open(t->active, O_RDONLY | O_CLOEXEC);
	char names[ACTIVE_MAX], *rest = names, *name;
	ssize_t n = fd < 0 ? 0 : read_full(fd, names, sizeof(names) - 1);

	t->secret = secret;
	if (!t->list[0].name[0])
		open_one(t, &t->list[0], "console");
	names[n > 0 ? n : 0] = '\0';
	while ((name = strsep(&rest, " \n"))) {
		struct terminal *c = NULL;

		if (*name && *name != '.' && !strchr(name, '/') && strlen(name) < TERMINALS_NAME_MAX)
			c = place_for(t, name);
		if (c)
			open_one(t, c, name);
	}
}

void terminals_close(struct terminals *t, const char *note, const struct terminal *but)
{
	for (size_t i = 0; i < TERMINALS_MAX; i++) {
		struct terminal *c = &t->list[i];

		if (!c->name[0])
			continue;
		if (c != but && note && !c->behind && write(c->fd, note, strlen(note)) < 0)
			c->behind = true; /* the terminal is stopped, so nobody sees it */
		if (t->secret)
			tcflush(c->fd, TCIFLUSH);
		tcsetattr(c->fd, TCSANOW, &c->before);
		forget(t, c);
	}
}

/* ---- output ---- */

void terminals_show(struct terminals *t, const char *text)
{
	snprintf(t->text, sizeof(t->text), "%s", text);
	for (size_t i = 0; i < TERMINALS_MAX; i++)
		t->list[i].behind = t->list[i].name[0];
}

void terminals_show_on_console(struct terminals *t, const char *text)
{
	snprintf(t->text, sizeof(t->text), "%s", text);
	t->list[0].behind = t->list[0].name[0];
}

static short ready_for(const struct terminal *c, short events)
{
	struct pollfd p = {.fd = c->fd, .events = events};

	return poll(&p, 1, 0) > 0 ? p.revents : 0;
}

void terminals_flush(struct terminals *t, bool console)
{
	for (size_t i = console ? 0 : 1; i < TERMINALS_MAX; i++) {
		struct terminal *c = &t->list[i];

		if (!c->name[0] || !c->behind || !(ready_for(c, POLLOUT) & POLLOUT))
			continue;
		/* After a partial write the whole text is shown again. */
		c->behind = write(c->fd, t->text, strlen(t->text)) != (ssize_t)strlen(t->text);
	}
}

bool terminals_are_behind(const struct terminals *t)
{
	for (size_t i = 0; i < TERMINALS_MAX; i++)
		if (t->list[i].behind)
			return true;
	return false;
}

bool terminals_console_has_it(const struct terminals *t)
{
	return t->list[0].name[0] && !t->list[0].behind;
}

/* ---- input ---- */

/* A read returns one line, or as much of it as fits. It ends with "\n" unless ^D ended it. */
static int read_line(struct terminals *t, struct terminal *c)
{
	ssize_t n = read(c->fd, t->line, TERMINALS_LINE_MAX + 1);
	bool whole = n >= 0 && (n <= TERMINALS_LINE_MAX || t->line[n - 1] == '\n');
	bool skips = c->skips;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n < 0 || (n == 0 && ready_for(c, POLLIN) & (POLLHUP | POLLERR))) {
		forget(t, c);
		return -EAGAIN;
	}
	c->skips = !whole;
	if (skips && whole)
		return -EMSGSIZE;
	if (!whole)
		return -EAGAIN;
	return (int)(n && t->line[n - 1] == '\n' ? n - 1 : n);
}

int terminals_read(struct terminals *t, const struct terminal **from)
{
	int n = -EAGAIN;

	for (size_t i = 0; i < TERMINALS_MAX && n == -EAGAIN; i++) {
		struct terminal *c = &t->list[i];

		/* The rest of a line that is too long is there already: skip it. */
		do
			n = c->name[0] ? read_line(t, c) : -EAGAIN;
		while (n == -EAGAIN && c->name[0] && c->skips && ready_for(c, POLLIN) & POLLIN);
		*from = c;
	}
	if (n < 0)
		terminals_wipe(t);
	return n;
}
