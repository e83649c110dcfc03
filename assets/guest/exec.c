/* SPDX-License-Identifier: Apache-2.0
 *
 * exec.c - starting a command.
 *
 * A command runs in a session and process group of its own, with pipes or a
 * terminal, as the asked user, from the asked folder. It is started by
 * vfork(): until its exec the child shares our memory, so it only makes system
 * calls, and reports a failure by plain assignment. No page is copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest.h"

#define STRINGS_MAX 8192 /* argv and env together */
#define GROUPS_MAX 64
#define DEFAULTS 8
#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

struct user {
	char name[64], home[256], shell[256];
	uid_t uid;
	gid_t gid;
	gid_t group[GROUPS_MAX];
	size_t groups;
};

/* What is put together for one command. There is one of it, and its memory is
 * never given back: allocating and freeing cost more than all else here. */
struct command {
	uint32_t flags;
	uint16_t rows, cols;
	const char *user, *dir;
	const char **env; /* behind argv; NULL-terminated as argv is */
	size_t argc, envc, made_count;
	const char *strings[STRINGS_MAX + DEFAULTS + 2];
	char made[DEFAULTS][300];
	char file[64 * 1024]; /* /etc/passwd, then /etc/group; what is longer is not looked at */
	struct user who;
};

void stream_refuse(struct wire *w, uint32_t id, int err, const char *text)
{
	uint8_t payload[5 + 400];
	size_t n = strnlen(text, 400);

	payload[0] = FRAME_NOT_RUN;
	frame_put32(payload + 1, (uint32_t)err);
	memcpy(payload + 5, text, n);
	wire_send(w, FRAME_STDOUT, id, NULL, 0);
	wire_send(w, FRAME_STDERR, id, NULL, 0);
	wire_send(w, FRAME_EXIT, id, payload, 5 + n);
}

/* ---- the payload */

static const char *next_string(const uint8_t **p, const uint8_t *end)
{
	const char *text = (const char *)*p;
	const uint8_t *nul = memchr(*p, '\0', (size_t)(end - *p));

	if (nul == NULL)
		return NULL;
	*p = nul + 1;
	return text;
}

/* The strings stay in the payload. */
static const char *parse(struct command *c, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	if (n < 12)
		return "the request is too short";
	c->flags = frame_get32(p);
	c->rows = frame_get16(p + 4);
	c->cols = frame_get16(p + 6);
	c->argc = frame_get16(p + 8);
	c->envc = frame_get16(p + 10);
	c->made_count = 0;
	p += 12;
	if (c->flags & ~(uint32_t)EXEC_TTY)
		return "the request has an unknown flag";
	if (c->argc == 0)
		return "no command was given";
	if (c->argc + c->envc > STRINGS_MAX)
		return "too many arguments";
	c->env = c->strings + c->argc + 1;
	c->user = next_string(&p, end);
	c->dir = c->user != NULL ? next_string(&p, end) : NULL;
	bool ok = c->dir != NULL;

	for (size_t i = 0; ok && i < c->argc; i++)
		ok = (c->strings[i] = next_string(&p, end)) != NULL;
	for (size_t i = 0; ok && i < c->envc; i++)
		ok = (c->env[i] = next_string(&p, end)) != NULL;
	if (!ok || p != end)
		return "the request is malformed";
	c->strings[c->argc] = c->env[c->envc] = NULL;
	if (c->strings[0][0] == '\0')
		return "the command's name is empty";
	for (size_t i = 0; i < c->envc; i++)
		if (c->env[i][0] == '=' || strchr(c->env[i], '=') == NULL)
			return "an environment variable is not of the form NAME=VALUE";
	return NULL;
}

/* ---- the user */

static void take(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text != NULL ? text : "");
}

/* Cuts the next line of a file like /etc/passwd into its fields. Returns how many; 0: no more lines. */
static size_t next_record(char **text, char *field[7])
{
	char *line = *text, *end = strchr(line, '\n');
	size_t n = 0;

	if (*line == '\0')
		return 0;
	if (end != NULL)
		*end++ = '\0';
	*text = end != NULL ? end : line + strlen(line);
	for (;;) {
		field[n++] = line;
		line = strchr(line, ':');
		if (n == 7 || line == NULL)
			return n;
		*line++ = '\0';
	}
}

static bool number(const char *text, uint32_t *out)
{
	char *end;
	unsigned long long n = strtoull(text, &end, 10);

	*out = (uint32_t)n;
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && n < UINT32_MAX;
}

/* By name or number. Read here and not with getpwnam(), which would also look
 * for a name service daemon. */
static bool find_user(struct command *c)
{
	struct user *u = &c->who;
	const char *name = c->user[0] != '\0' ? c->user : "root";
	uint32_t wanted = 0, uid, gid;
	bool by_number = number(name, &wanted), found = false;
	char *text = c->file, *field[7];

	memset(u, 0, sizeof *u);
	read_file("/etc/passwd", c->file, sizeof c->file);
	for (size_t n; !found && (n = next_record(&text, field)) > 0;) {
		if (n < 7 || !number(field[2], &uid) || !number(field[3], &gid))
			continue;
		found = by_number ? uid == wanted : strcmp(field[0], name) == 0;
		if (!found)
			continue;
		take(u->name, sizeof u->name, field[0]);
		take(u->home, sizeof u->home, field[5]);
		take(u->shell, sizeof u->shell, field[6]);
		u->uid = uid;
		u->gid = gid;
	}
	if (!found && (by_number || strcmp(name, "root") == 0)) {
		/* An image without a passwd file has a root all the same, and a number needs no name. */
		take(u->name, sizeof u->name, wanted == 0 ? "root" : name);
		take(u->home, sizeof u->home, wanted == 0 ? "/root" : "/");
		u->uid = u->gid = wanted;
		found = true;
	}
	if (u->shell[0] == '\0')
		take(u->shell, sizeof u->shell, "/bin/sh");
	return found;
}

static void find_groups(struct command *c)
{
	struct user *u = &c->who;
	char *text = c->file, *field[7], *save;
	uint32_t gid;

	u->group[u->groups++] = u->gid;
	if (u->uid == 0)
		return;
	read_file("/etc/group", c->file, sizeof c->file);
	for (size_t n; u->groups < GROUPS_MAX && (n = next_record(&text, field)) > 0;) {
		if (n < 4 || !number(field[2], &gid) || gid == u->gid)
			continue;
		for (char *m = strtok_r(field[3], ",", &save); m != NULL; m = strtok_r(NULL, ",", &save))
			if (strcmp(m, u->name) == 0) {
				u->group[u->groups++] = gid;
				break;
			}
	}
}

/* ---- the environment */

static void set_default(struct command *c, const char *name, const char *value)
{
	size_t n = strlen(name);
	char *made = c->made[c->made_count];

	for (size_t i = 0; i < c->envc; i++)
		if (strncmp(c->env[i], name, n) == 0 && c->env[i][n] == '=')
			return;
	snprintf(made, sizeof c->made[0], "%s=%s", name, value);
	c->env[c->envc + c->made_count++] = made;
}

static const char *variable(const struct command *c, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; c->env[i] != NULL; i++)
		if (strncmp(c->env[i], name, n) == 0 && c->env[i][n] == '=')
			return c->env[i] + n + 1;
	return "";
}

/* ---- the child */

struct child {
	int fd[3];
	bool tty;
	const char *dir, *path;
	char *const *argv, *const *env;
	const struct user *who;
	/* Written by the child in the parent's memory; a compiler sees no reader before _exit(). */
	volatile int err; /* 0: it runs */
	volatile enum { AT_SETUP, AT_USER, AT_DIR, AT_EXEC } at;
};

static void try_paths(struct child *c)
{
	char file[PATH_MAX];
	const char *name = c->argv[0];
	int seen = ENOENT;

	if (strchr(name, '/') != NULL) {
		if (access(name, X_OK) == 0)
			execve(name, c->argv, c->env);
		c->err = errno;
		return;
	}
	for (const char *p = c->path; *p != '\0';) {
		size_t n = strcspn(p, ":");

		if (n > 0 && snprintf(file, sizeof file, "%.*s/%s", (int)n, p, name) < (int)sizeof file) {
			/* Looked at first: a failing exec is dear, it makes an address space in vain. */
			if (access(file, X_OK) == 0)
				execve(file, c->argv, c->env);
			if (errno != ENOENT && errno != ENOTDIR)
				seen = errno;
			if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
				break;
		}
		p += n;
		p += *p == ':';
	}
	c->err = seen;
}

/* Runs in the child, in our memory, until exec. */
static void child_run(struct child *c)
{
	struct sigaction normal = { .sa_handler = SIG_DFL };
	sigset_t none;

	setsid();
	for (int i = 0; i < 3; i++)
		if (dup2(c->fd[i], i) < 0)
			goto fail;
	if (c->tty && ioctl(0, TIOCSCTTY, 0) != 0)
		goto fail;
	c->at = AT_USER;
	/* The plain calls: the library's would look for other threads to tell. */
	if (syscall(SYS_setgroups, c->who->groups, c->who->group) != 0 || syscall(SYS_setgid, c->who->gid) != 0 ||
	    syscall(SYS_setuid, c->who->uid) != 0)
		goto fail;
	c->at = AT_DIR;
	if (chdir(c->dir) != 0)
		goto fail;
	c->at = AT_EXEC;
	sigaction(SIGPIPE, &normal, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	try_paths(c);
	_exit(127);
fail:
	c->err = errno;
	_exit(127);
}

static pid_t __attribute__((noinline)) start(struct child *c)
{
	pid_t pid = vfork();

	if (pid == 0)
		child_run(c);
	if (pid < 0)
		c->err = errno;
	return pid;
}

/* ---- descriptors */

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

/* Every descriptor of ours is above 2 and closed on exec. */
static bool open_pipes(int ours[3], int theirs[3])
{
	for (int i = 0; i < 3; i++) {
		int p[2];

		if (pipe2(p, O_CLOEXEC) != 0)
			return false;
		ours[i] = p[i == STREAM_IN];
		theirs[i] = p[i != STREAM_IN];
		if (fcntl(ours[i], F_SETFL, O_NONBLOCK) != 0)
			return false;
	}
	return true;
}

static bool open_tty(const struct command *c, int ours[3], int theirs[3])
{
	struct winsize size = { .ws_row = c->rows != 0 ? c->rows : 24, .ws_col = c->cols != 0 ? c->cols : 80 };
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int unlock = 0;

	ours[STREAM_OUT] = master;
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0)
		return false;
	ours[STREAM_IN] = fcntl(master, F_DUPFD_CLOEXEC, 3);
	theirs[0] = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ours[STREAM_IN] < 0 || theirs[0] < 0)
		return false;
	ioctl(theirs[0], TIOCSWINSZ, &size);
	if (fchown(theirs[0], c->who.uid, 5) != 0)
		return false;
	theirs[1] = theirs[2] = theirs[0];
	return true;
}

void stream_start(struct stream *s, struct wire *w, uint32_t id, const uint8_t *p, size_t n)
{
	static const char *const places[] = { "the command cannot be set up", "cannot become user", "cannot enter",
		                              "cannot run" };
	static struct command scratch;
	struct command *c = &scratch;
	int ours[3] = { -1, -1, -1 }, theirs[3] = { -1, -1, -1 };
	char text[400];

	const char *wrong = parse(c, p, n);

	if (wrong != NULL) {
		stream_refuse(w, id, EINVAL, wrong);
		goto out;
	}
	if (!find_user(c)) {
		snprintf(text, sizeof text, "there is no user %s in the guest", c->user);
		stream_refuse(w, id, EINVAL, text);
		goto out;
	}
	find_groups(c);
	bool tty = c->flags & EXEC_TTY;

	set_default(c, "PATH", GUEST_PATH);
	set_default(c, "HOME", c->who.home);
	set_default(c, "USER", c->who.name);
	set_default(c, "LOGNAME", c->who.name);
	set_default(c, "SHELL", c->who.shell);
	if (tty)
		set_default(c, "TERM", "xterm-256color");
	if (!(tty ? open_tty(c, ours, theirs) : open_pipes(ours, theirs))) {
		snprintf(text, sizeof text, "the command's %s cannot be made: %s", tty ? "terminal" : "pipes", strerror(errno));
		stream_refuse(w, id, errno, text);
		goto out;
	}
	struct stat st;
	const char *home = stat(c->who.home, &st) == 0 && S_ISDIR(st.st_mode) ? c->who.home : "/";
	struct child child = {
		.fd = { theirs[0], theirs[1], theirs[2] },
		.tty = tty,
		.dir = c->dir[0] != '\0' ? c->dir : home,
		.path = variable(c, "PATH"),
		/* execve() takes char *const * only for old programs' sake. */
		.argv = (char *const *)(uintptr_t)c->strings,
		.env = (char *const *)(uintptr_t)c->env,
		.who = &c->who,
	};
	pid_t pid = start(&child);

	if (child.err != 0) {
		/* A child that could not exec is reaped with the orphans. */
		const char *about = child.at == AT_USER ? c->who.name : child.at == AT_DIR ? child.dir :
			            child.at == AT_EXEC ? c->strings[0] : "";

		snprintf(text, sizeof text, "%s%s%.200s: %s", places[child.at], about[0] != '\0' ? " " : "", about,
		         strerror(child.err));
		stream_refuse(w, id, child.err, text);
		goto out;
	}
	stream_init(s, id);
	s->pid = pid;
	s->tty = tty;
	for (int i = 0; i < 3; i++) {
		s->fd[i] = ours[i];
		ours[i] = -1;
	}
	if (tty) { /* a terminal has one output */
		wire_send(w, FRAME_STDERR, id, NULL, 0);
		s->out_eof[STREAM_ERR] = true;
	}
out:
	close_pair((int[2]){ ours[0], ours[1] });
	close_pair((int[2]){ ours[2], theirs[0] });
	if (theirs[1] != theirs[0])
		close_pair((int[2]){ theirs[1], theirs[2] });
}
