# SPDX-License-Identifier: LGPL-2.1-or-later
"""ACPI tables from the user: where they are in the image, and which are refused."""

import pytest

import trees
from lib import early
from lib.early import ACPI
from program import FAILED, run

HARDWARE = ["--hardware", trees.MACHINES / "virtio-blk.json"]


@pytest.fixture
def tables(tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    return folder


def refused(tree, folder, tmp_path):
    out = tmp_path / "out.img"
    result = run("build", out, "--root", tree.root, *HARDWARE, "--acpi-override", folder,
                 status=FAILED)
    assert not out.exists()
    return result


@pytest.mark.leaks
def test_tables_lie_where_the_kernel_looks(tree, tables, tmp_path):
    first, second = early.acpi(b"DSDT", b"body"), early.acpi(b"SSDT", b"other", 7)
    (tables / "dsdt.aml").write_bytes(first)
    (tables / "ssdt.dat").write_bytes(second)
    (tables / "dsdt.dsl").write_text("the source of it")
    out = tmp_path / "out.img"
    run("build", out, "--root", tree.root, *HARDWARE, "--acpi-override", tables)
    run("verify", out, "--root", tree.root)
    image = out.read_bytes()
    assert early.search(image, ACPI + "dsdt.aml")[1] == first
    assert early.search(image, ACPI + "ssdt.dat")[1] == second
    assert b"dsdt.dsl" not in image
    why = run("why", out, ACPI + "ssdt.dat").text
    assert 'ACPI table SSDT "EARLYSEG" of "PRROOT", revision 0x7' in why and str(tables) in why


@pytest.mark.parametrize("data, words", [
    (early.acpi()[:-1] + b"\1", "checksum"),
    (early.acpi() + b"\0", "36 bytes, not 37"),
    (early.acpi(b"FACS"), "FACS"),
    (b"DefinitionBlock", "header"),
    (b"", "header"),
])
def test_what_the_kernel_would_not_take_is_refused(data, words, tree, tables, tmp_path):
    (tables / "x.aml").write_bytes(data)
    result = refused(tree, tables, tmp_path)
    assert f"{tables}/x.aml" in result.error and words in result.error
    assert result.hint


def test_folder_without_tables_is_refused(tree, tables, tmp_path):
    (tables / "x.dsl").touch()
    assert "*.aml" in refused(tree, tables, tmp_path).error
    assert "absent" in refused(tree, tables / "absent", tmp_path).error


def test_more_tables_than_the_kernel_takes_are_refused(tree, tables, tmp_path):
    for number in range(64):
        (tables / f"{number}.aml").write_bytes(early.acpi(revision=number))
    run("plan", "--root", tree.root, *HARDWARE, "--acpi-override", tables)
    (tables / "64.aml").write_bytes(early.acpi())
    assert "64" in refused(tree, tables, tmp_path).error


def test_kernel_must_take_tables(tree, tables, tmp_path):
    (tables / "x.aml").write_bytes(early.acpi())
    tree.configure(ACPI_TABLE_UPGRADE=None)
    result = refused(tree, tables, tmp_path)
    assert "CONFIG_ACPI_TABLE_UPGRADE" in result.error and result.hint


def test_long_name_is_a_warning(tree, tables):
    (tables / "a-name-of-19-bytes.aml").write_bytes(early.acpi())
    result = run("plan", "--root", tree.root, *HARDWARE, "--acpi-override", tables)
    assert any("a-name-of-19-bytes.aml" in text for text in result.messages("warning"))
