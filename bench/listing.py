# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that list or check images; beside what it takes only to decompress these."""

from dataclasses import dataclass

import builds
import measure
import ours
import peers
from measure import FOLDER, Case, image_path
from ours import shown

INFLATE = "decompress"


@dataclass(frozen=True)
class Listing:
    """A program that lists the image NAME: COMMAND(path) gives the words, PLACE runs them."""

    program: str
    name: str
    place: object
    command: object

    def case(self):
        return Case(self.command(f"{self.place.folder}/{image_path(self.name).name}"), self.place,
                    FOLDER / "list.log")


def inflate(path):
    return [shown(FOLDER / "inflate"), path]


def of_ours(kernel, programs, name):
    here = ours.Here()
    for program in programs:
        yield Listing(f"{program.name} list", name, here, program.listing)
    if name.startswith("dracut"):
        yield Listing(INFLATE, name, here, inflate)
    if name.startswith("preroot"):
        for program in programs:
            yield Listing(f"{program.name} verify", name, here,
                          lambda path, p=program: p.verify(kernel, path))


def of_others(kernel, name):
    old, new = peers.Chroot(kernel.root, peers.BENCH), peers.Chroot(kernel.root, peers.NEWER)
    for program, place, command in (
            ("3cpio -t", new, peers.three_cpio), ("3cpio -t -v", new, peers.three_cpio_long),
            ("lsinitrd", new if name.startswith("dracut-ng") else old, peers.lsinitrd),
            ("lsinitramfs", old, peers.lsinitramfs)):
        # lsinitramfs of Debian 12 knows no image that begins with an uncompressed segment.
        if not (program == "lsinitramfs" and name.startswith("preroot")):
            yield Listing(program, name, place, command)


IMAGES = ("preroot generic", "dracut generic", "dracut-ng generic", "initramfs-tools most")


def facts(kernel, programs, others, plan, say):
    """The rows: program, image, and what it takes. OTHERS: other programs list them, too."""
    images = {image.name: image for image in
              (*builds.of_ours(ours.PREROOT), *builds.of_others(kernel))}
    measure.compile_program("inflate", "-lz", "-lzstd")
    rows = []
    for name in IMAGES:
        builds.ensure(images[name], kernel, say)
        group = [*of_ours(kernel, programs, name), *(of_others(kernel, name) if others else ())]
        say(f"listing {shown(image_path(name))} with {', '.join(what.program for what in group)}")
        for what, series in zip(group, measure.in_turns([what.case() for what in group], plan)):
            rows.append({"program": what.program, "image": name, **series.facts()})
    return rows
