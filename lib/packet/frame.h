/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One Ethernet frame as a capture file or a generator supplies it: plain bytes and a time.
 * The bytes belong to the supplier and are valid until its next call.
 */
#ifndef WEIR_PACKET_FRAME_H
#define WEIR_PACKET_FRAME_H

#include <stdint.h>

struct frame {
	uint64_t time_ns; /* since the epoch (captures) or since the start (generators) */
	const uint8_t *bytes; /* Ethernet header first, no FCS */
	uint32_t length; /* bytes held here */
	uint32_t original_length; /* bytes there were on the wire; > length when snapped */
};

#endif
