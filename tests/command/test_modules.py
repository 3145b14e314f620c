# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which kernel modules and firmware an image gets: modes, rules, wishes, overrides."""

import json
import lzma
import os
import shutil
import struct

import pytest

import archive
import trees
from program import DONE, FAILED, FINDING, USAGE, run

NVME, AHCI, VIRTIO = (trees.MACHINES / f"{name}.json" for name in ("nvme", "ahci", "virtio-blk"))


def plan(tree, *options, **more):
    return run("plan", "--json", "--root", tree.root, *options, **more).json


def modules_of(result):
    """Name of each module in the plan -> its path below the module tree."""
    return {trees.module_name(entry["path"]):
            entry["path"].split("/", 4)[4].removesuffix(".zst")
            for entry in result["entries"] if "/modules/" in entry["path"]
            and ".ko" in entry["path"]}


def paths_of(result):
    return {entry["path"] for entry in result["entries"]}


def reason_of(result, name):
    return next(entry["reason"] for entry in result["entries"]
                if trees.module_name(entry["path"]) == name)


def late_modules(image):
    """Names of the modules that the index of IMAGE marks as late: their devices lead to no disk."""
    data = run("cat", image, "/usr/lib/preroot/modules.index").out
    words = struct.unpack_from("<13I", data)
    first, count, strings = words[3], words[4], words[11]
    late = set()
    for module in range(count):
        name, _, _, flags = struct.unpack_from("<4I", data, first + 40 * module)
        if flags & 1:
            late.add(data[strings + name:data.index(b"\0", strings + name)].decode())
    return late


def machine_with(tmp_path, base=VIRTIO, **device):
    """The machine BASE with one more device on the way to its root."""
    machine = json.loads(base.read_text())
    machine["devices"].insert(0, {"path": "devices/pci0000:00/0000:00:09.0", "subsystem": "pci",
                                  "for": "/", **device})
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine))
    return path


# ---- how much goes in ----

@pytest.mark.parametrize("suite", ["bookworm", "trixie"], indirect=True)
def test_each_mode_holds_more_than_the_one_before(suite):
    strict, sloppy, portable = (set(modules_of(plan(suite, "--hardware", NVME,
                                                    "--hostonly-mode", mode)))
                                for mode in ("strict", "sloppy", "portable"))
    default = set(modules_of(plan(suite, "--hardware", NVME)))
    generic = set(modules_of(plan(suite, "--generic")))
    assert strict < sloppy < portable
    assert default == sloppy
    assert portable == generic | strict
    assert len(strict) < 40 < 200 < len(sloppy) < 500 < 700 < len(generic)


def test_sloppy_image_boots_after_a_disk_moves_to_common_hardware(bookworm):
    sloppy = set(modules_of(plan(bookworm, "--hardware", NVME)))
    assert {"ahci", "ata_piix", "nvme", "vmd", "virtio_blk", "virtio_scsi", "virtio_pci", "sd_mod",
            "usb_storage", "uas", "xhci_pci", "ehci_pci", "usbhid", "mmc_block", "sdhci_pci",
            "hv_storvsc", "hv_vmbus", "vmw_pvscsi", "xen_blkfront", "ufshcd_pci"} <= sloppy
    assert not {"megaraid_sas", "mpt3sas", "btrfs", "xfs", "e1000e", "i915", "raid1"} & sloppy


def test_sloppy_image_has_the_controllers_of_the_kind_that_the_machine_has(bookworm, tmp_path):
    assert "sata_nv" not in modules_of(plan(bookworm, "--hardware", NVME))
    ahci = modules_of(plan(bookworm, "--hardware", AHCI))
    # ahci is in every image; its disks are SCSI disks, but there is no SCSI controller.
    assert not {"sata_nv", "megaraid_sas"} & set(ahci)
    ide = machine_with(tmp_path, modalias="pci:v000010DEd000003F6sv00001043sd000081BCbc01sc01i85",
                       driver="sata_nv", module="sata_nv")
    assert {"sata_nv", "sata_sil"} <= set(modules_of(plan(bookworm, "--hardware", ide)))
    raid = machine_with(tmp_path, modalias="pci:v00001000d00000014sv00001028sd00001F42bc01sc04i00",
                        driver="megaraid_sas", module="megaraid_sas")
    assert {"megaraid_sas", "mpt3sas", "hpsa", "smartpqi", "aacraid"} <= set(
        modules_of(plan(bookworm, "--hardware", raid)))


def test_generic_image_has_what_any_machine_may_need(bookworm):
    generic = set(modules_of(plan(bookworm, "--generic")))
    assert {"raid1", "dm_crypt", "dm_mod", "dm_multipath", "bcache", "aesni_intel",
            "xts", "btrfs", "xfs", "overlay", "erofs", "mpt3sas", "megaraid_sas", "ubi",
            "ums_datafab", "hid_generic", "virtio_console", "i6300esb", "intel_lpss_pci", "yenta_socket",
            "firewire_sbp2", "nd_pmem"} <= generic
    # Filesystems, most of which tests/boot boots from hostonly images alone.
    assert {"ext4", "xfs", "btrfs", "f2fs", "vfat", "squashfs", "erofs", "nls_cp437", "nls_ascii",
            "crc32c_generic", "crc32_generic"} <= generic


def test_network_and_graphics_come_only_when_asked_for(bookworm):
    generic = modules_of(plan(bookworm, "--generic"))
    assert not {"e1000e", "virtio_net", "iwlwifi", "i915", "amdgpu", "nfs", "nbd", "nvme_tcp"} & set(generic)
    assert "e1000e" in modules_of(plan(bookworm, "--generic", "--add-drivers", "e1000e"))


@pytest.mark.parametrize("words, says", [
    (["--generic", "--hostonly-mode", "strict"], "--hostonly-mode"),
    (["--hostonly-mode", "lax"], '"lax"'),
    (["--hostonly-mode"], "MODE"),
])
def test_modes_that_make_no_sense(words, says, small_kernel):
    assert says in run("plan", "--root", small_kernel.root, *words, status=USAGE).error


# ---- what a module provides ----

@pytest.mark.parametrize("path, imports, taken", [
    ("kernel/drivers/misc/new.ko", ["scsi_add_host_with_dma"], True),
    ("kernel/drivers/misc/new.ko", ["device_add_disk", "kfree"], True),
    ("kernel/drivers/iommu/new.ko", ["register_virtio_driver"], True),
    ("kernel/drivers/misc/new.ko", ["register_virtio_driver"], False),
    ("kernel/drivers/iio/new.ko", ["device_add_disk"], False),
    ("kernel/drivers/misc/new.ko", ["register_netdev"], False),
    ("kernel/drivers/misc/new.ko", [], False),
    ("kernel/drivers/net/new.ko", ["register_virtio_driver"], False),
    ("kernel/drivers/gpu/new.ko", ["device_add_disk"], False),
    ("updates/dkms/new.ko", ["__blk_mq_alloc_disk"], True),
    ("extra/new.ko", ["register_filesystem"], True),
    ("extra/new.ko", ["__hid_register_driver"], True),
    ("extra/new.ko", ["register_netdev"], False),
])
def test_module_is_chosen_by_what_it_provides(path, imports, taken, tree):
    trees.make_module(tree, path, imports=imports)
    trees.depmod(tree)
    assert ("new" in modules_of(plan(tree, "--generic"))) == taken


def test_damaged_module_that_might_be_needed_is_an_error(tree):
    trees.make_module(tree, "kernel/drivers/misc/new.ko", imports=["device_add_disk"])
    trees.depmod(tree)
    (tree.modules / "kernel/drivers/misc/new.ko").write_bytes(b"\x7fELF nothing else")
    result = run("plan", "--root", tree.root, "--generic", status=FAILED)
    assert "misc/new.ko" in result.error and "reinstall" in result.hint


def test_module_that_might_be_needed_and_is_gone_is_an_error(tree):
    trees.make_module(tree, "kernel/drivers/misc/new.ko", imports=["device_add_disk"])
    trees.depmod(tree)
    (tree.modules / "kernel/drivers/misc/new.ko").unlink()
    result = run("plan", "--root", tree.root, "--generic", status=FAILED)
    assert "misc/new.ko" in result.error and "depmod" in result.hint


# ---- wishes ----

@pytest.mark.parametrize("how", [["--generic"], ["--hardware", trees.MACHINES / "nvme.json"]],
                         ids=["generic", "hostonly"])
def test_a_kernel_that_has_no_loadable_modules(how, tree, tmp_path):
    """Everything is built in, and there is no module tree."""
    shutil.rmtree(tree.modules)
    result = run("build", tmp_path / "image", tree.version, "--root", tree.root, *how, status=FAILED)
    assert "no modules for kernel" in result.error
    tree.configure(MODULES=None)
    image = tmp_path / "image"
    for version in ([], [tree.version]):
        run("build", image, *version, "--root", tree.root, *how)
        assert ".ko" not in run("list", image).text
        run("verify", image)
    assert "missing: it has no image" in run("status", "--root", tree.root).text
    assert "kernel-without-modules" not in run("audit", "--root", tree.root,
                                               status=(DONE, FINDING)).text


def test_weak_dependency_of_the_module_itself(tree):
    trees.make_module(tree, "kernel/drivers/misc/new.ko", "weakdep=dummy", imports=["device_add_disk"])
    trees.depmod(tree)
    result = plan(tree, "--generic")
    assert "weak dependency dummy" in reason_of(result, "dummy")


@pytest.mark.parametrize("file, line", [
    ("etc/modprobe.d/x.conf", "weakdep nvme dummy none\n"),
    ("etc/modprobe.d/x.conf", "# all\n  weakdep\tnvm[ef]   dummy\r\n"),
    ("etc/modprobe.d/x.conf", "weakdep nvme-core \\\n dummy\n"),
    ("lib/modules/{version}/modules.weakdep", "# from depmod\nweakdep nvme dummy\n"),
])
def test_weak_dependency_of_an_index(file, line, tree, tmp_path):
    path = tree.root / file.format(version=tree.version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(line)
    result = plan(tree, "--hardware", NVME)
    assert "weak dependency dummy" in reason_of(result, "dummy")
    # It is packed, but nothing loads it by itself.
    out = tmp_path / "out.img"
    run("build", out, "--root", tree.root, "--hardware", NVME)
    assert "load=dummy" not in run("cat", out, "/etc/preroot/boot.conf").text


def test_modules_that_the_machine_loads_by_itself(tree, tmp_path):
    (tree.root / "etc/modules-load.d").mkdir(parents=True)
    (tree.root / "usr/lib/modules-load.d").mkdir(parents=True)
    (tree.root / "etc/modules-load.d/a.conf").write_text("# comment\n; another\n\n  dummy \nabsent")
    (tree.root / "usr/lib/modules-load.d/a.conf").write_text("qla1280\n")
    (tree.root / "usr/lib/modules-load.d/b.conf").write_text("ahci\n")
    (tree.root / "usr/lib/modules-load.d/c.txt").write_text("qla1280\n")
    (tree.root / "etc/modules-load.d/d.conf").write_text("nbd\n")
    (tree.root / "etc/modprobe.d").mkdir(parents=True)
    (tree.root / "etc/modprobe.d/x.conf").write_text("blacklist nbd\n")
    out = tmp_path / "out.img"
    words = ["--root", tree.root, "--hardware", NVME, "--hostonly-mode", "strict"]
    warnings = run("build", out, "--json", *words).json["warnings"]
    assert [text for text in warnings if "absent" in text and "a.conf" in text]
    load = [line for line in run("cat", out, "/etc/preroot/boot.conf").text.splitlines()
            if line.startswith("load=")]
    assert load[-2:] == ["load=ahci", "load=dummy"] and "load=nvme" in load[:-2]
    assert "a.conf asks for it" in run("why", out, "dummy").text
    result = plan(tree, *words[2:])
    assert [text for text in result["remarks"] if "nbd, which modprobe.d excludes" in text]
    assert "nbd" not in modules_of(result)
    assert "qla1280" not in modules_of(plan(tree, *words[2:]))
    assert "dummy" not in modules_of(plan(tree, "--generic"))


def is_quiet(image, name):
    """Whether the index of IMAGE says that no device may ask for module NAME: see modindex.h."""
    index = run("cat", image, "/usr/lib/preroot/modules.index").out
    words = struct.unpack(f"<{len(index) // 4}I", index[:len(index) // 4 * 4])
    at, count, strings = words[3] // 4, words[4], words[11]
    for module in range(at, at + 10 * count, 10):
        start = strings + words[module]
        if index[start:index.index(b"\0", start)] == name.encode():
            return bool(words[module + 3] & 2)
    raise AssertionError(f"no module {name} in {image}")


def test_install_lines_of_modprobe_d_are_reported(tree, tmp_path):
    (tree.root / "etc/modprobe.d").mkdir(parents=True)
    run("build", tmp_path / "before.img", "--root", tree.root, "--generic")
    assert not is_quiet(tmp_path / "before.img", "qla1280")
    (tree.root / "etc/modprobe.d/x.conf").write_text("install qla1280 /bin/false\n"
                                                     "install nvme /usr/bin/mine\n")
    result = run("build", tmp_path / "out.img", "--json", "--root", tree.root, "--generic").json
    assert [text for text in result["warnings"]
            if "install qla1280 /bin/false" in text and "blacklist" in text]
    assert is_quiet(tmp_path / "out.img", "qla1280")
    assert not is_quiet(tmp_path / "out.img", "ahci")
    result = run("plan", "--json", "--root", tree.root, "--hardware", NVME).json
    assert [text for text in result["warnings"]
            if "install nvme /usr/bin/mine" in text and "runs no command" in text]


DISKS = {b"__blk_alloc_disk", b"__blk_mq_alloc_disk", b"device_add_disk", b"mmc_add_host",
         b"register_mtd_blktrans", b"scsi_add_host_with_dma", b"usb_stor_disconnect"}
# Over a network, for tests, or what other machines see as a disk.
NO_DISKS = ("drivers/infiniband", "drivers/net", "drivers/target", "drivers/block/aoe",
            "drivers/block/drbd", "drivers/block/nbd", "drivers/block/null_blk",
            "drivers/block/rbd", "drivers/block/rnbd", "drivers/block/zram",
            "drivers/nvme/host/nvme-fc", "drivers/nvme/host/nvme-tcp", "drivers/nvme/target")


@pytest.mark.sweep
def test_no_driver_of_disks_lies_where_none_is_looked_for(bookworm):
    """All modules of the kernel are searched for the names that drivers of disks import."""
    drivers = bookworm.root / "lib/modules" / bookworm.version / "kernel/drivers"
    found = {path.stem.replace("-", "_") for path in drivers.rglob("*.ko")
             if not str(path.relative_to(drivers.parent)).startswith(NO_DISKS)
             and not DISKS.isdisjoint(path.read_bytes().split(b"\0"))}
    assert len(found) > 100
    assert found <= modules_of(plan(bookworm, "--generic")).keys()


# ---- which modules can wait ----

def test_what_leads_to_no_disk_is_marked(tree, tmp_path):
    trees.make_module(tree, "kernel/drivers/input/keyboard/keys.ko", "alias=platform:keys")
    trees.make_module(tree, "kernel/drivers/watchdog/dog.ko", "alias=platform:dog")
    trees.make_module(tree, "kernel/drivers/usb/host/host.ko", "alias=platform:host")
    # Two ask for this one, and a disk is behind it.
    trees.make_module(tree, "kernel/drivers/hid/both.ko", "alias=platform:both",
                      imports=["device_add_disk"])
    trees.depmod(tree)
    out = tmp_path / "out.img"
    run("build", out, "--root", tree.root, "--generic")
    late = late_modules(out)
    assert {"keys", "dog"} <= late
    assert not late & {"host", "both", "virtio_blk", "ahci", "nvme", "ext4"}
    run("build", out, "--root", tree.root, "--generic", "--add-drivers", "dog")
    assert "dog" not in late_modules(out)


# ---- several modules, built-in modules ----

def test_module_in_updates_takes_precedence(tree):
    trees.make_module(tree, "updates/ahci.ko", imports=["device_add_disk"])
    trees.depmod(tree)
    assert modules_of(plan(tree, "--hardware", AHCI))["ahci"] == "updates/ahci.ko"


def test_two_modules_of_one_name_are_told(tree):
    trees.make_module(tree, "extra/ahci.ko", imports=["device_add_disk"])
    text = (tree.modules / "modules.dep").read_text()
    tree.rewrite(tree.modules / "modules.dep", (text + "extra/ahci.ko:\n").encode())
    result = plan(tree, "--hardware", AHCI)
    assert modules_of(result)["ahci"] == "kernel/drivers/ata/ahci.ko"
    assert [text for text in result["warnings"] if "extra/ahci.ko" in text]


@pytest.mark.parametrize("words", [
    ("--add-drivers", "=drivers/mine"), ("--set", "add_drivers=' =/drivers/mine/ '"),
    ("--set", "force_drivers+==drivers/mine"),
])
def test_all_modules_below_a_folder(words, tree):
    for name in ("kernel/drivers/mine/a", "kernel/drivers/mine/sub/b", "extra/drivers/mine/c",
                 "kernel/drivers/mine2/d", "kernel/mine/e"):
        trees.make_module(tree, f"{name}.ko")
    trees.depmod(tree)
    words = [word.replace("'", "") for word in words]
    found = modules_of(plan(tree, "--hardware", NVME, *words))
    assert found.keys() & set("abcde") == set("abc") and "nvme" in found
    found = modules_of(plan(tree, "--hardware", NVME, "--omit-drivers", "b", *words))
    assert found.keys() & set("abcde") == set("ac")


def test_a_folder_without_modules_is_named(tree):
    words = ("plan", "--root", tree.root, "--hardware", NVME)
    assert 'has no module "=drivers/none"' in run(*words, "--add-drivers", "=drivers/none", status=1).error
    assert 'has no module "=drivers/none"' in run(*words, "--set", "add_drivers==drivers/none").messages("warning")[0]
    assert 'has no module "="' in run(*words, "--add-drivers", "=", status=1).error


def make_builtin(tree, driver, modinfo):
    """Makes DRIVER, which is a module here, a built-in one."""
    (tree.modules / driver).unlink()
    for name, more in (("modules.builtin", f"{driver}\n".encode()),
                       ("modules.builtin.modinfo", modinfo)):
        tree.rewrite(tree.modules / name, (tree.modules / name).read_bytes() + more)
    trees.depmod(tree)


def test_driver_that_the_target_has_built_in_needs_no_file(tree):
    make_builtin(tree, "kernel/drivers/block/virtio_blk.ko",
                 b"virtio_blk.alias=virtio:d00000002v*\0virtio_blk.license=GPL\0")
    result = plan(tree, "--hardware", VIRTIO)
    assert "virtio_blk" not in modules_of(result) and "virtio_pci" in modules_of(result)
    assert result["warnings"] == []


@pytest.mark.parametrize("line", ["softdep nvme pre: dummy", "softdep\tnvme  pre:  dummy",
                                  " softdep nvm[d-f] \\\n  post: dummy # as before"])
def test_soft_dependencies_of_people(line, tree):
    (tree.root / "etc/modprobe.d").mkdir(parents=True)
    (tree.root / "etc/modprobe.d/x.conf").write_text(line + "\n")
    assert "soft dependency dummy" in reason_of(plan(tree, "--hardware", NVME), "dummy")


@pytest.mark.parametrize("config, modinfo, loaded", [
    ("weakdep virtio-blk dummy\n", b"", False), ("softdep virtio-blk pre: dummy\n", b"", True),
    ("", b"virtio_blk.weakdep=dummy\0", False), ("", b"virtio_blk.softdep=post: dummy\0", True)])
def test_drivers_inside_the_kernel_have_wishes_as_well(config, modinfo, loaded, tree, tmp_path):
    (tree.root / "etc/modprobe.d").mkdir(parents=True)
    (tree.root / "etc/modprobe.d/x.conf").write_text(config)
    make_builtin(tree, "kernel/drivers/block/virtio_blk.ko",
                 b"virtio_blk.alias=virtio:d00000002v*\0" + modinfo)
    out = tmp_path / "out.img"
    run("build", out, "--root", tree.root, "--hardware", VIRTIO, "--hostonly-mode", "strict")
    assert "module virtio_blk wants it" in run("why", out, "dummy").text
    assert ("load=dummy" in run("cat", out, "/etc/preroot/boot.conf").text) == loaded


def test_controller_of_a_bus_that_is_built_in_brings_the_driver_of_its_disks(tree):
    trees.make_module(tree, "kernel/drivers/scsi/sd_mod.ko")
    trees.make_module(tree, "kernel/drivers/scsi/scsi_mod.ko")
    make_builtin(tree, "kernel/drivers/scsi/scsi_mod.ko", b"scsi_mod.license=GPL\0")
    strict = ["--hardware", NVME, "--hostonly-mode", "strict"]
    assert not {"ahci", "sd_mod"} & modules_of(plan(tree, *strict)).keys()
    assert {"ahci", "sd_mod"} <= modules_of(plan(tree, *strict, "--add-drivers", "ahci")).keys()


def test_driver_that_only_the_running_kernel_has_built_in_is_packed(tree, tmp_path):
    machine = json.loads(VIRTIO.read_text())
    for device in machine["devices"]:
        device.pop("module", None)
        device["builtin"] = True
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine))
    assert {"virtio_blk", "virtio_pci"} <= set(modules_of(plan(tree, "--hardware", path)))


# ---- suppliers ----

def test_suppliers_of_the_way_to_root_are_needed_too(tree):
    """As on boards where a controller's clock and regulator are separate devices."""
    trees.write_machine("virtio-blk", tree.root)
    devices = tree.root / "sys/devices"
    for name, supplier in (("clk", "reg"), ("reg", "clk")):  # they supply each other
        (devices / f"platform/{name}").mkdir(parents=True)
        (devices / f"platform/{name}/modalias").write_text(f"of:N{name}T(null)C{name}\n")
        link = devices / f"virtual/devlink/platform:{supplier}--platform:{name}"
        link.mkdir(parents=True)
        (link / "supplier").symlink_to(f"../../../platform/{supplier}")
        (devices / f"platform/{name}/supplier:platform:{supplier}").symlink_to(
            f"../../virtual/devlink/{link.name}")
        trees.make_module(tree, f"kernel/drivers/misc/{name}.ko", f"alias=of:N*T*C{name}")
    (devices / "pci0000:00/0000:00:01.0/supplier:platform:clk").symlink_to(
        "../../virtual/devlink/platform:clk--pci:0000:00:01.0")
    link = devices / "virtual/devlink/platform:clk--pci:0000:00:01.0"
    link.mkdir()
    (link / "supplier").symlink_to("../../../platform/clk")
    trees.depmod(tree)
    result = plan(tree, "--hostonly-mode", "strict")
    assert {"clk", "reg"} <= set(modules_of(result))
    assert "way to /" in reason_of(result, "reg")


# ---- modules that filesystems request by name ----

def mounted_with(tmp_path, fstype, options):
    machine = json.loads(VIRTIO.read_text())
    machine["mounts"][0] |= {"fstype": fstype, "options": options}
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(machine))
    return path


@pytest.mark.parametrize("fstype, options, modules", [
    ("vfat", "ro,fmask=0022,dmask=0022,codepage=437,iocharset=ascii,utf8",
     {"vfat", "nls_cp437", "nls_ascii"}),
    ("vfat", "rw,codepage=850,iocharset=iso8859-15", {"nls_cp850", "nls_iso8859_15"}),
    ("hfsplus", "rw,umask=22,nls=utf8", {"hfsplus", "nls_utf8"}),
    ("hfs", "rw,codepage=cp437,iocharset=koi8-r", {"nls_cp437", "nls_koi8_r"}),
    ("ext4", "rw,commit=30", set()),
])
def test_character_sets_of_the_root_are_there(bookworm, tmp_path, fstype, options, modules):
    result = plan(bookworm, "--hardware", mounted_with(tmp_path, fstype, options),
                  "--hostonly-mode", "strict")
    found = set(modules_of(result))
    assert modules <= found
    sets = {name for name in found if name.startswith("nls_")}
    assert sets == {name for name in modules if name.startswith("nls_")}


def test_character_set_that_the_kernel_lacks_is_an_error(bookworm, tmp_path):
    machine = mounted_with(tmp_path, "vfat", "rw,codepage=437,iocharset=made-up")
    result = run("plan", "--root", bookworm.root, "--hardware", machine, "--hostonly-mode",
                 "strict", status=FAILED)
    assert "it has no nls_made-up (iocharset=made-up)" in result.error
    assert result.hint


# ---- firmware ----

ADAPTER = "pci:v0000ABCDd00000001sv00000000sd00000000bc01sc07i00"


@pytest.fixture
def adapter(tree):
    """A disk adapter whose driver asks for firmware."""
    trees.make_module(tree, "kernel/drivers/scsi/adapter.ko", "alias=pci:v0000ABCDd*sv*sd*bc*sc*i*",
                "firmware=adapter/new.bin", "firmware=adapter/old.bin",
                imports=["scsi_add_host_with_dma"])
    trees.depmod(tree)
    return tree


def put_firmware(tree, *names):
    for name in names:
        path = tree.root / "lib/firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"firmware {name}\n".encode())


def test_missing_firmware_on_the_way_to_root_is_an_error(adapter, tmp_path):
    machine = machine_with(tmp_path, modalias=ADAPTER)
    result = run("plan", "--root", adapter.root, "--hardware", machine, status=FAILED)
    assert "adapter/new.bin and 1 more" in result.error and "way to /" in result.error
    assert "install the package" in result.hint


def test_one_of_several_firmware_files_is_enough(adapter, tmp_path):
    put_firmware(adapter, "adapter/old.bin")
    result = plan(adapter, "--hardware", machine_with(tmp_path, modalias=ADAPTER),
                  "--hostonly-mode", "strict")
    assert "usr/lib/firmware/adapter/old.bin" in paths_of(result)
    assert [text for text in result["warnings"] if text.startswith("1 firmware file ")]


def test_firmware_that_the_running_driver_does_without_is_a_warning(adapter, tmp_path):
    machine = machine_with(tmp_path, modalias=ADAPTER, driver="adapter", module="adapter")
    warnings = plan(adapter, "--hardware", machine)["warnings"]
    assert [text for text in warnings if "adapter/new.bin" in text and "works without" in text]


def test_missing_firmware_of_an_optional_driver_is_counted(adapter):
    warnings = plan(adapter, "--generic")["warnings"]
    assert [text for text in warnings if "firmware files" in text]


def test_firmware_of_patterns_comes_from_all_folders(tree):
    trees.make_module(tree, "kernel/drivers/misc/new.ko", "firmware=new/*.bin",
                imports=["device_add_disk"])
    trees.depmod(tree)
    put_firmware(tree, "new/a.bin", "new/b.bin", "updates/new/b.bin", "updates/new/c.bin",
                 f"{tree.version}/new/d.bin", "new/readme")
    found = {path.removeprefix("usr/lib/firmware/") for path in paths_of(plan(tree, "--generic"))
             if path.startswith("usr/lib/firmware/") and path.endswith(".bin")}
    assert found == {"new/a.bin", "updates/new/b.bin", "updates/new/c.bin",
                     f"{tree.version}/new/d.bin"}


def test_firmware_of_further_folders_goes_where_the_kernel_looks(adapter, tmp_path):
    machine = machine_with(tmp_path, modalias=ADAPTER)
    put_firmware(adapter, "adapter/old.bin")
    for name, text in (("opt/fw/adapter/old.bin", "ours"), ("srv/fw/adapter/real", "linked")):
        (adapter.root / name).parent.mkdir(parents=True)
        (adapter.root / name).write_text(text)
    (adapter.root / "srv/fw/adapter/new.bin").symlink_to("real")
    words = ("--hardware", machine, "--hostonly-mode", "strict", "--set", "fw_dir=/opt/fw/:/none", "--set",
             f"fw_dir+= /usr/lib/firmware/:/lib/firmware/{adapter.version} /srv/fw")
    result = plan(adapter, *words)
    sources = {entry["path"]: entry.get("source") for entry in result["entries"]
               if entry["path"].startswith("usr/lib/firmware/adapter/")}
    assert sources == {"usr/lib/firmware/adapter/old.bin": "opt/fw/adapter/old.bin",
                       "usr/lib/firmware/adapter/new.bin": "srv/fw/adapter/real"}
    assert [text for text in result["remarks"] if "/none" in text and "fw_dir" in text]
    assert not [text for text in result["warnings"] if "fw_dir" in text or "firmware file" in text]


@pytest.mark.parametrize("suffix", ["", ".xz"])
def test_a_link_to_firmware_that_a_further_folder_replaces(suffix, adapter, tmp_path):
    put_firmware(adapter, "adapter/old.bin")
    (adapter.root / "lib/firmware/adapter/new.bin").symlink_to("old.bin")
    (adapter.root / "opt/fw/adapter").mkdir(parents=True)
    (adapter.root / f"opt/fw/adapter/old.bin{suffix}").write_bytes(lzma.compress(b"ours") if suffix else b"ours")
    result = plan(adapter, "--hardware", machine_with(tmp_path, modalias=ADAPTER), "--set", "fw_dir=/opt/fw")
    sources = {entry["path"].removesuffix(suffix): entry.get("source") for entry in result["entries"]
               if "/firmware/adapter/" in entry["path"]}
    assert sources == {f"usr/lib/firmware/adapter/{name}.bin": f"opt/fw/adapter/old.bin{suffix}"
                       for name in ("old", "new")}


def test_only_the_kernels_own_folders_of_firmware_are_no_further_ones(adapter, tmp_path):
    own = ["", "/updates", f"/updates/{adapter.version}", f"/{adapter.version}"]
    put_firmware(adapter, "updates-acme/adapter/old.bin", "updates/acme/adapter/new.bin")
    words = [f"{usr}/lib/firmware{name}" for name in own for usr in ("", "/usr")]
    result = plan(adapter, "--hardware", machine_with(tmp_path, modalias=ADAPTER), "--set",
                  f"fw_dir={':'.join(words)}:/lib/firmware/updates-acme /lib/firmware/updates/acme/")
    sources = {entry["path"]: entry.get("source") for entry in result["entries"]
               if "/firmware/adapter/" in entry["path"]}
    assert sources == {
        "usr/lib/firmware/adapter/old.bin": "lib/firmware/updates-acme/adapter/old.bin",
        "usr/lib/firmware/adapter/new.bin": "lib/firmware/updates/acme/adapter/new.bin"}
    assert not [text for text in result["remarks"] if "fw_dir" in text]


def test_firmware_of_a_driver_inside_the_kernel(tree, tmp_path):
    put_firmware(tree, "inside.bin")
    tree.rewrite(tree.modules / "modules.builtin",
                 (tree.modules / "modules.builtin").read_bytes()
                 + b"kernel/drivers/scsi/inside.ko\n")
    tree.rewrite(tree.modules / "modules.builtin.modinfo",
                 (tree.modules / "modules.builtin.modinfo").read_bytes()
                 + b"inside.alias=pci:v0000ABCDd*sv*sd*bc*sc*i*\0inside.firmware=inside.bin\0"
                 b"insider.firmware=absent.bin\0")
    trees.depmod(tree)
    machine = machine_with(tmp_path, modalias=ADAPTER)
    for words in (["--generic"], ["--hardware", machine, "--hostonly-mode", "strict"]):
        assert "usr/lib/firmware/inside.bin" in paths_of(plan(tree, *words))
    (tree.root / "lib/firmware/inside.bin").unlink()
    result = run("plan", "--root", tree.root, "--hardware", machine, status=FAILED)
    assert "module inside" in result.error and "inside.bin" in result.error


@pytest.mark.parametrize("options, stored, compressed", [
    ({}, "adapter/old.bin", None),
    ({"FW_LOADER_COMPRESS_ZSTD": "y"}, "adapter/old.bin.zst", "zstd"),
    ({"FW_LOADER_COMPRESS": None, "FW_LOADER_COMPRESS_XZ": None}, "adapter/old.bin", None),
    ({"store": "none", "FW_LOADER_COMPRESS_ZSTD": "y"}, "adapter/old.bin", None),
])
def test_plain_firmware_is_compressed_where_the_kernel_can_read_it(options, stored, compressed,
                                                                   adapter, tmp_path):
    put_firmware(adapter, "adapter/old.bin")
    (adapter.root / "lib/firmware/adapter/new.bin").symlink_to("old.bin")
    store = options.get("store", "auto")
    adapter.configure(**{name: value for name, value in options.items() if name != "store"})
    out = tmp_path / "out.img"
    run("build", out, "--root", adapter.root, "--generic", "--compress-store", store)
    content = run("cat", out, f"/lib/firmware/{stored}").out
    assert (archive.unpack(compressed, content) if compressed else content) \
        == b"firmware adapter/old.bin\n"
    run("extract", out, tmp_path / "files")
    link = tmp_path / "files/usr/lib/firmware" / stored.replace("old", "new")
    target = tmp_path / "files/usr/lib/firmware/adapter" / os.readlink(link)
    assert target.resolve() == (tmp_path / "files/usr/lib/firmware" / stored).resolve()


@pytest.mark.parametrize("options, stored", [
    ({"FW_LOADER_COMPRESS_XZ": None}, "adapter/old.bin"),
    ({}, "adapter/old.bin.xz"),
    ("one option", "adapter/old.bin.xz"),
])
def test_compressed_firmware_stays_so_where_the_kernel_can_read_it(options, stored, adapter,
                                                                   tmp_path):
    put_firmware(adapter, "adapter/old.bin.xz")
    packed = archive.pack("xz", b"firmware")
    (adapter.root / "lib/firmware/adapter/old.bin.xz").write_bytes(packed)
    if options == "one option":  # as before 5.19
        text = adapter.config.read_text()
        adapter.rewrite(adapter.config, "".join(
            line for line in text.splitlines(keepends=True)
            if "FW_LOADER_COMPRESS_" not in line).encode())
    else:
        adapter.configure(**options)
    out = tmp_path / "out.img"
    run("build", out, "--root", adapter.root, "--generic")
    assert run("cat", out, f"/lib/firmware/{stored}").out == (
        packed if stored.endswith(".xz") else b"firmware")
