/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One interface of a pcapng section: its name, link type and how its time stamps become
 * nanoseconds.
 * Source: draft-ietf-opsawg-pcapng, section 4.2.
 */
#ifndef WEIR_CAPTURE_PCAPNG_INTERFACE_H
#define WEIR_CAPTURE_PCAPNG_INTERFACE_H

#include "capture/record.h"

struct pcapng_interface {
	uint64_t ns_per_unit; /* 0: units are not whole nanoseconds, or there is an offset */
	int64_t offset_seconds;
	uint32_t snap_length; /* 0: no limit */
	uint16_t link_type;
	uint8_t resolution; /* if_tsresol: a power of 10, or of 2 with the top bit */
	uint8_t fcs_bytes;
	char name[RECORD_NAME_BYTES]; /* if_name; "": none */
};

/* From the body of an Interface Description Block. False: it contradicts itself. */
bool pcapng_interface_read(
	struct pcapng_interface *interface, const uint8_t *body, uint32_t body_bytes, bool swapped);

/* Since the epoch; before it is 0, and after RECORD_TIME_MAX_NS is RECORD_TIME_MAX_NS. */
uint64_t pcapng_interface_time_ns(const struct pcapng_interface *interface, uint64_t units);

#endif
