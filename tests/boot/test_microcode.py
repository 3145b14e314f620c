# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernel finds microcode in the early segment.

An emulated processor cannot be updated. But Linux 6.12 loads only those AMD patches whose checksum it
knows, and names any other that it finds; it only must not know that the processor is emulated.
"""

import shutil

from lib import early, image, kernels, qemu
from lib.kernels import Kernel

SIGNATURE, EQUIVALENCE, LEVEL = 0xa00f11, 0xa011, 0x0a0011ff  # of QEMU's EPYC-Milan


def test_kernel_finds_the_microcode(lab):
    kernel = kernels.of_suite("trixie")
    root = lab.folder / "microcode.root"
    shutil.copytree(kernel.root / "boot", root / "boot")
    shutil.copytree(kernel.root / "lib/modules", root / "lib/modules", symlinks=True)
    folder = root / "lib/firmware/amd-ucode"
    folder.mkdir(parents=True)
    (folder / "microcode_amd_fam19h.bin").write_bytes(
        early.amd([(SIGNATURE, EQUIVALENCE)], [(LEVEL, EQUIVALENCE)]))
    out = lab.folder / "microcode.img"
    image.build(out, Kernel(root, kernel.version), "generic")
    disk = lab.disk("payload")
    boot = qemu.boot(qemu.Machine(kernel=kernel.image, initrd=out, disks=[("virtio-blk", disk.path)],
                                  append=f'root="{disk.root("UUID")}"',
                                  cpu="EPYC-Milan,-hypervisor"),
                     lab.folder / "boots/microcode")
    assert boot.ending == "poweroff", boot.explain()
    assert boot.value("verdict") == "ok", boot.explain()
    assert f"patch ID: {LEVEL:#x}" in boot.console, boot.explain()
