/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bothy-fetch: talks to image servers, reads what they say, and nothing else. One process for
 * each request, as a user who owns nothing; see protocol.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activation.h"
#include "confine.h"
#include "registry.h"
#include "resolve.h"

static gboolean
download (Http *http, Channel *channel, GError **error)
{
  g_autofree char *sha256 = NULL;
  gboolean ok;

  if (channel->fds[FETCH_FD_MAIN] < 0) {
    g_set_error (error, FETCH_ERROR, FETCH_FAILED, "There is nowhere to write to");
    return FALSE;
  }
  if (channel->request.catalogue == FETCH_OCI)
    ok = registry_download (http, channel, &sha256, error);
  else
    ok = http_download (http, channel->words[FETCH_WORD_URL], channel->request.size,
                        channel->fds[FETCH_FD_MAIN], &sha256, error);
  if (!ok)
    return FALSE;
  if (g_str_equal (sha256, channel->words[FETCH_WORD_SHA256]))
    return TRUE;
  g_set_error (error, FETCH_ERROR, FETCH_NOT_VERIFIED,
               "What the server sent has the SHA-256 %s, and not that of its catalogue", sha256);
  return FALSE;
}

static gboolean
work (Channel *channel, GError **error)
{
  g_autoptr (Http) http = NULL;

  if (!channel_receive (channel, error))
    return FALSE;
  if (geteuid () == 0) {
    g_set_error (error, FETCH_ERROR, FETCH_FAILED, "bothy-fetch does not run as root");
    return FALSE;
  }
  if (!confine (error))
    return FALSE;
  channel_watch (channel);
  http = http_new (channel, error);
  if (!http)
    return FALSE;
  /* A registry asks for it; a plain server just wants it. */
  if (channel->request.catalogue != FETCH_OCI && http_has_login (http) &&
      !http_show_login (http, NULL, error))
    return FALSE;
  if (channel->request.op == FETCH_DOWNLOAD)
    return download (http, channel, error);
  if (channel->request.catalogue == FETCH_OCI)
    return registry_resolve (http, channel, error);
  return resolve_run (http, channel, error);
}

int
main (int argc, char **argv)
{
  static Channel channel;
  g_autoptr (GError) error = NULL;

  if (activation_find (argc, argv, &channel.connection) == ACTIVATION_NONE) {
    g_printerr ("bothy-fetch is started by systemd, for bothyd\n");
    return EXIT_FAILURE;
  }
  work (&channel, &error);
  channel_send_result (&channel, error);
  /* Threads of resolvers may still be about: nobody waits for them. What went wrong was told; the unit is
   * well. */
  _exit (EXIT_SUCCESS);
}
