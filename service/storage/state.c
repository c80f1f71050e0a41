/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "storage/state.h"

#include "base/error.h"
#include "base/fd.h"
#include "config.h"
#include "storage/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int
open_directory (int parent, const char *name, GError **error)
{
  autofd fd = -1;
  struct stat st;

  if (mkdirat (parent, name, 0700) < 0 && errno != EEXIST)
    bothy_error_set_errno (error, errno, name);
  else {
    fd = openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat (fd, &st) < 0)
      bothy_error_set_errno (error, errno, name);
    else if (st.st_uid != 0 || (st.st_mode & 0022) != 0)
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_FAILED, "%s: it is not root's alone", name);
    else
      return g_steal_fd (&fd);
  }
  return -1;
}

static gboolean
open_directories (BothyState *self, int *runtime_fd, GError **error)
{
  const int top = AT_FDCWD;
  const struct {
    const int *parent;
    const char *name;
    int *fd;
  } directories[] = {
    { &top, STATE_DIR, &self->state_fd },
    { &self->state_fd, "containers", &self->containers_fd },
    { &self->state_fd, "images", &self->images_fd },
    { &self->state_fd, "layers", &self->layers_fd },
    { &self->state_fd, "ranges", &self->ranges_fd },
    { &self->state_fd, "trash", &self->trash_fd },
    { &self->state_fd, "remotes", &self->remotes_fd },
    { &self->state_fd, "bridges", &self->bridges_fd },
    { &self->state_fd, "accounts", &self->accounts_fd },
    { &self->state_fd, "uppers", &self->uppers_fd },
    { &self->state_fd, "volumes", &self->volumes_fd },
    { &self->state_fd, "ceilings", &self->ceilings_fd },
    { &top, RUNTIME_DIR, runtime_fd },
    { runtime_fd, "supervisors", &self->sockets_fd },
    { runtime_fd, "attaching", &self->attaching_fd },
    { runtime_fd, "boot", &self->boot_fd },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++) {
    *directories[i].fd = open_directory (*directories[i].parent, directories[i].name, error);
    if (*directories[i].fd < 0)
      return FALSE;
  }
  /* Files of containers may be setuid; nobody else may even reach them. */
  if (fchmod (self->state_fd, 0700) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, STATE_DIR);
  return FALSE;
}

BothyState *
bothy_state_new (GError **error)
{
  g_autoptr (BothyState) self = g_new (BothyState, 1);
  autofd runtime_fd = -1;

  *self = (BothyState){ -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 };
  if (!open_directories (self, &runtime_fd, error))
    return NULL;
  self->lock_fd = bothy_lock_take (runtime_fd, error);
  return self->lock_fd >= 0 ? g_steal_pointer (&self) : NULL;
}

void
bothy_state_release_lock (BothyState *self)
{
  bothy_lock_release (g_steal_fd (&self->lock_fd));
}

void
bothy_state_free (BothyState *self)
{
  int *fds[] = { &self->lock_fd,     &self->sockets_fd,    &self->attaching_fd, &self->boot_fd,
                 &self->state_fd,    &self->containers_fd, &self->images_fd,    &self->layers_fd,
                 &self->ranges_fd,   &self->trash_fd,      &self->remotes_fd,   &self->bridges_fd,
                 &self->accounts_fd, &self->uppers_fd,     &self->volumes_fd,   &self->ceilings_fd };

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    bothy_clear_fd (fds[i]);
  g_free (self);
}
