# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds microcode and ACPI tables, and searches an image for them like the kernel."""

import struct

INTEL = "kernel/x86/microcode/GenuineIntel.bin"
AMD = "kernel/x86/microcode/AuthenticAMD.bin"
ACPI = "kernel/firmware/acpi/"


def intel(signature, revision, platforms=0xff, others=(), data=bytes(range(48))):
    """An update for SIGNATURE; OTHERS are further pairs of signature and platforms."""
    table = b""
    size = 48 + len(data) + (20 + 12 * len(others) if others else 0)
    head = [1, revision, 0x05172021, signature, 0, 1, platforms, len(data), size, 0, 0, 0]
    head[4] = -_sum(struct.pack("<12I", *head) + data) & 0xffffffff
    if others:
        own = signature + platforms + head[4]
        rows = b"".join(struct.pack("<3I", s, p, (own - s - p) & 0xffffffff) for s, p in others)
        total = (len(others) + _sum(rows)) & 0xffffffff
        table = struct.pack("<II12x", len(others), -total & 0xffffffff) + rows
    return struct.pack("<12I", *head) + data + table


def amd(rows, patches):
    """A container: ROWS are pairs of signature and equivalence, PATCHES of level and equivalence."""
    out = struct.pack("<III", 0x00414d44, 0, 16 * (len(rows) + 1))
    out += b"".join(struct.pack("<IIIHH", s, 0, 0, e, 0) for s, e in rows) + bytes(16)
    for level, equivalence in patches:
        head = struct.pack("<II16xH", 0x02232024, level, equivalence).ljust(64, b"\0")
        out += struct.pack("<II", 1, 64 + 32) + head + bytes(range(32))
    return out


def acpi(signature=b"SSDT", body=b"", revision=1):
    table = bytearray(struct.pack("<4sIBB6s8sI4sI", signature, 36 + len(body), 2, 0, b"PRROOT",
                                  b"EARLYSEG", revision, b"TEST", 1) + body)
    table[9] = -sum(table) & 255
    return bytes(table)


def _sum(data):
    return sum(struct.unpack(f"<{len(data) // 4}I", data)) & 0xffffffff


def search(image, path):
    """What the kernel finds at PATH before it unpacks: (offset, data), or None.

    As in lib/earlycpio.c: headers are at multiples of 4, zeros are skipped, and anything else ends
    the search. PATH may be just the start of a name.
    """
    at = 0
    while len(image) - at > 110:
        if image[at] == 0:
            at += 4
            continue
        if image[at:at + 5] != b"07070":
            return None
        mode, size, length = (int(image[at + i:at + i + 8], 16) for i in (14, 54, 94))
        data = at + 110 + length + (-(at + 110 + length) % 4)
        if mode >> 12 == 8 and image[at + 110:at + 110 + len(path)] == path.encode():
            return data, image[data:data + size]
        at = data + size + -size % 4
    return None
