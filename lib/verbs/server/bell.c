/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ringing an application's eventfd without ever waiting for it. It shares the open file with us: it
 * can make it blocking and fill its counter between any check of ours and write(2), and the worker
 * would stand still for as long as it likes. Completions of asynchronous I/O raise an eventfd
 * inside the kernel, which never waits (io_submit(2), IOCB_FLAG_RESFD): so we poll a descriptor
 * that is always readable, and have that signalled. It costs no more than the write.
 *
 * Applications of the engine's own user could stop it anyway: theirs are written.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "verbs/server/state.h"

enum { COMPLETIONS = 64 };

void bell_init(struct server_bell *bell)
{
	*bell = (struct server_bell){.ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (bell->ready < 0 || syscall(__NR_io_setup, COMPLETIONS, &bell->context) < 0)
		bell->context = 0;
}

void bell_fini(struct server_bell *bell)
{
	if (bell->context != 0)
		syscall(__NR_io_destroy, bell->context);
	if (bell->ready >= 0)
		close(bell->ready);
}

static void signal_by_completion(const struct server_bell *bell, int fd)
{
	struct iocb request = {.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_fildes = (uint32_t)bell->ready,
		.aio_buf = POLLIN,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd};
	struct iocb *requests[] = {&request};
	struct io_event done[COMPLETIONS];
	struct timespec at_once = {0};

	if (syscall(__NR_io_submit, bell->context, 1, requests) == 1)
		return;
	/* No room for its completion: nobody has taken those of before. */
	syscall(__NR_io_getevents, bell->context, 0, COMPLETIONS, done, &at_once);
	syscall(__NR_io_submit, bell->context, 1, requests);
}

void bell_ring(const struct server_bell *bell, const struct server_connection *owner, int fd)
{
	if (fd < 0)
		return;
	if (owner->trusted)
		work_event_write(fd);
	else if (bell->context != 0)
		signal_by_completion(bell, fd);
	else if ((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0)
		/* The best that a kernel without asynchronous I/O allows. */
		work_event_write(fd);
}
