/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hardware description in JSON.
 */

#include "base/arena.h"
#include "fuzz.h"
#include "host/hardware/hardware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	struct hardware hw = {0};
	struct err err = {0};

	if (hardware_from_json((const char *)data, size, &arena, &hw, &err) < 0) {
		HOLDS(err.text[0]);
		return 0;
	}
	for (size_t i = 0; i < hw.n_mounts; i++) {
		HOLDS(*hw.mounts[i].target && *hw.mounts[i].fstype);
		HOLDS(hardware_mount(&hw, hw.mounts[i].target));
		for (size_t k = 0; k < hw.mounts[i].n_blocks; k++)
			HOLDS(*hw.mounts[i].blocks[k].name);
	}
	for (size_t i = 0; i < hw.n_devices; i++)
		HOLDS(*hw.devices[i].path && *hw.devices[i].needed_for);
	for (size_t i = 0; i < hw.n_cpus; i++)
		HOLDS(hw.knows_cpus && *hw.cpus[i].vendor);
	return 0;
}
