/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Nics by hand that are being made, by the id of their alias: what a broker that was killed did not finish,
   the next one undoes. They are files in the directory DIRFD, which goes with the machine, as nics do. */
gboolean bothy_intent_begin (int dirfd, const char *id, GError **error);
void bothy_intent_end (int dirfd, const char *id);

/* (transfer full): those that were begun and not ended. */
char **bothy_intent_list (int dirfd);

G_END_DECLS
