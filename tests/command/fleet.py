# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines with kernels, images in /boot and a boot behind them, for status, mark-good and prune.

Their images are small: an archive with only a manifest, which identifies an image.
"""

import hashlib
import json
from pathlib import Path

from archive import Entry, FOLDER, newc

V1, V2, V3 = "6.1.0-9-amd64", "6.12.3-1-amd64", "7.0.0-1-amd64"
BOOT_ID = "11111111-2222-3333-4444-555555555555"


def image_bytes(text="x"):
    """An image whose identity is derived from TEXT, and that identity."""
    head = f"preroot-manifest 3\n=\tkernel\t{text}\n"
    digits = hashlib.sha256(head.encode()).hexdigest()
    folders = [Entry(name.encode(), FOLDER) for name in ("usr", "usr/lib", "usr/lib/preroot")]
    manifest = Entry(b"usr/lib/preroot/manifest", data=f"{head}sha256\t{digits}\n".encode())
    return newc(*folders, manifest), digits


class Machine:
    """A root below FOLDER."""

    def __init__(self, folder):
        self.root = Path(folder)
        for name in ("boot", "etc", "usr/lib/modules", "proc/sys/kernel/random", "run/preroot",
                     "var/log"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "etc/os-release").write_text("ID=debian\n")
        (self.root / "proc/sys/kernel/random/boot_id").write_text(BOOT_ID + "\n")
        self.cmdline("root=/dev/vda1 ro")

    def cmdline(self, words):
        (self.root / "proc/cmdline").write_text(words + "\n")

    def kernel(self, version, modules=True, kernel=True):
        """Installs a kernel, or half of it."""
        if modules:
            tree = self.root / "usr/lib/modules" / version
            tree.mkdir()
            (tree / "modules.order").write_text("")
        if kernel:
            data = bytearray(0x400)
            data[0x1fe:0x200] = b"\x55\xaa"
            data[0x202:0x206] = b"HdrS"
            data[0x206:0x208] = (0x20f).to_bytes(2, "little")
            data[0x20e:0x210] = (0x100).to_bytes(2, "little")
            data[0x300:0x300 + len(version) + 1] = version.encode() + b"\0"
            (self.root / f"boot/vmlinuz-{version}").write_bytes(bytes(data))

    def path(self, version, ending=""):
        return self.root / f"boot/initrd.img-{version}{ending}"

    def image(self, version, text="x", ending=""):
        """Writes an image; its identity."""
        data, digits = image_bytes(text)
        self.path(version, ending).write_bytes(data)
        self.path(version, ending).chmod(0o600)
        return digits

    def share(self, *versions, name="initrd.gz"):
        """Makes the menu boot these kernels with one image. Returns its path."""
        grub = self.root / "boot/grub"
        grub.mkdir(exist_ok=True)
        (grub / "grub.cfg").write_text("".join(
            f"menuentry '{version}' {{\n linux /vmlinuz-{version} root=/dev/vda1\n"
            f" initrd /{name}\n}}\n" for version in versions))
        path = self.root / "boot" / name
        path.write_bytes(image_bytes("shared")[0])
        return path

    def booted(self, version, image, **more):
        """Makes the image with this identity the one that the machine has booted."""
        told = {"preroot-boot": 1, "version": "0.1.0", "kernel": version, "image": image,
                "start_us": 1, "end_us": 2, "init": "/sbin/init", "stages": [], "modules": [],
                "devices": [], "programs": [], **more}
        (self.root / "run/preroot/boot.json").write_text(
            json.dumps({key: value for key, value in told.items() if value is not None}))

    def state(self, version):
        path = self.root / f"var/lib/preroot/{version}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def set_state(self, version, **values):
        folder = self.root / "var/lib/preroot"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{version}.json").write_text(json.dumps({"preroot-image": 1, **values}))

    def log(self):
        path = self.root / "var/log/preroot.log"
        return path.read_text() if path.exists() else ""
