/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header that stands in front of each frame of a packet socket with PACKET_VNET_HDR: what the
 * kernel knows of a packet and the bytes do not say. A partial checksum (a sender left it to its
 * device, so the field holds the sum of the pseudo header only), a super-packet and its segments'
 * size. To and from mbufs as segmentation/super_packet.h has them.
 *
 * Pure; any thread, on packets of its own. EAL is needed for mbufs only. Any header is safe.
 * Sources: virtio 1.2, 5.1.6; Linux include/linux/virtio_net.h, net/packet/af_packet.c,
 * include/linux/skbuff.h ("Checksumming of received packets by device").
 */
#ifndef WEIR_PORT_VNET_HEADER_H
#define WEIR_PORT_VNET_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#include <rte_mbuf.h>

/*
 * What the header says, into the packet (whole, in one or several buffers, writable, offload fields
 * as after rte_pktmbuf_alloc()). A super-packet gets its marks and a note; of any other packet a
 * partial checksum is finished. Checksums of layer 4 are then right, or will be: the packet has
 * RTE_MBUF_F_RX_L4_CKSUM_GOOD, unless the header says nothing of them.
 * `shift`: bytes of VLAN tag that were put in again, which the header does not count.
 * super_note_register() has been called.
 *
 * false: the header contradicts the packet, which stays as it came, an ordinary one.
 */
bool vnet_header_read(struct rte_mbuf *packet, const struct virtio_net_hdr *header, uint32_t shift);

/* What the packet's marks say, for the kernel. `mtu`: of the interface. false: it cannot be said (a
 * tunnel, or headers that are not there); *ret_header is not set. */
bool vnet_header_write(
	const struct rte_mbuf *packet, uint32_t mtu, struct virtio_net_hdr *ret_header);

#endif
