# SPDX-License-Identifier: LGPL-2.1-or-later
"""Drop-in features: what files in features.d put into an image."""

from pathlib import Path

import pytest

import trees
from program import FAILED, USAGE, run

PROGRAM = Path("/usr/bin/env")
ETC, USR = "etc/preroot/features.d", "usr/lib/preroot/features.d"
LOCAL = "usr/local/lib/preroot/features.d"


@pytest.fixture
def system(tree):
    trees.install(tree.root, PROGRAM)
    (tree.root / "usr/libexec").mkdir()
    for name in ("20-second", "10-first", "nothing-to-run"):
        (tree.root / "usr/libexec" / name).write_text("#!/usr/bin/env env\n")
        (tree.root / "usr/libexec" / name).chmod(0o644 if name == "nothing-to-run" else 0o755)
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/motd").write_text("hello\n")
    return tree


def put(system, text, name="x.conf", folder=ETC):
    path = system.root / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def planned(system, *words):
    result = run("plan", system.version, "--root", system.root, "--generic", "--json", *words)
    warnings = [text for text in result.json["warnings"] if "firmware" not in text]
    return {e["path"]: e["reason"] for e in result.json["entries"]}, warnings


def refused(system):
    return run("plan", system.version, "--root", system.root, "--generic", status=FAILED)


def boot_conf(system, tmp_path, *words):
    out = tmp_path / "out.img"
    run("build", out, system.version, "--root", system.root, "--generic", *words)
    run("verify", "--root", system.root, out)
    return run("cat", out, "etc/preroot/boot.conf").text.splitlines()


@pytest.mark.leaks
def test_whole_feature(system, tmp_path):
    put(system, """\
# What everything is for
description="Greets the machine"
binaries="env"
files+=" /etc/motd"
optional_files="/etc/absent /etc/motd"
modules=dummy
load_modules=(nvme)
kernel_cmdline='console=tty0 root="LABEL=my root"'
pre_mount="/usr/libexec/20-second"
pre_mount+="/usr/libexec/10-first"
pre_trigger="/usr/libexec/20-second"
timeout=5
required=yes
optional_binaries="absent-program /usr/bin/absent env"
""")
    paths, warnings = planned(system)
    assert "/etc/preroot/features.d/x.conf:3 " in paths["usr/bin/env"]
    assert "Greets the machine" in paths["usr/bin/env"]
    assert "/etc/preroot/features.d/x.conf:4 " in paths["etc/motd"]
    assert "x.conf:11" in paths["usr/libexec/20-second"]
    dummy = next(path for path in paths if "/dummy.ko" in path)
    assert "x.conf:6 " in paths[dummy]
    missing = [("14", "absent-program"), ("14", "/usr/bin/absent"), ("5", "/etc/absent")]
    assert len(warnings) == 3
    for (line, word), warning in zip(missing, warnings):
        assert f"x.conf:{line}: there is no {word};" in warning
    lines = boot_conf(system, tmp_path)
    assert [line for line in lines if line.startswith("dropin.run=")] == [
        "dropin.run=pre-trigger 5 required /usr/libexec/20-second",
        "dropin.run=pre-mount 5 required /usr/libexec/10-first",
        "dropin.run=pre-mount 5 required /usr/libexec/20-second"]
    assert "load=nvme" in lines and "load=dummy" not in lines
    assert 'cmdline=console=tty0 root="LABEL=my root"' in lines
    assert "x.conf:3" in run("why", tmp_path / "out.img", "/usr/bin/env").text


def test_files_are_read_by_name_and_etc_wins(system, tmp_path):
    put(system, "kernel_cmdline=late", "b.conf")
    put(system, "kernel_cmdline=early", "a.conf", USR)
    put(system, "kernel_cmdline=mine", "c.conf")
    put(system, "kernel_cmdline=theirs", "c.conf", USR)
    put(system, "kernel_cmdline=local", "e.conf", LOCAL)
    put(system, "kernel_cmdline=theirs", "e.conf", USR)
    put(system, "kernel_cmdline=masked", "d.conf", USR)
    (system.root / ETC / "d.conf").symlink_to("/dev/null")
    put(system, "this is no feature", "README")
    lines = boot_conf(system, tmp_path)
    assert [line for line in lines if line.startswith("cmdline=")] == [
        "cmdline=early", "cmdline=late", "cmdline=mine", "cmdline=local"]


@pytest.mark.parametrize("condition, holds", [
    ("condition_mode=generic", True), ("condition_mode=hostonly", False),
    ("condition_path_exists=/etc/motd", True), ("condition_path_exists='/etc/motd /no'", False),
    ("condition_mode=generic\ncondition_path_exists=/no", False),
])
def test_conditions(condition, holds, system):
    put(system, f"{condition}\nfiles=/etc/motd\n")
    assert ("etc/motd" in planned(system)[0]) == holds


def test_on_request(system):
    put(system, "on_request=yes\nfiles=/etc/motd\nboguskey=1\n", "mine.conf")
    assert "etc/motd" not in planned(system)[0]
    assert "etc/motd" in planned(system, "--add", "mine")[0]
    assert "etc/motd" not in planned(system, "--add", "mine", "--omit", "mine")[0]
    put(system, "files=/etc/motd\n", "mine.conf", USR)
    (system.root / ETC / "mine.conf").unlink()
    assert "etc/motd" in planned(system)[0]
    assert "etc/motd" not in planned(system, "--omit", "mine")[0]


@pytest.mark.parametrize("word", ["mine", "no", "../features.d/yes", "yes.conf"])
def test_only_features_that_are_there_can_be_added(word, system):
    put(system, "files=/etc/motd\n", "yes.conf")
    put(system, "files=/etc/motd\n", "no.conf", USR)
    (system.root / ETC / "no.conf").symlink_to("/dev/null")
    result = run("plan", system.version, "--root", system.root, "--generic", "--add", word,
                 status=USAGE)
    assert f'there is no feature "{word}"' in result.error


def test_a_file_may_be_missing_without_a_word(system):
    put(system, "files_if_present='/etc/motd /etc/absent'\n")
    paths, warnings = planned(system)
    assert "etc/motd" in paths and "etc/absent" not in paths and not warnings


def test_kernel_version_is_known(system):
    (system.root / f"etc/for-{system.version}").write_text("x")
    put(system, 'files="/etc/for-${kernel}"')
    assert f"etc/for-{system.version}" in planned(system)[0]


@pytest.mark.parametrize("key, near", [
    ("binary", "binaries"), ("module", "modules"), ("pre_mout", "pre_mount"),
    ("Files", "files"), ("completely_different", None),
])
def test_unknown_key_is_a_warning_that_names_the_nearest(key, near, system):
    put(system, f"files=/etc/motd\n{key}=x\n")
    paths, warnings = planned(system)
    assert "etc/motd" in paths
    assert len(warnings) == 1 and f'"{key}"' in warnings[0] and "x.conf:2" in warnings[0]
    assert near is None or f'"{near}"' in warnings[0]


@pytest.mark.parametrize("line, part", [
    ("binaries=absent-program", "absent-program"),
    ("binaries=/usr/bin/absent", "/usr/bin/absent"),
    ("files=/etc/absent", "/etc/absent"),
    ("files=env", "leading slash"),
    ("optional_files=motd", "leading slash"),
    ("modules=absent-module", "absent-module"),
    ("load_modules='nvme absent'", "absent"),
    ("pre_mount=/usr/libexec/absent", "/usr/libexec/absent"),
    ("pre_mount=/usr/libexec/nothing-to-run", "executable"),
    ("pre_pivot=/usr/libexec", "executable"),
    ("arguments='1 2 3 4 5 6 7 8 9'", "over 8"),
    (f"arguments={'x' * 1025}", "1024"),
    ("timeout=0", "timeout"),
    ("timeout=ten", "timeout"),
    ("required=perhaps", "required"),
    ("on_request=perhaps", "on_request"),
    ("files_if_present=motd", "leading slash"),
    ("condition_mode=both", "condition_mode"),
    ("condition_path_exists=motd", "leading slash"),
    ("condition_kernel_cmdline='a b'", "one parameter"),
    ("condition_kernel_cmdline=a=b", "one parameter"),
    ("kernel_cmdline='root=\"x'", "quote"),
    ("kernel_cmdline='ro -- single'", "--"),
    (f"kernel_cmdline={'x' * 3000}", "2048"),
    ("files=$(ls)", "x.conf:2:7"),
    ("files=$HOME", "HOME"),
    ("rm -rf /", "x.conf:2:1"),
])
def test_wrong_line_is_an_error_with_its_place(line, part, system):
    put(system, f"# a comment\n{line}\n")
    result = refused(system)
    assert "/etc/preroot/features.d/x.conf:2" in result.error and part in result.error


def test_missing_library_names_the_line(system):
    library = next(path for path in trees.libraries(PROGRAM) if "ld-linux" not in path.name)
    (system.root / str(library).lstrip("/")).unlink()
    put(system, "\n\nbinaries=env")
    result = refused(system)
    assert "x.conf:3" in result.error and library.name in result.error


def test_too_many_programs_are_refused(system):
    for i in range(65):
        trees.install(system.root)
        path = system.root / f"usr/libexec/p{i}"
        path.write_text("")
        path.chmod(0o755)
    put(system, 'pre_mount="' + " ".join(f"/usr/libexec/p{i}" for i in range(65)) + '"')
    assert "64" in refused(system).error


def test_one_program_of_two_features_runs_once_by_the_stricter_wish(system, tmp_path):
    put(system, "pre_mount=/usr/libexec/10-first\ntimeout=7", "a.conf")
    put(system, "pre_mount=/usr/libexec/10-first\nrequired=yes\ntimeout=3", "b.conf")
    assert [line for line in boot_conf(system, tmp_path) if line.startswith("dropin.run=")] == [
        "dropin.run=pre-mount 7 required /usr/libexec/10-first"]


def test_arguments_are_of_the_programs_of_one_file(system, tmp_path):
    put(system, "post_mount='/usr/libexec/20-second /usr/libexec/10-first'\n"
                "arguments=/sysroot\narguments+=' --two'\n", "a.conf")
    put(system, "post_mount=/usr/libexec/10-first\npre_pivot=/usr/libexec/10-first", "b.conf")
    put(system, "post_mount=/usr/libexec/10-first\narguments='/sysroot --two'\n"
                "required=yes", "c.conf")
    put(system, "pre_pivot=/usr/libexec/10-first\ncondition_kernel_cmdline=ostree", "d.conf")
    assert [line for line in boot_conf(system, tmp_path) if line.startswith("dropin.")] == [
        "dropin.run=post-mount 90 optional /usr/libexec/10-first",
        "dropin.run=post-mount 90 required /usr/libexec/10-first",
        "dropin.argument=/sysroot", "dropin.argument=--two",
        "dropin.run=post-mount 90 optional /usr/libexec/20-second",
        "dropin.argument=/sysroot", "dropin.argument=--two",
        "dropin.run=pre-pivot 90 optional /usr/libexec/10-first",
        "dropin.run=pre-pivot 90 optional /usr/libexec/10-first", "dropin.if=ostree"]


def test_program_that_is_to_run_cannot_be_removed(system):
    put(system, "pre_mount=/usr/libexec/10-first")
    result = run("plan", system.version, "--root", system.root, "--generic", "--remove",
                 "/usr/libexec/10-first", status=FAILED)
    assert "/usr/libexec/10-first" in result.error


def test_unreadable_feature_is_an_error(system):
    (system.root / ETC / "x.conf").mkdir(parents=True)
    assert "/etc/preroot/features.d/x.conf" in refused(system).error
    (system.root / ETC / "x.conf").rmdir()
    (system.root / ETC / "x.conf").symlink_to("/no/such/file")
    assert "/etc/preroot/features.d/x.conf" in refused(system).error
