/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message.h"

#include "autofd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Pages of it exist only once a message reaches that far. */
static char buffer[SUPERVISOR_MAX_PACKET] __attribute__ ((aligned (4096)));

union control {
  struct cmsghdr align;
  char room[CMSG_SPACE (SUPERVISOR_MAX_FDS * sizeof (int))];
};

int
packet_check (const char *data, size_t size)
{
  struct supervisor_message head;

  if (size < sizeof head)
    return -EBADMSG;
  memcpy (&head, data, sizeof head);
  if (head.version != SUPERVISOR_PROTOCOL_VERSION || head.text_size != size - sizeof head)
    return -EBADMSG;
  if (head.text_size > 0 && data[size - 1] != '\0')
    return -EBADMSG;
  return 0;
}

static void
take_fds (struct packet *packet, struct msghdr *message)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR (message); c; c = CMSG_NXTHDR (message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
      continue;
    size_t count = (c->cmsg_len - CMSG_LEN (0)) / sizeof (int);
    for (size_t i = 0; i < count; i++) {
      int fd;

      memcpy (&fd, CMSG_DATA (c) + i * sizeof fd, sizeof fd);
      if (packet->n_fds < SUPERVISOR_MAX_FDS)
        packet->fds[packet->n_fds++] = fd;
      else
        close (fd);
    }
  }
}

int
packet_receive (int socket, struct packet *packet)
{
  union control control;
  struct iovec part = { buffer, sizeof buffer };
  struct msghdr message = {
    .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room
  };

  memset (&packet->head, 0, sizeof packet->head);
  packet->n_fds = 0;
  packet->text = buffer + sizeof packet->head;
  ssize_t size = recvmsg (socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0)
    return errno == EINTR ? -EAGAIN : -errno;
  take_fds (packet, &message);
  if (size == 0 && packet->n_fds == 0)
    return 0;
  if ((size_t)size >= sizeof packet->head)
    memcpy (&packet->head, buffer, sizeof packet->head);
  bool cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (cut || packet_check (buffer, (size_t)size) < 0) {
    packet_clear (packet);
    return -EBADMSG;
  }
  return 1;
}

void
packet_clear (struct packet *packet)
{
  for (unsigned i = 0; i < packet->n_fds; i++)
    autofd_close (&packet->fds[i]);
  packet->n_fds = 0;
}

void
packet_trim (void)
{
  madvise (buffer + 4096, sizeof buffer - 4096, MADV_DONTNEED);
}

int
packet_steal_fd (struct packet *packet, unsigned index)
{
  return index < packet->n_fds ? steal_fd (&packet->fds[index]) : -1;
}

/* What it is as far as this machine knows: a file system of a user's is not asked, since it need not answer. */
static int
check_stream (int fd)
{
  int flags = fcntl (fd, F_GETFL);
  struct statx st;

  if (flags < 0 || flags & O_PATH || statx (fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) < 0)
    return -EBADF;
  return S_ISDIR (st.stx_mode) ? -EISDIR : 0;
}

int
packet_get_stdio (const struct packet *packet, int stdio[3])
{
  for (unsigned i = 0; i < 3; i++) {
    stdio[i] = packet->n_fds == 3 ? packet->fds[i] : -1;
    int r = stdio[i] < 0 ? 0 : check_stream (stdio[i]);
    if (r < 0)
      return r;
  }
  return 0;
}

int
packet_split (const struct packet *packet, unsigned n_fixed, struct packet_strings *strings)
{
  const struct supervisor_message *head = &packet->head;
  uint64_t wanted = (uint64_t)n_fixed + head->n_argv + head->n_env, found = 0;
  char *end = packet->text + head->text_size;

  for (const char *c = packet->text; c < end; c++)
    found += *c == '\0';
  if (found != wanted)
    return -EBADMSG;
  /* Each string has at least a byte, so a packet's size bounds this. */
  strings->all = calloc (wanted + 2, sizeof (char *));
  if (!strings->all)
    return -ENOMEM;
  strings->fixed = strings->all;
  strings->argv = strings->all + n_fixed;
  strings->env = strings->argv + head->n_argv + 1;
  char *next = packet->text;
  for (uint64_t i = 0; i < wanted; i++) {
    strings->all[i < (uint64_t)n_fixed + head->n_argv ? i : i + 1] = next;
    next += strlen (next) + 1;
  }
  return 0;
}

int
packet_send (int socket, struct supervisor_message *head, const char *text, size_t text_size, int fd)
{
  union {
    struct cmsghdr align;
    char room[CMSG_SPACE (sizeof (int))];
  } control = { 0 };
  struct iovec parts[2] = { { head, sizeof *head }, { (void *)(uintptr_t)text, text_size } };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = text_size > 0 ? 2 : 1 };

  head->version = SUPERVISOR_PROTOCOL_VERSION;
  head->text_size = (uint32_t)text_size;
  if (fd >= 0) {
    message.msg_control = control.room;
    message.msg_controllen = sizeof control.room;
    struct cmsghdr *c = CMSG_FIRSTHDR (&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN (sizeof fd);
    memcpy (CMSG_DATA (c), &fd, sizeof fd);
  }
  return sendmsg (socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}
