# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots a kernel and an initramfs in QEMU's software emulation and tells what came of it.

The first serial port is the guest's console, the second one (ttyS1) its report: lines `key=value`,
and sections between `BEGIN name` and `END name STATUS`. Both are kept as files beside each other.
"""

import contextlib
import json
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from .command import Failure, environment

# The devices that a disk takes, itself last; {drive} is QEMU's name for it. A new bus is one row.
BUSES = {
    "virtio-blk": ["virtio-blk-pci,drive={drive}"],
    "virtio-scsi": ["virtio-scsi-pci,id=scsi-{drive}", "scsi-hd,drive={drive},bus=scsi-{drive}.0"],
    "nvme": ["nvme,drive={drive},serial={drive}"],
    "ahci": ["ich9-ahci,id=ahci-{drive}", "ide-hd,drive={drive},bus=ahci-{drive}.0"],
    "usb-storage": ["qemu-xhci,id=usb-{drive}", "usb-storage,drive={drive},bus=usb-{drive}.0"],
}

CONSOLE_ARGS = "console=ttyS0"
# Who asks for a password throws away what was typed before; nothing shows when it listens.
TYPING_DELAY = 1


@dataclass
class Machine:
    """What to boot, and on what. DISKS is a list of (bus, file); guests never change the files.

    With PLUG_AFTER, the last disk is plugged in only so many seconds after the start; its bus must
    have a controller that is there from the start.

    SCRIPT is typed at the console: pairs of a text to wait for and what to send then.
    """

    kernel: Path
    initrd: Path
    append: str
    disks: list
    memory: int = 512
    cpus: int = 1
    cpu: str = "max"
    plug_after: float = 0
    icount: str = ""
    script: tuple = ()
    timeout: float = 180


@dataclass
class Boot:
    """How a boot ended (poweroff, reboot, timeout, or QEMU's own end) and what the guest said."""

    ending: str
    seconds: float
    console: str
    report: list = field(default_factory=list)

    def values(self, key):
        """The values of all report lines KEY=value."""
        return [line[len(key) + 1:] for line in self.report if line.startswith(key + "=")]

    def value(self, key):
        """The value of the report line KEY=value, or None."""
        return next(iter(self.values(key)), None)

    def section(self, name):
        """The text and the exit status of the report's section NAME; raises Failure without it."""
        begin, end = f"BEGIN {name}", f"END {name} "
        try:
            first = self.report.index(begin)
            last = next(i for i in range(first, len(self.report)) if self.report[i].startswith(end))
        except (ValueError, StopIteration):
            raise Failure(f"the guest reported no section {name}\n{self.explain()}") from None
        return "\n".join(self.report[first + 1:last]) + "\n", int(self.report[last][len(end):])

    def explain(self):
        """For a failed test: the ending, the report and the last lines of the console."""
        tail = self.console.splitlines()[-60:]
        return "\n".join([f"ended by {self.ending} after {self.seconds:.1f} s", "--- report",
                          *self.report, "--- end of the console", *tail])


def command_line(machine, console, report, typist=None):
    """QEMU's command line for MACHINE, its serial ports going to the two files.

    With TYPIST, a path, the console also is a socket there.
    """
    serial = f"file:{console}"
    if typist:
        serial = "chardev:typist"
    words = ["qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", machine.cpu,
             "-m", str(machine.memory), "-smp", str(machine.cpus),
             "-nodefaults", "-display", "none", "-no-reboot", "-qmp", "stdio",
             "-serial", serial, "-serial", f"file:{report}",
             "-kernel", str(machine.kernel), "-initrd", str(machine.initrd),
             "-append", f"{CONSOLE_ARGS} {machine.append}"]
    if typist:
        words += ["-chardev", f"socket,id=typist,path={typist},server=on,wait=on,logfile={console}"]
    if machine.icount:
        words += ["-icount", machine.icount]
    for number, (_, path) in enumerate(machine.disks):
        words += ["-drive", f"file={path},id=disk{number},if=none,format=raw,snapshot=on"]
    devices = _devices(machine)
    for device in devices[:-1] if machine.plug_after else devices:
        words += ["-device", device]
    return words


def _devices(machine):
    return [device.format(drive=f"disk{number}")
            for number, (bus, _) in enumerate(machine.disks) for device in BUSES[bus]]


def boot(machine, folder):
    """Runs MACHINE to its end; console, report and QEMU's own words are kept in FOLDER."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    console, report, log = (folder / name for name in ("console", "report", "qemu.log"))
    started = time.monotonic()
    with open(log, "wb") as errors, _typist(machine) as typist:
        try:
            process = subprocess.Popen(command_line(machine, console, report, typist),
                                       env=environment(),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        except FileNotFoundError as error:
            raise Failure("qemu-system-x86_64: not found; tools/setup run installs it") from error
        with process:
            ending = _watch(process, machine)
    if ending.startswith("QEMU"):
        ending += ": " + _text(log).strip()
    return Boot(ending, time.monotonic() - started, _text(console), _text(report).splitlines())


@contextlib.contextmanager
def _typist(machine):
    """The path of a socket whose other end types MACHINE's script; None without one."""
    if not machine.script:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "console"
        thread = threading.Thread(target=_type, args=(path, machine), daemon=True)
        thread.start()
        yield path
        thread.join()


def _type(path, machine):
    """Types the script until it or the guest ends, then only listens: QEMU must not be held up."""
    console = _connect(path, time.monotonic() + machine.timeout)
    if not console:
        return
    script, seen = list(machine.script), b""
    with console, contextlib.suppress(OSError):
        while data := console.recv(4096):
            seen += data
            while script and (at := seen.find(script[0][0].encode())) >= 0:
                wanted, keys = script.pop(0)
                seen = seen[at + len(wanted.encode()):]
                time.sleep(TYPING_DELAY)
                console.sendall(keys.encode())


def _connect(path, deadline):
    """QEMU opens its socket some time after its start; None when it never does."""
    while time.monotonic() < deadline:
        console = socket.socket(socket.AF_UNIX)
        try:
            console.connect(str(path))
            return console
        except OSError:
            console.close()
            time.sleep(0.1)
    return None


def _watch(process, machine):
    """Waits for QEMU's end. It says over QMP whether the guest went down or wanted to reboot."""
    deadline = time.monotonic() + machine.timeout
    try:
        _tell(process, "qmp_capabilities")
        if machine.plug_after:
            _plug(process, machine)
        process.wait(deadline - time.monotonic())
    except BrokenPipeError:
        process.wait()
    except subprocess.TimeoutExpired:
        process.kill()
        return "timeout"
    endings = {"guest-shutdown": "poweroff", "guest-reset": "reboot"}
    for line in process.stdout:
        event = json.loads(line)
        if event.get("event") == "SHUTDOWN":
            reason = event["data"]["reason"]
            return endings.get(reason, reason)
    return f"QEMU's exit status {process.returncode}"


def _tell(process, command, **arguments):
    line = json.dumps({"execute": command, "arguments": arguments})
    process.stdin.write(line.encode() + b"\n")
    process.stdin.flush()


def _plug(process, machine):
    """Plugs in the last disk when its time has come, unless the guest ends before."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(machine.plug_after)
        return
    driver, *properties = _devices(machine)[-1].split(",")
    _tell(process, "device_add", driver=driver, **dict(word.split("=") for word in properties))


def _text(path):
    return path.read_text(errors="replace").replace("\r\n", "\n") if path.exists() else ""
