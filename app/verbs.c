/* SPDX-License-Identifier: BSD-3-Clause */
/* weir verbs: runs an unmodified RDMA program over weir. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "verbs/weir.h"

/* As env(1), nice(1) and others have them. */
enum { EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

static const char library_name[] = "libweir-ibverbs.so";

static const char *socket_path;
static int explain;

static const struct option options[] = {
	{"socket", 0, OPTION_STRING, &socket_path, "PATH", "Verbs socket of the engine"},
	{"explain", 0, OPTION_FLAG, &explain, NULL,
		"Says on standard error why a verb failed; programs say only that it did"},
	{NULL, 0, OPTION_FLAG, NULL, NULL, NULL},
};

static int say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int say(int code, const char *format, ...)
{
	va_list list;

	fprintf(stderr, "weir verbs: ");
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\n");
	return code;
}

/* ---- the library ---- */

/* Where the program itself is, so that a copy of it finds its own library. */
static int own_folder(char *folder, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", folder, size - 1);
	char *slash;

	if (length < 0)
		return -errno;
	folder[length] = '\0';
	slash = strrchr(folder, '/');
	if (slash != NULL)
		*slash = '\0';
	return 0;
}

/* In a build tree, or where `meson install` puts it. */
static int library_find(char *path, size_t size)
{
	static const char *const places[] = {"lib/verbs/interpose", WEIR_LIBDIR "/weir"};
	char folder[PATH_MAX / 2], found[PATH_MAX];

	if (own_folder(folder, sizeof(folder)) != 0)
		return -ENOENT;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i][0] == '/')
			snprintf(found, sizeof(found), "%s/%s", places[i], library_name);
		else
			snprintf(found, sizeof(found), "%s/../%s/%s", folder, places[i],
				library_name);
		if (realpath(found, path) != NULL && strlen(path) < size)
			return 0;
	}
	return -ENOENT;
}

/* In front of what is preloaded already. */
static int preload(const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	size_t size = strlen(library) + (before != NULL ? strlen(before) : 0) + 2;
	char *list;
	int status;

	if (before == NULL || before[0] == '\0')
		return setenv("LD_PRELOAD", library, 1);
	list = malloc(size);
	if (list == NULL)
		return -1;
	snprintf(list, size, "%s:%s", library, before);
	status = setenv("LD_PRELOAD", list, 1);
	free(list);
	return status;
}

/* ---- the command ---- */

/* Else the program would find no device, and not say why. */
static int engine_check(void)
{
	struct weir_device *device = weir_open(socket_path);

	if (device == NULL)
		return say(EXIT_FAILED, "%s", weir_error_text());
	weir_close(device);
	return EXIT_OK;
}

static int execute(char **argv)
{
	execvp(argv[0], argv);
	if (errno == ENOENT)
		return say(EXIT_NOT_FOUND, "there is no program \"%s\"", argv[0]);
	return say(EXIT_NOT_EXECUTABLE, "%s: %s", argv[0], strerror(errno));
}

static int verbs_run(int argc, char **argv)
{
	char library[PATH_MAX];

	if (argc == 0)
		return command_usage_error(&command_verbs, "which program?");
	if (library_find(library, sizeof(library)) != 0)
		return say(EXIT_FAILED,
			"%s is neither installed nor built; it is built where libibverbs-dev is",
			library_name);
	if (engine_check() != EXIT_OK)
		return EXIT_FAILED;
	if (preload(library) != 0 ||
		(socket_path != NULL && setenv("WEIR_VERBS_SOCKET", socket_path, 1) != 0) ||
		(explain && setenv("WEIR_VERBS_EXPLAIN", "1", 1) != 0))
		return say(EXIT_FAILED, "environment: %s", strerror(errno));
	argv[argc] = NULL; /* what followed were options of ours, moved to the front */
	return execute(argv);
}

const struct command command_verbs = {
	.name = "verbs",
	.arguments = "-- COMMAND [ARGUMENTS]",
	.summary = "Runs an unmodified RDMA program over weir",
	.description =
		"The program sees an InfiniBand device weir0 with one active port, and talks to "
		"others "
		"that were started in the same way, on this machine, over shared memory: no RDMA "
		"device, kernel module or privilege is needed, but an engine that offers verbs and "
		"permission on its socket. Leaves with the program's own status; 127: there is no "
		"such "
		"program. See weir-verbs(1).",
	.examples =
		"weir verbs -- ibv_devinfo -v               # the device\n"
		"weir verbs -- ib_send_lat                  # the server, and in another terminal\n"
		"weir verbs -- ib_send_lat localhost        # its client\n",
	.options = options,
	.run = verbs_run,
};
