/* SPDX-License-Identifier: BSD-3-Clause */
/* Raw-packet queue pairs: what reaches the engine was checked, and all of it is taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"
#include "verbs/packet_queue.h"
#include "verbs/server/state.h"

static struct { /* what the engine has */
	unsigned queues, flows, removals;
	const struct verbs_server *server;
	struct verbs_raw_queue last;
	bool refuses;
} engine;

static int attach(void *argument, const struct verbs_raw_queue *queue, struct error *error)
{
	assert_ptr_equal(argument, &engine);
	if (engine.refuses)
		return error_set(error, EAGAIN, "not now");
	engine.last = *queue;
	engine.queues++;
	((uint8_t *)queue->memory)[queue->memory_bytes - 1] = 1;
	return 0;
}

static void detach(void *argument, uint32_t number)
{
	(void)argument;
	assert_int_equal(number, engine.last.number);
	assert_int_equal(engine.server->stop_depth, 0);
	engine.queues--;
	engine.flows = 0;
}

static int flow_add(void *argument, uint32_t number, const struct verbs_create_flow *flow,
	uint32_t handle, struct error *error)
{
	(void)argument;
	(void)handle;
	assert_int_equal(number, engine.last.number);
	if (strcmp(flow->port, "wan") != 0)
		return error_set(error, ENODEV, "there is no port %s", flow->port);
	engine.flows++;
	return 0;
}

static void flow_remove(void *argument, uint32_t number, uint32_t handle)
{
	(void)argument;
	(void)number;
	(void)handle;
	engine.flows--;
	engine.removals++;
}

static int packets(void *argument, uint32_t number, uint32_t part,
	struct verbs_get_packets_answer *ret_answer, int *ret_fd, struct error *error)
{
	(void)argument;
	(void)number;
	(void)error;
	ret_answer->parts = 1 + part;
	*ret_fd = part == 0 ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

static const struct verbs_server_raw raw = {attach, detach, flow_add, flow_remove, packets};

static int raw_create(
	struct fake_client *client, uint32_t depth, uint64_t area, int event_fd, uint32_t *ret)
{
	union verbs_message message = {.create_raw = {.pd = client->pd,
					       .receive_depth = depth,
					       .send_depth = 64,
					       .area_bytes = area}};
	struct verbs_mapping mapping;
	struct error error;
	int fds[] = {verbs_memory_create("packets", 4 << 20, false, &mapping, &error), event_fd};
	int rc = fake_call(
		client, VERBS_CREATE_RAW, &message, fds, event_fd < 0 ? 1 : 2, NULL, NULL);

	*ret = message.handle_answer.handle;
	verbs_unmap(&mapping);
	close(fds[0]);
	return rc;
}

static int flow_create(struct fake_client *client, uint32_t queue, const char *port)
{
	union verbs_message message = {.create_flow = {.queue = queue}};

	memcpy(message.create_flow.port, port, strnlen(port, sizeof(message.create_flow.port)));
	return fake_call(client, VERBS_CREATE_FLOW, &message, NULL, 0, NULL, NULL);
}

static void test_raw_queue_pairs(void **state)
{
	union verbs_message message = {.get_packets = {.part = 3}};
	unsigned before = fake_open_fds();
	struct fake_server fake;
	struct fake_client client;
	uint32_t queue, none;
	char endless[65];

	(void)state;
	memset(endless, 'x', sizeof(endless));
	endless[64] = '\0';
	fake_server_start(&fake, fake_config(VERBS_POLICY_AUTO), &raw, &engine);
	engine.server = fake.server;
	fake_client_start(&fake, &client);
	assert_int_equal(raw_create(&client, 63, 1 << 20, -1, &none), EINVAL);
	assert_int_equal(raw_create(&client, 64, 1 << 30, -1, &none), ENOMEM);
	engine.refuses = true;
	assert_int_equal(raw_create(&client, 64, 1 << 20, -1, &none), EAGAIN);
	engine.refuses = false;
	assert_int_equal(raw_create(&client, 64, 1 << 20, -1, &queue), 0);
	assert_int_equal(engine.queues, 1);
	assert_int_equal(engine.last.number, queue);
	assert_true(engine.last.trusted);
	assert_int_equal(
		engine.last.memory_bytes, verbs_packet_places(64, 64, 1 << 20).total_bytes);
	assert_int_equal(flow_create(&client, queue, "lan"), ENODEV);
	assert_int_equal(flow_create(&client, queue, endless), EINVAL);
	assert_int_equal(flow_create(&client, queue + 1, "wan"), EINVAL);
	assert_int_equal(flow_create(&client, queue, "wan"), 0);
	assert_int_equal(flow_create(&client, queue, "wan"), 0);
	assert_int_equal(engine.flows, 2);
	assert_int_equal(fake_destroy(&client, VERBS_DESTROY_FLOW, 99), EINVAL);
	message.get_packets.queue = queue;
	assert_int_equal(fake_call(&client, VERBS_GET_PACKETS, &message, NULL, 0, NULL, NULL), 0);
	assert_int_equal(message.get_packets_answer.parts, 4);
	fake_client_drop(&client);
	verbs_server_step(fake.server);
	assert_int_equal(engine.queues, 0);
	assert_int_equal(engine.flows, 0);
	assert_int_equal(engine.removals, 0); /* all at once */
	verbs_server_destroy(fake.server);
	assert_int_equal(fake_open_fds(), before);
}

/* Its eventfd blocks and is full: who rings it does not stand still. */
static void test_ringing_never_waits(void **state)
{
	int trap = eventfd(0, EFD_CLOEXEC);
	uint64_t count = UINT64_MAX - 1;
	struct fake_server fake;
	struct fake_client client;
	uint32_t queue;

	(void)state;
	fake_server_start(&fake, fake_config(VERBS_POLICY_AUTO), &raw, &engine);
	engine.server = fake.server;
	fake_client_start(&fake, &client);
	assert_int_equal(raw_create(&client, 64, 1 << 20, -1, &queue), 0);
	assert_null(engine.last.ring);
	assert_int_equal(fake_destroy(&client, VERBS_DESTROY_QP, queue), 0);
	fake.server->connections->trusted = false;
	assert_int_equal(raw_create(&client, 64, 1 << 20, trap, &queue), 0);
	engine.last.ring(engine.last.argument);
	assert_int_equal(read(trap, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 1);
	count = UINT64_MAX - 1;
	assert_int_equal(write(trap, &count, sizeof(count)), sizeof(count));
	engine.last.ring(engine.last.argument);
	fake_client_drop(&client);
	verbs_server_step(fake.server);
	verbs_server_destroy(fake.server);
	close(trap);
}

/* It scribbled over its descriptors: it is told why it is on its own now. */
static void test_who_breaks_rules_is_sent_away(void **state)
{
	struct fake_server fake;
	struct fake_client client, other;
	uint32_t queue;

	(void)state;
	fake_server_start(&fake, fake_config(VERBS_POLICY_AUTO), &raw, &engine);
	engine.server = fake.server;
	fake_client_start(&fake, &other);
	fake_client_start(&fake, &client);
	assert_int_equal(raw_create(&client, 64, 1 << 20, -1, &queue), 0);
	assert_int_equal(flow_create(&client, queue, "wan"), 0);
	engine.last.broke(engine.last.argument, VERBS_REASON_BAD_SEQUENCE);
	verbs_server_step(fake.server);
	assert_int_equal(engine.queues, 0);
	assert_int_equal(engine.flows, 0);
	assert_int_equal(fake_events(&client), 1);
	assert_int_equal(client.event.event.event, VERBS_EVENT_KICKED);
	assert_int_equal(client.event.event.reason, VERBS_REASON_BAD_SEQUENCE);
	assert_int_equal(fake.server->connection_count, 1);
	assert_int_equal(fake_events(&other), 0);
	fake_client_drop(&client);
	fake_client_drop(&other);
	verbs_server_step(fake.server);
	verbs_server_destroy(fake.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_raw_queue_pairs),
		cmocka_unit_test(test_ringing_never_waits),
		cmocka_unit_test(test_who_breaks_rules_is_sent_away)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
