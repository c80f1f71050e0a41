/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "platform/capabilities.h"

#include "base/error.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

gboolean
bothy_capabilities_drop_all (GError **error)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

  struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];

  /* Systemd's unit leaves none, nor the system call to change that. */
  if (syscall (SYS_capget, &header, now) == 0 && !(now[0].permitted | now[1].permitted))
    return TRUE;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall (SYS_capset, &header, none) == 0)
    return TRUE;
  bothy_error_set_errno (error, errno, "Giving up capabilities");
  return FALSE;
}
