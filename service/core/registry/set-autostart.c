/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/registry/set-autostart.h"

#include "base/error.h"
#include "base/fault.h"
#include "core/registry/change.h"

void
bothy_autostart_change_free (BothyAutostartChange *change)
{
  g_free (change->after);
  g_free (change);
}

/* ---- how many ---- */

gboolean
bothy_registry_check_autostarts (BothyRegistry *self,
                                 BothyContainer *container,
                                 const BothyAutostartChange *change,
                                 GError **error)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));
  guint max = bothy_registry_get_configuration (self)->max_autostarts, has = 0;

  if (!change->has_mode || change->values.mode == BOTHY_AUTOSTART_NO ||
      container->spec->autostart.mode != BOTHY_AUTOSTART_NO)
    return TRUE;
  for (GList *l = containers; l; l = l->next) {
    const BothyContainer *other = l->data;

    has += other->owner == container->owner && other->spec->autostart.mode != BOTHY_AUTOSTART_NO;
  }
  if (has < max)
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_QUOTA_EXCEEDED,
      "%u containers of yours are started by themselves, and a user may have %u of these; take one from "
      "them first (\"bothy autostart NAME no\")",
      has, max);
  return FALSE;
}

/* ---- the order ---- */

static const char *
look_up_after (const char *id, gpointer containers)
{
  const BothyContainer *container = bothy_containers_find_by_id (containers, id);

  return container ? container->spec->autostart.after : NULL;
}

/* "a → b → a", of ids. */
static char *
describe_circle (BothyContainers *containers, char **ids)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (char **id = ids; *id; id++) {
    const BothyContainer *container = bothy_containers_find_by_id (containers, *id);

    g_string_append_printf (text, "%s%s", text->len > 0 ? " → " : "",
                            container ? container->spec->name : "?");
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* The container called NAME that CONTAINER is to come after. (transfer none); NULL with ERROR. */
static BothyContainer *
find_first (BothyContainers *containers, BothyContainer *container, const char *name, GError **error)
{
  BothyContainer *first = bothy_containers_find (containers, container->owner, name);
  g_auto (GStrv) circle = NULL;
  g_autofree char *described = NULL;

  if (!first) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_NO_SUCH_CONTAINER,
                 "Option \"after\": %s's owner has no container %s", container->spec->name, name);
    return NULL;
  }
  circle = bothy_autostart_find_circle (container->id, first->id, look_up_after, containers);
  if (!circle)
    return first;
  described = describe_circle (containers, circle);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Option \"after\": container %s would wait for itself: %s; take one of them out of the circle "
               "first (\"bothy autostart NAME --after ''\")",
               container->spec->name, described);
  return NULL;
}

/* ---- changing it ---- */

typedef struct {
  BothyAutostart autostart;
  char *after;
} Before;

static void
before_free (gpointer data)
{
  Before *before = data;

  bothy_autostart_clear (&before->autostart);
  g_free (before->after);
  g_free (before);
}

static void
restore_autostart (BothyContainers *containers, BothyContainer *container, gpointer data)
{
  const Before *before = data;

  bothy_container_set_autostart (container, &before->autostart, before->after);
}

/* Whether a container is started unasked at all. */
static gboolean
has_any (BothyRegistry *self)
{
  g_autoptr (GList) containers = bothy_containers_list (bothy_registry_get_containers (self));

  for (GList *l = containers; l; l = l->next) {
    if (BOTHY_CONTAINER (l->data)->spec->autostart.mode != BOTHY_AUTOSTART_NO)
      return TRUE;
  }
  return FALSE;
}

/* A mark too many costs a start of bothyd at boot, so it comes first, and goes last. */
static void
clear_needless_mark (BothyRegistry *self)
{
  g_autoptr (GError) error = NULL;

  if (!has_any (self) && !bothy_marks_set_any (bothy_registry_get_marks (self), FALSE, &error))
    g_warning ("Autostart: %s", error->message);
}

/* What CONTAINER will have, by CHANGE; it comes after FIRST, or NULL. */
static void
apply_change (BothyRegistry *self,
              BothyContainer *container,
              const BothyAutostartChange *change,
              const BothyContainer *first)
{
  const char *boot = bothy_marks_get_boot (bothy_registry_get_marks (self));
  BothyAutostart now = container->spec->autostart;
  g_auto (GStrv) texts = g_new0 (char *, 3);

  texts[0] = g_strdup (change->after ? first ? first->id : "" : now.after);
  texts[1] = g_strdup (change->after ? first ? first->spec->name : "" : container->after);
  now.after = texts[0];
  if (change->has_mode)
    now.mode = change->values.mode;
  if (change->has_delay)
    now.delay = change->values.delay;
  if (change->has_restart) {
    now.restart = change->values.restart;
    now.max_restarts = change->values.max_restarts;
  }
  bothy_container_set_autostart (container, &now, texts[1]);
  /* From the next boot on; and nothing that ended before is started again. */
  if (change->has_mode)
    bothy_container_set_boot (container, boot);
  if (!bothy_container_is_active (container) &&
      (!container->due ||
       (container->n_restarts > 0 ? now.restart == BOTHY_RESTART_NO : now.mode == BOTHY_AUTOSTART_NO)))
    bothy_container_set_unwanted (container);
}

/* CHANGE is what the caller asked for, or what he has already. */
static gboolean
check_ephemeral (BothyContainer *container, const BothyAutostartChange *change, GError **error)
{
  if (!container->spec->ephemeral || !((change->has_mode && change->values.mode != BOTHY_AUTOSTART_NO) ||
                                       (change->has_restart && change->values.restart != BOTHY_RESTART_NO)))
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Container %s is ephemeral: it goes when it ends, and can not be started after that",
               container->spec->name);
  return FALSE;
}

static gboolean
record_change (BothyRegistry *self,
               BothyChange *step,
               const BothyAutostartChange *change,
               const BothyContainer *first,
               GError **error)
{
  BothyContainer *container = bothy_change_get_container (step);
  Before *before;

  if (change->has_mode && change->values.mode != BOTHY_AUTOSTART_NO &&
      !bothy_marks_set_any (bothy_registry_get_marks (self), TRUE, error))
    return FALSE;
  BOTHY_FAULT_POINT ("autostart.marked");
  before = g_new0 (Before, 1);
  bothy_autostart_copy (&before->autostart, &container->spec->autostart);
  before->after = g_strdup (container->after);
  apply_change (self, container, change, first);
  return bothy_change_record (step, restore_autostart, before, before_free, error);
}

gboolean
bothy_registry_set_autostart (BothyRegistry *self,
                              BothyContainer *container,
                              const BothyAutostartChange *change,
                              GError **error)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  BothyContainer *first = NULL;
  g_autoptr (BothyChange) step = NULL;
  gboolean changed;

  if (!check_ephemeral (container, change, error))
    return FALSE;
  if (change->after && *change->after) {
    first = find_first (containers, container, change->after, error);
    if (!first)
      return FALSE;
  }
  step = bothy_change_begin (containers, container, "changing when it starts", error);
  changed = step && record_change (self, step, change, first, error);
  BOTHY_FAULT_POINT ("autostart.recorded");
  clear_needless_mark (self);
  return changed;
}

/* ---- keeping up ---- */

/* Those that come after ID are told what it is called: NAME, "" when it is gone. */
static void
tell_followers (BothyContainers *containers, const char *id, const char *name)
{
  g_autoptr (GList) list = bothy_containers_list (containers);

  for (GList *l = list; l; l = l->next) {
    BothyContainer *container = l->data;

    if (g_str_equal (container->spec->autostart.after, id))
      bothy_container_set_autostart (container, &container->spec->autostart, name);
  }
}

static void
on_added (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  tell_followers (containers, container->id, container->spec->name);
}

static void
on_removed (BothyContainers *containers, BothyContainer *container, gpointer user_data)
{
  tell_followers (containers, container->id, "");
  clear_needless_mark (user_data);
}

void
bothy_registry_watch_autostarts (BothyRegistry *self)
{
  BothyContainers *containers = bothy_registry_get_containers (self);
  g_autoptr (GList) list = bothy_containers_list (containers);

  for (GList *l = list; l; l = l->next) {
    BothyContainer *container = l->data;
    const BothyContainer *first = bothy_containers_find_by_id (containers, container->spec->autostart.after);

    if (first)
      bothy_container_set_autostart (container, &container->spec->autostart, first->spec->name);
  }
  g_signal_connect_object (containers, "added", G_CALLBACK (on_added), self, 0);
  g_signal_connect_object (containers, "removed", G_CALLBACK (on_removed), self, 0);
  if (has_any (self))
    bothy_marks_set_any (bothy_registry_get_marks (self), TRUE, NULL);
  else
    clear_needless_mark (self);
}
