/* SPDX-License-Identifier: Apache-2.0
 *
 * store_vfs.c - SQLite's own file layer, but a journal that is there is not taken for a new one.
 *
 * A connection opens the journal anew for each transaction, with O_CREAT, and
 * then syncs the folder too: one more flush of the disk in each commit, for an
 * entry that has been there since the first. Without O_CREAT, where that opens
 * it, the folder is synced only when the journal was just made.
 */
#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>
#include <sys/stat.h>

#include "store_db.h"

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	sqlite3_vfs *system = sqlite3_vfs_find("unix");
	struct stat info;
	(void)vfs;
	/* At a FIFO an open would wait for its other end, for ever. */
	if (name && lstat(name, &info) == 0 && !S_ISREG(info.st_mode))
		return SQLITE_CANTOPEN;
	if ((flags & SQLITE_OPEN_MAIN_JOURNAL) &&
	    system->xOpen(system, name, file, flags & ~SQLITE_OPEN_CREATE, out_flags) == SQLITE_OK)
		return SQLITE_OK;
	return system->xOpen(system, name, file, flags, out_flags);
}

static sqlite3_vfs layer; /* SQLite's list of layers is the process's; this entry is written once, before it is listed */

static void list_layer(void)
{
	const sqlite3_vfs *system = sqlite3_vfs_find("unix");
	if (!system)
		return;
	layer = *system;
	layer.pNext = NULL;
	layer.zName = "stoker";
	layer.xOpen = open_file;
	sqlite3_vfs_register(&layer, 0);
}

const char *store_vfs(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, list_layer);
	return layer.zName;
}
