# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cache changes only how long a build takes; --if-changed misses no change."""

import os
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

import faults
import trees
from lib import early
from program import DONE, FAILED, USAGE, environment, in_namespace, run

NVME = trees.MACHINES / "nvme.json"


class Place:
    """A kernel's tree, a cache and an image."""

    def __init__(self, tree, folder):
        self.tree, self.folder = tree, folder
        self.cache, self.out = folder / "cache", folder / "out.img"

    def words(self, *options, out=None):
        return ["build", out or self.out, self.tree.version, "--root", self.tree.root, *options,
                *([] if "--no-cache" in options else ["--cache-dir", self.cache])]

    def build(self, *options, out=None, **more):
        return run(*self.words("--generic", *options, out=out), **more)

    def bytes_without_cache(self, *options):
        out = self.folder / "without.img"
        self.build("--no-cache", *options, out=out)
        return out.read_bytes()

    def blobs(self):
        return sorted(path for path in self.cache.iterdir())

    def is_unchanged(self, *options, **more):
        return self.build("--if-changed", *options, **more).text == f"{self.out}: unchanged\n"

    def module(self, name):
        return next(self.tree.modules.rglob(f"{name}.ko"))


@pytest.fixture
def place(tree, tmp_path):
    folder = tmp_path / "place"
    folder.mkdir()
    return Place(tree, folder)


@pytest.mark.parametrize("folder", ["home/.cache", "xdg"])
def test_a_user_without_a_folder_for_caches_gets_one(place, folder):
    home, folder = place.folder / "home", place.folder / folder
    home.mkdir()
    words = ["build", "--root", place.tree.root, "--generic", "--", place.out, place.tree.version]
    env = {"HOME": home, "XDG_CACHE_HOME": folder if folder.name == "xdg" else None}
    done = run(*words, before=("unshare", "--user", "--map-user=1000"), env=env)
    assert "cache" not in done.err.decode() and (folder / "preroot").is_dir()
    assert folder.stat().st_mode & 0o777 == 0o700
    # Not without a home, nor where the user has named a place.
    place.cache = place.folder / "missing/cache"
    assert "cannot be created" in place.build().messages("warning")[-1]
    env = {"HOME": place.folder / "nobody", "XDG_CACHE_HOME": None}
    done = run(*words, before=("unshare", "--user", "--map-user=1000"), env=env)
    assert "cannot be created" in done.messages("warning")[-1] and not env["HOME"].exists()


def test_the_systems_folder_for_caches_is_not_made(place):
    """What preroot makes only its owner may enter, and other programs live in that one, too."""
    var = place.folder / "var"
    var.mkdir()
    done = run("build", "--root", place.tree.root, "--generic", "--", place.out, place.tree.version,
               before=in_namespace(f"mount --bind '{var}' /var"))
    assert "cannot be created" in done.messages("warning")[-1] and not list(var.iterdir())


def make_equally_long(tree, *names):
    """So that only their content says that these modules differ."""
    paths = [next(tree.modules.rglob(f"{name}.ko")) for name in names]
    longest = max(path.stat().st_size for path in paths)
    for path in paths:
        tree.rewrite(path, path.read_bytes().ljust(longest, b"\0"))


# Trees in which nothing has changed for a while, by name: each for one test that changes it, but
# for the first. With what comes into it before.
AGED = {
    "unchanged": lambda tree: None,
    "module of no disk": lambda tree: None,
    "empty configuration": lambda tree: None,
    "dependencies": lambda tree: None,
    "image copied": lambda tree: None,
    "hardware": lambda tree: put(tree.root / "hardware.json", NVME.read_text()),
    "machine": lambda tree: trees.write_machine("virtio-blk", tree.root),
    "plan": lambda tree: None,
    "equally long": lambda tree: make_equally_long(tree, "ahci", "nvme", "virtio_blk"),
    "new module": lambda tree: (trees.make_module(tree, "kernel/drivers/misc/new.ko"),
                                trees.depmod(tree)),
}


@pytest.fixture(scope="module")
def aged(small_kernel, tmp_path_factory):
    """AGED. They wait together until files are old enough to be identified by their times. Younger
    ones are read again in each run, and may cause a build of the same image."""
    folder, made = tmp_path_factory.mktemp("aged"), {}
    for name, prepare in AGED.items():
        # Nothing is shared: another test's change to a link would make this file young.
        shutil.copytree(small_kernel.root, folder / name, symlinks=True)
        made[name] = trees.KernelTree(folder / name, small_kernel.version)
        prepare(made[name])
    newest = max(path.lstat().st_ctime for path in folder.rglob("*"))
    faults.wait_for(lambda: time.time() >= newest + 4)
    return made


def old_place(aged, name, folder):
    (folder / "old").mkdir()
    return Place(aged[name], folder / "old")


@pytest.fixture
def still(aged, tmp_path):
    """A tree that nobody changes, with a place for its image."""
    return Place(aged["unchanged"], tmp_path)


def states(folder):
    """The state of all files below FOLDER, with their access times."""
    paths = [folder, *folder.rglob("*")]
    return {str(path): tuple(path.lstat()) for path in sorted(paths)}


# ---- the same bytes ----

@pytest.mark.parametrize("codec", ["zstd", "xz", "none"])
def test_same_bytes_with_and_without(codec, place):
    options = ["--compress", codec]
    wanted = place.bytes_without_cache(*options)
    for _ in range(2):
        place.build(*options)
        assert place.out.read_bytes() == wanted
    for blob in place.blobs()[::2]:
        blob.unlink()
    place.build(*options)
    assert place.out.read_bytes() == wanted


def test_module_that_changed_is_packed_anew(place):
    place.build()
    old = place.out.read_bytes()
    path = place.module("ahci")
    place.tree.rewrite(path, path.read_bytes() + b"a little more")
    place.build()
    assert place.out.read_bytes() == place.bytes_without_cache() != old


def test_module_with_new_content_and_old_times(place):
    """Its inode and its ctime differ."""
    path = place.module("ahci")
    place.build()
    data, times = bytearray(path.read_bytes()), path.stat()
    data[-1] ^= 1
    place.tree.rewrite(path, bytes(data))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    place.build()
    assert place.out.read_bytes() == place.bytes_without_cache()


def test_a_module_is_opened_once_and_the_second_time_not_at_all(aged, tmp_path):
    place = old_place(aged, "equally long", tmp_path)
    opened = {}
    for name in ("cold", "warm"):
        log = tmp_path / name
        subprocess.run(["strace", "-f", "-o", log, "-e", "trace=openat,openat2",
                        *map(str, [os.environ.get("PREROOT") or "build/preroot",
                                   *place.words("--generic")])],
                       check=True, capture_output=True, env=environment(**faults.TRACED))
        opened[name] = re.findall(r'[^/"]*\.ko(?=")', log.read_text())
    assert len(opened["cold"]) > 20
    assert len(opened["cold"]) == len(set(opened["cold"]))
    assert opened["warm"] == []


# ---- --if-changed ----

def test_nothing_changed_nothing_written(still):
    assert "unchanged" not in still.build("--if-changed").text
    before = states(still.folder)
    assert still.is_unchanged()
    assert states(still.folder) == before
    result = still.build("--if-changed", "--json")
    assert result.json == {"image": str(still.out), "changed": False}
    assert result.err == b""
    assert states(still.folder) == before


def test_build_without_if_changed_always_writes(place):
    place.build()
    inode = place.out.stat().st_ino
    assert place.build("--json").json["changed"] is True
    assert place.out.stat().st_ino != inode


def put(path, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def replace(tree, path):
    tree.rewrite(path, path.read_bytes() + b"\n")


# What may change, and whether that changes the image.
CHANGES = {
    "module": (lambda p: replace(p.tree, p.module("ahci")), True),
    "module of no disk": (lambda p: replace(p.tree, p.tree.modules / "modules.order"), False),
    "new firmware": (lambda p: put(p.tree.root / "lib/firmware/qlogic/1040.bin"), True),
    "options": (lambda p: put(p.tree.root / "etc/modprobe.d/a.conf", "options nvme x=1\n"), True),
    "empty configuration": (lambda p: put(p.tree.root / "etc/modprobe.d/a.conf", ""), False),
    "dependencies": (lambda p: replace(p.tree, p.tree.modules / "modules.dep.bin"), False),
    "kernel": (lambda p: p.tree.configure(RD_ZSTD=None), True),
    "image gone": (lambda p: p.out.unlink(), True),
    "image written to": (lambda p: p.out.write_bytes(p.out.read_bytes()[:-1] + b"x"), True),
    "image for all to read": (lambda p: p.out.chmod(0o644), True),
    "image copied": (lambda p: (shutil.copyfile(p.out, p.folder / "x"),
                                (p.folder / "x").chmod(0o600), (p.folder / "x").rename(p.out)),
                     False),
    "cache deleted": (lambda p: shutil.rmtree(p.cache), True),
}


@pytest.mark.sweep
@pytest.mark.parametrize("what", CHANGES)
def test_any_change_is_seen(what, place, aged, tmp_path):
    change, differs = CHANGES[what]
    if not differs:
        place = old_place(aged, what, tmp_path)
    place.build()
    assert place.is_unchanged()
    change(place)
    assert place.is_unchanged() != differs
    # After that, the new state counts as unchanged.
    image = place.out.lstat()
    assert place.is_unchanged()
    assert place.out.lstat() == image
    assert place.out.read_bytes() == place.bytes_without_cache()


@pytest.mark.sweep
@pytest.mark.parametrize("what", ["file", "name", "folder", "link"])
def test_change_of_what_is_included(what, place):
    extra = place.folder / "extra"
    put(extra / "d/file", "old")
    (extra / "link").symlink_to("one")
    options = ["--include", extra, "/extra"]
    place.build(*options)
    assert place.is_unchanged(*options)
    if what == "file":
        put(extra / "d/file", "new")
    elif what == "name":
        put(extra / "d/more")
    elif what == "folder":
        (extra / "empty").mkdir()
    else:
        (extra / "link").unlink()
        (extra / "link").symlink_to("two")
    assert not place.is_unchanged(*options)
    assert place.is_unchanged(*options)


@pytest.mark.sweep
def test_another_request_is_a_change(still):
    still.build()
    assert not still.is_unchanged("--compress", "xz")
    assert still.is_unchanged("--compress", "xz")
    assert not still.is_unchanged("--add-drivers", "dummy")
    # Written differently, it leads to the same plan.
    assert still.is_unchanged("--add-drivers", "dummy", "--add-drivers", "dummy")


def test_change_of_the_hardware(aged, tmp_path):
    place = old_place(aged, "hardware", tmp_path)
    hardware = place.tree.root / "hardware.json"
    text = NVME.read_text()

    def build():
        return run(*place.words("--hardware", hardware, "--if-changed")).text

    build()
    assert build().endswith("unchanged\n")
    hardware.write_text(text + "\n")
    assert build().endswith("unchanged\n")
    # In another slot: the driver's reason in the manifest names that.
    hardware.write_text(text.replace("0000:03:00.0", "0000:04:00.0"))
    assert not build().endswith("unchanged\n")


def test_change_of_the_machine(aged, tmp_path):
    """A further mount does not change the image, which takes a plan to find out, but only once. A
    further device on the way to the root does change it."""
    place = old_place(aged, "machine", tmp_path)
    words = place.words("--if-changed")
    run(*words)
    mounts = place.tree.root / "proc/self/mountinfo"
    with open(mounts, "a", encoding="utf-8") as file:
        file.write("90 25 259:40 / /mnt rw,relatime - ext4 /dev/elsewhere rw\n")
    image, record = place.out.stat(), record_of(place)
    assert run(*words).text == f"{place.out}: unchanged\n"
    refreshed = record_of(place)
    assert refreshed != record and place.out.stat() == image
    assert run(*words).text == f"{place.out}: unchanged\n"
    assert record_of(place) == refreshed
    mounts.write_text(mounts.read_text().replace(" ext4 ", " ext3 "))
    run(*words)
    alias = next(path for path in place.tree.root.glob("sys/devices/**/modalias")
                 if path.read_text().startswith("virtio:"))
    alias.unlink()
    before = place.out.stat()
    assert "unchanged" not in run(*words).text
    assert place.out.stat() != before


def test_two_images_do_not_know_of_each_other(place):
    place.build()
    other = place.folder / "other.img"
    assert "unchanged" not in place.build("--if-changed", out=other).text
    assert place.is_unchanged()
    assert "unchanged" in place.build("--if-changed", out=other).text


def test_if_changed_needs_a_cache(place):
    result = place.build("--no-cache", "--if-changed", status=USAGE)
    assert "--if-changed" in result.error
    assert not place.out.exists()


@pytest.mark.parametrize("size", ["0", "-1", "x", "", "99999999999"])
def test_size_that_makes_no_sense(size, place):
    assert "--cache-size" in place.build("--cache-size", size, status=USAGE).error


def test_size_is_kept(place):
    place.build("--cache-size", "1")
    place.build("--cache-size", "1", "--compress", "none")
    assert sum(path.stat().st_size for path in place.blobs()) <= 1 << 20
    assert place.out.read_bytes() == place.bytes_without_cache("--compress", "none")


def test_fingerprint_of_a_plan(aged, tmp_path):
    place = old_place(aged, "plan", tmp_path)

    def fingerprint(*options):
        return run("plan", place.tree.version, "--root", place.tree.root, "--generic", "--json",
                   *options).json["fingerprint"]

    first = fingerprint()
    assert re.fullmatch("[0-9a-f]{64}", first) and fingerprint() == first
    assert fingerprint("--compress", "xz") != first
    replace(place.tree, place.module("ahci"))
    assert fingerprint() != first


# ---- no input is missed ----

def facts_of(record):
    """The paths of the facts in a record: below the root, and outside."""
    data = record[4:]
    count, at, seen = struct.unpack_from("<I", record, 144)[0], 148, set()
    assert record[:4] == b"PRRC" and data
    for _ in range(count):
        question, path_len, answer_len = struct.unpack_from("<III", record, at)
        path = record[at + 12:at + 12 + path_len].decode().strip("/")
        answer = record[at + 13 + path_len:at + 13 + path_len + answer_len]
        seen.add((bool(question & 0x80), path, answer == b"E\x02\0\0\0"))
        at += 13 + path_len + answer_len
    assert at == len(record)
    return seen


def blobs_in(path):
    """The keys and the data of a file of the cache."""
    data = path.read_bytes()
    count, index = struct.unpack_from("<IQ", data, len(data) - 44)
    assert data[-48:-44] == b"PRX2"
    for number in range(count):
        offset, size = struct.unpack_from("<QQ", data, index + 48 * number + 32)
        key_len = struct.unpack_from("<I", data, offset + 4)[0]
        head = offset + 48
        yield data[head:head + key_len].decode(), data[head + key_len:offset + size]


def record_of(place):
    """The record of the image, from the newest file that has it."""
    for path in reversed(place.blobs()):
        for key, data in blobs_in(path):
            if key == f"record of {place.out}":
                return data
    raise AssertionError("no record")


def test_what_modules_say_of_themselves_is_kept(aged, tmp_path):
    """A module that was not chosen is not opened again, but one that has changed is."""
    place = old_place(aged, "new module", tmp_path)
    place.build()
    calls = faults.trace(["openat2"], place.words("--generic"), place.folder / "log")
    opened = [call.line for call in calls if "O_PATH" not in call.line]
    assert any("modules.dep" in line for line in opened)
    assert not [line for line in opened if "misc/new.ko" in line]
    assert "new.ko" not in run("list", place.out).text
    trees.make_module(place.tree, "kernel/drivers/misc/new.ko", "weakdep=dummy",
                      imports=["device_add_disk"])
    place.build()
    assert "new.ko" in run("list", place.out).text
    assert "weak dependency" in run("why", place.out, "dummy").text
    assert place.out.read_bytes() == place.bytes_without_cache()


def test_every_question_to_the_machine_is_in_the_record(still, tmp_path):
    """Compared with everything that strace sees the program open or stat before it writes the image."""
    put(tmp_path / "extra/file")
    put(tmp_path / "tables/ssdt.aml", "")
    (tmp_path / "tables/ssdt.aml").write_bytes(early.acpi(b"SSDT", b"body"))
    names = ["openat", "openat2", "newfstatat", "statx", "readlink", "readlinkat", "access",
             "faccessat2"]
    calls = faults.trace(names, still.words("--hardware", NVME, "--include", tmp_path / "extra",
                                            "/extra", "--acpi-override", tmp_path / "tables"),
                         tmp_path / "log")
    facts = facts_of(record_of(still))
    root, ignored = str(still.tree.root), ("proc/self/", str(tmp_path / "cache").strip("/"),
                                           str(still.out).strip("/"), "sys/module/",
                                           "usr/lib/ssl/")  # read by OpenSSL

    above = {(outside, str(folder)) for outside, path, _ in facts | {(True, ignored[2], False)}
             for folder in Path(path).parents}

    def is_known(outside, path, call):
        parts = path.split("/")
        return (any((outside, path, missing) in facts for missing in (True, False))
                or any((outside, "/".join(parts[:i]), True) in facts
                       for i in range(1, len(parts)))
                # Passed on the way, or kept open for that, not listed.
                or ("O_DIRECTORY" not in call.line or "O_PATH" in call.line)
                and (outside, path) in above)

    asked, missed = set(), []
    for call in calls:
        if ".preroot-" in call.line:
            break
        match = re.match(r'\w+\((?:(?:\d+|AT_FDCWD)<([^>]*)>, )?"([^"]+)"', call.line)
        if not match:
            continue
        folder, path = match[1] or "/", match[2]
        if call.name == "openat2":
            path = path.lstrip("/")
        whole = os.path.normpath(os.path.join(folder, path))
        inside = whole.startswith(f"{root}/")
        relative = whole[len(root):].strip("/") if inside else whole.strip("/")
        # The temporary file is created in the folder of OUT.
        if whole in (root, "/", str(still.folder)) or not inside and relative.startswith(ignored):
            continue
        asked.add((inside, relative))
        if not is_known(not inside, relative, call):
            missed.append(call.line)
    assert len(asked) > 50
    assert missed == []


# ---- a cache that cannot be used ----

def is_built_all_the_same(place, says, **more):
    result = place.build(**more)
    assert [text for text in result.messages("warning") if says in text and "cache" in text]
    assert place.out.read_bytes() == place.bytes_without_cache()
    place.out.unlink()


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_folder_that_others_can_write_to(mode, place):
    place.cache.mkdir()
    place.cache.chmod(mode)
    is_built_all_the_same(place, "others")
    assert place.blobs() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_folder_of_another_user(place):
    place.build()
    os.chown(place.cache, 12345, 12345)
    before = place.blobs()
    is_built_all_the_same(place, "another user")
    assert place.blobs() == before


def test_folder_that_is_a_link(place):
    (place.folder / "real").mkdir(mode=0o700)
    place.cache.symlink_to("real")
    is_built_all_the_same(place, "link")
    assert list((place.folder / "real").iterdir()) == []


def test_folder_that_is_a_file(place):
    place.cache.write_text("x")
    is_built_all_the_same(place, "not a folder")


def test_folder_without_a_parent(place):
    place.cache = place.folder / "none/cache"
    is_built_all_the_same(place, "No such file or directory")


def test_read_only_cache_is_used_but_not_written(place):
    place.build()
    before = states(place.cache)
    is_built_all_the_same(place, "Read-only file system", before=in_namespace(
        f"mount --bind {place.cache} {place.cache}; mount -o remount,bind,ro {place.cache}"))
    assert {path: state[:8] for path, state in states(place.cache).items()} == {
        path: state[:8] for path, state in before.items()}


def test_full_cache(place):
    place.cache.mkdir()
    is_built_all_the_same(place, "full", before=in_namespace(
        f"mount -t tmpfs -o size=100k,mode=700 none {place.cache}"))


# ---- changed blobs ----

DAMAGE = {
    "flipped": lambda path, data: path.write_bytes(data[:-1] + bytes([data[-1] ^ 1])),
    "truncated": lambda path, data: path.write_bytes(data[:-1]),
    "empty": lambda path, data: path.write_bytes(b""),
    "longer": lambda path, data: path.write_bytes(data + b"x"),
    "for others": lambda path, data: path.chmod(0o666),
    "link": lambda path, data: (path.unlink(), path.symlink_to("/etc/passwd")),
    "fifo": lambda path, data: (path.unlink(), os.mkfifo(path)),
}
if os.geteuid() == 0:  # only root can change a file's owner
    DAMAGE["another user's"] = lambda path, data: os.chown(path, 12345, 12345)


@pytest.mark.sweep
@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_blobs_are_made_anew(how, place):
    place.build()
    good = place.out.read_bytes()
    for path in place.blobs():
        DAMAGE[how](path, path.read_bytes())
    warnings = place.build("--if-changed").messages("warning")
    assert [text for text in warnings if re.match(r"\d+ damaged or foreign files? ", text)]
    assert place.out.read_bytes() == good
    assert not [text for text in place.build().messages("warning") if "damaged" in text]
    assert place.is_unchanged()


# ---- failing calls, and killed runs ----

@pytest.fixture(scope="module")
def small_words(aged):
    tree = aged["unchanged"]
    return lambda folder: ["build", folder / "out.img", tree.version, "--root", tree.root,
                           "--hardware", NVME, "--cache-dir", folder / "cache"]


@pytest.fixture(scope="module")
def good(small_words, tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    run(*small_words(folder))
    return folder


NAMES = ["openat", "pread64", "preadv", "pwritev", "pwrite64", "linkat", "mkdir", "newfstatat",
         "fstatfs", "unlinkat", "statfs", "getdents64"]


def cache_calls(words, folder, log):
    return [call for call in faults.trace(NAMES, words, log)
            if str(folder / "cache") in call.line]


@pytest.mark.sweep
@pytest.mark.parametrize("state", ["cold", "warm"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS"])
def test_call_on_the_cache_that_fails(state, error, small_words, good, tmp_path, on_all_cores):
    """The image is the same, whatever the cache does."""
    def prepare(name):
        folder = tmp_path / name
        folder.mkdir()
        if state == "warm":
            shutil.copytree(good / "cache", folder / "cache")
            (folder / "cache").chmod(0o700)
        return folder

    trial = prepare("trial")
    calls = cache_calls(small_words(trial), trial, tmp_path / "log")
    assert {"openat", "preadv", "pwritev", "pwrite64", "linkat"} <= {call.name for call in calls}

    def fail(item):
        number, call = item
        folder = prepare(str(number))
        log = folder / "strace"
        done = run(*small_words(folder), status=(DONE, FAILED), env=faults.TRACED,
                   before=faults.words(call.name, call.number, f"error={error}", log))
        if str(folder / "cache") not in faults.injected(log):
            return None, call  # runs may differ by a call, so that another file is hit
        return (done.status == 0
                and (folder / "out.img").read_bytes() == (good / "out.img").read_bytes()), call

    results = on_all_cores(fail, list(enumerate(faults.sample(calls, 16))))
    assert [call for same, call in results if same is False] == []
    assert len([call for same, call in results if same]) >= len(results) * 3 // 4


@pytest.mark.sweep
def test_kill_leaves_nothing_that_is_trusted(small_words, good, tmp_path, on_all_cores):
    trial = tmp_path / "trial"
    trial.mkdir()
    calls = cache_calls(small_words(trial), trial, tmp_path / "log")

    def kill(item):
        number, call = item
        folder = tmp_path / str(number)
        folder.mkdir()
        assert faults.kill(small_words(folder), call)
        run(*small_words(folder))
        return (folder / "out.img").read_bytes() == (good / "out.img").read_bytes()

    assert all(on_all_cores(kill, list(enumerate(faults.sample(calls, 16)))))


def test_cache_deleted_in_mid_run(small_words, good, tmp_path):
    folder = tmp_path
    shutil.copytree(good / "cache", folder / "cache")
    (folder / "cache").chmod(0o700)
    held = faults.Held(small_words(folder), "flock", r"\.preroot-")
    shutil.rmtree(folder / "cache")
    assert held.finish().status == DONE
    assert (folder / "out.img").read_bytes() == (good / "out.img").read_bytes()


def test_two_runs_at_once_share_a_cache(small_words, good, tmp_path):
    runs = []
    for name in ("a", "b"):
        words = small_words(tmp_path)
        words[1] = tmp_path / f"{name}.img"
        runs.append(faults.Held(words, "fsync", rf"{name}\.img\.preroot-"))
    for held in runs:
        result = held.finish()
        assert (result.status, result.messages("warning")) == (DONE, [])
    for name in ("a", "b"):
        assert (tmp_path / f"{name}.img").read_bytes() == (good / "out.img").read_bytes()


# ---- sources that change during a build ----

@pytest.mark.parametrize("what", ["vanishes", "grows", "shrinks", "is replaced"])
@pytest.mark.parametrize("cache", [True, False])
def test_source_that_changes_while_it_is_packed(what, cache, place):
    """It disappears once the image has been started, or changes once it is opened for packing."""
    path = place.module("ahci")
    data = path.read_bytes()
    place.tree.rewrite(path, data)
    held = faults.Held(place.words("--generic", *([] if cache else ["--no-cache"])), "flock",
                       r"\.preroot-")
    if what == "vanishes":
        path.unlink()
    else:
        held.on_to("read", path)
    if what == "grows":
        with open(path, "ab") as file:
            file.write(b"x")
    elif what == "shrinks":
        os.truncate(path, 100)
    elif what == "is replaced":
        place.tree.rewrite(path, b"x")
    result = held.finish()
    if result.status == DONE:
        # On a slow machine the module has been as it is for a while; then it is read just once, before.
        image = place.out.read_bytes()
        path.write_bytes(data)
        assert image == place.bytes_without_cache()
        return
    assert result.status == FAILED
    assert "ahci.ko" in result.error
    assert [p.name for p in place.folder.iterdir() if p.name != "cache"] == []
