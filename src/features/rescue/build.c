/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "features/features.h"
#include "features/items.h"

/* A shell with a few tools, for boots that fail and for rd.break=: the machine's busybox, or its sh
 * with separate tools. The machine's sulogin asks for root's password, so the image holds its
 * hash. */

enum {
	ACCOUNTS_SIZE_MAX = 4 * 1024 * 1024,
	HASH_MAX = 512,
	BUSYBOX_SIZE_MAX = 64 * 1024 * 1024,
};

static const char reason[] = "rescue shell (--add rescue)";

/* Tools to find out why the root cannot be reached. */
static const char *const tools[] = {
	"cat",   "chmod", "clear", "cp",   "dd",    "df",    "dmesg", "du",    "echo",	"find",
	"grep",  "head",  "hexdump", "less", "ln",  "ls",    "lsmod", "lspci", "lsusb", "mkdir",
	"mknod", "more",  "mount", "mv",   "ps",    "pwd",   "readlink", "rm", "sed",	"sleep",
	"sort",  "sync",  "tail",  "test", "top",   "umount", "uname", "vi",   "wc",	"xxd"};

/* Tools that busybox lacks, or has only in a weaker version. */
static const char *const further[] = {"blkid", "findmnt", "lsblk"};

/* ---- who may use it ---- */

/* Copies field N of root's line in TEXT. False if there is none. */
static bool field_of_root(struct buf *text, unsigned n, char *out, size_t size)
{
	const char *line = buf_cstr(text);

	while (line && strncmp(line, "root:", strlen("root:")) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	for (; line && n; n--) {
		line += strcspn(line, ":\n");
		line = *line == ':' ? line + 1 : NULL;
	}
	if (!line || strcspn(line, ":\n") >= size)
		return false;
	snprintf(out, size, "%.*s", (int)strcspn(line, ":\n"), line);
	return true;
}

/* Reads the hash of root's password; "*" if there is none. */
static int read_hash(struct build *b, char out[HASH_MAX], struct err *err)
{
	static const char *const files[] = {"/etc/shadow", "/etc/passwd"};

	strcpy(out, "*");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		int r = root_read(b->root, files[i], ACCOUNTS_SIZE_MAX, &text);

		if (r < 0 && r != -ENOENT) {
			err_sys(err, r, "root's password in %s", files[i]);
			return err_hint(err, "build as root, or without the feature rescue");
		}
		if (r == 0 && field_of_root(&text, 1, out, HASH_MAX))
			break;
	}
	/* "x" in passwd refers to shadow, where it was not found. */
	if (strcmp(out, "x") == 0)
		strcpy(out, "*");
	for (const char *s = out; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127)
			return err_set(err, -EINVAL, "root's password in /etc/shadow is malformed");
	return 0;
}

/* Fails if nobody could ever use the shell. */
static int fail_locked(struct build *b, const char *hash, struct err *err)
{
	if (b->request->rescue_shell == RESCUE_SHELL_DEFAULT && build_is_measured(b)) {
		err_set(err, -EPERM,
			"nobody could get the rescue shell: a TPM keeps secrets of this machine "
			"(tpm2-device= in /etc/crypttab)");
		return err_hint(err, "preroot_rescue_shell=password allows one all the same; or "
				     "build without the feature rescue");
	}
	if (*hash != '!' && *hash != '*')
		return 0;
	err_set(err, -EPERM, "nobody could log in to the rescue shell: root's password is locked, or "
			     "there is none");
	return err_hint(err, "passwd root sets one; or build without the feature rescue; "
			     "preroot_rescue_shell=open gives a shell to everybody at the console");
}

/* Decides whether the shell is open to whoever is at the console, or asks for root's password,
 * whose hash is HASH. */
static int choose_policy(struct build *b, const char *hash, bool *open, struct err *err)
{
	*open = true;
	if (b->request->rescue_shell == RESCUE_SHELL_OPEN) {
		plan_warn(&b->plan, "the rescue shell is open: whoever reaches the console of a boot that "
				    "failed gets a root shell");
		return 0;
	}
	if (fail_locked(b, hash, err) < 0)
		return err->code;
	*open = !*hash;
	if (*open)
		plan_warn(&b->plan, "root has an empty password: whoever reaches the console of a "
				    "boot that failed gets a root shell");
	return 0;
}

/* ---- what it is ---- */

static int add_text(struct build *b, const char *path, unsigned mode, const char *text,
		    struct err *err)
{
	return plan_add_text(&b->plan, path, mode, text, strlen(text), reason, err);
}

/* glibc before 2.34 reads passwd and shadow through a library that it opens by name. */
static int add_nss(struct build *b, struct err *err)
{
	static const char *const paths[] = {"/usr/lib/x86_64-linux-gnu/libnss_files.so.2",
					    "/lib/x86_64-linux-gnu/libnss_files.so.2",
					    "/usr/lib64/libnss_files.so.2",
					    "/usr/lib/libnss_files.so.2"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (root_exists(b->root, paths[i]))
			return items_add(b, paths[i], reason, err);
	return 0;
}

static int add_sulogin(struct build *b, const char *hash, struct err *err)
{
	const char *path;
	int r = items_find(b, "sulogin", &path, err);

	if (r < 0)
		return r;
	if (r == 0) {
		err_set(err, -ENOENT, "there is no sulogin to ask for root's password");
		return err_hint(err, "install it (Debian: util-linux), or set "
				     "preroot_rescue_shell=open, or build without the feature rescue");
	}
	r = items_add(b, path, reason, err);
	if (r == 0 && strcmp(path, "/usr/sbin/sulogin") != 0 && strcmp(path, "/sbin/sulogin") != 0)
		r = plan_add_link(&b->plan, "usr/sbin/sulogin", path, reason, err);
	if (r == 0)
		r = add_nss(b, err);
	if (r == 0)
		r = add_text(b, "etc/nsswitch.conf", 0644, "passwd: files\nshadow: files\n", err);
	if (r == 0)
		r = add_text(b, "etc/passwd", 0644, "root:x:0:0:root:/:/bin/sh\n", err);
	if (r == 0)
		r = add_text(b, "etc/shadow", 0600,
			     arena_printf(&b->plan.arena, "root:%s:::::::\n", hash), err);
	return r;
}

/* busybox holds the names of its applets between NULs. */
static bool has_applet(const struct buf *busybox, const char *name)
{
	size_t len = strlen(name) + 2;
	char text[32] = "";

	snprintf(text + 1, sizeof(text) - 1, "%s", name);
	return len < sizeof(text) && memmem(busybox->data, busybox->len, text, len);
}

static int add_applets(struct build *b, const char *path, struct err *err)
{
	_cleanup_buf_ struct buf busybox = BUF_INIT;
	int r = root_read(b->root, path, BUSYBOX_SIZE_MAX, &busybox);

	if (r < 0)
		return err_sys(err, r, "%s", path);
	r = items_add(b, path, reason, err);
	if (r == 0)
		r = plan_add_link(&b->plan, "usr/bin/sh", path, reason, err);
	for (size_t i = 0; i < ARRAY_SIZE(tools) && r == 0; i++)
		if (has_applet(&busybox, tools[i]))
			r = plan_add_link(&b->plan,
					  arena_printf(&b->plan.arena, "usr/bin/%s", tools[i]), path,
					  reason, err);
	return r;
}

static int add_tools(struct build *b, const char *const *names, size_t n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const char *path;

		r = items_find(b, names[i], &path, err);
		if (r > 0)
			r = items_add(b, path, reason, err);
	}
	return r;
}

static int add_shell(struct build *b, struct err *err)
{
	const char *busybox, *sh;
	int has_busybox = items_find(b, "busybox", &busybox, err);
	int has_sh = has_busybox ? 0 : items_find(b, "sh", &sh, err), r;

	if (has_busybox < 0 || has_sh < 0)
		return has_busybox < 0 ? has_busybox : has_sh;
	if (has_busybox) {
		r = add_applets(b, busybox, err);
	} else if (has_sh) {
		r = items_add(b, sh, reason, err);
		if (r == 0)
			r = add_tools(b, tools, ARRAY_SIZE(tools), err);
	} else {
		err_set(err, -ENOENT, "there is neither a busybox nor a sh for the rescue shell");
		return err_hint(err, "install one of them, or build without the feature rescue");
	}
	return r < 0 ? r : add_tools(b, further, ARRAY_SIZE(further), err);
}

static int add_leave(struct build *b, struct err *err)
{
	static const char *const names[] = {"usr/sbin/reboot", "usr/sbin/poweroff", "usr/sbin/halt"};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++)
		r = plan_add_link(&b->plan, names[i], "../../init", reason, err);
	return r;
}

int rescue_build(struct build *b, struct err *err)
{
	char hash[HASH_MAX];
	bool open;
	int r = read_hash(b, hash, err);

	if (r == 0)
		r = choose_policy(b, hash, &open, err);
	if (r < 0)
		return r;
	buf_printf(&b->boot_conf, "shell=%s\n", open ? "open" : "password");
	r = add_shell(b, err);
	if (r == 0)
		r = add_leave(b, err);
	if (r < 0 || open)
		return r;
	build_warn_of_keymap(b, "root's password");
	return add_sulogin(b, hash, err);
}
