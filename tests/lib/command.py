# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs programs and turns what goes wrong into one kind of error with a readable text."""

import os
import shlex
import subprocess


class Failure(Exception):
    """Something the tests need did not work; the text is meant for people."""


def environment():
    """The environment for child programs: untranslated, with mke2fs and depmod in the path."""
    env = dict(os.environ, LC_ALL="C")
    env["PATH"] = env.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return env


def run(argv, check=True, **options):
    """Runs ARGV, returns the completed process with stdout and stderr as text.

    Raises Failure if the program is missing, or, with CHECK, if its exit status is not 0.
    """
    argv = [str(word) for word in argv]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", env=environment(), **options)
    except FileNotFoundError as error:
        raise Failure(f"{argv[0]}: not found; tools/setup installs what is needed") from error
    if check and done.returncode != 0:
        output = (done.stdout + done.stderr).strip().splitlines()
        raise Failure(f"{shlex.join(argv)}: exit status {done.returncode}\n"
                      + "\n".join(output[-20:]))
    return done
