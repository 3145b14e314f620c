# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program under test. It runs at the top of the source tree, with the kernel's root given."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from lib import TOP, image

from measure import FOLDER

HARDWARE = FOLDER / "hardware.json"


def shown(path):
    """PATH as a reader of the output would type it at the top of the source tree."""
    path = Path(path)
    return str(path.relative_to(TOP)) if path.is_relative_to(TOP) else str(path)


class Here:
    """The place where the program runs; see measure.Case."""

    folder = shown(FOLDER)

    @staticmethod
    def enter(words):
        return words


@dataclass(frozen=True)
class Program:
    """A build of preroot, which keeps a cache of its own."""

    name: str
    path: Path

    @property
    def cache(self):
        return FOLDER / f"cache-{self.name}"

    def empty_cache(self):
        shutil.rmtree(self.cache, ignore_errors=True)

    def generic(self, kernel, out, *options):
        """With its cache: as cold or warm as the caller has left it."""
        return self._build(kernel, out, "--generic", *options)

    def hostonly(self, kernel, out, mode="sloppy", *options):
        return self._build(kernel, out, "--hostonly-mode", mode, "--hardware", shown(HARDWARE),
                           *options)

    def strict(self, kernel, out):
        return self.hostonly(kernel, out, "strict")

    def _build(self, kernel, out, *options):
        """What comes later on a command line counts: OPTIONS may give another cache."""
        return [shown(self.path), "build", out, kernel.version, "--root", shown(kernel.root),
                "--cache-dir", shown(self.cache), "--json", *options]

    def version(self):
        return [shown(self.path), "--version"]

    def listing(self, path):
        return [shown(self.path), "list", path]

    def verify(self, kernel, path):
        return [shown(self.path), "verify", "--root", shown(kernel.root), path]


PREROOT = Program("preroot", image.PROGRAM)
