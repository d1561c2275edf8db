/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pcap file format: a header of 24 bytes, then records of 16 bytes and the packet.
 * Source: draft-ietf-opsawg-pcap; the variants are those that libpcap 1.10 reads.
 */
#ifndef WEIR_CAPTURE_PCAP_FORMAT_H
#define WEIR_CAPTURE_PCAP_FORMAT_H

#include "capture/record.h"
#include "capture/window.h"

enum { PCAP_HEADER_BYTES = 24 };

#define PCAP_MAGIC_MICROSECONDS 0xa1b2c3d4u
#define PCAP_MAGIC_NANOSECONDS 0xa1b23c4du
/* Alexey Kuznetsov's patched libpcap: 8 more bytes in each record's header. */
#define PCAP_MAGIC_MODIFIED 0xa1b2cd34u

enum pcap_length_order { PCAP_CAPTURED_FIRST, PCAP_ORIGINAL_FIRST, PCAP_SMALLER_FIRST };

struct pcap_format {
	bool swapped;
	bool modified;
	uint8_t header_bytes; /* of each record */
	uint8_t fcs_bytes;
	enum pcap_length_order length_order;
	uint32_t ns_per_fraction;
	uint32_t link_type;
};

/* Is this the magic number of a pcap file, in either order? */
bool pcap_format_matches(const uint8_t magic[4]);

/* Takes the file header. 0 or -errno with `error` (without the file's name). */
int pcap_format_begin(struct pcap_format *format, struct window *window, struct error *error);

enum record_result pcap_format_next(
	struct pcap_format *format, struct window *window, struct record *ret_record);

#endif
