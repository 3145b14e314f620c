# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots on a btrfs of two disks, made in a guest: a second disk is added to a first one, and the files are
copied to two more, whose filesystem cannot do without either."""

import uuid
from types import SimpleNamespace

import pytest

from lib import filesystems, image, kernels, qemu, rootfs

SIZE = 256 << 20
NAMES = filesystems.Names(str(uuid.UUID(int=0x5eed)), "pool")
# The first two then have all files, and the subvolume "@" as well.
JOIN = """\
#!/usr/bin/busybox sh
exec >/dev/ttyS1 2>&1
export PATH=/usr/sbin:/usr/bin
btrfs device add -f -K /dev/vdb / && btrfs balance start -f -dconvert=raid1 -mconvert=raid1 / &&
	btrfs subvolume snapshot / /@ && btrfs filesystem sync / &&
	mkfs.btrfs -q -f -K -d raid0 -m raid1 -L striped /dev/vdc /dev/vdd &&
	busybox mount -t btrfs /dev/vdc /mnt && busybox cp -a /@/* /mnt && busybox umount /mnt &&
	busybox echo made=yes
busybox sync
busybox echo o >/proc/sysrq-trigger
busybox sleep 100
"""


@pytest.fixture(scope="module")
def pool(lab):
    """The disks, and what boots from those with the numbers DISKS."""
    folder = lab.folder / "btrfs"
    folder.mkdir()
    tree, disks = folder / "root.tree", [folder / f"{n}.disk" for n in range(4)]
    rootfs.create(tree, image.PROGRAM)
    for program in ("/usr/bin/busybox", "/usr/bin/btrfs", "/usr/sbin/mkfs.btrfs"):
        rootfs.install(program, tree, program)
    script = tree / "sbin/join"
    script.write_text(JOIN)
    script.chmod(0o755)
    (tree / "mnt").mkdir(exist_ok=True)
    for path in disks:
        with open(path, "wb") as file:
            file.truncate(SIZE)
    filesystems.make("btrfs", disks[0], tree, NAMES, 512)

    def boot(name, append, numbers, image_=None, suite="bookworm", **options):
        machine = qemu.Machine(
            kernels.of_suite(suite).image, image_ or lab.image(suite, "generic", (), ()),
            f"panic=1 {append}", disks=[("virtio-blk", disks[n]) for n in numbers], **options)
        return qemu.boot(machine, folder / "boots" / name)

    made = boot("join", f"root=UUID={NAMES.uuid} rw init=/sbin/join", range(4), keep=True)
    assert made.values("made") == ["yes"], made.explain()
    return SimpleNamespace(boot=boot, folder=folder)


def check_root(boot, *options):
    assert (boot.ending, boot.value("verdict")) == ("poweroff", "ok"), boot.explain()
    assert boot.value("root_type") == "btrfs"
    assert set(options) <= set(boot.value("root_options").split(",")), boot.explain()


def test_a_btrfs_on_two_disks_is_the_root(pool):
    """Then an image for just that machine brings it up without the first disk, and says so."""
    whole = pool.boot("whole", "root=LABEL=pool rootflags=subvol=@ payload.run=hardware", [0, 1])
    check_root(whole, "subvol=/@")
    assert "degraded" not in whole.value("root_options")
    assert f"btrfs {NAMES.uuid}: all 2 devices are there" in whole.console, whole.explain()
    assert "fits" not in whole.console  # both disks, but there is nothing to choose
    told, status = whole.section("hardware")
    hardware, out = pool.folder / "hardware.json", pool.folder / "hostonly.img"
    hardware.write_text(told)
    assert status == 0 and '"vda"' in told and '"vdb"' in told
    image.build(out, kernels.of_suite("bookworm"), "hostonly", hardware,
                ("--hostonly-mode", "strict"))
    half = pool.boot("half", "quiet rd.degraded=wait:2s,then:start "
                     f"root=UUID={NAMES.uuid}", [1], out)
    check_root(half, "degraded")
    assert (f"btrfs {NAMES.uuid} is mounted degraded, with 1 of 2 devices" in half.console
            and "device 1 is missing" in half.console), half.explain()


def test_a_btrfs_with_data_missing_is_mounted_when_it_comes(pool):
    """Without it, the kernel would mount it read-only. Trying that leaves nothing behind."""
    boot = pool.boot("late", "rd.degraded=btrfs:wait:0,then:start root=LABEL=striped", [3], extra=(
        "-device", "virtio-scsi-pci,id=scsi",
        "-drive", f"file={pool.folder / '2.disk'},id=late,if=none,format=raw,snapshot=on"),
        actions=(("is not mounted", "device_add",
                  {"driver": "scsi-hd", "drive": "late", "bus": "scsi.0"}),))
    assert ("is not mounted degraded: there is data of which what is missing has the only copy"
            in boot.console), boot.explain()
    check_root(boot)
    assert "degraded" not in boot.value("root_options")
