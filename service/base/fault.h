/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "config.h"

/*
 * A named point between two effects. In a build made for tests (-Dfault_points=true)
 * the process dies there when the environment's BOTHY_FAULT names it; the tests visit
 * every point and look at what a new daemon makes of the rest. Otherwise: nothing.
 */
#if FAULT_POINTS
#include <glib.h>
#include <signal.h>
#define BOTHY_FAULT_POINT(name)                                                                              \
  G_STMT_START                                                                                               \
  {                                                                                                          \
    if (g_strcmp0 (g_getenv ("BOTHY_FAULT"), name) == 0)                                                     \
      raise (SIGKILL);                                                                                       \
  }                                                                                                          \
  G_STMT_END
#else
#define BOTHY_FAULT_POINT(name)
#endif
