/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_server.h - a real SSH server of the test's own on the loopback, and a
 * record that points to it. The server is a child of the test and dies with it.
 */
#ifndef STOKER_TESTS_SSH_SERVER_H
#define STOKER_TESTS_SSH_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guest/ssh_conn.h"
#include "handle.h"

struct server {
	char dir[64];     /* state folder, keys, the server's own files */
	stoker *s;
	struct vm_record rec;
	pid_t pid;
	char public_line[256];
};

static inline uint16_t free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof addr;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	close(fd);
	return ntohs(addr.sin_port);
}

static inline void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static inline void run_quietly(const char *const *argv)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline pid_t spawn_server(const char *const *argv, const char *home, const char *log)
{
	pid_t parent = getpid(), pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open("/dev/null", O_RDONLY);
		dup2(fd, 0);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(fd, 1);
		dup2(fd, 2);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		/* Not root's real home: dropbear looks for authorized_keys there, and shells for their start-up files. */
		if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		             mount(home, "/root", NULL, MS_BIND, NULL) != 0)
			_exit(1);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

/* A state folder with one VM's key, and a record of it without a server. */
static inline void place_make(struct server *v)
{
	char path[256];
	struct stoker_error err;

	memset(v, 0, sizeof *v);
	snprintf(v->dir, sizeof v->dir, "/tmp/stoker-ssh-XXXXXX");
	assert_non_null(mkdtemp(v->dir));
	snprintf(path, sizeof path, "%s/vms", v->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/vms/0123456789abcdef", v->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(key_make(path, v->public_line, &err), STOKER_OK);
	v->s = calloc(1, sizeof *v->s);
	assert_non_null(v->s);
	v->s->state_dir = v->s->runtime_dir = v->s->image_dir = v->dir;
	snprintf(v->rec.vm.id, sizeof v->rec.vm.id, "0123456789abcdef");
	snprintf(v->rec.vm.name, sizeof v->rec.vm.name, "test");
	v->rec.vm.state = STOKER_RUNNING;
	v->rec.vm.network = STOKER_NET_USER;
	v->rec.vm.ready = true;
	v->rec.agent = true;
	v->rec.ready_ns = 1;
	v->rec.ssh_ns = 1; /* recorded already: nothing is to be written */
	v->rec.vm.ssh_port = free_port();
}

static inline void place_remove(struct server *v)
{
	if (v->pid > 0) {
		kill(v->pid, SIGKILL);
		waitpid(v->pid, NULL, 0);
	}
	run_quietly((const char *const[]){ "rm", "-rf", v->dir, NULL });
	free(v->s);
	memset(v, 0, sizeof *v);
}

/* OpenSSH's server on the record's port, with a new host key, which is pinned. */
static inline void sshd_start(struct server *v)
{
	char path[256], config[1024], port[16], line[512], home[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/host", v->dir);
	run_quietly((const char *const[]){ "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, NULL });
	snprintf(path, sizeof path, "%s/host.pub", v->dir);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	snprintf(v->rec.vm.host_key, sizeof v->rec.vm.host_key, "%.127s", line);
	snprintf(path, sizeof path, "%s/authorized", v->dir);
	put_file(path, v->public_line);
	snprintf(port, sizeof port, "%u", v->rec.vm.ssh_port);
	snprintf(config, sizeof config, "ListenAddress 127.0.0.1:%s\nHostKey %s/host\nAuthorizedKeysFile %s/authorized\n"
	         "PermitRootLogin yes\nStrictModes no\nPidFile none\nUsePAM no\nMaxSessions 10\nMaxStartups 100\n"
	         "PrintMotd no\n", port, v->dir, v->dir);
	snprintf(path, sizeof path, "%s/config", v->dir);
	put_file(path, config);
	snprintf(home, sizeof home, "%s/home", v->dir);
	mkdir(home, 0700);
	mkdir("/run/sshd", 0755); /* OpenSSH insists on this empty folder */
	snprintf(line, sizeof line, "%s/log", v->dir);
	v->pid = spawn_server((const char *const[]){ "/usr/sbin/sshd", "-D", "-e", "-f", path, NULL }, home, line);
}

/* Dropbear, as in the micro image, with the home of root below the test's folder. */
static inline void dropbear_start(struct server *v)
{
	char home[128], key[128], path[256], address[32], log[128];
	unsigned char blob[64];
	char base64[256], line[512];
	FILE *f;
	size_t len;
	int pipes[2];
	pid_t pid;

	snprintf(key, sizeof key, "%s/host", v->dir);
	run_quietly((const char *const[]){ "dropbearkey", "-t", "ed25519", "-f", key, NULL });
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		execlp("dropbearkey", "dropbearkey", "-y", "-f", key, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	f = fdopen(pipes[0], "r");
	while (fgets(line, sizeof line, f)) {
		if (sscanf(line, "ssh-ed25519 %200s", base64) == 1)
			snprintf(v->rec.vm.host_key, sizeof v->rec.vm.host_key, "ssh-ed25519 %.100s", base64);
	}
	fclose(f);
	waitpid(pid, NULL, 0);
	assert_true(ssh_key_blob(v->rec.vm.host_key, blob, &len));
	snprintf(home, sizeof home, "%s/home", v->dir);
	mkdir(home, 0700);
	snprintf(path, sizeof path, "%s/home/.ssh", v->dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/home/.ssh/authorized_keys", v->dir);
	put_file(path, v->public_line);
	snprintf(address, sizeof address, "127.0.0.1:%u", v->rec.vm.ssh_port);
	snprintf(log, sizeof log, "%s/log", v->dir);
	v->pid = spawn_server((const char *const[]){ "dropbear", "-F", "-E", "-m", "-p", address, "-r", key, NULL }, home,
	                      log);
}

#endif
