# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the program under test, and checks in every run what all commands promise."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib import BUILD

_DEV = BUILD / "dev/preroot"
PROGRAM = Path(os.environ.get("PREROOT")
               or (_DEV if _DEV.exists() else BUILD / "preroot")).absolute()

DONE, FAILED, USAGE, FINDING, AFTER = 0, 1, 2, 3, 4

# Root without the capability to override permissions, which other users never have.
UNPRIVILEGED = ("setpriv", "--bounding-set=-all") if os.geteuid() == 0 else ()
_NAMESPACE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-r", "-m")

# Of the sanitizers: a command ends soon, so that what it leaks costs no user anything, but to look for
# leaks, and to remember where each block was allocated, takes a third of the time of most runs.
QUICK = "detect_leaks=0:malloc_context_size=0"

KINDS = ("error", "hint", "warning", "debug", "trace")
SANITIZER_WORDS = ("Sanitizer", "runtime error:")


@dataclass(frozen=True)
class Result:
    """The result of a run: its exit status, and its outputs as bytes."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self):
        return self.out.decode(errors="surrogateescape")

    @property
    def json(self):
        return json.loads(self.out)

    def messages(self, kind):
        """The texts of the messages of KIND: error, hint or warning."""
        mark = f"preroot: {kind}: "
        return [line.removeprefix(mark) for line in self.err.decode(errors="replace").splitlines()
                if line.startswith(mark)]

    @property
    def error(self):
        return self.messages("error")[0]

    @property
    def hint(self):
        return "\n".join(self.messages("hint"))


def in_namespace(setup):
    """Words before a command that is to see the mounts that the shell script SETUP makes."""
    return (*_NAMESPACE, "sh", "-ec", setup + '\nexec "$@"', "sh")


def environment(**changes):
    """The environment of a child; a change to None removes a variable."""
    env = {**os.environ, "LC_ALL": "C", **changes}
    env["PATH"] = env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return {key: value for key, value in env.items() if value is not None}


def command(*args):
    """The words of a call. A build has no cache unless one is named, so that no test depends on
    another."""
    words = [str(word) for word in (PROGRAM, *args)]
    if args and args[0] == "build" and not {"--cache-dir", "--no-cache", "--"} & set(words):
        words.insert(2, "--no-cache")
    return words


def check(result, status, errors=1):
    """Fails unless RESULT has the exit status, or one of several, and the messages that go with it: up to
    so many ERRORS for a failure."""
    err = result.err.decode(errors="replace")
    assert not any(word in err for word in SANITIZER_WORDS), err
    expected = status if isinstance(status, tuple) else (status,)
    assert result.status in expected, f"exit status {result.status}, not {status}: {err}"
    failed = result.status in (FAILED, USAGE)
    assert failed <= len(result.messages("error")) <= failed * errors, err
    assert all(line.startswith(tuple(f"preroot: {kind}: " for kind in KINDS))
               for line in err.splitlines()), err
    return result


def run(*args, status=DONE, before=(), env=None, **options):
    """Runs the program with ARGS. Returns the Result, after the checks that apply to every run.

    STATUS is the exit status that is expected, or a tuple of them. BEFORE are words to put before
    the command, ENV changes to the environment; other OPTIONS are subprocess.run()'s.
    """
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run([*map(str, before), *command(*args)], stderr=subprocess.PIPE,
                          env=environment(**(env or {})), check=False, **options)
    return check(Result(done.returncode, done.stdout or b"", done.stderr), status,
                 errors=100 if args[:1] == ("config",) else 1)
