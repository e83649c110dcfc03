/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c - devices, addresses, routes and neighbours, by libnl.
 */
#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <linux/if_tun.h>
#include <linux/ip.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../clock.h"
#include "../error.h"

enum { REMOVE_WAIT_MS = 2000, READ_TRIES = 8, PIECE_MAX = 32 * 1024 };

/* What libnl says of a failure. */
static enum stoker_status nl_error(struct stoker_error *err, int code, const char *doing, const char *name)
{
	if (code == -NLE_NOMEM)
		return error_errno(err, ENOMEM, "cannot %s %s", doing, name);
	return error_set(err, STOKER_E_FAILED, "cannot %s %s: %s", doing, name, nl_geterror(code));
}

/* ---- the instance */

/* Sixteen digits that were put there at once, by a link: a reader sees all of them or no file. */
static bool instance_read(const char *path, char out[17])
{
	char text[32];
	ssize_t n = read_whole_file(path, text, sizeof text);
	if (n < 16 || strspn(text, "0123456789abcdef") != 16 || (text[16] != '\n' && text[16] != '\0'))
		return false;
	memcpy(out, text, 16);
	out[16] = '\0';
	return true;
}

static bool instance_make(const stoker *s, const char *path)
{
	char aside[STOKER_PATH_SIZE], text[20];
	uint8_t r[8];
	bool whole;
	int fd;

	if (getrandom(r, sizeof r, 0) != sizeof r || !path_state(s, aside, "instance.%ld", (long)getpid()))
		return false;
	for (int i = 0; i < 8; i++)
		snprintf(text + 2 * i, 3, "%02x", r[i]);
	text[16] = '\n';
	unlink(aside);
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	whole = write(fd, text, 17) == 17 && fsync(fd) == 0;
	close(fd);
	/* Of several that make it at once the first one's stays. */
	whole = whole && (link(aside, path) == 0 || errno == EEXIST);
	unlink(aside);
	return whole;
}

enum stoker_status link_instance(const stoker *s, bool make, struct net_instance *out, struct stoker_error *err)
{
	char path[STOKER_PATH_SIZE];
	bool known = path_state(s, path, "instance") &&
	             (instance_read(path, out->text) ||
	              (make && !s->read_only && instance_make(s, path) && instance_read(path, out->text)));
	if (!known && !make && access(path, F_OK) < 0 && errno == ENOENT) {
		memset(out, 0, sizeof *out);
		return STOKER_OK;
	}
	if (!known) {
		error_set(err, STOKER_E_FAILED, "cannot read or make %s/instance, by which devices are known as ours", s->state_dir);
		return error_fix(err, "Check owner, mode and free space of '%s'", s->state_dir), STOKER_E_FAILED;
	}
	out->metric = (uint32_t)strtoul(out->text + 8, NULL, 16) | 1;
	return STOKER_OK;
}

void link_tag(const stoker *s, const struct net_instance *me, const char *id, char out[LINK_ALIAS_SIZE])
{
	snprintf(out, LINK_ALIAS_SIZE, "stoker %s %s %.200s", id, me->text, s->state_dir);
}

bool link_owner(const struct net_link *link, const struct net_instance *me, char id[STOKER_ID_SIZE])
{
	char name[NET_NAME_SIZE];
	if (!me->text[0] || strncmp(link->alias, "stoker ", 7) != 0 ||
	    strspn(link->alias + 7, "0123456789abcdef") != STOKER_ID_SIZE - 1 || link->alias[23] != ' ' ||
	    strncmp(link->alias + 24, me->text, 16) != 0 || link->alias[40] != ' ')
		return false;
	memcpy(id, link->alias + 7, STOKER_ID_SIZE - 1);
	id[STOKER_ID_SIZE - 1] = '\0';
	/* Renamed by somebody: then it is theirs. */
	net_tap_name(id, name);
	return strcmp(name, link->name) == 0;
}

/* ---- devices */

void link_lists_whole(struct nl_sock *sk)
{
	nl_socket_set_msg_buf_size(sk, PIECE_MAX);
	nl_socket_disable_msg_peek(sk);
}

enum stoker_status link_open(struct nl_sock **out, struct stoker_error *err)
{
	struct nl_sock *sk = nl_socket_alloc();
	int code = sk ? nl_connect(sk, NETLINK_ROUTE) : -NLE_NOMEM;
	*out = NULL;
	if (code < 0) {
		nl_socket_free(sk);
		return nl_error(err, code, "ask the kernel about", "the network");
	}
	link_lists_whole(sk);
	*out = sk;
	return STOKER_OK;
}

void link_close(struct nl_sock *sk)
{
	nl_socket_free(sk);
}

static void take_link(struct rtnl_link *from, struct net_link *out)
{
	const char *name = rtnl_link_get_name(from), *alias = rtnl_link_get_ifalias(from);
	uint32_t forwards = 0;
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "%.15s", name ? name : "");
	snprintf(out->alias, sizeof out->alias, "%s", alias ? alias : "");
	out->index = rtnl_link_get_ifindex(from);
	out->group = rtnl_link_get_group(from);
	out->up = (rtnl_link_get_flags(from) & IFF_UP) != 0;
	out->carrier = rtnl_link_get_carrier(from) != 0;
	out->forwards = rtnl_link_inet_get_conf(from, IPV4_DEVCONF_FORWARDING, &forwards) == 0 && forwards;
}

enum stoker_status link_find(struct nl_sock *sk, const char *name, struct net_link *out, struct stoker_error *err)
{
	struct rtnl_link *link = NULL;
	int code = rtnl_link_get_kernel(sk, 0, name, &link);
	if (code == -NLE_OBJ_NOTFOUND || code == -NLE_NODEV)
		return STOKER_E_NOT_FOUND;
	if (code < 0)
		return nl_error(err, code, "ask the kernel about", name);
	take_link(link, out);
	rtnl_link_put(link);
	return STOKER_OK;
}

struct links {
	struct net_link *items;
	size_t count, cap;
	bool failed;
};

static void collect_link(struct nl_object *object, void *user)
{
	struct links *all = user;
	struct rtnl_link *link = (struct rtnl_link *)object;
	if (rtnl_link_get_group(link) != LINK_GROUP)
		return;
	if (all->count == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 64;
		struct net_link *more = reallocarray(all->items, cap, sizeof *more);
		if (!more) {
			all->failed = true;
			return;
		}
		all->items = more;
		all->cap = cap;
	}
	take_link(link, &all->items[all->count++]);
}

enum stoker_status link_all(struct nl_sock *sk, struct net_link **out, size_t *count, struct stoker_error *err)
{
	struct nl_cache *cache = NULL;
	struct links all = { 0 };
	int code = -NLE_DUMP_INTR;

	*out = NULL;
	*count = 0;
	for (int i = 0; code == -NLE_DUMP_INTR && i < READ_TRIES; i++)
		code = rtnl_link_alloc_cache(sk, AF_UNSPEC, &cache);
	if (code < 0)
		return nl_error(err, code, "list", "the host's network devices");
	nl_cache_foreach(cache, collect_link, &all);
	nl_cache_free(cache);
	if (all.failed) {
		free(all.items);
		return error_errno(err, ENOMEM, "cannot list the host's network devices");
	}
	*out = all.items;
	*count = all.count;
	return STOKER_OK;
}

static enum stoker_status tun_open(const char *name, int *fd, struct stoker_error *err)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int why;

	*fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (*fd < 0) {
		why = errno;
		error_errno(err, why, "cannot open /dev/net/tun");
		return error_fix(err, why == ENOENT || why == ENODEV ? "Load it: sudo modprobe tun" : "Run as root, or use --network user");
	}
	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	if (ioctl(*fd, TUNSETIFF, &request) == 0)
		return STOKER_OK;
	why = errno;
	close(*fd);
	*fd = -1;
	return error_errno(err, why, "cannot make the device %s", name);
}

/* Alias, group and how it treats what comes from the guest, in one message. */
static int configure(struct nl_sock *sk, int index, const char *tag, bool forwards)
{
	static const struct {
		unsigned what;
		uint32_t value;
	} conf[] = {
		{ IPV4_DEVCONF_ROUTE_LOCALNET, 1 }, /* what goes to a port of 127.0.0.1 is sent on to the guest */
		{ IPV4_DEVCONF_RP_FILTER, 1 },
		{ IPV4_DEVCONF_ARP_IGNORE, 1 },     /* of the host's addresses only the gateway's is told */
		{ IPV4_DEVCONF_ACCEPT_REDIRECTS, 0 },
		{ IPV4_DEVCONF_SEND_REDIRECTS, 0 },
	};
	struct rtnl_link *old = rtnl_link_alloc(), *new = rtnl_link_alloc();
	int code = -NLE_NOMEM;
	if (old && new) {
		rtnl_link_set_ifindex(old, index);
		rtnl_link_set_ifindex(new, index);
		rtnl_link_set_ifalias(new, tag);
		rtnl_link_set_group(new, LINK_GROUP);
		code = rtnl_link_inet_set_conf(new, IPV4_DEVCONF_FORWARDING, forwards);
		for (size_t i = 0; code == 0 && i < sizeof conf / sizeof *conf; i++)
			code = rtnl_link_inet_set_conf(new, conf[i].what, conf[i].value);
		if (code == 0)
			code = rtnl_link_change(sk, old, new, 0);
	}
	rtnl_link_put(old);
	rtnl_link_put(new);
	return code;
}

enum stoker_status link_configure(struct nl_sock *sk, const struct net_link *link, const char *tag, bool forwards,
                                  struct stoker_error *err)
{
	int code = configure(sk, link->index, tag, forwards);
	return code < 0 ? nl_error(err, code, "configure", link->name) : STOKER_OK;
}

/* The rules drop all IPv6; without it the host does not even begin to speak it. */
static void without_ipv6(const char *name)
{
	char path[96];
	int fd;
	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) < 0)
		errno = 0; /* nothing depends on it */
	close(fd);
}

enum stoker_status link_make(struct nl_sock *sk, const char *name, const char *tag, bool forwards, struct net_link *out,
                             struct stoker_error *err)
{
	enum stoker_status st;
	int fd, code, index;

	/* Until it is told to stay it goes with its descriptor, and with us. */
	st = tun_open(name, &fd, err);
	if (st != STOKER_OK)
		return st;
	index = (int)if_nametoindex(name);
	code = index ? configure(sk, index, tag, forwards) : -NLE_NODEV;
	if (code < 0)
		st = nl_error(err, code, "configure", name);
	if (st == STOKER_OK && (ioctl(fd, TUNSETOWNER, (unsigned long)geteuid()) < 0 || ioctl(fd, TUNSETPERSIST, 1UL) < 0))
		st = error_errno(err, errno, "cannot keep the device %s", name);
	without_ipv6(name);
	close(fd);
	return st == STOKER_OK ? link_find(sk, name, out, err) : st;
}

/* ---- addresses, routes, neighbours */

static struct nl_addr *ip_address(uint32_t address, int bits)
{
	uint32_t net = htonl(address);
	struct nl_addr *a = nl_addr_build(AF_INET, &net, sizeof net);
	if (a)
		nl_addr_set_prefixlen(a, bits);
	return a;
}

static int set_up(struct nl_sock *sk, int index)
{
	struct rtnl_link *old = rtnl_link_alloc(), *new = rtnl_link_alloc();
	int code = -NLE_NOMEM;
	if (old && new) {
		rtnl_link_set_ifindex(old, index);
		rtnl_link_set_ifindex(new, index);
		rtnl_link_set_flags(new, IFF_UP);
		code = rtnl_link_change(sk, old, new, 0);
	}
	rtnl_link_put(old);
	rtnl_link_put(new);
	return code;
}

static int add_address(struct nl_sock *sk, int index, struct nl_addr *gateway)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	int code = -NLE_NOMEM;
	if (a) {
		rtnl_addr_set_ifindex(a, index);
		code = rtnl_addr_set_local(a, gateway);
		if (code == 0)
			code = rtnl_addr_add(sk, a, 0);
	}
	rtnl_addr_put(a);
	return code == -NLE_EXIST ? 0 : code;
}

static int add_route(struct nl_sock *sk, int index, struct nl_addr *guest, struct nl_addr *gateway, uint32_t metric)
{
	struct rtnl_route *r = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int code = -NLE_NOMEM;
	if (r && hop) {
		rtnl_route_nh_set_ifindex(hop, index);
		rtnl_route_set_family(r, AF_INET);
		rtnl_route_set_table(r, RT_TABLE_MAIN);
		rtnl_route_set_scope(r, RT_SCOPE_LINK);
		rtnl_route_set_protocol(r, LINK_ROUTE_PROTOCOL);
		rtnl_route_set_priority(r, metric);
		code = rtnl_route_set_dst(r, guest);
		if (code == 0)
			code = rtnl_route_set_pref_src(r, gateway);
		rtnl_route_add_nexthop(r, hop);
		hop = NULL;
		if (code == 0)
			code = rtnl_route_add(sk, r, NLM_F_CREATE | NLM_F_REPLACE);
	}
	if (hop)
		rtnl_route_nh_free(hop);
	rtnl_route_put(r);
	return code;
}

static int add_neighbour(struct nl_sock *sk, int index, struct nl_addr *guest, const char *mac)
{
	struct rtnl_neigh *n = rtnl_neigh_alloc();
	struct nl_addr *lladdr = NULL;
	int code = nl_addr_parse(mac, AF_LLC, &lladdr);
	if (code == 0 && n) {
		rtnl_neigh_set_ifindex(n, index);
		rtnl_neigh_set_state(n, NUD_PERMANENT);
		rtnl_neigh_set_lladdr(n, lladdr);
		code = rtnl_neigh_set_dst(n, guest);
		if (code == 0)
			code = rtnl_neigh_add(sk, n, NLM_F_CREATE | NLM_F_REPLACE);
	} else if (code == 0) {
		code = -NLE_NOMEM;
	}
	nl_addr_put(lladdr);
	rtnl_neigh_put(n);
	return code;
}

enum stoker_status link_connect(struct nl_sock *sk, const struct net_link *link, const struct net_instance *me,
                                uint32_t gateway, uint32_t guest, const char *mac, struct stoker_error *err)
{
	struct nl_addr *local = ip_address(gateway, 32), *remote = ip_address(guest, 32);
	int code = local && remote ? add_address(sk, link->index, local) : -NLE_NOMEM;
	enum stoker_status st = STOKER_OK;

	if (code == 0)
		code = set_up(sk, link->index);
	if (code == 0)
		code = add_route(sk, link->index, remote, local, me->metric);
	if (code == 0)
		code = add_neighbour(sk, link->index, remote, mac);
	if (code < 0)
		st = nl_error(err, code, "connect", link->name);
	nl_addr_put(local);
	nl_addr_put(remote);
	return st;
}

/* ---- removal */

static bool gone(const struct net_link *link)
{
	char name[IFNAMSIZ];
	return !if_indextoname((unsigned)link->index, name);
}

/* A grandchild that nobody waits for: it holds nothing of ours but the socket and the pipe, and calls nothing but the
 * kernel. It sends the message, if there is one, and with a pipe goes when its other end is closed. Our memory is copied
 * for it alone: the child between us uses ours, while we stand still, and no handler of a signal of ours may run in it. */
static bool apart(int fd, const void *message, size_t len, int pipe)
{
	sigset_t all, before;
	pid_t child;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	/* NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork): system calls, and an end */
	child = vfork();
	if (child == 0) {
		char byte;
		int sk = fcntl(fd, F_DUPFD, 3), end = pipe >= 0 ? fcntl(pipe, F_DUPFD, 3) : -1;
		if (sk < 0 || dup2(sk, 0) < 0 || (end >= 0 && dup2(end, 1) < 0))
			_exit(1);
		close_range(end >= 0 ? 2 : 1, ~0U, 0);
		if (_Fork() == 0) {
			if (len)
				send(0, message, len, 0);
			while (end >= 0 && read(1, &byte, 1) < 0 && errno == EINTR)
				;
		}
		_exit(0);
	}
	/* NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork) */
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	return child > 0;
}

void link_close_apart(struct nl_sock *sk)
{
	int ends[2];
	bool held = pipe2(ends, O_CLOEXEC) == 0;

	/* Its end of the pipe tells it that ours is not the last descriptor of the socket any more. */
	if (held) {
		apart(nl_socket_get_fd(sk), NULL, 0, ends[0]);
		close(ends[0]);
	}
	nl_socket_free(sk);
	if (held)
		close(ends[1]);
}

/* The kernel takes a device away within a millisecond, and then keeps who asked for it waiting for 10 to 25 more until
 * every processor has let go of it. */
static bool remove_apart(const struct net_link *link)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg info;
	} ask = { { sizeof ask, RTM_DELLINK, NLM_F_REQUEST, 1, 0 }, { .ifi_family = AF_UNSPEC, .ifi_index = link->index } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int64_t deadline = deadline_after_ms(REMOVE_WAIT_MS);
	bool asked;

	if (fd < 0)
		return false;
	asked = apart(fd, &ask, sizeof ask, -1);
	close(fd);
	if (!asked)
		return false;
	while (!gone(link) && clock_now_ns() < deadline)
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
	return gone(link);
}

enum stoker_status link_remove(struct nl_sock *sk, const struct net_link *link, struct stoker_error *err)
{
	struct rtnl_link *l;
	int code = -NLE_NOMEM;

	if (remove_apart(link))
		return STOKER_OK;
	/* Once more and in person, for the reason. */
	l = rtnl_link_alloc();
	if (l) {
		rtnl_link_set_ifindex(l, link->index);
		code = rtnl_link_delete(sk, l);
		rtnl_link_put(l);
	}
	return code == 0 || gone(link) ? STOKER_OK : nl_error(err, code, "remove the device", link->name);
}

/* ---- routes */

struct routes {
	struct net_route *items;
	size_t count, cap;
	bool failed;
};

static int collect_route(struct nl_msg *msg, void *user)
{
	struct routes *all = user;
	struct nlmsghdr *head = nlmsg_hdr(msg);
	struct rtmsg *rtm;
	struct nlattr *a[RTA_MAX + 1];
	struct net_route *r;

	if (head->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(head, sizeof *rtm, a, RTA_MAX, NULL) < 0)
		return NL_OK;
	rtm = nlmsg_data(head);
	if (rtm->rtm_family != AF_INET || (rtm->rtm_flags & RTM_F_CLONED) || rtm->rtm_type == RTN_BROADCAST ||
	    rtm->rtm_type == RTN_MULTICAST)
		return NL_OK;
	if (all->count == all->cap) {
		size_t cap = all->cap ? all->cap * 2 : 256;
		struct net_route *more = reallocarray(all->items, cap, sizeof *more);
		if (!more) {
			all->failed = true;
			return NL_STOP;
		}
		all->items = more;
		all->cap = cap;
	}
	r = &all->items[all->count++];
	memset(r, 0, sizeof *r);
	r->to = a[RTA_DST] && nla_len(a[RTA_DST]) == 4 ? ntohl(nla_get_u32(a[RTA_DST])) : 0;
	r->bits = rtm->rtm_dst_len <= 32 ? rtm->rtm_dst_len : 32;
	r->index = a[RTA_OIF] ? (int)nla_get_u32(a[RTA_OIF]) : 0;
	r->type = rtm->rtm_type;
	r->protocol = rtm->rtm_protocol;
	r->metric = a[RTA_PRIORITY] ? nla_get_u32(a[RTA_PRIORITY]) : 0;
	return NL_OK;
}

enum stoker_status link_routes(struct nl_sock *sk, struct net_route **out, size_t *count, struct stoker_error *err)
{
	struct rtmsg ask = { .rtm_family = AF_INET };
	struct routes all = { 0 };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int code = cb ? -NLE_DUMP_INTR : -NLE_NOMEM;

	*out = NULL;
	*count = 0;
	if (cb)
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, collect_route, &all);
	for (int i = 0; code == -NLE_DUMP_INTR && i < READ_TRIES; i++) {
		all.count = 0;
		code = nl_send_simple(sk, RTM_GETROUTE, NLM_F_DUMP, &ask, sizeof ask);
		if (code >= 0)
			code = nl_recvmsgs(sk, cb);
	}
	nl_cb_put(cb);
	if (code < 0 || all.failed) {
		free(all.items);
		return nl_error(err, all.failed ? -NLE_NOMEM : code, "list", "the host's routes");
	}
	*out = all.items;
	*count = all.count;
	return STOKER_OK;
}

uint32_t link_route_last(const struct net_route *r)
{
	return r->bits ? r->to | (r->bits < 32 ? UINT32_MAX >> r->bits : 0) : UINT32_MAX;
}

bool link_route_is_ours(const struct net_route *route, const struct net_instance *me)
{
	return route->protocol == LINK_ROUTE_PROTOCOL && route->metric == me->metric && route->bits == 32;
}
