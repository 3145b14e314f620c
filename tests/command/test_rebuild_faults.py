# SPDX-License-Identifier: LGPL-2.1-or-later
"""A rebuild is a transaction: whichever call fails or is the last one, the machine boots."""

import shutil

import pytest

import faults
import trees
from program import DONE, FAILED, run

pytestmark = pytest.mark.sweep

NVME = trees.MACHINES / "nvme.json"
ERRORS = ["ENOSPC", "EIO", "EROFS", "EDQUOT", "EACCES"]

# The calls that change the machine, or read what a rebuild changes.
CALLS = ["openat", "openat2", "write", "writev", "pread64", "fsync", "renameat", "renameat2",
         "linkat", "unlinkat", "mkdirat", "fchmod", "fchown", "flock", "copy_file_range", "newfstatat",
         "fstatfs", "flistxattr", "fcntl"]


@pytest.fixture(scope="module")
def machine(small_kernel, tmp_path_factory):
    """A machine with an image, a previous one and, beyond those to be kept, one of another builder, to be copied for each run."""
    tree = small_kernel.copy(tmp_path_factory.mktemp("machine") / "root")
    (tree.root / "var/log").mkdir(parents=True)
    for drivers in ("qla1280", "dummy"):
        run(*words(tree.root, "--add-drivers", drivers))
    (tree.root / f"boot/initramfs-{tree.version}.img.previous-2").write_bytes(b"of another builder")
    return tree


def words(root, *more):
    """Without compression, which takes most of a run's time, and none of the calls."""
    return ["rebuild", "--root", root, "--hardware", NVME, "--no-cache", "--compress", "none", *more]


class Trial:
    """A copy of the machine, and the images it had before."""

    def __init__(self, machine, folder):
        self.tree = machine.copy(folder)
        # The copy shares its files, except for the lock and the log, which are written to.
        for path in ("var/lib/preroot/lock", "var/log/preroot.log"):
            (self.tree.root / path).unlink()
        self.boot = self.tree.root / "boot"
        self.image = self.boot / f"initramfs-{machine.version}.img"
        self.previous = self.image.with_name(self.image.name + ".previous")
        self.before = self.images()

    def images(self):
        return {path.name: path.read_bytes() for path in self.boot.iterdir()
                if path.name.startswith("initramfs")}

    def remove(self):
        shutil.rmtree(self.tree.root)

    def is_old(self):
        return self.images() == self.before

    def is_new(self, new):
        return self.images() == {**self.before, self.image.name: new,
                                 self.previous.name: self.before[self.image.name]}


@pytest.fixture(scope="module")
def new(machine, tmp_path_factory):
    """The bytes of the new image."""
    trial = Trial(machine, tmp_path_factory.mktemp("new") / "root")
    run(*words(trial.tree.root))
    assert trial.is_new(trial.image.read_bytes())
    return trial.image.read_bytes()


@pytest.fixture(scope="module")
def calls(machine, tmp_path_factory):
    """The calls on files that a rebuild changes."""
    folder = tmp_path_factory.mktemp("trace")
    trial = Trial(machine, folder / "root")
    found = [call for call in faults.trace(CALLS, words(trial.tree.root), folder / "log")
             if any(f"{trial.tree.root}/{name}" in call.line
                    for name in ("boot>", "boot/initramfs", "var/lib/preroot", "var/log"))
             or ".preroot-" in call.line]
    names = {call.name for call in found}
    assert {"renameat", "renameat2", "fsync", "flock", "fchmod", "unlinkat", "openat"} <= names
    return found


def test_call_that_fails(machine, new, calls, tmp_path, on_all_cores):
    """Either it failed and nothing has changed, or it is done."""
    def fail(item):
        number, (call, error) = item
        trial = Trial(machine, tmp_path / str(number))
        done = run(*words(trial.tree.root), status=(DONE, FAILED), env=faults.TRACED,
                   before=faults.words(call.name, call.number, f"error={error}"))
        fine = trial.is_old() if done.status == FAILED else trial.is_new(new)
        # The next run removes what a failed call left.
        left = [name for name in trial.images() if ".preroot-" in name]
        if left and set(trial.images()) - set(left) == set(trial.before):
            fine = True
        if left or number % 6 == 0:
            run(*words(trial.tree.root))
            fine = fine and trial.image.read_bytes() == new \
                and set(trial.images()) == set(trial.before)
        trial.remove()
        return fine, call, error, done.err

    results = on_all_cores(fail, list(enumerate(
        faults.with_errors(faults.each_place(calls), ERRORS))))
    assert [rest for fine, *rest in results if not fine] == []


def test_kill_at_any_call(machine, new, calls, tmp_path, on_all_cores):
    """Each name holds a complete image; the next run finishes, and cleans up."""
    def kill(item):
        number, call = item
        trial = Trial(machine, tmp_path / str(number))
        killed = faults.kill(words(trial.tree.root), call)
        known = [new, *trial.before.values()]
        now = trial.images()
        fine = now[trial.image.name] in known and now[trial.previous.name] in known \
            and b"of another builder" in now.values()
        run(*words(trial.tree.root))
        fine = fine and killed and trial.image.read_bytes() == new and trial.images()[
            trial.previous.name] in known and set(trial.images()) == set(trial.before)
        trial.remove()
        return fine, call

    points = faults.kill_points(calls)
    assert {"openat", "write", "fchmod", "renameat", "renameat2", "unlinkat"} <= {
        call.name for call in points}
    results = on_all_cores(kill, list(enumerate(points)))
    assert [call for fine, call in results if not fine] == []


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_signal_at_any_call(name, machine, new, calls, tmp_path, on_all_cores):
    """As if the administrator pressed Ctrl-C: either nothing is left behind, or everything is done."""
    def stop(item):
        number, call = item
        trial = Trial(machine, tmp_path / str(number))
        faults.finish(faults.start(words(trial.tree.root),
                                   faults.words(call.name, call.number, f"signal={name}")))
        return trial.is_old() or trial.is_new(new), call

    results = on_all_cores(stop, list(enumerate(faults.sample(calls, 12))))
    assert [call for fine, call in results if not fine] == []


def test_where_names_cannot_be_exchanged(machine, new, tmp_path):
    """As on a FAT before Linux 6.0; there the old image is linked, or copied."""
    for number, more in enumerate(([], ["-e", "inject=linkat:error=EPERM"])):
        trial = Trial(machine, tmp_path / str(number))
        run(*words(trial.tree.root), env=faults.TRACED,
            before=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2,linkat",
                    "-e", "inject=renameat2:error=EINVAL", *more])
        assert trial.is_new(new)
