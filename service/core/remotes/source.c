/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/source.h"

#include "base/fd.h"

#include <fcntl.h>

BothyDownloadSource *
bothy_download_source_copy (const BothyDownloadSource *source)
{
  BothyDownloadSource *self = g_memdup2 (source, sizeof *source);

  self->remote = bothy_remote_copy (source->remote);
  self->name = g_strdup (source->name);
  self->url = g_strdup (source->url);
  self->sha256 = g_strdup (source->sha256);
  self->diff_id = g_strdup (source->diff_id);
  self->token = g_strdup (source->token);
  self->login = source->login >= 0 ? fcntl (source->login, F_DUPFD_CLOEXEC, 3) : -1;
  return self;
}

void
bothy_download_source_free (BothyDownloadSource *self)
{
  bothy_remote_free ((BothyRemote *)self->remote);
  g_free ((char *)self->name);
  g_free ((char *)self->url);
  g_free ((char *)self->sha256);
  g_free ((char *)self->diff_id);
  g_free ((char *)self->token);
  bothy_clear_fd (&self->login);
  g_free (self);
}
