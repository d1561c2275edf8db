/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/warnings.h"

#include <stdarg.h>
#include <string.h>

struct warnings {
	const struct config *config;
	config_warn *warn;
	void *argument;
};

static void say(const struct warnings *warnings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct warnings *warnings, const char *format, ...)
{
	char text[512];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	warnings->warn(warnings->argument, text);
}

/* The pipeline that takes a port's packets; NULL: none. */
static const struct config_pipeline *reader(const struct config *config, unsigned port)
{
	for (unsigned i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].from_port == port)
			return &config->pipelines[i];
	return NULL;
}

static bool is_sent_to(const struct config *config, unsigned port)
{
	for (unsigned i = 0; i < config->pipeline_count; i++)
		if (config->pipelines[i].to_port == port)
			return true;
	return false;
}

static void about_receiving(const struct warnings *warnings, unsigned index)
{
	const struct config_port *port = &warnings->config->ports[index];
	const struct config_pipeline *pipeline = reader(warnings->config, index);
	const char *setting = port->rps_flow_cnt > 0 ? "rps_flow_cnt" : "rps_cpus";

	if (port->rps_flow_cnt == 0 && port->rps_cpus.count == 0)
		return;
	if (pipeline == NULL)
		say(warnings, "ports.%s.%s has no effect: no pipeline takes packets from this port",
			port->name, setting);
	else if (pipeline->order == ORDER_RESTORE)
		say(warnings,
			"ports.%s.%s has no effect: with \"order\": \"restore\" (pipeline %s) "
			"bursts go to whichever worker is free",
			port->name, setting, pipeline->name);
	else if (port->rps_flow_cnt > 0 && warnings->config->steering.rps_sock_flow_entries == 0)
		say(warnings,
			"ports.%s.rps_flow_cnt has no effect: RFS needs "
			"steering.rps_sock_flow_entries too (32768 is usual)",
			port->name);
}

static void about_sending(const struct warnings *warnings, unsigned index)
{
	const struct config_port *port = &warnings->config->ports[index];

	if ((port->xps_cpus.count > 0 || port->xps_rxqs.count > 0) &&
		!is_sent_to(warnings->config, index))
		say(warnings, "ports.%s.%s has no effect: no pipeline sends to this port",
			port->name, port->xps_rxqs.count > 0 ? "xps_rxqs" : "xps_cpus");
}

static void about_features(const struct warnings *warnings, unsigned index)
{
	const struct config_port *port = &warnings->config->ports[index];
	const struct config_features *features = &port->features;
	const struct config_pipeline *pipeline = reader(warnings->config, index);
	bool gro = features->generic_receive_offload == FEATURE_ON;
	bool lro = features->large_receive_offload == FEATURE_ON;

	if ((gro || lro) && pipeline == NULL)
		say(warnings,
			"ports.%s.features.%s has no effect: no pipeline takes packets from this "
			"port",
			port->name, gro ? "generic-receive-offload" : "large-receive-offload");
	if (features->rx_udp_gro_forwarding == FEATURE_ON && !gro)
		say(warnings,
			"ports.%s.features.rx-udp-gro-forwarding has no effect: it needs "
			"generic-receive-offload too",
			port->name);
	/* As ethtool(8) and the kernel's documentation warn of it. */
	if (lro && pipeline != NULL && pipeline->to_port != UINT16_MAX)
		say(warnings,
			"ports.%s.features.large-receive-offload is not lossless, and pipeline %s "
			"sends on what it merged: other packets leave than came. "
			"generic-receive-offload is for that",
			port->name, pipeline->name);
}

static bool has_flow_port(const struct config *config)
{
	for (unsigned i = 0; i < config->port_count; i++)
		if (config->ports[i].rps_flow_cnt > 0)
			return true;
	return false;
}

static void about_steering(const struct warnings *warnings)
{
	const struct config_steering *steering = &warnings->config->steering;

	if (steering->scale && !steering->balance)
		say(warnings, "steering.scale has no effect: it needs steering.balance too");
	if (steering->rps_sock_flow_entries > 0 && !has_flow_port(warnings->config))
		say(warnings,
			"steering.rps_sock_flow_entries has no effect: RFS needs a port with "
			"rps_flow_cnt too (the entries shared out over its queues are "
			"usual)");
}

static void about_consumers(const struct warnings *warnings)
{
	const struct config *config = warnings->config;

	if (config->steering.rps_sock_flow_entries > 0)
		return;
	for (unsigned i = 0; i < config->pipeline_count; i++)
		for (unsigned s = 0; s < config->pipelines[i].stage_count; s++)
			if (strcmp(config->pipelines[i].stages[s].type, "consume") == 0)
				say(warnings,
					"pipelines.%u.stages.%u: nobody follows these consumers: "
					"RFS needs steering.rps_sock_flow_entries",
					i, s);
}

void config_warnings(const struct config *config, config_warn *warn, void *argument)
{
	const struct warnings warnings = {config, warn, argument};

	for (unsigned i = 0; i < config->port_count; i++) {
		about_receiving(&warnings, i);
		about_sending(&warnings, i);
		about_features(&warnings, i);
	}
	about_steering(&warnings);
	about_consumers(&warnings);
}
