# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sizes of images that hold the same kernel modules: ours, and initramfs-tools' with our list."""

import measure
import ours
import peers
from coverage import contents, modules_of
from measure import FOLDER


def facts(kernel, say):
    """Ours with its default selection, and initramfs-tools with MODULES=list of just these."""
    generic = measure.image_path("preroot generic")
    chroot = peers.Chroot(kernel.root, peers.BENCH)
    if not generic.exists():
        words = ours.PREROOT.generic(kernel, f"{ours.Here.folder}/{generic.name}")
        measure.repeat(words, measure.ONCE, ours.Here, FOLDER / "size.log")
    own = modules_of(contents(generic, kernel.root))
    say(f"building initramfs-tools' image with the {len(own)} modules of preroot's")
    path = measure.image_path("initramfs-tools our modules")
    names = sorted(module.rsplit("/", 1)[1].removesuffix(".ko") for module in own)
    config = peers.configure_list("initramfs-ours", names)
    words = ["mkinitramfs", "-d", config, "-o", f"{chroot.folder}/{path.name}", kernel.version]
    measure.repeat(words, measure.ONCE, chroot, path.with_suffix(".log"),
                   lambda: path.unlink(missing_ok=True))
    theirs = modules_of(contents(path, kernel.root))
    return [{"image": "preroot generic", "bytes": generic.stat().st_size, "modules": len(own)},
            {"image": "initramfs-tools", "bytes": path.stat().st_size, "modules": len(theirs),
             "lacks": sorted(own - theirs), "more": sorted(theirs - own)}]
