/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.c - the one table of verbs.
 */
#include "cli/verbs.h"

#include <string.h>

#define ANY INT64_MAX
#define TIMEOUT_HELP(text) { 0, "timeout", OPTION_TIME, "TIME", NULL, 0, 0, COMPLETE_NONE, text }
#define ALL(text) { 'a', "all", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, text }
#define LABEL_FILTER { 'l', "label", OPTION_LIST, "K[=V]", NULL, 0, 0, COMPLETE_NONE, \
	"only VMs with this label; several, or with commas, must all match" }
#define VIA(choices, text) { 0, "via", OPTION_CHOICE, "WAY", choices, 0, 0, COMPLETE_CHOICE, text }
#define END { 0, NULL, OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, NULL }

const struct option global_options[] = {
	{ 0, "state", OPTION_TEXT, "DIR", NULL, 0, 0, COMPLETE_DIR, "state folder (STOKER_STATE_DIR)" },
	{ 0, "runtime", OPTION_TEXT, "DIR", NULL, 0, 0, COMPLETE_DIR, "folder of the sockets (STOKER_RUNTIME_DIR)" },
	{ 0, "image-dir", OPTION_TEXT, "DIR", NULL, 0, 0, COMPLETE_DIR, "folder of the images (STOKER_IMAGE_DIR)" },
	{ 0, "config", OPTION_TEXT, "FILE", NULL, 0, 0, COMPLETE_FILE, "configuration file (STOKER_CONFIG)" },
	{ 0, "firecracker", OPTION_TEXT, "PATH", NULL, 0, 0, COMPLETE_FILE, "the Firecracker to use (firecracker.binary, PATH, or "
	  "what doctor installed)" },
	{ 0, "json", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "print one JSON value" },
	{ 'q', "quiet", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "print nothing but what was asked for" },
	{ 'v', "verbose", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "tell what is being done" },
	{ 0, "no-color", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "no colours (NO_COLOR)" },
	{ 'h', "help", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "show help" },
	{ 'V', "version", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "show the version" },
	END,
};

static const struct option spec_options[] = {
	{ 0, "image", OPTION_TEXT, "IMAGE", NULL, 0, 0, COMPLETE_IMAGE, "image (micro)" },
	{ 0, "vcpus", OPTION_NUMBER, "N", NULL, 1, 4096, COMPLETE_NONE, "virtual CPUs (1)" },
	{ 'm', "memory", OPTION_SIZE, "SIZE", NULL, 1, ANY, COMPLETE_NONE, "memory, MiB or with a unit (512M)" },
	{ 0, "disk", OPTION_SIZE, "SIZE", NULL, 1, ANY, COMPLETE_NONE, "size of its disk (2G)" },
	{ 0, "disk-mode", OPTION_CHOICE, "MODE", "isolated|shared|copy", 0, 0, COMPLETE_CHOICE,
	  "own disk over the image, none, or a copy (isolated; copy for an imported image)" },
	/* These two are checked by the library, which says more about a name that it knows but does not have. */
	{ 0, "backend", OPTION_TEXT, "NAME", "auto|" STOKER_BACKENDS("|"), 0, 0, COMPLETE_CHOICE,
	  "VMM (auto: Firecracker where it and KVM work)" },
	{ 0, "accel", OPTION_CHOICE, "NAME", "auto|kvm|tcg", 0, 0, COMPLETE_CHOICE, "acceleration (auto: KVM when it works)" },
	{ 0, "network", OPTION_TEXT, "NAME", "auto|user|tap|none", 0, 0, COMPLETE_CHOICE,
	  "network (auto: what the VMM has); tap needs root" },
	{ 0, "egress", OPTION_TEXT, "WHAT", "all|none", 0, 0, COMPLETE_CHOICE,
	  "what the guest may reach: all, none or, with tap, networks: 10.0.0.0/8,192.168.7.5 (all)" },
	{ 0, "publish", OPTION_LIST, "HOST:GUEST", NULL, 0, 0, COMPLETE_NONE,
	  "make a port of 127.0.0.1 one of the guest's; may be given several times" },
	{ 0, "allow", OPTION_LIST, "WHAT", "guests|host|metadata", 0, 0, COMPLETE_CHOICE,
	  "with tap, open guests, host, host:PORT or metadata to it; may be given several times" },
	{ 'l', "label", OPTION_LIST, "K=V", NULL, 0, 0, COMPLETE_NONE, "label; may be given several times" },
	END,
};

static const struct option create_options[] = {
	{ 0, "ephemeral", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, 
	  "killed at once when stopped; deleted then, or by the next stoker call that sees its end" },
	{ 0, "host-key", OPTION_TEXT, "KEY", NULL, 0, 0, COMPLETE_NONE,
	  "of an imported image, the key its SSH server will show: 'ssh-ed25519 AAAA...'" },
	{ 's', "start", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "start it as well" },
	{ 'w', "wait", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "start it and wait until SSH answers" },
	TIMEOUT_HELP("limit for all of it (waiting: 60)"),
	END,
};

static const struct option resize_options[] = {
	{ 0, "disk", OPTION_SIZE, "SIZE", NULL, 1, ANY, COMPLETE_NONE, "the new size, MiB or with a unit; at least what it has" },
	TIMEOUT_HELP("limit for each (none)"),
	END,
};

static const struct option start_options[] = {
	ALL("every VM that does not run"),
	LABEL_FILTER,
	{ 'w', "wait", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "wait until SSH answers" },
	TIMEOUT_HELP("limit for all of it (waiting: 60)"),
	END,
};

static const struct option stop_options[] = {
	ALL("every VM that runs"),
	LABEL_FILTER,
	{ 'f', "force", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "kill at once" },
	{ 't', "timeout", OPTION_TIME, "TIME", NULL, 0, 0, COMPLETE_NONE, "how long the guest may take before it is killed (3)" },
	END,
};

static const struct option restart_options[] = {
	ALL("every VM that runs"),
	LABEL_FILTER,
	{ 'f', "force", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "kill at once, do not ask the guest" },
	{ 'w', "wait", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "wait until SSH answers" },
	TIMEOUT_HELP("limit for the start (waiting: 60)"),
	END,
};

static const struct option pause_options[] = {
	ALL("every VM that runs"),
	LABEL_FILTER,
	TIMEOUT_HELP("limit for each VM (10)"),
	END,
};

static const struct option resume_options[] = {
	ALL("every VM that is paused"),
	LABEL_FILTER,
	TIMEOUT_HELP("limit for each VM (10)"),
	END,
};

static const struct option delete_options[] = {
	ALL("every VM"),
	LABEL_FILTER,
	{ 'f', "force", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "running ones too: they are killed" },
	{ 'y', "yes", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "do not ask (--all and --label)" },
	{ 0, "trash", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "let them rest in the trash for trash.keep_s seconds first" },
	END,
};

static const struct option trash_restore_options[] = {
	{ 0, "name", OPTION_TEXT, "NAME", NULL, 0, 0, COMPLETE_NONE, "what it is to be called now" },
	END,
};

static const struct option trash_empty_options[] = {
	{ 'y', "yes", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "do not ask" },
	END,
};

static const struct option network_remove_options[] = {
	{ 'f', "force", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "while VMs run with it too: they are killed" },
	{ 'y', "yes", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "do not ask" },
	END,
};

static const struct option list_options[] = {
	ALL("every VM; this is the default, for those used to it"),
	{ 's', "status", OPTION_LIST, "STATE", "created|starting|running|paused|stopping|stopped|crashed|error", 0, 0,
	  COMPLETE_CHOICE, "only VMs in this state; several: in one of them" },
	LABEL_FILTER,
	{ 0, "filter", OPTION_TEXT, "FILTER", NULL, 0, 0, COMPLETE_NONE,
	  "only VMs that fit, as in the dashboard: 'state:running mem>1G !web'" },
	{ 'w', "watch", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "go on and show every change" },
	{ 0, "format", OPTION_CHOICE, "FORMAT", "table|names|ids|json", 0, 0, COMPLETE_CHOICE, "what to print (table)" },
	END,
};

static const struct option inspect_options[] = { ALL("every VM"), LABEL_FILTER, END };

static const struct option guest_options[] = {
	{ 'i', "interactive", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "pass stdin on" },
	{ 't', "tty", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "on a terminal of its own" },
	{ 'e', "env", OPTION_LIST, "K=V", NULL, 0, 0, COMPLETE_NONE, "environment; may be given several times" },
	{ 'w', "workdir", OPTION_TEXT, "DIR", NULL, 0, 0, COMPLETE_NONE, "working folder (the user's home)" },
	{ 'u', "user", OPTION_TEXT, "USER", NULL, 0, 0, COMPLETE_NONE, "user (root)" },
	TIMEOUT_HELP("limit for the wait and the command (wait: 60, command: none)"),
	VIA("auto|channel|ssh", "by the agent's channel or by SSH (auto)"),
	END,
};

static const struct option exec_many_options[] = {
	ALL("in every VM that runs, answers that are alike together"), LABEL_FILTER, END,
};

/* `run` has all of the guest's options too, and -m, -l for the VM. */
static const struct option run_options[] = {
	{ 0, "name", OPTION_TEXT, "NAME", NULL, 0, 0, COMPLETE_NONE, "name of the VM (made up)" },
	{ 'i', "interactive", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "pass stdin on" },
	{ 't', "tty", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "on a terminal of its own" },
	{ 'e', "env", OPTION_LIST, "K=V", NULL, 0, 0, COMPLETE_NONE, "environment; may be given several times" },
	{ 'w', "workdir", OPTION_TEXT, "DIR", NULL, 0, 0, COMPLETE_NONE, "working folder (the user's home)" },
	{ 'u', "user", OPTION_TEXT, "USER", NULL, 0, 0, COMPLETE_NONE, "user (root)" },
	TIMEOUT_HELP("limit for the boot and the command (boot: 60, command: none)"),
	VIA("auto|channel|ssh", "by the agent's channel or by SSH (auto)"),
	END,
};

static const struct option shell_options[] = {
	TIMEOUT_HELP("how long to wait for a VM that still boots (60)"),
	{ 0, "term", OPTION_TEXT, "NAME", NULL, 0, 0, COMPLETE_NONE, "TERM in the guest (that of this terminal)" },
	END,
};

static const struct option ping_options[] = {
	{ 'c', "count", OPTION_NUMBER, "N", NULL, 1, 1000000, COMPLETE_NONE, "round trips each way (10)" },
	{ 0, "interval", OPTION_TIME, "TIME", NULL, 0, 0, COMPLETE_NONE, "pause between two (0)" },
	VIA("auto|channel|ssh|both", "which way (both, SSH only with a network)"),
	TIMEOUT_HELP("how long to wait for a VM that still boots, and for each answer (60)"),
	END,
};

static const struct option host_key_options[] = {
	{ 0, "accept", OPTION_TEXT, "KEY", NULL, 0, 0, COMPLETE_NONE,
	  "record this key: SHA256:... that is shown now, or the whole 'ssh-ed25519 AAAA...' as the guest's .pub file has it" },
	TIMEOUT_HELP("how long to wait for a VM that still boots (60)"),
	END,
};

static const struct option logs_options[] = {
	{ 'f', "follow", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "go on until the VM ends" },
	{ 'n', "tail", OPTION_NUMBER, "N", NULL, 0, 1000000, COMPLETE_NONE, "only the last N lines" },
	{ 0, "raw", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "the guest's bytes as they are (default when piped)" },
	{ 0, "clean", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "made harmless (default on a terminal)" },
	END,
};

static const struct option events_options[] = {
	{ 'f', "follow", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "go on and show what happens" },
	{ 'n', "limit", OPTION_NUMBER, "N", NULL, 0, 10000, COMPLETE_NONE, "only the newest N (all that are kept)" },
	END,
};

static const struct option wait_options[] = {
	{ 0, "for", OPTION_CHOICE, "WHAT", "running|ready|ssh|stopped", 0, 0, COMPLETE_CHOICE, "what to wait for (ready)" },
	ALL("every VM"),
	LABEL_FILTER,
	TIMEOUT_HELP("limit for each VM (60)"),
	END,
};

static const struct option reconcile_options[] = {
	{ 'n', "dry-run", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "show the plan and change nothing" },
	{ 'y', "yes", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "carry it out without asking" },
	{ 0, "adopt", OPTION_LIST, "ID", NULL, 0, 0, COMPLETE_NONE, "take what was found under this id into the store again" },
	{ 0, "end", OPTION_LIST, "ID", NULL, 0, 0, COMPLETE_NONE, "end what was found under this id and remove what it held" },
	END,
};

static const struct option image_build_options[] = {
	{ 0, "name", OPTION_TEXT, "NAME", NULL, 0, 0, COMPLETE_NONE, "name of the image (the recipe's)" },
	{ 'k', "kernel", OPTION_TEXT, "FILE", NULL, 0, 0, COMPLETE_FILE, "source: stoker's own kernel, built when it is not there "
	  "yet; debian: Debian's; or a vmlinux or bzImage (an own one if there is one, else Debian's)" },
	{ 'p', "package", OPTION_LIST, "NAME", NULL, 0, 0, COMPLETE_NONE, "debian only: one more package; may be given several times" },
	{ 0, "rebuild", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "build even when nothing has changed" },
	TIMEOUT_HELP("limit for the build (none)"),
	END,
};

static const struct option image_import_options[] = {
	{ 0, "name", OPTION_TEXT, "NAME", NULL, 0, 0, COMPLETE_NONE, "name of the image (the file's, without its ending)" },
	{ 'k', "kernel", OPTION_TEXT, "FILE", NULL, 0, 0, COMPLETE_FILE, "as with image build" },
	{ 0, "rebuild", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "import even when nothing has changed" },
	TIMEOUT_HELP("limit for all of it (none)"),
	END,
};

static const struct option image_delete_options[] = { END };

static const struct option bench_options[] = {
	{ 'n', "vms", OPTION_NUMBER, "N", NULL, 1, 10000, COMPLETE_NONE, "VMs, one after another (10)" },
	{ 'p', "parallel", OPTION_NUMBER, "K", NULL, 1, 256, COMPLETE_NONE, "so many at a time (1)" },
	{ 0, "commands", OPTION_NUMBER, "N", NULL, 1, 10000, COMPLETE_NONE, "following commands per VM and way (10)" },
	{ 0, "no-ssh", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "leave out the rows that need SSH" },
	{ 0, "graceful", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "let the guest power off instead of killing it" },
	TIMEOUT_HELP("limit for each step (60)"),
	END,
};

static const struct option doctor_options[] = {
	{ 'n', "vms", OPTION_NUMBER, "N", NULL, 0, 100000, COMPLETE_NONE, "check for so many VMs (as many as there are)" },
	{ 0, "install", OPTION_CHOICE, "PROGRAM", "firecracker", 0, 0, COMPLETE_CHOICE,
	  "fetch this program, check its SHA-256, put it in place; then check it alone" },
	TIMEOUT_HELP("limit for the installation (600)"),
	END,
};

static const struct option tui_options_table[] = {
	{ 0, "read-only", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "show everything, change nothing" },
	{ 0, "ascii", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "no characters beyond ASCII" },
	{ 0, "start", OPTION_TEXT, "VM", NULL, 0, 0, COMPLETE_VM, "start this VM and select it; with --once select it only" },
	{ 0, "once", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "print one frame as text and leave" },
	{ 0, "plain", OPTION_FLAG, NULL, NULL, 0, 0, COMPLETE_NONE, "lines of text instead of a picture, for screen readers" },
	{ 0, "record", OPTION_TEXT, "FILE", NULL, 0, 0, COMPLETE_FILE, "write everything that is typed to FILE, shells included" },
	{ 0, "replay", OPTION_TEXT, "FILE", NULL, 0, 0, COMPLETE_FILE, "play such a file; with --once its last frame is printed" },
	{ 0, "size", OPTION_TEXT, "COLSxROWS", NULL, 0, 0, COMPLETE_NONE, "size of that frame; else the terminal's or 80x24" },
	{ 0, "theme", OPTION_CHOICE, "NAME", "auto|dark|light|contrast|colourblind|mono", 0, 0,
	  COMPLETE_CHOICE, "colours; else as the setting ui.theme says" },
	END,
};

static const struct option no_options[] = { END };

static const struct verb image_verbs[] = {
	{ "build", "", "[RECIPE]", "build an image", "RECIPE is micro (busybox, dropbear) when left out, or debian (a minimal "
	  "system of the machine's own release). An image whose inputs are unchanged is not built again; a new one takes the "
	  "old one's place in one step. --kernel source builds a guest kernel, some four minutes on two cores, which boots "
	  "in less than half the time of Debian's; it is kept, and from then on images are built with it. Of any "
	  "kernel an image has what must be loaded: neither symbols nor zeros.",
	  "stoker image build micro --kernel source\n"
	  "stoker image build debian --package python3-numpy --name data\n", { image_build_options },
	  NULL, 0, 1, COMPLETE_NONE, VERB_JSON, verb_image_build },
	{ "import", "", "FILE", "make an image of a root file system of your own", "FILE is a raw ext4 with an init of its own, "
	  "without a partition table; qcow2 and the like are refused. It is copied and checked, and gets a kernel of stoker's. "
	  "Each VM has a writable copy of it (disk mode copy), with its network set up and its SSH key let in before "
	  "the init there begins. No agent runs in it: it is ready when its SSH server answers, and commands go over SSH once "
	  "the host key was given (create --host-key) or accepted (host-key --accept).",
	  "stoker image import root.ext4 --name web\n", { image_import_options }, NULL, 1, 1, COMPLETE_FILE, VERB_JSON,
	  verb_image_import },
	{ "list", "ls", "", "show all images", "--quiet prints names only.", "", { no_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON, verb_image_list },
	{ "inspect", "show", "IMAGE...", "show everything about images", "", "", { no_options }, NULL, 1, -1, COMPLETE_IMAGE,
	  VERB_JSON, verb_image_inspect },
	{ "delete", "rm del remove", "IMAGE...", "delete images that no VM uses", "", "", { image_delete_options }, NULL, 1, -1,
	  COMPLETE_IMAGE, VERB_JSON, verb_image_delete },
	{ 0 },
};

static const struct verb trash_verbs[] = {
	{ "list", "ls", "", "show what rests in the trash", "--quiet prints names only.", "", { no_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON,
	  verb_trash_list },
	{ "restore", "undelete", "VM...", "take VMs out of the trash", "By name (of several the one deleted last) or id. It does "
	  "not run then, and has the address and port it had, or new ones when they are taken.",
	  "stoker trash restore web\nstoker trash restore web --name web-old\n", { trash_restore_options }, NULL, 1, -1,
	  COMPLETE_TRASH, VERB_JSON, verb_trash_restore },
	{ "empty", "", "[VM...]", "remove what is in the trash for good", "All of it, or only the VMs named. Asks on a terminal.",
	  "", { trash_empty_options }, NULL, 0, -1, COMPLETE_TRASH, VERB_JSON, verb_trash_empty },
	{ 0 },
};

static const struct verb network_verbs[] = {
	{ "list", "ls", "", "show the devices of VMs with network tap", "A device without a record is left over; stoker "
	  "reconcile removes it. --quiet prints the devices' names only.", "", { no_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON, verb_network_list },
	{ "inspect", "show", "", "show the table of rules, the pools and the forwarding", "", "", { no_options }, NULL, 0, 0,
	  COMPLETE_NONE, VERB_JSON, verb_network_inspect },
	{ "remove", "rm del delete", "", "take all of it away", "Devices, rules, the table and the forwarding that was turned on. "
	  "The VMs stay, and their next start makes their network again. While one runs with it that is refused without "
	  "--force. The table and the forwarding stay as long as a stoker with another state folder has devices. It asks on a "
	  "terminal, and needs --yes without one.",
	  "stoker network remove --yes\n", { network_remove_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON, verb_network_remove },
	{ 0 },
};

const struct verb verb_table[] = {
	{ "create", "new", "[NAME...]", "make VMs", "Without a name two words are made up. Sizes and names are checked before "
	  "anything is done.", "stoker create web --start --wait\nstoker create a b c --memory 256M --label tier=test\n",
	  { create_options, spec_options }, NULL, 0, -1, COMPLETE_NONE, VERB_JSON, verb_create },
	{ "start", "", "VM...", "start VMs", "Returns when the VMM has accepted the boot; with --wait when SSH answers. VMs that "
	  "are stopped, crashed or in error can be started again.", "stoker start web\nstoker start --all --wait\n",
	  { start_options }, NULL, 0, -1, COMPLETE_VM, VERB_JSON, verb_start },
	{ "stop", "", "VM...", "stop VMs", "The guest is asked to power off and killed when it takes too long. Ephemeral VMs are "
	  "killed at once and deleted.", "stoker stop web\nstoker stop --label tier=test --force\n", { stop_options }, NULL, 0,
	  -1, COMPLETE_VM, VERB_JSON, verb_stop },
	{ "restart", "reboot", "VM...", "stop VMs and start them again", "The guest is asked to power off first, as by stop. VMs "
	  "that do not run are started. Ephemeral ones are refused: a stop deletes them.",
	  "stoker restart web --wait\n", { restart_options }, NULL, 0, -1, COMPLETE_VM, VERB_JSON, verb_restart },
	{ "pause", "suspend", "VM...", "halt VMs where they are", "The processors stand still; memory and disk stay as they are. "
	  "A stop resumes the VM first, so that its guest can power off.", "stoker pause web\n", { pause_options }, NULL, 0, -1,
	  COMPLETE_VM, VERB_JSON, verb_pause },
	{ "resume", "unpause", "VM...", "let paused VMs go on", "", "stoker resume web\nstoker resume --all\n", { resume_options },
	  NULL, 0, -1, COMPLETE_VM, VERB_JSON, verb_resume },
	{ "delete", "rm del remove", "VM...", "delete VMs and their disks", "A running VM is refused without --force. With --all "
	  "or --label it asks on a terminal, and needs --yes without one. What is deleted is gone at once; with --trash, as in "
	  "the dashboard, `stoker trash restore` brings it back for a while. Ephemeral VMs never rest.", "stoker delete web\nstoker delete --all --force --yes\n",
	  { delete_options }, NULL, 0, -1, COMPLETE_VM, VERB_JSON, verb_delete },
	{ "resize", "", "VM...", "grow the disks of VMs that do not run", "The disk and its file system get larger, never smaller. "
	  "It is done on a copy that takes the disk's place in one step, so that nothing can be lost half-way.",
	  "stoker resize web --disk 20G\n", { resize_options }, NULL, 1, -1, COMPLETE_VM, VERB_JSON, verb_resize },
	{ "list", "ls ps", "", "show VMs", "Every VM, unless filtered. --quiet prints names only.",
	  "stoker list --status running\nstoker list --filter 'label:tier=web age>1h'\nstoker list --json | jq -r '.[].name'\nstoker list --watch\n", { list_options }, NULL, 0,
	  0, COMPLETE_NONE, VERB_JSON, verb_list },
	{ "inspect", "show", "VM...", "show everything about VMs", "", "stoker inspect web\n", { inspect_options }, NULL, 0, -1,
	  COMPLETE_VM, VERB_JSON, verb_inspect },
	{ "exec", "", "[VM] [--] COMMAND [ARG...]", "run a command in a VM", "Waits for a VM that still boots. Exits with the "
	  "command's own status, with 128 + N when signal N ended it, and with 125 when stoker itself failed. Stdin is passed on "
	  "with -i only. With --all or --label the command runs in all of those VMs that run, eight at a time; "
	  "what they say is told when all have ended, the most common answer first. Then the exit status is 125 when one could not be "
	  "asked, else the first that is not 0.", "stoker exec web -- uname -a\nstoker exec -it web -- sh\nstoker exec --all -- uname -r\ntar c . | stoker exec -i web -- tar x -C /srv\n",
	  { guest_options, exec_many_options }, NULL, 0, 1, COMPLETE_VM, VERB_JSON | VERB_GUEST_STATUS | VERB_COMMAND, verb_exec },
	{ "run", "", "[--] [COMMAND [ARG...]]", "run a command in a VM of its own", "Makes an ephemeral VM, starts it, runs the "
	  "command and deletes it: nothing is left behind, after ctrl-C too. Exits as `exec` does. Without a command it opens a "
	  "shell on the terminal.", "stoker run -- uname -a\nstoker run --memory 1G -it -- sh\n", { run_options, spec_options },
	  NULL, 0, 0, COMPLETE_NONE, VERB_JSON | VERB_GUEST_STATUS | VERB_COMMAND, verb_run },
	{ "shell", "ssh", "VM [--] [COMMAND...]", "open a terminal in a VM over SSH", "Waits for a VM that still boots. ~. at the "
	  "start of a line ends the session, ~? helps, ~~ is a tilde. Exits with the shell's status. Words after VM are given to "
	  "the login shell as one line. Without a terminal the shell reads stdin.", "stoker shell web\nstoker shell web -- htop\n",
	  { shell_options }, NULL, 1, 1, COMPLETE_VM, VERB_COMMAND, verb_shell },
	{ "ping", "", "VM", "measure round trips to a guest", "To the agent over its channel, and over an open SSH connection. "
	  "Waits for a VM that still boots.", "stoker ping web -c 100 --via channel\n", { ping_options }, NULL, 1, 1, COMPLETE_VM,
	  VERB_JSON, verb_ping },
	{ "host-key", "", "VM", "show or accept the SSH host key of a VM", "What the guest's SSH server shows now, and what is "
	  "recorded: only to the recorded one anything is said. A guest with an agent tells its key over the channel. Of an "
	  "imported image the key is given with create --host-key, or accepted here: by the key itself, or by the fingerprint "
	  "that the guest's console or its maker told.",
	  "stoker host-key web\nstoker host-key web --accept SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDFvmTtxWvRyTDXw3A\n", { host_key_options },
	  NULL, 1, 1, COMPLETE_VM, VERB_JSON, verb_host_key },
	{ "logs", "log", "VM", "show a VM's console", "", "stoker logs -f web\nstoker logs --tail 20 web\n", { logs_options },
	  NULL, 1, 1, COMPLETE_VM, VERB_JSON, verb_logs },
	{ "wait", "", "VM...", "wait for VMs", "running: the VMM runs. ready: the agent said hello, or without one an SSH server spoke. ssh: SSH lets us in. stopped: "
	  "the VMM is gone.", "stoker wait --for ssh web\n", { wait_options }, NULL, 0, -1, COMPLETE_VM, VERB_JSON, verb_wait },
	{ "timings", "", "[VM]", "show how long each phase took", "The last time and the percentiles of each phase of a VM, or of "
	  "all VMs, deleted ones too. Kept are the newest 64 of each VM and phase, and 20,000 in all.", "stoker timings web\nstoker timings --json\n", { no_options }, NULL, 0, 1, COMPLETE_VM, VERB_JSON,
	  verb_timings },
	{ "events", "event", "[VM...]", "show what happened, and by whom", "By the command line, a dashboard, reconcile, a guest or "
	  "the host; on the whole host, or only what is about the VMs named, deleted ones too. Kept are the newest 10,000.",
	  "stoker events\nstoker events web --limit 20\nstoker events --follow\n", { events_options }, NULL, 0, -1, COMPLETE_VM,
	  VERB_JSON, verb_events },
	{ "reconcile", "", "", "find and mend what records and host disagree about", "Shows the plan first and asks on a "
	  "terminal. Without one it only shows the plan, unless --yes is given, and fails when there is something to mend. What needs a person's choice is done only with --adopt ID or --end ID.",
	  "stoker reconcile --dry-run\nstoker reconcile --yes\n", { reconcile_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON,
	  verb_reconcile },
	{ "image", "images", "VERB", "build, import, list, inspect and delete images", "", "stoker image build\nstoker image list\n",
	  { no_options }, image_verbs, 0, 0, COMPLETE_NONE, VERB_JSON, NULL },
	{ "trash", "", "VERB", "list, restore and remove deleted VMs", "The dashboard's delete and `stoker delete --trash` put "
	  "VMs there. Each goes for good trash.keep_s seconds later, at the next trash verb, delete or minute of a dashboard.",
	  "stoker trash list\nstoker trash restore web\n", { no_options }, trash_verbs, 0, 0, COMPLETE_NONE, VERB_JSON, NULL },
	{ "network", "networks", "VERB", "list, inspect and remove what network tap has on this host", "It takes root, as network "
	  "tap does. VMs with network user or none have nothing on the host.",
	  "stoker network list\nstoker network inspect\n", { no_options }, network_verbs, 0, 0, COMPLETE_NONE, VERB_JSON, NULL },
	{ "bench", "benchmark", "", "measure whole lives of VMs", "Makes VMs one after another and measures each step: create and "
	  "start, ready, SSH ready (all three from the request on), the first and the following commands over the channel and "
	  "over SSH (the first opens its connection), stop and delete, and the life of a VM with one command (SSH ready + first "
	  "command + stop and delete). It cleans up after itself, after ctrl-C too.",
	  "stoker bench --vms 10 -v\nstoker bench --vms 20 --parallel 4 --memory 256M --json\n", { bench_options, spec_options },
	  NULL, 0, 0, COMPLETE_NONE, VERB_JSON, verb_bench },
	{ "doctor", "", "", "check everything this host needs", "Exits with 1 when a check fails. With "
	  "--install when the program could not be installed: one that was and is of no use here is a warning.",
	  "stoker doctor --vms 100\nstoker doctor --install firecracker\n", { doctor_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON, verb_doctor },
	{ "tui", "dashboard ui", "", "open the dashboard", "Also opened by `stoker` alone on a terminal, or with nothing but these options.",
	  "stoker tui --read-only\n", { tui_options_table }, NULL, 0, 0, COMPLETE_NONE, 0, verb_tui },
	{ "config", "settings", "[KEY...|check]", "show the settings in force and where they come from", "With keys only their "
	  "values. With check what is wrong with the file, keys of the dashboard that collide, filters and presets included; exits with 1 then, and with 2 when a line of it cannot be used at all.",
	  "stoker config\nstoker config defaults.memory_mib\nstoker config check\n", { no_options }, NULL, 0, -1, COMPLETE_NONE, VERB_JSON, verb_config },
	{ "version", "", "", "show the version", "", "", { no_options }, NULL, 0, 0, COMPLETE_NONE, VERB_JSON, verb_version },
	{ "completion", "", "bash|zsh|fish", "print a completion script", "", "source <(stoker completion bash)\n"
	  "stoker completion fish | source\n", { no_options }, NULL, 1, 1, COMPLETE_NONE, 0, verb_completion },
	{ "help", "", "[VERB...]", "show help", "", "stoker help create\n", { no_options }, NULL, 0, 2, COMPLETE_VERB, 0, verb_help },
	{ 0 },
};

static bool is_alias(const char *aliases, const char *name)
{
	size_t len = strlen(name);

	for (const char *a = aliases; len > 0 && *a;) {
		size_t n = strcspn(a, " ");

		if (n == len && memcmp(a, name, n) == 0)
			return true;
		a += n + (a[n] == ' ');
	}
	return false;
}

const struct verb *verb_find(const struct verb *table, const char *name)
{
	for (const struct verb *v = table; v->name; v++) {
		if (strcmp(v->name, name) == 0 || is_alias(v->aliases, name))
			return v;
	}
	return NULL;
}

const char *verb_nearest(const struct verb *table, const char *name)
{
	const char *best = NULL;
	unsigned least = ~0U;

	for (const struct verb *v = table; v->name; v++) {
		unsigned distance = edit_distance(name, v->name);

		if (strlen(name) >= 2 && strncmp(v->name, name, strlen(name)) == 0)
			distance = 1;
		if (distance < least) {
			least = distance;
			best = v->name;
		}
	}
	return best && edit_is_slip(least, name) ? best : NULL;
}

void verb_options(const struct verb *verb, const struct option *tables[OPTION_TABLES])
{
	size_t n = 0;

	for (size_t i = 0; verb && i < 2 && verb->options[i]; i++)
		tables[n++] = verb->options[i];
	tables[n++] = global_options;
	tables[n] = NULL;
}
