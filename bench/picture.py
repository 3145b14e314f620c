# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures of a result as an SVG picture: bars, one panel for each question.

The same result gives the same bytes. Every figure is also a text, and the picture follows the
reader's choice of a bright or a dark background.
"""

from html import escape

import tables

WIDTH, LEFT, RIGHT = 860, 280, 740
BAR, ROW, HEAD, GAP = 14, 22, 30, 18

STYLE = """\
text { font: 13px sans-serif; fill: #1f2328 }
.head { font-weight: bold }
.back { fill: #ffffff }
.line { stroke: #59636e }
.ours { fill: #0969da }
.other { fill: #818b98 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.back { fill: #0d1117 }
.line { stroke: #9198a1 }
.ours { fill: #4493f8 }
.other { fill: #6e7681 }
}"""


def panels(result):
    """What is shown: (heading, unit, [(label, is it ours, value)])."""
    for kind, text in (("generic", "for any machine"), ("hostonly", "for one machine, sloppy"),
                       ("strict", "for one machine, strict")):
        rows = [row for row in result.get("builds", ()) if row["kind"] == kind]
        if rows:
            yield (f"Building an image {text}, from nothing", "s",
                   [(*_name(result, row), row["build"]["median"]) for row in rows])
    boots = {row["name"]: row for row in result.get("boots", ())}
    if boots:
        floor = boots.pop("floor")["median"]
        yield ("To the root, above the least that a kernel needs", "s",
               [(*_name(result, row), row["median"] - floor) for row in boots.values()])
        yield ("Size of the image", "MB",
               [(*_name(result, row), row["bytes"] / 1e6) for row in boots.values()])
    changes = [row for row in result.get("changes", ())
               if row["program"] == "preroot" and row["name"] != "version"]
    if changes:
        yield ("preroot's generic image again", "s",
               [(tables.CHANGES[row["name"]].replace("`", ""), True, row["median"])
                for row in changes])
    rows = [row for row in result.get("listing", ()) if row["image"] == "dracut generic"]
    if rows:
        yield ("Listing dracut's generic image", "s",
               [(row["program"], row["program"].startswith("preroot"), row["median"])
                for row in rows])


def _name(result, row):
    return tables.title(result, row), row["program"] == "preroot"


def svg(result):
    """The whole picture, as text."""
    shown = list(panels(result))
    height = GAP + sum(HEAD + ROW * len(rows) + GAP for _, _, rows in shown)
    kernel = result["versions"]["kernel"]
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title desc">',
             f'<title id="title">preroot beside other builders of initramfs images, '
             f'Linux {escape(kernel)}</title>',
             f'<desc id="desc">{escape(" ".join(_described(shown)))}</desc>',
             f"<style>\n{STYLE}\n</style>",
             f'<rect class="back" width="{WIDTH}" height="{height}" rx="6"/>']
    y = GAP
    for heading, unit, rows in shown:
        lines += _panel(y, heading, unit, rows)
        y += HEAD + ROW * len(rows) + GAP
    return "\n".join([*lines, "</svg>"]) + "\n"


def _described(shown):
    """The same for those who do not see it."""
    for heading, unit, rows in shown:
        yield f"{heading}: " + ", ".join(f"{label} {tables.figure(value, unit)}"
                                         for label, _, value in rows) + "."


def _panel(y, heading, unit, rows):
    most = max(value for _, _, value in rows) or 1
    yield f'<text class="head" x="{GAP}" y="{y + 14}">{escape(heading)}</text>'
    y += HEAD
    for n, (label, is_ours, value) in enumerate(rows):
        top = y + n * ROW
        width = max(1.0, (RIGHT - LEFT) * max(value, 0) / most)
        kind = "ours" if is_ours else "other"
        yield (f'<text x="{LEFT - 8}" y="{top + BAR - 3}" text-anchor="end">{escape(label)}</text>'
               f'<rect class="{kind}" x="{LEFT}" y="{top}" width="{width:.1f}" height="{BAR}"/>'
               f'<text x="{LEFT + width + 6:.1f}" y="{top + BAR - 3}">'
               f'{tables.figure(value, unit)}</text>')
    yield (f'<line class="line" x1="{LEFT - 0.5}" y1="{y - 4}" x2="{LEFT - 0.5}" '
           f'y2="{y + len(rows) * ROW - 4}"/>')
