# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmark: how often what is run, and how figures get into the documents."""

import json
import shutil
import subprocess
import sys
from xml.dom import minidom

import pytest

from lib import TOP, qemu
from lib.command import Failure

sys.path.insert(0, str(TOP / "bench"))

import changes  # noqa: E402
import measure  # noqa: E402
import picture  # noqa: E402
import publish  # noqa: E402
import report  # noqa: E402
import stacks  # noqa: E402
import tables  # noqa: E402

MARKED = "a\n<!-- bench: {} -->\nold\n<!-- bench end -->\nz\n"


def figures(seconds):
    return {"command": "x & y", "median": seconds, "samples": [seconds], "cpu": seconds,
            "cpu_samples": [seconds], "memory_kb": 20000}


def result():
    """As bench/run writes it; names with what XML does not allow as it is."""
    programs = {"generic": [("preroot", "preroot generic", 1), ("dracut", "dracut generic", 40),
                            ("initramfs-tools", "initramfs-tools <most>", 20)],
                "hostonly": [("preroot", "preroot hostonly", 0.5),
                             ("dracut", "dracut hostonly", 15)],
                "strict": [("preroot", "preroot strict", 0.1), ("dracut", "dracut strict", 13)]}
    images = [{"name": name, "program": program, "kind": kind, "bytes": 10**6, "median": seconds}
              for kind, rows in programs.items() for program, name, seconds in rows]
    on_stacks = [{"stack": stack, "name": f"{program} {kind} for {stack}", "program": program, "kind": kind,
                  "bytes": 10**6, "build": figures(median), "median": 4 + median}
                 for stack in ("MD1", "LVM") for kind in ("generic", "strict")
                 for program, median in (("preroot", 1), ("dracut", 5), ("initramfs-tools", 3.5))]
    times = [{"stage": name, "seconds": 1, "cpu": 1, "read": 10**6, "written": 0}
              for name in ("start", "store")]
    found = {
        "versions": {"kernel": "6.1", "preroot": "0.1.0 (abc)", "dracut": "059-4"},
        "absent": ["booster"], "processors": 2, "targets": [],
        "builds": [{**image, "build": figures(image["median"])} for image in images],
        "boots": [{"name": "floor", "program": "floor", "kind": "floor", "bytes": 10**6,
                   "median": 0.05}, *images],
        "changes": [{"program": "preroot", "name": name, "file_calls": 11000, **figures(seconds)}
                    for name, seconds in zip(changes.CASES, (1, 0.2, 0.14, 0.006, 0.002))],
        "listing": [{"program": program, "image": image, **figures(seconds)}
                    for image in ("dracut generic", "dracut-ng generic", "preroot generic")
                    for program, seconds in (("preroot list", 1.1), ("decompress", 1),
                                             ("3cpio -t", 2), ("lsinitrd", 80))],
        "stages": {"cold": times, "warm": times[:1]}, "stacks": {"floor": 4, "rows": on_stacks},
        "memory": [{"name": "floor", "mib": 88}, {"name": "dracut generic", "mib": None}]}
    return found | {"targets": report.targets(found)}


@pytest.fixture
def top(tmp_path):
    """A copy of what is published."""
    for name in (*publish.DOCUMENTS, publish.RESULT, publish.PICTURE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if (TOP / name).exists():
            shutil.copy(TOP / name, tmp_path / name)
    return tmp_path


# ---- measuring ----

class Place:
    folder = "."

    @staticmethod
    def enter(words):
        return words


def test_commands_that_are_compared_run_in_turns(monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(measure, "_once", lambda words, command, log: (
        ran.append(words[-1]), (40 if words[-1] == "slow" else 1, 0.5, 7))[1])
    cases = [measure.Case([name], Place, tmp_path / "log") for name in ("slow", "quick")]
    slow, quick = measure.in_turns(cases, measure.Plan(least=2, most=4, seconds=30))
    assert ran == ["slow", "quick"] * 2 + ["quick"] * 2
    assert slow.facts()["samples"] == [40, 40] and quick.facts()["cpu"] == 0.5


def test_the_time_of_all_processes_is_measured(tmp_path):
    program = tmp_path / "measure"
    subprocess.run(["gcc", "-O2", "-o", program, TOP / "bench/measure.c"], check=True)
    # The second one is left behind by its parent, and works on for a while.
    burn = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
    used = {}
    for name, words in (("none", "true"), ("left behind", f"(sh -c '{burn}; touch done' &)")):
        subprocess.run([program, "usage", "sh", "-c", words], cwd=tmp_path, check=True)
        used[name] = float((tmp_path / "usage").read_text().split()[1])
    assert (tmp_path / "done").exists()
    assert used["left behind"] > used["none"] + 0.02
    failed = subprocess.run([program, "usage", "sh", "-c", "exit 7"], cwd=tmp_path, check=False)
    assert failed.returncode == 7


def test_a_command_that_may_fail_ends_only_its_own_series(monkeypatch, tmp_path):
    def once(words, command, log):
        if words[-1] == "bad":
            raise Failure(f"{command}: exit status 1")
        return 1, 0.5, 7

    monkeypatch.setattr(measure, "_once", once)
    plan = measure.Plan(least=2, most=2, seconds=30)
    cases = [measure.Case([name], Place, tmp_path / "log", may_fail=True) for name in ("bad", "good")]
    bad, good = measure.in_turns(cases, plan)
    assert bad.error == "bad: exit status 1" and not bad.samples
    assert len(good.samples) == 2 and not good.error
    with pytest.raises(Failure):
        measure.in_turns([measure.Case(["bad"], Place, tmp_path / "log")], plan)


@pytest.mark.parametrize("line, count", [("100.00  0.42  32  13042  199 total", 13042),
                                         ("100.00  0.42  32  7 total", 7)])
def test_file_calls_are_the_sum_of_strace(line, count):
    assert changes.count_of(f"% time seconds calls errors syscall\n--\n{line}\n") == count
    with pytest.raises(Failure):
        changes.count_of("strace: cannot trace\n")


# ---- the report ----

def test_the_report_has_all_parts_and_says_what_is_not_there():
    text = report.text(result())
    for part in ("dracut 059 generic", "40.0 s, 40x", "not measured: booster", "with one module",
                 "floor: the least that boots", "lsinitrd", "over 512 MiB"):
        assert part in text


@pytest.mark.parametrize("target, part, at, value", [
    ("with one module changed", "changes", 2, 0.16), ("an unchanged one", "changes", 3, 0.0121),
    ("preroot list of dracut generic takes", "listing", 0, 1.21)])
def test_a_figure_over_its_target_is_reported(target, part, at, value):
    def verdicts():
        return [row["met"] for row in report.targets(found) if row["target"].startswith(target)]

    found = result()
    assert verdicts() == [True]
    found[part][at]["median"] = value
    assert verdicts() == [False]


def test_a_run_against_another_build_gives_ratios():
    found = result()
    for part in ("builds", "changes", "listing"):
        mine = [row for row in found[part] if row["program"].startswith("preroot")]
        found[part] = mine + [
            {**row, **{key: text.replace("preroot", "other", 1) for key, text in row.items()
                       if key in ("name", "program")}} for row in mine]
        for row in found[part]:
            if row["program"].startswith("other"):
                row.update({key: {**row["build"], "median": 2 * row["build"]["median"]}
                            if key == "build" else 2 * row["median"]
                            for key in ("build", "median") if key in row})
    rows = {row[0]: row for row in tables.pairs(found)}
    assert rows["cold, generic"][3] == "0.500" and rows["size, strict"][3] == "1.000"
    assert rows["generic, warm: one module has changed"][3] == "0.500"
    assert rows["generic, cold, file calls"][1:4] == ("11000", "11000", "1.000")
    assert rows["list of dracut generic"][3] == "0.500"


@pytest.mark.parametrize("value, unit, text", [
    (41.23, "s", "41.2 s"), (0.74, "s", "0.74 s"), (0.0312, "s", "31.2 ms"),
    (0.0003, "s", "0.30 ms"), (0, "s", "0 ms"), (-0.004, "s", "-4.00 ms"),
    (23.9, "MB", "23.9 MB"), (0.062, "MB", "62.0 kB")])
def test_figures_have_three_digits_or_so(value, unit, text):
    assert tables.figure(value, unit) == text


# ---- storage stacks ----

def test_all_programs_are_given_the_names_of_each_layer():
    pile = next(stack for stack in stacks.STACKS if stack.name == "LUKS on LVM")
    assert "rd.lvm.lv=vg-luks-on-lvm/root rd.luks.uuid=" in pile.append
    assert pile.modules == ["lvm", "crypt"] and {"dm_mod", "dm_crypt"} <= set(pile.drivers)
    others = [stack.append for stack in stacks.STACKS if stack != pile]
    assert not any(pile.filled("{luks}") in append for append in others)


def test_what_is_over_the_goal_or_fails_on_one_stack_is_reported():
    def verdicts(found):
        return {row["target"].split(" takes")[0]: (row["met"], row["reached"])
                for row in report.targets(found) if "on all stacks" in row["target"]}

    found = result()
    assert verdicts(found) == {
        f"the {kind} image of {program}": (True, f"{ratio} times on LVM")
        for kind in ("generic", "strict") for program, ratio in (("dracut", "5.0"),
                                                                 ("initramfs-tools", "3.5"))}
    rows = {(row["stack"], row["name"].split(" for")[0]): row for row in found["stacks"]["rows"]}
    rows["MD1", "dracut generic"]["median"] = 4 + 2.9
    del rows["LVM", "preroot strict"]["median"]
    rows["LVM", "preroot strict"]["error"] = "exit status 1\nno LVM here"
    assert verdicts(found)["the generic image of dracut"] == (False, "2.9 times on MD1")
    assert verdicts(found)["the strict image of dracut"] == (
        False, "ours does not reach the root on LVM")
    text = report.text(found)
    assert "LVM, preroot strict for LVM: no LVM here" in text and "does not get there" in text


@pytest.mark.parametrize("console, reason", [
    ("preroot:   but: it did not appear\npreroot:     rd.lvm.lv: this image has no feature for LVM\n",
     "preroot:     rd.lvm.lv: this image has no feature for LVM"),
    ("ALERT!  UUID=1 does not exist.  Dropping to a shell!\nRebooting\n",
     "ALERT!  UUID=1 does not exist.  Dropping to a shell!"),
    ("nothing\n", "it ended by reboot")])
def test_an_image_itself_says_why_it_does_not_get_to_the_root(console, reason):
    assert stacks.reason(qemu.Boot("reboot", 1, console)) == reason


# ---- publishing ----

def test_figures_replace_what_is_between_the_marks(top):
    for name in publish.DOCUMENTS:
        (top / name).write_text("".join(MARKED.format(table) for table in publish.NEEDS))
    assert set(publish.write(result(), top)) == {*publish.DOCUMENTS, publish.RESULT,
                                                 publish.PICTURE}
    text = (top / "README.md").read_text()
    assert "\nold\n" not in text and text.count("\nz\n") == len(publish.NEEDS)
    assert "| dracut 059 generic | 1.00 MB | 40.0 s, 40x | 40.0 s, 40x | 20.5 MB | 40.0 s |" in text
    assert "(docs/bench.svg)" in text
    assert "(../docs/bench.svg)" in (top / "bench/README.md").read_text()
    assert publish.write(result(), top) == []


def test_what_was_not_measured_stays(top):
    (top / "README.md").write_text(MARKED.format("memory"))
    found = result()
    del found["memory"]
    publish.write(found, top)
    assert (top / "README.md").read_text() == MARKED.format("memory")


def test_a_table_that_does_not_exist_is_an_error(top):
    (top / "README.md").write_text(MARKED.format("tables"))
    with pytest.raises(Failure, match="README.md: there is no table “tables”"):
        publish.files(result(), top)


def test_the_documents_hold_the_figures_that_are_published(top):
    """Once there are any: nobody changes a table by hand."""
    for path in top.glob(publish.RESULT):
        assert publish.write(json.loads(path.read_text()), top) == []


def test_every_document_has_a_place_for_figures():
    for name in publish.DOCUMENTS:
        assert publish.TABLE.search((TOP / name).read_text())


# ---- the picture ----

def test_the_picture_is_described_and_has_every_figure_as_text():
    xml = minidom.parseString(picture.svg(result()))
    svg = xml.documentElement
    assert svg.getAttribute("role") == "img"
    described = xml.getElementsByTagName("desc")[0].firstChild.data
    assert xml.getElementsByTagName("title")[0].firstChild.data
    texts = [t.firstChild.data for t in xml.getElementsByTagName("text")]
    shown = list(picture.panels(result()))
    assert len(shown) == 7
    for heading, unit, rows in shown:
        assert heading in texts and heading in described
        for label, _, _ in rows:
            assert label in texts and label in described
    assert "40.0 s" in texts and "initramfs-tools <most>" in texts
    bars = [r for r in xml.getElementsByTagName("rect") if r.getAttribute("class") != "back"]
    assert len(bars) == sum(len(rows) for _, _, rows in shown)
    assert all(float(bar.getAttribute("width")) >= 1 for bar in bars)


def test_the_picture_follows_the_result_alone():
    assert picture.svg(result()) == picture.svg(json.loads(json.dumps(result())))
    assert "prefers-color-scheme: dark" in picture.svg(result())


def test_a_result_with_few_parts_has_a_picture_too():
    found = {key: value for key, value in result().items()
             if key in ("versions", "absent", "listing")}
    assert minidom.parseString(picture.svg(found)).getElementsByTagName("rect").length == 5


def test_the_picture_is_redrawn_by_a_command(tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(result()))
    subprocess.run([TOP / "bench/run", "--picture", tmp_path / "result.json", tmp_path / "out.svg"],
                   check=True)
    assert (tmp_path / "out.svg").read_text() == picture.svg(result())
