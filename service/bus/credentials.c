/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/credentials.h"

gboolean
bothy_credentials_from_option (BothyCall *call,
                               GVariant *option,
                               BothyCredentials **ret_credentials,
                               GError **error)
{
  g_autoptr (BothyCredentials) credentials = NULL;
  GVariantIter iter;
  const char *origin;
  gint32 handle;

  *ret_credentials = NULL;
  if (!option)
    return TRUE;
  credentials = bothy_credentials_new ();
  g_variant_iter_init (&iter, option);
  while (g_variant_iter_next (&iter, "{&sh}", &origin, &handle)) {
    int fd = bothy_call_get_fd (call, handle, error);

    if (fd < 0 || !bothy_credentials_add (credentials, origin, fd, error))
      return FALSE;
  }
  *ret_credentials = g_steal_pointer (&credentials);
  return TRUE;
}
