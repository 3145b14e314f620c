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


def header(cipher="aes-xts-plain64", memory=1 << 20, hash="sha256", segment="crypt", tokens=None, slots="0", **more):
    """Of a LUKS2 volume, as cryptsetup makes it. MORE: of its segment."""
    area = {"type": "raw", "offset": "32768", "size": "258048", "encryption": cipher, "key_size": 64}
    kdf = {"type": "argon2id", "time": 4, "memory": memory, "cpus": 4, "salt": ""}
    text = json.dumps({
        "keyslots": {slot: {"type": "luks2", "key_size": 64, "area": {**area, "offset": str(32768 + 258048 * int(slot))},
                            "kdf": kdf} for slot in slots},
        "tokens": tokens or {},
        "segments": {"0": {"type": segment, "offset": "16777216", "size": "dynamic",
                           **({"encryption": cipher} if segment != "hw-opal" else {}), **more}},
        "digests": {"0": {"type": "pbkdf2", "keyslots": ["0"], "segments": ["0"], "hash": hash,
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
        for folder in ("etc", "dev", "sys/class/tty/console"):
            (self.root / folder).mkdir(exist_ok=True, parents=True)

    def reset(self):
        rootfs.install("/usr/bin/true", self.root, "/usr/sbin/cryptsetup")
        (self.root / "dev/vda2").write_bytes(header())
        (self.root / "etc/crypttab").write_text(LINE)
        (self.root / "proc/meminfo").write_text("MemTotal:  4000000 kB\n")
        (self.root / "sys/class/tty/console/active").write_text("tty0 ttyS0\n")
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
    ("xchacha12,aes-adiantum-plain64", {"chacha_generic", "adiantum", "nhpoly1305"}, {"twofish_generic"}),
    ("capi:xts(serpent)-plain64", {"serpent_generic", "xts"}, {"twofish_generic"}),
    ("aes:64-cbc-lmk", {"dm_crypt"}, {"xts"}),
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
    (lambda root: (root / "dev/vda2").write_bytes(header("aes-rot-plain64")), ("no cipher rot (aes-rot-plain64)",)),
    (lambda root: (root / "dev/vda2").write_bytes(header("aes-cbc-essiv:rot")), ("no cipher rot (",)),
    (lambda root: (root / "dev/vda2").write_bytes(header(tokens={"0": {"type": "clevis", "keyslots": ["0"]}})),
     ("root can only be opened by clevis", "no key slot has a passphrase")),
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


@pytest.fixture
def key(machine):
    path = machine.root / "etc/keys/my.key"
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(b"secret")
    path.chmod(0o600)
    machine.table(f"root UUID={UUID} /etc/keys/my.key luks\n")
    return path


def test_a_key_that_is_not_in_the_image_is_an_error(machine, key):
    result = machine.plan(status=FAILED)
    assert "/etc/crypttab:1: the key /etc/keys/my.key is not in the image" in result.error
    assert 'install_items+=" /etc/keys/my.key "' in result.hint
    machine.plan("--install", "/etc/keys/my.key", "--remove", "/etc/keys/*", status=FAILED)
    key.unlink()
    machine.plan("--install-optional", "/etc/keys/my.key", status=FAILED)


@pytest.mark.parametrize("words", [
    ("--install", "/etc/keys/my.key"), ("--install-optional", "/etc/keys/my.key"), ("--install", "/etc/keys"),
    ("--install", "/etc/keys/*.key"), ("--include", "{}", "/etc/keys/my.key"),
])
def test_whoever_puts_a_key_into_the_image_only_root_can_read_it_there(machine, key, words):
    words = [word.format(key) for word in words]
    lines, result = machine.conf(*words)
    assert f"crypt.volume=root UUID={UUID} /etc/keys/my.key luks" in lines
    assert "my.key" not in result.err.decode()
    key.chmod(0o644)
    plan = machine.plan(*words)
    assert "others than its owner may read the key /etc/keys/my.key (mode 0644)" in str(plan.json["warnings"])
    modes = {entry["path"]: entry["mode"] for entry in plan.json["entries"]}
    assert modes["etc/keys/my.key"] == 0o600
    _, result = machine.conf(*words)
    assert (machine.root.parent / "out.img").stat().st_mode & 0o777 == 0o600


def test_a_key_may_be_a_link(machine, key):
    key.rename(key.with_name("real"))
    key.symlink_to("real")
    assert f"crypt.volume=root UUID={UUID} /etc/keys/my.key luks" in machine.conf("--install", "/etc/keys/my.key")[0]
    lines, _ = machine.conf("--install", "/etc/keys/real")  # which is then there without the link
    assert f"crypt.volume=root UUID={UUID} /etc/keys/real luks" in lines


def test_the_keys_that_parameters_of_the_image_name_must_be_there(machine, key):
    machine.table(f"root UUID={UUID} none luks\n")
    for param in ("rd.luks.key=/etc/keys/my.key", f"rd.luks.key={UUID}=/etc/keys/my.key"):
        words = ["--kernel-cmdline", param]
        result = machine.plan(*words, status=FAILED)
        assert f"{param}: the key /etc/keys/my.key is not in the image" in result.error
        key.chmod(0o644)
        plan = machine.plan(*words, "--install", "/etc/keys/my.key")
        modes = {entry["path"]: entry["mode"] for entry in plan.json["entries"]}
        assert modes["etc/keys/my.key"] == 0o600
        key.chmod(0o600)
    plan = machine.plan("--kernel-cmdline", "luks.key=/etc/keys/my.key")  # which the root's systemd may have
    assert "the key /etc/keys/my.key is not in the image" in str(plan.json["warnings"])
    machine.plan("--kernel-cmdline", "rd.luks.key=/etc/keys/my.key:LABEL=stick")


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
    machine.table(LINE + "data PARTUUID=1-02 none luks,x-initrd.attach\nother UUID=2 none luks\n")
    lines, _ = machine.conf()
    assert "crypt.volume=data PARTUUID=1-02 none luks,x-initrd.attach" in lines
    assert not any("other" in line for line in lines)


def test_a_passphrase_needs_a_keyboard_or_a_serial_line(machine, key):
    machine.table(LINE)
    active = machine.root / "sys/class/tty/console/active"
    active.write_text("tty0\n")
    says = "the passphrase of the LUKS volume root is asked for at boot, and the image has no driver of a keyboard"
    result = machine.plan(status=FAILED)
    assert says in result.error and "keyboard" in result.hint
    for words in (["--kernel-cmdline", "console=ttyS0,115200"], ["--hostonly-mode", "sloppy"]):
        assert says not in str(machine.plan(*words).json["warnings"])
    machine.plan("--kernel-cmdline", "console=tty1", status=FAILED)
    machine.table(LINE.replace("none", "/etc/keys/my.key"))
    machine.plan("--install", "/etc/keys/my.key")
    machine.table(LINE)
    active.unlink()  # nothing is known
    assert says in str(machine.plan().json["warnings"])


def test_a_passphrase_that_is_typed_with_another_keymap_is_warned_of(machine, key):
    keymap = machine.root / "etc/vconsole.conf"
    keymap.write_text("KEYMAP=fr\n")
    says = "the passphrase of a LUKS volume is asked with the kernel's own keymap"
    machine.table(LINE)
    assert says in str(machine.plan().json["warnings"])
    machine.table(LINE.replace("none", "/etc/keys/my.key"))
    assert says not in str(machine.plan("--install", "/etc/keys/my.key").json["warnings"])
    machine.table(LINE)
    keymap.write_text("KEYMAP=us-intl\n")
    assert says not in str(machine.plan().json["warnings"])
    keymap.unlink()


@pytest.fixture
def swap(machine):
    """A swap area in a volume of its own."""
    files_of = {"proc/swaps": "Filename Type Size Used Priority\n/dev/dm-1 partition 1 0 -2\n",
                "sys/devices/virtual/block/dm-1/dm/name": "swap\n",
                "sys/devices/virtual/block/dm-1/dm/uuid": f"CRYPT-LUKS2-{'2' * 32}-swap\n"}
    for path, text in files_of.items():
        (machine.root / path).parent.mkdir(exist_ok=True, parents=True)
        (machine.root / path).write_text(text)
    links = {"sys/class/block/dm-1": "../../devices/virtual/block/dm-1", "dev/disk/by-uuid/5-5": "../../dm-1"}
    for path, target in links.items():
        (machine.root / path).parent.mkdir(exist_ok=True, parents=True)
        (machine.root / path).symlink_to(target)
    yield
    for path in ["proc/swaps", "proc/cmdline", *links]:
        (machine.root / path).unlink(missing_ok=True)
    shutil.rmtree(machine.root / "sys/devices/virtual/block/dm-1")


# The root does not wait for it.
SWAP = "crypt.volume=swap UUID=22222222-2222-2222-2222-222222222222 none luks,x-initrd.attach"


@pytest.mark.parametrize("name", ["/dev/mapper/swap", "UUID=5-5"])
def test_the_volume_that_the_machine_resumes_from_is_opened(machine, swap, name):
    assert SWAP not in machine.conf()[0]
    assert SWAP in machine.conf("--kernel-cmdline", f"resume={name}")[0]
    assert SWAP not in machine.conf("--kernel-cmdline", "resume=/dev/mapper/other")[0]
    (machine.root / "proc/cmdline").write_text(f"root=UUID=1 resume={name} ro\n")
    assert SWAP in machine.conf()[0]
    (machine.root / "proc/cmdline").unlink()
    conf = machine.root / "etc/initramfs-tools/conf.d/resume"
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text(f"RESUME={name}\n")
    assert SWAP in machine.conf()[0]
    conf.unlink()


@pytest.mark.parametrize("words", [
    ["--omit", "resume"], ["--kernel-cmdline", "noresume"], ["--kernel-cmdline", "quiet hibernate=noresume"]])
def test_where_the_image_never_resumes_it_opens_no_volume_for_that(machine, swap, words):
    (machine.root / "proc/cmdline").write_text("root=UUID=1 resume=/dev/mapper/swap ro\n")
    assert SWAP in machine.conf()[0] and SWAP not in machine.conf(*words)[0]
    assert SWAP not in machine.conf("--kernel-cmdline", "resume=/dev/mapper/swap", *words)[0]
    assert SWAP in machine.conf("--kernel-cmdline", "noresume=0")[0]


def test_without_its_key_the_volume_that_the_machine_resumes_from_is_left_out(machine, swap):
    machine.table(LINE + "swap /dev/vda3 /etc/no.key luks\n")
    lines, result = machine.conf("--kernel-cmdline", "resume=/dev/mapper/swap")
    assert "/etc/crypttab:2: the key /etc/no.key is not in the image" in result.err.decode()
    assert not any("crypt.volume=swap" in line for line in lines)


@pytest.fixture
def plain(machine):
    """The root is in no LUKS volume."""
    mapped = machine.root / "sys/devices/virtual/block/dm-0/dm/uuid"
    luks = mapped.read_text()
    mapped.write_text("LVM-Yc1NbDn0GdJbnFyRdFpkmhzDhZjbeBqBp3rw2iKcIUz8X9UqvFcVSv2FfrsA6qwR\n")
    machine.table("")
    yield machine
    mapped.write_text(luks)


RESUME = ["--kernel-cmdline", "resume=/dev/mapper/swap"]
MARKED = "data UUID=2 none luks,x-initrd.attach\n"


def volumes(lines):
    return [line for line in lines if line.startswith("crypt.volume")]


@pytest.mark.parametrize("raw, says", [
    (bytes(16384), "whose header is elsewhere"),
    (header()[:-1] + b"x", "checksum"),
    (header("rot13-xts-plain64"), "no cipher rot13"),
], ids=["elsewhere", "damaged", "cipher"])
def test_a_swap_area_that_would_not_open_does_not_refuse_a_build(plain, swap, raw, says):
    below = plain.root / "sys/devices/virtual/block/dm-1/slaves/vda2"
    below.parent.mkdir()
    below.symlink_to("../../../../pci0000:00/0000:00:01.0/virtio0/block/vda/vda2")
    assert volumes(plain.conf(*RESUME)[0]) == [SWAP]
    (plain.root / "dev/vda2").write_bytes(raw)
    lines, result = plain.conf(*RESUME)
    assert says in result.err.decode() and "the image does not open swap" in result.err.decode()
    assert not volumes(lines)
    plain.table(MARKED)
    assert [line.split()[0] for line in volumes(plain.conf(*RESUME)[0])] == ["crypt.volume=data"]


def test_without_cryptsetup_only_what_the_boot_needs_is_an_error(plain, swap):
    (plain.root / "usr/sbin/cryptsetup").unlink()
    plain.table(MARKED)
    lines, result = plain.conf(*RESUME)
    said = result.err.decode()
    for name in ("swap", "data"):
        assert f"cryptsetup is not installed, which the feature crypt needs; the image does not open {name}" in said
    assert not any(line.startswith(("crypt.", "feature=crypt")) for line in lines)
    assert "cryptsetup is not installed" in plain.plan("--add", "crypt", status=FAILED).error
    assert "no LUKS volume" in plain.plan("--kernel-cmdline", "root=/dev/mapper/data", status=FAILED).error


def test_a_kernel_without_dm_crypt_does_without_further_volumes(small_kernel, tree, tmp_path, plain, swap):
    rootfs.install("/usr/bin/true", tree.root, "/usr/sbin/cryptsetup")
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/crypttab").write_text(MARKED)
    lines, said = generic(tree.root, small_kernel.version, tmp_path)
    assert "has no dm_crypt" in said and "the image does not open data" in said and not volumes(lines)
    words = ["plan", small_kernel.version, "--root", tree.root, "--generic", "--add", "crypt"]
    assert "has no dm_crypt" in run(*words, status=FAILED).error
    plain.table(MARKED)
    assert plain.conf("--omit-drivers", "dm_crypt", *RESUME)


def test_a_line_of_a_swap_area_that_is_not_understood_does_not_refuse_a_build(plain, swap):
    plain.table("swap UUID=2 none luks, discard\n")
    lines, result = plain.conf(*RESUME)
    said = result.err.decode()
    assert "there are more than four fields" in said and "the line is ignored" in said and volumes(lines) == [SWAP]


def test_more_volumes_than_an_image_can_open_do_not_refuse_a_build(plain):
    plain.table("".join(f"data{i} UUID={i} none luks,x-initrd.attach\n" for i in range(33)))
    lines, result = plain.conf()
    assert "the image does not open data32" in result.err.decode() and len(volumes(lines)) == 32


@pytest.mark.parametrize("line, says", [
    ("data UUID=2 none luks, discard", "/etc/crypttab:2: there are more than four fields"),
    ('"my data" UUID=2', "/etc/crypttab:2: no volume can have this name"),
    ("data UUID=2 none header=/h,x-initrd.attach", "/etc/crypttab:2: the volume data is opened with"),
    ("data UUID=2 none tcrypt,initramfs", "/etc/crypttab:2: the volume data is opened with"),
    ("data UUID=2 /etc/no.key x-initrd.attach", "/etc/crypttab:2: the key /etc/no.key is not in the image"),
])
def test_what_the_boot_does_without_is_left_out_with_a_warning(machine, line, says):
    machine.table(LINE + line + "\n")
    lines, result = machine.conf()
    assert says in result.err.decode()
    assert [line.split()[0] for line in lines if line.startswith("crypt.volume")] == ["crypt.volume=root"]


def test_a_further_volume_that_parameters_name_as_the_root_is_not_left_out(machine):
    machine.table(LINE + "data UUID=2 none header=/h,x-initrd.attach\n")
    assert "header=/h" in machine.plan("--kernel-cmdline", "root=/dev/mapper/data", status=FAILED).error


def test_fields_keep_their_blanks(machine):
    machine.table(LINE + 'a\\134b PARTLABEL="my disk" none luks,initramfs\n"#c" UUID=3 - x-initrd.attach\n')
    lines, _ = machine.conf()
    assert r"crypt.volume=a\134b PARTLABEL=my\040disk none luks,x-initrd.attach" in lines
    assert r"crypt.volume=\043c UUID=3 none luks,x-initrd.attach" in lines


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


def generic(root, version, tmp_path, *words):
    out = tmp_path / "generic.img"
    result = run("build", out, version, "--root", root, "--generic", *PLAIN, *words)
    return run("cat", out, "/etc/preroot/boot.conf").text.splitlines(), result.err.decode()


def test_a_generic_image_opens_what_the_machine_that_it_is_made_on_opens(machine, tmp_path):
    (machine.root / "etc/fstab").write_text("UUID=1 / ext4 defaults 0 1\n")
    lines, said = generic(machine.root, machine.version, tmp_path)
    assert f"crypt.volume=root UUID={UUID} none discard,tries=5" in lines and "LUKS" not in said
    (machine.root / "etc/crypttab").unlink()
    assert f"crypt.volume=root UUID={UUID} none luks" in generic(machine.root, machine.version, tmp_path)[0]
    (machine.root / "usr/sbin/cryptsetup").unlink()
    words = [machine.version, "--root", machine.root, "--generic"]
    assert "cryptsetup is not installed" in run("plan", *words, status=FAILED).error
    rootfs.install("/usr/bin/true", machine.root, "/usr/sbin/cryptsetup")
    (machine.root / "dev/vda2").write_bytes(bytes(16384))
    assert 'omit_dracutmodules+=" crypt "' in run("plan", *words, status=FAILED).hint
    run("plan", *words, "--omit", "crypt", "--kernel-cmdline", "root=UUID=1")


def test_where_no_device_is_known_fstab_and_crypttab_say_what_a_generic_image_opens(bookworm, tmp_path):
    root = tmp_path / "root"
    for name in ("boot", "lib"):
        files.link_tree(bookworm.root / name, root / name)
    rootfs.install("/usr/bin/true", root, "/usr/sbin/cryptsetup")
    (root / "etc").mkdir()
    (root / "etc/fstab").write_text("/dev/mapper/sda2_crypt / ext4 defaults 0 1\n")
    (root / "etc/crypttab").write_text("other UUID=2 none luks\nsda2_crypt UUID=1 none luks,discard\n")
    lines, said = generic(root, bookworm.version, tmp_path)
    assert [line for line in lines if "volume" in line] == ["crypt.volume=sda2_crypt UUID=1 none discard"]
    assert "sda2_crypt" not in said
    (root / "etc/crypttab").write_text("other UUID=2 none luks\n")
    lines, said = generic(root, bookworm.version, tmp_path)
    assert not any("volume" in line for line in lines)
    assert ("/etc/fstab, line 1, has / on /dev/mapper/sda2_crypt, which an image of this version cannot bring up "
            "unless rd.luks.name=") in said
    named = ["--kernel-cmdline", "rd.luks.name=1=sda2_crypt"]
    assert "sda2_crypt" not in generic(root, bookworm.version, tmp_path, *named)[1]


@pytest.mark.parametrize("line, is_opened", [
    ("root=/dev/mapper/x", False),  # which may be of LVM
    ("root=/dev/mapper/luks-1f", False),
    ("root=/dev/mapper/luks-1f rd.luks.uuid=luks-1F", True),
    ("root=/dev/mapper/luks-1f rd.luks.uuid=2", False),
    ("root=/dev/mapper/luks-1f rd.auto", True),
    ("root=/dev/mapper/x rd.luks.name=1=x", True),
    ("root=/dev/mapper/x rd.luks.name=1=y", False),
    ("root=/dev/mapper/x rd.luks.name=1=x rd.luks=0", False),
])
def test_parameters_of_an_image_that_has_no_volume_must_name_the_one_of_the_root(small_kernel, tree, line, is_opened):
    rootfs.install("/usr/bin/true", tree.root, "/usr/sbin/cryptsetup")
    result = run("plan", small_kernel.version, "--root", tree.root, "--generic", "--kernel-cmdline", line,
                 status=0 if is_opened else FAILED)
    assert is_opened or ("names no LUKS volume that the image opens" in result.error and "rd.luks.name" in result.hint)


def test_without_cryptsetup_no_parameter_opens_a_volume(small_kernel, tree):
    result = run("plan", small_kernel.version, "--root", tree.root, "--generic", "--kernel-cmdline",
                 "rd.luks.name=1=x root=/dev/mapper/x", status=FAILED)
    assert "names no LUKS volume" in result.error and "cryptsetup" in result.hint


@pytest.mark.parametrize("is_active", [True, False])
def test_a_name_in_dev_mapper_may_be_that_of_a_volume_of_lvm(small_kernel, tree, tmp_path, is_active):
    """Which is known by the kernel, or by what lvm has noted."""
    if is_active:
        files_of = {"name": "vg0-root\n", "uuid": f"LVM-{'a' * 32}{'b' * 32}\n"}
        folder = tree.root / "sys/devices/virtual/block/dm-0/dm"
    else:
        files_of, folder = {"vg0": ""}, tree.root / "etc/lvm/backup"
    folder.mkdir(parents=True)
    for name, text in files_of.items():
        (folder / name).write_text(text)
    for parameter in ("root=/dev/mapper/vg0-root", "root=/dev/vg0/root"):
        words = ["plan", small_kernel.version, "--root", tree.root, "--generic", "--kernel-cmdline", parameter]
        run(*words)
        run(*words, "--omit", "crypt")
        assert run(*words, "--omit", "lvm", status=FAILED).hint
    run("plan", small_kernel.version, "--root", tree.root, "--generic", "--kernel-cmdline", "root=/dev/mapper/vg1-root",
        status=FAILED)
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/fstab").write_text("/dev/mapper/vg0-root / ext4 defaults 0 1\n")
    assert "cannot bring up" not in generic(tree.root, small_kernel.version, tmp_path)[1]
    assert "cannot bring up" in generic(tree.root, small_kernel.version, tmp_path, "--omit", "lvm")[1]


def test_a_token_that_opens_the_volume_now_is_warned_about(machine):
    clevis = {"0": {"type": "clevis", "keyslots": ["1"]}}
    (machine.root / "dev/vda2").write_bytes(header(tokens=clevis, slots="01"))
    says = "the LUKS volume root may be opened by clevis now (a token in its header)"
    assert says in str(machine.plan().json["warnings"])
    machine.table(f"root UUID={UUID} none luks,tpm2-device=auto\n")
    warnings = str(machine.plan().json["warnings"])
    assert "tpm2-device=auto is not supported" in warnings and says not in warnings


@pytest.mark.parametrize("segment", ["hw-opal", "hw-opal-crypt"])
def test_a_disk_that_encrypts_itself_needs_its_driver(machine, segment):
    (machine.root / "dev/vda2").write_bytes(header(segment=segment))
    assert "LUKS" not in str(machine.plan().json["warnings"])
    configs = list((machine.root / "boot").glob("config-*"))
    text = configs[0].read_text()
    assert "CONFIG_BLK_SED_OPAL=y" in text
    configs[0].unlink()
    configs[0].write_text(text.replace("CONFIG_BLK_SED_OPAL=y", ""))
    result = machine.plan(status=FAILED)
    configs[0].write_text(text)
    assert "CONFIG_BLK_SED_OPAL" in result.error


def test_a_header_of_a_kind_that_is_not_known_is_left_to_cryptsetup(machine):
    (machine.root / "dev/vda2").write_bytes(header(segment="new"))
    plan = machine.plan()
    assert "/dev/vda2: LUKS header: a data segment is of a kind that is not known" in str(plan.json["warnings"])
    assert {"xts", "serpent_generic", "twofish_generic"} <= modules(plan)
    raw = bytearray(header())
    raw[7] = 3
    (machine.root / "dev/vda2").write_bytes(raw)
    assert "version 3 is not known" in str(machine.plan().json["warnings"])


@pytest.fixture
def program(machine):
    """The real cryptsetup, with what it opens later."""
    rootfs.install("/usr/sbin/cryptsetup", machine.root, "/usr/sbin/cryptsetup")
    folder = next(machine.root.rglob("libcrypto.so.3")).parent
    later = [folder / "libgcc_s.so.1", folder / "ossl-modules/legacy.so"]
    for path in later:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        shutil.copyfile(Path("/") / path.relative_to(machine.root), path)
    yield later
    for path in [*later, machine.root / "usr/lib/i386-linux-gnu/libgcc_s.so.1"]:
        path.unlink(missing_ok=True)


def paths(plan):
    return {Path(entry["path"]).name: entry["path"] for entry in plan.json["entries"]}


def test_the_libraries_of_the_programs_own_architecture_are_packed(machine, program):
    other = machine.root / "usr/lib/i386-linux-gnu/libgcc_s.so.1"
    other.parent.mkdir(exist_ok=True, parents=True)
    other.write_bytes(b"\x7fELF\x01\x01\x01" + bytes(45))
    found = paths(machine.plan())
    assert "i386" not in found["libgcc_s.so.1"] and "legacy.so" not in found
    program[0].unlink()
    if not any(machine.root.rglob("libargon2.so*")):  # newer versions have OpenSSL do that, without it
        assert "libgcc_s.so.1" not in paths(machine.plan())
        return
    result = machine.plan(status=FAILED)
    assert "libgcc_s.so.1 is not installed for the architecture of /usr/sbin/cryptsetup" in result.error
    assert "root" in result.error and result.hint


def test_hashes_that_openssl_has_apart_are_packed_for_who_needs_them(machine, program, tmp_path):
    (machine.root / "dev/vda2").write_bytes(header(hash="whirlpool"))
    assert paths(machine.plan())["legacy.so"].endswith("/ossl-modules/legacy.so")
    program[1].unlink()
    result = machine.plan(status=FAILED)
    assert "legacy.so is not installed, which has the hash whirlpool of the LUKS volume root" in result.error
    (machine.root / "dev/vda2").write_bytes(header(hash="ripemd160"))
    machine.plan()


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
