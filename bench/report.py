# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns what was measured into a text for people, and into verdicts."""

from collections import Counter

import coverage

COLUMNS = [("size", 16), ("build", 16), ("memory", 17), ("to root", 16), ("above floor", 13)]
CACHE = {"cold": "cold: the cache is empty", "changed": "warm: one module has changed",
         "unchanged": "--if-changed: nothing has", "version": "preroot --version"}

NOTES = """\
Figures are medians. Behind the others' figures: how many times as much as preroot's.
build: seconds, with warm files; preroot's cache is empty. memory: the largest process of the
build, of which the others run many. to root: guest time from the kernel's start to the real
root's init.
initramfs-tools dep: MODULES=list with the modules that MODULES=dep takes in such a guest."""


def text(result):
    versions = result["versions"]
    parts = [[f"Linux {versions['kernel']}, preroot {versions['preroot']}, "
              f"dracut {versions['dracut']}, initramfs-tools {versions['initramfs-tools']}, "
              f"3cpio {versions['3cpio']}"]]
    for part, lines in (("images", _images), ("memory", _least), ("cache", _cache),
                        ("listing", _listing), ("sizes", _sizes), ("coverage", _coverage)):
        if part in result:
            parts.append(lines(result))
    parts += [[NOTES], _commands(result) if "images" in result else [], _targets(result)]
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def targets(result):
    """What is to be reached, of the parts measured: the target, the figure, whether it is met."""
    return [*(_image_targets(result) if "images" in result else ()),
            *(_cache_targets(result) if "cache" in result else ()),
            *(_listing_targets(result) if "listing" in result else ()),
            *_memory_target(result)]


def _target(name, reached, met):
    return {"target": name, "reached": reached, "met": bool(met)}


def _image_targets(result):
    images = {image["name"]: image for image in result["images"]}

    def faster(ours, other):
        return images[other]["build"]["median"] / images[ours]["build"]["median"]

    for ours, other, least in (("preroot generic", "dracut generic", 25),
                               ("preroot generic", "initramfs-tools most", 20),
                               ("preroot hostonly", "dracut hostonly", 100),
                               ("preroot strict", "dracut strict", 100)):
        ratio = faster(ours, other)
        yield _target(f"{ours} is built at least {least} times faster than {other}",
                      f"{ratio:.1f} times", ratio >= least)
    ours = images["preroot strict"]
    above = ours["boot"]["median"] - images["floor"]["boot"]["median"]
    yield _target("the strict image has at most 1.3 MB", f"{ours['bytes'] / 1e6:.3f} MB",
                  ours["bytes"] <= 1.3e6)
    yield _target("it reaches the root at most 0.3 s of guest time above the floor",
                  f"{above:.3f} s", above <= 0.3)


def _cache_targets(result):
    rows = {row["name"]: row["median"] for row in result["cache"]}
    part = rows["changed"] / rows["cold"]
    above = (rows["unchanged"] - rows["version"]) * 1e3
    yield _target("with one file changed a generic build takes at most a fifth of a cold one",
                  f"{part:.3f} of it", part <= 1 / 5)
    yield _target("an unchanged one takes at most 20 ms longer than preroot --version",
                  f"{above:.1f} ms", above <= 20)


def _listing_targets(result):
    rows = {(row["image"], row["program"]): row["median"] for row in result["listing"]}

    def slower(image, program):
        return rows[image, program] / rows[image, "preroot list"]

    for image in ("dracut generic", "preroot generic"):
        ratio = slower(image, "lsinitrd")
        yield _target(f"preroot list is at least 40 times faster than lsinitrd on {image}",
                      f"{ratio:.1f} times", ratio >= 40)
        ratio = slower(image, "3cpio -t")
        yield _target(f"it is not slower than 3cpio -t on {image}", f"{ratio:.2f} times as fast",
                      ratio >= 1)


def _memory_target(result):
    runs = {image["name"]: image["build"]["memory_kb"] for image in result.get("images", ())
            if image["program"] == "preroot"}
    runs |= {f"build, {row['name']}": row["memory_kb"] for row in result.get("cache", ())}
    runs |= {f"list of {row['image']}": row["memory_kb"] for row in result.get("listing", ())
             if row["program"] == "preroot list"}
    if runs:
        most = max(runs, key=runs.get)
        yield _target("preroot takes at most 100 MB of memory",
                      f"{runs[most] * 1024 / 1e6:.1f} MB ({most})", runs[most] * 1024 <= 100e6)


def _images(result):
    yield _row("image", *(name for name, _ in COLUMNS))
    ours = {image["kind"]: image for image in result["images"] if image["program"] == "preroot"}
    floor = next(image for image in result["images"] if image["program"] == "floor")
    for image in result["images"]:
        compared = _values(ours[image["kind"]]) if image["kind"] in ours else {}
        if image["program"] == "preroot":
            compared = {}
        cells = [_figure(value, unit, compared.get(name))
                 for name, (value, unit) in _values(image).items()]
        above = image["boot"]["median"] - floor["boot"]["median"]
        yield _row(image["name"], *cells, f"{above:+.2f} s" if image is not floor else "")


def _values(image):
    """The figures of an image by column: (value, unit), or (None, "") where there is none."""
    build = image.get("build")
    return {"size": (image["bytes"] / 1e6, "MB"),
            "build": (build["median"], "s") if build else (None, ""),
            "memory": (build["memory_kb"] * 1024 / 1e6, "MB") if build else (None, ""),
            "to root": (image["boot"]["median"], "s")}


def _least(result):
    yield _row("to reach the root", "least memory")
    for row in result["memory"]:
        yield _row(row["name"], f"{row['mib']} MiB" if row["mib"] else "over 512 MiB")


def _cache(result):
    yield _row("generic build", "seconds", "memory", "of cold")
    cold = next(row["median"] for row in result["cache"] if row["name"] == "cold")
    for row in result["cache"]:
        yield _row(CACHE[row["name"]], _figure(row["median"], "s"), _memory(row),
                   f"{row['median'] / cold:.3f}")


def _memory(row):
    return _figure(row["memory_kb"] * 1024 / 1e6, "MB")


def _listing(result):
    yield _row("listing of the image", "seconds", "memory", "with")
    ours = {row["image"]: row["median"] for row in result["listing"]
            if row["program"] == "preroot list"}
    for row in result["listing"]:
        compared = None if row["program"] == "preroot list" else (ours[row["image"]], "s")
        yield _row(row["image"], _figure(row["median"], "s", compared), _memory(row),
                   row["program"])


def _sizes(result):
    ours, theirs = result["sizes"]
    yield _row("the same modules", "size", "modules")
    yield _row("preroot generic", _figure(ours["bytes"] / 1e6, "MB"), str(ours["modules"]))
    yield _row("initramfs-tools", _figure(theirs["bytes"] / 1e6, "MB", (ours["bytes"] / 1e6, "MB")),
               str(theirs["modules"]))
    yield ("initramfs-tools, zstd by its defaults, MODULES=list with the names of all of preroot's "
           f"modules; it lacks {len(theirs['lacks'])} of them and has "
           f"{len(theirs['more'])} of its own.")
    yield "Both have their programs besides: it has udev, busybox and klibc, preroot has init."


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


def _commands(result):
    yield "Commands; the others' run in build/debian/bench, where build/bench is /mnt:"
    for row in result["images"]:
        if "build" in row:
            yield f"{row['name']}: {row['build']['command']}"


def _targets(result):
    for row in result["targets"]:
        yield f"{'met' if row['met'] else 'NOT met':9}{row['target']}: {row['reached']}"


def _figure(value, unit, compared=None):
    if value is None:
        return ""
    digits = 1 if value >= 10 else 2 if value >= 0.1 else 4
    ratio = f", {_ratio(value / compared[0])}" if compared else ""
    return f"{value:.{digits}f} {unit}{ratio}"


def _ratio(ratio):
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def _row(name, *cells):
    return f"{name:28}" + "".join(f"{cell:>{width}}"
                                  for cell, (_, width) in zip(cells, COLUMNS)).rstrip()
