/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/interface.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

enum {
	GSO_IPV4_MAX_SIZE = 63, /* IFLA_GSO_IPV4_MAX_SIZE of Linux 6.3's headers */
	GSO_MAX_SIZE_OF_OLD = 65536,
	ANSWER_BYTES = 16384,
};

static int fail(const char *name, struct error *error, const char *what)
{
	int code = errno;

	return error_set(error, code, "interface \"%s\": %s: %s", name, what, strerror(code));
}

int interface_find(int fd, const char *name, struct interface *ret_interface, struct error *error)
{
	struct ifreq answer = {0};

	snprintf(answer.ifr_name, sizeof(answer.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &answer) != 0)
		return error_set(error, ENODEV,
			"there is no interface \"%s\" here; `ip link` lists those there are", name);
	ret_interface->index = answer.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &answer) != 0)
		return fail(name, error, "it has no address");
	if (answer.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
		answer.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		return error_set(error, EMEDIUMTYPE,
			"interface \"%s\" is not Ethernet: its frames do not begin with addresses, "
			"and weir cannot use it",
			name);
	memcpy(&ret_interface->address, answer.ifr_hwaddr.sa_data, sizeof(ret_interface->address));
	if (ioctl(fd, SIOCGIFMTU, &answer) != 0)
		return fail(name, error, "it has no MTU");
	ret_interface->mtu = (uint32_t)answer.ifr_mtu;
	return 0;
}

bool interface_is_up(int fd, int index)
{
	struct ifreq answer = {.ifr_ifindex = index};
	const int up = IFF_UP | IFF_RUNNING;

	return ioctl(fd, SIOCGIFNAME, &answer) == 0 && ioctl(fd, SIOCGIFFLAGS, &answer) == 0 &&
		(answer.ifr_flags & up) == up;
}

uint32_t interface_speed_mbps(int fd, int index)
{
	struct ethtool_cmd settings = {.cmd = ETHTOOL_GSET};
	struct ifreq answer = {.ifr_ifindex = index};

	if (ioctl(fd, SIOCGIFNAME, &answer) != 0)
		return 0;
	answer.ifr_data = (char *)&settings;
	if (ioctl(fd, SIOCETHTOOL, &answer) != 0 ||
		ethtool_cmd_speed(&settings) == (uint32_t)SPEED_UNKNOWN)
		return 0;
	return ethtool_cmd_speed(&settings);
}

/* ---- rtnetlink ---- */

/* The kernel's answer about one link; its bytes, or -1. */
static ssize_t ask_link(int index, void *answer, size_t size)
{
	const struct {
		struct nlmsghdr header;
		struct ifinfomsg link;
	} question = {
		.header = {.nlmsg_len = sizeof(question),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_index = index},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t bytes = -1;

	if (fd < 0)
		return -1;
	if (send(fd, &question, sizeof(question), 0) == (ssize_t)sizeof(question))
		bytes = recv(fd, answer, size, 0);
	close(fd);
	return bytes;
}

uint32_t interface_whole_bytes_max(int index)
{
	static const uint16_t types[] = {IFLA_GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE};
	uint8_t answer[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
	ssize_t bytes = ask_link(index, answer, sizeof(answer));
	uint32_t size, first_cut = UINT32_MAX;
	const struct rtattr *attribute;
	size_t left;

	if (bytes < 0 || !NLMSG_OK(header, (size_t)bytes) || header->nlmsg_type != RTM_NEWLINK)
		return GSO_MAX_SIZE_OF_OLD - 1;
	left = IFLA_PAYLOAD(header);
	for (attribute = IFLA_RTA((struct ifinfomsg *)NLMSG_DATA(header)); RTA_OK(attribute, left);
		attribute = RTA_NEXT(attribute, left))
		for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (attribute->rta_type == types[i] &&
				RTA_PAYLOAD(attribute) == sizeof(size)) {
				memcpy(&size, RTA_DATA(attribute), sizeof(size));
				first_cut = size < first_cut ? size : first_cut;
			}
	return (first_cut == UINT32_MAX ? (uint32_t)GSO_MAX_SIZE_OF_OLD : first_cut) - 1;
}
