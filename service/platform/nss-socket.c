/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/nss-socket.h"

#include "config.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SECONDS          2 /* that a client has to ask */
#define MOST             128
#define MOST_OF_ONE_USER 16

struct _BothyNssSocket {
  int fd;
  guint source;
  GList *clients;
  BothyNssSocketLookup lookup;
  gpointer user_data;
};

typedef struct {
  BothyNssSocket *names;
  int fd;
  guint32 user;
  guint source;
  guint timer;
} Client;

static void
client_free (Client *client)
{
  client->names->clients = g_list_remove (client->names->clients, client);
  g_source_remove (client->source);
  g_source_remove (client->timer);
  close (client->fd);
  g_free (client);
}

static gboolean
on_expired (gpointer user_data)
{
  client_free (user_data);
  return G_SOURCE_CONTINUE; /* removed already */
}

/* Nobody is waited for: who does not take his answer gets none. */
static gboolean
on_asked (int fd, GIOCondition condition, gpointer user_data)
{
  Client *client = user_data;
  char name[NAMES_MAX_NAME + 1];
  struct names_reply reply = { 0 };
  ssize_t size = recv (fd, name, sizeof name, MSG_DONTWAIT | MSG_TRUNC);

  if (size > 0 && (gsize)size < sizeof name && !memchr (name, '\0', (gsize)size)) {
    name[size] = '\0';
    client->names->lookup (client->user, name, &reply, client->names->user_data);
    (void)!send (fd, &reply, sizeof reply, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  client_free (client);
  return G_SOURCE_CONTINUE;
}

static gboolean
may_come (BothyNssSocket *self, guint32 user)
{
  guint n = 0, own = 0;

  for (GList *l = self->clients; l; l = l->next) {
    n++;
    own += ((Client *)l->data)->user == user;
  }
  return n < MOST && own < MOST_OF_ONE_USER;
}

static gboolean
on_connection (int listening, GIOCondition condition, gpointer user_data)
{
  BothyNssSocket *self = user_data;
  autofd fd = accept4 (listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct ucred peer;
  socklen_t size = sizeof peer;
  Client *client;

  if (fd < 0 || getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || !may_come (self, peer.uid))
    return G_SOURCE_CONTINUE;
  client = g_new0 (Client, 1);
  client->names = self;
  client->user = peer.uid;
  client->fd = g_steal_fd (&fd);
  client->source = g_unix_fd_add (client->fd, G_IO_IN | G_IO_HUP, on_asked, client);
  client->timer = g_timeout_add_seconds (SECONDS, on_expired, client);
  self->clients = g_list_prepend (self->clients, client);
  return G_SOURCE_CONTINUE;
}

/* Everybody may ask, whatever the service's umask is. */
static int
listen_for_all (void)
{
  const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = RUNTIME_DIR "/" NAMES_SOCKET };
  autofd dir = open (RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  autofd fd = socket (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (dir < 0 || fd < 0)
    return -1;
  unlinkat (dir, NAMES_SOCKET, 0);
  if (bind (fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
      fchmodat (dir, NAMES_SOCKET, 0666, 0) < 0 || listen (fd, SOMAXCONN) < 0)
    return -1;
  return g_steal_fd (&fd);
}

BothyNssSocket *
bothy_nss_socket_new (BothyNssSocketLookup lookup, gpointer user_data, GError **error)
{
  autofd fd = listen_for_all ();
  BothyNssSocket *self;

  if (fd < 0) {
    bothy_error_set_errno (error, errno, RUNTIME_DIR "/" NAMES_SOCKET);
    return NULL;
  }
  self = g_new0 (BothyNssSocket, 1);
  self->lookup = lookup;
  self->user_data = user_data;
  self->fd = g_steal_fd (&fd);
  self->source = g_unix_fd_add (self->fd, G_IO_IN, on_connection, self);
  return self;
}

void
bothy_nss_socket_free (BothyNssSocket *self)
{
  autofd dir = open (RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  while (self->clients)
    client_free (self->clients->data);
  g_source_remove (self->source);
  close (self->fd);
  unlinkat (dir, NAMES_SOCKET, 0);
  g_free (self);
}
