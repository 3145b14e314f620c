# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes disk files with several partitions, some of them roots.

No loop device, no mount, no privilege: sfdisk writes the table into the file, mke2fs and mkfs.vfat
each filesystem at its partition's offset.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path

from . import disk, filesystems
from .command import run

SECTOR = 512
START = 1 << 20
TAIL = 1 << 20
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
ROOT = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"  # of x86-64, from the specification
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_NAMES = uuid.UUID("6d0f5c1e-7b0a-4a52-9a34-1f0d5b3c9e77")


@dataclass(frozen=True)
class Part:
    """A partition with a filesystem of TREE; without a tree it is empty.

    FS: ext4, vfat or btrfs; "": vfat for an EFI system partition, else ext4.
    """

    label: str
    tree: Path = None
    size: int = 64 << 20
    type: str = LINUX
    attributes: str = ""  # in sfdisk's notation: GUID:63,60
    same_as: str = ""     # the UUIDs of the partition with this label
    fs: str = ""
    features: str = ""    # of an ext4, as for mke2fs -O

    def uuid(self, what):
        return str(uuid.uuid5(_NAMES, f"{self.same_as or self.label}/{what}"))

    @property
    def partuuid(self):
        return str(uuid.uuid5(_NAMES, f"{self.label}/part"))

    @property
    def kind(self):
        return self.fs or ("vfat" if self.type == ESP else "ext4")

    @property
    def names(self):
        """The filesystem's UUID and label."""
        return filesystems.names(self.kind, self.same_as or self.label, self.uuid("fs"))


def create(path, *parts, table="gpt"):
    """Makes a disk at PATH with a TABLE, gpt or mbr, and PARTS in that order. Returns PATH.

    An MBR has room for four, of which the first one is marked active.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines, at = [f"label: {'dos' if table == 'mbr' else table}"], START
    for part in parts:
        place = f"start={at // SECTOR}, size={part.size // SECTOR}, "
        lines.append(place + (_mbr_words(at) if table == "mbr" else _gpt_words(part)))
        at += part.size
    with open(path, "wb") as file:
        file.truncate(at + TAIL)
    script = path.with_suffix(".sfdisk")
    script.write_text("\n".join(lines) + "\n")
    run(["sh", "-c", 'exec sfdisk -q --no-reread --no-tell-kernel "$1" <"$2"', "sh", path, script])
    at = START
    for part in parts:
        _MAKERS[part.kind](path, part, at)
        at += part.size
    return path


def _mbr_words(at):
    return "type=83, bootable" if at == START else "type=83"


def _gpt_words(part):
    attributes = f', attrs="{part.attributes}"' if part.attributes else ""
    return f'type={part.type}, uuid={part.partuuid}, name="{part.label}"{attributes}'


def _ext4(path, part, at):
    fill = ["-d", part.tree] if part.tree else []
    features = ["-O", part.features] if part.features else []
    run(["mke2fs", "-q", "-F", "-t", "ext4", *features, *fill,
         "-U", part.names.uuid, "-L", part.names.label,
         "-E", f"offset={at},root_owner=0:0,hash_seed={part.uuid('fs')}", path, f"{part.size >> 10}k"])


def _vfat(path, part, at):
    # The minimum for FAT32. By default, mkfs.vfat uses the size of the whole disk.
    run(["mkfs.vfat", "-F", "32", "-s", "1", "-i", part.names.uuid.replace("-", ""),
         "-n", part.names.label, "--offset", at // SECTOR, path, part.size >> 10])
    if part.tree:
        fill_fat(path, at, part.tree)


def fill_fat(path, at, tree):
    """Copies the files of TREE over those of the FAT filesystem at the byte AT of PATH."""
    run(["mcopy", "-s", "-o", "-Q", "-i", f"{path}@@{at}", *sorted(Path(tree).iterdir()), "::/"])


def _btrfs(path, part, at):
    """mkfs.btrfs needs a file of its own."""
    alone = path.with_suffix(".btrfs")
    with open(alone, "wb") as file:
        file.truncate(part.size)
    filesystems.make("btrfs", alone, part.tree, part.names, SECTOR)
    disk.place(alone, path, at)
    alone.unlink()


_MAKERS = {"ext4": _ext4, "vfat": _vfat, "btrfs": _btrfs}
