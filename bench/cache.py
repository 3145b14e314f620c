# SPDX-License-Identifier: LGPL-2.1-or-later
"""Generic builds of ours with a cache: cold, with one file changed, and with nothing to do."""

import shutil
from pathlib import Path

from lib.command import Failure, run
from lib.kernels import Kernel

import measure
import ours
from measure import FOLDER

MODULE = "kernel/drivers/block/virtio_blk.ko"
MARK = b"\0description="


def cold():
    """Empties the cache."""
    shutil.rmtree(ours.CACHE, ignore_errors=True)


def facts(kernel, plan, say):
    """The rows: what is done, and the seconds and memory it takes."""
    kernel = copied_kernel(kernel)
    module = kernel.root / "lib/modules" / kernel.version / MODULE
    out = measure.image_path("preroot cached")
    say("building with a cache: cold, one file changed, unchanged")
    words = ours.generic(kernel, f"{ours.Here.folder}/{out.name}")

    def changed():
        change(module)
        out.unlink(missing_ok=True)

    def emptied():
        cold()
        out.unlink(missing_ok=True)

    rows = [row("cold", words, plan, emptied), row("changed", words, plan, changed)]
    run([*words, "--if-changed"], cwd=measure.TOP)
    before = out.stat()
    rows.append(row("unchanged", [*words, "--if-changed"], plan))
    if (out.stat().st_ino, out.stat().st_mtime_ns) != (before.st_ino, before.st_mtime_ns):
        raise Failure("a build with --if-changed and nothing changed has written its image again")
    rows.append(row("version", ours.version(), plan))
    return rows


def row(name, words, plan, before=None):
    done = measure.repeat(words, plan, ours.Here, FOLDER / "cache.log", before)
    return {"name": name, **done.facts()}


def copied_kernel(kernel):
    """KERNEL in a tree of its own, of hard links: a changed module there is a file of its own."""
    return Kernel(linked_tree(kernel.root, FOLDER / "kernel"), kernel.version)


def linked_tree(source, dest):
    shutil.rmtree(dest, ignore_errors=True)
    run(["cp", "-al", f"{Path(source).resolve()}/.", dest])
    return dest


def change(module):
    """Gives MODULE other bytes of the same length: another letter in its description."""
    content = bytearray(module.read_bytes())
    at = content.find(MARK)
    if at < 0:
        raise Failure(f"{module} has no description that could be changed")
    at += len(MARK)
    content[at] = ord("A") + (content[at] - ord("A") + 1) % 26
    module.unlink()  # the other trees keep the file as it was
    module.write_bytes(content)
