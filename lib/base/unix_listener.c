/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/unix_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET_MODE = 0660 };

int unix_address_set(struct sockaddr_un *address, const char *path, struct error *error)
{
	size_t length = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (length == 0)
		return error_set(error, EINVAL, "the path of a socket is empty");
	if (length >= sizeof(address->sun_path))
		return error_set(error, ENAMETOOLONG,
			"%.40s...: a socket's path may have at most %zu bytes, this has %zu", path,
			sizeof(address->sun_path) - 1, length);
	memcpy(address->sun_path, path, length + 1);
	return 0;
}

/* 0 when the socket at the address is one that a dead process left behind. */
static int stale_check(
	const struct sockaddr_un *address, int type, const char *setting, struct error *error)
{
	const char *path = address->sun_path;
	struct stat status;
	int fd, rc;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0
				       : error_set(error, errno, "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return error_set(error, EEXIST,
			"%s exists and is not a socket: name another path in %s", path, setting);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, errno, "socket: %s", strerror(errno));
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (rc == ECONNREFUSED || rc == ENOENT)
		return 0;
	if (rc == EACCES)
		return error_set(error, EACCES,
			"%s belongs to somebody else: remove it, or name another path in %s", path,
			setting);
	return error_set(error, EADDRINUSE,
		"another engine listens at %s: stop it, or name another path in %s", path, setting);
}

static int address_bind(
	const struct unix_listener *listener, int type, const char *setting, struct error *error)
{
	const struct sockaddr *address = (const struct sockaddr *)&listener->address;
	const char *path = listener->address.sun_path;
	int rc;

	if (bind(listener->fd, address, sizeof(listener->address)) == 0)
		return 0;
	if (errno == EADDRINUSE) {
		rc = stale_check(&listener->address, type, setting, error);
		if (rc < 0)
			return rc;
		if (unlink(path) < 0 && errno != ENOENT)
			return error_set(error, errno, "cannot remove the dead socket %s: %s", path,
				strerror(errno));
		if (bind(listener->fd, address, sizeof(listener->address)) == 0)
			return 0;
	}
	return error_set(error, errno, "cannot make the socket %s: %s", path, strerror(errno));
}

/* Makes the bound socket usable by owner and group. */
static int file_open_to_group(struct unix_listener *listener, struct error *error)
{
	const char *path = listener->address.sun_path;
	struct stat status;

	/* The umask has taken bits away when bind(2) made the file: give the group its back. */
	if (fchmodat(AT_FDCWD, path, SOCKET_MODE, AT_SYMLINK_NOFOLLOW) < 0 && errno != EOPNOTSUPP)
		return error_set(error, errno, "%s: %s", path, strerror(errno));
	if (lstat(path, &status) < 0)
		return error_set(error, errno, "%s: %s", path, strerror(errno));
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return 0;
}

int unix_listener_open(struct unix_listener *listener, const char *path, int type, int waiting,
	const char *setting, struct error *error)
{
	int rc = unix_address_set(&listener->address, path, error);

	listener->fd = -1;
	if (rc < 0)
		return rc;
	listener->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return error_set(error, errno, "socket: %s", strerror(errno));
	/* bind(2) gives the file the mode of the socket's own inode, less the umask: set it before,
	 * and there is no moment at which others could connect. Linux, net/unix/af_unix.c. */
	if (fchmod(listener->fd, SOCKET_MODE) < 0) {
		rc = error_set(error, errno, "fchmod: %s", strerror(errno));
		goto close_fd;
	}
	rc = address_bind(listener, type, setting, error);
	if (rc < 0)
		goto close_fd;
	rc = file_open_to_group(listener, error);
	if (rc == 0 && listen(listener->fd, waiting) < 0)
		rc = error_set(error, errno, "%s: listen: %s", path, strerror(errno));
	if (rc == 0)
		return 0;
	unlink(path);
close_fd:
	close(listener->fd);
	listener->fd = -1;
	return rc;
}

void unix_listener_close(struct unix_listener *listener)
{
	const char *path = listener->address.sun_path;
	struct stat status;

	if (listener->fd < 0)
		return;
	if (lstat(path, &status) == 0 && status.st_dev == listener->device &&
		status.st_ino == listener->inode)
		unlink(path);
	close(listener->fd);
	listener->fd = -1;
}
