/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The features, in the order in which they add their parts to an image. Each is a folder NAME with
 * build.c (features.h) and, where PID 1 has something to do, boot.c (init/core/part.h). Both
 * programs expand the list: BUILD(name, summary, flags) is a feature without a boot part, BOTH() one
 * with it. FLAGS: FEATURE_*.
 */
#define FEATURES(BUILD, BOTH)                                                                      \
	BUILD(base, "PID 1 and the folders around it", 0)                                          \
	BUILD(storage, "drivers on the way to the disks", 0)                                       \
	BOTH(mdraid, "MD arrays", 0)                                                               \
	BOTH(crypt, "LUKS volumes", 0)                                                             \
	BOTH(lvm, "volumes of LVM", 0)                                                             \
	BOTH(btrfs, "a btrfs on several devices", 0)                                               \
	BUILD(filesystem, "drivers of the filesystems", 0)                                         \
	BOTH(fsck, "checkers of filesystems", 0)                                                   \
	BOTH(resume, "where a hibernation image may be", FEATURE_PARAMETERS)                       \
	BUILD(input, "drivers of the keyboards", 0)                                                \
	BUILD(bus, "drivers of buses, consoles and watchdogs", 0)                                  \
	BUILD(crypto, "ciphers and checksums", 0)                                                  \
	BUILD(microcode, "CPU microcode, for the kernel to load first", 0)                         \
	BUILD(acpi, "ACPI tables in place of the firmware's", 0)                                   \
	BUILD(failure, "what a boot that fails leaves behind", 0)                                  \
	BUILD(rescue, "a shell for boots that fail", FEATURE_OPTIONAL)                             \
	BUILD(cmdline, "kernel parameters of the image", FEATURE_PARAMETERS)                       \
	BOTH(dropin, "what drop-in features ask for", FEATURE_PARAMETERS)                          \
	BOTH(overlay, "what kernel parameters of the image ask for", 0)                            \
	BUILD(extra, "what the user asked for by name", 0)
