# SPDX-License-Identifier: LGPL-2.1-or-later
"""Generic builds of ours, one after another: what the cache and the record of the last one save.

Each program and each case has a cache and an image of its own, so that they can run in turns.
"""

import shutil
import time
from pathlib import Path

from lib.command import Failure, run
from lib.kernels import Kernel

import measure
import ours
from measure import FOLDER, Case

MODULE = "kernel/drivers/block/virtio_blk.ko"
SETTLED = 4  # seconds; more than TRACE_RACY of the program
MARK = b"\0description="
CASES = ("cold", "warm", "changed", "unchanged", "version")


class Build:
    """The generic builds of PROGRAM in the case NAME."""

    def __init__(self, program, name, kernel):
        self.program, self.name, self.kernel = program, name, kernel
        self.cache = FOLDER / f"cache-{program.name}-{name}"
        self.out = measure.image_path(f"{program.name} {name}")

    def words(self, *options):
        return self.program.generic(self.kernel, f"{ours.Here.folder}/{self.out.name}",
                                    "--cache-dir", ours.shown(self.cache), *options)

    def forget(self):
        shutil.rmtree(self.cache, ignore_errors=True)
        self.out.unlink(missing_ok=True)

    def prepare(self):
        """One build, so that the cache is full and there is a record."""
        self.forget()
        run(self.words(), cwd=measure.TOP)

    def case(self, words, before=None):
        return Case(words, ours.Here, FOLDER / "changes.log", before)


def facts(kernel, programs, plan, say):
    """The rows: program, case, and what it takes."""
    trees = {program.name: copied_kernel(kernel, program.name) for program in programs}
    # Once in each tree before anything is cached: it makes the module a file of its own.
    for tree in trees.values():
        change(module_of(tree))
    let_settle()
    rows, cases, unchanged = [], [], []
    for program in programs:
        say(f"preparing {program.name}'s builds with a cache")
        for name, case in _cases(program, kernel, trees[program.name], unchanged):
            rows.append({"program": program.name, "name": name})
            cases.append(case)
    let_settle()
    say("building: cold, another option, one module changed, unchanged")
    before = [_identity(build.out) for build in unchanged]
    for row, series in zip(rows, measure.in_turns(cases, plan)):
        row.update(series.facts())
        if row["name"] == "cold":
            say(f"counting the file calls of {row['program']}")
            row["file_calls"] = file_calls(_cold(row["program"], programs, kernel))
    if before != [_identity(build.out) for build in unchanged]:
        raise Failure("a build with --if-changed and nothing changed has written its image again")
    return rows


def let_settle():
    """A file that has just changed is not remembered: it could change again within the same tick of
    the filesystem's clock. A new link is a change, too."""
    time.sleep(SETTLED)


def _cases(program, kernel, tree, unchanged):
    cold = Build(program, "cold", kernel)
    yield "cold", cold.case(cold.words(), cold.forget)

    warm = Build(program, "warm", kernel)
    warm.prepare()
    yield "warm", warm.case(lambda n: warm.words("--kernel-cmdline", f"bench.run={n}"))

    changed = Build(program, "changed", tree)
    changed.prepare()
    yield "changed", changed.case(changed.words(), lambda: change(module_of(tree)))

    same = Build(program, "unchanged", kernel)
    same.prepare()
    unchanged.append(same)
    yield "unchanged", same.case(same.words("--if-changed"))

    yield "version", same.case(program.version())


def _cold(name, programs, kernel):
    return Build(next(program for program in programs if program.name == name), "cold", kernel)


def file_calls(build):
    """How many system calls a cold build makes that take a path or a descriptor."""
    counted = FOLDER / "calls"
    build.forget()
    run(["strace", "-f", "-qq", "-c", "-e", "trace=%file,%desc", "-o", counted, *build.words()],
        cwd=measure.TOP)
    return count_of(counted.read_text())


def count_of(summary):
    """The calls in the last line of what `strace -c` writes: share, seconds, each, calls, ..."""
    words = summary.splitlines()[-1].split()
    if words[-1] != "total":
        raise Failure(f"strace -c ended with: {summary[-200:]}")
    return int(words[3])


def _identity(path):
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns


def copied_kernel(kernel, name):
    """KERNEL in a tree of its own, of hard links: a changed module there is a file of its own."""
    return Kernel(linked_tree(kernel.root, FOLDER / f"kernel-{name}"), kernel.version)


def linked_tree(source, dest):
    shutil.rmtree(dest, ignore_errors=True)
    run(["cp", "-al", f"{Path(source).resolve()}/.", dest])
    return dest


def module_of(kernel):
    return kernel.root / "lib/modules" / kernel.version / MODULE


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
