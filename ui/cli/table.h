/* SPDX-License-Identifier: Apache-2.0
 *
 * table.h - columns aligned by the width people see.
 */
#ifndef STOKER_UI_CLI_TABLE_H
#define STOKER_UI_CLI_TABLE_H

#include "cli/cli.h"

struct table;

/* `heads` is NULL-terminated; a leading '>' aligns the column to the right. NULL without memory. */
struct table *table_new(const char *const *heads);
/* Begins a row and fills it from the left; cells are cleaned. `sgr` (may be NULL) colours the cell. */
void table_row(struct table *table);
void table_cell(struct table *table, const char *sgr, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Prints and frees. With `fit` the last column is cut where a terminal of that many columns ends (0: never). */
void table_print(struct cli *cli, struct table *table, FILE *to, bool heads, int fit);
void table_free(struct table *table);

#endif
