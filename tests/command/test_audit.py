# SPDX-License-Identifier: LGPL-2.1-or-later
"""preroot audit: each test breaks one thing of a healthy machine, and just that is found."""

import lzma
import os
import re
import shutil
import subprocess

import pytest

import trees
from fleet import V1, V2, V3, Machine as Fleet
from program import DONE, FAILED, FINDING, PROGRAM, UNPRIVILEGED, USAGE, command, in_namespace, run

pytestmark = pytest.mark.sweep

NVME = trees.MACHINES / "nvme.json"
UUID, LABEL = "0a1b2c3d-0000-4000-8000-000000000001", "data disk"
EFI_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SIGNATURE = b"~Module signature appended~\n"


class Machine:
    """A machine with one kernel, the image that rebuild wrote for it, and GRUB's menu."""

    def __init__(self, tree, cache):
        self.tree, self.root, self.cache, self.version = tree, tree.root, cache, tree.version
        trees.write_machine("nvme", self.root)
        for name in ("var/log", "var/cache", "etc/default", "boot/grub", "dev/disk/by-label",
                     "dev/disk/by-uuid", "usr/src/headers", "usr/sbin"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.write("proc/sys/kernel/osrelease", self.version + "\n")
        self.write("proc/cmdline", f"root=UUID={UUID} ro\n")
        self.write("etc/os-release", "ID=debian\n")
        self.write("etc/fstab", f"UUID={UUID} / ext4 defaults 0 1\n")
        self.write("usr/src/headers/Makefile", "all:\n")
        self.write("usr/sbin/update-grub", "#!/bin/sh\n")
        (tree.modules / "build").symlink_to("/usr/src/headers")
        (self.root / "dev/disk/by-uuid" / UUID).symlink_to("../../nvme0n1p2")
        (self.root / "dev/disk/by-label" / LABEL.replace(" ", "\\x20")).symlink_to("../../x")
        self.image = self.root / f"boot/initrd.img-{self.version}"
        self.menu(self.entry(self.version))
        self.rebuild()

    def rebuild(self, *more, **options):
        return run("rebuild", "--root", self.root, "--cache-dir", self.cache, "--no-boot-loader",
                   *more, **options)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def entry(self, version, options=f"root=UUID={UUID} ro", title="Debian"):
        return (f"menuentry '{title}' {{\n\tlinux /boot/vmlinuz-{version} {options}\n"
                f"\tinitrd /boot/initrd.img-{version}\n}}\n")

    def menu(self, *entries):
        self.write("boot/grub/grub.cfg", "".join(entries))

    def variable(self, name, value):
        self.write(f"sys/firmware/efi/efivars/{name}-{EFI_GLOBAL}", f"\6\0\0\0{chr(value)}")

    def run(self, *words, **options):
        return run("audit", "--root", self.root, "--cache-dir", self.cache, *words, **options)

    def all(self, *words, stale=False, **options):
        """All findings, in order. Without STALE, except for the one that a file has changed since the
        rebuild, which every test that breaks something causes."""
        options.setdefault("status", (DONE, FINDING))
        result = self.run("--json", *words, **options)
        told = result.json
        found = told["findings"]
        for severity in ("error", "warning", "note"):
            assert told[severity + "s"] == sum(f["severity"] == severity for f in found)
        assert result.status == (FINDING if told["errors"] else DONE)
        return [f for f in found if stale or f["id"] != "image-stale"]

    def one(self, id_, severity, *words, **options):
        """The only finding: it must be this one."""
        found = self.all(*words, **options)
        assert [(f["id"], f["severity"]) for f in found] == [(id_, severity)], found
        return found[0]

    def take_modules_of_another_kernel(self):
        for path in self.tree.modules.rglob("*.ko"):
            self.tree.rewrite(path, path.read_bytes().replace(
                b"vermagic=" + self.version.encode(), b"vermagic=9" + self.version.encode()[1:]))
        trees.depmod(self.tree)

    def module(self, name="nvme"):
        return next(self.tree.modules.rglob(f"{name}.ko"))


@pytest.fixture
def machine(tree, tmp_path):
    return Machine(tree, tmp_path / "cache")


# ---- a healthy machine ----

@pytest.mark.everywhere
def test_on_a_healthy_machine_nothing_is_found_and_nothing_written(machine):
    before = trees.snapshot(machine.root), trees.snapshot(machine.cache)
    assert machine.run().text == "0 errors, 0 warnings, 0 notes; 1 kernel looked at\n"
    assert machine.run("--json").json == {
        "errors": 0, "warnings": 0, "notes": 0, "kernels": [machine.version], "findings": []}
    assert (trees.snapshot(machine.root), trees.snapshot(machine.cache)) == before


@pytest.mark.everywhere
@pytest.mark.leaks
def test_what_is_printed(machine):
    machine.root.joinpath("boot").chmod(0o777)
    machine.image.unlink()
    text = machine.run(status=FINDING).text
    version = re.escape(machine.version)
    assert re.fullmatch(
        r"machine\n"
        r"  error    \[boot-writable\]\n"
        r"    /boot can be written by everybody \(mode 0777\)\n"
        r"    \$ chmod go-w \S+/boot\n"
        r"\n"
        rf"kernel {version}\n"
        r"  error    \[image-missing\]\n"
        rf"    kernel {version} has no image, but the boot menu boots it with one\n"
        rf"    \$ preroot rebuild --root \S+ --cache-dir \S+ {version}\n"
        r"\n"
        r"2 errors, 0 warnings, 0 notes; 1 kernel looked at\n", text), text


@pytest.mark.everywhere
def test_colours_are_for_terminals_alone(machine):
    machine.root.joinpath("boot").chmod(0o777)
    assert "\033" not in machine.run(status=FINDING).text
    words = command("audit", "--root", machine.root, "--cache-dir", machine.cache)
    script = ["script", "-qec", " ".join(words), "/dev/null"]
    env = {**os.environ, "LC_ALL": "C"}
    env.pop("NO_COLOR", None)
    shown = subprocess.run(script, capture_output=True, check=False, env=env,
                           stdin=subprocess.DEVNULL)
    assert b"\033[1;31merror\033[0m" in shown.stdout and shown.returncode == FINDING
    shown = subprocess.run(script, capture_output=True, check=False, env={**env, "NO_COLOR": "1"},
                           stdin=subprocess.DEVNULL)
    assert b"\033" not in shown.stdout and b"error" in shown.stdout


def test_which_kernels_are_looked_at(tmp_path):
    fleet = Fleet(tmp_path / "root")
    for version in (V1, V2, V3):
        fleet.kernel(version)
    (fleet.root / "proc/sys/kernel/osrelease").write_text(V1 + "\n")
    audit = ["audit", "--root", fleet.root, "--json"]
    assert run(*audit, status=FINDING).json["kernels"] == [V3, V1]
    assert run(*audit, "--all", status=FINDING).json["kernels"] == [V3, V2, V1]
    told = run(*audit, V2, status=FINDING).json
    assert told["kernels"] == [V2] and {f["kernel"] for f in told["findings"]} == {V2, None}


def test_a_kernel_that_is_not_there_is_a_failure(machine):
    result = machine.run("6.99", status=FAILED)
    assert "6.99" in result.error and machine.version in result.hint
    assert "--all" in machine.run("--all", machine.version, status=USAGE).error
    machine.run("--hardware", machine.root / "etc/fstab", status=FAILED)
    run("audit", "--root", machine.root / "nowhere", status=FAILED)


def test_an_empty_machine_has_no_kernel(tmp_path):
    (tmp_path / "root").mkdir()
    told = run("audit", "--root", tmp_path / "root", "--json", status=FINDING).json
    assert "no-kernel" in [f["id"] for f in told["findings"]]


def words_of(command):
    """COMMAND as a shell reads it."""
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True)
    return [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]]


@pytest.mark.leaks
def test_commands_work_as_printed(machine):
    """Whatever a shell would take apart in the name of a folder."""
    odd = machine.root.with_name("it's $HOME \\n\x07;")
    machine.root.rename(odd)
    tree = trees.KernelTree(odd, machine.version)
    image, copy = odd / f"boot/initrd.img-{tree.version}", odd / "boot/copy.img"

    def hint(*words, status=FAILED):
        return run(*words, "--root", odd, "--no-cache", status=status).hint

    (odd / "boot/initrd.img-5.0.0.old").write_bytes(image.read_bytes())
    assert ["rm", f"{odd}/boot/initrd.img-5.0.0.old"] in [
        words_of(line.split(": ", 1)[1]) for line in
        run("prune", "--root", odd, "--dry-run").text.splitlines() if "to remove it" in line]
    assert words_of(hint("build", copy, "--add-drivers", "none").split(": ", 1)[1]) == [
        "find", f"{odd}/lib/modules/{tree.version}", "-name", "*.ko*"]
    assert words_of(run("cat", image, "none", status=FAILED).hint.split(": ", 1)[1]) == [
        "preroot", "list", str(image)]
    assert words_of(run("why", image, "none", status=FAILED).hint.split(": ", 1)[1]) == [
        "preroot", "list", str(image)]
    image.with_name(image.name + ".previous").write_bytes(b"none")
    told = run("restore", "--root", odd, status=FAILED).hint
    assert words_of(told.removesuffix(" shows all that is wrong with it")) == [
        "preroot", "verify", f"{image}.previous"]
    (odd / "boot").chmod(0o777)
    for text in (run("audit", "--root", odd, status=FINDING).text,
                 "$ " + next(f["remedy"] for f in run("audit", "--root", odd, "--json",
                                                      status=FINDING).json["findings"]
                             if f["id"] == "boot-writable")):
        assert ["chmod", "go-w", f"{odd}/boot"] in [
            words_of(line.split("$ ", 1)[1]) for line in text.splitlines()
            if line.strip().startswith("$ ")]
    (tree.modules / "modules.dep.bin").unlink()
    told = hint("build", copy).removesuffix(" writes the module indexes")
    assert words_of(told) == ["depmod", "-b", str(odd), tree.version]


def test_names_drive_no_terminal_and_no_shell(machine):
    hostile = "6.9;touch x\x1b[31m'"
    folder = machine.tree.modules.with_name(hostile)
    folder.mkdir()
    (folder / "modules.order").write_text("")
    (machine.root / f"boot/vmlinuz-{hostile}").write_bytes(machine.tree.image.read_bytes())
    for words in ([], ["--json"]):
        assert "\x1b" not in machine.run("--all", *words, status=FINDING).text
    commands = [f["remedy"] for f in machine.all("--all") if f["remedy-is-command"]]
    assert any(line.startswith("depmod") and words_of(line)[-1] == hostile
               for line in commands), commands


# ---- kernels and their modules ----

def test_the_running_kernel_has_lost_its_modules(machine):
    machine.write("proc/sys/kernel/osrelease", "6.0.0-gone\n")
    found = machine.one("running-kernel-without-modules", "error")
    assert found["kernel"] == "6.0.0-gone"


def test_modules_without_a_kernel(machine):
    folder = machine.tree.modules.with_name("5.0.0-old")
    folder.mkdir()
    (folder / "modules.order").write_text("")
    assert machine.all() == []
    found = machine.one("modules-without-kernel", "warning", "--all")
    assert found["kernel"] == "5.0.0-old" and "/5.0.0-old" in found["fact"]


def test_a_kernel_without_modules(machine):
    Fleet.kernel(machine, "7.9.0", modules=False)
    machine.menu(machine.entry(machine.version))
    found = machine.one("kernel-without-modules", "error")
    assert found["kernel"] == "7.9.0" and "/boot/vmlinuz-7.9.0" in found["fact"]
    machine.write("boot/config-7.9.0", "# CONFIG_MODULES is not set\n")
    assert machine.all() == []


def test_a_kernel_of_another_version_than_its_name(machine):
    data = bytearray(machine.tree.image.read_bytes())
    at = data.index(machine.version.encode(), 0x200)
    data[at:at + 1] = b"9"
    machine.tree.rewrite(machine.tree.image, bytes(data))
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("kernel-version-mismatch", "error")]
    assert "9" + machine.version[1:] in found[0]["fact"]


def test_a_kernel_that_is_none(machine):
    machine.tree.rewrite(machine.tree.image, b"no kernel")
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("kernel-unreadable", "error")]


def test_modules_of_another_kernel(machine):
    machine.take_modules_of_another_kernel()
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("vermagic-mismatch", "error")]
    assert "9" + machine.version[1:] in found[0]["fact"]


def rest_of_magic(machine):
    """What the kernel's own modules have in their vermagic behind the version."""
    return re.search(rb"vermagic=\S+ ([^\0]*)", machine.module().read_bytes())[1].decode()


@pytest.mark.everywhere
@pytest.mark.parametrize("packed", [False, True])
def test_a_foreign_module_of_another_kernel(machine, packed):
    """If it has no checksums of symbols, its version must be the kernel's."""
    trees.make_module(machine.tree, "updates/out.ko", "vermagic=5.5.5 SMP mod_unload ")
    if packed:
        plain = machine.tree.modules / "updates/out.ko"
        plain.with_name("out.ko.xz").write_bytes(
            lzma.compress(plain.read_bytes(), check=lzma.CHECK_CRC32))
        plain.unlink()
    trees.depmod(machine.tree)
    machine.rebuild()
    found = machine.one("vermagic-mismatch", "warning")
    assert "updates/out.ko" in found["fact"] and "5.5.5" in found["fact"]


@pytest.mark.everywhere
def test_a_module_of_another_kernel_with_checksums(machine):
    """Then the rest of its vermagic decides, as in the kernel."""
    trees.make_module(machine.tree, "updates/fits.ko", f"vermagic=5.5.5 {rest_of_magic(machine)}")
    trees.depmod(machine.tree)
    machine.rebuild()
    assert machine.all() == []
    trees.make_module(machine.tree, "extra/other.ko", f"vermagic=5.5.5 UP {rest_of_magic(machine)}")
    trees.depmod(machine.tree)
    machine.rebuild()
    assert "other.ko" in machine.one("vermagic-mismatch", "warning")["fact"]


def test_headers(machine):
    shutil.rmtree(machine.root / "usr/src/headers")
    machine.one("headers-missing", "note", status=DONE)
    machine.write("var/lib/dkms/zfs/x", "")
    assert "dkms" in machine.one("headers-missing", "warning")["fact"]


# ---- module indexes ----

@pytest.mark.everywhere
@pytest.mark.parametrize("name", ["modules.symbols.bin", "modules.dep.bin", "modules.dep",
                                  "modules.builtin.bin", "modules.alias.bin"])
def test_an_index_is_missing(machine, name):
    (machine.tree.modules / name).unlink()
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("module-index-missing", "error")]
    assert found[0]["fact"].endswith(f"has no {name}")
    subprocess.run([f"PATH=$PATH:/sbin:/usr/sbin; {found[0]['remedy']}"], shell=True, check=True,
                   stderr=subprocess.DEVNULL)
    assert (machine.tree.modules / name).exists()


def test_the_list_of_what_is_built_in_is_missing(machine):
    (machine.tree.modules / "modules.builtin").unlink()
    (machine.tree.modules / "modules.builtin.bin").unlink()
    found = machine.all()
    assert [f["id"] for f in found] == ["module-list-missing"]


def test_indexes_are_older_than_a_module(machine):
    path = machine.module("dummy")
    machine.tree.rewrite(path, path.read_bytes())
    found = machine.one("module-index-stale", "warning")
    assert path.name in found["fact"] and found["remedy"].startswith("depmod -b ")


def test_indexes_name_a_module_that_is_gone(machine):
    machine.module("dummy").unlink()
    assert "1 module that they name is gone" in machine.one("module-index-stale",
                                                            "warning")["fact"]


def test_indexes_lack_a_module(machine):
    path = machine.tree.modules / "updates/new.ko"
    path.parent.mkdir()
    shutil.copy2(machine.module("dummy"), path)
    assert "updates/new.ko" in machine.one("module-index-stale", "warning")["fact"]


# ---- images ----

def test_a_rebuild_that_is_advised_has_the_options_of_the_audit(machine, tmp_path):
    """The machine is not known without them: the command works as it is printed."""
    hardware = tmp_path / "my machine.json"
    shutil.copy(NVME, hardware)
    for folder in ("proc", "sys"):
        shutil.rmtree(machine.root / folder)
    machine.image.unlink()
    found = [f for f in machine.all("--hardware", hardware, "-H", "--include", NVME, "/my file")
             if f["id"] == "image-missing"]
    assert found[0]["remedy"].startswith("preroot rebuild --root ")
    command = found[0]["remedy"].replace("preroot rebuild", f"{PROGRAM} rebuild --no-boot-loader", 1)
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)
    listed = run("list", "--json", machine.image).json
    assert "my file" in [entry["path"] for entry in listed["entries"]]
    assert list(machine.cache.iterdir())


def test_no_image(machine):
    machine.image.unlink()
    found = machine.one("image-missing", "error")
    assert found["remedy-is-command"] and "rebuild" in found["remedy"]
    machine.menu(f"menuentry 'x' {{\n linux /boot/vmlinuz-{machine.version} "
                 f"root=UUID={UUID}\n}}\n")
    machine.one("image-missing", "warning")


def test_an_image_that_is_stale(machine):
    path = machine.module()
    path.with_name("x").write_bytes(path.read_bytes() + bytes(4))
    path.with_name("x").rename(path)
    trees.depmod(machine.tree)
    assert "has changed since" in machine.one("image-stale", "warning", stale=True)["fact"]


def test_an_image_of_others_that_is_older_than_the_modules(machine, image):
    shutil.copy(image, machine.image.with_name("x"))
    machine.image.with_name("x").rename(machine.image)
    machine.image.chmod(0o600)
    assert " rebuild " in machine.one("image-replaced", "warning")["remedy"]
    (machine.root / f"var/lib/preroot/{machine.version}.json").unlink()
    assert machine.all() == []
    os.utime(machine.image, (1, 1))
    assert "older" in machine.one("image-stale", "warning", stale=True)["fact"]


BUILDERS = {
    "etc/kernel/postinst.d/initramfs-tools": "initramfs-tools",
    "etc/kernel/postinst.d/dracut": "dracut",
    "usr/lib/kernel/install.d/50-dracut.install": "dracut",
    "usr/lib/kernel/install.d/50-mkinitcpio.install": "mkinitcpio",
    "etc/kernel/install.d/50-dracut.install": "dracut",
    "usr/share/libalpm/hooks/90-mkinitcpio-install.hook": "mkinitcpio",
    "etc/pacman.d/hooks/90-booster-install.hook": "booster",
}


@pytest.mark.parametrize("path", BUILDERS)
def test_another_builder_that_will_replace_the_image(machine, path):
    machine.write(path, "#!/bin/sh\n")
    (machine.root / path).chmod(0o644 if path.endswith(".hook") else 0o755)
    machine.rebuild()
    found = machine.one("other-builder", "warning")
    assert path in found["fact"] and BUILDERS[path] in found["fact"]
    told = run("status", "--root", machine.root, "--cache-dir", machine.cache, "--check",
               status=FINDING).text
    assert found["remedy"] in told
    subprocess.run(found["remedy"], shell=True, check=True)
    assert machine.all() == []
    kept = [machine.root / path, machine.root / f"{path}.disabled"]
    assert "#!/bin/sh\n" in [file.read_text() for file in kept if file.is_file()]
    machine.rebuild()
    run("status", "--root", machine.root, "--cache-dir", machine.cache, "--check", status=DONE)


def test_packages_that_ask_initramfs_tools_for_an_image(machine):
    machine.write("etc/initramfs-tools/update-initramfs.conf", "export update_initramfs='yes' # x")
    assert machine.all() == []
    machine.write("usr/sbin/update-initramfs", "#!/bin/sh\n")
    (machine.root / "usr/sbin/update-initramfs").chmod(0o755)
    subprocess.run(machine.one("other-builder", "warning")["remedy"], shell=True, check=True)
    assert machine.all() == []


@pytest.mark.everywhere
@pytest.mark.parametrize("text, column", [("[ -f /x ] && update_initramfs=yes\n", 1),
                                          ("update_initramfs=${X:-yes}\n", 18)])
def test_what_only_a_shell_can_read_of_update_initramfs_conf_is_named_with_a_remedy_that_works(
        text, column, machine):
    conf = "etc/initramfs-tools/update-initramfs.conf"
    machine.write(conf, text)
    machine.write("usr/sbin/update-initramfs", "#!/bin/sh\n")
    (machine.root / "usr/sbin/update-initramfs").chmod(0o755)
    found = machine.one("other-builder", "warning")
    assert f"(/{conf}:1:{column}: " in found["fact"]
    subprocess.run(found["remedy"], shell=True, check=True)
    assert machine.all() == []
    assert (machine.root / f"{conf}.disabled").read_text() == text


@pytest.mark.everywhere
@pytest.mark.parametrize("command, path", [
    ("usr/sbin/update-initramfs", "etc/kernel/postinst.d/initramfs-tools"),
    ("usr/bin/dracut", "etc/kernel/install.d/50-dracut.install")])
@pytest.mark.parametrize("is_script", [False, True])
def test_a_hook_that_calls_preroot_by_another_name_replaces_nothing(is_script, command, path,
                                                                    machine):
    for name in (path, "usr/sbin/preroot"):
        machine.write(name, "#!/bin/sh\n")
        (machine.root / name).chmod(0o755)
    machine.rebuild()
    machine.one("other-builder", "warning")
    link = machine.root / (f"usr/lib/preroot/names/{os.path.basename(command)}" if is_script
                           else command)
    if is_script:  # as Debian's package has it
        machine.write(command, "#!/bin/sh\n")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/usr/sbin/preroot")
    assert machine.all() == []


def test_builders_that_replace_nothing(machine):
    scripts = ["usr/lib/kernel/install.d/51-dracut-rescue.install",
               "usr/lib/kernel/install.d/50-dracut.install", "etc/kernel/postinst.d/zz-update-grub",
               "usr/share/libalpm/hooks/60-mkinitcpio-remove.hook"]
    machine.write("etc/kernel/install.conf", "layout=bls\ninitrd_generator=other\n")
    for path in scripts:
        machine.write(path, "#!/bin/sh\n")
        (machine.root / path).chmod(0o755)
    machine.write("etc/kernel/postinst.d/dracut", "#!/bin/sh\n")
    assert machine.all() == []
    # If preroot has not written an image, the other builder's is the machine's own.
    (machine.root / "etc/kernel/postinst.d/dracut").chmod(0o755)
    machine.one("other-builder", "warning")
    shutil.rmtree(machine.root / "var/lib/preroot")
    assert machine.all() == []


def test_configuration_is_read_as_a_rebuild_reads_it(machine, tmp_path):
    machine.write("etc/dracut.conf", 'compress="no-such-thing"\n')
    assert "dracut.conf:1" in machine.one("plan-refused", "error")["fact"]
    machine.write("etc/dracut.conf", 'add_drivers+=" no-such-module "\n')
    assert "no-such-module" in machine.one("plan-warning", "warning")["fact"]
    for text, says in [('compres="xz"\n', 'is it meant to be "compress"?'),
                       ('add_device+=" /dev/x "\n', "add_device has no effect: ")]:
        machine.write("etc/dracut.conf", text)
        fact = machine.one("plan-warning", "warning")["fact"]
        assert "dracut.conf:1" in fact and says in fact
    other = tmp_path / "other.conf"
    other.write_text("")
    assert machine.all("--conf", other) == []


def test_an_image_that_did_not_boot(machine):
    path = machine.root / f"var/lib/preroot/{machine.version}.json"
    identity = re.search(r'"id": ?"([0-9a-f]+)"', path.read_text())[1]
    path.write_text(path.read_text().replace("{", f'{{"failed": "{identity}",', 1))
    assert " rebuild " in machine.one("image-failed", "error")["remedy"]
    shutil.copy(machine.image, machine.image.with_name(machine.image.name + ".previous"))
    assert " restore " in machine.one("image-failed", "error")["remedy"]
    path.write_text(path.read_text().replace(f'"failed": "{identity}"', '"failed": "' + "f" * 64 + '"'))
    assert "--forget" in machine.one("image-failed", "warning")["remedy"]


@pytest.mark.everywhere
def test_an_image_that_is_damaged(machine):
    with open(machine.image, "r+b") as file:
        file.write(b"x" * 200)
    assert "image-damaged" in [f["id"] for f in machine.all() if f["severity"] == "error"]


def test_an_image_without_a_kernel(machine):
    shutil.copy(machine.image, machine.image.with_name("initrd.img-5.0.0"))
    assert machine.all() == []
    machine.one("image-orphaned", "note", "--all")


# ---- decompressors ----

@pytest.mark.everywhere
def test_an_image_that_its_kernel_cannot_unpack(machine):
    machine.rebuild("--compress", "gzip")
    assert machine.all() == []
    machine.tree.configure(RD_GZIP=None)
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("image-not-unpackable", "error")]
    assert "CONFIG_RD_GZIP" in found[0]["fact"] and "/boot/config-" in found[0]["fact"]


def test_a_compression_that_is_asked_for_and_cannot_be(machine):
    machine.tree.configure(RD_LZ4=None)
    machine.rebuild()
    found = machine.one("plan-refused", "error", "--compress", "lz4")
    assert "CONFIG_RD_LZ4" in found["fact"] and "zstd" in found["remedy"]


def test_a_kernel_whose_configuration_is_not_known(machine):
    machine.tree.config.unlink()
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [
        ("plan-warning", "warning"), ("kernel-config-unknown", "note")]


# ---- the boot menu ----

def test_no_boot_loader(machine):
    shutil.rmtree(machine.root / "boot/grub")
    machine.one("boot-loader-unknown", "note", status=DONE)


def test_a_kernel_that_is_not_in_the_menu(machine):
    machine.menu("menuentry 'other' {\n chainloader +1\n}\n")
    found = machine.one("boot-entry-missing", "warning")
    assert found["remedy"] == "update-grub" and found["remedy-is-command"]


def test_the_tool_of_others_is_named_with_its_file(machine):
    (machine.root / "usr/sbin/update-grub").rename(machine.root / "usr/sbin/grub2-mkconfig")
    (machine.root / "boot/grub").rename(machine.root / "boot/grub2")
    machine.write("boot/grub2/grub.cfg", "")
    assert (machine.one("boot-entry-missing", "warning")["remedy"]
            == "grub2-mkconfig -o /boot/grub2/grub.cfg")


def test_an_entry_whose_files_are_gone(machine):
    good, bad = machine.entry(machine.version), machine.entry("5.0.0", title="Old one")
    machine.menu(good, bad)
    found = machine.all()
    assert {f["id"] for f in found} == {"boot-entry-broken"} and len(found) == 2
    assert {f["severity"] for f in found} == {"warning"} and '"Old one"' in found[0]["fact"]
    machine.menu(bad, good)
    found = machine.all()
    assert {(f["id"], f["severity"]) for f in found} == {("boot-entry-broken", "error")}
    assert {f["remedy"] for f in found} == {"update-grub"}


def test_an_entry_of_a_previous_image_that_is_gone(machine):
    entry = machine.entry(machine.version)
    machine.menu(entry, entry.replace("menuentry 'Debian'", "menuentry 'Before' --id "
                                      f"preroot-previous-{machine.version}")
                 .replace("initrd.img-" + machine.version, f"initrd.img-{machine.version}.previous"))
    assert machine.one("boot-entry-broken", "warning")["remedy"] == (
        f"preroot rebuild --root {machine.root} --cache-dir {machine.cache}")


def test_a_menu_that_only_root_may_read_is_told_once(machine):
    (machine.root / "boot/grub/grub.cfg").chmod(0)
    found = [f for f in machine.all(before=UNPRIVILEGED) if "grub.cfg" in f["fact"]]
    assert [(f["id"], f["severity"]) for f in found] == [("boot-menu-unreadable", "warning")]
    assert found[0]["remedy"] == "run the audit as root"
    status = run("status", "--root", machine.root, "--cache-dir", machine.cache,
                 before=UNPRIVILEGED)
    told = [text for text in status.messages("warning") if "grub.cfg" in text]
    assert len(told) == 1 and "only root may read it" in told[0]


# ---- what is booted by default ----

INTERFACE = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
CHOICE = ('if [ "${next_entry}" ] ; then\n  set default="${next_entry}"\n  set next_entry=\n'
          '  save_env next_entry\nelse\n  set default="%s"\nfi\n')


def grubenv(machine, **values):
    text = "# GRUB Environment Block\n" + "".join(f"{k}={v}\n" for k, v in values.items())
    machine.write("boot/grub/grubenv", text.ljust(1024, "#"))


def grub_with(machine, default):
    """A complete entry, and in a submenu one whose files are missing."""
    gone = machine.entry("5.0.0", title="Old").replace("'Old'", "'Old' --id 'old-id'")
    machine.menu(CHOICE % default, machine.entry(machine.version),
                 "submenu 'More' --id more {\n" + machine.entry(machine.version, title="Same"),
                 gone, "}\n")


def severities(machine):
    found = machine.all()
    assert {f["id"] for f in found} == {"boot-entry-broken"} and len(found) == 2
    return {f["severity"] for f in found}


@pytest.mark.parametrize("default,severity", [
    ("0", "warning"), ("", "warning"), ("Debian", "warning"), ("1>0", "warning"),
    ("more>Same", "warning"), ("1>1", "error"), ("old-id", "error"), ("More>Old", "error"),
    ("more>old-id", "error"), ("9", "warning"), ("1", "warning")])
def test_the_default_of_GRUB_names_files_that_are_gone(machine, default, severity):
    grub_with(machine, default)
    assert severities(machine) == {severity}
    grub_with(machine, "${saved_entry}")
    grubenv(machine, saved_entry=default)
    assert severities(machine) == {severity}


def test_the_next_boot_takes_an_entry_whose_files_are_gone(machine):
    grub_with(machine, "0")
    grubenv(machine, next_entry="more>old-id")
    assert severities(machine) == {"error"}
    assert all("which the next boot takes" in f["fact"] for f in machine.all())
    grubenv(machine, next_entry="")
    assert severities(machine) == {"warning"}


def test_the_saved_entry_of_GRUB_is_gone(machine):
    machine.menu(CHOICE % "${saved_entry}", machine.entry(machine.version))
    assert machine.all() == []
    grubenv(machine, saved_entry="gnulinux-5.0.0")
    found = machine.one("default-entry-missing", "warning")
    assert "saved_entry in /boot/grub/grubenv" in found["fact"]
    assert "gnulinux-5.0.0" in found["fact"] and "grub-set-default" in found["remedy"]
    machine.write("boot/grub/grubenv", "saved_entry=gnulinux-5.0.0\n")
    assert machine.all() == []


def test_an_older_kernel_is_the_default(machine):
    Fleet.kernel(machine, "7.9.0", modules=False)
    machine.tree.modules.with_name("7.9.0").mkdir()
    (machine.tree.modules.with_name("7.9.0") / "modules.order").write_text("")
    newer = machine.entry("7.9.0", title="New")

    def told():
        return [f for f in machine.all() if f["id"].startswith("default-")]

    machine.menu(CHOICE % "0", newer, machine.entry(machine.version))
    assert told() == []
    machine.menu(CHOICE % "${saved_entry}", newer, machine.entry(machine.version))
    grubenv(machine, saved_entry="Debian")
    found = told()
    assert [(f["id"], f["severity"]) for f in found] == [("default-entry-older", "note")]
    assert machine.version in found[0]["fact"] and "7.9.0" in found[0]["fact"]
    grubenv(machine, saved_entry="New")
    assert told() == []


def bls(machine, name, version):
    machine.write(f"boot/loader/entries/{name}.conf",
                  f"title {name}\nlinux /boot/vmlinuz-{version}\n"
                  f"initrd /boot/initrd.img-{version}\noptions root=UUID={UUID}\n")


def test_the_default_of_systemd_boot(machine):
    shutil.rmtree(machine.root / "boot/grub")
    bls(machine, "id-1-gone", "1")
    bls(machine, "id-9-good", machine.version)
    assert severities(machine) == {"warning"}
    for pattern, severity in (("id-1-*", "error"), ("ID-1-gone.conf", "error"),
                              ("id-9-good", "warning"), ("@saved", "error"), ("id-*", "warning")):
        machine.write("boot/loader/loader.conf", f"timeout 3\ndefault {pattern}\n")
        assert severities(machine) == {severity}, pattern
    machine.write("boot/loader/loader.conf", "default nothing*\n")
    found = [f for f in machine.all() if f["id"] != "boot-entry-broken"]
    assert [(f["id"], f["severity"]) for f in found] == [("default-entry-missing", "warning")]
    assert "default in /boot/loader/loader.conf" in found[0]["fact"]
    machine.write(f"sys/firmware/efi/efivars/LoaderEntryDefault-{INTERFACE}",
                  "\7\0\0\0" + "".join(c + "\0" for c in "id-1-gone.conf\0"))
    assert {f["severity"] for f in machine.all() if f["id"] == "boot-entry-broken"} == {"error"}


def test_the_default_of_extlinux(machine):
    shutil.rmtree(machine.root / "boot/grub")

    def menu(default):
        labels = "".join(f"LABEL {name}\nLINUX /boot/vmlinuz-{v}\nINITRD /boot/initrd.img-{v}\n"
                         f"APPEND root=UUID={UUID}\n"
                         for name, v in (("good", machine.version), ("old", "1")))
        machine.write("boot/extlinux/extlinux.conf", default + labels)

    for default, severity in (("", "warning"), ("DEFAULT good\n", "warning"),
                              ("default old\n", "error"), ("DEFAULT menu.c32\n", "warning")):
        menu(default)
        assert severities(machine) == {severity}, default
    menu("DEFAULT other\n")
    found = [f for f in machine.all() if f["id"] != "boot-entry-broken"]
    assert [(f["id"], f["severity"]) for f in found] == [("default-entry-missing", "warning")]
    assert '"other"' in found[0]["fact"]


def test_a_menu_that_cannot_be_read(machine):
    machine.write("boot/grub/grub.cfg", "menuentry 'x' {\n")
    assert "grub.cfg" in machine.one("boot-menu-unreadable", "warning")["fact"]


def test_boot_is_not_mounted(machine):
    machine.write("etc/fstab", f"UUID={UUID} /boot ext4 defaults 0 1\n")
    found = machine.one("boot-folder", "error")
    assert "not mounted" in found["fact"] and found["remedy"] == "mount /boot"


@pytest.mark.everywhere
def test_lines_of_fstab_that_mount_passes_over(machine):
    machine.write("etc/fstab", f"UUID={UUID} / ext4 defaults 0 1 # kept\r\n")
    assert machine.all() == []
    for place, severity in (("/", "error"), ("/usr", "error"), ("/boot/", "error"),
                            ("/srv", "warning")):
        machine.write("etc/fstab", f"# all\nUUID={UUID} {place} ext4 nofail # a comment\n")
        found = [f for f in machine.all() if f["id"] == "fstab-line-malformed"]
        assert [f["severity"] for f in found] == [severity], place
        assert f"etc/fstab, line 2, for {place}: its fifth field is no number" in found[0]["fact"]


# ---- space ----

def mounted(machine, folder, size):
    """Mounts a filesystem of SIZE bytes on FOLDER, with the folder's present content."""
    path, aside = machine.root / folder, machine.root / (folder + ".aside")
    return in_namespace(f"mount --make-rprivate /; cp -a '{path}' '{aside}'; "
                        f"mount -t tmpfs -o size={size},mode=0755 none '{path}'; "
                        f"cp -a '{aside}/.' '{path}'; rm -r '{aside}'")


def test_boot_has_no_room_for_one_more_image(machine):
    used = sum(path.stat().st_size for path in (machine.root / "boot").rglob("*"))
    before = mounted(machine, "boot", used + machine.image.stat().st_size // 2 + 200_000)
    found = machine.all(before=before)
    assert [(f["id"], f["severity"]) for f in found] == [("boot-full", "warning")]
    assert machine.version in found[0]["fact"]


def test_boot_is_mounted_read_only(machine):
    boot = machine.root / "boot"
    before = in_namespace(f"mount --make-rprivate /; mount --bind '{boot}' '{boot}'; "
                          f"mount -o remount,bind,ro '{boot}'")
    found = machine.one("boot-read-only", "error", before=before)
    assert found["remedy"] == f"mount -o remount,rw {boot}" and found["remedy-is-command"]


def test_the_running_kernel_is_not_that_of_another_root(machine):
    found = machine.all(before=in_namespace(f"mount --make-rprivate /; mount --rbind /proc '{machine.root}/proc'"))
    facts = [f["fact"] for f in found if f["id"] == "running-kernel-elsewhere"]
    assert facts == ["in a root where the host's /proc is mounted, the running kernel belongs to another system and is "
                     "not checked"]


def test_the_cache_has_no_room(machine):
    machine.one("cache-full", "warning", before=mounted(machine, "var/cache", 1 << 20))


# ---- write access ----

@pytest.mark.parametrize("path", ["boot", "boot/vmlinuz-{v}", "boot/initrd.img-{v}",
                                  "boot/grub/grub.cfg"])
@pytest.mark.parametrize("mode", [0o20, 0o02])
def test_others_may_write_what_boots(machine, path, mode):
    file = machine.root / path.format(v=machine.version)
    old = file.stat().st_mode & 0o7777
    if file.name.startswith("vmlinuz"):  # other tests share its inode
        machine.tree.rewrite(file, file.read_bytes())
    file.chmod(old | mode)
    found = [f for f in machine.all() if f["id"] != "image-secret-readable"]
    assert [(f["id"], f["severity"]) for f in found] == [("boot-writable", "error")]
    subprocess.run(found[0]["remedy"], shell=True, check=True)
    assert file.stat().st_mode & 0o7777 == old


def test_secrets_that_others_may_read(machine, tmp_path):
    key = tmp_path / "key"
    key.write_text("secret")
    key.chmod(0o400)
    machine.rebuild("--include", key, "/etc/keys/key")
    machine.image.chmod(0o644)
    found = machine.one("image-secret-readable", "error")
    assert "/etc/keys/key" in found["fact"]
    subprocess.run(found["remedy"], shell=True, check=True)
    assert machine.all() == []


def test_an_image_that_others_may_read_is_read_to_its_end(machine):
    with open(machine.image, "ab") as file:
        file.write(b"not an archive; what comes after it is not known")
    assert "image-secret-unknown" not in [f["id"] for f in machine.all()]
    machine.image.chmod(0o644)
    found = next(f for f in machine.all() if f["id"] == "image-secret-unknown")
    assert found["severity"] == "error" and "neither a cpio archive nor" in found["fact"]
    subprocess.run(found["remedy"], shell=True, check=True)
    assert "image-secret-unknown" not in [f["id"] for f in machine.all()]


def test_an_image_without_secrets_may_be_read(machine):
    machine.rebuild("--mode", "0644", "--force")
    machine.image.chmod(0o644)
    assert machine.all() == []


@pytest.mark.parametrize("path", ["etc/crypttab", "etc/cmdline.d/x.conf", "etc/preroot/features.d",
                                  "etc/dracut.conf.d/x.conf", "etc/modprobe.d/x.conf",
                                  "etc/dracut.conf"])
def test_others_may_write_configuration(machine, path):
    file = machine.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if path.endswith(".d"):
        file.mkdir()
    else:
        file.write_text("")
    assert machine.all() == []
    file.chmod(0o777)
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("config-writable", "error")]
    assert f"/{path} can be written by everybody" in found[0]["fact"]


def test_configuration_of_another_user(machine):
    file, before = machine.root / "etc/crypttab", ()
    file.write_text("")
    if os.geteuid() == 0:
        os.chown(file, 1234, 0)
    else:  # root's, which is nobody in the namespace
        before = in_namespace(f"mount --bind /etc/passwd '{file}'")
    found = machine.all(before=before)
    assert [(f["id"], f["severity"]) for f in found if "device" not in f["id"]] == [
        ("config-owner", "error")]
    assert "/etc/crypttab belongs to user " in found[0]["fact"]
    assert found[0]["remedy"].startswith("chown root:root ")


# ---- names of devices ----

MISSING = "ffffffff-0000-4000-8000-00000000000f"


@pytest.mark.parametrize("path,text,where", [
    ("proc/cmdline", "ro root=UUID={} quiet\n", "/proc/cmdline"),
    ("etc/kernel/cmdline", "root=UUID={}\n", "/etc/kernel/cmdline"),
    ("etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet root=UUID={}"\n', "/etc/default/grub"),
    ("etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT='root=PARTUUID={}/PARTNROFF=1'\n",
     "/etc/default/grub"),
])
def test_the_root_of_a_command_line_is_not_there(machine, path, text, where):
    (machine.root / "dev/disk/by-partuuid").mkdir()
    machine.write(path, text.format(UUID))
    if "PARTUUID" not in text:
        assert machine.all() == []
    machine.write(path, text.format(MISSING))
    found = machine.one("root-device-missing", "error")
    assert where in found["fact"] and MISSING in found["fact"]


def test_the_root_of_a_boot_entry_is_not_there(machine):
    machine.menu(machine.entry(machine.version, f"root=UUID={MISSING} ro", "Strange"))
    assert '"Strange"' in machine.one("root-device-missing", "error")["fact"]


@pytest.mark.parametrize("root", [f"UUID={UUID.upper()}", f"/dev/disk/by-uuid/{UUID}",
                                  '"LABEL=data disk"', "LABEL=\"data disk\"",
                                  "/dev/disk/by-label/data\\x20disk", "/dev/zvol/tank/root",
                                  "ZFS=tank/root", "$root", "gpt-auto", "/dev/nfs"])
def test_roots_that_are_there_or_cannot_be_looked_for(machine, root):
    machine.write("proc/cmdline", f"root={root} ro\n" if root[0] != '"' else f'"root={root[1:]}\n')
    assert machine.all() == []


def test_a_root_by_the_name_of_the_kernel(machine):
    (machine.root / "sys/class/block/nvme0n1p2").mkdir(parents=True)
    machine.write("proc/cmdline", "root=/dev/nvme0n1p2\n")
    assert machine.all() == []
    machine.write("proc/cmdline", "root=/dev/sda1\n")
    machine.write("dev/sr0", "")
    machine.write("etc/fstab", "/dev/sr0 /media iso9660 ro 0 0\n")
    assert "/dev/sda1" in machine.one("root-device-missing", "error")["fact"]


UUID_OF_ARRAY = "5a1f8d3c:0badcafe:11223344:55667788"

@pytest.mark.parametrize("path", ["etc/mdadm.conf", "etc/mdadm/mdadm.conf"])
def test_arrays_in_mdadm_conf_are_compared_with_those_that_run(machine, path):
    by_id = machine.root / "dev/disk/by-id"
    by_id.mkdir()
    (by_id / f"md-uuid-{UUID_OF_ARRAY}").symlink_to("../../md127")
    (by_id / f"md-uuid-{UUID_OF_ARRAY}-part1").symlink_to("../../md127p1")
    (by_id / "md-name-server:home").symlink_to("../../md127")
    machine.write(path, f"ARRAY <ignore> UUID={UUID_OF_ARRAY}\nARRAY /dev/md/home UUID={UUID_OF_ARRAY}\n")
    assert machine.all() == []
    machine.write(path, f"ARRAY /dev/md/srv uuid={UUID_OF_ARRAY}\n")
    found = machine.one("array-name", "warning")
    assert f"/{path}, line 1, calls md127 /dev/md/srv" in found["fact"]
    assert "in an image it is /dev/md/home" in found["fact"] and found["remedy"]
    machine.write(path, f"\nARRAY /dev/md/x UUID={UUID_OF_ARRAY[::-1]}\n")
    found = machine.one("array-missing", "warning")
    assert f"/{path}, line 2, has an array with the UUID {UUID_OF_ARRAY[::-1]}" in found["fact"]
    assert found["remedy"]


def found_by_udev(machine, name, number, **found):
    """What udev's file of the disk or partition NAME says of what is on it."""
    device = next((machine.root / "sys/devices").rglob(name))
    (device / "dev").write_text(f"{number}\n")
    machine.write(f"run/udev/data/b{number}", "S:disk/by-id/x\nI:1\n" + "".join(
        f"E:ID_FS_{key}={value}\n" for key, value in found.items()))


@pytest.mark.parametrize("version", ["0.90.0", "1.0", "1.1", "1.2"])
def test_a_disk_that_was_a_member_of_an_array_once(machine, version):
    member = {"TYPE": "linux_raid_member", "VERSION": version, "UUID": "5a1f"}
    found_by_udev(machine, "nvme0n1", "259:0", **member)
    found = machine.one("array-left", "warning")
    assert "/dev/nvme0n1, on the way to /, has the superblock of an MD array" in found["fact"]
    assert f"metadata {version}, UUID 5a1f" in found["fact"]
    assert ("none of its partitions" in found["fact"]) == (version in ("0.90.0", "1.0"))
    assert found["remedy"] == "wipefs --force --all --types linux_raid_member /dev/nvme0n1"


@pytest.mark.parametrize("disk, partition", [
    ({"TYPE": "ext4", "VERSION": "1.0", "UUID": "5a1f"}, {}),
    ({}, {}),
    # What is at the end of the disk is at the end of its last partition.
    ({"TYPE": "linux_raid_member", "VERSION": "1.0", "UUID": "5a1f"},
     {"TYPE": "linux_raid_member", "VERSION": "1.0", "UUID": "5a1f"}),
])
def test_disks_that_were_never_members(machine, disk, partition):
    found_by_udev(machine, "nvme0n1", "259:0", **disk)
    found_by_udev(machine, "nvme0n1p2", "259:2", **partition)
    assert machine.all() == []


def test_a_member_of_an_array_that_runs_is_in_order(machine):
    found_by_udev(machine, "nvme0n1", "259:0", TYPE="linux_raid_member", VERSION="1.0", UUID="5a1f")
    holders = next((machine.root / "sys/devices").rglob("nvme0n1")) / "holders"
    (holders / "md0").mkdir(parents=True)
    assert machine.all() == []
    (holders / "md0").rename(holders / "dm-0")
    machine.one("array-left", "warning")


@pytest.mark.parametrize("root, is_named", [("/dev/md127", True), ("/dev/md127p2", True), ("/dev/md3", False),
                                            ("/dev/md4", False), ("/dev/sdb", False)])
def test_an_array_that_is_named_by_a_number_which_it_may_not_get(machine, root, is_named):
    by_id = machine.root / "dev/disk/by-id"
    by_id.mkdir()
    for link, device in (("server:home", "md127"), ("server:3", "md3")):  # md4 is an old one, without a name
        (by_id / f"md-name-{link}").symlink_to(f"../../{device}")
    for name in ("md127", "md127p2", "md3", "md4", "sdb"):
        (machine.root / "sys/class/block" / name).mkdir(exist_ok=True)
    machine.write("proc/cmdline", f"root={root} ro\n")
    assert machine.all() == []
    machine.write("etc/dracut.conf", "hostonly=no\n")
    found = [f for f in machine.all() if f["id"] != "plan-warning"]
    assert [(f["id"], f["severity"]) for f in found] == [("array-number", "warning")] * is_named
    for finding in found:
        assert f"root={root}, but the name of this MD array is home" in finding["fact"]
        assert "/dev/md/home" in finding["remedy"]


UNSUPPORTED = ["/dev/mapper/vg-root", "/dev/vg/root", "/dev/nfs", "nfs:1.2.3.4:/x",
               "iscsi:@1.2.3.4::::x", "ZFS=tank/root", "block:/dev/mapper/x"]


@pytest.mark.parametrize("root", UNSUPPORTED)
def test_a_root_that_no_image_can_bring_up(machine, root):
    """Of the entry that boots the kernel an error, of others a warning; each is told once."""
    for name in ("/dev/mapper/vg-root", "/dev/mapper/x"):
        machine.write("dev" + name[4:], "")
    machine.write("dev/vg/root", "")
    machine.menu(machine.entry(machine.version, f"root={root} ro", "Strange"),
                 machine.entry(machine.version, f"root=UUID={UUID} root={root} ro", "Other"))
    found = machine.one("root-unsupported", "error")
    assert '"Strange"' in found["fact"] and f"root={root}," in found["fact"]
    assert found["kernel"] == machine.version and "UUID" in found["remedy"]
    machine.menu(machine.entry(machine.version),
                 machine.entry(machine.version, f"root={root} ro", "Other"))
    assert '"Other"' in machine.one("root-unsupported", "warning")["fact"]
    machine.menu(machine.entry(machine.version),
                 machine.entry("5.0.0", f"root={root} ro", "Another system").replace("5.0.0", "other"))
    assert "root-unsupported" not in [f["id"] for f in machine.all()]
    machine.menu(machine.entry(machine.version))
    machine.write("etc/kernel/cmdline", f"quiet root={root}\n")
    assert "/etc/kernel/cmdline" in machine.one("root-unsupported", "warning")["fact"]


@pytest.mark.parametrize("line, is_opened", [
    ("root=/dev/mapper/luks-1f", False), ("root=/dev/mapper/luks-1f rd.luks.uuid=1f", True),
    ("root=/dev/mapper/x rd.luks.name=1f=x", True), ("root=/dev/mapper/x rd.luks.name=1f=y", False),
])
def test_a_root_by_the_name_of_a_volume_that_the_same_entry_names(machine, line, is_opened):
    machine.write("usr/sbin/cryptsetup", "")
    (machine.root / "usr/sbin/cryptsetup").chmod(0o755)
    machine.menu(machine.entry(machine.version, f"{line} ro"))
    assert is_opened == ("root-unsupported" not in [f["id"] for f in machine.all("--generic")])


@pytest.mark.parametrize("line", ["root=gpt-auto roothash=0a", f"root=UUID={UUID} usrhash=0a"])
def test_a_root_or_usr_that_no_image_can_verify(machine, line):
    machine.menu(machine.entry(machine.version, line, "Strange"))
    found = machine.one("root-unsupported", "error")
    assert '"Strange"' in found["fact"] and line.split()[1][:-2] in found["fact"]
    assert "rd.systemd.verity=0" in found["remedy"]
    machine.menu(machine.entry(machine.version, f"{line} rd.systemd.verity=0"))
    assert "root-unsupported" not in [f["id"] for f in machine.all()]


def test_a_hash_is_reported_for_each_kernel(tmp_path):
    fleet = Fleet(tmp_path / "root")
    for version in (V1, V2):
        fleet.kernel(version)
    fleet.share(V1, V2)
    menu = fleet.root / "boot/grub/grub.cfg"
    menu.write_text(menu.read_text().replace(" root=", " roothash=0a root="))
    found = run("audit", "--root", fleet.root, "--all", "--json", status=FINDING).json["findings"]
    assert [f["kernel"] for f in found if "has roothash=" in f["fact"]] == [V2, V1]


@pytest.mark.parametrize("hash_", ["roothash=0a", "usrhash=off"])
def test_an_image_that_would_refuse_each_boot_because_of_a_hash_is_not_made(machine, tmp_path, hash_):
    off, feature = "rd.systemd.verity=0", "etc/preroot/features.d/x.conf"
    build = ["build", tmp_path / "new.img", machine.version, "--root", machine.root, "--cache-dir", machine.cache]
    before = trees.snapshot(machine.root / "boot")
    failed = machine.rebuild("--kernel-cmdline", f"root=UUID={UUID} {hash_}", status=FAILED)
    assert f"--kernel-cmdline: {hash_.partition('=')[0]}= asks for verification" in failed.error
    assert off in failed.hint and trees.snapshot(machine.root / "boot") == before
    run(*build, "--kernel-cmdline", hash_, "--kernel-cmdline", off)
    for path, text in (("etc/cmdline", "{}\n"), (feature, "kernel_cmdline='{}'\n")):
        machine.write(path, text.format(hash_))
        assert run(*build, status=FAILED).error.startswith(f"/{path}")
        assert f"/{path}" in machine.one("plan-refused", "error")["fact"]
        run(*build, "--kernel-cmdline", off)
        (machine.root / path).unlink()


def test_an_image_is_not_replaced_by_one_that_cannot_verify_the_root(machine):
    line, feature = f"root=UUID={UUID} roothash=0a", "etc/preroot/features.d/x.conf"
    machine.menu(machine.entry(machine.version, line))
    before = trees.snapshot(machine.root / "boot")
    failed = machine.rebuild("--force", status=FAILED)
    assert "roothash=" in failed.error and "rd.systemd.verity=0" in failed.hint
    assert trees.snapshot(machine.root / "boot") == before
    machine.write(feature, "kernel_cmdline=rd.systemd.verity=0\n")
    machine.rebuild()
    assert "root-unsupported" not in [f["id"] for f in machine.all()]
    machine.menu(machine.entry(machine.version, f"{line} systemd.verity"))
    assert "roothash=" in machine.rebuild("--force", status=FAILED).error


def test_a_root_that_only_a_drop_in_program_can_set_up(machine):
    (machine.root / "sys/class/block/dm-0").mkdir(parents=True)
    machine.menu(machine.entry(machine.version, "root=/dev/dm-0"))
    assert "drop-in" in machine.one("root-unsupported", "warning")["fact"]


@pytest.mark.parametrize("root", ["/dev/md/root", "/dev/md127", "/dev/md3p1"])
def test_a_root_on_an_array_is_brought_up_by_pid_1(machine, root):
    machine.write(root[1:], "")
    machine.menu(machine.entry(machine.version, f"root={root} ro"))
    machine.write("etc/fstab", f"{root} / ext4 defaults 0 1\n")
    assert machine.all() == []


@pytest.mark.parametrize("root", UNSUPPORTED)
def test_a_root_in_the_image_that_it_cannot_bring_up(machine, tmp_path, root):
    """An image cannot be made with it, unless a later one overrides it; what the boot menu says is
    its own affair in a build, which may be for another machine."""
    machine.menu(machine.entry(machine.version, f"root={root} ro"))
    build = ["build", tmp_path / "new.img", machine.version, "--root", machine.root,
             "--cache-dir", machine.cache]
    run(*build, "--generic")
    line = f"quiet root={root}"
    for words in ([*build, "--generic"], ["rebuild", "--root", machine.root, "--no-boot-loader"]):
        done = run(*words, "--kernel-cmdline", line, status=FAILED)
        assert "--kernel-cmdline" in done.error and f"root={root} " in done.error and done.hint
    run(*build, "--generic", "--kernel-cmdline", line, "--kernel-cmdline", f"root=UUID={UUID}")
    machine.menu(machine.entry(machine.version))
    machine.write("etc/cmdline", line + "\n")
    assert "/etc/cmdline" in run(*build, status=FAILED).error
    assert f"root={root} " in machine.one("plan-refused", "error")["fact"]


@pytest.mark.parametrize("root", UNSUPPORTED)
def test_an_image_is_not_replaced_by_one_that_cannot_bring_up_the_root(machine, root):
    """Not even by a generic one: it is this machine that boots it."""
    machine.menu(machine.entry(machine.version, f"root={root} ro"))
    before = trees.snapshot(machine.root / "boot")
    done = run("rebuild", "--root", machine.root, "--cache-dir", machine.cache, "--no-boot-loader",
               "--generic", status=FAILED)
    assert f"root={root}," in done.error and "UUID" in done.hint
    assert trees.snapshot(machine.root / "boot") == before


@pytest.mark.parametrize("source, fstype", [
    ("/dev/mapper/vg-root", "ext4"), ("/dev/vg/root", "auto"), ("10.0.0.1:/x", "nfs"), ("tank/root", "zfs"),
])
def test_a_root_in_fstab_that_no_image_can_bring_up(source, fstype, machine, tmp_path):
    """It decides where nothing else names the root, as before the first entry of a kernel is made."""
    for name in ("dev/mapper/vg-root", "dev/vg/root"):
        machine.write(name, "")
    machine.write("etc/fstab", f"# x\n{source} / {fstype} defaults 0 1\n")
    machine.menu(machine.entry(machine.version, "ro"))
    (machine.root / "proc/cmdline").unlink()
    rebuild = ["rebuild", machine.version, "--root", machine.root, "--cache-dir", machine.cache,
               "--no-boot-loader", "--generic"]
    build = ["build", tmp_path / "x.img", *rebuild[1:6], "--generic"]
    place = f"/etc/fstab, line 2, has / on {source}, which an image of this version cannot bring up"

    def findings():
        return [(f["severity"], f["id"]) for f in machine.all("--generic") if place in f["fact"]]

    assert findings() == [("error", "root-unsupported"), ("warning", "plan-warning")]
    before = trees.snapshot(machine.root / "boot")
    failed = run(*rebuild, status=FAILED)
    assert place in failed.error and "UUID" in failed.hint
    assert trees.snapshot(machine.root / "boot") == before
    assert any(place in text for text in run(*build).messages("warning"))

    line = f"root=UUID={UUID} ro"
    assert place not in run(*build, "--kernel-cmdline", line).err.decode()
    run(*rebuild, "--kernel-cmdline", line, "--check", status=FINDING)
    for path in ("etc/kernel/cmdline", "proc/cmdline"):
        machine.write(path, line + "\n")
        assert findings() == [("warning", "plan-warning")]
        (machine.root / path).unlink()
    machine.menu(machine.entry(machine.version, line))
    assert findings() == [("warning", "plan-warning")]
    assert any(place in text for text in run(*rebuild).messages("warning"))


def test_usr_in_fstab_must_be_within_reach_whatever_names_the_root(machine):
    machine.write("dev/vg/usr", "")
    machine.write("etc/fstab", f"UUID={UUID} / ext4 defaults 0 1\n/dev/vg/usr /usr ext4 defaults 0 2\n")
    assert "has /usr on /dev/vg/usr," in machine.one("root-unsupported", "error")["fact"]


@pytest.mark.parametrize("line", ["overlay / overlay rw 0 0", "/dev/vg/home /home ext4 defaults 0 2",
                                  "/dev/vg/root / ext4 defaults x y"])
def test_what_says_nothing_of_the_root_in_fstab(line, machine):
    machine.write("dev/vg/home", "")
    machine.write("etc/fstab", line + "\n")
    machine.menu()
    assert "root-unsupported" not in [f["id"] for f in machine.all()]


MAPPED = {"/dev/mapper/vg-the--root": "/dev/mapper/vg-root", "/dev/vg/the-root": "/dev/vg/root",
          "/dev/mapper/my\\x20disk": "/dev/mapper/my", "/dev/md0": "/dev/md1",
          "/dev/md/home": "/dev/md/hom", "/dev/disk/by-id/ata-x": "/dev/disk/by-id/ata-y",
          "/dev/cciss/c0d0": "/dev/cciss/c0d1"}


@pytest.mark.parametrize("there,missing", MAPPED.items())
def test_names_of_mapped_devices_and_arrays_are_looked_for(machine, there, missing):
    for number, name in enumerate(("vg-the--root", "my\\x20disk")):
        machine.write(f"sys/class/block/dm-{number}/dm/name", name + "\n")
    for name in ("md0", "cciss!c0d0"):
        (machine.root / "sys/class/block" / name).mkdir()
    by_id = machine.root / "dev/disk/by-id"
    by_id.mkdir()
    (by_id / "md-name-host:home").symlink_to("../../md0")
    (by_id / "ata-x").symlink_to("../../x")
    machine.write("proc/cmdline", f"root={there} ro\n")
    assert machine.all() == []
    machine.write("proc/cmdline", f"root={missing} ro\n")
    assert f"root={missing}," in machine.one("root-device-missing", "error")["fact"]
    machine.write("proc/cmdline", f"root={there} ro\n")
    for path, line in (("etc/fstab", "{} /srv ext4 {} 0 2\n"),
                       ("etc/crypttab", "x {} /key luks,{}\n")):
        machine.write(path, line.format(missing.replace("\\", "\\134"), "rw"))
        assert missing in machine.one("device-missing", "warning")["fact"]
        machine.write(path, line.format(missing, "nofail"))
        assert machine.all() == []
        (machine.root / path).unlink()


def test_a_mapped_device_that_tells_no_name_may_be_any(machine):
    (machine.root / "sys/class/block/dm-0").mkdir(parents=True)
    machine.write("proc/cmdline", "root=/dev/mapper/x ro\n")
    assert machine.all() == []


def test_other_devices_are_missed_unless_they_may_be(machine):
    for path, line in (("etc/fstab", f"UUID={MISSING} /srv ext4 {{}} 0 2\n"),
                       ("etc/crypttab", f"x UUID={MISSING} /key luks,{{}}\n")):
        machine.write(path, line.format("rw"))
        assert MISSING in machine.one("device-missing", "warning")["fact"]
        for option in ("nofail", "noauto"):
            machine.write(path, line.format(option))
            assert machine.all() == []
    machine.write("proc/cmdline", f"root=UUID={UUID} resume=LABEL=none\n")
    assert "resume=LABEL=none" in machine.one("device-missing", "warning")["fact"]


def test_one_device_is_told_once(machine):
    machine.menu(*[machine.entry(machine.version, f"root=UUID={MISSING}", f"{i}")
                   for i in range(5)])
    machine.write("proc/cmdline", f"root=UUID={MISSING}\n")
    machine.one("root-device-missing", "error")


def test_where_udev_was_not_at_work_nothing_is_said_of_devices(machine):
    shutil.rmtree(machine.root / "dev/disk")
    machine.one("device-names-unknown", "note", status=DONE)
    machine.write("etc/fstab", "")
    machine.write("proc/cmdline", "quiet\n")
    machine.menu(machine.entry(machine.version, "ro"))
    assert machine.all() == []


# ---- the way to the root ----

def test_the_kernel_has_no_driver_for_the_disk(machine):
    machine.module().unlink()
    trees.depmod(machine.tree)
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [("plan-refused", "error")]
    assert "has no driver for /sys/" in found[0]["fact"] and found[0]["remedy"]


def test_the_kernel_has_no_driver_for_the_filesystem(machine):
    machine.module("ext4").unlink()
    trees.depmod(machine.tree)
    found = machine.all()
    assert [f["id"] for f in found] == ["plan-refused"]
    assert "filesystem ext4" in found[0]["fact"]


def test_what_a_rebuild_warns_of(machine):
    (machine.root / "usr/sbin/fsck.ext4").unlink()
    machine.rebuild()
    assert "fsck.ext4" in machine.one("plan-warning", "warning")["fact"]


def test_another_machine_by_its_description(machine):
    shutil.rmtree(machine.root / "sys")
    shutil.rmtree(machine.root / "proc/self")
    assert [f["id"] for f in machine.all()] == ["hardware-unknown"]
    assert machine.all("--hardware", NVME) == []
    assert {f["id"] for f in machine.all("--generic")} <= {"plan-warning"}


# ---- keyboards ----

def test_nobody_can_type_what_the_boot_asks_for(machine):
    """The small kernel has no driver for a keyboard."""
    machine.write("etc/crypttab", f"root UUID={UUID} none luks\n")
    assert "passphrase of root" in machine.one("keyboard-missing", "note", status=DONE)["fact"]
    for line in ("root UUID={} /key luks", "root UUID={} none luks,tpm2-device=auto",
                 "root UUID={} none noauto", "# root UUID={} none luks"):
        machine.write("etc/crypttab", line.format(UUID) + "\n")
        assert machine.all() == [], line
    machine.write("etc/crypttab", "")
    machine.write("proc/cmdline", f"root=UUID={UUID} rd.shell=1\n")
    assert "rd.shell" in machine.one("keyboard-missing", "note")["fact"]
    machine.write("proc/cmdline", f"root=UUID={UUID} rd.shell=1 console=ttyS0,115200\n")
    assert machine.all() == []


def test_the_driver_of_the_keyboard_is_in(machine, bookworm):
    """A kernel with all modules has it."""
    source = bookworm.root / "lib/modules" / bookworm.version
    for folder in ("hid", "usb"):
        shutil.copytree(source / "kernel/drivers" / folder,
                        machine.tree.modules / "kernel/drivers" / folder, dirs_exist_ok=True)
    trees.depmod(machine.tree)
    machine.write("etc/crypttab", f"root UUID={UUID} none luks\n")
    assert "keyboard-missing" not in [f["id"] for f in machine.all()]


# ---- Secure Boot ----

@pytest.mark.everywhere
def test_secure_boot_off_and_on(machine):
    machine.variable("SecureBoot", 0)
    machine.variable("SetupMode", 0)
    assert machine.one("secure-boot", "note")["fact"] == "Secure Boot is off"
    machine.variable("SetupMode", 1)
    assert "setup mode" in machine.one("secure-boot", "note")["fact"]
    machine.variable("SecureBoot", 1)
    found = machine.all()
    assert [(f["id"], f["severity"]) for f in found] == [
        ("image-unsigned", "note"), ("secure-boot", "note"), ("module-unsigned", "warning")] or [
        f["id"] for f in found] == ["image-unsigned", "secure-boot"]
    for path in machine.tree.modules.rglob("*.ko"):
        machine.tree.rewrite(path, path.read_bytes().split(SIGNATURE)[0] + SIGNATURE)
    trees.depmod(machine.tree)
    machine.rebuild()
    assert [f["id"] for f in machine.all()] == ["image-unsigned", "secure-boot"]
    trees.make_module(machine.tree, "updates/own.ko",
                      f"vermagic={machine.version} SMP preempt mod_unload modversions ")
    trees.depmod(machine.tree)
    machine.rebuild()
    found = machine.all()[-1]
    assert found["id"] == "module-unsigned" and found["severity"] == "warning"
    assert "updates/own.ko" in found["fact"]


# ---- in a rebuild ----

def test_a_rebuild_tells_errors_of_the_machine_and_goes_on(machine):
    machine.write("proc/cmdline", f"root=UUID={MISSING}\n")
    done = machine.rebuild("--add-drivers", "dummy")
    assert "rebuilt" in done.text
    assert [text for text in done.messages("warning") if MISSING in text], done.err
    told = machine.rebuild("--add-drivers", "ahci", "--json").json
    assert any(MISSING in text for text in told["kernels"][0]["warnings"])


def test_a_rebuild_for_modules_of_another_kernel_ends_before_it_writes(machine):
    """The plan can be made: the names are right, only the files' content is not."""
    machine.take_modules_of_another_kernel()
    before = trees.snapshot(machine.root / "boot")
    for words in ([], ["--check"]):
        done = machine.rebuild(*words, status=FAILED)
        assert "was made for kernel 9" in done.error and "package" in done.hint
    assert trees.snapshot(machine.root / "boot") == before
    # The image is now reported as stale.
    assert "vermagic-mismatch" in [f["id"] for f in machine.all()]


def test_a_build_for_modules_of_another_kernel_ends_before_it_writes(machine, tmp_path):
    """With the words of a rebuild; a generic image is no exception."""
    machine.take_modules_of_another_kernel()
    told = machine.rebuild(status=FAILED)
    for words in ([], ["--generic"], ["--if-changed"]):
        done = run("build", tmp_path / "new.img", machine.version, "--root", machine.root,
                   "--cache-dir", machine.cache, *words, status=FAILED)
        assert "was made for kernel 9" in done.error and done.hint == told.hint
        assert not (tmp_path / "new.img").exists()


def test_a_build_looks_at_every_module_that_it_packs(machine, tmp_path):
    """One that was left behind by another kernel, wherever it is in the list, and that has no checksums
    of symbols by which it might fit."""
    for name in ("crc32c_generic", "nvme", "virtio_blk"):
        path = machine.module(name)
        before = path.read_bytes()
        machine.tree.rewrite(path, before.replace(b"vermagic=" + machine.version.encode(),
                                                  b"vermagic=9" + machine.version.encode()[1:])
                             .replace(b" modversions ", b" xxxversions "))
        done = run("build", tmp_path / "new.img", machine.version, "--root", machine.root,
                   "--cache-dir", machine.cache, "--generic", status=FAILED)
        assert f"/{name}.ko was made for kernel 9" in done.error
        machine.tree.rewrite(path, before)
    run("build", tmp_path / "new.img", machine.version, "--root", machine.root,
        "--cache-dir", machine.cache, "--generic")


@pytest.mark.parametrize("place", ["updates", "kernel/drivers/vendor"])
def test_an_image_with_a_module_of_another_kernel(machine, tmp_path, place):
    """A foreign one that will not load is a warning of build and rebuild. One with the right checksums is
    none or, below kernel/, a warning as well."""
    trees.make_module(machine.tree, f"{place}/fits.ko", f"vermagic=5.5.5 {rest_of_magic(machine)}")
    trees.make_module(machine.tree, "extra/other.ko", "vermagic=5.5.5 SMP mod_unload ")
    trees.depmod(machine.tree)
    build = ["build", tmp_path / "new.img", machine.version, "--root", machine.root, "--cache-dir",
             machine.cache]
    told = run(*build, "--add-drivers", "fits").messages("warning")
    assert [f"{place}/fits.ko was made for kernel 5.5.5" in text and "only if" in text
            for text in told] == ([] if place == "updates" else [True])
    for done in (run(*build, "--add-drivers", "other"),
                 machine.rebuild("--add-drivers", "other")):
        told, = done.messages("warning")
        assert "extra/other.ko was made for kernel 5.5.5" in told and "compile" in told


def test_a_build_ignores_modules_of_another_kernel_that_the_image_lacks(machine, tmp_path):
    trees.make_module(machine.tree, "kernel/lib/spare.ko", "vermagic=5.5.5 SMP mod_unload ")
    trees.depmod(machine.tree)
    run("build", tmp_path / "new.img", machine.version, "--root", machine.root,
        "--cache-dir", machine.cache)


def test_a_rebuild_without_changes_does_not_look(machine):
    machine.rebuild()
    machine.write("etc/fstab", "")  # read by the audit, and by a build
    machine.rebuild()
    os.chmod(machine.root / "boot", 0o777)
    done = machine.rebuild()
    assert done.text == f"{machine.version}: unchanged\n" and not done.err
    assert "boot can be written" in machine.rebuild("--force").err.decode()


def test_what_a_rebuild_looks_at_in_the_audit_makes_no_image_stale(machine):
    """Files that only the audit reads are no inputs of the image."""
    machine.rebuild("--add-drivers", "dummy")
    machine.write("etc/kernel/cmdline", "quiet\n")
    machine.write("etc/default/grub", "GRUB_CMDLINE_LINUX=quiet\n")
    assert machine.all(stale=True) == []


# ---- other users ----

@pytest.mark.everywhere
def test_without_roots_rights_what_can_be_seen_is_told(machine):
    machine.image.chmod(0)
    found = machine.all(before=UNPRIVILEGED, status=DONE)
    assert "image-not-readable" in [f["id"] for f in found]
    machine.tree.rewrite(machine.tree.image, machine.tree.image.read_bytes())
    machine.tree.image.chmod(0)
    found = machine.all(before=UNPRIVILEGED, status=DONE)
    assert [f["remedy"] for f in found if f["id"] == "kernel-unreadable"] == [
        "run the audit as root"]
