# SPDX-License-Identifier: LGPL-2.1-or-later
"""boot-report: what PID 1 recorded of a boot, as a table, as JSON and as a chart.

boots/ holds what PID 1 wrote in real boots: generic.json, of Debian's kernel 6.12 in QEMU.
"""

import json
import os
from pathlib import Path
from xml.dom import minidom

import pytest

from program import FAILED, USAGE, run

pytestmark = pytest.mark.leaks

GENERIC = Path(__file__).parent / "boots/generic.json"


@pytest.fixture
def changed(tmp_path):
    """Writes GENERIC with changes. Returns its path."""
    def write(**changes):
        path = tmp_path / "boot.json"
        path.write_text(json.dumps({**json.loads(GENERIC.read_text()), **changes}))
        return path
    return write


def test_the_table_has_every_item_and_marks_the_chain():
    text = run("boot-report", GENERIC).text
    table, chain = text.split("\nThe longest chain")
    told = json.loads(GENERIC.read_text())
    for kind in ("stages", "modules", "devices"):
        for item in told[kind]:
            assert f"{kind[:-1]:<8} {item['name']}\n" in table
    assert "2.947 s from the kernel's start to PID 1, 1.175 s in it, then /sbin/init on vda1" in text
    names = [line.split()[-1] for line in chain.splitlines()[1:]]
    assert names == ["virtio_blk", "vda1", "wait", "pre-mount", "crc32c_generic", "jbd2", "ext4",
                     "driver", "fsck", "mount", "pre-pivot", "check", "settle"]
    assert {line.split()[-1] for line in table.splitlines() if line.startswith("*")} == set(names)


def test_json_has_the_same_items():
    told = run("boot-report", "--json", GENERIC).json
    source = json.loads(GENERIC.read_text())
    assert told["kernel"] == source["kernel"] and told["root"] == "vda1"
    assert len(told["items"]) == sum(len(source[k])
                                     for k in ("stages", "modules", "devices", "programs"))
    ext4 = next(i for i in told["items"] if i["name"] == "ext4")
    assert ext4["on-chain"] and ext4["kind"] == "module" and "jbd2" in ext4["needs"]
    assert not next(i for i in told["items"] if i["name"] == "ahci")["on-chain"]


def chart(text):
    """The titles of all lines of a chart, and those of the chain."""
    groups = minidom.parseString(text).getElementsByTagName("g")
    titles = [(g, g.getElementsByTagName("title")[0].firstChild.data) for g in groups]
    return [t for _, t in titles], [t for g, t in titles if g.getAttribute("class") == "chain"]


def drawn(log, tmp_path):
    """The chart of LOG as XML."""
    out = tmp_path / "boot.svg"
    run("boot-report", "--svg", out, log)
    return minidom.parseString(out.read_bytes())


def texts(xml, kind=None):
    """All texts, or those of the class KIND."""
    return [t.firstChild.data for t in xml.getElementsByTagName("text")
            if kind is None or t.getAttribute("class") == kind]


def test_the_chart_has_a_line_for_each_item(tmp_path):
    out = tmp_path / "boot.svg"
    assert run("boot-report", "--svg", out, GENERIC).out == b""
    lines, chain = chart(out.read_bytes())
    items = run("boot-report", "--json", GENERIC).json["items"]
    assert len(lines) == sum("begin-us" in item for item in items)
    assert len(chain) == 13 and any(title.startswith("module ext4:") for title in chain)
    assert run("boot-report", "--svg", "-", GENERIC).out == out.read_bytes()


def test_the_chart_leaves_out_what_never_began(changed, tmp_path):
    late = 10**9
    log = changed(modules=[{"name": "done", "wanted_us": 2_950_000, "begin_us": 3_000_000,
                            "end_us": 3_100_000},
                           {"name": "stuck", "wanted_us": 3_000_000, "begin_us": 3_100_000},
                           {"name": "never", "wanted_us": late}])
    xml = drawn(log, tmp_path)
    names = [t for t in texts(xml) if t.startswith("module ")]
    assert names == ["module done", "module stuck"]
    assert "1 more never began" in texts(xml)
    assert float(texts(xml, "mark")[-1].split()[0]) < late / 1e6  # nor does the scale reach there
    assert "never" in run("boot-report", log).text


@pytest.mark.parametrize("start, end, expected", [
    (2_947_123, 4_122_456, ["3.0 s", "3.2 s", "3.4 s", "3.6 s", "3.8 s", "4.0 s"]),
    (0, 9_000_000, [f"{n} s" for n in range(10)]),
    (0, 70_000_000, [f"{n} s" for n in range(0, 80, 10)]),
    (1_000_000, 1_000_000, ["1.000000 s", "1.000001 s"]),
    (7_001_000, 7_031_000, ["7.005 s", "7.010 s", "7.015 s", "7.020 s", "7.025 s", "7.030 s"])])
def test_the_scale_of_the_chart_has_round_times(start, end, expected, changed, tmp_path):
    log = changed(start_us=start, end_us=end, stages=[], modules=[], devices=[], programs=[])
    assert texts(drawn(log, tmp_path), "mark") == expected


def test_the_chart_explains_every_colour(tmp_path):
    xml = drawn(GENERIC, tmp_path)
    rows = {bar for g in xml.getElementsByTagName("g") for bar in g.getElementsByTagName("rect")}
    legend = [bar for bar in xml.getElementsByTagName("rect") if bar not in rows][1:]
    assert {bar.getAttribute("fill") for bar in rows} <= {bar.getAttribute("fill") for bar in legend}
    assert {bar.getAttribute("fill-opacity") for bar in rows} <= {
        bar.getAttribute("fill-opacity") for bar in legend}
    assert len(legend) == 7
    for word in ("stage", "module", "device", "program", "on the longest chain"):
        assert word in texts(xml)


def test_a_chart_takes_the_place_of_an_older_one_only(tmp_path):
    out = tmp_path / "boot.svg"
    out.write_text("old")
    run("boot-report", "--svg", out, GENERIC)
    assert out.read_text().startswith("<?xml")
    assert run("boot-report", "--svg", tmp_path, GENERIC, status=FAILED).error
    assert os.listdir(tmp_path) == ["boot.svg"]


def test_a_boot_that_failed(changed):
    text = run("boot-report", changed(failure="it has no <init>")).text
    assert "then it failed: it has no <init>" in text


@pytest.mark.parametrize("name", ['<&">', "\ufffe x", "ä\\x0a", "]]>", "x" * 3000])
def test_odd_names_are_text_everywhere(name, changed):
    path = changed(modules=[{"name": name, "wanted_us": 1, "begin_us": 2, "end_us": 3, "result": -2,
                             "needs": [name]}])
    assert f"module   {name}: No such file or directory" in run("boot-report", path).text
    assert name in [i["name"] for i in run("boot-report", "--json", path).json["items"]]
    assert f"module {name.replace(chr(0xfffe), '')}:" in "\n".join(
        chart(run("boot-report", "--svg", "-", path).out)[0])


@pytest.mark.parametrize("changes", [
    {"stages": None}, {"modules": {}}, {"devices": [None]}, {"preroot-boot": 2},
    {"preroot-boot": "1"}, {"end_us": 0}, {"end_us": 1e30}, {"start_us": -1}, {"kernel": "\x1b[2J"},
    {"init": "a\0b"}, {"left_out": -1}, {"stages": [{"name": "x", "begin_us": 5, "end_us": 4}]},
    {"stages": [{"name": "x", "begin_us": 0, "end_us": 1}] * 2049},
    {"modules": [{"name": "x", "wanted_us": 0, "needs": ["y"] * 257}]}])
def test_what_is_no_trace_is_refused(changes, changed):
    path = changed(**changes)
    for option in ([], ["--json"], ["--svg", "-"]):
        result = run("boot-report", *option, path, status=FAILED)
        assert str(path) in result.error
        if option == ["--json"]:
            assert set(result.json) == {"error"} and str(path) in result.json["error"]["message"]
        else:
            assert result.out == b""


@pytest.mark.parametrize("text", [b"", b"\0", b"{", b"[" * 1000, b"\xff\xfe", b'{"a":"\xff"}'])
def test_what_is_no_json_is_refused(text, tmp_path):
    path = tmp_path / "boot.json"
    path.write_bytes(text)
    run("boot-report", path, status=FAILED)


def test_there_is_no_report_without_a_file(tmp_path):
    assert "no such file" in run("boot-report", tmp_path / "x", status=FAILED).error.lower()
    with open(tmp_path / "large", "wb") as out:
        out.truncate(5 << 20)
    run("boot-report", tmp_path / "large", status=FAILED)
    run("boot-report", "--json", "--svg", "-", GENERIC, status=USAGE)
