# SPDX-License-Identifier: LGPL-2.1-or-later
"""`make install` puts files where their users look for them, whatever the prefix."""

import json
import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest

from lib import BUILD, TOP
from lib.command import run

SERVICE = "preroot-good.service"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A root with the installed files, and a systemd that could start the services."""
    root = tmp_path_factory.mktemp("installed")
    run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root])
    return root


def places(folder):
    """Where the build in FOLDER would install its files."""
    return set(json.loads(run(["meson", "introspect", "--installed", folder]).stdout).values())


def systemctl(root, *words):
    done = subprocess.run(["systemctl", f"--root={root}", *words, SERVICE], check=False, text=True,
                          capture_output=True)
    return done.stdout.strip()


def test_the_service_is_enabled_by_the_preset_and_can_be_disabled(installed):
    units = installed / "usr/local/lib/systemd/system"
    program = next(line.removeprefix("ExecStart=").split()[0]
                   for line in (units / SERVICE).read_text().splitlines()
                   if line.startswith("ExecStart="))
    assert (installed / program.lstrip("/")).is_file()
    assert systemctl(installed, "is-enabled") == "disabled"
    systemctl(installed, "preset")
    assert systemctl(installed, "is-enabled") == "enabled"
    link = installed / "etc/systemd/system/multi-user.target.wants" / SERVICE
    assert str(link.readlink()) == f"/usr/local/lib/systemd/system/{SERVICE}"
    systemctl(installed, "disable")
    assert systemctl(installed, "is-enabled") == "disabled"


def test_logrotate_and_grub_find_their_files(installed):
    assert "/var/log/preroot.log" in (installed / "etc/logrotate.d/preroot").read_text()
    assert (installed / "etc/grub.d/42_preroot").stat().st_mode & 0o111


def test_an_import_can_be_written_where_the_documents_say(installed):
    assert (installed / "etc/dracut.conf.d").is_dir()
    assert "%dir %{_sysconfdir}/dracut.conf.d\n" in (TOP / "data/packaging/preroot.spec").read_text()


def test_another_prefix_can_be_chosen_later(tmp_path):
    """As in the README, and even one below which systemd does not look."""
    folder = tmp_path / "build"
    run(["meson", "setup", folder, TOP])
    for prefix, systemd in (("/usr", "/usr"), ("/opt/preroot", "/usr/local")):
        run(["meson", "configure", folder, f"-Dprefix={prefix}"])
        run(["ninja", "-C", folder, "build.ninja"])
        assert places(folder) >= {
            f"{prefix}/sbin/preroot", f"{prefix}/lib/preroot/preroot-init",
            f"{systemd}/lib/systemd/system/{SERVICE}",
            f"{systemd}/lib/systemd/system-preset/50-preroot.preset",
            "/etc/logrotate.d/preroot", "/etc/grub.d/42_preroot"}
        assert places(folder) & {"/usr/share/fish/vendor_completions.d/preroot.fish",
                                 "/etc/fish/completions/preroot.fish"} == {
            "/usr/share/fish/vendor_completions.d/preroot.fish" if prefix == "/usr"
            else "/etc/fish/completions/preroot.fish"}
        assert f"ExecStart={prefix}/sbin/preroot " in (folder / "data" / SERVICE).read_text()


def test_other_names_are_links_where_they_are_asked_for(tmp_path):
    folder = tmp_path / "build"
    run(["meson", "setup", folder, TOP, "-Dprefix=/usr", "-Dcompat=dracut,update-initramfs"])
    found = {place for place in places(folder)
             if "bin/" in place and place.rpartition("/")[2] in ("dracut", "lsinitrd", "update-initramfs")}
    # meson names one place only of a link that has several.
    assert found & {"/usr/bin/dracut", "/usr/sbin/dracut"} and len(found) == 2
    assert "/usr/sbin/update-initramfs" in found


def test_shells_find_the_completion_for_each_name(installed, tmp_path):
    share = "usr/local/share"
    for path, line in ((f"{share}/bash-completion/completions/preroot", "complete -F _preroot preroot"),
                       (f"{share}/zsh/site-functions/_preroot", "#compdef preroot"),
                       ("etc/fish/completions/preroot.fish", "complete -c preroot ")):
        text = (installed / path).read_text()
        assert line in text and "@name@" not in text
        assert "/usr/local/sbin/preroot" in text
    run(["meson", "setup", tmp_path / "build", TOP, "-Dcompat=lsinitrd"])
    assert places(tmp_path / "build") >= {
        "/usr/local/share/bash-completion/completions/lsinitrd",
        "/usr/local/share/zsh/site-functions/_lsinitrd",
        "/etc/fish/completions/lsinitrd.fish"}
    searched = subprocess.run(["fish", "-c", "printf '%s\\n' $fish_complete_path"], check=True,
                              capture_output=True, text=True, env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]}).stdout.split()
    assert {"/etc/fish/completions", "/usr/share/fish/vendor_completions.d"} <= set(searched)


def contents(root):
    """What is below ROOT: types and modes, contents of files, targets of links."""
    return {path.relative_to(root): (path.lstat().st_mode, path.readlink() if path.is_symlink()
                                     else path.read_bytes() if path.is_file() else None)
            for path in root.rglob("*")}


def test_uninstall_removes_what_was_installed_and_nothing_else(tmp_path):
    """Others have files in the same folders, and preroot itself has written some later."""
    root, folder = tmp_path / "root", tmp_path / "build"
    run(["meson", "setup", folder, TOP, "-Dprefix=/usr", "-Dhooks=debian,kernel-install,pacman",
         "-Dcompat=dracut,mkinitrd,lsinitrd,update-initramfs,mkinitramfs,lsinitramfs,unmkinitramfs"])
    for path in json.loads(run(["meson", "introspect", "--installed", folder]).stdout):
        path = Path(path)
        if path.is_relative_to(folder) and not path.exists():
            path.parent.mkdir(exist_ok=True)
            shutil.copy(BUILD / path.relative_to(folder), path)
    for place in ("usr/sbin/other", "usr/bin/zz", "etc/grub.d/40_custom", "etc/kernel/postinst.d/zz",
                  "usr/share/man/man1/other.1", "etc/logrotate.d/other", "var/lib/preroot/x.json",
                  "usr/share/bash-completion/completions/other", "usr/lib/preroot/features.d/mine.conf"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text("of others\n")
    before = contents(root)
    run(["meson", "install", "-C", folder, "--no-rebuild", "--quiet", "--destdir", root])
    there = {f"/{path}" for path in contents(root)}
    assert places(folder) <= there and "/usr/bin/unmkinitramfs" in there
    assert "/etc/dracut.conf.d" in there
    assert all(contents(root)[path] == value for path, value in before.items())
    run(["ninja", "-C", folder, "--quiet", "uninstall"])
    assert contents(root) == before


# rpm's folders, on a distribution where /usr/sbin is a folder of its own.
RPM = {"lib": "/usr/lib", "_sbindir": "/usr/sbin", "_unitdir": "/usr/lib/systemd/system",
       "_presetdir": "/usr/lib/systemd/system-preset", "_sysconfdir": "/etc",
       "_datadir": "/usr/share", "_mandir": "/usr/share/man"}


def test_the_spec_file_lists_what_is_installed(tmp_path):
    """rpmbuild refuses files that it does not list, and files that it lists and that are not there."""
    spec = (TOP / "data/packaging/preroot.spec").read_text()
    options = re.search(r"^%meson (.*)", spec, re.M)[1].split()
    run(["meson", "setup", tmp_path / "build", TOP, "-Dprefix=/usr", *options])
    listed = re.findall(r"^(?:%config\S* )?%\{(\w+)\}(/\S+)$",
                        spec.partition("\n%files\n")[2].partition("\n%changelog")[0], re.M)
    patterns = [RPM[macro] + path.removesuffix("*") for macro, path in listed]
    there = places(tmp_path / "build")
    assert [place for place in there if not any(fnmatch(place, p) for p in patterns)] == []
    assert [p for p in patterns if not any(fnmatch(place, p) for place in there)] == []
