/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/runner-private.h"

#define MAX_REBOOTS    10 /* within REBOOT_SECONDS */
#define REBOOT_SECONDS 10

/* One that does nothing else would keep the machine busy with making namespaces. */
gboolean
bothy_runner_may_reboot (BothyRunner *self, BothyContainer *container)
{
  gint64 now = g_get_monotonic_time ();

  if (now - container->reboots_since > REBOOT_SECONDS * G_USEC_PER_SEC) {
    container->reboots_since = now;
    container->n_reboots = 0;
  }
  if (++container->n_reboots <= MAX_REBOOTS)
    return TRUE;
  /* Who starts it again has as many once more. */
  container->reboots_since = 0;
  container->reboot = FALSE;
  container->last_error =
      (g_free (container->last_error),
       g_strdup_printf ("It rebooted more than %d times within %d seconds; \"bothy start\" starts it again",
                        MAX_REBOOTS, REBOOT_SECONDS));
  container->state = BOTHY_CONTAINER_FAILED;
  bothy_runner_save (self, container);
  bothy_container_emit_changed (container);
  return FALSE;
}
