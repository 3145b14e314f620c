/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of one boot: there is one, it is static, and its size is bounded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/modindex.h"
#include "init/hooks.h"
#include "init/jobs.h"
#include "init/params.h"

enum { BOOT_DEVICES_MAX = 2048, BOOT_STATE_TEXT_MAX = 256 };

enum module_state {
	MODULE_IDLE,    /* nobody asked */
	MODULE_WANTED,  /* waits for what it depends on, or for a worker */
	MODULE_LOADING,
	MODULE_LIVE,
	MODULE_FAILED,
};

struct module_status {
	uint8_t state;
	int16_t result; /* -errno of a failed one */
};

enum device_state {
	DEVICE_NEW,     /* not looked at */
	DEVICE_PROBING,
	DEVICE_KNOWN,
	DEVICE_AGAIN,   /* it changed while it was looked at */
};

struct block_device {
	char name[JOBS_NAME_MAX]; /* kernel name; empty: a free place */
	uint8_t state;
	bool is_partition;
	int result;               /* of the probe */
	struct probe probe;
};

enum boot_stage {
	STAGE_WAIT,    /* for the root device */
	STAGE_DRIVER,  /* root is there: for its filesystem's driver */
	STAGE_MOUNT,   /* mount(2) runs */
	STAGE_CHECK,   /* the mounted root is looked at */
	STAGE_SETTLE,  /* modules that are loading right now may finish */
	STAGE_DONE,
	STAGE_RESCUE,  /* told why; waits for policy, or for the root after all */
	STAGE_RUN,     /* programs of hooks.stage run; what comes next depends on it */
};

struct boot {
	struct params params;
	const char *kernel;   /* that the image is for; NULL */
	const char **loads;   /* modules to load at once */
	size_t n_loads;
	char embedded[BOOTCONF_CMDLINE_MAX + 1]; /* kernel parameters of the image */
	struct hooks hooks;
	struct modindex index;
	bool has_index;
	struct module_status *modules; /* one per module of the index */
	uint32_t *order;      /* in which they were asked for */
	uint32_t n_order;
	char kernel_codec[16]; /* that finit_module() unpacks itself; "" */

	struct block_device devices[BOOT_DEVICES_MAX];
	size_t n_devices;

	struct jobs jobs;
	int epoll, netlink, signals, timer;

	enum boot_stage stage;
	size_t root;          /* number of the root device */
	const char *fstype;   /* being tried */
	char fstypes[JOBS_VALUE_MAX];
	char init[JOBS_TEXT_MAX];
	bool probe_all;       /* for the diagnosis */
	int64_t start, next_tell, deadline, settle_until, failed_at;
	char failure[BOOT_STATE_TEXT_MAX]; /* why STAGE_RESCUE */
};
