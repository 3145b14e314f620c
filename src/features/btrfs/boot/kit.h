/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the boot part for btrfs share: the devices and filesystems that it knows. boot.c
 * hears of devices and decides when a filesystem may be mounted, volume.c says what is there of one,
 * claims.c what that means for its devices, work.c asks the kernel in a worker, chunks.c reads what that
 * answers, and words.c has the messages.
 */

#include "format/machine/btrfssuper.h"
#include "init/core/part_calls.h"

enum {
	BTRFS_MEMBERS_MAX = 128,
	BTRFS_VOLUMES_MAX = 32,
	BTRFS_WHY_MAX = 160,
	BTRFS_TAG_VOLUME = BTRFS_MEMBERS_MAX, /* of the job that tries the first filesystem; below it:
					       * those for the devices */
};

/* A device of a filesystem. */
struct btrfs_member {
	struct device_ref ref; /* generation 0: a free place */
	char name[JOBS_NAME_MAX];
	struct btrfssuper super;
	bool is_known;		 /* to the kernel, perhaps; */
	bool is_fresh;		 /* as it is now */
	bool is_late;		 /* it came when its filesystem was about to be mounted, or later */
	int64_t asked_at;	 /* when its last job began; by which */
	bool is_to_know;	 /* the kernel is to know it, or else to forget it */
	char why[BTRFS_WHY_MAX]; /* the kernel cannot have it: it counts as missing; "" */

	/* By btrfs_judge(). */
	bool is_stale;	    /* others were written without it */
	bool is_other_path; /* to a device that is there; one of them will do */
};

/* A filesystem. */
struct btrfs_volume {
	uint8_t fsid[16];
	char uuid[40];	   /* in words; "": a free place */
	bool is_wanted;	   /* one of its devices is; then */
	bool is_sought;	   /* its other devices and its driver are, too */
	bool is_over;	   /* the time to wait for further devices, */
	int64_t over_at;   /* from then on; 0: not known yet; at the latest */
	int64_t over_by;   /* then, however often devices come and go */
	bool is_ready;	   /* it may be mounted now; if so: */
	bool is_degraded;  /* with the option of that name */
	bool is_frozen;	   /* it is about to be mounted, or is: nothing changes any more */
	unsigned changes;  /* of its devices */
	unsigned tried;	   /* CHANGES when a mount without the missing ones was last tried */
	enum { BTRFS_UNTRIED, BTRFS_WORKS, BTRFS_FAILS } trial;
	char trial_why[BTRFS_WHY_MAX];
	char trouble[BTRFS_WHY_MAX]; /* with the kernel; "" */

	/* By btrfs_judge(). */
	const struct btrfs_member *last; /* the device that was written last; NULL: there is none */
	bool is_joint;			 /* several devices make it up */
	uint32_t here, here_stale;	 /* devices, each counted once; those that are out of date as well */
	uint32_t seeds;			 /* that it has grown out of and are there */
	char why[PART_TEXT_MAX];	 /* nothing can come of it as it is; "" */
	char doubt[BTRFS_WHY_MAX];	 /* it must not be mounted with devices missing; "" */
};

struct btrfs {
	struct btrfs_member members[BTRFS_MEMBERS_MAX];
	struct btrfs_volume volumes[BTRFS_VOLUMES_MAX];
	bool is_running_out; /* the time of a wait: degrade() was called */
	int64_t wake;	     /* when tick() is due; 0: it is not */
	int64_t freeze_at;   /* no job is waited for longer before the mount */
	char hopeless[JOBS_NAME_MAX]; /* a device that was another one too often; "" */
};

/* Of a job. */
struct btrfs_question {
	enum { BTRFS_REGISTER, BTRFS_FORGET, BTRFS_TRY } kind;
	char device[JOBS_NAME_MAX];
	struct device_identity identity;
	uint32_t n; /* BTRFS_TRY: the ids of the devices that are there */
	uint64_t ids[BTRFS_MEMBERS_MAX];
};

_Static_assert(sizeof(struct btrfs_question) <= JOBS_DATA_MAX, "a job that is too large");

/* ---- volume.c ---- */

/* Is M a device of V that counts, or would if the kernel took it? */
bool btrfs_is_of(const struct btrfs_volume *v, const struct btrfs_member *m);

/* Finds out what is there of V. */
void btrfs_judge(const struct part *p, struct btrfs_volume *v);

/* The device ID of V; NULL: it is not here. WITH_STALE: even one that is out of date. */
const struct btrfs_member *btrfs_find(const struct btrfs *s, const struct btrfs_volume *v, uint64_t id,
				      bool with_stale);

/* A seed that is there and that V has grown out of, as far as its superblocks say; NULL. */
const struct btrfs_member *btrfs_seed(const struct btrfs *s, const struct btrfs_volume *v);

/* ---- claims.c ---- */

/* What the part has to do with M, a device of V. WHY: PART_TEXT_MAX bytes. */
enum part_claim btrfs_claim(const struct part *p, const struct btrfs_volume *v,
			    const struct btrfs_member *m, char *why);

/* The same for all devices of V, with the option that they are mounted with. */
void btrfs_publish(struct part *p, const struct btrfs_volume *v);

/* ---- chunks.c ---- */

/* LEN bytes of DATA are N items of a chunk tree, as BTRFS_IOC_TREE_SEARCH returns them. Is there one that
 * cannot be read with those devices alone that have the N_IDS IDS? *NEXT is where the search goes on.
 * 0: none; 1: one; -EBADMSG. */
int btrfs_chunks_lack(const void *data, size_t len, uint32_t n, const uint64_t *ids, size_t n_ids,
		      uint64_t *next);

/* ---- work.c ---- */

int btrfs_work(const void *data, struct job_result *out);

/* ---- words.c ---- */

/* What is there of V; what is missing, and why that is so. */
void btrfs_describe(const struct btrfs_volume *v, char *out, size_t size);
void btrfs_show_lacks(const struct btrfs *s, const struct btrfs_volume *v, const char *indent);

/* V is mounted as it is. */
void btrfs_show_mounted(const struct btrfs *s, const struct btrfs_volume *v);

/* What ends the sentence "sda is btrfs, and". */
void btrfs_explain(const struct part *p, const struct btrfs_volume *v, char *out, size_t size);

/* V is wanted, and cannot be mounted yet. */
bool btrfs_is_waited_for(const struct btrfs_volume *v);

/* One of these lacks devices, or is refused. */
bool btrfs_is_incomplete(const struct part *p);

void btrfs_what(const struct part *p, char *out, size_t size);
void btrfs_account(const struct part *p);
