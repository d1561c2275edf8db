/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weir perf: the connection on which client and server agree, apart from what is measured. Each
 * message has a kind and up to PERF_MESSAGE_MAX bytes. Functions return 0 or -errno with `error`
 * said; a side that fails tells the other one why (perf_exchange_fail).
 */
#ifndef WEIR_APP_PERF_EXCHANGE_H
#define WEIR_APP_PERF_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum perf_message {
	PERF_HELLO = 1, /* version, as text */
	PERF_START, /* struct perf_settings: client to server */
	PERF_PLACE, /* struct perf_place */
	PERF_READY, /* nothing */
	PERF_SENT, /* uint64_t: how many messages were sent in all */
	PERF_RESULT, /* struct perf_flow */
	PERF_FAILED, /* a sentence */
	PERF_OVER, /* this run is, well or not: what comes before it belongs to the run */
	PERF_END, /* no further run */
};

enum { PERF_MESSAGE_MAX = 4352 };

/* The server's side: waits for one client. A file descriptor, or -errno. */
int perf_exchange_accept(uint16_t port, struct error *error);
int perf_exchange_connect(const char *host, uint16_t port, struct error *error);

/* Both say who they are; -EPROTO: the other one is another version, or no weir perf at all. */
int perf_exchange_hello(int fd, struct error *error);

int perf_exchange_send(
	int fd, enum perf_message kind, const void *bytes, size_t count, struct error *error);
/* Of this kind and size and no other; PERF_FAILED becomes an error. */
int perf_exchange_receive(
	int fd, enum perf_message kind, void *bytes, size_t count, struct error *error);
/* Of any kind. Returns its size. */
int perf_exchange_take(int fd, enum perf_message *ret_kind, void *bytes, struct error *error);
/* Whether perf_exchange_take() would find something: 1, or the end of file; else 0. */
int perf_exchange_waits(int fd);
void perf_exchange_fail(int fd, const struct error *error);

/* Both sides have come here. */
int perf_exchange_meet(int fd, struct error *error);
/* The same after a run, however it ended: what was said of it and not heard is forgotten. */
int perf_exchange_over(int fd, struct error *error);

#endif
