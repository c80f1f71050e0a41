/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Give up every capability of this thread's sets, for good; call it while there is one thread
   that matters: others were made by GLib and run none of our code. capabilities(7). */
gboolean bothy_capabilities_drop_all (GError **error);
