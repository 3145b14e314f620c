# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program called as update-initramfs and mkinitramfs."""

import shutil

import pytest

import trees
from container import Container
from fronts import NAMES, check
from program import DONE, FAILED, USAGE, run


class Machine(Container):
    """A root with two kernels, for generic images."""

    def __init__(self, tree, trixie, folder):
        super().__init__(tree, NAMES)
        newer = trees.make_small(trixie, folder, ["nvme", "ext4"])
        for path in ("boot", "lib/modules"):
            shutil.copytree(newer.root / path, self.root / path, dirs_exist_ok=True)
        self.newer = newer.version
        (self.root / "etc").mkdir(exist_ok=True)
        (self.root / "etc/os-release").write_text("ID=debian\n")
        (self.root / "etc/dracut.conf").write_text("hostonly=no\n")

    def call(self, name, *words, status=DONE):
        return check(name, self.run(name, *words), status)

    def update(self, *words, **more):
        return self.call("update-initramfs", *words, **more)

    @property
    def images(self):
        return sorted(path.name for path in (self.root / "boot").glob("initrd*"))


@pytest.fixture
def machine(tree, trixie, tmp_path):
    return Machine(tree, trixie, tmp_path / "newer")


def test_images_come_are_updated_and_go(machine):
    old, new = (f"initrd.img-{version}" for version in (machine.version, machine.newer))
    assert "no kernel has an image" in machine.update("-u").messages("warning")[0]
    assert machine.update("-c", "-k", machine.version).text == (
        f"update-initramfs: Generating /boot/{old}\n")
    run("verify", machine.root / "boot" / old)
    assert old in machine.update("-u", "-v").text  # the newest kernel that has one
    machine.update("-k", "all", "-c")
    assert machine.images == [old, new]
    assert machine.update("-u").text == f"update-initramfs: Generating /boot/{new}\n"
    text = machine.update("-u", "-k", "all", "-v").text
    assert f"{machine.version}: unchanged" in text and f"{machine.newer}: unchanged" in text
    assert machine.update("-k", machine.version, "-u").text.count("Generating") == 1
    assert machine.update("-d", "-k", machine.version).text == (
        f"update-initramfs: Deleting /boot/{old}\n")
    assert machine.images == [new]
    machine.update("-d", "-k", machine.version)  # it is gone already


def test_only_own_images_are_deleted(machine):
    (machine.root / f"boot/initrd.img-{machine.version}").write_bytes(b"of somebody else")
    assert "preroot did not make it" in machine.update("-d", "-k", machine.version, status=FAILED).error
    assert machine.images


def test_another_folder(machine):
    (machine.root / "other").mkdir()
    machine.update("-c", "-k", machine.version, "-b", "/other")
    run("verify", machine.root / f"other/initrd.img-{machine.version}")
    assert not machine.images


@pytest.mark.parametrize("words, status, text", [
    (["-k", "all"], USAGE, "-c, -u and -d"), ([], USAGE, "-c, -u and -d"), (["-c"], USAGE, "-k VERSION"),
    (["-u", "x"], USAGE, "too many words"), (["-Z"], USAGE, "-Z"), (["-k"], USAGE, "needs"),
    (["-u", "-k", "9.9.9"], FAILED, "9.9.9"), (["-u", "-b", "/none"], USAGE, "/none"),
])
def test_wrong_usage(words, status, text, machine):
    assert text in machine.update(*words, status=status).error


def test_mkinitramfs(machine):
    machine.call("mkinitramfs", "-c", "xz", "-r", "/dev/vda1", "-o", "/x.img", machine.version)
    assert ": xz, " in run("list", machine.root / "x.img").text
    assert "cmdline=root=/dev/vda1" in run("cat", machine.root / "x.img", "etc/preroot/boot.conf").text
    result = machine.call("mkinitramfs", "-k", "-d", "/etc", "-o", "/x.img",
                          f"/lib/modules/{machine.newer}")
    assert len(result.messages("warning")) >= 2
    assert "-o FILE" in machine.call("mkinitramfs", machine.version, status=USAGE).error
    assert "/none" in machine.call("mkinitramfs", "-d", "/none", "-o", "/x.img", status=USAGE).error
    assert "/etc" in machine.call("mkinitramfs", "-o", "/etc", machine.version, status=FAILED).error
