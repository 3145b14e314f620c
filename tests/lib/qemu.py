# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boots a kernel and an initramfs in QEMU's software emulation and reports the result.

The first serial port is the guest's console, the second one (ttyS1) its report: lines `key=value`,
and sections between `BEGIN name` and `END name STATUS`. Both are kept as files.
"""

import contextlib
import json
import queue
import re
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import kernels
from .command import Failure, environment

# Without PCI: the disks are on virtio-mmio, found through ACPI.
MICROVM = "microvm,acpi=on"
# Its only timer is measured against the processor's clock: on a busy host one of the two stands still for
# too long, and the kernel gives up. So its time is that of the instructions.
MICROVM_ICOUNT = "shift=1,sleep=off"
DRIVE = ("-drive", "file={path},id={drive},if=none,format=raw{flags}")
MEMORY = ("-object", "memory-backend-file,id={drive},share=off,mem-path={path},size={size}")


@dataclass(frozen=True)
class Bus:
    """A kind of bus: its devices for QEMU, the disk last; {drive} is QEMU's name of the disk.

    NAME is the whole disk's device in the guest.
    """

    name: str
    devices: tuple
    machine: str = "q35"
    backend: tuple = DRIVE        # QEMU's options for the file
    memory: str = ""              # further options of the guest's memory
    is_rom: bool = False          # whole disks that are read-only, with their own sector size


def scsi(adapter, bus="scsi-{drive}.0", disk="scsi-hd"):
    """A SCSI disk on ADAPTER."""
    return (f"{adapter},id=scsi-{{drive}}", f"{disk},drive={{drive}},bus={bus}")


def usb(controller, *disk, bus="usb-{drive}.0"):
    """DISK on a USB CONTROLLER."""
    disk = disk or (f"usb-storage,drive={{drive}},bus={bus}",)
    return (f"{controller},id=usb-{{drive}}", *disk)


# A new bus is one row.
BUSES = {
    "virtio-blk": Bus("vda", ("virtio-blk-pci,drive={drive}",)),
    "virtio-blk-legacy": Bus("vda", ("virtio-blk-pci,drive={drive},disable-modern=on,"
                                     "disable-legacy=off",)),
    "virtio-mmio": Bus("vda", ("virtio-blk-device,drive={drive}",), MICROVM),
    "virtio-scsi": Bus("sda", scsi("virtio-scsi-pci")),
    "virtio-scsi-mmio": Bus("sda", scsi("virtio-scsi-device"), MICROVM),
    "virtio-pmem": Bus("pmem0", ("virtio-pmem-pci,memdev={drive}",), backend=MEMORY,
                       memory=",maxmem=4G"),
    "nvdimm": Bus("pmem0", ("nvdimm,memdev={drive},unarmed=off",), "q35,nvdimm=on", MEMORY,
                  ",slots=1,maxmem=4G"),
    "nvme": Bus("nvme0n1", ("nvme,drive={drive},serial={drive}",)),
    "nvme-subsystem": Bus("nvme0n1", (
        "nvme-subsys,id=subsys-{drive}", "nvme,serial={drive},subsys=subsys-{drive}",
        "nvme-ns,drive={drive}")),
    "ahci": Bus("sda", ("ich9-ahci,id=ahci-{drive}", "ide-hd,drive={drive},bus=ahci-{drive}.0")),
    "ide": Bus("sda", ("ide-hd,drive={drive},bus=ide.0",), "pc"),
    "ide-piix3": Bus("sda", ("piix3-ide,id=ide-{drive}", "ide-hd,drive={drive},bus=ide-{drive}.0")),
    "ide-piix4": Bus("sda", ("piix4-ide,id=ide-{drive}", "ide-hd,drive={drive},bus=ide-{drive}.0")),
    "lsi53c810": Bus("sda", scsi("lsi53c810")),
    "lsi53c895a": Bus("sda", scsi("lsi53c895a")),
    "megasas": Bus("sda", scsi("megasas")),
    "megasas-gen2": Bus("sda", scsi("megasas-gen2")),
    # The driver needs a SAS address for each disk.
    "mptsas1068": Bus("sda", scsi("mptsas1068", disk="scsi-hd,wwn=0x5000c500aabbcc01")),
    "pvscsi": Bus("sda", scsi("pvscsi")),
    "am53c974": Bus("sda", scsi("am53c974")),
    "dc390": Bus("sda", scsi("dc390")),
    "usb-storage": Bus("sda", usb("qemu-xhci")),
    "usb-xhci-nec": Bus("sda", usb("nec-usb-xhci")),
    "usb-ehci": Bus("sda", usb("usb-ehci")),
    "usb-ehci-ich9": Bus("sda", usb("ich9-usb-ehci1")),
    "usb-uhci": Bus("sda", usb("piix3-usb-uhci")),
    "usb-uhci-ich9": Bus("sda", usb("ich9-usb-uhci1")),
    "usb-ohci": Bus("sda", usb("pci-ohci")),
    "usb-hub": Bus("sda", usb("qemu-xhci", "usb-hub,bus=usb-{drive}.0,port=1",
                              "usb-storage,drive={drive},bus=usb-{drive}.0,port=1.2")),
    "usb-uas": Bus("sda", usb("qemu-xhci", "usb-uas,id=uas-{drive},bus=usb-{drive}.0",
                              "scsi-hd,drive={drive},bus=uas-{drive}.0")),
    "usb-bot": Bus("sda", usb("qemu-xhci", "usb-bot,id=bot-{drive},bus=usb-{drive}.0",
                              "scsi-hd,drive={drive},bus=bot-{drive}.0")),
    "sdhci": Bus("mmcblk0", ("sdhci-pci,id=sd-{drive}", "sd-card,drive={drive}")),
    "pci-bridges": Bus("vda", (
        "pcie-root-port,id=port-{drive}", "pcie-pci-bridge,id=pci-{drive},bus=port-{drive}",
        "pci-bridge,id=far-{drive},bus=pci-{drive},chassis_nr=2,addr=1",
        "virtio-blk-pci,drive={drive},bus=far-{drive},addr=2")),
    "cd-ahci": Bus("sr0", ("ich9-ahci,id=ahci-{drive}", "ide-cd,drive={drive},bus=ahci-{drive}.0"),
                   is_rom=True),
    "cd-ide": Bus("sr0", ("ide-cd,drive={drive},bus=ide.0",), "pc", is_rom=True),
    "cd-scsi": Bus("sr0", scsi("virtio-scsi-pci", disk="scsi-cd"), is_rom=True),
    "cd-usb": Bus("sr0", usb("qemu-xhci", "usb-bot,id=bot-{drive},bus=usb-{drive}.0",
                             "scsi-cd,drive={drive},bus=bot-{drive}.0"), is_rom=True),
}


def device_of(bus, partition):
    """The name in /dev of PARTITION (0 for the whole disk) of the only disk, on BUS."""
    name = BUSES[bus].name
    mark = "p" if name[-1].isdigit() else ""
    return f"/dev/{name}{mark}{partition}" if partition else f"/dev/{name}"


# Under load an emulated timer may fail the kernel's check, which panics.
CONSOLE_ARGS = "console=ttyS0 no_timer_check"
# The kernel's cryptographic self-tests take a quarter of a boot; its search for writable code, and the
# rewriting of all its locks where there is one processor, a twelfth each.
QUICK_ARGS = f"{CONSOLE_ARGS} cryptomgr.notests rodata=off noreplace-smp"
FIRMWARE = Path("/usr/share/OVMF")
# A program that asks for a password discards earlier input, and nothing shows when it reads; but then
# the guest is idle. Its processors must be asleep this many times in a row.
ASLEEP_TIMES, ASLEEP_PAUSE = 10, 0.05


@dataclass
class Machine:
    """What to boot, and how. DISKS is a list of (bus, file); guests change the files only with KEEP.

    SECTOR is the size of the disks' logical sectors; READONLY disks are write-protected.

    With PLUG_AFTER, the last disk is plugged in that many seconds after the start; its bus must have
    a controller from the start.

    SCRIPT is typed at the console: pairs of a text to wait for and the answer.

    CPU is one of those that QEMU emulates fastest: the kernel does not use page tables of five levels
    nor test its ways to use AVX, as with "max".

    QUICK starts the unpacked kernel, without its self-tests, in half the time. Not for measurements,
    and not for tests of the kernel's own first steps.

    Without a KERNEL, a boot loader on one of the disks starts the machine, and INITRD and APPEND are
    not used. With FIRMWARE, a file with the variables of a UEFI firmware, which changes them, that
    firmware starts the machine.
    """

    kernel: Path | None
    initrd: Path | None
    append: str
    disks: list
    sector: int = 512
    readonly: bool = False
    memory: int = 512
    cpus: int = 1
    cpu: str = "qemu64,+rdrand"
    plug_after: float = 0
    icount: str = ""
    keep: bool = False
    quick: bool = True
    script: tuple = ()
    firmware: Path | None = None
    timeout: float = 600  # only for a boot that hangs
    extra: tuple = ()    # further options for QEMU
    # Commands for QEMU while it runs: (text, command, arguments), in order. Each is sent when the
    # console shows its text, after that of the command before.
    actions: tuple = ()


@dataclass
class Boot:
    """How a boot ended (poweroff, reboot, timeout, or QEMU's own end) and the guest's output."""

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

    With TYPIST, a path, the console is also a socket there.
    """
    buses = [BUSES[bus] for bus, _ in machine.disks]
    kinds = {bus.machine for bus in buses} - {"q35"} or {"q35"}
    serial = "chardev:typist" if typist else f"file:{console}"
    words = ["qemu-system-x86_64", "-machine", *kinds, "-accel", "tcg", "-cpu", machine.cpu,
             "-m", str(machine.memory) + "".join({bus.memory for bus in buses}),
             "-smp", str(machine.cpus),
             "-name", "guest,debug-threads=on",  # which names the threads of its processors
             "-nodefaults", "-display", "none", "-no-reboot", "-qmp", "stdio",
             *_serial_ports(kinds, serial, report), *_kernel_words(machine)]
    if typist:
        words += ["-chardev", f"socket,id=typist,path={typist},server=on,wait=on,logfile={console}"]
    icount = machine.icount or (MICROVM_ICOUNT if MICROVM in kinds else "")
    if icount:
        words += ["-icount", icount]
    for number, (bus, (_, path)) in enumerate(zip(buses, machine.disks)):
        flags = "" if machine.keep else ",snapshot=on"
        flags += ",readonly=on" if machine.readonly or bus.is_rom else ""
        words += [word.format(drive=f"disk{number}", path=path, flags=flags,
                              size=Path(str(path).split(",", maxsplit=1)[0]).stat().st_size)
                  for word in bus.backend]
    devices = _devices(machine)
    for device in devices[:-1] if machine.plug_after else devices:
        words += ["-device", device]
    return [*words, *machine.extra]


def _kernel_words(machine):
    words = []
    if machine.firmware:
        code = FIRMWARE / "OVMF_CODE_4M.fd"
        words += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
                  "-drive", f"if=pflash,unit=1,format=raw,file={machine.firmware}"]
    if machine.kernel:
        kernel = kernels.unpacked(machine.kernel) if machine.quick else machine.kernel
        args = QUICK_ARGS if machine.quick else CONSOLE_ARGS
        words += ["-kernel", str(kernel), "-initrd", str(machine.initrd),
                  "-append", f"{args} {machine.append}"]
    return words


def _serial_ports(kinds, serial, report):
    """A microvm has only one built in."""
    if MICROVM in kinds:
        return ["-serial", serial, "-chardev", f"file,id=report,path={report}",
                "-device", "isa-serial,index=1,chardev=report"]
    return ["-serial", serial, "-serial", f"file:{report}"]


def _devices(machine):
    sizes = ("" if machine.sector == 512 else
             f",logical_block_size={machine.sector},physical_block_size={machine.sector}")
    devices = []
    for number, (bus, _) in enumerate(machine.disks):
        *before, disk = (word.format(drive=f"disk{number}") for word in BUSES[bus].devices)
        devices += [*before, disk + sizes]
    return devices


def boot(machine, folder):
    """Runs MACHINE to its end. Console, report and QEMU's own output are kept in FOLDER."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    console, report, log = (folder / name for name in ("console", "report", "qemu.log"))
    started = time.monotonic()
    with open(log, "wb") as errors, _typist(machine) as (typist, started_as):
        try:
            process = subprocess.Popen(command_line(machine, console, report, typist),
                                       env=environment(),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        except FileNotFoundError as error:
            raise Failure("qemu-system-x86_64: not found; tools/setup run installs it") from error
        started_as.put(process.pid)
        with process:
            ending = _watch(process, machine, console)
    if ending.startswith("QEMU"):
        ending += ": " + _text(log).strip()
    return Boot(ending, time.monotonic() - started, _unwrap(_text(console)), _text(report).splitlines())


@contextlib.contextmanager
def _typist(machine):
    """The path of a socket whose other end types MACHINE's script, or None; and a place for QEMU's
    process."""
    pid = queue.Queue()
    if not machine.script:
        yield None, pid
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "console"
        thread = threading.Thread(target=_type, args=(path, machine, pid), daemon=True)
        thread.start()
        yield path, pid
        thread.join()


def _type(path, machine, started_as):
    """Types the script until it or the guest ends, then keeps reading, so that QEMU does not block."""
    console = _connect(path, time.monotonic() + machine.timeout)
    if not console:
        return
    pid, script, seen = started_as.get(), list(machine.script), b""
    with console, contextlib.suppress(OSError):
        while data := console.recv(4096):
            seen += data
            while script and (at := seen.find(script[0][0].encode())) >= 0:
                wanted, keys = script.pop(0)
                seen = seen[at + len(wanted.encode()):] + _wait_asleep(pid, console)
                console.sendall(keys.encode())


def _wait_asleep(pid, console):
    """Waits until the guest of QEMU's process PID is idle or has ended. What it prints meanwhile: the
    socket holds a few hundred bytes, and a guest that cannot print is never idle."""
    times, seen = 0, b""
    while times < ASLEEP_TIMES:
        time.sleep(ASLEEP_PAUSE)
        with contextlib.suppress(BlockingIOError):
            seen += console.recv(65536, socket.MSG_DONTWAIT)
        states = list(_processor_states(pid))
        times = times + 1 if all(state == "S" for state in states) else 0
    return seen


def _processor_states(pid):
    """The state of each thread that is a processor of the guest: S if it sleeps."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            _, name, rest = re.split(r"[()]", (task / "stat").read_text(encoding="utf-8"), maxsplit=2)
            if "CPU" in name:
                yield rest.split()[0]


def _connect(path, deadline):
    """QEMU opens its socket some time after its start. None if it never does."""
    while time.monotonic() < deadline:
        console = socket.socket(socket.AF_UNIX)
        try:
            console.connect(str(path))
            return console
        except OSError:
            console.close()
            time.sleep(0.1)
    return None


def _watch(process, machine, console):
    """Waits for QEMU's end. QMP reports whether the guest powered off or rebooted."""
    deadline = time.monotonic() + machine.timeout
    try:
        _tell(process, "qmp_capabilities")
        if machine.plug_after:
            _plug(process, machine)
        _act(process, machine.actions, console, deadline)
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
    """Plugs in the last disk when it is time, unless the guest ends first."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(machine.plug_after)
        return
    driver, *properties = _devices(machine)[-1].split(",")
    _tell(process, "device_add", driver=driver, **dict(word.split("=") for word in properties))


def _act(process, actions, console, deadline):
    """Sends each of ACTIONS to QEMU when the console shows its text, unless the guest ends first."""
    seen = 0
    for text, command, arguments in actions:
        while (at := _text(console).find(text, seen)) < 0:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
                return
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(process.args, 0)
        seen = at + len(text)
        _tell(process, command, **arguments)


def _text(path):
    return path.read_text(errors="replace").replace("\r\n", "\n") if path.exists() else ""


def _unwrap(text):
    """TEXT with the lines joined that PID 1 wrapped at the width of the terminal."""
    return re.sub(r"^preroot: .*(?:\n+ {16}.*)+",
                  lambda line: re.sub(r"(\\?)\n+ {16}", lambda end: "" if end[1] else " ", line[0]),
                  text, flags=re.MULTILINE)
