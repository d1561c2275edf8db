/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_client.h"

static int ends[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static union verbs_message hello(void)
{
	return (union verbs_message){
		.hello = {.head = {VERBS_HELLO, sizeof(struct verbs_hello), 1}, .version = 1}};
}

static void test_a_message_arrives_with_its_descriptors(void **state)
{
	union verbs_message message = hello(), got;
	int sent[4] = {0, 1, 2, 2}, fds[4];
	unsigned count;

	(void)state;
	assert_int_equal(verbs_message_send(ends[0], &message, sent, 4), 0);
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), 0);
	assert_int_equal(count, 4);
	assert_memory_equal(&got.hello, &message.hello, sizeof(message.hello));
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(fcntl(fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		close(fds[i]);
	}
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -EAGAIN);
}

/* A datagram as libweir would never send it. */
static void raw_send(const void *bytes, size_t length, unsigned fd_count)
{
	int fds[8] = {0};
	char control[CMSG_SPACE(sizeof(fds))] = {0};
	struct iovec part = {(void *)(uintptr_t)bytes, length};
	struct msghdr datagram = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd_count > 0) {
		struct cmsghdr *head = (struct cmsghdr *)control;

		datagram.msg_control = control;
		datagram.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
	}
	assert_int_equal(sendmsg(ends[0], &datagram, 0), length);
}

static void test_what_is_no_message_is_refused_and_leaves_no_descriptor(void **state)
{
	union verbs_message message = hello(), got;
	unsigned before = fake_open_fds(), count = 9;
	uint8_t much[VERBS_MESSAGE_BYTES + 8] = {0};
	int fds[4];

	(void)state;
	memcpy(much, &message, sizeof(message.hello));
	raw_send(much, 4, 1); /* too short */
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -EPROTO);
	assert_int_equal(count, 0);
	raw_send(much, sizeof(message.hello) - 1, 2); /* not as long as it says */
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -EPROTO);
	raw_send(much, sizeof(message.hello) + 1, 2);
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -EPROTO);
	raw_send(much, sizeof(much), 4); /* too long */
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -EPROTO);
	raw_send(much, sizeof(message.hello), 8); /* too many descriptors */
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -EPROTO);
	assert_int_equal(count, 0);
	assert_int_equal(fake_open_fds(), before);
}

static void test_the_end_is_told(void **state)
{
	union verbs_message message = hello(), got;
	unsigned count;
	int fds[4];

	(void)state;
	shutdown(ends[0], SHUT_RDWR);
	assert_int_equal(verbs_message_receive(ends[1], &got, fds, &count), -ECONNRESET);
	assert_int_equal(verbs_message_send(ends[1], &message, NULL, 0), -EPIPE);
}

static void test_one_who_does_not_read_does_not_block_us(void **state)
{
	union verbs_message message = hello();
	int rc = 0;

	(void)state;
	for (unsigned i = 0; i < 100000 && rc == 0; i++)
		rc = verbs_message_send(ends[0], &message, NULL, 0);
	assert_int_equal(rc, -EAGAIN);
}

static void test_each_type_has_its_lengths(void **state)
{
	(void)state;
	for (unsigned type = VERBS_HELLO; type < VERBS_TYPE_COUNT; type++) {
		assert_true(verbs_request_bytes(type) >= sizeof(struct verbs_head));
		assert_true(verbs_request_bytes(type) <= VERBS_MESSAGE_BYTES);
		assert_true(verbs_answer_bytes(type) >= sizeof(struct verbs_answer));
		assert_true(verbs_answer_bytes(type) <= VERBS_MESSAGE_BYTES);
	}
	assert_int_equal(verbs_request_bytes(0), 0);
	assert_int_equal(verbs_request_bytes(VERBS_TYPE_COUNT), 0);
	assert_int_equal(verbs_answer_bytes(VERBS_EVENT), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_message_arrives_with_its_descriptors),
		TEST(test_what_is_no_message_is_refused_and_leaves_no_descriptor),
		TEST(test_the_end_is_told),
		TEST(test_one_who_does_not_read_does_not_block_us),
		TEST(test_each_type_has_its_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
