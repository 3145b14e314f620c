# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots on every kind of machine; on all of them with every kernel if --all-machines is given."""

from machines import ALL_MACHINES, MACHINES
from test_boot import check


def pytest_generate_tests(metafunc):
    chosen = ALL_MACHINES if metafunc.config.getoption("--all-machines") else MACHINES
    metafunc.parametrize("scenario", chosen, ids=lambda scenario: scenario.name)


def test_machine(scenario, boots, lab):
    check(scenario, boots, lab)
