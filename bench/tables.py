# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tables of a result, as rows of texts: what the report prints and what the documents hold.

Behind the figures of other programs: how many times as much as preroot's of the same kind.
"""

CHANGES = {"cold": "cold: the cache is empty", "warm": "warm: another kernel parameter",
           "changed": "warm: one module has changed", "unchanged": "`--if-changed`: nothing has",
           "version": "`preroot --version`: the start of the program"}
SMALLER = {"s": "ms", "MB": "kB"}


def images(result):
    """Builds and boots, by kind."""
    boots = {row["name"]: row for row in result.get("boots", ())}
    builds = {row["name"]: row for row in result.get("builds", ())}
    floor = boots.get("floor", {}).get("median")
    ours = {row["kind"]: row["build"] for row in builds.values() if row["program"] == "preroot"}
    yield ("image", "size", "build", "processor", "memory", "to root", "above the floor")
    if "floor" in boots:
        yield ("floor: the least that boots", _megabytes(boots["floor"]["bytes"]), "", "", "",
               seconds(floor), "")
    for name in builds or boots:
        if name == "floor":
            continue
        row, boot = builds.get(name), boots.get(name)
        base = ours.get(row["kind"]) if row and row["program"] != "preroot" else None
        yield (title(result, row or boot), _megabytes((row or boot)["bytes"]),
               *(_build(row["build"], base) if row else ("", "", "")),
               *((seconds(boot["median"]), seconds(boot["median"] - floor)) if boot else ("", "")))


def title(result, row):
    """The name of an image, with the program's version."""
    version = result["versions"].get(row["program"], "").split("-")[0].split("+")[0]
    rest = row["name"].removeprefix(row["program"]).strip()
    return " ".join(word for word in (
        row["program"], version if row["program"] != "preroot" else "", rest) if word)


def _build(build, base):
    return (seconds(build["median"], base and base["median"]),
            seconds(build["cpu"], base and base["cpu"]),
            _megabytes(build["memory_kb"] * 1024))


def changes(result):
    rows = {row["name"]: row for row in result["changes"] if row["program"] == "preroot"}
    cold = rows["cold"]["median"]
    yield ("generic build", "seconds", "processor", "memory", "of cold")
    for name, text in CHANGES.items():
        row = rows[name]
        yield (text, seconds(row["median"]), seconds(row["cpu"]),
               _megabytes(row["memory_kb"] * 1024), f"{row['median'] / cold:.3f}")


def listing(result):
    ours = {row["image"]: row for row in result["listing"] if row["program"] == "preroot list"}
    yield ("image", "program", "seconds", "processor", "memory")
    for row in result["listing"]:
        base = ours[row["image"]] if row["program"] != "preroot list" else None
        yield (row["image"], row["program"], seconds(row["median"], base and base["median"]),
               seconds(row["cpu"], base and base["cpu"]), _megabytes(row["memory_kb"] * 1024))


def stages(result):
    """Cold, and in the last columns warm; what took less than 0.5 % is summed."""
    warm = {row["stage"]: row for row in result["stages"]["warm"]}
    cold = result["stages"]["cold"]
    whole = sum(row["seconds"] for row in cold)
    shown = [row for row in cold if row["seconds"] >= whole / 200]
    yield ("stage", "cold", "processor", "read", "written", "warm", "processor")
    for row in shown:
        yield _stage(row["stage"], row, warm.pop(row["stage"], None))
    rest = [row for row in cold if row not in shown]
    if rest:
        yield _stage("the rest", _sum(rest), _sum(warm.values()))
    yield _stage("all", _sum(cold), _sum(result["stages"]["warm"]))


def _sum(rows):
    return {key: sum(row[key] for row in rows) for key in ("seconds", "cpu", "read", "written")}


def _stage(name, cold, warm):
    return (name, seconds(cold["seconds"]), seconds(cold["cpu"]), _megabytes(cold["read"]),
            _megabytes(cold["written"]),
            *((seconds(warm["seconds"]), seconds(warm["cpu"])) if warm else ("", "")))


def memory(result):
    yield ("to reach the root", "least memory")
    for row in result["memory"]:
        yield (row["name"], f"{row['mib']} MiB" if row["mib"] else "over 512 MiB")


def stacks(result):
    """Roots on stacks. The others' times above the floor: how many times ours of the same kind."""
    base, rows = result["stacks"]["floor"], result["stacks"]["rows"]
    ours = {(row["stack"], row["kind"]): row for row in rows if row["program"] == "preroot"}
    yield ("stack", "image", "size", "build", "processor", "to root", "above the floor")
    for row in rows:
        same = {} if row["program"] == "preroot" else ours[row["stack"], row["kind"]]
        yield (row["stack"], title(result, {**row, "name": row["name"].split(" for ")[0]}),
               *_stack_build(row, same.get("build")),
               *((seconds(row["median"]), seconds(row["median"] - base, "median" in same and
                                                  same["median"] - base))
                 if "median" in row else ("does not get there", "")))


def _stack_build(row, base):
    if "build" not in row:
        return "", "", ""
    return (_megabytes(row["bytes"]),
            *(seconds(row["build"][key], base and base[key]) for key in ("median", "cpu")))


def sizes(result):
    ours, theirs = result["sizes"]
    yield ("the same modules", "size", "modules")
    yield ("preroot generic", _megabytes(ours["bytes"]), str(ours["modules"]))
    yield ("initramfs-tools", _megabytes(theirs["bytes"], ours["bytes"]), str(theirs["modules"]))


def pairs(result):
    """Of a run against another build: what this build takes, the other, and the ratio."""
    yield ("", "this build", "the other", "ratio", "processor, ratio")
    for text, this, other in _paired(result):
        yield (text, seconds(this["median"]), seconds(other["median"]),
               f"{this['median'] / other['median']:.3f}", f"{this['cpu'] / other['cpu']:.3f}")
    calls = {row["program"]: row["file_calls"] for row in result.get("changes", ())
             if row["name"] == "cold"}
    if calls:
        yield ("generic, cold, file calls", str(calls["preroot"]), str(calls["other"]),
               f"{calls['preroot'] / calls['other']:.3f}", "")
    builds = {row["name"]: row["bytes"] for row in result.get("builds", ())}
    for name, size in builds.items():
        if name.startswith("preroot "):
            other = builds[name.replace("preroot", "other", 1)]
            yield (f"size, {name.split()[1]}", _megabytes(size), _megabytes(other),
                   f"{size / other:.3f}", "")


def _paired(result):
    builds = {row["name"]: row["build"] for row in result.get("builds", ())}
    for name, build in builds.items():
        if name.startswith("preroot "):
            yield f"cold, {name.split()[1]}", build, builds[name.replace("preroot", "other", 1)]
    rows = {(row["program"], row["name"]): row for row in result.get("changes", ())}
    for name, text in CHANGES.items():
        if ("preroot", name) in rows:
            yield f"generic, {text}", rows["preroot", name], rows["other", name]
    rows = {(row["program"], row["image"]): row for row in result.get("listing", ())}
    for (program, image), row in rows.items():
        if program.startswith("preroot "):
            other = rows[program.replace("preroot", "other", 1), image]
            yield f"{program.split()[1]} of {image}", row, other


def seconds(value, base=None):
    return figure(value, "s", base)


def _megabytes(count, base=None):
    return figure(count / 1e6, "MB", base and base / 1e6)


def figure(value, unit, base=None):
    """A value with three digits or so, and how many times BASE it is; UNIT is s or MB."""
    shown, unit = (value * 1e3, SMALLER[unit]) if abs(value) < 0.1 else (value, unit)
    digits = 0 if not shown else 1 if abs(shown) >= 10 else 2
    return f"{shown:.{digits}f} {unit}" + (f", {_ratio(value / base)}" if base else "")


def _ratio(ratio):
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.1f}x"


def plain(rows):
    """Aligned, for a terminal."""
    rows = [tuple(cell.replace("`", "") for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        first, *rest = (cell.ljust(width) if n == 0 else cell.rjust(width)
                        for n, (cell, width) in enumerate(zip(row, widths)))
        yield "  ".join([first, *rest]).rstrip()


def markdown(rows):
    first, *rest = rows
    yield f"| {' | '.join(first)} |"
    yield "|---" * len(first) + "|"
    for row in rest:
        yield f"| {' | '.join(row)} |".replace("|  |", "| |").replace("|  |", "| |")
