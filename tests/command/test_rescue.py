# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rescue shell and kernel parameters of an image, and the accounts of failed boots."""

import stat

import pytest

import trees
from program import DONE, FAILED, FINDING, USAGE, run

MACHINE = ["--hardware", trees.MACHINES / "virtio-blk.json"]
HASH = "$6$preroot$abcdefghijk"
VARIABLE = "sys/firmware/efi/efivars/PrerootFailure-"
ACCOUNT = "the root filesystem cannot be reached\n  wanted: root=LABEL=\x1b[31mx\n"


@pytest.fixture
def machine(tree):
    """A small kernel's root with busybox, sulogin and a root password."""
    trees.install(tree.root, "/usr/bin/busybox", "/usr/sbin/sulogin")
    etc = tree.root / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "shadow").write_text(f"daemon:*:1::::::\nroot:{HASH}:19000:0:99999:7:::\n")
    return tree


def build(tree, tmp_path, *words, **expected):
    out = tmp_path / "out.img"
    result = run("build", out, "--root", tree.root, *MACHINE, "--no-cache", *words, **expected)
    conf = run("cat", out, "etc/preroot/boot.conf").text.splitlines() if out.exists() else []
    return out, conf, result


def paths(image):
    return {entry["path"] for entry in run("list", image, "--json").json["entries"]}


@pytest.mark.leaks
def test_the_shell_asks_for_roots_password_and_the_image_is_nobody_elses(machine, tmp_path):
    out, conf, result = build(machine, tmp_path, "--add", "rescue")
    assert "shell=password" in conf and not result.messages("warning")
    assert {"usr/bin/sh", "usr/bin/ls", "usr/sbin/sulogin", "usr/sbin/reboot"} <= paths(out)
    assert run("cat", out, "etc/shadow").text == f"root:{HASH}:::::::\n"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "daemon" not in run("cat", out, "etc/shadow").text


@pytest.mark.parametrize("path, text, named", [
    ("vconsole.conf", "KEYMAP=de-latin1\n", "KEYMAP=de-latin1 (/etc/vconsole.conf)"),
    ("default/keyboard", 'XKBMODEL="pc105"\nXKBLAYOUT="fr,us"\n',
     "XKBLAYOUT=fr,us (/etc/default/keyboard)"),
    ("vconsole.conf", "KEYMAP=us-intl\n", None),
    ("default/keyboard", 'XKBLAYOUT=""\n', None),
])
def test_a_password_on_another_keymap_is_warned_of(path, text, named, machine, tmp_path):
    file = machine.root / "etc" / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    _, _, result = build(machine, tmp_path, "--add", "rescue")
    assert [named in warning for warning in result.messages("warning")] == [True] * bool(named)
    _, _, result = build(machine, tmp_path, "--rescue-shell=open")
    assert len(result.messages("warning")) == 1


def test_without_being_asked_for_there_is_no_shell(machine, tmp_path):
    out, conf, _ = build(machine, tmp_path)
    assert not [line for line in conf if line.startswith("shell=")]
    assert not {"usr/bin/sh", "etc/shadow", "usr/sbin/sulogin"} & paths(out)


@pytest.mark.parametrize("field", ["*", "!", "!!", "!" + HASH])
@pytest.mark.parametrize("asked", [("--add", "rescue"), ("--rescue-shell=password",)])
def test_a_shell_that_nobody_could_log_in_to_is_an_error(field, asked, machine, tmp_path):
    (machine.root / "etc/shadow").write_text(f"root:{field}:::::::\n")
    out = tmp_path / "out.img"
    result = run("build", "--root", machine.root, *asked, "--generic", out, status=FAILED)
    assert "nobody could log in" in result.error and "locked" in result.error
    assert "passwd root" in result.hint and "preroot_rescue_shell=open" in result.hint
    assert not out.exists()


def test_an_open_shell_is_a_warning_and_needs_no_hash(machine, tmp_path):
    out, conf, result = build(machine, tmp_path, "--rescue-shell=open")
    assert "shell=open" in conf and "root shell" in result.messages("warning")[0]
    assert "usr/bin/sh" in paths(out) and "etc/shadow" not in paths(out)
    (machine.root / "etc/shadow").write_text("root::::::::\n")
    _, conf, result = build(machine, tmp_path, "-a", "rescue")
    assert "shell=open" in conf and "empty password" in result.messages("warning")[0]


def test_a_setting_says_who_gets_the_shell(machine, tmp_path):
    settings = machine.root / "etc/dracut.conf"
    for shell, words, expected in (("open", (), "open"), ("password", (), "password"),
                                   ("open", ("--rescue-shell=password",), "password")):
        settings.write_text(f"preroot_rescue_shell={shell}\n")
        assert f"shell={expected}" in build(machine, tmp_path, *words)[1]
    settings.write_text("preroot_rescue_shell=all\n")
    result = build(machine, tmp_path, status=USAGE)[2]
    assert result.error.startswith("/etc/dracut.conf:1: preroot_rescue_shell: ") and "all" in result.error


def test_secrets_that_a_tpm_keeps_keep_the_shell_out(machine, tmp_path):
    crypttab = machine.root / "etc/crypttab"
    crypttab.write_text("# old UUID=1 none tpm2-device=auto\ndata UUID=2 none luks\n")
    assert "secrets=measured" not in build(machine, tmp_path, "--add", "rescue")[1]
    crypttab.write_text("data\tUUID=2 none  discard,tpm2-device=auto\n")
    result = run("build", "--root", machine.root, "--add", "rescue", "--generic",
                 tmp_path / "none.img", status=FAILED)
    assert "TPM" in result.error and "preroot_rescue_shell=password" in result.hint
    _, conf, _ = build(machine, tmp_path, "--rescue-shell", "password")
    assert {"secrets=measured", "shell=password"} <= set(conf)


def test_what_the_shell_needs_must_be_there(machine, tree, tmp_path):
    (machine.root / "usr/sbin/sulogin").unlink()
    _, _, result = build(machine, tmp_path, "--add", "rescue", status=FAILED)
    assert "sulogin" in result.error and result.hint
    (machine.root / "usr/bin/busybox").unlink()
    _, _, result = build(machine, tmp_path, "--rescue-shell", "open", status=FAILED)
    assert "busybox" in result.error and result.hint


def test_shadow_that_is_malformed_is_refused(machine, tmp_path):
    (machine.root / "etc/shadow").write_text("root:a b:::::::\n")
    assert "malformed" in build(machine, tmp_path, "--add", "rescue", status=FAILED)[2].error


def test_what_cannot_be_added_is_wrong_usage():
    result = run("plan", "--add", "resque", status=USAGE)
    assert "resque" in result.error and "rescue" in result.hint
    assert "--rescue-shell" in run("plan", "--rescue-shell", "all", status=USAGE).error


# ---- kernel parameters of the image ----

def cmdline(conf):
    return [line.removeprefix("cmdline=") for line in conf if line.startswith("cmdline=")]


def test_kernel_parameters_come_from_the_command_line_and_the_machine(tree, tmp_path):
    etc = tree.root / "etc"
    (etc / "cmdline.d").mkdir(parents=True)
    (etc / "cmdline.d/20-b.conf").write_text("b=1\n# a comment\n\n b=2")
    (etc / "cmdline.d/10-a.conf").write_text("a=1\tquiet\n")
    (etc / "cmdline.d/notes").write_text("no=1\n")
    (etc / "cmdline").write_text('root="LABEL=a b"\n')
    words = ("--kernel-cmdline", "first=1 ro", "--kernel-cmdline", "second")
    assert cmdline(build(tree, tmp_path, *words)[1]) == [
        "first=1 ro", "second", "a=1 quiet", "b=1", "b=2", 'root="LABEL=a b"']
    out = tmp_path / "generic.img"
    run("build", out, "--root", tree.root, "--generic", "--no-cache", *words)
    conf = run("cat", out, "etc/preroot/boot.conf").text.splitlines()
    assert cmdline(conf) == ["first=1 ro", "second"]


@pytest.mark.parametrize("words, reason", [
    ("a -- b", "--"), ('a="b', "quote"), ("x" * 2048, "2048"), ("x " * 1100, "2048"),
])
def test_kernel_parameters_that_would_change_the_others_are_refused(words, reason, tree, tmp_path):
    result = build(tree, tmp_path, "--kernel-cmdline", words, status=FAILED)[2]
    assert reason in result.error


def test_the_file_of_a_bad_kernel_parameter_is_named(tree, tmp_path):
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/cmdline").write_text("a=b\n--\n")
    assert "/etc/cmdline: " in build(tree, tmp_path, status=FAILED)[2].error


# ---- preroot status ----

@pytest.fixture
def root(tmp_path):
    """A root after a boot that was completed after a failure, and an earlier one that failed."""
    (tmp_path / "run/preroot").mkdir(parents=True)
    (tmp_path / "run/preroot/failure.txt").write_text(ACCOUNT)
    (tmp_path / VARIABLE).parent.mkdir(parents=True)
    # The second half of the name is preroot's own GUID.
    (tmp_path / (VARIABLE + "00000000-0000-0000-0000-000000000000")).write_bytes(b"\7\0\0\0other\n")
    return tmp_path


def test_status_of_a_machine_that_never_failed(tmp_path):
    assert run("status", "--root", tmp_path, "--check", status=DONE).text == (
        "no boot is known to have failed\n")
    assert run("status", "--root", tmp_path, "--json").json == {
        "good": True, "kernels": [], "boot": None, "notes": [],
        "other-builders": [], "failed": False, "this-boot": [], "earlier-boot": []}


def test_status_tells_why_a_boot_failed_until_it_is_forgotten(root):
    text = run("status", "--root", root).text
    assert "the root filesystem cannot be reached" in text and "other" not in text
    assert "\x1b" not in text and "\\x1b[31mx" in text
    assert run("status", "--root", root, "--check", status=FINDING).text == text
    told = run("status", "--root", root, "--json").json
    assert told["failed"] and len(told["this-boot"]) == 2 and not told["earlier-boot"]
    run("status", "--root", root, "--forget")
    assert run("status", "--root", root, "--check").text.startswith("no boot")
    assert run("status", "--root", root, "--forget").status == DONE


def test_status_reads_the_variable_of_the_firmware(root, failure_variable):
    (root / "run/preroot/failure.txt").unlink()
    path = root / "sys/firmware/efi/efivars" / failure_variable
    path.write_bytes(b"\7\0\0\0why it failed\n")
    assert "an earlier boot failed" in run("status", "--root", root).text
    assert run("status", "--root", root, "--json").json["earlier-boot"] == ["why it failed"]
    run("status", "--root", root, "--forget")
    assert not path.exists()
    path.write_bytes(b"\7\0\0")
    assert run("status", "--root", root).text.startswith("no boot")


@pytest.fixture
def failure_variable():
    """Its name, from the sources."""
    header = trees.HERE.parents[1] / "src/format/ours/failure.h"
    line = next(line for line in header.read_text().splitlines() if "FAILURE_VARIABLE " in line)
    return line.split('"')[1]
