/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "deploy/runlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define SYSTEM_LOG "dev/log"

enum {
	TEXT_MAX = 1024,
	SHOWN_MAX = 4 * TEXT_MAX,
	WORD_MAX = 256,
	BODY_MAX = 2 * WORD_MAX + SHOWN_MAX + 8,
	LINE_MAX_BYTES = BODY_MAX + 128,
	FACILITY_USER = 1 << 3, /* RFC 3164, 4.1.1 */
};

static const struct {
	const char *name;
	int severity; /* RFC 3164 */
} levels[] = {
	[RUNLOG_NOTHING] = {"nothing", 7}, [RUNLOG_FATAL] = {"fatal", 2},
	[RUNLOG_ERROR] = {"error", 3},	   [RUNLOG_WARN] = {"warn", 4},
	[RUNLOG_INFO] = {"info", 6},	   [RUNLOG_DEBUG] = {"debug", 7},
	[RUNLOG_TRACE] = {"trace", 7},
};

const char *runlog_level_name(enum runlog_level level)
{
	return levels[level].name;
}

const char *runlog_problem(const struct runlog *l)
{
	return l->problem.code ? l->problem.text : NULL;
}

void runlog_open(struct runlog *l, const struct root *root)
{
	*l = (struct runlog){.root = root,
			     .path = RUNLOG_PATH,
			     .file = RUNLOG_INFO,
			     .system = RUNLOG_INFO,
			     .fd = -1,
			     .socket = -1};
}

void runlog_close(struct runlog *l)
{
	l->fd = close_fd(l->fd);
	l->socket = close_fd(l->socket);
}

/* ---- the places ---- */

/* Others may be able to write to the folder. Refuses a link or special file that they put there. */
static int check_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
		return -EPERM;
	return 0;
}

static int open_file(const struct root *root, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	_cleanup_fd_ int dir = folder ? root_openat(root, folder, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	_cleanup_fd_ int fd = -1;
	int r;

	if (dir < 0)
		return dir;
	fd = openat(dir, slash ? slash + 1 : path,
		    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = check_file(fd);
	return r < 0 ? r : TAKE_FD(fd);
}

/* -errno if there is no system log. /dev/log is often a link; it is resolved below the root. */
static int open_socket(const struct root *root)
{
	_cleanup_fd_ int at = root_openat(root, SYSTEM_LOG, O_PATH);
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (at < 0 || fd < 0)
		return at < 0 ? at : -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", at);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Each log is opened when its first line is written. */
static void open_places(struct runlog *l, enum runlog_level level)
{
	if (level <= l->system && !l->has_system) {
		l->has_system = true;
		l->socket = open_socket(l->root);
	}
	if (level > l->file || l->has_file)
		return;
	l->has_file = true;
	l->fd = open_file(l->root, l->path);
	if (l->fd == -EPERM)
		err_set(&l->problem, l->fd,
			"%s/%s is not written: it is not a regular file of this user with a single "
			"name",
			root_prefix(l->root), l->path);
	else if (l->fd < 0 && !(l->is_usual && l->fd == -ENOENT))
		err_sys(&l->problem, l->fd, "%s/%s is not written", root_prefix(l->root), l->path);
}

/* ---- lines ---- */

/* Writes WORD as a single word. */
static void put_word(const char *word, char *out, size_t size)
{
	escape_text(word && *word ? word : "-", out, size);
	for (char *p = out; *p; p++)
		if (*p == ' ')
			*p = '_';
}

/* In one write(), so that the lines of two runs do not mix. */
static void write_file(struct runlog *l, const char *line, size_t len)
{
	ssize_t n;

	do
		n = write(l->fd, line, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return;
	err_sys(&l->problem, n < 0 ? -errno : -ENOSPC, "%s/%s is not written any more",
		root_prefix(l->root), l->path);
	l->fd = close_fd(l->fd);
}

/* Drops the line if the system log does not keep up. */
static void write_system(struct runlog *l, enum runlog_level level, const struct tm *tm,
			 const char *text)
{
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	char line[LINE_MAX_BYTES];
	int n = snprintf(line, sizeof(line), "<%d>%s %2d %02d:%02d:%02d preroot[%d]: %s",
			 FACILITY_USER | levels[level].severity, months[tm->tm_mon], tm->tm_mday,
			 tm->tm_hour, tm->tm_min, tm->tm_sec, getpid(), text);

	if (n > 0)
		send(l->socket, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1,
		     MSG_DONTWAIT | MSG_NOSIGNAL);
}

void runlog_line(struct runlog *l, const char *kernel, const char *step, enum runlog_level level,
		 const char *fmt, ...)
{
	char text[TEXT_MAX], shown[SHOWN_MAX], version[WORD_MAX], name[WORD_MAX];
	char body[BODY_MAX], line[LINE_MAX_BYTES], when[32] = "-";
	time_t now = time(NULL);
	struct tm utc = {0}, local = {0};
	va_list ap;
	int n;

	if (!l || level == RUNLOG_NOTHING || (level > l->file && level > l->system))
		return;
	open_places(l, level);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	escape_text(text, shown, sizeof(shown));
	put_word(kernel, version, sizeof(version));
	put_word(step, name, sizeof(name));
	snprintf(body, sizeof(body), "%s %s: %s", version, name, shown);
	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	n = snprintf(line, sizeof(line), "%s %d %s %s\n", when, getpid(), levels[level].name, body);
	if (l->fd >= 0 && level <= l->file)
		write_file(l, line, (size_t)n);
	if (l->socket >= 0 && level <= l->system && localtime_r(&now, &local))
		write_system(l, level, &local, body);
}
