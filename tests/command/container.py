# SPDX-License-Identifier: LGPL-2.1-or-later
"""A root that is entered like a container in which an image is built: without /proc, /sys, /dev and a
boot loader, and without an environment."""

import os
import re
import shutil
import subprocess

from lib import BUILD
from lib.command import run
from program import PROGRAM, Result, environment, in_namespace

_ENTER = ("chroot",) if os.geteuid() == 0 else ("unshare", "-r", "chroot")


class Container:
    """The root of TREE with the program, as plain users get it: the sanitizers need /proc. With UNDER_TEST,
    the program under test, and /proc."""

    def __init__(self, tree, names=("preroot",), under_test=False):
        self.root, self.version = tree.root, tree.version
        build, self.before, self.env = BUILD, (), {}
        if under_test:
            (self.root / "proc").mkdir(exist_ok=True)
            build, self.before = PROGRAM.parent, in_namespace(f"mount --rbind /proc '{self.root}/proc'")
            self.env = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")}
        folder = self.root / "opt/preroot"
        folder.mkdir(parents=True)
        for name in ("preroot", "preroot-init", "preroot-init.cpio.zst"):
            shutil.copy(build / name, folder)
        for name in names:
            (self.root / "usr/sbin" / name).symlink_to("/opt/preroot/preroot")
        for library in re.findall(r"/\S+", run(["ldd", build / "preroot"]).stdout):
            to = self.root / library.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, to)

    def run(self, name, *args, user=None, stdout=subprocess.PIPE):
        """Runs the program under that name, as USER (UID:GID) or as root: its Result, not checked."""
        enter = [shutil.which(_ENTER[0], path=environment()["PATH"]), *_ENTER[1:]]
        enter += [f"--userspec={user}"] if user else []
        words = [*self.before, *enter, self.root, f"/usr/sbin/{name}", *args]
        done = subprocess.run([str(word) for word in words], env=self.env, check=False,
                              stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)
        return Result(done.returncode, done.stdout, done.stderr)
