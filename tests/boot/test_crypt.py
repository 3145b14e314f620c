# SPDX-License-Identifier: LGPL-2.1-or-later
"""Roots in LUKS volumes, made by this machine's cryptsetup, which needs no device mapper for that, and opened
by it in QEMU."""

import itertools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib import files, filesystems, image, kernels, qemu, roots, rootfs
from lib.command import environment, run

MIB = 1 << 20
SUITE = "bookworm"
PASSPHRASE, PROMPT = "right one", "Passphrase of "
LIBGCC = "/lib/x86_64-linux-gnu/libgcc_s.so.1"
ARGON = ["--type", "luks2", "--pbkdf", "argon2id", "--pbkdf-memory", "32768", "--pbkdf-parallel", "2",
         "--pbkdf-force-iterations", "4"]
PBKDF2 = ["--type", "luks2", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"]


def cryptsetup():
    return Path(shutil.which("cryptsetup", path=environment()["PATH"]))


def volume(folder, name, tree, words, version=2):
    """A disk with a LUKS volume and a filesystem of TREE in it; opened by PASSPHRASE, and by the file KEY."""
    path, key = folder / f"{name}.disk", folder / "key"
    part = roots.Part(name)
    with open(path, "wb") as file:
        file.truncate(24 * MIB)
    filesystems.make("ext4", path, tree, part.names, roots.SECTOR)
    with open(path, "ab") as file:
        file.truncate(40 * MIB)
    secret = folder / "passphrase"
    secret.write_text(PASSPHRASE)
    key.write_bytes(bytes(range(256)) * 2)
    key.chmod(0o600)
    run([cryptsetup(), "reencrypt", "--encrypt", "--reduce-device-size", "16M", "-q", "--uuid",
         part.uuid("luks"), "--key-file", secret, "--sector-size", "512", *words, path])
    run([cryptsetup(), "luksAddKey", "-q", "--key-file", secret, *words[2:], path, key])
    if version == 1:
        run([cryptsetup(), "convert", "-q", "--type", "luks1", path])
    return SimpleNamespace(path=path, uuid=part.uuid("luks"), fs=part.uuid("fs"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crypt")
    kernel = kernels.of_suite(SUITE)
    system, tree, data = folder / "system", folder / "tree", folder / "data"
    files.link_tree(kernel.root, system)
    rootfs.install(cryptsetup(), system, "/usr/sbin/cryptsetup")
    rootfs.install(LIBGCC, system, LIBGCC)
    rootfs.create(tree, image.PROGRAM)
    (tree / "data").mkdir()
    data.mkdir()
    volumes = {"data": volume(folder, "data", data, PBKDF2, version=1)}
    (tree / "etc/fstab").write_text(f"UUID={volumes['data'].fs} /data ext4 ro,x-initrd.mount 0 0\n")
    volumes["root"] = volume(folder, "root", tree, ARGON)
    of = kernels.Kernel(system, kernel.version)
    number = itertools.count()

    def build(mode, *words, hardware=None):
        out = folder / f"image-{next(number)}.img"
        image.build(out, of, mode, hardware, words)
        return out

    def boot(initrd, append, script=()):
        disks = [("virtio-blk", volumes[name].path) for name in ("root", "data")]
        machine = qemu.Machine(kernel.image, initrd, f"ro panic=1 {append}", disks=disks, script=script)
        return qemu.boot(machine, folder / f"boot-{next(number)}")

    return SimpleNamespace(folder=folder, volumes=volumes, build=build, boot=boot, key=folder / "key")


@pytest.fixture(scope="module")
def generic(made):
    return made.build("generic", "--include", made.key, "/etc/key")


@pytest.fixture(scope="module")
def typed(made, generic):
    """Both volumes have the same passphrase, which is typed wrong first."""
    root, data = made.volumes["root"].uuid, made.volumes["data"].uuid
    return made.boot(generic, f"root=/dev/mapper/luks-{root} rd.luks.uuid=luks-{root} rd.luks.uuid={data} "
                     "rd.luks.options=tries=2 payload.run=hardware payload.also=/data",
                     ((PROMPT, "wrong\n"), ("tries that are left: 1", ""), (PROMPT, f"{PASSPHRASE}\n")))


def check(boot):
    assert (boot.ending, boot.value("verdict")) == ("poweroff", "ok"), boot.explain()


def test_volumes_are_opened_by_a_passphrase_that_is_typed_once(made, typed):
    check(typed)
    assert f"{PROMPT}luks-{made.volumes['data'].uuid}" not in typed.console, typed.explain()
    assert PASSPHRASE not in typed.console and "wrong\n" not in typed.console, typed.explain()


def test_a_hostonly_image_opens_the_volumes_on_the_way_with_a_key(made, typed):
    hardware = made.folder / "hardware.json"
    hardware.write_text(typed.section("hardware")[0])
    blocks = json.loads(hardware.read_text())["mounts"][0]["blocks"]
    assert blocks[0]["dm-uuid"].startswith("CRYPT-LUKS2-"), blocks
    initrd = made.build("hostonly", "--hostonly-mode", "strict", "--include", made.key, "/etc/key",
                        hardware=hardware)
    check(made.boot(initrd, f"root=UUID={made.volumes['root'].fs} rd.luks.key=/etc/key payload.also=/data"))


def test_a_volume_that_nobody_opens_ends_the_boot_with_words(made, generic):
    """Long before the time limit for the root."""
    root = made.volumes["root"].uuid
    boot = made.boot(generic, f"root=/dev/mapper/luks-{root} rd.luks.uuid={root} rd.luks.timeout=1")
    assert boot.ending == "reboot", boot.explain()
    for text in (f"LUKS volume luks-{root} (vda) is not opened: nobody has typed its passphrase in time",
                 f"LUKS volume luks-{root} (vda), which was not opened: nobody has typed",
                 f"rd.luks.uuid={made.volumes['data'].uuid} would"):
        assert text in boot.console, boot.explain()
