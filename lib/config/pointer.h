/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A JSON pointer (RFC 6901) that grows and shrinks as a document is walked: "/ports/wan/queues".
 */
#ifndef WEIR_CONFIG_POINTER_H
#define WEIR_CONFIG_POINTER_H

#include <stddef.h>
#include <stdint.h>

struct pointer {
	char *text; /* NUL-terminated; ours */
	size_t length, capacity;
};

#define POINTER_FAILED SIZE_MAX /* out of memory; the pointer is as it was */

int pointer_init(struct pointer *pointer); /* to the root, "". 0 or -ENOMEM */
void pointer_fini(struct pointer *pointer);

/* Goes into a member or an element. Returns the mark to leave it by, or POINTER_FAILED. */
size_t pointer_enter_key(struct pointer *pointer, const char *key);
size_t pointer_enter_index(struct pointer *pointer, size_t index);
void pointer_leave(struct pointer *pointer, size_t mark);

#endif
