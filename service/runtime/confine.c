/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "confine.h"

#include "autofd.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* They act on the machine, never on a namespace. CAP_SYS_BOOT stays: reboot(2) in a pid namespace needs it.
 */
static const int machine_wide[] = { CAP_SYS_MODULE,   CAP_SYS_RAWIO, CAP_SYS_TIME,   CAP_MAC_ADMIN,
                                    CAP_MAC_OVERRIDE, CAP_SYSLOG,    CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND,
                                    CAP_AUDIT_READ,   CAP_BPF,       CAP_PERFMON };

int
filter_read (struct filter *filter, int fd)
{
  struct stat st;

  if (fstat (fd, &st) < 0)
    return -errno;
  if (!S_ISREG (st.st_mode) || st.st_size <= 0 || st.st_size % (off_t)sizeof (struct sock_filter) != 0 ||
      st.st_size / (off_t)sizeof (struct sock_filter) > BPF_MAXINSNS)
    return -EINVAL;
  size_t size = (size_t)st.st_size;
  filter->code = malloc (size);
  if (!filter->code)
    return -ENOMEM;
  ssize_t got = pread (fd, filter->code, size, 0);
  if (got != (ssize_t)size)
    return got < 0 ? -errno : -EINVAL;
  filter->length = (unsigned short)(size / sizeof (struct sock_filter));
  return 0;
}

int
filter_load (const struct filter *filter)
{
  struct sock_fprog program = { filter->length, filter->code };

  return syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

int
capabilities_limit (void)
{
  struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
  struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

  if (prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
    return -errno;
  if (syscall (SYS_capget, &header, sets) < 0)
    return -errno;
  for (size_t i = 0; i < sizeof machine_wide / sizeof *machine_wide; i++) {
    int cap = machine_wide[i];

    /* EINVAL: an older kernel does not know it. */
    if (prctl (PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
      return -errno;
    sets[CAP_TO_INDEX (cap)].permitted &= ~CAP_TO_MASK (cap);
  }
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    sets[i].effective = sets[i].permitted;
    sets[i].inheritable = 0;
  }
  return syscall (SYS_capset, &header, sets) < 0 ? -errno : 0;
}
