/* SPDX-License-Identifier: Apache-2.0
 *
 * store.c - opening the store, its schema, its transactions.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "store_db.h"

/* ---- schema */

/* migrations[v] carries a store of version v to v + 1; a new store starts at 0.
 * An entry is never changed once released: a change is a new entry. */
static const char *const migrations[] = {
	"CREATE TABLE meta(k TEXT PRIMARY KEY, v TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE vm("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT," /* order of creation */
	" id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,"
	" ip INTEGER UNIQUE, ssh_port INTEGER UNIQUE," /* NULL: none */
	" state INTEGER NOT NULL, ephemeral INTEGER NOT NULL,"
	" backend TEXT NOT NULL, accel TEXT NOT NULL, choice TEXT NOT NULL, image TEXT NOT NULL,"
	" vcpus INTEGER NOT NULL, memory_mib INTEGER NOT NULL, disk_mib INTEGER NOT NULL,"
	" disk_mode INTEGER NOT NULL, network INTEGER NOT NULL, egress TEXT NOT NULL, labels TEXT NOT NULL,"
	" created_at_ms INTEGER NOT NULL, started_at_ms INTEGER NOT NULL,"
	" exit_status INTEGER NOT NULL, reason TEXT NOT NULL,"
	" last_phase INTEGER NOT NULL, last_phase_ns INTEGER NOT NULL, host_key TEXT NOT NULL,"
	" vmm_pid INTEGER NOT NULL, vmm_ticks INTEGER NOT NULL, vmm_boot TEXT NOT NULL,"
	" sup_pid INTEGER NOT NULL, sup_ticks INTEGER NOT NULL, sup_boot TEXT NOT NULL,"
	" run INTEGER NOT NULL, started_ns INTEGER NOT NULL, ready_ns INTEGER NOT NULL, ssh_ns INTEGER NOT NULL,"
	" agent INTEGER NOT NULL,"
	" own_pid INTEGER NOT NULL, own_ticks INTEGER NOT NULL, own_boot TEXT NOT NULL);"
	"CREATE INDEX vm_image ON vm(image);"
	"CREATE TABLE op("
	" vm TEXT PRIMARY KEY REFERENCES vm(id) ON DELETE CASCADE,"
	" kind INTEGER NOT NULL, since_ns INTEGER NOT NULL,"
	" owner_pid INTEGER NOT NULL, owner_ticks INTEGER NOT NULL, owner_boot TEXT NOT NULL) WITHOUT ROWID;",
	/* 1 -> 2 */
	"ALTER TABLE vm ADD COLUMN cid INTEGER;" /* of its vsock; NULL: none */
	"UPDATE vm SET cid=seq+2;"               /* seq begins at 1, context ids at 3 */
	"CREATE UNIQUE INDEX vm_cid ON vm(cid);"
	/* Every port of the host that leads into a VM, the one to its SSH among them: no two VMs have the same. */
	"ALTER TABLE vm ADD COLUMN publish TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE vm ADD COLUMN allow TEXT NOT NULL DEFAULT '';"
	"CREATE TABLE port(port INTEGER PRIMARY KEY, vm TEXT NOT NULL REFERENCES vm(id) ON DELETE CASCADE);"
	"CREATE INDEX port_vm ON port(vm);"
	"INSERT INTO port SELECT ssh_port,id FROM vm WHERE ssh_port IS NOT NULL;",
};
#define SCHEMA_VERSION ((int)(sizeof migrations / sizeof *migrations))

/* A version further ahead than this is a damaged header, not a newer stoker. */
#define SCHEMA_PLAUSIBLE (SCHEMA_VERSION + 1000)
/* MAX_PATHNAME of SQLite's Unix files: a number of its inside, which it tells nobody. */
#define SQLITE_PATH_MAX 512

/* ---- failures */

bool store_code_is_corrupt(int code)
{
	code &= 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_MISMATCH || code == SQLITE_FORMAT;
}

enum stoker_status store_failed(struct store *store, struct sqlite3 *db, const char *doing, struct stoker_error *err)
{
	int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM, e = db ? sqlite3_system_errno(db) : 0;
	const char *why = sqlite3_errstr(code);
	const char *dir = store ? store->dir : "the state folder";

	if (code == SQLITE_IOERR_NOMEM)
		code = SQLITE_NOMEM;
	if (store && store_code_is_corrupt(code))
		store->corrupt = true;
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return error_errno(err, ENOMEM, "cannot %s the store", doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		error_set(err, STOKER_E_TIMEOUT, "cannot %s the store: another process has held it for %d seconds",
		          doing, STORE_WAIT_MS / 1000);
		return error_fix(err, "See who holds it: fuser -v '%s/store.db'", dir), STOKER_E_TIMEOUT;
	case SQLITE_FULL:
		e = ENOSPC; /* SQLite says FULL without an errno as well */
		break;
	default:
		break;
	}
	error_set(err, STOKER_E_STORE, "cannot %s the store in %s: %s%s%s", doing, dir, why, e ? ": " : "",
	          e ? strerror(e) : "");
	switch (code & 0xff) {
	case SQLITE_FULL:
		error_fix(err, "Free disk space and try again; nothing was lost");
		break;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		if ((code & 0xff) == SQLITE_CANTOPEN && strlen(dir) > SQLITE_PATH_MAX - sizeof "/store.db-journal")
			error_fix(err, "Choose a folder with a shorter path: SQLite takes at most %d bytes", SQLITE_PATH_MAX);
		else
			error_fix(err, "Check owner, mode and free space of '%s' and that it is not mounted read-only", dir);
		break;
	case SQLITE_IOERR:
		error_fix(err, e == ENOSPC || e == EDQUOT ? "Free disk space and try again; nothing was lost"
		                                          : "Look at the disk (dmesg) before going on");
		break;
	default:
		break;
	}
	return STOKER_E_STORE;
}

/* ---- connections */

/* Waits a little, longer each time, with a jitter so that many waiting writers do not come back as one. */
static int on_busy(void *user, int tries)
{
	struct timespec pause = { 0, 0 };
	int64_t now = clock_now_ns();
	(void)user;
	/* Sum of the pauses below: ~55 ms for the first ten, ~10 ms each after. */
	if (tries > 10 + (STORE_WAIT_MS - 55) / 10)
		return 0;
	pause.tv_nsec = (long)((tries < 10 ? tries + 1 : 10) * 500000LL +
	                       (now / 1000 % 1000) * (tries < 10 ? tries + 1 : 10) * 1000);
	nanosleep(&pause, NULL);
	return 1;
}

int store_connect(const char *path, bool read_only, struct sqlite3 **out)
{
	static const char pragmas[] = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
	                              "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;";
	/* Read-only handles too may have to roll a dead writer's journal back; query_only keeps them from more. */
	int code = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
	                           store_vfs());
	if (code != SQLITE_OK)
		return code;
	sqlite3_busy_handler(*out, on_busy, NULL);
	sqlite3_db_config(*out, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*out, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_limit(*out, SQLITE_LIMIT_ATTACHED, 0);
	code = sqlite3_exec(*out, pragmas, NULL, NULL, NULL);
	if (code == SQLITE_OK && read_only)
		code = sqlite3_exec(*out, "PRAGMA query_only=ON", NULL, NULL, NULL);
	return code;
}

static int pragma_int(struct sqlite3 *db, const char *sql, int64_t *out)
{
	struct sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (code == SQLITE_OK) {
		code = sqlite3_step(stmt);
		if (code == SQLITE_ROW) {
			*out = sqlite3_column_int64(stmt, 0);
			code = SQLITE_OK;
		} else if (code == SQLITE_DONE) {
			*out = -1;
			code = SQLITE_OK;
		}
	}
	sqlite3_finalize(stmt);
	return code;
}

enum stoker_status store_migrate(struct sqlite3 *db, struct stoker_error *err)
{
	char sql[160];
	int64_t version = 0;
	enum stoker_status st = STOKER_OK;

	if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return store_failed(NULL, db, "prepare", err);
	/* Asked again under the lock: another process may have done it meanwhile. */
	if (pragma_int(db, "PRAGMA user_version", &version) != SQLITE_OK)
		goto fail;
	for (; version < SCHEMA_VERSION; version++) {
		if (version < 0 || sqlite3_exec(db, migrations[version], NULL, NULL, NULL) != SQLITE_OK)
			goto fail;
		snprintf(sql, sizeof sql,
		         "INSERT OR REPLACE INTO meta VALUES('schema','%lld'); PRAGMA user_version=%lld; PRAGMA "
		         "application_id=%d;",
		         (long long)version + 1, (long long)version + 1, STORE_APPLICATION_ID);
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			goto fail;
	}
	if (sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		return STOKER_OK;
fail:
	st = store_failed(NULL, db, "prepare", err);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return st;
}

static bool integrity_ok(struct sqlite3 *db, int *code, char *why, size_t cap)
{
	struct sqlite3_stmt *stmt = NULL;
	bool ok = false;
	*code = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &stmt, NULL);
	if (*code == SQLITE_OK) {
		*code = sqlite3_step(stmt);
		if (*code == SQLITE_ROW) {
			const char *text = (const char *)sqlite3_column_text(stmt, 0);
			*code = SQLITE_OK;
			ok = text && strcmp(text, "ok") == 0;
			if (!ok)
				error_clean(why, cap, text ? text : "", text ? strnlen(text, cap - 1) : 0);
		}
	}
	sqlite3_finalize(stmt);
	return ok;
}

enum verdict { SOUND, CORRUPT, REFUSED };

/* Looks a freshly opened database over. CORRUPT fills why, REFUSED fills err. */
static enum verdict verify(struct store *store, struct sqlite3 *db, char *why, size_t cap, struct stoker_error *err)
{
	int64_t app = 0, version = 0, told = -1, ours = 0, tables = 0;
	int code;

	if ((code = pragma_int(db, "PRAGMA application_id", &app)) != SQLITE_OK ||
	    (code = pragma_int(db, "PRAGMA user_version", &version)) != SQLITE_OK ||
	    (code = pragma_int(db, "SELECT count(*) FROM sqlite_schema", &tables)) != SQLITE_OK ||
	    (code = pragma_int(db, "SELECT count(*) FROM sqlite_schema WHERE name IN('vm','op','meta')", &ours)) !=
	        SQLITE_OK)
		goto failed;
	if (app != STORE_APPLICATION_ID && tables > 0 && ours == 0) {
		error_set(err, STOKER_E_STORE, "%s/store.db is a database of another program", store->dir);
		error_fix(err, "Choose another place with --state DIR, or move that file away");
		return REFUSED;
	}
	if (ours == 3 &&
	    (code = pragma_int(db, "SELECT CAST(v AS INTEGER) FROM meta WHERE k='schema'", &told)) != SQLITE_OK &&
	    code != SQLITE_ERROR)
		goto failed;
	/* The version stands in the header and in a row: only when both say so it is a newer stoker's. */
	if (app == STORE_APPLICATION_ID && version == told && version > SCHEMA_VERSION && version <= SCHEMA_PLAUSIBLE) {
		error_set(err, STOKER_E_STORE,
		          "the store in %s was written by a newer stoker (its version %lld, ours %d)", store->dir,
		          (long long)version, SCHEMA_VERSION);
		error_fix(err, "Use that newer stoker; this one leaves the store as it is");
		return REFUSED;
	}
	if (app != STORE_APPLICATION_ID || ours != 3 || version != told || version < 1 || version > SCHEMA_VERSION) {
		snprintf(why, cap, "its header or schema is damaged");
		return CORRUPT;
	}
	/* SQLite takes a file for read-only when its header asks for a newer SQLite. */
	if (!store->read_only && sqlite3_db_readonly(db, "main") == 1) {
		if (faccessat(store->dir_fd, "store.db", W_OK, AT_EACCESS) == 0) {
			snprintf(why, cap, "its header is damaged");
			return CORRUPT;
		}
		error_errno(err, errno, "cannot write %s/store.db", store->dir);
		return REFUSED;
	}
	if (!integrity_ok(db, &code, why, cap)) {
		if (code != SQLITE_OK)
			goto failed;
		return CORRUPT;
	}
	if (version < SCHEMA_VERSION) {
		if (store->read_only) {
			error_set(err, STOKER_E_STORE,
			          "the store in %s is of an older version and cannot be carried forward read-only",
			          store->dir);
			error_fix(err, "Run stoker once without read-only mode");
			return REFUSED;
		}
		if (store_migrate(db, err) != STOKER_OK)
			return REFUSED;
	}
	return SOUND;
failed:
	/* A statement of ours that does not compile means a damaged schema. */
	if (store_code_is_corrupt(code) || (code & 0xff) == SQLITE_ERROR) {
		snprintf(why, cap, "%s", sqlite3_errmsg(db));
		return CORRUPT;
	}
	store_failed(store, db, "open", err);
	return REFUSED;
}

void store_detach(struct store *store)
{
	for (size_t i = 0; i < STORE_STMT_COUNT; i++) {
		sqlite3_finalize(store->stmts[i]);
		store->stmts[i] = NULL;
	}
	sqlite3_close(store->db);
	store->db = NULL;
	store->file = (struct store_file){ 0, 0 };
}

/* What is at STATE/store.db: a file that is ours, or nothing. */
static enum stoker_status look(const struct store *store, struct stat *sb, bool *there, struct stoker_error *err)
{
	*there = false;
	if (fstatat(store->dir_fd, "store.db", sb, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return STOKER_OK;
		return error_errno(err, errno, "cannot look at %s/store.db", store->dir);
	}
	if (!S_ISREG(sb->st_mode)) {
		error_set(err, STOKER_E_STORE, "%s/store.db is not a regular file", store->dir);
		return error_fix(err, "Move it away: what it was is rebuilt from the VMs' manifests");
	}
	if (sb->st_uid != geteuid()) {
		error_set(err, STOKER_E_STORE, "%s/store.db belongs to user %u, not to you", store->dir,
		          (unsigned)sb->st_uid);
		return error_fix(err, "Use stoker as that user, or choose another place with --state DIR");
	}
	if (sb->st_mode & 077) {
		error_set(err, STOKER_E_STORE, "%s/store.db is open to others (mode %03o)", store->dir,
		          (unsigned)sb->st_mode & 0777);
		return error_fix(err, "Close it: chmod 600 '%s/store.db'", store->dir);
	}
	*there = sb->st_size > 0;
	return STOKER_OK;
}

static enum verdict open_file(struct store *store, const struct stat *sb, bool *gone, char *why, size_t cap,
                              struct stoker_error *err)
{
	struct stat now;
	char path[4096];
	enum verdict v;
	int code;

	*gone = false;
	if (snprintf(path, sizeof path, "%s/store.db", store->dir) >= (int)sizeof path) {
		error_set(err, STOKER_E_INVALID, "the path of the state folder is too long");
		return REFUSED;
	}
	code = store_connect(path, store->read_only, &store->db);
	store->relaxed = false;
	/* The journal is kept and written over: to truncate it would free its blocks at the end of each commit and allocate
	 * them again in the next, which takes a file system longer than the commit (with `discard`, 1.3 ms of 1.6). */
	if (code == SQLITE_OK && !store->read_only)
		code =
		    sqlite3_exec(store->db, "PRAGMA journal_mode=PERSIST; PRAGMA synchronous=FULL;", NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		/* ERROR: "unsupported file format", as a damaged header has it. */
		if (store_code_is_corrupt(code) || (code & 0xff) == SQLITE_ERROR) {
			snprintf(why, cap, "%s", sqlite3_errmsg(store->db));
			v = CORRUPT;
		} else {
			store_failed(store, store->db, "open", err);
			v = REFUSED;
		}
	} else {
		v = verify(store, store->db, why, cap, err);
	}
	/* Replaced by hand between the look and the opening: what was verified is not what we looked at. */
	if (fstatat(store->dir_fd, "store.db", &now, AT_SYMLINK_NOFOLLOW) < 0 || now.st_ino != sb->st_ino ||
	    now.st_dev != sb->st_dev)
		*gone = true;
	if (v == SOUND && !*gone)
		store->file = (struct store_file){ sb->st_dev, sb->st_ino };
	else
		store_detach(store);
	return v;
}

/* Without a file that may be written: what the manifests tell, in memory. */
static enum stoker_status attach_memory(struct store *store, const char *why, struct stoker_error *err)
{
	unsigned taken = 0, unusable = 0;
	enum stoker_status st = STOKER_OK;
	if (store_connect(":memory:", false, &store->db) != SQLITE_OK)
		st = store_failed(store, store->db, "open", err);
	if (st == STOKER_OK)
		st = store_migrate(store->db, err);
	if (st == STOKER_OK)
		st = store_fill(store, &taken, &unusable, err);
	if (st != STOKER_OK) {
		store_detach(store);
		return st;
	}
	store->in_memory = true;
	if (store->notice && (why || taken))
		snprintf(
		    store->notice, store->notice_cap,
		    "the store is %s%s%s; read-only, %u VMs are shown from their manifests and nothing was changed",
		    why ? "corrupt (" : "gone", why ? why : "", why ? ")" : "", taken);
	return STOKER_OK;
}

/* Connects to the store.db of now, making or rebuilding it when needed.
 * `suspect` (NULL: none) is a file in which a row was found damaged. */
static enum stoker_status attach(struct store *store, const struct store_file *suspect, struct stoker_error *err)
{
	char why[256] = "";
	struct stoker_error local;
	bool exclusive = false;

	if (!err)
		err = &local;
	for (int tries = 0; tries < 16; tries++) {
		struct stat sb;
		bool there, gone = false;
		enum verdict v = CORRUPT;
		enum stoker_status st = store_lock(store, exclusive ? LOCK_EX : LOCK_SH, err);
		if (st == STOKER_OK)
			st = look(store, &sb, &there, err);
		if (st != STOKER_OK) {
			store_unlock(store);
			return st;
		}
		if (there && suspect && suspect->dev == sb.st_dev && suspect->ino == sb.st_ino)
			snprintf(why, sizeof why, "a record in it is damaged");
		else if (there)
			v = open_file(store, &sb, &gone, why, sizeof why, err);
		if (!gone && (v != CORRUPT || store->read_only || exclusive)) {
			if (v == SOUND)
				st = STOKER_OK;
			else if (v == REFUSED)
				st = err->code;
			else if (store->read_only)
				st = attach_memory(store, there ? why : NULL, err);
			else
				st = store_rebuild(store, there ? why : NULL, err);
			store_unlock(store);
			if (v != CORRUPT || st != STOKER_OK || store->read_only)
				return st;
			exclusive = false;
			continue; /* open what was made */
		}
		/* To be made or rebuilt: again under the exclusive lock, where another may have done it already. */
		store_unlock(store);
		exclusive = !gone;
	}
	error_set(err, STOKER_E_STORE, "the store in %s is replaced again and again by another program", store->dir);
	return STOKER_E_STORE;
}

enum stoker_status store_current(struct store *store, struct stoker_error *err)
{
	struct stat sb;
	if (store->in_memory)
		return STOKER_OK;
	if (store->db && fstatat(store->dir_fd, "store.db", &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	    sb.st_ino == store->file.ino && sb.st_dev == store->file.dev)
		return STOKER_OK;
	store_detach(store);
	return attach(store, NULL, err);
}

bool store_mended(struct store *store)
{
	struct store_file suspect = store->file;
	if (!store->corrupt)
		return false;
	store->corrupt = false;
	if (store->in_memory)
		return false;
	store_detach(store);
	return attach(store, &suspect, NULL) == STOKER_OK;
}

/* ---- opening and closing */

static enum stoker_status open_folder(struct store *store, struct stoker_error *err)
{
	struct stat sb;
	if (!store->read_only && mkdir(store->dir, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "cannot make the state folder %s", store->dir);
	store->dir_fd = open(store->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->dir_fd < 0 || fstat(store->dir_fd, &sb) < 0)
		return error_errno(err, errno, "cannot open the state folder %s", store->dir);
	if (sb.st_uid != geteuid()) {
		error_set(err, STOKER_E_STORE, "the state folder %s belongs to user %u, not to you", store->dir,
		          (unsigned)sb.st_uid);
		return error_fix(err, "Choose another place with --state DIR");
	}
	if (sb.st_mode & 077) {
		error_set(err, STOKER_E_STORE, "the state folder %s is open to others (mode %03o)", store->dir,
		          (unsigned)sb.st_mode & 0777);
		return error_fix(err, "Close it: chmod 700 '%s'", store->dir);
	}
	store->lock_fd = openat(
	    store->dir_fd, "store.lock",
	    store->read_only ? O_RDONLY | O_CLOEXEC | O_NOFOLLOW : O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0 && !store->read_only)
		return error_errno(err, errno, "cannot open %s/store.lock", store->dir);
	return STOKER_OK;
}

enum stoker_status store_open(const char *state_dir, bool read_only, struct store **out, char *notice, size_t cap,
                              struct stoker_error *err)
{
	struct store *store = calloc(1, sizeof *store);
	enum stoker_status st;

	*out = NULL;
	if (notice && cap)
		notice[0] = '\0';
	if (!store)
		return error_errno(err, ENOMEM, "cannot open the store");
	store->dir_fd = store->lock_fd = -1;
	store->read_only = read_only;
	store->notice = cap ? notice : NULL;
	store->notice_cap = cap;
	store->dir = strdup(state_dir);
	st = store->dir ? open_folder(store, err) : error_errno(err, ENOMEM, "cannot open the store");
	if (st == STOKER_OK)
		st = attach(store, NULL, err);
	store->notice = NULL; /* the caller's, for this call only */
	if (st != STOKER_OK) {
		store_close(store);
		return st;
	}
	*out = store;
	return STOKER_OK;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	history_close(store);
	store_detach(store);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	if (store->dir_fd >= 0)
		close(store->dir_fd);
	free(store->dir);
	free(store);
}
