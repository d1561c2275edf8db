/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_descriptors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	abort();
}

static int memfd(size_t bytes, int seals)
{
	int fd = memfd_create("control", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
		(seals != 0 && fcntl(fd, F_ADD_SEALS, seals) < 0))
		die("memfd");
	return fd;
}

static int read_only(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void control_descriptors_make(struct control_descriptors *ret_descriptors)
{
	int pipe_ends[2], pair[2];
	struct error error = {0};

	if (pipe2(pipe_ends, O_CLOEXEC) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("pipe");
	close(pipe_ends[1]); /* nobody at the other end */
	close(pair[1]);
	ret_descriptors->fds[0] = verbs_memory_create(
		"control", CONTROL_FILE_BYTES, false, &ret_descriptors->shown, &error);
	ret_descriptors->fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret_descriptors->fds[2] = memfd(CONTROL_FILE_BYTES, F_SEAL_SHRINK | F_SEAL_GROW);
	ret_descriptors->fds[3] =
		memfd(CONTROL_FILE_BYTES, 0); /* not sealed, and cut off now and then */
	ret_descriptors->fds[4] = memfd(100, F_SEAL_SHRINK);
	ret_descriptors->fds[5] = memfd(CONTROL_FILE_BYTES, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	ret_descriptors->fds[6] = read_only(ret_descriptors->fds[0]);
	ret_descriptors->fds[7] = eventfd(0, EFD_CLOEXEC); /* blocks */
	ret_descriptors->fds[8] = open("/dev/null", O_RDWR | O_CLOEXEC);
	ret_descriptors->fds[9] = open("/dev/zero", O_RDWR | O_CLOEXEC);
	ret_descriptors->fds[10] = pipe_ends[0];
	ret_descriptors->fds[11] = pair[0];
	for (unsigned i = 0; i < CONTROL_DESCRIPTORS; i++)
		if (ret_descriptors->fds[i] < 0)
			die("descriptors");
	ret_descriptors->cut = ret_descriptors->fds[3];
}
