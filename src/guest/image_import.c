/* SPDX-License-Identifier: Apache-2.0
 *
 * image_import.c - what may come in as a root file system: a raw ext4 and
 * nothing else. Formats that can name further files are refused by their
 * marks, also where an ext4 stands behind the mark: whoever opened such a file
 * by guessing its format would read what its maker chose.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "image_files.h"

enum { HEAD = 2048, EXT_MAGIC = 1024 + 0x38, BOOT_MARK = 510 };

/* What a file is instead, by the bytes at its beginning. */
static const char *other_format(const unsigned char *head)
{
	static const struct {
		size_t at, n;
		const char *bytes, *name;
	} marks[] = {
		{ 0, 4, "QFI\xfb", "a qcow2 image" }, { 0, 4, "QED", "a QED image" },       { 0, 4, "KDMV", "a VMDK image" },
		{ 0, 4, "# Di", "a VMDK descriptor" }, { 0, 8, "vhdxfile", "a VHDX image" }, { 0, 8, "conectix", "a VHD image" },
		{ 64, 4, "\x7f\x10\xda\xbe", "a VDI image" }, { 0, 6, "LUKS\xba\xbe", "encrypted (LUKS)" },
		{ 0, 2, "\x1f\x8b", "compressed with gzip" }, { 0, 6, "\xfd""7zXZ", "compressed with xz" },
		{ 0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd" }, { 0, 4, "hsqs", "a squashfs" },
	};
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (memcmp(head + marks[i].at, marks[i].bytes, marks[i].n) == 0)
			return marks[i].name;
	return NULL;
}

static enum stoker_status look(const char *path, const unsigned char *head, struct stoker_error *err)
{
	const char *other = other_format(head);

	if (other && strstr(other, "compressed")) {
		error_set(err, STOKER_E_INVALID, "%s is %s", path, other);
		return error_fix(err, "Unpack it first"), STOKER_E_INVALID;
	}
	if (other) {
		error_set(err, STOKER_E_INVALID, "%s is %s; only a raw ext4 is taken, which can name no other file", path, other);
		return error_fix(err, "Make it one: qemu-img convert -O raw FILE root.img, and take the file system out of its partition"),
		       STOKER_E_INVALID;
	}
	if (head[EXT_MAGIC] == 0x53 && head[EXT_MAGIC + 1] == 0xef)
		return STOKER_OK;
	if (head[BOOT_MARK] == 0x55 && head[BOOT_MARK + 1] == 0xaa) {
		error_set(err, STOKER_E_INVALID, "%s has a partition table; the file system alone is taken", path);
		return error_fix(err, "Take it out: sfdisk -l FILE shows START and SECTORS; dd if=FILE of=root.img bs=512 skip=START "
		                 "count=SECTORS"), STOKER_E_INVALID;
	}
	error_set(err, STOKER_E_INVALID, "%s is no ext4 file system", path);
	return error_fix(err, "mke2fs -t ext4 -d FOLDER root.img 1G makes one of a folder"), STOKER_E_INVALID;
}

enum stoker_status image_import_check(const char *file, char out[STOKER_PATH_SIZE], struct stoker_error *err)
{
	unsigned char head[HEAD] = { 0 };
	char resolved[PATH_MAX], clean[200];
	enum stoker_status st;
	struct stat info;
	ssize_t n;
	int fd;

	error_clean(clean, sizeof clean, file, strnlen(file, 190));
	if (!realpath(file, resolved) || (fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
		st = errno == ENOENT || errno == ENOTDIR ? STOKER_E_NOT_FOUND : STOKER_E_FAILED;
		error_set(err, st, "the file %s cannot be read: %s", clean, strerror(errno));
		return error_fix(err, "Name a file that is a root file system: stoker image import root.ext4"), st;
	}
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) || strlen(resolved) >= STOKER_PATH_SIZE) {
		close(fd);
		return error_set(err, STOKER_E_INVALID, "%s is no ordinary file, or its path is too long", clean);
	}
	do
		n = pread(fd, head, sizeof head, 0);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n < 0)
		return error_set(err, STOKER_E_FAILED, "the file %s cannot be read", clean);
	st = look(clean, head, err);
	if (st == STOKER_OK)
		memcpy(out, resolved, strlen(resolved) + 1);
	return st;
}
