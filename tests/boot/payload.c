/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real root's /sbin/init of the boot tests. It looks at everything it was handed over, tells
 * what it found on the second serial port, and switches the machine off.
 *
 * The report is lines of key=value. What is wrong whatever the test is about becomes a line
 * fail=TEXT; what depends on the test (root device, flags, arguments) is only told. The last line
 * is verdict=ok or verdict=fail. With payload.run=hardware on the kernel command line, the output
 * of "preroot hardware --json" comes between the lines "BEGIN hardware" and "END hardware STATUS";
 * with payload.cat=boot.json PID 1's trace of the boot in the same way, and with payload.run=status
 * what "preroot status --json" says, also of the firmware's variables.
 * With payload.also=PATH[,PATH...] there must be mounts on those places, too. With payload.look=PATH
 * the report has looked=yes if there is such a file, looked=no if not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define REPORT_PATH   "/dev/ttyS1"
#define HARDWARE_WORD "payload.run=hardware"
#define STATUS_WORD   "payload.run=status"
#define EFIVARS_PATH  "/sys/firmware/efi/efivars"
#define TRACE_PATH    "/run/preroot/boot.json"
#define TRACE_WORD    "payload.cat=boot.json"
#define ALSO_WORD     "payload.also="

enum {
	/* From the kernel's include/linux/sched.h; told in /proc/PID/stat. */
	PF_KTHREAD = 0x00200000,
	/* What /run and devtmpfs may hold; an initramfs that was not emptied holds far more. */
	OLD_ROOT_LIMIT_KB = 1024,
	MAX_FDS = 64,
};

struct mount {
	char device[16];
	char point[256];
	char flags[256];
	char type[64];
	char source[256];
	char options[512];
};

/* The mounts that must be there, and no others. */
static const struct expected_mount {
	const char *point;
	const char *type; /* NULL: any but the initramfs's own */
	const char *flags[4];
	mode_t mode;
} expected_mounts[] = {
	{"/", NULL, {NULL}, 0755},
	{"/proc", "proc", {"nosuid", "nodev", "noexec"}, 0555},
	{"/sys", "sysfs", {"nosuid", "nodev", "noexec"}, 0555},
	{"/dev", "devtmpfs", {"nosuid"}, 0755},
	{"/run", "tmpfs", {"nosuid", "nodev"}, 0755},
};
enum { N_EXPECTED = sizeof(expected_mounts) / sizeof(expected_mounts[0]) };

static FILE *out;
static bool failed;

static void __attribute__((format(printf, 1, 2))) report(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('\n', out);
}

static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list args;

	failed = true;
	fputs("fail=", out);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('\n', out);
}

static long long clock_us(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* The open descriptors, before this program opens any. Returns their number, or -1. */
static int list_fds(int *fds, int max)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return -1;
	while ((entry = readdir(dir)) && n < max) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(dir))
			fds[n++] = fd;
	}
	closedir(dir);
	return n;
}

static int open_report(void)
{
	int fd = open(REPORT_PATH, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	struct termios tty;

	if (fd < 0)
		return -1;
	if (tcgetattr(fd, &tty) == 0) {
		cfmakeraw(&tty);
		tcsetattr(fd, TCSANOW, &tty);
	}
	out = fdopen(fd, "w");
	return out ? 0 : -1;
}

static void check_fds(const int *fds, int n)
{
	const dev_t console = makedev(5, 1);

	if (n < 0)
		fail("/proc/self/fd cannot be read");
	for (int i = 0; i < n; i++) {
		char path[64], target[256] = "";
		struct stat st;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
		if (readlink(path, target, sizeof(target) - 1) < 0)
			snprintf(target, sizeof(target), "?");
		report("fd=%d %s", fds[i], target);
		if (fds[i] > 2)
			fail("descriptor %d is open: %s", fds[i], target);
		else if (fstat(fds[i], &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != console)
			fail("descriptor %d is not the console: %s", fds[i], target);
	}
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			fail("descriptor %d is closed", fd);
	}
}

/* Reads all of PATH, NULs between words as blanks; an empty string if it cannot be read. */
static const char *read_text(const char *path)
{
	static char text[65536];
	FILE *file = fopen(path, "re");
	size_t n = 0;

	if (file) {
		n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\0'))
		n--;
	text[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\0')
			text[i] = ' ';
	}
	return text;
}

static void check_process(char **argv, char **envp)
{
	char cwd[256];
	mode_t mask = umask(0);
	struct stat here, root;

	report("pid=%d", getpid());
	if (getpid() != 1)
		fail("the process id is %d", getpid());
	for (int i = 0; argv[i]; i++)
		report("argv=%s", argv[i]);
	for (int i = 0; envp[i]; i++)
		report("env=%s", envp[i]);
	report("cmdline=%s", read_text("/proc/cmdline"));
	report("session=%d group=%d", getsid(0), getpgrp());
	report("umask=%03o", mask);
	if (mask != 022)
		fail("the umask is %03o", mask);
	if (!getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/") != 0 || stat(".", &here) < 0 ||
	    stat("/", &root) < 0 || here.st_dev != root.st_dev || here.st_ino != root.st_ino)
		fail("the working directory is not /");
}

static void check_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		fail("there is a controlling terminal");
		close(fd);
	}
}

static void check_signals(void)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	for (int number = 1; number < NSIG; number++) {
		struct sigaction action;

		if (sigismember(&blocked, number) == 1)
			fail("signal %d is blocked", number);
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			fail("signal %d is ignored", number);
	}
}

/* One line of mountinfo: id parent maj:min root point flags [optional...] - type source options. */
static bool parse_mount(const char *line, struct mount *mount)
{
	const char *rest = strstr(line, " - ");

	return rest &&
	       sscanf(line, "%*d %*d %15s %*s %255s %255s", mount->device, mount->point,
		      mount->flags) == 3 &&
	       sscanf(rest, " - %63s %255s %511s", mount->type, mount->source, mount->options) == 3;
}

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

static void check_mount(const struct mount *mount, const struct expected_mount *expected)
{
	struct stat st;

	if (expected->type && strcmp(mount->type, expected->type) != 0)
		fail("%s is %s, not %s", mount->point, mount->type, expected->type);
	for (int i = 0; i < 4 && expected->flags[i]; i++) {
		if (!has_word(mount->flags, expected->flags[i]))
			fail("%s is mounted without %s", mount->point, expected->flags[i]);
	}
	if (stat(mount->point, &st) < 0 || (st.st_mode & 07777) != expected->mode)
		fail("the mode of %s is %04o, not %04o", mount->point, st.st_mode & 07777,
		     expected->mode);
}

static void report_root(const struct mount *mount)
{
	struct statfs fs;

	report("root_device=%s", mount->device);
	report("root_source=%s", mount->source);
	report("root_type=%s", mount->type);
	report("root_flags=%s", mount->flags);
	report("root_options=%s", mount->options);
	if (strstr(read_text("/proc/cmdline"), "root=tmpfs"))
		return;
	if (statfs("/", &fs) < 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		fail("/ is still the initramfs");
}

/* Is POINT among the places of payload.also=, whose number goes to *N? */
static bool is_also(const char *point, int *n)
{
	const char *cmdline = read_text("/proc/cmdline"), *at = strstr(cmdline, ALSO_WORD);
	bool found = false;

	*n = 0;
	for (at = at ? at + strlen(ALSO_WORD) : ""; *at && *at != ' '; at += *at == ',') {
		size_t length = strcspn(at, ", ");

		found = found || (strlen(point) == length && strncmp(at, point, length) == 0);
		at += length;
		++*n;
	}
	return found;
}

static void check_mounts(void)
{
	int seen[N_EXPECTED] = {0}, n = 0, n_also = 0, seen_also = 0;
	char line[2048];
	FILE *file = fopen("/proc/self/mountinfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		struct mount mount;
		int i = 0;

		n++;
		if (!parse_mount(line, &mount)) {
			fail("a line of mountinfo is not understood: %s", line);
			continue;
		}
		report("mount=%s %s %s %s", mount.point, mount.type, mount.flags, mount.source);
		while (i < N_EXPECTED && strcmp(mount.point, expected_mounts[i].point) != 0)
			i++;
		if (i == N_EXPECTED && is_also(mount.point, &n_also)) {
			seen_also++;
			continue;
		}
		if (i == N_EXPECTED) {
			fail("%s (%s) is mounted", mount.point, mount.type);
			continue;
		}
		seen[i]++;
		if (i == 0)
			report_root(&mount);
		check_mount(&mount, &expected_mounts[i]);
	}
	if (file)
		fclose(file);
	report("mounts=%d", n);
	is_also("", &n_also);
	if (seen_also != n_also)
		fail("of %d further places %d are mounted", n_also, seen_also);
	for (int i = 0; i < N_EXPECTED; i++) {
		if (seen[i] != 1)
			fail("%s is mounted %d times", expected_mounts[i].point, seen[i]);
	}
}

/* Tells and faults process PID, unless it is a thread of the kernel's or has ended meanwhile. */
static void check_other(const char *pid)
{
	char path[64], command[64] = "?";
	const char *text, *begin, *end;
	unsigned long flags = 0;

	snprintf(path, sizeof(path), "/proc/%.16s/stat", pid);
	text = read_text(path);
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end)
		return;
	snprintf(command, sizeof(command), "%.*s", (int)(end - begin - 1), begin + 1);
	if (sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && (flags & PF_KTHREAD))
		return;
	snprintf(path, sizeof(path), "/proc/%.16s/cmdline", pid);
	fail("process %s is left: %s [%s]", pid, command, read_text(path));
}

static void check_processes(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (atoi(entry->d_name) > 1)
			check_other(entry->d_name);
	}
	if (dir)
		closedir(dir);
}

static long meminfo_kb(const char *name)
{
	const char *at = strstr(read_text("/proc/meminfo"), name);

	return at ? atol(at + strlen(name)) : 0;
}

static void check_memory(void)
{
	/* Pages of a tmpfs count as Shmem, those of a ramfs as Unevictable: both are the old root.
	 */
	long kept = meminfo_kb("\nShmem:") + meminfo_kb("\nUnevictable:");

	report("used_kb=%ld", meminfo_kb("MemTotal:") - meminfo_kb("\nMemAvailable:"));
	report("kept_kb=%ld", kept);
	if (kept > OLD_ROOT_LIMIT_KB)
		fail("%ld kB of files are kept in memory: the initramfs was not emptied", kept);
}

/* The initramfs's last line in the kernel's log is "... takes over"; how long ago is that? */
static void report_handover(long long now)
{
	char record[8192];
	long long at = -1;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	/* A record that was overwritten or is too long is passed over by the next read. */
	while (fd >= 0 && ((n = read(fd, record, sizeof(record) - 1)) > 0 ||
			   (n < 0 && (errno == EPIPE || errno == EINVAL || errno == EINTR)))) {
		long long stamp;

		record[n > 0 ? n : 0] = '\0';
		if (strstr(record, " takes over") && sscanf(record, "%*u,%*u,%lld,", &stamp) == 1)
			at = stamp;
	}
	if (fd >= 0)
		close(fd);
	if (at >= 0)
		report("handover_us=%lld", now - at);
}

/* The payload is the same process as the initramfs's PID 1, and the kernel's own start. */
static void report_cpu(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) == 0)
		report("cpu_us=%lld", (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000ll +
					      u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* The first line of the account that a boot leaves when it went on only after a failure. */
static void report_failure(void)
{
	const char *text = read_text("/run/preroot/failure.txt");

	if (*text)
		report("failure=%.*s", (int)strcspn(text, "\n"), text);
}

static void report_modules(void)
{
	FILE *file = fopen("/proc/modules", "re");
	char line[1024], name[128];

	fputs("modules=", out);
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%127s", name) == 1)
			fprintf(out, "%s ", name);
	}
	fputc('\n', out);
	if (file)
		fclose(file);
}

/* What the firmware's tables are called, an SSDT with what its maker calls it. */
static void report_acpi(void)
{
	DIR *dir = opendir("/sys/firmware/acpi/tables");
	struct dirent *entry;
	char path[512], head[24];

	while (dir && (entry = readdir(dir))) {
		int fd;

		if (strncmp(entry->d_name, "SSDT", 4) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/firmware/acpi/tables/%s", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head))
			report("acpi=%.4s %.8s", head, head + 16);
		if (fd >= 0)
			close(fd);
	}
	if (dir)
		closedir(dir);
}

static void run_preroot(const char *command)
{
	int status = 0;
	pid_t child;

	report("BEGIN %s", command);
	fflush(out);
	child = fork();
	if (child == 0) {
		dup2(fileno(out), STDOUT_FILENO);
		execl("/usr/bin/preroot", "preroot", command, "--json", (char *)NULL);
		dprintf(STDERR_FILENO, "payload: /usr/bin/preroot: %s\n", strerror(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		fail("preroot %s could not be run", command);
	report("END %s %d", command,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Whoever is the root's init mounts the variables of the firmware. */
static void run_status(void)
{
	if (mount("efivarfs", EFIVARS_PATH, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		fail("mount " EFIVARS_PATH ": %s", strerror(errno));
	run_preroot("status");
}

/* PID 1's trace of the boot: whole, and only for those who ask for it told. */
static void check_trace(bool tell)
{
	const char *text = read_text(TRACE_PATH);
	size_t len = strlen(text);

	if (len < 2 || text[0] != '{' || text[len - 1] != '}')
		fail(TRACE_PATH " is no JSON object");
	if (tell)
		report("BEGIN boot.json\n%s\nEND boot.json 0", text);
}

static void report_look(void)
{
	char path[256];
	const char *at = strstr(read_text("/proc/cmdline"), "payload.look=");

	if (at && sscanf(at, "payload.look=%255s", path) == 1)
		report("looked=%s", access(path, F_OK) == 0 ? "yes" : "no");
}

int main(int argc, char **argv, char **envp)
{
	long long monotonic = clock_us(CLOCK_MONOTONIC), since_boot = clock_us(CLOCK_BOOTTIME);
	int fds[MAX_FDS], n_fds = list_fds(fds, MAX_FDS);

	(void)argc;
	dprintf(STDOUT_FILENO, "payload: reached root\n");
	if (open_report() < 0) {
		dprintf(STDOUT_FILENO, "payload: %s: %s\n", REPORT_PATH, strerror(errno));
		reboot(RB_POWER_OFF);
	}
	report("monotonic_us=%lld", monotonic);
	report("boottime_us=%lld", since_boot);
	check_fds(fds, n_fds);
	check_process(argv, envp);
	check_terminal();
	check_signals();
	check_mounts();
	check_processes();
	check_memory();
	report_handover(monotonic);
	report_cpu();
	report_failure();
	report_modules();
	report_acpi();
	check_trace(strstr(read_text("/proc/cmdline"), TRACE_WORD) != NULL);
	report_look();
	if (strstr(read_text("/proc/cmdline"), HARDWARE_WORD))
		run_preroot("hardware");
	if (strstr(read_text("/proc/cmdline"), STATUS_WORD))
		run_status();
	report("verdict=%s", failed ? "fail" : "ok");
	fflush(out);
	tcdrain(fileno(out));
	dprintf(STDOUT_FILENO, "payload: has reported\n");
	sync();
	reboot(RB_POWER_OFF);
	return EXIT_FAILURE;
}
