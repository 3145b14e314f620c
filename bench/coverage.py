# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks that a generic image holds what those of the others hold, or that a reason is written.

The reasons stand in docs/coverage.md, in two tables: what the others have and ours lacks, and what
only ours has. A pattern is matched as by the shell, but `*` stands for any characters, also `/`.
"""

import fnmatch
import re
from dataclasses import dataclass, field

from lib import TOP, image, kernels
from lib.command import Failure, run
from lib.kernels import Kernel

import measure
import ours
import peers
from changes import linked_tree
from measure import FOLDER

REASONS = TOP / "docs/coverage.md"
LACKS = "What the others have and preroot lacks"
MORE = "What only preroot has"
SUITES = ("bookworm", "trixie")

MODULE = re.compile(r"(?:usr/)?lib/modules/[^/]+/(.*\.ko)(?:\.(?:gz|xz|zst))?")
FIRMWARE = re.compile(r"(?:usr/)?lib/firmware/(.*?)(?:\.(?:xz|zst))?")
ROW = re.compile(r"\| `([^`]+)` \| (.+) \|")
LEFT_OUT = re.compile(r"dracut module '([^']+)' will not be installed, because command '([^']+)'")


@dataclass
class Reasons:
    """The tables: by heading, patterns and their reasons; USED has the patterns that matched."""

    tables: dict
    used: set = field(default_factory=set)

    def of(self, heading, path):
        for pattern, reason in self.tables[heading]:
            if fnmatch.fnmatchcase(path, pattern):
                self.used.add((heading, pattern))
                return reason
        return None

    def unused(self):
        return [f"{pattern} ({heading})" for heading, rows in self.tables.items()
                for pattern, _ in rows if (heading, pattern) not in self.used]


def read_reasons(text):
    """The tables of TEXT, which is docs/coverage.md; raises Failure for what it does not know."""
    tables = {LACKS: [], MORE: []}
    heading = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            heading = line[3:]
        elif heading in tables and line.startswith("| `"):
            found = ROW.fullmatch(line)
            if not found:
                raise Failure(f"{REASONS.name}:{number}: a row is `pattern` and reason: {line}")
            tables[heading].append(found.groups())
    for name, rows in tables.items():
        if not rows:
            raise Failure(f"{REASONS.name} has no table with patterns under “{name}”")
    return Reasons(tables)


def contents(path, kernel_root):
    """The paths of all files that are not folders in the image PATH, as 3cpio tells them."""
    chroot = peers.Chroot(kernel_root, peers.SID)
    words = peers.three_cpio_long(f"{chroot.folder}/{path.name}")
    listing = run(chroot.enter(words)).stdout
    return [_name(line) for line in listing.splitlines() if not line.startswith("d")]


def _name(line):
    """The name in a line like `ls -l` writes; a device has two numbers instead of a size."""
    columns = 9 if line[0] in "bc" else 8
    return line.split(maxsplit=columns)[columns].split(" -> ")[0]


def modules_of(names):
    return {found[1] for found in map(MODULE.fullmatch, names) if found}


def firmware_of(names):
    return {found[1] for found in map(FIRMWARE.fullmatch, names) if found}


def programs(kernel):
    """The images: their name, where they are made, with which words, and with which program."""
    old, new = (peers.Chroot(kernel.root, tree) for tree in (peers.COVERAGE, peers.SID))
    return [
        ("preroot", ours.Here, lambda out: ours.PREROOT.generic(kernel, out),
         run([image.PROGRAM, "--version"]).stdout.split()[-1]),
        ("dracut", old, lambda out: peers.dracut_uncompressed(kernel, out),
         peers.COVERAGE.version("dracut-core")),
        ("dracut-ng", new, lambda out: peers.dracut_uncompressed(kernel, out),
         peers.SID.version("dracut-core")),
        ("initramfs-tools", old, lambda out: peers.initramfs_most(kernel, out),
         peers.COVERAGE.version("initramfs-tools-core")),
    ]


def with_firmware(kernel):
    """KERNEL in a tree where every file of firmware that its modules name is installed.

    The files hold nothing but their name: which are taken is asked, not what is in them. So the
    comparison does not depend on what a machine has installed.
    """
    root = linked_tree(kernel.root, FOLDER / f"coverage-{kernel.version}")
    named = firmware_names(kernel)
    for name in sorted({name.replace("*", "x").replace("?", "x")
                        for names in named.values() for name in names}):
        if name.startswith("/") or ".." in name.split("/"):
            raise Failure(f"a module of kernel {kernel.version} names the firmware {name}")
        path = root / "lib/firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name + "\n")
    return Kernel(root, kernel.version), named


def firmware_names(kernel):
    """The firmware that each module names, by the module's path; under "" the kernel's own."""
    folder = kernel.root / "lib/modules" / kernel.version
    modules = {str(path): _plain(path.relative_to(folder)) for path in folder.rglob("*.ko*")}
    named = {module: set() for module in modules.values()}
    files = sorted(modules)
    for start in range(0, len(files), 500):
        module = None
        for line in run(["modinfo", *files[start:start + 500]]).stdout.splitlines():
            if line.startswith("filename:"):
                module = modules[line.split(maxsplit=1)[1]]
            elif line.startswith("firmware:"):
                named[module].add(line.split(maxsplit=1)[1])
    fields = (folder / "modules.builtin.modinfo").read_bytes().split(b"\0")
    named[""] = {found[1] for found in (re.match(r"[^.=]+\.firmware=(.*)", field.decode())
                                        for field in fields) if found}
    return named


def _plain(path):
    return re.sub(r"\.ko\..*", ".ko", str(path))


def build(kernel, say):
    """What each program's generic image holds, and what dracut left out for want of programs."""
    found = {}
    for name, place, words, version in programs(kernel):
        path = FOLDER / f"coverage-{kernel.version}-{name}.img"
        say(f"building {path.name}")
        path.unlink(missing_ok=True)
        log = path.with_suffix(".log")
        measure.repeat(words(f"{place.folder}/{path.name}"), measure.ONCE, place, log)
        names = contents(path, kernel.root)
        modules, firmware = modules_of(names), firmware_of(names)
        found[name] = {"version": version, "modules": modules, "firmware": firmware,
                       "others": len(names) - len(modules) - len(firmware),
                       "left_out": sorted({f"{what} ({command})" for what, command
                                           in LEFT_OUT.findall(log.read_text(errors="replace"))})}
    return found


def differences(found, named, reasons):
    """Every difference: (program, heading, kind, path, reason); no reason is None."""
    own = found["preroot"]
    for program, other in found.items():
        if program == "preroot":
            continue
        for heading, left, right in ((LACKS, other, own), (MORE, own, other)):
            for path in sorted(left["modules"] - right["modules"]):
                yield program, heading, "module", path, reasons.of(heading, path)
            for path in sorted(left["firmware"] - right["firmware"]):
                yield (program, heading, "firmware", path,
                       _follows(path, right, named) or reasons.of(heading, "firmware/" + path))


def _follows(path, image_without, named):
    """Firmware needs no reason of its own where no module names it that the image has."""
    if any(fnmatch.fnmatchcase(path, name)
           for module in ("", *image_without["modules"]) for name in named.get(module, ())):
        return None
    return "of modules that the image does not have"


def facts(say):
    """The whole comparison, for each kernel; the trees are made where they are missing."""
    reasons = read_reasons(REASONS.read_text())
    for tree in (peers.COVERAGE, peers.SID):
        tree.create(say)
    measure.compile_static("measure")
    rows = []
    for suite in SUITES:
        kernel, named = with_firmware(kernels.of_suite(suite, say))
        found = build(kernel, say)
        told = [dict(zip(("program", "heading", "kind", "path", "reason"), difference))
                for difference in differences(found, named, reasons)]
        rows.append({"kernel": kernel.version, "differences": told, "images": {
            name: {**what, "modules": len(what["modules"]), "firmware": len(what["firmware"])}
            for name, what in found.items()}})
    return {"kernels": rows, "unused": reasons.unused()}


def unexplained(coverage):
    return [(row["kernel"], difference) for row in coverage["kernels"]
            for difference in row["differences"] if difference["reason"] is None]
