/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf alone, with libweir built into it: as rings_perf_checked, as it is; as
 * rings_perf_unchecked with VERBS_UNCHECKED. What the checks cost a message is their difference.
 */
#include "command.h"

int main(int argc, char **argv)
{
	int left = argc - 1;
	int result = command_parse(&command_perf, &left, argv + 1);

	return result != 0 ? result : command_perf.run(left, argv + 1);
}
