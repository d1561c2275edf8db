/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory is moved while other threads write to it: not one write is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verbs/client/client.h"

enum {
	PAGE = 4096,
	WRITERS = 2,
	PIECES = 48,
	PIECE_PAGES = 8,
	WORDS = PIECE_PAGES * PAGE / 8,
	TOUCHED_PAGES = 256
};

static struct weir_device device;

static void share(void *memory, size_t length, struct verbs_mapping *ret_peer)
{
	struct error error = {0};
	uint64_t offset;
	bool owned;
	int fd;

	if (client_memory_share(&device, memory, length, true, &fd, &offset, &owned) != 0)
		fail_msg("%s", weir_error_text());
	if (verbs_map(ret_peer, fd, offset, length, true, &error) < 0)
		fail_msg("%s", error.message);
}

/* ---- counters ---- */

struct writer {
	pthread_t thread;
	volatile uint64_t *words;
	size_t word_count;
	unsigned number;
	atomic_bool *stop;
	atomic_ulong rounds; /* each added 1 to each of its words */
};

static void *write_on(void *argument)
{
	struct writer *writer = argument;

	while (!atomic_load_explicit(writer->stop, memory_order_relaxed)) {
		/* One word of each 64, in all pages: as fast as can be. */
		for (size_t i = writer->number; i < writer->word_count; i += 64)
			writer->words[i]++;
		atomic_fetch_add_explicit(&writer->rounds, 1, memory_order_relaxed);
	}
	return NULL;
}

static void writers_lose_nothing(uint64_t *words, size_t word_count, size_t words_at_once)
{
	struct writer writers[WRITERS];
	struct verbs_mapping peers[PIECES * PIECE_PAGES];
	atomic_bool stop = false;
	size_t moves = 0;

	for (unsigned i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){
			.words = words, .word_count = word_count, .number = i, .stop = &stop};
		assert_int_equal(
			pthread_create(&writers[i].thread, NULL, write_on, &writers[i]), 0);
	}
	for (size_t at = 0; at < word_count; at += words_at_once) {
		unsigned long rounds = atomic_load(&writers[0].rounds);

		/* In the midst of it. */
		while (atomic_load(&writers[0].rounds) == rounds)
			sched_yield();
		share(words + at, words_at_once * 8, &peers[moves++]);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		for (size_t k = i; k < word_count; k += 64)
			assert_int_equal(words[k], atomic_load(&writers[i].rounds));
	}
	for (size_t i = 0; i < moves; i++) {
		assert_memory_equal(peers[i].base, words + i * words_at_once, words_at_once * 8);
		verbs_unmap(&peers[i]);
	}
}

static void anonymous(void **state)
{
	size_t bytes = PIECES * WORDS * 8;
	uint64_t *words =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	writers_lose_nothing(words, PIECES * WORDS, WORDS);
	munmap(words, bytes);
}

static void *touch(void *argument)
{
	uint8_t *memory = argument;

	for (unsigned i = 0; i < TOUCHED_PAGES; i++)
		memory[i * PAGE] = 1;
	return NULL;
}

/* A page that is not there yet cannot be protected; its first write must not be lost either. */
static void first_writes(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++) {
		uint8_t *memory = mmap(NULL, TOUCHED_PAGES * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct verbs_mapping peer;
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, touch, memory), 0);
		for (volatile int wait = 0; wait < round * 500; wait++)
			;
		share(memory, TOUCHED_PAGES * PAGE, &peer);
		pthread_join(thread, NULL);
		for (unsigned i = 0; i < TOUCHED_PAGES; i++)
			assert_int_equal(memory[i * PAGE], 1);
		verbs_unmap(&peer);
		munmap(memory, TOUCHED_PAGES * PAGE);
	}
}

/* Of a private file mapping userfaultfd knows nothing: the SIGSEGV handler's part. */
static uint64_t of_file[16 * WORDS + 1] = {[16 * WORDS] = 1};

static void file_backed(void **state)
{
	(void)state;
	writers_lose_nothing(of_file, 16 * WORDS, PAGE / 8);
}

static void huge(void **state)
{
	size_t bytes = 8 << 20;
	uint64_t *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	(void)state;
	if (words == MAP_FAILED)
		skip();
	writers_lose_nothing(words, bytes / 8, (2 << 20) / 8);
	munmap(words, bytes);
}

/* ---- a fault that is the program's own ---- */

static volatile sig_atomic_t faults;
static sigjmp_buf after_fault;

static void own_handler(int number)
{
	(void)number;
	faults++;
	siglongjmp(after_fault, 1);
}

static void own_faults_arrive(void **state)
{
	volatile uint8_t *nowhere = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = {.sa_handler = own_handler, .sa_flags = SA_NODEFER}, before;
	static uint64_t more[2 * WORDS + 1] = {[2 * WORDS] = 1};

	(void)state;
	faults = 0;
	sigaction(SIGSEGV, &action, &before);
	writers_lose_nothing(more, 2 * WORDS, PAGE / 8);
	for (int i = 0; i < 3; i++)
		if (sigsetjmp(after_fault, 1) == 0)
			nowhere[0] = 1;
	assert_int_equal(faults, 3);
	sigaction(SIGSEGV, &before, NULL);
	munmap((void *)nowhere, PAGE);
}

/* ---- stacks ---- */

static void *register_own_stack(void *argument)
{
	volatile uint64_t frame[600];
	struct verbs_mapping peer;

	(void)argument;
	for (unsigned i = 0; i < 600; i++)
		frame[i] = i;
	share((void *)frame, sizeof(frame), &peer);
	frame[5] = 77;
	assert_int_equal(((uint64_t *)peer.base)[5], 77);
	((uint64_t *)peer.base)[6] = 88;
	assert_int_equal(frame[6], 88);
	verbs_unmap(&peer);
	for (unsigned i = 7; i < 600; i++)
		assert_int_equal(frame[i], i);
	return NULL;
}

static void own_stack_of_a_thread(void **state)
{
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(pthread_create(&thread, NULL, register_own_stack, NULL), 0);
		pthread_join(thread, NULL);
	}
}

struct other {
	atomic_bool stop;
	_Atomic(uint8_t *) frame;
	atomic_ulong calls;
};

static __attribute__((noinline)) unsigned long work(struct other *other, unsigned depth)
{
	volatile unsigned long here = depth;

	if (depth == 0)
		return 1;
	return work(other, depth - 1) + (here == depth);
}

static void *busy_stack(void *argument)
{
	struct other *other = argument;
	uint8_t frame[100];

	memset(frame, 1, sizeof(frame));
	atomic_store(&other->frame, frame);
	while (!atomic_load(&other->stop)) {
		assert_int_equal(work(other, 100), 101);
		atomic_fetch_add(&other->calls, 1);
	}
	return NULL;
}

static void stack_of_another_thread(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct other other = {0};
		struct verbs_mapping peer;
		pthread_t thread;
		unsigned long calls;

		assert_int_equal(pthread_create(&thread, NULL, busy_stack, &other), 0);
		while (atomic_load(&other.calls) < 100)
			sched_yield();
		share(atomic_load(&other.frame) - 3 * PAGE, 3 * PAGE, &peer);
		calls = atomic_load(&other.calls);
		while (atomic_load(&other.calls) < calls + 100)
			sched_yield();
		atomic_store(&other.stop, true);
		pthread_join(thread, NULL);
		verbs_unmap(&peer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous),
		cmocka_unit_test(first_writes),
		cmocka_unit_test(file_backed),
		cmocka_unit_test(huge),
		cmocka_unit_test(own_faults_arrive),
		cmocka_unit_test(own_stack_of_a_thread),
		cmocka_unit_test(stack_of_another_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
