/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of weir perf. */
#ifndef WEIR_APP_PERF_OPTIONS_H
#define WEIR_APP_PERF_OPTIONS_H

#include "command.h"
#include "perf.h"

enum perf_format { PERF_TABLE, PERF_CSV, PERF_JSON };

struct perf_options {
	struct perf_settings settings; /* of the first run */
	const char *host; /* NULL: this is the server, or both */
	uint16_t tcp_port;
	bool self; /* both sides in one command */
	bool all; /* sizes 2 to 2^23 */
	bool compare; /* all transports */
	bool histogram, unsorted;
	enum perf_format format;
	int cpus[2]; /* server's, client's; -1: left where it is */
	const char *raw_port; /* raw: the port's name */
	bool echo; /* raw: sends packets back */
};

extern const struct option perf_option_table[];
/* EXIT_OK, or EXIT_USAGE after saying what is wrong. */
int perf_options_parse(int argc, char **argv, struct perf_options *ret_options);

#endif
