/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real captures before two judges. tshark: whatever frame we find TCP or UDP in, the ports that
 * stand there are those tshark shows; and where it shows some, we find them too, unless the packet
 * is a fragment or broken. DPDK's rte_net_get_ptype(): same types, same lengths. Skipped where
 * there are no captures; without tshark the second judge sits alone.
 */
#include <glob.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>
#include <rte_mbuf.h>
#include <rte_net.h>

#include "packet/bytes.h"
#include "packet/parse.h"

static glob_t captures;

/* Frames of a capture, one after the other; NULL: not a capture that libpcap and Ethernet share. */
static pcap_t *open_ethernet(const char *path)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, message);

	if (capture != NULL && pcap_datalink(capture) != DLT_EN10MB) {
		pcap_close(capture);
		return NULL;
	}
	return capture;
}

/* What tshark says of a frame: "PROTOCOLS|TCP PORT|TCP PORT|UDP PORT|UDP PORT", of the outermost
 * header of each kind. */
enum { PROTOCOLS, TCP_SOURCE, TCP_DESTINATION, UDP_SOURCE, UDP_DESTINATION, FIELD_COUNT };

struct verdict {
	char line[1024];
	const char *fields[FIELD_COUNT];
};

static FILE *open_tshark(const char *path)
{
	char command[512];

	snprintf(command, sizeof(command),
		"tshark -r '%s' -o ip.defragment:FALSE -o ipv6.defragment:FALSE -T fields "
		"-E occurrence=f -E 'separator=|' "
		"-e frame.protocols -e tcp.srcport -e tcp.dstport -e udp.srcport -e udp.dstport "
		"2>/dev/null",
		path);
	return popen(command, "r");
}

/* An IP header right above layer 2, then TCP or UDP: no tunnel between. */
static bool direct_ports(const char *protocols)
{
	const char *ip = strstr(protocols, ":ip");

	if (ip == NULL)
		return false;
	ip += strncmp(ip, ":ipv6", 5) == 0 ? 5 : 3;
	while (strncmp(ip, ":ipv6.", 6) == 0)
		ip += 6 + strcspn(ip + 6, ":");
	return strncmp(ip, ":tcp", 4) == 0 || strncmp(ip, ":udp", 4) == 0;
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

/* 1: we found ports where tshark did; 0: neither; -1: only tshark did. */
static int compare_ports(
	const uint8_t *bytes, const struct headers *found, const struct verdict *verdict)
{
	uint32_t l4 = found->packet_type & RTE_PTYPE_L4_MASK;
	bool direct = direct_ports(verdict->fields[PROTOCOLS]);
	const char *const *ports =
		&verdict->fields[l4 == RTE_PTYPE_L4_TCP ? TCP_SOURCE : UDP_SOURCE];

	if (l4 != RTE_PTYPE_L4_TCP && l4 != RTE_PTYPE_L4_UDP)
		return direct && !found->fragment ? -1 : 0;
	assert_true(direct);
	assert_int_equal(load_be16(bytes + found->l4_offset), atoi(ports[0]));
	assert_int_equal(load_be16(bytes + found->l4_offset + 2), atoi(ports[1]));
	return 1;
}

static void tshark_agrees(void **state)
{
	(void)state;
	if (system("command -v tshark >/dev/null") != 0) {
		print_message("no tshark: skipped\n");
		skip();
	}
	for (size_t i = 0; i < captures.gl_pathc; i++) {
		pcap_t *capture = open_ethernet(captures.gl_pathv[i]);
		unsigned frames = 0, agreed = 0, missed = 0;
		struct pcap_pkthdr *record;
		const uint8_t *bytes;
		struct verdict verdict = {.line = ""};
		FILE *tshark;

		if (capture == NULL)
			continue;
		tshark = open_tshark(captures.gl_pathv[i]);
		assert_non_null(tshark);
		while (pcap_next_ex(capture, &record, &bytes) == 1 &&
			read_verdict(tshark, &verdict)) {
			struct headers found;
			int result;

			parse_headers(bytes, record->caplen, &found);
			result = compare_ports(bytes, &found, &verdict);
			frames++;
			agreed += result > 0;
			missed += result < 0;
		}
		pclose(tshark);
		pcap_close(capture);
		print_message("%s: %u frames, ports found in %u, missed in %u\n",
			strrchr(captures.gl_pathv[i], '/') + 1, frames, agreed, missed);
		/* Only fuzzed packets have headers too broken for us that tshark still shows. */
		assert_true(missed == 0 ||
			(strstr(captures.gl_pathv[i], "fuzz") != NULL && missed * 50 < frames));
	}
}

/* What rte_net_get_ptype() does not look at, or looks at less closely. */
static bool dpdk_knows(const struct headers *found)
{
	uint32_t l2 = found->packet_type & RTE_PTYPE_L2_MASK;
	uint32_t l4 = found->packet_type & RTE_PTYPE_L4_MASK;

	return (l2 == RTE_PTYPE_L2_ETHER || l2 == RTE_PTYPE_L2_ETHER_VLAN) &&
		(found->packet_type & RTE_PTYPE_L3_MASK) != 0 &&
		(l4 == RTE_PTYPE_L4_TCP || l4 == RTE_PTYPE_L4_UDP || l4 == RTE_PTYPE_L4_FRAG);
}

static void dpdk_agrees(void **state)
{
	unsigned compared = 0;

	(void)state;
	for (size_t i = 0; i < captures.gl_pathc; i++) {
		pcap_t *capture = open_ethernet(captures.gl_pathv[i]);
		struct pcap_pkthdr *record;
		const uint8_t *bytes;

		while (capture != NULL && pcap_next_ex(capture, &record, &bytes) == 1) {
			struct rte_mbuf mbuf = {.buf_addr = (void *)(uintptr_t)bytes, .nb_segs = 1};
			struct rte_net_hdr_lens lengths;
			struct headers found;

			parse_headers(bytes, record->caplen, &found);
			if (!dpdk_knows(&found))
				continue;
			mbuf.data_len = (uint16_t)RTE_MIN(record->caplen, UINT16_MAX);
			mbuf.pkt_len = mbuf.data_len;
			assert_int_equal(found.packet_type & ~RTE_PTYPE_TUNNEL_MASK,
				rte_net_get_ptype(&mbuf, &lengths,
					RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK));
			assert_int_equal(found.l3_offset, lengths.l2_len);
			assert_int_equal(found.l3_length, lengths.l3_len);
			assert_int_equal(found.l4_length, lengths.l4_len);
			compared++;
		}
		if (capture != NULL)
			pcap_close(capture);
	}
	print_message("%u frames compared\n", compared);
	assert_true(compared > 5000);
}

int main(void)
{
	const char *shared = getenv("WEIR_SHARED");
	char pattern[512];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tshark_agrees),
		cmocka_unit_test(dpdk_agrees),
	};
	int failures;

	snprintf(pattern, sizeof(pattern), "%s/pcaps/*.pcap*",
		shared != NULL ? shared : "../shared");
	glob(pattern, 0, NULL, &captures);
	if (captures.gl_pathc == 0) {
		printf("no captures (%s): skipped\n", pattern);
		return 77; /* meson's word for it */
	}
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	globfree(&captures);
	return failures;
}
