# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian machines that start by their own boot loader, again and again, with their own images."""

import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from lib import guest

GUESTS = {"grub-bios": guest.Grub, "systemd-boot-uefi": guest.SystemdBoot}
MORE_GUESTS = {"grub-uefi": guest.GrubEfi, "grub-btrfs": guest.GrubBtrfs,
               "extlinux-bios": guest.Extlinux}

IMAGE = "/boot/initrd.img-$(uname -r)"
# What preroot and the loader have on disk, and whether it was written to.
LOOK = ("find /boot /var/lib/preroot /var/log/preroot.log ! -name '*.mod' -printf '%p %s %T@\\n' "
        "| sort")
FACTS = [
    ("mounts", "findmnt -n -o TARGET,FSTYPE /"),
    ("boot.json", "cat /run/preroot/boot.json"),
    ("state.json", "cat /var/lib/preroot/$(uname -r).json"),
    ("images", "cd /boot && sha256sum initrd.img-*"),
]
# All but a megabyte of what root can have where the images are.
FILL = "cat /dev/zero >/boot/ballast; truncate -s -1M /boot/ballast; sync; df /boot"


def life(machine):
    """What happens on a machine, boot by boot."""
    return SimpleNamespace(
        installed=machine.boot([
            *machine.first_steps, *FACTS[:2], ("rebuild", "preroot rebuild --json"), *FACTS[2:]]),
        rebuilt=machine.boot([
            *FACTS, ("before", LOOK), ("again", "preroot rebuild"), ("after", LOOK),
            ("fill", FILL), ("full", "preroot rebuild --add-drivers nbd"),
            ("empty", "rm /boot/ballast"), ("left", LOOK)]))


def pytest_generate_tests(metafunc):
    if "machine" in metafunc.fixturenames:
        names = [*GUESTS]
        if metafunc.config.getoption("--all-machines"):
            names += MORE_GUESTS
        metafunc.parametrize("machine", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def lives(lab, request):
    """The lives of all machines that are asked for, side by side, as futures."""
    names = dict.fromkeys(item.callspec.params["machine"] for item in request.session.items
                          if "lives" in item.fixturenames)
    folder = lab.folder / "guests"
    with ThreadPoolExecutor(request.config.getoption("--boots-at-once")) as pool:
        yield {name: pool.submit(lambda name: life({**GUESTS, **MORE_GUESTS}[name](folder / name)),
                                 name)
               for name in names}


@pytest.fixture(scope="module")
def machine(request, lives):
    return lives[request.param].result()


def told(boot, name, status=0):
    """What a step of BOOT said; it must have ended with STATUS."""
    text, ended = boot.section(name)
    assert ended == status, f"{name} ended with {ended}:\n{text}\n{boot.explain()}"
    return text


def facts(boot, name):
    return json.loads(told(boot, name))


def check_up(boot):
    """Debian is up, completely, on its own root, from an image of preroot."""
    assert boot.value("state") == "running", boot.explain()
    assert told(boot, "mounts").split()[0] == "/", boot.explain()
    assert facts(boot, "boot.json")["root"].startswith("vda"), boot.explain()


def test_a_rebuild_gives_the_machine_its_own_image(machine):
    check_up(machine.installed)
    done = facts(machine.installed, "rebuild")["kernels"][0]
    assert done["result"] == "rebuilt" and 0 < done["bytes"] < done["bytes-before"] / 2, done


def test_the_machine_starts_from_that_image(machine):
    check_up(machine.rebuilt)
    built = facts(machine.installed, "state.json")
    assert facts(machine.rebuilt, "boot.json")["image"] == built["id"]
    assert built["id"] != facts(machine.installed, "boot.json")["image"]
    assert built["sha256"] + "  initrd.img-" in told(machine.rebuilt, "images")


def test_the_image_before_is_kept(machine):
    images = told(machine.rebuilt, "images").splitlines()
    assert [line.endswith(".previous") for line in images] == [False, True], images


def test_a_second_rebuild_writes_nothing(machine):
    assert told(machine.rebuilt, "again").endswith(": unchanged\n")
    assert told(machine.rebuilt, "after") == told(machine.rebuilt, "before")


def test_an_image_that_does_not_fit_is_told_and_changes_nothing(machine):
    assert "nothing was changed" in told(machine.rebuilt, "full", 1)
    before, left = (told(machine.rebuilt, name).splitlines() for name in ("before", "left"))
    # The time of the folder is that of the test's own file in it; on a full disk there is no log.
    changed = {line.split()[0] for line in set(left) - set(before)}
    assert changed <= {"/boot", "/var/log/preroot.log"}, changed
