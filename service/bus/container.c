/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "bus/options.h"
#include "bus/publisher.h"
#include "base/error.h"
#include "core/registry/lifecycle.h"
#include "base/validate.h"

#include <signal.h>

#define DEFAULT_STOP_TIMEOUT 30
#define MAX_STOP_TIMEOUT     86400

static BothyContainer *
container_of (BothyCall *call)
{
  return BOTHY_CONTAINER (call->node->target);
}

static void
on_changed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

/* ---- Start ---- */

static gboolean
parse_start (BothyCall *call, GUnixFDList **ret_stdio, GError **error)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (call->args, 0);
  g_autoptr (GVariant) handles = NULL;
  gboolean console = FALSE;
  const BothyOption table[] = { { "stdio", "ah", &handles },
                                { "console", "b", &console },
                                { NULL, NULL, NULL } };

  *ret_stdio = NULL;
  if (!bothy_options_parse (options, table, error))
    return FALSE;
  if (handles && console) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "stdio and console exclude each other");
    return FALSE;
  }
  if (!handles)
    return TRUE;
  *ret_stdio = bothy_call_get_stdio (call, handles, error);
  return *ret_stdio || !error || !*error;
}

gboolean
bothy_container_check_start (BothyCall *call, GError **error)
{
  g_autoptr (GUnixFDList) stdio = NULL;

  return parse_start (call, &stdio, error);
}

void
bothy_container_handle_start (BothyCall *call)
{
  g_autoptr (GUnixFDList) stdio = NULL;

  parse_start (call, &stdio, NULL);
  bothy_registry_start (call->registry, container_of (call), stdio, on_changed, bothy_call_ref (call));
}

/* ---- Stop and Restart ---- */

static gboolean
parse_stop (BothyCall *call, guint32 *ret_timeout, GError **error)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (call->args, 0);
  gboolean force = FALSE;
  const BothyOption table[] = { { "timeout", "u", ret_timeout },
                                { "force", "b", &force },
                                { NULL, NULL, NULL } };

  *ret_timeout = DEFAULT_STOP_TIMEOUT;
  if (!bothy_options_parse (options, table, error))
    return FALSE;
  if (*ret_timeout > MAX_STOP_TIMEOUT) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"timeout\": at most %d seconds",
                 MAX_STOP_TIMEOUT);
    return FALSE;
  }
  if (force)
    *ret_timeout = 0;
  return TRUE;
}

gboolean
bothy_container_check_stop (BothyCall *call, GError **error)
{
  guint32 timeout;

  return parse_stop (call, &timeout, error);
}

void
bothy_container_handle_stop (BothyCall *call)
{
  guint32 timeout;

  parse_stop (call, &timeout, NULL);
  bothy_registry_stop (call->registry, container_of (call), timeout, on_changed, bothy_call_ref (call));
}

void
bothy_container_handle_restart (BothyCall *call)
{
  guint32 timeout;

  parse_stop (call, &timeout, NULL);
  bothy_registry_restart (call->registry, container_of (call), timeout, on_changed, bothy_call_ref (call));
}

void
bothy_container_handle_freeze (BothyCall *call)
{
  bothy_registry_freeze (call->registry, container_of (call), TRUE, on_changed, bothy_call_ref (call));
}

void
bothy_container_handle_thaw (BothyCall *call)
{
  bothy_registry_freeze (call->registry, container_of (call), FALSE, on_changed, bothy_call_ref (call));
}

/* ---- Kill ---- */

gboolean
bothy_container_check_kill (BothyCall *call, GError **error)
{
  const char *whom;
  gint32 number;

  g_variant_get (call->args, "(&si)", &whom, &number);
  if (!g_str_equal (whom, "leader") && !g_str_equal (whom, "all")) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "whom: \"leader\" or \"all\"");
    return FALSE;
  }
  if (number >= 1 && number <= SIGRTMAX && (number == SIGKILL || g_str_equal (whom, "leader")))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "signal: 1 to %d, and only 9 for \"all\"",
               SIGRTMAX);
  return FALSE;
}

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, NULL, &error))
    bothy_call_return (call, NULL);
  else
    bothy_call_return_error (call, error);
}

/* A frozen container can be killed, too. */
static gboolean
require_processes (BothyContainer *container, GError **error)
{
  return (container->supervisor && container->state == BOTHY_CONTAINER_FROZEN) ||
         bothy_container_require_running (container, error);
}

void
bothy_container_handle_kill (BothyCall *call)
{
  struct supervisor_message message = { 0 };
  BothyContainer *container = container_of (call);
  GError *error = NULL;
  const char *whom;

  g_variant_get (call->args, "(&si)", &whom, &message.value);
  message.type = g_str_equal (whom, "all") ? SUPERVISOR_KILL_ALL : SUPERVISOR_SIGNAL;
  if (require_processes (container, &error))
    bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_killed, bothy_call_ref (call));
  else
    bothy_call_return_error (call, error);
}

/* ---- Delete and Rename ---- */

static gboolean
parse_delete (BothyCall *call, gboolean *ret_force, GError **error)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (call->args, 0);
  const BothyOption table[] = { { "force", "b", ret_force }, { NULL, NULL, NULL } };

  *ret_force = FALSE;
  return bothy_options_parse (options, table, error);
}

gboolean
bothy_container_check_delete (BothyCall *call, GError **error)
{
  gboolean force;

  return parse_delete (call, &force, error);
}

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyOperation) operation =
      bothy_registry_delete_finish (BOTHY_REGISTRY (source), result, &error);
  g_autofree char *path = operation ? bothy_publisher_operation_path (operation) : NULL;

  if (operation)
    bothy_call_return (call, g_variant_new ("(o)", path));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_delete (BothyCall *call)
{
  gboolean force;

  parse_delete (call, &force, NULL);
  bothy_registry_delete (call->registry, container_of (call), call->user, force, on_deleted,
                         bothy_call_ref (call));
}

gboolean
bothy_container_check_rename (BothyCall *call, GError **error)
{
  const char *name;

  g_variant_get (call->args, "(&s)", &name);
  return bothy_validate_name (name, "Name", error);
}

void
bothy_container_handle_rename (BothyCall *call)
{
  BothyContainer *container = container_of (call);
  GError *error = NULL;
  const char *name;

  g_variant_get (call->args, "(&s)", &name);
  if (bothy_container_is_active (container) || container->busy)
    error = g_error_new (BOTHY_ERROR, container->busy ? BOTHY_ERROR_BUSY : BOTHY_ERROR_WRONG_STATE,
                         "Container %s is %s; stop it first", container->spec->name,
                         container->busy ? container->busy : bothy_container_state_name (container->state));
  else
    bothy_containers_rename (bothy_registry_get_containers (call->registry), container, name, &error);
  if (error)
    bothy_call_return_error (call, error);
  else
    bothy_call_return (call, NULL);
}

/* ---- console and log ---- */

static void
on_console (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  if (bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &fds, &error))
    bothy_call_return_with_fds (call, g_variant_new ("(h)", 0), fds);
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_open_console (BothyCall *call)
{
  struct supervisor_message message = { .type = SUPERVISOR_CONSOLE };
  BothyContainer *container = container_of (call);
  GError *error = NULL;

  if (require_processes (container, &error))
    bothy_supervisor_call (container->supervisor, message, NULL, NULL, on_console, bothy_call_ref (call));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_open_log (BothyCall *call)
{
  GError *error = NULL;
  int fd =
      bothy_containers_open_log (bothy_registry_get_containers (call->registry), container_of (call), &error);

  if (fd >= 0)
    bothy_call_return_fd (call, g_variant_new ("(h)", 0), fd);
  else
    bothy_call_return_error (call, error);
}

/* ---- what is known of it ---- */

void
bothy_container_handle_get_os_release (BothyCall *call)
{
  BothyImage *image =
      bothy_image_store_lookup (bothy_registry_get_images (call->registry), container_of (call)->spec->image);
  g_auto (GStrv) lines = g_strsplit (image ? image->os_release : "", "\n", -1);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{ss}"));
  for (char **line = lines; *line; line++) {
    g_auto (GStrv) pair = g_strsplit (*line, "=", 2);
    g_autofree char *value = NULL;

    if (!pair[0] || !pair[1] || !g_ascii_isupper (pair[0][0]))
      continue;
    value = bothy_image_os_release_value (*line, pair[0]);
    g_variant_builder_add (&builder, "{ss}", pair[0], value);
  }
  bothy_call_return (call, g_variant_new ("(a{ss})", &builder));
}

static void
return_mapping (BothyCall *call, gboolean mapped, guint32 id)
{
  if (mapped)
    bothy_call_return (call, g_variant_new ("(u)", id));
  else
    bothy_call_return_error (call, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_USER_MAPPING,
                                                "This id is not mapped by the container"));
}

void
bothy_container_handle_map_from_user (BothyCall *call)
{
  guint32 inner;

  g_variant_get (call->args, "(u)", &inner);
  return_mapping (call, inner < BOTHY_RANGE_SIZE, container_of (call)->range_base + inner);
}

void
bothy_container_handle_map_to_user (BothyCall *call)
{
  guint32 base = container_of (call)->range_base, outer;

  g_variant_get (call->args, "(u)", &outer);
  return_mapping (call, outer >= base && outer - base < BOTHY_RANGE_SIZE, outer - base);
}
