/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state of one boot: there is one, it is static, and its size is bounded.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/ours/modindex.h"
#include "init/hooks.h"
#include "init/core/jobs.h"
#include "init/goal/mounts.h"
#include "init/core/params.h"
#include "init/core/program.h"
#include "init/rescue/shell.h"
#include "init/devices/spec.h"
#include "init/rescue/watchdog.h"

enum { BOOT_DEVICES_MAX = 2048, BOOT_STATE_TEXT_MAX = 512, BOOT_WANTS_MAX = 64, BOOT_TYPED_MAX = 1024 };

enum module_state {
	MODULE_IDLE,    /* nobody asked */
	MODULE_WANTED,  /* waits for what it depends on, or for a worker */
	MODULE_LOADING,
	MODULE_LIVE,
	MODULE_FAILED,
};

/* How a module leads to the root. What ranks first loads first. */
enum module_rank {
	RANK_NONE,
	RANK_GOAL,   /* asked for by name, or the driver of the root's filesystem */
	RANK_DEVICE, /* serves a device behind which there may be disks */
	RANK_LATE,   /* serves another device: a keyboard, a watchdog */
};

struct module_status {
	uint8_t state;
	uint8_t rank;
	int16_t result; /* -errno of a failed one */
	uint32_t cost;  /* bytes that it is loaded with or for: the least of those who asked */
	uint32_t seen;  /* by the last weighing */
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
	uint32_t generation;      /* no two devices have the same, not even of one name */
	int result;               /* of the probe */
	uint8_t failures;         /* of it, one after the other */
	struct probe probe;
};

/* In the order of the boot; stages.c has the table. */
enum boot_stage {
	STAGE_CMDLINE,     /* kernel parameters may be typed */
	STAGE_PRE_TRIGGER, /* programs, before the devices are walked */
	STAGE_TRIGGER,     /* the devices are walked */
	STAGE_RESUME,      /* from hibernation, before anything is mounted */
	STAGE_WAIT,        /* for the root device */
	STAGE_PRE_MOUNT,   /* programs, with the root device there */
	STAGE_DRIVER,      /* for the driver of its filesystem */
	STAGE_FSCK,        /* of the root */
	STAGE_MOUNT,       /* of the root, on /sysroot */
	STAGE_OVERLAY_WAIT, /* for the device and the driver of what is laid over the root */
	STAGE_OVERLAY,     /* of it */
	STAGE_FSTAB,       /* what else is to be mounted? */
	STAGE_MOUNTS_WAIT, /* for the device of the next one */
	STAGE_MOUNTS_DRIVER, /* for the driver of its filesystem */
	STAGE_MOUNTS_FSCK, /* of it */
	STAGE_MOUNTS,      /* of it, and back to STAGE_MOUNTS_WAIT */
	STAGE_PRE_PIVOT,   /* programs, with the root mounted */
	STAGE_CHECK,       /* can the mounted root take over? */
	STAGE_SETTLE,      /* modules that are loading right now may finish */
	STAGE_DONE,
};

/* What a worker does for the present stage, one at a time. */
struct task {
	enum { TASK_NONE, TASK_RUNS, TASK_ENDED } state;
	struct job_result result;
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
	uint32_t weighings;
	bool late;            /* what leads to no disk may load, too */
	int64_t idle_since;   /* nothing starts to load and no disk is being read; 0: not so */
	char kernel_codec[16]; /* that finit_module() unpacks itself; "" */

	struct block_device devices[BOOT_DEVICES_MAX];
	size_t n_devices;
	size_t unread;        /* before it in DEVICES there is none that should be read */
	uint32_t generations;

	struct jobs jobs;
	int epoll, netlink, signals, timer;

	enum boot_stage stage;
	bool entered;         /* the stage's step has been called before */
	bool triggered;       /* devices have been walked */
	struct task task;
	struct program program;
	struct watchdog watchdog;
	const struct spec *wants[BOOT_WANTS_MAX]; /* devices that somebody waits for */
	size_t n_wants;
	size_t root;          /* number of the root device */
	uint32_t root_generation;
	size_t resume;        /* number of the device with the hibernation image */
	bool resume_decided;
	int64_t resume_until, resume_quiet_until;
	bool skip_fsck;       /* of the root, unless it is forced: its fstab says so */
	struct {
		bool runs;
		bool clean; /* the last one went well */
	} fsck;
	const char *fstype;   /* being tried */
	char fstypes[JOBS_VALUE_MAX];
	char init[JOBS_TEXT_MAX];
	bool is_systemd;      /* that init */
	bool probe_all;       /* for the diagnosis */
	bool probe_links;     /* somebody wants a device by one of them */
	bool loader_known;    /* discover.h */
	char loader[JOBS_NAME_MAX]; /* PARTUUID of the boot loader's partition; "" */
	int64_t settle_until; /* a device was found; others that may fit are still read */
	const char *limited_by; /* what set the deadline; NULL: the root's time limit */
	struct mounts mounts; /* besides the root */
	size_t overlay;       /* number of the device of the overlay */
	int64_t start, next_tell, deadline;
	int64_t wake;         /* when the stage wants to be called again; 0: at an event */

	struct shell shell;
	bool has_secrets;     /* that are measured: secrets=measured */
	char typed[BOOT_TYPED_MAX]; /* kernel parameters: rd.cmdline=ask */
	bool has_late;        /* the modules of rd.driver.post= have been asked for */

	bool record_wanted;   /* of the failure, in a variable of the firmware */
	bool in_rescue;       /* told why; waits for policy, or for the root after all */
	int64_t failed_at;
	char failure[BOOT_STATE_TEXT_MAX]; /* why; empty: the root device did not appear */
};
