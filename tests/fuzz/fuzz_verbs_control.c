/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two applications, hostile and less so, talk to the verbs server on its socket: requests with the
 * fields, lengths and descriptors that the input says, some sealed as they should be, some not, too
 * short, cut off later, or no memory at all. Afterwards nothing of them may be left: no connection,
 * no descriptor.
 *
 * An input is a list of steps: 4 bytes (who and what, type, descriptors, length), then so many
 * bytes that lie over the fields of a request that would be good.
 */
#include "../unit/verbs/fake_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 8, STEPS_MAX = 64 };

static struct fake_server fake;
static struct fake_client clients[2];
static int kinds[KINDS]; /* descriptors, made anew for each input */
static uint32_t last_queue[2], last_key[2];

static int memfd(size_t bytes, int seals)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
		(seals != 0 && fcntl(fd, F_ADD_SEALS, seals) < 0))
		fake_die("memfd");
	return fd;
}

static void kinds_make(void)
{
	struct verbs_queue_header header = {0};

	kinds[0] = memfd(1 << 20, F_SEAL_SHRINK);
	kinds[1] = memfd(1 << 20, F_SEAL_SHRINK | F_SEAL_GROW);
	fake_header_fill(&header, fake_geometry());
	if (pwrite(kinds[1], &header, sizeof(header), 0) < 0)
		fake_die("pwrite");
	kinds[2] = memfd(1 << 20, 0);
	kinds[3] = memfd(100, F_SEAL_SHRINK);
	kinds[4] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	kinds[5] = eventfd(0, EFD_CLOEXEC); /* blocks */
	kinds[6] = memfd(1 << 20, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
	kinds[7] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void fill_good(union verbs_message *message, unsigned type, unsigned who)
{
	uint32_t pd = clients[who].pd;

	switch (type) {
	case VERBS_HELLO: message->hello.version = VERBS_PROTOCOL_VERSION; break;
	case VERBS_REG_MR:
		message->reg_mr.pd = pd;
		message->reg_mr.access = 15;
		message->reg_mr.address = 0x10000;
		message->reg_mr.bytes = 4096;
		break;
	case VERBS_CREATE_SRQ:
		message->create_srq.pd = pd;
		message->create_srq.depth = 16;
		message->create_srq.segments = 1;
		break;
	case VERBS_CREATE_QP:
		message->create_qp.pd = pd;
		message->create_qp.type = WEIR_QPT_RC;
		message->create_qp.geometry = *fake_geometry();
		break;
	case VERBS_MODIFY_QP:
		message->modify_qp.queue = last_queue[who];
		message->modify_qp.state = WEIR_QPS_RTS;
		message->modify_qp.remote_queue = last_queue[1 - who];
		break;
	case VERBS_GET_PEER: message->get_peer.queue = last_queue[who]; break;
	case VERBS_GET_REGION:
		message->get_region.queue = last_queue[who];
		message->get_region.key = last_key[1 - who];
		break;
	case VERBS_DEREG_MR: message->handle.handle = last_key[who]; break;
	case VERBS_DESTROY_QP: message->handle.handle = last_queue[who]; break;
	default: break;
	}
}

static void read_all(unsigned who)
{
	union verbs_message message;
	int fds[VERBS_FDS_MAX];
	unsigned count;

	while (verbs_message_receive(clients[who].socket, &message, fds, &count) == 0) {
		while (count > 0)
			close(fds[--count]);
		if (message.head.bytes < sizeof(struct verbs_answer) || message.answer.error != 0)
			continue;
		if (message.head.type == VERBS_CREATE_QP)
			last_queue[who] = message.handle_answer.handle;
		else if (message.head.type == VERBS_REG_MR)
			last_key[who] = message.handle_answer.handle;
	}
}

/* The datagram as the input has it: verbs_message_send() would refuse some. */
static void datagram_send(int socket, const union verbs_message *message, size_t bytes,
	const int fds[], unsigned fd_count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = {0};
	struct iovec part = {(void *)(uintptr_t)message->raw, bytes};
	struct msghdr datagram = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd_count > 0) {
		struct cmsghdr *head = (struct cmsghdr *)(void *)control;

		datagram.msg_control = control;
		datagram.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, fd_count * sizeof(int));
	}
	sendmsg(socket, &datagram, MSG_NOSIGNAL);
}

/* Returns how much of the input it took. */
static size_t step(const uint8_t *data, size_t size)
{
	unsigned who = data[0] & 1, type = data[1] % (VERBS_TYPE_COUNT + 2), fd_count = 0;
	union verbs_message message = {.head = {0}};
	size_t bytes = data[3], length;
	int fds[8];

	data += 4;
	if (bytes > size - 4)
		bytes = size - 4;
	for (unsigned i = 0; i < 3 && (data[-2] >> (6 - 2 * i) & 3) != 0; i++)
		fds[fd_count++] = kinds[((data[-2] >> (6 - 2 * i) & 3) - 1 + (data[-4] >> 5)) & 7];
	if ((data[-4] & 0x1e) == 0x1e)
		while (fd_count < 8)
			fds[fd_count++] = kinds[0];
	fill_good(&message, type, who);
	for (size_t i = 0; i < bytes; i++) /* over the body, as differences */
		message.raw[(sizeof(struct verbs_head) + i) % sizeof(message)] ^= data[i];
	length = verbs_request_bytes(type);
	message.head = (struct verbs_head){(uint16_t)type, (uint16_t)length, 1};
	if ((data[-4] & 0x1e) == 0x1c)
		length += 1;
	if (length <= sizeof(message))
		datagram_send(clients[who].socket, &message, length, fds, fd_count);
	if ((data[-4] & 0x1e) == 0x1a && ftruncate(kinds[2], 0) < 0)
		fake_die("ftruncate");
	verbs_server_step(fake.server);
	read_all(who);
	verbs_server_work(fake.server, 0);
	verbs_server_work(fake.server, 1);
	return 4 + bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verbs_server_view view;
	unsigned before;

	if (fake.server == NULL)
		fake_server_start(&fake, fake_config(VERBS_POLICY_AUTO), NULL, NULL);
	before = fake_open_fds();
	kinds_make();
	for (unsigned i = 0; i < 2; i++) {
		if (size > 0 && (data[size - 1] & 1u << i) != 0)
			fake_client_open(&fake, &clients[i]);
		else
			fake_client_start(&fake, &clients[i]);
		last_queue[i] = last_key[i] = 0;
	}
	for (unsigned i = 0; i < STEPS_MAX && size >= 4; i++) {
		size_t taken = step(data, size);

		data += taken;
		size -= taken;
	}
	for (unsigned i = 0; i < 2; i++)
		fake_client_drop(&clients[i]);
	for (unsigned i = 0; i < KINDS; i++)
		close(kinds[i]);
	verbs_server_step(fake.server);
	if (verbs_server_view(fake.server, &view) < 0 || view.connection_count != 0 ||
		view.queue_count != 0 || fake_open_fds() != before)
		abort();
	verbs_server_view_free(&view);
	return 0;
}
