/* SPDX-License-Identifier: Apache-2.0
 *
 * handle.h - what is behind `stoker *`, and the files of a place.
 *
 *   STATE/store.db            what is recorded (store.c)
 *   STATE/store.lock          guards which file store.db is (store_db.h)
 *   STATE/history.db          timings and events: advisory, may be lost
 *   STATE/instance            by which devices of the host are known as ours (net/link.h)
 *   STATE/forwarding          devices for which forwarding was turned on (net/forward.h)
 *   STATE/changed             touched after every change; watched with inotify
 *   STATE/vms/ID/             one VM: manifest.json, disk.ext4, key, console.log[.1]
 *   STATE/trash/ID/           the same of a VM that was deleted and rests (trash.h)
 *   STATE/templates/          formatted empty ext4 images, one per size
 *   STATE/bin/                programs that stoker_install() fetched
 *   RUNTIME/vms/ID/           status, metrics, control.sock, qmp.sock, console.sock, channel.sock
 *   IMAGES/NAME/              image.json, vmlinux, initrd, root.ext4
 *
 * All folders are 0700, all files 0600. ID is the VM's id. The lock of a VM is
 * flock() on its STATE/vms/ID folder: it dies with its holder.
 */
#ifndef STOKER_SRC_HANDLE_H
#define STOKER_SRC_HANDLE_H

#include "process.h"
#include "stoker.h"

struct store;
struct settings;
struct net_filter;
struct traffic;
struct sampler;

struct stoker {
	char *state_dir, *runtime_dir, *image_dir, *config_file; /* absolute */
	char *firecracker; /* that of the options, absolute or a name to look up in PATH; NULL: as the settings say */
	struct store *store;
	struct settings *settings;
	struct net_filter *filter; /* net/net.h */
	char boot_id[BOOT_ID_SIZE];
	char actor[16];
	char notice[512];
	bool read_only;
	struct stoker_watch *changes; /* of lifecycle_wait_change(); NULL before the first */
	struct sampler *sampler; /* host.h; NULL before the first stoker_sample_vms() */
	struct traffic *traffic; /* guest/traffic.h; NULL before the second of them */
};

/* Joins printf-wise into a PATH_MAX buffer: STATE/<fmt>. False when too long. */
bool path_state(const stoker *s, char out[STOKER_PATH_SIZE], const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool path_runtime(const stoker *s, char out[STOKER_PATH_SIZE], const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool path_image(const stoker *s, char out[STOKER_PATH_SIZE], const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Refuses a changing call on a read-only handle. */
enum stoker_status handle_writable(const stoker *s, struct stoker_error *err);

/* Touches STATE/changed so that every watcher looks again. */
void handle_touch(const stoker *s);

/* Opens a folder and waits for its flock() (call->timeout_ms < 0: ten minutes). `held` names what others hold it for:
 * "build of an image". The caller closes *fd. */
enum stoker_status folder_lock(const char *folder, const char *held, const struct stoker_call *call, int *fd,
                               struct stoker_error *err);

/* settings.c */
enum stoker_status settings_load(const char *file, bool must_exist, struct settings **out, struct stoker_error *err);
void settings_free(struct settings *settings);
/* Somebody wrote it into the file, be it the standard value. */
bool settings_given(const struct settings *settings, const char *key);
const char *settings_get(const struct settings *settings, const char *key);
/* The number behind a key, checked when the file was read. */
long settings_number(const struct settings *settings, const char *key);

#endif
