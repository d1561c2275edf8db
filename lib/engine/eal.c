/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts DPDK's EAL with what the plan says: memory, main's CPU, drivers. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "engine/engine_internal.h"
#include "placement/device.h"

/* Our own, two for each PCI port, and the configuration's (the field table allows 64). */
enum { OWN_ARGUMENTS_MAX = 16, OWN_ARGUMENT_BYTES = 64, FURTHER_ARGUMENTS_MAX = 64 };
enum { ARGUMENTS_MAX = OWN_ARGUMENTS_MAX + 2 * CONFIG_PORTS_MAX + FURTHER_ARGUMENTS_MAX };

/* EAL keeps pointers to what it was given, as long as the process lives. */
struct arguments {
	int count, own_count;
	char *list[ARGUMENTS_MAX + 1]; /* EAL may reorder it */
	char own[OWN_ARGUMENTS_MAX][OWN_ARGUMENT_BYTES];
};

static void argument_add(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void argument_add(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->own[arguments->own_count++];
	va_list list;

	va_start(list, format);
	vsnprintf(text, OWN_ARGUMENT_BYTES, format, list);
	va_end(list);
	arguments->list[arguments->count++] = text;
}

static const char *memory_hint(enum memory_mode mode)
{
	switch (mode) {
	case MEMORY_NO_HUGE:
		return "; without hugepages it needs ordinary memory (see `ulimit -l`, `free`)";
	case MEMORY_HUGE:
		return "; it needs free hugepages, the right to use them (see `weir check`), and "
		       "to be the "
		       "only run in mode \"huge\": \"in-memory\" runs do not meet";
	case MEMORY_AUTO:
	case MEMORY_IN_MEMORY: break;
	}
	return "; it needs free hugepages and the right to use them: see `weir check`, or set "
	       "/memory/mode to \"no-huge\"";
}

/* Only the NICs that are named are touched: others may be another program's. */
static void add_pci_ports(struct arguments *arguments, const struct config *config)
{
	static char allow[] = "-a";
	char address[DEVICE_ADDRESS_BYTES];
	bool any = false;

	for (uint16_t i = 0; i < config->port_count; i++)
		if (config->ports[i].kind == PORT_DEVICE &&
			device_pci_address(config->ports[i].device, address)) {
			arguments->list[arguments->count++] = allow;
			arguments->list[arguments->count++] = config->ports[i].device;
			any = true;
		}
	if (!any)
		argument_add(arguments, "--no-pci");
}

static void add_memory(
	struct arguments *arguments, const struct engine *engine, uint64_t memory_bytes)
{
	switch (engine->memory_mode) {
	case MEMORY_AUTO:
	case MEMORY_IN_MEMORY: argument_add(arguments, "--in-memory"); break;
	/* The same prefix each time, so that EAL removes what a killed run left behind. */
	case MEMORY_HUGE: argument_add(arguments, "--file-prefix=weir"); break;
	case MEMORY_NO_HUGE:
		/* --in-memory is not for ordinary pages; without files two runs do not meet either.
		 */
		argument_add(arguments, "--no-huge");
		argument_add(arguments, "--no-shconf");
		argument_add(arguments, "--file-prefix=weir");
		break;
	}
	if (engine->memory_mode == MEMORY_NO_HUGE || engine->config->memory.size_bytes != 0)
		argument_add(arguments, "-m%llu",
			(unsigned long long)((memory_bytes + (1 << 20) - 1) >> 20));
}

int eal_start(struct engine *engine, uint64_t memory_bytes, struct error *error)
{
	static struct arguments arguments;
	const struct config *config = engine->config;
	char **further = config->memory.eal_args;
	int result;

	memset(&arguments, 0, sizeof(arguments));
	if (config->memory.size_bytes != 0)
		memory_bytes = config->memory.size_bytes;
	argument_add(&arguments, "weir");
	argument_add(&arguments, "--lcores=0@%u", engine->plan.main_cpu);
	argument_add(&arguments, "--no-telemetry");
	argument_add(&arguments, "--log-level=*:error");
	add_memory(&arguments, engine, memory_bytes);
	add_pci_ports(&arguments, config);
	for (; further != NULL && *further != NULL && arguments.count < ARGUMENTS_MAX; further++)
		arguments.list[arguments.count++] = *further;
	result = rte_eal_init(arguments.count, arguments.list);
	if (result < 0)
		return error_set(error, rte_errno ? rte_errno : EIO,
			"DPDK does not start with %llu MiB of memory: %s%s",
			(unsigned long long)(memory_bytes >> 20), rte_strerror(rte_errno),
			memory_hint(engine->memory_mode));
	return 0;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
