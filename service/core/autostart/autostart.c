/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/autostart/autostart.h"

#include "base/error.h"
#include "base/validate.h"

#include <string.h>

#define GROUP     "Autostart"
#define FIRST_MS  100
#define LAST_MS   60000
#define ON_FAILED "on-failure"

/* More than a user can have containers, for records that something else has written. */
#define MAX_CHAIN 20000

void
bothy_autostart_clear (BothyAutostart *self)
{
  g_free (self->after);
  *self = (BothyAutostart){ 0 };
}

void
bothy_autostart_copy (BothyAutostart *self, const BothyAutostart *other)
{
  *self = *other;
  self->after = g_strdup (other->after ? other->after : "");
}

/* ---- as texts ---- */

static const char *const modes[] = { "no", "boot", "login", "on-demand" };

const char *
bothy_autostart_mode_name (BothyAutostartMode mode)
{
  g_return_val_if_fail (mode < G_N_ELEMENTS (modes), "no");
  return modes[mode];
}

gboolean
bothy_autostart_parse_mode (const char *text, BothyAutostartMode *ret_mode, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (modes); i++) {
    *ret_mode = (BothyAutostartMode)i;
    if (g_str_equal (text, modes[i]))
      return TRUE;
  }
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "A container can be started at \"boot\", at \"login\", \"on-demand\", or \"no\"");
  return FALSE;
}

gboolean
bothy_autostart_check_delay (guint32 delay, GError **error)
{
  if (delay <= BOTHY_AUTOSTART_MAX_DELAY)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS, "Option \"delay\": at most %d seconds",
               BOTHY_AUTOSTART_MAX_DELAY);
  return FALSE;
}

gboolean
bothy_restart_parse (const char *text,
                     BothyRestartPolicy *ret_restart,
                     guint32 *ret_max_restarts,
                     GError **error)
{
  guint64 max = 0;

  *ret_restart = BOTHY_RESTART_NO;
  if (g_str_equal (text, "always"))
    *ret_restart = BOTHY_RESTART_ALWAYS;
  else if (g_str_equal (text, ON_FAILED) ||
           (g_str_has_prefix (text, ON_FAILED ":") &&
            bothy_parse_number (text + strlen (ON_FAILED ":"), 1, BOTHY_RESTART_MAX_IN_A_ROW, &max)))
    *ret_restart = BOTHY_RESTART_ON_FAILURE;
  else if (!g_str_equal (text, "no")) {
    g_set_error (
        error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
        "Option \"restart\": \"no\", \"always\", \"on-failure\", or \"on-failure:MAX\" with 1 to %d; one "
        "that was stopped stays so with each of them",
        BOTHY_RESTART_MAX_IN_A_ROW);
    return FALSE;
  }
  *ret_max_restarts = (guint32)max;
  return TRUE;
}

char *
bothy_restart_format (const BothyAutostart *self)
{
  if (self->restart == BOTHY_RESTART_NO)
    return g_strdup ("no");
  if (self->restart == BOTHY_RESTART_ALWAYS)
    return g_strdup ("always");
  return self->max_restarts > 0 ? g_strdup_printf (ON_FAILED ":%u", self->max_restarts)
                                : g_strdup (ON_FAILED);
}

/* ---- in the record ---- */

void
bothy_autostart_to_record (const BothyAutostart *self, GKeyFile *record)
{
  g_autofree char *restart = bothy_restart_format (self);
  gboolean has_after = self->after && *self->after;

  if (self->mode == BOTHY_AUTOSTART_NO && self->restart == BOTHY_RESTART_NO && !self->delay && !has_after)
    return;
  g_key_file_set_string (record, GROUP, "Mode", bothy_autostart_mode_name (self->mode));
  g_key_file_set_uint64 (record, GROUP, "Delay", self->delay);
  g_key_file_set_string (record, GROUP, "After", has_after ? self->after : "");
  g_key_file_set_string (record, GROUP, "Restart", restart);
}

gboolean
bothy_autostart_from_record (BothyAutostart *self, GKeyFile *record, GError **error)
{
  g_autofree char *mode = g_key_file_get_string (record, GROUP, "Mode", NULL);
  g_autofree char *restart = g_key_file_get_string (record, GROUP, "Restart", NULL);
  g_autofree char *after = g_key_file_get_string (record, GROUP, "After", NULL);
  guint64 delay = g_key_file_get_uint64 (record, GROUP, "Delay", NULL);

  self->after = g_strdup ("");
  if (!g_key_file_has_group (record, GROUP))
    return TRUE;
  if (!mode || !bothy_autostart_parse_mode (mode, &self->mode, NULL) || !restart ||
      !bothy_restart_parse (restart, &self->restart, &self->max_restarts, NULL) || !after ||
      (*after && !bothy_is_uuid (after)) || delay > BOTHY_AUTOSTART_MAX_DELAY) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_DEGRADED, "What it says of its start makes no sense");
    return FALSE;
  }
  self->delay = (guint32)delay;
  g_free (self->after);
  self->after = g_steal_pointer (&after);
  return TRUE;
}

GVariant *
bothy_autostart_to_variant (const BothyAutostart *self, const char *after)
{
  g_autofree char *restart = bothy_restart_format (self);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "mode",
                         g_variant_new_string (bothy_autostart_mode_name (self->mode)));
  g_variant_builder_add (&builder, "{sv}", "delay", g_variant_new_uint32 (self->delay));
  g_variant_builder_add (&builder, "{sv}", "after", g_variant_new_string (after));
  g_variant_builder_add (&builder, "{sv}", "restart", g_variant_new_string (restart));
  return g_variant_builder_end (&builder);
}

/* ---- the order ---- */

char **
bothy_autostart_find_circle (const char *id,
                             const char *after,
                             BothyAutostartAfter look_up,
                             gpointer user_data)
{
  g_autoptr (GPtrArray) way = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (way, g_strdup (id));
  /* A circle that ID is no part of ends here as well: it is not ID's doing. */
  while (after && *after && way->len < MAX_CHAIN) {
    g_ptr_array_add (way, g_strdup (after));
    if (g_str_equal (after, id)) {
      g_ptr_array_add (way, NULL);
      return (char **)g_ptr_array_free (g_steal_pointer (&way), FALSE);
    }
    after = look_up (after, user_data);
  }
  return NULL;
}

/* ---- starting again ---- */

gboolean
bothy_restart_is_wanted (const BothyAutostart *self, gboolean failed, int code, int signal)
{
  return self->restart == BOTHY_RESTART_ALWAYS ||
         (self->restart == BOTHY_RESTART_ON_FAILURE && (failed || code != 0 || signal != 0));
}

guint
bothy_restart_get_max (const BothyAutostart *self)
{
  return self->max_restarts > 0 ? self->max_restarts : BOTHY_RESTART_MAX_IN_A_ROW;
}

guint
bothy_restart_get_delay (guint n)
{
  guint ms = FIRST_MS;

  while (n > 1 && ms < LAST_MS) {
    ms *= 2;
    n--;
  }
  return MIN (ms, LAST_MS);
}
