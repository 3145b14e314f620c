# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots on every kind of machine; with --all-machines on all of them, with every kernel and codec."""

from machines import ALL_COMPRESSED, ALL_MACHINES, MACHINES
from test_boot import check

MORE = ALL_MACHINES + ALL_COMPRESSED


def pytest_generate_tests(metafunc):
    chosen = MORE if metafunc.config.getoption("--all-machines") else MACHINES
    metafunc.parametrize("scenario", chosen, ids=lambda scenario: scenario.name)


def test_machine(scenario, boots, lab):
    check(scenario, boots, lab)
