/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/sweep.h"

#include "platform/scopes.h"

#define PATTERN "bothy-*.scope"

static void
call (GDBusConnection *bus,
      const char *method,
      GVariant *args,
      const char *type,
      GAsyncReadyCallback callback,
      gpointer user_data)
{
  g_dbus_connection_call (bus, BOTHY_SYSTEMD_NAME, BOTHY_SYSTEMD_PATH, BOTHY_SYSTEMD_MANAGER, method, args,
                          G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NONE, BOTHY_SYSTEMD_TIMEOUT, NULL,
                          callback, user_data);
}

typedef struct {
  char *description;
  GHashTable *kept; /* names of units */
} Sweep;

static void
sweep_free (Sweep *self)
{
  g_free (self->description);
  g_hash_table_unref (self->kept);
  g_free (self);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sweep, sweep_free)

static Sweep *
sweep_new (const char *description, GHashTable *groups)
{
  Sweep *self = g_new0 (Sweep, 1);
  GHashTableIter iter;
  gpointer group;

  self->description = g_strdup (description);
  self->kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_iter_init (&iter, groups);
  while (g_hash_table_iter_next (&iter, &group, NULL))
    g_hash_table_add (self->kept, g_path_get_basename (group));
  return self;
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Sweep) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariantIter) units = NULL;
  const char *name, *description;

  if (!reply) {
    g_debug ("systemd did not list scopes that are left: %s", error->message);
    return;
  }
  g_variant_get (reply, "(a(ssssssouso))", &units);
  while (g_variant_iter_next (units, "(&s&sssssouso)", &name, &description, NULL, NULL, NULL, NULL, NULL,
                              NULL, NULL, NULL)) {
    if (g_str_equal (description, self->description) && !g_hash_table_contains (self->kept, name))
      call (G_DBUS_CONNECTION (source), "StopUnit", g_variant_new ("(ss)", name, "replace"), "(o)", NULL,
            NULL);
  }
}

void
bothy_sweep_scopes (GDBusConnection *bus, const char *description, GHashTable *kept)
{
  const char *patterns[] = { PATTERN };

  call (bus, "ListUnitsByPatterns",
        g_variant_new ("(@as@as)", g_variant_new_strv (NULL, 0), g_variant_new_strv (patterns, 1)),
        "(a(ssssssouso))", on_listed, sweep_new (description, kept));
}
