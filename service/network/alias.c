/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network/alias.h"

#include "config.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PREFIX    "bothy:"
#define KEY_FILE  "alias.key"
#define KEY_SIZE  32
#define HMAC_SIZE 32 /* of SHA-256 */
#define TAG_SIZE  16
#define TEXT_SIZE 72 /* all are as long, so that not even the length says something */

/* A tag over the text, and the text under a pad that follows from the tag: neither can be made or read without the key. */
typedef struct {
  guint8 tag[TAG_SIZE];
  guint8 text[TEXT_SIZE];
} Sealed;

/* A key that is not whole is what a process left that died as it wrote. */
static gboolean
read_key (int dir, guint8 key[KEY_SIZE])
{
  autofd fd = openat (dir, KEY_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

  return fd >= 0 && read (fd, key, KEY_SIZE) == KEY_SIZE;
}

static gboolean
write_key (int dir, guint8 key[KEY_SIZE])
{
  autofd fd = -1;

  if (getrandom (key, KEY_SIZE, 0) != KEY_SIZE || (unlinkat (dir, KEY_FILE, 0) < 0 && errno != ENOENT))
    return FALSE;
  fd = openat (dir, KEY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  return fd >= 0 && write (fd, key, KEY_SIZE) == KEY_SIZE;
}

/* It is read once: nics that were made with it have to be found, whatever happens to the file. */
static const guint8 *
get_key (GError **error)
{
  static guint8 key[KEY_SIZE];
  static gboolean is_there;
  autofd dir = -1;

  if (is_there)
    return key;
  dir = open (RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  is_there = dir >= 0 && (read_key (dir, key) || write_key (dir, key));
  if (!is_there)
    bothy_error_set_errno (error, errno, RUNTIME_DIR "/" KEY_FILE);
  return is_there ? key : NULL;
}

static void
hmac (const guint8 *key, const char *purpose, const guint8 *bytes, gsize size, guint8 ret[HMAC_SIZE])
{
  g_autoptr (GHmac) state = g_hmac_new (G_CHECKSUM_SHA256, key, KEY_SIZE);
  gsize ret_size = HMAC_SIZE;

  g_hmac_update (state, (const guchar *)purpose, -1);
  g_hmac_update (state, bytes, (gssize)size);
  g_hmac_get_digest (state, ret, &ret_size);
}

/* Puts the pad on the text, or takes it off. */
static void
turn (Sealed *sealed, const guint8 *key)
{
  guint8 pad[HMAC_SIZE];

  for (gsize i = 0; i < TEXT_SIZE; i++) {
    char purpose[] = { 'p', 'a', 'd', (char)('0' + i / HMAC_SIZE), '\0' };

    if (i % HMAC_SIZE == 0)
      hmac (key, purpose, sealed->tag, TAG_SIZE, pad);
    sealed->text[i] ^= pad[i % HMAC_SIZE];
  }
}

gboolean
bothy_alias_hide (char alias[NET_ALIAS_SIZE], GError **error)
{
  const guint8 *key = get_key (error);
  guint8 digest[HMAC_SIZE];
  g_autofree char *text = NULL;
  Sealed sealed = { 0 };

  if (!key)
    return FALSE;
  g_strlcpy ((char *)sealed.text, alias + strlen (PREFIX), sizeof sealed.text);
  hmac (key, "tag", sealed.text, TEXT_SIZE, digest);
  memcpy (sealed.tag, digest, TAG_SIZE);
  turn (&sealed, key);
  text = g_strdelimit (g_base64_encode ((const guchar *)&sealed, sizeof sealed), "=", '\0');
  g_snprintf (alias, NET_ALIAS_SIZE, PREFIX "%s", g_strdelimit (g_strdelimit (text, "+", '-'), "/", '_'));
  return TRUE;
}

char *
bothy_alias_reveal (const char *alias)
{
  const guint8 *key = get_key (NULL);
  guint8 digest[HMAC_SIZE];
  g_autofree char *text = NULL;
  g_autofree guint8 *bytes = NULL;
  Sealed sealed;
  gsize size;

  if (!key || !g_str_has_prefix (alias, PREFIX))
    return NULL;
  text = g_strconcat (alias + strlen (PREFIX), "==", NULL);
  g_strdelimit (g_strdelimit (text, "-", '+'), "_", '/');
  bytes = g_base64_decode (text, &size);
  if (size != sizeof sealed)
    return NULL;
  memcpy (&sealed, bytes, sizeof sealed);
  turn (&sealed, key);
  hmac (key, "tag", sealed.text, TEXT_SIZE, digest);
  if (memcmp (digest, sealed.tag, TAG_SIZE) != 0 || sealed.text[TEXT_SIZE - 1] != '\0')
    return NULL;
  return g_strconcat (PREFIX, (const char *)sealed.text, NULL);
}
