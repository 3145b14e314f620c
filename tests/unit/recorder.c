/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recorder.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "init/core/identity.h"
#include "init/core/sys.h"
#include "support.h"

enum { CONTENT_MAX = 16 * 1024 * 1024 };

struct recorder recorder;

void recorder_start(const int *results)
{
	unsigned n = 0;

	buf_clear(&recorder.calls);
	buf_clear(&recorder.content);
	memset(recorder.results, 0, sizeof(recorder.results));
	recorder.next_result = 0;
	recorder.output = -1;
	recorder.identity = recorder.content_identity = 0;
	recorder.device = NULL;
	recorder.active = -ENOTTY;
	for (; results[n] != 1; n++)
		recorder.results[n] = results[n];
}

const char *recorder_calls(void)
{
	return buf_cstr(&recorder.calls);
}

const char *recorder_log(void)
{
	return recorder.log.len ? buf_cstr(&recorder.log) : "";
}

static void add_line(const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	buf_printf(&recorder.log, "%s\n", text);
}

void __wrap_log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(fmt, ap);
	va_end(ap);
}

void __wrap_log_show(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(fmt, ap);
	va_end(ap);
}

static int next_result(void)
{
	return recorder.next_result < ARRAY_SIZE(recorder.results)
		       ? recorder.results[recorder.next_result++]
		       : 0;
}

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags,
	      const char *data)
{
	buf_printf(&recorder.calls, "mount %s %s %s %lx [%s]\n", source ? source : "-", target,
		   fstype ? fstype : "-", flags, data ? data : "-");
	return next_result();
}

int identity_open(const char *name, const struct device_identity *wanted)
{
	(void)name, (void)wanted;
	return recorder.identity < 0 ? recorder.identity
				     : open(recorder.device ? recorder.device : "/dev/null",
					    O_RDONLY | O_CLOEXEC);
}

int identity_hold(const char *name, const struct device_identity *wanted)
{
	(void)name, (void)wanted;
	return recorder.identity;
}

int identity_check_content(int fd, const struct device_identity *wanted)
{
	(void)fd, (void)wanted;
	return recorder.content_identity;
}

uint64_t identity_sequence(int fd)
{
	(void)fd;
	return 0;
}

int sys_umount(const char *target, int flags)
{
	buf_printf(&recorder.calls, "umount %s %x\n", target, (unsigned)flags);
	return next_result();
}

int sys_mkdir(const char *path, unsigned mode)
{
	buf_printf(&recorder.calls, "mkdir %s %o\n", path, mode);
	return next_result();
}

int sys_symlink(const char *target, const char *path)
{
	buf_printf(&recorder.calls, "symlink %s %s\n", target, path);
	return next_result();
}

int sys_unlink(int dir, const char *name, int flags)
{
	(void)dir;
	buf_printf(&recorder.calls, "unlink %s %x\n", name, (unsigned)flags);
	return next_result();
}

int sys_chdir(const char *path)
{
	buf_printf(&recorder.calls, "chdir %s\n", path);
	return next_result();
}

int sys_chroot(const char *path)
{
	buf_printf(&recorder.calls, "chroot %s\n", path);
	return next_result();
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	buf_printf(&recorder.calls, "pivot_root %s %s\n", new_root, put_old);
	return next_result();
}

int sys_write(const char *path, const char *text)
{
	buf_printf(&recorder.calls, "write %s %s\n", path, text);
	return next_result();
}

int sys_scan_partitions(int fd)
{
	(void)fd;
	buf_printf(&recorder.calls, "scan partitions\n");
	return next_result();
}

int sys_array_open(unsigned number)
{
	int r = next_result();

	buf_printf(&recorder.calls, "array open md%u\n", number);
	return r < 0 ? r : open("/dev/null", O_RDWR | O_CLOEXEC);
}

int sys_array_set(int fd, int major_version, int minor_version)
{
	(void)fd;
	buf_printf(&recorder.calls, "array set %d.%d\n", major_version, minor_version);
	return next_result();
}

int sys_array_add(int fd, unsigned major, unsigned minor)
{
	(void)fd;
	buf_printf(&recorder.calls, "array add %u:%u\n", major, minor);
	return next_result();
}

int sys_array_run(int fd)
{
	(void)fd;
	buf_add_str(&recorder.calls, "array run\n");
	return next_result();
}

int sys_array_stop(int fd)
{
	(void)fd;
	buf_add_str(&recorder.calls, "array stop\n");
	return next_result();
}

int sys_array_active(int fd)
{
	(void)fd;
	return recorder.active;
}

int sys_register_btrfs(const char *device)
{
	buf_printf(&recorder.calls, "btrfs register %s\n", device);
	return next_result();
}

int sys_forget_btrfs(const char *device)
{
	buf_printf(&recorder.calls, "btrfs forget %s\n", device);
	return next_result();
}

bool sys_has_btrfs(const char *uuid)
{
	(void)uuid;
	return recorder.has_btrfs;
}

int sys_open_btrfs(const char *device)
{
	int r = next_result();

	buf_printf(&recorder.calls, "btrfs try %s\n", device);
	return r < 0 ? r : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int sys_search_btrfs_chunks(int root, uint64_t from, void *out, size_t size)
{
	int r = next_result();

	(void)root;
	if (r < 0 || from)
		return r;
	assert_between(recorder.chunks_len, 0, size);
	if (recorder.chunks_len)
		memcpy(out, recorder.chunks, recorder.chunks_len);
	return (int)recorder.n_chunks;
}

int sys_map_make(const struct sys_map *map)
{
	buf_printf(&recorder.calls, "map %s %s%s\n", map->name, map->uuid, map->is_read_only ? " ro" : "");
	for (size_t i = 0; i < map->n; i++)
		buf_printf(&recorder.calls, "  %llu %llu %s %s\n", (unsigned long long)map->targets[i].start,
			   (unsigned long long)map->targets[i].length, map->targets[i].type, map->targets[i].words);
	return next_result();
}

/* The file goes to recorder.output. */
int sys_create(const char *path, unsigned mode)
{
	int r = next_result();

	buf_printf(&recorder.calls, "create %s %o\n", path, mode);
	return r < 0 ? r : recorder.output;
}

int sys_load_file(int fd, const char *options, int compressed)
{
	buf_printf(&recorder.calls, "load file%s [%s]\n", compressed ? " compressed" : "", options);
	recorder.content.len = 0;
	assert_int_equal(read_all(fd, CONTENT_MAX, &recorder.content), 0);
	return next_result();
}

int sys_load_memory(const void *data, size_t len, const char *options)
{
	buf_printf(&recorder.calls, "load memory [%s]\n", options);
	recorder.content.len = 0;
	buf_add(&recorder.content, data, len);
	return next_result();
}

/* What it would print comes from recorder.output. */
int sys_spawn(char **argv, char **envp, const struct sys_child *child, int *output)
{
	int r = next_result();

	recorder.content.len = 0;
	if (child->input >= 0)
		assert_int_equal(read_all(child->input, CONTENT_MAX, &recorder.content), 0);
	buf_add_str(&recorder.calls, "spawn");
	for (int i = 0; argv[i]; i++)
		buf_printf(&recorder.calls, " %s", argv[i]);
	for (int i = 0; envp[i]; i++)
		if (strncmp(envp[i], "PREROOT_", 8) == 0 || strncmp(envp[i], "NEWROOT", 7) == 0)
			buf_printf(&recorder.calls, " %s", envp[i]);
	buf_add_str(&recorder.calls, "\n");
	if (r >= 0)
		*output = recorder.output;
	return r;
}

int sys_spawn_on(const char *tty, const char *path, char **argv, char **envp)
{
	(void)envp;
	buf_printf(&recorder.calls, "spawn on %s %s [%s]\n", tty, path, argv[0]);
	return next_result();
}

int sys_save(const char *path, const void *data, size_t len)
{
	buf_printf(&recorder.calls, "save %s\n", path);
	recorder.content.len = 0;
	buf_add(&recorder.content, data, len);
	return next_result();
}

int sys_set_variable(const char *path, const void *data, size_t len)
{
	const char *name = strrchr(path, '/');

	buf_printf(&recorder.calls, "variable %s %zu\n", name ? name + 1 : path, len);
	recorder.content.len = 0;
	buf_add(&recorder.content, data, len);
	return next_result();
}

int sys_kill(int pid, int signal)
{
	buf_printf(&recorder.calls, "kill %d %d\n", pid, signal);
	return next_result();
}

int sys_watchdog(const char *path, unsigned *seconds)
{
	buf_printf(&recorder.calls, "watchdog %s %u\n", path, *seconds);
	return next_result();
}

int sys_feed(int fd)
{
	buf_printf(&recorder.calls, "feed %d\n", fd);
	return next_result();
}

int sys_reboot(void)
{
	buf_add_str(&recorder.calls, "reboot\n");
	return next_result();
}

int sys_power_off(void)
{
	buf_add_str(&recorder.calls, "power off\n");
	return next_result();
}

int sys_halt(void)
{
	buf_add_str(&recorder.calls, "halt\n");
	return next_result();
}

int sys_exec(const char *path, char **argv, char **envp)
{
	(void)argv, (void)envp;
	buf_printf(&recorder.calls, "exec %s\n", path);
	return next_result();
}
