/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/acpi.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/text.h"

enum { HEADER = 36 };

/* All but RSDP and FACS. The last four came between Linux 5.14 and 6.4. */
static const char kinds[][5] = {
	"APIC", "ASF!", "BERT", "BGRT", "BOOT", "CPEP", "DBGP", "DMAR", "DSDT", "ECDT",
	"EINJ", "ERST", "FACP", "HEST", "HMAT", "HPET", "IBFT", "IORT", "IVRS", "MCFG",
	"MCHI", "MSCT", "NFIT", "NHLT", "PPTT", "PSDT", "RSDT", "SBST", "SLIC", "SLIT",
	"SPCR", "SPMI", "SRAT", "SSDT", "TCPA", "UEFI", "WAET", "WDAT", "WDDT", "WDRT",
	"XSDT", "AEST", "AGDI", "CEDT", "NBFT",
};

/* Text of a fixed width, without trailing blanks or NULs; anything that is not text becomes "?". */
static void take_text(char *to, const uint8_t *from, size_t width)
{
	for (size_t i = 0; i < width; i++)
		to[i] = (char)(from[i] == 0 || (from[i] >= 32 && from[i] < 127) ? from[i] : '?');
	to[width] = '\0';
	for (size_t i = strlen(to); i > 0 && to[i - 1] == ' '; i--)
		to[i - 1] = '\0';
}

static bool is_taken(const uint8_t *signature)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (memcmp(kinds[i], signature, 4) == 0)
			return true;
	return false;
}

int acpi_table_decode(const void *data, size_t len, struct acpi_table *out, struct err *err)
{
	const uint8_t *p = data;
	struct acpi_table t;
	uint8_t sum = 0;

	if (len < HEADER)
		return err_set(err, -EBADMSG, "%zu bytes are no ACPI table: its header alone has %d",
			       len, HEADER);
	take_text(t.signature, p, 4);
	take_text(t.oem_id, p + 10, 6);
	take_text(t.oem_table_id, p + 16, 8);
	t.oem_revision = le32(p + 24);
	if (!is_taken(p))
		return err_set(err, -ENOTSUP,
			       "\"%s\" is no ACPI table that the kernel takes out of an initramfs",
			       t.signature);
	if (le32(p + 4) != len)
		return err_set(err, -EBADMSG, "the table %s says that it has %u bytes, not %zu",
			       t.signature, le32(p + 4), len);
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	if (sum)
		return err_set(err, -EBADMSG, "the checksum of the table %s is wrong", t.signature);
	*out = t;
	return 0;
}
