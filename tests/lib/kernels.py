# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's kernels, kept unpacked side by side under build/kernels."""

import re
from dataclasses import dataclass
from pathlib import Path

from . import BUILD
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


def of_suite(suite, say=lambda text: None):
    """The newest kernel of a Debian SUITE; fetched when it is not there yet."""
    root = BUILD / "kernels" / suite
    return Kernel(root, fetch_kernel(suite, root, say))


def installed():
    """The newest kernel of this machine that has both modules and an image, or None."""
    modules = Path("/lib/modules")
    versions = [path.name for path in modules.iterdir()] if modules.is_dir() else []
    found = [Kernel(Path("/"), version) for version in sorted(versions, key=_by_number)]
    return next((kernel for kernel in reversed(found) if kernel.image), None)


def _by_number(version):
    """Sorts 6.10 after 6.9: numbers are compared as such, and come before letters."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in re.findall(r"\d+|\D+", version)]
