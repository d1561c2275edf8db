/* SPDX-License-Identifier: BSD-3-Clause */
/* What programs ask of device and port: an InfiniBand CA with one active port. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "verbs/interpose/interpose.h"

/* Work requests of a queue pair are done in order, so as many READs and atomics as it is deep may
 * be on their way. Programs post that many at once; this is what hardware allows. */
enum { READS_MAX = 16, HANDLES_MAX = 65536, PAGE_SIZES = 1 << 12 };
/* perftest and others have special cases by these numbers: none for this one. */
enum { VENDOR_PART_ID = 1 };

static int device_attr(struct ibv_context *context, struct ibv_device_attr *attr)
{
	struct weir_device_attr found;
	int code = weir_query_device(interpose_weir(context), &found);

	if (code != 0)
		return interpose_result("ibv_query_device", code);
	*attr = (struct ibv_device_attr){
		.node_guid = htobe64(found.guid),
		.sys_image_guid = htobe64(found.guid),
		.max_mr_size = found.max_mr_size,
		.page_size_cap = PAGE_SIZES,
		.vendor_part_id = VENDOR_PART_ID,
		.max_qp = found.max_qp,
		.max_qp_wr = found.max_qp_wr,
		.device_cap_flags = IBV_DEVICE_RC_RNR_NAK_GEN | IBV_DEVICE_SYS_IMAGE_GUID |
			IBV_DEVICE_CURR_QP_STATE_MOD,
		.max_sge = found.max_sge,
		.max_sge_rd = found.max_sge,
		.max_cq = found.max_cq,
		.max_cqe = found.max_cqe,
		.max_mr = found.max_mr,
		.max_pd = found.max_pd,
		.max_qp_rd_atom = READS_MAX,
		.max_res_rd_atom = READS_MAX * found.max_qp,
		.max_qp_init_rd_atom = READS_MAX,
		.atomic_cap = IBV_ATOMIC_GLOB, /* the CPU's own atomics see them too */
		.max_ah = HANDLES_MAX,
		.max_srq = found.max_srq,
		.max_srq_wr = found.max_srq_wr,
		.max_srq_sge = found.max_srq_sge,
		.max_pkeys = 1,
		.phys_port_cnt = INTERPOSE_PORT,
	};
	snprintf(attr->fw_ver, sizeof(attr->fw_ver), "%.*s", (int)sizeof(attr->fw_ver) - 1,
		found.engine);
	return 0;
}

int ibv_query_device(struct ibv_context *context, struct ibv_device_attr *attr)
{
	return device_attr(context, attr);
}

/* Programs built with another rdma-core have a shorter or longer one. */
static int query_device_ex(struct ibv_context *context,
	const struct ibv_query_device_ex_input *input, struct ibv_device_attr_ex *attr,
	size_t attr_size)
{
	struct ibv_device_attr_ex full = {.phys_port_cnt_ex = INTERPOSE_PORT};
	int code;

	if (input != NULL && input->comp_mask != 0)
		return EINVAL;
	if (attr_size < sizeof(full.orig_attr))
		return EINVAL;
	code = device_attr(context, &full.orig_attr);
	if (code != 0)
		return code;
	full.device_cap_flags_ex = full.orig_attr.device_cap_flags;
	memset(attr, 0, attr_size);
	memcpy(attr, &full, attr_size < sizeof(full) ? attr_size : sizeof(full));
	return 0;
}

/* ---- port ---- */

/* The code of the fastest link of four lanes that is no faster: speed of a lane, code. */
static uint8_t lane_speed(uint64_t rate_bps)
{
	static const struct {
		uint64_t lane_mbps;
		uint8_t code;
	} speeds[] = {{100000, 128}, {50000, 64}, {25000, 32}, {14000, 16}, {10000, 4}, {5000, 2}};

	for (unsigned i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (rate_bps >= 4 * speeds[i].lane_mbps * 1000000)
			return speeds[i].code;
	return 1;
}

/* `length` is what the caller has room for: 48 bytes if it was built long ago. */
static int query_port(
	struct ibv_context *context, uint8_t port_num, struct ibv_port_attr *attr, size_t length)
{
	enum { LINK_UP = 5, DISABLED = 3, FOUR_LANES = 2 };
	struct weir_device_attr found;
	struct ibv_port_attr full;
	int code;

	if (port_num != INTERPOSE_PORT)
		return EINVAL;
	code = weir_query_device(interpose_weir(context), &found);
	if (code != 0)
		return interpose_result("ibv_query_port", code);
	full = (struct ibv_port_attr){
		.state = found.active ? IBV_PORT_ACTIVE : IBV_PORT_DOWN,
		.max_mtu = IBV_MTU_4096,
		.active_mtu = IBV_MTU_4096,
		.gid_tbl_len = 1,
		.max_msg_sz = found.max_msg_bytes,
		.pkey_tbl_len = 1,
		.lid = INTERPOSE_LID,
		.sm_lid = INTERPOSE_LID,
		.max_vl_num = 1,
		.active_width = FOUR_LANES,
		.active_speed = lane_speed(found.rate_bps),
		.phys_state = found.active ? LINK_UP : DISABLED,
		.link_layer = IBV_LINK_LAYER_INFINIBAND,
	};
	memset(attr, 0, length);
	memcpy(attr, &full, length < sizeof(full) ? length : sizeof(full));
	return 0;
}

int ibv_query_port(
	struct ibv_context *context, uint8_t port_num, struct _compat_ibv_port_attr *port_attr)
{
	enum { COMPAT_BYTES = 48 };

	return query_port(context, port_num, (struct ibv_port_attr *)port_attr, COMPAT_BYTES);
}

/* ---- addresses ---- */

/* One GID: the link-local one of the engine. 0 or an errno value. */
static int gid_entry(
	struct ibv_context *context, uint32_t port_num, uint32_t index, struct ibv_gid_entry *entry)
{
	struct weir_device_attr found;
	int code;

	if (port_num != INTERPOSE_PORT)
		return EINVAL;
	if (index != 0)
		return ENODATA;
	code = weir_query_device(interpose_weir(context), &found);
	if (code != 0)
		return interpose_result("ibv_query_gid", code);
	*entry = (struct ibv_gid_entry){
		.port_num = INTERPOSE_PORT,
		.gid_type = IBV_GID_TYPE_IB,
	};
	entry->gid.global.subnet_prefix = htobe64(0xfe80000000000000ull);
	entry->gid.global.interface_id = htobe64(found.guid);
	return 0;
}

static int minus_one(int code)
{
	if (code == 0)
		return 0;
	errno = code;
	return -1;
}

int ibv_query_gid(struct ibv_context *context, uint8_t port_num, int index, union ibv_gid *gid)
{
	struct ibv_gid_entry entry;
	int code = gid_entry(context, port_num, (uint32_t)index, &entry);

	if (code == 0)
		*gid = entry.gid;
	return minus_one(code);
}

int _ibv_query_gid_ex(struct ibv_context *context, uint32_t port_num, uint32_t gid_index,
	struct ibv_gid_entry *entry, uint32_t flags, size_t entry_size)
{
	struct ibv_gid_entry full;
	int code;

	if (flags != 0 || entry_size < sizeof(full))
		return EOPNOTSUPP;
	code = gid_entry(context, port_num, gid_index, &full);
	if (code != 0)
		return code;
	memset(entry, 0, entry_size);
	*entry = full;
	return 0;
}

ssize_t _ibv_query_gid_table(struct ibv_context *context, struct ibv_gid_entry *entries,
	size_t max_entries, uint32_t flags, size_t entry_size)
{
	int code = EINVAL;

	if (max_entries > 0)
		code = _ibv_query_gid_ex(context, INTERPOSE_PORT, 0, entries, flags, entry_size);
	return code == 0 ? 1 : -code;
}

int ibv_query_gid_type(
	struct ibv_context *context, uint8_t port_num, unsigned index, unsigned *ret_type)
{
	struct ibv_gid_entry entry;
	int code = gid_entry(context, port_num, index, &entry);

	if (code == 0)
		*ret_type = 0; /* InfiniBand, or RoCE version 1: one value in this enumeration */
	return minus_one(code);
}

int ibv_query_pkey(struct ibv_context *context, uint8_t port_num, int index, __be16 *pkey)
{
	(void)context;
	if (port_num != INTERPOSE_PORT || index != 0)
		return minus_one(EINVAL);
	*pkey = 0xffff; /* the default partition, full member */
	return 0;
}

int ibv_get_pkey_index(struct ibv_context *context, uint8_t port_num, __be16 pkey)
{
	(void)context;
	if (port_num != INTERPOSE_PORT || pkey != 0xffff)
		return minus_one(EINVAL);
	return 0;
}

void interpose_query_ops(struct verbs_context *context)
{
	context->query_port = query_port;
	context->query_device_ex = query_device_ex;
}
