/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directories that the registry keeps its state in. */
#include "core/registry/registry-private.h"

#include "config.h"
#include "base/error.h"
#include "base/fd.h"
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

gboolean
bothy_registry_open_directories (BothyRegistry *self, GError **error)
{
  struct {
    int *parent;
    const char *name;
    int *fd;
  } directories[] = {
    { NULL, STATE_DIR, &self->state_fd },
    { &self->state_fd, "containers", &self->containers_fd },
    { &self->state_fd, "images", &self->images_fd },
    { &self->state_fd, "layers", &self->layers_fd },
    { &self->state_fd, "ranges", &self->ranges_fd },
    { &self->state_fd, "trash", &self->trash_fd },
    { &self->state_fd, "remotes", &self->remotes_fd },
    { &self->state_fd, "bridges", &self->bridges_fd },
    { &self->state_fd, "accounts", &self->accounts_fd },
    { NULL, RUNTIME_DIR, &self->lock_fd },
    { &self->lock_fd, "supervisors", &self->sockets_fd },
    { &self->lock_fd, "attaching", &self->attaching_fd },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (directories); i++) {
    int parent = directories[i].parent ? *directories[i].parent : AT_FDCWD;

    *directories[i].fd = open_directory (parent, directories[i].name, error);
    if (*directories[i].fd < 0)
      return FALSE;
  }
  /* Files of containers may be setuid; nobody else may even reach them. */
  if (fchmod (self->state_fd, 0700) < 0) {
    bothy_error_set_errno (error, errno, STATE_DIR);
    return FALSE;
  }
  return TRUE;
}

gboolean
bothy_registry_take_lock (BothyRegistry *self, GError **error)
{
  autofd runtime = g_steal_fd (&self->lock_fd);

  self->lock_fd = bothy_lock_take (runtime, error);
  return self->lock_fd >= 0;
}

void
bothy_registry_release_lock (BothyRegistry *self)
{
  bothy_lock_release (g_steal_fd (&self->lock_fd));
}
