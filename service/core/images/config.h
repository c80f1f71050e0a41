/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* How an image says that a container of it can be asked whether it is well. */
typedef struct {
  GPtrArray *
      test; /* char *, NULL at the end: "NONE", "CMD" and words, or "CMD-SHELL" and a command; empty: not said */
  guint64 interval, timeout, start_period, start_interval; /* µs, 0: not said, as in the next */
  guint64 retries;
} BothyImageHealth;

/* What an image says of its containers: of OCI's and docker's configuration what means something here. */
typedef struct {
  GPtrArray
      *environment; /* char *, NULL at the end, as in all lists: NAME=VALUE, or NAME alone: without it */
  GPtrArray *entrypoint;
  GPtrArray *command;
  char *user;
  char *directory;
  int stop_signal;    /* 0: that of whatever runs */
  GPtrArray *volumes; /* absolute paths */
  GPtrArray *ports;   /* PORT/PROTOCOL, or FIRST-LAST/PROTOCOL; tcp or udp */
  GPtrArray *labels;  /* NAME=VALUE */
  BothyImageHealth health;
} BothyImageConfig;

/* In the numbers of enum fetch_setting. */
typedef enum {
  BOTHY_IMAGE_CONFIG_ENVIRONMENT = 1,
  BOTHY_IMAGE_CONFIG_ENTRYPOINT = 2,
  BOTHY_IMAGE_CONFIG_COMMAND = 3,
  BOTHY_IMAGE_CONFIG_USER = 4,
  BOTHY_IMAGE_CONFIG_DIRECTORY = 5,
  BOTHY_IMAGE_CONFIG_STOP_SIGNAL = 6,
  BOTHY_IMAGE_CONFIG_VOLUME = 7,
  BOTHY_IMAGE_CONFIG_PORT = 8,
  BOTHY_IMAGE_CONFIG_HEALTH_TEST = 9,
  BOTHY_IMAGE_CONFIG_HEALTH_NUMBER = 10,
  BOTHY_IMAGE_CONFIG_LABEL = 11,
} BothyImageConfigField;

/* One that says nothing yet. (transfer full) */
BothyImageConfig *bothy_image_config_new (void);

/* A copy of SELF. (transfer full) */
BothyImageConfig *bothy_image_config_copy (const BothyImageConfig *self);

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

/* Into an image's RECORD. What the image does not say of volumes and of what follows them leaves no key there: the
   fingerprint of an image is made of its record, and an image that says nothing new keeps its own. */
void bothy_image_config_to_record (const BothyImageConfig *self, GKeyFile *record);

/* An a{sv} as the property Image.Configuration shows it (floating); SELF may be NULL. */
GVariant *bothy_image_config_to_variant (const BothyImageConfig *self);

G_END_DECLS
