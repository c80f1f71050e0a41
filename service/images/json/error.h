/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "images/fetch/protocol.h"

/* The codes are those of enum fetch_error. */
#define FETCH_ERROR (fetch_error_quark ())
GQuark fetch_error_quark (void);
