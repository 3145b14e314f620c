# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots images in QEMU to a root whose init reports what it was handed over."""

import pytest

from scenarios import DEVICES, SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_boot(scenario, boots, lab):
    boot = boots[scenario].result()
    assert boot.ending == scenario.ending, boot.explain()
    for text in scenario.says:
        text = text.format(**lab.names(scenario))
        assert text in boot.console, f"the console does not say {text}\n{boot.explain()}"
    for text in scenario.not_says:
        assert text not in boot.console, f"the console says {text}\n{boot.explain()}"
    if scenario.ending == "poweroff" and scenario.reached:
        check_report(scenario, boot)


def check_report(scenario, boot):
    """The guest reached its root, and its report is as SCENARIO wants it."""
    assert boot.value("verdict") == "ok", boot.explain()
    for line in scenario.facts:
        assert line in boot.report, f"the report does not hold {line}\n{boot.explain()}"
    if scenario.tree == "payload":
        check_payload(scenario, boot)


def check_payload(scenario, boot):
    """What the payload found is told in its own report; what it should be depends on SCENARIO."""
    if not scenario.decoy:
        assert boot.value("root_source") == DEVICES[scenario.bus], boot.explain()
    assert boot.value("root_type") == "ext4", boot.explain()
    words = boot.value("root_flags").split(",") + boot.value("root_options").split(",")
    for flag in scenario.flags:
        assert flag in words, f"/ is mounted without {flag}\n{boot.explain()}"
    assert tuple(boot.values("argv")) == scenario.argv, boot.explain()
    assert set(boot.values("env")) == set(scenario.env), boot.explain()
    assert int(boot.value("monotonic_us")) >= scenario.min_seconds * 1e6, boot.explain()
    if scenario.plug_after:
        # Waiting is no work: of the time until the disk came PID 1 has used the lesser part.
        cpu, whole = int(boot.value("cpu_us")), int(boot.value("monotonic_us"))
        assert cpu < 0.6 * whole, f"PID 1 spins while it waits\n{boot.explain()}"
    assert boot.value("handover_us"), f"the initramfs does not say when it ended\n{boot.explain()}"
