/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "init/devices/links/kit.h"

enum {
	TEXT_MAX = 256,
	VPD_MAX = 4096,
	VPD_HEADER = 4,
	/* VPD page 89h (SAT): the IDENTIFY DEVICE data is at its end. */
	ATA_IDENTIFY = 60,
	ATA_SIZE = 572,
	ATA_SERIAL = ATA_IDENTIFY + 2 * 10,
	ATA_SERIAL_LEN = 20,
	ATA_MODEL = ATA_IDENTIFY + 2 * 27,
	ATA_MODEL_LEN = 40,
	ATA_FEATURES = ATA_IDENTIFY + 2 * 87,
	ATA_HAS_WWN = 1 << 8,
	ATA_WWN = ATA_IDENTIFY + 2 * 108,
	/* A designator of VPD page 83h (SPC-4, 7.8.6). */
	DESIGNATOR_HEADER = 4,
	OF_UNIT = 0,
	CODE_BINARY = 1,
	TYPE_VENDOR = 0,
	TYPE_T10 = 1,
	TYPE_EUI = 2,
	TYPE_NAA = 3,
	NAA_IEEE = 5,
	NAA_IEEE_EXTENDED = 6,
	WWN_SHORT = 16, /* digits */
};

static void add_nvme(struct links *l)
{
	char text[TEXT_MAX], model[TEXT_MAX], serial[TEXT_MAX], number[32];

	if (links_attribute(l->disk, "wwid", text, sizeof(text))) {
		links_clean(text);
		links_add(l, "by-id/nvme-%s", text);
	}
	if (!links_attribute(l->disk, "device/model", model, sizeof(model)) ||
	    !links_attribute(l->disk, "device/serial", serial, sizeof(serial)))
		return;
	links_clean(model);
	links_clean(serial);
	links_add(l, "by-id/nvme-%s_%s", model, serial);
	if (links_attribute(l->disk, "nsid", number, sizeof(number)))
		links_add(l, "by-id/nvme-%s_%s_%s", model, serial, number);
}

static void add_serial(struct links *l, const char *kind)
{
	char serial[TEXT_MAX];

	if (!links_attribute(l->disk, "serial", serial, sizeof(serial)))
		return;
	links_clean(serial);
	links_add(l, "by-id/%s-%s", kind, serial);
}

static void add_mmc(struct links *l)
{
	char name[TEXT_MAX], serial[TEXT_MAX];

	if (!links_attribute(l->disk, "device/name", name, sizeof(name)) ||
	    !links_attribute(l->disk, "device/serial", serial, sizeof(serial)))
		return;
	links_clean(name);
	links_clean(serial);
	links_add(l, "by-id/mmc-%s_%s", name, serial);
}

/* Of device mapper. */
static void add_software(struct links *l)
{
	char text[TEXT_MAX];

	if (links_attribute(l->disk, "dm/name", text, sizeof(text)))
		links_add(l, "by-id/dm-name-%s", text);
	if (links_attribute(l->disk, "dm/uuid", text, sizeof(text)))
		links_add(l, "by-id/dm-uuid-%s", text);
}

/* ---- ATA ---- */

/* In ATA strings the two characters of each word are swapped. */
static void decode_ata_text(const uint8_t *at, size_t len, char *out)
{
	char swapped[ATA_MODEL_LEN];

	for (size_t i = 0; i + 1 < len; i += 2) {
		swapped[i] = (char)at[i + 1];
		swapped[i + 1] = (char)at[i];
	}
	links_squeeze(swapped, len, out, len + 1);
	links_clean(out);
}

static bool add_ata(struct links *l)
{
	uint8_t page[VPD_MAX];
	char model[ATA_MODEL_LEN + 1], serial[ATA_SERIAL_LEN + 1];
	ssize_t n = links_read(l->disk, "device/vpd_pg89", page, sizeof(page));
	uint64_t wwn = 0;

	if (n < ATA_SIZE)
		return false;
	decode_ata_text(page + ATA_MODEL, ATA_MODEL_LEN, model);
	decode_ata_text(page + ATA_SERIAL, ATA_SERIAL_LEN, serial);
	links_add(l, "by-id/ata-%s%s%s", model, *serial ? "_" : "", serial);
	if (!(le16(page + ATA_FEATURES) & ATA_HAS_WWN))
		return true;
	for (int i = 0; i < 4; i++)
		wwn = wwn << 16 | le16(page + ATA_WWN + 2 * i);
	links_add(l, "by-id/wwn-0x%016llx", (unsigned long long)wwn);
	return true;
}

/* ---- SCSI ---- */

/* Ranks a designator by how well it identifies the disk; 0 if it is not usable. */
static int rank_of(unsigned type, unsigned code, const uint8_t *id)
{
	unsigned naa = id[0] >> 4;
	int rank = 0;

	if (type == TYPE_NAA && code == CODE_BINARY)
		rank = naa == NAA_IEEE_EXTENDED ? 9 : naa == NAA_IEEE ? 8 : 5;
	else if (type == TYPE_EUI && code == CODE_BINARY)
		rank = 6;
	else if (type == TYPE_T10)
		rank = code == CODE_BINARY ? 0 : 4;
	else if (type == TYPE_VENDOR)
		rank = code == CODE_BINARY ? 0 : 3;
	return rank;
}

static void decode_designator(struct links *l, const uint8_t *at, char *out, size_t size)
{
	unsigned type = at[1] & 0xf, len = at[3];
	char text[TEXT_MAX] = "", vendor[32] = "", model[64] = "";
	size_t used = 0;

	if ((at[0] & 0xf) == CODE_BINARY) {
		for (unsigned i = 0; i < len && used + 3 < sizeof(text); i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%02x",
						 at[DESIGNATOR_HEADER + i]);
		out[0] = (char)('0' + type % 10);
		memcpy(out + 1, text, used + 1 < size ? used + 1 : size - 1);
		out[size - 1] = '\0';
		return;
	}
	/* An identifier that is unique to the vendor needs vendor and model, padded as in
	 * INQUIRY. */
	if (type == TYPE_VENDOR) {
		links_attribute(l->disk, "device/vendor", vendor, sizeof(vendor));
		links_attribute(l->disk, "device/model", model, sizeof(model));
		used = (size_t)snprintf(text, sizeof(text), "%-8.8s%-16.16s", vendor, model);
	}
	snprintf(text + used, sizeof(text) - used, "%.*s", (int)len,
		 (const char *)at + DESIGNATOR_HEADER);
	out[0] = (char)('0' + type % 10);
	links_squeeze(text, sizeof(text), out + 1, size - 1);
	links_clean(out);
}

/* The best designator of VPD page 83h, as text with its type in front. */
static bool read_designator(struct links *l, char *out, size_t size)
{
	uint8_t page[VPD_MAX];
	ssize_t n = links_read(l->disk, "device/vpd_pg83", page, sizeof(page));
	size_t end, at = VPD_HEADER, best = 0;
	int rank = 0;

	if (n < VPD_HEADER)
		return false;
	end = VPD_HEADER + (size_t)(page[2] << 8 | page[3]);
	end = end < (size_t)n ? end : (size_t)n;
	while (at + DESIGNATOR_HEADER < end && page[at + 3] &&
	       at + DESIGNATOR_HEADER + page[at + 3] <= end) {
		unsigned association = page[at + 1] >> 4 & 3;
		int r = rank_of(page[at + 1] & 0xf, page[at] & 0xf, page + at + DESIGNATOR_HEADER);

		if (association == OF_UNIT && r > rank) {
			rank = r;
			best = at;
		}
		at += DESIGNATOR_HEADER + (size_t)page[at + 3];
	}
	if (best)
		decode_designator(l, page + best, out, size);
	return best;
}

/* If page 83h is missing or useless: vendor, model and the serial number of page 80h. */
static bool read_serial(struct links *l, char *out, size_t size)
{
	uint8_t page[VPD_MAX];
	char vendor[32] = "", model[64] = "", text[TEXT_MAX];
	ssize_t n = links_read(l->disk, "device/vpd_pg80", page, sizeof(page));
	size_t len;

	if (n <= VPD_HEADER)
		return false;
	len = (size_t)(page[2] << 8 | page[3]);
	len = len < (size_t)n - VPD_HEADER ? len : (size_t)n - VPD_HEADER;
	links_attribute(l->disk, "device/vendor", vendor, sizeof(vendor));
	links_attribute(l->disk, "device/model", model, sizeof(model));
	snprintf(text, sizeof(text), "%-8.8s%-16.16s%.*s", vendor, model, (int)len,
		 (const char *)page + VPD_HEADER);
	snprintf(out, size, "S");
	links_squeeze(text, sizeof(text), out + 1, size - 1);
	links_clean(out);
	return true;
}

static void add_scsi(struct links *l)
{
	char id[TEXT_MAX];

	if (!read_designator(l, id, sizeof(id)) && !read_serial(l, id, sizeof(id)))
		return;
	links_add(l, "by-id/scsi-%s", id);
	if (id[0] == '0' + TYPE_NAA && strlen(id) > WWN_SHORT)
		links_add(l, "by-id/wwn-0x%s", id + 1);
}

/* ---- USB ---- */

/* Vendor and model as the disk reports them, the serial number as the USB device does. */
static void add_usb(struct links *l, const char *interface)
{
	char vendor[32], model[64], text[64], serial[TEXT_MAX] = "", device[PATH_MAX], scsi[PATH_MAX];
	unsigned target = 0, lun = 0;

	if (!links_resolve(l->disk, "device", scsi) ||
	    sscanf(strrchr(scsi, '/'), "/%*u:%*u:%u:%u", &target, &lun) != 2)
		return;
	links_attribute(l->disk, "device/vendor", text, sizeof(text));
	links_squeeze(text, sizeof(text), vendor, sizeof(vendor));
	links_attribute(l->disk, "device/model", text, sizeof(text));
	links_squeeze(text, sizeof(text), model, sizeof(model));
	if (links_resolve(interface, "..", device) &&
	    links_attribute(device, "serial", scsi, TEXT_MAX))
		links_squeeze(scsi, TEXT_MAX, serial, sizeof(serial));
	links_clean(vendor);
	links_clean(model);
	links_clean(serial);
	links_add(l, "by-id/usb-%s_%s%s%s-%u:%u", vendor, model, *serial ? "_" : "", serial, target,
		  lun);
}

/* The USB interface above the disk. False if it is on another bus. */
static bool find_usb(const struct links *l, char out[PATH_MAX])
{
	char *slash;

	snprintf(out, PATH_MAX, "%s", l->disk);
	while ((slash = strrchr(out, '/')) && (size_t)(slash - out) > strlen(l->sys)) {
		*slash = '\0';
		if (links_ends_with(out, "subsystem", "usb"))
			return true;
	}
	return false;
}

void links_by_id(struct links *l)
{
	char interface[PATH_MAX];

	if (str_starts(l->name, "nvme"))
		add_nvme(l);
	else if (str_starts(l->name, "vd"))
		add_serial(l, "virtio");
	else if (str_starts(l->name, "mmcblk"))
		add_mmc(l);
	else if (str_starts(l->name, "dm-"))
		add_software(l);
	else if (str_starts(l->name, "md"))
		links_by_array(l);
	else if (!str_starts(l->name, "sd") && !str_starts(l->name, "sr"))
		return;
	else if (find_usb(l, interface))
		add_usb(l, interface);
	else if (!add_ata(l))
		add_scsi(l);
}
