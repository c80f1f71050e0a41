/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/plan.h"

G_BEGIN_DECLS

/* Let LINE of PLAN, of which key and value are there, become what it becomes: its outcome and text, and what changes in the
   plan's spec, map and tree. FALSE with INVALID_ARGS: a container with this can not be adopted. */
gboolean bothy_adopt_take_line (BothyAdoptPlan *plan, BothyAdoptLine *line, GError **error);

G_END_DECLS
