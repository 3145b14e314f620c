# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots on every kind of machine that QEMU can emulate: each bus, filesystem, table and sector size.

ALL_MACHINES is the product of them, MACHINES a selection that has each driver at least once,
the kernels in turn. A hostonly image is strict: it has only what the builder detected.
"""

from dataclasses import replace

from lib.disk import Layout
from lib.filesystems import MAKERS as FILESYSTEMS
from lib.qemu import BUSES, MICROVM, device_of
from lib.rootfs import FIRST_START

from scenarios import ALL_SUITES, CODECS, HOSTONLY_MODES, MODES, Scenario, fails, of_matrix
from scenarios import BUSES as USUAL_BUSES

STRICT = HOSTONLY_MODES["LABEL"]
# QEMU's usb-storage, unlike its other USB disks, always has sectors of 512 bytes.
LARGE_SECTORS = ("virtio-blk", "virtio-scsi", "nvme", "usb-uas", "mptsas1068", "megasas")
# Without KVM's clock, these kernels cannot calibrate the processor's clock on a microvm.
CLOCKLESS = ("bullseye", "bookworm")
CLOCK = "tsc_early_khz=2500000"
END_SUITES = (ALL_SUITES[0], ALL_SUITES[-1])
PROTECTED = ("virtio-blk", "virtio-scsi", "nvme", "usb-storage")
# The mount options name the modules of character sets, so only its own machine can describe it.
OWN_OPTIONS = ("vfat",)


def of_machine(suite, bus, mode, fs="ext4", table="gpt", sector=512):
    """The scenario of one machine. The hostonly images are built from what the generic one reports."""
    cell = of_matrix(suite, bus, mode, "UUID")
    if suite in CLOCKLESS and BUSES[bus].machine == MICROVM:
        cell = replace(cell, append=f"{CLOCK} {cell.append}")
    if BUSES[bus].is_rom:
        table, fs = "none", "erofs"
    if Layout(table, fs, sector) == Layout() and mode == "generic":
        return cell
    name = "-".join([suite, bus, *[str(word) for word, default in (
        (fs, "ext4"), (table, "gpt"), (sector, 512)) if word != default], mode])
    layout = Layout(table, fs, sector)
    kind = "PARTUUID" if table == "mbr" else layout.kind
    return replace(cell, name=name, table=table, fs=fs, sector=sector,
                   root=kind or device_of(bus, 0),
                   build=STRICT if mode == "hostonly" else cell.build)


def protected(suite, bus, mode, fs="ext4"):
    """The same with a write-protected disk, mounted read-only although rw was asked for.

    QEMU's NVMe disk does not report that it is protected, but fails every write.
    """
    cell = of_machine(suite, bus, mode, fs)
    return replace(cell, name=f"{cell.name}-protected", readonly=True, append="rw")


def packed(cell, codec):
    """The same with an image compressed with CODEC."""
    return replace(cell, name=f"{cell.name}-{codec}", build=(*cell.build, "--compress", codec))


def by_turns(cells, modes=MODES, first=0, described_by=""):
    """A scenario for each cell (a dictionary of arguments for of_machine), the kernels in turn and, for
    hostonly images, the codecs, as if FIRST cells came before; see Scenario for DESCRIBED_BY."""
    machines = []
    for number, cell in enumerate(cells, first):
        turn, which = divmod(number, len(ALL_SUITES))
        for mode in modes:
            machine = of_machine(ALL_SUITES[which], mode=mode, **cell)
            if mode == "hostonly":
                by = "" if machine.fs in OWN_OPTIONS else described_by
                machine = packed(replace(machine, described_by=by),
                                 CODECS[(turn + 2 * which) % len(CODECS)])
            machines.append(machine)
    return machines


def unique(scenarios):
    return list(dict.fromkeys(scenarios))


# Variants of others with the same driver: only in ALL_MACHINES.
RELATIVES = ("virtio-blk-legacy", "virtio-scsi-mmio", "nvme-subsystem", "ide-piix3", "ide-piix4",
             "lsi53c810", "megasas-gen2", "dc390", "usb-xhci-nec", "usb-ehci-ich9",
             "usb-uhci-ich9", "usb-hub", "usb-bot", "cd-ahci", "cd-ide", "cd-scsi")
_buses = [{"bus": bus} for bus in BUSES if bus not in USUAL_BUSES]
_drivers = [cell for cell in _buses if cell["bus"] not in RELATIVES]
_filesystems = [{"bus": "virtio-blk", "fs": fs} for fs in FILESYSTEMS if fs != "ext4"]
_sectors = ([{"bus": bus, "sector": 4096} for bus in LARGE_SECTORS]
            + [{"bus": "virtio-blk", "sector": 4096, "table": table}
               for table in ("mbr", "logical", "none")]
            + [{"bus": "virtio-blk", "sector": 4096, "fs": fs}
               for fs in FILESYSTEMS if fs != "ext4"])
_tables = [{"bus": bus, "table": table} for bus in ("virtio-blk", "nvme", "sdhci")
           for table in ("mbr", "logical", "none")]

# Without what saves time in the other boots: systemd starts for the first time, with its units for logins,
# and the kernel tests and protects itself.
NOT_QUICK = Scenario("systemd-first-start", mode="generic", tree=FIRST_START, quick=False,
                     append="systemd.firstboot=no systemd.default_timeout_start_sec=600",
                     facts=("state=running", "target=active"),
                     says=("systemd[1]: Detected first boot.", "Login Prompts"))

ALL_MACHINES = unique(
    [NOT_QUICK]
    + [of_machine(suite, mode=mode, **cell) for suite in ALL_SUITES
     for cell in _buses + _filesystems + [{"bus": bus} for bus in USUAL_BUSES] for mode in MODES]
    + [of_machine(suite, mode=mode, **cell) for suite in END_SUITES
       for cell in _sectors + _tables for mode in MODES]
    + [protected(suite, bus, mode) for suite in END_SUITES for mode in MODES for bus in PROTECTED]
    + [protected(suite, "virtio-blk", mode, fs) for suite in END_SUITES for mode in MODES
       for fs in FILESYSTEMS if fs != "ext4"])

ALL_COMPRESSED = [packed(Scenario(f"compress-{suite}", suite, bus="nvme"), codec)
                  for suite in ALL_SUITES for codec in CODECS]

# The kernel ignores a partition table inside a partition.
NESTED = fails("table-in-a-partition", table="nested", says=(
    "wanted: root=UUID={disk.uuid}", "disk with a gpt partition table",
    "a gpt partition table in a partition, which the kernel does not look into",
    "PARTLABEL=outer part"))

MACHINES = [
    *by_turns(_drivers),
    # A generic image is the same for all filesystems, a strict one has the driver of its own.
    *by_turns(_filesystems, ("hostonly",), len(_drivers), USUAL_BUSES["virtio-blk"]),
    of_machine("bookworm", "virtio-blk", "generic", "vfat"),
    # The drivers are the same as for others, so generic images do, which need no earlier boot.
    *by_turns(_tables[:3], ("generic",)),
    *by_turns([{"bus": bus, "sector": 4096} for bus in LARGE_SECTORS[:4]], ("generic",)),
    of_machine("sid", "nvme", "hostonly", table="logical", sector=4096),
    of_machine("bookworm", "virtio-scsi", "generic", "squashfs", "none"),
    *(protected(suite, bus, "generic") for suite, bus in zip(ALL_SUITES, PROTECTED)),
    NESTED,
]
