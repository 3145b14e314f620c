/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

const struct feature features[] = {
	{"base", "PID 1 and the folders around it", base_build, false},
	{"storage", "drivers on the way to the disks", storage_build, false},
	{"filesystem", "drivers of the filesystems", filesystem_build, false},
	{"fsck", "checkers of filesystems", fsck_build, false},
	{"resume", "where a hibernation image may be", resume_build, false},
	{"input", "drivers of the keyboards", input_build, false},
	{"bus", "drivers of buses, consoles and watchdogs", bus_build, false},
	{"crypto", "ciphers and checksums", crypto_build, false},
	{"microcode", "CPU microcode, for the kernel to load first", microcode_build, false},
	{"acpi", "ACPI tables in place of the firmware's", acpi_build, false},
	{"failure", "what a boot that fails leaves behind", failure_build, false},
	{"rescue", "a shell for boots that fail", rescue_build, true},
	{"cmdline", "kernel parameters of the image", cmdline_build, false},
	{"dropin", "what drop-in features ask for", dropin_build, false},
	{"overlay", "what kernel parameters of the image ask for", overlay_build, false},
	{"extra", "what the user asked for by name", extra_build, false},
	{0},
};
