# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes disk files with several partitions: for roots that are found, and for what lies beside them.

No loop device, no mount, no privilege: sfdisk writes the table into the file, mke2fs or mkfs.vfat
each filesystem at its partition's offset.
"""

import uuid
from dataclasses import dataclass
from pathlib import Path

from .command import run

SECTOR = 512
START = 1 << 20
TAIL = 1 << 20
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
ROOT = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"  # of x86-64, as the specification has it
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_NAMES = uuid.UUID("6d0f5c1e-7b0a-4a52-9a34-1f0d5b3c9e77")


@dataclass(frozen=True)
class Part:
    """A partition with an ext4 filesystem of TREE, FAT if it is an ESP; without a tree it is empty."""

    label: str
    tree: Path = None
    size: int = 64 << 20
    type: str = LINUX
    attributes: str = ""  # as sfdisk has them: GUID:63,60
    same_as: str = ""     # the UUIDs of the partition with this label

    def uuid(self, what):
        return str(uuid.uuid5(_NAMES, f"{self.same_as or self.label}/{what}"))

    @property
    def partuuid(self):
        return str(uuid.uuid5(_NAMES, f"{self.label}/part"))


def create(path, *parts):
    """A disk at PATH with a GPT and PARTS, one behind the other; PATH."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines, at = ["label: gpt"], START
    for part in parts:
        attributes = f', attrs="{part.attributes}"' if part.attributes else ""
        lines.append(f"start={at // SECTOR}, size={part.size // SECTOR}, type={part.type}, "
                     f'uuid={part.partuuid}, name="{part.label}"{attributes}')
        at += part.size
    with open(path, "wb") as file:
        file.truncate(at + TAIL)
    table = path.with_suffix(".sfdisk")
    table.write_text("\n".join(lines) + "\n")
    run(["sh", "-c", 'exec sfdisk -q --no-reread --no-tell-kernel "$1" <"$2"', "sh", path, table])
    at = START
    for part in parts:
        if part.type == ESP:
            _make_fat(path, at, part)
            at += part.size
            continue
        fill = ["-d", part.tree] if part.tree else []
        run(["mke2fs", "-q", "-F", "-t", "ext4", *fill, "-U", part.uuid("fs"),
             "-L", part.same_as or part.label,
             "-E", f"offset={at},root_owner=0:0,hash_seed={part.uuid('fs')}",
             path, f"{part.size >> 10}k"])
        at += part.size
    return path


def _make_fat(path, at, part):
    run(["mkfs.vfat", "-F", "32", "-n", part.label.upper(), "-i", part.uuid("fs")[:8],
         f"--offset={at // SECTOR}", path, str(part.size >> 10)])
    fill_fat(path, at, part.tree)


def fill_fat(path, at, tree):
    """Copies what is in TREE to the FAT filesystem at the byte AT of PATH, over what is there."""
    run(["mcopy", "-s", "-o", "-Q", "-i", f"{path}@@{at}", *sorted(Path(tree).iterdir()), "::/"])
