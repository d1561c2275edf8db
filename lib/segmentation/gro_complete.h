/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef WEIR_SEGMENTATION_GRO_COMPLETE_H
#define WEIR_SEGMENTATION_GRO_COMPLETE_H

#include "segmentation/gro_flow.h"

/* Makes one super-packet of what a flow holds, of two packets or more: headers, flags and note of
 * the first buffer. Nothing of it has been written before. */
void gro_complete(struct gro_flow *flow);

#endif
