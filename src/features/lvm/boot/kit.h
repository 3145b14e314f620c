/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the boot part for LVM share: the physical volumes (PVs) that it knows, the groups (VGs) that these
 * belong to, and the volumes (LVs) that are wanted of them. boot.c hears of devices, wish.c says which volumes are wanted,
 * step.c has them set up one after the other, read.c and table.c do that in a worker, and account.c has the words.
 */

#include "format/machine/lvmgroup.h"
#include "init/core/part_calls.h"

enum {
	LVM_DISKS_MAX = 64, /* PVs of a group */
	LVM_MEMBERS_MAX = 128,
	LVM_GROUPS_MAX = 32,
	LVM_VOLUMES_MAX = 64, /* that are wanted by name */
	LVM_LISTED_MAX = 32,  /* in boot.conf */
	LVM_AGAIN_MS = 20,    /* how often to look whether a module is loaded, or a job has a place */
	LVM_LOOK_MS = 100,    /* or what is waited for */
	LVM_FOLLOW_MS = 1000, /* how long further PVs may take to follow one */
	LVM_BUSY_MS = 10000,  /* and drivers of their disks, to load */
	LVM_TAG_START = LVM_MEMBERS_MAX, /* of the job that sets up a volume; below it: of those that read a PV */
	LVM_WHY_MAX = 256,
};

/* Kernel parameters. */
struct lvm_wishes {
	bool off, all;
	struct params_list volumes, groups;
};

/* What was read of a PV. */
struct lvm_answer {
	char id[LVM_ID_MAX];
	char group[LVM_ID_MAX]; /* "": nothing on it says so */
	char name[LVM_NAME_MAX]; /* of the group */
	char why[LVM_WHY_MAX];	 /* its metadata is of no use; "" */
};

struct lvm_member {
	struct device_ref ref; /* generation 0: a free place */
	char name[JOBS_NAME_MAX];
	bool is_to_be_read;
	bool is_read; /* ANSWER is there, from the last time if it is to be read again */
	char why[PART_TEXT_MAX]; /* it cannot be read; "" */
	struct lvm_answer answer;
};

struct lvm_known {
	char id[LVM_ID_MAX]; /* "": a free place */
	char name[LVM_NAME_MAX];
	int64_t changed_at; /* when its PVs were last others */
	uint32_t version;   /* how often they were */
	bool is_shown;	    /* that there is another one of its name */
};

struct lvm_volume {
	enum { LVM_NONE, LVM_WAITS, LVM_STARTS, LVM_RUNS } state; /* NONE: a free place */
	size_t group;
	char name[LVM_NAME_MAX]; /* or its UUID, as it is wanted; "": all of the group */
	uint32_t tried;		 /* the version of its group at that time; 0: it was not */
	bool had_to_wait;	 /* at that time, for PVs that may follow */
	bool is_final;		 /* at that time its group was whole: no PV would have helped */
	bool is_absent;		 /* its group had no such volume: NAME may be that of something else */
	char why[LVM_WHY_MAX];	 /* it is not set up; "" */
};

struct lvm {
	struct lvm_wishes wishes; /* must be first: set by kernel parameters */
	struct lvm_listed {
		char group[LVM_ID_MAX], volume[LVM_ID_MAX];
		char name[LVM_NAME_MAX]; /* of the group, when the image was built; "": it is not known */
	} listed[LVM_LISTED_MAX]; /* of boot.conf */
	size_t n_listed;
	struct lvm_member members[LVM_MEMBERS_MAX];
	struct lvm_known groups[LVM_GROUPS_MAX];
	struct lvm_volume volumes[LVM_VOLUMES_MAX];
	bool is_full;		   /* VOLUMES, which was said */
	struct lvm_volume *starts; /* by the job that runs; NULL */
	int64_t wake; /* when tick() comes; 0: never */
};

/* Of a job: to read a PV, or to set up a volume. */
struct lvm_question {
	bool is_start;
	union {
		struct {
			char device[JOBS_NAME_MAX];
			struct device_identity identity;
		};
		struct {
			char group[LVM_ID_MAX];
			char volume[LVM_NAME_MAX]; /* as in struct lvm_volume */
			bool may_lack;		   /* the group, PVs on which the volume does not lie */
			bool is_named;		   /* by somebody; else a group may be left alone */
			uint32_t n;
			struct lvm_disk {
				uint32_t major, minor;
				uint64_t sequence;
			} disks[LVM_DISKS_MAX];
		};
	};
};

_Static_assert(sizeof(struct lvm_question) <= JOBS_DATA_MAX, "a job that is too large");
_Static_assert(sizeof(struct lvm_answer) <= JOBS_TEXT_MAX, "an answer that is too large");

/* ---- wish.c ---- */

/* Calls TAKE with each volume that is wanted of group G, as in struct lvm_volume. */
void lvm_wanted(struct part *p, size_t g, void (*take)(struct part *p, size_t g, const char *name));

/* Is the name of G that of another group, which the image lists? Then G is known by its UUID alone. */
bool lvm_is_anothers(const struct lvm *s, const struct lvm_known *g);

/* Does rd.lvm.vg= name G? */
bool lvm_names_group(struct lvm *s, struct lvm_known *g);

/* ---- step.c ---- */

void lvm_wake(struct part *p, int64_t at);

/* Goes on with whatever volume is next. */
void lvm_step(struct part *p);

/* The PVs of the group with that UUID are others; "": of all groups. */
void lvm_changed(struct part *p, const char *group);

/* feature_boot.is_hopeless */
const char *lvm_is_hopeless(const struct part *p, const char *name);

/* The job that sets up a volume has ended. */
void lvm_started(struct part *p, const struct part_end *end);

/* Everything is tried again. */
void lvm_again(struct part *p);

/* ---- read.c, in a worker ---- */

/* The text of the newest metadata on the PV that FD has open, with its parsed form. TEXT is to be freed after the group is
 * cleared. -ENOENT: there is none. */
int lvm_read_group(int fd, const struct lvm_label *label, char **text, struct lvm_group *out, struct err *err);

int lvm_read_label(int fd, struct lvm_label *out, struct err *err);

/* OUT->text is a struct lvm_answer, or the reason of a failure. */
int lvm_read_member(const struct lvm_question *q, struct job_result *out);

/* ---- table.c, in a worker ---- */

/* Sets up what Q names. OUT->text is the name of a single volume, or the reason of a failure; OUT->found: no PV of the
 * group is missing. -EAGAIN: one is, on which the volume does not lie. -ENOENT: the group has no such volume. */
int lvm_set_up(const struct lvm_question *q, struct job_result *out);

/* ---- account.c ---- */

/* "LVM volume vg/root". */
void lvm_describe(const struct lvm *s, const struct lvm_volume *v, char *out, size_t size);

void lvm_account(const struct part *p);
void lvm_what(const struct part *p, char *out, size_t size);
