# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns what was measured into a text for people, and into verdicts."""

COLUMNS = [("size", 16), ("build", 16), ("memory", 17), ("to root", 16), ("above floor", 13)]

NOTES = """\
Figures are medians. Behind the others' figures: how many times as much as preroot's.
build: seconds, with warm files and no cache. memory: the largest process of the build, of which
the others run many. to root: guest time from the kernel's start to the real root's init.
initramfs-tools dep: MODULES=list with the modules that MODULES=dep takes in such a guest."""


def text(result):
    return "\n".join([*_images(result), "", *_listing(result), "", NOTES, "", *_commands(result),
                      "", *_targets(result)])


def targets(result):
    """What is to be reached: the target, the figure, and whether it is met."""
    images = {image["name"]: image for image in result["images"]}
    ours, dracut = images["preroot hostonly"], images["dracut hostonly"]
    ratio = dracut["build"]["median"] / ours["build"]["median"]
    above = ours["boot"]["median"] - images["floor"]["boot"]["median"]
    return [
        {"target": "the hostonly image has at most 1.3 MB",
         "reached": f"{ours['bytes'] / 1e6:.3f} MB", "met": ours["bytes"] <= 1.3e6},
        {"target": "it is built at least 40 times faster than dracut's",
         "reached": f"{ratio:.1f} times", "met": ratio >= 40},
        {"target": "it reaches the root at most 0.3 s of guest time above the floor",
         "reached": f"{above:.3f} s", "met": above <= 0.3},
    ]


def _images(result):
    versions = result["versions"]
    yield (f"Linux {versions['kernel']}, preroot {versions['preroot']}, "
           f"dracut {versions['dracut']}, initramfs-tools {versions['initramfs-tools']}")
    yield ""
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
            "memory": (build["memory_kb"] / 1e3, "MB") if build else (None, ""),
            "to root": (image["boot"]["median"], "s")}


def _listing(result):
    yield _row("listing of the image", "seconds", "with")
    ours = {row["image"]: row["median"] for row in result["listing"]
            if row["program"] == "preroot list"}
    for row in result["listing"]:
        compared = None if row["program"] == "preroot list" else (ours[row["image"]], "s")
        yield _row(row["image"], _figure(row["median"], "s", compared), row["program"])


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
    return f"{name:22}" + "".join(f"{cell:>{width}}"
                                  for cell, (_, width) in zip(cells, COLUMNS)).rstrip()
