# SPDX-License-Identifier: LGPL-2.1-or-later
"""list, cat, extract and why: on our own images, and on those that other tools made."""

import hashlib
import os
import random
import re
import shutil
import stat
import struct
import subprocess

import pytest

import archive
import trees
from archive import Entry, file, folders, link, newc
from lib import early
from program import DONE, FAILED, FINDING, run

pytestmark = pytest.mark.leaks

EARLY = newc(*folders(b"kernel", b"kernel/x86", b"kernel/x86/microcode"),
             file(b"kernel/x86/microcode/GenuineIntel.bin", early.intel(0x806ea, 1)))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A folder with one file of each kind that an initramfs may hold."""
    top = tmp_path_factory.mktemp("source")
    for name in ("dev", "etc/deep/er", "usr/bin", "usr/lib", "private"):
        (top / name).mkdir(parents=True)
    (top / "lib").symlink_to("usr/lib")
    (top / "init").write_bytes(b"#!/bin/sh\n")
    (top / "init").chmod(0o755)
    (top / "usr/bin/large").write_bytes(random.Random(1).randbytes(300_001))
    (top / "usr/bin/tool").write_bytes(b"tool" * 7)
    (top / "usr/bin/tool").chmod(0o750)
    os.link(top / "usr/bin/tool", top / "usr/bin/same tool")
    (top / "etc/empty").touch()
    (top / "etc/ünïcode").write_bytes(b"name\n")
    (top / "etc/absolute").symlink_to("/proc/self/mounts")
    (top / "etc/deep/er/x").write_bytes(b"x")
    (top / "private").chmod(0o700)
    return top


def names_below(top):
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def gnu(source, *options):
    return archive.gnu_cpio(source, [".", *names_below(source)], *options)


def several(source):
    """An early segment, a middle one, the rest compressed in two parts; padding between."""
    names = names_below(source)
    first = [name for name in names if not name.startswith("usr")]
    second = [name for name in names if name.startswith("usr")]
    return (EARLY + bytes(512) + archive.padded(archive.pack("gzip", archive.gnu_cpio(
        source, first))) + bytes(8) + archive.pack("xz", archive.gnu_cpio(source, second)))


IMAGES = {
    "GNU cpio": gnu,
    "GNU cpio, gzip": lambda s: archive.pack("gzip", gnu(s)),
    "GNU cpio, xz": lambda s: archive.pack("xz", gnu(s)),
    "GNU cpio, lzma": lambda s: archive.pack("lzma", gnu(s)),
    "GNU cpio, lz4": lambda s: archive.pack("lz4", gnu(s)),
    "GNU cpio, bzip2": lambda s: archive.pack("bzip2", gnu(s)),
    "GNU cpio, lzo": lambda s: archive.pack("lzo", gnu(s)),
    "GNU cpio, lzo -9": lambda s: archive.feed(["lzop", "-9"], gnu(s)),
    "GNU cpio, lzo --crc32": lambda s: archive.feed(["lzop", "--crc32"], gnu(s)),
    "GNU cpio, xz for x86": lambda s: archive.feed(
        ["xz", "--check=none", "--x86", "--lzma2=preset=9", "--block-size=100000"], gnu(s)),
    "GNU cpio, zstd": lambda s: archive.pack("zstd", gnu(s)),
    "GNU cpio, zstd, padded": lambda s: archive.pack("zstd", gnu(s)) + bytes(300),
    "with sums": lambda s: gnu(s, "-H", "crc"),
    "early first, gzip": lambda s: EARLY + archive.pack("gzip", gnu(s)),
    "early first, lz4": lambda s: EARLY + archive.pack("lz4", gnu(s)),
    "early first, uncompressed": lambda s: EARLY + gnu(s),
    "busybox cpio": lambda s: archive.busybox_cpio(s, names_below(s)),
    "busybox cpio, gzip": lambda s: archive.pack("gzip", archive.busybox_cpio(s, names_below(s))),
    "bsdtar": lambda s: archive.bsdtar(s, ".", *names_below(s)),
    "bsdtar, early first, zstd": lambda s: EARLY + archive.pack(
        "zstd", archive.bsdtar(s, *names_below(s))),
    "several segments": several,
    "UKI": lambda s: archive.uki((".linux", b"MZ"), (".cmdline", b"quiet"),
                                 (".initrd", archive.pack("gzip", gnu(s))), (".ucode", EARLY)),
}


@pytest.fixture(params=IMAGES)
def foreign(request, source, tmp_path):
    """An image that another tool made of `source`."""
    path = tmp_path / "foreign.img"
    path.write_bytes(IMAGES[request.param](source))
    return path


def without_early(tree):
    return {name: seen for name, seen in tree.items()
            if name != "kernel" and not name.startswith("kernel/")}


def test_extract_gives_what_went_in(foreign, source, tmp_path):
    target = tmp_path / "target"
    run("extract", foreign, target)
    assert without_early(trees.snapshot(target)) == trees.snapshot(source)
    assert (target / "usr/bin/tool").samefile(target / "usr/bin/same tool")


def test_list_tells_what_went_in(foreign, source):
    listed = run("list", "--json", foreign).json
    assert listed["complete"] is True
    entries = {entry["path"]: entry for entry in listed["entries"]
               if not entry["path"].startswith("kernel") and entry["path"] != "."}
    assert sorted(entries) == names_below(source)
    for name, entry in entries.items():
        there = (source / name).lstat()
        assert entry["mode"] == stat.filemode(there.st_mode)
        if stat.S_ISLNK(there.st_mode):
            assert entry["target"] == os.readlink(source / name)
        elif stat.S_ISREG(there.st_mode) and there.st_nlink == 1:
            assert entry["size"] == there.st_size
    text = run("list", foreign).text
    assert all(name in text for name in entries)


def test_cat_gives_the_content(foreign, source):
    for name in ("usr/bin/large", "/init", "etc/ünïcode", "etc/empty"):
        assert run("cat", foreign, name).out == (source / name.lstrip("/")).read_bytes()
    both = run("cat", foreign, "init", "etc/deep/er/x").out
    assert both == b"#!/bin/sh\nx"


def test_foreign_image_is_verified_as_far_as_it_goes(foreign):
    result = run("verify", foreign)
    assert "good" in result.text and "another builder" in result.text
    assert run("verify", "--json", foreign).json["ours"] is False


@pytest.fixture
def packed_twice(source, tmp_path):
    """A folder, and an image of it as mkinitcpio makes them: the early part first."""
    top, early_top = tmp_path / "top", tmp_path / "early"
    shutil.copytree(source, top, symlinks=True)
    (early_top / "kernel/x86/microcode").mkdir(parents=True)
    (early_top / "kernel/x86/microcode/GenuineIntel.bin").write_bytes(early.intel(0x806ea, 1))

    def pack():
        image = tmp_path / "image"
        image.write_bytes(archive.bsdtar_in_two_steps(early_top, names_below(early_top)) +
                          archive.pack("zstd", archive.bsdtar_in_two_steps(top, names_below(top))))
        return image
    return top, pack


def test_image_as_mkinitcpio_packs_it(packed_twice, tmp_path):
    top, pack = packed_twice
    image = pack()
    listed = run("list", "--json", image).json
    assert [(s["compress"], s["early"]) for s in listed["segments"]] == [("none", True),
                                                                         ("zstd", False)]
    assert "good" in run("verify", image).text
    run("extract", image, tmp_path / "target")
    assert without_early(trees.snapshot(tmp_path / "target")) == trees.snapshot(top)
    assert run("cat", image, "usr/bin/large").out == (top / "usr/bin/large").read_bytes()


def test_hard_link_that_bsdtar_loses_is_told(packed_twice, tmp_path):
    """Its second step writes one name of a file without a type, which the kernel drops."""
    top, pack = packed_twice
    (top / "usr/bin/same tool").unlink()
    os.link(top / "usr/bin/tool", top / "usr/bin/same tool")
    image = pack()
    lost = run("verify", "--json", image, status=FINDING).json["problems"]
    assert lost == ["/usr/bin/tool is of no type (mode 0000750): "
                    "the kernel leaves it out in silence"]
    assert [line for line in run("list", image).text.splitlines() if line.startswith("?")] == [
        "?rwxr-x---   0     0     0          0 usr/bin/tool"]
    result = run("extract", image, tmp_path / "target")
    assert "usr/bin/tool" in result.messages("warning")[0]
    assert not (tmp_path / "target/usr/bin/tool").exists()


def test_why_needs_a_manifest(foreign):
    assert "preroot did not make it" in run("why", foreign, "/init", status=FAILED).error


@pytest.mark.parametrize("make, segments", [
    (lambda s: EARLY + archive.pack("gzip", gnu(s)), ["none", "gzip"]),
    (several, ["none", "gzip", "xz"]),
    (lambda s: archive.pack("zstd", gnu(s)) * 3, ["zstd", "zstd", "zstd"]),
    (lambda s: archive.padded(archive.pack("lz4", gnu(s)) + bytes(4)) + EARLY, ["lz4", "none"]),
])
def test_segments(make, segments, source, tmp_path):
    path = tmp_path / "image"
    path.write_bytes(make(source))
    listed = run("list", "--json", path).json
    assert [segment["compress"] for segment in listed["segments"]] == segments
    parts = archive.segments_of(path.read_bytes(), listed)
    for number, segment in enumerate(listed["segments"]):
        names = archive.names_in(parts[number])
        assert len(names) == segment["entries"]
        assert len(names) == sum(entry["segment"] == number + 1 for entry in listed["entries"])


@pytest.mark.parametrize("data, says", [
    (b"", "empty"),
    (b"\0" * 100, ""),
    (b"garbage" * 100, "byte 0"),
    (b"0707", ""),
    (archive.pack("bzip2", newc(file(b"x")))[:-5], "bzip2"),
    (archive.feed(["xz", "--check=crc32", "--delta", "--lzma2"], newc(file(b"x"))), "delta"),
    (archive.feed(["xz", "--check=crc32", "--x86", "--arm", "--lzma2"], newc(file(b"x"))),
     "3 filters"),
    (archive.feed(["xz"], newc(file(b"x"))), "integrity check"),
    (archive.feed(["lzop", "-F"], newc(file(b"x"))), "checksum"),
    (archive.feed(["zstd", "-q", "--ultra", "--long=30", "-c"], newc(file(b"x"))), "128 MiB"),
    (b"\x5d\0\0\x80\0" + b"\xff" * 8 + b"garbage" * 50, ""),
    (b"\x89LZO\0\r\n\x1a\n" + bytes(100), "lzo"),
    (newc(file(b"x")) + b"garbage", f"byte {len(newc(file(b'x')))}"),
    (newc(file(b"x")) + b"\0" + archive.pack("gzip", newc(file(b"y"))), "multiple of 4"),
    (archive.padded(archive.pack("gzip", newc(file(b"x")))) + b"\0" + newc(file(b"y")),
     "multiple of 4"),
    (archive.pack("gzip", b"garbage" * 100), "cpio"),
    (archive.pack("gzip", newc(file(b"x")))[:-30], ""),
], ids=["empty", "zeros", "garbage", "four bytes", "cut bzip2", "xz with delta filter",
        "xz with two filters", "xz with CRC64", "lzo without sums", "zstd with a large window",
        "damaged lzma", "lzo", "garbage behind",
        "compressed at an odd place", "archive at an odd place", "compressed garbage",
        "cut short"])
def test_what_is_no_image(data, says, tmp_path):
    path = tmp_path / "image"
    path.write_bytes(data)
    zeros = not data.strip(b"\0") and data
    for words in (["list", path], ["extract", path, tmp_path / "target"], ["cat", path, "none"]):
        if zeros and words[0] != "cat":
            run(*words)
            continue
        result = run(*words, status=FAILED)
        assert str(path) in result.error and says in result.error
    run("verify", path, status=FINDING)


def tar(source, form):
    return archive.feed(["tar", "-c", f"--format={form}", "-C", source, "."], b"")


FOREIGN = {
    "odc": (lambda s: gnu(s, "-H", "odc"), "odc"),
    "old binary": (lambda s: gnu(s, "-H", "bin"), "binary"),
    "old binary, big-endian": (lambda s: b"\x71\xc7" + bytes(100), "big-endian"),
    "ustar": (lambda s: tar(s, "ustar"), "tar"),
    "pax": (lambda s: tar(s, "pax"), "tar"),
    "lz4 frame": (lambda s: archive.feed(["lz4", "-c"], gnu(s)), "lz4 -l"),
}


@pytest.mark.parametrize("behind", [False, True], ids=["alone", "behind an archive"])
@pytest.mark.parametrize("codec", ["none", "gzip"])
@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_formats_are_refused_by_name(name, codec, behind, source, tmp_path):
    make, says = FOREIGN[name]
    path = tmp_path / "image"
    path.write_bytes((EARLY if behind else b"") + archive.pack(codec, make(source)))
    for words in (["list", path], ["extract", path, tmp_path / "target"], ["cat", path, "none"],
                  ["why", path, "none"]):
        error = run(*words, status=FAILED).error
        assert says in error and "no kernel unpacks" in error
    assert says in run("verify", path, status=FINDING).err.decode()


@pytest.mark.parametrize("start, at, name", [(b"hsqs", 0, "squashfs"),
                                             (b"\xe2\xe1\xf5\xe0", 1024, "erofs")])
def test_filesystem_inside_an_image_is_named(start, at, name, tmp_path):
    path = tmp_path / "image"
    inner = bytes(at) + start + bytes(8192)
    path.write_bytes(archive.pack("zstd", newc(file(b"squashfs-root.img", inner), file(b"x"))))
    assert f"# squashfs-root.img holds a filesystem: {name}\n" in run("list", path).text
    entries = run("list", "--json", path).json["entries"]
    assert [entry.get("filesystem") for entry in entries] == [name, None]
    assert run("cat", path, "squashfs-root.img").out == inner


FILESYSTEMS = {
    "squashfs": ("squashfs", "mksquashfs {source} {out} -quiet -no-progress"),
    "squashfs, xz": ("squashfs", "mksquashfs {source} {out} -quiet -no-progress -comp xz"),
    "squashfs, zstd": ("squashfs", "mksquashfs {source} {out} -quiet -no-progress -comp zstd"),
    "erofs": ("erofs", "mkfs.erofs --quiet {out} {source}"),
    "erofs, lz4": ("erofs", "mkfs.erofs --quiet -zlz4hc {out} {source}"),
}


@pytest.mark.parametrize("codec", ["none", "xz"])
@pytest.mark.parametrize("case", FILESYSTEMS)
def test_real_filesystem_inside_an_image_is_named(case, codec, source, tmp_path):
    name, words = FILESYSTEMS[case]
    live = tmp_path / "source/LiveOS"
    live.mkdir(parents=True)
    inner, path = live / "squashfs.img", tmp_path / "image"
    subprocess.run([word.format(source=source, out=inner) for word in words.split()], check=True,
                   stdout=subprocess.DEVNULL)
    (live / "other").write_bytes(inner.read_bytes()[1:])
    path.write_bytes(EARLY + archive.pack(codec, gnu(tmp_path / "source")))
    told = [line for line in run("list", path).text.splitlines() if "filesystem" in line]
    assert told == [f"# LiveOS/squashfs.img holds a filesystem: {name}"]
    entries = run("list", "--json", path).json["entries"]
    assert {e["path"]: e["filesystem"] for e in entries if "filesystem" in e} == {
        "LiveOS/squashfs.img": name}
    run("extract", path, tmp_path / "target")
    assert (tmp_path / "target/LiveOS/squashfs.img").read_bytes() == inner.read_bytes()


@pytest.mark.parametrize("words", [["list"], ["cat", "x"], ["extract", "{target}"], ["why", "x"],
                                   ["verify"]], ids=lambda words: words[0])
@pytest.mark.parametrize("kind, says", [("missing", "No such file"), ("folder", "regular"),
                                        ("FIFO", "regular"), ("/dev/null", "regular")])
def test_image_that_is_no_file(kind, says, words, tmp_path):
    path = tmp_path / "image"
    if kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "/dev/null":
        path = kind
    rest = [word.format(target=tmp_path / "target") for word in words[1:]]
    result = run(words[0], path, *rest, status=FAILED)
    assert str(path) in result.error and says in result.error
    assert not (tmp_path / "target").exists()


# ---- details ----

def written(tmp_path, *entries):
    path = tmp_path / "image"
    path.write_bytes(newc(*entries))
    return path


def test_last_of_several_files_with_a_name_counts(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(newc(*folders(b"etc"), file(b"etc/x", b"first")) +
                     newc(file(b"etc/x", b"second, longer")) +
                     archive.pack("gzip", newc(file(b"./etc/x", b"third"))))
    assert run("cat", path, "/etc/x").out == b"third"
    run("extract", path, tmp_path / "target")
    assert (tmp_path / "target/etc/x").read_bytes() == b"third"
    assert run("list", path).text.count("etc/x") == 3


@pytest.mark.parametrize("asked", ["bin/x", "/bin/x", "usr/bin/x", "/usr/bin/x"])
def test_paths_as_people_type_them(asked, tmp_path):
    path = written(tmp_path, *folders(b"usr", b"usr/bin"), file(b"usr/bin/x", b"found"))
    assert run("cat", path, asked).out == b"found"


@pytest.mark.parametrize("asked", ["none", "usr", "usr/bi", "link", "x"])
def test_cat_of_what_is_no_file(asked, tmp_path):
    path = written(tmp_path, *folders(b"usr", b"usr/bin"), file(b"usr/bin/xy"),
                   link(b"link", b"usr/bin/xy"))
    result = run("cat", path, asked, status=FAILED)
    assert asked in result.error and "preroot list" in result.hint


def test_list_in_words(tmp_path):
    path = written(tmp_path, *folders(b"dev"), file(b"x", b"12345", mode=stat.S_IFREG | 0o4755),
                   link(b"l", b"target"), Entry(b"dev/console", stat.S_IFCHR | 0o600,
                                                device=(5, 1)),
                   Entry(b"pipe", stat.S_IFIFO | 0o644))
    size = path.stat().st_size
    lines = [" ".join(line.split()) for line in run("list", path).text.splitlines()]
    assert lines == [
        "# segment 1: uncompressed, at byte 0",
        "drwxr-xr-x 2 0 0 0 dev",
        "-rwsr-xr-x 1 0 0 5 x",
        "lrwxrwxrwx 1 0 0 6 l -> target",
        "crw------- 1 0 0 5, 1 dev/console",
        "prw-r--r-- 1 0 0 0 pipe",
        f"# segment 1: 5 entries, {size} bytes, {size} unpacked"]


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    path = written(tmp_path, file(b"a\nb"), file(b"\x1b[31mred"), link(b"l", b"\x07\r"),
                   file(b"back\\slash"))
    result = run("list", path)
    assert not set(result.out) & {7, 13, 27}
    assert "a\\x0ab" in result.text and "\\x1b[31mred" in result.text
    assert "back\\x5cslash" in result.text
    assert [entry["path"] for entry in run("list", "--json", path).json["entries"]][0] == \
        "a\\x0ab"


@pytest.mark.parametrize("data", [b"\xff\xfe", b"caf\xe9"])
def test_names_that_are_no_text(data, tmp_path):
    """The output is UTF-8, whatever is in the archive."""
    path = written(tmp_path, file(data))
    assert "\\x%02x" % data[-1] in run("list", path).text
    assert len(run("list", "--json", path).json["entries"]) == 1
    run("extract", path, tmp_path / "target")
    assert os.listdir(os.fsencode(tmp_path / "target")) == [data]


def test_bootconfig_behind_the_image(tmp_path):
    """The kernel cuts it off before it unpacks."""
    path = written(tmp_path, file(b"init", mode=stat.S_IFREG | 0o755))
    config = b'kernel.x = "y"\n\0'
    path.write_bytes(path.read_bytes() + config + len(config).to_bytes(4, "little") +
                     sum(config).to_bytes(4, "little") + b"#BOOTCONFIG\n")
    assert [entry["path"] for entry in run("list", "--json", path).json["entries"]] == ["init"]
    run("verify", path)


def test_sections_of_a_unified_kernel_image(tmp_path):
    init = file(b"init", mode=stat.S_IFREG | 0o755)
    path = tmp_path / "uki.efi"
    path.write_bytes(archive.uki(
        (".linux", b"kernel"), (".uname", b"6.1.0\x1b[2J"), (".initrd", newc(init, file(b"base"))),
        (".profile", b"ID=a"), (".cmdline", b"root=x quiet\n"), (".initrd", newc(init, file(b"one"))),
        (".profile", b"ID=b"), (".initrd", newc(file(b"two")))))
    listed = run("list", "--json", path).json
    assert [entry["path"] for entry in listed["entries"]] == ["init", "one"]
    assert [(s["name"], s.get("profile"), s["used"]) for s in listed["sections"]] == [
        (".linux", None, False), (".uname", None, False), (".initrd", None, False),
        (".profile", 0, False), (".cmdline", 0, False), (".initrd", 0, True),
        (".profile", 1, False), (".initrd", 1, False)]
    assert listed["sections"][4]["text"] == "root=x quiet"
    text = run("list", path).text
    assert "# section .cmdline: 13 bytes" in text and "\x1b" not in text
    run("verify", path)


@pytest.mark.parametrize("change, says", [
    (lambda d: d[:4200], "file ends"),
    (lambda d: b"MZ" + bytes(300), "PE header"),
    (lambda d: d.replace(b".initrd\0", b".other\0\0"), "no section .initrd"),
    (lambda d: d.replace(struct.pack("<I", 4608), struct.pack("<I", 4096)), "overlap"),
    (lambda d: d.replace(struct.pack("<I", 4608), struct.pack("<I", 64)), "headers"),
    (lambda d: d.replace(b"\x64\x86\2\0", b"\x64\x86\xff\xff"), "sections"),
], ids=["cut", "no PE", "no initrd", "overlap", "in the headers", "many"])
def test_damaged_unified_kernel_image_is_told(change, says, tmp_path):
    path = tmp_path / "uki.efi"
    path.write_bytes(change(archive.uki((".osrel", b"ID=x"), (".initrd", newc(file(b"init"))))))
    for words in (["list"], ["list", "--json"], ["extract", tmp_path / "t"], ["cat", "init"]):
        result = run(words[0], *words[1:2] * (words[1:] == ["--json"]), path,
                     *words[1:] * (words[1:] != ["--json"]), status=FAILED)
        assert says in result.error and str(path) in result.error
    run("verify", path, status=FINDING)


@pytest.mark.parametrize("behind", [b"", b"\0", b"\0\0", b"\0\0\0"])
@pytest.mark.parametrize("good", [True, False])
def test_bootconfig_by_the_rules_of_the_kernel(good, behind, tmp_path):
    """Up to three bytes may follow it. With a wrong checksum it is not cut off."""
    path = written(tmp_path, file(b"init", mode=stat.S_IFREG | 0o755))
    config = b'kernel.x = "y"\n\0\0'
    path.write_bytes(path.read_bytes() + config + len(config).to_bytes(4, "little") +
                     (sum(config) + (not good)).to_bytes(4, "little") + b"#BOOTCONFIG\n" + behind)
    told = run("verify", "--json", path, status=DONE if good else FINDING).json
    assert good or "boot configuration" in told["problems"][0]


def test_wrong_sum_is_found(tmp_path):
    good = file(b"init", b"abc", mode=stat.S_IFREG | 0o755, magic=b"070702", check=sum(b"abc"))
    assert run("verify", written(tmp_path, good)).status == DONE
    bad = file(b"init", b"abd", mode=stat.S_IFREG | 0o755, magic=b"070702", check=sum(b"abc"))
    path = written(tmp_path, bad, file(b"next"))
    run("verify", path, status=FINDING)
    assert "sum" in run("list", path, status=FAILED).error


# ---- our own ----

def test_extract_of_our_image_equals_what_cpio_makes(image, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    run("extract", image, ours)
    theirs.mkdir()
    listing = run("list", "--json", image).json
    store, *packed = archive.segments_of(image.read_bytes(), listing)
    for part in (store, b"".join(packed)):  # PID 1's segment goes on in the base
        subprocess.run(["cpio", "-idu", "--quiet"], input=part, cwd=theirs, check=True)
    # The user who extracts an image can enter every folder, and nobody else can write to it.
    for path in theirs.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod((path.stat().st_mode | 0o700) & 0o755)
    assert trees.snapshot(ours) == trees.snapshot(theirs)


def test_why_by_path_and_by_module(image):
    by_name = run("why", image, "ext4").text
    path = by_name.split(":")[0]
    assert path.endswith("/ext4.ko.zst")
    assert "filesystems on local disks" in by_name
    for asked in (path, path.lstrip("/"), path.removeprefix("/usr")):
        assert run("why", image, asked).text == by_name
    assert "depends on it" in run("why", image, "jbd2").text
    assert run("why", image, "virtio-blk").text == run("why", image, "virtio_blk").text
    assert "PID 1" in run("why", image, "/init").text


def test_why_as_json(image, small_kernel):
    told = run("why", "--json", image, "ext4").json
    assert set(told) == {"path", "reason", "source", "size", "sha256"}
    assert (small_kernel.root / told["source"]).name == "ext4.ko"
    content = run("cat", image, told["path"]).out
    assert told["size"] == len(content)
    assert told["sha256"] == hashlib.sha256(content).hexdigest()


def test_why_names_the_package(tree, tmp_path):
    trees.give_packages(tree)
    result = run("build", tmp_path / "1.img", tree.version, "--root", tree.root, "--generic")
    run("build", tmp_path / "2.img", tree.version, "--root", tree.root, "--generic")
    assert (tmp_path / "1.img").read_bytes() == (tmp_path / "2.img").read_bytes()
    assert not any("package" in warning for warning in result.messages("warning"))
    told = run("why", "--json", tmp_path / "1.img", "ext4").json
    assert told["package"] == {"name": "linux-image", "version": "6.1.9-1+b2", "arch": "amd64"}
    assert "of package linux-image 6.1.9-1+b2" in run("why", tmp_path / "1.img", "ext4").text
    assert "package" not in run("why", "--json", tmp_path / "1.img", "/init").json
    run("verify", "--root", tree.root, tmp_path / "1.img")


def test_a_damaged_package_database_is_a_warning(tree, tmp_path):
    trees.give_packages(tree)
    (tree.root / "var/lib/dpkg/status").unlink()
    result = run("build", tmp_path / "image", tree.version, "--root", tree.root, "--generic")
    warnings = result.messages("warning")
    assert [("/var/lib/dpkg/status" in warning) for warning in warnings].count(True) == 1
    assert f"{len(warnings)} warning" in result.text
    assert "package" not in run("why", "--json", tmp_path / "image", "ext4").json


@pytest.mark.parametrize("asked", ["no_such_module", "/no/such/path", "", "/", "ext", "ext4.ko"])
def test_why_of_what_is_not_there(asked, image):
    result = run("why", image, asked, status=FAILED)
    assert str(image) in result.error and "preroot list" in result.hint


def test_each_file_of_our_image_has_a_reason(image):
    for entry in run("list", "--json", image).json["entries"]:
        if entry["mode"].startswith("-") and entry["path"] != "usr/lib/preroot/manifest":
            assert run("why", image, entry["path"]).text.strip()


def test_one_of_something_is_not_several(tmp_path):
    image = tmp_path / "one.img"
    image.write_bytes(newc(file(b"f", b"x")))
    for verb in ("list", "verify"):
        text = run(verb, image, status=(DONE, FINDING)).text
        assert re.search(r"\b1 entry\b", text) or re.search(r"\b1 file\b", text), text
        assert not re.search(r"\b1 (entries|files|bytes|modules|segments)\b", text), text
    empty = tmp_path / "empty.img"
    empty.write_bytes(newc())
    text = run("diff", empty, image, status=FINDING).text
    assert "1 byte)" in text and not re.search(r"\b1 (entries|files|bytes)\b", text), text
