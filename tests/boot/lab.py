# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes what the scenarios need, each thing once, whichever thread asks first; and boots them."""

import hashlib
import re
import shutil
import threading
from concurrent.futures import Future
from types import SimpleNamespace

from lib import BUILD, disk, early, image, kernels, qemu, rootfs
from lib.command import Failure

from scenarios import of_matrix


def digest(value):
    """A short name for something long."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


class Lab:
    """Everything lies below FOLDER, which is emptied first, and kept afterwards to look at."""

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

    def disk(self, tree, table):
        """A disk with a root TREE: payload; debian, a real one with systemd; no-init."""
        return self._once(("disk", tree, table), self._make_disk, tree, table)

    def _make_disk(self, tree, table):
        path = self.folder / f"{tree}-{table}.disk"
        create = {"gpt": disk.create_gpt, "mbr": disk.create_mbr}[table]
        if tree == "debian":
            folder = BUILD / "debian/bookworm"
            rootfs.create_debian(folder, disk.label(path))
            return create(path, folder, 1 << 30)
        folder = path.with_suffix(".tree")
        rootfs.create(folder, image.PROGRAM if tree == "payload" else None)
        if tree == "no-init":
            (folder / "sbin/init").unlink()
        return create(path, folder)

    def hardware(self, suite, bus):
        """The hardware description that a guest with this BUS gave of itself."""
        return self._once(("hardware", suite, bus), self._make_hardware, suite, bus)

    def _make_hardware(self, suite, bus):
        scenario = of_matrix(suite, bus, "generic", "UUID")
        text, status = self.boot(scenario).section("hardware")
        if status != 0:
            raise Failure(f"`preroot hardware` ended with {status} in the guest {scenario.name}\n"
                          + self.boot(scenario).explain())
        path = self.folder / f"hardware-{suite}-{bus}.json"
        path.write_text(text)
        return path

    def system(self, suite, features, password=None):
        """The kernel of SUITE in a root with drop-in features: pairs of file name and text.

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

    def image(self, suite, mode, bus, options, features=(), password=None):
        """An image; the generic ones do not depend on BUS."""
        bus = bus if mode == "hostonly" else ""
        key = ("image", suite, mode, bus, options, features, password)
        return self._once(key, self._make_image, *key[1:])

    def _make_image(self, suite, mode, bus, options, features, password):
        hardware = self.hardware(suite, bus) if bus else None
        words = [re.sub(r"[^\w,.]+", "_", word.strip("-")) for word in options]
        name = "-".join(filter(None, [suite, mode, bus, *words, features and digest(features),
                                      password is not None and digest(password)]))
        path = self.folder / f"{name}.img"
        image.build(path, self.system(suite, features, password), mode, hardware,
                    [word.format(tables=self.tables()) for word in options])
        return path

    def tables(self):
        """A folder with an ACPI table that names a number, TEST."""
        return self._once(("tables",), self._make_tables)

    def _make_tables(self):
        folder = self.folder / "tables"
        folder.mkdir()
        (folder / "ssdt.aml").write_bytes(early.acpi(b"SSDT", b"\x08TEST\x0a\x2a"))
        return folder

    def boot(self, scenario):
        return self._once(scenario, self._boot, scenario)

    def names(self, scenario):
        """What the texts of SCENARIO may refer to: the root's disk and its identifiers."""
        root = self.disk(scenario.tree, scenario.table)
        return {"disk": SimpleNamespace(**vars(root), partuuid_upper=root.partuuid.upper())}

    def _boot(self, scenario):
        root = self.disk(scenario.tree, scenario.table)
        bus = scenario.built_on or scenario.bus
        files = [root.path]
        if scenario.decoy:
            files.insert(0, self.disk("no-init", scenario.table).path)
        features = tuple((name, text.format(**self.names(scenario)))
                         for name, text in scenario.features)
        machine = qemu.Machine(
            kernel=self.kernel(scenario.suite).image,
            initrd=self.image(scenario.suite, scenario.mode, bus, scenario.build,
                              features, scenario.password),
            append=f"{self._root_word(scenario, root)} {scenario.append}",
            disks=[(scenario.bus, file) for file in files],
            memory=1024 if scenario.tree == "debian" else 512,
            cpus=scenario.cpus, plug_after=scenario.plug_after, script=scenario.script)
        return qemu.boot(machine, self.folder / "boots" / scenario.name)

    def _root_word(self, scenario, root):
        if not scenario.root:
            return ""
        if "=" in scenario.root:
            return "root=" + scenario.root.format(**self.names(scenario))
        return f'root="{root.root(scenario.root)}"'
