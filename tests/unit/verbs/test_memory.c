/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is registered is seen by whoever maps the file, and the other way round, for every kind of
 * memory a program has. "The peer" is a second mapping, as a peer makes it, or a second process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/client/client.h"

enum { PAGE = 4096, HUGE_PAGE = 2 << 20 };

static struct weir_device device;

static uint8_t of_data[3 * PAGE] = {1, 2, 3};
static uint8_t of_bss[3 * PAGE];

struct shared {
	int fd;
	uint64_t offset;
	bool owned;
	struct verbs_mapping peer;
};

static void share(struct shared *shared, void *memory, size_t length, bool writes)
{
	struct error error = {0};

	assert_int_equal(client_memory_share(&device, memory, length, writes, &shared->fd,
				 &shared->offset, &shared->owned),
		0);
	if (verbs_map(&shared->peer, shared->fd, shared->offset, length, true, &error) < 0)
		fail_msg("%s", error.message);
}

static void forget(struct shared *shared, void *memory)
{
	client_memory_unshare(&device, memory, shared->peer.bytes);
	verbs_unmap(&shared->peer);
	if (shared->owned)
		close(shared->fd);
}

/* Both sides write and see each other. */
static void both_ways(struct shared *shared, uint8_t *memory)
{
	size_t bytes = shared->peer.bytes;

	assert_memory_equal(shared->peer.base, memory, bytes);
	for (size_t i = 0; i < bytes; i += bytes / 7 + 1) {
		memory[i] = (uint8_t)(i * 31 + 5);
		assert_int_equal(shared->peer.base[i], (uint8_t)(i * 31 + 5));
	}
	memset(shared->peer.base, 0x5a, bytes);
	assert_memory_equal(shared->peer.base, memory, bytes);
	assert_int_equal(memory[bytes / 2], 0x5a);
	memory[bytes - 1] = 0x77;
	assert_int_equal(shared->peer.base[bytes - 1], 0x77);
}

static void check(void *memory, size_t length)
{
	struct shared shared;
	uint8_t *before = malloc(length);

	assert_non_null(before);
	memcpy(before, memory, length);
	share(&shared, memory, length, true);
	assert_memory_equal(memory, before, length);
	both_ways(&shared, memory);
	forget(&shared, memory);
	free(before);
}

static void *anonymous(size_t length, int protection, int flags)
{
	void *memory = mmap(NULL, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void fill(uint8_t *memory, size_t length)
{
	for (size_t i = 0; i < length; i++)
		memory[i] = (uint8_t)(i ^ (i >> 8));
}

static void kinds(void **state)
{
	uint8_t on_stack[3000], *mapped = anonymous(64 * PAGE, PROT_READ | PROT_WRITE, 0);
	uint8_t *small = malloc(100), *large = malloc(1 << 20);
	char *environment = getenv("PATH");

	(void)state;
	fill(on_stack, sizeof(on_stack));
	fill(mapped, 64 * PAGE);
	fill(small, 100);
	fill(large, 1 << 20);
	check(mapped, 64 * PAGE);
	check(small, 100);
	check(large, 1 << 20);
	check(on_stack, sizeof(on_stack));
	check(of_data + 100, 2 * PAGE);
	check(of_bss + 5, 2 * PAGE);
	check(of_bss + 5, 2 * PAGE);
	if (environment != NULL) {
		struct shared shared; /* the highest page of the stack */

		share(&shared, environment, strlen(environment), true);
		assert_memory_equal(environment, shared.peer.base, strlen(environment));
		forget(&shared, environment);
	}
	free(small);
	free(large);
	munmap(mapped, 64 * PAGE);
}

/* Memory that nobody has touched is 0, and becomes shared all the same. */
static void untouched(void **state)
{
	uint8_t *memory = anonymous(16 * PAGE, PROT_READ | PROT_WRITE, 0);

	(void)state;
	check(memory, 16 * PAGE);
	munmap(memory, 16 * PAGE);
}

static void file_backed(void **state)
{
	char path[] = "/tmp/weir-memory-XXXXXX", content[PAGE];
	int fd = mkstemp(path);
	uint8_t *memory;
	struct shared shared;

	(void)state;
	assert_true(fd >= 0);
	unlink(path);
	memset(content, 'x', sizeof(content));
	for (int i = 0; i < 4; i++)
		assert_int_equal(write(fd, content, sizeof(content)), sizeof(content));
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	assert_true(memory != MAP_FAILED);
	memory[PAGE] = 'y';
	check(memory, 4 * PAGE);
	/* Nothing reaches the file. */
	assert_int_equal(pread(fd, content, 1, PAGE), 1);
	assert_int_equal(content[0], 'x');
	munmap(memory, 4 * PAGE);
	/* Private, but only read: protection is kept. */
	memory = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	share(&shared, memory, 2 * PAGE, false);
	shared.peer.base[3] = 'z';
	assert_int_equal(memory[3], 'z');
	assert_int_equal(client_memory_share(&device, memory, PAGE, true, &shared.fd,
				 &shared.offset, &shared.owned),
		EFAULT);
	/* A kernel that would write there fails: it is still read-only. */
	assert_int_equal(pread(fd, memory, 1, 0), -1);
	assert_int_equal(errno, EFAULT);
	forget(&shared, memory);
	munmap(memory, 4 * PAGE);
	/* Shared with a file that is no memfd: no. */
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_int_equal(client_memory_share(&device, memory, PAGE, true, &shared.fd,
				 &shared.offset, &shared.owned),
		EPERM);
	assert_non_null(strstr(weir_error_text(), "not a memfd"));
	munmap(memory, 4 * PAGE);
	close(fd);
}

static void expect_efault(void *memory, size_t length, const void *where)
{
	struct shared shared;
	char text[32];

	assert_int_equal(client_memory_share(&device, memory, length, true, &shared.fd,
				 &shared.offset, &shared.owned),
		EFAULT);
	snprintf(text, sizeof(text), "0x%lx", (unsigned long)where);
	if (strstr(weir_error_text(), text) == NULL)
		fail_msg("%s: not in: %s", text, weir_error_text());
}

static void holes_and_guards(void **state)
{
	uint8_t *memory = anonymous(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct shared shared;

	(void)state;
	memory[0] = 1;
	mprotect(memory + 3 * PAGE, PAGE, PROT_NONE);
	munmap(memory + 6 * PAGE, PAGE);
	expect_efault(memory, 4 * PAGE, memory + 3 * PAGE);
	expect_efault(memory + 4 * PAGE, 4 * PAGE, memory + 6 * PAGE);
	expect_efault(memory + 6 * PAGE, 1, memory + 6 * PAGE);
	expect_efault(NULL, 100, NULL);
	expect_efault((void *)(UINTPTR_MAX - 10), 100, (void *)(UINTPTR_MAX - 10));
	expect_efault(memory, SIZE_MAX, memory);
	assert_int_equal(client_memory_share(&device, memory, 0, true, &shared.fd, &shared.offset,
				 &shared.owned),
		EINVAL);
	check(memory, 3 * PAGE);
	check(memory + 4 * PAGE, 2 * PAGE);
	munmap(memory, 8 * PAGE);
}

static void overlapping(void **state)
{
	uint8_t *memory = anonymous(32 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct shared first, second, third;

	(void)state;
	fill(memory, 32 * PAGE);
	share(&first, memory + 2 * PAGE + 10, 3 * PAGE, true);
	share(&second, memory + 20 * PAGE, 2 * PAGE, true);
	share(&third, memory + 100, 30 * PAGE, true); /* over both, which stay */
	memory[3 * PAGE] = 0xa1;
	assert_int_equal(first.peer.base[PAGE - 10], 0xa1);
	assert_int_equal(third.peer.base[3 * PAGE - 100], 0xa1);
	second.peer.base[7] = 0xb2;
	assert_int_equal(memory[20 * PAGE + 7], 0xb2);
	assert_int_equal(third.peer.base[20 * PAGE + 7 - 100], 0xb2);
	both_ways(&third, memory + 100);
	forget(&second, memory);
	forget(&first, memory);
	check(memory, 32 * PAGE);
	forget(&third, memory);
	munmap(memory, 32 * PAGE);
}

/* The program unmaps what was adopted and maps something else there. */
static void mapped_anew(void **state)
{
	uint8_t *memory = anonymous(8 * PAGE, PROT_READ | PROT_WRITE, 0);

	(void)state;
	fill(memory, 8 * PAGE);
	check(memory, 8 * PAGE);
	for (int round = 0; round < 3; round++) {
		assert_ptr_equal(mmap(memory, 8 * PAGE, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
			memory);
		for (int i = 0; i < 8 * PAGE; i++)
			assert_int_equal(memory[i], 0);
		memory[PAGE] = (uint8_t)round;
		check(memory + round * PAGE, 4 * PAGE);
	}
	munmap(memory, 8 * PAGE);
}

/* The program moves what was adopted, and registers its old address again. */
static void moved_away(void **state)
{
	uint8_t *memory = anonymous(2 * PAGE, PROT_READ | PROT_WRITE, 0);
	uint8_t *other = anonymous(PAGE, PROT_NONE, 0);

	(void)state;
	check(memory, PAGE);
	memset(memory, 0x11, PAGE);
	assert_ptr_equal(mremap(memory, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other), other);
	assert_ptr_equal(mmap(memory, PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		memory);
	check(memory, 2 * PAGE);
	for (int i = 0; i < PAGE; i++)
		assert_int_equal(other[i], 0x11);
	check(other, PAGE);
	munmap(memory, 2 * PAGE);
	munmap(other, PAGE);
}

/* Growing one buffer must not run into its neighbour's bytes. */
static void reallocated(void **state)
{
	uint8_t *memory[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		memory[i] = malloc(1 << 20);
		memset(memory[i], i + 1, 1 << 20);
		check(memory[i], 1 << 20);
		memset(memory[i], i + 1, 1 << 20);
	}
	for (int i = 0; i < 4; i++) {
		memory[i] = realloc(memory[i], 4 << 20);
		assert_non_null(memory[i]);
		memset(memory[i] + (1 << 20), 0xee, 3 << 20);
	}
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 1 << 20; k += 127)
			assert_int_equal(memory[i][k], i + 1);
		check(memory[i], 4 << 20);
		free(memory[i]);
	}
}

static void own_memfd(void **state)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int unsealable = memfd_create("test", MFD_CLOEXEC);
	struct shared shared;
	uint8_t *memory;

	(void)state;
	assert_int_equal(ftruncate(fd, 8 * PAGE), 0);
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 2 * PAGE);
	fill(memory, 4 * PAGE);
	share(&shared, memory + PAGE + 3, PAGE, true);
	assert_true(shared.owned);
	assert_int_equal(shared.offset, 3 * PAGE + 3);
	close(fd); /* a copy is kept */
	both_ways(&shared, memory + PAGE + 3);
	assert_int_not_equal(fcntl(shared.fd, F_GET_SEALS) & F_SEAL_SHRINK, 0);
	forget(&shared, memory);
	munmap(memory, 4 * PAGE);

	assert_int_equal(ftruncate(unsealable, PAGE), 0);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, unsealable, 0);
	assert_int_equal(client_memory_share(&device, memory, PAGE, true, &shared.fd,
				 &shared.offset, &shared.owned),
		EPERM);
	munmap(memory, PAGE);
	close(unsealable);
	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(client_memory_share(&device, memory, PAGE, true, &shared.fd,
				 &shared.offset, &shared.owned),
		EPERM);
	munmap(memory, PAGE);
}

static void areas(void **state)
{
	uint8_t *memory = weir_alloc(&device, 10000, false), *other, *huge;
	struct shared shared;

	(void)state;
	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % PAGE, 0);
	other = weir_alloc(&device, 1, false);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(memory[i], 0);
	share(&shared, memory + 77, 9000, true);
	assert_false(shared.owned);
	assert_int_equal(shared.offset, 77);
	both_ways(&shared, memory + 77);
	forget(&shared, memory);
	check(other, PAGE);
	weir_free(&device, memory);
	weir_free(&device, NULL);
	huge = weir_alloc(&device, 3 << 20, true);
	if (huge != NULL) {
		check(huge, 4 << 20);
		weir_free(&device, huge);
	} else {
		assert_int_equal(errno, ENOMEM);
		print_message("no huge pages: skipped\n");
	}
	/* More than any machine has. */
	assert_null(weir_alloc(&device, (size_t)1 << 40, true));
	assert_int_equal(errno, ENOMEM);
	client_memory_fini(&device); /* takes `other` */
	client_memory_fini(&device);
}

static void huge_pages(void **state)
{
	uint8_t *memory = anonymous(3 * HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_HUGETLB);

	(void)state;
	if (memory == NULL)
		skip();
	fill(memory, 3 * HUGE_PAGE);
	check(memory + HUGE_PAGE + 12345, 100); /* moves one of them */
	check(memory + 10, 2 * HUGE_PAGE);
	check(memory, 3 * HUGE_PAGE);
	munmap(memory, 3 * HUGE_PAGE);
}

static void transparent_huge_pages(void **state)
{
	uint8_t *memory = anonymous(4 * HUGE_PAGE, PROT_READ | PROT_WRITE, 0);

	(void)state;
	madvise(memory, 4 * HUGE_PAGE, MADV_HUGEPAGE);
	fill(memory, 4 * HUGE_PAGE);
	check(memory + 3 * PAGE, HUGE_PAGE);
	munmap(memory, 4 * HUGE_PAGE);
}

static long locked_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[200];
	long kib = -1;

	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

static void locked(void **state)
{
	uint8_t *memory = anonymous(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	long before = 0;

	(void)state;
	/* (The address sanitizer makes mlock(2) do nothing.) */
	if (mlock(memory, 16 * PAGE) < 0 || (before = locked_kib()) < 64)
		skip();
	check(memory, 16 * PAGE);
	assert_true(locked_kib() >= before);
	munmap(memory, 16 * PAGE);
	munlockall();
}

/* The lowest page of the stack is adopted; it must go on growing. */
static __attribute__((noinline)) unsigned deep(unsigned depth)
{
	volatile uint8_t frame[PAGE];

	frame[0] = frame[PAGE - 1] = (uint8_t)depth;
	return depth == 0 ? frame[0] : deep(depth - 1) + frame[PAGE - 1] - (uint8_t)depth;
}

static void stack_grows(void **state)
{
	uint8_t *here = __builtin_frame_address(0), *low = here - (uintptr_t)here % PAGE;
	unsigned char present;
	struct shared shared;

	(void)state;
	if (strstr(getenv("LD_PRELOAD") != NULL ? getenv("LD_PRELOAD") : "", "vgpreload") != NULL)
		skip(); /* valgrind's stack is no stack to the kernel */
	while (mincore(low - PAGE, PAGE, &present) == 0)
		low -= PAGE;
	share(&shared, low, PAGE, true);
	forget(&shared, low);
	assert_int_equal(deep(300), 0);
}

static uint64_t file_bytes(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return (uint64_t)status.st_blocks * 512;
}

/* What is not mapped any more is not kept. */
static void given_back(void **state)
{
	const size_t bytes = 8 << 20;
	uint64_t before;
	struct shared shared;
	uint8_t *memory;

	(void)state;
	share(&shared, of_bss, PAGE, true);
	forget(&shared, of_bss);
	before = file_bytes(shared.fd);
	for (uintptr_t i = 0; i < 40; i++) {
		/* Never twice at one address. */
		memory = mmap((void *)(0x200000000000 + i * 2 * bytes), bytes,
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(memory != MAP_FAILED);
		memory[i] = 1;
		share(&shared, memory, bytes, true);
		forget(&shared, memory);
		munmap(memory, bytes);
	}
	assert_in_range(file_bytes(shared.fd), 0, 2 * before + 3 * bytes);
}

/* A second process, which has only the descriptor and the place. */
static void second_process(void **state)
{
	uint8_t *memory = malloc(3 * PAGE);
	struct shared shared;
	char script[200];

	(void)state;
	memset(memory, 1, 3 * PAGE);
	share(&shared, memory, 3 * PAGE, true);
	verbs_unmap(&shared.peer);
	fcntl(shared.fd, F_SETFD, 0);
	snprintf(script, sizeof(script),
		"printf hello | dd of=/proc/self/fd/%d bs=1 seek=%llu conv=notrunc status=none",
		shared.fd, (unsigned long long)shared.offset + 5000);
	assert_int_equal(system(script), 0);
	assert_memory_equal(memory + 5000, "hello", 5);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(untouched),
		cmocka_unit_test(file_backed),
		cmocka_unit_test(holes_and_guards),
		cmocka_unit_test(overlapping),
		cmocka_unit_test(mapped_anew),
		cmocka_unit_test(moved_away),
		cmocka_unit_test(reallocated),
		cmocka_unit_test(own_memfd),
		cmocka_unit_test(areas),
		cmocka_unit_test(huge_pages),
		cmocka_unit_test(transparent_huge_pages),
		cmocka_unit_test(locked),
		cmocka_unit_test(stack_grows),
		cmocka_unit_test(given_back),
		cmocka_unit_test(second_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
