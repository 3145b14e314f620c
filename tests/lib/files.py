# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cheap copies of files and trees."""

import errno
import os
import shutil


def link(source, target):
    """Makes TARGET another name of the file SOURCE, or a copy where that is on another filesystem,
    as it is if /tmp is a tmpfs. Such a file is replaced, never written to."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(source, target)


def link_tree(source, target, **options):
    """The tree SOURCE at TARGET, its files as link() makes them."""
    return shutil.copytree(source, target, symlinks=True, copy_function=link, **options)
