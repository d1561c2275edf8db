/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An application for tests of what may happen to applications: it exchanges numbered messages with
 * others until it is told to stop, or killed, and notices what is lost, twice there, out of order
 * or changed. Told what to do by lines on stdin; says what happens by lines on stdout.
 *
 *     verbs_load SOCKET BYTES [SHARED]     messages of up to BYTES; SHARED: receives in a shared
 *                                          queue of so many
 *
 *     qp                     -> qp LINK NUMBER ADDRESS KEY    a queue pair; of a word of ours
 *     connect LINK NUMBER ADDRESS KEY WHAT  -> connected LINK  WHAT: send, write, add or nothing
 *     stop LINK              it posts no more
 *     report LINK            -> report LINK PATH POSTED COMPLETED RECEIVED WORD
 *     destroy LINK           -> destroyed LINK
 *     hold                   receives are not posted again
 *
 *     failed LINK STATUS TIME  (the first completion in error; CLOCK_MONOTONIC, ns)
 *     fatal TIME, reconnected TIME   the engine is gone, and there again
 *     wrong ...              what must not be
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "verbs/weir.h"

enum { LINKS_MAX = 64, DEPTH = 16, WORDS_BYTES = 4096, BATCH = 32, IDLE_US = 20 };
#define A_RECEIVE (1ull << 32) /* in wr_id, which holds of a completion in error too */

enum what { NOTHING, SEND, WRITE, ADD };

struct link {
	struct weir_qp *qp; /* NULL: not in use */
	enum what what;
	bool stopped, failed;
	uint64_t posted, completed, received;
	uint64_t remote_address;
	uint32_t remote_key;
};

static struct {
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_cq *cq;
	struct weir_srq *srq;
	struct weir_mr *mr;
	uint8_t *memory; /* words, then messages: of links to send, of links or SRQ to receive */
	size_t bytes;
	uint32_t shared;
	bool hold;
	struct link links[LINKS_MAX];
	unsigned link_count;
} all;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	say("wrong: %s: %s", what, weir_error_text());
	exit(1);
}

/* ---- places ---- */

static uint64_t *word_of(unsigned link)
{
	return (uint64_t *)(void *)all.memory + 2 * link;
}

static uint8_t *message_at(size_t place)
{
	return all.memory + WORDS_BYTES + place * all.bytes;
}

static size_t send_place(unsigned link, uint64_t number)
{
	return link * DEPTH + number % DEPTH;
}

static size_t receive_place(unsigned link, unsigned place)
{
	return LINKS_MAX * DEPTH + (all.srq != NULL ? place : link * DEPTH + place);
}

/* ---- messages ---- */

static uint32_t length_of(uint64_t number)
{
	return (uint32_t)(16 + number * 2654435761u % (all.bytes - 15));
}

/* Its number, and the same at its end; between them the number's low byte, where it is looked at.
 */
static void message_write(uint8_t *to, uint64_t number)
{
	uint32_t length = length_of(number);

	memcpy(to, &number, 8);
	if (length > 16)
		memset(to + 8, (uint8_t)number, length - 16);
	memcpy(to + length - 8, &number, 8);
}

static bool message_good(const uint8_t *from, uint64_t number, uint32_t length)
{
	uint64_t first, last;

	if (length != length_of(number))
		return false;
	memcpy(&first, from, 8);
	memcpy(&last, from + length - 8, 8);
	for (uint32_t i = 8; i < length - 8; i++)
		if (from[i] != (uint8_t)number)
			return false;
	return first == number && last == number;
}

/* ---- posting ---- */

static void receive_post(unsigned link, unsigned place)
{
	struct weir_sge sge = {(uintptr_t)message_at(receive_place(link, place)),
		(uint32_t)all.bytes, all.mr->lkey};
	struct weir_recv_wr wr = {.wr_id = A_RECEIVE | place, .sg_list = &sge, .num_sge = 1}, *bad;

	if (all.srq != NULL)
		must(weir_post_srq_recv(all.srq, &wr, &bad) == 0, "weir_post_srq_recv");
	else
		must(weir_post_recv(all.links[link].qp, &wr, &bad) == 0, "weir_post_recv");
}

static void send_post(unsigned index)
{
	struct link *link = &all.links[index];
	uint8_t *message = message_at(send_place(index, link->posted));
	struct weir_sge sge = {(uintptr_t)message, 8, all.mr->lkey};
	struct weir_send_wr wr = {.wr_id = index,
				    .sg_list = &sge,
				    .num_sge = 1,
				    .send_flags = WEIR_SEND_SIGNALED},
			    *bad;

	if (link->what == SEND) {
		message_write(message, link->posted);
		sge.length = length_of(link->posted);
		wr.opcode = WEIR_WR_SEND;
	} else if (link->what == WRITE) {
		memcpy(message, &link->posted, 8);
		wr.opcode = WEIR_WR_RDMA_WRITE_WITH_IMM;
		wr.imm_data = (uint32_t)link->posted;
		wr.wr.rdma.remote_addr = link->remote_address;
		wr.wr.rdma.rkey = link->remote_key;
	} else {
		wr.opcode = WEIR_WR_ATOMIC_FETCH_AND_ADD;
		wr.wr.atomic.remote_addr = link->remote_address;
		wr.wr.atomic.rkey = link->remote_key;
		wr.wr.atomic.compare_add = 1;
	}
	must(weir_post_send(link->qp, &wr, &bad) == 0, "weir_post_send");
	link->posted++;
}

/* ---- completions ---- */

static void failed(unsigned index, const struct weir_wc *wc)
{
	struct link *link = &all.links[index];

	if (!link->failed)
		say("failed %u %u %" PRIu64, index, wc->status, now_ns());
	link->failed = true;
}

static void received(unsigned index, const struct weir_wc *wc)
{
	struct link *link = &all.links[index];
	uint64_t number = link->received;
	bool good;

	if (wc->opcode == WEIR_WC_RECV) {
		good = message_good(message_at(receive_place(index, (unsigned)wc->wr_id)), number,
			wc->byte_len);
	} else {
		/* The writer may be further already. */
		good = wc->imm_data == (uint32_t)number &&
			__atomic_load_n(word_of(index), __ATOMIC_RELAXED) >= number;
	}
	if (!good)
		say("wrong: link %u: message %" PRIu64 " is not there: opcode %u, %u bytes, "
		    "immediate %u",
			index, number, wc->opcode, wc->byte_len, wc->imm_data);
	link->received++;
}

static void sent(unsigned index)
{
	struct link *link = &all.links[index];

	if (link->what == ADD) {
		uint64_t before;

		memcpy(&before, message_at(send_place(index, link->completed)), 8);
		if (before != link->completed)
			say("wrong: link %u: addition %" PRIu64 " found %" PRIu64, index,
				link->completed, before);
	}
	link->completed++;
}

static void complete(const struct weir_wc *wc)
{
	unsigned index = 0;
	bool receive = (wc->wr_id & A_RECEIVE) != 0;

	while (index < all.link_count &&
		(all.links[index].qp == NULL || all.links[index].qp->qp_num != wc->qp_num))
		index++;
	if (index == all.link_count) {
		say("wrong: a completion of queue pair %u", wc->qp_num);
		return;
	}
	if (wc->status != WEIR_WC_SUCCESS)
		failed(index, wc);
	else if (receive)
		received(index, wc);
	else
		sent(index);
	/* A shared receive comes back in whichever way. */
	if (receive && !all.hold && (all.srq != NULL || wc->status == WEIR_WC_SUCCESS) &&
		(all.srq != NULL || !all.links[index].failed))
		receive_post(index, (unsigned)wc->wr_id);
}

/* ---- what is told ---- */

static void qp_make(void)
{
	unsigned index = 0;
	struct weir_qp_init_attr attr = {.send_cq = all.cq,
		.recv_cq = all.cq,
		.srq = all.srq,
		.cap = {.max_send_wr = DEPTH,
			.max_recv_wr = DEPTH,
			.max_send_sge = 1,
			.max_recv_sge = 1},
		.qp_type = WEIR_QPT_RC};
	struct link *link;

	while (index < LINKS_MAX && all.links[index].qp != NULL)
		index++;
	must(index < LINKS_MAX, "too many links");
	link = &all.links[index];
	*link = (struct link){.qp = weir_create_qp(all.pd, &attr)};
	must(link->qp != NULL, "weir_create_qp");
	if (index >= all.link_count)
		all.link_count = index + 1;
	*word_of(index) = 0;
	say("qp %u %u %" PRIu64 " %u", index, link->qp->qp_num, (uint64_t)(uintptr_t)word_of(index),
		all.mr->rkey);
}

static void qp_connect(unsigned index, uint32_t number, const char *what)
{
	struct link *link = &all.links[index];

	must(weir_connect_qp(link->qp, number) == 0, "weir_connect_qp");
	for (unsigned i = 0; all.srq == NULL && i < DEPTH; i++)
		receive_post(index, i);
	link->what = strcmp(what, "send") == 0 ? SEND
		: strcmp(what, "write") == 0   ? WRITE
		: strcmp(what, "add") == 0     ? ADD
					       : NOTHING;
	say("connected %u", index);
}

static void obey(const char *line)
{
	unsigned index = 0, number = 0, key = 0;
	uint64_t address = 0;
	char word[16] = "", what[16] = "";
	int count = sscanf(line, "%15s %u %u %" SCNu64 " %u %15s", word, &index, &number, &address,
		&key, what);
	struct link *link = &all.links[index % LINKS_MAX];

	if (strcmp(word, "qp") == 0) {
		qp_make();
	} else if (strcmp(word, "hold") == 0) {
		all.hold = true;
	} else if (count < 2 || link->qp == NULL) {
		say("wrong: what is \"%s\"?", line);
	} else if (strcmp(word, "connect") == 0) {
		link->remote_address = address;
		link->remote_key = key;
		qp_connect(index, number, what);
	} else if (strcmp(word, "stop") == 0) {
		link->stopped = true;
	} else if (strcmp(word, "report") == 0) {
		say("report %u %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, index,
			weir_qp_path(link->qp), link->posted, link->completed, link->received,
			*word_of(index));
	} else if (strcmp(word, "destroy") == 0) {
		weir_destroy_qp(link->qp);
		link->qp = NULL;
		say("destroyed %u", index);
	}
}

static void listen_to_lines(void)
{
	static char text[4096];
	static size_t length;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	ssize_t got;
	char *end;

	if (poll(&input, 1, 0) <= 0)
		return;
	got = read(STDIN_FILENO, text + length, sizeof(text) - 1 - length);
	if (got <= 0) {
		weir_close(all.device);
		exit(0);
	}
	length += (size_t)got;
	text[length] = '\0';
	while ((end = strchr(text, '\n')) != NULL) {
		*end = '\0';
		obey(text);
		length -= (size_t)(end + 1 - text);
		memmove(text, end + 1, length + 1);
	}
}

/* ---- what happens ---- */

static void reconnect(void)
{
	int status;

	/* Direct links go on meanwhile: it is tried once a look. */
	status = weir_reconnect(all.device);
	if (status == 0 || status == EISCONN)
		say("reconnected %" PRIu64, now_ns());
	else if (status != EAGAIN && status != EIO)
		say("wrong: weir_reconnect: %s: %s", strerror(status), weir_error_text());
}

static void look_around(void)
{
	struct weir_async_event event;
	struct weir_device_attr attr;

	listen_to_lines();
	while (weir_get_async_event(all.device, &event) == 0) {
		if (event.event_type == WEIR_EVENT_DEVICE_FATAL)
			say("fatal %" PRIu64, now_ns());
		weir_ack_async_event(&event);
	}
	weir_query_device(all.device, &attr);
	if (!attr.active)
		reconnect();
}

static int work(void)
{
	struct weir_wc wc[BATCH];
	int count = weir_poll_cq(all.cq, BATCH, wc);

	must(count >= 0, "weir_poll_cq");
	for (int i = 0; i < count; i++)
		complete(&wc[i]);
	for (unsigned i = 0; i < all.link_count; i++) {
		struct link *link = &all.links[i];

		if (link->qp == NULL || link->what == NOTHING || link->stopped || link->failed)
			continue;
		while (link->posted - link->completed < DEPTH)
			send_post(i);
	}
	return count;
}

static void set_up(const char *socket)
{
	const unsigned access = WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE |
		WEIR_ACCESS_REMOTE_READ | WEIR_ACCESS_REMOTE_ATOMIC;
	struct weir_srq_attr srq = {.max_wr = all.shared, .max_sge = 1};
	size_t length = WORDS_BYTES +
		(LINKS_MAX * DEPTH + (all.shared > 0 ? all.shared : LINKS_MAX * DEPTH)) * all.bytes;

	must((all.device = weir_open(socket)) != NULL, "weir_open");
	must(fcntl(weir_async_fd(all.device), F_SETFL, O_NONBLOCK) == 0, "O_NONBLOCK");
	must((all.pd = weir_alloc_pd(all.device)) != NULL, "weir_alloc_pd");
	must((all.memory = weir_alloc(all.device, length, false)) != NULL, "weir_alloc");
	must((all.mr = weir_reg_mr(all.pd, all.memory, length, access)) != NULL, "weir_reg_mr");
	must((all.cq = weir_create_cq(all.device, 4096, NULL, NULL)) != NULL, "weir_create_cq");
	if (all.shared == 0)
		return;
	must((all.srq = weir_create_srq(all.pd, &srq, NULL)) != NULL, "weir_create_srq");
	for (unsigned i = 0; i < all.shared; i++)
		receive_post(0, i);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	all.bytes = strtoul(argv[2], NULL, 10);
	all.shared = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
	set_up(argv[1]);
	say("ready");
	for (unsigned turn = 0;; turn++) {
		int count = work();

		if (turn % 16 == 0 || count == 0)
			look_around();
		if (count == 0)
			usleep(IDLE_US);
	}
}
