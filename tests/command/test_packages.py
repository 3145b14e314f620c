# SPDX-License-Identifier: LGPL-2.1-or-later
"""The owners of files, from databases that rpm itself wrote, in each of its formats."""

import os
import shutil
import sqlite3
import struct
import subprocess

import pytest

import trees
from program import run

FOLDERS = ["usr/lib/sysimage/rpm", "var/lib/rpm"]
FILES = {"sqlite": "rpmdb.sqlite", "ndb": "Packages.db"}

# One package with all modules, an earlier one with one of the same modules, and enough others to
# make every part of the database grow.
MANY = 300
SHARED = "nvme"
SPEC = """\
Name: kernel-core
Version: 6.1.9
Release: 150.1
Epoch: 2
Summary: a kernel
License: GPL-2.0-only
BuildArch: noarch
AutoReqProv: no
%description
A kernel.
%install
cd %{buildroot} && xargs mkdir -p <%{top}/folders && xargs touch <%{top}/files
%files
"""
OTHER = """\
%package -n NAME
Summary: another package
AutoReqProv: no
%description -n NAME
Another package.
%files -n NAME
PATH
"""


class Rpm:
    """rpm with a configuration and libraries of its own."""

    def __init__(self, tools, top):
        library = tools / "usr/lib/x86_64-linux-gnu"
        self.before = [tools / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", library]
        self.programs = tools / "usr/bin"
        self.env = {**os.environ, "LC_ALL": "C", "HOME": str(top),
                    "RPM_CONFIGDIR": str(tools / "usr/lib/rpm"),
                    "MAGIC": str(tools / "usr/lib/file/magic.mgc")}

    def run(self, name, *words):
        subprocess.run([*self.before, self.programs / name, *words], check=True, env=self.env,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def build(self, top, spec):
        (top / "spec").write_text(spec)
        settings = {"_topdir": top, "_tmppath": top, "_dbpath": top / "none", "top": top,
                    "_rpmdir": top / "packages", "_build_name_fmt": "%%{NAME}.rpm",
                    "__os_install_post": "%{nil}"}
        self.run("rpmbuild", "-bb", "--quiet", "--nodebuginfo", *self.define(settings),
                 top / "spec")
        return top / "packages"

    @staticmethod
    def define(settings):
        return [word for key, value in settings.items()
                for word in ("--define", f"{key} {value}")]

    def install(self, backend, folder, *packages):
        self.run("rpm", *self.define({"_db_backend": backend, "_dbpath": folder}), "--justdb",
                 "--nodeps", "--noplugins", "--nosignature", "--replacefiles", "-i", *packages)

    def erase(self, backend, folder, *names):
        self.run("rpm", *self.define({"_db_backend": backend, "_dbpath": folder}), "--justdb",
                 "--nodeps", "--noplugins", "-e", *names)


@pytest.fixture(scope="module")
def databases(rpm_tools, small_kernel, tmp_path_factory):
    """By backend, a folder with the database in which the small kernel belongs to packages."""
    top = tmp_path_factory.mktemp("rpm")
    rpm = Rpm(rpm_tools, top)
    modules = sorted(f"/lib/modules/{small_kernel.version}/{p.relative_to(small_kernel.modules)}"
                     for p in small_kernel.modules.rglob("*.ko"))
    shared = next(path for path in modules if path.endswith(f"/{SHARED}.ko"))
    # Names that make the header larger than a page of any database.
    padding = [f"/usr/share/kernel/{'x' * 200}-{i}" for i in range(400)]
    others = {f"other{i}": f"/usr/share/other/{i}" for i in range(MANY)} | {"first": shared}
    files = [*modules, *padding, *others.values()]
    (top / "files").write_text("".join(f".{path}\n" for path in files))
    (top / "folders").write_text("".join(f".{os.path.dirname(path)}\n" for path in files))
    packages = rpm.build(top, SPEC + "\n".join(modules + padding) + "\n" + "".join(
        OTHER.replace("NAME", name).replace("PATH", path) for name, path in others.items()))
    found = {}
    for backend in FILES:
        folder = found[backend] = top / backend
        rpm.install(backend, folder, packages / "other0.rpm", packages / "first.rpm")
        rpm.install(backend, folder, packages / "kernel-core.rpm")
        rpm.install(backend, folder, *(packages / f"other{i}.rpm" for i in range(1, MANY)))
        rpm.erase(backend, folder, "other0", "other7", "other8", f"other{MANY - 1}")
        (folder / ".rpm.lock").unlink()
    return found


def headers(databases):
    """All headers by number."""
    database = sqlite3.connect(f"file:{databases['sqlite']}/rpmdb.sqlite?mode=ro", uri=True)
    with database:
        rows = dict(database.execute("SELECT hnum, blob FROM Packages"))
    database.close()
    return rows


def write_bdb(path, rows, *settings, order="<", kind="hash"):
    """Writes the file Packages of older rpms: the headers, and under 0 the next free number."""
    numbers = {0: struct.pack(order + "I", max(rows) + 1), **rows}
    lines = [line for number, blob in numbers.items()
             for line in (struct.pack(order + "I", number), blob)]
    text = "".join("".join(f"\\{byte:02x}" for byte in line) + "\n" for line in lines)
    settings = [f"db_lorder={1234 if order == '<' else 4321}", *settings]
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["db5.3_load", "-T", "-t", kind, *(word for setting in settings
                                                      for word in ("-c", setting)), path],
                   input=text.encode(), check=True)


def with_database(tree, databases, backend, folder):
    """Puts a database that rpm wrote into the tree. Returns its main file."""
    shutil.copytree(databases[backend], tree.root / folder)
    return tree.root / folder / FILES[backend]


def build(tree, image):
    """The warnings about packages."""
    result = run("build", image, tree.version, "--root", tree.root, "--generic")
    return [text for text in result.messages("warning") if "package" in text]


def owner(image, asked):
    return run("why", "--json", image, asked).json.get("package")


KERNEL = {"name": "kernel-core", "version": "2:6.1.9-150.1", "arch": "noarch"}


@pytest.fixture(scope="module")
def by_sqlite(small_kernel, databases, tmp_path_factory):
    """The image of the same tree with rpm's SQLite database."""
    top = tmp_path_factory.mktemp("sqlite")
    tree = small_kernel.copy(top / "root")
    with_database(tree, databases, "sqlite", FOLDERS[0])
    assert build(tree, top / "image") == []
    return top / "image"


@pytest.mark.parametrize("folder", FOLDERS)
def test_ndb(folder, tree, databases, by_sqlite, tmp_path):
    with_database(tree, databases, "ndb", folder)
    before = trees.snapshot(tree.root / folder)
    assert build(tree, tmp_path / "image") == []
    assert trees.snapshot(tree.root / folder) == before
    assert owner(tmp_path / "image", "ext4") == KERNEL
    assert owner(tmp_path / "image", SHARED) == KERNEL | {"name": "first"}
    assert (tmp_path / "image").read_bytes() == by_sqlite.read_bytes()


@pytest.mark.parametrize("order", "<>", ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("settings", [
    ["db_pagesize=4096"], ["db_pagesize=512"], ["db_pagesize=65536"],
    ["db_pagesize=1024", "h_ffactor=2", "h_nelem=4000"], ["db_pagesize=4096", "h_ffactor=5000"],
], ids=["as rpm does it", "small pages", "large pages", "empty buckets", "one bucket"])
def test_berkeley_db(settings, order, tree, databases, by_sqlite, tmp_path):
    path = tree.root / FOLDERS[1] / "Packages"
    write_bdb(path, headers(databases), *settings, order=order)
    before = trees.snapshot(path.parent)
    assert build(tree, tmp_path / "image") == []
    assert trees.snapshot(path.parent) == before
    assert owner(tmp_path / "image", "ext4") == KERNEL
    assert (tmp_path / "image").read_bytes() == by_sqlite.read_bytes()


@pytest.mark.leaks
def test_bill_of_materials(tree, databases, tmp_path):
    with_database(tree, databases, "ndb", FOLDERS[0])
    (tree.root / "etc").mkdir()
    (tree.root / "etc/os-release").write_text('ID="opensuse-leap"\nVERSION_ID="15.5"\n')
    build(tree, tmp_path / "image")
    packages = run("sbom", "--cyclonedx", tmp_path / "image").json["components"]
    assert ("pkg:rpm/opensuse-leap/kernel-core@6.1.9-150.1?arch=noarch"
            "&distro=opensuse-leap-15.5&epoch=2") in [p.get("purl") for p in packages]


def damaged(tree, path, change):
    """Builds with a changed database. Returns the only warning, which names it."""
    tree.rewrite(path, change(path.read_bytes()))
    image = tree.root.parent / "image"
    warnings = build(tree, image)
    assert len(warnings) == 1 and f"/{path.relative_to(tree.root)}: " in warnings[0]
    return warnings[0], image


@pytest.mark.parametrize("change, says", [
    (lambda d: b"", "not an rpm ndb database"),
    (lambda d: b"garbage" * 1000, "not an rpm ndb database"),
    (lambda d: d[:4096], "not an rpm ndb database"),
    (lambda d: d[:4] + b"\1" + d[5:], "not supported"),
    (lambda d: d[:len(d) // 2], "entry of a package"),
    (lambda d: d[:16 * 2] + bytes(16) + d[16 * 3:], "entry of a package"),
], ids=["empty", "garbage", "slots only", "newer", "cut", "slot without a mark"])
def test_damaged_ndb(change, says, tree, databases):
    path = with_database(tree, databases, "ndb", FOLDERS[0])
    assert says in damaged(tree, path, change)[0]


def test_one_damaged_package_is_told_and_the_others_are_read(tree, databases):
    path = with_database(tree, databases, "ndb", FOLDERS[0])
    said, image = damaged(tree, path, lambda d: d.replace(b"\0first\0", b"\0fIrst\0", 1))
    assert "further" not in said
    assert owner(image, "ext4") == KERNEL and owner(image, SHARED) == KERNEL


@pytest.mark.parametrize("change, says", [
    (lambda d: b"", "not a Berkeley DB hash database"),
    (lambda d: b"garbage" * 1000, "not a Berkeley DB hash database"),
    (lambda d: d[:4096], "not a Berkeley DB hash database"),
    (lambda d: d[:16] + b"\x0b" + d[17:], "not supported"),
    (lambda d: d[:len(d) // 2], "damaged"),
], ids=["empty", "garbage", "first page only", "newer", "cut"])
def test_damaged_berkeley_db(change, says, tree, databases):
    path = tree.root / FOLDERS[1] / "Packages"
    write_bdb(path, headers(databases), "db_pagesize=4096")
    assert says in damaged(tree, path, change)[0]


@pytest.mark.parametrize("settings, kind, says", [
    (["chksum=1"], "hash", "version or kind is not supported"), ([], "btree", "not a Berkeley DB hash database")],
    ids=["checksums", "a tree"])
def test_other_berkeley_db(settings, kind, says, tree, databases):
    path = tree.root / FOLDERS[1] / "Packages"
    write_bdb(path, headers(databases), *settings, kind=kind)
    assert says in damaged(tree, path, lambda data: data)[0]
