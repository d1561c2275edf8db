/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rewriting by its promises: symmetric, one-to-one, new flows each loop, checksums as right or as
 * wrong as before, on made-up packets, fragments, cut frames and real captures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <dirent.h>
#include <pcap.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/rewrite.h"

enum { FRAME_ROOM = 2048, ETHERNET = 14 };

struct packet {
	uint8_t bytes[FRAME_ROOM];
	uint32_t length;
	uint32_t l4; /* offset */
	bool ipv6;
	uint8_t protocol;
};

static uint64_t seed;
static uint64_t random_state;

static uint32_t random_number(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16);
}

static int restart_random(void **state)
{
	(void)state;
	random_state = seed;
	return 0;
}

static void put16(uint8_t *at, uint16_t value)
{
	value = htons(value);
	memcpy(at, &value, 2);
}

static uint32_t checksum_field(const struct packet *packet)
{
	return packet->l4 +
		(packet->protocol == IPPROTO_TCP		     ? 16
				: packet->protocol == IPPROTO_ICMPV6 ? 2
								     : 6);
}

static void rewrite(uint8_t *bytes, uint32_t length, uint64_t loop)
{
	struct headers headers;

	parse_headers(bytes, length, &headers);
	rewrite_flow(bytes, length, &headers, loop);
}

static void random_address(uint8_t *at, bool ipv6)
{
	static const uint8_t special[][2] = {{10, 0}, {192, 168}, {224, 0}, {169, 254}, {127, 0},
		{255, 255}, {172, 16}, {0, 0}, {8, 8}};

	for (int i = 0; i < (ipv6 ? 16 : 4); i++)
		at[i] = (uint8_t)random_number();
	if (!ipv6)
		memcpy(at, special[random_number() % 9], 2);
	else if (random_number() % 4 == 0)
		memcpy(at, (uint8_t[]){random_number() & 1 ? 0xff : 0xfe, 0x80}, 2);
	else
		at[0] = 0x20;
}

/* A packet with right checksums, of random addresses, ports and payload. */
static void make(struct packet *packet, bool ipv6, uint8_t protocol)
{
	uint32_t ip_bytes = ipv6 ? 40 : 20, l4_bytes = 20 + random_number() % 1000;
	uint16_t checksum;
	uint8_t *ip, *l4;

	*packet = (struct packet){.ipv6 = ipv6, .protocol = protocol, .l4 = ETHERNET + ip_bytes};
	ip = packet->bytes + ETHERNET;
	l4 = ip + ip_bytes;
	packet->length = packet->l4 + l4_bytes;
	put16(packet->bytes + 12, ipv6 ? 0x86dd : 0x0800);
	for (uint32_t i = 0; i < l4_bytes; i++)
		l4[i] = (uint8_t)random_number();
	if (protocol == IPPROTO_UDP)
		put16(l4 + 4, (uint16_t)l4_bytes);
	if (protocol == IPPROTO_TCP)
		l4[12] = 0x50;
	if (protocol == IPPROTO_ICMPV6)
		l4[0] = 128;
	random_address(ip + (ipv6 ? 8 : 12), ipv6);
	random_address(ip + (ipv6 ? 24 : 16), ipv6);
	memset(packet->bytes + checksum_field(packet), 0, 2);
	if (ipv6) {
		ip[0] = 0x60;
		ip[6] = protocol;
		ip[7] = 64;
		put16(ip + 4, (uint16_t)l4_bytes);
		checksum = checksum_l4_ipv6(ip, protocol, l4, l4_bytes);
	} else {
		ip[0] = 0x45;
		ip[8] = 64;
		ip[9] = protocol;
		put16(ip + 2, (uint16_t)(20 + l4_bytes));
		checksum = checksum_ipv4_header(ip, 20);
		memcpy(ip + 10, &checksum, 2);
		checksum = checksum_l4_ipv4(ip, protocol, l4, l4_bytes);
	}
	memcpy(packet->bytes + checksum_field(packet), &checksum, 2);
}

static bool is_valid(const struct packet *packet)
{
	const uint8_t *ip = packet->bytes + ETHERNET, *l4 = packet->bytes + packet->l4;
	uint32_t l4_bytes = packet->length - packet->l4;

	if (packet->ipv6)
		return checksum_l4_ipv6_valid(ip, packet->protocol, l4, l4_bytes);
	return checksum_ipv4_header(ip, 20) == 0 &&
		checksum_l4_ipv4_valid(ip, packet->protocol, l4, l4_bytes);
}

static void make_any(struct packet *packet)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6};
	uint8_t protocol = protocols[random_number() % 3];

	make(packet, protocol == IPPROTO_ICMPV6 || random_number() & 1, protocol);
}

static void test_checksums_stay_right(void **state)
{
	struct packet packet;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		make_any(&packet);
		assert_true(is_valid(&packet));
		rewrite(packet.bytes, packet.length, 1 + random_number() % 100000);
		assert_true(is_valid(&packet));
	}
}

static void test_loop_0_changes_nothing(void **state)
{
	struct packet packet, before;

	(void)state;
	make_any(&packet);
	before = packet;
	rewrite(packet.bytes, packet.length, 0);
	assert_memory_equal(packet.bytes, before.bytes, packet.length);
}

static void swap(uint8_t *one, uint8_t *other, uint32_t length)
{
	uint8_t kept[16];

	memcpy(kept, one, length);
	memcpy(one, other, length);
	memcpy(other, kept, length);
}

static void reverse(struct packet *packet)
{
	uint8_t *ip = packet->bytes + ETHERNET, *l4 = packet->bytes + packet->l4;

	if (packet->ipv6)
		swap(ip + 8, ip + 24, 16);
	else
		swap(ip + 12, ip + 16, 4);
	if (packet->protocol != IPPROTO_ICMPV6)
		swap(l4, l4 + 2, 2);
}

static void test_symmetric(void **state)
{
	struct packet packet, reversed;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint64_t loop = 1 + random_number() % 1000;

		make_any(&packet);
		reversed = packet;
		reverse(&reversed);
		rewrite(packet.bytes, packet.length, loop);
		rewrite(reversed.bytes, reversed.length, loop);
		reverse(&reversed);
		assert_memory_equal(packet.bytes, reversed.bytes, packet.length);
	}
}

/* Rewriting with the same loop twice gives the original back, so no two endpoints can meet. */
static void test_one_to_one(void **state)
{
	struct packet packet, before;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		uint64_t loop = 1 + random_number();

		make_any(&packet);
		before = packet;
		rewrite(packet.bytes, packet.length, loop);
		rewrite(packet.bytes, packet.length, loop);
		assert_memory_equal(packet.bytes, before.bytes, packet.length);
	}
}

static int compare_addresses(const void *one, const void *other)
{
	return memcmp(one, other, 8);
}

static void check_new_flows(const char *source, bool ipv6)
{
	enum { LOOPS = 65535 };
	static uint8_t seen[LOOPS + 1][8];
	struct packet packet, original;

	make(&original, ipv6, IPPROTO_UDP);
	inet_pton(ipv6 ? AF_INET6 : AF_INET, source, original.bytes + ETHERNET + (ipv6 ? 8 : 12));
	for (uint32_t loop = 0; loop <= LOOPS; loop++) {
		packet = original;
		rewrite(packet.bytes, packet.length, loop);
		memset(seen[loop], 0, 8);
		memcpy(seen[loop], packet.bytes + ETHERNET + (ipv6 ? 8 : 12), ipv6 ? 8 : 4);
	}
	qsort(seen, LOOPS + 1, 8, compare_addresses);
	for (int i = 0; i < LOOPS; i++)
		assert_memory_not_equal(seen[i], seen[i + 1], 8);
}

static void test_each_loop_is_new(void **state)
{
	(void)state;
	check_new_flows("10.1.2.3", false);
	check_new_flows("192.168.7.9", false);
	check_new_flows("2001:db8::1", true);
}

static void check_stays(const char *text, bool stays)
{
	bool ipv6 = strchr(text, ':') != NULL;
	uint32_t bytes = ipv6 ? 16 : 4;
	struct packet packet;
	uint8_t address[16], *at;

	inet_pton(ipv6 ? AF_INET6 : AF_INET, text, address);
	make(&packet, ipv6, IPPROTO_UDP);
	at = packet.bytes + ETHERNET + (ipv6 ? 24 : 16);
	memcpy(at, address, bytes);
	rewrite(packet.bytes, packet.length, 1);
	if ((memcmp(at, address, bytes) == 0) != stays)
		fail_msg("%s should %s", text, stays ? "stay" : "change");
}

static void test_special_addresses(void **state)
{
	(void)state;
	check_stays("224.0.0.251", true);
	check_stays("255.255.255.255", true);
	check_stays("169.254.3.4", true);
	check_stays("0.0.0.0", true);
	check_stays("ff02::fb", true);
	check_stays("fe80::1", true);
	check_stays("::1", true);
	check_stays("::", true);
	check_stays("10.0.0.1", false);
	check_stays("169.253.0.1", false);
	check_stays("fd00::1", false);
	check_stays("2001:db8::1", false);
}

static void test_ports(void **state)
{
	struct packet packet;
	uint8_t *l4 = packet.bytes + ETHERNET + 20;

	(void)state;
	make(&packet, false, IPPROTO_TCP);
	put16(l4, 443);
	put16(l4 + 2, 50000);
	rewrite(packet.bytes, packet.length, 1);
	assert_int_equal(load_be16(l4), 443);
	assert_int_not_equal(load_be16(l4 + 2), 50000);
	assert_true(load_be16(l4 + 2) >= 32768);
}

static void test_udp_without_checksum(void **state)
{
	struct packet packet;

	(void)state;
	make(&packet, false, IPPROTO_UDP);
	memset(packet.bytes + checksum_field(&packet), 0, 2);
	rewrite(packet.bytes, packet.length, 5);
	assert_int_equal(load_be16(packet.bytes + checksum_field(&packet)), 0);
}

static void test_arp_and_neighbour_discovery_stay(void **state)
{
	struct packet packet, before;

	(void)state;
	make(&packet, true, IPPROTO_ICMPV6);
	packet.bytes[packet.l4] = 135;
	before = packet;
	rewrite(packet.bytes, packet.length, 3);
	assert_memory_equal(packet.bytes, before.bytes, packet.length);
	make(&packet, false, IPPROTO_UDP);
	put16(packet.bytes + 12, 0x0806);
	before = packet;
	rewrite(packet.bytes, packet.length, 3);
	assert_memory_equal(packet.bytes, before.bytes, packet.length);
}

/* An IP packet too short for layer 4, then padding of the frame that looks like it. */
static void test_padding(void **state)
{
	struct packet packet, before;

	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		make(&packet, ipv6 == 1, IPPROTO_UDP);
		put16(packet.bytes + packet.l4, 50000);
		put16(packet.bytes + ETHERNET + (ipv6 ? 4 : 2), ipv6 ? 3 : 23);
		before = packet;
		rewrite(packet.bytes, packet.length, 11);
		assert_memory_equal(packet.bytes + packet.l4, before.bytes + packet.l4,
			packet.length - packet.l4);
	}
}

/* A datagram in two IPv4 fragments, rewritten one by one, put together again. */
static void test_fragments_ipv4(void **state)
{
	struct packet whole, first, second;
	uint32_t cut = 16, l4_bytes;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		make(&whole, false, IPPROTO_UDP);
		l4_bytes = whole.length - whole.l4;
		first = second = whole;
		first.length = whole.l4 + cut;
		put16(first.bytes + ETHERNET + 2, (uint16_t)(20 + cut));
		put16(first.bytes + ETHERNET + 6, 0x2000);
		second.length = whole.length - cut;
		memmove(second.bytes + whole.l4, whole.bytes + whole.l4 + cut, l4_bytes - cut);
		put16(second.bytes + ETHERNET + 2, (uint16_t)(20 + l4_bytes - cut));
		put16(second.bytes + ETHERNET + 6, (uint16_t)(cut / 8));
		rewrite(first.bytes, first.length, 77);
		rewrite(second.bytes, second.length, 77);
		assert_memory_equal(first.bytes + ETHERNET + 12, second.bytes + ETHERNET + 12, 8);
		memcpy(whole.bytes + ETHERNET + 12, first.bytes + ETHERNET + 12, 8);
		memcpy(whole.bytes + whole.l4, first.bytes + whole.l4, cut);
		memcpy(whole.bytes + whole.l4 + cut, second.bytes + whole.l4, l4_bytes - cut);
		assert_true(checksum_l4_ipv4_valid(
			whole.bytes + ETHERNET, IPPROTO_UDP, whole.bytes + whole.l4, l4_bytes));
	}
}

/* IPv6 with one extension header of 8 bytes in front of layer 4. */
static void extend(struct packet *packet, uint8_t type, const uint8_t rest[7])
{
	uint8_t *l4 = packet->bytes + packet->l4;

	memmove(l4 + 8, l4, packet->length - packet->l4);
	l4[0] = packet->protocol;
	memcpy(l4 + 1, rest, 7);
	packet->bytes[ETHERNET + 6] = type;
	packet->l4 += 8;
	packet->length += 8;
	put16(packet->bytes + ETHERNET + 4, (uint16_t)(packet->length - ETHERNET - 40));
}

static void test_extension_headers(void **state)
{
	struct packet packet, plain;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		make(&plain, true, IPPROTO_TCP);
		packet = plain;
		extend(&packet, IPPROTO_FRAGMENT, (uint8_t[]){0, 0, 1, 0, 0, 0, 9});
		rewrite(packet.bytes, packet.length, 6);
		assert_true(is_valid(&packet)); /* what is there of it, with the whole's checksum */
		packet = plain;
		extend(&packet, IPPROTO_DSTOPTS, (uint8_t[]){0, 1, 4, 0, 0, 0, 0});
		rewrite(packet.bytes, packet.length, 6);
		assert_true(is_valid(&packet));
	}
}

/* Segments left: the checksum was made with the last destination, which does not change here. */
static void test_routing_header(void **state)
{
	struct packet packet;
	uint8_t *ip = packet.bytes + ETHERNET, final[16];

	(void)state;
	make(&packet, true, IPPROTO_UDP);
	inet_pton(AF_INET6, "2001:db8::2", ip + 24);
	memcpy(final, ip + 24, 16);
	put16(packet.bytes + checksum_field(&packet), 0);
	extend(&packet, IPPROTO_ROUTING, (uint8_t[]){0, 4, 1, 0, 0, 0, 0});
	put16(packet.bytes + checksum_field(&packet),
		ntohs(checksum_l4_ipv6(
			ip, IPPROTO_UDP, packet.bytes + packet.l4, packet.length - packet.l4)));
	inet_pton(AF_INET6, "2001:db8::99", ip + 24); /* the next hop */
	rewrite(packet.bytes, packet.length, 9);
	memcpy(ip + 24, final, 16);
	assert_true(is_valid(&packet));
}

/* What is kept of a cut frame is as in the whole one; half a checksum stays as it was. */
static void test_cut_frames(void **state)
{
	struct packet packet, whole;

	(void)state;
	for (int i = 0; i < 50; i++) {
		make_any(&packet);
		whole = packet;
		rewrite(whole.bytes, whole.length, 4);
		for (uint32_t length = 0; length < 120 && length < packet.length; length++) {
			uint8_t *cut = malloc(length + (length == 0));

			assert_non_null(cut);
			memcpy(cut, packet.bytes, length);
			rewrite(cut, length, 4);
			if (length >= packet.l4 + 4)
				assert_memory_equal(cut, whole.bytes,
					length - (length == checksum_field(&packet) + 1));
			free(cut);
		}
	}
}

static void test_any_bytes(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t length = random_number() % 200;
		uint8_t *bytes = malloc(length + (length == 0));
		struct headers headers = {
			.ether_type = random_number() & 1 ? 0x0800 : 0x86dd,
			.l3_offset = (uint16_t)(random_number() % 64),
			.l3_length = 20,
		};

		assert_non_null(bytes);
		for (uint32_t k = 0; k < length; k++)
			bytes[k] = (uint8_t)random_number();
		if (headers.l3_offset + 7u < length)
			bytes[headers.l3_offset + 6] = (uint8_t[]){0, 43, 60, 44, 6, 17}[i % 6];
		rewrite_flow(bytes, length, &headers, (uint64_t)i + 1);
		free(bytes);
	}
}

/* What the checksum is wrong by, as a sum: the same before and after, modulo 2^16 - 1. */
static uint32_t layer4_residue(const uint8_t *bytes, uint32_t length, const struct headers *headers)
{
	const uint8_t *ip = bytes + headers->l3_offset;
	uint32_t l4 = (uint32_t)headers->l3_offset + headers->l3_length, pseudo, l4_bytes;

	if (headers->ether_type == 0x0800) {
		l4_bytes = load_be16(ip + 2) - headers->l3_length;
		pseudo = checksum_pseudo_ipv4(ip, headers->ip_protocol, l4_bytes);
	} else {
		l4_bytes = load_be16(ip + 4) + 40u - headers->l3_length;
		pseudo = checksum_pseudo_ipv6(ip, headers->ip_protocol, l4_bytes);
	}
	/* Cut, or made by segmentation offload: what is missing is the same before and after. */
	if (l4_bytes > length - l4)
		l4_bytes = length - l4;
	return checksum_fold(checksum_partial(bytes + l4, l4_bytes, pseudo)) % 0xffff;
}

static bool has_checksum(const uint8_t *bytes, const struct headers *headers)
{
	if (headers->l4_offset == 0)
		return false;
	if (headers->ip_protocol == IPPROTO_UDP)
		return load_be16(bytes + headers->l4_offset + 6) != 0;
	return headers->ip_protocol == IPPROTO_TCP;
}

static unsigned check_captured(const uint8_t *captured, uint32_t length)
{
	uint8_t *bytes = malloc(length + (length == 0));
	struct headers headers, after;
	unsigned checked = 0;
	uint32_t residue = 0;

	assert_non_null(bytes);
	memcpy(bytes, captured, length);
	parse_headers(bytes, length, &headers);
	if (has_checksum(bytes, &headers)) {
		residue = layer4_residue(bytes, length, &headers);
		checked = 1;
	}
	rewrite_flow(bytes, length, &headers, 12345);
	parse_headers(bytes, length, &after);
	assert_memory_equal(&headers, &after, sizeof(headers));
	if (checked)
		assert_int_equal(layer4_residue(bytes, length, &headers), residue);
	if (headers.l3_length >= 20 && headers.ether_type == 0x0800)
		assert_int_equal(
			(uint16_t)checksum_ipv4_header(bytes + headers.l3_offset, 20) % 0xffff,
			(uint16_t)checksum_ipv4_header(captured + headers.l3_offset, 20) % 0xffff);
	free(bytes);
	return checked;
}

static unsigned check_capture(const char *path)
{
	char problem[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, problem);
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	unsigned checked = 0;

	if (pcap == NULL)
		return 0;
	while (pcap_datalink(pcap) == DLT_EN10MB && pcap_next_ex(pcap, &header, &bytes) == 1)
		checked += check_captured(bytes, header->caplen);
	pcap_close(pcap);
	return checked;
}

static void test_real_captures(void **state)
{
	const char *shared = getenv("WEIR_SHARED");
	char folder[1024], path[2048];
	unsigned checked = 0;
	struct dirent *entry;
	DIR *directory;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/pcaps", shared != NULL ? shared : "../shared");
	directory = opendir(folder);
	if (directory == NULL) {
		print_message("no captures in %s\n", folder);
		skip();
	}
	while ((entry = readdir(directory)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (strstr(entry->d_name, ".pcap") != NULL)
			checked += check_capture(path);
	}
	closedir(directory);
	print_message("%u packets with a checksum\n", checked);
	assert_true(checked > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_checksums_stay_right, restart_random),
		cmocka_unit_test_setup(test_loop_0_changes_nothing, restart_random),
		cmocka_unit_test_setup(test_symmetric, restart_random),
		cmocka_unit_test_setup(test_one_to_one, restart_random),
		cmocka_unit_test_setup(test_each_loop_is_new, restart_random),
		cmocka_unit_test_setup(test_special_addresses, restart_random),
		cmocka_unit_test_setup(test_ports, restart_random),
		cmocka_unit_test_setup(test_udp_without_checksum, restart_random),
		cmocka_unit_test_setup(test_arp_and_neighbour_discovery_stay, restart_random),
		cmocka_unit_test_setup(test_padding, restart_random),
		cmocka_unit_test_setup(test_fragments_ipv4, restart_random),
		cmocka_unit_test_setup(test_extension_headers, restart_random),
		cmocka_unit_test_setup(test_routing_header, restart_random),
		cmocka_unit_test_setup(test_cut_frames, restart_random),
		cmocka_unit_test_setup(test_any_bytes, restart_random),
		cmocka_unit_test(test_real_captures),
	};
	const char *text = getenv("WEIR_SEED");

	seed = text != NULL ? strtoull(text, NULL, 0) : 20260102;
	seed += seed == 0;
	print_message("WEIR_SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
