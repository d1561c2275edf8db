/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs say "Couldn't create QP" and no more: weir knows why, and says it if asked. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/interpose/interpose.h"

static void explain(const char *what, int code, const char *why)
{
	if (getenv("WEIR_VERBS_EXPLAIN") != NULL)
		fprintf(stderr, "weir verbs: %s: %s: %s\n", what, strerror(code), why);
}

int interpose_result(const char *what, int code)
{
	if (code != 0)
		explain(what, code, weir_error_text());
	return code;
}

void *interpose_failed(const char *what)
{
	int code = errno;

	interpose_result(what, code);
	errno = code;
	return NULL;
}

void *interpose_refused(const char *what, const char *why)
{
	explain(what, EOPNOTSUPP, why);
	errno = EOPNOTSUPP;
	return NULL;
}
