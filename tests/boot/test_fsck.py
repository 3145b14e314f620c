# SPDX-License-Identifier: LGPL-2.1-or-later
"""The root filesystem is checked before it is mounted, with this machine's e2fsck."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lib import disk, files, image, kernels, qemu, rootfs
from lib.command import environment, run


def debugfs(root, *commands):
    """Damages the filesystem of a disk."""
    place = f"{root.path}?offset={disk.START}"
    for command in commands:
        run(["debugfs", "-w", "-R", command, place])


class Lab:
    """A kernel in a tree with checkers, and a disk with the payload."""

    def __init__(self, folder):
        self.folder, self.boots = folder, 0
        self.kernel = kernels.of_suite("bookworm")
        tree = folder / "tree"
        rootfs.create(tree)
        self.root = disk.create_gpt(folder / "root.disk", tree)

    def image(self, checker):
        """A generic image with the program CHECKER as its fsck.ext4."""
        system = self.folder / f"system-{checker.name}"
        files.link_tree(self.kernel.root, system)
        rootfs.install(checker, system, "/usr/sbin/fsck.ext4")
        out = self.folder / f"image-{checker.name}"
        image.build(out, kernels.Kernel(system, self.kernel.version), "generic")
        return out

    def ends_with(self, status):
        """A checker that only exits with STATUS."""
        source, program = self.folder / f"{status}.c", self.folder / f"ends-{status}"
        source.write_text(f"int main(void) {{ return {status}; }}\n")
        subprocess.run(["cc", "-static", "-o", program, source], check=True)
        return program

    def boot(self, initrd, append=""):
        self.boots += 1
        machine = qemu.Machine(self.kernel.image, initrd,
                               f"root=UUID={self.root.uuid} panic=2 {append}",
                               disks=[("virtio-blk", self.root.path)])
        return qemu.boot(machine, self.folder / f"boot-{self.boots}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(tmp_path_factory.mktemp("fsck"))


@pytest.fixture(scope="module")
def checked(lab):
    return lab.image(Path(shutil.which("e2fsck", path=environment()["PATH"])))


def test_a_clean_root_is_told_to_be_checked(lab, checked):
    boot = lab.boot(checked)
    assert boot.value("verdict") == "ok", boot.explain()
    assert "checking /dev/vda1: /usr/sbin/fsck.ext4 -p" in boot.console, boot.explain()
    assert "fsck.ext4: " in boot.console and "clean" in boot.console, boot.explain()
    boot = lab.boot(checked, "fsck.mode=skip")
    assert boot.value("verdict") == "ok", boot.explain()
    assert "checking" not in boot.console, boot.explain()


def test_errors_are_mended_or_told(lab, checked):
    """Preening corrects a wrong count; a lost folder needs fsck.repair=yes."""
    debugfs(lab.root, "set_super_value free_blocks_count 5", "set_super_value state 2")
    boot = lab.boot(checked)
    assert boot.value("verdict") == "ok", boot.explain()
    assert "vda1 had errors, which were mended" in boot.console, boot.explain()
    debugfs(lab.root, "clri /etc")
    boot = lab.boot(checked)
    assert boot.ending == "reboot", boot.explain()
    assert "the check of vda1 left errors" in boot.console, boot.explain()
    assert "fsck.repair=yes" in boot.console, boot.explain()
    boot = lab.boot(checked, "fsck.repair=yes")
    assert boot.value("verdict") == "ok", boot.explain()


def test_the_machine_starts_again_when_the_checker_wants_it(lab):
    boot = lab.boot(lab.image(lab.ends_with(3)))
    assert boot.ending == "reboot" and "has to start again" in boot.console, boot.explain()
    assert "cannot be reached" not in boot.console, boot.explain()


def test_a_checker_that_fails_is_no_reason_to_stop(lab):
    boot = lab.boot(lab.image(lab.ends_with(8)))
    assert boot.ending == "poweroff" and "payload: reached root" in boot.console, boot.explain()
    assert "vda1 could not be checked" in boot.console, boot.explain()
