/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "init/sys.h"

#include <errno.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { INIT_COMPRESSED_FILE = 4 }; /* MODULE_INIT_COMPRESSED_FILE, Linux 5.17 */

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

int sys_load_file(int fd, const char *options, int compressed)
{
	return result(
		syscall(SYS_finit_module, fd, options, compressed ? INIT_COMPRESSED_FILE : 0));
}

int sys_load_memory(const void *data, size_t len, const char *options)
{
	return result(syscall(SYS_init_module, data, len, options));
}

int sys_reboot(void)
{
	sync();
	return result(reboot(RB_AUTOBOOT));
}

int sys_exec(const char *path, char **argv, char **envp)
{
	return result(execve(path, argv, envp));
}
