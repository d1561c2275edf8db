/* SPDX-License-Identifier: BSD-3-Clause */
#include "init_draft.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "placement/sysfs.h"

enum { NICS_MAX = 8, INTERFACES_MAX = 4, ARPHRD_ETHERNET = 1 };

/* The configuration in the making. */
struct draft {
	const char *root;
	json_t *ports;
	json_t *pipelines;
	unsigned count;
	char names[NICS_MAX][NAME_MAX + 1]; /* of the ports so far */
};

/* `kind`: "device" or "interface". */
static void add_port(struct draft *draft, const char *name, const char *kind, const char *value)
{
	snprintf(draft->names[draft->count++], sizeof(draft->names[0]), "%s", name);
	json_object_set_new(draft->ports, name, json_pack("{s:s}", kind, value));
}

static void add_pipeline(struct draft *draft, unsigned from, unsigned to, const char *stage)
{
	json_array_append_new(draft->pipelines,
		json_pack("{s:s, s:s, s:[s]}", "from", draft->names[from], "to", draft->names[to],
			"stages", stage));
}

static void add_listener(struct draft *draft, unsigned from)
{
	json_array_append_new(draft->pipelines,
		json_pack("{s:s, s:[s]}", "from", draft->names[from], "stages", "rxonly"));
}

/* The names in a folder, sorted, but for those that begin with a dot. Free with free_names(). */
static int list_names(const char *root, const char *folder, struct dirent ***ret_names)
{
	char path[PATH_MAX];
	int count;

	snprintf(path, sizeof(path), "%s/%s", root, folder);
	count = scandir(path, ret_names, NULL, versionsort);
	if (count < 0)
		*ret_names = NULL;
	return count < 0 ? 0 : count;
}

static void free_names(struct dirent **names, int count)
{
	for (int index = 0; index < count; index++)
		free(names[index]);
	free(names);
}

/* ---- NICs that DPDK may have ---- */

/* "" when no driver has the device. */
static void read_driver(const char *root, const char *address, char *driver, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t length;

	snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", root, address);
	length = readlink(path, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	slash = strrchr(target, '/');
	snprintf(driver, size, "%.63s", slash != NULL ? slash + 1 : target);
}

static bool is_network_class(const char *root, const char *address)
{
	char text[32];

	return sysfs_read_text(root, text, sizeof(text), "sys/bus/pci/devices/%s/class", address) >
		0 &&
		strncmp(text, "0x02", 4) == 0;
}

static bool is_for_dpdk(const char *driver)
{
	return strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "uio_pci_generic") == 0 ||
		strcmp(driver, "igb_uio") == 0;
}

static void add_nics(struct draft *draft)
{
	struct dirent **names;
	int count = list_names(draft->root, "sys/bus/pci/devices", &names);

	for (int index = 0; index < count && draft->count < NICS_MAX; index++) {
		const char *address = names[index]->d_name;
		char driver[64];

		if (address[0] == '.' || !is_network_class(draft->root, address))
			continue;
		read_driver(draft->root, address, driver, sizeof(driver));
		if (is_for_dpdk(driver)) {
			char name[16];

			snprintf(name, sizeof(name), "port%u", draft->count);
			add_port(draft, name, "device", address);
		} else {
			fprintf(stderr,
				"weir init: NIC %s is left to the kernel's driver %s; "
				"`dpdk-devbind.py --bind=vfio-pci %s` would give it to weir, and "
				"take "
				"its interface from the kernel\n",
				address, driver[0] != '\0' ? driver : "(none)", address);
		}
	}
	free_names(names, count);
	for (unsigned port = 0; port + 1 < draft->count; port += 2) {
		add_pipeline(draft, port, port + 1, "mac");
		add_pipeline(draft, port + 1, port, "mac");
	}
	if (draft->count % 2 == 1)
		add_listener(draft, draft->count - 1);
}

/* ---- the kernel's interfaces ---- */

/* Ethernet, and up. `physical`: has a device behind it. */
static bool is_usable_interface(const char *root, const char *name, bool physical)
{
	char text[32], path[PATH_MAX];
	int64_t type;

	if (name[0] == '.' || strcmp(name, "lo") == 0 ||
		sysfs_read_number(root, &type, "sys/class/net/%s/type", name) < 0 ||
		type != ARPHRD_ETHERNET ||
		sysfs_read_text(root, text, sizeof(text), "sys/class/net/%s/operstate", name) < 0 ||
		strcmp(text, "up") != 0)
		return false;
	snprintf(path, sizeof(path), "%s/sys/class/net/%s/device", root, name);
	return (access(path, F_OK) == 0) == physical;
}

static void add_interfaces(struct draft *draft, bool physical)
{
	struct dirent **names;
	int count = list_names(draft->root, "sys/class/net", &names);

	for (int index = 0; index < count && draft->count < INTERFACES_MAX; index++) {
		const char *name = names[index]->d_name;

		if (!is_usable_interface(draft->root, name, physical))
			continue;
		add_port(draft, name, "interface", name);
		add_listener(draft, draft->count - 1);
	}
	free_names(names, count);
}

/* Nothing to receive from: packets made of nothing, which is a benchmark at least. */
static void add_null_pair(struct draft *draft)
{
	add_port(draft, "in", "device", "net_null0");
	add_port(draft, "out", "device", "net_null1");
	add_pipeline(draft, 0, 1, "macswap");
}

json_t *init_draft(const char *root)
{
	struct draft draft = {.root = root, .ports = json_object(), .pipelines = json_array()};

	add_nics(&draft);
	if (draft.count == 0)
		add_interfaces(&draft, true);
	if (draft.count == 0)
		add_interfaces(&draft, false);
	if (draft.count == 0)
		add_null_pair(&draft);
	return json_pack("{s:o, s:o}", "ports", draft.ports, "pipelines", draft.pipelines);
}
