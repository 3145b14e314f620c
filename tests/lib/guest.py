# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian machines that start through their own boot loader, with preroot installed.

A guest is a disk that is kept from boot to boot. What to do in a boot is a script that QEMU passes
(fw_cfg), run by a unit at the end of the start; each of its steps is a section of the report. Then
the guest reboots itself, so that everything it wrote is on the disk.
"""

import hashlib
import os
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

from . import BUILD, image, kernels, qemu, rootfs, roots
from .command import Failure, run
from .debian import make_root
from .kernels import Kernel
from .rootfs import MACHINE_ID
from .roots import Part

SUITE = "bookworm"
# The loaders with their tools, the program's libraries, and checkers of filesystems.
PACKAGES = ["systemd-sysv", "udev", "dbus", "kmod", "btrfs-progs", "dosfstools",
            "extlinux", "grub-efi-amd64-bin", "grub-pc-bin", "grub2-common", "systemd-boot",
            "libelf1", "libjson-c5", "liblz4-1", "liblzo2-2", "libsqlite3-0", "libssl3"]
MB = 1 << 20
# No screen, little output, and a reboot if the boot cannot go on. Units have no time limits, since
# they depend on the host's speed.
APPEND = f"{qemu.QUICK_ARGS} quiet panic=1 rd.timeout=30 systemd.default_timeout_start_sec=600"
TASK = "opt/preroot/task"
UNIT = f"""\
[Unit]
Description=Do what this boot is for
After=multi-user.target preroot-good.service

[Service]
Type=simple
ExecStartPre=/sbin/modprobe qemu_fw_cfg
ExecStart=/bin/sh /sys/firmware/qemu_fw_cfg/by_name/{TASK}/raw

[Install]
WantedBy=multi-user.target
"""


def debian():
    """A Debian tree with all the boot loaders. Returns its folder, which must not be changed."""
    base = BUILD / "debian" / f"{SUITE}-guest-{_digest(PACKAGES)}"
    make_root(SUITE, PACKAGES, base)
    return base


class Guest:
    """A machine in FOLDER, which is made. Its classes below differ in how they start."""

    table, root_fs, root_options = "gpt", "ext4", "errors=remount-ro"
    root_size, root_words = 1024 * MB, ""
    # Other filesystems, which come first on the disk: mount points with their options.
    mounts = {}
    # Commands to run at the first boot, before anything else.
    first_steps = ()
    images = "/boot"  # where its images are

    def __init__(self, folder):
        self.folder, self.boots = Path(folder), 0
        self.folder.mkdir(parents=True)
        self.tree, self.first_image = self.folder / "tree", self.folder / "first.img"
        self.kernel = kernels.of_suite(SUITE)
        self.version = self.kernel.version
        self.root = Part("root", self.tree, self.root_size, roots.ROOT, fs=self.root_fs)
        self.cmdline = f"root=UUID={self.root.names.uuid} ro {self.root_words}{APPEND}"
        self._install()
        self._configure()
        self._add_image()
        self.add_loader()
        self.disk = self._make_disk()
        self.embed_loader()
        shutil.rmtree(self.tree)
        self.prepare()

    def _install(self):
        """Debian with a kernel, and preroot installed as a user would."""
        run(["cp", "-al", debian(), self.tree])
        run(["cp", "-al", self.kernel.root / "lib/modules", self.tree / "lib/modules"])
        for name in ("vmlinuz", "config", "System.map"):
            os.link(self.kernel.root / "boot" / f"{name}-{self.version}",
                    self.tree / "boot" / f"{name}-{self.version}")
        run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
             "--destdir", self.tree.absolute()])

    def _configure(self):
        lines = [f"UUID={self.root.names.uuid} / {self.root_fs} {self.root_options} 0 1"]
        lines += [f"UUID={part.names.uuid} {place} {part.kind} {options} 0 2"
                  for place, (part, options) in self.mounts.items()]
        self.write("/etc/fstab", "\n".join([*lines, ""]))
        self.write("/etc/systemd/system/task.service", UNIT)
        # On a busy machine its disk takes longer than a minute and a half.
        self.write("/etc/systemd/system.conf.d/patient.conf",
                   "[Manager]\nDefaultDeviceTimeoutSec=infinity\n")
        systemctl = ["systemctl", f"--root={self.tree}", "--quiet"]
        run([*systemctl, "preset", "preroot-good.service"])
        run([*systemctl, "enable", "task.service"])
        rootfs.settle_systemd(self.tree)

    def _add_image(self):
        image.build(self.first_image, Kernel(self.tree, self.version), "generic")
        shutil.copy(self.first_image, self.tree / f"boot/initrd.img-{self.version}")

    def _make_disk(self):
        """Puts each mount point's files on the partition for it."""
        parts = []
        for place, (part, _) in self.mounts.items():
            folder = self.folder / f"{part.label}.tree"
            (self.tree / place.lstrip("/")).rename(folder)
            (self.tree / place.lstrip("/")).mkdir()
            parts.append(replace(part, tree=folder))
        return roots.create(self.folder / "disk", *parts, self.root, table=self.table)

    def add_loader(self):
        """Puts the loader's files into the tree."""
        raise NotImplementedError

    def embed_loader(self):
        """Puts code on the disk that the firmware reads, if that is not in a file."""

    def prepare(self):
        """Does what only the running machine can do before it can start through its loader."""

    def prepare_by(self, command, words=""):
        """Runs COMMAND in a boot without the loader, with further kernel parameters."""
        boot = self.boot([("prepare", command)], append=f"{self.cmdline} rw {words}")
        if boot.section("prepare")[1] != 0:
            raise Failure(f"the machine could not be prepared\n{boot.explain()}")

    def firmware(self):
        """The file with the variables of the UEFI firmware, if the machine has one."""
        return None

    def write(self, path, text):
        """Writes a file of the tree, whose files are hard links to those of others."""
        file = self.tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text)

    def chroot(self, *argv):
        run(["chroot", self.tree, *argv])

    def boot(self, steps=(), ending="reboot", append=None, timeout=1200):
        """Starts the machine, which runs STEPS, pairs of a name and a shell command.

        Each is a section of the report. With APPEND, QEMU starts the kernel with its first image and
        these parameters, without the loader. Raises Failure unless it ends as ENDING says.
        """
        self.boots += 1
        folder = self.folder / f"boot-{self.boots}"
        folder.mkdir()
        task = folder / "task"
        task.write_text(_script(steps, self.images))
        by_loader = append is None
        boot = qemu.boot(qemu.Machine(
            None if by_loader else self.kernel.image, self.first_image, append,
            [("virtio-blk", self.disk)], memory=1024, cpu="qemu64", keep=True, timeout=timeout,
            firmware=self.firmware(), extra=("-fw_cfg", f"name={TASK},file={task}")), folder)
        if boot.ending != ending:
            raise Failure(f"{folder.name} should end by {ending}\n{boot.explain()}")
        return boot


def _digest(words):
    return hashlib.sha256(" ".join(sorted(words)).encode()).hexdigest()[:12]


def _script(steps, images):
    lines = ["exec >/dev/ttyS1 2>&1",
             f"IMAGES={images}",
             "echo",  # after what the boot loader left there
             'echo "state=$(systemctl is-system-running --wait)"',
             "systemctl --failed --no-legend --plain | sed 's/^/failed=/'"]
    for name, command in steps:
        # Through a file: programs may draw on a terminal.
        lines += [f"( {command} ) >/run/task.out 2>&1", "status=$?",
                  f"echo 'BEGIN {name}'", "cat /run/task.out", f'echo "END {name} $status"']
    return "\n".join([*lines, "exec systemctl start reboot.target", ""])


def write_mbr(disk, code, core=b""):
    """Writes the CODE of an MBR, and what it loads between itself and the first partition."""
    if len(core) > roots.START - roots.SECTOR:
        raise Failure(f"{len(core)} bytes do not fit before the first partition")
    with open(disk, "r+b") as file:
        file.write(code[:440])
        file.seek(roots.SECTOR)
        file.write(core)


# ---- BIOS ----

class Grub(Guest):
    """GRUB 2 in an MBR; /boot is an ext4 filesystem of its own."""

    table = "mbr"
    mounts = {"/boot": (Part("boot", size=160 * MB), "defaults")}
    platform, modules, prefix = "i386-pc", ["biosdisk", "part_msdos", "ext2"], "(hd0,msdos1)/grub"
    top = ""  # /boot as GRUB sees it
    words = APPEND
    defaults = f"""\
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR=Debian
GRUB_CMDLINE_LINUX={shlex.quote(APPEND)}
GRUB_TERMINAL=serial
GRUB_SERIAL_COMMAND=serial
GRUB_DISABLE_OS_PROBER=true
"""
    # The menu until the machine has written its own.
    first_steps = (("menu", "update-grub"),)
    menu = """\
linux {top}/vmlinuz-{version} {cmdline}
initrd {top}/initrd.img-{version}
boot
"""

    def add_loader(self):
        self.write("/etc/default/grub", self.defaults)
        self.write("/boot/grub/grub.cfg", self.menu.format(top=self.top, version=self.version,
                                                           cmdline=self.cmdline))
        shutil.copytree(self.tree / "usr/lib/grub" / self.platform,
                        self.tree / "boot/grub" / self.platform)
        self.chroot("grub-editenv", "/boot/grub/grubenv", "create")
        self.chroot("grub-mkimage", "-O", self.platform, "-p", self.prefix, "-o",
                    f"/boot/grub/{self.platform}/core", *self.modules, "normal")
        self.code = (self.tree / "usr/lib/grub/i386-pc/boot.img").read_bytes()
        self.core = (self.tree / "boot/grub" / self.platform / "core").read_bytes()

    def embed_loader(self):
        """The code in the MBR loads the code after it, unless it is told another place."""
        write_mbr(self.disk, self.code, self.core)


class GrubBtrfs(Grub):
    """The same with everything, even /boot, in a subvolume of a btrfs."""

    mounts, root_fs, root_options, root_size = {}, "btrfs", "subvol=@", 2048 * MB
    root_words = "rootflags=subvol=@ "
    modules, prefix = ["biosdisk", "part_msdos", "btrfs"], "(hd0,msdos1)/@/boot/grub"
    top = "/@/boot"

    def prepare(self):
        """Makes the subvolume, and removes the /boot that then lies beside it."""
        self.prepare_by("btrfs subvolume snapshot / /@ && rm -r /boot/*", "rootflags=subvol=/")


class Extlinux(Guest):
    """extlinux; /boot is an ext4 filesystem of its own, of the kind that extlinux can read."""

    table = "mbr"
    mounts = {"/boot": (Part("boot", size=160 * MB, features="^64bit,^metadata_csum,^extent"),
                        "defaults")}
    menu = """\
serial 0
default linux
timeout 1
label linux
  menu label Debian GNU/Linux
  linux /vmlinuz-{version}
  initrd /initrd.img-{version}
  append {cmdline}
"""

    def add_loader(self):
        self.write("/boot/extlinux/extlinux.conf",
                   self.menu.format(version=self.version, cmdline=self.cmdline))
        self.code = (self.tree / "usr/lib/EXTLINUX/mbr.bin").read_bytes()

    def embed_loader(self):
        """The code in the MBR starts the boot sector of the active partition."""
        write_mbr(self.disk, self.code)

    def prepare(self):
        self.prepare_by("extlinux --install /boot/extlinux")


# ---- UEFI ----

class SystemdBoot(Guest):
    """systemd-boot; /boot is the EFI system partition, a FAT."""

    mounts = {"/boot": (Part("boot", size=160 * MB, type=roots.ESP), "umask=0077")}
    esp = "/boot"
    loader = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
    entry = """\
title Debian GNU/Linux
version {version}
machine-id {machine_id}
linux /vmlinuz-{version}
initrd /initrd.img-{version}
options {cmdline}
"""

    def add_loader(self):
        for path in ("EFI/BOOT/BOOTX64.EFI", "EFI/systemd/systemd-bootx64.efi"):
            there = self.tree / self.esp.lstrip("/") / path
            there.parent.mkdir(parents=True)
            shutil.copy(self.tree / self.loader, there)
        self.write(f"{self.esp}/loader/loader.conf", "timeout 0\n")
        self.add_kernel()

    def add_kernel(self):
        self.write(f"/boot/loader/entries/{MACHINE_ID}-{self.version}.conf", self.entry.format(
            version=self.version, machine_id=MACHINE_ID, cmdline=self.cmdline))

    def firmware(self):
        return _uefi(self.folder)


class KernelInstall(SystemdBoot):
    """systemd-boot; kernel-install has put kernel and image on the EFI system partition, and the
    originals are still in /boot, a folder of the root."""

    mounts = {"/boot/efi": (Part("efi", size=160 * MB, type=roots.ESP), "umask=0077")}
    esp = "/boot/efi"

    @property
    def images(self):
        return f"{self.esp}/{MACHINE_ID}/{self.version}"

    def add_kernel(self):
        """kernel-install writes the right paths only while the partition is mounted."""
        self.write("/etc/kernel/cmdline", self.cmdline + "\n")
        self.write(f"{self.esp}/loader/entries.srel", "type1\n")

    def prepare(self):
        self.prepare_by(f"mkdir {self.esp}/{MACHINE_ID} && kernel-install add {self.version} "
                        f"/boot/vmlinuz-{self.version} /boot/initrd.img-{self.version} && "
                        f"test -s {self.images}/initrd.img-{self.version}")


class GrubEfi(Grub):
    """GRUB 2; /boot is a folder of the root, with the EFI system partition mounted in it."""

    table = "gpt"
    mounts = {"/boot/efi": (Part("efi", size=64 * MB, type=roots.ESP), "umask=0077")}
    platform, modules, prefix = "x86_64-efi", ["part_gpt", "ext2"], "(hd0,gpt2)/boot/grub"
    top = "/boot"

    def add_loader(self):
        super().add_loader()
        folder = self.tree / "boot/efi/EFI/BOOT"
        folder.mkdir(parents=True)
        (folder / "BOOTX64.EFI").write_bytes(self.core)

    def embed_loader(self):
        """Nothing to do: the firmware loads a file."""

    def firmware(self):
        return _uefi(self.folder)


def _uefi(folder):
    """The firmware's variables, which persist from boot to boot."""
    variables = folder / "variables"
    if not variables.exists():
        shutil.copy(qemu.FIRMWARE / "OVMF_VARS_4M.fd", variables)
    return variables
