/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/*
 * How well what registries call OS, ARCHITECTURE and VARIANT runs on a MACHINE as uname -m
 * says it: 0 is not at all, more is better.
 */
guint platform_rank (const char *machine, const char *os, const char *architecture, const char *variant);
