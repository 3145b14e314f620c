/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/sources.h"

#include <errno.h>
#include <sys/epoll.h>

#include "init/core/boot.h"

enum { EVENTS_AT_ONCE = 16, NUMBER_BITS = 32 };

int sources_open(struct sources *all)
{
	all->epoll = epoll_create1(EPOLL_CLOEXEC);
	return all->epoll < 0 ? -errno : 0;
}

int sources_add(struct sources *all, int fd, source_ready *ready, void *context)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct source *s = all->list;

	while (s < all->list + SOURCES_MAX && s->ready)
		s++;
	if (s == all->list + SOURCES_MAX)
		return -ENOSPC;
	*s = (struct source){
		.ready = ready, .context = context, .fd = fd, .number = ++all->numbers};
	ev.data.u64 = (uint64_t)s->number << NUMBER_BITS | (uint64_t)(s - all->list);
	if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	s->ready = NULL;
	return -errno;
}

void sources_remove(struct sources *all, int fd)
{
	for (struct source *s = all->list; s < all->list + SOURCES_MAX; s++) {
		if (!s->ready || s->fd != fd)
			continue;
		epoll_ctl(all->epoll, EPOLL_CTL_DEL, fd, NULL);
		s->ready = NULL;
	}
}

static void call(struct boot *b, uint64_t event)
{
	const struct source *s = &b->sources.list[event & (((uint64_t)1 << NUMBER_BITS) - 1)];

	if (s->ready && s->number == event >> NUMBER_BITS)
		s->ready(b, s->context);
}

int sources_wait(struct boot *b, int ms)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int n = epoll_wait(b->sources.epoll, events, EVENTS_AT_ONCE, ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++)
		call(b, events[i].data.u64);
	return 0;
}
