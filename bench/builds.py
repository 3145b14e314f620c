# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cold builds: all programs make an image of the same kind, in turns; and how these images boot."""

import queue
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lib.command import Failure

import floor
import guest
import measure
import ours
import peers
from measure import Case, image_path
from ours import shown

KINDS = ("generic", "hostonly", "strict")
# Of the machine that the benchmark runs on, so they would not find the guest's root.
NOT_BOOTED = ("booster",)


@dataclass(frozen=True)
class Image:
    """One image and how it is made: COMMAND(kernel, path) gives the words, PLACE runs them."""

    name: str
    program: str
    kind: str
    place: object
    command: object
    before: object = None

    @property
    def path(self):
        return image_path(self.name)

    def words(self, kernel):
        return self.command(kernel, f"{self.place.folder}/{self.path.name}")

    def case(self, kernel):
        return Case(self.words(kernel), self.place, self.path.with_suffix(".log"), self.fresh)

    def fresh(self):
        """Before a cold build: no image, and nothing in a cache."""
        self.path.unlink(missing_ok=True)
        if self.before:
            self.before()


def of_ours(program):
    here = ours.Here()
    return [Image(f"{program.name} {kind}", program.name, kind, here, getattr(program, kind),
                  program.empty_cache) for kind in KINDS]


def of_others(kernel):
    old, new = peers.Chroot(kernel.root, peers.BENCH), peers.Chroot(kernel.root, peers.NEWER)
    here = ours.Here()
    absent = peers.absent()
    found = []
    for name, place in (("dracut", old), ("dracut-ng", new)):
        found += [Image(f"{name} {kind}", name, kind, place, command) for kind, command in zip(
            KINDS, (peers.dracut_generic, peers.dracut_hostonly, peers.dracut_strict))]
    found += [Image("initramfs-tools most", "initramfs-tools", "generic", old,
                    peers.initramfs_most),
              Image("initramfs-tools dep", "initramfs-tools", "strict", old, peers.initramfs_dep),
              Image("booster universal", "booster", "generic", here, peers.booster_universal),
              Image("booster host", "booster", "hostonly", here, peers.booster_host),
              Image("mkinitcpio fallback", "mkinitcpio", "generic", here,
                    peers.mkinitcpio_fallback)]
    return [image for image in found if image.program not in absent]


def capture_hardware(kernel, path, root, say):
    """Lets a guest describe its hardware, for the hostonly images of ours."""
    say(f"booting {shown(path)} for the description of the guest")
    told = guest.boot(kernel, path, root, " payload.run=hardware")
    text, status = told.section("hardware")
    if status != 0:
        raise Failure("`preroot hardware` failed in the guest")
    ours.HARDWARE.write_text(text)


def ensure_hardware(kernel, root, say):
    """What the hostonly images are for: a guest tells it once."""
    if ours.HARDWARE.exists():
        return
    generic = of_ours(ours.PREROOT)[0]
    ensure(generic, kernel, say)
    capture_hardware(kernel, generic.path, root, say)


def ensure(image, kernel, say):
    """Where an image is not there yet, it is made, and not measured."""
    if not image.path.exists():
        say(f"building {shown(image.path)}")
        measure.in_turns([image.case(kernel)], measure.ONCE)


def facts(images, kernel, plan, say):
    """The rows: each image, its size, and what its build took."""
    rows = []
    for kind in KINDS:
        group = [image for image in images if image.kind == kind]
        say(f"building {', '.join(image.name for image in group)}")
        for image, series in zip(group, measure.in_turns([image.case(kernel) for image in group],
                                                         plan)):
            rows.append({"name": image.name, "program": image.program, "kind": kind,
                         "bytes": image.path.stat().st_size, "build": series.facts()})
    return rows


def boots(images, kernel, roots, say):
    """The rows: each image, and the guest time from the kernel's start to the root.

    There are as many boots at a time as ROOTS: their time hardly depends on this machine.
    """
    images = [image for image in images if image.program not in NOT_BOOTED]
    for image in images:
        ensure(image, kernel, say)
    free = queue.SimpleQueue()
    for root in roots:
        free.put(root)

    def boot(path):
        root = free.get()
        say(f"booting {shown(path)}")
        try:
            return guest.seconds(kernel, path, root)
        finally:
            free.put(root)

    rows = [{"name": "floor", "program": "floor", "kind": "floor", "path": floor.create(kernel)},
            *({"name": image.name, "program": image.program, "kind": image.kind,
               "path": image.path} for image in images)]
    with ThreadPoolExecutor(len(roots)) as threads:
        for row, seconds in zip(rows, threads.map(boot, [row["path"] for row in rows])):
            row["bytes"] = row.pop("path").stat().st_size
            row["median"] = seconds
    return rows
