/* The guest's network card; see agent-network.h. */
#include "agent-network.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent-util.h"

/* Finds the card with the lowest index: an Ethernet device (type 1) that has hardware below it. */
static bool
find_card (char name[IFNAMSIZ])
{
  DIR *folder = opendir ("/sys/class/net");
  const struct dirent *entry;
  uint64_t best = UINT64_MAX;

  if (folder == NULL)
    return false;
  while ((entry = readdir (folder)) != NULL)
    {
      char path[300];
      char text[32];
      uint64_t type;
      uint64_t index;

      snprintf (path, sizeof path, "%.255s/type", entry->d_name);
      if (entry->d_name[0] == '.' || agent_read_text (dirfd (folder), path, text, sizeof text) <= 0
          || !agent_parse_number (text, 65535, &type) || type != ARPHRD_ETHER)
        continue;
      snprintf (path, sizeof path, "%.255s/device", entry->d_name);
      if (faccessat (dirfd (folder), path, F_OK, 0) < 0)
        continue;
      snprintf (path, sizeof path, "%.255s/ifindex", entry->d_name);
      if (agent_read_text (dirfd (folder), path, text, sizeof text) <= 0 || !agent_parse_number (text, INT32_MAX, &index)
          || index >= best || strlen (entry->d_name) >= IFNAMSIZ)
        continue;
      best = index;
      strcpy (name, entry->d_name);
    }
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

  strcpy (request.ifr_name, name);
  if (ioctl (fd, SIOCGIFFLAGS, &request) < 0)
    return false;
  request.ifr_flags = (short) (up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  return ioctl (fd, SIOCSIFFLAGS, &request) == 0;
}

static bool
set_mac (int fd, const char *name, const uint8_t mac[6])
{
  struct ifreq request = { 0 };

  strcpy (request.ifr_name, name);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  memcpy (request.ifr_hwaddr.sa_data, mac, 6);
  return ioctl (fd, SIOCSIFHWADDR, &request) == 0;
}

static bool
set_address (int fd, const char *name, const agent_network_settings *settings)
{
  struct ifreq request = { 0 };

  strcpy (request.ifr_name, name);
  request.ifr_addr = ipv4_address (settings->address);
  if (ioctl (fd, SIOCSIFADDR, &request) < 0)
    return false;
  request.ifr_netmask = ipv4_address (prefix_mask (settings->prefix));
  return ioctl (fd, SIOCSIFNETMASK, &request) == 0;
}

static bool
set_gateway (int fd, const char *name, uint32_t gateway)
{
  char device[IFNAMSIZ];
  struct rtentry route = { .rt_dst = ipv4_address (0), .rt_genmask = ipv4_address (0), .rt_gateway = ipv4_address (gateway) };

  strcpy (device, name);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = device;
  return ioctl (fd, SIOCADDRT, &route) == 0 || errno == EEXIST;
}

bool
agent_network_apply (const agent_network_settings *settings, char *text, size_t size)
{
  agent_autofd int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  char name[IFNAMSIZ] = "";
  const char *step = NULL;

  if (fd < 0 || !find_card (name))
    {
      snprintf (text, size, "there is no network card");
      return false;
    }
  if (settings->has_mac && (!set_up (fd, name, false) || !set_mac (fd, name, settings->mac)))
    step = "hardware address";
  else if (settings->address != 0 && !set_address (fd, name, settings))
    step = "address";
  else if (!set_up (fd, name, true))
    step = "bringing it up";
  else if (settings->gateway != 0 && !set_gateway (fd, name, settings->gateway))
    step = "default route";
  if (step == NULL)
    return true;
  snprintf (text, size, "network card %s, %s: %s", name, step, strerror (errno));
  return false;
}
