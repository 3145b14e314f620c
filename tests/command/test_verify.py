# SPDX-License-Identifier: LGPL-2.1-or-later
"""verify finds from an image's bytes what is wrong with it."""

import hashlib
import stat

import pytest

import archive
import trees
from archive import Entry, file, folders, newc
from program import DONE, FINDING, run

pytestmark = pytest.mark.leaks

NVME = trees.MACHINES / "nvme.json"
EXECUTABLE = stat.S_IFREG | 0o755
MANIFEST = b"usr/lib/preroot/manifest"


def sealed(text):
    """A manifest with its own checksum."""
    return text + b"sha256\t" + hashlib.sha256(text).hexdigest().encode() + b"\n"


class Parts:
    """Our image taken apart: the store as it is; PID 1's segment and the base, unpacked."""

    def __init__(self, path, codec):
        self.codec = codec
        data = path.read_bytes()
        store, *packed = archive.segments_of(data, run("list", "--json", path).json)
        self.store, self.base = bytearray(store), bytearray(b"".join(packed))

    def join(self):
        return bytes(self.store) + archive.pack(self.codec, bytes(self.base))


@pytest.fixture(scope="module")
def ours(small_kernel, tmp_path_factory):
    """A hostonly image."""
    path = tmp_path_factory.mktemp("ours") / "ours.img"
    run("build", path, small_kernel.version, "--root", small_kernel.root, "--hardware", NVME)
    return path


@pytest.fixture
def parts(ours):
    return Parts(ours, "zstd")


def findings(data, path, *options):
    """The findings of verify for DATA, at least one."""
    path.write_bytes(data)
    told = run("verify", "--json", *options, path, status=FINDING).json
    assert told["good"] is False and told["problems"]
    return told["problems"]


def test_good_image(ours, small_kernel, tmp_path):
    told = run("verify", "--json", "--root", small_kernel.root, ours).json
    listed = run("list", "--json", ours).json
    assert told == {
        "image": str(ours), "good": True, "ours": True, "kernel": small_kernel.version,
        "kernel-checked": True, "problems": [],
        "entries": len(listed["entries"]),
        "files": sum(entry["mode"].startswith("-") for entry in listed["entries"]),
        "modules": sum(".ko" in entry["path"] for entry in listed["entries"])}
    text = run("verify", "--root", small_kernel.root, ours).text
    assert text.startswith(f"{ours}: good: 3 segments, ")
    (tmp_path / "copy").write_bytes(ours.read_bytes() + bytes(512))
    run("verify", "--root", small_kernel.root, tmp_path / "copy")


def test_image_put_together_again_is_good(parts, tmp_path):
    """The tests below find nothing if they put an image together unchanged."""
    (tmp_path / "image").write_bytes(parts.join())
    run("verify", tmp_path / "image")


@pytest.mark.sweep
def test_a_changed_byte_in_any_file(parts, tmp_path, on_all_cores):
    def spoil(job):
        number, (segment, place, offset) = job
        store, base = bytearray(parts.store), bytearray(parts.base)
        (store if segment == 0 else base)[place.data + offset] ^= 1
        data = bytes(store) + archive.pack("zstd", bytes(base))
        problems = findings(data, tmp_path / f"{number}.img")
        return any(place.name.decode() in problem for problem in problems)

    jobs = [(segment, place, offset)
            for segment, data in enumerate((parts.store, parts.base))
            for place in archive.places(bytes(data)) if place.size and place.name != MANIFEST
            for offset in {0, place.size // 2, place.size - 1}]
    assert len(jobs) > 50
    assert all(on_all_cores(spoil, list(enumerate(jobs))))


@pytest.mark.parametrize("segment", ["store", "base"])
@pytest.mark.parametrize("field, value", [
    ("magic", b"070703"), ("mode", b"000081ff"), ("mode", b"0000a1a4"), ("uid", b"000003e8"),
    ("gid", b"000003e8"), ("filesize", b"00000001"), ("namesize", b"00000009"),
])
def test_a_changed_header(segment, field, value, parts, tmp_path):
    data = getattr(parts, segment)
    place = [place for place in archive.places(bytes(data)) if place.size > 100][0]
    start, length = archive.FIELDS[field]
    data[place.header + start:place.header + start + length] = value
    findings(parts.join(), tmp_path / "image")


def test_two_files_made_one(parts, tmp_path):
    """As hard links, both would get the content of the last one."""
    one, two = [place for place in archive.places(bytes(parts.store)) if place.size > 100][:2]
    for place in (one, two):
        for field, value in (("nlink", b"00000002"), ("ino", b"00000777")):
            start, length = archive.FIELDS[field]
            parts.store[place.header + start:place.header + start + length] = value
    findings(parts.join(), tmp_path / "image")


def test_a_changed_name(parts, tmp_path):
    place = next(place for place in archive.places(bytes(parts.store)) if b"ext4.ko" in place.name)
    at = place.header + archive.HEADER + place.name.index(b"ext4.ko")
    parts.store[at:at + 4] = b"ext5"
    problems = findings(parts.join(), tmp_path / "image")
    assert any("ext4.ko" in problem and "not in the image" in problem for problem in problems)
    assert any("ext5.ko" in problem and "not in the manifest" in problem for problem in problems)


@pytest.mark.parametrize("segment", ["store", "base"])
def test_a_removed_file(segment, parts, tmp_path, on_all_cores):
    data = bytes(getattr(parts, segment))

    def cut(job):
        number, place = job
        mine = {"store": bytes(parts.store), "base": bytes(parts.base)}
        mine[segment] = data[:place.header] + data[place.end:]
        problems = findings(mine["store"] + archive.pack("zstd", mine["base"]),
                            tmp_path / f"{number}.img")
        return any(place.name.decode() in problem for problem in problems)

    files = [place for place in archive.places(data) if place.size and place.name != MANIFEST]
    assert len(files) > 4
    assert all(on_all_cores(cut, list(enumerate(files))))


def test_a_removed_manifest_makes_it_an_image_of_somebody_else(parts, tmp_path):
    place = next(place for place in archive.places(bytes(parts.base)) if place.name == MANIFEST)
    del parts.base[place.header:place.end]
    (tmp_path / "image").write_bytes(parts.join())
    assert run("verify", "--json", tmp_path / "image").json["ours"] is False


@pytest.mark.parametrize("entries", [
    [file(b"new")],
    folders(b"new"),
    [archive.link(b"new", b"init")],
    [file(b"init", b"other", mode=EXECUTABLE)],
    [archive.link(b"init", b"usr/bin/other")],
    [Entry(b"init", stat.S_IFCHR | 0o755, device=(1, 3))],
    [file(b"etc/initrd-release", b"")],
], ids=["file", "folder", "link", "another init", "link for init", "device for init",
        "empty file"])
@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_a_segment_behind(codec, entries, ours, tmp_path):
    """Nothing is signed, but a foreign segment is noticed."""
    data = archive.padded(ours.read_bytes()) + archive.pack(codec, newc(*entries))
    problems = findings(data, tmp_path / "image")
    assert any(entries[0].name.decode() in problem for problem in problems)


@pytest.mark.parametrize("old, new, says", [
    (b"preroot-manifest 3\n", b"preroot-manifest 2\n", "build it anew"),
    (b"preroot-manifest 3\n", b"something else\n", "manifest"),
    (b"\tinit\t", b"\tinit2\t", "init2"),
    (b"f\t0755\t", b"f\t0644\t", "mode"),
    (b"f\t0755\t", b"x\t0755\t", "manifest"),
    (b"f\t0755\t", b"f\t0755\t1", "bytes"),
    (b"d\t1777\t", b"d\t0777\t", "tmp"),
])
def test_a_changed_manifest(old, new, says, parts, tmp_path):
    entries = archive.places(bytes(parts.base))
    place = next(place for place in entries if place.name == MANIFEST)
    text, last = bytes(parts.base[place.data:place.data + place.size]).rsplit(b"sha256\t", 1)
    assert old in text and len(last) == 65
    changed = file(MANIFEST, sealed(text.replace(old, new, 1))).encode(9999)
    parts.base[place.header:place.end] = changed
    assert any(says in problem for problem in findings(parts.join(), tmp_path / "image"))


@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_a_flipped_bit_in_the_manifest(codec, ours, tmp_path, on_all_cores):
    """With a codec without a checksum, in a reason as well as in a number."""
    parts = Parts(ours, codec)
    place = next(p for p in archive.places(bytes(parts.base)) if p.name == MANIFEST)

    def flip(number):
        base = bytearray(parts.base)
        base[number] ^= 1
        return any("manifest" in problem for problem in findings(
            bytes(parts.store) + archive.pack(codec, bytes(base)), tmp_path / f"{number}.img"))

    end = place.data + place.size
    assert all(on_all_cores(flip, [*range(place.data, end, place.size // 20), end - 1]))


def test_cut_anywhere(ours, tmp_path, on_all_cores):
    data = ours.read_bytes()

    def cut(number):
        return findings(data[:number], tmp_path / f"{number}.img") != []

    size = len(data.rstrip(b"\0"))
    places = [1, *(size * i // 30 for i in range(1, 30)), size - 10, size - 1]
    assert all(on_all_cores(cut, places))


@pytest.mark.sweep
@pytest.mark.parametrize("codec", [codec for codec in archive.CODECS if codec != "none"])
def test_a_flipped_bit_in_the_compressed_base(codec, small_kernel, tmp_path, on_all_cores):
    """Whether the codec has a checksum of its own or not."""
    path = tmp_path / "image"
    run("build", path, small_kernel.version, "--root", small_kernel.root, "--hardware", NVME,
        "--compress", codec)
    data = path.read_bytes()
    segment = run("list", "--json", path).json["segments"][-1]
    entries = archive.places(archive.segments_of(data, {"segments": [segment]})[0])
    assert len(entries) > 10

    def unpacked(image):
        folder = image.with_suffix(".tree")
        run("extract", image, folder)
        return trees.snapshot(folder)

    good = unpacked(path)

    def flip(number):
        changed = bytearray(data)
        changed[number] ^= 1 << number % 8
        image = tmp_path / f"{number}.img"
        image.write_bytes(changed)
        if run("verify", image, status=(DONE, FINDING)).status == DONE:
            assert unpacked(image) == good  # only an inode number or a time has changed

    # The base is mostly init and the indexes, which the manifest has checksums of.
    start, size = segment["offset"] + 64, segment["size"] - 2048
    on_all_cores(flip, range(start, start + size, size // 25))


# ---- images of other tools ----

INIT = file(b"init", b"#!/bin/sh\n", mode=EXECUTABLE)


@pytest.mark.parametrize("data, says", [
    (newc(file(b"x")), "no /init"),
    (newc(file(b"init", mode=stat.S_IFREG | 0o644)), "/init is not executable"),
    (newc(INIT, file(b"etc/x")), "/etc/x comes before its folder"),
    (newc(INIT, file(b"etc/x"), *folders(b"etc")), "/etc/x comes before its folder"),
    (newc(INIT, *folders(b"a/b")), "/a/b comes before its folder"),
    (newc(archive.link(b"init", b"usr/bin/none")), "leads nowhere"),
    (newc(archive.link(b"init", b"a"), archive.link(b"a", b"init")), "leads nowhere"),
    (newc(*folders(b"d"), archive.link(b"init", b"d")), "/init is a folder"),
    (newc(Entry(b"init", stat.S_IFCHR | 0o755, device=(1, 3))), "no program"),
    (newc(INIT, archive.link(b"lib", b"usr/lib"), file(b"lib/x")), "/lib/x comes before"),
    (newc(INIT, file(b"x/")), "slash"),
    (newc(file(b"init", b"", mode=EXECUTABLE, ino=7, nlink=2), trailer=False) +
     archive.pack("gzip", newc(file(b"y", ino=7, nlink=2))), "one file"),
    (archive.pack("gzip", b""), "empty compressed segment"),
    (newc(INIT)[:-1], "cut short"),
    (newc(INIT, trailer=False)[:-3], "cut short"),
], ids=["no init", "init is no program", "no folder", "late folder", "no parent",
        "dangling init", "circular init", "init leads to a folder", "init is a device",
        "folder behind a dangling link", "file with a slash", "inode in two segments",
        "empty segment", "cut",
        "cut data"])
def test_what_a_kernel_would_not_boot(data, says, tmp_path):
    assert any(says in problem for problem in findings(data, tmp_path / "image"))


@pytest.mark.parametrize("data", [newc(INIT), newc(INIT, *folders(b"etc"), file(b"etc/x")),
                                  newc(INIT, trailer=False),
                                  newc(INIT, trailer=False) + bytes(413),
                                  archive.pack("xz", newc(INIT, trailer=False) + bytes(414)),
                                  archive.pack("gzip", newc() + bytes(400)) +
                                  archive.pack("gzip", newc(INIT)),
                                  newc(*folders(b"etc/"), file(b"etc/x"), INIT),
                                  newc(file(b"dev/x"), INIT),
                                  newc(*folders(b"usr", b"usr/lib"),
                                       archive.link(b"lib", b"usr/lib"),
                                       archive.link(b"init", b"/lib/../lib/x"),
                                       file(b"lib/x", mode=EXECUTABLE), *folders(b"lib/"))],
                         ids=["init", "folder first", "no trailer", "zeros for a trailer",
                              "compressed, zeros for a trailer", "only a trailer first",
                              "slash", "dev is built in", "init behind links"])
def test_what_a_kernel_would_boot(data, tmp_path):
    (tmp_path / "image").write_bytes(data)
    run("verify", tmp_path / "image")


# ---- the kernel's side ----

def test_codec_that_the_kernel_cannot_unpack(tree, tmp_path):
    """The kernel's configuration has changed since the image was built."""
    out = tmp_path / "image"
    run("build", out, tree.version, "--root", tree.root, "--hardware", NVME)
    tree.configure(RD_ZSTD=None)
    problems = findings(out.read_bytes(), tmp_path / "copy", "--root", tree.root)
    assert any("CONFIG_RD_ZSTD" in problem and tree.version in problem for problem in problems)


def test_filter_that_the_kernel_cannot_undo(tree, tmp_path):
    out = tmp_path / "image"
    run("build", out, tree.version, "--root", tree.root, "--hardware", NVME, "--compress", "xz")
    tree.configure(XZ_DEC_X86=None)
    problems = findings(out.read_bytes(), tmp_path / "copy", "--root", tree.root)
    assert any("CONFIG_XZ_DEC_X86" in problem and tree.version in problem for problem in problems)


def foreign(layout, version):
    """An uncompressed image as another builder makes it for kernel VERSION."""
    below = {"dracut": b"usr/lib/modules/%s/kernel/fs/ext4.ko.xz",
             "initramfs-tools": b"usr/lib/modules/%s/kernel/fs/ext4.ko",
             "unmerged": b"lib/modules/%s/kernel/fs/ext4.ko",
             "booster": b"usr/lib/modules/6.ko"}[layout]
    path = below.replace(b"%s", version.encode())
    parents = [path[:i] for i in range(len(path)) if path[i:i + 1] == b"/"]
    entries = [*folders(*parents), Entry(b"init", EXECUTABLE, b"x"), file(path, b"x")]
    if layout == "booster":
        entries += [*folders(b"etc"), file(b"etc/booster.init.yaml", f"network: null\nkernel: {version}\n".encode())]
    return newc(*entries)


@pytest.mark.parametrize("layout", ["dracut", "initramfs-tools", "unmerged", "booster"])
def test_image_of_another_builder_is_checked_against_its_kernel(layout, tree, tmp_path):
    data = archive.pack("zstd", foreign(layout, tree.version))
    (tmp_path / "image").write_bytes(data)
    told = run("verify", "--json", "--root", tree.root, tmp_path / "image").json
    assert (told["kernel"], told["kernel-checked"], told["ours"]) == (tree.version, True, False)
    tree.configure(RD_ZSTD=None)
    problems = findings(data, tmp_path / "copy", "--root", tree.root)
    assert any("CONFIG_RD_ZSTD" in problem and tree.version in problem for problem in problems)


@pytest.mark.parametrize("below", [
    [file(b"lib/modules/6.ko"), *folders(b"lib/modules/kernel"), file(b"lib/modules/kernel/x.ko")],
    [*folders(b"lib/modules/6.1.0", b"lib/modules/6.2.0")],
    [file(b"lib/modules/modules.alias")],
], ids=["flat", "two kernels", "no kernel"])
def test_of_which_kernel_an_image_is_may_be_unknown(below, tree, tmp_path):
    (tmp_path / "image").write_bytes(newc(*folders(b"lib", b"lib/modules"), *below,
                                          Entry(b"init", EXECUTABLE, b"x")))
    told = run("verify", "--json", "--root", tree.root, tmp_path / "image").json
    assert "kernel" not in told and told["kernel-checked"] is False


@pytest.mark.parametrize("gone", ["modules", "config"])
def test_kernel_that_is_not_there_is_told(gone, tree, ours):
    """The image itself is good; whether the kernel can unpack it is not known."""
    if gone == "modules":
        tree.modules.rename(tree.modules.with_name("other"))
    else:
        tree.config.unlink()
    result = run("verify", "--root", tree.root, ours)
    assert any("not checked against its kernel" in text for text in result.messages("warning"))
    assert run("verify", "--json", "--root", tree.root, ours).json["kernel-checked"] is False
