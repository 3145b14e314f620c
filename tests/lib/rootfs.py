# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes root trees for the images to boot to."""

import os
import re
import shutil
from pathlib import Path

from . import BUILD, TOP
from .command import run
from .debian import make_root
from .files import link_tree

SOURCES = TOP / "tests/boot"
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
# Another path to the payload, for init=.
OTHER_INIT = "/sbin/other"

# Debian roots with a real init: their suite, and packages besides the minimal system.
_SYSTEMD = ["systemd-sysv", "udev", "dbus", "kmod"]
FIRST_START = "bookworm-first-start"
DEBIANS = {
    FIRST_START: ("bookworm", _SYSTEMD),
    "bullseye": ("bullseye", _SYSTEMD),
    "bookworm": ("bookworm", _SYSTEMD),
    "trixie": ("trixie", _SYSTEMD),
    "bookworm-sysvinit": ("bookworm", ["sysvinit-core", "initscripts", "sysv-rc", "kmod", "udev"]),
}

# Units that a machine without network, users and real hardware does not need: emulation is slow.
MASKED = ["apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
          "e2scrub_reap.service", "fstrim.timer", "systemd-tmpfiles-clean.timer", "getty.target",
          "systemd-logind.service", "systemd-user-sessions.service", "systemd-update-utmp.service",
          "systemd-pstore.service", "systemd-sysusers.service", "systemd-journal-flush.service",
          "modprobe@.service", "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount",
          "sys-kernel-tracing.mount", "proc-sys-fs-binfmt_misc.automount"]
MACHINE_ID = "5a1f0d5b3c9e47758a529a341f0d5b3c"

REPORT_HEAD = """\
#!/bin/sh
# Tells on the second serial port how the system came up, then switches it off.
exec >/dev/ttyS1
"""

REPORT_SYSTEMD = """\
echo "state=$(systemctl is-system-running --wait)"
systemctl --failed --no-legend --plain | sed 's/^/failed=/'
systemctl list-units --all --type=device --no-legend --plain | sed 's/^/device=/'
echo "version=$(systemctl --version | head -n 1)"
echo "target=$(systemctl is-active multi-user.target)"
echo "analyze=$(systemd-analyze time | head -n 1)"
"""

# PID 1's descriptors and arguments, and processes that still run programs of the initramfs.
REPORT_COMMON = """\
readlink /proc/1/fd/* | sed 's/^/fd=/'
tr '\\0' ' ' </proc/1/cmdline | sed 's/^/argv=/;s/ *$/\\n/'
readlink /proc/[0-9]*/exe | sed 's/^/exe=/'
findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS | sed 's/^[^/]*/mount=/'
echo "BEGIN boot.json"
cat /run/preroot/boot.json
echo "END boot.json $?"
findmnt -n -o TARGET,SOURCE,FSTYPE,OPTIONS / | sed 's/^/root=/'
echo "verdict=ok"
"""

REPORT_SYSTEMD_END = "exec systemctl poweroff\n"
REPORT_SYSVINIT = "exec /sbin/poweroff\n"

# "simple", since it waits for the end of the start, which must not wait for it.
REPORT_UNIT = """\
[Unit]
Description=Report the state of the system
After=multi-user.target

[Service]
Type=simple
ExecStart=/usr/local/sbin/report

[Install]
WantedBy=multi-user.target
"""


def static_program(name):
    """Compiles tests/boot/NAME.c if needed; its path."""
    program, source = BUILD / "boot" / name, SOURCES / f"{name}.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        new = program.with_name(f"{name}.{os.getpid()}")  # other processes may compile it at the same time
        run(["gcc", "-std=gnu17", "-O2", "-static", *WARNINGS, "-o", new, source])
        new.rename(program)
    return program


def payload():
    """Compiles the payload if needed; its path."""
    return static_program("payload")


def create_with_features(tree, system, features):
    """A copy of the root SYSTEM at TREE with drop-in FEATURES: texts by the name of their file.

    Each program below /usr/libexec that they name is the hook.
    """
    tree = Path(tree)
    link_tree(system, tree)
    for name, text in features.items():
        path = tree / "etc/preroot/features.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for program in re.findall(r"/usr/libexec/[\w-]+", text):
            _install(static_program("hook"), tree, program)


def add_shell(tree, password, sealed=False):
    """Gives the root TREE the programs of a rescue shell, and root's PASSWORD; "" locks it.

    With SEALED, the machine has a disk whose key is in a TPM.
    """
    tree = Path(tree)
    for program in ("/usr/bin/busybox", "/usr/sbin/sulogin"):
        for path in (program, *_libraries(program)):
            _install(path, tree, os.path.realpath(path) if path == program else path)
    done = run(["openssl", "passwd", "-6", "-salt", "preroot", password]) if password else None
    folder = tree / "etc"
    folder.mkdir(exist_ok=True)
    (folder / "shadow").write_text(f"root:{done.stdout.strip() if done else '*'}:19000:0:99999:7:::\n")
    if sealed:
        (folder / "crypttab").write_text("data UUID=0 none luks,tpm2-device=auto\n")


def create(tree, preroot=None):
    """A new root at TREE with the payload as its init; with PREROOT and its libraries if given."""
    tree = Path(tree)
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("dev", "etc", "proc", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64",
                 "usr/sbin", "var"):
        (tree / name).mkdir(parents=True)
    for name in ("bin", "lib", "lib64", "sbin"):
        (tree / name).symlink_to(f"usr/{name}")
    (tree / "etc/os-release").write_text('ID=payload\nNAME="Payload"\n')
    (tree / "etc/fstab").touch()
    for path in ("/sbin/init", OTHER_INIT):
        _install(payload(), tree, path)
    if preroot:
        install(preroot, tree, "/usr/bin/preroot")


def spoil_init(tree):
    """Gives the root TREE an init for another architecture, and one without its interpreter."""
    program = bytearray(Path(payload()).read_bytes())
    program[18:20] = (22).to_bytes(2, "little")  # e_machine: s390
    init = Path(tree) / "sbin/init"
    init.unlink()
    init.write_bytes(program)
    init.chmod(0o755)
    script = Path(tree) / "etc/init"
    script.write_text("#!/nowhere/sh\n")
    script.chmod(0o755)


def install(program, tree, path):
    """Copies PROGRAM to PATH in TREE, with its libraries."""
    for library in _libraries(program):
        _install(library, tree, library)
    _install(program, tree, path)


def _install(source, tree, path):
    target = tree / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _libraries(program):
    """The paths of PROGRAM's shared libraries and interpreter; none if it is static."""
    return re.findall(r"(/\S+) \(0x", run(["ldd", program], check=False).stdout)


def create_debian(tree, label):
    """One of DEBIANS at TREE, made once. It reports its state and powers off.

    LABEL is the file system's, for its fstab.
    """
    tree = Path(tree)
    suite, packages = DEBIANS[tree.name]
    make_root(suite, packages, tree)
    (tree / "etc/fstab").write_text(f"LABEL={label} / ext4 rw,relatime 0 0\n")
    script = tree / "usr/local/sbin/report"
    if "sysvinit-core" in packages:
        script.write_text(REPORT_HEAD + REPORT_COMMON + REPORT_SYSVINIT)
        inittab = tree / "etc/inittab"
        kept = [line for line in inittab.read_text().splitlines() if not line.startswith("rp:")]
        inittab.write_text("\n".join([*kept, "rp:2:once:/usr/local/sbin/report", ""]))
    else:
        script.write_text(REPORT_HEAD + REPORT_SYSTEMD + REPORT_COMMON + REPORT_SYSTEMD_END)
        _install_unit(tree)
        if tree.name == FIRST_START:
            _set_machine_id(tree, "uninitialized")
        else:
            settle_systemd(tree)
    script.chmod(0o755)


def settle_systemd(tree):
    """Spares systemd in TREE its first start, with its indexes of libraries, users and messages, and
    the units in MASKED."""
    units = tree / "etc/systemd/system"
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    _set_machine_id(tree, MACHINE_ID)
    for folder in ("etc", "var"):
        (tree / folder / ".updated").touch()


def _set_machine_id(tree, value):
    file = tree / "etc/machine-id"
    file.unlink(missing_ok=True)  # a hard link to another tree's
    file.write_text(value + "\n")


def _install_unit(tree):
    unit = tree / "etc/systemd/system/report.service"
    unit.write_text(REPORT_UNIT)
    wanted = tree / "etc/systemd/system/multi-user.target.wants/report.service"
    if not wanted.is_symlink():
        wanted.symlink_to("../report.service")
