/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/bridges/delegations.h"

#include "core/accounts/nss.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/validate.h"

#include "storage/record.h"

#include <string.h>

#define RECORD     "delegations"
#define MAX_NUMBER 4096u /* what fits into a record by far */

struct _BothyDelegations {
  int dirfd;
  GPtrArray *all; /* BothyDelegation */
  gboolean degraded;
};

static void
delegation_free (BothyDelegation *delegation)
{
  g_free (delegation->bridge);
  g_free (delegation->principal);
  g_free (delegation);
}

static BothyDelegation *
delegation_new (const char *bridge, const char *principal, guint32 id, guint quota)
{
  BothyDelegation *delegation = g_new0 (BothyDelegation, 1);

  delegation->bridge = g_strdup (bridge);
  delegation->principal = g_strdup (principal);
  delegation->id = id;
  delegation->quota = quota;
  return delegation;
}

static BothyDelegation *
find (BothyDelegations *self, const char *bridge, const char *principal)
{
  for (guint i = 0; i < self->all->len; i++) {
    BothyDelegation *delegation = self->all->pdata[i];

    if (g_str_equal (delegation->bridge, bridge) && g_str_equal (delegation->principal, principal))
      return delegation;
  }
  return NULL;
}

/* Users first: what somebody has for himself is used up before what he shares. */
static int
compare (gconstpointer a, gconstpointer b)
{
  const BothyDelegation *const *left = a, *const *right = b;
  gboolean left_group = (*left)->principal[0] == '@', right_group = (*right)->principal[0] == '@';

  return left_group != right_group ? left_group - right_group
                                   : strcmp ((*left)->principal, (*right)->principal);
}

GPtrArray *
bothy_delegations_list (BothyDelegations *self, const char *bridge)
{
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < self->all->len; i++) {
    if (g_str_equal (((BothyDelegation *)self->all->pdata[i])->bridge, bridge))
      g_ptr_array_add (list, self->all->pdata[i]);
  }
  g_ptr_array_sort (list, compare);
  return list;
}

/* ---- the record ---- */

/* One group for each: "BRIDGE PRINCIPAL". */
static gboolean
save (BothyDelegations *self, GError **error)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();

  for (guint i = 0; i < self->all->len; i++) {
    const BothyDelegation *delegation = self->all->pdata[i];
    g_autofree char *group = g_strdup_printf ("%s %s", delegation->bridge, delegation->principal);

    g_key_file_set_uint64 (record, group, "Id", delegation->id);
    g_key_file_set_uint64 (record, group, "Quota", delegation->quota);
  }
  BOTHY_FAULT_POINT ("delegate.before-record");
  return bothy_record_write (self->dirfd, RECORD, record, BOTHY_RECORD_DURABLE, error);
}

static gboolean
read_one (BothyDelegations *self, GKeyFile *record, const char *group)
{
  g_auto (GStrv) parts = g_strsplit (group, " ", 2);
  g_autoptr (GError) error = NULL;
  guint64 id = g_key_file_get_uint64 (record, group, "Id", &error);
  guint64 quota = error ? 0 : g_key_file_get_uint64 (record, group, "Quota", &error);

  if (error || !parts[0] || !parts[1] || !bothy_is_interface_name (parts[0]) ||
      !bothy_account_check_principal (parts[1], NULL) || id >= G_MAXUINT32 || quota < 1 ||
      quota > BOTHY_MAX_DELEGATION)
    return FALSE;
  g_ptr_array_add (self->all, delegation_new (parts[0], parts[1], (guint32)id, (guint)quota));
  return TRUE;
}

static gboolean
read_all (BothyDelegations *self, GKeyFile *record)
{
  g_auto (GStrv) groups = g_key_file_get_groups (record, NULL);

  for (char **group = groups; *group; group++) {
    if (!read_one (self, record, *group)) {
      g_warning ("Delegations: the record makes no sense at [%s]", *group);
      return FALSE;
    }
  }
  return TRUE;
}

/* ---- changes ---- */

static gboolean
may_change (BothyDelegations *self, GError **error)
{
  if (!self->degraded)
    return TRUE;
  g_set_error_literal (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED,
                       "The record of delegations can not be read; see the journal of bothyd");
  return FALSE;
}

gboolean
bothy_delegations_set (BothyDelegations *self,
                       const char *bridge,
                       const char *principal,
                       guint32 id,
                       guint quota,
                       GError **error)
{
  BothyDelegation *present = find (self, bridge, principal);
  guint32 old_id = present ? present->id : 0;
  guint old_quota = present ? present->quota : 0;

  if (!may_change (self, error))
    return FALSE;
  if (!present && self->all->len >= MAX_NUMBER) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED, "There are %u delegations already",
                 MAX_NUMBER);
    return FALSE;
  }
  if (present) {
    present->id = id;
    present->quota = quota;
  } else
    g_ptr_array_add (self->all, delegation_new (bridge, principal, id, quota));
  if (save (self, error))
    return TRUE;
  if (present) {
    present->id = old_id;
    present->quota = old_quota;
  } else
    g_ptr_array_remove_index (self->all, self->all->len - 1);
  return FALSE;
}

gboolean
bothy_delegations_remove (BothyDelegations *self, const char *bridge, const char *principal, GError **error)
{
  BothyDelegation *present = find (self, bridge, principal);
  guint index;

  if (!may_change (self, error))
    return FALSE;
  if (!present) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Nothing on the bridge %s is delegated to %s",
                 bridge, principal);
    return FALSE;
  }
  g_ptr_array_find (self->all, present, &index);
  present = g_ptr_array_steal_index (self->all, index);
  if (save (self, error)) {
    delegation_free (present);
    return TRUE;
  }
  g_ptr_array_add (self->all, present);
  return FALSE;
}

BothyDelegations *
bothy_delegations_new (int dirfd)
{
  BothyDelegations *self = g_new0 (BothyDelegations, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GKeyFile) record = bothy_record_read (dirfd, RECORD, &error);

  self->dirfd = dirfd;
  self->all = g_ptr_array_new_with_free_func ((GDestroyNotify)delegation_free);
  if (record)
    self->degraded = !read_all (self, record);
  else if (!g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
    g_warning ("Delegations: %s", error->message);
    self->degraded = TRUE;
  }
  if (self->degraded)
    g_ptr_array_set_size (self->all, 0);
  return self;
}

void
bothy_delegations_free (BothyDelegations *self)
{
  g_ptr_array_unref (self->all);
  g_free (self);
}
