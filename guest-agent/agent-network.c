/* The guest's network card; see agent-network.h. */
#include "agent-network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent-util.h"

/* Whether @name below @folder is an Ethernet card that has hardware below it, and not a bridge or the like. */
static bool
is_card (int folder, const char *name)
{
  char path[300];
  char text[32];
  uint64_t type;

  snprintf (path, sizeof path, "%.255s/type", name);
  if (name[0] == '.' || strlen (name) >= IFNAMSIZ || agent_read_text (folder, path, text, sizeof text) <= 0
      || !agent_parse_number (text, 65535, &type) || type != ARPHRD_ETHER)
    return false;
  snprintf (path, sizeof path, "%.255s/device", name);
  return faccessat (folder, path, F_OK, 0) == 0;
}

/* Finds the card with the address @mac, else the one with the lowest index, and says in @exact which it was. */
static bool
find_card (const char *mac, char name[IFNAMSIZ], bool *exact)
{
  DIR *folder = opendir ("/sys/class/net");
  const struct dirent *entry;
  uint64_t best = UINT64_MAX;

  *exact = false;
  while (folder != NULL && !*exact && (entry = readdir (folder)) != NULL)
    {
      char path[300];
      char text[32];
      uint64_t index = UINT64_MAX;

      if (!is_card (dirfd (folder), entry->d_name))
        continue;
      snprintf (path, sizeof path, "%.255s/address", entry->d_name);
      *exact = *mac != '\0' && agent_read_text (dirfd (folder), path, text, sizeof text) > 0 && strcasecmp (text, mac) == 0;
      snprintf (path, sizeof path, "%.255s/ifindex", entry->d_name);
      if (agent_read_text (dirfd (folder), path, text, sizeof text) <= 0 || !agent_parse_number (text, INT32_MAX, &index)
          || (index >= best && !*exact))
        continue;
      best = index;
      snprintf (name, IFNAMSIZ, "%.15s", entry->d_name);
    }
  if (folder != NULL)
    closedir (folder);
  return best != UINT64_MAX;
}

static struct sockaddr
ipv4_address (uint32_t address)
{
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = address };
  struct sockaddr plain;

  memcpy (&plain, &in, sizeof plain);
  return plain;
}

static uint32_t
prefix_mask (uint8_t prefix)
{
  return prefix == 0 ? 0 : htonl (UINT32_MAX << (32 - (prefix > 32 ? 32 : prefix)));
}

static bool
set_up (int fd, const char *name, bool up)
{
  struct ifreq request = { 0 };

  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return false;
  request.ifr_flags = (short) (up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  return ioctl (fd, SIOCSIFFLAGS, &request) == 0;
}

static bool
set_mac (int fd, const char *name, const char *mac)
{
  struct ifreq request = { 0 };
  struct ether_addr address;

  if (ether_aton_r (mac, &address) == NULL)
    {
      errno = EINVAL;
      return false;
    }
  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  memcpy (request.ifr_hwaddr.sa_data, address.ether_addr_octet, sizeof address.ether_addr_octet);
  return ioctl (fd, SIOCSIFHWADDR, &request) == 0;
}

static bool
parse_ipv4 (const char *text, uint32_t *address)
{
  struct in_addr in;

  if (inet_pton (AF_INET, text, &in) != 1)
    {
      errno = EINVAL;
      return false;
    }
  *address = in.s_addr;
  return true;
}

static bool
set_address4 (int fd, const char *name, const TcwWireNetwork *network)
{
  struct ifreq request = { 0 };
  uint32_t address;

  if (!parse_ipv4 (network->address4, &address))
    return false;
  snprintf (request.ifr_name, sizeof request.ifr_name, "%s", name);
  request.ifr_addr = ipv4_address (address);
  if (ioctl (fd, SIOCSIFADDR, &request) < 0)
    return false;
  request.ifr_netmask = ipv4_address (prefix_mask (network->prefix4));
  return ioctl (fd, SIOCSIFNETMASK, &request) == 0;
}

static bool
set_gateway4 (int fd, const char *name, const char *gateway)
{
  char device[IFNAMSIZ];
  uint32_t address;
  struct rtentry route = { .rt_dst = ipv4_address (0), .rt_genmask = ipv4_address (0) };

  if (!parse_ipv4 (gateway, &address))
    return false;
  snprintf (device, sizeof device, "%s", name);
  route.rt_gateway = ipv4_address (address);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = device;
  return ioctl (fd, SIOCADDRT, &route) == 0 || errno == EEXIST;
}

/* The kernel's own layouts, which libcs don't share. */
typedef struct {
  struct in6_addr address;
  uint32_t prefix;
  int index;
} address6_request;

typedef struct {
  struct in6_addr destination;
  struct in6_addr source;
  struct in6_addr gateway;
  uint32_t type;
  uint16_t destination_length;
  uint16_t source_length;
  uint32_t metric;
  unsigned long info;
  uint32_t flags;
  int index;
} route6_request;

static bool
set_address6 (int fd, const char *name, const TcwWireNetwork *network)
{
  address6_request request = { .prefix = network->prefix6, .index = (int) if_nametoindex (name) };

  if (inet_pton (AF_INET6, network->address6, &request.address) != 1)
    {
      errno = EINVAL;
      return false;
    }
  return ioctl (fd, SIOCSIFADDR, &request) == 0 || errno == EEXIST;
}

static bool
set_gateway6 (int fd, const char *name, const char *gateway)
{
  route6_request request = { .flags = RTF_UP | RTF_GATEWAY, .metric = 1024, .index = (int) if_nametoindex (name) };

  if (inet_pton (AF_INET6, gateway, &request.gateway) != 1)
    {
      errno = EINVAL;
      return false;
    }
  return ioctl (fd, SIOCADDRT, &request) == 0 || errno == EEXIST;
}

/* Returns the step that failed, with errno, or NULL. */
static const char *
apply4 (int fd, const char *name, const TcwWireNetwork *network, bool change_mac)
{
  if (change_mac && (!set_up (fd, name, false) || !set_mac (fd, name, network->mac)))
    return "hardware address";
  if (*network->address4 != '\0' && !set_address4 (fd, name, network))
    return "IPv4 address";
  if (!set_up (fd, name, true))
    return "bringing it up";
  if (*network->gateway4 != '\0' && !set_gateway4 (fd, name, network->gateway4))
    return "IPv4 route";
  return NULL;
}

static const char *
apply6 (const char *name, const TcwWireNetwork *network)
{
  agent_autofd int fd = -1;

  if (*network->address6 == '\0')
    return NULL;
  fd = socket (AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || !set_address6 (fd, name, network))
    return "IPv6 address";
  if (*network->gateway6 != '\0' && !set_gateway6 (fd, name, network->gateway6))
    return "IPv6 route";
  return NULL;
}

bool
agent_network_apply (const TcwWireNetwork *network, char *text, size_t size)
{
  agent_autofd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  char name[IFNAMSIZ] = "";
  bool exact;
  const char *step;

  if (fd < 0 || !find_card (network->mac, name, &exact))
    {
      snprintf (text, size, "there is no network card");
      return false;
    }
  step = apply4 (fd, name, network, *network->mac != '\0' && !exact);
  if (step == NULL)
    step = apply6 (name, network);
  if (step == NULL)
    return true;
  snprintf (text, size, "network card %s, %s: %s", name, step, strerror (errno));
  return false;
}
