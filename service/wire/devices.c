/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "devices.h"

#include <stddef.h>
#include <string.h>

#define MEMORY_MAJOR 1 /* devices.txt of the kernel: mem, kmsg, port */

/* What these are is in sysfs below /sys/class and /sys/bus. */
static const char *const never[] = {
  "",    "mem",   "block",    "bsg",   "scsi_generic", "nvme", "nvme-generic", "nvme-subsystem",
  "mtd", "ubi",   "msr",      "cpuid", "cpu",          "vfio", "vfio-dev",     "iommu",
  "vc",  "raw",   "watchdog", "tpm",   "tpmrm",        "rtc",  "vtconsole",    "scsi_changer",
  "bdi", "ppdev", "mei",      "ipmi",  "cxl",          "pci",  "mcelog",       "scsi_tape",
  "uio", "dax",   "nd",       "ndctl", "firewire",     "xen",  "nvme-fabrics", "nvme-ns",
};

/* Of the subsystem misc, which says nothing: by name. One that ends in "*" is how names begin. */
static const char *const never_misc[] = {
  "watchdog*",     "iommu",   "mcelog", "snapshot", "mapper/control",
  "device-mapper", "vhost-*", "cuse",   "xen/*",    "nvme-fabrics",
};

/* What an event is about is no property of the device: anybody who may open /dev/kvm makes such with what he likes in them. */
static const char *const passing[] = {
  "ACTION", "SEQNUM",     "PID",     "EVENT",        "CREATED",
  "COUNT",  "STATS_PATH", "SYNTH_*", "CURRENT_TAGS", "UDEV_DATABASE_VERSION",
};

bool
device_is_serial (const char *name)
{
  return strncmp (name, "tty", 3) == 0 && name[3] >= 'A' && name[3] <= 'Z';
}

/* Whether the LENGTH bytes at TEXT are in LIST, where an entry that ends in "*" is a beginning. */
static bool
is_listed (const char *const *list, size_t n, const char *text, size_t length)
{
  for (size_t i = 0; i < n; i++) {
    size_t size = strlen (list[i]);
    bool begins = list[i][size - 1] == '*';

    if (begins)
      size--;
    if ((begins ? length >= size : length == size) && memcmp (text, list[i], size) == 0)
      return true;
  }
  return false;
}

bool
device_property_is_passing (const char *property)
{
  return is_listed (passing, sizeof passing / sizeof *passing, property, strcspn (property, "="));
}

bool
device_is_never (const char *subsystem, const char *name, unsigned int major)
{
  if (major == MEMORY_MAJOR)
    return true;
  for (size_t i = 0; i < sizeof never / sizeof *never; i++)
    if (strcmp (subsystem, never[i]) == 0)
      return true;
  if (strcmp (subsystem, "misc") == 0 &&
      is_listed (never_misc, sizeof never_misc / sizeof *never_misc, name, strlen (name)))
    return true;
  return strcmp (subsystem, "tty") == 0 && !device_is_serial (name);
}

static bool
is_sign (char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr ("_-+:.@,", c) != NULL);
}

bool
device_name_is_valid (const char *name)
{
  size_t length = strnlen (name, DEVICE_MAX_NAME);

  if (length == 0 || length >= DEVICE_MAX_NAME)
    return false;
  for (const char *part = name;; part++) {
    const char *end = part;

    while (is_sign (*end))
      end++;
    if (end == part || (*end != '\0' && *end != '/') || part[0] == '.')
      return false;
    if (*end == '\0')
      return true;
    part = end;
  }
}
