/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "images/fetch/protocol.h"
#include "images/json/error.h"

/* NAME:PASSWORD of FD as Basic wants it; NULL if FD is -1. */
gboolean login_read (int fd, char **ret_text, GError **error);
