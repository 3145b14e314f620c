# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program's help and its manual pages agree on commands and options."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

import trees
from fronts import NAMES
from program import DONE, FAILED, PROGRAM, USAGE, run

pytestmark = pytest.mark.leaks

TREE = Path(__file__).resolve().parents[2]


def commands():
    """Of --help."""
    text = subprocess.run([PROGRAM, "--help"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^  ([a-z][a-z-]*) ", text.split("Commands:")[1], re.M)


def options(command):
    """Options with two dashes that COMMAND --help lists."""
    text = run(command, "--help", status=DONE).text
    return set(re.findall(r"^ *(?:-\w,)? *(--[a-z][a-z-]*)", text.split("Options:")[1], re.M))


def documented(command):
    """Options in the manual page's list, or in that of build if the page refers to it."""
    text = (TREE / f"man/preroot-{command}.1.scd").read_text()
    section = text.partition("\n# OPTIONS\n")[2].partition("\n# ")[0]
    terms = "\n".join(line for line in section.splitlines() if line.startswith("*"))
    found = set(re.findall(r"\*(--[a-z][a-z-]*)\*", terms))
    if "*preroot-build*(1)" in section:
        found |= documented("build") & options(command)
    return found


@pytest.mark.parametrize("command", commands())
def test_the_manual_page_lists_the_options_that_there_are(command):
    assert documented(command) == options(command) - {"--help"}


# ---- command lines ----

@pytest.mark.parametrize("command", [None, *commands()])
def test_help_fits_a_terminal_of_80_columns(command):
    words = [command, "--help"] if command else ["--help"]
    assert max(map(len, run(*words).text.splitlines())) <= 80


@pytest.mark.parametrize("words, near", [
    (["rebuld"], "rebuild"), (["boot-repot"], "boot-report"), (["--root", "/", "verfy"], "verify"),
    (["rebuild", "--chekc"], "--check"), (["build", "--genric", "x"], "--generic"),
])
def test_the_nearest_name_is_offered(words, near):
    assert f"is it meant to be" in (hint := run(*words, status=USAGE).hint) and near in hint


def test_what_is_near_to_nothing_gets_no_offer():
    assert "meant" not in run("xyzzy-plugh", status=USAGE).hint
    assert "meant" not in run("rebuild", "--xyzzy-plugh", status=USAGE).hint


@pytest.mark.parametrize("before", [["--root", "{tmp}"], ["-r", "{tmp}"], ["--root={tmp}"]])
def test_options_before_the_command_count(before, tmp_path):
    words = [word.format(tmp=tmp_path) for word in before]
    assert str(tmp_path) in run(*words, "plan", status=FAILED).error
    assert run(*words, "--json", "plan", "9.9.9", status=FAILED).error == \
        run("plan", *words, "--json", "9.9.9", status=FAILED).error


def test_options_alone_are_no_command():
    assert "no command" in run("--json", status=USAGE).error
    assert "--json" in run("--json", "cat", "a", "b", status=USAGE).error


# ---- extract, and descriptions through pipes ----

def test_extract_leaves_a_folder_alone_that_holds_something(tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"070701" + b"0" * 8 + b"000081a4" + b"0" * 16 + b"00000001" + b"0" * 8 +
                      b"00000002" + b"0" * 32 + b"00000002" + b"0" * 8 + b"x\0hi\0\0" +
                      b"070701" + b"0" * 88 + b"0000000b" + b"0" * 8 + b"TRAILER!!!\0\0\0\0")
    target = tmp_path / "target"
    target.mkdir()
    run("extract", image, target)
    (target / "x").write_text("mine")
    result = run("extract", image, target, status=FAILED)
    assert "is not empty" in result.error and "--force" in result.hint
    assert (target / "x").read_text() == "mine"
    run("extract", "--force", image, target)
    assert (target / "x").read_text() == "hi"


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0"])
def test_a_description_of_hardware_comes_through_a_pipe(name):
    text = (trees.MACHINES / "nvme.json").read_bytes()
    done = subprocess.run([PROGRAM, "hardware", "--json", "--hardware", name], input=text,
                          capture_output=True, check=True)
    plain = run("hardware", "--json", "--hardware", trees.MACHINES / "nvme.json")
    assert done.stdout == plain.out


NOWHERE = ["--root", "/nowhere"]
FAILING = {
    "audit": NOWHERE, "boot-report": ["/nowhere"], "diff": ["/nowhere", "/nowhere"],
    "hardware": NOWHERE, "list": ["/nowhere"], "mark-good": NOWHERE, "plan": NOWHERE,
    "prune": NOWHERE, "rebuild": NOWHERE, "restore": NOWHERE, "status": NOWHERE,
    "verify": ["/nowhere"], "why": ["/nowhere", "x"]}


@pytest.mark.parametrize("verb", FAILING)
def test_json_also_of_what_fails(verb):
    done = run(verb, "--json", *FAILING[verb], status=FAILED)
    assert done.json["error"]["message"] == done.error and done.json["error"]["code"]
    done = run(verb, "--nonsense", "--json", *FAILING[verb], status=USAGE)
    assert done.json["error"]["message"] == done.error
    assert not run(verb, "--nonsense", *FAILING[verb], status=USAGE).out


# ---- the tests of the others ----

def code_that_looks_for_leaks(path):
    """The source of the tests in PATH with the mark `leaks`, and of what they call there."""
    text = path.read_text()
    lines, parts, marked = text.splitlines(), [], False
    for node in ast.parse(text).body:
        marks = getattr(node, "decorator_list", [])
        source = "\n".join(lines[min([node, *marks], key=lambda n: n.lineno).lineno - 1:node.end_lineno])
        if source.startswith("pytestmark") and "mark.leaks" in source:
            return text
        has_mark = "@pytest.mark.leaks" in source
        marked = marked or has_mark
        if has_mark or not getattr(node, "name", "").startswith("test_"):
            parts.append(source)
    return "\n".join(parts) if marked else ""


def test_each_command_and_each_other_name_has_a_test_that_looks_for_leaks():
    code = "\n".join(code_that_looks_for_leaks(path) for path in Path(__file__).parent.glob("test_*.py")
                     if path != Path(__file__))
    called = set(re.findall(r'"([a-z-]+)"', code))
    assert {*commands(), *NAMES, "--complete"} - called == set()
