# SPDX-License-Identifier: LGPL-2.1-or-later
"""Features under the names of dracut's modules, and drivers that are left out or chosen alone."""

import re

import pytest

import trees
from fronts import call, links  # noqa: F401
from lib import TOP
from program import FINDING, USAGE, run

pytestmark = pytest.mark.sweep

NVME = trees.MACHINES / "nvme.json"


@pytest.fixture
def system(tree):
    trees.install(tree.root, "/usr/bin/env")
    (tree.root / "etc").mkdir(exist_ok=True)
    return tree


def write(system, text):
    (system.root / "etc/dracut.conf").write_text(text)


def plan(system, *words, hardware=True, **options):
    machine = ("--hardware", NVME) if hardware else ("--generic",)
    return run("plan", system.version, "--root", system.root, *machine, "--json", *words, **options)


def modules(result):
    return {trees.module_name(entry["path"]) for entry in result.json["entries"]
            if ".ko" in entry["path"]}


def boot_conf(system, *words, **options):
    image = system.root.parent / "conf.img"
    run("build", image, system.version, "--root", system.root, "--hardware", NVME, *words, **options)
    return [line.strip() for line in
            run("cat", image, "/etc/preroot/boot.conf").text.splitlines()]


# ---- features ----

@pytest.mark.everywhere
@pytest.mark.parametrize("text", [
    'omit_dracutmodules+=" fs-lib "', "nofscks=yes", 'dracutmodules="base resume"',
    'omit_dracutmodules="fs-lib"\nadd_dracutmodules="fs-lib"',
])
def test_a_feature_is_left_out(text, system):
    assert "feature=fsck" in boot_conf(system)
    write(system, text + "\n")
    assert "feature=fsck" not in boot_conf(system)


@pytest.mark.parametrize("text", [
    'omit_dracutmodules="fs-lib"\nforce_add_dracutmodules="fs-lib"', 'dracutmodules="auto"',
    'dracutmodules="base fs-lib"', "nofscks=no",
    'dracutmodules="base"\nadd_dracutmodules="fs-lib"',
])
def test_a_feature_is_kept(text, system):
    write(system, text + "\n")
    assert "feature=fsck" in boot_conf(system)


@pytest.mark.parametrize("words, kept", [
    (("--omit", "fs-lib"), False), (("-o", "plymouth fsck"), False), (("--modules", "base"), False),
    (("-o", "fs-lib", "--force-add", "fs-lib"), True), (("-o", "fs-lib", "-a", "fs-lib"), False),
    (("-o", "fsck", "-a", "fs-lib"), False),
    (("-m", "base", "-a", "fs-lib"), True),
])
def test_the_command_line_has_the_same_words(words, kept, system):
    assert ("feature=fsck" in boot_conf(system, *words)) == kept


def test_what_is_always_done_or_never_needed_is_silent(system):
    write(system, 'add_dracutmodules+=" base bash systemd udev-rules qemu "\n'
                  'omit_dracutmodules+=" nfs lvm crypt plymouth i18n mine "\n')
    result = run("rebuild", "--check", "--root", system.root, "--hardware", NVME, status=FINDING)
    assert result.messages("warning") == []


def test_what_an_image_can_do_without_is_a_warning(system):
    says = '"plymouth" has no effect: this version has no splash screen'
    assert f"--add: {says}" in plan(system, "--add", "plymouth").json["warnings"]
    write(system, '# x\nadd_dracutmodules+=" plymouth "\n')
    assert f"/etc/dracut.conf:2: add_dracutmodules: {says}" in plan(system).json["warnings"]


@pytest.mark.parametrize("name", ["ostree", "plymouth", "multipath", "of-others"])
def test_a_dropin_feature_takes_the_place_of_a_module(name, system):
    folder = system.root / "usr/lib/preroot/features.d"
    folder.mkdir(parents=True)
    (folder / f"{name}.conf").write_text("on_request=yes\nkernel_cmdline=mine\n")
    assert "cmdline=mine" not in boot_conf(system)
    assert "cmdline=mine" in boot_conf(system, "--add", name)
    write(system, f'add_dracutmodules+=" {name} systemd "\n')
    assert "cmdline=mine" in boot_conf(system)
    assert f'"{name}"' not in "".join(plan(system).json["warnings"])
    write(system, f'add_dracutmodules+=" {name} "\nomit_dracutmodules+=" {name} "\n')
    assert f'"{name}" is not added, since it is omitted' in "".join(plan(system).json["warnings"])
    assert "cmdline=mine" not in boot_conf(system)


def test_the_feature_for_ostree_runs_its_program_on_the_mounted_root(system, call):  # noqa: F811
    """The file that is installed, with what Debian's ostree-boot puts into dracut.conf.d."""
    folder = system.root / "usr/lib/preroot/features.d"
    folder.mkdir(parents=True)
    (folder / "ostree.conf").write_text((TOP / "data/features.d/ostree.conf").read_text())
    write(system, 'add_dracutmodules+=" ostree systemd "\nreproducible=yes\n')
    program = "/usr/lib/ostree/ostree-prepare-root"
    result = plan(system, status=1)
    assert "ostree.conf" in result.error and f"there is no {program}" in result.error
    trees.install(system.root, "/usr/bin/env")
    (system.root / "usr/lib/ostree").mkdir()
    (system.root / program.lstrip("/")).write_text("#!/usr/bin/env env\n")
    (system.root / program.lstrip("/")).chmod(0o755)
    lines = [line for line in boot_conf(system) if line.startswith("dropin.")]
    assert lines == [f"dropin.run=post-mount 90 required {program}",
                     "dropin.if=ostree", "dropin.argument=/sysroot"]
    assert "ostree" in call("lsinitrd", "-m", system.root.parent / "conf.img").text.splitlines()
    write(system, "")
    boot_conf(system)
    assert "ostree" not in call("lsinitrd", "-m", system.root.parent / "conf.img").text.splitlines()


def test_what_is_omitted_elsewhere_is_a_warning(system):
    write(system, 'omit_dracutmodules+=" rescue "\n')
    assert ('--add: "rescue" is not added, since it is omitted (/etc/dracut.conf:1: '
            "omit_dracutmodules); force_add_dracutmodules adds it all the same"
            ) in plan(system, "--add", "rescue").json["warnings"]


def test_a_module_of_dracut_for_a_filesystem_is_not_its_driver(system):
    write(system, 'omit_dracutmodules+=" btrfs overlayfs "\n')
    assert modules(plan(system, hardware=False)) == modules(
        plan(system, "--conf", "/dev/null", hardware=False))


@pytest.mark.parametrize("text, says", [
    ('add_dracutmodules+=" multipath "', '"multipath" cannot be added: this version has no'),
    ('force_add_dracutmodules+=" zfs "', '"zfs" cannot be added: it comes from another package'),
    ('dracutmodules+=" base nfs "', '"nfs" cannot be added'),
    ('add_dracutmodules+=" resum "', 'there is no feature "resum"'),
    ('omit_dracutmodules+=" rootfs-block "', 'no image can do without "rootfs-block"'),
    ('omit_dracutmodules+=" storage "', 'no image can do without "storage"'),
])
def test_what_would_not_boot_is_refused(text, says, system):
    write(system, f"\n{text}\n")
    before = trees.snapshot(system.root)
    for words in (("rebuild",), ("build", system.root / "boot/out.img")):
        result = run(*words, system.version, "--root", system.root, "--hardware", NVME,
                     status=USAGE)
        assert result.error.startswith(f"/etc/dracut.conf:2: {text.split('+')[0]}: ")
        assert says in result.error and result.hint
    assert trees.snapshot(system.root) == before


def test_a_module_of_another_package_can_be_replaced(system):
    hint = plan(system, "--add", "clevis", status=USAGE).hint
    assert "a drop-in feature, /etc/preroot/features.d/clevis.conf, can take its place" in hint


def test_an_option_is_named_in_the_error(system):
    error = plan(system, "--add", "no-such", status=USAGE).error
    assert error == '--add: there is no feature "no-such"'


# ---- drivers ----

def test_drivers_are_left_out_with_what_needs_them(system):
    write(system, 'omit_drivers+=" ahci qla-.* usbcore no_such "\n')
    every = modules(plan(system, "--conf", "/dev/null", hardware=False))
    left = modules(plan(system, hardware=False))
    gone = every - left
    assert {"ahci", "usbcore", "usb_storage"} & every <= gone
    assert not {name for name in left if re.fullmatch("ahci|qla_.*|usbcore", name)}
    assert "nvme" in left
    assert modules(plan(system, "--conf", "/dev/null", "--omit-drivers", "ahci qla-.* usbcore",
                        hardware=False)) == left


@pytest.mark.parametrize("pattern, gone", [
    ("qla[0-9]+", True), ("[p-r]la1280", True), ("[^a-p]la1280", True), ("qla[[:digit:]0-9]+", True),
    ("qla[0_9]+", False), ("virtio[-x]pci", True), ("virtio[x-]pci", True), ("virtio-pci", True),
])
def test_a_dash_is_a_range_only_in_brackets(pattern, gone, system):
    write(system, f'omit_drivers+=" {pattern} "\n')
    left = modules(plan(system, hardware=False))
    assert ({"qla1280", "virtio_pci"} <= left) != gone


def test_what_is_added_by_name_is_not_left_out(system):
    write(system, 'omit_drivers+=" ahci libahci dummy "\nadd_drivers+=" ahci "\n'
                  'force_drivers+=" dummy "\n')
    assert {"ahci", "libahci", "dummy"} <= modules(plan(system))


@pytest.mark.parametrize("word", ["dummy.ko", "dummy.ko.xz", "dummy"])
def test_the_file_of_a_module_is_its_name(word, system):
    write(system, f'add_drivers+=" {word} "\n')
    assert "dummy" in modules(plan(system))
    assert "dummy" in modules(plan(system, "--conf", "/dev/null", "--add-drivers", word))


@pytest.mark.parametrize("key, loaded", [("add_drivers", False), ("force_drivers", True)])
def test_a_driver_is_loaded_at_once_only_by_force(key, loaded, system):
    option = "--" + key.replace("_", "-")
    assert ("load=dummy" in boot_conf(system, option, "dummy")) == loaded
    write(system, f'{key}+=" dummy "\n')
    assert ("load=dummy" in boot_conf(system)) == loaded


@pytest.mark.parametrize("omitted, module", [
    ("nvme", "nvme"), ("x|nvme-c.*", "nvme_core"), ("ext4", "ext4"),
])
def test_the_way_to_the_root_stays(omitted, module, system):
    write(system, f'omit_drivers+=" {omitted} "\n')
    result = plan(system, status=1)
    assert result.error.startswith(f"/etc/dracut.conf:1: omit_drivers: module {module} cannot be "
                                   "left out: ")
    assert "would not reach its root" in result.hint


def test_of_several_that_do_one_job_one_stays(system):
    every = modules(plan(system))
    assert {"crc32c_generic", "ext4"} <= every
    write(system, 'omit_drivers+=" crc32c.* "\n')
    error = plan(system, status=1).error
    assert error.startswith("/etc/dracut.conf:1: omit_drivers: nothing would be left that provides ")
    assert "crc32c" in error and "ext4" in error
    if "crc32c_intel" in every:
        write(system, 'omit_drivers+=" crc32c_intel "\n')
        assert modules(plan(system)) == every - {"crc32c_intel"}


@pytest.mark.parametrize("text", ["omit_drivers='a('", f"omit_drivers={'a' * 300}"])
def test_a_pattern_that_is_none(text, system):
    write(system, text + "\n")
    assert plan(system, status=USAGE).error.startswith("/etc/dracut.conf:1: omit_drivers: ")


def test_only_these_drivers(system):
    write(system, 'drivers+=" dummy "\nadd_drivers+=" qla1280 "\n')
    generic = modules(plan(system, hardware=False))
    assert {"dummy", "qla1280"} <= generic and "ahci" not in generic
    assert {"dummy", "nvme", "ext4"} <= modules(plan(system))
    alone = modules(plan(system, "--drivers", "ahci", hardware=False))
    assert "ahci" in alone and "dummy" not in alone


def test_filesystems_of_a_generic_image(system):
    assert "ext4" in modules(plan(system, hardware=False))
    write(system, 'filesystems+=" no_such "\n')
    result = plan(system, hardware=False)
    assert "ext4" not in modules(result) and "nvme" in modules(result)
    assert any('has no filesystem "no_such"' in text for text in result.json["warnings"])
    assert "ext4" in modules(plan(system))
    assert "ext4" in modules(plan(system, "--filesystems", "ext4", hardware=False))


def test_filesystems_are_added_to_an_image_for_one_machine(system):
    result = plan(system, "--filesystems", "no_such")
    assert any('has no filesystem "no_such"' in text for text in result.json["warnings"])


@pytest.mark.parametrize("omitted, module", [("virtio-blk", "virtio_blk"), ("ext[0-9]", "ext4")])
def test_a_generic_image_that_this_machine_boots_with_reaches_its_root(omitted, module, system):
    trees.write_machine("virtio-blk", system.root)  # whose root is ext4
    write(system, f'hostonly=no\nomit_drivers+=" {omitted} qla1280 "\n')
    result = run("rebuild", "--root", system.root, status=1)
    assert f"/etc/dracut.conf:2: omit_drivers: module {module} cannot be left out: " in result.error
    assert not list((system.root / "boot").glob("initr*"))
    # An image for somewhere else is made.
    run("build", system.root.parent / "other.img", system.version, "--root", system.root)
    write(system, 'hostonly=no\nomit_drivers+=" qla1280 "\n')
    run("rebuild", "--root", system.root)


@pytest.mark.parametrize("text, module", [
    ('filesystems+=" vfat "', "ext4"), ('drivers+=" dummy "', "virtio_blk"),
])
def test_a_generic_image_that_lacks_what_this_machine_needs_is_warned_of(text, module, system):
    def warnings():
        lines = run("rebuild", "--root", system.root).messages("warning")
        return [line for line in lines if "does not boot with this image" in line]

    trees.write_machine("virtio-blk", system.root)
    write(system, f"hostonly=no\n{text}\n")
    assert any(f"which has no module {module}: " in line for line in warnings())
    write(system, "hostonly=no\n")
    assert not warnings()


# ---- where the root is ----

def test_an_image_for_another_machine_leaves_the_root_to_the_boot_loader(system):
    (system.root / "etc/fstab").write_text("UUID=abc-1 / btrfs rw,subvol=@ 0 0\n")
    write(system, "hostonly_cmdline=yes\n")
    assert not any(line.startswith("cmdline=root=") for line in boot_conf(system))
    assert any("the image is for another machine" in text for text in plan(system).json["warnings"])
    assert not any("hostonly_cmdline" in text for text in
                   plan(system, "--no-hostonly-cmdline").json["warnings"])


def own_conf(system, *words, **options):
    """boot.conf of an image for the machine that the root is of."""
    image = system.root.parent / "own.img"
    result = run("build", image, system.version, "--root", system.root, *words, **options)
    if result.status:
        return result
    return [line for line in run("cat", image, "/etc/preroot/boot.conf").text.splitlines()
            if line.strip().startswith("cmdline=")]


def test_the_image_says_where_the_root_is(system):
    trees.write_machine("virtio-blk", system.root)  # whose root is ext4
    write(system, "hostonly_cmdline=yes\n")
    result = run("plan", system.version, "--root", system.root, "--json")
    assert any("/etc/fstab has no line for /" in text for text in result.json["warnings"])
    fstab = system.root / "etc/fstab"
    fstab.write_text("UUID=abc-1 / ext4 rw,subvol=my\\040root 0 0\n")
    assert own_conf(system) == [
        'cmdline=root=UUID=abc-1 rootfstype=ext4 "rootflags=subvol=my root"']
    fstab.write_text("LABEL=root / auto rw 0 0\n")
    assert own_conf(system) == ["cmdline=root=LABEL=root"]
    assert own_conf(system, "--no-hostonly-cmdline") == []
    write(system, "")
    assert own_conf(system, "--hostonly-cmdline") == ["cmdline=root=LABEL=root"]


@pytest.mark.parametrize("line, says", [
    ("UUID=abc-1 / btrfs rw 0 0", "says that / is btrfs, but it is ext4"),
    ('LABEL=a"b / ext4 rw 0 0', "a character that no kernel parameter can have"),
    ("LABEL=a / ext4 subvol=b\\012c 0 0", "a character that no kernel parameter can have"),
])
def test_a_root_that_cannot_be_said(line, says, system):
    trees.write_machine("virtio-blk", system.root)
    (system.root / "etc/fstab").write_text(line + "\n")
    assert says in own_conf(system, "--hostonly-cmdline", status=1).error


def test_tables_of_acpi_are_below_the_root(system, tmp_path):
    write(system, f'acpi_override=yes\nacpi_table_dir="{tmp_path}"\n')
    (tmp_path / "a.aml").write_bytes(b"x")
    result = plan(system, status=1)
    assert result.error.startswith(f"/etc/dracut.conf:2: acpi_table_dir: {system.root}{tmp_path}: ")
    assert result.hint
    write(system, f'acpi_override=no\nacpi_table_dir="{tmp_path}"\n')
    assert plan(system).json["entries"]


# ---- single values ----

@pytest.mark.everywhere
def test_level_of_each_codec(system, tmp_path):
    sizes = {}
    for level in (1, 19):
        write(system, f"compress_level_zstd={level}\ncompress_level_gzip=9\n")
        run("build", tmp_path / "a.img", system.version, "--root", system.root, "--hardware", NVME)
        sizes[level] = (tmp_path / "a.img").stat().st_size
    assert sizes[19] < sizes[1]
    write(system, "compress_level_lzop=44\n")
    assert plan(system, status=USAGE).error.startswith("/etc/dracut.conf:1: compress_level_lzop: ")


def test_files_that_are_removed(system):
    write(system, 'install_items+=" env "\n')
    assert "usr/bin/env" in {entry["path"] for entry in plan(system).json["entries"]}
    write(system, 'install_items+=" env "\nremove_items+=" /usr/bin/e* "\n')
    assert "usr/bin/env" not in {entry["path"] for entry in plan(system).json["entries"]}


def test_arrays_with_members_missing(system):
    write(system, 'preroot_degraded="wait:30s,then:start"\n'
                  'preroot_degraded+=" mdraid:then:fail "\nkernel_cmdline="rd.degraded=wait:9"\n')
    assert [line for line in boot_conf(system) if line.startswith("cmdline=")] == [
        f"cmdline=rd.degraded={rule}" for rule in ("wait:30s,then:start", "mdraid:then:fail", "wait:9")]


@pytest.mark.parametrize("rule, flaw", [
    ("wait:30m,then:start", "is not [KIND:][wait:SECONDS,]then:start or then:fail"),
    ("yes", "is not [KIND:]"), ("raid:then:fail", "there is no feature raid"),
])
def test_a_wrong_rule_for_missing_members_is_an_error(rule, flaw, system):
    write(system, f'preroot_degraded="{rule}"\n')
    result = plan(system, status=USAGE)
    assert f'preroot_degraded: "{rule}"' in result.error and flaw in result.error


def test_a_root_that_stays_read_only(system):
    write(system, "ro_mnt=yes\n")
    assert "cmdline=ro" in boot_conf(system)


# ---- each key that is obeyed ----

# A value with which the image differs from one without the key, for an NVMe disk with ext4.
EFFECTS = {
    "preroot_compress_store": "none", "preroot_degraded": "then:fail", "add_drivers": "dummy", "compress": "xz",
    "compress_level_zstd": "3", "drivers": "dummy", "dracutmodules": "base", "force_drivers": "dummy",
    "hostonly_mode": "strict", "install_items": "env", "install_optional_items": "env",
    "kernel_cmdline": "quiet", "nofscks": "yes", "omit_dracutmodules": "fs-lib",
    "omit_drivers": "sd_mod", "remove_items": "/usr/sbin/fsck.ext4", "ro_mnt": "yes",
}

# Shown by the tests that are named.
ELSEWHERE = {
    "preroot_keep": "test_settings", "fileloglvl": "test_settings", "logfile": "test_settings",
    "stdloglvl": "test_settings", "sysloglvl": "test_settings", "hostonly": "test_settings",
    "acpi_override": "test_dracut_modules", "acpi_table_dir": "test_dracut_modules",
    "early_microcode": "test_microcode", "hostonly_cmdline": "test_dracut_modules",
    "add_dlopen_features": "test_libraries", "omit_dlopen_features": "test_libraries",
    "add_dracutmodules": "test_dracut_modules", "force_add_dracutmodules": "test_dracut_modules",
    "filesystems": "test_dracut_modules", "preroot_rescue_shell": "test_rescue",
    "fw_dir": "test_modules",
    **{f"compress_level_{codec}": "test_dracut_modules"
       for codec in ("bzip2", "gzip", "lz4", "lzma", "lzop", "xz")},
}


def test_each_key_that_is_obeyed_has_a_test():
    source = (trees.HERE.parent.parent / "src/host/config/keys.c").read_text()
    keys = set(re.findall(r'^\t(?:HONOURED|SWITCH)\("(\w+)"\)', source, re.M))
    assert len(keys) > 30 and keys == EFFECTS.keys() | ELSEWHERE.keys()
    for key, name in ELSEWHERE.items():
        text = (trees.HERE / f"{name}.py").read_text()
        assert key in text or key.startswith("compress_level_")


@pytest.mark.parametrize("key", EFFECTS)
def test_a_key_that_is_obeyed_changes_the_image(key, system):
    write(system, "")
    before = plan(system).json["fingerprint"]
    write(system, f"{key}='{EFFECTS[key]}'\n")
    assert plan(system).json["fingerprint"] != before
    write(system, "")
    assert plan(system).json["fingerprint"] == before


@pytest.mark.parametrize("codec", ["bzip2", "gzip", "lz4", "lzma", "xz"])
def test_the_level_of_every_codec_is_obeyed(codec, system):
    before = plan(system, "--compress", codec).json["fingerprint"]
    write(system, f"compress_level_{codec}=1\n")
    assert plan(system, "--compress", codec).json["fingerprint"] != before
