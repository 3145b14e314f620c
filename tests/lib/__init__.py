# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the boot tests, `tools/run` and the benchmark share: kernels, disks, root trees, QEMU.

Nothing here runs when it is imported.
"""

from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
