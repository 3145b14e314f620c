# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times programs: runs the commands that are compared in turns, and keeps every sample.

In turns means A B C A B C ...: what else the machine does meanwhile hits all of them. All commands
get the same bare environment, so that nothing of the user's shell takes part.
"""

import os
import shlex
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

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


FULL = Plan(least=3, most=9, seconds=15)
QUICK = Plan(least=1, most=3, seconds=3)
PAIRS = Plan(least=5, most=15, seconds=30)
ONCE = Plan(least=1, most=1, seconds=0)


@dataclass
class Case:
    """One command of those that are compared.

    WORDS is the command, or a function of the number of the run that gives it. PLACE is where it
    runs: something with enter(words), which gives the words that run the words there, and with
    folder, the name that FOLDER has there. Its output goes to the file LOG. BEFORE is called before
    each run: it removes the product, say. With MAY_FAIL, an error of the command ends its series only.
    """

    words: object
    place: object
    log: Path
    before: object = None
    may_fail: bool = False

    def command(self, number):
        return self.words(number) if callable(self.words) else self.words


@dataclass
class Series:
    """The samples of one command, in seconds, and the largest process of any of its runs."""

    command: str
    samples: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    memory_kb: int = 0
    error: str = ""

    def facts(self):
        return {"command": self.command, "median": statistics.median(self.samples),
                "samples": self.samples, "cpu": statistics.median(self.cpu),
                "cpu_samples": self.cpu, "memory_kb": self.memory_kb}


def image_path(name):
    return FOLDER / f"{name.replace(' ', '-')}.img"


def compile_static(name):
    """Compiles bench/NAME.c; the path of the program."""
    return compile_program(name, "-static")


def compile_program(name, *options):
    program = FOLDER / name
    run(["gcc", "-std=gnu17", "-O2", "-s", *WARNINGS, "-o", program,
         TOP / "bench" / f"{name}.c", *options])
    return program


def in_turns(cases, plan):
    """Runs the CASES one after the other, and again, each as often as PLAN says; their series."""
    series = [Series(shlex.join(map(str, case.command(0)))) for case in cases]
    while todo := [(case, s) for case, s in zip(cases, series) if _is_due(s, plan)]:
        for case, s in todo:
            _sample(case, s)
    return series


def repeat(words, plan, place, log, before=None):
    """The same for one command alone."""
    return in_turns([Case(words, place, log, before)], plan)[0]


def _is_due(series, plan):
    done = len(series.samples)
    if series.error:
        return False
    return done < plan.least or (done < plan.most and sum(series.samples) < plan.seconds)


def _sample(case, series):
    if case.before:
        case.before()
    os.sync()  # what others have written is not to be waited for
    words = case.command(len(series.samples))
    measured = case.place.enter([f"{case.place.folder}/measure", f"{case.place.folder}/usage",
                                 *words])
    try:
        seconds, cpu, memory_kb = _once(measured, shlex.join(map(str, words)), case.log)
    except Failure as failure:
        if not case.may_fail:
            raise
        series.error = str(failure)
        return
    series.samples.append(seconds)
    series.cpu.append(cpu)
    series.memory_kb = max(series.memory_kb, memory_kb)


def _once(measured, command, log):
    with open(log, "wb") as output:
        done = subprocess.run(measured, stdin=subprocess.DEVNULL, stdout=output,
                              stderr=subprocess.STDOUT, cwd=TOP, env=ENVIRONMENT, check=False)
    if done.returncode != 0:
        tail = log.read_text(errors="replace").splitlines()[-20:]
        raise Failure("\n".join([f"{command}: exit status {done.returncode}", *tail]))
    seconds, cpu, memory_kb = (FOLDER / "usage").read_text().split()
    return float(seconds), float(cpu), int(memory_kb)
