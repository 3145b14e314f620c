# SPDX-License-Identifier: LGPL-2.1-or-later
"""Output to terminals, closed pipes and full disks."""

import os
import pty
import signal
import subprocess
import time

import pytest

import faults
import trees
from program import FAILED, USAGE, command, environment, run

NVME = trees.MACHINES / "nvme.json"
ESCAPE = b"\x1b"


def on_terminal(words, env=None):
    """Runs WORDS with a terminal as standard error. Returns the exit status and the output."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=terminal, env=environment(**(env or {}))) as process:
        os.close(terminal)
        shown = b""
        while True:
            try:
                piece = os.read(controller, 65536)
            except OSError:  # EIO on Linux: the other end is closed
                break
            shown += piece
        out = process.stdout.read()
    os.close(controller)
    return process.returncode, out, shown


@pytest.mark.parametrize("env, coloured", [
    ({"NO_COLOR": None}, True),
    ({"NO_COLOR": ""}, True),
    ({"NO_COLOR": "1"}, False),
    ({"NO_COLOR": "0"}, False),
    ({"NO_COLOR": None, "TERM": "dumb"}, False),
    ({"NO_COLOR": None, "TERM": "xterm"}, True),
])
def test_colours_on_a_terminal(env, coloured, tree, tmp_path):
    tree.config.unlink()  # for a warning
    build = ["build", "--root", tree.root, tmp_path / "out.img", "--hardware", NVME]
    for words, status, kind in ((["list", "/no/such"], FAILED, b"error:"), (build, 0, b"warning:")):
        ended, out, shown = on_terminal(command(*words), env)
        assert ended == status and kind in shown
        assert (ESCAPE in shown) == coloured
        assert ESCAPE not in out


def test_no_colours_elsewhere():
    assert ESCAPE not in run("list", "/no/such", status=FAILED).err


@pytest.fixture
def slow_build(small_kernel, tmp_path):
    """A build that takes a while: the first writes to its file take 50 ms each."""
    words = ["build", tmp_path / "out.img", small_kernel.version, "--root", small_kernel.root,
             "--generic"]
    calls = faults.trace(["writev"], words, tmp_path / "log")
    first = faults.select(calls, "writev", r"out\.img")[0].number
    return [*faults.words("writev", f"{first}..{first + 30}", "delay_enter=50000"), *command(*words)]


def test_progress_on_a_terminal(slow_build):
    start = time.monotonic()
    status, _, shown = on_terminal(slow_build, faults.TRACED)
    seconds = time.monotonic() - start
    assert status == 0
    lines = shown.split(b"\r")
    drawn = [line for line in lines if line.startswith(b"packing ") and b" [" in line]
    assert 1 < len(drawn) <= 10 * seconds
    # It is cleared before any other output.
    last = max(at for at, line in enumerate(lines) if b"packing" in line)
    assert lines[last + 1].startswith(b"\x1b[K")


def test_no_progress_elsewhere(slow_build):
    done = subprocess.run(slow_build, capture_output=True, check=False,
                          env=environment(**faults.TRACED))
    assert done.returncode == 0
    assert b"packing" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", [["list", "/no/\x1b[31mred\a"], ["\x1b[31mred\a"],
                                   ["list", "--\x1b[31mred\a"], ["cat", "{image}", "red\x1b"],
                                   ["build", "{folder}/\x1b[31mred/out.img", "9.9"],
                                   ["cat", "{folder}/\x1b[31mred.img", "none"]], ids=ascii)
def test_control_characters_of_arguments_are_not_repeated(words, image, tmp_path):
    """An error message may contain a name that somebody else chose."""
    (tmp_path / "\x1b[31mred.img").write_bytes(image.read_bytes())
    done = subprocess.run(command(*(word.format(image=image, folder=tmp_path) for word in words)),
                          capture_output=True, check=False, env=environment())
    assert done.returncode in (FAILED, USAGE)
    assert b"red" in done.stderr or b"9.9" in done.stderr
    assert not set(done.stderr) & {7, 13, 27}


READERS = [["list", "{image}"], ["list", "--json", "{image}"], ["cat", "{image}", "init"],
           ["plan", "--root", "{root}", "--generic"], ["--help"], ["build", "--help"]]


def fill(words, image, kernel):
    return [word.format(image=image, root=kernel.root) for word in words]


@pytest.mark.parametrize("words", READERS, ids=" ".join)
def test_pipe_that_closes(words, image, small_kernel):
    """`preroot list IMAGE | head -1` ends without a message."""
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(command(*fill(words, image, small_kernel)), stdout=write,
                          stderr=subprocess.PIPE, env=environment()) as process:
        os.close(write)
        err = process.stderr.read()
    assert process.returncode == -signal.SIGPIPE
    assert b"error" not in err


@pytest.mark.parametrize("words", [*READERS, ["--version"], ["why", "{image}", "ext4"],
                                   ["verify", "{image}"], ["verify", "--json", "{image}"],
                                   ["hardware", "--root", "{root}", "--hardware", str(NVME)]],
                         ids=" ".join)
def test_output_that_cannot_be_written(words, image, small_kernel):
    with open("/dev/full", "wb") as full:
        result = run(*fill(words, image, small_kernel), status=FAILED, stdout=full)
    assert "standard output" in result.error and "No space left on device" in result.error


def test_closed_outputs_do_not_spoil_the_image(small_kernel, tmp_path):
    """Descriptors 0 to 2 are free then, and messages must not end up in the image."""
    good, out = tmp_path / "good.img", tmp_path / "out.img"
    words = [small_kernel.version, "--root", small_kernel.root, "--hardware", NVME]
    run("build", good, *words)
    done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
                           *command("build", out, *words)], check=False, env=environment())
    assert done.returncode in (0, FAILED)
    assert not out.exists() or out.read_bytes() == good.read_bytes()
