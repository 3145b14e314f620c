/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The features, in the order in which they add their parts to an image. Each is a folder NAME with
 * build.c (features.h) and, where PID 1 has something to do, boot.c (init/core/part.h). Both
 * programs expand the list: BUILD(name, summary, optional) is a feature without a boot part, BOTH()
 * one with it. OPTIONAL features are added only with --add.
 */
#define FEATURES(BUILD, BOTH)                                                                      \
	BUILD(base, "PID 1 and the folders around it", false)                                      \
	BUILD(storage, "drivers on the way to the disks", false)                                   \
	BUILD(filesystem, "drivers of the filesystems", false)                                     \
	BOTH(fsck, "checkers of filesystems", false)                                               \
	BOTH(resume, "where a hibernation image may be", false)                                    \
	BUILD(input, "drivers of the keyboards", false)                                            \
	BUILD(bus, "drivers of buses, consoles and watchdogs", false)                              \
	BUILD(crypto, "ciphers and checksums", false)                                              \
	BUILD(microcode, "CPU microcode, for the kernel to load first", false)                     \
	BUILD(acpi, "ACPI tables in place of the firmware's", false)                               \
	BUILD(failure, "what a boot that fails leaves behind", false)                              \
	BUILD(rescue, "a shell for boots that fail", true)                                         \
	BUILD(cmdline, "kernel parameters of the image", false)                                    \
	BOTH(dropin, "what drop-in features ask for", false)                                       \
	BOTH(overlay, "what kernel parameters of the image ask for", false)                        \
	BUILD(extra, "what the user asked for by name", false)
