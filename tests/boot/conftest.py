# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots the selected scenarios, as many at a time as there are processors."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@pytest.fixture(scope="session")
def lab():
    from lab import Lab
    from lib import BUILD

    return Lab(BUILD / "boot-tests")


@pytest.fixture(scope="session")
def boots(request, lab):
    """The boots of all selected scenarios, as futures; the tests wait for theirs."""
    selected = [item.callspec.params["scenario"] for item in request.session.items
                if "boots" in item.fixturenames]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield {scenario: pool.submit(lab.boot, scenario) for scenario in selected}
    finally:
        pool.shutdown(cancel_futures=True)
