/* SPDX-License-Identifier: Apache-2.0
 *
 * test_list.c - looking at VMs: what is told is true, or nothing is.
 */
#include "reconcile_kit.h"

static void paths_are_never_cut(void **state)
{
	struct place *p = *state;
	static char deep[STOKER_PATH_SIZE + 100];
	static struct stoker_paths paths;
	struct vm_record rec;
	struct stoker_error err = { 0 };
	char *was = p->s.state_dir;

	make_vm(p, 1, &rec);
	memset(deep, 'd', sizeof deep - 1);
	deep[0] = '/';
	deep[3000] = '\0';
	p->s.state_dir = deep;
	assert_ok(stoker_vm_paths(&p->s, "vm-1", &paths, e));
	assert_int_equal(strlen(paths.dir), 3000 + strlen("/vms/0123456789abcdef"));
	assert_string_equal(paths.console + 3000 + strlen("/vms/0123456789abcdef"), "/console.log");
	deep[3000] = 'd';
	assert_int_equal(stoker_vm_paths(&p->s, "vm-1", &paths, &err), STOKER_E_LIMIT);
	assert_string_equal(err.what, "look at vm-1");
	p->s.state_dir = was;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_are_never_cut),
	};
	return KIT_RUN(tests);
}
