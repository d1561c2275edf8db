/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The columns of the kernel's /proc/net/softnet_stat that say something, and what they mean of a
 * worker: the table that JSON, `weir show softnet` and its --raw are made from. Layout: Linux,
 * net/core/net-procfs.c, softnet_seq_show(): 15 columns of 8 hexadecimal digits, those not named
 * here always 0; backlog_len is input_qlen + process_qlen. Inside stats/ only.
 */
#ifndef WEIR_STATS_SOFTNET_H
#define WEIR_STATS_SOFTNET_H

enum { SOFTNET_KERNEL_COLUMNS = 15, SOFTNET_KERNEL_CPU = 13 };

/* X(name, the kernel's column counted from 1, description) */
#define SOFTNET_COLUMNS(X)                                                                         \
	X(processed, 1, "packets run through a pipeline")                                          \
	X(dropped, 2,                                                                              \
		"packets that did not get into its backlog: it was full, or flow_limit_count")     \
	X(time_squeeze, 3, "turns that ended with packets still waiting in a backlog")             \
	X(received_rps, 10, "times another worker woke it for packets handed over")                \
	X(flow_limit_count, 11, "packets dropped by the flow limit in front of its backlog")       \
	X(backlog_len, 12, "packets waiting for it now")                                           \
	X(input_qlen, 14, "of these, not yet looked at")                                           \
	X(process_qlen, 15, "of these, taken and not yet finished")

struct softnet_column {
	const char *name;
	unsigned position;
	const char *description;
};

extern const struct softnet_column softnet_columns[]; /* a NULL name ends them */

#endif
