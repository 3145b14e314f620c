# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the program says of its commands and options is what its manual pages and completion say."""

import re
import subprocess
from pathlib import Path

import pytest

from program import DONE, PROGRAM, run

TREE = Path(__file__).resolve().parents[2]
COMPLETION = TREE / "completion/preroot"


def commands():
    """Of --help."""
    text = subprocess.run([PROGRAM, "--help"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^  ([a-z][a-z-]*) ", text.split("Commands:")[1], re.M)


def options(command):
    """Options with two dashes that COMMAND --help lists."""
    text = run(command, "--help", status=DONE).text
    return set(re.findall(r"^ *(?:-\w,)? *(--[a-z][a-z-]*)", text.split("Options:")[1], re.M))


def documented(command):
    """Options in the manual page's list of options, or in that of build, where it refers to it."""
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


def complete(words):
    """What bash offers for the last of WORDS."""
    script = f"""
        source {COMPLETION}
        COMP_WORDS=({' '.join(repr(w) for w in words)})
        COMP_CWORD={len(words) - 1}
        _preroot {words[0]!r} {words[-1]!r} {words[-2]!r}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return set(subprocess.run(["bash", "-c", script], check=True, capture_output=True,
                              text=True).stdout.split())


@pytest.mark.parametrize("command", commands())
def test_completion_offers_every_option(command):
    assert options(command) <= complete([str(PROGRAM), command, "--"])


def test_completion_offers_every_command():
    assert set(commands()) <= complete([str(PROGRAM), ""])
