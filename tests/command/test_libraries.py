# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which libraries are packed with a program, and that it runs with them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from program import FAILED, USAGE, in_namespace, run

MULTIARCH = "usr/lib/x86_64-linux-gnu"
LOADER = Path("/lib64/ld-linux-x86-64.so.2")
LIBC = Path("/lib/x86_64-linux-gnu/libc.so.6")
NOTE_TYPE = 0x407C0C0A


class Workshop:
    """A root with a small kernel, glibc, and what the test compiles into it."""

    def __init__(self, tree, tmp_path):
        self.tree, self.root, self.tmp = tree, tree.root, tmp_path
        for path in (LOADER.resolve(), LIBC.resolve()):
            target = self.root / MULTIARCH / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755)
        if LIBC.resolve().name != LIBC.name:
            (target.parent / LIBC.name).symlink_to(target.name)
        (self.root / "lib64").mkdir()
        (self.root / "lib64" / LOADER.name).symlink_to(f"/{MULTIARCH}/{LOADER.resolve().name}")

    def inside(self, path):
        """PATH with its links resolved below the root, so that nothing is written outside through them."""
        done = self.root
        for part in Path(path).parts:
            done = done / part
            if done.is_symlink() and part != Path(path).name:
                target = os.readlink(done)
                done = self.inside(target.lstrip("/")) if target.startswith("/") else \
                    done.parent / target
        return done

    def library(self, path, answer=1, needs=(), soname=None, note=None, flags=()):
        """A library at PATH with a function named after it, which adds ANSWER to those of its needs."""
        name = Path(path).name.split(".")[0].replace("-", "_")
        calls = "".join(f"+{Path(n).name.split('.')[0]}()" for n in needs)
        text = "".join(f"int {Path(n).name.split('.')[0]}(void);" for n in needs)
        text += f"int {name}(void){{return {answer}{calls};}}"
        return self._compile(path, text + self.note(note), needs,
                             ["-shared", "-fPIC", f"-Wl,-soname,{soname or Path(path).name}",
                              *flags])

    def program(self, path, needs=(), note=None, flags=(), body=None):
        """A program that prints the sum of its libraries' functions."""
        calls = "".join(f"+{Path(n).name.split('.')[0]}()" for n in needs)
        text = "#include <dlfcn.h>\nint printf(const char *, ...);"
        text += "".join(f"int {Path(n).name.split('.')[0]}(void);" for n in needs)
        text += "int main(void){" + (body or f'printf("%d\\n", 0{calls});') + "return 0;}"
        return self._compile(path, text + self.note(note), needs, [*flags])

    @staticmethod
    def note(entries):
        """Assembler source of a note on libraries that are opened with dlopen()."""
        if entries is None:
            return ""
        text = entries if isinstance(entries, str) else json.dumps(entries)
        text = text.replace("\\", "\\\\").replace('"', '\\"')
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        return ('\n__asm__(".pushsection .note.dlopen,\\"a\\",%note\\n.balign 4\\n'
                f'.long 4, 2f-1f, {NOTE_TYPE}\\n.asciz \\"FDO\\"\\n1: .asciz \\"{quoted}\\"\\n'
                '2: .balign 4\\n.popsection");')

    def _compile(self, path, text, needs, flags):
        target = self.inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        words = ["cc", "-x", "c", "-", "-x", "none", "-o", target, "-Wl,--no-as-needed",
                 "-Wl,--allow-shlib-undefined", "-Wl,--unresolved-symbols=ignore-all",
                 *[self.inside(n) for n in needs], *flags]
        subprocess.run([str(w) for w in words], input=text.encode(), check=True)
        return target

    def words(self, command, *includes, more=("--generic",)):
        extra = [w for path in includes for w in ("--include", self.root / path, f"/{path}")]
        return [command, *([self.tmp / "out.img"] if command == "build" else []),
                self.tree.version, "--root", self.root, *more, *extra]

    def plan(self, *includes, more=(), status=0):
        result = run(*self.words("plan", *includes, more=("--generic", "--json", *more)),
                     status=status)
        if status:
            return result
        self.warnings = result.json["warnings"]
        return {e["path"]: e for e in result.json["entries"]}

    def build(self, *includes, more=()):
        target = self.tmp / "target"
        shutil.rmtree(target, ignore_errors=True)
        run(*self.words("build", *includes, more=("--generic", *more)))
        run("verify", "--root", self.root, self.tmp / "out.img")
        run("extract", self.tmp / "out.img", target)
        return target

    def output(self, program, more=()):
        return self.run(self.build(program, more=more), f"/{program}")

    @staticmethod
    def run(target, *words):
        """With /proc, as at boot: the linker finds the program's path there."""
        before = in_namespace(f"mount --rbind /proc '{target}/proc'")
        return subprocess.run([*before, "chroot", target, *words], check=True,
                              stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture
def shop(tree, tmp_path):
    return Workshop(tree, tmp_path)


# ---- run paths ----

@pytest.mark.parametrize("kind", ["--enable-new-dtags", "--disable-new-dtags"])
@pytest.mark.parametrize("run_path, folder", [
    ("/opt/own", "opt/own"),
    ("/no/such:/opt/own", "opt/own"),
    ("$ORIGIN/../lib/own", "usr/lib/own"),
    ("${ORIGIN}/own", "usr/bin/own"),
    ("/usr/$LIB/own", MULTIARCH + "/own"),
    ("/opt/$PLATFORM", "opt/x86_64"),
])
def test_run_path(kind, run_path, folder, shop):
    shop.library(f"{folder}/libone.so", answer=42)
    shop.program("usr/bin/prog", [f"{folder}/libone.so"],
                 flags=[f"-Wl,{kind},-rpath,{run_path}"])
    assert shop.output("usr/bin/prog") == "42"


def test_old_run_path_is_inherited(shop):
    shop.library("opt/own/libtwo.so", answer=2)
    shop.library("opt/own/libone.so", answer=1, needs=["opt/own/libtwo.so"])
    shop.program("usr/bin/prog", ["opt/own/libone.so"],
                 flags=["-Wl,--disable-new-dtags,-rpath,/opt/own"])
    assert shop.output("usr/bin/prog") == "3"


def test_new_run_path_is_not_inherited(shop):
    shop.library("opt/own/libtwo.so")
    shop.library("opt/own/libone.so", needs=["opt/own/libtwo.so"])
    shop.program("usr/bin/prog", ["opt/own/libone.so"],
                 flags=["-Wl,--enable-new-dtags,-rpath,/opt/own"])
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert "/opt/own/libone.so, which /usr/bin/prog needs" in error
    assert "libtwo.so" in error and f"/{MULTIARCH}" in error


def test_what_is_loaded_is_not_looked_for_again(shop):
    """The second library has no run path, but the first one is loaded already."""
    shop.library("opt/own/libone.so", answer=1)
    shop.library("opt/own/libtwo.so", answer=2, needs=["opt/own/libone.so"])
    shop.program("usr/bin/prog", ["opt/own/libone.so", "opt/own/libtwo.so"],
                 flags=["-Wl,--enable-new-dtags,-rpath,/opt/own"])
    assert shop.output("usr/bin/prog") == "4"


def test_two_programs_find_different_libraries_by_one_name(shop):
    for place, answer in (("a", 10), ("b", 20)):
        shop.library(f"opt/{place}/libleaf.so", answer=answer)
    shop.library("usr/lib/libmid.so", answer=1, needs=["opt/a/libleaf.so"])
    for place in "ab":
        shop.program(f"usr/bin/{place}", ["usr/lib/libmid.so"],
                     flags=[f"-Wl,--disable-new-dtags,-rpath,/opt/{place}"])
    target = shop.build("usr/bin/a", "usr/bin/b")
    assert shop.run(target, "/usr/bin/a") == "11"
    assert shop.run(target, "/usr/bin/b") == "21"


def test_needed_path_with_slashes(shop):
    shop.library("opt/x/libone.so", answer=7, soname="/opt/x/libone.so")
    shop.program("usr/bin/prog", ["opt/x/libone.so"])
    assert shop.output("usr/bin/prog") == "7"


def test_relative_needed_path_is_refused(shop):
    shop.library("opt/x/libone.so", soname="x/libone.so")
    shop.program("usr/bin/prog", ["opt/x/libone.so"])
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert "x/libone.so" in error and "relative" in error


def test_no_default_folders(shop):
    shop.library("usr/lib/libone.so")
    shop.program("usr/bin/prog", ["usr/lib/libone.so"], flags=["-Wl,-z,nodefaultlib",
                                                               "-nodefaultlibs"])
    assert "libone.so" in shop.plan("usr/bin/prog", status=FAILED).error


def test_library_for_another_machine_is_named(shop):
    library = shop.library("usr/lib/libone.so")
    shop.program("usr/bin/prog", ["usr/lib/libone.so"])
    data = bytearray(library.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")
    library.write_bytes(data)
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert "/usr/lib/libone.so (which is for aarch64" in error


def test_program_for_another_machine_is_a_warning(shop):
    program = shop.program("usr/bin/prog")
    data = bytearray(program.read_bytes())
    data[18:20] = (183).to_bytes(2, "little")
    program.write_bytes(data)
    shop.plan("usr/bin/prog")
    assert any("aarch64" in text and "prog" in text for text in shop.warnings)


# ---- the cache ----

def cache_of(target):
    text = subprocess.run(["/sbin/ldconfig", "-C", target / "etc/ld.so.cache", "-p"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return [line.strip() for line in text.splitlines()[1:] if "=>" in line]


@pytest.mark.parametrize("cached", [True, False])
def test_folder_of_ld_so_conf(cached, shop):
    """With the root's cache or a stale one, the image has one that knows the library."""
    shop.library("opt/far/libone.so", answer=5)
    shop.program("usr/bin/prog", ["opt/far/libone.so"])
    (shop.root / "etc").mkdir(exist_ok=True)
    (shop.root / "etc/ld.so.conf").write_text("include ld.so.conf.d/*.conf\n")
    (shop.root / "etc/ld.so.conf.d").mkdir()
    (shop.root / "etc/ld.so.conf.d/far.conf").write_text("# comment\n/opt/far\n")
    if cached:
        subprocess.run(["/sbin/ldconfig", "-r", shop.root], check=True)
    assert shop.output("usr/bin/prog") == "5"
    paths = [line.split(" => ")[1] for line in cache_of(shop.tmp / "target")]
    assert "/opt/far/libone.so" in paths
    for path in paths:
        assert (shop.tmp / "target" / path.lstrip("/")).resolve().exists() or \
            os.path.lexists(shop.tmp / "target" / path.lstrip("/"))


def test_cache_goes_before_default_folders(shop):
    shop.library("usr/lib/libone.so", answer=1)
    shop.library("opt/far/libone.so", answer=2)
    shop.program("usr/bin/prog", ["opt/far/libone.so"])
    (shop.root / "etc").mkdir(exist_ok=True)
    (shop.root / "etc/ld.so.conf").write_text("/opt/far\n")
    subprocess.run(["/sbin/ldconfig", "-r", shop.root], check=True)
    assert shop.output("usr/bin/prog") == "2"


# ---- variants for newer processors ----

def with_variants(shop, folder):
    """A program with a library in FOLDER, which answers with the level that it is for."""
    shop.library(f"{folder}/libone.so", answer=1)
    for level in (2, 3, 4):
        shop.library(f"{folder}/glibc-hwcaps/x86-64-v{level}/libone.so", answer=level)
    shop.program("usr/bin/prog", [f"{folder}/libone.so"])
    (shop.root / "etc").mkdir(exist_ok=True)
    (shop.root / "etc/ld.so.conf").write_text("/opt/far\n/usr/lib/x86_64-linux-gnu\n")


@pytest.mark.parametrize("folder", ["usr/lib/x86_64-linux-gnu", "opt/far"])
def test_variants_stay_out_of_a_generic_image(folder, shop):
    """Even if the root's cache lists them, the image's own does not."""
    with_variants(shop, folder)
    subprocess.run(["/sbin/ldconfig", "-r", shop.root], check=True)
    assert shop.output("usr/bin/prog") == "1"
    assert not any("hwcaps" in line for line in cache_of(shop.tmp / "target"))
    assert not list((shop.tmp / "target").rglob("glibc-hwcaps"))


@pytest.fixture
def machine(shop):
    """A description of a machine with one disk, for hostonly images."""
    text = {"preroot-hardware": 1, "kernel": shop.tree.version, "mounts": [
        {"target": "/", "source": "/dev/vda1", "fstype": "ext4", "options": "rw", "blocks": [
            {"name": "vda1", "path": "devices/pci0/virtio0/block/vda/vda1"}]}],
        "devices": [{"path": "devices/pci0/virtio0", "subsystem": "virtio", "for": "/",
                     "modalias": "virtio:d00000002v00001AF4", "driver": "virtio_blk",
                     "module": "virtio_blk"}]}
    path = shop.tmp / "machine.json"
    path.write_text(json.dumps(text))
    return path


def best_level():
    """The highest level of this machine's processor, according to the dynamic linker."""
    text = subprocess.run([LOADER, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return max([int(line.split()[0][-1]) for line in text.splitlines()
                if "x86-64-v" in line and "supported" in line], default=1)


@pytest.mark.parametrize("folder", ["usr/lib/x86_64-linux-gnu", "opt/far"])
def test_hostonly_has_all_variants_and_the_linker_takes_the_best(folder, shop, machine):
    with_variants(shop, folder)
    target = shop.build("usr/bin/prog", more=("--hostonly", "--hardware", machine))
    assert (target / folder / "libone.so").exists()
    assert len(list((target / folder / "glibc-hwcaps").iterdir())) == 3
    lines = cache_of(target)
    assert sum("hwcaps" in line for line in lines) == 3
    assert best_level() > 1 and shop.run(target, "/usr/bin/prog") == str(best_level())


def test_only_a_variant_is_no_library(shop):
    shop.library("usr/lib/libone.so")
    shop.program("usr/bin/prog", ["usr/lib/libone.so"])
    variants = shop.root / "usr/lib/glibc-hwcaps/x86-64-v3"
    variants.mkdir(parents=True)
    (shop.root / "usr/lib/libone.so").rename(variants / "libone.so")
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert "libone.so" in error and "newer processors only" in error


# ---- libraries opened with dlopen() ----

def note(soname, feature="f", priority=None, **more):
    entry = {"soname": soname if isinstance(soname, list) else [soname], "feature": feature,
             "description": f"the {feature} thing", **more}
    return [entry | ({"priority": priority} if priority else {})]


OPENS = ('void *d = dlopen("libopt.so", RTLD_NOW); int (*f)(void) = d ? '
         '(int (*)(void))dlsym(d, "libopt") : 0; printf("%d\\n", f ? f() : -1);')


@pytest.mark.parametrize("priority", ["required", "recommended", None, "unheard-of"])
def test_library_that_is_opened_later(priority, shop):
    shop.library("usr/lib/libleaf.so", answer=4)
    shop.library("usr/lib/libopt.so", answer=3, needs=["usr/lib/libleaf.so"])
    shop.program("usr/bin/prog", note=note("libopt.so", priority=priority), body=OPENS)
    assert shop.output("usr/bin/prog") == "7"


def test_it_is_found_by_the_run_path_of_who_opens_it(shop):
    shop.library("opt/own/libopt.so", answer=3)
    shop.program("usr/bin/prog", note=note("libopt.so"), body=OPENS,
                 flags=["-Wl,-rpath,/opt/own"])
    assert shop.output("usr/bin/prog") == "3"


def test_required_and_missing(shop):
    shop.program("usr/bin/prog", note=note("libopt.so", priority="required"))
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert all(word in error for word in ("/usr/bin/prog", "libopt.so", "the f thing", MULTIARCH))


def test_recommended_and_missing_is_one_warning(shop):
    for name in ("a", "b"):
        shop.program(f"usr/bin/{name}", note=note("libopt.so", priority="recommended"))
    shop.plan("usr/bin/a", "usr/bin/b")
    assert [text for text in shop.warnings if "libopt.so" in text] == [
        "/usr/bin/a would use the library libopt.so (the f thing), which is not installed"]


def test_of_several_names_the_first_that_exists(shop):
    shop.library("usr/lib/libopt.so.2")
    shop.library("usr/lib/libopt.so.1")
    shop.program("usr/bin/prog", note=note(["libopt.so.3", "libopt.so.2", "libopt.so.1"]))
    plan = shop.plan("usr/bin/prog")
    assert "usr/lib/libopt.so.2" in plan and "usr/lib/libopt.so.1" not in plan
    assert shop.warnings == [] or not any("libopt" in text for text in shop.warnings)


@pytest.mark.parametrize("more, there", [
    ((), False),
    (("--add-dlopen-features", "prog:f"), True),
    (("--add-dlopen-features", "p*:other,f other:x"), True),
    (("--add-dlopen-features", "prog:other"), False),
    (("--add-dlopen-features", "libc.so.6:f"), False),
    (("--add-dlopen-features", "prog:f", "--omit-dlopen-features", "*:f"), False),
    (("--set", "add_dlopen_features=prog:f"), True),
    (("--set", "omit_dlopen_features=*:f", "--set", "add_dlopen_features=prog:f"), False),
])
def test_suggested_is_for_those_who_ask(more, there, shop):
    shop.library("usr/lib/libopt.so")
    shop.program("usr/bin/prog", note=note("libopt.so", priority="suggested"))
    assert ("usr/lib/libopt.so" in shop.plan("usr/bin/prog", more=more)) == there


@pytest.mark.parametrize("priority", ["required", "recommended"])
def test_omitted_feature_stays_out(priority, shop):
    shop.program("usr/bin/prog", note=note("libopt.so", priority=priority))
    shop.plan("usr/bin/prog", more=("--omit-dlopen-features", "pr?g:f"))
    assert not any("libopt" in text for text in shop.warnings)


def test_asked_for_and_missing(shop):
    shop.program("usr/bin/prog", note=note("libopt.so", priority="suggested"))
    assert "libopt.so" in shop.plan("usr/bin/prog", more=("--add-dlopen-features", "prog:f"),
                                    status=FAILED).error


@pytest.mark.parametrize("wish", ["feature", ":feature", "pattern:", "pattern:,"])
def test_wish_of_another_form(wish, shop):
    result = shop.plan(more=("--add-dlopen-features", wish), status=USAGE)
    assert wish in result.error


def test_note_that_is_damaged(shop):
    shop.program("usr/bin/prog", note='[{"soname": ["libopt.so"]')
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert "/usr/bin/prog" in error and "JSON" in error


def test_systemd(shop, systemd_library):
    """Debian's own libsystemd-shared requires kmod and zstd, and suggests others."""
    folder = f"{MULTIARCH}/systemd"
    (shop.root / folder).mkdir(parents=True)
    name = shutil.copy(systemd_library, shop.root / folder)
    for needed in subprocess.run(["readelf", "-d", name], check=True, stdout=subprocess.PIPE,
                                 text=True).stdout.splitlines():
        soname = needed.split("[")[1].rstrip("]") if "(NEEDED)" in needed else None
        if soname and not (shop.root / MULTIARCH / soname).exists() and "ld-linux" not in soname:
            shop.library(f"{MULTIARCH}/{soname}")
    path = f"{folder}/{Path(name).name}"
    shop.plan(path)
    missing = {text.split("library ")[1].split()[0] for text in shop.warnings if "would" in text}
    assert missing == {"libkmod.so.2", "libzstd.so.1"}
    for soname in (*missing, "libtss2-esys.so.0", "libtss2-rc.so.0", "libtss2-mu.so.0"):
        shop.library(f"{MULTIARCH}/{soname}")
    plan = shop.plan(path)
    assert f"{MULTIARCH}/libkmod.so.2" in plan and f"{MULTIARCH}/libtss2-mu.so.0" not in plan
    plan = shop.plan(path, more=("--add-dlopen-features", "libsystemd-shared-*.so:tpm"))
    assert f"{MULTIARCH}/libtss2-mu.so.0" in plan


# ---- musl ----

@pytest.fixture
def musl_shop(shop, musl):
    """The root of SHOP with Debian's musl, and a compiler for it."""
    shutil.copytree(musl, shop.tmp / "musl", symlinks=True)
    for path in ("usr/lib/x86_64-linux-musl/libc.so", "etc/ld-musl-x86_64.path"):
        (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(musl / path, shop.root / path)
    (shop.root / "lib/ld-musl-x86_64.so.1").symlink_to("/usr/lib/x86_64-linux-musl/libc.so")
    library = shop.root / "usr/lib/x86_64-linux-musl"
    shop.musl = ["-nostdlib", "-nostartfiles", "-fno-stack-protector", "-U_FORTIFY_SOURCE",
                 "-Wl,-dynamic-linker,/lib/ld-musl-x86_64.so.1", f"-L{library}", "-l:libc.so"]
    shop.crt = [musl / "usr/lib/x86_64-linux-musl/crt1.o"]
    return shop


@pytest.mark.parametrize("folder, path_file, run_path", [
    ("usr/lib/x86_64-linux-musl", True, None),
    ("usr/local/lib", False, None),
    ("opt/own", True, "--enable-new-dtags,-rpath,/opt/own"),
    ("opt/own", True, "--disable-new-dtags,-rpath,/opt/own"),
])
def test_musl(folder, path_file, run_path, musl_shop):
    """musl's linker is the C library; both kinds of run paths are inherited; there is no cache."""
    shop = musl_shop
    if not path_file:
        (shop.root / "etc/ld-musl-x86_64.path").unlink()
    shop.library(f"{folder}/libtwo.so", answer=2, flags=shop.musl)
    shop.library(f"{folder}/libone.so", answer=1, needs=[f"{folder}/libtwo.so"], flags=shop.musl)
    flags = [*shop.musl, *shop.crt, *([f"-Wl,{run_path}"] if run_path else [])]
    shop.program("usr/bin/prog", [f"{folder}/libone.so"], flags=flags)
    target = shop.build("usr/bin/prog")
    assert shop.run(target, "/usr/bin/prog") == "3"
    assert (target / "etc/ld-musl-x86_64.path").exists() == path_file
    assert not (target / "etc/ld.so.cache").exists()
    assert not (target / str(LIBC).lstrip("/")).exists()


def test_musl_does_not_look_where_glibc_does(musl_shop):
    shop = musl_shop
    shop.library(f"{MULTIARCH}/libone.so", flags=shop.musl)
    shop.program("usr/bin/prog", [f"{MULTIARCH}/libone.so"], flags=[*shop.musl, *shop.crt])
    error = shop.plan("usr/bin/prog", status=FAILED).error
    assert "libone.so" in error and "/usr/lib/x86_64-linux-musl" in error
