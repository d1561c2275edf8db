/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A run, as one JSON file describes it: the checked, complete form that the rest of weir reads.
 * Each member's JSON name, default, range, unit and help stand in the field table (fields.c),
 * which also makes the schema, the reference page and the effective configuration.
 *
 * Ownership: everything below belongs to the struct config; config_destroy() frees it all.
 * Threads: read-only once loaded. Source: DESIGN.md of the project; names are ethtool's, the
 * kernel's scaling document's and testpmd's where they have one.
 */
#ifndef WEIR_CONFIG_CONFIG_H
#define WEIR_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "steering/rss_hash.h"

enum { CONFIG_PORTS_MAX = 32, CONFIG_PIPELINES_MAX = 32, CONFIG_STAGES_MAX = 16 };
enum { CONFIG_FILES_MAX = 64, CONFIG_WORKERS_MAX = 64, CONFIG_CPUS_MAX = 1024 };
enum { CONFIG_RSS_QUEUES_MAX = 128, CONFIG_RSS_KEY_BYTES = 40 };

struct cpu_list { /* "0-3,8"; count 0: not given */
	uint16_t count;
	uint16_t cpus[CONFIG_CPUS_MAX]; /* ascending, no duplicates */
};

enum { CONFIG_CPU_WORDS = CONFIG_CPUS_MAX / 64 };

struct cpu_mask {
	uint64_t words[CONFIG_CPU_WORDS];
};

/* The kernel's rps_cpus, xps_cpus and xps_rxqs: a mask for each queue. count 0: not given; `all`:
 * masks[0] is that of every queue; else queues from `count` on have an empty one. */
struct queue_masks {
	uint16_t count;
	bool all;
	struct cpu_mask masks[CONFIG_RSS_QUEUES_MAX];
};

static inline bool cpu_mask_has(const struct cpu_mask *mask, unsigned bit)
{
	return bit < CONFIG_CPUS_MAX && (mask->words[bit / 64] >> (bit % 64) & 1) != 0;
}

/* NULL: none for this queue. */
static inline const struct cpu_mask *queue_mask(const struct queue_masks *masks, unsigned queue)
{
	if (masks->all)
		return &masks->masks[0];
	return queue < masks->count ? &masks->masks[queue] : NULL;
}

enum memory_mode { MEMORY_AUTO, MEMORY_HUGE, MEMORY_IN_MEMORY, MEMORY_NO_HUGE };

struct config_memory {
	enum memory_mode mode;
	uint64_t size_bytes; /* 0: as much as the plan needs */
	uint32_t packets; /* packet buffers a node; 0: as many as the plan needs */
	uint32_t packet_data_bytes; /* room for data in one buffer, without headroom */
	char **eal_args; /* further EAL arguments, NULL-terminated, may be NULL */
};

enum speed_kind { SPEED_ORIGINAL, SPEED_TOP, SPEED_MULTIPLE, SPEED_PPS, SPEED_BPS };

struct speed { /* "original", "top", "x2.5", "1.5Mpps", "10Gbps" */
	enum speed_kind kind;
	double value; /* the factor, packets/s or bits/s (frame bytes, without preamble and FCS) */
};

enum replay_load { REPLAY_LOAD_AUTO, REPLAY_LOAD_PRELOAD, REPLAY_LOAD_STREAM };
enum replay_snapped { REPLAY_SNAPPED_SEND, REPLAY_SNAPPED_SKIP };

struct config_replay {
	char **files; /* NULL-terminated; merged by time */
	struct speed speed;
	uint64_t loop; /* times; 0: for ever */
	uint64_t duration_ns; /* 0: no limit */
	bool rewrite; /* new addresses and ports each loop */
	enum replay_load load;
	enum replay_snapped snapped;
	bool pause; /* waits while a backlog is full; false: what does not fit drops */
};

enum generate_protocol { GENERATE_UDP, GENERATE_TCP };
enum generate_ip { GENERATE_IPV4, GENERATE_IPV6, GENERATE_MIXED };

struct config_generate {
	uint64_t seed;
	uint32_t flows;
	double zipf; /* skew exponent; 0: all flows alike */
	uint64_t packets; /* 0: for ever */
	uint32_t size_min; /* frame bytes without FCS; size_min == size_max: fixed */
	uint32_t size_max;
	bool imix; /* "size": "imix": 60/590/1514 at 7:4:1 */
	enum generate_ip ip;
	enum generate_protocol protocol;
	uint16_t vlan; /* 0: none */
	double loss; /* probabilities, 0..1 */
	double duplicate;
	double reorder;
	struct speed speed;
	uint64_t duration_ns;
	bool pause; /* as a replay's */
};

enum rss_mode { RSS_AUTO, RSS_HARDWARE, RSS_SOFTWARE, RSS_OFF };

struct queue_weights { /* shares of a RETA, as `ethtool -X weight`; count 0: not given */
	uint16_t count;
	uint16_t weights[CONFIG_RSS_QUEUES_MAX];
};

struct config_rss {
	enum rss_mode mode;
	uint16_t queues; /* emulated queues; 0: one a worker */
	uint16_t reta_size; /* 128, 256 or 512 */
	uint16_t equal; /* spread over the first so many queues; 0: all */
	struct queue_weights weights; /* instead of `equal` */
	uint8_t key[CONFIG_RSS_KEY_BYTES];
	uint8_t fields[RSS_TYPE_COUNT]; /* RSS_FIELD_* by enum rss_type */
	enum rss_transform xfrm;
	bool inner; /* hash what is in a tunnel */
};

/* An offload or mode: off; on, and refused by name at start if the device cannot; or on where the
 * device can. As a truth value: wanted. */
enum feature_switch { FEATURE_OFF, FEATURE_ON, FEATURE_AUTO };

struct config_features { /* ethtool's names; what "auto" means: port/features.h */
	enum feature_switch rx_checksumming;
	enum feature_switch tx_checksumming;
	enum feature_switch scatter_gather;
	enum feature_switch tcp_segmentation_offload;
	enum feature_switch udp_fragmentation_offload; /* tx-udp-fragmentation: UFO */
	enum feature_switch tx_udp_segmentation;
	enum feature_switch generic_segmentation_offload;
	enum feature_switch generic_receive_offload;
	enum feature_switch rx_udp_gro_forwarding;
	enum feature_switch large_receive_offload;
	enum feature_switch promiscuous;
};

enum gro_rules_name { GRO_LINUX_CLASSIC, GRO_LINUX_CURRENT }; /* segmentation/gro.h */

/* How a port's packets are merged, and checked, where its features say that they are. */
struct config_gro {
	uint64_t flush_timeout_ns; /* gro_flush_timeout; 0: the end of a burst */
	uint32_t flows; /* held at a time, of each worker */
	uint32_t packets; /* held at a time, of each worker */
	enum gro_rules_name rules;
	bool verify; /* checksums before merging */
	bool reorder; /* a segment that comes too early waits */
	uint32_t lro_bytes; /* largest packet LRO makes */
};

enum port_kind {
	PORT_DEVICE,
	PORT_REPLAY,
	PORT_GENERATE,
	PORT_FILE,
	PORT_INTERFACE,
	PORT_APPLICATION
};

struct config_port {
	char *name;
	enum port_kind kind;
	char *device; /* PORT_DEVICE: a DPDK device string */
	struct config_replay replay;
	struct config_generate generate;
	char *file; /* PORT_FILE: a capture file that takes what is sent here (.pcap or .pcapng) */
	char *interface; /* PORT_INTERFACE: a kernel network interface, by a packet socket */
	char *application; /* PORT_APPLICATION: how an application that attaches asks for it */
	bool application_pool; /* PORT_DEVICE: what it receives is in a pool of its own, which one
				* application has for itself */
	char *mirror; /* PORT_DEVICE: a capture file that gets what left as well; NULL: none */
	uint16_t queues; /* hardware queues; 0: as many as there are workers, or the device can */
	uint16_t rx_descriptors;
	uint16_t tx_descriptors;
	uint32_t mtu; /* 0: the device's own */
	uint64_t tx_retry_ns; /* how long a full tx queue is tried again before packets drop */
	struct config_rss rss;
	struct queue_masks rps_cpus; /* by rx queue (emulated ones too) */
	uint32_t rps_flow_cnt; /* RFS flows an rx queue; 0: no RFS on this port */
	struct queue_masks xps_cpus; /* by tx queue: the CPUs whose workers use it */
	struct queue_masks xps_rxqs; /* by tx queue: the rx queues whose packets leave through it */
	struct config_features features;
	bool drop_bad_checksums;
	struct config_gro gro;
};

enum { CONFIG_CAPTURES_MAX = 8 };

/* A capture from the start on; `weir capture` starts others while weir runs. */
struct config_capture {
	char **at; /* names of tap points, NULL-terminated: engine/capture.h */
	char *file; /* pcapng */
	char *filter; /* in libpcap's syntax; NULL: all */
	uint32_t snap_bytes; /* of each packet at most; 0: all */
	uint64_t packets; /* stops after so many; 0: never */
	uint64_t file_bytes; /* a new file after so many; 0: never */
	uint32_t files; /* so many at most, the oldest is deleted; 0: all are kept */
};

enum idle_policy { IDLE_POLL, IDLE_ADAPTIVE };
enum scheduler_policy { SCHEDULER_OTHER, SCHEDULER_BATCH, SCHEDULER_FIFO, SCHEDULER_RR };

struct config_workers {
	struct cpu_list cpus; /* count 0: chosen by the placement plan */
	uint16_t count; /* 0: chosen by the plan */
	struct cpu_list nodes; /* count 0: the ports' nodes */
	enum idle_policy idle;
	enum scheduler_policy scheduler;
	uint8_t priority; /* fifo and rr: 1..99 */
	int8_t nice; /* other and batch: -20..19 */
};

struct config_steering {
	uint32_t netdev_max_backlog; /* packets a worker may have waiting from one other worker */
	uint32_t rps_sock_flow_entries; /* RFS: consumers known; 0: no RFS */
	struct cpu_mask flow_limit_cpus; /* workers whose backlogs have a flow limit */
	uint32_t flow_limit_table_len;
	bool balance; /* move RETA buckets so that workers are loaded alike */
	bool scale; /* and use as few workers as the load needs */
	uint64_t balance_tick_min_ns, balance_tick_max_ns;
};

enum pipeline_order { ORDER_FLOW, ORDER_RESTORE };

/* One step. The parameters are those of the stages that have any (see stage_fields in fields.c). */
struct config_stage {
	const char *type; /* one of stage_types[] */
	/* mac: destination address; all zero: the port's testpmd default 02:00:00:00:00:<port> */
	uint8_t ethernet_peer[6];
	/* txonly, flowgen */
	uint16_t packet_bytes;
	uint16_t burst;
	uint32_t flows;
	/* noisy */
	uint32_t buffer_packets; /* FIFO depth; 0: none */
	uint64_t flush_ns; /* FIFO is emptied when idle for so long */
	uint64_t memory_bytes;
	uint16_t reads, writes, read_writes;
	/* drop: this share of the packets, 0..1, by a fixed pseudo-random sequence */
	double share;
	/* consume: an application that reads flows on these CPUs */
	struct cpu_mask cpus;
	uint64_t migrate_ns; /* each flow's reader goes to the next CPU this often; 0: never */
	/* work: pretends to need so many cycles a packet */
	uint32_t cycles;
	/* gso, fragment: 0: the `to` port's */
	uint32_t mtu;
	bool uncut; /* gso, of a port whose feature is off: nothing is cut, only finished */
	/* reassemble: how long fragments wait for the others, and how many packets */
	uint64_t timeout_ns;
	uint32_t datagrams;
};

struct config_pipeline {
	char *name; /* default: "from->to" */
	char *from; /* a port's name; checked to exist */
	char *to; /* a port's name; NULL when the last stage consumes packets */
	uint16_t from_port, to_port; /* indexes into ports[]; to_port UINT16_MAX: none */
	/* ORDER_FLOW: a flow stays on a worker. ORDER_RESTORE: bursts go to any worker and leave in
	 * the order they came: for a flow larger than a worker. */
	enum pipeline_order order;
	uint16_t stage_count;
	struct config_stage stages[CONFIG_STAGES_MAX];
};

struct config_stats {
	uint64_t interval_ns; /* 0: no periodic table and no JSON lines */
	bool table; /* print the periodic table on stdout */
	char *json_lines; /* file to append one JSON object an interval to; NULL: none */
	bool latency; /* measure latency through the engine */
};

struct config_control {
	char *socket; /* path; NULL: "$XDG_RUNTIME_DIR/weir.sock" or /run/weir.sock as root; "":
			 none */
};

enum verbs_path_policy { VERBS_PATH_AUTO, VERBS_PATH_ONLY_DIRECT, VERBS_PATH_ONLY_ENGINE };

/* Which applications get packets of ports (those of the kind "application" aside). */
enum verbs_raw_policy { VERBS_RAW_OFF, VERBS_RAW_TRUSTED, VERBS_RAW_ALL };

/* For applications: verbs/weir.h. Limits are those of each connection but for `connections`. */
struct config_verbs {
	bool on;
	char *socket; /* path; NULL: "$XDG_RUNTIME_DIR/weir-verbs.sock" or
			 /run/weir-verbs.sock as root */
	enum verbs_path_policy path; /* who moves the data of connected queue pairs */
	enum verbs_raw_policy raw;
	uint32_t connections, queue_pairs, regions, depth;
	uint64_t memory_bytes; /* registered in all */
};

struct config {
	struct config_memory memory;
	uint16_t port_count;
	struct config_port ports[CONFIG_PORTS_MAX];
	struct config_workers workers;
	struct config_steering steering;
	uint16_t pipeline_count;
	struct config_pipeline pipelines[CONFIG_PIPELINES_MAX];
	uint16_t capture_count;
	struct config_capture captures[CONFIG_CAPTURES_MAX];
	struct config_stats stats;
	struct config_control control;
	struct config_verbs verbs;
};

/* Names of the stages a pipeline may use, NULL-terminated: io mac macswap 5tswap csum icmpecho
 * rxonly txonly flowgen noisy drop consume work gro gso reassemble fragment. */
extern const char *const stage_types[];

/* One finding about a file. */
struct config_problem {
	unsigned line, column; /* from 1; 0: about the file as a whole */
	char *pointer; /* JSON pointer (RFC 6901), "" for the root */
	char *message; /* found, expected, did-you-mean */
};

struct config_problems {
	unsigned count;
	struct config_problem *list; /* in the order of the file */
};

/*
 * Reads, checks and completes a configuration. On success returns 0 and *ret_config (destroy it);
 * otherwise -EINVAL (see problems), -ENOMEM or what open(2)/read(2) said, and *ret_config is NULL.
 * `problems` is always valid afterwards; free it with config_problems_fini().
 */
int config_load_file(
	const char *path, struct config **ret_config, struct config_problems *problems);
int config_load_text(const char *text, size_t length, struct config **ret_config,
	struct config_problems *problems);
struct config *config_destroy(struct config *config); /* takes NULL, returns NULL */
void config_problems_fini(struct config_problems *problems);

/* One line each: "file:line:column: /pointer: message". */
void config_problems_print(const struct config_problems *problems, const char *path, FILE *out);

/* The whole effective configuration, defaults included, as JSON that config_load_text() accepts
 * again. The string is malloc'ed. NULL: out of memory. */
char *config_to_json(const struct config *config);

/* The JSON Schema (draft 2020-12) of the file, and its reference as the body of a scdoc man page.
 */
char *config_schema(void);
void config_reference(FILE *out);

#endif
