# SPDX-License-Identifier: LGPL-2.1-or-later
"""preroot config: what the settings say together, and the import of other builders' settings."""

import os
import re
import subprocess

import pytest

from program import DONE, FINDING, USAGE, in_namespace, run

pytestmark = pytest.mark.leaks

ETC = "etc/dracut.conf.d"


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(text, bytes):
        file.write_bytes(text)
    else:
        file.write_text(text)


def config(root, *words, **options):
    return run("config", *words, "--root", root, **options)


# ---- the merged result ----

def test_each_key_comes_with_its_places(root):
    write(root, "etc/dracut.conf", 'compress="xz"\nadd_drivers+=" a "\n')
    write(root, f"{ETC}/b.conf", "# x\ncompress='zstd -3' add_drivers+=\" b c \"\n")
    assert config(root).text == (
        f'compress="zstd -3"  # /{ETC}/b.conf:2\n'
        f'add_drivers=" a   b c "  # /etc/dracut.conf:2, /{ETC}/b.conf:2\n')
    result = config(root, "--json").json
    assert result["files"] == ["/etc/dracut.conf", f"/{ETC}/b.conf"]
    assert result["keys"]["add_drivers"]["places"][1] == {"file": f"/{ETC}/b.conf", "line": 2}
    assert result["notes"] == []


def test_the_output_is_read_as_settings(root, tmp_path):
    write(root, "etc/dracut.conf", "kernel_cmdline='a=\"b\" \\ $x `y`'\ncompress=xz\n")
    (tmp_path / "again.conf").write_text(config(root).text)
    again = config(root, "--conf", tmp_path / "again.conf").text
    assert [line.split("  # ")[0] for line in again.splitlines()] == [
        r'kernel_cmdline="a=\"b\" \\ \$x \`y\`"', 'compress="xz"']


@pytest.mark.parametrize("text", [
    'install_items=("/a b" c)', 'a=(x)\na+=("y  z" "")', "a=(\"\" 'q\"' '$x' '`id`' 'back\\slash')",
    "a=' b  c '\na+=d", 'a="x\ny"', "a=\\'", "a=()", "a=", "a=('*' '[x]' '{y' '~' '#no' 'two\nlines')",
    'a="b"\na=("c d")', 'a=("b c")\na=d', 'export a="é"',
])
def test_the_output_has_the_same_values(text, root, tmp_path):
    write(root, "etc/dracut.conf", text + "\n")
    before = config(root, "--json").json["keys"]
    (tmp_path / "again.conf").write_text(config(root).text)
    after = config(root, "--json", "--conf", tmp_path / "again.conf").json["keys"]
    assert {key: row["words"] for key, row in after.items()} == (
        {key: row["words"] for key, row in before.items()})
    if "(" not in text:
        assert after["a"]["value"] == before["a"]["value"]


def test_names_of_files_stay_in_their_comments(root, tmp_path):
    write(root, f"{ETC}/x\ncompress=xz\n#.conf", "hostonly=no\n")
    (tmp_path / "again.conf").write_text(config(root).text)
    assert list(config(root, "--json", "--confdir", tmp_path).json["keys"]) == ["hostonly"]


def test_the_kernel_is_a_variable(root):
    write(root, "etc/dracut.conf", 'kernel_cmdline="v=$kernel"\n')
    assert 'v=1.2-x"' in config(root, "--kver", "1.2-x").text


def test_check_prints_only_what_is_wrong(root):
    assert config(root, "--check", status=DONE).text == ""
    write(root, "etc/dracut.conf", "compres=xz\nuefi=yes\n")
    result = config(root, "--check", status=FINDING)
    assert result.text == "" and len(result.messages("warning")) == 2
    assert config(root).messages("warning") == result.messages("warning")
    notes = config(root, "--check", "--json", status=FINDING).json["notes"]
    assert [(note["key"], note["from"]) for note in notes] == [
        ("compres", "/etc/dracut.conf:1"), ("uefi", "/etc/dracut.conf:2")]


@pytest.mark.parametrize("text", [
    'add_dracutmodules=" multipath "', "hostonly_mode=stict", 'omit_dracutmodules=" base "',
    "compress=7zip", 'omit_drivers=" a( "', "stdloglvl=9", 'add_dracutmodules=" no-such "',
])
def test_check_refuses_what_a_build_refuses(text, root):
    write(root, "etc/dracut.conf", f"\n{text}\n")
    assert config(root, "--check", status=USAGE).error.startswith("/etc/dracut.conf:2: ")


def test_foreign_keys_and_those_without_loss_are_silent(root):
    write(root, "etc/dracut.conf", "zfsbootmenu_hook_root=/a\ndropbear_keytypes=rsa\n"
                                   "i18n_vars=/etc/a:B\ni18n_install_all=no\ndracut_rescue_image=no\n")
    config(root, "--check", status=DONE)
    write(root, "etc/dracut.conf", "i18n_install_all=yes\n")
    (warning,) = config(root, "--check", status=FINDING).messages("warning")
    assert warning.startswith("/etc/dracut.conf:1: i18n_install_all has no effect: ")


def test_the_option_is_named_for_what_it_sets(root):
    assert 'a="b"  # --set\n' in config(root, "--set", "a=b").text
    (place,) = config(root, "--set", "a=b", "--json").json["keys"]["a"]["places"]
    assert place == {"file": "--set", "line": None}
    assert config(root, "--set", "hostonly_mode=x", status=USAGE).error.startswith(
        '--set: hostonly_mode="x": ')


def test_check_names_what_is_not_added(root):
    write(root, "etc/dracut.conf", 'add_dracutmodules=" plymouth "\n')
    (warning,) = config(root, "--check", status=FINDING).messages("warning")
    assert warning.startswith('/etc/dracut.conf:1: add_dracutmodules: "plymouth" has no effect: ')


@pytest.mark.parametrize("text, place", [
    (b"a=$(id)\n", "1:3"), (b"a=$(uname -r)\n", "1:3"), (b"unset a\n", "1:1"),
    (b"\xef\xbb\xbfa=b\n", "1:1"), (b"\x7fELF\0\0", "1:1"),
])
def test_a_file_that_is_none(text, place, root):
    write(root, f"{ETC}/a.conf", text)
    for words in ((), ("--check",), ("--json",)):
        result = config(root, *words, status=USAGE)
        error = result.json["error"]["message"] if words == ("--json",) else result.error
        assert error.startswith(f"/{ETC}/a.conf:{place}: ")


def test_what_editors_do_to_a_file_has_its_hint(root):
    path = root / ETC / "a.conf"
    write(root, f"{ETC}/a.conf", "add_drivers+=\u201c nvme \u201d\n")
    result = config(root, status=USAGE)
    assert result.error == f"/{ETC}/a.conf:1:14: a curly quote (\u201c) quotes nothing"
    assert result.messages("hint") == ["write a straight one instead: \" or '"]
    path.write_bytes(b'hostonly=yes\r\n')
    (hint,) = config(root, status=USAGE).messages("hint")
    command = hint.removeprefix("to convert the file: ")
    assert command == rf"sed -i 's/\r$//' {path}"
    subprocess.run(command, shell=True, check=True)
    config(root)


@pytest.mark.parametrize("option", ["--conf", "--confdir", "--add-confdir", "--initramfs-tools"])
def test_an_error_names_the_option_that_named_the_file(option, root):
    assert config(root, option, "/nonexistent", status=USAGE).error == (
        f"{option} /nonexistent: No such file or directory")


ALL_WRONG = '''# comment
UUID=$(blkid -s UUID
  -o value /dev/sda1)
if [ -f /etc/a ]; then
  compress=7zip
fi
LIST=(one $(two)
  three
)
kernel_cmdline="root=UUID=$UUID ${LIST[*]} $other"
unset LIST
preroot_keep=many
add_dracutmodules+=" base multipath resum "
omit_dracutmodules+=" rootfs-block "
omit_drivers+=" a( good b[ "
install_items+=" /none /there missing "
hostonly_mode=x compress_level_xz=99
compres=xz
'''


def test_all_errors_are_printed(root):
    write(root, "etc/dracut.conf", ALL_WRONG)
    write(root, f"{ETC}/a.conf", b"\xef\xbb\xbfa=b\n")
    write(root, f"{ETC}/b.conf", "export\n")
    write(root, "there", "")
    (root / ETC / "c.conf").mkdir()
    result = config(root, "--check", status=USAGE)
    assert [text.split(": ")[0].replace("/etc/dracut.conf:", ":") for text in result.messages("error")] == [
        ":2:6", ":4:1", ":6:1", ":7:11", ":10:33", ":11:1", f"/{ETC}/a.conf:1:1", f"/{ETC}/b.conf:1:1",
        ":12", ":5", ":17", ":17", ":15", ":15", ":14", ":13", ":13",
        f"there is no {root}/none (asked for with :16", "there is no missing (asked for with :16"]
    assert [text.split(":")[0] for text in result.messages("warning")] == [
        f"/{ETC}/c.conf", "/etc/dracut.conf"]
    told = config(root, "--check", "--json", status=USAGE).json
    assert [error["message"].replace("\\x5c", "\\") for error in told["errors"]] == result.messages("error")
    assert told["error"] == told["errors"][0] and told["notes"][-1]["key"] == "compres"


def test_there_are_not_too_many_errors(root):
    write(root, "etc/dracut.conf", "no\n" * 1000)
    result = config(root, "--check", status=USAGE)
    assert len(result.messages("error")) == 100
    assert result.messages("warning") == ["there are 900 more errors"]


def test_what_is_no_file_of_settings_has_a_hint_and_a_folder_is_passed_over(root):
    path = root / ETC / "a.conf"
    write(root, f"{ETC}/b.conf", "compress=xz\n")
    path.mkdir()
    result = config(root)
    assert result.text.startswith('compress="xz"')
    assert result.messages("warning") == [f"/{ETC}/a.conf: it is a folder, and not read"]
    assert config(root, "--check", status=FINDING).messages("warning") == result.messages("warning")
    path.rmdir()
    os.mkfifo(path)
    result = config(root, status=USAGE)
    assert result.error == f"/{ETC}/a.conf is a FIFO: settings are read from files alone" and result.hint
    path.unlink()
    path.symlink_to("/srv/big")
    write(root, "srv/big", "#" * (1 << 20) + "\n")
    result = config(root, status=USAGE)
    assert f"{ETC}/a.conf is larger than 1048576 bytes" in result.error and result.hint
    path.unlink()
    os.mkfifo(root / ETC / "modules")
    result = config(root, "--initramfs-tools", ETC, status=USAGE)
    assert result.error.startswith(f"/{ETC}/modules is a FIFO") and result.hint


def test_the_modules_of_dracut(root):
    rows = {row["name"]: row for row in config(root, "--list-modules", "--json").json}
    assert rows["resume"]["effect"] == "feature" and rows["nfs"]["effect"] == "missing"
    assert rows["base"]["effect"] == "always" and rows["systemd"]["effect"] == "needless"
    assert rows["ostree"]["effect"] == "foreign"
    lines = config(root, "--list-modules").text.splitlines()
    assert [line.split()[0] for line in lines] == list(rows)


# ---- settings of initramfs-tools, as they stand ----

TOOLS = "etc/initramfs-tools"


def test_settings_of_initramfs_tools_come_first(root):
    write(root, f"{TOOLS}/initramfs.conf", "MODULES=dep\nCOMPRESS=gzip\n")
    write(root, f"{TOOLS}/modules", "dummy\n")
    write(root, "etc/dracut.conf", "compress=xz\nforce_drivers+=nvme\n")
    words = ("--initramfs-tools", f"/{TOOLS}")
    assert config(root, *words).text == (
        f'hostonly="yes"  # /{TOOLS}/initramfs.conf:1\n'
        f'hostonly_mode="strict"  # /{TOOLS}/initramfs.conf:1\n'
        'compress="xz"  # /etc/dracut.conf:1\n'
        f'force_drivers="dummy nvme"  # /{TOOLS}/modules:1, /etc/dracut.conf:2\n')
    assert config(root, *words, "--json").json["keys"]["force_drivers"]["words"] == ["dummy", "nvme"]
    assert config(root, *words, "--json").json["files"] == [
        f"/{TOOLS}/initramfs.conf", f"/{TOOLS}/modules", "/etc/dracut.conf"]
    assert "gzip" not in config(root).text


def test_what_packages_say_comes_before_and_what_the_machine_says_behind(root):
    vendor = "usr/lib/dracut/dracut.conf.d"
    write(root, f"{TOOLS}/initramfs.conf", "COMPRESS=gzip\n")
    write(root, f"{TOOLS}/modules", "tools\n")
    write(root, f"{vendor}/99-vendor.conf", "compress=lz4 hostonly=yes force_drivers+=' vendor '\n")
    write(root, f"{vendor}/10-masked.conf", "force_drivers+=' never '\n")
    write(root, f"{ETC}/10-masked.conf", "force_drivers+=' folder '\n")
    write(root, "etc/dracut.conf", "force_drivers+=' file '\n")
    words = ("--initramfs-tools", TOOLS, "--set", "force_drivers+=option")
    result = config(root, *words, "--json").json
    assert result["keys"]["force_drivers"]["words"] == ["vendor", "tools", "file", "folder", "option"]
    assert result["keys"]["compress"]["words"] == ["gzip"] and result["keys"]["hostonly"]["words"] == ["no"]
    assert result["files"] == [f"/{path}" for path in (
        f"{vendor}/99-vendor.conf", f"{TOOLS}/initramfs.conf", f"{TOOLS}/modules", "etc/dracut.conf",
        f"{ETC}/10-masked.conf")]
    # Without them, as dracut: by name.
    assert config(root, "--json").json["keys"]["force_drivers"]["words"] == ["file", "folder", "vendor"]


@pytest.mark.parametrize("link, target, is_read", [
    ("usr/sbin/update-initramfs", "preroot", True), ("usr/sbin/update-initramfs", "other", False),
    ("usr/lib/preroot/names/update-initramfs", "../../../sbin/preroot", True),
    ("usr/sbin/mkinitramfs", "preroot", False), ("usr/local/sbin/update-initramfs", "../../sbin/preroot", True),
    ("usr/local/sbin/update-initramfs", "../../sbin/other", False),
])
def test_they_are_read_where_update_initramfs_is_preroot(link, target, is_read, root):
    for name in ("preroot", "other", "update-initramfs"):
        write(root, f"usr/sbin/{name}", "")
    write(root, "usr/lib/preroot/x", "")
    (root / link).parent.mkdir(parents=True, exist_ok=True)
    (root / link).unlink(missing_ok=True)
    (root / link).symlink_to(target)
    config(root)
    write(root, f"{TOOLS}/initramfs.conf", "COMPRESS=gzip\n")
    write(root, "other/initramfs.conf", "COMPRESS=xz\n")
    assert ("gzip" in config(root).text) == is_read
    assert 'compress="xz"' in config(root, "--initramfs-tools", "/other").text
    assert config(root, "--initramfs-tools", "none").text == ""


def test_what_is_not_obeyed_of_them_is_named(root):
    write(root, f"{TOOLS}/initramfs.conf", "MODULES=most\nBOOT=nfs\n")
    write(root, f"{TOOLS}/update-initramfs.conf", "update_initramfs=no\nbackup_initramfs=yes\n")
    write(root, f"{TOOLS}/hooks/mine", "#!/bin/sh\n")
    words = ("--initramfs-tools", TOOLS, "--check")
    boot, scripts = config(root, *words, status=FINDING).messages("warning")
    assert boot.startswith(f"/{TOOLS}/initramfs.conf:2: BOOT=nfs: ") and "(hooks/mine)" in scripts
    assert [note["from"] for note in config(root, *words, "--json", status=FINDING).json["notes"]] == [
        f"/{TOOLS}/initramfs.conf:2", f"/{TOOLS}"]


def test_a_folder_of_initramfs_tools_that_is_none(root):
    write(root, "etc/file", "")
    for name in ("etc/none", "etc/file"):
        assert name in config(root, "--initramfs-tools", name, status=(1, USAGE)).error


# ---- import ----

def imported(root, *words, **options):
    """The assignments without their places, and the warnings."""
    result = config(root, "import", *words, **options)
    lines = [line.split("  # ")[0] for line in result.text.splitlines() if line[0] != "#"]
    return lines, result.messages("warning")


def test_import_from_initramfs_tools(root):
    write(root, "etc/initramfs-tools/initramfs.conf",
          "# x\nMODULES=most\nBUSYBOX=auto\nCOMPRESS=zstd\nCOMPRESSLEVEL=7\nUMASK=0077\nRUNSIZE=10%\n")
    write(root, "etc/initramfs-tools/conf.d/resume", "RESUME=UUID=abc-1\n")
    write(root, "etc/initramfs-tools/conf.d/zz", "MODULES=dep\n")
    for name in ("zzz.dpkg-old", "zzz.dpkg-new", "zzz~", ".zzz", "zzz.conf@", "#zzz#"):
        write(root, f"etc/initramfs-tools/conf.d/{name}", "MODULES=most; $(what no file says)\n")
    write(root, "etc/initramfs-tools/modules", "# x\n\ndummy\n  vfio  # why\n")
    write(root, "etc/initramfs-tools/update-initramfs.conf",
          "update_initramfs=yes\nbackup_initramfs=no\n")
    assert imported(root) == ([
        'compress="zstd"', 'compress_level_zstd="7"', 'kernel_cmdline+=" resume=UUID=abc-1 "',
        'hostonly="yes"', 'hostonly_mode="strict"', 'force_drivers+=" dummy "',
        'force_drivers+=" vfio "'], [])


def test_what_initramfs_tools_has_and_preroot_lacks_is_named(root):
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=netboot\nKEYMAP=y\nMY=1\n")
    write(root, "etc/initramfs-tools/modules", "e1000 debug=1\nsoftdep a pre: b\n")
    write(root, "etc/initramfs-tools/hooks/mine", "#!/bin/sh\n")
    write(root, "etc/initramfs-tools/scripts/local-top/wait", "#!/bin/sh\n")
    lines, warnings = imported(root, "initramfs-tools", status=FINDING)
    assert lines == ['force_drivers+=" e1000 "']
    text = "\n".join(warnings)
    for part in ("initramfs.conf:1: MODULES=netboot", "initramfs.conf:2: KEYMAP=y",
                 "initramfs.conf:3: MY is not known", "modules:1: ", "options e1000 debug=1",
                 "modules:2: ", "/hooks/mine: this script", "/scripts/local-top/wait: this script"):
        assert part in text
    assert config(root, "import", status=FINDING).text.count("# Not imported: ") == len(warnings)


@pytest.mark.parametrize("text, resume", [
    ("MODULES=most", "UUID=1"), ("MODULES=most\nRESUME=auto", "UUID=1"), ("MODULES=most\nRESUME=", "UUID=1"),
    ("MODULES=most\nRESUME=UUID=2", "UUID=2"), ("MODULES=most\nRESUME=none", None), ("MODULES=dep", None),
])
def test_an_image_for_any_machine_resumes_from_the_swap_area_of_this_one(text, resume, root):
    """That of a hostonly image is found out when it is built."""
    write(root, "etc/initramfs-tools/initramfs.conf", text + "\n")
    write(root, "etc/fstab", "# x\n/swapfile none swap sw 0 0\nUUID=1 none swap sw 0 0\n")
    found = re.findall('kernel_cmdline.*resume=(.*) "  # (.*)', config(root, "import").text)
    places = {"UUID=1": "/etc/fstab:3", "UUID=2": "/etc/initramfs-tools/initramfs.conf:2"}
    assert found == ([(resume, places[resume])] if resume else [])


def test_a_machine_resumes_from_the_largest_swap_area_in_use_that_lasts(root):
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=most\nRESUME=auto\n")
    write(root, "etc/fstab", "UUID=1 none swap sw 0 0\n")
    ephemeral = ("Filename\t\t\tType\t\tSize\tUsed\tPriority\n/dev/zram0 partition 9000 0 100\n"
                 "/dev/dm-0 partition\t8000 0 -2\n/swapfile file 7000 0 -3\n/dev/zd0 partition 6000 0 -2\n"
                 "/dev/loop0 partition 5000 0 -3\n/dev/md127 partition 5000 0 -3\n/dev/nbd0p1 partition 5000 0 -3\n"
                 "/dev/ram0 partition 5000 0 -3\n/dev/drbd0 partition 5000 0 -3\n")
    (root / "sys/devices/virtual/block/drbd0").mkdir(parents=True)
    (root / "sys/class/block").mkdir(parents=True)
    (root / "sys/class/block/drbd0").symlink_to("../../devices/virtual/block/drbd0")

    def resume(**options):
        return re.findall('kernel_cmdline.*resume=(.*) "  # (.*)', config(root, "import", **options).text)

    write(root, "proc/swaps", f"{ephemeral}/dev/sda2 partition 100 0 -2\n/dev/sdb2  partition 500 0 -4\n"
          "/dev/sdc2 partition 99 0 -5\n/dev/sdd2 partition\n/dev/sde2 partition many 0 -2\n")
    assert resume() == [("/dev/sdb2", "/proc/swaps")]
    for name, uuid in (("sda2", "a-1"), ("sdb2", "b-2")):
        write(root, f"dev/{name}", "")
        write(root, "dev/disk/by-uuid/x", "")
        (root / "dev/disk/by-uuid" / uuid).symlink_to(f"../../{name}")
    assert resume() == [("UUID=b-2", "/proc/swaps")]
    # The same file in the real /proc is about the machine that mounted it there.
    swaps = root / "swaps"
    (root / "proc/swaps").rename(swaps)
    bound = f"mount --make-rprivate /; mount --rbind /proc {root}/proc; mount --bind {swaps} {root}/proc/swaps"
    assert resume(before=in_namespace(bound)) == [("UUID=1", "/etc/fstab:1")]
    write(root, "proc/swaps", ephemeral)
    assert resume() == [("UUID=1", "/etc/fstab:1")]
    write(root, "dev/dm-0", "")
    (root / "dev/disk/by-uuid/1").symlink_to("../../dm-0")
    write(root, "etc/fstab", "UUID=1 none swap sw 0 0\n/dev/md/swap none swap sw 0 0\nLABEL=s none swap sw 0 0\n")
    assert resume() == [("LABEL=s", "/etc/fstab:3")]


@pytest.mark.parametrize("text, lines, notes", [
    ("BOOT=nfs\nNFSROOT=10.0.0.1:/x\nDEVICE=eth0\n", ["hostonly"],
     ["BOOT=nfs", "NFSROOT=10.0.0.1:/x", "DEVICE=eth0"]),
    ("BOOT=local\nNFSROOT=auto\nDEVICE=\nRUNSIZE=10%\nFSTYPE=ext4\nBUSYBOX=y\nKEYMAP=n\n", ["hostonly"], []),
    ("FRAMEBUFFER=y\nRUNSIZE=20%\nIP=dhcp\n", ["hostonly"], ["FRAMEBUFFER=y", "RUNSIZE=20%", "IP=dhcp"]),
    ("MODULES=most\nROOT=\nRESUME=\nCOMPRESS=\n", ["hostonly"], []),
    ("MODULES=every\n", ["hostonly"], ["MODULES=every is not known"]),
    ("U=UUID=1\nRESUME=$U\n", ["kernel_cmdline", "hostonly"], []),
])
def test_each_variable_of_initramfs_tools_is_taken_or_named(text, lines, notes, root):
    write(root, "etc/initramfs-tools/initramfs.conf", text)
    result = config(root, "import", status=FINDING if notes else DONE)
    assert re.findall(r"^(\w+)\+?=", result.text, re.M) == lines
    assert [note in warning for note, warning in
            zip(notes, result.messages("warning"), strict=True)] == [True] * len(notes)


def test_packages_settings_of_initramfs_tools_and_what_masks_them(root):
    shared = "usr/share/initramfs-tools"
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=most\n")
    write(root, f"{shared}/conf.d/a", "COMPRESS=xz\n")
    write(root, f"{shared}/conf.d/b", "COMPRESS=lz4\n")
    write(root, f"{shared}/modules.d/mine", "dummy\n")
    write(root, "etc/initramfs-tools/conf.d/b", "")
    assert imported(root) == (['hostonly="no"', 'compress="xz"', 'force_drivers+=" dummy "'], [])


# As Debian's packages of these names have them.
CONF_HOOKS = {
    "busybox": "BUSYBOXDIR=/bin\n", "dropbear": "# x\nUMASK=0077\nBUSYBOX=y\n",
    "cryptsetup": "# x\nKEYMAP=y\nBUSYBOX=y\nFRAMEBUFFER=y\n", "overlayroot": "export CRYPTSETUP=y\n",
    "mine": 'if [ "$MODULES" = most ]; then\nCOMPRESS=xz\nfi\n', "yours": "COMPRESS=lz4\n", ".hidden": "(",
}


def test_what_packages_set_over_initramfs_conf_is_taken_or_named_once(root):
    folder = "usr/share/initramfs-tools/conf-hooks.d"
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=most\nCOMPRESS=gzip\nKEYMAP=y\n")
    for name, text in CONF_HOOKS.items():
        write(root, f"{folder}/{name}", text)
    (root / folder / "a-folder").mkdir()
    lines, warnings = imported(root, status=FINDING)
    assert sorted(lines) == ['add_dracutmodules+=" crypt "', 'compress="lz4"', 'hostonly="no"']
    assert warnings[0] == f"/{folder}/a-folder: it is a folder, and not read"
    assert [text.split(": ")[:2] for text in warnings[1:]] == [
        [f"/{folder}/mine:1:1", "it is left out"], [f"/{folder}/cryptsetup:2", "KEYMAP=y"],
        [f"/{folder}/cryptsetup:4", "FRAMEBUFFER=y"]]


def test_folders_and_tables_beside_the_settings_are_named(root):
    write(root, "etc/initramfs-tools/initramfs.conf", "MODULES=most\n")
    write(root, "etc/initramfs-tools/conf.d/sub/x", "COMPRESS=xz\n")
    write(root, "etc/initramfs-tools/DSDT.aml", "DSDT")
    write(root, "etc/initramfs-tools/scripts/functions", "# replaced\n")
    write(root, "etc/initramfs-tools/hooks/.hidden", "x")
    assert [warning.split(": ")[0] for warning in imported(root, status=FINDING)[1]] == [
        f"/etc/initramfs-tools/{name}" for name in ("conf.d/sub", "scripts/functions", "DSDT.aml")]


def test_import_from_mkinitcpio(root):
    write(root, "etc/mkinitcpio.conf",
          'MODULES=(crc32c amdgpu?)\nBINARIES=(/usr/bin/env)\nFILES="/etc/motd"\n'
          "HOOKS=(base systemd autodetect microcode modconf keyboard block lvm2 filesystems resume "
          'fsck)\nCOMPRESSION="zstd"\nCOMPRESSION_OPTIONS=(-15)\n')
    write(root, "etc/mkinitcpio.conf.d/mine.conf", "MODULES+=(dummy)\n")
    assert imported(root) == ([
        'hostonly="yes"', 'add_dracutmodules+=" lvm "', 'add_dracutmodules+=" resume "',
        'force_drivers+=" crc32c "', 'force_drivers+=" amdgpu "', 'force_drivers+=" dummy "',
        'install_items+=" /usr/bin/env "', 'install_items+=" /etc/motd "', 'compress="zstd -15"'], [])
    write(root, "etc/mkinitcpio.conf", 'HOOKS="base udev mine"\n')
    lines, (warning,) = imported(root, status=FINDING)
    assert lines[:2] == ['hostonly="no"', 'omit_dracutmodules+=" fs-lib "']
    assert warning.startswith('/etc/mkinitcpio.conf:1: the hook "mine" is a script')


def test_import_from_booster(root):
    write(root, "etc/booster.yaml",
          "# x\nuniversal: true\nmodules: dummy, -nouveau\nmodules_force_load: nvme\n"
          'compression: "none"  # y\nextra_files: vim,/etc/motd\nmount_timeout: 3m\n'
          "enable_lvm: true\nnetwork:\n  dhcp: on\nunknown: 1\n")
    lines, warnings = imported(root, status=FINDING)
    assert lines == [
        'add_drivers+=" dummy "', 'omit_drivers+=" nouveau "',
        'force_drivers+=" nvme "', 'compress="cat"', 'install_items+=" vim "',
        'install_items+=" /etc/motd "', 'kernel_cmdline+=" rd.timeout=180 "',
        'add_dracutmodules+=" lvm "', 'hostonly="no"']
    assert [warning.split(": ")[:2] for warning in warnings] == [
        ["/etc/booster.yaml:9", "network"], ["/etc/booster.yaml:11", "unknown is not known"]]


@pytest.mark.parametrize("text, lines", [
    ("modules: -*,hid_apple,kernel/fs/btrfs/btrfs.ko,kernel/lib/crc4.ko.xz",
     ["drivers hid_apple", "drivers btrfs", "drivers crc4"]),
    ("modules: -*,-b", ["omit_drivers b", "hostonly_mode strict"]),
    ("modules: -*, 'b'\nuniversal: true", ["drivers 'b'", "hostonly no"]),
    ('modules: "-*"', ["hostonly_mode strict"]), ("universal: off", ["hostonly yes"]),
    ("universal: On # x", ["hostonly no"]), ("mount_timeout: 5m6s", ["kernel_cmdline rd.timeout=306"]),
    ("mount_timeout: 1h", ["kernel_cmdline rd.timeout=3600"]), ("vconsole: false", []),
    ("extra_files: /a b,c ", ["install_items (/a b)", "install_items c"]),
    ("vconsole: yes\nstrip: true\nappend_all_modaliases: true", ["add_dracutmodules i18n"]),
])
def test_what_booster_yaml_says(text, lines, root):
    write(root, "etc/booster.yaml", f"# x\n{text}\n")
    rows = [re.match(r'(\w+)\+?=(.*)', line).groups() for line in imported(root)[0]]
    assert [f"{key} {value.replace(chr(34), '').strip()}" for key, value in rows] == lines


@pytest.mark.parametrize("text, lines, notes", [
    ("modules: a b, -*, c", ["drivers c"], ['modules: "a b" has no effect']),
    ("modules: -*,fs/*.ko", ["hostonly_mode strict"], ['modules: "fs/*.ko" stands for many']),
    ("modules: a,-*,fs/*", ["hostonly_mode strict"], ['modules: "a" has', 'modules: "fs/*" stands']),
    ("modules: -*,-fs/*,b", ["drivers b"], ['modules: "-fs/*" stands for many']),
    ("universal: true\nmodules: -*", ["hostonly yes", "hostonly_mode strict"], ['universal: "-*" in modules']),
    ("modules: -*,fs/*\nuniversal: y", ["hostonly yes", "hostonly_mode strict"],
     ['modules: "fs/*" stands', 'universal: "-*" in modules']),
    ("universal: true\nmodules: fs/*", ["hostonly no"], ['modules: "fs/*" stands']),
])
def test_no_word_of_booster_yaml_is_lost_in_silence(text, lines, notes, root):
    write(root, "etc/booster.yaml", f"{text}\n")
    found, warnings = imported(root, status=FINDING)
    assert [re.sub(r'\W+', " ", line).strip() for line in found] == lines
    assert [note in warning for note, warning in zip(notes, warnings, strict=True)] == [True] * len(notes)


@pytest.mark.parametrize("text, line", [
    ("modules: 'b", 2), ("modules: 'a' b", 2), ("modules: -", 2), ("modules: a,-", 2), ("modules: [a]", 2),
    ("modules: |\n  a", 2), ("modules: *x", 2), ("modules: a,\n  b", 3), ("modules:\n- a", 3), ("a: b: c", 2),
    ("network:\n\tdhcp: on", 3), ("network:\n  - a", 3), ("  universal: true", 2), ("universal: maybe", 2),
    ("mount_timeout: soon", 2), ("compression: x\0y", 2), ("compression: xz\r", 2), ("%YAML 1.2", 2),
])
def test_what_is_not_understood_of_booster_yaml_is_refused(text, line, root):
    write(root, "etc/booster.yaml", f"# x\n{text}\n")
    assert config(root, "import", status=USAGE).error.startswith(f"/etc/booster.yaml:{line}: ")


@pytest.mark.parametrize("text", [
    "token_timeout: 30s", "crypttab_path: /x", "network:\n  dhcp: on\nuniversal: true",
    "serialize_tokens:\n  enabled: true\n\n  # x\n  clevis_timeout: 45s",
    "modules: '*'", "modules: kernel/sound/usb/", "modules: -kernel/a/",
    "emergency_shell_password: x", "extra_files: busybox", "timeout: 5s", "mdraid_config_path: /x",
])
def test_what_booster_has_and_preroot_lacks_is_named(text, root):
    write(root, "etc/booster.yaml", text + "\n")
    (warning,) = imported(root, status=FINDING)[1]
    assert warning.startswith(f"/etc/booster.yaml:1: {text.partition(':')[0]}") or "busybox: " in warning


def test_presets_of_mkinitcpio(root):
    write(root, "etc/mkinitcpio.conf", "HOOKS=(base udev autodetect fsck)\n")
    write(root, "etc/mkinitcpio.d/linux.preset", "PRESETS=('default')\nALL_config=/etc/mkinitcpio.conf\n"
          'ALL_kver="/boot/vmlinuz-linux"\ndefault_image="/boot/initramfs-linux.img"\n')
    assert imported(root) == (['hostonly="yes"'], [])
    write(root, "etc/mkinitcpio.d/own.preset", "default_uki=/efi/a.efi\ndefault_config='/etc/b.conf'\n")
    assert [warning.split(": ")[:2] for warning in imported(root, status=FINDING)[1]] == [
        ["/etc/mkinitcpio.d/own.preset:1", "default_uki"],
        ["/etc/mkinitcpio.d/own.preset:2", "default_config"]]


def test_the_builder_that_is_meant(root):
    assert "no settings of another" in config(root, "import", status=1).error
    write(root, "etc/booster.yaml", "universal: true\n")
    write(root, "etc/mkinitcpio.conf", "MODULES=()\n")
    result = config(root, "import", status=1)
    assert "both mkinitcpio and booster" in result.error and "import booster" in result.hint
    assert 'hostonly="no"' in imported(root, "booster")[0]
    assert config(root, "import", "dracut", status=USAGE).hint
    assert "no settings of initramfs-tools" in config(root, "import", "initramfs-tools", status=1).error
    assert config(root, "export", status=USAGE).error


def test_what_is_imported_is_read_again(root, tmp_path):
    write(root, "etc/mkinitcpio.conf", "FILES=('/a b' /c)\nHOOKS=('two\ncompress=bzip2')\n")
    result = config(root, "import", status=FINDING)
    (tmp_path / "again.conf").write_text(result.text)
    keys = config(root, "--json", "--conf", tmp_path / "again.conf").json["keys"]
    assert keys["install_items"]["words"] == ["/a b", "/c"]
    assert "compress" not in keys


def test_broken_settings_of_others_are_an_error_with_the_place(root):
    write(root, "etc/mkinitcpio.conf", "MODULES=(a\n")
    assert config(root, "import", status=USAGE).error.startswith("/etc/mkinitcpio.conf:1:9: ")
    write(root, "etc/mkinitcpio.conf", "if true; then\n")
    assert config(root, "import", status=USAGE).error.startswith("/etc/mkinitcpio.conf:1:1: ")


@pytest.mark.parametrize("text", ["if true; then\n", b"\xef\xbb\xbfMODULES=dep\n", b"MODULES=dep\r\n",
                                  "MODULES=`x`\n"])
def test_settings_of_initramfs_tools_that_are_wrong_are_wrong_in_an_import_too(text, root):
    write(root, f"{TOOLS}/initramfs.conf", text)
    live = config(root, "--initramfs-tools", TOOLS, status=USAGE)
    result = config(root, "import", status=USAGE)
    assert (result.out, result.err) == (b"", live.err) and result.hint


def test_a_check_of_an_import_prints_only_warnings(root):
    write(root, f"{TOOLS}/initramfs.conf", "MODULES=dep\n")
    assert config(root, "import", "--check").out == b""
    write(root, f"{TOOLS}/initramfs.conf", "MODULES=dep\nBOOT=nfs\n")
    full = config(root, "import", status=FINDING)
    check = config(root, "import", "--check", status=FINDING)
    assert full.text and check.out == b"" and check.err == full.err


@pytest.mark.parametrize("words", [("--json",), ("--kver", "1"), ("--set", "a=b"), ("--list-modules",),
                                   ("--confdir", "/"), ("--initramfs-tools", "none")])
def test_an_import_refuses_the_options_that_it_does_not_have(words, root):
    write(root, f"{TOOLS}/initramfs.conf", "MODULES=dep\n")
    assert "--check" in config(root, "import", *words, status=USAGE).error


def test_an_import_of_settings_that_are_in_effect_says_so_once(root):
    write(root, f"{TOOLS}/initramfs.conf", "MODULES=dep\n")
    assert config(root, "import").messages("warning") == []
    write(root, "usr/sbin/preroot", "")
    (root / "usr/sbin/update-initramfs").symlink_to("preroot")
    (warning,) = config(root, "import").messages("warning")
    assert warning.startswith(f"/{TOOLS}: ") and "override" in warning
    assert len(config(root, "import", "--check", status=FINDING).messages("warning")) == 1
    write(root, "etc/booster.yaml", "universal: true\n")
    assert config(root, "import", "booster").messages("warning") == []
