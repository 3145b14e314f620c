/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The seam between PID 1 and the boot parts of features. A boot part is features/NAME/boot.c with
 * one constant NAME_boot; it includes base, format, init/core and its own folder, and knows nothing
 * else of PID 1. It is opened by a line "feature=NAME" of boot.conf; one that is not opened has no
 * state, and none of its functions is ever called.
 *
 * PID 1 owns devices, descriptors, children, jobs and the part itself. The boot part owns its
 * state, a structure of a fixed size that PID 1 allocates once, zeroed, and never frees; what it is
 * given as text it may keep no longer than the call, unless it is said otherwise. Nothing in it may
 * block but work(). The functions part_*() are PID 1's side: init/seam/part.c; unit tests of boot
 * parts link tests/unit/part_recorder.c in its place.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/kernel/uevent.h"
#include "init/core/device.h"
#include "init/core/flow.h"
#include "init/core/jobs.h"
#include "init/core/params.h"
#include "init/core/program.h"
#include "init/core/prompt.h"
#include "init/core/spec.h"

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
};

/* A block device. */
struct part_device {
	struct device_ref ref;
	const char *name; /* the kernel's */
	bool is_partition;
	bool is_member;		   /* of something larger, or swap: there is nothing to mount */
	bool is_held;		   /* by a boot part: something will come of it */
	const struct probe *probe; /* what is on it */
	struct device_identity identity; /* what a job must find when it opens it (identity.h) */
};

/* What a boot part has to do with a device. */
enum part_claim {
	PART_IGNORES,
	PART_HOLDS,   /* something will come of it: whoever wants the device goes on waiting */
	PART_REFUSES, /* it is the part's, and nothing can come of it: WHY says the reason */
};

/* What a part may have started. */
enum part_work { PART_JOB, PART_PROGRAM, PART_QUESTION };

/* How a job or a program has ended. */
struct part_end {
	enum part_work what;
	unsigned tag;	  /* as it was started */
	int result;	  /* job: 0 or -errno; program: exit status, -1: see TEXT */
	int found;	  /* job: a number of its own */
	const char *text; /* job: of its own; program: "ended with status 3" */
};

/* What is to be mounted next: in STAGE_MOUNTS_FSCK a further filesystem, else the root. */
struct part_mount {
	bool is_root;
	bool is_device;		    /* it lies on one */
	bool is_checked;	    /* its fstab asks for a check */
	char device[PART_NAME_MAX]; /* the kernel's name; "tmpfs": none */
	char type[PART_NAME_MAX];   /* of its filesystem; "": not known */
	struct device_ref ref;
};

struct part_stage {
	enum boot_stage at; /* one of those that are the boot parts': see stages.c */
	enum stage_step (*step)(struct part *p);
	/* What is waited for, for a message; NULL: nothing that is worth one. */
	void (*what)(const struct part *p, char *out, size_t size);
	bool limited; /* it gives up by itself at the limit that it has set */
};

struct feature_boot {
	const char *name;
	size_t state_size;
	const struct params_rule
		*params;		 /* its kernel parameters, ends with a row without a name */
	size_t params_size;		 /* of what they set: the first bytes of the state */
	const char *lacks;		 /* said of them where the part is not open */
	const struct part_stage *stages; /* ends with a row without a step */
	const char *const *subsystems;	 /* whose uevents it wants, besides block; NULL */
	bool names_devices;		 /* it makes names as in /dev/mapper: part_name() */

	/* NAME.KEY=VALUE of boot.conf, before any parameter is known. VALUE is writable and lives
	 * as long as PID 1. False: it cannot be obeyed, which PID 1 says. */
	bool (*setting)(struct part *p, const char *key, char *value);
	/* All parameters are known, those that were typed at the console included. Nothing but
	 * setting() comes before it: devices that a shell or a question has had walked earlier are
	 * given to device() right after it. Of its subsystems it looks up itself what is there
	 * already: uevent() has what comes later. */
	void (*begin)(struct part *p);
	/* root=TEXT is of no kind that PID 1 knows. True: it is the part's, which will call
	 * part_root_is() or part_root_mount(). */
	bool (*root)(struct part *p, const char *text);
	/* A device was read, or read again. WHY: PART_TEXT_MAX bytes, for PART_REFUSES. */
	enum part_claim (*device)(struct part *p, const struct part_device *d, char *why);
	/* One that was claimed is gone. */
	void (*gone)(struct part *p, struct device_ref ref);
	/* U: NULL when events were lost, and anything may have changed. */
	void (*uevent)(struct part *p, const struct uevent *u);
	/* A job, in a worker, which may block. What it needs to know comes as DATA: the worker may
	 * have been forked before the state was what it is now. 0 or -errno, OUT->text, OUT->found.
	 */
	int (*work)(const void *data, struct job_result *out);
	void (*done)(struct part *p, const struct part_end *end);
	/* A question of part_ask() ends. ANSWER, of LEN bytes, is valid only during the call. */
	enum prompt_verdict (*answer)(struct part *p, unsigned tag, enum prompt_end end,
				      const char *answer, size_t len);
	/* FD of part_watch() can be read, or has come to its end. */
	void (*ready)(struct part *p, int fd);
	void (*tick)(struct part *p, int64_t now);
	/* The root does not come, and time is running out: what can be started with some of its
	 * members missing may be. Once for each wait. */
	void (*degrade)(struct part *p);
	/* The devices that are held: "LUKS UUID=... to be unlocked". */
	void (*what)(const struct part *p, char *out, size_t size);
	/* The boot has failed: its lines of the account, by log_tell(), each with two blanks in front:
	 * "  array md0: 2 of 3 members are there". They come below the devices that were found. */
	void (*account)(const struct part *p);
	/* The boot had failed, and is tried again; leave() may have been called. Jobs that no worker had
	 * taken are forgotten, and
	 * done() will not be called for them; what runs goes on: part_has(). */
	void (*retry)(struct part *p);
	/* The root is about to take over: notes and what the shutdown needs go to /run. Nothing that
	 * the part has started runs any more. This may yet fail: then retry() comes next, or leave()
	 * again. Once there is no way back, PID 1 wipes the state, and calls the part no more. */
	void (*leave)(struct part *p);
};

/* ---- devices and modules ---- */

/* SPEC, which must live as long as the part, is waited for: what may be it is read. */
void part_want(struct part *p, const struct spec *spec);

/* Is SPEC of a kind that this image can find? */
bool part_can_find(const struct part *p, const struct spec *spec);

/* The device that SPEC names. False: it is not there, or was not read (yet). */
bool part_find(const struct part *p, const struct spec *spec, struct part_device *out);

/* The device that is held. False: it is gone. */
bool part_get(const struct part *p, struct device_ref ref, struct part_device *out);

/* A job found another device in its place (-ESTALE of identity.h): it is read again. False: that
 * has happened too often, and is to be taken for a failure. */
bool part_mistaken(struct part *p, struct device_ref ref);

/* Are there other devices that SPEC fits as well as REF? They are logged; true when none may be
 * taken: WHY says the reason. */
bool part_is_doubtful(struct part *p, const struct spec *spec, struct device_ref ref, char *why,
		      size_t size);

/* From now on /dev/NAME ("mapper/root", "vg/lv", "md/name") is another name of REF. False: there
 * are too many. */
bool part_name(struct part *p, struct device_ref ref, const char *name);

/* Asks for the modules that serve MODALIAS. */
void part_module(struct part *p, const char *modalias);

/* Is such a module on its way? */
bool part_is_loading(const struct part *p, const char *modalias);

/* Is any module? */
bool part_is_busy(const struct part *p);

/* ---- the boot ---- */

/* Is the root device there? */
bool part_has_root(const struct part *p);

/* When the devices were walked. */
int64_t part_started(const struct part *p);

/* What is mounted next. False: it lies on no device, or on one that is gone or was mounted before.
 */
bool part_mount(const struct part *p, struct part_mount *out);

/* The root is mounted read-only, since something writable will lie over it. */
void part_cover_root(struct part *p);

/* The root that the part claimed is what TEXT names, as in root=TEXT. TEXT must live as long as the
 * part. */
void part_root_is(struct part *p, const char *text);

/* The root that the part claimed needs no device: it is mounted from SOURCE. False: a text is too
 * long. */
bool part_root_mount(struct part *p, const char *source, const char *type, const char *options);

/* The present stage ends at DEADLINE; PARAMS_FOREVER. part_root_deadline(): that of the root, if it
 * began now. */
void part_limit(struct part *p, int64_t deadline);
int64_t part_root_deadline(const struct part *p);
bool part_is_late(const struct part *p);

/* The present stage's step is called again at AT, at the latest; 0: at an event. */
void part_step_at(struct part *p, int64_t at);

/* tick() is called at AT; 0: never. */
void part_wake(struct part *p, int64_t at);

/* Somebody may have to type something: keyboards get their drivers now. */
void part_will_ask(struct part *p);

/* The boot continues at STAGE: STAGE_WAIT has the root looked for again. STAGE_MOVED. */
enum stage_step part_go(struct part *p, enum boot_stage stage);

/* The boot cannot continue: WHY. HINT, which lives as long as PID 1: what to try, where that has
 * nothing to do with the root; NULL. STAGE_MOVED. */
enum stage_step part_fail(struct part *p, const char *why, const char *hint);

/* What part_mount() named must not be mounted: the boot cannot continue, or continues without it if
 * it may be missing. STAGE_MOVED. */
enum stage_step part_refuse_mount(struct part *p, const char *why);

/* ---- work ---- */

/* A worker does work() with DATA, LEN bytes (at most JOBS_DATA_MAX); done() has the result.
 * IS_QUIET: no module is loaded while it runs. False: too many are waiting. */
bool part_job(struct part *p, unsigned tag, const void *data, size_t len, bool is_quiet);

/* Runs R->argv[0]; done() has its end, before this returns if it cannot be started. TAG: below
 * 65536. Without a reason of R's own the name of the stage is told. */
void part_run(struct part *p, unsigned tag, const struct program_request *r);

/* Asks whoever sits at the machine; answer() has what becomes of it. TAG as above. -errno as
 * prompt_ask(). */
int part_ask(struct part *p, unsigned tag, const struct prompt_request *r);

/* What the answer was worth for which answer() returned PROMPT_PENDING. */
void part_judge(struct part *p, unsigned tag, bool right);

/* Is there such a thing with TAG whose end the part has not heard of? */
bool part_has(const struct part *p, enum part_work what, unsigned tag);

/*
 * Cancels what was started with TAG; done() or answer() is not called for it. Does nothing when there
 * is none. A job that no worker has taken is never done; the worker that is at one is killed, and
 * what it has asked the kernel for may still happen. A program is killed with its children. A question
 * disappears from all consoles: somebody else has solved the matter.
 */
void part_cancel(struct part *p, enum part_work what, unsigned tag);

/* ready() is called while FD can be read, until part_unwatch(). 0 or -errno; -ENOSPC: too many are
 * watched. The part closes FD after that. */
int part_watch(struct part *p, int fd);
void part_unwatch(struct part *p, int fd);
