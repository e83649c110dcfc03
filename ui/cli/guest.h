/* SPDX-License-Identifier: Apache-2.0
 *
 * guest.h - one command in a guest, as `exec` and `run` do it.
 */
#ifndef STOKER_UI_CLI_GUEST_H
#define STOKER_UI_CLI_GUEST_H

#include "cli/cli.h"
#include "cli/json.h"

#define GUEST_ENV_MOST 256 /* settings of the environment */

/* Checks what can be checked before anything is made: 0 or the exit code. */
int guest_check(struct cli *cli, const struct args *args, bool tty);
enum stoker_via guest_via(const struct args *args);
/* What came of it, as --json tells it; `err` NULL when the command ran. */
void guest_add_result(cJSON *o, const struct stoker_exec_result *r, const char *out, const char *errout, const char *via,
                      const struct stoker_error *err);
/* exec --all and --label; the handle is open. */
int exec_many(struct cli *cli, const struct args *args);
/* Opens a session to `ref` (waiting for a VM that still boots) and runs the
 * command; gives the exit code. `began_ns` is when --timeout began to count. */
int guest_command(struct cli *cli, const struct args *args, const char *ref, const char *const *command,
                  bool interactive, bool tty, int64_t began_ns);

#endif
