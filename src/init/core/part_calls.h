/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a boot part of a feature may ask PID 1 for, or tell it. All of these return at once. PID 1's
 * side is init/seam/part.c and work.c; unit tests of boot parts link tests/unit/part_recorder.c in
 * their place.
 */

#include "init/core/part.h"
#include "init/core/program.h"
#include "format/kernel/spec.h"

/* ---- devices and modules ---- */

/* SPEC, which must live as long as the part, is waited for: what may be it is read, and device() is
 * called for it. Once for each is enough. */
void part_want(struct part *p, const struct spec *spec);

/* The names of other boot parts' kind ("mapper/root", "vg/lv") that something waits for, whether they are there or not: the
 * next one from *N on, which it moves; NULL: there is no other. It lives as long as the call. */
const char *part_next_name(const struct part *p, size_t *n);

/* Does what the boot waits for now (the root, its overlay, a further filesystem) lack a device that may be any, by what it
 * holds or its links? part_lacks_any(): or is anything else lacking, such as what resume= names? */
bool part_lacks(const struct part *p);
bool part_lacks_any(const struct part *p);

/* Is SPEC of a kind that this image can find? */
bool part_can_find(const struct part *p, const struct spec *spec);

/* The device that SPEC names. False: it is not there, or was not read (yet); OUT is untouched. */
bool part_find(const struct part *p, const struct spec *spec, struct part_device *out);

/* Does SPEC name the device REF? Of what is on its way, as a member of an array that may come of it, nothing is
 * waited for. */
bool part_names(const struct part *p, const struct spec *spec, struct device_ref ref);

/* Is something waited for that is named by its path, and is /dev/NAME or a partition of that? */
bool part_wants_name(const struct part *p, const char *name);

/* Does the kernel show partitions on the disk REF? And is one of them what something waits for, or has mounted? */
bool part_has_partitions(const struct part *p, struct device_ref ref);
bool part_needs_partition(const struct part *p, struct device_ref ref);

/* Is it REF itself that the kernel's command line names as the root? */
bool part_is_root(const struct part *p, struct device_ref ref);

/* The part holds REF after all, which it has ignored. */
void part_hold(struct part *p, struct device_ref ref);

/* The device that REF holds. False: it is gone, or has become another one; OUT is untouched. */
bool part_get(const struct part *p, struct device_ref ref, struct part_device *out);

/* All devices are read, whatever is wanted: any of them may be a member of something that is. */
void part_want_all(struct part *p);

/* What the part has to do with REF, a device of its own, has changed: CLAIM and WHY are as device() sets
 * them. */
void part_set_claim(struct part *p, struct device_ref ref, enum part_claim claim, const char *why);

/* When REF is mounted, OPTION is added to the options. It lives as long as PID 1; NULL: none. */
void part_set_mount_option(struct part *p, struct device_ref ref, const char *option);

/* Is REF mounted with OPTION, whatever its value, by the user's wish? As far as that is known: mounts below
 * the root only once it is mounted. */
bool part_has_mount_option(const struct part *p, struct device_ref ref, const char *option);

/* Are A and B two paths to one disk, either of which will do (rd.multipath=0)? */
bool part_is_path(const struct part *p, struct device_ref a, struct device_ref b);

/* A job found another device in its place (-ESTALE of identity.h): it is read again. False if
 * that has happened too often, and counts as a failure. */
bool part_mistaken(struct part *p, struct device_ref ref);

/* All devices that are there, and may be wanted, were read. */
bool part_is_settled(const struct part *p);

/* Are there other devices that SPEC fits as well as REF? They are logged; true when none may be
 * taken: WHY says the reason. */
bool part_is_doubtful(struct part *p, const struct spec *spec, struct device_ref ref, char *why,
		      size_t size);

/* From now on /dev/NAME ("mapper/root", "vg/lv", "md/name") is another name of REF, until that is
 * gone. NAME is copied. False: REF is gone, or has too many. */
bool part_name(struct part *p, struct device_ref ref, const char *name);

/* Asks for the modules that serve MODALIAS ("fs-ext4", "dm-crypt"). Without any, nothing
 * happens. */
void part_module(struct part *p, const char *modalias);

/* Is such a module on its way? */
bool part_is_loading(const struct part *p, const char *modalias);

/* Is any module? */
bool part_is_busy(const struct part *p);

/* ---- the boot ---- */

/* Has the kernel's command line the parameter NAME? */
bool part_has_param(const struct part *p, const char *name);

/* Is the root device there? */
bool part_has_root(const struct part *p);

/* Was degrade() called in the present wait, so that what appears now with some of its members missing
 * need not wait for them either? */
bool part_is_running_out(const struct part *p);

/* The value of rd.degraded= by which it never is; NULL: it may be. */
const char *part_is_strict(const struct part *p);

/* The kernel may yet resume a hibernated machine. What that knows must not change before: an array writes
 * its metadata when it is started. */
bool part_may_resume(const struct part *p);

/* When the devices were walked. */
int64_t part_started(const struct part *p);

/* What is mounted next. False if it is on no device, or on one that is gone or was mounted before.
 */
bool part_mount(const struct part *p, struct part_mount *out);

/* The root is mounted read-only, since something writable will cover it. */
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

/* tick() is called at AT, or as soon as no shell has the console any more; 0: never. */
void part_wake(struct part *p, int64_t at);

/* Somebody may have to type something: from now on keyboards get their drivers. */
void part_will_ask(struct part *p);

/* The boot continues at STAGE: STAGE_WAIT has the root looked for again. STAGE_MOVED. */
enum stage_step part_go(struct part *p, enum boot_stage stage);

/* The boot cannot continue: WHY, which is copied. HINT, which lives as long as PID 1: what to try,
 * where that has nothing to do with the root; NULL. STAGE_MOVED. */
enum stage_step part_fail(struct part *p, const char *why, const char *hint);

/* What part_mount() named must not be mounted: the boot cannot continue, or continues without it if
 * it may be missing. STAGE_MOVED. */
enum stage_step part_refuse_mount(struct part *p, const char *why);

/* ---- work ---- */

/* How a job is done; a set of bits. */
enum {
	PART_QUIET = 1 << 0, /* no module is loaded while it runs */
	PART_WHOLE = 1 << 1, /* the root does not take over in the middle of it, unless it takes long */
};

/*
 * TAG tells the jobs of a part apart, and likewise its programs and its questions; it is below
 * 65536, and may be used again for the next one.
 *
 * A worker does work() with a copy of DATA, LEN bytes, at most JOBS_DATA_MAX; done() has the
 * result. The copies are wiped; DATA itself is the part's. HOW: PART_QUIET,
 * PART_WHOLE. False: too many are waiting, or it is too long.
 */
bool part_job(struct part *p, unsigned tag, const void *data, size_t len, unsigned how);

/* Runs R->argv[0]; done() has its end, before this returns if it cannot be started. R's handler and
 * tag are not used; without a reason of its own the name of the stage is logged. What it points to
 * is needed only during the call, but for the reason. */
void part_run(struct part *p, unsigned tag, const struct program_request *r);

/* Asks whoever sits at the machine; answer() has what becomes of it. R's handler and tag are not
 * used. 0; -ENOSPC: there are too many questions; -ENOMEM. */
int part_ask(struct part *p, unsigned tag, const struct prompt_request *r);

/* What the answer was worth for which answer() returned PROMPT_PENDING. Does nothing for any
 * other. */
void part_set_verdict(struct part *p, unsigned tag, bool right);

/* Is there such a thing with TAG whose end the part has not heard of? */
bool part_has(const struct part *p, enum part_work what, unsigned tag);

/*
 * Cancels what was started with TAG; done() or answer() is not called for it. Does nothing when
 * there is none. A job that no worker has taken is never done; the worker that is at one is killed,
 * and what it has asked the kernel for may still happen. A program is killed with its children. A
 * question disappears from all consoles: somebody else has solved the matter.
 */
void part_cancel(struct part *p, enum part_work what, unsigned tag);

/* ready() is called while FD can be read, until part_unwatch(), which comes before the part closes
 * it. 0 or -errno; -ENOSPC: too many are watched. */
int part_watch(struct part *p, int fd);
void part_unwatch(struct part *p, int fd);
