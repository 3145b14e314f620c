# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an image gets to check filesystems, and to find a hibernation image."""

import json

import pytest

import trees
from program import run

MACHINE = trees.MACHINES / "virtio-blk.json"
CHECKER = "usr/sbin/fsck.ext4"
SWAP = "UUID=5a1f0d5b-3c9e-4775-8a52-9a341f0d5b3c"


@pytest.fixture
def checked(tree):
    """A small kernel's root with a checker of ext4 (any program will do, it is not run)."""
    trees.install(tree.root, "/usr/sbin/e2fsck")
    (tree.root / CHECKER).unlink()
    (tree.root / CHECKER).symlink_to("e2fsck")
    return tree


def paths(*words):
    return {entry["path"] for entry in run("plan", "--json", *words).json["entries"]}


def hostonly(tree, mode="sloppy", machine=MACHINE):
    return ("--root", tree.root, "--hostonly-mode", mode, "--hardware", machine)


def boot_conf(tmp_path, *words):
    out = tmp_path / "boot-conf.img"
    run("build", out, *words, "--no-cache")
    return run("cat", out, "etc/preroot/boot.conf").text


@pytest.mark.leaks
def test_the_checker_of_the_root_is_packed_with_what_it_needs(checked):
    (checked.root / "etc").mkdir(exist_ok=True)
    (checked.root / "etc/e2fsck.conf").write_text("[options]\n")
    found = paths(*hostonly(checked))
    assert {CHECKER, "usr/sbin/e2fsck", "etc/e2fsck.conf"} <= found
    assert any("libext2fs" in path for path in found)
    assert CHECKER in paths("--root", checked.root, "--generic")


@pytest.mark.parametrize("passes, told", [("0 0", True), ("", True), ("0 1", False)])
def test_what_fstab_says_of_the_check_is_kept(passes, told, checked, tmp_path):
    (checked.root / "etc").mkdir(exist_ok=True)
    (checked.root / "etc/fstab").write_text(f"UUID=1 / ext4 defaults {passes}\n")
    assert ("fsck.root=no\n" in boot_conf(tmp_path, *hostonly(checked))) == told


def test_a_strict_image_leaves_the_check_to_the_root(checked):
    assert CHECKER not in paths(*hostonly(checked, "strict"))


def test_a_checker_that_is_not_installed_is_told(tree):
    (tree.root / CHECKER).unlink()

    def warnings(mode):
        return run("plan", *hostonly(tree, mode)).messages("warning")

    assert any("fsck.ext4 is not installed: / is not checked" in text for text in warnings("sloppy"))
    assert not any("fsck" in text for text in warnings("strict"))


@pytest.mark.parametrize("kind", ["hostonly", "generic"])
def test_without_a_checker_there_is_no_feature_for_it(kind, tree, tmp_path):
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/fstab").write_text("UUID=1 / ext4 defaults 0 0\n")
    words = hostonly(tree) if kind == "hostonly" else ("--root", tree.root, "--generic")
    assert "feature=fsck\n" in boot_conf(tmp_path, *words)
    (tree.root / CHECKER).unlink()
    assert "fsck" not in boot_conf(tmp_path, *words)


@pytest.mark.parametrize("fstab, conf, resume", [
    (f"{SWAP} none swap sw 0 0\n", None, SWAP),
    (f"# {SWAP} none swap\n/swapfile none swap sw 0 0\n", None, None),
    ("/dev/mapper/swap none swap sw 0 0\n/dev/vda3 none swap sw 0 0\n", None, "/dev/vda3"),
    (f"{SWAP} none swap sw 0 0\n", "RESUME=none\n", None),
    (f"{SWAP} none swap sw 0 0\n", "RESUME=auto\n", SWAP),
    ("", "#RESUME=none\nRESUME='/dev/vda5' # the second\n", "/dev/vda5"),
    ("", "RESUME=LABEL=sleep\nRESUME=none\n", None),
    ("", "X=1; export RESUME=\"/dev/vda6\"\n", "/dev/vda6"),
    (f"{SWAP} none swap sw 0 0\n", "RESUME=$(blkid)\n", SWAP),
    ("", None, None),
])
def test_where_a_hibernation_image_may_be(fstab, conf, resume, tree, tmp_path):
    etc = tree.root / "etc"
    (etc / "initramfs-tools/conf.d").mkdir(parents=True)
    (etc / "fstab").write_text(f"UUID=1 / ext4 defaults 0 1\n{fstab}")
    (tree.root / "proc").mkdir(exist_ok=True)
    (tree.root / "proc/swaps").write_text("/dev/vda9 partition 1000 0 -2\n")  # of another machine
    if conf:
        (etc / "initramfs-tools/conf.d/resume").write_text(conf)
    for name in ("resume~", "resume.dpkg-old", "~resume"):
        (etc / "initramfs-tools/conf.d" / name).write_text("RESUME=/dev/of/old\n")
    text = boot_conf(tmp_path, *hostonly(tree, "strict"))
    assert (f"cmdline=resume={resume}\n" in text) if resume else ("cmdline=resume" not in text)
    assert "cmdline=resume" not in boot_conf(tmp_path, "--root", tree.root, "--generic")


@pytest.mark.parametrize("words", [
    ("--kernel-cmdline", "quiet resume=/dev/vda9"), ("--set", "kernel_cmdline+=resume=/dev/vda9"),
    ("--initramfs-tools", "/etc/initramfs-tools"),
])
def test_a_device_that_is_named_replaces_the_default(words, tree, tmp_path):
    conf = tree.root / "etc/initramfs-tools/initramfs.conf"
    conf.parent.mkdir(parents=True)
    conf.write_text("MODULES=dep\nRESUME=/dev/vda9\n" if "--initramfs-tools" in words else "RESUME=/dev/vda5\n")
    text = boot_conf(tmp_path, *hostonly(tree, "strict"), *words)
    assert text.count("resume=") == 1 and "resume=/dev/vda9\n" in text


@pytest.mark.parametrize("folder, conf, resume", [
    ("none", "", SWAP), ("/etc/other", "MODULES=dep\n", SWAP), ("/etc/other", "MODULES=dep\nRESUME=auto\n", SWAP),
    ("/etc/other", "MODULES=dep\nRESUME=/dev/vda9\n", "/dev/vda9"),
])
def test_only_the_folder_that_counts_says_where_to_resume_from(folder, conf, resume, tree, tmp_path):
    for name, text in (("initramfs-tools", "RESUME=/dev/vda5\n"), ("other", conf)):
        (tree.root / "etc" / name).mkdir(parents=True)
        (tree.root / "etc" / name / "initramfs.conf").write_text(text)
    (tree.root / "etc/fstab").write_text(f"UUID=1 / ext4 defaults 0 1\n{SWAP} none swap sw 0 0\n")
    text = boot_conf(tmp_path, *hostonly(tree, "strict"), "--initramfs-tools", folder)
    assert text.count("resume=") == 1 and f"resume={resume}\n" in text


def test_a_swap_area_is_part_of_the_hardware(tmp_path):
    root = trees.write_machine("virtio-blk", tmp_path / "machine")
    (root / "proc/swaps").write_text(
        "Filename\tType\tSize\tUsed\tPriority\n/dev/vda2 partition 1000 0 -2\n"
        "/swapfile file 1000 0 -3\n/dev/gone partition 1 0 -4\n")
    disk = next(path for path in (root / "sys/devices").rglob("vda"))
    (disk / "vda2").mkdir()
    (disk / "vda2/partition").write_text("2\n")
    (root / "sys/class/block/vda2").symlink_to(f"../../{disk.relative_to(root / 'sys')}/vda2")
    found = json.loads(run("hardware", "--json", "--root", root).text)
    swaps = [mount for mount in found["mounts"] if mount["target"] == "swap"]
    assert [mount["source"] for mount in swaps] == ["/dev/vda2"]
    assert [block["name"] for block in swaps[0]["blocks"]] == ["vda2", "vda"]
