/* SPDX-License-Identifier: Apache-2.0
 *
 * fc_place.h - a runtime folder with that of one VM in it, for tests of the
 * Firecracker backend. Short: the path of a unix socket has 108 bytes.
 */
#ifndef STOKER_TESTS_FC_PLACE_H
#define STOKER_TESTS_FC_PLACE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor/control.h"

#define ID "0123456789abcdef"

struct fc_place {
	char root[64], run[128];
};

static inline bool fc_place_make(struct fc_place *place)
{
	strcpy(place->root, "/tmp/stoker-fc-XXXXXX");
	if (!mkdtemp(place->root))
		return false;
	snprintf(place->run, sizeof place->run, "%s/vms", place->root);
	mkdir(place->run, 0700);
	snprintf(place->run, sizeof place->run, "%s/vms/" ID, place->root);
	return mkdir(place->run, 0700) == 0;
}

/* The API's socket may be left in it, and nothing else. */
static inline int fc_place_remove(const struct fc_place *place)
{
	char path[192];
	snprintf(path, sizeof path, "%s/" VMM_API_SOCKET, place->run);
	unlink(path);
	rmdir(place->run);
	snprintf(path, sizeof path, "%s/vms", place->root);
	rmdir(path);
	return rmdir(place->root);
}

#endif
