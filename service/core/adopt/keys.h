/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/plan.h"

G_BEGIN_DECLS

/*
 * The plan for a container that will be called NAME. CONFIGURATION is what UNPACK_CONFIGURATION says of one of KIND; NULL:
 * there is none. (transfer full); NULL with INVALID_ARGS: its tree is not to be adopted, or its ids make no map.
 */
BothyAdoptPlan *bothy_adopt_read_configuration (BothyAdoptKind kind,
                                                const char *name,
                                                const char *configuration,
                                                GError **error);

G_END_DECLS
