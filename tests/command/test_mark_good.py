# SPDX-License-Identifier: LGPL-2.1-or-later
"""preroot mark-good: a boot that has completed says that its image is good."""

import shutil
import stat
import subprocess

import pytest

import faults
import trees
from fleet import BOOT_ID, V1, Machine, image_bytes
from lib import TOP
from program import AFTER, DONE, FAILED, FINDING, run

pytestmark = pytest.mark.leaks

KILLED_AT = ["openat2", "write", "fsync", "renameat", "renameat2", "linkat", "unlinkat", "flock"]
OTHER_BOOT = "99999999-2222-3333-4444-555555555555"
THEIRS = b"of another builder"


@pytest.fixture
def machine(tmp_path):
    m = Machine(tmp_path / "root")
    m.kernel(V1)
    return m


def mark(machine, *words, **expected):
    return run("mark-good", "--root", machine.root, *words, **expected)


def test_the_image_that_booted_is_remembered_once(machine):
    image = machine.image(V1)
    machine.booted(V1, image)
    assert "marked as good" in mark(machine).text
    assert machine.state(V1) == {"preroot-image": 1, "good": image}
    path = machine.root / f"var/lib/preroot/{V1}.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert machine.log().count("\n") == 1 and f" info {V1} mark-good: " in machine.log()
    before = trees.snapshot(machine.root), path.stat().st_mtime_ns
    assert mark(machine).text == ""
    assert (trees.snapshot(machine.root), path.stat().st_mtime_ns) == before


def test_what_was_known_of_the_image_stays_known(machine):
    image = machine.image(V1)
    machine.set_state(V1, image=f"boot/initrd.img-{V1}", id=image, sha256="0" * 64, bytes=12,
                      failed="1" * 64)
    machine.booted(V1, image)
    told = mark(machine, "--json").json
    assert told["marked"] and told["image"] == f"boot/initrd.img-{V1}" and told["id"] == image
    assert machine.state(V1) == {
        "preroot-image": 1, "image": f"boot/initrd.img-{V1}", "id": image, "sha256": "0" * 64,
        "bytes": 12, "good": image, "failed": "1" * 64}


def test_an_image_that_failed_before_is_good_when_it_boots(machine):
    image = machine.image(V1)
    machine.set_state(V1, failed=image, good=image)
    machine.booted(V1, image)
    mark(machine)
    assert machine.state(V1) == {"preroot-image": 1, "good": image}


def test_a_machine_that_preroot_did_not_start_has_nothing_to_mark(machine):
    before = trees.snapshot(machine.root)
    assert "not booted by an image of preroot" in mark(machine).text
    machine.booted(V1, None)
    assert "does not say which image" in mark(machine).text
    (machine.root / "run/preroot/boot.json").unlink()
    assert trees.snapshot(machine.root) == before


@pytest.mark.parametrize("how", ["trace", "account"])
def test_a_boot_that_failed_first_marks_nothing(how, machine):
    image = machine.image(V1)
    machine.booted(V1, image, **({"failure": "no root"} if how == "trace" else {}))
    if how == "account":
        (machine.root / "run/preroot/failure.txt").write_text("why\n")
    assert "failed" in mark(machine, status=FINDING).text
    assert machine.state(V1) is None and " warn " in machine.log()


@pytest.mark.parametrize("changes", [
    {"image": "x"}, {"image": "../../etc/passwd"}, {"kernel": "../x"}, {"kernel": "a/b"},
    {"kernel": ".."}, {"image": 3}])
def test_a_trace_that_lies_is_refused(changes, machine):
    before = trees.snapshot(machine.root / "boot")
    machine.booted(**{"version": V1, "image": machine.image(V1), **changes})
    (machine.root / f"boot/initrd.img-{V1}").unlink()
    assert "boot.json" in mark(machine, status=FAILED).error
    assert not (machine.root / "var/lib").exists()
    assert trees.snapshot(machine.root / "boot") == before


def trial_machine(machine, boot=OTHER_BOOT, keep=1):
    """A machine whose next boot is to try an image."""
    old, new = machine.image(V1, "old"), machine.image(V1, "new", ".trial")
    machine.set_state(V1, id=old, good=old, trial=new,
                      **{"trial-boot": boot, "trial-keep": keep})
    return old, new


def assert_kept(machine, old, new):
    assert machine.path(V1).read_bytes() == image_bytes("new")[0]
    assert machine.path(V1, ".previous").read_bytes() == image_bytes("old")[0]
    assert not machine.path(V1, ".trial").exists()
    state = machine.state(V1)
    assert state["good"] == state["id"] == new and state["image"] == f"boot/initrd.img-{V1}"
    assert state["bytes"] == len(image_bytes("new")[0])
    assert not {"trial", "trial-boot", "failed"} & set(state)
    assert not [p for p in (machine.root / "boot").iterdir() if ".preroot-" in p.name]


@pytest.mark.parametrize("word", ["preroot.trial", "preroot.trial=1", ""])
def test_a_trial_that_booted_is_the_image_in_use(word, machine):
    old, new = trial_machine(machine)
    machine.cmdline(f"root=/dev/vda1 {word} quiet")
    machine.booted(V1, new)
    assert "trial has booted" in mark(machine).text
    assert_kept(machine, old, new)
    assert mark(machine).text == ""


def test_a_menu_that_cannot_be_written_is_a_warning_and_is_tried_again(machine):
    old, new = trial_machine(machine)
    machine.booted(V1, new)
    entries = machine.root / "boot/loader/entries"
    blocker = entries / f"a-preroot-previous-{V1}.conf"
    blocker.mkdir(parents=True)
    (entries / "linux.conf").write_text(f"title Linux\nversion {V1}\nlinux /vmlinuz-{V1}\n"
                                        f"initrd /initrd.img-{V1}\noptions root=/dev/vda1\n")
    done = mark(machine, "--json", status=AFTER)
    assert done.json["trial-kept"] and done.json["marked"]
    assert "boot loader" in done.json["error"]["message"] and "boot loader" in done.messages("warning")[0]
    blocker.rmdir()
    mark(machine)
    assert_kept(machine, old, new)


@pytest.mark.parametrize("had_previous", [False, True])
@pytest.mark.parametrize("step", ["first", "second"])
def test_a_trial_is_kept_also_after_that_was_interrupted(step, had_previous, machine):
    """By then the trial was a previous image already, or the one in use."""
    old, new = trial_machine(machine)
    machine.path(V1, ".trial").unlink()
    if had_previous:
        machine.image(V1, "older", ".trial")
    machine.image(V1, "old" if step == "first" else "new")
    machine.image(V1, "new" if step == "first" else "old", ".previous")
    machine.cmdline("preroot.trial")
    machine.booted(V1, new)
    mark(machine)
    assert_kept(machine, old, new)


@pytest.mark.sweep
def test_kill_while_a_trial_is_kept(machine, tmp_path):
    """No image is lost, and the next call completes it."""
    old, new = trial_machine(machine)
    machine.path(V1, ".previous").write_bytes(THEIRS)
    machine.booted(V1, new)
    contents = {THEIRS, *(image_bytes(name)[0] for name in ("old", "new"))}

    def copy(name):
        shutil.copytree(machine.root, tmp_path / name, symlinks=True)
        other = Machine(tmp_path / name)
        other.cmdline("preroot.trial")
        return other

    first = copy("trace")
    calls = [call for call in faults.trace(KILLED_AT, ["mark-good", "--root", first.root],
                                           tmp_path / "log") if f"{first.root}" in call.line]
    assert {"renameat2", "fsync"} <= {call.name for call in calls}
    for number, call in enumerate(faults.kill_points(calls)):
        trial = copy(str(number))
        assert faults.kill(["mark-good", "--root", trial.root], call), call
        there = {path.read_bytes() for path in (trial.root / "boot").glob("initrd*")}
        assert contents <= there and trial.path(V1).exists(), call
        mark(trial)
        assert_kept(trial, old, new)
        assert trial.path(V1, ".previous-2").read_bytes() == THEIRS, call


def test_a_trial_that_is_kept_leaves_as_many_images_as_were_asked_for(machine):
    old, new = trial_machine(machine, keep=2)
    machine.image(V1, "older", ".previous")
    machine.cmdline("preroot.trial")
    machine.booted(V1, new)
    mark(machine)
    assert_kept(machine, old, new)
    assert machine.path(V1, ".previous-2").read_bytes() == image_bytes("older")[0]


def test_a_trial_replaces_the_previous_image_that_is_there(machine):
    old, new = trial_machine(machine)
    machine.image(V1, "older", ".previous")
    machine.cmdline("preroot.trial")
    machine.booted(V1, new)
    mark(machine)
    assert_kept(machine, old, new)


@pytest.mark.parametrize("keep", [0, 1, 9])
def test_a_trial_that_is_kept_does_not_push_out_the_image_of_another_builder(keep, machine):
    old, new = trial_machine(machine, keep=keep)
    names = ["", ".previous", *(f".previous-{number}" for number in range(2, 12))]
    for ending in names[1:keep]:
        machine.image(V1, ending, ending)
    machine.path(V1, names[keep]).write_bytes(THEIRS)
    machine.cmdline("preroot.trial")
    machine.booted(V1, new)
    told = mark(machine).messages("warning")
    path = machine.path(V1, names[keep + 1])
    assert path.read_bytes() == THEIRS and len(told) == 1 and told[0].endswith(f": rm {path}")
    assert machine.log().count("is kept beyond the ") == 1
    if keep == 9:  # killed when the trial had only come to the last generation
        machine.path(V1).rename(machine.path(V1, ".temporary"))
        for number in range(1, 11):
            machine.path(V1, names[number]).rename(machine.path(V1, names[number - 1]))
        machine.path(V1, ".temporary").rename(path)
        machine.set_state(V1, id=old, good=old, trial=new, **{"trial-boot": OTHER_BOOT, "trial-keep": 9})
        mark(machine)
        assert_kept(machine, old, new)
        assert path.read_bytes() == THEIRS


def test_a_trial_that_did_not_boot_goes_and_is_remembered(machine):
    old, new = trial_machine(machine)
    machine.booted(V1, old)
    assert "did not boot to the end" in mark(machine).text
    assert not machine.path(V1, ".trial").exists()
    assert machine.path(V1).read_bytes() == image_bytes("old")[0]
    assert machine.state(V1) == {"preroot-image": 1, "id": old, "good": old, "failed": new}
    assert " warn " in machine.log()


def test_a_trial_that_is_still_to_come_stays(machine):
    """mark-good runs again in the boot in which the trial was requested."""
    old, _ = trial_machine(machine, BOOT_ID)
    machine.booted(V1, old)
    before = trees.snapshot(machine.root / "boot"), machine.state(V1)
    assert mark(machine, "--json").json["trial-waits"]
    assert (trees.snapshot(machine.root / "boot"), machine.state(V1)) == before


def test_a_trial_that_is_the_image_in_use_anew_needs_the_word(machine):
    """The same files with another codec: the identity does not say which one booted."""
    new = machine.image(V1, "new")
    machine.image(V1, "new", ".trial")
    machine.set_state(V1, id=new, trial=new, **{"trial-boot": OTHER_BOOT})
    machine.booted(V1, new)
    assert mark(machine, "--json").json["trial-failed"]
    assert not machine.path(V1, ".trial").exists() and machine.path(V1).exists()
    assert machine.state(V1) == {"preroot-image": 1, "id": new, "good": new}


def test_an_image_that_is_gone_from_boot_was_good_all_the_same(machine):
    machine.booted(V1, "a" * 64)
    assert mark(machine, "--json").json["image"] is None
    assert machine.state(V1)["good"] == "a" * 64


def test_a_damaged_state_is_told_and_written_anew(machine):
    image = machine.image(V1)
    machine.booted(V1, image)
    machine.set_state(V1, good="x")
    assert f"{V1}.json" in mark(machine).messages("warning")[0]
    assert machine.state(V1) == {"preroot-image": 1, "good": image}


def test_a_log_that_cannot_be_written_is_a_warning(machine):
    image = machine.image(V1)
    machine.booted(V1, image)
    (machine.root / "var/log/preroot.log").mkdir()
    result = mark(machine, status=DONE)
    assert len(result.messages("warning")) == 1 and "preroot.log" in result.messages("warning")[0]
    assert machine.state(V1)["good"] == image


@pytest.mark.parametrize("previous", [None, "ours", "theirs"])
def test_a_trial_that_booted_survives_a_call_that_fails(previous, machine, tmp_path):
    """The next call tries again, and does not take the trial for a failed one."""
    old, new = trial_machine(machine)
    if previous == "ours":
        machine.image(V1, "older", ".previous")
    elif previous:
        machine.path(V1, ".previous").write_bytes(THEIRS)
    machine.cmdline("preroot.trial")
    machine.booted(V1, new)

    def copy(name):
        shutil.copytree(machine.root, tmp_path / name, symlinks=True)
        return Machine(tmp_path / name)

    first = copy("trace")
    names = ["renameat", "renameat2", "fsync", "pread64"]
    calls = [call for call in faults.trace(names, ["mark-good", "--root", first.root],
                                           tmp_path / "log") if f"{first.root}/boot" in call.line
             and (call.name != "pread64" or ".previous>" in call.line)]
    assert {"renameat2", "fsync"} <= {call.name for call in calls}
    for number, call in enumerate(calls):
        trial = copy(str(number))
        run("mark-good", "--root", trial.root, status=(DONE, FAILED), env=faults.TRACED,
            before=faults.words(call.name, call.number, "error=EIO"))
        there = {path.read_bytes() for path in (trial.root / "boot").glob("initrd*")}
        assert {image_bytes(name)[0] for name in ("old", "new")} <= there, call
        assert previous != "theirs" or THEIRS in there, call
        mark(trial)
        assert_kept(trial, old, new)
        assert previous != "theirs" or trial.path(V1, ".previous-2").read_bytes() == THEIRS, call


def test_the_service_and_the_checks_that_it_waits_for_are_in_no_cycle(tmp_path):
    """systemd's own check runs after multi-user.target, which wants the service."""
    theirs = "/usr/lib/systemd/system"
    unit = (TOP / "data/preroot-good.service.in").read_text().replace("@program@", "/bin/true")
    (tmp_path / "preroot-good.service").write_text(unit)
    for folder, name in (("multi-user.target.wants", tmp_path / "preroot-good.service"),
                         ("boot-complete.target.requires",
                          f"{theirs}/systemd-boot-check-no-failures.service")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / str(name).rsplit("/", maxsplit=1)[1]).symlink_to(name)

    def verify():
        return subprocess.run(["systemd-analyze", "--man=no", "verify", "multi-user.target"],
                              env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:{theirs}",
                                   "PATH": "/usr/bin:/bin"},
                              text=True, capture_output=True, check=False).stderr

    told = verify()
    assert "cycle" not in told and "preroot-good" not in told
    (tmp_path / "preroot-good.service").write_text(
        unit.replace("DefaultDependencies=no", "DefaultDependencies=yes"))
    told = verify()  # which job systemd deletes to break the cycle varies
    assert "ordering cycle" in told and "preroot-good.service/start" in told
