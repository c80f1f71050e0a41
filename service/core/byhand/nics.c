/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/byhand/nics.h"

#include "base/error.h"
#include "base/fd.h"
#include "network/dhcp.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct _BothyByhandNics {
  GObject parent;
  BothyNetwork *network;
  BothyAdmission *admission;
  BothyHelperClient *helper;
  int attaching_fd;
  GHashTable *owners; /* id → owner */
};

G_DEFINE_FINAL_TYPE (BothyByhandNics, bothy_byhand_nics, G_TYPE_OBJECT)

enum { SETTLED, SURVEYED, N_SIGNALS };
static guint signals[N_SIGNALS];

BothyNetwork *
bothy_byhand_nics_get_network (BothyByhandNics *self)
{
  return self->network;
}

BothyAdmission *
bothy_byhand_nics_get_admission (BothyByhandNics *self)
{
  return self->admission;
}

BothyHelperClient *
bothy_byhand_nics_get_helper (BothyByhandNics *self)
{
  return self->helper;
}

guint
bothy_byhand_nics_count (BothyByhandNics *self)
{
  return g_hash_table_size (self->owners);
}

/* ---- those that are being made ---- */

/* A nic that is being made is an empty file called by its id. The directory goes when the machine does, and so
   do nics. */

gboolean
bothy_byhand_nics_begin (BothyByhandNics *self, const BothyNic *place, GError **error)
{
  g_autofree char *id = bothy_nic_id (place);
  autofd fd = -1;

  /* An attempt that did not get as far as a nic may have left one. */
  unlinkat (self->attaching_fd, id, 0);
  fd = openat (self->attaching_fd, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0)
    bothy_error_set_errno (error, errno, "Writing down that a nic is being made");
  return fd >= 0;
}

void
bothy_byhand_nics_complete (BothyByhandNics *self, const BothyNic *place)
{
  g_autofree char *id = bothy_nic_id (place);

  unlinkat (self->attaching_fd, id, 0);
}

/* The ids of those that an earlier broker began and did not complete. */
static char **
list_unfinished (int dirfd)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", dirfd);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    g_strv_builder_add (builder, name);
  return g_strv_builder_end (builder);
}

/* ---- those that are there ---- */

void
bothy_byhand_nics_add (BothyByhandNics *self, const BothyNic *place)
{
  g_hash_table_insert (self->owners, bothy_nic_id (place), GUINT_TO_POINTER (place->owner));
}

void
bothy_byhand_nics_forget (BothyByhandNics *self, const BothyNic *place)
{
  g_autofree char *id = bothy_nic_id (place);

  g_hash_table_remove (self->owners, id);
  bothy_byhand_nics_complete (self, place);
  g_signal_emit (self, signals[SETTLED], 0);
}

/* ---- surveys ---- */

static void
on_resumed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BothyNetworkConfig) config = bothy_nic_attach_finish (BOTHY_NETWORK (source), result, &error);

  if (!config)
    g_message ("Nics: %s", error->message);
}

typedef struct {
  BothyByhandNics *nics;
  BothyByhandSurvey kind;
  char *bridge;
  char **unfinished; /* as an earlier broker left them */
} Survey;

static void
survey_free (Survey *survey)
{
  g_object_unref (survey->nics);
  g_free (survey->bridge);
  g_strfreev (survey->unfinished);
  g_free (survey);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Survey, survey_free)

/* What was there and is no more went with its namespace; the filter has to forget it. */
static void
detach_missing (BothyByhandNics *self, GHashTable *present)
{
  GHashTableIter iter;
  gpointer id, owner;

  g_hash_table_iter_init (&iter, self->owners);
  while (g_hash_table_iter_next (&iter, &id, &owner)) {
    if (!g_hash_table_contains (present, id))
      bothy_network_detach (self->network, id, GPOINTER_TO_UINT (owner));
  }
}

static void
resume_or_undo (const Survey *survey, const char *alias, GHashTable *present)
{
  g_autoptr (BothyNic) place = bothy_nic_parse (alias);
  g_autofree char *place_id = place ? bothy_nic_id (place) : NULL;

  if (!place || bothy_nic_number (place) == 0)
    return;
  if (survey->kind == BOTHY_BYHAND_STARTED &&
      g_strv_contains ((const char *const *)survey->unfinished, place_id)) {
    bothy_network_detach (survey->nics->network, place_id, place->owner);
    return;
  }
  g_hash_table_insert (present, bothy_nic_id (place), GUINT_TO_POINTER (place->owner));
  if (survey->kind == BOTHY_BYHAND_STARTED || survey->kind == BOTHY_BYHAND_LOST ||
      (survey->kind == BOTHY_BYHAND_BRIDGE_UP && g_str_equal (survey->bridge, place->bridge)))
    bothy_nic_resume (survey->nics->network, place, NULL, NULL, on_resumed, NULL);
}

/* Leases of nics that are gone go, too. */
static void
tidy_leases (BothyByhandNics *self)
{
  g_autofree const char **ids = (const char **)g_hash_table_get_keys_as_array (self->owners, NULL);

  bothy_dhcp_tidy (BOTHY_NIC_BY_HAND, ids);
}

static void
on_surveyed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Survey) survey = user_data;
  BothyByhandNics *self = survey->nics;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) aliases = bothy_net_client_list_finish (BOTHY_NET_CLIENT (source), result, &error);
  g_autoptr (GHashTable) present = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (char **alias = aliases; alias && *alias; alias++)
    resume_or_undo (survey, *alias, present);
  if (!aliases)
    g_message ("Nics: %s", error->message);
  else {
    detach_missing (self, present);
    g_hash_table_unref (self->owners);
    self->owners = g_steal_pointer (&present);
  }
  for (char **id = survey->unfinished; aliases && *id; id++)
    unlinkat (self->attaching_fd, *id, 0);
  if (survey->kind == BOTHY_BYHAND_STARTED) {
    tidy_leases (self);
    g_signal_emit (self, signals[SURVEYED], 0);
  }
  g_signal_emit (self, signals[SETTLED], 0);
}

void
bothy_byhand_nics_survey (BothyByhandNics *self, BothyByhandSurvey kind, const char *bridge)
{
  Survey *survey;

  if (kind != BOTHY_BYHAND_STARTED && g_hash_table_size (self->owners) == 0)
    return;
  survey = g_new0 (Survey, 1);
  survey->nics = g_object_ref (self);
  survey->kind = kind;
  survey->bridge = g_strdup (bridge);
  survey->unfinished =
      kind == BOTHY_BYHAND_STARTED ? list_unfinished (self->attaching_fd) : g_new0 (char *, 1);
  bothy_net_client_list (bothy_network_get_nics (self->network), on_surveyed, survey);
}

/* ---- */

static void
bothy_byhand_nics_finalize (GObject *object)
{
  BothyByhandNics *self = BOTHY_BYHAND_NICS (object);

  g_hash_table_unref (self->owners);
  g_object_unref (self->network);
  g_object_unref (self->helper);
  G_OBJECT_CLASS (bothy_byhand_nics_parent_class)->finalize (object);
}

static void
bothy_byhand_nics_class_init (BothyByhandNicsClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_byhand_nics_finalize;
  signals[SETTLED] = g_signal_new ("settled", BOTHY_TYPE_BYHAND_NICS, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
  signals[SURVEYED] = g_signal_new ("surveyed", BOTHY_TYPE_BYHAND_NICS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                    NULL, G_TYPE_NONE, 0);
}

static void
bothy_byhand_nics_init (BothyByhandNics *self)
{
  self->owners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

BothyByhandNics *
bothy_byhand_nics_new (BothyNetwork *network,
                       BothyAdmission *admission,
                       BothyHelperClient *helper,
                       int attaching_fd)
{
  BothyByhandNics *self = g_object_new (BOTHY_TYPE_BYHAND_NICS, NULL);

  self->network = g_object_ref (network);
  self->admission = admission;
  self->helper = g_object_ref (helper);
  self->attaching_fd = attaching_fd;
  return self;
}
