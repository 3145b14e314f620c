# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots the selected scenarios, --boots-at-once N at a time; by default one more than there are
processors, since some of them wait.

--all-machines boots all known machines in test_machines.py, which takes an hour or two, and all
boot loaders in test_rebuild.py.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def pytest_addoption(parser):
    parser.addoption("--all-machines", action="store_true")
    parser.addoption("--boots-at-once", type=int, default=os.cpu_count() + 1)


@pytest.fixture(scope="session")
def lab():
    from lab import Lab
    from lib import BUILD

    return Lab(BUILD / "boot-tests" / os.environ.get("PYTEST_XDIST_WORKER", "main"))


@pytest.fixture(scope="session")
def boots(request, lab):
    """The boots of all selected scenarios, as futures; the tests wait for theirs."""
    selected = [item.callspec.params["scenario"] for item in request.session.items
                if "boots" in item.fixturenames]
    pool = ThreadPoolExecutor(request.config.getoption("--boots-at-once"))
    try:
        yield {scenario: pool.submit(lab.boot, scenario) for scenario in selected}
    finally:
        pool.shutdown(cancel_futures=True)


_FOR_ALL = ["power_that_goes", "would_not_be_for_once", "watchdog_is_fed_while",
            "arrays_are_started_with_each_kernel", "lacks_too_much"]


def pytest_collection_modifyitems(config, items):
    """Tests with many boots, or of machines that nothing else boots, need --all-machines."""
    if not config.getoption("--all-machines"):
        items[:] = [item for item in items if not any(name in item.name for name in _FOR_ALL)]
