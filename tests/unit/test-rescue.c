/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * PID 1 when a boot has failed, or is to stop: who gets a shell, what happens without one, what
 * follows when it ends, and what is left for later. The clock is made up; nothing is started.
 */

#include <stdio.h>

#include "init/rescue/diagnose.h"
#include "init/core/log.h"
#include "init/rescue/failure.h"
#include "init/rescue/rescue.h"
#include "init/core/settings.h"
#include "init/stages.h"
#include "recorder.h"
#include "support.h"

enum { START = 100000, SHELL_PID = 0x7ffffff0, STATUS_127 = 127 << 8 };

static struct {
	int64_t now;
	struct job job; /* the last one */
} world;

/* ---- in place of the machine; the linker calls these, see meson.build ---- */

int64_t __wrap_log_now(void);
int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job);

int64_t __wrap_log_now(void)
{
	return world.now;
}

int __wrap_jobs_start(struct jobs *j, const struct boot *boot, const struct job *job)
{
	(void)j, (void)boot;
	world.job = *job;
	return 0;
}

/* ---- a boot ---- */

static struct boot *boot_with(const char *cmdline, const char *shell)
{
	struct boot *b = recorder_boot_with(cmdline);

	memset(&world, 0, sizeof(world));
	world.now = START;
	recorder_start_with(0);
	b->sources.epoll = b->events->netlink = b->signals = -1;
	b->events->triggered = true; /* no walk over this machine's devices */
	shell_allow(b->shell, shell);
	return b;
}

/* Lets it fail, up to what follows the account. The shell, if there is one, gets SHELL_PID. */
static void boot_fails(struct boot *b)
{
	b->flow.stage = STAGE_WAIT;
	flow_fail(b, "for a test");
	/* The account is saved by a call or two; who starts a shell gets a number of a process. */
	for (size_t i = 0; i < ARRAY_SIZE(recorder.results); i++)
		recorder.results[i] = SHELL_PID;
	recorder.next_result = 0;
	rescue_tick(b, world.now);
	memset(recorder.results, 0, sizeof(recorder.results));
}

/* ---- what follows a failure ---- */

static void the_policy_follows_the_parameters_and_the_image(void **state)
{
	static const struct {
		const char *cmdline, *shell;
		const char *program; /* of the shell; NULL: none */
		int64_t wait;        /* ms until the machine is left; PARAMS_FOREVER */
		const char *says;
	} cases[] = {
		{"", "", NULL, 30000, "rebooting in 30 seconds"},
		{"", "open", "/bin/sh", 0, "the boot is tried again"},
		{"", "password", "/usr/sbin/sulogin", 0, "a shell on /dev/console"},
		{"", "unknown", NULL, 30000, "rebooting in 30 seconds"},
		{"rd.shell", "", NULL, 30000, "no shell: this image has none"},
		{"rd.shell=0", "open", NULL, 30000, "rebooting in 30 seconds"},
		{"panic=5", "open", NULL, 5000, "rebooting in 5 seconds (panic=)"},
		{"panic=1", "open", NULL, 1000, "rebooting in 1 second (panic=)"},
		{"panic=5 rd.shell", "open", "/bin/sh", 0, "a shell"},
		{"panic=0", "open", "/bin/sh", 0, "a shell"},
		{"panic=0", "", NULL, PARAMS_FOREVER, "panic=0: staying here"},
		{"panic=-1", "open", NULL, 0, "rebooting in 0 seconds"},
		{"rd.emergency=poweroff", "", NULL, 0, "switching off in 0 seconds (rd.emergency=)"},
		{"rd.emergency=poweroff", "open", "/bin/sh", 0, "when it ends, switching off"},
		{"rd.emergency=halt panic=4", "open", NULL, 4000, "halting in 4 seconds (panic=)"},
		{"rd.emergency=reboot panic=0", "", NULL, 0, "rebooting in 0 seconds"},
		{"rd.ctty=ttyS1", "open", "/bin/sh", 0, "a shell on /dev/ttyS1"},
		{"rd.ctty=/dev/ttyS1", "open", "/bin/sh", 0, "a shell on /dev/ttyS1"},
		{"rd.ctty=../../etc/passwd", "open", "/bin/sh", 0, "a shell on /dev/console"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with(cases[i].cmdline, cases[i].shell);
		char spawn[64];

		boot_fails(b);
		snprintf(spawn, sizeof(spawn), " %s [", cases[i].program ? cases[i].program : "");
		if (!strstr(recorder_log(), cases[i].says))
			fail_msg("[%s] %s: %s", cases[i].cmdline, cases[i].shell, recorder_log());
		if (!cases[i].program != !b->shell->pid)
			fail_msg("[%s] %s: shell %d", cases[i].cmdline, cases[i].shell,
				 b->shell->pid);
		if (cases[i].program)
			assert_contains(recorder_calls(), spawn);
		else
			assert_int_equal(b->rescue->reboot_at, cases[i].wait == PARAMS_FOREVER
								       ? PARAMS_FOREVER
								       : START + cases[i].wait);
		free(b);
	}
}

static void the_machine_is_left_as_it_was_asked_for(void **state)
{
	static const struct {
		const char *cmdline, *call;
	} cases[] = {{"panic=1", "\nreboot\n"},
		     {"rd.emergency=reboot", "\nreboot\n"},
		     {"rd.emergency=poweroff", "\npower off\n"},
		     {"rd.emergency=halt", "\nhalt\n"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with(cases[i].cmdline, "");

		boot_fails(b);
		world.now += 1000;
		rescue_tick(b, world.now);
		assert_contains(recorder_calls(), cases[i].call);
		/* If the kernel refuses, the attempt is not repeated forever. */
		assert_int_equal(b->rescue->reboot_at, PARAMS_FOREVER);
		free(b);
	}
}

static void the_end_of_the_shell_tries_the_boot_again(void **state)
{
	struct boot *b = boot_with("", "open");

	(void)state;
	boot_fails(b);
	world.now += 5000;
	shell_child_ended(b, SHELL_PID + 1, 0);
	assert_int_equal(b->shell->pid, SHELL_PID);
	shell_child_ended(b, SHELL_PID, 3 << 8);
	assert_int_equal(b->shell->pid, 0);
	rescue_tick(b, world.now);
	assert_false(b->flow.failed);
	assert_int_equal(b->flow.stage, STAGE_TRIGGER + 1);
	assert_string_equal(b->flow.failure, "");
	assert_contains(recorder_log(), "trying again");
	free(b);
}

static void with_an_emergency_action_it_does_not(void **state)
{
	struct boot *b = boot_with("rd.emergency=poweroff", "open");

	(void)state;
	boot_fails(b);
	shell_child_ended(b, SHELL_PID, 0);
	rescue_tick(b, world.now);
	assert_true(b->flow.failed);
	rescue_tick(b, world.now);
	assert_contains(recorder_calls(), "power off\n");
	free(b);
}

static bool is_locked;

static bool says_locked(const struct part *p)
{
	(void)p;
	return is_locked;
}

/* CVE-2016-4484: wrong passphrases that are typed often enough end in a root shell. */
static void a_volume_that_is_locked_gives_no_shell_without_a_password(void **state)
{
	static const struct feature_boot feature = {.name = "x", .is_locked = says_locked};
	static const char *const shells[] = {"open", "password"};
	static const char *const cmdlines[] = {"", "rd.shell", "rd.shell panic=0"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(shells) * ARRAY_SIZE(cmdlines); i++) {
		const char *shell = shells[i / 2 % 2], *cmdline = cmdlines[i / 4];
		struct boot *b = boot_with(cmdline, shell);

		is_locked = i % 2;
		b->parts->list[0] = (struct part){.feature = &feature, .boot = b};
		b->parts->n = 1;
		boot_fails(b);
		if (is_locked && strcmp(shell, "open") == 0) {
			assert_null(strstr(recorder_calls(), "spawn"));
			assert_contains(recorder_log(), "no shell: it would ask for no password, and an");
		} else {
			assert_contains(recorder_calls(), "spawn on /dev/console");
		}
		free(b);
	}
}

/* Without this the boot would fail and be tried again without an end. */
static void a_shell_that_cannot_be_started_is_not_tried_twice(void **state)
{
	struct boot *b = boot_with("", "open");

	(void)state;
	boot_fails(b);
	shell_child_ended(b, SHELL_PID, STATUS_127);
	rescue_tick(b, world.now);
	assert_true(b->flow.failed);
	assert_contains(recorder_log(), "rebooting in 30 seconds");
	assert_string_equal(shell_refusal(b), "it could not be started");
	free(b);
	/* Who typed a name that is no command, and then "exit", had one. */
	b = boot_with("", "open");
	boot_fails(b);
	world.now += 2000;
	shell_child_ended(b, SHELL_PID, STATUS_127);
	rescue_tick(b, world.now);
	assert_false(b->flow.failed);
	free(b);
}

/* ---- rd.break= ---- */

static void a_break_happens_once_and_only_with_a_shell(void **state)
{
	struct boot *b = boot_with("rd.break=cmdline root=LABEL=x", "open");

	(void)state;
	recorder_start_with(SHELL_PID);
	stages_advance(b);
	assert_int_equal(b->flow.stage, STAGE_CMDLINE);
	assert_int_equal(b->shell->pid, SHELL_PID);
	assert_contains(recorder_log(), "break before cmdline: a shell on /dev/console");
	stages_advance(b);
	assert_int_equal(b->flow.stage, STAGE_CMDLINE);
	shell_child_ended(b, SHELL_PID, 0);
	stages_advance(b);
	assert_true(b->flow.stage > STAGE_CMDLINE);
	assert_int_equal(b->shell->pid, 0);
	free(b);
	b = boot_with("rd.break=cmdline root=LABEL=x", "none");
	stages_advance(b);
	assert_true(b->flow.stage > STAGE_CMDLINE);
	assert_contains(recorder_log(), "break before cmdline: no shell: this image has none");
	free(b);
}

/* ---- what the image says ---- */

static void boot_conf_says_who_gets_a_shell(void **state)
{
	struct boot *b = boot_with("", "");
	char text[] = "shell=password\nsecrets=measured\n";

	(void)state;
	settings_parse(b, text);
	assert_int_equal(b->shell->policy, SHELL_PASSWORD);
	assert_true(b->settings.has_secrets);
	free(b->settings.loads);
	free(b);
}

/* ---- what is left for later ---- */

struct account {
	char *folder;
	char efivars[256], path[256], variable[512];
};

static void account_make(struct account *a, const char *text)
{
	a->folder = make_folder();
	put_text(a->folder, "failure.txt", text);
	put_dir(a->folder, "efivars");
	snprintf(a->efivars, sizeof(a->efivars), "%s/efivars", a->folder);
	snprintf(a->path, sizeof(a->path), "%s/failure.txt", a->folder);
	snprintf(a->variable, sizeof(a->variable), "efivars/" FAILURE_VARIABLE);
}

static void the_firmware_gets_the_begin_of_the_account_in_whole_lines(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct account a;

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "line %d\n", i);
	account_make(&a, buf_cstr(&text));
	recorder_start_with(0);
	assert_int_equal(failure_copy(a.efivars, a.path), 0);
	assert_contains(recorder_calls(), "mount efivarfs");
	assert_contains(recorder_calls(), "variable PrerootFailure-");
	assert_contains(recorder_calls(), "umount");
	assert_true(recorder.content.len <= FAILURE_ATTRIBUTES + FAILURE_VARIABLE_MAX);
	assert_true(recorder.content.len > FAILURE_ATTRIBUTES + FAILURE_VARIABLE_MAX - 16);
	assert_memory_equal(recorder.content.data, "\7\0\0\0line 0\n", 11);
	assert_int_equal(recorder.content.data[recorder.content.len - 1], '\n');
	remove_folder(a.folder);
}

static void the_firmware_is_written_only_when_it_would_change(void **state)
{
	struct account a;

	(void)state;
	account_make(&a, "why\n");
	put_file(a.folder, a.variable, "\7\0\0\0why\n", 8);
	recorder_start_with(0);
	assert_int_equal(failure_copy(a.efivars, a.path), 0);
	assert_null(strstr(recorder_calls(), "variable"));
	put_file(a.folder, a.variable, "\7\0\0\0why\nand more\n", 17);
	recorder_start_with(0);
	assert_int_equal(failure_copy(a.efivars, a.path), 0);
	assert_contains(recorder_calls(), "variable PrerootFailure-");
	remove_folder(a.folder);
}

static void firmware_that_keeps_nothing_is_left_alone(void **state)
{
	struct account a;

	(void)state;
	account_make(&a, "why\n");
	/* The kernel has no such filesystem. */
	recorder_start_with(-ENODEV);
	assert_int_equal(failure_copy(a.efivars, a.path), -ENODEV);
	assert_null(strstr(recorder_calls(), "variable"));
	/* It is mounted already; it stays so. */
	recorder_start_with(-EBUSY, -EROFS);
	assert_int_equal(failure_copy(a.efivars, a.path), -EROFS);
	assert_null(strstr(recorder_calls(), "umount"));
	/* No EFI at all; nothing to keep. */
	assert_int_equal(failure_copy("/nonexistent", a.path), -ENOENT);
	put_text(a.folder, "failure.txt", "");
	recorder_start_with(0);
	assert_int_equal(failure_copy(a.efivars, a.path), -ENODATA);
	assert_null(strstr(recorder_calls(), "variable"));
	remove_folder(a.folder);
}

static void the_account_is_saved_for_the_roots_init(void **state)
{
	(void)state;
	recorder_start_with(-EEXIST);
	assert_int_equal(failure_save("why\n", 4), 0);
	assert_contains(recorder_calls(), "save " FAILURE_PATH "\n");
	assert_memory_equal(recorder.content.data, "why\n", 4);
	recorder_start_with(-ENOSPC);
	assert_int_equal(failure_save("why\n", 4), -ENOSPC);
}

/* ---- the account ---- */

static void the_command_line_to_type_has_another_root_and_not_what_the_image_brought(void **state)
{
	static const char embedded[] = "root=LABEL=old rw ";
	static const char line[] = "root=LABEL=old rw BOOT_IMAGE=/vmlinuz root=UUID=aaaa-bbbb quiet "
				   "a.b=\"c d\" initrd=/initrd\n";
	struct boot *b = boot_with(line, "");
	struct block_device *d = &b->devices->list[0];

	(void)state;
	b->params.embedded_len = strlen(embedded);
	b->devices->n = 1;
	snprintf(d->name, sizeof(d->name), "vda1");
	d->state = DEVICE_KNOWN;
	snprintf(d->probe.type, sizeof(d->probe.type), "ext4");
	snprintf(d->probe.usage, sizeof(d->probe.usage), "filesystem");
	snprintf(d->probe.uuid, sizeof(d->probe.uuid), "aaaa-bbbc");
	snprintf(b->flow.failure, sizeof(b->flow.failure), "for a test");
	diagnose(b);
	assert_contains(recorder_log(), "near: vda1 has UUID=aaaa-bbbc (characters that differ: 1)\n");
	assert_contains(recorder_log(), "in the boot loader: root=UUID=aaaa-bbbc quiet \"a.b=c d\"\n");
	free(b);
}

static void parameters_that_are_not_obeyed_are_in_the_account(void **state)
{
	struct boot *b = boot_with("root=LABEL=x rd.luks.uuid=y rd.shel", "");

	(void)state;
	snprintf(b->flow.failure, sizeof(b->flow.failure), "for a test");
	diagnose(b);
	assert_contains(recorder_log(), "    rd.luks.uuid: this image has no feature for LUKS\n");
	assert_contains(recorder_log(), "    rd.shel: unknown; the nearest is rd.shell\n");
	free(b);
}

/* Twenty modules that fail for the same reason say nothing more than one. */
static void an_image_for_another_kernel_is_said_before_all_else(void **state)
{
	static const struct modindex_source sources[] = {
		{.name = "ext4", .path = "e", .options = ""}, {.name = "nvme", .path = "n", .options = ""},
	};
	struct boot *b = boot_with("root=LABEL=x", "");
	struct module_status status[2] = {0};
	uint32_t order[2];
	_cleanup_buf_ struct buf index = BUF_INIT;
	const char *lead;

	(void)state;
	assert_int_equal(modindex_encode(sources, 2, NULL, 0, &index), 0);
	assert_int_equal(modindex_decode(index.data, index.len, &b->modules->index, NULL), 0);
	b->modules->has_index = true;
	b->modules->status = status;
	b->modules->order = order;
	b->settings.kernel = "0.0.1-none";
	assert_true(modules_request(b, "ext4") && modules_request(b, "nvme"));
	modules_done(b, 0, -ENOEXEC);
	modules_done(b, 1, -EINVAL);
	diagnose(b);
	assert_contains(recorder_log(), "the root filesystem cannot be reached\n"
				"  this image is for kernel 0.0.1-none, but kernel ");
	lead = strstr(recorder_log(), "  try: the entry of kernel 0.0.1-none in the boot menu");
	assert_true(lead && strstr(lead, "  wanted: root=LABEL=x"));
	assert_null(strstr(recorder_log(), "ext4:"));
	assert_contains(recorder_log(), "    nvme: Invalid argument\n");
	assert_null(strstr(recorder_log(), "more drivers"));
	free(b);
}

static void what_fails_after_the_root_is_mounted_is_not_called_the_root(void **state)
{
	struct boot *b = boot_with("root=LABEL=x", "");

	(void)state;
	flow_go(b, STAGE_MOUNTS_WAIT);
	flow_fail(b, "/usr did not appear");
	diagnose(b);
	assert_contains(recorder_log(), "the boot cannot go on\n");
	assert_null(strstr(recorder_log(), "cannot be reached"));
	free(b);
	b = boot_with("root=LABEL=x", "");
	flow_go(b, STAGE_MOUNT);
	flow_fail(b, "mounting: no");
	diagnose(b);
	assert_contains(recorder_log(), "the root filesystem cannot be reached\n");
	free(b);
}

/* mount(8) of a small shell tries what the kernel knows. */
static void a_shell_comes_with_the_drivers_of_what_was_found(void **state)
{
	static const struct modindex_source sources[] = {
		{.name = "zzfs", .path = "z", .options = ""}};
	static const struct modindex_alias alias = {"fs-zzfs", 0};
	static const struct {
		const char *shell;
		enum module_state state;
	} cases[] = {{"open", MODULE_WANTED}, {"none", MODULE_IDLE}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct boot *b = boot_with("root=LABEL=x", cases[i].shell);
		struct block_device *d = &b->devices->list[0];
		struct module_status status[1] = {0};
		_cleanup_buf_ struct buf index = BUF_INIT;
		uint32_t order[1];

		assert_int_equal(modindex_encode(sources, 1, &alias, 1, &index), 0);
		assert_int_equal(modindex_decode(index.data, index.len, &b->modules->index, NULL), 0);
		b->modules->has_index = true;
		b->modules->status = status;
		b->modules->order = order;
		b->devices->n = 1;
		snprintf(d->name, sizeof(d->name), "vda1");
		snprintf(d->probe.type, sizeof(d->probe.type), "zzfs");
		snprintf(d->probe.usage, sizeof(d->probe.usage), "filesystem");
		d->state = DEVICE_KNOWN;
		boot_fails(b);
		assert_int_equal(status[0].state, cases[i].state);
		/* It is on its way: the shell has to wait for it, and not for long. */
		assert_int_equal(b->rescue->explained, cases[i].state == MODULE_IDLE);
		modules_done(b, 0, 0);
		rescue_tick(b, world.now);
		assert_true(b->rescue->explained);
		free(b);
	}
}

static void modules_that_are_excluded_are_in_the_account(void **state)
{
	static const struct modindex_source sources[] = {
		{.name = "ahci", .path = "a", .options = ""}, {.name = "ext4", .path = "e", .options = ""},
		{.name = "nvme", .path = "n", .options = ""}, {.name = "other", .path = "o", .options = ""},
		{.name = "quiet", .path = "q", .options = "", .flags = MODINDEX_QUIET},
	};
	static const struct modindex_alias aliases[] = {{"pci:x", 2}, {"pci:y", 4}};
	struct boot *b = boot_with("root=LABEL=x modprobe.blacklist=nvme,other rd.driver.blacklist=ext4 "
				   "module_blacklist=ahci", "");
	struct module_status status[5] = {0};
	uint32_t order[5];
	_cleanup_buf_ struct buf index = BUF_INIT;
	const char *load = "ext4";

	(void)state;
	assert_int_equal(modindex_encode(sources, 5, aliases, 2, &index), 0);
	assert_int_equal(modindex_decode(index.data, index.len, &b->modules->index, NULL), 0);
	b->modules->has_index = true;
	b->modules->status = status;
	b->modules->order = order;
	b->settings.loads = &load;
	b->settings.n_loads = 1;
	modules_request_listed(b);
	modules_request_device(b, "pci:x");
	modules_request_device(b, "pci:y");
	assert_int_equal(status[4].state, MODULE_IDLE);
	assert_true(modules_request(b, "ahci"));
	modules_done(b, 0, -EPERM);
	snprintf(b->flow.failure, sizeof(b->flow.failure), "for a test");
	diagnose(b);
	assert_contains(recorder_log(), "  modules that were wanted, and are excluded:\n"
				"    ahci (by module_blacklist=)\n"
				"    ext4 (by rd.driver.blacklist=)\n"
				"    nvme (by modprobe.blacklist=)\n"
				"    quiet (by modprobe.d when the image was built)\n");
	assert_null(strstr(recorder_log(), "other")); /* nobody wanted it */
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_policy_follows_the_parameters_and_the_image),
		cmocka_unit_test(the_machine_is_left_as_it_was_asked_for),
		cmocka_unit_test(the_end_of_the_shell_tries_the_boot_again),
		cmocka_unit_test(with_an_emergency_action_it_does_not),
		cmocka_unit_test(a_volume_that_is_locked_gives_no_shell_without_a_password),
		cmocka_unit_test(a_shell_that_cannot_be_started_is_not_tried_twice),
		cmocka_unit_test(a_break_happens_once_and_only_with_a_shell),
		cmocka_unit_test(boot_conf_says_who_gets_a_shell),
		cmocka_unit_test(the_firmware_gets_the_begin_of_the_account_in_whole_lines),
		cmocka_unit_test(the_firmware_is_written_only_when_it_would_change),
		cmocka_unit_test(firmware_that_keeps_nothing_is_left_alone),
		cmocka_unit_test(the_account_is_saved_for_the_roots_init),
		cmocka_unit_test(
			the_command_line_to_type_has_another_root_and_not_what_the_image_brought),
		cmocka_unit_test(parameters_that_are_not_obeyed_are_in_the_account),
		cmocka_unit_test(what_fails_after_the_root_is_mounted_is_not_called_the_root),
		cmocka_unit_test(an_image_for_another_kernel_is_said_before_all_else),
		cmocka_unit_test(a_shell_comes_with_the_drivers_of_what_was_found),
		cmocka_unit_test(modules_that_are_excluded_are_in_the_account),
	};

	return RUN_TESTS(tests);
}
