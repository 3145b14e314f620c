/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What PID 1 takes from the kernel command line.
 */

#include <stdio.h>

#include "base/text.h"
#include "init/core/params.h"
#include "support.h"

static struct params p;

static void parse(const char *line)
{
	size_t len = strlen(line);
	_cleanup_free_ uint8_t *exact = exact_copy(line, len);

	params_parse(&p, (const char *)exact, len);
}

static void assert_root(const char *line, enum spec_kind kind, const char *value)
{
	parse(line);
	if (p.root.kind != kind || strcmp(p.root.value, value) != 0)
		fail_msg("[%s] gives kind %d, value [%s]", line, p.root.kind, p.root.value);
}

static void without_parameters_the_defaults_hold(void **state)
{
	(void)state;
	parse("BOOT_IMAGE=/vmlinuz quiet splash\n");
	assert_null(p.root.text);
	assert_int_equal(p.root.kind, SPEC_AUTO);
	assert_null(p.rootfstype);
	assert_string_equal(p.rootflags, "");
	assert_false(p.writable);
	assert_null(p.init);
	assert_false(p.panic_given);
	assert_int_equal(p.delay, 0);
	assert_int_equal(p.timeout, 180 * 1000);
	assert_string_equal(p.timeout_by, "the default");
	assert_int_equal(p.n_notes, 0);
	parse("");
	assert_null(p.root.text);
}

static void the_root_may_be_named_in_each_form(void **state)
{
	(void)state;
	assert_root("root=/dev/nvme0n1p2", SPEC_NAME, "nvme0n1p2");
	assert_root("root=UUID=0a1B-2c", SPEC_UUID, "0a1B-2c");
	assert_root("root=LABEL=root", SPEC_LABEL, "root");
	assert_root("root=PARTUUID=95082d32-4b47-5604-b2f6-9e4f31eda218", SPEC_PARTUUID,
		    "95082d32-4b47-5604-b2f6-9e4f31eda218");
	assert_root("root=PARTUUID=1234abcd-01", SPEC_PARTUUID, "1234abcd-01");
	assert_root("root=PARTLABEL=linux", SPEC_PARTLABEL, "linux");
	assert_root("root=/dev/disk/by-uuid/0a1b", SPEC_UUID, "0a1b");
	assert_root("root=/dev/disk/by-label/l", SPEC_LABEL, "l");
	assert_root("root=/dev/disk/by-partuuid/p", SPEC_PARTUUID, "p");
	assert_root("root=/dev/disk/by-partlabel/q", SPEC_PARTLABEL, "q");
	assert_root("root=/dev/cciss/c0d0p1", SPEC_NAME, "cciss/c0d0p1");
	assert_root("root=block:LABEL=x", SPEC_LABEL, "x");
	assert_root("root=block:/dev/sda1", SPEC_NAME, "sda1");
	assert_string_equal(p.root.text, "block:/dev/sda1");
}

static void a_link_of_dev_disk_may_hold_what_no_file_name_can(void **state)
{
	(void)state;
	assert_root("root=/dev/disk/by-label/my\\x20root", SPEC_LABEL, "my root");
	assert_root("root=/dev/disk/by-partlabel/a\\x2fb\\x5c", SPEC_PARTLABEL, "a/b\\");
	assert_root("root=block:/dev/disk/by-label/\\x41", SPEC_LABEL, "A");
	/* What is not spelt like that stays. */
	assert_root("root=/dev/disk/by-label/a\\x2", SPEC_LABEL, "a\\x2");
	assert_root("root=/dev/disk/by-label/a\\x2g", SPEC_LABEL, "a\\x2g");
	assert_root("root=/dev/disk/by-label/a\\xg2", SPEC_LABEL, "a\\xg2");
	assert_root("root=/dev/disk/by-label/a\\x00b", SPEC_LABEL, "a\\x00b");
	assert_root("root=LABEL=my\\x20root", SPEC_LABEL, "my\\x20root");
}

static void what_cannot_be_reached_is_known_as_such(void **state)
{
	static const char *const lines[] = {"root=/dev/disk/by-loop-ref/x",
					    "root=/dev/nfs",
					    "root=8:",
					    "root=8:1:x",
					    "root=8:1:2",
					    "root=8:1048576",
					    "root=/dev/block/8",
					    "root=080x",
					    "root=80",
					    "root=123456789",
					    "root=PARTUUID=a/PARTNROFF=",
					    "root=PARTUUID=a/PARTNROFF=1x",
					    "root=PARTUUID=a/OFF=1",
					    "root=PARTUUID=a/PARTNROFF=--1",
					    "root=nfs:server:/path",
					    "root=server:/path",
					    "root=dhcp",
					    "root=dhcp6",
					    "root=iscsi:server::::iqn.x",
					    "root=nbd:server:root",
					    "root=virtiofs:tag",
					    "root=cifs://server/share",
					    "root=live:/dev/sda",
					    "root=http://server/x.img",
					    "root=ubi0:rootfs",
					    "root=mtd0",
					    "root=",
					    "root=uuid=x",
					    "root=UUID=",
					    "root=LABEL=",
					    "root=PARTUUID=",
					    "root=PARTUUID=/PARTNROFF=1",
					    "root=PARTLABEL=\"\"",
					    "root=/dev/disk/by-uuid/",
					    "root=tmpfs:x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		parse(lines[i]);
		if (p.root.kind != SPEC_OTHER || !p.root.text)
			fail_msg("[%s] gives kind %d", lines[i], p.root.kind);
	}
	assert_string_equal(p.root.text, "tmpfs:x");
}

static void names_that_features_give_are_known_as_such(void **state)
{
	static const struct {
		const char *line, *value;
	} cases[] = {
		{"root=/dev/mapper/vg-root", "mapper/vg-root"},
		{"root=/dev/vg/root", "vg/root"},
		{"root=/dev/md/0", "md/0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].line);
		assert_int_equal(p.root.kind, SPEC_ALIAS);
		assert_string_equal(p.root.value, cases[i].value);
	}
}

static void quotes_around_a_root_are_taken_off(void **state)
{
	(void)state;
	assert_root("root=\"LABEL=my root\"", SPEC_LABEL, "my root");
	assert_root("\"root=LABEL=my root\"", SPEC_LABEL, "my root");
	assert_root("root=LABEL=\"my root\"", SPEC_LABEL, "my root");
	assert_root("root=UUID=\"0a\"", SPEC_UUID, "0a");
	assert_root("root=LABEL=\"", SPEC_LABEL, "\"");
	assert_root("root=LABEL=a\"b", SPEC_LABEL, "a\"b");
}

static void the_last_of_several_counts(void **state)
{
	(void)state;
	assert_root("root=UUID=a root=/dev/sda root=LABEL=last", SPEC_LABEL, "last");
	parse("rw ro rootflags=a rootflags=b init=/a init=/b rootfstype=x rootfstype=y "
	      "panic=1 panic=2 rootdelay=1 rootdelay=2");
	assert_false(p.writable);
	assert_string_equal(p.rootflags, "b");
	assert_string_equal(p.init, "/b");
	assert_string_equal(p.rootfstype, "y");
	assert_int_equal(p.panic, 2);
	assert_int_equal(p.delay, 2000);
	parse("ro rw");
	assert_true(p.writable);
}

static void a_value_where_none_belongs_is_another_parameter(void **state)
{
	(void)state;
	parse("rw=1 root init rootfstype rootflags panic rootdelay");
	assert_false(p.writable);
	assert_null(p.root.text);
	assert_null(p.init);
	assert_null(p.rootfstype);
	assert_string_equal(p.rootflags, "");
	assert_false(p.panic_given);
	parse("rw ro=0 init= rootfstype=auto");
	assert_true(p.writable);
	assert_null(p.init);
	assert_null(p.rootfstype);
}

static void what_follows_two_dashes_is_for_the_roots_init(void **state)
{
	(void)state;
	parse("root=/dev/sda ro -- root=/dev/sdb rw single rd.unknown");
	assert_string_equal(p.root.value, "sda");
	assert_false(p.writable);
	assert_int_equal(p.n_notes, 0);
	parse("--x root=/dev/sda");
	assert_string_equal(p.root.value, "sda");
}

static void panic_is_seconds_never_or_at_once(void **state)
{
	static const struct {
		const char *line;
		bool given;
		int64_t panic;
	} cases[] = {{"panic=10", true, 10}, {"panic=0", true, 0},
		     {"panic=-1", true, -1}, {"panic=", false, 0},
		     {"panic=x", false, 0},  {"panic=--1", false, 0},
		     {"panic=1s", false, 0}, {"panic=99999999999999999999", false, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].line);
		assert_int_equal(p.panic_given, cases[i].given);
		assert_int_equal(p.panic, cases[i].panic);
	}
}

static void assert_wait(const char *line, int64_t ms, const char *by)
{
	parse(line);
	if (p.timeout != ms || strcmp(p.timeout_by, by) != 0)
		fail_msg("[%s]: %lld ms by %s", line, (long long)p.timeout, p.timeout_by);
}

static void one_wait_overrules_the_other(void **state)
{
	(void)state;
	assert_wait("rd.retry=5", 5000, "rd.retry=");
	assert_wait("rd.retry=0", 0, "rd.retry=");
	assert_wait("rd.timeout=30s rd.retry=5", 30000, "rd.timeout=");
	assert_wait("rootwait=7 rd.timeout=30 rd.retry=5", 7000, "rootwait");
	assert_wait("rootwait rd.timeout=30", PARAMS_FOREVER, "rootwait");
	assert_wait("rootwait=7 rootwait", PARAMS_FOREVER, "rootwait");
	assert_wait("rootwait rootwait=7", 7000, "rootwait");
	assert_wait("rd.timeout=0", PARAMS_FOREVER, "rd.timeout=");
	assert_wait("rd.timeout=infinity", PARAMS_FOREVER, "rd.timeout=");
}

static void infinity_never_means_at_once(void **state)
{
	(void)state;
	assert_wait("rd.retry=infinity", PARAMS_FOREVER, "rd.retry=");
	assert_wait("rootwait=infinity", PARAMS_FOREVER, "rootwait");
}

static void a_wait_that_is_no_number_is_ignored(void **state)
{
	(void)state;
	assert_wait("rd.timeout=soon", 180000, "the default");
	assert_wait("rd.timeout=", 180000, "the default");
	assert_wait("rd.timeout", 180000, "the default");
	assert_wait("rd.timeout=s", 180000, "the default");
	assert_wait("rd.timeout=-5", 180000, "the default");
	assert_wait("rd.timeout=1.5 rd.retry=5", 5000, "rd.retry=");
	assert_wait("rootwait=x rd.retry=5", 5000, "rd.retry=");
	assert_wait("rd.timeout=99999999999999999999999999999999999999", 180000, "the default");
	assert_wait("rd.timeout=5ss", 180000, "the default");
}

static void a_delay_is_added_to_the_wait(void **state)
{
	(void)state;
	assert_wait("rootdelay=5 rd.retry=10", 15000, "rd.retry=");
	assert_int_equal(p.delay, 5000);
	assert_wait("rootdelay=5s", 185000, "the default");
	assert_wait("rootdelay=5 rootwait", PARAMS_FOREVER, "rootwait");
	assert_wait("rootdelay=infinity", 180000, "the default");
	assert_int_equal(p.delay, 0);
	assert_wait("rootdelay=x", 180000, "the default");
	assert_int_equal(p.delay, 0);
}

static void what_nobody_knows_is_noted_once(void **state)
{
	_cleanup_buf_ struct buf many = BUF_INIT;

	(void)state;
	parse("rd.brake=mount rd.shel rd.timeout=5 rd.retry=6 rdinit=/x root=/dev/sda rd.shel=0 "
	      "colour=blue");
	assert_int_equal(p.n_notes, 2);
	assert_string_equal(p.notes[0].param, "rd.brake");
	assert_null(p.notes[0].why);
	assert_string_equal(p.notes[1].param, "rd.shel");
	assert_string_equal(params_nearest(&p, "rd.shel"), "rd.shell");
	assert_string_equal(params_nearest(&p, "rd.brake"), "rd.break");
	assert_string_equal(params_nearest(&p, "rd.nbf"), "rd.nbd");
	assert_null(params_nearest(&p, "rd.something.else"));
	for (int i = 0; i < 2 * PARAMS_NOTES_MAX; i++)
		buf_printf(&many, "rd.x%d ", i);
	parse(buf_cstr(&many));
	assert_int_equal(p.n_notes, PARAMS_NOTES_MAX);
}

static void add_name(const char *module, void *arg)
{
	buf_printf(arg, "%s;", module);
}

static void what_needs_a_feature_that_no_image_has_is_named(void **state)
{
	static const struct {
		const char *line, *feature;
	} cases[] = {{"rd.luks.partuuid=x", "LUKS"}, {"rd.lvm.snapshot=x", "LVM"},
		     {"ip=dhcp", "the network"},
		     {"rd.udev.log_level=info", "udev"}, {"rd.dm.uuid=1", "device-mapper"},
		     {"rd.shutdown.timeout.umount=9", "shutdown"},
		     {"rd.cio-accept=x", "s390"},
		     {"luks.uuid=x", "LUKS"},
		     {"rd_ZFCP=x", "s390"},
		     {"cryptopts=source=/dev/sda2", "LUKS"},
		     {"roothash=0a", "dm-verity"},
		     {"fips=1", "FIPS"},
		     {"boot=live", "other ways to mount a root"},
		     {"iso-scan/filename=/x.iso", "live systems"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].line);
		if (p.n_notes != 1 || !p.notes[0].why || !strstr(p.notes[0].why, cases[i].feature))
			fail_msg("[%s] is noted as %s", cases[i].line,
				 p.n_notes ? p.notes[0].why : "nothing");
	}
	/* Turning off what is not there is fine; so are names with the same start, which are other
	 * parameters or options of modules. */
	parse("rd.nbd=off ipv6.disable=1 rd.memdebug=1 rd_NO_LUKS rd.nonvmf "
	      "fcoe.ddp_min=1 bridge.x=1 luksx=1");
	assert_int_equal(p.n_notes, 0);
	/* Several of one kind are one note. */
	parse("rd.nbd.a=a rd.nbd.a=b rd.iscsi.x=\"a b\" rd.iscsi.x=c");
	assert_int_equal(p.n_notes, 2);
}

static void turning_off_a_feature_that_the_image_lacks_is_no_remark(void **state)
{
	static const struct params_rule feature[] = {
		{"rd.md", PARAMS_AS_NOT, 0, NULL},
		{"rd.overlay.reset", PARAMS_AS_SWITCH, 0, NULL},
		{"noresume", PARAMS_AS_OFF, 0, NULL},
		{"resumewait", PARAMS_AS_WORD, 0, NULL},
		{"rd.md.uuid", PARAMS_AS_LIST, 0, NULL},
		{0},
	};

	(void)state;
	params_register(&p, feature, "not here");
	parse("rd.md=0 rd.overlay.reset=no noresume");
	assert_int_equal(p.n_notes, 0);
	parse("rd.md rd.overlay.reset=1 resumewait rd.md.uuid=a");
	assert_int_equal(p.n_notes, 4);
	p.n_sets = 0;
}

static void a_parameter_of_several_features_is_taken_by_each(void **state)
{
	static const struct params_rule all[3][2] = {{{"rd.auto", PARAMS_AS_SWITCH, 0, NULL}, {0}},
						     {{"rd.auto", PARAMS_AS_NOT, 0, NULL}, {0}},
						     {{"rd.auto", PARAMS_AS_SWITCH, 0, NULL}, {0}}};

	(void)state;
	for (unsigned open = 0; open < 8; open++) {
		bool out[3] = {0};

		for (size_t i = 0; i < 3; i++) {
			params_register(&p, all[i], "not here");
			if (open & 1U << i)
				params_obey(&p, all[i], &out[i], sizeof(out[i]));
		}
		parse("rd.auto");
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(out[i], (open & 1U << i) && i != 1);
		assert_int_equal(p.n_notes, !open); /* once, and only if none has it */
		parse("rd.auto=0");
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(out[i], (open & 1U << i) && i == 1);
		assert_int_equal(p.n_notes, 0);
		p.n_sets = 0;
	}
}

static void what_has_no_effect_in_an_image_is_named_with_the_reason(void **state)
{
	static const char *const lines[] = {
		"plymouth.enable=1", "rd.plymouth",	 "rd.vconsole.keymap=de",
		"vconsole.font=x",   "KEYTABLE=de",	 "rd.locale.LANG=de_DE.UTF-8",
		"biosdevname=1",     "rdudevdebug",	 "SYSTEMD_SULOGIN_FORCE=1",
		"booster.log=debug", "rd.driver.export", "root.journaldev=/dev/sdb1"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		parse(lines[i]);
		if (p.n_notes != 1 || !p.notes[0].why ||
		    !str_starts(p.notes[0].why, "without effect: "))
			fail_msg("[%s] is noted as %s", lines[i],
				 p.n_notes ? p.notes[0].why : "nothing");
	}
	/* Nobody has heard of the last ones: they may be the kernel's or systemd's. */
	parse("plymouth.enable=0 rd.plymouth=0 biosdevname=0 splash rhgb net.ifnames=0 quiet "
	      "selinux=0 systemd.unit=rescue.target");
	assert_int_equal(p.n_notes, 0);
}

/* A partition of the right type on a local disk is another system, or one that nobody verified. */
static void a_root_that_this_version_cannot_reach_is_not_replaced_by_a_local_one(void **state)
{
	static const char *const lines[] = {"netroot=nfs:s:/x", "nfsroot=s:/x", "boot=live",
					    "roothash=0a", "iscsiroot=x", "systemd.gpt_auto boot=nfs"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		parse(lines[i]);
		if (p.root.kind != SPEC_NONE || p.n_notes != 1)
			fail_msg("[%s] gives kind %d, %zu notes", lines[i], p.root.kind, p.n_notes);
	}
	assert_root("root=LABEL=x fips=1 boot=UUID=0a", SPEC_LABEL, "x");
	parse("netroot=0");
	assert_int_equal(p.root.kind, SPEC_AUTO);
	parse("ip=dhcp rd.luks.uuid=0a");
	assert_int_equal(p.root.kind, SPEC_AUTO);
	/* The device of /boot. */
	parse("fips=1 boot=UUID=0a");
	assert_int_equal(p.root.kind, SPEC_AUTO);
}

static void the_default_way_of_initramfs_tools_to_mount_a_root_is_the_one_here(void **state)
{
	(void)state;
	parse("boot=local");
	assert_int_equal(p.root.kind, SPEC_AUTO);
	assert_int_equal(p.n_notes, 0);
	assert_root("boot=local root=LABEL=x", SPEC_LABEL, "x");
}

static void names_of_old_dracut_and_of_initramfs_tools_are_obeyed(void **state)
{
	_cleanup_buf_ struct buf early = BUF_INIT;

	(void)state;
	parse("rdbreak=mount rdshell rdinfo rdnetdebug rd_retry=7 rdblacklist=a rdinsmodpost=b "
	      "rdloaddriver=c rd_NO_FSTAB rd_NO_MULTIPATH blacklist=d,e-f");
	assert_int_equal(p.n_notes, 0);
	assert_int_equal(p.breaks, BREAK_MOUNT);
	assert_int_equal(p.shell, SHELL_YES);
	assert_true(p.info && p.debug && p.no_fstab && p.no_multipath);
	assert_int_equal(p.timeout, 7000);
	assert_string_equal(params_exclusion(&p, "a"), "rd.driver.blacklist=");
	assert_true(params_blacklisted(&p, "b"));
	params_each(&p.early, add_name, &early);
	assert_string_equal(buf_cstr(&early), "c;");
	assert_true(params_blacklisted(&p, "d") && params_blacklisted(&p, "e_f"));
	assert_string_equal(params_exclusion(&p, "d"), "blacklist=");
	parse("rdinitdebug");
	assert_true(p.debug);
}

static void assert_breaks(const char *line, unsigned breaks, size_t notes)
{
	parse(line);
	if (p.breaks != breaks || p.n_notes != notes)
		fail_msg("[%s] breaks at %x, %zu notes", line, p.breaks, p.n_notes);
}

static void the_boot_may_be_stopped_at_each_stage(void **state)
{
	(void)state;
	assert_breaks("", 0, 0);
	assert_breaks("rd.break", BREAK_SWITCH, 0);
	assert_breaks("rd.break=", BREAK_SWITCH, 0);
	assert_breaks("rd.break=cmdline,pre-udev", BREAK_CMDLINE | BREAK_PRE_UDEV, 0);
	assert_breaks("rd.break=pre-trigger rd.break=initqueue",
		      BREAK_PRE_TRIGGER | BREAK_INITQUEUE, 0);
	assert_breaks("rd.break=pre-mount,mount,pre-pivot,cleanup",
		      BREAK_PRE_MOUNT | BREAK_MOUNT | BREAK_PRE_PIVOT | BREAK_CLEANUP, 0);
	assert_breaks("rd.break=nowhere,mount,moun", BREAK_MOUNT, 1);
	assert_breaks("rd.break=,,", 0, 1);
	/* As initramfs-tools has it: most of its stages come before the root is waited for. */
	assert_breaks("break", BREAK_INITQUEUE, 0);
	assert_breaks("break=top,modules", BREAK_PRE_UDEV | BREAK_PRE_TRIGGER, 0);
	assert_breaks("break=premount,mount,mountroot", BREAK_INITQUEUE, 0);
	assert_breaks("break=bottom,init", BREAK_PRE_PIVOT | BREAK_SWITCH, 0);
	assert_breaks("break=pre-mount", 0, 1);
	assert_string_equal(params_break_name(BREAK_PRE_PIVOT), "pre-pivot");
	assert_string_equal(params_break_name(0), "");
}

static void what_follows_a_failure_may_be_chosen(void **state)
{
	(void)state;
	parse("");
	assert_int_equal(p.shell, SHELL_IF_ANY);
	assert_int_equal(p.emergency, EMERGENCY_NONE);
	parse("rd.shell rd.emergency=poweroff");
	assert_int_equal(p.shell, SHELL_YES);
	assert_int_equal(p.emergency, EMERGENCY_POWEROFF);
	parse("rd.shell rd.shell=0 rd.emergency=poweroff rd.emergency=halt");
	assert_int_equal(p.shell, SHELL_NO);
	assert_int_equal(p.emergency, EMERGENCY_HALT);
	parse("rd.emergency=reboot rd.emergency=explode");
	assert_int_equal(p.emergency, EMERGENCY_REBOOT);
	assert_int_equal(p.n_notes, 1);
}

static void who_looks_for_a_fault_is_told_more(void **state)
{
	(void)state;
	parse("rd.debug rd.info=0 rd.memdebug=3 rd.ctty=ttyS1 rd.cmdline=ask rd.hostonly=0");
	assert_true(p.debug);
	assert_false(p.info);
	assert_int_equal(p.memdebug, 3);
	assert_string_equal(p.ctty, "ttyS1");
	assert_true(p.ask);
	assert_true(p.without_embedded);
	assert_int_equal(p.n_notes, 0);
	parse("rd.info rd.memdebug=9 rd.cmdline=tell rd.hostonly");
	assert_true(p.info);
	assert_int_equal(p.memdebug, 0);
	assert_false(p.ask);
	assert_false(p.without_embedded);
	assert_int_equal(p.n_notes, 2);
}

static void drivers_may_load_before_and_after_the_others(void **state)
{
	_cleanup_buf_ struct buf early = BUF_INIT, late = BUF_INIT;

	(void)state;
	parse("rd.driver.pre=a,b rd.driver.pre=,c rd.driver.post=d-e");
	params_each(&p.early, add_name, &early);
	params_each(&p.late, add_name, &late);
	assert_string_equal(buf_cstr(&early), "a;b;c;");
	assert_string_equal(buf_cstr(&late), "d-e;");
	/* Else a device would ask for it before its time. */
	assert_true(params_blacklisted(&p, "d_e"));
	assert_false(params_blacklisted(&p, "a"));
}

static void a_line_that_is_too_long_is_cut_off(void **state)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	(void)state;
	buf_add_str(&b, "root=/dev/sda ");
	while (b.len < 3 * PARAMS_TEXT_MAX)
		buf_add_str(&b, "x=y ");
	buf_add_str(&b, " root=/dev/sdb");
	params_parse(&p, (const char *)b.data, b.len);
	assert_string_equal(p.root.value, "sda");
	b.len = 0;
	buf_add_str(&b, "root=UUID=");
	while (b.len < 2000)
		buf_add_str(&b, "a");
	params_parse(&p, (const char *)b.data, b.len);
	assert_int_equal(strlen(p.root.value), sizeof(p.root.value) - 1);
}

static void modules_on_a_blacklist_are_known(void **state)
{
	_cleanup_buf_ struct buf many = BUF_INIT;

	(void)state;
	parse("modprobe.blacklist=a,b-c rd.driver.blacklist=,d,, modprobe.blacklist=e "
	      "rd.driver.blacklist -- modprobe.blacklist=f");
	assert_true(params_blacklisted(&p, "a"));
	assert_true(params_blacklisted(&p, "b_c"));
	assert_true(params_blacklisted(&p, "d"));
	assert_true(params_blacklisted(&p, "e"));
	assert_false(params_blacklisted(&p, "f"));
	assert_false(params_blacklisted(&p, "b"));
	assert_false(params_blacklisted(&p, "a,b"));
	assert_string_equal(params_exclusion(&p, "b-c"), "modprobe.blacklist=");
	assert_string_equal(params_exclusion(&p, "d"), "rd.driver.blacklist=");
	assert_null(params_exclusion(&p, "f"));
	assert_int_equal(p.n_notes, 0);
	for (int i = 0; i < 2 * PARAMS_LISTS_MAX; i++)
		buf_printf(&many, "modprobe.blacklist=m%d ", i);
	parse(buf_cstr(&many));
	assert_true(params_blacklisted(&p, "m0"));
	parse("module_blacklist=m rd.driver.post=n"); /* the first is for the kernel to obey */
	assert_false(params_blacklisted(&p, "m"));
	assert_string_equal(params_exclusion(&p, "m"), "module_blacklist=");
	assert_true(params_blacklisted(&p, "n"));
	assert_null(params_exclusion(&p, "n"));
	parse(buf_cstr(&many));
	assert_int_equal(p.blacklists.n, PARAMS_LISTS_MAX);
}

/* ---- options of modules ---- */

static void assert_options(const char *line, const char *module, const char *expected)
{
	char out[200] = "";

	parse(line);
	params_module_options(&p, module, out, sizeof(out));
	if (strcmp(out, expected) != 0)
		fail_msg("[%s] gives %s [%s]", line, module, out);
}

static void options_of_a_module_are_collected(void **state)
{
	static const char line[] =
		"root=/dev/sda nvme.a=1 nvme_core.multipath=N usb-storage.delay=5 "
		"nvme.b nvme.a=2 x.nvme.c=3";

	(void)state;
	assert_options(line, "nvme", "a=1 b a=2");
	assert_options(line, "nvme_core", "multipath=N");
	assert_options(line, "usb_storage", "delay=5");
	assert_options(line, "ext4", "");
	assert_options(line, "", "");
	assert_options("", "nvme", "");
}

static void an_option_with_blanks_keeps_its_quotes(void **state)
{
	(void)state;
	/* The kernel takes the text apart again. */
	assert_options("m.a=\"b c\" m.d=e", "m", "a=\"b c\" d=e");
	assert_options("\"m.a=b c\"", "m", "a=\"b c\"");
}

static void options_behind_two_dashes_are_not_for_the_kernel(void **state)
{
	(void)state;
	assert_options("m.a=1 -- m.b=2", "m", "a=1");
}

static void options_are_added_to_those_that_are_there(void **state)
{
	char out[32] = "a=1";

	(void)state;
	parse("m.b=2");
	params_module_options(&p, "m", out, sizeof(out));
	assert_string_equal(out, "a=1 b=2");
}

static void options_that_do_not_fit_are_left_out_whole(void **state)
{
	(void)state;
	parse("m.first=1 m.second=2");
	for (size_t size = 1; size < 24; size++) {
		_cleanup_free_ char *out = malloc(size);

		out[0] = '\0';
		params_module_options(&p, "m", out, size);
		if (size > strlen("first=1 second=2"))
			assert_string_equal(out, "first=1 second=2");
		else if (size > strlen("first=1"))
			assert_string_equal(out, "first=1");
		else
			assert_string_equal(out, "");
	}
}

static void check_params(uint8_t *data, size_t len, void *arg)
{
	char options[64] = "";

	(void)arg;
	params_parse(&p, (const char *)data, len);
	assert_true(p.rootflags && p.timeout_by && p.delay >= 0);
	assert_true(p.timeout >= 0 || p.timeout == PARAMS_FOREVER);
	assert_true(p.root.text || p.root.kind == SPEC_NONE || p.root.kind == SPEC_AUTO);
	params_module_options(&p, "m", options, sizeof(options));
	assert_true(strlen(options) < sizeof(options));
}

static void no_command_line_is_fatal(void **state)
{
	static const char line[] =
		"root=LABEL=\"a b\" rw rootdelay=5 rd.timeout=7s panic=-1 m.a=\"x"
		" y\" rd.z -- init=x";

	(void)state;
	sweep(line, sizeof(line) - 1, check_params, NULL);
}

static void the_watchdog_is_asked_for_in_seconds(void **state)
{
	static const struct {
		const char *text;
		int seconds;
	} cases[] = {
		{"", -1},
		{"rd.watchdog=30", 30},
		{"rd.watchdog=0", 0},
		{"rd.watchdog=30 rd.watchdog=soon", 30},
		{"rd.watchdog", -1},
		{"rd.watchdog=99999999", -1},
		{"rd.watchdog=-5", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].text);
		if (p.watchdog != cases[i].seconds || p.n_notes)
			fail_msg("[%s]: %d", cases[i].text, (int)p.watchdog);
	}
}

static void assert_number(const char *cmdline, uint32_t major, uint32_t minor)
{
	parse(cmdline);
	assert_int_equal(p.root.kind, SPEC_NUMBER);
	assert_int_equal(p.root.major, major);
	assert_int_equal(p.root.minor, minor);
}

static void a_root_can_be_named_by_its_number(void **state)
{
	(void)state;
	assert_number("root=8:1", 8, 1);
	assert_number("root=254:1048575", 254, 1048575);
	assert_number("root=259:3:2048:", 259, 3);
	assert_number("root=/dev/block/253:16", 253, 16);
	assert_number("root=801", 8, 1);
	assert_number("root=0801", 8, 1);
	assert_number("root=fe01", 254, 1);
	assert_number("root=0xFE01", 254, 1);
	assert_number("root=00110301", 0x103, 0x101); /* a minor over 255 */
}

static void a_root_can_be_named_by_udevs_links_and_by_words(void **state)
{
	(void)state;
	assert_root("root=/dev/disk/by-id/ata-X_1-part2", SPEC_LINK, "by-id/ata-X_1-part2");
	assert_root("root=/dev/disk/by-path/pci-0000:00:1f.2-ata-1", SPEC_LINK,
		    "by-path/pci-0000:00:1f.2-ata-1");
	assert_root("root=/dev/disk/by-diskseq/7", SPEC_LINK, "by-diskseq/7");
	assert_root("root=/dev/disk/by-id/dm-name-a\\x20b", SPEC_LINK, "by-id/dm-name-a\\x20b");
	assert_root("root=tmpfs", SPEC_TMPFS, "tmpfs");
	assert_root("root=gpt-auto", SPEC_AUTO, "gpt-auto");
	assert_root("root=PARTUUID=ab-01/PARTNROFF=2", SPEC_PARTUUID, "ab-01");
	assert_int_equal(p.root.offset, 2);
	assert_root("root=PARTUUID=ab-03/PARTNROFF=-2", SPEC_PARTUUID, "ab-03");
	assert_int_equal(p.root.offset, -2);
	parse("quiet systemd.gpt_auto=0");
	assert_int_equal(p.root.kind, SPEC_NONE);
	parse("rd.systemd.gpt_auto=no");
	assert_int_equal(p.root.kind, SPEC_NONE);
}

static void further_mounts_have_their_parameters(void **state)
{
	(void)state;
	parse("root=LABEL=r mount.usr=LABEL=u mount.usrfstype=xfs mount.usrflags=noatime rd.fstab=0");
	assert_int_equal(p.usr.kind, SPEC_LABEL);
	assert_string_equal(p.usr.value, "u");
	assert_string_equal(p.usrfstype, "xfs");
	assert_string_equal(p.usrflags, "noatime");
	assert_true(p.no_fstab);
	assert_false(p.no_multipath);
	/* Flags alone: a part of the root's own filesystem. */
	parse("root=LABEL=r mount.usrflags=subvol=usr rd.multipath=0");
	assert_int_equal(p.usr.kind, SPEC_LABEL);
	assert_string_equal(p.usr.value, "r");
	assert_true(p.no_multipath);
	parse("root=LABEL=r");
	assert_int_equal(p.usr.kind, SPEC_NONE);
	parse("root=tmpfs mount.usrflags=ro");
	assert_int_equal(p.usr.kind, SPEC_NONE);
}

static void a_parameter_is_there_if_the_kernel_was_given_it(void **state)
{
	static const char line[] = "own=1 a-b quiet x=\"c d\" ostree=/o -- later";

	(void)state;
	parse(line);
	assert_true(params_have(&p, "ostree") && params_have(&p, "a_b") && params_have(&p, "x"));
	assert_true(params_have(&p, "own"));
	assert_false(params_have(&p, "c") || params_have(&p, "later") || params_have(&p, "ostre"));
	p.embedded_len = strlen("own=1 ");
	assert_false(params_have(&p, "own"));
	assert_true(params_have(&p, "a-b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_parameter_is_there_if_the_kernel_was_given_it),
		cmocka_unit_test(without_parameters_the_defaults_hold),
		cmocka_unit_test(the_root_may_be_named_in_each_form),
		cmocka_unit_test(a_link_of_dev_disk_may_hold_what_no_file_name_can),
		cmocka_unit_test(what_cannot_be_reached_is_known_as_such),
		cmocka_unit_test(names_that_features_give_are_known_as_such),
		cmocka_unit_test(quotes_around_a_root_are_taken_off),
		cmocka_unit_test(the_last_of_several_counts),
		cmocka_unit_test(a_value_where_none_belongs_is_another_parameter),
		cmocka_unit_test(what_follows_two_dashes_is_for_the_roots_init),
		cmocka_unit_test(panic_is_seconds_never_or_at_once),
		cmocka_unit_test(one_wait_overrules_the_other),
		cmocka_unit_test(infinity_never_means_at_once),
		cmocka_unit_test(a_wait_that_is_no_number_is_ignored),
		cmocka_unit_test(a_delay_is_added_to_the_wait),
		cmocka_unit_test(what_nobody_knows_is_noted_once),
		cmocka_unit_test(what_needs_a_feature_that_no_image_has_is_named),
		cmocka_unit_test(turning_off_a_feature_that_the_image_lacks_is_no_remark),
		cmocka_unit_test(a_parameter_of_several_features_is_taken_by_each),
		cmocka_unit_test(what_has_no_effect_in_an_image_is_named_with_the_reason),
		cmocka_unit_test(names_of_old_dracut_and_of_initramfs_tools_are_obeyed),
		cmocka_unit_test(a_root_that_this_version_cannot_reach_is_not_replaced_by_a_local_one),
		cmocka_unit_test(the_default_way_of_initramfs_tools_to_mount_a_root_is_the_one_here),
		cmocka_unit_test(the_boot_may_be_stopped_at_each_stage),
		cmocka_unit_test(what_follows_a_failure_may_be_chosen),
		cmocka_unit_test(who_looks_for_a_fault_is_told_more),
		cmocka_unit_test(drivers_may_load_before_and_after_the_others),
		cmocka_unit_test(a_line_that_is_too_long_is_cut_off),
		cmocka_unit_test(modules_on_a_blacklist_are_known),
		cmocka_unit_test(options_of_a_module_are_collected),
		cmocka_unit_test(an_option_with_blanks_keeps_its_quotes),
		cmocka_unit_test(options_behind_two_dashes_are_not_for_the_kernel),
		cmocka_unit_test(options_are_added_to_those_that_are_there),
		cmocka_unit_test(options_that_do_not_fit_are_left_out_whole),
		cmocka_unit_test(no_command_line_is_fatal),
		cmocka_unit_test(the_watchdog_is_asked_for_in_seconds),
		cmocka_unit_test(a_root_can_be_named_by_its_number),
		cmocka_unit_test(a_root_can_be_named_by_udevs_links_and_by_words),
		cmocka_unit_test(further_mounts_have_their_parameters),
	};

	return RUN_TESTS(tests);
}
