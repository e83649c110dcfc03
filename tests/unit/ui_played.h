/* SPDX-License-Identifier: Apache-2.0
 *
 * ui_played.h - a console log and a shell's session, played by the test: real
 * panes on them draw what they draw of a guest.
 */
#ifndef STOKER_TESTS_UI_PLAYED_H
#define STOKER_TESTS_UI_PLAYED_H

#include "ui_fixture.h"

struct stoker_log {
	int line;
};

/* What follows stands for the library's: a program that includes this opens no real log. */
ssize_t stoker_log_read(stoker_log *log, void *buf, size_t cap)
{
	if (log->line >= 60)
		return 0;
	log->line++;
	return snprintf(buf, cap, "[%5d.%06d] %s\n", log->line / 9, log->line * 13477 % 1000000,
	                log->line % 7 == 3 ? "EXT4-fs (vdb): mounted filesystem with ordered data mode. Quota mode: none." :
	                log->line % 5 == 1 ? "\033[31mrandom\033[0m: crng init done" : "virtio_net virtio1 eth0: renamed");
}

int stoker_log_fd(const stoker_log *log)
{
	(void)log;
	return -1;
}

void stoker_log_close(stoker_log *log)
{
	free(log);
}

/* -------------------------------------------- and a session, likewise */

struct stoker_shell {
	int line;
	bool over;
};

int stoker_shell_fd(const stoker_shell *shell)
{
	(void)shell;
	return -1;
}

short stoker_shell_events(const stoker_shell *shell)
{
	(void)shell;
	return 0;
}

int stoker_shell_timeout_ms(const stoker_shell *shell)
{
	(void)shell;
	return -1;
}

ssize_t stoker_shell_read(stoker_shell *shell, void *buf, size_t cap, struct stoker_error *err)
{
	if (shell->line >= 60) {
		if (!shell->over)
			return 0;
		err->code = STOKER_E_CLOSED;
		snprintf(err->why, sizeof err->why, "the guest closed the connection");
		return -1;
	}
	shell->line++;
	if (shell->line == 60)
		return snprintf(buf, cap, "quiet-otter:~# ");
	return snprintf(buf, cap, "-rw-r--r-- 1 root root %5d Nov 27 file-%d%s\r\n", shell->line * 7919 % 100000, shell->line,
	                shell->line % 9 == 4 ? " \xe6\xbc\xa2\xe5\xad\x97" : "");
}

ssize_t stoker_shell_write(stoker_shell *shell, const void *buf, size_t len)
{
	(void)shell;
	(void)buf;
	return (ssize_t)len;
}

void stoker_shell_resize(stoker_shell *shell, uint16_t rows, uint16_t cols)
{
	(void)shell;
	(void)rows;
	(void)cols;
}

int stoker_shell_status(const stoker_shell *shell)
{
	(void)shell;
	return 0;
}

void stoker_shell_close(stoker_shell *shell)
{
	free(shell);
}

#endif
