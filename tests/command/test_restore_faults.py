# SPDX-License-Identifier: LGPL-2.1-or-later
"""A restore is a transaction: whichever call fails or is the last one, no image is lost."""

import pytest

import faults
from kept import CALLS, ERRORS, make
from program import DONE, FAILED, run

pytestmark = pytest.mark.sweep

# What the filesystem lacks: nothing, or names that can be exchanged or linked (FAT before 6.0).
LACKS = {"nothing": {}, "links": {"renameat2": "EINVAL", "linkat": "EPERM"}}


@pytest.fixture(scope="module")
def machine(small_kernel, tmp_path_factory):
    return make(small_kernel, tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module", params=LACKS)
def case(request, machine, tmp_path_factory):
    """What the filesystem lacks, the calls of a restore on it, and the images afterwards."""
    folder = tmp_path_factory.mktemp("trace")
    trial = machine.copy(folder / "root")
    always = LACKS[request.param]
    calls = [call for call in faults.trace(CALLS, trial.restore(), folder / "log", always)
             if any(f"{trial.tree.root}/{name}" in call.line
                    for name in ("boot>", "boot/initramfs", "var/lib/preroot", "var/log"))
             and call.name not in always]
    assert {"fsync", "flock", "openat", "pread64"} <= {call.name for call in calls}
    return always, calls, trial.images()


def test_what_becomes_of_the_names(machine, case):
    """The two images exchange their names, even where that takes copies."""
    _, _, after = case
    before = machine.images()
    assert after == {**before, machine.image: before[machine.previous],
                     machine.previous: before[machine.image]}


def clears_up(trial, before):
    """Another run without faults succeeds; temporary files are gone, but no image."""
    run(*trial.rebuild("--keep", "9", "--kernel-cmdline", "clears.up"))
    images = trial.images()
    return not any(".preroot-" in name for name in images) and all(images.values()) \
        and set(before.values()) <= set(images.values()) and len(images) == len(before) + 1


def nothing_is_lost(images, before, after):
    """Each name has its old or its new image, and no image is without a name."""
    return all(images.get(name) in (before[name], after[name]) for name in before) \
        and set(before.values()) <= set(images.values())


def test_kill_at_any_call(machine, case, tmp_path, on_all_cores):
    """The state is that before or that after, nothing in between."""
    always, calls, after = case
    before = machine.images()

    def kill(item):
        number, call = item
        trial = machine.copy(tmp_path / str(number))
        fine = faults.kill(trial.restore(), call, always) \
            and nothing_is_lost(trial.images(), before, after) and clears_up(trial, before)
        trial.remove()
        return fine, call

    points = faults.kill_points(calls)
    assert len(points) >= 3
    results = on_all_cores(kill, list(enumerate(points)))
    assert [call for fine, call in results if not fine] == []


def test_call_that_fails(machine, case, tmp_path, on_all_cores):
    """Done, or failed with everything as before; a folder that could not be synced is reported."""
    always, calls, after = case
    before = machine.images()

    def fail(item):
        number, (call, error) = item
        trial = machine.copy(tmp_path / str(number))
        done = run(*trial.restore(), status=(DONE, FAILED), env=faults.TRACED,
                   before=faults.words(call.name, call.number, f"error={error}", always=always))
        is_done = done.status == DONE or "is in place" in done.error
        fine = trial.images() == (after if is_done else before)
        trial.remove()
        return fine, call, error, done.err

    results = on_all_cores(fail, list(enumerate(
        faults.with_errors(faults.each_place(calls), ERRORS))))
    assert [rest for fine, *rest in results if not fine] == []


def test_an_exchange_by_copies_that_was_cut_between_its_renames_is_ended(machine, tmp_path):
    trial = machine.copy(tmp_path / "root")
    before = trial.images()
    # The temporary name in an exchange of IMAGE (0) and IMAGE.previous (1).
    (trial.boot / trial.image).rename(trial.boot / f"{trial.image}.preroot-80000001")
    (trial.boot / trial.image).write_bytes(before[trial.previous])
    run(*trial.restore())
    assert trial.images() == before


def test_what_has_no_two_roles_replaces_nothing(machine, tmp_path):
    """A temporary name that encodes an exchange of the image with itself."""
    trial = machine.copy(tmp_path / "root")
    before = trial.images()
    (trial.boot / f"{trial.image}.preroot-80000000").write_bytes(b"x")
    run(*trial.restore())
    assert trial.images() == {**before, trial.image: before[trial.previous],
                              trial.previous: before[trial.image]}


def test_a_copy_that_was_cut_is_no_image(machine, tmp_path):
    trial = machine.copy(tmp_path / "root")
    before = trial.images()
    (trial.boot / f"{trial.image}.preroot-c0000000").write_bytes(before[trial.image][:1000])
    run(*trial.restore())
    assert trial.images() == {**before, trial.image: before[trial.previous],
                              trial.previous: before[trial.image]}


def test_undo_needs_no_good_image(machine, tmp_path):
    """The image in use is damaged, and the boot loader's tool fails: nothing changes."""
    trial = machine.copy(tmp_path / "root")
    image = trial.boot / trial.image
    data = image.read_bytes()
    image.unlink()  # the copy shares it
    image.write_bytes(data[:len(data) // 2])
    entries = trial.boot / "loader/entries"
    entries.mkdir(parents=True)
    version = trial.tree.version
    (entries / "linux.conf").write_text(
        f"title Linux\nversion {version}\nlinux /vmlinuz-{version}\ninitrd /{trial.image}\n"
        "options root=/dev/vda1\n")
    (entries / f"a-preroot-previous-{version}.conf").mkdir()
    before = trial.images()
    done = run(*trial.restore(), status=FAILED)
    assert "boot loader" in done.error
    assert trial.images() == before
