/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every system call by which PID 1 changes the machine. Tests link another sys.c that records
 * instead. All return 0 (or a descriptor) or -errno.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags,
	      const char *data);
int sys_umount(const char *target, int flags);
int sys_mkdir(const char *path, unsigned mode);
int sys_symlink(const char *target, const char *path);
int sys_unlink(int dir, const char *name, int flags);
int sys_chdir(const char *path);
int sys_chroot(const char *path);
int sys_pivot_root(const char *new_root, const char *put_old);

/* An empty file in place of PATH, which no link leads away from: a descriptor. */
int sys_create(const char *path, unsigned mode);

/* Writes a short text into a file of /sys or /proc. */
int sys_write(const char *path, const char *text);

/* Lets the kernel look for the partitions of a disk. */
int sys_scan_partitions(int fd);

/* An MD array: makes mdN, which holds nothing yet, and opens it: a descriptor; -ENOENT: the kernel has no MD.
 * Its version, its members and its start; and its end, when that fails. */
int sys_array_open(unsigned number);
int sys_array_set(int fd, int major_version, int minor_version);
int sys_array_add(int fd, unsigned major, unsigned minor);
int sys_array_run(int fd);
int sys_array_stop(int fd);

/* How many members it runs with that have all of their data, or -errno. */
int sys_array_active(int fd);

/* Makes the kernel's btrfs know of DEVICE, which holds one of its filesystems, or forget it, unless that is
 * mounted (-EBUSY); -ENOENT: it did not know it. -ENOTSUP: the kernel has no btrfs, or cannot do that. */
int sys_register_btrfs(const char *device);
int sys_forget_btrfs(const char *device);

/* Is the btrfs with UUID mounted? */
bool sys_has_btrfs(const char *uuid);

/* Mounts the btrfs on DEVICE, and on others that the kernel knows, with what is missing left out, where
 * nobody sees it, and so that nothing is written. A descriptor of its root, as long as which it is
 * mounted; -errno. */
int sys_open_btrfs(const char *device);

/* Items of the chunk tree of the btrfs ROOT, from offset FROM on, as BTRFS_IOC_TREE_SEARCH returns them.
 * Their number, or -errno. */
int sys_search_btrfs_chunks(int root, uint64_t from, void *out, size_t size);

/* A device of device mapper: of N targets, one behind the other. */
struct sys_target {
	uint64_t start, length; /* sectors */
	const char *type, *words;
};
struct sys_map {
	const char *name, *uuid; /* at most 127 and 128 bytes */
	bool is_read_only;
	const struct sys_target *targets;
	size_t n;
};

/* Makes it, or goes on with what an earlier try has left: one of the same name and UUID that has no table yet gets its
 * own, and one that has a table is left as it is. Its minor number; -EEXIST: another one has that name or UUID. */
int sys_map_make(const struct sys_map *map);

/* finit_module(2): with COMPRESSED the kernel unpacks the file. -EEXIST: it is there already. */
int sys_load_file(int fd, const char *options, int compressed);
int sys_load_memory(const void *data, size_t len, const char *options);

/* Creates or truncates a file and writes it. */
int sys_save(const char *path, const void *data, size_t len);

/* Gives a variable of efivarfs its value (attributes and data), in a single write. */
int sys_set_variable(const char *path, const void *data, size_t len);

enum { SYS_GIVEN_FD = 3 };

/* What a new process is given. */
struct sys_child {
	int input; /* that it reads; -1: nothing */
	/* NULL, or: called with DATA in the new process before that becomes the program. May block; what it
	 * writes to the standard output goes where the program's does. The descriptor that it returns is
	 * the program's SYS_GIVEN_FD; below 0: the process ends with minus that as its status. */
	int (*prepare)(const void *data);
	const void *data;
};

/* Runs the program argv[0] in a session of its own; its number. It leaves no core, in which there might be a
 * secret. *OUTPUT: a descriptor that never blocks, for what it prints. What the exec fails by is printed
 * there, too. */
int sys_spawn(char **argv, char **envp, const struct sys_child *child, int *output);
/* Runs the program PATH, on the terminal TTY, which becomes the controlling one of its session. */
int sys_spawn_on(const char *tty, const char *path, char **argv, char **envp);
int sys_kill(int pid, int signal);

/* Opens a watchdog, which starts it, for *SECONDS (0: as many as it has), which become what it
 * takes; a descriptor. Closing that leaves the watchdog running. */
int sys_watchdog(const char *path, unsigned *seconds);
int sys_feed(int fd);

/* Does not return when it works. */
int sys_reboot(void);
int sys_power_off(void);
int sys_halt(void);
int sys_exec(const char *path, char **argv, char **envp);
