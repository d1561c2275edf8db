/* SPDX-License-Identifier: BSD-3-Clause */
/* From text to a struct config: jansson reads values, the tables check them, then config_check().
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/check.h"
#include "config/config.h"
#include "config/field.h"
#include "config/positions.h"
#include "config/report.h"

enum { FILE_BYTES_MAX = 1 << 20 }; /* a configuration of 32 ports has some kilobytes */

static void report_duplicates(struct report *report, const struct positions *positions)
{
	for (size_t i = 0; i < positions->duplicate_count; i++) {
		const struct position_duplicate *duplicate = &positions->duplicates[i];

		report_place(report, duplicate->pointer, duplicate->again.key_line,
			duplicate->again.key_column,
			"this key is given twice, first at line %u, column %u",
			duplicate->first.key_line, duplicate->first.key_column);
	}
}

/* jansson skips a NUL byte between two tokens; no other reader of JSON does. */
static bool report_nul(struct report *report, const char *text, size_t length)
{
	const char *nul = memchr(text, '\0', length);
	unsigned line = 1, column = 1;

	if (nul == NULL)
		return false;
	for (; text < nul; text++) {
		column = *text == '\n' ? 1 : column + (((unsigned char)*text & 0xc0) != 0x80);
		line += *text == '\n';
	}
	report_place(report, "", line, column, "not valid JSON: a NUL byte");
	return true;
}

/* 0, -ENOMEM or -EINVAL; *ret_root is a new reference on success. */
static int parse_text(struct report *report, const char *text, size_t length, json_t **ret_root)
{
	json_error_t error = {0};

	if (length > 0 && report_nul(report, text, length))
		return report_finish(report);
	*ret_root = json_loadb(text, length, 0, &error);
	if (*ret_root != NULL)
		return 0;
	/* jansson does not always give memory as the reason; but then it gives no other. */
	if (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0')
		return -ENOMEM;
	report_place(report, "", error.line > 0 ? (unsigned)error.line : 1,
		error.column > 0 ? (unsigned)error.column : 1, "not valid JSON: %s", error.text);
	return report_finish(report);
}

static void read_config(struct report *report, const json_t *root, struct config *config)
{
	if (json_is_object(root)) {
		fields_parse(report, config_fields, FIELD_VARIANTS_ALL, root, config);
		config_check(report, config);
	} else {
		report_value(report, "found a list, expected an object");
	}
}

int config_load_text(const char *text, size_t length, struct config **ret_config,
	struct config_problems *problems)
{
	struct positions positions = {0};
	struct report report;
	struct config *config = NULL;
	json_t *root = NULL;
	int ret;

	*ret_config = NULL;
	*problems = (struct config_problems){0};
	ret = report_init(&report, problems, &positions);
	if (ret == 0)
		ret = parse_text(&report, text, length, &root);
	if (ret == 0)
		ret = positions_init(&positions, text, length);
	if (ret < 0)
		goto done;
	config = calloc(1, sizeof(*config));
	if (config == NULL) {
		ret = -ENOMEM;
		goto done;
	}
	report_duplicates(&report, &positions);
	read_config(&report, root, config);
	ret = report_finish(&report);
done:
	if (ret < 0)
		config = config_destroy(config);
	*ret_config = config;
	json_decref(root);
	positions_fini(&positions);
	report_fini(&report);
	return ret;
}

/* The whole file, malloc'ed. -EFBIG when it is longer than any configuration. */
static int read_file(const char *path, char **ret_text, size_t *ret_length)
{
	FILE *file = fopen(path, "re");
	char *text;
	int ret = 0;

	if (file == NULL)
		return -errno;
	text = malloc(FILE_BYTES_MAX + 1);
	if (text == NULL) {
		fclose(file);
		return -ENOMEM;
	}
	errno = 0;
	*ret_length = fread(text, 1, FILE_BYTES_MAX + 1, file);
	if (ferror(file))
		ret = errno != 0 ? -errno : -EIO;
	else if (*ret_length > FILE_BYTES_MAX)
		ret = -EFBIG;
	fclose(file);
	if (ret < 0)
		free(text);
	else
		*ret_text = text;
	return ret;
}

int config_load_file(const char *path, struct config **ret_config, struct config_problems *problems)
{
	struct positions none = {0};
	struct report report;
	char *text = NULL;
	size_t length = 0;
	int ret;

	*ret_config = NULL;
	*problems = (struct config_problems){0};
	ret = read_file(path, &text, &length);
	if (ret == 0) {
		ret = config_load_text(text, length, ret_config, problems);
		free(text);
		return ret;
	}
	if (report_init(&report, problems, &none) == 0) {
		if (ret == -EFBIG)
			report_place(&report, "", 0, 0, "longer than %d bytes: not a configuration",
				FILE_BYTES_MAX);
		else
			report_place(&report, "", 0, 0, "cannot be read: %s", strerror(-ret));
	}
	report_fini(&report);
	return ret;
}

struct config *config_destroy(struct config *config)
{
	if (config != NULL) {
		fields_release(config_fields, config);
		free(config);
	}
	return NULL;
}
