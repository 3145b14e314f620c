# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns what was measured into a text for people, and into verdicts."""

from collections import Counter

import coverage
import tables

NOTES = """\
Figures are medians of commands that ran in turns. Behind the others' figures: how many times as
much as preroot's. build: seconds, with warm files; preroot's cache is empty. processor: seconds of
all processes of the command. memory: the largest process, of which the others run many. to root:
guest time from the kernel's start to the real root's init. The others keep nothing from one build
to the next: each build of theirs is a cold one.
initramfs-tools dep: MODULES=list with the modules that MODULES=dep takes in such a guest."""


def text(result):
    """The whole report."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    parts = [[versions], [f"not on this machine, and so not measured: {name}"
                          for name in result["absent"]]]
    if "against" in result:
        parts += [[f"against {result['against']}"], tables.plain(list(tables.pairs(result)))]
    else:
        parts += _parts(result)
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def _parts(result):
    if "builds" in result or "boots" in result:
        yield tables.plain(list(tables.images(result)))
    for part in ("changes", "stages", "listing", "memory", "sizes", "stacks"):
        if part in result:
            yield tables.plain(list(getattr(tables, part)(result)))
    if "sizes" in result:
        yield _sizes(result)
    if "stacks" in result:
        yield _stacks(result)
    if "coverage" in result:
        yield _coverage(result)
    yield [NOTES]
    if "builds" in result:
        yield _commands(result)
    yield (f"{'met' if row['met'] else 'NOT met':9}{row['target']}: {row['reached']}"
           for row in result["targets"])


# ---- what is to be reached ----

def targets(result):
    """What is to be reached, of the parts measured: the target, the figure, whether it is met."""
    return [*(_build_targets(result) if "builds" in result else ()),
            *(_boot_targets(result) if "boots" in result else ()),
            *(_change_targets(result) if "changes" in result else ()),
            *(_listing_targets(result) if "listing" in result else ()),
            *(_stack_targets(result) if "stacks" in result else ()),
            *_memory_target(result)]


def _target(name, reached, met):
    return {"target": name, "reached": reached, "met": bool(met)}


def _build_targets(result):
    rows = {row["name"]: row for row in result["builds"]}
    for ours, other, least in (("preroot generic", "dracut generic", 25),
                               ("preroot generic", "initramfs-tools most", 20),
                               ("preroot generic", "booster universal", 1),
                               ("preroot hostonly", "dracut hostonly", 100),
                               ("preroot strict", "dracut strict", 100)):
        if other in rows:
            ratio = rows[other]["build"]["median"] / rows[ours]["build"]["median"]
            yield _target(f"{ours} is built at least {least} times as fast as {other}",
                          f"{ratio:.1f} times", ratio >= least)
    size = rows["preroot strict"]["bytes"]
    yield _target("the strict image has at most 1.3 MB", f"{size / 1e6:.3f} MB", size <= 1.3e6)


def _boot_targets(result):
    rows = {row["name"]: row["median"] for row in result["boots"]}
    for name, most in (("preroot strict", 0.3), ("preroot generic", 0.06 * rows["floor"])):
        above = rows[name] - rows["floor"]
        yield _target(f"{name} reaches the root at most {most:.2f} s of guest time above the floor",
                      f"{above:.3f} s", above <= most)


def _change_targets(result):
    rows = {row["name"]: row["median"] for row in result["changes"]
            if row["program"] == "preroot"}
    part = rows["changed"] / rows["cold"]
    above = (rows["unchanged"] - rows["version"]) * 1e3
    yield _target("with one module changed a generic build takes at most 0.15 of a cold one",
                  f"{part:.3f} of it", part <= 0.15)
    calls = next(row["file_calls"] for row in result["changes"]
                 if (row["program"], row["name"]) == ("preroot", "cold"))
    yield _target("a cold one makes at most 12000 file calls", str(calls), calls <= 12000)
    yield _target("an unchanged one takes at most 10 ms longer than preroot --version",
                  f"{above:.1f} ms", above <= 10)


def _listing_targets(result):
    rows = {(row["image"], row["program"]): row["median"] for row in result["listing"]}

    def slower(image, program):
        return rows[image, program] / rows[image, "preroot list"]

    for image in ("dracut generic", "dracut-ng generic"):
        ratio = 1 / slower(image, "decompress")
        yield _target(f"preroot list of {image} takes at most 1.2 times its decompression",
                      f"{ratio:.2f} times", ratio <= 1.2)
    for image in ("dracut generic", "preroot generic"):
        ratio = slower(image, "lsinitrd")
        yield _target(f"preroot list is at least 40 times as fast as lsinitrd on {image}",
                      f"{ratio:.1f} times", ratio >= 40)
        ratio = slower(image, "3cpio -t")
        yield _target(f"it is not slower than 3cpio -t on {image}", f"{ratio:.2f} times as fast",
                      ratio >= 1)


def _stack_targets(result):
    """Beside each kind of image of the others: the stack where they are nearest to ours."""
    floor = result["stacks"]["floor"]
    rows = {(row["stack"], row["kind"], row["program"]): row.get("median")
            for row in result["stacks"]["rows"]}
    ratios = {}
    for (stack, kind, program), median in rows.items():
        if program != "preroot" and median:
            own = rows[stack, kind, "preroot"]
            ratio = (median - floor) / (own - floor) if own else 0
            ratios.setdefault((kind, program), []).append((ratio, stack))
    for (kind, program), found in ratios.items():
        ratio, stack = min(found)
        yield _target(f"the {kind} image of {program} takes at least 3 times as long above the floor, on all "
                      "stacks", f"{ratio:.1f} times on {stack}" if ratio else
                      f"ours does not reach the root on {stack}", ratio >= 3)


def _memory_target(result):
    runs = {row["name"]: row["build"] for row in result.get("builds", ())
            if row["program"] == "preroot"}
    runs |= {f"build, {row['name']}": row for row in result.get("changes", ())}
    runs |= {f"{row['program']} of {row['image']}": row for row in result.get("listing", ())
             if row["program"].startswith("preroot ")}
    if runs:
        most = max(runs, key=lambda name: runs[name]["memory_kb"])
        size = runs[most]["memory_kb"] * 1024
        yield _target("preroot takes at most 60 MB of memory", f"{size / 1e6:.1f} MB ({most})",
                      size <= 60e6)


# ---- further parts ----

def _sizes(result):
    theirs = result["sizes"][1]
    yield ("initramfs-tools, zstd by its defaults, MODULES=list with the names of all of preroot's "
           f"modules; it lacks {len(theirs['lacks'])} of them and has "
           f"{len(theirs['more'])} of its own.")
    yield "Both have their programs besides: it has udev, busybox and klibc, preroot has init."


def _stacks(result):
    yield (f"The floor is that of a plain root: {tables.seconds(result['stacks']['floor'])}. All machines "
           "have the tools of all stacks, and initramfs-tools packs them all.")
    for row in result["stacks"]["rows"]:
        if "error" in row:
            yield f"{row['stack']}, {row['name']}: {row['error'].splitlines()[-1]}"


def _commands(result):
    yield "Commands; those of Debian's programs run in their trees, where build/bench is /mnt:"
    for row in result["builds"]:
        yield f"{row['name']}: {row['build']['command']}"


def _coverage(result):
    yield "What generic images hold; firmware: made up, one file for every name that a module has."
    for row in result["coverage"]["kernels"]:
        yield f"Linux {row['kernel']}:"
        for name, found in row["images"].items():
            yield (f"  {name} {found['version']}: {found['modules']} modules, "
                   f"{found['firmware']} firmware files, {found['others']} other files")
            if found["left_out"]:
                yield f"    left out for want of programs: {', '.join(found['left_out'])}"
        yield from _reasons(row["differences"])
    for pattern in result["coverage"]["unused"]:
        yield f"docs/coverage.md: this matches no difference any more: {pattern}"
    bad = coverage.unexplained(result["coverage"])
    for version, difference in bad:
        side = "lacks" if difference["heading"] == coverage.LACKS else "alone has"
        yield (f"NO REASON {version}: beside {difference['program']}, preroot {side} "
               f"{difference['kind']} {difference['path']}")
    yield f"{len(bad)} differences without a reason"


def _reasons(differences):
    """How many differences each reason stands for."""
    counted = Counter((what["program"], what["heading"], what["kind"], what["reason"])
                      for what in differences if what["reason"])
    for (program, heading, kind, reason), number in sorted(counted.items()):
        sign = "-" if heading == coverage.LACKS else "+"
        yield f"  {sign}{number:4} {kind:8} beside {program}: {reason}"
