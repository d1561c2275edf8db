/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What went wrong, for a person to read. Library functions return -errno and fill one of these;
 * only app/ and engine/ print. A message says what is wrong, where, and what to do about it.
 */
#ifndef WEIR_BASE_ERROR_H
#define WEIR_BASE_ERROR_H

struct error {
	int code; /* a positive errno; 0: no error */
	char message[1024];
};

/* Fills `error` (NULL is allowed) and returns -code, so that callers can `return error_set(...)`.
 */
int error_set(struct error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the message, as the error travels up. Returns -error->code. */
int error_prefix(struct error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
