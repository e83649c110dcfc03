/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and sizes are checked in one place, and the message says what is allowed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "spec.h"

static stoker *s;
static char dir[] = "/tmp/stoker-spec-XXXXXX";

static int setup(void **state)
{
	struct stoker_options o = { 0 };
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	o.state_dir = dir;
	unsetenv("STOKER_CONFIG");
	return stoker_open(&o, &s, NULL) == STOKER_OK ? 0 : -1;
}

static int teardown(void **state)
{
	const char *const rm[] = { "rm", "-rf", "--", dir, NULL };
	(void)state;
	stoker_close(s);
	return process_run(rm, NULL, NULL, NULL, NULL, NULL) == STOKER_OK ? 0 : -1;
}

static void names(void **state)
{
	const char *const good[] = { "a", "7", "quiet-otter", "a--b", "x0123456789012345678901234567890123456789012345678901234567890z" };
	const char *const bad[] = { "", "-a", "a-", "A", "a b", "a_b", "../x", "-oProxyCommand=x", "a\nb", "a/b", "a.b", "\xc3\xa9",
		                    "%n", "x01234567890123456789012345678901234567890123456789012345678901z" };
	struct stoker_error err;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(spec_check_name(good[i], &err), STOKER_OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(spec_check_name(bad[i], &err), STOKER_E_INVALID);
		assert_null(strchr(err.why, '\n'));
		assert_non_null(strstr(err.fix, "a-z"));
	}
}

static void made_names_are_names(void **state)
{
	char name[STOKER_NAME_MAX + 1];
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		spec_make_name(name, i % 4);
		assert_int_equal(spec_check_name(name, NULL), STOKER_OK);
		assert_non_null(strchr(name, '-'));
	}
}

static enum stoker_status check(struct stoker_spec spec, struct stoker_error *err)
{
	struct vm_record rec;
	memset(err, 0, sizeof *err);
	return spec_resolve(s, &spec, &rec, err);
}

static void sizes_and_words(void **state)
{
	struct stoker_error err;
	struct vm_record rec;
	(void)state;
	assert_int_equal(spec_resolve(s, &(struct stoker_spec){ .name = "a" }, &rec, &err), STOKER_OK);
	assert_int_equal(rec.vm.vcpus, 1);
	assert_int_equal(rec.vm.memory_mib, 512);
	assert_int_equal(rec.vm.disk_mib, 2048);
	assert_string_equal(rec.vm.image, "micro");
	assert_int_equal(rec.vm.disk_mode, STOKER_DISK_ISOLATED);
	assert_int_equal(check((struct stoker_spec){ .vcpus = 33 }, &err), STOKER_E_INVALID);
	assert_non_null(strstr(err.fix, "1 to 32"));
	assert_int_equal(check((struct stoker_spec){ .memory_mib = 8 }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .memory_mib = 4000000000u }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .disk_mib = 63 }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .disk_mib = 64 }, &err), STOKER_OK);
	assert_int_equal(check((struct stoker_spec){ .disk_mib = 4294967295u }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .disk_mode = "none" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .backend = "xen" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .accel = "hvf" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .network = "bridge" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .network = "none" }, &err), STOKER_OK);
	assert_int_equal(check((struct stoker_spec){ .egress = "some" }, &err), STOKER_E_INVALID);
}

static void labels(void **state)
{
	struct stoker_error err;
	struct vm_record rec;
	char many[STOKER_LABELS_SIZE + 10];
	(void)state;
	assert_int_equal(spec_resolve(s, &(struct stoker_spec){ .labels = "role=web,env=test" }, &rec, &err), STOKER_OK);
	assert_string_equal(rec.vm.labels, "env=test,role=web");
	assert_int_equal(check((struct stoker_spec){ .labels = "a=" }, &err), STOKER_OK);
	assert_int_equal(check((struct stoker_spec){ .labels = "équipe=ビルド,команда=сборка,ทีม=สร้าง,फ़=निर्माण" }, &err), STOKER_OK);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=😀" }, &err), STOKER_OK);
	/* Halves of characters, longer forms, surrogates, and what cannot be seen or turns the writing. */
	assert_int_equal(check((struct stoker_spec){ .labels = "a=\xe3\x83" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=\xc0\xaf" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=\xe0\x80\xaf" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=\xed\xa0\x80" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=\xff" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=x\xe2\x80\xaey" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=x\xe2\x80\x8by" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=x\xc2\xa0y" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=x\xc2\x9by" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "=b" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=b,a=c" }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){ .labels = "a=b c" }, &err), STOKER_E_INVALID);
	memset(many, 'a', sizeof many - 1);
	many[sizeof many - 1] = '\0';
	many[1] = '=';
	assert_int_equal(check((struct stoker_spec){ .labels = many }, &err), STOKER_E_INVALID);
	assert_int_equal(check((struct stoker_spec){
		                 .labels = "a=,b=,c=,d=,e=,f=,g=,h=,i=,j=,k=,l=,m=,n=,o=,p=,q=" },
	                       &err),
	                 STOKER_E_INVALID);
}

/* The form's check is create's: an image that is not there is found by both. */
static void check_is_what_create_checks(void **state)
{
	struct stoker_spec spec = { .name = "a", .image = "no-such-image" };
	struct stoker_error checked, created;
	(void)state;
	assert_int_equal(stoker_check_spec(s, &spec, &checked), STOKER_E_MISSING);
	assert_int_equal(stoker_create(s, &spec, NULL, NULL, &created), STOKER_E_MISSING);
	assert_string_equal(checked.why, created.why);
}

static void label_filters(void **state)
{
	static const char *const bad[] = { "", "=", "=b", "a=b=c", "a,b", "a=b,c=d", "a b", "a=\xff", "a\x1b" };
	struct stoker_vm *vms = NULL;
	struct stoker_error err;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(spec_check_label_filter(bad[i], &err), STOKER_E_INVALID);
		assert_non_null(strstr(err.why, "is no label"));
		assert_non_null(strstr(err.fix, "key or key=value"));
		/* Before it looks for a store. */
		const struct stoker_filter filter = { .labels = (const char *const[]){ "a", bad[i], NULL } };
		assert_int_equal(stoker_list(s, &filter, &vms, &count, &err), STOKER_E_INVALID);
		assert_null(vms);
	}
	assert_int_equal(spec_check_label_filter("a", &err), STOKER_OK);
	assert_int_equal(spec_check_label_filter("a=", &err), STOKER_OK);
	assert_int_equal(spec_check_label_filter("équipe=ビルド", &err), STOKER_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(made_names_are_names),
		cmocka_unit_test(sizes_and_words),
		cmocka_unit_test(labels),
		cmocka_unit_test(label_filters),
		cmocka_unit_test(check_is_what_create_checks),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
