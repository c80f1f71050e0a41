/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <gio/gio.h>

static const char *const names[] = {
  [BOTHY_ERROR_FAILED] = "Failed",
  [BOTHY_ERROR_INVALID_ARGS] = "InvalidArgs",
  [BOTHY_ERROR_NO_SUCH_CONTAINER] = "NoSuchContainer",
  [BOTHY_ERROR_CONTAINER_EXISTS] = "ContainerExists",
  [BOTHY_ERROR_NO_CONTAINER_FOR_PID] = "NoContainerForPID",
  [BOTHY_ERROR_NO_SUCH_IMAGE] = "NoSuchImage",
  [BOTHY_ERROR_IMAGE_IN_USE] = "ImageInUse",
  [BOTHY_ERROR_QUOTA_EXCEEDED] = "QuotaExceeded",
  [BOTHY_ERROR_LIMITS_EXCEEDED] = "LimitsExceeded",
  [BOTHY_ERROR_NO_FREE_RANGE] = "NoFreeRange",
  [BOTHY_ERROR_DEGRADED] = "Degraded",
  [BOTHY_ERROR_WRONG_STATE] = "WrongState",
  [BOTHY_ERROR_BUSY] = "Busy",
  [BOTHY_ERROR_PORT_IN_USE] = "PortInUse",
  [BOTHY_ERROR_START_FAILED] = "StartFailed",
  [BOTHY_ERROR_IDMAP_UNSUPPORTED] = "IdmapUnsupported",
  [BOTHY_ERROR_NO_SUCH_USER] = "NoSuchUser",
  [BOTHY_ERROR_NO_SUCH_PROGRAM] = "NoSuchProgram",
  [BOTHY_ERROR_NOT_EXECUTABLE] = "NotExecutable",
  [BOTHY_ERROR_NO_SUCH_USER_MAPPING] = "NoSuchUserMapping",
  [BOTHY_ERROR_BAD_ARCHIVE] = "BadArchive",
  [BOTHY_ERROR_NO_SPACE] = "NoSpace",
  [BOTHY_ERROR_CANCELLED] = "Cancelled",
  [BOTHY_ERROR_NOT_YOURS] = "NotYours",
  [BOTHY_ERROR_ALREADY_MAPPED] = "AlreadyMapped",
  [BOTHY_ERROR_PARTIAL_MAP] = "PartialMap",
  [BOTHY_ERROR_NO_SUCH_BRIDGE] = "NoSuchBridge",
  [BOTHY_ERROR_BRIDGE_EXISTS] = "BridgeExists",
  [BOTHY_ERROR_BRIDGE_IN_USE] = "BridgeInUse",
  [BOTHY_ERROR_NOT_MANAGED] = "NotManaged",
  [BOTHY_ERROR_NO_SUCH_ACCOUNT] = "NoSuchAccount",
  [BOTHY_ERROR_NO_SUCH_REMOTE] = "NoSuchRemote",
  [BOTHY_ERROR_REMOTE_FAILED] = "RemoteFailed",
  [BOTHY_ERROR_NOT_VERIFIED] = "NotVerified",
  [BOTHY_ERROR_MOUNT_FAILED] = "MountFailed",
  [BOTHY_ERROR_NO_SUCH_MOUNT] = "NoSuchMount",
  [BOTHY_ERROR_NO_SUCH_SNAPSHOT] = "NoSuchSnapshot",
  [BOTHY_ERROR_SNAPSHOT_EXISTS] = "SnapshotExists",
  [BOTHY_ERROR_UNKNOWN_OBJECT] = "UnknownObject",
  [BOTHY_ERROR_UNKNOWN_METHOD] = "UnknownMethod",
  [BOTHY_ERROR_NOT_AUTHORIZED] = "NotAuthorized",
  [BOTHY_ERROR_NOT_AUTHORIZED_CAN_OBTAIN] = "NotAuthorizedCanObtain",
  [BOTHY_ERROR_NOT_AUTHORIZED_DISMISSED] = "NotAuthorizedDismissed",
};
G_STATIC_ASSERT (G_N_ELEMENTS (names) == BOTHY_N_ERRORS);

G_DEFINE_QUARK (bothy - error - quark, bothy_error)

const char *
bothy_error_name (BothyErrorCode code)
{
  g_return_val_if_fail (code < BOTHY_N_ERRORS, names[BOTHY_ERROR_FAILED]);
  return names[code];
}

BothyErrorCode
bothy_error_get_code (const GError *error)
{
  if (error->domain == BOTHY_ERROR)
    return (BothyErrorCode)error->code;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return BOTHY_ERROR_CANCELLED;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE) ||
      g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    return BOTHY_ERROR_NO_SPACE;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES) ||
      g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_MFILE) ||
      g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NFILE))
    return BOTHY_ERROR_LIMITS_EXCEEDED;
  return BOTHY_ERROR_FAILED;
}

void
bothy_error_adopt (GError **error, const char *context)
{
  g_autoptr (GError) old = NULL;

  if (!error || !*error || (*error)->domain == BOTHY_ERROR)
    return;
  old = g_steal_pointer (error);
  g_set_error (error, BOTHY_ERROR, bothy_error_get_code (old), "%s: %s", context, old->message);
}

void
bothy_error_set_errno (GError **error, int number, const char *context)
{
  BothyErrorCode code = BOTHY_ERROR_FAILED;

  if (number == ENOSPC || number == EDQUOT)
    code = BOTHY_ERROR_NO_SPACE;
  else if (number == EMFILE || number == ENFILE)
    code = BOTHY_ERROR_LIMITS_EXCEEDED;
  g_set_error (error, BOTHY_ERROR, code, "%s: %s", context, g_strerror (number));
}
