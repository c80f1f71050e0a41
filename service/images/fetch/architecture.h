/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What uname -m says where Debian says NAME; NULL for one that is not known. */
const char *architecture_from_debian (const char *name);

/* Versions begin with their day: YYYYMMDD. */
gboolean architecture_is_version (const char *text);
