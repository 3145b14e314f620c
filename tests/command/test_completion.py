# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shells complete what the program's own tables, the machine and the images offer."""

import os
import re
import subprocess

import pytest

import archive
from fronts import NAMES, links  # noqa: F401
from lib import TOP
from program import PROGRAM, SANITIZER_WORDS, USAGE, environment, run
from test_commands import commands, options

FOLDER = TOP / "completion"
SHELL_FILES = {"bash": "bash.in", "zsh": "zsh.in", "fish": "fish.in"}


def complete(*words, status=0):
    """What the program offers for the last of WORDS, with descriptions."""
    done = subprocess.run([PROGRAM, "--complete", *map(str, words)], check=False, text=True,
                          capture_output=True, env=environment())
    assert not any(word in done.stderr for word in SANITIZER_WORDS), done.stderr
    assert done.returncode == status, f"{words}: {done.stderr}"
    return dict(line.partition("\t")[::2] for line in done.stdout.splitlines())


def front_options(name, folder):
    """The options of another name that its --help lists."""
    text = subprocess.run([folder / name, "--help"], check=True, text=True, capture_output=True,
                          env=environment()).stdout
    rows = re.findall(r"^ +(-[^\s-])?,? *(--[a-z][a-z0-9-]*)?", text, re.M)
    return [long or letter for letter, long in rows if long or letter]


# ---- options and their values ----

def test_every_command_is_offered():
    assert set(commands()) <= set(complete("preroot", ""))
    assert set(commands()) <= set(complete("preroot", "--root", "/", ""))


@pytest.mark.parametrize("command", commands())
def test_every_option_of_a_command_is_offered_and_its_values_are_known(command):
    offered = complete("preroot", command, "--")
    assert options(command) <= set(offered) and all(offered.values())
    for option in options(command):
        # Of options without arguments: what comes behind them.
        complete("preroot", command, option, "")
        complete("preroot", command, f"{option}=")


@pytest.mark.parametrize("name", NAMES)
def test_every_option_of_another_name_is_offered_and_its_values_are_known(name, links):  # noqa: F811
    rows = front_options(name, links)
    assert len(rows) > 1
    assert set(rows) - {"-?"} <= set(complete(name, "-"))
    for option in rows:
        complete(name, option, "")
        if option.startswith("--"):
            complete(name, f"{option}=")


def test_an_option_behind_the_command_or_before_it_is_completed_alike():
    assert "--try-next" in complete("preroot", "--root", "/", "rebuild", "--")
    assert "--try-next" in complete("preroot", "--keep=3", "-vv", "rebuild", "--t")
    assert complete("preroot", "build", "--", "--") == {":files": ""}
    assert complete("preroot", "build", "--include", "/a", "") == {}


@pytest.mark.parametrize("command, option, bad", [
    ("build", "compress", "zip"), ("build", "compress-store", "xz"), ("build", "stdlog", "7"),
    ("plan", "hostonly-mode", "lax"), ("plan", "rescue-shell", "closed"), ("rebuild", "mode", "0777"),
    ("plan", "add", "none-such"), ("plan", "omit", "none-such")])
def test_the_values_that_are_offered_are_those_that_are_taken(command, option, bad, tmp_path):
    """Wrong ones are wrong usage, others fail later: there is no kernel."""
    offered = complete("preroot", command, f"--{option}", "")
    words = ["--root", tmp_path, *([tmp_path / "out"] if command == "build" else [])]
    for value in offered:
        if option not in ("add", "omit"):
            run(command, *words, f"--{option}", value, status=1)
    assert bad not in offered
    assert complete("preroot", command, f"--{option}=") == {
        f"--{option}={value}": text for value, text in offered.items()}


def test_settings_and_builders_are_those_that_there_are():
    keys = complete("preroot", "plan", "--set", "")
    assert "add_drivers=" in keys and "initrdname=" not in keys
    assert set(complete("preroot", "config", "import", "")) == {
        "booster", "initramfs-tools", "mkinitcpio"}
    assert run("config", "import", "none-such", status=USAGE)


# ---- the machine and its images ----

@pytest.mark.leaks
def test_kernels_and_modules_are_those_below_the_root(small_kernel):
    root = ["--root", small_kernel.root]
    assert complete("preroot", *root, "plan", "") == {small_kernel.version: ""}
    assert small_kernel.version in complete("dracut", "--sysroot", small_kernel.root, "--kver", "")
    assert complete("preroot", "build", *root, "out", small_kernel.version[:2]) == {
        small_kernel.version: ""}
    assert "a,nvme" in complete("preroot", "build", *root, "--add-drivers", "a,nv")
    assert "--add-drivers=nvme" in complete("dracut", "-r", small_kernel.root, "--kver",
                                            small_kernel.version, "--add-drivers=nvme")
    assert complete("preroot", "build", *root, "out", "9.9.9", "--add-drivers", "nv") == {}


def test_features_are_completed_behind_a_comma():
    assert "fs-lib,resume" in complete("preroot", "plan", "-a", "fs-lib,res")
    assert complete("dracut", "--add", "fs-lib resu") == {}


def test_features_are_also_those_of_files(tmp_path):
    for folder, names in (("usr/lib", ("mine", "ostree", "no")), ("etc", ("$(x)",))):
        folder = tmp_path / folder / "preroot/features.d"
        folder.mkdir(parents=True)
        for name in names:
            (folder / f"{name}.conf").touch()
    (tmp_path / "etc/preroot/features.d/no.conf").symlink_to("/dev/null")
    words = ["--root", tmp_path, "--add"]
    assert {"mine", "ostree"} <= set(complete("preroot", "build", *words, ""))
    assert complete("preroot", "build", *words, "no") == {}
    assert complete("preroot", "build", *words, "$") == {}


def test_paths_in_an_image_are_completed_folder_by_folder(image):
    assert "usr/" in complete("preroot", "cat", image, "")
    below = complete("preroot", "cat", image, "/usr/lib/")
    assert "/usr/lib/modules/" in below and all(path.startswith("/usr/lib/") for path in below)
    assert complete("preroot", "why", image, "usr/l") == complete("lsinitrd", image, "-f", "usr/l")
    assert "usr/" in complete("lsinitrd", image, "etc", "")
    assert complete("preroot", "diff", image, "") == {":files": ""}


def test_what_a_shell_could_run_is_not_offered(tmp_path):
    hostile = tmp_path / "hostile"
    names = ["ok", "a b", "$(reboot)", "`x`", "a;b", "tab\there", "line\nbreak", "~x", "'", "\x1b[2J"]
    hostile.write_bytes(archive.newc(*(archive.file(name.encode()) for name in names)))
    assert complete("preroot", "cat", hostile, "") == {"ok": ""}
    for bad in (tmp_path / "none-such", TOP / "README.md", tmp_path):
        assert complete("preroot", "cat", bad, "") == {}


def test_an_image_that_is_no_file_is_not_waited_for(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for bad in (fifo, "/dev/zero", "/dev/tty", "/proc/self/mem"):
        assert complete("preroot", "cat", bad, "") == {}
    modules = tmp_path / "lib/modules/1.0"
    modules.mkdir(parents=True)
    os.mkfifo(modules / "modules.dep")
    assert complete("preroot", "--root", tmp_path, "build", "out", "1.0", "--add-drivers", "") == {}


def test_paths_of_a_hostile_image_are_offered_up_to_a_limit(tmp_path):
    path = tmp_path / "hostile"
    names = [b"d%d/%d" % (n % 2, n) for n in range(5000)]
    path.write_bytes(archive.newc(*map(archive.file, names)))
    assert complete("preroot", "cat", path, "") == {"d0/": "", "d1/": ""}
    assert len(complete("preroot", "cat", path, "d0/")) == 2500
    path.write_bytes(archive.newc(*(archive.file(b"%d" % n) for n in range(5000))))
    assert len(complete("preroot", "cat", path, "")) == 4096


def test_words_that_mean_nothing_offer_nothing():
    for words in ([], ["preroot"]):
        complete(*words, status=USAGE)
    assert complete("preroot", "none-such", "zz") == {}
    assert complete("preroot", "rebuild", "--none-such=") == {}
    assert complete("preroot", "rebuild", "--force=") == {}


# ---- the shells ----

BASH = """
source "$1"
compopt() { :; }
COMP_WORDS=("${@:2}")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_preroot "$2" "${COMP_WORDS[COMP_CWORD]}" ""
printf '%s\\n' "${COMPREPLY[@]}"
"""
# The functions of zsh's completion print what they are given; arrays are passed by name.
ZSH = """
_describe() { print -rl -- "${(@P)3}" | sed 's/\\([^\\\\]\\):.*/\\1/; s/\\\\:/:/g' }
_files() { [[ $1 == -/ ]] && set -- ${PREFIX}*(N/) || set -- ${PREFIX}*(N); print -rl -- $IPREFIX$^@ }
compset() { IPREFIX=${PREFIX%%=*}= PREFIX=${PREFIX#*=} }
words=("${@:2}"); CURRENT=$#words PREFIX=$words[-1]
source "$1"
"""
FISH = "source $argv[1]; complete -C $argv[2] | string replace -r '\\t.*' ''"


@pytest.fixture
def offer(tmp_path):
    """Calls a shell's completion of preroot with words; the last is completed."""
    def call(shell, *words):
        path = tmp_path / shell
        text = (FOLDER / SHELL_FILES[shell]).read_text()
        path.write_text(text.replace("@name@", "preroot").replace("@program@", str(PROGRAM)))
        if shell == "fish":
            argv = ["fish", "--no-config", "-c", FISH, path, " ".join(words)]
        else:
            # bash splits words at "=".
            parts = [part for word in words for part in re.split("(=)", word)] \
                if shell == "bash" else words
            argv = [shell, *(["-f"] if shell == "zsh" else []), "-c",
                    BASH if shell == "bash" else ZSH, shell, path, *parts]
        done = subprocess.run(argv, check=False, text=True, capture_output=True, cwd=tmp_path,
                              env=environment(HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)))
        assert done.stderr == ""
        # bash completes only what is behind "=".
        behind = words[-1].partition("=")[0] + "=" if shell == "bash" and "=" in words[-1] else ""
        return {behind + line for line in done.stdout.splitlines()}
    return call


@pytest.mark.parametrize("shell", SHELL_FILES)
def test_a_shell_offers_what_the_program_does(shell, offer, small_kernel, tmp_path):
    root = str(small_kernel.root)
    assert offer(shell, "preroot", "re") == {"rebuild", "restore"}
    assert offer(shell, "preroot", "rebuild", "--try") == {"--try-next"}
    assert offer(shell, "preroot", "rebuild", "--compress=z") == {"--compress=zstd"}
    assert offer(shell, "preroot", "--root=" + root, "plan", "") == {small_kernel.version}
    assert offer(shell, "preroot", "plan", "--set", "preroot_k") == {"preroot_keep="}


@pytest.mark.parametrize("shell", SHELL_FILES)
def test_a_shell_completes_files_itself(shell, offer, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d/image one").touch()
    (tmp_path / "d/inner").mkdir()
    found = {path.rstrip("/") for path in offer(shell, "preroot", "verify", "d/i")}
    assert {path.replace("\\ ", " ") for path in found} == {"d/image one", "d/inner"}
    for option in (["--root", "d/i"], ["--root=d/i"]):
        found = {path.rstrip("/") for path in offer(shell, "preroot", "plan", *option)}
        assert found == {option[-1] + "nner"}
