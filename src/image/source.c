/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/source.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"

enum { SOURCE_SIZE_MAX = 1024 * 1024 * 1024 };

int source_open(const struct root *root, const struct plan_entry *e, struct source *out,
		struct err *err)
{
	struct source s = {.path = e->source,
			   .slash = e->outside || e->source[0] == '/' ? "" : "/"};

	s.fd = e->outside ? open(e->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
			  : root_openat(root, e->source, O_RDONLY | O_NONBLOCK);
	if (s.fd < 0) {
		err_sys(err, e->outside ? -errno : s.fd, "%s%s", s.slash, s.path);
		return err_hint(err, "it was there when the plan was made: nothing was changed; start "
				     "again when nobody installs or removes packages");
	}
	if (fstat(s.fd, &s.st) < 0 || !S_ISREG(s.st.st_mode)) {
		close_fd(s.fd);
		return err_set(err, -EINVAL, "%s%s is no regular file any more", s.slash, s.path);
	}
	*out = s;
	return 0;
}

static bool is_as_it_was(const struct source *s, const struct stat *now)
{
	return now->st_nlink && now->st_size == s->st.st_size &&
	       now->st_mtim.tv_sec == s->st.st_mtim.tv_sec &&
	       now->st_mtim.tv_nsec == s->st.st_mtim.tv_nsec;
}

int source_read(const struct source *s, struct buf *out, struct err *err)
{
	struct stat now;
	int r;

	if (buf_reserve(out, (size_t)s->st.st_size + 1) < 0)
		return err_set(err, -ENOMEM, "%s%s: no memory left", s->slash, s->path);
	r = read_all(s->fd, SOURCE_SIZE_MAX, out);
	if (r >= 0 && fstat(s->fd, &now) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(err, r, "%s%s", s->slash, s->path);
	if (is_as_it_was(s, &now))
		return 0;
	err_set(err, -ESTALE, "%s%s changed while it was read", s->slash, s->path);
	return err_hint(err, "build again when whatever writes to it, an upgrade perhaps, is done");
}
