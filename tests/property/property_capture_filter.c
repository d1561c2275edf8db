/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters as weir runs them (DPDK's machine code or interpreter) against libpcap's own interpreter:
 * the same answer for every filter of a list and every packet of random bytes, headers that are
 * nearly right, whole or in a chain of buffers.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "engine/capture_filter.h"

enum { PACKETS = 3000, BYTES_MAX = 600, POOL = 127 };

static const char *const filters[] = {
	"tcp",
	"tcp port 80",
	"not tcp",
	"src net 10.0.0.0/9",
	"tcp[tcpflags] & tcp-push != 0",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"tcp[13] = 16",
	"tcp[13] > 16",
	"tcp[0:2] ^ tcp[2:2] > 3",
	"tcp[4:4] % 3 = 1",
	"tcp[4:4] / 7 > 1000",
	"((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0",
	"tcp[((tcp[12]&0xf0)>>2):4] = 0x47455420",
	"udp[4:2] > 100",
	"portrange 20000-40000",
	"dst port 19 or dst port 21",
	"ip[2:2] > 60",
	"ip[8] > 3",
	"ip[6:2] & 0x1fff != 0",
	"ip multicast",
	"ether multicast",
	"ether[0] & 2 = 2",
	"ether[1500:4] > 7",
	"ether host 00:11:22:33:44:55",
	"less 66",
	"greater 200",
	"len > 66 and ip",
	"ip6",
	"ip6 and tcp port 80",
	"ip6 multicast",
	"vlan",
	"vlan and ip and tcp",
	"vlan and vlan",
	"mpls and ip",
	"arp",
	"icmp[0] = 8",
	"host 10.0.0.1 and not port 22",
};
enum { FILTERS = sizeof(filters) / sizeof(filters[0]) };

static uint64_t seed;
static struct rte_mempool *pool;

static uint32_t next_random(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33);
}

/* Ethernet, now and then a tag, and IPv4 or IPv6 with TCP or UDP, so that filters go deep; then
 * some bytes are anything. Returns the length. */
static uint32_t make_packet(uint8_t *bytes)
{
	static const uint16_t types[] = {0x0800, 0x0800, 0x0800, 0x86dd, 0x8100, 0x0806, 0x8847};
	uint32_t length = 14 + next_random() % (BYTES_MAX - 14), ip = 14;
	uint16_t type = types[next_random() % 7];

	for (unsigned i = 0; i < BYTES_MAX; i++)
		bytes[i] = (uint8_t)next_random();
	bytes[12] = (uint8_t)(type >> 8);
	bytes[13] = (uint8_t)type;
	if (type == 0x8100) {
		ip = 18;
		bytes[16] = 8;
		bytes[17] = 0;
	}
	bytes[ip] = type == 0x86dd ? 0x60 : (uint8_t)(0x45 + next_random() % 3);
	if (type == 0x86dd) {
		bytes[ip + 6] = next_random() % 2 ? 6 : 17;
	} else {
		bytes[ip + 6] = next_random() % 4 ? 0x40 : 0x20;
		bytes[ip + 7] = next_random() % 4 ? 0 : 1;
		bytes[ip + 9] = (uint8_t[]){6, 6, 17, 1}[next_random() % 4];
		if (next_random() % 2)
			memcpy(&bytes[ip + 12], (const uint8_t[]){10, 0, 0, 1}, 4);
	}
	if (next_random() % 3 == 0) {
		bytes[ip + 22] = 0;
		bytes[ip + 23] = (uint8_t[]){19, 21, 22, 80}[next_random() % 4];
	}
	return length;
}

/* In one buffer, or cut in two anywhere. */
static struct rte_mbuf *make_mbuf(const uint8_t *bytes, uint32_t length)
{
	uint32_t first = next_random() % 2 ? length : 1 + next_random() % length;
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool), *tail;

	memcpy(rte_pktmbuf_append(head, (uint16_t)first), bytes, first);
	if (first < length) {
		tail = rte_pktmbuf_alloc(pool);
		memcpy(rte_pktmbuf_append(tail, (uint16_t)(length - first)), bytes + first,
			length - first);
		rte_pktmbuf_chain(head, tail);
	}
	return head;
}

static void test_filters(void **state)
{
	struct capture_filter made[FILTERS];
	unsigned matches[FILTERS] = {0}, native = 0;
	uint8_t bytes[BYTES_MAX];
	struct error error = {0};

	(void)state;
	for (unsigned f = 0; f < FILTERS; f++) {
		if (capture_filter_make(&made[f], filters[f], &error) != 0)
			fail_msg("%s", error.message);
		native += made[f].match != NULL;
	}
	for (unsigned i = 0; i < PACKETS; i++) {
		uint32_t length = make_packet(bytes);
		struct rte_mbuf *packet = make_mbuf(bytes, length);

		for (unsigned f = 0; f < FILTERS; f++) {
			bool wanted =
				bpf_filter(made[f].program.bf_insns, bytes, length, length) != 0;

			matches[f] += wanted;
			if (capture_filter_matches(&made[f], packet) != wanted ||
				capture_filter_interpret(&made[f], packet) != wanted)
				fail_msg("packet %u, \"%s\": libpcap says %d", i, filters[f],
					wanted);
		}
		rte_pktmbuf_free(packet);
	}
	for (unsigned f = 0; f < FILTERS; f++) {
		print_message(
			"%6u  %s  %s\n", matches[f], made[f].match ? "code" : "    ", filters[f]);
		capture_filter_free(&made[f]);
	}
	assert_true(native > FILTERS / 2);
	assert_int_equal(rte_mempool_avail_count(pool), POOL);
}

static void test_no_filter_takes_all(void **state)
{
	struct capture_filter filter;
	struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(capture_filter_make(&filter, i ? "" : NULL, NULL), 0);
		assert_true(capture_filter_matches(&filter, packet));
		capture_filter_free(&filter);
	}
	rte_pktmbuf_free(packet);
}

static void test_no_such_filter(void **state)
{
	struct capture_filter filter;
	struct error error = {0};

	(void)state;
	assert_int_equal(capture_filter_make(&filter, "tcp porf 1", &error), -EINVAL);
	assert_non_null(strstr(error.message, "tcp porf 1"));
	assert_non_null(strstr(error.message, "syntax error"));
	capture_filter_free(&filter);
}

int main(void)
{
	static const char *arguments[] = {"property_capture_filter", "--no-huge", "-m", "64",
		"--no-pci", "--no-shconf", "--no-telemetry", "--log-level", "4", "-l", "0"};
	const char *given = getenv("WEIR_SEED");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_no_filter_takes_all),
		cmocka_unit_test(test_no_such_filter),
	};

	seed = given ? strtoull(given, NULL, 0) : 20120417;
	printf("WEIR_SEED=%llu\n", (unsigned long long)seed);
	if (rte_eal_init(sizeof(arguments) / sizeof(arguments[0]), (char **)(uintptr_t)arguments) <
		0)
		return 77;
	pool = rte_pktmbuf_pool_create("packets", POOL, 0, 0, 1024, SOCKET_ID_ANY);
	return pool == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
