/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/core/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <linux/watchdog.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

enum {
	INIT_COMPRESSED_FILE = 4, /* MODULE_INIT_COMPRESSED_FILE, Linux 5.17 */
	EXIT_NOT_STARTED = 127,	  /* as in shells */
};

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags,
	      const char *data)
{
	return result(mount(source, target, fstype, flags, data));
}

int sys_umount(const char *target, int flags)
{
	return result(umount2(target, flags));
}

int sys_mkdir(const char *path, unsigned mode)
{
	return result(mkdir(path, mode));
}

int sys_symlink(const char *target, const char *path)
{
	return result(symlink(target, path));
}

int sys_unlink(int dir, const char *name, int flags)
{
	return result(unlinkat(dir, name, flags));
}

int sys_chdir(const char *path)
{
	return result(chdir(path));
}

int sys_chroot(const char *path)
{
	return result(chroot(path));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return result(syscall(SYS_pivot_root, new_root, put_old));
}

int sys_write(const char *path, const char *text)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -errno : write_full(fd, text, strlen(text));
}

int sys_scan_partitions(int fd)
{
	return ioctl(fd, BLKRRPART) < 0 ? -errno : 0;
}

int sys_create(const char *path, unsigned mode)
{
	return result(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode));
}

int sys_load_file(int fd, const char *options, int compressed)
{
	return result(
		syscall(SYS_finit_module, fd, options, compressed ? INIT_COMPRESSED_FILE : 0));
}

int sys_load_memory(const void *data, size_t len, const char *options)
{
	return result(syscall(SYS_init_module, data, len, options));
}

int sys_save(const char *path, const void *data, size_t len)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : write_full(fd, data, len);
}

/* efivarfs marks variables that it does not know as immutable, against a careless rm. */
static void make_mutable(const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int flags = 0;

	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags &= ~FS_IMMUTABLE_FL;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

int sys_array_open(unsigned number)
{
	char text[32];
	int fd, r;

	snprintf(text, sizeof(text), "md%u", number);
	r = sys_write("/sys/module/md_mod/parameters/new_array", text);
	if (r < 0 && r != -EEXIST)
		return r;
	snprintf(text, sizeof(text), "/dev/md%u", number);
	fd = open(text, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Without a number of members the kernel takes all that it has to know from the superblocks. */
int sys_array_set(int fd, int major_version, int minor_version)
{
	mdu_array_info_t info = {.major_version = major_version, .minor_version = minor_version};

	return ioctl(fd, SET_ARRAY_INFO, &info) < 0 ? -errno : 0;
}

int sys_array_add(int fd, unsigned major, unsigned minor)
{
	mdu_disk_info_t info = {.major = (int)major, .minor = (int)minor};

	return ioctl(fd, ADD_NEW_DISK, &info) < 0 ? -errno : 0;
}

int sys_array_run(int fd)
{
	return ioctl(fd, RUN_ARRAY, NULL) < 0 ? -errno : 0;
}

int sys_array_stop(int fd)
{
	return ioctl(fd, STOP_ARRAY, NULL) < 0 ? -errno : 0;
}

int sys_array_active(int fd)
{
	mdu_array_info_t info;

	return ioctl(fd, GET_ARRAY_INFO, &info) < 0 ? -errno : info.active_disks;
}

static int control_btrfs(unsigned long request, const char *device)
{
	_cleanup_fd_ int fd = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	struct btrfs_ioctl_vol_args args = {0};

	if (fd < 0)
		return errno == ENOENT ? -ENOTSUP : -errno;
	snprintf(args.name, sizeof(args.name), "%s", device);
	if (ioctl(fd, request, &args) >= 0)
		return 0;
	return errno == ENOTTY ? -ENOTSUP : -errno;
}

int sys_register_btrfs(const char *device)
{
	return control_btrfs(BTRFS_IOC_SCAN_DEV, device);
}

int sys_forget_btrfs(const char *device)
{
	return control_btrfs(BTRFS_IOC_FORGET_DEV, device);
}

bool sys_has_btrfs(const char *uuid)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/fs/btrfs/%s", uuid);
	return access(path, F_OK) == 0;
}

static int set_option(int fs, const char *name, const char *value)
{
	return result(fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, name, value, 0));
}

/* By a mount that is attached to no folder: it ends with its last descriptor. */
int sys_open_btrfs(const char *device)
{
	_cleanup_fd_ int fs = fsopen("btrfs", FSOPEN_CLOEXEC), mounted = -1;
	int r = result(fs);

	if (r >= 0)
		r = set_option(fs, "source", device);
	if (r >= 0)
		r = set_option(fs, "ro", NULL);
	if (r >= 0)
		r = set_option(fs, "degraded", NULL);
	if (r >= 0)
		r = set_option(fs, "rescue", "nologreplay");
	if (r >= 0)
		r = result(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	if (r < 0)
		return r;
	mounted = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	if (mounted < 0)
		return -errno;
	return result(openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int sys_search_btrfs_chunks(int root, uint64_t from, void *out, size_t size)
{
	enum { CHUNK_TREE = 3, FIRST_CHUNK_TREE = 256, CHUNK_ITEM = 228 };
	struct btrfs_ioctl_search_args args = {
		.key = {.tree_id = CHUNK_TREE,
			.min_objectid = FIRST_CHUNK_TREE,
			.max_objectid = FIRST_CHUNK_TREE,
			.min_offset = from,
			.max_offset = UINT64_MAX,
			.max_transid = UINT64_MAX,
			.min_type = CHUNK_ITEM,
			.max_type = CHUNK_ITEM,
			.nr_items = UINT32_MAX}};

	if (size < sizeof(args.buf))
		return -EINVAL;
	if (ioctl(root, BTRFS_IOC_TREE_SEARCH, &args) < 0)
		return -errno;
	memcpy(out, args.buf, sizeof(args.buf));
	return (int)args.key.nr_items;
}

int sys_set_variable(const char *path, const void *data, size_t len)
{
	_cleanup_fd_ int fd = -1;

	make_mutable(path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	return write(fd, data, len) == (ssize_t)len ? 0 : -errno;
}

/* Makes what PREPARE returns the program's. */
static void prepare(const struct sys_child *child)
{
	int fd = child->prepare(child->data);

	if (fd < 0)
		_exit(-fd);
	if (fd == SYS_GIVEN_FD)
		fcntl(fd, F_SETFD, 0);
	else
		dup2(fd, SYS_GIVEN_FD);
}

static _Noreturn void become(char **argv, char **envp, const struct sys_child *child, int output)
{
	static const struct rlimit no_core = {0, 0};
	int input = child->input, n;
	char text[256];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (input < 0)
		input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	setrlimit(RLIMIT_CORE, &no_core);
	if (child->prepare)
		prepare(child);
	execve(argv[0], argv, envp);
	n = snprintf(text, sizeof(text), "cannot be started: %s\n", strerror(errno));
	write_full(STDERR_FILENO, text, (size_t)n);
	_exit(EXIT_NOT_STARTED);
}

int sys_spawn(char **argv, char **envp, const struct sys_child *child, int *output)
{
	int ends[2], pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0)
		become(argv, envp, child, ends[1]);
	close_fd(ends[1]);
	if (pid < 0) {
		pid = -errno;
		close(ends[0]);
		return pid;
	}
	*output = ends[0];
	return pid;
}

static _Noreturn void become_on(const char *tty, const char *path, char **argv, char **envp)
{
	char text[256];
	int fd, n;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	fd = open(tty, O_RDWR);
	if (fd < 0)
		fd = open("/dev/console", O_RDWR);
	ioctl(fd, TIOCSCTTY, 1);
	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(fd, i);
	if (fd > STDERR_FILENO)
		close(fd);
	execve(path, argv, envp);
	n = snprintf(text, sizeof(text), "%s cannot be started: %s\r\n", path, strerror(errno));
	write_full(STDERR_FILENO, text, (size_t)n);
	_exit(EXIT_NOT_STARTED);
}

int sys_spawn_on(const char *tty, const char *path, char **argv, char **envp)
{
	int pid = fork();

	if (pid == 0)
		become_on(tty, path, argv, envp);
	return result(pid);
}

int sys_kill(int pid, int signal)
{
	return result(kill(pid, signal));
}

int sys_watchdog(const char *path, unsigned *seconds)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int timeout = (int)*seconds;

	if (fd < 0)
		return -errno;
	if (timeout)
		ioctl(fd, WDIOC_SETTIMEOUT, &timeout); /* it may know only one */
	if (ioctl(fd, WDIOC_GETTIMEOUT, &timeout) == 0 && timeout > 0)
		*seconds = (unsigned)timeout;
	return fd;
}

int sys_feed(int fd)
{
	return result(ioctl(fd, WDIOC_KEEPALIVE, NULL));
}

int sys_reboot(void)
{
	sync();
	return result(reboot(RB_AUTOBOOT));
}

int sys_power_off(void)
{
	sync();
	return result(reboot(RB_POWER_OFF));
}

int sys_halt(void)
{
	sync();
	return result(reboot(RB_HALT_SYSTEM));
}

int sys_exec(const char *path, char **argv, char **envp)
{
	return result(execve(path, argv, envp));
}
