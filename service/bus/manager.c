/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/door.h"
#include "bus/label.h"
#include "bus/names.h"
#include "bus/options.h"
#include "bus/publisher.h"
#include "core/passwd.h"
#include "core/diagnose.h"
#include "core/builtin.h"
#include "core/error.h"
#include "core/import.h"
#include "core/name.h"
#include "network/egress.h"
#include "core/ranges.h"
#include "core/reference.h"
#include "platform/cgroups.h"
#include "platform/foreign.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- CreateContainer ---- */

static gboolean
check_network (const char *network, GError **error)
{
  const char *bridge = g_str_has_prefix (network, BOTHY_CONTAINER_LAN) ? network + strlen (BOTHY_CONTAINER_LAN) : NULL;

  if (g_str_equal (network, "nat") || g_str_equal (network, "none") || bothy_bridge_name_is_plain (bridge))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"network\": \"nat\", \"none\", or \"lan:\" and the name of a bridge");
  return FALSE;
}

static gboolean
check_spec (const BothyContainerSpec *spec, GError **error)
{
  return bothy_name_check (spec->name, "Name", error) && bothy_name_check_hostname (spec->hostname, error) &&
         (bothy_name_is_fingerprint_prefix (spec->image) || bothy_reference_check_alias (spec->image, error)) &&
         bothy_name_check_user (spec->user, error) && check_network (spec->network, error) &&
         (!*spec->account || bothy_name_check_login (spec->account, error)) &&
         bothy_name_check_environment ((const char *const *)spec->environment, error) &&
         (!*spec->working_directory || bothy_name_check_path (spec->working_directory, error));
}

/* His id is to be the same inside as outside, and a container has 65536. */
static gboolean
check_account (const BothyContainerSpec *spec, guint32 user, GError **error)
{
  if (!*spec->account || (user > 0 && user < BOTHY_RANGE_SIZE))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"account\": your user id is %u, and an account inside can have 1 to %d", user,
               BOTHY_RANGE_SIZE - 1);
  return FALSE;
}

static gboolean
parse_egress (BothyContainerSpec *spec, GError **error)
{
  g_auto (GStrv) given = g_steal_pointer (&spec->egress);

  if (given)
    spec->egress = bothy_egress_parse ((const char *const *)given, error);
  return !given || spec->egress;
}

static BothyContainerSpec *
parse_spec (GVariant *args, GError **error)
{
  g_autoptr (BothyContainerSpec) spec = g_new0 (BothyContainerSpec, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) limits = NULL;
  const BothyOption table[] = {
    { "command", "as", &spec->command },  { "entrypoint", "as", &spec->entrypoint },
    { "environment", "as", &spec->environment },
    { "user", "s", &spec->user },         { "working-directory", "s", &spec->working_directory },
    { "hostname", "s", &spec->hostname }, { "ephemeral", "b", &spec->ephemeral },
    { "nesting", "b", &spec->nesting },   { "network", "s", &spec->network },
    { "account", "s", &spec->account },   { "limits", "a{sv}", &limits },
    { "egress", "as", &spec->egress },    { NULL, NULL, NULL },
  };

  spec->command = g_new0 (char *, 1);
  spec->environment = g_new0 (char *, 1);
  spec->user = g_strdup ("");
  spec->working_directory = g_strdup ("");
  spec->account = g_strdup ("");
  spec->network = g_strdup ("nat");
  g_variant_get (args, "(ss@a{sv})", &spec->name, &spec->image, &options);
  spec->hostname = g_strdup (spec->name);
  if (!bothy_options_parse (options, table, error) || !check_spec (spec, error) ||
      !parse_egress (spec, error) ||
      (limits && !bothy_limits_change (&spec->limits, limits, NULL, error)))
    return NULL;
  return g_steal_pointer (&spec);
}

gboolean
bothy_manager_check_create_container (BothyCall *call, GError **error)
{
  g_autoptr (BothyContainerSpec) spec = parse_spec (call->args, error);
  g_autofree char *owner = g_strdup_printf ("%u", call->user);
  const char *key;

  if (!spec || !check_account (spec, call->user, error))
    return FALSE;
  polkit_details_insert (call->details, "container", spec->name);
  polkit_details_insert (call->details, "image", spec->image);
  if (bothy_limits_exceeding (&spec->limits, spec->limits.given,
                              bothy_registry_get_configuration (call->registry), &key, &call->exceeds)) {
    polkit_details_insert (call->details, "owner", owner);
    polkit_details_insert (call->details, "limit", key);
  }
  return TRUE;
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyContainer) container =
      bothy_registry_create_finish (BOTHY_REGISTRY (source), result, &error);
  g_autofree char *path = NULL;

  if (!container) {
    bothy_call_return_error (call, error);
    return;
  }
  path = bothy_label_container_path (container->owner, container->spec->name);
  bothy_call_return (call, g_variant_new ("(o)", path));
}

static void
on_weighed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;

  bothy_door_weighed (
      call, !bothy_admission_weigh_finish (bothy_registry_get_admission (call->registry), result));
}

/* A nic on a LAN that is not delegated to the caller takes an administrator's word. */
void
bothy_manager_weigh_create_container (BothyCall *call)
{
  g_autoptr (BothyContainerSpec) spec = parse_spec (call->args, NULL);
  const char *name;
  BothyKnownBridge *bridge;
  GError *error = NULL;

  if (!g_str_has_prefix (spec->network, BOTHY_CONTAINER_LAN)) {
    bothy_door_weighed (call, FALSE);
    return;
  }
  name = spec->network + strlen (BOTHY_CONTAINER_LAN);
  bridge = bothy_bridges_find_for (bothy_registry_get_bridges (call->registry), name, call->user, &error);
  if (bridge && bridge->is_default)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                         "Option \"network\": for the bridge %s say \"nat\"", name);
  if (error) {
    bothy_call_return_error (call, error);
    return;
  }
  polkit_details_insert (call->details, "bridge", name);
  bothy_admission_weigh (bothy_registry_get_admission (call->registry), call->user, bridge, on_weighed,
                         bothy_call_ref (call));
}

void
bothy_manager_handle_create_container (BothyCall *call)
{
  BothyContainerSpec *spec = parse_spec (call->args, NULL);

  spec->network_allowed = call->may_use;
  spec->limits.granted = bothy_limits_exceeding (
      &spec->limits, spec->limits.given, bothy_registry_get_configuration (call->registry), NULL, NULL);
  bothy_registry_create (call->registry, call->user, spec, on_created, bothy_call_ref (call));
}

/* ---- finding ---- */

static BothyContainer *
no_such_container (GError **error, const char *name)
{
  g_autofree char *shown = g_strescape (name, NULL);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER,
               "There is no container %.64s that you may see; \"bothy list\" shows yours", shown);
  return NULL;
}

/* "NAME", or "USER/NAME" with a login name or uid. */
static gboolean
parse_container_name (BothyCall *call, guint32 *ret_owner, const char **ret_name)
{
  const char *text, *slash;
  g_autofree char *user = NULL;
  guint64 uid;

  g_variant_get (call->args, "(&s)", &text);
  slash = strchr (text, '/');
  *ret_owner = call->user;
  *ret_name = slash ? slash + 1 : text;
  if (!slash)
    return bothy_name_check (*ret_name, "Name", NULL);
  user = g_strndup (text, (gsize)(slash - text));
  if (bothy_name_parse_number (user, 0, G_MAXINT32, &uid))
    *ret_owner = (guint32)uid;
  else if (!bothy_passwd_find (user, ret_owner))
    return FALSE;
  return bothy_name_check (*ret_name, "Name", NULL);
}

gboolean
bothy_manager_check_get_container (BothyCall *call, GError **error)
{
  const char *text, *name;
  guint32 owner;

  if (!parse_container_name (call, &owner, &name)) {
    g_variant_get (call->args, "(&s)", &text);
    no_such_container (error, text);
    return FALSE;
  }
  call->is_own = owner == call->user;
  call->is_foreign = !call->is_own;
  if (call->is_foreign) {
    g_autofree char *uid = g_strdup_printf ("%u", owner);

    polkit_details_insert (call->details, "container", name);
    polkit_details_insert (call->details, "owner", uid);
    polkit_details_insert (call->details, "verb", call->member);
  }
  return TRUE;
}

static void
return_container (BothyCall *call, BothyContainer *container)
{
  g_autofree char *path = bothy_label_container_path (container->owner, container->spec->name);

  bothy_call_return (call, g_variant_new ("(o)", path));
}

void
bothy_manager_handle_get_container (BothyCall *call)
{
  BothyContainer *container = NULL;
  GError *error = NULL;
  const char *text, *name;
  guint32 owner;

  if (parse_container_name (call, &owner, &name) && (owner == call->user || call->may_inspect))
    container = bothy_registry_find_container (call->registry, owner, name);
  if (container) {
    return_container (call, container);
    return;
  }
  g_variant_get (call->args, "(&s)", &text);
  no_such_container (&error, text);
  bothy_call_return_error (call, error);
}

void
bothy_manager_handle_get_container_by_pid (BothyCall *call)
{
  g_autofree char *group = NULL;
  BothyContainer *container = NULL;
  guint32 pid;

  g_variant_get (call->args, "(u)", &pid);
  group = bothy_cgroups_of_process (pid);
  container = group ? bothy_registry_find_container_by_group (call->registry, group) : NULL;
  if (container && (container->owner == call->user || call->may_inspect))
    return_container (call, container);
  else
    bothy_call_return_error (call, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_CONTAINER_FOR_PID,
                                                "Process %u is in no container that you may see", pid));
}

void
bothy_manager_handle_list_containers (BothyCall *call)
{
  g_autoptr (GList) containers = bothy_registry_list_containers (call->registry);
  BothyImages *images = bothy_registry_get_images (call->registry);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(sussso)"));
  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;
    BothyImage *image = bothy_images_lookup (images, container->spec->image);
    g_autofree char *path = NULL;
    g_autofree char *addresses = g_strjoinv (",", container->addresses);

    if (container->owner != call->user && !call->may_inspect)
      continue;
    path = bothy_label_container_path (container->owner, container->spec->name);
    g_variant_builder_add (&builder, "(sussso)", container->spec->name, container->owner,
                           bothy_container_state_name (container->state),
                           image ? bothy_image_label (image, container->owner) : container->spec->image,
                           addresses, path);
  }
  bothy_call_return (call, g_variant_new ("(a(sussso))", &builder));
}

void
bothy_manager_handle_list_ranges (BothyCall *call)
{
  g_autoptr (GPtrArray) ranges = bothy_ranges_list (bothy_registry_get_ranges (call->registry));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(uuus)"));
  for (guint i = 0; i < ranges->len; i++) {
    const BothyRange *range = ranges->pdata[i];
    BothyContainer *container = bothy_registry_find_container_by_range (call->registry, range->base);
    const char *free = range->by_hand ? "by hand" : "";

    if (range->owner == call->user || call->may_inspect)
      g_variant_builder_add (&builder, "(uuus)", range->base, BOTHY_RANGE_SIZE, range->owner,
                             container ? container->spec->name : free);
  }
  bothy_call_return (call, g_variant_new ("(a(uuus))", &builder));
}

/* ---- images ---- */

typedef struct {
  char *alias;
  char *fingerprint;
  gint32 handle;
} ImportArgs;

static void
import_args_clear (ImportArgs *args)
{
  g_free (args->alias);
  g_free (args->fingerprint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ImportArgs, import_args_clear)

/* Something that is read from front to back: a file, a pipe or a socket. */
static gboolean
check_archive_fd (int fd, GError **error)
{
  int flags = fcntl (fd, F_GETFL);
  guint64 size;
  mode_t mode;

  if (fd < 0)
    return FALSE;
  if (flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY && bothy_foreign_stat (fd, &mode, &size) &&
      (S_ISREG (mode) || S_ISFIFO (mode) || S_ISSOCK (mode)))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "archive: a file, pipe or socket that is open for reading is wanted");
  return FALSE;
}

static gboolean
parse_import (BothyCall *call, ImportArgs *args, GError **error)
{
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { "alias", "s", &args->alias },
                                { "fingerprint", "s", &args->fingerprint },
                                { NULL, NULL, NULL } };

  g_variant_get (call->args, "(h@a{sv})", &args->handle, &options);
  if (!bothy_options_parse (options, table, error) ||
      !check_archive_fd (bothy_call_get_fd (call, args->handle, error), error) ||
      (args->alias && !bothy_reference_check_alias (args->alias, error)))
    return FALSE;
  if (!args->fingerprint || bothy_name_is_fingerprint (args->fingerprint))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"fingerprint\": a SHA-256 of 64 hexadecimal digits is wanted");
  return FALSE;
}

gboolean
bothy_manager_check_import_image (BothyCall *call, GError **error)
{
  g_auto (ImportArgs) args = { NULL, NULL, -1 };

  if (!parse_import (call, &args, error))
    return FALSE;
  polkit_details_insert (call->details, "alias", args.alias ? args.alias : "");
  return TRUE;
}

typedef struct {
  BothyOperation *operation;
  guint64 total; /* bytes of the archive, 0: not known */
} ImportWatch;

static void
on_import_progress (guint64 bytes_in, guint64 bytes_out, gpointer user_data)
{
  ImportWatch *watch = user_data;

  bothy_operation_set_progress (
      watch->operation, watch->total > 0 ? MIN (1.0, (double)bytes_in / (double)watch->total) : -1, bytes_in);
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree ImportWatch *watch = user_data;
  g_autoptr (BothyOperation) operation = watch->operation;
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyImage) image = bothy_images_import_finish (BOTHY_IMAGES (source), result, &error);
  g_autofree char *path = image ? bothy_publisher_image_path (image) : NULL;

  bothy_operation_complete (operation, path, error);
}

void
bothy_manager_handle_import_image (BothyCall *call)
{
  g_auto (ImportArgs) args = { NULL, NULL, -1 };
  g_autofree char *path = NULL;
  ImportWatch *watch;
  BothyOperation *operation;
  GError *error = NULL;
  guint64 size;
  mode_t mode;
  int fd;

  parse_import (call, &args, NULL);
  operation = bothy_registry_add_operation (call->registry, call->user, "import-image", "unpacking", &error);
  if (!operation) {
    bothy_call_return_error (call, error);
    return;
  }
  fd = bothy_call_get_fd (call, args.handle, NULL);
  path = bothy_publisher_operation_path (operation);
  bothy_call_return (call, g_variant_new ("(o)", path));
  watch = g_new0 (ImportWatch, 1);
  watch->operation = operation;
  watch->total = bothy_foreign_stat (fd, &mode, &size) && S_ISREG (mode) ? size : 0;
  bothy_images_import (bothy_registry_get_images (call->registry), call->user, fd, args.alias,
                       args.fingerprint, on_import_progress, watch, operation->cancellable, on_imported,
                       watch);
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_images_resolve_finish (BOTHY_IMAGES (source), result, &error);
  g_autofree char *path = image ? bothy_publisher_image_path (image) : NULL;

  if (image)
    bothy_call_return (call, g_variant_new ("(o)", path));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_get_image (BothyCall *call)
{
  const char *name;

  g_variant_get (call->args, "(&s)", &name);
  bothy_images_resolve (bothy_registry_get_images (call->registry), call->user, name, on_resolved,
                        bothy_call_ref (call));
}

/* ---- Diagnose ---- */

static void
on_diagnosed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  g_autoptr (GVariant) checks = bothy_diagnose_finish (result);

  bothy_call_return (call, g_variant_new ("(@a(ssss))", checks));
}

void
bothy_manager_handle_diagnose (BothyCall *call)
{
  bothy_diagnose (call->registry, on_diagnosed, bothy_call_ref (call));
}
