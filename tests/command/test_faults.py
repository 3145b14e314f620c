# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build is a transaction: whatever fails or kills it, OUT is the old image or the new one."""

import signal
import subprocess

import pytest

import faults
import trees
from program import DONE, FAILED, command, environment, run

pytestmark = pytest.mark.sweep

NVME = trees.MACHINES / "nvme.json"
OLD = b"the previous image\n"

# The calls that read a build's input and write its output.
READING = ["openat", "openat2", "read", "pread64", "newfstatat", "getdents64"]
WRITING = ["openat", "flock", "writev", "fsync", "pread64", "renameat"]
TEMPORARY = r"out\.img\.preroot-"


@pytest.fixture(scope="module")
def build(small_kernel):
    """The words of a small build to OUT."""
    return lambda out: ["build", out, small_kernel.version, "--root", small_kernel.root,
                        "--hardware", NVME]


@pytest.fixture(scope="module")
def calls(build, tmp_path_factory):
    """The calls of such a build."""
    folder = tmp_path_factory.mktemp("trace")
    return faults.trace(sorted({*READING, *WRITING}), build(folder / "out.img"), folder / "log")


@pytest.fixture(scope="module")
def good(build, tmp_path_factory):
    """The bytes that such a build writes."""
    out = tmp_path_factory.mktemp("good") / "out.img"
    run(*build(out))
    return out.read_bytes()


@pytest.fixture
def out(tmp_path):
    """OUT with an old image, in a folder of its own."""
    folder = tmp_path / "images"
    folder.mkdir()
    path = folder / "out.img"
    path.write_bytes(OLD)
    return path


def is_alone(path, content):
    """PATH holds CONTENT, and there is no other file beside it."""
    return [p.name for p in path.parent.iterdir()] == [path.name] and path.read_bytes() == content


@pytest.mark.parametrize("name, pattern, error, says", [
    ("openat", TEMPORARY + ".*O_CREAT", "ENOSPC", "No space left on device"),
    ("openat", TEMPORARY + ".*O_CREAT", "EROFS", "Read-only file system"),
    ("openat", TEMPORARY + ".*O_CREAT", "EDQUOT", "quota exceeded"),
    ("writev", TEMPORARY, "ENOSPC", "No space left on device"),
    ("writev", TEMPORARY, "EIO", "Input/output error"),
    ("fsync", TEMPORARY, "EIO", "Input/output error"),
    ("fsync", TEMPORARY, "ENOSPC", "No space left on device"),
    ("pread64", TEMPORARY + r".* = \d{3,}$", "EIO", "read back"),
    ("renameat", TEMPORARY, "EIO", "Input/output error"),
    ("renameat", TEMPORARY, "ENOSPC", "No space left on device"),
])
def test_call_that_fails(name, pattern, error, says, build, calls, out):
    for call in faults.sample(faults.select(calls, name, pattern), 4):
        result = run(*build(out), status=FAILED, env=faults.TRACED,
                     before=faults.words(call.name, call.number, f"error={error}"))
        assert says in result.error, call
        assert is_alone(out, OLD), call


def test_folder_that_cannot_be_synced_is_told(build, calls, out, good):
    """By then the new image is in place, and the message says so."""
    call = faults.select(calls, "fsync")[-1]
    assert ".preroot-" not in call.line
    result = run(*build(out), status=FAILED, env=faults.TRACED,
                 before=faults.words(call.name, call.number, "error=EIO"))
    assert "in place" in result.error
    assert is_alone(out, good)


@pytest.mark.parametrize("name", ["writev", "pread64"])
def test_interrupted_call_is_repeated(name, build, calls, out, good):
    for call in faults.sample(faults.select(calls, name, TEMPORARY), 3):
        run(*build(out), env=faults.TRACED,
            before=faults.words(call.name, call.number, "error=EINTR"))
        assert is_alone(out, good)
        out.write_bytes(OLD)


@pytest.mark.parametrize("name", READING)
def test_any_input_that_cannot_be_read(name, build, calls, good, tmp_path, on_all_cores):
    """Either it does not matter and the image is the same, or nothing is written. Another thread looks
    up the owners of files; strace counts its calls separately, and it may fail without harm."""
    def fail(call):
        folder = tmp_path / str(call.number)
        folder.mkdir()
        out = folder / "out.img"
        out.write_bytes(OLD)
        result = run(*build(out), status=(DONE, FAILED), env=faults.TRACED,
                     before=faults.words(call.name, call.number, "error=EIO"))
        if any("package database" in text for text in result.messages("warning")):
            return call, out.read_bytes() != OLD
        return call, is_alone(out, OLD if result.status else good)

    own = [call for call in calls if call.name == name]
    assert own
    assert [call for call, fine in on_all_cores(fail, faults.sample(own, 40)) if not fine] == []


@pytest.mark.parametrize("name", WRITING)
def test_kill_at_any_moment(name, build, calls, good, tmp_path, on_all_cores):
    """SIGKILL leaves the old image or the new one; the next build removes what is left over."""
    def kill(call):
        folder = tmp_path / f"{call.number}"
        folder.mkdir()
        out = folder / "out.img"
        out.write_bytes(OLD)
        assert faults.kill(build(out), call)
        assert out.read_bytes() in (OLD, good)
        left = len(list(folder.iterdir())) - 1
        run(*build(out))
        assert is_alone(out, good)
        return left

    mine = [call for call in calls if call.name == name and "out.img" in call.line]
    assert any(on_all_cores(kill, faults.sample(mine, 4)))


def temporary(out):
    return [path for path in out.parent.iterdir() if path != out]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signal_in_the_middle(name, bookworm, out):
    """After Ctrl-C in a long build there is only the old image."""
    number = getattr(signal, name)
    with subprocess.Popen(command("build", out, bookworm.version, "--root", bookworm.root,
                                  "--generic"), env=environment(), stderr=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        faults.wait_for(lambda: any(path.stat().st_size for path in temporary(out)))
        process.send_signal(number)
        text, err = process.communicate()
    assert process.returncode in (128 + number, -number)
    assert (text, err) == (b"", b"")
    assert is_alone(out, OLD)


def test_leftover_of_another_image_is_not_touched(build, out, good):
    """Only the remains of a killed build of the same image are removed."""
    kept = ["out.img.preroot-", "out.img.preroot-1234567", "out.img.preroot-123456789",
            "out.img.old", "other.img.preroot-12345678", "out.imgx.preroot-12345678"]
    for name in [*kept, "out.img.preroot-12345678"]:
        (out.parent / name).write_bytes(b"x")
    run(*build(out))
    assert sorted(path.name for path in out.parent.iterdir()) == sorted(["out.img", *kept])
    assert out.read_bytes() == good


def test_two_builds_at_once(build, out, good):
    """Both are stopped in the middle of their writes until the other one is there."""
    both = [faults.Held(build(out), "fsync", TEMPORARY) for _ in range(2)]
    assert len(temporary(out)) == 2
    for held in both:
        result = held.finish()
        assert (result.status, result.err) == (0, b"")
    assert is_alone(out, good)
    run("verify", out)


def test_build_that_has_just_begun_is_not_taken_for_a_dead_one(build, out, good):
    """A second build starts before the first one's temporary file is locked."""
    slow = faults.Held(build(out), "flock", TEMPORARY)
    run(*build(out))
    result = slow.finish()
    assert (result.status, result.err) == (0, b"")
    assert is_alone(out, good)
