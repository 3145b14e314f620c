# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts the figures of a result where people read them: tables in documents, and the picture.

What is between `<!-- bench: NAME -->` and `<!-- bench end -->` is replaced: NAME is a function of
tables.py, or `picture`, or `about`. Where its part was not measured, it stays as it is.
"""

import json
import os
import re

from lib import TOP
from lib.command import Failure

import picture
import tables

RESULT = "bench/result.json"
PICTURE = "docs/bench.svg"
DOCUMENTS = ("README.md", "bench/README.md")
NEEDS = {"picture": (), "about": (), "images": ("builds", "boots"), "changes": ("changes",),
         "stages": ("stages",), "listing": ("listing",), "memory": ("memory",),
         "stacks": ("stacks",)}
TABLE = re.compile(r"(<!-- bench: (\w+) -->\n).*?(<!-- bench end -->)", re.DOTALL)


def files(result, top=TOP):
    """The files, by their path below TOP, and what they are to hold."""
    kept = {part: value for part, value in result.items() if part != "coverage"}
    found = {RESULT: json.dumps(kept, indent=1) + "\n", PICTURE: picture.svg(result)}
    for name in DOCUMENTS:
        found[name] = TABLE.sub(lambda match: _table(match, result, name),
                                (top / name).read_text())
    return found


def _table(match, result, document):
    name = match[2]
    if name not in NEEDS:
        raise Failure(f"{document}: there is no table “{name}”: {', '.join(NEEDS)}")
    if not all(part in result for part in NEEDS[name]):
        return match[0]
    if name == "picture":
        lines = [f"![Build times, boot times and sizes as bars]({_picture_from(document)})"]
    elif name == "about":
        lines = [_about(result)]
    else:
        lines = tables.markdown(list(getattr(tables, name)(result)))
    return match[1] + "\n".join(lines) + "\n" + match[3]


def _picture_from(document):
    return os.path.relpath(PICTURE, os.path.dirname(document))


def _about(result):
    versions = result["versions"]
    return (f"One run with {result['processors']} processors, Linux {versions['kernel']}, preroot "
            f"{versions['preroot']}.")


def write(result, top=TOP):
    """Writes them; the paths of those that have changed."""
    changed = []
    for name, text in files(result, top).items():
        path = top / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(name)
    return changed
