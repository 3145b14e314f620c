# SPDX-License-Identifier: LGPL-2.1-or-later
"""Root folders for tests: a small kernel, captured machines, programs with their libraries."""

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
MACHINES = HERE / "machines"

# The small kernel's modules, beside their dependencies.
SMALL = ["ahci", "dummy", "ext4", "nvme", "qla1280", "sd_mod", "virtio_blk", "virtio_pci"]


def snapshot(folder):
    """Everything below FOLDER, for comparison: type, mode and content by path."""
    seen = {}
    for path in sorted(Path(folder).rglob("*")):
        mode = path.lstat().st_mode
        content = None
        if stat.S_ISLNK(mode):
            content = os.readlink(path)
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        seen[str(path.relative_to(folder))] = (stat.filemode(mode), content)
    return seen


@dataclass(frozen=True)
class KernelTree:
    """A root with one kernel that a test may change. Its files are hard links to those of other tests:
    replace them, never write to them."""

    root: Path
    version: str

    @property
    def modules(self):
        return self.root / "lib/modules" / self.version

    @property
    def image(self):
        return self.root / "boot" / f"vmlinuz-{self.version}"

    @property
    def config(self):
        return self.root / "boot" / f"config-{self.version}"

    def copy(self, to):
        shutil.copytree(self.root, to, symlinks=True, copy_function=os.link)
        return KernelTree(Path(to), self.version)

    def rewrite(self, path, data):
        mode = path.stat().st_mode
        path.unlink()
        path.write_bytes(data)
        path.chmod(mode)

    def configure(self, **options):
        """Sets options of the kernel configuration; None unsets."""
        text = self.config.read_text()
        for name, value in options.items():
            line = f"# CONFIG_{name} is not set" if value is None else f"CONFIG_{name}={value}"
            text, found = re.subn(rf"(?m)^(# )?CONFIG_{name}[= ].*$", line, text)
            text += "" if found else line + "\n"
        self.rewrite(self.config, text.encode())

    def rename(self, version):
        """The same kernel under another name, as after a careless copy."""
        for name in ("vmlinuz", "config"):
            (self.root / "boot" / f"{name}-{self.version}").rename(
                self.root / "boot" / f"{name}-{version}")
        self.modules.rename(self.modules.with_name(version))
        return KernelTree(self.root, version)


def make_small(kernel, root, names=tuple(SMALL)):
    """Copies KERNEL with only a few of its modules, and with indexes, to ROOT."""
    source = kernel.root / "lib/modules" / kernel.version
    small = KernelTree(Path(root), kernel.version)
    (small.root / "boot").mkdir(parents=True)
    for path in _with_needs(source, names):
        (small.modules / path).parent.mkdir(parents=True, exist_ok=True)
        _copy_without_code(source / path, small.modules / path)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copyfile(source / name, small.modules / name)
    shutil.copyfile(kernel.image, small.image)
    shutil.copyfile(kernel.root / "boot" / f"config-{kernel.version}", small.config)
    checker = small.root / "usr/sbin/fsck.ext4"  # not a program: it is packed, not run
    checker.parent.mkdir(parents=True)
    checker.write_text("checker of ext4\n")
    checker.chmod(0o755)
    subprocess.run(["/sbin/depmod", "-b", small.root, kernel.version], check=True,
                   stderr=subprocess.DEVNULL)
    return small


def _copy_without_code(source, target):
    """Copies a module, unless it is compressed without its code, relocations, data and types. No test looks
    at these, and to read, pack and verify them would take a third of the time of each."""
    if source.suffix != ".ko":
        shutil.copyfile(source, target)
        return
    parts = [".text*", ".rela*", ".rodata*", ".data*", ".orc*", ".return_sites", ".BTF", ".comment"]
    subprocess.run(["objcopy", "-w", *(word for part in parts for word in ("-R", part)), source, target],
                   check=True)


def give_packages(tree):
    """A dpkg database in which the modules of a tree belong to a package."""
    info = tree.root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    files = [f"/lib/modules/{tree.version}/{path.relative_to(tree.modules)}\n"
             for path in sorted(tree.modules.rglob("*.ko"))]
    (info / "linux-image:amd64.list").write_text("/.\n" + "".join(files))
    (tree.root / "var/lib/dpkg/status").write_text(
        "Package: linux-image\nArchitecture: amd64\nVersion: 6.1.9-1+b2\n")
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')


def make_module(tree, path, *modinfo, imports=()):
    """A relocatable object with a .modinfo section and undefined symbols, as the kernel's own
    modules are, at PATH below the module tree."""
    file = tree.modules / path
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'char info_{i}[] __attribute__((section(".modinfo"))) = "{text}";'
             for i, text in enumerate((*modinfo, "license=GPL"))]
    lines += [f"extern int {name}(void);" for name in imports]
    lines += ["int (*const used[])(void) = {%s 0};" % "".join(f"{name}, " for name in imports)]
    subprocess.run(["gcc", "-c", "-x", "c", "-o", file, "-"], input="\n".join(lines).encode(),
                   check=True)


def depmod(tree):
    # Its indexes are hard links to other tests' trees.
    for path in tree.modules.glob("modules.*"):
        if path.name not in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            path.unlink()
    subprocess.run(["/sbin/depmod", "-b", tree.root, tree.version], check=True,
                   stderr=subprocess.DEVNULL)


def module_name(path):
    return Path(path).name.split(".ko")[0].replace("-", "_")


def _with_needs(modules, names):
    needs, path_of = {}, {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, rest = line.split(":")
        needs[path] = rest.split()
        path_of[module_name(path)] = path
    wanted = set()
    for name in names:
        wanted.add(path_of[name])
        wanted.update(needs[path_of[name]])
    # Soft dependencies of ext4 and the checksums, so that they are all there.
    wanted.update(path_of[name] for name in ("crc32c_generic",) if name in path_of)
    return sorted(wanted)


def write_machine(name, root):
    """Makes the captured machine machines/NAME.tree below ROOT.

    Its format: "[FOLDER]" starts a folder, relative to the root; then a line for each thing in it:
    "NAME = TEXT" a file with that line, "NAME += TEXT" a further line, "NAME -> TARGET" a link.
    """
    folder = Path(root)
    for line in (MACHINES / f"{name}.tree").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            folder = Path(root) / line.strip("[]")
            folder.mkdir(parents=True, exist_ok=True)
        elif " -> " in line:
            link, target = line.split(" -> ")
            (folder / link).parent.mkdir(parents=True, exist_ok=True)
            (folder / link).symlink_to(target)
        else:
            key, text = re.split(r" \+?= ?", line, maxsplit=1)
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            with open(folder / key, "a", encoding="utf-8") as file:
                file.write(text + "\n")
    return Path(root)


def libraries(program):
    """The shared libraries of one of this machine's programs, with its dynamic linker."""
    text = subprocess.run(["ldd", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", text)]


def install(root, *programs):
    """Copies PROGRAMS of this machine and their libraries below ROOT, which has a merged /usr."""
    root = Path(root)
    (root / "usr").mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(exist_ok=True)
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for source in programs:
        for path in (Path(source), *libraries(source)):
            target = root / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755)


def run_inside(root, *words):
    """Runs a program with ROOT as its root directory. Returns its standard output."""
    before = ["chroot"] if os.geteuid() == 0 else ["unshare", "-r", "chroot"]
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run([*before, root, *words], check=True, stdout=subprocess.PIPE,
                          env=env).stdout
