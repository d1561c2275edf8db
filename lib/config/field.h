/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The field table: what a configuration may hold. fields.c has the table; what is read, written,
 * freed, checked by a schema and explained in the manual all comes from it.
 *
 * A field has a kind. A kind knows how values of its sort are read (parse), written (write), freed
 * (release), described to a person (describe) and to a validator (schema).
 */
#ifndef WEIR_CONFIG_FIELD_H
#define WEIR_CONFIG_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "config/config.h"
#include "config/report.h"

struct field;

/* `target` is the field's place in its struct. No threads. */
struct field_kind {
	bool numeric; /* its zero may be written as 0 */
	/* 0; -EINVAL: not such a value (field_parse says so); -ENOMEM. A kind that finds problems
	 * inside the value reports them itself and returns 0. */
	int (*parse)(struct report *report, const struct field *field, const json_t *value,
		void *target);
	/* *ret_value: a new reference, or NULL for a value not given. 0 or -ENOMEM. */
	int (*write)(const struct field *field, const void *target, json_t **ret_value);
	void (*release)(const struct field *field, void *target); /* NULL: nothing to free */
	json_t *(*schema)(const struct field *field); /* a new reference; NULL: out of memory */
	/* "a whole number from 1 to 99": what comes after "expected". */
	void (*describe)(const struct field *field, char *buffer, size_t size);
};

extern const struct field_kind field_bool, field_switch, field_integer, field_fraction; /* number */
extern const struct field_kind field_duration, field_bytes, field_cpus,
	field_speed, /* with units */
	field_mac, field_frame_size;
extern const struct field_kind field_rss_key, field_rss_letters, field_rss_weights; /* rss */
extern const struct field_kind field_cpu_mask, field_queue_masks; /* mask */
extern const struct field_kind field_string, field_strings, field_enum, field_name, field_ignored;
extern const struct field_kind field_object, field_ports, field_pipelines, field_stages,
	field_captures, field_verbs;

struct field {
	const char *name;
	const struct field_kind *kind;
	size_t offset, width; /* the member: field_at() */
	int64_t min, max; /* of the value; of the length of a string */
	const char *fallback; /* the default, as JSON text; NULL: none, the member stays zero */
	const char *zero; /* a word for zero or "not given", such as "auto"; NULL: none */
	const char *alias; /* another name that is understood, but not written; NULL: none */
	const char *unit; /* of a plain number, for the manual */
	const char *const *names; /* the values of an enum, NULL-terminated, in the order of the C
				     enum; or the only numbers that are allowed */
	const struct field *fields; /* of an object; a name of NULL ends them */
	bool required;
	const char *unless; /* not required beside this member; NULL: always */
	bool live; /* may be set while weir runs (change.h): plain data, not the whole struct */
	/* Some objects come in variants (a port's source, a stage's type): bit i of `variants` says
	 * that variant i has this field. 0: all have it. */
	unsigned variants;
	const char *help; /* a sentence or more */
};

enum { FIELD_TEXT_MAX = 512 }; /* room for what describe makes */
#define FIELD_VARIANTS_ALL (~0u)

extern const struct field config_fields[]; /* of struct config */
extern const struct field port_fields[]; /* of struct config_port; variants: enum port_kind */
extern const struct field pipeline_fields[];
extern const struct field capture_fields[]; /* of struct config_capture */
extern const struct field stage_fields[]; /* of struct config_stage; variants: stage_types[] */
extern const char *const port_kind_names[]; /* by enum port_kind */

/* Those of `fields` that a variant has; `variants` are bits, FIELD_VARIANTS_ALL when not known. */
bool field_applies(const struct field *field, unsigned variants);
/* By its name or its alias. */
const struct field *field_find(const struct field *fields, const char *name, unsigned variants);

static inline void *field_at(const struct field *field, void *structure)
{
	return (char *)structure + field->offset;
}

static inline const void *field_at_const(const struct field *field, const void *structure)
{
	return (const char *)structure + field->offset;
}

/* A value by its field: the zero word, the kind's own parsing, and the message when it fails. */
void field_parse(
	struct report *report, const struct field *field, const json_t *value, void *target);
int field_write(const struct field *field, const void *target, json_t **ret_value);
json_t *field_schema(const struct field *field);
void field_describe(const struct field *field, char *buffer, size_t size);

/* The members of an object: unknown keys are reported, absent ones get their defaults. */
void fields_parse(struct report *report, const struct field *fields, unsigned variants,
	const json_t *object, void *structure);
int fields_write(
	const struct field *fields, unsigned variants, const void *structure, json_t **ret_object);
/* A list of `count` structures, `each` bytes apart. */
int fields_write_list(const struct field *fields, const void *structures, size_t each,
	unsigned count, json_t **ret_list);
void fields_release(const struct field *fields, void *structure);
json_t *fields_schema(const struct field *fields, unsigned variants);

/* `text` into an enum-like member of 1, 2, 4 or 8 bytes, and out of it. */
void field_store(const struct field *field, void *target, int64_t value);
int64_t field_load(const struct field *field, const void *target);
/* Is the number one the field takes? */
bool field_takes(const struct field *field, int64_t value);

/* The JSON text of a value, indented; malloc'ed. NULL: out of memory. */
char *field_text(const json_t *value);

/* "found ..." of a value: shortened. */
void field_found(const json_t *value, char *buffer, size_t size);

#endif
