/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/container/ceilings.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/validate.h"
#include "storage/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The limits that have ceilings, see bothy_limits_exceeding(). */
#define ALL                                                                                                  \
  (1u << BOTHY_LIMIT_MEMORY | 1u << BOTHY_LIMIT_CPU | 1u << BOTHY_LIMIT_PIDS | 1u << BOTHY_LIMIT_DISK |      \
   1u << BOTHY_LIMIT_INODES)

struct _BothyCeilings {
  int dirfd;
  const BothyConfiguration *configuration;
  GHashTable *users; /* uid → User */
};

typedef struct {
  BothyCgroupLimits said;
  BothyConfiguration configuration; /* with these */
} User;

/* The configuration has 0 where there is no bound. */
static guint64
setting_of (const BothyCgroupLimits *said, BothyCgroupLimit limit, guint64 otherwise)
{
  guint64 value = said->values[limit];

  if (!(said->given & (1u << limit)))
    return otherwise;
  return value == BOTHY_LIMIT_NONE ? 0 : value;
}

static void
take (BothyCeilings *self, guint32 uid, const BothyCgroupLimits *said)
{
  User *user = g_new (User, 1);
  BothyConfiguration *mine = &user->configuration;

  user->said = *said;
  *mine = *self->configuration;
  mine->container_memory = setting_of (said, BOTHY_LIMIT_MEMORY, mine->container_memory);
  mine->container_tasks = (guint)setting_of (said, BOTHY_LIMIT_PIDS, mine->container_tasks);
  mine->container_cpus =
      (guint)(setting_of (said, BOTHY_LIMIT_CPU, mine->container_cpus * (guint64)G_USEC_PER_SEC) /
              G_USEC_PER_SEC);
  mine->container_disk = setting_of (said, BOTHY_LIMIT_DISK, mine->container_disk);
  mine->container_inodes = setting_of (said, BOTHY_LIMIT_INODES, mine->container_inodes);
  g_hash_table_insert (self->users, GUINT_TO_POINTER (uid), user);
}

static gboolean
load_one (BothyCeilings *self, const char *name, GError **error)
{
  g_autoptr (GKeyFile) record = NULL;
  BothyCgroupLimits said;
  guint64 uid;

  if (!bothy_parse_number (name, 0, G_MAXINT32, &uid))
    return TRUE;
  record = bothy_record_read (self->dirfd, name, error);
  if (!record || !bothy_limits_from_record (&said, record, error))
    return FALSE;
  take (self, (guint32)uid, &said);
  return TRUE;
}

static gboolean
load (BothyCeilings *self)
{
  gboolean complete = TRUE;
  int fd = openat (self->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir (fd) : NULL;

  if (!dir) {
    bothy_clear_fd (&fd);
    return FALSE;
  }
  for (struct dirent *entry = readdir (dir); entry; entry = readdir (dir)) {
    g_autoptr (GError) error = NULL;

    if (load_one (self, entry->d_name, &error))
      continue;
    g_warning ("The ceilings of user %s: %s", entry->d_name, error->message);
    complete = FALSE;
  }
  closedir (dir);
  return complete;
}

BothyCeilings *
bothy_ceilings_new (int dirfd, const BothyConfiguration *configuration, gboolean *ret_degraded)
{
  BothyCeilings *self = g_new0 (BothyCeilings, 1);

  self->dirfd = dirfd;
  self->configuration = configuration;
  self->users = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  *ret_degraded = !load (self);
  return self;
}

void
bothy_ceilings_free (BothyCeilings *self)
{
  g_hash_table_unref (self->users);
  g_free (self);
}

const BothyConfiguration *
bothy_ceilings_for (BothyCeilings *self, guint32 user)
{
  const User *found = g_hash_table_lookup (self->users, GUINT_TO_POINTER (user));

  return found ? &found->configuration : self->configuration;
}

const BothyCgroupLimits *
bothy_ceilings_get (BothyCeilings *self, guint32 user)
{
  const User *found = g_hash_table_lookup (self->users, GUINT_TO_POINTER (user));

  return found ? &found->said : NULL;
}

GArray *
bothy_ceilings_list (BothyCeilings *self)
{
  GArray *uids = g_array_new (FALSE, FALSE, sizeof (guint32));
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->users);
  while (g_hash_table_iter_next (&iter, &key, NULL)) {
    guint32 uid = GPOINTER_TO_UINT (key);

    g_array_append_val (uids, uid);
  }
  return uids;
}

gboolean
bothy_ceilings_check (const BothyCgroupLimits *ceilings, GError **error)
{
  guint64 cpu = ceilings->values[BOTHY_LIMIT_CPU];

  if (ceilings->given & ~ALL) {
    g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
                 "There are ceilings for memory, cpu, pids, disk and inodes alone");
    return FALSE;
  }
  if (!(ceilings->given & (1u << BOTHY_LIMIT_CPU)) || cpu == BOTHY_LIMIT_NONE || cpu % G_USEC_PER_SEC == 0)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_INVALID_ARGS,
               "Ceiling \"cpu\": a whole number of processors is wanted");
  return FALSE;
}

static gboolean
write_record (BothyCeilings *self, const char *name, const BothyCgroupLimits *ceilings, GError **error)
{
  g_autoptr (GKeyFile) record = NULL;

  if (ceilings->given) {
    record = g_key_file_new ();
    bothy_limits_to_record (ceilings, record);
    return bothy_record_write (self->dirfd, name, record, BOTHY_RECORD_DURABLE, error);
  }
  if (unlinkat (self->dirfd, name, 0) == 0 || errno == ENOENT)
    return TRUE;
  bothy_error_set_errno (error, errno, "Removing the ceilings");
  return FALSE;
}

gboolean
bothy_ceilings_set (BothyCeilings *self, guint32 user, const BothyCgroupLimits *ceilings, GError **error)
{
  g_autofree char *name = g_strdup_printf ("%u", user);

  if (!write_record (self, name, ceilings, error))
    return FALSE;
  if (ceilings->given)
    take (self, user, ceilings);
  else
    g_hash_table_remove (self->users, GUINT_TO_POINTER (user));
  return TRUE;
}
