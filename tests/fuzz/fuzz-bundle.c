/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzes bothy-bundle. An input is texts, each ended by a byte 0xff: what docker save calls manifest.json, or
 * the configuration, the manifest and index.json of an OCI image layout. In each text a byte 0x01 stands for
 * the digest of the text before, and 0x02 for that of a layer that is there: for nobody guesses one.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "images/unpack/protocol.h"

#define LAYER "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define CONFIG                                                                                               \
  "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["              \
  "\"sha256:" LAYER "\"]}}"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
put (int tree, const char *path, const char *text, gsize size)
{
  int fd = openat (tree, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

  if (fd < 0 || write (fd, text, size) != (ssize_t)size)
    abort ();
  close (fd);
}

static int
scratch (void)
{
  static int fd = -1;
  char path[256];

  if (fd >= 0)
    return fd;
  snprintf (path, sizeof path, "%s/bothy-fuzz-XXXXXX", getenv ("TMPDIR") ? getenv ("TMPDIR") : "/tmp");
  if (!mkdtemp (path) || (fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
      mkdirat (fd, "blobs", 0700) < 0 || mkdirat (fd, "blobs/sha256", 0700) < 0)
    abort ();
  put (fd, "blobs/sha256/" LAYER, "layer", 5);
  return fd;
}

static GString *
fill_in (const uint8_t *data, size_t size, const char *before)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < size; i++) {
    if (data[i] > 2 || data[i] == 0)
      g_string_append_c (text, (char)data[i]);
    else
      g_string_append (text, data[i] == 1 ? before : LAYER);
  }
  return text;
}

/* What a result says is as many strings as it has to be. */
static void
look (const Bundle *bundle)
{
  guint n = 0;

  for (guint i = 0; i < bundle->text->len; i++)
    n += bundle->text->data[i] == '\0';
  if (n < 1 + 2 * bundle->fds->len || bundle->text->data[bundle->text->len - 1] != '\0')
    abort ();
}

static void
read_it (int tree)
{
  g_autoptr (GError) error = NULL;
  Bundle bundle = { 0 };

  if (bundle_read (tree, "x86_64", &bundle, &error))
    look (&bundle);
  else if (!error)
    abort ();
  for (guint i = 0; i < bundle.fds->len; i++)
    close (g_array_index (bundle.fds, int, i));
  g_array_unref (bundle.fds);
  g_byte_array_unref (bundle.text);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GPtrArray) made = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *digest = g_strdup (LAYER);
  int tree = scratch ();
  const uint8_t *end = data + size;

  while (data < end && made->len < 4) {
    const uint8_t *stop = memchr (data, 0xff, (size_t)(end - data));
    size_t length = (size_t)((stop ? stop : end) - data);
    g_autoptr (GString) text = fill_in (data, length, digest);
    char *path;

    digest = (g_free (digest),
              g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)text->str, text->len));
    path = g_strconcat ("blobs/sha256/", digest, NULL);
    put (tree, path, text->str, text->len);
    g_ptr_array_add (made, path);
    /* The last one is what is found first. */
    put (tree, made->len > 1 ? "index.json" : "manifest.json", text->str, text->len);
    data += length + 1;
  }
  put (tree, "config.json", CONFIG, strlen (CONFIG));
  if (made->len > 0)
    read_it (tree);
  for (guint i = 0; i < made->len; i++)
    unlinkat (tree, made->pdata[i], 0);
  unlinkat (tree, "index.json", 0);
  unlinkat (tree, "manifest.json", 0);
  return 0;
}
