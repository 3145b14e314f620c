/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/menu/grubcfg.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/text.h"

enum token { TOKEN_WORD, TOKEN_NEXT, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_END };

enum block { BLOCK_OTHER, BLOCK_ENTRY, BLOCK_SUBMENU };

enum {
	WORD_MAX = 64 * 1024,
	WORDS_TOTAL = 2 * GRUBCFG_SIZE_MAX, /* bytes: variables could grow them without limit */
};

struct word {
	const char *text;
	const char *unknown; /* the first variable whose value is not known */
	struct grubcfg_span span;
};

/* A menu, or a submenu. */
struct level {
	const char *number; /* of the submenu, followed by ">"; "" for the menu */
	unsigned n;	    /* entries and submenus in it */
};

struct reader {
	const char *text;
	size_t len, at;
	unsigned line;
	struct arena *arena;
	struct grubcfg out;
	struct grubcfg_variable *variables;
	size_t n_variables;
	size_t total;	    /* bytes of all words */
	struct word *words; /* of the current command */
	size_t n_words;
	size_t from;	    /* the first word that is not then, else, do, ... */
	unsigned word_line; /* of the first word */
	enum block blocks[GRUBCFG_DEPTH_MAX];
	unsigned depth, entry_depth;
	struct grubcfg_entry *entry; /* whose block we are in; NULL */
	struct level levels[GRUBCFG_DEPTH_MAX + 1];
	unsigned level; /* 0: the menu itself */
	bool clears_next;
};

/* ---- words ---- */

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int peek(const struct reader *r)
{
	return r->at < r->len ? (unsigned char)r->text[r->at] : -1;
}

static int take(struct reader *r)
{
	int c = peek(r);

	if (c == '\n')
		r->line++;
	if (c >= 0)
		r->at++;
	return c;
}

static struct grubcfg_variable *find_variable(const struct reader *r, const char *name, size_t len)
{
	for (size_t i = 0; i < r->n_variables; i++)
		if (strlen(r->variables[i].name) == len &&
		    memcmp(r->variables[i].name, name, len) == 0)
			return &r->variables[i];
	return NULL;
}

/* A variable; the "$" has been read. */
static void take_variable(struct reader *r, struct buf *out, struct word *word)
{
	size_t begin = r->at, from = begin, to;
	const struct grubcfg_variable *v;

	if (peek(r) == '{') {
		from++;
		for (to = from; to < r->len && is_name(r->text[to]); to++)
			;
		if (to == r->len || r->text[to] != '}') {
			buf_add(out, "$", 1);
			return;
		}
		r->at = to + 1;
	} else {
		for (to = from; to < r->len && is_name(r->text[to]); to++)
			;
		if (to == from && to < r->len && strchr("?*@#", r->text[to]))
			to++;
		r->at = to;
	}
	if (to == from) { /* $"..." is translatable text */
		if (peek(r) != '"')
			buf_add(out, "$", 1);
		return;
	}
	v = find_variable(r, r->text + from, to - from);
	if (v && v->value) {
		buf_add_str(out, v->value);
		return;
	}
	if (!word->unknown)
		word->unknown = arena_strndup(r->arena, r->text + from, to - from);
	buf_add(out, "$", 1);
	buf_add(out, r->text + begin, r->at - begin);
}

static int open_quote(unsigned line, struct err *err)
{
	return err_set(err, -EBADMSG, "line %u: a quote that is not closed", line);
}

static int take_single(struct reader *r, struct buf *out, struct err *err)
{
	unsigned line = r->line;
	int c;

	for (;;) {
		c = take(r);
		if (c < 0)
			return open_quote(line, err);
		if (c == '\'')
			return 0;
		buf_add(out, &(char){(char)c}, 1);
	}
}

static int take_double(struct reader *r, struct buf *out, struct word *word, struct err *err)
{
	unsigned line = r->line;
	int c;

	for (;;) {
		c = out->len <= WORD_MAX ? take(r) : '"';
		if (c < 0)
			return open_quote(line, err);
		if (c == '"')
			return 0;
		if (c == '$') {
			take_variable(r, out, word);
			continue;
		}
		if (c == '\\' && peek(r) == '\n') {
			take(r);
			continue;
		}
		if (c == '\\' && peek(r) > 0 && strchr("$\"\\", peek(r)))
			c = take(r);
		buf_add(out, &(char){(char)c}, 1);
	}
}

static int take_word(struct reader *r, struct word *word, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct word w = {.span.begin = r->at};
	int c, e = 0;

	while (e == 0 && out.len <= WORD_MAX && (c = peek(r)) >= 0 && !strchr(" \t\r\n;|&{}", c)) {
		take(r);
		if (c == '\'') {
			e = take_single(r, &out, err);
		} else if (c == '"') {
			e = take_double(r, &out, &w, err);
		} else if (c == '$') {
			take_variable(r, &out, &w);
		} else if (c == '\\' && peek(r) == '\n') {
			take(r);
		} else {
			if (c == '\\' && peek(r) >= 0)
				c = take(r);
			buf_add(&out, &(char){(char)c}, 1);
		}
	}
	if (e < 0)
		return e;
	if (buf_status(&out) < 0)
		return err_set(err, -ENOMEM, "no memory left");
	r->total += out.len;
	if (out.len > WORD_MAX || r->total > WORDS_TOTAL)
		return err_set(err, -E2BIG, "line %u: variables grow without end", r->line);
	w.text = arena_strdup(r->arena, buf_cstr(&out));
	w.span.end = r->at;
	*word = w;
	return TOKEN_WORD;
}

static void skip_blanks(struct reader *r)
{
	for (;;) {
		int c = peek(r);

		if (c == ' ' || c == '\t' || c == '\r')
			take(r);
		else if (c == '\\' && r->at + 1 < r->len && r->text[r->at + 1] == '\n')
			take(r), take(r);
		else
			return;
	}
}

/* A token, or -errno. */
static int next_token(struct reader *r, struct word *word, struct err *err)
{
	skip_blanks(r);
	if (peek(r) == '#')
		while (peek(r) >= 0 && peek(r) != '\n')
			take(r);
	switch (peek(r)) {
	case -1:
		return TOKEN_END;
	case '\n':
	case ';':
	case '|':
	case '&':
		take(r);
		return TOKEN_NEXT;
	case '{':
		take(r);
		return TOKEN_OPEN;
	case '}':
		take(r);
		return TOKEN_CLOSE;
	default:
		return take_word(r, word, err);
	}
}

const char *grubcfg_quote(const char *word, struct arena *arena)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (*word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789/._-+=:@,%()")])
		return arena_strdup(arena, word);
	buf_add(&out, "'", 1);
	for (; *word; word++)
		if (*word == '\'')
			buf_add_str(&out, "'\\''");
		else
			buf_add(&out, word, 1);
	buf_add(&out, "'", 1);
	return arena_strdup(arena, buf_cstr(&out));
}

/* ---- commands ---- */

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(s, *list) == 0)
			return true;
	return false;
}

/* Index of the first word after those that may precede a command. */
static size_t first_word(const struct reader *r)
{
	static const char *const leading[] = {"if",    "then",	"elif", "else",
					      "while", "until", "do",	NULL};
	size_t i = 0;

	while (i < r->n_words && is_one_of(r->words[i].text, leading))
		i++;
	return i;
}

static int take_set(struct reader *r, const struct word *w, struct err *err)
{
	const char *equals = strchr(w->text, '=');
	size_t len = equals ? (size_t)(equals - w->text) : 0;
	struct grubcfg_variable *v;

	if (!len)
		return 0;
	if (!r->entry && len == strlen("default") && str_starts(w->text, "default") &&
	    !(w->unknown && strcmp(w->unknown, "next_entry") == 0))
		r->out.preferred = equals + 1;
	v = find_variable(r, w->text, len);
	if (v) {
		if (v->value && (w->unknown || strcmp(v->value, equals + 1) != 0))
			v->value = NULL;
		return 0;
	}
	if (r->n_variables == GRUBCFG_VARIABLES_MAX)
		return err_set(err, -E2BIG, "line %u: more than %d variables", r->line,
			       GRUBCFG_VARIABLES_MAX);
	r->variables = arena_grow(r->arena, r->variables, r->n_variables, sizeof(*r->variables));
	r->variables[r->n_variables++] = (struct grubcfg_variable){
		arena_strndup(r->arena, w->text, len), w->unknown ? NULL : equals + 1};
	return 0;
}

/* A word with blanks must be in quotes for the kernel, which is how GRUB passes it on. */
static const char *join(struct reader *r, size_t from)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = from; i < r->n_words; i++) {
		const char *text = r->words[i].text;
		bool has_blank = strpbrk(text, " \t\n") && !strchr(text, '"');

		buf_printf(&out, has_blank ? "%s\"%s\"" : "%s%s", i > from ? " " : "", text);
	}
	return arena_strdup(r->arena, buf_cstr(&out));
}

static void note_unknown(struct grubcfg_entry *e, const struct word *w)
{
	if (w->unknown && !e->unknown)
		e->unknown = w->unknown;
}

static void take_linux(struct reader *r)
{
	struct grubcfg_entry *e = r->entry;
	const struct word *path = &r->words[r->from + 1];

	if (e->kernel) {
		e->is_plain = false;
		return;
	}
	e->kernel = path->text;
	e->options = join(r, r->from + 2);
	e->load = (struct grubcfg_span){r->words[r->from].span.begin,
					r->words[r->n_words - 1].span.end};
	note_unknown(e, path);
}

static void take_initrd(struct reader *r)
{
	struct grubcfg_entry *e = r->entry;

	if (e->n_initrds) {
		e->is_plain = false;
		return;
	}
	for (size_t i = r->from + 1; i < r->n_words; i++) {
		e->initrds = arena_grow(r->arena, e->initrds, e->n_initrds, sizeof(*e->initrds));
		e->initrds[e->n_initrds++] =
			(struct grubcfg_path){r->words[i].text, r->words[i].span};
		note_unknown(e, &r->words[i]);
	}
}

static void take_source(struct reader *r)
{
	const struct word *path = &r->words[r->from + 1];

	r->out.sources =
		arena_grow(r->arena, r->out.sources, r->out.n_sources, sizeof(*r->out.sources));
	r->out.sources[r->out.n_sources++] = (struct grubcfg_source){
		.path = path->text,
		.unknown = path->unknown,
		.before = r->out.n,
		.line = r->word_line,
	};
}

static void take_in_entry(struct reader *r, const char *name, bool has_path)
{
	static const char *const kernels[] = {"linux", "linux16", "linuxefi", NULL};
	static const char *const initrds[] = {"initrd", "initrd16", "initrdefi", NULL};

	if (has_path && is_one_of(name, kernels))
		take_linux(r);
	else if (has_path && is_one_of(name, initrds))
		take_initrd(r);
	else if (strcmp(name, "savedefault") == 0)
		r->entry->save = r->words[r->from].span;
}

/* Executes the command whose words were read. */
static int take_command(struct reader *r, struct err *err)
{
	bool has_argument;
	const char *name;

	r->from = first_word(r);
	if (r->from == r->n_words)
		return 0;
	name = r->words[r->from].text;
	has_argument = r->n_words > r->from + 1;
	if (r->entry)
		take_in_entry(r, name, has_argument);
	else if (has_argument &&
		 is_one_of(name, (const char *const[]){"source", ".", "configfile", NULL}))
		take_source(r);
	if (strcmp(name, "blscfg") == 0)
		r->out.has_blscfg = true;
	if (has_argument && strcmp(name, "save_env") == 0)
		for (size_t i = r->from + 1; i < r->n_words; i++)
			r->clears_next |= strcmp(r->words[i].text, "next_entry") == 0;
	return has_argument && strcmp(name, "set") == 0 ? take_set(r, &r->words[r->from + 1], err)
							: 0;
}

/* ---- blocks ---- */

/* The words between "menuentry" and "{". The title is the first that belongs to no option. */
static void take_arguments(struct reader *r, struct grubcfg_entry *e)
{
	static const char *const with_value[] = {"--class", "--users", "--hotkey", "--source",
						 NULL};
	/* The variable that grub-mkconfig writes, for a GRUB that might not know --id. */
	static const char *const id_options[] = {"--id", "$menuentry_id_option",
						 "${menuentry_id_option}", NULL};
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = r->from + 1; i < r->n_words; i++) {
		const struct word *w = &r->words[i];
		bool has_next = i + 1 < r->n_words;
		size_t last = i;

		if (has_next && is_one_of(w->text, id_options)) {
			e->id = r->words[++i].text;
			continue;
		}
		if (str_starts(w->text, "--id=")) {
			e->id = w->text + strlen("--id=");
			continue;
		}
		if (has_next && is_one_of(w->text, with_value))
			last = ++i;
		else if (!e->title && !str_starts(w->text, "--")) {
			e->title = w->text;
			continue;
		}
		buf_printf(&out, "%s%.*s", out.len ? " " : "",
			   (int)(r->words[last].span.end - w->span.begin), r->text + w->span.begin);
	}
	e->arguments = arena_strdup(r->arena, buf_cstr(&out));
	if (!e->title)
		e->title = "";
}

static const char *next_number(struct reader *r, const char *behind)
{
	struct level *level = &r->levels[r->level];

	return arena_printf(r->arena, "%s%u%s", level->number, level->n++, behind);
}

static void open_submenu(struct reader *r)
{
	const char *number = next_number(r, ">");

	r->levels[++r->level] = (struct level){.number = number};
}

static int open_block(struct reader *r, struct err *err)
{
	enum block kind = BLOCK_OTHER;
	const char *name;

	if (r->depth == GRUBCFG_DEPTH_MAX)
		return err_set(err, -E2BIG, "line %u: more than %d blocks in one another", r->line,
			       GRUBCFG_DEPTH_MAX);
	r->from = first_word(r);
	name = r->from < r->n_words ? r->words[r->from].text : "";
	if (!r->entry && strcmp(name, "menuentry") == 0) {
		if (r->out.n == GRUBCFG_ENTRIES_MAX)
			return err_set(err, -E2BIG, "line %u: more than %d entries", r->line,
				       GRUBCFG_ENTRIES_MAX);
		kind = BLOCK_ENTRY;
		r->out.entries =
			arena_grow(r->arena, r->out.entries, r->out.n, sizeof(*r->out.entries));
		r->entry = &r->out.entries[r->out.n++];
		*r->entry = (struct grubcfg_entry){
			.options = "",
			.is_plain = true,
			.body.begin = r->at,
			.number = next_number(r, ""),
			.line = r->word_line,
		};
		take_arguments(r, r->entry);
	} else if (!r->entry && strcmp(name, "submenu") == 0) {
		kind = BLOCK_SUBMENU;
		open_submenu(r);
	}
	r->blocks[r->depth++] = kind;
	return 0;
}

static int close_block(struct reader *r, struct err *err)
{
	if (!r->depth)
		return err_set(err, -EBADMSG, "line %u: a \"}\" without a \"{\"", r->line);
	switch (r->blocks[--r->depth]) {
	case BLOCK_ENTRY:
		r->entry->body.end = r->at - 1;
		r->entry = NULL;
		break;
	case BLOCK_SUBMENU:
		r->level--;
		break;
	case BLOCK_OTHER:
		break;
	}
	return 0;
}

/* Reads words up to the end of a command, then applies it. Returns the token, or -errno. */
static int read_command(struct reader *r, struct err *err)
{
	struct word word;
	int token, e = 0;

	r->n_words = 0;
	while ((token = next_token(r, &word, err)) == TOKEN_WORD) {
		if (r->n_words == GRUBCFG_WORDS_MAX)
			return err_set(err, -E2BIG, "line %u: a command of more than %d words",
				       r->line, GRUBCFG_WORDS_MAX);
		if (!r->n_words)
			r->word_line = r->line;
		r->words[r->n_words++] = word;
	}
	if (token < 0)
		return token;
	if (token == TOKEN_OPEN)
		return (e = open_block(r, err)) < 0 ? e : token;
	e = take_command(r, err);
	if (e == 0 && token == TOKEN_CLOSE)
		e = close_block(r, err);
	return e < 0 ? e : token;
}

static void copy_known(struct reader *r, const struct grubcfg_variable *known)
{
	for (; known && known->name; known++) {
		r->variables =
			arena_grow(r->arena, r->variables, r->n_variables, sizeof(*r->variables));
		r->variables[r->n_variables++] = *known;
	}
}

int grubcfg_decode(const char *text, size_t len, const struct grubcfg_variable *known,
		   struct arena *arena, struct grubcfg *out, struct err *err)
{
	struct reader r = {.text = text, .len = len, .line = 1, .arena = arena};
	int token;

	if (len > GRUBCFG_SIZE_MAX)
		return err_set(err, -E2BIG, "more than %d bytes", GRUBCFG_SIZE_MAX);
	if (memchr(text, '\0', len))
		return err_set(err, -EBADMSG, "a byte 0, which is no text");
	r.words = arena_alloc(arena, GRUBCFG_WORDS_MAX * sizeof(*r.words));
	r.levels[0].number = "";
	copy_known(&r, known);
	while ((token = read_command(&r, err)) != TOKEN_END)
		if (token < 0)
			return token;
	if (r.depth)
		return err_set(err, -EBADMSG, "line %u: the file ends within a block", r.line);
	r.out.keeps_next = r.clears_next && memmem(text, len, "next_entry}", 11);
	*out = r.out;
	return 0;
}
