/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "init/devices/links/kit.h"

/*
 * From the disk up to the bus, each level that distinguishes its siblings adds a part in front. A
 * name needs a device on a bus, and a transport whose numbering is the same after each boot.
 */

enum { PATH_NAME_MAX = 512 };

struct walk {
	const struct links *links;
	char path[PATH_MAX]; /* the current position */
	char name[PATH_NAME_MAX];
	char old[PATH_NAME_MAX];   /* what older versions of udev called it; mostly the same */
	bool has_bus, has_transport, is_unknown;
};

static void put(char *name, const char *part)
{
	char whole[PATH_NAME_MAX];

	snprintf(whole, sizeof(whole), "%s%s%.*s", part, *name ? "-" : "",
		 (int)(sizeof(whole) - strlen(part) - 2), name);
	memcpy(name, whole, sizeof(whole));
}

static void put_both(struct walk *w, const char *kind, const char *what)
{
	char part[128];

	snprintf(part, sizeof(part), "%s-%.100s", kind, what);
	put(w->name, part);
	put(w->old, part);
}

static bool up(struct walk *w)
{
	char *slash = strrchr(w->path, '/');

	if (!slash || (size_t)(slash - w->path) <= strlen(w->links->sys))
		return false;
	*slash = '\0';
	return true;
}

static const char *base(const struct walk *w)
{
	return strrchr(w->path, '/') + 1;
}

static bool is_on(const struct walk *w, const char *subsystem)
{
	return links_ends_with(w->path, "subsystem", subsystem);
}

/* Moves up to the topmost device of the same subsystem. */
static void skip(struct walk *w, const char *subsystem)
{
	char top[PATH_MAX];

	memcpy(top, w->path, sizeof(top));
	while (up(w))
		if (is_on(w, subsystem))
			memcpy(top, w->path, sizeof(top));
	memcpy(w->path, top, sizeof(top));
}

/* Hosts are numbered in the order they appear, so the name has the number relative to the first
 * host of the same controller. */
static unsigned first_host(const char *folder, unsigned host)
{
	DIR *dir = opendir(folder);
	struct dirent *de;
	unsigned n;

	while (dir && (de = readdir(dir)))
		if (sscanf(de->d_name, "host%u", &n) == 1 && n < host)
			host = n;
	if (dir)
		closedir(dir);
	return host;
}

/* devices/.../ata1/host0/...: the number of the port on its controller. */
static bool put_ata(struct walk *w, unsigned bus, unsigned target)
{
	char port[16], attribute[PATH_MAX], part[64];

	if ((size_t)snprintf(attribute, sizeof(attribute), "ata_port/%s/port_no", base(w)) >=
		    sizeof(attribute) ||
	    !links_attribute(w->path, attribute, port, sizeof(port)))
		return false;
	snprintf(part, sizeof(part), bus ? "ata-%s.%u.0" : "ata-%s.%u", port, bus ? bus : target);
	put(w->name, part);
	snprintf(part, sizeof(part), "ata-%s", port);
	put(w->old, part);
	return true;
}

static void scsi(struct walk *w)
{
	unsigned host, bus, target, lun;
	char part[64], at_host[PATH_MAX];

	if (sscanf(base(w), "%u:%u:%u:%u", &host, &bus, &target, &lun) != 4)
		return;
	w->has_transport = true;
	while (up(w) && sscanf(base(w), "host%u", &host) != 1)
		if (str_starts(base(w), "end_device-") || str_starts(base(w), "rport-") ||
		    str_starts(base(w), "session"))
			w->is_unknown = true;
	memcpy(at_host, w->path, sizeof(at_host));
	if (!up(w))
		return;
	if (str_starts(base(w), "ata") && put_ata(w, bus, target))
		return;
	w->is_unknown = w->is_unknown || is_on(w, "vmbus");
	snprintf(part, sizeof(part), "%u:%u:%u:%u", host - first_host(w->path, host), bus, target,
		 lun);
	put_both(w, "scsi", part);
	memcpy(w->path, at_host, sizeof(at_host)); /* what is above has its own part */
}

static void usb(struct walk *w)
{
	char part[64];
	const char *port = strchr(base(w), '-');

	if (!port)
		return;
	snprintf(part, sizeof(part), "0:%.60s", port + 1);
	put_both(w, "usb", part);
	w->has_transport = true;
	skip(w, "usb");
}

static void nvme(struct walk *w)
{
	char number[32];

	if (links_attribute(w->links->disk, "nsid", number, sizeof(number)))
		put_both(w, "nvme", number);
	w->has_transport = w->has_bus = true;
}

/* The virtio device between a disk and its bus, which older udev named. */
static void virtio(struct walk *w)
{
	w->has_transport = true;
	skip(w, "virtio");
	if (!*w->old)
		put(w->old, "virtio");
}

static void bus(struct walk *w, const char *kind)
{
	char part[128];
	bool after_virtio = strcmp(w->old, "virtio") == 0;

	snprintf(part, sizeof(part), "%s-%.100s", kind, base(w));
	put(w->name, part);
	if (after_virtio) { /* virtio-pci-0000:00:03.0 */
		*w->old = '\0';
		put(w->old, part);
		put(w->old, "virtio");
	} else {
		put(w->old, part);
	}
	w->has_bus = true;
	if (strcmp(kind, "platform") == 0)
		w->has_transport = true;
	skip(w, kind);
}

static void step(struct walk *w)
{
	if (is_on(w, "scsi"))
		scsi(w);
	else if (is_on(w, "usb"))
		usb(w);
	else if (is_on(w, "nvme"))
		nvme(w);
	else if (is_on(w, "virtio"))
		virtio(w);
	else if (is_on(w, "pci"))
		bus(w, "pci");
	else if (is_on(w, "platform"))
		bus(w, "platform");
}

void links_by_path(struct links *l)
{
	struct walk w = {.links = l};

	memcpy(w.path, l->disk, sizeof(w.path));
	while (up(&w))
		step(&w);
	if (!w.has_bus || !w.has_transport || w.is_unknown)
		return;
	links_add(l, "by-path/%s", w.name);
	if (strcmp(w.name, w.old) != 0)
		links_add(l, "by-path/%s", w.old);
}
