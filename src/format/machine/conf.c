/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/machine/conf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/quote.h"
#include "base/text.h"
#include "format/machine/conf_kit.h"

struct place {
	unsigned line, column;
};

struct parser {
	const char *p, *end;
	struct place at;
	const struct conf_source *source;
	struct conf *read; /* the assignments before this one */
	const char *key;   /* whose value is being read; NULL */
	const char *begin; /* of the assignment */
	const char *value; /* of the assignment: behind "=" */
	struct place span; /* the first of the quotes that end in a later line, the last one in */
	unsigned span_end; /* this line: what follows in it may be wrong since a quote was not closed */
	size_t *used;      /* places in READ that values refer to: marked once all is read */
	size_t n_used;
	struct arena *arena;
	struct err *err;
};

static int __attribute__((format(printf, 3, 4))) bad(const struct parser *s, struct place at,
						     const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (at.line == s->span_end) {
		err_set(s->err, -EBADMSG, "%s:%u:%u: the quote that begins here is closed only in line %u, "
			"and what follows there is wrong: %s", s->source->file, s->span.line,
			s->span.column, at.line, text);
		return err_hint(s->err, "close each quote where the value ends");
	}
	err_set(s->err, -EBADMSG, "%s:%u:%u: %s", s->source->file, at.line, at.column, text);
	return err_hint(s->err, "only assignments are read (key=value, key+=value): this is not run "
				"as shell");
}

/* The form of the assignment that would be read. VALUE: with its quotes. */
static int write_instead(const struct parser *s, const char *value)
{
	if (s->at.line == s->span_end)
		return s->err->code;
	return err_hint(s->err, "nothing is run as shell; write instead: %.*s%s",
			(int)(s->value - s->begin), s->begin, value);
}

/* ---- characters ---- */

/* '\0' at the end: the text itself holds none. */
static char peek(const struct parser *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static char take(struct parser *s)
{
	char c = *s->p++;

	if (c == '\n') {
		s->at.line++;
		s->at.column = 1;
	} else {
		s->at.column++;
	}
	return c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_name(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static void skip_blanks(struct parser *s)
{
	while (is_blank(peek(s)))
		take(s);
}

static void skip_comment(struct parser *s)
{
	while (peek(s) && peek(s) != '\n')
		take(s);
}

static int refuse_return(const struct parser *s, struct place at)
{
	const char *path = s->source->path ? s->source->path : s->source->file;

	bad(s, at, "a carriage return: the lines must end as on Unix");
	return err_hint(s->err, CONF_RETURN_HINT, quote_word(path, s->arena));
}

/* Once for the whole text, so that no code below has to care about such bytes. */
static int check_bytes(struct parser *s)
{
	struct parser copy = *s;

	if (s->end - s->p >= 3 && memcmp(s->p, "\xef\xbb\xbf", 3) == 0)
		return bad(s, s->at, "the file begins with a byte order mark: save it without");
	while (copy.p < copy.end) {
		struct place at = copy.at;
		unsigned char c = (unsigned char)take(&copy);

		if (c == '\r')
			return refuse_return(s, at);
		if ((c < ' ' && c != '\t' && c != '\n') || c == 127)
			return bad(s, at, "byte %u is no text", c);
	}
	return 0;
}

/* ---- parts of a value ---- */

static int take_name(struct parser *s, struct buf *out)
{
	while (is_name(peek(s), out->len == 0))
		buf_add(out, (char[]){take(s)}, 1);
	return buf_status(out);
}

static void note_use(struct parser *s, const struct conf_assignment *a)
{
	s->used = arena_grow(s->arena, s->used, s->n_used, sizeof(*s->used));
	s->used[s->n_used++] = (size_t)(a - s->read->list);
}

/* Joined as bash does it: without a blank between. */
static bool expand_assigned(struct parser *s, const char *name, struct buf *out)
{
	const struct conf_assignment *a = NULL;
	bool found = false;

	while ((a = conf_next(s->read, name, a))) {
		buf_add_str(out, a->text);
		note_use(s, a);
		found = true;
	}
	return found;
}

static int expand(struct parser *s, struct place at, const char *name, struct buf *out)
{
	const struct conf_variable *v = s->source->variables;
	const struct conf_assignment *a = conf_find(s->read, name);

	for (; v && v->name; v++)
		if (strcmp(v->name, name) == 0) {
			buf_add_str(out, v->value);
			return 0;
		}
	if (a && a->is_array)
		return bad(s, at, "$%s would be only the first element of that array", name);
	if (!expand_assigned(s, name, out))
		return bad(s, at, "no variable \"%s\" is known here", name);
	return out->len <= CONF_VALUE_MAX
		       ? 0
		       : bad(s, at, "with $%s the value is longer than %d bytes", name, CONF_VALUE_MAX);
}

/* At "[" of ${NAME[...]}. */
static int refuse_element(struct parser *s, struct place at, const char *name)
{
	const struct conf_assignment *a = conf_find(s->read, name);

	bad(s, at, "the elements of an array (\"${%s[...]}\") are not read", name);
	if (a)
		note_use(s, a);
	return a && a->n_words ? write_instead(s, arena_printf(s->arena, "\"%s\"", a->text))
			       : s->err->code;
}

/* At a command, or at the "(" of "$((". */
static int refuse_command(struct parser *s, struct place at)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	if (s->end - s->p > 1 && memcmp(s->p, "((", 2) == 0)
		bad(s, at, "$((...)) in a value is not computed");
	else
		bad(s, at, "commands in a value are not run");
	if (conf_rewrite(s->value, s->end, &value))
		return write_instead(s, buf_cstr(&value));
	return s->err->code;
}

/* Behind a dollar sign. */
static int take_variable(struct parser *s, struct place at, bool quoted, struct buf *out)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	bool braces = peek(s) == '{';
	char c;

	if (braces)
		take(s);
	c = peek(s);
	if (is_name(c, true)) {
		take_name(s, &name);
		if (braces && peek(s) == '[')
			return refuse_element(s, at, buf_cstr(&name));
		if (braces && peek(s) != '}')
			return bad(s, at, "of ${...} only ${name} is read");
		if (braces)
			take(s);
		return expand(s, at, buf_cstr(&name), out);
	}
	if (c == '(')
		return refuse_command(s, at);
	if (braces || (c && strchr("0123456789?!@*#$-", c)) ||
	    (!quoted && (c == '\'' || c == '"')))
		return bad(s, at, "this use of \"$\" is not read; \\$ is a dollar sign");
	buf_add(out, "$", 1);
	return 0;
}

/* Of several such quotes, each of which begins where another ends, the first one is remembered. */
static void note_span(struct parser *s, struct place at)
{
	if (at.line == s->at.line)
		return;
	if (at.line != s->span_end)
		s->span = at;
	s->span_end = s->at.line;
}

static int take_single(struct parser *s, struct buf *out)
{
	struct place at = s->at;

	take(s);
	while (peek(s) && peek(s) != '\'')
		buf_add(out, (char[]){take(s)}, 1);
	if (!peek(s))
		return bad(s, at, "this quote is never closed");
	take(s);
	note_span(s, at);
	return 0;
}

/* Behind a backslash between double quotes. */
static void take_escaped(struct parser *s, struct buf *out)
{
	char c = peek(s);

	if (c == '\n') {
		take(s);
		return;
	}
	if (!c || !strchr("$`\"\\", c))
		buf_add(out, "\\", 1);
	else
		buf_add(out, (char[]){take(s)}, 1);
}

static int take_double(struct parser *s, struct buf *out)
{
	struct place at = s->at;
	int r = 0;

	take(s);
	while (peek(s) && peek(s) != '"' && r == 0) {
		struct place here = s->at;
		char c = take(s);

		if (c == '\\')
			take_escaped(s, out);
		else if (c == '$')
			r = take_variable(s, here, true, out);
		else if (c == '`')
			r = refuse_command(s, here);
		else
			buf_add(out, &c, 1);
	}
	if (r < 0)
		return r;
	if (!peek(s))
		return bad(s, at, "this quote is never closed");
	take(s);
	note_span(s, at);
	return 0;
}

/* Does text begin at P with one of the marks U+2018 to U+201F in UTF-8? */
static bool is_curly_quote(const char *p, const char *end)
{
	return end - p >= 3 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] & 0xf8) == 0x98;
}

static int refuse_curly_quote(const struct parser *s)
{
	bad(s, s->at, "a curly quote (%.3s) quotes nothing", s->p);
	return err_hint(s->err, "write a straight one instead: \" or '");
}

/* Text outside of quotes that is neither a quote nor the end of the word. */
static int take_plain(struct parser *s, bool in_array, struct buf *out)
{
	struct place at = s->at;
	char c;

	if (is_curly_quote(s->p, s->end))
		return refuse_curly_quote(s);
	c = take(s);
	if (c == '$')
		return take_variable(s, at, false, out);
	if (c == '`')
		return refuse_command(s, at);
	if (strchr("|&;<>()", c))
		return bad(s, at, "\"%c\" must stand in quotes", c);
	if (c == '~' && (!out->len || out->data[out->len - 1] == ':'))
		return bad(s, at, "\"~\" is not expanded: write the whole path");
	if (in_array && strchr("*[{", c))
		return bad(s, at, "\"%c\" is not expanded: it must stand in quotes", c);
	if (c != '\\') {
		buf_add(out, &c, 1);
		return 0;
	}
	if (!peek(s))
		return bad(s, at, "nothing follows this backslash");
	c = take(s);
	if (c != '\n')
		buf_add(out, &c, 1);
	return 0;
}

/* Up to a blank, the end of the line, ";", or ")" of an array. */
static int take_word(struct parser *s, bool in_array, struct buf *out)
{
	int r = 0;

	while (r == 0) {
		char c = peek(s);

		if (!c || is_blank(c) || c == '\n' || c == (in_array ? ')' : ';'))
			return buf_status(out);
		if (c == '\'')
			r = take_single(s, out);
		else if (c == '"')
			r = take_double(s, out);
		else
			r = take_plain(s, in_array, out);
	}
	return r;
}

/* ---- assignments ---- */

static int take_array(struct parser *s, struct conf_assignment *a, struct buf *text)
{
	struct place at = s->at;

	take(s);
	for (;;) {
		_cleanup_buf_ struct buf word = BUF_INIT;
		char c = peek(s);
		int r;

		if (!c)
			return bad(s, at, "this parenthesis is never closed");
		if (is_blank(c) || c == '\n') {
			take(s);
			continue;
		}
		if (c == '#') {
			skip_comment(s);
			continue;
		}
		if (c == ')') {
			take(s);
			return buf_status(text);
		}
		r = take_word(s, true, &word);
		if (r < 0)
			return r;
		buf_printf(text, "%s%s", text->len ? " " : "", buf_cstr(&word));
		if (word.len)
			conf_add_word(s->arena, a, arena_strdup(s->arena, buf_cstr(&word)));
	}
}

/* Does an assignment begin here? */
static bool is_assignment(const struct parser *s)
{
	const char *p = s->p;

	while (p < s->end && is_name(*p, p == s->p))
		p++;
	if (p == s->p || p == s->end)
		return false;
	return *p == '=' || (s->end - p > 1 && p[0] == '+' && p[1] == '=');
}

static int take_value(struct parser *s, struct conf_assignment *a)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	a->is_array = peek(s) == '(';
	s->key = a->key;
	s->value = s->p;
	r = a->is_array ? take_array(s, a, &text) : take_word(s, false, &text);
	if (r < 0)
		return r;
	a->text = arena_strdup(s->arena, buf_cstr(&text));
	if (!a->is_array)
		conf_split(s->arena, a);
	skip_blanks(s);
	if (peek(s) == ';') {
		take(s);
		return 0;
	}
	if (peek(s) == '#')
		skip_comment(s);
	if (peek(s) && peek(s) != '\n' && !is_assignment(s))
		return bad(s, s->at, "more behind the value of %s: a value with blanks must stand in "
				     "quotes, and begin right behind \"=\"",
			   a->key);
	return 0;
}

/* Behind the word "unset". */
static int refuse_unset(struct parser *s, struct place at)
{
	_cleanup_buf_ struct buf name = BUF_INIT;

	skip_blanks(s);
	take_name(s, &name);
	bad(s, at, "\"unset\" is not run");
	return err_hint(s->err, "leave the line out; a key of dracut is emptied by %s=\"\"",
			name.len ? buf_cstr(&name) : "key");
}

static int take_key(struct parser *s, struct conf_assignment *a)
{
	struct place at = s->at;

	for (int i = 0; i < 2; i++) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		at = s->at;
		if (take_name(s, &name) < 0)
			return err_set(s->err, -ENOMEM, "%s: out of memory", s->source->file);
		a->key = arena_strdup(s->arena, buf_cstr(&name));
		a->line = at.line;
		if (strcmp(a->key, "export") != 0 || !is_blank(peek(s)))
			break;
		skip_blanks(s);
	}
	if (peek(s) == '+') {
		take(s);
		a->append = true;
	}
	if (strcmp(a->key, "unset") == 0 && is_blank(peek(s)))
		return refuse_unset(s, at);
	if (!*a->key || peek(s) != '=')
		return bad(s, at, "this is no assignment%s",
			   is_blank(peek(s)) && *a->key ? " (\"=\" must follow the key at once)" : "");
	take(s);
	return 0;
}

/* The quotes and parentheses that are open behind the text from BEGIN to END. A heuristic: the text
 * is wrong anyway. */
static bool is_open(const char *begin, const char *end)
{
	bool quoted = false, escaped = false;
	int depth = 0;

	for (const char *p = begin; p < end; p++) {
		quoted ^= *p == '"' && !escaped;
		if (*p == '(' && p > begin && (p[-1] == '=' || p[-1] == '$'))
			depth++;
		else if (*p == ')' && depth)
			depth--;
		escaped = *p == '\\' && !escaped;
	}
	return quoted || depth;
}

/* Notes the error in A, and goes on behind its lines. The key counts as assigned, so that values
 * that refer to it are no further errors. 0 or the error. */
static int recover(struct parser *s, struct conf_assignment *a)
{
	const char *end;
	bool is_spanned;
	int r = err_collect(s->source->errors, s->err);

	if (r < 0)
		return r;
	if (s->key) {
		*a = (struct conf_assignment){.key = a->key,
					      .is_used = true,
					      .text = "",
					      .file = a->file,
					      .line = a->line};
		conf_append(s->read, s->arena, a);
	}
	is_spanned = s->at.line == s->span_end;
	do {
		skip_comment(s);
		end = s->p;
		if (peek(s))
			take(s);
	} while (s->p < s->end && !is_spanned && is_open(s->begin, end));
	return 0;
}

/* The next assignment, or the end of a line. */
static int parse_next(struct parser *s)
{
	struct conf_assignment a = {.file = s->source->file};
	int r;

	skip_blanks(s);
	if (peek(s) == '#')
		skip_comment(s);
	if (peek(s) == '\n') {
		take(s);
		return 0;
	}
	if (!peek(s))
		return 0;
	s->key = NULL;
	s->begin = s->p;
	r = take_key(s, &a);
	if (r == 0)
		r = take_value(s, &a);
	if (r < 0)
		return s->source->errors ? recover(s, &a) : r;
	conf_append(s->read, s->arena, &a);
	return 0;
}

int conf_parse(struct conf *c, struct arena *arena, const struct conf_source *source,
	       struct err *err)
{
	struct parser s = {.p = source->text,
			   .end = source->text + source->len,
			   .at = {1, 1},
			   .source = source,
			   .arena = arena,
			   .err = err};
	struct conf result = *c;
	int r;

	s.read = &result;

	if (source->len > CONF_SIZE_MAX)
		return err_set(err, -E2BIG, "%s is larger than %d bytes", source->file,
			       CONF_SIZE_MAX);
	r = check_bytes(&s);
	if (r < 0)
		return source->errors ? err_collect(source->errors, err) : r;
	while (r == 0 && peek(&s))
		r = parse_next(&s);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s.n_used; i++)
		result.list[s.used[i]].is_used = true;
	*c = result;
	return 0;
}
