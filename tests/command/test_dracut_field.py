# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files of settings as distributions, packages, cloud images and guides have them: each with the keys that
are warned of, or with what is refused. Most must be silent."""

import pytest

from program import DONE, FINDING, USAGE, run

SILENT = {
    "Fedora and RHEL": """\
# i18n
i18n_vars="/etc/vconsole.conf:KEYMAP,FONT,FONT_MAP,FONT_UNIMAP"
i18n_default_font="eurlatgr"
stdloglvl=3
sysloglvl=5
install_optional_items+=" vi /etc/virc ps grep cat rm chroot "
prefix="/"
systemdutildir=/usr/lib/systemd
systemdsystemunitdir=/usr/lib/systemd/system
systemdsystemconfdir=/etc/systemd/system
udevdir=/usr/lib/udev
hostonly="yes"
hostonly_cmdline="no"
early_microcode="yes"
reproducible="yes"
""",
    "openSUSE": """\
compress="xz -0 --check=crc32 --memlimit-compress=50%"
omit_drivers+=" i2o_scsi"
hostonly="yes"
hostonly_cmdline="yes"
do_hardlink="yes"
persistent_policy=by-uuid
initrdname="initrd-$kernel"
""",
    "Debian": """\
do_prelink=no
i18n_vars="/etc/default/keyboard:XKBLAYOUT-KEYMAP /etc/default/console-setup:FONTFACE-FONT"
initrdname="initrd.img-${kernel}"
""",
    "Arch": """\
omit_dracutmodules+=" network cifs nfs nbd brltty "
compress="zstd --ultra -22 -T0"
show_modules="yes"
hostonly_mode="sloppy"
""",
    "Gentoo": """\
hostonly="yes"
hostonly_mode="strict"
ukify="no"
uefi="no"
machine_id="no"
use_fstab="yes"
fscks="fsck fsck.vfat fsck.ext4"
do_strip=yes
aggressive_strip=no
ro_mnt=yes
tmpdir=/var/tmp
logfile=/var/log/dracut.log
fileloglvl=6
filesystems+=" btrfs vfat "
kernel_cmdline="root=PARTUUID=deadbeef-02 rootflags=subvol=@ quiet"
omit_dracutmodules+=" i18n dash mksh "
""",
    "Void": 'hostonly=yes\ntmpdir=/tmp\ncompress="pigz -9 -p 4"\nparallel=yes\n',
    "cloud images": """\
hostonly="no"
add_drivers+=" xen-netfront xen-blkfront ena nvme virtio_blk virtio_scsi virtio_pci.ko "
filesystems+=" ext4 xfs "
omit_dracutmodules+=" kernel-network-modules plymouth resume "
dracut_rescue_image="no"
mdadmconf="no"
lvmconf="no"
""",
    "operating systems in containers": """\
reproducible=yes
dracutmodules=""
omit_dracutmodules+=" nfs lvm iscsi "
enhanced_cpio="yes"
compress="zstd"
compress_level_zstd="22"
""",
    "virtual machines and screens": """\
omit_drivers+=" vboxvideo vmwgfx nvidia.* nouveau "
add_drivers+=" vmw_pvscsi vmxnet3 mptspi "
force_drivers+=" nvidia nvidia_modeset nvidia_uvm nvidia_drm "
""",
    "multipath and RAID adapters": """\
add_drivers+=" dm_multipath scsi_dh_alua megaraid_sas "
force_drivers+=" dm_mod "
install_optional_items+=" /etc/multipath.conf "
hostonly_nics+=" eth0 "
""",
    "hardening": 'omit_drivers+=" usb-storage firewire-core thunderbolt "\n',
    "modules of other packages, left out": """\
omit_dracutmodules+=" zfs clevis dropbear-sshd mine "
zfsbootmenu_module_root="/usr/share/zfsbootmenu"
dropbear_port="222"
""",
    "all that the language has": """\
add_drivers+=( "nvme" 'xhci_pci' )
\tadd_dracutmodules+=' bash base '\t# behind
omit_drivers+=" [a-c]x "; omit_dracutmodules+=" nfs "
export hostonly=no
kernel_cmdline="console=tty0 \\
  console=ttyS0,115200n8"
install_items='' squash_compress="zstd -Xcompression-level 15"
""",
}

WARNED = {
    'i18n_install_all="yes"': "i18n_install_all",
    'dracut_rescue_image="yes"': "dracut_rescue_image",
    'uefi="yes"\nuefi_stub="/usr/lib/systemd/boot/efi/linuxx64.efi.stub"': "uefi",
    'add_fstab+=" /etc/fstab.sys "': "add_fstab",
    'add_device+=" /dev/sda2 "': "add_device",
    'nofsck="yes"': "nofsck",
    'hostonly="1"': "hostonly",
    'compress="zstd 19"': "compress",
}

REFUSED = {
    'add_dracutmodules+=" fips "': "no FIPS mode",
    'add_dracutmodules+=" tpm2-tss "': "no keys from a TPM",
    'add_dracutmodules+=" dmsquash-live "': "no live images",
    'add_dracutmodules+=" crypt-ssh "': "another package",
    'add_dracutmodules+=" 90btrfs "': 'there is no feature "90btrfs"',
    'kernel_cmdline="$(cat /etc/kernel/cmdline)"': "commands in a value",
    'initrdname="initramfs-$(uname -r).img"': "commands in a value",
    "hostonly = yes": '"=" must follow the key at once',
    '[[ -e /etc/a ]] && add_drivers+=" a "': "this is no assignment",
    ". /etc/os-release": "this is no assignment",
    'omit_drivers+=" *nvidia "': "no regular expression",
    'compress="7z"': 'no codec "7z"',
    'compress="zstd -99"': "zstd has levels 1 to 19",
    'install_items+=" /etc/none "': "there is no ",
    'install_items+=" /etc/none/*.conf "': "there is no ",
}


@pytest.fixture
def check(tmp_path):
    (tmp_path / "root").mkdir()

    def call(text, status):
        (tmp_path / "a.conf").write_text(text)
        return run("config", "--check", "--root", tmp_path / "root", "--kver", "6.1.0", "--conf",
                   tmp_path / "a.conf", status=status)
    return call


@pytest.mark.parametrize("name", SILENT)
def test_what_loses_nothing_is_silent(name, check):
    check(SILENT[name], DONE)


@pytest.mark.parametrize("text", WARNED)
def test_what_has_no_effect_is_named_once(text, check):
    (warning,) = check(text + "\n", FINDING).messages("warning")
    assert WARNED[text] in warning and "/a.conf:1: " in warning


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_done_is_refused(text, check):
    result = check(text + "\n", USAGE)
    assert REFUSED[text] in result.error and "/a.conf:1:" in result.error
