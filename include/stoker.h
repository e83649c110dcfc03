/*
 * stoker.h - the public API of libstoker, the lifecycle backend of Stoker.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Conventions that hold for every function below:
 *
 *  - Result. Functions that can fail return an `enum stoker_status`; STOKER_OK
 *    is 0. The last argument, `struct stoker_error *err`, may be NULL; when it
 *    is given and the call fails it is filled with a code, a sentence for
 *    people and what to do about it. On success it is left untouched.
 *  - Ownership. Strings and arrays passed in are borrowed for the call only.
 *    What comes out through a `**` argument belongs to the caller, who gives
 *    it back with the function named beside it. Plain structs hold no pointers
 *    unless their comment says so and may be copied freely.
 *  - Threads. A handle (`stoker`, `stoker_session`, `stoker_shell`, ...) is
 *    used by one thread at a time. Different threads and different processes
 *    may each hold their own handle on the same state folder: the store and
 *    one lock per VM serialise them. No function uses global mutable state.
 *  - Units. `_ns` and `_ms` values that measure time spent come from
 *    CLOCK_MONOTONIC. `_at_ms` values are wall-clock milliseconds since the
 *    Unix epoch and are for showing only. Memory and disk sizes are MiB.
 *  - Time. A call that may wait takes a `struct stoker_call`; what holds without
 *    one is said beside it. Besides, every change waits for the VM's lock while
 *    another one is at it, within the same limit.
 *  - Naming a VM. `ref` is a VM's name, its whole id, or a prefix of its id
 *    of at least four characters that fits only one VM. A whole id goes first,
 *    then a name.
 */
#ifndef STOKER_H
#define STOKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define STOKER_API __attribute__((visibility("default")))
#else
#define STOKER_API
#endif

/** The backends there are, in the order in which "auto" prefers them, with `separator` (a string literal) between them. */
#define STOKER_BACKENDS(separator) "firecracker" separator "qemu"

#define STOKER_VERSION_MAJOR 0
#define STOKER_VERSION_MINOR 1
#define STOKER_VERSION_PATCH 0

/** "0.1.0". Static, never freed. */
STOKER_API const char *stoker_version(void);

/* ------------------------------------------------------------------ errors */

enum stoker_status {
	STOKER_OK = 0,
	STOKER_E_FAILED,    /**< the host or a program refused; see `why` */
	STOKER_E_INVALID,   /**< an argument is outside what is allowed */
	STOKER_E_NOT_FOUND, /**< no such VM, image, label or recipe */
	STOKER_E_EXISTS,    /**< the name is taken */
	STOKER_E_STATE,     /**< the VM's state does not allow this verb */
	STOKER_E_MISSING,   /**< a needed thing is absent: QEMU, Firecracker, a tool, the image a VM is to be created from or started
	                         with; an image that is itself asked about (inspect, delete) is STOKER_E_NOT_FOUND */
	STOKER_E_TIMEOUT,   /**< the deadline passed */
	STOKER_E_LIMIT,     /**< a pool or a host limit is exhausted */
	STOKER_E_NOMEM,     /**< memory */
	STOKER_E_CANCELLED, /**< the caller's cancel descriptor became readable */
	STOKER_E_STORE,     /**< the store is corrupt, foreign, newer, or unwritable */
	STOKER_E_READ_ONLY, /**< the handle was opened read-only */
	STOKER_E_PEER,      /**< a guest or VMM answered with something impossible */
	STOKER_E_HOST_KEY,  /**< the guest's SSH host key is not the pinned one */
	STOKER_E_AUTH,      /**< the guest refused our SSH key */
	STOKER_E_CLOSED,    /**< the other side closed the connection */
	STOKER_E_COUNT
};

struct stoker_error {
	enum stoker_status code;
	char what[192]; /**< what was being done: "start quiet-otter" */
	char why[768];  /**< why it failed, one sentence without a final stop */
	char fix[384];  /**< what to do about this very failure, or ""; stoker_error_advice() has something then, too */
};

/** What to do next: err->fix or, where that is empty, what helps with errors
 *  of its code; "" when there is nothing to advise. Lives as long as `err`. */
STOKER_API const char *stoker_error_advice(const struct stoker_error *err);

/** Writes "what: why. advice" (parts that are empty are left out). Always
 *  NUL-terminates when cap > 0; returns the full length, as snprintf does. */
STOKER_API int stoker_error_text(const struct stoker_error *err, char *buf, size_t cap);

/** The documented exit code of a command line for a status: 0 ok, 1 failed,
 *  2 usage, 3 not found, 4 wrong state (also: exists, read-only), 5 needed
 *  thing missing, 6 timed out. */
STOKER_API int stoker_exit_code(enum stoker_status status);

/** A short stable name for programs: "not_found". Static. */
STOKER_API const char *stoker_status_name(enum stoker_status status);

/* ------------------------------------------------------------------ handle */

typedef struct stoker stoker;

/** All members may be NULL/false for the defaults. */
struct stoker_options {
	const char *state_dir;   /**< else $STOKER_STATE_DIR, else $XDG_STATE_HOME/stoker or ~/.local/state/stoker,
	                              root: /var/lib/stoker */
	const char *runtime_dir; /**< else $STOKER_RUNTIME_DIR; when only state_dir is given: state_dir/run; else
	                              $XDG_RUNTIME_DIR/stoker, root: /run/stoker, without either state_dir/run */
	const char *image_dir;   /**< else $STOKER_IMAGE_DIR, else <state>/images */
	const char *config_file; /**< else $STOKER_CONFIG, else $XDG_CONFIG_HOME/stoker/stoker.conf, root:
	                              /etc/stoker/stoker.conf. A named file must exist, a default one may be absent. */
	const char *firecracker; /**< the Firecracker to use, a path or a name in PATH; else the setting firecracker.binary,
	                              and where that says nothing else the one that stoker_install() put in place */
	const char *actor;       /**< who acts, for the event log: "command", "dashboard". Default "library". */
	bool read_only;          /**< no call can change anything; changing calls give STOKER_E_READ_ONLY */
};

/** Opens (and, unless read-only, makes) the state folder and the store.
 *  Refuses a folder that is not the caller's or is open to others, a store of
 *  a newer version, and rescues a corrupt store from the per-VM manifests.
 *  `options` may be NULL. Free with stoker_close(). */
STOKER_API enum stoker_status stoker_open(const struct stoker_options *options, stoker **out,
                                          struct stoker_error *err);

/** Frees the handle. VMs are not affected. NULL is allowed. */
STOKER_API void stoker_close(stoker *s);

/** What opening had to mend or wants said ("the store was corrupt and was
 *  rebuilt from 12 manifests; the old file is kept as ..."), or what a start
 *  since then does ("Firecracker 1.99.0 is newer than ..."; once). "" when
 *  nothing. Valid until the next call on the handle. */
STOKER_API const char *stoker_notice(const stoker *s);

enum stoker_place { STOKER_PLACE_STATE, STOKER_PLACE_RUNTIME, STOKER_PLACE_IMAGES, STOKER_PLACE_CONFIG };
/** Absolute path of a place; valid while the handle is open. */
STOKER_API const char *stoker_place(const stoker *s, enum stoker_place place);

/** Settings come from the configuration file over built-in defaults. Keys are
 *  "section.key", listed in stoker.conf(5); under [keys], [filters] and
 *  [presets] the file chooses them. NULL for an unknown key. The string is
 *  valid while the handle is open and until stoker_settings_reload(). */
STOKER_API const char *stoker_setting(const stoker *s, const char *key);

struct stoker_setting_row {
	const char *key;
	const char *value;      /**< in force */
	const char *standard;   /**< built-in default */
	const char *help;       /**< one line */
	const char *origin;     /**< "default" or "path:line" */
};
/** The i-th setting in the documented order, behind them those of [keys],
 *  [filters] and [presets] in the order of the file; false past the end. */
STOKER_API bool stoker_setting_at(const stoker *s, size_t i, struct stoker_setting_row *out);
/** Reads the configuration file again. When it is wrong (STOKER_E_INVALID, the
 *  reason begins with path:line:column) the settings stay as they were; a file
 *  that has gone leaves the defaults. */
STOKER_API enum stoker_status stoker_settings_reload(stoker *s, struct stoker_error *err);

/** How a call may be limited and watched. Initialise with STOKER_CALL_INIT;
 *  a NULL `call` means the same as an initialised one. */
struct stoker_progress {
	const char *step;   /**< "copying disk" */
	int64_t done, total; /**< total 0: unknown */
};
struct stoker_call {
	int64_t timeout_ms; /**< < 0: the verb's default; 0: do not wait; else a limit for the whole call */
	int cancel_fd;      /**< < 0: none; when it becomes readable the call gives up with STOKER_E_CANCELLED
	                         after undoing what it had begun; a guest that was asked to power off may still do so */
	void (*progress)(void *user, const struct stoker_progress *p); /**< NULL: none; called on the calling thread */
	void *user;
};
#define STOKER_CALL_INIT { -1, -1, NULL, NULL }

/* --------------------------------------------------------------- the record */

enum stoker_state {
	STOKER_CREATED,
	STOKER_STARTING,
	STOKER_RUNNING,
	STOKER_PAUSED,
	STOKER_STOPPING,
	STOKER_STOPPED,
	STOKER_CRASHED, /**< the VMM died by itself; exit and reason are kept */
	STOKER_ERROR,   /**< an operation failed; the reason is kept */
	STOKER_STATE_COUNT
};
/** "created" ... "error". Static. */
STOKER_API const char *stoker_state_name(enum stoker_state state);

enum stoker_phase {
	STOKER_PHASE_CREATE, /**< request -> record, disk, address and port committed */
	STOKER_PHASE_START,  /**< request -> the VMM has accepted the boot */
	STOKER_PHASE_BOOT,   /**< end of start -> the agent's hello (no agent: SSH's banner) */
	STOKER_PHASE_SSH,    /**< end of boot, or the request when later -> first authenticated SSH session */
	STOKER_PHASE_EXEC,   /**< request -> exit status and all output */
	STOKER_PHASE_STOP,   /**< request -> the VMM is proven dead and reaped */
	STOKER_PHASE_DELETE, /**< request -> nothing of it is left on the host */
	STOKER_PHASE_COUNT,
	STOKER_PHASE_NONE = STOKER_PHASE_COUNT
};
/** "create" ... "delete", "" for none. Static. */
STOKER_API const char *stoker_phase_name(enum stoker_phase phase);

enum stoker_disk_mode { STOKER_DISK_ISOLATED, STOKER_DISK_SHARED, STOKER_DISK_COPY };
/** "isolated", "shared", "copy"; "" for anything else. Static. */
STOKER_API const char *stoker_disk_mode_name(enum stoker_disk_mode mode);

enum stoker_network { STOKER_NET_USER, STOKER_NET_TAP, STOKER_NET_NONE };
/** "user", "tap", "none"; "" for anything else. Static. */
STOKER_API const char *stoker_network_name(enum stoker_network network);

#define STOKER_ID_SIZE 17
#define STOKER_NAME_MAX 63
#define STOKER_LABELS_SIZE 512

/** One VM as the store and the host know it at the moment of the call. */
struct stoker_vm {
	char id[STOKER_ID_SIZE];          /**< 16 hexadecimal digits, never reused */
	char name[STOKER_NAME_MAX + 1];
	enum stoker_state state;
	bool ready;        /**< running, and the agent said hello (or SSH answered) in this run */
	bool stale;        /**< the host contradicts the record; `reason` says how; reconcile mends it */
	bool ephemeral;
	int64_t pid;       /**< the VMM's; 0 when none lives */
	int64_t supervisor_pid; /**< 0 when none lives */
	char ip[46];       /**< the guest's address; "" without network */
	uint16_t ssh_port; /**< on 127.0.0.1; 0 without network */
	char backend[16];  /**< "firecracker", "qemu" */
	char accel[8];     /**< "kvm", "tcg" */
	char choice[512];  /**< why this backend and acceleration were chosen */
	char image[64];
	unsigned vcpus, memory_mib, disk_mib;
	enum stoker_disk_mode disk_mode;
	enum stoker_network network;
	char egress[256];  /**< "all", "none", or with network tap the networks it may reach: "10.0.0.0/8,192.168.7.5/32" */
	char publish[256]; /**< "8080:80,8443:443": ports of 127.0.0.1 and the guest's they lead to; "" when none */
	char allow[192];   /**< what else is open to it: "guests,host,host:53,metadata"; "" when nothing */
	char labels[STOKER_LABELS_SIZE]; /**< "k=v,k2=v2", sorted by key; "" when none */
	int64_t created_at_ms;
	int64_t started_at_ms; /**< wall clock; 0 when never started */
	int64_t uptime_ms; /**< since the VMM accepted the boot; -1 when not running */
	int exit_status;   /**< of the last VMM: 0-255 exit code, 256+N ended by signal N, -1 not known */
	char reason[384];  /**< why it is crashed, in error or stale; "" otherwise */
	enum stoker_phase phase; /**< under way now, STOKER_PHASE_NONE when none */
	int64_t phase_since_ns;  /**< CLOCK_MONOTONIC when `phase` began */
	enum stoker_phase last_phase; /**< the one of create, start, boot and stop that finished last (the others are in
	                                   stoker_timings() only); STOKER_PHASE_NONE when none */
	int64_t last_phase_ns;
	char host_key[128]; /**< pinned "ssh-ed25519 AAAA...", "" before the first hello */
	bool agent;         /**< its init is stoker's agent; without it commands go over SSH */
};

/** What to create. Zero-initialise, then set what differs from the defaults
 *  (the settings defaults.* , else those named here). */
struct stoker_spec {
	const char *name;    /**< NULL: two words are made up. [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])? */
	const char *image;   /**< NULL: "micro" */
	unsigned vcpus;      /**< 0: 1 */
	unsigned memory_mib; /**< 0: 512 */
	unsigned disk_mib;   /**< 0: 2048; at least 64 */
	const char *disk_mode; /**< NULL: "isolated", or "copy" for an image without agent, which has no other; or "shared",
	                            "copy" */
	const char *backend; /**< NULL: "auto": Firecracker where it is installed, KVM runs guests and it has the network;
	                          else QEMU; or "firecracker", "qemu" */
	const char *accel;   /**< NULL: "auto"; or "kvm", "tcg" */
	const char *network; /**< NULL: "auto", what the backend has by itself: QEMU "user", Firecracker "tap"; or "user" (QEMU only), "tap" (needs
	                          CAP_NET_ADMIN), "none" */
	const char *egress;  /**< NULL: "all"; or "none": the guest reaches nothing but what connects to it; with network
	                          tap also up to 12 IPv4 networks: "10.0.0.0/8,192.168.7.5" */
	const char *publish; /**< NULL or up to 16 ports: "8080:80,8443:443" makes port 8080 of 127.0.0.1 the guest's 80 */
	const char *allow;   /**< NULL or, with network tap, what is closed otherwise: "guests" (others that have it too),
	                          "host" (its services), "host:PORT" (TCP and UDP), "metadata" (169.254.0.0/16) */
	const char *host_key; /**< NULL; for an image without agent also the key its SSH server is to show, as it stands in
	                           ssh_host_ed25519_key.pub: "ssh-ed25519 AAAA..." */
	const char *labels;  /**< NULL or "k=v,k2=v2"; letters of any script (UTF-8), digits and ._/- */
	bool ephemeral;      /**< always killed at once; deleted when stopped, or by the next call that sees its end */
	bool owned;          /**< it belongs to the calling process: once that has ended, the VM counts as left over
	                          and reconcile ends and deletes it */
};

/** Checks a specification without doing anything: the very check that
 *  stoker_create() makes, for forms that check as one types. */
STOKER_API enum stoker_status stoker_check_spec(stoker *s, const struct stoker_spec *spec, struct stoker_error *err);

/* --------------------------------------------------------------- lifecycle */

/** Makes a VM (phase create) without starting it. call->timeout_ms limits the making of its disk (default: none), which
 *  a copy makes long. STOKER_E_EXISTS: the name is taken; STOKER_E_MISSING: its image or backend; STOKER_E_LIMIT: no
 *  address, port or disk space is left. `out` may be NULL. A failure leaves nothing. */
STOKER_API enum stoker_status stoker_create(stoker *s, const struct stoker_spec *spec, const struct stoker_call *call,
                                            struct stoker_vm *out, struct stoker_error *err);

/** Starts a created, stopped, crashed or error VM (phase start); returns when
 *  the VMM has accepted the boot (call->timeout_ms, default 30 s). A failure leaves no process, and the VM as it was or
 *  in STOKER_ERROR with the reason. STOKER_E_STATE "already running" when it runs. `out` may be NULL. */
STOKER_API enum stoker_status stoker_start(stoker *s, const char *ref, const struct stoker_call *call,
                                           struct stoker_vm *out, struct stoker_error *err);

/** Stops a running VM (phase stop): asks the guest to power off and kills the
 *  VMM at the deadline (call->timeout_ms, default: the setting timeouts.stop_s, 3 s); a guest that does not listen
 *  gets ctrl-alt-del in between where the VMM has a keyboard; a paused one is resumed first. `force`, or an
 *  ephemeral VM: kills at once. Returns when the VMM is reaped. A VM that does
 *  not run is STOKER_E_STATE. An ephemeral VM is deleted with it. */
STOKER_API enum stoker_status stoker_stop(stoker *s, const char *ref, bool force, const struct stoker_call *call,
                                          struct stoker_vm *out, struct stoker_error *err);

/** Halts a running VM's processors; its memory, sockets and time stay as they are. Returns once the VMM says so
 *  (call->timeout_ms, default 10 s). STOKER_E_STATE when it does not run or is paused already. `out` may be NULL. */
STOKER_API enum stoker_status stoker_pause(stoker *s, const char *ref, const struct stoker_call *call,
                                           struct stoker_vm *out, struct stoker_error *err);
/** Lets a paused VM go on, within the same limit. STOKER_E_STATE when it is not paused. `out` may be NULL. */
STOKER_API enum stoker_status stoker_resume(stoker *s, const char *ref, const struct stoker_call *call,
                                            struct stoker_vm *out, struct stoker_error *err);

/** Deletes a VM and its disk (phase delete). A running one is refused with
 *  STOKER_E_STATE unless `force`, which kills it first. */
STOKER_API enum stoker_status stoker_delete(stoker *s, const char *ref, bool force, const struct stoker_call *call,
                                            struct stoker_error *err);

/** As stoker_delete(), but the VM rests in the trash for the time of the
 *  setting trash.keep_s before its disk goes. Its name, address and port are
 *  free at once. With a time of 0, and for an ephemeral VM, it is a plain
 *  delete. Also removes what in the trash has had its time. */
STOKER_API enum stoker_status stoker_trash_put(stoker *s, const char *ref, bool force, const struct stoker_call *call,
                                               struct stoker_error *err);

struct stoker_trashed {
	char id[STOKER_ID_SIZE];
	char name[STOKER_NAME_MAX + 1];
	char image[64];
	char labels[STOKER_LABELS_SIZE];
	unsigned memory_mib;
	int64_t created_at_ms, deleted_at_ms;
	int64_t expires_at_ms; /**< 0: not known (its mark is damaged); then it stays until it is removed by name */
	uint64_t disk_bytes;   /**< that its disk takes on the host */
};
/** What is in the trash, the one deleted last first. Free `*out` with stoker_free(). */
STOKER_API enum stoker_status stoker_trash_list(stoker *s, struct stoker_trashed **out, size_t *count,
                                                struct stoker_error *err);
/** Takes a VM out of the trash, stopped. `ref` is its name (of several the one deleted last), its id or the beginning
 *  of that; `name` (may be NULL) what it is to be called now. It gets the address and port it had, or new ones when
 *  they are taken. STOKER_E_EXISTS when its name is taken. `out` may be NULL. */
STOKER_API enum stoker_status stoker_trash_restore(stoker *s, const char *ref, const char *name, struct stoker_vm *out,
                                                   struct stoker_error *err);
/** Removes one VM (`ref`), all, or only those whose time is up from the trash, for good. `removed` (may be NULL) gets
 *  how many went. */
STOKER_API enum stoker_status stoker_trash_empty(stoker *s, const char *ref, bool expired_only, size_t *removed,
                                                 struct stoker_error *err);

/** Grows the disk of a VM that does not run to `disk_mib`, and its file system with it. Never shrinks
 *  (STOKER_E_INVALID); a running VM, or one in disk mode shared, is STOKER_E_STATE. Works on a copy, which takes the
 *  disk's place in one step: it needs room for the data a second time unless the file system shares it, and a crash
 *  leaves the old disk or the new one. The size it has already succeeds and does nothing. `out` may be NULL. */
STOKER_API enum stoker_status stoker_resize(stoker *s, const char *ref, unsigned disk_mib,
                                            const struct stoker_call *call, struct stoker_vm *out,
                                            struct stoker_error *err);

/** One VM, refreshed against the host: no subprocess, no network. */
STOKER_API enum stoker_status stoker_get(stoker *s, const char *ref, struct stoker_vm *out, struct stoker_error *err);

struct stoker_filter {
	const char *const *states; /**< NULL-terminated state names, or NULL for all */
	const char *const *labels; /**< NULL-terminated "k=v" or "k" (any value), one label each; all must match; or NULL */
};
/** All VMs in order of creation, refreshed against the host. `filter` may be
 *  NULL; a word in it that no state or label can be is STOKER_E_INVALID. Free
 *  `*out` with stoker_free(). */
STOKER_API enum stoker_status stoker_list(stoker *s, const struct stoker_filter *filter, struct stoker_vm **out,
                                          size_t *count, struct stoker_error *err);

/** Gives back any array or string this library allocated. NULL is allowed. */
STOKER_API void stoker_free(void *p);

enum stoker_until {
	STOKER_UNTIL_RUNNING, /**< the VMM runs */
	STOKER_UNTIL_READY,   /**< the agent said hello; without one: an SSH server spoke */
	STOKER_UNTIL_SSH,     /**< an SSH session was authenticated (and closed again) */
	STOKER_UNTIL_STOPPED  /**< the VMM is gone */
};
/** Waits, without polling the guest. Default limit: the setting timeouts.ready_s, 60 s. A VM that ends or
 *  never becomes ready gives the last lines of its console in err->why. A wait that fails or is cancelled changes
 *  nothing. `out` may be NULL. */
STOKER_API enum stoker_status stoker_wait(stoker *s, const char *ref, enum stoker_until until,
                                          const struct stoker_call *call, struct stoker_vm *out,
                                          struct stoker_error *err);

/** Of a guest's SSH server; fingerprints as ssh-keygen -l prints them, "SHA256:...". */
struct stoker_host_key {
	char shown[128];       /**< what the server shows now, "ssh-ed25519 AAAA..." */
	char fingerprint[64];  /**< of it */
	char recorded[128];    /**< what it is compared with before anything is said to it; "" when nothing is recorded */
	char recorded_fingerprint[64];
};
/** Connects and looks; nothing is sent to the server but the key exchange. Waits for a guest that still boots
 *  (call->timeout_ms, default: the setting timeouts.ready_s). */
STOKER_API enum stoker_status stoker_host_key_get(stoker *s, const char *ref, const struct stoker_call *call,
                                                  struct stoker_host_key *out, struct stoker_error *err);
/** Records the key that the SSH server of a guest without agent is to show. `key` is the key itself ("ssh-ed25519
 *  AAAA...": the guest is not asked) or a fingerprint ("SHA256:..."), which what is shown now must have, else
 *  STOKER_E_HOST_KEY. STOKER_E_STATE for a guest with an agent, which tells its key over the channel. */
STOKER_API enum stoker_status stoker_host_key_accept(stoker *s, const char *ref, const char *key,
                                                     const struct stoker_call *call, struct stoker_error *err);

#define STOKER_PATH_SIZE 4096
/** Absolute paths. */
struct stoker_paths {
	char dir[STOKER_PATH_SIZE];     /**< the VM's state folder */
	char run[STOKER_PATH_SIZE];     /**< its runtime folder: sockets */
	char disk[STOKER_PATH_SIZE];    /**< "" in disk mode shared */
	char key[STOKER_PATH_SIZE];     /**< private SSH key */
	char console[STOKER_PATH_SIZE]; /**< console log */
	/** The image's files; "" when it is not there. */
	char kernel[STOKER_PATH_SIZE], initrd[STOKER_PATH_SIZE], base[STOKER_PATH_SIZE];
	char vmm[STOKER_PATH_SIZE]; /**< the program that runs it; "" when it does not run, or is another user's */
};
/** Of a VM by name or id; the files need not be there. STOKER_E_NOT_FOUND when there is no such VM, STOKER_E_LIMIT when a
 *  path does not fit: none is ever cut. */
STOKER_API enum stoker_status stoker_vm_paths(stoker *s, const char *ref, struct stoker_paths *out,
                                              struct stoker_error *err);

/** What the VMM itself has counted in this run. */
struct stoker_vmm_counters {
	int64_t at_ms;      /**< wall clock when it told them: now, unless it hangs */
	int64_t startup_ns; /**< from its start (with its supervisor) to its API; 0: not told */
	int64_t boot_ns;    /**< from the accepted boot to the agent's hello (phase boot); -1: not yet */
	int64_t exits_io_in, exits_io_out;       /**< times the guest left for a port of the VMM's */
	int64_t exits_mmio_read, exits_mmio_write; /**< and for a device's memory */
	int64_t read_bytes, write_bytes; /**< of all its disks */
	int64_t rx_bytes, tx_bytes;      /**< received and sent by the guest's network card; -1: it has none */
};
/** Makes a VMM that keeps counters (Firecracker) tell them and sums them up; some ms, at most 2 s. STOKER_E_MISSING for
 *  one that keeps none (QEMU), STOKER_E_STATE when it does not run. */
STOKER_API enum stoker_status stoker_vmm_count(stoker *s, const char *ref, const struct stoker_call *call,
                                               struct stoker_vmm_counters *out, struct stoker_error *err);

/* ---------------------------------------------------- commands in the guest */

/** An open way into one VM, for many commands one after another. */
typedef struct stoker_session stoker_session;

enum stoker_via {
	STOKER_VIA_AUTO,    /**< channel when the guest has the agent, else SSH */
	STOKER_VIA_CHANNEL, /**< the agent's channel: no network */
	STOKER_VIA_SSH      /**< one SSH connection, kept open */
};

/** Opens a session; waits for a VM that is still booting within
 *  call->timeout_ms (default: the setting timeouts.ready_s). Free with stoker_session_close(). */
STOKER_API enum stoker_status stoker_session_open(stoker *s, const char *ref, enum stoker_via via,
                                                  const struct stoker_call *call, stoker_session **out,
                                                  struct stoker_error *err);
/** Ends the session; a command still running in it is killed in the guest. NULL is allowed. */
STOKER_API void stoker_session_close(stoker_session *session);
/** How the session goes: STOKER_VIA_CHANNEL or STOKER_VIA_SSH. */
STOKER_API enum stoker_via stoker_session_via(const stoker_session *session);

struct stoker_exec {
	const char *const *argv; /**< NULL-terminated; argv[0] is looked up in the guest's PATH */
	const char *const *env;  /**< NULL-terminated "K=V", added to the guest's; or NULL */
	const char *dir;         /**< working folder, NULL: the user's home */
	const char *user;        /**< NULL: root */
	bool tty;                /**< run on a pseudo-terminal of rows x cols; stderr then arrives as stdout */
	uint16_t rows, cols;
	const char *term;        /**< TERM on the pseudo-terminal; NULL: "xterm-256color" */
	const volatile int *resize; /**< tty only, may be NULL: when *resize changes (high 16 bits rows, low 16 cols;
	                              typically set by a SIGWINCH handler) the guest's terminal is resized */
};

struct stoker_exec_result {
	int status;       /**< what a shell would show: exit code, or 128 + signal */
	int signal;       /**< 0, or the signal that ended the command */
	int64_t duration_ns;
	uint64_t out_bytes, err_bytes; /**< delivered */
	bool truncated;   /**< capture only: a ceiling was reached and the rest dropped */
};

/** Runs a command, moving bytes between the descriptors and the guest until
 *  all output has arrived. Each of in_fd, out_fd, err_fd may be -1 (nothing to
 *  read, output dropped). The descriptors are not closed; in_fd is not read
 *  past what the command takes, give or take the credit window. At
 *  call->timeout_ms (default: none) the command is killed in the guest and
 *  STOKER_E_TIMEOUT returned; `result` is filled as far as known then too. A
 *  command that cannot be executed gives status 127 (not found) or 126, and
 *  the reason on err_fd, as in a shell. */
STOKER_API enum stoker_status stoker_exec_fds(stoker_session *session, const struct stoker_exec *exec, int in_fd,
                                              int out_fd, int err_fd, const struct stoker_call *call,
                                              struct stoker_exec_result *result, struct stoker_error *err);

/** As above with memory instead of descriptors. `in` may be NULL. At most
 *  `ceiling` bytes of each stream are kept (0: 16 MiB), each NUL-terminated
 *  behind its length (in result->out_bytes / err_bytes). Free *out and
 *  *errout with stoker_free(). */
STOKER_API enum stoker_status stoker_exec_capture(stoker_session *session, const struct stoker_exec *exec,
                                                  const void *in, size_t in_len, size_t ceiling,
                                                  const struct stoker_call *call, struct stoker_exec_result *result,
                                                  char **out, char **errout, struct stoker_error *err);

/** One round trip: to the agent, or over the open SSH connection a request that the server must answer. Default limit:
 *  5 s to the agent, 10 s over SSH. `rtt_ns` may be NULL. */
STOKER_API enum stoker_status stoker_ping(stoker_session *session, const struct stoker_call *call, int64_t *rtt_ns,
                                          struct stoker_error *err);

struct stoker_guest_stats {
	int64_t uptime_ms;
	double load1, load5, load15;
	uint64_t mem_total_kib, mem_available_kib;
	uint64_t disk_total_kib, disk_free_kib; /**< of / */
	unsigned processes;
	int64_t rx_bytes, tx_bytes; /**< received and sent by its network cards; -1: an older agent does not tell */
};
/** Asks the agent, which reads its kernel's figures: at most 5 s. Channel sessions only; STOKER_E_MISSING over SSH. */
STOKER_API enum stoker_status stoker_guest_statistics(stoker_session *session, struct stoker_guest_stats *out,
                                                      struct stoker_error *err);

/* ------------------------------------------------------- interactive shell */

/** An SSH session with a terminal, for a poll() loop. Opening blocks (give it
 *  to a worker); everything after never does. */
typedef struct stoker_shell stoker_shell;

struct stoker_shell_spec {
	uint16_t rows, cols;  /**< 0: 24 x 80 */
	const char *term;     /**< NULL: "xterm-256color" */
	const char *command;  /**< NULL: the login shell */
};
/** Connects, pins the host key, logs in and asks for a terminal: blocks for as long as call allows, also while the guest
 *  still boots. The caller closes *out with stoker_shell_close(). */
STOKER_API enum stoker_status stoker_shell_open(stoker *s, const char *ref, const struct stoker_shell_spec *spec,
                                                const struct stoker_call *call, stoker_shell **out,
                                                struct stoker_error *err);
/** The socket to poll. It belongs to the shell. */
STOKER_API int stoker_shell_fd(const stoker_shell *shell);
/** The events (POLLIN, POLLOUT) it waits for now. Ask again after each read or write. */
STOKER_API short stoker_shell_events(const stoker_shell *shell);
/** Milliseconds until stoker_shell_read() should be called even without
 *  events (keepalive), -1: never. */
STOKER_API int stoker_shell_timeout_ms(const stoker_shell *shell);
/** > 0: bytes from the guest; 0: none now; -1: the session is over (see
 *  stoker_shell_status(); `err` says why when it was not a plain exit).
 *  Also carries queued writes and resizes on. Call until it gives 0. */
STOKER_API ssize_t stoker_shell_read(stoker_shell *shell, void *buf, size_t cap, struct stoker_error *err);
/** Takes all of the bytes into its own queue (at most 1 MiB waits there) and
 *  sends what can be sent. Returns how many were taken, -1 when over. */
STOKER_API ssize_t stoker_shell_write(stoker_shell *shell, const void *buf, size_t len);
/** Tells the guest the new size; only the newest of many is sent. */
STOKER_API void stoker_shell_resize(stoker_shell *shell, uint16_t rows, uint16_t cols);
/** Exit status once over: 0-255, 128 + signal, or -1 when the connection was cut. */
STOKER_API int stoker_shell_status(const stoker_shell *shell);
/** Closes without waiting for the guest. NULL is allowed. */
STOKER_API void stoker_shell_close(stoker_shell *shell);

/* ----------------------------------------------------------------- console */

/** A reader of a VM's console log that survives the log's size-capped rotation. */
typedef struct stoker_log stoker_log;
/** Begins `tail_lines` before its end; < 0: at the start of what is kept. It is no error when there is no log yet. The
 *  caller closes *out with stoker_log_close(). */
STOKER_API enum stoker_status stoker_log_open(stoker *s, const char *ref, int tail_lines, stoker_log **out,
                                              struct stoker_error *err);
/** > 0: so many bytes; 0: nothing new now; -1: failed, errno says how. Never waits for more. The bytes are the guest's:
 *  unsafe for a terminal. */
STOKER_API ssize_t stoker_log_read(stoker_log *log, void *buf, size_t cap);
/** Becomes readable when there may be more; stoker_log_read() until 0 rearms it. */
STOKER_API int stoker_log_fd(const stoker_log *log);
/** NULL is allowed. */
STOKER_API void stoker_log_close(stoker_log *log);

/* ----------------------------------------------------------------- timings */

struct stoker_timing {
	char id[STOKER_ID_SIZE];
	char name[STOKER_NAME_MAX + 1]; /**< as it was called then */
	uint32_t run;                   /**< counts the VM's starts; 0: before the first */
	enum stoker_phase phase;
	int64_t start_ns;               /**< CLOCK_MONOTONIC of boot `boot_id`; only comparable within one */
	int64_t duration_ns;
	int64_t at_ms;                  /**< wall clock when it ended */
};
/** The kept timings of one VM (ref) or of all (NULL), newest first. Kept are the newest 64 of each VM and phase, and
 *  20,000 in all; a deleted VM is found by its whole name (the last one of that name) or id as long as some of its are
 *  left. Free with stoker_free(). */
STOKER_API enum stoker_status stoker_timings(stoker *s, const char *ref, struct stoker_timing **out, size_t *count,
                                             struct stoker_error *err);

struct stoker_percentiles {
	uint64_t count;
	int64_t p50_ns, p95_ns, p99_ns, min_ns, max_ns;
};
/** Of sorted samples: the value at index ceil(p * n) - 1 (nearest rank, so
 *  every figure is one that was measured). Indexed by phase. `ref` NULL: the fleet. */
STOKER_API enum stoker_status stoker_phase_percentiles(stoker *s, const char *ref,
                                                       struct stoker_percentiles out[STOKER_PHASE_COUNT],
                                                       struct stoker_error *err);
/** The same rule on the caller's own samples, which it sorts in place. Of none everything is 0. */
STOKER_API void stoker_percentiles_of(int64_t *samples, size_t count, struct stoker_percentiles *out);

/* ------------------------------------------------------------------ events */

struct stoker_event {
	int64_t seq;
	int64_t at_ms;
	char id[STOKER_ID_SIZE];        /**< "" when not about one VM */
	char name[STOKER_NAME_MAX + 1];
	char actor[16];                 /**< "command", "dashboard", "reconcile", "guest", "host", "library", or what
	                                     stoker_options.actor said */
	char kind[24];                  /**< "created", "started", "ready", "stopped", "deleted", "crashed", "failed", ... */
	char text[320];                 /**< one line for people, without the time */
};
/** The newest `limit` events after `since_seq` (0: from the start), oldest first. Free with stoker_free(). */
STOKER_API enum stoker_status stoker_events(stoker *s, int64_t since_seq, size_t limit, struct stoker_event **out,
                                            size_t *count, struct stoker_error *err);

/** Tells that something on this state folder may have changed, by whichever
 *  process: then call stoker_list() or stoker_events(). */
typedef struct stoker_watch stoker_watch;
/** Begins to watch; the caller closes *out with stoker_watch_close(), which may take some ten milliseconds. */
STOKER_API enum stoker_status stoker_watch_open(stoker *s, stoker_watch **out, struct stoker_error *err);
/** To poll() for input. It belongs to the watch. */
STOKER_API int stoker_watch_fd(const stoker_watch *watch);
/** Empties the descriptor; true when anything had changed. */
STOKER_API bool stoker_watch_drain(stoker_watch *watch);
/** NULL is allowed. */
STOKER_API void stoker_watch_close(stoker_watch *watch);

/* --------------------------------------------------------------- reconcile */

enum stoker_finding_kind {
	STOKER_FINDING_DEAD_PROCESS,   /**< the record says it runs, the process is gone */
	STOKER_FINDING_HALF_DONE,      /**< an operation was cut off between intent and result */
	STOKER_FINDING_LOST_SUPERVISOR,/**< the VMM lives, its supervisor does not, or its socket was removed: a new one
	                                    adopts it */
	STOKER_FINDING_ORPHAN_VMM,     /**< a VMM holds our files, its record is lost */
	STOKER_FINDING_ORPHAN_DIR,     /**< a tagged VM folder without a record, in use by nobody */
	STOKER_FINDING_ORPHAN_RUNTIME, /**< leftover runtime folder with sockets, in use by nobody */
	STOKER_FINDING_ORPHAN_IMAGE,   /**< an unfinished image build, in use by nobody */
	STOKER_FINDING_LOST_DISK,      /**< a record whose disk is gone */
	STOKER_FINDING_ABANDONED,      /**< the process that a VM was made for (spec.owned) is gone */
	STOKER_FINDING_LOST_NETWORK,   /**< a VM with network tap whose device, route or rules are gone, as after a restart, or
	                                    whose way out is a device now that does not forward */
	STOKER_FINDING_LOST_RULES,     /**< the host's table of rules is gone or was changed by somebody */
	STOKER_FINDING_ORPHAN_TAP,     /**< a device with our tag whose VM has no record */
	STOKER_FINDING_ORPHAN_RULES,   /**< rules for an address that has no device */
	STOKER_FINDING_KIND_COUNT
};
/** "dead_process", ... Static. */
STOKER_API const char *stoker_finding_kind_name(enum stoker_finding_kind kind);

enum stoker_repair {
	STOKER_REPAIR_NONE,
	STOKER_REPAIR_MARK,   /**< correct the record */
	STOKER_REPAIR_FINISH, /**< carry the operation to its end */
	STOKER_REPAIR_UNDO,   /**< undo what was half done */
	STOKER_REPAIR_REMOVE, /**< remove what is left over */
	STOKER_REPAIR_ADOPT,  /**< take it into the store again */
	STOKER_REPAIR_END,    /**< end the process and remove what it held */
	STOKER_REPAIR_RESTORE /**< make what is missing again */
};
/** In one word, as `stoker reconcile --json` gives it; "" for anything else. Static. */
STOKER_API const char *stoker_repair_name(enum stoker_repair repair);

struct stoker_finding {
	enum stoker_finding_kind kind;
	char id[STOKER_ID_SIZE];
	char subject[96];  /**< VM name, or the thing: "disk of 3f2a.." */
	char detail[320];  /**< what contradicts what */
	enum stoker_repair repair;    /**< proposed */
	enum stoker_repair alternative; /**< also possible, or STOKER_REPAIR_NONE */
	char repair_text[160];        /**< the proposal in words: "mark crashed, free its port" */
	bool ask;          /**< not to be carried out unless a person chose it */
	bool done;         /**< carried out by stoker_reconcile_apply() */
	int64_t pid;       /**< the process concerned, 0 when none */
};
typedef struct stoker_plan stoker_plan;
/** Looks at store and host and changes nothing. Free with stoker_plan_free(). */
STOKER_API enum stoker_status stoker_reconcile_plan(stoker *s, const struct stoker_call *call, stoker_plan **out,
                                                    struct stoker_error *err);
/** How many findings it has; 0: store and host agree. */
STOKER_API size_t stoker_plan_count(const stoker_plan *plan);
/** The i-th, NULL past the end. Valid until the plan is freed. */
STOKER_API const struct stoker_finding *stoker_plan_at(const stoker_plan *plan, size_t i);
/** Carries out one item with `repair` (its proposal or its alternative).
 *  Looks again first: when the contradiction is gone it does nothing and
 *  succeeds. Different items are independent. */
STOKER_API enum stoker_status stoker_reconcile_apply(stoker *s, stoker_plan *plan, size_t i, enum stoker_repair repair,
                                                     struct stoker_error *err);
/** Frees the plan; nothing is undone. NULL is allowed. */
STOKER_API void stoker_plan_free(stoker_plan *plan);

/* ------------------------------------------------------------------ images */

struct stoker_image {
	char name[64];
	char recipe[32];
	char kernel_version[96];
	char digest[72];       /**< of the build's inputs, "sha256:..." */
	int64_t built_at_ms;
	uint64_t kernel_bytes, initrd_bytes, root_bytes; /**< allocated on disk */
	unsigned used_by;      /**< VMs */
	bool agent;            /**< its init is stoker's, which is the agent too */
	char kernel_from[16];  /**< "source" (built by stoker), "debian" (its cloud kernel) or "file" (the user's) */
	char init[64];         /**< without agent: the init of its root file system ("/sbin/init"); else "" */
};
struct stoker_image_spec {
	const char *recipe;  /**< "micro" (NULL), "debian", or "import", which takes `root` */
	const char *name;    /**< NULL: the recipe's name */
	/** "source": stoker's own guest kernel, built from Debian's kernel source when that has not been done yet
	 *  (minutes) and kept for all images; "debian": Debian's cloud kernel; else a path to a vmlinux or bzImage.
	 *  NULL: an own kernel where one has been built, else Debian's. */
	const char *kernel;
	bool rebuild;        /**< build even when the inputs are unchanged */
	const char *const *packages; /**< "debian" only: more packages, NULL-terminated; NULL: none */
	/** "import" only: a file that is a root file system with an init of its own: raw ext4, without a partition table;
	 *  qcow2 and other formats that can name further files are refused (STOKER_E_INVALID). It is copied, checked and
	 *  never changed. The image has no agent: its VMs have disk mode copy, are ready when SSH answers, and commands go
	 *  over SSH once the host key was given (spec.host_key) or accepted (stoker_host_key_accept()). */
	const char *root;
};
/** Builds aside and puts in place by one rename. `*built` (may be NULL) is
 *  false when an image of the same inputs was there already. Default limit: an hour, as a kernel takes its time. A
 *  failure, as with STOKER_E_MISSING without the tools it takes, leaves the image that was there. */
STOKER_API enum stoker_status stoker_image_build(stoker *s, const struct stoker_image_spec *spec,
                                                 const struct stoker_call *call, bool *built,
                                                 struct stoker_error *err);
/** Sorted by name. Free with stoker_free(). */
STOKER_API enum stoker_status stoker_image_list(stoker *s, struct stoker_image **out, size_t *count,
                                                struct stoker_error *err);
/** One image. STOKER_E_NOT_FOUND when there is none of that name. */
STOKER_API enum stoker_status stoker_image_get(stoker *s, const char *name, struct stoker_image *out,
                                               struct stoker_error *err);
/** Removes an image. STOKER_E_STATE while a VM uses it, STOKER_E_NOT_FOUND when there is none of that name. */
STOKER_API enum stoker_status stoker_image_delete(stoker *s, const char *name, struct stoker_error *err);

/* ----------------------------------------------------------------- network */

enum stoker_rules {
	STOKER_RULES_ABSENT,  /**< there is no table `inet stoker` */
	STOKER_RULES_SOUND,   /**< it is as a stoker made it */
	STOKER_RULES_CHANGED, /**< somebody changed it, or a stoker of another version made it */
	STOKER_RULES_COUNT
};
/** "absent", "sound", "changed". Static. */
STOKER_API const char *stoker_rules_name(enum stoker_rules rules);

/** A VM with network tap and its device, or a device of ours whose VM has no record. */
struct stoker_network_device {
	char device[16];  /**< its name; that it should have when `missing` says "its device" */
	char id[STOKER_ID_SIZE];
	char name[STOKER_NAME_MAX + 1]; /**< "" when the VM has no record */
	enum stoker_state state;        /**< STOKER_STATE_COUNT without a record */
	char ip[16];
	uint16_t ssh_port;
	char publish[256];
	bool up;
	char missing[48]; /**< what of it is not there ("its device"), "" when nothing */
};
/** All of this state folder. STOKER_E_MISSING without CAP_NET_ADMIN. Free with stoker_free(). */
STOKER_API enum stoker_status stoker_network_list(stoker *s, struct stoker_network_device **out, size_t *count,
                                                  struct stoker_error *err);

struct stoker_network_state {
	enum stoker_rules rules;
	unsigned elements; /**< in its sets, of the VMs of all stokers of the host */
	unsigned devices;  /**< of this state folder */
	unsigned foreign;  /**< of other stokers; their rules are in the same table */
	unsigned strays;   /**< addresses that have rules but no device */
	char pool[64], gateway[16], ports[32];
	unsigned addresses_used, addresses_total, ports_used, ports_total;
	char forwarding[256]; /**< "eth0,wlan0": the devices for which a stoker turned forwarding on */
	bool ip_forward;      /**< whether the host forwards as a whole; no stoker changes that */
	char trouble[512];    /**< why VMs cannot have network tap here, "" when they can */
};
/** As it is now; nothing is changed, and it is no error when VMs cannot have network tap here. */
STOKER_API enum stoker_status stoker_network_get(stoker *s, struct stoker_network_state *out, struct stoker_error *err);

struct stoker_network_removed {
	unsigned devices, stopped; /**< stopped: VMs that were killed for it */
	unsigned foreign;          /**< devices of other stokers: as long as there are any, table and forwarding stay */
	bool table;
	char forwarding[256];      /**< the devices for which forwarding was turned off again */
};
/** Takes away all that is on the host of VMs with network tap: devices, rules, the table, and the forwarding that was
 *  turned on for them. The VMs stay, and a start makes their network again. STOKER_E_STATE while one runs, unless
 *  `force`: then they are killed first. `out` may be NULL. */
STOKER_API enum stoker_status stoker_network_remove(stoker *s, bool force, const struct stoker_call *call,
                                                    struct stoker_network_removed *out, struct stoker_error *err);

/* -------------------------------------------------------------------- host */

enum stoker_check_result { STOKER_CHECK_OK, STOKER_CHECK_WARN, STOKER_CHECK_FAIL };
struct stoker_check {
	char name[32];
	enum stoker_check_result result;
	char reason[320];
	char fix[320];   /**< the exact command that mends it, or "" */
};
/** Everything that must be right for `vms` VMs (0: as many as there are, at least 1). Free with stoker_free(). */
STOKER_API enum stoker_status stoker_doctor(stoker *s, unsigned vms, struct stoker_check **out, size_t *count,
                                            struct stoker_error *err);

/** Fetches a program that stoker uses and that the host has no package of, checks its SHA-256 and puts it into the
 *  folder bin of the state folder, where it is found unless another one is named or is in PATH. The one there is:
 *  "firecracker" (release 1.12.1). `path` (may be NULL) gets where it is, `*installed` (may be NULL) is false when it
 *  was there already. A failure leaves what was there. */
STOKER_API enum stoker_status stoker_install(stoker *s, const char *program, const struct stoker_call *call,
                                             char *path, size_t cap, bool *installed, struct stoker_error *err);

/** Runs a few instructions of long-mode guest code: true only when KVM really
 *  runs guests here. `reason` gets one sentence either way. Takes a few ms. */
STOKER_API bool stoker_kvm_probe(char *reason, size_t cap);

struct stoker_host {
	char hostname[65];
	unsigned cpus;
	uint64_t cpu_busy_ticks, cpu_total_ticks; /**< all CPUs since boot; take differences */
	uint64_t mem_total_kib, mem_available_kib;
	unsigned addresses_used, addresses_total, ports_used, ports_total;
};
/** As it is now: reads /proc and the store, blocks on nothing else. Without `s` no store is read, and the last four are 0. */
STOKER_API enum stoker_status stoker_host_read(stoker *s, struct stoker_host *out, struct stoker_error *err);

struct stoker_sample {
	int64_t at_ns;    /**< CLOCK_MONOTONIC */
	int64_t cpu_ns;   /**< CPU time of the VMM so far; -1 when not running */
	uint64_t rss_kib; /**< 0: not read this time */
	int64_t read_bytes, write_bytes; /**< what the VMM has had the host's storage read and write so far: what the page
	                                      cache answers is not in it; -1: not read this time, or not to be known */
	int64_t rx_bytes, tx_bytes; /**< what the guest has received and sent so far, with network tap by the host's
	                                 counters, with network user by the guest's own; -1: not read this time, or not to
	                                 be known */
	int64_t traffic_ns; /**< CLOCK_MONOTONIC when they were so many: what a guest answers comes after its counting */
};
/** Reads the kernel's figures for each VM with a pid: no subprocess, no store. CPU time and the counters of network tap
 *  are there every time. So are memory and disk, as long as RLIMIT_NOFILE leaves room: from the second call on the same
 *  handle on, two files are kept open for each VM, up to half of that limit (256 VMs at 1,024, 4,096 at 16,384). Of VMs
 *  beyond that they are read by turns, 250 VMs at a call; the first call reads all of them. Guests on the network user
 *  are asked for their counters from the second call on, by turns, at most 32 a second (each of 1,000 every 31 s), and
 *  what they answer is in the next call's samples: nothing is waited for. `out` has room for `count`.
 *
 *  in_sight[i] says that somebody looks at vms[i] now. Of those everything is read at every call, and their guests are
 *  asked every second besides the others' turns, up to 96 of them; of the others memory and disk are read at every other
 *  call when there are more than 500 VMs. NULL: nobody looks at one more than at another. */
STOKER_API void stoker_sample_vms(stoker *s, const struct stoker_vm *vms, size_t count, const bool *in_sight,
                                  struct stoker_sample *out);

#ifdef __cplusplus
}
#endif
#endif
