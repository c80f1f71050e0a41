/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/quota.h"

#include "base/error.h"

struct _BothyQuota {
  guint64 max_bytes;
  BothyQuotaCollect collect;
  gpointer data;
  GPtrArray *budgets;  /* BothyBudget, which are the imports' */
  GPtrArray *readings; /* BothyReading, which are the readers' */
};

struct _BothyBudget {
  BothyQuota *quota;
  guint32 user;
  guint64 kept;
  guint64 written;
};

struct _BothyReading {
  BothyQuota *quota;
  guint32 user;
  GPtrArray *layers;
};

/* ---- what is taken ---- */

/* The set of layers that count as USER's. */
static GHashTable *
layers_of (BothyQuota *self, guint32 user)
{
  GHashTable *layers = g_hash_table_new (NULL, NULL);

  self->collect (self->data, user, layers);
  for (guint i = 0; i < self->readings->len; i++) {
    const BothyReading *reading = self->readings->pdata[i];

    for (guint j = 0; reading->user == user && j < reading->layers->len; j++)
      g_hash_table_add (layers, reading->layers->pdata[j]);
  }
  return layers;
}

static guint64
count_bytes (GHashTable *layers)
{
  guint64 bytes = 0;
  GHashTableIter iter;
  gpointer layer;

  g_hash_table_iter_init (&iter, layers);
  while (g_hash_table_iter_next (&iter, &layer, NULL))
    bytes += ((const BothyLayer *)layer)->size;
  return bytes;
}

guint64
bothy_quota_used (BothyQuota *self, guint32 user)
{
  g_autoptr (GHashTable) layers = layers_of (self, user);

  return count_bytes (layers);
}

static guint64
count_coming (const BothyQuota *self, guint32 user)
{
  guint64 bytes = 0;

  for (guint i = 0; i < self->budgets->len; i++) {
    const BothyBudget *budget = self->budgets->pdata[i];

    if (budget->user == user)
      bytes += budget->kept + budget->written;
  }
  return bytes;
}

static void
set_quota_error (const BothyQuota *self, GError **error)
{
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
               "Your images take all of your %" G_GUINT64_FORMAT " bytes; remove one first", self->max_bytes);
}

gboolean
bothy_quota_check_room (BothyQuota *self, guint32 user, GHashTable *layers, GError **error)
{
  g_autoptr (GHashTable) together = layers_of (self, user);
  GHashTableIter iter;
  gpointer layer;

  g_hash_table_iter_init (&iter, layers);
  while (g_hash_table_iter_next (&iter, &layer, NULL))
    g_hash_table_add (together, layer);
  if (count_bytes (together) + count_coming (self, user) <= self->max_bytes)
    return TRUE;
  set_quota_error (self, error);
  return FALSE;
}

/* ---- what comes in ---- */

static guint64
count_taken (const BothyBudget *self)
{
  return bothy_quota_used (self->quota, self->user) + count_coming (self->quota, self->user);
}

BothyBudget *
bothy_quota_begin (BothyQuota *self, guint32 user, GError **error)
{
  g_autoptr (BothyBudget) budget = g_new0 (BothyBudget, 1);

  budget->quota = self;
  budget->user = user;
  g_ptr_array_add (self->budgets, budget);
  if (bothy_budget_left (budget) > 0)
    return g_steal_pointer (&budget);
  set_quota_error (self, error);
  return NULL;
}

void
bothy_budget_free (BothyBudget *self)
{
  g_ptr_array_remove_fast (self->quota->budgets, self);
  g_free (self);
}

guint32
bothy_budget_get_user (const BothyBudget *self)
{
  return self->user;
}

guint64
bothy_budget_left (const BothyBudget *self)
{
  guint64 taken = count_taken (self);

  return taken < self->quota->max_bytes ? self->quota->max_bytes - taken : 0;
}

void
bothy_budget_keep (BothyBudget *self, guint64 bytes)
{
  self->kept += bytes;
}

gboolean
bothy_budget_note (BothyBudget *self, guint64 bytes)
{
  self->written = bytes;
  return count_taken (self) <= self->quota->max_bytes;
}

/* ---- what is read ---- */

BothyReading *
bothy_quota_begin_reading (BothyQuota *self, guint32 user)
{
  BothyReading *reading = g_new0 (BothyReading, 1);

  reading->quota = self;
  reading->user = user;
  reading->layers = g_ptr_array_new ();
  g_ptr_array_add (self->readings, reading);
  return reading;
}

void
bothy_reading_free (BothyReading *self)
{
  g_ptr_array_remove_fast (self->quota->readings, self);
  g_ptr_array_unref (self->layers);
  g_free (self);
}

void
bothy_reading_add (BothyReading *self, BothyLayer *layer)
{
  g_ptr_array_add (self->layers, layer);
}

GPtrArray *
bothy_reading_get_layers (BothyReading *self)
{
  return self->layers;
}

/* ---- */

BothyQuota *
bothy_quota_new (guint64 max_bytes, BothyQuotaCollect collect, gpointer data)
{
  BothyQuota *self = g_new0 (BothyQuota, 1);

  self->max_bytes = max_bytes;
  self->collect = collect;
  self->data = data;
  self->budgets = g_ptr_array_new ();
  self->readings = g_ptr_array_new ();
  return self;
}

void
bothy_quota_free (BothyQuota *self)
{
  g_ptr_array_unref (self->budgets);
  g_ptr_array_unref (self->readings);
  g_free (self);
}
