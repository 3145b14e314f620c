/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who owns a file: the databases of dpkg, pacman and rpm below a root, and their damage.
 */

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "format/machine/osrelease.h"
#include "format/package/purl.h"
#include "format/package/rpmheader.h"
#include "host/packages/packages.h"
#include "support.h"

#define INFO "var/lib/dpkg/info/"
#define STATUS "var/lib/dpkg/status"

struct machine {
	char *folder;
	struct root root;
	struct packages *packages;
	struct err err;
};

static void clear_machine(struct machine *m)
{
	packages_free(m->packages);
	root_close(&m->root);
	remove_folder(m->folder);
}
#define _cleanup_machine_ __attribute__((cleanup(clear_machine)))

static struct machine new_machine(void)
{
	return (struct machine){.folder = make_folder(), .root = {.fd = -1}};
}

/* Asks for PATHS, which end with NULL. What packages_read() says. */
static int look_up(struct machine *m, const char *const *paths)
{
	packages_free(m->packages);
	root_close(&m->root);
	m->err = (struct err){0};
	assert_ok(root_open(m->folder, &m->root, &m->err), 0, &m->err);
	m->packages = packages_new(&m->root);
	for (; *paths; paths++)
		packages_want(m->packages, *paths);
	return packages_read(m->packages, 2, &m->err);
}

#define LOOK_UP(m, ...) look_up(m, (const char *const[]){__VA_ARGS__, NULL})

/* EXPECTED: "NAME VERSION ARCH", or NULL for no owner. */
static void assert_owner(const struct machine *m, const char *path, const char *expected)
{
	const struct package *o = packages_owner(m->packages, path);
	char text[256];

	if (!expected) {
		assert_null(o);
		return;
	}
	if (!o)
		fail_msg("nobody owns %s", path);
	snprintf(text, sizeof(text), "%s %s %s", o->name, o->version, o->arch ? o->arch : "-");
	assert_string_equal(text, expected);
}

/* ---- dpkg ---- */

static void put_dpkg(const char *folder)
{
	put_text(folder, STATUS,
		 "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\n"
		 "Version: 2.36-9\nDescription: x\n Version: none\n\n"
		 "Package: libc6\nArchitecture: i386\nVersion: 2.36-10\n\n"
		 "Package: dash\nArchitecture: amd64\nVersion: 0.5\n\n"
		 "Package: busybox\nArchitecture: amd64\nVersion: 1:1.35-4+b1\n");
	put_text(folder, INFO "libc6:amd64.list",
		 "/.\n/lib\n/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu/libc.so.6\n"
		 "/usr/share/doc/libc6/both\n");
	put_text(folder, INFO "libc6:i386.list",
		 "/.\n/usr/lib/i386-linux-gnu/libc.so.6\n/usr/share/doc/libc6/both\n");
	put_text(folder, INFO "dash.list", "/.\n/bin/dash\n/bin/sh\n/usr/lib/na me\\n\n/a\n");
	put_text(folder, INFO "busybox.list", "/.\n/bin/busybox\n/bin/sh\n/usr/share/moved");
	put_text(folder, INFO "dash.postinst", "not a list\n");
	put_text(folder, "usr/lib/x86_64-linux-gnu/libc.so.6", "x");
	put_text(folder, "usr/lib/i386-linux-gnu/libc.so.6", "x");
	put_text(folder, "usr/bin/busybox", "x");
	put_link(folder, "lib", "usr/lib");
	put_link(folder, "bin", "/usr/bin");
	put_link(folder, "usr/bin/vi", "/etc/alternatives/vi");
	put_link(folder, "etc/alternatives/vi", "/bin/busybox");
}

static void a_file_in_a_merged_usr_is_found_by_either_name(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_dpkg(m.folder);
	assert_ok(LOOK_UP(&m, "usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/i386-linux-gnu/libc.so.6",
			  "lib/x86_64-linux-gnu/libc.so.6", "usr/bin/busybox", "bin/dash",
			  "usr/bin/absent", "usr/lib/na me\\n", "a", "usr/share/moved"),
		  0, &m.err);
	assert_string_equal(packages_kind(m.packages), "deb");
	assert_owner(&m, "usr/lib/x86_64-linux-gnu/libc.so.6", "libc6 2.36-9 amd64");
	assert_owner(&m, "lib/x86_64-linux-gnu/libc.so.6", "libc6 2.36-9 amd64");
	assert_owner(&m, "/lib/i386-linux-gnu/libc.so.6", "libc6 2.36-10 i386");
	assert_owner(&m, "usr/bin/busybox", "busybox 1:1.35-4+b1 amd64");
	assert_owner(&m, "bin/dash", "dash 0.5 amd64");
	assert_owner(&m, "usr/lib/na me\\n", "dash 0.5 amd64");
	assert_owner(&m, "a", "dash 0.5 amd64");
	assert_owner(&m, "usr/share/moved", "busybox 1:1.35-4+b1 amd64");
	assert_owner(&m, "usr/bin/absent", NULL);
	assert_owner(&m, "never/asked/for", NULL);
}

static void without_a_merged_usr_they_are_two_files(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_text(m.folder, STATUS, "Package: a\nVersion: 1\n");
	put_text(m.folder, INFO "a.list", "/lib/firmware/thing.bin\n");
	put_dir(m.folder, "lib");
	assert_ok(LOOK_UP(&m, "lib/firmware/thing.bin", "usr/lib/firmware/thing.bin"), 0, &m.err);
	assert_owner(&m, "lib/firmware/thing.bin", "a 1 -");
	assert_owner(&m, "usr/lib/firmware/thing.bin", NULL);
}

static void a_link_belongs_to_who_owns_what_it_leads_to(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_dpkg(m.folder);
	put_link(m.folder, "usr/bin/sh", "nowhere");
	assert_ok(LOOK_UP(&m, "usr/bin/vi", "usr/bin/sh"), 0, &m.err);
	assert_owner(&m, "usr/bin/vi", "busybox 1:1.35-4+b1 amd64");
	assert_owner(&m, "usr/bin/sh", "busybox 1:1.35-4+b1 amd64");
}

static void several_owners_are_told_as_the_first_by_name(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_dpkg(m.folder);
	for (int i = 0; i < 20; i++) {
		assert_ok(LOOK_UP(&m, "usr/share/doc/libc6/both"), 0, &m.err);
		assert_owner(&m, "usr/share/doc/libc6/both", "libc6 2.36-9 amd64");
	}
}

static void diversions_say_whose_file_it_is(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_dpkg(m.folder);
	put_text(m.folder, "var/lib/dpkg/diversions",
		 "/bin/sh\n/usr/bin/sh.distrib\ndash\n/bin/dash\n/bin/dash.mine\n:\n");
	assert_ok(LOOK_UP(&m, "bin/sh", "usr/bin/sh.distrib", "bin/dash", "bin/dash.mine"), 0,
		  &m.err);
	assert_owner(&m, "bin/sh", "dash 0.5 amd64");
	assert_owner(&m, "usr/bin/sh.distrib", "busybox 1:1.35-4+b1 amd64");
	assert_owner(&m, "bin/dash", NULL);
	assert_owner(&m, "bin/dash.mine", "dash 0.5 amd64");
	assert_ok(LOOK_UP(&m, "usr/bin/sh.distrib"), 0, &m.err);
	assert_owner(&m, "usr/bin/sh.distrib", "busybox 1:1.35-4+b1 amd64");
}

static void damage_of_dpkg_is_told_and_the_rest_is_read(void **state)
{
	static const struct {
		const char *path, *text, *says;
	} faults[] = {
		{STATUS, "Package: dash\nVersion: 0.5\nArchitecture: amd64\n",
		 "package busybox is missing"},
		{STATUS,
		 "Package: dash\nVersion: 0.5\nArchitecture: amd64\n\n"
		 "Package: busybox\nVersion: \033[2J\n",
		 "no valid name or version"},
		{INFO "other.list", "no path\n", "other.list: a line that is no path"},
		{INFO "other.list", "/a\n\n/b\n", "other.list: a line that is no path"},
		{"var/lib/dpkg/diversions", "/bin/x\n/bin/y\n", "diversions: it is malformed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		_cleanup_machine_ struct machine m = new_machine();

		put_dpkg(m.folder);
		put_text(m.folder, faults[i].path, faults[i].text);
		assert_fails(LOOK_UP(&m, "bin/dash", "bin/busybox"), -EBADMSG, &m.err);
		assert_contains(m.err.text, faults[i].says);
		assert_owner(&m, "bin/dash", "dash 0.5 amd64");
		if (strcmp(faults[i].path, STATUS) == 0)
			assert_owner(&m, "bin/busybox", NULL);
		else
			assert_owner(&m, "bin/busybox", "busybox 1:1.35-4+b1 amd64");
	}
}

static void what_is_no_file_is_damage_and_nothing_waits_for_it(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();
	char path[PATH_MAX];

	(void)state;
	put_dpkg(m.folder);
	snprintf(path, sizeof(path), "%s/" INFO "fifo.list", m.folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	put_dir(m.folder, INFO "folder.list");
	assert_fails(LOOK_UP(&m, "bin/dash"), -EINVAL, &m.err);
	assert_contains(m.err.text, "fifo.list");
	assert_contains(m.err.text, "1 further");
	assert_owner(&m, "bin/dash", "dash 0.5 amd64");
}

static void a_machine_without_a_database_has_no_packages(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_text(m.folder, "bin/sh", "x");
	put_dir(m.folder, "var/lib/dpkg/info");
	assert_ok(LOOK_UP(&m, "bin/sh"), 0, &m.err);
	assert_null(packages_kind(m.packages));
	assert_owner(&m, "bin/sh", NULL);
}

static void many_paths_are_all_found(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();
	_cleanup_buf_ struct buf list = BUF_INIT;
	enum { MANY = 5000 };
	char path[64];

	(void)state;
	for (int i = 0; i < MANY; i++)
		buf_printf(&list, "/usr/share/%d/%d\n", i % 7, i);
	put_text(m.folder, INFO "big.list", buf_cstr(&list));
	put_text(m.folder, STATUS, "Package: big\nVersion: 1\nArchitecture: all\n");
	assert_ok(root_open(m.folder, &m.root, &m.err), 0, &m.err);
	m.packages = packages_new(&m.root);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(path, sizeof(path), "usr/share/%d/%d", i % 7, i);
		packages_want(m.packages, path);
	}
	assert_ok(packages_read(m.packages, 2, &m.err), 0, &m.err);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(path, sizeof(path), "usr/share/%d/%d", i % 7, i);
		assert_owner(&m, path, i < MANY ? "big 1 all" : NULL);
	}
}

/* ---- pacman ---- */

#define LOCAL "var/lib/pacman/local/"

static void pacman_tells_owners(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_text(m.folder, LOCAL "ALPM_DB_VERSION", "9\n");
	put_text(m.folder, LOCAL "linux-6.9-1/desc",
		 "%NAME%\nlinux\n\n%VERSION%\n6.9-1\n\n%ARCH%\nx86_64\n\n%DESC%\n%NAME%\n");
	put_text(m.folder, LOCAL "linux-6.9-1/files",
		 "%FILES%\nusr/\nusr/lib/modules/6.9/a.ko.zst\n\n%BACKUP%\nusr/lib/other.file\n");
	put_text(m.folder, LOCAL "other-1-1/files", "%FILES%\nusr/bin/program\n\n");
	assert_ok(LOOK_UP(&m, "usr/lib/modules/6.9/a.ko.zst", "usr/lib/other.file"), 0, &m.err);
	assert_string_equal(packages_kind(m.packages), "alpm");
	assert_owner(&m, "usr/lib/modules/6.9/a.ko.zst", "linux 6.9-1 x86_64");
	assert_owner(&m, "usr/lib/other.file", NULL);
	assert_fails(LOOK_UP(&m, "usr/bin/program"), -ENOENT, &m.err);
	assert_contains(m.err.text, "other-1-1/desc");
}

/* ---- rpm ---- */

struct tag {
	unsigned tag, type, count;
	const char *data;
	size_t len;
};

static void add_word(struct buf *b, uint32_t v)
{
	buf_add(b, (uint8_t[]){(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v}, 4);
}

#define BYTES(s) s, sizeof(s)

static const struct tag kernel_tags[] = {
	{1000, 6, 1, BYTES("kernel-core")},
	{1001, 6, 1, BYTES("6.9")},
	{1002, 6, 1, BYTES("1.fc40")},
	{1003, 4, 1, "\0\0\0\2", 4},
	{1022, 6, 1, BYTES("x86_64")},
	{1116, 4, 3, "\0\0\0\0\0\0\0\1\0\0\0\1", 12},
	{1117, 8, 3, BYTES("vmlinuz\0a.ko\0b c")},
	{1118, 8, 2, BYTES("/lib/modules/6.9/\0/usr/lib/x/")},
};

static void add_header(struct buf *out, const struct tag *tags, size_t n)
{
	uint32_t at = 0;

	for (size_t i = 0; i < n; i++)
		at += (uint32_t)tags[i].len;
	add_word(out, (uint32_t)n);
	add_word(out, at);
	at = 0;
	for (size_t i = 0; i < n; i++) {
		add_word(out, tags[i].tag);
		add_word(out, tags[i].type);
		add_word(out, at);
		add_word(out, tags[i].count);
		at += (uint32_t)tags[i].len;
	}
	for (size_t i = 0; i < n; i++)
		buf_add(out, tags[i].data, tags[i].len);
}

static void put_rpm(const char *folder, const void *blob, size_t len)
{
	char path[PATH_MAX];
	sqlite3_stmt *insert;
	sqlite3 *db;

	put_text(folder, "usr/lib/sysimage/rpm/rpmdb.sqlite", "");
	snprintf(path, sizeof(path), "%s/usr/lib/sysimage/rpm/rpmdb.sqlite", folder);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			     "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL);"
			     "CREATE TABLE Basenames (key TEXT NOT NULL, hnum INTEGER NOT NULL,"
			     " idx INTEGER NOT NULL);"
			     "INSERT INTO Basenames VALUES ('vmlinuz', 7, 0), ('a.ko', 7, 1),"
			     " ('b c', 7, 2), ('gone', 8, 0)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO Packages VALUES (7, ?)", -1, &insert, NULL),
		SQLITE_OK);
	sqlite3_bind_blob(insert, 1, blob, (int)len, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
	sqlite3_finalize(insert);
	sqlite3_close(db);
}

static void rpm_tells_owners(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();
	_cleanup_buf_ struct buf blob = BUF_INIT;

	(void)state;
	add_header(&blob, kernel_tags, ARRAY_SIZE(kernel_tags));
	put_rpm(m.folder, blob.data, blob.len);
	put_dir(m.folder, "usr/lib");
	put_link(m.folder, "lib", "usr/lib");
	assert_ok(LOOK_UP(&m, "usr/lib/modules/6.9/vmlinuz", "usr/lib/x/b c", "lib/x/a.ko",
			  "usr/lib/y/a.ko"),
		  0, &m.err);
	assert_string_equal(packages_kind(m.packages), "rpm");
	assert_owner(&m, "usr/lib/modules/6.9/vmlinuz", "kernel-core 2:6.9-1.fc40 x86_64");
	assert_owner(&m, "usr/lib/x/b c", "kernel-core 2:6.9-1.fc40 x86_64");
	assert_owner(&m, "lib/x/a.ko", "kernel-core 2:6.9-1.fc40 x86_64");
	assert_owner(&m, "usr/lib/y/a.ko", NULL);
	assert_int_equal(count_names(m.folder), 2);
	assert_fails(LOOK_UP(&m, "usr/lib/gone"), -EBADMSG, &m.err);
	assert_contains(m.err.text, "missing or damaged");
}

static void a_damaged_rpm_database_is_told(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_text(m.folder, "var/lib/rpm/rpmdb.sqlite", "this is no database, and never was one");
	assert_fails(LOOK_UP(&m, "usr/lib/x/a.ko"), -EBADMSG, &m.err);
	assert_contains(m.err.text, "/var/lib/rpm/rpmdb.sqlite");
}

static void a_damaged_rpm_database_of_another_kind_is_told(void **state)
{
	_cleanup_machine_ struct machine m = new_machine();

	(void)state;
	put_text(m.folder, "var/lib/rpm/Packages", "x");
	assert_fails(LOOK_UP(&m, "usr/lib/x/a.ko"), -EBADMSG, &m.err);
	assert_contains(m.err.text, "/var/lib/rpm/Packages:");
	assert_owner(&m, "usr/lib/x/a.ko", NULL);
	put_text(m.folder, "var/lib/rpm/Packages.db", "x");
	assert_fails(LOOK_UP(&m, "usr/lib/x/a.ko"), -EBADMSG, &m.err);
	assert_contains(m.err.text, "/var/lib/rpm/Packages.db:");
	assert_string_equal(packages_kind(m.packages), "rpm");
}

static void count_file(struct span path, void *arg)
{
	assert_true(path.len > 0);
	++*(int *)arg;
}

static void check_header(uint8_t *data, size_t len, void *arg)
{
	struct rpmheader_package p;
	struct rpmheader h;
	int files = 0;

	(void)arg;
	if (rpmheader_decode(data, len, &h) < 0)
		return;
	rpmheader_package(&h, &p);
	rpmheader_files(&h, count_file, &files);
}

static void no_rpm_header_is_fatal(void **state)
{
	_cleanup_buf_ struct buf blob = BUF_INIT;
	struct rpmheader h;
	int files = 0;

	(void)state;
	add_header(&blob, kernel_tags, ARRAY_SIZE(kernel_tags));
	assert_int_equal(rpmheader_decode(blob.data, blob.len, &h), 0);
	assert_int_equal(rpmheader_files(&h, count_file, &files), 0);
	assert_int_equal(files, 3);
	sweep(blob.data, blob.len, check_header, NULL);
}

/* ---- os-release ---- */

static void os_release_is_read_and_not_evaluated(void **state)
{
	static const char text[] = "# comment\nNAME=\"A \\\"b\\\" $(id)\"\nID=first\nXID=other\n"
				   "ID=debian \nVERSION_ID='12'\nBAD=\"open\nLAST=x";
	char out[32] = "";

	(void)state;
	assert_true(osrelease_get(text, strlen(text), "NAME", out, sizeof(out)));
	assert_string_equal(out, "A \"b\" $(id)");
	assert_true(osrelease_get(text, strlen(text), "ID", out, sizeof(out)));
	assert_string_equal(out, "debian");
	assert_true(osrelease_get(text, strlen(text), "VERSION_ID", out, sizeof(out)));
	assert_string_equal(out, "12");
	assert_false(osrelease_get(text, strlen(text), "BAD", out, sizeof(out)));
	assert_false(osrelease_get(text, strlen(text), "ABSENT", out, sizeof(out)));
	assert_string_equal(out, "12");
	assert_true(osrelease_get(text, strlen(text), "LAST", out, sizeof(out)));
	assert_string_equal(out, "x");
	assert_false(osrelease_get(text, strlen(text), "NAME", out, 4));
}

/* ---- package URLs ---- */

static void package_urls_are_spelt_as_their_specification_says(void **state)
{
	static const struct {
		struct purl p;
		const char *url;
	} cases[] = {
		{{"deb", "debian", "12", "amd64", "libc6", "2.36-9+deb12u4"},
		 "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12"},
		{{"deb", "debian", NULL, NULL, "attr", "1:2.4.47-2~x"},
		 "pkg:deb/debian/attr@1:2.4.47-2~x"},
		{{"rpm", "fedora", "40", "x86_64", "ImageMagick-c++", "2:6.9-1.fc40"},
		 "pkg:rpm/fedora/ImageMagick-c%2B%2B@6.9-1.fc40?arch=x86_64&distro=fedora-40&epoch=2"},
		{{"rpm", NULL, "40", NULL, "a", "1-2"}, "pkg:rpm/a@1-2"},
		{{"alpm", "arch", NULL, "any", "Pkg", "1:0.47.4-4"},
		 "pkg:alpm/arch/pkg@1:0.47.4-4?arch=any"},
		{{"deb", "o s/", "1&2", "a?b", "n@me", "1#%"},
		 "pkg:deb/o%20s%2F/n%40me@1%23%25?arch=a%3Fb&distro=o%20s%2F-1%262"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		purl_add(&b, &cases[i].p);
		assert_string_equal(buf_cstr(&b), cases[i].url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_in_a_merged_usr_is_found_by_either_name),
		cmocka_unit_test(without_a_merged_usr_they_are_two_files),
		cmocka_unit_test(a_link_belongs_to_who_owns_what_it_leads_to),
		cmocka_unit_test(several_owners_are_told_as_the_first_by_name),
		cmocka_unit_test(diversions_say_whose_file_it_is),
		cmocka_unit_test(damage_of_dpkg_is_told_and_the_rest_is_read),
		cmocka_unit_test(what_is_no_file_is_damage_and_nothing_waits_for_it),
		cmocka_unit_test(a_machine_without_a_database_has_no_packages),
		cmocka_unit_test(many_paths_are_all_found),
		cmocka_unit_test(pacman_tells_owners),
		cmocka_unit_test(rpm_tells_owners),
		cmocka_unit_test(a_damaged_rpm_database_is_told),
		cmocka_unit_test(a_damaged_rpm_database_of_another_kind_is_told),
		cmocka_unit_test(no_rpm_header_is_fatal),
		cmocka_unit_test(package_urls_are_spelt_as_their_specification_says),
		cmocka_unit_test(os_release_is_read_and_not_evaluated),
	};

	return RUN_TESTS(tests);
}
