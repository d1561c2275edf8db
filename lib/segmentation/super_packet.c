/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/super_packet.h"

#include <errno.h>

#include <rte_errno.h>

int super_note_offset = -1;
uint64_t super_note_flag;

int super_note_register(struct error *error)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "weir_super_note",
		.size = sizeof(struct super_note),
		.align = __alignof__(struct super_note),
	};
	static const struct rte_mbuf_dynflag flag = {.name = "weir_super_note"};
	int offset = rte_mbuf_dynfield_register(&field);
	int bit = offset >= 0 ? rte_mbuf_dynflag_register(&flag) : -1;

	if (offset < 0 || bit < 0)
		return error_set(error, rte_errno,
			"packet buffers have no room left for the note of super-packets");
	super_note_offset = offset;
	super_note_flag = UINT64_C(1) << bit;
	return 0;
}
