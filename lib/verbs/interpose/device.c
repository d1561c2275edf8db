/* SPDX-License-Identifier: BSD-3-Clause */
/* One device, weir0, where an engine listens; none where not. */
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs/interpose/interpose.h"

/* Lists come and go, and what they hold must stay while it is open: there is only one. */
static struct interpose_device the_device;
static pthread_mutex_t the_device_lock = PTHREAD_MUTEX_INITIALIZER;

static void device_describe(const struct weir_device_attr *attr)
{
	struct ibv_device *device = &the_device.device;

	pthread_mutex_lock(&the_device_lock);
	the_device.attr = *attr;
	device->node_type = IBV_NODE_CA;
	device->transport_type = IBV_TRANSPORT_IB;
	snprintf(device->name, sizeof(device->name), "%s", attr->name);
	snprintf(device->dev_name, sizeof(device->dev_name), "%s", attr->name);
	snprintf(device->dev_path, sizeof(device->dev_path), "/sys/class/infiniband_verbs/%s",
		attr->name);
	snprintf(device->ibdev_path, sizeof(device->ibdev_path), "/sys/class/infiniband/%s",
		attr->name);
	pthread_mutex_unlock(&the_device_lock);
}

/* Asks the engine. False: none there. */
static bool device_find(void)
{
	struct weir_device *weir = weir_open(NULL);
	struct weir_device_attr attr;
	int code;

	if (weir == NULL) {
		interpose_failed("ibv_get_device_list");
		return false;
	}
	code = weir_query_device(weir, &attr);
	weir_close(weir);
	if (interpose_result("ibv_get_device_list", code) != 0)
		return false;
	device_describe(&attr);
	return true;
}

struct ibv_device **ibv_get_device_list(int *num_devices)
{
	struct ibv_device **list = calloc(2, sizeof(struct ibv_device *));

	if (num_devices != NULL)
		*num_devices = 0;
	if (list == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	if (!device_find())
		return list;
	list[0] = &the_device.device;
	if (num_devices != NULL)
		*num_devices = 1;
	return list;
}

void ibv_free_device_list(struct ibv_device **list)
{
	free(list);
}

const char *ibv_get_device_name(struct ibv_device *device)
{
	return device->name;
}

int ibv_get_device_index(struct ibv_device *device)
{
	(void)device;
	return -1; /* the kernel has no number for it */
}

__be64 ibv_get_device_guid(struct ibv_device *device)
{
	return htobe64(((struct interpose_device *)device)->attr.guid);
}

struct ibv_context *ibv_open_device(struct ibv_device *device)
{
	struct interpose_context *context = calloc(1, sizeof(*context));
	struct ibv_context *ret;

	if (context == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	context->weir = weir_open(NULL);
	if (context->weir == NULL) {
		interpose_failed("ibv_open_device");
		free(context);
		return NULL;
	}
	ret = &context->verbs.context;
	ret->device = device;
	ret->cmd_fd = -1;
	ret->async_fd = weir_async_fd(context->weir);
	ret->num_comp_vectors = 1;
	ret->abi_compat = __VERBS_ABI_IS_EXTENDED;
	pthread_mutex_init(&ret->mutex, NULL);
	context->verbs.sz = sizeof(context->verbs);
	interpose_query_ops(&context->verbs);
	interpose_completion_ops(&context->verbs);
	interpose_receive_ops(&context->verbs);
	interpose_queue_ops(&context->verbs);
	return ret;
}

int ibv_close_device(struct ibv_context *context)
{
	int code = interpose_result("ibv_close_device", weir_close(interpose_weir(context)));

	pthread_mutex_destroy(&context->mutex);
	free((uint8_t *)context - offsetof(struct interpose_context, verbs.context));
	if (code == 0)
		return 0;
	errno = code;
	return -1;
}
