/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection to an engine as a device, and what is no more than a number of it: protection
 * domains and addresses. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/client/connection.h"
#include "verbs/client/queue_pair.h"
#include "verbs/client/region.h"

/* ---- open and close ---- */

static void device_free(struct weir_device *device)
{
	int fds[] = {device->socket, device->doorbell, device->keys_fd, device->event_fd,
		device->async_fd};

	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	verbs_unmap(&device->keys_mapping);
	pthread_mutex_destroy(&device->lock);
	pthread_mutex_destroy(&device->socket_lock);
	free(device);
}

static struct weir_device *device_new(void)
{
	struct weir_device *device = calloc(1, sizeof(*device));

	if (device == NULL) {
		client_fail(ENOMEM, "no memory for a device");
		return NULL;
	}
	device->socket = device->doorbell = device->keys_fd = -1;
	device->own.regions.find = client_own_find;
	pthread_mutex_init(&device->lock, NULL);
	pthread_mutex_init(&device->socket_lock, NULL);
	device->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	device->async_fd = epoll_create1(EPOLL_CLOEXEC);
	return device;
}

/* What it needs of the system, before anybody is asked. */
static int device_set_up(struct weir_device *device)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct error error = {.code = 0};

	if (device->event_fd < 0 || device->async_fd < 0 ||
		epoll_ctl(device->async_fd, EPOLL_CTL_ADD, device->event_fd, &event) != 0)
		return client_fail(errno, "descriptors for events: %s", strerror(errno));
	device->keys_fd = verbs_memory_create(
		"weir-keys", sizeof(struct verbs_keys), false, &device->keys_mapping, &error);
	if (device->keys_fd < 0)
		return client_fail(-device->keys_fd, "the key table: %s", error.message);
	device->keys = (struct verbs_keys *)device->keys_mapping.base;
	client_barrier_init();
	return 0;
}

struct weir_device *weir_open(const char *socket_path)
{
	struct weir_device *device = device_new();
	int fd, status;

	if (device == NULL)
		return NULL;
	status = client_socket_path(socket_path, device->path, sizeof(device->path));
	if (status == 0)
		status = device_set_up(device);
	if (status == 0)
		status = client_connect(device->path, &fd);
	if (status == 0)
		status = client_attach_socket(device, fd);
	if (status == 0)
		return device;
	device_free(device);
	errno = status;
	return NULL;
}

int weir_close(struct weir_device *device)
{
	if (device == NULL)
		return 0;
	/* Regions first: while the queue pairs are there it is known who may be using them. */
	while (device->mrs != NULL)
		weir_dereg_mr(&device->mrs->mr);
	while (device->qps != NULL)
		client_qp_destroy(device->qps);
	while (device->srqs != NULL) {
		device->srqs->users = 0;
		weir_destroy_srq(&device->srqs->srq);
	}
	while (device->cqs != NULL) {
		device->cqs->events_unacked = 0;
		weir_destroy_cq(&device->cqs->cq);
	}
	while (device->channels != NULL)
		weir_destroy_comp_channel(&device->channels->channel);
	for (struct client_pd *pd = device->pds, *next; pd != NULL; pd = next) {
		next = pd->next;
		pd->users = 0;
		weir_dealloc_pd(&pd->pd);
	}
	client_memory_fini(device);
	device_free(device);
	return 0;
}

int weir_query_device(struct weir_device *device, struct weir_device_attr *ret_attr)
{
	const struct verbs_hello_answer *limits = &device->hello;

	client_take_events(device);
	*ret_attr = (struct weir_device_attr){
		.name = "weir0",
		.guid = limits->guid,
		.max_mr_size = limits->max_bytes,
		.max_qp = (int)limits->max_qp,
		.max_qp_wr = (int)client_depth_max(device),
		.max_sge = VERBS_SEGMENTS_MAX,
		.max_cq = CLIENT_CQS_MAX,
		.max_cqe = CLIENT_CQE_MAX,
		.max_mr = (int)limits->max_mr,
		.max_pd = (int)limits->max_pd,
		.max_srq = (int)limits->max_srq,
		.max_srq_wr = (int)client_depth_max(device),
		.max_srq_sge = VERBS_SEGMENTS_MAX,
		.max_inline_data = VERBS_INLINE_MAX,
		.max_msg_bytes = VERBS_MESSAGE_MAX,
		.rate_bps = VERBS_RATE_GBPS * 1000000000ull,
		.active = !__atomic_load_n(&device->gone, __ATOMIC_ACQUIRE),
	};
	memcpy(ret_attr->engine, limits->engine, sizeof(ret_attr->engine));
	return 0;
}

/* ---- protection domains ---- */

struct weir_pd *weir_alloc_pd(struct weir_device *device)
{
	union verbs_message message = {.head = {.type = VERBS_ALLOC_PD}};
	struct client_pd *pd = calloc(1, sizeof(*pd));

	if (pd == NULL) {
		client_fail(ENOMEM, "no memory for a protection domain");
		return NULL;
	}
	client_handle_events(device);
	if (client_request(device, &message, NULL, 0, NULL, NULL) != 0) {
		free(pd);
		return NULL;
	}
	pd->pd = (struct weir_pd){.device = device, .handle = message.handle_answer.handle};
	pthread_mutex_lock(&device->lock);
	pd->next = device->pds;
	device->pds = pd;
	pthread_mutex_unlock(&device->lock);
	return &pd->pd;
}

int weir_dealloc_pd(struct weir_pd *public)
{
	struct client_pd *pd = (struct client_pd *)public, **at;
	struct weir_device *device = public->device;
	union verbs_message message = {.handle = {.handle = public->handle}};

	message.head.type = VERBS_DEALLOC_PD;
	client_handle_events(device);
	pthread_mutex_lock(&device->lock);
	if (pd->users != 0) {
		pthread_mutex_unlock(&device->lock);
		return client_fail(
			EBUSY, "%u objects of the protection domain are left", pd->users);
	}
	client_request(device, &message, NULL, 0, NULL, NULL);
	for (at = &device->pds; *at != pd; at = &(*at)->next)
		;
	*at = pd->next;
	pthread_mutex_unlock(&device->lock);
	free(pd);
	return 0;
}

/* ---- addresses ---- */

struct weir_ah *weir_create_ah(struct weir_pd *pd)
{
	struct weir_ah *ah = calloc(1, sizeof(*ah));

	if (ah == NULL) {
		client_fail(ENOMEM, "no memory for an address");
		return NULL;
	}
	ah->pd = pd;
	__atomic_fetch_add(&((struct client_pd *)pd)->users, 1, __ATOMIC_RELAXED);
	return ah;
}

int weir_destroy_ah(struct weir_ah *ah)
{
	__atomic_fetch_sub(&((struct client_pd *)ah->pd)->users, 1, __ATOMIC_RELAXED);
	free(ah);
	return 0;
}
