# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that the documents show exist, with the options that they have there. A merge doubled nothing."""

import re

import pytest

from fronts import NAMES, call, links  # noqa: F401
from lib import TOP
from program import run

DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]
# What ends a command, and what follows its words in an example.
END = re.compile(r"  +\S| [|&;>#] ?| >\S|,$")
OPTION = re.compile(r"(?<![\w/=-])--?[A-Za-z][\w-]*")


def code(path):
    """Lines of examples, and words in the text."""
    in_example = False
    for line in path.read_text().splitlines():
        if line.startswith("```"):
            in_example = not in_example
        elif in_example:
            yield re.sub(r"^([#$] )?(build/)?", "", line)
        else:
            yield from re.findall(r"`([^`]+)`", line)


def commands(path, names):
    """The commands that PATH shows, each as its name and its words."""
    for text in code(path):
        name, _, words = END.split(text)[0].partition(" ")
        if name in names and words:
            yield name, re.sub(r'"[^"]*"|\'[^\']*\'', "TEXT", words)


@pytest.fixture(scope="module")
def helps():
    """The words of the help of each command, and of preroot itself."""
    texts = {"": run("--help").text}
    for verb in re.findall(r"^  ([a-z][a-z-]+) ", texts[""], re.MULTILINE):
        texts[verb] = run(verb, "--help").text
    return {name: set(re.findall(r"[\w-]+", text)) for name, text in texts.items()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_of_a_document_exist(path, helps):
    for _, words in commands(path, ("preroot",)):
        verb, _, rest = words.partition(" ")
        if not verb[0].islower():  # a placeholder, an option of preroot itself
            continue
        assert verb in helps, f"preroot {words}"
        for option in OPTION.findall(rest):
            assert option in helps[verb], f"preroot {words}: {option}"


def test_old_commands_are_answered_under_their_names(call):
    """Those of the document for people who come from other builders."""
    words = {name: set(re.findall(r"[\w-]+", call(name, "--help").text)) for name in NAMES}
    shown = list(commands(TOP / "docs/migrating.md", NAMES))
    assert len(shown) > 20
    for name, text in shown:
        for option in OPTION.findall(text):
            assert option in words[name], f"{name} {text}: {option}"


def test_the_news_have_no_line_twice_in_a_section():
    """Git merges the file by union: of a line that both sides changed, both versions are kept. They
    begin alike."""
    section, seen = "", set()
    for line in filter(None, (TOP / "NEWS.md").read_text().splitlines()):
        section = line if line.startswith("#") else section
        assert (section, line[:60]) not in seen, line
        seen.add((section, line[:60]))
