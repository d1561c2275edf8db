/* SPDX-License-Identifier: BSD-3-Clause */
/* weir check: what a configuration means on this machine, or on the picture of another one. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_plan.h"
#include "command.h"
#include "config/config.h"
#include "config/warnings.h"
#include "placement/device.h"
#include "placement/plan.h"
#include "placement/thread.h"
#include "placement/topology.h"

static int as_json;
static const char *topology_root = "";

static const struct option options[] = {
	{"json", 0, OPTION_FLAG, &as_json, NULL, "Prints one JSON object, and no table"},
	{"topology", 0, OPTION_STRING, &topology_root, "DIR",
		"Plans for the machine whose sys/devices/system is copied to DIR"},
	{NULL, 0, OPTION_FLAG, NULL, NULL, NULL},
};

/* What is known and decided, from the file on. Large, hence not on the stack. */
struct checked {
	struct config *config;
	struct config_problems problems;
	struct topology topology;
	struct plan_port ports[CONFIG_PORTS_MAX];
	struct plan plan;
};

static void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	printf("\n");
	json_decref(object);
}

static json_t *problem_json(const struct config_problem *problem)
{
	return json_pack("{s:i, s:i, s:s, s:s}", "line", (int)problem->line, "column",
		(int)problem->column, "pointer", problem->pointer, "message", problem->message);
}

/* One for the whole file, when there is no list of them. */
static int report_error(const char *path, const char *message)
{
	if (as_json)
		print_json(json_pack("{s:s, s:b, s:[{s:i, s:i, s:s, s:s}]}", "file", path, "valid",
			0, "problems", "line", 0, "column", 0, "pointer", "", "message", message));
	else
		fprintf(stderr, "weir check: %s: %s\n", path, message);
	return EXIT_USAGE;
}

static int report_problems(const char *path, const struct config_problems *problems, int status)
{
	json_t *list;

	if (problems->count == 0)
		return report_error(path, strerror(-status));
	if (!as_json) {
		config_problems_print(problems, path, stderr);
		return EXIT_USAGE;
	}
	list = json_array();
	for (unsigned index = 0; index < problems->count; index++)
		json_array_append_new(list, problem_json(&problems->list[index]));
	print_json(json_pack("{s:s, s:b, s:o}", "file", path, "valid", 0, "problems", list));
	return EXIT_USAGE;
}

static bool is_absent(const char *folder, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", topology_root, folder);
	if (access(path, F_OK) != 0)
		return false; /* the picture of a machine without its devices */
	snprintf(path, sizeof(path), "%s/%s/%s", topology_root, folder, name);
	return access(path, F_OK) != 0;
}

/* PCI devices and interfaces that are not there: run would refuse them. */
static void warn_of_absent_devices(const struct checked *checked, json_t *warnings)
{
	char address[DEVICE_ADDRESS_BYTES];

	for (unsigned index = 0; index < checked->config->port_count; index++) {
		const struct config_port *port = &checked->config->ports[index];

		if (port->kind == PORT_DEVICE && device_pci_address(port->device, address) &&
			is_absent("sys/bus/pci/devices", address))
			json_array_append_new(warnings,
				json_sprintf(
					"port %s: there is no PCI device %s", port->name, address));
		if (port->kind == PORT_INTERFACE && is_absent("sys/class/net", port->interface))
			json_array_append_new(warnings,
				json_sprintf("port %s: there is no interface %s here", port->name,
					port->interface));
	}
}

static void append_warning(void *warnings, const char *text)
{
	json_array_append_new(warnings, json_string(text));
}

static json_t *plan_json(const struct checked *checked)
{
	json_t *object = check_plan_json(
		checked->config, &checked->topology, checked->ports, &checked->plan);
	json_t *warnings = json_object_get(object, "warnings");
	char text[512];

	config_warnings(checked->config, append_warning, warnings);
	warn_of_absent_devices(checked, warnings);
	if (thread_realtime_warning(&checked->config->workers, topology_root, text, sizeof(text)) >
		0)
		json_array_append_new(warnings, json_string(text));
	return object;
}

static int report(const char *path, const struct checked *checked)
{
	json_t *plan = plan_json(checked);
	char *text = config_to_json(checked->config);

	if (plan == NULL || text == NULL) {
		json_decref(plan);
		free(text);
		return report_error(path, strerror(ENOMEM));
	}
	if (as_json) {
		print_json(json_pack("{s:s, s:b, s:[], s:o, s:o}", "file", path, "valid", 1,
			"problems", "config", json_loads(text, 0, NULL), "plan", plan));
	} else {
		size_t length = strlen(text);

		printf("%s%s\n", text, length > 0 && text[length - 1] == '\n' ? "" : "\n");
		check_plan_print(plan, stdout);
		json_decref(plan);
	}
	free(text);
	return EXIT_OK;
}

static int check_file(const char *path, struct checked *checked)
{
	struct error error = {0};
	int status = config_load_file(path, &checked->config, &checked->problems);

	if (status < 0)
		return report_problems(path, &checked->problems, status);
	status = topology_read(topology_root, &checked->topology, &error);
	if (status < 0)
		return report_error(
			topology_root[0] != '\0' ? "--topology" : "this machine", error.message);
	device_plan_ports(checked->config, topology_root, checked->ports);
	status = plan_make(
		checked->config, &checked->topology, checked->ports, &checked->plan, &error);
	if (status < 0)
		return report_error(path, error.message);
	return report(path, checked);
}

static int run(int argc, char **argv)
{
	struct checked *checked;
	int code;

	if (argc == 0)
		return command_usage_error(&command_check, "which FILE?");
	if (argc > 1)
		return command_usage_error(
			&command_check, "one FILE at a time, %d were given", argc);
	checked = calloc(1, sizeof(*checked));
	if (checked == NULL)
		return report_error(argv[0], strerror(ENOMEM));
	code = check_file(argv[0], checked);
	config_problems_fini(&checked->problems);
	config_destroy(checked->config);
	free(checked);
	return code;
}

const struct command command_check = {
	.name = "check",
	.arguments = "FILE",
	.summary = "Checks a configuration and shows what it comes to, without starting anything",
	.description =
		"Reads FILE as `weir run` would. Prints all that is wrong with it, or the "
		"effective "
		"configuration with every default filled in and the placement plan: which worker "
		"runs "
		"on which CPU and node, which queues it polls, where main and the stats thread "
		"run, "
		"what packet memory each node needs and has. No device is touched: where only the "
		"driver knows how many queues a device has, the plan takes it that there are "
		"enough.",
	.examples = "  weir check weir.json\n"
		    "  weir check weir.json --json | jq .plan.workers\n"
		    "  weir check weir.json --topology /tmp/server  # a copy of its sys/\n",
	.options = options,
	.run = run,
};
