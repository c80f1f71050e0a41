/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "images/json/error.h"

/* From here on: no file is written, no namespace made, nothing of the kernel's that a download does not need.
 */
gboolean confine (GError **error);
