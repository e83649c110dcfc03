/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { QUEUE_MIN = 1024 };

bool queue_add(struct queue *q, const void *data, size_t len)
{
	if (len == 0)
		return true;
	if (len > q->cap - q->start - q->len) {
		if (q->start > 0 && q->len > 0)
			memmove(q->data, q->data + q->start, q->len);
		q->start = 0;
	}
	if (len > q->cap - q->len) {
		size_t cap = q->cap ? q->cap : QUEUE_MIN;
		uint8_t *data_new;
		if (len > SIZE_MAX / 4 - q->len)
			return false;
		while (cap < q->len + len)
			cap *= 2;
		data_new = realloc(q->data, cap);
		if (!data_new)
			return false;
		q->data = data_new;
		q->cap = cap;
	}
	memcpy(q->data + q->start + q->len, data, len);
	q->len += len;
	return true;
}

static void queue_drop(struct queue *q, size_t len)
{
	q->start += len;
	q->len -= len;
	if (q->len == 0)
		queue_clear(q);
}

void queue_clear(struct queue *q)
{
	free(q->data);
	memset(q, 0, sizeof *q);
}

static void piece(struct iovec *iov, int *count, const void *data, size_t len)
{
	if (len == 0)
		return;
	iov[*count].iov_base = (void *)(uintptr_t)data; /* sendmsg() does not write to it */
	iov[*count].iov_len = len;
	++*count;
}

int queue_send(struct queue *q, int fd, const void *a, size_t alen, const void *b, size_t blen)
{
	struct iovec iov[3];
	struct msghdr msg = { .msg_iov = iov };
	size_t sent = 0;
	int count = 0;

	if (fd >= 0) {
		ssize_t n;
		if (q->len > 0)
			piece(iov, &count, q->data + q->start, q->len);
		piece(iov, &count, a, alen);
		piece(iov, &count, b, blen);
		if (count == 0)
			return 0;
		msg.msg_iovlen = (size_t)count;
		do
			n = sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS)
			return errno;
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent < q->len) {
		queue_drop(q, sent);
		sent = 0;
	} else {
		sent -= q->len;
		queue_clear(q);
	}
	if (sent < alen && !queue_add(q, (const uint8_t *)a + sent, alen - sent))
		return ENOMEM;
	sent = sent > alen ? sent - alen : 0;
	if (sent < blen && !queue_add(q, (const uint8_t *)b + sent, blen - sent))
		return ENOMEM;
	return 0;
}
