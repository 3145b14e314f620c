# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes raw disk files: a partition table and one ext4 partition filled from a tree.

No loop device, no mount, no privilege: sfdisk writes the table into the file, mke2fs the file
system at the partition's offset. All identifiers follow from the disk's name, so a disk made twice
has the same ones.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path

from .command import run

SECTOR = 512
START = 1 << 20  # where the partition begins
TAIL = 1 << 20   # kept free for the second copy of a GPT
_NAMES = uuid.UUID("6d0f5c1e-7b0a-4a52-9a34-1f0d5b3c9e77")


@dataclass(frozen=True)
class Disk:
    """A disk file and what its root partition can be called by."""

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


def create_gpt(path, tree, size=96 << 20):
    """A disk of SIZE bytes with a GPT; its partition has a PARTUUID and a PARTLABEL."""
    disk = _named(path, partuuid=_uuid(path, "part"), partlabel="root part")
    _partition(disk, size, f"label: gpt\nlabel-id: {_uuid(path, 'table')}\n"
               f"start={START // SECTOR}, size={(size - START - TAIL) // SECTOR}, type=L, "
               f"uuid={disk.partuuid}, name=\"{disk.partlabel}\"\n")
    _format(disk, tree, size)
    return disk


def create_mbr(path, tree, size=96 << 20):
    """A disk of SIZE bytes with a DOS partition table; its PARTUUID is SIGNATURE-01."""
    signature = _uuid(path, "table")[:8]
    disk = _named(path, partuuid=f"{signature}-01", partlabel="")
    _partition(disk, size, f"label: dos\nlabel-id: 0x{signature}\n"
               f"start={START // SECTOR}, size={(size - START - TAIL) // SECTOR}, type=83\n")
    _format(disk, tree, size)
    return disk


def label(path):
    """The label of the file system on the disk PATH; ext4 has room for 16 characters."""
    return f"root-{Path(path).stem}"[:16]


def _uuid(path, part):
    return str(uuid.uuid5(_NAMES, f"{Path(path).stem}/{part}"))


def _named(path, partuuid, partlabel):
    path = Path(path)
    return Disk(path, _uuid(path, "fs"), label(path), partuuid, partlabel)


def _partition(disk, size, script):
    disk.path.parent.mkdir(parents=True, exist_ok=True)
    with open(disk.path, "wb") as file:
        file.truncate(size)
    table = disk.path.with_suffix(".sfdisk")
    table.write_text(script)
    command = 'exec sfdisk -q --no-reread --no-tell-kernel "$1" <"$2"'
    run(["sh", "-c", command, "sh", disk.path, table])


def _format(disk, tree, size):
    run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, "-U", disk.uuid, "-L", disk.label,
         "-E", f"offset={START},root_owner=0:0,hash_seed={disk.uuid}",
         disk.path, f"{(size - START - TAIL) >> 10}k"])
