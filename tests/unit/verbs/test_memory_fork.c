/* SPDX-License-Identifier: BSD-3-Clause */
/* A child of fork(2) has copies of what was private before it was registered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/client/memory_move.h"

enum { PAGE = 4096 };

static struct weir_device device;
static uint8_t of_bss[3 * PAGE];

static int share(void *memory, size_t length, struct verbs_mapping *ret_peer)
{
	struct error error = {0};
	uint64_t offset;
	bool owned;
	int fd;

	if (client_memory_share(&device, memory, length, true, &fd, &offset, &owned) != 0)
		fail_msg("%s", weir_error_text());
	if (verbs_map(ret_peer, fd, offset, length, true, &error) < 0)
		fail_msg("%s", error.message);
	return fd;
}

/* In a child nothing may fail by returning into cmocka. */
static void child_expect(bool condition, int line)
{
	if (!condition)
		_exit(line % 255 + 1);
}

#define CHILD_EXPECT(condition) child_expect(condition, __LINE__)

static void child_succeeds(pid_t child)
{
	int status;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status != 0)
		fail_msg("the child: line %% 255 = %d, signal %d", WEXITSTATUS(status) - 1,
			WTERMSIG(status));
}

static void isolated(uint8_t *memory, size_t length)
{
	struct verbs_mapping peer;
	int there[2];
	char byte = 0;
	pid_t child;

	memset(memory, 1, length);
	share(memory, length, &peer);
	assert_int_equal(pipe(there), 0);
	child = fork();
	if (child == 0) {
		for (size_t i = 0; i < length; i++)
			CHILD_EXPECT(memory[i] == 1);
		CHILD_EXPECT(read(there[0], &byte, 1) == 1); /* the parent has written */
		for (size_t i = 0; i < length; i++)
			CHILD_EXPECT(memory[i] == 1);
		memset(memory, 3, length);
		_exit(0);
	}
	memset(memory, 2, length);
	assert_int_equal(write(there[1], &byte, 1), 1);
	child_succeeds(child);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(memory[i], 2);
	/* The parent's is shared with its peer as before. */
	assert_memory_equal(memory, peer.base, length);
	memset(peer.base, 4, length);
	for (size_t i = 0; i < length; i++)
		assert_int_equal(memory[i], 4);
	verbs_unmap(&peer);
	close(there[0]);
	close(there[1]);
}

static void heap_and_static(void **state)
{
	uint8_t *small = malloc(100), *large = malloc(1 << 20), *huge;

	(void)state;
	isolated(small, 100);
	isolated(large, 1 << 20);
	isolated(of_bss + 10, 2 * PAGE);
	free(small);
	free(large);
	huge = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (huge != MAP_FAILED)
		isolated(huge, 2 << 20);
}

/* Both run on from the frame that is shared. */
static void stack(void **state)
{
	uint8_t here[10000];

	(void)state;
	for (int i = 0; i < 20; i++)
		isolated(here, 1 + (size_t)i * 500);
}

/* The stack pointer far from the thread's control block, which is at the stack's end. */
static __attribute__((noinline)) void isolated_from_below(uint8_t *memory, size_t length)
{
	volatile uint8_t between[64 * 1024];

	between[0] = 1;
	isolated(memory, length);
	assert_int_equal(between[0], 1);
}

static void *stack_of_thread(void *argument)
{
	pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
	struct verbs_mapping control;
	uint8_t here[3000];

	(void)argument;
	isolated(here, sizeof(here));
	assert_int_equal(pthread_mutex_lock(&mutex), 0);
	assert_int_equal(mutex.__data.__owner, gettid());
	assert_int_equal(pthread_mutex_unlock(&mutex), 0);
	share((void *)pthread_self(), 64, &control);
	isolated_from_below(here, sizeof(here));
	verbs_unmap(&control);
	assert_int_equal(pthread_mutex_lock(&mutex), 0);
	assert_int_equal(mutex.__data.__owner, gettid());
	assert_int_equal(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void in_a_thread(void **state)
{
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, stack_of_thread, NULL), 0);
		pthread_join(thread, NULL);
	}
}

static void child_registers_itself(void **state)
{
	uint8_t *memory = malloc(PAGE);
	struct verbs_mapping peer;
	pid_t child;
	int fd;

	(void)state;
	memset(memory, 1, PAGE);
	fd = share(memory, PAGE, &peer);
	child = fork();
	if (child == 0) {
		struct verbs_mapping mine;
		pid_t grandchild;
		int status;

		share(memory, PAGE, &mine);
		memset(mine.base, 9, PAGE);
		CHILD_EXPECT(memory[0] == 9 && memory[PAGE - 1] == 9);
		CHILD_EXPECT(peer.base[0] == 1); /* explicitly shared: still the parent's */
		grandchild = fork();
		if (grandchild == 0) {
			memory[0] = 10;
			_exit(mine.base[0] == 9 ? 0 : 1);
		}
		CHILD_EXPECT(waitpid(grandchild, &status, 0) == grandchild && status == 0);
		CHILD_EXPECT(memory[0] == 9);
		_exit(0);
	}
	child_succeeds(child);
	assert_int_equal(memory[0], 1);
	assert_true(fd >= 0);
	verbs_unmap(&peer);
	free(memory);
}

/* weir_alloc() is for sharing. */
static void areas_stay_shared(void **state)
{
	uint8_t *memory = weir_alloc(&device, PAGE, false);
	pid_t child;

	(void)state;
	child = fork();
	if (child == 0) {
		memory[0] = 5;
		_exit(0);
	}
	child_succeeds(child);
	assert_int_equal(memory[0], 5);
	client_memory_fini(&device);
}

/* A second process that was sent the descriptor, as peers are. */
static void second_process(void **state)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	uint8_t *memory = malloc(3 * PAGE), *at = memory + 1000;
	uint64_t offset = 0;
	struct iovec vector = {.iov_base = &offset, .iov_len = sizeof(offset)};
	struct msghdr message = {.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int sockets[2], fd;
	bool owned;
	pid_t child;

	(void)state;
	memset(memory, 1, 3 * PAGE);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
	child = fork();
	if (child == 0) {
		struct verbs_mapping peer;

		CHILD_EXPECT(recvmsg(sockets[1], &message, 0) == sizeof(offset));
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
		CHILD_EXPECT(verbs_map(&peer, fd, offset, PAGE, true, NULL) == 0);
		CHILD_EXPECT(peer.base[5] == 1);
		for (unsigned i = 0; i < 1000; i++) { /* ping-pong */
			while (__atomic_load_n(&peer.base[0], __ATOMIC_ACQUIRE) != (i & 0x7f))
				usleep(0);
			__atomic_store_n(&peer.base[PAGE - 1], i & 0x7f, __ATOMIC_RELEASE);
		}
		_exit(0);
	}
	assert_int_equal(client_memory_share(&device, at, PAGE, true, &fd, &offset, &owned), 0);
	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
		.cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	assert_int_equal(sendmsg(sockets[0], &message, 0), sizeof(offset));
	for (unsigned i = 0; i < 1000; i++) {
		__atomic_store_n(&at[0], i & 0x7f, __ATOMIC_RELEASE);
		while (__atomic_load_n(&at[PAGE - 1], __ATOMIC_ACQUIRE) != (i & 0x7f))
			usleep(0);
	}
	child_succeeds(child);
	close(sockets[0]);
	close(sockets[1]);
	free(memory);
}

/* What the forking thread and a peer change meanwhile is there afterwards, both. */
static void changes_merge(void **state)
{
	uint8_t *memory =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct memory_piece piece = {.start = (uintptr_t)memory,
		.end = (uintptr_t)memory + 2 * PAGE,
		.offset = (uintptr_t)memory,
		.protection = PROT_READ | PROT_WRITE,
		.shared = true};
	uint8_t snapshot[2 * PAGE];
	struct verbs_mapping peer;
	int fd;

	(void)state;
	memset(memory, 1, 2 * PAGE);
	fd = share(memory, 2 * PAGE, &peer);
	assert_int_equal(
		memory_move_out(&piece, piece.start, piece.end, false, fd, piece.start, snapshot),
		0);
	memory[0] = 2;
	memory[PAGE] = 3;
	peer.base[1] = 4;
	peer.base[2 * PAGE - 1] = 5;
	assert_int_equal(memory[1], 1);
	assert_int_equal(memory_move_back(&piece, piece.start, piece.end, peer.base, snapshot, fd,
				 piece.start),
		0);
	assert_memory_equal(memory, peer.base, 2 * PAGE);
	assert_int_equal(memory[0], 2);
	assert_int_equal(memory[1], 4);
	assert_int_equal(memory[PAGE], 3);
	assert_int_equal(memory[2 * PAGE - 1], 5);
	assert_int_equal(memory[2 * PAGE - 2], 1);
	memory[7] = 8;
	assert_int_equal(peer.base[7], 8);
	verbs_unmap(&peer);
	munmap(memory, 2 * PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_and_static),
		cmocka_unit_test(stack),
		cmocka_unit_test(in_a_thread),
		cmocka_unit_test(child_registers_itself),
		cmocka_unit_test(areas_stay_shared),
		cmocka_unit_test(second_process),
		cmocka_unit_test(changes_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
