# SPDX-License-Identifier: LGPL-2.1-or-later
"""What cannot be done ends with one message that names the cause, and changes nothing."""

import json
import os
import re
import socket
import subprocess
from dataclasses import dataclass
from typing import Callable

import pytest

import trees
from program import DONE, FAILED, UNPRIVILEGED, USAGE, command, in_namespace, run

pytestmark = [pytest.mark.leaks, pytest.mark.sweep]

NVME = trees.MACHINES / "nvme.json"
OLD = b"the previous image\n"


@dataclass(frozen=True)
class Case:
    """A build that must fail. ARGS are added to its command, PREPARE breaks the kernel's tree;
    the message has all of SAYS, the hint has HINT. {tree}, {version}, {tmp} stand for the case's
    root, its kernel and its folder."""

    name: str
    says: tuple
    hint: str = ""
    args: tuple = ("--generic",)
    prepare: Callable = lambda tree, tmp: None
    kernel: str = "{version}"
    status: int = FAILED


def remove(*paths):
    def prepare(tree, _):
        for path in paths:
            (tree.root / path.format(version=tree.version)).unlink()
    return prepare


def image_of(data):
    return lambda tree, tmp: tree.rewrite(tree.image, data)


def configured(**options):
    return lambda tree, tmp: tree.configure(**options)


def hardware(change, name="nvme"):
    """A description of the machine NAME: CHANGE alters what was parsed, or is the whole text."""
    def prepare(_, tmp):
        text = change
        if callable(change):
            machine = json.loads((trees.MACHINES / f"{name}.json").read_text())
            change(machine)
            text = json.dumps(machine)
        (tmp / "machine.json").write_text(text)
    return prepare


def bad_hardware(name, change, *says, hint=""):
    return Case(f"hardware: {name}", ("{tmp}/machine.json", *says), hint,
                ("--hardware", "{tmp}/machine.json"), hardware(change))


def first_device(**fields):
    return lambda machine: machine["devices"][1].update(fields)


def remove_module(name):
    def prepare(tree, _):
        next(tree.modules.rglob(f"{name}.ko*")).unlink()
    return prepare


def empty_modules(tree, _):
    for path in tree.modules.rglob("*.ko"):
        tree.rewrite(path, b"")


def make_fifo(_, tmp):
    os.mkfifo(tmp / "fifo")


def make_socket(_, tmp):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp / "socket"))


def folder_with_fifo(_, tmp):
    (tmp / "folder/deep").mkdir(parents=True)
    os.mkfifo(tmp / "folder/deep/fifo")


def container(root):
    """The machine as seen in a container: sysfs is there, but / is an overlay."""
    (root / "sys/devices").mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/mountinfo").write_text(
        "30 1 0:40 / / rw,relatime - overlay overlay rw,lowerdir=/a\n")


def mounted(*lines):
    """A machine with these lines of mountinfo, and a sysfs without disks."""
    def prepare(tree, _):
        container(tree.root)
        (tree.root / "proc/self/mountinfo").write_text("".join(
            f"{30 + i} 1 0:{40 + i} / {line}\n" for i, line in enumerate(lines)))
    return prepare


INDEX = "lib/modules/{version}/modules"
KEEP = "keep using the image builder of your distribution"

CASES = [
    Case("kernel: none of that version", ("9.9.9",), "{version}", kernel="9.9.9"),
    Case("kernel: outside the folder", ('"../x"',), kernel="../x"),
    Case("kernel: with a slash", ('"a/b"',), kernel="a/b"),
    Case("kernel: the folder itself", ('"."',), kernel="."),
    Case("kernel: empty", ('""',), kernel=""),
    Case("kernel: like an option", ("unknown option -x",), "--help", kernel="-x", status=USAGE),
    Case("kernel: behind --, like an option", ('"-x"',), args=("--generic", "--"), kernel="-x"),
    Case("modules: no index", ("{version}", "modules.dep"), "depmod -b",
         prepare=remove(INDEX + ".dep", INDEX + ".dep.bin")),
    Case("modules: no binary index", ("{version}", "modules.dep.bin"), "depmod",
         prepare=remove(INDEX + ".dep.bin")),
    Case("modules: no alias index", ("{version}", "modules.alias.bin"), "depmod",
         prepare=remove(INDEX + ".alias.bin")),
    Case("modules: no text index", ("{version}", "modules.dep"), "depmod",
         prepare=remove(INDEX + ".dep")),
    Case("modules: one is gone", ("module ext4", "ext4.ko"), "{version}",
         prepare=remove_module("ext4")),
    Case("modules: one that another needs is gone", ("jbd2", "jbd2.ko"), "{version}",
         ("--hardware", str(NVME)), remove_module("jbd2")),
    Case("modules: empty files", ("module /lib/modules/{version}/", ".ko"),
         prepare=empty_modules),
    Case("modules: garbage in an index", ("{version}",),
         prepare=lambda tree, tmp: tree.rewrite(tree.modules / "modules.dep.bin", b"garbage")),
    Case("image: none", ("{version}", "no kernel image", "/boot/vmlinuz-{version}"), "/boot",
         prepare=remove("boot/vmlinuz-{version}")),
    Case("image: of another version", ("/boot/vmlinuz-6.1.0-999-test", "{version}"), "reinstall",
         prepare=lambda tree, tmp: tree.rename("6.1.0-999-test"), kernel="6.1.0-999-test"),
    Case("image: garbage", ("/boot/vmlinuz-{version}",), "package", prepare=image_of(b"garbage" * 100)),
    Case("image: empty", ("/boot/vmlinuz-{version}",), prepare=image_of(b"")),
    Case("image: cut short", ("/boot/vmlinuz-{version}",),
         prepare=lambda tree, tmp: tree.rewrite(tree.image, tree.image.read_bytes()[:600])),
    Case("config: without the codec", ("zstd", "CONFIG_RD_ZSTD", "/boot/config-{version}"),
         "xz", ("--generic", "--compress", "zstd"), configured(RD_ZSTD=None)),
    *(Case(f"config: without {codec}", (codec, f"CONFIG_RD_{codec.upper()}"), "zstd",
           ("--generic", "--compress", f"{codec}:3"), configured(**{f"RD_{codec.upper()}": None}))
      for codec in ("xz", "lz4", "gzip", "bzip2", "lzma", "lzo")),
    Case("config: codec as a module", ("lz4", "CONFIG_RD_LZ4"), "zstd",
         ("--generic", "--compress=lz4"), configured(RD_LZ4="m")),
    Case("config: no initramfs", ("CONFIG_BLK_DEV_INITRD", "/boot/config-{version}"),
         prepare=configured(BLK_DEV_INITRD=None)),
    Case("drivers: unknown", ('"no_such"', "{version}"), "find {tree}/lib/modules/{version}",
         ("--generic", "--add-drivers", "dummy no_such")),
    Case("drivers: a path", ('"/etc/passwd"',), "", ("--generic", "--add-drivers", "/etc/passwd")),
    Case("root: missing", ("{tmp}/nowhere",), "", ("--root", "{tmp}/nowhere")),
    Case("root: a file", (str(NVME), "Not a directory"), "", ("--root", str(NVME))),
    Case("hostonly: no /sys", ("/sys",), "hostonly=no", ()),
    Case("hostonly: / on no block device", ("/",), "hostonly=no", (),
         lambda tree, tmp: container(tree.root)),
    Case("hostonly: / on NFS", ("/ is nfs4 (server:/root)", "cannot bring up"), KEEP, (),
         mounted("/ rw - nfs4 server:/root rw")),
    Case("hostonly: /usr on NFS", ("/usr is nfs (server:/usr)", "cannot bring up"), KEEP, (),
         mounted("/ rw - overlay overlay rw", "/usr rw - nfs server:/usr rw")),
    Case("hardware: missing", ("{tmp}/machine.json", "No such file"), "",
         ("--hardware", "{tmp}/machine.json")),
    Case("hardware: a folder", ("{tmp}",), "", ("--hardware", "{tmp}")),
    bad_hardware("empty", "", "JSON"),
    bad_hardware("garbage", "\0\1\2garbage", "JSON"),
    bad_hardware("cut short", NVME.read_text()[:-20], "JSON"),
    bad_hardware("more behind it", NVME.read_text() + "{}", "JSON"),
    bad_hardware("of something else", '{"mounts": []}', "not a hardware description"),
    bad_hardware("a list", "[]", "not a hardware description"),
    bad_hardware("of a newer version", lambda m: m.update({"preroot-hardware": 2}), "version 2"),
    bad_hardware("no devices", lambda m: m.pop("devices"), '"devices"'),
    bad_hardware("a mount is no object", lambda m: m.update(mounts=[7]), "mounts[0]"),
    bad_hardware("a number as a path", first_device(path=7), "devices[1]", '"path"'),
    bad_hardware("no path", first_device(path=None), "devices[1]", '"path"'),
    bad_hardware("a root without a disk", lambda m: m["mounts"][0].update(blocks=[]), "/",
                 hint="hostonly=no"),
    Case("hardware: / on NFS", ("/ is nfs4 (", "cannot bring up"), KEEP,
         ("--hardware", "{tmp}/machine.json"),
         hardware(lambda m: m["mounts"][0].update(fstype="nfs4", blocks=[]))),
    bad_hardware("nothing is mounted", lambda m: m.update(mounts=[]), "/", hint="hostonly=no"),
    Case("hardware: driver that the kernel lacks",
         ("{version}", "/sys/devices/pci0000:00/0000:00:1d.0/0000:03:00.0", "way to /", "acme"),
         "{version}", ("--hardware", "{tmp}/machine.json"),
         hardware(first_device(modalias="acme:v1", driver="acme", module="acme"))),
    Case("hardware: filesystem that the kernel lacks", ("{version}", "/", "zfs"), "{version}",
         ("--hardware", "{tmp}/machine.json"),
         hardware(lambda m: m["mounts"][0].update(fstype="zfs"))),
    Case("hardware: device-mapper", ("nvme0n1p2", "/", "mpath-x"), "image builder",
         ("--hardware", "{tmp}/machine.json"),
         hardware(lambda m: m["mounts"][0]["blocks"][0].update({"virtual": True, "dm-uuid": "mpath-x"}))),
    Case("include: missing", ("{tmp}/nothing", "No such file"), "",
         ("--generic", "--include", "{tmp}/nothing", "/x")),
    Case("include: FIFO", ("{tmp}/fifo",), "", ("--generic", "--include", "{tmp}/fifo", "/x"),
         make_fifo),
    Case("include: socket", ("{tmp}/socket",), "",
         ("--generic", "--include", "{tmp}/socket", "/x"), make_socket),
    Case("include: FIFO deep in a folder", ("{tmp}/folder/deep/fifo",), "",
         ("--generic", "--include", "{tmp}/folder", "/x"), folder_with_fifo),
    Case("include: device", ("/dev/null",), "", ("--generic", "--include", "/dev/null", "/x")),
    Case("include: outside the image", ("../x",), "",
         ("--generic", "--include", str(NVME), "../x")),
    Case("include: dots inside the path", ("x/../../y",), "",
         ("--generic", "--include", str(NVME), "/x/../../y")),
    Case("include: where there is a file", ("init/x", "/init"), "",
         ("--generic", "--include", str(NVME), "/init/x")),
    Case("include: the root itself", ('""',), "", ("--generic", "--include", str(NVME), "")),
    Case("include: name too long", ("longer",), "",
         ("--generic", "--include", str(NVME), "/x" * 2500)),
    Case("usage: unknown option", ("--no-such",), "preroot build --help", ("--no-such",),
         status=USAGE),
    Case("usage: unknown letter", ("-Z",), "preroot build --help", ("-Z",), status=USAGE),
    Case("usage: option without its argument", ("--compress", "CODEC"), "", ("--compress",),
         kernel=None, status=USAGE),
    Case("usage: option with half of its arguments", ("--include", "SRC DST"), "",
         ("--include", "x"), kernel=None, status=USAGE),
    Case("usage: argument where none is taken", ("--generic",), "", ("--generic=yes",),
         status=USAGE),
    Case("usage: unknown codec", ('"brotli"', "zstd, xz, lz4, gzip", "lzo, none, auto"), "",
         ("--compress", "brotli"), status=USAGE),
    *(Case(f"usage: --compress {word}", ("--compress", *says), "", ("--compress", word),
           status=USAGE)
      for word, says in [
          ("zstd:20", ("levels 1 to 19", '"20"')), ("xz:0", ("levels 1 to 9", '"0"')),
          ("lz4:13", ("levels 1 to 12",)), ("gzip:fast", ("levels 1 to 9", '"fast"')),
          ("bzip2:", ("levels 1 to 9", '""')), ("lzma:-1", ("levels 1 to 9",)),
          ("lzo:9x", ("levels 1 to 9",)), ("none:1", ("no levels",)), ("auto:3", ("no level",)),
          ("", ('""',)), ("xz,gzip", ('"xz,gzip"',)), ("XZ", ('"XZ"',))]),
    Case("usage: hardware of any machine", ("--generic", "--hardware"), "",
         ("--generic", "--hardware", str(NVME)), status=USAGE),
    Case("usage: too many arguments", ("too many", "third"), "preroot build", ("--generic",),
         kernel="{version}\tthird", status=USAGE),
]


@pytest.mark.parametrize("exists", [True, False], ids=["replacing", "new"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_build_is_refused(case, exists, tree, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    out = folder / "out.img"
    (folder / "other.img").write_bytes(b"another image\n")
    if exists:
        out.write_bytes(OLD)
    case.prepare(tree, tmp_path)
    before = trees.snapshot(folder)

    def fill(text):
        return text.format(version=tree.version, tree=tree.root, tmp=tmp_path)

    kernel = [] if case.kernel is None else fill(case.kernel).split("\t")
    result = run("build", "--root", tree.root, out, *map(fill, case.args), *kernel,
                 status=case.status)
    for text in case.says:
        assert fill(text) in result.error
    assert fill(case.hint) in result.hint
    assert result.out == b""
    assert trees.snapshot(folder) == before


@pytest.mark.everywhere
def test_no_command_shows_the_usage():
    done = subprocess.run(command(), capture_output=True, text=True, check=False)
    assert done.returncode == USAGE
    assert done.stderr.startswith("Usage: preroot COMMAND") and not done.stdout


@pytest.mark.parametrize("words, says", [
    (["no-such-verb"], '"no-such-verb"'),
    (["list"], "too few"),
    (["list", "a", "b"], "too many"),
    (["cat", "a"], "too few"),
    (["extract", "a"], "too few"),
    (["extract", "a", "b", "c"], "too many"),
    (["why", "a"], "too few"),
    (["verify"], "too few"),
    (["build"], "too few"),
    (["plan", "a", "b"], "too many"),
    (["hardware", "--generic"], "--generic"),
    (["extract", "--json", "a", "b"], "--json"),
])
def test_wrong_usage(words, says):
    assert says in run(*words, status=USAGE).error


@pytest.mark.parametrize("verb", ["build", "plan", "hardware", "list", "cat", "extract", "why",
                                  "verify"])
def test_help_names_the_verb_and_its_options(verb):
    text = run(verb, "--help").text
    assert text.startswith(f"Usage: preroot {verb}")
    assert "--help" in text
    assert verb in run("--help").text


# ---- where OUT cannot be written ----

def build_small(tree, out, status=DONE, **options):
    return run("build", out, tree.version, "--root", tree.root, "--generic", status=status,
               **options)


def test_folder_of_out_is_missing(tree, tmp_path):
    result = build_small(tree, tmp_path / "nowhere/out.img", FAILED)
    assert str(tmp_path / "nowhere") in result.error and "No such file" in result.error
    assert result.hint
    assert not (tmp_path / "nowhere").exists()


def test_folder_of_out_is_a_file(tree, tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    result = build_small(tree, tmp_path / "file/out.img", FAILED)
    assert str(tmp_path / "file") in result.error
    assert (tmp_path / "file").read_bytes() == OLD


@pytest.mark.parametrize("name", ["", ".", "..", "x/", "images/.."])
def test_out_is_the_name_of_a_folder(name, tree, tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "images").mkdir()
    before = trees.snapshot(tmp_path)
    result = build_small(tree, name, FAILED, cwd=tmp_path)
    assert f'"{name}"' in result.error or "folder" in result.error
    assert trees.snapshot(tmp_path) == before


@pytest.mark.parametrize("kind, make", [
    ("folder", lambda path: path.mkdir()),
    ("link", lambda path: path.symlink_to("target")),
    ("dangling link", lambda path: path.symlink_to("nothing")),
    ("FIFO", os.mkfifo),
])
def test_out_is_no_regular_file(kind, make, tree, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "target").write_bytes(OLD)
    make(folder / "out.img")
    before = trees.snapshot(folder)
    result = build_small(tree, folder / "out.img", FAILED)
    assert str(folder / "out.img") in result.error, kind
    assert trees.snapshot(folder) == before


def test_name_of_out_is_too_long(tree, tmp_path):
    (tmp_path / "images").mkdir()
    result = build_small(tree, tmp_path / "images" / ("x" * 250), FAILED)
    assert "too long" in result.error
    assert not trees.snapshot(tmp_path / "images")


@pytest.mark.everywhere
def test_folder_that_may_not_be_written_to(tree, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "out.img").write_bytes(OLD)
    before = trees.snapshot(folder)
    folder.chmod(0o555)
    result = build_small(tree, folder / "out.img", FAILED, before=UNPRIVILEGED)
    assert str(folder) in result.error and "Permission denied" in result.error
    assert "writable" in result.hint
    assert trees.snapshot(folder) == before


@pytest.mark.everywhere
def test_read_only_filesystem(tree, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "out.img").write_bytes(OLD)
    before = trees.snapshot(folder)
    read_only = in_namespace(f"mount --bind '{folder}' '{folder}'\n"
                             f"mount -o remount,ro,bind '{folder}'")
    result = build_small(tree, folder / "out.img", FAILED, before=read_only)
    assert str(folder) in result.error and "Read-only file system" in result.error
    assert trees.snapshot(folder) == before


@pytest.mark.everywhere
def test_full_filesystem(tree, tmp_path):
    """A filesystem of 512 kB with the old image has no room for the new one."""
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    # After the run, the small filesystem's content is copied out for inspection.
    full = in_namespace(f"mount -t tmpfs -o size=512k tmpfs '{disk}'\n"
                        f"printf 'the previous image\\n' >'{disk}/out.img'\n"
                        f"\"$@\" || status=$?; cp -a '{disk}' '{copy}'; exit $status")
    result = build_small(tree, disk / "out.img", FAILED, before=full)
    assert "No space left on device" in result.error
    assert re.fullmatch(rf"there is room for 0\.\d MB in {disk}, and the image is larger; free space "
                        "there; nothing was changed", result.hint)
    assert trees.snapshot(copy) == {"out.img": ("-rw-r--r--", OLD)}


def test_unreadable_module(tree, tmp_path):
    path = next(tree.modules.rglob("ext4.ko"))
    tree.rewrite(path, path.read_bytes())
    path.chmod(0)
    (tmp_path / "images").mkdir()
    result = build_small(tree, tmp_path / "images/out.img", FAILED, before=UNPRIVILEGED)
    assert "ext4.ko" in result.error and "Permission denied" in result.error
    assert not trees.snapshot(tmp_path / "images")


@pytest.mark.parametrize("inside", [False, True], ids=["itself", "in a folder"])
def test_unreadable_file_to_include(inside, tree, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    (folder / "secret").chmod(0)
    (tmp_path / "images").mkdir()
    source = folder if inside else folder / "secret"
    result = run("build", tmp_path / "images/out.img", tree.version, "--root", tree.root,
                 "--generic", "--include", source, "/x", status=FAILED, before=UNPRIVILEGED)
    assert str(folder / "secret") in result.error and "Permission denied" in result.error
    assert not trees.snapshot(tmp_path / "images")


def test_unreadable_folder_to_include(tree, tmp_path):
    (tmp_path / "folder/deep").mkdir(parents=True)
    (tmp_path / "folder/deep").chmod(0)
    result = run("plan", tree.version, "--root", tree.root, "--generic", "--include",
                 tmp_path / "folder", "/x", status=FAILED, before=UNPRIVILEGED)
    (tmp_path / "folder/deep").chmod(0o755)
    assert str(tmp_path / "folder/deep") in result.error


# ---- warnings ----

def test_no_configuration_gives_gzip_and_a_warning(tree, tmp_path):
    """gzip is the codec that a kernel most likely supports."""
    tree.config.unlink()
    result = run("build", tmp_path / "out.img", tree.version, "--root", tree.root, "--generic",
                 "--json")
    assert result.json["compress"] == "gzip"
    assert any("configuration" in text and tree.version in text
               for text in result.json["warnings"])
    told = build_small(tree, tmp_path / "out.img")
    assert any("configuration" in text for text in told.messages("warning"))


@pytest.mark.everywhere
@pytest.mark.parametrize("lacks, codec", [
    (["RD_ZSTD"], "xz"),
    (["RD_ZSTD", "RD_XZ"], "lz4"),
    (["RD_ZSTD", "RD_XZ", "RD_LZ4"], "gzip"),
    (["RD_ZSTD", "RD_XZ", "RD_LZ4", "RD_GZIP"], "lzo"),
    (["RD_ZSTD", "RD_XZ", "RD_LZ4", "RD_GZIP", "RD_LZO"], "lzma"),
    (["RD_ZSTD", "RD_XZ", "RD_LZ4", "RD_GZIP", "RD_LZO", "RD_LZMA"], "bzip2"),
    (["RD_ZSTD", "RD_XZ", "RD_LZ4", "RD_GZIP", "RD_LZO", "RD_LZMA", "RD_BZIP2"], "none"),
])
def test_codec_is_one_that_the_kernel_can_unpack(lacks, codec, tree):
    tree.configure(**{name: None for name in lacks})
    plan = run("plan", "--json", tree.version, "--root", tree.root, "--generic").json
    assert plan["compress"] == codec
