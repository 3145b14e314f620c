/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Features: each is one folder, whose build.c puts into the plan what an image needs for it.
 * A new one is one folder and one row in list.h.
 */

#include "base/buf.h"
#include "features/list.h"
#include "format/kernel/cmdline.h"
#include "format/kernel/spec.h"
#include "host/hardware/hardware.h"
#include "host/boot/kernels.h"
#include "host/root.h"
#include "plan/programs/binaries.h"
#include "plan/modules/modules.h"
#include "plan/plan.h"
#include "plan/request.h"

struct crypt_list; /* crypt/kit.h */

/* Everything that a feature may look at, and the plan that it adds to. */
struct build {
	const struct request *request;
	const struct root *root;
	struct kernel kernel;
	struct buf config;           /* the target kernel's; len 0: unknown */
	const char *config_origin;
	struct hardware hardware;    /* empty for a generic image */
	enum codec codec;            /* of the base segment, with */
	int level;
	bool x86_filter;             /* the kernel's xz has it */
	struct modules *modules;
	struct binaries *binaries;
	struct plan plan;
	struct buf boot_conf;        /* further lines for boot.conf, see format/ours/bootconf.h */
	struct cmdline_verity verity; /* what parameters among these ask for */
	const char *hash_origin;     /* where verity.hash comes from */
	bool has_arrays;             /* the image starts MD arrays, */
	bool needs_arrays;           /* since this machine has some */
	struct crypt_list *crypt;    /* the LUKS volumes that the image opens; NULL: it has not what opens them */
	bool has_volumes;            /* the image sets up volumes of LVM */
	bool *removed;               /* which of request->remove have matched; NULL: none yet */
};

enum {
	FEATURE_OPTIONAL = 1 << 0,   /* only with --add */
	FEATURE_PARAMETERS = 1 << 1, /* it may add kernel parameters to the image */
};

struct feature {
	const char *name;
	const char *summary;
	int (*build)(struct build *b, struct err *err);
	unsigned flags; /* FEATURE_* */
};

/* Ends with a row without a name. */
extern const struct feature features[];

const struct feature *features_find(const char *name); /* NULL: none */

/* Is F to be part of an image of the request Q, which was configured? */
bool features_wants(const struct request *q, const struct feature *f);

/* The same for a drop-in feature, which is wanted BY_DEFAULT or only on request. */
bool features_wants_name(const struct request *q, const char *name, bool by_default);

/* The path of the drop-in feature NAME below ROOT; NULL: there is none, or it is masked. */
const char *dropin_find(const struct root *root, const char *name, struct arena *arena);

/* *OUT are the paths of all of them, sorted by name, also of those that are masked. A file overrides
 * those of the same name in the folders behind. Their number. */
int dropin_list(const struct root *root, struct arena *a, const char ***out, struct err *err);

#define BUILD_DECLARE(name, summary, flags) int name##_build(struct build *b, struct err *err);
FEATURES(BUILD_DECLARE, BUILD_DECLARE)
#undef BUILD_DECLARE

/* Does an image of the request Q, made from ROOT, bring up the device that SPEC names, or K of a machine? LINE: the kernel
 * parameters that it is booted with; NULL: they are not known. A feature that does so for devices of software has a row in
 * features.c. */
bool features_reach(const struct root *root, const struct request *q, const char *line, const struct spec *spec);

/* Does a feature other than NAME do so? */
bool features_reach_without(const char *name, const struct root *root, const struct request *q, const char *line,
			    const struct spec *spec);

bool features_set_up(const struct hw_block *k);

/* The name of the feature that would do so, but is left out of an image of Q; NULL: none is. SPEC or K may be
 * NULL. */
const char *features_left_out(const struct request *q, const struct spec *spec, const struct hw_block *k);

/* The name of the feature that brings the several devices of the filesystem M together; NULL: there is none. */
const char *features_joining(const struct hw_mount *m);

bool btrfs_joins(const struct hw_mount *m);

bool crypt_reaches(const struct spec *spec);
/* Does an image of Q, made from ROOT and booted with LINE, open that volume? ROOT may be NULL: no; so may LINE. */
bool crypt_knows(const struct root *root, const struct request *q, const char *line, const struct spec *spec);
/* Does the image of B? To be called after crypt_build(). The volume is then one that the boot needs. */
bool crypt_opens(struct build *b, const char *line, const struct spec *spec);
bool crypt_sets_up(const struct hw_block *k);
bool lvm_reaches(const struct spec *spec);
bool lvm_knows(const struct root *root, const struct request *q, const char *line, const struct spec *spec);
bool lvm_sets_up(const struct hw_block *k);
bool mdraid_reaches(const struct spec *spec);
bool mdraid_sets_up(const struct hw_block *k);

/* Adds what the arrays on the way to M need. It is an error if the kernel lacks something that is needed for a mount
 * that is early, and a warning for others. */
int mdraid_add(struct build *b, const struct hw_mount *m, struct err *err);

/* What PID 1 is to know of the array K of this machine: "UUID NUMBER NAME"; NUMBER "-", and no NAME, where there is
 * none. By udev's links; NULL: there are none. */
const char *mdraid_own(const struct root *r, const struct hw_block *k, struct arena *a);

/* The same for volumes of LVM. */
int lvm_add(struct build *b, const struct hw_mount *m, struct err *err);

/* Which modules of a tree a disk may need. */
extern const struct modules_rule storage_rules[];

/* Adds the drivers of the disks that the controllers in the image may have. To be called after all
 * features have added their modules. */
int storage_complete(struct build *b, struct err *err);

/* The device that a hibernation image is looked for on, if the kernel command line of the running machine, parameters of
 * the image or RESUME of initramfs-tools name one; NULL. */
const char *resume_named(struct build *b);

/* ---- what a boot asks for; once the plan has all modules ---- */

/* Warns if WHAT, "root's password", is typed with another keymap than the machine's. */
void build_warn_of_keymap(struct build *b, const char *what);

/* Is a keyboard's driver in the image, or built in? */
bool build_has_keyboard(const struct build *b);

/* Is a serial line a console of the machine? */
enum build_line { LINE_ABSENT, LINE_THERE, LINE_UNKNOWN };
enum build_line build_has_line(struct build *b);

/* Completes the settings of the LUKS volumes. To be called once the plan has all modules and files. */
int crypt_complete(struct build *b, struct err *err);

/* Which rules about modules apply to the requested image: REACH_*. */
unsigned build_reach(const struct build *b);
bool build_is_hostonly(const struct build *b);

/* Appends LINE, kernel parameters that come from ORIGIN, to boot.conf. */
void build_add_cmdline(struct build *b, const char *line, const char *origin);

/* Does the machine have secrets that its TPM releases only after the boot that was measured?
 * /etc/crypttab says so (tpm2-device=). */
bool build_is_measured(const struct build *b);

/* Sets *OUT to what adds programs and their libraries to PLAN, set up for the request. *OUT is to
 * be freed, even after a failure. */
int build_open_binaries(const struct build *b, struct plan *plan, struct binaries **out,
			struct err *err);
