/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_quote.c - SSH carries a command as one line for the user's shell, so
 * an argument vector has to be written such that a POSIX shell takes it apart
 * into exactly the same strings: everything in single quotes, and a single
 * quote itself as '\''.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "guest/ssh_conn.h"

#define COMMAND_MAX (1024 * 1024) /* half of what a Linux guest takes as arguments */

struct text {
	char *data;
	size_t len, cap;
	int failed; /* errno */
};

static void add(struct text *t, const char *data, size_t len)
{
	if (t->failed)
		return;
	if (len > COMMAND_MAX || t->len + len > COMMAND_MAX) {
		t->failed = E2BIG;
		return;
	}
	if (t->len + len + 1 > t->cap) {
		size_t cap = (t->len + len + 1) * 2;
		char *more = realloc(t->data, cap);
		if (!more) {
			t->failed = ENOMEM;
			return;
		}
		t->data = more;
		t->cap = cap;
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
	t->data[t->len] = '\0';
}

static void say(struct text *t, const char *s)
{
	add(t, s, strlen(s));
}

static void quote(struct text *t, const char *s)
{
	say(t, "'");
	while (*s) {
		size_t plain = strcspn(s, "'");
		add(t, s, plain);
		s += plain;
		if (*s == '\'') {
			say(t, "'\\''");
			s++;
		}
	}
	say(t, "'");
}

/* These are programs by POSIX too, and any shell's own do the same without starting one. */
static bool shell_does_it(const char *name)
{
	return strcmp(name, "true") == 0 || strcmp(name, "false") == 0 || strcmp(name, "test") == 0 ||
	       strcmp(name, "[") == 0;
}

/* Without a user: cd, then exec [env K=V...] argv. */
static void plain(struct text *t, const struct stoker_exec *exec, bool other_user)
{
	const char *dir = exec->dir && exec->dir[0] ? exec->dir : NULL;
	bool env = exec->env && exec->env[0];

	/* su leaves us where root was; sshd begins in the home. */
	if (other_user && (!dir || dir[0] != '/'))
		say(t, "cd || exit 126; ");
	if (dir) {
		say(t, "cd ");
		if (dir[0] == '/') {
			quote(t, dir);
		} else {
			/* "./" keeps CDPATH, "-" and options out of it. */
			say(t, "'./'");
			quote(t, dir);
		}
		say(t, " || exit 126; ");
	}
	if (env) {
		/* A name with '=' would be one more variable to env. */
		bool indirect = strchr(exec->argv[0], '=') != NULL;
		say(t, "exec env --");
		for (size_t i = 0; exec->env[i]; i++) {
			say(t, " ");
			quote(t, exec->env[i]);
		}
		if (indirect || exec->argv[0][0] == '-')
			say(t, " sh -c 'exec -- \"$@\"' sh");
	} else if (exec->argv[0][0] == '-') {
		say(t, "exec --");
	} else if (!shell_does_it(exec->argv[0])) {
		say(t, "exec");
	}
	for (size_t i = 0; exec->argv[i]; i++) {
		if (t->len)
			say(t, " ");
		quote(t, exec->argv[i]);
	}
}

static bool user_is_sound(const char *user)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	size_t len = strlen(user);
	return len > 0 && len <= 32 && strchr(first, user[0]) && strspn(user, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	       "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

enum stoker_status ssh_command(const struct stoker_exec *exec, char **out, struct stoker_error *err)
{
	bool other_user = exec->user && exec->user[0] && strcmp(exec->user, "root") != 0;
	struct text inner = { .data = NULL }, outer = { .data = NULL };
	enum stoker_status st = STOKER_OK;
	int failed;

	*out = NULL;
	if (!exec->argv || !exec->argv[0] || !exec->argv[0][0]) {
		error_set(err, STOKER_E_INVALID, "there is no command to run");
		return error_fix(err, "Name a program behind --");
	}
	if (other_user && !user_is_sound(exec->user)) {
		error_set(err, STOKER_E_INVALID, "the user name is not one that a guest can have");
		return error_fix(err, "Letters, digits, and . _ - inside, at most 32");
	}
	for (size_t i = 0; exec->env && exec->env[i]; i++) {
		const char *equals = strchr(exec->env[i], '=');
		if (!equals || equals == exec->env[i]) {
			error_set(err, STOKER_E_INVALID, "an environment entry is not of the form NAME=VALUE");
			return error_fix(err, "Write --env NAME=VALUE");
		}
	}
	plain(&inner, exec, other_user);
	if (other_user) {
		/* Always through sh, so that an account without a login shell works and the quoting holds. */
		say(&outer, "exec su -s /bin/sh -c ");
		if (!inner.failed)
			quote(&outer, inner.data);
		say(&outer, " ");
		quote(&outer, exec->user);
		failed = inner.failed ? inner.failed : outer.failed;
		free(inner.data);
	} else {
		failed = inner.failed;
		outer = inner;
	}
	if (failed) {
		free(outer.data);
		if (failed == ENOMEM)
			return error_errno(err, failed, "cannot prepare the command");
		st = error_set(err, STOKER_E_LIMIT, "the command with its arguments is longer than %d KiB",
		               COMMAND_MAX / 1024);
		error_fix(err, "Send the data through stdin");
		return st;
	}
	*out = outer.data;
	return STOKER_OK;
}
