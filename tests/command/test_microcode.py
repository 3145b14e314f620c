# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU microcode: what an image gets, where it is in the image, and the remarks about it."""

import gzip
import hashlib
import json
import lzma
import shutil
import subprocess

import pytest

import trees
from lib import early
from lib.early import AMD, INTEL
from lib.files import link_tree
from program import FAILED, FINDING, run

pytestmark = pytest.mark.sweep

LAPTOP = {"vendor": "GenuineIntel", "family": 6, "model": 142, "stepping": 10, "platforms": 0x80}
SERVER = {"vendor": "AuthenticAMD", "family": 25, "model": 1, "stepping": 1}
OLD = {"vendor": "AuthenticAMD", "family": 21, "model": 2, "stepping": 0}

# Intel's 06-8e-0a for two platforms, an older one, and one for another processor that serves
# 06-8e-0a's sibling 06-8e-09 by its table.
NEW, NEW_OTHER_PLATFORM = early.intel(0x806ea, 0xf4, 0x80), early.intel(0x806ea, 0xf6, 0x10)
OLDER = early.intel(0x806ea, 0xb4, 0xc0)
TABLE = early.intel(0x906ea, 0x22, 0x02, [(0x806e9, 0x80)])

ZEN = early.amd([(0xa00f11, 0xa011), (0xa00f12, 0xa012)],
                [(0x0a0011d5, 0xa011), (0x0a00123b, 0xa012)])
BULLDOZER = early.amd([(0x600f12, 0x6012), (0x600f20, 0x6020)],
                      [(0x0600063d, 0x6012), (0x06000852, 0x6020)])


@pytest.fixture
def firmware(tree):
    """A function that puts a file below /lib/firmware of a small kernel's root."""
    def put(path, data):
        target = tree.root / "lib/firmware" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    put.tree = tree
    return put


@pytest.fixture
def machine(tmp_path):
    """A function that makes the description of a machine with certain processors; None: unknown."""
    def make(*cpus):
        text = json.loads((trees.MACHINES / "virtio-blk.json").read_text())
        text["cpus"] = list(cpus)
        if cpus == (None,):
            del text["cpus"]
        path = tmp_path / "machine.json"
        path.write_text(json.dumps(text))
        return path

    return make


def plan(root, *options):
    return run("plan", "--json", "--root", root, *options).json


def reasons(root, *options):
    """The reason for each early file, by path; and the remarks."""
    result = plan(root, *options)
    return ({entry["path"]: entry["reason"] for entry in result["entries"]
             if entry["path"].startswith("kernel/") and entry["type"] == "file"},
            result["remarks"])


def build(tmp_path, root, *options):
    """An image, which verify finds good; its bytes."""
    out = tmp_path / "out.img"
    run("build", out, "--root", root, *options)
    run("verify", out, "--root", root)
    return out.read_bytes()


def found(image, path):
    place = early.search(image, path)
    return place and place[1]


def full(firmware):
    firmware("intel-ucode/06-8e-0a", OLDER + NEW + NEW_OTHER_PLATFORM)
    firmware("intel-ucode/06-9e-0a", TABLE)
    firmware("amd-ucode/microcode_amd_fam19h.bin", ZEN)
    firmware("amd-ucode/microcode_amd_fam15h.bin", BULLDOZER)


@pytest.mark.leaks
def test_hostonly_has_the_newest_update_of_the_machine(firmware, machine, tmp_path):
    full(firmware)
    image = build(tmp_path, firmware.tree.root, "--hardware", machine(LAPTOP))
    place, data = early.search(image, INTEL)
    assert data == NEW
    assert place % 16 == 0
    assert found(image, AMD) is None
    why, remarks = reasons(firmware.tree.root, "--hardware", machine(LAPTOP))
    assert why[INTEL] == ("microcode for Intel family 6 model 142 stepping 10: revision 0xf4 of "
                          "2021-05-17 from /lib/firmware/intel-ucode/06-8e-0a")
    assert remarks == []


def test_manifest_tells_the_same_reason(firmware, machine, tmp_path):
    full(firmware)
    build(tmp_path, firmware.tree.root, "--hardware", machine(LAPTOP))
    why = run("why", tmp_path / "out.img", "/" + INTEL).text
    assert "revision 0xf4 of 2021-05-17" in why and "06-8e-0a" in why


def test_without_the_platform_all_of_them_are_served(firmware, machine, tmp_path):
    """The older update serves platforms 0x40 and 0x80; nothing newer serves both."""
    full(firmware)
    anywhere = {key: value for key, value in LAPTOP.items() if key != "platforms"}
    image = build(tmp_path, firmware.tree.root, "--hardware", machine(anywhere))
    assert found(image, INTEL) == OLDER + NEW + NEW_OTHER_PLATFORM


def test_table_of_signatures_counts_not_the_name(firmware, machine, tmp_path):
    full(firmware)
    sibling = {**LAPTOP, "stepping": 9}
    image = build(tmp_path, firmware.tree.root, "--hardware", machine(sibling))
    assert found(image, INTEL) == TABLE


def test_several_kinds_of_processors_get_the_union(firmware, machine, tmp_path):
    full(firmware)
    cpus = machine(LAPTOP, {**LAPTOP, "stepping": 9}, SERVER, OLD)
    image = build(tmp_path, firmware.tree.root, "--hardware", cpus)
    assert found(image, INTEL) == NEW + TABLE
    assert found(image, AMD) == (early.amd([(0x600f20, 0x6020)], [(0x06000852, 0x6020)])
                                 + early.amd([(0xa00f11, 0xa011)], [(0x0a0011d5, 0xa011)]))


def test_generic_has_all_of_both_vendors(firmware, tmp_path):
    full(firmware)
    image = build(tmp_path, firmware.tree.root, "--generic")
    assert found(image, INTEL) == OLDER + NEW + NEW_OTHER_PLATFORM + TABLE
    assert found(image, AMD) == BULLDOZER + ZEN
    why, _ = reasons(firmware.tree.root, "--generic")
    assert why == {INTEL: "microcode for all Intel processors: 4 updates of 2 files",
                   AMD: "microcode for all AMD processors: 4 patches of 2 files"}


def test_unknown_processors_get_all(firmware, machine):
    """A description that does not list them."""
    full(firmware)
    why, _ = reasons(firmware.tree.root, "--hardware", machine(None))
    assert "4 updates" in why[INTEL] and "not known" in why[INTEL]
    assert "4 patches" in why[AMD] and "not known" in why[AMD]


def test_machine_is_read_below_the_root(firmware):
    full(firmware)
    trees.write_machine("nvme", firmware.tree.root)
    why, _ = reasons(firmware.tree.root)
    assert list(why) == [INTEL] and "revision 0xf4" in why[INTEL]


def test_virtual_machine_gets_none(firmware, tmp_path):
    full(firmware)
    trees.write_machine("virtio-blk", firmware.tree.root)
    why, remarks = reasons(firmware.tree.root)
    assert why == {}
    assert len(remarks) == 1 and "virtual machine" in remarks[0]
    assert "# " + remarks[0] in run("plan", "--root", firmware.tree.root).text.splitlines()
    assert found(build(tmp_path, firmware.tree.root), "kernel/") is None


@pytest.mark.parametrize("cpus", [[], [{"vendor": "CentaurHauls", "family": 6}]])
def test_other_processors_have_none(cpus, firmware, machine):
    full(firmware)
    assert reasons(firmware.tree.root, "--hardware", machine(*cpus)) == ({}, [])


def test_missing_update_is_only_remarked(firmware, machine):
    full(firmware)
    why, remarks = reasons(firmware.tree.root, "--hardware", machine({**LAPTOP, "model": 1}))
    assert why == {}
    assert len(remarks) == 1 and "Intel family 6 model 1 stepping 10" in remarks[0]
    result = run("plan", "--root", firmware.tree.root, "--hardware", machine(LAPTOP, SERVER))
    assert result.messages("warning") == []


def test_microcode_is_also_in_further_folders(firmware, machine):
    firmware("intel-ucode/06-8e-0a", OLDER)
    root = firmware.tree.root
    for path, data in (("opt/fw/intel-ucode/06-8e-0a", NEW), ("srv/fw/amd-ucode/microcode_amd_fam19h.bin", ZEN)):
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(data)
    words = ("--hardware", machine(LAPTOP, SERVER), "--set")
    why, _ = reasons(root, *words, "fw_dir=/opt/fw/:/none /srv/fw")
    assert why[INTEL].endswith(" from /opt/fw/intel-ucode/06-8e-0a") and "0xf4" in why[INTEL]
    assert why[AMD].endswith(" from /srv/fw/amd-ucode/microcode_amd_fam19h.bin")
    why, _ = reasons(root, *words, "fw_dir=/usr/lib/firmware")
    assert why[INTEL].endswith(" from /lib/firmware/intel-ucode/06-8e-0a") and AMD not in why


@pytest.mark.parametrize("others_first", [True, False])
def test_a_file_of_the_same_name_hides_no_microcode(others_first, firmware, machine, tmp_path):
    """In another folder, with nothing for this processor, or with an older revision of it."""
    root = firmware.tree.root
    one, other = (root / "opt/fw", root / "lib/firmware")[::1 if others_first else -1]
    first, second = early.amd([(0xa00f11, 0xa011)], [(0x0a0011d5, 0xa011)]), early.amd(
        [(0xa00f12, 0xa012)], [(0x0a00123b, 0xa012)])
    older = early.amd([(0xa00f11, 0xa011)], [(0x0a0011d4, 0xa011)])
    for folder, intel, amd in ((one, NEW_OTHER_PLATFORM + OLDER, older + second), (other, NEW, first)):
        for path, data in (("intel-ucode/06-8e-0a", intel), ("amd-ucode/microcode_amd_fam19h.bin", amd)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    words = ("--set", "fw_dir=/opt/fw")
    image = build(tmp_path, root, *words, "--hardware", machine(LAPTOP, SERVER))
    assert found(image, INTEL) == NEW and found(image, AMD) == first
    image = build(tmp_path, root, *words, "--generic")
    assert sorted(split_intel(found(image, INTEL))) == sorted([NEW_OTHER_PLATFORM, OLDER, NEW])
    assert found(image, AMD) == (second + first if others_first else first + second)


def test_the_same_microcode_in_two_folders_is_packed_once(firmware, machine, tmp_path):
    full(firmware)
    shutil.copytree(firmware.tree.root / "lib/firmware", firmware.tree.root / "opt/fw")
    for words in (["--generic"], ["--hardware", machine(LAPTOP, SERVER)]):
        alone = build(tmp_path, firmware.tree.root, *words)
        both = build(tmp_path, firmware.tree.root, *words, "--set", "fw_dir=/opt/fw")
        assert [found(both, path) for path in (INTEL, AMD)] == [found(alone, path) for path in (INTEL, AMD)]


def test_option_leaves_microcode_out(firmware, machine, tmp_path):
    full(firmware)
    hardware = ["--hardware", machine(LAPTOP)]
    root = firmware.tree.root
    assert reasons(root, *hardware, "--no-early-microcode") == ({}, [])
    assert INTEL in reasons(root, *hardware, "--no-early-microcode", "--early-microcode")[0]
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/dracut.conf").write_text("early_microcode=no\n")
    assert reasons(root, *hardware) == ({}, [])
    assert INTEL in reasons(root, *hardware, "--early-microcode")[0]
    (root / "etc/dracut.conf").write_text("early_microcode=\n")
    assert INTEL in reasons(root, *hardware)[0]
    (root / "etc/dracut.conf").unlink()
    without = build(tmp_path, root, *hardware, "--no-early-microcode")
    for folder in ("intel-ucode", "amd-ucode"):
        (root / "lib/firmware" / folder).rename(tmp_path / folder)
    assert build(tmp_path, root, *hardware) == without


@pytest.mark.parametrize("options, vendors", [
    ({"MICROCODE": None}, []),
    ({"MICROCODE_INTEL": None}, [AMD]),
    ({"MICROCODE_AMD": None}, [INTEL]),
])
def test_kernel_that_does_not_load_it(options, vendors, firmware):
    full(firmware)
    firmware.tree.configure(**options)
    why, remarks = reasons(firmware.tree.root, "--generic")
    assert list(why) == vendors
    assert len(remarks) == 1 and "CONFIG_" + next(iter(options)) in remarks[0]


def test_kernel_of_another_architecture(firmware):
    full(firmware)
    firmware.tree.configure(X86=None, MICROCODE=None)
    assert reasons(firmware.tree.root, "--generic") == ({}, [])


def xz(data):
    return lzma.compress(data, check=lzma.CHECK_CRC32)


def zstd(data):
    return subprocess.run(["zstd", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.everywhere
@pytest.mark.parametrize("suffix, pack", [(".xz", xz), (".zst", zstd), (".gz", gzip.compress)])
def test_compressed_files_become_plain(suffix, pack, firmware, machine, tmp_path):
    firmware("intel-ucode/06-8e-0a" + suffix, pack(NEW))
    firmware("amd-ucode/microcode_amd_fam19h.bin" + suffix, pack(ZEN))
    image = build(tmp_path, firmware.tree.root, "--hardware", machine(LAPTOP, SERVER))
    assert found(image, INTEL) == NEW
    assert found(image, AMD) == early.amd([(0xa00f11, 0xa011)], [(0x0a0011d5, 0xa011)])


@pytest.mark.parametrize("name", ["06-8e-0a.early", "06-8e-0a.initramfs", "06-8e-0a.initramfs.xz"])
def test_updates_for_early_loading_only(name, firmware, machine):
    firmware("intel-ucode/" + name, xz(NEW) if name.endswith(".xz") else NEW)
    why, _ = reasons(firmware.tree.root, "--hardware", machine(LAPTOP))
    assert why[INTEL].endswith(name)


def test_updates_in_usr_share_misc(firmware, machine):
    misc = firmware.tree.root / "usr/share/misc"
    misc.mkdir(parents=True)
    (misc / "intel-microcode.bin").write_bytes(TABLE + NEW)
    (misc / "magic.bin").write_bytes(b"something else")
    why, _ = reasons(firmware.tree.root, "--hardware", machine(LAPTOP))
    assert why[INTEL].endswith("/usr/share/misc/intel-microcode.bin")


def test_other_files_are_passed_over(firmware, tmp_path):
    full(firmware)
    expected = reasons(firmware.tree.root, "--generic")
    for name in ("amd-ucode/README", "amd-ucode/microcode_amd_fam19h.bin.asc", "intel-ucode/README",
                 "intel-ucode/06-8e-0a.asc", "intel-ucode/06-8e-0a.bak", "intel-ucode/list"):
        firmware(name, b"not microcode")
    assert reasons(firmware.tree.root, "--generic") == expected


def test_first_firmware_folder_and_plain_file_win(firmware, machine):
    firmware("intel-ucode/06-8e-0a", OLDER)
    firmware("intel-ucode/06-8e-0a.xz", xz(NEW))
    why, _ = reasons(firmware.tree.root, "--hardware", machine(LAPTOP))
    assert why[INTEL].endswith("0xb4 of 2021-05-17 from /lib/firmware/intel-ucode/06-8e-0a")
    firmware("updates/intel-ucode/06-8e-0a.xz", xz(NEW))
    why, _ = reasons(firmware.tree.root, "--hardware", machine(LAPTOP))
    assert why[INTEL].endswith("from /lib/firmware/updates/intel-ucode/06-8e-0a.xz")


@pytest.mark.parametrize("name, data, words", [
    ("intel-ucode/06-8e-0a", NEW[:-1] + b"\xff", "checksum"),
    ("intel-ucode/06-8e-0a", NEW[:-4], "cut short"),
    ("intel-ucode/06-8e-0a", NEW + b"\0\0\0\0", "cut short"),
    ("intel-ucode/06-8e-0a", ZEN, "version 1"),
    ("intel-ucode/06-8e-0a.xz", NEW, "xz"),
    ("intel-ucode/06-8e-0a.xz", xz(NEW)[:-9], ""),
    ("amd-ucode/microcode_amd_fam19h.bin", ZEN[:-1], "does not fit"),
    ("amd-ucode/microcode_amd_fam19h.bin", NEW, "no container"),
])
@pytest.mark.parametrize("mode", ["generic", "hostonly"])
def test_damaged_microcode_stops_the_build(mode, name, data, words, firmware, machine, tmp_path):
    full(firmware)
    if name.endswith(".xz"):
        (firmware.tree.root / "lib/firmware/intel-ucode/06-8e-0a").unlink()
    firmware(name, data)
    options = ["--generic"] if mode == "generic" else ["--hardware", machine(LAPTOP, SERVER)]
    out = tmp_path / "out.img"
    result = run("build", out, "--root", firmware.tree.root, *options, status=FAILED)
    assert f"/lib/firmware/{name}: " in result.error and words in result.error
    assert "early_microcode=no" in result.hint
    assert not out.exists()
    run("build", out, "--root", firmware.tree.root, *options, "--no-early-microcode")


@pytest.mark.parametrize("name", ["intel-ucode/06-9e-0a", "amd-ucode/microcode_amd_fam15h.bin"])
def test_damaged_microcode_of_others_is_a_warning(name, firmware, machine):
    full(firmware)
    firmware(name, b"junk")
    result = run("plan", "--json", "--root", firmware.tree.root, "--hardware",
                 machine(LAPTOP, SERVER))
    assert len(result.json["warnings"]) == 1 and name in result.json["warnings"][0]
    paths = [entry["path"] for entry in result.json["entries"]]
    assert INTEL in paths and AMD in paths


def test_list_marks_the_early_segment(firmware, machine, tmp_path):
    full(firmware)
    build(tmp_path, firmware.tree.root, "--hardware", machine(LAPTOP))
    listing = run("list", tmp_path / "out.img", "--json").json
    assert [segment["early"] for segment in listing["segments"]] == [True, False, False, False]
    assert {entry["path"]: entry["segment"] for entry in listing["entries"]}[INTEL] == 1
    text = run("list", tmp_path / "out.img").text
    assert [line.endswith(", early") for line in text.splitlines()
            if line.startswith("# segment") and "unpacked" in line] == [True, False, False, False]


@pytest.mark.everywhere
def test_other_tools_read_the_early_segment(firmware, machine, tmp_path):
    """They do not take the padding after a name for a part of it."""
    full(firmware)
    build(tmp_path, firmware.tree.root, "--hardware", machine(LAPTOP, SERVER))
    for words in (["cpio", "-id", "--quiet"], ["busybox", "cpio", "-id"]):
        folder = tmp_path / words[0]
        folder.mkdir()
        with open(tmp_path / "out.img", "rb") as image:
            subprocess.run(words, stdin=image, cwd=folder, check=True, stderr=subprocess.DEVNULL)
        assert (folder / INTEL).read_bytes() == NEW
        assert sorted(path.name for path in folder.rglob("*.bin")) == [
            "AuthenticAMD.bin", "GenuineIntel.bin"]


def test_verify_tells_what_the_kernel_will_not_take(firmware, machine, tmp_path):
    full(firmware)
    image = build(tmp_path, firmware.tree.root, "--hardware", machine(LAPTOP))
    place, _ = early.search(image, INTEL)
    (tmp_path / "bad.img").write_bytes(image[:place + 60] + b"\xff" + image[place + 61:])
    result = run("verify", tmp_path / "bad.img", "--root", firmware.tree.root, status=FINDING)
    assert any(INTEL in text and "checksum" in text for text in result.messages("warning"))


def test_same_files_in_another_order_give_the_same_image(firmware, tmp_path):
    full(firmware)
    first = build(tmp_path, firmware.tree.root, "--generic")
    folder = firmware.tree.root / "lib/firmware/intel-ucode"
    data = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in list(folder.iterdir()):
        path.unlink()
    for name in sorted(data, reverse=True):
        (folder / name).write_bytes(data[name])
    assert build(tmp_path, firmware.tree.root, "--generic") == first


# ---- Debian's packages ----

@pytest.fixture
def debian(tree, microcode):
    link_tree(microcode / "lib/firmware", tree.root / "lib/firmware")
    return tree.root


@pytest.mark.everywhere
def test_generic_has_all_of_the_packages(debian, microcode, tmp_path):
    image = build(tmp_path, debian, "--generic")
    folder = microcode / "lib/firmware/amd-ucode"
    whole = b"".join(path.read_bytes() for path in sorted(folder.glob("microcode_amd*.bin")))
    assert hashlib.sha256(found(image, AMD)).digest() == hashlib.sha256(whole).digest()
    # The package has many updates more than once, under the name of each processor they serve.
    updates = set()
    for path in (microcode / "lib/firmware/intel-ucode").iterdir():
        updates |= {hashlib.sha256(update).digest() for update in split_intel(path.read_bytes())}
    packed = [hashlib.sha256(update).digest() for update in split_intel(found(image, INTEL))]
    assert len(updates) > 100
    assert set(packed) == updates and len(packed) == len(updates)


def split_intel(data):
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 32:at + 36], "little") or 2048  # old updates have 0 for 2048
        yield data[at:at + size]
        at += size


@pytest.mark.everywhere
@pytest.mark.parametrize("model, stepping, name", [
    (142, 10, "06-8e-0a"),  # in the package for early loading only
    (143, 8, "06-8f-08"),
    (79, 1, "06-4f-01"),
])
def test_hostonly_of_the_packages(model, stepping, name, debian, machine, tmp_path):
    cpu = {"vendor": "GenuineIntel", "family": 6, "model": model, "stepping": stepping}
    image = build(tmp_path, debian, "--hardware", machine(cpu))
    files = list((debian / "lib/firmware/intel-ucode").glob(name + "*"))
    assert len(files) == 1
    assert set(split_intel(found(image, INTEL))) <= set(split_intel(files[0].read_bytes()))
    why, _ = reasons(debian, "--hardware", machine(cpu))
    # An update for several processors has a file for each: the first one is named.
    assert name[:-1] in why[INTEL]
