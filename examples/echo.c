/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends the packets of a port back to where they came from, with the Ethernet addresses swapped;
 * super-packets whole; in place where packets may be written, else by a copy.
 *
 *     weir run config/application.json
 *     build/examples/echo wan [CPU]
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir.h>

enum { BURST = 256, ADDRESS = 6 };

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

static void swap_addresses(uint8_t *frame)
{
	uint8_t address[ADDRESS];

	memcpy(address, frame, ADDRESS);
	memcpy(frame, frame + ADDRESS, ADDRESS);
	memcpy(frame + ADDRESS, address, ADDRESS);
}

/* The parts of one packet; 0: no room to send it. */
static int echo(struct weir_qp *qp, const struct weir_packet parts[], int count)
{
	uint32_t length = 0;
	uint8_t *copy;

	if (parts[0].flags & WEIR_PACKET_WRITABLE) {
		swap_addresses(parts[0].data);
		return weir_forward(qp, &parts[0]) == 0;
	}
	for (int i = 0; i < count; i++)
		length += parts[i].length;
	copy = weir_packet_alloc(qp, length);
	if (copy == NULL)
		return 0;
	for (int i = 0; i < count; copy += parts[i++].length)
		memcpy(copy, parts[i].data, parts[i].length);
	copy -= length;
	swap_addresses(copy);
	return weir_packet_send(qp, copy, length, parts[0].mss) == 0;
}

int main(int count, char **words)
{
	struct weir_qp_init_attr wanted = {
		.qp_type = WEIR_QPT_RAW_PACKET, .cap = {.max_recv_wr = 4096, .max_send_wr = 4096}};
	struct weir_flow_attr flow = {.port = count > 1 ? words[1] : "wan"};
	struct weir_device *device = weir_open(NULL);
	struct weir_packet packets[BURST];
	struct weir_pd *pd;
	struct weir_qp *qp;
	unsigned long echoed = 0, lost = 0;
	cpu_set_t cpus;

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	CPU_ZERO(&cpus);
	if (count > 2) {
		CPU_SET(atoi(words[2]), &cpus);
		sched_setaffinity(0, sizeof(cpus), &cpus);
	}
	if (device == NULL || (pd = weir_alloc_pd(device)) == NULL ||
		(wanted.send_cq = wanted.recv_cq = weir_create_cq(device, 1, NULL, NULL)) == NULL ||
		(qp = weir_create_qp(pd, &wanted)) == NULL || !weir_create_flow(qp, &flow)) {
		fprintf(stderr, "echo: %s\n", weir_error_text());
		return EXIT_FAILURE;
	}
	fprintf(stderr, "echo: packets of %s, %s\n", flow.port, weir_packet_mode(qp));
	while (!stop) {
		int received = weir_receive(qp, packets, BURST);

		if (received < 0) {
			fprintf(stderr, "echo: %s\n", weir_error_text());
			return EXIT_FAILURE;
		}
		for (int i = 0, end; i < received; i = end) {
			for (end = i + 1; packets[end - 1].flags & WEIR_PACKET_MORE;)
				end++;
			*(echo(qp, &packets[i], end - i) ? &echoed : &lost) += 1;
		}
		weir_release(qp, received);
		weir_flush(qp);
		if (received == 0)
			weir_packet_wait(qp, 100);
	}
	fprintf(stderr, "echo: %lu packets, %lu for which there was no room\n", echoed, lost);
	return weir_close(device) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
