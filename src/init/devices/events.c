/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/devices/events.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "init/devices/block.h"
#include "init/core/log.h"
#include "init/core/sys.h"
#include "init/devices/modules.h"

enum {
	MESSAGE_MAX = 8192, /* the kernel's own limit is 2048 for the pairs */
	RECEIVE_BUFFER = 16 * 1024 * 1024,
	GROUP_KERNEL = 1,
	RECEIVE_MAX = 256, /* messages at a time, so that the loop gets to its other work */
};

int events_open(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);
	int size = RECEIVE_BUFFER, on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

bool events_listen(struct boot *b, const char *subsystem,
		   void (*heard)(struct boot *b, const struct uevent *u))
{
	struct events *e = b->events;

	if (e->n_listeners == EVENTS_LISTENERS_MAX)
		return false;
	e->listeners[e->n_listeners++] = (struct events_listener){subsystem, heard};
	return true;
}

/* U is NULL if events were lost. */
static void call_listeners(struct boot *b, const struct uevent *u)
{
	for (size_t i = 0; i < b->events->n_listeners; i++) {
		const struct events_listener *l = &b->events->listeners[i];

		if (!u || !l->subsystem || strcmp(u->subsystem, l->subsystem) == 0)
			l->heard(b, u);
	}
}

static void handle(struct boot *b, const struct uevent *u)
{
	bool is_block = strcmp(u->subsystem, "block") == 0;
	const char *name = u->devname ? u->devname : base_name(u->devpath);

	log_debug("%s %s", u->action, u->devpath);
	call_listeners(b, u);
	if (strcmp(u->action, "remove") == 0) {
		if (is_block)
			block_remove(b, name);
		return;
	}
	if (u->modalias && strcmp(u->action, "add") == 0)
		modules_request_device(b, u->modalias);
	if (is_block && (strcmp(u->action, "add") == 0 || strcmp(u->action, "change") == 0))
		block_add(b, name, u->devtype && strcmp(u->devtype, "partition") == 0);
}

/* Only events of the kernel count: port 0, sent by root. */
static bool from_kernel(const struct msghdr *m, const struct sockaddr_nl *from)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	struct ucred cred;

	if (from->nl_pid != 0 || !c || c->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&cred, CMSG_DATA(c), sizeof(cred));
	return cred.uid == 0;
}

/* ---- coldplug ---- */

/* Reads DIR/NAME/FILE into OUT. Returns the number of bytes, 0 on failure. */
static size_t read_attribute(int dir, const char *name, const char *file, char *out, size_t size)
{
	char path[512];
	_cleanup_fd_ int fd = -1;
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", name, file) >= sizeof(path))
		return 0;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read_full(fd, out, size - 1);
	return n > 0 ? (size_t)n : 0;
}

/* Some buses, such as that of memory cards, have no modalias file, only the uevent. */
static void request_drivers(struct boot *b, int dir, const char *name)
{
	char text[4096];
	size_t n = read_attribute(dir, name, "modalias", text, sizeof(text));
	struct uevent u = {.modalias = text};

	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!text[0]) {
		n = read_attribute(dir, name, "uevent", text, sizeof(text));
		uevent_decode_file(text, n, &u);
	}
	if (u.modalias && u.modalias[0])
		modules_request_device(b, u.modalias);
}

static void add_block_device(struct boot *b, int dir, const char *name)
{
	char text[4096];
	size_t n = read_attribute(dir, name, "uevent", text, sizeof(text));
	struct uevent u;

	uevent_decode_file(text, n, &u);
	block_add(b, u.devname ? u.devname : name,
		  u.devtype && strcmp(u.devtype, "partition") == 0);
}

/* PATH is relative to the folder AT. */
static void each_entry(struct boot *b, int at, const char *path,
		       void (*fn)(struct boot *b, int dir, const char *name))
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	while (dir && (de = readdir(dir)))
		if (de->d_name[0] != '.')
			fn(b, dirfd(dir), de->d_name);
	if (dir)
		closedir(dir);
	else
		close_fd(fd);
}

/* The kernel's own books, in the form of devices: a machine has one of them for each block of memory,
 * and they never have a modalias. Of those that have one, not all have a file for it. */
static bool has_drivers(const char *bus)
{
	static const char *const none[] = {"clockevents", "clocksource", "edac", "event_source",
					   "machinecheck", "memory", "memory_tiering", "node",
					   "workqueue"};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		if (strcmp(bus, none[i]) == 0)
			return false;
	return true;
}

static void walk_bus(struct boot *b, int dir, const char *name)
{
	char path[512];

	if (!has_drivers(name))
		return;
	snprintf(path, sizeof(path), "%s/devices", name);
	each_entry(b, dir, path, request_drivers);
}

void events_walk(struct boot *b, const char *sys)
{
	_cleanup_fd_ int fd = open(sys, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	each_entry(b, fd, "bus", walk_bus);
	each_entry(b, fd, "class/block", add_block_device);
}

static void start_over(struct boot *b)
{
	b->events->lost = false;
	block_sweep(b);
	events_walk(b, "/sys");
	call_listeners(b, NULL);
}

static void ready(struct boot *b, void *context)
{
	(void)context;
	events_receive(b);
}

void events_start(struct boot *b)
{
	int r = 0;

	if (b->events->triggered)
		return;
	b->events->triggered = true;
	if (b->events->netlink >= 0)
		r = sources_add(&b->sources, b->events->netlink, ready, NULL);
	if (r < 0)
		log_show("no events from the kernel: %s", strerror(-r));
	/* Otherwise the kernel would not notice a card being inserted. udev does the same. */
	b->devices->is_polled =
		sys_write("/sys/module/block/parameters/events_dfl_poll_msecs", "2000") == 0;
	events_walk(b, "/sys");
}

/* ---- the socket ---- */

void events_receive(struct boot *b)
{
	char data[MESSAGE_MAX + 1], control[CMSG_SPACE(sizeof(struct ucred))];

	for (int i = 0; i < RECEIVE_MAX; i++) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {.iov_base = data, .iov_len = MESSAGE_MAX};
		struct msghdr m = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t n = recvmsg(b->events->netlink, &m, 0);
		struct uevent u;

		if (n < 0 && errno == ENOBUFS)
			b->events->lost = true;
		if (n < 0 && (errno == ENOBUFS || errno == EINTR))
			continue;
		if (n <= 0 && b->events->lost)
			start_over(b);
		if (n <= 0)
			return;
		if (!b->events->lost && from_kernel(&m, &from) &&
		    uevent_decode_message(data, (size_t)n, &u))
			handle(b, &u);
	}
}
