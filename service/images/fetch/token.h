/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http.h"

/* Gets HTTP tokens to read REPOSITORY, which is kept, as the registry says where they are had. */
void token_prepare (Http *http, const char *repository);
