# SPDX-License-Identifier: LGPL-2.1-or-later
"""The least memory that a guest needs to get from an image to its root."""

from lib import qemu

import builds
import floor
from measure import FOLDER
from ours import shown

# Whoever finds no root or runs out of memory reboots at once, and so the guest ends.
GIVE_UP = "panic=-1 rd.shell=0 rd.emergency=reboot"

# MiB. Below, the kernel itself does not start; what needs more than the last is told as such.
LEAST, MOST, STEP = 48, 512, 4


def least(kernel, path, root, say):
    """In MiB, a multiple of STEP; None when MOST is not enough. More never hurts: it is halved."""
    fails, works = LEAST // STEP, MOST // STEP
    if not reaches_root(kernel, path, root, MOST):
        return None
    while works - fails > 1:
        middle = (fails + works) // 2
        if reaches_root(kernel, path, root, middle * STEP):
            works = middle
        else:
            fails = middle
    say(f"{shown(path)} needs {works * STEP} MiB")
    return works * STEP


def reaches_root(kernel, path, root, megabytes):
    machine = qemu.Machine(kernel.image, path, f"root={root.root('UUID')} ro quiet {GIVE_UP}",
                           [("virtio-blk", root.path)], memory=megabytes, quick=False, timeout=60)
    result = qemu.boot(machine, FOLDER / "boots" / f"{path.stem}-memory")
    return result.ending == "poweroff" and result.value("monotonic_us") is not None


def facts(images, kernel, root, say):
    """The rows: each image, and what it needs."""
    rows = [{"name": "floor", "mib": least(kernel, floor.create(kernel), root, say)}]
    for image in images:
        if image.program in builds.NOT_BOOTED:
            continue
        builds.ensure(image, kernel, say)
        rows.append({"name": image.name, "mib": least(kernel, image.path, root, say)})
    return rows
