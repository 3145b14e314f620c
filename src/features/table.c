/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/features.h"

const struct feature features[] = {
	{"base", "PID 1 and the folders around it", base_build},
	{"storage", "drivers on the way to the disks", storage_build},
	{"filesystem", "drivers of the filesystems", filesystem_build},
	{"fsck", "checkers of filesystems", fsck_build},
	{"resume", "where a hibernation image may be", resume_build},
	{"input", "drivers of the keyboards", input_build},
	{"bus", "drivers of buses, consoles and watchdogs", bus_build},
	{"crypto", "ciphers and checksums", crypto_build},
	{"microcode", "CPU microcode, for the kernel to load first", microcode_build},
	{"acpi", "ACPI tables in place of the firmware's", acpi_build},
	{"dropin", "what drop-in features ask for", dropin_build},
	{"overlay", "what kernel parameters of the image ask for", overlay_build},
	{"extra", "what the user asked for by name", extra_build},
	{0},
};
