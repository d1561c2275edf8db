/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two programs send a message back and forth over a running weir, and say how long that took.
 *     weir run config/verbs.json &
 *     ping /tmp/ping.sock & ping /tmp/ping.sock
 * On the UNIX socket they only tell each other the numbers of their queue pairs.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
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

/* Both ends' numbers, by a socket. Returns whether we came first: who does begins. */
static int tell_numbers(const char *path, uint32_t own, uint32_t *ret_other)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), first;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	first = connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0;
	if (first) {
		int listener = socket(AF_UNIX, SOCK_STREAM, 0);

		unlink(path);
		check(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
				listen(listener, 1) == 0,
			path);
		fd = accept(listener, NULL, NULL);
		unlink(path);
	}
	check(write(fd, &own, sizeof(own)) == sizeof(own) &&
			read(fd, ret_other, sizeof(*ret_other)) == sizeof(*ret_other),
		"the other one is not there");
	close(fd);
	return first;
}

static void receive_next(struct weir_qp *qp, struct weir_mr *mr)
{
	struct weir_sge sge = {(uintptr_t)mr->addr, BYTES, mr->lkey};
	struct weir_recv_wr wr = {.sg_list = &sge, .num_sge = 1}, *bad;

	check(weir_post_recv(qp, &wr, &bad) == 0, "weir_post_recv");
}

static void send_next(struct weir_qp *qp, struct weir_mr *mr)
{
	struct weir_sge sge = {(uintptr_t)mr->addr + BYTES, BYTES, mr->lkey};
	struct weir_send_wr wr = {.sg_list = &sge, .num_sge = 1, .opcode = WEIR_WR_SEND}, *bad;

	check(weir_post_send(qp, &wr, &bad) == 0, "weir_post_send");
}

static void wait_for(struct weir_cq *cq)
{
	struct weir_wc wc;

	while (weir_poll_cq(cq, 1, &wc) == 0)
		;
	check(wc.status == WEIR_WC_SUCCESS, weir_reason_text(wc.vendor_err));
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	struct weir_device *device = weir_open(NULL);
	struct weir_qp_init_attr attr = {
		.cap = {16, 16, 1, 1, 0}, .qp_type = WEIR_QPT_RC, .sq_sig_all = 1};
	double begin_us;
	struct weir_pd *pd;
	struct weir_mr *mr;
	struct weir_qp *qp;
	uint32_t other;
	int first;

	check(device != NULL, "weir_open");
	pd = weir_alloc_pd(device);
	check(pd != NULL, "weir_alloc_pd");
	mr = weir_reg_mr(pd, weir_alloc(device, 4096, false), 4096, WEIR_ACCESS_LOCAL_WRITE);
	check(mr != NULL, "weir_reg_mr");
	attr.send_cq = weir_create_cq(device, 16, NULL, NULL);
	attr.recv_cq = weir_create_cq(device, 16, NULL, NULL);
	qp = weir_create_qp(pd, &attr);
	check(qp != NULL, "weir_create_qp");
	first = tell_numbers(argc > 1 ? argv[1] : "/tmp/weir-ping.sock", qp->qp_num, &other);
	check(weir_connect_qp(qp, other) == 0, "weir_connect_qp");
	receive_next(qp, mr);
	begin_us = now_us();
	for (int i = 0; i < 2 * ROUNDS; i++) {
		if (i % 2 != first) {
			send_next(qp, mr);
			wait_for(attr.send_cq);
		} else {
			wait_for(attr.recv_cq);
			receive_next(qp, mr);
		}
	}
	printf("%d bytes, %s path: %.3f us one way\n", BYTES, weir_qp_path(qp),
		(now_us() - begin_us) / ROUNDS / 2);
	return weir_close(device);
}
