/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CreateContainer and Launch of org.bothy.Bothy1.Manager */
#include "bus/handlers.h"

#include "bus/limits.h"
#include "bus/operation.h"
#include "bus/paths.h"
#include "bus/options.h"
#include "base/error.h"
#include "base/validate.h"
#include "core/ids/ranges.h"
#include "core/images/reference.h"
#include "core/registry/create.h"
#include "core/registry/launch.h"
#include "network/egress.h"

/* The bridge's network is no secret. Whether somebody has the address is one, until he may have a nic there. */
static gboolean
check_address_on (const BothyKnownBridge *bridge, const BothyLanAddress *address, GError **error)
{
  return !address || bothy_lan_address_check_subnet (address, bridge->facts->subnet, error);
}

static gboolean
check_spec (const BothyContainerSpec *spec, GError **error)
{
  return bothy_validate_name (spec->name, "Name", error) && bothy_validate_hostname (spec->hostname, error) &&
         (bothy_is_fingerprint_prefix (spec->image) || bothy_reference_check_alias (spec->image, error)) &&
         bothy_validate_user (spec->user, error) &&
         (!*spec->account || bothy_validate_login (spec->account, error)) &&
         bothy_validate_environment ((const char *const *)spec->environment, error) &&
         (!*spec->working_directory || bothy_validate_path (spec->working_directory, error));
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

/* GIVEN (a{ss}, NULL: none) as NAME=VALUE. */
static gboolean
parse_sysctls (BothyContainerSpec *spec, GVariant *given, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gsize n = given ? g_variant_n_children (given) : 0;

  if (n > BOTHY_MAX_SYSCTLS) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"sysctls\": a container can have %d of its own", BOTHY_MAX_SYSCTLS);
    return FALSE;
  }
  for (gsize i = 0; i < n; i++) {
    g_autofree char *setting = NULL;
    const char *name, *value;

    g_variant_get_child (given, i, "{&s&s}", &name, &value);
    if (!bothy_validate_sysctl (name, value, error))
      return FALSE;
    if (!g_hash_table_add (seen, (gpointer)name)) {
      g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Sysctl \"%s\" is there twice", name);
      return FALSE;
    }
    setting = g_strconcat (name, "=", value, NULL);
    g_strv_builder_add (builder, setting);
  }
  spec->sysctls = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
parse_restart (BothyContainerSpec *spec, const char *text, GError **error)
{
  BothyAutostart *autostart = &spec->autostart;

  if (!bothy_restart_parse (text, &autostart->restart, &autostart->max_restarts, error))
    return FALSE;
  if (!spec->ephemeral || autostart->restart == BOTHY_RESTART_NO)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"restart\": an ephemeral container goes when it ends, and can not be started again");
  return FALSE;
}

static gboolean
parse_health (BothyContainerSpec *spec, GVariant *given, GError **error)
{
  BothyHealthCheck *health = &spec->health;
  g_autofree char *deed = g_strdup ("none");
  g_autoptr (GVariant) interval = NULL;
  g_autoptr (GVariant) timeout = NULL;
  g_autoptr (GVariant) start_period = NULL;
  g_autoptr (GVariant) start_interval = NULL;
  g_autoptr (GVariant) retries = NULL;
  const BothyOption table[] = { { "test", "as", &health->test },
                                { "interval", "t", &interval },
                                { "timeout", "t", &timeout },
                                { "start-period", "t", &start_period },
                                { "start-interval", "t", &start_interval },
                                { "retries", "t", &retries },
                                { "on-failure", "s", &deed },
                                { NULL, NULL, NULL } };

  if (!bothy_options_parse (given, table, error))
    return FALSE;
  health->interval = interval ? g_variant_get_uint64 (interval) : 0;
  health->timeout = timeout ? g_variant_get_uint64 (timeout) : 0;
  health->start_period = start_period ? g_variant_get_uint64 (start_period) : 0;
  health->start_interval = start_interval ? g_variant_get_uint64 (start_interval) : 0;
  health->retries = retries ? g_variant_get_uint64 (retries) : 0;
  if (!bothy_health_check_validate (health, error) ||
      !bothy_unhealthy_parse (deed, &health->on_failure, error))
    return FALSE;
  if (!spec->ephemeral || health->on_failure != BOTHY_UNHEALTHY_RESTART)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"health\": an ephemeral container goes when it ends, and can not be started again");
  return FALSE;
}

#define MIN_SHM_SIZE 65536

static gboolean
parse_shm_size (BothyContainerSpec *spec, GVariant *given, GError **error)
{
  spec->shm_size = given ? g_variant_get_uint64 (given) : 0;
  if (!given || (spec->shm_size >= MIN_SHM_SIZE && spec->shm_size <= G_MAXINT64))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"shm-size\": %" G_GUINT64_FORMAT " is no size for /dev/shm: use %d bytes or more",
               spec->shm_size, MIN_SHM_SIZE);
  return FALSE;
}

/* What holds where nothing else is said. */
static BothyContainerSpec *
new_spec (void)
{
  BothyContainerSpec *spec = g_new0 (BothyContainerSpec, 1);

  spec->command = g_new0 (char *, 1);
  spec->environment = g_new0 (char *, 1);
  spec->user = g_strdup ("");
  spec->working_directory = g_strdup ("");
  spec->account = g_strdup ("");
  return spec;
}

/* Name, image and options. RET_CREDENTIALS (NULL: that is no option of the method): what is shown to servers. */
static BothyContainerSpec *
parse_spec (BothyArguments *arguments, BothyCredentials **ret_credentials, GError **error)
{
  g_autoptr (BothyContainerSpec) spec = new_spec ();
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) limits = NULL;
  g_autoptr (GVariant) sysctls = NULL;
  g_autoptr (GVariant) shm_size = NULL;
  g_autoptr (GVariant) mounts = NULL;
  g_autoptr (GVariant) volumes = NULL;
  g_autoptr (GVariant) credentials = NULL;
  g_autoptr (GVariant) health = NULL;
  g_autofree char *restart = g_strdup ("no");
  g_autofree char *network = g_strdup ("nat");
  g_autofree char *address = g_strdup ("");
  g_auto (GStrv) resolvers = g_new0 (char *, 1);
  const BothyOption table[] = {
    { "command", BOTHY_OPTION_WORDS, &spec->command },
    { "entrypoint", BOTHY_OPTION_WORDS, &spec->entrypoint },
    { "environment", BOTHY_OPTION_WORDS, &spec->environment },
    { "user", "s", &spec->user },
    { "working-directory", BOTHY_OPTION_BYTES, &spec->working_directory },
    { "hostname", "s", &spec->hostname },
    { "ephemeral", "b", &spec->ephemeral },
    { "nesting", "b", &spec->nesting },
    { "network", "s", &network },
    { "account", "s", &spec->account },
    { "limits", "a{sv}", &limits },
    { "restart", "s", &restart },
    { "health", "a{sv}", &health },
    { "sysctls", "a{ss}", &sysctls },
    { "shm-size", "t", &shm_size },
    { "egress", "as", &spec->egress },
    { "mounts", "a(hsa{sv})", &mounts },
    { "volumes", "a(ssa{sv})", &volumes },
    { "address", "s", &address },
    { "resolvers", "as", &resolvers },
    { ret_credentials ? "credentials" : NULL, "a{sh}", &credentials },
    { NULL, NULL, NULL },
  };

  bothy_arguments_get (arguments, "(ss@a{sv})", &spec->name, &spec->image, &options);
  spec->hostname = g_strdup (spec->name);
  if (!bothy_options_parse (options, table, error) ||
      (credentials && !bothy_credentials_parse (arguments, credentials, ret_credentials, error)))
    return NULL;
  spec->mounts = mounts ? bothy_mounts_parse (arguments, mounts, error) : bothy_mounts_new ();
  if (!spec->mounts || (volumes && !bothy_volumes_parse (spec->mounts, volumes, error)))
    return NULL;
  spec->network = bothy_container_network_parse (network, address, (const char *const *)resolvers, error);
  if (!spec->network || !check_spec (spec, error) || !parse_egress (spec, error) ||
      !parse_sysctls (spec, sysctls, error) || !parse_shm_size (spec, shm_size, error) ||
      !parse_restart (spec, restart, error) || (health && !parse_health (spec, health, error)) ||
      (limits && !bothy_limits_parse (limits, &spec->limits, error)) ||
      !check_account (spec, bothy_arguments_get_user (arguments), error))
    return NULL;
  return g_steal_pointer (&spec);
}

static gpointer
parse_create_container (BothyArguments *arguments, GError **error)
{
  return parse_spec (arguments, NULL, error);
}

const BothyRequestType bothy_manager_create_container_request = { parse_create_container,
                                                                  (GDestroyNotify)bothy_container_spec_free };

static void
ask_to_create (BothyCall *call, BothyContainerSpec *spec)
{
  polkit_details_insert (call->details, "container", spec->name);
  polkit_details_insert (call->details, "image", spec->image);
  bothy_limits_ask_to_exceed (call, &spec->limits, call->user);
  spec->granted_ranges = bothy_limits_ask_for_range (call);
}

gboolean
bothy_manager_check_create_container (BothyCall *call, GError **error)
{
  ask_to_create (call, call->request);
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
  g_set_object (&call->about, G_OBJECT (container));
  path = bothy_path_of_container (container->owner, container->spec->name);
  bothy_call_return (call, g_variant_new ("(o)", path));
}

static void
on_weighed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;

  bothy_call_weighed (call,
                      !bothy_admission_weigh_finish (bothy_registry_get_admission (call->registry), result));
}

/* A nic on a LAN that is not delegated to the caller takes an administrator's word. */
static void
weigh_network (BothyCall *call, const BothyContainerSpec *spec)
{
  const char *name = spec->network->bridge;
  BothyKnownBridge *bridge;
  GError *error = NULL;

  if (!name) {
    bothy_call_weighed (call, FALSE);
    return;
  }
  bridge = bothy_bridges_find_for (bothy_registry_get_bridges (call->registry), name, call->user, &error);
  if (bridge && bridge->is_default)
    error = g_error_new (BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                         "Option \"network\": for the bridge %s say \"nat\"", name);
  else if (bridge)
    check_address_on (bridge, spec->network->address, &error);
  if (error) {
    bothy_call_return_error (call, error);
    return;
  }
  polkit_details_insert (call->details, "bridge", name);
  bothy_admission_weigh (bothy_registry_get_admission (call->registry), call->user, bridge, on_weighed,
                         bothy_call_ref (call));
}

void
bothy_manager_weigh_create_container (BothyCall *call)
{
  weigh_network (call, call->request);
}

/* The bridge may have gone, or be another one's only, since polkit was asked: then the caller is told, and this is FALSE. */
static gboolean
settle_network (BothyCall *call, BothyContainerSpec *spec)
{
  GError *error = NULL;

  spec->network->allowed = call->may_use;
  if (!spec->network->bridge || bothy_bridges_find_for (bothy_registry_get_bridges (call->registry),
                                                        spec->network->bridge, call->user, &error))
    return TRUE;
  bothy_call_return_error (call, error);
  return FALSE;
}

void
bothy_manager_handle_create_container (BothyCall *call)
{
  if (!settle_network (call, call->request))
    return;
  bothy_registry_create (call->registry, call->user, g_steal_pointer (&call->request), on_created,
                         bothy_call_ref (call));
}

/* ---- Launch ---- */

typedef struct {
  BothyContainerSpec *spec; /* NULL once it was handed on */
  BothyRegistry *keeper;    /* of the container's name for USER, or NULL: it is not kept */
  guint32 user;
  BothyReference reference; /* of the image, for who has to get it */
  BothyCredentials *credentials;
  gboolean may_pull;
} LaunchRequest;

static void
launch_request_free (LaunchRequest *request)
{
  if (request->spec && request->keeper)
    bothy_registry_cancel_create (request->keeper, request->user, request->spec);
  g_clear_object (&request->keeper);
  g_clear_pointer (&request->spec, bothy_container_spec_free);
  bothy_reference_clear (&request->reference);
  g_clear_pointer (&request->credentials, bothy_credentials_unref);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LaunchRequest, launch_request_free)

static gpointer
parse_launch (BothyArguments *arguments, GError **error)
{
  g_autoptr (LaunchRequest) request = g_new0 (LaunchRequest, 1);

  request->spec = parse_spec (arguments, &request->credentials, error);
  /* What is no reference is a fingerprint, or a name that nobody else knows. */
  if (request->spec)
    bothy_reference_parse (request->spec->image, &request->reference, NULL);
  return request->spec ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_manager_launch_request = { parse_launch, (GDestroyNotify)launch_request_free };

/* Nobody has to be asked whether what is there already may be got. */
static gboolean
is_missing (BothyCall *call, const LaunchRequest *request)
{
  const char *name = request->spec->image;

  return request->reference.name && !g_str_equal (name, BOTHY_BUILTIN_ALIAS) &&
         !bothy_is_fingerprint_prefix (name) &&
         !bothy_image_store_find (bothy_registry_get_images (call->registry), call->user, name, NULL);
}

gboolean
bothy_manager_check_launch (BothyCall *call, GError **error)
{
  LaunchRequest *request = call->request;
  const BothyReference *reference = &request->reference;
  const char *remote = reference->registry ? reference->registry : reference->remote;

  /* Else it would be known only when the image has come. */
  if (!bothy_registry_check_create (call->registry, call->user, request->spec, error))
    return FALSE;
  ask_to_create (call, request->spec);
  g_clear_object (&call->also);
  if (is_missing (call, request)) {
    call->also = polkit_details_new ();
    polkit_details_insert (call->also, "image", reference->name);
    polkit_details_insert (call->also, "remote", remote ? remote : "");
  }
  return TRUE;
}

void
bothy_manager_weigh_launch (BothyCall *call)
{
  weigh_network (call, ((const LaunchRequest *)call->request)->spec);
}

static void
on_launched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  BothyRegistry *registry = BOTHY_REGISTRY (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyContainer) container = bothy_registry_launch_finish (registry, result, &error);
  g_autofree char *path = NULL;

  if (container)
    path = bothy_path_of_container (container->owner, container->spec->name);
  bothy_operation_complete (operation, path, error);
}

static void
launch (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  LaunchRequest *request = data;
  const BothyLaunch wanted = { .spec = g_steal_pointer (&request->spec),
                               .reference = request->may_pull ? &request->reference : NULL,
                               .credentials = request->credentials };

  bothy_registry_launch (registry, operation, &wanted, on_launched, operation);
}

void
bothy_manager_handle_launch (BothyCall *call)
{
  LaunchRequest *request = call->request;
  GError *error = NULL;

  if (!settle_network (call, request->spec))
    return;
  /* Also while it waits for its turn, or for an image: whoever comes second is told at once. */
  if (!bothy_registry_reserve_create (call->registry, call->user, request->spec, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  request->keeper = g_object_ref (call->registry);
  request->user = call->user;
  request->may_pull = call->also != NULL;
  bothy_call_return_operation (call, "launch-container", request->spec->name,
                               request->may_pull ? "looking" : "creating", launch);
}
