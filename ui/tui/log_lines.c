/* SPDX-License-Identifier: Apache-2.0
 *
 * log_lines.c - keeping what a console says.
 *
 * The console is the guest's to write: every line is cleaned before it is kept
 * (common/text.h), and lines, bytes and the length of one line have ceilings.
 */
#include "log_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void log_drop_first(struct log_pane *p)
{
	char **slot = &p->lines[p->first % LINES_MAX];
	p->bytes -= strlen(*slot) + 1;
	free(*slot);
	*slot = NULL;
	p->first++;
}

static void end_line(struct log_pane *p)
{
	char clean[LINE_MAX_BYTES * 2], *kept;
	size_t len = text_clean(clean, sizeof(clean), p->raw, p->raw_len);

	p->raw_len = 0;
	while (len > 0 && clean[len - 1] == ' ')
		len--;
	kept = malloc(len + 1);
	if (kept == NULL)
		return;
	memcpy(kept, clean, len);
	kept[len] = '\0';
	if (p->end - p->first == LINES_MAX)
		log_drop_first(p);
	p->lines[p->end % LINES_MAX] = kept;
	p->end++;
	p->bytes += len + 1;
	while (p->bytes > BYTES_MAX)
		log_drop_first(p);
}

/* A CR alone ends a line too: nothing a guest writes over is lost. */
void log_take(struct log_pane *p, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		if (c == '\n' && p->after_cr) {
			p->after_cr = false;
			continue;
		}
		p->after_cr = c == '\r';
		if (c == '\n' || c == '\r') {
			end_line(p);
			continue;
		}
		if (p->raw_len == sizeof(p->raw)) {
			/* not between the bytes of one character */
			size_t cut = p->raw_len;
			char rest[4];
			size_t n = 0;
			while (cut > 0 && n < 3 && ((unsigned char)p->raw[cut - 1] & 0xc0) == 0x80) {
				cut--;
				n++;
			}
			if (cut > 0 && (unsigned char)p->raw[cut - 1] >= 0xc2 && (unsigned char)p->raw[cut - 1] <= 0xf4) {
				cut--;
				n++;
			} else {
				cut = p->raw_len;
				n = 0;
			}
			memcpy(rest, p->raw + cut, n);
			p->raw_len = cut;
			end_line(p);
			memcpy(p->raw, rest, n);
			p->raw_len = n;
		}
		p->raw[p->raw_len++] = c;
	}
	text_clean(p->partial, sizeof(p->partial), p->raw, p->raw_len);
}

/* Lines in view are numbered first .. count_end; the last is the one still coming. */
int64_t log_view_end(const struct log_pane *p)
{
	return p->end + (p->partial[0] != '\0' ? 1 : 0);
}

const char *log_line_at(const struct log_pane *p, int64_t n)
{
	return n < p->end ? p->lines[n % LINES_MAX] : p->partial;
}
