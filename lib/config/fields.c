/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a configuration may hold: one line a field. Parsing, defaults, ranges, messages, the
 * schema, the reference page and the effective configuration read these tables and nothing else.
 *
 * The JSON name of a member is its C name without the unit, which the value carries ("10ms").
 */
#include "config/field.h"

#define AT(structure, member)                                                                      \
	.offset = offsetof(structure, member), .width = sizeof(((structure *)NULL)->member)
#define WHOLE(structure) .offset = 0, .width = sizeof(structure)
#define ONE_S INT64_C(1000000000)
#define MIB (INT64_C(1) << 20)

enum { PATH_LENGTH_MAX = 4095 };
#define COUNT_MAX INT64_MAX
#define DURATION_MAX (365 * 24 * 3600 * ONE_S)

static const char *const memory_modes[] = {"auto", "huge", "in-memory", "no-huge", NULL};
static const char *const replay_loads[] = {"auto", "preload", "stream", NULL};
static const char *const replay_snapped[] = {"send", "skip", NULL};
static const char *const generate_ips[] = {"ipv4", "ipv6", "mixed", NULL};
static const char *const generate_protocols[] = {"udp", "tcp", NULL};
static const char *const rss_modes[] = {"auto", "hardware", "software", "off", NULL};
static const char *const rss_transforms[] = {"none", "symmetric-xor", "symmetric-sort", NULL};
static const char *const reta_sizes[] = {"128", "256", "512", NULL};
static const char *const idle_policies[] = {"poll", "adaptive", NULL};
static const char *const scheduler_policies[] = {"other", "batch", "fifo", "rr", NULL};
static const char *const gro_rules[] = {"classic", "current", NULL};
static const char *const orders[] = {"flow", "restore", NULL};
static const char *const automatic[] = {"auto", NULL};
static const char *const switched_off[] = {"off", NULL};
static const char *const verbs_paths[] = {"auto", "direct", "engine", NULL};
static const char *const verbs_raws[] = {"off", "trusted", "all", NULL};

const char *const port_kind_names[] = {
	"device", "replay", "generate", "file", "interface", "application", NULL};

const char *const stage_types[] = {"io", "mac", "macswap", "5tswap", "csum", "icmpecho", "rxonly",
	"txonly", "flowgen", "noisy", "drop", "consume", "work", "gro", "gso", "reassemble",
	"fragment", NULL};

enum { /* bits of `variants`, in the order of the names above */
	DEVICE = 1 << PORT_DEVICE,
	REPLAY = 1 << PORT_REPLAY,
	GENERATE = 1 << PORT_GENERATE,
	FILES = 1 << PORT_FILE,
	INTERFACE = 1 << PORT_INTERFACE,
	APPLICATION = 1 << PORT_APPLICATION,
	ETHERNET = DEVICE | INTERFACE,
	RECEIVES = ETHERNET | REPLAY | GENERATE | APPLICATION,
	MAC = 1 << 1,
	CSUM = 1 << 4,
	TXONLY = 1 << 7,
	FLOWGEN = 1 << 8,
	NOISY = 1 << 9,
	DROP = 1 << 10,
	CONSUME = 1 << 11,
	WORK = 1 << 12,
	GSO = 1 << 14,
	REASSEMBLE = 1 << 15,
	FRAGMENT = 1 << 16,
};

#define MEMORY(member) AT(struct config_memory, member)

static const struct field memory_fields[] = {
	{"mode", &field_enum, MEMORY(mode), .names = memory_modes, .fallback = "\"auto\"",
		.help = "Where packet memory comes from: hugepages (\"huge\"), hugepages without "
			"files in "
			"a hugetlbfs mount (\"in-memory\"), ordinary pages (\"no-huge\"), or "
			"hugepages if "
			"there are enough and ordinary pages if not (\"auto\")."},
	{"size", &field_bytes, MEMORY(size_bytes), .min = MIB, .max = MIB << 20, .zero = "auto",
		.fallback = "\"auto\"",
		.help = "Memory to take at start, all nodes together; \"auto\": what the plan "
			"needs."},
	{"packets", &field_integer, MEMORY(packets), .min = 64, .max = 1 << 28, .zero = "auto",
		.fallback = "\"auto\"", .unit = "packets",
		.help = "Packet buffers on each node; \"auto\": what queues and backlogs can "
			"hold."},
	{"packet_data", &field_bytes, MEMORY(packet_data_bytes), .min = 256, .max = 65280,
		.fallback = "2048",
		.help = "Room for data in one packet buffer, without headroom. Longer packets are "
			"chains."},
	{"eal_args", &field_strings, MEMORY(eal_args), .min = 0, .max = 64,
		.help = "Further arguments of DPDK's environment abstraction layer, one a string."},
	{.name = NULL},
};

#define REPLAYS(member) AT(struct config_replay, member)

static const struct field replay_fields[] = {
	{"files", &field_strings, REPLAYS(files), .min = 1, .max = CONFIG_FILES_MAX,
		.required = true,
		.help = "Capture files, pcap or pcapng. Several are merged by time."},
	{"speed", &field_speed, REPLAYS(speed), .fallback = "\"original\"",
		.help = "How fast: with the capture's own times, a multiple of their pace, a rate, "
			"or as "
			"fast as packets are taken. Bits are those of the frames, without preamble "
			"and FCS."},
	{"loop", &field_integer, REPLAYS(loop), .min = 1, .max = COUNT_MAX, .zero = "forever",
		.fallback = "1", .unit = "times", .help = "How many times the files are played."},
	{"duration", &field_duration, REPLAYS(duration_ns), .min = 1, .max = DURATION_MAX,
		.zero = "unlimited", .fallback = "\"unlimited\"", .help = "Stops after this time."},
	{"rewrite", &field_bool, REPLAYS(rewrite), .fallback = "false",
		.help = "Gives each loop new addresses and ports, so that it makes new flows; "
			"checksums "
			"stay right."},
	{"load", &field_enum, REPLAYS(load), .names = replay_loads, .fallback = "\"auto\"",
		.help = "\"preload\" reads the files into packet memory before the start, "
			"\"stream\" while "
			"playing; \"auto\" preloads what fits."},
	{"snapped", &field_enum, REPLAYS(snapped), .names = replay_snapped, .fallback = "\"send\"",
		.help = "What happens to packets the capture has only the beginning of."},
	{"pause", &field_bool, REPLAYS(pause), .fallback = "true",
		.help = "Waits while a worker's backlog is full, as a sender that honours pause "
			"frames. false: packets that find it full are dropped (and counted), as "
			"from a wire."},
	{.name = NULL},
};

#define GENERATES(member) AT(struct config_generate, member)

static const struct field generate_fields[] = {
	{"seed", &field_integer, GENERATES(seed), .min = 0, .max = INT64_MAX, .fallback = "1",
		.help = "The same seed makes the same packets."},
	{"flows", &field_integer, GENERATES(flows), .min = 1, .max = 1 << 24, .fallback = "64",
		.unit = "flows", .help = "How many flows the packets belong to."},
	{"zipf", &field_fraction, GENERATES(zipf), .min = 0, .max = 10, .fallback = "0",
		.help = "Exponent of the Zipf distribution that chooses the flow of a packet; 0: "
			"all flows "
			"alike, 1: a few take most."},
	{"packets", &field_integer, GENERATES(packets), .min = 1, .max = COUNT_MAX,
		.zero = "forever", .fallback = "\"forever\"", .unit = "packets",
		.help = "How many packets are made."},
	{"size", &field_frame_size, WHOLE(struct config_generate), .fallback = "64",
		.unit = "bytes",
		.help = "Length of the frames without FCS; \"imix\": 60, 590 and 1514 bytes at "
			"7:4:1."},
	{"ip", &field_enum, GENERATES(ip), .names = generate_ips, .fallback = "\"ipv4\"",
		.help = "Network protocol; \"mixed\": half of the flows each."},
	{"protocol", &field_enum, GENERATES(protocol), .names = generate_protocols,
		.fallback = "\"udp\"",
		.help = "UDP datagrams, or TCP streams with true sequence numbers and ACKs."},
	{"vlan", &field_integer, GENERATES(vlan), .min = 1, .max = 4094, .zero = "none",
		.fallback = "\"none\"", .help = "VLAN id of the frames."},
	{"loss", &field_fraction, GENERATES(loss), .min = 0, .max = 1, .fallback = "0",
		.help = "Probability that a packet is left out."},
	{"duplicate", &field_fraction, GENERATES(duplicate), .min = 0, .max = 1, .fallback = "0",
		.help = "Probability that a packet comes twice."},
	{"reorder", &field_fraction, GENERATES(reorder), .min = 0, .max = 1, .fallback = "0",
		.help = "Probability that a packet comes after the next one."},
	/* min 1: a generator has no times of its own to play by. */
	{"speed", &field_speed, GENERATES(speed), .min = 1, .fallback = "\"top\"",
		.help = "How fast packets are made. Bits are those of the frames, without preamble "
			"and FCS."},
	{"duration", &field_duration, GENERATES(duration_ns), .min = 1, .max = DURATION_MAX,
		.zero = "unlimited", .fallback = "\"unlimited\"", .help = "Stops after this time."},
	{"pause", &field_bool, GENERATES(pause), .fallback = "true",
		.help = "Waits while a worker's backlog is full, as a sender that honours pause "
			"frames. false: packets that find it full are dropped (and counted), as "
			"from a wire."},
	{.name = NULL},
};

#define TRAFFIC(type, name, possible_fields, fallback_text)                                        \
	{                                                                                          \
		name, &field_rss_letters, .offset = (type), .width = 1, .max = (possible_fields),  \
					  .zero = "none", .fallback = (fallback_text),             \
					  .live = true,                                            \
					  .help = "Fields of packets of type " name "."            \
	}
#define RSS_IP_FIELDS (RSS_FIELDS_L2 | RSS_FIELDS_ADDRESSES)

static const struct field rss_type_fields[] = {
	/* of uint8_t fields[RSS_TYPE_COUNT] */
	TRAFFIC(RSS_TYPE_TCP4, "tcp4", RSS_FIELDS_ALL, "\"sdfn\""),
	TRAFFIC(RSS_TYPE_UDP4, "udp4", RSS_FIELDS_ALL, "\"sdfn\""),
	TRAFFIC(RSS_TYPE_SCTP4, "sctp4", RSS_FIELDS_ALL, "\"sdfn\""),
	TRAFFIC(RSS_TYPE_AH4, "ah4", RSS_FIELDS_ALL, "\"sd\""),
	TRAFFIC(RSS_TYPE_ESP4, "esp4", RSS_FIELDS_ALL, "\"sd\""),
	TRAFFIC(RSS_TYPE_IP4, "ip4", RSS_IP_FIELDS, "\"sd\""),
	TRAFFIC(RSS_TYPE_TCP6, "tcp6", RSS_FIELDS_ALL, "\"sdfn\""),
	TRAFFIC(RSS_TYPE_UDP6, "udp6", RSS_FIELDS_ALL, "\"sdfn\""),
	TRAFFIC(RSS_TYPE_SCTP6, "sctp6", RSS_FIELDS_ALL, "\"sdfn\""),
	TRAFFIC(RSS_TYPE_AH6, "ah6", RSS_FIELDS_ALL, "\"sd\""),
	TRAFFIC(RSS_TYPE_ESP6, "esp6", RSS_FIELDS_ALL, "\"sd\""),
	TRAFFIC(RSS_TYPE_IP6, "ip6", RSS_IP_FIELDS, "\"sd\""),
	TRAFFIC(RSS_TYPE_ETHER, "ether", RSS_FIELDS_L2, "\"none\""),
	{.name = NULL},
};

#define RSS(member) AT(struct config_rss, member)

static const struct field rss_fields[] = {
	{"mode", &field_enum, RSS(mode), .names = rss_modes, .fallback = "\"auto\"",
		.help = "Who spreads flows over queues: the device (\"hardware\"), weir "
			"(\"software\"), the "
			"device where it can (\"auto\"), or nobody."},
	{"queues", &field_integer, RSS(queues), .min = 1, .max = CONFIG_RSS_QUEUES_MAX,
		.zero = "auto", .fallback = "\"auto\"", .unit = "queues",
		.help = "Queues that software RSS emulates; \"auto\": one a worker."},
	{"reta_size", &field_integer, RSS(reta_size), .names = reta_sizes, .fallback = "128",
		.unit = "entries", .help = "Size of the indirection table of software RSS."},
	{"key", &field_rss_key, RSS(key), .fallback = "\"microsoft\"", .live = true,
		.help = "The Toeplitz key. \"symmetric\" hashes both directions of a flow alike; "
			"\"random\" is another one at each start."},
	{"equal", &field_integer, RSS(equal), .min = 1, .max = CONFIG_RSS_QUEUES_MAX, .zero = "all",
		.fallback = "\"all\"", .unit = "queues", .live = true,
		.help = "The first queues, over which the indirection table spreads flows alike "
			"(ethtool -X equal N)."},
	{"weights", &field_rss_weights, RSS(weights), .zero = "none", .fallback = "\"none\"",
		.live = true,
		.help = "Shares of the indirection table, queue by queue (ethtool -X weight W0 W1 "
			"...): with [6, 2], queue 0 gets three quarters of the flows. Instead of "
			"equal."},
	{"fields", &field_object, RSS(fields), .fields = rss_type_fields, .fallback = "{}",
		.help = "What is hashed of each type of traffic, with the letters of ethtool -N "
			"rx-flow-hash: m Ethernet destination, v VLAN id, t layer 3 protocol, s IP "
			"source, d IP destination, f and n bytes 0-1 and 2-3 of layer 4 (the "
			"ports; of AH and ESP the halves of the SPI). Fragments are of type ip4 or "
			"ip6. ethtool's r (discard) is left out: a drop stage does that."},
	{"xfrm", &field_enum, RSS(xfrm), .names = rss_transforms, .fallback = "\"none\"",
		.live = true,
		.help = "Makes both directions of a flow hash alike with any key: source and "
			"destination are XORed, or sorted, before they are hashed (ethtool -X "
			"xfrm)."},
	{"inner", &field_bool, RSS(inner), .fallback = "false", .live = true,
		.help = "Hashes the packet inside of VXLAN, GENEVE, GRE, IPIP, SIT and GTP-U "
			"instead of the outer one."},
	{.name = NULL},
};

#define FEATURE(member) AT(struct config_features, member)

/* ethtool's names, long and short. What "auto" comes to is told by port/features.h. */
static const struct field feature_fields[] = {
	{"rx-checksumming", &field_switch, FEATURE(rx_checksumming), .alias = "rx",
		.fallback = "\"auto\"", .live = true,
		.help = "IP, TCP and UDP checksums of what is received are checked, by the device "
			"or, when true, by weir; \"auto\": where the device can."},
	{"tx-checksumming", &field_switch, FEATURE(tx_checksumming), .alias = "tx",
		.fallback = "\"auto\"", .live = true,
		.help = "IP, TCP and UDP checksums of what weir changes or makes are filled in by "
			"the device, or by weir where it cannot."},
	{"scatter-gather", &field_switch, FEATURE(scatter_gather), .alias = "sg",
		.fallback = "\"auto\"", .live = true,
		.help = "The port sends packets that are chains of buffers."},
	{"tcp-segmentation-offload", &field_switch, FEATURE(tcp_segmentation_offload),
		.alias = "tso", .fallback = "\"auto\"", .live = true,
		.help = "TCP super-packets are handed to the port whole: the device cuts them, or "
			"whoever takes them from it. Needs scatter-gather and tx-checksumming."},
	{"udp-fragmentation-offload", &field_switch, FEATURE(udp_fragmentation_offload),
		.alias = "ufo", .fallback = "\"auto\"", .live = true,
		.help = "UDP datagrams larger than the MTU are handed to the port whole, to be cut "
			"into IP fragments."},
	{"tx-udp-segmentation", &field_switch, FEATURE(tx_udp_segmentation), .fallback = "\"auto\"",
		.live = true,
		.help = "UDP super-packets are handed to the port whole, to be cut into "
			"datagrams."},
	{"generic-segmentation-offload", &field_switch, FEATURE(generic_segmentation_offload),
		.alias = "gso", .fallback = "\"auto\"", .live = true,
		.help = "weir cuts super-packets that the port does not take whole, right before "
			"it "
			"sends them. \"auto\": on where super-packets can come."},
	{"generic-receive-offload", &field_switch, FEATURE(generic_receive_offload), .alias = "gro",
		.fallback = "false", .live = true,
		.help = "weir merges TCP segments of a flow into super-packets, by Linux's rules: "
			"what is merged can be cut into the same packets again."},
	{"rx-udp-gro-forwarding", &field_switch, FEATURE(rx_udp_gro_forwarding),
		.fallback = "false", .live = true,
		.help = "GRO merges UDP datagrams of one size too."},
	{"large-receive-offload", &field_switch, FEATURE(large_receive_offload), .alias = "lro",
		.fallback = "false", .live = true,
		.help = "weir merges TCP segments whatever their sizes, acknowledgements and "
			"timestamps: for ports whose packets end here. NOT lossless: not for "
			"packets that are sent on. Excludes generic-receive-offload."},
	{"promiscuous", &field_switch, FEATURE(promiscuous), .fallback = "\"auto\"",
		.help = "The device receives frames for any address."},
	{.name = NULL},
};

#define GRO(member) AT(struct config_gro, member)

static const struct field gro_fields[] = {
	{"flush_timeout", &field_duration, GRO(flush_timeout_ns), .min = 0, .max = ONE_S,
		.fallback = "\"50us\"", .live = true,
		.help = "How long a packet is held for those that follow (the kernel's "
			"gro_flush_timeout); 0: to the end of its burst only."},
	{"flows", &field_integer, GRO(flows), .min = 1, .max = 65536, .fallback = "4096",
		.unit = "flows", .live = true,
		.help = "Flows each worker holds packets of; a further one lets the oldest go."},
	{"packets", &field_integer, GRO(packets), .min = 64, .max = 1 << 20, .fallback = "8192",
		.unit = "packets", .live = true,
		.help = "Packets each worker holds; further ones let the oldest flow go."},
	{"rules", &field_enum, GRO(rules), .names = gro_rules, .fallback = "\"current\"",
		.live = true,
		.help = "Where kernels differ: \"classic\": packets of one IPv4 id merge only "
			"with DF, and CWR ends a merge; \"current\": one id may do without DF, "
			"and CWR is compared as the other flags are."},
	{"verify", &field_bool, GRO(verify), .fallback = "true", .live = true,
		.help = "Checksums are checked before packets merge; a bad one goes by untouched."},
	{"reorder", &field_bool, GRO(reorder), .fallback = "false", .live = true,
		.help = "A segment that comes before its turn waits for those before it, within "
			"flush_timeout, and merges in order (and is counted)."},
	{"lro_size", &field_integer, GRO(lro_bytes), .min = 1500, .max = 524280,
		.fallback = "65535", .unit = "bytes", .live = true,
		.help = "Largest IP packet that large-receive-offload makes; more than 65535 only "
			"where both ends agree: its length fields then say 0."},
	{.name = NULL},
};

#define PORT(member) AT(struct config_port, member)

const struct field port_fields[] = {
	{"device", &field_string, PORT(device), .min = 1, .max = PATH_LENGTH_MAX, .required = true,
		.variants = DEVICE,
		.help = "A DPDK device: a PCI address such as 0000:21:00.0, or a virtual device "
			"such as "
			"net_af_packet0,iface=eth1 or net_null0."},
	{"replay", &field_object, PORT(replay), .fields = replay_fields, .required = true,
		.variants = REPLAY, .help = "Plays capture files: a port that only receives."},
	{"generate", &field_object, PORT(generate), .fields = generate_fields, .required = true,
		.variants = GENERATE, .help = "Makes packets: a port that only receives."},
	{"file", &field_string, PORT(file), .min = 1, .max = PATH_LENGTH_MAX, .required = true,
		.variants = FILES,
		.help = "A capture file that takes what is sent to the port: pcapng if the name "
			"ends in "
			".pcapng, else pcap with nanoseconds."},
	{"interface", &field_string, PORT(interface), .min = 1, .max = 15, .required = true,
		.variants = INTERFACE,
		.help = "A network interface of the kernel, by a packet socket of weir's own: with "
			"super-packets both ways (PACKET_VNET_HDR), and fragments as they are."},
	{"application", &field_string, PORT(application), .min = 1, .max = 31, .required = true,
		.variants = APPLICATION,
		.help = "An application's ring: it attaches with libweir, creates a raw-packet "
			"queue "
			"pair and asks for this name (or the port's). What it sends is received "
			"here; what is sent here, it receives."},
	{"application_pool", &field_bool, PORT(application_pool), .fallback = "false",
		.variants = DEVICE,
		.help = "What the port receives is in packet memory of its own, which the first "
			"application of weir's own user that asks for its flows reads and writes "
			"in place (needs \"verbs\"). Not for devices that write memory "
			"themselves."},
	{"mirror", &field_string, PORT(mirror), .min = 1, .max = PATH_LENGTH_MAX, .zero = "none",
		.fallback = "\"none\"", .variants = DEVICE,
		.help = "A capture file that gets a copy of what left through the port. One worker "
			"sends "
			"then, and waits for the disk: for tests and replays."},
	{"queues", &field_integer, PORT(queues), .min = 1, .max = CONFIG_RSS_QUEUES_MAX,
		.zero = "auto", .fallback = "\"auto\"", .unit = "queues", .variants = DEVICE,
		.help = "Hardware receive queues; \"auto\": one a worker, or as many as the device "
			"has."},
	{"rx_descriptors", &field_integer, PORT(rx_descriptors), .min = 32, .max = 32768,
		.fallback = "1024", .unit = "descriptors", .variants = ETHERNET,
		.help = "Length of a receive queue. The device may round it."},
	{"tx_descriptors", &field_integer, PORT(tx_descriptors), .min = 32, .max = 32768,
		.fallback = "1024", .unit = "descriptors", .variants = DEVICE,
		.help = "Length of a transmit queue. The device may round it."},
	{"mtu", &field_integer, PORT(mtu), .min = 68, .max = 65535, .zero = "auto",
		.fallback = "\"auto\"", .unit = "bytes", .variants = ETHERNET,
		.help = "Largest IP packet the port takes and sends; \"auto\": the device's own."},
	{"tx_retry", &field_duration, PORT(tx_retry_ns), .min = 0, .max = ONE_S,
		.fallback = "\"100us\"", .variants = ETHERNET | APPLICATION, .live = true,
		.help = "How long packets for a full transmit queue are tried again before they "
			"are "
			"dropped (and counted)."},
	{"rss", &field_object, PORT(rss), .fields = rss_fields, .fallback = "{}",
		.variants = RECEIVES,
		.help = "Receive side scaling: how flows spread over queues."},
	{"rps_cpus", &field_queue_masks, PORT(rps_cpus), .zero = "none", .fallback = "\"none\"",
		.variants = RECEIVES, .live = true,
		.help = "RPS: the CPUs whose workers process what each rx queue receives: one list "
			"for all queues (\"1-3\"), or one a queue ([\"1\", \"2-3\"]). With "
			"several, the "
			"hash of a flow chooses."},
	{"rps_flow_cnt", &field_integer, PORT(rps_flow_cnt), .min = 1, .max = 1 << 22,
		.zero = "off", .fallback = "\"off\"", .unit = "flows", .variants = RECEIVES,
		.live = true,
		.help = "RFS: flows remembered for each rx queue; rounded up to a power of two. "
			"Needs "
			"steering.rps_sock_flow_entries too."},
	{"xps_cpus", &field_queue_masks, PORT(xps_cpus), .zero = "none", .fallback = "\"none\"",
		.variants = ETHERNET | FILES, .live = true,
		.help = "XPS: for each tx queue the CPUs whose workers send through it. Workers "
			"that no "
			"list names take the queues in turn."},
	{"xps_rxqs", &field_queue_masks, PORT(xps_rxqs), .zero = "none", .fallback = "\"none\"",
		.variants = ETHERNET | FILES, .live = true,
		.help = "XPS: for each tx queue the rx queues whose workers send through it. Comes "
			"before xps_cpus, as in the kernel."},
	{"features", &field_object, PORT(features), .fields = feature_fields, .fallback = "{}",
		.help = "Switches with ethtool's names, long or short (gro, gso, tso, lro, rx, tx, "
			"sg). true: must be on, and a port that cannot is an "
			"error; \"auto\": on where the port can."},
	{"drop_bad_checksums", &field_bool, PORT(drop_bad_checksums), .fallback = "false",
		.variants = RECEIVES, .live = true,
		.help = "Packets whose checksum rx-checksumming found wrong are dropped (and "
			"counted)."},
	{"gro", &field_object, PORT(gro), .fields = gro_fields, .fallback = "{}",
		.variants = RECEIVES,
		.help = "How what is received here is merged, when generic-receive-offload or "
			"large-receive-offload is on."},
	{.name = NULL},
};

#define WORKERS(member) AT(struct config_workers, member)

static const struct field workers_fields[] = {
	{"cpus", &field_cpus, WORKERS(cpus), .min = 0, .max = CONFIG_CPUS_MAX - 1, .zero = "auto",
		.fallback = "\"auto\"",
		.help = "CPUs that run a worker each; \"auto\": chosen for the ports' nodes, one "
			"thread a "
			"core first."},
	{"count", &field_integer, WORKERS(count), .min = 1, .max = CONFIG_WORKERS_MAX,
		.zero = "auto", .fallback = "\"auto\"", .unit = "workers",
		.help = "How many workers."},
	{"nodes", &field_cpus, WORKERS(nodes), .min = 0, .max = 63, .zero = "auto",
		.fallback = "\"auto\"",
		.help = "NUMA nodes workers may run on; \"auto\": those of the ports."},
	{"idle", &field_enum, WORKERS(idle), .names = idle_policies, .fallback = "\"poll\"",
		.help = "What a worker does without packets: look again at once, or rest a little "
			"longer "
			"each time and sleep in the end (\"adaptive\")."},
	{"scheduler", &field_enum, WORKERS(scheduler), .names = scheduler_policies,
		.fallback = "\"other\"",
		.help = "Scheduling policy of the worker threads, see sched(7)."},
	{"priority", &field_integer, WORKERS(priority), .min = 1, .max = 99, .zero = "none",
		.fallback = "\"none\"",
		.help = "Priority of the workers under \"fifo\" and \"rr\"."},
	{"nice", &field_integer, WORKERS(nice), .min = -20, .max = 19, .fallback = "0",
		.help = "Nice value of the workers under \"other\" and \"batch\"."},
	{.name = NULL},
};

static const struct field steering_fields[] = {
	{"netdev_max_backlog", &field_integer, AT(struct config_steering, netdev_max_backlog),
		.min = 64, .max = 1 << 20, .fallback = "1024", .unit = "packets", .live = true,
		.help = "Packets that may wait for a worker from each other worker; more are "
			"dropped (and "
			"counted)."},
	{"rps_sock_flow_entries", &field_integer, AT(struct config_steering, rps_sock_flow_entries),
		.min = 1, .max = 1 << 26, .zero = "off", .fallback = "\"off\"", .unit = "flows",
		.live = true,
		.help = "RFS: how many flows' consumers are known; rounded up to a power of two. "
			"Ports take part by rps_flow_cnt."},
	{"flow_limit_cpus", &field_cpu_mask, AT(struct config_steering, flow_limit_cpus),
		.zero = "none", .fallback = "\"none\"", .live = true,
		.help = "CPUs (the kernel's flow_limit_cpu_bitmap) whose workers' backlogs, once "
			"more "
			"than half full, take nothing from a flow that has more than half of the "
			"recent packets."},
	{"flow_limit_table_len", &field_integer, AT(struct config_steering, flow_limit_table_len),
		.min = 2, .max = 65536, .fallback = "4096", .unit = "entries", .live = true,
		.help = "Flows the flow limit tells apart; rounded up to a power of two."},
	{"balance", &field_bool, AT(struct config_steering, balance), .fallback = "false",
		.live = true,
		.help = "Moves buckets of the indirection table so that all workers are loaded "
			"alike. "
			"A moved bucket's packets wait until its old worker has no more of it."},
	{"scale", &field_bool, AT(struct config_steering, scale), .fallback = "false", .live = true,
		.help = "With \"balance\": uses as few workers as the load needs; the others "
			"rest."},
	{"balance_tick_min", &field_duration, AT(struct config_steering, balance_tick_min_ns),
		.min = 100000, .max = ONE_S, .fallback = "\"1ms\"", .live = true,
		.help = "How often the balancer looks, when the load is uneven."},
	{"balance_tick_max", &field_duration, AT(struct config_steering, balance_tick_max_ns),
		.min = 100000, .max = 10 * ONE_S, .fallback = "\"4ms\"", .live = true,
		.help = "How often the balancer looks, when nothing is to be done."},
	{.name = NULL},
};

#define STAGE(member) AT(struct config_stage, member)

const struct field stage_fields[] = {
	{"type", &field_name, STAGE(type), .names = stage_types, .required = true,
		.help = "Which stage. Modes have testpmd's names and do what they do there."},
	{"ethernet_peer", &field_mac, STAGE(ethernet_peer), .zero = "auto", .fallback = "\"auto\"",
		.variants = MAC | CSUM | TXONLY,
		.help = "Destination address of the frames; \"auto\": 02:00:00:00:00:NN, NN being "
			"the "
			"port's "
			"number."},
	{"size", &field_integer, STAGE(packet_bytes), .min = 60, .max = 9600, .fallback = "64",
		.unit = "bytes", .variants = TXONLY | FLOWGEN,
		.help = "Length of the frames made, without FCS."},
	{"burst", &field_integer, STAGE(burst), .min = 1, .max = 32, .fallback = "32",
		.unit = "packets", .variants = TXONLY | FLOWGEN, .help = "Packets made at a time."},
	{"flows", &field_integer, STAGE(flows), .min = 1, .max = 1 << 24, .fallback = "1",
		.unit = "flows", .variants = TXONLY,
		.help = "How many flows the packets belong to."},
	{"flows", &field_integer, STAGE(flows), .min = 1, .max = 1 << 24, .fallback = "1024",
		.unit = "flows", .variants = FLOWGEN,
		.help = "How many flows the packets belong to."},
	{"buffer", &field_integer, STAGE(buffer_packets), .min = 1, .max = 1 << 20, .zero = "none",
		.fallback = "\"none\"", .unit = "packets", .variants = NOISY,
		.help = "Depth of the FIFO that packets wait in."},
	{"flush", &field_duration, STAGE(flush_ns), .min = 1, .max = 60 * ONE_S, .zero = "never",
		.fallback = "\"never\"", .variants = NOISY,
		.help = "The FIFO is emptied when nothing left it for so long."},
	{"memory", &field_bytes, STAGE(memory_bytes), .min = 64, .max = MIB << 10, .zero = "none",
		.fallback = "\"none\"", .variants = NOISY,
		.help = "Memory that each packet reads and writes in at random places."},
	{"reads", &field_integer, STAGE(reads), .min = 0, .max = UINT16_MAX, .fallback = "0",
		.variants = NOISY, .help = "Random reads a packet."},
	{"writes", &field_integer, STAGE(writes), .min = 0, .max = UINT16_MAX, .fallback = "0",
		.variants = NOISY, .help = "Random writes a packet."},
	{"read_writes", &field_integer, STAGE(read_writes), .min = 0, .max = UINT16_MAX,
		.fallback = "0", .variants = NOISY,
		.help = "Random reads with a write after, a packet."},
	{"share", &field_fraction, STAGE(share), .min = 0, .max = 1, .fallback = "1",
		.variants = DROP,
		.help = "Share of the packets that is dropped, by a pseudo-random sequence that is "
			"the same "
			"in each run."},
	{"cpus", &field_cpu_mask, STAGE(cpus), .required = true, .variants = CONSUME,
		.help = "CPUs on which the flows' applications run; a flow's hash chooses one."},
	{"migrate", &field_duration, STAGE(migrate_ns), .min = 1000, .max = 3600 * ONE_S,
		.zero = "never", .fallback = "\"never\"", .variants = CONSUME,
		.help = "How often all applications go to the next CPU of the list."},
	{"mtu", &field_integer, STAGE(mtu), .min = 68, .max = 65535, .zero = "auto",
		.fallback = "\"auto\"", .unit = "bytes", .variants = GSO | FRAGMENT,
		.help = "Largest IP packet that comes out; \"auto\": the MTU of the port the "
			"pipeline leads to."},
	{"timeout", &field_duration, STAGE(timeout_ns), .min = 1000000, .max = 120 * ONE_S,
		.fallback = "\"1s\"", .variants = REASSEMBLE,
		.help = "How long fragments wait for the others of their packet."},
	{"packets", &field_integer, STAGE(datagrams), .min = 16, .max = 65536, .fallback = "1024",
		.unit = "packets", .variants = REASSEMBLE,
		.help = "How many packets may be waiting for fragments; further ones take the "
			"place "
			"of the oldest."},
	{"cycles", &field_integer, STAGE(cycles), .min = 0, .max = 100000000, .fallback = "500",
		.unit = "cycles", .variants = WORK,
		.help = "CPU time that each packet takes, in cycles of the TSC."},
	{.name = NULL},
};

#define PIPELINE(member) AT(struct config_pipeline, member)

const struct field pipeline_fields[] = {
	{"name", &field_string, PIPELINE(name), .min = 1, .max = 71,
		.help = "What tables call it; default: \"from->to\"."},
	{"from", &field_string, PIPELINE(from), .min = 1, .max = 31, .required = true,
		.help = "The port packets come from."},
	{"to", &field_string, PIPELINE(to), .min = 1, .max = 31,
		.help = "The port packets go to. Not needed when the last stage lets nothing out."},
	{"order", &field_enum, PIPELINE(order), .names = orders, .fallback = "\"flow\"",
		.help = "\"flow\": each flow stays on one worker. \"restore\": bursts go to "
			"whichever "
			"worker is free and leave in the order they came, for a flow that is more "
			"than "
			"one worker can do; stages must not hold packets."},
	{"stages", &field_stages, WHOLE(struct config_pipeline), .max = CONFIG_STAGES_MAX,
		.fallback = "[]",
		.help = "What happens on the way: names of stages, or objects with a \"type\" and "
			"its "
			"parameters."},
	{.name = NULL},
};

#define CAPTURE(member) AT(struct config_capture, member)

const struct field capture_fields[] = {
	{"at", &field_strings, CAPTURE(at), .min = 1, .max = 24, .required = true,
		.help = "Points of the path: rx, steered, gro, stage0, stage1, ... or a stage's "
			"type, gso, tx, drop. Each is an interface of the file."},
	{"file", &field_string, CAPTURE(file), .min = 1, .max = PATH_LENGTH_MAX, .required = true,
		.help = "Where it goes, as pcapng."},
	{"filter", &field_string, CAPTURE(filter), .min = 1, .max = 2048, .zero = "all",
		.fallback = "\"all\"",
		.help = "Which packets, in libpcap's syntax: see pcap-filter(7)."},
	{"snap", &field_bytes, CAPTURE(snap_bytes), .min = 14, .max = 262144, .zero = "all",
		.fallback = "\"all\"", .help = "How much of each packet at most."},
	{"packets", &field_integer, CAPTURE(packets), .min = 1, .max = COUNT_MAX, .zero = "all",
		.fallback = "\"all\"", .unit = "packets", .help = "Ends after so many."},
	{"file_size", &field_bytes, CAPTURE(file_bytes), .min = 65536, .max = COUNT_MAX,
		.zero = "any", .fallback = "\"any\"",
		.help = "A new file is begun when one would get larger: FILE, FILE1, FILE2, ..."},
	{"files", &field_integer, CAPTURE(files), .min = 2, .max = 1000000, .zero = "all",
		.fallback = "\"all\"", .unit = "files",
		.help = "With file_size: so many files at most, FILE0, FILE1, ...; the oldest is "
			"overwritten."},
	{.name = NULL},
};

#define STATS(member) AT(struct config_stats, member)

static const struct field stats_fields[] = {
	{"interval", &field_duration, STATS(interval_ns), .min = 1000000, .max = DURATION_MAX,
		.zero = "never", .fallback = "\"1s\"", .live = true,
		.help = "How often rates are computed, and the table and JSON lines written."},
	{"table", &field_bool, STATS(table), .fallback = "true", .live = true,
		.help = "Prints the table on standard output each interval."},
	{"json_lines", &field_string, STATS(json_lines), .min = 1, .max = PATH_LENGTH_MAX,
		.zero = "none", .fallback = "\"none\"",
		.help = "A file that gets one line with a JSON object each interval."},
	{"latency", &field_bool, STATS(latency), .fallback = "true",
		.help = "Measures how long packets are in the engine."},
	{.name = NULL},
};

static const struct field control_fields[] = {
	{"socket", &field_string, AT(struct config_control, socket), .min = 0, .max = 107,
		.zero = "auto", .fallback = "\"auto\"",
		.help = "Path of the unix socket for weir show and weir set; \"auto\": "
			"$XDG_RUNTIME_DIR/weir.sock, or /run/weir.sock as root; \"\": none."},
	{.name = NULL},
};

#define VERBS(member) AT(struct config_verbs, member)

static const struct field verbs_fields[] = {
	{"socket", &field_string, VERBS(socket), .min = 1, .max = 107, .zero = "auto",
		.fallback = "\"auto\"",
		.help = "Path of the unix socket that applications connect to; \"auto\": "
			"$XDG_RUNTIME_DIR/weir-verbs.sock, or /run/weir-verbs.sock as root. Who "
			"may "
			"write to it may attach."},
	{"path", &field_enum, VERBS(path), .names = verbs_paths, .fallback = "\"auto\"",
		.help = "Who moves the data between connected queue pairs: \"direct\": the "
			"initiator's library, in memory that both map, for processes that trust "
			"each "
			"other; \"engine\": the engine checks and moves every request; \"auto\": "
			"direct between processes of one user, else engine."},
	{"raw", &field_enum, VERBS(raw), .names = verbs_raws, .fallback = "\"trusted\"",
		.help = "Which applications get packets of ports, by flows they ask for: "
			"\"trusted\": those of the engine's user and of root, who may then read "
			"all packets; \"all\": those of other users too, who get copies; \"off\": "
			"none. Ports that are an application's are not meant."},
	{"connections", &field_integer, VERBS(connections), .min = 1, .max = 1024, .fallback = "64",
		.help = "Applications at a time."},
	{"queue_pairs", &field_integer, VERBS(queue_pairs), .min = 1, .max = 65536,
		.fallback = "1024", .help = "Of each application."},
	{"regions", &field_integer, VERBS(regions), .min = 1, .max = 65535, .fallback = "4096",
		.help = "Registered memory regions of each application."},
	{"depth", &field_integer, VERBS(depth), .min = 16, .max = 32768, .fallback = "32768",
		.unit = "work requests", .help = "Of a queue at most."},
	{"memory", &field_bytes, VERBS(memory_bytes), .min = 4096, .max = INT64_C(1) << 46,
		.fallback = "\"64GiB\"",
		.help = "Registered by each application in all. It is the application's own "
			"memory."},
	{.name = NULL},
};

#define CONFIG(member) AT(struct config, member)

const struct field config_fields[] = {
	{"$schema", &field_ignored,
		.help = "Where the schema is, for editors. weir does not read it."},
	{"memory", &field_object, CONFIG(memory), .fields = memory_fields, .fallback = "{}",
		.help = "Memory for packets, and DPDK's environment."},
	{"ports", &field_ports, WHOLE(struct config), .min = 1, .max = CONFIG_PORTS_MAX,
		.required = true, .unless = "verbs",
		.help = "What packets come from and go to, by a name of your choice."},
	{"workers", &field_object, CONFIG(workers), .fields = workers_fields, .names = automatic,
		.fallback = "{}", .help = "The threads that move packets."},
	{"steering", &field_object, CONFIG(steering), .fields = steering_fields, .fallback = "{}",
		.help = "How packets get to the right worker, with the kernel's names."},
	{"pipelines", &field_pipelines, WHOLE(struct config), .min = 1, .max = CONFIG_PIPELINES_MAX,
		.required = true, .unless = "verbs",
		.help = "Which port's packets go to which port, through which stages."},
	{"captures", &field_captures, WHOLE(struct config), .max = CONFIG_CAPTURES_MAX,
		.fallback = "[]",
		.help = "Captures of packets at points of the path, from the first packet to the "
			"last. weir capture starts others while weir runs."},
	{"stats", &field_object, CONFIG(stats), .fields = stats_fields, .fallback = "{}",
		.help = "What is told while it runs."},
	{"control", &field_object, CONFIG(control), .fields = control_fields, .fallback = "{}",
		.help = "How a running engine is spoken to."},
	{"verbs", &field_verbs, CONFIG(verbs), .fields = verbs_fields, .names = switched_off,
		.fallback = "\"off\"",
		.help = "Applications may attach: queue pairs between them and to ports, as RDMA "
			"has "
			"them. With it a run needs no ports."},
	{.name = NULL},
};
