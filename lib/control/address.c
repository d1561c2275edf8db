/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/control.h"

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
