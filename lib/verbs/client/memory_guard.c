/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/client/memory_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* What the SIGSEGV handler knows. One move at a time: the mover holds the lock of memory. */
static struct {
	uintptr_t start, end; /* being moved; empty: nothing */
	struct sigaction before; /* whoever handled it before us */
} protected;

static void fault_elsewhere(int number, siginfo_t *information, void *context)
{
	const struct sigaction *before = &protected.before;

	if ((before->sa_flags & SA_SIGINFO) != 0)
		before->sa_sigaction(number, information, context);
	else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN)
		sigaction(number, before, NULL); /* it faults again, and ends there */
	else
		before->sa_handler(number);
}

/* By an atomic addition of 0 that the kernel makes for us, and is told EFAULT of. */
static bool is_writable(uintptr_t address)
{
	static uint32_t nobody;

	return syscall(SYS_futex, &nobody, FUTEX_WAKE_OP | FUTEX_PRIVATE_FLAG, 0, 0L,
		       address & ~(uintptr_t)3, FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)) >= 0;
}

static void fault_wait(int number, siginfo_t *information, void *context)
{
	const long write = 1 << 1; /* of the processor's error code */
	uintptr_t address = (uintptr_t)information->si_addr;
	int code = errno;

	if (information->si_code == SEGV_ACCERR &&
		(((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & write) != 0) {
		while (address >= __atomic_load_n(&protected.start, __ATOMIC_ACQUIRE) &&
			address < __atomic_load_n(&protected.end, __ATOMIC_ACQUIRE))
			sched_yield();
		/* The fault may have been raised during a move and arrive after it. */
		if (is_writable(address)) {
			errno = code;
			return;
		}
	}
	errno = code;
	fault_elsewhere(number, information, context);
}

/* It stays installed: taking it away would race with a fault on its way. */
static void handler_install(void)
{
	struct sigaction now, ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};

	ours.sa_sigaction = fault_wait;
	sigemptyset(&ours.sa_mask);
	if (sigaction(SIGSEGV, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
		now.sa_sigaction == fault_wait)
		return;
	protected.before = now;
	sigaction(SIGSEGV, &ours, NULL);
}

/* The kernel writes into a thread's rseq area when it likes, and kills the thread if it cannot.
 * Nobody but this thread writes there. */
static bool has_own_rseq(uintptr_t start, uintptr_t end)
{
	uintptr_t area = (uintptr_t)__builtin_thread_pointer() + (uintptr_t)__rseq_offset;

	return area + sizeof(struct rseq) > start && area < end;
}

/* Opens a userfaultfd over [start, end). False: there is none for this memory. */
static bool userfault_prepare(struct memory_guard *guard, const struct memory_piece *piece,
	uintptr_t start, uintptr_t end)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP};
	struct uffdio_register wanted = {.mode = UFFDIO_REGISTER_MODE_WP};

	if (piece->inode != 0 && !piece->huge)
		return false; /* of private file mappings it knows nothing */
	if (piece->huge)
		api.features |= UFFD_FEATURE_WP_HUGETLBFS_SHMEM;
	guard->userfault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (guard->userfault < 0)
		guard->userfault = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (guard->userfault < 0)
		return false;
	wanted.range.start = start;
	wanted.range.len = end - start;
	guard->closed.range = guard->opened.range = wanted.range;
	guard->closed.mode = UFFDIO_WRITEPROTECT_MODE_WP;
	/* Only a page that is there can be protected: the zero page will do. */
	if (ioctl(guard->userfault, UFFDIO_API, &api) == 0 &&
		ioctl(guard->userfault, UFFDIO_REGISTER, &wanted) == 0 &&
		madvise((void *)start, end - start, MADV_POPULATE_READ) == 0)
		return true;
	close(guard->userfault);
	guard->userfault = -1;
	return false;
}

void memory_guard_prepare(struct memory_guard *guard, const struct memory_piece *piece,
	uintptr_t start, uintptr_t end)
{
	*guard = (struct memory_guard){.userfault = -1};
	guard->wanted = !__libc_single_threaded && (piece->protection & PROT_WRITE) != 0 &&
		!has_own_rseq(start, end);
	if (!guard->wanted)
		return;
	if (userfault_prepare(guard, piece, start, end)) {
		guard->begin = (struct memory_call){.number = SYS_ioctl,
			.argument = {
				guard->userfault, (long)UFFDIO_WRITEPROTECT, (long)&guard->closed}};
		guard->undo = (struct memory_call){.number = SYS_ioctl,
			.argument = {
				guard->userfault, (long)UFFDIO_WRITEPROTECT, (long)&guard->opened}};
		return;
	}
	handler_install();
	__atomic_store_n(&protected.end, end, __ATOMIC_RELEASE);
	__atomic_store_n(&protected.start, start, __ATOMIC_RELEASE);
	guard->begin = (struct memory_call){.number = SYS_mprotect,
		.argument = {(long)start, (long)(end - start), piece->protection & ~PROT_WRITE}};
	guard->undo = (struct memory_call){.number = SYS_mprotect,
		.argument = {(long)start, (long)(end - start), piece->protection}};
}

void memory_guard_end(struct memory_guard *guard)
{
	if (guard->userfault >= 0) {
		close(guard->userfault); /* wakes them */
	} else if (guard->wanted) {
		__atomic_store_n(&protected.end, 0, __ATOMIC_RELEASE);
	}
	guard->userfault = -1;
	guard->wanted = false;
}
