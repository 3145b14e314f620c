# SPDX-License-Identifier: LGPL-2.1-or-later
"""A cpio writer for archives that no other program would write, and the tools that make images."""

import os
import stat
import struct
import subprocess
from dataclasses import dataclass

TRAILER = b"TRAILER!!!"
UTF8 = {**os.environ, "LC_ALL": "C.UTF-8"}  # bsdtar needs the encoding of names
FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777

# How to write each codec for the kernel, and how to read it back.
PACK = {
    "none": ["cat"],
    "gzip": ["gzip", "-n"],
    "xz": ["xz", "--check=crc32"],
    "lzma": ["xz", "--format=lzma"],
    "lz4": ["lz4", "-l", "-c"],
    "zstd": ["zstd", "-q", "-c"],
    "bzip2": ["bzip2"],
    "lzo": ["lzop"],
}
UNPACK = {
    "none": ["cat"],
    "gzip": ["gzip", "-dc"],
    "xz": ["xz", "-dc"],
    "lzma": ["xz", "--format=lzma", "-dc"],
    "lz4": ["lz4", "-dc"],
    "zstd": ["zstd", "-dc"],
    "bzip2": ["bzip2", "-dc"],
    "lzo": ["lzop", "-dc"],
}
CODECS = ["zstd", "xz", "lz4", "gzip", "bzip2", "lzma", "lzo", "none"]


@dataclass(frozen=True)
class Entry:
    """One entry of an archive. Fields of the second part that are not None are written as they are."""

    name: bytes
    mode: int = FILE
    data: bytes = b""
    ino: int = 0
    nlink: int = 1
    device: tuple = (0, 0)

    magic: bytes = b"070701"
    namesize: int = None
    filesize: int = None
    check: int = 0
    end: bytes = b"\0"

    def encode(self, ino):
        name = self.name + self.end
        fields = [self.ino or ino, self.mode, 0, 0, self.nlink, 0,
                  len(self.data) if self.filesize is None else self.filesize, 0, 0, *self.device,
                  len(name) if self.namesize is None else self.namesize, self.check]
        head = self.magic + b"".join(b"%08x" % field for field in fields) + name
        return padded(head) + padded(self.data)


def padded(data, to=4):
    return data + bytes(-len(data) % to)


def newc(*entries, trailer=True):
    """An archive of ENTRIES."""
    if trailer:
        entries = (*entries, Entry(TRAILER))
    return b"".join(entry.encode(number + 1) for number, entry in enumerate(entries))


# The offsets and lengths of a header's fields.
FIELDS = {"magic": (0, 6)} | {name: (6 + 8 * i, 8) for i, name in enumerate(
    ["ino", "mode", "uid", "gid", "nlink", "mtime", "filesize", "major", "minor", "rmajor",
     "rminor", "namesize", "check"])}
HEADER = 110


@dataclass(frozen=True)
class Place:
    """The offsets of an entry's header, data and end."""

    name: bytes
    header: int
    data: int
    size: int
    end: int


def places(archive):
    """All entries of a well-formed archive, without its trailer."""
    found, at = [], 0
    while True:
        def field(name):
            start, length = FIELDS[name]
            return int(archive[at + start:at + start + length], 16)

        name = archive[at + HEADER:at + HEADER + field("namesize") - 1]
        data = at + len(padded(bytes(HEADER + field("namesize"))))
        end = data + len(padded(bytes(field("filesize"))))
        if name == TRAILER:
            return found
        found.append(Place(name, at, data, field("filesize"), end))
        at = end


def folders(*names):
    return [Entry(name, FOLDER, nlink=2) for name in names]


def file(name, data=b"text\n", **fields):
    return Entry(name, data=data, **fields)


def link(name, target):
    return Entry(name, LINK, target)


def uki(*sections):
    """A PE file of SECTIONS (name, data), without code, which no reader of images looks at."""
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, 0, 0)
    at, body = 4096, b""
    for name, data in sections:
        data_padded = padded(data, 512)
        head += name.encode().ljust(8, b"\0") + struct.pack(
            "<IIII", len(data), at, len(data_padded), at) + bytes(16)
        at, body = at + len(data_padded), body + data_padded
    return head.ljust(4096, b"\0") + body


def feed(words, data, **options):
    """Runs WORDS with DATA on standard input. Returns its standard output."""
    return subprocess.run(words, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=True, **options).stdout


def pack(codec, data):
    return feed(PACK[codec], data)


def unpack(codec, data):
    return feed(UNPACK[codec], data)


def gnu_cpio(folder, names, *options):
    """The archive that GNU cpio makes of NAMES in FOLDER."""
    words = ["cpio", "-o", "--quiet", "-0", *(options or ["-H", "newc"])]
    return feed(words, b"".join(name.encode() + b"\0" for name in names), cwd=folder)


def busybox_cpio(folder, names):
    return feed(["busybox", "cpio", "-o", "-H", "newc"],
                b"".join(name.encode() + b"\n" for name in names), cwd=folder)


def bsdtar(folder, *names):
    """The archive that bsdtar makes of NAMES in FOLDER, in one step."""
    return feed(["bsdtar", "-c", "-n", "-f", "-", "--format=newc", *names], b"", cwd=folder,
                env=UTF8)


def bsdtar_in_two_steps(folder, names):
    """The same as mkinitcpio does it: a tar archive, which is converted to a cpio archive."""
    first = feed(["bsdtar", "--null", "-c", "-n", "-f", "-", "-T", "-"],
                 b"".join(name.encode() + b"\0" for name in names), cwd=folder, env=UTF8)
    return feed(["bsdtar", "--null", "-c", "-f", "-", "--format=newc", "@-"], first, env=UTF8)


def names_in(archive):
    """The names in an archive, as GNU cpio lists them."""
    lines = feed(["cpio", "-it", "--quiet"], archive).decode(errors="surrogateescape")
    return lines.splitlines()


def segments_of(image, listing):
    """Splits the bytes of IMAGE at the segments of LISTING (`list --json`), and unpacks each."""
    parts = []
    for segment in listing["segments"]:
        data = image[segment["offset"]:segment["offset"] + segment["size"]]
        if segment["compress"] == "lz4":
            data = data.removesuffix(bytes(4))  # the kernel's reader stops at it, lz4 does not
        parts.append(unpack(segment["compress"], data))
    return parts
