/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "images/unpack/tree.h"
#include "images/unpack/whiteout.h"
#include "entry.h"
#include "fd.h"
#include "names.h"

#define TOP "rootfs" /* of an image */

/* A directory that is still to be read, and the layers that show through in it: bit 0 is the highest. */
struct pending {
  struct pending *next;
  uint64_t layers;
  char path[]; /* below the root; "" is that */
};

struct walk {
  struct packing packing;
  const int *roots;
  const char *top;          /* the root's name in the archive */
  struct pending *pending;  /* the next is first */
  int fds[PACK_MAX_LAYERS]; /* of the directory being read; -1: it is not there */
};

static bool
push (struct walk *w, const char *directory, const char *name, uint64_t layers)
{
  size_t size = strlen (directory) + strlen (name) + 2;
  struct pending *new = malloc (sizeof *new + size);

  if (new == NULL)
    return job_fail (w->packing.job, UNPACK_IO, ENOMEM, "Out of memory");
  snprintf (new->path, size, "%s%s%s", directory, *directory != '\0' ? "/" : "", name);
  new->layers = layers;
  new->next = w->pending;
  w->pending = new;
  return true;
}

/* ---- what is seen of them ---- */

bool
pack_is_opaque (int directory, const char *name)
{
  AUTO_FD fd = openat (directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  char value;

  return fd >= 0 && fgetxattr (fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/* Of the N files of one name, the highest first, which is a directory: those layers that show in it. */
static uint64_t
layers_of (struct walk *w, const struct name *names, size_t n)
{
  uint64_t layers = 0;
  struct stat st;

  for (size_t i = 0; i < n; i++) {
    int fd = w->fds[names[i].layer];

    if (fstatat (fd, names[i].text, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR (st.st_mode))
      break;
    layers |= UINT64_C (1) << names[i].layer;
    if (pack_is_opaque (fd, names[i].text))
      break;
  }
  return layers;
}

static bool
pack_name (struct walk *w, const char *path, const struct name *names, size_t n)
{
  char full[TREE_MAX_PATH + NAME_MAX + 2];
  int fd = w->fds[names->layer];
  uint64_t layers;

  if (whiteout_is_at (fd, names->text))
    return true;
  if (snprintf (full, sizeof full, "%s/%s%s%s", w->top, path, *path != '\0' ? "/" : "", names->text) >=
      (int)sizeof full)
    return job_fail (w->packing.job, UNPACK_IO, ENAMETOOLONG, "%s: the name is too long", job_escape (full));
  if (!entry_write (&w->packing, fd, names->text, full))
    return false;
  layers = layers_of (w, names, n);
  return layers == 0 || push (w, path, names->text, layers);
}

/* In the order of the names, so that the same image becomes the same bytes. */
static bool
pack_names (struct walk *w, const char *path, const struct names *names)
{
  size_t n;

  for (size_t i = 0; i < names->n; i += n) {
    for (n = 1; i + n < names->n && strcmp (names->list[i].text, names->list[i + n].text) == 0;)
      n++;
    if (!pack_name (w, path, names->list + i, n))
      return false;
  }
  return true;
}

bool
pack_is_gone_by (int number)
{
  return number == ENOENT || number == ENOTDIR || number == ELOOP || number == EXDEV;
}

static bool
pack_directory (struct walk *w, const struct pending *directory)
{
  struct names names = { 0 };
  bool done = true;

  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++) {
    w->fds[i] = -1;
    if ((directory->layers & UINT64_C (1) << i) == 0 || !done)
      continue;
    w->fds[i] = tree_open (w->roots[i], directory->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (w->fds[i] < 0 && w->packing.is_live && pack_is_gone_by (errno))
      continue;
    done = w->fds[i] >= 0 ? names_list (w->packing.job, &names, w->fds[i], directory->path, i)
                          : job_fail_errno (w->packing.job, directory->path, "opening a directory");
  }
  names_sort (&names);
  done = done && pack_names (w, directory->path, &names);
  for (unsigned int i = 0; i < PACK_MAX_LAYERS; i++)
    close_fd (&w->fds[i]);
  names_free (&names);
  return done;
}

/* The root, and what is below it in N layers. */
static bool
pack_all (struct walk *w, unsigned int n)
{
  uint64_t all = n >= 64 ? UINT64_MAX : (UINT64_C (1) << n) - 1;
  bool done = entry_write (&w->packing, w->roots[0], ".", w->top) && push (w, "", "", all);

  while (w->pending != NULL) {
    struct pending *directory = w->pending;

    w->pending = directory->next;
    done = done && pack_directory (w, directory);
    free (directory);
  }
  return done;
}

/* ---- what an archive is made of ---- */

static void
pack_unified (struct walk *w, unsigned int n)
{
  if (entry_write_text (&w->packing, "metadata.yaml", w->packing.job->request.metadata))
    pack_all (w, n);
}

/* What is called by its digest. */
struct blob {
  char digest[2 * SHA256_DIGEST_SIZE + 1];
  uint64_t size;
};

static void
finish_blob (struct blob *blob, struct sha256_ctx *hash, uint64_t size)
{
  uint8_t digest[SHA256_DIGEST_SIZE];

  sha256_digest (hash, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++)
    snprintf (blob->digest + 2 * i, sizeof blob->digest - 2 * i, "%02x", digest[i]);
  blob->size = size;
}

/* The layer: into OUTER, or, with NULL, only to know what it is called. */
static bool
pack_layer (const struct walk *like, unsigned int n, struct packing *outer, struct blob *ret)
{
  struct walk inner = { .roots = like->roots, .top = "." };
  bool done = entry_begin_inner (&inner.packing, like->packing.job, outer) && pack_all (&inner, n);

  done = entry_end (&inner.packing) && done;
  if (done)
    finish_blob (ret, &inner.packing.hash, inner.packing.size);
  return done;
}

static bool
write_blob (struct walk *w, const char *text, struct blob *ret)
{
  struct sha256_ctx hash;
  char name[sizeof "blobs/sha256/" + 2 * SHA256_DIGEST_SIZE];

  sha256_init (&hash);
  sha256_update (&hash, strlen (text), (const uint8_t *)text);
  finish_blob (ret, &hash, strlen (text));
  snprintf (name, sizeof name, "blobs/sha256/%s", ret->digest);
  return entry_write_text (&w->packing, name, text);
}

#define OCI "application/vnd.oci.image."

/* The configuration and the manifest of an image whose only layer is LAYER, and the index, which leads to them. */
static bool
write_image (struct walk *w, const struct blob *layer)
{
  static char text[UNPACK_MAX_METADATA + 1024];
  struct blob config, manifest;

  snprintf (text, sizeof text, "%s,\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}",
            w->packing.job->request.metadata, layer->digest);
  if (!write_blob (w, text, &config))
    return false;
  snprintf (text, sizeof text,
            "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"config\":{\"mediaType\":\"" OCI
            "config.v1+json\",\"digest\":\"sha256:%s\",\"size\":%llu},\"layers\":[{\"mediaType\":\"" OCI
            "layer.v1.tar\",\"digest\":\"sha256:%s\",\"size\":%llu}]}",
            config.digest, (unsigned long long)config.size, layer->digest, (unsigned long long)layer->size);
  if (!write_blob (w, text, &manifest))
    return false;
  snprintf (text, sizeof text,
            "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI
            "manifest.v1+json\",\"digest\":\"sha256:%s\",\"size\":%llu,\"annotations\":{"
            "\"org.opencontainers.image.ref.name\":\"latest\"}}]}",
            manifest.digest, (unsigned long long)manifest.size);
  return entry_write_text (&w->packing, "index.json", text);
}

/*
 * In a layout a layer is called by its digest, and a tar archive says how long a file is before it comes. So the layer is written
 * twice, first to nowhere: what it is made of does not change.
 */
static void
pack_oci (struct walk *w, unsigned int n)
{
  struct blob layer, again;
  char name[sizeof "blobs/sha256/" + 2 * SHA256_DIGEST_SIZE];

  if (!pack_layer (w, n, NULL, &layer))
    return;
  snprintf (name, sizeof name, "blobs/sha256/%s", layer.digest);
  if (!entry_write_text (&w->packing, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}") ||
      !entry_write_head (&w->packing, name, layer.size) || !pack_layer (w, n, &w->packing, &again))
    return;
  if (strcmp (layer.digest, again.digest) != 0)
    job_fail (w->packing.job, UNPACK_IO, 0, "The files changed while they were read");
  else
    write_image (w, &layer);
}

bool
pack_layers (struct job *job, const int *roots, unsigned int n, int sink)
{
  struct walk walk = { .roots = roots, .top = TOP };

  job->request.metadata[sizeof job->request.metadata - 1] = '\0';
  if (!entry_begin (&walk.packing, job, sink))
    return entry_end (&walk.packing);
  if (job->request.flags & UNPACK_AS_OCI)
    pack_oci (&walk, n);
  else if (job->request.flags & UNPACK_AS_TREE) {
    walk.top = ".";
    pack_all (&walk, n);
  } else
    pack_unified (&walk, n);
  return entry_end (&walk.packing);
}

bool
pack_live (struct job *job, int fd, const char *name, int sink)
{
  struct walk walk = { .roots = &fd, .top = name };
  struct stat st;

  if (entry_begin (&walk.packing, job, sink)) {
    walk.packing.is_live = true;
    if (fstat (fd, &st) < 0)
      job_fail_errno (job, name, "looking at it");
    else if (S_ISDIR (st.st_mode))
      pack_all (&walk, 1);
    else
      entry_write_open (&walk.packing, fd, name);
  }
  return entry_end (&walk.packing);
}
