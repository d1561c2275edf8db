/* SPDX-License-Identifier: BSD-3-Clause */
#define ALLOW_EXPERIMENTAL_API /* rte_bpf_convert() */
#include "engine/capture_filter.h"

#include <errno.h>
#include <string.h>

#include <pcap/pcap.h>
#include <rte_bpf.h>
#include <rte_malloc.h>

enum { SNAP_BYTES = 262144, INTERPRET_BYTES = 2048 };

static int compile(struct capture_filter *filter, const char *text, struct error *error)
{
	pcap_t *ethernet = pcap_open_dead(DLT_EN10MB, SNAP_BYTES);
	int result = 0;

	if (ethernet == NULL)
		return error_set(error, ENOMEM, "no memory for the filter");
	if (pcap_compile(ethernet, &filter->program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
		result = error_set(error, EINVAL, "filter \"%s\": %s", text, pcap_geterr(ethernet));
		filter->program.bf_insns = NULL;
	}
	pcap_close(ethernet);
	return result;
}

/*
 * What DPDK 22.11 makes of a filter is put right here:
 *  - rte_bpf_convert() lets loads relative to X (tcp[13]) be relative to A. X is register 7;
 *  - its machine code of a jset with a small number (tcp[13] & 2 != 0) has too short an operand:
 *    such programs are interpreted. A number is small if it fits into a signed byte.
 * tests/property/property_capture_filter.c compares both ways with libpcap's own.
 */
enum { REGISTER_X = EBPF_REG_7 };

static void mend_loads(struct rte_bpf_prm *program)
{
	struct ebpf_insn *instructions = (struct ebpf_insn *)(uintptr_t)program->ins;

	for (uint32_t i = 0; i < program->nb_ins; i++)
		if (BPF_CLASS(instructions[i].code) == BPF_LD &&
			BPF_MODE(instructions[i].code) == BPF_IND)
			instructions[i].src_reg = REGISTER_X;
}

static bool has_sound_code(const struct rte_bpf_prm *program)
{
	for (uint32_t i = 0; i < program->nb_ins; i++) {
		const struct ebpf_insn *instruction = &program->ins[i];

		if (instruction->code == (BPF_JMP | BPF_JSET | BPF_K) &&
			instruction->imm == (int8_t)instruction->imm)
			return false;
	}
	return true;
}

/* What DPDK cannot translate is interpreted: that is slower, and no error. */
static void translate(struct capture_filter *filter)
{
	struct rte_bpf_prm *program = rte_bpf_convert(&filter->program);
	struct rte_bpf_jit code = {0};

	if (program == NULL)
		return;
	mend_loads(program);
	filter->translated = rte_bpf_load(program);
	if (filter->translated != NULL && has_sound_code(program) &&
		rte_bpf_get_jit(filter->translated, &code) == 0)
		filter->match = code.func;
	rte_free(program);
}

int capture_filter_make(struct capture_filter *filter, const char *text, struct error *error)
{
	int result;

	memset(filter, 0, sizeof(*filter));
	if (text == NULL || text[0] == '\0')
		return 0;
	result = compile(filter, text, error);
	if (result == 0)
		translate(filter);
	return result;
}

void capture_filter_free(struct capture_filter *filter)
{
	if (filter->translated != NULL)
		rte_bpf_destroy(filter->translated);
	if (filter->program.bf_insns != NULL)
		pcap_freecode(&filter->program);
	memset(filter, 0, sizeof(*filter));
}

bool capture_filter_interpret(const struct capture_filter *filter, const struct rte_mbuf *packet)
{
	uint8_t buffer[INTERPRET_BYTES];
	uint32_t length = RTE_MIN(packet->pkt_len, (uint32_t)INTERPRET_BYTES);
	const uint8_t *bytes;

	if (filter->translated != NULL)
		return rte_bpf_exec(filter->translated, (void *)(uintptr_t)packet) != 0;
	bytes = rte_pktmbuf_read(packet, 0, length, buffer);
	return bytes != NULL &&
		bpf_filter(filter->program.bf_insns, bytes, packet->pkt_len, length) != 0;
}
