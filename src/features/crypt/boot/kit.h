/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the boot part for LUKS volumes share: the volumes that it knows, and what each
 * file does for the others. boot.c hears of devices, wish.c says which of them are opened and how,
 * open.c opens them one after the other, and account.c has the words.
 */

#include "format/machine/crypttab.h"
#include "init/core/part_calls.h"

enum {
	CRYPT_VOLUMES_MAX = 32,
	CRYPT_SEEN_MAX = 128,
	CRYPT_TRIES = 3,
	CRYPT_TEXT_MAX = 48, /* of a UUID */
	CRYPT_AGAIN_MS = 20, /* how often to look whether a module is loaded */
	CRYPT_MODULE_MS = 10000, /* how long: cryptsetup is tried then nevertheless */
	CRYPT_KEEP_MS = 30000, /* how long a passphrase is kept for volumes that come later */
};

/* Kernel parameters. */
struct crypt_wishes {
	bool off, no_table, all, discards_all;
	struct params_list uuids, names, options, keys, discards;
	const char *timeout;
};

enum crypt_state { CRYPT_NONE, CRYPT_WAITS, CRYPT_OPENS, CRYPT_OPEN, CRYPT_FAILED };

struct crypt_volume {
	enum crypt_state state; /* NONE: a free place */
	struct device_ref ref;
	char device[JOBS_NAME_MAX];	 /* the kernel's name */
	char uuid[CRYPT_TEXT_MAX];
	char name[CRYPTTAB_NAME_MAX + 1]; /* in /dev/mapper */
	const char *key;		 /* path of a file in the image, which was not tried; NULL */
	struct crypttab_options options;
	uint32_t tried;			 /* number of the last passphrase that was */
	bool leads;			 /* the root may be in it */
	bool uses_key;			 /* while it OPENS: the key, not a passphrase */
	char why[PART_TEXT_MAX];	 /* FAILED */
};

/* How cryptsetup ends. Source: cryptsetup(8); and what its process ends with before it becomes cryptsetup. */
enum crypt_status {
	CRYPT_WRONG_KEY = 2,
	CRYPT_NO_MEMORY = 3,
	CRYPT_NO_DEVICE = 4,
	CRYPT_EXISTS = 5,
	CRYPT_IS_ANOTHER = 64, /* the device, or the volume on it */
	CRYPT_NOT_PINNED = 65, /* it has another key than the image says */
};

/* What crypt_open_device() opens. */
struct crypt_given {
	char device[JOBS_NAME_MAX];
	struct device_identity identity;
	const char *pin; /* format/machine/luks.h; NULL: any */
};

/* A device with a volume, whether that is to be opened or not. */
struct crypt_seen {
	struct device_ref ref; /* generation 0: a free place */
	char device[JOBS_NAME_MAX], uuid[CRYPT_TEXT_MAX];
};

struct crypt {
	struct crypt_wishes wishes; /* must be first: set by kernel parameters */
	const char *program;	    /* the path of cryptsetup */
	struct crypttab_entry table[CRYPT_VOLUMES_MAX]; /* the image's */
	struct spec devices[CRYPT_VOLUMES_MAX];		/* that its lines name */
	const char *pins[CRYPT_VOLUMES_MAX];		/* of these; NULL: any volume key will do */
	size_t n_table;
	struct crypt_volume volumes[CRYPT_VOLUMES_MAX];
	struct crypt_volume *asked;   /* whose passphrase somebody is asked for; NULL */
	struct crypt_volume *running; /* that a program opens; NULL */
	char unsteady[JOBS_NAME_MAX]; /* a device that was another one too often; "": none */
	struct crypt_seen seen[CRYPT_SEEN_MAX];
	int64_t module_since; /* when it began to wait for device mapper; 0: it does not */
	bool is_leaving;      /* no program is started any more */
	/* The last passphrase: for further volumes, which often have the same. */
	char *secret;		/* locked memory; NULL: none was typed yet */
	size_t secret_len;	/* 0: there is none */
	uint32_t secret_number; /* of how many; 0: none was typed yet */
	int64_t secret_until;
};

/* ---- wish.c ---- */

/* Is V's volume to be opened? Fills its name, key and options. False: WHY says why not. */
bool crypt_is_wanted(const struct part *p, struct crypt_volume *v, char *why);

/* What the image pins V's volume key to; NULL. No parameter overrides that. */
const char *crypt_pin(const struct part *p, const struct crypt_volume *v);

/* ---- open.c ---- */

/* Goes on with whatever volume is next. */
void crypt_step(struct part *p);

void crypt_done(struct part *p, const struct part_end *end);
enum prompt_verdict crypt_answer(struct part *p, unsigned tag, enum prompt_end end,
				 const char *answer, size_t len);

/* V's device is gone: whatever was done for it ends. */
void crypt_forget(struct part *p, struct crypt_volume *v);

void crypt_wipe(struct crypt *s);

/* Somebody gets a shell: nothing that was typed stays in memory. */
void crypt_hide(struct part *p);

/* Is a program at work, or could one start without anybody being asked? */
bool crypt_is_working(const struct crypt *s);

/* ---- mapper.c ---- */

/* D is a device that cryptsetup has made: it gets its name in /dev/mapper. */
void crypt_name_device(struct part *p, const struct part_device *d);

/* Is V's volume open, by that name? */
bool crypt_is_open(const struct crypt_volume *v);

/* Writes what the root's udev must know of all that cryptsetup has made. */
void crypt_note_for_udev(void);

/* ---- device.c ---- */

/* In the process that is to be cryptsetup: opens the device of a struct crypt_given. As `prepare` of program.h. */
int crypt_open_device(const void *data);

/* ---- account.c ---- */

/* "LUKS volume root (sda2), whose passphrase is asked for" */
void crypt_describe(const struct crypt *s, const struct crypt_volume *v, char *out, size_t size);

void crypt_account(const struct part *p);
