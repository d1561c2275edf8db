/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An application that touches every byte of the packets of its raw-packet queue pair.
 *
 *     rings_packets send --port NAME --size N [--mss M] [--seconds S] [--cpu C]
 *     rings_packets receive --port NAME [--seconds S] [--cpu C]
 *
 * send: TCP packets of `size` bytes, each written anew, cut into segments of M bytes of payload
 * where the port does not carry them whole. receive: reads all bytes of what comes. Prints one JSON
 * object: what the engine took, or gave. Attaches to the engine of $WEIR_VERBS_SOCKET.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "verbs/weir.h"

enum { DEPTH = 1024, BURST = 64, PARTS = 256, FRAME_MAX = 65549, HEADERS = 54 };
enum { WARM_UP_NS = 100000000 };

struct options {
	const char *port;
	uint32_t size;
	uint16_t mss;
	double seconds;
	int cpu;
	bool sends;
};

struct counts {
	uint64_t packets, bytes, sum;
};

static uint8_t template[FRAME_MAX + 1];

static void die(const char *what)
{
	fprintf(stderr, "rings_packets: %s: %s\n", what, weir_error_text());
	exit(1);
}

static struct weir_qp *attach(const struct options *options)
{
	struct weir_qp_init_attr attr = {
		.cap = {DEPTH, DEPTH, 1, 1, 0}, .qp_type = WEIR_QPT_RAW_PACKET};
	const struct weir_flow_attr flow = {.port = options->port};
	struct weir_device *device = weir_open(NULL);
	struct weir_qp *qp = NULL;
	struct weir_pd *pd;

	if (device == NULL || (pd = weir_alloc_pd(device)) == NULL ||
		(attr.send_cq = attr.recv_cq = weir_create_cq(device, 1, NULL, NULL)) == NULL ||
		(qp = weir_create_qp(pd, &attr)) == NULL || weir_create_flow(qp, &flow) == NULL)
		die("attaching");
	return qp;
}

/* Ethernet, IPv4 and TCP without options; checksums are made by weir. */
static void template_make(uint32_t size)
{
	static const uint8_t headers[HEADERS] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, /* IP */
		0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, /* TCP */
		0x13, 0x89, 0x13, 0x8a, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff};

	for (uint32_t i = 0; i < size; i++)
		template[i] = (uint8_t)i;
	memcpy(template, headers, HEADERS);
	template[16] = (uint8_t)((size - 14) >> 8);
	template[17] = (uint8_t)(size - 14);
}

static void send_burst(struct weir_qp *qp, const struct options *options, struct counts *counts)
{
	for (int i = 0; i < BURST; i++) {
		void *packet = weir_packet_alloc(qp, options->size);

		if (packet == NULL)
			break;
		memcpy(packet, template, options->size);
		while (weir_packet_send(qp, packet, options->size, options->mss) != 0)
			weir_flush(qp); /* as many as there is room for wait already */
		counts->packets++;
		counts->bytes += options->size;
	}
	weir_flush(qp);
}

static uint64_t sum_of(const uint8_t *bytes, uint32_t length)
{
	uint64_t sum = 0, word;

	for (uint32_t i = 0; i + 8 <= length; i += 8) {
		memcpy(&word, bytes + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static void receive_burst(struct weir_qp *qp, struct counts *counts)
{
	struct weir_packet parts[PARTS];
	int count = weir_receive(qp, parts, PARTS);

	if (count < 0)
		die("receiving");
	for (int i = 0; i < count; i++) {
		counts->packets += (parts[i].flags & WEIR_PACKET_MORE) == 0;
		counts->bytes += parts[i].length;
		counts->sum += sum_of(parts[i].data, parts[i].length);
	}
	weir_release(qp, count);
}

static void run(struct weir_qp *qp, const struct options *options)
{
	uint64_t start = clock_monotonic_ns(), now = start, first_ns = 0, elapsed_ns;
	struct counts counts = {0}, first = {0};
	double seconds;

	do {
		if (options->sends)
			send_burst(qp, options, &counts);
		else
			receive_burst(qp, &counts);
		now = clock_monotonic_ns();
		if (first_ns == 0 && now - start >= WARM_UP_NS) {
			first_ns = now;
			first = counts;
		}
		elapsed_ns = first_ns == 0 ? 0 : now - first_ns;
	} while (elapsed_ns < (uint64_t)(options->seconds * 1e9));
	seconds = (double)elapsed_ns / 1e9;
	printf("{\"packets_per_second\": %.0f, \"bits_per_second\": %.0f, \"mode\": \"%s\", "
	       "\"sum\": %llu}\n",
		(double)(counts.packets - first.packets) / seconds,
		(double)(counts.bytes - first.bytes) * 8 / seconds, weir_packet_mode(qp),
		(unsigned long long)counts.sum);
}

static bool parse(int argc, char **argv, struct options *options)
{
	if (argc < 2 || argc % 2 != 0 ||
		(strcmp(argv[1], "send") != 0 && strcmp(argv[1], "receive") != 0))
		return false;
	options->sends = argv[1][0] == 's';
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--port") == 0)
			options->port = argv[i + 1];
		else if (strcmp(argv[i], "--size") == 0)
			options->size = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--mss") == 0)
			options->mss = (uint16_t)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			options->seconds = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--cpu") == 0)
			options->cpu = atoi(argv[i + 1]);
		else
			return false;
	}
	return options->port != NULL && options->size >= HEADERS && options->size <= FRAME_MAX;
}

int main(int argc, char **argv)
{
	struct options options = {.size = 1514, .seconds = 1, .cpu = 1};
	struct weir_qp *qp;
	cpu_set_t set;

	if (!parse(argc, argv, &options)) {
		fprintf(stderr,
			"rings_packets send|receive --port NAME [--size N] [--mss M] "
			"[--seconds S] [--cpu C]\n");
		return 2;
	}
	CPU_ZERO(&set);
	CPU_SET(options.cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("rings_packets: CPU");
		return 1;
	}
	template_make(options.size);
	qp = attach(&options);
	run(qp, &options);
	return weir_close(qp->device);
}
