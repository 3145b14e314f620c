# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the program under the names of other builders' programs."""

import subprocess
from pathlib import Path

import pytest

from program import PROGRAM, SANITIZER_WORDS, Result, environment, in_namespace

NAMES = ("dracut", "mkinitrd", "lsinitrd", "update-initramfs", "mkinitramfs", "lsinitramfs",
         "unmkinitramfs")


class Front(Result):
    """The result of a front end, whose messages begin with its name."""

    name = ""

    def messages(self, kind):
        mark = f"{self.name}: {kind}: "
        return [line.removeprefix(mark) for line in self.err.decode(errors="replace").splitlines()
                if line.startswith(mark)]


def check(name, result, status=0):
    """RESULT as a Front, if it has that exit status and says why it failed."""
    front = Front(result.status, result.out, result.err)
    object.__setattr__(front, "name", name)
    err = front.err.decode(errors="replace")
    assert not any(word in err for word in SANITIZER_WORDS), err
    assert front.status == status, f"exit status {front.status}, not {status}: {err}"
    assert len(front.messages("error")) == (status != 0), err
    return front


@pytest.fixture(scope="session")
def links(tmp_path_factory):
    """A folder with a link for each name."""
    folder = tmp_path_factory.mktemp("names")
    for name in NAMES:
        (folder / name).symlink_to(PROGRAM)
    return folder


class Caller:
    """Calls front ends on the host, but with a cache of their own."""

    def __init__(self, folder, cache):
        self.folder, self.cache = Path(folder), cache
        cache.mkdir()

    def words(self, name, *args):
        """The words of a call."""
        before = in_namespace(f"mount --bind '{self.cache}' /var/cache")
        return [str(word) for word in (*before, self.folder / name, *args)]

    def __call__(self, name, *args, status=0, env=None, **options):
        done = subprocess.run(self.words(name, *args), check=False, capture_output=True,
                              stdin=subprocess.DEVNULL, env=environment(**(env or {})), **options)
        return check(name, Result(done.returncode, done.stdout, done.stderr), status)


@pytest.fixture
def call(links, tmp_path):
    return Caller(links, tmp_path / "caller-cache")
