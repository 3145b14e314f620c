/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the boot part for MD arrays share: the members and arrays that it knows, and
 * what each file does for the others. boot.c hears of devices, array.c says what an array consists
 * of, start.c decides when it is started, names.c as what, work.c does that in a worker, and
 * account.c has the words.
 */

#include "format/machine/mdsuper.h"
#include "init/core/part_calls.h"

enum {
	MDRAID_MEMBERS_MAX = 128,
	MDRAID_ARRAYS_MAX = 32,
	MDRAID_LOST_MAX = 64,
	MDRAID_LOST_NAME_MAX = 160,
	MDRAID_AGAIN_MS =
		20, /* how often to look whether modules are loaded, or a job has a place */
	MDRAID_TAG_ARRAY = MDRAID_MEMBERS_MAX, /* of the job that starts the first array; below it:
						* that read members */
};

/* Kernel parameters. */
struct mdraid_wishes {
	bool off;
	bool no_auto; /* rd.auto=0: none but those in UUIDS, and those without which the image is of no use */
	struct params_list uuids;
};

struct mdraid_member {
	struct device_ref ref; /* generation 0: a free place */
	char name[JOBS_NAME_MAX];
	uint32_t major, minor;
	bool is_to_be_read;
	bool is_being_read;
	bool is_read;		 /* SUPER is there, from the last time if it is to be read again */
	bool is_given;		 /* to the kernel, when its array was last started */
	char why[PART_TEXT_MAX]; /* it is of no use; "" */
	struct mdsuper super;
	int table; /* mdraid_work() */
};

/* A member that was there in this boot, or when the image was made. */
struct mdraid_lost {
	bool is_noted;	      /* the latter */
	bool was_given;	      /* to the kernel, in this boot */
	char name[MDRAID_LOST_NAME_MAX];
	uint8_t uuid[16];     /* of its array */
	uint8_t own_uuid[16]; /* its own; zeros: it has none */
	uint32_t role;
};

struct mdraid_array {
	uint8_t uuid[16];
	enum { MDRAID_WAITS, MDRAID_READY, MDRAID_STARTS, MDRAID_RUNS, MDRAID_FAILED } state;
	unsigned number;    /* N of mdN, once it STARTS */
	bool has_left;	    /* it FAILED to start: there may still be an empty mdN of its own */
	bool may_degrade;   /* it may be started with members missing */
	int64_t degrade_at; /* when that begins; 0: not known yet, or begun */
	int64_t degrade_by; /* and when at the latest, whatever comes */
	int64_t joined_at;  /* when a member of it was last read */
	int64_t ready_at;   /* since when it is READY */
	bool is_late;	    /* a member came while it STARTS */
	bool is_doubtful;   /* that is why it has FAILED */
	bool is_withheld;   /* its members may be former ones */
	bool was_withheld;  /* that was logged */
	bool is_contested;  /* it has no name, since another array claims that, too */
	char name[MDSUPER_TEXT]; /* from when it STARTS: its members may go, and it runs on */
	char why[PART_TEXT_MAX]; /* FAILED */
	struct mdsuper started;	 /* of its leader, from when it STARTS */
	uint32_t n_started;	 /* roles that were here then */
};

enum { MDRAID_NO_NUMBER = UINT32_MAX };

/* An array that the image was built for: "mdraid.array=UUID NUMBER NAME" of boot.conf. */
struct mdraid_own {
	uint8_t uuid[16];
	uint32_t number;	 /* that it had then; MDRAID_NO_NUMBER: "-" */
	char name[MDSUPER_TEXT]; /* without that of the machine; "": none */
};

struct mdraid {
	struct mdraid_wishes wishes; /* must be first: set by kernel parameters */
	bool is_needed;		     /* something that the image mounts is on an array */
	bool is_running_out;	     /* the time for the root */
	struct mdraid_own own[MDRAID_ARRAYS_MAX];
	size_t n_own;
	int64_t wake; /* when tick() comes; 0: never */
	struct mdraid_member members[MDRAID_MEMBERS_MAX];
	struct mdraid_array arrays[MDRAID_ARRAYS_MAX];
	size_t n_arrays;
	struct mdraid_lost lost[MDRAID_LOST_MAX]; /* the oldest is overwritten */
	size_t n_lost;				  /* ever */
};

/* Of a job: to read the superblock of a member, or to start an array. */
struct mdraid_question {
	bool is_start;
	union {
		struct {
			char device[JOBS_NAME_MAX];
			struct device_identity identity;
		};
		struct {
			unsigned number;
			enum mdsuper_version version;
			bool may_lack; /* members that the kernel does not take */
			bool is_untouched; /* nothing is written to them before it is used */
			uint32_t n;
			struct {
				uint8_t place; /* in the part's list */
				bool is_spare;
				uint16_t major; /* the kernel's have 12 bits */
				uint32_t minor;
			} members[MDRAID_MEMBERS_MAX];
		};
	};
};

/* Of a job that has started an array. */
struct mdraid_start {
	int32_t active; /* members that have all of their data; -errno: not known */
	int16_t added[MDRAID_MEMBERS_MAX]; /* of each place in the part's list: -errno, it was not
					    */
};

_Static_assert(sizeof(struct mdraid_start) <= JOBS_TEXT_MAX, "an answer that is too large");
_Static_assert(sizeof(struct mdraid_question) <= JOBS_DATA_MAX, "a job that is too large");
_Static_assert(sizeof(struct mdsuper) <= JOBS_TEXT_MAX, "an answer that is too large");

/* ---- array.c ---- */

/* Is M, which was read, a member of A? */
bool mdraid_is_of(const struct mdraid_array *a, const struct mdraid_member *m);

/* The member of A by which the others are judged: the one that was written last, but one that ran
 * alone does not count against a set that lacks none. NULL: there is none. The same in whatever
 * order they were read. */
const struct mdraid_member *mdraid_leader(const struct mdraid *s, const struct mdraid_array *a);

/* LEADER was written without M: that has left the array. Torn: and the other way round. */
bool mdraid_is_disowned(const struct mdraid_member *m, const struct mdraid_member *leader);
bool mdraid_is_torn(const struct mdraid_member *m, const struct mdraid_member *leader);

/* M has what LEADER has: the kernel may be given both. */
bool mdraid_is_in_step(const struct mdraid_member *m, const struct mdraid_member *leader);

/* The member that is in step and has ROLE; if possible one that is not being rebuilt. One that is
 * to replace another has it only once it is filled. NULL. */
const struct mdraid_member *mdraid_in_role(const struct mdraid *s, const struct mdraid_array *a,
					   const struct mdraid_member *leader, uint32_t role);

/* How many of the roles are here with all of their data. */
uint32_t mdraid_count(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *leader);

/* No role is empty, and all members that LEADER counts are here: those that are to replace others,
 * too. */
bool mdraid_is_whole(const struct mdraid *s, const struct mdraid_array *a,
		     const struct mdraid_member *leader);

/* Its level keeps data in more than one place, so that it is synchronised. */
bool mdraid_is_redundant(const struct mdsuper *super);

/* Can its level do without the roles that are not among these HERE? Of RAID 10 only the kernel
 * knows. */
bool mdraid_is_enough(const struct mdsuper *super, uint32_t here);

/* Has A enough members for now? LEADER: its own. */
bool mdraid_can_start(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *leader);

/* Can it be started now? It WAITS or has FAILED if not. LEADER may be NULL. */
bool mdraid_is_ready(const struct mdraid *s, struct mdraid_array *a,
		     const struct mdraid_member *leader);

/* The array of SUPER, made if it is new; NULL: there are too many. */
struct mdraid_array *mdraid_array_of(struct mdraid *s, const struct mdsuper *super);

/* Its name without that of the machine that made it; its UUID if it has none that a file could
 * have. M: a member; NULL. */
void mdraid_name(const struct mdraid_array *a, const struct mdraid_member *m,
		 char out[MDSUPER_TEXT]);

/* It runs or starts. */
bool mdraid_is_up(const struct mdraid_array *a);

/* Is the device NAME this array, which runs or starts: ""; or a partition of it: "1"? NULL:
 * neither. */
const char *mdraid_is_device(const struct mdraid_array *a, const char *name);

/* ---- start.c ---- */

/* Is the superblock of any member still to be read? */
bool mdraid_is_reading(const struct part *p);

/* tick() comes at AT, or earlier. */
void mdraid_wake(struct part *p, int64_t at);

/* A member of A has come or gone, or its time is over. */
void mdraid_consider(struct part *p, struct mdraid_array *a);

/* A is READY: its modules may be loading, and other members may show up. */
void mdraid_proceed(struct part *p, struct mdraid_array *a);

/* The job that starts A has ended. */
void mdraid_started(struct part *p, struct mdraid_array *a, const struct part_end *end);

unsigned mdraid_tag(const struct mdraid *s, const struct mdraid_array *a);

/* ---- names.c ---- */

/* VALUE: of mdraid.array=, which it cuts up. False: it is malformed, or there are too many. */
bool mdraid_add_own(struct mdraid *s, char *value);

/* Was the image built for A, or does the kernel's command line name it? */
bool mdraid_is_meant(const struct part *p, const struct mdraid_array *a);

/* Is there an mdN? */
bool mdraid_has_number(unsigned number);

/* The number of A, which is about to be started: that which it had when the image was built, unless its own is
 * waited for. M: its leader. */
unsigned mdraid_choose_number(const struct part *p, const struct mdraid_array *a,
			      const struct mdraid_member *m);

/* The same for its name; logs if that is not the one of its superblock. */
void mdraid_take_name(const struct mdraid *s, struct mdraid_array *a,
		      const struct mdraid_member *m);

/* ---- work.c ---- */

/* Answers a question in a worker. To read a member: OUT->text is a struct mdsuper, or the reason of
 * a failure; OUT->found is the same for all members of a mirror whose data begins where they begin. To start an array: OUT->text is a struct mdraid_start, or the reason; OUT->found is 1
 * + the place of the member that the kernel did not take, if that is the reason. */
int mdraid_work(const void *question, struct job_result *out);

/* ---- lost.c ---- */

/* M, which was read, is gone. */
void mdraid_remember(struct mdraid *s, const struct mdraid_member *m);

/* M, which is back, was given to the kernel before it went. */
bool mdraid_was_given(const struct mdraid *s, const struct mdraid_member *m);

/* "UUID ROLE UUID PATH" of boot.conf, which it cuts up. False: it cannot be obeyed. */
bool mdraid_note(struct mdraid *s, char *value);

/* ": it was sda, UUID ..." of the member with ROLE; OUT is "" if that is not known. */
void mdraid_print_lost(const struct mdraid *s, const struct mdraid_array *a, uint32_t role, char *out,
		       size_t size);

/* ---- account.c ---- */

/* "MD array root (raid1): 1 of 2 members are there". */
void mdraid_describe(const struct mdraid *s, const struct mdraid_array *a, char *out, size_t size);

void mdraid_account(const struct part *p);

/* A runs, as START says: with less than what it was given? */
void mdraid_show_refused(const struct mdraid *s, const struct mdraid_array *a,
			 const struct mdraid_start *start);

/* A is started without some of its members: which. */
void mdraid_show_missing(const struct mdraid *s, const struct mdraid_array *a,
			 const struct mdraid_member *leader);

/* M belongs to A, which runs without it: whether and how it can be added. */
void mdraid_show_late(const struct mdraid *s, const struct mdraid_array *a,
		      const struct mdraid_member *m);
