/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/remotes/puller.h"

#include "core/remotes/catalogue-cache.h"
#include "base/error.h"
#include "base/fd.h"

#include <sys/utsname.h>

struct _BothyPuller {
  GObject parent;
  BothyImageStore *images;
  BothyRemotes *remotes;
  BothyDownloads *downloads;
  BothyPerUser *searches; /* under way: each has a process of its own */
};

G_DEFINE_FINAL_TYPE (BothyPuller, bothy_puller, G_TYPE_OBJECT)

char *
bothy_puller_architecture (void)
{
  struct utsname name;

  return g_strdup (uname (&name) == 0 ? name.machine : "");
}

/* ---- asking ---- */

typedef struct {
  BothyPuller *puller;
  char *remote;
  char *url;
  int catalogue; /* to be written */
  GAsyncReadyCallback callback;
  gpointer user_data;
} Asking;

/* Who removed it meanwhile wants nothing of it to stay. */
static gboolean
is_still_there (const Asking *asking)
{
  g_autoptr (GPtrArray) remotes = bothy_remotes_list (asking->puller->remotes);

  for (guint i = 0; i < remotes->len; i++) {
    const BothyRemote *remote = remotes->pdata[i];

    if (g_str_equal (remote->name, asking->remote))
      return g_str_equal (remote->url, asking->url);
  }
  return FALSE;
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Asking *asking = user_data;

  if (bothy_fetch_is_cached (result) && is_still_there (asking))
    bothy_catalogue_cache_keep (bothy_remotes_get_fd (asking->puller->remotes), asking->remote,
                                asking->catalogue);
  bothy_clear_fd (&asking->catalogue);
  asking->callback (source, result, asking->user_data);
  g_object_unref (asking->puller);
  g_free (asking->remote);
  g_free (asking->url);
  g_free (asking);
}

gboolean
bothy_puller_ask (BothyPuller *self,
                  const BothyQuestion *question,
                  GCancellable *cancellable,
                  GAsyncReadyCallback callback,
                  gpointer user_data,
                  GError **error)
{
  const BothyRemote *remote = question->remote;
  int dirfd = bothy_remotes_get_fd (self->remotes);
  /* What one user is shown is not kept for others. */
  gboolean has_catalogue = remote->protocol != FETCH_OCI && question->login < 0;
  g_autoptr (GError) local = NULL;
  autofd key = bothy_remotes_open_key (self->remotes, remote, &local);
  autofd cached = has_catalogue ? bothy_catalogue_cache_open (dirfd, remote) : -1;
  autofd made = has_catalogue ? bothy_catalogue_cache_make (dirfd) : -1;
  const BothyFetch fetch = { .op = question->op,
                             .catalogue = remote->protocol,
                             .policy = remote->policy,
                             .timeout = remote->timeout,
                             .is_new = question->is_new,
                             .words = { [FETCH_WORD_REMOTE] = remote->url,
                                        [FETCH_WORD_NAME] = question->name,
                                        [FETCH_WORD_ARCHITECTURE] = question->architecture,
                                        [FETCH_WORD_PROXY] = remote->proxy },
                             .fds = { key, cached, made, question->login } };
  Asking *asking;

  if (local) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  asking = g_new0 (Asking, 1);
  asking->puller = g_object_ref (self);
  asking->remote = g_strdup (remote->name);
  asking->url = g_strdup (remote->url);
  asking->catalogue = g_steal_fd (&made);
  asking->callback = callback;
  asking->user_data = user_data;
  bothy_fetch (&fetch, NULL, NULL, cancellable, on_answer, asking);
  return TRUE;
}

/* ---- what it has ---- */

BothyPerUser *
bothy_puller_get_searches (BothyPuller *self)
{
  return self->searches;
}

BothyImageStore *
bothy_puller_get_images (BothyPuller *self)
{
  return self->images;
}

BothyDownloads *
bothy_puller_get_downloads (BothyPuller *self)
{
  return self->downloads;
}

BothyRemotes *
bothy_puller_get_remotes (BothyPuller *self)
{
  return self->remotes;
}

static void
bothy_puller_finalize (GObject *object)
{
  BothyPuller *self = BOTHY_PULLER (object);

  bothy_downloads_free (self->downloads);
  bothy_per_user_free (self->searches);
  g_object_unref (self->images);
  bothy_remotes_free (self->remotes);
  G_OBJECT_CLASS (bothy_puller_parent_class)->finalize (object);
}

static void
bothy_puller_class_init (BothyPullerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = bothy_puller_finalize;
}

static void
bothy_puller_init (BothyPuller *self)
{
  self->searches = bothy_per_user_new (BOTHY_MAX_SEARCHES, 0);
}

BothyPuller *
bothy_puller_new (BothyImageStore *images, BothyRemotes *remotes)
{
  BothyPuller *self = g_object_new (BOTHY_TYPE_PULLER, NULL);

  self->images = g_object_ref (images);
  self->remotes = remotes;
  self->downloads = bothy_downloads_new (images);
  return self;
}
