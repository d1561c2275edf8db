/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks a running engine for a capture and takes it block by block. The engine connects to a socket
 * that is made for it and gone at once; SIGINT and SIGTERM end the capture in order, and a second
 * one at once.
 */
#ifndef WEIR_APP_CAPTURE_CLIENT_H
#define WEIR_APP_CAPTURE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

struct capture_client {
	int stream;
	uint8_t *buffer;
	size_t used, taken; /* bytes in it; of those, in blocks that were given */
	bool told; /* a signal came, and the engine knows */
};

/* `options` of the capture command, without "to": a reference is taken over. -EREMOTEIO when the
 * engine refused. */
int capture_client_open(struct capture_client *client, const char *control_path, json_t *options,
	struct error *error);

/* 1 with the next block, which is valid until the next call; 0: the end; -EAGAIN: nothing came for
 * timeout_ms (-1: no limit), or a signal did; -errno with `error`. */
int capture_client_next(struct capture_client *client, int timeout_ms, const uint8_t **ret_block,
	size_t *ret_length, struct error *error);

/* Whether all that came was given, so that it is time to show it. */
bool capture_client_idle(const struct capture_client *client);

/* Tells the engine that it is enough; what it has still comes. */
void capture_client_end(const struct capture_client *client);
void capture_client_close(struct capture_client *client);

#endif
