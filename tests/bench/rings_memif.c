/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's memif between two processes, one CPU each, for the comparison of rings.
 *
 *     rings_memif lat [--size N] [--iterations N] [--zero-copy] [--cpus A,B]   half round trips, ns
 *     rings_memif rate [--size N] [--seconds S] [--zero-copy] [--payload] [--cpus A,B]
 *
 * Prints one JSON object: half round trips in ns, or packets received a second. The rate is that of
 * a bare loop: nobody writes or reads the bytes, what does not fit is thrown away. With --payload
 * it is that of two applications: each message is made anew, none is lost, each is read. Zero copy:
 * the client's buffers are the shared memory (single-file segments, which needs hugepages or not as
 * EAL has them); the server still copies.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "rings_payload.h"

enum {
	BURST = PAYLOAD_BURST,
	RING = 1024,
	POOL = 16383,
	WARM_UP = 10000,
	ROOM = 2048 + RTE_PKTMBUF_HEADROOM
};

struct options {
	bool rate, zero_copy, payload;
	uint32_t size;
	uint64_t iterations;
	double seconds;
	int cpus[2]; /* server's, client's */
};

/* Both processes: what the server has received, and that the client is done. */
struct shared {
	uint64_t received;
	uint32_t stop, up;
};

static struct shared *shared;

static void die(const char *what, int code)
{
	fprintf(stderr, "rings_memif: %s: %s\n", what, rte_strerror(code < 0 ? -code : code));
	exit(1);
}

/* ---- the port ---- */

static bool have_hugepages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	unsigned free_pages = 0;

	if (file != NULL && fscanf(file, "%u", &free_pages) != 1)
		free_pages = 0;
	if (file != NULL)
		fclose(file);
	return free_pages >= 128;
}

static void start_eal(const struct options *options, bool server)
{
	char cpu[16], prefix[48];
	char *words[16];
	int count = 0;

	snprintf(cpu, sizeof(cpu), "%d", options->cpus[server ? 0 : 1]);
	snprintf(prefix, sizeof(prefix), "rings_memif_%d", (int)getpid());
	words[count++] = strdup("rings_memif");
	words[count++] = strdup("-l");
	words[count++] = cpu;
	words[count++] = strdup("--no-pci");
	words[count++] = strdup("--no-telemetry");
	words[count++] = strdup("--log-level=lib.*:error");
	words[count++] = strdup("--log-level=pmd.*:error");
	if (have_hugepages()) {
		words[count++] = strdup("--in-memory");
		words[count++] = strdup("--single-file-segments");
		words[count++] = strdup("-m");
		words[count++] = strdup("128");
	} else if (options->zero_copy) {
		die("zero copy needs 128 free hugepages of 2 MiB in each process", ENOMEM);
	} else {
		words[count++] = strdup("--no-huge");
		words[count++] = strdup("-m");
		words[count++] = strdup("128");
	}
	if (rte_eal_init(count, words) < 0)
		die("EAL", rte_errno);
}

static uint16_t start_port(
	const struct options *options, const char *socket, bool server, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	char arguments[256];
	uint16_t port = 0;
	int ret;

	/* zero-copy is the client's: its memory is shared. */
	snprintf(arguments, sizeof(arguments),
		"role=%s,id=0,socket=%s,socket-abstract=no,rsize=10,bsize=2048%s",
		server ? "server" : "client", socket,
		!server && options->zero_copy ? ",zero-copy=yes" : "");
	ret = rte_eal_hotplug_add("vdev", "net_memif0", arguments);
	if (ret != 0)
		die("net_memif", ret);
	if (rte_eth_dev_get_port_by_name("net_memif0", &port) != 0)
		die("port", ENODEV);
	if ((ret = rte_eth_dev_configure(port, 1, 1, &conf)) != 0 ||
		(ret = rte_eth_rx_queue_setup(port, 0, RING, 0, NULL, pool)) != 0 ||
		(ret = rte_eth_tx_queue_setup(port, 0, RING, 0, NULL)) != 0 ||
		(ret = rte_eth_dev_start(port)) != 0)
		die("starting the port", ret);
	return port;
}

static void wait_for_link(uint16_t port)
{
	struct rte_eth_link link = {0};

	for (int i = 0; i < 5000; i++) {
		rte_eth_link_get_nowait(port, &link);
		if (link.link_status == RTE_ETH_LINK_UP)
			return;
		usleep(1000);
	}
	die("the other side did not connect", ETIMEDOUT);
}

static struct rte_mempool *make_pool(void)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("packets", POOL, 256, 0, ROOM, SOCKET_ID_ANY);

	if (pool == NULL)
		die("pool", rte_errno);
	return pool;
}

static struct rte_mbuf *make_packet(struct rte_mempool *pool, uint32_t size)
{
	struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);

	if (packet != NULL)
		packet->pkt_len = packet->data_len = (uint16_t)size;
	return packet;
}

/* ---- the server: sends packets back, or counts them ---- */

/* Reads all of each; `number` is the first one's. */
static void read_payloads(
	const struct options *options, struct rte_mbuf *const packets[], int count, uint64_t number)
{
	uint32_t size = options->size;

	for (int i = 0; i < count; i++)
		if (payload_sum(rte_pktmbuf_mtod(packets[i], const void *), size) !=
			payload_expected(size, number + (uint64_t)i))
			die("a message is not what was sent", EIO);
}

static void serve(const struct options *options, uint16_t port)
{
	struct rte_mbuf *packets[BURST];
	uint16_t count, sent;

	while (__atomic_load_n(&shared->stop, __ATOMIC_RELAXED) == 0) {
		count = rte_eth_rx_burst(port, 0, packets, BURST);
		if (count == 0)
			continue;
		if (options->rate) {
			if (options->payload)
				read_payloads(options, packets, count, shared->received);
			rte_pktmbuf_free_bulk(packets, count);
			__atomic_store_n(
				&shared->received, shared->received + count, __ATOMIC_RELEASE);
			continue;
		}
		for (sent = 0; sent < count;)
			sent += rte_eth_tx_burst(port, 0, packets + sent, (uint16_t)(count - sent));
	}
}

/* ---- the client ---- */

static int compare_values(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void print_latency(uint64_t *samples, uint64_t count)
{
	static const double points[] = {0.5, 0.99, 0.999, 0.9999};
	double ns = 1e9 / (double)rte_get_tsc_hz() / 2;

	qsort(samples, count, sizeof(*samples), compare_values);
	printf("{\"min\": %.1f", (double)samples[0] * ns);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf(", \"%g\": %.1f", points[i] * 100,
			(double)samples[(uint64_t)((double)(count - 1) * points[i])] * ns);
	printf(", \"max\": %.1f}\n", (double)samples[count - 1] * ns);
}

static void latency(const struct options *options, uint16_t port, struct rte_mempool *pool)
{
	uint64_t *samples = calloc(options->iterations, sizeof(*samples));
	struct rte_mbuf *packet = make_packet(pool, options->size), *back;
	uint64_t begin;

	if (samples == NULL || packet == NULL)
		die("memory", ENOMEM);
	memset(samples, 1, options->iterations * sizeof(*samples));
	for (uint64_t i = 0; i < options->iterations + WARM_UP; i++) {
		begin = rte_rdtsc();
		while (rte_eth_tx_burst(port, 0, &packet, 1) == 0)
			;
		while (rte_eth_rx_burst(port, 0, &back, 1) == 0)
			;
		if (i >= WARM_UP)
			samples[i - WARM_UP] = rte_rdtsc() - begin;
		packet = back; /* what came back is what is sent next */
	}
	print_latency(samples, options->iterations);
	free(samples);
}

/* As many as there is room for; what is left is freed, or waits for room. Returns how many. */
static uint16_t send_burst(
	const struct options *options, uint16_t port, struct rte_mempool *pool, uint64_t number)
{
	struct rte_mbuf *packets[BURST];
	uint16_t sent;

	if (rte_pktmbuf_alloc_bulk(pool, packets, BURST) != 0)
		return rte_eth_tx_burst(port, 0, packets, 0); /* it frees what has gone */
	for (uint64_t i = 0; i < BURST; i++) {
		packets[i]->pkt_len = packets[i]->data_len = (uint16_t)options->size;
		if (options->payload)
			payload_write(
				rte_pktmbuf_mtod(packets[i], void *), options->size, number + i);
	}
	sent = rte_eth_tx_burst(port, 0, packets, BURST);
	while (options->payload && sent < BURST)
		sent += rte_eth_tx_burst(port, 0, packets + sent, (uint16_t)(BURST - sent));
	if (sent < BURST)
		rte_pktmbuf_free_bulk(packets + sent, (unsigned)(BURST - sent));
	return sent;
}

static void rate(const struct options *options, uint16_t port, struct rte_mempool *pool)
{
	uint64_t hz = rte_get_tsc_hz(), start = rte_rdtsc(), first = 0, first_tsc = start, now;
	uint64_t end = start + (uint64_t)((options->seconds + 0.1) * (double)hz), number = 0;

	while ((now = rte_rdtsc()) < end) {
		/* The first tenth of a second is not counted. */
		if (first == 0 && now - start > hz / 10) {
			first = __atomic_load_n(&shared->received, __ATOMIC_ACQUIRE);
			first_tsc = now;
		}
		number += send_burst(options, port, pool, number);
	}
	printf("{\"packets_per_second\": %.0f}\n",
		(double)(__atomic_load_n(&shared->received, __ATOMIC_ACQUIRE) - first) *
			(double)hz / (double)(now - first_tsc));
}

/* ---- both ---- */

static int side(const struct options *options, const char *socket, bool server)
{
	struct rte_mempool *pool;
	uint16_t port;

	if (!server) /* the server listens first */
		while (__atomic_load_n(&shared->up, __ATOMIC_ACQUIRE) == 0)
			usleep(1000);
	start_eal(options, server);
	pool = make_pool();
	port = start_port(options, socket, server, pool);
	__atomic_store_n(&shared->up, 1, __ATOMIC_RELEASE);
	if (server) {
		serve(options, port);
		return 0;
	}
	wait_for_link(port);
	(options->rate ? rate : latency)(options, port, pool);
	fflush(stdout);
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	return 0;
}

static int parse(int argc, char **argv, struct options *options)
{
	if (argc < 2 || (strcmp(argv[1], "lat") != 0 && strcmp(argv[1], "rate") != 0))
		return -EINVAL;
	options->rate = argv[1][0] == 'r';
	for (int i = 2; i < argc; i++) {
		bool last = i + 1 == argc;

		if (strcmp(argv[i], "--zero-copy") == 0)
			options->zero_copy = true;
		else if (strcmp(argv[i], "--payload") == 0)
			options->payload = true;
		else if (last)
			return -EINVAL;
		else if (strcmp(argv[i], "--size") == 0)
			options->size = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--iterations") == 0)
			options->iterations = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			options->seconds = strtod(argv[++i], NULL);
		else if (strcmp(argv[i], "--cpus") != 0 ||
			sscanf(argv[++i], "%d,%d", &options->cpus[0], &options->cpus[1]) != 2)
			return -EINVAL;
	}
	return options->size >= 1 && options->size <= 2048 &&
			(!options->payload || options->size % 8 == 0) && options->iterations > 0
		? 0
		: -EINVAL;
}

int main(int argc, char **argv)
{
	struct options options = {.size = 64, .iterations = 200000, .seconds = 1, .cpus = {0, 1}};
	char socket[64];
	int server, status = 0, result;

	if (parse(argc, argv, &options) != 0) {
		fprintf(stderr,
			"rings_memif lat|rate [--size N] [--iterations N] [--seconds S] "
			"[--zero-copy] [--payload] [--cpus A,B]\n");
		return 2;
	}
	snprintf(socket, sizeof(socket), "/tmp/rings_memif_%d.sock", (int)getpid());
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	/* EAL is started after the fork: it has threads and memory of its own. */
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(side(&options, socket, true));
	}
	result = side(&options, socket, false);
	waitpid(server, &status, 0);
	unlink(socket);
	return result != 0 || status != 0;
}
