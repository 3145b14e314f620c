# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's dracut and initramfs-tools, in a Debian tree of their own.

They run in a chroot and a private mount namespace, in which the kernel lies where an installed one
would. The machine that the benchmark runs on keeps no trace of it, and does not matter: /sys is
empty there, so what it is made of goes into no image. What a machine's own image needs is told to
them instead of being found out.
"""

import shutil

from lib import BUILD
from lib.command import run
from lib.debian import debootstrap

from measure import FOLDER

TREE = BUILD / "debian/bench"
PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "e2fsprogs", "zstd", "busybox",
            "dracut-core", "initramfs-tools-core"]

# The arguments: the tree, the kernel's root, the folder for images, and the command.
ENTER = """\
set -e
tree=$1 kernel=$2 folder=$3
shift 3
mkdir -p "$tree/lib/modules"
mount -o bind,ro "$kernel/lib/modules" "$tree/lib/modules"
mount -o bind,ro "$kernel/boot" "$tree/boot"
mount --bind "$folder" "$tree/mnt"
mount --rbind /proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount -t tmpfs -o ro none "$tree/sys"
mount -t tmpfs none "$tree/run"
exec chroot "$tree" "$@"
"""

# What the guest needs to reach its root. With MODULES=dep on such a guest, initramfs-tools itself
# takes these four, and then what it takes for every machine.
DEP_MODULES = ["virtio_pci", "virtio_mmio", "virtio_blk", "ext4"]


class Chroot:
    """The place where the peers run; see measure.repeat."""

    folder = "/mnt"

    def __init__(self, kernel):
        self.kernel = kernel

    def enter(self, words):
        return ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(TREE), str(self.kernel.root),
                str(FOLDER), *words]


def create(say):
    """Makes the Debian tree, once."""
    debootstrap("bookworm", PACKAGES, TREE, say)


def version(package):
    return run(["dpkg-query", f"--admindir={TREE}/var/lib/dpkg", "-W", "-f", "${Version}",
                package]).stdout


def configure_dep():
    """The configuration folder that stands for MODULES=dep; its path in the chroot."""
    folder = FOLDER / "initramfs-dep"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(TREE / "etc/initramfs-tools", folder)
    (folder / "conf.d/modules").write_text("MODULES=list\n")
    (folder / "modules").write_text("\n".join(DEP_MODULES) + "\n")
    return f"{Chroot.folder}/{folder.name}"


def dracut(kernel, image, *options):
    return ["dracut", "--force", "--kver", kernel.version, *options, image]


def dracut_hostonly(kernel, image):
    return dracut(kernel, image, "--hostonly", "--no-hostonly-cmdline",
                  "--no-hostonly-default-device", "--filesystems", "ext4",
                  "--add-drivers", "virtio_pci virtio_blk")


def dracut_generic(kernel, image):
    return dracut(kernel, image, "--no-hostonly")


def initramfs_dep(kernel, image):
    return ["mkinitramfs", "-d", configure_dep(), "-o", image, kernel.version]


def initramfs_most(kernel, image):
    return ["mkinitramfs", "-o", image, kernel.version]


def lsinitrd(path):
    return ["lsinitrd", path]


def lsinitramfs(path):
    # -l, as the other two show modes, owners and sizes, too.
    return ["lsinitramfs", "-l", path]
