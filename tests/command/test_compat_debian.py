# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program called as update-initramfs and mkinitramfs."""

import os
import re
import shutil

import pytest

import fleet
import trees
from container import Container
from fronts import NAMES, call, check, links  # noqa: F401
from lib import TOP
from program import DONE, FAILED, USAGE, run

pytestmark = pytest.mark.sweep


class Machine(Container):
    """A root with two kernels, for generic images."""

    def __init__(self, tree, trixie, folder, **more):
        super().__init__(tree, NAMES, **more)
        newer = trees.make_small(trixie, folder, ["nvme", "ext4"])
        for path in ("boot", "lib/modules"):
            shutil.copytree(newer.root / path, self.root / path, dirs_exist_ok=True)
        self.newer = newer.version
        (self.root / "etc").mkdir(exist_ok=True)
        (self.root / "etc/os-release").write_text("ID=debian\n")
        (self.root / "etc/dracut.conf").write_text("hostonly=no\n")

    def call(self, name, *words, status=DONE, **more):
        return check(name, self.run(name, *words, **more), status)

    def update(self, *words, **more):
        return self.call("update-initramfs", *words, **more)

    @property
    def images(self):
        return sorted(path.name for path in (self.root / "boot").glob("initrd*"))


@pytest.fixture
def machine(tree, trixie, tmp_path):
    return Machine(tree, trixie, tmp_path / "newer")


@pytest.mark.everywhere
def test_images_come_are_updated_and_go(machine):
    old, new = (f"initrd.img-{version}" for version in (machine.version, machine.newer))
    assert "no kernel has an image" in machine.update("-u").messages("warning")[0]
    assert machine.update("-c", "-k", machine.version).text == (
        f"update-initramfs: Generating /boot/{old}\n")
    run("verify", machine.root / "boot" / old)
    assert old in machine.update("-u", "-v").text  # the newest kernel that has one
    machine.update("-k", "all", "-c")
    assert machine.images == [old, new]
    assert machine.update("-u").text == f"update-initramfs: Generating /boot/{new}\n"
    text = machine.update("-u", "-k", "all", "-v").text
    assert f"{machine.version}: unchanged" in text and f"{machine.newer}: unchanged" in text
    assert machine.update("-k", machine.version, "-u").text.count("Generating") == 1
    assert machine.update("-d", "-k", machine.version).text == (
        f"update-initramfs: Deleting /boot/{old}\n")
    assert machine.images == [new]
    again = machine.update("-d", "-k", machine.version)
    assert again.text == "" and again.messages("warning") == [f"/boot/{old} is not there"]


@pytest.mark.leaks
def test_images_that_come_and_go_leak_nothing(tree, trixie, tmp_path):
    machine = Machine(tree, trixie, tmp_path / "newer", under_test=True)
    machine.update("-c", "-k", machine.newer)
    machine.update("-d", "-k", machine.newer)
    machine.call("mkinitramfs", "-o", "/x.img", machine.newer)


def test_kernels_without_modules_are_warned_of(machine):
    for version in ("6.9.9", "99.1.0"):
        fleet.Machine.kernel(machine, version, modules=False)

    def skipped(*words):
        return [line.split("kernel ")[1].split(":")[0]
                for line in machine.update(*words).messages("warning") if "no image is made" in line]

    assert skipped("-c", "-k", "all") == ["99.1.0", "6.9.9"]
    assert not skipped("-u") and not skipped("-u", "-k", "all")
    for version in ("6.9.9", "99.1.0"):
        (machine.root / f"boot/initrd.img-{version}").write_bytes(b"")
    assert skipped("-u", "-k", "all") == ["99.1.0", "6.9.9"]
    assert skipped("-u") == ["99.1.0"]  # it is the newest
    assert not skipped("-u", "-k", machine.newer)


@pytest.mark.parametrize("top", ["boot", "efi"])
def test_a_kernel_without_modules_is_found_in_the_folders_of_kernel_install(top, machine):
    machine_id = "0123456789abcdef0123456789abcdef"
    (machine.root / "etc/machine-id").write_text(machine_id + "\n")
    (machine.root / "usr/sbin/preroot").symlink_to("/opt/preroot/preroot")
    fleet.Machine.kernel(machine, "9.2.0", modules=False)
    for version in (machine.version, machine.newer, "9.2.0"):
        folder = machine.root / top / machine_id / version
        folder.mkdir(parents=True)
        (machine.root / f"boot/vmlinuz-{version}").rename(folder / "linux")
    path = f"/{top}/{machine_id}/9.2.0/linux"
    for words in (("preroot", "rebuild", "--all"), ("dracut", "--regenerate-all", "-f"),
                  ("update-initramfs", "-c", "-k", "all")):
        warnings = [line for line in machine.call(*words).messages("warning") if "no image is made" in line]
        assert len(warnings) == 1 and f"kernel 9.2.0: {path} has no modules" in warnings[0], words
    rows = {row["kernel"]: row for row in machine.call("preroot", "status", "--json").json["kernels"]}
    assert rows["9.2.0"]["state"] == "orphaned" and rows["9.2.0"]["kernel-image"]
    assert rows[machine.newer]["state"] != "orphaned"
    found = [f for f in machine.run("preroot", "audit", "--json").json["findings"]
             if f["id"] == "kernel-without-modules"]
    assert [f["kernel"] for f in found] == ["9.2.0"] and path in found[0]["fact"]


def test_a_call_without_a_version_says_that_the_running_kernel_is_not_here(machine):
    running = os.uname().release
    shutil.rmtree(machine.root / "lib/modules" / running, ignore_errors=True)
    (machine.root / "boot" / f"vmlinuz-{running}").unlink(missing_ok=True)
    taken = machine.version if running == machine.newer else machine.newer
    (machine.root / "usr/sbin/preroot").symlink_to("/opt/preroot/preroot")
    calls = [("preroot", "build", "/a"), ("preroot", "plan"), ("preroot", "rebuild"),
             ("preroot", "rebuild", "--force"), ("preroot", "restore"), ("dracut", "-f"),
             ("dracut", "/b"), ("mkinitramfs", "-o", "/c")]
    for name, *words in calls:
        warnings = [line for line in machine.call(
            name, *words, status=FAILED if words == ["restore"] else DONE).messages("warning")
                    if "is running" in line]
        assert len(warnings) == 1 and (f"kernel {running} is running, but has no modules here: {taken} is taken"
                                       in warnings[0]), (name, words)
    for name, *words in (("preroot", "rebuild", taken), ("preroot", "build", "/a", taken),
                         ("preroot", "rebuild", "--root", "/", "--all"), ("update-initramfs", "-u")):
        assert "is running" not in machine.call(name, *words).err.decode()


def test_only_own_images_are_deleted(machine):
    (machine.root / f"boot/initrd.img-{machine.version}").write_bytes(b"of somebody else")
    refused = machine.update("-d", "-k", machine.version, status=FAILED)
    assert "preroot did not make it" in refused.error and refused.text == ""
    assert machine.images


def test_what_others_have_made_before_is_left_with_the_command_that_removes_it(machine):
    image = machine.root / f"boot/initrd.img-{machine.version}"
    image.write_bytes(b"of initramfs-tools")
    machine.update("-u", "-k", machine.version)
    before = machine.root / f"boot/{image.name}.previous"
    assert before.read_bytes() == b"of initramfs-tools"
    warnings = machine.update("-d", "-k", machine.version).messages("warning")
    assert len(warnings) == 1 and f"to remove it: rm /boot/{before.name}" in warnings[0]
    assert machine.images == [before.name]


def test_all_that_was_made_here_goes_and_nothing_else(machine):
    boot = machine.root / "boot"
    own, gone, others, half = (boot / f"initrd.img-{version}" for version in (
        machine.version, "9.0.0", machine.newer, "9.1.0"))
    machine.update("-c", "-k", machine.version)
    fleet.Machine.kernel(machine, "9.1.0", modules=False)
    gone.write_bytes(fleet.image_bytes()[0])  # of a kernel that was removed
    others.write_bytes(b"of somebody else")
    half.write_bytes(b"of somebody else")
    done = machine.update("-d", "-k", "all")
    assert done.text == "".join(f"update-initramfs: Deleting /boot/{path.name}\n" for path in (gone, own))
    assert done.messages("warning") == [
        f"/boot/{path.name} stays: preroot did not make it" for path in (half, others)]
    assert machine.images == sorted([half.name, others.name])


@pytest.mark.everywhere
@pytest.mark.parametrize("all_kernels", [False, True])
def test_output_of_a_removal_that_cannot_be_written(all_kernels, machine):
    machine.update("-c", "-k", machine.version)
    with open("/dev/full", "wb") as full:
        done = machine.update("-d", "-k", "all" if all_kernels else machine.version, status=FAILED,
                              stdout=full)
    assert "standard output" in done.error and not machine.images


def test_another_folder(machine):
    (machine.root / "other").mkdir()
    machine.update("-c", "-k", machine.version, "-b", "/other")
    run("verify", machine.root / f"other/initrd.img-{machine.version}")
    assert not machine.images


@pytest.mark.parametrize("words, status, text", [
    (["-k", "all"], USAGE, "-c, -u and -d"), ([], USAGE, "-c, -u and -d"), (["-c"], USAGE, "-k VERSION"),
    (["-u", "x"], USAGE, "too many words"), (["-Z"], USAGE, "-Z"), (["-k"], USAGE, "needs"),
    (["-u", "-k", "9.9.9"], FAILED, "9.9.9"), (["-u", "-b", "/none"], USAGE, "/none"),
])
def test_wrong_usage(words, status, text, machine):
    done = machine.update(*words, status=status)
    assert text in done.error and done.text == ""


@pytest.mark.everywhere
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("words", [["-u"], ["-c", "-k", "all"], ["-d", "-k", "all"]])
def test_only_root_changes_images(words, machine):
    done = machine.update(*words, status=FAILED, user="65534:65534")
    assert "only root" in done.error and done.text == ""
    assert done.messages("hint") == ["run it as root, or write somewhere else: -b DIR"]


def test_an_update_without_any_kernel_has_nothing_to_do(machine):
    """As when preroot's package is configured before that of a kernel."""
    shutil.rmtree(machine.root / "lib/modules")
    assert "no kernel has an image" in machine.update("-u").messages("warning")[0]
    assert "module folder" in machine.update("-c", "-k", "all", status=FAILED).error


@pytest.mark.parametrize("words", [["-u"], ["-u", "-k", "all"]], ids=" ".join)
def test_a_kernel_with_everything_built_in_is_updated_though_no_kernel_has_modules(words, machine):
    shutil.rmtree(machine.root / "lib/modules")
    kernel = trees.KernelTree(machine.root, machine.version)
    kernel.rewrite(kernel.config, b"CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIP=y\n")
    image = machine.root / f"boot/initrd.img-{machine.version}"
    image.write_bytes(b"stale")
    assert machine.update(*words).text == f"update-initramfs: Generating /boot/{image.name}\n"
    assert image.read_bytes() != b"stale"


# ---- settings of initramfs-tools ----

def set_up(machine, files, folder="etc/initramfs-tools"):
    """Writes the files there, and takes away those of dracut."""
    for name, text in files.items():
        path = machine.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (machine.root / "etc/dracut.conf").unlink(missing_ok=True)


def create(machine, **options):
    machine.update("-c", "-k", machine.version, **options)
    return machine.root / f"boot/initrd.img-{machine.version}"


@pytest.mark.everywhere
def test_settings_of_initramfs_tools_are_obeyed_as_they_stand(machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\nCOMPRESS=gzip\nCOMPRESSLEVEL=3\nUMASK=0077\n",
                     "conf.d/root": "ROOT=/dev/vda7\nRESUME=/dev/vda8\n", "modules": "ext4 # first\n"})
    image = create(machine)
    assert ": gzip, " in run("list", image).text
    boot = run("cat", image, "etc/preroot/boot.conf").text.splitlines()
    assert "cmdline=root=/dev/vda7" in boot and "cmdline=resume=/dev/vda8" in boot
    ext4 = next(line.split()[-1] for line in run("list", image).text.splitlines() if "/ext4.ko" in line)
    assert "/etc/initramfs-tools/modules:1: force_drivers" in run("why", image, ext4).text
    assert "unchanged" in machine.update("-u", "-v").text
    set_up(machine, {"conf.d/zz": "COMPRESS=xz\nCOMPRESSLEVEL=\n"})
    assert "rebuilt" in machine.update("-u", "-v").text
    assert ": xz, " in run("list", image).text


def test_the_other_settings_override_those_of_initramfs_tools(machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\nCOMPRESS=gzip\n"})
    (machine.root / "etc/dracut.conf").write_text("compress=xz\n")
    assert ": xz, " in run("list", create(machine)).text


@pytest.mark.parametrize("text, place", [
    ("MODULES=most\nCOMPRESS=7zip\n", "2: COMPRESS: no codec"), ("COMPRESSLEVEL=abc\n", "1: COMPRESSLEVEL: "),
    ("COMPRESS=xz\nCOMPRESSLEVEL=44\n", "2: COMPRESSLEVEL: "), ("\nif true; then\n", "2:1: this is no assignment"),
    ("RESUME=$(blkid)\n", "1:8: commands in a value are not run"),
])
def test_wrong_settings_of_initramfs_tools_are_errors_with_their_place(text, place, machine):
    set_up(machine, {"initramfs.conf": text})
    error = machine.update("-c", "-k", machine.version, status=USAGE).error
    assert error.startswith(f"/etc/initramfs-tools/initramfs.conf:{place}")
    assert not machine.images


def test_what_is_not_obeyed_is_named_once(machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\nKEYMAP=y\n", "hooks/mine": "#!/bin/sh\n",
                     "hooks/yours": "#!/bin/sh\n", "scripts/local-top/wait": "#!/bin/sh\n"})
    warnings = machine.update("-c", "-k", "all").messages("warning")
    keymap, scripts = (text for text in warnings if text.startswith("/etc/initramfs-tools"))
    assert keymap.startswith("/etc/initramfs-tools/initramfs.conf:2: KEYMAP=y: ")
    assert scripts.startswith("/etc/initramfs-tools: preroot runs no scripts of initramfs-tools (hooks/mine, "
                              "hooks/yours, scripts/local-top/wait): what they pack belongs into install_items")


@pytest.mark.parametrize("text", ["MODULES=netboot", "BOOT=nfs"])
def test_what_the_image_would_not_boot_without_is_an_error_and_nothing_is_replaced(text, machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\n"})
    before = create(machine).read_bytes()
    set_up(machine, {"conf.d/x": f"{text}\nIP=dhcp\n"})
    (machine.root / "elsewhere").mkdir()
    (machine.root / "usr/sbin/preroot").symlink_to("/opt/preroot/preroot")
    place = f"/etc/initramfs-tools/conf.d/x:1: {text}: this version has no "
    for done in (machine.update("-u", status=FAILED), machine.update("-u", "-b", "/elsewhere", status=FAILED),
                 machine.call("mkinitramfs", "-o", "/x.img", machine.version, status=FAILED),
                 machine.call("preroot", "rebuild", machine.version, status=FAILED)):
        assert done.error.startswith(place) and "keep using initramfs-tools" in done.hint
        assert [line.split(": ")[1] for line in done.messages("warning") if "initramfs-tools" in line] == ["IP=dhcp"]
    assert (machine.root / f"boot/initrd.img-{machine.version}").read_bytes() == before
    assert not list((machine.root / "elsewhere").iterdir()) and not (machine.root / "x.img").exists()
    (machine.root / "etc/dracut.conf").write_text("hostonly=no\n")
    audit = machine.run("preroot", "audit", machine.version, "--json").json["findings"]
    assert any(text in finding["fact"] for finding in audit)


def test_updates_can_be_turned_off(machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\n"})
    conf = machine.root / "etc/initramfs-tools/update-initramfs.conf"
    conf.write_text("update_initramfs=no\n")
    create(machine)
    set_up(machine, {"conf.d/x": "COMPRESS=xz\n"})
    assert machine.update("-u").text == "update-initramfs: Not updating initramfs.\n"
    assert machine.update("-u", "-k", "all").text == "update-initramfs: Not updating initramfs.\n"
    conf.write_text("update_initramfs=all\n")
    assert machine.update("-c").text.count("Generating") == 2
    assert machine.update("-u").text.count("Generating") == 2
    assert machine.update("-u", "-k", machine.version).text.count("Generating") == 1
    conf.write_text("[ -e /x ] && update_initramfs=yes\nbackup_initramfs=yes\n")
    updated = machine.update("-u")
    assert updated.text.count("Generating") == 1
    assert [text.split(": ")[:2] for text in updated.messages("warning")] == [
        ["/etc/initramfs-tools/update-initramfs.conf:1:1", "it is left out"]]


@pytest.mark.parametrize("text, place", [("update_initramfs=no\nbackup_initramfs=$HOME\n", "2:18"),
                                         ("[ -e /x ] && update_initramfs=no\n", "1:1")])
def test_updates_that_may_be_off_stay_off_although_a_shell_is_needed_to_tell(text, place, machine):
    set_up(machine, {"update-initramfs.conf": text})
    image = create(machine)
    image.write_bytes(b"stale")
    done = machine.update("-u")
    assert done.text == "update-initramfs: Not updating initramfs.\n" and image.read_bytes() == b"stale"
    warnings = [line for line in done.messages("warning") if "update-initramfs.conf" in line]
    assert len(warnings) == 1 and "nothing is updated" in warnings[0]
    assert warnings[0].startswith(f"/etc/initramfs-tools/update-initramfs.conf:{place}: ")


def test_an_update_whose_settings_cannot_be_read_fails(machine):
    set_up(machine, {"update-initramfs.conf/x": ""})
    assert "update-initramfs.conf is a folder" in machine.update("-u", status=USAGE).error


def test_mkinitramfs_reads_the_folder_that_is_named(machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\nCOMPRESS=gzip\n"})
    set_up(machine, {"initramfs.conf": "MODULES=most\nCOMPRESS=xz\n"}, "other")
    words = ("-o", "/x.img", machine.version)
    machine.call("mkinitramfs", *words)
    assert ": gzip, " in run("list", machine.root / "x.img").text
    machine.call("mkinitramfs", "-d", "/other", *words)
    assert ": xz, " in run("list", machine.root / "x.img").text
    machine.call("mkinitramfs", "-d", "/other", "-c", "lz4", "-l", "5", *words)
    for typed in (("-c", "bogus"), ("-c", "xz", "-l", "44")):
        error = machine.call("mkinitramfs", *typed, *words, status=USAGE).error
        assert error.startswith(" ".join(typed[:2]))
    assert ": lz4, " in run("list", machine.root / "x.img").text
    for level, wrong in (("2", False), ("19", True), ("0", True), ("fast", True)):
        result = machine.call("mkinitramfs", "-l", level, *words, status=USAGE if wrong else DONE)
        assert not wrong or f"-l {level}: " in result.error


def test_a_level_in_the_settings_is_for_their_codec(machine):
    set_up(machine, {"initramfs.conf": "MODULES=most\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\n"})

    def made(*words):
        machine.call("mkinitramfs", *words, "-o", "/x.img", machine.version)
        return (machine.root / "x.img").read_bytes()

    assert made("-c", "zstd") == made() == made("-c", "zstd", "-l", "1") != made("-c", "zstd", "-l", "9")
    other = made("-c", "gzip")
    assert other != made("-c", "gzip", "-l", "1")
    set_up(machine, {"initramfs.conf": "MODULES=most\nCOMPRESS=zstd\nCOMPRESSLEVEL=19\n"})
    assert made("-c", "gzip") == other


def test_the_manual_has_every_option_of_mkinitramfs(call):  # noqa: F811
    shown = set(re.findall(r"^  (-\w)", call("mkinitramfs", "--help").text, re.M))
    text = (TOP / "man/preroot-compat.8.scd").read_text().partition("*mkinitramfs* is ")[2]
    assert shown - {"-h"} == set(re.findall(r"^(?:\[\[|\|) +\*(-\w)\*", text, re.M))


@pytest.mark.everywhere
def test_mkinitramfs(machine):
    machine.call("mkinitramfs", "-c", "xz", "-r", "/dev/vda1", "-o", "/x.img", machine.version)
    assert ": xz, " in run("list", machine.root / "x.img").text
    assert "cmdline=root=/dev/vda1" in run("cat", machine.root / "x.img", "etc/preroot/boot.conf").text
    result = machine.call("mkinitramfs", "-k", "-d", "/etc", "-o", "/x.img",
                          f"/lib/modules/{machine.newer}")
    assert result.messages("warning")
    assert "-o FILE" in machine.call("mkinitramfs", machine.version, status=USAGE).error
    assert "/none" in machine.call("mkinitramfs", "-d", "/none", "-o", "/x.img", status=USAGE).error
    assert "/etc" in machine.call("mkinitramfs", "-o", "/etc", machine.version, status=FAILED).error
