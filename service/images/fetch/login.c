/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "login.h"

#include <string.h>
#include <unistd.h>

gboolean
login_read (int fd, char **ret_text, GError **error)
{
  char text[FETCH_MAX_LOGIN + 1];
  gssize size;

  if (fd < 0)
    return TRUE;
  /* From its begin: other requests of the same caller's read it, too. */
  size = pread (fd, text, sizeof text, 0);
  if (size > 0 && size <= (gssize)FETCH_MAX_LOGIN && memchr (text, ':', (gsize)size))
    *ret_text = g_base64_encode ((const guchar *)text, (gsize)size);
  else
    g_set_error (error, FETCH_ERROR, FETCH_FAILED, "The name and the password can not be read");
  explicit_bzero (text, sizeof text);
  return *ret_text != NULL;
}
