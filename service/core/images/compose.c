/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/images/compose.h"

#include "base/error.h"
#include "helper/protocol.h"

G_STATIC_ASSERT (BOTHY_MAX_LAYERS + 1 == HELPER_MAX_LAYERS);

/* overlayfs takes a layer once; one that comes again above hides all that it brought below. */
GPtrArray *
bothy_compose_visible (GPtrArray *layers, guint n)
{
  GPtrArray *stack = g_ptr_array_new ();

  for (guint i = n; i-- > 0;) {
    BothyLayer *layer = layers->pdata[i];

    if (!g_ptr_array_find (stack, layer, NULL))
      g_ptr_array_insert (stack, 0, layer);
    if (layer->hides_below)
      break;
  }
  return stack;
}

gboolean
bothy_compose_check_depth (guint n, GError **error)
{
  if (n <= BOTHY_MAX_LAYERS)
    return TRUE;
  g_set_error (error, BOTHY_ERROR, BOTHY_ERROR_LIMITS_EXCEEDED,
               "The image has %u layers, and a container can stand on %d; make it of fewer (\"--squash\")", n,
               BOTHY_MAX_LAYERS);
  return FALSE;
}

/* One without an init system has to say what its containers run; what else is in it, then, is its own business. */
static gboolean
check_root (const BothyImage *image, GPtrArray *stack, GError **error)
{
  for (guint i = 0; i < stack->len; i++) {
    if (((BothyLayer *)stack->pdata[i])->is_root)
      return TRUE;
  }
  if (image->defaults && bothy_image_config_has_command (image->defaults))
    return TRUE;
  g_set_error (
      error, BOTHY_ERROR, BOTHY_ERROR_BAD_ARCHIVE,
      "This is not a root file system: no usr, bin, sbin or etc in any layer, and no command to run");
  return FALSE;
}

gboolean
bothy_compose (BothyImage *image, GPtrArray *layers, GError **error)
{
  g_autoptr (GPtrArray) stack = bothy_compose_visible (layers, layers->len);

  if (!check_root (image, stack, error) || !bothy_compose_check_depth (stack->len, error))
    return FALSE;
  g_strfreev (image->layers);
  image->layers = g_new0 (char *, stack->len + 1);
  image->size = 0;
  for (guint i = 0; i < stack->len; i++) {
    const BothyLayer *layer = stack->pdata[i];

    image->layers[i] = g_strdup (layer->id);
    image->size += layer->size;
    image->has_squashed_owners = image->has_squashed_owners || layer->has_squashed_owners;
    /* A higher layer's file hides the one below it, so what the last layer says holds. */
    if (*layer->os_release)
      bothy_image_set_os_release (image, layer->os_release);
    if (!g_str_equal (layer->architecture, "unknown") || !*image->architecture)
      image->architecture = (g_free (image->architecture), g_strdup (layer->architecture));
    bothy_image_take_metadata (image, layer->metadata);
  }
  return TRUE;
}

/* Not the digest of a manifest: that is said by a process that a stranger's bytes may have taken over. */
char *
bothy_compose_fingerprint (const BothyImage *image)
{
  g_autoptr (GKeyFile) record = g_key_file_new ();
  g_autofree char *text = NULL;

  g_key_file_set_string (record, "Stack", "Architecture", image->architecture);
  g_key_file_set_string_list (record, "Stack", "Layers", (const char *const *)image->layers,
                              g_strv_length (image->layers));
  if (image->defaults)
    bothy_image_config_to_record (image->defaults, record);
  text = g_key_file_to_data (record, NULL, NULL);
  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}

char *
bothy_compose_fingerprint_apart (const BothyImage *image, const char *metadata)
{
  g_autofree char *layers = g_strjoinv (" ", image->layers);
  g_autofree char *text = g_strconcat ("metadata ", metadata, " of ", layers, NULL);

  return g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
}
