/* SPDX-License-Identifier: BSD-3-Clause */
#include "placement/sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lists of a machine with every second CPU offline are long; a page is what sysfs gives. */
enum { TEXT_BYTES = 4096 };

static int read_text(
	const char *root, char *text, size_t size, const char *format, va_list arguments)
{
	char path[PATH_MAX];
	size_t used, length = 0;
	ssize_t got;
	int file;

	text[0] = '\0';
	used = (size_t)snprintf(path, sizeof(path), "%s/", root);
	if (used >= sizeof(path))
		return -ENAMETOOLONG;
	if ((size_t)vsnprintf(path + used, sizeof(path) - used, format, arguments) >=
		sizeof(path) - used)
		return -ENAMETOOLONG;
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	do {
		got = read(file, text + length, size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	} while (got > 0 && length < size - 1);
	if (got < 0) {
		got = -errno;
		close(file);
		return (int)got;
	}
	close(file);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
	return (int)length;
}

int sysfs_read_text(const char *root, char *text, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = read_text(root, text, size, format, arguments);
	va_end(arguments);
	return length;
}

int sysfs_read_number(const char *root, int64_t *ret_number, const char *format, ...)
{
	char text[64], *end;
	va_list arguments;
	int64_t number;
	int length;

	va_start(arguments, format);
	length = read_text(root, text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length < 0)
		return length;
	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return -EINVAL;
	*ret_number = number;
	return 0;
}

int sysfs_read_list(const char *root, cpu_set_t *ret_set, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = read_text(root, text, sizeof(text), format, arguments);
	va_end(arguments);
	return length < 0 ? length : list_parse(text, ret_set);
}

/* Digits only: strtoul() would take signs and spaces too. */
static int parse_member(const char **text, unsigned long *ret_member)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	*ret_member = strtoul(*text, &end, 10);
	*text = end;
	return 0;
}

int list_parse(const char *text, cpu_set_t *ret_set)
{
	unsigned long first, last;

	CPU_ZERO(ret_set);
	while (*text != '\0') {
		if (parse_member(&text, &first) < 0)
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (parse_member(&text, &last) < 0 || last < first)
				return -EINVAL;
		}
		for (unsigned long member = first; member <= last && member < CPU_SETSIZE; member++)
			CPU_SET(member, ret_set);
		if (*text == ',' && text[1] != '\0')
			text++;
		else if (*text != '\0')
			return -EINVAL;
	}
	return 0;
}

const char *list_format(const cpu_set_t *set, char *text, size_t size)
{
	size_t used = 0;
	int last;

	text[0] = '\0';
	for (int first = 0; first < CPU_SETSIZE; first = last + 1) {
		char range[32];

		last = first;
		if (!CPU_ISSET(first, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		snprintf(range, sizeof(range), last > first ? "%s%d-%d" : "%s%d",
			used > 0 ? "," : "", first, last);
		if (used + strlen(range) + sizeof("...") > size) {
			snprintf(text + used, size - used, "...");
			break;
		}
		used += (size_t)snprintf(text + used, size - used, "%s", range);
	}
	return text;
}

int list_first(const cpu_set_t *set)
{
	for (int member = 0; member < CPU_SETSIZE; member++) {
		if (CPU_ISSET(member, set))
			return member;
	}
	return -1;
}
