/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whether a device that is opened is the one that was looked at before. A file takes the place of
 * the device, with the number 0:0; the sequence number that the kernel has of it is made up.
 */

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "init/core/identity.h"
#include "support.h"

static uint64_t sequence; /* that the kernel has; 0: none */

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *out;

	va_start(ap, request);
	out = va_arg(ap, void *);
	va_end(ap);
	if (request != BLKGETDISKSEQ)
		return __real_ioctl(fd, request, out);
	if (!sequence) {
		errno = ENOTTY;
		return -1;
	}
	memcpy(out, &sequence, sizeof(sequence));
	return 0;
}

static bool fails;  /* libblkid, */
static int failure; /* with that in errno */

int __real_blkid_do_probe(blkid_probe pr);
int __wrap_blkid_do_probe(blkid_probe pr);
int __wrap_blkid_do_probe(blkid_probe pr)
{
	if (!fails)
		return __real_blkid_do_probe(pr);
	errno = failure;
	return -1;
}

/* An ext2 filesystem, as far as libblkid looks at it, whose UUID is sixteen times FILL. */
static int make_disk(uint8_t fill)
{
	static uint8_t data[128 * 1024];
	uint8_t *super = data + 1024;
	char path[] = "/tmp/preroot-test-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	memset(data, 0, sizeof(data));
	super[0] = 16;	  /* inodes */
	super[4] = 128;	  /* blocks */
	super[20] = 1;	  /* the first one */
	super[56] = 0x53; /* magic */
	super[57] = 0xef;
	super[58] = 1;	 /* clean */
	super[76] = 1;	 /* revision with a UUID */
	super[88] = 128; /* size of an inode */
	memset(super + 104, fill, 16);
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	return fd;
}

static void the_number_and_the_sequence_of_its_disk_tell_a_device(void **state)
{
	struct device_identity wanted = {.sequence = 7, .type = "ext2", .uuid = "x"};
	int fd = make_disk(0x11);

	(void)state;
	sequence = 7;
	assert_int_equal(identity_sequence(fd), 7);
	assert_int_equal(identity_check(fd, &wanted), 0); /* its content is not read again */
	sequence = 8;
	assert_int_equal(identity_check(fd, &wanted), -ESTALE);
	sequence = 0;
	assert_int_equal(identity_check(fd, &wanted), -ESTALE);
	sequence = 7;
	wanted.minor = 2;
	assert_int_equal(identity_check(fd, &wanted), -ESTALE);
	close(fd);
}

static void without_a_sequence_its_filesystem_does(void **state)
{
	struct device_identity wanted = {.type = "ext2",
					 .uuid = "11111111-1111-1111-1111-111111111111"};
	int fd = make_disk(0x11), other = make_disk(0x22);

	(void)state;
	sequence = 0;
	assert_int_equal(identity_check(fd, &wanted), 0);
	assert_int_equal(identity_check(other, &wanted), -ESTALE);
	strcpy(wanted.type, "xfs");
	assert_int_equal(identity_check(fd, &wanted), -ESTALE);
	wanted.type[0] = '\0'; /* nothing is known of what is on it */
	assert_int_equal(identity_check(other, &wanted), 0);
	wanted.minor = 3;
	assert_int_equal(identity_check(fd, &wanted), -ESTALE);
	close(fd);
	close(other);
}

static void a_damaged_filesystem_is_another_one(void **state)
{
	struct device_identity wanted = {.type = "ext2", .uuid = "x"};
	int fd = make_disk(0x11);

	(void)state;
	sequence = 0;
	fails = true;
	assert_int_equal(identity_check(fd, &wanted), -ESTALE);
	failure = ENOMEDIUM; /* it could not be read */
	assert_int_equal(identity_check(fd, &wanted), -ENOMEDIUM);
	fails = false;
	close(fd);
}

static void a_device_that_is_not_there_is_another_one(void **state)
{
	struct device_identity wanted = {0};

	(void)state;
	assert_int_equal(identity_open("no-such-device", &wanted), -ESTALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_and_the_sequence_of_its_disk_tell_a_device),
		cmocka_unit_test(without_a_sequence_its_filesystem_does),
		cmocka_unit_test(a_damaged_filesystem_is_another_one),
		cmocka_unit_test(a_device_that_is_not_there_is_another_one),
	};

	return RUN_TESTS(tests);
}
