/* SPDX-License-Identifier: Apache-2.0
 *
 * vm_filter.h - the language that says which VMs are meant.
 *
 * Terms are separated by blanks and must all hold; `!` before one turns it
 * round. A word without a key must be somewhere in name, state, address,
 * image, labels or backend. `key:value` asks one field; several values with
 * commas between them are alternatives; `*` and `?` in a value stand for any
 * characters and any one. `key>number` and its like compare, with a unit:
 *
 *     state:running cpu>50 mem>=1G label:tier=web !backend:qemu age>1h web
 *
 * Reading never fails: a term that is wrong or not finished is left out, and
 * `problem` says what is wrong, so that a list can follow while one types.
 * Nothing is allocated.
 */
#ifndef STOKER_UI_COMMON_VM_FILTER_H
#define STOKER_UI_COMMON_VM_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stoker.h"

#define FILTER_SIZE 512 /* of the text, its NUL included */
#define FILTER_TERMS_MAX 32

enum vm_filter_key {
	FILTER_WORD, FILTER_NAME, FILTER_STATE, FILTER_LABEL, FILTER_BACKEND, FILTER_ACCEL, FILTER_IMAGE, FILTER_IP,
	FILTER_ID, FILTER_NETWORK, FILTER_DISK_MODE, FILTER_IS, /* text up to here */
	FILTER_CPU, FILTER_MEM, FILTER_RSS, FILTER_DISK, FILTER_VCPUS, FILTER_AGE, FILTER_UP, FILTER_PORT, FILTER_PID,
	FILTER_EXIT, FILTER_KEY_COUNT
};

enum vm_filter_compare { FILTER_EQUAL, FILTER_MORE, FILTER_LESS, FILTER_AT_LEAST, FILTER_AT_MOST };

struct vm_filter_term {
	enum vm_filter_key key;
	enum vm_filter_compare compare;
	bool negative;
	uint16_t from, len; /* the value in the filter's text */
	int64_t number;     /* percent, MiB, milliseconds or a plain number, by key */
};

struct vm_filter {
	char text[FILTER_SIZE];
	struct vm_filter_term terms[FILTER_TERMS_MAX];
	size_t count;
	size_t problem_at; /* byte offset of the term that is wrong */
	char problem[160]; /* a sentence without a final stop, "" when all is well */
};

/* What is asked about one VM; what is not known is -1 and fits no comparison. */
struct vm_filter_facts {
	const struct stoker_vm *vm;
	int64_t cpu_percent, rss_mib, uptime_ms;
	int64_t now_ms;    /* wall clock, for age */
	bool marked, busy;
};

/* Reads `text` (cut at FILTER_SIZE). False when `problem` was set. */
bool vm_filter_read(struct vm_filter *filter, const char *text);
/* True when every term holds; an empty filter fits every VM. */
bool vm_filter_fits(const struct vm_filter *filter, const struct vm_filter_facts *facts);

/* How the term that ends at byte `at` of `text` can go on. The i-th VM comes
 * from `vm_at`. Writes at most `cap` candidates, each the whole term up to
 * there, without doubles; *from is where the term begins. */
#define FILTER_CANDIDATE_SIZE 128
size_t vm_filter_complete(const char *text, size_t at, const struct stoker_vm *(*vm_at)(const void *context, size_t i),
                       const void *context, size_t vms, char (*out)[FILTER_CANDIDATE_SIZE], size_t cap, size_t *from);

#endif
