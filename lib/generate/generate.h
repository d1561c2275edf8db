/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A deterministic traffic source: the same seed gives the same bytes and times on every machine.
 * UDP flows, or TCP streams with true sequence numbers, ACKs, options and checksums, with a
 * Zipf-skewed choice of flow, fixed, ranged or IMIX sizes, loss, duplication and reordering.
 *
 * Threads: one a generator. No EAL.
 */
#ifndef WEIR_GENERATE_GENERATE_H
#define WEIR_GENERATE_GENERATE_H

#include "base/error.h"
#include "config/config.h"
#include "packet/frame.h"

struct generator;

/* `config` is copied. NULL with `error` when out of memory or the values contradict each other. */
struct generator *generator_create(const struct config_generate *config, struct error *error);
struct generator *generator_destroy(struct generator *generator);

/* 1: *ret_frame is the next frame, valid until the next call; 0: config.packets were given, or
 * config.duration_ns is over. time_ns starts at 0 and follows config.speed (1 us a packet for "top"
 * and "original").
 *
 * Sizes that cannot hold the headers (and of a TCP segment with data one byte) are raised to them.
 * What is lost is not given and counts for nothing; a duplicate follows its original at once; a
 * reordered packet changes places with the next one of its flow. TCP goes on as if nothing had
 * happened: there are no retransmissions. */
int generator_next(struct generator *generator, struct frame *ret_frame);

/* Starts anew: the same packets again. */
void generator_rewind(struct generator *generator);

#endif
