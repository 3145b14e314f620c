# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of dracut's options, variables, modules and parameters: the table in docs/compat.md is that of the
program."""

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

# Of its manual page and of its scripts, but for those of s390, of live systems and of old protocols.
PARAMETERS = """
root rootfstype rootflags ro rw init rootfallback rd.fstab rd.skipfsck forcefsck root.journaldev mount.usr
mount.usrfstype mount.usrflags rd.auto rd.hostonly rd.break rd.shell rd.debug rd.info rd.emergency rd.cmdline
rd.udev.log_level SYSTEMD_SULOGIN_FORCE rd.timeout rd.retry rd.driver.blacklist rd.driver.pre rd.driver.post resume
noresume rd.vconsole.keymap rd.vconsole.keymap.ext rd.vconsole.unicode rd.vconsole.font rd.vconsole.font.map
rd.vconsole.font.unimap vconsole.keymap vconsole.font rd.locale.LANG rd.locale.LC_ALL rd.lvm rd.lvm.vg rd.lvm.lv
rd.lvm.conf rd.luks rd.luks.uuid rd.luks.name rd.luks.key rd.luks.crypttab rd.luks.allow-discards rd.luks.timeout
rd.luks.key.tout rd.luks.partuuid rd.luks.serial rd.luks.smartcard rd.luks.options rd.luks.data rd.md rd.md.uuid
rd.md.conf rd.md.imsm rd.md.ddf rd.md.waitclean rd.multipath fips boot rd.fips.skipkernel ip ifname nameserver
rd.neednet rd.peerdns rd.route bootdev BOOTIF rd.bootif vlan bond bridge biosdevname rd.net.dhcp.retry
rd.net.timeout.dhcp rd.net.timeout.iflink rd.net.timeout.ifup rd.net.timeout.route rd.net.timeout.ipv6dad
rd.net.timeout.ipv6auto rd.net.timeout.carrier netroot rd.iscsi.initiator rd.iscsi.target.name rd.iscsi.target.ip
rd.iscsi.target.port rd.iscsi.target.group rd.iscsi.username rd.iscsi.password rd.iscsi.in.username
rd.iscsi.in.password rd.iscsi.firmware rd.iscsi.ibft rd.iscsi.mp rd.iscsi.param rd.iscsi.login_retry_max
rd.iscsi.waitnet rd.iscsi.testroute rd.iscsi.transport iscsiroot nfsroot rd.nfs.domain rd.nonvmf rd.nvmf.nonbft
rd.nvmf.nostatic rd.nvmf.hostnqn rd.nvmf.hostid rd.nvmf.discover rd.overlay rd.overlay.reset rd.overlay.readonly
rd.overlay.crypt plymouth.enable rd.plymouth splash rhgb rd.shutdown.timeout.umount
""".split()

# Of initramfs-tools(7), its scripts, and that of cryptsetup.
DEBIAN_PARAMETERS = """
root rootfstype rootflags rootdelay ro rw init nfsroot ip BOOTIF boot resume resume_offset noresume panic break
blacklist fastboot forcefsck fsckfix fsck.mode fsck.repair drop_capabilities initramfs.runsize cryptopts
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


def obeyed():
    """The names of the parameters that PID 1, the seam and the boot parts of features have."""
    names = set(re.findall(r'^\t[A-Z_]+\("([^"]+)", ', (TOP / "src/init/core/params.c").read_text(), re.M))
    for source in [TOP / "src/init/seam/degrade.c", *(TOP / "src/features").rglob("*.c")]:
        names |= set(re.findall(r'PARAMS_[A-Z]+\("([^"]+)"', source.read_text()))
        names |= set(re.findall(r'^\t\{"([^"]+)", PARAMS_AS_', source.read_text(), re.M))
    return names


def refused():
    """Those of features with which a boot fails, since they are not served."""
    return {name for boot in (TOP / "src/features").glob("*/boot.c")
            for name in re.findall(r'"([\w.]+)= asks for [^"]+, which this ', boot.read_text())}


def absent():
    """Each row of those that it does not obey, in their order."""
    text = (TOP / "src/init/core/params_absent.c").read_text()
    rows = re.findall(r'^\t\{"([^"]+)",\s*(LACKS|LOST|NEEDLESS)\b', text, re.M)
    assert len(rows) == len(re.findall(r'^\t\{"', text, re.M))
    return rows


def covers(name, parameter):
    return parameter == name or (parameter.startswith(name[:-1]) if name.endswith("*")
                                 else name.startswith("rd.") and parameter.startswith(f"{name}."))


def parameters(title, names):
    found = {"yes": set(), "NEEDLESS": set(), "LOST": set(), "LACKS": set()}
    for parameter in names:
        kinds = [kind for name, kind in absent() if covers(name, parameter)]
        if parameter in obeyed():
            kinds = ["LACKS" if parameter in refused() else "yes"]
        assert kinds, f"nobody has heard of {parameter}"
        found[kinds[0]].add(parameter)
    return row(title, *((found[column], True) for column in ("yes", "NEEDLESS", "LOST", "LACKS")))


def test_the_table_in_the_manual_is_that_of_the_program(call):  # noqa: F811
    table = HEAD + options(call("dracut", "--help").text) + variables() + modules()
    table += parameters("parameters", PARAMETERS) + parameters("parameters of initramfs-tools", DEBIAN_PARAMETERS)
    text = (TOP / "docs/compat.md").read_text()
    assert table in text, f"docs/compat.md needs:\n{table}"


def test_each_row_of_a_parameter_that_is_not_obeyed_can_be_reached():
    names = [name for name, _ in absent()]
    for i, name in enumerate(names):
        assert name not in obeyed()
        assert not any(covers(earlier, name.rstrip("*") + "x" * name.endswith("*")) for earlier in names[:i]), name


def test_the_manuals_describe_the_parameters_that_are_obeyed_and_no_others():
    text = (TOP / "docs/boot.md").read_text().split("\n## Kernel parameters\n")[1].split("\nFurther parameters")[0]
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    known = set(re.findall(r"`([\w.-]*\w)", " ".join(map(" ".join, rows))))
    named = set(re.findall(r"`([\w.-]+)=", " ".join(first for first, *_ in rows)))
    page = (TOP / "man/preroot-init.8.scd").read_text().replace("\\", "")
    assert obeyed() <= known
    assert named <= obeyed() | {"rdinit", "MODULE.OPTION"}
    assert obeyed() <= set(re.findall(r"\*([\w.-]+)[=*]", page))
    assert set(re.findall(r"^\*([\w.]+)=", page, re.M)) <= obeyed()
