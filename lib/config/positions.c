/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/positions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/pointer.h"

enum { DUPLICATES_MAX = 100 }; /* as many as anybody wants to read */

struct scanner {
	const char *at, *end;
	unsigned line, column;
	struct positions *positions;
	struct pointer pointer; /* of the value being read */
};

static void step(struct scanner *scanner)
{
	if (*scanner->at == '\n') {
		scanner->line++;
		scanner->column = 1;
	} else if (((unsigned char)*scanner->at & 0xc0) != 0x80) {
		scanner->column++;
	}
	scanner->at++;
}

static char peek(const struct scanner *scanner)
{
	return scanner->at < scanner->end ? *scanner->at : '\0';
}

static void skip_space(struct scanner *scanner)
{
	while (peek(scanner) != '\0' && strchr(" \t\r\n", peek(scanner)) != NULL)
		step(scanner);
}

static void skip_string(struct scanner *scanner)
{
	step(scanner);
	while (peek(scanner) != '"' && scanner->at < scanner->end) {
		if (*scanner->at == '\\' && scanner->at + 1 < scanner->end)
			step(scanner);
		step(scanner);
	}
	if (scanner->at < scanner->end)
		step(scanner);
}

static void skip_scalar(struct scanner *scanner)
{
	if (peek(scanner) == '"')
		skip_string(scanner);
	else
		while (peek(scanner) != '\0' && strchr(",]} \t\r\n", peek(scanner)) == NULL)
			step(scanner);
}

static int position_append(struct positions *positions, struct position position, size_t *ret_index)
{
	if (positions->count == positions->capacity) {
		size_t capacity = positions->capacity == 0 ? 64 : positions->capacity * 2;
		struct position *list = realloc(positions->list, capacity * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		positions->list = list;
		positions->capacity = capacity;
	}
	*ret_index = positions->count++;
	positions->list[*ret_index] = position;
	return 0;
}

static int duplicate_append(struct scanner *scanner, size_t first, size_t again)
{
	struct positions *positions = scanner->positions;
	struct position_duplicate *list;
	char *pointer;

	if (positions->duplicate_count == DUPLICATES_MAX)
		return 0;
	list = realloc(positions->duplicates, (positions->duplicate_count + 1) * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	positions->duplicates = list;
	pointer = strdup(scanner->pointer.text);
	if (pointer == NULL)
		return -ENOMEM;
	list[positions->duplicate_count++] = (struct position_duplicate){
		.pointer = pointer,
		.first = positions->list[first],
		.again = positions->list[again],
	};
	return 0;
}

static int scan_value(struct scanner *scanner, struct position position, size_t *ret_index);

/* jansson itself undoes the escapes of a key. */
static json_t *scan_key(struct scanner *scanner)
{
	const char *start = scanner->at;

	skip_string(scanner);
	return json_loadb(start, (size_t)(scanner->at - start), JSON_DECODE_ANY, NULL);
}

/* Children are kept by their token in a pointer, escaped, so that finding one takes no memory. */
static int scan_member(struct scanner *scanner, json_t *children)
{
	struct position position = {.key_line = scanner->line, .key_column = scanner->column};
	json_t *key = scan_key(scanner), *before;
	size_t mark, index = 0, first = 0;
	const char *token;
	int ret = -ENOMEM;

	if (key == NULL)
		return -ENOMEM;
	skip_space(scanner);
	if (peek(scanner) == ':')
		step(scanner);
	mark = pointer_enter_key(&scanner->pointer, json_string_value(key));
	if (mark == POINTER_FAILED)
		goto done;
	ret = scan_value(scanner, position, &index);
	if (ret < 0)
		goto done;
	token = scanner->pointer.text + mark + 1;
	before = json_object_get(children, token);
	first = before == NULL ? index : (size_t)json_integer_value(before);
	if (json_object_set_new(children, token, json_integer((json_int_t)index)) < 0)
		ret = -ENOMEM;
	else if (first != index)
		ret = duplicate_append(scanner, first, index);
	pointer_leave(&scanner->pointer, mark);
done:
	json_decref(key);
	return ret;
}

static int scan_element(struct scanner *scanner, json_t *children)
{
	size_t mark = pointer_enter_index(&scanner->pointer, json_array_size(children));
	size_t index = 0;
	int ret;

	if (mark == POINTER_FAILED)
		return -ENOMEM;
	ret = scan_value(scanner, (struct position){0}, &index);
	if (ret == 0 && json_array_append_new(children, json_integer((json_int_t)index)) < 0)
		ret = -ENOMEM;
	pointer_leave(&scanner->pointer, mark);
	return ret;
}

static int scan_container(struct scanner *scanner, json_t *children)
{
	step(scanner);
	for (;;) {
		int ret;

		skip_space(scanner);
		if (peek(scanner) == ',') {
			step(scanner);
			continue;
		}
		if (scanner->at >= scanner->end)
			return 0;
		if (*scanner->at == '}' || *scanner->at == ']') {
			step(scanner);
			return 0;
		}
		ret = json_is_object(children) ? scan_member(scanner, children)
					       : scan_element(scanner, children);
		if (ret < 0)
			return ret;
	}
}

/* As deep as jansson nests (2048 levels), no deeper. */
static int scan_value(struct scanner *scanner, struct position position, size_t *ret_index)
{
	json_t *children;
	int ret;

	skip_space(scanner);
	position.line = scanner->line;
	position.column = scanner->column;
	ret = position_append(scanner->positions, position, ret_index);
	if (ret < 0)
		return ret;
	if (peek(scanner) != '{' && peek(scanner) != '[') {
		skip_scalar(scanner);
		return 0;
	}
	children = peek(scanner) == '{' ? json_object() : json_array();
	if (children == NULL)
		return -ENOMEM;
	scanner->positions->list[*ret_index].children = children;
	return scan_container(scanner, children);
}

int positions_init(struct positions *positions, const char *text, size_t length)
{
	struct scanner scanner = {.at = text, .end = text + length, .line = 1, .column = 1};
	size_t root;
	int ret;

	*positions = (struct positions){0};
	scanner.positions = positions;
	ret = pointer_init(&scanner.pointer);
	if (ret == 0)
		ret = scan_value(&scanner, (struct position){0}, &root);
	pointer_fini(&scanner.pointer);
	return ret;
}

void positions_fini(struct positions *positions)
{
	for (size_t i = 0; i < positions->count; i++)
		json_decref(positions->list[i].children);
	for (size_t i = 0; i < positions->duplicate_count; i++)
		free(positions->duplicates[i].pointer);
	free(positions->list);
	free(positions->duplicates);
	*positions = (struct positions){0};
}

static const json_t *child_find(const json_t *children, const char *token, size_t length)
{
	unsigned long index;
	char *end;

	if (!json_is_array(children))
		return json_object_getn(children, token, length);
	index = strtoul(token, &end, 10);
	return length > 0 && end == token + length ? json_array_get(children, index) : NULL;
}

const struct position *positions_find(
	const struct positions *positions, const char *pointer, bool *ret_exact)
{
	const struct position *found = positions->count > 0 ? &positions->list[0] : NULL;
	bool exact = found != NULL;

	while (exact && *pointer == '/') {
		const char *token = pointer + 1;
		size_t length = strcspn(token, "/");
		const json_t *child = child_find(found->children, token, length);

		pointer = token + length;
		exact = child != NULL;
		if (exact)
			found = &positions->list[json_integer_value(child)];
	}
	if (ret_exact != NULL)
		*ret_exact = exact;
	return found;
}
