/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking after the nics in namespaces that users made. */
#include "core/byhand/nics.h"

#include "core/byhand/intent.h"
#include "core/registry/registry-private.h"
#include "network/dhcp.h"

static void
on_resumed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyNetworkConfig) config = bothy_nic_attach_finish (BOTHY_NETWORK (source), result, &error);

  if (!config)
    g_message ("Nics: %s", error->message);
}

typedef struct {
  BothyRegistry *registry;
  BothyByhandSurvey kind;
  char *bridge;
  char **unfinished; /* as an earlier broker left them */
} Survey;

static void
survey_free (Survey *survey)
{
  g_object_unref (survey->registry);
  g_free (survey->bridge);
  g_strfreev (survey->unfinished);
  g_free (survey);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Survey, survey_free)

/* What was there and is no more went with its namespace; the filter has to forget it. */
static void
let_go (BothyRegistry *self, GHashTable *present)
{
  GHashTableIter iter;
  gpointer id, owner;

  g_hash_table_iter_init (&iter, self->hand_nics);
  while (g_hash_table_iter_next (&iter, &id, &owner)) {
    if (!g_hash_table_contains (present, id))
      bothy_network_detach (self->network, id, GPOINTER_TO_UINT (owner));
  }
}

static void
look_at (const Survey *survey, const char *alias, GHashTable *present)
{
  g_autoptr (BothyNic) place = bothy_nic_parse (alias);
  g_autofree char *place_id = place ? bothy_nic_id (place) : NULL;

  if (!place || bothy_nic_number (place) == 0)
    return;
  if (survey->kind == BOTHY_BYHAND_STARTED &&
      g_strv_contains ((const char *const *)survey->unfinished, place_id)) {
    bothy_network_detach (survey->registry->network, place_id, place->owner);
    return;
  }
  g_hash_table_insert (present, bothy_nic_id (place), GUINT_TO_POINTER (place->owner));
  if (survey->kind == BOTHY_BYHAND_STARTED || survey->kind == BOTHY_BYHAND_LOST ||
      (survey->kind == BOTHY_BYHAND_BRIDGE_UP && g_str_equal (survey->bridge, place->bridge)))
    bothy_nic_resume (survey->registry->network, place, NULL, NULL, on_resumed, NULL);
}

static void
tidy (BothyRegistry *self)
{
  g_autofree const char **ids = (const char **)g_hash_table_get_keys_as_array (self->hand_nics, NULL);

  bothy_dhcp_tidy (BOTHY_NIC_BY_HAND, ids);
  if (bothy_registry_needs_network (self))
    bothy_network_tidy (self->network);
  else
    bothy_network_release (self->network);
}

static void
on_surveyed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Survey) survey = user_data;
  BothyRegistry *self = survey->registry;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, &error);
  g_autoptr (GHashTable) present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (char **alias = aliases; alias && *alias; alias++)
    look_at (survey, *alias, present);
  if (!aliases)
    g_message ("Nics: %s", error->message);
  else {
    let_go (self, present);
    g_hash_table_unref (self->hand_nics);
    self->hand_nics = g_steal_pointer (&present);
  }
  for (char **id = survey->unfinished; aliases && survey->kind == BOTHY_BYHAND_STARTED && *id; id++)
    bothy_intent_end (self->attaching_fd, *id);
  if (survey->kind == BOTHY_BYHAND_STARTED)
    tidy (self);
  bothy_registry_check_network (self);
}

void
bothy_byhand_survey_nics (BothyRegistry *registry, BothyByhandSurvey kind, const char *bridge)
{
  Survey *survey;

  if (kind != BOTHY_BYHAND_STARTED && g_hash_table_size (registry->hand_nics) == 0)
    return;
  survey = g_new0 (Survey, 1);
  survey->registry = g_object_ref (registry);
  survey->kind = kind;
  survey->bridge = g_strdup (bridge);
  survey->unfinished =
      kind == BOTHY_BYHAND_STARTED ? bothy_intent_list (registry->attaching_fd) : g_new0 (char *, 1);
  bothy_net_client_list (bothy_network_get_nics (registry->network), on_surveyed, survey);
}
