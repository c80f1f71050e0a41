/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/remotes/remote.h"
#include "images/unpack/protocol.h"

G_BEGIN_DECLS

/* What is to be downloaded. */
typedef struct {
  const BothyRemote *remote;
  const char *name; /* of the image that it is of */
  const char *url;
  const char *sha256;
  const char *diff_id; /* or NULL */
  const char *token;   /* that a registry gave for the image, or NULL */
  int login;           /* what the remote gets to see of who asks, or -1: then it shows it to everybody */
  guint64 size;        /* 0: not known */
  enum unpack_mode mode;
} BothyDownloadSource;

/* What points from it is the copy's own. */
BothyDownloadSource *bothy_download_source_copy (const BothyDownloadSource *source);
void bothy_download_source_free (BothyDownloadSource *self);

G_END_DECLS
