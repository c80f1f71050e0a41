/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http.h"

/* FETCH_RESOLVE and FETCH_SEARCH: reads the remote's catalogue and sends records. */
gboolean resolve_run (Http *http, Channel *channel, GError **error);
