# SPDX-License-Identifier: LGPL-2.1-or-later
"""The hooks that build and remove images as kernels come and go, called as their managers do it."""

import os
import re
import shutil
import subprocess

import pytest

import trees
from lib import BUILD, TOP
from program import AFTER, FAILED, PROGRAM, environment, in_namespace, run

NVME = trees.MACHINES / "nvme.json"
HOOKS = BUILD / "data"
TOKEN = "0123456789abcdef0123456789abcdef"

# The program for another machine than this one. The hooks name the root themselves.
WRAPPER = """\
#!/bin/sh
verb=$1
shift
case $verb in
rebuild | build) set -- --hardware '{hardware}' --cache-dir '{cache}' "$@" ;;
esac
exec '{program}' "$verb" "$@"
"""


class Machine:
    def __init__(self, tree, folder):
        self.tree, self.root, self.version = tree, tree.root, tree.version
        for name in ("etc/kernel/postinst.d", "var/log"):
            (self.root / name).mkdir(parents=True)
        (self.root / "etc/os-release").write_text("ID=debian\n")
        self.kernel, self.boot = f"/boot/vmlinuz-{tree.version}", self.root / "boot"
        self.image = self.boot / f"initrd.img-{tree.version}"
        self.program = folder / "preroot"
        self.program.write_text(WRAPPER.format(hardware=NVME, cache=folder / "cache",
                                               program=PROGRAM))
        self.program.chmod(0o755)

    def call(self, hook, *words, status=0, text="", before=(), **env):
        """Runs a hook with these words, TEXT as its input. Returns what it writes to stderr."""
        done = subprocess.run(
            [*before, "sh", HOOKS / hook, *map(str, words)], check=False, input=text, text=True,
            capture_output=True,
            env=environment(**{"PREROOT": str(self.program), "PREROOT_ROOT": str(self.root),
                               "DEB_MAINT_PARAMS": None, "INITRD": None, **env}))
        assert done.returncode == status, done.stderr
        assert hook not in ("debian-postinst", "debian-postrm") or done.stdout == ""
        return done.stderr

    def install(self, **options):
        return self.call("debian-postinst", self.version, self.kernel, **options)

    def state(self):
        """What status says of the image: its state, and why."""
        (row,) = run("status", "--json", "--root", self.root, "--cache-dir",
                     self.program.parent / "cache").json["kernels"]
        return row["state"], row["why"]

    def remove_kernel(self):
        """As dpkg does it: depmod's files stay until the purge."""
        self.tree.image.unlink()
        shutil.rmtree(self.tree.modules / "kernel")
        (self.tree.modules / "modules.order").unlink()

    def left(self):
        return {path.name for path in self.boot.rglob("*") if path.name.startswith("initr")}


@pytest.fixture
def machine(tree, tmp_path):
    return Machine(tree, tmp_path)


# ---- kernel packages of Debian ----

def test_a_kernel_package_gets_its_image_and_takes_it_away(machine):
    machine.install(DEB_MAINT_PARAMS="configure 6.1.0-1")
    run("verify", machine.image)
    inode = machine.image.stat().st_ino
    machine.install(DEB_MAINT_PARAMS="'configure' '6.1.0-1'")
    assert machine.image.stat().st_ino == inode

    run("rebuild", "--root", machine.root, "--hardware", NVME, "--kernel-cmdline", "quiet")
    assert len(machine.left()) == 2
    machine.remove_kernel()
    for words in ("upgrade 6.1.0-2", "failed-upgrade", "abort-install"):
        machine.call("debian-postrm", machine.version, machine.kernel, DEB_MAINT_PARAMS=words)
        assert len(machine.left()) == 2
    machine.call("debian-postrm", machine.version, machine.kernel, DEB_MAINT_PARAMS="remove")
    assert machine.left() == set()
    machine.call("debian-postrm", machine.version, machine.kernel, DEB_MAINT_PARAMS="purge")


def test_callers_that_set_nothing_get_an_image(machine):
    """installkernel of a kernel that was built by hand."""
    machine.call("debian-postinst", machine.version)
    assert machine.image.exists()
    machine.call("debian-postrm", machine.version)
    assert machine.left() == set()


def test_the_image_is_beside_the_kernel_that_is_named(machine):
    """As with "make install INSTALL_PATH=" of a kernel."""
    machine.install()
    before = trees.snapshot(machine.boot)
    folder = machine.root / "elsewhere"
    folder.mkdir()
    image, kernel = folder / machine.image.name, f"/elsewhere/vmlinuz-{machine.version}"
    machine.call("debian-postinst", machine.version, kernel)
    run("verify", image)
    assert image.stat().st_mode & 0o777 == 0o600
    tools = machine.root / "tools"
    tools.mkdir()
    (tools / "rm").write_text("#!/bin/sh\necho 'rm: read-only' >&2\nexit 1\n")
    (tools / "rm").chmod(0o755)
    told = machine.call("debian-postrm", machine.version, kernel, PATH=f"{tools}:{os.environ['PATH']}")
    assert f"{image} was not removed, for the reason above" in told and image.exists()
    machine.call("debian-postrm", machine.version, kernel)
    assert not image.exists()
    image.write_bytes(b"made by others")
    assert f"{image} stays" in machine.call("debian-postrm", machine.version, kernel)
    assert trees.snapshot(machine.boot) == before
    machine.call("debian-postinst", machine.version, f"/boot/.//vmlinuz-{machine.version}")
    assert trees.snapshot(machine.boot) == before and image.read_bytes() == b"made by others"


@pytest.mark.parametrize("name, is_obeyed", [
    (None, False), ("usr/lib/preroot/names/update-initramfs", True), ("usr/sbin/update-initramfs", True),
    ("usr/local/sbin/update-initramfs", True),
])
def test_settings_of_initramfs_tools_count_where_preroot_has_its_name_whoever_calls(name, is_obeyed, machine):
    conf = machine.root / "etc/initramfs-tools/initramfs.conf"
    conf.parent.mkdir()
    conf.write_text("MODULES=most\nCOMPRESS=gzip\n")
    if name:
        shutil.copy("/bin/true", machine.root / "usr/sbin/preroot")
        shutil.copy("/bin/true", machine.root / "usr/sbin/update-initramfs")
        link = machine.root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(machine.root / "usr/sbin/preroot", link.parent))
    machine.install()
    assert (": gzip, " in run("list", machine.image).text) == is_obeyed
    inode = machine.image.stat().st_ino
    machine.call("package-hook", "install", text=f"usr/lib/modules/{machine.version}/vmlinuz\n")
    machine.call("50-preroot.install", "add", machine.version, "/boot/x", machine.kernel,
                 KERNEL_INSTALL_LAYOUT="other")
    assert "unchanged" in run("rebuild", "--root", machine.root, "--hardware", NVME, "--cache-dir",
                              machine.program.parent / "cache").text
    assert machine.image.stat().st_ino == inode and machine.state() == ("current", None)
    (conf.parent / "modules").write_text("ext4\n")
    assert machine.state() == (
        ("stale", "/etc/initramfs-tools/modules has changed since") if is_obeyed else ("current", None))


@pytest.mark.parametrize("env", [{"INITRD": "No"}, {"DEB_MAINT_PARAMS": "abort-upgrade 1"},
                                 {"PREROOT": "/nowhere/preroot"}])
def test_nothing_is_done_where_no_image_is_wanted(env, machine):
    before = trees.snapshot(machine.root)
    machine.install(**env)
    assert trees.snapshot(machine.root) == before


def test_modules_that_were_only_unpacked_get_their_indexes(machine):
    for path in machine.tree.modules.glob("modules.*.bin"):
        path.unlink()
    machine.install()
    run("verify", machine.image, "--root", machine.root)


def test_a_missing_version_is_an_error_but_no_kernel_stays_half_removed(machine):
    assert "no kernel version was given" in machine.call("debian-postinst", status=2)
    assert "no kernel version was given" in machine.call("debian-postinst", "", status=2)
    assert "no kernel version was given" in machine.call("debian-postrm")


def test_a_kernel_that_cannot_get_an_image_fails_its_package_and_keeps_the_old_one(machine):
    machine.install()
    old = machine.image.read_bytes()
    machine.tree.rewrite(machine.tree.image, b"not a kernel")
    (machine.root / "etc/dracut.conf").write_text('kernel_cmdline="quiet"\n')
    assert "preroot: error: " in machine.install(status=1)
    assert machine.image.read_bytes() == old


def test_without_space_the_package_fails_with_the_reason_and_the_old_image_stays(machine):
    machine.install()
    (machine.root / "etc/dracut.conf").write_text('kernel_cmdline="quiet"\n')
    copied, after, names = machine.root / "copied", machine.root / "after", machine.left()
    shutil.copytree(machine.boot, copied)
    full = (*in_namespace(f"size=$(du -sk '{copied}' | cut -f1); mount -t tmpfs -o "
                          f"size=$((size + 256))k tmpfs '{machine.boot}'; "
                          f"cp -a '{copied}/.' '{machine.boot}'"),
            "sh", "-c", f"\"$@\"; status=$?; cp -a '{machine.boot}' '{after}'; exit $status", "sh")
    assert "nothing was changed" in machine.install(status=1, before=full)
    assert trees.snapshot(after) == trees.snapshot(copied)
    # dpkg --configure -a, once there is room.
    machine.install(DEB_MAINT_PARAMS="configure")
    assert machine.left() == names | {f"{machine.image.name}.previous"}


@pytest.mark.parametrize("command, is_local, is_other", [
    ("/bin/true", False, True), ("usr/sbin/preroot", False, False), ("usr/sbin/preroot", True, False)])
def test_beside_another_builder_a_failure_does_not_fail_the_package(command, is_local, is_other, machine):
    machine.tree.rewrite(machine.tree.image, b"not a kernel")
    shutil.copy("/bin/true", machine.root / "usr/sbin/preroot")
    link = machine.root / ("usr/local/sbin" if is_local else "usr/sbin") / "update-initramfs"
    link.parent.mkdir(parents=True, exist_ok=True)
    if is_local:  # another builder's own is not what its hook runs
        (machine.root / "usr/sbin/update-initramfs").symlink_to("/bin/true")
    link.symlink_to(
        command if command.startswith("/") else machine.root / command)
    text = machine.install(status=0 if is_other else 1)
    assert ("the image of the other builder stays" in text) == is_other
    assert not machine.image.exists()


def test_the_image_of_another_builder_stays_when_its_kernel_goes(machine):
    machine.image.write_bytes(b"made by others")
    machine.remove_kernel()
    assert f"rm {machine.image}" in machine.call("debian-postrm", machine.version)
    assert machine.image.exists()


def test_nothing_is_left_of_a_kernel_that_goes_once_preroot_has_taken_over(machine):
    machine.image.write_bytes(b"made by others")
    machine.install()
    assert len(machine.left()) == 2
    machine.remove_kernel()
    machine.call("debian-postrm", machine.version, DEB_MAINT_PARAMS="remove")
    assert machine.left() == set()


# ---- when Debian's package goes ----

def test_only_own_images_go_with_the_package(machine, tmp_path):
    """The newer kernel's image is preroot's, and the one before is not; the other kernel is gone."""
    machine.image.write_bytes(b"made by others")
    gone = machine.boot / "initrd.img-5.10.0-1-amd64"
    gone.write_bytes(b"made by others")
    machine.install()
    run("rebuild", "--root", machine.root, "--hardware", NVME, "--kernel-cmdline", "quiet", "--keep", "2")
    theirs, ours = (machine.boot / f"{machine.image.name}.previous{n}" for n in ("-2", ""))
    assert theirs.read_bytes() == b"made by others" and ours.exists()
    mine = tmp_path / "bin"
    mine.mkdir()
    (mine / "preroot").write_text(f'#!/bin/sh\nexec {PROGRAM} "$@" --root {machine.root}\n')
    (mine / "preroot").chmod(0o755)
    script_text = (TOP / "data/packaging/debian/preroot.prerm").read_text()
    env = environment()
    done = subprocess.run(["sh", "-s", "remove"], check=True, text=True, capture_output=True,
                          input=script_text.replace("/lib/modules", f"{machine.root}/lib/modules"),
                          env=env | {"PATH": f"{mine}:{env['PATH']}"})
    assert machine.left() == {machine.image.name, theirs.name, gone.name}
    assert f"rm {theirs}\n" in done.stdout and f"rm {gone}\n" in done.stdout


def test_a_removal_goes_on_and_says_what_is_left_and_why(machine, tmp_path):
    broken = tmp_path / "bin/preroot"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho preroot: error: why >&2\nexit 1\n")
    broken.chmod(0o755)
    env = environment()
    text = (TOP / "data/packaging/debian/preroot.prerm").read_text().replace("/lib/modules", str(tmp_path))
    done = subprocess.run(["sh", "-s", "remove"], input=text, check=True, text=True, capture_output=True,
                          env=env | {"PATH": f"{broken.parent}:{env['PATH']}"})
    why, left, *more = done.stderr.splitlines()
    assert why == "preroot: error: why" and "not all previous images" in left and len(more) == 1
    for hook, words in (("debian-postrm", [machine.version]),
                        ("95-preroot.install", ["remove", machine.version, "/boot/x"])):
        why, left = machine.call(hook, *words, PREROOT=str(broken)).splitlines()
        assert why == "preroot: error: why" and f"not all images of {machine.version}" in left


@pytest.mark.parametrize("has_images", [False, True])
def test_previous_images_that_cannot_be_removed_with_the_package_are_named(has_images, machine, tmp_path):
    """Though there is no folder of modules: a kernel may have everything built in."""
    machine.install()
    run("rebuild", "--root", machine.root, "--hardware", NVME, "--kernel-cmdline", "quiet")
    if not has_images:
        (machine.boot / f"{machine.image.name}.previous").unlink()
    program = tmp_path / "bin/preroot"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" != status ] || exec {PROGRAM} "$@" --root {machine.root}\n'
                       "echo preroot: error: why >&2\nexit 1\n")
    program.chmod(0o755)
    text = (TOP / "data/packaging/debian/preroot.prerm").read_text().replace("/lib/modules", "/none")
    env = environment()
    done = subprocess.run(["sh", "-s", "remove"], input=text, check=True, text=True, capture_output=True,
                          env=env | {"PATH": f"{program.parent}:{env['PATH']}"})
    lines = done.stderr.splitlines()
    if has_images:
        assert lines[0] == "preroot: error: why"
        assert lines[-1] == f"  rm '/boot/{machine.image.name}.previous'" and len(lines) == 4
    else:
        assert not lines


# ---- the trigger of Debian's package ----

@pytest.mark.parametrize("word, calls", [("configure", ["trigger --no-await update-initramfs"]),
                                         ("triggered", ["update-initramfs -u"])])
def test_the_package_asks_for_an_image_and_its_trigger_makes_it(word, calls, tmp_path):
    for name, command in (("dpkg-trigger", "trigger"), ("update-initramfs", "update-initramfs")):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{command} $*"\n')
        (tmp_path / name).chmod(0o755)
    text = (TOP / "data/packaging/debian/preroot-compat.postinst").read_text()
    env = environment()
    done = subprocess.run(
        ["sh", "-s", word], input=text.replace("/usr/lib/preroot/names", str(tmp_path)), check=True,
        capture_output=True, text=True, env=env | {"PATH": f"{tmp_path}:{env['PATH']}"})
    assert done.stdout.splitlines() == calls


@pytest.mark.parametrize("name, words, env, deferred", [
    ("update-initramfs", ["-u"], {"DPKG_MAINTSCRIPT_PACKAGE": "busybox"}, True),
    ("update-initramfs", ["-u", "-k", "all"], {"DPKG_MAINTSCRIPT_PACKAGE": "busybox"}, False),
    ("update-initramfs", ["-u"], {"DPKG_MAINTSCRIPT_PACKAGE": None}, False),
    ("dracut", ["-u"], {"DPKG_MAINTSCRIPT_PACKAGE": "busybox"}, False),
])
def test_what_packages_ask_for_is_left_to_the_trigger(name, words, env, deferred, tmp_path):
    script_path = tmp_path / name
    script_path.write_text((TOP / "data/packaging/debian/compat-name").read_text().replace(
        "/usr/lib/preroot/names/", f"{tmp_path}/names/"))
    for path, text in ((f"names/{name}", 'echo "run $*"'), ("bin/dpkg-trigger", 'echo "trigger $*"')):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / path).chmod(0o755)
    env = environment(DEB_MAINT_PARAMS=None, **env)
    done = subprocess.run(["sh", script_path, *words], check=True, capture_output=True, text=True,
                          env=env | {"PATH": f"{tmp_path}/bin:{env['PATH']}"})
    assert ("trigger --no-await update-initramfs" in done.stdout) == deferred
    assert (f"run {' '.join(words)}" in done.stdout) != deferred


# ---- scripts of others ----

def script(machine, name, text="", mode=0o755):
    folder = machine.root / "etc/initramfs/post-update.d"
    folder.mkdir(parents=True, exist_ok=True)
    trees.install(machine.root, "/bin/sh")
    (folder / name).write_text(f'#!/bin/sh\necho "$0" "$@" >>/ran\n{text}\n')
    (folder / name).chmod(mode)
    return folder / name


def ran(machine):
    path = machine.root / "ran"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.skipif(os.geteuid() != 0, reason="a program below another root is run by root")
def test_scripts_in_post_update_run_once_the_image_is_in_place(machine):
    for name in ("zipl", "flash-kernel", "with.dot"):
        script(machine, name)
    script(machine, "not-executable", mode=0o644)
    machine.install()
    words = [machine.version, f"/boot/{machine.image.name}"]
    folder = "/etc/initramfs/post-update.d/"
    assert ran(machine) == [[folder + "flash-kernel", *words], [folder + "zipl", *words]]
    machine.install()
    assert len(ran(machine)) == 2  # the image is unchanged


@pytest.mark.skipif(os.geteuid() != 0, reason="a program below another root is run by root")
def test_a_script_that_fails_is_named_with_what_to_do(machine):
    script(machine, "a-bad", "echo no such flash >&2; exit 3")
    script(machine, "b-late")
    text = machine.install(status=1)
    assert "a-bad ended with status 3: no such flash" in text
    assert f"run: /etc/initramfs/post-update.d/a-bad {machine.version} /boot/" in text
    assert machine.image.exists() and len(ran(machine)) == 2

    again = run("rebuild", "--root", machine.root, "--hardware", NVME, "--force", "--json",
                "--kernel-cmdline", "quiet", status=AFTER)
    kernel = again.json["kernels"][0]
    assert kernel["result"] == "rebuilt" and "ended with status 3" in kernel["error"]["message"]
    assert "ended with status 3" in again.messages("warning")[0]
    (machine.root / "usr/bin").mkdir(exist_ok=True)
    (machine.root / "usr/bin/dracut").write_text("")
    (machine.root / "usr/bin/dracut").chmod(0o755)
    (machine.image).unlink()
    assert "other builder stays" not in machine.install(status=1)


@pytest.mark.skipif(os.geteuid() != 0, reason="a program below another root is run by root")
def test_each_script_that_fails_is_named_and_the_others_are_run(machine):
    folder = "/etc/initramfs/post-update.d"
    script(machine, "a-bad", "echo no such flash >&2; exit 3")
    script(machine, "b-open", mode=0o777)
    script(machine, "c-good")
    script(machine, "d-bad", "exit 4")
    failed = run("rebuild", "--root", machine.root, "--hardware", NVME, "--json", status=AFTER)
    assert [words[0] for words in ran(machine)] == [f"{folder}/{name}" for name in ("a-bad", "c-good", "d-bad")]
    error = failed.json["kernels"][0]["error"]
    assert error["message"] == (
        f"{folder}/a-bad ended with status 3: no such flash; {machine.root}{folder}/b-open is not run: somebody "
        f"other than root may change it; {folder}/d-bad ended with status 4")
    commands = [f"{folder}/{name} {machine.version} /boot/{machine.image.name}" for name in ("a-bad", "b-open")]
    assert error["hint"].endswith(f"run: {'; '.join(commands)}; and 1 more")


@pytest.mark.skipif(os.geteuid() != 0, reason="a program below another root is run by root")
def test_scripts_run_when_the_previous_image_comes_back(machine):
    machine.install()
    run("rebuild", "--root", machine.root, "--hardware", NVME, "--kernel-cmdline", "quiet")
    script(machine, "flash-kernel")
    words = [machine.version, f"/boot/{machine.image.name}"]
    run("restore", "--root", machine.root)
    assert ran(machine) == [["/etc/initramfs/post-update.d/flash-kernel", *words]]
    run("restore", "--root", machine.root, "--no-boot-loader")
    assert len(ran(machine)) == 1

    script(machine, "flash-kernel", "exit 3")
    before = machine.image.read_bytes()
    failed = run("restore", "--root", machine.root, "--json", "-q", status=AFTER)
    assert "ended with status 3" in failed.json["error"]["message"]
    assert "ended with status 3" in failed.messages("warning")[0] and "the image is in place" in failed.hint
    assert failed.json["result"] == "restored" and failed.json["image"] == f"boot/{machine.image.name}" and "changed" not in failed.json
    assert machine.image.read_bytes() != before


@pytest.mark.skipif(os.geteuid() != 0, reason="a program below another root is run by root")
@pytest.mark.parametrize("what", ["script", "folder"])
def test_a_script_that_others_may_change_is_not_run(what, machine):
    path = script(machine, "loose")
    (path if what == "script" else path.parent).chmod(0o777)
    assert "somebody other than root may change it" in machine.install(status=1)
    assert ran(machine) == [] and machine.image.exists()


# ---- kernel-install ----

class Plugins:
    """kernel-install's part of the work: the environment, the order, and the copies that its own plugins
    make between ours."""

    def __init__(self, machine, folder, layout="bls"):
        self.machine, self.layout = machine, layout
        self.staging = folder / "staging"
        (machine.root / "etc/os-release").write_text("ID=fedora\n")
        (machine.root / "etc/machine-id").write_text(TOKEN + "\n")
        shutil.copy(machine.tree.image, machine.tree.modules / "vmlinuz")
        machine.tree.image.unlink()
        self.folder = machine.boot / TOKEN / machine.version
        self.entries = machine.boot / "loader/entries"
        self.image = self.folder / "initrd"

    def plugin(self, name, *words, **env):
        env = {"KERNEL_INSTALL_LAYOUT": self.layout, "KERNEL_INSTALL_MACHINE_ID": TOKEN,
               "KERNEL_INSTALL_STAGING_AREA": str(self.staging), "KERNEL_INSTALL_ENTRY_TOKEN": TOKEN,
               "KERNEL_INSTALL_BOOT_ROOT": str(self.machine.boot),
               "KERNEL_INSTALL_INITRD_GENERATOR": "", **env}
        return self.machine.call(f"{name}-preroot.install", *words, **env)

    def add(self, *initrds, **env):
        words = ["add", self.machine.version, self.folder, self.machine.tree.modules / "vmlinuz",
                 *initrds]
        shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir()
        if self.layout == "bls":
            self.folder.mkdir(parents=True, exist_ok=True)
        said = self.plugin("50", *words, **env)
        if self.layout == "bls":
            self.copy(*initrds)
        elif self.layout == "uki":
            unified = self.unified()
            unified.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["install", "-m", "0644", self.staging / "initrd", unified], check=True)
        return said + self.plugin("95", *words, **env)

    def unified(self):
        """As 90-uki-copy.install names it."""
        return self.machine.boot / f"EFI/Linux/{TOKEN}-{self.machine.version}+3.efi"

    def use_debians(self):
        """Its plugin takes the image that a hook has written to /boot."""
        (self.machine.root / "etc/os-release").write_text("ID=debian\n")
        plugin = self.machine.root / "usr/lib/kernel/install.d/85-initrd.install"
        plugin.parent.mkdir(parents=True)
        plugin.write_text("#!/bin/sh\n")
        plugin.chmod(0o755)
        self.image = self.folder / self.machine.image.name

    def copy(self, *initrds):
        """As 85-initrd.install and 90-loaderentry.install do it: over what is there, and readable by
        everybody."""
        shutil.copy(self.machine.tree.modules / "vmlinuz", self.folder / "linux")
        if not initrds and self.machine.image.exists():
            (self.staging / self.machine.image.name).symlink_to(self.machine.image)
        names = []
        for path in [*initrds, *self.staging.glob("initrd*")]:
            subprocess.run(["install", "-m", "0644", path, self.folder / path.name], check=True)
            names.append(path.name)
        self.entries.mkdir(parents=True, exist_ok=True)
        inside = f"/boot/{TOKEN}/{self.machine.version}"
        (self.entries / f"{TOKEN}-{self.machine.version}.conf").write_text(
            f"title Fedora\nversion {self.machine.version}\nmachine-id {TOKEN}\n"
            f"options root=/dev/vda1 ro\nlinux {inside}/linux\n"
            + "".join(f"initrd {inside}/{name}\n" for name in names))

    def remove(self):
        words = ["remove", self.machine.version, self.folder]
        self.plugin("50", *words)
        (self.entries / f"{TOKEN}-{self.machine.version}.conf").unlink(missing_ok=True)
        self.plugin("95", *words)
        shutil.rmtree(self.folder, ignore_errors=True)

    def state(self):
        return self.machine.root / f"var/lib/preroot/{self.machine.version}.json"


def test_kernel_install_gets_an_image_that_preroot_knows(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    p.add()
    run("verify", p.image)
    assert p.image.stat().st_mode & 0o777 == 0o600
    kernels = run("status", "--root", machine.root, "--json").json["kernels"]
    assert [k["kernel"] for k in kernels] == [machine.version]
    assert "unchanged" in run("rebuild", "--root", machine.root, "--hardware", NVME).text
    # An image that others can read, on a filesystem that has permissions, is no success.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/chmod").write_text("#!/bin/sh\n")
    (tmp_path / "bin/chmod").chmod(0o755)
    p.staging.joinpath("made-by-preroot").touch()
    p.image.chmod(0o644)
    words = ("add", machine.version, p.folder, "vmlinuz")
    error = machine.call("95-preroot.install", *words, status=FAILED, PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
                         KERNEL_INSTALL_LAYOUT="bls", KERNEL_INSTALL_STAGING_AREA=str(p.staging))
    assert f"others can read {p.image}" in error


def test_a_second_add_keeps_the_image_that_it_replaces(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    p.add()
    first = p.image.read_bytes()
    (machine.root / "etc/dracut.conf").write_text('kernel_cmdline="quiet"\n')
    for _ in range(2):
        p.add()
        assert p.image.read_bytes() != first
        assert p.image.with_name("initrd.previous").read_bytes() == first
    assert len(list(p.entries.glob("a-preroot-previous-*"))) == 1

    p.remove()
    assert list(p.entries.iterdir()) == [] and not p.folder.exists()


def test_a_layout_without_entries_has_the_image_in_boot(machine, tmp_path):
    """As with GRUB, whose own plugin has copied the kernel to /boot before."""
    p = Plugins(machine, tmp_path, "other")
    shutil.copy(machine.tree.modules / "vmlinuz", machine.tree.image)
    p.add()
    assert machine.left() == {f"initramfs-{machine.version}.img"}
    shutil.rmtree(machine.tree.modules)
    machine.tree.image.unlink()
    p.remove()
    assert machine.left() == set() and not p.state().exists()


def test_a_unified_kernel_image_is_made_of_what_is_in_the_staging_area(machine, tmp_path):
    p = Plugins(machine, tmp_path, "uki")
    p.add()
    run("verify", p.staging / "initrd")
    assert machine.left() == set() and p.unified().stat().st_mode & 0o777 == 0o600


def build(machine, image):
    run("build", image, machine.version, "--root", machine.root, "--hardware", NVME, "--cache-dir",
        machine.program.parent / "cache")


def test_an_image_that_debians_plugin_copies_is_closed_and_known(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    p.use_debians()
    p.folder.mkdir(parents=True)
    build(machine, machine.image)
    p.add()
    assert p.image.stat().st_mode & 0o777 == 0o600
    assert machine.state() == ("current", None) and p.state().exists()

    first = p.image.read_bytes()
    (machine.root / "etc/dracut.conf").write_text('kernel_cmdline="quiet"\n')
    build(machine, machine.image)
    p.add()
    assert p.image.read_bytes() == machine.image.read_bytes() != first
    assert p.image.with_name(p.image.name + ".previous").read_bytes() == first
    assert machine.state() == ("current", None)
    assert {path.stat().st_mode & 0o777 for path in p.folder.glob("initrd*")} == {0o600}


def test_the_image_of_another_builder_is_copied_as_it_is(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    p.use_debians()
    machine.image.write_bytes(b"made by others")
    p.add()
    assert p.image.read_bytes() == b"made by others" and p.image.stat().st_mode & 0o777 == 0o644
    assert not p.state().exists()


@pytest.mark.parametrize("name", ["initrd-of-mine", "my.img"])
def test_an_image_that_was_named_is_closed_but_not_replaced(name, machine, tmp_path):
    p = Plugins(machine, tmp_path)
    mine = tmp_path / name
    build(machine, mine)
    (machine.root / "etc/dracut.conf").write_text('kernel_cmdline="quiet"\n')
    p.add(mine)
    copied = p.folder / mine.name
    assert copied.stat().st_mode & 0o777 == 0o600
    assert copied.read_bytes() == mine.read_bytes() and not p.image.exists()
    # A FAT that everybody may read.
    for name, text in (("chmod", ""), ("stat", 'case $1 in -f) echo msdos ;; *) echo 644 ;; esac\n')):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}")
        (tmp_path / "bin" / name).chmod(0o755)
    assert f"others can read {copied} and what is secret in it: mount" in p.add(
        mine, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")


def test_each_warning_is_printed_once(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    for value in ("a", "b"):
        (machine.root / "etc/dracut.conf").write_text(f'no_such_key="{value}"\nkernel_cmdline="{value}"\n')
        assert p.add().count("no_such_key") == 1


@pytest.mark.parametrize("plugin", ["50", "95"])
@pytest.mark.parametrize("words", [(), ("add",), ("remove", "6.1.0-1")])
def test_a_plugin_says_what_its_arguments_are(plugin, words, machine):
    error = machine.call(f"{plugin}-preroot.install", *words, status=2)
    assert re.fullmatch(r"usage: \S+ add\|remove VERSION FOLDER .*\n", error)


def test_beside_another_builder_a_failure_leaves_its_image_in_the_staging_area(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    p.staging.mkdir()
    p.folder.mkdir(parents=True)
    words = ["add", machine.version, p.folder, machine.tree.modules / "vmlinuz"]
    machine.tree.rewrite(machine.tree.modules / "vmlinuz", b"not a kernel")
    p.plugin("50", *words, status=1)
    (p.staging / "initrd").write_bytes(b"made by dracut")
    assert "other builder" in p.plugin("50", *words)
    p.copy()
    p.plugin("95", *words)
    assert p.image.read_bytes() == b"made by dracut"


def test_an_old_kernel_install_has_no_staging_area(machine, tmp_path):
    p = Plugins(machine, tmp_path)
    p.folder.mkdir(parents=True)
    p.plugin("50", "add", machine.version, p.folder, machine.tree.modules / "vmlinuz",
             KERNEL_INSTALL_STAGING_AREA=None, KERNEL_INSTALL_LAYOUT=None,
             KERNEL_INSTALL_MACHINE_ID=None, KERNEL_INSTALL_INITRD_GENERATOR=None)
    run("verify", p.image)


@pytest.mark.parametrize("env", [{"KERNEL_INSTALL_IMAGE_TYPE": "uki"},
                                 {"KERNEL_INSTALL_INITRD_GENERATOR": "dracut"},
                                 {"KERNEL_INSTALL_MACHINE_ID": ""}, "initrd", "debian"])
def test_a_kernel_that_needs_none_of_ours_gets_none(env, machine, tmp_path):
    p = Plugins(machine, tmp_path)
    words = ["add", machine.version, p.folder, machine.tree.modules / "vmlinuz"]
    p.staging.mkdir()
    if env == "initrd":
        words.append("/boot/mine")
    elif env == "debian":
        p.use_debians()
        machine.image.write_bytes(b"x")
    p.plugin("50", *words, **(env if isinstance(env, dict) else {}))
    assert list(p.staging.iterdir()) == []


# ---- rpm and pacman ----

def test_paths_from_a_package_manager_choose_the_kernels(machine):
    modules = f"usr/lib/modules/{machine.version}"
    shutil.copy(machine.tree.image, machine.tree.modules / "vmlinuz")
    (machine.tree.modules / "pkgbase").write_text("linux\n")
    machine.call("package-hook", "install", text=f"{modules}/vmlinuz\n/{modules}/kernel/x.ko\n"
                 "usr/lib/modules/9.9.9/kernel/x.ko\nusr/lib/modules/$(touch bad)/vmlinuz\n")
    assert (machine.boot / "vmlinuz-linux").read_bytes() == machine.tree.image.read_bytes()
    made = machine.left()
    assert len(made) == 1 and not (machine.root / "bad").exists()
    (machine.root / "etc/dracut.conf").write_text('kernel_cmdline="quiet"\n')
    machine.call("package-hook", "install", text="usr/lib/preroot/preroot-init\n")
    assert len(machine.left()) == 2

    machine.remove_kernel()
    (machine.boot / "vmlinuz-linux").unlink()
    shutil.rmtree(machine.tree.modules)
    machine.call("package-hook", "remove", text=f"{modules}/vmlinuz\n")
    assert machine.left() == set()
    assert "usage" in machine.call("package-hook", status=2)


def test_pacman_calls_the_hook_with_paths():
    for name, word in (("90-preroot-install", "install"), ("91-preroot-remove", "remove")):
        lines = (HOOKS / f"{name}.hook").read_text().splitlines()
        assert f"Exec = /usr/local/lib/preroot/package-hook {word}" in lines
        assert "NeedsTargets" in lines and "Target = usr/lib/modules/*/vmlinuz" in lines
