/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device is told about RSS: the bits for the fields, and, of net_null, which keeps key and
 * table, what it says when asked back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "port/ethdev_rss.h"
#include "port_fixture.h"
#include "steering/reta.h"

enum { QUEUES = 4, NULL_RETA = 128 };
#define ALL_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

static struct config_rss default_rss(void)
{
	struct config_rss rss = {.mode = RSS_HARDWARE, .reta_size = 128};

	memcpy(rss.key, toeplitz_key_microsoft, sizeof(rss.key));
	memcpy(rss.fields, rss_fields_default, sizeof(rss.fields));
	return rss;
}

static void expect_types(const struct config_rss *rss, uint64_t capable, uint64_t expected)
{
	struct error error = {0};
	uint64_t types = 0;

	if (ethdev_rss_types(rss, capable, &types, &error) != 0)
		fail_msg("%s", error.message);
	assert_true(types == expected);
}

static void expect_refused(const struct config_rss *rss, uint64_t capable, const char *message)
{
	struct error error = {0};
	uint64_t types = 7;

	assert_int_equal(ethdev_rss_types(rss, capable, &types, &error), -ENOTSUP);
	assert_string_equal(error.message, message);
	assert_int_equal(types, 7);
}

static void types_of_fields(void **state)
{
	struct config_rss rss = default_rss();

	(void)state;
	expect_types(&rss, UINT64_MAX, ALL_TYPES);
	expect_types(&rss, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_ESP,
		RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP);
	rss.fields[RSS_TYPE_UDP4] = rss.fields[RSS_TYPE_UDP6] = RSS_FIELDS_ADDRESSES;
	expect_types(&rss, UINT64_MAX, ALL_TYPES & ~RTE_ETH_RSS_UDP);
	rss.inner = true;
	expect_types(
		&rss, UINT64_MAX, (ALL_TYPES & ~RTE_ETH_RSS_UDP) | RTE_ETH_RSS_LEVEL_INNERMOST);
	expect_refused(&rss, ALL_TYPES, "inner is not something this device does");
	rss.inner = false;
	for (unsigned type = 0; type < RSS_TYPE_ETHER; type++)
		rss.fields[type] = RSS_FIELD_SOURCE;
	expect_types(&rss, UINT64_MAX, RTE_ETH_RSS_IP | RTE_ETH_RSS_L3_SRC_ONLY);
	expect_refused(&rss, ALL_TYPES,
		"fields: one end's addresses alone is not something this device does");
	rss.fields[RSS_TYPE_TCP6] = RSS_FIELDS_ADDRESSES | RSS_FIELDS_PORTS;
	expect_refused(&rss, UINT64_MAX,
		"fields: a device takes one end's addresses of all types or of none");
}

static void types_that_cannot_be_said(void **state)
{
	struct config_rss rss = default_rss();

	(void)state;
	rss.xfrm = RSS_TRANSFORM_SYMMETRIC_XOR;
	expect_refused(
		&rss, UINT64_MAX, "xfrm is \"symmetric-xor\", which a device cannot be told here");
	rss = default_rss();
	rss.fields[RSS_TYPE_TCP4] = RSS_FIELDS_PORTS;
	expect_refused(&rss, UINT64_MAX,
		"fields/tcp4 is \"fn\", which a device cannot be told: it takes \"sdfn\", or what "
		"ip4 has, \"sd\"");
	rss = default_rss();
	rss.fields[RSS_TYPE_ESP6] = RSS_FIELDS_ADDRESSES | RSS_FIELDS_PORTS;
	expect_refused(&rss, UINT64_MAX,
		"fields/esp6 is \"sdfn\", which a device cannot be told: it takes what ip6 has, "
		"\"sd\"");
	rss = default_rss();
	for (unsigned type = RSS_TYPE_AH4; type <= RSS_TYPE_IP4; type++)
		rss.fields[type] |= RSS_FIELD_PROTOCOL;
	expect_refused(&rss, UINT64_MAX,
		"fields/ip4 is \"tsd\", which a device cannot be told: it takes letters of \"sd\"");
	rss = default_rss();
	rss.fields[RSS_TYPE_ETHER] = RSS_FIELD_VLAN;
	expect_refused(&rss, UINT64_MAX,
		"fields/ether is \"v\", which a device cannot be told: it takes none");
	rss = default_rss();
	expect_refused(&rss, RTE_ETH_RSS_ESP, "fields: the device hashes no such type");
}

/* net_null0 with QUEUES queues, started; NULL: port_configure() said `error`. */
static struct port *port_begin(struct port_fixture *fixture, struct error *error)
{
	struct port *port = calloc(1, sizeof(*port));
	struct rte_mempool *pools[QUEUES] = {
		fixture->pool, fixture->pool, fixture->pool, fixture->pool};

	assert_non_null(port);
	fixture->config.kind = PORT_DEVICE;
	fixture->config.device = (char *)(uintptr_t) "net_null0";
	fixture->config.rx_descriptors = fixture->config.tx_descriptors = 128;
	assert_int_equal(port_open(port, &fixture->config, 0, error), 0);
	if (port_configure(port, QUEUES, 1, pools, error) != 0) {
		free(port);
		return NULL;
	}
	assert_int_equal(port_start(port, error), 0);
	return port;
}

static void port_end(struct port *port)
{
	port_stop(port);
	free(port); /* not closed: net_null0 is EAL's, and the next test wants it */
}

static void query_reta(const struct port *port, uint16_t queues[NULL_RETA])
{
	struct rte_eth_rss_reta_entry64 reta[NULL_RETA / RTE_ETH_RETA_GROUP_SIZE];

	memset(reta, 0xff, sizeof(reta));
	assert_int_equal(rte_eth_dev_rss_reta_query(port->ethdev, reta, NULL_RETA), 0);
	for (unsigned i = 0; i < NULL_RETA; i++)
		queues[i] = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

static void device_keeps_key_and_table(void **state)
{
	struct port_fixture *fixture = *state;
	uint8_t key[CONFIG_RSS_KEY_BYTES] = {0}, wanted[512];
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof(key)};
	struct error error = {0};
	uint16_t queues[NULL_RETA];
	struct port *port;

	fixture->config.rss = default_rss();
	fixture->config.rss.weights = (struct queue_weights){.count = 3, .weights = {6, 0, 2}};
	for (unsigned i = 0; i < sizeof(key); i++)
		fixture->config.rss.key[i] = (uint8_t)(7 * i + 1);
	port = port_begin(fixture, &error);
	assert_non_null(port);
	assert_int_equal(port->rss, PORT_RSS_HARDWARE);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port->ethdev, &conf), 0);
	assert_memory_equal(key, fixture->config.rss.key, sizeof(key));
	query_reta(port, queues);
	for (unsigned i = 0; i < NULL_RETA; i++)
		assert_int_equal(queues[i], i < 96 ? 0 : 2);
	/* changed while it runs, by a table of each size */
	for (uint16_t size = 64; size <= 512; size = (uint16_t)(2 * size)) {
		for (unsigned i = 0; i < size; i++)
			wanted[i] = (uint8_t)((i * 7 / 3 + size / 64) % QUEUES);
		assert_int_equal(port_set_reta(port, wanted, size), 0);
		query_reta(port, queues);
		for (unsigned i = 0; i < NULL_RETA; i++)
			assert_int_equal(queues[i],
				wanted[size <= NULL_RETA
						? i % size
						: i + NULL_RETA * (i % (size / NULL_RETA))]);
	}
	wanted[63] = QUEUES;
	assert_int_equal(port_set_reta(port, wanted, 64), -EINVAL);
	assert_int_equal(port_set_reta(port, wanted, 100), -EINVAL);
	port_end(port);
}

static void changed_while_it_runs(void **state)
{
	struct port_fixture *fixture = *state;
	uint8_t key[CONFIG_RSS_KEY_BYTES] = {0};
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof(key)};
	struct config_rss wanted;
	struct error error = {0};
	uint16_t queues[NULL_RETA];
	struct port *port;

	fixture->config.rss = wanted = default_rss();
	port = port_begin(fixture, &error);
	assert_non_null(port);
	memcpy(wanted.key, toeplitz_key_symmetric, sizeof(wanted.key));
	for (unsigned type = 0; type < RSS_TYPE_ETHER; type++)
		wanted.fields[type] = RSS_FIELDS_ADDRESSES;
	wanted.equal = 2;
	assert_int_equal(port_set_rss(port, &wanted, &error), 0);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port->ethdev, &conf), 0);
	assert_memory_equal(key, toeplitz_key_symmetric, sizeof(key));
	assert_true(conf.rss_hf == RTE_ETH_RSS_IP);
	query_reta(port, queues);
	for (unsigned i = 0; i < NULL_RETA; i++)
		assert_int_equal(queues[i], i % 2);
	wanted.xfrm = RSS_TRANSFORM_SYMMETRIC_XOR;
	memcpy(wanted.key, toeplitz_key_microsoft, sizeof(wanted.key));
	assert_int_equal(port_set_rss(port, &wanted, &error), -ENOTSUP);
	assert_int_equal(rte_eth_dev_rss_hash_conf_get(port->ethdev, &conf), 0);
	assert_memory_equal(key, toeplitz_key_symmetric, sizeof(key));
	port_end(port);
}

static void what_the_device_cannot(void **state)
{
	struct port_fixture *fixture = *state;
	const uint8_t queues[64] = {0};
	struct error error = {0};
	struct port *port;
	char expected[512];

	fixture->config.rss = default_rss();
	fixture->config.rss.xfrm = RSS_TRANSFORM_SYMMETRIC_SORT;
	assert_null(port_begin(fixture, &error));
	snprintf(expected, sizeof(expected),
		"port %s: /ports/%s/rss/mode is \"hardware\", but net_null has no such RSS: xfrm "
		"is \"symmetric-sort\", which a device cannot be told here; use \"auto\" or "
		"\"software\"",
		fixture->config.name, fixture->config.name);
	assert_string_equal(error.message, expected);
	/* nothing is said under "auto": it is software's then */
	fixture->config.rss.mode = RSS_AUTO;
	port = port_begin(fixture, &error);
	assert_non_null(port);
	assert_int_equal(port->rss, PORT_RSS_OFF);
	assert_int_equal(port_set_reta(port, queues, 64), -ENOTSUP);
	port_end(port);
	fixture->config.rss = default_rss();
	fixture->config.rss.mode = RSS_SOFTWARE;
	port = port_begin(fixture, &error);
	assert_non_null(port);
	assert_int_equal(port->rss, PORT_RSS_OFF);
	port_end(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_fields),
		cmocka_unit_test(types_that_cannot_be_said),
		PORT_TEST(device_keeps_key_and_table),
		PORT_TEST(changed_while_it_runs),
		PORT_TEST(what_the_device_cannot),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, fixture_group_teardown);
}
