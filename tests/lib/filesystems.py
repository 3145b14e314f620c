# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes filesystems in files, with the files of a tree on them, without mounting anything."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from .command import Failure, run

# Minimum sizes that the programs accept; all others fit a disk of the usual size.
SIZES = {"btrfs": 256 << 20, "xfs": 512 << 20}
USUAL_SIZE = 128 << 20  # a power of two: SD cards have no others
LABEL_MAX = {"ext2": 16, "ext3": 16, "ext4": 16, "xfs": 12, "vfat": 11}


@dataclass(frozen=True)
class Names:
    """The names of a filesystem; "" for those that its kind cannot have."""

    uuid: str
    label: str


def names(fs, label, uuid):
    """LABEL and UUID as FS stores and shows them, shortened if necessary."""
    if fs == "squashfs":
        return Names("", "")
    if fs == "erofs":
        return Names(uuid, "")
    if fs == "vfat":
        return Names(f"{uuid[:4]}-{uuid[4:8]}".upper(), label[:LABEL_MAX[fs]].upper())
    return Names(uuid, label[:LABEL_MAX.get(fs, len(label))])


def has_uuid(fs):
    return fs != "squashfs"


def disk_size(fs):
    """The size of a disk for a small tree on FS."""
    return SIZES.get(fs, USUAL_SIZE)


def make(fs, path, tree, called, sector):
    """FS over the whole file PATH, filled from TREE, on a disk with sectors of SECTOR bytes."""
    MAKERS[fs](fs, path, tree, called, sector)


def _ext(fs, path, tree, called, sector):
    block = ["-b", sector] if sector > 1024 else []
    run(["mke2fs", "-q", "-F", "-t", fs, "-d", tree, "-U", called.uuid, "-L", called.label,
         "-E", f"root_owner=0:0,hash_seed={called.uuid}", *block, path])


def _xfs(_fs, path, tree, called, sector):
    proto = path.with_suffix(".proto")
    proto.write_text(f"/none\n0 0\n{_proto(Path(tree))}")
    run(["mkfs.xfs", "-q", "-f", "-m", f"uuid={called.uuid}", "-L", called.label,
         "-s", f"size={sector}", "-p", proto, path])


def _proto(folder, name=""):
    """FOLDER in the language of mkfs.xfs -p: lines of name, type and mode, owner, group, content."""
    lines = [f"{name} d--{folder.stat().st_mode & 0o777:03o} 0 0".strip()]
    for path in sorted(folder.iterdir()):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            lines.append(f"{path.name} l--777 0 0 {os.readlink(path)}")
        elif stat.S_ISDIR(mode):
            lines.append(_proto(path, path.name).rstrip("\n"))
        else:
            lines.append(f"{path.name} ---{mode & 0o777:03o} 0 0 {path}")
    return "\n".join([*lines, "$"]) + "\n"


def _btrfs(_fs, path, tree, called, _sector):
    run(["mkfs.btrfs", "-q", "-f", "--rootdir", tree, "-U", called.uuid, "-L", called.label, path])


def _f2fs(_fs, path, tree, called, sector):
    run(["mkfs.f2fs", "-q", "-f", "-w", sector, "-U", called.uuid, "-l", called.label, path])
    # It exits with 1 if it has loaded files, and with other values if not.
    done = run(["sload.f2fs", "-P", "-f", tree, path], check=False)
    if done.returncode not in (0, 1):
        raise Failure(f"sload.f2fs: {done.stdout}{done.stderr}")


def _vfat(_fs, path, tree, called, sector):
    run(["mkfs.vfat", "-i", called.uuid.replace("-", ""), "-n", called.label, "-S", sector, path])
    run(["mcopy", "-s", "-Q", "-i", path, *sorted(Path(tree).iterdir()), "::/"])


def _squashfs(_fs, path, tree, _called, _sector):
    run(["mksquashfs", tree, path, "-noappend", "-all-root", "-quiet", "-no-progress"])


def _erofs(_fs, path, tree, called, _sector):
    run(["mkfs.erofs", "--all-root", "-U", called.uuid, path, tree])


MAKERS = {"ext2": _ext, "ext3": _ext, "ext4": _ext, "xfs": _xfs, "btrfs": _btrfs, "f2fs": _f2fs,
          "vfat": _vfat, "squashfs": _squashfs, "erofs": _erofs}
