# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots in every form of the merged /usr, chains of links, scripts, and many names of one file."""

import os
import shutil
import stat
import subprocess

import pytest

import archive
from program import FAILED, UNPRIVILEGED, run
from test_libraries import LIBC, LOADER, MULTIARCH, Workshop

FORMS = {
    "merged": {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"},
    "absolute": {"bin": "/usr/bin", "sbin": "/usr/sbin", "lib": "/usr/lib", "lib64": "/usr/lib64"},
    "unmerged": {},
    "half": {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib"},
    "bin-sbin": {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64",
                 "usr/sbin": "bin"},
    "arch": {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib",
             "usr/sbin": "bin", "usr/lib64": "lib"},
}


@pytest.fixture
def form(request, tree, tmp_path):
    """A workshop whose root has the layout of that name."""
    links = FORMS[request.param]
    root = tree.root
    for path in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "bin", "sbin", "lib", "lib64"):
        if path not in links:
            (root / path).mkdir(parents=True, exist_ok=True)
    if "lib" in links:
        shutil.copytree(root / "lib", root / "usr/lib", symlinks=True, dirs_exist_ok=True,
                        copy_function=os.link)
        shutil.rmtree(root / "lib")
    if "usr/sbin" in links:
        shutil.copytree(root / "usr/sbin", root / "usr/bin", dirs_exist_ok=True)
        shutil.rmtree(root / "usr/sbin")
    for path, target in links.items():
        (root / path).symlink_to(target)
    made = Workshop.__new__(Workshop)
    made.tree, made.root, made.tmp = tree, root, tmp_path
    libs = root / ("usr/lib" if "lib" in links else "lib")
    libs /= "" if request.param == "arch" else "x86_64-linux-gnu"
    libs.mkdir(parents=True, exist_ok=True)
    for path in (LOADER, LIBC):
        shutil.copyfile(path, libs / path.name)
        (libs / path.name).chmod(0o755)
    if request.param != "arch":
        lib64 = root / ("usr/lib64" if "lib64" in links else "lib64")
        (lib64 / LOADER.name).symlink_to(f"../lib/x86_64-linux-gnu/{LOADER.name}")
    return made


def script(shop, path, line, mode=0o755):
    (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
    (shop.root / path).write_bytes(line if isinstance(line, bytes) else line.encode() + b"\n")
    (shop.root / path).chmod(mode)
    return path


@pytest.mark.parametrize("place", ["bin", "sbin", "usr/bin", "usr/sbin"])
@pytest.mark.parametrize("form", FORMS, indirect=True)
def test_program_runs_by_the_path_that_was_asked_for(form, place, tmp_path):
    """A script names the program, and the image has it at that path, whatever the root's layout."""
    form.library("lib/libone.so", answer=6)
    form.program(f"{place}/prog", ["lib/libone.so"])
    script(form, "start", f"#!/{place}/prog")
    target = form.build("start")
    assert form.run(target, f"/{place}/prog") == "6"
    assert form.run(target, "/start") == "6"
    for name in ("bin", "sbin", "lib", "lib64"):
        assert os.readlink(target / name) == f"usr/{name}"


@pytest.mark.parametrize("form", ["unmerged"], indirect=True)
def test_same_file_on_both_sides_of_the_merge(form):
    form.program("bin/prog")
    shutil.copy(form.root / "bin/prog", form.root / "usr/bin/prog")
    script(form, "one", "#!/bin/prog")
    script(form, "two", "#!/usr/bin/prog")
    target = form.build("one", "two")
    assert form.run(target, "/two") == "0"


@pytest.mark.parametrize("form", ["unmerged"], indirect=True)
def test_different_files_on_both_sides_of_the_merge(form):
    form.program("bin/prog")
    form.program("usr/bin/prog", body='printf("other\\n");')
    script(form, "one", "#!/bin/prog")
    script(form, "two", "#!/usr/bin/prog")
    result = form.plan("one", "two", status=FAILED)
    assert "/usr/bin/prog and /bin/prog differ" in result.error
    assert "script /one" in result.error and "script /two" in result.error


@pytest.mark.parametrize("form", ["unmerged"], indirect=True)
@pytest.mark.parametrize("target", ["/bin/prog", "../../bin/prog"])
def test_link_from_one_side_to_the_other(form, target):
    form.program("bin/prog")
    (form.root / "usr/bin/prog").symlink_to(target)
    script(form, "one", "#!/usr/bin/prog")
    assert form.run(form.build("one"), "/one") == "0"


# ---- links ----

@pytest.fixture
def shop(tree, tmp_path):
    return Workshop(tree, tmp_path)


def test_chain_of_links_is_kept(shop):
    shop.program("opt/real-1.2/bin/prog")
    (shop.root / "etc/alternatives").mkdir(parents=True)
    (shop.root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (shop.root / "opt/real").symlink_to("real-1.2")
    (shop.root / "etc/alternatives/prog").symlink_to("../../opt/real/bin/prog")
    (shop.root / "usr/bin/prog").symlink_to("/etc/alternatives/prog")
    target = shop.build(script(shop, "start", "#!/usr/bin/prog"))
    assert shop.run(target, "/start") == "0"
    for path in ("usr/bin/prog", "etc/alternatives/prog", "opt/real"):
        assert os.readlink(target / path) == os.readlink(shop.root / path)


def test_library_links_are_kept(shop):
    shop.library("usr/lib/libone.so.1.2.3", soname="libone.so.1")
    (shop.root / "usr/lib/libone.so.1").symlink_to("libone.so.1.2.3")
    shop.program("usr/bin/prog", ["usr/lib/libone.so.1.2.3"])
    target = shop.build("usr/bin/prog")
    assert os.readlink(target / "usr/lib/libone.so.1") == "libone.so.1.2.3"
    assert shop.run(target, "/usr/bin/prog") == "1"


@pytest.mark.parametrize("links, texts", [
    ({"usr/bin/x": "y", "usr/bin/y": "x"}, ["/usr/bin/x -> y -> x", "form a loop"]),
    ({"usr/bin/x": "x"}, ["/usr/bin/x -> x", "form a loop"]),
    ({"usr/bin/x": "/etc/alternatives/x", "etc/alternatives/x": "/opt/none"},
     ["/usr/bin/x -> /etc/alternatives/x -> /opt/none", "leads nowhere"]),
])
def test_links_that_lead_nowhere(links, texts, shop):
    for path, target in links.items():
        (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.root / path).symlink_to(target)
    error = shop.plan(script(shop, "start", "#!/usr/bin/x"), status=FAILED).error
    for text in texts:
        assert text in error


# ---- scripts ----

@pytest.fixture
def shells(shop):
    for name, path in (("sh", "/bin/sh"), ("env", "/usr/bin/env")):
        (shop.root / "usr/bin").mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, shop.root / "usr/bin" / name)
        (shop.root / "usr/bin" / name).chmod(0o755)
    return shop


@pytest.mark.parametrize("line", [
    "#!/usr/bin/sh", "#! \t/usr/bin/sh -e", "#!/usr/bin/env sh", "#!/usr/bin/env -S sh -e",
    "#!/usr/bin/env -S X=1 sh -e", "#!/usr/bin/env -iS sh", "#!/usr/bin/env --split-string=sh -e",
    "#!/usr/bin/env -S -u HOME sh",
])
def test_script_runs(line, shells):
    path = script(shells, "start", f"{line}\necho it runs")
    assert shells.run(shells.build(path), "/start") == "it runs"


def test_script_whose_interpreter_is_a_script(shells):
    script(shells, "usr/bin/wrap", '#!/usr/bin/sh\necho wrapped "$1"')
    path = script(shells, "start", "#!/usr/bin/wrap")
    assert shells.run(shells.build(path), "/start") == "wrapped /start"


@pytest.mark.parametrize("line, text", [
    (b"#!/usr/bin/sh\r\necho\r\n", "CR LF"),
    (b"#!/usr/bin/sh -e\r\n", "CR LF"),
    (b"#!/usr/bin/env sh -e\n", "-S"),
    (b"#!/" + b"x" * 300 + b"\n", "256 bytes"),
    (b"#!/usr/bin/env -S no-such-thing -x\n", "no-such-thing"),
    (b"#!/usr/bin/loop\n", "its own interpreter"),
    (b"#!/usr/bin/deep0\n", "more than the kernel follows"),
])
def test_script_that_no_kernel_starts(line, text, shells):
    script(shells, "usr/bin/loop", "#!/usr/bin/loop")
    for n in range(8):
        script(shells, f"usr/bin/deep{n}", f"#!/usr/bin/deep{n + 1}")
    script(shells, "usr/bin/deep8", "#!/usr/bin/sh")
    result = shells.plan(script(shells, "start", line), status=FAILED)
    assert text in result.error + result.hint


def test_data_that_starts_like_a_script_is_a_warning(shells):
    shells.plan(script(shells, "menu", "#!ipxe", mode=0o644))
    assert any("/menu" in text and "ipxe" in text for text in shells.warnings)


# ---- many names of one file ----

@pytest.fixture
def many(shop):
    """An image with files of the same content in both segments, and its source folder."""
    for name in ("one", "two", "three", "other-mode"):
        path = shop.root / "usr/libexec" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"tool" * 3000)
        path.chmod(0o700 if name == "other-mode" else 0o755)
    (shop.root / "usr/libexec/empty").touch()
    (shop.root / "usr/libexec/empty-too").touch()
    for name in ("a", "b"):
        (shop.root / "etc").mkdir(exist_ok=True)
        (shop.root / "etc" / name).write_bytes(b"config" * 2000)
    firmware = shop.root / "lib/firmware/qlogic"
    firmware.mkdir(parents=True)
    for name in ("1040.bin", "1280.bin", "12160.bin"):
        (firmware / name).write_bytes(os.urandom(9) + b"x" * 9000 if name == "1040.bin"
                                      else b"firmware" * 2000)
    shop.names = [f"usr/libexec/{name}" for name in ("one", "two", "three", "other-mode", "empty",
                                                     "empty-too")] + ["etc/a", "etc/b"]
    return shop


def by_path(shop):
    return {e["path"]: e for e in run("list", "--json", shop.tmp / "out.img").json["entries"]}


def test_equal_files_are_stored_once(many):
    target = many.build(*many.names)
    entries = by_path(many)
    names = ["usr/libexec/" + name for name in ("one", "three", "two")]
    assert [entries[name]["links"] for name in names] == [3, 3, 3]
    assert len({entries[name]["inode"] for name in names}) == 1
    assert [entries[name]["size"] for name in names] == [12000, 0, 0]
    firmware = [entries[f"usr/lib/firmware/qlogic/{n}.bin"] for n in (12160, 1280)]
    assert [e["links"] for e in firmware] == [2, 2] and firmware[1]["size"] == 0
    for path in ("usr/libexec/other-mode", "usr/libexec/empty", "etc/a", "etc/b",
                 "usr/lib/firmware/qlogic/1040.bin"):
        assert entries[path]["links"] == 1, path
    inodes = [e["inode"] for e in entries.values() if e["links"] == 1]
    assert len(set(inodes)) == len(inodes)
    for name in many.names:
        assert (target / name).read_bytes() == (many.root / name).read_bytes()
        assert stat.S_IMODE((target / name).stat().st_mode) == \
            stat.S_IMODE((many.root / name).stat().st_mode)
    assert (target / names[0]).samefile(target / names[2])


def test_cat_finds_the_bytes_at_another_name(many):
    many.build(*many.names)
    for name in ("one", "two", "three"):
        assert run("cat", many.tmp / "out.img", f"/usr/libexec/{name}").out == b"tool" * 3000
    for name in ("1280", "12160"):
        assert run("cat", many.tmp / "out.img",
                   f"/lib/firmware/qlogic/{name}.bin").out == b"firmware" * 2000


def test_why_knows_every_name(many):
    many.build(*many.names)
    found = [run("why", "--json", many.tmp / "out.img", f"/usr/libexec/{name}").json
             for name in ("one", "two")]
    assert found[0]["sha256"] == found[1]["sha256"] and found[0]["size"] == 12000
    assert found[1]["source"].endswith("usr/libexec/two")


def test_same_bytes_again(many):
    many.build(*many.names)
    first = (many.tmp / "out.img").read_bytes()
    for name in reversed(many.names):
        shutil.copy2(many.root / name, many.tmp / "copy")
        (many.root / name).unlink()
        shutil.copy2(many.tmp / "copy", many.root / name)
    many.build(*many.names)
    assert (many.tmp / "out.img").read_bytes() == first


@pytest.mark.parametrize("change", ["nlink", "ino"])
def test_verify_sees_a_name_that_was_cut_loose(change, many):
    many.build(*many.names, more=("--compress", "none"))
    image = bytearray((many.tmp / "out.img").read_bytes())
    offset = run("list", "--json", many.tmp / "out.img").json["segments"][-1]["offset"]
    places = archive.places(bytes(image[offset:]))
    start, length = archive.FIELDS[change]
    at = offset + next(p.header for p in places if b"libexec/two" in p.name) + start
    image[at:at + length] = b"00000001" if change == "nlink" else b"00fedcba"
    (many.tmp / "out.img").write_bytes(image)
    problems = run("verify", "--root", many.root, many.tmp / "out.img", status=3).messages("warning")
    assert any("libexec/" in text for text in problems)


# ---- images of other tools ----

def test_image_of_gnu_cpio(tmp_path):
    """It stores the data with the last name."""
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "a").write_bytes(b"shared" * 1000)
    for name in ("b", "c"):
        os.link(folder / "a", folder / name)
    (folder / "init").write_bytes(b"#!/a\n")
    (folder / "init").chmod(0o755)
    made = subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=b"a\nb\nc\ninit\n",
                          cwd=folder, stdout=subprocess.PIPE, check=True).stdout
    (tmp_path / "image").write_bytes(made)
    sizes = {e["path"]: e["size"] for e in
             run("list", "--json", tmp_path / "image").json["entries"]}
    assert sizes["a"] == 0 and sizes["c"] == 6000
    run("verify", tmp_path / "image")
    for name in "abc":
        assert run("cat", tmp_path / "image", f"/{name}").out == b"shared" * 1000
    run("extract", tmp_path / "image", tmp_path / "out")
    assert (tmp_path / "out/a").samefile(tmp_path / "out/c")
    assert (tmp_path / "out/b").read_bytes() == b"shared" * 1000


def test_gnu_cpio_reads_ours(many):
    many.build(*many.names, more=("--compress", "none"))
    out = many.tmp / "cpio"
    out.mkdir()
    data = (many.tmp / "out.img").read_bytes()
    base = run("list", "--json", many.tmp / "out.img").json["segments"][-1]
    part = data[base["offset"]:base["offset"] + base["size"]]
    subprocess.run(["cpio", "-i", "--quiet", "-d", "usr/libexec/*"], input=part, cwd=out,
                   check=True, stderr=subprocess.DEVNULL)
    for name in ("one", "two", "three"):
        assert (out / "usr/libexec" / name).read_bytes() == b"tool" * 3000


def test_numbers_that_come_again(tmp_path):
    """The kernel forgets inode numbers at a trailer. Without one, the second archive's file becomes a
    link to the first's."""
    one = [archive.file(b"init", b"#!/one\n", ino=7, nlink=2, mode=0o100755)]
    two = [archive.file(b"two", b"second\n", ino=7, nlink=2)]
    for trailer, content, problems in ((True, b"#!/one\n", 0), (False, b"second\n", 1)):
        image = tmp_path / "image"
        image.write_bytes(archive.padded(archive.newc(*one, trailer=trailer)) +
                          archive.pack("gzip", archive.newc(*two)))
        assert run("cat", image, "/init").out == content
        found = run("verify", image, status=3 if problems else 0).messages("warning")
        assert sum("TRAILER!!!" in text for text in found) == problems
        run("extract", image, tmp_path / f"out-{trailer}")
        assert (tmp_path / f"out-{trailer}" / "init").read_bytes() == content


# ---- what is dropped ----

def test_only_permissions_and_sticky_folders_are_kept(shop):
    """setuid, setgid and extended attributes are dropped, however a file gets in."""
    shop.program("usr/bin/tool")
    (shop.root / "usr/bin/tool").chmod(0o6755)
    (shop.root / "shared").mkdir()
    (shop.root / "shared/file").write_text("x")
    (shop.root / "shared/file").chmod(0o7644)
    (shop.root / "shared").chmod(0o7777)
    os.setxattr(shop.root / "shared/file", "user.note", b"x")
    script(shop, "start", "#!/usr/bin/tool")
    shop.build("start", "shared")
    modes = {e["path"]: e["mode"] for e in
             run("list", "--json", shop.tmp / "out.img").json["entries"]}
    assert modes["usr/bin/tool"] == "-rwxr-xr-x"
    assert modes["shared/file"] == "-rw-r--r--"
    assert modes["shared"] == "drwxrwxrwt"


# ---- changes during a build ----

def test_unreadable_interpreter(shop):
    shop.program("usr/bin/tool")
    (shop.root / "usr/bin/tool").chmod(0)
    script(shop, "start", "#!/usr/bin/tool")
    result = run(*shop.words("plan", "start"), status=FAILED, before=UNPRIVILEGED)
    assert "usr/bin/tool" in result.error and "root" in result.hint


@pytest.mark.parametrize("cut", [10, 40, 200, 5000])
def test_library_that_is_cut_short(cut, shop):
    library = shop.library("usr/lib/libone.so")
    shop.program("usr/bin/prog", ["usr/lib/libone.so"])
    library.write_bytes(library.read_bytes()[:cut])
    assert "libone.so" in shop.plan("usr/bin/prog", status=FAILED).error


def test_file_that_vanishes_while_the_image_is_made(shop):
    path = shop.root / "note"
    path.write_text("x")
    before = ("strace", "-qq", "-o", "/dev/null", "-P", path, "-e", "trace=openat", "-e",
              "inject=openat:error=ENOENT:when=2")
    result = run(*shop.words("build", "note"), status=FAILED, before=before,
                 env={"ASAN_OPTIONS": "detect_leaks=0"})
    assert str(path) in result.error and "start again" in result.hint
    assert not (shop.tmp / "out.img").exists()
