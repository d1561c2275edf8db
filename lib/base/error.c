/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list arguments;

	if (error == NULL)
		return -code;
	error->code = code;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -code;
}

int error_prefix(struct error *error, const char *format, ...)
{
	char tail[sizeof(error->message)];
	va_list arguments;
	int length;

	if (error == NULL)
		return -1;
	memcpy(tail, error->message, sizeof(tail));
	va_start(arguments, format);
	length = vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(error->message))
		return -error->code;
	snprintf(
		error->message + length, sizeof(error->message) - (size_t)length, ": %.900s", tail);
	return -error->code;
}
