/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/memif.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_interrupts.h>
#include <rte_lcore.h>

/* A send waits 1000 sleeps of at least 20 us; who is still kept out then is so for another reason
 * than a peer. */
enum { SLEEP_NS = 20000, SEND_SLEEPS = 1000 };

/* Threads that are in the driver, by DPDK's thread id: mostly one, and a line of its own. */
static struct {
	uint32_t inside; /* atomic. Writers: the threads. Reader: EAL's interrupt thread */
} __rte_cache_aligned places[RTE_MAX_LCORE];

/* Atomic. Writer: EAL's interrupt thread. Readers: workers */
static uint32_t closed __rte_cache_aligned;

static void sleep_a_little(void)
{
	nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
}

/* Each side says first what it is about to do and looks at the other's word afterwards, in one
 * order for all: at most one of them goes on. */
static bool enter(uint32_t *inside)
{
	__atomic_fetch_add(inside, 1, __ATOMIC_SEQ_CST);
	if (likely(!__atomic_load_n(&closed, __ATOMIC_SEQ_CST)))
		return true;
	__atomic_fetch_sub(inside, 1, __ATOMIC_RELEASE);
	return false;
}

static void leave(uint32_t *inside)
{
	__atomic_fetch_sub(inside, 1, __ATOMIC_RELEASE);
}

/* Needs no bound: a burst ends, whether its worker runs now or later. */
static void keep_workers_out(void)
{
	__atomic_store_n(&closed, 1, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < RTE_DIM(places); i++)
		while (__atomic_load_n(&places[i].inside, __ATOMIC_SEQ_CST) > 0)
			sleep_a_little();
}

static void let_workers_in(void)
{
	__atomic_store_n(&closed, 0, __ATOMIC_RELEASE);
}

/* The program's own stands before libc's, for DPDK's libraries too. EAL's interrupt thread waits
 * here for what it handles next, and only here: what it does between two calls, it does alone.
 * There is no other place to know of a peer before the driver does. */
int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout_ms)
{
	int ready;

	if (rte_thread_is_intr())
		let_workers_in();
	ready = epoll_pwait(epoll, events, count, timeout_ms, NULL);
	if (rte_thread_is_intr())
		keep_workers_out();
	return ready;
}

static bool is_memif_socket(int socket)
{
	int type = 0;
	socklen_t length = sizeof(type);

	return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
		type == SOCK_SEQPACKET;
}

/* A peer that left before it was greeted: the driver closes the socket but leaves it with EAL's
 * interrupt thread (memif_listener_handler()), which then ends the process. Told that all is well
 * the driver hears next that the peer left, and that it handles as it should. */
ssize_t sendmsg(int socket, const struct msghdr *message, int flags)
{
	ssize_t sent = syscall(SYS_sendmsg, socket, message, flags);

	if (sent < 0 && (errno == EPIPE || errno == ECONNRESET) && rte_thread_is_intr() &&
		is_memif_socket(socket)) {
		sent = 0;
		for (size_t i = 0; i < message->msg_iovlen; i++)
			sent += (ssize_t)message->msg_iov[i].iov_len;
	}
	return sent;
}

static uint32_t *own_place(void)
{
	return &places[rte_lcore_id() % RTE_DIM(places)].inside;
}

static void *pack(uint16_t ethdev, uint16_t queue)
{
	return (void *)((uintptr_t)ethdev << 16 | queue);
}

static uint16_t memif_receive(void *packed, struct rte_mbuf **packets, uint16_t count)
{
	uintptr_t ids = (uintptr_t)packed;
	uint32_t *inside = own_place();
	uint16_t received;

	if (unlikely(!enter(inside)))
		return 0;
	received = rte_eth_rx_burst((uint16_t)(ids >> 16), (uint16_t)ids, packets, count);
	leave(inside);
	return received;
}

/* Waits, since another peer than this queue's may be the one that comes or goes. */
static uint16_t memif_send(void *packed, struct rte_mbuf **packets, uint16_t count)
{
	uintptr_t ids = (uintptr_t)packed;
	uint32_t *inside = own_place();
	uint16_t sent;

	for (unsigned sleeps = 0; unlikely(!enter(inside)); sleeps++) {
		if (sleeps == SEND_SLEEPS)
			return 0;
		sleep_a_little();
	}
	sent = rte_eth_tx_burst((uint16_t)(ids >> 16), (uint16_t)ids, packets, count);
	leave(inside);
	return sent;
}

struct rx_queue memif_rx_queue(uint16_t ethdev, uint16_t queue)
{
	return (struct rx_queue){
		.receive = memif_receive,
		.argument = pack(ethdev, queue),
		.ethdev = ethdev,
		.queue = queue,
	};
}

struct tx_queue memif_tx_queue(uint16_t ethdev, uint16_t queue)
{
	return (struct tx_queue){
		.send = memif_send,
		.argument = pack(ethdev, queue),
		.ethdev = ethdev,
		.queue = queue,
	};
}
