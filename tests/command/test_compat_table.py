# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of dracut's options, variables and modules: the table in docs/compat.md is that of the program."""

import re

from fronts import call, links  # noqa: F401
from lib import TOP
from program import run

HEAD = ("| of dracut's | | honoured | done in any case, or needless | without effect, said | missing, an error |\n"
        "|---|---|---|---|---|---|\n")

KEYS = (TOP / "src/host/config/keys.c").read_text()

# The variables of its manual page, but for those of a few machines or of its own tests.
VARIABLES = """
add_dracutmodules force_add_dracutmodules omit_dracutmodules dracutmodules add_drivers force_drivers omit_drivers
drivers filesystems add_dlopen_features omit_dlopen_features drivers_dir fw_dir libdirs install_items
install_optional_items remove_items compress compress_level_bzip2 compress_level_gzip compress_level_lz4
compress_level_lzma compress_level_lzop compress_level_xz compress_level_zstd do_strip aggressive_strip do_hardlink
hostonly hostonly_mode hostonly_cmdline persistent_policy use_fstab tmpdir add_fstab add_device mdadmconf lvmconf fscks
nofscks kernel_cmdline early_microcode stdloglvl sysloglvl fileloglvl logfile i18n_vars i18n_default_font
i18n_install_all reproducible uefi machine_id uefi_stub uefi_splash_image uefi_secureboot_cert uefi_secureboot_key
uefi_secureboot_engine kernel_image sbat parallel initrdname dracut_rescue_image
""".split()


def row(kind, *columns):
    texts = [f"{len(names)}" + (f": {', '.join(f'`{name}`' for name in sorted(names))}" if named and names else "")
             for names, named in columns]
    return f"| {kind} | {sum(len(names) for names, _ in columns)} | {' | '.join(texts)} |\n"


def options(text):
    """Of the help of dracut."""
    found = {"": set(), "accepted": set(), "without effect": set(), "not in this version": set()}
    for part in re.split(r"^(?=  (?:-\w,|   ) --)", text, flags=re.M)[1:]:
        name = re.search(r"--[\w-]+", part)[0]
        label = re.search(r" (accepted|without effect|not in this version): ", " ".join(part.split()))
        found[label[1] if label else ""].add(name)
    return row("options", (found[""], False), (found["accepted"], True), (found["without effect"], True),
               (found["not in this version"], True))


def variables():
    """Of the table of keys, as it is written."""
    found = {name: kind for kind, name in re.findall(r'^\t([A-Z_]+)\("(\w+)"', KEYS, re.M)}
    assert set(VARIABLES) <= set(found), set(VARIABLES) - set(found)
    chosen = {kind: {name for name in VARIABLES if found[name] in kinds}
              for kind, kinds in (("yes", ("HONOURED", "SWITCH")), ("met", ("MET",)),
                                  ("lost", ("LOST", "LOST_UNLESS")))}
    assert sum(map(len, chosen.values())) == len(VARIABLES)
    return row("variables", (chosen["yes"], False), (chosen["met"], True), (chosen["lost"], True), (set(), True))


def modules():
    found = {}
    for module in run("config", "--list-modules", "--json").json:
        found.setdefault(module["effect"], set()).add(module["name"])
    return row("modules", (found["always"] | found["feature"] | found["driver"], True),
               (found["needless"], True), (found["without"], True), (found["missing"] | found["foreign"], True))


def test_the_table_in_the_manual_is_that_of_the_program(call):  # noqa: F811
    table = HEAD + options(call("dracut", "--help").text) + variables() + modules()
    text = (TOP / "docs/compat.md").read_text()
    assert table in text, f"docs/compat.md needs:\n{table}"
