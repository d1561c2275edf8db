/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/pointer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct pointer *pointer, size_t more)
{
	size_t capacity = pointer->length + more + 1;
	char *text;

	if (capacity <= pointer->capacity)
		return 0;
	capacity += capacity / 2;
	text = realloc(pointer->text, capacity);
	if (text == NULL)
		return -ENOMEM;
	pointer->text = text;
	pointer->capacity = capacity;
	return 0;
}

int pointer_init(struct pointer *pointer)
{
	*pointer = (struct pointer){0};
	if (reserve(pointer, 126) < 0)
		return -ENOMEM;
	pointer->text[0] = '\0';
	return 0;
}

void pointer_fini(struct pointer *pointer)
{
	free(pointer->text);
	*pointer = (struct pointer){0};
}

size_t pointer_enter_key(struct pointer *pointer, const char *key)
{
	size_t mark = pointer->length;

	if (reserve(pointer, 1 + 2 * strlen(key)) < 0)
		return POINTER_FAILED;
	pointer->text[pointer->length++] = '/';
	for (; *key != '\0'; key++) {
		if (*key == '~' || *key == '/')
			pointer->text[pointer->length++] = '~';
		pointer->text[pointer->length++] = *key == '~' ? '0' : *key == '/' ? '1' : *key;
	}
	pointer->text[pointer->length] = '\0';
	return mark;
}

size_t pointer_enter_index(struct pointer *pointer, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return pointer_enter_key(pointer, text);
}

void pointer_leave(struct pointer *pointer, size_t mark)
{
	pointer->length = mark;
	pointer->text[mark] = '\0';
}
