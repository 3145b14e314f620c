/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Block devices at boot: which there are, what is on them, and which of them is the root.
 */

#include "init/core/boot.h"
#include "init/core/device.h"

enum {
	DEVICES_MAX = 2048,
	DEVICES_WANTS_MAX = 64,
	DEVICES_NAMES_MAX = 4, /* of each, besides the kernel's */
	DEVICES_NAME_MAX = 160,
};

enum device_state {
	DEVICE_NEW, /* not looked at */
	DEVICE_PROBING,
	DEVICE_KNOWN,
	DEVICE_AGAIN, /* it changed while it was looked at */
	DEVICE_HANGS, /* the process that looks at it was given up: it is read again when that ends */
};

struct block_device {
	char name[JOBS_NAME_MAX]; /* kernel name; empty: a free slot */
	uint8_t state;
	bool is_partition;
	uint32_t generation; /* never 0; no two devices have the same, not even of one name */
	bool was_read;	     /* at least once: PROBE and RESULT are what was found then */
	int result;	     /* of the probe */
	uint8_t failures;    /* of it, one after the other */
	uint8_t mistakes;    /* it was another one when it was opened: so often */
	int64_t read_at;     /* when it is read again after one; 0: it is not */
	int64_t begun_at;    /* when it was read for the first time, and when that had ended; 0 */
	int64_t ended_at;
	uint8_t claim;	     /* of a feature: enum part_claim */
	bool is_unasked;     /* of whose it is, since its disk is still to be read */
	uint8_t owner;	     /* that feature, by the number that the seam has for it */
	const char *option;  /* of a feature: what is added when it is mounted; NULL */
	char names[DEVICES_NAMES_MAX][DEVICES_NAME_MAX]; /* other ones: "mapper/root"; "": none */
	struct probe probe;
};

struct devices {
	struct block_device list[DEVICES_MAX];
	size_t n;
	size_t unread; /* before it in LIST there is none that should be read */
	uint32_t generations;
	const struct spec *wants[DEVICES_WANTS_MAX]; /* devices that are waited for */
	size_t n_wants;
	int64_t retry_at; /* the first of all READ_AT; 0: none */
	bool probe_all;	  /* for the diagnosis, or for what a boot part makes of them */
	bool is_polled;	  /* the kernel looks for media by itself, where a drive asks for that */
	bool probe_links; /* a device is wanted by one of its links */
	/* Is D the device that has no name (SPEC_AUTO)? NULL: none is. */
	bool (*is_auto)(const struct boot *b, const struct block_device *d);
	bool has_names; /* something in this image makes such names */
	/* D was read: what do boot parts of features have to do with it (enum part_claim of
	 * core/part.h)? A device that one of them had claimed is gone. Why was it refused? NULL:
	 * nobody wants to know. */
	uint8_t (*known)(struct boot *b, const struct block_device *d);
	void (*gone)(struct boot *b, struct device_ref ref);
	void (*wanted)(struct boot *b); /* WANTS has changed; NULL */
	const char *(*refusal)(const struct boot *b, struct device_ref ref);
};

/* A device has appeared or changed (NAME: its kernel name), or is gone. */
void block_add(struct boot *b, const char *name, bool is_partition);
void block_remove(struct boot *b, const char *name);

/* Holds the device in SLOT. */
struct device_ref block_ref(const struct boot *b, size_t slot);

/* The device of REF; NULL if it is gone, whatever has its name or its slot now. */
const struct block_device *block_get(const struct boot *b, struct device_ref ref);

/* Names D in JOB, and what JOB's worker must find when it opens it. */
void block_into_job(const struct block_device *d, struct job *job);

/* The device of REF was another one when it was opened: it is read again. False if that has
 * happened too often, and counts as a failure. */
bool block_mistaken(struct boot *b, struct device_ref ref);

/* Its kernel name, for a message; "a device that is gone". */
const char *block_name(const struct boot *b, struct device_ref ref);

/* Events were lost: forgets the devices that are not there any more. */
void block_sweep(struct boot *b);

/* Should D be looked at? */
bool block_is_wanted(const struct boot *b, const struct block_device *d);

/* The next device that should be looked at: its number; -1: none. */
int block_next(const struct boot *b);

/* The probe of device N begins. */
void block_begun(struct boot *b, size_t n);

/* A probe has ended. */
void block_done(struct boot *b, const struct job_result *result);

/* What could not be read is read again, after pauses that grow, as long as the boot waits: a disk
 * may have to start, a path may be passive. When that is due; INT64_MAX: never. */
void block_tick(struct boot *b, int64_t now);
int64_t block_due(const struct boot *b);

/* The device that SPEC names, if it is there but cannot be read; NULL. */
const struct block_device *block_unreadable(const struct boot *b, const struct spec *spec);

/* SPEC, which must live as long as B, is waited for: what may be it is looked at, what could not be
 * read without a further pause. To be called again when SPEC changes. */
void block_want(struct boot *b, const struct spec *spec);

/* All present and future devices are read. */
void block_want_all(struct boot *b);

/* root= and resume=, as the parameters are now. To be called again when they change. */
void block_want_named(struct boot *b);

/* Number of the device that SPEC names; -1: it is not there, or was not looked at (yet). */
int block_find(const struct boot *b, const struct spec *spec);

/* Does SPEC name D, one of B's? It may be only a member of what is meant, or such a member's part. */
bool block_names(const struct boot *b, const struct spec *spec, const struct block_device *d);

/* Is D, one of B's, what SPEC names? */
bool block_fits(const struct boot *b, const struct spec *spec, const struct block_device *d);

/* Is D what somebody waits for, as far as that can be known of a root without a name? */
bool block_is_awaited(const struct boot *b, const struct block_device *d);

/* A part of something larger: RAID, LVM, LUKS; or swap. */
bool block_is_member(const struct block_device *d);

/* Are they two paths to one disk, or partitions of it? */
bool block_share_disk(const struct block_device *d, const struct block_device *other);

/* Are they two devices of one btrfs, and not a copy of one another? */
bool block_share_btrfs(const struct block_device *d, const struct block_device *other);

/* Are there devices that may be wanted and have not been read yet? */
bool block_unsettled(struct boot *b);

/* Shows which other devices SPEC fits as well as device N, which is taken. True when none may be
 * taken, since they are two paths to one disk: WHY says it. */
bool block_is_doubtful(const struct boot *b, const struct spec *spec, size_t n, char *why,
		       size_t size);

/* Size in sectors of 512 bytes; -1 when the kernel does not say. */
int64_t block_sectors(const char *name);

/* Looks at the device of JOB; blocks. -ENODATA: its size is not known yet. */
int block_probe(const struct job *job, struct probe *out);
