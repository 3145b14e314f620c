# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's archive: kernels and root trees of any suite, without touching the machine's packages.

The mirror is the one the machine's own apt uses. Everything is checked against Debian's archive
keyring. A tree gets its final name only once it is complete, so the next run never takes the
remains of an interrupted one for a tree.
"""

import contextlib
import fcntl
import shutil
from pathlib import Path

from .command import Failure, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
META_PACKAGE = "linux-image-amd64"
VERSION_MARK = ".kernel-version"


def sources():
    """The machine's apt sources: a list of (URI, release), component main only."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run(["apt-get", "indextargets", "--no-release-info", "--format", fields,
                   "-o", "APT::Get::IndexTargets::Filtered=false"]).stdout
    found = [line.split() for line in targets.splitlines()]
    return list(dict.fromkeys((uri, release) for uri, release, component in found
                              if component == "main"))


def mirrors():
    """The mirrors that may hold Debian's suites; raises Failure if there are none."""
    found = list(dict.fromkeys(uri for uri, release in sources() if "security" not in release))
    if not found:
        raise Failure("the apt configuration of this machine names no Debian mirror "
                      "(looked for a source with the component main)")
    return found


def security_mirrors():
    return list(dict.fromkeys(uri for uri, release in sources() if "security" in release))


# Settings of the machine's apt that would break ours: further lists to fetch, programs to run after
# an update, a preferred release. Its proxies and certificates are kept.
NOT_OURS = ["APT::Default-Release", "APT::Update"]


class Apt:
    """apt for one suite from one mirror, with all its state in its own folder."""

    def __init__(self, suite, mirror, folder, component="main"):
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        (folder / "state/status").touch()
        (folder / "sources.list").write_text(self._sources(suite, mirror, component))
        settings = {
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "state/status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
        }
        self.config = folder / "apt.conf"
        self.config.write_text("".join([
            *(f"#clear {key};\n" for key in NOT_OURS),
            *(f'{key} "{value}";\n' for key, value in settings.items())]))

    @staticmethod
    def _sources(suite, mirror, component):
        places = [f"{mirror} {suite}"]
        if suite not in ("sid", "unstable"):
            places += [f"{uri} {suite}-security" for uri in security_mirrors()]
        lines = [f"deb [signed-by={KEYRING} target=Packages] {place} {component}"
                 for place in places]
        return "\n".join(lines) + "\n"

    def update(self):
        run(["apt-get", "-c", self.config, "-q", "update"])

    def depends(self, package):
        """The names PACKAGE depends on, alternatives left out."""
        lines = run(["apt-cache", "-c", self.config, "depends", package]).stdout.splitlines()
        return [line.split()[1] for line in lines if line.startswith("  Depends: ")]

    def download(self, packages, folder):
        run(["apt-get", "-c", self.config, "-q", "download", *packages], cwd=folder)


def open_archive(suite, folder, component="main"):
    """An updated Apt for SUITE, from the first mirror of this machine that carries it."""
    if not KEYRING.exists():
        raise Failure(f"{KEYRING} is missing: install the package debian-archive-keyring")
    problems = []
    for number, mirror in enumerate(mirrors()):
        apt = Apt(suite, mirror, folder / str(number), component)
        try:
            apt.update()
        except Failure as failure:
            problems.append(str(failure))
            continue
        return apt
    raise Failure(f"no Debian mirror of this machine gives the suite {suite}:\n"
                  + "\n".join(problems))


@contextlib.contextmanager
def fresh_tree(dest):
    """Yields an empty folder to work in; its subfolder `root` becomes DEST if all goes well."""
    work = dest.with_name(dest.name + ".partial")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        yield work
        (work / "root").rename(dest)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def locked(dest):
    """Keeps a second process from making the same tree at the same time."""
    dest.parent.mkdir(parents=True, exist_ok=True)
    with open(dest.with_name(dest.name + ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch_kernel(suite, dest, say=lambda text: None):
    """Unpacks SUITE's newest amd64 kernel under DEST, laid out like a root. Returns its version.

    DEST/boot holds vmlinuz-VER and config-VER, DEST/lib/modules/VER the modules with fresh indexes.
    """
    dest = Path(dest).absolute()
    mark = dest / VERSION_MARK
    with locked(dest):
        if mark.exists():
            return mark.read_text().strip()
        if dest.exists():
            raise Failure(f"{dest} exists and holds no kernel fetched by this program")
        with fresh_tree(dest) as work:
            say(f"looking up Debian's kernel of {suite}")
            apt = open_archive(suite, work / "apt")
            version, packages = _kernel_packages(apt)
            say(f"fetching {version} ({', '.join(packages)})")
            (work / "debs").mkdir()
            apt.download(packages, work / "debs")
            say("unpacking")
            for deb in sorted((work / "debs").iterdir()):
                run(["dpkg-deb", "-x", deb, work / "root"])
            _complete_kernel(work / "root", version)
            (work / "root" / VERSION_MARK).write_text(version + "\n")
    return version


def _kernel_packages(apt):
    """The kernel's version, and the packages that carry it: one, or several since Linux 7.2."""
    images = [name for name in apt.depends(META_PACKAGE) if name.startswith("linux-image-")]
    if not images:
        raise Failure(f"{META_PACKAGE} depends on no linux-image package")
    version = images[0].removeprefix("linux-image-")
    parts = [name for name in apt.depends(images[0]) if name.endswith("-" + version)]
    return version, [images[0], *parts]


def _complete_kernel(root, version):
    """Completes the tree as on an installed machine: /lib, /boot, module indexes."""
    if not (root / "lib").exists():
        (root / "lib").symlink_to("usr/lib")
    boot = root / "boot"
    boot.mkdir(exist_ok=True)
    for name in ("vmlinuz", "config"):
        installed = boot / f"{name}-{version}"
        if not installed.exists():
            shutil.copy2(root / "lib/modules" / version / name, installed)
    run(["depmod", "-b", root, version])


def make_root(suite, packages, dest, say=lambda text: None):
    """Makes a minimal Debian root of SUITE with PACKAGES at DEST, unless it is there."""
    dest = Path(dest).absolute()
    with locked(dest):
        if dest.exists():
            return
        say(f"making a Debian {suite} root")
        problems = []
        for mirror in mirrors():
            try:
                with fresh_tree(dest) as work:
                    # What it mounts goes with it, even if it is killed: fresh_tree() deletes.
                    run(["unshare", "--mount", "mmdebstrap", "--mode=root",
                         "--variant=minbase", f"--keyring={KEYRING}", "--dpkgopt=force-unsafe-io",
                         "--include=" + ",".join(packages), suite, work / "root", mirror])
                return
            except Failure as failure:
                problems.append(str(failure))
        raise Failure(f"no Debian root of {suite}:\n" + "\n".join(problems))


def fetch_packages(suite, packages, dest, component="main", say=lambda text: None):
    """Unpacks PACKAGES of SUITE below DEST, without what they depend on, unless it is there."""
    dest = Path(dest).absolute()
    with locked(dest):
        if dest.exists():
            return dest
        say(f"fetching {', '.join(packages)} of {suite}")
        with fresh_tree(dest) as work:
            apt = open_archive(suite, work / "apt", component)
            (work / "debs").mkdir()
            apt.download(packages, work / "debs")
            for deb in sorted((work / "debs").iterdir()):
                run(["dpkg-deb", "-x", deb, work / "root"])
    return dest
