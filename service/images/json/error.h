/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "images/json/protocol.h"

/* The domain of errors whose codes are those of enum fetch_error. */
#define FETCH_ERROR (fetch_error_quark ())

/* For G_DEFINE_QUARK(). */
GQuark fetch_error_quark (void);

/* Sets ERROR: FETCH_UNSUPPORTED, an image of N layers. Returns FALSE. */
gboolean fetch_refuse_layers (guint n, GError **error);
