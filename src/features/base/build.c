/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "features/features.h"
#include "format/ours/ready.h"

enum { INIT_SIZE_MAX = 64 * 1024 * 1024 };

/* Adds the precompressed PID 1. If PID 1 has been replaced since, it is compressed like every other
 * file. */
static int add_ready(struct build *b, struct plan_entry *e, struct err *err)
{
	const char *path = arena_printf(&b->plan.arena, "%s" READY_SUFFIX, b->request->init);
	_cleanup_buf_ struct buf frame = BUF_INIT;
	int r;

	root_note_outside(b->root, path);
	r = read_file_at(AT_FDCWD, path, INIT_SIZE_MAX, &frame);
	if (r < 0 && r != -ENOENT)
		return err_sys(err, r, "%s", path);
	if (r < 0 || !ready_holds(&frame, e->data, e->len))
		return 0;
	e->ready = arena_memdup(&b->plan.arena, frame.data, frame.len);
	e->ready_len = frame.len;
	return 0;
}

static int add_init(struct build *b, struct err *err)
{
	_cleanup_buf_ struct buf init = BUF_INIT;
	struct plan_entry e = {.path = READY_PATH,
			       .type = PLAN_FILE,
			       .mode = READY_MODE,
			       .reason = "PID 1: finds and mounts the root filesystem"};
	int r;

	root_note_outside(b->root, b->request->init);
	r = read_file_at(AT_FDCWD, b->request->init, INIT_SIZE_MAX, &init);
	if (r < 0) {
		err_sys(err, r, "PID 1 program %s", b->request->init);
		return err_hint(err, "build or install preroot-init");
	}
	binaries_set_machine(b->binaries, init.data, init.len);
	e.data = arena_memdup(&b->plan.arena, init.data, init.len);
	e.len = init.len;
	if (b->codec == CODEC_ZSTD)
		r = add_ready(b, &e, err);
	if (r == 0)
		r = plan_add(&b->plan, &e, err);
	/* The kernel runs /sbin/modprobe to load a filesystem or a cipher. */
	if (r == 0)
		r = plan_add_link(&b->plan, "usr/sbin/modprobe", "../../init",
				  "answers when the kernel asks for a module", err);
	return r;
}

int base_build(struct build *b, struct err *err)
{
	static const struct {
		const char *path, *target;
	} links[] = {
		{"bin", "usr/bin"}, {"sbin", "usr/sbin"}, {"lib", "usr/lib"}, {"lib64", "usr/lib64"},
	};
	static const struct {
		const char *path;
		unsigned mode;
		const char *reason;
	} dirs[] = {
		{"dev", 0755, "devtmpfs is mounted here"},
		{"proc", 0555, "proc is mounted here"},
		{"run", 0755, "tmpfs is mounted here and kept for the root's init"},
		{"sys", 0555, "sysfs is mounted here"},
		{"sysroot", 0755, "the root filesystem is mounted here"},
		{"tmp", 01777, "for programs that want it"},
		{"usr/bin", 0755, "/bin leads here"},
		{"usr/sbin", 0755, "/sbin leads here"},
		{"usr/lib", 0755, "/lib leads here"},
		{"usr/lib64", 0755, "/lib64 leads here"},
	};
	static const char release[] = "NAME=preroot\nID=preroot\nPRETTY_NAME=\"preroot initramfs\"\n";
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++)
		r = plan_add_dir(&b->plan, dirs[i].path, dirs[i].mode, dirs[i].reason, err);
	for (size_t i = 0; i < ARRAY_SIZE(links) && r == 0; i++)
		r = plan_add_link(&b->plan, links[i].path, links[i].target,
				  "the usual name of a folder in /usr", err);
	if (r == 0)
		r = plan_add_text(&b->plan, "etc/initrd-release", 0644, release,
				  sizeof(release) - 1, "says that this is an initramfs", err);
	return r < 0 ? r : add_init(b, err);
}
