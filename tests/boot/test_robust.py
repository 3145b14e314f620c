# SPDX-License-Identifier: LGPL-2.1-or-later
"""PID 1 on slow, large, small and broken machines, with absurd parameters, and under sanitizers."""

import shutil
import subprocess

import pytest

from lib import BUILD, disk, files, image, kernels, qemu, rootfs
from lib.command import run

# Runs before PID 1, since the address sanitizer needs /proc at its start.
BEFORE = r"""
#include <sys/mount.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0);
	argv[0] = "/init";
	return argc ? execv("/init", argv) : 1;
}
"""
# An init that does not feed the watchdog.
SLEEPS = "#include <unistd.h>\nint main(void) { sleep(1000); return 0; }\n"
LUKS_UUID = "7d3f4a52-0f1e-4c55-8c3e-5a3b1f0d9e77"
GENERIC = ("generic",)
LITTLE = 160  # MiB, for a generic image


class Lab:
    """Odd disks, images and boots."""

    def __init__(self, folder):
        self.folder, self.images = folder, {}
        self.kernel = kernels.of_suite("bookworm")
        self.tree = folder / "tree"
        rootfs.create(self.tree, image.PROGRAM)
        self.static(SLEEPS, self.tree / "sbin/sleeps")
        self.root = disk.create_gpt(folder / "root.disk", self.tree)

    def static(self, source, out):
        """A static program."""
        path = self.folder / "program.c"
        path.write_text(source)
        subprocess.run(["cc", "-static", "-o", out, path], check=True)

    def sanitized(self, kind):
        """A folder with preroot and PID 1 under the sanitizer KIND: undefined or address."""
        target = f"tests/boot/preroot-init-{kind}"
        run(["ninja", "-C", BUILD, target])
        folder = self.folder / kind
        folder.mkdir(exist_ok=True)
        shutil.copy2(image.PROGRAM, folder / "preroot")
        shutil.copy2(BUILD / target, folder / "preroot-init")
        return folder

    def image(self, name, system=None, program=None, options=GENERIC):
        """The image NAME, made once, by PROGRAM for the kernel of SYSTEM."""
        out = self.folder / f"{name}.img"
        if not out.exists():
            system = system or self.kernel
            run([program or image.PROGRAM, "build", out, system.version, "--root", system.root,
                 *(f"--{word}" if word in ("generic", "hostonly") else word for word in options),
                 "--no-cache"])
        return out

    def hostonly(self, name="hostonly", program=None):
        """An image for a machine with only a virtio disk, from that machine's own description."""
        facts = self.folder / "hardware.json"
        if not facts.exists():
            boot = self.boot("hardware", self.image("generic"), "payload.run=hardware")
            text, status = boot.section("hardware")
            assert status == 0, boot.explain()
            facts.write_text(text)
        return self.image(name, program=program,
                          options=("hostonly", "--hostonly-mode", "strict", "--hardware", facts))

    def watched(self, name, append="", **machine):
        """A boot with a watchdog that resets the machine, and a root on SCSI."""
        return self.boot(name, self.image("generic"), f"rd.watchdog=10 {append}",
                         disks=[("virtio-scsi", self.root.path)],
                         extra=("-device", "i6300esb", "-action", "watchdog=reset"), **machine)

    def boot(self, name, initrd, append="", root=None, kernel=None, **machine):
        root = root or self.root
        machine.setdefault("disks", [("virtio-blk", root.path)])
        words = append if "root=" in append else f"root=UUID={root.uuid} {append}"
        return qemu.boot(qemu.Machine((kernel or self.kernel).image, initrd, words, **machine),
                         self.folder / name)

    def tree_without(self, *folders):
        """A copy of the root's tree without some of its folders."""
        tree = self.folder / "-".join(("without", *folders))
        shutil.copytree(self.tree, tree, symlinks=True)
        for name in folders:
            shutil.rmtree(tree / name)
        return tree


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(tmp_path_factory.mktemp("robust"))


def reaches_root(boot):
    assert boot.ending == "poweroff" and boot.value("verdict") == "ok", boot.explain()


def explains(boot, *texts, title="the root filesystem cannot be reached"):
    """There is one account with TEXTS in it, and then a reboot, without a kernel panic."""
    assert boot.ending == "reboot", boot.explain()
    assert boot.console.count(f"preroot: {title}") == 1, boot.explain()
    for text in texts:
        assert text in boot.console, f"the console does not say {text}\n{boot.explain()}"
    healthy(boot)


def healthy(boot):
    """Neither PID 1 nor a worker has died."""
    for text in ("Kernel panic", "the process that did it died", "Sanitizer", "runtime error",
                 "invalid opcode"):
        assert text not in boot.console, f"the console says {text}\n{boot.explain()}"


def luks(folder):
    """A disk with a LUKS 1 header: magic, version, and the UUID at byte 168."""
    path = folder / "luks.disk"
    with open(path, "wb") as file:
        file.write((b"LUKS\xba\xbe\0\1aes").ljust(168, b"\0") + LUKS_UUID.encode())
        file.truncate(32 << 20)
    return path


def silent(number, lun, bus="scsi.0", latency=0):
    """A disk of zeros that takes that many nanoseconds to read."""
    return ("-blockdev", f"null-co,node-name=silent{number},size=8388608,read-zeroes=on,"
            f"latency-ns={latency}",
            "-device", f"scsi-hd,drive=silent{number},bus={bus},lun={lun}")


def test_a_watchdog_is_fed_while_a_disk_is_slow(lab):
    """The disk appears after more than twice the watchdog's timeout."""
    boot = lab.watched("watchdog", plug_after=36)
    reaches_root(boot)
    assert "feeding /dev/watchdog0, which resets the machine after 10 seconds" in boot.console
    assert "/dev/watchdog0 is left running: the root's init has 10 seconds" in boot.console
    waits = [line for line in boot.console.splitlines() if "preroot: waiting for root=" in line]
    assert len(waits) >= 2, boot.explain()
    assert "for 177 more seconds (the default)" in waits[0], boot.explain()
    assert "for 167 more seconds (the default)" in waits[1], boot.explain()


def test_a_watchdog_is_left_running_for_the_roots_init(lab):
    boot = lab.watched("watchdog-left", "init=/sbin/sleeps")
    assert "/sbin/sleeps takes over" in boot.console, boot.explain()
    assert boot.ending == "reboot", boot.explain()


def test_two_hundred_disks(lab):
    """The root is the last of them; PID 1 itself does little work for each."""
    extra = [word for lun in range(1, 200) for word in silent(lun, lun)]
    # The guest's time is that of its instructions: that of the host depends on what else runs there.
    boot = lab.boot("many", lab.image("generic"), disks=[], icount="shift=1,sleep=off", extra=(
        "-device", "virtio-scsi-pci,id=scsi", *extra,
        "-drive", f"file={lab.root.path},id=root,if=none,format=raw,snapshot=on",
        "-device", "scsi-hd,drive=root,bus=scsi.0,lun=200"))
    reaches_root(boot)
    # Far less than the kernel's share; 60 ms for each disk would mean walking over all of them.
    assert int(boot.value("cpu_us")) < 200 * 10000, boot.explain()


def test_a_driver_that_hangs_is_not_waited_for(lab):
    """A virtio disk that does not give what is read holds up its driver and one worker, nothing
    else. It does give it once the payload has seen that: sync() and the power-off wait for drivers."""
    boot = lab.boot("hangs", lab.image("generic"), disks=[("nvme", lab.root.path)], extra=(
        "-drive", "if=none,id=hangs,driver=null-co,size=8388608,read-zeroes=on,"
        "throttling.bps-total=1", "-device", "virtio-blk-pci,drive=hangs"),
        actions=(("payload: has reported", "block_set_io_throttle", {
            "device": "hangs", **dict.fromkeys(("bps", "bps_rd", "bps_wr", "iops", "iops_rd",
                                            "iops_wr"), 0)}),))
    assert boot.ending == "poweroff" and "payload: reached root" in boot.console, boot.explain()
    # The worker is still in the driver, and holds its memory.
    assert boot.values("fail")[0].startswith("process "), boot.explain()
    assert len(boot.values("fail")) == 2, boot.explain()


def test_disks_that_come_and_go(lab):
    """One is removed while it is read, another takes its place; the root appears last."""
    # The kernel writes the second when it has announced that the disk is gone, but still has the LUN.
    there, gone = "] Attached SCSI disk", "] Synchronizing SCSI cache"

    def plug(when, name, drive):
        return (when, "device_add", {"driver": "scsi-hd", "id": name, "drive": drive,
                                     "bus": "scsi.0", "lun": "abcd".index(name)})

    def pull(name):
        return (there, "device_del", {"id": name})
    boot = lab.boot("come-and-go", lab.image("generic"), disks=[], extra=(
        "-device", "virtio-scsi-pci,id=scsi",
        "-blockdev", "null-co,node-name=slow,size=8388608,read-zeroes=on,latency-ns=2000000000",
        "-blockdev", "null-co,node-name=empty,size=8388608,read-zeroes=on",
        "-blockdev", "null-co,node-name=void,size=8388608,read-zeroes=on",
        "-drive", f"file={lab.root.path},id=root,if=none,format=raw,snapshot=on"),
        actions=(plug("Virtio SCSI HBA", "a", "slow"), pull("a"), plug(gone, "b", "empty"), pull("b"),
                 plug(gone, "c", "void"), pull("c"), plug(gone, "d", "root")))
    assert boot.console.count(there) == 4, boot.explain()
    reaches_root(boot)
    healthy(boot)


def test_little_memory(lab):
    boot = lab.boot("memory", lab.hostonly(), memory=128)
    reaches_root(boot)
    healthy(boot)


def test_absurd_words_on_the_command_line(lab):
    """As long as the kernel allows, in little memory; PID 1 traps at undefined behaviour."""
    words = ["rd.timeout=", "root", "rd.timeout=x", "rootflags", "a.b=c", "rd.nonsense", "=", '""',
             "rd.driver.blacklist=,,,", "rootdelay=-1", "resume=", "panic=x", "init="]
    text = f"root=UUID=x root=UUID={lab.root.uuid} " + " ".join(
        words[n % len(words)] for n in range(180)) + " x.y=" + "z" * 200 + ' rd.q="never ends'
    assert 1900 < len(text) < 2047 - len(qemu.QUICK_ARGS)
    program = lab.sanitized("undefined") / "preroot"
    boot = lab.boot("absurd", lab.image("undefined", program=program), text, memory=LITTLE)
    assert boot.ending == "poweroff", boot.explain()
    assert "payload: reached root" in boot.console, boot.explain()
    healthy(boot)


def test_a_damaged_filesystem_is_explained(lab):
    """Flipped bytes in structures behind the superblock; PID 1 traps at undefined behaviour."""
    root = disk.create_gpt(lab.folder / "damaged.disk", lab.tree)
    with open(root.path, "r+b") as file:
        file.seek(disk.START + 2048)  # the descriptors of the groups
        file.write(b"\xa5" * 1024)
    program = lab.sanitized("undefined") / "preroot"
    boot = lab.boot("damaged", lab.hostonly("undefined-hostonly", program), "panic=2", root)
    explains(boot, "but: mounting /dev/vda1 as ext4",
             f"vda1           94 MiB  ext4 UUID={root.uuid}")


def test_under_the_address_sanitizer(lab):
    """No report on the way to the root, and none in the account of a failure."""
    folder = lab.sanitized("address")
    lab.static(BEFORE, folder / "before")
    tree = folder / "system"
    files.link_tree(lab.kernel.root, tree)
    rootfs.install(folder / "preroot-init", tree, "/usr/libexec/copy")
    rootfs.install(folder / "before", tree, "/usr/libexec/before")
    initrd = lab.image("address", kernels.Kernel(tree, lab.kernel.version), folder / "preroot",
                       ("generic", "--install", "/usr/libexec/copy /usr/libexec/before"))
    words = "rdinit=/usr/libexec/before"
    boot = lab.boot("address", initrd, words, memory=1024)
    reaches_root(boot)
    healthy(boot)
    boot = lab.boot("address-fails", initrd, f"{words} root=UUID={LUKS_UUID} panic=2",
                    disks=[("virtio-blk", lab.root.path), ("virtio-blk", luks(lab.folder))],
                    memory=1024)
    explains(boot, "vdb is crypto_LUKS, and this image has no feature for that", lab.root.uuid)


def test_a_root_without_folders_is_explained(lab):
    root = disk.create_gpt(lab.folder / "bare.disk", lab.tree_without("run", "dev"))
    boot = lab.boot("bare", lab.hostonly(), "ro panic=2", root)
    explains(boot, "the root filesystem has no folder /dev, and it cannot be made (Read-only",
             title="the boot cannot go on")


def test_an_image_for_another_kernel_is_explained(lab):
    other = kernels.of_suite("trixie")
    boot = lab.boot("other", lab.image("generic"), "rd.timeout=15 panic=2", kernel=other)
    explains(boot, f"this image is for kernel {lab.kernel.version}, "
             f"but kernel {other.version} runs: its modules cannot load",
             f"try: the entry of kernel {lab.kernel.version} in the boot menu")
    assert "Exec format error" not in boot.console.split("cannot be reached")[-1], boot.explain()
    assert "more drivers" not in boot.console, boot.explain()
