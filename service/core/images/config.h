/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "core/container/container.h"

G_BEGIN_DECLS

/* What an image says of its containers: of OCI's configuration what means something here. */
typedef struct {
  GPtrArray *environment; /* char *, NULL at the end, as in the next two: NAME=VALUE */
  GPtrArray *entrypoint;
  GPtrArray *command;
  char *user;
  char *directory;
  int stop_signal; /* 0: that of whatever runs */
} BothyDefaults;

/* In the numbers of enum fetch_setting. */
typedef enum {
  BOTHY_DEFAULT_ENVIRONMENT = 1,
  BOTHY_DEFAULT_ENTRYPOINT = 2,
  BOTHY_DEFAULT_COMMAND = 3,
  BOTHY_DEFAULT_USER = 4,
  BOTHY_DEFAULT_DIRECTORY = 5,
  BOTHY_DEFAULT_STOP_SIGNAL = 6,
} BothyDefault;

BothyDefaults *bothy_defaults_new (void);
void bothy_defaults_free (BothyDefaults *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyDefaults, bothy_defaults_free)

/* Take VALUE, a stranger's text; of a list each comes alone, in order. BAD_ARCHIVE when it can not be that.
   What would do no harm, such as a stop signal that nobody knows, is left out. */
gboolean bothy_defaults_take (BothyDefaults *self, BothyDefault which, const char *value, GError **error);

/* From an image's record; NULL: it says nothing. */
BothyDefaults *bothy_defaults_from_record (GKeyFile *record);
void bothy_defaults_to_record (const BothyDefaults *self, GKeyFile *record);

/* As Image.Configuration shows them, an a{sv}; SELF may be NULL. */
GVariant *bothy_defaults_to_variant (const BothyDefaults *self);

/*
 * Complete SPEC as docker does: the image's environment below the owner's, user and directory where he says
 * none; the entrypoint before the command, his in place of the image's. SELF may be NULL.
 */
void bothy_defaults_apply (const BothyDefaults *self, BothyContainerSpec *spec);

/* ABOVE, and what BELOW has of other names. */
char **bothy_defaults_merge (const char *const *below, const char *const *above);

G_END_DECLS
