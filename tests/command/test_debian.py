# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels are fetched in the same way on every machine, whatever its apt configuration."""

import os

from lib import debian
from lib.command import run

# What apt-file, developers and desktops add to apt's configuration.
OTHERS = """\
Acquire::IndexTargets::deb::Contents-deb {
	MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)";
	ShortDescription "Contents-$(ARCHITECTURE)";
	Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents (deb)";
	DefaultEnabled "true";
};
APT::Default-Release "no-such-release";
APT::Update::Post-Invoke-Success { "false"; };
Acquire::http::Proxy "http://proxy.invalid:3128";
"""


def test_only_lists_of_packages_are_loaded(tmp_path, monkeypatch):
    others = tmp_path / "others.conf"
    others.write_text(OTHERS)
    monkeypatch.setenv("APT_CONFIG", os.fspath(others))
    apt = debian.Apt("trixie", "http://mirror.invalid/debian", tmp_path / "apt")
    lists = run(["apt-get", "-c", apt.config, "indextargets", "--no-release-info", "--format",
                 "$(CREATED_BY)", "-o", "APT::Get::IndexTargets::Filtered=false"]).stdout.split()
    assert set(lists) == {"Packages"}
    settings = run(["apt-config", "-c", apt.config, "dump"]).stdout.splitlines()
    assert 'APT::Default-Release "no-such-release";' not in settings
    assert not [line for line in settings if line.startswith("APT::Update::")]
    assert 'Acquire::http::Proxy "http://proxy.invalid:3128";' in settings
