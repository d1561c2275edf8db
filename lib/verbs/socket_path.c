/* SPDX-License-Identifier: BSD-3-Clause */
#include "verbs/socket_path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int verbs_default_socket(char *path, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int length;

	if (geteuid() == 0)
		length = snprintf(path, size, "/run/weir-verbs.sock");
	else if (runtime != NULL && runtime[0] == '/')
		length = snprintf(path, size, "%s/weir-verbs.sock", runtime);
	else
		length = snprintf(path, size, "/tmp/weir-verbs-%u.sock", (unsigned)geteuid());
	return (size_t)length < size ? 0 : -ENAMETOOLONG;
}
