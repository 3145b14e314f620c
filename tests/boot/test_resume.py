# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that hibernates and resumes, with real images that the kernel wrote."""

import re
import shutil

import pytest

from lib import disk, image, kernels, qemu, rootfs
from lib.command import run

SWAP_UUID = "5a1f0d5b-3c9e-4775-8a52-9a341f0d5b3c"
SIGNATURE = b"S1SUSPEND"
PAGE = 4096


class Sleeper:
    """A machine with a root whose init hibernates, and a swap disk, both kept over the sleep."""

    def __init__(self, folder, suite="bookworm"):
        self.folder, self.kernel = folder, kernels.of_suite(suite)
        tree = folder / "tree"
        rootfs.create(tree)
        shutil.copy(rootfs.static_program("sleeper"), tree / "usr/sbin/sleeper")
        self._make_swap_file(tree / "swapfile", 192 << 20)
        self.root = disk.create_gpt(folder / "root.disk", tree, size=320 << 20)
        self.swap = folder / "swap.disk"
        with open(self.swap, "wb") as file:
            file.truncate(256 << 20)
        run(["mkswap", "-q", "-U", SWAP_UUID, self.swap])
        self.image = folder / "image"
        image.build(self.image, self.kernel, "generic")
        self.boots = 0

    @staticmethod
    def _make_swap_file(path, size):
        """Without runs of zeros, even in unused parts of the header: they would become holes."""
        path.write_bytes(b"\1" * size)
        run(["mkswap", "-q", path])
        with open(path, "r+b") as file:
            file.write(b"\1" * 1024)
            file.seek(2048)
            file.write(b"\1" * (PAGE - 2048 - 10))

    def offset(self):
        """The page at which the swap file starts on its filesystem."""
        place = f"{self.root.path}?offset={disk.START}"
        block = int(run(["debugfs", "-R", "bmap /swapfile 0", place]).stdout.split()[-1])
        size = re.search(r"Block size:\s+(\d+)", run(["debugfs", "-R", "stats -h", place]).stdout)
        assert block
        return block * int(size.group(1)) // PAGE

    def boot(self, append):
        self.boots += 1
        machine = qemu.Machine(
            self.kernel.image, self.image,
            f"root=UUID={self.root.uuid} rw init=/usr/sbin/sleeper panic=2 {append}",
            disks=[("virtio-blk", self.root.path), ("virtio-blk", self.swap)], keep=True)
        return qemu.boot(machine, self.folder / f"boot-{self.boots}")

    def sleep(self, append):
        """Boots and hibernates."""
        boot = self.boot(append)
        assert boot.ending == "poweroff" and boot.value("sleeping") == "yes", boot.explain()
        assert boot.value("resumed") is None and not boot.values("error"), boot.explain()
        return boot

    def signature(self, path, offset=0):
        with open(path, "rb") as file:
            file.seek(offset + PAGE - 10)
            return file.read(10).rstrip(b"\0")


@pytest.fixture
def sleeper(tmp_path):
    return Sleeper(tmp_path)


def test_resumes_from_a_swap_disk(sleeper):
    sleeper.sleep("sleeper.swap=/dev/vdb")
    assert sleeper.signature(sleeper.swap) == SIGNATURE
    boot = sleeper.boot(f"resume=UUID={SWAP_UUID} sleeper.fresh")
    assert boot.value("resumed") == "yes" and boot.value("fresh") is None, boot.explain()
    # Without an image the machine boots normally, and without delay.
    boot = sleeper.boot(f"resume=UUID={SWAP_UUID} sleeper.fresh")
    assert boot.value("fresh") == "yes", boot.explain()
    assert "hibernation image" not in boot.console, boot.explain()


def test_resumes_from_a_swap_file(sleeper):
    offset = sleeper.offset()
    sleeper.sleep(f"sleeper.swap=/swapfile sleeper.device=254:1 sleeper.offset={offset}")
    assert sleeper.signature(sleeper.root.path, disk.START + offset * PAGE) == SIGNATURE
    boot = sleeper.boot(f"resume=UUID={sleeper.root.uuid} resume_offset={offset} sleeper.fresh")
    assert boot.value("resumed") == "yes" and boot.value("fresh") is None, boot.explain()


def test_an_image_of_another_program_keeps_the_root_unmounted(sleeper):
    with open(sleeper.swap, "r+b") as file:
        file.seek(PAGE - 10)
        file.write(b"S2SUSPEND\0")
    boot = sleeper.boot("resume=/dev/vdb sleeper.fresh")
    assert boot.ending == "reboot" and boot.value("fresh") is None, boot.explain()
    assert "vdb holds a hibernation image" in boot.console, boot.explain()
    assert "noresume" in boot.console, boot.explain()
    boot = sleeper.boot("resume=/dev/vdb noresume sleeper.fresh")
    assert boot.value("fresh") == "yes", boot.explain()


def test_a_broken_image_is_told_and_the_machine_starts_anew(sleeper):
    sleeper.sleep("sleeper.swap=/dev/vdb")
    with open(sleeper.swap, "r+b") as file:  # all but the header
        file.seek(PAGE)
        file.write(b"\xa5" * (64 << 20))
    boot = sleeper.boot("resume=/dev/vdb sleeper.fresh")
    assert boot.value("fresh") == "yes" and boot.value("resumed") is None, boot.explain()
    assert "could not use the hibernation image" in boot.console, boot.explain()


def test_a_swap_disk_that_is_gone_is_waited_for_and_told(sleeper):
    boot = sleeper.boot("resume=UUID=00000000-aaaa-bbbb-cccc-000000000000 sleeper.fresh")
    assert boot.value("fresh") == "yes", boot.explain()
    assert "waiting for resume=UUID=00000000-aaaa" in boot.console, boot.explain()
    assert "did not appear" in boot.console, boot.explain()
