/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts DPDK's EAL with what the plan says: memory, main's CPU, drivers. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "engine/engine_internal.h"

enum { ARGUMENTS_MAX = 64, ARGUMENT_BYTES = 256 };

struct arguments {
	int count;
	char *list[ARGUMENTS_MAX + 1];
	char text[ARGUMENTS_MAX][ARGUMENT_BYTES];
};

static void argument_add(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void argument_add(struct arguments *arguments, const char *format, ...)
{
	char *text = arguments->text[arguments->count];
	va_list list;

	if (arguments->count == ARGUMENTS_MAX)
		return;
	va_start(list, format);
	vsnprintf(text, ARGUMENT_BYTES, format, list);
	va_end(list);
	arguments->list[arguments->count++] = text;
}

static const char *memory_hint(enum memory_mode mode)
{
	return mode == MEMORY_NO_HUGE ?
		"; without hugepages it needs ordinary memory (see `ulimit -l`, `free`)" :
		"; it needs free hugepages and the right to use them: see `weir check`, or set "
		"/memory/mode to \"no-huge\"";
}

int eal_start(struct engine *engine, uint64_t memory_bytes, bool with_pci, struct error *error)
{
	static struct arguments arguments; /* EAL keeps pointers */
	const struct config_memory *memory = &engine->config->memory;
	int result;

	memset(&arguments, 0, sizeof(arguments));
	argument_add(&arguments, "weir");
	argument_add(&arguments, "-l%u", engine->plan.main_cpu);
	argument_add(&arguments, "--no-telemetry");
	argument_add(&arguments, "--log-level=*:error");
	if (!with_pci)
		argument_add(&arguments, "--no-pci");
	switch (engine->memory_mode) {
	case MEMORY_AUTO:
	case MEMORY_IN_MEMORY: argument_add(&arguments, "--in-memory"); break;
	case MEMORY_HUGE: argument_add(&arguments, "--file-prefix=weir-%d", getpid()); break;
	case MEMORY_NO_HUGE:
		/* --in-memory is not for ordinary pages; without files two runs do not meet either. */
		argument_add(&arguments, "--no-huge");
		argument_add(&arguments, "--no-shconf");
		argument_add(&arguments, "--file-prefix=weir");
		break;
	}
	if (memory->size_bytes != 0)
		memory_bytes = memory->size_bytes;
	if (engine->memory_mode == MEMORY_NO_HUGE || memory->size_bytes != 0)
		argument_add(&arguments, "-m%llu",
			(unsigned long long)((memory_bytes + (1 << 20) - 1) >> 20));
	for (char **arg = memory->eal_args; arg != NULL && *arg != NULL; arg++)
		argument_add(&arguments, "%s", *arg);
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
