/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_SEGMENTATION_GRO_BURST_H
#define WEIR_SEGMENTATION_GRO_BURST_H

#include "segmentation/gro.h"

/* At most GRO_BURST packets merge, are held, or leave. */
void gro_burst(struct gro *gro, struct rte_mbuf *const packets[], unsigned count);

#endif
