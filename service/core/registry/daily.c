/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done once a day: when the service begins, and again while it stays. */
#include "core/registry/registry-private.h"

#include "core/images/day-counter.h"
#include "core/images/expiry.h"

#define DAY_SECONDS (24 * 60 * 60)

static gboolean
on_day (gpointer user_data)
{
  BothyRegistry *self = user_data;

  bothy_image_store_begin_day (self->images,
                               bothy_day_counter_count (self->state_fd, bothy_day_counter_today ()));
  return G_SOURCE_CONTINUE;
}

void
bothy_registry_begin_days (BothyRegistry *self)
{
  on_day (self);
  self->day_timer = g_timeout_add_seconds (DAY_SECONDS, on_day, self);
}
