/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/client/memory_move.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verbs/client/memory_guard.h"

/* At a time: bounds how long other threads wait, and how much memory is there twice. */
enum { MOVE_BYTES_MAX = 64 << 20 };

#define ONE_CALL                                                                                   \
	"mov 0(%[call]), %%rax\n"                                                                  \
	"mov 8(%[call]), %%rdi\n"                                                                  \
	"mov 16(%[call]), %%rsi\n"                                                                 \
	"mov 24(%[call]), %%rdx\n"                                                                 \
	"mov 32(%[call]), %%r10\n"                                                                 \
	"mov 40(%[call]), %%r8\n"                                                                  \
	"mov 48(%[call]), %%r9\n"                                                                  \
	"syscall\n"

/* Makes the calls in their order, from registers only: the table is read, nothing is written. If
 * one does not give what is expected, `undo` is made last. What the last one of the list gave. */
static long calls_make(
	const struct memory_call *call, unsigned long count, const struct memory_call *undo)
{
	register const struct memory_call *undo_register __asm__("r12") = undo;
	register long first_result __asm__("r13") = 0;
	long result;

	__asm__ volatile(
		"1:\n" ONE_CALL "mov 56(%[call]), %%rcx\n"
		"cmp %%rcx, %%rax\n"
		"je 4f\n"
		"neg %%rcx\n" /* overflows for MEMORY_CALL_ANY */
		"jno 2f\n"
		"4:\n"
		"add $64, %[call]\n"
		"dec %[left]\n"
		"jnz 1b\n"
		"mov %%rax, %[first]\n"
		"jmp 3f\n"
		"2:\n"
		"mov %%rax, %[first]\n"
		"mov %[undo], %[call]\n"
		"test %[call], %[call]\n"
		"jz 3f\n" ONE_CALL "3:\n"
		: [call] "+b"(call), [left] "+r"(count), [first] "+r"(first_result), "=&a"(result)
		: [undo] "r"(undo_register)
		: "rdi", "rsi", "rdx", "r10", "r8", "r9", "rcx", "r11", "memory", "cc");
	return first_result;
}

_Static_assert(sizeof(struct memory_call) == 64, "what the assembly steps by");

/* Writes every byte of `now` that differs from `snapshot` to `file`, then maps the file over `now`
 * with `call`; from registers, too. What the call gave. */
static long merge_and_call(const struct memory_call *call, const uint8_t *now,
	const uint8_t *snapshot, uint8_t *file, unsigned long bytes)
{
	register const uint8_t *now_register __asm__("r12") = now;
	register const uint8_t *snapshot_register __asm__("r13") = snapshot;
	register uint8_t *file_register __asm__("r14") = file;
	register unsigned long left __asm__("r15") = bytes;
	long result;

	__asm__ volatile("1:\n"
			 "movb -1(%[now], %[left]), %%al\n"
			 "cmpb -1(%[snapshot], %[left]), %%al\n"
			 "je 2f\n"
			 "movb %%al, -1(%[file], %[left])\n"
			 "2:\n"
			 "dec %[left]\n"
			 "jnz 1b\n" ONE_CALL
			 : "=&a"(result), [left] "+r"(left)
			 : [call] "b"(call), [now] "r"(now_register),
			 [snapshot] "r"(snapshot_register), [file] "r"(file_register)
			 : "rdi", "rsi", "rdx", "r10", "r8", "r9", "rcx", "r11", "memory", "cc");
	return result;
}

static struct memory_call call_map_shared(
	const struct memory_piece *piece, uintptr_t start, uintptr_t end, int fd, uint64_t offset)
{
	/* Populated: a fault a page later would cost more. */
	return (struct memory_call){.number = SYS_mmap,
		.argument = {(long)start, (long)(end - start), piece->protection,
			MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, (long)offset},
		.expected = (long)start};
}

/* The word in its control block that is cleared, and woken, when this thread ends: pthread_join(3)
 * waits there. The kernel finds those who wait by the address in private memory and by the file in
 * shared memory, so they have to be moved, too. (Of other threads the address cannot be asked.) */
struct joiners {
	uint8_t *page; /* of the file, mapped elsewhere; NULL: nobody waits in this range */
	struct memory_call call;
};

static void joiners_prepare(
	struct joiners *joiners, uintptr_t start, uintptr_t end, int fd, uint64_t offset)
{
	const uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t word = 0, page;

	joiners->page = NULL;
	if (__libc_single_threaded || prctl(PR_GET_TID_ADDRESS, &word) < 0 || word < start ||
		word >= end)
		return;
	page = word & ~(page_bytes - 1);
	joiners->page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		(off_t)(offset + (page - start)));
	if (joiners->page == MAP_FAILED) {
		joiners->page = NULL;
		return;
	}
	joiners->call = (struct memory_call){.number = SYS_futex,
		.argument = {(long)word, FUTEX_REQUEUE, 0, INT_MAX,
			(long)(joiners->page + (word - page))},
		.expected = MEMORY_CALL_ANY};
}

static void joiners_end(struct joiners *joiners)
{
	if (joiners->page != NULL)
		munmap(joiners->page, (size_t)sysconf(_SC_PAGESIZE));
}

static void signals_block(sigset_t *ret_before)
{
	sigset_t all;

	sigfillset(&all);
	/* Faults of our own are not to be waited for. */
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static int in_chunk(
	const struct memory_piece *piece, uintptr_t start, uintptr_t end, int fd, uint64_t offset)
{
	struct memory_guard guard;
	struct joiners joiners;
	struct memory_call calls[4];
	sigset_t before;
	unsigned count = 0;
	long result;

	joiners_prepare(&joiners, start, end, fd, offset);
	memory_guard_prepare(&guard, piece, start, end);
	if (guard.wanted)
		calls[count++] = guard.begin;
	calls[count++] = (struct memory_call){.number = SYS_pwrite64,
		.argument = {fd, (long)start, (long)(end - start), (long)offset},
		.expected = (long)(end - start)};
	if (joiners.page != NULL)
		calls[count++] = joiners.call;
	calls[count++] = call_map_shared(piece, start, end, fd, offset);
	signals_block(&before);
	result = calls_make(calls, count, guard.wanted ? &guard.undo : NULL);
	memory_guard_end(&guard);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	joiners_end(&joiners);
	if (result == (long)start)
		return 0;
	return result < 0 ? (int)result : -EFAULT; /* a short write: it came to a bad page */
}

/* Files of huge pages cannot be written with pwrite(2), and no stack is in them. */
static int in_chunk_huge(
	const struct memory_piece *piece, uintptr_t start, uintptr_t end, int fd, uint64_t offset)
{
	struct memory_call calls[1];
	struct memory_guard guard;
	void *file;
	int rc = 0;

	file = mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		(off_t)offset);
	if (file == MAP_FAILED)
		return -errno;
	calls[0] = call_map_shared(piece, start, end, fd, offset);
	memory_guard_prepare(&guard, piece, start, end);
	if (guard.wanted)
		calls_make(&guard.begin, 1, NULL);
	memcpy(file, (const void *)start, end - start);
	if (calls_make(calls, 1, guard.wanted ? &guard.undo : NULL) != (long)start)
		rc = -ENOMEM;
	memory_guard_end(&guard);
	munmap(file, end - start);
	return rc;
}

int memory_move_in(const struct memory_piece *piece, uintptr_t start, uintptr_t end, bool huge,
	int fd, uint64_t offset, struct error *error)
{
	int rc = 0;

	while (start < end && rc == 0) {
		uintptr_t stop = end - start > MOVE_BYTES_MAX ? start + MOVE_BYTES_MAX : end;

		rc = huge ? in_chunk_huge(piece, start, stop, fd, offset)
			  : in_chunk(piece, start, stop, fd, offset);
		offset += stop - start;
		start = stop;
	}
	if (rc < 0)
		return error_set(error, -rc,
			"the memory around 0x%lx cannot be moved into shared memory: %s%s",
			(unsigned long)start, strerror(-rc),
			huge && rc == -ENOMEM ? " (as many free huge pages are needed)" : "");
	return 0;
}

static struct memory_call call_read(int fd, void *to, size_t bytes, uint64_t offset)
{
	return (struct memory_call){.number = SYS_pread64,
		.argument = {fd, (long)to, (long)bytes, (long)offset},
		.expected = (long)bytes};
}

static int out_chunk(const struct memory_piece *piece, uintptr_t start, uintptr_t end, bool huge,
	int fd, uint64_t offset, uint8_t *snapshot)
{
	struct memory_call calls[3];
	unsigned count = 0;
	sigset_t before;
	long result;
	void *copy;

	copy = mmap(NULL, end - start, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | (huge ? MAP_HUGETLB : 0), -1, 0);
	if (copy == MAP_FAILED)
		return -errno;
	/* First: what a peer writes in between is then a change of ours, and written once more. */
	if (snapshot != NULL)
		calls[count++] = call_read(fd, snapshot, end - start, offset);
	calls[count++] = call_read(fd, copy, end - start, offset);
	calls[count++] = (struct memory_call){.number = SYS_mremap,
		.argument = {(long)copy, (long)(end - start), (long)(end - start),
			MREMAP_MAYMOVE | MREMAP_FIXED, (long)start},
		.expected = (long)start};
	signals_block(&before);
	result = calls_make(calls, count, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result != (long)start) {
		munmap(copy, end - start);
		return result < 0 ? (int)result : -EIO;
	}
	if (piece->protection != (PROT_READ | PROT_WRITE))
		mprotect((void *)start, end - start, piece->protection);
	return 0;
}

int memory_move_out(const struct memory_piece *piece, uintptr_t start, uintptr_t end, bool huge,
	int fd, uint64_t offset, uint8_t *snapshot)
{
	int rc = 0;

	while (start < end && rc == 0) {
		uintptr_t stop = end - start > MOVE_BYTES_MAX ? start + MOVE_BYTES_MAX : end;

		rc = out_chunk(piece, start, stop, huge, fd, offset, snapshot);
		offset += stop - start;
		if (snapshot != NULL)
			snapshot += stop - start;
		start = stop;
	}
	return rc;
}

int memory_move_back(const struct memory_piece *piece, uintptr_t start, uintptr_t end,
	uint8_t *file, const uint8_t *snapshot, int fd, uint64_t offset)
{
	struct memory_call call = call_map_shared(piece, start, end, fd, offset);
	struct joiners joiners;
	sigset_t before;
	long result;

	joiners_prepare(&joiners, start, end, fd, offset);
	signals_block(&before);
	if (joiners.page != NULL)
		calls_make(&joiners.call, 1, NULL);
	result = merge_and_call(
		&call, (const uint8_t *)start, snapshot, file, (unsigned long)(end - start));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	joiners_end(&joiners);
	return result == (long)start ? 0 : (int)result;
}
