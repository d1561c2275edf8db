/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file behind registered memory. Memory of weir_alloc() has a file of its own from the start;
 * any other memory is adopted (memory_adopt.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "verbs/client/client.h"
#include "verbs/client/memory_adopt.h"

struct area { /* of weir_alloc() */
	struct verbs_mapping mapping;
	int fd;
	struct area *next;
};

struct client_memory {
	struct area *areas;
};

static struct area *area_of(struct weir_device *device, uintptr_t address)
{
	struct area *area = device->memory != NULL ? device->memory->areas : NULL;

	while (area != NULL && address - (uintptr_t)area->mapping.base >= area->mapping.bytes)
		area = area->next;
	return area;
}

static void area_destroy(struct area *area)
{
	verbs_unmap(&area->mapping);
	close(area->fd);
	free(area);
}

/* The list of areas has the lock of memory: whoever registers may hold the device's. */
static int area_add(struct weir_device *device, struct area *area)
{
	int rc = 0;

	pthread_mutex_lock(&memory_adopted.lock);
	if (device->memory == NULL)
		device->memory = calloc(1, sizeof(*device->memory));
	if (device->memory != NULL) {
		area->next = device->memory->areas;
		device->memory->areas = area;
	} else {
		rc = ENOMEM;
	}
	pthread_mutex_unlock(&memory_adopted.lock);
	return rc;
}

void *weir_alloc(struct weir_device *device, size_t length, bool huge)
{
	struct area *area = calloc(1, sizeof(*area));
	struct error error = {0};

	if (area == NULL) {
		client_fail(ENOMEM, "no memory for an area");
		return NULL;
	}
	area->fd = verbs_memory_create("weir-area", length, huge, &area->mapping, &error);
	if (area->fd < 0) {
		client_fail(error.code, "%s", error.message);
		free(area);
		errno = error.code;
		return NULL;
	}
	if (area_add(device, area) != 0) {
		area_destroy(area);
		client_fail(ENOMEM, "no memory for an area");
		return NULL;
	}
	return area->mapping.base;
}

void weir_free(struct weir_device *device, void *memory)
{
	struct area **link, *area = NULL;

	if (memory == NULL || device->memory == NULL)
		return;
	pthread_mutex_lock(&memory_adopted.lock);
	for (link = &device->memory->areas; *link != NULL; link = &(*link)->next) {
		if ((*link)->mapping.base != memory)
			continue;
		area = *link;
		*link = area->next;
		break;
	}
	pthread_mutex_unlock(&memory_adopted.lock);
	if (area != NULL)
		area_destroy(area);
}

static bool area_share(struct weir_device *device, uintptr_t address, size_t length, int *ret_fd,
	uint64_t *ret_offset)
{
	const struct area *area;
	bool found = false;

	pthread_mutex_lock(&memory_adopted.lock);
	area = area_of(device, address);
	if (area != NULL) {
		*ret_offset = address - (uintptr_t)area->mapping.base;
		*ret_fd = area->fd;
		found = length > 0 && length <= area->mapping.bytes - *ret_offset;
	}
	pthread_mutex_unlock(&memory_adopted.lock);
	return found;
}

int client_memory_share(struct weir_device *device, void *addr, size_t length, bool writes,
	int *ret_fd, uint64_t *ret_offset, bool *ret_owned)
{
	struct error error = {0};

	*ret_fd = -1;
	*ret_offset = 0;
	*ret_owned = false;
	if (area_share(device, (uintptr_t)addr, length, ret_fd, ret_offset))
		return 0;
	if (memory_adopt((uintptr_t)addr, length, writes, ret_fd, ret_offset, ret_owned, &error) <
		0)
		return client_fail(error.code, "%s", error.message);
	return 0;
}

/* Adopted pages stay in shared memory: to register them again costs nothing then, and to move them
 * back as much as to adopt them. */
void client_memory_unshare(struct weir_device *device, void *addr, size_t length)
{
	(void)device;
	(void)addr;
	(void)length;
}

void client_memory_fini(struct weir_device *device)
{
	if (device->memory == NULL)
		return;
	while (device->memory->areas != NULL) {
		struct area *area = device->memory->areas;

		device->memory->areas = area->next;
		area_destroy(area);
	}
	free(device->memory);
	device->memory = NULL;
}
