/* SPDX-License-Identifier: BSD-3-Clause */
#include "generate/generate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "generate/build.h"
#include "generate/flow.h"
#include "generate/random.h"
#include "generate/stream.h"
#include "generate/zipf.h"

enum { FRAME_MIN = 60, FRAME_MAX = 65535, IMIX_MAX = 1514, MSS_FRAME_MIN = 1514 };
enum { VLAN_MAX = 4094, MSS_MAX = 65495, NS_PER_MS = 1000000, NS_PER_PACKET_DEFAULT = 1000 };

struct generator {
	struct config_generate config;
	struct zipf zipf;
	struct builder builder;
	uint16_t *ip_ids; /* UDP: by flow */
	struct stream *streams; /* TCP: by flow */
	uint64_t loss, duplicate, reorder; /* random_threshold() */
	double ns_per_unit;
	uint8_t *held; /* room for the packet that changes places with its follower */

	uint64_t random; /* from here on: what generator_rewind() sets back */
	uint64_t given; /* packets */
	uint64_t units; /* packets or bits given: what time is counted in */
	struct built pending; /* to be given next; length 0: none */
};

static int check_share(double share, const char *name, struct error *error)
{
	if (share >= 0 && share <= 1)
		return 0;
	return error_set(error, EINVAL, "%s is %g, but a probability is from 0 to 1", name, share);
}

static int check_speed(const struct speed *speed, struct error *error)
{
	if (speed->kind == SPEED_ORIGINAL || speed->kind == SPEED_TOP)
		return 0;
	if (speed->value > 0 && isfinite(speed->value))
		return 0;
	return error_set(error, EINVAL, "the speed is %g, but must be above 0", speed->value);
}

static int check(const struct config_generate *config, struct error *error)
{
	if (config->flows == 0 || config->flows > FLOWS_MAX)
		return error_set(error, EINVAL, "%u flows asked for, but 1 to %d are possible",
			config->flows, FLOWS_MAX);
	if (!config->imix && (config->size_min > config->size_max || config->size_max > FRAME_MAX))
		return error_set(error, EINVAL,
			"frame sizes from %u to %u bytes asked for, but the first must not be "
			"above the second, nor that above %d",
			config->size_min, config->size_max, FRAME_MAX);
	if (!(config->zipf >= 0 && config->zipf <= 100))
		return error_set(error, EINVAL,
			"the Zipf exponent is %g, but 0 (all flows alike) to 100 make sense",
			config->zipf);
	if (config->vlan > VLAN_MAX)
		return error_set(error, EINVAL, "VLAN %u asked for, but they end at %d",
			config->vlan, VLAN_MAX);
	if (config->loss >= 1)
		return error_set(error, EINVAL, "a loss of %g would leave no packet", config->loss);
	if (check_share(config->loss, "loss", error) != 0 ||
		check_share(config->duplicate, "duplicate", error) != 0 ||
		check_share(config->reorder, "reorder", error) != 0)
		return -EINVAL;
	return check_speed(&config->speed, error);
}

static uint32_t frame_max(const struct config_generate *config)
{
	uint32_t size = config->imix ? IMIX_MAX : config->size_max;

	return size > FRAME_MIN ? size : FRAME_MIN;
}

static double ns_per_unit(const struct speed *speed)
{
	switch (speed->kind) {
	case SPEED_MULTIPLE: return NS_PER_PACKET_DEFAULT / speed->value;
	case SPEED_PPS:
	case SPEED_BPS: return 1e9 / speed->value;
	case SPEED_ORIGINAL:
	case SPEED_TOP: break;
	}
	return NS_PER_PACKET_DEFAULT;
}

static int allocate(struct generator *generator)
{
	const struct config_generate *config = &generator->config;
	uint32_t room = frame_max(config);

	/* The pattern is as long as the longest frame: longer than its payload can be. */
	if (builder_init(&generator->builder, config->vlan, room) != 0 ||
		zipf_init(&generator->zipf, config->flows, config->zipf) != 0)
		return -ENOMEM;
	generator->held = malloc(BUILD_HEADROOM + room);
	if (config->protocol == GENERATE_TCP)
		generator->streams = malloc(config->flows * sizeof(*generator->streams));
	else
		generator->ip_ids = malloc(config->flows * sizeof(*generator->ip_ids));
	if (generator->held == NULL || (generator->streams == NULL && generator->ip_ids == NULL))
		return -ENOMEM;
	return 0;
}

struct generator *generator_create(const struct config_generate *config, struct error *error)
{
	struct generator *generator;

	if (check(config, error) != 0)
		return NULL;
	generator = calloc(1, sizeof(*generator));
	if (generator != NULL) {
		generator->config = *config;
		generator->loss = random_threshold(config->loss);
		generator->duplicate = random_threshold(config->duplicate);
		generator->reorder = random_threshold(config->reorder);
		generator->ns_per_unit = ns_per_unit(&config->speed);
	}
	if (generator == NULL || allocate(generator) != 0) {
		error_set(
			error, ENOMEM, "out of memory for a generator of %u flows", config->flows);
		return generator_destroy(generator);
	}
	generator_rewind(generator);
	return generator;
}

struct generator *generator_destroy(struct generator *generator)
{
	if (generator == NULL)
		return NULL;
	builder_fini(&generator->builder);
	zipf_fini(&generator->zipf);
	free(generator->ip_ids);
	free(generator->streams);
	free(generator->held);
	free(generator);
	return NULL;
}

void generator_rewind(struct generator *generator)
{
	uint32_t flows = generator->config.flows;

	generator->random = generator->config.seed;
	generator->given = 0;
	generator->units = 0;
	generator->pending = (struct built){0};
	if (generator->streams != NULL)
		memset(generator->streams, 0, flows * sizeof(*generator->streams));
	if (generator->ip_ids != NULL)
		memset(generator->ip_ids, 0, flows * sizeof(*generator->ip_ids));
}

static uint64_t time_ns(const struct generator *generator)
{
	return (uint64_t)((double)generator->units * generator->ns_per_unit);
}

static uint32_t choose_size(struct generator *generator)
{
	const struct config_generate *config = &generator->config;

	if (config->imix) {
		uint32_t twelfth = random_below(&generator->random, 12);

		return twelfth < 7 ? 60 : twelfth < 11 ? 590 : 1514;
	}
	if (config->size_min == config->size_max)
		return config->size_max;
	return config->size_min +
		random_below(&generator->random, config->size_max - config->size_min + 1);
}

/* Payload of a frame of a size drawn anew; a size that the headers fill is raised. */
static uint32_t choose_payload(struct generator *generator, uint32_t overhead, uint32_t payload_min)
{
	uint32_t size = choose_size(generator);

	if (size < FRAME_MIN)
		size = FRAME_MIN;
	return size < overhead + payload_min ? payload_min : size - overhead;
}

static struct built next_udp(struct generator *generator, uint32_t flow)
{
	struct flow_ends ends;
	uint32_t overhead;

	flow_ends_make(&generator->config, flow, 0, &ends);
	overhead = build_udp_overhead(generator->config.vlan, ends.ipv6);
	return build_udp(&generator->builder, &ends, generator->ip_ids[flow]++,
		choose_payload(generator, overhead, 0));
}

static struct built next_tcp(struct generator *generator, uint32_t flow)
{
	const struct config_generate *config = &generator->config;
	struct stream *stream = &generator->streams[flow];
	struct stream_context context = {.random = &generator->random};
	uint32_t mtu_frame = frame_max(config), bare, mss;
	struct tcp_segment segment;
	struct flow_ends ends;
	uint16_t ip_id;

	flow_ends_make(config, flow, stream->connection, &ends);
	bare = build_tcp_overhead(config->vlan, ends.ipv6, 0);
	mss = (mtu_frame > MSS_FRAME_MIN ? mtu_frame : MSS_FRAME_MIN) - bare;
	context.mss = (uint16_t)(mss < MSS_MAX ? mss : MSS_MAX);
	context.clock_ms = ends.hash + (uint32_t)(time_ns(generator) / NS_PER_MS);
	context.payload_max = choose_payload(generator, bare + STREAM_OPTION_BYTES, 1);
	ip_id = stream_next(stream, &context, &segment);
	return build_tcp(&generator->builder, &ends, ip_id, &segment);
}

static struct built next_of_flow(struct generator *generator, uint32_t flow)
{
	return generator->streams != NULL ? next_tcp(generator, flow) : next_udp(generator, flow);
}

/* The next packet that is not lost, and what reordering or duplication makes follow it. */
static struct built next_packet(struct generator *generator)
{
	struct built packet, later;
	uint32_t flow;

	do {
		flow = zipf_choose(&generator->zipf, random_next(&generator->random));
		packet = next_of_flow(generator, flow);
	} while (random_hit(&generator->random, generator->loss));
	if (random_hit(&generator->random, generator->duplicate)) {
		generator->pending =
			packet; /* it stays in the buffer: nothing is built meanwhile */
		return packet;
	}
	if (!random_hit(&generator->random, generator->reorder))
		return packet;
	memcpy(generator->held, packet.bytes, packet.length);
	packet.bytes = generator->held;
	later = next_of_flow(generator, flow);
	if (random_hit(&generator->random, generator->loss))
		return packet;
	generator->pending = packet;
	return later;
}

int generator_next(struct generator *generator, struct frame *ret_frame)
{
	const struct config_generate *config = &generator->config;
	uint64_t now_ns = time_ns(generator);
	struct built packet = generator->pending;

	if (config->packets != 0 && generator->given == config->packets)
		return 0;
	if (config->duration_ns != 0 && now_ns >= config->duration_ns)
		return 0;
	if (packet.length != 0)
		generator->pending.length = 0;
	else
		packet = next_packet(generator);
	*ret_frame = (struct frame){
		.time_ns = now_ns,
		.bytes = packet.bytes,
		.length = packet.length,
		.original_length = packet.length,
	};
	generator->given++;
	generator->units += config->speed.kind == SPEED_BPS ? packet.length * 8ull : 1;
	return 1;
}
