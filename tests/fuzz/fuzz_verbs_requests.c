/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queue memory as two hostile applications may leave it, on the engine's path: the input lies over
 * headers, receives, inboxes, requests and outcomes, and over the entries of a shared receive
 * queue; then workers work. If the input says so, another thread scribbles on all of it meanwhile.
 * No byte outside the regions may change, and work must come to an end. Applications and regions
 * stay from input to input, unless the server has thrown one out; queue pairs are made anew for
 * each.
 *
 * An input: a byte of flags, then pieces: what (1), offset (2), length (1), bytes.
 */
#include <pthread.h>

#include "../unit/verbs/fake_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES = 3 * 4096, REGION_OFFSET = 5000, REGION_BYTES = 3000, ROUNDS_MAX = 2000 };
enum { RENEW_EVERY = 64 }; /* inputs */
enum { CANARY = 0xc5, SRQ_DEPTH = 8, SRQ_SEGMENTS = 2 };

static struct fake_server fake;
static struct fake_client clients[2];
static struct fake_queue queues[2];
static struct fake_region regions[2];
static bool here[2]; /* the clients */
static struct verbs_mapping srq_memory;
static uint32_t srq_handle;
static int srq_fd;
static uint32_t scribbling;

/* What it compares is nobody's input: not counted. */
__attribute__((no_sanitize("coverage"))) static void *scribble(void *argument)
{
	uint32_t random = 1;

	(void)argument;
	while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED) != 0) {
		struct verbs_mapping *memory;

		random = random * 1664525 + 1013904223;
		memory = &queues[random >> 31].memory;
		memory->base[(random >> 8) % memory->bytes & ~(size_t)3] ^= 1u << (random >> 5 & 7);
	}
	return NULL;
}

static void region_make(struct fake_client *client, struct fake_region *region)
{
	union verbs_message message = {.reg_mr = {.pd = client->pd,
					       .access = 15,
					       .address = 0x100000,
					       .bytes = REGION_BYTES,
					       .fd_offset = REGION_OFFSET}};
	struct error error = {0};

	region->fd = verbs_memory_create("region", FILE_BYTES, false, &region->memory, &error);
	if (region->fd < 0 ||
		fake_call(client, VERBS_REG_MR, &message, &region->fd, 1, NULL, NULL) != 0)
		fake_die("region");
	region->key = message.handle_answer.handle;
}

static uint32_t srq_make(struct fake_client *client)
{
	union verbs_message message = {.create_srq = {
					       .pd = client->pd,
					       .depth = SRQ_DEPTH,
					       .segments = SRQ_SEGMENTS,
				       }};
	struct error error = {0};

	srq_fd = verbs_memory_create(
		"srq", verbs_srq_bytes(SRQ_DEPTH, SRQ_SEGMENTS), false, &srq_memory, &error);
	if (srq_fd < 0 ||
		fake_call(client, VERBS_CREATE_SRQ, &message, &srq_fd, 1, NULL, NULL) != 0)
		fake_die("srq");
	return srq_handle = message.handle_answer.handle;
}

static void client_drop(unsigned i)
{
	if (!here[i])
		return;
	fake_client_drop(&clients[i]);
	fake_region_drop(&regions[i]);
	here[i] = false;
}

/* One that is still there, too, if it was not thrown out meanwhile. */
static void client_make(unsigned i)
{
	int rc = -ECONNRESET;

	if (here[i])
		rc = fake_destroy(&clients[i], VERBS_DESTROY_QP, 0); /* there is none: an answer */
	if (rc < 0) {
		client_drop(i);
		verbs_server_step(fake.server);
		fake_client_start(&fake, &clients[i]);
		region_make(&clients[i], &regions[i]);
		here[i] = true;
	}
	memset(regions[i].memory.base, CANARY, FILE_BYTES);
}

static void all_make(uint32_t type, bool srq)
{
	for (unsigned i = 0; i < 2; i++) {
		client_make(i);
		queues[i].srq = srq && i == 1 ? srq_make(&clients[i]) : 0;
		if (fake_queue_create_on(&clients[i], type, queues[i].srq, &queues[i]) != 0)
			fake_die("queue");
	}
	for (unsigned i = 0; i < 2; i++)
		if (fake_connect(&queues[i], type == WEIR_QPT_UD ? 0 : queues[1 - i].number) != 0)
			fake_die("connect");
}

/* What the server does not take back from a client goes with the client. */
static void all_drop(bool clients_too)
{
	for (unsigned i = 0; i < 2; i++) {
		bool all = clients_too ||
			fake_destroy(&clients[i], VERBS_DESTROY_QP, queues[i].number) != 0;

		if (!all && srq_fd >= 0 && i == 1)
			all = fake_destroy(&clients[i], VERBS_DESTROY_SRQ, srq_handle) != 0;
		if (all)
			client_drop(i);
		fake_queue_drop(&queues[i]);
	}
	if (srq_fd >= 0) {
		verbs_unmap(&srq_memory);
		close(srq_fd);
	}
	srq_fd = -1;
}

/* Good receives and requests, to be spoiled. */
static void fill(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct verbs_queue *queue = &queues[i].queue;

		for (uint32_t j = 0; j < queue->geometry.receive_depth; j++) {
			struct verbs_receive *receive = (struct verbs_receive *)(queue->receives +
				j * queue->receive_stride);

			receive->bytes = receive->segments[0].bytes = 1000;
			receive->segment_count = 1;
			receive->segments[0].address = 0x100000 + j * 100;
			receive->segments[0].key = regions[i].key;
		}
		queue->header->received = queue->geometry.receive_depth;
		for (uint32_t j = 0; j < queue->geometry.request_depth; j++) {
			struct verbs_request *request = fake_request(&queues[i]);

			request->opcode = (uint8_t)(j % 7);
			request->remote_address = 0x100000 + 8ull * j;
			request->remote_key = regions[1 - i].key;
			request->remote_queue = queues[1 - i].number;
			request->remote_qkey = 7;
			request->segment_count = 1;
			request->bytes = request->segments[0].bytes = 8 + 100 * j;
			request->segments[0].address = 0x100000;
			request->segments[0].key = regions[i].key;
			fake_post(&queues[i], request);
		}
	}
	if (srq_fd < 0)
		return;
	for (uint32_t j = 0; j < SRQ_DEPTH; j++) {
		struct verbs_receive *receive = (struct verbs_receive *)(srq_memory.base + 4096 +
			j * verbs_receive_stride(SRQ_SEGMENTS));

		receive->bytes = receive->segments[0].bytes = 1000;
		receive->segment_count = 1;
		receive->segments[0].address = 0x100000;
		receive->segments[0].key = regions[1].key;
		receive->tag = j;
		receive->claim = j + 1;
	}
}

static size_t spoil(const uint8_t *data, size_t size)
{
	unsigned what = data[0] % 13, bytes = data[3];
	size_t offset = data[1] | (size_t)data[2] << 8, room;
	struct fake_queue *queue = &queues[what & 1];
	struct verbs_queue_places places = verbs_queue_places(&queue->queue.geometry);
	const size_t parts[] = {0, places.sizes, places.receives, places.inbox, places.requests,
		places.outcomes, places.total_bytes};
	uint8_t *base = queue->memory.base + parts[what >> 1];

	room = what == 12  ? (srq_fd < 0 ? 0 : srq_memory.bytes)
		: what < 2 ? sizeof(struct verbs_queue_header)
			   : parts[(what >> 1) + 1] - parts[what >> 1];
	if (what == 12)
		base = srq_memory.base;
	if (bytes > size - 4)
		bytes = (unsigned)(size - 4);
	for (unsigned i = 0; i < bytes && room > 0; i++)
		base[(offset + i) % room] ^= data[4 + i];
	return 4 + bytes;
}

static void work(void)
{
	unsigned rounds = 0;

	while (verbs_server_work(fake.server, 0) + verbs_server_work(fake.server, 1) > 0)
		if (++rounds > ROUNDS_MAX && __atomic_load_n(&scribbling, __ATOMIC_RELAXED) == 0)
			abort(); /* requests are few: it goes in circles */
		else if (rounds > ROUNDS_MAX)
			break;
}

static void check(void)
{
	static uint8_t canary[FILE_BYTES];

	memset(canary, CANARY, sizeof(canary));
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *bytes = regions[i].memory.base;
		size_t end = REGION_OFFSET + REGION_BYTES;

		if (memcmp(bytes, canary, REGION_OFFSET) != 0 ||
			memcmp(bytes + end, canary, FILE_BYTES - end) != 0)
			abort();
	}
}

/* Pipes are those of the sanitizers' symbolizer, which comes when it likes. */
static unsigned open_fds(void)
{
	unsigned count = 0;
	char path[64], to[16];

	for (int fd = 0; fd < 128; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		count += readlink(path, to, sizeof(to)) > 4 && memcmp(to, "pipe", 4) != 0;
	}
	return count;
}

static void work_disturbed(void)
{
	pthread_t thread;

	scribbling = 1;
	if (pthread_create(&thread, NULL, scribble, NULL) != 0)
		fake_die("pthread_create");
	work();
	__atomic_store_n(&scribbling, 0, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t types[] = {WEIR_QPT_RC, WEIR_QPT_UD, WEIR_QPT_UC, WEIR_QPT_RC};
	static unsigned before, inputs;
	bool renew;
	uint8_t flags;

	if (size == 0)
		return 0;
	if (fake.server == NULL) {
		fake_server_start(&fake, fake_config(VERBS_POLICY_ENGINE), NULL, NULL);
		srq_fd = -1;
		before = open_fds();
	}
	flags = data[0];
	renew = ++inputs % RENEW_EVERY == 0;
	all_make(types[flags & 3], (flags & 4) != 0);
	fill();
	data++;
	size--;
	while (size >= 4) {
		size_t taken = spoil(data, size);

		data += taken;
		size -= taken;
		if ((flags & 8) != 0)
			work();
	}
	if (flags >> 4 == 15)
		work_disturbed();
	work();
	if ((flags & 16) != 0) { /* as another engine would go on */
		fake_modify(&queues[0], WEIR_QPS_RESET, 0, 0);
		fake_modify(&queues[0], WEIR_QPS_RTS, queues[1].number, 1);
		work();
	}
	check();
	all_drop(renew);
	verbs_server_step(fake.server);
	if (renew && open_fds() != before)
		abort();
	return 0;
}
