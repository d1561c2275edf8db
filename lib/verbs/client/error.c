/* SPDX-License-Identifier: BSD-3-Clause */
/* What went wrong, of each thread: errno says it to programs, the sentence to people. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "verbs/client/client.h"
#include "verbs/reason.h"

static _Thread_local char last_error[512] = "no error";

const char *weir_error_text(void)
{
	return last_error;
}

const char *weir_reason_text(uint32_t reason)
{
	return verbs_reason_text(reason);
}

int client_fail(int code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(last_error, sizeof(last_error), format, arguments);
	va_end(arguments);
	errno = code;
	return code;
}
