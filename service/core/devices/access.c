/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/devices/access.h"

#include "core/accounts/nss.h"

#include <string.h>

struct helper_request
bothy_device_request (enum helper_op op, const BothyHostDevice *host)
{
  struct helper_request request = { .op = op };

  request.device.major = host->major;
  request.device.minor = host->minor;
  g_strlcpy (request.device.name, host->name, sizeof request.device.name);
  return request;
}

static void
on_tried (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) reply = NULL;
  GError *error = NULL;

  reply = bothy_helper_client_call_finish (BOTHY_HELPER_CLIENT (source), result, NULL, &error);
  if (reply)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_account (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (BothyAccount) account = bothy_account_look_up_finish (result);
  struct helper_request request = bothy_device_request (HELPER_DEVICE_ACCESS, g_task_get_task_data (task));

  request.owner = account->uid;
  request.owner_gid = account->gid;
  request.device.n_groups = MIN (account->gids->len, HELPER_MAX_GROUPS);
  for (guint i = 0; i < request.device.n_groups; i++)
    request.device.groups[i] = g_array_index (account->gids, guint32, i);
  bothy_helper_client_call (g_task_get_source_object (task), &request, NULL, on_tried, g_object_ref (task));
}

void
bothy_device_check_access (BothyHelperClient *helper,
                           guint32 user,
                           const BothyHostDevice *host,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
  GTask *task = g_task_new (helper, NULL, callback, user_data);

  g_task_set_task_data (task, bothy_host_device_ref ((BothyHostDevice *)host),
                        (GDestroyNotify)bothy_host_device_unref);
  bothy_account_look_up_groups (user, on_account, task);
}

gboolean
bothy_device_check_access_finish (BothyHelperClient *helper, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
