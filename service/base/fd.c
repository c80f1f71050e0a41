/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>

int
bothy_fd_dup (int fd, GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);

  if (copy >= 0)
    return copy;
  if (errno == EMFILE || errno == ENFILE)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
                 "The service has too many files open; try again when others have ended what they do");
  else
    bothy_error_set_errno (error, errno, "Keeping a file descriptor");
  return -1;
}
