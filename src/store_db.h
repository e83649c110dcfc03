/* SPDX-License-Identifier: Apache-2.0
 *
 * store_db.h - what the files store*.c share: connections, statements,
 * transactions. Nobody else includes it.
 *
 *   store.c         opening, checking, schema, migration
 *   store_vfs.c     how SQLite opens its journal
 *   store_sql.c     statements, lock, transactions
 *   store_rescue.c  moving a corrupt store aside, rebuilding it from manifests
 *   store_vm.c      the records
 *   store_history.c timings and events
 *
 * Two locks. SQLite's own (POSIX locks on store.db) order readers and writers.
 * STATE/store.lock guards which file store.db IS: it is held shared while a
 * transaction writes and exclusively while a store is made or replaced, so that
 * no acknowledged write can land in a file that was moved aside. POSIX locks
 * vanish when any descriptor of the file is closed, so store.db is never opened
 * but by SQLite; to look at it, stat() is used.
 */
#ifndef STOKER_SRC_STORE_DB_H
#define STOKER_SRC_STORE_DB_H

#include <sys/stat.h>

#include "store.h"

struct sqlite3;
struct sqlite3_stmt;

#define STORE_APPLICATION_ID 0x53746b72 /* "Stkr" */
#define STORE_WAIT_MS 10000

/* Every statement of the store is prepared once per handle, when first used. */
enum store_stmt {
	STMT_BEGIN,
	STMT_COMMIT,
	STMT_ROLLBACK,
	STMT_INSERT_VM,
	STMT_UPDATE_VM,
	STMT_DELETE_VM,
	STMT_SET_OP,
	STMT_CLEAR_OP,
	STMT_BY_NAME,
	STMT_BY_ID,
	STMT_BY_PREFIX,
	STMT_ALL,
	STMT_USED_IPS,
	STMT_USED_PORTS,
	STMT_USED_CIDS,
	STMT_ADD_PORT,
	STMT_PORT_OWNER,
	STMT_IMAGE_USERS,
	STMT_POOL_USE,
	STORE_STMT_COUNT
};

enum history_stmt {
	HIST_ADD_TIMING,
	HIST_TRIM_VM,
	HIST_TRIM_ALL,
	HIST_ADD_EVENT,
	HIST_TRIM_EVENTS,
	HIST_TIMINGS,
	HIST_TIMINGS_OF,
	HIST_EVENTS,
	HISTORY_STMT_COUNT
};

struct store_file { /* which file a connection has open */
	dev_t dev;
	ino_t ino;
};

struct store {
	char *dir;
	int dir_fd;
	int lock_fd; /* STATE/store.lock; -1 when read-only and absent */
	bool read_only;
	bool in_memory; /* read-only and the file is corrupt or absent: rebuilt in memory only */
	struct sqlite3 *db;
	struct store_file file;
	struct sqlite3_stmt *stmts[STORE_STMT_COUNT];
	struct sqlite3 *history;
	struct store_file history_file;
	struct sqlite3_stmt *history_stmts[HISTORY_STMT_COUNT];
	bool relaxed; /* the connection's `synchronous` is NORMAL just now, not FULL */
	bool corrupt; /* the call under way met a corrupt page or row */
	char *notice; /* where a rescue is told of; NULL when nobody asks */
	size_t notice_cap;
};

/* ---- store.c */

/* Makes the schema in an empty database, or carries an older one forward. */
enum stoker_status store_migrate(struct sqlite3 *db, struct stoker_error *err);
/* Opens `path` with everything a connection of ours must have set. */
int store_connect(const char *path, bool read_only, struct sqlite3 **out);
/* Gives the connection and its statements back. */
void store_detach(struct store *store);
/* Error for a failed SQLite call on db; remembers corruption in *store (may be NULL). */
enum stoker_status store_failed(struct store *store, struct sqlite3 *db, const char *doing, struct stoker_error *err);
bool store_code_is_corrupt(int code);

/* Makes sure that the connection is on the store.db of now. */
enum stoker_status store_current(struct store *store, struct stoker_error *err);
/* True when the call just failed over corruption and the store was rebuilt: try it once more. */
bool store_mended(struct store *store);

/* ---- store_vfs.c */

/* The name of the file layer to open store.db with; NULL: SQLite's own. */
const char *store_vfs(void);

/* ---- store_sql.c */

/* A prepared statement, reset and without bindings; NULL: failed, *err set. */
struct sqlite3_stmt *store_stmt(struct store *store, enum store_stmt which, struct stoker_error *err);
/* Gives a statement back so that it holds no read lock. */
void store_reset(struct sqlite3_stmt *stmt);

/* A write transaction; on failure nothing is held. store_end commits when st is OK, else rolls back.
 * lasting: what is committed is there after a power cut as well. Otherwise a cut within the file system's commit interval
 * may take back the whole transaction, never a part of it; other processes see it at once either way. */
enum stoker_status store_begin(struct store *store, bool lasting, struct stoker_error *err);
enum stoker_status store_end(struct store *store, enum stoker_status st, struct stoker_error *err);

/* flock with the store's patience. */
enum stoker_status store_lock(struct store *store, int operation, struct stoker_error *err);
void store_unlock(struct store *store);

/* ---- store_rescue.c */

/* With store.lock held exclusively: makes store.db anew from the manifests and
 * moves what was there aside. `why` says what was wrong with it. */
enum stoker_status store_rebuild(struct store *store, const char *why, struct stoker_error *err);
/* Reads all manifests into an open, empty database with a schema. */
enum stoker_status store_fill(struct store *store, unsigned *taken, unsigned *unusable, struct stoker_error *err);

/* ---- store_vm.c */

/* Within a transaction: the same, giving way where something is taken: the
 * name gets a piece of the id behind it, address and port are left out. */
enum stoker_status store_put_yielding(struct store *store, struct vm_record *rec, struct stoker_error *err);

/* Ends a statement: `code` is what its last step gave. */
enum stoker_status store_finish(struct store *store, struct sqlite3_stmt *stmt, int code, struct stoker_error *err);
void store_ip_text(uint32_t ip, char out[46]);

/* ---- store_alloc.c */

/* Within a transaction: the lowest free CID, address and port of the pools, and that the ports to be published are free. */
enum stoker_status store_allocate(struct store *store, struct vm_record *rec, const struct store_pools *pools,
                                  struct stoker_error *err);

/* ---- store_history.c */
void history_close(struct store *store);

/* ---- manifest.c */

/* NULL when every field of a record is within what it may hold, else which is not. */
const char *record_fault(const struct vm_record *rec);

#endif
