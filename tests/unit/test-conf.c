/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dracut's configuration language: what is read, what it means, and what is refused.
 */

#include <stdio.h>

#include "base/text.h"
#include "format/machine/conf.h"
#include "support.h"

static const struct conf_variable variables[] = {{"kernel", "6.1.0-1"}, {"empty", ""}, {0}};

struct fixture {
	struct arena arena;
	struct conf conf;
	struct err err;
};

static void fixture_clear(struct fixture *f)
{
	arena_clear(&f->arena);
}

#define _cleanup_fixture_ __attribute__((cleanup(fixture_clear)))

static int parse(struct fixture *f, const char *file, const char *text)
{
	struct conf_source source = {file, text, strlen(text), variables, NULL, NULL};

	return conf_parse(&f->conf, &f->arena, &source, &f->err);
}

/* TEXT gives the assignments EXPECTED: "LINE key=value;" or "LINE key+=value;". */
static void assert_gives(const char *text, const char *expected)
{
	_cleanup_fixture_ struct fixture f = {0};
	_cleanup_buf_ struct buf got = BUF_INIT;

	assert_ok(parse(&f, "file", text), 0, &f.err);
	for (size_t i = 0; i < f.conf.n; i++) {
		const struct conf_assignment *a = &f.conf.list[i];

		buf_printf(&got, "%u %s%s%s;", a->line, a->key, a->append ? "+=" : "=", a->text);
	}
	assert_string_equal(buf_cstr(&got), expected);
}

/* TEXT is refused at WHERE ("LINE:COLUMN"), with PART in the message; nothing is kept. */
static void assert_refused(const char *text, const char *where, const char *part)
{
	_cleanup_fixture_ struct fixture f = {0};
	char place[64];

	snprintf(place, sizeof(place), "file:%s: ", where);
	assert_fails(parse(&f, "file", text), -EBADMSG, &f.err);
	if (strncmp(f.err.text, place, strlen(place)) != 0)
		fail_msg("[%s] is refused with \"%s\", not at %s", text, f.err.text, where);
	assert_contains(f.err.text, part);
	assert_int_equal(f.conf.n, 0);
}

static void assignments_are_read(void **state)
{
	(void)state;
	assert_gives("", "");
	assert_gives("\n \t\n# a=b\n  # c", "");
	assert_gives("a=b", "1 a=b;");
	assert_gives("a=b\nc=d\n", "1 a=b;2 c=d;");
	assert_gives("  a=b  \n\texport _x1=y\n", "1 a=b;2 _x1=y;");
	assert_gives("a=\n", "1 a=;");
	assert_gives("a=\"\xe2\x80\x9c\"", "1 a=\xe2\x80\x9c;");
	assert_gives("a=\xe2\x80\xa6\xc3\xa4\xe2\x80", "1 a=\xe2\x80\xa6\xc3\xa4\xe2\x80;");
	assert_gives("a+=\" b c \"\n", "1 a+= b c ;");
	assert_gives("export a+=b", "1 a+=b;");
	assert_gives("export=yes", "1 export=yes;");
	assert_gives("compress=\"zstd -19 -T0\"", "1 compress=zstd -19 -T0;");
	assert_gives("i18n=\"/f:A-B,C /g:D\"", "1 i18n=/f:A-B,C /g:D;");
	assert_gives("a=b=c,d:e/*?[x]{y,z}", "1 a=b=c,d:e/*?[x]{y,z};");
}

static void comments_end_lines_but_not_words(void **state)
{
	(void)state;
	assert_gives("a=b # c=d", "1 a=b;");
	assert_gives("a=b#c", "1 a=b#c;");
	assert_gives("a=#c", "1 a=#c;");
	assert_gives("a= # c", "1 a=;");
	assert_gives("a=\"b # c\" # 'd", "1 a=b # c;");
	assert_gives("a=(b # c)\nd) # e\nf=g", "1 a=b d;3 f=g;");
}

static void quotes_and_backslashes_are_those_of_bash(void **state)
{
	(void)state;
	assert_gives("a='b \"c\" $d \\e `f`'", "1 a=b \"c\" $d \\e `f`;");
	assert_gives("a=\"b 'c' \\\"d\\\" \\$e \\\\ \\` \\n\"", "1 a=b 'c' \"d\" $e \\ ` \\n;");
	assert_gives("a=b\"c d\"'e f'g", "1 a=bc de fg;");
	assert_gives("a=b\\ c\\\"\\#", "1 a=b c\"#;");
	assert_gives("a=\"b\nc\"\nd=e", "1 a=b\nc;3 d=e;");
	assert_gives("a=\"b\\\nc\"\nd=e", "1 a=bc;3 d=e;");
	assert_gives("a=b\\\nc\nd=e", "1 a=bc;3 d=e;");
	assert_gives("a=\"\"''", "1 a=;");
}

static void several_may_be_on_a_line(void **state)
{
	(void)state;
	assert_gives("a=b c=d", "1 a=b;1 c=d;");
	assert_gives("a+=\" b \" \tc+='d' # e=f\ng=h", "1 a+= b ;1 c+=d;2 g=h;");
	assert_gives("a=b;c=d ; e=f;\ng=h", "1 a=b;1 c=d;1 e=f;2 g=h;");
	assert_gives("a=(b) c=d", "1 a=b;1 c=d;");
	assert_gives("a=\"b;c\"", "1 a=b;c;");
}

static void what_was_assigned_before_is_a_variable(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};

	(void)state;
	assert_gives("a=b\nc=\"$a-${a}\"", "1 a=b;2 c=b-b;");
	assert_gives("a=b\na+=\" c\"\nd=$a", "1 a=b;2 a+= c;3 d=b c;");
	assert_gives("a=b\na=\"$a c\"", "1 a=b;2 a=b c;");
	assert_gives("kernel=x\na=$kernel", "1 kernel=x;2 a=6.1.0-1;");
	assert_ok(parse(&f, "one", "a=b\nc=d"), 0, &f.err);
	assert_ok(parse(&f, "two", "e=$a"), 0, &f.err);
	assert_true(f.conf.list[0].is_used);
	assert_false(f.conf.list[1].is_used);
	assert_fails(parse(&f, "three", "e=$c\nunset c"), -EBADMSG, &f.err);
	assert_false(f.conf.list[1].is_used);
}

/* All errors of TEXT: "LINE:COLUMN;...", and what is read nevertheless. */
static void assert_goes_on(const char *text, const char *places, const char *read)
{
	_cleanup_fixture_ struct fixture f = {0};
	struct err_list errors = {.arena = &f.arena};
	struct conf_source source = {
		.file = "file", .text = text, .len = strlen(text), .errors = &errors};
	_cleanup_buf_ struct buf found = BUF_INIT, keys = BUF_INIT;

	assert_ok(conf_parse(&f.conf, &f.arena, &source, &f.err), 0, &f.err);
	for (size_t i = 0; i < errors.n; i++) {
		const char *at = errors.list[i]->text + strlen("file:");

		buf_printf(&found, "%.*s;", (int)strcspn(at, " ") - 1, at);
	}
	for (size_t i = 0; i < f.conf.n; i++)
		buf_printf(&keys, "%s=%s;", f.conf.list[i].key, f.conf.list[i].text);
	assert_string_equal(buf_cstr(&found), places);
	assert_string_equal(buf_cstr(&keys), read);
}

static void all_errors_of_a_file_can_be_collected(void **state)
{
	(void)state;
	assert_goes_on("a=b\nc=d", "", "a=b;c=d;");
	assert_goes_on("a=$(x)\nb\nc=d e\nf=g", "1:3;2:1;3:5;", "a=;c=;f=g;");
	assert_goes_on("a=$(x\n y)\nb=\"$a\"", "1:3;", "a=;b=;");
	assert_goes_on("a=\"$(x \"y\")\nz\" c\nb=c", "1:4;", "a=;b=c;");
	assert_goes_on("a=(\nb $(c)\nd\n)\ne=f", "2:3;", "a=;e=f;");
	assert_goes_on("a=b\nc=\"d\ne=f", "2:3;", "a=b;c=;");
	assert_goes_on("a=\"\\\"$(b)\"\nc=d", "1:6;", "a=;c=d;");
	assert_goes_on("a=b\r\nc=d", "1:4;", "");
	assert_goes_on("a", "1:1;", "");
}

/* TEXT is refused with HINT as the form that would be read. */
static void assert_corrected(const char *text, const char *hint)
{
	_cleanup_fixture_ struct fixture f = {0};

	assert_fails(parse(&f, "file", text), -EBADMSG, &f.err);
	assert_contains(f.err.hint, hint);
}

static void the_form_that_is_read_is_shown(void **state)
{
	(void)state;
	assert_refused("A=(b c)\na=\"${A[*]}\"", "2:4", "elements");
	assert_corrected("A=(b 'c d')\na=\"${A[*]}\"", ": a=\"b c d\"");
	assert_corrected("A=(b c)\na=(\"${A[@]}\")", ": a=\"b c\"");
	assert_refused("A=(b c)\na=$A", "2:3", "first element");
	assert_refused("a=\"${A[*]}\"", "1:4", "elements");
	assert_corrected("a+=\" root=UUID=$(blkid -o value /dev/sda1) ro \" # c",
			 ": a+=\" root=UUID=<what this prints: blkid -o value /dev/sda1> ro \"");
	assert_corrected("export a=x`id`y\nb=c", ": export a=x\"<what this prints: id>\"y");
	assert_corrected("a=(b 'c`d`' $(e \"$(f)\") ) g=h",
			 ": a=(b 'c`d`' \"<what this prints: e \\\"\\$(f)\\\">\" )");
	assert_corrected("a=$((1+2))", ": a=\"<the result of: 1+2>\"");
	assert_corrected("a=\"$((1+(2)))$(uname -r)\"", ": a=\"<the result of: 1+(2)>${kernel}\"");
	assert_corrected("a=$(b\n c)", ": a=\"<what this prints: b  c>\"");
	/* What never ends, or is too long to be shown. */
	assert_corrected("a=$(b", "only assignments");
	assert_corrected("a=\"`b", "only assignments");
	assert_corrected("a=\"$(b)", "only assignments");
	assert_refused("a=b\nunset a", "2:1", "\"unset\"");
	assert_corrected("a=b\nunset a", "a=\"\"");
	assert_corrected("unset", "assignments");
}

static void what_is_suggested_has_an_end(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};
	_cleanup_buf_ struct buf text = BUF_INIT;

	(void)state;
	buf_add_str(&text, "a=\"");
	for (size_t i = 0; i < 1000; i++)
		buf_add_str(&text, "$(b) ");
	buf_add_str(&text, "\"");
	assert_fails(parse(&f, "file", buf_cstr(&text)), -EBADMSG, &f.err);
	assert_contains(f.err.hint, "only assignments");
}

static void a_quote_that_ends_in_a_later_line_is_named(void **state)
{
	(void)state;
	/* Each ends where the next line means to begin one. */
	assert_refused("a+=\" b\nc+=\" d \"\n", "1:4", "closed only in line 2");
	assert_refused("a=\" b\nc=\"d\"\n", "1:3", "closed only in line 2");
	assert_refused("a='b\nc=\"d\"\ne='f'\ng=h", "1:3", "closed only in line 3");
	assert_refused("a=\"b\nc=\"d\"\ne=\"f\"\n", "1:3", "closed only in line 3");
	assert_refused("a=\"b\nc=\" d=e \"\n", "1:3", "more behind");
	assert_refused("a=\"b\nc=\"$(d)\"\n", "1:3", "not run");
	assert_refused("a=\"b\nc=\"; d \"\n", "1:3", "no assignment");
	assert_corrected("a=\"b\nc=\"$(d)\"\n", "close each quote");
	/* A value of several lines is none of that. */
	assert_refused("a=\" b\n c \"\nd\n", "3:1", "no assignment");
	assert_refused("a=\"\nb=\"\nc=\"\nd=\" \"\n", "3:3", "closed only in line 4");
	assert_goes_on("a=\" b\nc=\" d \"\ne=f\n$\n", "1:3;4:1;", "a=;e=f;");
}

static void a_carriage_return_has_the_command_for_the_path(void **state)
{
	static const char text[] = "a=b\r\n";
	struct conf_source source = {.file = "/etc/a b", .text = text, .len = strlen(text),
				     .path = "/mnt/etc/a b"};
	_cleanup_fixture_ struct fixture f = {0};

	(void)state;
	assert_fails(conf_parse(&f.conf, &f.arena, &source, &f.err), -EBADMSG, &f.err);
	assert_contains(f.err.hint, "sed -i 's/\\r$//' '/mnt/etc/a b'");
	source.path = NULL;
	assert_fails(conf_parse(&f.conf, &f.arena, &source, &f.err), -EBADMSG, &f.err);
	assert_contains(f.err.hint, "sed -i 's/\\r$//' '/etc/a b'");
}

static void variables_come_from_the_table(void **state)
{
	(void)state;
	assert_gives("a=\"img-${kernel}\"", "1 a=img-6.1.0-1;");
	assert_gives("a=$kernel.img", "1 a=6.1.0-1.img;");
	assert_gives("a='$kernel'", "1 a=$kernel;");
	assert_gives("a=x${empty}y\"$empty\"", "1 a=xy;");
	assert_gives("a=\"5$ \"", "1 a=5$ ;");
	assert_gives("a=\"5$\"", "1 a=5$;");
}

static void arrays_keep_their_elements(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};
	struct conf_word *words;

	(void)state;
	assert_ok(parse(&f, "file", "a=(b 'c d'\n\t$kernel \"\" )\na+=(e)\n"), 0, &f.err);
	assert_int_equal(conf_words(&f.conf, "a", &f.arena, &words), 4);
	assert_string_equal(words[0].text, "b");
	assert_string_equal(words[1].text, "c d");
	assert_string_equal(words[2].text, "6.1.0-1");
	assert_string_equal(words[3].text, "e");
	assert_int_equal(words[2].from->line, 1);
	assert_int_equal(words[3].from->line, 3);
	assert_gives("a=()", "1 a=;");
	assert_gives("a=(b? c)", "1 a=b? c;"); /* mkinitcpio's way to say "if it is there" */
}

static void what_is_added_gets_its_words(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};
	struct conf_assignment text = {.key = "a", .text = " b  c "};
	struct conf_assignment array = {.key = "a", .text = "d e", .append = true, .is_array = true};
	struct conf_assignment none = {.key = "n", .text = "", .is_array = true};
	struct conf_word *words;

	(void)state;
	conf_add(&f.conf, &f.arena, &text);
	conf_add(&f.conf, &f.arena, &array);
	conf_add(&f.conf, &f.arena, &none);
	/* One that has words already gets no second ones. */
	conf_add(&f.conf, &f.arena, &f.conf.list[1]);
	assert_int_equal(conf_words(&f.conf, "a", &f.arena, &words), 4);
	assert_string_equal(words[0].text, "b");
	assert_string_equal(words[1].text, "c");
	assert_string_equal(words[2].text, "d e");
	assert_string_equal(words[3].text, "d e");
	assert_int_equal(conf_find(&f.conf, "n")->n_words, 0);
}

static void a_forgotten_blank_glues_nothing(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};
	struct conf_word *words;

	(void)state;
	assert_ok(parse(&f, "one", "d=lost\nd=\"a\"\nother=x\nd+=\"b\"\n"), 0, &f.err);
	assert_ok(parse(&f, "two", "\nd+='c\td\n'"), 0, &f.err);
	assert_int_equal(conf_words(&f.conf, "d", &f.arena, &words), 4);
	assert_string_equal(words[0].text, "a");
	assert_string_equal(words[0].from->file, "one");
	assert_int_equal(words[0].from->line, 2);
	assert_string_equal(words[1].text, "b");
	assert_string_equal(words[3].text, "d");
	assert_string_equal(words[3].from->file, "two");
	assert_int_equal(words[3].from->line, 2);
	assert_int_equal(conf_words(&f.conf, "none", &f.arena, &words), 0);
	assert_string_equal(conf_find(&f.conf, "d")->file, "two");
	assert_null(conf_find(&f.conf, "none"));
	/* The same, assignment by assignment. */
	assert_string_equal(conf_next(&f.conf, "d", NULL)->text, "a");
	assert_int_equal(conf_next(&f.conf, "d", &f.conf.list[1])->line, 4);
	assert_string_equal(conf_next(&f.conf, "d", &f.conf.list[3])->file, "two");
	assert_null(conf_next(&f.conf, "d", conf_find(&f.conf, "d")));
	assert_null(conf_next(&f.conf, "none", NULL));
}

static void anything_else_is_refused(void **state)
{
	(void)state;
	assert_refused("echo hello", "1:1", "no assignment");
	assert_refused("a=b\n  if true; then", "2:3", "no assignment");
	assert_refused("a =b", "1:1", "at once");
	assert_refused("a= b", "1:4", "behind the value of a");
	assert_refused("a=b c d=e", "1:5", "behind the value of a");
	assert_refused("a=b 1c=d", "1:5", "behind the value of a");
	assert_refused("a=b c+", "1:5", "behind the value of a");
	assert_refused("export a", "1:8", "no assignment");
	assert_refused("a[0]=b", "1:1", "no assignment");
	assert_refused("1a=b", "1:1", "no assignment");
	assert_refused("a-b=c", "1:1", "no assignment");
	assert_refused("=b", "1:1", "no assignment");
	assert_refused("a+b", "1:1", "no assignment");
	assert_refused(". /etc/x", "1:1", "no assignment");
	assert_refused("a=b; c", "1:6", "no assignment");
	assert_refused("a=b;;c=d", "1:5", "no assignment");
	assert_refused("a=(b; c)", "1:5", "\";\"");
	assert_refused("a=b&", "1:4", "\"&\"");
	assert_refused("a=<(b)", "1:3", "\"<\"");
	assert_refused("a=(b (c))", "1:6", "\"(\"");
	assert_refused("a=(b)c", "1:6", "behind the value");
	assert_refused("a=(b c", "1:3", "never closed");
	assert_refused("a=(*)", "1:4", "not expanded");
	assert_refused("a=~/x", "1:3", "whole path");
	assert_refused("a=/x:~", "1:6", "whole path");
	assert_refused("a=b\\", "1:4", "backslash");
}

static void nothing_is_run_or_guessed(void **state)
{
	(void)state;
	assert_refused("a=$(id)", "1:3", "not run");
	assert_refused("\na=\"x $(id)\"", "2:6", "not run");
	assert_refused("a=`id`", "1:3", "not run");
	assert_refused("a=\"`id`\"", "1:4", "not run");
	assert_refused("a=$((1+1))", "1:3", "not computed");
	assert_refused("a=$HOME", "1:3", "\"HOME\"");
	assert_refused("a=\"${kernels}\"", "1:4", "\"kernels\"");
	assert_refused("a=${kernel:-x}", "1:3", "${name}");
	assert_refused("a=${kernel", "1:3", "${name}");
	assert_refused("a=${}", "1:3", "not read");
	assert_refused("a=$1", "1:3", "not read");
	assert_refused("a=\"$?\"", "1:4", "not read");
	assert_refused("a=$'b'", "1:3", "not read");
}

static void open_quotes_and_strange_bytes_are_refused(void **state)
{
	static const char nul[] = "a=b\0c=d";
	struct conf_source source = {"file", nul, sizeof(nul) - 1, NULL, NULL, NULL};
	_cleanup_fixture_ struct fixture f = {0};

	(void)state;
	assert_refused("a=\"b\nc=d\n", "1:3", "never closed");
	assert_refused("\n\n a='b", "3:4", "never closed");
	assert_refused("a=\"b\\\"", "1:3", "never closed");
	assert_refused("a=b\r\n", "1:4", "carriage return");
	assert_refused("a=\xe2\x80\x9c b \xe2\x80\x9d", "1:3", "curly quote");
	assert_refused("a=b\xe2\x80\x99", "1:4", "curly quote");
	assert_refused("a=\"b\033[2J\"", "1:5", "byte 27");
	assert_refused("a=\177", "1:3", "byte 127");
	assert_refused("\xef\xbb\xbf" "a=b", "1:1", "byte order mark");
	assert_fails(conf_parse(&f.conf, &f.arena, &source, &f.err), -EBADMSG, &f.err);
	assert_contains(f.err.text, "file:1:4: byte 0");
	assert_gives("a=\xc3\xa4\xff", "1 a=\xc3\xa4\xff;");
}

static void too_much_is_refused(void **state)
{
	_cleanup_free_ char *text = malloc(CONF_SIZE_MAX + 2);
	_cleanup_fixture_ struct fixture f = {0};

	(void)state;
	memset(text, '#', CONF_SIZE_MAX + 1);
	text[CONF_SIZE_MAX + 1] = '\0';
	assert_fails(parse(&f, "file", text), -E2BIG, &f.err);
	text[CONF_SIZE_MAX] = '\0';
	assert_ok(parse(&f, "file", text), 0, &f.err);
}

static void values_do_not_grow_without_bound(void **state)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_fixture_ struct fixture f = {0};

	(void)state;
	buf_add_str(&text, "a=xxxxxxxx\n");
	for (int i = 0; i < 40; i++)
		buf_add_str(&text, "a=\"$a$a\"\n");
	assert_fails(parse(&f, "file", buf_cstr(&text)), -EBADMSG, &f.err);
	assert_contains(f.err.text, "file:15:6: ");
	assert_contains(f.err.text, "longer than");
}

static void an_error_leaves_what_was_there(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};

	(void)state;
	assert_ok(parse(&f, "one", "a=b"), 0, &f.err);
	assert_fails(parse(&f, "two", "c=d\ne=$(f)"), -EBADMSG, &f.err);
	assert_int_equal(f.conf.n, 1);
	assert_null(conf_find(&f.conf, "c"));
}

static void switches_are_yes_or_no(void **state)
{
	_cleanup_fixture_ struct fixture f = {0};
	bool on = false;

	(void)state;
	assert_ok(parse(&f, "file", "a=yes\nb=\"no\"\nc=true\nd=\ne=\" yes \""), 0, &f.err);
	assert_ok(conf_switch(&f.conf.list[0], &on, &f.err), 0, &f.err);
	assert_true(on);
	assert_ok(conf_switch(&f.conf.list[1], &on, &f.err), 0, &f.err);
	assert_false(on);
	assert_fails(conf_switch(&f.conf.list[2], &on, &f.err), -EINVAL, &f.err);
	assert_contains(f.err.text, "file:3: c=\"true\"");
	assert_fails(conf_switch(&f.conf.list[3], &on, &f.err), -EINVAL, &f.err);
	assert_ok(conf_switch(&f.conf.list[4], &on, &f.err), 0, &f.err);
	assert_true(on);
	assert_true(conf_is_yes(&f.conf.list[4]));
	assert_false(conf_is_yes(&f.conf.list[2]));
	assert_false(conf_is_yes(&f.conf.list[3]));
}

static void the_nearest_key_is_named(void **state)
{
	static const char *const known[] = {"modules", "load_modules", "files", "binaries", "x",
					    NULL};
	char big[200];

	(void)state;
	assert_string_equal(nearest_word("module", known), "modules");
	assert_string_equal(nearest_word("binarys", known), "binaries");
	assert_string_equal(nearest_word("fils", known), "files");
	assert_string_equal(nearest_word("modules_load", known) ? "some" : "none", "none");
	assert_null(nearest_word("y", known));
	assert_null(nearest_word("description", known));
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_null(nearest_word(big, known));
}

static void sweep_one(uint8_t *data, size_t len, void *arg)
{
	_cleanup_fixture_ struct fixture f = {0};
	struct err_list errors = {.arena = &f.arena};
	struct conf_source source = {"file", (const char *)data, len, variables, NULL, NULL};
	int r = conf_parse(&f.conf, &f.arena, &source, &f.err);

	(void)arg;
	if (r < 0)
		assert_true(f.err.text[0] != '\0' && f.conf.n == 0);
	source.errors = &errors;
	assert_int_equal(conf_parse(&f.conf, &f.arena, &source, &f.err), 0);
	assert_int_equal(errors.n > 0, r < 0);
}

static void any_damage_is_lived_through(void **state)
{
	static const char sample[] = "export a+=\" b ${kernel} \\\" \" # c\nd=('e' f\\ g $kernel)\n";

	(void)state;
	sweep(sample, sizeof(sample) - 1, sweep_one, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(assignments_are_read),
		cmocka_unit_test(comments_end_lines_but_not_words),
		cmocka_unit_test(quotes_and_backslashes_are_those_of_bash),
		cmocka_unit_test(several_may_be_on_a_line),
		cmocka_unit_test(what_was_assigned_before_is_a_variable),
		cmocka_unit_test(all_errors_of_a_file_can_be_collected),
		cmocka_unit_test(the_form_that_is_read_is_shown),
		cmocka_unit_test(what_is_suggested_has_an_end),
		cmocka_unit_test(a_quote_that_ends_in_a_later_line_is_named),
		cmocka_unit_test(a_carriage_return_has_the_command_for_the_path),
		cmocka_unit_test(variables_come_from_the_table),
		cmocka_unit_test(arrays_keep_their_elements),
		cmocka_unit_test(what_is_added_gets_its_words),
		cmocka_unit_test(a_forgotten_blank_glues_nothing),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(nothing_is_run_or_guessed),
		cmocka_unit_test(open_quotes_and_strange_bytes_are_refused),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(values_do_not_grow_without_bound),
		cmocka_unit_test(an_error_leaves_what_was_there),
		cmocka_unit_test(switches_are_yes_or_no),
		cmocka_unit_test(the_nearest_key_is_named),
		cmocka_unit_test(any_damage_is_lived_through),
	};

	return RUN_TESTS(tests);
}
