/* SPDX-License-Identifier: BSD-3-Clause */
/* The effective configuration: what the tables say about a struct config, as JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "config/field.h"

/* Not json_dumps(): jansson 2.14 does not notice when it has no memory for a key, and gives a text
 * without it. A stream remembers. */
char *field_text(const json_t *value)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	bool written;

	if (stream == NULL)
		return NULL;
	/* 15 digits: fractions are kept to 10^-12, and 0.3 shall not become 0.29999999999999999. */
	written = json_dumpf(value, stream, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0 &&
		ferror(stream) == 0;
	if (fclose(stream) != 0 || !written) {
		free(text);
		return NULL;
	}
	return text;
}

char *config_to_json(const struct config *config)
{
	json_t *root;
	char *text;

	if (fields_write(config_fields, FIELD_VARIANTS_ALL, config, &root) < 0)
		return NULL;
	text = field_text(root);
	json_decref(root);
	return text;
}
