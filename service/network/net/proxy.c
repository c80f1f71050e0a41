/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "knocks.h"
#include "privilege.h"

#define BUFFER_SIZE    16384
#define FIRST_RETRY_MS 20
#define LAST_RETRY_MS  500
#define ATTEMPT_MS     1000
#define GIVE_UP_MS     60000 /* its service did not come up */
#define SILENT_SECONDS 60    /* until an end that is gone counts as gone */

/* What one end said, and the other has not taken yet. */
struct stream {
  char bytes[BUFFER_SIZE];
  size_t begin, end;
  bool is_over; /* nothing more comes */
  bool is_told; /* and the other end knows */
};

struct pair {
  int outside;
  int inside;       /* -1: there is none yet */
  bool is_open;     /* else INSIDE is about to be */
  int64_t since_ms; /* it waits */
  int64_t retry_ms; /* when to try again, until it is open */
  int64_t pause_ms;
  struct stream in, out;
};

static int64_t
now_ms (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- who talks to whom ---- */

static bool
speaks_4 (int outside)
{
  struct sockaddr_in6 address = { 0 };
  socklen_t size = sizeof address;

  return getsockname (outside, (struct sockaddr *)&address, &size) == 0 &&
         (address.sin6_family == AF_INET || IN6_IS_ADDR_V4MAPPED (&address.sin6_addr));
}

/* As forwarding does: IPv4 to the address of IPv4, unless there is only the other. */
static socklen_t
find_target (int outside, const struct net_request *request, struct sockaddr_storage *ret)
{
  static const uint8_t none[16];
  bool has_4 = memcmp (request->address4, none, 4) != 0, has_6 = memcmp (request->address6, none, 16) != 0;
  struct sockaddr_in *in = (struct sockaddr_in *)ret;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

  memset (ret, 0, sizeof *ret);
  if (has_4 && (!has_6 || speaks_4 (outside))) {
    in->sin_family = AF_INET;
    in->sin_port = htons (request->inside_port);
    memcpy (&in->sin_addr, request->address4, 4);
    return sizeof *in;
  }
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons (request->inside_port);
  memcpy (&in6->sin6_addr, request->address6, 16);
  return sizeof *in6;
}

/* An end that was cut off says nothing: its container was killed, or its machine. */
static void
set_options (int fd)
{
  int on = 1, silent = SILENT_SECONDS, interval = SILENT_SECONDS / 3, silent_ms = SILENT_SECONDS * 1000;

  (void)setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  (void)setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &silent, sizeof silent);
  (void)setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  (void)setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
}

static void
close_pair (struct pair *pair)
{
  /* What ends before all was said ends with an error for both. */
  struct linger now = { .l_onoff = 1 };
  bool is_whole = pair->in.is_told && pair->out.is_told;

  if (!is_whole && pair->inside >= 0)
    (void)setsockopt (pair->inside, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  if (!is_whole)
    (void)setsockopt (pair->outside, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  if (pair->inside >= 0)
    close (pair->inside);
  close (pair->outside);
  pair->inside = pair->outside = -1;
}

/* ---- until the inside answers ---- */

static void
try_later (struct pair *pair)
{
  int64_t now = now_ms ();

  if (pair->inside >= 0)
    close (pair->inside);
  pair->inside = -1;
  if (now - pair->since_ms > GIVE_UP_MS) {
    close_pair (pair);
    return;
  }
  pair->retry_ms = now + pair->pause_ms;
  pair->pause_ms = pair->pause_ms * 2 < LAST_RETRY_MS ? pair->pause_ms * 2 : LAST_RETRY_MS;
}

static void
begin_connection (struct pair *pair, const struct net_request *request)
{
  struct sockaddr_storage target;
  socklen_t size = find_target (pair->outside, request, &target);

  pair->inside = socket (target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (pair->inside < 0) {
    try_later (pair);
    return;
  }
  set_options (pair->inside);
  /* Not longer: while the bridge is new, it speaks from an address that gets no answer, and would go on doing so. */
  pair->retry_ms = now_ms () + ATTEMPT_MS;
  if (connect (pair->inside, (const struct sockaddr *)&target, size) < 0 && errno != EINPROGRESS)
    try_later (pair);
}

static void
finish_connection (struct pair *pair)
{
  int error = 0;
  socklen_t size = sizeof error;

  if (getsockopt (pair->inside, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0)
    try_later (pair);
  else
    pair->is_open = true;
}

/* ---- what is said ---- */

/* Returns whether both ends still take part. */
static bool
pass_on (struct stream *stream, int from, int to)
{
  ssize_t n;

  if (stream->begin == stream->end && !stream->is_over) {
    n = recv (from, stream->bytes, sizeof stream->bytes, 0);
    if (n < 0)
      return errno == EAGAIN || errno == EINTR;
    stream->begin = 0;
    stream->end = (size_t)n;
    stream->is_over = n == 0;
  }
  if (stream->begin < stream->end) {
    n = send (to, stream->bytes + stream->begin, stream->end - stream->begin, MSG_NOSIGNAL);
    if (n < 0)
      return errno == EAGAIN || errno == EINTR;
    stream->begin += (size_t)n;
  }
  if (stream->begin == stream->end && stream->is_over && !stream->is_told) {
    stream->is_told = true;
    return shutdown (to, SHUT_WR) == 0;
  }
  return true;
}

static short
wanted (const struct stream *from, const struct stream *to)
{
  return (short)((from->begin == from->end && !from->is_over ? POLLIN : 0) |
                 (to->begin < to->end ? POLLOUT : 0));
}

static void
work_on (struct pair *pair, const struct net_request *request, const struct pollfd polls[2])
{
  if (pair->outside < 0)
    return;
  if (pair->is_open) {
    if (((polls[0].revents | polls[1].revents) != 0 &&
         (!pass_on (&pair->in, pair->outside, pair->inside) ||
          !pass_on (&pair->out, pair->inside, pair->outside))) ||
        (pair->in.is_told && pair->out.is_told))
      close_pair (pair);
  } else if ((polls[0].revents & (POLLHUP | POLLERR)) != 0) {
    close_pair (pair);
  } else if (pair->inside < 0 && now_ms () >= pair->retry_ms) {
    begin_connection (pair, request);
  } else if (pair->inside >= 0 && polls[1].revents != 0) {
    finish_connection (pair);
  } else if (pair->inside >= 0 && now_ms () >= pair->retry_ms) {
    try_later (pair);
  }
}

/* Returns how long to wait at most, in ms, or -1 for ever. */
static int
fill_polls (const struct pair *pair, struct pollfd polls[2])
{
  int64_t left = pair->retry_ms - now_ms ();

  polls[0] = (struct pollfd){ .fd = pair->outside };
  polls[1] = (struct pollfd){ .fd = pair->inside };
  if (pair->outside < 0)
    return -1;
  if (pair->is_open) {
    polls[0].events = wanted (&pair->in, &pair->out);
    polls[1].events = wanted (&pair->out, &pair->in);
    /* That an end is gone is told for ever, wanted or not: as long as nothing of it is wanted, the other one decides. */
    for (int i = 0; i < 2; i++)
      if (polls[i].events == 0)
        polls[i].fd = -1;
    return -1;
  }
  polls[1].events = POLLOUT;
  return left > 0 ? (int)left : 0;
}

static void
serve (struct pair *pairs, unsigned int n, int life, const struct net_request *request)
{
  struct pollfd polls[1 + 2 * KNOCKS_MAX];
  unsigned int left = n;

  while (left > 0) {
    int timeout = -1;

    polls[0] = (struct pollfd){ .fd = life, .events = POLLIN };
    for (unsigned int i = 0; i < n; i++) {
      int ms = fill_polls (&pairs[i], &polls[1 + 2 * i]);

      timeout = ms >= 0 && (timeout < 0 || ms < timeout) ? ms : timeout;
    }
    if (poll (polls, 1 + 2 * n, timeout) < 0 && errno != EINTR)
      return;
    if (polls[0].revents != 0)
      return;
    left = 0;
    for (unsigned int i = 0; i < n; i++) {
      work_on (&pairs[i], request, &polls[1 + 2 * i]);
      left += pairs[i].outside >= 0;
    }
  }
}

/* ---- the process ---- */

static bool
confine (void)
{
  static const int allowed[] = {
    SCMP_SYS (recvfrom),        SCMP_SYS (sendto),     SCMP_SYS (poll),         SCMP_SYS (ppoll),
    SCMP_SYS (ppoll_time64),    SCMP_SYS (connect),    SCMP_SYS (shutdown),     SCMP_SYS (getsockname),
    SCMP_SYS (getsockopt),      SCMP_SYS (setsockopt), SCMP_SYS (close),        SCMP_SYS (clock_gettime),
    SCMP_SYS (clock_gettime64), SCMP_SYS (exit_group), SCMP_SYS (rt_sigreturn), SCMP_SYS (restart_syscall),
  };
  scmp_filter_ctx filter;
  int error = privilege_clear ();

  if (error != 0)
    return false;
  filter = seccomp_init (SCMP_ACT_KILL_PROCESS);
  if (filter == NULL)
    return false;
  for (size_t i = 0; i < sizeof allowed / sizeof allowed[0] && error == 0; i++)
    error = seccomp_rule_add (filter, SCMP_ACT_ALLOW, allowed[i], 0);
  for (int family = AF_INET; family <= AF_INET6 && error == 0; family += AF_INET6 - AF_INET)
    error = seccomp_rule_add (filter, SCMP_ACT_ALLOW, SCMP_SYS (socket), 2,
                              SCMP_A0 (SCMP_CMP_EQ, (scmp_datum_t)family),
                              SCMP_A1 (SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM));
  if (error == 0)
    error = seccomp_load (filter);
  seccomp_release (filter);
  return error == 0;
}

static int
compare (const void *a, const void *b)
{
  return *(const int *)a - *(const int *)b;
}

/* Whoever is at the other end of a connection of bothy-net's has to see it end. */
static bool
close_others (const int *kept, unsigned int n)
{
  int sorted[KNOCKS_MAX + 2];
  unsigned int next = 0;

  memcpy (sorted, kept, n * sizeof *kept);
  sorted[n] = STDERR_FILENO;
  qsort (sorted, n + 1, sizeof sorted[0], compare);
  for (unsigned int i = 0; i <= n; i++) {
    if ((unsigned int)sorted[i] > next && close_range (next, (unsigned int)sorted[i] - 1, 0) < 0)
      return false;
    next = (unsigned int)sorted[i] + 1;
  }
  return close_range (next, ~0U, 0) == 0;
}

__attribute__ ((noreturn)) static void
run (const int *connections, unsigned int n, int life, const struct net_request *request)
{
  struct pair *pairs = calloc (n, sizeof *pairs);
  int kept[KNOCKS_MAX + 1];

  memcpy (kept, connections, n * sizeof *connections);
  kept[n] = life;
  if (pairs == NULL || !close_others (kept, n + 1) || !confine ())
    _exit (EXIT_FAILURE);
  for (unsigned int i = 0; i < n; i++) {
    int64_t now = now_ms ();

    pairs[i].outside = connections[i];
    pairs[i].inside = -1;
    pairs[i].since_ms = pairs[i].retry_ms = now;
    pairs[i].pause_ms = FIRST_RETRY_MS;
    set_options (connections[i]);
  }
  serve (pairs, n, life, request);
  _exit (EXIT_SUCCESS);
}

bool
proxy_is_there (int proxy)
{
  struct pollfd end = { .fd = proxy };

  return proxy >= 0 && poll (&end, 1, 0) == 0;
}

int
proxy_start (struct holds *holds, const int *connections, unsigned int n, const struct net_request *request)
{
  int ends[2];
  pid_t pid;

  if (pipe2 (ends, O_CLOEXEC) < 0)
    return -1;
  pid = fork ();
  if (pid == 0) {
    holds_close (holds);
    close (ends[1]);
    run (connections, n, ends[0], request);
  }
  close (ends[0]);
  if (pid > 0)
    return ends[1];
  close (ends[1]);
  return -1;
}
