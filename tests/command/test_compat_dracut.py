# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program called as dracut and as mkinitrd."""

import re
import shlex
import shutil
import subprocess

import pytest

import trees
from container import Container
from fronts import NAMES, call, check, links  # noqa: F401
from lib import TOP
from program import FAILED, USAGE, run

pytestmark = [pytest.mark.leaks, pytest.mark.sweep]

# What the help and the manual page of dracut 059 and 112 list.
LONG = """
kver force rebuild add force-add omit modules drivers add-drivers force-drivers omit-drivers filesystems
kmoddir fwdir libdirs kernel-cmdline kernel-only no-kernel early-microcode no-early-microcode
print-cmdline mdadmconf nomdadmconf lvmconf nolvmconf fscks nofscks strip nostrip aggressive-strip
hardlink nohardlink prefix noprefix help version debug profile verbose quiet stdlog logfile conf confdir
add-confdir tmpdir sysroot sshkey local hostonly host-only no-hostonly no-host-only hostonly-mode
hostonly-cmdline no-hostonly-cmdline no-hostonly-default-device hostonly-i18n no-hostonly-i18n
hostonly-nics persistent-policy fstab add-fstab mount add-device device include install
install-optional remove gzip bzip2 lzma xz lzo lz4 zstd compress compress-level no-compress
squash-compressor reproducible no-reproducible list-modules show-modules printsize printconfig keep
noimageifnotneeded loginstall regenerate-all parallel uefi no-uefi uefi-stub uefi-splash-image
kernel-image sbat no-machineid ukify no-ukify enhanced-cpio ro-mnt prefer nvmf-nbft-mode
""".split()
LETTERS = dict(f="force", a="add", o="omit", m="modules", d="drivers", k="kmoddir", h="help", v="verbose",
               q="quiet", L="stdlog", c="conf", r="sysroot", l="local", H="hostonly", N="no-hostonly",
               i="include", I="install", M="show-modules", p="parallel")


@pytest.fixture
def root(tree):
    (tree.root / "var/log").mkdir(parents=True)
    return tree


@pytest.fixture
def dracut(call, root):  # noqa: F811
    """Calls dracut for a generic image of the tree."""
    return lambda *words, **more: call("dracut", "--sysroot", root.root, "-N", *words, **more)


def image_of(root):
    return root.root / f"boot/initramfs-{root.version}.img"


def modules(image):
    """The names of the kernel modules in an image."""
    return {re.sub(r"\.ko.*", "", line.rpartition("/")[2])
            for line in run("list", image).text.splitlines() if ".ko" in line}


# ---- options ----

def test_every_option_of_dracut_is_known(call):  # noqa: F811
    text = call("dracut", "--help").text
    assert re.findall(r"^  (?:-\w,|   ) --([a-z][a-z0-9-]*)", text, re.M) and set(LONG) == set(
        re.findall(r"^  (?:-\w,|   ) --([a-z][a-z0-9-]*)", text, re.M))
    assert LETTERS == {letter: name for letter, name in
                       re.findall(r"^  -(\w), --([a-z-]+)", text, re.M)}


@pytest.mark.everywhere
@pytest.mark.parametrize("name", NAMES)
def test_each_name_has_help_and_a_version(name, call):  # noqa: F811
    text = call(name, "--help").text
    assert text.startswith(f"Usage: {name} ") and max(map(len, text.splitlines())) <= 100
    assert re.fullmatch(rf"{name} [\d.]+ \(preroot [\d.]+\)\n", call(name, "--version").text)


@pytest.mark.parametrize("words", [
    ("IMAGE", "KVER"), ("IMAGE", "--kver", "KVER"), ("--kver", "KVER", "IMAGE", "KVER"),
    ("IMAGE", "KVER", "--force", "-v"), ("-fv", "IMAGE", "--kver=KVER"), ("IMAGE", "", "--kver", "KVER"),
    ("--verb", "--kv=KVER", "IMAGE"), ("-L3", "IMAGE", "KVER"), ("-fvL", "3", "--", "IMAGE", "KVER"),
    ("--kver", "", "IMAGE", "KVER"),
], ids=str)
def test_the_image_and_the_version_are_found_wherever_they_are(words, dracut, root, tmp_path):
    image = tmp_path / "x.img"
    names = {"IMAGE": str(image), "KVER": root.version}
    dracut(*[re.sub("IMAGE|KVER", lambda m: names[m[0]], word) for word in words])
    run("verify", image)


# As scripts, guides and roles write it; the image that is written, or none for the kernel's own; a driver in it.
COMMANDS = [
    ("dracut -f", None, None), ("dracut -f -v", None, None), ("dracut -fv --regenerate-all", None, None),
    ("dracut -f --regenerate-all", None, None), ("dracut --regenerate-all --force", None, None),
    ("dracut --force --kver 'KVER'", None, None), ("dracut -fv --add-drivers ' dummy qla1280 ' --kver KVER", None, "dummy"),
    ("dracut --force IMAGE", "IMAGE", None), ("dracut IMAGE KVER --force", "IMAGE", None),
    ("dracut --no-hostonly --kver KVER --reproducible --zstd -v --add base -f IMAGE", "IMAGE", None),
    ("dracut --force --no-hostonly --add-drivers 'dummy qla1280'", None, "qla1280"),
    ("dracut '' --kver KVER --force", None, None), ("dracut -f --kv=KVER --add '' --kver KVER", None, None),
    ("dracut -fNvI '/etc/hostname' IMAGE", "IMAGE", None),
]


@pytest.mark.everywhere
@pytest.mark.parametrize("command, written, driver", COMMANDS, ids=[row[0] for row in COMMANDS])
def test_commands_of_scripts(command, written, driver, call, root, tmp_path):  # noqa: F811
    image = tmp_path / "x.img" if written else image_of(root)
    (root.root / "etc").mkdir(exist_ok=True)
    (root.root / "etc/hostname").write_text("x\n")
    words = [word.replace("KVER", root.version).replace("IMAGE", str(image)) for word in shlex.split(command)]
    image.write_bytes(b"old")
    call(*words, env={"DRACUT_EXTRA_ARGS": f"--sysroot {root.root} -N"})
    run("verify", image)
    assert driver is None or driver in modules(image)
    assert (tmp_path / "x.img").exists() == bool(written)


def test_a_relative_name_is_in_the_working_folder(dracut, root, tmp_path):
    dracut("x.img", root.version, cwd=tmp_path)
    assert (tmp_path / "x.img").stat().st_mode & 0o777 == 0o600


def test_options_reach_the_image(dracut, root, tmp_path):
    (root.root / "etc").mkdir(exist_ok=True)
    (root.root / "etc/mine").write_text("mine\n")
    (tmp_path / "file").write_text("other\n")
    result = dracut(
        "x.img", root.version, "--add-drivers", " dummy ", "--add-drivers=qla1280", "--install",
        " /etc/mine ", "-i", tmp_path / "file", "/etc/a", "--include", tmp_path / "file", "/etc/b",
        "--kernel-cmdline", "quiet rd.info", "--omit-drivers", "virtio_blk", "--xz", "--reproducible",
        "--no-early-microcode", "--strip", "--nolvmconf", "--tmpdir", "/nonexistent", "--no-hostonly-cmdline",
        "-o", " nfs iscsi ", "-a", "bash", "--kmoddir", root.modules, cwd=tmp_path)
    image = tmp_path / "x.img"
    assert {"dummy", "qla1280"} <= modules(image) and "virtio_blk" not in modules(image)
    assert "mine\nother\nother\n" == run("cat", image, "/etc/mine", "/etc/a", "/etc/b").text
    assert "cmdline=quiet rd.info\n" in run("cat", image, "/etc/preroot/boot.conf").text
    assert ": xz, " in run("list", image).text
    assert not result.out
    assert "nolvmconf" not in result.err.decode()


def test_the_last_compressor_counts(dracut, root, tmp_path):
    for words, codec in ((["--xz", "--gzip"], "gzip"), (["--compress", "zstd -19 -T0"], "zstd"),
                         (["--lz4", "--compress-level", "1"], "lz4"), (["--no-compress"], None)):
        dracut("-f", "x.img", root.version, *words, cwd=tmp_path)
        text = run("list", tmp_path / "x.img").text
        assert f": {codec}, " in text if codec else not re.search("segment.*: [a-z]*z", text)
    assert "--compress-level" in dracut("--compress-level=3", status=FAILED).error


def described(call, kind):  # noqa: F811
    """The options that the help describes as of that KIND, each with a value for its arguments."""
    text = re.sub(r"\n {10,}", " ", call("dracut", "--help").text)
    rows = re.findall(rf"^  (?:-\w,|   ) --([a-z0-9-]+)( [A-Z]+)? +(?:[^\n]*; )?{kind}: ", text, re.M)
    return [f"--{name}=strange" if args else f"--{name}" for name, args in rows]


def test_what_has_no_effect_is_said_once(call, dracut, root, tmp_path):  # noqa: F811
    words = described(call, "without effect")
    assert {"--prefix=strange", "--loginstall=strange", "--lvmconf", "--mdadmconf", "--keep", "--local",
            "--aggressive-strip", "--no-reproducible"} <= set(words)
    result = dracut(*words, *words, "x.img", root.version, cwd=tmp_path)
    warnings = [text for text in result.messages("warning")
                if "has no effect" in text]
    # Two options may stand for the same key, which is named once.
    for word in set(words) - {"--add-device=strange"}:
        name = word.partition("=")[0]
        assert len([text for text in warnings if re.match(rf"{name}(: \w+)? has no effect: ", text)]) == 1, word
    assert len(warnings) == len(words) - 1
    assert not (tmp_path / "strange").exists()


def test_what_is_accepted_in_silence_says_why_nothing_is_lost(call, dracut, root, tmp_path):  # noqa: F811
    words = described(call, "accepted")
    assert {"--strip", "--noprefix", "--tmpdir=strange", "--hostonly-nics=strange",
            "--persistent-policy=strange"} <= set(words)
    words += ["--nolvmconf", "--nomdadmconf", "--prefix=/"]
    assert (dracut("a.img", root.version, *words, cwd=tmp_path).messages("warning") ==
            dracut("b.img", root.version, cwd=tmp_path).messages("warning"))


@pytest.mark.parametrize("words, text", [
    (["--no-such"], "unknown option --no-such"), (["-Z"], "unknown option -Z"),
    (["--kverr=1"], "--kver?"), (["--kver"], "--kver needs: VERSION"), (["-i", "a"], "SRC DST"),
    (["--force=yes"], "--force takes no argument"), (["--no-host"], "may be --no-host"),
    (["a", "b", "c"], "too many words: c"), (["--kver", "1", "x.img", "2"], "1 and 2"),
    (["--regenerate-all", "x.img"], "neither"), (["--regenerate-all", "--kver", "1"], "neither"),
    (["--uefi", "x.efi"], "has no --uefi"), (["--rebuild", "x.img"], "has no --rebuild"),
    (["-f", "--keep", "0"], "0 would be the name of the image"), (["--keep", "--kver", "KVER", "3"], "a file of that name is ./3"),
    (["--try-next"], "it is an option of: preroot rebuild"), (["--if-changed"], "it is an option of: preroot build"),
    (["--mount", "/x"], "has no --mount"), (["--kver", "9.9.9"], "9.9.9"),
    (["", ""] * 2, "too many words"), (["-f", "", "9.9.9"], "9.9.9"), (["-f", "--", "", "9.9.9", "-N"], "too many words: -N"),
    (["-H", "--print-cmdline"], "/sys is not mounted"),
    (["--conf", "/none"], "/none"), (["--confdir", "/none"], "/none"),
    (["--add-confdir", "none"], "none"), (["--add", "no-such-module", "--kver", "KVER"], "no-such-module"),
    (["--kmoddir", "/none", "--kver", "KVER"], "/none"), (["--kmoddir", "/", "--kver", "KVER"], "--kmoddir"),
    (["--install", "/no/such", "--kver", "KVER"], "/no/such"),
])
def test_wrong_usage_is_status_one(words, text, dracut, root):
    before = trees.snapshot(root.root / "boot")
    result = dracut(*[word.replace("KVER", root.version) for word in words], status=FAILED)
    assert text in result.error + result.hint
    assert trees.snapshot(root.root / "boot") == before


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused_under_each_name(name, call, tmp_path):  # noqa: F811
    status = FAILED if name in ("dracut", "mkinitrd", "lsinitrd") else USAGE
    for word, hint in (("--no-such-thing", f"see: {name} --help"), ("--versoin", "is it meant to be --version?"),
                       ("--no-such=1", f"see: {name} --help")):
        result = call(name, word, "x", "y", status=status, cwd=tmp_path)
        assert f"unknown option {word.partition('=')[0]}" in result.error and hint in result.hint
    assert not list(tmp_path.glob("[xy]"))


def test_a_number_may_be_the_name_of_an_image_as_a_path(dracut, root, tmp_path):
    dracut("./5", root.version, cwd=tmp_path)
    run("verify", tmp_path / "5")


def test_a_version_in_the_place_of_the_image_is_written_with_a_warning(dracut, root, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    warned = dracut("-f", root.version, "--kver", root.version, cwd=folder).messages("warning")
    assert len([text for text in warned if text.startswith(f"{root.version} is a kernel, but ")]) == 1
    run("verify", folder / root.version)
    meant = next(text for text in warned if " is a kernel, " in text).partition("kernel: dracut ")[2]
    assert not image_of(root).exists() and f"--sysroot {root.root} " in meant
    dracut(*shlex.split(meant))
    run("verify", image_of(root))
    for name in ("x.img", f"./{root.version}"):
        text = dracut("-f", name, root.version, cwd=folder).err.decode()
        assert " is a kernel, " not in text


def test_an_empty_word_leaves_the_image_to_the_default(dracut, root, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    dracut("-f", "", root.version, cwd=folder)
    run("verify", image_of(root))
    assert image_of(root).name in dracut("", root.version, cwd=folder, status=FAILED).error
    dracut("-f", "x.img", "", "--kver", root.version, cwd=folder)
    dracut("-f", "", "--regenerate-all", cwd=folder)
    assert [path.name for path in folder.iterdir()] == ["x.img"]


def test_a_root_that_is_mounted_read_only(dracut, root, tmp_path):
    dracut("x.img", root.version, "--ro-mnt", cwd=tmp_path)
    assert "cmdline=ro\n" in run("cat", tmp_path / "x.img", "etc/preroot/boot.conf").text


def test_an_image_name_that_is_a_folder(dracut, root, tmp_path):
    assert str(tmp_path) in dracut("-f", tmp_path, root.version, status=FAILED).error


def test_options_of_the_environment_come_first(dracut, root, tmp_path):
    def built(extra, **more):
        return dracut("-f", "x.img", root.version, cwd=tmp_path, env={"DRACUT_EXTRA_ARGS": extra}, **more)

    built("--add-drivers 'dummy qla1280' --kernel-cmdline \"a\\b $(touch x)\"")
    assert {"dummy", "qla1280"} <= modules(tmp_path / "x.img")
    assert "a\\b $(touch x)" in run("cat", tmp_path / "x.img", "/etc/preroot/boot.conf").text
    assert not (tmp_path / "x").exists()
    assert "DRACUT_EXTRA_ARGS: " in built("--add 'x", status=FAILED).error


def test_modules_and_settings_are_listed(dracut):
    lines = dracut("--list-modules").text.splitlines()
    assert {"base", "btrfs", "rootfs-block"} <= set(lines)
    assert "nfs (missing: this version has no network)" in lines
    assert "plymouth (no effect: this version has no splash screen)" in lines
    text = dracut("--printconfig", "-v", "--remove", "x", "--add-drivers", " dummy ").text
    assert 'add_drivers="  dummy "  # --add-drivers\n' in text and 'hostonly="no"' in text


@pytest.mark.parametrize("words, option", [
    (("--omit-drivers", "a("), "--omit-drivers: omit_drivers: "), (("-a", "multipath"), "--add: add_dracutmodules: "),
    (("--add", "base", "--zstd", "--compress-level", "99"), "--zstd: compress: "),
    (("--xz", "--hostonly-mode=x"), "--hostonly-mode: hostonly_mode="),
])
def test_an_error_names_the_option(words, option, dracut, root, tmp_path):
    error = dracut(tmp_path / "x.img", root.version, *words, status=FAILED).error
    assert error.startswith(option)


@pytest.mark.parametrize("words", [["x.img", "KVER"], ["--kver", "KVER"], ["--regenerate-all"]], ids=str)
def test_the_modules_of_the_new_image_are_shown(words, dracut, root, tmp_path):
    words = [word.replace("KVER", root.version) for word in words]
    names = dracut("-M", "-f", *words, cwd=tmp_path).text.splitlines()
    image = tmp_path / "x.img" if "x.img" in words else image_of(root)
    assert {"base", "kernel-modules", "qemu", "rootfs-block"} <= set(names) and "btrfs" not in names
    sizes = dracut("--printsize", "-f", *words, cwd=tmp_path).text.splitlines()
    rows = dict(re.fullmatch(r"(\S+) install size: (\d+)k", line).groups() for line in sizes)
    assert list(rows) == names and int(rows["kernel-modules"]) > int(rows["usrmount"]) == 0
    assert sum(map(int, rows.values())) * 1024 > image.stat().st_size / 2


def test_kernel_parameters_of_this_machine_are_printed(call, root):  # noqa: F811
    (root.root / "etc").mkdir(exist_ok=True)
    (root.root / "etc/fstab").write_text("UUID=12 / ext4 rw,subvol=x 0 1\n")
    (root.root / "etc/dracut.conf").write_text("hostonly=no\nhostonly_cmdline=no\nkernel_cmdline=quiet\n")
    trees.write_machine("nvme", root.root)
    before = trees.snapshot(root.root)
    printed = call("dracut", "--sysroot", root.root, "--print-cmdline", "--kver", root.version, "-f", "--zstd")
    assert printed.text == "root=UUID=12 rootfstype=ext4 rootflags=subvol=x quiet\n"
    assert trees.snapshot(root.root) == before
    words = ["--sysroot", root.root, "--print-cmdline", "--kver", root.version, "-N"]
    assert call("dracut", *words).text == "quiet\n"
    (root.root / "etc/dracut.conf").unlink()
    assert call("dracut", *words).text == "\n"


def test_kernel_parameters_are_printed_without_any_kernel(call, root):  # noqa: F811
    for path in ("etc", "boot", "lib/modules", "usr/lib/modules"):
        shutil.rmtree(root.root / path, ignore_errors=True)
    (root.root / "etc").mkdir()
    (root.root / "etc/fstab").write_text("UUID=12 / ext4 rw 0 1\n")
    trees.write_machine("nvme", root.root)
    for words in ([], ["--kver", "9.9.9"]):
        printed = call("dracut", "--sysroot", root.root, "--print-cmdline", *words)
        assert printed.text == "root=UUID=12 rootfstype=ext4\n"
    assert "9.9.9" in call("dracut", "--sysroot", root.root, "--kver", "9.9.9", status=FAILED).error


def test_hints_name_nothing_that_the_called_name_does_not_have(dracut, call, root):  # noqa: F811
    """The code below the command line serves all names: its hints name settings, or whole commands."""
    calls = re.compile(r"(?:err_hint|plan_warn|configure_add_wish)\((.*?)\);", re.S)
    for path in sorted((TOP / "src").rglob("*.c")):
        if "cli" in path.relative_to(TOP / "src").parts:
            continue
        for found in calls.finditer(path.read_text()):
            text = re.sub(r"own_command\(.*?\)", "", found[1])
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))
            text = re.sub(r"preroot(?:'s option| \w+) --[a-z-]+", "", text)
            options = set(re.findall(r"--[a-z-]+", text))
            # Only who has given these can get there.
            options -= {"--try-next", "--mode", "--remove"}
            assert not options, f"{path}: {text}"
    hint = call("dracut", "--sysroot", root.root, "--kver", root.version, status=FAILED).hint
    assert "hostonly=no" in hint and "--generic" not in hint


# ---- images that are there ----

def test_no_image_is_replaced_without_force(dracut, root, tmp_path):
    image = tmp_path / "x.img"
    image.write_bytes(b"mine")
    assert "without --force" in dracut(image, root.version, status=FAILED).error
    assert image.read_bytes() == b"mine"
    dracut("--kver", root.version)
    for words in (["--kver", root.version], ["--regenerate-all"], ["", "--kver", root.version]):
        assert image_of(root).name in dracut(*words, status=FAILED).error
    dracut("--force", image, root.version)
    run("verify", image)


@pytest.mark.everywhere
def test_without_an_image_it_is_the_transaction(dracut, root):
    dracut("--kver", root.version, "--zstd")
    run("verify", image_of(root))
    first = image_of(root).read_bytes()
    assert dracut("-f", "--kver", root.version, "-v", "--zstd").text == f"{root.version}: unchanged\n"
    dracut("-fv", "--kver", root.version, "--add-drivers", "dummy")
    assert image_of(root).with_name(image_of(root).name + ".previous").read_bytes() == first
    log = (root.root / "var/log/dracut.log").read_text()
    assert log.count(" rebuild: ") == 2 and not (root.root / "var/log/preroot.log").exists()


def test_the_log_is_where_the_configuration_says(dracut, root, tmp_path):
    dracut("x.img", root.version, cwd=tmp_path)
    assert "x.img is written: " in (root.root / "var/log/dracut.log").read_text()
    (root.root / "etc").mkdir(exist_ok=True)
    (root.root / "etc/dracut.conf").write_text("logfile=/var/log/mine\n")
    dracut("-f", "x.img", root.version, cwd=tmp_path)
    assert (root.root / "var/log/mine").exists()
    dracut("-f", "x.img", root.version, "--logfile", "/var/log/own", cwd=tmp_path)
    assert (root.root / "var/log/own").exists()


def test_a_run_that_fails_leaves_nothing(call, tree):  # noqa: F811
    before = trees.snapshot(tree.root)
    words = ("--sysroot", tree.root, "-N", "--kver", tree.version)
    result = call("dracut", *words, "--install", "/no/such", status=FAILED)
    assert trees.snapshot(tree.root) == before and result.messages("warning") == []
    # There is no folder for a log, and nobody has asked for one.
    assert "/var/log" not in call("dracut", *words).err.decode()
    assert "var/log/own is not written" in call("dracut", *words, "-f", "--xz", "--logfile", "/var/log/own"
                                                ).err.decode()


def test_all_kernels(dracut, root, trixie, tmp_path):
    other = trees.make_small(trixie, tmp_path / "other", ["nvme", "ext4"])
    for path in ("boot", "lib/modules"):
        shutil.copytree(other.root / path, root.root / path, dirs_exist_ok=True)
    dracut("--regenerate-all", "--force", "--parallel")
    for version in (root.version, other.version):
        run("verify", root.root / f"boot/initramfs-{version}.img")


@pytest.mark.everywhere
def test_two_at_once_wait_for_each_other(call, dracut, root):  # noqa: F811
    both = [subprocess.Popen(call.words("dracut", "--sysroot", root.root, "-N", "-f", "--kver",
                                        root.version, "--add-drivers", name), stderr=subprocess.PIPE)
            for name in ("dummy", "qla1280")]
    for one in both:
        assert one.wait() == 0, one.stderr.read()
        one.stderr.close()
    run("verify", image_of(root))
    assert image_of(root).with_name(image_of(root).name + ".previous").exists()


# ---- containers ----

@pytest.mark.everywhere
def test_an_image_is_made_in_a_container(tree):
    container = Container(tree, NAMES)
    image = f"/usr/lib/modules/{container.version}/initramfs.img"
    (container.root / "usr/lib").mkdir(exist_ok=True)
    (container.root / "usr/lib/modules").symlink_to("../../lib/modules")

    def call_in(name, *words, status=0):
        return check(name, container.run(name, *words), status)

    notice = "in a chroot: the disks of the machine that will boot are not known"
    for name, words in (("dracut", ["--kver", container.version]), ("mkinitrd", ["/x.img", container.version]),
                        ("update-initramfs", ["-u", "-k", container.version])):
        warned = call_in(name, *words).messages("warning")
        assert name == "update-initramfs" or any(text.startswith(notice) for text in warned)
    assert "mode=generic\n" in run("cat", container.root / "x.img", "/etc/preroot/boot.conf").text
    call_in("dracut", "-f", image, container.version)
    call_in("dracut", "--no-hostonly", "--kver", container.version, "--reproducible", "--zstd", "-v",
            "--add", "base", "-f", image)
    run("verify", container.root / image.lstrip("/"))
    call_in("dracut", "-f", "-N", "--regenerate-all")
    run("verify", container.root / f"boot/initramfs-{container.version}.img")


def test_an_option_for_a_kind_of_image_holds_in_a_container(tree):
    container = Container(tree, NAMES)
    trees.write_machine("nvme", container.root)
    (container.root / "run/systemd").mkdir(parents=True)
    (container.root / "run/systemd/container").touch()
    for words, mode in (([], "generic"), (["--hostonly-cmdline"], "generic"), (["-H"], "hostonly"),
                        (["-H", "--hostonly-mode", "strict"], "hostonly (strict)"),
                        (["--hostonly-mode=portable"], "hostonly (portable)"),
                        (["-H", "-N"], "generic")):
        done = check("dracut", container.run("dracut", "-fv", *words, "/x.img", container.version), 0)
        assert f"{container.version}, {mode}, " in done.text, words
        assert any("in a container" in text for text in done.messages("warning")) == ("-H" not in words and mode == "generic")


def test_what_is_known_of_the_parameters_is_printed_in_a_chroot(tree):
    container = Container(tree, NAMES)

    def printed(*words):
        return check("dracut", container.run("dracut", "--print-cmdline", *words, "--kver", container.version), 0).text

    assert printed() == printed("-N") == "\n"
    (container.root / "etc").mkdir(exist_ok=True)
    (container.root / "etc/fstab").write_text("UUID=12 / ext4 rw 0 1\n")
    (container.root / "etc/dracut.conf").write_text("kernel_cmdline=quiet\n")
    assert printed() == "root=UUID=12 rootfstype=ext4 quiet\n" and printed("-N") == "quiet\n"


# ---- mkinitrd ----

def mkinitrd(container, *words, status=0):
    return check("mkinitrd", container.run("mkinitrd", *words), status)


@pytest.mark.everywhere
def test_mkinitrd(tree):
    container = Container(tree, NAMES)
    (container.root / "etc").mkdir(exist_ok=True)
    (container.root / "etc/dracut.conf").write_text("hostonly=no\n")
    words = ("--with=dummy", "--preload", "qla1280", "--with-usb", "--builtin=x", "/x.img", container.version)
    result = mkinitrd(container, *words)
    assert {"dummy", "qla1280"} <= modules(container.root / "x.img")
    assert "--builtin has no effect" in "\n".join(result.messages("warning"))
    assert "without --force" in mkinitrd(container, *words, status=FAILED).error
    mkinitrd(container, "-f", "--image-version", *words)
    assert (container.root / f"x.img-{container.version}").exists()
    assert "usage: mkinitrd" in mkinitrd(container, "/x.img", status=FAILED).hint
