/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

uint64_t
privilege_permitted (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2] = { 0 };

  if (syscall (SYS_capget, &header, data) < 0)
    return 0;
  return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static int
set_capabilities (uint64_t keep)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2] = { 0 };

  for (int i = 0; i < 2; i++)
    data[i].effective = data[i].permitted = (uint32_t)(keep >> (32 * i));
  return syscall (SYS_capset, &header, data) < 0 ? errno : 0;
}

int
privilege_clear (void)
{
  return set_capabilities (0);
}

int
privilege_reduce (uint64_t keep, uint32_t effective_id)
{
  for (int cap = 0; cap < 64; cap++) {
    /* Asked first: dropping copies the credentials, which adds up. */
    int is_set = prctl (PR_CAPBSET_READ, cap, 0, 0, 0);

    if (is_set < 0) /* above the kernel's last capability */
      break;
    if (is_set == 1 && (keep & CAPABILITY (cap)) == 0 && prctl (PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
      return errno;
  }
  if (prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return errno;
  /* Asked first: a unit without CAP_SETGID has none to leave. */
  if (getgroups (0, NULL) != 0 && syscall (SYS_setgroups, 0, NULL) < 0)
    return errno;
  /* The system calls themselves: this process has one thread, and no use for glibc's broadcast. */
  if (syscall (SYS_setresgid, -1, effective_id, -1) < 0 || syscall (SYS_setresuid, -1, effective_id, -1) < 0)
    return errno;
  /* Last: leaving uid 0 cleared the effective set, and this also drops CAP_SETPCAP. */
  return set_capabilities (keep);
}
