/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the packet inside a tunnel whose outer headers parse_headers() found: VXLAN, VXLAN-GPE,
 * GENEVE, GRE, NVGRE, IPIP, 6in4 and the like (SIT), GTP-U. The first tunnel only: what is in a
 * tunnel in a tunnel is layer 4 to the first one. Pure, as parse.h; any bytes are safe.
 *
 * Sources: RFC 7348 (VXLAN), draft-ietf-nvo3-vxlan-gpe, RFC 8926 (GENEVE), RFC 2784 and 2890 (GRE),
 * RFC 7637 (NVGRE), RFC 2003 (IPIP), 4213 (SIT), 3GPP TS 29.281 (GTP-U).
 */
#ifndef WEIR_PACKET_PARSE_INNER_H
#define WEIR_PACKET_PARSE_INNER_H

#include <stdint.h>

#include "packet/parse.h"

/* A tunnel's own header that is longer is not looked behind. The longest GENEVE has. */
enum { PARSE_TUNNEL_MAX_BYTES = 8 + 63 * 4 };
/* The headers of a frame, of a tunnel and of the packet inside end within its first so many. */
enum { PARSE_INNER_MAX_BYTES = PARSE_MAX_BYTES + PARSE_TUNNEL_MAX_BYTES + PARSE_MAX_BYTES };

/* `length` bytes are readable at `bytes`: PARSE_INNER_MAX_BYTES of the packet, or all there is.
 * Returns where in them the packet inside starts, with an Ethernet or an IP header, and its headers
 * counted from there; 0: `outer` is no such tunnel, or it holds neither Ethernet nor IP. */
uint32_t parse_inner(const uint8_t *bytes, uint32_t length, const struct headers *outer,
	struct headers *ret_inner);

#endif
