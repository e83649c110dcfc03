/* SPDX-License-Identifier: Apache-2.0
 *
 * Finds where records and host disagree, mends it, deletes what had died.
 *
 * cc -o example reconcile.c $(pkg-config --cflags --libs stoker)
 */
#include <stdio.h>

#include <stoker.h>

static int failed(const struct stoker_error *err)
{
	char text[1400];

	stoker_error_text(err, text, sizeof text);
	fprintf(stderr, "%s\n", text);
	return stoker_exit_code(err->code);
}

int main(void)
{
	static const char *const dead[] = { "crashed", "error", NULL };
	struct stoker_filter filter = { .states = dead };
	struct stoker_error err = { .code = STOKER_OK };
	struct stoker_vm *vms = NULL;
	stoker_plan *plan = NULL;
	size_t count = 0;
	stoker *s = NULL;

	if (stoker_open(NULL, &s, &err) != STOKER_OK || stoker_reconcile_plan(s, NULL, &plan, &err) != STOKER_OK) {
		stoker_close(s);
		return failed(&err);
	}
	printf("%zu findings\n", stoker_plan_count(plan));
	for (size_t i = 0; i < stoker_plan_count(plan); i++) {
		const struct stoker_finding *f = stoker_plan_at(plan, i);
		printf("%s %s: %s -> %s\n", stoker_finding_kind_name(f->kind), f->subject, f->detail, f->repair_text);
		/* Where only a person can know what is meant, leave it. */
		if (!f->ask && stoker_reconcile_apply(s, plan, i, f->repair, &err) != STOKER_OK)
			failed(&err);
	}
	stoker_plan_free(plan);
	if (stoker_list(s, &filter, &vms, &count, &err) == STOKER_OK)
		for (size_t i = 0; i < count; i++)
			if (stoker_delete(s, vms[i].id, false, NULL, &err) == STOKER_OK)
				printf("deleted %s (%s)\n", vms[i].name, stoker_state_name(vms[i].state));
	stoker_free(vms);
	stoker_close(s);
	return err.code == STOKER_OK ? 0 : failed(&err);
}
