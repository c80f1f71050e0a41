/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http.h"

/* Gets HTTP tokens to read REPOSITORY, which is kept, as the registry says where they are had. */
/* KNOWN is a token that was given before, or "": when it does not hold any more, another one is asked for. */
void token_prepare (Http *http, const char *repository, const char *known);
