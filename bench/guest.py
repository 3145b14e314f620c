# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots an image in a guest whose clock counts instructions."""

from lib import qemu
from lib.command import Failure

from measure import FOLDER
from ours import shown

# An instruction takes two nanoseconds of guest time; when the guest idles, its clock jumps ahead to
# whatever it waits for. Waiting for a disk, it would run ahead for as long as this machine is slow
# to answer. So the disk answers at once: the request is carried out where it is made (without
# ioeventfd), and what is in the page cache is there when the call returns (with io_uring).
ICOUNT = "shift=1,sleep=off"
BUS = "virtio-blk at once"
qemu.BUSES[BUS] = qemu.Bus("vda", ("virtio-blk-pci,drive={drive},ioeventfd=off",))
DRIVE_OPTIONS = ",aio=io_uring"


def start(kernel, path, disks, append, name):
    """Boots the image PATH with DISKS; how that ended. Output is kept under NAME."""
    machine = qemu.Machine(kernel.image, path, f"{append} ro quiet",
                           [(BUS, f"{disk}{DRIVE_OPTIONS}") for disk in disks], memory=1024,
                           icount=ICOUNT, quick=False, timeout=600)
    return qemu.boot(machine, FOLDER / "boots" / name)


def boot(kernel, path, root, append=""):
    """Boots the image PATH to the payload on the disk ROOT; what the payload told."""
    result = start(kernel, path, [root.path], f"root={root.root('UUID')}{append}", path.stem)
    if result.ending != "poweroff" or not result.value("monotonic_us"):
        raise Failure(f"{shown(path)} does not reach the root\n{result.explain()}")
    return result


def seconds(kernel, path, root):
    """The guest time from the kernel's start to the payload."""
    return int(boot(kernel, path, root).value("monotonic_us")) / 1e6
