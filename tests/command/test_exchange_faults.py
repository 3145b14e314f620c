# SPDX-License-Identifier: LGPL-2.1-or-later
"""Exchanging the names of images loses nothing, even where the filesystem has no exchange."""

import pytest

import faults
from kept import CALLS, ERRORS, make
from program import DONE, FAILED, run

pytestmark = pytest.mark.sweep

NAMES = ["renameat", "renameat2", "linkat", "unlinkat", "fsync"]

# What filesystems lack: nothing; exchanging names (ext2); hard links as well (FAT before 6.0).
LACKS = {"nothing": {}, "exchange": {"renameat2": "EINVAL"},
         "exchange-and-links": {"renameat2": "EINVAL", "linkat": "EPERM"}}


@pytest.fixture(scope="module")
def machine(small_kernel, tmp_path_factory):
    return make(small_kernel, tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module", params=[(verb, lack) for verb in ("rebuild", "restore")
                                        for lack in LACKS if verb == "rebuild" or lack == "exchange"],
                ids="-without-".join)
def case(request, machine, tmp_path_factory):
    """A command, what the filesystem lacks, the calls on images, and the images afterwards."""
    verb, lack = request.param
    folder = tmp_path_factory.mktemp("trace")
    trial = machine.copy(folder / "root")
    always = LACKS[lack]
    calls = [call for call in faults.trace(CALLS, trial.words(verb), folder / "log", always)
             if (any(f"{trial.tree.root}/{name}" in call.line
                     for name in ("boot>", "boot/initramfs", "var/lib/preroot", "var/log"))
                 or ".preroot-" in call.line) and call.name not in always]
    names = [call for call in calls if call.name in NAMES]
    calls = names + faults.sample([call for call in calls if call not in names], 6)
    return verb, always, calls, trial.images()


def test_what_becomes_of_the_names(machine, case):
    """Every image is still there, that of another builder beyond those to be kept, except one that neither a link nor an exchange can keep."""
    verb, always, _, after = case
    before = machine.images()
    if verb == "rebuild":
        assert {name: content for name, content in after.items() if name != machine.image} == {
            machine.previous: before[machine.image],
            machine.oldest: before[machine.previous],
            f"{machine.previous}-3": before[machine.oldest]}
    elif "linkat" in always:
        assert after == {machine.image: before[machine.previous],
                         machine.oldest: before[machine.oldest]}
    else:
        assert after == {machine.image: before[machine.previous],
                         machine.previous: before[machine.image],
                         machine.oldest: before[machine.oldest]}


def is_safe(now, before, after, stays):
    """Each name, old or new, holds a complete image, and each of the images STAY has a name."""
    known = {*before.values(), *after.values()}
    named = {name: content for name, content in now.items() if ".preroot-" not in name}
    return set(before) & set(after) <= set(named) and known >= set(named.values()) >= stays


def go_on(trial):
    """Another run on the same machine, without faults, succeeds and cleans up."""
    run(*trial.rebuild())
    now = trial.images()
    return trial.image in now and not any(".preroot-" in name for name in now) \
        and all(now.values())


def test_kill_at_any_call(machine, case, tmp_path, on_all_cores):
    verb, always, calls, after = case
    before = machine.images()
    stays = set(before.values()) & set(after.values())
    if verb == "restore":  # the image that is no longer needed
        stays -= {before[machine.image]}

    def kill(item):
        number, call = item
        trial = machine.copy(tmp_path / str(number))
        fine = faults.kill(trial.words(verb), call, always) \
            and is_safe(trial.images(), before, after, stays) and (number % 3 or go_on(trial))
        trial.remove()
        return fine, call

    points = faults.kill_points(calls)
    assert len(points) >= 3
    results = on_all_cores(kill, list(enumerate(points)))
    assert [call for fine, call in results if not fine] == []


def test_call_that_fails(machine, case, tmp_path, on_all_cores):
    """Done, or failed with every name as before; a folder that could not be synced is reported."""
    verb, always, calls, after = case
    before = machine.images()

    def fail(item):
        number, call = item
        trial = machine.copy(tmp_path / str(number))
        done = run(*trial.words(verb), status=(DONE, FAILED), env=faults.TRACED,
                   before=faults.words(call.name, call.number, f"error={ERRORS[number % 5]}",
                                       always=always))
        now = {name: content for name, content in trial.images().items()
               if ".preroot-" not in name}
        is_told = done.status == FAILED and "is in place" in done.error
        fine = now == (after if done.status == DONE or is_told else before) \
            and (number % 6 or go_on(trial))
        trial.remove()
        return fine, call, done.err

    results = on_all_cores(fail, list(enumerate(calls)))
    assert [(call, err) for fine, call, err in results if not fine] == []
