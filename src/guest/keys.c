/* SPDX-License-Identifier: Apache-2.0
 *
 * keys.c - the SSH key of a VM: ed25519 of random bytes, written in the
 * format that both OpenSSH and libssh2 read (openssh-key-v1, not encrypted:
 * the folder is 0700 and the key opens nothing but its one VM).
 *
 * The public half is put in place before the private one, each by a rename:
 * where `key` exists, both files are whole.
 */
#include "guest/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "guest/ed25519.h"

#define KEY_BYTES 32
#define KEY_TYPE "ssh-ed25519"
#define KEY_COMMENT "stoker"
#define KEY_LINE 70 /* characters of base64 per line, as OpenSSH writes them */

/* Bytes of a key under construction; `over` remembers that something did not fit. */
struct bytes {
	unsigned char data[512];
	size_t len;
	bool over;
};

static void put(struct bytes *b, const void *data, size_t len)
{
	if (len > sizeof b->data - b->len) {
		b->over = true;
		return;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void put_u32(struct bytes *b, uint32_t v)
{
	unsigned char be[4] = { (unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8),
		                (unsigned char)v };
	put(b, be, sizeof be);
}

static void put_string(struct bytes *b, const void *data, size_t len)
{
	put_u32(b, (uint32_t)len);
	put(b, data, len);
}

static void put_public(struct bytes *b, const unsigned char public[KEY_BYTES])
{
	put_string(b, KEY_TYPE, sizeof KEY_TYPE - 1);
	put_string(b, public, KEY_BYTES);
}

static void put_private(struct bytes *b, const unsigned char seed[KEY_BYTES], const unsigned char public[KEY_BYTES],
                        uint32_t check)
{
	struct bytes blob = { .len = 0 }, secret = { .len = 0 };

	put_public(&blob, public);
	/* The same random number twice tells a right passphrase from a wrong one; without one it only has to be there. */
	put_u32(&secret, check);
	put_u32(&secret, check);
	put_public(&secret, public);
	put_u32(&secret, 2 * KEY_BYTES);
	put(&secret, seed, KEY_BYTES);
	put(&secret, public, KEY_BYTES);
	put_string(&secret, KEY_COMMENT, sizeof KEY_COMMENT - 1);
	for (unsigned char pad = 1; secret.len % 8 != 0 && !secret.over; pad++)
		put(&secret, &pad, 1);

	put(b, "openssh-key-v1", sizeof "openssh-key-v1");
	put_string(b, "none", 4);
	put_string(b, "none", 4);
	put_string(b, "", 0);
	put_u32(b, 1);
	put_string(b, blob.data, blob.len);
	put_string(b, secret.data, secret.len);
	b->over = b->over || blob.over || secret.over;
	OPENSSL_cleanse(&secret, sizeof secret);
}

/* The text of the private file; its length, or 0 when it does not fit. */
static size_t armour(char *out, size_t cap, const struct bytes *key)
{
	unsigned char base64[sizeof key->data * 4 / 3 + 8];
	int len = EVP_EncodeBlock(base64, key->data, (int)key->len);
	size_t used = (size_t)snprintf(out, cap, "-----BEGIN OPENSSH PRIVATE KEY-----\n");

	for (int at = 0; at < len && used < cap; at += KEY_LINE)
		used += (size_t)snprintf(out + used, cap - used, "%.*s\n", len - at < KEY_LINE ? len - at : KEY_LINE,
		                         (const char *)base64 + at);
	if (used < cap)
		used += (size_t)snprintf(out + used, cap - used, "-----END OPENSSH PRIVATE KEY-----\n");
	OPENSSL_cleanse(base64, sizeof base64);
	return used < cap ? used : 0;
}

/* Puts dir/name in place whole: written aside, then renamed over what is there. */
static enum stoker_status file_put(const char *dir, const char *name, const char *text, size_t len,
                                   struct stoker_error *err)
{
	char path[PATH_MAX], aside[PATH_MAX];
	enum stoker_status st = STOKER_OK;
	size_t done = 0;
	int fd;

	if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path ||
	    snprintf(aside, sizeof aside, "%s/.%s.new", dir, name) >= (int)sizeof aside)
		return error_errno(err, ENAMETOOLONG, "cannot write the SSH key below %.200s", dir);
	unlink(aside); /* left by one that was killed here */
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, errno, "cannot make %.300s", aside);
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			st = error_errno(err, errno, "cannot write %.300s", aside);
			break;
		}
		done += (size_t)n;
	}
	if (close(fd) != 0 && st == STOKER_OK)
		st = error_errno(err, errno, "cannot write %.300s", aside);
	if (st == STOKER_OK && rename(aside, path) != 0)
		st = error_errno(err, errno, "cannot put %.300s in place", path);
	if (st != STOKER_OK)
		unlink(aside);
	return st;
}

enum stoker_status key_make(const char *dir, char public_line[256], struct stoker_error *err)
{
	unsigned char seed[KEY_BYTES], public[KEY_BYTES], base64[128];
	size_t len;
	struct bytes blob = { .len = 0 }, key = { .len = 0 };
	enum stoker_status st;
	char text[1024];
	uint32_t check;

	if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed || getrandom(&check, sizeof check, 0) != (ssize_t)sizeof check) {
		st = error_errno(err, errno, "no random numbers for an SSH key");
		goto out;
	}
	ed25519_public(public, seed);
	put_public(&blob, public);
	put_private(&key, seed, public, check);
	len = armour(text, sizeof text, &key);
	if (blob.over || key.over || len == 0) {
		st = error_set(err, STOKER_E_FAILED, "the SSH key is larger than it can be");
		goto out;
	}
	EVP_EncodeBlock(base64, blob.data, (int)blob.len);
	snprintf(public_line, 256, KEY_TYPE " %s " KEY_COMMENT "\n", (const char *)base64);
	st = file_put(dir, "key.pub", public_line, strlen(public_line), err);
	if (st == STOKER_OK)
		st = file_put(dir, "key", text, len, err);
	public_line[strcspn(public_line, "\n")] = '\0';
out:
	OPENSSL_cleanse(seed, sizeof seed);
	OPENSSL_cleanse(&key, sizeof key);
	OPENSSL_cleanse(text, sizeof text);
	return st;
}

enum stoker_status key_public(const char *dir, char public_line[256], struct stoker_error *err)
{
	char path[PATH_MAX], text[256];
	ssize_t n;
	int fd;

	if (snprintf(path, sizeof path, "%s/key.pub", dir) >= (int)sizeof path)
		return error_errno(err, ENAMETOOLONG, "cannot read the SSH key below %.200s", dir);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		enum stoker_status st = error_errno(err, errno, "cannot read %.300s", path);
		if (errno == ENOENT)
			error_fix(err, "The VM's key is lost: delete the VM and create it anew");
		return st;
	}
	do {
		n = read(fd, text, sizeof text - 1);
	} while (n < 0 && errno == EINTR);
	close(fd);
	if (n < 0)
		return error_errno(err, errno, "cannot read %.300s", path);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	/* The line goes onto a kernel command line: nothing but what we wrote may pass. */
	if (strncmp(text, KEY_TYPE " ", sizeof KEY_TYPE) != 0 ||
	    text[sizeof KEY_TYPE + strspn(text + sizeof KEY_TYPE, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                                  "0123456789+/= -_.@")] != '\0' || (size_t)n < sizeof KEY_TYPE + 40) {
		error_set(err, STOKER_E_FAILED, "%.300s does not hold an ed25519 key", path);
		return error_fix(err, "The VM's key is damaged: delete the VM and create it anew");
	}
	snprintf(public_line, 256, "%s", text);
	return STOKER_OK;
}
