# SPDX-License-Identifier: LGPL-2.1-or-later
"""Settings from dracut's configuration files: which files apply, and what the keys do."""

import json
import os
import re
import shutil

import pytest

import trees
from program import DONE, FINDING, UNPRIVILEGED, USAGE, run

pytestmark = pytest.mark.sweep

NVME = trees.MACHINES / "nvme.json"
ETC, USR, RUN = "etc/dracut.conf.d", "usr/lib/dracut/dracut.conf.d", "run/initramfs/dracut.conf.d"


class Machine:
    """A root with one kernel and no settings yet."""

    def __init__(self, tree, cache):
        self.tree, self.root, self.cache = tree, tree.root, cache
        self.log = self.root / "var/log/preroot.log"
        self.log.parent.mkdir(parents=True)
        self.image = self.root / f"boot/initramfs-{tree.version}.img"
        self.changes = ["dummy", "qla1280", "ahci", "nvme dummy", "ahci dummy"]

    def write(self, path, text):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def rebuild(self, *more, **options):
        return run("rebuild", "--root", self.root, "--hardware", NVME, "--cache-dir", self.cache,
                   *more, **options)

    def change(self, *more, **options):
        """A rebuild whose image differs from those before."""
        return self.rebuild("--add-drivers", self.changes.pop(), *more, **options)

    def kept(self):
        """Previous images after four rebuilds."""
        for _ in range(4):
            self.change()
        return len(list(self.image.parent.glob(f"{self.image.name}.previous*")))


@pytest.fixture
def machine(tree, tmp_path):
    return Machine(tree, tmp_path / "cache")


def refused(machine, *more):
    """The error of a rebuild that must change nothing."""
    before = trees.snapshot(machine.root)
    result = machine.rebuild(*more, status=USAGE)
    assert trees.snapshot(machine.root) == before
    return result.error


def packed(machine):
    """The names of what is in the image."""
    return {line.rpartition("/")[2] for line in run("list", machine.image).text.splitlines()}


# ---- previous images ----

@pytest.mark.everywhere
def test_number_of_previous_images(machine):
    machine.write("etc/dracut.conf", "preroot_keep=2\n")
    assert machine.kept() == 2


def test_none_is_kept(machine):
    machine.write(f"{ETC}/keep.conf", "preroot_keep=0\n")
    assert machine.kept() == 0


def test_command_line_wins(machine):
    machine.write("etc/dracut.conf", "preroot_keep=0\n")
    machine.rebuild()
    machine.change("--keep", "1")
    assert (machine.root / f"{machine.image}.previous").exists()


def test_trial_remembers_the_number(machine):
    machine.write("etc/dracut.conf", "preroot_keep=3\n")
    machine.rebuild()
    entries = machine.root / "boot/loader/entries"
    entries.mkdir(parents=True)
    version = machine.tree.version
    (entries / "a.conf").write_text(f"title Linux\nversion {version}\nlinux /vmlinuz-{version}\n"
                                    f"initrd /{machine.image.name}\noptions root=/dev/vda\n")
    efivars = machine.root / "sys/firmware/efi/efivars"
    efivars.mkdir(parents=True)
    (efivars / "LoaderFeatures-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f").write_bytes(
        bytes([6, 0, 0, 0, 0x1f, 0, 0, 0, 0, 0, 0, 0]))
    machine.change("--try-next")
    state = json.loads((machine.root / f"var/lib/preroot/{version}.json").read_text())
    assert state["trial-keep"] == 3


@pytest.mark.leaks
def test_prune_keeps_as_many(machine):
    machine.write("etc/dracut.conf", "preroot_keep=2\n")
    assert machine.kept() == 2
    words = ("prune", "--root", machine.root, "--cache-dir", machine.cache, "--dry-run")
    assert run(*words).text == "nothing to remove\n"
    assert "previous-2" in run(*words, "--keep", "1").text


@pytest.mark.parametrize("value", ["10", "-1", "two", "1 2", "0x1"])
def test_bad_number(value, machine):
    machine.write(f"{ETC}/a.conf", f'# mine\npreroot_keep="{value}"\n')
    error = refused(machine, "--keep", "1")
    assert error.startswith(f"/{ETC}/a.conf:2: preroot_keep=\"{value}\"") and "0 to 9" in error
    assert run("prune", "--root", machine.root, status=USAGE).error == error


# ---- which files apply ----

def test_later_files_override_by_name_and_not_by_folder(machine):
    machine.write("etc/dracut.conf", "preroot_keep=0\n")
    machine.write(f"{ETC}/9.conf", "preroot_keep=1\n")
    machine.write(f"{USR}/10.conf", "preroot_keep=2\n")
    assert machine.kept() == 2


def test_file_in_etc_takes_the_place_of_one_of_that_name(machine):
    machine.write("etc/dracut.conf", "preroot_keep=0\n")
    machine.write(f"{USR}/a.conf", "preroot_keep=3\n")
    machine.write(f"{RUN}/a.conf", "not even an assignment\n")
    machine.write(f"{ETC}/a.conf", "")
    assert machine.kept() == 0


def test_link_to_the_null_device_switches_a_file_off(machine):
    machine.write("etc/dracut.conf", "preroot_keep=0\n")
    machine.write(f"{RUN}/a.conf", "preroot_keep=3\n")
    (machine.root / ETC).mkdir()
    (machine.root / ETC / "a.conf").symlink_to("/dev/null")
    assert machine.kept() == 0


def test_other_places(machine, tmp_path):
    own = tmp_path / "own.conf"
    machine.write("etc/dracut.conf", "no assignment\n")
    machine.write(f"{ETC}/a.conf", "nor this\n")
    (tmp_path / "own.d").mkdir()
    own.write_text("preroot_keep=0\n")
    machine.rebuild("-c", own, "--confdir", tmp_path / "own.d")
    machine.change("--conf", "/dev/null", "--confdir", "own.d", cwd=tmp_path)
    assert machine.image.with_name(machine.image.name + ".previous").exists()
    (tmp_path / "own.d/b.conf").write_text("preroot_keep=ten\n")
    assert "own.d/b.conf:1:" in refused(machine, "-c", own, "--confdir", tmp_path / "own.d")


def test_an_added_folder_is_a_path_or_a_name_in_the_usual_ones(machine, tmp_path):
    machine.write(f"{ETC}/b.conf", "preroot_keep=0\n")
    machine.write(f"{USR}/mine/c.conf", "preroot_keep=usr\n")
    assert f"/{USR}/mine/c.conf:1:" in refused(machine, "--add-confdir", "mine")
    machine.write(f"{ETC}/mine/c.conf", "preroot_keep=etc\n")
    assert f"/{ETC}/mine/c.conf:1:" in refused(machine, "--add-confdir", "mine")
    (tmp_path / "a.d").mkdir()
    (tmp_path / "a.d/b.conf").write_text("preroot_keep=x\n")  # the file in /etc comes first
    machine.rebuild("--add-confdir", tmp_path / "a.d")
    (tmp_path / "a.d/c.conf").write_text("preroot_keep=x\n")
    assert f"{tmp_path}/a.d/c.conf:1:" in refused(machine, "--add-confdir", tmp_path / "a.d")
    assert "/none" in refused(machine, "--add-confdir", tmp_path / "none")


def test_a_setting_of_the_command_line_comes_after_all_files(machine):
    machine.write(f"{ETC}/b.conf", "preroot_keep=x\nadd_drivers=dummy\n")
    words = ("--set", "preroot_keep=2")
    machine.rebuild(*words)
    assert "dummy.ko.zst" in packed(machine)
    assert "--set: preroot_keep=\"$x\"" in refused(machine, *words, "--set=preroot_keep=$x")
    machine.rebuild(*words, "--set=add_drivers+= qla1280 ")
    assert {"dummy.ko.zst", "qla1280.ko.zst"} <= packed(machine)
    machine.rebuild(*words, "--set=add_drivers=qla1280")
    assert "dummy.ko.zst" not in packed(machine)


@pytest.mark.parametrize("text", ["preroot_keep", "=1", "preroot_keep+1", "a b=1", ""])
def test_a_setting_of_the_command_line_is_an_assignment(text, machine):
    assert "--set takes KEY=VALUE" in refused(machine, "--set", text)


def test_what_is_named_must_be_there(machine, tmp_path):
    assert str(tmp_path / "none") in refused(machine, "--conf", tmp_path / "none")
    assert str(tmp_path / "none") in refused(machine, "--confdir", tmp_path / "none")


@pytest.mark.parametrize("text, place", [
    ("preroot_keep=1\nif true; then\n", "2:1"), ("a=$(reboot)\n", "1:3"),
    ("  preroot_keep = 1", "1:3"),
    ('x="', "1:3"), ("a=1\r\n", "1:4"), ("a=\0", "1:3"),
])
def test_what_is_no_setting_is_an_error_with_its_place(text, place, machine):
    machine.write(f"{ETC}/a.conf", text)
    assert refused(machine).startswith(f"/{ETC}/a.conf:{place}: ")


def test_file_that_cannot_be_read(machine):
    machine.write("etc/dracut.conf", "").chmod(0)
    machine.root.chmod(0o755)
    result = machine.rebuild("--check", before=UNPRIVILEGED, status=USAGE)
    assert result.error == "/etc/dracut.conf: Permission denied"


# ---- keys ----

def test_keys_without_effect_are_named_once_with_the_reason(machine):
    machine.write("etc/dracut.conf", 'libdirs="/a"\nuefi="no"\nreproducible="no"\nuefi=" no "\n')
    machine.write(f"{ETC}/b.conf", 'export do_strip=yes\nlibdirs+=" /b"\nadd_device+=/dev/x\n')
    warnings = machine.rebuild("--check", status=FINDING).messages("warning")
    assert warnings == [
        f"/{ETC}/b.conf:3: add_device has no effect: the boot waits for the devices of the mounts that it "
        "makes, and for no others: add_drivers packs a device's driver, x-initrd.mount in /etc/fstab makes a mount",
        f"/{ETC}/b.conf:2: libdirs has no effect: libraries are found as the machine's own linker finds them"]


def rows(kind):
    """The keys of that kind in the program's table."""
    return re.findall(rf'^\t{kind}\w*\("(\w+)"', (trees.HERE.parents[1]
                                                 / "src/host/config/keys.c").read_text(), re.M)


def test_every_key_without_effect_has_a_reason_or_loses_nothing(machine):
    lost, met = rows("LOST"), rows("MET")
    assert len(lost) > 5 and len(met) > 80
    machine.write("etc/dracut.conf", "".join(f"{name}=strange\n" for name in lost + met))
    warnings = machine.rebuild("--check", status=FINDING).messages("warning")
    assert warnings == [f"/etc/dracut.conf:{line}: {name} has no effect: {warning.split(': ', 2)[2]}"
                        for line, (name, warning) in enumerate(zip(lost, warnings), 1)]
    assert len(warnings) == len(lost)


def test_a_name_of_the_file_itself_is_no_unknown_key(machine):
    machine.write("etc/dracut.conf", 'mine="panic=5"\nkernel_cmdline="$mine quiet"\nother=x\n')
    (warning,) = machine.rebuild().messages("warning")
    assert warning.startswith('/etc/dracut.conf:3: there is no key "other"')


def test_unknown_key_is_a_warning_with_the_nearest_one(machine):
    machine.write("etc/dracut.conf", "\npreroot_kep=3\nqwertzuiopasdf=1\n")
    assert machine.rebuild().messages("warning") == [
        '/etc/dracut.conf:2: there is no key "preroot_kep"; is it meant to be "preroot_keep"?',
        '/etc/dracut.conf:3: there is no key "qwertzuiopasdf"']
    assert machine.image.exists()
    assert len(run("prune", "--root", machine.root).messages("warning")) == 2


def test_settings_are_no_change(machine):
    machine.rebuild()
    machine.write("etc/dracut.conf", "preroot_keep=3\nsysloglvl=5\n")
    before = trees.snapshot(machine.root)
    assert machine.rebuild("-v").text.endswith(": unchanged\n")
    assert trees.snapshot(machine.root) == before


# ---- verbosity ----

def told(machine, *more):
    """The output of a rebuild that has a warning: its text, and the kinds of its messages."""
    result = machine.change(*more)
    kinds = [kind for kind in ("warning", "debug", "trace") if result.messages(kind)]
    return bool(result.out), kinds


@pytest.mark.parametrize("level, expected", [
    (0, (False, [])), (2, (False, [])), (3, (False, ["warning"])), (4, (True, ["warning"])),
    (5, (True, ["warning", "debug"])), (6, (True, ["warning", "debug", "trace"])),
])
def test_levels(level, expected, machine):
    file = machine.write("etc/dracut.conf", f"uefi=yes\nstdloglvl={level}\n")
    assert told(machine) == expected
    file.write_text("uefi=yes\nstdloglvl=6\n")
    assert told(machine, "-L", level) == expected


@pytest.mark.parametrize("words, expected", [
    (["-q"], (False, ["warning"])), (["-q", "--quiet"], (False, [])), (["-qq"], (False, [])),
    (["-v", "-q", "-q"], (False, ["warning"])), (["-vqq"], (False, ["warning"])),
    (["-v"], (True, ["warning", "debug"])),
    (["-v", "--verbose", "-v"], (True, ["warning", "debug", "trace"])), (["-L", "2", "-v"], (False, ["warning"])),
])
def test_more_and_less(words, expected, machine):
    machine.write("etc/dracut.conf", "uefi=yes\n")
    assert told(machine, *words) == expected


def test_settings_are_told_when_asked_for(machine):
    machine.write(f"{ETC}/a.conf", "# x\npreroot_keep='2'\n")
    result = machine.rebuild("-v", "-v")
    assert f"settings are read from /{ETC}/a.conf" in result.messages("debug")
    assert f'/{ETC}/a.conf:2: preroot_keep="2"' in result.messages("trace")
    assert any(" pack: " in text for text in result.messages("debug"))


def test_errors_and_json_are_always_told(machine):
    result = machine.rebuild("--json", "-L", "0")
    assert result.json["changed"] is True and not result.err
    machine.tree.image.unlink()
    assert machine.rebuild("-L", "0", "--force", status=1).error


def test_other_verbs_are_quiet_too(machine):
    machine.rebuild()
    machine.change()
    result = run("restore", "--root", machine.root, "-q")
    assert not result.out and not result.err
    machine.write("etc/dracut.conf", "stdloglvl=2\n")
    result = run("prune", "--root", machine.root, "--keep", "0")
    assert not result.out and not result.err
    assert not run("mark-good", "--root", machine.root).out


def test_broken_settings_do_not_stop_who_rescues(machine):
    machine.rebuild()
    old = machine.image.read_bytes()
    machine.change()
    machine.write("etc/dracut.conf", "broken\n")
    result = run("restore", "--root", machine.root)
    assert machine.image.read_bytes() == old
    assert "/etc/dracut.conf:1:1: " in result.messages("warning")[0]
    result = run("mark-good", "--root", machine.root)
    assert "/etc/dracut.conf:1:1: " in result.messages("warning")[0]
    machine.write("own.conf", "stdloglvl=7\n")
    for verb in ("restore", "mark-good"):
        run(verb, "--root", machine.root, "--conf", machine.root / "own.conf", status=USAGE)


# ---- the log ----

@pytest.mark.everywhere
def test_level_of_the_log(machine):
    machine.write("etc/dracut.conf", "fileloglvl=2\n")
    machine.rebuild()
    assert not machine.log.exists()
    machine.write("etc/dracut.conf", "fileloglvl=5\n")
    machine.change()
    text = machine.log.read_text()
    assert re.search(r" debug \S+ pack: \d+ files, \d+ modules, ", text)
    assert re.search(r" info \S+ rebuild: ", text)


def test_warnings_are_logged(machine):
    machine.rebuild("--add", "plymouth")
    assert re.search(r" warn \S+ plan: .*plymouth", machine.log.read_text())
    machine.write("etc/dracut.conf", "fileloglvl=2\n")
    size = machine.log.stat().st_size
    machine.change("--add", "plymouth")
    assert machine.log.stat().st_size == size


def test_other_log_file(machine):
    machine.write("etc/dracut.conf", "logfile=/var/log/dracut.log\n")
    machine.rebuild()
    assert "rebuild: " in (machine.root / "var/log/dracut.log").read_text()
    machine.change("--logfile", "/var/log/mine")
    run("restore", "--root", machine.root, "--logfile", "/var/log/mine")
    text = (machine.root / "var/log/mine").read_text()
    assert " rebuild: " in text and " restore: " in text
    assert not machine.log.exists()


def test_no_log_file(machine):
    machine.write("etc/dracut.conf", 'logfile=""\n')
    assert not machine.rebuild().err
    assert os.listdir(machine.log.parent) == []


def test_log_file_that_is_a_link_is_not_written(machine):
    victim = machine.write("etc/passwd", "root\n")
    (machine.log.parent / "dracut.log").symlink_to("/etc/passwd")
    machine.write("etc/dracut.conf", "logfile=/var/log/dracut.log\n")
    (warning,) = machine.rebuild().messages("warning")
    assert "var/log/dracut.log is not written" in warning and victim.read_text() == "root\n"


@pytest.mark.parametrize("text", ["stdloglvl=7", "fileloglvl=all", "sysloglvl=-1", "logfile=log",
                                  "logfile=/"])
def test_bad_level_or_log_file(text, machine):
    machine.write(f"{ETC}/a.conf", text + "\n")
    assert refused(machine).startswith(f"/{ETC}/a.conf:1: ")


@pytest.mark.parametrize("words", [("-L", "7"), ("--stdlog", "x"), ("--logfile", "log")])
def test_bad_option(words, machine):
    assert refused(machine, *words)


def test_nothing_is_logged_by_a_check(machine):
    machine.write("etc/dracut.conf", "fileloglvl=6\n")
    before = trees.snapshot(machine.root)
    machine.rebuild("--check", status=FINDING)
    assert trees.snapshot(machine.root) == before
    assert machine.rebuild("--help", status=DONE).text


# ---- what goes into an image ----

@pytest.fixture
def system(tree):
    """A tree with a program and a few files, and no settings yet."""
    trees.install(tree.root, "/usr/bin/env")
    (tree.root / "etc").mkdir(exist_ok=True)
    (tree.root / "etc/motd").write_text("hello\n")
    return tree


def write(system, text, path="etc/dracut.conf"):
    (system.root / path).parent.mkdir(parents=True, exist_ok=True)
    (system.root / path).write_text(text)


def plan(system, *words, **options):
    return run("plan", system.version, "--root", system.root, "--hardware", NVME, "--json", *words,
               **options)


def reasons(result):
    return {entry["path"]: entry["reason"] for entry in result.json["entries"]}


def conf(system, *words):
    """The content of boot.conf."""
    image = system.root.parent / "conf.img"
    run("build", image, system.version, "--root", system.root, "--hardware", NVME, *words)
    return run("cat", image, "/etc/preroot/boot.conf").text.splitlines()


def test_modules(system):
    write(system, 'add_drivers+="dummy"\nforce_drivers+=" qla1280 "\n')
    paths = {trees.module_name(path): why for path, why in reasons(plan(system)).items()
             if ".ko" in path}
    assert paths["dummy"] == "/etc/dracut.conf:1: add_drivers"
    assert paths["qla1280"] == "/etc/dracut.conf:2: force_drivers"
    loaded = [line for line in conf(system) if "qla1280" in line or "dummy" in line]
    assert [line for line in loaded if "qla1280" in line]
    assert not [line for line in loaded if "dummy" in line]


def test_module_that_one_kernel_lacks_is_a_warning(system):
    write(system, '# x\nadd_drivers+=" none_of_that dummy "\n')
    result = plan(system)
    (warning,) = [text for text in result.json["warnings"] if "none_of_that" in text]
    assert warning.startswith("/etc/dracut.conf:2: add_drivers: kernel ")
    assert any("/dummy.ko" in path for path in reasons(result))


@pytest.mark.everywhere
def test_files_and_programs(system):
    write(system, 'install_items+=" /etc/motd env "\ninstall_optional_items=(/etc/none)\n')
    result = plan(system)
    assert reasons(result)["etc/motd"] == "/etc/dracut.conf:1: install_items /etc/motd"
    assert "usr/bin/env" in reasons(result)
    assert any("/etc/none (/etc/dracut.conf:2: install_optional_items)" in text
               for text in result.json["remarks"])
    assert not any("/etc/none" in text for text in result.json["warnings"])
    write(system, 'install_items+=" /etc/none "\n')
    assert "(asked for with /etc/dracut.conf:1: install_items)" in plan(system, status=1).error


def test_kernel_parameters_come_before_those_of_the_command_line(system):
    write(system, 'kernel_cmdline="a=1"\nkernel_cmdline+=" b=$kernel "\n')
    told = conf(system, "--kernel-cmdline", "c=3")
    assert [line.strip() for line in told if line.startswith("cmdline=")] == ["cmdline=a=1", f"cmdline=b={system.version}",
                                                "cmdline=c=3"]
    write(system, f'kernel_cmdline="{"x" * 3000}"\n')
    assert plan(system, status=USAGE).error.startswith("/etc/dracut.conf:1: ")


@pytest.mark.everywhere
@pytest.mark.parametrize("value, codec", [
    ("xz", "xz"), ("zstd -19", "zstd"), ("/usr/bin/gzip -9", "gzip"), ("cat", "none"),
    ("pigz -9", "gzip"), ("lzop", "lzo"), ("lz4", "lz4"),
])
def test_codec(value, codec, system):
    write(system, f'compress="{value}"\n')
    assert plan(system).json["compress"] == codec
    assert plan(system, "--compress", "xz").json["compress"] == "xz"
    assert plan(system, "--compress", "auto").json["compress"] == "zstd"


def test_level_of_the_codec_counts(system, tmp_path):
    sizes = {}
    for level in (1, 19):
        write(system, f'compress="zstd -T0 -{level}"\n')
        result = run("build", tmp_path / "a.img", system.version, "--root", system.root,
                     "--generic")
        assert not [text for text in result.messages("warning") if "compress" in text]
        sizes[level] = (tmp_path / "a.img").stat().st_size
    assert sizes[19] < sizes[1]


@pytest.mark.parametrize("value, stored", [
    ("none", ".ko"), ("zstd", ".ko.zst"), ("zstd:19", ".ko.zst"), ("auto", ".ko.zst")])
def test_codec_of_the_store(value, stored, system):
    """The command line overrides it, and "auto" there means that nothing was set."""
    def stored_modules(*words):
        paths = "\n".join(reasons(plan(system, *words)))
        return set(re.findall(r"/nvme(\.ko[.a-z]*)$", paths, re.MULTILINE))

    write(system, f'preroot_compress_store="{value}"\n')
    assert stored_modules() == {stored}
    assert stored_modules("--compress-store", "auto") == {".ko.zst"}
    assert stored_modules("--compress-store", "none") == {".ko"}
    assert stored_modules("--compress", "none", "--compress-store", "zstd") == {".ko.zst"}


def test_codec_that_the_kernel_lacks(system):
    system.configure(RD_XZ=None)
    write(system, "compress=xz\n")
    assert plan(system, status=1).error.startswith("/etc/dracut.conf:1: compress: kernel ")


def test_hostonly(system):
    def mode(*words):
        return run("plan", system.version, "--root", system.root, *words).text.split(", ")[1]

    write(system, "hostonly=no\nhostonly_mode=strict\n")
    assert mode() == "generic"
    assert mode("--hardware", NVME) == mode("-H", "--hardware", NVME) == "hostonly (strict)"
    assert mode("--hostonly-mode", "sloppy", "--hardware", NVME) == "hostonly"
    write(system, "hostonly=yes\nhostonly_mode=portable\n")
    assert mode("--hardware", NVME) == "hostonly (portable)"
    assert mode("-N") == "generic"


@pytest.mark.parametrize("value", ["", "''", "1", "'no yes'", "no"])
def test_only_yes_makes_an_image_hostonly_as_in_dracut(value, system):
    write(system, f"hostonly=yes\nhostonly={value}\n")
    result = run("plan", system.version, "--root", system.root)
    assert result.text.split(", ")[1] == "generic"
    assert any("taken for no" in text for text in result.messages("warning")) == (value != "no")


@pytest.mark.parametrize("text", [
    "hostonly_mode=none", "compress=7zip", "compress='zstd -99'", "preroot_compress_store=xz",
    "preroot_compress_store=zstd:20", "preroot_compress_store='zstd -3'",
])
def test_bad_value(text, system):
    write(system, f"\n{text}\n")
    assert plan(system, status=USAGE).error.startswith("/etc/dracut.conf:2: ")
    out = system.root / "out.img"
    run("build", out, system.version, "--root", system.root, "--hardware", NVME, status=USAGE)
    assert not out.exists()


def test_change_of_settings_is_a_change_of_the_image(machine, tmp_path):
    machine.rebuild()
    assert machine.rebuild().text.endswith(": unchanged\n")
    file = machine.write(f"{ETC}/a.conf", 'add_drivers+="dummy"\n')
    assert ": rebuilt, " in machine.rebuild().text
    assert machine.rebuild().text.endswith(": unchanged\n")
    assert machine.rebuild("-v", "--keep", "2").text.endswith(": unchanged\n")
    machine.rebuild("--check", "--conf", "/dev/null", status=(DONE, FINDING))
    file.unlink()
    assert ": rebuilt, " in machine.rebuild().text
    own = tmp_path / "own.conf"
    own.write_text('add_drivers+="qla1280"\n')
    assert ": rebuilt, " in machine.rebuild("-c", own).text
    assert machine.rebuild("-c", own).text.endswith(": unchanged\n")
    own.write_text('add_drivers+="qla1280 dummy"\n')
    assert ": rebuilt, " in machine.rebuild("-c", own).text
    (tmp_path / "d").mkdir()
    assert machine.rebuild("-c", own, "--confdir", tmp_path / "d").text.endswith(": unchanged\n")
    (tmp_path / "d/a.conf").write_text('force_drivers+="ahci"\n')
    assert ": rebuilt, " in machine.rebuild("-c", own, "--confdir", tmp_path / "d").text


def test_each_kernel_has_its_own_variable(machine, trixie, tmp_path):
    newer = trees.make_small(trixie, tmp_path / "newer", ["nvme", "ext4"])
    shutil.copytree(newer.root / "lib/modules", machine.root / "lib/modules", dirs_exist_ok=True,
                    symlinks=True)
    for path in (newer.image, newer.config):
        shutil.copy(path, machine.root / "boot")
    machine.write("etc/dracut.conf", 'install_items+=" /etc/for-$kernel "\n')
    machine.write(f"etc/for-{newer.version}", "newer\n")
    done = machine.rebuild("--all", "-q", status=1)
    assert done.text.startswith(f"{machine.tree.version}: failed: there is no ")
    assert done.text.count("\n") == 2  # with its hint
    image = machine.root / f"boot/initramfs-{newer.version}.img"
    assert run("cat", image, f"/etc/for-{newer.version}").text == "newer\n"
    machine.write(f"etc/for-{machine.tree.version}", "older\n")
    assert not machine.rebuild("--all", "-q").out
    assert run("cat", machine.image, f"/etc/for-{machine.tree.version}").text == "older\n"


def test_build_if_changed_sees_settings(system, tmp_path):
    words = ("build", tmp_path / "a.img", system.version, "--root", system.root, "--hardware", NVME,
             "--cache-dir", tmp_path / "cache", "--if-changed")
    run(*words)
    assert run(*words).text.endswith(": unchanged\n")
    write(system, 'install_items+=" /etc/motd "\n')
    assert not run(*words).text.endswith(": unchanged\n")
    assert run(*words).text.endswith(": unchanged\n")
    assert run("cat", tmp_path / "a.img", "/etc/motd").text == "hello\n"
    why = run("why", tmp_path / "a.img", "/etc/motd").text
    assert "/etc/dracut.conf:1: install_items" in why


def test_status_sees_settings(machine):
    machine.rebuild()
    words = ("status", "--root", machine.root, "--cache-dir", machine.cache, "--json")
    (before,) = run(*words).json["kernels"]
    machine.write(f"{ETC}/a.conf", 'add_drivers+="dummy"\n')
    (after,) = run(*words).json["kernels"]
    assert before["state"] != "stale" and after["state"] == "stale"


def test_reasons_do_not_name_the_root(system):
    write(system, 'add_drivers+="dummy"\n', f"{USR}/a.conf")
    assert f"/{USR}/a.conf:1: add_drivers" in reasons(plan(system)).values()


def test_build_is_quiet(system, tmp_path):
    words = ("build", tmp_path / "a.img", system.version, "--root", system.root, "--hardware", NVME)
    assert run(*words).out
    result = run(*words, "-q", "-q")
    assert not result.out and not result.err
