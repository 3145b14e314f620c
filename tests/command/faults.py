# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes single system calls of the program fail, block or be the last one, with strace.

All runs are on one processor, where the program works in one thread: the order of its calls is
then the same in each run.
"""

import itertools
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from program import QUICK, Result, command, environment

# The leak checker does not work in a traced program.
TRACED = {"ASAN_OPTIONS": QUICK}

# Calls before this one are of the dynamic linker and the libraries.
_FIRST_OWN_CALL = "umask"

# The program stops at the calls that strace looks for, not at each call, which would take two thirds as
# long again as the program itself. Then strace sends no signals, and follows all threads: in another
# one, which makes few calls, it hits that of the same number, too. It would also hit that of a child,
# such as a boot loader's tool, whose failure is not ours: trace() refuses runs with children.
_FAST = ("-f", "--seccomp-bpf")
_NEW_PROCESS = ("fork", "vfork", "clone", "clone3")

_cpus = itertools.cycle(sorted(os.sched_getaffinity(0)))


@dataclass(frozen=True)
class Call:
    """A system call: its name, its number among those of that name, and strace's line about it."""

    name: str
    number: int
    line: str


def _on_one_cpu():
    return ["taskset", "-c", str(next(_cpus))]


def _failing(always):
    """Options for strace that make each call of these names fail with the error it is mapped to."""
    return [word for name, error in (always or {}).items()
            for word in ("-e", f"inject={name}:error={error}")]


def trace(names, args, log, always=None):
    """The calls of NAMES that the program itself makes in a run with ARGS. ALWAYS maps names of calls
    that always fail, as on a filesystem that does not support them, to the error. The run must start
    no other program, see _FAST."""
    words = [*_on_one_cpu(), "strace", "-y", "-qq", "-e", "signal=none", "-o", log,
             "-e", f"trace={','.join([_FIRST_OWN_CALL, *_NEW_PROCESS, *names])}", *_failing(always),
             *command(*args)]
    subprocess.run(words, check=True, capture_output=True, env=environment(**TRACED))
    counts, calls, own = {}, [], False
    for line in log.read_text(errors="replace").splitlines():
        name = re.match(r"\w+", line)[0]
        own = own or name == _FIRST_OWN_CALL
        counts[name] = counts.get(name, 0) + 1
        assert name not in _NEW_PROCESS or "CLONE_THREAD" in line, line
        if own and name in names:
            calls.append(Call(name, counts[name], line))
    return calls


def select(calls, name, pattern=""):
    """The calls of NAME whose line matches PATTERN."""
    found = [call for call in calls if call.name == name and re.search(pattern, call.line)]
    assert found, f"no call of {name} with {pattern}"
    return found


def sample(calls, count):
    """COUNT of the calls, evenly spread, with the first and the last one."""
    if len(calls) <= count:
        return calls
    return [calls[i * (len(calls) - 1) // (count - 1)] for i in range(count)]


# By which names and contents on a disk change; an openat() does if it may create a file.
_CHANGES = {"write", "writev", "copy_file_range", "ftruncate", "renameat", "renameat2", "linkat",
            "unlinkat", "mkdirat", "fchmod", "fchown"}


def kill_points(calls):
    """Those of CALLS before which a SIGKILL leaves a disk as no other does. A run that ends before
    a call that only looks leaves what one that ends before the next change leaves."""
    own = [call for call in calls if call.name in _CHANGES
           or call.name == "openat" and "O_CREAT" in call.line]
    behind = [call for call in calls if call not in own and calls.index(call) > calls.index(own[-1])]
    return own + behind[-1:]


def _on(call):
    """What a call is and the file that it is on."""
    return call.name, re.match(r"\w+\((\d+<[^>]*>)?", call.line)[1]


def each_place(calls):
    """CALLS without the middle of each loop, which is a row of equal calls on one file."""
    rows = [list(row) for _, row in itertools.groupby(calls, _on)]
    return [call for row in rows for call in sample(row, 3)]


def with_errors(calls, errors):
    """Pairs of a call and one of ERRORS. Each call is there, and by turns each error with each name
    of a call, even if that is called but once: it has further turns then."""
    pairs = []
    for name in dict.fromkeys(call.name for call in calls):
        mine = [call for call in calls if call.name == name]
        pairs += [(mine[turn % len(mine)], errors[turn % len(errors)])
                  for turn in range(max(len(mine), len(errors)))]
    return pairs


def words(name, number, what, log="/dev/null", always=None):
    """Words before a command that do WHAT (in strace's syntax) to call NUMBER of NAME, in the main
    thread: strace counts per thread.

    LOG gets all calls of NAME, in which injected() finds the one that was hit. ALWAYS is as for trace().
    """
    return [*_on_one_cpu(), "strace", *([] if what.startswith("signal=") else _FAST), "-y", "-qq",
            "-o", log, "-e", "signal=none", "-e", f"trace={','.join([name, *(always or {})])}",
            *_failing(always), "-e", f"inject={name}:{what}:when={number}"]


def injected(log):
    """The line of the call that words() made fail, or ""."""
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


def kill(args, call, always=None):
    """Runs the program with ARGS until SIGKILL ends it, before CALL. Whether it did."""
    killed = finish(start(args, words(call.name, call.number, "signal=KILL", always=always)))
    return killed.status in (-signal.SIGKILL, 128 + signal.SIGKILL)


def wait_for(condition):
    """Waits until another process has made CONDITION true. The limit only ends a test that has
    failed."""
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.001)


# By number, on x86-64.
_CALLS = {"read": 0, "flock": 73, "fsync": 74, "memfd_create": 319}


class Held:
    """A run of the program that stops before its first call of NAME. With PATTERN that call is on a
    descriptor of a file whose path matches."""

    def __init__(self, args, name, pattern=""):
        # With -D the program is our child, and strace may end before it.
        words = [*_on_one_cpu(), *self._strace(name, "-D"), *command(*args)]
        self.process = subprocess.Popen(words, env=environment(**TRACED), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.tracers = []
        wait_for(lambda: self._is_before(name, pattern))

    @staticmethod
    def _strace(name, *more):
        return ["strace", "-qq", "-o", "/dev/null", "-e", "signal=none", "-e", f"trace={name}",
                "-e", f"inject={name}:delay_enter={10**9}:when=1", *more]

    def on_to(self, name, path):
        """Lets it run to its next call of NAME on PATH, or to its end."""
        os.kill(self.process.pid, signal.SIGSTOP)
        self.go_on()
        wait_for(lambda: self._status("State").startswith("T"))
        self.tracers.append(subprocess.Popen(
            self._strace(name, "-P", path, "-p", str(self.process.pid))))
        wait_for(lambda: self._status("TracerPid") == str(self.tracers[-1].pid))
        os.kill(self.process.pid, signal.SIGCONT)
        wait_for(lambda: self._has_ended() or self._is_before(name, re.escape(str(path))))

    def go_on(self):
        os.kill(int(self._status("TracerPid")), signal.SIGKILL)

    def finish(self):
        """Lets it run to its end. Returns its result."""
        if not self._has_ended():
            self.go_on()
        result = finish(self.process)
        for tracer in self.tracers:
            tracer.wait()
        return result

    def _has_ended(self):
        return self.process.poll() is not None

    def _status(self, key):
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return re.search(rf"^{key}:\s*(.*)$", text, re.M)[1]

    def _is_before(self, name, pattern):
        assert not self._has_ended(), f"it ended before it called {name} on {pattern}"
        folder = Path(f"/proc/{self.process.pid}")
        call = (folder / "syscall").read_text(encoding="ascii").split()
        if call[0] != str(_CALLS[name]) or not self._status("State").startswith("t"):
            return False
        try:
            return not pattern or bool(re.search(
                pattern, os.readlink(folder / "fd" / str(int(call[1], 16)))))
        except FileNotFoundError:
            return False
