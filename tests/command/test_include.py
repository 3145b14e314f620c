# SPDX-License-Identifier: LGPL-2.1-or-later
"""--include: the user's own files, folders and programs in an image."""

import os
import shutil
import stat
from pathlib import Path

import pytest

import trees
from program import FAILED, run

PROGRAM = Path("/bin/true")


@pytest.fixture
def built(tree, tmp_path):
    """Builds with --include options. Returns the extracted image."""
    def build(*pairs):
        out, target = tmp_path / "out.img", tmp_path / "target"
        shutil.rmtree(target, ignore_errors=True)
        words = [word for pair in pairs for word in ("--include", *pair)]
        run("build", out, tree.version, "--root", tree.root, "--generic", *words)
        run("verify", "--root", tree.root, out)
        run("extract", out, target)
        return target
    return build


def mode(path):
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("target, there", [
    ("/etc/motd", "etc/motd"),
    ("etc/motd", "etc/motd"),
    ("//etc/motd", "etc/motd"),
    ("/etc/", "etc/source"),
    ("/new/folder/", "new/folder/source"),
    ("/lib/x", "usr/lib/x"),
    ("/bin/x", "usr/bin/x"),
])
def test_file(target, there, built, tmp_path):
    (tmp_path / "source").write_bytes(b"text\n")
    (tmp_path / "source").chmod(0o640)
    found = built([tmp_path / "source", target]) / there
    assert found.read_bytes() == b"text\n"
    assert mode(found) == 0o640


@pytest.mark.parametrize("target", ["/opt/tree", "/opt/tree/"])
def test_folder(target, built, tmp_path):
    source = tmp_path / "source"
    (source / "empty").mkdir(parents=True)
    (source / "deep/er").mkdir(parents=True)
    (source / "deep/er/file").write_bytes(b"x" * 70000)
    (source / "link").symlink_to("deep/er/file")
    (source / "dangling").symlink_to("/no/such/file")
    (source / "name with blank").write_bytes(b"")
    (source / "deep").chmod(0o750)
    found = built([source, target]) / "opt/tree"
    assert trees.snapshot(found) == trees.snapshot(source)


@pytest.mark.leaks
def test_folder_as_the_root(built, tmp_path):
    (tmp_path / "source/etc").mkdir(parents=True)
    (tmp_path / "source/etc/own").write_bytes(b"own")
    target = built([tmp_path / "source", "/"])
    assert (target / "etc/own").read_bytes() == b"own"
    assert (target / "init").exists()


def test_link_on_the_command_line_is_followed(built, tmp_path):
    (tmp_path / "real").write_bytes(b"real")
    (tmp_path / "link").symlink_to("real")
    found = built([tmp_path / "link", "/x"]) / "x"
    assert not found.is_symlink() and found.read_bytes() == b"real"


def test_rights_of_another_user_are_dropped(built, tmp_path):
    """Everything in an image belongs to root, so setuid has no use there, and must do no harm."""
    (tmp_path / "source").write_bytes(b"x")
    (tmp_path / "source").chmod(0o6755)
    found = built([tmp_path / "source", "/x"]) / "x"
    assert mode(found) == 0o755
    listed = run("list", "--json", tmp_path / "out.img").json["entries"]
    assert next(entry["mode"] for entry in listed if entry["path"] == "x") == "-rwxr-xr-x"
    assert {(entry["uid"], entry["gid"]) for entry in listed} == {(0, 0)}


def test_own_file_replaces_one_of_ours(built, tmp_path):
    (tmp_path / "release").write_bytes(b"ID=mine\n")
    target = built([tmp_path / "release", "/etc/initrd-release"])
    assert (target / "etc/initrd-release").read_bytes() == b"ID=mine\n"


def test_later_include_wins(built, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    target = built([tmp_path / "one", "/x"], [tmp_path / "two", "/x"])
    assert (target / "x").read_text() == "two"


def test_why_names_the_option(built, tmp_path):
    (tmp_path / "source").write_bytes(b"x")
    built([tmp_path / "source", "/x"])
    text = run("why", tmp_path / "out.img", "/x").text
    assert f"--include {tmp_path / 'source'}" in text


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe"])
def test_name_that_is_no_text(name, tree, built, tmp_path):
    """It is packed as it is, and JSON output stays valid."""
    (tmp_path / "source").mkdir()
    with open(os.fsencode(tmp_path / "source") + b"/" + name, "wb") as file:
        file.write(b"x")
    target = built([tmp_path / "source", "/source"])
    assert os.listdir(os.fsencode(target / "source")) == [name]
    plan = run("plan", "--json", tree.version, "--root", tree.root, "--generic", "--include",
               tmp_path / "source", "/source").json
    assert any(entry["path"].startswith("source/") for entry in plan["entries"])


# ---- programs ----

def test_program_brings_its_libraries(tree, built):
    """They are found below --root by reading the file, never by running it."""
    trees.install(tree.root, PROGRAM)
    target = built([tree.root / "usr/bin/true", "/usr/bin/true"])
    needed = trees.libraries(PROGRAM)
    assert any("ld-linux" in path.name for path in needed) and len(needed) >= 2
    for path in needed:
        assert (target / str(path).lstrip("/")).read_bytes() == path.read_bytes()


def test_program_runs_inside(tree, built, tmp_path):
    trees.install(tree.root, PROGRAM, "/bin/sh")
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n/bin/true && echo it runs\n")
    script.chmod(0o755)
    target = built([tree.root / "bin/true", "/bin/true"], [script, "/script"])
    done = trees.run_inside(target, "/script")
    assert done == b"it runs\n"


def test_missing_library_is_named(tree, tmp_path):
    trees.install(tree.root, PROGRAM)
    library = next(path for path in trees.libraries(PROGRAM) if path.name.startswith("libc.so"))
    (tree.root / str(library).lstrip("/")).unlink()
    result = run("build", tmp_path / "out.img", tree.version, "--root", tree.root, "--generic",
                 "--include", tree.root / "usr/bin/true", "/usr/bin/true", status=FAILED)
    assert library.name in result.error and "usr/bin/true" in result.error
    assert not (tmp_path / "out.img").exists()


def test_missing_dynamic_linker_is_named(tree, tmp_path):
    trees.install(tree.root, PROGRAM)
    linker = next(path for path in trees.libraries(PROGRAM) if "ld-linux" in path.name)
    (tree.root / str(linker).lstrip("/")).unlink()
    result = run("plan", tree.version, "--root", tree.root, "--generic",
                 "--include", tree.root / "usr/bin/true", "/usr/bin/true", status=FAILED)
    assert linker.name in result.error


def test_libraries_of_the_build_machine_are_not_taken(tree):
    """The root has none, and those of the build machine do not count."""
    result = run("plan", tree.version, "--root", tree.root, "--generic", "--include", PROGRAM,
                 "/usr/bin/true", status=FAILED)
    assert "bin/true" in result.error


@pytest.mark.parametrize("line", ["#!/bin/sh", "#! /bin/sh -e", "#!/usr/bin/env sh"])
def test_script_brings_its_interpreter(line, tree, built, tmp_path):
    trees.install(tree.root, "/bin/sh", "/usr/bin/env")
    (tmp_path / "script").write_text(f"{line}\necho hello\n")
    target = built([tmp_path / "script", "/script"])
    assert (target / "usr/bin/sh").read_bytes() == Path("/bin/sh").read_bytes()
    assert (target / "usr/bin/env").exists() == ("env" in line)
    for path in trees.libraries("/bin/sh"):
        assert (target / str(path).lstrip("/")).exists()


@pytest.mark.parametrize("line, missing", [
    ("#!/bin/sh", "bin/sh"),
    ("#!/opt/no/such -x", "opt/no/such"),
    ("#!/usr/bin/env python9", "python9"),
])
def test_missing_interpreter_is_named(line, missing, tree, tmp_path):
    if "env" in line:
        trees.install(tree.root, "/usr/bin/env")
    (tmp_path / "script").write_text(f"{line}\n")
    result = run("plan", tree.version, "--root", tree.root, "--generic", "--include",
                 tmp_path / "script", "/script", status=FAILED)
    assert missing in result.error


@pytest.mark.parametrize("damage", [
    lambda data: data[:40],
    lambda data: data[:100],
    lambda data: data[:len(data) // 2],
    lambda data: data[:32] + b"\xff" * 8 + data[40:],
], ids=["header", "program header", "half", "offset"])
def test_damaged_program_is_refused(damage, tree, tmp_path):
    trees.install(tree.root, PROGRAM)
    (tmp_path / "broken").write_bytes(damage(PROGRAM.read_bytes()))
    words = ["plan", tree.version, "--root", tree.root, "--generic", "--include",
             tmp_path / "broken", "/broken"]
    result = run(*words, status=FAILED)
    assert "broken" in result.error


@pytest.mark.parametrize("path, hint", [
    ("/kernel/x86/microcode/GenuineIntel.bin", "microcode"),
    ("/kernel/firmware/acpi/ssdt.aml", "acpi_override"),
])
def test_what_the_kernel_looks_for_early_is_refused(path, hint, tree, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    result = run("build", tmp_path / "out.img", "--root", tree.root, "--hardware",
                 trees.MACHINES / "virtio-blk.json", "--include", tmp_path / "file", path,
                 status=FAILED)
    assert path in result.error and hint in result.hint
    assert not (tmp_path / "out.img").exists()
