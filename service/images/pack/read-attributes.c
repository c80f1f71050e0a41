/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "read-attributes.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "images/unpack/attributes.h"

/* How the kernel has an ACL; little endian. See attributes.c, which writes it. */
struct acl_entry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id;
};

static int
archive_tag (uint16_t tag)
{
  switch (tag) {
  case 0x01:
    return ARCHIVE_ENTRY_ACL_USER_OBJ;
  case 0x02:
    return ARCHIVE_ENTRY_ACL_USER;
  case 0x04:
    return ARCHIVE_ENTRY_ACL_GROUP_OBJ;
  case 0x08:
    return ARCHIVE_ENTRY_ACL_GROUP;
  case 0x10:
    return ARCHIVE_ENTRY_ACL_MASK;
  default:
    return ARCHIVE_ENTRY_ACL_OTHER;
  }
}

static void
add_acl (struct archive_entry *entry, int type, const unsigned char *value, size_t size)
{
  for (size_t at = sizeof (uint32_t); at + sizeof (struct acl_entry) <= size;
       at += sizeof (struct acl_entry)) {
    struct acl_entry acl;
    uint16_t tag;

    memcpy (&acl, value + at, sizeof acl);
    tag = le16toh (acl.tag);
    archive_entry_acl_add_entry (entry, type, le16toh (acl.permissions) & 7, archive_tag (tag),
                                 tag == 0x02 || tag == 0x08 ? (int)le32toh (acl.id) : -1, NULL);
  }
}

static bool
add_attribute (struct job *job, int fd, const char *path, const char *name, struct archive_entry *entry)
{
  static unsigned char value[XATTR_SIZE_MAX];
  ssize_t size = fgetxattr (fd, name, value, sizeof value);

  if (size < 0)
    return job_fail_errno (job, path, name);
  if (strcmp (name, "system.posix_acl_access") == 0)
    add_acl (entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, value, (size_t)size);
  else if (strcmp (name, "system.posix_acl_default") == 0)
    add_acl (entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, value, (size_t)size);
  else
    archive_entry_xattr_add_entry (entry, name, value, (size_t)size);
  return true;
}

bool
read_attributes (struct job *job, int fd, const char *path, struct archive_entry *entry)
{
  static char names[XATTR_LIST_MAX];
  ssize_t size = flistxattr (fd, names, sizeof names);

  if (size < 0)
    return errno == EOPNOTSUPP || job_fail_errno (job, path, "listing its attributes");
  for (const char *name = names; name < names + size; name += strlen (name) + 1)
    if (attributes_is_allowed (name) && !add_attribute (job, fd, path, name, entry))
      return false;
  return true;
}
