/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "state.h"

#include <glib/gi18n.h>
#include <string.h>

#include "../report.h"
#include "../words.h"

static gboolean
is_one_of (AppObject *container, const char *const *states)
{
  return g_strv_contains (states, app_object_text (container, "State"));
}

gboolean
app_state_is_running (AppObject *container)
{
  return is_one_of (container, (const char *const[]){ "running", "freezing", "frozen", "stopping", NULL });
}

gboolean
app_state_is_moving (AppObject *container)
{
  return is_one_of (container, (const char *const[]){ "starting", "freezing", "stopping", NULL });
}

char *
app_state_dup_address (AppObject *container)
{
  g_auto (GStrv) addresses = app_object_texts (container, "Addresses");
  const char *best = addresses[0];

  for (gsize i = 0; addresses[i]; i++)
    if (strchr (addresses[i], '.')) {
      best = addresses[i];
      break;
    }
  return best ? g_strndup (best, strcspn (best, "/")) : NULL;
}

char *
app_state_dup_line (AppObject *container)
{
  const char *state = app_object_text (container, "State");
  const char *reason = app_words_reason (app_object_text (container, "StateReason"));
  g_autofree char *address = app_state_dup_address (container);

  if (g_str_equal (state, "failed") && reason)
    /* Translators: a state, and how it came to that: Failed: It used all its memory */
    return g_strdup_printf (_ ("%s: %s"), app_words_state (state), reason);
  if (g_str_equal (state, "running") && address)
    return g_steal_pointer (&address);
  return g_strdup (app_words_state (state));
}

void
app_state_toggle (GtkWidget *widget, AppObject *container)
{
  const char *name = app_object_text (container, "Name");
  const char *state = app_object_text (container, "State");
  g_autofree char *what = NULL;

  if (g_str_equal (state, "frozen")) {
    what = g_strdup_printf (_ ("“%s” does not go on"), name);
    app_report_call (widget, container, "Thaw", NULL, what);
  } else if (app_state_is_running (container)) {
    what = g_strdup_printf (_ ("“%s” was not stopped"), name);
    app_report_call (widget, container, "Stop", g_variant_new ("(a{sv})", NULL), what);
  } else {
    what = g_strdup_printf (_ ("“%s” was not started"), name);
    app_report_call (widget, container, "Start", g_variant_new ("(a{sv})", NULL), what);
  }
}
