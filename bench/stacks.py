# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots on storage stacks: the images that each program makes for them, and how they boot.

The stacks are made in a guest by the tools of the same Debian tree that the programs run in. Each has a
machine, a copy of that tree, which is configured as an administrator would: with crypttab, mdadm.conf and
a key file that goes into the image. All programs get the same kernel parameters.
"""

import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from lib import filesystems, image, qemu, rootfs, roots
from lib.command import Failure, run
from lib.kernels import Kernel

import builds
import changes
import floor
import guest
import measure
import memory
import ours
import peers
from measure import FOLDER
from ours import shown

PLACE = FOLDER / "stacks"
KEY = "/etc/keys/root.key"
MIB = 1 << 20
DISK, CONTENT, MAKER = 64 * MIB, 32 * MIB, 1024 * MIB
ROOT = roots.Part("stack")  # the names of the filesystem, which is the same on all stacks
KINDS = ("generic", "strict")
_NAMES = uuid.UUID("0e1ad36f-2a64-4f55-90d1-4a7b9f6a52c3")


@dataclass(frozen=True)
class Layer:
    """What a layer of a stack takes: kernel parameters, dracut's module, drivers for those images whose
    program is told what the machine needs; and files of the machine."""

    words: str
    module: str
    drivers: tuple
    files: tuple = ()


# A passphrase would be slow to type, and a key derivation takes as long as one has chosen: the volume has
# a key file, with the least iterations that are allowed.
LAYERS = {
    "md": Layer("rd.md.uuid={md}", "mdraid", ("raid1",),
                (("/etc/mdadm/mdadm.conf", "ARRAY /dev/md/root metadata=1.2 UUID={md}\n"),)),
    "luks": Layer(f"rd.luks.uuid={{luks}} rd.luks.key={KEY}", "crypt",
                  ("dm_crypt", "xts", "ecb", "aes_generic", "sha256_generic", "algif_skcipher"),
                  (("/etc/crypttab", f"luks-{{luks}} UUID={{luks}} {KEY} luks,initramfs\n"),
                   ("/etc/cryptsetup-initramfs/conf-hook", f"KEYFILE_PATTERN={KEY}\n"),
                   ("/etc/initramfs-tools/conf.d/umask", "UMASK=0077\n"))),
    "lvm": Layer("rd.lvm.lv={vg}/root", "lvm", ("dm_mod",)),
}


@dataclass(frozen=True)
class Stack:
    """LAYERS, the lowest one first, on a number of DISKS."""

    name: str
    layers: tuple
    disks: int = 1

    @property
    def slug(self):
        return self.name.lower().replace(" ", "-")

    @property
    def paths(self):
        return [PLACE / f"{self.slug}-{number}.disk" for number in range(self.disks)]

    def filled(self, text):
        """TEXT with the names of this stack's parts."""
        luks, md = (uuid.uuid5(_NAMES, f"{self.slug}/{what}") for what in ("luks", "md"))
        return text.format(luks=luks, vg=f"vg-{self.slug}",
                           md=":".join(re.findall("." * 8, md.hex)))

    @property
    def append(self):
        words = [self.filled(LAYERS[layer].words) for layer in self.layers]
        return " ".join([f"root=UUID={ROOT.names.uuid}", *words, memory.GIVE_UP])

    @property
    def modules(self):
        return [LAYERS[layer].module for layer in self.layers]

    @property
    def drivers(self):
        return [driver for layer in self.layers for driver in LAYERS[layer].drivers]


STACKS = (Stack("MD1", ("md",), 2), Stack("LUKS2", ("luks",)), Stack("LVM", ("lvm",)),
          Stack("LUKS on LVM", ("lvm", "luks")), Stack("LVM on LUKS", ("luks", "lvm")))

# ---- making them ----

SCRIPT = f"""\
#!/bin/sh
exec >/dev/ttyS1 2>&1
export PATH=/usr/sbin:/usr/bin:/sbin:/bin MDADM_NO_UDEV=1 DM_DISABLE_UDEV=1
modprobe -a raid1 dm-mod dm-crypt algif_skcipher
disk() {{
	for path in /dev/vd?; do
		[ "$(head -c 64 $path | tr -d '\\0')" != "stack $1" ] || echo $path
	done
}}
# Each makes $device from its arguments: the name, and devices.
add_md() {{
	mdadm --create /dev/md/x --run --assume-clean --level=1 --metadata=1.2 --homehost=any --name=root \\
		--uuid=$1 --raid-devices=$(($# - 1)) $(shift; echo "$@")
	device=/dev/md/x
}}
end_md() {{ mdadm --stop /dev/md/x; }}
add_luks() {{
	cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid $1 \\
		--key-file {KEY} $2
	cryptsetup open --key-file {KEY} $2 x
	device=/dev/mapper/x
}}
end_luks() {{ cryptsetup close x; }}
add_lvm() {{
	vgcreate -y $1 $2
	lvcreate -y -Wn -l 100%FREE -n root $1
	device=$(ls /dev/mapper/*-root)
}}
end_lvm() {{ vgchange -an $1; }}
"""
CASE = """
make_{number}() (
	set -e
	device="$*"
	{add}
	dd if=/content of=$device bs=1M conv=fsync status=none
	{end}
	echo made={slug}
)
make_{number} {disks}
"""
END = "sync\necho o >/proc/sysrq-trigger\nsleep 100\n"
NAMES = {"md": "{md}", "luks": "{luks}", "lvm": "{vg}"}


def make(kernel, say):
    """The disks of all STACKS."""
    say(f"making {', '.join(stack.name for stack in STACKS)} in a guest")
    blank = [path for stack in STACKS for path in stack.paths]
    for path in blank:
        with open(path, "wb") as file:
            file.write(f"stack {path.stem}".encode())
            file.truncate(DISK)
    first = PLACE / "maker.img"
    image.build(first, kernel, "generic")
    disks = [_maker(kernel), *blank]
    done = qemu.boot(qemu.Machine(kernel.image, first, "root=LABEL=maker rw init=/make", keep=True,
                                  disks=[("virtio-blk", path) for path in disks]),
                     FOLDER / "boots/stacks-maker")
    made = done.values("made")
    if done.ending != "poweroff" or made != [stack.slug for stack in STACKS]:
        raise Failure(f"of the stacks these were made: {', '.join(made)}\n{done.explain()}")


def _maker(kernel):
    """A disk with the tools, what goes on the stacks, and what to do."""
    tree, path = machine("maker", kernel), PLACE / "maker.disk"
    content = PLACE / "root"
    rootfs.create(content, image.PROGRAM)
    _filesystem(tree / "content", content, ROOT, CONTENT)
    (tree / "make").write_text(SCRIPT + "".join(map(_case, range(len(STACKS)), STACKS)) + END)
    (tree / "make").chmod(0o755)
    return _filesystem(path, tree, roots.Part("maker"), MAKER)


def _filesystem(path, tree, part, size):
    with open(path, "wb") as file:
        file.truncate(size)
    filesystems.make("ext4", path, tree, part.names, roots.SECTOR)
    return path


def _case(number, stack):
    names = [(layer, stack.filled(NAMES[layer])) for layer in stack.layers]
    return CASE.format(
        number=number, slug=stack.slug,
        add="\n\t".join(f"add_{layer} {name} $device" for layer, name in names),
        end="\n\t".join(f"end_{layer} {name}" for layer, name in reversed(names)),
        disks=" ".join(f"$(disk {path.stem})" for path in stack.paths))


def machine(name, kernel, stack=None):
    """A Debian tree with KERNEL and the key, configured for STACK."""
    tree = changes.linked_tree(peers.STACKS.path, PLACE / name)
    for folder in ("boot", "lib/modules"):
        run(["cp", "-al", f"{kernel.root}/{folder}/.", tree / folder])
    files = {KEY: "k" * 64}
    if stack:
        files |= {path: stack.filled(text) for layer in stack.layers
                  for path, text in LAYERS[layer].files}
    for path, text in files.items():
        file = tree / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)  # a hard link to another tree's
        file.write_text(text)
        file.chmod(0o600)
    return tree


# ---- the images ----

def of_ours(stack, kernel):
    """A generic image is for all stacks; the strict one for the machine as its guest has described it."""
    def generic(_, out):
        return ours.PREROOT.generic(Kernel(PLACE / "any", kernel.version), out, "--install", KEY)

    def strict(_, out):
        return ours.PREROOT.hostonly(Kernel(PLACE / stack.slug, kernel.version), out, "strict",
                                     "--hardware", shown(hardware(stack)), "--install", KEY)

    here, empty = ours.Here(), ours.PREROOT.empty_cache
    return [builds.Image("preroot generic for all stacks", "preroot", "generic", here, generic, empty),
            builds.Image(f"preroot strict for {stack.name}", "preroot", "strict", here, strict, empty)]


def hardware(stack):
    return PLACE / f"{stack.slug}.json"


@dataclass(frozen=True)
class Place:
    """A tree to run in, as peers.Chroot wants it."""

    path: object


def of_others(stack, kernel):
    """initramfs-tools has the volumes to open in all of its images, so each is for one stack."""
    everywhere = peers.Chroot(kernel.root, Place(PLACE / "any"))
    own = peers.Chroot(kernel.root, Place(PLACE / stack.slug))

    def generic(target, out):
        return [*peers.dracut_generic(target, out), "--install", KEY]

    def strict(target, out):
        words = peers.dracut_strict(target, out)
        at = words.index("--add-drivers") + 1
        words[at] = " ".join([words[at], *stack.drivers])
        return [*words, "--add", " ".join(stack.modules), "--install", KEY]

    def dep(target, out):
        config = peers.configure_list(f"initramfs-{stack.slug}",
                                      [*peers.DEP_MODULES, *stack.drivers], own.tree)
        return ["mkinitramfs", "-d", config, "-o", out, target.version]

    return [builds.Image("dracut generic for all stacks", "dracut", "generic", everywhere, generic),
            builds.Image(f"dracut strict for {stack.name}", "dracut", "strict", own, strict),
            builds.Image(f"initramfs-tools most for {stack.name}", "initramfs-tools", "generic", own,
                         peers.initramfs_most),
            builds.Image(f"initramfs-tools dep for {stack.name}", "initramfs-tools", "strict", own, dep)]


# ---- measuring ----

# In which an image says why it does not get there: what is the cause comes first.
REASONS = [re.compile(words) for words in (
    "no feature for|not supported", "preroot: +but: ", "ALERT!|does not exist", "Could not boot",
    "Kernel panic")]


def facts(kernel, root, plan, say):
    """The rows: each stack with each image, what its build took, and the guest time to the root; or the
    error of the one or the other. The floor is that of the plain ROOT."""
    prepare(kernel, say)
    errors = describe_all(kernel, say)
    images = {stack: [*of_ours(stack, kernel), *of_others(stack, kernel)] for stack in STACKS}
    built = build({image.name: image for group in images.values() for image in group
                   if image.name not in errors}.values(), kernel, plan, say)
    built |= {name: {"error": error} for name, error in errors.items()}
    rows = [{"stack": stack.name, "name": image.name, "program": image.program, "kind": image.kind,
             **built[image.name]} for stack, group in images.items() for image in group]
    pairs = [(stack, image) for stack, group in images.items() for image in group]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        above = threads.submit(guest.seconds, kernel, floor.create(kernel), root)
        for row, told in zip(rows, threads.map(
                lambda pair: None if "error" in built[pair[1].name] else boot(*pair, kernel, say),
                pairs)):
            row |= told or {}
        return {"floor": above.result(), "rows": rows}


def prepare(kernel, say):
    """The stacks, and a machine for each and for images of all."""
    peers.STACKS.create(say)
    PLACE.mkdir(exist_ok=True)
    make(kernel, say)
    machine("any", kernel)
    for stack in STACKS:
        machine(stack.slug, kernel, stack)


def describe_all(kernel, say):
    """Lets the generic image of ours describe each machine, for the strict ones. Where it does not get
    there, the strict image's name and why."""
    errors = {}
    measure.in_turns([of_ours(STACKS[0], kernel)[0].case(kernel)], measure.ONCE)
    for stack in STACKS:
        generic, strict = of_ours(stack, kernel)
        say(f"booting {shown(generic.path)} for the description of {stack.name}")
        told = start(stack, generic, kernel, " payload.run=hardware")
        if told.value("monotonic_us"):
            text, status = told.section("hardware")
            hardware(stack).write_text(text)
            if status != 0:
                errors[strict.name] = f"preroot hardware: exit status {status}"
        else:
            errors[strict.name] = f"not described, for the generic image: {reason(told)}"
    return errors


def build(images, kernel, plan, say):
    """By the image's name, its size and what its build took, or its error."""
    found = {}
    for kind in KINDS:
        group = [image for image in images if image.kind == kind]
        say(f"building {', '.join(image.name for image in group)}")
        cases = [replace(image.case(kernel), may_fail=True) for image in group]
        for image, series in zip(group, measure.in_turns(cases, plan)):
            found[image.name] = ({"error": series.error} if series.error else
                                 {"bytes": image.path.stat().st_size, "build": series.facts()})
    return found


def start(stack, image, kernel, append=""):
    return guest.start(kernel, image.path, stack.paths, stack.append + append,
                       f"{image.path.stem}-on-{stack.slug}")


def boot(stack, image, kernel, say):
    say(f"booting {shown(image.path)} on {stack.name}")
    told = start(stack, image, kernel)
    microseconds = told.value("monotonic_us")
    return {"median": int(microseconds) / 1e6} if microseconds else {"error": reason(told)}


def reason(told):
    """What the image said last, of what says most."""
    lines = told.console.splitlines()
    for pattern in REASONS:
        found = [line.strip() for line in lines if pattern.search(line)]
        if found:
            return found[-1]
    return f"it ended by {told.ending}"
