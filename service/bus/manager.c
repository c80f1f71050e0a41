/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/paths.h"
#include "core/images/builtin.h"
#include "core/registry/diagnose.h"
#include "core/registry/open-firewalls.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/accounts/passwd.h"
#include "core/ids/ranges.h"
#include "platform/cgroup-manager.h"

#include <string.h>

/* ---- finding ---- */

/* What GetContainer is asked for. */
typedef struct {
  char *text; /* as it was asked for */
  guint32 owner;
  char *name;
} FindRequest;

static void
find_request_free (FindRequest *request)
{
  g_free (request->text);
  g_free (request->name);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FindRequest, find_request_free)

static void
set_no_such_container (GError **error, const char *name)
{
  g_autofree char *shown = g_strescape (name, NULL);

  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER,
               "There is no container %.64s that you may see; \"bothy list\" shows yours", shown);
}

/* "NAME", or "USER/NAME" with a login name or uid. */
static gboolean
parse_container_name (FindRequest *request)
{
  const char *slash = strchr (request->text, '/');
  g_autofree char *user = NULL;
  guint64 uid;

  request->name = g_strdup (slash ? slash + 1 : request->text);
  if (slash) {
    user = g_strndup (request->text, (gsize)(slash - request->text));
    if (bothy_parse_number (user, 0, G_MAXINT32, &uid))
      request->owner = (guint32)uid;
    else if (!bothy_passwd_find (user, &request->owner))
      return FALSE;
  }
  return bothy_validate_name (request->name, "Name", NULL);
}

static gpointer
parse_get_container (BothyArguments *arguments, GError **error)
{
  g_autoptr (FindRequest) request = g_new0 (FindRequest, 1);

  request->owner = bothy_arguments_get_user (arguments);
  bothy_arguments_get (arguments, "(s)", &request->text);
  if (parse_container_name (request))
    return g_steal_pointer (&request);
  set_no_such_container (error, request->text);
  return NULL;
}

const BothyRequestType bothy_manager_get_container_request = { parse_get_container,
                                                               (GDestroyNotify)find_request_free };

gboolean
bothy_manager_check_get_container (BothyCall *call, GError **error)
{
  const FindRequest *request = call->request;

  call->is_own = request->owner == call->user;
  call->is_foreign = !call->is_own;
  if (call->is_foreign)
    bothy_call_name_foreign (call, request->owner, request->name);
  return TRUE;
}

static void
return_container (BothyCall *call, BothyContainer *container)
{
  g_autofree char *path = bothy_path_of_container (container->owner, container->spec->name);

  bothy_call_return (call, g_variant_new ("(o)", path));
}

void
bothy_manager_handle_get_container (BothyCall *call)
{
  const FindRequest *request = call->request;
  BothyContainer *container = NULL;
  GError *error = NULL;

  if (request->owner == call->user || call->may_inspect)
    container =
        bothy_containers_find (bothy_registry_get_containers (call->registry), request->owner, request->name);
  if (container) {
    return_container (call, container);
    return;
  }
  set_no_such_container (&error, request->text);
  bothy_call_return_error (call, error);
}

void
bothy_manager_handle_get_container_by_pid (BothyCall *call)
{
  const guint32 *pid = call->request;
  g_autofree char *group = bothy_cgroup_manager_of_process (*pid);
  BothyContainer *container =
      group ? bothy_containers_find_by_group (bothy_registry_get_containers (call->registry), group) : NULL;

  if (container && (container->owner == call->user || call->may_inspect))
    return_container (call, container);
  else
    bothy_call_return_error (call, g_error_new (BOTHY_ERROR, BOTHY_ERROR_NO_CONTAINER_FOR_PID,
                                                "Process %u is in no container that you may see", *pid));
}

typedef struct {
  GVariantBuilder lines;      /* a(sussso) */
  GVariantBuilder properties; /* aa{sv} */
} Listing;

static void
add_properties (Listing *listing, BothyCall *call, const char *path)
{
  BothyNode *node = bothy_objects_lookup (call->objects, path);

  if (node)
    g_variant_builder_add_value (&listing->properties, node->get_properties (node->target, call->user));
  else
    g_variant_builder_add_value (&listing->properties,
                                 g_variant_new_array (G_VARIANT_TYPE ("{sv}"), NULL, 0));
}

/* Those that the caller may see; their properties too if they are WANTED. */
static void
list_containers (BothyCall *call, Listing *listing, gboolean wanted)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (call->registry));
  BothyImageStore *images = bothy_registry_get_images (call->registry);

  g_variant_builder_init (&listing->lines, G_VARIANT_TYPE ("a(sussso)"));
  g_variant_builder_init (&listing->properties, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = containers; l; l = l->next) {
    BothyContainer *container = l->data;
    BothyImage *image = bothy_image_store_lookup (images, container->spec->image);
    g_autofree char *path = NULL;
    g_autofree char *addresses = g_strjoinv (",", container->addresses);

    if (container->owner != call->user && !call->may_inspect)
      continue;
    path = bothy_path_of_container (container->owner, container->spec->name);
    g_variant_builder_add (&listing->lines, "(sussso)", container->spec->name, container->owner,
                           bothy_container_state_name (container->state),
                           image ? bothy_image_label (image, container->owner) : container->spec->image,
                           addresses, path);
    if (wanted)
      add_properties (listing, call, path);
  }
}

void
bothy_manager_handle_list_containers (BothyCall *call)
{
  Listing listing;

  list_containers (call, &listing, FALSE);
  g_variant_builder_clear (&listing.properties);
  bothy_call_return (call, g_variant_new ("(a(sussso))", &listing.lines));
}

/* Others' containers are what the call is about: so he may be asked, as he is not by a mere listing. */
gboolean
bothy_manager_check_list_all_containers (BothyCall *call, GError **error)
{
  call->is_foreign = TRUE;
  polkit_details_insert (call->details, "verb", call->member);
  return TRUE;
}

void
bothy_manager_handle_list_all_containers (BothyCall *call)
{
  Listing listing;

  list_containers (call, &listing, TRUE);
  bothy_call_return (
      call, g_variant_new ("(a(sussso)aa{sv}b)", &listing.lines, &listing.properties, call->may_inspect));
}

/* What has RANGE when no container does. */
static const char *
name_holder (const BothyRange *range)
{
  if (range->by_hand)
    return "by hand";
  if (range->shut)
    return range->shut_before_boot ? "shut before boot" : "shut until boot";
  return "";
}

void
bothy_manager_handle_list_ranges (BothyCall *call)
{
  g_autoptr (GPtrArray) ranges = bothy_ranges_list (bothy_registry_get_ranges (call->registry));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(uuus)"));
  for (guint i = 0; i < ranges->len; i++) {
    const BothyRange *range = ranges->pdata[i];
    BothyContainer *container =
        bothy_containers_find_by_range (bothy_registry_get_containers (call->registry), range->base);

    if (range->owner == call->user || call->may_inspect)
      g_variant_builder_add (&builder, "(uuus)", range->base, BOTHY_RANGE_SIZE, range->owner,
                             container ? container->spec->name : name_holder (range));
  }
  bothy_call_return (call, g_variant_new ("(a(uuus))", &builder));
}

/* ---- images ---- */

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (BothyImage) image = bothy_builtin_resolve_finish (BOTHY_BUILTIN (source), result, &error);
  g_autofree char *path = image ? bothy_path_of_image (image->fingerprint) : NULL;

  if (image)
    bothy_call_return (call, g_variant_new ("(o)", path));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_get_image (BothyCall *call)
{
  bothy_builtin_resolve (bothy_registry_get_builtin (call->registry), call->user, call->request, on_resolved,
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

static void
on_firewalls_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) lines = bothy_open_firewalls_finish (result, &error);

  if (lines)
    bothy_call_return (call, g_variant_new ("(@a(ssss))", lines));
  else
    bothy_call_return_error (call, error);
}

void
bothy_manager_handle_open_firewalls (BothyCall *call)
{
  bothy_open_firewalls (call->registry, on_firewalls_opened, bothy_call_ref (call));
}
