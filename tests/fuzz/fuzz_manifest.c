/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz_manifest.c - a manifest that is damaged or hostile: refused, or read as
 * a record that may be kept, written again and read back the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_db.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/tmp/stoker-fuzz-XXXXXX";

static void clean(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/in.json", dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/vms", dir);
	rmdir(path);
	rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char in[64];
	struct vm_record rec, again;
	char path[128];
	FILE *f;

	if (!in[0]) {
		if (!mkdtemp(dir))
			abort();
		snprintf(in, sizeof in, "%s/in.json", dir);
		snprintf(path, sizeof path, "%s/vms", dir);
		mkdir(path, 0700);
		umask(077);
		atexit(clean);
	}
	f = fopen(in, "we");
	if (!f || (size && fwrite(data, size, 1, f) != 1) || fclose(f) != 0)
		abort();
	if (manifest_read(in, &rec, NULL) != STOKER_OK)
		return 0;
	if (record_fault(&rec) || strlen(rec.vm.id) != 16 || strspn(rec.vm.id, "0123456789abcdef") != 16 ||
	    strpbrk(rec.vm.name, "/.\n\033 ") || strpbrk(rec.vm.image, "/\n\033 "))
		abort();
	snprintf(path, sizeof path, "%s/vms/%s", dir, rec.vm.id);
	if (mkdir(path, 0700) < 0 || manifest_write(dir, &rec, NULL) != STOKER_OK)
		abort();
	snprintf(path, sizeof path, "%s/vms/%s/manifest.json", dir, rec.vm.id);
	if (manifest_read(path, &again, NULL) != STOKER_OK || memcmp(&rec, &again, sizeof rec) != 0)
		abort();
	unlink(path);
	snprintf(path, sizeof path, "%s/vms/%s", dir, rec.vm.id);
	rmdir(path);
	return 0;
}
