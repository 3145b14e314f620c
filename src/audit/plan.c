/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "audit/kit.h"
#include "audit/spec.h"
#include "features/make.h"
#include "format/kernel/cmdline.h"
#include "format/machine/crypttab.h"
#include "format/machine/fstab.h"
#include "host/config/config.h"

/* Makes the plan of a rebuild, without packing, to find its errors and warnings. And checks that
 * there is a keyboard to answer the boot's prompts. */

enum { WARNINGS_MAX = 20 };

/* ---- the keyboard ---- */

struct prompt {
	const char *what; /* why the boot will prompt, or NULL */
	bool has_line;	  /* there is a serial console to type on */
};

static void check_line(struct audit *a, const char *line, const char *where, void *arg)
{
	char *cursor = arena_strdup(a->arena, line), *param, *value;
	struct prompt *p = arg;

	while (cmdline_next(&cursor, &param, &value)) {
		if (strcmp(param, "console") == 0 && value && !str_starts(value, "tty0") &&
		    !(str_starts(value, "tty") && value[3] >= '0' && value[3] <= '9'))
			p->has_line = true;
		if ((cmdline_name_is(param, "rd.shell") && value && cmdline_switch(value)) ||
		    cmdline_name_is(param, "rd.break"))
			p->what = arena_printf(a->arena, "%s asks for a shell (%s)", where, param);
	}
}

static struct prompt what_asks(struct audit *a)
{
	struct crypttab table = {.cursor = audit_read(a, "etc/crypttab")};
	const struct request_words *add = &a->q->request->add;
	struct prompt p = {0};
	struct crypttab_entry e;
	const char *why;
	int r;

	audit_cmdlines(a, check_line, &p);
	for (size_t i = 0; i < add->n; i++)
		if (strcmp(add->list[i], "rescue") == 0)
			p.what = "the image is to have a shell";
	while ((r = crypttab_next(&table, &e, &why)))
		if (r > 0 && !*e.key && !crypttab_has_token(e.options) &&
		    !fstab_has(e.options, "noauto"))
			p.what = arena_printf(
				a->arena, "/etc/crypttab asks for the passphrase of %s", e.name);
	return p;
}

/* ---- the plan ---- */

static void report_warnings(struct audit *a, const struct audit_kernel *k, const struct plan *plan)
{
	size_t n = 0;

	for (const struct plan_note *p = plan->notes; p; p = p->next)
		if (n++ < WARNINGS_MAX)
			audit_add(a, AUDIT_WARNING, "plan-warning", k, p->text, NULL);
	if (n > WARNINGS_MAX)
		audit_add(a, AUDIT_WARNING, "plan-warnings", k,
			  arena_printf(a->arena, "a rebuild gives %zu more warning%s",
				       n - WARNINGS_MAX, text_plural((long long)(n - WARNINGS_MAX))),
			  NULL);
}

static void plan_for(struct audit *a, const struct audit_kernel *k, const struct prompt *p)
{
	struct request request = *a->q->request;
	_cleanup_build_ struct build b = {0};
	struct err err = {0};
	int r = 0;

	if (a->q->configure)
		r = a->q->configure(k->version, &request, a->q->arg, &err);
	request.kernel = k->version;
	if (r == 0)
		r = build_make(&request, a->root, &b, &err);
	if (r < 0) {
		bool hidden = geteuid() != 0 && (err.code == -EACCES || err.code == -EPERM);

		if (hidden)
			audit_add(a, AUDIT_WARNING, "not-looked-at", k, err.text,
				  "run the audit as root");
		else
			audit_add(a, AUDIT_ERROR, "plan-refused", k, err.text, err.hint);
		return;
	}
	report_warnings(a, k, &b.plan);
	if (p->what && !p->has_line && !build_has_keyboard(&b))
		audit_add(
			a, AUDIT_NOTE, "keyboard-missing", k,
			arena_printf(a->arena,
				     "%s, but an image for kernel %s has no driver of a "
				     "keyboard",
				     p->what, k->version),
			"plug the keyboard in and rebuild, or rebuild with hostonly_mode=sloppy");
}

/* What a rebuild would warn of. */
static void report_settings(struct audit *a)
{
	struct config_note *notes;
	size_t n = a->q->settings ? config_notes(a->q->settings, a->arena, &notes) : 0;

	for (size_t i = 0; i < n; i++)
		audit_add(a, AUDIT_WARNING, "plan-warning", NULL,
			  arena_printf(a->arena, "%s: %s", conf_place(notes[i].from, a->arena),
				       notes[i].text),
			  NULL);
}

void audit_plan(struct audit *a)
{
	struct prompt prompt = what_asks(a);

	report_settings(a);
	if (!a->has_hardware && a->q->request->mode != MODE_GENERIC) {
		audit_add(a, AUDIT_WARNING, "hardware-unknown", NULL,
			  arena_printf(a->arena,
				       "nothing is known of the devices of this machine (no "
				       "%s/proc or %s/sys): whether an image reaches the root "
				       "was not looked at",
				       root_prefix(a->root), root_prefix(a->root)),
			  "name them with --hardware FILE, or look with --generic");
		return;
	}
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));)
		if (k->image && k->modules_dir && !k->is_broken)
			plan_for(a, k, &prompt);
}
