/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums of real captures, judged by us and by tshark: where both judge they agree. What we find
 * wrong is right once filled in, and filling in what was right changes nothing. Skipped where there
 * are no captures or there is no tshark.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <rte_mbuf.h>

#include "packet/bytes.h"
#include "segmentation/packet_checksum.h"
#include "steering/receive.h"

static glob_t captures;

/* Of the outermost header of each kind, as tshark numbers them. */
enum { TSHARK_BAD = 0, TSHARK_GOOD = 1 };
enum { IP, TCP, UDP, SCTP, ICMP, ICMPV6, PROTOCOLS, FIELD_COUNT };

struct verdict {
	char line[1024];
	const char *fields[FIELD_COUNT];
};

struct tally {
	unsigned frames, agreed, bad, only_tshark, only_us;
};

static FILE *open_tshark(const char *path)
{
	char command[1024];

	snprintf(command, sizeof(command),
		"tshark -r '%s' -o ip.defragment:FALSE -o ipv6.defragment:FALSE "
		"-o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE "
		"-T fields -E occurrence=f -E 'separator=|' -e ip.checksum.status "
		"-e tcp.checksum.status -e udp.checksum.status -e sctp.checksum.status "
		"-e icmp.checksum.status -e icmpv6.checksum.status -e frame.protocols 2>/dev/null",
		path);
	return popen(command, "r");
}

static bool read_verdict(FILE *tshark, struct verdict *ret_verdict)
{
	char *rest = ret_verdict->line;

	if (fgets(rest, sizeof(ret_verdict->line), tshark) == NULL)
		return false;
	rest[strcspn(rest, "\n")] = '\0';
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const char *field = strsep(&rest, "|");

		ret_verdict->fields[i] = field != NULL ? field : "";
	}
	return true;
}

static const char *layer4_field(const struct rte_mbuf *packet, const struct verdict *verdict)
{
	switch (packet->packet_type & RTE_PTYPE_L4_MASK) {
	case RTE_PTYPE_L4_TCP: return verdict->fields[TCP];
	case RTE_PTYPE_L4_UDP: return verdict->fields[UDP];
	case RTE_PTYPE_L4_SCTP: return verdict->fields[SCTP];
	case RTE_PTYPE_L4_ICMP:
		return verdict->fields[RTE_ETH_IS_IPV4_HDR(packet->packet_type) ? ICMP : ICMPV6];
	default: return "";
	}
}

static void compare(struct tally *tally, bool good, bool bad, const char *field)
{
	bool judged = strcmp(field, "0") == 0 || strcmp(field, "1") == 0;

	tally->only_tshark += judged && !good && !bad;
	tally->only_us += !judged && (good || bad);
	if (!judged || (!good && !bad))
		return;
	assert_int_equal(atoi(field), good ? TSHARK_GOOD : TSHARK_BAD);
	tally->agreed++;
	tally->bad += bad;
}

/* PPPoE that says less than the IP packet in it: tshark ends where PPPoE does, the sender's
 * checksum covered what IP said. */
static bool pppoe_cuts(const struct rte_mbuf *packet, const uint8_t *bytes)
{
	const uint8_t *ip = bytes + packet->l2_len;

	return (packet->packet_type & RTE_PTYPE_L2_MASK) == RTE_PTYPE_L2_ETHER_PPPOE &&
		RTE_ETH_IS_IPV4_HDR(packet->packet_type) &&
		load_be16(ip - 4) - 2u < load_be16(ip + 2);
}

static struct rte_mbuf packet_of(uint8_t *bytes, uint32_t length)
{
	return (struct rte_mbuf){
		.buf_addr = bytes, .nb_segs = 1, .data_len = (uint16_t)length, .pkt_len = length};
}

static uint64_t verify(struct rte_mbuf *packet)
{
	packet->ol_flags = 0;
	receive_parse(&packet, 1);
	packet_checksum_verify(&packet, 1);
	return packet->ol_flags;
}

/* After filling in, nothing is bad; and what was good is as it was. */
static void check_fill(struct rte_mbuf *packet, uint64_t flags)
{
	static uint8_t before[UINT16_MAX];

	memcpy(before, packet->buf_addr, packet->data_len);
	packet_checksum_fill(&packet, 1, 0);
	if ((flags & (RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD)) == 0 &&
		(flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD) != 0)
		assert_memory_equal(before, packet->buf_addr, packet->data_len);
	assert_int_equal(
		verify(packet) & (RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD), 0);
}

static void check_frame(const struct pcap_pkthdr *record, const uint8_t *bytes,
	const struct verdict *verdict, struct tally *tally)
{
	static uint8_t copy[UINT16_MAX];
	struct rte_mbuf packet = packet_of(copy, record->caplen);
	uint64_t flags;

	if (record->caplen > sizeof(copy))
		return;
	memcpy(copy, bytes, record->caplen);
	flags = verify(&packet);
	tally->frames++;
	if (RTE_ETH_IS_IPV4_HDR(packet.packet_type))
		compare(tally, flags & RTE_MBUF_F_RX_IP_CKSUM_GOOD,
			flags & RTE_MBUF_F_RX_IP_CKSUM_BAD, verdict->fields[IP]);
	if (!pppoe_cuts(&packet, bytes))
		compare(tally, flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD,
			flags & RTE_MBUF_F_RX_L4_CKSUM_BAD, layer4_field(&packet, verdict));
	check_fill(&packet, flags);
}

static void tshark_agrees(void **state)
{
	unsigned agreed = 0;

	(void)state;
	for (size_t i = 0; i < captures.gl_pathc; i++) {
		char message[PCAP_ERRBUF_SIZE];
		pcap_t *capture = pcap_open_offline(captures.gl_pathv[i], message);
		struct verdict verdict = {.line = ""};
		struct tally tally = {0};
		struct pcap_pkthdr *record;
		const uint8_t *bytes;
		FILE *tshark;

		if (capture == NULL || pcap_datalink(capture) != DLT_EN10MB) {
			if (capture != NULL)
				pcap_close(capture);
			continue;
		}
		tshark = open_tshark(captures.gl_pathv[i]);
		assert_non_null(tshark);
		while (pcap_next_ex(capture, &record, &bytes) == 1 &&
			read_verdict(tshark, &verdict))
			check_frame(record, bytes, &verdict, &tally);
		pclose(tshark);
		pcap_close(capture);
		agreed += tally.agreed;
		print_message("%s: %u frames; checksums: %u agreed (%u bad), judged only by "
			      "tshark %u, only by us %u\n",
			strrchr(captures.gl_pathv[i], '/') + 1, tally.frames, tally.agreed,
			tally.bad, tally.only_tshark, tally.only_us);
	}
	assert_true(agreed > 10000);
}

int main(void)
{
	const char *shared = getenv("WEIR_SHARED");
	const struct CMUnitTest tests[] = {cmocka_unit_test(tshark_agrees)};
	char pattern[512];
	int failures;

	snprintf(pattern, sizeof(pattern), "%s/pcaps/*.pcap*",
		shared != NULL ? shared : "../shared");
	glob(pattern, 0, NULL, &captures);
	if (captures.gl_pathc == 0 || system("command -v tshark >/dev/null") != 0) {
		printf("no captures (%s), or no tshark: skipped\n", pattern);
		return 77; /* meson's word for it */
	}
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	globfree(&captures);
	return failures;
}
