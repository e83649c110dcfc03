/* SPDX-License-Identifier: Apache-2.0
 *
 * ssh_hostkey.c - host keys: their text forms, and the comparison that comes
 * before anything is said to a guest.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "guest/ssh_conn.h"
#include "lifecycle.h"

#define KEY_TYPE "ssh-ed25519"
#define BLOB_BYTES 51 /* u32 11, "ssh-ed25519", u32 32, key */

static const unsigned char blob_head[19] = "\0\0\0\013" KEY_TYPE "\0\0\0\040";

void ssh_fingerprint(const void *blob, size_t len, char out[64])
{
	unsigned char digest[EVP_MAX_MD_SIZE], base64[96];
	unsigned n = 0;
	int chars;

	if (EVP_Digest(blob, len, digest, &n, EVP_sha256(), NULL) != 1 || n != 32) {
		snprintf(out, 64, "SHA256:?");
		return;
	}
	chars = EVP_EncodeBlock(base64, digest, 32);
	while (chars > 0 && base64[chars - 1] == '=')
		chars--;
	snprintf(out, 64, "SHA256:%.*s", chars, (const char *)base64);
}

bool ssh_key_blob(const char *line, unsigned char blob[64], size_t *len)
{
	unsigned char text[72], out[64];
	size_t chars;

	if (strncmp(line, KEY_TYPE " ", sizeof KEY_TYPE) != 0)
		return false;
	line += sizeof KEY_TYPE;
	chars = strcspn(line, " \t\r\n");
	if (chars != BLOB_BYTES / 3 * 4)
		return false;
	memcpy(text, line, chars);
	if (EVP_DecodeBlock(out, text, (int)chars) != BLOB_BYTES || memcmp(out, blob_head, sizeof blob_head) != 0)
		return false;
	memcpy(blob, out, BLOB_BYTES);
	*len = BLOB_BYTES;
	return true;
}

bool ssh_key_line(const void *blob, size_t len, char line[128])
{
	unsigned char base64[96];

	if (len != BLOB_BYTES || memcmp(blob, blob_head, sizeof blob_head) != 0)
		return false;
	EVP_EncodeBlock(base64, blob, BLOB_BYTES);
	snprintf(line, 128, KEY_TYPE " %s", (const char *)base64);
	return true;
}

enum stoker_status ssh_check_host_key(const struct vm_record *rec, const void *blob, size_t len,
                                      struct stoker_error *err)
{
	char shown[64], known[64];
	unsigned char pinned[64];
	size_t pinned_len;

	ssh_fingerprint(blob, len, shown);
	if (rec->vm.host_key[0] == '\0') {
		error_set(err, STOKER_E_HOST_KEY, "the guest shows the SSH host key %s, and none was recorded to compare it with",
		          shown);
		return error_fix(err, rec->agent ? "The agent tells the key when the guest is up: wait for the VM to be ready" :
		                 "Compare it with what the guest's console says, then accept it: stoker host-key %s --accept %s",
		                 rec->vm.name, shown);
	}
	if (!ssh_key_blob(rec->vm.host_key, pinned, &pinned_len)) {
		error_set(err, STOKER_E_HOST_KEY, "the recorded SSH host key of %s cannot be read", rec->vm.name);
		return error_fix(err, "Restart the VM so that its key is recorded again");
	}
	if (pinned_len == len && memcmp(pinned, blob, len) == 0)
		return STOKER_OK;
	ssh_fingerprint(pinned, pinned_len, known);
	error_set(err, STOKER_E_HOST_KEY,
	          "the SSH host key changed: recorded is %s, but the server at 127.0.0.1:%u shows %s. Either somebody else "
	          "answers there, or the guest made itself a new key; nothing was sent to it", known, rec->vm.ssh_port, shown);
	return error_fix(err, rec->agent ? "Use the channel (exec without --via ssh) to see what changed, or restart the VM" :
	                 "If you know why the key changed, accept the new one: stoker host-key %s --accept %s; else do not connect",
	                 rec->vm.name, shown);
}

enum stoker_status ssh_key_given(const char *text, char line[128], struct stoker_error *err)
{
	unsigned char blob[64];
	size_t len;

	if (ssh_key_blob(text, blob, &len) && ssh_key_line(blob, len, line))
		return STOKER_OK;
	error_set(err, STOKER_E_INVALID, "not an ed25519 host key");
	return error_fix(err, "Give the line as it stands in the guest's ssh_host_ed25519_key.pub");
}

static enum stoker_status has_agent(const struct vm_record *rec, struct stoker_error *err)
{
	if (!rec->agent)
		return STOKER_OK;
	error_set(err, STOKER_E_STATE, "%s has an agent, which alone tells its host key", rec->vm.name);
	return error_fix(err, "Restart the VM if its key changed");
}

enum stoker_status stoker_host_key_get(stoker *s, const char *ref, const struct stoker_call *call,
                                       struct stoker_host_key *out, struct stoker_error *err)
{
	struct stoker_host_key key = { 0 };
	unsigned char blob[64];
	struct vm_record rec;
	size_t len;
	enum stoker_status st = lifecycle_find(s, ref, &rec, err);

	if (st == STOKER_OK && ssh_key_blob(rec.vm.host_key, blob, &len)) {
		ssh_fingerprint(blob, len, key.recorded_fingerprint);
		memcpy(key.recorded, rec.vm.host_key, sizeof key.recorded);
	}
	if (st == STOKER_OK)
		st = ssh_shown_key(s, &rec, deadline_after_ms(call_limit_ms(s, call)), call ? call->cancel_fd : -1, key.shown, err);
	if (st == STOKER_OK && ssh_key_blob(key.shown, blob, &len))
		ssh_fingerprint(blob, len, key.fingerprint);
	if (st == STOKER_OK)
		*out = key;
	else
		error_what(err, "look at the host key of %s", st == STOKER_E_NOT_FOUND ? "it" : rec.vm.name);
	return st;
}

static enum stoker_status record_key(stoker *s, const char *id, const char *line, struct stoker_error *err)
{
	struct vm_record rec;
	int lock_fd = -1;
	enum stoker_status st = lifecycle_lock(s, id, deadline_after_ms(5000), -1, &lock_fd, err);

	if (st != STOKER_OK)
		return st;
	st = lifecycle_find(s, id, &rec, err);
	if (st == STOKER_OK)
		st = has_agent(&rec, err);
	if (st == STOKER_OK) {
		snprintf(rec.vm.host_key, sizeof rec.vm.host_key, "%s", line);
		st = store_update(s->store, &rec, err);
	}
	if (st == STOKER_OK) {
		history_event(s->store, s->actor, &rec, "host_key", "SSH host key accepted");
		handle_touch(s);
	}
	close(lock_fd);
	return st;
}

static enum stoker_status accept(stoker *s, const char *ref, const char *key, const struct stoker_call *call,
                                 struct stoker_error *err)
{
	struct stoker_host_key now;
	struct vm_record rec;
	char line[128], clean[80];
	enum stoker_status st = handle_writable(s, err);

	if (st == STOKER_OK)
		st = lifecycle_find(s, ref, &rec, err);
	if (st == STOKER_OK)
		st = has_agent(&rec, err);
	if (st != STOKER_OK)
		return st;
	if (strncmp(key, "SHA256:", 7) != 0) {
		st = ssh_key_given(key, line, err);
		return st == STOKER_OK ? record_key(s, rec.vm.id, line, err) : st;
	}
	st = stoker_host_key_get(s, rec.vm.id, call, &now, err);
	if (st == STOKER_OK && strcmp(now.fingerprint, key) != 0) {
		error_set(err, STOKER_E_HOST_KEY, "the guest shows the SSH host key %s, not %s", now.fingerprint,
		          error_clean(clean, sizeof clean, key, strnlen(key, 70)));
		return error_fix(err, "Compare it with what the guest's console says; another key is another server");
	}
	return st == STOKER_OK ? record_key(s, rec.vm.id, now.shown, err) : st;
}

enum stoker_status stoker_host_key_accept(stoker *s, const char *ref, const char *key, const struct stoker_call *call,
                                          struct stoker_error *err)
{
	enum stoker_status st = accept(s, ref, key, call, err);
	if (st != STOKER_OK)
		error_what(err, "accept the host key");
	return st;
}
