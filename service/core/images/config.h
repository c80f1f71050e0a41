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
} BothyImageConfig;

/* In the numbers of enum fetch_setting. */
typedef enum {
  BOTHY_IMAGE_CONFIG_ENVIRONMENT = 1,
  BOTHY_IMAGE_CONFIG_ENTRYPOINT = 2,
  BOTHY_IMAGE_CONFIG_COMMAND = 3,
  BOTHY_IMAGE_CONFIG_USER = 4,
  BOTHY_IMAGE_CONFIG_DIRECTORY = 5,
  BOTHY_IMAGE_CONFIG_STOP_SIGNAL = 6,
} BothyImageConfigField;

BothyImageConfig *bothy_image_config_new (void);
void bothy_image_config_free (BothyImageConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyImageConfig, bothy_image_config_free)

/* Take VALUE, a stranger's text; of a list each comes alone, in order. BAD_ARCHIVE when it can not be that.
   What would do no harm, such as a stop signal that nobody knows, is left out. */
gboolean bothy_image_config_take (BothyImageConfig *self,
                                  BothyImageConfigField which,
                                  const char *value,
                                  GError **error);

/* From an image's record; NULL: it says nothing. */
BothyImageConfig *bothy_image_config_from_record (GKeyFile *record);
void bothy_image_config_to_record (const BothyImageConfig *self, GKeyFile *record);

/* As Image.Configuration shows them, an a{sv}; SELF may be NULL. */
GVariant *bothy_image_config_to_variant (const BothyImageConfig *self);

/*
 * Complete SPEC as docker does: the image's environment below the owner's, user and directory where he says
 * none; the entrypoint before the command, his in place of the image's. SELF may be NULL.
 */
void bothy_image_config_apply (const BothyImageConfig *self, BothyContainerSpec *spec);

/* ABOVE, and what BELOW has of other names. */
char **bothy_image_config_merge (const char *const *below, const char *const *above);

G_END_DECLS
