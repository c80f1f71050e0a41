/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Everything that can go wrong as a caller sees it; bothy_error_name() has the names. */
typedef enum {
  BOTHY_ERROR_FAILED,
  BOTHY_ERROR_INVALID_ARGS,
  BOTHY_ERROR_NO_SUCH_CONTAINER,
  BOTHY_ERROR_CONTAINER_EXISTS,
  BOTHY_ERROR_NO_CONTAINER_FOR_PID,
  BOTHY_ERROR_NO_SUCH_IMAGE,
  BOTHY_ERROR_IMAGE_IN_USE,
  BOTHY_ERROR_QUOTA_EXCEEDED,
  BOTHY_ERROR_LIMITS_EXCEEDED,
  BOTHY_ERROR_NO_FREE_RANGE,
  BOTHY_ERROR_DEGRADED,
  BOTHY_ERROR_WRONG_STATE,
  BOTHY_ERROR_BUSY,
  BOTHY_ERROR_PORT_IN_USE,
  BOTHY_ERROR_START_FAILED,
  BOTHY_ERROR_IDMAP_UNSUPPORTED,
  BOTHY_ERROR_NO_SUCH_USER,
  BOTHY_ERROR_NO_SUCH_PROGRAM,
  BOTHY_ERROR_NOT_EXECUTABLE,
  BOTHY_ERROR_NO_SUCH_USER_MAPPING,
  BOTHY_ERROR_BAD_ARCHIVE,
  BOTHY_ERROR_NO_SPACE,
  BOTHY_ERROR_CANCELLED,
  BOTHY_ERROR_NOT_YOURS,
  BOTHY_ERROR_ALREADY_MAPPED,
  BOTHY_ERROR_PARTIAL_MAP,
  BOTHY_ERROR_NO_SUCH_BRIDGE,
  BOTHY_ERROR_BRIDGE_EXISTS,
  BOTHY_ERROR_BRIDGE_IN_USE,
  BOTHY_ERROR_NOT_MANAGED,
  BOTHY_ERROR_NO_SUCH_ACCOUNT,
  BOTHY_ERROR_NO_SUCH_REMOTE,
  BOTHY_ERROR_REMOTE_FAILED,
  BOTHY_ERROR_NOT_VERIFIED,
  BOTHY_ERROR_MOUNT_FAILED,
  BOTHY_ERROR_NO_SUCH_MOUNT,
  BOTHY_ERROR_DEVICE_FAILED,
  BOTHY_ERROR_DEVICE_EXISTS,
  BOTHY_ERROR_NO_SUCH_DEVICE,
  BOTHY_ERROR_NO_SUCH_SNAPSHOT,
  BOTHY_ERROR_SNAPSHOT_EXISTS,
  BOTHY_ERROR_NO_SUCH_VOLUME,
  BOTHY_ERROR_VOLUME_EXISTS,
  BOTHY_ERROR_VOLUME_IN_USE,
  BOTHY_ERROR_CRASHED,
  BOTHY_ERROR_OUT_OF_MEMORY,
  BOTHY_ERROR_GAVE_UP,
  BOTHY_ERROR_UNKNOWN_OBJECT,
  BOTHY_ERROR_UNKNOWN_METHOD,
  BOTHY_ERROR_UNKNOWN_INTERFACE,
  BOTHY_ERROR_UNKNOWN_PROPERTY,
  BOTHY_ERROR_PROPERTY_READ_ONLY,
  BOTHY_ERROR_NOT_AUTHORIZED,
  BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN,
  BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED,
  BOTHY_N_ERRORS,
} BothyErrorCode;

#define BOTHY_ERROR (bothy_error_quark ())

/* The domain of BothyErrorCode. */
GQuark bothy_error_quark (void);

/* What ERROR, of whatever domain, is called on the bus: FAILED, unless there is a code for its kind. */
BothyErrorCode bothy_error_get_code (const GError *error);

/* CODE's name on the bus, such as "org.bothy.Bothy1.Error.NoSuchContainer"; what D-Bus itself has a name for has that. */
const char *bothy_error_name (BothyErrorCode code);

/* The code that is called NAME on the bus; FAILED if none is. */
BothyErrorCode bothy_error_from_name (const char *name);

/* Let ERROR, if it is one of ours, say VALUE of KEY ("program"), for programs that make sentences of their own: copies of the error say it,
   too. What is not UTF-8 of VALUE becomes U+FFFD. */
void bothy_error_set_detail (GError *error, const char *key, const char *value);

/* All details of ERROR (NULL: none): a{ss}, floating. */
GVariant *bothy_error_details_to_variant (const GError *error);

/* Make a G_IO_ERROR, or an errno in any other domain, one of ours; CONTEXT goes before
   its text. ENOSPC and EDQUOT become NO_SPACE, EMFILE and ENFILE LIMITS_EXCEEDED, cancellation CANCELLED. */
void bothy_error_adopt (GError **error, const char *context);

/* Set ERROR from an errno value, with the same rules. */
void bothy_error_set_errno (GError **error, int number, const char *context);

G_END_DECLS
