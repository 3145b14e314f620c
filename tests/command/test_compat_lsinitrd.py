# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program called as lsinitrd, lsinitramfs and unmkinitramfs."""

import re
import shutil
import stat

import pytest

from archive import Entry, FOLDER, newc, uki
from container import Container
from fronts import NAMES, call, check, links  # noqa: F401
from lib import early
from program import FAILED, USAGE, run

LINE = "=" * 72
LONG = re.compile(r"[dlcb-][rwxsStT-]{9} +\d+ \S+ +\S+ +(\d+|\d+, +\d+) \w{3} [ \d]\d +[\d:]+ \S+( -> \S+)?")


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    """An image as dracut makes them, with an early part, and its own list of modules."""
    path = tmp_path_factory.mktemp("foreign") / "foreign.img"
    folders = ["usr", "usr/lib", "usr/lib/dracut", "etc", "etc/cmdline.d"]
    files = {"usr/lib/dracut/dracut-059": "dracut-059-4\n", "usr/lib/dracut/modules.txt": "bash\ncrypt\n",
             "usr/lib/dracut/build-parameter.txt": " --force\n",
             "etc/cmdline.d/20-a.conf": " rd.lvm=0\n", "etc/os-release": "ID=x\n"}
    names = early.INTEL.split("/")
    first = [Entry("/".join(names[:n]).encode(), FOLDER) for n in range(1, len(names))]
    first.append(Entry(early.INTEL.encode(), data=early.intel(0x306c3, 1)))
    main = [Entry(name.encode(), FOLDER) for name in folders]
    main += [Entry(name.encode(), data=text.encode()) for name, text in files.items()]
    archive = newc(*first)
    path.write_bytes(archive + bytes(-len(archive) % 512) + newc(*main))
    return path


# ---- lsinitrd ----

@pytest.mark.leaks
def test_headings_come_in_the_order_that_scripts_expect(call, image):  # noqa: F811
    lines = call("lsinitrd", image).text.splitlines()
    assert re.fullmatch(rf"Image: {image}: [\d.]+[KMG]", lines[0]) and lines[1] == LINE
    at = [lines.index(text) for text in ("Version: preroot", "Arguments: ", "dracut modules:", "dracut cmdline:")]
    assert at == sorted(at)
    begin = at[2] + 1
    end = lines.index(LINE, begin)
    assert {"base", "fs-lib", "kernel-modules", "rootfs-block"} <= set(lines[begin:end])
    files = lines[end + 1:lines.index(LINE, end + 1)]
    assert all(LONG.fullmatch(line) for line in files)
    paths = [line.split()[8] for line in files]
    assert paths == sorted(paths) and "init" in paths


def test_its_modules_are_modules_of_dracut(call, image):  # noqa: F811
    lines = call("lsinitrd", "-m", image).text.splitlines()
    names = lines[lines.index("dracut modules:") + 1:-1]
    assert lines[-1] == LINE
    assert set(names) <= set(call("dracut", "--list-modules").text.split())


def test_what_is_not_in_the_image_is_not_among_its_modules(call, image, tmp_path, small_kernel):  # noqa: F811
    run("build", tmp_path / "x.img", small_kernel.version, "--root", small_kernel.root, "--generic",
        "--remove", "usr/sbin/fsck.*")
    assert "fs-lib" not in call("lsinitrd", "-m", tmp_path / "x.img").text.splitlines()


def test_an_image_of_dracut(call, foreign):  # noqa: F811
    text = call("lsinitrd", foreign).text
    early_part, _, rest = text.partition("Version: ")
    assert "Early CPIO image\n" + LINE in early_part and early.INTEL in early_part
    assert rest.startswith("dracut-059-4\n\nArguments:  --force\n") and early.INTEL not in rest
    assert f"dracut modules:\nbash\ncrypt\n{LINE}\n" in rest
    assert rest.endswith("dracut cmdline:\n rd.lvm=0\n")


def test_a_unified_kernel_image(call, tmp_path):  # noqa: F811
    path = tmp_path / "x.efi"
    path.write_bytes(uki((".osrel", b'ID=debian\nPRETTY_NAME="Debian 12"\n'), (".uname", b"6.1.0"),
                         (".cmdline", b"quiet root=/dev/vda1"), (".linux", b"MZ"),
                         (".initrd", newc(Entry(b"etc-file", data=b"x")))))
    text = call("lsinitrd", path).text
    assert text.startswith(f"initrd in UEFI: {path}: ")
    assert ("OS Release: Debian 12 (debian-)\nKernel Version: 6.1.0\nCommand line:\nquiet\n"
            f"root=/dev/vda1\n{LINE}\n") in text
    assert " etc-file\n" in text
    assert call("lsinitrd", "-f", "etc-file", path).text == "x"


def test_sorted_by_size(call, image):  # noqa: F811
    lines = call("lsinitrd", "-s", image).text.splitlines()
    sizes = [int(line.split()[4]) for line in lines if LONG.fullmatch(line)]
    assert sizes == sorted(sizes) and sizes[-1] > 1000


@pytest.mark.parametrize("words", [
    ("IMAGE", "-f", "etc/initrd-release"), ("-f", "/etc/initrd-release", "IMAGE"),
    ("IMAGE", "etc/initrd-release"), ("--file=etc/initrd-rel*", "IMAGE"),
])
def test_a_file_of_the_image(words, call, image):  # noqa: F811
    assert call("lsinitrd", *[str(image) if word == "IMAGE" else word for word in words]).out == (
        run("cat", image, "etc/initrd-release").out)


def test_several_files_have_headings(call, foreign):  # noqa: F811
    result = call("lsinitrd", "-f", "etc/os-release", foreign, "/etc/cmdline.d/20-a.conf", "none")
    assert result.text == (f"initramfs:/etc/os-release\n{LINE}\nID=x\n{LINE}\n\n"
                           f"initramfs:/etc/cmdline.d/20-a.conf\n{LINE}\n rd.lvm=0\n{LINE}\n\n"
                           f"initramfs:/none\n{LINE}\n{LINE}\n\n")
    assert "holds no file none" in result.messages("warning")[0]


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_parts_are_unpacked(call, foreign, tmp_path):  # noqa: F811
    for name, words, expected in (
            ("one", ["--unpack", foreign, "etc/os-release"], {"etc/os-release"}),
            ("early", ["--unpackearly", foreign], {early.INTEL}),
            ("all", ["--unpack", "-v", foreign], None)):
        folder = tmp_path / name
        folder.mkdir()
        call("lsinitrd", *words, cwd=folder)
        if expected:
            assert files_in(folder) == expected
    assert "etc/os-release" in files_in(folder) and early.INTEL not in files_in(folder)


def test_a_part_without_what_is_asked_for_is_named(call, foreign, tmp_path):  # noqa: F811
    for part, words, absent in (
            ("", ["none/*", "etc/os-release", early.INTEL], ["none/*", early.INTEL]),
            ("the early part of ", ["etc/os-release"], ["etc/os-release"])):
        option = "--unpackearly" if part else "--unpack"
        warned = call("lsinitrd", option, foreign, *words, cwd=tmp_path).messages("warning")
        assert warned == [f"{part}{foreign} holds no file {name}" for name in absent]


def test_what_is_there_already_is_left_as_it_is(call, tmp_path):  # noqa: F811
    path, folder = tmp_path / "x.img", tmp_path / "out"
    path.write_bytes(newc(Entry(b"etc", FOLDER), Entry(b"etc/a", data=b"first"), Entry(b"etc/a", data=b"image"),
                          Entry(b"etc/b", data=b"image"), Entry(b"link", stat.S_IFLNK | 0o777, data=b"etc")))

    def unpacked(*words, status, there=("etc/a", "link")):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "etc").mkdir(parents=True)
        for name in there:
            (folder / name).write_text("mine")
        result = call(*words, cwd=folder, status=status)
        assert all((folder / name).read_text() == "mine" for name in there)
        return result.messages("warning")

    for words in (("lsinitrd", "--unpack", path), ("unmkinitramfs", path, folder)):
        warned = unpacked(*words, status=FAILED)
        assert len(warned) == 1 and ": 3; the first is etc/a;" in warned[0]
        assert (folder / "etc/b").read_text() == "image"
        assert unpacked(*words, there=(), status=0) == []
        assert (folder / "etc/a").read_text() == "image" and (folder / "link/b").exists()
    assert len(unpacked("lsinitrd", "--unpack", path, "etc/a", status=FAILED)) == 1
    assert unpacked("lsinitrd", "--unpack", path, "etc/b", status=0) == []


def test_each_part_is_unpacked_even_if_files_of_the_first_are_there(call, foreign, tmp_path):  # noqa: F811
    (tmp_path / "early" / early.INTEL).parent.mkdir(parents=True)
    (tmp_path / "early" / early.INTEL).write_text("mine")
    call("unmkinitramfs", foreign, tmp_path, status=FAILED)
    assert (tmp_path / "early" / early.INTEL).read_text() == "mine"
    assert (tmp_path / "main/etc/os-release").read_text() == "ID=x\n"


def test_what_cannot_be_unpacked(call, tmp_path):  # noqa: F811
    path, folder = tmp_path / "x.img", tmp_path / "out"
    path.write_bytes(newc(Entry(b"dev", FOLDER), Entry(b"dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
                          Entry(b"no/folder", data=b"x"), Entry(b"file", data=b"x")))
    folder.mkdir()
    warned = call("lsinitrd", "--unpack", path, cwd=folder).messages("warning")
    assert len(warned) == 2 and files_in(folder) == {"file"}
    for name in ("dev/console", "no/folder"):
        error = call("lsinitrd", "--unpack", path, "file", name, cwd=folder, status=FAILED).error
        assert "not all that was asked for" in error
    assert len(call("unmkinitramfs", path, tmp_path / "all").messages("warning")) == 2


@pytest.mark.parametrize("words, text", [
    (["/none"], "/none"), (["-k", "9.9.9"], "9.9.9"), (["--modd"], "--mod?"), (["/"], "/"),
    (["-f"], "needs"),
])
def test_lsinitrd_fails_with_one(words, text, call):  # noqa: F811
    result = call("lsinitrd", *words, status=FAILED)
    assert text in result.error + result.hint


def test_damage_is_no_success(call, image, tmp_path):  # noqa: F811
    path = tmp_path / "cut.img"
    path.write_bytes(image.read_bytes()[:200000])
    result = call("lsinitrd", path, status=FAILED)
    assert "dracut modules:" in result.text and ".ko" in result.text


@pytest.mark.parametrize("words", [(), ("-m",), ("-f", "init"), ("--unpack",)])
def test_nothing_is_printed_of_what_is_no_image(words, call, tmp_path):  # noqa: F811
    path = tmp_path / "passwd"
    path.write_text("root:x:0:0:root:/root:/bin/sh\n")
    result = call("lsinitrd", *words, path, status=FAILED, cwd=tmp_path)
    assert not result.out and not result.messages("warning")
    assert "neither a cpio archive nor compressed data" in result.error


def test_the_image_of_a_kernel_is_found(tree):
    container = Container(tree, NAMES)

    def listed(*words):
        return check("lsinitrd", container.run("lsinitrd", *words), 0).text

    check("dracut", container.run("dracut", "-N", "--kver", container.version), 0)
    assert f"Image: /boot/initramfs-{container.version}.img: " in listed("-k", container.version)
    own = f"/lib/modules/{container.version}/initramfs.img"
    check("dracut", container.run("dracut", "-N", own, container.version), 0)
    assert f"Image: {own}: " in listed() and f"Image: {own}: " in listed("")
    assert "mode=generic\n" in listed("", "etc/preroot/boot.conf")


# ---- lsinitramfs, unmkinitramfs ----

@pytest.mark.leaks
def test_lsinitramfs_prints_names(call, foreign, image):  # noqa: F811
    names = call("lsinitramfs", foreign).text.splitlines()
    assert names[:2] == ["kernel", "kernel/x86"] and names[-1] == "etc/os-release"
    text = call("lsinitramfs", "-l", foreign, image).text
    assert all(LONG.fullmatch(line) for line in text.splitlines())
    assert "-> usr/lib" in text
    assert "usage: lsinitramfs" in call("lsinitramfs", status=USAGE).hint
    assert "/none" in call("lsinitramfs", "/none", status=FAILED).error


@pytest.mark.leaks
def test_unmkinitramfs_parts_early_and_main(call, foreign, image, tmp_path):  # noqa: F811
    call("unmkinitramfs", foreign, tmp_path / "a")
    assert files_in(tmp_path / "a/early") == {early.INTEL}
    assert (tmp_path / "a/main/etc/os-release").read_text() == "ID=x\n"
    result = call("unmkinitramfs", "-v", image, tmp_path / "b")
    assert (tmp_path / "b/init").exists() and b"etc/initrd-release\n" in result.err
    assert "usage: unmkinitramfs" in call("unmkinitramfs", image, status=USAGE).hint
