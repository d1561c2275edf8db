/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The console of `weir run --interactive`: the commands of stats/commands.h, typed, with completion
 * and history on a terminal; one a line from anything else, so that scripts work.
 *
 * Threads: console_run() blocks and belongs to a thread of its own; main meanwhile takes requests.
 */
#ifndef WEIR_APP_CONSOLE_H
#define WEIR_APP_CONSOLE_H

#include "stats/stats.h"

/* Reads and runs commands until `quit`, the end of the input, or console_stop(). In the first two
 * cases main finds STATS_REQUEST_QUIT. Waits for start and stop to be done before the next command.
 * Returns 0, or -errno when there is nothing to wait with. One at a time. */
int console_run(struct stats *stats);

/* Makes console_run() return soon, the terminal as it was. Any thread; any number of times, also
 * when no console runs. Join the thread of console_run() before destroying its `stats`. */
void console_stop(void);

#endif
