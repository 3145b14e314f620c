/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "features/microcode/kit.h"
#include "format/kernel/kconfig.h"

/*
 * CPU microcode: a hostonly image gets that of the machine's own kinds of processors, a generic
 * one all of it. In a virtual machine it is up to the host. Missing microcode is never an error:
 * many processors have no update, and many machines get theirs from the firmware.
 */

static const struct vendor {
	const char *id; /* as CPUID reports it */
	const char *name;
	const char *package; /* Debian's, for a remark */
	const char *option;  /* of older kernels; newer ones do not have it */
	const char *support; /* decides for newer kernels */
	const char *path;
	int (*choose)(struct build *b, struct microcode_choice *out, struct err *err);
} vendors[] = {
	{"GenuineIntel", "Intel", "intel-microcode", "CONFIG_MICROCODE_INTEL", "CONFIG_CPU_SUP_INTEL",
	 MICROCODE_PATH_INTEL, microcode_choose_intel},
	{"AuthenticAMD", "AMD", "amd64-microcode", "CONFIG_MICROCODE_AMD", "CONFIG_CPU_SUP_AMD",
	 MICROCODE_PATH_AMD, microcode_choose_amd},
};

static bool is_set(const struct build *b, const char *option)
{
	return kconfig_get((const char *)b->config.data, b->config.len, option) == KCONFIG_YES;
}

/* Without a configuration the answer is yes: microcode that the kernel ignores does no harm. */
static bool kernel_loads(const struct build *b, const struct vendor *v)
{
	if (!b->config.len)
		return true;
	if (memmem(b->config.data, b->config.len, v->option, strlen(v->option)))
		return is_set(b, v->option);
	return is_set(b, v->support);
}

/* Remarks that a virtual machine gets no microcode. */
static void remark_guests(struct build *b, const struct vendor *v)
{
	for (size_t i = 0; i < b->hardware.n_cpus; i++)
		if (b->hardware.cpus[i].is_guest && strcmp(b->hardware.cpus[i].vendor, v->id) == 0) {
			plan_remark(&b->plan, "no %s microcode: this is a virtual machine, whose "
					      "host loads it", v->name);
			return;
		}
}

static const char *whom_for(struct build *b, const struct vendor *v)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const struct hw_cpu *c;

	if (b->request->mode == MODE_GENERIC)
		return arena_printf(&b->plan.arena, "all %s processors", v->name);
	if (!b->hardware.knows_cpus)
		return arena_printf(&b->plan.arena,
				    "all %s processors, since it is not known which the machine has",
				    v->name);
	for (size_t i = 0; (c = microcode_cpu(b, v->id, i)); i++)
		buf_printf(&text, "%s%s family %u model %u stepping %u", i ? " and " : "", v->name,
			   c->family, c->model, c->stepping);
	return arena_strdup(&b->plan.arena, buf_cstr(&text));
}

static int add_vendor(struct build *b, const struct vendor *v, struct microcode_choice *choice,
		      struct err *err)
{
	const char *whom = whom_for(b, v);
	struct plan_entry e = {.path = v->path, .type = PLAN_FILE, .mode = 0644,
			       .storage = PLAN_EARLY};
	int r = v->choose(b, choice, err);

	if (r < 0)
		return r;
	if (buf_status(&choice->data) < 0 || buf_status(&choice->reason) < 0)
		return err_set(err, -ENOMEM, "no memory left for microcode");
	if (!choice->data.len) {
		plan_remark(&b->plan, "no microcode is installed for %s (Debian's package: %s)", whom,
			    v->package);
		return 0;
	}
	e.data = arena_memdup(&b->plan.arena, choice->data.data, choice->data.len);
	e.len = choice->data.len;
	e.reason = arena_printf(&b->plan.arena, "microcode for %s: %s", whom,
				buf_cstr(&choice->reason));
	return plan_add(&b->plan, &e, err);
}

static int build_vendor(struct build *b, const struct vendor *v, struct err *err)
{
	struct microcode_choice choice = {BUF_INIT, BUF_INIT};
	int r;

	if (!microcode_wants_all(b) && !microcode_cpu(b, v->id, 0)) {
		remark_guests(b, v);
		return 0;
	}
	if (!kernel_loads(b, v)) {
		plan_remark(&b->plan, "no %s microcode: kernel %s does not load it (%s)", v->name,
			    b->kernel.version, v->option);
		return 0;
	}
	r = add_vendor(b, v, &choice, err);
	buf_clear(&choice.data);
	buf_clear(&choice.reason);
	return r;
}

int microcode_build(struct build *b, struct err *err)
{
	int r = 0;

	/* Only x86 has any. */
	if (b->request->no_microcode || (b->config.len && !is_set(b, "CONFIG_X86")))
		return 0;
	if (b->config.len && !is_set(b, "CONFIG_MICROCODE")) {
		plan_remark(&b->plan, "no microcode: kernel %s does not load it (CONFIG_MICROCODE)",
			    b->kernel.version);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(vendors) && r == 0; i++)
		r = build_vendor(b, &vendors[i], err);
	return r;
}
