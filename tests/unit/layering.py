#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that includes run one way only: layering.py [TREE], default the tree it stands in.

base <- format <- host <- plan <- features <- image <- deploy <- audit <- transaction <- cli: a layer
includes only lower layers and itself; deploy knows no plan and no feature. PID 1 includes only base,
format and init, whose rooms have an order of their own: core <- devices <- goal <- seam <- rescue,
and on top of them the files of init itself; features/list.h belongs to both programs.
features/*/boot.c and features/*/boot/ include base, format, init/core and their own folder. Each x.c includes its own
header first; no include names a file that is not there; no function is declared in two headers;
each file has its licence in the first line. The checks themselves are first held against made-up
trees that break each of them.
"""

import re
import sys
import tempfile
from pathlib import Path

LAYERS = ["base", "format", "host", "plan", "features", "image", "deploy", "audit", "transaction",
          "cli"]
NEVER = {"deploy": {"plan", "features"}}
BOOT = {"base", "format", "init"}
LIST = "features/list.h"
ROOMS = ["core", "devices", "goal", "seam", "rescue", "top"]
SPDX = re.compile(r"^(/\*|//|#) SPDX-License-Identifier: LGPL-2\.1-or-later( \*/)?$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
PROTOTYPE = re.compile(r"^(?!static|typedef)[a-z][\w *]*?[ *](\w+)\(", re.M)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
CIRCLES = {"plan/modules"}  # whose kit is still to come out of the entry
LICENSED = ("src", "tests", "bench")


def is_boot_part(path):
    """Does PATH, a file below src/, belong to PID 1's side of a feature?"""
    return path.parts[0] == "features" and "boot" in (path.stem, path.parent.name)


def allowed(path):
    """Layers that the file PATH (below src/) may include."""
    layer = path.parts[0]
    if layer == "init":
        return BOOT
    if is_boot_part(path):
        return BOOT | {"features"}
    if layer not in LAYERS:
        return set()
    return set(LAYERS[:LAYERS.index(layer) + 1]) - NEVER.get(layer, set())


def room(path):
    """The room of PATH, a file below src/init."""
    return path.parts[1] if len(path.parts) > 2 else "top"


def check_room(path, where, name):
    """PATH, a part of PID 1, includes NAME."""
    layer, included = path.parts[0], Path(name)
    if layer == "init" and included.parts[0] == "init":
        if room(path) not in ROOMS:
            yield f"src/{path}: the folder {room(path)} is no room"
        elif room(included) not in ROOMS[:ROOMS.index(room(path)) + 1]:
            yield f"{where}: {room(path)} must not include {name}"
    if is_boot_part(path):
        if included.parts[0] == "init" and room(included) != "core":
            yield f"{where}: a boot part must not include {name}"
        if included.parts[0] == "features" and included.parts[:2] != path.parts[:2]:
            yield f"{where}: a boot part must not include {name}"


def includes(file):
    """(line number, is local, name) of each include."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1] == '"', match[2]


def check_file(src, file):
    path = file.relative_to(src)
    found = list(includes(file))
    if path.parts[0] not in LAYERS + ["init"]:
        yield f"src/{path}: the folder {path.parts[0]} is no layer"
    for number, local, name in found:
        where = f"src/{path}:{number}"
        if not local:
            continue
        if not (src / name).is_file():
            yield f"{where}: there is no src/{name}"
        elif name.split("/")[0] not in allowed(path) and not (path.parts[0] == "init" and
                                                              name == LIST):
            yield f"{where}: {path.parts[0]} must not include {name}"
        else:
            yield from check_room(path, where, name)
    own = path.with_suffix(".h")
    if path.suffix == ".c" and (src / own).is_file():
        if not found or found[0][1:] != (True, str(own)):
            yield f"src/{path}: does not include its own header {own} first"


def check_names(src, headers):
    """A name means one function, in whichever program."""
    declared = {}
    for header in headers:
        for name in PROTOTYPE.findall(header.read_text()):
            other = declared.setdefault(name, header)
            if other != header:
                yield (f"src/{header.relative_to(src)}: {name}() is declared in "
                       f"src/{other.relative_to(src)}, too")


def check_kit(src, kit):
    """x/x.c -> x/PART.c -> x/kit.c: what the parts share, x.c does not define."""
    shared = set(re.findall(r"\b(\w+)\s*\(", COMMENT.sub("", kit.read_text())))
    for entry in (kit.with_name(kit.parent.name + ".c"), kit.with_name("build.c")):
        text = entry.read_text() if entry.is_file() else ""
        for name in re.findall(r"^(?!static\b)\w[\w \t*]*?\b(\w+)\s*\([^;{}]*\)\s*\{", text, re.M):
            if name in shared:
                yield (f"src/{entry.relative_to(src)}: defines {name}(), which its parts call by "
                       f"{kit.relative_to(src)}: that belongs into kit.c")


def check_tests(tree, file):
    """Tests include from src/ and from their own folder."""
    for number, local, name in includes(file):
        if local and not (tree / "src" / name).is_file() and not (file.parent / name).is_file():
            yield f"{file.relative_to(tree)}:{number}: there is no {name}"


def sources(folder):
    return sorted(f for f in folder.rglob("*") if f.suffix in (".c", ".h") and f.is_file())


def check(tree):
    """All that is wrong with TREE, in words."""
    src = tree / "src"
    files = sources(src)
    if not files:
        yield f"{src}: no source"
    for file in files:
        yield from check_file(src, file)
    yield from check_names(src, [f for f in files if f.suffix == ".h"])
    for kit in sorted(src.rglob("kit.h")):
        if str(kit.parent.relative_to(src)) not in CIRCLES:
            yield from check_kit(src, kit)
    for folder in LICENSED[1:]:
        for file in sources(tree / folder):
            yield from check_tests(tree, file)
    for folder in LICENSED:
        for file in sources(tree / folder):
            if not SPDX.match(file.read_text().split("\n", 1)[0]):
                yield f"{file.relative_to(tree)}: no licence in the first line"


# ---- the checks themselves ----

LICENCE = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
GOOD = {
    "src/base/buf.h": "#pragma once\n#include <stddef.h>\n",
    "src/base/buf.c": '#include "base/buf.h"\n#include <errno.h>\n',
    "src/format/cpio.h": '#include "base/buf.h"\n',
    "src/host/root.h": '#include "base/buf.h"\n',
    "src/plan/plan.h": '#include "host/root.h"\n',
    "src/image/pack.h": '#include "plan/plan.h"\n#include "format/cpio.h"\n',
    "src/deploy/swap.h": '#include "image/pack.h"\n',
    "src/features/x/build.c": '#include "plan/plan.h"\n',
    "src/features/x/boot.c": '#include "init/core/log.h"\n#include "features/x/x.h"\n',
    "src/features/x/boot/kit.h": '#include "init/core/log.h"\n#include "features/x/x.h"\n',
    "src/features/x/x.h": '#include "format/cpio.h"\n',
    "src/features/y/y.h": "#pragma once\n",
    "src/init/boot.h": '#include "init/rescue/shell.h"\n#include "init/goal/root.h"\n',
    "src/init/core/log.h": '#include "format/cpio.h"\n',
    "src/init/devices/block.h": '#include "init/core/log.h"\n',
    "src/init/goal/root.h": '#include "init/devices/block.h"\n#include "init/core/log.h"\n',
    "src/init/rescue/shell.h": '#include "init/goal/root.h"\n#include "init/rescue/ask.h"\n',
    "src/init/rescue/ask.h": "#pragma once\n",
    "src/init/seam/table.c": '#include "features/list.h"\n#include "init/core/log.h"\n',
    "src/features/list.h": "#pragma once\n",
    "src/audit/audit.h": '#include "deploy/swap.h"\n#include "plan/plan.h"\n',
    "src/transaction/rebuild.h": '#include "audit/audit.h"\n',
    "src/cli/main.c": '#include <stdio.h>\n\n#include "transaction/rebuild.h"\n',
    "src/host/x/kit.h": "int x_share(int n); /* x_run() */\nint x_part(void);\n",
    "src/host/x/kit.c": '#include "host/x/kit.h"\nint x_share(int n)\n{\n\treturn n;\n}\n',
    "src/host/x/x.c": '#include "host/x/kit.h"\nint x_run(void)\n{\n\treturn x_part();\n}\n',
    "tests/unit/support.h": "#pragma once\n",
    "tests/unit/test.c": '#include "support.h"\n#include "base/buf.h"\n',
}

# A change to the good tree, and a word of what must be said of it.
BAD = [
    ({"src/base/buf.h": '#include "format/cpio.h"\n'}, "base must not include"),
    ({"src/format/cpio.h": '#include "host/root.h"\n'}, "format must not include"),
    ({"src/host/root.h": '#include "plan/plan.h"\n'}, "host must not include"),
    ({"src/plan/plan.h": '#include "image/pack.h"\n'}, "plan must not include"),
    ({"src/features/x/build.c": '#include "image/pack.h"\n'}, "features must not include"),
    ({"src/image/pack.h": '#include "deploy/swap.h"\n'}, "image must not include"),
    ({"src/deploy/swap.h": '#include "init/boot.h"\n'}, "deploy must not include"),
    ({"src/deploy/swap.h": '#include "plan/plan.h"\n'}, "deploy must not include"),
    ({"src/deploy/swap.h": '#include "audit/audit.h"\n'}, "deploy must not include"),
    ({"src/audit/audit.h": '#include "transaction/rebuild.h"\n'}, "audit must not include"),
    ({"src/transaction/rebuild.h": '#include "cli/main.c"\n'}, "transaction must not include"),
    ({"src/cli/main.c": '#  include "init/boot.h"\n'}, "cli must not include"),
    ({"src/init/boot.h": '#include "plan/plan.h"\n'}, "init must not include"),
    ({"src/init/boot.h": '#include "host/root.h"\n'}, "init must not include"),
    ({"src/features/x/boot.c": '#include "plan/plan.h"\n'}, "features must not include"),
    ({"src/features/x/boot.c": '#include "features/y/y.h"\n'}, "a boot part must not include"),
    ({"src/features/x/boot/kit.h": '#include "plan/plan.h"\n'}, "features must not include"),
    ({"src/features/x/boot/kit.h": '#include "init/devices/block.h"\n'},
     "a boot part must not include"),
    ({"src/features/x/boot.c": '#include "init/devices/block.h"\n'},
     "a boot part must not include"),
    ({"src/features/x/boot.c": '#include "init/boot.h"\n'}, "a boot part must not include"),
    ({"src/init/core/log.h": '#include "init/devices/block.h"\n'}, "core must not include"),
    ({"src/init/core/log.h": '#include "init/boot.h"\n'}, "core must not include"),
    ({"src/init/devices/block.h": '#include "init/goal/root.h"\n'}, "devices must not include"),
    ({"src/init/goal/root.h": '#include "init/rescue/shell.h"\n'}, "goal must not include"),
    ({"src/init/rescue/ask.h": '#include "init/boot.h"\n'}, "rescue must not include"),
    ({"src/init/goal/root.h": '#include "init/seam/parts.h"\n', "src/init/seam/parts.h": ""},
     "goal must not include"),
    ({"src/init/seam/table.c": '#include "features/y/y.h"\n'}, "init must not include"),
    ({"src/init/cellar/x.h": '#include "init/core/log.h"\n'}, "is no room"),
    ({"src/base/buf.c": '#include <errno.h>\n#include "base/buf.h"\n'}, "own header"),
    ({"src/base/buf.c": "int x;\n"}, "own header"),
    ({"src/base/buf.h": '#include "base/absent.h"\n'}, "there is no src/base/absent.h"),
    ({"src/base/buf.c": '#include "buf.h"\n'}, "there is no src/buf.h"),
    ({"src/base/buf.h": "int x(void);\n", "src/format/cpio.h": "char *x(int y);\n"},
     "x() is declared in src/base/buf.h, too"),
    ({"src/host/x/x.c": "int x_share(int n)\n{\n\treturn n;\n}\n"}, "belongs into kit.c"),
    ({"src/features/y/kit.h": "int y_share(int n);\n",
      "src/features/y/build.c": "int y_share(int n)\n{\n\treturn n;\n}\n"}, "belongs into kit.c"),
    ({"src/other/x.h": "#pragma once\n"}, "is no layer"),
    ({"tests/unit/test.c": '#include "absent.h"\n'}, "there is no absent.h"),
    ({"src/base/buf.h": None}, "no licence"),
    ({"tests/unit/test.c": None}, "no licence"),
    ({"bench/floor.c": None}, "no licence"),
]


def problems_of(tree):
    """What is said of a made-up tree; None as a file's text: it lacks its licence."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in tree.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("#pragma once\n" if text is None else LICENCE + text)
        return list(check(Path(folder)))


def self_test():
    """What the checks themselves get wrong."""
    if problems_of(GOOD):
        yield f"a good tree is refused: {problems_of(GOOD)}"
    for change, word in BAD:
        problems = problems_of({**GOOD, **change})
        if not any(word in p for p in problems):
            yield f"{change} is not told as \"{word}\": {problems}"
    if not problems_of({}):
        yield "an empty tree is accepted"


def main():
    args = sys.argv[1:]
    tree = Path(args[0]) if args else Path(__file__).resolve().parents[2]
    problems = list(self_test()) + list(check(tree))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
