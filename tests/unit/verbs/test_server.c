/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections and what they own: limits, handles, whom they may see, and that all of it is gone
 * with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fake_client.h"

static struct fake_server fake;
static unsigned fds_before;

static int setup_policy(enum verbs_policy policy)
{
	fds_before = fake_open_fds();
	fake_server_start(&fake, fake_config(policy), NULL, NULL);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	return setup_policy(VERBS_POLICY_AUTO);
}

static int setup_engine(void **state)
{
	(void)state;
	return setup_policy(VERBS_POLICY_ENGINE);
}

/* Nothing is left of anybody. */
static int teardown(void **state)
{
	(void)state;
	verbs_server_destroy(fake.server);
	assert_int_equal(access(fake.path, F_OK), -1);
	assert_int_equal(fake_open_fds(), fds_before);
	return 0;
}

static struct verbs_server_view view(void)
{
	struct verbs_server_view seen, counts;

	verbs_server_step(fake.server);
	assert_int_equal(verbs_server_view(fake.server, &seen), 0);
	counts = seen;
	verbs_server_view_free(&seen);
	return counts;
}

static void test_names_are_for_terminals(void **state)
{
	struct verbs_server_view seen;
	struct fake_client client;

	(void)state;
	fake_client_open(&fake, &client);
	assert_int_equal(fake_hello_as(&client, "e\x1b[2J\n\xffx"), 0);
	verbs_server_step(fake.server);
	assert_int_equal(verbs_server_view(fake.server, &seen), 0);
	assert_string_equal(seen.connections[0].name, "e?[2J??x");
	verbs_server_view_free(&seen);
	fake_client_drop(&client);
	verbs_server_step(fake.server);
}

static void test_hello(void **state)
{
	struct fake_client client;
	struct stat status;

	(void)state;
	assert_int_equal(stat(fake.path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0660);
	fake_client_open(&fake, &client);
	assert_int_equal(fake_hello(&client), 0);
	assert_true(fcntl(client.doorbell, F_GETFL) & O_NONBLOCK);
	assert_int_equal(view().connection_count, 1);
	fake_client_drop(&client);
	assert_int_equal(view().connection_count, 0);
	assert_int_equal(view().connections_ever, 1);
	assert_int_equal(view().died, 0);
}

static void test_an_other_version_is_told(void **state)
{
	union verbs_message message = {.hello = {.version = 99}};
	struct fake_client client;
	struct verbs_mapping mapping;
	struct error error;
	int fd = verbs_memory_create("keys", sizeof(struct verbs_keys), false, &mapping, &error);

	(void)state;
	fake_client_open(&fake, &client);
	assert_int_equal(
		fake_call(&client, VERBS_HELLO, &message, &fd, 1, NULL, NULL), EPROTONOSUPPORT);
	assert_non_null(strstr(message.answer.text, "version"));
	fake_client_drop(&client);
	verbs_unmap(&mapping);
	close(fd);
	verbs_server_step(fake.server);
}

/* Ends with being kicked for `reason`. */
static void assert_kicked(struct fake_client *client, uint32_t reason)
{
	struct verbs_server_view seen;
	union verbs_message message;
	int fds[VERBS_FDS_MAX];
	unsigned count;

	verbs_server_step(fake.server);
	if (fake_events(client) > 0 || client->events > 0) {
		assert_int_equal(client->event.event.event, VERBS_EVENT_KICKED);
		assert_int_equal(client->event.event.reason, reason);
	}
	assert_int_equal(verbs_message_receive(client->socket, &message, fds, &count), -ECONNRESET);
	seen = view();
	assert_int_equal(seen.connection_count, 0);
	assert_int_equal(seen.kicked, 1);
	assert_int_equal(seen.last_reason, reason);
}

static void test_nonsense_is_kicked(void **state)
{
	union verbs_message message = {.head = {VERBS_ALLOC_PD, sizeof(struct verbs_alloc_pd), 1}};
	struct fake_client client;

	(void)state;
	fake_client_open(&fake, &client);
	/* before HELLO */
	assert_int_equal(verbs_message_send(client.socket, &message, NULL, 0), 0);
	assert_kicked(&client, VERBS_REASON_BAD_MESSAGE);
	fake_client_drop(&client);
}

static void test_a_wrong_length_is_kicked(void **state)
{
	union verbs_message message = {
		.head = {VERBS_ALLOC_PD, sizeof(struct verbs_alloc_pd) + 4, 9}};
	struct fake_client client;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(verbs_message_send(client.socket, &message, NULL, 0), 0);
	assert_kicked(&client, VERBS_REASON_BAD_MESSAGE);
	fake_client_drop(&client);
}

static void test_descriptors_nobody_asked_for_are_kicked(void **state)
{
	union verbs_message message = {.head = {VERBS_ALLOC_PD, sizeof(struct verbs_alloc_pd), 9}};
	struct fake_client client;
	int fd = 0;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(verbs_message_send(client.socket, &message, &fd, 1), 0);
	assert_kicked(&client, VERBS_REASON_BAD_MESSAGE);
	fake_client_drop(&client);
}

static void test_queue_memory_that_can_shrink_is_kicked(void **state)
{
	union verbs_message message = {.create_qp = {.type = WEIR_QPT_RC}};
	struct fake_client client;
	int fd = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	message.create_qp.pd = client.pd;
	message.create_qp.geometry = *fake_geometry();
	fake_call(&client, VERBS_CREATE_QP, &message, &fd, 1, NULL, NULL);
	assert_kicked(&client, VERBS_REASON_BAD_MEMORY);
	close(fd);
	fake_client_drop(&client);
}

static void test_a_header_that_lies_is_kicked(void **state)
{
	struct fake_client client;
	struct fake_queue queue;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(fake_queue_create(&client, WEIR_QPT_RC, &queue), 0);
	queue.queue.header->inbox_depth *= 2;
	assert_int_equal(fake_modify(&queue, WEIR_QPS_INIT, 0, 0), 0);
	fake_modify(&queue, WEIR_QPS_RTR, 5, 0);
	assert_kicked(&client, VERBS_REASON_BAD_COOKIE);
	fake_queue_drop(&queue);
	fake_client_drop(&client);
}

static void test_domains(void **state)
{
	struct fake_client client;
	struct fake_region region;
	int rc;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(client.pd, 1);
	assert_int_equal(fake_handle(&client, VERBS_ALLOC_PD, 3, &rc), 3);
	fake_handle(&client, VERBS_ALLOC_PD, 3, &rc);
	assert_int_equal(rc, EBUSY);
	assert_int_equal(fake_handle(&client, VERBS_ALLOC_PD, 0, &rc), 2);
	assert_int_equal(fake_handle(&client, VERBS_ALLOC_PD, 0, &rc), 4);
	fake_handle(&client, VERBS_ALLOC_PD, 0, &rc);
	assert_int_equal(rc, ENOMEM);
	assert_int_equal(fake_reg(&client, 4096, 15, 0, &region), 0);
	assert_int_equal(fake_destroy(&client, VERBS_DEALLOC_PD, client.pd), EBUSY);
	assert_int_equal(fake_destroy(&client, VERBS_DEALLOC_PD, 2), 0);
	assert_int_equal(fake_destroy(&client, VERBS_DEALLOC_PD, 2), EINVAL);
	fake_region_drop(&region);
	fake_client_drop(&client);
	assert_int_equal(view().died, 1);
}

static void test_keys_are_not_used_again_soon(void **state)
{
	struct fake_region regions[9];
	struct fake_client client;
	uint32_t first;

	(void)state;
	fake_client_start(&fake, &client);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(fake_reg(&client, 4096, 15, 0, &regions[i]), 0);
		assert_int_not_equal(regions[i].key, 0);
	}
	assert_int_equal(fake_reg(&client, 4096, 15, 0, &regions[8]), ENOMEM);
	fake_region_drop(&regions[8]);
	first = regions[0].key;
	assert_int_equal(fake_destroy(&client, VERBS_DEREG_MR, first), 0);
	assert_int_equal(fake_destroy(&client, VERBS_DEREG_MR, first), EINVAL);
	assert_int_equal(fake_reg(&client, 4096, 15, 0, &regions[8]), 0);
	assert_int_equal(verbs_key_index(regions[8].key), verbs_key_index(first));
	assert_int_not_equal(regions[8].key, first);
	for (unsigned i = 0; i < 9; i++)
		fake_region_drop(&regions[i]);
	fake_client_drop(&client);
	verbs_server_step(fake.server);
}

static void test_handles_can_be_asked_for(void **state)
{
	struct fake_region region, other;
	struct fake_client client;
	struct fake_queue queue, again;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(fake_reg(&client, 4096, 15, verbs_key(3, 77), &region), 0);
	assert_int_equal(region.key, verbs_key(3, 77));
	assert_int_equal(fake_reg(&client, 4096, 15, verbs_key(3, 78), &other), EBUSY);
	fake_region_drop(&other);
	assert_int_equal(fake_reg(&client, 4096, 15, verbs_key(100, 1), &other), EBUSY);
	assert_int_equal(fake_queue_create(&client, WEIR_QPT_RC, &queue), 0);
	assert_true(queue.number > 1 && queue.number < 1 << 24);
	assert_int_equal(fake_queue_create(&client, WEIR_QPT_RC, &again), 0);
	assert_int_not_equal(again.number, queue.number);
	assert_int_equal(fake_queue_announce(&again, WEIR_QPT_RC, queue.number), EBUSY);
	assert_int_equal(fake_queue_announce(&again, WEIR_QPT_RC, 0x123456), 0);
	assert_int_equal(again.number, 0x123456);
	assert_int_equal(fake_queue_announce(&again, WEIR_QPT_RC, 1), EBUSY);
	assert_int_equal(fake_queue_announce(&again, WEIR_QPT_RC, 1 << 24), EBUSY);
	fake_queue_drop(&queue);
	fake_queue_drop(&again);
	fake_region_drop(&other);
	fake_region_drop(&region);
	fake_client_drop(&client);
	verbs_server_step(fake.server);
}

static void test_registered_bytes_are_limited(void **state)
{
	struct fake_region region, other;
	struct fake_client client;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(fake_reg(&client, 40 << 20, 15, 0, &region), 0);
	assert_int_equal(fake_reg(&client, 40 << 20, 15, 0, &other), ENOMEM);
	fake_region_drop(&other);
	assert_int_equal(fake_reg(&client, 24 << 20, 15, 0, &other), 0);
	fake_region_drop(&other);
	fake_region_drop(&region);
	fake_client_drop(&client);
	verbs_server_step(fake.server);
}

static int create_with(struct fake_client *client, struct verbs_geometry geometry)
{
	union verbs_message message = {
		.create_qp = {.pd = client->pd, .type = WEIR_QPT_RC, .geometry = geometry}};
	struct verbs_mapping mapping;
	struct error error;
	int rc, fd = verbs_memory_create("queue", 16 << 20, false, &mapping, &error);

	rc = fake_call(client, VERBS_CREATE_QP, &message, &fd, 1, NULL, NULL);
	verbs_unmap(&mapping);
	close(fd);
	return rc;
}

static void test_geometry_is_bounded(void **state)
{
	struct verbs_geometry geometry = *fake_geometry();
	struct fake_client client;

	(void)state;
	fake_client_start(&fake, &client);
	assert_int_equal(create_with(&client, geometry), 0);
#define REFUSED(field, value)                                                                      \
	geometry = *fake_geometry();                                                               \
	geometry.field = value;                                                                    \
	assert_int_equal(create_with(&client, geometry), EINVAL)
	REFUSED(inbox_depth, 0);
	REFUSED(inbox_depth, 4); /* less than receives */
	REFUSED(inbox_depth, 17);
	REFUSED(inbox_depth, 65536);
	REFUSED(receive_depth, 2048);
	REFUSED(receive_depth, 7);
	REFUSED(request_depth, 2048);
	REFUSED(request_segments, 33);
	REFUSED(receive_segments, 33);
	REFUSED(receive_segments, UINT32_MAX);
	REFUSED(inline_bytes, 1025);
#undef REFUSED
	fake_client_drop(&client);
	verbs_server_step(fake.server);
}

static int get_peer(struct fake_queue *queue, union verbs_message *message, unsigned *ret_fds)
{
	*message = (union verbs_message){.get_peer = {.queue = queue->number}};
	*ret_fds = 0;
	return fake_call(queue->client, VERBS_GET_PEER, message, NULL, 0, NULL, ret_fds);
}

static int get_region(struct fake_queue *queue, uint32_t key, unsigned *ret_fds)
{
	union verbs_message message = {.get_region = {.queue = queue->number, .key = key}};

	*ret_fds = 0;
	return fake_call(queue->client, VERBS_GET_REGION, &message, NULL, 0, NULL, ret_fds);
}

static void test_a_peer_is_shown_when_both_want_it(void **state)
{
	struct fake_client one, two;
	struct fake_queue a, b;
	union verbs_message message;
	unsigned fds;

	(void)state;
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(get_peer(&a, &message, &fds), ENOTCONN);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(get_peer(&a, &message, &fds), ENOTCONN);
	assert_int_equal(fake_connect(&b, 4242), 0);
	assert_int_equal(fake_modify(&a, WEIR_QPS_RTS, b.number, 0), 0);
	assert_int_equal(get_peer(&a, &message, &fds), ENOTCONN);
	assert_int_equal(get_peer(&b, &message, &fds), ENOTCONN);
	assert_int_equal(fake_modify(&b, WEIR_QPS_RESET, 0, 0), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	assert_int_equal(get_peer(&a, &message, &fds), 0);
	assert_int_equal(message.get_peer_answer.path, VERBS_PATH_DIRECT);
	assert_int_equal(message.get_peer_answer.pd, two.pd);
	assert_int_equal(message.get_peer_answer.process, 0);
	assert_int_equal(message.get_peer_answer.has_event_fd, 1);
	assert_int_equal(fds, 3);
	/* one's own, not that of others */
	message = (union verbs_message){.get_peer = {.queue = a.number}};
	assert_int_equal(fake_call(&two, VERBS_GET_PEER, &message, NULL, 0, NULL, NULL), EINVAL);
	assert_int_equal(fake_modify(&b, WEIR_QPS_RESET, 0, 0), 0);
	assert_int_equal(get_peer(&a, &message, &fds), ENOTCONN);
	assert_int_equal(a.queue.header->condition, VERBS_CONNECTED);
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_step(fake.server);
}

static void test_regions_are_shown_to_the_peer_only(void **state)
{
	struct fake_client one, two;
	struct fake_queue a, b, stranger;
	struct fake_region good, foreign;
	uint32_t pd;
	unsigned fds;
	int rc;

	(void)state;
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &stranger), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_reg(&two, 4096, 15, 0, &good), 0);
	pd = two.pd;
	two.pd = fake_handle(&two, VERBS_ALLOC_PD, 0, &rc);
	assert_int_equal(fake_reg(&two, 4096, 15, 0, &foreign), 0);
	two.pd = pd;
	assert_int_equal(get_region(&a, good.key, &fds), ENOTCONN);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	assert_int_equal(get_region(&a, good.key, &fds), 0);
	assert_int_equal(fds, 1);
	assert_int_equal(get_region(&a, good.key + 0x10000, &fds), EACCES);
	assert_int_equal(get_region(&a, foreign.key, &fds), EACCES);
	assert_int_equal(fds, 0);
	assert_int_equal(get_region(&stranger, good.key, &fds), ENOTCONN);
	/* told when it goes */
	assert_int_equal(fake_destroy(&two, VERBS_DEREG_MR, good.key), 0);
	assert_int_equal(fake_events(&one), 1);
	assert_int_equal(one.event.event.event, VERBS_EVENT_REGION_GONE);
	assert_int_equal(one.event.event.handle, good.key);
	assert_int_equal(one.event.event.queue, a.number);
	assert_int_equal(get_region(&a, good.key, &fds), EACCES);
	fake_region_drop(&good);
	fake_region_drop(&foreign);
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_queue_drop(&stranger);
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_step(fake.server);
}

static void test_the_engine_path_gives_no_descriptors(void **state)
{
	struct fake_client one, two;
	struct fake_region region;
	struct fake_queue a, b;
	union verbs_message message;
	unsigned fds;

	(void)state;
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_reg(&two, 4096, 15, 0, &region), 0);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	assert_int_equal(get_peer(&a, &message, &fds), 0);
	assert_int_equal(message.get_peer_answer.path, VERBS_PATH_ENGINE);
	assert_int_equal(fds, 0);
	assert_int_not_equal(get_region(&a, region.key, &fds), 0);
	assert_int_equal(fds, 0);
	fake_region_drop(&region);
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_step(fake.server);
}

static void test_death_is_told_to_the_other_end(void **state)
{
	struct fake_client one, two;
	struct fake_queue a, b;
	uint64_t count;

	(void)state;
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	fake_client_drop(&two);
	assert_int_equal(fake_events(&one), 1);
	assert_int_equal(one.event.event.event, VERBS_EVENT_PEER_GONE);
	assert_int_equal(one.event.event.handle, a.number);
	assert_int_equal(a.queue.header->condition, VERBS_PEER_GONE);
	assert_int_equal(a.queue.header->condition_reason, VERBS_REASON_PEER_GONE);
	assert_int_equal(read(a.receive_event, &count, 8), 8);
	assert_int_equal(read(a.send_event, &count, 8), 8);
	assert_int_equal(view().died, 1);
	assert_int_equal(view().queue_count, 1);
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_client_drop(&one);
	assert_int_equal(view().queue_count, 0);
}

static void test_connections_are_limited(void **state)
{
	struct fake_client clients[9];

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		fake_client_start(&fake, &clients[i]);
	fake_client_open(&fake, &clients[8]);
	assert_int_equal(fake_events(&clients[8]), 1);
	assert_int_equal(clients[8].event.event.event, VERBS_EVENT_KICKED);
	assert_int_equal(clients[8].event.event.reason, VERBS_REASON_LIMIT);
	for (unsigned i = 0; i < 9; i++)
		fake_client_drop(&clients[i]);
	assert_int_equal(view().connection_count, 0);
}

static void test_who_does_not_read_hears_it_later(void **state)
{
	struct fake_client one, two;
	struct fake_region region;
	struct fake_queue a, b;
	union verbs_message message;
	unsigned fds, told = 0;

	(void)state;
	fake_client_start(&fake, &one);
	fake_client_start(&fake, &two);
	assert_int_equal(fake_queue_create(&one, WEIR_QPT_RC, &a), 0);
	assert_int_equal(fake_queue_create(&two, WEIR_QPT_RC, &b), 0);
	assert_int_equal(fake_connect(&a, b.number), 0);
	assert_int_equal(fake_connect(&b, a.number), 0);
	/* More events than a socket holds. */
	for (unsigned i = 0; i < 1000; i++) {
		int socket = one.socket;

		assert_int_equal(fake_reg(&two, 4096, 15, 0, &region), 0);
		message = (union verbs_message){
			.get_region = {.head = {VERBS_GET_REGION, sizeof(struct verbs_get_region),
					       ++one.number},
				.queue = a.number,
				.key = region.key}};
		if (i < 8) /* then it stops to be served: it does not read its answers */
			assert_int_equal(verbs_message_send(socket, &message, NULL, 0), 0);
		verbs_server_step(fake.server);
		fake_modify(&b, WEIR_QPS_RESET, 0, 0);
		assert_int_equal(fake_connect(&b, a.number), 0);
		assert_int_equal(fake_destroy(&two, VERBS_DEREG_MR, region.key), 0);
		fake_region_drop(&region);
	}
	while ((fds = fake_events(&one)) > 0)
		told += fds;
	assert_int_equal(told, 8);
	fake_queue_drop(&a);
	fake_queue_drop(&b);
	fake_client_drop(&one);
	fake_client_drop(&two);
	verbs_server_step(fake.server);
}

static void test_a_dead_socket_is_taken_over_and_a_live_one_not(void **state)
{
	struct verbs_server_config config = fake_config(VERBS_POLICY_AUTO);
	struct verbs_server *other;
	struct error error = {0};

	(void)state;
	config.socket = fake.path;
	assert_int_equal(verbs_server_create(&config, NULL, NULL, &other, &error), -EADDRINUSE);
	assert_non_null(strstr(error.message, fake.path));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_hello),
		TEST(test_names_are_for_terminals),
		TEST(test_an_other_version_is_told),
		TEST(test_nonsense_is_kicked),
		TEST(test_a_wrong_length_is_kicked),
		TEST(test_descriptors_nobody_asked_for_are_kicked),
		TEST(test_queue_memory_that_can_shrink_is_kicked),
		TEST(test_a_header_that_lies_is_kicked),
		TEST(test_domains),
		TEST(test_keys_are_not_used_again_soon),
		TEST(test_handles_can_be_asked_for),
		TEST(test_registered_bytes_are_limited),
		TEST(test_geometry_is_bounded),
		TEST(test_a_peer_is_shown_when_both_want_it),
		TEST(test_regions_are_shown_to_the_peer_only),
		cmocka_unit_test_setup_teardown(
			test_the_engine_path_gives_no_descriptors, setup_engine, teardown),
		TEST(test_death_is_told_to_the_other_end),
		TEST(test_connections_are_limited),
		TEST(test_who_does_not_read_hears_it_later),
		TEST(test_a_dead_socket_is_taken_over_and_a_live_one_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
