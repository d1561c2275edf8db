/* SPDX-License-Identifier: BSD-3-Clause */
/* ibv_wr_*: what a program builds call by call is posted as one list. libweir is played here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verbs/client/post.h"
#include "verbs/interpose/interpose.h"

enum { WRS = 20, SEGMENTS = 2, INLINE = 64 };

static unsigned posts, posted_count;
static struct weir_send_wr posted[WRS];
static struct weir_sge posted_segments[WRS][SEGMENTS];
static uint8_t posted_inline[WRS][INLINE];
static int post_code;

int client_post_send_all(struct weir_qp *qp, struct weir_send_wr *wr, struct weir_send_wr **bad_wr)
{
	(void)qp;
	posts++;
	*bad_wr = wr;
	for (posted_count = 0; wr != NULL; wr = wr->next, posted_count++) {
		posted[posted_count] = *wr;
		if (wr->send_flags & WEIR_SEND_INLINE)
			for (int i = 0; i < wr->num_sge; i++)
				memcpy(posted_inline[posted_count],
					(const void *)(uintptr_t)wr->sg_list[i].addr,
					wr->sg_list[i].length);
		memcpy(posted_segments[posted_count], wr->sg_list,
			(size_t)wr->num_sge * sizeof(struct weir_sge));
	}
	return post_code;
}

static struct interpose_qp qp;

static struct ibv_qp_ex *begin(void)
{
	static const struct ibv_qp_cap cap = {
		.max_send_wr = WRS, .max_send_sge = SEGMENTS, .max_inline_data = INLINE};

	memset(&qp, 0, sizeof(qp));
	posts = posted_count = 0;
	post_code = 0;
	assert_int_equal(interpose_works_create(&qp, &cap), 0);
	ibv_wr_start(&qp.qp);
	return &qp.qp;
}

static void end(void)
{
	interpose_works_destroy(&qp);
	assert_null(qp.works);
}

static void test_list(void **state)
{
	struct ibv_qp_ex *ex = begin();
	const struct ibv_sge two[SEGMENTS] = {{1000, 10, 7}, {2000, 20, 8}};

	(void)state;
	for (unsigned i = 0; i < WRS; i++) { /* the list grows on the way */
		ex->wr_id = i;
		ex->wr_flags = i % 2 ? IBV_SEND_SIGNALED : IBV_SEND_FENCE;
		if (i % 2) {
			ibv_wr_rdma_write_imm(ex, 90 + i, 5000 + i, 70 + i);
			ibv_wr_set_sge_list(ex, SEGMENTS, two);
		} else {
			ibv_wr_send(ex);
			ibv_wr_set_sge(ex, 3, 4000 + i, i);
		}
	}
	assert_int_equal(posts, 0);
	assert_int_equal(ibv_wr_complete(ex), 0);
	assert_int_equal(posts, 1);
	assert_int_equal(posted_count, WRS);
	for (unsigned i = 0; i < WRS; i++) {
		assert_int_equal(posted[i].wr_id, i);
		if (i % 2) {
			assert_int_equal(posted[i].opcode, WEIR_WR_RDMA_WRITE_WITH_IMM);
			assert_int_equal(posted[i].send_flags, WEIR_SEND_SIGNALED);
			assert_int_equal(posted[i].imm_data, 70 + i);
			assert_int_equal(posted[i].wr.rdma.rkey, 90 + i);
			assert_int_equal(posted[i].wr.rdma.remote_addr, 5000 + i);
			assert_int_equal(posted[i].num_sge, SEGMENTS);
			assert_memory_equal(posted_segments[i], two, sizeof(two));
		} else {
			assert_int_equal(posted[i].opcode, WEIR_WR_SEND);
			assert_int_equal(posted[i].send_flags, WEIR_SEND_FENCE);
			assert_int_equal(posted[i].num_sge, i != 0); /* none of 0 bytes */
			assert_int_equal(i ? posted_segments[i][0].addr : 4000, 4000 + i);
		}
	}
	end();
}

static void test_inline(void **state)
{
	struct ibv_qp_ex *ex = begin();
	char first[] = "one and ", second[] = "two";
	struct ibv_data_buf both[] = {{first, 8}, {second, 3}};

	(void)state;
	for (unsigned i = 0; i < WRS; i++) {
		ibv_wr_send_imm(ex, i);
		first[0] = (char)('a' + i);
		ibv_wr_set_inline_data_list(ex, 2, both);
	}
	memset(first, '-', sizeof(first)); /* the program's again */
	assert_int_equal(ibv_wr_complete(ex), 0);
	for (unsigned i = 0; i < WRS; i++) {
		assert_int_equal(posted[i].send_flags, WEIR_SEND_INLINE);
		assert_int_equal(posted_segments[i][0].length, 11);
		assert_int_equal(posted_inline[i][0], 'a' + i);
		assert_memory_equal(posted_inline[i] + 1, "ne and two", 10);
	}
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_inline_data(ex, first, 0);
	assert_int_equal(ibv_wr_complete(ex), 0);
	assert_int_equal(posted[0].num_sge, 0);
	end();
}

static void test_atomics_and_reads(void **state)
{
	struct ibv_qp_ex *ex = begin();

	(void)state;
	ibv_wr_atomic_cmp_swp(ex, 1, 2, 3, 4);
	ibv_wr_atomic_fetch_add(ex, 5, 6, 7);
	ibv_wr_rdma_read(ex, 8, 9);
	ibv_wr_rdma_write(ex, 10, 11);
	assert_int_equal(ibv_wr_complete(ex), 0);
	assert_int_equal(posted_count, 4);
	assert_int_equal(posted[0].opcode, WEIR_WR_ATOMIC_CMP_AND_SWP);
	assert_int_equal(posted[0].wr.atomic.rkey, 1);
	assert_int_equal(posted[0].wr.atomic.remote_addr, 2);
	assert_int_equal(posted[0].wr.atomic.compare_add, 3);
	assert_int_equal(posted[0].wr.atomic.swap, 4);
	assert_int_equal(posted[1].opcode, WEIR_WR_ATOMIC_FETCH_AND_ADD);
	assert_int_equal(posted[1].wr.atomic.compare_add, 7);
	assert_int_equal(posted[2].opcode, WEIR_WR_RDMA_READ);
	assert_int_equal(posted[2].wr.rdma.remote_addr, 9);
	assert_int_equal(posted[3].opcode, WEIR_WR_RDMA_WRITE);
	assert_int_equal(posted[3].wr.rdma.rkey, 10);
	end();
}

static void test_address(void **state)
{
	struct ibv_qp_ex *ex = begin();
	struct interpose_ah ah = {.weir = (struct weir_ah *)0x1230};

	(void)state;
	ibv_wr_send(ex);
	ibv_wr_set_ud_addr(ex, &ah.ah, 17, 18);
	assert_int_equal(ibv_wr_complete(ex), 0);
	assert_ptr_equal(posted[0].wr.ud.ah, ah.weir);
	assert_int_equal(posted[0].wr.ud.remote_qpn, 17);
	assert_int_equal(posted[0].wr.ud.remote_qkey, 18);
	end();
}

/* Mistakes are told at the end, and then nothing was posted. */
static void test_mistakes(void **state)
{
	struct ibv_qp_ex *ex = begin();
	struct ibv_sge three[SEGMENTS + 1] = {{0}};
	uint8_t large[INLINE + 1] = {0};

	(void)state;
	ibv_wr_send(ex);
	ibv_wr_set_sge_list(ex, SEGMENTS + 1, three);
	ibv_wr_send(ex);
	assert_int_equal(ibv_wr_complete(ex), EINVAL);
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_inline_data(ex, large, sizeof(large));
	assert_int_equal(ibv_wr_complete(ex), EINVAL);
	ibv_wr_start(ex);
	for (unsigned i = 0; i < WRS + 1; i++)
		ibv_wr_send(ex);
	assert_int_equal(ibv_wr_complete(ex), ENOMEM);
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_abort(ex);
	assert_int_equal(posts, 0);
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	post_code = ENOMEM;
	assert_int_equal(ibv_wr_complete(ex), ENOMEM);
	assert_int_equal(posted_count, 1);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_atomics_and_reads),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
