/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	uint32_t request, answer;
} sizes[VERBS_TYPE_COUNT] = {
#define SIZES(type, request, answer)                                                               \
	[VERBS_##type] = {sizeof(struct verbs_##request), sizeof(struct verbs_##answer)}
	SIZES(HELLO, hello, hello_answer),
	SIZES(ALLOC_PD, alloc_pd, handle_answer),
	SIZES(DEALLOC_PD, handle, answer),
	SIZES(REG_MR, reg_mr, handle_answer),
	SIZES(DEREG_MR, handle, answer),
	SIZES(CREATE_SRQ, create_srq, handle_answer),
	SIZES(DESTROY_SRQ, handle, answer),
	SIZES(CREATE_QP, create_qp, handle_answer),
	SIZES(MODIFY_QP, modify_qp, answer),
	SIZES(DESTROY_QP, handle, answer),
	SIZES(GET_PEER, get_peer, get_peer_answer),
	SIZES(GET_REGION, get_region, get_region_answer),
	SIZES(CREATE_RAW, create_raw, handle_answer),
	SIZES(CREATE_FLOW, create_flow, handle_answer),
	SIZES(DESTROY_FLOW, handle, answer),
	SIZES(GET_PACKETS, get_packets, get_packets_answer),
#undef SIZES
};

uint32_t verbs_request_bytes(unsigned type)
{
	return type < VERBS_TYPE_COUNT ? sizes[type].request : 0;
}

uint32_t verbs_answer_bytes(unsigned type)
{
	return type < VERBS_TYPE_COUNT ? sizes[type].answer : 0;
}

int verbs_message_send(
	int socket, const union verbs_message *message, const int fds[], unsigned fd_count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(VERBS_FDS_MAX * sizeof(int))];
	} control = {.room = {0}};
	struct iovec part = {(void *)message->raw, message->head.bytes};
	struct msghdr datagram = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	if (fd_count > VERBS_FDS_MAX || part.iov_len < sizeof(struct verbs_head) ||
		part.iov_len > VERBS_MESSAGE_BYTES)
		return -EINVAL;
	if (fd_count > 0) {
		datagram.msg_control = control.room;
		datagram.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, fd_count * sizeof(int));
	}
	do
		sent = sendmsg(socket, &datagram, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* The descriptors that came with a datagram: at most as many as its control buffer has room for. */
static unsigned descriptors_take(struct msghdr *datagram, int fds[])
{
	struct cmsghdr *head;
	unsigned count = 0;

	for (head = CMSG_FIRSTHDR(datagram); head != NULL; head = CMSG_NXTHDR(datagram, head)) {
		size_t bytes = head->cmsg_len - CMSG_LEN(0);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + at, sizeof(fd));
			if (count < VERBS_FDS_MAX)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

int verbs_message_receive(
	int socket, union verbs_message *ret_message, int ret_fds[], unsigned *ret_fd_count)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(VERBS_FDS_MAX * sizeof(int))];
	} control;
	struct iovec part = {ret_message->raw, sizeof(ret_message->raw)};
	struct msghdr datagram = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room)};
	unsigned count;
	ssize_t got;

	*ret_fd_count = 0;
	memset(ret_message, 0, sizeof(*ret_message));
	do
		got = recvmsg(socket, &datagram, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	count = descriptors_take(&datagram, ret_fds);
	/* An empty datagram looks like the end of the connection: one who sends it wants that. */
	if (got >= (ssize_t)sizeof(struct verbs_head) && ret_message->head.bytes == got &&
		(datagram.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
		*ret_fd_count = count;
		return 0;
	}
	while (count > 0)
		close(ret_fds[--count]);
	return got == 0 ? -ECONNRESET : -EPROTO;
}
