/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Container */
#include "bus/handlers.h"

#include "bus/options.h"
#include "bus/paths.h"
#include "base/error.h"
#include "base/fd.h"
#include "core/container/history.h"
#include "core/registry/lifecycle.h"
#include "base/validate.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define DEFAULT_STOP_TIMEOUT 30
#define MAX_STOP_TIMEOUT     86400

static BothyContainer *
container_of (BothyCall *call)
{
  return BOTHY_CONTAINER (call->node->target);
}

static BothyStateReason
reason_of (BothyCall *call)
{
  return call->user == container_of (call)->owner ? BOTHY_REASON_ASKED : BOTHY_REASON_ADMINISTRATOR;
}

static void
on_changed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_registry_change_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_call_return_done (call, error);
}

/* ---- Start ---- */

typedef struct {
  GUnixFDList *stdio; /* of the first program, or NULL */
} StartRequest;

static void
start_request_free (StartRequest *request)
{
  g_clear_object (&request->stdio);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StartRequest, start_request_free)

static gpointer
parse_start (BothyArguments *arguments, GError **error)
{
  g_autoptr (StartRequest) request = g_new0 (StartRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) handles = NULL;
  gboolean console = FALSE;
  const BothyOption table[] = { { "stdio", "ah", &handles },
                                { "console", "b", &console },
                                { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(@a{sv})", &options);
  if (!bothy_options_parse (options, table, error))
    return NULL;
  if (handles && console) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "stdio and console exclude each other");
    return NULL;
  }
  if (handles && !bothy_arguments_dup_stdio (arguments, handles, &request->stdio, error))
    return NULL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_container_start_request = { parse_start, (GDestroyNotify)start_request_free };

void
bothy_container_handle_start (BothyCall *call)
{
  const StartRequest *request = call->request;

  bothy_registry_start (call->registry, container_of (call), request->stdio, reason_of (call), on_changed,
                        bothy_call_ref (call));
}

/* ---- Stop and Restart ---- */

typedef struct {
  guint32 timeout; /* seconds until it is killed */
} StopRequest;

static gpointer
parse_stop (BothyArguments *arguments, GError **error)
{
  g_autofree StopRequest *request = g_new0 (StopRequest, 1);
  g_autoptr (GVariant) options = NULL;
  gboolean force = FALSE;
  const BothyOption table[] = { { "timeout", "u", &request->timeout },
                                { "force", "b", &force },
                                { NULL, NULL, NULL } };

  request->timeout = DEFAULT_STOP_TIMEOUT;
  bothy_arguments_get (arguments, "(@a{sv})", &options);
  if (!bothy_options_parse (options, table, error))
    return NULL;
  if (request->timeout > MAX_STOP_TIMEOUT) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"timeout\": at most %d seconds",
                 MAX_STOP_TIMEOUT);
    return NULL;
  }
  if (force)
    request->timeout = 0;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_container_stop_request = { parse_stop, g_free };

void
bothy_container_handle_stop (BothyCall *call)
{
  const StopRequest *request = call->request;

  bothy_registry_stop (call->registry, container_of (call), request->timeout, reason_of (call), on_changed,
                       bothy_call_ref (call));
}

void
bothy_container_handle_restart (BothyCall *call)
{
  const StopRequest *request = call->request;

  bothy_registry_restart (call->registry, container_of (call), request->timeout, reason_of (call), on_changed,
                          bothy_call_ref (call));
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

/* What the supervisor is sent. */
static gpointer
parse_kill (BothyArguments *arguments, GError **error)
{
  g_autofree struct supervisor_message *request = g_new0 (struct supervisor_message, 1);
  const char *whom;
  gboolean all;

  bothy_arguments_get (arguments, "(&si)", &whom, &request->value);
  all = g_str_equal (whom, "all");
  if (!all && !g_str_equal (whom, "leader")) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "whom: \"leader\" or \"all\"");
    return NULL;
  }
  if (request->value < 1 || request->value > SIGRTMAX || (all && request->value != SIGKILL)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "signal: 1 to %d, and only 9 for \"all\"",
                 SIGRTMAX);
    return NULL;
  }
  request->type = all ? SUPERVISOR_KILL_ALL : SUPERVISOR_SIGNAL;
  return g_steal_pointer (&request);
}

const BothyRequestType bothy_container_kill_request = { parse_kill, g_free };

static void
on_killed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;

  bothy_supervisor_call_finish (BOTHY_SUPERVISOR (source), result, NULL, &error);
  bothy_call_return_done (call, error);
}

/* A frozen container can be killed, too, and one that takes its time to stop. */
static gboolean
require_processes (BothyContainer *container, GError **error)
{
  return (container->supervisor &&
          (container->state == BOTHY_CONTAINER_FROZEN || container->state == BOTHY_CONTAINER_STOPPING)) ||
         bothy_container_require_running (container, error);
}

void
bothy_container_handle_kill (BothyCall *call)
{
  const struct supervisor_message *request = call->request;
  BothyContainer *container = container_of (call);
  g_autofree char *number = g_strdup_printf ("%d", request->value);
  GError *error = NULL;

  polkit_details_insert (call->details, "signal", number);
  if (request->value == SIGKILL &&
      bothy_registry_take_start_back (call->registry, container, reason_of (call)))
    bothy_call_return (call, NULL);
  else if (require_processes (container, &error))
    bothy_supervisor_call (container->supervisor, *request, NULL, NULL, on_killed, bothy_call_ref (call));
  else
    bothy_call_return_error (call, error);
}

/* ---- Delete and Rename ---- */

typedef struct {
  gboolean force; /* also one that runs */
} DeleteRequest;

static gpointer
parse_delete (BothyArguments *arguments, GError **error)
{
  g_autofree DeleteRequest *request = g_new0 (DeleteRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "force", "b", &request->force }, { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(@a{sv})", &options);
  return bothy_options_parse (options, table, error) ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_container_delete_request = { parse_delete, g_free };

static void
on_deleted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyOperation) operation =
      bothy_registry_delete_finish (BOTHY_REGISTRY (source), result, &error);
  g_autofree char *path = operation ? bothy_path_of_operation (operation->id) : NULL;

  if (operation)
    bothy_call_return (call, g_variant_new ("(o)", path));
  else
    bothy_call_return_error (call, error);
}

void
bothy_container_handle_delete (BothyCall *call)
{
  const DeleteRequest *request = call->request;

  bothy_registry_delete (call->registry, container_of (call), call->user, request->force, on_deleted,
                         bothy_call_ref (call));
}

/* The new name. */
static gpointer
parse_rename (BothyArguments *arguments, GError **error)
{
  g_autofree char *name = NULL;

  bothy_arguments_get (arguments, "(s)", &name);
  return bothy_validate_name (name, "Name", error) ? g_steal_pointer (&name) : NULL;
}

const BothyRequestType bothy_container_rename_request = { parse_rename, g_free };

void
bothy_container_handle_rename (BothyCall *call)
{
  BothyContainer *container = container_of (call);
  const char *name = call->request;
  GError *error = NULL;

  polkit_details_insert (call->details, "from", container->spec->name);
  if (bothy_container_is_active (container) || container->busy)
    error = g_error_new (BOTHY_ERROR, container->busy ? BOTHY_ERROR_BUSY : BOTHY_ERROR_WRONG_STATE,
                         "Container %s is %s; stop it first", container->spec->name,
                         container->busy ? container->busy : bothy_container_state_name (container->state));
  else
    bothy_containers_rename (bothy_registry_get_containers (call->registry), container, name, &error);
  bothy_call_return_done (call, error);
}

/* ---- console and log ---- */

static void
on_console (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  int fd = bothy_supervisor_call_finish_fd (BOTHY_SUPERVISOR (source), result, BOTHY_SUPERVISOR_TERMINAL,
                                            NULL, &error);

  if (fd >= 0)
    bothy_call_return_fd (call, g_variant_new ("(h)", 0), fd);
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

#define MAX_READ (256 * 1024)

typedef struct {
  guint64 offset;
  guint32 count;
} ReadLogRequest;

static gpointer
parse_read_log (BothyArguments *arguments, GError **error)
{
  ReadLogRequest *request = g_new0 (ReadLogRequest, 1);

  bothy_arguments_get (arguments, "(tu)", &request->offset, &request->count);
  request->count = MIN (request->count, MAX_READ);
  request->offset = MIN (request->offset, G_MAXINT64 - MAX_READ);
  return request;
}

const BothyRequestType bothy_container_read_log_request = { parse_read_log, g_free };

void
bothy_container_handle_read_log (BothyCall *call)
{
  const ReadLogRequest *request = call->request;
  GError *error = NULL;
  autofd fd =
      bothy_containers_open_log (bothy_registry_get_containers (call->registry), container_of (call), &error);
  g_autofree guint8 *bytes = g_malloc (request->count);
  gssize n = fd >= 0 ? pread (fd, bytes, request->count, (off_t)request->offset) : 0;

  if (n < 0)
    bothy_error_set_errno (&error, errno, "Reading the console's log");
  if (error)
    bothy_call_return_error (call, error);
  else
    bothy_call_return (
        call, g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, bytes, (gsize)n, 1)));
}

/* ---- what is known of it ---- */

void
bothy_container_handle_get_history (BothyCall *call)
{
  int containers_fd = bothy_containers_get_directory (bothy_registry_get_containers (call->registry));

  bothy_call_return (call,
                     g_variant_new ("(@a(tuss))", bothy_history_read (containers_fd, container_of (call))));
}

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
  const guint32 *inner = call->request;

  return_mapping (call, *inner < BOTHY_RANGE_SIZE, container_of (call)->range_base + *inner);
}

void
bothy_container_handle_map_to_user (BothyCall *call)
{
  guint32 base = container_of (call)->range_base;
  const guint32 *outer = call->request;

  return_mapping (call, *outer >= base && *outer - base < BOTHY_RANGE_SIZE, *outer - base);
}
