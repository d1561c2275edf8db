/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a decision as sentences. */
#include "stats/explanation_steps.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/values.h"
#include "steering/rss_hash.h"

struct step {
	const char *name;
	char value[32], linux_place[96], text[1024];
};

static void value(struct step *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void place(struct step *step, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct step *step, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void value(struct step *step, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(step->value, sizeof(step->value), format, list);
	va_end(list);
}

static void place(struct step *step, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(step->linux_place, sizeof(step->linux_place), format, list);
	va_end(list);
}

/* Further words. */
static void say(struct step *step, const char *format, ...)
{
	size_t used = strlen(step->text);
	va_list list;

	va_start(list, format);
	vsnprintf(step->text + used, sizeof(step->text) - used, format, list);
	va_end(list);
}

static void add(json_t *steps, const struct step *step)
{
	json_array_append_new(steps,
		json_pack("{s:s, s:s, s:s, s:s}", "name", step->name, "value", step->value, "text",
			step->text, "linux", step->linux_place));
}

static const struct config_port *port_of(const struct explained *explained)
{
	return &explained->config->ports[explained->decision->port];
}

static unsigned cpu_of(const struct explained *explained, unsigned worker)
{
	return explained->plan->workers[worker % CONFIG_WORKERS_MAX].cpu;
}

static bool is_software(const struct explained *explained)
{
	return strcmp(explained->rss, "software") == 0;
}

bool explanation_worker_known(const struct explained *explained, unsigned worker)
{
	return worker < explained->plan->worker_count;
}

bool explanation_hashes_ports(const struct explained *explained)
{
	enum rss_type type = tuple_rss_type(explained->tuple);

	return explained->tuple->has_ports && tuple_hashes_ports(explained->tuple) &&
		(port_of(explained)->rss.fields[type] & RSS_FIELDS_PORTS) != 0;
}

/* ---- RSS ---- */

/* Words of four bytes; the ports of a tuple apart. */
static void say_input(struct step *step, const uint8_t *input, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		say(step, "%s%02x", i % 4 == 0 || (i % 4 == 2 && bytes - i == 2) ? " " : "",
			input[i]);
}

static void add_hash(json_t *steps, const struct explained *explained)
{
	const struct config_rss *rss = &port_of(explained)->rss;
	enum rss_type type = tuple_rss_type(explained->tuple);
	char key[3 * TOEPLITZ_KEY_BYTES], fields[RSS_FIELDS_TEXT_BYTES];
	struct step step = {.name = "hash"};
	uint8_t input[TOEPLITZ_INPUT_MAX];
	struct rss_rules rules;
	unsigned bytes;

	rss_rules_init(&rules, rss->fields, rss->xfrm, rss->inner);
	bytes = tuple_rss_input(explained->tuple, &rules, input);
	value(&step, "0x%08" PRIx32, explained->decision->hash);
	if (bytes == 0) {
		say(&step, "%s packets are not hashed: they have no field that counts",
			rss_type_names[type]);
	} else {
		say(&step, "Toeplitz of");
		say_input(&step, input, bytes);
		say(&step, " (type %s, fields %s: %s%s) with the key %s", rss_type_names[type],
			rss_fields_format(rules.fields[type], fields),
			explanation_hashes_ports(explained)   ? "addresses and ports"
				: explained->tuple->has_ports ? "the ports do not count"
							      : "no ports, as in fragments",
			rss->xfrm == RSS_TRANSFORM_SYMMETRIC_XOR ? ", each pair XORed"
				: rss->xfrm == RSS_TRANSFORM_SYMMETRIC_SORT
				? ", the smaller of each pair first"
				: "",
			config_format_rss_key(key, sizeof(key), rss->key));
	}
	place(&step, "ethtool -n DEV rx-flow-hash %s; ethtool -x DEV", rss_type_names[type]);
	add(steps, &step);
}

static void add_bucket(json_t *steps, const struct explained *explained)
{
	unsigned size = port_of(explained)->rss.reta_size;
	struct step step = {.name = "RETA entry"};

	value(&step, "%u of %u", explained->decision->bucket, size);
	say(&step, "hash & %u", size - 1);
	if (strcmp(explained->rss, "hardware") == 0)
		say(&step, "; the device hashes here, and its table may be of another size");
	place(&step, "ethtool -x DEV");
	add(steps, &step);
}

static void add_queue(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	const struct config_rss *rss = &port_of(explained)->rss;
	unsigned spread = rss->equal > 0 ? rss->equal : explained->queue_count;
	struct step step = {.name = "queue"};

	value(&step, "%u of %u", decision->queue, explained->queue_count);
	if (explained->queue_count == 1)
		say(&step, "the only one");
	else if (rss->weights.count > 0)
		say(&step, "entries are shared out by rss.weights");
	else
		say(&step, "entry %% %u: entries are given to queues in turn", spread);
	if (is_software(explained))
		say(&step,
			"; queue %u is worker %u's (queue %% %u: queues belong to workers in turn)",
			decision->queue, decision->queue_worker, explained->plan->worker_count);
	else
		say(&step, "; worker %u polls it", decision->queue_worker);
	place(&step, "/proc/irq/IRQ/smp_affinity_list");
	add(steps, &step);
}

/* ---- the balancer, RPS, RFS ---- */

static void add_balancer(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	struct step step = {.name = "balancer"};

	if (!decision->balanced && !decision->moving)
		return;
	value(&step, "worker %u", decision->bucket_worker);
	if (!explained->live)
		say(&step,
			"steering.balance is on: the entry starts here and goes wherever the "
			"load wants it; --live tells where it is");
	else if (decision->moving)
		say(&step,
			"entry %u is on its way there: its packets are parked, in order, until the "
			"worker that has it now has done all it was given",
			decision->bucket);
	else if (decision->bucket_worker == decision->queue_worker)
		say(&step, "the balancer has it where it began");
	else
		say(&step, "the balancer moved it here from worker %u, for an even load",
			decision->queue_worker);
	place(&step, "none");
	add(steps, &step);
}

static void say_map(struct step *step, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	const struct rps_map *map = &decision->rps;

	say(step, "the map of rps_cpus is worker%s", map->count > 1 ? "s" : "");
	for (unsigned i = 0; i < map->count; i++)
		say(step, "%s %u", i > 0 ? "," : "", map->workers[i]);
	if (decision->hash == 0)
		say(step, "; a packet without a hash stays with its queue's worker");
	else if (decision->balanced)
		say(step, "; with steering.balance it only limits where entries may go");
	else
		say(step, "; (hash * %u) >> 32 = (%" PRIu32 " * %u) >> 32 = %u, which is worker %u",
			map->count, decision->hash, map->count,
			(unsigned)((uint64_t)decision->hash * map->count >> 32),
			decision->rps_worker);
}

static void add_rps(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	struct step step = {.name = "RPS"};

	if (decision->rps.count == 0) {
		value(&step, "off");
		say(&step, "the port's rps_cpus names no CPU for this queue");
	} else {
		if (decision->hash == 0 || decision->balanced)
			value(&step, "not asked");
		else
			value(&step, "worker %u", decision->rps_worker);
		say_map(&step, explained);
	}
	place(&step, "/sys/class/net/DEV/queues/rx-%u/rps_cpus", decision->queue);
	add(steps, &step);
}

static void say_no_rfs(struct step *step, const struct explained *explained)
{
	const struct config_port *port = port_of(explained);
	bool entries = explained->config->steering.rps_sock_flow_entries > 0;

	value(step, "off");
	if (!entries && port->rps_flow_cnt == 0)
		say(step, "steering.rps_sock_flow_entries and the port's rps_flow_cnt are off");
	else if (!entries)
		say(step, "steering.rps_sock_flow_entries is off");
	else
		say(step, "the port's rps_flow_cnt is off");
}

static void add_consumer(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	struct step step = {.name = "RFS"};

	place(&step, "/proc/sys/net/core/rps_sock_flow_entries");
	if (!decision->has_rfs) {
		say_no_rfs(&step, explained);
	} else if (!explained->live) {
		value(&step, "not known");
		say(&step,
			"on; where the flow's consumer runs only a running weir knows: --live "
			"asks it");
	} else if (decision->consumer_cpu < 0) {
		value(&step, "no consumer");
		say(&step,
			"nobody has consumed this flow yet, or another flow has its entry: %s "
			"decides",
			decision->rps.count > 0 && !decision->balanced ? "RPS" : "its queue");
	} else if (!explanation_worker_known(explained, decision->consumer_worker)) {
		value(&step, "CPU %d", decision->consumer_cpu);
		say(&step, "the flow is consumed there, and no worker runs on that CPU's node");
	} else {
		value(&step, "CPU %d", decision->consumer_cpu);
		say(&step,
			"the flow is consumed there; the nearest worker (same core, else same "
			"cache, else same node) is %u, on CPU %u",
			decision->consumer_worker, cpu_of(explained, decision->consumer_worker));
	}
	add(steps, &step);
}

static void add_flow(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	struct step step = {.name = "flow"};
	int64_t left = (int64_t)(decision->flow_position - decision->flow_drained);

	if (!decision->has_rfs || !explained->live)
		return;
	place(&step, "/sys/class/net/DEV/queues/rx-%u/rps_flow_cnt", decision->queue);
	if (decision->flow_worker < 0) {
		value(&step, "new");
		say(&step, "no packet of it has been steered: it goes anywhere at once");
	} else if (left <= 0) {
		value(&step, "worker %d", decision->flow_worker);
		say(&step,
			"its packets went there last, up to place %" PRIu64
			" of the backlog, of which %" PRIu64 " have left: nothing of it is "
			"outstanding, so it may move",
			decision->flow_position, decision->flow_drained);
	} else {
		value(&step, "worker %d", decision->flow_worker);
		say(&step,
			"its packets went there last, up to place %" PRIu64
			" of the backlog, of which %" PRIu64 " have left: until the other %" PRId64
			" have, it stays, or it would be reordered",
			decision->flow_position, decision->flow_drained, left);
	}
	add(steps, &step);
}

/* ---- where it ends ---- */

static void say_why(struct step *step, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	bool consumer = decision->has_rfs && decision->consumer_cpu >= 0 &&
		explanation_worker_known(explained, decision->consumer_worker);

	if (decision->moving)
		say(step, "once its entry has moved");
	else if (consumer && decision->worker == decision->consumer_worker)
		say(step, "the consumer's");
	else if (consumer && decision->worker == (unsigned)decision->flow_worker)
		say(step, "not yet the consumer's: the flow still has packets here");
	else if (decision->has_rfs && decision->worker == (unsigned)decision->flow_worker &&
		decision->worker != decision->rps_worker)
		say(step, "the flow still has packets here");
	else if (decision->balanced)
		say(step, "where the balancer has its entry");
	else if (decision->rps.count > 0 && decision->hash != 0)
		say(step, "RPS says so");
	else
		say(step, "its queue's");
}

static void add_worker(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	struct step step = {.name = "worker"};

	value(&step, "%u of %u", decision->worker, explained->plan->worker_count);
	say_why(&step, explained);
	say(&step, "; on CPU %u", cpu_of(explained, decision->worker));
	if (explained->live && decision->worker != decision->receiver)
		say(&step, ", handed over by worker %u, which receives", decision->receiver);
	place(&step, "/proc/net/softnet_stat");
	add(steps, &step);
}

static void add_transmit(json_t *steps, const struct explained *explained)
{
	const struct steering_explanation *decision = explained->decision;
	struct step step = {.name = "tx queue"};
	const struct config_port *port;

	if (decision->tx_port < 0) {
		value(&step, "none");
		say(&step, "the pipeline lets nothing out");
		add(steps, &step);
		return;
	}
	port = &explained->config->ports[decision->tx_port];
	value(&step, "%d", decision->tx_queue);
	say(&step, "of port %s, %s", port->name,
		port->xps_rxqs.count > 0 ? "by xps_rxqs, then xps_cpus, then in turn"
			: port->xps_cpus.count > 0
			? "by xps_cpus, else in turn"
			: "in turn: neither xps_cpus nor xps_rxqs is given");
	if (decision->tx_owner != decision->worker)
		say(&step, "; worker %d writes it, and this one hands its packets over",
			decision->tx_owner);
	place(&step, "/sys/class/net/DEV/queues/tx-%d/%s", decision->tx_queue,
		port->xps_rxqs.count > 0 ? "xps_rxqs" : "xps_cpus");
	add(steps, &step);
}

json_t *explanation_steps(const struct explained *explained)
{
	json_t *steps = json_array();

	add_hash(steps, explained);
	add_bucket(steps, explained);
	add_queue(steps, explained);
	add_balancer(steps, explained);
	add_rps(steps, explained);
	add_consumer(steps, explained);
	add_flow(steps, explained);
	add_worker(steps, explained);
	add_transmit(steps, explained);
	return steps;
}
