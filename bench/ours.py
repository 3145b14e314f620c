# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program under test. It runs at the top of the source tree, with the kernel's root given."""

from lib import TOP, image

from measure import FOLDER

HARDWARE = FOLDER / "hardware.json"
CACHE = FOLDER / "cache"


def shown(path):
    """PATH as a reader of the output would type it."""
    return str(path.relative_to(TOP))


class Here:
    """The place where the program runs; see measure.repeat."""

    folder = shown(FOLDER)

    @staticmethod
    def enter(words):
        return words


def generic(kernel, out, *options):
    """With the cache in CACHE: as cold or warm as the caller has left it."""
    return _build(kernel, out, "--generic", *options)


def hostonly(kernel, out):
    """What the guest needs, and no more: what the others are told to make, too."""
    return _build(kernel, out, "--hardware", shown(HARDWARE), "--hostonly-mode", "strict")


def sloppy(kernel, out):
    """The default: also what people plug in or move a disk to."""
    return _build(kernel, out, "--hardware", shown(HARDWARE))


def _build(kernel, out, *options):
    return [shown(image.PROGRAM), "build", out, kernel.version, "--root", shown(kernel.root),
            *options, "--cache-dir", shown(CACHE), "--json"]


def version():
    return [shown(image.PROGRAM), "--version"]


def listing(path):
    return [shown(image.PROGRAM), "list", path]
