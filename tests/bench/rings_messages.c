/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Message rate between two applications, one CPU each, as `rings_memif rate --payload` has it of
 * memif: the sender makes each message anew, 32 at a time, the receiver reads all of each.
 *
 *     rings_messages [--size N] [--seconds S] [--cpus A,B]      receiver's and sender's CPU
 *
 * Prints one JSON object: messages received a second. Attaches to the engine of
 * $WEIR_VERBS_SOCKET.
 */
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "rings_payload.h"
#include "verbs/weir.h"

enum { RECEIVES = 1024, SENDS = 256, SIGNAL_EVERY = 2 * PAYLOAD_BURST, SIZE_MAX_BYTES = 96 };
enum { WARM_UP_NS = 100000000, STEP_US = 1000 };

struct options {
	uint32_t size;
	double seconds;
	int cpus[2]; /* receiver's, sender's */
};

/* Both processes: their queue pairs' numbers, and how far they are. */
struct shared {
	uint32_t numbers[2], ready;
	uint64_t received __attribute__((aligned(64)));
	uint32_t stop __attribute__((aligned(64)));
};

struct end {
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_mr *mr;
	struct weir_cq *sent, *received;
	struct weir_qp *qp;
	uint8_t *memory;
};

static struct shared *shared;

static void die(const char *what)
{
	fprintf(stderr, "rings_messages: %s: %s\n", what, weir_error_text());
	exit(1);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("rings_messages: CPU");
		exit(1);
	}
}

static void wait_until(const uint32_t *word, uint32_t least)
{
	for (int i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < least; i++) {
		if (i == 10000) {
			fprintf(stderr, "rings_messages: the other side is not there\n");
			exit(1);
		}
		usleep(STEP_US);
	}
}

/* Opens its end, tells the number and connects to the other one's. */
static void end_open(struct end *end, int side)
{
	struct weir_qp_init_attr attr = {
		.cap = {SENDS, RECEIVES, 1, 1, SIZE_MAX_BYTES}, .qp_type = WEIR_QPT_RC};

	end->device = weir_open(NULL);
	if (end->device == NULL || (end->pd = weir_alloc_pd(end->device)) == NULL ||
		(end->memory = weir_alloc(end->device, RECEIVES * SIZE_MAX_BYTES, false)) == NULL ||
		(end->mr = weir_reg_mr(end->pd, end->memory, RECEIVES * SIZE_MAX_BYTES,
			 WEIR_ACCESS_LOCAL_WRITE)) == NULL ||
		(end->sent = weir_create_cq(end->device, SENDS, NULL, NULL)) == NULL ||
		(end->received = weir_create_cq(end->device, RECEIVES, NULL, NULL)) == NULL)
		die("opening");
	attr.send_cq = end->sent;
	attr.recv_cq = end->received;
	end->qp = weir_create_qp(end->pd, &attr);
	if (end->qp == NULL)
		die("queue pair");
	__atomic_store_n(&shared->numbers[side], end->qp->qp_num, __ATOMIC_RELEASE);
	wait_until(&shared->numbers[1 - side], 1);
	if (weir_connect_qp(end->qp, shared->numbers[1 - side]) != 0)
		die("connecting");
}

/* ---- the receiver ---- */

/* Posts as one list what the completions name. */
static void post_receives(struct end *end, uint32_t size, const struct weir_wc wc[], int count)
{
	struct weir_recv_wr list[PAYLOAD_BURST], *bad;
	struct weir_sge sge[PAYLOAD_BURST];

	for (int i = 0; i < count; i++) {
		sge[i] = (struct weir_sge){
			(uintptr_t)end->memory + wc[i].wr_id * size, size, end->mr->lkey};
		list[i] = (struct weir_recv_wr){
			wc[i].wr_id, i + 1 < count ? &list[i + 1] : NULL, &sge[i], 1};
	}
	if (weir_post_recv(end->qp, list, &bad) != 0)
		die("posting receives");
}

static void receive_all(const struct options *options)
{
	uint32_t size = options->size;
	struct weir_wc wc[PAYLOAD_BURST];
	struct end end = {0};
	uint64_t number = 0;
	int count;

	end_open(&end, 0);
	for (uint64_t i = 0; i < RECEIVES; i += PAYLOAD_BURST) {
		for (uint64_t j = 0; j < PAYLOAD_BURST; j++)
			wc[j].wr_id = i + j;
		post_receives(&end, size, wc, PAYLOAD_BURST);
	}
	__atomic_store_n(&shared->ready, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&shared->stop, __ATOMIC_RELAXED) == 0) {
		count = weir_poll_cq(end.received, PAYLOAD_BURST, wc);
		if (count < 0)
			die("polling");
		for (int i = 0; i < count; i++) {
			const uint8_t *message = end.memory + wc[i].wr_id * size;

			if (wc[i].status != WEIR_WC_SUCCESS ||
				payload_sum(message, size) != payload_expected(size, number)) {
				fprintf(stderr,
					"rings_messages: message %llu is not what was sent\n",
					(unsigned long long)number);
				exit(1);
			}
			number++;
		}
		if (count == 0)
			continue;
		post_receives(&end, size, wc, count);
		__atomic_store_n(&shared->received, number, __ATOMIC_RELEASE);
	}
	weir_close(end.device);
}

/* ---- the sender ---- */

static void post_burst(struct end *end, uint32_t size, uint64_t number)
{
	struct weir_send_wr list[PAYLOAD_BURST], *bad;
	struct weir_sge sge[PAYLOAD_BURST];

	for (uint64_t i = 0; i < PAYLOAD_BURST; i++) {
		uint8_t *message = end->memory + i * size;
		bool signaled = (number + i + 1) % SIGNAL_EVERY == 0;

		payload_write(message, size, number + i);
		sge[i] = (struct weir_sge){(uintptr_t)message, size, end->mr->lkey};
		list[i] = (struct weir_send_wr){.wr_id = number + i + 1,
			.next = i + 1 < PAYLOAD_BURST ? &list[i + 1] : NULL,
			.sg_list = &sge[i],
			.num_sge = 1,
			.opcode = WEIR_WR_SEND,
			.send_flags = WEIR_SEND_INLINE | (signaled ? WEIR_SEND_SIGNALED : 0)};
	}
	if (weir_post_send(end->qp, list, &bad) != 0)
		die("sending");
}

static uint64_t see_completed(struct end *end, uint64_t completed)
{
	struct weir_wc wc[PAYLOAD_BURST];
	int count = weir_poll_cq(end->sent, PAYLOAD_BURST, wc);

	if (count < 0)
		die("polling");
	for (int i = 0; i < count; i++) {
		if (wc[i].status != WEIR_WC_SUCCESS) {
			fprintf(stderr, "rings_messages: %s\n", weir_reason_text(wc[i].vendor_err));
			exit(1);
		}
		completed = wc[i].wr_id;
	}
	return completed;
}

static void send_all(const struct options *options)
{
	uint64_t start, now, first = 0, first_ns = 0, number = 0, completed = 0, last;
	uint64_t duration_ns = (uint64_t)(options->seconds * 1e9) + WARM_UP_NS;
	struct end end = {0};

	end_open(&end, 1);
	wait_until(&shared->ready, 1);
	/* With the first ones both sides ask the engine. */
	for (; number < SIGNAL_EVERY; number += PAYLOAD_BURST)
		post_burst(&end, options->size, number);
	while (__atomic_load_n(&shared->received, __ATOMIC_ACQUIRE) == 0)
		completed = see_completed(&end, completed);
	start = clock_monotonic_ns();
	do {
		for (int i = 0; i < 16; i++) {
			if (number + PAYLOAD_BURST - completed <= SENDS) {
				post_burst(&end, options->size, number);
				number += PAYLOAD_BURST;
			}
			completed = see_completed(&end, completed);
		}
		now = clock_monotonic_ns();
		if (first_ns == 0 && now - start >= WARM_UP_NS) {
			first_ns = now;
			first = __atomic_load_n(&shared->received, __ATOMIC_ACQUIRE);
		}
	} while (now - start < duration_ns);
	last = __atomic_load_n(&shared->received, __ATOMIC_ACQUIRE);
	printf("{\"messages_per_second\": %.0f, \"path\": \"%s\"}\n",
		(double)(last - first) * 1e9 / (double)(now - first_ns), weir_qp_path(end.qp));
	fflush(stdout);
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	weir_close(end.device);
}

static bool parse(int argc, char **argv, struct options *options)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--size") == 0)
			options->size = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			options->seconds = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--cpus") != 0 ||
			sscanf(argv[i + 1], "%d,%d", &options->cpus[0], &options->cpus[1]) != 2)
			return false;
	}
	return argc % 2 == 1 && options->size >= 8 && options->size <= SIZE_MAX_BYTES &&
		options->size % 8 == 0;
}

int main(int argc, char **argv)
{
	struct options options = {.size = 64, .seconds = 1, .cpus = {0, 1}};
	int receiver, status = 0;

	if (!parse(argc, argv, &options)) {
		fprintf(stderr, "rings_messages [--size N] [--seconds S] [--cpus A,B]\n");
		return 2;
	}
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	receiver = fork();
	if (receiver == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pin(options.cpus[0]);
		receive_all(&options);
		exit(0);
	}
	pin(options.cpus[1]);
	send_all(&options);
	waitpid(receiver, &status, 0);
	return status != 0;
}
