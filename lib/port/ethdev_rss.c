/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/ethdev_rss.h"

#include <errno.h>
#include <string.h>

#include "steering/reta.h"

enum { DEVICE_RETA_MAX = 2048 }; /* entries; mlx5 has most */
enum { GROUP = RTE_ETH_RETA_GROUP_SIZE };

#define IPV4_TYPES (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER)
#define IPV6_TYPES                                                                                 \
	(RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER |               \
		RTE_ETH_RSS_IPV6_EX)

/* What a type is to a device when its fields are sdfn; 0: it has no way to say so. */
static const uint64_t tuple_types[RSS_TYPE_COUNT] = {
	[RSS_TYPE_TCP4] = RTE_ETH_RSS_NONFRAG_IPV4_TCP,
	[RSS_TYPE_UDP4] = RTE_ETH_RSS_NONFRAG_IPV4_UDP,
	[RSS_TYPE_SCTP4] = RTE_ETH_RSS_NONFRAG_IPV4_SCTP,
	[RSS_TYPE_TCP6] = RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_IPV6_TCP_EX,
	[RSS_TYPE_UDP6] = RTE_ETH_RSS_NONFRAG_IPV6_UDP | RTE_ETH_RSS_IPV6_UDP_EX,
	[RSS_TYPE_SCTP6] = RTE_ETH_RSS_NONFRAG_IPV6_SCTP,
};

/* One end's addresses: for all or for none, so that there is no tuple type beside them. */
static int add_one_end(const struct config_rss *rss, uint64_t *types, struct error *error)
{
	const uint8_t ip4 = rss->fields[RSS_TYPE_IP4], ip6 = rss->fields[RSS_TYPE_IP6];
	const uint8_t end = ip4 != 0 ? ip4 : ip6;

	if (end == 0 || end == RSS_FIELDS_ADDRESSES)
		return 0;
	if ((ip4 != 0 && ip6 != 0 && ip4 != ip6) || (*types & ~(IPV4_TYPES | IPV6_TYPES)) != 0)
		return error_set(error, ENOTSUP,
			"fields: a device takes one end's addresses of all types or of none");
	*types |= end == RSS_FIELD_SOURCE ? RTE_ETH_RSS_L3_SRC_ONLY : RTE_ETH_RSS_L3_DST_ONLY;
	return 0;
}

static int add_type(
	const struct config_rss *rss, unsigned type, uint64_t *types, struct error *error)
{
	const unsigned ip = rss_type_is_ipv6(type) ? RSS_TYPE_IP6 : RSS_TYPE_IP4;
	const uint8_t fields = rss->fields[type];
	char text[RSS_FIELDS_TEXT_BYTES], ip_text[RSS_FIELDS_TEXT_BYTES];

	if (type == RSS_TYPE_ETHER && fields == 0)
		return 0;
	if (type == ip && !(fields & RSS_FIELDS_L2)) {
		if (fields != 0)
			*types |= ip == RSS_TYPE_IP4 ? IPV4_TYPES : IPV6_TYPES;
		return 0;
	}
	if (type != ip && type != RSS_TYPE_ETHER && fields == rss->fields[ip])
		return 0;
	if (tuple_types[type] != 0 && fields == (RSS_FIELDS_ADDRESSES | RSS_FIELDS_PORTS)) {
		*types |= tuple_types[type];
		return 0;
	}
	rss_fields_format(fields, text);
	if (type == RSS_TYPE_ETHER || type == ip)
		return error_set(error, ENOTSUP,
			"fields/%s is \"%s\", which a device cannot be told: it takes %s",
			rss_type_names[type], text, type == ip ? "letters of \"sd\"" : "none");
	return error_set(error, ENOTSUP,
		"fields/%s is \"%s\", which a device cannot be told: it takes %swhat %s has, "
		"\"%s\"",
		rss_type_names[type], fields != 0 ? text : "none",
		tuple_types[type] != 0 ? "\"sdfn\", or " : "", rss_type_names[ip],
		rss_fields_format(rss->fields[ip], ip_text));
}

int ethdev_rss_types(
	const struct config_rss *rss, uint64_t capable, uint64_t *ret_types, struct error *error)
{
	const uint64_t modifiers =
		RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_LEVEL_MASK;
	uint64_t types = 0;
	int result = 0;

	if (rss->xfrm != RSS_TRANSFORM_NONE)
		return error_set(error, ENOTSUP,
			"xfrm is \"%s\", which a device cannot be told here",
			rss->xfrm == RSS_TRANSFORM_SYMMETRIC_XOR ? "symmetric-xor"
								 : "symmetric-sort");
	for (unsigned type = 0; type < RSS_TYPE_COUNT && result == 0; type++)
		result = add_type(rss, type, &types, error);
	if (result == 0)
		result = add_one_end(rss, &types, error);
	if (result != 0)
		return result;
	if (rss->inner)
		types |= RTE_ETH_RSS_LEVEL_INNERMOST;
	if (types & modifiers & ~capable)
		return error_set(error, ENOTSUP, "%s is not something this device does",
			rss->inner && !(capable & RTE_ETH_RSS_LEVEL_INNERMOST)
				? "inner"
				: "fields: one end's addresses alone");
	if ((types & capable & ~modifiers) == 0)
		return error_set(error, ENOTSUP, "fields: the device hashes no such type");
	*ret_types = types & capable;
	return 0;
}

/* Why the device cannot do it; false: it can. */
static bool is_unable(const struct config_rss *rss, const struct rte_eth_dev_info *info,
	uint64_t *ret_types, struct error *error)
{
	if (info->flow_type_rss_offloads == 0 || info->reta_size == 0)
		return error_set(error, ENOTSUP, "no hash types, or no indirection table") != 0;
	if (info->hash_key_size != 0 &&
		(info->hash_key_size < sizeof(rss->key) || info->hash_key_size > PORT_RSS_KEY_MAX))
		return error_set(error, ENOTSUP, "its key has %u bytes", info->hash_key_size) != 0;
	return ethdev_rss_types(rss, info->flow_type_rss_offloads, ret_types, error) != 0;
}

bool ethdev_rss_unable(const struct config_rss *rss, const struct rte_eth_dev_info *info)
{
	struct error why = {0};
	uint64_t types;

	if (rss->mode != RSS_AUTO ||
		(rss->xfrm == RSS_TRANSFORM_NONE && !rss->inner &&
			memcmp(rss->fields, rss_fields_default, sizeof(rss->fields)) == 0))
		return false;
	return is_unable(rss, info, &types, &why);
}

/* A longer key goes on from its start: for the symmetric one the only way, and for all others no
 * byte beyond the 40th meets the addresses and ports. */
static void make_key(struct port *port, const struct config_rss *rss, uint8_t device_bytes)
{
	port->rss_key_bytes = device_bytes != 0 ? device_bytes : CONFIG_RSS_KEY_BYTES;
	for (unsigned i = 0; i < port->rss_key_bytes; i++)
		port->rss_key[i] = rss->key[i % CONFIG_RSS_KEY_BYTES];
}

int ethdev_rss_choose(struct port *port, const struct rte_eth_dev_info *info, uint16_t rx_queues,
	struct rte_eth_conf *conf, struct error *error)
{
	const struct config_rss *rss = &port->config->rss;
	struct error why = {0};
	uint64_t types = 0;
	bool unable = is_unable(rss, info, &types, &why);

	if (rss->mode == RSS_HARDWARE && unable)
		return error_set(error, ENOTSUP,
			"port %s: /ports/%s/rss/mode is \"hardware\", but %s has no such RSS: %s; "
			"use "
			"\"auto\" or \"software\"",
			port->config->name, port->config->name, info->driver_name, why.message);
	if (unable || rx_queues < 2 || (rss->mode != RSS_AUTO && rss->mode != RSS_HARDWARE))
		return 0;
	make_key(port, rss, info->hash_key_size);
	port->rss_spreads_twice = port->rss == PORT_RSS_SOFTWARE;
	port->rss = PORT_RSS_HARDWARE;
	port->rss_types = types;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
	conf->rx_adv_conf.rss_conf.rss_hf = types;
	conf->rx_adv_conf.rss_conf.rss_key = port->rss_key;
	conf->rx_adv_conf.rss_conf.rss_key_len = port->rss_key_bytes;
	return 0;
}

static int program_key(const struct port *port)
{
	struct rte_eth_rss_conf conf = {
		.rss_key = (uint8_t *)(uintptr_t)port->rss_key,
		.rss_key_len = port->rss_key_bytes,
		.rss_hf = port->rss_types,
	};

	return rte_eth_dev_rss_hash_update(port->ethdev, &conf);
}

/* Some drivers read the key when they are configured, others want to be told once they run. */
static bool has_key(const struct port *port)
{
	uint8_t present[PORT_RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = present, .rss_key_len = port->rss_key_bytes};

	return rte_eth_dev_rss_hash_conf_get(port->ethdev, &conf) == 0 &&
		memcmp(present, port->rss_key, port->rss_key_bytes) == 0;
}

static int program_table(struct port *port, const struct config_rss *rss, struct error *error)
{
	/* Where software spreads on from the device's queues, shares are of its queues. */
	const bool twice = port->rss_spreads_twice;
	struct reta reta;
	int result;

	result = reta_fill(&reta, rss->reta_size, port->rx_queue_count, twice ? 0 : rss->equal,
		rss->weights.weights, twice ? 0 : rss->weights.count, error);
	if (result != 0)
		return error_prefix(
			error, "port %s: /ports/%s/rss", port->config->name, port->config->name);
	result = port_set_reta(port, reta.queues, reta.size);
	if (result != 0)
		return error_set(error, -result,
			"port %s: the device refuses the RSS indirection table: %s",
			port->config->name, rte_strerror(-result));
	return 0;
}

static int refused_key(const struct port *port, int result, struct error *error)
{
	return error_set(error, -result, "port %s: the device refuses the RSS key: %s",
		port->config->name, rte_strerror(-result));
}

int ethdev_rss_program(struct port *port, struct error *error)
{
	int result = has_key(port) ? 0 : program_key(port);

	/* Without the call, the driver has it from its configuration. */
	if (result != 0 && result != -ENOTSUP)
		return refused_key(port, result, error);
	return program_table(port, &port->config->rss, error);
}

int port_set_rss(struct port *port, const struct config_rss *rss, struct error *error)
{
	struct rte_eth_dev_info info;
	struct error why = {0};
	uint64_t types = 0;
	int result;

	if (port->rss != PORT_RSS_HARDWARE)
		return error_set(
			error, ENOTSUP, "port %s: RSS is not the device's", port->config->name);
	result = rte_eth_dev_info_get(port->ethdev, &info);
	if (result != 0)
		return refused_key(port, result, error);
	if (is_unable(rss, &info, &types, &why))
		return error_set(error, ENOTSUP, "port %s: %s has no such RSS: %s",
			port->config->name, info.driver_name, why.message);
	make_key(port, rss, info.hash_key_size);
	port->rss_types = types;
	result = program_key(port);
	if (result != 0)
		return refused_key(port, result, error);
	return program_table(port, rss, error);
}

int port_set_reta(struct port *port, const uint8_t queues[], uint16_t size)
{
	struct rte_eth_rss_reta_entry64 reta[DEVICE_RETA_MAX / GROUP] = {0};
	uint8_t device_queues[DEVICE_RETA_MAX];
	struct rte_eth_dev_info info;
	int result;

	if (port->rss != PORT_RSS_HARDWARE)
		return -ENOTSUP;
	if (size == 0 || size > RETA_SIZE_MAX || (size & (size - 1)) != 0)
		return -EINVAL;
	for (unsigned i = 0; i < size; i++)
		if (queues[i] >= port->rx_queue_count)
			return -EINVAL;
	result = rte_eth_dev_info_get(port->ethdev, &info);
	if (result != 0)
		return result;
	if (info.reta_size == 0 || info.reta_size > DEVICE_RETA_MAX)
		return -ENOTSUP;
	reta_resize(queues, size, device_queues, info.reta_size);
	for (unsigned i = 0; i < info.reta_size; i++) {
		reta[i / GROUP].mask |= UINT64_C(1) << (i % GROUP);
		reta[i / GROUP].reta[i % GROUP] = device_queues[i];
	}
	return rte_eth_dev_rss_reta_update(port->ethdev, reta, info.reta_size);
}
