# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian machines that start through their own boot loader several times, with their own images."""

import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from lib import guest

GUESTS = {"grub-bios": guest.Grub, "systemd-boot-uefi": guest.SystemdBoot}
MORE_GUESTS = {"grub-uefi": guest.GrubEfi, "grub-btrfs": guest.GrubBtrfs,
               "extlinux-bios": guest.Extlinux, "kernel-install-uefi": guest.KernelInstall}

IMAGE = "$IMAGES/initrd.img-$(uname -r)"
# The files of preroot and the loader on disk, and their times.
LOOK = ("find /boot /var/lib/preroot /var/log/preroot.log ! -name '*.mod' -printf '%p %s %T@\\n' "
        "| sort")
FACTS = [
    ("mounts", "findmnt -n -o TARGET,FSTYPE /"),
    ("boot.json", "cat /run/preroot/boot.json"),
    ("state.json", "cat /var/lib/preroot/$(uname -r).json"),
    ("images", "cd $IMAGES && sha256sum initrd.img-*"),
    ("menu", "cd /boot && grep -rh initrd "
     "$(ls -d grub/*.cfg loader/entries efi/loader/entries extlinux 2>/dev/null)"),
]
# Fills the filesystem of the images except for a megabyte.
FILL = "cat /dev/zero >$IMAGES/ballast; truncate -s -1M $IMAGES/ballast; sync; df $IMAGES"


# An image for a machine with an NVMe disk, which lacks the driver for this one's.
NVME = "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02"
WITHOUT_DRIVER = (
    f"preroot hardware --json | sed 's/pci:v00001AF4[^\"]*/{NVME}/; s/virtio:[^\"]*/{NVME}/; "
    "s/virtio[_-]pci/nvme/; s/virtio_blk/nvme/' >/run/other.json; "
    "preroot rebuild --try-next --hostonly-mode strict --hardware /run/other.json")
# An image with a required program of the administrator that fails.
WITH_BAD_HOOK = (
    "mkdir -p /etc/preroot/features.d; cd /etc/preroot/features.d; "
    "printf 'pre_mount=/bin/false\\nrequired=yes\\n' >bad.conf; preroot rebuild --try-next; "
    "status=$?; rm bad.conf; exit $status")
# How to make an image that does not boot, and its message.
BAD_IMAGES = {
    "grub-bios": (WITHOUT_DRIVER, "wanted: root=UUID="),
    "systemd-boot-uefi": (WITH_BAD_HOOK, "/bin/false, which is required at pre-mount"),
    "kernel-install-uefi": (WITHOUT_DRIVER, "wanted: root=UUID="),
    "grub-uefi": (WITHOUT_DRIVER, "wanted: root=UUID="),
    "extlinux-bios": (WITH_BAD_HOOK, "/bin/false, which is required at pre-mount"),
}
# Loaders that cannot boot an entry just once, and why.
REFUSED = {"grub-btrfs": "GRUB cannot write to boot/grub/grubenv (it lies on btrfs)"}
STATUS = [("status", "preroot status"), ("check", "preroot status --check")]


def life(machine, bad_image):
    """What happens on a machine, boot by boot. BAD_IMAGE, if any, makes an image for the next trial;
    after that one comes a trial of an image that boots."""
    again = [("before", LOOK), ("again", "preroot rebuild"), ("after", LOOK)]
    full = [("room", LOOK), ("fill", FILL), ("full", "preroot rebuild --add-drivers nbd"),
            ("empty", "rm $IMAGES/ballast"), ("left", LOOK)]
    if bad_image:
        attempt = [("try", bad_image), ("tried.json", FACTS[2][1])]
        second = [*STATUS, ("forget", "preroot status --forget"), *again,
                  ("try", "preroot rebuild --try-next --add-drivers nbd"), ("tried.json", FACTS[2][1])]
    else:
        attempt = [("refused", "preroot rebuild --try-next --add-drivers nbd"), ("as before", LOOK)]
        second = again
    installed = machine.boot([
        *machine.first_steps, *FACTS[:2], ("rebuild", "preroot rebuild --json"), *FACTS[2:], *full,
        *attempt])
    bad = machine.boot() if bad_image else None
    lived = SimpleNamespace(installed=installed, rebuilt=machine.boot([*FACTS, *second]))
    if bad_image:
        lived.trials = SimpleNamespace(bad=bad, good=machine.boot(FACTS),
                                       kept=machine.boot([*FACTS, *STATUS]))
    return lived


# Moments of a rebuild at which the power is cut: when the new file exists, when the old one is
# kept, when the new one has its name, and a little later.
CUTS = {
    "begun": "set -- $IMAGES/*.preroot-*; [ -e $1 ]",
    "kept": "[ $(stat -c %i $image.previous) != $previous ]",
    "swapped": "[ $(stat -c %i $image) != $current ]",
    "later": "[ $(stat -c %i $image) != $current ] && sleep 0.2",
}
CUT = (f"image={IMAGE}; current=$(stat -c %i $image); previous=$(stat -c %i $image.previous); "
       "sync; preroot rebuild --add-drivers nbd >/dev/null & "
       "until {moment}; do :; done; echo b >/proc/sysrq-trigger; sleep 100")
AFTER_CUT = [
    ("verify", f"preroot verify {IMAGE}; preroot verify {IMAGE}.previous"),
    ("mend", "preroot rebuild && ls -A $IMAGES"),
]


def lose_power(machine):
    """The boots after a power cut, by its moment."""
    boots, steps = {}, [*AFTER_CUT]
    for name, moment in CUTS.items():
        boots[name] = machine.boot([*steps, ("cut", CUT.replace("{moment}", moment))])
        steps = [*FACTS[:2], *AFTER_CUT]
    return dict(zip(CUTS, [*list(boots.values())[1:], machine.boot(steps)])), boots


def live(name, folder, with_cuts):
    machine = {**GUESTS, **MORE_GUESTS}[name](folder)
    bad_image, account = BAD_IMAGES.get(name, ("", ""))
    lived = life(machine, bad_image)
    lived.images = machine.images
    if bad_image:
        lived.trials.account = account
    if with_cuts:
        lived.after_cut, lived.cut = lose_power(machine)
    return lived


def pytest_generate_tests(metafunc):
    if "machine" in metafunc.fixturenames:
        names = [*GUESTS]
        if metafunc.config.getoption("--all-machines"):
            names += MORE_GUESTS
        if "trial" in metafunc.fixturenames:
            names = [name for name in names if name in BAD_IMAGES]
        if "refusal" in metafunc.fixturenames:
            refused = [(name, REFUSED[name]) for name in names if name in REFUSED]
            metafunc.parametrize("machine,refusal", refused, indirect=["machine"], scope="module")
            return
        metafunc.parametrize("machine", names, indirect=True, scope="module")


@pytest.fixture(scope="module")
def lives(lab, request):
    """The lives of all selected machines, in parallel, as futures."""
    names = dict.fromkeys(item.callspec.params["machine"] for item in request.session.items
                          if "lives" in item.fixturenames)
    folder = lab.folder / "guests"
    with ThreadPoolExecutor(request.config.getoption("--boots-at-once")) as pool:
        yield {name: pool.submit(live, name, folder / name,
                                 request.config.getoption("--all-machines"))
               for name in names}


@pytest.fixture(scope="module")
def machine(request, lives):
    return lives[request.param].result()


@pytest.fixture
def trial(machine):
    return machine.trials


def told(boot, name, status=0):
    """The output of a step of BOOT, which must have ended with STATUS."""
    text, ended = boot.section(name)
    assert ended == status, f"{name} ended with {ended}:\n{text}\n{boot.explain()}"
    return text


def facts(boot, name):
    return json.loads(told(boot, name))


def check_up(boot):
    """Debian is fully up on its own root, booted from an image of preroot."""
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
    assert "nothing was changed" in told(machine.installed, "full", 1)
    before, left = (told(machine.installed, name).splitlines() for name in ("room", "left"))
    # The folder's time is that of the test's own file in it, and a full disk has no log.
    changed = {line.split()[0] for line in set(left) - set(before)}
    assert changed <= {machine.images, "/var/log/preroot.log"}, changed


def test_the_menu_offers_the_image_before(machine):
    assert ".previous" in told(machine.rebuilt, "menu")


def test_a_trial_that_would_not_be_for_once_is_refused(machine, refusal):
    assert refusal in told(machine.installed, "refused", 1)
    assert ".trial" not in told(machine.installed, "as before")


def test_a_trial_that_does_not_boot_is_tried_once(machine, trial):
    """The next boot is from the image that was there before."""
    told(machine.installed, "try")
    assert trial.bad.value("state") is None, trial.bad.explain()
    assert trial.account in trial.bad.console, trial.bad.explain()
    assert "preroot: rebooting" in trial.bad.console, trial.bad.explain()
    check_up(machine.rebuilt)


def test_a_trial_that_did_not_boot_is_told_and_gone(machine, trial):
    back = machine.rebuilt
    assert "failed" in told(back, "status")
    told(back, "check", 3)
    tried = facts(machine.installed, "tried.json")["trial"]
    assert facts(back, "state.json")["failed"] == tried
    assert ".trial" not in told(back, "images") + told(back, "menu")


def test_a_trial_that_boots_is_kept(machine, trial):
    tried = facts(machine.rebuilt, "tried.json")["trial"]
    for boot in (trial.good, trial.kept):
        check_up(boot)
        assert facts(boot, "boot.json")["image"] == tried, boot.explain()
        assert facts(boot, "state.json")["good"] == tried, boot.explain()
        assert ".trial" not in told(boot, "images") + told(boot, "menu")
    told(trial.kept, "check")


@pytest.mark.parametrize("moment", CUTS)
def test_power_that_goes_leaves_an_image_that_boots(machine, moment):
    """With --all-machines. An immediate restart by the kernel simulates it: nothing more is written."""
    cut, after = machine.cut[moment], machine.after_cut[moment]
    assert "END cut" not in "".join(cut.report), f"the moment never came\n{cut.explain()}"
    check_up(after)
    told(after, "verify")
    assert "preroot-" not in told(after, "mend"), after.explain()
