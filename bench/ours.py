# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program under test. It runs at the top of the source tree, with the kernel's root given."""

from lib import TOP, image

from measure import FOLDER

HARDWARE = FOLDER / "hardware.json"


def shown(path):
    """PATH as a reader of the output would type it."""
    return str(path.relative_to(TOP))


class Here:
    """The place where the program runs; see measure.repeat."""

    folder = shown(FOLDER)

    @staticmethod
    def enter(words):
        return words


def generic(kernel, out):
    return _build(kernel, out, "--generic")


def hostonly(kernel, out):
    return _build(kernel, out, "--hostonly", "--hardware", shown(HARDWARE))


def _build(kernel, out, *options):
    return [shown(image.PROGRAM), "build", out, kernel.version, "--root", shown(kernel.root),
            *options, "--no-cache", "--json"]


def listing(path):
    return [shown(image.PROGRAM), "list", path]
