/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

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

/* One that says nothing yet. (transfer full) */
BothyImageConfig *bothy_image_config_new (void);

/* Free it with all texts. */
void bothy_image_config_free (BothyImageConfig *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyImageConfig, bothy_image_config_free)

/*
 * Take VALUE, a stranger's text, as the setting WHICH; of a list each word comes alone, in order. FALSE with BAD_ARCHIVE:
 * it can not be that. What would do no harm, such as a stop signal that nobody knows, is left out.
 */
gboolean bothy_image_config_take (BothyImageConfig *self,
                                  BothyImageConfigField which,
                                  const char *value,
                                  GError **error);

/* Whether it says what its containers run. */
gboolean bothy_image_config_has_command (const BothyImageConfig *self);

/* From an image's RECORD (transfer full); NULL: the image says nothing of its containers. */
BothyImageConfig *bothy_image_config_from_record (GKeyFile *record);

/* Into an image's RECORD. */
void bothy_image_config_to_record (const BothyImageConfig *self, GKeyFile *record);

/* An a{sv} as the property Image.Configuration shows it (floating); SELF may be NULL. */
GVariant *bothy_image_config_to_variant (const BothyImageConfig *self);

G_END_DECLS
