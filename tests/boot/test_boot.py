# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots images in QEMU to a root whose init reports what it was handed."""

import json

import pytest

from lib import command, image, qemu

from scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_boot(scenario, boots, lab):
    check(scenario, boots, lab)


def check(scenario, boots, lab):
    """The boot of SCENARIO has ended as expected."""
    boot = boots[scenario].result()
    assert boot.ending == scenario.ending, boot.explain()
    for text in scenario.says:
        text = text.format(**lab.names(scenario))
        assert text in boot.console, f"the console does not say {text}\n{boot.explain()}"
    for text in scenario.not_says:
        assert text not in boot.console, f"the console says {text}\n{boot.explain()}"
    if scenario.ending == "poweroff" and scenario.reached:
        check_report(scenario, boot)
        if "boot.json" in scenario.append:
            check_identity(boot, lab.image_of(scenario))


def check_report(scenario, boot):
    """The guest reached its root, and its report is as SCENARIO expects."""
    assert boot.value("verdict") == "ok", boot.explain()
    for line in scenario.facts:
        assert line in boot.report, f"the report does not hold {line}\n{boot.explain()}"
    if scenario.tree == "payload":
        check_payload(scenario, boot)
    else:
        check_debian(scenario, boot)


def check_debian(scenario, boot):
    """Nothing of the initramfs is left, and its trace is there."""
    assert not boot.values("failed"), boot.explain()
    units = [line.split() for line in boot.values("device")]
    assert not [unit for unit in units if unit[2] == "inactive" and "tpm" not in unit[0]], \
        boot.explain()
    assert not [exe for exe in boot.values("exe") if "deleted" in exe or exe == "/init"], \
        boot.explain()
    mounted = [line.split()[0] for line in boot.values("mount")]
    assert all(mounted.count(path) == 1 for path in ("/", "/dev", "/proc", "/sys", "/run")), \
        boot.explain()
    check_trace(boot)
    if scenario.tree != "bookworm-sysvinit":
        assert "(initrd)" in boot.value("analyze"), boot.explain()
        assert "vda1" in boot.value("root") or "nvme0n1p1" in boot.value("root"), boot.explain()


def check_trace(boot):
    """boot.json in /run has what leads to the root, in order."""
    text, status = boot.section("boot.json")
    assert status == 0, boot.explain()
    trace = json.loads(text)
    stages = {stage["name"]: stage for stage in trace["stages"]}
    root = next(d for d in trace["devices"] if d["name"] == trace["root"] and "end_us" in d)
    assert trace["init"] == "/sbin/init" and "failure" not in trace
    assert trace["left_out"] == 0 and root["result"] == 0
    assert trace["start_us"] <= root["seen_us"] <= root["begin_us"] <= root["end_us"]
    assert root["end_us"] <= stages["mount"]["begin_us"] <= stages["mount"]["end_us"]
    assert stages["settle"]["end_us"] <= trace["end_us"]
    modules = {m["name"]: m for m in trace["modules"]}
    assert root["drivers"] and modules["ext4"]["end_us"] <= stages["mount"]["begin_us"]
    for module in modules.values():
        assert all(modules[need]["begin_us"] <= module["begin_us"]
                   for need in module["needs"] if "begin_us" in module), module


def check_identity(boot, path):
    """boot.json names the image that was booted."""
    manifest = command.run([image.PROGRAM, "cat", path, "usr/lib/preroot/manifest"]).stdout
    trace = json.loads(boot.section("boot.json")[0])
    assert trace["image"] == manifest.splitlines()[-1].split("\t")[1]


def check_payload(scenario, boot):
    """The payload reports what it found; what it should find depends on SCENARIO."""
    if not scenario.decoy:
        device = qemu.device_of(scenario.bus, scenario.layout.partition)
        assert boot.value("root_source") == device, boot.explain()
    assert boot.value("root_type") == scenario.fs, boot.explain()
    words = boot.value("root_flags").split(",") + boot.value("root_options").split(",")
    for flag in scenario.flags:
        assert flag in words, f"/ is mounted without {flag}\n{boot.explain()}"
    assert tuple(boot.values("argv")) == scenario.argv, boot.explain()
    assert set(boot.values("env")) == set(scenario.env), boot.explain()
    assert int(boot.value("monotonic_us")) >= scenario.min_seconds * 1e6, boot.explain()
    if scenario.plug_after:
        # Waiting must not be busy: PID 1 has used less than half of the time until the disk appeared.
        cpu, whole = int(boot.value("cpu_us")), int(boot.value("monotonic_us"))
        assert cpu < 0.6 * whole, f"PID 1 spins while it waits\n{boot.explain()}"
    if "boot.json" in scenario.append:
        check_trace(boot)
    assert boot.value("handover_us"), f"the initramfs does not say when it ended\n{boot.explain()}"
