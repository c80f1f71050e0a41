/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/change.h"

struct _BothyChange {
  BothyContainers *containers;
  BothyContainer *container;
  gboolean ended;
  BothyChangeUndo undo; /* NULL: there is nothing to take back */
  gpointer before;
  GDestroyNotify free_before;
};

BothyChange *
bothy_change_begin (BothyContainers *containers, BothyContainer *container, const char *what, GError **error)
{
  BothyChange *self;

  if (!bothy_container_begin (container, what, error))
    return NULL;
  self = g_new0 (BothyChange, 1);
  self->containers = g_object_ref (containers);
  self->container = g_object_ref (container);
  return self;
}

BothyContainer *
bothy_change_get_container (const BothyChange *self)
{
  return self->container;
}

static void
forget_before (BothyChange *self)
{
  if (self->undo)
    self->free_before (self->before);
  self->undo = NULL;
}

gboolean
bothy_change_record (
    BothyChange *self, BothyChangeUndo undo, gpointer before, GDestroyNotify free_before, GError **error)
{
  gboolean saved = bothy_containers_save (self->containers, self->container, error);

  forget_before (self);
  self->undo = undo;
  self->before = before;
  self->free_before = free_before;
  if (saved)
    return TRUE;
  undo (self->containers, self->container, before);
  forget_before (self);
  return FALSE;
}

gboolean
bothy_change_roll_back (BothyChange *self)
{
  g_autoptr (GError) error = NULL;

  if (!self->undo)
    return TRUE;
  self->undo (self->containers, self->container, self->before);
  forget_before (self);
  if (bothy_containers_save (self->containers, self->container, &error))
    return TRUE;
  g_warning ("Container %s: %s", self->container->id, error->message);
  return FALSE;
}

void
bothy_change_end (BothyChange *self)
{
  if (self->ended)
    return;
  self->ended = TRUE;
  bothy_container_end (self->container);
}

void
bothy_change_free (BothyChange *self)
{
  bothy_change_end (self);
  forget_before (self);
  g_object_unref (self->container);
  g_object_unref (self->containers);
  g_free (self);
}
