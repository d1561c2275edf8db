/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of pcapng with all that a capture at several points has to tell: an interface by point,
 * with its name; packets with a comment, queue and identity; and what each interface lost. Blocks
 * are put into memory of the caller, so that they may go to a file or a socket, and got from there
 * again at the other end of it.
 *
 * Blocks are in this machine's byte order: pcapng_get_*() is for those that weir sends itself; any
 * file is read by capture/reader.h. Source: draft-ietf-opsawg-pcapng.
 */
#ifndef WEIR_CAPTURE_PCAPNG_WRITER_H
#define WEIR_CAPTURE_PCAPNG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_INTERFACE = 1,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6,
};

/* Around a packet's bytes, comment included; longer comments are cut. */
enum { PCAPNG_COMMENT_MAX = 1024, PCAPNG_AROUND_MAX = PCAPNG_COMMENT_MAX + 128 };
enum { PCAPNG_SNAP_MAX = 262144 }; /* of one packet: more is not read by libpcap */

enum pcapng_direction { PCAPNG_ANY_WAY, PCAPNG_INBOUND, PCAPNG_OUTBOUND };
#define PCAPNG_NO_QUEUE UINT32_MAX

/* Of Ethernet, time in nanoseconds. Texts: NULL for none. Got: not NUL-terminated but for `name`,
 * which is cut to its room. */
struct pcapng_interface_info {
	char name[64];
	const char *description;
	const char *filter; /* in libpcap's syntax */
	uint32_t snap_bytes;
};

struct pcapng_packet {
	uint32_t interface;
	uint64_t time_ns;
	const uint8_t *bytes;
	uint32_t length, original_length;
	const char *comment; /* NULL: none */
	uint32_t comment_length;
	uint64_t id; /* the same of the same packet on other interfaces; 0: none */
	uint32_t queue; /* or PCAPNG_NO_QUEUE */
	enum pcapng_direction direction;
};

struct pcapng_statistics {
	uint32_t interface;
	uint64_t time_ns;
	uint64_t received; /* passed the point */
	uint64_t accepted; /* by the filter */
	uint64_t lost; /* of these: no room for the copy */
	uint64_t delivered; /* are in the capture */
};

/* Each puts a block into `room` bytes at `to` and returns its length; 0: it does not fit. */
size_t pcapng_put_section(uint8_t *to, size_t room, const char *application);
size_t pcapng_put_interface(uint8_t *to, size_t room, const struct pcapng_interface_info *info);
size_t pcapng_put_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet);
size_t pcapng_put_statistics(uint8_t *to, size_t room, const struct pcapng_statistics *statistics);

/* The length of the block that starts at `bytes`, once all of it is there; 0: more is needed;
 * -EPROTO: that is no block of this machine's byte order. */
int64_t pcapng_block_length(const uint8_t *bytes, size_t length);
uint32_t pcapng_block_type(const uint8_t *block);

/* What a whole block tells; pointers into it. false: not such a block, or damaged. */
bool pcapng_get_interface(const uint8_t *block, struct pcapng_interface_info *ret_info);
bool pcapng_get_packet(const uint8_t *block, struct pcapng_packet *ret_packet);
bool pcapng_get_statistics(const uint8_t *block, struct pcapng_statistics *ret_statistics);

#endif
