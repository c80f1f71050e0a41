/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gpgv checks, as a program of its own inside of what shuts us in; it sees keys and data as files without
 * names. */
#include "signature.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_KEYRING (1024 * 1024)
#define MAX_STATUS  (64 * 1024)
#define MAX_SIGNED  (64 * 1024 * 1024)
#define GPGV        "/usr/bin/gpgv"
#define STATUS      "[GNUPG:] "
#define KEY_DIGITS  40

/* What gpgv finds its files as. */
enum { CHILD_KEYRING = 3, CHILD_STATUS, CHILD_SIGNATURE, CHILD_DATA, CHILD_OUTPUT, CHILD_END };

struct _Keyring {
  int fd;
};

static gboolean
fail_errno (GError **error, const char *what)
{
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "%s: %s", what, g_strerror (errno));
  return FALSE;
}

static int
memory_file (const char *name, gconstpointer data, gsize size, GError **error)
{
  int fd = memfd_create (name, MFD_CLOEXEC);

  while (fd >= 0 && size > 0) {
    gssize n = write (fd, data, size);

    if (n < 0 && errno != EINTR) {
      fail_errno (error, name);
      close (fd);
      return -1;
    }
    data = (const char *)data + MAX (n, 0);
    size -= (gsize)MAX (n, 0);
  }
  if (fd < 0)
    fail_errno (error, name);
  else
    lseek (fd, 0, SEEK_SET);
  return fd;
}

/* Never NULL, though a GBytes of nothing has no bytes to show. */
static char *
text_of (GBytes *bytes)
{
  return g_strndup (g_bytes_get_size (bytes) ? g_bytes_get_data (bytes, NULL) : "", g_bytes_get_size (bytes));
}

static GBytes *
read_all (int fd, gsize max, GError **error)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint8 buffer[16384];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0) {
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 || bytes->len + (gsize)n > max) {
      errno = n < 0 ? errno : EFBIG;
      fail_errno (error, "Reading");
      return NULL;
    }
    g_byte_array_append (bytes, buffer, (guint)n);
  }
  return g_byte_array_free_to_bytes (g_steal_pointer (&bytes));
}

/* gpgv wants a keyring in binary. Between the armour's headers and its checksum is plain base64. */
static guint8 *
remove_armour (const char *text, gsize *ret_size)
{
  const char *begin = strstr (text, "-----BEGIN PGP PUBLIC KEY BLOCK-----");
  const char *end = begin ? strstr (begin, "-----END PGP PUBLIC KEY BLOCK-----") : NULL;
  const char *body = begin ? strstr (begin, "\n\n") : NULL;
  g_autofree char *base64 = NULL;
  char *checksum;

  if (begin && !body)
    body = strstr (begin, "\r\n\r\n");
  if (!end || !body || body > end)
    return NULL;
  base64 = g_strndup (body, (gsize)(end - body));
  checksum = strstr (base64, "\n=");
  if (checksum)
    *checksum = '\0';
  return g_base64_decode (base64, ret_size);
}

Keyring *
keyring_new (int fd, GError **error)
{
  g_autoptr (GBytes) bytes = read_all (fd, MAX_KEYRING, error);
  g_autofree char *text = NULL;
  g_autofree guint8 *binary = NULL;
  Keyring *self;
  gsize size;

  if (!bytes)
    return NULL;
  text = text_of (bytes);
  binary = remove_armour (text, &size);
  self = g_new0 (Keyring, 1);
  self->fd = binary
                 ? memory_file ("keyring", binary, size, error)
                 : memory_file ("keyring", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error);
  if (self->fd >= 0)
    return self;
  g_free (self);
  return NULL;
}

void
keyring_free (Keyring *self)
{
  close (self->fd);
  g_free (self);
}

/* In the child: nothing but system calls. All FDS are above CHILD_END. */
static void
become_gpgv (const int *fds, char *const *argv)
{
  char *environment[] = { (char *)"LC_ALL=C", NULL };

  for (int i = 0; i < CHILD_END - CHILD_KEYRING; i++) {
    if (fds[i] >= 0 && dup2 (fds[i], CHILD_KEYRING + i) < 0)
      _exit (126);
  }
  execve (GPGV, argv, environment);
  _exit (127);
}

static gboolean
run (const int *fds, char *const *argv, GError **error)
{
  int status = 0;
  pid_t pid = fork ();

  if (pid == 0)
    become_gpgv (fds, argv);
  if (pid < 0)
    return fail_errno (error, "fork");
  while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (WIFEXITED (status) && WEXITSTATUS (status) < 126)
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "%s could not be run: is it installed?", GPGV);
  return FALSE;
}

static gboolean
is_key (const char *word)
{
  return strlen (word) == KEY_DIGITS && strspn (word, "0123456789ABCDEF") == KEY_DIGITS;
}

/* One good and valid signature, and nothing that gpgv thought bad: then the fingerprint of the primary key.
 */
static char *
understand (const char *status, const char **ret_problem)
{
  static const struct {
    const char *word, *problem;
  } problems[] = {
    { "BADSIG", "the signature is wrong" },         { "EXPSIG", "the signature has expired" },
    { "EXPKEYSIG", "the key has expired" },         { "REVKEYSIG", "the key was revoked" },
    { "ERRSIG", "it was signed with another key" }, { "NODATA", "there is no signature" },
  };
  g_auto (GStrv) lines = g_strsplit (status, "\n", -1);
  g_autofree char *key = NULL;
  gboolean good = FALSE;

  for (char **line = lines; *line; line++) {
    g_auto (GStrv) words = NULL;
    guint n;

    if (!g_str_has_prefix (*line, STATUS))
      continue;
    words = g_strsplit (*line + strlen (STATUS), " ", -1);
    n = g_strv_length (words);
    for (gsize i = 0; n > 0 && i < G_N_ELEMENTS (problems); i++) {
      if (g_str_equal (words[0], problems[i].word)) {
        *ret_problem = problems[i].problem;
        return NULL;
      }
    }
    good = good || (n > 0 && g_str_equal (words[0], "GOODSIG"));
    if (n > 10 && g_str_equal (words[0], "VALIDSIG") && is_key (words[10]))
      key = (g_free (key), g_strdup (words[10]));
  }
  *ret_problem = "it has no valid signature";
  return good ? g_steal_pointer (&key) : NULL;
}

/* OUTPUT: where what was signed goes; -1 for detached signatures. */
static char *
verify (Keyring *self, int signature, int data, int output, GError **error)
{
  const char *argv[16] = { "gpgv",        "--enable-special-filenames",
                           "--homedir",   "/nonexistent",
                           "--keyring",   "/proc/self/fd/3",
                           "--status-fd", "4",
                           "--quiet" };
  guint n = 9;
  int low[CHILD_END - CHILD_KEYRING], ours = memory_file ("status", "", 0, error);
  int fds[] = { self->fd, ours, signature, data, output };
  g_autoptr (GBytes) status = NULL;
  g_autofree char *text = NULL;
  const char *problem;
  char *key = NULL;
  gboolean ran;

  if (output >= 0) {
    argv[n++] = "--output";
    argv[n++] = "-&7";
  }
  argv[n++] = "--"; /* what follows looks like options */
  argv[n++] = "-&5";
  argv[n] = data >= 0 ? "-&6" : NULL;
  /* Above what the child calls them, so that none covers another. */
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    low[i] = fds[i] >= 0 ? fcntl (fds[i], F_DUPFD_CLOEXEC, 32) : -1;
  ran = run (low, (char *const *)argv, error);
  for (gsize i = 0; i < G_N_ELEMENTS (low); i++) {
    if (low[i] >= 0)
      close (low[i]);
  }
  lseek (ours, 0, SEEK_SET);
  status = ran ? read_all (ours, MAX_STATUS, error) : NULL;
  close (ours);
  if (!status)
    return NULL;
  text = text_of (status);
  key = understand (text, &problem);
  if (!key)
    g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED, "The catalogue can not be trusted: %s", problem);
  return key;
}

static int
file_of (const char *name, GBytes *bytes, GError **error)
{
  return memory_file (name, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error);
}

char *
keyring_verify (Keyring *self, GBytes *signature, GBytes *data, GError **error)
{
  int signature_fd = file_of ("signature", signature, error);
  int data_fd = signature_fd >= 0 ? file_of ("data", data, error) : -1;
  char *key = data_fd >= 0 ? verify (self, signature_fd, data_fd, -1, error) : NULL;

  if (data_fd >= 0)
    close (data_fd);
  if (signature_fd >= 0)
    close (signature_fd);
  return key;
}

char *
keyring_verify_clear (Keyring *self, GBytes *signed_text, GBytes **ret_data, GError **error)
{
  int signed_fd = file_of ("signed", signed_text, error);
  int output = signed_fd >= 0 ? memory_file ("output", "", 0, error) : -1;
  g_autofree char *key = output >= 0 ? verify (self, signed_fd, -1, output, error) : NULL;

  *ret_data = NULL;
  if (key) {
    lseek (output, 0, SEEK_SET);
    *ret_data = read_all (output, MAX_SIGNED, error);
  }
  if (output >= 0)
    close (output);
  if (signed_fd >= 0)
    close (signed_fd);
  return *ret_data ? g_steal_pointer (&key) : NULL;
}
