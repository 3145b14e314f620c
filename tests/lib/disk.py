# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes raw disk files: a partition table and one filesystem filled from a tree.

No loop device, no mount, no privilege: fdisk writes the table into the file, the filesystem is made
in a separate file and copied to its place. All identifiers are derived from the disk's name, so a
disk made twice has the same ones.
"""

import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import filesystems
from .command import run

START = 1 << 20  # where a partition begins in what holds it
TAIL = 1 << 20   # kept free for the second copy of a GPT
SIZE = 96 << 20
CHUNK = 1 << 20
_NAMES = uuid.UUID("6d0f5c1e-7b0a-4a52-9a34-1f0d5b3c9e77")


@dataclass(frozen=True)
class Layout:
    """The layout of a disk, and the sector size that its table uses.

    TABLE: gpt, mbr, logical (an MBR's first logical partition), none (the filesystem has the whole
    disk), nested (a GPT inside a partition of a GPT).
    """

    table: str = "gpt"
    fs: str = "ext4"
    sector: int = 512

    @property
    def partition(self):
        """The number of the partition that the filesystem is on; 0 without a table."""
        return {"none": 0, "logical": 5}.get(self.table, 1)

    @property
    def kind(self):
        """The best kind of name for the filesystem: UUID, else PARTUUID, else none."""
        if filesystems.has_uuid(self.fs):
            return "UUID"
        return "PARTUUID" if self.partition else ""


@dataclass(frozen=True)
class Disk:
    """A disk file and the identifiers of its root partition; "" for those that it lacks."""

    path: Path
    uuid: str
    label: str
    partuuid: str
    partlabel: str

    def root(self, kind):
        """The value of root= for KIND: UUID, LABEL, PARTUUID, PARTLABEL, or a path under /dev."""
        if kind.startswith("/dev/"):
            return kind
        return f"{kind}={getattr(self, kind.lower())}"


def create(path, tree, layout=Layout(), size=SIZE):
    """A disk of SIZE bytes with the files of TREE."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    names = filesystems.names(layout.fs, label(path), _uuid(path, "fs"))
    table = {"none": _whole, "gpt": _gpt, "mbr": _mbr, "logical": _logical, "nested": _nested}
    with open(path, "wb") as file:
        file.truncate(size)
    partuuid, partlabel, start, length = table[layout.table](path, layout, size)
    part = path.with_suffix(".fs")
    with open(part, "wb") as file:
        file.truncate(length)
    filesystems.make(layout.fs, part, tree, names, layout.sector)
    place(part, path, start)
    part.unlink()
    return Disk(path, names.uuid, names.label, partuuid, partlabel)


def create_gpt(path, tree, size=SIZE):
    """A disk with a GPT and ext4; its partition has a PARTUUID and a PARTLABEL."""
    return create(path, tree, size=size)


def label(path):
    """The label of the filesystem on the disk PATH; ext4 has room for 16 characters."""
    return f"root-{Path(path).stem}"[:16]


def _uuid(path, part):
    return str(uuid.uuid5(_NAMES, f"{Path(path).stem}/{part}"))


# ---- tables: each writes one, and gives PARTUUID, PARTLABEL, and where the filesystem goes ----

def _whole(_path, _layout, size):
    return "", "", 0, size


def _gpt(path, layout, size):
    partuuid, partlabel = _uuid(path, "part"), "root part"
    _write_gpt(path, path, layout.sector, size, partuuid, partlabel)
    return partuuid, partlabel, START, size - START - TAIL


def _mbr(path, layout, size):
    signature, length = _uuid(path, "table")[:8], size - START - TAIL
    _partition(path, layout.sector, f"label: dos\nlabel-id: 0x{signature}\n"
               f"start={START // layout.sector}, size={length // layout.sector}, type=83\n")
    return f"{signature}-01", "", START, length


def _logical(path, layout, size):
    signature, length = _uuid(path, "table")[:8], size - 2 * START - TAIL
    outer = (length + START) // layout.sector
    _partition(path, layout.sector, f"label: dos\nlabel-id: 0x{signature}\n"
               f"start={START // layout.sector}, size={outer}, type=5\n"
               f"start={2 * START // layout.sector}, size={length // layout.sector}, type=83\n")
    return f"{signature}-05", "", 2 * START, length


def _nested(path, layout, size):
    inner, length = path.with_suffix(".inner"), size - START - TAIL
    _write_gpt(path, path, layout.sector, size, _uuid(path, "part"), "outer part")
    with open(inner, "wb") as file:
        file.truncate(length)
    partuuid = _uuid(path, "inner part")
    _write_gpt(inner, inner, layout.sector, length, partuuid, "inner part")
    place(inner, path, START)
    inner.unlink()
    return partuuid, "inner part", 2 * START, length - START - TAIL


def _write_gpt(path, named, sector, size, partuuid, partlabel):
    _partition(path, sector, f"label: gpt\nlabel-id: {_uuid(named, 'table')}\n"
               f"start={START // sector}, size={(size - START - TAIL) // sector}, type=L, "
               f"uuid={partuuid}, name=\"{partlabel}\"\n")


def _partition(path, sector, script):
    """sfdisk has no option for the sector size, but fdisk reads sfdisk's scripts."""
    table = path.with_suffix(".sfdisk")
    table.write_text(script)
    command = 'printf "I\\n%s\\nw\\n" "$3" | fdisk -w never -b "$2" "$1"'
    run(["sh", "-c", command, "sh", path, sector, table])


def place(source, target, offset):
    """Copies SOURCE into TARGET at OFFSET, keeping holes."""
    with open(source, "rb") as file, open(target, "r+b") as out:
        size = os.fstat(file.fileno()).st_size
        for at in range(0, size, CHUNK):
            chunk = file.read(CHUNK)
            if chunk.count(0) != len(chunk):
                out.seek(offset + at)
                out.write(chunk)
