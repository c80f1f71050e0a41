/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "freeze.h"

#include "autofd.h"
#include "clock.h"

int
freeze_begin (struct freezer *freezer, const struct cgroup *cgroup)
{
  freezer->events = cgroup_open_events (cgroup);
  if (freezer->events < 0) {
    int r = freezer->events;
    freezer->events = -1;
    return r;
  }
  /* Read before it is asked for: a poll only tells of what changed since the last read. */
  int r = cgroup_is_frozen (freezer->events);
  if (r == 0)
    r = cgroup_set_frozen (cgroup, true);
  if (r == 0)
    r = cgroup_is_frozen (freezer->events);
  freezer->deadline = clock_ms () + FREEZE_DEADLINE_MS;
  if (r != 0)
    freeze_end (freezer);
  return r;
}

int
freeze_check (struct freezer *freezer, const struct cgroup *cgroup)
{
  int r = cgroup_is_frozen (freezer->events);

  if (r == 0 && clock_ms () < freezer->deadline)
    return 0;
  if (r == 0) {
    (void)cgroup_set_frozen (cgroup, false);
    r = -ETIMEDOUT;
  }
  freeze_end (freezer);
  return r;
}

int
freeze_timeout (const struct freezer *freezer)
{
  return freezer->events < 0 ? -1 : clock_until (freezer->deadline);
}

void
freeze_end (struct freezer *freezer)
{
  drop_fd (&freezer->events);
}
