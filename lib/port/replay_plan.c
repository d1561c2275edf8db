/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the frames of a replay once, before EAL starts, to know what it needs. Without hugepages
 * the EAL must be told its memory beforehand; and a person wants to see the plan before the wait.
 */
#include <errno.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "port/frame_source.h"
#include "port/replay.h"

/* An endless generator of UDP needs no stream: this many packets a flow, and at least the second
 * number, loop for ever without anyone seeing the seam. TCP streams, it would tear. */
enum { CYCLE_PACKETS_A_FLOW = 4, CYCLE_PACKETS_MIN = 65536, CYCLE_PACKETS_MAX = 4 * 1024 * 1024 };

/* What one preloaded segment takes besides its bytes: mbuf, mempool object header, place in the
 * mempool's ring and in the schedule; and the end of a line that the next packet does not use. */
enum {
	SEGMENT_BYTES =
		sizeof(struct rte_mbuf) + RTE_CACHE_LINE_SIZE + 8 + 24 + RTE_CACHE_LINE_SIZE / 2
};

static void play_generator(const struct config_generate *generate, struct config_replay *play)
{
	*play = (struct config_replay){
		.speed = generate->speed,
		.loop = generate->packets == 0 ? 0 : 1,
		.duration_ns = generate->duration_ns,
		.load = REPLAY_LOAD_AUTO,
	};
	/* A generator has no "original" timing of its own: it plays as fast as it can. */
	if (play->speed.kind == SPEED_ORIGINAL || play->speed.kind == SPEED_MULTIPLE)
		play->speed.kind = SPEED_TOP;
}

static uint64_t cycle_packets(const struct config_generate *generate)
{
	uint64_t packets = (uint64_t)generate->flows * CYCLE_PACKETS_A_FLOW;

	if (packets < CYCLE_PACKETS_MIN)
		return CYCLE_PACKETS_MIN;
	return packets < CYCLE_PACKETS_MAX ? packets : CYCLE_PACKETS_MAX;
}

/* Standard input can be read only once. */
static bool reads_stdin(const struct config_port *config)
{
	char **files = config->kind == PORT_REPLAY ? config->replay.files : NULL;

	for (; files != NULL && *files != NULL; files++)
		if (strcmp(*files, "-") == 0)
			return true;
	return false;
}

static bool plan_fits(struct replay_plan *plan, uint64_t memory_limit_bytes)
{
	plan->memory_bytes = plan->segments * SEGMENT_BYTES + plan->bytes;
	return plan->memory_bytes <= memory_limit_bytes;
}

/* Reads on until all is counted, or it is clear that it does not fit. */
static int plan_read(struct replay_plan *plan, struct frame_source *source, uint64_t packets_max,
	uint64_t memory_limit_bytes, struct error *error)
{
	uint32_t room = REPLAY_SEGMENT_BYTES;
	uint64_t first_ns = 0, last_ns = 0;
	struct frame frame;
	int result = 0;

	while (plan->packets < packets_max &&
		(result = frame_source_next(source, &frame, error)) == 1) {
		if (plan->packets++ == 0)
			first_ns = last_ns = frame.time_ns;
		if (frame.time_ns > last_ns)
			last_ns = frame.time_ns;
		plan->bytes += frame.length;
		plan->segments += frame.length <= room ? 1 : (frame.length + room - 1) / room;
		if ((plan->packets & 0xfff) == 0 && !plan_fits(plan, memory_limit_bytes) &&
			plan->play.load != REPLAY_LOAD_PRELOAD)
			break;
	}
	frame_source_counts(source, &plan->counts);
	plan->span_ns = last_ns - first_ns;
	plan->preload = plan_fits(plan, memory_limit_bytes);
	return result < 0 ? result : 0;
}

int replay_plan_make(const struct config_port *config, uint64_t memory_limit_bytes,
	struct replay_plan *plan, struct error *error)
{
	uint64_t packets_max = UINT64_MAX;
	struct frame_source *source;
	int result;

	*plan = (struct replay_plan){.config = config, .play = config->replay};
	if (config->kind == PORT_GENERATE) {
		play_generator(&config->generate, &plan->play);
		if (config->generate.packets == 0 && config->generate.protocol == GENERATE_TCP)
			plan->play.load = REPLAY_LOAD_STREAM;
		else if (config->generate.packets == 0)
			packets_max = plan->packets_max = cycle_packets(&config->generate);
	}
	if (reads_stdin(config)) {
		if (plan->play.loop != 1 || plan->play.load == REPLAY_LOAD_PRELOAD)
			return error_set(error, EINVAL,
				"port %s: standard input (\"-\") can be played once "
				"and streamed only; save it to a file to loop or preload it",
				config->name);
		plan->play.load = REPLAY_LOAD_STREAM;
	}
	if (plan->play.load == REPLAY_LOAD_STREAM)
		return 0;
	source = frame_source_open(config, error);
	if (source == NULL)
		return error_prefix(error, "port %s", config->name);
	result = plan_read(plan, source, packets_max, memory_limit_bytes, error);
	frame_source_close(source);
	if (result != 0)
		return error_prefix(error, "port %s", config->name);
	if (!plan->preload && plan->play.load == REPLAY_LOAD_PRELOAD)
		return error_set(error, ENOMEM,
			"port %s: preloading needs %.1f MiB of packet memory and %.1f MiB may be "
			"used; set "
			"/ports/%s/replay/load to \"auto\" or \"stream\"",
			config->name, (double)plan->memory_bytes / 1048576,
			(double)memory_limit_bytes / 1048576, config->name);
	if (plan->preload && plan->span_ns == 0 && plan->play.loop != 1 && plan->packets > 0 &&
		(plan->play.speed.kind == SPEED_ORIGINAL ||
			plan->play.speed.kind == SPEED_MULTIPLE))
		return error_set(error, EINVAL,
			"port %s: all packets have the same time, so there is no "
			"pace to loop at; give a rate, such as 1kpps, or \"top\"",
			config->name);
	if (!plan->preload)
		plan->packets = plan->bytes = plan->segments = plan->memory_bytes = 0;
	return 0;
}
