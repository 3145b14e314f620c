# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes single system calls of the program fail, wait or be the last one, by means of strace.

All runs are on one processor, where the program works in one thread: the order of its calls is
then the same in each run.
"""

import itertools
import os
import re
import subprocess
from dataclasses import dataclass

from program import Result, command, environment

# The leak checker cannot work while the program is traced.
TRACED = {"ASAN_OPTIONS": "detect_leaks=0"}

# Calls before this one belong to the dynamic linker and the libraries.
_FIRST_OWN_CALL = "umask"

_cpus = itertools.cycle(sorted(os.sched_getaffinity(0)))


@dataclass(frozen=True)
class Call:
    """A system call: its name, which one of that name it is, and strace's line about it."""

    name: str
    number: int
    line: str


def _on_one_cpu():
    return ["taskset", "-c", str(next(_cpus))]


def _failing(always):
    """Words for strace: each call of these names fails with the error that it is mapped to."""
    return [word for name, error in (always or {}).items()
            for word in ("-e", f"inject={name}:error={error}")]


def trace(names, args, log, always=None):
    """The calls of NAMES that the program does itself in a run with ARGS. ALWAYS: calls that fail
    each time, as they do on a filesystem that has no such thing, by name, with the error."""
    words = [*_on_one_cpu(), "strace", "-y", "-qq", "-e", "signal=none", "-o", log,
             "-e", f"trace={_FIRST_OWN_CALL},{','.join(names)}", *_failing(always), *command(*args)]
    subprocess.run(words, check=True, capture_output=True, env=environment(**TRACED))
    counts, calls, own = {}, [], False
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"\w+", line)[0]
        own = own or name == _FIRST_OWN_CALL
        counts[name] = counts.get(name, 0) + 1
        if own:
            calls.append(Call(name, counts[name], line))
    return calls


def select(calls, name, pattern=""):
    """Those of NAME whose line has PATTERN."""
    found = [call for call in calls if call.name == name and re.search(pattern, call.line)]
    assert found, f"no call of {name} with {pattern}"
    return found


def sample(calls, count):
    """COUNT of the calls, with the first and the last one, evenly spread."""
    if len(calls) <= count:
        return calls
    return [calls[i * (len(calls) - 1) // (count - 1)] for i in range(count)]


def words(name, number, what, log="/dev/null", always=None):
    """Words before a command that do WHAT (strace's language) to call NUMBER of NAME, in the thread
    that begins: each thread would count for itself.

    LOG gets all calls of NAME: injected() finds in it what was hit. ALWAYS is as for trace().
    """
    return [*_on_one_cpu(), "strace", "-y", "-qq", "-o", log,
            "-e", "signal=none", "-e", f"trace={','.join([name, *(always or {})])}",
            *_failing(always), "-e", f"inject={name}:{what}:when={number}"]


def injected(log):
    """The line of the call that words() made to fail, or an empty one."""
    return next((line for line in log.read_text(errors="replace").splitlines()
                 if "(INJECTED)" in line), "")


def start(args, before):
    """Starts the program under strace; finish() waits for it."""
    return subprocess.Popen([*before, *command(*args)], env=environment(**TRACED),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def finish(process):
    out, err = process.communicate()
    return Result(process.returncode, out, err)
