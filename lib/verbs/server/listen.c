/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verbs/server/state.h"

enum { SOCKET_MODE = 0660, WAITING_MAX = 128 };

/* 0 when the socket at the address is one that a dead process left behind. */
static int stale_check(const struct sockaddr_un *address, struct error *error)
{
	struct stat status;
	int fd, rc;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT
			? 0
			: error_set(error, errno, "%s: %s", address->sun_path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return error_set(error, EEXIST, "%s exists and is not a socket: name another path",
			address->sun_path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, errno, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (rc == ECONNREFUSED || rc == ENOENT)
		return 0;
	return error_set(error, rc == EACCES ? EACCES : EADDRINUSE,
		"somebody else listens at %s: stop it, or name another path", address->sun_path);
}

static int path_bind(struct verbs_server *server, struct error *error)
{
	const struct sockaddr *address = (const struct sockaddr *)&server->address;
	const char *path = server->address.sun_path;
	int rc;

	if (bind(server->listener, address, sizeof(server->address)) == 0)
		return 0;
	if (errno == EADDRINUSE) {
		rc = stale_check(&server->address, error);
		if (rc < 0)
			return rc;
		if (unlink(path) < 0 && errno != ENOENT)
			return error_set(error, errno, "cannot remove the dead socket %s: %s", path,
				strerror(errno));
		if (bind(server->listener, address, sizeof(server->address)) == 0)
			return 0;
	}
	return error_set(
		error, errno, "cannot make the verbs socket %s: %s", path, strerror(errno));
}

static int group_let_in(struct verbs_server *server, struct error *error)
{
	const char *path = server->address.sun_path;
	struct stat status;

	/* The umask has taken bits away when bind(2) made the file: give the group its back. */
	if (fchmodat(AT_FDCWD, path, SOCKET_MODE, AT_SYMLINK_NOFOLLOW) < 0 && errno != EOPNOTSUPP)
		return error_set(error, errno, "%s: %s", path, strerror(errno));
	if (lstat(path, &status) < 0)
		return error_set(error, errno, "%s: %s", path, strerror(errno));
	server->device = status.st_dev;
	server->inode = status.st_ino;
	if (listen(server->listener, WAITING_MAX) < 0)
		return error_set(error, errno, "%s: listen: %s", path, strerror(errno));
	return 0;
}

int server_listen(struct verbs_server *server, const char *path, struct error *error)
{
	int rc;

	if (path == NULL || path[0] == '\0' || strlen(path) >= sizeof(server->address.sun_path))
		return error_set(error, EINVAL, "the path of the verbs socket has 1 to %zu bytes",
			sizeof(server->address.sun_path) - 1);
	server->address.sun_family = AF_UNIX;
	memcpy(server->address.sun_path, path, strlen(path) + 1);
	server->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listener < 0)
		return error_set(error, errno, "socket: %s", strerror(errno));
	/* bind(2) gives the file the mode of the socket's own inode, less the umask: set before,
	 * there is no moment at which others could connect. Linux, net/unix/af_unix.c. */
	rc = fchmod(server->listener, SOCKET_MODE) < 0
		? error_set(error, errno, "fchmod: %s", strerror(errno))
		: path_bind(server, error);
	if (rc == 0) {
		rc = group_let_in(server, error);
		if (rc == 0)
			return 0;
		unlink(path);
	}
	close(server->listener);
	server->listener = -1;
	return rc;
}

void server_listen_close(struct verbs_server *server)
{
	const char *path = server->address.sun_path;
	struct stat status;

	if (server->listener < 0)
		return;
	if (lstat(path, &status) == 0 && status.st_dev == server->device &&
		status.st_ino == server->inode)
		unlink(path);
	close(server->listener);
}
