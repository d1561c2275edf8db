/* SPDX-License-Identifier: BSD-3-Clause */
/* weir generate: writes a generator's traffic to a capture file. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "capture/writer.h"
#include "command.h"
#include "config/values.h"
#include "generate/generate.h"

/* The options in one list: their words on the command line, and how each becomes a part of the
 * generator's configuration. */
enum {
	OUT,
	FLOWS,
	ZIPF,
	SIZE,
	IP,
	PROTOCOL,
	VLAN,
	PACKETS,
	DURATION,
	SPEED,
	SEED,
	LOSS,
	DUPLICATE,
	REORDER,
	OPTION_COUNT
};

static const char *texts[OPTION_COUNT];

static const struct option options[] = {
	[OUT] = {"out", 'o', OPTION_STRING, &texts[OUT], "FILE",
		"the file to write, instead of naming it last; - is standard output"},
	[FLOWS] = {"flows", 'f', OPTION_STRING, &texts[FLOWS], "N",
		"how many flows the packets belong to (64)"},
	[ZIPF] = {"zipf", 0, OPTION_STRING, &texts[ZIPF], "S",
		"exponent of the Zipf distribution that chooses a packet's flow (0: all alike)"},
	[SIZE] = {"size", 's', OPTION_STRING, &texts[SIZE], "SIZE",
		"frame bytes without FCS: a number, a range as 64-1500, or imix (64)"},
	[IP] = {"ip", 0, OPTION_STRING, &texts[IP], "4|6|mixed", "network protocol (4)"},
	[PROTOCOL] = {"protocol", 'p', OPTION_STRING, &texts[PROTOCOL], "udp|tcp",
		"datagrams, or streams with true sequence numbers and ACKs (udp)"},
	[VLAN] = {"vlan", 0, OPTION_STRING, &texts[VLAN], "ID", "VLAN id of the frames (none)"},
	[PACKETS] = {"packets", 'n', OPTION_STRING, &texts[PACKETS], "N",
		"how many packets to write (100k, unless a duration is given)"},
	[DURATION] = {"duration", 0, OPTION_STRING, &texts[DURATION], "TIME",
		"how much time the packets take up at most, as 10s"},
	[SPEED] = {"speed", 0, OPTION_STRING, &texts[SPEED], "SPEED",
		"what the packets' times say: 1.5Mpps, 10Gbps (1Mpps)"},
	[SEED] = {"seed", 0, OPTION_STRING, &texts[SEED], "N",
		"the same seed makes the same packets (1)"},
	[LOSS] = {"loss", 0, OPTION_STRING, &texts[LOSS], "P",
		"probability that a packet is left out (0)"},
	[DUPLICATE] = {"duplicate", 0, OPTION_STRING, &texts[DUPLICATE], "P",
		"probability that a packet comes twice (0)"},
	[REORDER] = {"reorder", 0, OPTION_STRING, &texts[REORDER], "P",
		"probability that a packet comes after the next one of its flow (0)"},
	[OPTION_COUNT] = {.name = NULL},
};

static int parse_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;
	int ret = units_parse_count(text, &value);

	if (ret == 0 && value > max)
		ret = -ERANGE;
	if (ret == 0)
		*ret_value = value;
	return ret;
}

static int parse_flows(const char *text, struct config_generate *config)
{
	uint64_t value;
	int ret = parse_number(text, UINT32_MAX, &value);

	if (ret == 0)
		config->flows = (uint32_t)value;
	return ret;
}

static int parse_zipf(const char *text, struct config_generate *config)
{
	return units_parse_decimal(text, &config->zipf);
}

static int parse_ip(const char *text, struct config_generate *config)
{
	static const char *const words[] = {"4", "6", "mixed", "ipv4", "ipv6"};
	static const enum generate_ip values[] = {
		GENERATE_IPV4, GENERATE_IPV6, GENERATE_MIXED, GENERATE_IPV4, GENERATE_IPV6};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]) == 0) {
			config->ip = values[i];
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_protocol(const char *text, struct config_generate *config)
{
	if (strcmp(text, "udp") != 0 && strcmp(text, "tcp") != 0)
		return -EINVAL;
	config->protocol = text[0] == 't' ? GENERATE_TCP : GENERATE_UDP;
	return 0;
}

static int parse_vlan(const char *text, struct config_generate *config)
{
	uint64_t value;

	if (parse_number(text, 4094, &value) != 0 || value == 0)
		return -EINVAL;
	config->vlan = (uint16_t)value;
	return 0;
}

static int parse_packets(const char *text, struct config_generate *config)
{
	uint64_t value;

	if (parse_number(text, UINT64_MAX, &value) != 0 || value == 0)
		return -EINVAL;
	config->packets = value;
	return 0;
}

static int parse_duration(const char *text, struct config_generate *config)
{
	return units_parse_duration(text, &config->duration_ns);
}

static int parse_speed(const char *text, struct config_generate *config)
{
	struct speed speed;
	int ret = config_parse_speed(text, &speed);

	if (ret != 0)
		return ret;
	/* Made-up packets have no times of their own to keep or to multiply. */
	if (speed.kind == SPEED_ORIGINAL || speed.kind == SPEED_MULTIPLE)
		return -EINVAL;
	config->speed = speed;
	return 0;
}

static int parse_seed(const char *text, struct config_generate *config)
{
	return parse_number(text, INT64_MAX, &config->seed);
}

static int parse_probability(const char *text, double *ret_value)
{
	double value;

	if (units_parse_decimal(text, &value) != 0 || !(value >= 0 && value <= 1))
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static int parse_loss(const char *text, struct config_generate *config)
{
	return parse_probability(text, &config->loss);
}

static int parse_duplicate(const char *text, struct config_generate *config)
{
	return parse_probability(text, &config->duplicate);
}

static int parse_reorder(const char *text, struct config_generate *config)
{
	return parse_probability(text, &config->reorder);
}

static const struct {
	int (*parse)(const char *text, struct config_generate *config); /* NULL: no part of it */
	const char *expected;
} parsers[OPTION_COUNT] = {
	[FLOWS] = {parse_flows, "a number of flows, as 1000 or 1M"},
	[ZIPF] = {parse_zipf, "a decimal number from 0 on, as 1.1"},
	[SIZE] = {config_parse_frame_size,
		"frame bytes from 60 to 9600, a range as 64-1500, or imix"},
	[IP] = {parse_ip, "4, 6 or mixed"},
	[PROTOCOL] = {parse_protocol, "udp or tcp"},
	[VLAN] = {parse_vlan, "a VLAN id from 1 to 4094"},
	[PACKETS] = {parse_packets, "a number of packets from 1 on, as 1000 or 1M"},
	[DURATION] = {parse_duration, "a time with its unit, as 10s"},
	[SPEED] = {parse_speed, "a speed, as 1.5Mpps or 10Gbps"},
	[SEED] = {parse_seed, "a whole number below 2^63"},
	[LOSS] = {parse_loss, "a probability from 0 to 1"},
	[DUPLICATE] = {parse_duplicate, "a probability from 0 to 1"},
	[REORDER] = {parse_reorder, "a probability from 0 to 1"},
};

static int parse_all(struct config_generate *ret_config)
{
	*ret_config = (struct config_generate){
		.seed = 1, .flows = 64, .size_min = 64, .size_max = 64, .speed.kind = SPEED_TOP};
	for (int i = 0; i < OPTION_COUNT; i++) {
		if (texts[i] == NULL || parsers[i].parse == NULL)
			continue;
		if (parsers[i].parse(texts[i], ret_config) != 0)
			return command_usage_error(&command_generate,
				"--%s is \"%s\", but should be %s", options[i].name, texts[i],
				parsers[i].expected);
	}
	if (ret_config->packets == 0 && ret_config->duration_ns == 0)
		ret_config->packets = 100000;
	return EXIT_OK;
}

struct totals {
	uint64_t packets, bytes, last_ns;
};

static void write_all(
	struct generator *generator, struct capture_writer *writer, struct totals *totals)
{
	struct frame frame;
	int ret = 0;

	while (ret == 0 && generator_next(generator, &frame) == 1) {
		/* struct iovec has no const; the writer only reads. */
		struct iovec piece = {(void *)(uintptr_t)frame.bytes, frame.length};

		ret = capture_writer_write(writer, frame.time_ns, &piece, 1);
		totals->packets++;
		totals->bytes += frame.length;
		totals->last_ns = frame.time_ns;
	}
}

static void summarise(
	const char *path, const struct totals *totals, const struct config_generate *config)
{
	char size[UNITS_TEXT_MAX], time[UNITS_TEXT_MAX];

	fprintf(strcmp(path, "-") == 0 ? stderr : stdout,
		"%s: %" PRIu64 " packets, %" PRIu64 " bytes (%s), %" PRIu32 " flows, %s\n", path,
		totals->packets, totals->bytes,
		units_format_size(size, sizeof(size), (double)totals->bytes), config->flows,
		units_format_time(time, sizeof(time), (double)totals->last_ns));
}

static int failed(const struct error *error)
{
	fprintf(stderr, "weir generate: %s\n", error->message);
	return error->code == EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

static int generate_to(
	const char *path, struct generator *generator, const struct config_generate *config)
{
	struct error error = {0};
	struct capture_writer *writer = capture_writer_open(path, &error);
	struct totals totals = {0};

	if (writer == NULL)
		return failed(&error);
	write_all(generator, writer, &totals); /* its error is told again by close */
	if (capture_writer_close(writer, &error) != 0)
		return failed(&error);
	summarise(path, &totals, config);
	return EXIT_OK;
}

static int run(int argc, char **argv)
{
	const char *path = texts[OUT] != NULL ? texts[OUT] : argc > 0 ? argv[0] : NULL;
	struct config_generate config;
	struct generator *generator;
	struct error error = {0};
	int ret;

	if (path == NULL)
		return command_usage_error(&command_generate, "which file should be written?");
	if (argc + (texts[OUT] != NULL) > 1)
		return command_usage_error(&command_generate, "one file is written, not more");
	ret = parse_all(&config);
	if (ret != EXIT_OK)
		return ret;
	generator = generator_create(&config, &error);
	if (generator == NULL)
		return failed(&error);
	ret = generate_to(path, generator, &config);
	generator_destroy(generator);
	return ret;
}

const struct command command_generate = {
	.name = "generate",
	.arguments = "FILE",
	.summary = "Writes made-up traffic to a capture file",
	.description =
		"Writes UDP flows or whole TCP conversations, with right lengths and checksums, to "
		"a "
		"pcap file with nanoseconds, or to pcapng where the name ends in .pcapng. The same "
		"options and seed make the same file on every machine.\n\n"
		"Loss, duplicates and reordering are what a capture behind such a link would show: "
		"nothing is sent again.",
	.examples =
		"  weir generate flows.pcap  # 100000 small UDP packets of 64 flows\n"
		"  weir generate --flows 1M --zipf 1.1 --size imix -n 10M mix.pcap  # a core "
		"router\n"
		"  weir generate -p tcp --ip mixed --size 1514 bulk.pcapng  # bulk TCP\n"
		"  weir generate -p tcp --loss 0.01 --reorder 0.02 bad.pcap  # over a bad link\n",
	.options = options,
	.run = run,
};
