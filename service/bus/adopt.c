/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ListAdoptable, PlanAdoption and AdoptContainer of org.bothy.Bothy1.Manager */
#include "config.h"

#include "bus/handlers.h"

#include "base/error.h"
#include "base/per-user.h"
#include "base/validate.h"
#include "bus/operation.h"
#include "bus/options.h"
#include "bus/paths.h"
#include "core/accounts/passwd.h"
#include "core/adopt/list.h"
#include "core/registry/adopt.h"
#include "core/registry/undo-adoption.h"
#include "platform/untrusted-fd.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/stat.h>

#define NO_OWNER   G_MAXUINT32 /* it is the caller's */
#define MAX_SOURCE 63
#define MAX_PLANS  2 /* of one user at once: each reads a whole tree */

typedef struct {
  BothyAdoptSource *source;
  guint32 owner;                  /* as the option has it */
  BothyContainerNetwork *network; /* or NULL: as the configuration says */
} AdoptRequest;

static void
adopt_request_free (AdoptRequest *request)
{
  g_clear_pointer (&request->source, bothy_adopt_source_free);
  g_clear_pointer (&request->network, bothy_container_network_free);
  g_free (request);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (AdoptRequest, adopt_request_free)

/* ---- what both take ---- */

/* A directory that the caller could open to read. */
static gboolean
check_tree (int fd, GError **error)
{
  int flags = fcntl (fd, F_GETFL);
  guint64 size;
  mode_t mode;

  if (flags >= 0 && !(flags & O_PATH) && bothy_untrusted_fd_stat (fd, &mode, &size) && S_ISDIR (mode))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "tree: the first is a directory that is open for reading (not with O_PATH)");
  return FALSE;
}

static gboolean
take_fds (BothyArguments *arguments, GVariant *handles, BothyAdoptSource *source, GError **error)
{
  gsize n = g_variant_n_children (handles);

  if (n == 0)
    return TRUE;
  if (n > 2 || (n == 2 && source->kind == BOTHY_ADOPT_DIRECTORY)) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "tree: the directory, and for lxc, nspawn and incus the configuration, or none");
    return FALSE;
  }
  source->fds = bothy_untrusted_fds_new ();
  for (gsize i = 0; i < n; i++) {
    gint32 handle;
    int fd;

    g_variant_get_child (handles, i, "h", &handle);
    fd = i == 0 ? bothy_arguments_dup_fd (arguments, handle, error)
                : bothy_arguments_dup_stream (arguments, handle, FALSE, "tree: the configuration", error);
    if (fd < 0)
      return FALSE;
    if ((i == 0 && !check_tree (fd, error)) || bothy_untrusted_fds_append (source->fds, fd, error) < 0) {
      bothy_untrusted_fd_close (fd);
      return FALSE;
    }
    bothy_untrusted_fd_close (fd);
  }
  bothy_untrusted_fds_set_user (source->fds, source->user);
  return TRUE;
}

/* What another tool calls it: not a path, nor what an administrator's question would show as something else. */
static gboolean
check_source (const BothyAdoptSource *source, GError **error)
{
  const char *text = source->source;
  gboolean is_good = strlen (text) <= MAX_SOURCE && *text != '.' && !strchr (text, '/');

  for (const char *c = text; *c && is_good; c++)
    is_good = g_ascii_isgraph (*c) && !strchr ("<>&\"'$", *c);
  if (source->kind == BOTHY_ADOPT_DIRECTORY)
    is_good = is_good && !*text && source->fds;
  else
    is_good = is_good && *text;
  if (is_good)
    return TRUE;
  if (source->kind == BOTHY_ADOPT_DIRECTORY)
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "A directory comes as a file descriptor of it, and has no source");
  else
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
        "Source: the container's name, of up to %d visible characters without / < > & \" ' and $, is "
        "wanted",
        MAX_SOURCE);
  return FALSE;
}

/* WAY as both methods have it, or NULL. Only root's containers stay where they are: there nobody but root changes the tree below
   a container of ours, and it is found again after a boot. */
static gboolean
take_way (BothyAdoptSource *source, const char *way, GError **error)
{
  source->in_place = g_strcmp0 (way, "in-place") == 0;
  if (way && !source->in_place && !g_str_equal (way, "copy")) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"way\": \"copy\" or \"in-place\" is wanted");
    return FALSE;
  }
  if (!source->in_place || !source->fds)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Only root's containers, by their names, can be adopted in place; adopt a copy");
  return FALSE;
}

/* KIND, SOURCE and HANDLES (ah) as both methods have them; it will be called NAME, and OWNER's, or NO_OWNER. */
static BothyAdoptSource *
parse_source (BothyArguments *arguments,
              const char *kind,
              const char *text,
              GVariant *handles,
              const char *name,
              guint32 owner,
              GError **error)
{
  g_autoptr (BothyAdoptSource) source = g_new0 (BothyAdoptSource, 1);

  source->source = g_strdup (text);
  source->name = g_strdup (name);
  source->user = bothy_arguments_get_user (arguments);
  source->owner = owner == NO_OWNER ? source->user : owner;
  if (!bothy_adopt_kind_parse (kind, &source->kind, error) || !take_fds (arguments, handles, source, error) ||
      !check_source (source, error) || !bothy_validate_name (name, "Name", error))
    return NULL;
  return g_steal_pointer (&source);
}

/* What an administrator reads. What the caller brings is called as he says. */
static const char *
question_of (const BothyAdoptSource *source)
{
  if (source->in_place)
    return N_ ("Authentication is required to let a container of $(owner-name) stand on the files of "
               "$(kind):$(source), "
               "which is root's, in place: until that is undone its own tool does not find it");
  return source->fds ? N_ ("Authentication is required to make a container of $(owner-name) of files that "
                           "$(user) has "
                           "and calls $(kind):$(source)")
                     : N_ ("Authentication is required to make a container of $(owner-name) of "
                           "$(kind):$(source), which "
                           "is root's");
}

static void
describe_source (BothyCall *call, const AdoptRequest *request)
{
  const BothyAdoptSource *source = request->source;
  g_autofree char *uid = g_strdup_printf ("%u", source->owner);
  g_autofree char *user = bothy_passwd_name (source->owner);
  g_autofree char *caller = bothy_passwd_name (call->user);

  polkit_details_insert (call->details, "kind", bothy_adopt_kind_name (source->kind));
  polkit_details_insert (call->details, "source", *source->source ? source->source : source->name);
  polkit_details_insert (call->details, "from", source->fds ? "caller" : "root");
  polkit_details_insert (call->details, "way", source->in_place ? "in-place" : "copy");
  polkit_details_insert (call->details, "container", source->name);
  polkit_details_insert (call->details, "owner", uid);
  polkit_details_insert (call->details, "owner-name", user ? user : uid);
  polkit_details_insert (call->details, "user", caller ? caller : "?");
  polkit_details_insert (call->details, "polkit.message", question_of (source));
  polkit_details_insert (call->details, "polkit.gettext_domain", GETTEXT_PACKAGE);
}

/* For the caller himself, or somebody who is. */
static gboolean
check_owner (const BothyCall *call, const AdoptRequest *request, GError **error)
{
  guint32 owner = request->source->owner;
  g_autofree char *name = owner == call->user ? NULL : bothy_passwd_name (owner);

  if (owner == call->user || name || owner == 0)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_ACCOUNT,
               "Option \"owner\": there is no account with the user id %u on this machine", owner);
  return FALSE;
}

/* What is root's, and what somebody else is to get, takes an administrator's word. */
static void
weigh (BothyCall *call)
{
  const AdoptRequest *request = call->request;

  bothy_call_weighed (call, !request->source->fds || request->source->owner != call->user);
}

/* The word is for root's container of that name. What the caller brings under the same name could be anybody's, which he
   happens to have open. */
static void
note_trust (BothyCall *call)
{
  AdoptRequest *request = call->request;

  request->source->trusted = call->user == 0 || (call->may_use && !request->source->fds);
}

/* ---- PlanAdoption ---- */

static gpointer
parse_plan_adoption (BothyArguments *arguments, GError **error)
{
  g_autoptr (AdoptRequest) request = g_new0 (AdoptRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) handles = NULL;
  g_autofree char *name = g_strdup ("adopted");
  g_autofree char *way = NULL;
  const BothyOption table[] = {
    { "name", "s", &name }, { "way", "s", &way }, { "owner", "u", &request->owner }, { NULL, NULL, NULL }
  };
  const char *kind, *source;

  bothy_arguments_get (arguments, "(&s&s@ah@a{sv})", &kind, &source, &handles, &options);
  request->owner = NO_OWNER;
  if (bothy_options_parse (options, table, error))
    request->source = parse_source (arguments, kind, source, handles, name, request->owner, error);
  return request->source && take_way (request->source, way, error) ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_manager_plan_adoption_request = { parse_plan_adoption,
                                                               (GDestroyNotify)adopt_request_free };

gboolean
bothy_manager_check_plan_adoption (BothyCall *call, GError **error)
{
  describe_source (call, call->request);
  return check_owner (call, call->request, error);
}

void
bothy_manager_weigh_plan_adoption (BothyCall *call)
{
  weigh (call);
}

static void
add_counts (GVariantDict *facts, const BothyAdoptSurvey *survey)
{
  static const char *const keys[] = { "setuid",  "capabilities", "acls",      "links",
                                      "devices", "sockets",      "immutable", "foreign" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    g_variant_dict_insert (facts, keys[i], "t", bothy_adopt_survey_count (survey, keys[i]));
}

static GVariant *
describe_survey (const BothyAdoptSurvey *survey, gboolean in_place)
{
  g_autofree char *map = bothy_adopt_map_describe (&survey->plan->map);
  g_autofree char *os = bothy_image_os_release_value (survey->unpacked->os_release, "PRETTY_NAME");
  g_autoptr (GError) obstacle = NULL;
  GVariantDict facts;

  g_variant_dict_init (&facts, NULL);
  g_variant_dict_insert (&facts, "map", "s", map);
  g_variant_dict_insert (&facts, "privileged", "b", bothy_adopt_map_is_privileged (&survey->plan->map));
  g_variant_dict_insert (&facts, "os", "s", os);
  g_variant_dict_insert (&facts, "architecture", "s", survey->unpacked->architecture);
  g_variant_dict_insert (&facts, "bytes", "t", survey->unpacked->bytes);
  g_variant_dict_insert (&facts, "files", "t", survey->unpacked->inodes);
  g_variant_dict_insert (&facts, "foreign-paths", "^as", survey->foreign);
  add_counts (&facts, survey);
  if (in_place)
    bothy_adopt_survey_check_in_place (survey, &obstacle);
  else
    bothy_adopt_survey_check (survey, &obstacle);
  g_variant_dict_insert (&facts, "obstacle", "s", obstacle ? obstacle->message : "");
  g_variant_dict_insert (&facts, "way", "s", in_place ? "in-place" : "copy");
  return g_variant_dict_end (&facts);
}

static BothyPerUser *
get_turns (void)
{
  static BothyPerUser *turns;

  if (!turns)
    turns = bothy_per_user_new (MAX_PLANS, 0);
  return turns;
}

static void
on_looked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  const AdoptRequest *request = call->request;
  GError *error = NULL;
  g_autoptr (BothyAdoptSurvey) survey = bothy_adopt_look_finish (result, &error);

  bothy_per_user_release (get_turns (), call->user);
  if (survey)
    bothy_call_return (call, g_variant_new ("(@a(ssss)@a{sv})", bothy_adopt_plan_to_variant (survey->plan),
                                            describe_survey (survey, request->source->in_place)));
  else
    bothy_call_return_error (call, error);
}

static void
look (gpointer data)
{
  BothyCall *call = data;
  const AdoptRequest *request = call->request;

  bothy_adopt_look (bothy_registry_get_helper (call->registry), request->source, call->client->gone,
                    on_looked, call);
}

void
bothy_manager_handle_plan_adoption (BothyCall *call)
{
  const AdoptRequest *request = call->request;
  GError *error = NULL;

  note_trust (call);
  if (!bothy_registry_check_not_in_place (call->registry, request->source, &error)) {
    bothy_call_return_error (call, error);
    return;
  }
  bothy_per_user_wait (get_turns (), call->user, look, bothy_call_ref (call));
}

/* ---- AdoptContainer ---- */

static gpointer
parse_adopt_container (BothyArguments *arguments, GError **error)
{
  static const char *const none[] = { NULL };
  g_autoptr (AdoptRequest) request = g_new0 (AdoptRequest, 1);
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) handles = NULL;
  g_autofree char *network = NULL;
  g_autofree char *way = NULL;
  const BothyOption table[] = { { "owner", "u", &request->owner },
                                { "way", "s", &way },
                                { "network", "s", &network },
                                { NULL, NULL, NULL } };
  const char *kind, *source, *name;

  bothy_arguments_get (arguments, "(&s&s@ah&s@a{sv})", &kind, &source, &handles, &name, &options);
  request->owner = NO_OWNER;
  if (!bothy_options_parse (options, table, error))
    return NULL;
  if (network && !g_str_equal (network, "nat") && !g_str_equal (network, "none")) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "Option \"network\": \"nat\" or \"none\" is wanted");
    return NULL;
  }
  if (network)
    request->network = bothy_container_network_parse (network, "", none, error);
  request->source = parse_source (arguments, kind, source, handles, name, request->owner, error);
  return request->source && take_way (request->source, way, error) ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_manager_adopt_container_request = { parse_adopt_container,
                                                                 (GDestroyNotify)adopt_request_free };

gboolean
bothy_manager_check_adopt_container (BothyCall *call, GError **error)
{
  describe_source (call, call->request);
  return check_owner (call, call->request, error);
}

void
bothy_manager_weigh_adopt_container (BothyCall *call)
{
  weigh (call);
}

static void
on_progress (const char *phase, double progress, guint64 bytes, gpointer user_data)
{
  BothyOperation *operation = user_data;

  bothy_operation_set_phase (operation, phase);
  bothy_operation_set_progress (operation, progress, bytes);
}

static void
on_warning (const char *text, gpointer user_data)
{
  bothy_operation_warn (user_data, text);
}

static void
on_adopted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyContainer) container =
      bothy_registry_adopt_finish (BOTHY_REGISTRY (source), result, &error);
  g_autofree char *path = NULL;

  if (container)
    path = bothy_path_of_container (container->owner, container->spec->name);
  bothy_operation_complete (operation, path, error);
}

static void
adopt_container (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  AdoptRequest *request = data;

  bothy_registry_adopt (registry, request->source, g_steal_pointer (&request->network), on_progress,
                        on_warning, operation, operation->cancellable, on_adopted, operation);
}

void
bothy_manager_handle_adopt_container (BothyCall *call)
{
  const AdoptRequest *request = call->request;

  note_trust (call);
  bothy_call_return_operation (call, "adopt-container", request->source->name, "reading", adopt_container);
}

/* ---- UndoAdoption ---- */

typedef struct {
  guint32 user;
} UndoRequest;

static gpointer
parse_undo_adoption (BothyArguments *arguments, GError **error)
{
  g_autofree UndoRequest *request = g_new0 (UndoRequest, 1);
  g_autoptr (GVariant) options = NULL;
  const BothyOption table[] = { { NULL, NULL, NULL } };

  bothy_arguments_get (arguments, "(@a{sv})", &options);
  request->user = bothy_arguments_get_user (arguments);
  return bothy_options_parse (options, table, error) ? g_steal_pointer (&request) : NULL;
}

const BothyRequestType bothy_container_undo_adoption_request = { parse_undo_adoption, g_free };

static void
on_undone (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyOperation) operation = user_data;
  g_autoptr (GError) error = NULL;

  bothy_registry_undo_adoption_finish (BOTHY_REGISTRY (source), result, &error);
  bothy_operation_complete (operation, NULL, error);
}

static void
undo_adoption (BothyRegistry *registry, BothyOperation *operation, GObject *target, gpointer data)
{
  const UndoRequest *request = data;

  bothy_registry_undo_adoption (registry, BOTHY_CONTAINER (target), request->user, on_undone, operation);
}

void
bothy_container_handle_undo_adoption (BothyCall *call)
{
  bothy_call_return_operation (call, "undo-adoption", BOTHY_CONTAINER (call->node->target)->spec->name,
                               "giving back", undo_adoption);
}

/* ---- ListAdoptable ---- */

gboolean
bothy_manager_check_list_adoptable (BothyCall *call, GError **error)
{
  polkit_details_insert (
      call->details, "polkit.message",
      N_ ("Authentication is required to see the containers of LXC, systemd-nspawn, Incus and LXD that "
          "are root's"));
  polkit_details_insert (call->details, "polkit.gettext_domain", GETTEXT_PACKAGE);
  return TRUE;
}

/* LIST as it is shown: of those that were adopted where they are, whose they are now. */
static GVariant *
mark_adopted (BothyRegistry *registry, GVariant *list)
{
  GVariantBuilder builder;
  GVariantIter iter;
  const char *kind_name, *name, *state, *directory;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssss)"));
  g_variant_iter_init (&iter, list);
  while (g_variant_iter_next (&iter, "(&s&s&s&s)", &kind_name, &name, &state, &directory)) {
    BothyAdoptKind kind = BOTHY_ADOPT_DIRECTORY;
    const BothyContainer *container = bothy_adopt_kind_parse (kind_name, &kind, NULL)
                                          ? bothy_registry_find_in_place (registry, kind, name)
                                          : NULL;
    g_autofree char *user = container ? bothy_passwd_name (container->owner) : NULL;
    g_autofree char *adopted =
        container ? g_strdup_printf ("adopted as %s by %s", container->spec->name, user ? user : "?") : NULL;

    g_variant_builder_add (&builder, "(ssss)", kind_name, name, adopted ? adopted : state, directory);
  }
  return g_variant_builder_end (&builder);
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BothyCall) call = user_data;
  g_autoptr (GVariant) list = bothy_adopt_list_finish (result);

  bothy_call_return (call, g_variant_new ("(@a(ssss))", mark_adopted (call->registry, list)));
}

void
bothy_manager_handle_list_adoptable (BothyCall *call)
{
  bothy_adopt_list (on_listed, bothy_call_ref (call));
}
