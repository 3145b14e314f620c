# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots on what several disks make together, each made by the real tools and booted in QEMU."""

import itertools
import json
import re
import shutil
from types import SimpleNamespace

import pytest

from lib import files, image, kernels, qemu, rootfs, stacks
from lib.command import environment, run

# What the root on "raid1" mounts below itself: the array's level and metadata, and the device.
MOUNTED = {
    "/": ("raid1", "1.2", None),
    "/raid0": ("raid0", "1.0", None),  # the first of these two to come is md127
    "/raid1-old": ("raid1", "0.90", "md3"),
    "/raid10": ("raid10", "1.2", "md0p1"),
    "/former": (None, None, None),  # a disk that was a member once
}


@pytest.fixture(scope="module")
def made(lab):
    """All stacks, and what boots them."""
    usr = lab.folder / "stacks.usr"
    every = stacks.make(usr)

    def boot(suite, append, disks, file=None):
        machine = qemu.Machine(
            kernels.of_suite(suite).image, file or lab.image(suite, "generic", (), ()),
            f"mount.usr=LABEL=usr ro panic=1 {append}",
            disks=[("virtio-blk", path) for path in (usr, *disks)])
        return qemu.boot(machine, lab.folder / f"boots/stacks-{next(number)}")

    number = itertools.count()
    return SimpleNamespace(lab=lab, stacks=every, boot=boot)


def check(boot):
    assert (boot.ending, boot.value("verdict")) == ("poweroff", "ok"), boot.explain()
    return boot


def start_all(made, suite, file=None, others=()):
    """Boots the root on "raid1", which mounts other arrays, and does not mount OTHERS; with the image FILE, the
    disks are in another order, and the root has its name in udev's rules."""
    root = "/dev/disk/by-id/md-name-stacks:raid1" if file else "/dev/md/raid1"
    names = ["raid1", *stacks.KINDS["raid1"].mounts, *others]
    disks = [path for name in names for path in made.stacks[name].disks]
    return check(made.boot(suite, f"root={root} payload.run=hardware payload.also=/usr,"
                           + ",".join(list(MOUNTED)[1:]), disks[::-1] if file else disks, file))


@pytest.fixture(scope="module")
def all_started(made):
    """Later kernels do not have linear."""
    return start_all(made, "bookworm", others=["linear"])


def arrays(boot):
    """What `preroot hardware` says in the guest: the level, the metadata and the device of each mount."""
    text, status = boot.section("hardware")
    assert status == 0, boot.explain()
    mounts = {mount["target"]: mount["blocks"] for mount in json.loads(text)["mounts"]}
    whole = {target: next((block for block in blocks if "md-level" in block), {})
             for target, blocks in mounts.items() if target != "/usr"}
    return {target: (block.get("md-level"), block.get("md-metadata"),
                     mounts[target][0]["name"] if MOUNTED[target][2] else None)
            for target, block in whole.items()}


def check_started(boot, *names):
    """These arrays run, and their filesystems were read."""
    for name in names:
        number = re.search(rf"MD array {name} runs as (md\d+)", boot.console)
        assert number, boot.explain()
        assert re.search(rf"{number[1]}: ext4 .*LABEL={name}", boot.console), boot.explain()


def test_arrays_of_all_kinds_are_started(all_started):
    assert arrays(all_started) == MOUNTED
    check_started(all_started, "linear")


def test_a_hostonly_image_brings_what_its_arrays_need(made, all_started):
    hardware = made.lab.folder / "stacks.json"
    hardware.write_text(all_started.section("hardware")[0])
    kernel, out = kernels.of_suite("trixie"), made.lab.folder / "stacks.img"
    image.build(out, kernel, "hostonly", hardware, ("--hostonly-mode", "strict"))
    assert arrays(start_all(made, "trixie", out)) == MOUNTED


def test_an_array_that_lacks_a_member_is_started_late_and_that_is_said(made):
    """Without a limit it would be waited for two minutes, first for a hibernated machine on the same array.
    Others of its driver lack nothing."""
    first, _, third = made.stacks["raid5"].disks
    others = [disk for name in ("raid4", "raid6") for disk in made.stacks[name].disks]
    boot = check(made.boot("sid", f"root=UUID={made.stacks['raid5'].uuid} resume=LABEL=raid5 payload.also=/usr "
                           "rw rootwait rd.degraded=mdraid:wait:2s,then:start", [third, *others, first]))
    check_started(boot, "raid4", "raid5", "raid6")
    begun, started = (float(re.search(rf"\[ *([\d.]+)\] preroot: {text}", boot.console)[1])
                      for text in ("version ", "MD array raid5 runs as "))
    assert started - begun > 2, boot.explain()
    # Until then the kernel was to write nothing to its members.
    assert "rw" in boot.value("root_flags").split(","), boot.explain()
    assert "MD array raid5 (raid5) is started with 2 of 3 members" in boot.console, boot.explain()
    assert "member 1 is missing" in boot.console, boot.explain()


@pytest.mark.parametrize("suite", ["bullseye", "trixie", "sid"])
def test_arrays_are_started_with_each_kernel(made, suite):
    assert arrays(start_all(made, suite)) == MOUNTED


def test_an_array_that_lacks_too_much_is_explained(made):
    boot = made.boot("bullseye", "root=LABEL=raid5 rd.timeout=3", made.stacks["raid5"].disks[1:2])
    assert boot.ending == "reboot", boot.explain()
    for text in ("MD array raid5 (raid5): 1 of 3 members are there", "member 0 is missing",
                 "member 2 is missing"):
        assert text in boot.console, boot.explain()


# ---- LVM ----

def volumes(boot):
    """Of each mount but /usr, the device-mapper UUID of its device, and the devices below that."""
    text, status = boot.section("hardware")
    assert status == 0, boot.explain()
    found = {}
    for mount in json.loads(text)["mounts"]:
        if mount["target"] != "/usr":
            blocks = mount["blocks"]
            found[mount["target"]] = (blocks[0]["dm-uuid"], sorted(
                block["name"] for block in blocks if block.get("holder") == blocks[0]["name"]))
    return found


def boot_volumes(made, suite, root, disks, file=None):
    boot = check(made.boot(suite, f"root={root} payload.run=hardware payload.also=/usr,/raid0", disks, file))
    assert set(volumes(boot)) == {"/", "/raid0"}, boot.explain()
    for uuid, below in volumes(boot).values():
        assert len(uuid) == len("LVM-") + 64 and below == ["vdb", "vdc"], boot.explain()
    return boot


@pytest.fixture(scope="module")
def volumes_set_up(made):
    """The root by its name, what it mounts by a UUID."""
    return boot_volumes(made, "bookworm", "/dev/lab-vg/root.1", made.stacks["lvm"].disks)


def test_volumes_of_lvm_are_set_up(volumes_set_up):
    assert "LVM group lab-vg is set up" in volumes_set_up.console, volumes_set_up.explain()


def test_a_hostonly_image_sets_up_its_volumes(made, volumes_set_up):
    hardware = made.lab.folder / "lvm.json"
    hardware.write_text(volumes_set_up.section("hardware")[0])
    kernel, out = kernels.of_suite("trixie"), made.lab.folder / "lvm.img"
    image.build(out, kernel, "hostonly", hardware, ("--hostonly-mode", "strict"))
    boot = boot_volumes(made, "trixie", f"UUID={made.stacks['lvm'].uuid}", made.stacks["lvm"].disks[::-1], out)
    assert volumes(boot) == volumes(volumes_set_up), boot.explain()


def test_a_volume_in_a_luks_volume_is_set_up(made):
    kernel, folder = kernels.of_suite("bookworm"), made.lab.folder / "lvm-in-luks"
    folder.mkdir()
    disk, key, system = folder / "disk", folder / "key", folder / "system"
    shutil.copyfile(made.stacks["lvm-in-luks"].disks[0], disk)
    with open(disk, "ab") as file:
        file.truncate(disk.stat().st_size + (16 << 20))
    key.write_text("secret")
    key.chmod(0o600)
    program, uuid = shutil.which("cryptsetup", path=environment()["PATH"]), "3f71d376-9046-48b2-870a-1c69ef76ac46"
    run([program, "reencrypt", "--encrypt", "--reduce-device-size", "16M", "-q", "--uuid", uuid, "--key-file", key,
         "--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", disk])
    files.link_tree(kernel.root, system)
    rootfs.install(program, system, "/usr/sbin/cryptsetup")
    image.build(folder / "image", kernels.Kernel(system, kernel.version), "generic", None,
                ("--include", key, "/etc/key"))
    check(made.boot("bookworm", f"root=/dev/mapper/inner-root rd.luks.uuid={uuid} rd.luks.key=/etc/key "
                    "payload.also=/usr", [disk], folder / "image"))
