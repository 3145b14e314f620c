# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes disks with storage stacks, by the real tools, which need a kernel with their drivers: in a guest.

All stacks are made in one boot, each with the files of a small root but for its /usr, which comes from
a disk of its own. So nothing that is built here goes into them, and they are kept.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import BUILD, filesystems, image, kernels, qemu, roots, rootfs
from .command import Failure
from .debian import fetch_packages, fresh_tree, locked

SUITE = "bookworm"
KEPT = BUILD / "stacks"
SIZE = 16 << 20
_SOURCES = [Path(module) for module in (__file__, filesystems.__file__, roots.__file__)]

# The drivers are loaded by PID 1. Disks are known by what is written on them. A stack makes its device
# from the disks "$@", has its content copied to it, and takes it down.
DRIVERS = "linear raid0 raid1 raid10 raid456 dm_mod ext4"
PROGRAMS = ["dd", "head", "sh", "sleep", "sync", "tr"]
SCRIPT = """\
#!/bin/sh
exec >/dev/ttyS1 2>&1
export PATH=/bin:/sbin MDADM_NO_UDEV=1 DM_DISABLE_UDEV=1
disk() {
	for path in /dev/vd?; do
		[ "$(head -c 64 $path | tr -d '\\0')" != "preroot $1" ] || echo $path
	done
}
put() {
	[ -b $2 ] && dd if=/content-$1 of=$2 bs=1M conv=fsync status=none
}
"""
CASE = """
make_{number}() (
	set -e
	{commands}
	echo made={name}
)
make_{number} {disks}
"""
END = "sync\necho o >/proc/sysrq-trigger\nsleep 100\n"


def array(level, metadata, name="/dev/md/x --homehost=stacks --name=@NAME@"):
    """Commands that make an array of all disks, with its content."""
    device = name.split()[0]
    return (f"mdadm --create {name} --run --assume-clean --level={level} --metadata={metadata} "
            f"--raid-devices=$# \"$@\"\n\tput @NAME@ {device}\n\tmdadm --stop {device}")


# A disk that was all of an array once, and has partitions of its own now.
FORMER = """\
put former $1
	mdadm --create /dev/md9 --run --assume-clean --force --level=1 --metadata=0.90 --raid-devices=1 $1
	mdadm --stop /dev/md9"""


def group(name, *volumes):
    """Commands that make a volume group of LVM of all disks, with extents of 1 MiB; each of VOLUMES is its name, what
    lvcreate is to be told further, and whose content it gets."""
    lines = [f'lvm vgcreate -y -s 1M {name} "$@"']
    for volume, words, content in volumes:
        mapped = "-".join(part.replace("-", "--") for part in (name, volume))
        lines += [f"lvm lvcreate -y -Wn -Zn -n {volume} {words}", f"put {content} /dev/mapper/{mapped}"]
    return "\n\t".join([*lines, f"lvm vgchange -an {name}"])


@dataclass(frozen=True)
class Kind:
    """How a stack is made, from how many disks; whether it has partitions, of which the filesystem is
    the first: none, an "mbr", or a "gpt" that has the whole disk; and the kinds that its fstab mounts
    below it, each on a folder of its name."""

    disks: int
    commands: str
    table: str = ""
    mounts: tuple = ()


KINDS = {
    "raid0": Kind(2, array("0", "1.0")),
    "raid1": Kind(2, array("1", "1.2"), mounts=("raid0", "raid1-old", "raid10", "former")),
    "raid1-old": Kind(2, array("1", "0.90", "/dev/md3")),
    "raid4": Kind(2, array("4", "1.2")),
    "raid5": Kind(3, array("5", "1.1")),
    "raid6": Kind(4, array("6", "1.2")),
    "linear": Kind(2, array("linear", "1.2")),
    "raid10": Kind(2, array("10", "1.2", "/dev/md/x --homehost=stacks --name=0"), table="mbr"),
    "former": Kind(1, FORMER, table="gpt"),
    # The first volume has a piece on each disk.
    "lvm": Kind(2, group("lab-vg", ("root.1", "-l 8 lab-vg $1:0-3 $2:2-5", "lvm"),
                         ("my-data", "-l 8 -i 2 -I 64k lab-vg", "raid0")), mounts=("raid0",)),
    "lvm-in-luks": Kind(1, group("inner", ("root", "-l 8 inner", "lvm-in-luks"))),
}


@dataclass(frozen=True)
class Stack:
    disks: list
    uuid: str  # of the filesystem


def make(usr):
    """All stacks of KINDS, by name. Their /usr, with init, is the filesystem in the file USR."""
    tree = usr.with_suffix(".tree")
    rootfs.create(tree, image.PROGRAM)
    split = usr.with_suffix(".split")
    shutil.rmtree(split, ignore_errors=True)
    (tree / "usr").rename(split)
    (tree / "usr").mkdir()
    roots.create(usr, roots.Part("usr", split))
    kernel = kernels.of_suite(SUITE)
    folder = KEPT / _digest(tree, kernel)
    with locked(KEPT):
        KEPT.mkdir(exist_ok=True)
        if not folder.exists():
            for other in KEPT.iterdir():
                shutil.rmtree(other)
            with fresh_tree(folder) as work:
                _make(tree, kernel, work)
    return {name: Stack([folder / disk for disk in _disks(name)], _uuid(name)) for name in KINDS}


def _digest(tree, kernel):
    """Of all that goes into the stacks."""
    whole = hashlib.sha256(kernel.version.encode())
    for path in [*_SOURCES, *sorted(tree.rglob("*"))]:
        whole.update(str(path.relative_to(tree) if path.is_relative_to(tree) else path.name).encode())
        if path.is_symlink():
            whole.update(os.readlink(path).encode())
        elif path.is_file():
            whole.update(path.read_bytes())
    return whole.hexdigest()[:12]


def _uuid(name):
    return roots.Part(name).uuid("fs")


def _disks(name):
    return [f"{name}-{number}.disk" for number in range(KINDS[name].disks)]


def _make(tree, kernel, work):
    """Makes the disks in the folder `root` of WORK."""
    out = work / "root"
    out.mkdir()
    disks = [out / disk for name in KINDS for disk in _disks(name)]
    for path in disks:
        with open(path, "wb") as file:
            file.write(f"preroot {path.stem}".encode())
            file.truncate(SIZE)
    first = work / "first.img"
    image.build(first, kernel, "generic", options=("--force-drivers", DRIVERS))
    # PID 1 loads no more drivers once the root is mounted, and that of RAID 5 takes long.
    machine = qemu.Machine(kernel.image, first, "root=LABEL=maker rw init=/make rootdelay=20", keep=True,
                           disks=[("virtio-blk", path) for path in (_system(tree, work), *disks)])
    done = qemu.boot(machine, work / "boot")
    made = done.values("made")
    if done.ending != "poweroff" or made != list(KINDS):
        raise Failure(f"of the stacks {', '.join(KINDS)} these were made: {', '.join(made)}\n"
                      + done.explain())


def _system(tree, work):
    """A disk with the tools, the content of each stack, and what to do."""
    package = fetch_packages(SUITE, ["mdadm"], BUILD / "packages/mdadm")
    system, path = work / "system", work / "system.disk"
    rootfs.create(system)
    rootfs.install(package / "sbin/mdadm", system, "/sbin/mdadm")
    rootfs.install("/usr/bin/busybox", system, "/bin/busybox")
    rootfs.install("/usr/sbin/lvm", system, "/sbin/lvm")
    for name in PROGRAMS:
        (system / "bin" / name).symlink_to("busybox")
    script = SCRIPT
    for number, (name, kind) in enumerate(KINDS.items()):
        _content(name, kind, tree, system / f"content-{name}")
        script += CASE.format(number=number, name=name, commands=kind.commands.replace("@NAME@", name),
                              disks=" ".join(f"$(disk {Path(disk).stem})" for disk in _disks(name)))
    (system / "make").write_text(script + END)
    (system / "make").chmod(0o755)
    with open(path, "wb") as file:
        file.truncate(128 << 20)
    filesystems.make("ext4", path, system, roots.Part("maker").names, roots.SECTOR)
    return path


def _content(name, kind, tree, path):
    """What is copied to the device of a stack: a filesystem with the files of TREE, or a disk with it."""
    own = path.with_name(f"{path.name}.tree")
    shutil.copytree(tree, own, symlinks=True)
    for other in kind.mounts:
        (own / other).mkdir()
    (own / "etc/fstab").write_text("".join(
        f"UUID={_uuid(other)} /{other} ext4 ro,x-initrd.mount 0 0\n" for other in kind.mounts))
    part = roots.Part(name, own, size=SIZE - roots.START - roots.TAIL if kind.table == "gpt" else SIZE // 2)
    if kind.table:
        roots.create(path, part, table=kind.table)
    else:
        with open(path, "wb") as file:
            file.truncate(part.size)
        filesystems.make("ext4", path, own, part.names, roots.SECTOR)
    shutil.rmtree(own)
