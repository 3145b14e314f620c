# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with an image and two previous ones, the older one of another builder, for tests of what may go wrong with their names."""

import shutil

import trees
from program import run

NVME = trees.MACHINES / "nvme.json"
ERRORS = ["ENOSPC", "EIO", "EROFS", "EDQUOT", "EACCES"]
CALLS = ["openat", "openat2", "write", "pread64", "fsync", "renameat", "renameat2", "linkat",
         "unlinkat", "mkdirat", "fchmod", "flock", "copy_file_range", "newfstatat"]


class Machine:
    """A root with an image and two previous ones, to be copied for each try."""

    def __init__(self, tree):
        self.tree = tree
        self.boot = tree.root / "boot"
        self.image = f"initramfs-{tree.version}.img"
        self.previous = f"{self.image}.previous"
        self.oldest = f"{self.previous}-2"

    def copy(self, folder):
        other = Machine(self.tree.copy(folder))
        # The copy shares its files, except for the lock and the log, which are written to.
        for path in ("var/lib/preroot/lock", "var/log/preroot.log"):
            (other.tree.root / path).unlink()
        return other

    def remove(self):
        shutil.rmtree(self.tree.root)

    def rebuild(self, *more):
        """Without compression, which takes most of a run's time, and none of the calls."""
        return ["rebuild", "--root", self.tree.root, "--hardware", NVME, "--no-cache",
                "--compress", "none", "--keep", "2", *more]

    def restore(self):
        return ["restore", "--root", self.tree.root]

    def images(self):
        return {path.name: path.read_bytes() for path in self.boot.iterdir()
                if path.name.startswith("initramfs")}

    def words(self, verb):
        return self.rebuild() if verb == "rebuild" else self.restore()


def make(kernel, folder):
    """A Machine with a copy of KERNEL in FOLDER."""
    made = Machine(kernel.copy(folder / "root"))
    (made.tree.root / "var/log").mkdir(parents=True)
    for drivers in ("qla1280", "ahci", "dummy"):
        run(*made.rebuild("--add-drivers", drivers))
    assert sorted(made.images()) == [made.image, made.previous, made.oldest]
    (made.boot / made.oldest).write_bytes(b"of another builder")
    return made
