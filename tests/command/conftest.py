# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared fixtures. What takes long to make is made once a session, and must not be changed."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# These need the path set above.
import program  # noqa: E402
import trees  # noqa: E402
from lib import BUILD, debian, kernels  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "sweep: goes through many calls of a run, places of an image, or "
                            "cases of what the program itself decides. It takes long, and finds the same "
                            "on each Debian.")
    config.addinivalue_line("markers", "everywhere: is no sweep, though its file is.")
    config.addinivalue_line("markers", "leaks: also looks for leaks, if the program has sanitizers.")


GIVEN = os.environ.get("ASAN_OPTIONS", "")


def pytest_runtest_setup(item):
    """Options of the sanitizers that are in the environment override ours."""
    ours = "" if item.get_closest_marker("leaks") else program.QUICK
    os.environ["ASAN_OPTIONS"] = ":".join(filter(None, (ours, GIVEN)))


@pytest.fixture(scope="session")
def bookworm():
    """Linux 6.1, modules as plain .ko."""
    return kernels.of_suite("bookworm")


@pytest.fixture(scope="session")
def trixie():
    """Linux 6.12, modules as .ko.xz."""
    return kernels.of_suite("trixie")


@pytest.fixture(scope="session")
def musl():
    """A folder with Debian's musl, its headers and start files."""
    return debian.fetch_packages("trixie", ["musl", "musl-dev"], BUILD / "packages/musl")


@pytest.fixture(scope="session")
def systemd_library():
    """libsystemd-shared of a systemd with ELF notes on the libraries that it opens with dlopen()."""
    folder = debian.fetch_packages("trixie", ["libsystemd-shared"], BUILD / "packages/systemd")
    return next(folder.rglob("libsystemd-shared-*.so"))


@pytest.fixture(scope="session")
def rpm_tools():
    """A folder with rpm and its libraries, from a suite whose rpm supports all database formats."""
    return debian.fetch_packages("trixie", [
        "libacl1", "libbz2-1.0", "libc6", "libcap2", "libdw1t64", "libelf1t64", "libgcc-s1",
        "libgmp10", "libgomp1", "libhogweed6t64", "liblua5.3-0", "liblzma5", "libmagic1t64",
        "libmagic-mgc", "libnettle8t64", "libpopt0", "librpm-sequoia-1", "librpm10", "librpmbuild10",
        "librpmio10", "libsqlite3-0", "libzstd1", "rpm", "rpm-common", "zlib1g"],
        BUILD / "packages/rpm")


@pytest.fixture(scope="session")
def microcode():
    """A root with just Debian's microcode packages; not to be changed."""
    return debian.fetch_packages("bookworm", ["intel-microcode", "amd64-microcode"],
                                 BUILD / "packages/microcode", "non-free-firmware")


@pytest.fixture(scope="session")
def suite(request):
    """The kernel of a suite that a test names by indirect parametrization."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder for things that are made once."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="session")
def small_kernel(bookworm, shared):
    """A root with the 6.1 kernel and a few of its modules; not to be changed."""
    return trees.make_small(bookworm, shared / "small")


@pytest.fixture
def tree(small_kernel, tmp_path):
    """A copy of the small kernel's root that the test may change."""
    return small_kernel.copy(tmp_path / "root")


@pytest.fixture(scope="session")
def generic(bookworm, shared):
    """A generic image of the whole 6.1 kernel."""
    out = shared / "generic.img"
    program.run("build", out, bookworm.version, "--root", bookworm.root, "--generic")
    return out


@pytest.fixture(scope="session")
def image(small_kernel, shared):
    """A small image: all modules of the small kernel."""
    out = shared / "small.img"
    program.run("build", out, small_kernel.version, "--root", small_kernel.root, "--generic")
    return out


@pytest.fixture(scope="session")
def on_all_cores():
    """Calls a function for each of many items on all processors, with the results in order."""
    pool = ThreadPoolExecutor(os.cpu_count())
    yield lambda function, items: list(pool.map(function, items))
    pool.shutdown()
