/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What may block, and is therefore never done by PID 1 itself but by workers: small processes
 * that it forks, one job at a time each. A worker that hangs in a driver's probe holds up
 * nothing but its own job. Job and result are fixed-size messages over a socket pair.
 */

#include <stdbool.h>
#include <stdint.h>

#include "format/machine/btrfssuper.h"

enum {
	JOBS_WORKERS_MAX = 64,
	JOBS_PROBES_MAX = 32, /* of them; the rest is for other kinds of jobs */
	JOBS_LOADS_MAX = 24,
	JOBS_HANG_MS = 10000, /* a job that takes longer may never end */
	JOBS_GIVE_UP_MS = 1000, /* a process that is still there so long after it was killed hangs in
				 * the kernel */
	JOBS_LOST_MAX = 128, /* of these that are given up: their places are used again */
	JOBS_NAME_MAX = 64,
	JOBS_VALUE_MAX = 256,
	JOBS_LABEL_MAX = 512, /* of a filesystem, in UTF-8: btrfs has 255 bytes, NTFS 128 characters */
	JOBS_TEXT_MAX = 512,
	JOBS_OPTIONS_MAX = 1024,
	JOBS_LINKS_MAX = 1024,
	JOBS_DATA_MAX = 1536,
};

enum job_kind {
	JOB_NONE,
	JOB_LOAD,   /* a module */
	JOB_PROBE,  /* a block device: what is on it? */
	JOB_MOUNT,  /* a filesystem */
	JOB_LOADER, /* which partition the boot loader came from */
	JOB_FSTAB,  /* that of the mounted root: a copy is made */
	JOB_CHECK,  /* /sysroot: can it be handed over to? */
	JOB_RECORD, /* why the boot failed, in a variable of the firmware */
	JOB_PART,   /* of a feature, see part.h */
	JOB_KINDS,
};

/* What a block device is known by when it is opened again, see identity.h. */
struct device_identity {
	uint32_t major, minor;
	uint64_t sequence; /* of its disk; 0: the kernel has none */
	char type[JOBS_NAME_MAX];
	char uuid[JOBS_VALUE_MAX];
};

struct job {
	enum job_kind kind;
	uint32_t ticket;          /* of whoever starts it, to know its result by */
	uint32_t module;          /* LOAD */
	char name[JOBS_NAME_MAX]; /* all but LOAD: kernel name of the device; "": none */
	bool on_device; /* NAME is a device, and has to be the one that DEVICE describes */
	struct device_identity device; /* MOUNT: what NAME must be */
	bool links;               /* PROBE: what would udev call it? */
	bool had_no_size;	  /* PROBE: when it was probed last */
	uint32_t generation;	  /* PROBE: of the device, see devices/block.h */
	uint8_t part;		  /* PART: its number */
	unsigned tag;		  /* PART: its own */
	union {
		struct { /* MOUNT */
			char fstype[JOBS_NAME_MAX];
			char source[JOBS_VALUE_MAX]; /* in place of NAME, where that is no device */
			char target[JOBS_VALUE_MAX];
			bool beneath;  /* TARGET is a path in the mounted root, and so is NAME of a
					* bind mount */
			bool writable; /* unless OPTIONS say otherwise */
			char options[JOBS_OPTIONS_MAX];
		};
		_Alignas(8) unsigned char data[JOBS_DATA_MAX]; /* PART */
	};
};

enum { PROBE_SIGNATURES_MAX = 4 };

/* One of the things that a device seems to be; what does not fit is "". */
struct signature {
	char type[32];
	char usage[16];
	char uuid[48];
	char label[JOBS_LABEL_MAX];
};

/* What libblkid found on a device. */
struct probe {
	char type[JOBS_NAME_MAX];
	char usage[JOBS_NAME_MAX]; /* filesystem, raid, crypto, other */
	char uuid[JOBS_VALUE_MAX];
	char label[JOBS_LABEL_MAX];
	char partuuid[JOBS_VALUE_MAX];
	char partlabel[JOBS_VALUE_MAX]; /* at most 36 characters */
	char table[JOBS_NAME_MAX]; /* of a whole disk: gpt, dos */
	char parttype[JOBS_NAME_MAX]; /* of the entry in a GPT: a GUID */
	uint64_t partflags;        /* of that entry */
	uint32_t partn;            /* number of the partition; 0: none */
	uint32_t major, minor;
	uint32_t disk_major, disk_minor; /* of the disk that it is a part of */
	uint64_t sequence;		 /* of that disk, which no other one ever has; 0: unknown */
	char links[JOBS_LINKS_MAX];	 /* see devices/links/links.h */
	bool has_no_size;          /* the kernel does not know it yet; there is nothing else then */
	bool shares_table;	   /* of RAID: the partitions on it are those of the array */
	bool is_left_behind;	   /* it has the superblock of an array, which is not that of the disk: ignored */
	bool ambivalent;           /* more than one signature, none is trusted */
	struct signature signatures[PROBE_SIGNATURES_MAX]; /* all of them, if that is so, or if */
	unsigned n_signatures;     /* TYPE says that it is a part of something larger */
	struct btrfssuper btrfs;   /* if there is one; no devices: it is damaged */
};

struct job_result {
	enum job_kind kind;
	uint32_t ticket; /* this and the next ones as in the job: MODULE, GENERATION, NAME */
	int result; /* 0 or -errno */
	bool is_lost;  /* its process hangs in the kernel and was given up */
	bool was_lost; /* nothing but: that process has ended after all */
	uint32_t module;
	uint32_t generation;
	char name[JOBS_NAME_MAX];
	char text[JOBS_TEXT_MAX]; /* facts for a message; CHECK: path of the init */
	char note[JOBS_TEXT_MAX]; /* CHECK: what PID 1 logs even on success, or "" */
	bool is_systemd;	  /* CHECK: the init is systemd, whatever its name */
	struct probe probe;
	uint8_t part; /* PART, as in the job */
	unsigned tag;
	int found; /* PART: a number of its own */
};

struct boot;
struct sources;

/* What a kind of job is. */
struct jobs_kind {
	/* Carries out JOB; runs in a worker, and may block. 0 or -errno. */
	int (*run)(const struct boot *boot, const struct job *job, struct job_result *out);
	/* In PID 1, when it has ended; NULL: it did the work of the present stage (flow.h). */
	void (*done)(struct boot *b, const struct job_result *r);
	bool is_last; /* the worker has changed its root directory, and is of no use for others */
};

struct jobs_worker {
	int pid;      /* 0: free place */
	int fd;
	struct job job; /* kind JOB_NONE: idle */
	int64_t since;
	bool is_killed; /* it was in the way of others, or its job was cancelled */
	int64_t killed_at;
	bool is_lost; /* and given up */
};

/* A process that was given up, and what it was to read. */
struct jobs_lost {
	int pid; /* 0: free */
	enum job_kind kind;
	uint32_t generation;
	char name[JOBS_NAME_MAX];
};

struct jobs {
	struct jobs_worker workers[JOBS_WORKERS_MAX];
	struct jobs_lost lost[JOBS_LOST_MAX];
	unsigned wanted; /* workers that the processors can keep busy */
	int64_t failing_since, failed_at; /* to make a process; 0: it works */
	struct sources *sources;
	const struct jobs_kind *kinds;		       /* by enum job_kind */
	void (*enter_worker)(const struct boot *boot); /* forgets what no worker may know; NULL */
};

/* KINDS: JOB_KINDS rows, by enum job_kind. Results come through SOURCES. Both outlive J. */
void jobs_init(struct jobs *j, struct sources *sources, const struct jobs_kind *kinds);

/*
 * Hands JOB to an idle worker, or to a new one. -EAGAIN when as many are busy as there are
 * processors: try again when one reports, or when all have been busy for a while: they wait for
 * hardware then. When no process can be made, that is tried again each second, and is -EAGAIN,
 * too, until it has failed for ten seconds.
 */
int jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);

/* True when a job could be started now, if its kind has a place left. */
bool jobs_ready(const struct jobs *j);

/* Has KIND a place left? */
bool jobs_has_place(const struct jobs *j, enum job_kind kind);

/* KIND has no place left, and something of it is to be done: ends those of its jobs that have taken
 * longer than JOBS_HANG_MS. If the kernel does not let one end, its place is used again all the same,
 * as long as there are not too many of these. Their result is -ETIMEDOUT. */
void jobs_make_place(struct jobs *j, enum job_kind kind, int64_t now);

/* When that would do something; INT64_MAX: never. */
int64_t jobs_place_due(const struct jobs *j, enum job_kind kind);

/* FD of a worker has something: 1 a result, 0 nothing (yet). A worker that died gives -EIO as
 * the result of its job. */
int jobs_receive(struct jobs *j, struct jobs_worker *w, struct job_result *out);

/* Kills the worker that is at the job with the kind and the ticket of JOB, if there is one. Its
 * result is -ETIMEDOUT, or what the job had come to just before; it may take long to come: the
 * worker may hang in the kernel. */
void jobs_cancel(struct jobs *j, const struct job *job);

/* Process PID has ended. If its job had been given up, that job's kind hears of it (was_lost). */
void jobs_reaped(struct boot *b, int pid);

/* Hands a result to whoever its kind is for. */
void jobs_done(struct boot *b, const struct job_result *r);

unsigned jobs_busy(const struct jobs *j, enum job_kind kind);

/* Of these, the ones that have not taken longer than JOBS_HANG_MS by NOW. */
unsigned jobs_moving(const struct jobs *j, enum job_kind kind, int64_t now);

/* Lets idle workers end, and waits for them. Busy ones end when they find their socket closed, as it is
 * once PID 1 has become another program; their results are still received should it not. */
void jobs_dismiss(struct jobs *j);
