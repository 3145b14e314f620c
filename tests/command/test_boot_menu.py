# SPDX-License-Identifier: LGPL-2.1-or-later
"""GRUB's menu after a rebuild, written by Debian's own grub-mkconfig in a Debian tree."""

import re
import shutil
import subprocess

import pytest

import trees
from lib import TOP, guest
from program import FAILED, run

NVME = trees.MACHINES / "nvme.json"
SCRIPT = TOP / "data/grub.d/42_preroot"

# grub-probe finds the disk below a tree on real machines only.
PROBE = """#!/bin/sh
case "$*" in
*--target=device*) echo /dev/sda1 ;;
*--target=fs_uuid*) echo 0a1b2c3d-0000-4000-8000-000000000001 ;;
*--target=fs*) echo ext2 ;;
*--target=partmap*) echo msdos ;;
*--target=*hint*) echo "--hint-bios=hd0,msdos1" ;;
*--target=compatibility_hint*) echo hd0,msdos1 ;;
esac
"""


class Machine:
    """A Debian with GRUB's tools and one kernel."""

    def __init__(self, kernel, folder):
        self.root, self.version = folder / "root", kernel.version
        subprocess.run(["cp", "-a", "--reflink=auto", guest.debian(), self.root], check=True)
        shutil.copytree(kernel.root, self.root, symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("fsck.ext4"))
        self.write("usr/sbin/grub-probe", PROBE)
        self.boot = self.root / "boot"
        self.menu, self.own = self.boot / "grub/grub.cfg", self.boot / "grub/preroot.cfg"
        self.image = self.boot / f"initrd.img-{self.version}"
        self.menu.parent.mkdir(exist_ok=True)
        self.chroot("update-grub")
        self.cache = folder / "cache"

    def write(self, path, text):
        (self.root / path).write_text(text)
        (self.root / path).chmod(0o755)

    def chroot(self, *words):
        return subprocess.run(["chroot", self.root, *words], check=True, text=True,
                              capture_output=True).stdout

    def rebuild(self, *more, **options):
        return run("rebuild", "--root", self.root, "--hardware", NVME, "--cache-dir", self.cache,
                   *more, **options)

    def files(self):
        return {str(path.relative_to(self.boot)): (path.read_bytes(), path.stat().st_ino)
                for path in self.boot.rglob("*") if path.is_file()}


@pytest.fixture
def machine(small_kernel, tmp_path):
    return Machine(small_kernel, tmp_path)


def entries(text):
    """Title and initrd of each entry, parsed independently of preroot."""
    return re.findall(r"^\s*menuentry '([^']*)'.*?^\s*initrd\s+(\S+)$", text, re.M | re.S)


def test_a_new_image_and_those_before_it_are_in_the_menu(machine):
    shutil.copy(SCRIPT, machine.root / "etc/grub.d")
    image = f"/boot/{machine.image.name}"
    assert "linux" in machine.menu.read_text() and image not in machine.menu.read_text()

    done = machine.rebuild()
    assert "/usr/sbin/update-grub has run\n" in done.text
    names = entries(machine.menu.read_text())
    assert len(names) == 3 and {path for _, path in names} == {image}, names
    assert not machine.own.exists()

    done = machine.rebuild("--kernel-cmdline", "quiet")
    assert "update-grub" not in done.text
    machine.chroot("grub-script-check", "/boot/grub/preroot.cfg")
    own = machine.own.read_text()
    assert entries(own) == [(f"GNU/Linux, Linux {machine.version}, previous initramfs",
                             f"{image}.previous")]
    assert f"--id preroot-previous-{machine.version} " in own
    for line in re.findall(r"^\s*(?:linux|search|insmod part_msdos|set root).*", own, re.M):
        assert line in machine.menu.read_text()
    assert "search --no-floppy --fs-uuid" in own

    before = machine.files()
    assert machine.rebuild("--kernel-cmdline", "quiet").text == f"{machine.version}: unchanged\n"
    assert machine.files() == before


@pytest.mark.sweep
def test_the_script_is_put_to_work_when_it_is_installed_later(machine):
    machine.rebuild()
    machine.rebuild("--kernel-cmdline", "quiet")
    assert machine.own.exists() and "preroot.cfg" not in machine.menu.read_text()
    shutil.copy(SCRIPT, machine.root / "etc/grub.d")
    assert "/usr/sbin/update-grub has run\n" in machine.rebuild("--kernel-cmdline", "quiet").text
    assert "source ${config_directory}/preroot.cfg" in machine.menu.read_text()
    machine.chroot("grub-script-check", "/boot/grub/grub.cfg")
    assert "update-grub" not in machine.rebuild("--kernel-cmdline", "quiet").text


@pytest.mark.sweep
@pytest.mark.parametrize("break_it", [
    "exit 7", "kill -9 $$", "chmod -x /etc/grub.d/10_linux"])
def test_a_tool_that_fails_leaves_all_as_it_was(machine, break_it):
    (machine.root / "etc/default/grub").write_text(break_it + "\n")
    before = machine.files()
    done = machine.rebuild(status=FAILED)
    assert "boot loader" in done.err.decode()
    assert {name: data for name, (data, _) in machine.files().items() if name != "grub/grub.cfg.new"
            } == {name: data for name, (data, _) in before.items()}
