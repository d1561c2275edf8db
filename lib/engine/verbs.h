/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Applications at this engine: the server of lib/verbs, on a thread of its own, and what workers do
 * for it. Inside engine/, but for the view.
 */
#ifndef WEIR_ENGINE_VERBS_H
#define WEIR_ENGINE_VERBS_H

#include "base/error.h"
#include "verbs/server/server.h"

struct engine;

/* Listens, where the configuration wants it. Workers are parked. */
int engine_verbs_begin(struct engine *engine, struct error *error);
/* Tells applications that it ends. Workers are parked, or there are none. */
void engine_verbs_end(struct engine *engine);

/* NULL: no applications. Any thread. */
struct verbs_server *engine_verbs(const struct engine *engine);
/* The socket's path; NULL: none. */
const char *engine_verbs_socket(const struct engine *engine);

#endif
