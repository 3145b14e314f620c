# SPDX-License-Identifier: LGPL-2.1-or-later
"""Malicious and damaged archives never cause a crash, or a write outside the folder."""

import json
import os
import random
import stat
import subprocess

import pytest

import archive
import trees
from archive import Entry, file, folders, link, newc
from program import DONE, FAILED, FINDING, command, environment, run

EXECUTABLE = stat.S_IFREG | 0o755


@pytest.fixture
def yard(tmp_path):
    """A folder with a canary beside the target folder; it must stay as it is."""
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary/secret").write_bytes(b"secret")
    (tmp_path / "target").mkdir()
    return tmp_path


def extract(data, yard, status):
    """Unpacks DATA below the target folder, and checks that everything else is unchanged."""
    def around():
        return {name: seen for name, seen in trees.snapshot(yard).items()
                if not name.startswith("target/")}

    (yard / "image").write_bytes(data)
    before = around()
    result = run("extract", "--force", yard / "image", yard / "target", status=status)
    assert around() == before
    return result


def both_ways(*entries):
    """The entries in one segment; and each in a compressed segment of its own."""
    return [newc(*entries), b"".join(archive.padded(archive.pack("gzip", newc(entry)))
                                     for entry in entries)]


# Name, entries, what the target folder holds afterwards (None: the last entry is left out, with a
# warning), and a word of the message. In names and targets {yard} is the folder around the target folder.
ESCAPES = [
    ("absolute name", [file(b"/x")], ["x"], ""),
    ("absolute name to the canary", [file(b"{yard}/canary/new")], None, "folder"),
    ("dots", [file(b"../canary/new")], None, "../canary"),
    ("dots at the end", [file(b"a/..")], None, ""),
    ("only dots", [file(b"..")], None, ".."),
    ("many dots", [file(b"../" * 30 + b"x")], ["x"], ""),
    ("dots inside", [*folders(b"a"), file(b"a/../../canary/new")], None, "canary"),
    ("link to a folder outside", [link(b"a", b"{yard}/canary"), file(b"a/new")], None, "a/new"),
    ("link to / and through it", [link(b"a", b"/"), file(b"a/x")], ["a", "x"], ""),
    ("link upwards and through it", [link(b"a", b"../canary"), file(b"a/new")], None, "a/new"),
    ("link upwards", [link(b"a", b".."), file(b"a/x")], ["a", "x"], ""),
    ("chain of links", [link(b"a", b"b"), link(b"b", b"c"), link(b"c", b"../canary"),
                        file(b"a/new")], None, "a/new"),
    ("links in a circle", [link(b"a", b"b"), link(b"b", b"a"), file(b"a/x")], None, "a/x"),
    ("file over a link to the canary", [link(b"a", b"{yard}/canary/secret"), file(b"a", b"bad")],
     ["a"], ""),
    ("folder over a link to the canary", [link(b"a", b"{yard}/canary"), *folders(b"a"),
                                          file(b"a/new")], ["a", "a/new"], ""),
    ("hard link to the outside", [link(b"a", b"{yard}/canary/secret"),
                                  file(b"a", b"", ino=7, nlink=2),
                                  file(b"b", b"bad", ino=7, nlink=2)], ["a", "b"], ""),
    ("hard link made through a link", [*folders(b"d"), file(b"d/secret", b"", ino=7, nlink=2),
                                       Entry(b"d/secret", stat.S_IFLNK | 0o777,
                                             b"{yard}/canary/secret"),
                                       file(b"b", b"bad", ino=7, nlink=2)], ..., ""),
    ("no folder", [file(b"a/b/c")], None, "a/b"),
    ("file as a folder", [file(b"a"), file(b"a/b")], None, "a/b"),
    ("file over a full folder", [*folders(b"a"), file(b"a/b"), file(b"a")], None, "a"),
    ("file over an empty folder", [*folders(b"a"), file(b"a")], ["a"], ""),
    ("empty name", [file(b"")], [], ""),
    ("name of slashes", [file(b"///")], [], ""),
    ("long part", [file(b"a" * 300)], None, ""),
    ("NUL in the name", [file(b"a\0/../../canary/new")], ["a"], ""),
    ("folder with a slash", [*folders(b"a/"), file(b"a/b")], ["a", "a/b"], ""),
    ("folder with a slash over a link", [*folders(b"a"), link(b"b", b"a"), *folders(b"b/"),
                                         file(b"b//./c")], ["a", "a/c", "b"], ""),
    ("folder with a slash over a link to the canary", [link(b"a", b"{yard}/canary"),
                                                       *folders(b"a/"), file(b"a/new")],
     ["a", "a/new"], ""),
    ("file with a slash", [file(b"a/")], None, "slash"),
    ("folder with data", [Entry(b"a", archive.FOLDER, b"data")], None, "data"),
    ("hard link to what was left out", [file(b"a/b", b"x", ino=7, nlink=2),
                                        file(b"c", b"y", ino=7, nlink=2)], ..., ""),
    ("link without a target", [link(b"a", b"")], None, "link"),
    ("link with NUL in its target", [link(b"a", b"b\0c")], ..., ""),
    ("link with a target too long", [link(b"a", b"x/" * 4000)], None, ""),
]


def fill(entry, yard):
    def text(data):
        return data.replace(b"{yard}", os.fsencode(yard))
    return Entry(**{**vars(entry), "name": text(entry.name), "data": text(entry.data)})


@pytest.mark.sweep
@pytest.mark.parametrize("way", [0, 1], ids=["one segment", "many segments"])
@pytest.mark.parametrize("entries, holds, says", [case[1:] for case in ESCAPES],
                         ids=[case[0] for case in ESCAPES])
def test_nothing_is_written_outside(entries, holds, says, way, yard):
    data = both_ways(*(fill(entry, yard) for entry in entries))[way]
    if holds is ...:  # either is fine
        extract(data, yard, (DONE, FAILED))
    elif holds is None:
        warned = extract(data, yard, DONE).messages("warning")
        assert len(warned) == 1 and "left out" in warned[0] and says in warned[0]
    else:
        extract(data, yard, DONE)
        assert sorted(trees.snapshot(yard / "target")) == sorted(holds)


def test_what_the_kernel_leaves_out_does_not_stop_it(yard):
    """A file in place of a folder with content, and one without its folder: the rest is unpacked."""
    result = extract(newc(*folders(b"a"), file(b"a/b"), file(b"a"), file(b"no/folder"), file(b"z")),
                     yard, DONE)
    assert sorted(trees.snapshot(yard / "target")) == ["a", "a/b", "z"]
    assert "left out, as the kernel does: 2" in result.messages("warning")[0]


def test_hard_links_end_with_their_archive(yard):
    """The same inode number before and after the end of an archive means two files."""
    pair = [file(b"a", b"", ino=7, nlink=2), file(b"b", b"one", ino=7, nlink=2)]
    other = [file(b"c", b"", ino=7, nlink=2), file(b"d", b"two", ino=7, nlink=2)]
    extract(archive.pack("gzip", newc(*pair) + newc(*other)), yard, DONE)
    assert [(yard / "target" / name).read_bytes() for name in "abcd"] == [b"one"] * 2 + [b"two"] * 2


ODD = [b"a b", b"a\nb", b"a\tb", b"\xff\xfe", b"\xc3\x28", b"-rf", b"\x1b[2J", b"a\\x0ab"]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_on_every_verb(name, yard):
    init = file(b"init", mode=EXECUTABLE)
    extract(newc(init, file(name, b"data"), link(b"l", name)), yard, DONE)
    assert sorted(os.listdir(os.fsencode(yard / "target"))) == sorted([b"init", b"l", name])
    for words in (["list"], ["list", "--json"], ["verify"], ["verify", "--json"]):
        out = run(*words, yard / "image").out
        out.decode()
        assert not set(out) & {*range(32)} - {10}
    assert run("cat", yard / "image", "--", os.fsdecode(name)).out == b"data"
    assert run("why", yard / "image", "--", os.fsdecode(name), status=FAILED).error


def test_special_files_are_left_out(yard):
    """Extracting needs no root, and creates no device nodes as root."""
    special = [Entry(b"console", stat.S_IFCHR | 0o666, device=(5, 1)),
               Entry(b"disk", stat.S_IFBLK | 0o666, device=(8, 0)),
               Entry(b"fifo", stat.S_IFIFO | 0o666), Entry(b"socket", stat.S_IFSOCK | 0o666),
               Entry(b"type", 0o170644), file(b"after")]
    result = extract(newc(*special), yard, DONE)
    assert list(trees.snapshot(yard / "target")) == ["after"]
    assert any(text.endswith("left out: 4") for text in result.messages("warning"))
    assert any("type: mode 0170644 has no type" in text for text in result.messages("warning"))
    assert "\n?rw-r--r-- " in run("list", yard / "image").text
    assert any("/type is of no type" in text
               for text in run("verify", "--json", yard / "image", status=FINDING).json["problems"])


def test_rights_are_dropped(yard):
    extract(newc(file(b"x", mode=stat.S_IFREG | 0o6777), Entry(b"d", stat.S_IFDIR | 0o7000)),
            yard, DONE)
    seen = trees.snapshot(yard / "target")
    assert "s" not in seen["x"][0] + seen["d"][0] and "t" not in seen["d"][0].lower()


def test_existing_files_are_replaced_not_written_to(yard):
    """The folder may contain links to elsewhere, which are not followed."""
    (yard / "target/x").symlink_to(yard / "canary/secret")
    os.link(yard / "canary/secret", yard / "target/y")
    (yard / "target/d").symlink_to(yard / "canary")
    extract(newc(file(b"x", b"new"), file(b"y", b"new"), *folders(b"d"), file(b"d/secret")), yard,
            DONE)
    assert (yard / "target/x").read_bytes() == b"new"
    assert not (yard / "target/d").is_symlink()


def test_target_that_is_a_link_is_the_users_will(yard):
    (yard / "target").rmdir()
    (yard / "real").mkdir()
    (yard / "target").symlink_to("real")
    (yard / "image").write_bytes(newc(file(b"x")))
    run("extract", yard / "image", yard / "target")
    assert (yard / "real/x").exists()


@pytest.mark.parametrize("target, says", [("image", "image"), ("no/folder", "No such file")])
def test_target_that_cannot_be_used(target, says, yard):
    (yard / "image").write_bytes(newc(file(b"x")))
    result = run("extract", yard / "image", yard / target, status=FAILED)
    assert says in result.error


# ---- malformed ----

MALFORMED = {
    "size beyond the end": newc(file(b"x", b"abc", filesize=0x7fffffff)),
    "largest size": newc(file(b"x", b"abc", filesize=0xffffffff)),
    "largest size of a folder": newc(Entry(b"x", archive.FOLDER, filesize=0xffffffff)),
    "largest size of a link": newc(Entry(b"x", archive.LINK, b"abc", filesize=0xffffffff)),
    "name beyond the end": newc(file(b"x", namesize=4096)),
    "name longer than the kernel takes": newc(file(b"x", namesize=4097)),
    "largest name": newc(file(b"x", namesize=0xffffffff)),
    "no name": newc(file(b"x", namesize=0)),
    "name without an end": newc(file(b"x", end=b"", namesize=1)),
    "wrong magic": newc(file(b"x"), file(b"y", magic=b"070709")),
    "no hexadecimal digits": newc(file(b"x")).replace(b"000081a4", b"0000+1a4"),
    "a blank in a number": newc(file(b"x")).replace(b"000081a4", b"    81a4"),
    "0x in a number": newc(file(b"x")).replace(b"000081a4", b"0x0081a4"),
    "half a header": newc(file(b"x"), trailer=False) + newc(file(b"y"))[:50],
    "compressed, size beyond the end": archive.pack("gzip", newc(file(b"x", filesize=1 << 30))),
}


@pytest.mark.sweep
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_archive_is_told(name, yard):
    data = MALFORMED[name]
    result = extract(data, yard, FAILED)
    assert str(yard / "image") in result.error and "byte" in result.error
    for words in (["list"], ["list", "--json"], ["cat"], ["why"]):
        rest = [] if words[0] == "list" else ["x"]
        run(*words, yard / "image", *rest, status=FAILED)
    run("verify", yard / "image", status=FINDING)
    told = run("verify", "--json", yard / "image", status=FINDING).json
    assert told["good"] is False and len(told["problems"]) == 1


def test_archive_that_unpacks_to_far_too_much(yard):
    """A few kilobytes that unpack to gigabytes are not kept in memory."""
    size = 512 << 20
    head, tail = newc(file(b"x", b"", filesize=size), trailer=False), newc()
    with open(yard / "image", "wb") as image:
        with subprocess.Popen(archive.PACK["zstd"], stdin=subprocess.PIPE, stdout=image) as packer:
            packer.stdin.write(head)
            for _ in range(size >> 20):
                packer.stdin.write(bytes(1 << 20))
            packer.stdin.write(tail)
    assert (yard / "image").stat().st_size < 128 << 10
    with subprocess.Popen(command("list", "--json", yard / "image"), stdout=subprocess.PIPE,
                          env=environment()) as process:
        listed = json.load(process.stdout)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == DONE
    assert [entry["size"] for entry in listed["entries"]] == [size]
    assert used.ru_maxrss << 10 < size  # includes that of this process


def test_deep_folders(yard):
    deep = [b"/".join([b"d"] * depth) for depth in range(1, 600)]
    extract(newc(*folders(*deep), file(deep[-1] + b"/x")), yard, DONE)
    listed = run("list", "--json", yard / "image").json
    assert len(listed["entries"]) == 600


READERS = [["list"], ["cat", "init"]]


def survives(data, folder, number):
    """The exit statuses of the verbs for DATA, after checking for crashes and sanitizer reports. By turns
    it is listed, and a file of it is printed."""
    path = folder / f"{number}.img"
    path.write_bytes(data)
    statuses = {}
    for verb in (READERS[number.bit_count() % 2], ["verify"], ["extract"]):
        rest = [folder / f"{number}.dir"] if verb[0] == "extract" else verb[1:]
        statuses[verb[0]] = run(verb[0], path, *rest, status=(DONE, FAILED, FINDING)).status
    return statuses


@pytest.fixture(scope="module")
def samples():
    """Small images with all kinds of segments."""
    entries = [*folders(b"usr", b"usr/bin"), file(b"init", b"#!/bin/sh\n", mode=EXECUTABLE),
               link(b"bin", b"usr/bin"), file(b"usr/bin/x", random.Random(2).randbytes(900))]
    plain = newc(*entries)
    return {codec: archive.padded(newc(*folders(b"kernel"))) + archive.pack(codec, plain)
            for codec in archive.CODECS}


@pytest.mark.sweep
@pytest.mark.parametrize("codec", archive.CODECS)
def test_cut_anywhere(codec, samples, on_all_cores, yard):
    data = samples[codec]
    cuts = sorted({*range(0, len(data), max(1, len(data) // 30)), len(data) - 1, len(data) - 4})
    found = on_all_cores(lambda cut: survives(data[:cut], yard, cut), cuts)
    first = len(newc(*folders(b"kernel")))
    for cut, statuses in zip(cuts, found):
        if cut not in (0, first) and cut < len(data) - 8:
            assert statuses["verify"] == FINDING, cut
    assert sorted(trees.snapshot(yard / "canary")) == ["secret"]


@pytest.mark.sweep
@pytest.mark.parametrize("codec", archive.CODECS)
def test_one_bit_flipped_anywhere(codec, samples, on_all_cores, yard):
    def flip(place):
        data = bytearray(samples[codec])
        data[place] ^= 1 << place % 8
        return survives(bytes(data), yard, place)

    places = range(0, len(samples[codec]), max(1, len(samples[codec]) // 30))
    assert len(on_all_cores(flip, places)) >= 30
    assert sorted(trees.snapshot(yard / "canary")) == ["secret"]


@pytest.mark.parametrize("verb, status", [("list", FAILED), ("verify", FINDING)])
def test_a_small_image_cannot_ask_for_any_amount_of_work(verb, status, yard):
    segment = archive.padded(archive.pack("zstd", newc(file(b"zeros", bytes(16 << 20)))))
    (yard / "image").write_bytes(segment * 70)
    result = run(verb, yard / "image", status=status)
    assert "there are more than 1025 MiB to read and decompress" in result.err.decode()


@pytest.mark.sweep
def test_garbage(on_all_cores, yard):
    """Random bytes, with and without a valid start."""
    starts = [b"", b"070701", b"070702", b"\x1f\x8b\x08\0", b"\xfd7zXZ\0", b"\x02\x21\x4c\x18",
              b"\x28\xb5\x2f\xfd", b"\x5d\0\0\x80\0", b"BZh9", b"\x89LZO"]
    pieces = [start + random.Random(i).randbytes(size)
              for i, start in enumerate(starts) for size in (0, 20, 5000)]
    found = on_all_cores(lambda n: survives(pieces[n], yard, n), range(len(pieces)))
    assert all(statuses["verify"] == FINDING for statuses in found)
    assert sorted(trees.snapshot(yard / "canary")) == ["secret"]
