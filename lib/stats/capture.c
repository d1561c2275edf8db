/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capture command: the engine connects to the socket that the client listens at, and sends
 * pcapng until the client ends its side. So files are the client's: its rights, its disk.
 */
#include "engine/capture.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/units.h"
#include "stats/commands.h"
#include "stats/state.h"

/* The options of the request, and the settings they come to. */
struct wish {
	struct capture_settings settings;
	const char *to;
	char names[512]; /* of points, cut at commas */
	const char *at[CAPTURE_POINTS_MAX + 2];
};

static int points_take(struct wish *wish, const char *text, struct error *error)
{
	unsigned count = 0;
	char *rest, *name;

	if (strlen(text) >= sizeof(wish->names))
		return error_set(error, EINVAL, "capture: too many points");
	strcpy(wish->names, text);
	for (name = strtok_r(wish->names, ",", &rest); name != NULL;
		name = strtok_r(NULL, ",", &rest)) {
		if (count > CAPTURE_POINTS_MAX)
			return error_set(error, EINVAL, "capture: more than %d points at once",
				CAPTURE_POINTS_MAX);
		wish->at[count++] = name;
	}
	return 0;
}

static int count_take(const char *name, const char *text, uint64_t *ret_count, struct error *error)
{
	if (units_parse_count(text, ret_count) == 0)
		return 0;
	return error_set(error, EINVAL, "capture: %s is \"%.64s\", expected a number", name, text);
}

static int option_take(struct wish *wish, const char *name, const char *value, struct error *error)
{
	uint64_t count;
	int result = 0;

	if (value == NULL)
		return error_set(error, EINVAL, "capture: %.64s is no string", name);
	if (strcmp(name, "to") == 0)
		wish->to = value;
	else if (strcmp(name, "at") == 0)
		result = points_take(wish, value, error);
	else if (strcmp(name, "filter") == 0)
		wish->settings.filter = value;
	else if (strcmp(name, "packets") == 0)
		result = count_take(name, value, &wish->settings.packets, error);
	else if (strcmp(name, "trace") == 0)
		result = count_take(name, value, &wish->settings.trace, error);
	else if (strcmp(name, "snap") == 0) {
		result = count_take(name, value, &count, error);
		if (result == 0)
			wish->settings.snap_bytes = count < UINT32_MAX ? (uint32_t)count : 0;
	} else
		result = error_set(error, EINVAL,
			"capture: no option \"%.64s\": expected to, at, filter, snap, packets or "
			"trace",
			name);
	return result;
}

static int wish_read(const json_t *options, struct wish *wish, struct error *error)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
		int result = option_take(wish, name, json_string_value(value), error);

		if (result != 0)
			return result;
	}
	if (wish->to == NULL || wish->at[0] == NULL)
		return error_set(error, EINVAL,
			"capture: expected \"to\", the path of a socket, and \"at\", points of the "
			"path");
	return 0;
}

/* Does not wait: who asks listens already. */
static int reader_connect(const char *path, int *ret_socket, struct error *error)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_set(
			error, ENAMETOOLONG, "capture: the path of the socket is too long");
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, errno, "socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		int code = errno;

		close(fd);
		return error_set(error, code, "capture: the engine cannot reach %s: %s", path,
			strerror(code));
	}
	*ret_socket = fd;
	return 0;
}

int stats_capture(
	struct stats *stats, const json_t *request, json_t **ret_result, struct error *error)
{
	struct wish wish = {.settings.socket = -1};
	int result = wish_read(json_object_get(request, "capture"), &wish, error);

	if (result == 0 && wish.to != NULL)
		result = reader_connect(wish.to, &wish.settings.socket, error);
	if (result != 0)
		return result;
	wish.settings.at = wish.at;
	/* The engine's configuration stays as it is meanwhile. */
	pthread_mutex_lock(&stats->settings_lock);
	result = engine_capture_start(stats->engine, &wish.settings, NULL, error);
	pthread_mutex_unlock(&stats->settings_lock);
	if (result == 0)
		*ret_result = json_pack("{s:s}", "message", "capturing");
	return result;
}
