/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-push URL REPOSITORY REFERENCE SECONDS [LOGIN-FD]: sends the OCI image that comes as an archive of its layout on standard
 * input to a registry. bothy starts it, as who typed that, so the network, the certificates, the proxy and the password are
 * that person's own, and nothing of Bothy's that others use talks to a registry of somebody's choice. The service writes the
 * archive, and knows nothing of where it goes.
 *
 * It says what it does in lines on standard output: "ready" when the registry lets us write and the archive may come; "progress
 * SENT ALL"; and at the end "done DIGEST SIZE", or "error TEXT".
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "images/json/error.h"
#include "registry.h"

#define MAX_LOGIN   8192
#define PROGRESS_US (200 * 1000)

static volatile sig_atomic_t stop;

/* How far all blobs together are. */
typedef struct {
  guint64 before; /* those that were sent */
  guint64 all;
  gint64 told; /* when it was */
} Progress;

static void
on_signal (int number)
{
  stop = 1;
}

static void
on_sent (guint64 sent, gpointer data)
{
  Progress *self = data;
  gint64 now = g_get_monotonic_time ();

  if (now - self->told < PROGRESS_US)
    return;
  self->told = now;
  printf ("progress %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT "\n", MIN (self->before + sent, self->all),
          self->all);
  fflush (stdout);
}

/* The password is on no command line, where everybody would see it. */
static gboolean
read_login (const char *word, char *ret, gsize size, GError **error)
{
  int fd = atoi (word);
  gsize n = 0;
  gssize part;

  while (n < size - 1 &&
         ((part = pread (fd, ret + n, size - 1 - n, (off_t)n)) > 0 || (part < 0 && errno == EINTR)))
    n += part > 0 ? (gsize)part : 0;
  close (fd);
  ret[n] = '\0';
  if (strchr (ret, ':') && n < size - 1)
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_FAILED, "What is there of a name and a password can not be read");
  return FALSE;
}

static gboolean
send_image (
    Registry *registry, const char *reference, Progress *progress, const Layout *layout, GError **error)
{
  for (guint i = 0; i < layout->blobs->len; i++)
    progress->all += ((const Blob *)layout->blobs->pdata[i])->size;
  for (guint i = 0; i < layout->blobs->len; i++) {
    const Blob *blob = layout->blobs->pdata[i];

    if (!registry_put_blob (registry, blob, error))
      return FALSE;
    progress->before += blob->size;
  }
  return registry_put_manifest (registry, reference, layout->manifest, error);
}

static gboolean
push (const RegistrySettings *settings, const char *reference, Progress *progress, GError **error)
{
  g_autoptr (Registry) registry = registry_new (settings, error);
  g_auto (Layout) layout = { 0 };
  gboolean ok;

  if (!registry)
    return FALSE;
  ok = registry_begin (registry, error);
  if (ok) {
    puts ("ready");
    fflush (stdout);
    ok = layout_read (STDIN_FILENO, &stop, &layout, error) &&
         send_image (registry, reference, progress, &layout, error);
  }
  if (ok)
    printf ("done %s %" G_GUINT64_FORMAT "\n", layout.manifest->digest, progress->all);
  else
    registry_abandon (registry);
  return ok;
}

int
main (int argc, char **argv)
{
  static char login[MAX_LOGIN];
  const struct sigaction action = { .sa_handler = on_signal };
  const struct rlimit none = { 0, 0 };
  g_autoptr (GError) error = NULL;
  Progress progress = { 0 };
  RegistrySettings settings = { .stop = &stop, .progress = on_sent, .progress_data = &progress };

  if (argc < 5) {
    fprintf (stderr, "This is started by bothy\n");
    return EXIT_FAILURE;
  }
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  signal (SIGPIPE, SIG_IGN);
  setrlimit (RLIMIT_CORE, &none);
  prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  settings.url = argv[1];
  settings.repository = argv[2];
  settings.timeout = CLAMP (atol (argv[4]), 1, 3600);
  if (argc > 5 && read_login (argv[5], login, sizeof login, &error))
    settings.login = login;
  if (!error && push (&settings, argv[3], &progress, &error))
    return EXIT_SUCCESS;
  explicit_bzero (login, sizeof login);
  printf ("error %s\n", error->message);
  return EXIT_FAILURE;
}
