# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmark's check of the content of generic images: every difference needs a reason."""

import sys

import pytest

from lib import TOP
from lib.command import Failure

sys.path.insert(0, str(TOP / "bench"))

import coverage  # noqa: E402

TEXT = f"""\
# Title
| `kernel/elsewhere/*` | not in a table that is read |
## {coverage.LACKS}
| path | reason |
|---|---|
| `kernel/drivers/net/*` | network |
| `firmware/fw-of-common` | reasons |
## {coverage.MORE}
| `kernel/fs/*` | filesystems |
| `kernel/unused/*` | nothing |
"""
NAMED = {"kernel/drivers/net/a/a.ko": {"fw-of-a"}, "kernel/common.ko": {"fw-of-*"}, "": {"inside"}}


def image(modules, firmware=()):
    return {"modules": set(modules), "firmware": set(firmware)}


def differences(ours, other, reasons=None):
    reasons = reasons or coverage.read_reasons(TEXT)
    return [(path, reason) for _, _, _, path, reason
            in coverage.differences({"preroot": ours, "dracut": other}, NAMED, reasons)]


def test_each_side_has_its_own_reasons():
    found = differences(image(["kernel/fs/x/x.ko", "kernel/drivers/net/b.ko"]),
                        image(["kernel/fs/y/y.ko", "kernel/drivers/net/a/a.ko"]))
    assert found == [("kernel/drivers/net/a/a.ko", "network"), ("kernel/fs/y/y.ko", None),
                     ("kernel/drivers/net/b.ko", None), ("kernel/fs/x/x.ko", "filesystems")]


def test_firmware_follows_its_modules():
    net = "kernel/drivers/net/a/a.ko"
    found = differences(image([]), image([net], ["fw-of-a"]))
    assert found == [(net, "network"), ("fw-of-a", "of modules that the image does not have")]


def test_firmware_of_a_module_that_both_have_needs_a_reason():
    common = "kernel/common.ko"
    found = differences(image([common]), image([common], ["fw-of-common", "fw-of-x"]))
    assert found == [("fw-of-common", "reasons"), ("fw-of-x", None)]


def test_firmware_of_the_kernel_itself_needs_a_reason():
    assert differences(image([]), image([], ["inside"])) == [("inside", None)]


def test_rows_that_match_nothing_are_told():
    reasons = coverage.read_reasons(TEXT)
    differences(image(["kernel/fs/x/x.ko"]), image(["kernel/drivers/net/a/a.ko"]), reasons)
    assert reasons.unused() == [f"firmware/fw-of-common ({coverage.LACKS})",
                                f"kernel/unused/* ({coverage.MORE})"]


@pytest.mark.parametrize("line", ["| `kernel/x/*` |", "| `kernel/x/*` no column |"])
def test_a_row_that_cannot_be_read_fails(line):
    with pytest.raises(Failure, match="coverage.md:12"):
        coverage.read_reasons(f"{TEXT}## {coverage.LACKS}\n{line}\n")


def test_a_missing_table_fails():
    with pytest.raises(Failure, match="no table"):
        coverage.read_reasons("# Title\n")


def test_the_tables_of_the_documentation_can_be_read():
    assert coverage.read_reasons(coverage.REASONS.read_text()).tables


@pytest.mark.parametrize("line, name", [
    ("-rw-r--r--   1 root     root           16 Nov 23 04:12 conf/arch.conf", "conf/arch.conf"),
    ("-rw-r--r--   1 root     root           16 Jan  1  1970 a b", "a b"),
    ("lrwxrwxrwx   1 root     root            7 Nov 23 04:11 bin -> usr/bin", "bin"),
    ("crw-r--r--   1 root     root       5,   1 Nov 23 04:11 dev/console", "dev/console"),
])
def test_names_in_a_listing(line, name):
    assert coverage._name(line) == name


@pytest.mark.parametrize("path, module, firmware", [
    ("lib/modules/6.1/kernel/a.ko", {"kernel/a.ko"}, set()),
    ("usr/lib/modules/6.1/kernel/a.ko.xz", {"kernel/a.ko"}, set()),
    ("lib/modules/6.1/modules.dep", set(), set()),
    ("usr/lib/firmware/a/b.bin.zst", set(), {"a/b.bin"}),
])
def test_modules_and_firmware_by_path(path, module, firmware):
    assert coverage.modules_of([path]) == module
    assert coverage.firmware_of([path]) == firmware
