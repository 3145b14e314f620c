# SPDX-License-Identifier: LGPL-2.1-or-later
"""An image that belongs to two kernels, or to none for sure: no command replaces or removes it."""

import pytest

import trees
from fleet import V1, V2, Machine, image_bytes
from program import FAILED, run

OTHER_BOOT = "99999999-2222-3333-4444-555555555555"


@pytest.fixture
def machine(tmp_path):
    m = Machine(tmp_path / "root")
    for version in (V1, V2):
        m.kernel(version)
        for name in ("modules.dep.bin", "modules.alias.bin"):
            (m.root / "usr/lib/modules" / version / name).write_bytes(b"")
    (m.root / "proc/sys/kernel/osrelease").write_text(V1 + "\n")
    return m


def add(path, ending, text):
    data, digits = image_bytes(text)
    path.with_name(path.name + ending).write_bytes(data)
    return digits


def await_trial(machine, image):
    """The next boot was to try an image; this one did, or it did not."""
    machine.set_state(V1, good="0" * 64, trial=image, **{"trial-boot": OTHER_BOOT})


def command(verb, machine):
    words = {"rebuild": ["--hardware", trees.MACHINES / "nvme.json", "--no-cache", "--all"],
             "try": ["--hardware", trees.MACHINES / "nvme.json", "--no-cache", "--try-next", V1],
             "restore": [V1], "mark-good": []}[verb]
    return run("rebuild" if verb == "try" else verb, "--root", machine.root, *words, status=FAILED)


@pytest.mark.parametrize("verb", ["rebuild", "try", "restore", "mark-good"])
def test_an_image_of_two_kernels_is_left_alone(verb, machine):
    path = machine.share(V1, V2)
    add(path, ".previous", "before")
    if verb == "mark-good":
        await_trial(machine, add(path, ".trial", "trial"))
        machine.booted(V1, image_bytes("trial")[1])
    before = trees.snapshot(machine.root / "boot")
    done = command(verb, machine)
    told = done.text + done.error
    assert f"/boot/initrd.gz is the image of kernels {V1} and {V2}; give each its own" in told
    if verb == "rebuild":
        assert f"/boot/initrd.gz is the image of kernels {V2} and {V1}" in told
        assert "none of 2 kernels could be rebuilt" in told
    assert trees.snapshot(machine.root / "boot") == before


def test_a_trial_that_did_not_boot_is_left_alone(machine):
    path = machine.share(V1, V2)
    await_trial(machine, add(path, ".trial", "trial"))
    machine.booted(V1, image_bytes("shared")[1])
    before = trees.snapshot(machine.root / "boot")
    assert "give each its own" in command("mark-good", machine).error
    assert trees.snapshot(machine.root / "boot") == before


def test_a_boot_without_a_trial_is_marked(machine):
    """No image is changed for that."""
    machine.share(V1, V2)
    machine.booted(V1, image_bytes("shared")[1])
    run("mark-good", "--root", machine.root)
    assert machine.state(V1)["good"] == image_bytes("shared")[1]


def test_previous_ones_of_two_kernels_are_not_pruned(machine):
    """An image that is too old for one kernel may be the last good one of the other."""
    path = machine.share(V1, V2)
    for ending in (".previous", ".previous-2", ".previous-3"):
        add(path, ending, ending)
    done = run("prune", "--root", machine.root, "--json").json
    assert not done["removed"]
    assert {item["path"]: item["why"] for item in done["left"]}.keys() == {
        "boot/initrd.gz.previous-2", "boot/initrd.gz.previous-3"}
    assert all("is the image of kernels" in item["why"] for item in done["left"])


@pytest.mark.parametrize("verb", ["rebuild", "restore", "mark-good"])
def test_where_the_menu_names_several_the_question_is_the_error(verb, machine):
    path = machine.share(V1, V2, name="first")
    (machine.root / "boot/second.img").write_bytes(image_bytes("second")[0])
    menu = machine.root / "boot/grub/grub.cfg"
    menu.write_text(menu.read_text().replace("/first", "/first /second.img"))
    if verb == "mark-good":
        await_trial(machine, add(path, ".trial", "trial"))
        machine.booted(V1, image_bytes("trial")[1])
    before = trees.snapshot(machine.root / "boot")
    done = command(verb, machine)
    told = done.text + done.error + done.hint
    assert f"(/boot/grub/grub.cfg) boots kernel {V1} with /boot/first and /boot/second.img" in told
    assert f"name the image /boot/initrd.img-{V1}, there and in the menu" in told
    assert trees.snapshot(machine.root / "boot") == before
