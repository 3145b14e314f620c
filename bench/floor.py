# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the image of the floor program: init, the guest's modules, and nothing else."""

import stat

from lib.command import Failure, run

from measure import FOLDER, compile_static

# crc32c_generic: ext4 asks for the checksum by the name of the algorithm, so no index names it.
MODULES = ["virtio_pci", "virtio_blk", "crc32c_generic", "ext4"]
FOLDERS = ["dev", "modules", "proc", "root", "run", "sys"]


def create(kernel):
    """Writes the image for KERNEL; its path."""
    init = compile_static("floor")
    modules = load_order(kernel)
    paths = [f"modules/{module.name}" for module in modules]
    entries = [(name, stat.S_IFDIR | 0o755, b"") for name in FOLDERS]
    entries.append(("init", stat.S_IFREG | 0o755, init.read_bytes()))
    entries.append(("modules.list", stat.S_IFREG | 0o644,
                    "".join(f"/{path}\n" for path in paths).encode()))
    entries += [(path, stat.S_IFREG | 0o644, module.read_bytes())
                for path, module in zip(paths, modules)]
    archive, image = FOLDER / "floor.cpio", FOLDER / "floor.img"
    archive.write_bytes(cpio(entries))
    run(["zstd", "-q", "-f", "-19", archive, "-o", image])
    return image


def load_order(kernel):
    """The files of MODULES and of all that they depend on, dependencies first."""
    folder = kernel.root / "lib/modules" / kernel.version
    lines = [line.split() for line in (folder / "modules.dep").read_text().splitlines()]
    closures = {words[0].rpartition("/")[2]: words for words in lines}
    order = []
    for name in MODULES:
        closure = closures.get(f"{name.replace('_', '-')}.ko:") or closures.get(f"{name}.ko:")
        if not closure:
            raise Failure(f"{folder}/modules.dep names no uncompressed module {name}")
        # modules.dep gives the dependencies in the reverse of the order to load them in.
        order += [folder / path.rstrip(":") for path in reversed(closure)]
    return list(dict.fromkeys(order))


def cpio(entries):
    """A newc archive of (name, mode, data)."""
    return b"".join(_member(number, *entry) for number, entry
                    in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1))


def _member(number, name, mode, data):
    name = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    header = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name
    return _padded(header) + _padded(data)


def _padded(data):
    return data + bytes(-len(data) % 4)
