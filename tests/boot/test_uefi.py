# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with UEFI firmware: the variables that PID 1 reads, and the one that it writes."""

import json
import shutil

import pytest

from lib import BUILD, debian, image, qemu, roots, rootfs
from lib.roots import ESP, ROOT, Part

LOADER = "usr/lib/systemd/boot/efi/systemd-bootx64.efi"
NOWHERE = "UUID=01234567-89ab-cdef-0123-456789abcdef"


class Computer:
    """A disk with just a root that could be mistaken for the right one, a disk with a boot loader and
    a root, and the firmware's variables, which persist from boot to boot."""

    def __init__(self, lab):
        self.lab, self.folder = lab, lab.folder / "uefi"
        self.folder.mkdir()
        self.variables = self.folder / "variables.fd"
        shutil.copy(qemu.FIRMWARE / "OVMF_VARS_4M.fd", self.variables)
        self.esp = self.folder / "esp.tree"
        self._fill_esp(lab.kernel("bookworm"), lab.image("bookworm", "generic", (), ()))
        tree = self.folder / "root.tree"
        rootfs.create(tree, image.PROGRAM)
        self.other = roots.create(self.folder / "other", Part("rival", tree, type=ROOT))
        self.disk = roots.create(self.folder / "disk",
                                 Part("esp", self.esp, size=96 << 20, type=ESP),
                                 Part("ours", tree, type=ROOT))

    def _fill_esp(self, kernel, initrd):
        package = debian.fetch_packages("bookworm", ["systemd-boot-efi"],
                                        BUILD / "packages/systemd-boot")
        for path, source in (("EFI/BOOT/BOOTX64.EFI", package / LOADER), ("linux", kernel.image),
                             ("initrd", initrd)):
            (self.esp / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, self.esp / path)
        self._write_entry("")

    def _write_entry(self, append):
        entry = self.esp / "loader/entries/linux.conf"
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text("title Linux\nlinux /linux\ninitrd /initrd\n"
                         f"options {qemu.QUICK_ARGS} {append}\n")
        (self.esp / "loader/loader.conf").write_text("timeout 0\ndefault linux.conf\n")

    def boot(self, name, append):
        self._write_entry(append)
        roots.fill_fat(self.disk, roots.START, self.esp)
        machine = qemu.Machine(None, None, "", firmware=self.variables, disks=[
            ("virtio-blk", self.other), ("virtio-blk", self.disk)])
        return qemu.boot(machine, self.lab.folder / "boots" / f"uefi-{name}")


@pytest.fixture(scope="module")
def computer(lab):
    return Computer(lab)


@pytest.fixture(scope="module")
def failed(computer):
    """A boot whose root is not there."""
    return computer.boot("failed", f"root={NOWHERE} rd.timeout=3 panic=1")


@pytest.fixture(scope="module")
def after(computer, failed):
    """The next boot, without root=: two disks have a partition of the root type."""
    assert failed.ending == "reboot", failed.explain()
    return computer.boot("after", "panic=1 payload.run=status")


def test_the_root_is_that_of_the_disk_the_boot_loader_came_from(after):
    assert after.ending == "poweroff", after.explain()
    assert after.value("verdict") == "ok", after.explain()
    assert after.value("root_source") == "/dev/vdb2", after.explain()
    assert f"the boot loader came from PARTUUID={Part('esp').partuuid.upper()}" in after.console, \
        after.explain()


def test_the_next_boot_can_read_why_this_one_failed(failed, after):
    assert "the root filesystem cannot be reached" in failed.console, failed.explain()
    text, status = after.section("status")
    told = json.loads(text)
    assert status == 0 and told["failed"] and not told["this-boot"], after.explain()
    assert told["earlier-boot"][0] == "the root filesystem cannot be reached", text
    assert any(NOWHERE in line for line in told["earlier-boot"]), text
