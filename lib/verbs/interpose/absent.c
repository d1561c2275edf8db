/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What weir has not, but must not be left to the real library, which would take our objects for its
 * own. What programs reach through the context only (XRC, memory windows, device memory, counters,
 * work queues, extended completion queues) is NULL there: verbs.h says EOPNOTSUPP then.
 */
#include <errno.h>
#include <stddef.h>

#include "verbs/interpose/interpose.h"

struct ibv_context *ibv_import_device(int cmd_fd)
{
	(void)cmd_fd;
	errno = EOPNOTSUPP;
	return NULL;
}

struct ibv_pd *ibv_import_pd(struct ibv_context *context, uint32_t pd_handle)
{
	(void)context, (void)pd_handle;
	errno = EOPNOTSUPP;
	return NULL;
}

void ibv_unimport_pd(struct ibv_pd *pd)
{
	(void)pd;
}

struct ibv_mr *ibv_import_mr(struct ibv_pd *pd, uint32_t mr_handle)
{
	(void)pd, (void)mr_handle;
	errno = EOPNOTSUPP;
	return NULL;
}

void ibv_unimport_mr(struct ibv_mr *mr)
{
	(void)mr;
}

struct ibv_dm *ibv_import_dm(struct ibv_context *context, uint32_t dm_handle)
{
	(void)context, (void)dm_handle;
	errno = EOPNOTSUPP;
	return NULL;
}

void ibv_unimport_dm(struct ibv_dm *dm)
{
	(void)dm;
}

/* perftest looks for its device on the PCI bus, and libpci ends the program where there is none. */
void pci_init(void *access)
{
	(void)access;
}

void pci_scan_bus(void *access)
{
	(void)access;
}

void pci_cleanup(void *access)
{
	(void)access;
}
