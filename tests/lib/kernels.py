# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's kernels, kept unpacked side by side under build/kernels."""

import lzma
import os
import re
import struct
import threading
from dataclasses import dataclass
from pathlib import Path

from . import BUILD
from .command import Failure, run
from .debian import fetch_kernel


@dataclass(frozen=True)
class Kernel:
    """A kernel below a folder that looks like a root: ROOT/boot, ROOT/lib/modules/VERSION."""

    root: Path
    version: str

    @property
    def image(self):
        for path in (self.root / "boot" / f"vmlinuz-{self.version}",
                     self.root / "lib/modules" / self.version / "vmlinuz"):
            if path.exists():
                return path
        return None


# Offsets in the header of a bzImage, from the kernel's Documentation/arch/x86/boot.rst.
_SETUP_SECTORS, _PAYLOAD = 0x1f1, 0x248
_XZ, _ZSTD = b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"


def unpacked(image):
    """The ELF file in the bzImage IMAGE, unpacked once. QEMU can start it as a Xen PVH guest, which
    saves the decompression: half of a boot's time in emulation."""
    stat = os.stat(image)
    elf = BUILD / "boot" / f"vmlinux-{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"
    if not elf.exists():
        elf.parent.mkdir(parents=True, exist_ok=True)
        new = elf.with_name(f"{elf.name}.{os.getpid()}.{threading.get_ident()}")
        _unpack(Path(image).read_bytes(), new)
        new.rename(elf)
    return elf


def _unpack(data, out):
    offset, length = struct.unpack_from("<II", data, _PAYLOAD)
    begin = (data[_SETUP_SECTORS] + 1) * 512 + offset
    payload = data[begin:begin + length]
    if payload.startswith(_XZ):
        out.write_bytes(lzma.LZMADecompressor().decompress(payload))
    elif payload.startswith(_ZSTD):
        packed = out.with_suffix(".zst")
        packed.write_bytes(payload[:-4])  # the size follows it
        run(["zstd", "-q", "-d", "--rm", packed, "-o", out])
    else:
        raise Failure("a kernel that is compressed with neither xz nor zstd")


def of_suite(suite, say=lambda text: None):
    """The newest kernel of a Debian SUITE; fetched if it is not there yet."""
    root = BUILD / "kernels" / suite
    return Kernel(root, fetch_kernel(suite, root, say))


def installed():
    """The newest kernel of this machine that has both modules and an image, or None."""
    modules = Path("/lib/modules")
    versions = [path.name for path in modules.iterdir()] if modules.is_dir() else []
    found = [Kernel(Path("/"), version) for version in sorted(versions, key=_by_number)]
    return next((kernel for kernel in reversed(found) if kernel.image), None)


def _by_number(version):
    """Sorts 6.10 after 6.9: numbers compare by value, and come before letters."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in re.findall(r"\d+|\D+", version)]
