# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times programs: repeats a command and keeps every sample.

All commands get the same bare environment, so that nothing of the user's shell takes part.
"""

import os
import shlex
import statistics
import subprocess
from dataclasses import dataclass, field

from lib import BUILD, TOP
from lib.command import Failure, run
from lib.rootfs import WARNINGS

FOLDER = BUILD / "bench"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Plan:
    """How often: at least LEAST times, then until MOST times or SECONDS are reached."""

    least: int
    most: int
    seconds: float
    boots: int


FULL = Plan(least=3, most=15, seconds=45, boots=3)
QUICK = Plan(least=1, most=5, seconds=3, boots=1)
ONCE = Plan(least=1, most=1, seconds=0, boots=0)


@dataclass
class Series:
    """The samples of one command, in seconds, and the largest process of any of its runs."""

    command: str
    samples: list = field(default_factory=list)
    memory_kb: int = 0

    @property
    def median(self):
        return statistics.median(self.samples)

    def facts(self):
        return {"command": self.command, "median": self.median, "samples": self.samples,
                "memory_kb": self.memory_kb}


def image_path(name):
    return FOLDER / f"{name.replace(' ', '-')}.img"


def compile_static(name):
    """Compiles bench/NAME.c; the path of the program."""
    program = FOLDER / name
    run(["gcc", "-std=gnu17", "-O2", "-static", "-s", *WARNINGS, "-o", program,
         TOP / "bench" / f"{name}.c"])
    return program


def repeat(words, plan, place, log, before=None):
    """Runs the command WORDS by PLAN; its output goes to the file LOG.

    PLACE is where it runs: something with enter(words), which gives the words that run the words
    there, and with folder, the name that FOLDER has there. BEFORE is called before each run: it
    removes the product, say, so that every run makes it anew.
    """
    series = Series(shlex.join(words))
    measured = place.enter([f"{place.folder}/measure", f"{place.folder}/usage", *words])
    while len(series.samples) < plan.least or (len(series.samples) < plan.most
                                               and sum(series.samples) < plan.seconds):
        if before:
            before()
        os.sync()  # what others have written is not to be waited for
        seconds, memory_kb = _once(measured, series.command, log)
        series.samples.append(seconds)
        series.memory_kb = max(series.memory_kb, memory_kb)
    return series


def _once(measured, command, log):
    with open(log, "wb") as output:
        done = subprocess.run(measured, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, cwd=TOP, env=ENVIRONMENT, check=False)
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-20:]
        raise Failure("\n".join([f"{command}: exit status {done.returncode}", *tail]))
    seconds, memory_kb = (FOLDER / "usage").read_text().split()
    return float(seconds), int(memory_kb)
