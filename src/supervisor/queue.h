/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - bytes that wait to be sent to a stream socket. Holds no memory while empty.
 */
#ifndef STOKER_SRC_SUPERVISOR_QUEUE_H
#define STOKER_SRC_SUPERVISOR_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
	uint8_t *data;
	size_t start, len, cap;
};

/* False without memory. */
bool queue_add(struct queue *q, const void *data, size_t len);
void queue_clear(struct queue *q);

/* Sends what waits and then two more pieces, as far as the socket takes them
 * without blocking, and keeps the rest. 0, or the errno value that ended the connection (ENOMEM too). */
int queue_send(struct queue *q, int fd, const void *a, size_t alen, const void *b, size_t blen);

#endif
