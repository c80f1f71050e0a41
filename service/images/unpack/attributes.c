/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attributes.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

struct attributes {
  struct attributes *next;
  size_t size;
  unsigned char *value; /* within the same allocation, as the name is */
  char name[];
};

/* An entry of an ACL as the kernel keeps it in system.posix_acl_*; little endian. */
struct acl_entry {
  uint16_t tag;
  uint16_t permissions;
  uint32_t id;
};

#define ACL_VERSION     2u
#define MAX_ACL_ENTRIES 1024
#define NO_ID           UINT32_MAX

/* File capabilities as the kernel keeps them in security.capability, of its second version; little endian. */
struct capabilities {
  uint32_t magic; /* the version, and whether they are effective */
  struct {
    uint32_t permitted;
    uint32_t inheritable;
  } half[2];
};

#define CAPABILITIES_1    (sizeof (struct capabilities) - 8) /* has but the lower half of each set */
#define CAPABILITIES_3    (sizeof (struct capabilities) + 4) /* says in addition who is root where they hold */
#define CAPABILITIES_MASK 0xff000000u
#define CAPABILITIES_V1   0x01000000u
#define CAPABILITIES_V2   0x02000000u
#define CAPABILITIES_V3   0x03000000u

static bool
starts_with (const char *text, const char *prefix)
{
  return strncmp (text, prefix, strlen (prefix)) == 0;
}

bool
attributes_is_allowed (const char *name)
{
  /* With userxattr, user.overlay.* would make overlayfs look for files elsewhere in the layers. */
  if (starts_with (name, "user."))
    return name[5] != '\0' && !starts_with (name, "user.overlay.");
  return strcmp (name, "security.capability") == 0 || strcmp (name, "system.posix_acl_access") == 0 ||
         strcmp (name, "system.posix_acl_default") == 0;
}

static bool
add_attribute (struct job *job, struct attributes **list, const char *name, const void *value, size_t size)
{
  size_t name_size = strlen (name) + 1;
  struct attributes *new;

  if (!job_count_bytes (job, size))
    return false;
  new = malloc (sizeof *new + name_size + size);
  if (new == NULL)
    return job_fail (job, UNPACK_IO, ENOMEM, "Out of memory");
  memcpy (new->name, name, name_size);
  new->value = (unsigned char *)new->name + name_size;
  if (size > 0)
    memcpy (new->value, value, size);
  new->size = size;
  new->next = *list;
  *list = new;
  return true;
}

/*
 * The kernel takes the second version alone from root of a user namespace, and makes the third of it, with this one's
 * root. What is of the first has no more than 32 capabilities; who was root where an image was built means nothing here,
 * as docker sees it, too. What is none of these the kernel refuses.
 */
static bool
add_capabilities (struct job *job, struct attributes **list, const char *name, const void *value, size_t size)
{
  struct capabilities capabilities = { 0 };
  uint32_t version = 0;

  if (size == 0) /* none; the kernel would take it, and then start the program for nobody */
    return true;
  if (size >= CAPABILITIES_1 && size <= CAPABILITIES_3) {
    memcpy (&capabilities, value, size < sizeof capabilities ? size : sizeof capabilities);
    version = le32toh (capabilities.magic) & CAPABILITIES_MASK;
  }
  if (!(version == CAPABILITIES_V1 && size == CAPABILITIES_1) &&
      !(version == CAPABILITIES_V3 && size == CAPABILITIES_3))
    return add_attribute (job, list, name, value, size);
  capabilities.magic = htole32 ((le32toh (capabilities.magic) & ~CAPABILITIES_MASK) | CAPABILITIES_V2);
  return add_attribute (job, list, name, &capabilities, sizeof capabilities);
}

/* The kernel's tag of libarchive's, or 0. The kernel's numbers are in the order that it wants. */
static uint16_t
kernel_tag (int tag)
{
  switch (tag) {
  case ARCHIVE_ENTRY_ACL_USER_OBJ:
    return 0x01;
  case ARCHIVE_ENTRY_ACL_USER:
    return 0x02;
  case ARCHIVE_ENTRY_ACL_GROUP_OBJ:
    return 0x04;
  case ARCHIVE_ENTRY_ACL_GROUP:
    return 0x08;
  case ARCHIVE_ENTRY_ACL_MASK:
    return 0x10;
  case ARCHIVE_ENTRY_ACL_OTHER:
    return 0x20;
  default:
    return 0;
  }
}

static int
compare_entries (const void *a, const void *b)
{
  const struct acl_entry *x = a;
  const struct acl_entry *y = b;

  return le16toh (x->tag) - le16toh (y->tag);
}

/* Returns the number of entries; 0 when there is no ACL that can be set. */
static size_t
collect_acl (struct archive_entry *entry, int type, struct acl_entry *entries)
{
  size_t n = 0;
  int entry_type;
  int permissions;
  int tag;
  int id;
  const char *name;

  archive_entry_acl_reset (entry, type);
  while (archive_entry_acl_next (entry, type, &entry_type, &permissions, &tag, &id, &name) == ARCHIVE_OK) {
    uint16_t kernel = kernel_tag (tag);
    bool has_id = kernel == 0x02 || kernel == 0x08;

    /* Names mean nothing here. Without its ACL the file has the stricter group permissions. */
    if (n == MAX_ACL_ENTRIES || kernel == 0 || (has_id && (id < 0 || id > 65535)))
      return 0;
    entries[n++] = (struct acl_entry){
      .tag = htole16 (kernel),
      .permissions = htole16 ((uint16_t)(permissions & 7)),
      .id = htole32 (has_id ? (uint32_t)id : NO_ID),
    };
  }
  qsort (entries, n, sizeof *entries, compare_entries);
  return n;
}

static bool
take_acl (struct job *job, struct archive_entry *entry, int type, const char *name, struct attributes **list)
{
  struct {
    uint32_t version;
    struct acl_entry entries[MAX_ACL_ENTRIES];
  } acl = { .version = htole32 (ACL_VERSION) };
  size_t n;

  if ((archive_entry_acl_types (entry) & type) == 0)
    return true;
  n = collect_acl (entry, type, acl.entries);
  if (n == 0)
    return true;
  return add_attribute (job, list, name, &acl, sizeof acl.version + n * sizeof acl.entries[0]);
}

bool
attributes_take (struct job *job, struct archive_entry *entry, struct attributes **ret)
{
  const char *name;
  const void *value;
  size_t size;

  *ret = NULL;
  if (archive_entry_acl_types (entry) != 0 &&
      (!take_acl (job, entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", ret) ||
       !take_acl (job, entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", ret)))
    return false;
  if (archive_entry_xattr_reset (entry) == 0)
    return true;
  while (archive_entry_xattr_next (entry, &name, &value, &size) == ARCHIVE_OK) {
    bool done = true;

    if (name != NULL && strcmp (name, "security.capability") == 0)
      done = add_capabilities (job, ret, name, value, size);
    else if (name != NULL && attributes_is_allowed (name))
      done = add_attribute (job, ret, name, value, size);
    if (!done)
      return false;
  }
  return true;
}

bool
attributes_set (struct job *job, const struct attributes *attributes, int fd, const char *path)
{
  for (; attributes != NULL; attributes = attributes->next) {
    if (fsetxattr (fd, attributes->name, attributes->value, attributes->size, 0) == 0)
      continue;
    /* tmpfs before Linux 6.6, for one, has no user.*; nothing that runs depends on them. */
    if (errno == EOPNOTSUPP && starts_with (attributes->name, "user."))
      continue;
    return job_fail_errno (job, path, attributes->name);
  }
  return true;
}

void
attributes_free (struct attributes *attributes)
{
  while (attributes != NULL) {
    struct attributes *next = attributes->next;

    free (attributes);
    attributes = next;
  }
}
