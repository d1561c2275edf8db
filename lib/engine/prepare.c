/* SPDX-License-Identifier: BSD-3-Clause */
/* Before EAL: reads the machine and the replays' frames, plans, chooses the memory, and says so. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/engine_internal.h"
#include "placement/device.h"
#include "port/replay_stream.h"

/* ---- what it will take ---- */

static bool is_replay(const struct config_port *port)
{
	return port->kind == PORT_REPLAY || port->kind == PORT_GENERATE;
}

/* The number a file starts with; 0: no file, or no number ("max"). */
static uint64_t read_number(const char *path)
{
	FILE *file = fopen(path, "r");
	unsigned long long number = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

/* MemAvailable: what the kernel would give without swapping, its caches included. */
static uint64_t kernel_available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long long kib = 0;
	char line[128];

	if (file == NULL)
		return 0;
	while (kib == 0 && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "MemAvailable: %llu", &kib) != 1)
			kib = 0;
	fclose(file);
	return kib << 10;
}

/* A container's limit counts too. */
static uint64_t memory_available_bytes(void)
{
	uint64_t available = kernel_available_bytes(), limit, used;

	limit = read_number("/sys/fs/cgroup/memory.max");
	used = read_number("/sys/fs/cgroup/memory.current");
	if (limit != 0 && limit > used && limit - used < available)
		available = limit - used;
	return available;
}

/* Half of what is free may be packet memory of replays. */
static uint64_t replay_memory_limit(const struct config *config)
{
	if (config->memory.size_bytes != 0)
		return config->memory.size_bytes / 2;
	return memory_available_bytes() / 2;
}

static int plan_replays(struct engine *engine, uint64_t *ret_bytes, struct error *error)
{
	uint64_t limit = replay_memory_limit(engine->config);

	*ret_bytes = 0;
	for (uint16_t i = 0; i < engine->config->port_count; i++) {
		struct replay_plan *plan = &engine->replay_plans[i];
		int result;

		if (!is_replay(&engine->config->ports[i]))
			continue;
		result = replay_plan_make(&engine->config->ports[i], limit, plan, error);
		if (result != 0)
			return result;
		/* Hugepages or not is not decided yet: small ones hold fewer buffers. */
		*ret_bytes += plan->preload
			? plan->memory_bytes + plan->memory_bytes / 8
			: plan_pool_bytes_small_pages(STREAM_POOL_PACKETS, REPLAY_SEGMENT_BYTES);
		limit -= plan->memory_bytes < limit ? plan->memory_bytes : limit;
	}
	return 0;
}

/* Hugepages that are all free may still be too few once the replays' memory is added. */
static void choose_memory(struct engine *engine, uint64_t bytes)
{
	uint64_t free_bytes = 0;

	engine->memory_mode = plan_memory_mode(engine->config, &engine->topology, &engine->plan);
	for (unsigned i = 0; i < engine->topology.node_count; i++)
		free_bytes += (engine->topology.nodes[i].hugepages_2m_free << 21) +
			(engine->topology.nodes[i].hugepages_1g_free << 30);
	if (engine->config->memory.mode == MEMORY_AUTO && bytes > free_bytes)
		engine->memory_mode = MEMORY_NO_HUGE;
}

/* Writing to a file that is being read would destroy it. */
static int check_file(const struct config *config, const char *output, struct error *error)
{
	struct stat written, played;

	if (output == NULL || stat(output, &written) != 0 || !S_ISREG(written.st_mode))
		return 0;
	for (uint16_t p = 0; p < config->port_count; p++) {
		char **file =
			config->ports[p].kind == PORT_REPLAY ? config->ports[p].replay.files : NULL;

		for (; file != NULL && *file != NULL; file++)
			if (stat(*file, &played) == 0 && played.st_dev == written.st_dev &&
				played.st_ino == written.st_ino)
				return error_set(error, EINVAL,
					"%s is played by port %s: write to another file", output,
					config->ports[p].name);
	}
	return 0;
}

static int check_files(const struct config *config, struct error *error)
{
	int result = 0;

	for (uint16_t p = 0; p < config->port_count && result == 0; p++) {
		result = check_file(config, config->ports[p].file, error);
		if (result == 0)
			result = check_file(config, config->ports[p].mirror, error);
	}
	return result;
}

/* ---- notices ---- */

static void notice_replays(const struct engine *engine)
{
	for (uint16_t i = 0; i < engine->config->port_count; i++) {
		const struct replay_plan *plan = &engine->replay_plans[i];

		if (plan->config == NULL)
			continue;
		if (plan->preload)
			engine_say(engine, false,
				"port %s: %llu packets, %.1f MB, %.3f s; preloaded into %.1f MiB "
				"of packet memory",
				plan->config->name, (unsigned long long)plan->packets,
				(double)plan->bytes / 1e6, (double)plan->span_ns / 1e9,
				(double)plan->memory_bytes / 1048576);
		else
			engine_say(engine, false,
				"port %s: streamed while it plays, %u packets read ahead%s",
				plan->config->name, STREAM_AHEAD_PACKETS,
				plan->play.load == REPLAY_LOAD_AUTO ? " (too large to preload)"
								    : "");
	}
}

static void notice_memory(const struct engine *engine, uint64_t bytes)
{
	static const char *const modes[] = {
		[MEMORY_HUGE] = "hugepages",
		[MEMORY_IN_MEMORY] = "hugepages, no files",
		[MEMORY_NO_HUGE] = "ordinary pages",
	};

	engine_say(engine, false, "memory: %.0f MiB needed, from %s", (double)bytes / 1048576,
		modes[engine->memory_mode]);
}

int engine_prepare(struct engine *engine, struct error *error)
{
	struct plan_port ports[CONFIG_PORTS_MAX];
	uint64_t bytes = 0;
	int result = topology_read("", &engine->topology, error);

	if (result == 0)
		result = check_files(engine->config, error);
	if (result == 0)
		result = plan_replays(engine, &bytes, error);
	if (result != 0)
		return result;
	device_plan_ports(engine->config, "", ports);
	result = plan_make(engine->config, &engine->topology, ports, &engine->plan, error);
	if (result != 0)
		return result;
	choose_memory(engine, bytes + plan_memory_total(&engine->plan, MEMORY_HUGE));
	bytes += plan_memory_total(&engine->plan, engine->memory_mode);
	notice_replays(engine);
	notice_memory(engine, bytes);
	return eal_start(engine, bytes, error);
}
