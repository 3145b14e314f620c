# SPDX-License-Identifier: LGPL-2.1-or-later
"""preroot prune removes what nothing needs, and only that."""

import shutil

import pytest

import faults
import trees
from fleet import V1, V2, V3, Machine
from program import DONE, FAILED, USAGE, run

pytestmark = pytest.mark.leaks

CALLS = ["openat", "openat2", "write", "fsync", "renameat", "renameat2", "unlinkat"]
GONE = "5.10.0-1-amd64"
ENTRY = "title Linux\nversion {0}\nlinux /vmlinuz-{1}\ninitrd /initrd.img-{0}\noptions root=/dev/vda1\n"


@pytest.fixture
def machine(tmp_path):
    """Three kernels with an image each, and the images of one that is gone."""
    m = Machine(tmp_path / "root")
    for version in (V1, V2, V3):
        m.kernel(version)
        m.image(version, version)
    m.image(GONE, "gone")
    m.image(GONE, "gone before", ".previous")
    (m.root / "proc/sys/kernel/osrelease").write_text(V2 + "\n")
    return m


def prune(machine, *words, **expected):
    return run("prune", "--root", machine.root, *words, **expected)


def names(machine):
    return sorted(path.name for path in (machine.root / "boot").iterdir())


def removed(machine, *words):
    """The files that prune removes from /boot, which must be what it reports, even in a dry run."""
    before = trees.snapshot(machine.root)
    told = prune(machine, "--dry-run", "--json", *words).json
    assert trees.snapshot(machine.root) == before
    there = names(machine)
    done = prune(machine, "--json", *words).json
    assert {**told, "dry-run": False} == done
    gone = sorted(set(there) - set(names(machine)))
    assert gone == sorted(item["path"].removeprefix("boot/") for item in done["removed"])
    assert not any(".preroot-" in name for name in names(machine))
    return gone


def test_images_of_a_kernel_that_is_gone_go(machine):
    machine.set_state(GONE, good="1" * 64)
    assert removed(machine) == [f"initrd.img-{GONE}", f"initrd.img-{GONE}.previous"]
    assert machine.state(GONE) is None
    assert machine.log().count(f"{GONE} prune: ") == 2
    assert prune(machine).text == "nothing to remove\n"


def test_what_it_does_is_shown_with_the_reason(machine):
    text = prune(machine).text
    assert f"removes /boot/initrd.img-{GONE}, " in text and "its kernel is gone" in text
    assert "removed 2 images, " in text


def test_previous_images_beyond_those_to_be_kept_go(machine):
    for number, ending in enumerate((".previous", ".previous-2", ".previous-3")):
        machine.image(V3, f"older {number}", ending)
    orphans = [f"initrd.img-{GONE}", f"initrd.img-{GONE}.previous"]
    assert removed(machine, "--keep", "2") == [*orphans, f"initrd.img-{V3}.previous-3"]
    assert removed(machine) == [f"initrd.img-{V3}.previous-2"]
    assert removed(machine, "--keep", "0") == [f"initrd.img-{V3}.previous"]
    assert machine.path(V3).exists()


def test_the_last_good_one_and_the_one_that_booted_stay(machine):
    good = machine.image(V2, "good", ".previous")
    booted = machine.image(V2, "booted", ".previous-2")
    machine.image(V2, "other", ".previous-3")
    machine.set_state(V2, good=good)
    machine.booted(V2, booted)
    told = prune(machine, "--keep", "0", "--json").json
    assert not machine.path(V2, ".previous-3").exists()
    assert machine.path(V2, ".previous").exists() and machine.path(V2, ".previous-2").exists()
    whys = {item["path"]: item["why"] for item in told["left"]}
    assert "booted well" in whys[f"boot/initrd.img-{V2}.previous"]
    assert "this machine booted" in whys[f"boot/initrd.img-{V2}.previous-2"]


def test_a_trial_goes_only_if_nobody_waits_for_it(machine):
    tried = machine.image(V1, "tried", ".trial")
    machine.set_state(V1, trial=tried, **{"trial-boot": "1" * 36})
    prune(machine)
    assert machine.path(V1, ".trial").exists()
    machine.set_state(V1)
    assert removed(machine) == [f"initrd.img-{V1}.trial"]


@pytest.mark.parametrize("part", ["kernel", "modules", "running", "entry"])
def test_what_may_be_needed_stays(part, machine):
    if part == "kernel":
        machine.kernel(GONE, modules=False)
    elif part == "modules":
        machine.kernel(GONE, kernel=False)
    elif part == "running":
        (machine.root / "proc/sys/kernel/osrelease").write_text(GONE + "\n")
    else:
        machine.path(GONE, ".previous").unlink()
        entries = machine.root / "boot/loader/entries"
        entries.mkdir(parents=True)
        (entries / "mine.conf").write_text(ENTRY.format(GONE, V1))
    before = names(machine)
    told = prune(machine, "--json").json
    assert names(machine) == before and told["removed"] == []
    assert part == "modules" or f"boot/initrd.img-{GONE}" in {i["path"] for i in told["left"]}


def test_an_entry_whose_kernel_is_gone_needs_nothing(machine):
    entries = machine.root / "boot/loader/entries"
    entries.mkdir(parents=True)
    (entries / "mine.conf").write_text(ENTRY.format(GONE, GONE))
    assert f"initrd.img-{GONE}" in removed(machine)


def test_files_of_people_stay(machine):
    mine = [f"initrd.img-{V1}.bak", f"initrd.img-{GONE}.old", "initrd.img.old-dkms", "notes"]
    for name in mine:
        (machine.root / "boot" / name).write_text("mine\n")
    removed(machine)
    assert set(mine) <= set(names(machine))


@pytest.mark.parametrize("ending", [".old-dkms", ".lkg", ".saved", ".20260101", ".bak", "-rescue"])
def test_what_others_made_of_a_kernel_that_is_there_is_only_listed(ending, machine):
    copy = machine.path(V1, ending)
    copy.write_bytes(b"x")
    told = prune(machine, "--yes", "--json").json
    assert copy.exists()
    assert len(told["removed"]) == 2
    left = {item["path"]: item for item in told["left"]}[f"boot/{copy.name}"]
    assert left["command"] == f"rm {copy}" and left["kernel"] == V1
    assert f"to remove it: rm {copy}\n" in prune(machine).text
    assert copy.name not in run("status", "--root", machine.root).text


@pytest.mark.parametrize("name", [
    "initrd-1.2.3", "initrd-6.2.1-tools.img", "initramfs-5.9.0-recovery.img",
    "initramfs-5.9.0-rescue.img", f"initrd.img-{GONE}-rescue", f"initramfs-{GONE}.img",
    f"initrd.img-{GONE}.trial", f"initrd.img-{GONE}.previous-2",
    f"initrd.img-{V1}.trial", f"initrd.img-{V1}.previous-2"])
def test_what_nobody_can_be_shown_to_have_made_is_only_listed(name, machine):
    foreign = machine.root / "boot" / name
    foreign.write_bytes(b"x")
    left = {item["path"]: item for item in prune(machine, "--json").json["left"]}
    assert foreign.exists()
    assert left[f"boot/{name}"]["command"] == f"rm {foreign}"


@pytest.mark.parametrize("system, name", [
    ("fedora", f"initramfs-{GONE}.img"), ("opensuse", f"initrd-{GONE}"),
    ("mageia", f"initrd-{GONE}.img"), ("debian", f"initrd.img-{GONE}.bare")])
def test_what_has_the_name_that_the_distribution_gives_goes(system, name, machine):
    (machine.root / "etc/os-release").write_text(f"ID={system}\n")
    (machine.root / "boot" / name).write_bytes(b"x")
    assert name in removed(machine)


def test_what_another_builder_made_before_preroot_goes(machine):
    """preroot kept it as the previous image, as its state of the kernel says."""
    machine.set_state(GONE, good="1" * 64)
    machine.path(GONE, ".previous-2").write_bytes(b"x")
    assert f"initrd.img-{GONE}.previous-2" in removed(machine)


@pytest.mark.parametrize("words", [["--keep", "0"], ["--own", "--keep", "0"], ["--kernel", V3]])
def test_previous_images_of_others_stay(words, machine):
    """preroot kept it when it took over, and has made all images since."""
    machine.set_state(V3, good="1" * 64)
    machine.image(V3, "older", ".previous")
    theirs = machine.path(V3, ".previous-2")
    theirs.write_bytes(b"of another builder")
    told = prune(machine, "--dry-run", "--json", *words).json
    left = {item["path"]: item for item in told["left"]}[f"boot/{theirs.name}"]
    assert left["command"] == f"rm {theirs}" and "preroot made it" in left["why"]
    quiet = prune(machine, "--quiet", *words)
    assert theirs.exists() and not machine.path(V3, ".previous").exists()
    warned = [f"to remove it: rm {theirs}" in text for text in quiet.messages("warning")]
    assert warned == ([True] if "--kernel" in words else [])


def test_only_the_newest_previous_image_of_others_stays(machine):
    """A rebuild would not keep the older ones."""
    theirs = [machine.path(V3, ending) for ending in (".previous-2", ".previous-3", ".previous-4")]
    machine.image(V3, "older", ".previous")
    for number, path in enumerate(theirs):
        path.write_bytes(b"of another builder %d" % number)
    removed(machine, "--own")
    assert all(path.exists() for path in theirs)
    assert removed(machine, "--keep", "2") == [path.name for path in theirs[1:]]
    theirs[2].write_bytes(b"x")
    assert removed(machine, "--keep", "0") == [f"initrd.img-{V3}.previous", theirs[2].name]
    theirs[2].write_bytes(b"x")
    theirs[0].write_bytes(b"")  # no way back to anything
    removed(machine, "--keep", "0")
    assert theirs[2].exists()


def test_only_own_images_go_where_nothing_else_may(machine):
    machine.set_state(GONE, good="1" * 64)
    theirs = [machine.path(GONE, ".previous-2"), machine.root / f"boot/initrd.img-{GONE}.bare"]
    for path in theirs:
        path.write_bytes(b"of another builder")
    assert removed(machine, "--own") == [f"initrd.img-{GONE}", f"initrd.img-{GONE}.previous"]
    assert all(path.exists() for path in theirs)


def test_what_a_menu_needs_is_not_offered_for_removal(machine):
    machine.path(V1, ".lkg").write_bytes(b"x")
    entries = machine.root / "boot/loader/entries"
    entries.mkdir(parents=True)
    (entries / "mine.conf").write_text(ENTRY.format(V1 + ".lkg", V1))
    assert prune(machine, "--json").json["left"] == []


@pytest.mark.parametrize("number", ["0123abcd", "ff000000"])
def test_what_killed_runs_left_goes(number, machine):
    left = machine.path(V1, f".preroot-{number}")
    left.write_bytes(b"x")
    prune(machine)
    assert not left.exists()


def test_a_prune_that_is_killed_leaves_what_the_next_one_removes(machine, tmp_path):
    """An image was put aside and its package is back, so only the name says what it was."""
    log = tmp_path / "log"
    shutil.copytree(machine.root, tmp_path / "traced", symlinks=True)
    calls = faults.trace(["renameat"], ["prune", "--root", tmp_path / "traced"], log)
    call = faults.select(calls, "renameat", "preroot-")[-1]
    assert faults.kill(["prune", "--root", machine.root], call)
    assert list((machine.root / "boot").glob("*.preroot-*"))
    machine.kernel(GONE)
    machine.image(GONE, "new")
    prune(machine)
    assert not list((machine.root / "boot").glob("*.preroot-*"))
    assert machine.path(GONE).exists()


def test_what_cannot_be_put_back_is_named(machine):
    """Each rename after the first one fails."""
    done = prune(machine, status=FAILED, env=faults.TRACED, before=[
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat",
        "-e", "inject=renameat:error=EIO:when=2+"])
    left = [name for name in names(machine) if ".preroot-" in name]
    assert len(left) == 1
    assert f"is now called {left[0]}" in done.error and "nothing was removed" not in done.error
    assert "rename it by hand" in done.hint


def test_nothing_is_proven_where_not_all_can_be_seen(machine):
    before = names(machine)
    (machine.root / "boot/grub").mkdir()
    (machine.root / "boot/grub/grub.cfg").write_text("menuentry 'x' { linux /vmlinuz\n")
    told = prune(machine, status=FAILED)
    assert "grub.cfg" in told.error and "nothing was removed" in told.err.decode()
    (machine.root / "boot/grub/grub.cfg").unlink()
    (machine.root / "boot/grub").rmdir()
    modules = machine.root / "usr/lib/modules"
    modules.rename(modules.with_name("elsewhere"))
    assert "no kernel" in prune(machine, status=FAILED).error
    assert names(machine) == before


@pytest.mark.sweep
def test_call_that_fails(machine, tmp_path):
    """What is needed stays. Either everything announced is gone and the menu matches, or all is there."""
    grub = machine.root / "boot/grub"
    grub.mkdir()
    (grub / "grub.cfg").write_text("source $prefix/preroot.cfg\n" + "".join(
        f"menuentry '{v}' {{\n linux /vmlinuz-{v} root=/dev/vda1\n initrd /initrd.img-{v}\n}}\n"
        for v in (V1, V2, V3)))
    for ending in (".previous", ".previous-2"):
        machine.image(V3, f"older {ending}", ending)
    (machine.root / "proc/self").mkdir()
    (machine.root / "proc/self/mountinfo").write_text("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n")

    def copy(name):
        shutil.copytree(machine.root, tmp_path / name / "root", symlinks=True)
        return tmp_path / name / "root"

    def state(root):
        images = sorted(path.name for path in (root / "boot").glob("initrd.img-*"))
        menu = root / "boot/grub/preroot.cfg"
        return [name for name in images if ".preroot-" not in name], \
            menu.read_text().count("menuentry") if menu.exists() else 0

    done = copy("done")
    log = tmp_path / "log"
    calls = [call for call in faults.trace(CALLS, ["prune", "--root", done], log)
             if f"<{done}" in call.line]
    before, after = state(machine.root), state(done)
    assert (len(before[0]), len(after[0])) == (7, 4) and after[1] == 1
    outcomes = set()
    for number, call in enumerate(faults.sample(calls, 60)):
        root = copy(str(number))
        told = run("prune", "--root", root, status=(DONE, FAILED), env=faults.TRACED,
                   before=faults.words(call.name, call.number, "error=EIO"))
        found = state(root)
        assert set(after[0]) <= set(found[0]), (call, told)
        if told.status == FAILED:
            assert found in (after, before), (call, told)
        else:
            assert told.text.count("removes ") == len(before[0]) - len(found[0]), (call, told)
        outcomes.add((found == after, told.status))
    assert {(True, DONE), (False, FAILED)} <= outcomes


@pytest.mark.parametrize("words", [["--keep", "x"], ["--keep", "10"], ["KVER"]])
def test_wrong_words(words, machine):
    prune(machine, *words, status=USAGE)


TOKEN = "0123456789abcdef0123456789abcdef"


def test_images_in_folders_of_their_own_go_from_there(machine):
    """kernel-install's folders; files of the same name in /boot are different files, and stay."""
    (machine.root / "etc/machine-id").write_text(TOKEN + "\n")
    folders = {v: machine.root / "boot" / TOKEN / v for v in (V1, GONE)}
    for version, folder in folders.items():
        folder.mkdir(parents=True)
        machine.image(version, "inner")
        machine.path(version).rename(folder / f"initrd.img-{version}")
    machine.image(V1, "old", ".previous")
    machine.path(V1, ".previous").rename(folders[V1] / f"initrd.img-{V1}.previous")
    (machine.root / f"boot/{TOKEN}/{V1}/initrd.img-{V1}.preroot-0123abcd").write_bytes(b"half")
    kept = machine.image(V1, "kept", ".previous")
    machine.set_state(V1, good=kept)
    machine.image(V1, "in use")
    prune(machine, "--keep", "0")
    assert machine.path(V1, ".previous").exists()
    assert [p.name for p in folders[V1].iterdir()] == [f"initrd.img-{V1}"]
    assert not list(folders[GONE].iterdir())
    assert not list((machine.root / "boot").rglob("*.preroot-*"))


def test_the_only_image_of_a_kernel_stays(machine):
    machine.path(V1).rename(machine.path(V1, ".previous"))
    machine.image(V1, "older", ".previous-2")
    told = prune(machine, "--keep", "0", "--json").json
    assert machine.path(V1, ".previous").exists() and not machine.path(V1, ".previous-2").exists()
    whys = {item["path"]: item["why"] for item in told["left"]}
    assert "there is no other image" in whys[f"boot/initrd.img-{V1}.previous"]


# ---- a kernel that is to have no image ----

def test_all_images_of_one_kernel_go(machine):
    machine.image(V3, "before", ".previous")
    machine.set_state(V3, good="1" * 64)
    assert removed(machine, "--kernel", V3) == [f"initrd.img-{V3}", f"initrd.img-{V3}.previous"]
    assert machine.state(V3)  # the kernel is there
    assert removed(machine, "--kernel", V3) == []
    machine.set_state(GONE, good="1" * 64)
    assert len(removed(machine, "--kernel", GONE)) == 2
    assert machine.state(GONE) is None
    assert prune(machine, "--kernel", "9.9.9").text == "nothing to remove\n"


def refused(machine, version):
    """The error of a run that must remove nothing."""
    before = trees.snapshot(machine.root / "boot")
    error = prune(machine, "--kernel", version, status=FAILED).error
    assert trees.snapshot(machine.root / "boot") == before
    return error


def test_an_image_of_somebody_else_does_not_go(machine):
    machine.path(V3).write_bytes(b"of another builder")
    assert "preroot did not make it" in refused(machine, V3)


def test_an_image_that_the_boot_menu_needs_does_not_go(machine):
    machine.share(V3, name=f"initrd.img-{V3}")
    assert "boot menu" in refused(machine, V3)
    (machine.root / f"boot/vmlinuz-{V3}").unlink()  # as behind the removal of its package
    assert removed(machine, "--kernel", V3) == [f"initrd.img-{V3}"]
