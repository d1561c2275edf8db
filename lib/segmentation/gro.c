/* SPDX-License-Identifier: BSD-3-Clause */
#include "segmentation/gro.h"

#include <errno.h>

#include <rte_malloc.h>

struct gro {
	struct gro_settings settings;
	struct gro_counters counters;
};

const struct gro_flush_info gro_flush_infos[GRO_FLUSH_COUNT] = {
#define X(flush_name, flush_description) {#flush_name, flush_description},
	GRO_FLUSHES(X)
#undef X
};

struct gro *gro_create(const struct gro_settings *settings, int socket, struct error *error)
{
	struct gro *gro = rte_zmalloc_socket("gro", sizeof(*gro), 64, socket);

	if (gro == NULL) {
		error_set(error, ENOMEM, "gro: out of memory");
		return NULL;
	}
	gro->settings = *settings;
	return gro;
}

struct gro *gro_destroy(struct gro *gro)
{
	rte_free(gro);
	return NULL;
}

unsigned gro_receive(struct gro *gro, struct rte_mbuf *const packets[], unsigned count,
	uint64_t now_tsc, struct rte_mbuf *ret_packets[])
{
	(void)now_tsc;
	gro->counters.packets += count;
	for (unsigned i = 0; i < count; i++)
		ret_packets[i] = packets[i];
	return count;
}

unsigned gro_flush(
	struct gro *gro, uint64_t now_tsc, bool all, struct rte_mbuf *ret_packets[], unsigned room)
{
	(void)gro, (void)now_tsc, (void)all, (void)ret_packets, (void)room;
	return 0;
}

uint32_t gro_held(const struct gro *gro)
{
	(void)gro;
	return 0;
}

uint64_t gro_due_tsc(const struct gro *gro)
{
	(void)gro;
	return UINT64_MAX;
}

const struct gro_counters *gro_counters(const struct gro *gro)
{
	return &gro->counters;
}
