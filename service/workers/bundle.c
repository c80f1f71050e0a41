/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "workers/bundle.h"

#include "base/error.h"
#include "base/validate.h"
#include "images/json/protocol.h"
#include "platform/untrusted-fd.h"

#include <string.h>
#include <sys/stat.h>

#define READ_SECONDS     60
#define MAX_ARCHITECTURE 32

static void
layer_clear (gpointer data)
{
  BothyBundleLayer *layer = data;

  g_free (layer->id);
  g_free (layer->diff_id);
}

static void
setting_clear (gpointer data)
{
  g_free (((BothyBundleSetting *)data)->value);
}

void
bothy_bundle_free (BothyBundle *self)
{
  g_free (self->architecture);
  g_array_unref (self->layers);
  g_array_unref (self->settings);
  g_clear_object (&self->fds);
  g_free (self);
}

/* The next of the strings that TEXT is made of, or NULL. */
static const char *
next (const char **text, const char *end)
{
  const char *word = *text;
  const char *nul = word < end ? memchr (word, '\0', (gsize)(end - word)) : NULL;

  if (!nul)
    return NULL;
  *text = nul + 1;
  return word;
}

static gboolean
take_layer (BothyBundle *self, const char *id, const char *diff_id)
{
  BothyBundleLayer layer;

  if (!id || !diff_id || (*id && !bothy_is_fingerprint (id)) || !bothy_is_fingerprint (diff_id))
    return FALSE;
  layer.id = *id ? g_strdup (id) : NULL;
  layer.diff_id = g_strdup (diff_id);
  g_array_append_val (self->layers, layer);
  return TRUE;
}

static gboolean
take_setting (BothyBundle *self, const char *text)
{
  BothyBundleSetting setting = { .which = (guchar)*text };

  if (self->settings->len >= FETCH_MAX_SETTINGS || setting.which < FETCH_SETTING_ENV ||
      setting.which >= FETCH_SETTING_END || !g_utf8_validate (text + 1, -1, NULL))
    return FALSE;
  setting.value = g_strdup (text + 1);
  g_array_append_val (self->settings, setting);
  return TRUE;
}

static gboolean
take_architecture (BothyBundle *self, const char *text)
{
  if (!text || !*text || strlen (text) > MAX_ARCHITECTURE ||
      strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen (text))
    return FALSE;
  self->architecture = g_strdup (text);
  return TRUE;
}

static gboolean
are_files (GUnixFDList *fds)
{
  int n;
  const int *list = g_unix_fd_list_peek_fds (fds, &n);
  guint64 size;
  mode_t mode;

  for (int i = 0; i < n; i++) {
    if (!bothy_untrusted_fd_stat (list[i], &mode, &size) || !S_ISREG (mode))
      return FALSE;
  }
  return TRUE;
}

static gboolean
take_all (BothyBundle *self, const char *text, gsize size, guint n_layers)
{
  const char *end = text + size;

  if (!take_architecture (self, next (&text, end)))
    return FALSE;
  for (guint i = 0; i < n_layers; i++) {
    const char *id = next (&text, end);
    const char *diff_id = next (&text, end);

    if (!take_layer (self, id, diff_id))
      return FALSE;
  }
  while (text < end) {
    const char *setting = next (&text, end);

    if (!setting || !take_setting (self, setting))
      return FALSE;
  }
  return TRUE;
}

BothyBundle *
bothy_bundle_parse (const char *text, gsize size, guint n_layers, GUnixFDList *fds, GError **error)
{
  g_autoptr (BothyBundle) self = g_new0 (BothyBundle, 1);

  self->layers = g_array_new (FALSE, FALSE, sizeof (BothyBundleLayer));
  self->settings = g_array_new (FALSE, FALSE, sizeof (BothyBundleSetting));
  g_array_set_clear_func (self->layers, layer_clear);
  g_array_set_clear_func (self->settings, setting_clear);
  self->fds = g_object_ref (fds);
  if (n_layers > 0 && n_layers <= UNPACK_MAX_LAYERS && (guint)g_unix_fd_list_get_length (fds) == n_layers &&
      are_files (fds) && take_all (self, text, size, n_layers))
    return g_steal_pointer (&self);
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE, "What the image says of itself makes no sense");
  return NULL;
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (BothyUnpacked) read = bothy_unpack_finish (result, &error);
  BothyBundle *bundle =
      read ? bothy_bundle_parse (read->text, read->text_size, read->n_layers, read->fds, &error) : NULL;

  if (bundle)
    g_task_return_pointer (task, bundle, (GDestroyNotify)bothy_bundle_free);
  else
    g_task_return_error (task, error);
}

void
bothy_bundle_read (BothyHelperClient *helper,
                   guint32 user,
                   int tree_fd,
                   GCancellable *cancellable,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
  const struct unpack_request request = { .mode = UNPACK_BUNDLE, .max_seconds = READ_SECONDS };

  bothy_unpack (helper, user, &request, tree_fd, NULL, NULL, NULL, cancellable, on_read,
                g_task_new (NULL, cancellable, callback, user_data));
}

BothyBundle *
bothy_bundle_read_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
