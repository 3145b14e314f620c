# SPDX-License-Identifier: LGPL-2.1-or-later
"""diff: on our own images, and on those that other tools made."""

import pytest

import archive
import trees
from archive import Entry, file, folders, link, newc
from program import DONE, FAILED, FINDING, PROGRAM, USAGE, run

pytestmark = pytest.mark.leaks

BASE = [*folders(b"etc", b"etc/cmdline.d"), file(b"init", b"#!/bin/sh\n", mode=0o100755),
        file(b"etc/cmdline.d/root.conf", b"root=/dev/vda1\nro\n")]


@pytest.fixture
def images(tmp_path):
    """Writes archives, each an image. Returns their paths."""
    def write(*archives):
        paths = [tmp_path / f"{number}.img" for number in range(len(archives))]
        for path, data in zip(paths, archives):
            path.write_bytes(data)
        return paths
    return write


def changes(told):
    return {(c["b"] if "b" in c else c["a"])["path"]: c for c in told["files"]}


def test_the_root_itself(images):
    one, other = images(newc(*BASE), newc(Entry(b".", 0o040755), *BASE))
    text = run("diff", one, other, status=FINDING).text
    assert "+ / (folder, 0755, 0 bytes)" in text and "/." not in text


def test_an_image_is_the_same_as_itself(image):
    result = run("diff", image, image, status=DONE)
    assert "the same files, modules and configuration" in result.text
    told = run("diff", "--json", image, image).json
    assert told["same"] and not told["files"] and not told["modules"]
    assert told["a"]["bytes"] == image.stat().st_size
    assert [s["compress"] for s in told["a"]["segments"]] == ["none", "zstd", "zstd"]


@pytest.mark.parametrize("codec", ["gzip", "xz", "zstd", "lz4"])
def test_how_it_is_packed_is_no_difference(codec, images):
    plain = newc(*BASE)
    first, second = images(plain, archive.pack(codec, newc(*BASE[:2]) + newc(*BASE[2:])))
    assert run("diff", "--json", first, second, status=DONE).json["same"]


def test_every_kind_of_change(images):
    entries = [file(b"gone"), file(b"mode"), file(b"size", b"1"), file(b"bytes", b"1"),
               link(b"link", b"to"), file(b"type"), Entry(b"null", 0o020666, device=(1, 3))]
    changed = [file(b"new"), file(b"mode", mode=0o100600), file(b"size", b"22"),
               file(b"bytes", b"2"), link(b"link", b"ot"), link(b"type", b"x"),
               Entry(b"null", 0o020666, device=(1, 5))]
    first, second = images(newc(*BASE, *entries), newc(*BASE, *changed))
    told = run("diff", "--json", first, second, status=FINDING).json
    seen = {path: (c["change"], c["what"]) for path, c in changes(told).items()}
    assert seen == {
        "gone": ("removed", []), "new": ("added", []), "mode": ("changed", ["mode"]),
        "size": ("changed", ["size", "content"]), "bytes": ("changed", ["content"]),
        "link": ("changed", ["content"]), "type": ("changed", ["type"]),
        "null": ("changed", ["device"])}
    text = run("diff", first, second, status=FINDING).text
    for line in ("files: 1 added, 1 removed, 6 changed", "+ /new (file, 0644, 5 bytes)",
                 "- /gone (file, 0644, 5 bytes)", "! /mode: mode 0644 -> 0600",
                 "! /size: size 1 -> 2, content", "! /link: target", "! /type: file -> link",
                 "! /null: device 1:3 -> 1:5"):
        assert line in text.splitlines()


@pytest.mark.parametrize("name, shown", [
    (b"a b", "a b"), (b"a\nb", "a\\x0ab"), (b"\xff\xfe", "\\xff\\xfe"), (b"\x1b[2J", "\\x1b[2J"),
    ("ünï".encode(), "ünï"), (b"back\\slash", "back\\x5cslash")])
def test_odd_names(name, shown, images):
    first, second = images(newc(*BASE), newc(*BASE, file(name)))
    assert f"+ /{shown} (file, 0644, 5 bytes)" in run("diff", first, second,
                                                       status=FINDING).text.splitlines()
    assert shown in changes(run("diff", "--json", first, second, status=FINDING).json)


def test_configuration_is_shown_line_by_line(images):
    other = [*BASE[:3], file(b"etc/cmdline.d/root.conf", b"root=/dev/vdb1\nro\nquiet\n"),
             file(b"etc/secret", b"not configuration\n")]
    first, second = images(newc(*BASE), newc(*other))
    text = run("diff", first, second, status=FINDING).text
    assert ("--- /etc/cmdline.d/root.conf\n+++ /etc/cmdline.d/root.conf\n-root=/dev/vda1\n"
            "+root=/dev/vdb1\n+quiet\n") in text
    assert "not configuration" not in text
    told = changes(run("diff", "--json", first, second, status=FINDING).json)
    assert told["etc/cmdline.d/root.conf"]["lines"] == ["-root=/dev/vda1", "+root=/dev/vdb1",
                                                        "+quiet"]


def test_hard_links_have_the_content_of_their_file(images):
    linked = [file(b"a", b"", ino=9, nlink=2), file(b"b", b"text", ino=9, nlink=2)]
    apart = [file(b"a", b"text"), file(b"b", b"text")]
    first, second = images(newc(*BASE, *linked), newc(*BASE, *apart))
    assert run("diff", "--json", first, second, status=DONE).json["same"]


def test_modules_that_are_hard_links(small_kernel, images):
    path = sorted(small_kernel.modules.rglob("*.ko"))[0]
    data = archive.pack("xz", path.read_bytes())
    folder = f"lib/modules/{small_kernel.version}/".encode()
    linked = [file(folder + b"a.ko.xz", data, ino=9, nlink=2),
              file(folder + b"b.ko.xz", b"", ino=9, nlink=2)]
    first, second = images(newc(*linked), newc(file(folder + b"a.ko.xz", data),
                                               file(folder + b"b.ko", path.read_bytes())))
    assert run("diff", "--json", first, second, status=DONE).json["recompressed"] == 1


def module_tree(tree, suffix):
    """An image as other builders make it: the modules of TREE, each compressed for SUFFIX."""
    entries = folders(b"lib", b"lib/modules", b"lib/modules/" + tree.version.encode())
    codec = {"": "none", ".xz": "xz", ".zst": "zstd", ".gz": "gzip"}[suffix]
    for path in sorted(tree.modules.rglob("*.ko"))[:4]:
        name = f"lib/modules/{tree.version}/{path.name}{suffix}".encode()
        entries.append(file(name, archive.pack(codec, path.read_bytes())))
    return newc(*entries)


@pytest.mark.parametrize("suffix", [".xz", ".zst", ".gz"])
def test_compression_of_modules_is_no_difference(suffix, small_kernel, images):
    first, second = images(module_tree(small_kernel, ""), module_tree(small_kernel, suffix))
    told = run("diff", "--json", first, second, status=DONE).json
    assert told["same"] and told["recompressed"] == 4
    assert "4 modules are only compressed in another way" in run("diff", first, second).text


def test_modules_in_one_folder_are_those_of_the_kernel_that_booster_names(small_kernel, images):
    flat = folders(b"usr", b"usr/lib", b"usr/lib/modules", b"etc")
    for path in sorted(small_kernel.modules.rglob("*.ko"))[:4]:
        flat.append(file(b"usr/lib/modules/" + path.name.encode(), path.read_bytes()))
    named = [*flat, file(b"etc/booster.init.yaml", f"kernel: {small_kernel.version}\n".encode())]
    first, second = images(module_tree(small_kernel, ".xz"), newc(*named))
    told = run("diff", "--json", first, second, status=FINDING).json
    assert told["a"]["kernels"] == told["b"]["kernels"] == [small_kernel.version]
    assert told["recompressed"] == 4 and told["modules"] == []
    # The names of modules are not mistaken for those of kernels.
    first, second = images(newc(*flat), newc(*named))
    assert run("diff", "--json", first, second, status=FINDING).json["a"]["kernels"] == []


@pytest.mark.parametrize("damage", [lambda data: data[:-40], lambda data: b"", lambda data: b"x"])
def test_a_damaged_module_is_compared_by_its_bytes(damage, small_kernel, images):
    path = next(iter(sorted(small_kernel.modules.rglob("*.ko"))))
    name = f"lib/modules/{small_kernel.version}/{path.name}.xz".encode()
    good = archive.pack("xz", path.read_bytes())
    first, second = images(newc(file(name, good)), newc(file(name, damage(good))))
    told = run("diff", "--json", first, second, status=FINDING).json
    assert told["modules"][0]["what"] == ["content"]
    assert run("diff", "--json", second, second, status=DONE).json["same"]


def test_two_kernels(image, trixie, bookworm, small_kernel, tmp_path):
    newer = trees.make_small(trixie, tmp_path / "newer", ("ext4", "virtio_blk"))
    other = tmp_path / "other.img"
    run("build", other, newer.version, "--root", newer.root, "--generic")
    told = run("diff", "--json", image, other, status=FINDING).json
    assert told["a"]["kernels"] == [small_kernel.version]
    assert told["b"]["kernels"] == [newer.version]
    modules = {c["module"]: c for c in told["modules"]}
    assert modules["ext4"]["change"] == "changed" and modules["nvme"]["change"] == "removed"
    assert modules["ext4"]["a"]["vermagic"].startswith(small_kernel.version + " ")
    assert modules["ext4"]["b"]["vermagic"].startswith(newer.version + " ")
    # The folders of the two kernels are compared with each other.
    assert not any("lib/modules/" + newer.version == path for path in changes(told))
    text = run("diff", image, other, status=FINDING).text
    assert f"-kernel={small_kernel.version}\n+kernel={newer.version}\n" in text
    assert "largest changes of size:" in text


def test_options_of_modules(small_kernel, tree, image, tmp_path):
    (tree.root / "etc/modprobe.d").mkdir(parents=True)
    (tree.root / "etc/modprobe.d/nvme.conf").write_text("options nvme poll_queues=2\n")
    other = tmp_path / "other.img"
    run("build", other, tree.version, "--root", tree.root, "--generic")
    told = run("diff", "--json", image, other, status=FINDING).json
    assert told["options"] == [{"module": "nvme", "a": "", "b": "poll_queues=2"}]
    assert '! nvme: "" -> "poll_queues=2"' in run("diff", image, other, status=FINDING).text


def test_an_image_of_another_builder(image, tmp_path):
    """The content of our image, packed by GNU cpio as one archive."""
    folder = tmp_path / "folder"
    folder.mkdir()
    run("extract", image, folder)
    for name, mode in (("proc", 0o555), ("sys", 0o555), ("tmp", 0o1777)):
        (folder / name).chmod(mode)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    other = tmp_path / "other.img"
    other.write_bytes(archive.pack("gzip", archive.gnu_cpio(folder, names, "-H", "newc", "-R",
                                                            "0:0")))
    assert run("diff", "--json", image, other, status=DONE).json["same"]


@pytest.mark.parametrize("damaged", [0, 1])
def test_an_image_that_cannot_be_read(damaged, image, tmp_path):
    bad = tmp_path / "bad.img"
    bad.write_bytes(b"no image")
    pair = [image, image]
    pair[damaged] = bad
    assert str(bad) in run("diff", *pair, status=FAILED).error
    pair[damaged] = tmp_path / "absent"
    assert "absent" in run("diff", *pair, status=FAILED).error


def test_wrong_usage(image):
    run("diff", image, status=USAGE)
    run("diff", image, image, image, status=USAGE)
    run("diff", "--root", "/", image, image, status=USAGE)


def test_it_keeps_no_content(image, tmp_path):
    """Two images of 200 MB in an address space of 150 MB."""
    big = tmp_path / "big.img"
    big.write_bytes(newc(*BASE, *(file(b"big%d" % n, bytes(20_000_000)) for n in range(10))))
    limit = ("prlimit", "--as=150000000")
    if b"__asan" in PROGRAM.read_bytes():
        limit = ("prlimit", "--rss=unlimited")  # a sanitizer needs the whole address space
    assert run("diff", "--json", big, big, before=limit).json["same"]
