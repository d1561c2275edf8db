/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which attributes each step of a queue pair's state needs and allows. Source: ibv_modify_qp(3);
 * InfiniBand Architecture Specification, volume 1, 11.2.5.2, "Modify Queue Pair".
 */
#include <errno.h>
#include <stdio.h>

#include "verbs/client/queue_pair.h"

enum { KIND_RC, KIND_UC, KIND_UD, KIND_RAW, KIND_COUNT };

enum { /* short, for the table */
	CUR = WEIR_QP_CUR_STATE,
	NOTIFY = WEIR_QP_EN_SQD_ASYNC_NOTIFY,
	ACCESS = WEIR_QP_ACCESS_FLAGS,
	PKEY = WEIR_QP_PKEY_INDEX,
	PORT = WEIR_QP_PORT,
	QKEY = WEIR_QP_QKEY,
	AV = WEIR_QP_AV,
	MTU = WEIR_QP_PATH_MTU,
	TIMEOUT = WEIR_QP_TIMEOUT,
	RETRY = WEIR_QP_RETRY_CNT,
	RNR = WEIR_QP_RNR_RETRY,
	RQ_PSN = WEIR_QP_RQ_PSN,
	INITIATES = WEIR_QP_MAX_QP_RD_ATOMIC,
	ALT = WEIR_QP_ALT_PATH,
	RNR_TIMER = WEIR_QP_MIN_RNR_TIMER,
	SQ_PSN = WEIR_QP_SQ_PSN,
	RESPONDS = WEIR_QP_MAX_DEST_RD_ATOMIC,
	MIGRATION = WEIR_QP_PATH_MIG_STATE,
	DEST = WEIR_QP_DEST_QPN,
};

struct step {
	uint8_t from, to;
	uint8_t kinds; /* bits: for which it exists */
	struct {
		uint32_t required, optional;
	} of[KIND_COUNT];
};

enum { RC = 1 << KIND_RC, UC = 1 << KIND_UC, UD = 1 << KIND_UD, RAW = 1 << KIND_RAW };
enum { EACH = RC | UC | UD | RAW };

#define PATHS (ALT | ACCESS | MIGRATION)

static const struct step steps[] = {
	{WEIR_QPS_RESET, WEIR_QPS_INIT, EACH,
		{
			[KIND_RC] = {PKEY | PORT | ACCESS, 0},
			[KIND_UC] = {PKEY | PORT | ACCESS, 0},
			[KIND_UD] = {PKEY | PORT | QKEY, 0},
			[KIND_RAW] = {PORT, 0},
		}},
	{WEIR_QPS_INIT, WEIR_QPS_INIT, EACH,
		{
			[KIND_RC] = {0, PKEY | PORT | ACCESS},
			[KIND_UC] = {0, PKEY | PORT | ACCESS},
			[KIND_UD] = {0, PKEY | PORT | QKEY},
			[KIND_RAW] = {0, PORT},
		}},
	{WEIR_QPS_INIT, WEIR_QPS_RTR, EACH,
		{
			[KIND_RC] = {AV | MTU | DEST | RQ_PSN | RESPONDS | RNR_TIMER,
				ALT | ACCESS | PKEY},
			[KIND_UC] = {AV | MTU | DEST | RQ_PSN, ALT | ACCESS | PKEY},
			[KIND_UD] = {0, PKEY | QKEY},
		}},
	{WEIR_QPS_RTR, WEIR_QPS_RTS, EACH,
		{
			[KIND_RC] = {TIMEOUT | RETRY | RNR | SQ_PSN | INITIATES,
				CUR | PATHS | RNR_TIMER},
			[KIND_UC] = {SQ_PSN, CUR | PATHS},
			[KIND_UD] = {SQ_PSN, CUR | QKEY},
		}},
	{WEIR_QPS_RTS, WEIR_QPS_RTS, EACH,
		{
			[KIND_RC] = {0, CUR | PATHS | RNR_TIMER},
			[KIND_UC] = {0, CUR | PATHS},
			[KIND_UD] = {0, CUR | QKEY},
		}},
	{WEIR_QPS_RTS, WEIR_QPS_SQD, RC | UC | UD,
		{
			[KIND_RC] = {0, NOTIFY},
			[KIND_UC] = {0, NOTIFY},
			[KIND_UD] = {0, NOTIFY},
		}},
	{WEIR_QPS_SQD, WEIR_QPS_SQD, RC | UC | UD,
		{
			[KIND_RC] = {0,
				PORT | AV | TIMEOUT | RETRY | RNR | INITIATES | RESPONDS | PKEY |
					RNR_TIMER | PATHS},
			[KIND_UC] = {0, AV | PKEY | PATHS},
			[KIND_UD] = {0, PKEY | QKEY},
		}},
	{WEIR_QPS_SQD, WEIR_QPS_RTS, RC | UC | UD,
		{
			[KIND_RC] = {0, CUR | PATHS | RNR_TIMER},
			[KIND_UC] = {0, CUR | PATHS},
			[KIND_UD] = {0, CUR | QKEY},
		}},
	{WEIR_QPS_SQE, WEIR_QPS_RTS, UC | UD,
		{
			[KIND_UC] = {0, CUR | ACCESS},
			[KIND_UD] = {0, CUR | QKEY},
		}},
};

static const char *const attribute_names[] = {"STATE", "CUR_STATE", "EN_SQD_ASYNC_NOTIFY",
	"ACCESS_FLAGS", "PKEY_INDEX", "PORT", "QKEY", "AV", "PATH_MTU", "TIMEOUT", "RETRY_CNT",
	"RNR_RETRY", "RQ_PSN", "MAX_QP_RD_ATOMIC", "ALT_PATH", "MIN_RNR_TIMER", "SQ_PSN",
	"MAX_DEST_RD_ATOMIC", "PATH_MIG_STATE", "CAP", "DEST_QPN"};

const char *client_state_name(enum weir_qp_state state)
{
	static const char *const names[] = {"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR"};

	return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static const char *attribute_name(unsigned bits)
{
	unsigned bit = (unsigned)__builtin_ctz(bits);

	return bit < sizeof(attribute_names) / sizeof(attribute_names[0]) ? attribute_names[bit]
									  : "unknown";
}

static unsigned kind_of(enum weir_qp_type type)
{
	switch (type) {
	case WEIR_QPT_UC: return KIND_UC;
	case WEIR_QPT_UD: return KIND_UD;
	case WEIR_QPT_RAW_PACKET: return KIND_RAW;
	default: return KIND_RC;
	}
}

static const struct step *step_find(enum weir_qp_state from, enum weir_qp_state to, unsigned kind)
{
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i].from == from && steps[i].to == to && (steps[i].kinds >> kind & 1))
			return &steps[i];
	return NULL;
}

static int mask_check(
	enum weir_qp_type type, enum weir_qp_state from, enum weir_qp_state to, unsigned mask)
{
	/* From anywhere, with nothing else. */
	static const struct step leave = {.kinds = EACH};
	unsigned kind = kind_of(type), missing, unwanted;
	const struct step *step =
		to == WEIR_QPS_RESET || to == WEIR_QPS_ERR ? &leave : step_find(from, to, kind);

	if (step == NULL)
		return client_fail(EINVAL, "no queue pair of its type goes from %s to %s",
			client_state_name(from), client_state_name(to));
	missing = step->of[kind].required & ~mask;
	if (missing != 0)
		return client_fail(EINVAL, "from %s to %s the attribute %s is required",
			client_state_name(from), client_state_name(to), attribute_name(missing));
	unwanted = mask &
		~(unsigned)(step->of[kind].required | step->of[kind].optional | WEIR_QP_STATE);
	if (unwanted != 0)
		return client_fail(EINVAL, "from %s to %s the attribute %s cannot be set",
			client_state_name(from), client_state_name(to), attribute_name(unwanted));
	return 0;
}

/* Whether each value that is set is one. */
static int values_check(const struct weir_qp_attr *attr, unsigned mask)
{
	const struct {
		unsigned bit, value, least, most;
	} ranges[] = {
		{PORT, attr->port_num, 1, 1},
		{MTU, attr->path_mtu, 1, 5},
		{TIMEOUT, attr->timeout, 0, 31},
		{RETRY, attr->retry_cnt, 0, 7},
		{RNR, attr->rnr_retry, 0, 7},
		{RNR_TIMER, attr->min_rnr_timer, 0, 31},
		{DEST, attr->dest_qp_num, 0, 0xffffff},
	};

	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if ((mask & ranges[i].bit) != 0 &&
			(ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most))
			return client_fail(EINVAL, "%s is %u: %u to %u are possible",
				attribute_name(ranges[i].bit), ranges[i].value, ranges[i].least,
				ranges[i].most);
	return 0;
}

unsigned client_transition_required(
	enum weir_qp_type type, enum weir_qp_state from, enum weir_qp_state to)
{
	const struct step *step = step_find(from, to, kind_of(type));

	return step != NULL ? step->of[kind_of(type)].required : 0;
}

int client_transition_check(enum weir_qp_type type, enum weir_qp_state from, enum weir_qp_state to,
	const struct weir_qp_attr *attr, unsigned mask)
{
	int status;

	if ((mask & CUR) != 0 && attr->cur_qp_state != from)
		return client_fail(EINVAL, "the queue pair is in %s, not in %s",
			client_state_name(from), client_state_name(attr->cur_qp_state));
	status = mask_check(type, from, to, mask);
	if (status == 0)
		status = values_check(attr, mask);
	return status;
}
