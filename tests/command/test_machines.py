# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is read from a machine, and which modules an image for it gets.

machines/ holds for each machine: NAME.tree, what was captured of its /sys and /proc (see
trees.write_machine); NAME.json, what `preroot hardware --json` says of it; NAME.SUITE.modules, the
modules of its strict hostonly image for a kernel. With PREROOT_UPDATE=1 in the environment the last two
are rewritten instead of being compared: check the difference before you keep it.
"""

import json
import os
import re

import pytest

import trees
from program import FAILED, run

pytestmark = pytest.mark.leaks

MACHINES = sorted(path.stem for path in trees.MACHINES.glob("*.tree"))
BOOTABLE = MACHINES
UPDATE = bool(os.environ.get("PREROOT_UPDATE"))
STRICT = ["--hostonly-mode", "strict"]


def expect(path, text):
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text()


def description(name):
    return trees.MACHINES / f"{name}.json"


def modules_of(plan):
    return sorted(trees.module_name(entry["path"]) for entry in plan["entries"]
                  if "/modules/" in entry["path"] and ".ko" in entry["path"])


@pytest.mark.parametrize("name", MACHINES)
def test_machine_is_described(name, tmp_path):
    root = trees.write_machine(name, tmp_path)
    expect(description(name), run("hardware", "--json", "--root", root).text)


@pytest.mark.parametrize("name", MACHINES)
def test_description_tells_the_same_as_the_machine(name, tmp_path):
    root = trees.write_machine(name, tmp_path / "machine")
    (tmp_path / "empty").mkdir()
    for options in ([], ["--json"]):
        there = run("hardware", "--root", root, *options).out
        again = run("hardware", "--root", tmp_path / "empty", "--hardware", description(name),
                    *options).out
        assert there == again


@pytest.mark.parametrize("suite", ["bookworm", "trixie"], indirect=True)
@pytest.mark.parametrize("name", BOOTABLE)
def test_hostonly_image_has_the_modules_of_the_machine(name, suite):
    plan = run("plan", "--json", "--root", suite.root, "--hardware", description(name),
               *STRICT).json
    short = suite.root.name
    expect(trees.MACHINES / f"{name}.{short}.modules", "\n".join(modules_of(plan)) + "\n")


@pytest.mark.sweep
@pytest.mark.parametrize("suite", ["bookworm", "trixie"], indirect=True)
@pytest.mark.parametrize("options", [["--generic"], ["--hardware", description("nvme")]])
def test_plan_gives_a_reason_for_each_entry(options, suite):
    plan = run("plan", "--json", "--root", suite.root, *options).json
    assert plan["kernel"] == suite.version
    assert len(plan["entries"]) > 20
    for entry in plan["entries"]:
        assert entry["reason"].strip(), entry
        assert set(entry) <= {"path", "type", "mode", "source", "target", "reason"}
        assert entry["type"] in ("file", "dir", "link")


def test_plan_in_text_says_the_same_as_in_json(bookworm):
    words = ["plan", "--root", bookworm.root, "--hardware", description("ahci")]
    lines = run(*words).text.splitlines()
    plan = run(*words, "--json").json
    entries, remarks = plan["entries"], plan["remarks"]
    assert lines[0] == f"# kernel {bookworm.version}, hostonly, compressed with zstd"
    assert len(lines) == 1 + len(remarks) + len(entries)
    assert lines[1:1 + len(remarks)] == [f"# {text}" for text in remarks]
    for line, entry in zip(lines[1 + len(remarks):], entries):
        arrow = f" -> {entry['target']}" if "target" in entry else ""
        assert line == f"{entry['type']:4} /{entry['path']}{arrow}\t{entry['reason']}"


def test_reason_names_the_device_and_the_mount(bookworm):
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", description("ahci")).json
    reasons = {trees.module_name(entry["path"]): entry["reason"] for entry in plan["entries"]}
    assert "0000:00:1f.2" in reasons["ahci"] and "way to /" in reasons["ahci"]
    assert reasons["ext4"] == "filesystem of /"
    assert "depends on it" in reasons["libahci"]


def test_machine_and_kernel_below_one_root(tree):
    """--root and --hardware lead to the same result."""
    trees.write_machine("virtio-blk", tree.root)
    seen = run("plan", "--json", "--root", tree.root).json
    given = run("plan", "--json", "--root", tree.root,
                "--hardware", description("virtio-blk")).json
    assert seen == given
    hardware = run("hardware", "--json", "--root", tree.root).json
    drivers = {device["path"].split("/")[-1]: device.get("target-driver")
               for device in hardware["devices"]}
    assert hardware["target-kernel"] == tree.version
    assert drivers["virtio0"] == "virtio_blk"


def test_later_mount_hides_the_earlier_one(tree):
    """/proc/self/mountinfo of a system whose initramfs left its own root behind."""
    trees.write_machine("virtio-blk", tree.root)
    mounts = tree.root / "proc/self/mountinfo"
    mounts.write_text("20 1 259:9 / / rw - btrfs /dev/old rw\n" + mounts.read_text())
    hardware = run("hardware", "--json", "--root", tree.root).json
    assert [mount["fstype"] for mount in hardware["mounts"]] == ["ext4"]


VG, LV = "Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqB", "p3rw2iKcIUz8X9UqvFcVSv2FfrsA6qwR"  # of the machine "lvm"


RESUME = ["--kernel-cmdline", "resume=/dev/mapper/vg0-swap"]


def lvm_lines(image):
    return [line for line in run("cat", image, "/etc/preroot/boot.conf").text.splitlines()
            if line.startswith(("feature=lvm", "lvm."))]


def add_swap(machine):
    other = VG + LV[::-1]
    blocks = [{**block, **({"dm-uuid": f"LVM-{other}"} if "dm-uuid" in block else {})}
              for block in machine["mounts"][0]["blocks"]]
    machine["mounts"].append({**machine["mounts"][0], "target": "swap", "fstype": "swap", "blocks": blocks})


def make_layered(target):
    """Of the volume below TARGET, what RAID and thin volumes are: one on a hidden volume of the same group."""
    def change(machine):
        mount = next(mount for mount in machine["mounts"] if mount["target"] == target)
        mount["blocks"][1]["holder"] = "dm-7"
        mount["blocks"].insert(1, {"name": "dm-7", "path": "devices/virtual/block/dm-7", "holder": "dm-0",
                                   "dm-uuid": f"LVM-{VG}{LV.swapcase()}", "virtual": True})
    return change


def make_nested(target, reverse):
    """The volume below TARGET is in a group whose physical volume is a volume of another one."""
    def change(machine):
        mount = next(mount for mount in machine["mounts"] if mount["target"] == target)
        mount["blocks"][1]["holder"] = "dm-7"
        mount["blocks"].append({"name": "dm-7", "path": "devices/virtual/block/dm-7", "holder": "dm-0",
                                "dm-uuid": f"LVM-{VG.swapcase()}{LV}", "virtual": True})
        if reverse:
            mount["blocks"].reverse()
    return change


def test_a_hostonly_image_lists_its_volumes_by_uuid(bookworm, tmp_path):
    out = tmp_path / "out.img"
    run("build", out, "--root", bookworm.root, "--hardware", description("lvm"), *STRICT)
    assert lvm_lines(out) == ["feature=lvm", f"lvm.volume={VG} {LV} vg0"]
    assert "dm-mod" in run("plan", "--root", bookworm.root, "--hardware", description("lvm"), *STRICT).text
    for words, lines in (([], []), (RESUME, [f"lvm.volume={VG} {LV[::-1]} vg0"])):
        run("build", out, "--root", bookworm.root, "--hardware", changed(tmp_path, "lvm", add_swap), *STRICT, *words)
        assert lvm_lines(out) == ["feature=lvm", f"lvm.volume={VG} {LV} vg0", *lines]


def test_the_name_of_a_group_is_listed_if_it_is_known(bookworm, tmp_path):
    out = tmp_path / "out.img"
    for name, word in (("my--vg-a--b", " my-vg"), ("vg", ""), ("vg-a-b", ""), ("vg-a b", ""), ("../x-y", ""), (None, "")):
        def rename(machine):
            block = machine["mounts"][0]["blocks"][0]
            block.pop("dm-name")
            block.update({"dm-name": name} if name else {})

        run("build", out, "--root", bookworm.root, "--hardware", changed(tmp_path, "lvm", rename), *STRICT)
        assert lvm_lines(out) == ["feature=lvm", f"lvm.volume={VG} {LV}{word}"], name


def test_images_have_lvm_only_where_it_is_of_use(bookworm, tmp_path):
    out = tmp_path / "out.img"
    for words, lines in ((("--hardware", description("virtio-blk"), *STRICT), []),
                         (("--hardware", description("virtio-blk"), *STRICT, "--add", "lvm"), ["feature=lvm"]),
                         (("--generic",), ["feature=lvm"])):
        run("build", out, "--root", bookworm.root, *words)
        assert lvm_lines(out) == lines, words


def test_volumes_that_are_made_of_others_are_refused(bookworm, tmp_path):
    """This version cannot set them up, which is an error now, not at boot."""
    out = tmp_path / "out.img"
    result = run("build", out, "--root", bookworm.root, "--hardware", changed(tmp_path, "lvm", make_layered("/")),
                 status=FAILED)
    assert "dm-0" in result.error and "LVM-" in result.error and "way to /" in result.error
    assert "RAID" in result.error and result.hint and not out.exists()

    def layered_swap(machine):
        add_swap(machine)
        make_layered("swap")(machine)

    result = run("build", out, "--root", bookworm.root, "--hardware", changed(tmp_path, "lvm", layered_swap), *STRICT, *RESUME)
    assert any("the way to swap" in text for text in result.messages("warning"))
    assert lvm_lines(out) == ["feature=lvm", f"lvm.volume={VG} {LV} vg0"]


@pytest.mark.parametrize("reverse", (False, True))
def test_groups_on_volumes_of_other_groups_are_refused(reverse, bookworm, tmp_path):
    """PID 1 leaves such a physical volume alone."""
    out = tmp_path / "out.img"
    result = run("build", out, "--root", bookworm.root, "--hardware", changed(tmp_path, "lvm", make_nested("/", reverse)),
                 status=FAILED)
    assert "dm-7" in result.error and "is a physical volume of another group" in result.error
    assert result.hint and not out.exists()

    def nested_swap(machine):
        add_swap(machine)
        make_nested("swap", reverse)(machine)

    result = run("build", out, "--root", bookworm.root, "--hardware", changed(tmp_path, "lvm", nested_swap), *STRICT, *RESUME)
    assert any("is a physical volume of another group" in text for text in result.messages("warning"))
    assert f"lvm.volume={VG} {LV} vg0" in lvm_lines(out)


def test_lvm_that_is_left_out_is_an_error(bookworm, tmp_path):
    result = run("build", tmp_path / "out.img", "--root", bookworm.root, "--hardware", description("lvm"), "--omit", "lvm",
                 status=FAILED)
    assert "the feature lvm" in result.error and result.hint


def changed(tmp_path, name, change):
    """A description of the machine NAME after CHANGE was called with it."""
    machine = json.loads(description(name).read_text())
    change(machine)
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine))
    return path


def joined(tmp_path, *without, seed=None):
    """The virtual machine with / on a btrfs of its disk and the one of the machine "nvme", of whose
    devices those whose paths end as WITHOUT are not described. With SEED, it has grown out of that."""
    other = json.loads(description("nvme").read_text())

    def change(machine):
        root = machine["mounts"][0]
        root["fstype"] = "btrfs"
        if seed:
            root["btrfs-seed"] = seed
        root["blocks"] += other["mounts"][0]["blocks"]
        machine["devices"] += [device for device in other["devices"] if device["for"] == "/"
                               and not device["path"].endswith(without)]

    return changed(tmp_path, "virtio-blk", change)


def test_a_btrfs_on_two_disks_brings_the_drivers_of_both(bookworm, tmp_path):
    out = tmp_path / "out.img"
    run("build", out, "--root", bookworm.root, "--hardware", joined(tmp_path), *STRICT)
    listed = run("list", out).text
    for module in ("virtio_blk", "nvme", "btrfs", "raid6_pq", "xor"):
        assert f"/{module}.ko" in listed
    assert "feature=btrfs\n" in run("cat", out, "/etc/preroot/boot.conf").text


@pytest.mark.parametrize("words, without, says", [
    (["--omit", "btrfs"], (), "the btrfs on / lies on several disks, which needs the feature btrfs"),
    ([], ("0000:00:1d.0", "0000:03:00.0"), "no controller was found below the disk of / "
     "(/sys/devices/pci0000:00/0000:00:1d.0/0000:03:00.0/nvme/nvme0/nvme0n1): it is not local"),
])
def test_a_btrfs_that_would_lack_a_disk_is_refused(words, without, says, bookworm, tmp_path):
    result = run("plan", "--root", bookworm.root, "--hardware", joined(tmp_path, *without), *words,
                 status=FAILED)
    assert says in result.error and result.hint


def test_a_btrfs_that_has_grown_out_of_a_seed_is_refused(bookworm, tmp_path):
    result = run("plan", "--root", bookworm.root, "--hardware", joined(tmp_path, seed="bbbb-1"), status=FAILED)
    assert "the btrfs on / has grown out of the seed with UUID bbbb-1" in result.error and result.hint


def test_the_driver_comes_where_the_feature_is_asked_for(bookworm):
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", description("virtio-blk"),
               "--add", "btrfs", *STRICT).json
    assert "btrfs" in modules_of(plan)


def test_one_disk_may_be_joined_by_another_without_a_new_image(bookworm, tmp_path):
    machine = changed(tmp_path, "virtio-blk",
                      lambda machine: machine["mounts"][0].update(fstype="btrfs"))
    for name, there in ((machine, True), (description("virtio-blk"), False)):
        out = tmp_path / "out.img"
        run("build", out, "--root", bookworm.root, "--hardware", name, *STRICT)
        assert ("feature=btrfs\n" in run("cat", out, "/etc/preroot/boot.conf").text) == there


def test_volume_that_is_not_needed_early_does_not_matter(bookworm, tmp_path):
    volume = json.loads(description("lvm").read_text())["mounts"][0]
    machine = changed(tmp_path, "virtio-blk",
                      lambda m: m["mounts"].append({**volume, "target": "/srv"}))
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", machine).json
    plain = run("plan", "--json", "--root", bookworm.root,
                "--hardware", description("virtio-blk")).json
    assert modules_of(plan) == modules_of(plain)


@pytest.mark.parametrize("driver, modules", [
    ("ata_piix", {"ata_piix"}),
    ("ata_generic", {"ata_generic"}),
    (None, {"ata_piix", "ata_generic"}),
])
def test_driver_in_use_is_taken_where_several_would_serve(driver, modules, bookworm, tmp_path):
    """An IDE controller that two modules support."""
    def to_ide(machine):
        controller = machine["devices"][0]
        controller["modalias"] = "pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80"
        for key in ("driver", "module"):
            del controller[key]
            if driver:
                controller[key] = driver

    machine = changed(tmp_path, "ahci", to_ide)
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", machine, *STRICT).json
    assert set(modules_of(plan)) & {"ahci", "ata_piix", "ata_generic"} == modules


def test_keyboard_beside_a_mounted_usb_disk_keeps_its_controller(bookworm, tmp_path):
    """One controller serves the keyboard and a disk that only /mnt needs."""
    root = trees.write_machine("nvme", tmp_path / "root")
    controller = "devices/pci0000:00/0000:00:14.0"
    disk = f"{controller}/usb1/1-3/1-3:1.0/host6/target6:0:0/6:0:0:0/block/sda"
    (root / "sys" / disk).mkdir(parents=True)
    (root / "sys/dev/block/8:0").symlink_to(f"../../{disk}")
    with open(root / "proc/self/mountinfo", "a", encoding="utf-8") as mounts:
        mounts.write("99 24 8:0 / /mnt rw,relatime - vfat /dev/sda rw\n")
    machine = tmp_path / "machine.json"
    machine.write_bytes(run("hardware", "--json", "--root", root).out)
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", machine, *STRICT).json
    assert {"xhci_pci", "usbhid"} <= set(modules_of(plan))


# ---- MD arrays ----

LEVELS = ["md-mod", "linear", "raid0", "raid1", "raid456", "raid10"]


def on_array(tmp_path, **changes):
    """A description of the machine with an array, with CHANGES to that."""
    def change(machine):
        array = machine["mounts"][0]["blocks"][1]
        array.update({key.replace("_", "-"): value for key, value in changes.items()})

    return changed(tmp_path, "mdraid", change)


def boot_conf(tmp_path, kernel, *words):
    out = tmp_path / "out.img"
    run("build", out, kernel.version, "--root", kernel.root, *words)
    return run("cat", out, "/etc/preroot/boot.conf").text.split()


def tree_of(machine):
    """The tree of the first mount: each line without what follows the second column."""
    lines = run("hardware", "--hardware", machine).text.split("\n\n", maxsplit=1)[0].splitlines()
    assert lines[0].startswith("/: ")
    return [re.split(r" {2,}/sys| {2,}as above", line)[0] for line in lines[1:]
            if not line.startswith("processor")]


def test_what_an_array_consists_of_is_printed_as_a_tree():
    assert [re.sub(r"(?<=\S) {2,}", ": ", line) for line in tree_of(description("mdraid"))] == [
        "  md0p1: partition", "    md0: raid10 array, metadata 1.2", "      vda: disk", "      vdb: disk"]


def test_what_two_devices_lie_on_is_printed_once_with_what_is_below(tmp_path):
    blocks = [{"name": "dm-0", "kind": "lvm", "dm-name": "vg-root", "slaves": ["dm-1", "dm-2"]},
              {"name": "dm-1", "kind": "lvm", "holder": "dm-0", "slaves": ["vda1"]},
              {"name": "vda1", "kind": "partition", "holder": "dm-1", "slaves": ["vda"]},
              {"name": "vda", "kind": "disk", "holder": "vda1"},
              {"name": "dm-2", "kind": "lvm", "holder": "dm-0", "slaves": ["vda1"]}]
    machine = changed(tmp_path, "virtio-blk", lambda all: all["mounts"][0].update(blocks=blocks))
    assert [line.split() for line in tree_of(machine)] == [
        ["dm-0", "LVM", "volume", "vg-root"], ["dm-1", "LVM", "volume"], ["vda1", "partition"], ["vda", "disk"],
        ["dm-2", "LVM", "volume"], ["vda1", "partition"]]


@pytest.mark.parametrize("blocks", [
    [{"name": "a", "holder": "b", "slaves": ["b"]}, {"name": "b", "holder": "a", "slaves": ["a"]}],
    [{"name": "a", "holder": "a"}],
    [{"name": "a", "slaves": ["a", "never", "a"]}],
])
def test_a_description_that_goes_in_circles_is_printed(blocks, tmp_path):
    machine = changed(tmp_path, "virtio-blk", lambda all: all["mounts"][0].update(blocks=blocks))
    assert {line.split()[0] for line in tree_of(machine)} == {block["name"] for block in blocks}


@pytest.mark.parametrize("slaves", ["vda", [1], {"vda": 1}])
def test_slaves_that_are_no_list_of_names_are_refused(slaves, tmp_path):
    machine = changed(tmp_path, "virtio-blk", lambda all: all["mounts"][0]["blocks"][0].update(slaves=slaves))
    assert '"slaves"' in run("hardware", "--hardware", machine, status=FAILED).error


@pytest.mark.parametrize("level, module", [
    ("linear", "linear"), ("raid1", "raid1"), ("raid4", "raid456"), ("raid6", "raid456"),
])
def test_an_array_brings_the_driver_of_its_level_alone(level, module, bookworm, tmp_path):
    machine = on_array(tmp_path, md_level=level)
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", machine, *STRICT).json
    assert set(modules_of(plan)) & set(LEVELS) == {module}
    assert "md_mod" in modules_of(plan)
    reason = next(entry["reason"] for entry in plan["entries"] if f"/{module}.ko" in entry["path"])
    assert reason == f"runs md0, which is {level}, on the way to /"


def test_pid_1_starts_arrays_where_there_are_any(bookworm, tmp_path):
    described = ["--hardware", description("mdraid"), *STRICT]
    conf = boot_conf(tmp_path, bookworm, *described)
    assert conf.index("feature=mdraid") < conf.index("mdraid.needed=yes")
    assert "feature=mdraid" not in boot_conf(tmp_path, bookworm, "--hardware",
                                             description("virtio-blk"), *STRICT)


def test_arrays_that_the_machine_does_not_have_yet_can_be_added(bookworm, tmp_path):
    words = ["--hardware", description("virtio-blk"), *STRICT, "--add", "mdraid"]
    conf = boot_conf(tmp_path, bookworm, *words)
    assert "feature=mdraid" in conf and "mdraid.needed=yes" not in conf
    files = run("list", tmp_path / "out.img").text
    for module in LEVELS:
        assert f"/{module}.ko" in files


def test_a_generic_image_starts_arrays_of_all_levels(generic):
    assert "feature=mdraid" in run("cat", generic, "/etc/preroot/boot.conf").text.split()
    files = run("list", generic).text
    for module in LEVELS:
        assert f"/{module}.ko" in files


def test_a_kernel_without_the_level_of_an_array_is_refused(bookworm, trixie, tmp_path):
    """Linear is no longer in Linux 6.12."""
    machine = on_array(tmp_path, md_level="linear")
    run("plan", "--root", bookworm.root, "--hardware", machine)
    result = run("plan", "--root", trixie.root, "--hardware", machine, status=FAILED)
    for words in (trixie.version, "linear", "md0", "the way to /"):
        assert words in result.error
    assert result.hint


@pytest.mark.parametrize("metadata", ["external:imsm", "external:/md127/0", "none"])
def test_an_array_that_the_kernel_cannot_start_alone_is_refused(metadata, bookworm, tmp_path):
    machine = on_array(tmp_path, md_metadata=metadata)
    result = run("plan", "--root", bookworm.root, "--hardware", machine, status=FAILED)
    assert (f"the way to / leads over /sys/devices/virtual/block/md0 with MD metadata {metadata}, "
            "which this version cannot bring up") in result.error
    assert result.hint


@pytest.mark.parametrize("omitted, message", [
    (["--omit", "mdraid"], "needs the feature mdraid, and that is left out"),
    (["--omit-drivers", "raid10"], "module raid10 cannot be left out: runs md0"),
])
def test_what_an_array_on_the_way_needs_cannot_be_left_out(omitted, message, bookworm):
    result = run("plan", "--root", bookworm.root, "--hardware", description("mdraid"), *omitted,
                 status=FAILED)
    assert message in result.error


def with_swap_on_an_array(tmp_path):
    """A description of the machine with a plain disk, which also has swap on the array of the other one."""
    array = json.loads(description("mdraid").read_text())["mounts"][0]["blocks"]

    def change(machine):
        machine["mounts"].append({"target": "swap", "source": "/dev/md0p1", "fstype": "swap", "options": "",
                                  "blocks": array})

    return changed(tmp_path, "virtio-blk", change)


def test_swap_on_an_array_is_found_for_a_hibernation_image(tmp_path, bookworm):
    words = ["--hardware", with_swap_on_an_array(tmp_path), *STRICT]
    conf = boot_conf(tmp_path, bookworm, *words)
    assert "feature=mdraid" not in conf and "arrays=none" in conf
    conf = boot_conf(tmp_path, bookworm, *words, "--kernel-cmdline", "resume=/dev/md0p1")
    assert "feature=mdraid" in conf and "arrays=none" not in conf
    assert "/raid10.ko" in run("list", tmp_path / "out.img").text
    out = tmp_path / "without.img"
    result = run("build", out, bookworm.version, "--root", bookworm.root, *words, "--kernel-cmdline",
                 "resume=/dev/md0p1", "--omit", "mdraid")
    assert any("the swap area /dev/md0p1 needs the feature mdraid, which is left out" in warning
               for warning in result.messages("warning"))


def test_arrays_are_left_out_of_a_generic_image_on_request(small_kernel, tmp_path):
    assert "feature=mdraid" not in boot_conf(tmp_path, small_kernel, "--generic", "--omit", "mdraid")


@pytest.mark.parametrize("machine, words, expected", [
    ("virtio-blk", STRICT, True),
    ("virtio-blk", [*STRICT, "--add", "mdraid"], False),
    ("mdraid", STRICT, False),
])
def test_an_image_knows_that_its_machine_has_no_arrays(tmp_path, bookworm, machine, words, expected):
    conf = boot_conf(tmp_path, bookworm, "--hardware", description(machine), *words)
    assert ("arrays=none" in conf) == expected


def test_an_image_for_any_machine_says_nothing_of_its_arrays(tmp_path, small_kernel):
    assert "arrays=none" not in boot_conf(tmp_path, small_kernel, "--generic")


def test_usr_of_its_own_brings_its_driver(bookworm, tmp_path):
    def add_mounts(machine):
        machine["mounts"].append({**machine["mounts"][0], "target": "/usr", "fstype": "xfs"})
        machine["mounts"].append({**machine["mounts"][0], "target": "/srv", "fstype": "btrfs",
                                  "early": True})
        machine["mounts"].append({**machine["mounts"][0], "target": "/mnt", "fstype": "f2fs"})

    machine = changed(tmp_path, "virtio-blk", add_mounts)
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", machine, *STRICT).json
    assert {"xfs", "btrfs"} <= set(modules_of(plan))
    assert "f2fs" not in modules_of(plan)


def test_usr_on_what_cannot_be_brought_up_is_refused(bookworm, tmp_path):
    def add_usr(machine):
        block = {**machine["mounts"][0]["blocks"][0], "virtual": True, "dm-uuid": "LVM-x"}
        machine["mounts"].append({**machine["mounts"][0], "target": "/usr", "blocks": [block]})

    machine = changed(tmp_path, "virtio-blk", add_usr)
    result = run("plan", "--root", bookworm.root, "--hardware", machine, status=FAILED)
    assert "the way to /usr" in result.error and result.hint


def test_overlay_comes_when_the_image_asks_for_it(bookworm, tmp_path):
    machine = changed(tmp_path, "virtio-blk", lambda machine: None)
    plan = run("plan", "--json", "--root", bookworm.root, "--hardware", machine, *STRICT).json
    assert "overlay" not in modules_of(plan)


def test_a_mount_without_a_disk_is_in_the_description(tree, tmp_path):
    """What a build refuses here, it refuses with the description, too."""
    trees.write_machine("virtio-blk", tree.root)
    with open(tree.root / "proc/self/mountinfo", "a", encoding="utf-8") as file:
        file.write("90 25 0:50 / /usr rw,relatime - nfs server:/usr rw\n")
    described = run("hardware", "--root", tree.root, "--json")
    assert {"target": "/usr", "fstype": "nfs", "source": "server:/usr", "blocks": []}.items() <= next(
        mount for mount in described.json["mounts"] if mount["target"] == "/usr").items()
    (tmp_path / "hardware.json").write_bytes(described.out)
    for words in ([], ["--hardware", tmp_path / "hardware.json"]):
        refused = run("build", tmp_path / "out.img", tree.version, "--root", tree.root, *words,
                      status=FAILED)
        assert "/usr is nfs (server:/usr)" in refused.error
