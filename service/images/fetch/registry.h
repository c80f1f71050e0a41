/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "http.h"

/* FETCH_RESOLVE of a registry: sends the manifest for the machine, its layers and settings. */
gboolean registry_resolve (Http *http, Channel *channel, GError **error);

/* FETCH_DOWNLOAD of a layer: as http_download(), with tokens where they are wanted. */
gboolean registry_download (Http *http, Channel *channel, char **ret_sha256, GError **error);
