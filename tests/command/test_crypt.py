# SPDX-License-Identifier: LGPL-2.1-or-later
"""LUKS volumes: what an image has that opens them, by what the machine, its crypttab and the volume say."""

import hashlib
import json
import shutil
import struct
from pathlib import Path

import pytest

import trees
from lib import files, rootfs
from program import FAILED, run

UUID = "3f71d376-9046-48b2-870a-1c69ef76ac46"
STRICT = ["--hostonly", "--hostonly-mode", "strict"]
PLAIN = ["--no-cache", "--compress", "none"]
LINE = f"root UUID={UUID} none luks,discard,x-initrd.attach,tries=5\n"


def header(cipher="aes-xts-plain64", memory=1 << 20):
    """Of a LUKS2 volume, as cryptsetup makes it."""
    area = {"type": "raw", "offset": "32768", "size": "258048", "encryption": cipher, "key_size": 64}
    text = json.dumps({
        "keyslots": {"0": {"type": "luks2", "key_size": 64, "area": area,
                           "kdf": {"type": "argon2id", "time": 4, "memory": memory, "cpus": 4, "salt": ""}}},
        "segments": {"0": {"type": "crypt", "offset": "16777216", "size": "dynamic", "encryption": cipher}},
        "digests": {"0": {"type": "pbkdf2", "keyslots": ["0"], "segments": ["0"], "hash": "sha256",
                          "iterations": 1000, "salt": "c2Fs", "digest": "ZGln"}}})
    raw = bytearray(16384)
    raw[:16] = b"LUKS\xba\xbe" + struct.pack(">HQ", 2, len(raw))
    raw[72:78], raw[168:204], raw[4096:4096 + len(text)] = b"sha256", UUID.encode(), text.encode()
    raw[448:480] = hashlib.sha256(raw).digest()
    return bytes(raw)


class Machine:
    def __init__(self, folder, kernel):
        self.root, self.version = trees.write_machine("lvm", folder), kernel.version
        for name in ("boot", "lib"):
            files.link_tree(kernel.root / name, self.root / name)
        mapped = self.root / "sys/devices/virtual/block/dm-0/dm"
        (mapped / "uuid").write_text(f"CRYPT-LUKS2-{UUID.replace('-', '')}-root\n")
        (mapped / "name").write_text("root\n")
        mounts = self.root / "proc/self/mountinfo"
        mounts.write_text(mounts.read_text().replace("vg0-root", "root"))
        for folder in ("etc", "dev"):
            (self.root / folder).mkdir(exist_ok=True)

    def reset(self):
        rootfs.install("/usr/bin/true", self.root, "/usr/sbin/cryptsetup")
        (self.root / "dev/vda2").write_bytes(header())
        (self.root / "etc/crypttab").write_text(LINE)
        (self.root / "proc/meminfo").write_text("MemTotal:  4000000 kB\n")
        return self

    def table(self, text):
        (self.root / "etc/crypttab").write_text(text)

    def plan(self, *words, status=0):
        return run("plan", "--json", self.version, "--root", self.root, *STRICT, *words, status=status)

    def conf(self, *words):
        out = self.root.parent / "out.img"
        result = run("build", out, self.version, "--root", self.root, *STRICT, *PLAIN, *words)
        return run("cat", out, "/etc/preroot/boot.conf").text.splitlines(), result


@pytest.fixture(scope="module")
def made(tmp_path_factory, bookworm):
    return Machine(tmp_path_factory.mktemp("crypt") / "root", bookworm)


@pytest.fixture
def machine(made):
    return made.reset()


def modules(plan):
    return {trees.module_name(entry["path"]) for entry in plan.json["entries"] if ".ko" in entry["path"]}


def test_the_volume_on_the_way_to_the_root_is_opened_as_crypttab_says(machine):
    lines, _ = machine.conf()
    assert {"feature=crypt", "crypt.program=/usr/sbin/cryptsetup", "load=dm_crypt",
            f"crypt.volume=root UUID={UUID} none discard,tries=5"} <= set(lines)


def test_without_crypttab_the_kernel_names_it(machine):
    (machine.root / "etc/crypttab").unlink()
    assert f"crypt.volume=root UUID={UUID} none luks" in machine.conf()[0]


@pytest.mark.parametrize("cipher, there, absent", [
    ("aes-xts-plain64", {"dm_crypt", "xts", "aesni_intel"}, {"serpent_generic", "twofish_generic", "essiv"}),
    ("serpent-cbc-essiv:sha256", {"serpent_generic", "essiv"}, {"twofish_generic"}),
])
def test_the_ciphers_of_the_volume_alone_are_packed(machine, cipher, there, absent):
    (machine.root / "dev/vda2").write_bytes(header(cipher))
    found = modules(machine.plan())
    assert there <= found and not absent & found


def test_where_the_header_cannot_be_read_all_ciphers_are_packed(machine):
    (machine.root / "dev/vda2").unlink()
    plan = machine.plan()
    assert {"xts", "serpent_generic", "twofish_generic"} <= modules(plan)


@pytest.mark.parametrize("change, words", [
    (lambda root: (root / "usr/sbin/cryptsetup").unlink(), ("cryptsetup is not installed", "root")),
    (lambda root: (root / "dev/vda2").write_bytes(bytes(16384)), ("/dev/vda2", "header is elsewhere")),
    (lambda root: (root / "dev/vda2").write_bytes(header()[:-1] + b"x"), ("/dev/vda2", "checksum")),
    (lambda root: (root / "dev/vda2").write_bytes(header("rot13-xts-plain64")), ("no cipher rot13",)),
    (lambda root: (root / "etc/crypttab").write_text("\nroot UUID=1 none luks, discard\n"),
     ("/etc/crypttab:2: ", "four fields")),
    (lambda root: (root / "etc/crypttab").write_text("root UUID=1 none header=/h\n"),
     ("/etc/crypttab:1: ", "header=/h")),
    (lambda root: (root / "etc/crypttab").write_text("root UUID=1 none keyscript=/h\n"),
     ("/etc/crypttab:1: ", "keyscript=/h")),
    (lambda root: (root / "etc/crypttab").write_text("root UUID=1 /dev/urandom\n"),
     ("/etc/crypttab:1: ", "/dev/urandom")),
])
def test_what_would_not_open_at_boot_is_an_error(machine, change, words):
    change(machine.root)
    result = machine.plan(status=FAILED)
    for word in words:
        assert word in result.error, result.error
    assert result.hint


def test_a_key_is_in_the_image_only_on_request(machine):
    key = machine.root / "etc/my.key"
    key.write_bytes(b"secret")
    key.chmod(0o600)
    machine.table(f"root UUID={UUID} /etc/my.key luks\n")
    result = machine.plan()
    assert "the key /etc/my.key of root is not put into the image" in str(result.json["warnings"])
    assert "etc/my.key" not in {entry["path"] for entry in result.json["entries"]}
    lines, result = machine.conf("--install", "/etc/my.key")
    assert f"crypt.volume=root UUID={UUID} /etc/my.key luks" in lines
    assert "my.key" not in result.err.decode()
    key.chmod(0o640)
    result = machine.plan("--install", "/etc/my.key", status=FAILED)
    assert "others than its owner may read the key /etc/my.key" in result.error
    assert "chmod 600" in result.hint


@pytest.mark.parametrize("table, says", [
    (f"root UUID={UUID} none tpm2-device=auto\n", "tpm2-device=auto is not supported"),
    (f"root UUID={UUID} none nonsense\n", "the option nonsense of root is not obeyed"),
    (f"root UUID={UUID} /key:LABEL=stick luks\n", "the key /key:LABEL=stick of root is no file"),
])
def test_what_is_not_obeyed_is_warned_about(machine, table, says):
    machine.table(table)
    lines, result = machine.conf()
    assert f"crypt.volume=root UUID={UUID} none luks" in lines and says in result.err.decode()


def test_a_passphrase_that_is_shared_needs_no_script(machine):
    machine.table(f"root UUID={UUID} group luks,keyscript=decrypt_keyctl\n")
    lines, result = machine.conf()
    assert f"crypt.volume=root UUID={UUID} none luks" in lines and "warning" not in result.err.decode()


def test_memory_that_the_key_derivation_lacks_is_warned_about(machine):
    says = "the LUKS volume root takes 1024 MiB of memory"
    assert says not in str(machine.plan().json)
    (machine.root / "proc/meminfo").write_text("MemTotal:  1048576 kB\n")
    assert says in str(machine.plan().json["warnings"])


def test_further_volumes_are_opened_if_crypttab_says_so(machine):
    machine.table(LINE + "data PARTUUID=1-02 none luks,x-initrd.attach\nother UUID=2 none luks\n"
                  "more PARTLABEL=a\\040b none luks,initramfs\n")
    lines, _ = machine.conf()
    assert "crypt.volume=data PARTUUID=1-02 none luks,x-initrd.attach" in lines
    assert not any("other" in line for line in lines)
    assert "crypt.volume=more PARTLABEL=a\\040b none luks,x-initrd.attach" in lines


def test_the_key_of_a_volume_can_be_pinned(machine):
    machine.table(f"root UUID={UUID} none luks,x-preroot.pin\n")
    lines, result = machine.conf()
    assert "crypt.pin=root luks2:sha256:1000:c2Fs:ZGln:aes-xts-plain64" in lines
    assert lines.index(f"crypt.volume=root UUID={UUID} none luks") + 1 == lines.index(
        "crypt.pin=root luks2:sha256:1000:c2Fs:ZGln:aes-xts-plain64")
    assert "warning" not in result.err.decode()
    (machine.root / "dev/vda2").unlink()
    result = machine.plan(status=FAILED)
    assert "/etc/crypttab:1: the key of root cannot be pinned" in result.error and result.hint


def test_a_generic_image_names_no_volume(small_kernel, tree, tmp_path):
    out = tmp_path / "generic.img"
    words = [small_kernel.version, "--root", tree.root, "--generic", "--kernel-cmdline"]
    named = [*words, "rd.luks.name=1=x root=/dev/mapper/x"]
    result = run("plan", *named, status=FAILED)
    assert "root=/dev/mapper/x is of a kind" in result.error and "cryptsetup" in result.hint
    rootfs.install("/usr/bin/true", tree.root, "/usr/sbin/cryptsetup")
    run("plan", *words, "root=/dev/mapper/x", status=FAILED)  # which may be of LVM
    run("plan", *words, "root=/dev/mapper/luks-1", status=FAILED)  # nothing opens it
    run("build", out, *named, *PLAIN)
    lines = run("cat", out, "/etc/preroot/boot.conf").text
    assert "feature=crypt\n" in lines and "crypt.volume" not in lines


def test_a_generic_image_opens_what_its_machine_needs(machine):
    """Debian's installer puts a volume into crypttab alone, and its images are generic."""
    out = machine.root.parent / "generic.img"
    machine.table(f"root UUID={UUID} none luks,discard\ndata UUID=2 none luks\n")
    run("build", out, machine.version, "--root", machine.root, "--generic", *PLAIN,
        "--kernel-cmdline", "root=/dev/mapper/root")
    lines = run("cat", out, "/etc/preroot/boot.conf").text.splitlines()
    assert f"crypt.volume=root UUID={UUID} none discard" in lines and not any("data" in line for line in lines)


def test_a_key_that_the_kernel_parameters_name_is_in_the_image(machine):
    key = machine.root / "etc/my.key"
    key.write_bytes(b"secret")
    key.chmod(0o600)
    words = ["--kernel-cmdline", f"rd.luks.key={UUID}=/etc/my.key"]
    assert "the image has no such file" in machine.plan(*words, status=FAILED).error
    machine.plan(*words, "--install", "/etc/my.key")
    key.chmod(0o644)
    assert "others than its owner may read the key /etc/my.key" in machine.plan(
        *words, "--install", "/etc/my.key", status=FAILED).error
    machine.table(f"root UUID={UUID} /etc/target.key luks\n")
    assert "others than its owner" in machine.plan("--include", key, "/etc/target.key", status=FAILED).error
    assert "is not put into the image" in str(
        machine.plan("--install-optional", "/etc/target.key").json["warnings"])


@pytest.mark.parametrize("line, says", [
    ("\"a b\" UUID=2 none luks\n", "no volume can have this name"),
    ("a UUID=2 none luks x\n", "more than four fields"),
])
def test_a_line_that_is_not_understood_is_left_out_where_no_volume_is_needed(small_kernel, tree, line, says):
    rootfs.install("/usr/bin/true", tree.root, "/usr/sbin/cryptsetup")
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/crypttab").write_text(line)
    result = run("plan", "--json", small_kernel.version, "--root", tree.root, "--generic")
    assert says in str(result.json["warnings"])


def test_an_extra_volume_that_cannot_be_opened_is_left_out(machine):
    machine.table(LINE + "data UUID=2 none x-initrd.attach,header=/h\n")
    lines, result = machine.conf()
    assert "data is opened with \"header=/h\"" in result.err.decode() and not any("data" in line for line in lines)


def test_a_token_is_warned_about(machine):
    raw = bytearray(header())
    text = raw[4096:].rstrip(b"\0")[:-1] + b', "tokens": {"0": {"type": "clevis", "keyslots": ["0"]}}}'
    raw[4096:4096 + len(text)] = text
    raw[448:480] = bytes(32)
    raw[448:480] = hashlib.sha256(raw).digest()
    (machine.root / "dev/vda2").write_bytes(raw)
    assert "the LUKS volume root has a token (clevis)" in str(machine.plan().json["warnings"])


def test_a_foreign_keymap_is_warned_about(machine):
    keymap = machine.root / "etc/vconsole.conf"
    keymap.write_text("KEYMAP=fr\n")
    says = "the passphrase of a LUKS volume is asked with the kernel's own keymap"
    assert says in str(machine.plan().json["warnings"])
    keymap.unlink()
    assert says not in str(machine.plan().json["warnings"])


def test_a_library_of_another_processor_is_not_taken(machine):
    libraries = machine.root / "usr/lib"
    for name in ("i386-linux-gnu", "x86_64-linux-gnu"):
        (libraries / name).mkdir(parents=True, exist_ok=True)
    whole = Path("/lib/x86_64-linux-gnu/libgcc_s.so.1").read_bytes()
    (libraries / "x86_64-linux-gnu/libgcc_s.so.1").write_bytes(whole)
    (libraries / "i386-linux-gnu/libgcc_s.so.1").write_bytes(whole[:4] + b"\1" + whole[5:18] + b"\3\0" + whole[20:])
    paths = {entry["path"] for entry in machine.plan().json["entries"] if "libgcc" in entry["path"]}
    shutil.rmtree(libraries / "i386-linux-gnu")
    assert paths == {"usr/lib/x86_64-linux-gnu/libgcc_s.so.1"}


def test_what_the_root_needs_cannot_be_omitted(machine):
    assert "crypt" in machine.plan("--omit", "crypt", status=FAILED).error


@pytest.mark.parametrize("forget", ["etc/crypttab", "sys/devices/virtual/block/dm-0/dm/name"])
def test_a_root_by_the_name_of_a_volume_is_known_by_crypttab_or_the_kernel(machine, forget):
    name = machine.root / forget
    text = name.read_text()
    name.write_text("other\n" if forget.startswith("sys") else "")
    machine.plan("--kernel-cmdline", "root=/dev/mapper/root")
    assert "/dev/mapper/vg-root" in machine.plan("--kernel-cmdline", "root=/dev/mapper/vg-root", status=FAILED).error
    name.write_text(text)
