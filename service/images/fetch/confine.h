/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "images/fetch/protocol.h"
#include "images/json/error.h"

/*
 * From here on this process writes no file but through descriptors that are open, makes no
 * namespace, accepts no connection, and reaches nothing of the kernel's that a download does not need; nobody
 * of its uid reads its memory. Returns FALSE with FETCH_FAILED as ERROR: the process must then end.
 */
gboolean confine (GError **error);
