# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images of real kernels: their content, and that the same input gives the same bytes."""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

import archive
import program
import trees
from program import DONE, FAILED, PROGRAM, USAGE, command, environment, in_namespace, run

pytestmark = pytest.mark.leaks

NVME = trees.MACHINES / "nvme.json"
ONE_PROCESSOR = ("taskset", "-c", str(min(os.sched_getaffinity(0))))


def build(out, kernel, *options, **more):
    return run("build", out, kernel.version, "--root", kernel.root, *options, **more)


def listing(image):
    return run("list", "--json", image).json


def paths(image):
    return [entry["path"] for entry in listing(image)["entries"]]


def modules(image):
    return {trees.module_name(path) for path in paths(image) if ".ko" in path}


# ---- what the time was spent on ----

def with_table(out, kernel, *options):
    """Builds with --profile. The stages of the table, with their figures, and what was printed."""
    words = command("build", out, kernel.version, "--root", kernel.root, "--profile", *options)
    done = subprocess.run(words, capture_output=True, env=environment(), text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("preroot:")]
    assert lines[0].split() == ["stage", "seconds", "CPU", "read", "written", "peak"]
    return {line[:20].rstrip(): line[20:].split() for line in lines[1:]}, done.stdout


STRICT = ["--hardware", NVME, "--hostonly-mode", "strict"]


def test_a_profile_has_every_stage_and_their_sum(bookworm, tmp_path):
    rows, _ = with_table(tmp_path / "out.img", bookworm, *STRICT)
    assert list(rows)[0] == "start" and list(rows)[-1] == "total"
    assert {"choose modules", "programs", "store", "compress base", "read back"} <= set(rows)
    seconds = [float(figures[0]) for figures in rows.values()]
    assert seconds[-1] == pytest.approx(sum(seconds[:-1]), abs=0.0001 * len(rows))


def test_a_profile_is_part_of_a_json_result(bookworm, tmp_path):
    result = build(tmp_path / "out.img", bookworm, *STRICT, "--json", "--profile").json
    stages = result["profile"]
    assert set(stages[0]) == {"stage", "seconds", "cpu", "read", "written", "peak"}
    written = {stage["stage"]: stage["written"] for stage in stages}
    assert written["store"] + written["compress base"] == result["bytes"]


def test_a_profile_changes_neither_the_image_nor_its_record(bookworm, tmp_path):
    words = [tmp_path / "out.img", bookworm, *STRICT, "--cache-dir", tmp_path / "cache"]
    build(*words)
    rows, told = with_table(*words, "--if-changed")
    assert told.endswith(": unchanged\n") and list(rows) == ["start", "last record", "total"]


# ---- what an image is ----

@pytest.mark.sweep
@pytest.mark.parametrize("suite", ["bookworm", "trixie"], indirect=True)
@pytest.mark.parametrize("mode, options", [("generic", ["--generic"]),
                                           ("hostonly", ["--hardware", NVME])])
def test_result_as_json(mode, options, suite, tmp_path):
    out = tmp_path / "out.img"
    told = build(out, suite, *options, "--json").json
    found = listing(out)["entries"]
    assert set(told) == {"image", "changed", "kernel", "mode", "compress", "compress_store", "bytes",
                         "files", "modules", "seconds", "warnings"}
    assert told["image"] == str(out)
    assert (told["kernel"], told["mode"], told["compress"]) == (suite.version, mode, "zstd")
    assert told["bytes"] == out.stat().st_size
    assert told["files"] == sum(entry["mode"].startswith("-") for entry in found)
    assert told["modules"] == sum(".ko" in entry["path"] for entry in found) > 5
    assert (told["modules"] > 400) == (mode == "generic")
    assert told["seconds"] > 0
    assert run("verify", "--root", suite.root, out, "--json").json["good"] is True


@pytest.mark.parametrize("mode, options", [
    ("hostonly", ["--hostonly", "--hardware", NVME]), ("generic", ["-N"]),
    ("generic", ["--hostonly", "--generic"])])
def test_the_last_word_on_the_mode_holds(mode, options, small_kernel, tmp_path):
    assert build(tmp_path / "out.img", small_kernel, *options, "--json").json["mode"] == mode


def test_result_in_words(small_kernel, tmp_path):
    out = tmp_path / "out.img"
    text = build(out, small_kernel, "--generic").text
    assert re.fullmatch(rf"{out}: kernel {small_kernel.version}, generic, \d.* [kM]B, \d+ files, "
                        r"\d+ modules, zstd, \d.* s, \d+ warnings?\n", text)


def test_the_summary_counts_the_warnings_that_are_shown(tree, tmp_path):
    tree.config.unlink()
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/dracut.conf").write_text("no_such_key=1\nadd_device=/dev/x\n")
    result = build(tmp_path / "out.img", tree, "--hardware", NVME)
    shown = len(result.messages("warning"))
    assert shown > 2 and result.text.endswith(f", {shown} warnings\n")


@pytest.mark.parametrize("words, base, store", [
    (("--compress-store", "none"), "zstd", "none"), (("--compress", "xz"), "xz", "zstd"),
    (("--compress", "none", "--compress-store", "zstd"), "none", "zstd"),
])
def test_two_codecs_are_both_named(words, base, store, small_kernel, tmp_path):
    named = f"base {base}, modules and firmware {store}"
    assert f", {named}, " in build(tmp_path / "a.img", small_kernel, "--generic", *words).text
    plan = ("plan", "--root", small_kernel.root, "--generic", *words)
    assert run(*plan).text.splitlines()[0].endswith(f", compressed with {named}")
    told = run(*plan, "--json").json
    assert (told["compress"], told["compress_store"]) == (base, store)


def test_kernel_need_not_be_named(small_kernel, tmp_path):
    told = run("build", tmp_path / "out.img", "--root", small_kernel.root, "--generic",
               "--json").json
    assert told["kernel"] == small_kernel.version


def test_newest_kernel_is_taken(tree, tmp_path):
    """Version 10 is newer than 9, and a kernel without an image does not count."""
    for version in ("6.1.0-9-amd64", "6.10.0-1-amd64"):
        shutil.copytree(tree.modules, tree.modules.with_name(version))
    told = run("build", tmp_path / "out.img", "--root", tree.root, "--generic", "--json").json
    assert told["kernel"] == tree.version


@pytest.mark.parametrize("place", ["lib/modules/{version}/vmlinuz", "boot/kernel-{version}",
                                   "boot/0123456789abcdef/{version}/linux",
                                   "efi/debian/{version}/linux"])
def test_kernel_image_is_found(place, tree):
    """In the places where distributions and the Boot Loader Specification put it."""
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/machine-id").write_text("0123456789abcdef\n")
    (tree.root / "etc/os-release").write_text("ID=debian\n")
    there = tree.root / place.format(version=tree.version)
    there.parent.mkdir(parents=True, exist_ok=True)
    tree.image.rename(there)
    run("plan", "--root", tree.root, "--generic")
    tree.rewrite(there, b"garbage" * 200)
    result = run("plan", tree.version, "--root", tree.root, "--generic", status=FAILED)
    assert place.format(version=tree.version) in result.error


@pytest.mark.parametrize("name", ["config", "config-{version}"])
def test_configuration_beside_the_modules(name, tree):
    tree.configure(RD_ZSTD=None)
    tree.config.rename(tree.modules / name.format(version=tree.version))
    assert run("plan", "--json", "--root", tree.root, "--generic").json["compress"] == "xz"


def test_image_is_private(small_kernel, tmp_path):
    """It may hold secrets, whatever umask and the old image's mode were."""
    out = tmp_path / "out.img"
    out.write_bytes(b"old")
    out.chmod(0o666)
    build(out, small_kernel, "--generic", umask=0)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_other_names_of_the_old_image_keep_it(small_kernel, tmp_path):
    """People keep copies as hard links."""
    out, kept = tmp_path / "out.img", tmp_path / "kept.img"
    out.write_bytes(b"old")
    os.link(out, kept)
    build(out, small_kernel, "--generic")
    assert kept.read_bytes() == b"old"
    assert out.stat().st_size > 100_000


@pytest.mark.parametrize("codec, suite", [*((codec, "bookworm") for codec in archive.CODECS),
                                          ("zstd", "trixie"), ("xz", "trixie")], indirect=["suite"])
def test_gnu_cpio_finds_what_list_tells(codec, suite, tmp_path):
    """The store, and each compressed segment, is an archive once the usual tools have split and
    decompressed it."""
    out = tmp_path / "out.img"
    told = build(out, suite, "--hardware", NVME, "--compress", codec, "--json").json
    assert told["compress"] == codec
    assert run("verify", "--root", suite.root, out).status == DONE
    found = listing(out)
    packed = [codec] * (2 if codec == "zstd" else 1)
    assert [segment["compress"] for segment in found["segments"]] == ["none", *packed]
    store, *rest = archive.segments_of(out.read_bytes(), found)
    names = archive.names_in(store) + archive.names_in(b"".join(rest))
    assert names == [entry["path"] for entry in found["entries"]]
    assert found["complete"] is True


def grown(pid1, frame):
    """PID 1 as if a package was rebuilt, or its programs stripped, after preroot was built."""
    with pid1.open("ab") as file:
        file.write(b"changed")


def cut(pid1, frame):
    os.truncate(frame, frame.stat().st_size - 1)


def with_more_behind(pid1, frame):
    with frame.open("ab") as file:
        file.write(b"changed")


def missing(pid1, frame):
    frame.unlink()


@pytest.mark.sweep
@pytest.mark.parametrize("change", [grown, cut, with_more_behind, missing])
def test_compressed_pid_1_is_only_used_when_it_is_of_the_one_beside_it(change, small_kernel,
                                                                       tmp_path, monkeypatch):
    pid1, frame = tmp_path / "preroot-init", tmp_path / "preroot-init.cpio.zst"
    for path in (PROGRAM, *(PROGRAM.with_name(path.name) for path in (pid1, frame))):
        shutil.copy(path, tmp_path)
    monkeypatch.setattr(program, "PROGRAM", tmp_path / PROGRAM.name)
    out, cache = tmp_path / "out.img", ("--cache-dir", tmp_path / "cache", "--if-changed")
    build(out, small_kernel, "--hardware", NVME, *cache)
    assert frame.read_bytes() in out.read_bytes()
    old = digest(out)
    change(pid1, frame)
    build(out, small_kernel, "--hardware", NVME, *cache)
    assert [segment["compress"] for segment in listing(out)["segments"]] == ["none", "zstd"]
    assert digest(out) != old
    assert run("cat", out, "/init").out == pid1.read_bytes()
    assert "PID 1" in run("why", out, "/init").text
    run("verify", out, "--root", small_kernel.root)


@pytest.mark.parametrize("codec, low, high", [
    ("zstd", 1, 19), ("xz", 1, 9), ("lz4", 1, 12), ("gzip", 1, 9), ("bzip2", 1, 9),
    ("lzma", 1, 9), ("lzo", 1, 9)])
def test_levels(codec, low, high, small_kernel, tmp_path):
    """The usual tools read the lowest and the highest level, with the same content."""
    out, bases, sizes = tmp_path / "out.img", [], []
    for level in (low, high):
        build(out, small_kernel, "--hardware", NVME, "--compress", f"{codec}:{level}")
        found = listing(out)
        assert found["segments"][-1]["compress"] == codec
        bases.append(archive.segments_of(out.read_bytes(), found)[-1])
        sizes.append(found["segments"][-1]["size"])
    assert bases[0] == bases[1] and sizes[0] != sizes[1]


def test_codec_of_the_store(image, small_kernel, tmp_path):
    """Its level decides about the bytes, not about what is in the image."""
    def made(store, *words):
        out = tmp_path / "out.img"
        build(out, small_kernel, "--generic", "--compress-store", store, *words)
        run("verify", "--root", small_kernel.root, out)
        return digest(out), {entry["path"]: entry["size"] for entry in listing(out)["entries"]
                             if ".ko" in entry["path"]}

    default, sizes = digest(image), made("auto")[1]
    low, high, none = (made(store) for store in ("zstd:1", "zstd:19", "none"))
    assert default == made("auto")[0] == made("zstd:3")[0] == made("zstd", "--no-cache")[0]
    assert len({default, low[0], high[0], none[0]}) == 4
    assert made("none", "--no-cache")[0] == none[0]
    assert low[1].keys() == high[1].keys() == sizes.keys()
    assert none[1].keys() == {path.removesuffix(".zst") for path in sizes}
    assert sum(high[1].values()) < sum(sizes.values()) < sum(low[1].values()) \
        < sum(none[1].values())


@pytest.mark.parametrize("store", ["xz", "lz4:1", "zstd:20", "zstd:0", "none:1", "auto:1", ""])
def test_store_takes_no_other_codec(store, small_kernel, tmp_path):
    result = build(tmp_path / "out.img", small_kernel, "--generic", "--compress-store", store,
                   status=USAGE)
    assert result.error.startswith("--compress-store: ")
    assert not (tmp_path / "out.img").exists()


def test_default_is_auto(image, small_kernel, tmp_path):
    build(tmp_path / "out.img", small_kernel, "--generic", "--compress", "auto")
    assert digest(tmp_path / "out.img") == digest(image)


def test_x86_filter_of_xz_is_the_kernels_choice(tree, tmp_path):
    """It makes the image smaller, but not every kernel supports it."""
    sizes = []
    for name, value in (("XZ_DEC_X86", "y"), ("XZ_DEC_X86", None), ("X86", None)):
        tree.configure(X86="y", XZ_DEC_X86="y")
        tree.configure(**{name: value})
        build(tmp_path / "out.img", tree, "--hardware", NVME, "--compress", "xz")
        run("verify", "--root", tree.root, tmp_path / "out.img")
        sizes.append(listing(tmp_path / "out.img")["segments"][1]["size"])
    assert sizes[0] < sizes[1] == sizes[2]


def test_folders_that_only_modules_need_are_written_once(image):
    """Each comes before what is in it, and the base is a whole tree without the store."""
    entries = listing(image)["entries"]
    segments = {number: [entry["path"] for entry in entries if entry["segment"] == number]
                for number in (1, 3)}
    for found in segments.values():
        for at, path in enumerate(found):
            assert "/" not in path or os.path.dirname(path) in found[:at]
    assert set(segments[1]) & set(segments[3]) == {"usr", "usr/lib"}


@pytest.mark.parametrize("suite, form", [("bookworm", ".ko.zst"), ("trixie", ".ko.xz")],
                         indirect=["suite"])
def test_modules_are_the_kernels_own(suite, form, tmp_path):
    """Modules that the package has compressed are packed as they are, others are compressed."""
    out, target = tmp_path / "out.img", tmp_path / "target"
    build(out, suite, "--hardware", NVME)
    run("extract", out, target)
    files = [path for path in target.rglob("*") if ".ko" in path.name]
    assert len(files) > 5
    for path in files:
        assert path.name.endswith(form)
        source = suite.root / path.relative_to(target / "usr")
        if form == ".ko.xz":
            assert path.read_bytes() == source.read_bytes()
        else:
            assert archive.unpack("zstd", path.read_bytes()) == source.with_suffix("").read_bytes()


@pytest.mark.sweep
def test_add_drivers(bookworm, tmp_path):
    """Names in any spelling; a module's dependencies come with it."""
    out = tmp_path / "out.img"
    build(out, bookworm, "--hardware", NVME)
    before = modules(out)
    build(out, bookworm, "--hardware", NVME, "--add-drivers", "dummy,e1000e  virtio-net",
          "--add-drivers", "dm_crypt", "--force-drivers", "loop")
    added = modules(out) - before
    assert {"dummy", "e1000e", "virtio_net", "net_failover", "dm_crypt", "dm_mod"} <= added
    load = run("cat", out, "/etc/preroot/boot.conf").text
    for name in ("dummy", "virtio_net"):
        assert "--add-drivers" in run("why", out, name).text and f"load={name}\n" not in load
    assert "--force-drivers" in run("why", out, "loop").text and "load=loop\n" in load
    assert "depends on it" in run("why", out, "net_failover").text


@pytest.mark.sweep
@pytest.mark.parametrize("controller, disk", [
    ("ahci", "sd_mod"), ("usb_storage", "sd_mod"), ("sdhci_pci", "mmc_block")])
def test_a_controller_brings_the_driver_of_its_disks(controller, disk, bookworm, tmp_path):
    """That is what the account of a failed boot advises; none of them depends on the other."""
    out = tmp_path / "out.img"
    build(out, bookworm, "--hardware", NVME, "--hostonly-mode", "strict")
    assert not {controller, disk} & modules(out)
    build(out, bookworm, "--hardware", NVME, "--hostonly-mode", "strict",
          "--add-drivers", controller)
    assert {controller, disk} <= modules(out)


def test_driver_that_is_built_in_needs_no_module(bookworm, tmp_path):
    out = tmp_path / "out.img"
    build(out, bookworm, "--hardware", NVME, "--add-drivers", "atkbd")
    assert "atkbd" not in modules(out)


# ---- firmware ----

FIRMWARE = b"firmware of the adapter\n" * 50


@pytest.mark.parametrize("name, pack, stored", [
    ("1280.bin", "none", "1280.bin"),
    ("1280.bin.xz", "xz", "1280.bin.xz"),
    ("1280.bin.zst", "zstd", "1280.bin"),
], ids=["plain", "the kernel can unpack it", "the kernel cannot unpack it"])
def test_firmware_of_a_module(name, pack, stored, tree, tmp_path):
    """The kernel reads firmware itself, and 6.1 knows xz but not zstd."""
    folder = tree.root / "lib/firmware/qlogic"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(archive.pack(pack, FIRMWARE))
    out = tmp_path / "out.img"
    build(out, tree, "--hardware", NVME, "--add-drivers", "qla1280")
    content = run("cat", out, f"/lib/firmware/qlogic/{stored}").out
    assert (archive.unpack("xz", content) if stored.endswith(".xz") else content) == FIRMWARE
    assert "qla1280" in run("why", out, f"/lib/firmware/qlogic/{stored}").text


def test_firmware_that_is_a_link(tree, tmp_path):
    folder = tree.root / "lib/firmware/qlogic"
    folder.mkdir(parents=True)
    (folder / "real.bin").write_bytes(FIRMWARE)
    (folder / "1280.bin").symlink_to("real.bin")
    out = tmp_path / "out.img"
    build(out, tree, "--hardware", NVME, "--add-drivers", "qla1280")
    run("extract", out, tmp_path / "target")
    link = tmp_path / "target/lib/firmware/qlogic/1280.bin"
    there = os.path.join("/lib/firmware/qlogic", os.readlink(link))  # as seen inside
    assert (tmp_path / "target" / there.lstrip("/")).read_bytes() == FIRMWARE


def test_missing_firmware_is_warned_of(tree, tmp_path):
    result = build(tmp_path / "out.img", tree, "--hardware", NVME, "--add-drivers", "qla1280",
                   "--json")
    assert any("firmware" in text for text in result.json["warnings"])


# ---- same input, same bytes ----

def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name, more", [
    ("again", {}),
    ("another TMPDIR", {"env": {"TMPDIR": "/dev/shm"}}),
    ("another time zone", {"env": {"TZ": "Asia/Kathmandu"}}),
    ("another locale", {"env": {"LC_ALL": "C.UTF-8", "LANG": "de_DE.UTF-8"}}),
    ("another home", {"env": {"HOME": "/nonexistent", "USER": "nobody"}}),
    ("almost no environment", {"env": {"HOME": None, "USER": None, "LANG": None, "TERM": None}}),
    ("another umask", {"umask": 0o77}),
    ("another folder", {"cwd": "/"}),
])
def test_same_bytes(name, more, image, small_kernel, tmp_path):
    out = tmp_path / "another name.img"
    build(out, small_kernel, "--generic", **more)
    assert digest(out) == digest(image), name


@pytest.mark.parametrize("codec", archive.CODECS)
def test_number_of_processors_does_not_matter(codec, small_kernel, tmp_path):
    words = ["--hardware", NVME, "--compress", codec]
    build(tmp_path / "all.img", small_kernel, *words)
    build(tmp_path / "one.img", small_kernel, *words, before=ONE_PROCESSOR)
    assert digest(tmp_path / "one.img") == digest(tmp_path / "all.img")


# The parameters of the running kernel, as the program would read them.
COMMAND_LINE = ("root=/dev/sda1 modprobe.blacklist=nvme,ext4 module_blacklist=virtio_blk "
                "nvme.io_timeout=7 ext4.x=1 virtio_blk.num_request_queues=3 rd.driver.pre=dummy")


@pytest.mark.parametrize("setup", [
    f"echo '{COMMAND_LINE}' >$TMPDIR/cmdline; mount --bind $TMPDIR/cmdline /proc/cmdline",
    "mount -t tmpfs none /sys",
    "mount -t tmpfs none /sys; mkdir -p /sys/module/nvme; echo live >/sys/module/nvme/initstate",
    "mount -t tmpfs none /etc; mkdir /etc/modprobe.d; echo blacklist nvme >/etc/modprobe.d/x.conf",
], ids=["command line", "no hardware", "modules", "modprobe.d"])
def test_running_machine_does_not_matter(setup, image, small_kernel, tmp_path):
    """The image is for the kernel and the configuration below --root."""
    out = tmp_path / "out.img"
    build(out, small_kernel, "--generic", before=in_namespace(setup),
          env={"TMPDIR": str(tmp_path)})
    assert digest(out) == digest(image)


@pytest.mark.parametrize("place", ["etc/modprobe.d", "usr/lib/modprobe.d"])
def test_module_options_below_the_root_do_matter(place, tree, image, tmp_path):
    (tree.root / place).mkdir(parents=True)
    (tree.root / place / "x.conf").write_text("options nvme io_timeout=7\n"
                                              "softdep nvme pre: dummy\n")
    out = tmp_path / "out.img"
    build(out, tree, "--generic")
    assert b"io_timeout=7" in run("cat", out, "/usr/lib/preroot/modules.index").out
    assert digest(out) != digest(image)
    build(out, tree, "--hardware", NVME)
    assert "soft dependency dummy" in run("why", out, "dummy").text


def test_same_bytes_of_a_large_image(generic, bookworm, tmp_path):
    out = tmp_path / "out.img"
    build(out, bookworm, "--generic", umask=0o77, env={"TZ": "Asia/Kathmandu", "HOME": None},
          before=ONE_PROCESSOR)
    assert digest(out) == digest(generic)


def test_times_of_files_do_not_matter(tree, tmp_path):
    build(tmp_path / "one.img", tree, "--generic")
    for path in tree.root.rglob("*"):
        if path.is_file():
            tree.rewrite(path, path.read_bytes())
            os.utime(path, (1, 1))
    build(tmp_path / "two.img", tree, "--generic")
    assert digest(tmp_path / "one.img") == digest(tmp_path / "two.img")


def test_order_of_directories_does_not_matter(small_kernel, tmp_path):
    """tmpfs lists a folder in the order in which its files were created."""
    orders, digests = [], []
    names = [f"{hashlib.md5(bytes([i])).hexdigest()}" for i in range(40)]
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        for order in (names, names[::-1]):
            root, extra = Path(memory) / "root", Path(memory) / "extra"
            for folder in (extra, root / "lib/firmware/qlogic"):
                folder.mkdir(parents=True)
                for name in order:
                    (folder / name).write_text(name)
            small = trees.KernelTree(root, small_kernel.version)
            _copy_in_order(small_kernel.root, root, reverse=order is not names)
            orders.append([os.listdir(extra), os.listdir(small.modules)])
            out = tmp_path / f"{len(digests)}.img"
            run("build", out, "--root", root, "--generic", "--include", extra, "/extra")
            digests.append(digest(out))
            shutil.rmtree(root)
            shutil.rmtree(extra)
    assert orders[0][0] != orders[1][0] and orders[0][1] != orders[1][1]
    assert digests[0] == digests[1]


def _copy_in_order(source, target, reverse):
    for path in sorted(source.rglob("*"), reverse=reverse):
        there = target / path.relative_to(source)
        if path.is_dir():
            there.mkdir(parents=True, exist_ok=True)
        else:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)


def test_a_build_is_logged_where_asked(tree, tmp_path):
    (tree.root / "var/log").mkdir(parents=True)
    words = ("build", tmp_path / "a.img", tree.version, "--root", tree.root, "--generic")
    run(*words)
    assert not list((tree.root / "var/log").iterdir())
    run(*words, "--logfile", "/var/log/mine")
    log = (tree.root / "var/log/mine").read_text()
    assert f"info {tree.version} build: {tmp_path}/a.img is written: " in log
    assert f"warn {tree.version} plan: " in log
    run(*words, "--logfile", "/var/log/mine", "--install", "/none", status=FAILED)
    assert "error " in (tree.root / "var/log/mine").read_text()
