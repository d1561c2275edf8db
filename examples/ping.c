/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two programs send a message back and forth over a running weir, and say how long that took.
 *     weir run config/verbs.json &
 *     build/examples/ping & build/examples/ping
 * Over a UNIX socket, whose name may be given, they tell each other their queue pairs' numbers.
 */
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <weir.h>

enum { BYTES = 64, ROUNDS = 10000 };

static void check(int ok, const char *what)
{
	if (!ok)
		errx(1, "%s: %s", what, weir_error_text());
}

/* Both ends' numbers. Only one of us gets the name: it waits for the other, and begins. */
static int tell_numbers(const char *name, uint32_t own, uint32_t *ret_other)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}; /* path[0] stays 0: a name, no file */
	struct sockaddr *at = (struct sockaddr *)&address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), first;

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name);
	first = bind(fd, at, sizeof(address)) == 0;
	if (first) {
		int listener = fd;

		if (listen(listener, 1) != 0 || (fd = accept(listener, NULL, NULL)) < 0)
			err(1, "%s", name);
		close(listener); /* the name is free for the next two */
	}
	for (int i = 0; !first && connect(fd, at, sizeof(address)) != 0; i++) {
		if (errno != ECONNREFUSED || i == 5000) /* refused: it does not listen yet */
			err(1, "%s", name);
		usleep(1000);
	}
	if (write(fd, &own, sizeof(own)) < 0 || read(fd, ret_other, sizeof(own)) != sizeof(own))
		errx(1, "the other one is not there");
	close(fd);
	return first;
}

static void receive_next(struct weir_qp *qp, struct weir_mr *mr)
{
	struct weir_sge sge = {(uintptr_t)mr->addr, BYTES, mr->lkey};
	struct weir_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

	check(weir_post_recv(qp, &wr, &bad) == 0, "weir_post_recv");
}

static void wait_for(struct weir_cq *cq)
{
	struct weir_wc wc;

	while (weir_poll_cq(cq, 1, &wc) == 0)
		;
	if (wc.status != WEIR_WC_SUCCESS)
		errx(1, "%s", weir_reason_text(wc.vendor_err));
}

static void send_and_wait(struct weir_qp *qp, struct weir_mr *mr)
{
	struct weir_sge sge = {(uintptr_t)mr->addr + BYTES, BYTES, mr->lkey};
	struct weir_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = WEIR_WR_SEND}, *bad;

	check(weir_post_send(qp, &wr, &bad) == 0, "weir_post_send");
	wait_for(qp->send_cq);
}

int main(int argc, char **argv)
{
	struct weir_qp_init_attr attr = {
		.cap = {16, 16, 1, 1, 0}, .qp_type = WEIR_QPT_RC, .sq_sig_all = 1};
	struct weir_device *device;
	struct weir_pd *pd;
	struct weir_mr *mr;
	struct weir_qp *qp;
	struct timespec begin, end;
	uint32_t other;
	void *memory;
	int first;

	if ((device = weir_open(NULL)) == NULL || (pd = weir_alloc_pd(device)) == NULL ||
		(memory = weir_alloc(device, 4096, false)) == NULL ||
		(mr = weir_reg_mr(pd, memory, 4096, WEIR_ACCESS_LOCAL_WRITE)) == NULL ||
		(attr.send_cq = weir_create_cq(device, 16, NULL, NULL)) == NULL ||
		(attr.recv_cq = weir_create_cq(device, 16, NULL, NULL)) == NULL ||
		(qp = weir_create_qp(pd, &attr)) == NULL)
		errx(1, "%s", weir_error_text());
	first = tell_numbers(argc > 1 ? argv[1] : "ping", qp->qp_num, &other);
	check(weir_connect_qp(qp, other) == 0, "weir_connect_qp");
	receive_next(qp, mr);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < ROUNDS; i++) {
		if (first)
			send_and_wait(qp, mr);
		wait_for(attr.recv_cq);
		receive_next(qp, mr);
		if (!first)
			send_and_wait(qp, mr);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%d bytes, %s path: %.3f us one way\n", BYTES, weir_qp_path(qp),
		((double)(end.tv_sec - begin.tv_sec) * 1e6 +
			(double)(end.tv_nsec - begin.tv_nsec) / 1e3) /
			ROUNDS / 2);
	return weir_close(device);
}
