# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images are built in containers that have neither /proc nor /sys."""

import pytest

import trees
from container import Container
from program import DONE, FAILED, FINDING, check, run


@pytest.fixture
def container(tree):
    return Container(tree)


def test_an_image_is_built_without_proc(container):
    image = f"/lib/modules/{container.version}/initramfs.img"
    check(container.run("preroot", "build", "--generic", image, container.version), DONE)
    run("verify", container.root / image.lstrip("/"))


def test_images_in_use_are_rebuilt_without_proc(container):
    assert ": rebuilt, " in check(container.run(
        "preroot", "rebuild", "--generic", container.version), DONE).text
    run("verify", container.root / f"boot/initramfs-{container.version}.img")
    assert container.run("preroot", "rebuild", "--generic", container.version).text == (
        f"{container.version}: unchanged\n")


def test_a_hostonly_image_needs_the_hardware(container):
    result = check(container.run("preroot", "rebuild", container.version), FAILED)
    assert "/sys is not mounted" in result.error and "hostonly=no" in result.hint


def test_an_image_is_for_any_machine_if_that_is_asked_for(container):
    rebuild = ("preroot", "rebuild", "--generic-elsewhere", container.version)
    assert "in a chroot: the disks" in check(container.run(*rebuild), DONE).messages("warning")[0]
    (container.root / ".dockerenv").touch()
    # What surrounds it is part of the request.
    assert check(container.run(*rebuild), DONE).text.endswith(": unchanged\n")
    assert "in a container: the disks" in check(container.run(*rebuild, "--force"), DONE).messages("warning")[0]
    assert "/sys is not mounted" in check(container.run(*rebuild, "--hostonly"), FAILED).error


def test_the_own_root_has_many_names(container):
    (container.root / "proc").mkdir()
    for name in ("//", "/.", "/../", "/proc/.."):
        warned = check(container.run("preroot", "plan", "--generic-elsewhere", "--root", name, container.version),
                       DONE).messages("warning")
        assert "in a chroot: the disks" in warned[0], name


def test_a_chroot_on_a_disk_keeps_to_this_machine(container):
    trees.write_machine("ahci", container.root)
    (container.root / "etc").mkdir(exist_ok=True)
    (container.root / "etc/dracut.conf").write_text("hostonly_mode=strict\n")
    plan = ("preroot", "plan", container.version)

    def mode(*words):
        result = check(container.run(*plan, *words), DONE)
        return result.text.split(", ")[1], [line for line in result.messages("warning") if "in a chroot" in line]

    assert mode("--generic-elsewhere") == ("hostonly (strict)", [])  # nobody may see the root of PID 1
    (container.root / "proc/1").mkdir()
    (container.root / "proc/1/root").symlink_to("/sys")
    chosen, warned = mode("--generic-elsewhere")
    assert chosen == "hostonly" and len(warned) == 1 and "set hostonly=no" in warned[0]
    assert mode("--generic-elsewhere", "--hostonly-mode", "strict") == ("hostonly (strict)", [])
    assert mode("--generic-elsewhere", "--generic") == ("generic", [])
    (container.root / "etc/dracut.conf").write_text("hostonly=no\n")
    assert mode("--generic-elsewhere") == ("generic", [])


def test_the_running_kernel_is_not_that_of_a_chroot(container):
    report = check(container.run("preroot", "audit", "--json", "--generic"), (DONE, FINDING)).json
    found = {finding["id"]: finding for finding in report["findings"]}
    assert "running-kernel-without-modules" not in found
    assert found["running-kernel-elsewhere"]["severity"] == "note"
    assert found["running-kernel-elsewhere"]["fact"].startswith("in a chroot, the running kernel belongs to another")
    assert report["kernels"] == [container.version]


def test_another_root_needs_proc(container):
    (container.root / "other").mkdir()
    result = check(container.run("preroot", "status", "--root", "/other"), FAILED)
    assert "/proc is not mounted" in result.error
