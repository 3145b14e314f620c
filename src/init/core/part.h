/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a boot part of a feature is: features/NAME/boot.c with one constant NAME_boot. It includes
 * base, format, init/core and its own folder, and knows nothing else of PID 1; what it may call is
 * in part_calls.h. It is opened by a line "feature=NAME" of boot.conf; one that is not opened has
 * no state, and none of its functions is ever called.
 *
 * PID 1 owns devices, children, jobs, timers, questions and the part itself. The part owns its
 * state, a structure of a fixed size that PID 1 allocates once, zeroed, and wipes in the end; and
 * the descriptors that it has opened. What it is given by a pointer it may keep no longer than the
 * call, unless it is said otherwise. Nothing in it may block but work(); none of its functions can
 * fail but by what is said here: a part that cannot go on ends the boot with part_fail(), in a
 * stage of its own.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/kernel/uevent.h"
#include "init/core/device.h"
#include "init/core/flow.h"
#include "init/core/jobs.h"
#include "init/core/params.h"
#include "init/core/prompt.h"

enum { PART_TEXT_MAX = 512, PART_NAME_MAX = 256 };

struct boot;
struct feature_boot;

/* A boot part that is open. */
struct part {
	const struct feature_boot *feature;
	void *state;
	bool entered; /* its stage's step has been called before in this stage */

	/* PID 1's */
	struct boot *boot;
	int64_t wake; /* when tick() is due; 0: never */
	int64_t degraded; /* in the wait that began then its time had come to do with less, */
	bool is_running_out; /* and it was told so */
	int64_t looked;	     /* or, in that wait, it was asked whether it lacks something, */
	int64_t look_at;     /* which is done again then: */
	bool has_lacked;     /* it did */
};

/* A block device. NAME and PROBE are PID 1's, and there for as long as the call. */
struct part_device {
	struct device_ref ref;
	const char *name; /* the kernel's */
	bool is_partition;
	bool is_member;		   /* of something larger, or swap: there is nothing to mount */
	bool is_held;		   /* by a boot part: something will come of it */
	bool is_wanted;		   /* somebody waits for what it is, or may be */
	const struct probe *probe; /* what is on it */
	struct device_identity identity; /* what a job must find when it opens it (identity.h) */
};

/* What a boot part has to do with a device. */
enum part_claim {
	PART_IGNORES,
	PART_HOLDS,   /* something will come of it: whoever wants the device goes on waiting. WHY may
		       * say the reason, for when that is over */
	PART_REFUSES, /* it is the part's, and nothing can come of it: WHY says the reason */
	PART_OFFERS,  /* it is the part's, and can be mounted as it is */
};

/* What a part may start (part_calls.h). */
enum part_work { PART_JOB, PART_PROGRAM, PART_QUESTION };

/* How a job or a program has ended. */
struct part_end {
	enum part_work what;
	unsigned tag;	  /* as it was started */
	int result;	  /* job: 0 or -errno; program: exit status, -1: see TEXT */
	int found;	  /* job: a number of its own */
	const char *text; /* job: of its own; program: "ended with status 3" */
};

/* What is mounted next: in STAGE_MOUNTS_FSCK a further filesystem, else the root. */
struct part_mount {
	bool is_root;
	bool is_device;		    /* it is on a device */
	bool is_checked;	    /* fstab wants it checked */
	char device[PART_NAME_MAX]; /* the kernel's name; "tmpfs": none */
	char type[PART_NAME_MAX];   /* of its filesystem; "": not known */
	struct device_ref ref;
};

struct part_stage {
	enum boot_stage at; /* one of those that are the boot parts': see stages.c */
	/* Called when the stage begins and after every event; parts come one after the other. */
	enum stage_step (*step)(struct part *p);
	/* What is waited for, for a message; NULL, or OUT left "": nothing that is worth one. */
	void (*what)(const struct part *p, char *out, size_t size);
	bool limited; /* it gives up by itself at the limit that it has set */
};

/* All of it may be NULL or 0 but the name; functions that go with a call of part_calls.h must be
 * there where that is used. */
struct feature_boot {
	const char *name;  /* the folder's */
	size_t state_size; /* bytes */

	/* Kernel parameters. They are zeroed and taken again when more of them are typed. */
	const struct params_rule *params; /* ends with a row without a name */
	size_t params_size;		  /* of what they set: the first bytes of the state */
	const char *lacks;		  /* said of them where the part is not open */

	const struct part_stage *stages; /* ends with a row without a step */
	const char *const *subsystems;	 /* whose uevents it wants besides block; ends with NULL */
	bool names_devices;		 /* it makes names as in /dev/mapper: part_name() */

	/* ---- before the boot ---- */

	/* NAME.KEY=VALUE of boot.conf, before any parameter is known. VALUE is writable and lives
	 * as long as PID 1. False: it cannot be obeyed, which PID 1 says. */
	bool (*setting)(struct part *p, const char *key, char *value);
	/* All parameters are known, those that were typed at the console included. Of the part's
	 * functions nothing but setting() is called before it: devices that a shell or a question
	 * has had walked earlier are given to device() right after it. Of its subsystems it looks up itself what is there
	 * already: uevent() has what comes later. */
	void (*begin)(struct part *p);

	/* ---- devices ---- */

	/* root=TEXT is of no kind that PID 1 knows. True: it is the part's, which will call
	 * part_root_is() or part_root_mount(). TEXT lives as long as PID 1. */
	bool (*root)(struct part *p, const char *text);
	/* A device was read, or read again: has it a further name, as by part_name()? Each part is called,
	 * whichever claims it. */
	void (*name_device)(struct part *p, const struct part_device *d);
	/* A device was read, or read again, or is wanted by somebody else now. WHY: PART_TEXT_MAX
	 * bytes, for PART_REFUSES: what ends the sentence "sda1 is crypto_LUKS, and". The first part
	 * that does not ignore it has it, and may change its mind: part_set_claim(). */
	enum part_claim (*device)(struct part *p, const struct part_device *d, char *why);
	/* One that was claimed is gone, or has become another one. */
	void (*gone)(struct part *p, struct device_ref ref);
	/* What is waited for may be another device now: part_next_name(), part_lacks_any(). */
	void (*wanted)(struct part *p);
	/* The devices that are held: "LUKS UUID=... to be unlocked"; OUT left "": none. */
	void (*what)(const struct part *p, char *out, size_t size);
	/* Is something of it locked, and has nobody shown that they have the key? Then there is no shell that
	 * asks for no password. */
	bool (*is_locked)(const struct part *p);
	/* Has what would have become /dev/NAME failed for good? The reason, as what a time limit comes from, which
	 * lives as long as PID 1; NULL: no. */
	const char *(*is_hopeless)(const struct part *p, const char *name);
	/* The root does not come, or what it is resumed from, covered with or lacks, and time is running
	 * out: what can be started with some of its members missing may be: once for each wait, at the time
	 * that rd.degraded= sets, unless that forbids it. */
	void (*degrade)(struct part *p);
	bool degrades_on_request; /* without a rule for it, never */
	/* Is there something that lacks members, and is not being started? NULL: whenever what() has words. */
	bool (*is_incomplete)(const struct part *p);
	/* U: NULL when events were lost, and anything may have changed. */
	void (*uevent)(struct part *p, const struct uevent *u);

	/* ---- what part_calls.h has started ---- */

	/* A job of part_job(), in a worker, which may block. DATA is a copy of what was given
	 * there, aligned to 8 bytes and wiped afterwards; of the state nothing may be used: the
	 * worker may have been forked before it was what it is now. Sets OUT->text, OUT->found. 0
	 * or -errno. */
	int (*work)(const void *data, struct job_result *out);
	/* A job or a program of part_run() has ended. Once for each, unless it was cancelled. */
	void (*done)(struct part *p, const struct part_end *end);
	/* A question of part_ask() ends. ANSWER, of LEN bytes without an end, exists only during
	 * the call, in memory that is not swapped out and wiped then: it is given to a program as
	 * its secret, and copied nowhere but to memory of the same kind (locked.h). NULL unless END is PROMPT_ANSWERED. */
	enum prompt_verdict (*answer)(struct part *p, unsigned tag, enum prompt_end end,
				      const char *answer, size_t len);
	/* FD of part_watch() can be read, or has come to its end. */
	void (*ready)(struct part *p, int fd);
	/* The time of part_wake() has come. */
	void (*tick)(struct part *p, int64_t now);

	/* ---- a boot that fails, and its end ---- */

	/* The boot has failed: its lines of the account, by log_show(), each with two blanks in
	 * front: "  array md0: 2 of 3 members are there". They come below the devices that were
	 * found. */
	void (*account)(const struct part *p);
	/* Somebody gets a shell: what they could read in PID 1's memory, and may not, is wiped. */
	void (*hide)(struct part *p);
	/* The boot had failed, and is tried again from an earlier stage; leave() may have been
	 * called. Jobs that no worker had taken are forgotten, and done() is not called for them;
	 * what runs goes on: part_has(). */
	void (*retry)(struct part *p);
	/* The root is about to take over: notes and what the shutdown needs go to /run. What the
	 * part had started has been killed, and may not be gone yet: done() and answer() are not
	 * called for it. This may yet fail: then retry() comes next, or leave() again. Once there
	 * is no way back, PID 1 wipes the state, and calls the part no more. */
	void (*leave)(struct part *p);
};
