# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels in kernel-install's folders on an EFI system partition that is not /boot."""

import shutil

import pytest

import trees
from program import FAILED, run

NVME = trees.MACHINES / "nvme.json"
TOKEN, OTHER = "0123456789abcdef0123456789abcdef", "f" * 32


class Machine:
    """A root whose kernel and image were copied from /boot to ESP, as Debian's hooks do it."""

    def __init__(self, kernel, folder, esp, name):
        self.root, self.version, self.esp = folder / "root", kernel.version, folder / "root" / esp
        shutil.copytree(kernel.root, self.root, symlinks=True)
        (self.root / "etc").mkdir(exist_ok=True)
        (self.root / "etc/machine-id").write_text(TOKEN + "\n")
        self.source = self.root / f"boot/initrd.img-{self.version}"
        self.source.write_bytes(b"what the copy was made of")
        self.folder = self.esp / TOKEN / self.version
        self.folder.mkdir(parents=True)
        shutil.copy(self.root / f"boot/vmlinuz-{self.version}", self.folder / "linux")
        self.image = self.folder / name
        self.entries = self.esp / "loader/entries"
        self.entries.mkdir(parents=True)
        self.entry(TOKEN, name)
        if name != "initrd":
            (self.root / "etc/os-release").write_text("ID=debian\n")
        self.cache = folder / "cache"

    def entry(self, token, name):
        inside = f"/{token}/{self.version}"
        (self.entries / f"{token}-{self.version}.conf").write_text(
            f"title Debian\nversion {self.version}\nmachine-id {token}\nsort-key debian\n"
            f"options root=/dev/vda1 ro\nlinux {inside}/linux\ninitrd {inside}/{name}\n")

    def rebuild(self, *more, **options):
        return run("rebuild", "--root", self.root, "--hardware", NVME, "--cache-dir", self.cache,
                   self.version, *more, **options)

    def own(self):
        return sorted(path.name for path in self.entries.glob("a-preroot-*"))


@pytest.fixture(params=[("boot/efi", "initrd.img-{}"), ("efi", "initrd")], ids=["debian", "others"])
def machine(request, small_kernel, tmp_path):
    esp, name = request.param
    return Machine(small_kernel, tmp_path, esp, name.format(small_kernel.version))


def test_what_is_booted_is_rebuilt_kept_and_restored(machine):
    machine.rebuild()
    first = machine.image.read_bytes()
    assert machine.source.read_bytes() == b"what the copy was made of"
    assert machine.own() == []

    machine.rebuild("--kernel-cmdline", "quiet")
    previous = machine.image.with_name(machine.image.name + ".previous")
    assert previous.read_bytes() == first != machine.image.read_bytes()
    assert machine.own() == [f"a-preroot-previous-{machine.version}.conf"]
    text = (machine.entries / machine.own()[0]).read_text()
    assert f"initrd /{TOKEN}/{machine.version}/{previous.name}\n" in text
    before = trees.snapshot(machine.root)
    assert "unchanged" in machine.rebuild("--kernel-cmdline", "quiet").text
    assert trees.snapshot(machine.root) == before

    run("restore", "--root", machine.root, machine.version)
    assert machine.image.read_bytes() == first
    status = run("status", "--root", machine.root, "--json").json
    assert status["boot"]["path"] == str(machine.esp.relative_to(machine.root))


def test_another_system_on_the_same_partition_is_left_alone(machine):
    theirs = machine.esp / OTHER / machine.version
    shutil.copytree(machine.folder, theirs)
    machine.image.write_bytes(b"x")
    machine.entry(OTHER, machine.image.name)
    taken = machine.entries / f"a-preroot-previous-{machine.version}.conf"
    taken.write_text(f"title Theirs\nmachine-id {OTHER}\nlinux /{OTHER}/{machine.version}/linux\n"
                     f"initrd /{OTHER}/{machine.version}/gone.previous\n")
    before = trees.snapshot(theirs), taken.read_bytes()
    machine.rebuild()
    machine.rebuild("--kernel-cmdline", "quiet")
    assert (trees.snapshot(theirs), taken.read_bytes()) == before
    # The first image is another builder's: it is kept beyond the limit, with its entry.
    assert machine.own() == [f"a-preroot-previous-{machine.version}-{TOKEN}.conf", taken.name,
                             f"a-preroot-previous2-{machine.version}.conf"]


def test_a_kernel_that_is_not_on_the_partition_is_told(machine):
    shutil.copytree(machine.folder, machine.folder.with_name("1.2.3"))
    shutil.rmtree(machine.folder)
    before = trees.snapshot(machine.root / "boot"), trees.snapshot(machine.esp)
    done = machine.rebuild(status=FAILED)
    assert "kernel-install add" in done.err.decode()
    assert (trees.snapshot(machine.root / "boot"), trees.snapshot(machine.esp)) == before
