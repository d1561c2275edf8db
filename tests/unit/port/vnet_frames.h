/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames as a network stack hands them to a device that finishes checksums. */
#ifndef VNET_FRAMES_H
#define VNET_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

enum { VNET_FRAME_MAX = 70000, VNET_GSO_UDP_L4 = 5 };

struct vnet_frame_plan {
	bool ipv6, udp, tagged;
	bool tunnel; /* in VXLAN over IPv4, whose UDP checksum is 0 */
	uint32_t payload_bytes; /* of chance */
};

struct vnet_frame {
	uint8_t bytes[VNET_FRAME_MAX];
	uint32_t length;
	uint32_t l3, l4, headers; /* of the innermost packet: offsets, and bytes of all headers */
	struct virtio_net_hdr header;
};

/* Its checksum is left open, and the header says so. */
void vnet_frame_make(const struct vnet_frame_plan *plan, struct vnet_frame *ret_frame);
/* A super-packet of segments of `size`. */
void vnet_frame_make_super(const struct vnet_frame_plan *plan, uint16_t size, bool congested,
	struct vnet_frame *ret_frame);

#endif
