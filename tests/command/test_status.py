# SPDX-License-Identifier: LGPL-2.1-or-later
"""preroot status: kernels, their images and the images' states."""

import json
import os
import re
import shutil

import pytest

import trees
from fleet import V1, V2, V3, Machine
from program import DONE, FINDING, UNPRIVILEGED, USAGE, run

pytestmark = pytest.mark.leaks

NVME = trees.MACHINES / "nvme.json"


def status(root, *words, **expected):
    return run("status", "--root", root, *words, **expected)


def rows(root, *words):
    return {row["kernel"]: row for row in status(root, "--json", *words).json["kernels"]}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path / "root")


class Built:
    """A small kernel's root with an image that rebuild has written."""

    def __init__(self, tree, cache):
        self.tree, self.root, self.cache = tree, tree.root, cache
        (tree.root / "var/log").mkdir(parents=True)
        self.image = tree.root / f"boot/initramfs-{tree.version}.img"
        self.rebuild()

    def rebuild(self):
        run("rebuild", "--root", self.root, "--hardware", NVME, "--cache-dir", self.cache)

    @property
    def row(self):
        return rows(self.root, "--cache-dir", self.cache)[self.tree.version]

    def change(self):
        """Replaces a module, as a package update does."""
        path = next(self.tree.modules.rglob("nvme.ko"))
        self.tree.rewrite(path, path.read_bytes() + bytes(4))
        return path


@pytest.fixture
def built(tree, tmp_path):
    return Built(tree, tmp_path / "cache")


# ---- each state ----

def test_an_image_is_current_until_what_it_was_made_of_changes(built):
    assert built.row["state"] == "current" and built.row["why"] is None
    assert status(built.root, "--cache-dir", built.cache, "--check", status=DONE)
    path = built.change()
    row = built.row
    assert row["state"] == "stale"
    assert row["why"] == f"/{path.resolve().relative_to(built.root.resolve())} has changed since"
    text = status(built.root, "--cache-dir", built.cache, "--check", status=FINDING).text
    assert f"stale: {row['why']}\n" in text
    built.rebuild()
    assert built.row["state"] == "current"


def test_looking_writes_nothing(built):
    before = trees.snapshot(built.root), trees.snapshot(built.cache)
    for words in ([], ["--json"], ["--prometheus"], ["--check"]):
        status(built.root, "--cache-dir", built.cache, *words)
    assert (trees.snapshot(built.root), trees.snapshot(built.cache)) == before


def test_an_image_that_was_put_back_is_stale(built):
    built.change()
    run("rebuild", "--root", built.root, "--hardware", NVME, "--cache-dir", built.cache,
        "--force", "--add-drivers", "ahci")
    run("restore", "--root", built.root)
    assert built.row["state"] == "stale" and "put back" in built.row["why"]


def test_an_image_that_somebody_changed_is_unverified(built):
    data = bytearray(built.image.read_bytes())
    data[len(data) // 2] ^= 1
    assert built.row["command"] is None
    built.image.write_bytes(data)
    command = f"preroot rebuild --root {built.root} {built.tree.version}"
    assert built.row["command"] == command
    told = status(built.root, "--cache-dir", built.cache).text
    assert f"was replaced; to have an image of preroot there again:\n  {command}\n" in told
    assert built.row["state"] == "unverified" and "not the image that preroot wrote last" in built.row["why"]


def test_a_copy_with_the_same_bytes_is_still_the_image(built, tmp_path):
    shutil.copy2(built.image, tmp_path / "copy")
    built.image.unlink()
    shutil.copy2(tmp_path / "copy", built.image)
    assert built.row["state"] == "current"


def test_without_the_record_nothing_is_known_of_changes(built):
    shutil.rmtree(built.cache)
    assert built.row["state"] == "stale" and "has no record" in built.row["why"]


def test_a_trial_that_is_kept_is_current(built):
    """The record of its build moves with it."""
    m = Machine(built.root)
    trial = built.image.with_name(built.image.name + ".trial")
    run("build", trial, "--root", built.root, "--hardware", NVME, "--cache-dir", built.cache,
        "--add-drivers", "ahci")
    manifest = run("cat", trial, "usr/lib/preroot/manifest").text
    digits = manifest.splitlines()[-1].split("\t")[1]
    path = built.root / f"var/lib/preroot/{built.tree.version}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "trial": digits}))
    assert "waits" in status(built.root, "--cache-dir", built.cache).text
    m.booted(built.tree.version, digits)
    told = run("mark-good", "--root", built.root, "--json", "--cache-dir", built.cache).json
    assert told["trial-kept"] and not trial.exists()
    assert built.row["state"] == "current" and built.row["good"] == digits
    assert [image["kind"] for image in built.row["images"]] == ["current", "previous"]


def test_a_kernel_without_an_image_is_told(machine):
    machine.kernel(V1)
    machine.kernel(V2)
    machine.image(V2)
    text = status(machine.root, "--check", status=FINDING).text
    lines = text.splitlines()
    assert lines[0].split() == ["kernel", "image", "previous", "trial", "menu",
                                "state"]
    assert re.match(rf"{re.escape(V2)} +/boot/initrd.img-{re.escape(V2)} +- +- +- +unverified: ",
                    lines[1])
    assert re.fullmatch(rf"{re.escape(V1)} +- +- +- +- +missing: it has no image", lines[2])


def test_an_image_that_is_a_link(machine):
    machine.kernel(V1)
    machine.image(V1)
    real = machine.root / "boot/real"
    real.mkdir()
    machine.path(V1).rename(real / "image")
    machine.path(V1).symlink_to("real/image")
    assert re.search(r" /boot/real/image .* unverified: ", status(machine.root).text)
    (real / "image").unlink()
    assert f"missing: /boot/initrd.img-{V1} is a link to real/image, which is not there" in \
        status(machine.root).text


def test_what_is_left_of_kernels_is_orphaned(machine):
    machine.image(V1)
    machine.kernel(V2, modules=False)
    machine.image(V2)
    machine.kernel(V3, kernel=False)
    told = rows(machine.root)
    assert {row["state"] for row in told.values()} == {"orphaned"}
    assert told[V1]["why"] == "its kernel is gone"
    assert told[V2]["why"] == "the modules of its kernel are gone"
    assert told[V3]["why"] == "only the modules of this kernel are left"


def test_a_kernel_without_modules_is_shown(machine):
    machine.kernel(V1)
    machine.image(V1)
    machine.kernel(V2, modules=False)
    (machine.root / "usr/lib/modules" / V2).mkdir()
    row = rows(machine.root)[V2]
    assert row["state"] == "orphaned" and row["kernel-image"] and not row["modules"]
    assert row["why"] == "the modules of this kernel are missing: no image can be made for it"


def test_a_boot_that_failed_shows_until_it_is_forgotten(machine):
    machine.kernel(V1)
    image = machine.image(V1)
    machine.set_state(V1, id=image, good=image, failed="f" * 64)
    row = rows(machine.root)[V1]
    assert row["state"] == "failed" and "that was tried" in row["why"]
    assert row["failed"] == "f" * 64
    machine.set_state(V1, id=image, failed=image)
    assert rows(machine.root)[V1]["why"] == "it did not boot to the end"
    status(machine.root, "--forget")
    assert machine.state(V1) == {"preroot-image": 1, "id": image}
    assert rows(machine.root)[V1]["state"] == "unverified"


def test_a_damaged_state_is_told_and_the_rest_is_shown(machine):
    machine.kernel(V1)
    machine.image(V1)
    machine.kernel(V2)
    machine.set_state(V1, id="x")
    result = status(machine.root, "--check", status=FINDING)
    assert f"{V1}.json" in result.messages("warning")[0]
    assert "unknown" in result.text and V2 in result.text


# ---- what else is shown ----

def test_previous_images_the_running_kernel_and_space(machine):
    machine.kernel(V1)
    machine.image(V1)
    for ending in (".previous", ".previous-2", ".bak"):
        machine.image(V1, "y", ending)
    (machine.root / "proc/sys/kernel/osrelease").write_text(V1 + "\n")
    text = status(machine.root).text
    assert re.search(rf"^{re.escape(V1)} \(running\) +/boot/initrd.img-{re.escape(V1)} +2 ", text,
                     re.M)
    assert re.search(r"^/boot: \d.* free of \d.*; the images take \d", text, re.M)
    told = status(machine.root, "--json").json
    row = told["kernels"][0]
    assert row["running"] and row["newest"] and len(row["images"]) == 3
    assert [image.get("generation") for image in row["images"]] == [None, 1, 2]
    assert told["boot"]["free"] <= told["boot"]["bytes"]


def test_what_is_free_is_what_df_calls_available(machine):
    machine.kernel(V1)
    machine.image(V1)
    free, fs = status(machine.root, "--json").json["boot"]["free"], os.statvfs(machine.root / "boot")
    # Others write to that filesystem, too.
    assert abs(free - fs.f_bavail * fs.f_frsize) <= abs(free - fs.f_bfree * fs.f_frsize)


def test_a_boot_folder_that_is_not_mounted_is_no_empty_one(machine):
    machine.kernel(V1)
    (machine.root / "etc/fstab").write_text("UUID=1 /boot ext4 defaults 0 2\n")
    (machine.root / "proc/mountinfo").write_text("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    result = status(machine.root, "--check", status=FINDING)
    assert "not mounted" in result.messages("warning")[0]
    assert "unknown" in result.text and "missing" not in result.text


def test_names_of_kernels_drive_no_terminal(machine):
    name = "6.1\x1b[31m"
    (machine.root / "usr/lib/modules" / name).mkdir()
    (machine.root / "usr/lib/modules" / name / "modules.order").write_text("")
    for words in ([], ["--json"], ["--prometheus"]):
        assert "\x1b" not in status(machine.root, *words).text


# ---- for machines ----

def metrics(text):
    """The values by name and labels, after a check of each line's syntax."""
    values, typed = {}, set()
    for line in text.splitlines():
        if line.startswith("#"):
            kind, name = line.split()[1:3]
            assert kind in ("HELP", "TYPE")
            typed.add(name)
            continue
        match = re.fullmatch(
            r'([a-z_]+)(\{([a-z_]+="(\\\\|\\"|\\n|[^"\\\n])*",?)*\})? (-?\d+)', line)
        assert match and match[1] in typed, line
        assert (match[1], match[2]) not in values
        values[match[1], match[2]] = int(match[5])
    return values


def test_metrics_are_what_prometheus_reads(machine):
    machine.kernel(V1)
    image = machine.image(V1)
    hostile = '6"\\\n'
    (machine.root / "usr/lib/modules" / hostile).mkdir()
    (machine.root / "usr/lib/modules" / hostile / "modules.order").write_text("")
    machine.set_state(V1, id=image, failed=image)
    values = metrics(status(machine.root, "--prometheus").text)
    assert values["preroot_image_state", f'{{kernel="{V1}",state="failed"}}'] == 1
    assert values["preroot_image_state", f'{{kernel="{V1}",state="current"}}'] == 0
    assert values["preroot_image_bytes", f'{{kernel="{V1}"}}'] == machine.path(V1).stat().st_size
    assert values["preroot_boot_failed", '{boot="this"}'] == 0
    assert values["preroot_status_good", None] == 0
    assert values["preroot_boot_free_bytes", None] <= values["preroot_boot_size_bytes", None]
    escaped = '6\\"' + '\\\\x5c' + '\\\\x0a'
    assert values["preroot_image_state", f'{{kernel="{escaped}",state="orphaned"}}'] == 1


def test_two_forms_at_once_are_wrong_usage(machine):
    assert "--prometheus" in status(machine.root, "--json", "--prometheus", status=USAGE).error


def test_without_roots_rights_as_much_as_can_be_seen_is_shown(machine):
    """A user who can read neither the images nor their records."""
    machine.kernel(V1)
    machine.kernel(V2)
    machine.image(V1)
    machine.set_state(V1, id="a" * 64)
    for path in (machine.path(V1), machine.root / f"var/lib/preroot/{V1}.json"):
        path.chmod(0)
    result = status(machine.root, "--check", before=UNPRIVILEGED, status=FINDING)
    assert f"{V1}.json" in result.messages("warning")[0]
    assert re.search(rf"^{re.escape(V2)} .*missing", result.text, re.M)
    assert re.search(rf"^{re.escape(V1)} .*unknown", result.text, re.M)


def test_the_entry_of_the_boot_menu_is_told(machine):
    machine.kernel(V1)
    machine.image(V1)
    machine.kernel(V2)
    machine.image(V2)
    entries = machine.root / "boot/loader/entries"
    entries.mkdir(parents=True)
    (entries / "one.conf").write_text(f"title One\nversion {V1}\nlinux /vmlinuz-{V1}\n"
                                      f"initrd /initrd.img-{V1}\n")
    rows = {row["kernel"]: row for row in status(machine.root, "--json").json["kernels"]}
    assert rows[V1]["boot-entry"] == {"file": "boot/loader/entries/one.conf", "id": "one",
                                      "title": "One"}
    assert rows[V2]["boot-entry"] is None
    lines = status(machine.root).text.splitlines()
    assert [line.split()[4] for line in lines[1:3]] == ["no", "yes"]
