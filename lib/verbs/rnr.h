/* SPDX-License-Identifier: BSD-3-Clause */
/* How long a responder without a receive asks to be left alone. InfiniBand Architecture
 * Specification, volume 1, table 45: codes 0 to 31. */
#ifndef WEIR_VERBS_RNR_H
#define WEIR_VERBS_RNR_H

#include <stdint.h>

/* The code is taken modulo 32: it may come from somebody else's memory. */
static inline uint64_t verbs_rnr_ns(uint32_t code)
{
	static const uint16_t times[32] = {0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128,
		192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384,
		24576, 32768, 49152}; /* in 10 us */

	return (code & 31) == 0 ? 655360000 : times[code & 31] * 10000ull;
}

#endif
