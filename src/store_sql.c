/* SPDX-License-Identifier: Apache-2.0
 *
 * store_sql.c - the statements of the store, its lock, its transactions.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "clock.h"
#include "error.h"
#include "store_db.h"

/* ---- statements */

static const char COLUMNS[] =
    "v.id,v.name,v.ip,v.ssh_port,v.state,v.ephemeral,v.backend,v.accel,v.choice,v.image,v.vcpus,v.memory_mib,"
    "v.disk_mib,v.disk_mode,v.network,v.egress,v.labels,v.created_at_ms,v.started_at_ms,v.exit_status,v.reason,"
    "v.last_phase,v.last_phase_ns,v.host_key,v.vmm_pid,v.vmm_ticks,v.vmm_boot,v.sup_pid,v.sup_ticks,v.sup_boot,"
    "v.run,v.started_ns,v.ready_ns,v.ssh_ns,v.agent,"
    "v.own_pid,v.own_ticks,v.own_boot,v.cid,v.publish,v.allow,o.kind,o.since_ns,o.owner_pid,o.owner_ticks,o.owner_boot";

#define ROWS "ROWS" /* at the front: SELECT the COLUMNS of vm and op */
static const char *const texts[STORE_STMT_COUNT] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_ROLLBACK] = "ROLLBACK",
	[STMT_INSERT_VM] =
	    "INSERT INTO vm(id,name,ip,ssh_port,state,ephemeral,backend,accel,choice,image,vcpus,memory_mib,disk_mib,"
	    "disk_mode,network,egress,labels,created_at_ms,started_at_ms,exit_status,reason,last_phase,last_phase_ns,"
	    "host_key,vmm_pid,vmm_ticks,vmm_boot,sup_pid,sup_ticks,sup_boot,run,started_ns,ready_ns,ssh_ns,agent,"
	    "own_pid,own_ticks,own_boot,cid,publish,allow) "
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,"
	    "?28,?29,?30,?31,?32,?33,?34,?35,?36,?37,?38,?39,?40,?41)",
	/* Not what has an index and never changes: SQLite would write the index all the same. */
	[STMT_UPDATE_VM] =
	    "UPDATE vm SET state=?5,ephemeral=?6,backend=?7,accel=?8,choice=?9,vcpus=?11,memory_mib=?12,"
	    "disk_mib=?13,disk_mode=?14,network=?15,egress=?16,labels=?17,created_at_ms=?18,started_at_ms=?19,"
	    "exit_status=?20,reason=?21,last_phase=?22,last_phase_ns=?23,host_key=?24,vmm_pid=?25,vmm_ticks=?26,"
	    "vmm_boot=?27,sup_pid=?28,sup_ticks=?29,sup_boot=?30,run=?31,started_ns=?32,ready_ns=?33,ssh_ns=?34,"
	    "agent=?35,own_pid=?36,own_ticks=?37,own_boot=?38,publish=?40,allow=?41 WHERE id=?1",
	[STMT_DELETE_VM] = "DELETE FROM vm WHERE id=?1",
	[STMT_SET_OP] =
	    "INSERT OR REPLACE INTO op(vm,kind,since_ns,owner_pid,owner_ticks,owner_boot) VALUES(?1,?2,?3,?4,?5,?6)",
	[STMT_CLEAR_OP] = "DELETE FROM op WHERE vm=?1",
	[STMT_BY_NAME] = ROWS " WHERE v.name=?1",
	[STMT_BY_ID] = ROWS " WHERE v.id=?1",
	[STMT_BY_PREFIX] = ROWS " WHERE v.id>=?1 AND v.id<?1||'g' LIMIT 2",
	[STMT_ALL] = ROWS " ORDER BY v.seq",
	[STMT_USED_IPS] = "SELECT ip FROM vm WHERE ip BETWEEN ?1 AND ?2 ORDER BY ip",
	[STMT_USED_PORTS] = "SELECT port FROM port WHERE port BETWEEN ?1 AND ?2 ORDER BY port",
	[STMT_ADD_PORT] = "INSERT INTO port VALUES(?1,?2)",
	[STMT_PORT_OWNER] = "SELECT v.name FROM port p JOIN vm v ON v.id=p.vm WHERE p.port=?1",
	[STMT_USED_CIDS] = "SELECT cid FROM vm WHERE cid BETWEEN ?1 AND ?2 ORDER BY cid",
	[STMT_IMAGE_USERS] = "SELECT count(*) FROM vm WHERE image=?1",
	[STMT_POOL_USE] = "SELECT count(ip),count(ssh_port) FROM vm",
};

struct sqlite3_stmt *store_stmt(struct store *store, enum store_stmt which, struct stoker_error *err)
{
	char sql[2048];
	int code;
	if (store->stmts[which])
		return store->stmts[which];
	if (strncmp(texts[which], ROWS, sizeof ROWS - 1) == 0)
		snprintf(sql, sizeof sql, "SELECT %s FROM vm v LEFT JOIN op o ON o.vm=v.id%s", COLUMNS,
		         texts[which] + sizeof ROWS - 1);
	else
		snprintf(sql, sizeof sql, "%s", texts[which]);
	code = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &store->stmts[which], NULL);
	if (code == SQLITE_OK)
		return store->stmts[which];
	store_failed(store, store->db, "use", err);
	if ((code & 0xff) == SQLITE_ERROR) /* our own text is right, so the schema is not */
		store->corrupt = true;
	return NULL;
}

void store_reset(struct sqlite3_stmt *stmt)
{
	if (stmt) {
		sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
	}
}

/* ---- the lock */

enum stoker_status store_lock(struct store *store, int operation, struct stoker_error *err)
{
	int64_t deadline = deadline_after_ms(STORE_WAIT_MS);
	struct timespec pause = { 0, 500000 };
	if (store->lock_fd < 0)
		return STOKER_OK;
	while (flock(store->lock_fd, operation | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(err, errno, "cannot lock %s/store.lock", store->dir);
		if (clock_now_ns() >= deadline) {
			error_set(err, STOKER_E_TIMEOUT, "another process has held %s/store.lock for %d seconds",
			          store->dir, STORE_WAIT_MS / 1000);
			return error_fix(err, "See who holds it: fuser -v '%s/store.lock'", store->dir),
			       STOKER_E_TIMEOUT;
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 8000000)
			pause.tv_nsec *= 2;
	}
	return STOKER_OK;
}

void store_unlock(struct store *store)
{
	if (store->lock_fd >= 0)
		flock(store->lock_fd, LOCK_UN);
}

/* ---- transactions */

static int run(struct store *store, enum store_stmt which, struct stoker_error *err, enum stoker_status *st)
{
	struct sqlite3_stmt *stmt = store_stmt(store, which, err);
	int code;
	*st = STOKER_OK;
	if (!stmt) {
		*st = STOKER_E_STORE;
		return SQLITE_ERROR;
	}
	code = sqlite3_step(stmt);
	if (code != SQLITE_DONE)
		*st = store_failed(store, store->db, "write", err);
	sqlite3_reset(stmt);
	return code;
}

/* Of a commit's four calls to the disk, NORMAL leaves out one: the journal's header is not written after its pages but
 * with them (each page has its checksum). */
static void set_synchronous(struct store *store, bool lasting)
{
	if (store->relaxed == lasting &&
	    sqlite3_exec(store->db, lasting ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL, NULL, NULL) == SQLITE_OK)
		store->relaxed = !lasting;
}

enum stoker_status store_begin(struct store *store, bool lasting, struct stoker_error *err)
{
	enum stoker_status st;
	if (store->read_only)
		return error_set(err, STOKER_E_READ_ONLY, "the store was opened read-only");
	for (int tries = 0; tries < 4; tries++) {
		struct stat sb;
		st = store_current(store, err);
		if (st == STOKER_OK)
			st = store_lock(store, LOCK_SH, err);
		if (st != STOKER_OK)
			return st;
		/* Only under the lock it is certain that nobody replaces the file any more. */
		if (fstatat(store->dir_fd, "store.db", &sb, AT_SYMLINK_NOFOLLOW) < 0 || sb.st_ino != store->file.ino ||
		    sb.st_dev != store->file.dev) {
			store_unlock(store);
			continue;
		}
		set_synchronous(store, lasting);
		run(store, STMT_BEGIN, err, &st);
		if (st != STOKER_OK)
			store_unlock(store);
		return st;
	}
	return error_set(err, STOKER_E_STORE, "the store in %s is replaced again and again by another program",
	                 store->dir);
}

enum stoker_status store_end(struct store *store, enum stoker_status st, struct stoker_error *err)
{
	enum stoker_status ignored;
	if (st == STOKER_OK)
		run(store, STMT_COMMIT, err, &st);
	/* A failed COMMIT may or may not have ended the transaction: ask SQLite. */
	if (st != STOKER_OK && !sqlite3_get_autocommit(store->db))
		run(store, STMT_ROLLBACK, NULL, &ignored);
	store_unlock(store);
	return st;
}
