/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "audit/kit.h"
#include "format/kernel/bzimage.h"

/* Kernels and their module trees: is each complete, and do they match? */

static const char again[] = "install the kernel's package again";

static void check_running(struct audit *a, const struct audit_kernel *k)
{
	if (k->modules_dir)
		return;
	audit_add(a, AUDIT_ERROR, "running-kernel-without-modules", k,
		  arena_printf(a->arena,
			       "kernel %s is running, but has no module tree: what is not "
			       "loaded yet cannot be loaded any more",
			       k->version),
		  "boot a kernel that is installed, or install this one's package again");
}

static void check_halves(struct audit *a, struct audit_kernel *k)
{
	if (k->is_running)
		check_running(a, k);
	/* A monolithic kernel has no module tree. */
	if (k->image && !k->modules_dir && !(k->config.len && !audit_has(k, "CONFIG_MODULES"))) {
		audit_add(a, AUDIT_ERROR, "kernel-without-modules", k,
			  arena_printf(a->arena,
				       "/%s has no module tree /lib/modules/%s: no image "
				       "can be made for it",
				       k->image, k->version),
			  again);
		k->is_broken = true;
	}
	if (k->modules_dir && !k->image && (a->has_boot || root_exists(a->root, "boot"))) {
		audit_add(a, AUDIT_WARNING, "modules-without-kernel", k,
			  arena_printf(a->arena,
				       "/%s belongs to no kernel: there is no "
				       "/boot/vmlinuz-%s and no other image of it",
				       k->modules_dir, k->version),
			  "remove that folder if the kernel was removed; else install its package "
			  "again");
		k->is_broken = true;
	}
}

/* Compares the version in the kernel's header with its file name. */
static void check_version(struct audit *a, struct audit_kernel *k)
{
	_cleanup_fd_ int fd = root_openat(a->root, k->image, O_RDONLY | O_NONBLOCK);
	_cleanup_free_ uint8_t *head = xrealloc(NULL, BZIMAGE_HEAD, 1);
	struct err err = {0};
	struct bzimage image;
	ssize_t n = fd < 0 ? fd : read_full(fd, head, BZIMAGE_HEAD);

	if (n < 0)
		err_sys(&err, (int)n, "/%s", k->image);
	else if (bzimage_decode(head, (size_t)n, &image, &err) < 0)
		err_prefix(&err, "/%s is not a bootable kernel", k->image);
	if (n == -EACCES || n == -EPERM) {
		audit_add(a, AUDIT_NOTE, "kernel-unreadable", k, err.text, "run the audit as root");
	} else if (err.code) {
		audit_add(a, AUDIT_ERROR, "kernel-unreadable", k, err.text, again);
	} else if (strcmp(image.version, k->version) != 0) {
		audit_add(
			a, AUDIT_ERROR, "kernel-version-mismatch", k,
			arena_printf(a->arena,
				     "/%s says that it is version %s: it finds none of "
				     "the modules of %s",
				     k->image, image.version, k->version),
			"install the kernel's package again; kernel and modules must come from one "
			"build");
	} else {
		return;
	}
	k->is_broken = true;
}

void audit_kernels(struct audit *a)
{
	bool has_any = false;

	for (size_t i = 0; i < a->n_kernels; i++)
		has_any |= a->kernels[i].image || a->kernels[i].modules_dir;
	if (a->not_running)
		audit_add(a, AUDIT_NOTE, "running-kernel-elsewhere", NULL,
			  arena_printf(a->arena,
				       "in %s, the running kernel belongs to another system and is "
				       "not checked",
				       a->not_running),
			  NULL);
	if (!has_any)
		audit_add(a, AUDIT_ERROR, "no-kernel", NULL,
			  arena_printf(a->arena,
				       "there is no kernel below %s/: neither in /boot nor "
				       "in /lib/modules",
				       root_prefix(a->root)),
			  "install a kernel package");
	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));) {
		check_halves(a, k);
		if (k->image)
			check_version(a, k);
		if (k->image && k->modules_dir && !k->config.len)
			audit_add(a, AUDIT_NOTE, "kernel-config-unknown", k,
				  arena_printf(a->arena,
					       "there is no configuration of kernel %s: "
					       "what it can unpack is not known",
					       k->version),
				  NULL);
	}
}

void audit_headers(struct audit *a)
{
	char **names;
	bool has_dkms = root_listdir(a->root, "var/lib/dkms", a->arena, &names) > 0;

	for (struct audit_kernel *k = NULL; (k = audit_next(a, k));) {
		if (!k->modules_dir || !k->image ||
		    root_exists(a->root,
				arena_printf(a->arena, "%s/build/Makefile", k->modules_dir)))
			continue;
		audit_add(a, has_dkms ? AUDIT_WARNING : AUDIT_NOTE, "headers-missing", k,
			  arena_printf(a->arena, "/%s/build leads to no headers: %s",
				       k->modules_dir,
				       has_dkms ? "the modules in /var/lib/dkms cannot be compiled "
						  "for this kernel"
						: "they are needed only to compile modules"),
			  has_dkms ? "install the headers of this kernel" : NULL);
	}
}
