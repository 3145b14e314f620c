# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our images, read with the tools of Debian's initramfs-tools."""

import os
import subprocess

import pytest

import trees
from lib import BUILD, debian, early
from program import run

# cpio's messages, see "The end of an image" in docs/image-format.md.
COMPLAINTS = {"none": "cpio: premature end of archive\n"}


@pytest.fixture(scope="module")
def tools():
    """The folder with Debian 12's lsinitramfs and unmkinitramfs."""
    root = debian.fetch_packages("bookworm", ["initramfs-tools-core"],
                                 BUILD / "packages/initramfs-tools")
    return root / "usr/bin"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A folder with an ACPI table: an image with it has all three segments."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "ssdt.aml").write_bytes(early.acpi(b"SSDT", b"body"))
    return folder


def build(small_kernel, table, codec, out):
    run("build", out, "--root", small_kernel.root, "--hardware", trees.MACHINES / "virtio-blk.json",
        "--acpi-override", table, "--compress", codec)
    return {entry["path"]: entry for entry in run("list", "--json", out).json["entries"]}


def call(tools, *words):
    # lsinitramfs runs unmkinitramfs; both need a folder for temporary copies.
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "LC_ALL": "C"}
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("codec", ["zstd", "xz", "gzip", "bzip2", "lzma", "lzo", "none"])
def test_lsinitramfs_lists_all_of_it(codec, tools, small_kernel, table, tmp_path):
    ours = build(small_kernel, table, codec, tmp_path / "image")
    result = call(tools, "lsinitramfs", tmp_path / "image")
    assert result.stderr == COMPLAINTS.get(codec, "")
    assert set(ours) == set(result.stdout.splitlines())


@pytest.mark.parametrize("codec", ["zstd", "xz", "gzip", "bzip2", "lzma", "lzo"])
def test_unmkinitramfs_unpacks_all_of_it(codec, tools, small_kernel, table, tmp_path):
    ours = build(small_kernel, table, codec, tmp_path / "image")
    result = call(tools, "unmkinitramfs", tmp_path / "image", tmp_path / "out")
    assert (result.returncode, result.stderr) == (0, "")
    folders = [tmp_path / "out" / name for name in ("early", "early2", "main")]
    assert all(any(os.path.lexists(folder / path) for folder in folders) for path in ours)
    manifest = (folders[2] / "usr/lib/preroot/manifest").read_bytes()
    assert manifest == run("cat", tmp_path / "image", "usr/lib/preroot/manifest").out


@pytest.mark.leaks
def test_lz4_has_its_zeros_for_the_kernel(tools, small_kernel, table, tmp_path):
    """They hide the base from lz4cat, but what comes before it is listed."""
    ours = build(small_kernel, table, "lz4", tmp_path / "image")
    listed = set(call(tools, "lsinitramfs", tmp_path / "image").stdout.splitlines())
    assert (tmp_path / "image").read_bytes().endswith(bytes(4))
    assert listed < set(ours)
    assert {path for path in ours if path.endswith((".ko", ".ko.zst", ".aml"))} <= listed


@pytest.mark.parametrize("codec", ["zstd", "xz", "lz4", "gzip", "lzo", "none"])
def test_what_is_appended_is_aligned(codec, small_kernel, table, tmp_path):
    build(small_kernel, table, codec, tmp_path / "image")
    assert (tmp_path / "image").stat().st_size % 4 == 0
