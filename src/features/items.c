/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "features/items.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

enum { TREE_DEPTH_MAX = 64, MATCHES_MAX = 10000, FOLDERS_MAX = 10000 };

const char items_folders[] = "/usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin";

/* 1 if it exists, 0 if not, -errno. */
static int stat_item(const struct root *root, const char *path, struct stat *st, struct err *err)
{
	int r = root_stat(root, path, st);

	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return 0;
	return r < 0 ? err_sys(err, r, "%s%s", root_prefix(root), path) : 1;
}

int items_locate(const struct root *root, const char *word, struct arena *arena, const char **out,
		 struct err *err)
{
	static const char *const folders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					      "/usr/bin", "/sbin", "/bin"};
	struct stat st;
	int r = 0;

	*out = word;
	if (*word == '/')
		return stat_item(root, word, &st, err);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && *word && !strchr(word, '/') && r == 0; i++) {
		*out = arena_printf(arena, "%s/%s", folders[i], word);
		r = stat_item(root, *out, &st, err);
		if (r > 0 && (!S_ISREG(st.st_mode) || !(st.st_mode & 0111)))
			r = 0;
	}
	return r;
}

int items_find(struct build *b, const char *word, const char **out, struct err *err)
{
	return items_locate(b->root, word, &b->plan.arena, out, err);
}

struct matches {
	const struct root *root;
	struct arena *arena;
	const char *word;
	const char **list;
	size_t n, folders; /* FOLDERS: that were read */
};

/* Adds what REST, which begins with a slash, matches below FOLDER. */
static int match_below(struct matches *m, const char *folder, const char *rest, struct err *err)
{
	size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/");
	const char *part = arena_strndup(m->arena, rest + skip, len), *more = rest + skip + len;
	char **names = NULL;
	struct stat st;
	int n = root_listdir(m->root, *folder ? folder : "/", m->arena, &names), r = 0;

	if (n < 0 && n != -ENOENT && n != -ENOTDIR && n != -ELOOP)
		return err_sys(err, n, "%s: %s", m->word, folder);
	if (++m->folders > FOLDERS_MAX)
		return err_set(err, -E2BIG, "%s: over %d folders would have to be read", m->word,
			       FOLDERS_MAX);
	for (int i = 0; i < n && r == 0; i++) {
		const char *path = arena_printf(m->arena, "%s/%s", folder, names[i]);

		if ((names[i][0] == '.' && part[0] != '.') || !text_matches(part, names[i]))
			continue;
		if (more[strspn(more, "/")]) {
			r = match_below(m, path, more, err);
		} else if (root_stat(m->root, path, &st) == 0) {
			if (m->n == MATCHES_MAX)
				return err_set(err, -E2BIG, "%s stands for over %d files", m->word,
					       MATCHES_MAX);
			m->list = arena_grow(m->arena, m->list, m->n, sizeof(*m->list));
			m->list[m->n++] = path;
		}
	}
	return r;
}

int items_match(const struct root *root, const char *word, struct arena *arena,
		const char ***out, struct err *err)
{
	struct matches m = {.root = root, .arena = arena, .word = word};
	int r = 0;

	if (*word == '/' && word[strcspn(word, "*?[")] && word[strspn(word, "/")] &&
	    strlen(word) < PATH_MAX)
		r = match_below(&m, "", word, err);
	*out = m.list;
	return r < 0 ? r : (int)m.n;
}

int items_refuse(const struct root *root, const char *word, const char *origin, struct err *err)
{
	err_set(err, -ENOENT, "there is no %s%s (asked for with %s)",
		*word == '/' ? root_prefix(root) : "", word, origin);
	return *word == '/' ? err_hint(err, "what may be missing belongs to "
					    "install_optional_items")
			    : err_hint(err, "a program is looked for in %s%s%s", items_folders,
				       root->is_host ? "" : " below ", root_prefix(root));
}

static int add_path(struct build *b, const char *path, const char *reason, int depth,
		    struct err *err);

static int add_tree(struct build *b, const char *path, unsigned mode, const char *reason, int depth,
		    struct err *err)
{
	struct arena *a = &b->plan.arena;
	char **names;
	int r = *path ? plan_add_dir(&b->plan, path, mode, reason, err) : 0;
	int n = r < 0 ? r : root_listdir(b->root, path, a, &names);

	if (r == 0 && n < 0)
		return err_sys(err, n, "/%s", path);
	for (int i = 0; i < n && r == 0; i++)
		r = add_path(b, arena_printf(a, "%s/%s", path, names[i]), reason, depth + 1, err);
	return r;
}

/* PATH has no leading slash and is free of links. Links inside a folder stay links. */
static int add_path(struct build *b, const char *path, const char *reason, int depth,
		    struct err *err)
{
	struct stat st;
	int r = root_lstat(b->root, path, &st);

	if (r < 0)
		return err_sys(err, r, "/%s", path);
	if (depth == TREE_DEPTH_MAX)
		return err_set(err, -ELOOP, "/%s: folders are nested too deeply", path);
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return binaries_add(b->binaries, path, reason, err);
	case S_IFLNK:
		return plan_add_link(&b->plan, path,
				     root_readlink(b->root, path, &b->plan.arena), reason, err);
	case S_IFDIR:
		return add_tree(b, path, st.st_mode & 01777, reason, depth, err);
	default:
		return err_set(err, -EINVAL,
			       "/%s is no file, folder or link: an image cannot hold it", path);
	}
}

/* A folder behind links is packed with a single link that leads to it directly. */
static int add_folder(struct build *b, const char *path, const char *reason, struct err *err)
{
	struct arena *a = &b->plan.arena;
	const char *real = root_resolve(b->root, path, a), *bare = path + strspn(path, "/");
	size_t len = strlen(bare);
	int r;

	if (!real || !*real)
		return err_set(err, -EINVAL, "%s: the whole root cannot be put into an image", path);
	while (len && bare[len - 1] == '/')
		len--;
	bare = arena_strndup(a, bare, len);
	r = add_path(b, real, reason, 0, err);
	if (r < 0 || strcmp(bare, real) == 0 || !path_is_clean(bare) ||
	    (str_starts(real, "usr/") && strcmp(bare, real + strlen("usr/")) == 0))
		return r;
	return plan_add_link(&b->plan, bare, arena_printf(a, "/%s", real), reason, err);
}

int items_add(struct build *b, const char *path, const char *reason, struct err *err)
{
	struct stat st;
	int r = root_stat(b->root, path, &st);

	if (r < 0)
		return err_sys(err, r, "%s", path);
	if (S_ISDIR(st.st_mode))
		return add_folder(b, path, reason, err);
	return binaries_add(b->binaries, path, reason, err);
}
