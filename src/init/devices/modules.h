/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Kernel modules at boot: requests, the order of loading, and the loading itself.
 */

#include "format/ours/modindex.h"
#include "init/core/boot.h"

enum module_state {
	MODULE_IDLE,   /* not requested */
	MODULE_WANTED, /* waits for what it depends on, or for a worker */
	MODULE_LOADING,
	MODULE_LIVE,
	MODULE_FAILED,
};

/* How a module leads to the root. What ranks first loads first. */
enum module_rank {
	RANK_NONE,
	RANK_GOAL,   /* requested by name, or the driver of the root's filesystem */
	RANK_DEVICE, /* serves a device that may lead to disks */
	RANK_LATE,   /* serves another device: a keyboard, a watchdog */
};

struct module_status {
	uint8_t state;
	uint8_t rank;
	int16_t result; /* -errno of a failed one */
	uint32_t cost;	/* bytes to load for the cheapest request that needs it */
	uint32_t seen;	/* by the last weighing */
	bool excluded;	/* requested, but the kernel command line forbids it */
};

struct modules {
	struct modindex index;
	bool has_index;
	struct module_status *status; /* one per module of the index */
	uint32_t *order;	      /* modules in the order of requests */
	uint32_t n_order;
	uint32_t weighings;
	bool late;	       /* what leads to no disk may load, too */
	bool has_late;	       /* the modules of rd.driver.post= are requested */
	int64_t idle_since;    /* nothing starts to load and no disk is being read; 0: not so */
	char kernel_codec[16]; /* that finit_module() unpacks itself; "" */
};

/* Maps the index into BOOT. What is missing or broken is logged; the boot continues with what the
 * kernel has built in. */
void modules_map(struct boot *b);

/* Asks for the modules that are to load at once: those of rd.driver.pre=, and the image's own
 * list. */
void modules_request_listed(struct boot *b);

/* Requests a module by name, and its dependencies. False if the image lacks it. */
bool modules_request(struct boot *b, const char *name);

/* The same for every module that serves MODALIAS. */
void modules_request_alias(struct boot *b, const char *modalias);

/* The same for a present device: its modules rank below those requested otherwise. */
void modules_request_device(struct boot *b, const char *modalias);

/*
 * The next module that can be loaded now, of the ranks up to LIMIT: its number, or MODINDEX_NONE.
 * Within a rank, the request with the fewest bytes comes first: a small driver's device is there
 * soon, and the larger ones lose little by it.
 */
uint32_t modules_next(const struct boot *b, enum module_rank limit);

/* Asks for the modules of rd.driver.post= once no other is loading any more; at the latest when
 * the root device is there. */
void modules_request_late(struct boot *b);

/* Is one loading, or could one that may be waited for? */
bool modules_busy(const struct boot *b);

/* Lets all ranks load when nothing has moved for a while; when to call that again. */
void modules_tick(struct boot *b, int64_t now);
int64_t modules_due(const struct boot *b);

/* What keeps devices from loading MODULE, such as "modprobe.blacklist="; or NULL. */
const char *modules_exclusion(const struct boot *b, uint32_t module);

/* A load has ended. */
void modules_done(struct boot *b, uint32_t module, int result);

/* True while a module that serves ALIAS is wanted or loading. */
bool modules_pending(const struct boot *b, const char *alias);

/* Loads one file; blocks. 0 even if the module is loaded already. */
int modules_load(const struct boot *b, uint32_t module);

/* The same. -EINPROGRESS if another process is loading it, and has not finished by UNTIL (log_now()
 * or PARAMS_FOREVER). */
int modules_load_until(const struct boot *b, uint32_t module, int64_t until);
