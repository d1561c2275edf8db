/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcapng file format: blocks, in sections that each have their byte order and interfaces.
 * Packets come from Enhanced, Simple and (obsolete) Packet Blocks; blocks of other types are passed
 * over. Source: draft-ietf-opsawg-pcapng.
 */
#ifndef WEIR_CAPTURE_PCAPNG_FORMAT_H
#define WEIR_CAPTURE_PCAPNG_FORMAT_H

#include "capture/record.h"
#include "capture/window.h"

#define PCAPNG_SECTION_HEADER 0x0a0d0d0au

struct pcapng_interface;

struct pcapng_format {
	bool swapped;
	uint32_t interface_count; /* in this section */
	uint32_t interface_capacity;
	struct pcapng_interface *interfaces;
	uint64_t sections_seen;
	uint64_t interfaces_seen; /* in all sections */
};

bool pcapng_format_matches(const uint8_t magic[4]);

/* Takes the first section header. 0 or -errno with `error` (without the file's name). */
int pcapng_format_begin(struct pcapng_format *format, struct window *window, struct error *error);

/* An empty format is {0}; frees what the interfaces take. */
void pcapng_format_end(struct pcapng_format *format);

enum record_result pcapng_format_next(
	struct pcapng_format *format, struct window *window, struct record *ret_record);

#endif
