/* SPDX-License-Identifier: Apache-2.0
 *
 * firecracker_double.c - fc_double.h as a program with Firecracker's command
 * line, for tests and the benchmark where the host's KVM runs no guest: what
 * stoker itself does is measured and tried with it, never what Firecracker does.
 *
 *	FC_DOUBLE_VERSION=1.99.0    the version it tells
 *	FC_DOUBLE_LAST='text'       written to its log when it ends by SIGTERM
 */
#include "fc_double.h"

static const char *last;
static int log_fd = 2;

static void on_term(int signo)
{
	(void)signo;
	if (last && write(log_fd, last, strlen(last)) < 0)
		_exit(3);
	_exit(1);
}

int main(int argc, char **argv)
{
	const char *version = getenv("FC_DOUBLE_VERSION"), *socket_path = NULL, *log = NULL;
	struct double_plan plan = { .step = "", .dies = true, .version = version };
	int listener;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--version") == 0) {
			printf("Firecracker v%s\n", version ? version : "1.12.1");
			return 0;
		}
		if (strcmp(argv[i], "--show-level") == 0)
			continue;
		if (strcmp(argv[i], "--api-sock") == 0)
			socket_path = value;
		else if (strcmp(argv[i], "--metrics-path") == 0)
			plan.metrics = value;
		else if (strcmp(argv[i], "--log-path") == 0)
			log = value;
		else if (strcmp(argv[i], "--id") != 0 && strcmp(argv[i], "--level") != 0 &&
		         strcmp(argv[i], "--start-time-us") != 0) {
			fprintf(stderr, "Arguments parsing error: Found argument '%s' which wasn't expected\n", argv[i]);
			return 153;
		}
		i++;
	}
	if (!socket_path || strcmp(socket_path, VMM_API_SOCKET) != 0)
		return 153;
	if (log)
		log_fd = open(log, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	last = getenv("FC_DOUBLE_LAST");
	signal(SIGTERM, on_term);
	listener = control_listen(".", VMM_API_SOCKET);
	if (listener < 0)
		return 1;
	double_loop(listener, plan);
}
