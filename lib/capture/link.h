/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes an Ethernet frame of a captured packet, whatever link layer it was captured on. What had no
 * Ethernet header gets one, with these addresses (locally administered, so no host's own):
 *
 *   destination  02:00:00:00:00:02, or the broadcast address where SLL says it was a broadcast
 *   source       02:00:00:00:00:01, or the sender's address where SLL holds six bytes of it
 *
 * Source: tcpdump.org/linktypes.html. Threads: any, pure functions.
 */
#ifndef WEIR_CAPTURE_LINK_H
#define WEIR_CAPTURE_LINK_H

#include "capture/reader.h"
#include "capture/record.h"

enum { LINK_ETHERNET_HEADER_BYTES = 14 };
enum { LINK_SCRATCH_BYTES = RECORD_MAX_BYTES + LINK_ETHERNET_HEADER_BYTES };

/* Fills all of *ret_frame but its time. -1: done. Else the enum skip_reason why it cannot be.
 * The frame lies in the record's bytes when it was Ethernet before, else in `scratch`
 * (LINK_SCRATCH_BYTES). */
int link_to_ethernet(const struct record *record, uint8_t *scratch, struct frame *ret_frame);

/* What SLL and SLL2 headers say of a record that link_to_ethernet() took. */
enum record_direction link_direction(const struct record *record);

#endif
