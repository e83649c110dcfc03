/* SPDX-License-Identifier: Apache-2.0
 *
 * backend.h - what a VMM must be able to do. A backend is one file and one row
 * of the table in backend.c.
 */
#ifndef STOKER_SRC_BACKEND_H
#define STOKER_SRC_BACKEND_H

#include "../guest/image.h"
#include "../handle.h"
#include "../net/net.h"
#include "../store.h"

/* A command line being built. A failed allocation sticks in `failed`. */
struct argv {
	char **items; /* NULL-terminated */
	size_t count, cap;
	bool failed;
	bool sandbox; /* the VMM has none of its own: the supervisor shall make it */
};
void argv_add(struct argv *argv, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void argv_free(struct argv *argv);

/* Everything a backend needs to compose a start. */
struct launch {
	const struct vm_record *rec;
	struct image_files files;
	char disk[STOKER_PATH_SIZE]; /* "" in disk mode shared */
	char public_key[256];        /* authorized_keys line for the guest */
	struct net_guest net;        /* what the guest is told of its network */
	bool no_sandbox;             /* this VMM was built without one */
	bool lesser;                 /* the command line was composed for a lesser build of the VMM */
	bool whole;                  /* which did not do: compose it for the whole one */
	bool explained;              /* the VMM itself said why it refused: no need to look for its last words */
};

enum vmm_state { VMM_NOT_STARTED, VMM_RUNNING, VMM_PAUSED };

struct doctor;

/* Calls that talk to a VMM check first that it is the recorded process, and end within their deadline. */
struct backend_ops {
	const char *name;  /* as in --backend */
	const char *title; /* for messages */
	bool needs_kvm;
	unsigned networks;            /* NETWORK_BIT of each that it can have */
	enum stoker_network standard; /* when none is asked for */
	const char *console, *channel; /* how the supervisor reaches them: its --console and --channel */
	const char *sockets[4];        /* of the VMM, in its runtime folder, up to a NULL: without one of them it cannot be adopted */
	bool counters; /* it writes them: the supervisor's --metrics */
	const char *boot; /* its part of the guest's kernel command line */

	/* Can it be used on this host at all? STOKER_E_MISSING with the way out when not. KVM is asked for elsewhere. */
	enum stoker_status (*check)(stoker *s, struct stoker_error *err);
	/* The VMM's command line, for the supervisor (its descriptors and folder: supervisor/control.h). */
	enum stoker_status (*command)(stoker *s, const struct launch *launch, struct argv *out, struct stoker_error *err);
	/* After the VMM was started: returns once it has accepted the boot. */
	enum stoker_status (*accept)(stoker *s, struct launch *launch, int64_t deadline_ns, int cancel_fd,
	                             struct stoker_error *err);
	enum stoker_status (*state)(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
	                            enum vmm_state *out, struct stoker_error *err);
	/* Returns once the VMM says that it is so. */
	enum stoker_status (*pause)(stoker *s, const struct vm_record *rec, bool on, int64_t deadline_ns, int cancel_fd,
	                            struct stoker_error *err);
	/* Presses ctrl-alt-del in the guest; NULL: it has no keys. */
	enum stoker_status (*press)(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
	                            struct stoker_error *err);
	/* Makes it write its counters now; NULL: it has none. */
	enum stoker_status (*flush)(stoker *s, const struct vm_record *rec, int64_t deadline_ns, int cancel_fd,
	                            struct stoker_error *err);
	/* Fetches its program, for a host that has no package of it; NULL: there is one. */
	enum stoker_status (*install)(stoker *s, const struct stoker_call *call, char path[STOKER_PATH_SIZE], bool *installed,
	                              struct stoker_error *err);
	/* Its rows of doctor. */
	void (*doctor)(struct doctor *d);
};

#define NETWORK_BIT(network) (1u << (unsigned)(network))

const struct backend_ops *backend_by_name(const char *name);
/* "auto, firecracker, qemu": for messages. */
const char *backend_names(void);
/* In the order in which they are preferred; NULL past the end. */
const struct backend_ops *backend_at(size_t i);
/* The one a record was made for. STOKER_E_MISSING when this build has none of that name. */
enum stoker_status backend_of(const struct vm_record *rec, const struct backend_ops **out, struct stoker_error *err);

/* Turns what was asked for (a name or "auto") into rec->vm.backend, .accel and, where it is NETWORK_AUTO, .network that
 * will be used, and says why in rec->vm.choice. */
enum stoker_status backend_choose(stoker *s, struct vm_record *rec, const char *backend, const char *accel,
                                  struct stoker_error *err);

/* Before a start: what was chosen, not asked for, may not work any more (KVM gone, the program removed). Chooses
 * again then; the network stays. */
enum stoker_status backend_again(stoker *s, struct vm_record *rec, struct stoker_error *err);

/* The guest's kernel command line: the guest contract. False when it does not fit. */
bool boot_arguments(const struct launch *launch, char *out, size_t cap);

/* The host's TSC frequency in kHz, 0 when not known (tsc.c). */
unsigned tsc_khz(void);

/* A program found in PATH (or an absolute path that can be executed); false when absent. */
bool program_find(const char *name, char out[STOKER_PATH_SIZE]);

/* What a probe found out is kept in the runtime folder, as NAME, for this boot and user and as long as its key is the
 * same. False: nothing is. */
#define VERDICT_KEY_SIZE 256
bool verdict_kept(stoker *s, const char *name, const char *key, bool *yes, char *reason, size_t cap);
void verdict_keep(stoker *s, const char *name, const char *key, bool yes, const char *reason);

/* The backends of this build: one file each. */
extern const struct backend_ops firecracker_backend, qemu_backend;

#endif
