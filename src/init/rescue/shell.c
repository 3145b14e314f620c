/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/rescue/shell.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/core/boot.h"
#include "init/devices/block.h"
#include "init/devices/events.h"
#include "init/core/log.h"
#include "init/core/mount.h"
#include "init/devices/modules.h"
#include "init/core/sys.h"
#include "init/seam/parts.h"

#define SULOGIN "/usr/sbin/sulogin"
#define SHELL   "/bin/sh"

enum { EXIT_NOT_STARTED = 127, TTY_MAX = 64, INSTANT_MS = 1000 };

void shell_allow(struct shell *s, const char *value)
{
	static const char *const names[] = {[SHELL_OPEN] = "open",
					    [SHELL_PASSWORD] = "password"};

	s->policy = SHELL_ABSENT;
	for (unsigned i = SHELL_OPEN; i < ARRAY_SIZE(names); i++)
		if (strcmp(value, names[i]) == 0)
			s->policy = i;
}

const char *shell_refusal(const struct boot *b)
{
	const struct shell *s = b->shell;

	if (s->policy == SHELL_OPEN && parts_are_locked(b))
		return "it would ask for no password, and an encrypted volume was not opened";
	if (s->broken)
		return "it could not be started";
	return s->policy == SHELL_ABSENT ? "this image has none (preroot build --add rescue)" : NULL;
}

/* rd.ctty=ttyS1 or rd.ctty=/dev/ttyS1 */
static const char *terminal(const struct params *p, char out[TTY_MAX])
{
	const char *name = p->ctty ? p->ctty : "console";

	if (str_starts(name, "/dev/"))
		name += strlen("/dev/");
	if (!path_is_clean(name))
		name = "console";
	snprintf(out, TTY_MAX, "/dev/%s", name);
	return out;
}

void shell_prepare(struct boot *b)
{
	char alias[JOBS_NAME_MAX + 8];

	for (size_t i = 0; i < b->devices->n; i++) {
		const struct block_device *d = &b->devices->list[i];

		if (!d->name[0] || strcmp(d->probe.usage, "filesystem") != 0)
			continue;
		snprintf(alias, sizeof(alias), "fs-%s", d->probe.type);
		modules_request_alias(b, alias);
	}
}

bool shell_start(struct boot *b, const char *why, const char *then)
{
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"HOME=/",
		       (char *)"TERM=linux", (char *)"PS1=preroot# ", (char *)"SUSHELL=" SHELL,
		       (char *)"NEWROOT=" SYSROOT, NULL};
	bool asks = b->shell->policy == SHELL_PASSWORD;
	char *argv[] = {(char *)(asks ? "sulogin" : "-sh"), NULL};
	const char *refusal = shell_refusal(b);
	char tty[TTY_MAX];

	if (refusal) {
		log_show("%s: no shell: %s", why, refusal);
		return false;
	}
	/* Typing may need the driver of a keyboard. */
	b->modules->late = true;
	shell_prepare(b);
	events_start(b);
	log_show("%s: a shell on %s; when it ends, %s", why, terminal(&b->params, tty), then);
	prompt_hush(b, true);
	parts_hide(b);
	b->shell->has_terminal = tcgetattr(STDIN_FILENO, &b->shell->terminal) == 0;
	b->shell->ended = false;
	b->shell->since = log_now();
	b->shell->pid = sys_spawn_on(tty, asks ? SULOGIN : SHELL, argv, env);
	if (b->shell->pid > 0) {
		log_hush(true);
		return true;
	}
	prompt_hush(b, false);
	log_show("no shell: %s", strerror(-b->shell->pid));
	b->shell->pid = 0;
	b->shell->broken = true;
	return false;
}

/* The session of a process: the fourth field after the name, which is in brackets, of
 * /proc/PID/stat. */
static int session_of(const char *pid)
{
	char path[64], text[512];
	_cleanup_fd_ int fd = -1;
	const char *rest;
	int session;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	rest = strrchr(text, ')');
	return rest && sscanf(rest + 1, " %*c %*d %*d %d", &session) == 1 ? session : -1;
}

/* Kills the session's processes, which would go on reading the console. */
static void end_session(int session)
{
	DIR *dir = opendir("/proc");
	struct dirent *de;

	while (dir && (de = readdir(dir)))
		if (de->d_name[0] >= '1' && de->d_name[0] <= '9' && session_of(de->d_name) == session)
			sys_kill(atoi(de->d_name), SIGKILL);
	if (dir)
		closedir(dir);
}

void shell_child_ended(struct boot *b, int pid, int status)
{
	struct shell *s = b->shell;

	if (!s->pid || pid != s->pid)
		return;
	end_session(pid);
	s->pid = 0;
	s->ended = true;
	/* A shell may exit with the same status, but nobody types that fast. */
	s->broken = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NOT_STARTED &&
		    log_now() - s->since < INSTANT_MS;
	if (s->has_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->terminal);
	log_hush(false);
	prompt_hush(b, false);
	log_info("the shell has ended");
}

bool shell_next_end(struct shell *s)
{
	bool ended = s->ended;

	s->ended = false;
	return ended;
}

bool shell_has_mounted(void)
{
	struct stat root, new;

	return stat("/", &root) == 0 && stat(SYSROOT, &new) == 0 && root.st_dev != new.st_dev;
}
