/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/features.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>

#define RX_CHECKSUMS (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define TX_CHECKSUMS (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define TX_ALL_CHECKSUMS                                                                           \
	(TX_CHECKSUMS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_SCTP_CKSUM)

static const char not_started_with_it[] = "off since the port was started: it has to start anew";

const struct feature_info feature_infos[FEATURE_COUNT] = {
#define X(id, name, alias, parent, direction, member)                                              \
	{name, alias, FEATURE_##parent, FEATURE_##direction, member},
	FEATURES(X)
#undef X
};

enum feature feature_find(const char *name)
{
	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		const struct feature_info *info = &feature_infos[i];

		if (strcmp(name, info->name) == 0 ||
			(info->alias != NULL && strcmp(name, info->alias) == 0))
			return (enum feature)i;
	}
	return FEATURE_NONE;
}

enum feature_switch feature_wanted(const struct config_features *wanted, enum feature feature)
{
	enum feature_switch wish;

	memcpy(&wish, (const char *)wanted + feature_infos[feature].member, sizeof(wish));
	return wish;
}

void feature_want(struct config_features *wanted, enum feature feature, enum feature_switch wish)
{
	memcpy((char *)wanted + feature_infos[feature].member, &wish, sizeof(wish));
}

/* ---- what they come to ---- */

struct resolver {
	const struct feature_abilities *abilities;
	const struct config_features *wanted;
	struct feature_state *states;
};

static void turn_on(const struct resolver *resolver, enum feature feature, enum feature_doer by)
{
	resolver->states[feature].on = true;
	resolver->states[feature].by = by;
}

static enum feature_switch wish_of(const struct resolver *resolver, enum feature feature)
{
	return feature_wanted(resolver->wanted, feature);
}

/* Nothing is on, and what cannot be switched is fixed. */
static void begin(const struct resolver *resolver)
{
	const struct feature_abilities *abilities = resolver->abilities;

	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		const struct feature_info *info = &feature_infos[i];
		struct feature_state *state = &resolver->states[i];
		bool received = info->direction == FEATURE_RX;

		*state = (struct feature_state){.fixed = true};
		if (info->member == FEATURE_NO_MEMBER)
			continue;
		state->wanted = wish_of(resolver, (enum feature)i) == FEATURE_ON;
		state->fixed = received ? !abilities->receives : !abilities->sends;
		state->why = !state->fixed ? NULL
			: received	   ? "the port receives nothing"
					   : "nothing is sent to the port";
	}
}

static void resolve_checksums(const struct resolver *resolver)
{
	const struct feature_abilities *abilities = resolver->abilities;
	bool rx_device = (abilities->rx_offloads & RX_CHECKSUMS) == RX_CHECKSUMS;
	bool tx_device = (abilities->tx_offloads & TX_CHECKSUMS) == TX_CHECKSUMS;
	enum feature_switch rx = wish_of(resolver, FEATURE_RX_CHECKSUMMING);

	if (abilities->receives && rx != FEATURE_OFF && (rx == FEATURE_ON || rx_device))
		turn_on(resolver, FEATURE_RX_CHECKSUMMING,
			rx_device ? FEATURE_BY_DEVICE : FEATURE_BY_WEIR);
	if (abilities->sends && wish_of(resolver, FEATURE_TX_CHECKSUMMING) != FEATURE_OFF)
		turn_on(resolver, FEATURE_TX_CHECKSUMMING,
			tx_device ? FEATURE_BY_DEVICE : FEATURE_BY_WEIR);
}

static void resolve_scatter_gather(const struct resolver *resolver)
{
	struct feature_state *state = &resolver->states[FEATURE_SCATTER_GATHER];

	if (!resolver->abilities->sends)
		return;
	if (!resolver->abilities->chains) {
		state->fixed = true;
		state->why = resolver->abilities->chains_capable
			? not_started_with_it
			: "the port takes no packet of several buffers";
	} else if (wish_of(resolver, FEATURE_SCATTER_GATHER) != FEATURE_OFF) {
		turn_on(resolver, FEATURE_SCATTER_GATHER, FEATURE_BY_DEVICE);
	}
}

/* Super-packets of a kind that the port takes whole. */
static void resolve_whole(const struct resolver *resolver, enum feature feature, uint32_t kind)
{
	const struct feature_abilities *abilities = resolver->abilities;
	struct feature_state *state = &resolver->states[feature];
	enum feature_switch wish = wish_of(resolver, feature);
	bool cuts = (abilities->cuts & kind) != 0;

	if (!abilities->sends)
		return;
	if (((abilities->cuts | abilities->carries) & kind) == 0) {
		state->fixed = true;
		state->why = (abilities->cuts_capable & kind) != 0
			? not_started_with_it
			: "the port can neither cut such packets nor send any length";
	} else if (wish == FEATURE_OFF || (wish == FEATURE_AUTO && !cuts)) {
		return;
	} else if (!resolver->states[FEATURE_SCATTER_GATHER].on) {
		state->why = "needs scatter-gather";
	} else if (!resolver->states[FEATURE_TX_CHECKSUMMING].on) {
		state->why = "needs tx-checksumming";
	} else {
		turn_on(resolver, feature, FEATURE_BY_DEVICE);
		state->why = cuts ? NULL : "carried whole";
	}
}

static void resolve_software(const struct resolver *resolver, bool super_packets_come)
{
	enum feature_switch gso = wish_of(resolver, FEATURE_GENERIC_SEGMENTATION_OFFLOAD);
	struct feature_state *lro = &resolver->states[FEATURE_LARGE_RECEIVE_OFFLOAD];
	struct feature_state *udp = &resolver->states[FEATURE_RX_UDP_GRO_FORWARDING];

	if (resolver->abilities->sends &&
		(gso == FEATURE_ON || (gso == FEATURE_AUTO && super_packets_come)))
		turn_on(resolver, FEATURE_GENERIC_SEGMENTATION_OFFLOAD, FEATURE_BY_WEIR);
	if (!resolver->abilities->receives)
		return;
	if (resolver->states[FEATURE_GENERIC_RECEIVE_OFFLOAD].wanted) {
		turn_on(resolver, FEATURE_GENERIC_RECEIVE_OFFLOAD, FEATURE_BY_WEIR);
		if (udp->wanted)
			turn_on(resolver, FEATURE_RX_UDP_GRO_FORWARDING, FEATURE_BY_WEIR);
		if (lro->wanted)
			lro->why = "excluded by generic-receive-offload";
		return;
	}
	if (udp->wanted)
		udp->why = "needs generic-receive-offload";
	if (lro->wanted) {
		turn_on(resolver, FEATURE_LARGE_RECEIVE_OFFLOAD, FEATURE_BY_WEIR);
		lro->why = "not lossless";
	}
}

/* One that goes with another and is not switched alone. */
static void follow(const struct resolver *resolver, enum feature feature, enum feature leader,
	const char *why, bool too)
{
	const struct feature_state *from = &resolver->states[leader];
	struct feature_state *state = &resolver->states[feature];

	state->on = from->on && too;
	state->by = state->on ? from->by : FEATURE_BY_NOBODY;
	state->why = why;
}

static void resolve_parts(const struct resolver *resolver)
{
	static const char with_tx[] = "goes with tx-checksumming";
	static const char with_sg[] = "goes with scatter-gather";
	static const char with_tso[] = "goes with tcp-segmentation-offload";
	static const enum feature tunnels[] = {FEATURE_TX_GRE_SEGMENTATION,
		FEATURE_TX_IPXIP4_SEGMENTATION, FEATURE_TX_IPXIP6_SEGMENTATION,
		FEATURE_TX_UDP_TNL_SEGMENTATION, FEATURE_TX_UDP_TNL_CSUM_SEGMENTATION};
	const struct feature_abilities *abilities = resolver->abilities;
	struct feature_state *sctp = &resolver->states[FEATURE_TX_CHECKSUM_SCTP];
	bool whole_tunnels = ((abilities->cuts | abilities->carries) & PORT_WHOLE_TUNNEL) != 0;

	follow(resolver, FEATURE_TX_CHECKSUM_IPV4, FEATURE_TX_CHECKSUMMING, with_tx, true);
	follow(resolver, FEATURE_TX_CHECKSUM_IPV6, FEATURE_TX_CHECKSUMMING, with_tx, true);
	follow(resolver, FEATURE_TX_CHECKSUM_SCTP, FEATURE_TX_CHECKSUMMING, with_tx, true);
	if (sctp->on && (abilities->tx_offloads & RTE_ETH_TX_OFFLOAD_SCTP_CKSUM) == 0)
		sctp->by = FEATURE_BY_WEIR;
	follow(resolver, FEATURE_TX_SCATTER_GATHER, FEATURE_SCATTER_GATHER, with_sg, true);
	follow(resolver, FEATURE_TX_TCP_SEGMENTATION, FEATURE_TCP_SEGMENTATION_OFFLOAD, with_tso,
		true);
	follow(resolver, FEATURE_TX_TCP6_SEGMENTATION, FEATURE_TCP_SEGMENTATION_OFFLOAD, with_tso,
		true);
	for (unsigned i = 0; i < RTE_DIM(tunnels); i++)
		follow(resolver, tunnels[i], FEATURE_TCP_SEGMENTATION_OFFLOAD, with_tso,
			whole_tunnels);
	resolver->states[FEATURE_RECEIVE_HASHING].why = "set by rss.mode";
	if (abilities->rss != PORT_RSS_OFF)
		turn_on(resolver, FEATURE_RECEIVE_HASHING,
			abilities->rss == PORT_RSS_HARDWARE ? FEATURE_BY_DEVICE : FEATURE_BY_WEIR);
}

void features_resolve(const struct feature_abilities *abilities,
	const struct config_features *wanted, bool super_packets_come,
	struct feature_state states[FEATURE_COUNT])
{
	const struct resolver resolver = {abilities, wanted, states};

	begin(&resolver);
	resolve_checksums(&resolver);
	resolve_scatter_gather(&resolver);
	resolve_whole(&resolver, FEATURE_TCP_SEGMENTATION_OFFLOAD, PORT_WHOLE_TCP);
	resolve_whole(&resolver, FEATURE_TX_UDP_SEGMENTATION, PORT_WHOLE_UDP);
	resolve_whole(&resolver, FEATURE_UDP_FRAGMENTATION_OFFLOAD, PORT_WHOLE_UFO);
	resolve_software(&resolver, super_packets_come);
	resolve_parts(&resolver);
}

uint64_t features_tx_offloads(
	const struct feature_abilities *abilities, const struct feature_state states[FEATURE_COUNT])
{
	uint64_t offloads = abilities->tx_offloads;

	if (!states[FEATURE_TX_CHECKSUMMING].on)
		offloads &= ~TX_ALL_CHECKSUMS;
	if (!states[FEATURE_TCP_SEGMENTATION_OFFLOAD].on)
		offloads &= ~RTE_ETH_TX_OFFLOAD_TCP_TSO;
	if (!states[FEATURE_TX_UDP_SEGMENTATION].on)
		offloads &= ~RTE_ETH_TX_OFFLOAD_UDP_TSO;
	return offloads;
}

int features_check(
	const char *port, const struct feature_state states[FEATURE_COUNT], struct error *error)
{
	for (unsigned i = 0; i < FEATURE_COUNT; i++) {
		const struct feature_state *state = &states[i];

		/* Without GRO there is nothing to do for it, which is only worth a warning. */
		if (state->wanted && !state->on && i != FEATURE_RX_UDP_GRO_FORWARDING)
			return error_set(error, ENOTSUP,
				"port %s: /ports/%s/features/%s is true, but %s; use \"auto\"",
				port, port, feature_infos[i].name,
				state->why != NULL ? state->why : "it cannot be on");
	}
	return 0;
}

/* ---- of a port ---- */

uint32_t features_device_cuts(uint64_t tx_offloads)
{
	uint32_t whole = 0;

	if ((tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0)
		whole |= PORT_WHOLE_TCP;
	if ((tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_TSO) != 0)
		whole |= PORT_WHOLE_UDP;
	return whole != 0 ? whole | PORT_WHOLE_MARKED : 0;
}

void port_feature_abilities(const struct port *port, struct feature_abilities *ret_abilities)
{
	const enum port_kind kind = port->config->kind;
	bool any_length = port->tx_length_max == UINT32_MAX;

	*ret_abilities = (struct feature_abilities){
		.receives = kind != PORT_FILE,
		.sends = kind != PORT_REPLAY && kind != PORT_GENERATE,
		.rx_offloads = port->rx_offloads,
		.tx_offloads = port->tx_offloads,
		.chains = port->tx_segments_max > 1,
		.chains_capable = (port->tx_capable & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0,
		.cuts = any_length ? 0 : port->tx_whole,
		.cuts_capable = features_device_cuts(port->tx_capable),
		.carries = any_length ? port->tx_whole : 0,
		.rss = port->rss,
	};
}
