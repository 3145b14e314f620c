# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of boots. To add one, add a row to SCENARIOS; machines.py has more kinds of machines."""

from dataclasses import dataclass, replace

from lib.disk import Layout
from lib.qemu import QUICK_ARGS
from lib.rootfs import OTHER_INIT

# The most common machines, and the suite of the kernel for each; all others are in machines.py.
BUSES = {"virtio-blk": "bookworm", "virtio-scsi": "bookworm", "nvme": "trixie", "ahci": "trixie",
         "usb-storage": "bookworm"}
ALL_SUITES = ("bullseye", "bookworm", "trixie", "sid")
CODECS = ("zstd", "xz", "lz4", "gzip", "bzip2", "lzma", "lzo", "none")
MODES = ("generic", "hostonly")
KINDS = ("LABEL", "PARTUUID", "PARTLABEL")
# Each kind of root= is paired with a kind of hostonly image; sloppy is the default.
HOSTONLY_MODES = {"LABEL": ("--hostonly-mode", "strict"), "PARTUUID": ("--hostonly-mode", "portable")}
RUN_HARDWARE = "payload.run=hardware"

NOWHERE = "UUID=01234567-89ab-cdef-0123-456789abcdef"


# Drop-in features. Their program prints what it sees, see hook.c.
EACH_STAGE = ("each.conf", """\
description="A program at each stage"
pre_trigger=/usr/libexec/early
pre_mount="/usr/libexec/20-second /usr/libexec/10-first"
post_mount=/usr/libexec/mounted
pre_pivot=/usr/libexec/late
""")
OPTIONAL = (("fails.conf", "pre_trigger=/usr/libexec/10-fails\npre_mount=/usr/libexec/10-fails\n"),
            ("hangs.conf", "pre_mount=/usr/libexec/20-hangs\ntimeout=2\n"),
            ("slow.conf", "pre_pivot=/usr/libexec/30-hangs\ntimeout=12\n"))


def required(stage):
    """A program that must run and fails."""
    return (("required.conf", f"{stage}='/usr/libexec/fails-not /usr/libexec/must-fails'\n"
                              "required=yes\n"),)


def tells(name, stage, root="/dev/vda1", fstype="ext4", mounted="no", partition="yes"):
    """The lines that the hook NAME prints at STAGE."""
    return (f"{name}: hook {name} stage={stage} root={root} fstype={fstype} newroot=/sysroot\n",
            f"{name}: hook {name} mounted={mounted} partition={partition} leader=yes stdin=null\n")


@dataclass(frozen=True)
class Scenario:
    """One boot, and the expected result."""

    name: str
    suite: str = "bookworm"       # the suite of the kernel
    mode: str = "hostonly"        # which image
    bus: str = "virtio-blk"
    built_on: str = ""            # the bus the hostonly image was built for, if not BUS
    described_by: str = ""        # the suite whose guest with an ext4 described the hardware
    build: tuple = ()             # further options for `preroot build`
    features: tuple = ()          # drop-in features: (file, text); texts may refer to {disk.uuid}
    password: str = None          # root's, on a machine with a shell; "" for a locked one
    tree: str = "payload"         # what is on the root: see Lab.disk
    table: str = "gpt"            # see disk.Layout, for the next two as well
    fs: str = "ext4"
    sector: int = 512
    readonly: bool = False        # the disk is write-protected
    root: str = "UUID"            # the kind of name in root=, or the whole value
    append: str = ""              # further kernel parameters
    decoy: bool = False           # a first disk without our root
    script: tuple = ()            # typed at the console, see lib/qemu.py
    plug_after: float = 0         # the disk is plugged in that many seconds after the start
    cpus: int = 1
    quick: bool = True            # see qemu.Machine
    ending: str = "poweroff"
    reached: bool = True          # if it is switched off: by the payload
    facts: tuple = ()             # lines that the report must contain
    flags: tuple = ("ro",)        # words among the root's mount flags or options
    argv: tuple = ("/sbin/init",)
    env: tuple = ("HOME=/", "TERM=linux")
    min_seconds: float = 0        # the root is not reached earlier than that on the guest's clock
    says: tuple = ()              # texts that the console must contain; see Lab.names for {disk.uuid}
    not_says: tuple = ()

    @property
    def layout(self):
        return Layout(self.table, self.fs, self.sector)


# Linux 6.1 runs /sbin/modprobe for a cipher while it initialises the dependencies of these modules.
EARLY = {("bookworm", "nvme"): " rd.driver.pre=nvme",
         ("bookworm", "virtio-scsi"): " rd.driver.pre=sd_mod"}

# An early segment: the kernel finds an ACPI table in it, whatever the codec of the next segment.
ACPI_BUS = "nvme"
ACPI_CODECS = {"bullseye": "xz", "bookworm": "zstd", "trixie": "lz4", "sid": "gzip"}


def with_acpi(scenario):
    """The same with an ACPI table of its own in the image."""
    codec = ACPI_CODECS[scenario.suite]
    return replace(scenario, build=("--acpi-override", "{tables}", "--compress", codec),
                   facts=("acpi=SSDT EARLYSEG",),
                   says=("SSDT ACPI table found in initrd [kernel/firmware/acpi/ssdt.aml]",
                         "ACPI: Table Upgrade: install [SSDT-PRROOT-EARLYSEG]"))


def of_matrix(suite, bus, mode, kind):
    """The scenario of one cell. The hostonly images are built from what the guest reports."""
    append = RUN_HARDWARE if (mode, kind) == ("generic", "UUID") else ""
    if mode == "generic":
        append += EARLY.get((suite, bus), "")
    build = HOSTONLY_MODES.get(kind, ()) if mode == "hostonly" else ()
    cell = Scenario(f"{suite}-{bus}-{mode}-{kind}", suite, mode, bus, build=build, root=kind,
                    append=append)
    return with_acpi(cell) if (bus, mode) == (ACPI_BUS, "generic") else cell


def fails(name, **what):
    """A scenario whose root cannot be reached: the guest explains it and reboots. The time limit is
    long enough to find the disks under any load; scenarios where the root's disk exists set none."""
    what = {"append": "rd.timeout=15 panic=2", **what}
    return Scenario(name, **{"ending": "reboot", **what})


# Each bus once with a generic and once with a hostonly image, the kinds of root= in turn; one bus
# with every kernel, from 5.10 to one that can pivot out of the initramfs.
MATRIX = [cell for number, (bus, suite) in enumerate(BUSES.items())
          for cell in (of_matrix(suite, bus, "generic", "UUID"),
                       of_matrix(suite, bus, "hostonly", KINDS[number % len(KINDS)]))]
MATRIX += [of_matrix(suite, ACPI_BUS, "generic", "UUID") for suite in ALL_SUITES]
MATRIX += [of_matrix(suite, ACPI_BUS, "hostonly", "UUID") for suite in ("bullseye", "sid")]
MATRIX = list(dict.fromkeys(MATRIX))

SCENARIOS = MATRIX + [
    # A disk that appears late.
    Scenario("late-disk-rootwait", bus="usb-storage", append="rootwait rd.timeout=2", plug_after=9),

    # What the root's init is given.
    Scenario("words-for-init", append=f"init={OTHER_INIT} single colour=blue -- last",
             argv=(OTHER_INIT, "single", "last"), env=("HOME=/", "TERM=linux", "colour=blue")),

    # Drop-in features.
    Scenario("dropin-stages", mode="generic", features=(EACH_STAGE,), says=(
        *tells("early", "pre-trigger", "-", "-", partition="no"),
        *tells("10-first", "pre-mount"), *tells("20-second", "pre-mount"),
        *tells("mounted", "post-mount", mounted="yes"), *tells("late", "pre-pivot", mounted="yes"))),
    Scenario("dropin-stages-quiet", features=(EACH_STAGE,), append="quiet", not_says=("preroot",)),
    Scenario("dropin-optional", features=OPTIONAL, min_seconds=14, says=(
        "/usr/libexec/10-fails (pre-trigger) ended with status 3",
        "/usr/libexec/10-fails (pre-mount) ended with status 3",
        "10-fails: hook 10-fails does not like it here",
        "/usr/libexec/20-hangs (pre-mount) did not end within 2 seconds and was killed",
        "waiting for /usr/libexec/30-hangs (pre-pivot), for ",
        "/usr/libexec/30-hangs (pre-pivot) did not end within 12 seconds and was killed"),
        not_says=("to be mounted",)),
    Scenario("dropin-root", root="", flags=("rw", "noatime", "commit=30"), features=(
        ("root.conf", "kernel_cmdline='root=UUID={disk.uuid} rw rootflags=noatime,commit=30 "
                      "rootfstype=ext4'\n"),)),

    # PID 1's trace of a boot in which modules load side by side.
    Scenario("trace", mode="generic", cpus=2, append="payload.cat=boot.json",
             says=("preroot: ", "payload: reached root")),

    # A distribution's root; bookworm's is booted in test_rebuild.py.
    Scenario("systemd-trixie", suite="trixie", bus="nvme", tree="trixie",
             facts=("state=running", "target=active")),
    # The limits of device units are the host's speed, not ours.
    Scenario("systemd-bullseye", suite="bullseye", mode="generic", tree="bullseye",
             append="systemd.default_timeout_start_sec=600",
             facts=("state=running", "target=active")),
    Scenario("sysvinit", mode="generic", tree="bookworm-sysvinit", facts=("argv=init [2]",)),

    # Kernel parameters of the image and typed at the console; the last one wins.
    Scenario("kernel-cmdline", root="", append="ro", flags=("ro", "noatime"),
             build=("--kernel-cmdline", "root=/dev/vda1 rw rootflags=noatime"),
             says=("kernel parameters of the image: root=/dev/vda1 rw rootflags=noatime",)),
    Scenario("rd-hostonly", append="rd.hostonly=0", build=(
        "--kernel-cmdline", "rw init=/nowhere rd.timeout=3"), says=("left out (rd.hostonly=0)",)),
    # The prompt is on all consoles: /dev/console is tty0 here, and the user is at ttyS0.
    Scenario("rd-cmdline-ask", root=NOWHERE, append="rd.cmdline=ask console=tty0", flags=("rw",), script=(
        ("an empty line ends", "root=/dev/vda1\n"), ("an empty line ends", "rw\n"),
        ("an empty line ends", "\n"))),

    # A shell on the way to the root, and in place of it.
    Scenario("rd-break", append="rd.break=initqueue,pre-pivot quiet", password="",
             build=("--rescue-shell=open",), script=(
                 ("break before initqueue: a shell on /dev/console", ""),
                 ("preroot# ", "echo first-$((40 + 2)) > /dev/tty; grep -c /sysroot /proc/mounts\n"),
                 ("preroot# ", "sleep 1000 & exit 7\n"),
                 ("break before pre-pivot: a shell on /dev/console", ""),
                 ("preroot# ", "grep sysroot /proc/mounts; exit\n")),
             says=("\nfirst-42\n0\n",
                   "\n/dev/vda1 /sysroot ext4 ro,relatime 0 0\n")),
    Scenario("rescue-password", root=NOWHERE, append="rd.timeout=15 quiet", password="right one",
             build=("--add", "rescue"), facts=("failure=the root filesystem cannot be reached",),
             script=(("rescue: a shell on /dev/console", ""),
                     ("maintenance", "wrong one\n"), ("incorrect", ""),
                     ("maintenance", "right one\n"),
                     ("preroot# ", "mount -o ro /dev/vda1 $NEWROOT && exit\n")),
             says=("when it ends, the boot is tried again", "preroot: trying again")),

    # Roots that cannot be reached.
    fails("rd-emergency", root=NOWHERE, ending="poweroff", reached=False,
          append="rd.timeout=15 rd.shell=0 rd.emergency=poweroff rd.luks.uuid=x rd.shel",
          says=("switching off in 0 seconds (rd.emergency=)",
                "rd.luks.uuid: this image has no feature for LUKS",
                "rd.shel: unknown; the nearest is rd.shell")),
    # Even with "quiet".
    fails("wrong-uuid", root=NOWHERE, append="rw quiet rd.timeout=15 panic=2 colour='blue'", says=(
        NOWHERE, "vda1", "ext4", f"in the boot loader: root=UUID={{disk.uuid}} {QUICK_ARGS} "
        "rw quiet rd.timeout=15 panic=2 colour='blue'\n")),
    # The same without panic=.
    fails("wrong-rootfstype", append="rootfstype=xfs", says=("xfs", "ext4")),
    fails("no-driver", built_on="virtio-blk", bus="nvme", build=("--hostonly-mode", "strict"),
          says=("{disk.uuid}", "1b36:0010", "(preroot build --add-drivers ahci,nvme, or")),
    fails("blacklisted", append="modprobe.blacklist=virtio_blk rd.timeout=15 panic=2", says=(
        "module virtio_blk would drive it, but is excluded by modprobe.blacklist=",
        "try: rd.driver.pre=virtio_blk on the kernel command line")),
    fails("foreign-init", tree="foreign-init", append="panic=2", says=(
        "the boot cannot go on", "/sbin/init is a 64-bit program for s390x (this kernel: x86_64)",
        "or init= with another program of it")),
    # (One before the mount is in test_rebuild.py.)
    fails("dropin-required-pre-pivot", append="panic=2", features=required("pre_pivot"), says=(
        "the boot cannot go on",
        "but: /usr/libexec/must-fails, which is required at pre-pivot, ended with status 3",
        "vda1", "{disk.uuid}", "required=no")),
    fails("no-root-parameter", root="", says=("root=",)),
]
