# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes what the scenarios need, each thing once, by whichever thread asks first; and boots them."""

import hashlib
import re
import shutil
import threading
from concurrent.futures import Future
from types import SimpleNamespace

from lib import BUILD, disk, early, filesystems, image, kernels, qemu, rootfs
from lib.command import Failure

from machines import of_machine


def digest(value):
    """A short name for something long."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


class Lab:
    """Everything is below FOLDER, which is emptied first, and kept afterwards for inspection."""

    def __init__(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder = folder
        self._lock = threading.Lock()
        self._made = {}

    def _once(self, key, make, *args):
        with self._lock:
            future = self._made.get(key)
            mine = future is None
            if mine:
                future = self._made[key] = Future()
        if mine:
            try:
                future.set_result(make(*args))
            except Exception as error:  # whoever waits gets it, too
                future.set_exception(error)
        return future.result()

    def kernel(self, suite):
        return self._once(("kernel", suite), kernels.of_suite, suite)

    def disk(self, tree, layout=disk.Layout()):
        """A disk with a root TREE: payload; foreign-init; one of rootfs.DEBIANS, with a real init."""
        return self._once(("disk", tree, layout), self._make_disk, tree, layout)

    def _make_disk(self, tree, layout):
        path = self.folder / f"{tree}-{layout.fs}-{layout.table}-{layout.sector}.disk"
        if tree in rootfs.DEBIANS:
            folder = BUILD / "debian" / tree
            rootfs.create_debian(folder, disk.label(path))
            return disk.create(path, folder, layout, 1 << 30)
        size = filesystems.disk_size(layout.fs)
        return disk.create(path, self.tree(tree), layout, size)

    def tree(self, name):
        """The files of a small root: payload; foreign-init, whose programs do not start."""
        return self._once(("tree", name), self._make_tree, name)

    def _make_tree(self, name):
        folder = self.folder / f"{name}.tree"
        rootfs.create(folder, image.PROGRAM if name == "payload" else None)
        if name == "foreign-init":
            rootfs.spoil_init(folder)
        return folder

    def hardware(self, suite, bus, fs, described_by=""):
        """The description that a guest with a root FS on this BUS printed of its hardware.

        With DESCRIBED_BY, a suite, its guest with an ext4 printed it, and FS was put in.
        """
        key = (suite, bus, fs, described_by)
        return self._once(("hardware", *key), self._make_hardware, *key)

    def _make_hardware(self, suite, bus, fs, described_by):
        path = self.folder / f"hardware-{suite}-{bus}-{fs}{described_by and '-of-' + described_by}.json"
        if described_by:
            text, root = self.hardware(described_by, bus, "ext4").read_text(), '"fstype": "ext4"'
            if text.count(root) != 1:
                raise Failure(f"not one {root} in the hardware of {described_by} on {bus}:\n{text}")
            path.write_text(text.replace(root, f'"fstype": "{fs}"'))
            return path
        scenario = of_machine(suite, bus, "generic", fs)
        text, status = self.boot(scenario).section("hardware")
        if status != 0:
            raise Failure(f"`preroot hardware` ended with {status} in the guest {scenario.name}\n"
                          + self.boot(scenario).explain())
        path.write_text(text)
        return path

    def system(self, suite, features, password=None):
        """The kernel of SUITE in a root with drop-in features, pairs of file name and text.

        With PASSWORD, root's, the root also has a shell.
        """
        if not features and password is None:
            return self.kernel(suite)
        return self._once(("system", suite, features, password), self._make_system, suite, features,
                          password)

    def _make_system(self, suite, features, password):
        kernel = self.kernel(suite)
        tree = self.folder / f"system-{suite}-{digest((features, password))}"
        rootfs.create_with_features(tree, kernel.root, dict(features))
        if password is not None:
            rootfs.add_shell(tree, password)
        return kernels.Kernel(tree, kernel.version)

    def image(self, suite, mode, way, options, features=(), password=None):
        """An image; for a hostonly one, WAY is what hardware() takes after the suite."""
        way = way if mode == "hostonly" else ()
        key = ("image", suite, mode, way, options, features, password)
        return self._once(key, self._make_image, *key[1:])

    def _make_image(self, suite, mode, way, options, features, password):
        hardware = self.hardware(suite, *way) if way else None
        words = [re.sub(r"[^\w,.]+", "_", word.strip("-")) for word in options]
        name = "-".join(filter(None, [suite, mode, *way, *words, features and digest(features),
                                      password is not None and digest(password)]))
        path = self.folder / f"{name}.img"
        image.build(path, self.system(suite, features, password), mode, hardware,
                    [word.format(tables=self.tables()) for word in options])
        return path

    def tables(self):
        """A folder with an ACPI table that defines a number, TEST."""
        return self._once(("tables",), self._make_tables)

    def _make_tables(self):
        folder = self.folder / "tables"
        folder.mkdir()
        (folder / "ssdt.aml").write_bytes(early.acpi(b"SSDT", b"\x08TEST\x0a\x2a"))
        return folder

    def boot(self, scenario):
        return self._once(scenario, self._boot, scenario)

    def names(self, scenario):
        """The names that the texts of SCENARIO may refer to: the root's disk and its identifiers."""
        root = self.disk(scenario.tree, scenario.layout)
        return {"disk": SimpleNamespace(**vars(root), partuuid_upper=root.partuuid.upper())}

    def image_of(self, scenario):
        """The image that SCENARIO boots."""
        way = (scenario.built_on or scenario.bus, scenario.layout.fs, scenario.described_by)
        features = tuple((name, text.format(**self.names(scenario)))
                         for name, text in scenario.features)
        return self.image(scenario.suite, scenario.mode, way, scenario.build, features,
                          scenario.password)

    def _boot(self, scenario):
        root = self.disk(scenario.tree, scenario.layout)
        is_debian = scenario.tree in rootfs.DEBIANS
        files = [root.path]
        if scenario.decoy:
            files.insert(0, self.disk("foreign-init", scenario.layout).path)
        machine = qemu.Machine(
            kernel=self.kernel(scenario.suite).image,
            initrd=self.image_of(scenario),
            append=f"{self._root_word(scenario, root)} {scenario.append}",
            disks=[(scenario.bus, file) for file in files],
            sector=scenario.layout.sector, readonly=scenario.readonly,
            memory=1024 if is_debian else 512, timeout=1200 if is_debian else 600,
            cpus=scenario.cpus, plug_after=scenario.plug_after, script=scenario.script,
            quick=scenario.quick)
        return qemu.boot(machine, self.folder / "boots" / scenario.name)

    def _root_word(self, scenario, root):
        if not scenario.root:
            return ""
        if "=" in scenario.root:
            return "root=" + scenario.root.format(**self.names(scenario))
        return f'root="{root.root(scenario.root)}"'
