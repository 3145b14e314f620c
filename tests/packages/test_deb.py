# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's packages of preroot, with Debian's kernels, in a machine that starts through GRUB.

`make deb-test` builds the packages and runs this.
"""

import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lib import BUILD, debian, guest  # noqa: E402
from lib.command import run  # noqa: E402
from lib.kernels import Kernel  # noqa: E402

# The builder that takes over again, with what a minimal Debian lacks for it.
BUILDER = ["initramfs-tools", "initramfs-tools-core", "klibc-utils", "libklibc", "cpio", "zstd"]
IN_ROOT = 'mount -t proc proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"'
INSTALL = "DEBIAN_FRONTEND=noninteractive dpkg -i"


def fetch(folder):
    """Downloads the two newest kernels of one kind, the older first, and the other builder, with what
    they depend on."""
    apt = debian.open_archive(guest.SUITE, folder / "apt")
    found = run(["apt-cache", "-c", apt.config, "pkgnames", "linux-image-"]).stdout.split()
    names = [name for name in found if re.fullmatch(r"linux-image-[\d.]+-\d+-cloud-amd64", name)]
    names.sort(key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    debs = folder / "debs"
    (debs / "builder").mkdir(parents=True)
    apt.download(["linux-base", *names[-2:]], debs)
    apt.download(BUILDER, debs / "builder")
    return debs, [name.removeprefix("linux-image-") for name in names[-2:]]


class Packaged(guest.Grub):
    """preroot and both kernels come from packages; what builds the images is their hooks alone."""

    root_size = 1536 << 20
    # No boot is meant to fail here, and a busy machine may be slow.
    defaults = guest.Grub.defaults.replace("rd.timeout=30", "rd.timeout=600")
    menu = guest.Grub.menu.replace("{cmdline}", "{cmdline} rd.timeout=600")

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.debs, self.versions = fetch(folder)
        super().__init__(folder / "guest")

    def _install(self):
        run(["cp", "-a", guest.debian(), self.tree])
        shutil.copytree(self.debs, self.tree / "root/debs")
        for deb in (BUILD / "deb").glob("preroot*_*.deb"):
            if "dbgsym" not in deb.name:
                shutil.copy(deb, self.tree / "root/debs")
        self.version, self.second = self.versions
        self.kernel = Kernel(self.tree, self.version)
        self.inside(f"cd /root/debs && {INSTALL} linux-base_* preroot*")
        self.inside(f"cd /root/debs && {INSTALL} linux-image-{self.version}_*")

    def _add_image(self):
        shutil.copy(self.tree / f"boot/initrd.img-{self.version}", self.first_image)

    def inside(self, command):
        run(["unshare", "-m", "sh", "-ec", IN_ROOT, "sh", self.tree, "sh", "-ec", command])


@pytest.fixture(scope="module")
def life(tmp_path_factory):
    machine = Packaged(tmp_path_factory.mktemp("deb") / "machine")
    facts = [("kernel", "uname -r"), ("boot.json", "cat /run/preroot/boot.json")]
    lived = SimpleNamespace(versions=machine.versions)
    lived.first = machine.boot([
        *facts, *machine.first_steps,
        ("second", f"cd /root/debs && {INSTALL} linux-image-{machine.second}_*"),
        ("images", "ls /boot"), ("trigger", "dpkg-trigger --by-package=preroot update-initramfs && "
                                 "dpkg --configure -a")])
    lived.second = machine.boot([
        *facts, ("remove", f"dpkg --purge linux-image-{machine.version}"), ("images", "ls /boot"),
        ("purge", "dpkg --purge --force-depends preroot-compat preroot"),
        ("left", "find / -xdev '(' -name '*preroot*' -o -name dracut.conf.d ')' ! -path '/root/*' "
                 "! -path '/var/log/*' ! -path '/var/lib/systemd/*'; ls /boot"),
        ("builder", f"{INSTALL} /root/debs/builder/*"), ("menu", "update-grub"),
        ("built", f"lsinitramfs /boot/initrd.img-{machine.second}")])
    lived.third = machine.boot([("kernel", "uname -r"), ("log", "ls /run/initramfs"),
                                ("ours", "ls -d /run/preroot"), ("check", "dpkg --audit")])
    return lived


def text(boot, name):
    """What a step has printed, which must have succeeded."""
    shown, ended = boot.section(name)
    assert ended == 0, f"{name}: {shown}"
    return shown


def test_a_kernel_that_was_installed_in_a_chroot_boots_through_grub(life):
    assert text(life.first, "kernel").strip() == life.versions[0]
    assert '"preroot-boot"' in text(life.first, "boot.json")


def test_a_second_kernel_gets_its_image_and_boots(life):
    assert f"{life.versions[1]}: rebuilt, " in text(life.first, "second")
    assert f"initrd.img-{life.versions[1]}" in text(life.first, "images")
    assert f"update-initramfs: Generating /boot/initrd.img-{life.versions[1]}" in text(life.first, "trigger")
    assert text(life.second, "kernel").strip() == life.versions[1]
    assert '"preroot-boot"' in text(life.second, "boot.json")


def test_nothing_is_left_of_a_kernel_that_is_removed(life):
    text(life.second, "remove")
    assert life.versions[0] not in text(life.second, "images")


def test_a_purge_leaves_the_image_in_use_alone(life):
    text(life.second, "purge")
    left = text(life.second, "left")
    assert f"initrd.img-{life.versions[1]}" in left and "preroot" not in left and "dracut" not in left


def test_initramfs_tools_takes_over_again_and_boots(life):
    assert "Generating" in text(life.second, "builder")
    assert "scripts/local" in text(life.second, "built").split()
    assert text(life.third, "kernel").strip() == life.versions[1]
    assert text(life.third, "check").strip() == ""
    assert "fsck.log" in text(life.third, "log")  # as its scripts write it
    assert life.third.section("ours")[1] != 0
