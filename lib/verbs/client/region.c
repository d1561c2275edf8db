/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory regions: a piece of a shared file that the engine knows by a key. The key table, which
 * peers read, says which keys are valid now: an entry is set when the region is, and cleared before
 * anything of it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/client/peer.h"
#include "verbs/client/region.h"

const struct verbs_region *client_own_find(struct verbs_regions *regions, uint32_t key)
{
	const struct client_regions *own = (const struct client_regions *)regions;
	const struct verbs_region *region = own->by_index[verbs_key_index(key)];

	return region != NULL && region->key == key ? region : NULL;
}

/* ---- registering ---- */

static int access_check(size_t length, unsigned access)
{
	if (length == 0)
		return client_fail(EINVAL, "a region of 0 bytes");
	if ((access & (WEIR_ACCESS_REMOTE_WRITE | WEIR_ACCESS_REMOTE_ATOMIC)) != 0 &&
		(access & WEIR_ACCESS_LOCAL_WRITE) == 0)
		return client_fail(
			EINVAL, "remote writes and atomics need WEIR_ACCESS_LOCAL_WRITE as well");
	return 0;
}

int client_region_announce(struct client_mr *mr, uint32_t wanted)
{
	union verbs_message message = {.reg_mr = {
					       .pd = mr->region.pd,
					       .access = mr->region.access,
					       .wanted = wanted,
					       .address = mr->region.address,
					       .bytes = mr->region.bytes,
					       .fd_offset = mr->fd_offset,
				       }};
	int status;

	message.head.type = VERBS_REG_MR;
	status = client_request(mr->mr.device, &message, &mr->fd, 1, NULL, NULL);
	if (status != 0)
		return status;
	if (message.handle_answer.handle == 0 ||
		(wanted != 0 && message.handle_answer.handle != wanted))
		return client_fail(EPROTO, "the engine gave a key that cannot be");
	mr->region.key = message.handle_answer.handle;
	return 0;
}

/* The key is the engine's; an engine that gives one out twice shall not harm us. */
static int region_publish(struct client_mr *mr)
{
	struct weir_device *device = mr->mr.device;
	uint32_t index = verbs_key_index(mr->region.key);

	if (device->own.by_index[index] != NULL)
		return client_fail(EPROTO, "the engine gave a key that is in use");
	mr->mr.lkey = mr->mr.rkey = mr->region.key;
	__atomic_store_n(&device->own.by_index[index], &mr->region, __ATOMIC_RELEASE);
	__atomic_store_n(&device->keys->keys[index], mr->region.key, __ATOMIC_RELEASE);
	return 0;
}

static struct client_mr *region_new(
	struct client_pd *pd, void *addr, size_t length, unsigned access)
{
	struct client_mr *mr = calloc(1, sizeof(*mr));

	if (mr == NULL) {
		client_fail(ENOMEM, "no memory for a region");
		return NULL;
	}
	mr->mr = (struct weir_mr){
		.device = pd->pd.device, .pd = &pd->pd, .addr = addr, .length = length};
	mr->region = (struct verbs_region){
		.base = addr,
		.address = (uintptr_t)addr,
		.bytes = length,
		.access = access &
			(WEIR_ACCESS_LOCAL_WRITE | WEIR_ACCESS_REMOTE_WRITE |
				WEIR_ACCESS_REMOTE_READ | WEIR_ACCESS_REMOTE_ATOMIC),
		.pd = pd->pd.handle,
	};
	mr->fd = -1;
	return mr;
}

static void region_free(struct client_mr *mr)
{
	if (mr->fd_owned && mr->fd >= 0)
		close(mr->fd);
	free(mr);
}

static struct weir_mr *region_register(struct client_pd *pd, struct client_mr *mr)
{
	struct weir_device *device = pd->pd.device;

	if (client_region_announce(mr, 0) != 0)
		return NULL;
	if (region_publish(mr) != 0)
		return NULL;
	mr->next = device->mrs;
	device->mrs = mr;
	pd->users++;
	return &mr->mr;
}

struct weir_mr *weir_reg_mr(struct weir_pd *pd, void *addr, size_t length, unsigned access)
{
	struct weir_device *device = pd->device;
	struct weir_mr *registered = NULL;
	struct client_mr *mr;

	if (access_check(length, access) != 0)
		return NULL;
	mr = region_new((struct client_pd *)pd, addr, length, access);
	if (mr == NULL)
		return NULL;
	client_handle_events(device);
	pthread_mutex_lock(&device->lock);
	if (client_memory_share(device, addr, length, (access & WEIR_ACCESS_LOCAL_WRITE) != 0,
		    &mr->fd, &mr->fd_offset, &mr->fd_owned) == 0) {
		mr->shared = true;
		registered = region_register((struct client_pd *)pd, mr);
		if (registered == NULL)
			client_memory_unshare(device, addr, length);
	}
	pthread_mutex_unlock(&device->lock);
	if (registered == NULL)
		region_free(mr);
	return registered;
}

/* Who maps it must be sure that it stays as long as it is. */
static int seal(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & F_SEAL_SHRINK) != 0)
		return 0;
	if (seals >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0)
		return 0;
	return client_fail(EPERM,
		"the file can shrink: only one of memfd_create(..., MFD_ALLOW_SEALING) can be "
		"registered");
}

struct weir_mr *weir_reg_mr_fd(
	struct weir_pd *pd, int fd, uint64_t offset, void *addr, size_t length, unsigned access)
{
	struct weir_device *device = pd->device;
	struct weir_mr *registered = NULL;
	struct client_mr *mr;

	if (access_check(length, access) != 0 || seal(fd) != 0)
		return NULL;
	mr = region_new((struct client_pd *)pd, addr, length, access);
	if (mr == NULL)
		return NULL;
	mr->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	mr->fd_offset = offset;
	mr->fd_owned = true;
	if (mr->fd < 0) {
		client_fail(errno, "the file of a region: %s", strerror(errno));
	} else {
		client_handle_events(device);
		pthread_mutex_lock(&device->lock);
		registered = region_register((struct client_pd *)pd, mr);
		pthread_mutex_unlock(&device->lock);
	}
	if (registered == NULL)
		region_free(mr);
	return registered;
}

/* ---- taking it away ---- */

/* No peer's library, and no thread of ours, is using what was taken away before. The peers of all
 * direct queue pairs count: a message of any of them may be on its way into posted memory. */
static void wait_for_peers(struct weir_device *device)
{
	bool any = false;

	for (struct client_qp *qp = device->qps; qp != NULL; qp = qp->next) {
		if (qp->raw != NULL)
			continue;
		client_lock(&qp->lock);
		if (qp->qp.state >= WEIR_QPS_RTR) {
			any = true;
			/* Whom only the other end has sent to so far is not known here yet. */
			client_peer_find(qp);
		}
		client_unlock(&qp->lock);
	}
	if (!any)
		return;
	client_barrier();
	for (struct client_qp *qp = device->qps; qp != NULL; qp = qp->next) {
		const struct verbs_queue_header *header;

		/* Stays mapped: who unmaps it has device->lock, as we have. */
		client_lock(&qp->lock);
		header = qp->responder.queue.header;
		client_unlock(&qp->lock);
		client_peer_quiesce(qp, header);
	}
}

static void region_unlink(struct weir_device *device, struct client_mr *mr)
{
	struct client_mr **at = &device->mrs;

	while (*at != mr)
		at = &(*at)->next;
	*at = mr->next;
}

int weir_dereg_mr(struct weir_mr *public)
{
	struct client_mr *mr = (struct client_mr *)public;
	struct weir_device *device = public->device;
	union verbs_message message = {.handle = {.handle = mr->region.key}};
	uint32_t index = verbs_key_index(mr->region.key);

	client_handle_events(device);
	pthread_mutex_lock(&device->lock);
	__atomic_store_n(&device->keys->keys[index], 0, __ATOMIC_RELEASE);
	__atomic_store_n(&device->own.by_index[index], NULL, __ATOMIC_RELEASE);
	message.head.type = VERBS_DEREG_MR;
	client_request(device, &message, NULL, 0, NULL, NULL); /* a dead engine has let go */
	wait_for_peers(device);
	region_unlink(device, mr);
	((struct client_pd *)public->pd)->users--;
	if (mr->shared)
		client_memory_unshare(device, public->addr, public->length);
	pthread_mutex_unlock(&device->lock);
	region_free(mr);
	return 0;
}
