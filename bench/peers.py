# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's dracut, dracut-ng, initramfs-tools and 3cpio, in Debian trees of their own; and booster
and mkinitcpio, which Debian does not have, where the machine does.

They run in a chroot and a private mount namespace, in which the kernel lies where an installed one
would. The machine that the benchmark runs on keeps no trace of it, and does not matter: /sys is
empty there, so what it is made of goes into no image. What a machine's own image needs is told to
them instead of being found out.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lib import BUILD
from lib.command import run
from lib.debian import make_root

from measure import FOLDER


@dataclass(frozen=True)
class Tree:
    """A Debian root below build/debian, made once."""

    name: str
    suite: str
    packages: tuple

    @property
    def path(self):
        return BUILD / "debian" / self.name

    def create(self, say):
        make_root(self.suite, list(self.packages), self.path, say)

    def version(self, package):
        return run(["dpkg-query", f"--admindir={self.path}/var/lib/dpkg", "-W", "-f", "${Version}",
                    package]).stdout


BASE = ("systemd-sysv", "udev", "dbus", "kmod", "e2fsprogs", "zstd", "busybox", "dracut-core",
        "initramfs-tools-core")
# dracut leaves out what it finds no programs for, and the kernel modules with it.
STORAGE = ("btrfs-progs", "cryptsetup-bin", "dmsetup", "lvm2", "mdadm", "multipath-tools", "procps",
           "xfsprogs")

# What is timed: as little as both programs can do with.
BENCH = Tree("bench", "bookworm", BASE)
# The same with the newer dracut, dracut-ng.
NEWER = Tree("bench-sid", "sid", BASE + ("3cpio", "gzip"))
# With what both need for a root on a storage stack.
STACKS = Tree("bench-stacks", "bookworm", BASE + (
    "cryptsetup-bin", "cryptsetup-initramfs", "dmsetup", "gzip", "lvm2", "mdadm"))
# What their images hold.
COVERAGE = Tree("coverage", "bookworm", BASE + STORAGE)
SID = Tree("coverage-sid", "sid", BASE + STORAGE + ("3cpio", "gzip", "xz-utils"))

# Of this machine, if it has them.
INSTALLED = ("booster", "mkinitcpio")

# The arguments: the tree, the kernel's root, the folder for images, and the command.
ENTER = """\
set -e
tree=$1 kernel=$2 folder=$3
shift 3
mkdir -p "$tree/lib/modules" "$tree/lib/firmware"
mount -o bind,ro "$kernel/lib/modules" "$tree/lib/modules"
mount -o bind,ro "$kernel/boot" "$tree/boot"
if [ -d "$kernel/lib/firmware" ]; then
	mount -o bind,ro "$kernel/lib/firmware" "$tree/lib/firmware"
fi
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


@dataclass(frozen=True)
class Chroot:
    """The place where the peers run; see measure.Case. KERNEL is the root that has the kernel."""

    kernel: Path
    tree: Tree

    folder = "/mnt"

    def enter(self, words):
        return ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(self.tree.path),
                str(self.kernel), str(FOLDER), *words]


def configure_list(name, modules, tree=BENCH):
    """A configuration folder with MODULES=list and MODULES; its path in the chroot."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tree.path / "etc/initramfs-tools", folder)
    (folder / "conf.d/modules").write_text("MODULES=list\n")
    (folder / "modules").write_text("\n".join(modules) + "\n")
    return f"{Chroot.folder}/{name}"


def dracut(kernel, image, *options):
    return ["dracut", "--force", "--kver", kernel.version, *options, image]


def dracut_hostonly(kernel, image, mode="sloppy"):
    return dracut(kernel, image, "--hostonly", "--hostonly-mode", mode, "--no-hostonly-cmdline",
                  "--no-hostonly-default-device", "--filesystems", "ext4",
                  "--add-drivers", "virtio_pci virtio_blk")


def dracut_strict(kernel, image):
    return dracut_hostonly(kernel, image, "strict")


def dracut_generic(kernel, image):
    return dracut(kernel, image, "--no-hostonly")


def dracut_uncompressed(kernel, image):
    """Its defaults again, where only the contents count."""
    return dracut(kernel, image, "--no-hostonly", "--no-compress")


def initramfs_dep(kernel, image):
    return ["mkinitramfs", "-d", configure_list("initramfs-dep", DEP_MODULES), "-o", image,
            kernel.version]


def initramfs_most(kernel, image):
    return ["mkinitramfs", "-o", image, kernel.version]


def lsinitrd(path):
    return ["lsinitrd", path]


def lsinitramfs(path):
    # -l, as lsinitrd and preroot show modes, owners and sizes, too.
    return ["lsinitramfs", "-l", path]


def three_cpio(path):
    return ["3cpio", "-t", path]


def three_cpio_long(path):
    return ["3cpio", "-t", "-v", path]


def booster_universal(kernel, image):
    return _booster(kernel, image, "--universal")


def booster_host(kernel, image):
    """For the machine that it runs on: it takes no description of another."""
    return _booster(kernel, image)


def _booster(kernel, image, *options):
    return ["booster", "build", "--force", "--kernel-version", kernel.version, "--modules-dir",
            f"{kernel.root}/lib/modules/{kernel.version}", *options, image]


def mkinitcpio_fallback(kernel, image):
    return ["mkinitcpio", "-k", kernel.version, "-r", str(kernel.root), "-S", "autodetect",
            "-g", image]


def absent():
    """Which of INSTALLED this machine does not have."""
    return [name for name in INSTALLED if not shutil.which(name)]
