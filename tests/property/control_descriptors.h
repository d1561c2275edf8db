/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors of all kinds that an application might send. */
#ifndef WEIR_PROPERTY_CONTROL_DESCRIPTORS_H
#define WEIR_PROPERTY_CONTROL_DESCRIPTORS_H

#include "verbs/mapping.h"

enum { CONTROL_DESCRIPTORS = 12, CONTROL_FILE_BYTES = 1 << 20 };

struct control_descriptors {
	int fds[CONTROL_DESCRIPTORS]; /* the first is good memory, the second a good eventfd */
	int cut; /* one of them: memory that may be cut off, CONTROL_FILE_BYTES long */
	struct verbs_mapping shown; /* the good memory */
};

/* Aborts where there is none. */
void control_descriptors_make(struct control_descriptors *ret_descriptors);

#endif
