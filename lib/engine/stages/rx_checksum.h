/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the software verifies of a port's packets where rx-checksumming is on and the device does
 * not. The engine puts this stage in front of the others; it has no name in a configuration.
 */
#ifndef WEIR_ENGINE_STAGES_RX_CHECKSUM_H
#define WEIR_ENGINE_STAGES_RX_CHECKSUM_H

#include <stdbool.h>
#include <stdint.h>

/* stage->state. Writer of the counts: the worker; readers: any, each a whole word. */
struct rx_checksum_state {
	uint64_t bad_ip; /* packets with a bad IPv4 header checksum */
	uint64_t bad_l4; /* those whose layer 4 checksum is bad */
	bool drops; /* drop_bad_checksums of the port */
};

#endif
