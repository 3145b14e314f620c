# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the kernel unpacks hard links in both segments, seen in the initramfs itself."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lib import files, image, kernels, qemu
from lib.command import run

BASE = ["usr/libexec/a", "usr/libexec/b", "usr/libexec/c"]
STORE = ["usr/lib/firmware/qlogic/12160.bin", "usr/lib/firmware/qlogic/1280.bin"]
ALONE = ["etc/a", "etc/b", "usr/libexec/other", "usr/lib/firmware/qlogic/1040.bin"]


def checksum(data):
    value = 0
    for byte in data:
        value = value * 31 % 1000003 + byte
    return value


def pack_firmware(folder):
    """Compresses firmware with xz, which kernels since 6.1 read: such files go into the store."""
    for path in (*STORE, ALONE[3]):
        subprocess.run(["xz", "--check=crc32", "--keep", folder / path], check=True)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """A folder with what goes into the images."""
    folder = tmp_path_factory.mktemp("contents")
    for path in (*BASE, *STORE, *ALONE):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        text = "firmware" if "firmware" in path else "program" if path in BASE else "config"
        (folder / path).write_bytes(text.encode() * 3001)
    (folder / ALONE[2]).write_bytes(b"other")
    (folder / ALONE[3]).write_bytes(b"other firmware")
    pack_firmware(folder)
    return folder


@pytest.fixture(scope="module")
def init(tmp_path_factory):
    program = tmp_path_factory.mktemp("init") / "links"
    run(["cc", "-O1", "-Wall", "-Werror", "-static", "-o", program,
         Path(__file__).with_name("links.c")])
    return program


@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie", "sid"])
def test_names_of_one_file(suite, contents, init, tmp_path):
    kernel = kernels.of_suite(suite)
    suffix = "" if suite == "bullseye" else ".xz"
    store, alone = [path + suffix for path in STORE], [*ALONE[:3], ALONE[3] + suffix]
    root = tmp_path / "root"
    files.link_tree(kernel.root, root)
    for path in (*store, alone[3]):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        target = root / "lib/firmware/qlogic" / Path(path).name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(contents / path, target)
    words = ["--include", init, "/links"]
    for path in (*BASE, *ALONE[:3]):
        words += ["--include", contents / path, "/" + path]
    out = tmp_path / "image"
    image.build(out, kernels.Kernel(root, kernel.version), "generic", options=words)
    paths = [*BASE, *store, *alone]
    boot = qemu.boot(qemu.Machine(kernel.image, out, "rdinit=/links " + " ".join(
        "links=/" + path for path in paths), disks=[], memory=768), tmp_path / "boot")
    assert boot.ending == "poweroff" and boot.value("verdict") == "ok", boot.explain()
    seen = {}
    for line in boot.values("file"):
        path, *numbers = line.split()
        seen[path.lstrip("/")] = [int(number) for number in numbers]
    for path in paths:
        data = (contents / path).read_bytes()
        assert seen[path][2:] == [len(data), checksum(data)], f"{path}\n{boot.explain()}"
    for group in (BASE, store):
        assert {seen[path][1] for path in group} == {len(group)}, boot.explain()
        assert len({seen[path][0] for path in group}) == 1, boot.explain()
    assert {seen[path][1] for path in alone} == {1}, boot.explain()
