# SPDX-License-Identifier: LGPL-2.1-or-later
"""rebuild and restore, and the images that a machine boots from."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import time

import pytest

import faults
import fleet
import trees
from archive import Entry, FOLDER, newc
from program import DONE, FAILED, FINDING, USAGE, check, command, environment, in_namespace, run

pytestmark = [pytest.mark.leaks, pytest.mark.sweep]

NVME = trees.MACHINES / "nvme.json"


class Machine:
    """A root with one kernel, and a cache of its own."""

    def __init__(self, tree, cache):
        self.tree, self.cache = tree, cache
        (tree.root / "var/log").mkdir(parents=True)
        self.boot = tree.root / "boot"
        self.image = self.boot / f"initramfs-{tree.version}.img"
        self.previous = self.image.with_name(self.image.name + ".previous")
        self.state = tree.root / f"var/lib/preroot/{tree.version}.json"

    def words(self, *more, verb="rebuild"):
        return [verb, "--root", self.tree.root, "--hardware", NVME, "--cache-dir", self.cache, *more]

    def rebuild(self, *more, **options):
        return run(*self.words(*more), **options)

    def restore(self, *more, **options):
        return run("restore", "--root", self.tree.root, *more, **options)

    def images(self):
        return {path.name: path.read_bytes() for path in self.boot.iterdir()
                if path.name.startswith("initr")}

    def times(self):
        return {str(path): path.lstat().st_mtime_ns
                for path in [self.tree.root, *self.tree.root.rglob("*")]}


@pytest.fixture
def machine(tree, tmp_path):
    return Machine(tree, tmp_path / "cache")


# ---- a rebuild ----

@pytest.mark.everywhere
def test_new_image_is_in_place_and_good(machine):
    last = machine.rebuild().text.splitlines()[-1]
    assert re.fullmatch(rf"{machine.tree.version}: rebuilt, \d+\.\d [kM]B, \d+\.\d\d s", last)
    run("verify", machine.image)
    assert machine.image.stat().st_mode & 0o7777 == 0o600
    state = json.loads(machine.state.read_text())
    assert state["image"] == f"boot/{machine.image.name}"
    assert state["bytes"] == machine.image.stat().st_size
    assert machine.state.stat().st_mode & 0o777 == 0o600
    assert machine.state.parent.stat().st_mode & 0o777 == 0o700
    log = (machine.tree.root / "var/log/preroot.log").read_text()
    assert f"info {machine.tree.version} rebuild: /boot/{machine.image.name} is in place" in log


@pytest.mark.everywhere
def test_second_run_writes_nothing_at_all(machine):
    machine.rebuild()
    before = trees.snapshot(machine.tree.root), machine.times()
    assert machine.rebuild().text == f"{machine.tree.version}: unchanged\n"
    assert (trees.snapshot(machine.tree.root), machine.times()) == before


def test_second_run_without_the_cache_finds_the_same_bytes(machine):
    machine.rebuild()
    inode = machine.image.stat().st_ino
    done = run("rebuild", "--root", machine.tree.root, "--hardware", NVME, "--no-cache")
    assert done.text == f"{machine.tree.version}: unchanged\n"
    assert machine.image.stat().st_ino == inode
    assert not machine.previous.exists()


def test_debian_names_are_used_on_debian(machine):
    (machine.tree.root / "etc").mkdir(exist_ok=True)
    (machine.tree.root / "etc/os-release").write_text("ID=debian\n")
    machine.rebuild()
    assert (machine.boot / f"initrd.img-{machine.tree.version}").exists()


def test_check_changes_nothing_and_tells(machine):
    before = trees.snapshot(machine.tree.root)
    done = machine.rebuild("--check", status=FINDING)
    image = machine.image.relative_to(machine.tree.root)
    assert done.text == f"{machine.tree.version}: would change: there is no image /{image}\n"
    assert trees.snapshot(machine.tree.root) == before
    assert not machine.cache.exists()
    machine.rebuild()
    before = trees.snapshot(machine.cache)
    assert machine.rebuild("--check").text == f"{machine.tree.version}: unchanged\n"
    done = machine.rebuild("--check", "--add-drivers", "dummy", status=FINDING)
    assert "would change: other options" in done.text
    assert trees.snapshot(machine.cache) == before


def test_force_builds_but_the_same_bytes_are_left(machine):
    machine.rebuild()
    inode = machine.image.stat().st_ino
    assert machine.rebuild("--force").text.endswith("unchanged\n")
    assert machine.image.stat().st_ino == inode


def test_a_profile_has_the_stages_of_the_whole_transaction(machine):
    stages = [s["stage"] for s in machine.rebuild("--json", "--profile").json["profile"]]
    for name in ("audit", "store", "copy", "sync", "read back", "exchange", "boot loader",
                 "record, cache"):
        assert stages.count(name) == 1


def test_check_in_json_says_why_and_what_would_change(machine):
    result = machine.rebuild("--check", "--json", status=FINDING).json["kernels"][0]
    assert result["result"] == "would-change" and "no image" in result["why"]
    assert "init" in result["files"]["added"] and not result["files"]["removed"]
    assert [path for path in result["modules"]["added"] if "/nvme.ko" in path]

    machine.rebuild()
    before = trees.snapshot(machine.tree.root), machine.times()
    assert "why" not in machine.rebuild("--check", "--json").json["kernels"][0]
    result = machine.rebuild("--check", "--json", "--add-drivers", "dummy",
                             status=FINDING).json["kernels"][0]
    assert "options" in result["why"]
    assert [path.split("/")[-1] for path in result["modules"]["added"]] == ["dummy.ko.zst"]
    assert not result["modules"]["removed"] + result["modules"]["changed"]
    assert [path.split("/")[-1] for path in result["files"]["added"]] == ["net"]
    assert not result["files"]["removed"]
    assert (trees.snapshot(machine.tree.root), machine.times()) == before

    (machine.tree.root / "etc").mkdir(exist_ok=True)
    (machine.tree.root / "etc/dracut.conf").write_text('add_drivers+=" dummy "\n')
    result = machine.rebuild("--check", "--json", status=FINDING).json["kernels"][0]
    assert "/etc" in result["why"] and "has changed" in result["why"]
    machine.image.write_bytes(b"not an image")
    result = machine.rebuild("--check", "--json", status=FINDING).json["kernels"][0]
    assert "init" in result["files"]["added"]


def image_with_manifest(path, text):
    path.write_bytes(newc(*[Entry(name.encode(), FOLDER) for name in ("usr", "usr/lib")],
                          Entry(b"usr/lib/preroot", FOLDER),
                          Entry(b"usr/lib/preroot/manifest", data=text)))


@pytest.mark.parametrize("damage", [
    lambda path: path.symlink_to(path.name),
    lambda path: path.write_bytes(b"\x28\xb5\x2f\xfd" + b"x" * 100),
    lambda path: path.write_bytes(b"\x89LZO\x00\r\n\x1a\n" + b"x" * 100),
    lambda path: image_with_manifest(path, b"preroot-manifest 999\n"),
    lambda path: image_with_manifest(path, b"preroot-manifest 3\nx\n")])
def test_check_in_json_where_the_old_image_cannot_be_read(damage, machine):
    damage(machine.image)
    machine.rebuild("--check", status=FINDING)
    result = machine.rebuild("--check", "--json", status=FINDING).json["kernels"][0]
    assert result["result"] == "would-change" and result["why"]
    assert "init" in result["files"]["added"] and not result["files"]["removed"]


def test_a_failure_in_json_has_code_message_and_hint(machine):
    kernel = machine.rebuild("--json", "--add-drivers", "nothing-of-that-name", status=FAILED)
    error = kernel.json["kernels"][0]["error"]
    assert error["code"] == "ENOENT" and "nothing-of-that-name" in error["message"]
    assert error["message"] == kernel.error and (error["hint"] or "") == kernel.hint
    whole = machine.rebuild("--json", "9.9.9", status=FAILED)
    assert whole.json["changed"] is False
    assert whole.json["error"]["message"] == whole.error
    assert (whole.json["error"]["hint"] or "") == whole.hint
    assert whole.json["error"]["code"] == "ENOENT"


def test_that_there_is_no_shell_is_said_once(machine):
    assert "--add rescue" in machine.rebuild().text
    assert "--add rescue" not in machine.rebuild("--force", "--add-drivers", "dummy").text
    assert "--add rescue" not in machine.rebuild().text


@pytest.mark.everywhere
def test_json(machine):
    result = machine.rebuild("--json").json
    assert result["changed"] is True
    (kernel,) = result["kernels"]
    assert kernel["result"] == "rebuilt" and kernel["bytes"] == machine.image.stat().st_size
    assert machine.rebuild("--json").json["changed"] is False


# ---- previous images ----

def test_what_is_replaced_is_the_previous_image(machine):
    machine.rebuild()
    old = machine.image.read_bytes()
    machine.rebuild("--add-drivers", "dummy")
    assert machine.previous.read_bytes() == old
    run("verify", machine.previous)


@pytest.mark.everywhere
def test_generations_move_up_and_the_oldest_falls_out(machine):
    kept = []
    for drivers in ("dummy", "qla1280", "ahci", "nvme dummy"):
        machine.rebuild("--keep", "2", "--add-drivers", drivers)
        kept.append(machine.image.read_bytes())
    assert machine.images() == {machine.image.name: kept[3],
                                machine.previous.name: kept[2],
                                machine.previous.name + "-2": kept[1]}


def spared(result):
    return [text for text in result.messages("warning") if "nothing shows that preroot made it" in text]


def test_the_newest_image_of_another_builder_is_kept_beyond_the_limit(machine):
    machine.image.write_bytes(b"theirs")
    for drivers in ("dummy", "qla1280", "ahci"):
        told = spared(machine.rebuild("--add-drivers", drivers))
        assert len(told) == (drivers == "qla1280"), drivers
        if told:
            assert f"{machine.previous.name}-2 is kept beyond the 1 previous image of --keep" in told[0] \
                and told[0].endswith(f": rm {machine.previous}-2")
    assert machine.images()[machine.previous.name + "-2"] == b"theirs" and len(machine.images()) == 3
    run("verify", machine.previous)


@pytest.mark.parametrize("keep", [1, 2])
def test_where_another_builder_writes_the_image_too_there_are_no_more_than_one_beyond_the_limit(keep, machine):
    for number in range(4):
        machine.image.write_bytes(b"theirs %d" % number)
        told = spared(machine.rebuild("--keep", str(keep), "--add-drivers", ("dummy", "ahci")[number % 2]))
        assert told == [] and len(machine.images()) <= keep + 2
    assert machine.images()[machine.previous.name] == b"theirs 3"
    assert len(machine.images()) == keep + 1


def test_all_previous_images_count(machine):
    machine.rebuild()
    old = machine.image.read_bytes()
    machine.image.write_bytes(b"theirs")
    kept = []
    for drivers in ("dummy", "ahci", "qla1280"):
        told = spared(machine.rebuild("--keep", "2", "--add-drivers", drivers))
        assert len(told) == (drivers == "qla1280")
        kept.append(machine.image.read_bytes())
    assert list(machine.images().values()).count(old) == 0
    assert machine.images() == {machine.image.name: kept[2], machine.previous.name: kept[1],
                                machine.previous.name + "-2": kept[0], machine.previous.name + "-3": b"theirs"}


def test_an_image_of_another_builder_in_use_is_kept_even_if_none_is_to_be(machine):
    machine.image.write_bytes(b"theirs")
    told = spared(machine.rebuild("--keep", "0"))
    assert f"{machine.previous.name} is kept beyond the 0 previous images of --keep" in told[0]
    assert spared(machine.rebuild("--keep", "0", "--add-drivers", "dummy")) == []
    assert machine.images() == {machine.image.name: machine.image.read_bytes(), machine.previous.name: b"theirs"}


@pytest.mark.parametrize("codec", ["none", "zstd", "empty"])
def test_a_damaged_image_of_ours_is_no_other_builders(codec, machine):
    """So it does not displace what another builder made."""
    words = ["--compress", codec.replace("empty", "none")]
    machine.rebuild(*words)
    machine.rebuild(*words, "--add-drivers", "dummy")
    ours = machine.previous.read_bytes()
    left = {"none": ours.find(b"usr/lib/preroot/manifest"), "zstd": -500, "empty": 0}[codec]
    machine.previous.write_bytes(ours[:left])
    assert spared(machine.rebuild("--add-drivers", "ahci")) == []
    assert sorted(machine.images()) == [machine.image.name, machine.previous.name]


def test_without_generations_none_is_made(machine):
    machine.rebuild()
    machine.rebuild("--keep", "0", "--add-drivers", "dummy")
    assert list(machine.images()) == [machine.image.name]


def test_image_is_not_kept_twice(machine):
    machine.rebuild()
    first = machine.image.read_bytes()
    machine.rebuild("--add-drivers", "dummy")
    machine.image.write_bytes(first)  # the user copies the previous one back
    machine.rebuild("--keep", "3", "--add-drivers", "ahci")
    assert sorted(machine.images()) == [machine.image.name, machine.previous.name]
    assert machine.previous.read_bytes() == first


def test_image_that_failed_does_not_displace_a_good_one(machine):
    machine.rebuild()
    good = machine.image.read_bytes()
    machine.rebuild("--add-drivers", "dummy")
    state = json.loads(machine.state.read_text())
    state["failed"] = state["id"]
    machine.state.write_text(json.dumps(state))
    machine.rebuild("--add-drivers", "ahci")
    assert machine.previous.read_bytes() == good
    assert len(machine.images()) == 2


def test_copies_of_people_are_left_alone(machine):
    copy = machine.image.with_name(machine.image.name + ".bak")
    copy.write_bytes(b"mine")
    machine.rebuild()
    machine.rebuild("--add-drivers", "dummy")
    assert copy.read_bytes() == b"mine"


def test_empty_image_is_not_kept(machine):
    machine.image.touch()
    machine.rebuild()
    assert list(machine.images()) == [machine.image.name]


@pytest.mark.everywhere
def test_labels_and_owner_stay(machine):
    machine.rebuild()
    os.setxattr(machine.image, "user.label", b"mine")
    machine.rebuild("--add-drivers", "dummy")
    assert os.getxattr(machine.image, "user.label") == b"mine"


def test_mode_and_secrets(machine, tmp_path):
    machine.rebuild("--mode", "0644")
    assert machine.image.stat().st_mode & 0o7777 == 0o644
    assert machine.rebuild("--mode", "0644").text.endswith("unchanged\n")
    assert machine.rebuild().text.startswith(f"{machine.tree.version}: rebuilt")
    assert machine.image.stat().st_mode & 0o7777 == 0o600
    secret = tmp_path / "key"
    secret.write_bytes(b"secret")
    secret.chmod(0o600)
    done = machine.rebuild("--mode", "644", "--include", secret, "/etc/key", status=FAILED)
    assert "etc/key" in done.error and "0644" in done.error
    machine.rebuild("--include", secret, "/etc/key")


# ---- several kernels ----

def test_one_kernel_that_fails_does_not_stop_the_others(machine):
    broken = machine.tree.modules.with_name("6.9.0-broken")
    (broken / "kernel").mkdir(parents=True)
    done = machine.rebuild("--all", status=FAILED)
    assert re.search(r"^6\.9\.0-broken: failed: ", done.text, re.M)
    assert re.search(rf"^{machine.tree.version}: rebuilt", done.text, re.M)
    assert done.error == "1 of 2 kernels could not be rebuilt; 1 was rebuilt"
    run("verify", machine.image)
    result = machine.rebuild("--all", "--json", status=FAILED).json
    assert [k["result"] for k in result["kernels"]] == ["failed", "unchanged"]
    done = machine.rebuild("--all", "--include", "/no\033[31m\nwhere", "/etc/x", status=FAILED)
    assert r"failed: --include /no\x1b[31m\x0awhere" in done.text and "\033" not in done.text


def test_kernels_are_rebuilt_by_name(machine, trixie):
    other = trees.make_small(trixie, machine.tree.root / "other", ["nvme", "ext4"])
    for path in ("boot", "lib/modules"):
        shutil.copytree(other.root / path, machine.tree.root / path, dirs_exist_ok=True)
    versions = [other.version, machine.tree.version]
    assert "9.9.9" in machine.rebuild(*versions, "9.9.9", status=FAILED).error
    assert not machine.images()
    assert re.findall(r"^(\S+): rebuilt", machine.rebuild(*versions).text, re.M) == versions
    assert "--try-next" in machine.rebuild(*versions, "--try-next", status=USAGE).error


def lose_indexes(tree):
    for path in tree.modules.glob("modules.*"):
        path.unlink()


def lose_index(tree):
    (tree.modules / "modules.dep").unlink()


def empty_index(tree):
    tree.rewrite(tree.modules / "modules.dep", b"")


def lose_module(tree):
    """Removes a module on the way to the root that the indexes list: it is not unpacked yet."""
    next(tree.modules.rglob("nvme.ko*")).unlink()


def cut_module(tree):
    path = next(tree.modules.rglob("nvme.ko*"))
    tree.rewrite(path, path.read_bytes()[:5000])


def lose_kernel(tree):
    """As if dpkg had stopped after unpacking it under a temporary name."""
    tree.image.rename(tree.image.with_name(tree.image.name + ".dpkg-new"))


def cut_kernel(tree):
    tree.rewrite(tree.image, tree.image.read_bytes()[:300])


def take_other_kernel(tree):
    data = tree.image.read_bytes()
    tree.rewrite(tree.image, data.replace(tree.version.encode(), b"9" + tree.version[1:].encode()))


@pytest.mark.parametrize("stop", [lose_indexes, lose_index, empty_index, lose_module, cut_module,
                                  lose_kernel, cut_kernel, take_other_kernel])
@pytest.mark.parametrize("every", [False, True], ids=["one", "all"])
def test_half_installed_kernel_changes_nothing(stop, every, machine):
    """An upgrade of its package was interrupted."""
    machine.rebuild()
    images = machine.images()
    stop(machine.tree)
    done = machine.rebuild("--all" if every else machine.tree.version, "--add-drivers", "dummy",
                           status=FAILED)
    assert machine.tree.version in done.text + done.error
    assert machine.images() == images
    assert not [path for path in machine.boot.iterdir() if ".preroot-" in path.name]


def test_kernels_without_modules_are_warned_of(machine):
    """What is left of a removed kernel does not make a rebuild of all fail."""
    left = fleet.Machine.kernel
    for version in ("6.9.9", "6.9.8", "6.9.7", "6.9.6"):
        left(machine.tree, version, modules=False)
    (machine.boot / "vmlinuz-6.9.6").rename(machine.boot / "vmlinuz-6.9.6.old")
    (machine.tree.modules.parent / "6.9.8").mkdir()
    (machine.boot / "config-6.9.8").write_text("CONFIG_MODULES=y\n")
    (machine.boot / "config-6.9.7").write_text("CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIP=y\n")
    for words, status in ((["--check"], FINDING), ([], DONE)):
        warnings = [line for line in machine.rebuild("--all", *words, status=status).messages("warning")
                    if "no image is made" in line]
        assert len(warnings) == 2 and not re.search(r"6\.9\.[67]", "".join(warnings))
        assert (f"kernel 6.9.9: {machine.tree.root}/boot/vmlinuz-6.9.9 has no modules in "
                "/lib/modules/6.9.9; install its package again, or remove that file"
                ) in warnings[0].replace("/usr/lib", "/lib")
        assert "name its version" in warnings[0] and "name its version" not in warnings[1]
    assert machine.image.exists() and "initramfs-6.9.7.img" in machine.images()
    assert not machine.rebuild().messages("warning")
    assert "no modules" in machine.rebuild("6.9.9", status=FAILED).error


def test_kernel_that_is_removed_before_its_turn(machine, trixie, tmp_path):
    """The run is stopped at the first kernel's first sync, when all kernels are known."""
    newer = trees.make_small(trixie, tmp_path / "newer", ["nvme", "ext4", "dummy"])
    shutil.copytree(newer.root / "lib/modules", machine.tree.root / "lib/modules",
                    dirs_exist_ok=True, symlinks=True)
    for path in (newer.image, newer.config):
        shutil.copy(path, machine.boot)
    machine.rebuild("--all")
    images = machine.images()
    held = faults.Held(machine.words("--all", "--add-drivers", "dummy"), "fsync",
                       rf"{re.escape(newer.version)}.*\.preroot-")
    shutil.rmtree(machine.tree.modules)
    done = check(held.finish(), FAILED)
    assert re.search(rf"^{re.escape(newer.version)}: rebuilt", done.text, re.M)
    assert re.search(rf"^{machine.tree.version}: failed: ", done.text, re.M)
    now, first = machine.images(), f"initramfs-{newer.version}.img"
    assert now == {machine.image.name: images[machine.image.name], first: now[first],
                   f"{first}.previous": images[first]}
    run("verify", machine.boot / first)


def test_kernel_that_is_removed_in_mid_run(machine):
    """The run is stopped after planning, before it creates the file to pack to."""
    words = ["rebuild", "--root", machine.tree.root, "--hardware", NVME, "--no-cache"]
    run(*words)
    images, state = machine.images(), machine.state.read_bytes()
    held = faults.Held([*words, "--add-drivers", "dummy"], "memfd_create")
    shutil.rmtree(machine.tree.modules)
    assert machine.tree.version in check(held.finish(), FAILED).error
    assert machine.images() == images and machine.state.read_bytes() == state


# ---- /boot ----

def test_boot_as_a_link(machine):
    machine.boot.rename(machine.tree.root / "real")
    machine.boot.symlink_to("/real")
    machine.rebuild()
    assert (machine.tree.root / "real" / machine.image.name).is_file()


def test_boot_that_is_not_mounted_is_refused(machine):
    (machine.tree.root / "etc").mkdir(exist_ok=True)
    (machine.tree.root / "etc/fstab").write_text("UUID=1234-5678 /boot vfat defaults 0 2\n")
    (machine.tree.root / "proc").mkdir()
    (machine.tree.root / "proc/mountinfo").write_text("20 1 8:1 / / rw - ext4 /dev/sda1 rw\n")
    done = machine.rebuild(status=FAILED)
    assert "not mounted" in done.error and done.hint == "mount /boot"
    # A kernel of which there is only the image, on a filesystem that is not mounted.
    assert "not mounted" in machine.rebuild("6.9.0-elsewhere", status=FAILED).error
    assert machine.images() == {}


@pytest.mark.everywhere
@pytest.mark.parametrize("account", [None, "{"])
def test_boot_that_is_full(account, machine):
    """The size is known before anything is written, and the hint says what would help, our own previous
    image last, unless the record of this boot is damaged."""
    machine.rebuild()
    machine.previous.write_bytes(machine.image.read_bytes())
    theirs = machine.previous.with_name(machine.previous.name + "-2")
    theirs.write_bytes(b"x" * 200_000)
    if account:
        (machine.tree.root / "run/preroot").mkdir(parents=True)
        (machine.tree.root / "run/preroot/boot.json").write_text(account)
    (machine.boot / "initramfs-5.10.0-gone.img").write_bytes(b"x" * 100_000)
    copied = machine.tree.root / "copied"
    subprocess.run(["cp", "-a", machine.boot, copied], check=True)
    before = trees.snapshot(copied)
    size = sum(len(content) for _, content in before.values()) // 1000 + 1200
    script = (f"mount -t tmpfs -o size={size}k tmpfs {machine.boot}; "
              f"cp -a {copied}/. {machine.boot}/")
    words = " ".join(map(str, command(*machine.words("--add-drivers", "dummy"))))
    done = subprocess.run([*in_namespace(script), "sh", "-c",
                           f"{words}; echo status $?; ls -A {machine.boot}; "
                           f"cat {machine.image} | sha256sum"],
                          capture_output=True, env=environment(), check=True, text=True)
    assert "status 1" in done.stdout
    assert re.search(r"free, .* are needed .* are missing; nothing was changed", done.stderr)
    hint = (f"preroot prune --root {machine.tree.root} frees 0.1 MB; or rm {theirs} frees 0.2 MB, if nobody needs "
            "to go back to another builder; or give up the previous images of kernels that are there: preroot prune")
    assert (hint in done.stderr) == (account is None)
    assert sorted(done.stdout.splitlines()[1:-1]) == sorted(before)
    assert done.stdout.splitlines()[-1].split()[0] == \
        subprocess.run(["sha256sum", machine.image], capture_output=True, check=True,
                       text=True).stdout.split()[0]


def test_a_trial_needs_a_menu_that_reads_ours(machine):
    machine.rebuild()
    machine.rebuild("--add-drivers", "qla1280")
    before = machine.images()
    done = machine.rebuild("--try-next", "--add-drivers", "dummy", status=FAILED)
    assert "no boot menu was found" in done.error and "without --try-next" in done.hint
    menu = machine.boot / "grub/grub.cfg"
    menu.parent.mkdir()
    menu.write_text(f"menuentry x {{\n linux /boot/vmlinuz-{machine.tree.version} root=/dev/sda1\n"
                    f" initrd /boot/{machine.image.name}\n}}\n")
    done = machine.rebuild("--try-next", "--add-drivers", "dummy", status=FAILED)
    assert f"/{machine.image.name}.trial" in done.error and "42_preroot" in done.hint
    assert "--no-boot-loader" not in done.hint
    assert machine.images() == before
    said = done.text.splitlines()
    assert any("preroot.cfg" in line for line in said) and len(said) == len(set(said))


@pytest.mark.parametrize("other", [False, True], ids=["cache", "other file"])
def test_cache_that_is_full(other, machine):
    """The image is packed there. What removes the cache is named, unless it is not alone there."""
    machine.cache.mkdir()
    script = (f"mount -t tmpfs -o size=512k,mode=700 none {machine.cache}; "
              f"dd status=none if=/dev/zero bs=100k count=1 of={machine.cache}/{'0' * 64}")
    if other:
        script += f"; touch {machine.cache}/letter"
    done = machine.rebuild(before=in_namespace(script), status=FAILED)
    frees = (rf"rm -r {machine.cache} frees 0\.\d MB, which the next build makes again, and "
             "preroot's option --no-cache packs" if not other else "free space there, or pack")
    assert re.fullmatch(rf"there is room for 0\.\d MB in {machine.cache}, and the image is larger; "
                        rf"{frees} in memory( with preroot's option --no-cache)?; nothing was changed", done.hint)
    assert machine.images() == {}


@pytest.mark.everywhere
def test_boot_that_is_read_only(machine):
    script = f"mount --bind {machine.boot} {machine.boot}; mount -o remount,bind,ro {machine.boot}"
    done = machine.rebuild(before=in_namespace(script), status=FAILED)
    assert "read-only" in done.error and done.hint == f"mount -o remount,rw {machine.boot}"
    assert machine.images() == {}


def test_clock_that_went_back(machine):
    machine.rebuild()
    future = time.time() + 10 * 365 * 86400
    os.utime(machine.image, (future, future))
    machine.rebuild("--add-drivers", "dummy")
    assert machine.previous.exists()
    assert machine.rebuild("--add-drivers", "dummy").text.endswith("unchanged\n")


@pytest.mark.parametrize("years", [-10, 10])
def test_files_of_another_time(years, machine):
    """Everything a rebuild reads and has written has times in the past or in the future."""
    machine.rebuild()
    when = time.time() + years * 365 * 86400
    for path in machine.tree.root.rglob("*"):
        # Files are shared with the trees of other tests.
        if path.is_file() and not path.is_symlink() and path.stat().st_nlink > 1:
            machine.tree.rewrite(path, path.read_bytes())
        os.utime(path, (when, when), follow_symlinks=False)
    assert machine.rebuild().text.endswith("unchanged\n")
    before = machine.images()
    nvme = next(machine.tree.modules.rglob("nvme.ko*"))
    data = bytearray(nvme.read_bytes())
    at = data.index(b"license=") + len(b"license=")
    data[at:at + 1] = bytes([data[at] ^ 0x20])
    machine.tree.rewrite(nvme, bytes(data))
    os.utime(nvme, (when, when))
    machine.rebuild()
    assert machine.images()[machine.image.name] != before[machine.image.name]
    machine.restore()
    assert machine.images()[machine.image.name] == before[machine.image.name]


# ---- concurrent runs ----

@pytest.mark.everywhere
def test_waiting_for_another_run_ends(machine):
    machine.rebuild()
    images = machine.images()
    with open(machine.state.parent / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command(*machine.words("--lock-timeout", "2", "--force",
                                                     "--add-drivers", "dummy")),
                              capture_output=True, env=environment(), check=False, text=True)
    assert done.returncode == FAILED
    assert f"waiting for process {os.getpid()} (" in done.stderr
    assert "is changing this machine's images" in done.stderr
    assert machine.images() == images


@pytest.mark.parametrize("verb", ["rebuild", "restore", "prune"])
def test_a_user_without_rights_is_told_whose_they_are(verb, machine):
    machine.rebuild()
    machine.state.parent.chmod(0)
    words = [verb, "--root", machine.tree.root]
    user = ("unshare", "--user", "--map-user=1000")
    done = run(*words, before=user, status=FAILED)
    assert "var/lib/preroot: Permission denied" in done.error and "as root" in done.hint
    assert "as root" in run(*words, "--json", before=user, status=FAILED).json["error"]["hint"]


@pytest.mark.parametrize("verb", ["rebuild", "restore"])
def test_what_another_run_changed_meanwhile_is_seen(verb, machine):
    """By the time the lock is free, the menu names another image."""
    machine.rebuild()
    image = machine.boot / f"initrd-{machine.tree.version}"
    words = machine.words("--force", "--add-drivers", "dummy") if verb == "rebuild" else \
        ["restore", "--root", machine.tree.root]
    with open(machine.state.parent / "lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(command(*words, "--no-boot-loader"), env=environment(),
                                   stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        while "waiting for process" not in process.stderr.readline():
            assert process.poll() is None
        shutil.copy(machine.image, image.with_name(image.name + ".previous"))
        entries = machine.boot / "loader/entries"
        entries.mkdir(parents=True)
        version = machine.tree.version
        (machine.boot / f"vmlinuz-{version}").touch()
        (entries / "mine.conf").write_text(f"title x\nversion {version}\nlinux /vmlinuz-{version}\n"
                                           f"initrd /{image.name}\noptions root=/dev/vda1\n")
    assert process.communicate() and process.returncode == DONE
    assert image.exists()


@pytest.mark.everywhere
def test_two_runs_at_once(machine):
    runs = [subprocess.Popen(command(*machine.words("--add-drivers", drivers)),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
            for drivers in ("dummy", "qla1280")]
    for process in runs:
        assert process.communicate()[0] and process.returncode == DONE
    assert sorted(machine.images()) == [machine.image.name, machine.previous.name]
    run("verify", machine.image)
    run("verify", machine.previous)


def test_what_killed_runs_left_is_removed(machine):
    left = machine.image.with_name(machine.image.name + ".preroot-0123abcd")
    left.write_bytes(b"half an image")
    machine.rebuild()
    assert not left.exists()


def test_damaged_state_is_told_and_not_used(machine):
    machine.rebuild()
    machine.state.write_text('{"preroot-image": 1, "id": "../../etc"}')
    done = machine.rebuild("--add-drivers", "dummy")
    assert any("damaged" in text for text in done.messages("warning"))
    assert json.loads(machine.state.read_text())["image"] == f"boot/{machine.image.name}"


# ---- restore ----

@pytest.mark.everywhere
def test_restore_and_back(machine):
    machine.rebuild()
    first = machine.image.read_bytes()
    machine.rebuild("--add-drivers", "dummy")
    second = machine.image.read_bytes()
    assert "is the previous image again" in machine.restore().text
    assert machine.images() == {machine.image.name: first, machine.previous.name: second}
    machine.restore(machine.tree.version)
    assert machine.images() == {machine.image.name: second, machine.previous.name: first}


def test_restore_where_the_image_is_gone(machine):
    machine.rebuild()
    first = machine.image.read_bytes()
    machine.rebuild("--add-drivers", "dummy")
    machine.image.unlink()
    machine.restore()
    assert machine.images() == {machine.image.name: first}


@pytest.mark.parametrize("stop", [lose_indexes, lose_kernel, cut_kernel, take_other_kernel,
                                  lambda tree: shutil.rmtree(tree.modules)],
                         ids=["indexes", "kernel", "cut", "other", "tree"])
def test_restore_while_the_kernel_is_half_installed(machine, stop):
    """The way back needs nothing but the names of the images."""
    machine.rebuild()
    machine.rebuild("--add-drivers", "dummy")
    before = machine.images()
    stop(machine.tree)
    machine.restore(machine.tree.version)
    now = machine.images()
    assert now != before and sorted(now.values()) == sorted(before.values())
    if machine.tree.modules.exists():
        machine.restore()
        assert machine.images() == before


def test_restore_of_nothing(machine):
    machine.rebuild()
    images = machine.images()
    done = machine.restore(status=FAILED)
    assert "no previous image" in done.error
    assert machine.images() == images


def test_restore_of_a_damaged_image(machine):
    machine.rebuild()
    machine.rebuild("--add-drivers", "dummy")
    machine.previous.write_bytes(machine.previous.read_bytes()[:-70_000])
    images = machine.images()
    done = machine.restore(status=FAILED)
    assert "nothing was changed" in done.error
    assert machine.images() == images


# ---- wrong usage ----

@pytest.mark.parametrize("words", [
    ["--all", "6.1"], ["--check", "--force"], ["--check", "--try-next"], ["--try-next", "--all"],
    ["--keep", "10"], ["--keep", "-1"], ["--mode", "0666"], ["--mode", "4755"],
    ["--lock-timeout", "x"], ["--generic", "--hardware", "x"],
])
def test_wrong_usage(words, tmp_path):
    run("rebuild", "--root", tmp_path, *words, status=USAGE)
    run("restore", "--lock-timeout", "x", status=USAGE)


def test_kernel_that_is_not_there(machine):
    assert "9.9.9" in machine.rebuild("9.9.9", status=FAILED).error
