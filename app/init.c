/* SPDX-License-Identifier: BSD-3-Clause */
/* weir init: a configuration to begin with, from what this machine has. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "config/config.h"
#include "init_draft.h"
#include "placement/device.h"
#include "placement/plan.h"
#include "placement/sysfs.h"
#include "placement/topology.h"

enum { WORKERS_A_PORT = 4 };

static int force;
static const char *machine_root = "";

static const struct option options[] = {
	{"force", 'f', OPTION_FLAG, &force, NULL, "Replaces FILE if it is there already"},
	{"topology", 0, OPTION_STRING, &machine_root, "DIR",
		"Makes it for the machine whose sys/ is copied to DIR"},
	{NULL, 0, OPTION_FLAG, NULL, NULL, NULL},
};

/* ---- workers ---- */

/* What the plan chooses, but not a whole server for a few ports; written as CPUs so that it is seen
 * and can be changed. Where CPUs are shared there is nothing to choose: left to the plan. Adaptive,
 * so that trying it out burns no core. */
static json_t *choose_workers(
	struct config *config, const struct topology *topology, struct error *error)
{
	static struct plan_port ports[CONFIG_PORTS_MAX];
	static struct plan plan;
	char text[1024];
	cpu_set_t cpus;

	device_plan_ports(config, machine_root, ports);
	if (plan_make(config, topology, ports, &plan, error) < 0)
		return NULL;
	if (plan.worker_count > WORKERS_A_PORT * config->port_count) {
		config->workers.count = (uint16_t)(WORKERS_A_PORT * config->port_count);
		if (plan_make(config, topology, ports, &plan, error) < 0)
			return NULL;
	}
	CPU_ZERO(&cpus);
	for (unsigned worker = 0; worker < plan.worker_count; worker++) {
		if (plan.workers[worker].shared)
			return json_pack(
				"{s:i, s:s}", "count", plan.worker_count, "idle", "adaptive");
		CPU_SET(plan.workers[worker].cpu, &cpus);
	}
	return json_pack(
		"{s:s, s:s}", "cpus", list_format(&cpus, text, sizeof(text)), "idle", "adaptive");
}

/* Completes the draft and makes sure that it says what it should. The text, or NULL. */
static char *complete(json_t *draft, const struct topology *topology, struct error *error)
{
	char *text = json_dumps(draft, JSON_INDENT(2));
	struct config_problems problems = {0};
	struct config *config = NULL;
	json_t *workers;

	if (text == NULL || config_load_text(text, strlen(text), &config, &problems) < 0) {
		error_set(error, EINVAL, "what was found here makes no valid configuration: %s",
			problems.count > 0 ? problems.list[0].message : strerror(ENOMEM));
		config_problems_fini(&problems);
		free(text);
		return NULL;
	}
	free(text);
	config_problems_fini(&problems);
	workers = choose_workers(config, topology, error);
	config_destroy(config);
	if (workers == NULL)
		return NULL;
	json_object_set_new(draft, "workers", workers);
	text = json_dumps(draft, JSON_INDENT(2));
	if (text == NULL)
		error_set(error, ENOMEM, "%s", strerror(ENOMEM));
	return text;
}

/* ---- output ---- */

static int write_file(const char *path, const char *text)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL);
	int descriptor = open(path, flags, 0644);
	FILE *file;

	if (descriptor < 0 && errno == EEXIST) {
		fprintf(stderr, "weir init: %s is there already; --force replaces it\n", path);
		return EXIT_USAGE;
	}
	file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
	if (file == NULL || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0) {
		fprintf(stderr, "weir init: %s: %s\n", path, strerror(errno));
		return EXIT_FAILED;
	}
	fprintf(stderr, "weir init: wrote %s; `weir check %s` shows what it comes to\n", path,
		path);
	return EXIT_OK;
}

static int run(int argc, char **argv)
{
	struct topology *topology;
	struct error error = {0};
	char *text = NULL;
	json_t *draft;
	int code = EXIT_OK;

	if (argc > 1)
		return command_usage_error(&command_init, "one FILE, %d were given", argc);
	topology = malloc(sizeof(*topology));
	draft = init_draft(machine_root);
	if (topology == NULL || draft == NULL)
		error_set(&error, ENOMEM, "%s", strerror(ENOMEM));
	else if (topology_read(machine_root, topology, &error) == 0)
		text = complete(draft, topology, &error);
	if (text == NULL) {
		fprintf(stderr, "weir init: %s\n", error.message);
		code = EXIT_FAILED;
	} else if (argc == 1) {
		code = write_file(argv[0], text);
	} else {
		printf("%s\n", text);
	}
	free(text);
	json_decref(draft);
	free(topology);
	return code;
}

const struct command command_init = {
	.name = "init",
	.arguments = "[FILE]",
	.summary = "Writes a configuration for this machine, to begin with",
	.description = "Looks for ports: NICs bound to vfio-pci or another driver of DPDK's, which "
		       "it forwards "
		       "between in pairs; else the kernel's Ethernet interfaces that are up, which "
		       "it only "
		       "listens to; else a pair of net_null. Chooses CPUs for the workers as `weir "
		       "run` would. "
		       "Writes to FILE, or to standard output.",
	.examples = "  weir init weir.json && weir check weir.json\n",
	.options = options,
	.run = run,
};
