# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine that OSTree deploys: its own tools make the tree, the boot entry and the new root."""

import os
import shutil
import subprocess

from lib import BUILD, TOP, debian, image, qemu, roots, rootfs
from lib.command import Failure
from lib.files import link_tree
from lib.kernels import Kernel
from lib.roots import Part

PREPARE = "/usr/lib/ostree/ostree-prepare-root"
FSTAB = "tmpfs /srv/mem tmpfs x-initrd.mount,size=1m 0 0\n"


def ostree(*words):
    """Without the flag "immutable" on deployments, which not everybody may set or clear."""
    done = subprocess.run(["ostree", *map(str, words)], check=False, text=True, capture_output=True,
                          env={**os.environ, "OSTREE_SYSROOT_DEBUG": "mutable-deployments"})
    if done.returncode:
        raise Failure(f"ostree {words} ended with {done.returncode}\n{done.stderr}")


def compose(lab, tree):
    """Makes TREE as a build server makes a tree to deploy, with kernel and image in /usr."""
    kernel = lab.kernel("bookworm")
    package = debian.fetch_packages("bookworm", ["ostree-boot"], BUILD / "packages/ostree-boot")
    rootfs.create(tree)
    rootfs.install(package / PREPARE.lstrip("/"), tree, PREPARE)
    modules = tree / "usr/lib/modules" / kernel.version
    link_tree(kernel.root / "lib/modules" / kernel.version, modules)
    shutil.copy(kernel.image, modules / "vmlinuz")
    shutil.copy(kernel.root / f"boot/config-{kernel.version}", modules / "config")
    feature = tree / "usr/lib/preroot/features.d/ostree.conf"
    feature.parent.mkdir(parents=True)
    shutil.copy(TOP / "data/features.d/ostree.conf", feature)
    conf = tree / "etc/dracut.conf.d/ostree.conf"
    conf.parent.mkdir()
    shutil.copy(package / "etc/dracut.conf.d/ostree.conf", conf)
    image.build(modules / "initramfs.img", Kernel(tree, kernel.version), "generic")
    shutil.rmtree(modules / "kernel")  # the payload needs no module
    (tree / "etc/fstab").write_text(FSTAB)
    (tree / "etc").rename(tree / "usr/etc")
    for name in ("boot", "sysroot", "srv/mem"):
        (tree / name).mkdir(parents=True)


def deploy(tree, sysroot):
    """Commits TREE, deploys it in SYSROOT, and returns what the boot entry says."""
    sysroot.mkdir()
    ostree("admin", "init-fs", "--modern", sysroot)
    ostree("admin", "os-init", "test", f"--sysroot={sysroot}")
    ostree("commit", f"--repo={sysroot}/ostree/repo", "--branch=test", f"--tree=dir={tree}",
           "--bootable")
    ostree("admin", "deploy", f"--sysroot={sysroot}", "--os=test", "--karg=root=LABEL=ostree",
           "test")
    entry = next((sysroot / "boot/loader/entries").iterdir())
    return dict(line.split(" ", 1) for line in entry.read_text().splitlines() if line)


def test_a_deployment_of_ostree_is_the_root(lab):
    """ostree-prepare-root has put it in the place of its disk before its fstab was read."""
    folder = lab.folder / "ostree"
    folder.mkdir()
    compose(lab, folder / "tree")
    entry = deploy(folder / "tree", folder / "sysroot")
    disk = roots.create(folder / "disk", Part("ostree", folder / "sysroot", size=192 << 20))
    boot = qemu.boot(qemu.Machine(
        kernel=folder / "sysroot/boot" / entry["linux"].lstrip("/"),
        initrd=folder / "sysroot/boot" / entry["initrd"].lstrip("/"),
        append=f"{entry['options']} payload.also=/sysroot,/usr,/boot,/srv/mem "
               "payload.look=/run/ostree-booted",
        disks=[("virtio-blk", disk)]), lab.folder / "boots/ostree")
    assert boot.ending == "poweroff" and boot.value("verdict") == "ok", boot.explain()
    assert boot.value("looked") == "yes", boot.explain()
    assert "ostree=" in boot.value("cmdline")
    assert f"preroot: {PREPARE} is done" in boot.console
