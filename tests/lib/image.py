# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls the program under test."""

import json

from . import BUILD
from .command import run

PROGRAM = BUILD / "preroot"


def build(out, kernel, mode, hardware=None, options=()):
    """Builds the image OUT, MODE being generic or hostonly. Returns the program's output."""
    words = [PROGRAM, "build", out, kernel.version, "--root", kernel.root, f"--{mode}", "--json",
             "--no-cache"]
    if hardware:
        words += ["--hardware", hardware]
    return json.loads(run([*words, *options]).stdout)
