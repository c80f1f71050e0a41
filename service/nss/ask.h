/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "protocol.h"

/*
 * Asks bothyd for NAME, if it is one of ours; never for longer than two seconds. Returns whether there was
 * an answer, which may be that there is no such name.
 */
int ask (const char *name, struct names_reply *ret);
