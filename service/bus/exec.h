/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/options.h"
#include "core/container/process.h"

G_BEGIN_DECLS

/* What callers say of a program that is put into a container, however its streams get to them. */

/* One that says nothing yet. (transfer full) */
BothyProcessSpec *bothy_process_spec_new (void);

#define BOTHY_PROCESS_N_OPTIONS 4

/* Write into TABLE, of BOTHY_PROCESS_N_OPTIONS and more, the options that all such methods have, for SPEC; that for "argv" goes to
   GIVEN. */
void bothy_process_spec_fill_options (BothyProcessSpec *spec, char ***given, BothyOption *table);

/* Once the arguments and options are in SPEC: its argv is the argument or, taken over, GIVEN. FALSE with INVALID_ARGS, also
   where the kernel or the container would refuse what was said. */
gboolean bothy_process_spec_settle (BothyProcessSpec *spec, char ***given, GError **error);

G_END_DECLS
