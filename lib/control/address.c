/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/control.h"

int address_set(struct sockaddr_un *address, const char *path, struct error *error)
{
	size_t length = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (length == 0)
		return error_set(error, EINVAL, "the path of the control socket is empty");
	if (length >= sizeof(address->sun_path))
		return error_set(error, ENAMETOOLONG,
			"%.40s...: a socket's path may have at most %zu bytes, this has %zu", path,
			sizeof(address->sun_path) - 1, length);
	memcpy(address->sun_path, path, length + 1);
	return 0;
}

void control_default_path(char *path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(path, size, "/run/weir.sock");
	else if (runtime != NULL && runtime[0] == '/')
		snprintf(path, size, "%s/weir.sock", runtime);
	else
		snprintf(path, size, "/tmp/weir-%u.sock", (unsigned)geteuid());
}
