/* SPDX-License-Identifier: Apache-2.0
 *
 * store_history.c - timings and events: advisory, quick to write, allowed to
 * be lost. Nothing here ever makes a lifecycle call fail.
 *
 * The journal is a file (PERSIST) though nothing is synced: a journal in
 * memory would let every kill -9 in the middle of a commit break the file,
 * and the file costs some 20 microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "store_db.h"

#define HISTORY_VERSION 1
#define HISTORY_WAIT_MS 2000
#define TIMINGS_PER_PHASE 64
#define TIMINGS_MAX 20000
#define TRIM_EVERY 256 /* timings: the whole is trimmed once in so many */
#define EVENTS_MAX 10000

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE timing(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, name TEXT NOT NULL,"
    " run INTEGER NOT NULL, phase INTEGER NOT NULL, start_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL);"
    "CREATE INDEX timing_vm ON timing(id,phase,seq);"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, id TEXT NOT NULL,"
    " name TEXT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL);"
    "PRAGMA user_version=1;"
    "COMMIT;";

#define STRING(x) #x
#define NUMBER(x) STRING(x)

static const char *const texts[HISTORY_STMT_COUNT] = {
	[HIST_ADD_TIMING] =
	    "INSERT INTO timing(id,name,run,phase,start_ns,duration_ns,at_ms) VALUES(?1,?2,?3,?4,?5,?6,?7)",
	[HIST_TRIM_VM] =
	    "DELETE FROM timing WHERE seq IN(SELECT seq FROM timing WHERE id=?1 AND phase=?2 ORDER BY seq DESC "
	    "LIMIT -1 OFFSET " NUMBER(TIMINGS_PER_PHASE) ")",
	[HIST_TRIM_ALL] = "DELETE FROM timing WHERE seq<=(SELECT seq FROM timing ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
	[HIST_ADD_EVENT] = "INSERT INTO event(at_ms,id,name,actor,kind,text) VALUES(?1,?2,?3,?4,?5,?6)",
	[HIST_TRIM_EVENTS] = "DELETE FROM event WHERE seq<=?1",
	[HIST_TIMINGS] = "SELECT id,name,run,phase,start_ns,duration_ns,at_ms FROM timing ORDER BY seq DESC",
	[HIST_TIMINGS_OF] = "SELECT id,name,run,phase,start_ns,duration_ns,at_ms FROM timing WHERE id=coalesce("
	                    "(SELECT id FROM timing WHERE id=?1 LIMIT 1),"
	                    "(SELECT id FROM timing WHERE name=?1 ORDER BY seq DESC LIMIT 1)) ORDER BY seq DESC",
	[HIST_EVENTS] = "SELECT * FROM(SELECT seq,at_ms,id,name,actor,kind,text FROM event WHERE seq>?1 "
	                "ORDER BY seq DESC LIMIT ?2) ORDER BY seq",
};

/* ---- opening */

void history_close(struct store *store)
{
	for (size_t i = 0; i < HISTORY_STMT_COUNT; i++) {
		sqlite3_finalize(store->history_stmts[i]);
		store->history_stmts[i] = NULL;
	}
	sqlite3_close(store->history);
	store->history = NULL;
}

/* The state folder itself is the lock under which history.db is made or
 * replaced: store.lock may be held by this very handle already. */
static bool guard(const struct store *store)
{
	struct timespec pause = { 0, 1000000 };
	int64_t deadline = deadline_after_ms(HISTORY_WAIT_MS);
	while (flock(store->dir_fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || clock_now_ns() >= deadline)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool same_file(const struct store *store)
{
	struct stat sb;
	return fstatat(store->dir_fd, "history.db", &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	       sb.st_ino == store->history_file.ino && sb.st_dev == store->history_file.dev;
}

static void discard(const struct store *store)
{
	unlinkat(store->dir_fd, "history.db-journal", 0);
	unlinkat(store->dir_fd, "history.db", 0);
}

/* Under the guard: connects to what is there. False: it is of no use. */
static bool connect_file(struct store *store, bool *fresh)
{
	char path[4096];
	struct sqlite3_stmt *stmt = NULL;
	struct stat sb;
	int version = -1, fd;

	*fresh = false;
	if (fstatat(store->dir_fd, "history.db", &sb, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT || store->read_only)
			return false;
		unlinkat(store->dir_fd, "history.db-journal", 0); /* of a file that is no more */
		fd = openat(store->dir_fd, "history.db", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 || fchmod(fd, 0600) < 0 || fstat(fd, &sb) < 0) {
			if (fd >= 0)
				close(fd);
			return false;
		}
		close(fd);
		*fresh = true;
	} else if (!S_ISREG(sb.st_mode) || sb.st_uid != geteuid() || (sb.st_mode & 077)) {
		return false;
	}
	if (snprintf(path, sizeof path, "%s/history.db", store->dir) >= (int)sizeof path ||
	    store_connect(path, store->read_only, &store->history) != SQLITE_OK)
		return false;
	sqlite3_busy_timeout(store->history, HISTORY_WAIT_MS);
	if (!store->read_only && sqlite3_exec(store->history, "PRAGMA journal_mode=PERSIST; PRAGMA synchronous=OFF;",
	                                      NULL, NULL, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_prepare_v2(store->history, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	/* Empty: just made, or its maker died before the schema. */
	if (version == 0 && !store->read_only && sb.st_size == 0)
		version = sqlite3_exec(store->history, schema, NULL, NULL, NULL) == SQLITE_OK ? HISTORY_VERSION : -1;
	store->history_file = (struct store_file){ sb.st_dev, sb.st_ino };
	return version == HISTORY_VERSION;
}

static bool history_ready(struct store *store)
{
	bool ok = false, fresh = false;
	if (store->history && same_file(store))
		return true;
	history_close(store);
	if (store->dir_fd < 0 || !guard(store))
		return false;
	ok = connect_file(store, &fresh);
	if (!ok) {
		int code = store->history ? sqlite3_errcode(store->history) : SQLITE_OK;
		history_close(store);
		/* Only what cannot get better is thrown away: not a full disk or a busy file. */
		if (!store->read_only && !fresh &&
		    (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE || store_code_is_corrupt(code) ||
		     code == SQLITE_ERROR)) {
			discard(store);
			ok = connect_file(store, &fresh);
			if (!ok)
				history_close(store);
		}
	}
	flock(store->dir_fd, LOCK_UN);
	return ok;
}

static struct sqlite3_stmt *statement(struct store *store, enum history_stmt which)
{
	if (!store->history_stmts[which])
		sqlite3_prepare_v3(store->history, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
		                   &store->history_stmts[which], NULL);
	return store->history_stmts[which];
}

/* After a failure: true when the file was broken and an empty one is in its place. */
static bool replaced(struct store *store)
{
	int code = store->history ? sqlite3_errcode(store->history) : SQLITE_OK;
	if (store->read_only || (!store_code_is_corrupt(code) && code != SQLITE_ERROR) || !guard(store))
		return false;
	if (same_file(store))
		discard(store);
	flock(store->dir_fd, LOCK_UN);
	history_close(store);
	return history_ready(store);
}

/* ---- writing */

struct entry {
	enum history_stmt add;
	const struct vm_record *rec;
	enum stoker_phase phase;
	int64_t start_ns, duration_ns;
	const char *actor, *kind, *text;
};

static bool step(struct sqlite3_stmt *s)
{
	bool ok = s && sqlite3_step(s) == SQLITE_DONE;
	store_reset(s);
	return ok;
}

static bool add(struct store *store, const struct entry *e)
{
	static const char none[] = "";
	const char *id = e->rec ? e->rec->vm.id : none, *name = e->rec ? e->rec->vm.name : none;
	struct sqlite3_stmt *s = statement(store, e->add);
	int64_t seq;

	if (!s)
		return false;
	if (e->add == HIST_ADD_EVENT) {
		sqlite3_bind_int64(s, 1, clock_wall_ms());
		sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 3, name, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 4, e->actor, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 5, e->kind, -1, SQLITE_STATIC);
		sqlite3_bind_text(s, 6, e->text, -1, SQLITE_STATIC);
		if (!step(s))
			return false;
		s = statement(store, HIST_TRIM_EVENTS);
		if (!s)
			return false;
		sqlite3_bind_int64(s, 1, sqlite3_last_insert_rowid(store->history) - EVENTS_MAX);
		return step(s);
	}
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): every timing has its record */
	sqlite3_bind_int64(s, 3, e->rec->run);
	sqlite3_bind_int(s, 4, (int)e->phase);
	sqlite3_bind_int64(s, 5, e->start_ns);
	sqlite3_bind_int64(s, 6, e->duration_ns);
	sqlite3_bind_int64(s, 7, clock_wall_ms());
	if (!step(s))
		return false;
	seq = sqlite3_last_insert_rowid(store->history);
	s = statement(store, HIST_TRIM_VM);
	if (!s)
		return false;
	sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, (int)e->phase);
	if (!step(s))
		return false;
	if (seq % TRIM_EVERY)
		return true;
	s = statement(store, HIST_TRIM_ALL);
	if (!s)
		return false;
	sqlite3_bind_int(s, 1, TIMINGS_MAX - TRIM_EVERY);
	return step(s);
}

static void record(struct store *store, const struct entry *entries, size_t n)
{
	if (!store || store->read_only || !history_ready(store))
		return;
	for (int tries = 0; tries < 2; tries++) {
		bool ok = sqlite3_exec(store->history, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
		for (size_t i = 0; ok && i < n; i++)
			ok = add(store, &entries[i]);
		if (ok && sqlite3_exec(store->history, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
			return;
		if (tries || !replaced(store)) {
			if (store->history && !sqlite3_get_autocommit(store->history))
				sqlite3_exec(store->history, "ROLLBACK", NULL, NULL, NULL);
			return;
		}
	}
}

static struct entry timing_entry(const struct vm_record *rec, enum stoker_phase phase, int64_t start_ns, int64_t duration_ns)
{
	return (struct entry){
		.add = HIST_ADD_TIMING, .rec = rec, .phase = phase, .start_ns = start_ns, .duration_ns = duration_ns
	};
}

static bool is_timing(enum stoker_phase phase, int64_t duration_ns)
{
	return (unsigned)phase < STOKER_PHASE_COUNT && duration_ns >= 0;
}

void history_timing(struct store *store, const struct vm_record *rec, enum stoker_phase phase, int64_t start_ns,
                    int64_t duration_ns)
{
	struct entry e = timing_entry(rec, phase, start_ns, duration_ns);
	if (is_timing(phase, duration_ns))
		record(store, &e, 1);
}

#define EVENT_TEXT sizeof((struct stoker_event *)0)->text

/* The event's text, harmless. */
static void event_text(char clean[EVENT_TEXT], const char *text, va_list ap)
{
	char line[EVENT_TEXT];
	vsnprintf(line, sizeof line, text, ap);
	error_clean(clean, sizeof line, line, strlen(line));
}

void history_event(struct store *store, const char *actor, const struct vm_record *rec, const char *kind,
                   const char *text, ...)
{
	char clean[EVENT_TEXT];
	struct entry e = { .add = HIST_ADD_EVENT, .rec = rec, .actor = actor, .kind = kind, .text = clean };
	va_list ap;
	va_start(ap, text);
	event_text(clean, text, ap);
	va_end(ap);
	record(store, &e, 1);
}

void history_done(struct store *store, const char *actor, const struct vm_record *rec, enum stoker_phase phase,
                  int64_t start_ns, int64_t duration_ns, const char *kind, const char *text, ...)
{
	char clean[EVENT_TEXT];
	struct entry e[] = {
		timing_entry(rec, phase, start_ns, duration_ns),
		{ .add = HIST_ADD_EVENT, .rec = rec, .actor = actor, .kind = kind, .text = clean },
	};
	size_t skip = is_timing(phase, duration_ns) ? 0 : 1;
	va_list ap;
	va_start(ap, text);
	event_text(clean, text, ap);
	va_end(ap);
	record(store, e + skip, 2 - skip);
}

/* ---- reading */

static void take(struct sqlite3_stmt *s, int at, char *out, size_t cap)
{
	const char *text = (const char *)sqlite3_column_text(s, at);
	error_clean(out, cap, text ? text : "", text ? (size_t)sqlite3_column_bytes(s, at) : 0);
}

static void take_timing(struct sqlite3_stmt *s, void *out)
{
	struct stoker_timing *t = out;
	int phase = sqlite3_column_int(s, 3);
	take(s, 0, t->id, sizeof t->id);
	take(s, 1, t->name, sizeof t->name);
	t->run = (uint32_t)sqlite3_column_int64(s, 2);
	t->phase = phase >= 0 && phase < STOKER_PHASE_COUNT ? (enum stoker_phase)phase : STOKER_PHASE_NONE;
	t->start_ns = sqlite3_column_int64(s, 4);
	t->duration_ns = sqlite3_column_int64(s, 5);
	t->at_ms = sqlite3_column_int64(s, 6);
}

static void take_event(struct sqlite3_stmt *s, void *out)
{
	struct stoker_event *e = out;
	e->seq = sqlite3_column_int64(s, 0);
	e->at_ms = sqlite3_column_int64(s, 1);
	take(s, 2, e->id, sizeof e->id);
	take(s, 3, e->name, sizeof e->name);
	take(s, 4, e->actor, sizeof e->actor);
	take(s, 5, e->kind, sizeof e->kind);
	take(s, 6, e->text, sizeof e->text);
}

static enum stoker_status rows(struct store *store, struct sqlite3_stmt *s, size_t size,
                               void (*take_row)(struct sqlite3_stmt *s, void *out), void **out, size_t *count,
                               struct stoker_error *err)
{
	char *all = NULL;
	size_t n = 0, cap = 0;
	int code;

	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (n == cap) {
			char *more;
			cap = cap ? cap * 2 : 64;
			more = reallocarray(all, cap, size);
			if (!more) {
				free(all);
				store_reset(s);
				return error_errno(err, ENOMEM, "cannot read the history");
			}
			all = more;
		}
		memset(all + n * size, 0, size);
		take_row(s, all + n * size);
		n++;
	}
	store_reset(s);
	if (code != SQLITE_DONE) {
		free(all);
		return store_failed(NULL, store->history, "read the history of", err);
	}
	*out = all;
	*count = n;
	return STOKER_OK;
}

enum stoker_status history_timings(struct store *store, const char *id_or_name, struct stoker_timing **out,
                                   size_t *count, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	void *all = NULL;
	*count = 0;
	for (int tries = 0; tries < 2 && history_ready(store); tries++) {
		struct sqlite3_stmt *s = statement(store, id_or_name ? HIST_TIMINGS_OF : HIST_TIMINGS);
		if (s && id_or_name)
			sqlite3_bind_text(s, 1, id_or_name, -1, SQLITE_STATIC);
		st = s ? rows(store, s, sizeof **out, take_timing, &all, count, err)
		       : store_failed(NULL, store->history, "read the history of", err);
		if (st == STOKER_OK || !replaced(store))
			break;
	}
	*out = all;
	return st;
}

enum stoker_status history_events(struct store *store, int64_t since, size_t limit, struct stoker_event **out,
                                  size_t *count, struct stoker_error *err)
{
	enum stoker_status st = STOKER_OK;
	void *all = NULL;
	*count = 0;
	for (int tries = 0; tries < 2 && history_ready(store); tries++) {
		struct sqlite3_stmt *s = statement(store, HIST_EVENTS);
		if (s) {
			sqlite3_bind_int64(s, 1, since);
			sqlite3_bind_int64(s, 2, limit > EVENTS_MAX ? EVENTS_MAX : (sqlite3_int64)limit);
		}
		st = s ? rows(store, s, sizeof **out, take_event, &all, count, err)
		       : store_failed(NULL, store->history, "read the history of", err);
		if (st == STOKER_OK || !replaced(store))
			break;
	}
	*out = all;
	return st;
}
