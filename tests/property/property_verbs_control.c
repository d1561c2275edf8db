/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whatever applications ask on the verbs socket, and whatever descriptors they send: each request
 * is answered once and well, or its connection is closed; no limit is passed; and when all
 * connections are closed nothing of them is left: no object, no mapping, no descriptor.
 *
 * Three applications. Requests are given to the server as it would have read them, so that there
 * are many a second; one in a thousand goes over the socket, with a length and descriptors that the
 * library would not send. Answers are looked at where the server sends them (the linker's --wrap).
 *
 * $WEIR_ITERATIONS says how many requests: 10^8 take some minutes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <time.h>

#include "../unit/verbs/fake_client.h"
#include "control_accounts.h"
#include "control_descriptors.h"
#include "control_raw.h"
#include "control_requests.h"
#include "verbs/reason.h"

enum { CLIENTS = 3, BYTES_MAX = 64 << 10, SENT_FDS_MAX = 8 };
enum { EPOCH = 1 << 15, WORK_EVERY = 64, HANG_SECONDS = 120 };
#define ITERATIONS_DEFAULT 300000ull

struct client {
	int socket;
	struct server_connection *connection; /* NULL: to be opened */
	int server_socket; /* of that */
	struct control_handles handles;
	uint64_t asked, answered;
	union verbs_message request; /* the last one */
};

/* See the linker's --wrap. */
int __wrap_verbs_message_send(
	int socket, const union verbs_message *message, const int fds[], unsigned fd_count);

static struct fake_server fake;
static struct client clients[CLIENTS];
static struct control_descriptors kinds;
static uint64_t state;
static struct control_raw raw;
static uint64_t answered_well[VERBS_TYPE_COUNT], refused, kicked[VERBS_REASON_COUNT], over_socket;

/* NULL: it is not. */
static void broken(const char *what)
{
	if (what != NULL)
		fail_msg("%s", what);
}

/* ---- requests with descriptors ---- */

/* Those that such a request should have, mostly. Returns how many. */
static unsigned fds_choose(const union verbs_message *request, int fds[])
{
	static const uint8_t wanted[VERBS_TYPE_COUNT] = {[VERBS_HELLO] = 1,
		[VERBS_REG_MR] = 1,
		[VERBS_CREATE_SRQ] = 1,
		[VERBS_CREATE_QP] = 1,
		[VERBS_CREATE_RAW] = 1};
	unsigned type = request->head.type;
	unsigned count = type < VERBS_TYPE_COUNT ? wanted[type] : 0;

	if (type == VERBS_CREATE_QP)
		count += (unsigned)__builtin_popcount(request->create_qp.flags & 3);
	else if (type == VERBS_CREATE_RAW)
		count += control_below(&state, 2);
	for (unsigned i = 0; i < VERBS_FDS_MAX; i++)
		fds[i] = kinds.fds[i == 0 ? 0 : 1];
	if (control_below(&state, 64) == 0)
		fds[control_below(&state, VERBS_FDS_MAX)] =
			kinds.fds[control_below(&state, CONTROL_DESCRIPTORS)];
	if (control_below(&state, 4096) == 0)
		count = control_below(&state, VERBS_FDS_MAX + 1);
	return count;
}

/* ---- what the server says ---- */

static bool all_zero(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static void event_check(const union verbs_message *message, unsigned fd_count)
{
	const struct verbs_event *event = &message->event;

	if (message->head.bytes != sizeof(*event) || message->head.number != 0 || fd_count != 0 ||
		event->event > VERBS_EVENT_PORT || event->reason >= VERBS_REASON_COUNT)
		broken("an event is none");
	if (event->event == VERBS_EVENT_KICKED)
		kicked[event->reason]++;
}

static void answer_check(
	struct client *client, const union verbs_message *message, unsigned fd_count)
{
	const struct verbs_answer *answer = &message->answer;
	unsigned type = message->head.type;

	if (type >= VERBS_TYPE_COUNT || message->head.bytes != verbs_answer_bytes(type) ||
		message->head.number == 0 || answer->error < 0 || answer->error > 4095 ||
		memchr(answer->text, '\0', sizeof(answer->text)) == NULL)
		broken("an answer is none");
	if (++client->answered > client->asked)
		broken("an answer that nobody asked for");
	if (answer->error != 0) {
		if (fd_count != 0 || answer->text[0] == '\0' ||
			!all_zero(message->raw + sizeof(*answer),
				message->head.bytes - sizeof(*answer)))
			broken("an error with more than its text");
		refused++;
		return;
	}
	answered_well[type]++;
	control_remember(&client->handles, type, message->handle_answer.handle);
	if (type == client->request.head.type)
		control_forget(&client->handles, type, client->request.handle.handle);
}

int __wrap_verbs_message_send(
	int socket, const union verbs_message *message, const int fds[], unsigned fd_count)
{
	/* It does not read now. */
	if (control_below(&state, 1024) == 0 && message->event.event != VERBS_EVENT_KICKED)
		return -EAGAIN;
	for (unsigned i = 0; i < fd_count; i++)
		if (fd_count > VERBS_FDS_MAX || fcntl(fds[i], F_GETFD) < 0)
			broken("a descriptor that is none");
	if (message->head.type == VERBS_EVENT) {
		event_check(message, fd_count);
		return 0;
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		if (clients[i].connection != NULL && clients[i].server_socket == socket) {
			answer_check(&clients[i], message, fd_count);
			return 0;
		}
	broken("an answer to nobody");
	return 0;
}

/* ---- applications ---- */

static void client_open(struct client *client)
{
	struct fake_client opened;

	memset(client, 0, sizeof(*client));
	fake_client_open(&fake, &opened);
	client->socket = opened.socket;
	client->connection = fake.server->connections;
	if (client->connection == NULL) {
		broken("a new connection is not taken");
		return;
	}
	client->server_socket = client->connection->socket;
}

static void client_gone(struct client *client)
{
	client->connection = NULL;
	close(client->socket);
}

/* Forgets those that the server has closed. */
static void clients_find(void)
{
	for (unsigned i = 0; i < CLIENTS; i++) {
		const struct server_connection *at = fake.server->connections;

		while (at != NULL && at != clients[i].connection)
			at = at->next;
		if (clients[i].connection != NULL && at == NULL)
			client_gone(&clients[i]);
	}
}

static void server_steps(void)
{
	verbs_server_step(fake.server);
	clients_find();
}

/* The rest of a step after server_handle(). */
static void server_closes(void)
{
	bool some = false;

	for (unsigned i = 0; i < CLIENTS; i++)
		some = some || (clients[i].connection != NULL && clients[i].connection->closing);
	if (!some)
		return;
	server_lock(fake.server);
	server_reap(fake.server);
	pthread_mutex_unlock(&fake.server->lock);
	clients_find();
}

/* As the server has it after reading. */
static void hand_over(
	struct client *client, const union verbs_message *request, const int fds[], unsigned count)
{
	int own[VERBS_FDS_MAX];

	for (unsigned i = 0; i < count; i++)
		own[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
	client->asked++;
	server_lock(fake.server);
	server_handle(client->connection, request, own, count);
	pthread_mutex_unlock(&fake.server->lock);
}

/* Of another length than it says perhaps, with more descriptors than there may be perhaps. */
static void send_over_socket(
	struct client *client, const union verbs_message *request, const int fds[], unsigned count)
{
	char control[CMSG_SPACE(SENT_FDS_MAX * sizeof(int))] = {0};
	struct iovec part = {(void *)(uintptr_t)request->raw, request->head.bytes};
	struct msghdr datagram = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head = (struct cmsghdr *)(void *)control;
	int all[SENT_FDS_MAX];

	memcpy(all, fds, count * sizeof(int));
	if (control_below(&state, 64) == 0)
		while (count < SENT_FDS_MAX)
			all[count++] = kinds.fds[control_below(&state, CONTROL_DESCRIPTORS)];
	if (part.iov_len > sizeof(*request) || control_below(&state, 64) == 0)
		part.iov_len = control_below(&state, sizeof(*request) + 1);
	if (count > 0) {
		datagram.msg_control = control;
		datagram.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), all, count * sizeof(int));
	}
	over_socket++;
	client->asked++;
	sendmsg(client->socket, &datagram, MSG_NOSIGNAL);
	server_steps();
}

static void ask_once(void)
{
	struct client *client = &clients[control_below(&state, CLIENTS)];
	const struct client *other = &clients[control_below(&state, CLIENTS)];
	union verbs_message *request = &client->request;
	int fds[VERBS_FDS_MAX];
	unsigned count;

	if (client->connection == NULL)
		client_open(client);
	if (!client->connection->greeted && control_below(&state, 16) != 0)
		control_hello(&state, request);
	else
		control_request(&client->handles, &other->handles, &state, request);
	if (request->head.type == VERBS_CREATE_QP || request->head.type == VERBS_CREATE_SRQ)
		fake_header_fill(
			(struct verbs_queue_header *)(void *)kinds.shown.base, fake_geometry());
	count = fds_choose(request, fds);
	(control_below(&state, 1024) == 0 ? send_over_socket : hand_over)(
		client, request, fds, count);
	if (client->connection != NULL)
		broken(control_accounts_check(client->connection));
	server_closes();
}

/* ---- the end ---- */

static void epoch_end(unsigned fds_before, unsigned mappings_before)
{
	struct verbs_server *server = fake.server;

	/* What waits is read at last. */
	for (unsigned i = 0; i < 64; i++)
		server_steps();
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct client *client = &clients[i];

		if (client->connection == NULL)
			continue;
		if (client->connection->outgoing != NULL || client->asked != client->answered)
			broken("a request without an answer");
		client_gone(client);
	}
	verbs_server_step(server);
	broken(control_nothing_left(server));
	if (raw.attached != 0)
		broken("the engine still has raw queue pairs");
	if (fake_open_fds() != fds_before)
		broken("a descriptor is left");
	if (control_mappings() != mappings_before)
		broken("a mapping is left");
	alarm(HANG_SECONDS);
}

static void print_counts(uint64_t iterations, uint64_t seed, double seconds)
{
	uint64_t well = 0;

	for (unsigned i = 0; i < VERBS_TYPE_COUNT; i++)
		well += answered_well[i];
	printf("seed %" PRIu64 ": %" PRIu64 " requests in %.0f s, %" PRIu64 " of them over the "
	       "socket: %" PRIu64 " done, %" PRIu64 " refused\n",
		seed, iterations, seconds, over_socket, well, refused);
	printf("%12" PRIu64 "  connections\n", fake.server->connections_ever);
	for (unsigned i = 0; i < VERBS_REASON_COUNT; i++)
		if (kicked[i] > 0)
			printf("%12" PRIu64 "  closed: %s\n", kicked[i], verbs_reason_name(i));
}

static uint64_t number_of(const char *variable, uint64_t fallback)
{
	const char *text = getenv(variable);

	return text == NULL ? fallback : strtoull(text, NULL, 0);
}

static void nothing_is_left_of_what_was_asked(void **unused)
{
	static const enum verbs_policy policies[] = {
		VERBS_POLICY_AUTO, VERBS_POLICY_DIRECT, VERBS_POLICY_ENGINE};
	uint64_t iterations = number_of("WEIR_ITERATIONS", ITERATIONS_DEFAULT);
	uint64_t seed = number_of("WEIR_SEED", (uint64_t)time(NULL));
	struct verbs_server_config config = fake_config(VERBS_POLICY_AUTO);
	unsigned fds_before, mappings_before;
	time_t begin = time(NULL);

	(void)unused;
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	state = seed * 0x9e3779b97f4a7c15ull | 1;
	signal(SIGPIPE, SIG_IGN); /* as weir run: an application's eventfd may be a pipe */
	control_descriptors_make(&kinds);
	raw = (struct control_raw){&state, kinds.fds[0], 0};
	config.bytes = BYTES_MAX;
	fake_server_start(&fake, config, &control_raw, &raw);
	fds_before = fake_open_fds();
	mappings_before = control_mappings();
	alarm(HANG_SECONDS); /* ends the program: something hangs */
	for (uint64_t i = 1; i <= iterations; i++) {
		ask_once();
		if (i % WORK_EVERY == 0) {
			verbs_server_work(fake.server, 0);
			verbs_server_work(fake.server, 1);
			server_steps();
		}
		if (i % 1024 == 0 &&
			ftruncate(kinds.cut, i % 2048 == 0 ? CONTROL_FILE_BYTES : 0) < 0)
			fake_die("ftruncate");
		if (i % EPOCH == 0 || i == iterations) {
			epoch_end(fds_before, mappings_before);
			fake.server->config.policy = policies[control_below(&state, 3)];
		}
	}
	alarm(0);
	print_counts(iterations, seed, difftime(time(NULL), begin));
	for (unsigned i = VERBS_HELLO; i < VERBS_TYPE_COUNT; i++)
		if (answered_well[i] == 0)
			fail_msg("no request of type %u was ever done", i);
	if (kicked[VERBS_REASON_BAD_MESSAGE] == 0 || kicked[VERBS_REASON_BAD_MEMORY] == 0)
		fail_msg("nobody was kicked");
	verbs_server_destroy(fake.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_left_of_what_was_asked)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
