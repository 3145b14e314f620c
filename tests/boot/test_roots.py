# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ways to name a root, mounts below it and overlays over it, each booted in QEMU."""

from types import SimpleNamespace

import pytest

from lib import image, qemu, roots, rootfs
from lib.roots import ROOT, Part

DEVICE = {
    "virtio-blk": ["virtio-blk-pci,drive={id},serial={id},addr={slot}"],
    "nvme": ["nvme,drive={id},serial={id},addr={slot}"],
    "ahci": ["ich9-ahci,id=c{id},addr={slot}", "ide-hd,drive={id},bus=c{id}.1,serial={id}"],
    "virtio-scsi": ["virtio-scsi-pci,id=c{id},addr={slot}",
                    "scsi-hd,drive={id},bus=c{id}.0,scsi-id=3,serial={id},wwn={wwn}"],
    "usb-storage": ["qemu-xhci,id=c{id},addr={slot}",
                    "usb-storage,drive={id},bus=c{id}.0,port=2,serial={id}"],
}
ROOTS = "payload.also=/run/rootfsbase"
SLOT = 5
WWN = "0x5000c500a1b2c3d4"
FSTAB = """\
# what is mounted with the root
LABEL=root / ext4 defaults 0 1
LABEL='usr' /usr ext4 ro,noatime,nosymfollow,nofail # for programs
UUID={data} /srv/my\\040data ext4 defaults,x-initrd.mount,nosuid 0 2
LABEL=never /gone ext4 nofail,x-initrd.mount 0 2
tmpfs /srv/mem tmpfs x-initrd.mount,size=1m 0 0
/srv/my\\040data /escape/data none bind,ro,x-initrd.mount 0 0
LABEL=later /later ext4 defaults 0 2
"""


def tree_with(folder, **files):
    """The payload's root with FILES, paths with "__" for each slash."""
    rootfs.create(folder, image.PROGRAM)
    for path, text in files.items():
        file = folder / path.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture(scope="module")
def disks(lab):
    """All disks of the boots below."""
    folder = lab.folder / "roots"
    folder.mkdir()
    root = tree_with(folder / "root.tree")
    split, usr = tree_with(folder / "split.tree"), folder / "usr.tree"
    (split / "usr").rename(usr)
    (split / "usr").mkdir()
    data = Part("data", tree_with(folder / "data.tree", here="x"), size=32 << 20)
    # CRLF line ends.
    (split / "etc/fstab").write_text(FSTAB.format(data=data.uuid("fs")), newline="\r\n")
    for path in ("srv/my data", "srv/mem", "gone", "later"):
        (split / path).mkdir(parents=True)
    (split / "escape").symlink_to("/../../srv")  # stays in the root
    (split / "srv/data").mkdir()
    over = tree_with(folder / "over.tree", overlay__kept="x")
    make = roots.create
    return SimpleNamespace(
        plain=make(folder / "plain", Part("first", size=16 << 20), Part("second", root)),
        auto=make(folder / "auto", Part("hidden", size=8 << 20, type=ROOT, attributes="GUID:63"),
                  Part("auto", root, type=ROOT, attributes="GUID:60")),
        rival=make(folder / "rival", Part("rival", size=8 << 20, type=ROOT)),
        twin=make(folder / "twin", Part("twin", root, same_as="second")),
        split=make(folder / "split", Part("root", split), data),
        usr=make(folder / "usr", Part("usr", usr)),
        over=make(folder / "over", Part("over", over, size=32 << 20)))


def drive(bus, path, number=0, wwn=WWN):
    """QEMU's options for the disk PATH on BUS, named "disk-NUMBER"."""
    name = f"disk-{number}"
    words = ["-drive", f"file={path},id={name},if=none,format=raw,snapshot=on"]
    for device in DEVICE[bus]:
        words += ["-device", device.format(id=name, slot=SLOT + number, wwn=wwn)]
    return words


def start(lab, name, append, *drives, file=None, suite="bookworm", **what):
    machine = qemu.Machine(kernel=lab.kernel(suite).image,
                           initrd=file or lab.image(suite, "generic", (), ()),
                           append=append, disks=[], extra=sum(drives, []), **what)
    return qemu.boot(machine, lab.folder / "boots" / f"roots-{name}")


def check(boot, source=None):
    assert boot.ending == "poweroff", boot.explain()
    assert boot.value("verdict") == "ok", boot.explain()
    if source:
        assert boot.value("root_source") == source, boot.explain()
    return boot


NAMES = [
    ("number", "virtio-blk", "254:2", "/dev/vda2"),
    ("by-id-virtio", "virtio-blk", "/dev/disk/by-id/virtio-disk-0-part2", "/dev/vda2"),
    ("by-path-nvme", "nvme", "/dev/disk/by-path/pci-0000:00:05.0-nvme-1-part2", "/dev/nvme0n1p2"),
    ("by-id-ata", "ahci", "/dev/disk/by-id/ata-QEMU_HARDDISK_disk-0-part2", "/dev/sda2"),
    ("by-id-scsi", "virtio-scsi", "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4-part2", "/dev/sda2"),
    ("by-path-usb", "usb-storage",
     "/dev/disk/by-path/pci-0000:00:05.0-usb-0:2:1.0-scsi-0:0:0:0-part2", "/dev/sda2"),
]


@pytest.mark.parametrize("name, bus, root, source", NAMES, ids=[row[0] for row in NAMES])
def test_root_is_named_by(lab, disks, name, bus, root, source):
    check(start(lab, name, f"root={root}", drive(bus, disks.plain)), source)


def test_auto_takes_the_one_root_partition_and_its_flags(lab, disks):
    """The other one has the no-auto flag; the read-only flag overrides rw."""
    boot = check(start(lab, "auto", "rw", drive("virtio-blk", disks.plain),
                       drive("virtio-blk", disks.auto, 1)), "/dev/vdb2")
    assert "ro" in boot.value("root_flags").split(",")


def test_auto_refuses_to_guess_between_disks(lab, disks):
    boot = start(lab, "auto-rivals", "rd.timeout=15 panic=1", drive("virtio-blk", disks.auto),
                 drive("virtio-blk", disks.rival, 1))
    assert boot.ending == "reboot", boot.explain()
    assert "several disks have a partition of the type of a root (vda2, vdb1)" in boot.console


def test_one_uuid_twice_is_told_and_the_first_is_taken(lab, disks):
    uuid = Part("second").uuid("fs")
    boot = check(start(lab, "twice", f"root=UUID={uuid}", drive("virtio-blk", disks.twin),
                       drive("virtio-blk", disks.plain, 1)), "/dev/vda1")
    assert f"UUID={uuid} fits vda1 and vdb2: vda1 is taken" in boot.console


def test_two_paths_to_one_disk_are_no_root(lab, disks):
    boot = start(lab, "paths", "root=LABEL=second panic=1", drive("virtio-scsi", disks.plain),
                 drive("virtio-scsi", disks.plain, 1))
    assert boot.ending == "reboot", boot.explain()
    assert "sda2 and sdb2 are two paths to one disk (naa.5000c500a1b2c3d4" in boot.console


@pytest.fixture(scope="module")
def split(lab, disks):
    """Boots a root whose /usr is on another disk; the root is named relative to another partition."""
    behind = Part("data").partuuid
    return start(lab, "split", f"root=PARTUUID={behind}/PARTNROFF=-1 rd.timeout=20 "
                 "payload.run=hardware payload.also=/usr,/srv/my\\040data,/srv/mem,/srv/data",
                 drive("virtio-blk", disks.split), drive("nvme", disks.usr, 1))


def test_further_mounts_of_fstab_come_with_the_root(split):
    check(split, "/dev/vda1")
    mounts = {line.split()[0]: line.split()[1:] for line in split.values("mount")}
    assert mounts["/usr"][0] == "ext4" and mounts["/usr"][2] == "/dev/nvme0n1p1", split.explain()
    assert {"ro", "noatime", "nosymfollow"} <= set(mounts["/usr"][1].split(",")), split.explain()
    assert "nosuid" in mounts["/srv/my\\040data"][1].split(","), split.explain()
    assert mounts["/srv/mem"][0] == "tmpfs", split.explain()
    assert "ro" in mounts["/srv/data"][1].split(","), split.explain()
    assert "line 3: its fifth field is no number; it is mounted nevertheless" in split.console
    assert "/gone (LABEL=never) cannot be mounted: the device did not appear in time; the boot " \
           "goes on without it (nofail)" in split.console
    assert "/later" not in mounts


def test_hostonly_image_brings_what_usr_needs(lab, disks, split):
    hardware = lab.folder / "roots/hardware.json"
    hardware.write_text(split.section("hardware")[0])
    file = lab.folder / "roots/usr.img"
    image.build(file, lab.kernel("bookworm"), "hostonly", hardware, ("--hostonly-mode", "strict"))
    check(start(lab, "split-hostonly", "root=fe01 rd.timeout=20 "
                "payload.also=/usr,/srv/my\\040data,/srv/mem,/srv/data",
                drive("virtio-blk", disks.split), drive("nvme", disks.usr, 1), file=file),
          "/dev/vda1")


def test_overlay_in_memory_takes_the_changes(lab, disks):
    boot = check(start(lab, "overlay", "root=LABEL=second rd.overlay=tmpfs:size=16m,nr_inodes=1000 "
                       "payload.also=/run/rootfsbase,/run/overlayfs",
                       drive("virtio-blk", disks.plain)), "overlay")
    assert "rw" in boot.value("root_flags").split(","), boot.explain()
    mount = next(line for line in boot.values("mount") if line.startswith("/run/rootfsbase "))
    assert "ext4 ro," in mount, boot.explain()


def test_overlay_on_a_partition_is_of_the_image_that_asks_for_it(lab, disks):
    features = (("overlay.conf", "kernel_cmdline='rd.overlay=LABEL=over'\n"),)
    file = lab.image("bookworm", "hostonly", ("virtio-blk", "ext4"),
                     ("--hostonly-mode", "strict"), features)
    boot = check(start(lab, "overlay-partition", "root=LABEL=second payload.look=/kept "
                       "payload.also=/run/rootfsbase,/run/overlayfs-backing",
                       drive("virtio-blk", disks.plain), drive("virtio-blk", disks.over, 1),
                       file=file), "overlay")
    assert boot.value("looked") == "yes", boot.explain()


def test_root_in_memory_lives_on_its_usr(lab, disks):
    boot = check(start(lab, "tmpfs", "root=tmpfs rootflags=size=8m mount.usr=LABEL=usr "
                       "payload.also=/usr", drive("virtio-blk", disks.usr)), "tmpfs")
    assert "rw" in boot.value("root_flags").split(",")
