/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole engines. EAL starts but once a process, so each scenario runs in a child; what it finds
 * wrong it prints, and the parent's test fails. A child that hangs is ended by its alarm.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/engine.h"

/* In the child. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)
#define CHECK_EQUAL(value, expected) check_equal(__FILE__, __LINE__, #value, value, expected)

void check_equal(const char *file, int line, const char *what, uint64_t value, uint64_t expected);

/* Runs it in a child, with a scratch directory; fails unless the child exits with 0. */
void run_scenario(void (*scenario)(void));
/* In the child: the scratch directory. */
extern char scratch[64];

/* A configuration of this text, where each ' stands for " and each @ for the scratch directory.
 * Must be right. */
struct config *config_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* An engine of it; it must come up. */
struct engine *engine_of(struct config *config);
void run_start(struct engine *engine);
/* Until its sources have ended. */
void run_to_end(struct engine *engine);
/* Until so many packets have come in altogether. */
void run_until(struct engine *engine, uint64_t packets);
/* The account, which must be exact. Only while stopped. */
struct engine_account account_of(const struct engine *engine);
uint64_t drops_of(const struct engine_account *account);
/* Nothing may be missing. */
void run_destroy(struct engine *engine, struct config *config);
/* Threads of weir's in this process. */
unsigned weir_threads(void);

#endif
