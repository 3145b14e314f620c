/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The boot part for LUKS volumes: which ones are opened, how, and in which order. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/crypt/boot/kit.h"
#include "part_recorder.h"
#include "recorder.h"

extern const struct feature_boot crypt_boot;

#define ONE "3f71d376-9046-48b2-870a-1c69ef76ac46"
#define TWO "a0000000-9046-48b2-870a-1c69ef76ac46"

#define _cleanup_part_ __attribute__((cleanup(part_close)))

/* ---- sysfs ---- */

static const char *map_name, *map_uuid; /* of each dm device */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

/* A file with TEXT. */
static int holding(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	close(ends[1]);
	return ends[0];
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (strstr(path, "/dm/name"))
		return holding(map_name);
	if (strstr(path, "/dm/uuid"))
		return holding(map_uuid);
	if (strstr(path, "/dm-0/dev"))
		return holding("254:3\n");
	return __real_open(path, flags, mode);
}

/* In place of /sys/class/block. */
static const char *blocks = "/nowhere";

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

DIR *__wrap_opendir(const char *path)
{
	return __real_opendir(strcmp(path, "/sys/class/block") == 0 ? blocks : path);
}

int __wrap_open64(const char *path, int flags, ...)
{
	return __wrap_open(path, flags, 0600);
}

/* A folder as /sys/class/block with dm-0 in it. */
static void make_blocks(char folder[])
{
	char path[64];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/dm-0", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	blocks = folder;
}

static void remove_blocks(char folder[])
{
	char path[64];

	snprintf(path, sizeof(path), "%s/dm-0", folder);
	rmdir(path);
	rmdir(folder);
	blocks = "/nowhere";
}

/* ---- a machine ---- */

/* TABLE: lines of the image, separated by "\n"; NULL. */
static void begin(struct part *p, const char *cmdline, const char *table)
{
	static char text[1024];
	struct feature_boot later = crypt_boot;
	char *cursor = text, *line;

	later.begin = NULL;
	part_open(p, &later, cmdline);
	p->feature = &crypt_boot;
	assert_true(crypt_boot.setting(p, "program", (char *)"/usr/sbin/cryptsetup"));
	snprintf(text, sizeof(text), "%s", table ? table : "");
	while (table && (line = strsep(&cursor, "\n")))
		assert_true(crypt_boot.setting(p, "volume", line));
	crypt_boot.begin(p);
}

static const char *why_not;

static enum part_claim appears(struct part *p, unsigned n, const char *name, const char *uuid)
{
	static char why[PART_TEXT_MAX];
	struct part_device d;

	part_device(n, name, uuid, "crypto_LUKS");
	snprintf(told.devices[n].probe.uuid, sizeof(told.devices[n].probe.uuid), "%s", uuid);
	assert_true(part_get(p, (struct device_ref){n, n + 1}, &d));
	*why = '\0';
	why_not = why;
	return crypt_boot.device(p, &d, why);
}

static void holds(struct part *p, unsigned n, const char *name, const char *uuid)
{
	assert_int_equal(appears(p, n, name, uuid), PART_HOLDS);
}

static const char *what(struct part *p)
{
	static char text[PART_TEXT_MAX];

	crypt_boot.what(p, text, sizeof(text));
	return text;
}

static const char *account(struct part *p)
{
	part_said();
	crypt_boot.account(p);
	return part_said();
}

#define LOADS "module devname:mapper/control\n"
#define RUN(tag, key, more, device, name)                                                          \
	"run " #tag ": /usr/sbin/cryptsetup open --type luks --tries 1 --key-file " key more        \
	" -- /proc/self/fd/3 " name "\n  on " device "\n"
#define OPEN(name, device) "info: LUKS volume " name " (" device ") is open\n"

/* ---- which volumes ---- */

static void a_volume_is_opened_if_something_names_it(void **state)
{
	static const struct {
		const char *cmdline, *table, *name; /* NULL: it stays closed */
	} cases[] = {
		{"", NULL, NULL},
		{"rd.auto", NULL, "luks-" ONE},
		{"rd.auto=0", NULL, NULL},
		{"rd.luks.uuid=" ONE, NULL, "luks-" ONE},
		{"rd.luks.uuid=luks-" ONE, NULL, "luks-" ONE},
		{"rd_LUKS_UUID=luks-3F71D376", NULL, "luks-" ONE},
		{"rd.luks.uuid=3f71d3769046", NULL, "luks-" ONE},
		{"rd.luks.uuid=" TWO, NULL, NULL},
		{"rd.luks.uuid=luks-", NULL, NULL},
		{"rd.luks.uuid=" ONE "0", NULL, NULL},
		{"rd.luks.name=" ONE "=root", NULL, "root"},
		{"rd.luks.name=" TWO "=root rd.luks.uuid=" ONE, NULL, "luks-" ONE},
		{"rd.luks.name=" ONE "=../x", NULL, NULL},
		{"", "root UUID=" ONE " none luks", "root"},
		{"rd.luks.crypttab=0", "root UUID=" ONE " none luks", NULL},
		{"rd_NO_CRYPTTAB", "root UUID=" ONE " none luks", NULL},
		{"rd.luks.uuid=" ONE, "root UUID=" ONE " none luks", "root"},
		{"rd.luks.uuid=" TWO, "root UUID=" ONE " none luks", NULL},
		{"rd.luks=0 rd.auto", "root UUID=" ONE " none luks", NULL},
		{"rd_NO_LUKS rd.luks.uuid=" ONE, NULL, NULL},
		{"rd.auto rd.luks.uuid=" TWO, NULL, NULL},
		{"rd.luks.uuid= rd.luks.uuid", "root UUID=" ONE " none luks", "root"},
		{"rd.luks.uuid=keysource:luks-" ONE, NULL, "luks-" ONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		char asks[256] = "";
		enum part_claim claim;

		begin(&p, cases[i].cmdline, cases[i].table);
		part_said();
		claim = appears(&p, 0, "sda2", ONE);
		if (cases[i].name)
			snprintf(asks, sizeof(asks), LOADS "ask 0: Passphrase of %s (sda2), for " ONE "\n",
				 cases[i].name);
		if (claim != (cases[i].name ? PART_HOLDS : PART_IGNORES))
			fail_msg("%s", cases[i].cmdline);
		assert_string_equal(part_said(), asks);
	}
}

static void a_volume_that_nothing_names_is_explained(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", "data UUID=" TWO " none luks");
	assert_int_equal(appears(&p, 0, "sda2", ONE), PART_IGNORES);
	told.root = "sda2";
	assert_int_equal(appears(&p, 0, "sda2", ONE), PART_REFUSES);
	assert_string_equal(why_not, "nothing says that it is to be opened: rd.luks.uuid=" ONE " would");
	assert_string_equal(account(&p), "show:   LUKS volume on sda2: nothing says that it is to be "
					 "opened: rd.luks.uuid=" ONE " would\n"
					 "show:   LUKS volume data: its device UUID=" TWO " is not there\n");
	assert_string_equal(what(&p), "");
}

static void a_second_device_with_the_same_uuid_is_refused(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.auto", NULL);
	holds(&p, 0, "sda2", ONE);
	assert_int_equal(appears(&p, 1, "sdb2", ONE), PART_REFUSES);
	assert_string_equal(why_not, "it has the same UUID as sda2");
}

static void other_devices_are_ignored(void **state)
{
	_cleanup_part_ struct part p;
	struct part_device d;

	(void)state;
	begin(&p, "rd.auto", NULL);
	part_device(0, "sda1", "1", "ext4");
	assert_true(part_get(&p, (struct device_ref){0, 1}, &d));
	assert_int_equal(crypt_boot.device(&p, &d, NULL), PART_IGNORES);
	assert_string_equal(part_said(), "");
}

/* ---- passphrases ---- */

static void the_passphrase_goes_to_cryptsetup_and_the_volume_is_open(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.luks.uuid=" ONE, NULL);
	assert_false(crypt_boot.is_locked(&p));
	holds(&p, 0, "sda2", ONE);
	assert_true(crypt_boot.is_locked(&p));
	assert_string_equal(what(&p), "LUKS volume luks-" ONE " (sda2), whose passphrase is asked for");
	part_said();
	assert_int_equal(recorded_answer(&p, 0, PROMPT_ANSWERED, "secret"), PROMPT_PENDING);
	assert_string_equal(part_said(), RUN(0, "-", "", "sda2", "luks-" ONE)
						 "  with a secret of 6 bytes\n");
	assert_string_equal(what(&p), "LUKS volume luks-" ONE " (sda2), which is being opened");
	recorded_end(&p, 0, 0, "");
	assert_string_equal(part_said(), OPEN("luks-" ONE, "sda2") "answer 0 is right\n");
	assert_string_equal(what(&p), "");
	assert_false(crypt_boot.is_locked(&p));
	holds(&p, 0, "sda2", ONE); /* read again */
	assert_string_equal(part_said(), "");
}

static void a_wrong_passphrase_is_asked_for_again_until_the_tries_are_over(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.luks.uuid=" ONE, NULL);
	holds(&p, 0, "sda2", ONE);
	assert_int_equal(recorded_answer(&p, 0, PROMPT_ANSWERED, ""), PROMPT_EMPTY);
	assert_int_equal(recorded_answer(&p, 0, PROMPT_ANSWERED, "wrong"), PROMPT_PENDING);
	part_said();
	recorded_end(&p, 0, 2, "ended with status 2");
	assert_string_equal(part_said(), "answer 0 is wrong\n");
	assert_int_equal(((struct crypt *)p.state)->secret[0], 0);
	recorded_answer(&p, 0, PROMPT_REFUSED, NULL);
	assert_contains(part_said(), "is not opened: no passphrase that was typed is right\n");
	assert_non_null(crypt_boot.is_hopeless(&p, "mapper/luks-" ONE));
	assert_null(crypt_boot.is_hopeless(&p, "mapper/other"));
	assert_null(crypt_boot.is_hopeless(&p, "luks-" ONE));
	assert_contains(account(&p), "LUKS volume luks-" ONE " (sda2), which was not opened: no "
				     "passphrase that was typed is right");
	assert_contains(what(&p), "which was not opened");
	assert_true(crypt_boot.is_locked(&p));
	part_said();
	crypt_boot.retry(&p);
	assert_contains(part_said(), "ask 0: ");
	assert_null(crypt_boot.is_hopeless(&p, "mapper/luks-" ONE));
}

static void nobody_types_anything(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.luks.uuid=" ONE " rd.luks.timeout=5", NULL);
	holds(&p, 0, "sda2", ONE);
	recorded_answer(&p, 0, PROMPT_LATE, NULL);
	assert_contains(part_said(), "nobody has typed its passphrase in time\n");
}

static void one_passphrase_is_tried_on_all_volumes(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.auto", NULL);
	holds(&p, 0, "sda2", ONE);
	holds(&p, 1, "sdb2", TWO);
	part_said();
	recorded_answer(&p, 0, PROMPT_ANSWERED, "secret");
	assert_contains(part_said(), "run 0: ");
	recorded_end(&p, 0, 0, "");
	assert_contains(part_said(), RUN(1, "-", "", "sdb2", "luks-" TWO) "  with a secret of 6 bytes\n");
	recorded_end(&p, 1, 2, "");
	assert_string_equal(part_said(), "ask 1: Passphrase of luks-" TWO " (sdb2), for " TWO "\n");
	recorded_answer(&p, 1, PROMPT_ANSWERED, "other");
	assert_contains(part_said(), "with a secret of 5 bytes");
	recorded_end(&p, 1, 0, "");
	assert_contains(part_said(), OPEN("luks-" TWO, "sdb2"));
}

/* The other one may be the root's. */
static void a_volume_that_fails_does_not_end_the_wait_for_another(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.auto", NULL);
	holds(&p, 0, "sda2", ONE);
	holds(&p, 1, "sdb2", TWO);
	part_said();
	recorded_answer(&p, 0, PROMPT_REFUSED, NULL);
	assert_string_equal(part_said(), "show: LUKS volume luks-" ONE " (sda2) is not opened: no "
					 "passphrase that was typed is right\n"
					 "ask 1: Passphrase of luks-" TWO " (sdb2), for " TWO "\n");
}

/* Its key derivation may take most of the memory. */
static void one_volume_is_opened_at_a_time(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", "one UUID=" ONE " /one\ntwo UUID=" TWO " /two");
	holds(&p, 0, "sda2", ONE);
	part_said();
	holds(&p, 1, "sdb2", TWO);
	assert_string_equal(part_said(), LOADS);
	assert_string_equal(what(&p), "LUKS volume one (sda2), which is being opened");
	recorded_end(&p, 0, 0, "");
	assert_string_equal(part_said(), OPEN("one", "sda2") RUN(1, "/two", "", "sdb2", "two"));
}

static void a_passphrase_is_not_kept_for_long(void **state)
{
	_cleanup_part_ struct part p;
	struct crypt *s;

	(void)state;
	begin(&p, "rd.auto", NULL);
	s = p.state;
	holds(&p, 0, "sda2", ONE);
	recorded_answer(&p, 0, PROMPT_ANSWERED, "secret");
	recorded_end(&p, 0, 0, "");
	assert_string_equal(s->secret, "secret");
	assert_int_equal(p.wake, CRYPT_KEEP_MS);
	told.now = CRYPT_KEEP_MS;
	crypt_boot.tick(&p, told.now);
	assert_int_equal(s->secret[0], 0);
	part_said();
	holds(&p, 1, "sdb2", TWO);
	assert_contains(part_said(), "ask 1: ");
	recorded_answer(&p, 1, PROMPT_ANSWERED, "secret");
	crypt_boot.leave(&p);
	assert_int_equal(s->secret[0], 0);
}

/* ---- keys and options ---- */

static void a_key_is_tried_first(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", "root UUID=" ONE " /etc/key luks,keyfile-offset=512,keyfile-size=64,discard,key-slot=1");
	part_said();
	holds(&p, 0, "sda2", ONE);
	assert_string_equal(part_said(),
			    LOADS RUN(0, "/etc/key",
				      " --allow-discards --key-slot 1 --keyfile-offset 512 --keyfile-size 64",
				      "sda2", "root"));
	recorded_end(&p, 0, 2, "");
	assert_string_equal(part_said(), "show: LUKS volume root (sda2): /etc/key is not its key\n"
					 "ask 0: Passphrase of root (sda2), for " ONE "\n");
	recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
	assert_string_equal(part_said(), RUN(0, "-", " --allow-discards --key-slot 1", "sda2", "root")
						 "  with a secret of 1 bytes\n");
}

static void kernel_parameters_override_the_table(void **state)
{
	static const struct {
		const char *cmdline, *says, *table;
	} cases[] = {
		{"", "the option read-only-not is not obeyed", "root UUID=" ONE " none luks,read-only-not"},
		{"rd.luks.options=" ONE "=same-cpu-crypt", "- --perf-same_cpu_crypt -- ",
		 "root UUID=" ONE " none luks,discard"},
		{"rd.luks.options=" ONE "=readonly rd.luks.options=discard", "- --readonly -- ", NULL},
		/* General ones are for volumes of which the table says nothing. */
		{"rd.luks.options=discard", "- --readonly -- ", "root UUID=" ONE " none luks,read-only"},
		{"rd.luks.key=/k", "--key-file /own -- ", "root UUID=" ONE " /own"},
		{"rd.luks.key=" ONE "=/k", "--key-file /k -- ", "root UUID=" ONE " /own"},
		{"rd.luks.allow-discards", "- --allow-discards -- ", NULL},
		{"rd.luks.allow-discards=luks-" ONE, "- --allow-discards -- ", NULL},
		{"rd.luks.allow-discards=" TWO, "- -- ", NULL},
		{"rd.luks.options=discard,no-read-workqueue", "- --allow-discards --perf-no_read_workqueue -- ", NULL},
		{"rd.luks.options=" ONE "=readonly rd.luks.options=" TWO "=discard", "- --readonly -- ", NULL},
		{"rd.luks.options=tries=3", "- -- ", NULL},
		{"rd.luks.key=/k", "--key-file /k -- ", NULL},
		{"rd.luks.key=" ONE "=/k", "--key-file /k -- ", NULL},
		{"rd.luks.key=" TWO "=/k", "- -- ", NULL},
		{"rd.luks.key=/k:LABEL=stick", "a key in /k:LABEL=stick is not supported", NULL},
		{"rd.luks.options=nonsense", "the option nonsense is not obeyed", NULL},
		{"rd.luks.options=tpm2-device=auto", "tpm2-device=auto is not supported", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;
		_cleanup_buf_ struct buf all = BUF_INIT;

		begin(&p, cases[i].cmdline, cases[i].table ? cases[i].table : "root UUID=" ONE " none luks");
		holds(&p, 0, "sda2", ONE);
		buf_add_str(&all, part_said());
		if (told.questions)
			recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
		buf_add_str(&all, part_said());
		assert_contains(buf_cstr(&all), cases[i].says);
	}
}

static void a_volume_that_cannot_be_opened_says_why(void **state)
{
	static const struct {
		int status;
		const char *why;
	} cases[] = {
		{1, "cryptsetup ended"},
		{3, "there is too little memory"},
		{4, "sda2 cannot be opened"},
		{5, "cryptsetup ended"},
		{-1, "cryptsetup ended"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p, "rd.luks.name=" ONE "=root", NULL);
		holds(&p, 0, "sda2", ONE);
		recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
		part_said();
		recorded_end(&p, 0, cases[i].status, "ended");
		assert_contains(part_said(), cases[i].why);
		assert_int_equal(told.questions, 0);
		assert_contains(account(&p), cases[i].why);
	}
}

/* The disk was pulled out, and another one has its name. */
static void a_device_that_has_become_another_is_read_again(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.luks.uuid=" ONE, NULL);
	holds(&p, 0, "sda2", ONE);
	recorded_answer(&p, 0, PROMPT_ANSWERED, "secret");
	part_said();
	recorded_end(&p, 0, CRYPT_IS_ANOTHER, "ended with status 64");
	assert_string_equal(part_said(), "mistaken sda2\ncancel question 0\n");
	assert_string_equal(what(&p), "");
	holds(&p, 0, "sda2", ONE); /* nobody types it again */
	assert_string_equal(part_said(), LOADS RUN(0, "-", "", "sda2", "luks-" ONE)
						 "  with a secret of 6 bytes\n");
	told.is_mistaken_again = true;
	recorded_end(&p, 0, CRYPT_IS_ANOTHER, "ended with status 64");
	assert_int_equal(appears(&p, 0, "sda2", ONE), PART_REFUSES);
	assert_string_equal(why_not, "it is another device each time it is opened");
}

static void cryptsetup_has_the_device_that_was_read_and_no_other(void **state)
{
	static const struct crypt_given given = {.device = "sda2"};
	int fd;

	(void)state;
	recorder_start_with(0);
	fd = crypt_open_device(&given);
	assert_true(fd >= 0);
	close(fd);
	recorder.identity = -ESTALE;
	assert_int_equal(crypt_open_device(&given), -CRYPT_IS_ANOTHER);
	recorder.identity = -EIO;
	assert_int_equal(crypt_open_device(&given), -CRYPT_NO_DEVICE);
	recorder.identity = 0;
	recorder.content_identity = -ESTALE;
	assert_int_equal(crypt_open_device(&given), -CRYPT_IS_ANOTHER);
}

/* A disk with the same UUID, whose passphrase somebody else knows. */
static void a_volume_whose_key_is_not_the_pinned_one_is_not_opened(void **state)
{
	static const char header[4096] = "LUKS\xba\xbe\0\1";
	struct crypt_given given = {.device = "sda2", .pin = "luks1:x"};
	char path[] = "/tmp/preroot-pin-XXXXXX", pin[] = "root luks1:x", other[] = "data luks1:x", none[] = "root";
	_cleanup_part_ struct part p;
	int fd = mkstemp(path);

	(void)state;
	begin(&p, "rd.luks.crypttab=0 rd.luks.name=" ONE "=x", "root UUID=" ONE " /key");
	assert_true(crypt_boot.setting(&p, "pin", pin));
	assert_false(crypt_boot.setting(&p, "pin", other));
	assert_false(crypt_boot.setting(&p, "pin", none));
	part_device(0, "sda2", ONE, "crypto_LUKS");
	assert_string_equal(crypt_pin(&p, &(struct crypt_volume){.ref = {0, 1}}), "luks1:x");
	assert_string_equal(crypt_pin(&p, &(struct crypt_volume){.ref = {1, 2}, .name = "root"}), "luks1:x");
	assert_null(crypt_pin(&p, &(struct crypt_volume){.ref = {1, 2}, .name = "x"}));
	holds(&p, 0, "sda2", ONE);
	recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
	part_said();
	recorded_end(&p, 0, CRYPT_NOT_PINNED, "ended with status 65");
	assert_contains(part_said(), "it is not the volume that this image was built for");
	assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
	close(fd);
	recorder_start_with(0);
	recorder.device = path;
	assert_int_equal(crypt_open_device(&given), -CRYPT_NOT_PINNED);
	unlink(path);
}

/* cryptsetup has the status 1 for a file that is missing or too short, and for a slot that is empty. */
static void a_key_that_cannot_be_used_leaves_the_passphrase(void **state)
{
	static const int statuses[] = {1, 2, 3, 5, -1, 127};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		_cleanup_part_ struct part p;

		begin(&p, "", "root UUID=" ONE " /key");
		holds(&p, 0, "sda2", ONE);
		part_said();
		recorded_end(&p, 0, statuses[i], "ended");
		assert_contains(part_said(), "ask 0: ");
		assert_null(crypt_boot.is_hopeless(&p, "mapper/root"));
	}
}

static void a_volume_that_is_open_already_is_open(void **state)
{
	char folder[] = "/tmp/preroot-blocks-XXXXXX";
	static const struct {
		const char *uuid;
		bool is;
	} cases[] = {
		{"CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac46-root\n", true},
		{"CRYPT-LUKS1-3f71d376904648b2870a1c69ef76ac46-root\n", true},
		{"CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac47-root\n", false},
		{"CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac46-other\n", false},
		{"CRYPT-LUKS2-3f71d3769046\n", false},
		{"CRYPT-PLAIN-root\n", false},
	};

	(void)state;
	make_blocks(folder);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		map_uuid = cases[i].uuid;
		begin(&p, "rd.luks.name=" ONE "=root", NULL);
		holds(&p, 0, "sda2", ONE);
		recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
		part_said();
		recorded_end(&p, 0, CRYPT_EXISTS, "ended with status 5");
		assert_contains(part_said(), cases[i].is ? OPEN("root", "sda2") : "is not opened: cryptsetup ended with");
	}
	remove_blocks(folder);
}

/* Its disk, or another name of it, may be known later than it. */
static void a_volume_is_judged_again_when_something_changes(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", "root NAME none luks");
	assert_int_equal(appears(&p, 0, "sda2", ONE), PART_IGNORES);
	told.devices[0].value = "NAME";
	((struct crypt *)p.state)->devices[0].kind = SPEC_ALIAS;
	snprintf(((struct crypt *)p.state)->devices[0].value, SPEC_VALUE_MAX, "NAME");
	part_said();
	part_device(1, "sdb", "f", "ext4");
	crypt_boot.device(&p, &(struct part_device){.name = "sdb", .probe = &told.devices[1].probe}, NULL);
	assert_string_equal(part_said(), LOADS "ask 0: Passphrase of root (sda2), for " ONE "\nhold sda2\n");
}

/* Whichever is read first, the same one of two disks with one UUID is opened; and the other when that is gone. */
static void of_two_devices_with_one_uuid_the_first_by_name_is_taken(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		_cleanup_part_ struct part p;
		static const char *const names[] = {"sda2", "sdb2"};

		begin(&p, "rd.auto", NULL);
		appears(&p, first, names[first], ONE);
		appears(&p, !first, names[!first], ONE);
		assert_string_equal(what(&p), "LUKS volume luks-" ONE " (sda2), whose passphrase is asked for");
		part_said();
		told.devices[0].value = NULL;
		crypt_boot.gone(&p, (struct device_ref){0, 1});
		assert_contains(part_said(), "ask 0: Passphrase of luks-" ONE " (sdb2)");
	}
}

/* Only whom the root may depend on holds up the boot. */
static void a_question_for_other_volumes_holds_nothing_up(void **state)
{
	static const struct {
		const char *cmdline, *table;
		bool holds;
	} cases[] = {
		{"rd.luks.uuid=" ONE, NULL, true},
		{"rd.luks.name=" ONE "=x", NULL, true},
		{"", "root UUID=" ONE " none luks", true},
		{"", "data UUID=" ONE " none luks,x-initrd.attach", false},
		{"rd.auto", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p, cases[i].cmdline, cases[i].table);
		holds(&p, 0, "sda2", ONE);
		assert_int_equal(((struct crypt *)p.state)->volumes[0].leads, cases[i].holds);
	}
}

#define ROOT_AND_DATA "data UUID=" TWO " none luks,x-initrd.attach\nroot UUID=" ONE " none luks"

/* Only one question is asked at a time, and only the root's holds the limit for the root. */
static void the_volume_that_the_root_may_be_in_is_asked_for_first(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", ROOT_AND_DATA);
	holds(&p, 0, "sda2", TWO);
	assert_contains(part_said(), "ask 0: Passphrase of data (sda2), for " TWO "\n");
	holds(&p, 1, "sdb2", ONE);
	assert_string_equal(part_said(), LOADS "cancel question 0\nask 1: Passphrase of root (sdb2), for " ONE "\n");
	recorded_answer(&p, 1, PROMPT_ANSWERED, "secret");
	part_said();
	recorded_end(&p, 1, 0, "");
	assert_contains(part_said(), RUN(0, "-", "", "sda2", "data"));
	recorded_end(&p, 0, 2, "");
	assert_string_equal(part_said(), "ask 0: Passphrase of data (sda2), for " TWO "\n");
}

static void the_question_for_the_root_makes_way_for_no_other(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", ROOT_AND_DATA);
	holds(&p, 0, "sda2", ONE);
	part_said();
	holds(&p, 1, "sdb2", TWO);
	assert_string_equal(part_said(), LOADS);
	told.devices[0].value = NULL;
	crypt_boot.gone(&p, (struct device_ref){0, 1});
	assert_string_equal(part_said(), "cancel question 0\nask 1: Passphrase of data (sdb2), for " TWO "\n");
	holds(&p, 0, "sda2", ONE);
	assert_string_equal(part_said(), LOADS "cancel question 1\nask 0: Passphrase of root (sda2), for " ONE "\n");
}

/* What was typed is judged first. */
static void a_question_that_was_answered_makes_no_way_until_it_is_judged(void **state)
{
	(void)state;
	for (int is_right = 0; is_right < 2; is_right++) {
		_cleanup_part_ struct part p;

		begin(&p, "", ROOT_AND_DATA);
		holds(&p, 0, "sda2", TWO);
		recorded_answer(&p, 0, PROMPT_ANSWERED, "secret");
		part_said();
		holds(&p, 1, "sdb2", ONE);
		assert_string_equal(part_said(), LOADS);
		recorded_end(&p, 0, is_right ? 0 : 2, "");
		assert_contains(part_said(), is_right ? RUN(1, "-", "", "sdb2", "root")
						      : "cancel question 0\nask 1: Passphrase of root (sdb2)");
	}
}

static void the_root_takes_over_when_no_volume_is_being_opened(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.auto", NULL);
	holds(&p, 0, "sda2", ONE);
	holds(&p, 1, "sdb2", TWO);
	recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
	assert_int_equal(part_step(&p, STAGE_PRE_PIVOT, false), STAGE_STAYS);
	assert_int_equal(told.limit, 60000);
	recorded_end(&p, 0, 0, "");
	/* What was typed is tried on the other one as well. */
	assert_int_equal(part_step(&p, STAGE_PRE_PIVOT, true), STAGE_STAYS);
	recorded_end(&p, 1, 2, "");
	part_said();
	assert_int_equal(part_step(&p, STAGE_PRE_PIVOT, true), STAGE_ENDS);
	recorded_answer(&p, 1, PROMPT_ANSWERED, "y");
	assert_string_equal(part_said(), "");
	crypt_boot.retry(&p);
	assert_contains(part_said(), "run 1: ");
	told.now = 60000;
	assert_int_equal(part_step(&p, STAGE_PRE_PIVOT, true), STAGE_ENDS);
}

static void nobody_with_a_shell_reads_what_was_typed(void **state)
{
	_cleanup_part_ struct part p;
	struct crypt *s;

	(void)state;
	begin(&p, "rd.auto", NULL);
	s = p.state;
	holds(&p, 0, "sda2", ONE);
	recorded_answer(&p, 0, PROMPT_ANSWERED, "secret");
	recorded_end(&p, 0, 0, "");
	crypt_boot.hide(&p);
	assert_int_equal(s->secret[0], 0);
	/* Not even one that waits for device mapper. */
	told.loading = "devname:mapper/control";
	holds(&p, 1, "sdb2", TWO);
	recorded_answer(&p, 1, PROMPT_ANSWERED, "secret");
	told.now = CRYPT_KEEP_MS;
	part_said();
	s->module_since = told.now;
	crypt_boot.tick(&p, told.now);
	assert_string_equal(s->secret, "secret");
	crypt_boot.hide(&p);
	assert_int_equal(s->secret[0], 0);
	assert_string_equal(part_said(), "answer 1 is wrong\n");
}

static void it_waits_for_the_driver(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "", "root UUID=" ONE " /key");
	told.loading = "devname:mapper/control";
	told.now = 1;
	part_said();
	holds(&p, 0, "sda2", ONE);
	assert_string_equal(part_said(), LOADS);
	assert_int_equal(p.wake, 1 + CRYPT_AGAIN_MS);
	told.now = CRYPT_MODULE_MS;
	crypt_boot.tick(&p, p.wake);
	assert_string_equal(part_said(), "");
	told.now = 1 + CRYPT_MODULE_MS; /* it hangs: perhaps cryptsetup does not need it */
	crypt_boot.tick(&p, p.wake);
	assert_contains(part_said(), "run 0: ");
	recorded_end(&p, 0, 2, "");
	told.loading = NULL;
	recorded_answer(&p, 0, PROMPT_ANSWERED, "x");
	assert_contains(part_said(), "run 0: ");
}

static void a_device_that_goes_takes_its_question_with_it(void **state)
{
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.auto", NULL);
	holds(&p, 0, "sda2", ONE);
	holds(&p, 1, "sdb2", TWO);
	part_said();
	told.devices[0].value = NULL;
	crypt_boot.gone(&p, (struct device_ref){0, 1});
	assert_string_equal(part_said(), "cancel question 0\nask 1: Passphrase of luks-" TWO
					 " (sdb2), for " TWO "\n");
	recorded_answer(&p, 1, PROMPT_ANSWERED, "x");
	part_said();
	crypt_boot.gone(&p, (struct device_ref){1, 2});
	assert_string_equal(part_said(), "cancel program 1\ncancel question 1\n");
	assert_string_equal(what(&p), "");
}

/* ---- what comes of it ---- */

static void map_appears(struct part *p, unsigned n)
{
	struct part_device d;

	part_device(n, "dm-0", "f", "ext4");
	told.devices[n].probe.major = 254;
	told.devices[n].probe.minor = 3;
	assert_true(part_get(p, (struct device_ref){n, n + 1}, &d));
	crypt_boot.name_device(p, &d);
	assert_int_equal(crypt_boot.device(p, &d, NULL), PART_IGNORES);
}

static void the_opened_device_is_named_and_noted_for_udev(void **state)
{
	char folder[] = "/tmp/preroot-blocks-XXXXXX";
	_cleanup_part_ struct part p;

	(void)state;
	begin(&p, "rd.auto", NULL);
	map_name = "root\n";
	map_uuid = "CRYPT-LUKS2-3f71d376904648b2870a1c69ef76ac46-root\n";
	map_appears(&p, 3);
	assert_string_equal(part_said(), "name dm-0 mapper/root\n");
	/* Not all of them need have been read: one may have been opened a moment ago. */
	make_blocks(folder);
	recorder_start_with(0);
	recorder.output = __real_open("/dev/null", O_WRONLY | O_CLOEXEC);
	crypt_boot.leave(&p);
	assert_string_equal(recorder_calls(), "mkdir /run/udev 755\nmkdir /run/udev/data 755\n"
					      "create /run/udev/data/b254:3 644\n");
	map_uuid = "CRYPT-TEMP-x\n";
	recorder_start_with(0);
	crypt_boot.leave(&p);
	assert_string_equal(recorder_calls(), "");
	remove_blocks(folder);
}

static void devices_of_others_are_not_named(void **state)
{
	static const char *const cases[][2] = {
		{"temporary-cryptsetup-77\n", "CRYPT-TEMP-temporary-cryptsetup-77\n"},
		{"vg-root\n", "LVM-x\n"},
		{"", ""},
		{"a/b\n", "CRYPT-LUKS2-x\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_part_ struct part p;

		begin(&p, "rd.auto", NULL);
		map_name = cases[i][0];
		map_uuid = cases[i][1];
		map_appears(&p, 3);
		assert_string_equal(part_said(), "");
	}
}

static void a_setting_that_is_not_understood_is_said(void **state)
{
	_cleanup_part_ struct part p;
	char half[] = "root", odd[] = "x";

	(void)state;
	begin(&p, "", NULL);
	assert_false(crypt_boot.setting(&p, "volume", half));
	assert_false(crypt_boot.setting(&p, "odd", odd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_volume_is_opened_if_something_names_it),
		cmocka_unit_test(a_volume_that_nothing_names_is_explained),
		cmocka_unit_test(a_second_device_with_the_same_uuid_is_refused),
		cmocka_unit_test(other_devices_are_ignored),
		cmocka_unit_test(the_passphrase_goes_to_cryptsetup_and_the_volume_is_open),
		cmocka_unit_test(a_wrong_passphrase_is_asked_for_again_until_the_tries_are_over),
		cmocka_unit_test(nobody_types_anything),
		cmocka_unit_test(one_passphrase_is_tried_on_all_volumes),
		cmocka_unit_test(a_volume_that_fails_does_not_end_the_wait_for_another),
		cmocka_unit_test(one_volume_is_opened_at_a_time),
		cmocka_unit_test(a_passphrase_is_not_kept_for_long),
		cmocka_unit_test(a_key_is_tried_first),
		cmocka_unit_test(kernel_parameters_override_the_table),
		cmocka_unit_test(a_volume_that_cannot_be_opened_says_why),
		cmocka_unit_test(a_device_that_has_become_another_is_read_again),
		cmocka_unit_test(cryptsetup_has_the_device_that_was_read_and_no_other),
		cmocka_unit_test(a_volume_whose_key_is_not_the_pinned_one_is_not_opened),
		cmocka_unit_test(a_key_that_cannot_be_used_leaves_the_passphrase),
		cmocka_unit_test(a_volume_that_is_open_already_is_open),
		cmocka_unit_test(a_volume_is_judged_again_when_something_changes),
		cmocka_unit_test(of_two_devices_with_one_uuid_the_first_by_name_is_taken),
		cmocka_unit_test(a_question_for_other_volumes_holds_nothing_up),
		cmocka_unit_test(the_volume_that_the_root_may_be_in_is_asked_for_first),
		cmocka_unit_test(the_question_for_the_root_makes_way_for_no_other),
		cmocka_unit_test(a_question_that_was_answered_makes_no_way_until_it_is_judged),
		cmocka_unit_test(the_root_takes_over_when_no_volume_is_being_opened),
		cmocka_unit_test(nobody_with_a_shell_reads_what_was_typed),
		cmocka_unit_test(it_waits_for_the_driver),
		cmocka_unit_test(a_device_that_goes_takes_its_question_with_it),
		cmocka_unit_test(the_opened_device_is_named_and_noted_for_udev),
		cmocka_unit_test(devices_of_others_are_not_named),
		cmocka_unit_test(a_setting_that_is_not_understood_is_said),
	};

	return RUN_TESTS(tests);
}
