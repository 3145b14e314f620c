# SPDX-License-Identifier: LGPL-2.1-or-later
"""--install, --install-optional and --remove add and remove files of the machine itself."""

import os
from pathlib import Path

import pytest

import trees
from program import FAILED, run

PROGRAM = Path("/usr/bin/env")


@pytest.fixture
def system(tree):
    """A tree that also has a program, and a few files."""
    trees.install(tree.root, PROGRAM)
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/motd").write_text("hello\n")
    (tree.root / "etc/tree/sub").mkdir(parents=True)
    (tree.root / "etc/tree/sub/file").write_text("x")
    (tree.root / "etc/tree/link").symlink_to("nowhere")
    (tree.root / "etc/way").symlink_to("/etc/tree")
    return tree


def planned(system, *words):
    """The reasons by path, and the warnings (except about firmware), of a plan with these words."""
    result = run("plan", system.version, "--root", system.root, "--generic", "--json", *words)
    warnings = [text for text in result.json["warnings"] if "firmware" not in text]
    return {e["path"]: e["reason"] for e in result.json["entries"]}, warnings


def refused(system, *words):
    return run("plan", system.version, "--root", system.root, "--generic", *words, status=FAILED)


def libraries():
    """The paths of PROGRAM's libraries in an image."""
    paths = [str(path).lstrip("/") for path in trees.libraries(PROGRAM)]
    return [path if path.startswith("usr/") else f"usr/{path}" for path in paths]


@pytest.mark.parametrize("words", [
    ("--install", "env /etc/motd"), ("-I", "/usr/bin/env", "-I", " \t/etc/motd "),
    ("--install=/etc/motd", "--install-optional", "env"),
])
def test_files_and_programs_come_with_what_they_need(words, system):
    paths, warnings = planned(system, *words)
    assert {"usr/bin/env", "etc/motd", *libraries()} <= set(paths)
    assert "--install" in paths["etc/motd"] and "/etc/motd" in paths["etc/motd"]
    assert not warnings


def test_folder_comes_with_all_that_is_in_it(system):
    paths, _ = planned(system, "--install", "/etc/tree/")
    assert {"etc/tree", "etc/tree/sub/file", "etc/tree/link"} <= set(paths)
    paths, _ = planned(system, "--install", "/etc/way")
    assert {"etc/way", "etc/tree/sub/file"} <= set(paths)


@pytest.mark.parametrize("word, part", [
    ("/etc/nothing", "/etc/nothing"), ("nothing-of-the-kind", "nothing-of-the-kind"),
    ("motd", "motd"), ("bin/env", "bin/env"),
])
def test_missing_one_is_an_error_or_a_remark(word, part, system):
    result = refused(system, "--install", word)
    assert part in result.error and "--install" in result.error and result.hint
    words = ("--install-optional", f"{word} /etc/motd")
    paths, warnings = planned(system, *words)
    told = run("plan", system.version, "--root", system.root, "--generic", *words).text
    assert not warnings and f"# there is no {part} (--install-optional); " in told
    assert "etc/motd" in paths


@pytest.mark.parametrize("word, found", [
    ("/etc/mot*", {"etc/motd"}), ("/et[c]/m?td", {"etc/motd"}), ("/etc/tree/*/fil*", {"etc/tree/sub/file"}),
    ("/etc//t*e/", {"etc/tree/sub/file"}),
])
def test_a_pattern_stands_for_what_it_matches(word, found, system):
    before, _ = planned(system)
    paths, warnings = planned(system, "--install", word)
    files = {path for path in set(paths) - set(before) if (system.root / path).is_file()}
    assert files == found and not warnings and all(word in paths[path] for path in found)


@pytest.mark.parametrize("word", ["/etc/none*", "/none*/motd", "/etc/motd/*", "/etc/.*", "mot*", "/etc/tree/[x"])
def test_a_pattern_that_matches_nothing_is_a_missing_file(word, system):
    assert f"{word} (asked for with --install)" in refused(system, "--install", word).error
    assert planned(system, "--install-optional", word) == planned(system)


def test_a_pattern_that_stands_for_too_much_is_refused(system):
    folder = system.root / "etc/many"
    folder.mkdir()
    for i in range(10001):
        (folder / str(i)).touch()
    assert "stands for over 10000 files" in refused(system, "--install", "/etc/many/*").error


def test_what_cannot_be_in_an_image_is_refused(system):
    os.mkfifo(system.root / "etc/tree/fifo")
    assert "etc/tree/fifo" in refused(system, "--install", "/etc/tree").error
    assert "etc/tree/fifo" in refused(system, "--install", "/etc/tree/fifo").error
    assert "whole root" in refused(system, "--install", "/").error


def test_optional_one_with_a_missing_library_is_an_error(system):
    library = next(path for path in trees.libraries(PROGRAM) if "ld-linux" not in path.name)
    (system.root / str(library).lstrip("/")).unlink()
    assert library.name in refused(system, "--install-optional", "env").error


@pytest.mark.parametrize("pattern", [
    "/lib/modules/*/kernel/drivers/scsi/qla1280.ko*",
    "usr/lib/modules/*/kernel/drivers/scsi/qla1280.ko.zst", "lib/modules/*/*/*/*/qla1280*",
])
def test_removed_module_is_gone_from_the_index_too(pattern, system, tmp_path):
    """`verify` checks that each module of the index is there."""
    before, _ = planned(system)
    after, warnings = planned(system, "--remove", pattern)
    gone = [path for path in before if path not in after]
    assert any("qla1280.ko" in path for path in gone) and not warnings
    assert all("qla1280" in path or "1280" in path or before[path].startswith("holds ")
               for path in gone)
    out = tmp_path / "out.img"
    run("build", out, system.version, "--root", system.root, "--generic", "--remove", pattern)
    run("verify", "--root", system.root, out)


@pytest.mark.parametrize("pattern, part", [
    ("/lib/modules/*/kernel/drivers/scsi/scsi_mod.ko*", "scsi_mod"),
    ("/lib/modules/*/kernel/fs/ext4/ext4.ko*", "ext4"),
])
def test_needed_module_stays(pattern, part, system):
    words = ["--force-drivers", "ext4", "--remove", pattern]
    result = refused(system, *words)
    assert "--remove" in result.error and part in result.error


@pytest.mark.parametrize("pattern", [
    "/init", "init", "/usr/lib/preroot", "etc/preroot/boot.conf", "/etc", "lib", "/dev", "*",
    "/usr/lib/preroot/modules.index", "/sbin/modprobe",
])
def test_what_pid_1_needs_stays(pattern, system):
    result = refused(system, "--remove", pattern)
    assert f"--remove {pattern}:" in result.error and "PID 1" in result.error


def test_needed_library_stays_until_what_needs_it_goes(system):
    library = f"/{libraries()[0]}"
    result = refused(system, "--install", "env", "--remove", library)
    assert library in result.error and "/usr/bin/env" in result.error and result.hint
    paths, _ = planned(system, "--install", "env", "--remove", f"{library} /bin/env")
    assert library.lstrip("/") not in paths and "usr/bin/env" not in paths


def test_removed_libraries_are_not_in_the_linker_cache(system, tmp_path):
    """Whether the cache keeps others or goes as well."""
    out, all_of_them = tmp_path / "out.img", [f"/{path}" for path in libraries()]
    words = ["--root", system.root, "--generic", "--install", "env"]
    run("build", out, system.version, *words)
    assert b"libc.so.6" in run("cat", out, "etc/ld.so.cache").out
    run("build", out, system.version, *words, "--remove", f"{' '.join(all_of_them)} /bin/env")
    listed = {entry["path"] for entry in run("list", "--json", out).json["entries"]}
    after = run("cat", out, "etc/ld.so.cache").out if "etc/ld.so.cache" in listed else b""
    assert b"libc.so.6" not in after
    run("verify", out)


def test_needed_library_of_an_included_program_stays(system):
    result = refused(system, "--include", PROGRAM, "/opt/env", "--remove", f"/{libraries()[0]}")
    assert "/opt/env" in result.error


def test_folder_goes_with_its_content_and_empty_parents(system):
    words = ["--install", "/etc/tree"]
    paths, warnings = planned(system, *words, "--remove", "/etc/tree/sub/")
    assert "etc/tree/link" in paths and not any(p.startswith("etc/tree/sub") for p in paths)
    paths, warnings = planned(system, "--install", "/etc/tree/sub/file", "--remove", "etc/*/*/file")
    assert not any(path.startswith("etc/tree") for path in paths) and not warnings
    paths, warnings = planned(system, *words, "--remove", "etc/t*/file")
    assert "etc/tree/sub/file" in paths and len(warnings) == 1


def test_pattern_without_a_match_is_a_warning(system):
    _, warnings = planned(system, "--remove", "/no/such /etc/initrd-release", "--remove", "*.x")
    assert len(warnings) == 2
    assert "/no/such" in warnings[0] and "*.x" in warnings[1]


def test_same_words_give_the_same_bytes(system, tmp_path):
    words = ["--install", "env /etc/tree", "--remove", "/etc/tree/link"]
    for name in ("one", "two"):
        run("build", tmp_path / name, system.version, "--root", system.root, "--generic", *words)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert run("why", tmp_path / "one", "/usr/bin/env").text.count("--install env")
