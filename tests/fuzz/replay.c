/* SPDX-License-Identifier: Apache-2.0
 *
 * replay.c - a main() for a fuzz target without libFuzzer: every file of the
 * folders named, the empty input, and mutations of each from a fixed seed, so
 * that a failure comes again.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAP = 256 * 1024, MUTATIONS = 300 };

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint32_t random32(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

/* Exactly sized on the heap: AddressSanitizer sees the first byte read too far. */
static void one(const uint8_t *data, size_t len)
{
	uint8_t *copy = calloc(len ? len : 1, 1);
	if (!copy)
		abort();
	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void mutate(const uint8_t *data, size_t len)
{
	uint8_t *copy = calloc(len + 64, 1);
	if (!copy)
		abort();
	for (int i = 0; i < MUTATIONS; i++) {
		size_t n = len;
		memcpy(copy, data, len);
		for (uint32_t k = random32() % 4 + 1; k > 0 && n > 0; k--) {
			size_t at = random32() % n, piece = random32() % 16 + 1;
			switch (random32() % 4) {
			case 0:
				copy[at] = (uint8_t)random32();
				break;
			case 1:
				copy[at] ^= (uint8_t)(1u << random32() % 8);
				break;
			case 2: /* cut a piece out */
				piece = piece < n - at ? piece : n - at;
				memmove(copy + at, copy + at + piece, n - at - piece);
				n -= piece;
				break;
			default: /* say a piece twice */
				if (at + piece <= n && n + piece <= len + 64) {
					memmove(copy + at + piece, copy + at, n - at);
					n += piece;
				}
			}
		}
		one(copy, n);
	}
	free(copy);
}

static void file(const char *path)
{
	uint8_t *data = malloc(CAP);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 && data ? read(fd, data, CAP) : -1;
	if (n < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
	one(data, (size_t)n);
	mutate(data, (size_t)n);
	free(data);
}

int main(int argc, char **argv)
{
	unsigned files = 0;
	one((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++) {
		struct dirent *entry;
		DIR *dir = opendir(argv[i]);
		if (!dir) {
			file(argv[i]);
			files++;
			continue;
		}
		while ((entry = readdir(dir)) != NULL) {
			char path[4096];
			if (entry->d_name[0] == '.' ||
			    snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name) >= (int)sizeof path)
				continue;
			file(path);
			files++;
		}
		closedir(dir);
	}
	printf("%u files and %u mutations\n", files, files * MUTATIONS);
	return files == 0;
}
